use async_trait::async_trait;
use bartizan_base::{Code, Error, Result, Secret, UtcMicros};
use bartizan_media::{AccessUnit, AudioCodec, AudioFrame, Codec, VideoInfo};

use crate::{Replay, RtspAddress, TalkLine};

/// A user name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// How media travels from the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP first; UDP when the device refuses interleaving (RTSP 461).
    #[default]
    Auto,
    /// RTP interleaved in the RTSP connection (RFC 2326 §10.12).
    Tcp,
    /// RTP and RTCP over UDP.
    Udp,
}

/// Everything needed to open one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSource {
    /// Where it is.
    pub address: RtspAddress,
    /// Who we are, where the device asks.
    pub credentials: Option<Credentials>,
    /// How media is to travel.
    pub transport: Transport,
}

/// What a device says about a stream before sending it.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamDescription {
    /// Video coding.
    pub codec: Codec,
    /// Picture parameters, when the description carried them.
    pub video: Option<VideoInfo>,
    /// Nominal rate from the description, Hz.
    pub frame_rate: Option<f64>,
    /// RTP encoding name of the first audio track, lower case, e.g. `pcmu`.
    pub audio: Option<String>,
    /// The title the device gives the stream: the `i=` line of the SDP (RFC 8866 §5.4).
    pub title: Option<String>,
    /// What the peer calls itself.
    pub server: Option<String>,
    /// The transport in use; `Auto` before SETUP.
    pub transport: Transport,
    /// When the picture of time 0 was recorded, by our clock; `None` of live video.
    pub recorded: Option<UtcMicros>,
}

/// One thing out of a playing stream.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveItem {
    /// The picture parameters, before the first access unit and whenever they change.
    Video(VideoInfo),
    /// One picture.
    AccessUnit(AccessUnit),
    /// What the device's clock says of the picture times.
    Clock(ClockPoint),
}

/// A sender report (RFC 3550 §6.4.1): the same moment on the stream's own clock and on the device's wall clock, which
/// all streams of a device share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPoint {
    /// On the stream's own clock, µs.
    pub pts_us: i64,
    /// On the device's clock, however wrong that is.
    pub device: UtcMicros,
}

/// What the sound of a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundDescription {
    /// How it is coded.
    pub codec: AudioCodec,
    /// RTP encoding name, lower case, e.g. `pcmu`.
    pub name: String,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels of sound, 1 for mono.
    pub channels: u8,
}

/// One thing out of a playing sound.
#[derive(Clone, Debug, PartialEq)]
pub enum SoundItem {
    /// A run of sound.
    Frame(AudioFrame),
    /// What the device's clock says of the frames' times.
    Clock(ClockPoint),
}

/// The sound of a stream, in a session of its own, so that nothing that is wrong with it touches the pictures.
/// Dropping it tears the session down in the background; [`SoundStream::close`] waits for it.
#[async_trait]
pub trait SoundStream: Send {
    /// What it is.
    fn description(&self) -> &SoundDescription;

    /// The next item; `None` when the device ended the stream.
    ///
    /// Cancel-safe: dropping the future loses nothing.
    async fn next(&mut self) -> Option<Result<SoundItem>>;

    /// Tears the session down, waiting a bounded time for the device to agree.
    async fn close(self: Box<Self>);
}

/// A stream that plays. Dropping it tears the session down in the background; [`LiveStream::close`] waits for it.
#[async_trait]
pub trait LiveStream: Send {
    /// What it is.
    fn description(&self) -> &StreamDescription;

    /// The next item; `None` when the device ended the stream.
    ///
    /// Cancel-safe: dropping the future loses nothing.
    async fn next(&mut self) -> Option<Result<LiveItem>>;

    /// Tears the session down, waiting a bounded time for the device to agree.
    async fn close(self: Box<Self>);
}

/// Opens streams. Every method bounds its own time and tries a password at most once.
#[async_trait]
pub trait StreamOpener: Send + Sync {
    /// Asks what a stream is, without playing it.
    async fn describe(&self, source: &StreamSource) -> Result<StreamDescription>;

    /// Opens and plays a stream.
    async fn open(&self, source: &StreamSource) -> Result<Box<dyn LiveStream>>;

    /// Opens and plays the sound of a stream; `None` where the device sends none with it.
    ///
    /// A coding that nothing here knows is an error of code `UnsupportedCodec` whose detail is its RTP encoding name. A
    /// device that lets us log in and then refuses the sound is `NotOffered`: codes of a refused login mean just that.
    async fn open_sound(&self, _source: &StreamSource) -> Result<Option<Box<dyn SoundStream>>> {
        Ok(None)
    }

    /// Opens the backchannel of a stream (ONVIF Streaming §5.3), which leads to the camera's loudspeaker.
    ///
    /// [`Code::NotOffered`] where the stream has none, [`Code::UnsupportedCodec`] where it takes no G.711.
    async fn open_talk(&self, _source: &StreamSource) -> Result<Box<dyn TalkLine>> {
        Err(Error::new(Code::NotOffered, "streams are only watched here"))
    }

    /// Opens and plays what a device recorded from `from` on, by its clock, in real time (ONVIF Streaming §6: PLAY with
    /// `Require: onvif-replay` and `Range: clock=`).
    ///
    /// [`Code::NotOffered`] where the device knows nothing of it, [`Code::NothingRecorded`] where it has no such time.
    async fn open_replay(&self, _source: &StreamSource, _from: UtcMicros) -> Result<Replay> {
        Err(Error::new(Code::NotOffered, "streams are only watched here"))
    }
}
