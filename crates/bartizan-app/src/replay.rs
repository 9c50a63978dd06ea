//! Playing what devices recorded, as a stream of one viewer: found by the driver, opened like live video, and gone on
//! with at the next recording where one ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bartizan_base::{ChannelId, Code, Error, Result, StreamId, StreamProfile, UtcMicros};
use bartizan_device::{
    LiveItem, LiveStream, Replay, ReplayPoint, RtspAddress, StreamDescription, StreamOpener, StreamSource,
};

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
        let opened = if point.by_range {
            self.opener.open_replay(source, point.device).await
        } else {
            self.opener.open(source).await.map(|stream| Replay { stream, starts: None })
        };
        // A path that the device does not know is a moment that it does not have.
        let Replay { stream, starts } = opened.map_err(|error| match error.code() {
            Code::NoSuchStream => Error::new(Code::NothingRecorded, error.detail().to_owned()),
            _ => error,
        })?;
        // What the device says of its first picture, on our clock.
        let starts = starts.map_or(point.starts, |at| UtcMicros(at.0 - (point.device.0 - point.starts.0)));
        let description = StreamDescription { recorded: Some(starts), ..stream.description().clone() };
        lock(&self.place).barren += 1;
        Ok(Box::new(Playing { stream, description, starts, place: self.place.clone() }))
    }
}

/// A recording that plays, and keeps the place.
struct Playing {
    stream: Box<dyn LiveStream>,
    description: StreamDescription,
    starts: UtcMicros,
    place: Arc<Mutex<Place>>,
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
                Ok(LiveItem::AccessUnit(unit)) => {
                    let mut place = lock(&self.place);
                    let shown = self.starts.0.saturating_add(unit.pts_us).saturating_add(1);
                    place.next = UtcMicros(shown.max(place.next.0));
                    place.barren = 0;
                }
                // It tells the clock of the recording or of now, as the device likes; nothing here needs it.
                Ok(LiveItem::Clock(_)) => continue,
                _ => {}
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
