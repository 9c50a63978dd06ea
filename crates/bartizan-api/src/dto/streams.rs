//! Which stream a window plays, and how the device encodes it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Profile;

/// Which stream a window plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum StreamChoice {
    /// Main or sub by the size of the window.
    Auto,
    /// Sub.
    Fluent,
    /// Main.
    Hd,
    /// Main, whose encoder was set by hand.
    CustomMain,
    /// Sub, whose encoder was set by hand.
    CustomSub,
}

/// A channel and the stream chosen for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChosenStream {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// Which.
    pub choice: StreamChoice,
}

/// `streams.choices`: all that were chosen by hand; the others are `auto`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChosenStreams {
    /// In no particular order.
    pub choices: Vec<ChosenStream>,
}

/// How the bit rate is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum RateMode {
    /// Always about the same (CBR).
    Constant,
    /// As much as the picture needs, up to the limit (VBR).
    Variable,
}

/// Pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PictureSize {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A range of whole numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Span {
    /// Least.
    pub min: u32,
    /// Most.
    pub max: u32,
}

/// How a stream is encoded. Null: in a reading what the device does not say, in a change what stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct EncoderSettings {
    /// `H.264`, `H.265`, `JPEG` …
    pub codec: Option<String>,
    /// Size of the picture.
    pub size: Option<PictureSize>,
    /// Pictures per second.
    pub frame_rate: Option<f32>,
    /// kbit/s: the rate itself when constant, its limit when variable.
    pub bit_rate: Option<u32>,
    /// Constant or variable.
    pub rate_mode: Option<RateMode>,
    /// Pictures from one key frame to the next.
    pub key_interval: Option<u32>,
}

/// What can be set while one codec is in use. Empty and null: not to be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EncoderChoices {
    /// Which codec.
    pub codec: String,
    /// Largest first.
    pub sizes: Vec<PictureSize>,
    /// Pictures per second, ascending.
    pub frame_rates: Vec<f32>,
    /// kbit/s.
    pub bit_rate: Option<Span>,
    /// Constant, variable or both.
    pub rate_modes: Vec<RateMode>,
    /// Pictures from one key frame to the next.
    pub key_interval: Option<Span>,
}

/// One stream of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct EncoderStream {
    /// Main or sub.
    pub profile: Profile,
    /// Now.
    pub settings: EncoderSettings,
    /// By codec; the present one is among them.
    pub choices: Vec<EncoderChoices>,
}

/// `streams.encoders`: main first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct EncoderStreams {
    /// One or two.
    pub streams: Vec<EncoderStream>,
}

/// `streams.setEncoder`: writes to the device, for everybody who watches or records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct SetEncoder {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// Which stream.
    pub profile: Profile,
    /// What changes.
    pub change: EncoderSettings,
}

/// One of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum EncoderField {
    /// `codec`.
    Codec,
    /// `size`.
    Size,
    /// `frameRate`.
    FrameRate,
    /// `bitRate`.
    BitRate,
    /// `rateMode`.
    RateMode,
    /// `keyInterval`.
    KeyInterval,
}

/// What the device took, read back from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct AppliedEncoder {
    /// Now.
    pub stream: EncoderStream,
    /// Which of the settings asked for became something else.
    pub differing: Vec<EncoderField>,
}
