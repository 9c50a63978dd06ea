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
    /// What the failed tests said, told again at the end, where it is found.
    words: Vec<String>,
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
        if outcome.is_err() {
            tally.words.push(cargo_failures(&text));
        }
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
    for words in &tally.words {
        println!("{words}");
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
    let files = [
        "shell",
        "wall",
        "picture",
        "quality",
        "favourites",
        "files",
        "sound",
        "player",
        "help",
        "contract",
        "life",
        "protection",
        "budget",
        "survival",
    ];
    end_to_end(tally, "browser", &files, |node| {
        node.env("BARTIZAN_URL", &url).env("BARTIZAN_SIM", &site_url);
        node.env("BARTIZAN_PROGRAMS", &programs).env("BARTIZAN_UI", root().join("ui/dist"));
    });
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
    let films = site.films(&data.0)?;
    end_to_end(tally, "brands", &["adding", "control", "streams", "talk", "replay", "accessible"], |node| {
        node.env("BARTIZAN_URL", &url).env("BARTIZAN_SECOND_URL", &second_url);
        node.env("BARTIZAN_BRANDS", &list).env("BARTIZAN_FEEDS", &films).env("BARTIZAN_SIM", site_url);
    });
    Ok(())
}

fn window(tally: &mut Tally) -> Result<(), String> {
    let programs = setup::build(&["bartizan", "bartizan-sim"], false)?;
    let (_site, site_url) = simulator(&programs)?;
    let data = Scratch::new("window")?;
    let display = Display::start()?;
    end_to_end(tally, "window", &["window", "window-walk", "window-talk", "window-replay"], |node| {
        node.env("BARTIZAN_APP", programs.join("bartizan"))
            .env("BARTIZAN_PROGRAMS", &programs)
            .env("BARTIZAN_SIM", &site_url)
            .env("BARTIZAN_DATA", &data.0)
            .env("DISPLAY", &display.name);
    });
    Ok(())
}

/// Runs files of end-to-end tests one by one against the same servers.
fn end_to_end(tally: &mut Tally, suite: &str, names: &[&str], environment: impl Fn(&mut Command)) {
    for name in names {
        let mut node = Command::new("node");
        node.args(["--test", "--test-reporter=spec"]);
        node.arg(root().join(format!("tests/e2e/{name}.e2e.mjs")));
        environment(&mut node);
        let (text, outcome) = run_and_read(&mut node);
        if outcome.is_err() {
            tally.words.push(node_failures(&text));
        }
        let (passed, failed) = node_counts(&text);
        tally.add(suite, passed, failed, outcome);
    }
}

/// As many lines as one reads.
const WORDS: usize = 60;

/// What node's reporter says again at its end about tests that failed.
fn node_failures(text: &str) -> String {
    let plain = strip_colours(text);
    let from = plain.find("failing tests:").unwrap_or_default();
    plain[from..].lines().take(WORDS).collect::<Vec<_>>().join("\n")
}

/// What `cargo test` says about those that failed: the output of each, by name.
fn cargo_failures(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        inside = line.starts_with("---- ") || (inside && *line != "failures:");
        inside
    });
    lines.take(WORDS).collect::<Vec<_>>().join("\n")
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

    #[test]
    fn words_of_failures() {
        let node = "✖ a test\nℹ fail 1\n\u{1b}[31m✖ failing tests:\u{1b}[39m\n\n✖ a test\n  not 2";
        assert_eq!(node_failures(node), "failing tests:\n\n✖ a test\n  not 2");
        let cargo = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nnot 2\n\nfailures:\n    a\n\ntest b ... ok";
        assert_eq!(cargo_failures(cargo), "---- a stdout ----\nnot 2\n");
    }
}
