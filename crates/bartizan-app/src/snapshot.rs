//! Snapshots: pictures of a channel in full size, decoded from its main stream or from what its device recorded.

use std::{sync::Arc, time::Duration};

use bartizan_base::{ChannelId, Clock, Code, Error, Result, StreamId, StreamProfile, UtcMicros};
use bartizan_media::{AccessUnit, VideoInfo};
use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{
    control::Control,
    files::{self, Facts, FileEntry, FileKind, Files, off_runtime},
    live::{Attachment, DecodedPicture, Delivery, Live, Phase, Steering, StreamFormat, StreamState, Viewer},
};

/// Pictures of one burst.
pub const MOST_PICTURES: u8 = 10;
/// Pictures of a burst are this far apart; nearer ones are hardly different.
const BURST_STEP: Duration = Duration::from_millis(250);
/// How long the first picture of a stream that nobody watches may take to come.
const FIRST_LIMIT: Duration = Duration::from_secs(8);
/// How long to wait for a picture that is newer than the request, once there is an older one.
const FRESH_LIMIT: Duration = Duration::from_millis(1500);
/// Decoded pictures on their way; what does not fit is not needed.
const INBOX: usize = 4;

/// Takes snapshots.
pub struct Snapshots {
    live: Arc<Live>,
    control: Arc<Control>,
    files: Arc<Files>,
    clock: Arc<dyn Clock>,
}

enum Told {
    Look(StreamFormat),
    Picture(DecodedPicture),
    Failed(Error),
}

struct Catcher(mpsc::Sender<Told>);

impl Viewer for Catcher {
    fn state(&self, state: &StreamState) {
        if state.phase == Phase::Failed {
            let error = state.error.clone();
            let error = error.unwrap_or_else(|| Error::new(Code::DecoderFailed, "the stream failed"));
            let _ = self.0.try_send(Told::Failed(error));
        }
    }

    fn format(&self, format: &StreamFormat) {
        let _ = self.0.try_send(Told::Look(format.clone()));
    }

    fn unit(&self, _: &AccessUnit) {}

    fn picture(&self, picture: DecodedPicture) {
        let _ = self.0.try_send(Told::Picture(picture));
    }

    fn wants_picture(&self) -> bool {
        self.0.capacity() > 0
    }
}

impl Snapshots {
    /// Over the live service and the folder of files.
    pub fn new(live: Arc<Live>, control: Arc<Control>, files: Arc<Files>, clock: Arc<dyn Clock>) -> Self {
        Self { live, control, files, clock }
    }

    /// Takes `count` pictures, 1–10, [`BURST_STEP`] apart. Where the stream cannot be decoded here, the device is asked
    /// for a picture.
    pub async fn take(
        &self,
        channel: &ChannelId,
        profile: StreamProfile,
        title: &str,
        count: u8,
    ) -> Result<Vec<FileEntry>> {
        let count = bounded(count)?;
        let (tell, told) = mpsc::channel(INBOX);
        let stream = StreamId { channel: channel.clone(), profile };
        let watching = self.live.attach(stream, Delivery::Pictures, Arc::new(Catcher(tell)))?;
        let (taken, ended) = self.burst((watching, told), channel, title, self.clock.now(), count).await?;
        match ended {
            Some(cause) if taken.is_empty() => self.ask_device(channel, title, count, cause).await,
            _ => Ok(taken),
        }
    }

    /// Takes `count` pictures, 1–10, [`BURST_STEP`] apart, out of the recording of `channel` that `playing` watches, from
    /// `from` on, by our clock. Another session would not do: a device that does not say when its pictures were taken may
    /// begin with another one.
    pub async fn take_recorded(
        &self,
        channel: &ChannelId,
        playing: &Steering,
        from: UtcMicros,
        title: &str,
        count: u8,
    ) -> Result<Vec<FileEntry>> {
        let count = bounded(count)?;
        if !playing.replays(channel) {
            return Err(Error::new(Code::NotFound, "no recording of this channel plays there"));
        }
        let (tell, told) = mpsc::channel(INBOX);
        let watching = playing.join(Delivery::Pictures, Arc::new(Catcher(tell)))?;
        let (taken, ended) = self.burst((watching, told), channel, title, from, count).await?;
        match ended {
            Some(cause) if taken.is_empty() => Err(cause),
            _ => Ok(taken),
        }
    }

    /// Keeps a picture that the page decoded, of a codec that is not decoded here: a JPEG of at most
    /// [`LARGEST_JPEG`](crate::LARGEST_JPEG) bytes.
    pub async fn keep_shown(
        &self,
        channel: &ChannelId,
        at: UtcMicros,
        title: &str,
        jpeg: Vec<u8>,
    ) -> Result<FileEntry> {
        let kept = self.keep_jpeg(channel, title, at, jpeg.into(), files::shrink_sent).await?;
        self.files.changed();
        Ok(kept)
    }

    /// Keeps `count` pictures, the first not older than `from`; fewer, and why, where the stream ends before.
    async fn burst(
        &self,
        (watching, mut told): (Attachment, mpsc::Receiver<Told>),
        channel: &ChannelId,
        title: &str,
        from: UtcMicros,
        count: usize,
    ) -> Result<(Vec<FileEntry>, Option<Error>)> {
        let mut format = None;
        let mut taken = Vec::new();
        let mut not_before = from;
        let mut ended = None;
        while taken.len() < count {
            let picture = match next_picture(&mut told, &mut format, not_before).await {
                Ok(picture) => picture,
                Err(error) => {
                    tracing::info!(%error, taken = taken.len(), "a burst ended early");
                    ended = Some(error);
                    break;
                }
            };
            let time = time_of(format.as_ref(), &picture);
            let later = time.max(not_before);
            not_before = UtcMicros(later.0.saturating_add(BURST_STEP.as_micros() as i64));
            // Of a live picture only its arrival is known, and that may have been before somebody pressed the button.
            let at = if is_recorded(format.as_ref()) { time } else { later };
            let look = format.as_ref().map(|format| format.video.clone());
            taken.push(self.keep(channel, title, at, picture, look).await?);
        }
        drop(watching);
        self.files.changed();
        Ok((taken, ended))
    }

    async fn keep(
        &self,
        channel: &ChannelId,
        title: &str,
        at: UtcMicros,
        picture: DecodedPicture,
        look: Option<VideoInfo>,
    ) -> Result<FileEntry> {
        let (width, height) = (picture.width, picture.height);
        let jpegs = move || {
            let frame = files::frame(width, height, &picture.data, look.as_ref());
            Ok((files::to_jpeg(&frame)?, Some(files::to_thumbnail(&frame)?)))
        };
        self.save(facts(channel, title, at), jpegs, (width, height)).await
    }

    /// Pictures that the device makes by itself.
    async fn ask_device(
        &self,
        channel: &ChannelId,
        title: &str,
        count: usize,
        cause: Error,
    ) -> Result<Vec<FileEntry>> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let jpeg = match self.control.snapshot(channel).await {
                Ok(jpeg) => jpeg,
                Err(error) if taken.is_empty() => {
                    tracing::info!(%error, "the device gives no picture either");
                    return Err(cause);
                }
                Err(_) => break,
            };
            taken.push(self.keep_jpeg(channel, title, self.clock.now(), jpeg, files::shrink).await?);
        }
        self.files.changed();
        Ok(taken)
    }

    async fn keep_jpeg(
        &self,
        channel: &ChannelId,
        title: &str,
        at: UtcMicros,
        jpeg: Bytes,
        shrink: fn(&[u8]) -> Result<files::Shrunk>,
    ) -> Result<FileEntry> {
        let (small, width, height) = {
            let jpeg = jpeg.clone();
            off_runtime(move || shrink(&jpeg)).await?
        };
        let jpegs = move || Ok((jpeg.to_vec(), Some(small)));
        self.save(facts(channel, title, at), jpegs, (width, height)).await
    }

    async fn save(
        &self,
        facts: Facts,
        jpegs: impl FnOnce() -> Result<(Vec<u8>, Option<Vec<u8>>)> + Send + 'static,
        (width, height): (u32, u32),
    ) -> Result<FileEntry> {
        let files = self.files.clone();
        let id = off_runtime(move || {
            let (jpeg, small) = jpegs()?;
            let facts = Facts { width, height, codec: "JPEG".into(), ..facts };
            files.create(FileKind::Snapshot, &facts)?.write_whole(&jpeg, small.as_deref())
        })
        .await?;
        self.files.get(&id).await
    }
}

fn bounded(count: u8) -> Result<usize> {
    if !(1..=MOST_PICTURES).contains(&count) {
        return Err(Error::new(Code::InvalidInput, format!("{count} pictures are not 1-10")));
    }
    Ok(usize::from(count))
}

fn is_recorded(format: Option<&StreamFormat>) -> bool {
    format.is_some_and(|format| format.recorded.is_some())
}

/// When the device recorded it, or when it came.
fn time_of(format: Option<&StreamFormat>, picture: &DecodedPicture) -> UtcMicros {
    match format.and_then(|format| format.recorded) {
        Some(starts) => UtcMicros(starts.0.saturating_add(picture.pts_us)),
        None => picture.arrival,
    }
}

fn facts(channel: &ChannelId, title: &str, at: UtcMicros) -> Facts {
    Facts {
        device: channel.device.to_string(),
        channel: channel.number,
        title: title.to_owned(),
        taken_at_ms: at.millis(),
        ..Facts::default()
    }
}

/// The next picture whose time is not before `not_before`. A viewer who joins gets the group of pictures from its beginning;
/// what is older is only taken when nothing newer comes.
async fn next_picture(
    told: &mut mpsc::Receiver<Told>,
    format: &mut Option<StreamFormat>,
    not_before: UtcMicros,
) -> Result<DecodedPicture> {
    let began = Instant::now();
    let mut older: Option<DecodedPicture> = None;
    loop {
        let limit = if older.is_some() { FRESH_LIMIT } else { FIRST_LIMIT };
        match timeout_at(began + limit, told.recv()).await {
            Ok(Some(Told::Look(told))) => *format = Some(told),
            Ok(Some(Told::Picture(picture))) if time_of(format.as_ref(), &picture) >= not_before => {
                return Ok(picture);
            }
            Ok(Some(Told::Picture(picture))) => older = Some(picture),
            Ok(Some(Told::Failed(error))) => return Err(error),
            Ok(None) => return Err(Error::new(Code::Cancelled, "the stream ended")),
            Err(_) => return older.ok_or_else(|| Error::new(Code::Timeout, "no picture came in time")),
        }
    }
}
