//! From opening a stream to its first picture, beside players made for low latency.
//!
//! A player's figure holds the start of its process; what it takes to show a local file is taken off. Ours is a tile
//! opened in a running app, with no other open.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Programs, Row, quantile};
use crate::{
    demo::{self, Display, Options as DemoOptions, Site},
    process::{Server, output, pause},
};

const TRIES: usize = 7;
const LIMIT: Duration = Duration::from_secs(15);

pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let options = |window: bool| DemoOptions {
        clip: true,
        seconds: 1,
        layout: 1,
        openings: 15,
        release: true,
        window,
        ..DemoOptions::default()
    };
    let site = Site::start(&programs.folder, &options(false))?;
    let mut ours = Vec::new();
    for (shell, window) in [("Chromium", false), ("Tauri window", true)] {
        let report = demo::measure(&programs.folder, &site, &options(window))?;
        let all = report["openings_ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        ours.push((shell, quantile(all, 0.5)));
    }
    let display = Display::start()?;
    let url = format!("{}/ch1/sub", site.sources.first().ok_or("no simulator")?.trim_end_matches('/'));
    let clip = std::env::temp_dir().join(format!("bartizan-first-{}.mkv", std::process::id()));
    output(
        Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-rtsp_transport", "tcp", "-i", &url])
            .args(["-t", "2", "-an", "-c", "copy"])
            .arg(&clip),
    )?;
    let mut rows = Vec::new();
    for (name, start) in
        [("mpv --profile=low-latency", mpv as Player), ("ffplay -fflags nobuffer", ffplay as Player)]
    {
        let of = |what: &str| -> Result<f64, String> {
            let all = (0..TRIES).map(|_| start(what, &display)).collect::<Result<Vec<_>, _>>()?;
            Ok(quantile(all, 0.5))
        };
        let peer = (of(&url)? - of(&clip.to_string_lossy())?).max(1.0);
        for (shell, ours) in &ours {
            let what = format!("first-picture, 1 s GOP, {shell}");
            rows.push(Row::against(what, "ms", *ours, name, peer, Some(1.0)));
        }
    }
    let _ = std::fs::remove_file(clip);
    Ok(rows)
}

type Player = fn(&str, &Display) -> Result<f64, String>;

/// mpv says when its first picture is on the screen.
fn mpv(what: &str, display: &Display) -> Result<f64, String> {
    let started = Instant::now();
    let mut child = Command::new("mpv")
        .args([
            "--no-config",
            "--profile=low-latency",
            "--rtsp-transport=tcp",
            "--vo=x11",
            "--ao=null",
            "--msg-level=cplayer=debug",
            what,
        ])
        .env("DISPLAY", &display.name)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("mpv: {e}"))?;
    let stdout = child.stdout.take().ok_or("mpv has no output")?;
    let shown = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .take_while(|_| started.elapsed() < LIMIT)
        .any(|line| line.contains("starting video playback"));
    let took = started.elapsed();
    let _ = child.kill();
    let _ = child.wait();
    if shown { Ok(took.as_secs_f64() * 1e3) } else { Err("mpv showed no picture".into()) }
}

/// ffplay opens its window when it has its first picture.
fn ffplay(what: &str, display: &Display) -> Result<f64, String> {
    let started = Instant::now();
    let mut command = Command::new("ffplay");
    command.args(["-v", "error", "-fflags", "nobuffer", "-flags", "low_delay", "-an"]);
    if what.starts_with("rtsp:") {
        command.args(["-rtsp_transport", "tcp"]);
    }
    command.arg(what).env("DISPLAY", &display.name).env("SDL_AUDIODRIVER", "dummy").stderr(Stdio::null());
    let _player = Server::start(&mut command)?;
    loop {
        if has_window(display) {
            return Ok(started.elapsed().as_secs_f64() * 1e3);
        }
        if started.elapsed() > LIMIT {
            return Err("ffplay showed no picture".into());
        }
        pause(Duration::from_millis(5));
    }
}

fn has_window(display: &Display) -> bool {
    let mut look =
        Command::new(if Path::new("/usr/bin/xwininfo").exists() { "/usr/bin/xwininfo" } else { "xwininfo" });
    look.args(["-root", "-children"]).env("DISPLAY", &display.name);
    look.output().is_ok_and(|out| {
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().any(|line| line.contains("640x360"))
    })
}
