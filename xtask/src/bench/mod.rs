//! `cargo xtask bench`: our figures beside a peer's, in one run, on the same streams.
//!
//! CPU time is the figure that a shared machine does not spoil much; wall times are given with that in mind.

mod app;
mod brands;
mod first_picture;
mod ingest;
mod players;
mod qr;
mod quality;
mod record;
mod script;
mod seek;
mod soak;
mod waits;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::{setup, target_dir};

/// What to measure.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Only groups or rows whose name contains this: ingest, latency, first-picture, wall, memory, quality, add, ptz,
    /// qr, seek, soak, start, enlarge, record.
    #[arg(long)]
    pub only: Option<String>,
    /// An array of rows instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Minutes of the memory row (10 unless told) and of the soak (30 unless told).
    #[arg(long)]
    pub minutes: Option<u64>,
    /// Optimised programs that are there already: nothing is installed or built.
    #[arg(long, value_name = "FOLDER")]
    pub programs: Option<PathBuf>,
    /// The soak in the Tauri window instead of Chromium.
    #[arg(long)]
    pub window: bool,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What.
    pub name: String,
    /// Ours.
    pub value: f64,
    /// Of both values.
    pub unit: &'static str,
    /// Who it is compared with.
    pub peer: Option<String>,
    /// The peer's value.
    pub peer_value: Option<f64>,
    /// Ours divided by the peer's; below 1 we are cheaper or faster, or have less of it.
    pub ratio: Option<f64>,
    /// What we want.
    pub aim: Option<String>,
    /// Whether we have it.
    pub met: Option<bool>,
}

impl Row {
    /// A figure against a peer's; `aim` is the largest ratio wanted.
    pub fn against(
        name: String,
        unit: &'static str,
        value: f64,
        peer: &str,
        peer_value: f64,
        aim: Option<f64>,
    ) -> Self {
        let ratio = (peer_value > 0.0).then(|| value / peer_value);
        Self {
            name,
            value,
            unit,
            peer: Some(peer.to_owned()),
            peer_value: Some(peer_value),
            ratio,
            aim: aim.map(|aim| format!("ratio <= {aim}")),
            met: aim.and_then(|aim| Some(ratio? <= aim)),
        }
    }

    /// A figure of which more is better against a peer's; `aim` is the smallest ratio wanted.
    pub fn more_than(
        name: String,
        unit: &'static str,
        value: f64,
        peer: &str,
        peer_value: f64,
        aim: f64,
    ) -> Self {
        let row = Self::against(name, unit, value, peer, peer_value, None);
        // Against nothing anything is enough.
        let met = row.ratio.is_none_or(|ratio| ratio >= aim);
        Self { aim: Some(format!("ratio >= {aim}")), met: Some(met), ..row }
    }

    /// The same with the largest value wanted as its aim.
    pub fn at_most(self, aim: f64) -> Self {
        Self { aim: Some(format!("<= {aim} {}", self.unit)), met: Some(self.value <= aim), ..self }
    }

    /// A figure on its own; `aim` is the largest value wanted.
    pub fn alone(name: String, unit: &'static str, value: f64, aim: Option<f64>) -> Self {
        let row = Self { name, value, unit, peer: None, peer_value: None, ratio: None, aim: None, met: None };
        match aim {
            Some(aim) => row.at_most(aim),
            None => row,
        }
    }
}

/// The optimised programs.
pub struct Programs {
    /// Their folder.
    pub folder: PathBuf,
    /// See [`Options::seconds`].
    pub seconds: u64,
}

/// Measures.
pub fn run(options: &Options) -> Result<(), String> {
    let wanted =
        |group: &str| options.only.as_deref().is_none_or(|only| group.contains(only) || only.contains(group));
    let soaked = if options.window { Needs::Window } else { Needs::Page };
    let groups: [(&str, Needs, Measure); 13] = [
        ("latency and wall", Needs::Window, |programs, _| app::measure(programs)),
        ("first-picture", Needs::Window, |programs, _| first_picture::measure(programs)),
        ("ingest", Needs::Ingest, |programs, _| ingest::measure(programs)),
        ("add", Needs::Page, |programs, _| brands::add(programs)),
        ("ptz", Needs::Page, |programs, _| brands::ptz(programs)),
        ("quality", Needs::Players, |programs, _| quality::measure(programs)),
        ("seek", Needs::Recording, |programs, _| seek::measure(programs)),
        ("qr", Needs::Rate, |programs, _| qr::measure(programs)),
        ("start", Needs::Window, |programs, _| waits::start(programs)),
        ("enlarge", Needs::Players, |programs, _| waits::enlarge(programs)),
        ("record", Needs::Players, |programs, _| record::measure(programs)),
        ("memory", Needs::Window, |programs, options| app::memory(programs, options.minutes.unwrap_or(10))),
        ("soak", soaked, |programs, options| {
            soak::measure(programs, options.minutes.unwrap_or(30), options.window)
        }),
    ];
    let groups: Vec<_> = groups.into_iter().filter(|(group, ..)| wanted(group)).collect();
    let needs: Vec<_> = groups.iter().map(|(_, needs, _)| *needs).collect();
    let folder = match &options.programs {
        Some(folder) => folder.clone(),
        None => prepare(&needs)?,
    };
    let programs = Programs { folder, seconds: options.seconds };
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for (group, _, measure) in groups {
        eprintln!("measuring {group}");
        // One peer that does not start must not cost the other figures.
        match measure(&programs, options) {
            Ok(measured) => rows.extend(measured),
            Err(message) => failures.push(format!("{group}: {message}")),
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows).map_err(|e| e.to_string())?);
    } else {
        print_table(&rows);
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// What a group of figures cannot do without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The app in a window and in a browser, and the peers that show pictures.
    Window,
    /// The app in a browser.
    Page,
    /// The app in a browser, and the peers.
    Players,
    /// The app in a browser, and a long recording.
    Recording,
    /// Receiving alone, and its peers.
    Ingest,
    /// The table of the code reader.
    Rate,
}

/// Installs and builds; gives the folder of the programs.
fn prepare(needs: &[Needs]) -> Result<PathBuf, String> {
    let has = |one: Needs| needs.contains(&one);
    setup::packages(setup::BUILD_PACKAGES)?;
    if has(Needs::Window) || has(Needs::Players) || has(Needs::Ingest) {
        setup::packages(setup::RUN_PACKAGES)?;
        setup::packages(setup::TEST_PACKAGES)?;
        setup::packages(setup::BENCH_PACKAGES)?;
    }
    if has(Needs::Window) || has(Needs::Players) || has(Needs::Page) || has(Needs::Recording) {
        setup::packages(setup::RUN_PACKAGES)?;
        setup::packages(setup::HEADLESS_PACKAGES)?;
        setup::node_modules()?;
        setup::page()?;
    }
    if has(Needs::Rate) {
        setup::build_example("bartizan-qr", "rate")?;
    }
    if has(Needs::Ingest) {
        setup::build_example("bartizan-app", "ingest")?;
    }
    if has(Needs::Recording) {
        setup::build_example("bartizan-sim", "recording")?;
    }
    if has(Needs::Window) {
        setup::build(&["bartizan-sim", "bartizan-web", "bartizan"], true)
    } else if has(Needs::Players) || has(Needs::Page) || has(Needs::Recording) {
        setup::build(&["bartizan-sim", "bartizan-web"], true)
    } else if has(Needs::Ingest) {
        setup::build(&["bartizan-sim"], true)
    } else {
        Ok(target_dir().join("release"))
    }
}

/// The middle one, or the one at that share of the way from the least to the greatest.
fn quantile(mut all: Vec<f64>, share: f64) -> f64 {
    all.sort_by(f64::total_cmp);
    let last = all.len().saturating_sub(1) as f64;
    all.get((last * share).round() as usize).copied().unwrap_or(f64::NAN)
}

type Measure = fn(&Programs, &Options) -> Result<Vec<Row>, String>;

fn print_table(rows: &[Row]) {
    let widest = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(44);
    println!(
        "{:widest$} {:>9} {:10} {:34} {:>9} {:>6}  {:16} met",
        "what", "ours", "unit", "peer", "peer's", "ratio", "aim"
    );
    for row in rows {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        println!(
            "{:widest$} {:>9.2} {:10} {:34} {:>9} {:>6}  {:16} {}",
            row.name,
            row.value,
            row.unit,
            row.peer.as_deref().unwrap_or("-"),
            number(row.peer_value),
            number(row.ratio),
            row.aim.as_deref().unwrap_or("-"),
            row.met.map_or("-", |met| if met { "yes" } else { "NO" }),
        );
    }
}
