use bartizan_base::UtcMicros;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::g726::Packing;

/// Video coding standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

/// One picture as it came from the device: all its NAL units, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// How `data` is coded.
    pub codec: Codec,
    /// Annex B with 4-byte start codes (H.264 annex B, H.265 annex B); parameter sets precede each random access
    /// point.
    pub data: Bytes,
    /// Presentation time in microseconds on the stream's own clock, near 0 at the start of the session.
    pub pts_us: i64,
    /// Decoding can start here: an IDR picture with its parameter sets.
    pub random_access: bool,
    /// Packets or pictures before this one are missing, or the parameters changed.
    pub discontinuity: bool,
    /// When its last packet reached our socket.
    pub arrival: UtcMicros,
}

/// Audio coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// G.711 µ-law (RTP "PCMU").
    Pcmu,
    /// G.711 A-law (RTP "PCMA").
    Pcma,
    /// G.726 with so many bits a sample, 2 to 5, packed as said.
    G726(u8, Packing),
    /// Linear, 16 bits, big-endian (RTP "L16").
    L16,
    /// AAC, ADTS framed.
    Aac,
    /// Opus (RFC 6716), one packet a frame.
    Opus,
    /// Anything else; carried, not decoded.
    Other,
}

/// A run of compressed sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFrame {
    /// How `data` is coded.
    pub codec: AudioCodec,
    /// The coded bytes.
    pub data: Bytes,
    /// Presentation time in microseconds on the stream's own clock.
    pub pts_us: i64,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels of sound, 1 for mono.
    pub channels: u8,
    /// When it reached our socket.
    pub arrival: UtcMicros,
}
