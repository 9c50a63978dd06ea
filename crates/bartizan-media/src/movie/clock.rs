//! One steady clock for a movie, whatever connections the pictures came over.

use crate::AccessUnit;

/// A connection's own clock may differ by this much from the real time that passed before it counts as another clock.
const SAME_CLOCK_US: i64 = 500_000;
/// The distance of pictures where nothing else is known.
pub(super) const NOMINAL_US: i64 = 40_000;

/// Maps stream time to movie time, both in µs. Movie time begins at 0 and never goes back over a reconnect: a gap is as
/// long as it really was.
#[derive(Debug)]
pub(super) struct MovieClock {
    offset_us: i64,
    last_pts_us: i64,
    last_arrival_us: i64,
    /// Latest movie time given out.
    latest_us: i64,
}

impl MovieClock {
    pub(super) fn new(first: &AccessUnit) -> Self {
        Self {
            offset_us: first.pts_us.saturating_neg(),
            last_pts_us: first.pts_us,
            last_arrival_us: first.arrival.0,
            latest_us: -NOMINAL_US,
        }
    }

    pub(super) fn map(&mut self, unit: &AccessUnit) -> i64 {
        if unit.discontinuity && unit.random_access {
            let stream_step = unit.pts_us.saturating_sub(self.last_pts_us);
            let real_step = unit.arrival.0.saturating_sub(self.last_arrival_us);
            if stream_step.saturating_sub(real_step).saturating_abs() > SAME_CLOCK_US {
                let time = self.latest_us.saturating_add(real_step.max(NOMINAL_US));
                self.offset_us = time.saturating_sub(unit.pts_us);
            }
        }
        self.last_pts_us = unit.pts_us;
        self.last_arrival_us = unit.arrival.0;
        let time = unit.pts_us.saturating_add(self.offset_us);
        self.latest_us = self.latest_us.max(time);
        time
    }

    /// Movie time of a stream time, without moving the clock: for sound.
    pub(super) fn peek(&self, pts_us: i64) -> i64 {
        pts_us.saturating_add(self.offset_us)
    }
}
