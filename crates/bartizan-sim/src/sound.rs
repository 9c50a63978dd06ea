//! The tones that channels send, so that a test can tell which channel is heard.

use std::{f64::consts::TAU, fmt::Write as _, str::FromStr, time::Duration};

use bartizan_media::g711;

/// How the sound of a channel is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoundCoding {
    /// G.711 µ-law, 8 kHz, 20 ms a packet.
    Pcmu,
    /// G.711 A-law, 8 kHz, 20 ms a packet.
    Pcma,
    /// G.726 at 32 kbit/s, 8 kHz, 20 ms a packet.
    G726,
    /// AAC-LC, 16 kHz, one frame of 64 ms a packet.
    Aac,
    /// A coding that no client plays.
    Unknown,
}

const NAMES: [(&str, SoundCoding); 5] = [
    ("pcmu", SoundCoding::Pcmu),
    ("pcma", SoundCoding::Pcma),
    ("g726-32", SoundCoding::G726),
    ("aac", SoundCoding::Aac),
    ("unknown", SoundCoding::Unknown),
];

impl FromStr for SoundCoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, coding)| *coding);
        known.ok_or_else(|| format!("no coding is called {name:?}"))
    }
}

const G711_SAMPLES: usize = 160;
/// 500 Hz, one second, by spandsp's encoder.
const G726_TONE: &[u8] = include_bytes!("tones/g726-32.bin");
/// 1000 Hz, 16 kHz, sixteen ADTS frames out of the middle of a longer run by FFmpeg's encoder: 64 periods a frame, so
/// that the last joins on to the first.
const AAC_TONE: &[u8] = include_bytes!("tones/aac.adts");
const ADTS_HEADER: usize = 7;

impl SoundCoding {
    /// RTP payload type (RFC 3551 §6; 97 is dynamic).
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            SoundCoding::Pcmu => 0,
            SoundCoding::Pcma => 8,
            _ => 97,
        }
    }

    /// RTP clock, Hz.
    pub(crate) fn clock_hz(self) -> u32 {
        if self == SoundCoding::Aac { 16_000 } else { 8_000 }
    }

    /// The attributes of the media description.
    pub(crate) fn attributes(self) -> String {
        let name = match self {
            SoundCoding::Pcmu => "PCMU/8000",
            SoundCoding::Pcma => "PCMA/8000",
            SoundCoding::G726 => "G726-32/8000",
            SoundCoding::Aac => "mpeg4-generic/16000/1",
            SoundCoding::Unknown => "X-WHISTLE/8000",
        };
        let mut out = format!("a=rtpmap:{} {name}\r\n", self.payload_type());
        if self == SoundCoding::Aac {
            // AAC-hbr of RFC 3640 §3.3.6; the configuration says AAC-LC, 16 kHz, mono.
            let _ = write!(
                out,
                "a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;\
                 indexdeltalength=3;config=1408\r\n"
            );
        } else {
            out.push_str("a=ptime:20\r\n");
        }
        out
    }
}

/// The tone of a channel, Hz.
pub fn tone_hz(channel: u16, coding: SoundCoding) -> u32 {
    match coding {
        // A multiple of 50 Hz, so that every packet is the same and they join without a click.
        SoundCoding::Pcmu | SoundCoding::Pcma | SoundCoding::Unknown => 300 + 50 * u32::from(channel % 16),
        SoundCoding::G726 => 500,
        SoundCoding::Aac => 1000,
    }
}

/// The packets of a tone, to be sent in turn for ever.
pub(crate) struct Tone {
    payloads: Vec<Vec<u8>>,
    pub interval: Duration,
    /// Every packet has the marker, since it holds a whole frame (RFC 3640 §3.1); else it opens a talkspurt (RFC 3551
    /// §4.1).
    pub is_marked: bool,
}

impl Tone {
    pub fn new(channel: u16, coding: SoundCoding) -> Self {
        let interval = Duration::from_millis(if coding == SoundCoding::Aac { 64 } else { 20 });
        let payloads = match coding {
            SoundCoding::G726 => G726_TONE.chunks_exact(80).map(<[u8]>::to_vec).collect(),
            SoundCoding::Aac => adts_frames(AAC_TONE).map(rtp_aac).collect(),
            _ => {
                let encode = if coding == SoundCoding::Pcma { g711::encode_alaw } else { g711::encode_ulaw };
                let hertz = f64::from(tone_hz(channel, coding));
                let sample = |at: usize| (at as f64 * hertz / 8000.0 * TAU).sin() * 900.0;
                vec![(0..G711_SAMPLES).map(|at| encode(sample(at) as i16)).collect()]
            }
        };
        Self { payloads, interval, is_marked: coding == SoundCoding::Aac }
    }

    pub fn payload(&self, index: u32) -> &[u8] {
        &self.payloads[index as usize % self.payloads.len()]
    }
}

/// What stands behind the header of each ADTS frame (ISO/IEC 13818-7 §6.2).
fn adts_frames(mut rest: &'static [u8]) -> impl Iterator<Item = &'static [u8]> {
    std::iter::from_fn(move || {
        let head = rest.get(..ADTS_HEADER)?;
        let length = usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5] >> 5);
        let (frame, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(&frame[ADTS_HEADER..])
    })
}

/// One frame with its AU header section (RFC 3640 §3.2.1).
fn rtp_aac(frame: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 16];
    payload.extend_from_slice(&((frame.len() as u16) << 3).to_be_bytes());
    payload.extend_from_slice(frame);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_are_quiet_and_join() {
        for channel in 1..=16 {
            let tone = Tone::new(channel, SoundCoding::Pcmu);
            let packet = tone.payload(7);
            let loudest = packet.iter().map(|&byte| g711::decode_ulaw(byte).unsigned_abs()).max().unwrap();
            assert!((600..1200).contains(&loudest), "{loudest}");
            // A whole number of periods: the packet starts at a zero crossing and so does the next.
            assert_eq!(g711::decode_ulaw(packet[0]), 0);
        }
    }

    #[test]
    fn recorded_tones_are_whole() {
        assert_eq!(Tone::new(1, SoundCoding::G726).payloads.len(), 50);
        let aac = Tone::new(1, SoundCoding::Aac);
        assert_eq!(aac.payloads.len(), 16);
        assert!(aac.payloads.iter().all(|payload| payload.len() > 150));
        assert_eq!("g726-32".parse(), Ok(SoundCoding::G726));
        assert!("mp3".parse::<SoundCoding>().is_err());
    }
}
