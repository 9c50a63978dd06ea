//! `cargo xtask test`: unit, contract, integration, page, browser and window tests, and how many there were.

use std::{process::Command, time::Duration};

use clap::Args;

use crate::{
    brands::Brands,
    demo::{Display, web_url},
    process::{Server, run_and_read},
    root, setup,
};

/// Which tests.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Options {
    /// Only those of the page (vitest).
    #[arg(long)]
    page: bool,
    /// Only Rust's.
    #[arg(long)]
    rust: bool,
    /// Only those in Chromium.
    #[arg(long)]
    browser: bool,
    /// Only those in the Tauri window.
    #[arg(long)]
    window: bool,
    /// After all tests: put the pictures that they took into the README.
    #[arg(long)]
    images: bool,
}

/// Pictures taken by the tests, and what the README calls them.
const IMAGES: [(&str, &str); 4] = [
    ("window-websocket.png", "wall.png"),
    ("home-16.png", "phone.png"),
    ("devices.png", "devices.png"),
    ("add-wrong-password.png", "add.png"),
];

fn copy_images() -> Result<(), String> {
    let folder = root().join("docs/images");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    IMAGES.iter().try_for_each(|(taken, name)| {
        let taken = root().join("tests/e2e/out").join(taken);
        std::fs::copy(&taken, folder.join(name)).map(|_| ()).map_err(|e| format!("{}: {e}", taken.display()))
    })
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, name: &str, passed: u64, failed: u64, outcome: Result<(), String>) {
        self.passed += passed;
        self.failed += failed;
        match outcome {
            Err(message) => {
                self.failed += u64::from(failed == 0);
                self.failures.push(format!("{name}: {message}"));
            }
            Ok(()) if passed == 0 => self.failures.push(format!("{name}: no test ran")),
            Ok(()) => {}
        }
    }
}

/// Runs them.
pub fn run(options: &Options) -> Result<(), String> {
    let all = !(options.page || options.rust || options.browser || options.window);
    setup::packages(setup::BUILD_PACKAGES)?;
    setup::packages(setup::RUN_PACKAGES)?;
    setup::packages(setup::HEADLESS_PACKAGES)?;
    setup::packages(setup::TEST_PACKAGES)?;
    setup::node_modules()?;
    setup::page()?;
    let mut tally = Tally::default();
    if all || options.page {
        let (text, outcome) = run_and_read(&mut setup::npm(&["run", "--silent", "test"]));
        let (passed, failed) = vitest_counts(&text);
        tally.add("page", passed, failed, outcome);
    }
    if all || options.rust {
        let mut command = Command::new(env!("CARGO"));
        command.args(["test", "--workspace", "--no-fail-fast"]).current_dir(root());
        let (text, outcome) = run_and_read(&mut command);
        let (passed, failed) = cargo_counts(&text);
        tally.add("rust", passed, failed, outcome);
    }
    if all || options.browser {
        browser(&mut tally)?;
    }
    if all || options.window {
        window(&mut tally)?;
    }
    if all && options.images && tally.failures.is_empty() {
        copy_images()?;
    }
    for failure in &tally.failures {
        eprintln!("FAILED {failure}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failures.is_empty() { Ok(()) } else { Err("some tests failed".into()) }
}

/// A simulator and its `rtsp://user:password@host:port`.
fn simulator(programs: &std::path::Path) -> Result<(Server, String), String> {
    let mut command = Command::new(programs.join("bartizan-sim"));
    command.args(["--port", "0"]);
    let server = Server::start(&mut command)?;
    let url = server.wait_for_line(Duration::from_secs(60), |line| {
        let host = line.trim().strip_prefix("rtsp://")?.split(['/', ' ']).next()?.to_owned();
        Some(format!("rtsp://admin:bartizan1@{host}"))
    })?;
    Ok((server, url))
}

/// A fresh data folder, removed at the end.
pub(crate) struct Scratch(pub std::path::PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("bartizan-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn browser(tally: &mut Tally) -> Result<(), String> {
    let programs = setup::build(&["bartizan-web", "bartizan-sim"], false)?;
    let (_site, site_url) = simulator(&programs)?;
    let data = Scratch::new("browser")?;
    let mut command = Command::new(programs.join("bartizan-web"));
    command.arg("--ui").arg(root().join("ui/dist")).arg("--data").arg(&data.0);
    let server = Server::start(&mut command)?;
    let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
    let mut node = node_tests(&[
        "shell.e2e.mjs",
        "wall.e2e.mjs",
        "picture.e2e.mjs",
        "quality.e2e.mjs",
        "favourites.e2e.mjs",
        "files.e2e.mjs",
        "sound.e2e.mjs",
        "player.e2e.mjs",
        "help.e2e.mjs",
        "contract.e2e.mjs",
        "life.e2e.mjs",
        "protection.e2e.mjs",
        "budget.e2e.mjs",
        "survival.e2e.mjs",
    ]);
    node.env("BARTIZAN_URL", url).env("BARTIZAN_SIM", &site_url);
    node.env("BARTIZAN_PROGRAMS", &programs).env("BARTIZAN_UI", root().join("ui/dist"));
    let (text, outcome) = run_and_read(&mut node);
    let (passed, failed) = node_counts(&text);
    tally.add("browser", passed, failed, outcome);
    brands(tally, &programs, &site_url)
}

/// Devices of several makes, and two profiles: one finds and controls them, the other gets them by card.
fn brands(tally: &mut Tally, programs: &std::path::Path, site_url: &str) -> Result<(), String> {
    let data = Scratch::new("brands")?;
    let site = Brands::start(programs, false)?;
    let list = data.0.join("brands.json");
    site.write(&list)?;
    let profile = |name: &str| -> Result<(Server, String), String> {
        let mut command = Command::new(programs.join("bartizan-web"));
        command.arg("--ui").arg(root().join("ui/dist")).arg("--data").arg(data.0.join(name));
        command.env("BARTIZAN_SEARCH_LOOPBACK", "1");
        let server = Server::start(&mut command)?;
        let url = server.wait_for_line(Duration::from_secs(60), web_url)?;
        Ok((server, url))
    };
    let (_first, url) = profile("first")?;
    let (_second, second_url) = profile("second")?;
    let mut node =
        node_tests(&["adding.e2e.mjs", "control.e2e.mjs", "streams.e2e.mjs", "accessible.e2e.mjs"]);
    node.env("BARTIZAN_URL", url).env("BARTIZAN_SECOND_URL", second_url).env("BARTIZAN_BRANDS", &list);
    node.env("BARTIZAN_FEEDS", site.films(&data.0)?).env("BARTIZAN_SIM", site_url);
    let (text, outcome) = run_and_read(&mut node);
    let (passed, failed) = node_counts(&text);
    tally.add("brands", passed, failed, outcome);
    Ok(())
}

fn window(tally: &mut Tally) -> Result<(), String> {
    let programs = setup::build(&["bartizan", "bartizan-sim"], false)?;
    let (_site, site_url) = simulator(&programs)?;
    let data = Scratch::new("window")?;
    let display = Display::start()?;
    let mut node = node_tests(&["window.e2e.mjs", "window-walk.e2e.mjs"]);
    node.env("BARTIZAN_APP", programs.join("bartizan"))
        .env("BARTIZAN_PROGRAMS", &programs)
        .env("BARTIZAN_SIM", site_url)
        .env("BARTIZAN_DATA", &data.0)
        .env("DISPLAY", &display.name);
    let (text, outcome) = run_and_read(&mut node);
    let (passed, failed) = node_counts(&text);
    tally.add("window", passed, failed, outcome);
    Ok(())
}

fn node_tests(files: &[&str]) -> Command {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    node.args(files.iter().map(|file| root().join("tests/e2e").join(file)));
    node
}

/// Sums `test result: ok. 12 passed; 0 failed; …`.
fn cargo_counts(text: &str) -> (u64, u64) {
    let lines = text.lines().filter(|line| line.starts_with("test result:"));
    lines.fold((0, 0), |(passed, failed), line| {
        (passed + number_before(line, " passed"), failed + number_before(line, " failed"))
    })
}

/// `      Tests  3 failed | 61 passed (64)`.
fn vitest_counts(text: &str) -> (u64, u64) {
    let plain = strip_colours(text);
    let line = plain.lines().find(|line| line.trim_start().starts_with("Tests ")).unwrap_or_default();
    (number_before(line, " passed"), number_before(line, " failed"))
}

/// `ℹ pass 7`, `ℹ fail 0`.
fn node_counts(text: &str) -> (u64, u64) {
    let plain = strip_colours(text);
    let count = |word: &str| {
        plain
            .lines()
            .find_map(|line| line.trim_start_matches(['ℹ', '#', ' ']).strip_prefix(word)?.trim().parse().ok())
    };
    (count("pass ").unwrap_or(0), count("fail ").unwrap_or(0))
}

fn number_before(line: &str, word: &str) -> u64 {
    line.split(word)
        .next()
        .filter(|head| head.len() < line.len())
        .and_then(|head| head.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .unwrap_or(0)
}

fn strip_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|c| c.is_ascii_alphabetic());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn counts() {
        let cargo =
            "test result: ok. 12 passed; 0 failed; 0 ignored\nx\ntest result: FAILED. 3 passed; 2 failed;";
        assert_eq!(cargo_counts(cargo), (15, 2));
        assert_eq!(
            vitest_counts(" Test Files  2 passed (2)\n      Tests  1 failed | 61 passed (62)\n"),
            (61, 1)
        );
        assert_eq!(
            vitest_counts("\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m61 passed\u{1b}[39m"),
            (61, 0)
        );
        assert_eq!(node_counts("ℹ tests 8\nℹ pass 7\nℹ fail 1\n"), (7, 1));
        assert_eq!(node_counts(""), (0, 0));
    }
}
