//! The imaging service (Imaging Service Specification). Values run from 0 to 255 here, unlike the unit's own 0 to 100,
//! as in many a camera: a client that does not ask for the range sets nonsense.

use super::{
    Answer, Request,
    soap::{Element, Fault},
};
use crate::unit::Lens;

/// Attributes of the service.
pub(crate) const CAPABILITIES: &str = "<timg:Capabilities ImageStabilization=\"false\"/>";
/// The end of every range of a picture value.
const FULL: f32 = 255.0;
/// Attenuation of a closed iris, which is open at 0 dB.
const DARKEST_DB: f32 = 20.0;
/// Where the unit's own exposure leaves the iris.
const AUTO_IRIS: f32 = 0.5;
/// Values in the order of the schema.
const VALUES: [&str; 4] = ["Brightness", "ColorSaturation", "Contrast", "Sharpness"];

pub(crate) fn answer(request: &Request<'_>) -> Answer {
    let body = &request.call.body;
    let name = body.name.as_str();
    let wrapped = |inner: String| Ok(format!("<timg:{name}Response>{inner}</timg:{name}Response>"));
    if name == "GetServiceCapabilities" {
        return wrapped(CAPABILITIES.into());
    }
    let known = [
        "GetImagingSettings",
        "SetImagingSettings",
        "GetOptions",
        "GetMoveOptions",
        "Move",
        "Stop",
        "GetStatus",
    ];
    if !known.contains(&name) {
        return Err(Fault::not_supported(name));
    }
    let channel = source(request)?;
    if ["GetMoveOptions", "Move", "Stop", "GetStatus"].contains(&name) && !request.unit.moves(channel) {
        return Err(Fault::receiver(&["ActionNotSupported", "NoImagingForSource"], "the lens is fixed"));
    }
    match name {
        "GetImagingSettings" => wrapped(format!("<timg:ImagingSettings>{}</timg:ImagingSettings>", settings(request, channel))),
        "SetImagingSettings" => {
            let wanted = body.child("ImagingSettings").ok_or_else(|| Fault::invalid("ImagingSettings"))?;
            set(request, channel, wanted)?;
            wrapped(String::new())
        }
        "GetOptions" => {
            let lens = request.unit.moves(channel);
            wrapped(format!("<timg:ImagingOptions>{}</timg:ImagingOptions>", options(lens)))
        }
        "GetMoveOptions" => wrapped(
            "<timg:MoveOptions><tt:Absolute><tt:Position><tt:Min>0</tt:Min><tt:Max>1</tt:Max></tt:Position></tt:Absolute>\
             <tt:Relative><tt:Distance><tt:Min>-1</tt:Min><tt:Max>1</tt:Max></tt:Distance></tt:Relative><tt:Continuous>\
             <tt:Speed><tt:Min>-1</tt:Min><tt:Max>1</tt:Max></tt:Speed></tt:Continuous></timg:MoveOptions>"
                .into(),
        ),
        "Move" => {
            focus(request, channel, body.child("Focus").ok_or_else(|| Fault::invalid("Focus"))?)?;
            wrapped(String::new())
        }
        "Stop" => {
            request.unit.run_lens(channel, Lens::Focus, 0.0);
            wrapped(String::new())
        }
        _ => {
            let (position, moves) = request.unit.view(channel).map_or((0.0, false), |view| (view.focus, view.focusing));
            let word = if moves { "MOVING" } else { "IDLE" };
            wrapped(format!(
                "<timg:Status><tt:FocusStatus20><tt:Position>{position}</tt:Position><tt:MoveStatus>{word}</tt:MoveStatus>\
                 </tt:FocusStatus20></timg:Status>"
            ))
        }
    }
}

fn source(request: &Request<'_>) -> Result<u16, Fault> {
    let token = request.call.body.text_at(&["VideoSourceToken"]).unwrap_or_default();
    let channel = token.strip_prefix("source_").and_then(|number| number.parse().ok());
    channel
        .filter(|channel| request.channels().any(|one| one == *channel))
        .ok_or_else(|| Fault::no("NoSource", token))
}

fn settings(request: &Request<'_>, channel: u16) -> String {
    let Some(view) = request.unit.view(channel) else { return String::new() };
    let value =
        |name: &str, percent: f32| format!("<tt:{name}>{}</tt:{name}>", (percent * FULL / 100.0).round());
    let mut lens = String::new();
    if request.unit.moves(channel) {
        let exposure = if view.iris == AUTO_IRIS { "AUTO" } else { "MANUAL" };
        let focus = if view.auto_focus { "AUTO" } else { "MANUAL" };
        lens = format!(
            "<tt:Exposure><tt:Mode>{exposure}</tt:Mode><tt:Iris>{:.2}</tt:Iris></tt:Exposure>\
             <tt:Focus><tt:AutoFocusMode>{focus}</tt:AutoFocusMode></tt:Focus>",
            (1.0 - view.iris) * DARKEST_DB
        );
    }
    [
        value("Brightness", view.picture.brightness),
        value("ColorSaturation", view.picture.saturation),
        value("Contrast", view.picture.contrast),
        lens,
        value("Sharpness", view.picture.sharpness),
    ]
    .concat()
}

fn options(lens: bool) -> String {
    let range = |name: &str| format!("<tt:{name}><tt:Min>0</tt:Min><tt:Max>{FULL}</tt:Max></tt:{name}>");
    let [brightness, saturation, contrast, sharpness] = VALUES.map(range);
    let lens = if lens {
        format!(
            "<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:Mode>MANUAL</tt:Mode><tt:Iris><tt:Min>0</tt:Min>\
             <tt:Max>{DARKEST_DB}</tt:Max></tt:Iris></tt:Exposure><tt:Focus><tt:AutoFocusModes>AUTO</tt:AutoFocusModes>\
             <tt:AutoFocusModes>MANUAL</tt:AutoFocusModes></tt:Focus>"
        )
    } else {
        String::new()
    };
    [brightness, saturation, contrast, lens, sharpness].concat()
}

fn wrong(what: &str) -> Fault {
    Fault::sender(&["InvalidArgVal", "SettingsInvalid"], what)
}

/// All is checked before anything is changed; what is not named stays.
fn set(request: &Request<'_>, channel: u16, wanted: &Element) -> Result<(), Fault> {
    let number = |path: &[&str], most: f32| match wanted.at(path) {
        None => Ok(None),
        Some(_) => {
            let value = wanted.number_at(path).filter(|value| (0.0..=most).contains(value));
            value.map(|value| Some(value / most)).ok_or_else(|| wrong(&path.join("/")))
        }
    };
    let automatic = |path: &[&str]| match wanted.text_at(path) {
        None => Ok(None),
        Some("AUTO") => Ok(Some(true)),
        Some("MANUAL") => Ok(Some(false)),
        Some(_) => Err(wrong(&path.join("/"))),
    };
    let mut levels = [None; VALUES.len()];
    for (level, name) in levels.iter_mut().zip(VALUES) {
        *level = number(&[name], FULL)?.map(|part| part * 100.0);
    }
    let auto_focus = automatic(&["Focus", "AutoFocusMode"])?;
    let (auto_iris, iris) = (automatic(&["Exposure", "Mode"])?, number(&["Exposure", "Iris"], DARKEST_DB)?);
    let lens = auto_focus.is_some() || auto_iris.is_some() || iris.is_some();
    if lens && !request.unit.moves(channel) {
        return Err(wrong("the lens is fixed"));
    }
    request.unit.set_picture(channel, |picture| {
        let slots =
            [&mut picture.brightness, &mut picture.saturation, &mut picture.contrast, &mut picture.sharpness];
        for (slot, level) in slots.into_iter().zip(levels) {
            *slot = level.unwrap_or(*slot);
        }
    });
    if let Some(on) = auto_focus {
        request.unit.set_auto_focus(channel, on);
    }
    match (auto_iris, iris) {
        (Some(true), _) => request.unit.iris_to(channel, AUTO_IRIS),
        (_, Some(attenuation)) => request.unit.iris_to(channel, 1.0 - attenuation),
        _ => true,
    };
    Ok(())
}

fn focus(request: &Request<'_>, channel: u16, wanted: &Element) -> Result<(), Fault> {
    let number = |path: &[&str], from: f32| {
        let value = wanted.number_at(path).filter(|value| (from..=1.0).contains(value));
        value.ok_or_else(|| wrong(&path.join("/")))
    };
    if wanted.child("Absolute").is_some() {
        request.unit.focus_to(channel, number(&["Absolute", "Position"], 0.0)?);
    } else if wanted.child("Relative").is_some() {
        let here = request.unit.view(channel).map_or(0.0, |view| view.focus);
        request.unit.focus_to(channel, here + number(&["Relative", "Distance"], -1.0)?);
    } else {
        request.unit.run_lens(channel, Lens::Focus, number(&["Continuous", "Speed"], -1.0)?);
    }
    Ok(())
}
