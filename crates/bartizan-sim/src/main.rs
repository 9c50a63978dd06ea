//! Runs a simulated site until Ctrl-C.

use std::{error::Error, net::IpAddr, path::PathBuf, time::Duration};

use bartizan_base::{Secret, StreamProfile};
use bartizan_sim::{Fault, FaultScript, Site, SiteConfig, Source};
use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, ValueEnum)]
enum SourceName {
    /// Drawn and encoded while watched.
    Scene,
    /// A looped clip, cheap for any number of viewers.
    Clip,
}

#[derive(Clone, Copy, ValueEnum)]
enum ScriptName {
    /// Every fault a client survives by itself, within a minute.
    Everything,
}

/// A simulated surveillance site.
#[derive(Parser)]
#[command(name = "bartizan-sim", version)]
struct Arguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// RTSP port; 0 takes any free one.
    #[arg(long, default_value_t = 8554)]
    port: u16,
    /// Number of channels.
    #[arg(long, default_value_t = 16)]
    channels: u16,
    /// Fault that is on from the start.
    #[arg(long)]
    fault: Option<Fault>,
    /// Delay of a one-shot fault after PLAY.
    #[arg(long, default_value_t = 500)]
    fault_after_ms: u64,
    /// Where pictures come from.
    #[arg(long, value_enum, default_value = "scene")]
    source: SourceName,
    /// H.264 Annex B file to loop; implies `--source clip`.
    #[arg(long)]
    clip: Option<PathBuf>,
    /// Login name.
    #[arg(long, default_value = "admin")]
    user: String,
    /// Password.
    #[arg(long, default_value = "bartizan1")]
    password: String,
    /// Let everyone in.
    #[arg(long)]
    no_auth: bool,
    /// Pictures without sound.
    #[arg(long)]
    no_audio: bool,
    /// Distance of key frames.
    #[arg(long, default_value_t = 1000)]
    gop_ms: u64,
    /// Session time-out.
    #[arg(long, default_value_t = 60)]
    session_timeout_s: u64,
    /// Fault script to run.
    #[arg(long, value_enum)]
    script: Option<ScriptName>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let source = match (arguments.source, arguments.clip) {
        (_, Some(file)) => Source::Clip(Some(file)),
        (SourceName::Clip, None) => Source::Clip(None),
        (SourceName::Scene, None) => Source::Scene,
    };
    let site = Site::start(SiteConfig {
        bind: arguments.bind,
        port: arguments.port,
        channels: arguments.channels,
        user: if arguments.no_auth { String::new() } else { arguments.user },
        password: Secret::new(arguments.password),
        source,
        session_timeout: Duration::from_secs(arguments.session_timeout_s),
        gop: Duration::from_millis(arguments.gop_ms),
        audio: !arguments.no_audio,
        ..SiteConfig::default()
    })
    .await?;
    site.set_fault_after(None, arguments.fault, Duration::from_millis(arguments.fault_after_ms));
    if let Some(ScriptName::Everything) = arguments.script {
        site.run_script(FaultScript::everything());
    }
    for channel in 1..=arguments.channels {
        let (main, sub) = (site.url(channel, StreamProfile::Main), site.url(channel, StreamProfile::Sub));
        println!("{main}  {sub}  {}", bartizan_sim::channel_name(channel));
    }
    tokio::signal::ctrl_c().await?;
    site.shutdown().await;
    Ok(())
}
