//! The simulated site of several makes.

use std::{path::Path, process::Command, time::Duration};

use serde_json::Value;

use crate::process::Server;

/// How long it may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Devices of the site.
const COUNT: usize = 4;

/// A running site of brands.
pub struct Brands {
    /// One object a device, as `bartizan-sim --site brands --json` prints them.
    pub devices: Vec<Value>,
    _server: Server,
}

impl Brands {
    /// Starts it on free ports of loopback, where searches find it.
    pub fn start(programs: &Path, foreground: bool) -> Result<Self, String> {
        let mut command = Command::new(programs.join("bartizan-sim"));
        command.args(["--site", "brands", "--json"]);
        let server = match foreground {
            true => Server::start_in_foreground(&mut command)?,
            false => Server::start(&mut command)?,
        };
        let next = || server.wait_for_line(START_LIMIT, |line| serde_json::from_str(line).ok());
        let devices = (0..COUNT).map(|_| next()).collect::<Result<_, _>>()?;
        Ok(Self { devices, _server: server })
    }

    /// For people: what there is and how to add it.
    pub fn describe(&self) -> String {
        let mut out = String::from("Devices to add (user admin, password bartizan1):\n");
        for device in &self.devices {
            let text = |key: &str| device[key].as_str().unwrap_or_default().to_owned();
            let fresh = if device["activated"] == true { "" } else { "  (fresh from the factory, not announced)" };
            let line = format!("  {:22} http://{}:{}{fresh}\n", text("name"), text("host"), device["httpPort"]);
            out.push_str(&line);
        }
        out
    }

    /// As one JSON array in a file, for the specs.
    pub fn write(&self, file: &Path) -> Result<(), String> {
        let text = Value::Array(self.devices.clone()).to_string();
        std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
    }
}
