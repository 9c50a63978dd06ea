//! Receives any number of streams in one process, optionally decoding them, and prints what came; its CPU time is what
//! `cargo xtask bench` reads from outside.
//!
//! `cargo run --release -p bartizan-app --example ingest -- [--decode] [--seconds N] URL…`

use std::{process::ExitCode, time::Duration};

use bartizan_base::{OwnedTask, Result};
use bartizan_decode::StreamDecoder;
use bartizan_device::{LiveItem, RtspAddress, StreamOpener, StreamSource, Transport};
use bartizan_rtsp::RtspOpener;
use tokio::time::{Instant, timeout_at};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (mut decode, mut seconds, mut urls) = (false, 10, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--decode" => decode = true,
            "--seconds" => seconds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(seconds),
            _ => urls.push(argument),
        }
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let tasks: Vec<_> = urls.into_iter().map(|url| OwnedTask::spawn(receive(url, decode, until))).collect();
    let (mut pictures, mut failed) = (0, 0);
    for task in tasks {
        match task.join().await {
            Some(Ok(count)) => pictures += count,
            Some(Err(error)) => {
                eprintln!("{error}");
                failed += 1;
            }
            None => failed += 1,
        }
    }
    println!("{pictures} pictures, {failed} streams failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn receive(url: String, decode: bool, until: Instant) -> Result<u64> {
    let (address, credentials) = RtspAddress::parse(&url)?;
    let source = StreamSource { address, credentials, transport: Transport::Tcp };
    let mut stream = RtspOpener::new().open(&source).await?;
    let mut decoder = decode.then(StreamDecoder::new);
    let mut pictures = 0;
    while let Ok(Some(item)) = timeout_at(until, stream.next()).await {
        if let LiveItem::AccessUnit(unit) = item? {
            match &mut decoder {
                Some(decoder) => pictures += decoder.push_unit(&unit)?.len() as u64,
                None => pictures += 1,
            }
        }
    }
    stream.close().await;
    Ok(pictures)
}
