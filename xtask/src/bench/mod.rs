//! `cargo xtask bench`: our figures beside a peer's, in one run, on the same streams.
//!
//! CPU time is the figure that a shared machine does not spoil much; wall times are given with that in mind.

mod app;
mod first_picture;
mod ingest;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::setup;

/// What to measure.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Only groups or rows whose name contains this: ingest, latency, first-picture, wall, memory.
    #[arg(long)]
    pub only: Option<String>,
    /// An array of rows instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Minutes of the memory row.
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
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
    /// Ours divided by the peer's; below 1 we are cheaper or faster.
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

    /// A figure on its own; `aim` is the largest value wanted.
    pub fn alone(name: String, unit: &'static str, value: f64, aim: Option<f64>) -> Self {
        Self {
            name,
            value,
            unit,
            peer: None,
            peer_value: None,
            ratio: None,
            aim: aim.map(|aim| format!("<= {aim} {unit}")),
            met: aim.map(|aim| value <= aim),
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
    setup::packages(setup::BUILD_PACKAGES)?;
    setup::packages(setup::RUN_PACKAGES)?;
    setup::packages(setup::HEADLESS_PACKAGES)?;
    setup::packages(setup::TEST_PACKAGES)?;
    setup::packages(setup::BENCH_PACKAGES)?;
    setup::node_modules()?;
    setup::page()?;
    let folder = setup::build(&["bartizan-sim", "bartizan-web", "bartizan"], true)?;
    setup::build_example("bartizan-app", "ingest")?;
    let programs = Programs { folder, seconds: options.seconds };
    let groups: [(&str, Measure); 4] = [
        ("latency and wall", |programs, _| app::measure(programs)),
        ("first-picture", |programs, _| first_picture::measure(programs)),
        ("ingest", |programs, _| ingest::measure(programs)),
        ("memory", |programs, options| app::memory(programs, options.minutes)),
    ];
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for (group, measure) in groups.into_iter().filter(|(group, _)| wanted(group)) {
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

type Measure = fn(&Programs, &Options) -> Result<Vec<Row>, String>;

fn print_table(rows: &[Row]) {
    println!(
        "{:44} {:>9} {:10} {:34} {:>9} {:>6}  {:16} met",
        "what", "ours", "unit", "peer", "peer's", "ratio", "aim"
    );
    for row in rows {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        println!(
            "{:44} {:>9.2} {:10} {:34} {:>9} {:>6}  {:16} {}",
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
