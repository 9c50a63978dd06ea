//! The sound of a stream, in an RTSP session of its own that sets up the audio track alone.

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;
use bartizan_base::{Code, Error, ErrorKind, Result, UtcMicros};
use bartizan_device::{ClockPoint, SoundDescription, SoundItem, SoundStream};
use bartizan_media::{AudioCodec, AudioFrame, g726::Packing};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use retina::{
    client::{Demuxed, Described, PacketItem, Playing, Session, SessionGroup},
    codec::CodecItem,
};
use tokio::time::timeout;

use crate::{
    error::{Stage, classify},
    opener::{PLAY_TIMEOUT, PlayFailed, play_options, setup_options},
    stream::{received_at, sender_report, torn_down},
    timeline::Timeline,
};

/// A packet of sound with more is none: a second of the largest coding.
const LARGEST_FRAME: usize = 64 << 10;

/// Where the frames come from.
enum Source {
    /// One packet is one frame: everything but AAC.
    Packets(Pin<Box<Session<Playing>>>),
    /// Cut out of packets by retina (RFC 3640).
    Frames(Pin<Box<Demuxed>>),
}

pub(crate) struct RtspSound {
    source: Source,
    description: SoundDescription,
    group: Arc<SessionGroup>,
    timeline: Timeline,
}

/// How RTP names the codings (RFC 3551 §6, RFC 3640, RFC 7587); `None` for those that nothing here plays.
fn codec(encoding_name: &str) -> Option<AudioCodec> {
    let g726 = |bits: &str, packing| {
        let rate: u8 = bits.parse().ok().filter(|rate| matches!(rate, 16 | 24 | 32 | 40))?;
        Some(AudioCodec::G726(rate / 8, packing))
    };
    match encoding_name {
        "pcmu" => Some(AudioCodec::Pcmu),
        "pcma" => Some(AudioCodec::Pcma),
        "l16" => Some(AudioCodec::L16),
        "mpeg4-generic" => Some(AudioCodec::Aac),
        "opus" => Some(AudioCodec::Opus),
        name => match (name.strip_prefix("g726-"), name.strip_prefix("aal2-g726-")) {
            (Some(bits), _) => g726(bits, Packing::LowFirst),
            (_, Some(bits)) => g726(bits, Packing::HighFirst),
            _ => None,
        },
    }
}

/// The first audio track that can be played somewhere; `None` where there is no audio track.
fn audio_track(session: &Session<Described>) -> Result<Option<(usize, SoundDescription)>> {
    let mut refused = None;
    for (index, stream) in session.streams().iter().enumerate() {
        if stream.media() != "audio" {
            continue;
        }
        let name = stream.encoding_name().to_owned();
        // No backchannel is among them: those are described only to who asks for them (ONVIF Streaming §5.3.1).
        match codec(&name) {
            Some(codec) => {
                let channels =
                    stream.channels().and_then(|count| u8::try_from(count.get()).ok()).unwrap_or(1);
                let sample_rate_hz = stream.clock_rate_hz();
                return Ok(Some((index, SoundDescription { codec, name, sample_rate_hz, channels })));
            }
            None => refused = refused.or(Some(name)),
        }
    }
    refused.map_or(Ok(None), |name| Err(Error::new(Code::UnsupportedCodec, name)))
}

/// Sets up and plays the sound of a described stream.
pub(crate) async fn play(
    (mut session, group): (Session<Described>, Arc<SessionGroup>),
    tcp: bool,
) -> Result<Option<RtspSound>, PlayFailed> {
    let Some((track, description)) = audio_track(&session)? else { return Ok(None) };
    let started = timeout(PLAY_TIMEOUT, async {
        session.setup(track, setup_options(tcp)).await?;
        let playing = session.play(play_options()).await?;
        Ok::<_, retina::Error>(match description.codec {
            AudioCodec::Aac => Source::Frames(Box::pin(playing.demuxed()?)),
            _ => Source::Packets(Box::pin(playing)),
        })
    })
    .await;
    match started {
        Err(_) => Err(Error::new(Code::Timeout, "the device does not answer for its sound").into()),
        Ok(Err(error)) => Err(PlayFailed {
            tcp_refused: tcp && error.status_code() == Some(461),
            error: refusal(classify(&error, Stage::Setup { with_password: true })),
        }),
        Ok(Ok(source)) => {
            let timeline = Timeline::new(None);
            Ok(Some(RtspSound { source, description, group, timeline }))
        }
    }
}

/// The login was good, since DESCRIBE was answered: a refusal now is of the sound alone, and must not count against
/// the password.
fn refusal(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::Locked | ErrorKind::NotFound => {
            Error::new(Code::NotOffered, format!("the device refuses its sound: {}", error.detail()))
        }
        _ => error,
    }
}

impl RtspSound {
    fn frame(
        &mut self,
        pts: retina::Timestamp,
        received: std::time::Instant,
        data: Bytes,
    ) -> Option<SoundItem> {
        if data.is_empty() || data.len() > LARGEST_FRAME {
            return None;
        }
        let pts_us = self.timeline.map((pts.elapsed_secs() * 1e6) as i64);
        Some(SoundItem::Frame(AudioFrame {
            codec: self.description.codec,
            data,
            pts_us,
            sample_rate_hz: self.description.sample_rate_hz,
            channels: self.description.channels,
            arrival: received_at(received),
        }))
    }

    fn clock(&self, report: Option<(i64, UtcMicros)>) -> Option<SoundItem> {
        let (device_us, device) = report?;
        Some(SoundItem::Clock(ClockPoint { pts_us: self.timeline.place(device_us)?, device }))
    }

    fn packet(&mut self, item: PacketItem) -> Option<SoundItem> {
        match item {
            PacketItem::Rtp(packet) => {
                let (pts, received) = (packet.timestamp(), packet.ctx().received());
                self.frame(pts, received, Bytes::copy_from_slice(packet.payload()))
            }
            PacketItem::Rtcp(report) => self.clock(sender_report(&report)),
            _ => None,
        }
    }

    fn item(&mut self, item: CodecItem) -> Option<SoundItem> {
        match item {
            CodecItem::AudioFrame(frame) => {
                let (pts, received) = (frame.timestamp(), frame.ctx().received());
                self.frame(pts, received, Bytes::copy_from_slice(frame.data()))
            }
            CodecItem::Rtcp(report) => self.clock(sender_report(&report)),
            _ => None,
        }
    }
}

async fn next_of<T>(
    stream: &mut (impl Stream<Item = Result<T, retina::Error>> + Unpin),
) -> Option<Result<T>> {
    // A session of its own: whatever is broken in it ends it, and only it.
    stream.next().await.map(|item| item.map_err(|error| classify(&error, Stage::Playing)))
}

#[async_trait]
impl SoundStream for RtspSound {
    fn description(&self) -> &SoundDescription {
        &self.description
    }

    async fn next(&mut self) -> Option<Result<SoundItem>> {
        loop {
            let item = match &mut self.source {
                Source::Packets(session) => match next_of(session).await? {
                    Ok(item) => self.packet(item),
                    Err(error) => return Some(Err(error)),
                },
                Source::Frames(demuxed) => match next_of(demuxed).await? {
                    Ok(item) => self.item(item),
                    Err(error) => return Some(Err(error)),
                },
            };
            if let Some(item) = item {
                return Some(Ok(item));
            }
        }
    }

    async fn close(self: Box<Self>) {
        let Self { source, group, .. } = *self;
        drop(source);
        torn_down(&group).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_by_their_rtp_names() {
        for (name, expected) in [
            ("pcmu", Some(AudioCodec::Pcmu)),
            ("pcma", Some(AudioCodec::Pcma)),
            ("l16", Some(AudioCodec::L16)),
            ("g726-16", Some(AudioCodec::G726(2, Packing::LowFirst))),
            ("g726-40", Some(AudioCodec::G726(5, Packing::LowFirst))),
            ("aal2-g726-32", Some(AudioCodec::G726(4, Packing::HighFirst))),
            ("g726-48", None),
            ("g726-", None),
            ("mpeg4-generic", Some(AudioCodec::Aac)),
            ("opus", Some(AudioCodec::Opus)),
            ("g723.1", None),
            ("mp4a-latm", None),
        ] {
            assert_eq!(codec(name), expected, "{name}");
        }
    }

    #[test]
    fn a_refused_sound_is_no_refused_login() {
        for code in
            [Code::WrongPassword, Code::Locked, Code::Forbidden, Code::PasswordNeeded, Code::NoSuchStream]
        {
            assert_eq!(refusal(Error::new(code, "403")).code(), Code::NotOffered);
        }
        assert_eq!(refusal(Error::new(Code::TooManySessions, "453")).code(), Code::TooManySessions);
    }
}
