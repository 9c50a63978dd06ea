//! CPU per stream of receiving, and of receiving and decoding, 1 to 64 sub streams in one process.

use std::{process::Command, time::Duration};

use super::{Programs, Row};
use crate::{
    demo::{Options as DemoOptions, Site},
    process::{Server, pause, usage},
};

const STREAMS: [usize; 4] = [1, 4, 16, 64];
/// Connecting is not running cost: it is over after this.
const SETTLE: Duration = Duration::from_secs(5);

pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let site = Site::start(&programs.folder, &DemoOptions { clip: true, ..DemoOptions::default() })?;
    let base = site.sources.first().ok_or("no simulator")?.trim_end_matches('/').to_owned();
    let mut rows = Vec::new();
    let mut per_stream = Vec::new();
    for streams in STREAMS {
        let urls: Vec<String> = (0..streams).map(|n| format!("{base}/ch{}/sub", n % 16 + 1)).collect();
        let cost = |command: &mut Command| percent_per_stream(command, streams, programs.seconds);
        let ours = cost(&mut ours(programs, &urls, false))?;
        per_stream.push(ours);
        let name = format!("ingest, {streams} sub streams");
        let unit = "% core/str";
        let ffmpeg = cost(&mut ffmpeg(&urls))?;
        rows.push(Row::against(name.clone(), unit, ours, "ffmpeg -c copy", ffmpeg, Some(0.3)));
        let gst = cost(&mut gstreamer(&urls, None))?;
        rows.push(Row::against(name, unit, ours, "gst rtspsrc ! rtph264depay", gst, Some(0.3)));
        let ours = cost(&mut self::ours(programs, &urls, true))?;
        let name = format!("ingest and decode, {streams} sub streams");
        let gst = cost(&mut gstreamer(&urls, Some("openh264dec")))?;
        rows.push(Row::against(name.clone(), unit, ours, "gst ... ! openh264dec", gst, Some(0.8)));
        let gst = cost(&mut gstreamer(&urls, Some("avdec_h264 max-threads=1")))?;
        rows.push(Row::against(name, unit, ours, "gst ... ! avdec_h264", gst, None));
    }
    if let (Some(one), Some(last)) = (per_stream.get(1), per_stream.last()) {
        // One stream alone is below the 10 ms tick that /proc counts in; four are the first honest figure.
        let name = "ingest, cost per stream at 64 over at 4".to_owned();
        rows.push(Row::against(name, "% core/str", *last, "ourselves at 4", *one, Some(1.2)));
    }
    Ok(rows)
}

fn ours(programs: &Programs, urls: &[String], decode: bool) -> Command {
    let mut command = Command::new(programs.folder.join("examples/ingest"));
    command.args(["--seconds", "600"]).args(decode.then_some("--decode")).args(urls);
    command
}

/// One process a stream: ffmpeg opens several inputs one after the other, looking at each for seconds.
fn ffmpeg(urls: &[String]) -> Command {
    let each = "ffmpeg -nostdin -v fatal -analyzeduration 500000 -rtsp_transport tcp -i \"$url\" -map 0:v -c copy -f null - &";
    let mut command = Command::new("sh");
    command.args(["-c", &format!("for url in \"$@\"; do {each} done; wait"), "sh"]).args(urls);
    command
}

fn gstreamer(urls: &[String], decoder: Option<&str>) -> Command {
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q");
    for url in urls {
        command.args(["rtspsrc", &format!("location={url}"), "protocols=tcp", "latency=0"]);
        command.args(["!", "application/x-rtp,media=video", "!", "rtph264depay", "!", "h264parse"]);
        if let Some(decoder) = decoder {
            command.arg("!").args(decoder.split(' '));
        }
        command.args(["!", "fakesink", "sync=false"]);
    }
    command
}

/// CPU time over `seconds`, as a percentage of one core per stream.
///
/// A peer that dies is tried again: gst-launch 1.22 has a race in linking many sources.
pub fn percent_per_stream(command: &mut Command, streams: usize, seconds: u64) -> Result<f64, String> {
    let tries = (0..3).map(|_| try_percent_per_stream(command, streams, seconds));
    let mut last = Err("not tried".to_owned());
    for outcome in tries {
        last = outcome;
        if last.is_ok() {
            break;
        }
    }
    last
}

fn try_percent_per_stream(command: &mut Command, streams: usize, seconds: u64) -> Result<f64, String> {
    let mut server = Server::start(command)?;
    pause(SETTLE);
    let before = usage(server.id());
    pause(Duration::from_secs(seconds));
    let after = usage(server.id());
    if !server.is_running() {
        return Err(format!("{:?} ended while it was measured", command.get_program()));
    }
    Ok((after.cpu_s - before.cpu_s) / seconds as f64 * 100.0 / streams as f64)
}
