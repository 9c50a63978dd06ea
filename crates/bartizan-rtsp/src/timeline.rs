/// Turns a device's picture times into ones that never run away.
///
/// Cameras restart their clock, jump by hours when NTP corrects them, or wrap. A jump becomes one nominal frame
/// interval, so that every later consumer sees a steady clock that starts near zero.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Added to the device's time, µs.
    offset_us: i64,
    /// The device's last time and ours, µs.
    last: Option<(i64, i64)>,
    interval_us: i64,
}

/// B-frames step back by a few frame intervals; anything beyond is a jump.
const BACK_LIMIT_US: i64 = 1_000_000;
/// Slow streams (1 picture in several seconds) step far; anything beyond is a jump.
const FORWARD_LIMIT_US: i64 = 10_000_000;

impl Timeline {
    /// `frame_rate_hz` is the nominal rate, where known.
    pub fn new(frame_rate_hz: Option<f64>) -> Self {
        let rate = frame_rate_hz.filter(|rate| (0.1..=240.0).contains(rate)).unwrap_or(25.0);
        Self { offset_us: 0, last: None, interval_us: (1e6 / rate) as i64 }
    }

    /// Our time in µs for the device's time in µs.
    pub fn map(&mut self, device_us: i64) -> i64 {
        let ours = match self.last {
            None => {
                self.offset_us = device_us.saturating_neg();
                0
            }
            Some((device_last, ours_last)) => {
                let step = device_us.saturating_sub(device_last);
                if (-BACK_LIMIT_US..=FORWARD_LIMIT_US).contains(&step) {
                    device_us.saturating_add(self.offset_us)
                } else {
                    let ours = ours_last.saturating_add(self.interval_us);
                    self.offset_us = ours.saturating_sub(device_us);
                    ours
                }
            }
        };
        self.last = Some((device_us, ours));
        ours
    }

    /// Our time in µs for a time of the device near the last one, which stays the last; `None` before the first.
    pub fn place(&self, device_us: i64) -> Option<i64> {
        let (device_last, _) = self.last?;
        let near = device_us.saturating_sub(device_last).saturating_abs() <= FORWARD_LIMIT_US;
        near.then(|| device_us.saturating_add(self.offset_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_become_one_interval() {
        let mut timeline = Timeline::new(Some(25.0));
        let given = [
            5_000_000,
            5_040_000,
            5_020_000,
            9e12 as i64,
            9e12 as i64 + 40_000,
            0,
            40_000,
            i64::MAX,
            i64::MIN,
        ];
        let ours: Vec<_> = given.into_iter().map(|t| timeline.map(t)).collect();
        assert_eq!(ours, [0, 40_000, 20_000, 60_000, 100_000, 140_000, 180_000, 220_000, 260_000]);
    }

    #[test]
    fn a_report_near_the_last_picture_is_placed_beside_it() {
        let mut timeline = Timeline::new(None);
        assert_eq!(timeline.place(0), None);
        timeline.map(5_000_000);
        assert_eq!(timeline.map(5_040_000), 40_000);
        assert_eq!((timeline.place(5_030_000), timeline.place(4_990_000)), (Some(30_000), Some(-10_000)));
        assert_eq!(timeline.place(0x1_0000_0000_0000), None, "of another clock");
        assert_eq!(timeline.map(5_080_000), 80_000);
    }
}
