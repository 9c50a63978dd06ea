//! Where a head can look, in degrees, and the same in the ports' −1..1.

use bartizan_device::Position;

use crate::text::Values;

/// The range of a head: `getCurrentProtocolCaps`, `PtzMotionRange` and `ZoomMin`/`ZoomMax`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionRange {
    /// Degrees, from and to.
    pub pan: (f32, f32),
    /// Degrees, from and to; positive is down.
    pub tilt: (f32, f32),
    /// Magnification, from and to.
    pub zoom: (f32, f32),
}

impl Default for MotionRange {
    /// A dome: all round, from the horizon straight down.
    fn default() -> Self {
        Self { pan: (0.0, 360.0), tilt: (0.0, 90.0), zoom: (1.0, 30.0) }
    }
}

impl MotionRange {
    /// Reads `caps.…`; what is missing or upside down keeps a dome's value.
    pub fn read(caps: &Values) -> Self {
        let dome = Self::default();
        let pair = |from: &str, to: &str, otherwise: (f32, f32)| {
            let (from, to) = (caps.number::<f32>(from), caps.number::<f32>(to));
            let both = from.zip(to).filter(|(from, to)| from.is_finite() && to.is_finite() && from < to);
            both.unwrap_or(otherwise)
        };
        let angle = |axis: &str, otherwise| {
            let key = |at| format!("caps.PtzMotionRange.{axis}[{at}]");
            pair(&key(0), &key(1), otherwise)
        };
        Self {
            pan: angle("HorizontalAngle", dome.pan),
            tilt: angle("VerticalAngle", dome.tilt),
            zoom: pair("caps.ZoomMin", "caps.ZoomMax", dome.zoom),
        }
    }

    fn turns_round(self) -> bool {
        self.pan.1 - self.pan.0 >= 360.0
    }

    /// Degrees and magnification of `getStatus` as a position. A head that turns round has its middle at 0°.
    pub fn to_position(self, pan: f32, tilt: f32, zoom: f32) -> Position {
        let pan = if self.turns_round() {
            let wrapped = pan.rem_euclid(360.0);
            if wrapped > 180.0 { (wrapped - 360.0) / 180.0 } else { wrapped / 180.0 }
        } else {
            part(self.pan, pan) * 2.0 - 1.0
        };
        Position { pan, tilt: 1.0 - part(self.tilt, tilt) * 2.0, zoom: part(self.zoom, zoom) }
    }

    /// `arg1`, `arg2`, `arg3` of `moveAbsolutely`: arg1 = degrees/180 (negative for 180°..360°), arg2 = −degrees/180,
    /// arg3 the zoom 0..1 (HTTP API 8.1.5, "Accurate PTZ Positioning").
    pub fn to_arguments(self, position: Position) -> [f32; 3] {
        let whole = |value: f32| if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 };
        let (pan, tilt) = (whole(position.pan), whole(position.tilt));
        let arg1 = if self.turns_round() {
            pan
        } else {
            let degrees = between(self.pan, (pan + 1.0) / 2.0).rem_euclid(360.0);
            if degrees > 180.0 { (degrees - 360.0) / 180.0 } else { degrees / 180.0 }
        };
        let arg2 = -between(self.tilt, (1.0 - tilt) / 2.0) / 180.0;
        [arg1, arg2, whole(position.zoom).max(0.0)]
    }
}

fn part((from, to): (f32, f32), value: f32) -> f32 {
    let part = (value - from) / (to - from);
    if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 }
}

fn between((from, to): (f32, f32), part: f32) -> f32 {
    from + (to - from) * part
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOME: &str = "caps.PtzMotionRange.HorizontalAngle[0]=0\ncaps.PtzMotionRange.HorizontalAngle[1]=360\n\
        caps.PtzMotionRange.VerticalAngle[0]=-20\ncaps.PtzMotionRange.VerticalAngle[1]=90\ncaps.ZoomMax=30\ncaps.ZoomMin=1\n";

    #[test]
    fn the_documents_example() {
        let range = MotionRange::read(&Values::parse(DOME).expect("reads"));
        assert_eq!(range.tilt, (-20.0, 90.0));
        // arg1 −0.8 is 216°, by "Angle = 180.0 × arg1 + 360.0".
        assert!((range.to_position(216.0, -20.0, 30.0).pan + 0.8).abs() < 1e-6);
        assert_eq!(range.to_position(0.0, -20.0, 30.0), Position { pan: 0.0, tilt: 1.0, zoom: 1.0 });
        let arguments = range.to_arguments(Position { pan: -0.8, tilt: -1.0, zoom: 0.5 });
        assert_eq!(arguments, [-0.8, -0.5, 0.5]);
    }

    #[test]
    fn nonsense_ranges_are_a_domes() {
        for text in
            ["caps.ZoomMin=5\ncaps.ZoomMax=1\n", "caps.ZoomMin=nan\ncaps.ZoomMax=nan\n", "caps.Pan=true\n"]
        {
            assert_eq!(MotionRange::read(&Values::parse(text).expect(text)), MotionRange::default());
        }
    }

    proptest! {
        #[test]
        fn positions_come_back(from in -180i16..0, span in 10i16..500, low in -90i16..0, high in 1i16..90,
                               pan in -0.99f32..0.99, tilt in -1.0f32..1.0, zoom in 0.0f32..1.0) {
            let range = MotionRange {
                pan: (f32::from(from), f32::from(from + span.min(360))),
                tilt: (f32::from(low), f32::from(high)),
                zoom: (1.0, 25.0),
            };
            let [arg1, arg2, arg3] = range.to_arguments(Position { pan, tilt, zoom });
            prop_assert!(arg1.abs() <= 1.0 && arg2.abs() <= 1.0 && (0.0..=1.0).contains(&arg3));
            let mut degrees = if arg1 < 0.0 { 180.0 * arg1 + 360.0 } else { 180.0 * arg1 };
            if degrees > range.pan.1 {
                degrees -= 360.0;
            }
            let back = range.to_position(degrees, -180.0 * arg2, 1.0 + arg3 * 24.0);
            prop_assert!((back.pan - pan).abs() < 1e-3, "{back:?}");
            prop_assert!((back.tilt - tilt).abs() < 1e-3 && (back.zoom - zoom).abs() < 1e-3, "{back:?}");
        }
    }
}
