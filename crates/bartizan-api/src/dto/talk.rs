//! Talking through a camera.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The answer of `talk.start`: a call under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TalkState {
    /// Names the call.
    pub talk: String,
    /// Samples a second that `talk.send` takes.
    pub sample_rate_hz: u32,
    /// Without `talk.send` for this long the call ends by itself, milliseconds.
    pub hold_ms: u32,
}

/// Names a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TalkRef {
    /// Which.
    pub talk: String,
}

/// `talk.send`: what is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TalkSound {
    /// Which call.
    pub talk: String,
    /// Mono signed 16-bit little-endian samples, Base64; at most 4000 samples.
    pub pcm: String,
}
