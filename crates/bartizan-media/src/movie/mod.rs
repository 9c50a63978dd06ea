//! Movie files: MP4 (ISO/IEC 14496-12, -14, -15) written while a stream comes in, repaired after a crash, and read back.
//!
//! A file under construction is a fragmented movie, so that it plays even when the program is killed: whatever was
//! written up to the last whole fragment is there. Its end turns it into an ordinary movie without copying a byte of
//! media: a complete sample table is appended, then one write into the first hundred bytes turns everything before that
//! table into one `mdat`. Gallery apps, editors and seek bars know such files; fragmented ones they often refuse.
//!
//! ```text
//! recording   ftyp free free[16]      moov(empty) moof mdat moof mdat …
//! finished    ftyp free mdat[16]······································· moov(all samples)
//! ```
//!
//! The boxes are those of `shiguredo_mp4`: sans-I/O like this crate, without dependencies, with muxers for both forms of
//! file, builders for `avcC` and `hvcC`, and `advance_position`, which the turn above needs; mp4-atom has boxes alone.

mod clock;
mod fragments;
mod parameters;
mod reader;
mod repair;
mod sound;
mod soundtrack;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::{Movie, MovieSample};
pub use repair::{Condition, examine};
use shiguredo_mp4::{BoxHeader, Encode, boxes::FreeBox, mux::Mp4FileMuxer};
pub use soundtrack::MovieSound;
pub use writer::{Ending, MovieOptions, MovieWriter};

/// Why a movie cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum MovieError {
    /// The first access unit is no random access point, or lacks its parameter sets.
    #[error("a movie begins with a random access point and its parameter sets")]
    NoBeginning,
    /// The parameter sets cannot be put into a movie.
    #[error("the parameter sets cannot be described: {0}")]
    Parameters(String),
    /// What is in the file is no movie of this program.
    #[error("not a readable movie: {0}")]
    Unreadable(String),
    /// The movie became larger than its fields can hold.
    #[error("the movie cannot be written: {0}")]
    Write(String),
    /// The file could not be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl From<shiguredo_mp4::mux::MuxError> for MovieError {
    fn from(error: shiguredo_mp4::mux::MuxError) -> Self {
        Self::Write(error.to_string())
    }
}

impl From<shiguredo_mp4::demux::DemuxError> for MovieError {
    fn from(error: shiguredo_mp4::demux::DemuxError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Video time stamps count in this, as RTP does.
const VIDEO_TIMESCALE: u32 = 90_000;
/// The `mdat` header that the end puts over a `free` box of the same size.
const GATE_BYTES: usize = 16;
/// No table of ours is larger: a million samples take about 16 MiB.
const LARGEST_TABLE: u64 = 64 << 20;

/// What the file has at its place while it is being written: a `free` box of [`GATE_BYTES`].
fn closed_gate() -> Result<Vec<u8>, MovieError> {
    let gate = FreeBox { payload: vec![0; GATE_BYTES - BoxHeader::MIN_SIZE] };
    gate.encode_to_vec().map_err(|e| MovieError::Write(e.to_string()))
}

/// Where the gate lies: the sample table's muxer decides how long its head is.
fn gate_offset(whole: &Mp4FileMuxer) -> usize {
    whole.initial_boxes_bytes().len() - GATE_BYTES
}
