//! Opens one stream and prints what it is and what comes, second by second.
//!
//! `cargo run -p bartizan-rtsp --example watch -- rtsp://user:password@host/path [--seconds N] [--json]`

use std::{process::ExitCode, time::Duration};

use bartizan_base::{Result, redact_url};
use bartizan_device::{LiveItem, RtspAddress, StreamOpener, StreamSource, Transport};
use bartizan_rtsp::RtspOpener;
use clap::Parser;
use serde_json::json;
use tokio::time::{Instant, interval_at};

#[derive(Parser)]
struct Arguments {
    /// `rtsp://[user:password@]host[:port]/path`
    url: String,
    /// How long to watch.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// One JSON object per line instead of text.
    #[arg(long)]
    json: bool,
    /// `auto`, `tcp` or `udp`.
    #[arg(long, default_value = "auto")]
    transport: String,
}

#[derive(Default)]
struct Second {
    pictures: u32,
    keys: u32,
    holes: u32,
    bytes: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match watch(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if arguments.json {
                println!("{}", json!({ "error": error.code(), "detail": error.detail() }));
            } else {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn watch(arguments: &Arguments) -> Result<()> {
    let (address, credentials) = RtspAddress::parse(&arguments.url)?;
    let transport = match arguments.transport.as_str() {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => Transport::Auto,
    };
    let started = Instant::now();
    let mut stream = RtspOpener::new().open(&StreamSource { address, credentials, transport }).await?;
    let description = stream.description().clone();
    if arguments.json {
        println!(
            "{}",
            json!({
                "url": redact_url(&arguments.url), "codec": description.codec, "audio": description.audio,
                "frameRate": description.frame_rate, "server": description.server,
                "transport": format!("{:?}", description.transport).to_lowercase(),
                "openMs": started.elapsed().as_millis() as u64,
            })
        );
    } else {
        println!("{} {description:#?}", redact_url(&arguments.url));
    }
    let mut tick = interval_at(started + Duration::from_secs(1), Duration::from_secs(1));
    let mut second = Second::default();
    let mut number = 0;
    while number < arguments.seconds {
        tokio::select! {
            _ = tick.tick() => {
                number += 1;
                let Second { pictures, keys, holes, bytes } = std::mem::take(&mut second);
                if arguments.json {
                    println!("{}", json!({ "second": number, "pictures": pictures, "keys": keys, "holes": holes, "bytes": bytes }));
                } else {
                    println!("{number:4} s  {pictures:3} pictures ({keys} key, {holes} after loss)  {:6.1} kbit/s", bytes as f64 * 8e-3);
                }
            }
            item = stream.next() => match item {
                None => break,
                Some(Err(error)) => return Err(error),
                Some(Ok(LiveItem::Video(info))) => {
                    if arguments.json {
                        println!("{}", json!({
                            "video": info.codec, "width": info.width, "height": info.height,
                            "reorderFrames": info.reorder_frames, "matrix": info.matrix, "fullRange": info.full_range,
                        }));
                    } else {
                        println!("{info:?}");
                    }
                }
                Some(Ok(LiveItem::AccessUnit(unit))) => {
                    second.pictures += 1;
                    second.keys += u32::from(unit.random_access);
                    second.holes += u32::from(unit.discontinuity);
                    second.bytes += unit.data.len();
                }
                Some(Ok(LiveItem::Clock(_))) => {}
            }
        }
    }
    stream.close().await;
    Ok(())
}
