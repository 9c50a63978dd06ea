//! Picture settings (`/ISAPI/Image/channels/<ch>/color`, `imageFlip`, `corridor`): read whole, changed, written whole,
//! read again.

use bartizan_base::{Code, Error, Result};
use bartizan_device::{Imaging, ImagingCapabilities};
use bartizan_http::xml::Element;

use crate::{IsapiError, link::Link};

/// Levels in the order of [`Imaging`].
const LEVELS: [&str; 4] = ["brightnessLevel", "contrastLevel", "saturationLevel", "hueLevel"];
/// Resources that turn the picture by a quarter, by firmware.
const ROTATIONS: [&str; 2] = ["corridor", "rotate"];

/// One level's range in the device's own numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Level {
    min: f32,
    max: f32,
    default: Option<f32>,
}

/// What the device says about a channel's picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ImagingFacts {
    levels: [Option<Level>; 4],
    flip: bool,
    styles: Vec<String>,
    rotation: Option<&'static str>,
    pub(crate) capabilities: ImagingCapabilities,
}

fn path(channel: u16, resource: &str) -> String {
    format!("/ISAPI/Image/channels/{channel}/{resource}")
}

impl ImagingFacts {
    /// Asks which resources there are.
    pub(crate) async fn ask(link: &Link, channel: u16) -> Result<Self, IsapiError> {
        let color = link.get_optional(&path(channel, "color")).await?;
        let flip = link.get_optional(&path(channel, "imageFlip")).await?;
        let mut rotation = None;
        for resource in ROTATIONS {
            if rotation.is_none()
                && let Some(root) = link.get_optional(&path(channel, resource)).await?
                && root.child("enabled").is_some()
            {
                rotation = Some(resource);
            }
        }
        let limits = if color.is_some() || flip.is_some() {
            link.get_optional(&path(channel, "capabilities")).await?
        } else {
            None
        };
        Ok(Self::of(color.as_ref(), flip.as_ref(), rotation, limits.as_ref()))
    }

    fn of(
        color: Option<&Element>,
        flip: Option<&Element>,
        rotation: Option<&'static str>,
        limits: Option<&Element>,
    ) -> Self {
        let level = |name: &str| {
            let own = color?.child(name)?;
            let limit = limits.and_then(|root| root.descendant(name));
            let read = |key: &str| {
                let value = limit.and_then(|e| e.attribute(key)).or_else(|| own.attribute(key))?;
                value.parse::<f32>().ok().filter(|v| v.is_finite())
            };
            let (min, max) = (read("min").unwrap_or(0.0), read("max").unwrap_or(100.0));
            (min < max).then(|| Level { min, max, default: read("def") })
        };
        let levels = LEVELS.map(level);
        let styles: Vec<String> = limits
            .and_then(|root| root.descendant("ImageFlipStyle"))
            .or_else(|| flip.and_then(|root| root.child("ImageFlipStyle")))
            .and_then(|element| element.attribute("opt"))
            .map(|opt| opt.split(',').map(|style| style.trim().to_ascii_uppercase()).collect())
            .unwrap_or_default();
        let flips = |style: &str| flip.is_some() && (styles.is_empty() || styles.iter().any(|s| s == style));
        let capabilities = ImagingCapabilities {
            brightness: levels[0].is_some(),
            contrast: levels[1].is_some(),
            saturation: levels[2].is_some(),
            hue: levels[3].is_some(),
            flip_horizontal: flips("LEFTRIGHT"),
            flip_vertical: flips("UPDOWN"),
            rotations: if rotation.is_some() { vec![90] } else { Vec::new() },
            defaults: levels.iter().flatten().any(|level| level.default.is_some()),
        };
        Self { levels, flip: flip.is_some(), styles, rotation, capabilities }
    }

    /// Reads the settings.
    pub(crate) async fn read(&self, link: &Link, channel: u16) -> Result<Imaging, IsapiError> {
        let mut imaging = Imaging::default();
        if self.levels.iter().any(Option::is_some) {
            let root = link.get(&path(channel, "color")).await?;
            let value = |at: usize| {
                let level = self.levels[at]?;
                let value: f32 = root.parse_text(LEVELS[at])?;
                Some(((value - level.min) / (level.max - level.min) * 100.0).clamp(0.0, 100.0))
            };
            (imaging.brightness, imaging.contrast) = (value(0), value(1));
            (imaging.saturation, imaging.hue) = (value(2), value(3));
        }
        if self.flip {
            let (horizontal, vertical) = flips(&link.get(&path(channel, "imageFlip")).await?);
            (imaging.flip_horizontal, imaging.flip_vertical) = (Some(horizontal), Some(vertical));
        }
        if let Some(resource) = self.rotation {
            let root = link.get(&path(channel, resource)).await?;
            imaging.rotation = Some(if root.text("enabled") == Some("true") { 90 } else { 0 });
        }
        Ok(imaging)
    }

    /// Writes what is `Some` and reads back.
    pub(crate) async fn write(&self, link: &Link, channel: u16, change: Imaging) -> Result<Imaging> {
        let levels = [change.brightness, change.contrast, change.saturation, change.hue];
        if levels.iter().any(Option::is_some) {
            let mut root = link.get(&path(channel, "color")).await?;
            for ((wanted, level), name) in levels.into_iter().zip(self.levels).zip(LEVELS) {
                let Some(wanted) = wanted else { continue };
                let level = level.ok_or_else(|| not_offered(name))?;
                let wanted = if wanted.is_finite() { wanted.clamp(0.0, 100.0) } else { 50.0 };
                let value = level.min + wanted / 100.0 * (level.max - level.min);
                root.set_text(name, &(value.round() as i32).to_string());
            }
            link.put(&path(channel, "color"), Some(&root)).await?;
        }
        if change.flip_horizontal.is_some() || change.flip_vertical.is_some() {
            if !self.flip {
                return Err(not_offered("mirroring"));
            }
            let mut root = link.get(&path(channel, "imageFlip")).await?;
            let (horizontal, vertical) = flips(&root);
            let wanted =
                (change.flip_horizontal.unwrap_or(horizontal), change.flip_vertical.unwrap_or(vertical));
            self.set_flips(&mut root, wanted)?;
            link.put(&path(channel, "imageFlip"), Some(&root)).await?;
        }
        if let Some(degrees) = change.rotation {
            let resource = self.rotation.filter(|_| matches!(degrees, 0 | 90));
            let resource = resource.ok_or_else(|| not_offered("this rotation"))?;
            let mut root = link.get(&path(channel, resource)).await?;
            root.set_text("enabled", if degrees == 90 { "true" } else { "false" });
            link.put(&path(channel, resource), Some(&root)).await?;
        }
        Ok(self.read(link, channel).await?)
    }

    /// The four levels at their defaults.
    pub(crate) fn defaults(&self) -> Imaging {
        let default = |at: usize| {
            self.levels[at].map(|level| match level.default {
                Some(value) => (value - level.min) / (level.max - level.min) * 100.0,
                None => 50.0,
            })
        };
        Imaging {
            brightness: default(0),
            contrast: default(1),
            saturation: default(2),
            hue: default(3),
            ..Imaging::default()
        }
    }

    fn set_flips(&self, root: &mut Element, wanted: (bool, bool)) -> Result<()> {
        let style = match wanted {
            (false, false) => None,
            (true, false) => Some("LEFTRIGHT"),
            (false, true) => Some("UPDOWN"),
            (true, true) => Some("CENTER"),
        };
        if let Some(style) = style {
            if !self.styles.is_empty() && !self.styles.iter().any(|s| s == style) {
                return Err(not_offered(style));
            }
            if !root.set_text("ImageFlipStyle", style) {
                let prefix = root.prefix.clone();
                root.children.push(Element { prefix, ..Element::new("ImageFlipStyle", style) });
            }
        }
        root.set_text("enabled", if style.is_some() { "true" } else { "false" });
        Ok(())
    }
}

/// Whether an `ImageFlip` mirrors left-right and top-bottom.
fn flips(root: &Element) -> (bool, bool) {
    if root.text("enabled") != Some("true") {
        return (false, false);
    }
    match root.text("ImageFlipStyle").unwrap_or("CENTER").to_ascii_uppercase().as_str() {
        "LEFTRIGHT" => (true, false),
        "UPDOWN" => (false, true),
        "CENTER" => (true, true),
        _ => (false, false),
    }
}

fn not_offered(what: &str) -> Error {
    Error::new(Code::NotOffered, format!("the device does not offer {what}"))
}
