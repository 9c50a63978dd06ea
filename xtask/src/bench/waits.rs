//! What a person waits for at the wall: the app's start, and a camera in full size.

use super::{
    Programs, Row, players,
    script::{Script, spread, tries},
};
use crate::demo::{Options as DemoOptions, Site};

const STARTS: usize = 10;
const ENLARGEMENTS: usize = 20;
/// From the start of the program to the first picture.
const START_AIM_MS: f64 = 1500.0;

fn site(programs: &Programs) -> Result<Site, String> {
    Site::start(&programs.folder, &DemoOptions { clip: true, ..DemoOptions::default() })
}

/// From the start of the program to the first picture of the wall that memory play brings back.
pub fn start(programs: &Programs) -> Result<Vec<Row>, String> {
    let site = site(programs)?;
    let source = site.sources.first().ok_or("no simulator")?;
    let mut ours = Vec::new();
    for (shell, window) in [("web shell, Chromium runs", false), ("Tauri window", true)] {
        let mut script =
            Script::new(programs, "measure-start.mjs").with("source", source).with("tries", STARTS);
        if window {
            script = script.in_window(programs)?;
        }
        ours.push((shell, script.run()?));
    }
    let peers = spread(&players::cold_starts(&site.stream(1, "sub")?, STARTS)?);
    let mut rows = Vec::new();
    for (shell, report) in &ours {
        for ((share, value), (_, peer)) in spread(&tries(report, "first_ms")?).into_iter().zip(peers) {
            let name = format!("start, to the first picture, {share}, {shell}");
            rows.push(Row::against(name, "ms", value, players::MPV, peer, None).at_most(START_AIM_MS));
        }
        for (share, value) in spread(&tries(report, "all_ms")?) {
            rows.push(Row::alone(
                format!("start, to all four pictures, {share}, {shell}"),
                "ms",
                value,
                None,
            ));
        }
    }
    Ok(rows)
}

/// From a double tap to the first picture of the main stream.
pub fn enlarge(programs: &Programs) -> Result<Vec<Row>, String> {
    let site = site(programs)?;
    let script = Script::new(programs, "measure-enlarge.mjs").with("tries", ENLARGEMENTS);
    let report = script.env("BARTIZAN_SOURCES", site.sources.join("\n")).run()?;
    let mut rows = Vec::new();
    let [(_, middle), (_, late)] = spread(&tries(&report, "hd_ms")?);
    for (name, peer) in players::openings(&site.stream(1, "main")?, "1280x720")? {
        rows.push(Row::against(
            "enlarge, to the first HD picture, p50".into(),
            "ms",
            middle,
            name,
            peer,
            Some(1.0),
        ));
    }
    rows.push(Row::alone("enlarge, to the first HD picture, p95".into(), "ms", late, None));
    for (share, value) in spread(&tries(&report, "enlarged_ms")?) {
        rows.push(Row::alone(
            format!("enlarge, of that until it fills the wall, {share}"),
            "ms",
            value,
            None,
        ));
    }
    Ok(rows)
}
