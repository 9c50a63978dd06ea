//! From opening a stream to its first picture, beside players made for low latency.
//!
//! Ours is a tile opened in a running app, with no other open; what that is compared with, [`players::openings`] says.

use serde_json::Value;

use super::{Programs, Row, players, quantile};
use crate::demo::{self, Options as DemoOptions, Site};

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
    let mut rows = Vec::new();
    for (name, peer) in players::openings(&site.stream(1, "sub")?, "640x360")? {
        for (shell, ours) in &ours {
            let what = format!("first-picture, 1 s GOP, {shell}");
            rows.push(Row::against(what, "ms", *ours, name, peer, Some(1.0)));
        }
    }
    Ok(rows)
}
