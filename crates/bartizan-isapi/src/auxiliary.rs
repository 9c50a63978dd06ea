//! Lamp, siren, wiper, tracking: each found by asking for its resource.

use bartizan_base::{Code, Error, Result};
use bartizan_device::{Auxiliary, AuxiliaryCommand, AuxiliaryState, DeviceClass};
use bartizan_http::{Request, xml::Element};

use crate::{IsapiError, link::Link};

/// Modes of `supplementLight` that give white light, best first.
const WHITE_MODES: [&str; 2] = ["colorVuWhiteLight", "whiteLight"];
/// Modes without it, best first.
const DARK_MODES: [&str; 3] = ["irLight", "close", "eventIntelligence"];
/// Resources of a head that follows targets, by firmware; `{}` is the channel.
const TRACKING: [&str; 3] =
    ["/ISAPI/Smart/IntelliTrace/{}", "/ISAPI/PTZCtrl/channels/{}/smartTrack", "/ISAPI/Smart/smartTrack/{}"];
/// The siren's settings; they exist where there is a siren.
const SIREN: &str = "/ISAPI/Event/triggers/notifications/AudioAlarm?format=json";

/// A switch among a head's auxiliaries.
#[derive(Clone, Debug, PartialEq)]
struct Switch {
    path: String,
    id: String,
    kind: String,
}

/// What a channel has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AuxiliaryFacts {
    channel: u16,
    /// `supplementLight` has a white mode: that mode and the one for "off".
    light: Option<(String, String)>,
    lamp: Option<Switch>,
    wiper: Option<Switch>,
    /// The sound to play.
    siren: Option<u64>,
    tracking: Option<String>,
}

impl AuxiliaryFacts {
    /// Asks for every resource. `head`: something here turns or zooms.
    pub(crate) async fn ask(
        link: &Link,
        channel: u16,
        class: DeviceClass,
        head: bool,
    ) -> Result<Self, IsapiError> {
        let mut facts = Self { channel, ..Self::default() };
        if let Some(root) = link.get_optional(&facts.light_path("")).await? {
            let limits = link.get_optional(&facts.light_path("/capabilities")).await?;
            facts.light = light_modes(&root, limits.as_ref());
        }
        if head {
            let switches = Self::switches(link, channel).await?;
            let find = |word: &str| switches.iter().find(|s| s.kind.eq_ignore_ascii_case(word)).cloned();
            (facts.lamp, facts.wiper) = (find("LIGHT"), find("WIPER"));
            for resource in TRACKING {
                let path = resource.replace("{}", &channel.to_string());
                if let Some(root) = link.get_optional(&path).await?
                    && root.child("enabled").is_some()
                {
                    facts.tracking = Some(path);
                    break;
                }
            }
        }
        // A recorder's siren resource is not a channel's.
        if class != DeviceClass::Recorder {
            facts.siren = siren(link).await?;
        }
        Ok(facts)
    }

    async fn switches(link: &Link, channel: u16) -> Result<Vec<Switch>, IsapiError> {
        for resource in ["auxcontrols", "auxcommand"] {
            let path = format!("/ISAPI/PTZCtrl/channels/{channel}/{resource}");
            if let Some(root) = link.get_optional(&path).await? {
                let all = root.children.iter().filter(|child| child.name.starts_with("PTZAux"));
                return Ok(all
                    .filter_map(|aux| {
                        let id = aux.text("id")?.to_owned();
                        Some(Switch { path: format!("{path}/{id}"), id, kind: aux.text("type")?.to_owned() })
                    })
                    .collect());
            }
        }
        Ok(Vec::new())
    }

    fn light_path(&self, rest: &str) -> String {
        format!("/ISAPI/Image/channels/{}/supplementLight{rest}", self.channel)
    }

    /// Which there are.
    pub(crate) fn list(&self) -> Vec<Auxiliary> {
        [
            (self.light.is_some() || self.lamp.is_some(), Auxiliary::Light),
            (self.siren.is_some(), Auxiliary::Siren),
            (self.wiper.is_some(), Auxiliary::Wiper),
            (self.tracking.is_some(), Auxiliary::Tracking),
        ]
        .into_iter()
        .filter_map(|(there, auxiliary)| there.then_some(auxiliary))
        .collect()
    }

    /// What they are doing.
    pub(crate) async fn states(&self, link: &Link) -> Result<Vec<AuxiliaryState>, IsapiError> {
        let mut states = Vec::new();
        for auxiliary in self.list() {
            let on = match (auxiliary, &self.light, &self.tracking) {
                (Auxiliary::Light, Some((white, _)), _) => {
                    let root = link.get(&self.light_path("")).await?;
                    root.text("supplementLightMode").map(|mode| mode == white)
                }
                (Auxiliary::Tracking, _, Some(path)) => {
                    link.get(path).await?.text("enabled").map(|enabled| enabled == "true")
                }
                _ => None,
            };
            states.push(AuxiliaryState { auxiliary, on });
        }
        Ok(states)
    }

    /// Switches one.
    pub(crate) async fn switch(
        &self,
        link: &Link,
        auxiliary: Auxiliary,
        command: AuxiliaryCommand,
    ) -> Result<()> {
        let on = match command {
            AuxiliaryCommand::On => true,
            AuxiliaryCommand::Off => false,
            AuxiliaryCommand::Once if auxiliary == Auxiliary::Wiper => true,
            AuxiliaryCommand::Once | AuxiliaryCommand::Every(_) => {
                return Err(not_offered("this way of switching"));
            }
        };
        match auxiliary {
            Auxiliary::Light => match (&self.light, &self.lamp) {
                (Some((white, dark)), _) => {
                    let mut root = link.get(&self.light_path("")).await?;
                    root.set_text("supplementLightMode", if on { white } else { dark });
                    Ok(link.put(&self.light_path(""), Some(&root)).await?)
                }
                (None, Some(lamp)) => press(link, lamp, on).await,
                (None, None) => Err(not_offered("a white light")),
            },
            Auxiliary::Wiper => match &self.wiper {
                Some(wiper) => press(link, wiper, on).await,
                None => Err(not_offered("a wiper")),
            },
            Auxiliary::Siren => match self.siren {
                Some(sound) if on => sound_siren(link, sound).await,
                Some(_) => Err(not_offered("a way to silence the siren; it ends by itself")),
                None => Err(not_offered("a siren")),
            },
            Auxiliary::Tracking => {
                let path = self.tracking.as_deref().ok_or_else(|| not_offered("tracking"))?;
                let mut root = link.get(path).await?;
                root.set_text("enabled", if on { "true" } else { "false" });
                Ok(link.put(path, Some(&root)).await?)
            }
        }
    }
}

/// The white mode and the dark mode of a lamp that has both.
fn light_modes(root: &Element, limits: Option<&Element>) -> Option<(String, String)> {
    let now = root.text("supplementLightMode")?;
    let offered: Vec<&str> = limits
        .and_then(|root| root.descendant("supplementLightMode"))
        .or_else(|| root.child("supplementLightMode"))
        .and_then(|mode| mode.attribute("opt"))
        .map(|opt| opt.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let choose =
        |modes: &[&str]| modes.iter().find(|mode| offered.contains(mode)).map(|mode| (*mode).to_owned());
    let white = choose(&WHITE_MODES).or_else(|| {
        let has_white = WHITE_MODES.contains(&now) || root.child("whiteLightBrightness").is_some();
        (offered.is_empty() && has_white)
            .then(|| WHITE_MODES.iter().find(|mode| **mode == now).unwrap_or(&WHITE_MODES[0]).to_string())
    })?;
    let dark = choose(&DARK_MODES).or_else(|| {
        let infrared = root.child("irLightBrightness").is_some();
        offered.is_empty().then(|| if infrared { "irLight" } else { "close" }.to_owned())
    })?;
    Some((white, dark))
}

async fn press(link: &Link, switch: &Switch, on: bool) -> Result<()> {
    let body = Element::new("PTZAux", "")
        .with(Element::new("id", &switch.id))
        .with(Element::new("type", &switch.kind))
        .with(Element::new("status", if on { "on" } else { "off" }));
    Ok(link.put(&switch.path, Some(&body)).await?)
}

/// The sound of the siren; `None` where there is no siren.
async fn siren(link: &Link) -> Result<Option<u64>, IsapiError> {
    let request = Request::get(SIREN);
    let what = link.what(&request);
    let response = link.client().send(request).await?;
    if !response.is_success() {
        link.note(format!("refused: {}", crate::link::refusal(what, &response)));
        return Ok(None);
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&response.body) else {
        link.note(format!("{what}: not JSON"));
        return Ok(None);
    };
    let Some(settings) = value.get("AudioAlarm") else { return Ok(None) };
    let own =
        settings.get("customAudioInfoList").and_then(|list| list.get(0)?.get("customAudioID")?.as_u64());
    let named = ["customAudioID", "audioID"].iter().find_map(|key| settings.get(key)?.as_u64());
    Ok(Some(own.or(named).unwrap_or(1)))
}

async fn sound_siren(link: &Link, sound: u64) -> Result<()> {
    const BASE: &str = "/ISAPI/Event/triggers/notifications/AudioAlarm";
    let play = format!("{BASE}/AudioOut/1/PlayCustomAudioFile?format=json&customAudioID={sound}");
    match link.put(&play, None).await {
        // Newer firmware plays the chosen sound as a test.
        Err(error) if error.is_absence() => Ok(link.put(&format!("{BASE}/1/test?format=json"), None).await?),
        other => Ok(other?),
    }
}

fn not_offered(what: &str) -> Error {
    Error::new(Code::NotOffered, format!("the device does not offer {what}"))
}
