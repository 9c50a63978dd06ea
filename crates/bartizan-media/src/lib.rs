//! Compressed media as plain data: access units, NAL units, parameter sets, the GOP buffer, G.711, G.726 and the media
//! wire.
//!
//! No I/O, no clock, no threads: bytes in, values out. Everything here reads bytes that a device made, so nothing
//! here panics on any input.
#![warn(missing_docs)]

mod access_unit;
pub mod g711;
pub mod g726;
mod gop;
pub mod movie;
pub mod nal;
pub mod sound;
mod sps;
pub mod wire;

pub use access_unit::{AccessUnit, AudioCodec, AudioFrame, Codec};
pub use gop::GopBuffer;
pub use sps::{Matrix, SpsError, VideoInfo, read_sps};
