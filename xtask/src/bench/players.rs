//! Players made for low latency, and how long they take to their first picture.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::quantile;
use crate::{
    demo::Display,
    process::{Server, output, pause},
};

const TRIES: usize = 7;
const LIMIT: Duration = Duration::from_secs(15);
pub const MPV: &str = "mpv --profile=low-latency";
const FFPLAY: &str = "ffplay -fflags nobuffer";

/// Milliseconds each player takes to open `url`, whose pictures are `size` (`640x360`), less what it takes to show a local
/// file of the same: the start of its process and of its window.
pub fn openings(url: &str, size: &str) -> Result<Vec<(&'static str, f64)>, String> {
    let display = Display::start()?;
    let clip = std::env::temp_dir().join(format!("bartizan-first-{}.mkv", std::process::id()));
    output(
        Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-rtsp_transport", "tcp", "-i", url])
            .args(["-t", "2", "-an", "-c", "copy"])
            .arg(&clip),
    )?;
    let players = [(MPV, mpv as Player), (FFPLAY, ffplay as Player)];
    let all = players.into_iter().map(|(name, start)| {
        let of = |what: &str| -> Result<f64, String> {
            let all = (0..TRIES).map(|_| start(what, size, &display)).collect::<Result<Vec<_>, _>>()?;
            Ok(quantile(all, 0.5))
        };
        Ok((name, (of(url)? - of(&clip.to_string_lossy())?).max(1.0)))
    });
    let all = all.collect();
    let _ = std::fs::remove_file(clip);
    all
}

/// Milliseconds from the start of mpv's process to its first picture of `url`, of each of `tries`.
pub fn cold_starts(url: &str, tries: usize) -> Result<Vec<f64>, String> {
    let display = Display::start()?;
    (0..tries).map(|_| mpv(url, "", &display)).collect()
}

type Player = fn(&str, &str, &Display) -> Result<f64, String>;

/// mpv says when its first picture is on the screen.
fn mpv(what: &str, _size: &str, display: &Display) -> Result<f64, String> {
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

/// ffplay opens its window, as large as the picture, when it has its first one.
fn ffplay(what: &str, size: &str, display: &Display) -> Result<f64, String> {
    let started = Instant::now();
    let mut command = Command::new("ffplay");
    command.args(["-v", "error", "-fflags", "nobuffer", "-flags", "low_delay", "-an"]);
    if what.starts_with("rtsp:") {
        command.args(["-rtsp_transport", "tcp"]);
    }
    command.arg(what).env("DISPLAY", &display.name).env("SDL_AUDIODRIVER", "dummy").stderr(Stdio::null());
    let _player = Server::start(&mut command)?;
    loop {
        if has_window(display, size) {
            return Ok(started.elapsed().as_secs_f64() * 1e3);
        }
        if started.elapsed() > LIMIT {
            return Err("ffplay showed no picture".into());
        }
        pause(Duration::from_millis(5));
    }
}

fn has_window(display: &Display, size: &str) -> bool {
    let mut look =
        Command::new(if Path::new("/usr/bin/xwininfo").exists() { "/usr/bin/xwininfo" } else { "xwininfo" });
    look.args(["-root", "-children"]).env("DISPLAY", &display.name);
    look.output().is_ok_and(|out| {
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().any(|line| line.contains(size))
    })
}
