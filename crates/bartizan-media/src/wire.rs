//! The media wire: how pictures, sound and tile states travel to the page. Specified in `docs/media-wire.md`.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// Bytes of a message header.
pub const HEADER_LEN: usize = 32;
/// The version this module writes and reads.
pub const VERSION: u8 = 1;
/// The largest message, header included.
pub const MAX_LEN: usize = 16 << 20;
/// Flag: decoding can start here.
pub const RANDOM_ACCESS: u16 = 1;
/// Flag: pictures before this one are missing.
pub const DISCONTINUITY: u16 = 2;

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// JSON: what the following pictures are.
    Config,
    /// One compressed picture, Annex B.
    AccessUnit,
    /// One decoded picture, I420.
    Picture,
    /// JSON: what the session behind the tile is doing.
    State,
    /// JSON: what the sound of a tile is, and why there is none.
    SoundState,
    /// A run of sound.
    Sound,
    /// A kind of a later version; to be skipped.
    Unknown(u8),
}

impl Kind {
    /// The byte on the wire.
    pub fn to_byte(self) -> u8 {
        match self {
            Kind::Config => 1,
            Kind::AccessUnit => 2,
            Kind::Picture => 3,
            Kind::State => 4,
            Kind::SoundState => 5,
            Kind::Sound => 6,
            Kind::Unknown(byte) => byte,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Kind::Config,
            2 => Kind::AccessUnit,
            3 => Kind::Picture,
            4 => Kind::State,
            5 => Kind::SoundState,
            6 => Kind::Sound,
            other => Kind::Unknown(other),
        }
    }

    /// True for the kinds that cost a credit.
    pub fn is_picture(self) -> bool {
        matches!(self, Kind::AccessUnit | Kind::Picture)
    }
}

/// The header of one message, without its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// What the payload is.
    pub kind: Kind,
    /// [`RANDOM_ACCESS`], [`DISCONTINUITY`].
    pub flags: u16,
    /// The page's number for the tile.
    pub tile: u32,
    /// Position in the media session.
    pub seq: u32,
    /// Presentation time in microseconds on the stream's own clock.
    pub pts_us: f64,
    /// Arrival of the last packet, microseconds since 1970 UTC; 0 where meaningless.
    pub arrival_us: f64,
}

/// Bytes that are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Fewer bytes than the header or its length promise.
    #[error("torn message: {have} of {need} bytes")]
    Torn {
        /// Bytes given.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// A length below the header's or above [`MAX_LEN`].
    #[error("impossible message length {0}")]
    Length(u32),
    /// A version other than [`VERSION`].
    #[error("unknown media wire version {0}")]
    Version(u8),
}

/// Writes one message. The payload is copied once.
///
/// # Panics
/// When the payload is longer than [`MAX_LEN`] − [`HEADER_LEN`]; senders bound it long before.
pub fn encode(header: &Header, payload: &[&[u8]]) -> Bytes {
    let length = HEADER_LEN + payload.iter().map(|part| part.len()).sum::<usize>();
    assert!(length <= MAX_LEN, "a media message of {length} bytes");
    let mut out = BytesMut::with_capacity(length);
    out.put_u32_le(length as u32);
    out.put_u8(VERSION);
    out.put_u8(header.kind.to_byte());
    out.put_u16_le(header.flags);
    out.put_u32_le(header.tile);
    out.put_u32_le(header.seq);
    out.put_f64_le(header.pts_us);
    out.put_f64_le(header.arrival_us);
    for part in payload {
        out.put_slice(part);
    }
    out.freeze()
}

/// Reads the first message of `bytes`: its header, its payload, and what follows it.
pub fn decode(bytes: &[u8]) -> Result<(Header, &[u8], &[u8]), WireError> {
    let Some((head, _)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(WireError::Torn { have: bytes.len(), need: HEADER_LEN });
    };
    let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let f64_at = |at: usize| {
        let mut raw = [0; 8];
        raw.copy_from_slice(&head[at..at + 8]);
        f64::from_le_bytes(raw)
    };
    let length = u32_at(0);
    if (length as usize) < HEADER_LEN || length as usize > MAX_LEN {
        return Err(WireError::Length(length));
    }
    if head[4] != VERSION {
        return Err(WireError::Version(head[4]));
    }
    if bytes.len() < length as usize {
        return Err(WireError::Torn { have: bytes.len(), need: length as usize });
    }
    let header = Header {
        kind: Kind::from_byte(head[5]),
        flags: u16::from_le_bytes([head[6], head[7]]),
        tile: u32_at(8),
        seq: u32_at(12),
        pts_us: f64_at(16),
        arrival_us: f64_at(24),
    };
    let (message, rest) = bytes.split_at(length as usize);
    Ok((header, &message[HEADER_LEN..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lying_lengths_are_errors() {
        let header = Header { kind: Kind::State, flags: 0, tile: 1, seq: 2, pts_us: 3.0, arrival_us: 4.0 };
        let good = encode(&header, &[b"{}"]);
        assert_eq!(decode(&good), Ok((header, &b"{}"[..], &[][..])));
        for cut in 0..good.len() {
            assert!(matches!(decode(&good[..cut]), Err(WireError::Torn { .. })), "{cut}");
        }
        let mut bad = good.to_vec();
        bad[0] = 31;
        assert_eq!(decode(&bad), Err(WireError::Length(31)));
        bad[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&bad), Err(WireError::Length(u32::MAX)));
        let mut bad = good.to_vec();
        bad[4] = 9;
        assert_eq!(decode(&bad), Err(WireError::Version(9)));
    }
}
