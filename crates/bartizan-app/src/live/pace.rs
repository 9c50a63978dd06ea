//! How many of a stream's pictures one viewer gets.

use std::{borrow::Cow, time::Duration};

use bartizan_media::AccessUnit;

/// What a viewer can take. Whatever is left out is left out in front of the viewer, so it costs neither the way to it nor
/// its decoder anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Every picture.
    #[default]
    Full,
    /// Random access points only; each is decoded by itself.
    Keys,
    /// Random access points, and no two that arrived closer together than this.
    Stills {
        /// At least.
        every: Duration,
    },
}

impl Pace {
    /// Each picture that comes stands alone: a decoder need not keep anything for the next.
    pub fn is_lone(self) -> bool {
        self != Pace::Full
    }
}

/// Leaves out what the pace leaves out, and never lets a picture through whose predecessors were.
#[derive(Debug, Default)]
pub(super) struct PaceFilter {
    pace: Pace,
    /// Something was left out since the last picture that went through.
    hole: bool,
    /// Of what was left out: the next that goes through says it.
    discontinuity: bool,
    /// Arrival of the last picture that went through, µs since 1970 UTC.
    last: Option<i64>,
}

impl PaceFilter {
    pub(super) fn set(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// The unit as the viewer is to get it, or nothing.
    pub(super) fn pass<'a>(&mut self, unit: &'a AccessUnit) -> Option<Cow<'a, AccessUnit>> {
        let passes = match self.pace {
            Pace::Full => unit.random_access || !self.hole,
            Pace::Keys => unit.random_access,
            Pace::Stills { every } => unit.random_access && self.is_due(unit, every),
        };
        if !passes {
            self.hole = true;
            self.discontinuity |= unit.discontinuity;
            return None;
        }
        self.hole = false;
        self.last = Some(unit.arrival.0);
        if std::mem::take(&mut self.discontinuity) && !unit.discontinuity {
            let mut unit = unit.clone();
            unit.discontinuity = true;
            return Some(Cow::Owned(unit));
        }
        Some(Cow::Borrowed(unit))
    }

    /// What follows begins anew, at the next random access point.
    pub(super) fn restart(&mut self) {
        *self = Self { pace: self.pace, hole: true, discontinuity: true, last: None };
    }

    fn is_due(&self, unit: &AccessUnit, every: Duration) -> bool {
        let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        self.last.is_none_or(|last| {
            let since = unit.arrival.0.saturating_sub(last);
            // A clock that was set back is no reason to wait for it.
            since < 0 || since >= every
        })
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::UtcMicros;
    use bartizan_media::Codec;
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// One picture a second is a random access point, of ten.
    fn unit(number: i64, discontinuity: bool) -> AccessUnit {
        AccessUnit {
            codec: Codec::H264,
            data: Bytes::from_static(&[0]),
            pts_us: number,
            random_access: number % 10 == 0,
            discontinuity,
            arrival: UtcMicros(1_000_000_000 + number * 100_000),
        }
    }

    fn passed(filter: &mut PaceFilter, numbers: std::ops::Range<i64>) -> Vec<i64> {
        numbers.filter(|number| filter.pass(&unit(*number, false)).is_some()).collect()
    }

    #[test]
    fn every_pace_begins_with_a_picture_that_decodes() {
        let mut filter = PaceFilter::default();
        assert_eq!(passed(&mut filter, 0..3), [0, 1, 2]);
        filter.set(Pace::Keys);
        assert_eq!(passed(&mut filter, 3..25), [10, 20]);
        filter.set(Pace::Stills { every: Duration::from_secs(3) });
        assert_eq!(passed(&mut filter, 25..95), [50, 80]);
        filter.set(Pace::Full);
        assert_eq!(passed(&mut filter, 95..103), [100, 101, 102]);
    }

    #[test]
    fn a_pace_that_left_nothing_out_changes_nothing() {
        let mut filter = PaceFilter::default();
        assert_eq!(passed(&mut filter, 0..3), [0, 1, 2]);
        filter.set(Pace::Keys);
        filter.set(Pace::Full);
        assert_eq!(passed(&mut filter, 3..5), [3, 4]);
    }

    #[test]
    fn the_first_still_comes_at_once_and_a_clock_set_back_stops_none() {
        let every = Duration::from_secs(10);
        let mut filter = PaceFilter { pace: Pace::Stills { every }, ..PaceFilter::default() };
        assert_eq!(passed(&mut filter, 1..20), [10]);
        let earlier = AccessUnit { arrival: UtcMicros(5), ..unit(20, false) };
        assert!(filter.pass(&earlier).is_some());
    }

    #[test]
    fn a_loss_among_what_was_left_out_is_told_with_the_next() {
        let mut filter =
            PaceFilter { pace: Pace::Stills { every: Duration::from_secs(2) }, ..PaceFilter::default() };
        assert!(filter.pass(&unit(0, false)).is_some_and(|unit| !unit.discontinuity));
        assert!(filter.pass(&unit(10, true)).is_none());
        assert!(filter.pass(&unit(20, false)).is_some_and(|unit| unit.discontinuity));
        assert!(filter.pass(&unit(40, false)).is_some_and(|unit| !unit.discontinuity));
    }

    proptest! {
        /// Whatever is asked when: what goes through follows its predecessor or is a random access point.
        #[test]
        fn nothing_goes_through_that_cannot_be_decoded(changes in prop::collection::vec((0i64..200, 0u8..4), 0..12)) {
            let mut filter = PaceFilter::default();
            let mut last = None;
            for number in 0..200 {
                for (_, what) in changes.iter().filter(|(at, _)| *at == number) {
                    match what {
                        0 => filter.set(Pace::Full),
                        1 => filter.set(Pace::Keys),
                        2 => filter.set(Pace::Stills { every: Duration::from_millis(2500) }),
                        // A viewer that is given the group again gets it from its beginning.
                        _ => {
                            filter.restart();
                            last = None;
                            // Or nothing, where the group was too large to keep.
                            let from = if number % 3 == 0 { number } else { number - number % 10 };
                            for again in from..number {
                                if filter.pass(&unit(again, false)).is_some() {
                                    prop_assert!(last.is_some() || again % 10 == 0);
                                    last = Some(again);
                                }
                            }
                        }
                    }
                }
                if filter.pass(&unit(number, false)).is_some() {
                    prop_assert!(number % 10 == 0 || last == Some(number - 1), "{number} after {last:?}");
                    last = Some(number);
                }
            }
        }
    }
}
