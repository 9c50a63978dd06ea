//! The simulated site of several makes.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::process::{Server, output};

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
            let fresh =
                if device["activated"] == true { "" } else { "  (fresh from the factory, not announced)" };
            let line =
                format!("  {:22} http://{}:{}{fresh}\n", text("name"), text("host"), device["httpPort"]);
            out.push_str(&line);
        }
        out
    }

    /// Films of the announced devices' labels for a fake camera: `<personality>.mjpeg`. Gives their folder.
    pub fn films(&self, data: &Path) -> Result<PathBuf, String> {
        let folder = data.join("films");
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        for device in self.devices.iter().filter(|device| device["activated"] == true) {
            let (label, name) = (device["label"].as_str(), device["personality"].as_str());
            let (label, name) = label.zip(name).ok_or("a device without label")?;
            let code = bartizan_qr::Qr::new(label).map_err(|e| e.to_string())?;
            let png = code.picture(300).png().map_err(|e| e.to_string())?;
            let still = folder.join(format!("{name}.png"));
            std::fs::write(&still, png).map_err(|e| e.to_string())?;
            let mut film = Command::new("ffmpeg");
            film.args(["-v", "error", "-y", "-loop", "1", "-framerate", "15", "-t", "2", "-i"]).arg(&still);
            // Held a little askew before a grey wall, as hands do.
            let filter =
                "rotate=0.12:ow=rotw(0.12):oh=roth(0.12):c=white,pad=640:480:(ow-iw)/2:(oh-ih)/2:gray";
            film.args(["-vf", filter, "-pix_fmt", "yuvj420p", "-q:v", "3"]);
            output(film.arg(folder.join(format!("{name}.mjpeg"))))?;
        }
        Ok(folder)
    }

    /// As one JSON array in a file, for the specs.
    pub fn write(&self, file: &Path) -> Result<(), String> {
        let text = Value::Array(self.devices.clone()).to_string();
        std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
    }
}
