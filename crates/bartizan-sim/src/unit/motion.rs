//! A head that moves in its own time: positions are worked out when they are asked for.

use std::time::Duration;

use tokio::time::Instant;

/// Pan, tilt and zoom.
pub(crate) const AXES: usize = 3;
/// The whole range of an axis takes this long at full speed.
const FULL_RANGE: Duration = Duration::from_secs(4);
/// Speed towards a position, of full speed.
const TRAVEL_SPEED: f32 = 1.0;

/// One axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low: f32,
    /// Where it was at `since`.
    from: f32,
    /// Parts of the range per second.
    rate: f32,
    since: Instant,
    /// Ends a continuous move.
    until: Option<Instant>,
    /// Ends a move to a position.
    target: Option<f32>,
}

impl Axis {
    fn new(low: f32, from: f32, now: Instant) -> Self {
        Self { low, from, rate: 0.0, since: now, until: None, target: None }
    }

    /// Where it is, and whether it moves.
    fn at(&self, now: Instant) -> (f32, bool) {
        let end = self.until.map_or(now, |until| until.min(now));
        let raw = self.from + self.rate * end.saturating_duration_since(self.since).as_secs_f32();
        if let Some(target) = self.target {
            let there = if self.rate >= 0.0 { raw >= target } else { raw <= target };
            return if there { (target, false) } else { (raw, true) };
        }
        let held = raw.clamp(self.low, 1.0);
        let running = self.rate != 0.0 && self.until.is_none_or(|until| now < until);
        (held, running && held == raw)
    }

    fn settle(&self, now: Instant) -> Self {
        Self::new(self.low, self.at(now).0, now)
    }

    fn run(&mut self, speed: f32, timeout: Option<Duration>, now: Instant) {
        let range = 1.0 - self.low;
        let speed = if speed.is_finite() { speed.clamp(-1.0, 1.0) } else { 0.0 };
        *self = Self {
            rate: speed * range / FULL_RANGE.as_secs_f32(),
            until: timeout.map(|timeout| now + timeout),
            ..self.settle(now)
        };
    }

    fn go(&mut self, to: f32, now: Instant) {
        let here = self.settle(now);
        let to = if to.is_finite() { to.clamp(self.low, 1.0) } else { here.from };
        let rate = TRAVEL_SPEED * (1.0 - self.low) / FULL_RANGE.as_secs_f32();
        let rate = if to < here.from { -rate } else { rate };
        *self = Self { rate, target: Some(to), ..here };
    }
}

/// Pan −1..1, tilt −1..1, zoom 0..1.
pub type Place = [f32; AXES];

/// The head of one channel.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    axes: [Axis; AXES],
}

impl Head {
    /// A head at rest.
    pub fn at([pan, tilt, zoom]: Place, now: Instant) -> Self {
        Self { axes: [Axis::new(-1.0, pan, now), Axis::new(-1.0, tilt, now), Axis::new(0.0, zoom, now)] }
    }

    /// Where it looks.
    pub fn place(&self, now: Instant) -> Place {
        self.axes.map(|axis| axis.at(now).0)
    }

    /// Which axes move.
    pub fn moving(&self, now: Instant) -> [bool; AXES] {
        self.axes.map(|axis| axis.at(now).1)
    }

    /// Moves the named axes until told otherwise, or for `timeout`. A speed of 0 stops.
    pub fn run(&mut self, speeds: [Option<f32>; AXES], timeout: Option<Duration>, now: Instant) {
        for (axis, speed) in self.axes.iter_mut().zip(speeds) {
            if let Some(speed) = speed {
                axis.run(speed, timeout, now);
            }
        }
    }

    /// Moves the named axes to a place.
    pub fn go(&mut self, to: [Option<f32>; AXES], now: Instant) {
        for (axis, to) in self.axes.iter_mut().zip(to) {
            if let Some(to) = to {
                axis.go(to, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_end_by_time_by_stop_at_the_limit_and_at_the_target() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut head = Head::at([0.0; AXES], start);
        head.run([Some(1.0), None, None], Some(Duration::from_secs(1)), start);
        assert_eq!(head.place(after(500))[0], 0.25);
        assert_eq!((head.place(after(9000))[0], head.moving(after(9000))[0]), (0.5, false));
        head.run([Some(-0.5), Some(1.0), None], None, after(9000));
        assert_eq!(head.place(after(10_000))[..2], [0.25, 0.5]);
        head.run([Some(0.0), Some(0.0), Some(0.0)], None, after(10_000));
        assert_eq!(head.moving(after(20_000)), [false; 3]);
        assert_eq!(head.place(after(20_000))[..2], [0.25, 0.5]);
        head.run([None, Some(1.0), Some(-1.0)], None, after(20_000));
        assert_eq!(head.place(after(60_000))[1..], [1.0, 0.0]);
        assert_eq!(head.moving(after(60_000)), [false; 3], "at its limit it stands");
        head.go([Some(-1.0), None, Some(0.5)], after(60_000));
        assert!(head.moving(after(60_100))[0]);
        assert_eq!(head.place(after(70_000)), [-1.0, 1.0, 0.5]);
        assert_eq!(head.moving(after(70_000)), [false; 3]);
    }
}
