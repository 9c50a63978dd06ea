use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Profile, Transport};

/// `diagnostics.make`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticsRequest {
    /// Puts in what devices answered, anonymised.
    pub answers: bool,
    /// What the page knows of itself.
    pub page: PageFacts,
}

/// The page and what decodes in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PageFacts {
    /// Of the web view.
    pub user_agent: String,
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// Device pixels per CSS pixel.
    pub scale: f64,
    /// The platform decodes video for pages.
    pub web_codecs: bool,
    /// The system believes to be connected.
    pub online: bool,
    /// `wifi`, `cellular` …, where the system says so.
    pub network: Option<String>,
    /// The windows of the wall.
    pub windows: Vec<WindowFacts>,
}

/// What one window of the wall has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct WindowFacts {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// Encoding on screen.
    pub profile: Option<Profile>,
    /// Codec as in RFC 6381.
    pub codec: Option<String>,
    /// Which decoder.
    pub path: Option<String>,
    /// How media travels.
    pub transport: Option<Transport>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures per second presented.
    pub presented_fps: f64,
    /// Age of pictures when presented, milliseconds: half of them were younger.
    pub age_ms_p50: Option<f64>,
    /// 19 of 20 were younger, milliseconds.
    pub age_ms_p95: Option<f64>,
    /// Pictures not presented.
    #[ts(type = "number")]
    pub dropped: u64,
    /// From opening to the first picture, milliseconds.
    pub first_frame_ms: Option<f64>,
    /// What it costs and what it may have.
    #[serde(default)]
    pub load: Option<WindowLoad>,
}

/// How a window stands in what the device can decode, over the last seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct WindowLoad {
    /// What it may have.
    pub rung: WindowRung,
    /// The web view had no decoder left for it.
    pub evicted: bool,
    /// Pictures a second that came.
    pub received_fps: f64,
    /// Pictures a second that left the decoder.
    pub decoded_fps: f64,
    /// Pictures in front of the decoder.
    pub queue: u32,
    /// How long the oldest picture has been in the decoder, milliseconds.
    pub wait_ms: f64,
    /// Times that it was skipped ahead because it was behind.
    pub overruns: u32,
    /// Decoders made anew lately.
    pub rebuilds: u32,
}

/// What a window may have of its channel, from everything to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum WindowRung {
    /// All of what it asks for.
    Full,
    /// The sub stream instead of the main stream.
    Sub,
    /// Key pictures only.
    Keys,
    /// A still now and then.
    Stills,
}

/// A bundle, ready to be read and kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostics {
    /// A name for it as a file.
    pub file_name: String,
    /// The bundle: JSON, indented.
    pub text: String,
}
