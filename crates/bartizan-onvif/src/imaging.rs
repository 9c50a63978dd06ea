//! Picture settings (Imaging Service Specification) and rotation (Media Service Specification, VideoSourceConfiguration).

use bartizan_device::{Imaging, ImagingCapabilities};
use bartizan_http::xml::Element;

use crate::{
    error::OnvifError,
    media::Channel,
    ptz::decimal,
    services::Service,
    session::Session,
    soap::{escape, in_schema, number},
};

/// Ranges at least this wide are sent whole numbers, as the devices that have them reckon.
const WIDE: f32 = 20.0;
/// Levels of the schema that we know, in its order.
const LEVELS: [&str; 3] = ["Brightness", "ColorSaturation", "Contrast"];

/// What a video source's picture offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Picture {
    /// VideoSourceToken; empty where the imaging service does not know this source.
    pub source: String,
    /// Ranges by [`LEVELS`].
    pub levels: [Option<(f32, f32)>; 3],
    pub auto_focus: bool,
    pub manual_focus_mode: bool,
    /// Iris attenuation in dB; 0 is open (schema, Exposure20/Iris).
    pub iris: Option<(f32, f32)>,
    /// Focus speed of a continuous move.
    pub focus_speed: Option<(f32, f32)>,
    pub rotation: Option<Rotation>,
}

/// The video source configuration that rotates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rotation {
    pub service: Service,
    pub config: String,
    /// Offered beside 0.
    pub degrees: Vec<u16>,
    /// Degree may be named; else ON means 180.
    pub named: bool,
}

fn min_max(element: &Element, path: &str) -> Option<(f32, f32)> {
    let range = element.find(path)?;
    let (min, max) = (number(range, "Min")?, number(range, "Max")?);
    (min < max).then_some((min, max))
}

impl Picture {
    /// Reads GetOptionsResponse.
    pub(crate) fn read_options(&mut self, answer: &Element) {
        let Some(options) = answer.child("ImagingOptions").or_else(|| answer.child("ImagingOptions20"))
        else {
            return;
        };
        self.levels = LEVELS.map(|name| min_max(options, name));
        let has = |path: &str, name: &str, word: &str| {
            options
                .find(path)
                .is_some_and(|parent| parent.children(name).any(|mode| mode.text.eq_ignore_ascii_case(word)))
        };
        self.auto_focus = has("Focus", "AutoFocusModes", "AUTO");
        self.manual_focus_mode = has("Focus", "AutoFocusModes", "MANUAL");
        self.iris = min_max(options, "Exposure/Iris").filter(|_| has("Exposure", "Mode", "MANUAL"));
    }

    /// Where GetOptions fails, what GetImagingSettings shows tells which levels there are; the range is the narrowest
    /// usual one that holds the value.
    pub(crate) fn guess_ranges(&mut self, settings: &Element) {
        self.levels = LEVELS.map(|name| {
            let value = number(settings, name)?;
            Some(match value {
                v if v < 0.0 => (-100.0, 100.0),
                v if v <= 100.0 => (0.0, 100.0),
                _ => (0.0, 255.0),
            })
        });
    }

    pub(crate) fn capabilities(&self) -> ImagingCapabilities {
        ImagingCapabilities {
            brightness: self.levels[0].is_some(),
            saturation: self.levels[1].is_some(),
            contrast: self.levels[2].is_some(),
            hue: false,
            flip_horizontal: false,
            flip_vertical: false,
            rotations: self.rotation.as_ref().map(|rotation| rotation.degrees.clone()).unwrap_or_default(),
            defaults: false,
        }
    }

    /// Reads ImagingSettings as 0..100.
    pub(crate) fn read_levels(&self, settings: &Element) -> Imaging {
        let level = |at: usize| {
            let ((min, max), value) = (self.levels[at]?, number(settings, LEVELS[at])?);
            Some(((value - min) / (max - min) * 100.0).clamp(0.0, 100.0))
        };
        Imaging { brightness: level(0), saturation: level(1), contrast: level(2), ..Imaging::default() }
    }

    /// The child elements of ImagingSettings for the levels that are `Some`, in the order of the schema.
    pub(crate) fn write_levels(&self, change: &Imaging) -> Result<String, OnvifError> {
        if change.hue.is_some() || change.flip_horizontal.is_some() || change.flip_vertical.is_some() {
            return Err(OnvifError::not_offered("hue or mirroring: ONVIF has neither"));
        }
        let mut out = String::new();
        for (at, wanted) in [change.brightness, change.saturation, change.contrast].into_iter().enumerate() {
            let Some(wanted) = wanted else { continue };
            if !wanted.is_finite() {
                return Err(OnvifError::Invalid(format!("{} is not a number", LEVELS[at])));
            }
            let Some((min, max)) = self.levels[at] else {
                return Err(OnvifError::not_offered(LEVELS[at]));
            };
            let value = min + wanted.clamp(0.0, 100.0) / 100.0 * (max - min);
            let value = if max - min >= WIDE { value.round() } else { value };
            out += &format!("<tt:{0}>{1}</tt:{0}>", LEVELS[at], decimal(value.clamp(min, max)));
        }
        Ok(out)
    }

    pub(crate) fn source(&self) -> Result<String, OnvifError> {
        if self.source.is_empty() {
            return Err(OnvifError::not_offered("picture settings"));
        }
        Ok(format!("<q:VideoSourceToken>{}</q:VideoSourceToken>", escape(&self.source)))
    }
}

/// Asks what a channel's picture offers.
pub(crate) async fn load(session: &Session, channel: &Channel) -> Result<Picture, OnvifError> {
    let mut picture = Picture::default();
    if let Some(source) = channel.source.as_ref().filter(|_| session.services().has(Service::Imaging)) {
        picture.source.clone_from(source);
        let token = picture.source()?;
        match session.call(Service::Imaging, "GetOptions", &token).await {
            Ok(answer) => picture.read_options(&answer),
            Err(error) if error.is_answer() => {
                match session.call(Service::Imaging, "GetImagingSettings", &token).await {
                    Ok(answer) => {
                        session.note(format!("ranges of picture settings are guessed: {error}"));
                        picture.guess_ranges(answer.child("ImagingSettings").unwrap_or(&answer));
                    }
                    Err(error) if error.is_answer() => {
                        session.note(format!("no picture settings: {error}"));
                        picture.source.clear();
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
        if !picture.source.is_empty() {
            match session.call(Service::Imaging, "GetMoveOptions", &token).await {
                Ok(answer) => {
                    let options = answer.child("MoveOptions");
                    picture.focus_speed = options.and_then(|options| min_max(options, "Continuous/Speed"));
                }
                Err(error) if error.is_answer() => {}
                Err(error) => return Err(error),
            }
        }
    }
    picture.rotation = rotation(session, channel).await?;
    Ok(picture)
}

/// Asks for rotations.
async fn rotation(session: &Session, channel: &Channel) -> Result<Option<Rotation>, OnvifError> {
    let profile = channel.profiles.iter().find(|profile| profile.source_config.is_some());
    let Some((profile, config)) = profile.and_then(|p| p.source_config.clone().map(|config| (p, config)))
    else {
        return Ok(None);
    };
    let service = if profile.in_media { Service::Media } else { Service::Media2 };
    let arguments = format!("<q:ConfigurationToken>{}</q:ConfigurationToken>", escape(&config));
    match session.call(service, "GetVideoSourceConfigurationOptions", &arguments).await {
        Ok(answer) => {
            Ok(read_rotations(&answer).map(|(degrees, named)| Rotation { service, config, degrees, named }))
        }
        Err(error) if error.is_answer() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Rotations beside 0 out of GetVideoSourceConfigurationOptionsResponse, and whether degrees are named. ON without a
/// list means 180 (schema, RotateOptions).
pub(crate) fn read_rotations(answer: &Element) -> Option<(Vec<u16>, bool)> {
    let rotate = answer.descendant("Rotate")?;
    if !rotate.children("Mode").any(|mode| mode.text.eq_ignore_ascii_case("ON")) {
        return None;
    }
    let items = rotate.child("DegreeList").into_iter().flat_map(|list| list.children("Items"));
    let listed: Vec<u16> = items.filter_map(|item| item.text.parse().ok()).collect();
    let degrees: Vec<u16> =
        listed.iter().copied().filter(|degree| matches!(degree, 90 | 180 | 270)).collect();
    Some(if listed.is_empty() { (vec![180], false) } else { (degrees, true) })
        .filter(|(list, _)| !list.is_empty())
}

async fn source_configuration(session: &Session, rotation: &Rotation) -> Result<Element, OnvifError> {
    let arguments = format!("<q:ConfigurationToken>{}</q:ConfigurationToken>", escape(&rotation.config));
    let operation = match rotation.service {
        Service::Media2 => "GetVideoSourceConfigurations",
        _ => "GetVideoSourceConfiguration",
    };
    let answer = session.call(rotation.service, operation, &arguments).await?;
    let all = answer.children.iter().filter(|child| child.name.starts_with("Configuration"));
    let ours = all.clone().find(|one| one.attribute("token") == Some(rotation.config.as_str()));
    ours.or(all.clone().next())
        .cloned()
        .ok_or_else(|| OnvifError::not_offered("its video source configuration"))
}

/// The rotation in effect.
pub(crate) fn read_rotation(configuration: &Element) -> u16 {
    let Some(rotate) = configuration.find("Extension/Rotate") else { return 0 };
    match rotate.text("Mode").map(str::to_ascii_uppercase).as_deref() {
        Some("ON") => rotate.parse_text("Degree").unwrap_or(180),
        _ => 0,
    }
}

pub(crate) async fn get(session: &Session, picture: &Picture) -> Result<Imaging, OnvifError> {
    let mut imaging = Imaging::default();
    if picture.levels.iter().any(Option::is_some) {
        let answer = session.call(Service::Imaging, "GetImagingSettings", &picture.source()?).await?;
        imaging = picture.read_levels(answer.child("ImagingSettings").unwrap_or(&answer));
    }
    if let Some(rotation) = &picture.rotation {
        imaging.rotation = Some(read_rotation(&source_configuration(session, rotation).await?));
    }
    if imaging == Imaging::default() {
        return Err(OnvifError::not_offered("picture settings"));
    }
    Ok(imaging)
}

/// Sends child elements of ImagingSettings.
pub(crate) async fn send_settings(
    session: &Session,
    picture: &Picture,
    settings: &str,
) -> Result<(), OnvifError> {
    let arguments = format!(
        "{}<q:ImagingSettings>{settings}</q:ImagingSettings><q:ForcePersistence>true</q:ForcePersistence>",
        picture.source()?
    );
    session.call(Service::Imaging, "SetImagingSettings", &arguments).await.map(drop)
}

pub(crate) async fn set(
    session: &Session,
    picture: &Picture,
    change: Imaging,
) -> Result<Imaging, OnvifError> {
    let levels = picture.write_levels(&change)?;
    if let Some(degrees) = change.rotation {
        let Some(rotation) = &picture.rotation else { return Err(OnvifError::not_offered("rotation")) };
        if degrees != 0 && !rotation.degrees.contains(&degrees) {
            return Err(OnvifError::not_offered(format!("a rotation by {degrees} degrees")));
        }
        rotate(session, rotation, degrees).await?;
    }
    if !levels.is_empty() {
        send_settings(session, picture, &levels).await?;
    }
    get(session, picture).await
}

/// The configuration with another rotation, in our prefixes and the order of the schema.
pub(crate) fn rotated(configuration: &Element, degrees: u16, named: bool) -> Element {
    let mut out = in_schema(configuration);
    let tt = |name: &str, text: &str| Element { prefix: "tt".into(), ..Element::new(name, text) };
    let mut rotate = tt("Rotate", "").with(tt("Mode", if degrees == 0 { "OFF" } else { "ON" }));
    if named && degrees != 0 {
        rotate.children.push(tt("Degree", &degrees.to_string()));
    }
    if out.child("Extension").is_none() {
        out.children.push(tt("Extension", ""));
    }
    if let Some(extension) = out.find_mut("Extension") {
        extension.children.retain(|child| child.name != "Rotate");
        extension.children.insert(0, rotate);
    }
    out
}

async fn rotate(session: &Session, rotation: &Rotation, degrees: u16) -> Result<(), OnvifError> {
    let configuration = source_configuration(session, rotation).await?;
    if read_rotation(&configuration) == degrees {
        return Ok(());
    }
    let mut wanted = rotated(&configuration, degrees, rotation.named);
    wanted.name = "Configuration".into();
    wanted.prefix = "q".into();
    let mut arguments = String::new();
    wanted.write(&mut arguments);
    if rotation.service == Service::Media {
        arguments += "<q:ForcePersistence>true</q:ForcePersistence>";
    }
    session.call(rotation.service, "SetVideoSourceConfiguration", &arguments).await.map(drop)
}

#[cfg(test)]
#[path = "imaging_tests.rs"]
mod tests;
