//! Talking to a camera over the backchannel of its stream (ONVIF Streaming Specification 21.06 §5.3).
//!
//! retina sends neither `Require` nor RTP, so this is a session of its own that sets up the one track which the camera
//! receives. Always interleaved: speech in the RTSP connection passes every router, and its end is noticed.

mod offer;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bartizan_base::{Code, Error, OwnedTask, Result};
use bartizan_device::{StreamSource, TalkCoding, TalkLine};
use bytes::Bytes;
use rtsp_types::{Method, headers};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use self::offer::Offer;
use crate::control::{Control, base_of};

/// Asks a device for the backchannel (§5.3.1).
const BACKCHANNEL: &str = "www.onvif.org/ver20/backchannel";
/// Connecting and the three exchanges that open the call.
const OPEN_LIMIT: Duration = Duration::from_secs(8);
/// A device that takes no speech for this long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(2);
/// TEARDOWN and its answer.
const HANG_UP_LIMIT: Duration = Duration::from_secs(2);
/// Pieces that wait for the socket: half a second at 20 ms.
const QUEUE: usize = 25;
/// Longest RTP payload, bytes: 40 ms, which every device takes.
const LONGEST_PAYLOAD: usize = 320;

/// Opens the backchannel of a stream.
pub(crate) async fn open(source: &StreamSource) -> Result<RtspTalk> {
    let at = format!("{}:{}", source.address.host, source.address.port);
    timeout(OPEN_LIMIT, call(source)).await.unwrap_or_else(|_| {
        let words = format!("no answer from {at} in {} s", OPEN_LIMIT.as_secs());
        Err(Error::new(Code::Timeout, words))
    })
}

async fn call(source: &StreamSource) -> Result<RtspTalk> {
    let mut control = Control::connect(source).await?;
    let url = source.address.url()?;
    let describe = [(headers::ACCEPT, "application/sdp"), (headers::REQUIRE, BACKCHANNEL)];
    let answer = control.ask(Method::Describe, &url, &describe).await?;
    if lacks_backchannel(answer.status().into()) {
        let words = format!("RTSP {}: no backchannel", u16::from(answer.status()));
        return Err(Error::new(Code::NotOffered, words));
    }
    let answer = control.succeeded(answer)?;
    let offer = Offer::read(answer.body(), &base_of(&answer, &url))?;
    let setup =
        [(headers::TRANSPORT, "RTP/AVP/TCP;unicast;interleaved=0-1"), (headers::REQUIRE, BACKCHANNEL)];
    let answer = control.ask(Method::Setup, &offer.track, &setup).await?;
    let answer = control.succeeded(answer).map_err(refusal)?;
    let (channel, _) = control.begin_session(&answer)?;
    let answer = control.ask(Method::Play, &offer.presentation, &[(headers::REQUIRE, BACKCHANNEL)]).await?;
    control.succeeded(answer).map_err(refusal)?;
    Ok(RtspTalk::begin(control, &offer, channel))
}

/// What devices answer to a `Require` that they do not know: 551 by the book, others by firmware.
fn lacks_backchannel(status: u16) -> bool {
    matches!(status, 400 | 405 | 406 | 501 | 551)
}

/// The login was good, since DESCRIBE was answered: a refusal now is of the call alone, and most often somebody else
/// is talking.
fn refusal(error: Error) -> Error {
    match error.code() {
        Code::WrongPassword | Code::PasswordNeeded | Code::Forbidden | Code::Locked => {
            Error::new(Code::DeviceBusy, format!("the backchannel is refused: {}", error.detail()))
        }
        Code::NoSuchStream | Code::UnsupportedCodec => {
            Error::new(Code::NotOffered, format!("the backchannel is refused: {}", error.detail()))
        }
        _ => error,
    }
}

type Trouble = Arc<Mutex<Option<Error>>>;

/// An open backchannel.
pub(crate) struct RtspTalk {
    coding: TalkCoding,
    speech: mpsc::Sender<Bytes>,
    trouble: Trouble,
    task: OwnedTask,
}

impl RtspTalk {
    fn begin(control: Control, offer: &Offer, channel: u8) -> Self {
        let (speech, pieces) = mpsc::channel(QUEUE);
        let trouble = Trouble::default();
        let packets = Packets::new(channel, offer.payload_type);
        let presentation = offer.presentation.clone();
        let told = trouble.clone();
        let task = OwnedTask::spawn(async move {
            if let Err(error) = talk(control, packets, presentation, pieces).await {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        });
        Self { coding: offer.coding, speech, trouble, task }
    }

    fn ended(&self) -> Error {
        let known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.unwrap_or_else(|| Error::new(Code::Disconnected, "the device hung up"))
    }
}

#[async_trait]
impl TalkLine for RtspTalk {
    fn coding(&self) -> TalkCoding {
        self.coding
    }

    async fn send(&mut self, speech: Bytes) -> Result<()> {
        match timeout(SEND_LIMIT, self.speech.send(speech)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => Err(Error::new(Code::Timeout, "the device takes no more speech")),
        }
    }

    async fn close(self: Box<Self>) {
        let Self { speech, task, .. } = *self;
        drop(speech);
        let _ = timeout(HANG_UP_LIMIT + SEND_LIMIT, task.join()).await;
    }
}

/// Owns the session: sends what is spoken, keeps the session alive, hangs up when nobody speaks any more.
async fn talk(
    mut control: Control,
    mut packets: Packets,
    presentation: url::Url,
    mut pieces: mpsc::Receiver<Bytes>,
) -> Result<()> {
    let mut alive_at = Instant::now() + control.keep_alive();
    loop {
        tokio::select! {
            biased;
            piece = pieces.recv() => match piece {
                Some(piece) => {
                    let bytes = packets.of(&piece);
                    match timeout(SEND_LIMIT, control.write(&bytes)).await {
                        Ok(written) => written?,
                        Err(_) => return Err(Error::new(Code::Timeout, "the device takes no more speech")),
                    }
                }
                None => break,
            },
            // Pictures nobody asked for, reports, answers to keep-alives.
            message = control.next() => drop(message?),
            () = sleep_until(alive_at) => {
                control.tell(Method::GetParameter, &presentation).await?;
                alive_at = Instant::now() + control.keep_alive();
            }
        }
    }
    let farewell = control.ask(Method::Teardown, &presentation, &[]);
    match timeout(HANG_UP_LIMIT, farewell).await {
        Ok(answer) => answer.map(drop),
        Err(_) => Err(Error::new(Code::Timeout, "no answer to TEARDOWN")),
    }
}

/// Speech as RTP (RFC 3551 §4.5.14) in interleaved frames (RFC 2326 §10.12).
struct Packets {
    channel: u8,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    begun: bool,
}

impl Packets {
    fn new(channel: u8, payload_type: u8) -> Self {
        let mut random = [0; 10];
        getrandom::fill(&mut random).expect("the operating system gives random bytes");
        let [a, b, c, d, e, f, g, h, i, j] = random;
        Self {
            channel,
            payload_type,
            sequence: u16::from_be_bytes([a, b]),
            timestamp: u32::from_be_bytes([c, d, e, f]),
            ssrc: u32::from_be_bytes([g, h, i, j]),
            begun: false,
        }
    }

    fn of(&mut self, speech: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(speech.len() + 16);
        for payload in speech.chunks(LONGEST_PAYLOAD) {
            let length = u16::try_from(12 + payload.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&[b'$', self.channel]);
            out.extend_from_slice(&length.to_be_bytes());
            // The marker is on the first packet of a talkspurt (RFC 3551 §4.1).
            let marker = u8::from(!std::mem::replace(&mut self.begun, true)) << 7;
            out.extend_from_slice(&[0x80, marker | self.payload_type]);
            out.extend_from_slice(&self.sequence.to_be_bytes());
            out.extend_from_slice(&self.timestamp.to_be_bytes());
            out.extend_from_slice(&self.ssrc.to_be_bytes());
            out.extend_from_slice(payload);
            self.sequence = self.sequence.wrapping_add(1);
            // One byte is one sample.
            self.timestamp = self.timestamp.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_becomes_packets() {
        let mut packets = Packets { sequence: u16::MAX, timestamp: u32::MAX - 159, ..Packets::new(2, 8) };
        let bytes = packets.of(&[7; 480]);
        let (first, second) = bytes.split_at(4 + 12 + 320);
        assert_eq!(first[..8], [b'$', 2, 1, 0x4c, 0x80, 0x88, 0xff, 0xff]);
        assert_eq!(first[8..12], (u32::MAX - 159).to_be_bytes());
        assert_eq!(second[..8], [b'$', 2, 0, 0xac, 0x80, 0x08, 0, 0], "no marker, and the number wraps");
        assert_eq!(second[8..12], 160u32.to_be_bytes());
        assert_eq!(second[12..16], first[12..16], "one source");
        assert_eq!(second.len(), 4 + 12 + 160);
    }

    #[test]
    fn a_refused_call_is_no_refused_login() {
        for (code, meant) in [
            (Code::WrongPassword, Code::DeviceBusy),
            (Code::Locked, Code::DeviceBusy),
            (Code::NoSuchStream, Code::NotOffered),
            (Code::TooManySessions, Code::TooManySessions),
        ] {
            assert_eq!(refusal(Error::new(code, "x")).code(), meant, "{code:?}");
        }
    }
}
