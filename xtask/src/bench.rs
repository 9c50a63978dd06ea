//! `cargo xtask bench`: our figures beside a peer's, in one run.

use clap::Args;

/// What to measure.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Only rows whose name contains this.
    #[arg(long)]
    pub only: Option<String>,
    /// An array of rows instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Measures.
pub fn run(_options: &Options) -> Result<(), String> {
    Err("not yet".into())
}
