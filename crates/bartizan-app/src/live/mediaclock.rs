//! How the clocks of pictures and sound lie to each other.
//!
//! Two streams of a device count from different beginnings. Two things tie them together: the device's sender reports,
//! which give both on its own wall clock, and the moments at which the packets arrive. The reports are exact where they
//! are right, and some devices send nonsense; arrival is right within what encoding and the network differ by. So
//! arrival has the last word, and the reports refine it where they agree with it.

use bartizan_base::UtcMicros;
use bartizan_device::ClockPoint;

/// The least transit is looked for in windows of this length: a slow packet tells nothing, the fastest tells the most.
const WINDOW_US: i64 = 4_000_000;
/// Reports that differ by more from what arrival says are not believed.
const BELIEVED_US: i64 = 300_000;
/// A distance that is off by more is taken over at once; less is moved towards, unheard.
const JUMP_US: i64 = 150_000;
/// The fastest movement: so many µs in a second.
const SLEW_PER_S: i64 = 4_000;

/// The clock of one stream against arrival and against the device's own clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaClock {
    /// Least arrival minus stream time of the window before and of this one, and where this one began.
    before_us: Option<i64>,
    present_us: Option<i64>,
    began_us: i64,
    /// The device's clock minus stream time.
    reported_us: Option<i64>,
}

impl MediaClock {
    /// What was captured at `pts_us` was there at `arrival`.
    pub(crate) fn arrived(&mut self, pts_us: i64, arrival: UtcMicros) {
        let transit = arrival.0.saturating_sub(pts_us);
        if self.present_us.is_some() && arrival.0.saturating_sub(self.began_us).abs() > WINDOW_US {
            self.before_us = self.present_us.take();
        }
        match &mut self.present_us {
            Some(least) => *least = (*least).min(transit),
            None => {
                self.present_us = Some(transit);
                self.began_us = arrival.0;
            }
        }
    }

    /// The device told where its clock stands.
    pub(crate) fn report(&mut self, point: ClockPoint) {
        self.reported_us = Some(point.device.0.saturating_sub(point.pts_us));
    }

    fn transit_us(&self) -> Option<i64> {
        match (self.before_us, self.present_us) {
            (Some(before), Some(present)) => Some(before.min(present)),
            (before, present) => before.or(present),
        }
    }

    /// What has to be added to a time of this stream to get the time of `pictures` at the same moment.
    fn distance_to(&self, pictures: &Self) -> Option<i64> {
        let arrived = self.transit_us()?.saturating_sub(pictures.transit_us()?);
        let reported = match (self.reported_us, pictures.reported_us) {
            (Some(own), Some(other)) => Some(own.saturating_sub(other)),
            _ => None,
        };
        reported.filter(|reported| (reported - arrived).abs() <= BELIEVED_US).or(Some(arrived))
    }
}

/// Puts times of the sound onto the clock of the pictures, without jumps that would be heard.
#[derive(Debug, Default)]
pub(crate) struct Alignment {
    sound: MediaClock,
    distance_us: Option<i64>,
    last_us: i64,
}

impl Alignment {
    pub(crate) fn report(&mut self, point: ClockPoint) {
        self.sound.report(point);
    }

    /// A frame that began at `pts_us` and lasted `length_us` was there at `arrival`: its time on the pictures' clock,
    /// and whether that is a jump. `None` while there are no pictures to be on time with.
    pub(crate) fn place(
        &mut self,
        pts_us: i64,
        length_us: i64,
        arrival: UtcMicros,
        pictures: &MediaClock,
    ) -> Option<(i64, bool)> {
        // It could not be sent before its end.
        self.sound.arrived(pts_us.saturating_add(length_us), arrival);
        let wanted = self.sound.distance_to(pictures).or(self.distance_us)?;
        let step = pts_us.saturating_sub(self.last_us).clamp(0, 1_000_000);
        self.last_us = pts_us;
        let (distance, jumped) = match self.distance_us {
            Some(old) if (wanted - old).abs() <= JUMP_US => {
                let most = step * SLEW_PER_S / 1_000_000;
                (old + (wanted - old).clamp(-most, most), false)
            }
            old => (wanted, old.is_some()),
        };
        self.distance_us = Some(distance);
        Some((pts_us.saturating_add(distance), jumped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTC: i64 = 1_800_000_000_000_000;

    fn pictures(beginning_us: i64, delay: impl Fn(i64) -> i64) -> MediaClock {
        let mut clock = MediaClock::default();
        for at in (0..3_000_000).step_by(40_000) {
            clock.arrived(at, UtcMicros(UTC + beginning_us + at + delay(at)));
        }
        clock
    }

    #[test]
    fn arrival_ties_the_clocks_and_the_fastest_packets_count() {
        // Pictures began 700 ms before the sound; every third packet of both is late.
        let pictures = pictures(0, |at| if at % 120_000 == 0 { 90_000 } else { 5_000 });
        let mut alignment = Alignment::default();
        let mut placed = 0;
        for at in (0..2_000_000).step_by(20_000) {
            let late = if at % 60_000 == 0 { 70_000 } else { 5_000 };
            let arrival = UtcMicros(UTC + 700_000 + at + 20_000 + late);
            placed = alignment.place(at, 20_000, arrival, &pictures).unwrap().0 - at;
        }
        assert!((placed - 700_000).abs() < 66_000, "{placed}");
        assert!(alignment.sound.distance_to(&pictures) == Some(700_000));
    }

    #[test]
    fn reports_refine_and_nonsense_is_not_believed() {
        let mut video = pictures(0, |_| 5_000);
        let device = UtcMicros(77_000_000_000);
        video.report(ClockPoint { pts_us: 1_000_000, device });
        // The sound took 60 ms longer to encode than the pictures: only the device knows.
        let place = |report: Option<i64>| {
            let mut alignment = Alignment::default();
            if let Some(pts_us) = report {
                alignment.report(ClockPoint { pts_us, device });
            }
            alignment.place(0, 20_000, UtcMicros(UTC + 700_000 + 20_000 + 65_000), &video).unwrap().0
        };
        assert_eq!(place(None), 760_000);
        assert_eq!(place(Some(300_000)), 700_000);
        assert_eq!(place(Some(-9_000_000)), 760_000);
    }

    #[test]
    fn small_changes_are_slow_and_large_ones_are_told() {
        let near = pictures(0, |_| 5_000);
        let mut alignment = Alignment::default();
        let arrival = |at: i64| UtcMicros(UTC + 700_000 + at + 25_000);
        assert_eq!(alignment.place(0, 20_000, arrival(0), &near), Some((700_000, false)));
        let moved = pictures(-100_000, |_| 5_000);
        assert_eq!(alignment.place(500_000, 20_000, arrival(500_000), &moved), Some((1_202_000, false)));
        let jumped = pictures(-900_000, |_| 5_000);
        assert_eq!(alignment.place(520_000, 20_000, arrival(520_000), &jumped), Some((2_120_000, true)));
        // Pictures that are gone for a moment change nothing; without any there is no time.
        assert_eq!(
            alignment.place(540_000, 20_000, arrival(540_000), &MediaClock::default()),
            Some((2_140_000, false))
        );
        assert_eq!(Alignment::default().place(0, 0, UtcMicros(UTC), &MediaClock::default()), None);
    }
}
