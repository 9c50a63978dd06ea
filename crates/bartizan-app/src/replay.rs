//! Playing what devices recorded, as a stream of one viewer: found by the driver, opened like live video, and gone on
//! with at the next recording where one ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bartizan_base::{ChannelId, Code, Error, Result, StreamId, StreamProfile, UtcMicros};
use bartizan_device::{
    ClockPoint, LiveItem, LiveStream, Replay, ReplayPoint, RtspAddress, StreamDescription, StreamOpener,
    StreamSource,
};
use bartizan_media::VideoInfo;

use crate::{
    drivers::Drivers,
    live::{Attachment, Delivery, Live, SourceBook, Viewer},
};

/// How much is passed over of a recording that the device lists and does not play, µs. It grows with every try.
const BARREN_STEP_US: i64 = 2_000_000;

/// The service that plays devices' recordings.
pub struct Replays {
    live: Arc<Live>,
    drivers: Arc<Drivers>,
    sources: Arc<dyn SourceBook>,
    opener: Arc<dyn StreamOpener>,
}

impl Replays {
    /// Nothing plays yet.
    pub fn new(
        live: Arc<Live>,
        drivers: Arc<Drivers>,
        sources: Arc<dyn SourceBook>,
        opener: Arc<dyn StreamOpener>,
    ) -> Self {
        Self { live, drivers, sources, opener }
    }

    /// Lets `viewer` watch what `channel` recorded from `from` on, by our clock, in real time. Where nothing was recorded
    /// then, it begins with what came next; its [`StreamFormat`](crate::live::StreamFormat) says when pictures were
    /// recorded. At the end the stream fails with [`Code::NothingRecorded`]. Must run inside the runtime.
    pub fn attach(
        &self,
        channel: &ChannelId,
        from: UtcMicros,
        delivery: Delivery,
        viewer: Arc<dyn Viewer>,
    ) -> Result<Attachment> {
        let tape = Arc::new(Tape {
            channel: channel.clone(),
            drivers: self.drivers.clone(),
            sources: self.sources.clone(),
            opener: self.opener.clone(),
            place: Arc::new(Mutex::new(Place { next: from, point: None, barren: 0 })),
        });
        let stream = StreamId { channel: channel.clone(), profile: StreamProfile::Main };
        self.live.attach_alone(stream, tape.clone(), tape, delivery, viewer)
    }
}

/// One channel's recordings, from a place in them.
struct Tape {
    channel: ChannelId,
    drivers: Arc<Drivers>,
    sources: Arc<dyn SourceBook>,
    opener: Arc<dyn StreamOpener>,
    place: Arc<Mutex<Place>>,
}

struct Place {
    /// What has not been shown yet.
    next: UtcMicros,
    /// Where it is played, as the device said last.
    point: Option<ReplayPoint>,
    /// Connections since the last picture that brought none.
    barren: u32,
}

fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl SourceBook for Tape {
    async fn source(&self, stream: &StreamId) -> Result<StreamSource> {
        let from = {
            let place = lock(&self.place);
            UtcMicros(place.next.0.saturating_add(BARREN_STEP_US * i64::from(place.barren)))
        };
        let live = self.sources.source(stream).await?;
        let number = self.channel.number;
        let find =
            |driver: Arc<dyn bartizan_device::Driver>| async move { driver.replay(number, from).await };
        let point = self.drivers.with(&self.channel.device, find).await?;
        let address = RtspAddress { path: point.path.clone(), ..live.address };
        lock(&self.place).point = Some(point);
        Ok(StreamSource { address, ..live })
    }
}

#[async_trait]
impl StreamOpener for Tape {
    async fn describe(&self, source: &StreamSource) -> Result<StreamDescription> {
        self.opener.describe(source).await
    }

    async fn open(&self, source: &StreamSource) -> Result<Box<dyn LiveStream>> {
        let point = lock(&self.place).point.clone();
        let point = point.ok_or_else(|| Error::new(Code::Internal, "nothing was looked for"))?;
        let opened = match point.range {
            Some(at) => self.opener.open_replay(source, at).await,
            None => self.opener.open(source).await.map(|stream| Replay { stream, starts: None }),
        };
        // A path that the device does not know is a moment that it does not have.
        let Replay { stream, starts } = opened.map_err(|error| match error.code() {
            Code::NoSuchStream => Error::new(Code::NothingRecorded, error.detail().to_owned()),
            _ => error,
        })?;
        let ahead_us = point.range.unwrap_or(point.starts).0.saturating_sub(point.starts.0);
        // What the device says of its first picture, on our clock.
        let first = starts.map_or(point.starts, |at| UtcMicros(at.0.saturating_sub(ahead_us)));
        let description = StreamDescription { recorded: Some(first), ..stream.description().clone() };
        lock(&self.place).barren += 1;
        Ok(Box::new(Playing {
            stream,
            description,
            starts: first,
            video: None,
            ahead_us: starts.map(|_| ahead_us),
            place: self.place.clone(),
        }))
    }
}

/// A recording that plays, and keeps the place.
struct Playing {
    stream: Box<dyn LiveStream>,
    description: StreamDescription,
    /// When the picture of time 0 was recorded.
    starts: UtcMicros,
    /// As told last.
    video: Option<VideoInfo>,
    /// How far the device's clock is ahead of ours; `None` where it says nothing of when pictures were recorded.
    ahead_us: Option<i64>,
    place: Arc<Mutex<Place>>,
}

/// Between a picture's time and when it was recorded there may be so much more or less before it counts as a gap, µs.
const GAP_US: i64 = 500_000;

impl Playing {
    /// The device says when a picture was recorded. Behind a gap the viewers are told anew.
    fn clock(&mut self, point: ClockPoint) -> Option<LiveItem> {
        let starts = point.device.0.saturating_sub(self.ahead_us?).saturating_sub(point.pts_us);
        if starts.saturating_sub(self.starts.0).saturating_abs() < GAP_US {
            return None;
        }
        self.starts = UtcMicros(starts);
        self.description.recorded = Some(self.starts);
        self.video.clone().map(LiveItem::Video)
    }
}

#[async_trait]
impl LiveStream for Playing {
    fn description(&self) -> &StreamDescription {
        &self.description
    }

    async fn next(&mut self) -> Option<Result<LiveItem>> {
        loop {
            let item = self.stream.next().await?;
            match &item {
                Ok(LiveItem::Video(video)) => self.video = Some(video.clone()),
                Ok(LiveItem::AccessUnit(unit)) => {
                    let mut place = lock(&self.place);
                    let shown = self.starts.0.saturating_add(unit.pts_us).saturating_add(1);
                    place.next = UtcMicros(shown.max(place.next.0));
                    place.barren = 0;
                }
                Ok(LiveItem::Clock(point)) => match self.clock(*point) {
                    Some(item) => return Some(Ok(item)),
                    None => continue,
                },
                Err(_) => {}
            }
            return Some(item);
        }
    }

    async fn close(self: Box<Self>) {
        self.stream.close().await;
    }
}

#[cfg(test)]
mod tests;
