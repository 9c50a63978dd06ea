use bartizan_base::{Code, Error, Result};
use bartizan_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What opens at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DefaultPage {
    /// The wall.
    #[default]
    Home,
    /// The groups.
    Favourites,
    /// Alarm messages.
    Messages,
    /// The list of devices.
    Devices,
    /// Settings.
    Me,
}

/// What may be played over a network that costs by the byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MeteredPolicy {
    /// Nothing until the user was asked.
    #[default]
    Ask,
    /// As on any network.
    Allow,
    /// Sub streams; channels without one show stills.
    SubOnly,
    /// Still pictures.
    Stills,
    /// Nothing.
    Never,
}

/// What live pictures are to be above all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QualityMode {
    /// Young: each is shown as it comes.
    RealTime,
    /// Steady: all are held for [`Settings::fluent_delay_ms`].
    Fluent,
    /// As young as the network lets them be steady.
    #[default]
    Auto,
}

/// The user's settings. A member that an older version did not write takes its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Decode in the web view rather than with openh264.
    pub hard_decoding: bool,
    /// What live pictures are to be above all.
    pub quality_mode: QualityMode,
    /// How long [`QualityMode::Fluent`] holds pictures, milliseconds, 200–2000.
    pub fluent_delay_ms: u16,
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
    /// Pictures per manual snapshot, 1–10.
    pub capture_count: u8,
    /// What a pushed clip lasts beyond its 15 s, seconds, 0–120.
    pub push_duration_s: u16,
    /// Noise reduction of the microphone, 0 (off) to 4.
    pub noise_reduction: u8,
    /// What opens at the start.
    pub default_page: DefaultPage,
    /// What plays over metered networks.
    pub metered_policy: MeteredPolicy,
    /// Megabytes (10^6) per month over metered networks; 0 for no limit.
    pub metered_cap_mb: u32,
    /// The wall of the last session comes back by itself.
    pub memory_play: bool,
    /// Country for number and date formats: ISO 3166-1 alpha-2, or empty for the system's.
    pub country: String,
}

/// How many windows a wall can have.
pub const LAYOUTS: [u8; 8] = [1, 2, 4, 6, 8, 9, 12, 16];
const MAX_TOOLS: usize = 32;
const MAX_TOOL_NAME: usize = 32;

/// Refuses a number of windows that no wall has.
pub(crate) fn check_layout(layout: u8) -> Result<()> {
    if LAYOUTS.contains(&layout) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidInput, format!("no layout has {layout} windows")))
}

fn is_tool_name(name: &str) -> bool {
    (1..=MAX_TOOL_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hard_decoding: true,
            quality_mode: QualityMode::default(),
            fluent_delay_ms: 400,
            theme: Theme::default(),
            language: Language::default(),
            layout: 16,
            ptz_step: 5,
            wall_tools: Vec::new(),
            capture_count: 1,
            push_duration_s: 15,
            noise_reduction: 2,
            default_page: DefaultPage::default(),
            metered_policy: MeteredPolicy::default(),
            metered_cap_mb: 0,
            memory_play: false,
            country: String::new(),
        }
    }
}

const KEY: &str = "settings";

impl Settings {
    /// Reads the stored settings. A member that cannot be understood, perhaps of a newer version, takes its default
    /// and leaves the others alone.
    pub async fn load(store: &Store) -> Result<Self> {
        Ok(Self::understand(store.setting(KEY).await?))
    }

    fn understand(stored: Option<Value>) -> Self {
        let mut settings = Self::default();
        let Some(Value::Object(members)) = stored else { return settings };
        for (name, value) in members {
            let Ok(Value::Object(mut whole)) = serde_json::to_value(&settings) else { continue };
            whole.insert(name, value);
            if let Ok(understood) = serde_json::from_value(Value::Object(whole)) {
                settings = understood;
            }
        }
        settings
    }

    /// Stores the settings.
    pub async fn save(&self, store: &Store) -> Result<()> {
        let value = serde_json::to_value(self).map_err(|e| Error::new(Code::Internal, e.to_string()))?;
        Ok(store.set_setting(KEY, value).await?)
    }

    /// Refuses what is outside the ranges that the members name.
    pub fn check(&self) -> Result<()> {
        check_layout(self.layout)?;
        let outside = |what: &str, value: u32, range: &str| {
            Error::new(Code::InvalidInput, format!("{what} {value} is outside {range}"))
        };
        if !(200..=2000).contains(&self.fluent_delay_ms) {
            return Err(outside("fluent delay", self.fluent_delay_ms.into(), "200-2000 ms"));
        }
        if !(1..=8).contains(&self.ptz_step) {
            return Err(outside("PTZ step", self.ptz_step.into(), "1-8"));
        }
        if self.wall_tools.len() > MAX_TOOLS || !self.wall_tools.iter().all(|name| is_tool_name(name)) {
            return Err(Error::new(Code::InvalidInput, "the tools of the wall are few, and short words"));
        }
        if !(1..=10).contains(&self.capture_count) {
            return Err(outside("capture count", self.capture_count.into(), "1-10"));
        }
        if self.push_duration_s > 120 {
            return Err(outside("push duration", self.push_duration_s.into(), "0-120 s"));
        }
        if self.noise_reduction > 4 {
            return Err(outside("noise reduction", self.noise_reduction.into(), "0-4"));
        }
        if self.metered_cap_mb > 1_000_000 {
            return Err(outside("monthly limit", self.metered_cap_mb, "0-1 000 000 MB"));
        }
        let alpha2 = self.country.len() == 2 && self.country.bytes().all(|b| b.is_ascii_uppercase());
        if !self.country.is_empty() && !alpha2 {
            return Err(Error::new(Code::InvalidInput, "a country is two capital letters or nothing"));
        }
        Ok(())
    }
}

const WALL_KEY: &str = "wall.memory";
/// Windows that are remembered: sixteen pages of sixteen.
const MOST_WINDOWS: usize = 256;

/// A channel as remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RememberedChannel {
    /// Device id.
    pub device: String,
    /// Number on the device.
    pub channel: u16,
}

/// What the wall showed, so that it can be shown again. The page reads it; the core only keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WallMemory {
    /// Windows.
    pub layout: u8,
    /// Page, from 0.
    pub page: u32,
    /// The group that was open.
    pub group: Option<String>,
    /// Windows of the wall without a group, while one is open.
    pub home_layout: Option<u8>,
    /// The channel that was enlarged.
    pub enlarged: Option<RememberedChannel>,
    /// What every window held, over all pages; `None` is an empty window. Empty when the windows followed the list of
    /// devices.
    pub windows: Vec<Option<RememberedChannel>>,
}

impl WallMemory {
    /// Reads what the last session left; `None` when nothing or nothing that can be understood.
    pub async fn load(store: &Store) -> Result<Option<Self>> {
        Ok(store.setting(WALL_KEY).await?.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Keeps it in place of the older one.
    pub async fn save(&self, store: &Store) -> Result<()> {
        check_layout(self.layout)?;
        self.home_layout.map(check_layout).transpose()?;
        if self.windows.len() > MOST_WINDOWS {
            return Err(Error::new(Code::InvalidInput, format!("more than {MOST_WINDOWS} windows")));
        }
        let value = serde_json::to_value(self).map_err(|e| Error::new(Code::Internal, e.to_string()))?;
        Ok(store.set_setting(WALL_KEY, value).await?)
    }
}

#[cfg(test)]
mod tests {
    use bartizan_store::Vault;
    use serde_json::json;

    use super::*;

    #[test]
    fn one_strange_member_does_not_cost_the_others() {
        let stored =
            json!({ "layout": 9, "theme": "sepia", "ptzStep": "fast", "language": "zh", "newer": 1 });
        let understood = Settings::understand(Some(stored));
        assert_eq!(understood, Settings { layout: 9, language: Language::Zh, ..Settings::default() });
        assert_eq!(Settings::understand(Some(json!([]))), Settings::default());
        assert_eq!(Settings::understand(None), Settings::default());
    }

    #[tokio::test]
    async fn what_is_saved_comes_back() {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let settings = Settings {
            capture_count: 10,
            quality_mode: QualityMode::RealTime,
            fluent_delay_ms: 1500,
            metered_policy: MeteredPolicy::SubOnly,
            default_page: DefaultPage::Favourites,
            country: "CN".into(),
            ..Settings::default()
        };
        settings.save(&store).await.unwrap();
        assert_eq!(Settings::load(&store).await.unwrap(), settings);

        assert_eq!(WallMemory::load(&store).await.unwrap(), None);
        let yard = RememberedChannel { device: "yard".into(), channel: 2 };
        let memory = WallMemory {
            layout: 4,
            page: 3,
            group: Some("front".into()),
            home_layout: Some(16),
            enlarged: Some(yard.clone()),
            windows: vec![None, Some(yard)],
        };
        memory.save(&store).await.unwrap();
        assert_eq!(WallMemory::load(&store).await.unwrap(), Some(memory.clone()));
        let flood = WallMemory { windows: vec![None; 257], ..memory };
        assert_eq!(flood.save(&store).await.unwrap_err().code(), Code::InvalidInput);
    }

    #[test]
    fn values_outside_their_ranges_are_refused() {
        Settings::default().check().unwrap();
        let base = Settings::default;
        for wrong in [
            Settings { layout: 5, ..base() },
            Settings { fluent_delay_ms: 199, ..base() },
            Settings { fluent_delay_ms: 2001, ..base() },
            Settings { ptz_step: 0, ..base() },
            Settings { ptz_step: 9, ..base() },
            Settings { wall_tools: vec!["no tool".into()], ..base() },
            Settings { capture_count: 0, ..base() },
            Settings { capture_count: 11, ..base() },
            Settings { push_duration_s: 121, ..base() },
            Settings { noise_reduction: 5, ..base() },
            Settings { metered_cap_mb: 1_000_001, ..base() },
            Settings { country: "cn".into(), ..base() },
            Settings { country: "CHN".into(), ..base() },
        ] {
            assert_eq!(wrong.check().unwrap_err().code(), Code::InvalidInput, "{wrong:?}");
        }
    }
}
