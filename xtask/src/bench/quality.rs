//! The three quality modes on one lossy, jittery stream: how old its pictures are when they are shown, and how they
//! stutter, beside a player made for low latency.

use std::{process::Command, time::Duration};

use serde_json::Value;

use super::{Programs, Row};
use crate::{
    demo::{Display, web_url},
    process::{Server, output},
    root,
    tests::Scratch,
};

/// Long enough for some hundred waves and losses.
const LEAST_SECONDS: u64 = 60;
const PEER: &str = "mpv --profile=low-latency";
const MODES: [(&str, &str); 3] = [("realTime", "real-time"), ("auto", "auto"), ("fluent", "fluent 400 ms")];

/// Over TCP, where what is lost comes late, and over UDP, where it is missing.
pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for transport in ["tcp", "udp"] {
        let report = watch(programs, transport)?;
        let peer = &report["peer"];
        for (mode, name) in MODES {
            let ours = &report["modes"][mode];
            for (what, key, unit) in [
                ("age p50", "age_ms_p50", "ms"),
                ("age p95", "age_ms_p95", "ms"),
                ("gaps over 2.5 intervals", "stutters", "n"),
                ("in such gaps", "stutter_ms", "ms"),
                ("interval, deviation", "interval_ms_sd", "ms"),
            ] {
                let name = format!("quality, {what}, {name}, {}", transport.to_uppercase());
                let value = ours[key].as_f64().ok_or_else(|| format!("{name}: nothing was measured"))?;
                // The player has one mode, and it is that of ours.
                rows.push(match peer[key].as_f64().filter(|_| mode == "realTime") {
                    Some(theirs) => Row::against(name, unit, value, PEER, theirs, None),
                    None => Row::alone(name, unit, value, None),
                });
            }
        }
        rows.push(Row::alone(
            format!("quality, delay of auto, p50, {}", transport.to_uppercase()),
            "ms",
            report["modes"]["auto"]["delay_ms_p50"].as_f64().unwrap_or(f64::NAN),
            None,
        ));
    }
    Ok(rows)
}

fn watch(programs: &Programs, transport: &str) -> Result<Value, String> {
    let mut command = Command::new(programs.folder.join("bartizan-sim"));
    command.args(["--port", "0", "--channels", "1", "--no-audio", "--fault", "jitter-loss"]);
    let simulator = Server::start(&mut command)?;
    let base = simulator.wait_for_line(Duration::from_secs(60), |line| {
        let host = line.trim().strip_prefix("rtsp://")?.split(['/', ' ']).next()?.to_owned();
        Some(format!("rtsp://admin:bartizan1@{host}"))
    })?;
    let display = Display::start()?;
    let mut player = Command::new("mpv");
    player.args(["--no-config", "--profile=low-latency", "--vo=x11", "--ao=null", "--no-terminal"]);
    player.args(["--no-border", "--no-osc", "--osd-level=0", "--geometry=640x360+0+0"]);
    player.args([&format!("--rtsp-transport={transport}"), &format!("{base}/ch1/sub")]);
    let _player = Server::start(player.env("DISPLAY", &display.name))?;
    let data = Scratch::new(&format!("bench-quality-{transport}"))?;
    let mut command = Command::new(programs.folder.join("bartizan-web"));
    command.arg("--ui").arg(root().join("ui/dist")).arg("--data").arg(&data.0);
    let server = Server::start(&mut command)?;
    let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
    let seconds = programs.seconds.max(LEAST_SECONDS);
    let mut node = Command::new("node");
    node.arg(root().join("tests/e2e/measure-quality.mjs"));
    node.args(["--transport", transport, "--seconds", &seconds.to_string()]);
    node.env("BARTIZAN_URL", url).env("BARTIZAN_SIM", base);
    node.env("DISPLAY", &display.name).env("BARTIZAN_PEER", "0,0,640,360");
    let text = output(&mut node)?;
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|e| format!("the measuring script said {line:?}: {e}"))
}
