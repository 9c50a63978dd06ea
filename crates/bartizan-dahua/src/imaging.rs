//! Picture settings: `VideoColor`, and `VideoImageControl` or `VideoInOptions` for turning it.

use bartizan_device::{Imaging, ImagingCapabilities};
use serde_json::{Value, json};

use crate::{device::Device, error::DahuaError, text::Values};

const LEVELS: [&str; 4] = ["Brightness", "Contrast", "Saturation", "Hue"];
/// Where the device knows no defaults of its own.
const MIDDLE: f32 = 50.0;

/// Which keys hold a channel's settings, and which of them are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    /// `VideoColor[ch][profile]`, where there is one.
    color: Option<String>,
    levels: [bool; 4],
    /// `VideoImageControl[ch]` or `VideoInOptions[ch]`.
    turning: Option<String>,
    flip: bool,
    mirror: bool,
    rotate: bool,
}

/// Asks where the settings are. `video` is `devVideoInput`'s `getCaps`, which may rule some out.
pub(crate) async fn places(device: &Device, channel: u16, video: &Values) -> Result<Places, DahuaError> {
    let at = channel.saturating_sub(1);
    let mut places = Places::default();
    if let Some(table) = device.recent_config("VideoColor").await? {
        let mode = device.recent_config("VideoInMode").await?.unwrap_or_default();
        places.color = color_key(&table, &mode, at);
        if let Some(key) = &places.color {
            places.levels = LEVELS.map(|level| table.get(&format!("{key}.{level}")).is_some());
        }
    }
    for name in ["VideoImageControl", "VideoInOptions"] {
        let Some(table) = device.recent_config(name).await? else { continue };
        let key = format!("{name}[{at}]");
        let offered = |what: &str| {
            table.get(&format!("{key}.{what}")).is_some()
                && video.flag(&format!("caps.{what}")) != Some(false)
        };
        (places.flip, places.mirror, places.rotate) =
            (offered("Flip"), offered("Mirror"), offered("Rotate90"));
        if places.flip || places.mirror || places.rotate {
            places.turning = Some(key);
            break;
        }
    }
    Ok(places)
}

/// The settings of the profile in use: `VideoInMode.Config[0]` is 0 for day, 1 for night, 2 for neither.
fn color_key(table: &Values, mode: &Values, channel: u16) -> Option<String> {
    let used: Option<usize> = mode.number(&format!("VideoInMode[{channel}].Config[0]"));
    used.into_iter().chain([0]).find_map(|profile| {
        let key = format!("VideoColor[{channel}][{profile}]");
        table.has(&format!("{key}.")).then_some(key)
    })
}

impl Places {
    pub fn any(&self) -> bool {
        self.color.is_some() || self.turning.is_some()
    }

    pub fn capabilities(&self, defaults: bool) -> ImagingCapabilities {
        let [brightness, contrast, saturation, hue] = self.levels;
        ImagingCapabilities {
            brightness,
            contrast,
            saturation,
            hue,
            flip_horizontal: self.mirror,
            flip_vertical: self.flip,
            rotations: if self.rotate { vec![90, 270] } else { Vec::new() },
            defaults: defaults && self.color.is_some(),
        }
    }

    fn read(&self, color: &Values, turning: &Values) -> Imaging {
        let level = |at: usize| {
            let key = self.color.as_ref().filter(|_| self.levels[at])?;
            color.number::<f32>(&format!("{key}.{}", LEVELS[at])).filter(|level| level.is_finite())
        };
        let of = |what: &str| turning.get(&format!("{}.{what}", self.turning.as_ref()?));
        let flag = |what: &str| of(what).and_then(crate::text::flag);
        Imaging {
            brightness: level(0),
            contrast: level(1),
            saturation: level(2),
            hue: level(3),
            flip_horizontal: flag("Mirror").filter(|_| self.mirror),
            flip_vertical: flag("Flip").filter(|_| self.flip),
            rotation: of("Rotate90").filter(|_| self.rotate).and_then(rotation),
        }
    }

    /// The writes that make a change; an error names what the device lacks.
    fn writes(&self, change: &Imaging, turning: &Values) -> Result<Vec<(String, String)>, DahuaError> {
        let mut writes = Vec::new();
        let levels = [change.brightness, change.contrast, change.saturation, change.hue];
        for (at, level) in levels.into_iter().enumerate() {
            let Some(level) = level else { continue };
            let key = self.color.as_ref().filter(|_| self.levels[at]);
            let key = key.ok_or_else(|| DahuaError::not_offered(&LEVELS[at].to_ascii_lowercase()))?;
            let level = if level.is_finite() { level.clamp(0.0, 100.0).round() } else { MIDDLE };
            writes.push((format!("{key}.{}", LEVELS[at]), format!("{level}")));
        }
        for (there, wanted, name) in
            [(self.flip, change.flip_vertical, "Flip"), (self.mirror, change.flip_horizontal, "Mirror")]
        {
            let Some(wanted) = wanted else { continue };
            let key = self.turning.as_ref().filter(|_| there);
            let key = key.ok_or_else(|| DahuaError::not_offered("mirroring"))?;
            // Written the way it stood there: some firmware counts, some says true and false.
            let counts =
                turning.get(&format!("{key}.{name}")).is_some_and(|old| old.trim().parse::<u8>().is_ok());
            let text = if counts { u8::from(wanted).to_string() } else { wanted.to_string() };
            writes.push((format!("{key}.{name}"), text));
        }
        if let Some(degrees) = change.rotation {
            let key = self.turning.as_ref().filter(|_| self.rotate);
            let step = [(0, "0"), (90, "1"), (270, "2")].into_iter().find(|(angle, _)| *angle == degrees);
            let (key, (_, text)) = key
                .zip(step)
                .ok_or_else(|| DahuaError::not_offered(&format!("a turn by {degrees} degrees")))?;
            writes.push((format!("{key}.Rotate90"), text.to_owned()));
        }
        Ok(writes)
    }
}

/// `Rotate90`: 0 not, 1 by 90° clockwise, 2 by 90° the other way.
fn rotation(text: &str) -> Option<u16> {
    match text.trim() {
        "0" | "false" => Some(0),
        "1" | "true" => Some(90),
        "2" => Some(270),
        _ => None,
    }
}

async fn tables(device: &Device, places: &Places) -> Result<(Values, Values), DahuaError> {
    let color = if places.color.is_some() { device.config("VideoColor").await? } else { None };
    let turning = match places.turning.as_deref().and_then(|key| key.split('[').next()) {
        Some(name) => device.config(name).await?,
        None => None,
    };
    Ok((color.unwrap_or_default(), turning.unwrap_or_default()))
}

/// The settings as they are.
pub(crate) async fn imaging(device: &Device, channel: u16) -> Result<Imaging, DahuaError> {
    let facts = device.facts(channel).await?;
    if !facts.imaging.any() {
        return Err(DahuaError::not_offered("picture settings"));
    }
    let (color, turning) = tables(device, &facts.imaging).await?;
    Ok(facts.imaging.read(&color, &turning))
}

/// Changes settings and reads them back.
pub(crate) async fn set_imaging(
    device: &Device,
    channel: u16,
    change: Imaging,
) -> Result<Imaging, DahuaError> {
    let facts = device.facts(channel).await?;
    let (_, turning) = tables(device, &facts.imaging).await?;
    let writes = facts.imaging.writes(&change, &turning)?;
    device.set_config(&writes).await?;
    imaging(device, channel).await
}

/// The device's own `VideoColor` defaults: RPC2 gives them without changing anything. CGI could only reset every
/// channel and profile at once.
pub(crate) async fn defaults(device: &Device) -> Option<&Values> {
    let ask = || async {
        if !device.rpc_known {
            return None;
        }
        let answer = device.rpc.call("configManager.getDefault", json!({ "name": "VideoColor" })).await;
        if device.cgi {
            device.rpc.log_out().await;
        }
        let params = answer.ok()?;
        let table = params.get("table").unwrap_or(&Value::Null);
        Some(Values::from_json("VideoColor", table)).filter(|values| !values.is_empty())
    };
    device.defaults.get_or_init(ask).await.as_ref()
}

/// Puts the levels back.
pub(crate) async fn reset_imaging(device: &Device, channel: u16) -> Result<Imaging, DahuaError> {
    let facts = device.facts(channel).await?;
    let places = &facts.imaging;
    let Some(key) = &places.color else {
        return Err(DahuaError::not_offered("picture levels"));
    };
    let defaults = defaults(device).await;
    let level = |at: usize| {
        let told = defaults.and_then(|defaults| defaults.number::<f32>(&format!("{key}.{}", LEVELS[at])));
        places.levels[at].then(|| told.unwrap_or(MIDDLE))
    };
    let change = Imaging {
        brightness: level(0),
        contrast: level(1),
        saturation: level(2),
        hue: level(3),
        ..Imaging::default()
    };
    set_imaging(device, channel, change).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Values {
        Values::parse(text).expect(text)
    }

    fn places() -> Places {
        Places {
            color: Some("VideoColor[0][2]".into()),
            levels: [true, true, true, false],
            turning: Some("VideoInOptions[0]".into()),
            flip: true,
            mirror: true,
            rotate: true,
        }
    }

    #[test]
    fn the_profile_in_use() {
        let table = values("table.VideoColor[0][0].Brightness=40\ntable.VideoColor[0][2].Brightness=60\n");
        let of = |mode: &str| color_key(&table, &values(mode), 0);
        assert_eq!(of("table.VideoInMode[0].Config[0]=2\n").as_deref(), Some("VideoColor[0][2]"));
        assert_eq!(of("table.VideoInMode[0].Config[0]=1\n").as_deref(), Some("VideoColor[0][0]"));
        assert_eq!(of("").as_deref(), Some("VideoColor[0][0]"));
        assert_eq!(color_key(&table, &Values::default(), 7), None);
    }

    #[test]
    fn reading_and_writing_agree() {
        let color = values(
            "table.VideoColor[0][2].Brightness=60\ntable.VideoColor[0][2].Contrast=50\ntable.VideoColor[0][2].Saturation=45\n",
        );
        let turning = values(
            "table.VideoInOptions[0].Flip=true\ntable.VideoInOptions[0].Mirror=false\ntable.VideoInOptions[0].Rotate90=2\n",
        );
        let read = places().read(&color, &turning);
        assert_eq!((read.brightness, read.saturation, read.hue), (Some(60.0), Some(45.0), None));
        assert_eq!(
            (read.flip_vertical, read.flip_horizontal, read.rotation),
            (Some(true), Some(false), Some(270))
        );

        let change = Imaging {
            brightness: Some(70.4),
            contrast: Some(f32::NAN),
            flip_horizontal: Some(true),
            rotation: Some(90),
            ..Imaging::default()
        };
        let writes = places().writes(&change, &turning).expect("offered");
        let told: Vec<_> = writes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            told,
            [
                "VideoColor[0][2].Brightness=70",
                "VideoColor[0][2].Contrast=50",
                "VideoInOptions[0].Mirror=true",
                "VideoInOptions[0].Rotate90=1"
            ]
        );
        let counting = values("table.VideoInOptions[0].Flip=0\n");
        let flip = Imaging { flip_vertical: Some(true), ..Imaging::default() };
        let writes = places().writes(&flip, &counting).expect("offered");
        assert_eq!(writes, [("VideoInOptions[0].Flip".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn what_is_missing_is_said() {
        for change in [
            Imaging { hue: Some(1.0), ..Imaging::default() },
            Imaging { rotation: Some(180), ..Imaging::default() },
        ] {
            assert!(places().writes(&change, &Values::default()).expect_err("missing").is_refusal());
        }
        let none = Places::default();
        let change = Imaging { flip_vertical: Some(true), ..Imaging::default() };
        assert!(none.writes(&change, &Values::default()).is_err());
        assert_eq!(none.capabilities(true), ImagingCapabilities::default());
        assert_eq!(places().capabilities(true).rotations, [90, 270]);
    }
}
