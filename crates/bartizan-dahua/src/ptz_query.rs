//! PTZ requests as data: which call makes which move (HTTP API chapter 8.1).

use bartizan_device::{LensMove, Position, Velocity};

use crate::{query::Query, range::MotionRange};

/// Steps at and below this do not move (HTTP API 8.1.5: "< −4", "> 4").
const LEAST_STEP: i32 = 5;
/// Longest time-out of `Continuously`, seconds.
const LONGEST_MOVE_S: u32 = 3600;
/// The picture's width and height for `moveDirectly`.
const PICTURE: f32 = 8192.0;

/// A movement that `start` begins and `stop` ends, with its speeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `Up`, `ZoomTele`, `FocusNear` …
    pub name: &'static str,
    /// Vertical speed for diagonals, else 0.
    pub arg1: u8,
    /// Speed 1–8.
    pub arg2: u8,
}

impl Code {
    /// Begins the movement.
    pub fn start(&self, channel: u16) -> Query {
        command("start", channel, self.name, [i32::from(self.arg1), i32::from(self.arg2), 0])
    }

    /// Ends it.
    pub fn stop(&self, channel: u16) -> Query {
        command("stop", channel, self.name, [0, 0, 0])
    }
}

/// `ptz.cgi?action=start|stop` with a code and three arguments. Channels count from 1 here.
pub fn command(action: &str, channel: u16, code: &str, arguments: [i32; 3]) -> Query {
    let [arg1, arg2, arg3] = arguments;
    Query::new("ptz", action)
        .with("channel", channel)
        .with("code", code)
        .with("arg1", arg1)
        .with("arg2", arg2)
        .with("arg3", arg3)
}

/// `Continuously`: steps −100..100 and a time-out after which the device stops by itself.
pub fn continuously(channel: u16, velocity: Velocity, at_most_ms: u32) -> Query {
    let velocity = velocity.clamped();
    let seconds = at_most_ms.div_ceil(1000).clamp(1, LONGEST_MOVE_S);
    let [pan, tilt, zoom] = [velocity.pan, velocity.tilt, velocity.zoom].map(step);
    command("start", channel, "Continuously", [pan, tilt, zoom]).with("arg4", seconds)
}

/// Ends `Continuously`.
pub fn stop_continuously(channel: u16) -> Query {
    command("stop", channel, "Continuously", [0, 0, 0]).with("arg4", 0)
}

fn step(part: f32) -> i32 {
    let step = (part * 100.0).round() as i32;
    if step == 0 { 0 } else { step.signum() * step.abs().max(LEAST_STEP) }
}

/// A speed 1–8 from a magnitude.
fn speed(part: f32) -> u8 {
    let speed = (part.abs().clamp(0.0, 1.0) * 8.0).ceil() as u8;
    speed.clamp(1, 8)
}

/// The codes that together make a velocity, for firmware without `Continuously`: at most one for pan and tilt and one
/// for zoom.
pub fn codes(velocity: Velocity) -> Vec<Code> {
    let velocity = velocity.clamped();
    let sign = |part: f32| if part > 0.0 { 1 } else { -i32::from(part < 0.0) };
    let single = |name, part| Code { name, arg1: 0, arg2: speed(part) };
    let diagonal = |name| Code { name, arg1: speed(velocity.tilt), arg2: speed(velocity.pan) };
    let head = match (sign(velocity.pan), sign(velocity.tilt)) {
        (0, 0) => None,
        (0, 1) => Some(single("Up", velocity.tilt)),
        (0, _) => Some(single("Down", velocity.tilt)),
        (1, 0) => Some(single("Right", velocity.pan)),
        (_, 0) => Some(single("Left", velocity.pan)),
        (1, 1) => Some(diagonal("RightUp")),
        (1, _) => Some(diagonal("RightDown")),
        (_, 1) => Some(diagonal("LeftUp")),
        _ => Some(diagonal("LeftDown")),
    };
    let zoom = match sign(velocity.zoom) {
        0 => None,
        1 => Some(Code { name: "ZoomTele", arg1: 0, arg2: speed(velocity.zoom) }),
        _ => Some(Code { name: "ZoomWide", arg1: 0, arg2: speed(velocity.zoom) }),
    };
    head.into_iter().chain(zoom).collect()
}

/// `moveRelatively`: parts of the whole range.
pub fn relatively(channel: u16, by: Velocity) -> Query {
    let by = by.clamped();
    three(Query::new("ptz", "moveRelatively").with("channel", channel), [by.pan, by.tilt, by.zoom])
}

/// `moveAbsolutely`.
pub fn absolutely(channel: u16, to: Position, range: &MotionRange) -> Query {
    three(Query::new("ptz", "moveAbsolutely").with("channel", channel), range.to_arguments(to))
}

fn three(query: Query, arguments: [f32; 3]) -> Query {
    let text = arguments.map(|argument| {
        let short = format!("{argument:.4}");
        let short = short.trim_end_matches('0').trim_end_matches('.');
        if short == "-0" || short.is_empty() { "0".to_owned() } else { short.to_owned() }
    });
    query.with("arg1", &text[0]).with("arg2", &text[1]).with("arg3", &text[2])
}

/// `moveDirectly` ("3D positioning"): brings a point to the centre, or frames a rectangle around it when the view is to
/// narrow. A rectangle that would leave the picture by more than half of itself is given up for the bare point: where
/// the picture's middle ends up matters more than the zoom.
pub fn center_on(channel: u16, x: f32, y: f32, zoom: f32) -> Query {
    let clean = |value: f32, low: f32| if value.is_finite() { value.clamp(low, 1.0) } else { 0.0 };
    let (x, y, zoom) = (clean(x, -1.0), clean(y, -1.0), clean(zoom, 0.0));
    let centre = [(x + 1.0) / 2.0 * PICTURE, (1.0 - y) / 2.0 * PICTURE];
    let wanted = (1.0 - zoom) / 2.0 * PICTURE;
    let fits = centre.iter().map(|at| at.min(PICTURE - at)).fold(wanted, f32::min);
    let half = if zoom > 0.0 && fits >= wanted / 2.0 { fits } else { 0.0 };
    let [from, to] = [-half, half].map(|by| centre.map(|at| (at + by).round().clamp(0.0, PICTURE)));
    Query::new("ptzBase", "moveDirectly")
        .with("channel", channel)
        .with("startPoint[0]", from[0])
        .with("startPoint[1]", from[1])
        .with("endPoint[0]", to[0])
        .with("endPoint[1]", to[1])
}

/// The code of a lens move that goes on until it is stopped. `None` for what is no such move.
pub fn lens_code(to: LensMove) -> Option<Code> {
    let (name, part) = match to {
        LensMove::FocusNear(part) => ("FocusNear", part),
        LensMove::FocusFar(part) => ("FocusFar", part),
        LensMove::IrisOpen(part) => ("IrisLarge", part),
        LensMove::IrisClose(part) => ("IrisSmall", part),
        LensMove::AutoFocus | LensMove::Stop => return None,
    };
    Some(Code { name, arg1: 0, arg2: speed(part) })
}

/// Goes to preset `index`.
pub fn go_to_preset(channel: u16, index: u16) -> Query {
    command("start", channel, "GotoPreset", [0, i32::from(index), 0])
}

/// Stores the present position as preset `index`.
pub fn set_preset(channel: u16, index: u16) -> Query {
    command("start", channel, "SetPreset", [0, i32::from(index), 0])
}

/// Forgets preset `index`.
pub fn clear_preset(channel: u16, index: u16) -> Query {
    command("start", channel, "ClearPreset", [0, i32::from(index), 0])
}

/// Names preset `index`, keeping its position. The documents spell `action` with a capital and without.
pub fn name_preset(action: &str, channel: u16, index: u16, name: &str) -> Query {
    Query::new("ptz", action).with("channel", channel).with("arg1", index).with("arg2", name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn velocity(pan: f32, tilt: f32, zoom: f32) -> Velocity {
        Velocity { pan, tilt, zoom }
    }

    #[test]
    fn golden_moves() {
        let range = MotionRange::default();
        for (query, wanted) in [
            (
                continuously(1, velocity(0.5, -0.25, 0.0), 1500),
                "ptz.cgi?action=start&channel=1&code=Continuously&arg1=50&arg2=-25&arg3=0&arg4=2",
            ),
            (
                continuously(5, velocity(0.01, 0.0, 1.0), 500),
                "ptz.cgi?action=start&channel=5&code=Continuously&arg1=5&arg2=0&arg3=100&arg4=1",
            ),
            (
                stop_continuously(1),
                "ptz.cgi?action=stop&channel=1&code=Continuously&arg1=0&arg2=0&arg3=0&arg4=0",
            ),
            (
                relatively(1, velocity(0.1, 0.1, 0.5)),
                "ptz.cgi?action=moveRelatively&channel=1&arg1=0.1&arg2=0.1&arg3=0.5",
            ),
            (
                absolutely(1, Position { pan: -0.8, tilt: 1.0, zoom: 0.5 }, &range),
                "ptz.cgi?action=moveAbsolutely&channel=1&arg1=-0.8&arg2=0&arg3=0.5",
            ),
            (
                center_on(1, 0.0, 0.0, 0.0),
                "ptzBase.cgi?action=moveDirectly&channel=1&startPoint[0]=4096&startPoint[1]=4096&endPoint[0]=4096&endPoint[1]=4096",
            ),
            (
                center_on(1, 0.5, 0.5, 0.5),
                "ptzBase.cgi?action=moveDirectly&channel=1&startPoint[0]=4096&startPoint[1]=0&endPoint[0]=8192&endPoint[1]=4096",
            ),
            (
                center_on(1, 1.0, -1.0, 0.5),
                "ptzBase.cgi?action=moveDirectly&channel=1&startPoint[0]=8192&startPoint[1]=8192&endPoint[0]=8192&endPoint[1]=8192",
            ),
            (go_to_preset(1, 1), "ptz.cgi?action=start&channel=1&code=GotoPreset&arg1=0&arg2=1&arg3=0"),
            (set_preset(1, 2), "ptz.cgi?action=start&channel=1&code=SetPreset&arg1=0&arg2=2&arg3=0"),
            (clear_preset(1, 2), "ptz.cgi?action=start&channel=1&code=ClearPreset&arg1=0&arg2=2&arg3=0"),
            (
                name_preset("SetPreset", 1, 2, "Gate 2"),
                "ptz.cgi?action=SetPreset&channel=1&arg1=2&arg2=Gate%202",
            ),
        ] {
            assert_eq!(query.as_str(), format!("/cgi-bin/{wanted}"));
        }
    }

    #[test]
    fn eight_directions_zoom_and_their_speeds() {
        for (pan, tilt, zoom, wanted) in [
            (1.0, 0.0, 0.0, vec![("Right", 0, 8)]),
            (-0.125, 0.0, 0.0, vec![("Left", 0, 1)]),
            (0.0, 0.5, 0.0, vec![("Up", 0, 4)]),
            (0.0, -0.01, 0.0, vec![("Down", 0, 1)]),
            (0.5, 0.25, 0.0, vec![("RightUp", 2, 4)]),
            (0.5, -0.25, 0.0, vec![("RightDown", 2, 4)]),
            (-0.5, 0.25, 0.0, vec![("LeftUp", 2, 4)]),
            (-0.5, -0.25, 0.0, vec![("LeftDown", 2, 4)]),
            (0.0, 0.0, 1.0, vec![("ZoomTele", 0, 8)]),
            (-1.0, 0.0, -1.0, vec![("Left", 0, 8), ("ZoomWide", 0, 8)]),
            (f32::NAN, 0.0, 0.0, vec![]),
        ] {
            let given: Vec<_> =
                codes(velocity(pan, tilt, zoom)).iter().map(|c| (c.name, c.arg1, c.arg2)).collect();
            assert_eq!(given, wanted, "{pan} {tilt} {zoom}");
        }
        let up = codes(velocity(0.0, 1.0, 0.0))[0];
        assert_eq!(
            up.start(1).as_str(),
            "/cgi-bin/ptz.cgi?action=start&channel=1&code=Up&arg1=0&arg2=8&arg3=0"
        );
        assert_eq!(
            up.stop(1).as_str(),
            "/cgi-bin/ptz.cgi?action=stop&channel=1&code=Up&arg1=0&arg2=0&arg3=0"
        );
    }

    proptest! {
        #[test]
        fn points_stay_in_the_picture(x in -2.0f32..2.0, y in -2.0f32..2.0, zoom in -1.0f32..2.0) {
            let query = center_on(1, x, y, zoom);
            let points: Vec<f32> =
                query.as_str().split("Point[").skip(1).map(|rest| rest[3..].split('&').next().unwrap().parse().unwrap()).collect();
            prop_assert_eq!(points.len(), 4);
            prop_assert!(points.iter().all(|at| (0.0..=PICTURE).contains(at)));
            prop_assert!(points[0] <= points[2] && points[1] <= points[3]);
        }
    }
}
