//! Running a measuring script of `tests/e2e`, and sums over what it tells.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::{Programs, quantile};
use crate::{demo::Display, process::output, root};

/// A script that is not started yet. It finds the programs, the page and what to watch in its environment.
pub struct Script {
    command: Command,
    _display: Option<Display>,
}

impl Script {
    /// `name` is a file of `tests/e2e`.
    pub fn new(programs: &Programs, name: &str) -> Self {
        let mut command = Command::new("node");
        command.arg(root().join("tests/e2e").join(name));
        command.env("BARTIZAN_PROGRAMS", &programs.folder).env("BARTIZAN_UI", root().join("ui/dist"));
        Self { command, _display: None }
    }

    /// An option and its value.
    pub fn with(mut self, option: &str, value: impl ToString) -> Self {
        self.command.arg(format!("--{option}")).arg(value.to_string());
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// In the app's own window, on a display of its own.
    pub fn in_window(mut self, programs: &Programs) -> Result<Self, String> {
        let display = Display::start()?;
        self.command.arg("--window").arg(programs.folder.join("bartizan")).env("DISPLAY", &display.name);
        self._display = Some(display);
        Ok(self)
    }

    /// The object that it prints at its end.
    pub fn run(mut self) -> Result<Value, String> {
        let text = output(&mut self.command)?;
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(|e| format!("the measuring script said {line:?}: {e}"))
    }
}

/// One figure of every try, which must not be none; a try without it counts as endless.
pub fn tries(report: &Value, key: &str) -> Result<Vec<f64>, String> {
    let tries = report["tries"].as_array().filter(|tries| !tries.is_empty()).ok_or("no try was made")?;
    Ok(tries.iter().map(|one| one[key].as_f64().unwrap_or(f64::INFINITY)).collect())
}

/// The median and the 95th percentile, with what they are called.
pub fn spread(all: &[f64]) -> [(&'static str, f64); 2] {
    [("p50", 0.5), ("p95", 0.95)].map(|(name, share)| (name, quantile(all.to_vec(), share)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_try_without_a_picture_is_endless_and_no_try_is_no_figure() {
        let report = json!({"tries": [{"hd_ms": 4.0}, {"hd_ms": null}, {"hd_ms": 2.0}]});
        assert_eq!(tries(&report, "hd_ms").unwrap(), [4.0, f64::INFINITY, 2.0]);
        assert_eq!(tries(&json!({"tries": []}), "hd_ms").unwrap_err(), "no try was made");
    }

    #[test]
    fn percentiles_of_twenty() {
        let all: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        // Ranks 0.5 x 19 and 0.95 x 19, rounded half away from zero, from 0.
        assert_eq!(spread(&all), [("p50", 11.0), ("p95", 19.0)]);
        assert_eq!(spread(&[7.0]), [("p50", 7.0), ("p95", 7.0)]);
        assert!(spread(&[]).iter().all(|(_, value)| value.is_nan()));
    }
}
