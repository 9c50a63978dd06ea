//! The whole app: how old pictures are when they are shown, and what sixteen of them cost.

use std::{process::Command, time::Duration};

use serde_json::Value;

use super::{Programs, Row};
use crate::{
    demo::{self, Display, Options as DemoOptions, Site},
    process::{Server, pause, usage},
};

/// Two frame intervals at 15 pictures a second.
const AGE_AIM_MS: f64 = 2000.0 / 15.0;

pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let options = |window: bool, layout: u8| DemoOptions {
        clip: true,
        seconds: programs.seconds,
        layout,
        window,
        release: true,
        ..DemoOptions::default()
    };
    let site = Site::start(&programs.folder, &options(false, 16))?;
    let mut window_cost = None;
    for window in [false, true] {
        let shell = if window { "Tauri window" } else { "Chromium" };
        for layout in [1, 16] {
            let report = demo::measure(&programs.folder, &site, &options(window, layout))?;
            let aim = (layout == 1).then_some(AGE_AIM_MS);
            let name = |what: &str| format!("latency {what}, {layout} tiles, {shell}");
            rows.push(Row::alone(name("p50"), "ms", worst(&report, "age_ms_p50"), None));
            rows.push(Row::alone(name("p95"), "ms", worst(&report, "age_ms_p95"), aim));
            rows.push(Row::alone(name("least fps of a tile"), "1/s", least(&report, "presented_fps"), None));
            if window && layout == 16 {
                window_cost = Some(report);
            }
        }
    }
    let report = window_cost.ok_or("no window was measured")?;
    let (cpu, memory) = compositor(programs, &site)?;
    let our_cpu = report["cpu_s"].as_f64().unwrap_or(f64::NAN) / programs.seconds as f64 * 100.0;
    let our_memory = report["peak_pss_mib"].as_f64().unwrap_or(f64::NAN);
    let peer = "gst compositor ! ximagesink";
    rows.push(Row::against(
        "wall, 16 tiles in a window, CPU".into(),
        "% core",
        our_cpu,
        peer,
        cpu,
        Some(1.0),
    ));
    rows.push(Row::against(
        "wall, 16 tiles in a window, memory".into(),
        "MiB PSS",
        our_memory,
        peer,
        memory,
        Some(1.0),
    ));
    for (process, cost) in report["by_process"].as_object().into_iter().flatten() {
        let cpu = cost["cpu_s"].as_f64().unwrap_or(0.0) / programs.seconds as f64 * 100.0;
        rows.push(Row::alone(format!("wall, of that {process}, CPU"), "% core", cpu, None));
        rows.push(Row::alone(
            format!("wall, of that {process}, memory"),
            "MiB RSS",
            cost["rss_mib"].as_f64().unwrap_or(0.0),
            None,
        ));
    }
    Ok(rows)
}

fn values<'a>(report: &'a Value, key: &'a str) -> impl Iterator<Item = f64> + 'a {
    // A tile that never presented counts as infinitely old.
    report["tiles"]
        .as_array()
        .into_iter()
        .flatten()
        .map(move |tile| tile[key].as_f64().unwrap_or(f64::INFINITY))
}

fn worst(report: &Value, key: &str) -> f64 {
    values(report, key).fold(0.0, f64::max)
}

fn least(report: &Value, key: &str) -> f64 {
    values(report, key).fold(f64::INFINITY, f64::min)
}

/// One GStreamer process showing the same sixteen streams, as 320x180 tiles, in a window.
fn compositor(programs: &Programs, site: &Site) -> Result<(f64, f64), String> {
    let display = Display::start()?;
    let base = site.sources.first().ok_or("no simulator")?.trim_end_matches('/').to_owned();
    let mut command = Command::new("gst-launch-1.0");
    command.args(["-q", "compositor", "name=c", "background=black"]);
    for tile in 0..16 {
        let (x, y) = (tile % 4 * 320, tile / 4 * 180);
        for (name, value) in [("xpos", x), ("ypos", y), ("width", 320), ("height", 180)] {
            command.arg(format!("sink_{tile}::{name}={value}"));
        }
    }
    command.args(["!", "video/x-raw,width=1280,height=720,framerate=15/1", "!", "videoconvert", "!"]);
    command.args(["ximagesink", "sync=false"]);
    for tile in 0..16 {
        command.args([
            "rtspsrc",
            &format!("location={base}/ch{}/sub", tile + 1),
            "protocols=tcp",
            "latency=0",
        ]);
        command.args(["!", "application/x-rtp,media=video", "!", "rtph264depay", "!", "h264parse", "!"]);
        command.args(["avdec_h264", "max-threads=1", "!", "queue", "!", &format!("c.sink_{tile}")]);
    }
    command.env("DISPLAY", &display.name);
    let mut server = Server::start(&mut command)?;
    pause(Duration::from_secs(5));
    let before = usage(server.id());
    pause(Duration::from_secs(programs.seconds));
    let after = usage(server.id());
    if !server.is_running() {
        return Err("the compositor ended while it was measured".into());
    }
    Ok(((after.cpu_s - before.cpu_s) / programs.seconds as f64 * 100.0, after.pss_mib))
}

/// Whether memory stays where it is: growth from the middle to the end of a long watch.
pub fn memory(programs: &Programs, minutes: u64) -> Result<Vec<Row>, String> {
    let options = DemoOptions {
        clip: true,
        seconds: minutes * 60,
        layout: 16,
        window: true,
        release: true,
        ..DemoOptions::default()
    };
    let site = Site::start(&programs.folder, &options)?;
    let report = demo::measure(&programs.folder, &site, &options)?;
    let quarter = |nth: usize, key: &str| report["rss_quarters"][nth][key].as_f64().unwrap_or(f64::NAN);
    let row = |what: &str, key: &str| {
        let growth = (quarter(3, key) / quarter(1, key) - 1.0) * 100.0;
        let name = format!("memory, growth of {what}, second to last quarter of {minutes} min");
        Row::alone(name, "% RSS", growth, Some(2.0))
    };
    Ok(vec![row("the least", "least_mib"), row("the mean", "mean_mib")])
}
