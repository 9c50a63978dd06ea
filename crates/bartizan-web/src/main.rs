//! `bartizan-web`: serves the page on loopback and prints its address.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use bartizan_app::App;
use bartizan_base::SystemClock;
use bartizan_web::{Config, Server};
use clap::Parser;

/// Bartizan in an ordinary browser, on this machine only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Folder of the built page.
    #[arg(long, default_value = "ui/dist")]
    ui: PathBuf,
    /// Folder of the database. Default: `~/.local/share/bartizan`.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Watch this RTSP URL and store nothing; repeatable. The variable BARTIZAN_SOURCES does the same, one URL a
    /// line, without showing passwords in the list of processes.
    #[arg(long)]
    source: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("BARTIZAN_LOG")
                .unwrap_or_else(|_| "warn,retina=error".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bartizan-web: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let from_env = std::env::var("BARTIZAN_SOURCES").unwrap_or_default();
    let mut sources = arguments.source;
    sources.extend(from_env.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    let clock = Arc::new(SystemClock);
    let app = if sources.is_empty() {
        let folder = match arguments.data {
            Some(folder) => folder,
            None => default_folder().ok_or("no home folder; give one with --data")?,
        };
        App::open(&folder, clock).await
    } else {
        App::ephemeral(&sources, clock).await
    };
    let app = Arc::new(app.map_err(|e| e.to_string())?);
    if !arguments.ui.join("index.html").is_file() {
        return Err(format!(
            "no built page in {}; `npm --prefix ui run build` makes it",
            arguments.ui.display()
        ));
    }
    let server = Server::start(app.clone(), Config { port: arguments.port, ui: arguments.ui })
        .await
        .map_err(|e| format!("cannot listen on 127.0.0.1:{}: {e}", arguments.port))?;
    println!("Bartizan is at {}", server.url());
    stopped().await;
    app.shutdown().await;
    Ok(())
}

fn default_folder() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
    Some(data.or_else(|| home.map(|home| home.join(".local/share")))?.join("bartizan"))
}

/// Ends at Ctrl-C or, on Unix, SIGTERM.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
