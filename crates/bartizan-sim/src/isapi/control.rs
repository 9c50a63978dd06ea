//! PTZ, focus, iris, alarm outputs.

use std::time::Duration;

use super::{Call, ISAPI20, Isapi, Outcome, VER20, document, escaped};
use crate::{onvif::soap::Element, unit::Lens};

/// Azimuth runs 0..3600, elevation −900..2700, both in 0.1°. Elevation grows downwards, as on these domes (900 looks
/// straight down): tilt 1..−1 is elevation 0..900.
const AZIMUTH: f32 = 3600.0;
const ELEVATION: f32 = 900.0;
const ZOOM: (f32, f32) = (10.0, 1000.0);

fn part(body: &Element, path: &[&str]) -> Option<f32> {
    body.number_at(path)
}

fn percent(body: &Element, name: &str) -> Option<f32> {
    part(body, &[name]).map(|value| (value / 100.0).clamp(-1.0, 1.0))
}

pub(super) fn answer(isapi: &Isapi, call: &Call<'_>) -> Outcome {
    match (call.method, call.path.as_slice()) {
        ("GET", ["PTZCtrl", "channels"]) => {
            let unit = &isapi.unit;
            let all: String = (1..=unit.channels())
                .filter(|channel| unit.moves(*channel))
                .map(|channel| {
                    format!("<PTZChannel><id>{channel}</id><enabled>true</enabled><videoInputID>{channel}</videoInputID></PTZChannel>")
                })
                .collect();
            Outcome::Document(document("PTZChannelList", VER20, &all))
        }
        (_, ["PTZCtrl", "channels", channel, rest @ ..]) => match channel.parse() {
            Ok(channel) if isapi.unit.moves(channel) => ptz(isapi, call, channel, rest),
            _ => Outcome::NOT_SUPPORTED,
        },
        ("PUT", ["System", "Video", "inputs", "channels", channel, lens]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let lens = if *lens == "focus" { Lens::Focus } else { Lens::Iris };
            let field = if lens == Lens::Focus { "focus" } else { "iris" };
            match (channel.parse(), percent(&body, field)) {
                (Ok(channel), Some(speed)) => Outcome::done(isapi.unit.run_lens(channel, lens, speed)),
                _ => Outcome::INVALID,
            }
        }
        (_, ["System", "IO", rest @ ..]) => outputs(isapi, call, rest),
        _ => Outcome::NOT_SUPPORTED,
    }
}

fn ptz(isapi: &Isapi, call: &Call<'_>, channel: u16, rest: &[&str]) -> Outcome {
    let unit = &isapi.unit;
    match (call.method, rest) {
        ("GET", ["capabilities"]) => Outcome::Document(document("PTZChanelCap", ISAPI20, CAPABILITIES)),
        ("PUT", ["continuous"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let speeds = [percent(&body, "pan"), percent(&body, "tilt"), percent(&body, "zoom")];
            Outcome::done(unit.run(channel, speeds, None))
        }
        ("PUT", ["momentary"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let speeds = [percent(&body, "pan"), percent(&body, "tilt"), percent(&body, "zoom")];
            let Some(ms) = part(&body, &["Momentary", "duration"]) else { return Outcome::INVALID };
            let duration = Duration::from_millis(ms.clamp(0.0, 60_000.0) as u64);
            Outcome::done(unit.run(channel, speeds, Some(duration)))
        }
        ("PUT", ["relative"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let get = |name| part(&body, &["Relative", name]);
            let (x, y) = (get("positionX").unwrap_or(0.0) / 255.0, get("positionY").unwrap_or(0.0) / 255.0);
            let zoom = get("relativeZoom").unwrap_or(0.0) / 100.0;
            Outcome::done(unit.shift(channel, [Some(x), Some(y), Some(zoom)]))
        }
        ("PUT", ["absolute"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let get = |name| part(&body, &["AbsoluteHigh", name]);
            let pan = get("azimuth").map(|at| at / AZIMUTH * 2.0 - 1.0);
            let tilt = get("elevation").map(|at| 1.0 - at / ELEVATION * 2.0);
            let zoom = get("absoluteZoom").map(|at| (at - ZOOM.0) / (ZOOM.1 - ZOOM.0));
            Outcome::done(unit.go(channel, [pan, tilt, zoom]))
        }
        ("PUT", ["position3D"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let at = |point, axis| part(&body, &[point, axis]).map(|at| at / 255.0 * 2.0 - 1.0);
            let (Some(x0), Some(y0), Some(x1), Some(y1)) = (
                at("StartPoint", "positionX"),
                at("StartPoint", "positionY"),
                at("EndPoint", "positionX"),
                at("EndPoint", "positionY"),
            ) else {
                return Outcome::INVALID;
            };
            let zoom = if x0 == x1 { 0.0 } else { 1.0 - (x1 - x0).abs() / 2.0 };
            Outcome::done(unit.center(channel, (x0 + x1) / 2.0, (y0 + y1) / 2.0, zoom))
        }
        ("GET", ["status"]) => {
            let [pan, tilt, zoom] = unit.view(channel).map_or([0.0; 3], |view| view.place);
            let inner = format!(
                "<AbsoluteHigh><elevation>{}</elevation><azimuth>{}</azimuth><absoluteZoom>{}</absoluteZoom></AbsoluteHigh>",
                ((1.0 - tilt) / 2.0 * ELEVATION).round(),
                ((pan + 1.0) / 2.0 * AZIMUTH).round(),
                (ZOOM.0 + zoom * (ZOOM.1 - ZOOM.0)).round()
            );
            Outcome::Document(document("PTZStatus", VER20, &inner))
        }
        ("PUT", ["homeposition", "goto"]) => {
            let home = unit.home(channel);
            Outcome::done(home.is_some_and(|place| unit.go(channel, place.map(Some))))
        }
        (_, ["presets", rest @ ..]) => presets(isapi, call, channel, rest),
        ("PUT", ["auxcontrols", number]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let on = body.text_at(&["status"]) == Some("on");
            match (body.text_at(&["type"]), *number) {
                (Some("WIPER"), _) | (None, "2") => Outcome::done(unit.wipe(channel, on.then_some(None))),
                (Some("LIGHT"), _) | (None, "1") => Outcome::done(unit.set_light(channel, on)),
                _ => Outcome::INVALID,
            }
        }
        ("GET", ["auxcontrols"]) => Outcome::Document(document(
            "PTZAuxList",
            VER20,
            "<PTZAux><id>1</id><type>LIGHT</type><status>off</status></PTZAux><PTZAux><id>2</id><type>WIPER</type><status>off</status></PTZAux>",
        )),
        _ => Outcome::NOT_SUPPORTED,
    }
}

const CAPABILITIES: &str = "<AbsolutePanTiltPositionSpace><XRange><Min>0</Min><Max>3600</Max></XRange>\
    <YRange><Min>0</Min><Max>900</Max></YRange></AbsolutePanTiltPositionSpace>\
    <ContinuousPanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange><YRange><Min>-100</Min><Max>100</Max></YRange></ContinuousPanTiltSpace>\
    <ContinuousZoomSpace><ZRange><Min>-100</Min><Max>100</Max></ZRange></ContinuousZoomSpace>\
    <MomentaryPanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange><YRange><Min>-100</Min><Max>100</Max></YRange></MomentaryPanTiltSpace>\
    <RelativePanTiltSpace><XRange><Min>-255</Min><Max>255</Max></XRange><YRange><Min>-255</Min><Max>255</Max></YRange></RelativePanTiltSpace>\
    <homePostionSupport>true</homePostionSupport><maxPresetNum>300</maxPresetNum><maxPatrolNum>8</maxPatrolNum>\
    <isSupportPosition3D>true</isSupportPosition3D>\
    <PresetNameCap><presetNameSupport>true</presetNameSupport><maxPresetNameLen>32</maxPresetNameLen></PresetNameCap>";

fn presets(isapi: &Isapi, call: &Call<'_>, channel: u16, rest: &[&str]) -> Outcome {
    /// As many as the device lists, empty places too.
    const LISTED: u16 = 40;
    let unit = &isapi.unit;
    let stored = unit.presets(channel);
    let entry = |number: u16| {
        let (name, on) = match stored.get(&number) {
            Some((name, _)) => (escaped(name), true),
            None => (format!("Preset {number}"), false),
        };
        format!(
            "<PTZPreset version=\"2.0\" xmlns=\"{ISAPI20}\"><enabled>{on}</enabled><id>{number}</id><presetName>{name}</presetName></PTZPreset>\n"
        )
    };
    match (call.method, rest) {
        ("GET", []) => {
            Outcome::Document(document("PTZPresetList", VER20, &(1..=LISTED).map(entry).collect::<String>()))
        }
        (method, [number, rest @ ..]) => {
            let Some(number) = number.parse().ok().filter(|number| (1..=300).contains(number)) else {
                return Outcome::INVALID;
            };
            match (method, rest) {
                ("GET", []) => Outcome::Document(entry(number)),
                ("PUT", []) => {
                    let Some(body) = call.body() else { return Outcome::INVALID };
                    let name = body.text_at(&["presetName"]).unwrap_or_default().to_owned();
                    Outcome::done(unit.set_preset(channel, number, &name, false))
                }
                ("DELETE", []) => Outcome::done(unit.remove_preset(channel, number)),
                ("PUT", ["goto"]) => match stored.get(&number) {
                    Some((_, place)) => Outcome::done(unit.go(channel, place.map(Some))),
                    None => Outcome::Status(400, 4, "invalidOperation"),
                },
                _ => Outcome::NOT_SUPPORTED,
            }
        }
        _ => Outcome::NOT_SUPPORTED,
    }
}

fn outputs(isapi: &Isapi, call: &Call<'_>, rest: &[&str]) -> Outcome {
    let outputs = isapi.unit.outputs();
    match (call.method, rest) {
        ("GET", ["outputs"]) => {
            let all: String = outputs
                .iter()
                .enumerate()
                .map(|(at, output)| {
                    format!(
                        "<IOOutputPort version=\"2.0\"><id>{}</id><outputName>{}</outputName>\
                         <PowerOnState><defaultState>low</defaultState><outputState>high</outputState></PowerOnState></IOOutputPort>\n",
                        at + 1,
                        escaped(&output.name)
                    )
                })
                .collect();
            Outcome::Document(document("IOOutputPortList", ISAPI20, &all))
        }
        ("GET", ["outputs", number, "status"]) => {
            let at = number.parse::<usize>().unwrap_or(0).wrapping_sub(1);
            let Some(output) = outputs.get(at) else { return Outcome::NOT_FOUND };
            let state = if output.on { "active" } else { "inactive" };
            let inner = format!(
                "<ioPortID>{number}</ioPortID><ioPortType>output</ioPortType><ioState>{state}</ioState>"
            );
            Outcome::Document(document("IOPortStatus", VER20, &inner))
        }
        ("PUT", ["outputs", number, "trigger"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            match (number.parse(), body.text_at(&["outputState"])) {
                (Ok(number), Some(state @ ("high" | "low"))) => {
                    Outcome::done(isapi.unit.set_output(number, state == "high"))
                }
                _ => Outcome::INVALID,
            }
        }
        _ => Outcome::NOT_SUPPORTED,
    }
}
