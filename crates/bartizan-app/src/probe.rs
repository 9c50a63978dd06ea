//! Finds out what streams a device has, from an address alone, without ever endangering its account.

use std::time::Duration;

use bartizan_base::{Code, Error, Result, StreamProfile};
use bartizan_device::{RtspAddress, StreamDescription, StreamSource};
use bartizan_rtsp::{PathPattern, WELL_KNOWN_PATHS, sibling_path};
use bartizan_store::{ChannelRow, StreamRow};
use futures::{StreamExt, stream};

use crate::live::Live;

/// What the RTSP side of a device has.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// Host and port; the path is the first stream's.
    pub address: RtspAddress,
    /// What it calls itself.
    pub server: Option<String>,
    /// Its channels.
    pub channels: Vec<ChannelRow>,
}

/// All probing of one device together.
const PROBE_LIMIT: Duration = Duration::from_secs(40);
/// Recorders beyond this exist but are rare; the rest can be added by URL.
const MOST_CHANNELS: u16 = 64;
/// A channel number no recorder has: a device that has "it" ignores the path.
const NO_SUCH_CHANNEL: u16 = 240;
/// DESCRIBEs at once; small recorders refuse more.
const AT_ONCE: usize = 4;

/// Probes the device of `source`. A path other than `/` means that one stream; else the well-known paths are tried.
pub(crate) async fn probe(live: &Live, source: StreamSource, spend_last_try: bool) -> Result<Streams> {
    let prober = Prober { live, source, spend_last_try };
    let search =
        async { if prober.source.address.path == "/" { prober.search().await } else { prober.one().await } };
    match tokio::time::timeout(PROBE_LIMIT, search).await {
        Ok(found) => found,
        Err(_) => Err(Error::new(
            Code::Timeout,
            format!("the device did not answer within {} s", PROBE_LIMIT.as_secs()),
        )),
    }
}

struct Prober<'a> {
    live: &'a Live,
    source: StreamSource,
    spend_last_try: bool,
}

impl Prober<'_> {
    async fn describe(&self, path: &str, asked: bool) -> Result<StreamDescription> {
        let source = StreamSource { address: self.source.address.with_path(path), ..self.source.clone() };
        self.live.describe(&source, asked, self.spend_last_try).await
    }

    fn found(&self, path: &str, server: Option<String>, channels: Vec<ChannelRow>) -> Streams {
        Streams { address: self.source.address.with_path(path), server, channels }
    }

    /// The stream of the given path, and its sibling where the path tells of one.
    async fn one(&self) -> Result<Streams> {
        let path = self.source.address.path.clone();
        let given = self.describe(&path, true).await?;
        let server = given.server.clone();
        let mut number = 1;
        let mut main = row(StreamProfile::Main, &path, &given);
        let mut sub = None;
        if let Some((other_path, channel, other_is_sub)) = sibling_path(&path) {
            number = channel;
            if let Ok(other) = self.describe(&other_path, false).await {
                if other_is_sub {
                    sub = Some(row(StreamProfile::Sub, &other_path, &other));
                } else {
                    sub = Some(StreamRow { profile: StreamProfile::Sub, ..main });
                    main = row(StreamProfile::Main, &other_path, &other);
                }
            }
        }
        let title = given.title.unwrap_or_default();
        let streams = std::iter::once(main).chain(sub).collect();
        Ok(self.found(&path, server, vec![ChannelRow { number, name: title, streams }]))
    }

    async fn search(&self) -> Result<Streams> {
        let mut asked = true;
        for pattern in WELL_KNOWN_PATHS {
            match self.describe(&pattern.path(false, 1), asked).await {
                Ok(first) => return self.channels(pattern, first).await,
                // Anything but "no such path" is an answer about the device, not about the path.
                Err(error) if error.code() != Code::NoSuchStream => return Err(error),
                Err(_) => asked = false,
            }
        }
        Err(Error::new(
            Code::NoSuchStream,
            "the device answers, but none of the well-known stream paths exists; its manual gives the RTSP URL",
        ))
    }

    async fn channels(&self, pattern: &PathPattern, first: StreamDescription) -> Result<Streams> {
        let path = pattern.path(false, 1);
        let server = first.server.clone();
        let many = pattern.many_channels
            && self.describe(&pattern.path(false, NO_SUCH_CHANNEL), false).await.is_err()
            && self.describe(&pattern.path(false, 2), false).await.is_ok();
        if !many {
            let sub = self.describe(&pattern.path(true, 1), false).await.ok();
            let channel = channel(pattern, 1, first, sub);
            return Ok(self.found(&path, server, vec![channel]));
        }
        let mut channels: Vec<ChannelRow> = stream::iter(1..=MOST_CHANNELS)
            .map(|number| async move {
                let main = self.describe(&pattern.path(false, number), false).await.ok()?;
                let sub = self.describe(&pattern.path(true, number), false).await.ok();
                Some(channel(pattern, number, main, sub))
            })
            .buffered(AT_ONCE)
            // Recorders number without gaps; the first missing channel is the end.
            .take_while(|found| futures::future::ready(found.is_some()))
            .filter_map(futures::future::ready)
            .collect()
            .await;
        channels.sort_by_key(|channel| channel.number);
        Ok(self.found(&path, server, channels))
    }
}

fn channel(
    pattern: &PathPattern,
    number: u16,
    main: StreamDescription,
    sub: Option<StreamDescription>,
) -> ChannelRow {
    let mut streams = vec![row(StreamProfile::Main, &pattern.path(false, number), &main)];
    streams.extend(sub.map(|sub| row(StreamProfile::Sub, &pattern.path(true, number), &sub)));
    ChannelRow { number, name: main.title.unwrap_or_default(), streams }
}

fn row(profile: StreamProfile, path: &str, description: &StreamDescription) -> StreamRow {
    let video = description.video.as_ref();
    StreamRow {
        profile,
        path: path.to_owned(),
        codec: video.map(|video| video.codec.clone()),
        width: video.map(|video| video.width),
        height: video.map(|video| video.height),
    }
}
