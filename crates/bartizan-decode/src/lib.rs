//! Software decoding of H.264 through openh264: compressed access units in, tight I420 pictures out.
//!
//! [`Decoder`] is one openh264 instance. [`StreamDecoder`] is what a live stream wants: it reads the parameter sets,
//! replaces its decoder when they change, and after a loss or an error waits for the next random access point.
//!
//! openh264 decodes Constrained Baseline, Main and High in 8-bit 4:2:0, progressive. It has no field pictures and no
//! MBAFF, and fails even on progressive pictures of a stream that says it may be interlaced
//! (`frame_mbs_only_flag` = 0, H.264 §7.4.2.1.1), so such streams are refused by name before a byte is decoded.
//!
//! Everything here runs on the calling thread, takes milliseconds, and belongs off the async runtime. openh264's own
//! threads stay off: they are documented as unsound. Decode several streams with one decoder and thread each.
#![warn(missing_docs)]

mod decoder;
mod error;
mod picture;
mod stream;

pub use decoder::Decoder;
pub use error::DecodeError;
pub use picture::Picture;
pub use stream::{StreamDecoder, TimedPicture};
