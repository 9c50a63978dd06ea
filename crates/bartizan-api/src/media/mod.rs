//! Media sessions and their carriers; see `docs/media-wire.md`.

pub mod carrier;
mod queue;
mod session;

pub use session::{MediaSession, PICTURE_WINDOW, UNIT_WINDOW};
