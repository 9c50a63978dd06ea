//! The imaging service (Imaging Service Specification). Values run from 0 to 255 here, unlike the unit's own 0 to 100,
//! as in many a camera: a client that does not ask for the range sets nonsense.

use super::{
    Answer, Request,
    soap::{Element, Fault},
};

/// Attributes of the service.
pub(crate) const CAPABILITIES: &str = "<timg:Capabilities ImageStabilization=\"false\"/>";
/// The end of every range of a picture value.
const FULL: f32 = 255.0;
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
    match name {
        "GetImagingSettings" => wrapped(format!("<timg:ImagingSettings>{}</timg:ImagingSettings>", settings(request, channel))),
        "SetImagingSettings" => {
            let wanted = body.child("ImagingSettings").ok_or_else(|| Fault::invalid("ImagingSettings"))?;
            set(request, channel, wanted)?;
            wrapped(String::new())
        }
        "GetOptions" => wrapped(format!("<timg:ImagingOptions>{}</timg:ImagingOptions>", options())),
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
            request.focus_stop(channel);
            wrapped(String::new())
        }
        _ => {
            let (position, moves) = request.focus(channel);
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
    let picture = request.picture(channel);
    let value =
        |name: &str, percent: f32| format!("<tt:{name}>{}</tt:{name}>", (percent * FULL / 100.0).round());
    let mode = if picture.auto_focus { "AUTO" } else { "MANUAL" };
    [
        value("Brightness", picture.brightness),
        value("ColorSaturation", picture.saturation),
        value("Contrast", picture.contrast),
        format!("<tt:Focus><tt:AutoFocusMode>{mode}</tt:AutoFocusMode></tt:Focus>"),
        format!("<tt:IrCutFilter>{}</tt:IrCutFilter>", picture.ir_cut),
        value("Sharpness", picture.sharpness),
    ]
    .concat()
}

fn options() -> String {
    let range = |name: &str| format!("<tt:{name}><tt:Min>0</tt:Min><tt:Max>{FULL}</tt:Max></tt:{name}>");
    let modes = |name: &str, all: &[&str]| {
        all.iter().map(|one| format!("<tt:{name}>{one}</tt:{name}>")).collect::<String>()
    };
    let [brightness, saturation, contrast, sharpness] = VALUES.map(range);
    let focus = format!("<tt:Focus>{}</tt:Focus>", modes("AutoFocusModes", &["AUTO", "MANUAL"]));
    let filter = modes("IrCutFilterModes", &["ON", "OFF", "AUTO"]);
    [brightness, saturation, contrast, focus, filter, sharpness].concat()
}

/// All is checked before anything is changed; what is not named stays.
fn set(request: &Request<'_>, channel: u16, wanted: &Element) -> Result<(), Fault> {
    let mut picture = request.picture(channel);
    for (name, slot) in VALUES.into_iter().zip([
        &mut picture.brightness,
        &mut picture.saturation,
        &mut picture.contrast,
        &mut picture.sharpness,
    ]) {
        let Some(element) = wanted.child(name) else { continue };
        let value = element.text.parse::<f32>().ok().filter(|value| (0.0..=FULL).contains(value));
        let wrong =
            || Fault::sender(&["InvalidArgVal", "SettingsInvalid"], format!("{name} {}", element.text));
        *slot = value.ok_or_else(wrong)? * 100.0 / FULL;
    }
    if let Some(mode) = wanted.text_at(&["Focus", "AutoFocusMode"]) {
        picture.auto_focus = match mode {
            "AUTO" => true,
            "MANUAL" => false,
            other => {
                return Err(Fault::sender(
                    &["InvalidArgVal", "SettingsInvalid"],
                    format!("AutoFocusMode {other}"),
                ));
            }
        };
    }
    if let Some(mode) = wanted.text_at(&["IrCutFilter"]) {
        let known = ["ON", "OFF", "AUTO"].into_iter().find(|one| *one == mode);
        let wrong = || Fault::sender(&["InvalidArgVal", "SettingsInvalid"], format!("IrCutFilter {mode}"));
        picture.ir_cut = known.ok_or_else(wrong)?;
    }
    request.set_picture(channel, &picture);
    Ok(())
}

fn focus(request: &Request<'_>, channel: u16, wanted: &Element) -> Result<(), Fault> {
    let number = |path: &[&str], from: f32| {
        let value = wanted.number_at(path).filter(|value| (from..=1.0).contains(value));
        value.ok_or_else(|| Fault::sender(&["InvalidArgVal", "SettingsInvalid"], path.join("/")))
    };
    if wanted.child("Absolute").is_some() {
        request.focus_to(channel, number(&["Absolute", "Position"], 0.0)?);
    } else if wanted.child("Relative").is_some() {
        let (position, _) = request.focus(channel);
        request.focus_to(channel, position + number(&["Relative", "Distance"], -1.0)?);
    } else {
        request.focus_move(channel, number(&["Continuous", "Speed"], -1.0)?);
    }
    Ok(())
}
