//! What a person waits for with a device of each family: being added, and turning.

use std::{process::Command, time::Duration};

use serde_json::Value;

use super::{Programs, Row, quantile};
use crate::{
    brands::Brands,
    demo::web_url,
    process::{Server, output},
    root,
    tests::Scratch,
};

/// From scan to live, seconds.
const LIVE_AIM_S: f64 = 60.0;

/// From *Add* in the login step to the first picture on the wall.
pub fn add(programs: &Programs) -> Result<Vec<Row>, String> {
    let report = measure(programs, "add")?;
    let mut rows = Vec::new();
    for (family, measured) in families(&report)? {
        let tries = tries(measured)?;
        let middle = |from: Option<&str>, to: &str| {
            let of = |one: &Value, key: &str| one[key].as_f64().unwrap_or(f64::NAN);
            let all = tries.iter().map(|one| of(one, to) - from.map_or(0.0, |from| of(one, from)));
            quantile(all.collect(), 0.5) / 1e3
        };
        rows.push(Row::alone(
            format!("add, to the first picture, {family}"),
            "s",
            middle(None, "live"),
            Some(LIVE_AIM_S),
        ));
        for (what, from, to) in [
            ("of that asking the device and storing it", None, "answered"),
            ("of that telling so", Some("answered"), "told"),
            ("of that opening the wall, to the picture", Some("told"), "live"),
        ] {
            rows.push(Row::alone(format!("add, {what}, {family}"), "s", middle(from, to), None));
        }
    }
    Ok(rows)
}

/// From a key press to the first picture that shows the view turned.
pub fn ptz(programs: &Programs) -> Result<Vec<Row>, String> {
    let report = measure(programs, "ptz")?;
    let mut rows = Vec::new();
    for (family, measured) in families(&report)? {
        let tries = tries(measured)?;
        let all = |key: &str| tries.iter().filter_map(|one| one[key].as_f64()).collect::<Vec<_>>();
        for (what, key, share) in [
            ("key to moving picture, p50", "turned", 0.5),
            ("key to moving picture, p95", "turned", 0.95),
            ("of that to the device's answer, p50", "answered", 0.5),
        ] {
            rows.push(Row::alone(format!("ptz, {what}, {family}"), "ms", quantile(all(key), share), None));
        }
        // Of a detector that cries wolf no figure is worth anything.
        let wrong = 100.0 * number(measured, "wrong") / number(measured, "looked");
        rows.push(Row::alone(
            format!("ptz, resting pictures taken for moving, {family}"),
            "%",
            wrong,
            Some(0.0),
        ));
    }
    Ok(rows)
}

fn families(report: &Value) -> Result<Vec<(&String, &Value)>, String> {
    let all: Vec<_> = report.as_object().into_iter().flatten().collect();
    if all.is_empty() { Err("no device was measured".into()) } else { Ok(all) }
}

fn tries(measured: &Value) -> Result<&Vec<Value>, String> {
    measured["tries"].as_array().filter(|tries| !tries.is_empty()).ok_or_else(|| "no try was made".into())
}

fn number(measured: &Value, key: &str) -> f64 {
    measured[key].as_f64().unwrap_or(f64::NAN)
}

/// Runs `tests/e2e/measure-brands.mjs` against a site of brands and an empty profile.
fn measure(programs: &Programs, what: &str) -> Result<Value, String> {
    let data = Scratch::new(&format!("bench-{what}"))?;
    let site = Brands::start(&programs.folder, false)?;
    let list = data.0.join("brands.json");
    site.write(&list)?;
    let mut command = Command::new(programs.folder.join("bartizan-web"));
    command.arg("--ui").arg(root().join("ui/dist")).arg("--data").arg(data.0.join("profile"));
    command.env("BARTIZAN_SEARCH_LOOPBACK", "1");
    let server = Server::start(&mut command)?;
    let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
    let mut node = Command::new("node");
    node.arg(root().join("tests/e2e/measure-brands.mjs")).arg(what);
    node.env("BARTIZAN_URL", url).env("BARTIZAN_BRANDS", &list);
    let text = output(&mut node)?;
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|e| format!("the measuring script said {line:?}: {e}"))
}
