//! The PTZ service (PTZ Service Specification), over the unit's own moving parts.

use std::time::Duration;

use quick_xml::escape::escape;

use super::{
    Answer, Request,
    soap::{Element, Fault, duration},
    stamp,
};
use crate::unit::Place;

const SPACES: &str = "http://www.onvif.org/ver10/tptz";
/// Presets a unit keeps.
pub(crate) const PRESET_LIMIT: u16 = 255;
/// A move without `Timeout` ends after this, as the configuration says.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `Timeout`.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Attributes of the service.
pub(crate) const CAPABILITIES: &str = "<tptz:Capabilities EFlip=\"false\" Reverse=\"false\" \
    GetCompatibleConfigurations=\"true\" MoveStatus=\"true\" StatusPosition=\"true\"/>";

pub(crate) fn answer(request: &Request<'_>) -> Answer {
    let body = &request.call.body;
    match body.name.as_str() {
        "GetServiceCapabilities" => Ok(format!(
            "<tptz:GetServiceCapabilitiesResponse>{CAPABILITIES}</tptz:GetServiceCapabilitiesResponse>"
        )),
        "GetNodes" => {
            let nodes: String = request.movable().map(|channel| node(request, channel)).collect();
            Ok(format!("<tptz:GetNodesResponse>{nodes}</tptz:GetNodesResponse>"))
        }
        "GetNode" => {
            let channel = named(request, "NodeToken", "ptz_node_", "NoEntity")?;
            Ok(format!("<tptz:GetNodeResponse>{}</tptz:GetNodeResponse>", node(request, channel)))
        }
        name @ ("GetConfigurations" | "GetCompatibleConfigurations") => {
            let all = request.movable().map(|channel| configuration("tptz:PTZConfiguration", channel));
            Ok(format!("<tptz:{name}Response>{}</tptz:{name}Response>", all.collect::<String>()))
        }
        "GetConfiguration" => {
            let channel = named(request, "PTZConfigurationToken", "ptz_config_", "NoConfig")?;
            let inner = configuration("tptz:PTZConfiguration", channel);
            Ok(format!("<tptz:GetConfigurationResponse>{inner}</tptz:GetConfigurationResponse>"))
        }
        "GetConfigurationOptions" => {
            named(request, "ConfigurationToken", "ptz_config_", "NoConfig")?;
            Ok(format!(
                "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions><tt:Spaces>{}</tt:Spaces>\
                 <tt:PTZTimeout><tt:Min>PT0S</tt:Min><tt:Max>PT60S</tt:Max></tt:PTZTimeout>\
                 </tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>",
                spaces()
            ))
        }
        name => {
            let known = [
                "ContinuousMove",
                "RelativeMove",
                "AbsoluteMove",
                "Stop",
                "GetStatus",
                "GetPresets",
                "SetPreset",
                "GotoPreset",
                "RemovePreset",
                "GotoHomePosition",
                "SetHomePosition",
                "SendAuxiliaryCommand",
            ];
            if !known.contains(&name) {
                return Err(Fault::not_supported(name));
            }
            on_profile(request, name, mover(request)?)
        }
    }
}

/// The channel of a token like `ptz_node_1`.
fn named(request: &Request<'_>, field: &str, prefix: &str, fault: &'static str) -> Result<u16, Fault> {
    let token = request.call.body.text_at(&[field]).unwrap_or_default();
    let channel = token.strip_prefix(prefix).and_then(|number| number.parse().ok());
    channel
        .filter(|channel| request.movable().any(|one| one == *channel))
        .ok_or_else(|| Fault::no(fault, token))
}

/// The channel a profile moves.
fn mover(request: &Request<'_>) -> Result<u16, Fault> {
    let (channel, _) = request.profile("ProfileToken")?;
    if request.movable().any(|one| one == channel) {
        return Ok(channel);
    }
    Err(Fault::sender(&["InvalidArgVal", "NoPTZProfile"], "the profile has no PTZ configuration"))
}

fn on_profile(request: &Request<'_>, name: &str, channel: u16) -> Answer {
    let body = &request.call.body;
    match name {
        "ContinuousMove" => {
            let velocity = body.child("Velocity").ok_or_else(|| Fault::invalid("Velocity"))?;
            let (pan_tilt, zoom) = vector(velocity, "VelocityGenericSpace", -1.0)?;
            let asked = match body.text_at(&["Timeout"]) {
                Some(text) => duration(text).ok_or_else(|| Fault::invalid("Timeout"))?,
                None => DEFAULT_TIMEOUT,
            };
            request.run(channel, axes(pan_tilt, zoom), Some(asked.min(LONGEST_TIMEOUT)))?;
        }
        "RelativeMove" => {
            let translation = body.child("Translation").ok_or_else(|| Fault::invalid("Translation"))?;
            let (pan_tilt, zoom) = vector(translation, "TranslationGenericSpace", -1.0)?;
            request.shift(channel, axes(pan_tilt, zoom))?;
        }
        "AbsoluteMove" => {
            let position = body.child("Position").ok_or_else(|| Fault::invalid("Position"))?;
            let (pan_tilt, zoom) = vector(position, "PositionGenericSpace", 0.0)?;
            request.go(channel, axes(pan_tilt, zoom))?;
        }
        "Stop" => {
            // Both, when neither is named (PTZ, ch. 5.3.4).
            let wanted = |part: &str| body.text_at(&[part]).is_none_or(|text| text == "true" || text == "1");
            let pan_tilt = wanted("PanTilt").then_some((0.0, 0.0));
            request.run(channel, axes(pan_tilt, wanted("Zoom").then_some(0.0)), None)?;
        }
        "GetStatus" if !request.quirks.ptz_status => return Err(Fault::not_supported(name)),
        "GetStatus" => return Ok(status(request, channel)),
        "GetPresets" => {
            let mut all = String::new();
            for (token, name, place) in request.presets(channel) {
                all.push_str(&format!(
                    "<tptz:Preset token=\"{}\"><tt:Name>{}</tt:Name>{}</tptz:Preset>",
                    escape(token),
                    escape(name),
                    position("tt:PTZPosition", place)
                ));
            }
            return Ok(format!("<tptz:GetPresetsResponse>{all}</tptz:GetPresetsResponse>"));
        }
        "SetPreset" => {
            let name = body.text_at(&["PresetName"]);
            let token = request.set_preset(channel, body.text_at(&["PresetToken"]), name)?;
            return Ok(format!(
                "<tptz:SetPresetResponse><tptz:PresetToken>{}</tptz:PresetToken></tptz:SetPresetResponse>",
                escape(token)
            ));
        }
        "GotoPreset" => request.go_to_preset(channel, body.text_at(&["PresetToken"]).unwrap_or_default())?,
        "RemovePreset" => {
            request.remove_preset(channel, body.text_at(&["PresetToken"]).unwrap_or_default())?
        }
        "GotoHomePosition" => request.go_home(channel)?,
        "SetHomePosition" => request.set_home(channel)?,
        "SendAuxiliaryCommand" => {
            let command = body.text_at(&["AuxiliaryData"]).unwrap_or_default();
            request.auxiliary(channel, command)?;
            return Ok(format!(
                "<tptz:SendAuxiliaryCommandResponse><tptz:AuxiliaryResponse>{}</tptz:AuxiliaryResponse>\
                 </tptz:SendAuxiliaryCommandResponse>",
                escape(command)
            ));
        }
        other => return Err(Fault::not_supported(other)),
    }
    Ok(format!("<tptz:{name}Response/>"))
}

/// Pan and tilt, and zoom, of a move: both optional, each within its range, in the generic space if any is named.
#[expect(clippy::type_complexity, reason = "two optional coordinates")]
fn vector(moved: &Element, space: &str, zoom_from: f32) -> Result<(Option<(f32, f32)>, Option<f32>), Fault> {
    let number = |element: &Element, axis: &str, from: f32| {
        let value = element.number(axis).ok_or_else(|| Fault::invalid(axis))?;
        if (from..=1.0).contains(&value) {
            return Ok(value);
        }
        let subcode = if space == "PositionGenericSpace" { "InvalidPosition" } else { "InvalidVelocity" };
        Err(Fault::sender(&["InvalidArgVal", subcode], format!("{axis} = {value}")))
    };
    let in_space = |element: &Element| match element.attribute("space") {
        Some(named) if !named.is_empty() && !named.ends_with(space) => {
            Err(Fault::sender(&["InvalidArgVal", "SpaceNotSupported"], named))
        }
        _ => Ok(()),
    };
    let (mut pan_tilt, mut zoom) = (None, None);
    if let Some(element) = moved.child("PanTilt") {
        in_space(element)?;
        pan_tilt = Some((number(element, "x", -1.0)?, number(element, "y", -1.0)?));
    }
    if let Some(element) = moved.child("Zoom") {
        in_space(element)?;
        zoom = Some(number(element, "x", zoom_from)?);
    }
    Ok((pan_tilt, zoom))
}

fn axes(pan_tilt: Option<(f32, f32)>, zoom: Option<f32>) -> [Option<f32>; 3] {
    [pan_tilt.map(|(pan, _)| pan), pan_tilt.map(|(_, tilt)| tilt), zoom]
}

fn position(element: &str, [pan, tilt, zoom]: Place) -> String {
    format!(
        "<{element}><tt:PanTilt x=\"{pan:.6}\" y=\"{tilt:.6}\" space=\"{SPACES}/PanTiltSpaces/PositionGenericSpace\"/>\
         <tt:Zoom x=\"{zoom:.6}\" space=\"{SPACES}/ZoomSpaces/PositionGenericSpace\"/></{element}>"
    )
}

fn status(request: &Request<'_>, channel: u16) -> String {
    let (place, moving) =
        request.unit.view(channel).map_or(([0.0; 3], [false; 3]), |view| (view.place, view.moving));
    let word = |moves: bool| if moves { "MOVING" } else { "IDLE" };
    format!(
        "<tptz:GetStatusResponse><tptz:PTZStatus>{}<tt:MoveStatus><tt:PanTilt>{}</tt:PanTilt><tt:Zoom>{}</tt:Zoom>\
         </tt:MoveStatus><tt:UtcTime>{}</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse>",
        position("tt:Position", place),
        word(moving[0] || moving[1]),
        word(moving[2]),
        stamp(request.now)
    )
}

fn space(element: &str, uri: &str, ranges: &[(&str, f32, f32)]) -> String {
    let range = |(name, min, max): &(&str, f32, f32)| {
        format!("<tt:{name}><tt:Min>{min}</tt:Min><tt:Max>{max}</tt:Max></tt:{name}>")
    };
    let ranges: String = ranges.iter().map(range).collect();
    format!("<tt:{element}><tt:URI>{SPACES}/{uri}</tt:URI>{ranges}</tt:{element}>")
}

fn spaces() -> String {
    let both = [("XRange", -1.0, 1.0), ("YRange", -1.0, 1.0)];
    let (signed, unsigned) = ([("XRange", -1.0, 1.0)], [("XRange", 0.0, 1.0)]);
    [
        space("AbsolutePanTiltPositionSpace", "PanTiltSpaces/PositionGenericSpace", &both),
        space("AbsoluteZoomPositionSpace", "ZoomSpaces/PositionGenericSpace", &unsigned),
        space("RelativePanTiltTranslationSpace", "PanTiltSpaces/TranslationGenericSpace", &both),
        space("RelativeZoomTranslationSpace", "ZoomSpaces/TranslationGenericSpace", &signed),
        space("ContinuousPanTiltVelocitySpace", "PanTiltSpaces/VelocityGenericSpace", &both),
        space("ContinuousZoomVelocitySpace", "ZoomSpaces/VelocityGenericSpace", &signed),
        space("PanTiltSpeedSpace", "PanTiltSpaces/GenericSpeedSpace", &unsigned),
        space("ZoomSpeedSpace", "ZoomSpaces/ZoomGenericSpeedSpace", &unsigned),
    ]
    .concat()
}

fn node(request: &Request<'_>, channel: u16) -> String {
    let commands = request.auxiliaries().iter();
    let commands: String = commands
        .map(|one| format!("<tt:AuxiliaryCommands>{}</tt:AuxiliaryCommands>", escape(*one)))
        .collect();
    format!(
        "<tptz:PTZNode token=\"ptz_node_{channel}\" FixedHomePosition=\"false\"><tt:Name>PTZ {channel}</tt:Name>\
         <tt:SupportedPTZSpaces>{}</tt:SupportedPTZSpaces><tt:MaximumNumberOfPresets>{PRESET_LIMIT}\
         </tt:MaximumNumberOfPresets><tt:HomeSupported>true</tt:HomeSupported>{commands}</tptz:PTZNode>",
        spaces()
    )
}

/// A PTZ configuration, as it stands in profiles too.
pub(crate) fn configuration(element: &str, channel: u16) -> String {
    let default = |name: &str, uri: &str| format!("<tt:{name}>{SPACES}/{uri}</tt:{name}>");
    let limits = |name: &str, inner: String| format!("<tt:{name}>{inner}</tt:{name}>");
    [
        format!(
            "<{element} token=\"ptz_config_{channel}\"><tt:Name>PTZ {channel}</tt:Name><tt:UseCount>2</tt:UseCount>\
             <tt:NodeToken>ptz_node_{channel}</tt:NodeToken>"
        ),
        default("DefaultAbsolutePantTiltPositionSpace", "PanTiltSpaces/PositionGenericSpace"),
        default("DefaultAbsoluteZoomPositionSpace", "ZoomSpaces/PositionGenericSpace"),
        default("DefaultRelativePanTiltTranslationSpace", "PanTiltSpaces/TranslationGenericSpace"),
        default("DefaultRelativeZoomTranslationSpace", "ZoomSpaces/TranslationGenericSpace"),
        default("DefaultContinuousPanTiltVelocitySpace", "PanTiltSpaces/VelocityGenericSpace"),
        default("DefaultContinuousZoomVelocitySpace", "ZoomSpaces/VelocityGenericSpace"),
        format!(
            "<tt:DefaultPTZSpeed><tt:PanTilt x=\"1\" y=\"1\" space=\"{SPACES}/PanTiltSpaces/GenericSpeedSpace\"/>\
             <tt:Zoom x=\"1\" space=\"{SPACES}/ZoomSpaces/ZoomGenericSpeedSpace\"/></tt:DefaultPTZSpeed>\
             <tt:DefaultPTZTimeout>PT{}S</tt:DefaultPTZTimeout>",
            DEFAULT_TIMEOUT.as_secs()
        ),
        limits(
            "PanTiltLimits",
            space("Range", "PanTiltSpaces/PositionGenericSpace", &[("XRange", -1.0, 1.0), ("YRange", -1.0, 1.0)]),
        ),
        limits("ZoomLimits", space("Range", "ZoomSpaces/PositionGenericSpace", &[("XRange", 0.0, 1.0)])),
        format!("</{element}>"),
    ]
    .concat()
}
