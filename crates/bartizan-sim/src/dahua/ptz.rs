//! `ptz.cgi`, `ptzBase.cgi`, `devVideoInput.cgi`.

use std::time::Duration;

use super::{Cgi, Lines, Said};
use crate::unit::{Lens, Unit};

/// Degrees round.
const PAN_RANGE: f32 = 360.0;
/// Degrees from the horizon down.
const TILT_RANGE: f32 = 90.0;
const ZOOM_MAX: f32 = 25.0;
/// The picture is so many units wide and high for `moveDirectly`.
const PICTURE: f32 = 8192.0;
/// Below this a continuous move stands still.
const DEAD: f32 = 4.0;

pub(super) fn answer(unit: &Unit, cgi: &Cgi, action: &str) -> Said {
    let Some(channel) = cgi.channel(unit).filter(|channel| unit.moves(*channel)) else {
        return Said::BadRequest;
    };
    let arg = |name| cgi.number::<f32>(name).unwrap_or(0.0);
    match action {
        "start" => start(unit, cgi, channel),
        "stop" => stop(unit, cgi, channel),
        "moveRelatively" => {
            let [x, y, zoom] = [arg("arg1"), arg("arg2"), arg("arg3")];
            Said::done(unit.shift(channel, [Some(x), Some(y), Some(zoom)]))
        }
        "moveAbsolutely" => {
            let pan = arg("arg1") * 180.0;
            let tilt = -arg("arg2") * 180.0;
            Said::done(unit.go(channel, [Some(pan_of(pan)), Some(tilt_of(tilt)), Some(arg("arg3"))]))
        }
        "moveDirectly" => {
            let point = |name: &str, at: usize| {
                cgi.number::<f32>(&format!("{name}[{at}]")).map(|value| value / PICTURE * 2.0 - 1.0)
            };
            let (Some(x0), Some(y0), Some(x1), Some(y1)) =
                (point("startPoint", 0), point("startPoint", 1), point("endPoint", 0), point("endPoint", 1))
            else {
                return Said::BadRequest;
            };
            // y runs down; a box narrows the view to itself.
            let zoom = if x0 == x1 { 0.0 } else { 1.0 - (x1 - x0).abs() / 2.0 };
            Said::done(unit.center(channel, (x0 + x1) / 2.0, -(y0 + y1) / 2.0, zoom))
        }
        "getStatus" => status(unit, channel),
        "getPresets" => {
            let mut lines = Lines::default();
            for (at, (number, (name, place))) in unit.presets(channel).iter().enumerate() {
                lines.put(format!("presets[{at}].Index"), number);
                lines.put(format!("presets[{at}].Name"), name);
                lines.put(format!("presets[{at}].Position[0]"), (degrees(place[0]) * 10.0).round());
                lines.put(format!("presets[{at}].Position[1]"), (down(place[1]) * 10.0).round());
                lines.put(format!("presets[{at}].Type"), 0);
            }
            Said::Lines(lines)
        }
        "getCurrentProtocolCaps" => Said::Lines(caps()),
        // The named form of storing a preset.
        "SetPreset" => match (cgi.number("arg1"), cgi.get("arg2")) {
            (Some(number @ 1..=300), Some(name)) => Said::done(unit.set_preset(channel, number, name, true)),
            _ => Said::BadRequest,
        },
        _ => Said::BadRequest,
    }
}

fn pan_of(degrees: f32) -> f32 {
    let turned = degrees.rem_euclid(PAN_RANGE);
    if turned > 180.0 { (turned - PAN_RANGE) / 180.0 } else { turned / 180.0 }
}

fn tilt_of(down: f32) -> f32 {
    1.0 - down / TILT_RANGE * 2.0
}

fn degrees(pan: f32) -> f32 {
    (pan * 180.0).rem_euclid(PAN_RANGE)
}

fn down(tilt: f32) -> f32 {
    (1.0 - tilt) / 2.0 * TILT_RANGE
}

fn direction(code: &str) -> Option<(f32, f32)> {
    Some(match code {
        "Up" => (0.0, 1.0),
        "Down" => (0.0, -1.0),
        "Left" => (-1.0, 0.0),
        "Right" => (1.0, 0.0),
        "LeftUp" => (-1.0, 1.0),
        "RightUp" => (1.0, 1.0),
        "LeftDown" => (-1.0, -1.0),
        "RightDown" => (1.0, -1.0),
        _ => return None,
    })
}

fn lens(code: &str) -> Option<(Lens, f32)> {
    Some(match code {
        "FocusNear" => (Lens::Focus, -0.5),
        "FocusFar" => (Lens::Focus, 0.5),
        "IrisLarge" => (Lens::Iris, 0.5),
        "IrisSmall" => (Lens::Iris, -0.5),
        _ => return None,
    })
}

fn start(unit: &Unit, cgi: &Cgi, channel: u16) -> Said {
    let code = cgi.get("code").unwrap_or_default();
    let arg = |name| cgi.number::<f32>(name).unwrap_or(0.0);
    if let Some((x, y)) = direction(code) {
        let horizontal = arg("arg2").clamp(1.0, 8.0) / 8.0;
        let vertical = if x != 0.0 && y != 0.0 { arg("arg1").clamp(1.0, 8.0) / 8.0 } else { horizontal };
        return Said::done(unit.run(channel, [Some(x * horizontal), Some(y * vertical), None], None));
    }
    if let Some((lens, speed)) = lens(code) {
        return Said::done(unit.run_lens(channel, lens, speed));
    }
    let number = || cgi.number::<u16>("arg2").filter(|number| (1..=300).contains(number));
    match code {
        "ZoomTele" | "ZoomWide" => {
            let sign = if code == "ZoomTele" { 1.0 } else { -1.0 };
            let speed = sign * arg("arg2").clamp(1.0, 8.0) / 8.0;
            Said::done(unit.run(channel, [None, None, Some(speed)], None))
        }
        "Continuously" => {
            let speed = |name| {
                let percent = arg(name).clamp(-100.0, 100.0);
                Some(if percent.abs() <= DEAD { 0.0 } else { percent / 100.0 })
            };
            let timeout = Duration::from_secs_f32(arg("arg4").clamp(0.0, 3600.0));
            Said::done(unit.run(channel, [speed("arg1"), speed("arg2"), speed("arg3")], Some(timeout)))
        }
        "GotoPreset" => match number().and_then(|number| unit.presets(channel).remove(&number)) {
            Some((_, place)) => Said::done(unit.go(channel, place.map(Some))),
            None => Said::BadRequest,
        },
        "SetPreset" => match number() {
            Some(number) => {
                let name = unit.presets(channel).remove(&number).map(|(name, _)| name);
                let name = name.unwrap_or_else(|| format!("Preset{number}"));
                Said::done(unit.set_preset(channel, number, &name, false))
            }
            None => Said::BadRequest,
        },
        "ClearPreset" => Said::done(number().is_some_and(|number| unit.remove_preset(channel, number))),
        "Light" => Said::done(unit.set_light(channel, arg("arg1") != 0.0 || arg("arg2") != 0.0)),
        _ => Said::BadRequest,
    }
}

fn stop(unit: &Unit, cgi: &Cgi, channel: u16) -> Said {
    let code = cgi.get("code").unwrap_or_default();
    if let Some((lens, _)) = lens(code) {
        return Said::done(unit.run_lens(channel, lens, 0.0));
    }
    let still = Some(0.0);
    match code {
        "ZoomTele" | "ZoomWide" => Said::done(unit.run(channel, [None, None, still], None)),
        "Continuously" => Said::done(unit.run(channel, [still; 3], None)),
        code if direction(code).is_some() => Said::done(unit.run(channel, [still, still, None], None)),
        _ => Said::BadRequest,
    }
}

fn status(unit: &Unit, channel: u16) -> Said {
    let Some(view) = unit.view(channel) else { return Said::BadRequest };
    let word = |moving| if moving { "Moving" } else { "Idle" };
    let mut lines = Lines::default();
    lines.put("status.Action", "Absolute");
    lines.put("status.MoveStatus", word(view.moving[0] || view.moving[1]));
    // The spelling of real devices.
    lines.put("status.Postion[0]", format!("{:.6}", degrees(view.place[0])));
    lines.put("status.Postion[1]", format!("{:.6}", down(view.place[1])));
    lines.put("status.Postion[2]", format!("{:.6}", 1.0 + view.place[2] * (ZOOM_MAX - 1.0)));
    lines.put("status.PresetID", 0);
    lines.put("status.UTC", unit.now().millis() / 1000);
    lines.put("status.ZoomStatus", word(view.moving[2]));
    Said::Lines(lines)
}

fn caps() -> Lines {
    let mut lines = Lines::default();
    for flag in [
        "Pan",
        "Tile",
        "Zoom",
        "Focus",
        "Iris",
        "MoveAbsolutely",
        "MoveRelatively",
        "MoveDirectly",
        "MoveContinuously",
        "Preset",
        "Aux",
    ] {
        lines.put(format!("caps.{flag}"), true);
    }
    lines.put("caps.Auxs[0]", "Wiper");
    lines.put("caps.PresetMin", 1);
    lines.put("caps.PresetMax", 300);
    lines.put("caps.PtzMotionRange.HorizontalAngle[0]", 0);
    lines.put("caps.PtzMotionRange.HorizontalAngle[1]", PAN_RANGE);
    lines.put("caps.PtzMotionRange.VerticalAngle[0]", 0);
    lines.put("caps.PtzMotionRange.VerticalAngle[1]", TILT_RANGE);
    lines.put("caps.ZoomMin", 1);
    lines.put("caps.ZoomMax", ZOOM_MAX);
    lines
}

pub(super) fn video_input(unit: &Unit, cgi: &Cgi, action: &str) -> Said {
    let Some(channel) = cgi.channel(unit) else { return Said::BadRequest };
    let moves = unit.moves(channel);
    match action {
        "getCaps" => {
            let mut lines = Lines::default();
            for (name, has) in [
                ("Brightness", true),
                ("Contrast", true),
                ("Saturation", true),
                ("Hue", true),
                ("Flip", true),
                ("Mirror", true),
                ("Rotate90", false),
                ("ElectricFocus", moves),
            ] {
                lines.put(format!("caps.{name}"), has);
            }
            Said::Lines(lines)
        }
        "getFocusStatus" if moves => {
            let focus = unit.view(channel).map_or(0.5, |view| view.focus);
            let mut lines = Lines::default();
            lines.put("status.Focus", format!("{focus:.6}"));
            lines.put("status.Status", "Normal");
            Said::Lines(lines)
        }
        "autoFocus" if moves => Said::done(unit.set_auto_focus(channel, true)),
        "adjustFocus" if moves => match cgi.number("focus") {
            Some(to) => Said::done(unit.focus_to(channel, to)),
            None => Said::BadRequest,
        },
        _ => Said::BadRequest,
    }
}
