//! Moving the head (PTZ Service Specification): spaces with their limits, and moves in them.

use bartizan_device::{Position, PtzMove, PtzStatus, Velocity};
use bartizan_http::xml::Element;

use crate::{
    error::OnvifError,
    media::{Channel, PtzReference},
    quirks::What,
    services::Service,
    session::Session,
    soap::{escape, number, number_attribute, read_duration, truth, write_duration},
};

/// Ends of URIs of spaces (PTZ Service Specification, annex on generic spaces).
const GENERIC: &str = "GenericSpace";
const FIELD_OF_VIEW: &str = "TranslationSpaceFov";
/// What half a picture is, as a part of the whole turning range, where the device cannot reckon in pictures: a lens of
/// about 60° on a head that turns 360° and tilts 90°.
const APPROXIMATE_HALF_VIEW: (f32, f32) = (0.17, 0.35);

/// A coordinate space.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Space {
    pub uri: String,
    pub x: (f32, f32),
    /// Meaningless for zoom.
    pub y: (f32, f32),
}

impl Space {
    fn is_generic(&self) -> bool {
        self.uri.is_empty() || self.uri.ends_with(GENERIC)
    }
}

/// Spaces of one kind; a generic one first.
pub(crate) type Spaces = Vec<Space>;

/// What a head can do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    pub token: String,
    pub absolute: (Spaces, Spaces),
    pub relative: (Spaces, Spaces),
    pub continuous: (Spaces, Spaces),
    pub speed: bool,
    pub most_presets: u16,
    pub home: bool,
    pub auxiliaries: Vec<String>,
}

fn range(element: &Element, name: &str, default: (f32, f32)) -> (f32, f32) {
    let end = |which: &str| number(element, &format!("{name}/{which}"));
    match (end("Min"), end("Max")) {
        (Some(min), Some(max)) if min < max => (min, max),
        _ => default,
    }
}

fn spaces(all: &Element, name: &str, default: (f32, f32)) -> Spaces {
    let read = |element: &Element| Space {
        uri: element.text("URI").unwrap_or_default().to_owned(),
        x: range(element, "XRange", default),
        y: range(element, "YRange", default),
    };
    let mut list: Spaces = all.children(name).map(read).collect();
    list.sort_by_key(|space| !space.is_generic());
    list
}

impl Node {
    /// Reads a PTZNode.
    pub(crate) fn read(element: &Element) -> Self {
        let mut node = Self {
            token: element.attribute("token").unwrap_or_default().to_owned(),
            most_presets: number(element, "MaximumNumberOfPresets")
                .map_or(0, |most| most.clamp(0.0, 65_535.0) as u16),
            home: element.text("HomeSupported").is_some_and(truth),
            auxiliaries: element
                .children("AuxiliaryCommands")
                .flat_map(|command| command.text.split_whitespace().map(str::to_owned))
                .collect(),
            ..Self::default()
        };
        if let Some(supported) = element.child("SupportedPTZSpaces") {
            node.read_spaces(supported);
        }
        node
    }

    /// Reads SupportedPTZSpaces, or Spaces of GetConfigurationOptions.
    pub(crate) fn read_spaces(&mut self, all: &Element) {
        const FULL: (f32, f32) = (-1.0, 1.0);
        self.absolute = (
            spaces(all, "AbsolutePanTiltPositionSpace", FULL),
            spaces(all, "AbsoluteZoomPositionSpace", (0.0, 1.0)),
        );
        self.relative = (
            spaces(all, "RelativePanTiltTranslationSpace", FULL),
            spaces(all, "RelativeZoomTranslationSpace", FULL),
        );
        self.continuous = (
            spaces(all, "ContinuousPanTiltVelocitySpace", FULL),
            spaces(all, "ContinuousZoomVelocitySpace", FULL),
        );
        self.speed = all.child("PanTiltSpeedSpace").is_some();
    }

    pub(crate) fn pan_tilt(&self) -> bool {
        !self.continuous.0.is_empty()
    }

    pub(crate) fn zoom(&self) -> bool {
        !self.continuous.1.is_empty()
    }

    /// The relative space that reckons in pictures.
    pub(crate) fn field_of_view(&self) -> Option<&Space> {
        self.relative.0.iter().find(|space| space.uri.ends_with(FIELD_OF_VIEW))
    }
}

/// A channel's head.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub profile: String,
    pub node: Node,
    pub defaults: Vec<String>,
    /// Shortest and longest Timeout of a continuous move, milliseconds.
    pub timeout: Option<(u64, u64)>,
    /// GetPresets lists places that were never set.
    pub lists_empty_presets: bool,
}

/// Asks what moves a channel. `None` where nothing does.
pub(crate) async fn load(
    session: &Session,
    channel: &Channel,
    quirks: &[What],
) -> Result<Option<Head>, OnvifError> {
    let Some((profile, reference)) =
        channel.ptz_profile().and_then(|profile| profile.ptz.as_ref().map(|ptz| (profile, ptz)))
    else {
        return Ok(None);
    };
    if !session.services().has(Service::Ptz) {
        session.note("a profile has a PTZ configuration, but there is no PTZ service".into());
        return Ok(None);
    }
    let mut node = match session.call(Service::Ptz, "GetNodes", "").await {
        Ok(answer) => {
            let nodes: Vec<Node> = answer.children("PTZNode").map(Node::read).collect();
            let ours = nodes.iter().find(|node| node.token == reference.node).or(nodes.first());
            ours.cloned().unwrap_or_default()
        }
        Err(error) if error.is_answer() => {
            session.note(format!("PTZ nodes cannot be read: {error}"));
            Node::default()
        }
        Err(error) => return Err(error),
    };
    let arguments = format!("<q:ConfigurationToken>{}</q:ConfigurationToken>", escape(&reference.config));
    let mut timeout = None;
    match session.call(Service::Ptz, "GetConfigurationOptions", &arguments).await {
        Ok(answer) => {
            let options = answer.child("PTZConfigurationOptions");
            if let Some(spaces) = options.and_then(|options| options.child("Spaces"))
                && !node.pan_tilt()
                && !node.zoom()
            {
                node.read_spaces(spaces);
            }
            let end = |which: &str| {
                options.and_then(|o| o.text(&format!("PTZTimeout/{which}"))).and_then(read_duration)
            };
            timeout = end("Min").zip(end("Max")).filter(|(min, max)| min <= max && *max > 0);
        }
        Err(error) if error.is_answer() => session.note(format!("no PTZ options: {error}")),
        Err(error) => return Err(error),
    }
    if !node.pan_tilt() && !node.zoom() {
        session.note(format!("channel {}: the PTZ node moves nothing", channel.number));
        return Ok(None);
    }
    let PtzReference { defaults, .. } = reference.clone();
    Ok(Some(Head {
        profile: profile.token.clone(),
        node,
        defaults,
        timeout,
        lists_empty_presets: quirks.contains(&What::ListsEmptyPresets),
    }))
}

/// A number with few digits: some parsers choke on many.
pub(crate) fn decimal(value: f32) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// −1..1 into a range, 0 staying 0 where the range has one.
fn signed(value: f32, (min, max): (f32, f32)) -> f32 {
    if min < 0.0 && max > 0.0 { if value < 0.0 { -value * min } else { value * max } } else { value * max }
}

/// 0..1 into a range.
fn part(value: f32, (min, max): (f32, f32)) -> f32 {
    min + value * (max - min)
}

/// A value of a range as 0..1, held within.
fn of_part(value: f32, (min, max): (f32, f32)) -> f32 {
    ((value - min) / (max - min)).clamp(0.0, 1.0)
}

impl Head {
    /// The `space` attribute: left out where the configuration's default is meant, because some devices refuse it.
    fn attribute(&self, space: &Space) -> String {
        let default = self.defaults.contains(&space.uri) || (self.defaults.is_empty() && space.is_generic());
        if default || space.uri.is_empty() {
            String::new()
        } else {
            format!(" space=\"{}\"", escape(&space.uri))
        }
    }

    fn pan_tilt(&self, space: &Space, x: f32, y: f32) -> String {
        format!("<tt:PanTilt x=\"{}\" y=\"{}\"{}/>", decimal(x), decimal(y), self.attribute(space))
    }

    fn zoom(&self, space: &Space, x: f32) -> String {
        format!("<tt:Zoom x=\"{}\"{}/>", decimal(x), self.attribute(space))
    }

    fn profile(&self) -> String {
        format!("<q:ProfileToken>{}</q:ProfileToken>", escape(&self.profile))
    }

    /// The operation and its arguments. `before` is the velocity last asked for: an axis that still moves is named even
    /// when it is to rest, an axis the node lacks never is.
    pub(crate) fn request(
        &self,
        to: PtzMove,
        before: Velocity,
    ) -> Result<(&'static str, String), OnvifError> {
        let node = &self.node;
        match to {
            PtzMove::Continuous { velocity, at_most_ms } => {
                let velocity = velocity.clamped();
                let turns = |v: Velocity| v.pan != 0.0 || v.tilt != 0.0;
                let mut parts = String::new();
                if let Some(space) = node.continuous.0.first()
                    && (turns(velocity) || turns(before))
                {
                    let (x, y) = (signed(velocity.pan, space.x), signed(velocity.tilt, space.y));
                    parts += &self.pan_tilt(space, x, y);
                }
                if let Some(space) = node.continuous.1.first()
                    && (velocity.zoom != 0.0 || before.zoom != 0.0)
                {
                    parts += &self.zoom(space, signed(velocity.zoom, space.x));
                }
                if velocity == Velocity::ZERO {
                    return self.request(PtzMove::Stop, before);
                }
                if parts.is_empty() {
                    return Err(OnvifError::not_offered("a move on that axis"));
                }
                let mut millis = u64::from(at_most_ms.max(1));
                if let Some((min, max)) = self.timeout {
                    millis = millis.clamp(min.max(1), max);
                }
                let timeout = write_duration(millis);
                Ok((
                    "ContinuousMove",
                    format!(
                        "{}<q:Velocity>{parts}</q:Velocity><q:Timeout>{timeout}</q:Timeout>",
                        self.profile()
                    ),
                ))
            }
            PtzMove::Stop => {
                let stop = |has: bool, name: &str| {
                    if has { format!("<q:{name}>true</q:{name}>") } else { String::new() }
                };
                Ok(("Stop", self.profile() + &stop(node.pan_tilt(), "PanTilt") + &stop(node.zoom(), "Zoom")))
            }
            PtzMove::Relative(by) => self.relative(by.clamped(), node.relative.0.first()),
            PtzMove::CenterOn { x, y, zoom } => {
                let target = Velocity { pan: x, tilt: y, zoom }.clamped();
                if let Some(space) = node.field_of_view() {
                    return self.relative(target, Some(space));
                }
                let by = Velocity {
                    pan: target.pan * APPROXIMATE_HALF_VIEW.0,
                    tilt: target.tilt * APPROXIMATE_HALF_VIEW.1,
                    zoom: target.zoom,
                };
                self.relative(by, node.relative.0.first())
            }
            PtzMove::Absolute(Position { pan, tilt, zoom }) => {
                let at = Velocity { pan, tilt, zoom }.clamped();
                let mut parts = String::new();
                if let Some(space) = node.absolute.0.first() {
                    let (x, y) = (part((at.pan + 1.0) / 2.0, space.x), part((at.tilt + 1.0) / 2.0, space.y));
                    parts += &self.pan_tilt(space, x, y);
                }
                if let Some(space) = node.absolute.1.first() {
                    parts += &self.zoom(space, part(at.zoom.max(0.0), space.x));
                }
                if parts.is_empty() {
                    return Err(OnvifError::not_offered("moves to a position"));
                }
                Ok(("AbsoluteMove", format!("{}<q:Position>{parts}</q:Position>", self.profile())))
            }
            PtzMove::Home if node.home => Ok(("GotoHomePosition", self.profile())),
            PtzMove::Home => Err(OnvifError::not_offered("a home position")),
        }
    }

    fn relative(&self, by: Velocity, space: Option<&Space>) -> Result<(&'static str, String), OnvifError> {
        let mut parts = String::new();
        if let Some(space) = space
            && (by.pan != 0.0 || by.tilt != 0.0)
        {
            parts += &self.pan_tilt(space, signed(by.pan, space.x), signed(by.tilt, space.y));
        }
        if let Some(space) = self.node.relative.1.first()
            && by.zoom != 0.0
        {
            parts += &self.zoom(space, signed(by.zoom, space.x));
        }
        if parts.is_empty() {
            return Err(OnvifError::not_offered("relative moves on that axis"));
        }
        Ok(("RelativeMove", format!("{}<q:Translation>{parts}</q:Translation>", self.profile())))
    }

    /// The speed part of a move to a preset, empty where the node knows none.
    pub(crate) fn speed(&self, speed: f32) -> String {
        if !self.node.speed || !speed.is_finite() || speed <= 0.0 {
            return String::new();
        }
        let speed = decimal(speed.min(1.0));
        let mut parts = String::new();
        if self.node.pan_tilt() {
            parts += &format!("<tt:PanTilt x=\"{speed}\" y=\"{speed}\"/>");
        }
        if self.node.zoom() {
            parts += &format!("<tt:Zoom x=\"{speed}\"/>");
        }
        format!("<q:Speed>{parts}</q:Speed>")
    }

    /// Reads GetStatusResponse. The flag says that the position lies outside the range the node told, and was read as
    /// generic.
    pub(crate) fn status(&self, answer: &Element) -> (PtzStatus, bool) {
        let Some(status) = answer.child("PTZStatus") else { return (PtzStatus::default(), false) };
        let word = |axis: &str| status.text(&format!("MoveStatus/{axis}")).map(str::to_ascii_uppercase);
        let words = [word("PanTilt"), word("Zoom")];
        let any = |wanted: &str| words.iter().flatten().any(|word| word == wanted);
        let moving = if any("MOVING") { Some(true) } else { any("IDLE").then_some(false) };
        let (position, odd) = match status.child("Position") {
            Some(position) => self.position(position),
            None => (None, false),
        };
        (PtzStatus { position, moving }, odd)
    }

    /// Reads a PTZVector as a position.
    pub(crate) fn position(&self, vector: &Element) -> (Option<Position>, bool) {
        let space_of = |element: &Element, list: &Spaces| {
            let uri = element.attribute("space").unwrap_or_default().to_owned();
            list.iter().find(|space| space.uri == uri).or(list.first()).cloned()
        };
        let mut odd = false;
        let mut scaled = |value: f32, told: Option<(f32, f32)>, generic: (f32, f32)| {
            let range = told.unwrap_or(generic);
            let fits = (range.0 - 0.001..=range.1 + 0.001).contains(&value);
            odd |= !fits;
            of_part(value, if fits { range } else { generic })
        };
        let pan_tilt = vector.child("PanTilt").and_then(|element| {
            let space = space_of(element, &self.node.absolute.0);
            let (x, y) = (number_attribute(element, "x")?, number_attribute(element, "y")?);
            let pan = scaled(x, space.as_ref().map(|s| s.x), (-1.0, 1.0)) * 2.0 - 1.0;
            Some((pan, scaled(y, space.as_ref().map(|s| s.y), (-1.0, 1.0)) * 2.0 - 1.0))
        });
        let zoom = vector.child("Zoom").and_then(|element| {
            let space = space_of(element, &self.node.absolute.1);
            Some(scaled(number_attribute(element, "x")?, space.map(|s| s.x), (0.0, 1.0)))
        });
        let position = (pan_tilt.is_some() || zoom.is_some()).then(|| {
            let (pan, tilt) = pan_tilt.unwrap_or((0.0, 0.0));
            Position { pan, tilt, zoom: zoom.unwrap_or(0.0) }
        });
        (position, odd)
    }
}

#[cfg(test)]
#[path = "ptz_tests.rs"]
mod tests;
