//! Playing recordings of this machine; see "Playback" in `docs/media-wire.md`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Delivery, SoundFormat};

/// A recording as a player sees it. Times are µs from its beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MovieInfo {
    /// RFC 6381.
    pub codec: String,
    /// Cropped, pixels.
    pub width: u32,
    /// Cropped, pixels.
    pub height: u32,
    /// To the end of the last picture.
    #[ts(type = "number")]
    pub duration_us: i64,
    /// How many there are.
    pub pictures: u32,
    /// Mean, Hz.
    pub frame_rate: Option<f64>,
    /// When the random access points are shown, in order.
    #[ts(type = "number[]")]
    pub key_times_us: Vec<i64>,
    /// Has a sound track.
    pub sound: bool,
}

/// `play.read`: send a span of a recording under a tile number. An open tile of that number is rebound; `live.close`
/// frees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlayRead {
    /// From `live.connect`.
    pub session: String,
    /// The page's number for the span.
    pub tile: u32,
    /// The file.
    pub id: String,
    /// The first picture is the one shown at this time.
    #[ts(type = "number")]
    pub from_us: i64,
    /// The last one is before this time; to the end when null.
    #[ts(type = "number | null")]
    pub to_us: Option<i64>,
    /// Random access points only, the first one not before `fromUs`.
    pub keys_only: bool,
    /// What is to come over the wire.
    pub delivery: Delivery,
}

/// What a span begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlayStart {
    /// When the picture shown at `fromUs` is shown, µs. Compressed pictures before it are only there to be decoded.
    #[ts(type = "number")]
    pub first_us: i64,
}

/// `play.sound`: a stretch of the sound of a recording; at most ten seconds of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlaySound {
    /// The recording.
    pub id: String,
    /// From this time on, µs from its beginning.
    #[ts(type = "number")]
    pub from_us: i64,
    /// Before this time, µs.
    #[ts(type = "number")]
    pub to_us: i64,
}

/// A stretch of sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MovieSound {
    /// How the runs are coded; null where there is no sound, or none that can be played.
    pub format: Option<SoundFormat>,
    /// Samples per second; 0 without sound.
    pub sample_rate: u32,
    /// Channels of sound; 0 without sound.
    pub channels: u8,
    /// In order. The first may begin before the time asked for, and the last end after it.
    pub runs: Vec<SoundRun>,
}

/// A run of sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SoundRun {
    /// When it is heard, µs from the beginning of the recording.
    #[ts(type = "number")]
    pub at_us: i64,
    /// Base64 of what `format` says.
    pub data: String,
}

/// `play.snapshot`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlaySnapshot {
    /// The recording.
    pub id: String,
    /// Which moment of it, µs.
    #[ts(type = "number")]
    pub at_us: i64,
    /// The picture in full size as the page decoded it, JPEG, base64.
    pub jpeg: String,
}
