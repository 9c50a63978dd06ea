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
