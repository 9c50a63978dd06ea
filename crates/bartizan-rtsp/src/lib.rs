//! RTSP 1.0 (RFC 2326) client: retina behind the ports of `bartizan-device`, and what it lacks: the backchannel and
//! the replay of recordings.
//!
//! Only this crate names retina. It adds what an app needs around a receiver: bounded times, one try per password,
//! errors as [`bartizan_base::Code`]s, timestamps that never run away, and the well-known stream paths.
#![warn(missing_docs)]

mod control;
mod error;
mod opener;
mod paths;
mod replay;
mod sound;
mod stream;
mod talk;
mod timeline;

pub use opener::{DescriptionRecorder, RtspOpener};
pub use paths::{PathPattern, WELL_KNOWN_PATHS, sibling_path};
pub use timeline::Timeline;
