//! Seeking in a recording of thirty minutes, beside Chromium's own `<video>` on the same file.

use std::{process::Command, time::Duration};

use serde_json::Value;

use super::{Programs, Row, quantile};
use crate::{
    demo::web_url,
    process::{Server, output},
    root,
    tests::Scratch,
};

/// From the request to the exact picture, milliseconds.
const AIM_MS: f64 = 100.0;
const MINUTES: &str = "30";

/// Distances of random access points: a common one, and the longest that cameras are mostly set to.
const GOPS: [(&str, &str); 2] = [("1 s", "1000"), ("2 s", "2000")];

/// Measures.
pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (name, gop_ms) in GOPS {
        let data = Scratch::new(&format!("seek-{gop_ms}"))?;
        let mut make = Command::new(programs.folder.join("examples/recording"));
        make.arg(&data.0).args([MINUTES, gop_ms]);
        let movie = output(&mut make)?;
        let mut shell = Command::new(programs.folder.join("bartizan-web"));
        shell.arg("--ui").arg(root().join("ui/dist")).arg("--data").arg(&data.0);
        let server = Server::start(&mut shell)?;
        let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
        let mut node = Command::new("node");
        node.args(["tests/e2e/measure-seek.mjs", "--file", movie.trim()]).current_dir(root());
        node.env("BARTIZAN_URL", url);
        let text = output(&mut node)?;
        let report: Value = text
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .ok_or_else(|| format!("no report in {text:?}"))?;
        let times = |who: &str| -> Vec<f64> {
            report[who]["ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        for (what, share) in [("p50", 0.5), ("p95", 0.95)] {
            let mut row = Row::against(
                format!("seek in {MINUTES} min, key pictures every {name}, {what}"),
                "ms",
                quantile(times("ours"), share),
                "Chromium <video>",
                quantile(times("video"), share),
                None,
            );
            if share > 0.5 {
                row.aim = Some(format!("<= {AIM_MS} ms"));
                row.met = Some(row.value <= AIM_MS);
            }
            rows.push(row);
        }
        let open = report["ours"]["openMs"].as_f64().unwrap_or(f64::NAN);
        rows.push(Row::alone(format!("opening it, key pictures every {name}"), "ms", open, None));
    }
    Ok(rows)
}
