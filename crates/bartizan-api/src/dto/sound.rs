use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `live.listen`: send the sound of a tile too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ListenTile {
    /// From `live.connect`.
    pub session: String,
    /// The page's number for the tile.
    pub tile: u32,
    /// What the page decodes beside PCM.
    pub formats: Vec<SoundFormat>,
}

/// In which form sound comes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum SoundFormat {
    /// Signed 16-bit little-endian samples, channels interleaved.
    Pcm,
    /// AAC, one ADTS frame.
    Aac,
    /// One Opus packet.
    Opus,
}

/// What the sound of a tile is doing; the payload of media wire kind 5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SoundState {
    /// Where it stands.
    pub phase: SoundPhase,
    /// How the device codes it, as people say it: "G.711 A-law".
    pub coding: Option<String>,
    /// What comes over the wire, while it plays.
    pub format: Option<SoundFormat>,
    /// Samples per second; 0 where not known.
    pub sample_rate: u32,
    /// Channels of sound; 0 where not known.
    pub channels: u8,
    /// Why it failed.
    #[ts(type = "Code | null")]
    pub code: Option<bartizan_base::Code>,
    /// Technical wording in English.
    pub detail: Option<String>,
}

/// States of the sound of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum SoundPhase {
    /// Talking to the device, or waiting for pictures to play.
    Connecting,
    /// Sound comes.
    Playing,
    /// The device sends none with this stream.
    None,
    /// The device sends a coding that cannot be played here.
    Unsupported,
    /// It failed.
    Failed,
}
