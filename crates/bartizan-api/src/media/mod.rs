//! Media sessions and their carriers; see `docs/media-wire.md`.

pub mod carrier;
mod listening;
mod playing;
mod queue;
mod session;

pub(crate) use listening::{sound_format, sound_payload};
pub use session::{MediaSession, PICTURE_WINDOW, UNIT_WINDOW};
