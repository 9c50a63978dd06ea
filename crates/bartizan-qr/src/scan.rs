//! Finding codes in camera frames and photographs.
//!
//! rqrr reads a code once it stands out in black and white; hard pictures fail before that. So a picture is tried in
//! several ways (thresholds, scales, sharpening, inversion), cheap and likely ones first, and codes that rqrr finds but
//! cannot decode are sampled again from the grey picture. Work is counted in pixels, not in time: no clock is read, and
//! the same picture always gives the same answer.

mod binary;
mod gray;
mod grid;
mod picture;
mod plan;

use std::{borrow::Cow, fmt};

use gray::Gray;
pub use picture::{MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, ScanError, scan_picture};

/// How much work a picture is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effort {
    /// A frame of a video: one sure way and one way that changes from frame to frame, since the next frame is near.
    Frame,
    /// A photograph, or a frame the user has stopped at: every way, until something is found.
    Photo,
}

/// A code that was found and read.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// What it holds, as in the code.
    pub bytes: Vec<u8>,
    /// Top left, top right, bottom right and bottom left of the code as it is printed, in pixels of the picture given.
    /// For a mirrored code the order runs the other way round.
    pub corners: [(f32, f32); 4],
}

impl Found {
    /// The content as text: UTF-8, else byte by byte (ISO 8859-1), which is what the standard says of unmarked bytes.
    pub fn text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(self.bytes.iter().map(|&byte| byte as char).collect()),
        }
    }
}

impl fmt::Debug for Found {
    /// Without the content: labels carry codes, cards passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("bytes", &self.bytes.len()).field("corners", &self.corners).finish()
    }
}

/// Scans pictures; keeps only the turn of the ways between frames.
#[derive(Debug)]
pub struct Scanner {
    effort: Effort,
    turn: usize,
}

impl Scanner {
    /// One for each camera session.
    pub fn new(effort: Effort) -> Self {
        Self { effort, turn: 0 }
    }

    /// Finds codes in a luma plane: `height` rows of `width` bytes, `stride` bytes apart (0 is black). Anything that
    /// does not fit its buffer, and anything below 21 or above 16384 pixels a side, holds no code.
    ///
    /// Not for an async task's thread: a frame takes milliseconds, a photograph up to seconds.
    pub fn scan_luma(&mut self, width: usize, height: usize, stride: usize, luma: &[u8]) -> Vec<Found> {
        let Some(picture) = Gray::from_plane(width, height, stride, luma) else { return Vec::new() };
        match self.effort {
            Effort::Photo => plan::photo(&picture),
            Effort::Frame => {
                let turn = self.turn;
                self.turn = turn.wrapping_add(1);
                plan::frame(&picture, turn)
            }
        }
    }
}

#[cfg(test)]
mod tests;
