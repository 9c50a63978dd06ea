//! What recording costs, beside ffmpeg copying the same streams into MP4 files.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Programs, Row, script::Script};
use crate::{
    demo::{Options as DemoOptions, Site},
    process::{Server, pause, usage},
    tests::Scratch,
};

const STREAMS: usize = 16;
const PEER: &str = "ffmpeg -c copy to MP4";
/// Looking at a stream is not running cost: it is over when every file has so much in it.
const BEGUN: u64 = 48 << 10;
const BEGIN_LIMIT: Duration = Duration::from_secs(60);

/// What was spent and written in a while.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Percent of a core.
    cpu: f64,
    /// Kibibytes a second.
    written: f64,
}

pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let site = Site::start(&programs.folder, &DemoOptions { clip: true, ..DemoOptions::default() })?;
    let source = site.sources.first().ok_or("no simulator")?;
    let report = Script::new(programs, "measure-record.mjs")
        .with("source", source)
        .with("seconds", programs.seconds)
        .run()?;
    let peer = |profile: &str| -> Result<Cost, String> {
        let urls = (1..=STREAMS).map(|n| site.stream(n, profile)).collect::<Result<Vec<_>, _>>()?;
        ffmpeg(&urls, programs.seconds)
    };
    rows(&report, peer("sub")?, peer("main")?)
}

fn rows(report: &Value, peer_sub: Cost, peer_main: Cost) -> Result<Vec<Row>, String> {
    let shown = ours(&report["shown"]).ok_or("watching was not measured")?;
    let mut rows = vec![Row::alone(
        "record, 16 tiles watched, the core without recording".into(),
        "% core",
        shown.cpu,
        None,
    )];
    for (profile, what, peer) in
        [("sub", "stream on screen", peer_sub), ("main", "main stream, sub stream on screen", peer_main)]
    {
        let with = ours(&report[profile]).ok_or_else(|| format!("recording {profile} was not measured"))?;
        let over = (with.cpu - shown.cpu) / STREAMS as f64;
        let name = format!("record, overhead per stream, {what}");
        // ffmpeg receives the stream for itself; of ours the one on screen is received already.
        rows.push(Row::against(name, "% core/str", over, PEER, peer.cpu / STREAMS as f64, Some(1.0)));
        let name = format!("record, written, 16 of {profile}");
        rows.push(Row::against(name, "KiB/s", with.written, PEER, peer.written, None));
    }
    Ok(rows)
}

fn ours(part: &Value) -> Option<Cost> {
    let seconds = part["seconds"].as_f64().filter(|seconds| *seconds > 0.0)?;
    let per_second = |key: &str| Some(part[key].as_f64()? / seconds);
    Some(Cost { cpu: per_second("cpu_s")? * 100.0, written: per_second("bytes")? / 1024.0 })
}

/// One process a stream, as in the rows of `ingest`.
fn ffmpeg(urls: &[String], seconds: u64) -> Result<Cost, String> {
    let folder = Scratch::new("bench-record")?;
    let each =
        "ffmpeg -nostdin -v fatal -analyzeduration 500000 -rtsp_transport tcp -i \"$url\" -map 0:v -c copy";
    let all = format!("n=0; for url in \"$@\"; do n=$((n + 1)); {each} \"$folder/$n.mp4\" & done; wait");
    let mut command = Command::new("sh");
    command.env("folder", &folder.0).args(["-c", &all, "sh"]).args(urls);
    let mut server = Server::start(&mut command)?;
    let started = Instant::now();
    while sizes(&folder.0)?.into_iter().filter(|size| *size >= BEGUN).count() < urls.len() {
        if started.elapsed() > BEGIN_LIMIT {
            return Err("ffmpeg did not begin all files in time".into());
        }
        pause(Duration::from_millis(100));
    }
    let written = || Ok::<_, String>(sizes(&folder.0)?.into_iter().sum::<u64>() as f64);
    let (cpu, bytes, began) = (usage(server.id()).cpu_s, written()?, Instant::now());
    pause(Duration::from_secs(seconds));
    let (cpu, bytes, took) = (usage(server.id()).cpu_s - cpu, written()? - bytes, began.elapsed());
    let processes = usage(server.id()).processes;
    if !server.is_running() || processes <= urls.len() {
        return Err(format!("only {processes} processes of ffmpeg and its shell were left"));
    }
    Ok(Cost { cpu: cpu / took.as_secs_f64() * 100.0, written: bytes / 1024.0 / took.as_secs_f64() })
}

/// Bytes of each file in a folder.
fn sizes(folder: &Path) -> Result<Vec<u64>, String> {
    let entries = fs::read_dir(folder).map_err(|e| e.to_string())?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_overhead_is_what_recording_adds() {
        let report = json!({
            "shown": {"cpu_s": 1.0, "bytes": 0, "seconds": 10.0},
            "sub": {"cpu_s": 1.16, "bytes": 1_024_000, "seconds": 10.0},
            "main": {"cpu_s": 2.6, "bytes": 4_096_000, "seconds": 10.0},
        });
        let peer = |cpu| Cost { cpu, written: 100.0 };
        let rows = rows(&report, peer(3.2), peer(8.0)).unwrap();
        let row = |name: &str| rows.iter().find(|row| row.name.starts_with(name)).unwrap();
        let sub = row("record, overhead per stream, stream on screen");
        assert!((sub.value - 0.1).abs() < 1e-9, "{}", sub.value);
        assert_eq!(sub.peer_value, Some(0.2));
        assert_eq!(sub.met, Some(true));
        let main = row("record, overhead per stream, main");
        assert!((main.value - 1.0).abs() < 1e-9, "{}", main.value);
        assert_eq!(main.met, Some(false));
        assert_eq!(row("record, written, 16 of sub").ratio, Some(1.0));
        let missing = super::rows(&json!({"shown": report["shown"]}), peer(1.0), peer(1.0)).unwrap_err();
        assert!(missing.contains("sub"), "{missing}");
    }
}
