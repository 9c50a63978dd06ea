//! The project's automation: `cargo xtask demo | test | ci | bench | codegen | icons | mobile`.

mod bench;
mod brands;
mod ci;
mod demo;
mod icons;
mod licences;
mod mobile;
mod process;
mod setup;
mod tests;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Bartizan's automation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what is missing, starts sixteen simulated cameras and opens the app on them.
    Demo(demo::Options),
    /// Runs every test.
    Test(tests::Options),
    /// Runs every check that is not a test: format, lints, types, licences, generated code, phones.
    Ci,
    /// Measures against peers.
    Bench(bench::Options),
    /// Writes the TypeScript of the command list, and the list of licences.
    Codegen {
        /// Only compare; fail when it is stale.
        #[arg(long)]
        check: bool,
    },
    /// Draws the icon sets from icons/icon.svg.
    Icons,
    /// Type-checks the app for Android and iOS.
    Mobile,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => tests::run(&options),
        Task::Ci => ci::run_checks(),
        Task::Bench(options) => bench::run(&options),
        Task::Codegen { check } => ci::codegen(check).and_then(|()| licences::generate(check)),
        Task::Icons => icons::generate(&root()),
        Task::Mobile => ci::mobile(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The project's folder.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Where cargo builds to.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
