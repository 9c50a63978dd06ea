//! `cargo xtask demo`: sixteen cameras that move, in a window or a browser, or measured without anyone looking.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    brands::Brands,
    process::{self, Server, output},
    root, setup,
};

/// What to show, and where.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Watch this camera instead of the simulated ones, storing nothing; repeatable.
    #[arg(long, value_name = "rtsp://user:pass@host/path")]
    pub source: Vec<String>,
    /// Serve the page on loopback for an ordinary browser.
    #[arg(long)]
    pub browser: bool,
    /// Run without a display, in headless Chromium, and tell how it went.
    #[arg(long)]
    pub headless: bool,
    /// With --headless: in the Tauri window under Xvfb instead.
    #[arg(long)]
    pub window: bool,
    /// With --headless: how long to watch.
    #[arg(long, default_value_t = 15)]
    pub seconds: u64,
    /// With --headless: windows on the wall, 1, 4, 9 or 16.
    #[arg(long, default_value_t = 16)]
    pub layout: u8,
    /// With --headless: one JSON object on standard output instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Optimised programs: slower to build, needed for honest figures.
    #[arg(long)]
    pub release: bool,
    /// Decode with openh264 instead of WebCodecs.
    #[arg(long)]
    pub soft_decoding: bool,
    /// With --headless --window: use the long poll instead of the WebSocket.
    #[arg(long)]
    pub poll: bool,
    /// With --headless --layout 1: how many further streams to open one after the other.
    #[arg(long, default_value_t = 0)]
    pub openings: u16,
    /// A person watches, and ends it with Ctrl-C.
    #[arg(skip)]
    pub foreground: bool,
    /// Simulated cameras replay a clip instead of drawing their scenes: cheaper, for measuring.
    #[arg(long)]
    pub clip: bool,
    /// How often the simulator's fault script runs.
    #[arg(skip)]
    pub script_rounds: u16,
}

/// Runs the demo.
pub fn run(options: &Options) -> Result<(), String> {
    setup::packages(setup::BUILD_PACKAGES)?;
    if options.headless {
        let report = headless(options)?;
        if options.json {
            println!("{report}");
        } else {
            print_table(&report);
        }
        return silent_tiles(&report);
    }
    let has_display = std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
    let in_browser = options.browser || !has_display;
    if !in_browser {
        setup::packages(setup::RUN_PACKAGES)?;
    }
    setup::node_modules()?;
    setup::page()?;
    let shell = if in_browser { "bartizan-web" } else { "bartizan" };
    let programs = setup::build(&[shell, "bartizan-sim"], options.release)?;
    let site = Site::start(&programs, &Options { foreground: true, ..options.clone() })?;
    let mut command = Command::new(programs.join(shell));
    command.env("BARTIZAN_SOURCES", site.sources.join("\n"));
    // Beside the sixteen cameras of the wall: devices of several makes to find, add and control.
    let brands = if options.source.is_empty() { Some(Brands::start(&programs, true)?) } else { None };
    if let Some(brands) = &brands {
        command.env("BARTIZAN_SEARCH_LOOPBACK", "1");
        println!("\n{}", brands.describe());
    }
    if in_browser {
        command.arg("--ui").arg(root().join("ui/dist"));
        let mut server = Server::start_in_foreground(&mut command)?;
        let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
        println!("\nSixteen cameras are at\n\n  {url}\n\nCtrl-C ends it.");
        server.wait()
    } else {
        println!("Opening the window; closing it ends the demo.");
        process::run(&mut command)
    }
}

/// The address that `bartizan-web` prints.
pub fn web_url(line: &str) -> Option<String> {
    line.strip_prefix("Bartizan is at ").map(str::to_owned)
}

/// The cameras of a demo: simulated, or given.
pub struct Site {
    /// RTSP URLs, with passwords.
    pub sources: Vec<String>,
    /// Ends the simulator with the demo.
    _simulator: Option<Server>,
}

impl Site {
    /// Starts the simulator, unless sources are given.
    pub fn start(programs: &Path, options: &Options) -> Result<Self, String> {
        if !options.source.is_empty() {
            return Ok(Self { sources: options.source.clone(), _simulator: None });
        }
        let mut command = Command::new(programs.join("bartizan-sim"));
        command.args(["--port", "0", "--source", if options.clip { "clip" } else { "scene" }]);
        // Measured clients receive video alone; gst-launch 1.22 moreover crashes now and then linking many sound tracks.
        command.args(options.clip.then_some("--no-audio"));
        match options.script_rounds {
            0 => {}
            1 => drop(command.args(["--script", "everything"])),
            rounds => drop(command.args(["--script", "everything", "--script-rounds", &rounds.to_string()])),
        }
        let simulator = match options.foreground {
            true => Server::start_in_foreground(&mut command)?,
            false => Server::start(&mut command)?,
        };
        // The first printed URL tells the port; a path of "/" makes the app find all channels of the "recorder".
        let base = simulator.wait_for_line(Duration::from_secs(60), |line| {
            let rest = line.trim().strip_prefix("rtsp://")?;
            let host = rest.split(['/', ' ']).next()?;
            Some(format!("rtsp://admin:bartizan1@{host}/"))
        })?;
        Ok(Self { sources: vec![base], _simulator: Some(simulator) })
    }

    /// The URL of one stream, `main` or `sub`, of a simulated channel.
    pub fn stream(&self, channel: usize, profile: &str) -> Result<String, String> {
        let base = self.sources.first().ok_or("no simulator")?.trim_end_matches('/');
        Ok(format!("{base}/ch{channel}/{profile}"))
    }
}

/// Runs the app without a display and gives the report of `tests/e2e/measure.mjs`, with the costs of its processes.
pub fn headless(options: &Options) -> Result<Value, String> {
    setup::packages(setup::HEADLESS_PACKAGES)?;
    setup::packages(setup::RUN_PACKAGES)?;
    setup::node_modules()?;
    setup::page()?;
    let shell = if options.window { "bartizan" } else { "bartizan-web" };
    let programs = setup::build(&[shell, "bartizan-sim"], options.release)?;
    let site = Site::start(&programs, options)?;
    measure(&programs, &site, options)
}

/// Watches `site` for the given time.
pub fn measure(programs: &Path, site: &Site, options: &Options) -> Result<Value, String> {
    let script = root().join("tests/e2e/measure.mjs");
    let mut node = Command::new("node");
    node.arg(&script)
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--layout", &options.layout.to_string()])
        .args(["--openings", &options.openings.to_string()])
        .args(["--decoding", if options.soft_decoding { "soft" } else { "hard" }]);
    let sources = site.sources.join("\n");
    let (text, _display);
    if options.window {
        let display = Display::start()?;
        node.args(["--window", &path(programs.join("bartizan"))]).env("DISPLAY", &display.name);
        node.env("BARTIZAN_SOURCES", sources);
        if options.poll {
            node.env("BARTIZAN_CARRIER", "poll");
        }
        text = output(&mut node)?;
        _display = Some(display);
    } else {
        let mut command = Command::new(programs.join("bartizan-web"));
        command.env("BARTIZAN_SOURCES", sources).arg("--ui").arg(root().join("ui/dist"));
        let server = Server::start(&mut command)?;
        let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
        node.env("BARTIZAN_URL", url).env("BARTIZAN_SERVER_PID", server.id().to_string());
        text = output(&mut node)?;
        _display = None;
    }
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|e| format!("the measuring script said {line:?}: {e}"))
}

fn path(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// A virtual screen.
pub struct Display {
    _server: Server,
    /// For the DISPLAY variable.
    pub name: String,
}

impl Display {
    /// Starts Xvfb on a free display.
    pub fn start() -> Result<Self, String> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]);
        let server = Server::start(&mut command)?;
        let number = server.wait_for_line(Duration::from_secs(20), |line| line.trim().parse::<u32>().ok())?;
        Ok(Self { _server: server, name: format!(":{number}") })
    }
}

fn print_table(report: &Value) {
    println!(
        "tile  name                  codec        path       size        fps   age p50/p95 ms   dropped  first ms"
    );
    for tile in report["tiles"].as_array().into_iter().flatten() {
        let text = |key: &str| tile[key].as_str().unwrap_or("-").to_owned();
        let number = |key: &str| tile[key].as_f64().map_or("-".into(), |n| format!("{n:.1}"));
        println!(
            "{:>4}  {:20}  {:11}  {:9}  {:>4}x{:<4}  {:>5}   {:>6} / {:>6}  {:>8}  {:>8}",
            tile["index"],
            text("name"),
            text("codec"),
            text("path"),
            tile["width"],
            tile["height"],
            number("presented_fps"),
            number("age_ms_p50"),
            number("age_ms_p95"),
            tile["dropped"],
            number("first_frame_ms"),
        );
    }
    println!(
        "\nCPU {:.2} s in {} s, peak memory {:.0} MiB resident ({:.0} MiB proportional) in {} processes",
        report["cpu_s"].as_f64().unwrap_or(0.0),
        report["seconds"],
        report["peak_rss_mib"].as_f64().unwrap_or(0.0),
        report["peak_pss_mib"].as_f64().unwrap_or(0.0),
        report["processes"],
    );
}

/// An error when a tile presented nothing.
fn silent_tiles(report: &Value) -> Result<(), String> {
    let tiles = report["tiles"].as_array().cloned().unwrap_or_default();
    let silent: Vec<_> = tiles
        .iter()
        .filter(|tile| tile["presented"].as_u64() == Some(0))
        .map(|tile| tile["index"].clone())
        .collect();
    if tiles.is_empty() {
        Err("no tiles on the wall".into())
    } else if silent.is_empty() {
        Ok(())
    } else {
        Err(format!("nothing was presented on tiles {}", json!(silent)))
    }
}
