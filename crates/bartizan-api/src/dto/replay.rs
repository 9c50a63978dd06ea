//! Playing what devices recorded.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Delivery;

/// `replay.open`: bind a tile to what a channel recorded. An open tile of the same number is rebound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct OpenReplay {
    /// From `live.connect`.
    pub session: String,
    /// The page's number for the tile.
    pub tile: u32,
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// From when on, microseconds since 1970 UTC; not after now.
    #[ts(type = "number")]
    pub from_us: i64,
    /// What is to come over the wire.
    pub delivery: Delivery,
}

/// `replay.snapshot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TakeRecorded {
    /// From `live.connect`.
    pub session: String,
    /// The tile that plays the recording.
    pub tile: u32,
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// From when on, microseconds since 1970 UTC; not after now.
    #[ts(type = "number")]
    pub from_us: i64,
    /// Pictures, 1–10, a quarter of a second apart.
    pub count: u8,
}
