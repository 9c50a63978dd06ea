//! Head, lens and presets (`/ISAPI/PTZCtrl/channels/<ch>/…`, `/ISAPI/System/Video/inputs/channels/<ch>/focus`).

use std::time::Duration;

use bartizan_device::{
    LensMove, Position, Preset, PresetCapabilities, PtzCapabilities, PtzMove, PtzStatus, Velocity,
};
use bartizan_http::xml::Element;

use crate::{IsapiError, link::Link};

/// Presets whose number is a command on most heads ("call preset 94" restarts the camera).
const SPECIAL: std::ops::RangeInclusive<u16> = 33..=105;
/// Beginnings of the names that firmware gives to command presets, lower case.
const COMMAND_NAMES: &[&str] = &[
    "auto flip",
    "auto-flip",
    "back to origin",
    "call patrol",
    "call pattern",
    "day mode",
    "night mode",
    "auto mode",
    "day/night",
    "ir cut",
    "stop a scan",
    "stop scan",
    "auto scan",
    "frame scan",
    "random scan",
    "panorama scan",
    "tilt scan",
    "start auto",
    "start frame",
    "start random",
    "start panorama",
    "start tilt",
    "one-touch",
    "one touch",
    "manual limit",
    "set manual",
    "set limit",
    "save manual",
    "limits",
    "remote reboot",
    "reboot",
    "call osd",
    "osd",
    "patrol",
    "pattern",
    "wiper",
    "light",
    "defog",
    "stop",
    "clear",
    "delete",
    "preset",
    "restart",
];
/// Presets when the device does not say how many.
const USUAL_PRESETS: u16 = 300;
/// Longest wait for a head to reach a preset before the preset is stored again under another name.
const SETTLE: Duration = Duration::from_secs(12);
/// Between looks at whether it has arrived.
const LOOK: Duration = Duration::from_millis(500);

/// A range of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) min: f32,
    pub(crate) max: f32,
}

impl Range {
    const fn new(min: f32, max: f32) -> Self {
        Self { min, max }
    }

    /// `XRange{Min,Max}`; some firmware writes `min` and `max`.
    fn read(root: &Element, path: &str) -> Option<Self> {
        let range = root.find(path)?;
        let bound =
            |a, b| range.parse_text::<f32>(a).or_else(|| range.parse_text(b)).filter(|v: &f32| v.is_finite());
        let (min, max) = (bound("Min", "min")?, bound("Max", "max")?);
        (min < max).then_some(Self { min, max })
    }

    /// −1..1 over the range.
    fn at_signed(self, part: f32) -> i32 {
        (self.min + (clamp(part) + 1.0) / 2.0 * (self.max - self.min)).round() as i32
    }

    fn signed_of(self, value: f32) -> f32 {
        clamp((value - self.min) / (self.max - self.min) * 2.0 - 1.0)
    }

    /// 0..1 over the range.
    fn at_unsigned(self, part: f32) -> i32 {
        self.at_signed(clamp(part).max(0.0) * 2.0 - 1.0)
    }

    fn unsigned_of(self, value: f32) -> f32 {
        (self.signed_of(value) + 1.0) / 2.0
    }

    /// A signed part of the larger half; never 0 unless the part is.
    fn part(self, part: f32) -> i32 {
        let most = self.max.abs().max(self.min.abs());
        let value = (clamp(part) * most).round() as i32;
        if value == 0 && part != 0.0 && part.is_finite() { part.signum() as i32 } else { value }
    }
}

fn clamp(part: f32) -> f32 {
    if part.is_finite() { part.clamp(-1.0, 1.0) } else { 0.0 }
}

/// What the device says about one head.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PtzFacts {
    pub(crate) channel: u16,
    pub(crate) capabilities: PtzCapabilities,
    /// Moves can end by themselves.
    pub(crate) momentary: bool,
    speed: Range,
    azimuth: Range,
    elevation: Range,
    zoom: Range,
    relative: Range,
    relative_zoom: Range,
    special: Vec<u16>,
    pub(crate) from_top: bool,
}

impl PtzFacts {
    /// Reads a `PTZChanelCap` (the maker's spelling) or `PTZChannelCap`. Focus and iris are found out apart.
    pub(crate) fn read(root: &Element, channel: u16, from_top: bool) -> Self {
        let has = |name: &str| root.child(name).is_some();
        let is = |name: &str| root.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let no_spaces = !root.children.iter().any(|child| child.name.ends_with("Space"));
        let pan_tilt = has("ContinuousPanTiltSpace") || has("MomentaryPanTiltSpace") || no_spaces;
        let most = root.parse_text::<u16>("maxPresetNum");
        let special = root
            .find("PresetNameCap/specialNo")
            .and_then(|element| element.attribute("opt").or(Some(element.text.as_str())))
            .filter(|text| !text.is_empty())
            .map_or_else(
                || SPECIAL.collect(),
                |text| text.split(',').filter_map(|n| n.trim().parse().ok()).collect(),
            );
        Self {
            channel,
            capabilities: PtzCapabilities {
                pan_tilt,
                zoom: has("ContinuousZoomSpace") || has("MomentaryZoomSpace") || no_spaces,
                relative: has("RelativePanTiltSpace"),
                absolute: has("AbsolutePanTiltPositionSpace"),
                center_on: is("isSupportPosition3D") || has("Position3D") || is("position3DSupport"),
                // The maker's spelling, and the right one.
                home: ["homePostionSupport", "homePositionSupport", "isSupportHomePosition"]
                    .into_iter()
                    .any(is),
                presets: (most != Some(0) && root.text("isSupportPreset") != Some("false") && pan_tilt)
                    .then_some(PresetCapabilities { most: most.unwrap_or(USUAL_PRESETS), writable: true }),
                ..PtzCapabilities::default()
            },
            momentary: has("MomentaryPanTiltSpace") || is("isSupportMomentary"),
            speed: Range::read(root, "ContinuousPanTiltSpace/XRange").unwrap_or(Range::new(-100.0, 100.0)),
            azimuth: Range::read(root, "AbsolutePanTiltPositionSpace/XRange")
                .unwrap_or(Range::new(0.0, 3600.0)),
            elevation: Range::read(root, "AbsolutePanTiltPositionSpace/YRange")
                .unwrap_or(Range::new(-900.0, 2700.0)),
            zoom: Range::read(root, "AbsoluteZoomPositionSpace/ZRange").unwrap_or(Range::new(1.0, 1000.0)),
            relative: Range::read(root, "RelativePanTiltSpace/XRange").unwrap_or(Range::new(-100.0, 100.0)),
            relative_zoom: Range::read(root, "RelativeZoomSpace/ZRange").unwrap_or(Range::new(-100.0, 100.0)),
            special,
            from_top,
        }
    }

    /// A camera whose head stands still, but whose lens moves.
    pub(crate) fn lens_only(channel: u16) -> Self {
        let none = Element::new("PTZChanelCap", "")
            .with(Element::new("NoSpace", ""))
            .with(Element::new("maxPresetNum", "0"));
        Self::read(&none, channel, false)
    }

    /// The path below this head's resource.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/ISAPI/PTZCtrl/channels/{}/{rest}", self.channel)
    }

    /// The request of a move: path below the head, and body.
    pub(crate) fn request(&self, to: PtzMove) -> (&'static str, Option<Element>) {
        match to {
            PtzMove::Continuous { velocity, at_most_ms } => {
                let data = self.velocity(velocity.clamped());
                if self.momentary && velocity.clamped() != Velocity::ZERO {
                    let momentary = Element::new("Momentary", "").with(number("duration", at_most_ms as i32));
                    ("momentary", Some(data.with(momentary)))
                } else {
                    ("continuous", Some(data))
                }
            }
            PtzMove::Stop => ("continuous", Some(self.velocity(Velocity::ZERO))),
            PtzMove::Relative(by) => {
                let relative = Element::new("Relative", "")
                    .with(number("positionX", self.relative.part(by.pan)))
                    .with(number("positionY", self.relative.part(by.tilt)))
                    .with(number("relativeZoom", self.relative_zoom.part(by.zoom)));
                ("relative", Some(Element::new("PTZData", "").with(relative)))
            }
            PtzMove::Absolute(to) => {
                // Elevation grows downwards: a dome looks at 0 to the horizon and at 900 straight down.
                let absolute = Element::new("AbsoluteHigh", "")
                    .with(number("elevation", self.elevation.at_signed(-to.tilt)))
                    .with(number("azimuth", self.azimuth.at_signed(to.pan)))
                    .with(number("absoluteZoom", self.zoom.at_unsigned(to.zoom)));
                ("absolute", Some(Element::new("PTZData", "").with(absolute)))
            }
            PtzMove::CenterOn { x, y, zoom } => ("position3D", Some(self.rectangle(x, y, zoom))),
            PtzMove::Home => ("homeposition/goto", None),
        }
    }

    fn velocity(&self, velocity: Velocity) -> Element {
        Element::new("PTZData", "")
            .with(number("pan", self.speed.part(velocity.pan)))
            .with(number("tilt", self.speed.part(velocity.tilt)))
            .with(number("zoom", self.speed.part(velocity.zoom)))
    }

    /// The part of the picture that shall fill it, 0..255 each way from the lower left. A point keeps the zoom.
    fn rectangle(&self, x: f32, y: f32, zoom: f32) -> Element {
        let place = |at: f32| (at + 1.0) / 2.0 * 255.0;
        let half = if zoom > 0.0 { (1.0 - zoom.clamp(0.0, 0.95)) * 127.5 } else { 0.0 };
        let (x, y) = (place(clamp(x)), place(clamp(y)));
        let y = if self.from_top { 255.0 - y } else { y };
        let upper = if self.from_top { -half } else { half };
        let point = |name: &str, x: f32, y: f32| {
            let at = |value: f32| value.round().clamp(0.0, 255.0) as i32;
            Element::new(name, "").with(number("positionX", at(x))).with(number("positionY", at(y)))
        };
        // From the upper left to the lower right means nearer.
        Element::new("position3D", "").with(point("StartPoint", x - half, y + upper)).with(point(
            "EndPoint",
            x + half,
            y - upper,
        ))
    }

    /// Reads a `PTZStatus`.
    pub(crate) fn status(&self, root: &Element) -> PtzStatus {
        let read = |name: &str| {
            root.descendant(name).and_then(|e| e.text.parse::<f32>().ok()).filter(|v| v.is_finite())
        };
        let position = || {
            Some(Position {
                pan: self.azimuth.signed_of(read("azimuth")?),
                tilt: -self.elevation.signed_of(read("elevation")?),
                zoom: self.zoom.unsigned_of(read("absoluteZoom").unwrap_or(self.zoom.min)),
            })
        };
        PtzStatus { position: position(), moving: None }
    }

    /// Reads a `PTZPresetList`: without empty places, and without commands unless their name is a person's.
    pub(crate) fn presets(&self, root: &Element) -> Vec<Preset> {
        root.children("PTZPreset")
            .filter(|preset| {
                preset.text("enabled").is_none_or(|enabled| enabled.eq_ignore_ascii_case("true"))
            })
            .filter_map(|preset| {
                let id: u16 = preset.parse_text("id")?;
                let name = preset.text("presetName").unwrap_or("");
                let lower = name.to_ascii_lowercase();
                let command = self.special.contains(&id)
                    && (name.is_empty() || COMMAND_NAMES.iter().any(|start| lower.starts_with(start)));
                (!command).then(|| Preset { token: id.to_string(), name: name.to_owned() })
            })
            .collect()
    }

    /// The lowest number that no preset of the list has and that is no command.
    pub(crate) fn free_preset(&self, root: &Element) -> Option<u16> {
        let taken: Vec<u16> = root
            .children("PTZPreset")
            .filter(|preset| {
                preset.text("enabled").is_none_or(|enabled| enabled.eq_ignore_ascii_case("true"))
            })
            .filter_map(|preset| preset.parse_text("id"))
            .collect();
        let most = self.capabilities.presets.map_or(0, |presets| presets.most);
        (1..=most).find(|id| !taken.contains(id) && !self.special.contains(id))
    }
}

/// Body that stores the present position as a preset.
pub(crate) fn preset_body(id: u16, name: &str) -> Element {
    Element::new("PTZPreset", "")
        .with(Element::new("enabled", "true"))
        .with(number("id", i32::from(id)))
        .with(Element::new("presetName", name))
}

/// Requests of a lens move: resource below the video input, and body.
pub(crate) fn lens_requests(to: LensMove) -> Vec<(&'static str, Element)> {
    let speed = |part: f32| Range::new(-100.0, 100.0).part(part);
    let focus = |value: i32| ("focus", Element::new("FocusData", "").with(number("focus", value)));
    let iris = |value: i32| ("iris", Element::new("IrisData", "").with(number("iris", value)));
    match to {
        LensMove::FocusNear(part) => vec![focus(-speed(part))],
        LensMove::FocusFar(part) => vec![focus(speed(part))],
        LensMove::IrisOpen(part) => vec![iris(speed(part))],
        LensMove::IrisClose(part) => vec![iris(-speed(part))],
        LensMove::Stop => vec![focus(0), iris(0)],
        LensMove::AutoFocus => Vec::new(),
    }
}

fn number(name: &str, value: i32) -> Element {
    Element::new(name, &value.to_string())
}

/// Waits until the head rests. False when it does not within [`SETTLE`], or does not say where it looks.
pub(crate) async fn settle(link: &Link, facts: &PtzFacts) -> Result<bool, IsapiError> {
    let until = tokio::time::Instant::now() + SETTLE;
    let mut last = None;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        let Some(root) = link.get_optional(&facts.path("status")).await? else { return Ok(false) };
        let Some(position) = facts.status(&root).position else { return Ok(false) };
        if last == Some(position) {
            return Ok(true);
        }
        last = Some(position);
    }
    Ok(false)
}
