//! Runs a simulated site until Ctrl-C.

use std::{error::Error, net::IpAddr, path::PathBuf, time::Duration};

use bartizan_base::{Secret, StreamProfile};
use bartizan_sim::{
    Brands, BrandsConfig, Fault, FaultScript, Site, SiteConfig, SoundCoding, Source, UnitClass,
};
use clap::{Parser, ValueEnum};

/// The script ends within it.
const SCRIPT_EVERY_MS: u64 = 60_000;

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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SiteName {
    /// Many plain RTSP cameras.
    Rtsp,
    /// One device of each family, a recorder among them, and one that is fresh from the factory.
    Brands,
}

/// A simulated surveillance site.
#[derive(Parser)]
#[command(name = "bartizan-sim", version)]
struct Arguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// What the site is made of.
    #[arg(long, value_enum, default_value = "rtsp")]
    site: SiteName,
    /// First port of a site of brands, three a device; 0 takes free ones.
    #[arg(long, default_value_t = 0)]
    port_base: u16,
    /// A site of brands answers no searches of the network.
    #[arg(long)]
    no_discovery: bool,
    /// One JSON object a device of a site of brands.
    #[arg(long)]
    json: bool,
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
    /// How the sound of the channels is coded, in turn: pcmu, pcma, g726-32, aac, unknown.
    #[arg(long, value_delimiter = ',', default_value = "pcmu")]
    audio: Vec<SoundCoding>,
    /// Distance of key frames.
    #[arg(long, default_value_t = 1000)]
    gop_ms: u64,
    /// Session time-out.
    #[arg(long, default_value_t = 60)]
    session_timeout_s: u64,
    /// Fault script to run.
    #[arg(long, value_enum)]
    script: Option<ScriptName>,
    /// How often the script runs, a minute from begin to begin.
    #[arg(long, default_value_t = 1)]
    script_rounds: u16,
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
    let config = SiteConfig {
        bind: arguments.bind,
        port: arguments.port,
        channels: arguments.channels,
        user: if arguments.no_auth { String::new() } else { arguments.user },
        password: Secret::new(arguments.password),
        source,
        session_timeout: Duration::from_secs(arguments.session_timeout_s),
        gop: Duration::from_millis(arguments.gop_ms),
        audio: !arguments.no_audio,
        sounds: arguments.audio,
        ..SiteConfig::default()
    };
    if arguments.site == SiteName::Brands {
        return brands(config, arguments.port_base, !arguments.no_discovery, arguments.json).await;
    }
    let site = Site::start(config).await?;
    site.set_fault_after(None, arguments.fault, Duration::from_millis(arguments.fault_after_ms));
    if let Some(ScriptName::Everything) = arguments.script {
        site.run_script(FaultScript::everything().repeated(arguments.script_rounds, SCRIPT_EVERY_MS));
    }
    for channel in 1..=arguments.channels {
        let (main, sub) = (site.url(channel, StreamProfile::Main), site.url(channel, StreamProfile::Sub));
        println!("{main}  {sub}  {}", bartizan_sim::channel_name(channel));
    }
    tokio::signal::ctrl_c().await?;
    site.shutdown().await;
    Ok(())
}

async fn brands(
    video: SiteConfig,
    port_base: u16,
    discovery: bool,
    json: bool,
) -> Result<(), Box<dyn Error>> {
    let IpAddr::V4(bind) = video.bind else { return Err("a site of brands needs an IPv4 address".into()) };
    let discovery = discovery.then_some(bind);
    let brands = Brands::start(BrandsConfig { bind, port_base, discovery, video }).await?;
    for one in &brands.units {
        let config = one.unit.config();
        let password = config.password.as_ref().map(Secret::expose);
        if json {
            let row = serde_json::json!({
                "name": config.name, "personality": one.brand.word(), "host": bind.to_string(),
                "httpPort": one.http().port(), "httpsPort": one.https().map(|addr| addr.port()),
                "rtspPort": one.video().addr().port(), "serial": config.serial, "label": one.label(),
                "model": config.model, "user": config.user, "password": password,
                "activated": password.is_some(), "ptz": config.ptz,
                "class": if config.class == UnitClass::Recorder { "recorder" } else { "camera" },
            });
            println!("{row}");
        } else {
            println!("{:6} http://{}  {}  {}", one.brand.word(), one.http(), config.model, config.name);
        }
    }
    stopped().await;
    brands.shutdown().await;
    Ok(())
}

/// Ends at Ctrl-C or SIGTERM.
async fn stopped() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
