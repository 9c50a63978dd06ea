//! Sixteen tiles through the simulator's fault script, round after round: what grows, and what does not come back.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{Programs, Row, script::Script};
use crate::demo::{Options as DemoOptions, Site};

/// A round of the script, from begin to begin; its last fault ends within it.
const ROUND: Duration = Duration::from_secs(60);
/// Within this after the last fault every tile presents again.
const HEAL_S: u64 = 60;
const GROWTH_AIM: f64 = 2.0;
/// Shares of the time: around the middle, and at the end. Means over a tenth, so that one collection of garbage does not
/// decide.
const MIDDLE: (f64, f64) = (0.45, 0.55);
const END: (f64, f64) = (0.9, 1.0);

/// Watches for so many minutes; all but the last of them, and at least one, have faults.
pub fn measure(programs: &Programs, minutes: u64, window: bool) -> Result<Vec<Row>, String> {
    let rounds = minutes.saturating_sub(1).clamp(1, u64::from(u16::MAX)) as u16;
    let options = DemoOptions { clip: true, script_rounds: rounds, ..DemoOptions::default() };
    let site = Site::start(&programs.folder, &options)?;
    let faults_end = now()? + ROUND * u32::from(rounds);
    let mut script = Script::new(programs, "measure-soak.mjs")
        .with("seconds", minutes * 60)
        .with("faults-end", faults_end.as_millis())
        .with("heal-seconds", HEAL_S)
        .env("BARTIZAN_SOURCES", site.sources.join("\n"));
    if window {
        script = script.in_window(programs)?;
    }
    rows(&script.run()?, minutes, if window { "Tauri window" } else { "Chromium" })
}

#[expect(clippy::disallowed_methods, reason = "the script reads this moment off its own wall clock")]
fn now() -> Result<Duration, String> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())
}

fn rows(report: &Value, minutes: u64, shell: &str) -> Result<Vec<Row>, String> {
    let samples = report["rss_mib"].as_array().ok_or("no memory was measured")?;
    let tiles = report["tiles"].as_array().filter(|tiles| !tiles.is_empty()).ok_or("no tile was watched")?;
    if report["reconnects"].as_u64() == Some(0) {
        return Err("the fault script broke no stream".into());
    }
    if report["reloaded"].as_bool() != Some(false) {
        return Err("the page was loaded anew".into());
    }
    let mut rows = Vec::new();
    let roles: BTreeSet<&String> =
        samples.iter().filter_map(Value::as_object).flat_map(|sample| sample.keys()).collect();
    let total = samples.iter().map(|sample| Some(sum(sample))).collect();
    let series = roles
        .into_iter()
        .map(|role| (role.as_str(), samples.iter().map(|sample| sample[role].as_f64()).collect::<Vec<_>>()));
    for (role, series) in series.chain([("all processes", total)]) {
        let name = |what: &str| format!("soak, {minutes} min, {shell}, {what}, {role}");
        // A process that came or went between the two has no growth of its own; it is in that of all.
        if let Some(growth) = second_half_growth(&series) {
            rows.push(Row::alone(name("growth in the second half"), "% RSS", growth, Some(GROWTH_AIM)));
        }
        if let Some(end) = mean_of(&series, END) {
            rows.push(Row::alone(name("at the end"), "MiB RSS", end, None));
        }
    }
    let name = |what: &str| format!("soak, {minutes} min, {shell}, {what}");
    let unhealed = tiles
        .iter()
        .filter(|tile| tile["healed_ms"].is_null() || tile["plays"].as_bool() != Some(true))
        .count();
    let missing = 16_usize.saturating_sub(tiles.len());
    rows.push(Row::alone(
        name(&format!("unhealed {HEAL_S} s after the last fault")),
        "tiles",
        (unhealed + missing) as f64,
        Some(0.0),
    ));
    let longest = tiles.iter().filter_map(|tile| tile["longest_ms"].as_f64()).fold(0.0, f64::max);
    rows.push(Row::alone(name("longest time without a new picture"), "s", longest / 1e3, None));
    rows.push(Row::alone(
        name("sessions opened anew"),
        "",
        report["reconnects"].as_f64().unwrap_or(f64::NAN),
        None,
    ));
    let errors = report["errors"].as_array().map_or(f64::NAN, |errors| errors.len() as f64);
    rows.push(Row::alone(name("errors of the page"), "", errors, Some(0.0)));
    Ok(rows)
}

fn sum(sample: &Value) -> f64 {
    sample.as_object().into_iter().flatten().filter_map(|(_, rss)| rss.as_f64()).sum()
}

/// Growth from the middle to the end, percent of the middle. `None` when either is missing.
fn second_half_growth(samples: &[Option<f64>]) -> Option<f64> {
    Some((mean_of(samples, END)? / mean_of(samples, MIDDLE)? - 1.0) * 100.0)
}

/// The mean of the samples between two shares of the time, at least one; `None` unless all of them are there.
fn mean_of(samples: &[Option<f64>], (from, to): (f64, f64)) -> Option<f64> {
    let count = samples.len() as f64;
    // 0.55 of 100 is a little more than 55 in binary.
    let (from, to) = ((count * from + 1e-9) as usize, (count * to - 1e-9).ceil().max(0.0) as usize);
    let part = samples.get(from..to)?;
    let part = part.iter().copied().collect::<Option<Vec<f64>>>()?;
    (!part.is_empty()).then(|| part.iter().sum::<f64>() / part.len() as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn samples(of: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
        (0..100).map(|n| Some(of(n))).collect()
    }

    #[test]
    fn growth_is_from_the_middle_to_the_end() {
        assert_eq!(second_half_growth(&samples(|_| 80.0)), Some(0.0));
        // Whatever the first half does.
        assert_eq!(second_half_growth(&samples(|n| if n < 45 { 20.0 } else { 80.0 })), Some(0.0));
        // Samples 45 to 54 have the mean 149.5, samples 90 to 99 the mean 194.5.
        let growth = second_half_growth(&samples(|n| 100.0 + n as f64)).unwrap();
        assert!((growth - (194.5 / 149.5 - 1.0) * 100.0).abs() < 1e-9, "{growth}");
        let shrunk = second_half_growth(&samples(|n| if n < 60 { 100.0 } else { 75.0 }));
        assert_eq!(shrunk, Some(-25.0));
        // One peak at the very end counts a tenth.
        let peak = second_half_growth(&samples(|n| if n == 99 { 200.0 } else { 100.0 })).unwrap();
        assert!((peak - 10.0).abs() < 1e-9, "{peak}");
    }

    #[test]
    fn what_was_not_there_in_the_middle_or_at_the_end_has_no_growth() {
        let mut gone = samples(|_| 50.0);
        gone[95] = None;
        assert_eq!(second_half_growth(&gone), None);
        let mut late = samples(|_| 50.0);
        late[50] = None;
        assert_eq!(second_half_growth(&late), None);
        late[50] = Some(50.0);
        late[20] = None;
        assert_eq!(second_half_growth(&late), Some(0.0));
        assert_eq!(second_half_growth(&[]), None);
        assert_eq!(second_half_growth(&[Some(3.0)]), Some(0.0), "one sample is its own middle and end");
    }

    fn report(tile: &Value) -> Value {
        let whole = json!({"name": "Gate", "healed_ms": 900, "plays": true, "longest_ms": 8_000});
        let mut tiles = vec![whole; 15];
        tiles.push(tile.clone());
        let rss: Vec<_> = (0..10).map(|_| json!({"core": 40.0, "page": 200.0})).collect();
        json!({"rss_mib": rss, "tiles": tiles, "reconnects": 12, "reloaded": false, "errors": []})
    }

    #[test]
    fn a_tile_is_healed_when_it_came_back_in_time_and_plays_at_the_end() {
        let unhealed = |tile: Value| {
            let rows = rows(&report(&tile), 3, "Chromium").unwrap();
            let row = rows.iter().find(|row| row.name.contains("unhealed")).unwrap();
            (row.value, row.met.unwrap())
        };
        assert_eq!(unhealed(json!({"healed_ms": 100, "plays": true})), (0.0, true));
        assert_eq!(unhealed(json!({"healed_ms": null, "plays": true})), (1.0, false));
        assert_eq!(unhealed(json!({"healed_ms": 100, "plays": false})), (1.0, false));
    }

    #[test]
    fn every_process_has_its_rows_and_a_soak_without_faults_is_none() {
        let whole = report(&json!({"healed_ms": 100, "plays": true, "longest_ms": 12_500}));
        let rows = rows(&whole, 3, "Chromium").unwrap();
        let value = |end: &str| rows.iter().find(|row| row.name.ends_with(end)).unwrap().value;
        assert_eq!(value("growth in the second half, core"), 0.0);
        assert_eq!(value("at the end, all processes"), 240.0);
        assert_eq!(value("longest time without a new picture"), 12.5);
        let mut calm = whole.clone();
        calm["reconnects"] = json!(0);
        assert!(super::rows(&calm, 3, "Chromium").unwrap_err().contains("broke no stream"));
        let mut reloaded = whole;
        reloaded["reloaded"] = json!(true);
        assert!(super::rows(&reloaded, 3, "Chromium").unwrap_err().contains("loaded anew"));
    }
}
