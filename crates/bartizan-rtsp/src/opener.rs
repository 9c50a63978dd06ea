use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bartizan_base::{Code, Error, Result, UtcMicros};
use bartizan_device::{
    LiveStream, Replay, RtspAddress, SoundStream, StreamDescription, StreamOpener, StreamSource, TalkLine,
    Transport,
};
use bartizan_media::{Codec, VideoInfo, read_sps};
use retina::{
    client::{
        self, Described, PlayOptions, Session, SessionGroup, SessionIdPolicy, SessionOptions, SetupOptions,
        TcpTransportOptions, UdpTransportOptions,
    },
    codec::{FrameFormat, ParametersRef, VideoParametersCodec},
};
use tokio::time::timeout;

use crate::{
    error::{Stage, classify},
    replay, sound,
    stream::RtspStream,
    talk,
};

/// Resolving, connecting and DESCRIBE together. Recorders answer a DESCRIBE in up to 3 s.
pub(crate) const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(8);
/// SETUP and PLAY together.
pub(crate) const PLAY_TIMEOUT: Duration = Duration::from_secs(6);

/// Takes the stream descriptions that devices send: the address asked, and the SDP as it came.
pub type DescriptionRecorder = Arc<dyn Fn(&RtspAddress, &[u8]) + Send + Sync>;

/// Opens RTSP streams.
#[derive(Clone, Default)]
pub struct RtspOpener {
    recorder: Option<DescriptionRecorder>,
}

impl RtspOpener {
    /// An opener; it holds no connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands every description to `recorder`, which must be quick: for diagnostics.
    #[must_use]
    pub fn with_recorder(mut self, recorder: DescriptionRecorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    async fn describe(&self, source: &StreamSource) -> Result<(Session<Described>, Arc<SessionGroup>)> {
        let described = describe(source).await?;
        if let Some(record) = &self.recorder {
            record(&source.address, described.0.sdp());
        }
        Ok(described)
    }

    async fn play(&self, source: &StreamSource, tcp: bool) -> Result<RtspStream, PlayFailed> {
        play(self.describe(source).await?, source, tcp).await
    }
}

#[async_trait]
impl StreamOpener for RtspOpener {
    async fn describe(&self, source: &StreamSource) -> Result<StreamDescription> {
        let (session, _) = self.describe(source).await?;
        video_track(&session).map(|(_, description)| description)
    }

    async fn open(&self, source: &StreamSource) -> Result<Box<dyn LiveStream>> {
        let wants_tcp = source.transport != Transport::Udp;
        match self.play(source, wants_tcp).await {
            Err(refused) if source.transport == Transport::Auto && refused.tcp_refused => {
                tracing::debug!(host = %source.address.host, "the device refuses interleaving; trying UDP");
                self.play(source, false).await.map_err(|failed| failed.error)
            }
            other => other.map_err(|failed| failed.error),
        }
        .map(|stream| Box::new(stream) as Box<dyn LiveStream>)
    }

    async fn open_sound(&self, source: &StreamSource) -> Result<Option<Box<dyn SoundStream>>> {
        let wants_tcp = source.transport != Transport::Udp;
        let described = describe(source).await?;
        let stream = match sound::play(described, wants_tcp).await {
            Err(refused) if source.transport == Transport::Auto && refused.tcp_refused => {
                sound::play(describe(source).await?, false).await
            }
            other => other,
        };
        let stream = stream.map_err(|failed| failed.error)?;
        Ok(stream.map(|stream| Box::new(stream) as Box<dyn SoundStream>))
    }

    async fn open_talk(&self, source: &StreamSource) -> Result<Box<dyn TalkLine>> {
        Ok(Box::new(talk::open(source).await?))
    }

    async fn open_replay(&self, source: &StreamSource, from: UtcMicros) -> Result<Replay> {
        replay::open(source, from, self.recorder.as_ref()).await
    }
}

/// A failed SETUP or PLAY.
pub(crate) struct PlayFailed {
    pub(crate) error: Error,
    /// The device answered 461 Unsupported Transport (RFC 2326 §11.3.14).
    pub(crate) tcp_refused: bool,
}

impl From<Error> for PlayFailed {
    fn from(error: Error) -> Self {
        Self { error, tcp_refused: false }
    }
}

/// Connects and asks what the stream is.
pub(crate) async fn describe(source: &StreamSource) -> Result<(Session<Described>, Arc<SessionGroup>)> {
    let url = source.address.url()?;
    let group = Arc::new(SessionGroup::default());
    let creds = source.credentials.as_ref().map(|credentials| client::Credentials {
        username: credentials.user.clone(),
        password: credentials.password.expose().to_owned(),
    });
    let stage = Stage::Describe { with_password: creds.is_some() };
    let options = SessionOptions::default()
        .creds(creds)
        .session_group(group.clone())
        .session_id(SessionIdPolicy::UseFirst)
        .user_agent(concat!("Bartizan/", env!("CARGO_PKG_VERSION")).to_owned());
    match timeout(DESCRIBE_TIMEOUT, Session::describe(url, options)).await {
        Err(_) => Err(Error::new(
            Code::Timeout,
            format!(
                "no answer from {}:{} in {} s",
                source.address.host,
                source.address.port,
                DESCRIBE_TIMEOUT.as_secs()
            ),
        )),
        Ok(Err(error)) => Err(classify(&error, stage)),
        Ok(Ok(session)) => Ok((session, group)),
    }
}

/// Sets the video track up and plays it.
pub(crate) async fn play(
    (mut session, group): (Session<Described>, Arc<SessionGroup>),
    source: &StreamSource,
    tcp: bool,
) -> Result<RtspStream, PlayFailed> {
    let (track, mut description) = video_track(&session)?;
    description.transport = if tcp { Transport::Tcp } else { Transport::Udp };
    let stage = Stage::Setup { with_password: source.credentials.is_some() };
    let started = timeout(PLAY_TIMEOUT, async {
        session.setup(track, setup_options(tcp)).await?;
        session.play(play_options()).await?.demuxed()
    })
    .await;
    match started {
        Err(_) => Err(PlayFailed::from(Error::new(
            Code::Timeout,
            format!("no answer to SETUP and PLAY in {} s", PLAY_TIMEOUT.as_secs()),
        ))),
        Ok(Err(error)) => Err(PlayFailed {
            tcp_refused: tcp && error.status_code() == Some(461),
            error: classify(&error, stage),
        }),
        Ok(Ok(demuxed)) => Ok(RtspStream::new(demuxed, description, track, group)),
    }
}

pub(crate) fn setup_options(tcp: bool) -> SetupOptions {
    let transport = if tcp {
        client::Transport::Tcp(TcpTransportOptions::default())
    } else {
        client::Transport::Udp(UdpTransportOptions::default())
    };
    SetupOptions::default().transport(transport).frame_format(FrameFormat::SIMPLE)
}

/// Only one track is set up in a session, and its clock is rebased by `Timeline`: no need for RTP-Info.
pub(crate) fn play_options() -> PlayOptions {
    PlayOptions::default()
        .initial_timestamp(client::InitialTimestampPolicy::Ignore)
        .initial_seq(client::InitialSequenceNumberPolicy::Ignore)
        .unknown_rtcp_ssrc(client::UnknownRtcpSsrcPolicy::DropPackets)
}

/// The first video track that can be decoded somewhere, and what is known of it.
pub(crate) fn video_track(session: &Session<Described>) -> Result<(usize, StreamDescription)> {
    let streams = session.streams();
    let videos = || streams.iter().enumerate().filter(|(_, stream)| stream.media() == "video");
    let usable = videos().find_map(|(index, stream)| {
        let codec = match stream.encoding_name() {
            "h264" => Codec::H264,
            "h265" => Codec::H265,
            _ => return None,
        };
        Some((index, stream, codec))
    });
    let Some((index, stream, codec)) = usable else {
        return Err(match videos().next() {
            None => Error::new(Code::NoVideo, "the stream description has no video track"),
            Some((_, stream)) => {
                Error::new(Code::UnsupportedCodec, format!("video coded as {}", stream.encoding_name()))
            }
        });
    };
    let video = match stream.parameters() {
        Some(ParametersRef::Video(parameters)) => video_info(parameters),
        _ => None,
    };
    if video.as_ref().is_some_and(|info| info.interlaced) {
        return Err(Error::new(Code::Interlaced, "the stream is interlaced (frame_mbs_only_flag = 0)"));
    }
    let frame_rate = stream
        .framerate()
        .map(f64::from)
        .filter(|rate| (0.1..=240.0).contains(rate))
        .or(video.as_ref().and_then(|info| info.frame_rate));
    Ok((
        index,
        StreamDescription {
            codec,
            video,
            frame_rate,
            audio: streams
                .iter()
                .find(|stream| stream.media() == "audio")
                .map(|stream| stream.encoding_name().to_owned()),
            title: title(session.sdp()),
            server: session.tool().map(|tool| tool.to_string()),
            transport: Transport::Auto,
            recorded: None,
        },
    ))
}

/// The session's `i=` line (RFC 8866 §5.4): before the first `m=`, at most 64 characters of it.
fn title(sdp: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(sdp);
    let line =
        text.lines().take_while(|line| !line.starts_with("m=")).find_map(|line| line.strip_prefix("i="))?;
    let title: String = line.trim().chars().filter(|c| !c.is_control()).take(64).collect();
    (!title.is_empty()).then_some(title)
}

/// What the parameter sets say, as far as they can be read.
pub(crate) fn video_info(parameters: &retina::codec::VideoParameters) -> Option<VideoInfo> {
    match parameters.codec_params() {
        VideoParametersCodec::H264 { sps, .. } => read_sps(sps).ok(),
        _ => {
            let (width, height) = parameters.pixel_dimensions();
            let rate =
                parameters.frame_rate().map(|(ticks, scale)| f64::from(scale) / f64::from(ticks.max(1)));
            Some(VideoInfo {
                codec: parameters.rfc6381_codec().to_owned(),
                width,
                height,
                frame_rate: rate.filter(|rate| (0.1..=240.0).contains(rate)),
                reorder_frames: None,
                interlaced: false,
                matrix: if height >= 720 {
                    bartizan_media::Matrix::Bt709
                } else {
                    bartizan_media::Matrix::Bt601
                },
                full_range: false,
            })
        }
    }
}
