use bartizan_base::Result;
use bartizan_store::Store;
use serde::{Deserialize, Serialize};

/// Colour scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Language of the user interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// As the system says.
    #[default]
    System,
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// The user's settings. A member that an older version did not write takes its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Decode in the web view rather than with openh264.
    pub hard_decoding: bool,
    /// Colours.
    pub theme: Theme,
    /// Words.
    pub language: Language,
    /// Windows on the wall: one of [`LAYOUTS`].
    pub layout: u8,
    /// Speed of PTZ moves, 1–8, higher is faster.
    pub ptz_step: u8,
    /// The user's order of the tools under the wall, by name; tools not named keep their place behind these.
    pub wall_tools: Vec<String>,
}

/// How many windows a wall can have.
pub const LAYOUTS: [u8; 8] = [1, 2, 4, 6, 8, 9, 12, 16];

impl Default for Settings {
    fn default() -> Self {
        Self {
            hard_decoding: true,
            theme: Theme::default(),
            language: Language::default(),
            layout: 16,
            ptz_step: 5,
            wall_tools: Vec::new(),
        }
    }
}

const KEY: &str = "settings";

impl Settings {
    /// Reads the stored settings; what cannot be understood falls back to the default.
    pub async fn load(store: &Store) -> Result<Self> {
        let stored = store.setting(KEY).await?;
        Ok(stored.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
    }

    /// Stores the settings.
    pub async fn save(&self, store: &Store) -> Result<()> {
        let value = serde_json::to_value(self)
            .map_err(|e| bartizan_base::Error::new(bartizan_base::Code::Internal, e.to_string()))?;
        Ok(store.set_setting(KEY, value).await?)
    }
}
