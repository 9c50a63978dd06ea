//! What a unit has recorded: spans of each channel, which it keeps as files of an hour.

use bartizan_base::UtcMicros;
use jiff::civil;

use super::Unit;

/// From one moment up to another, which is not in it.
pub(crate) type Span = (UtcMicros, UtcMicros);

pub(crate) const SECOND_US: i64 = 1_000_000;
const HOUR_US: i64 = 3600 * SECOND_US;
/// How long a unit had been recording when it was made.
const RECORDED_US: i64 = 24 * HOUR_US;

/// In order, none empty, those that overlap joined; those that touch stay apart, as files do.
fn in_order(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut ordered: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match ordered.last_mut() {
            Some((_, end)) if from < *end => *end = to.max(*end),
            _ => ordered.push((from, to)),
        }
    }
    ordered
}

/// The files of spans: cut at the full hours of UTC.
pub(crate) fn files(spans: &[Span]) -> Vec<Span> {
    let mut files = Vec::new();
    for &(mut from, to) in spans {
        while from < to {
            let hour = UtcMicros(from.0.div_euclid(HOUR_US).saturating_add(1).saturating_mul(HOUR_US));
            files.push((from, hour.min(to)));
            from = hour;
        }
    }
    files
}

/// Where a playback that would show `at` goes on: there, or at the beginning of the next recording; `None` when nothing is
/// recorded at or after it.
pub(crate) fn recorded_from(spans: &[Span], at: UtcMicros) -> Option<UtcMicros> {
    spans.iter().find(|(_, to)| at < *to).map(|(from, _)| at.max(*from))
}

/// The clock that digits without a zone are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockFace {
    Utc,
    /// The device's zone.
    Local,
    /// ISAPI's `Z`, which means one or the other.
    Isapi,
}

/// Reads year to second from the first 14 digits, whatever stands between them.
pub(crate) fn civil_of(text: &str) -> Option<civil::DateTime> {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(14).collect();
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    civil::DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(8)?, small(10)?, small(12)?, 0).ok()
}

impl Unit {
    /// Sets what of a channel is recorded, by the unit's clock: `None` is the default, without gaps from 24 hours before
    /// the unit was made until now; nothing in it is nothing recorded. False when there is no such channel.
    pub fn set_recordings(&self, channel: u16, spans: Option<Vec<(UtcMicros, UtcMicros)>>) -> bool {
        self.with(channel, |one, _| one.recordings = spans.map(in_order)).is_some()
    }

    /// What of a channel is recorded, in order.
    pub fn recordings(&self, channel: u16) -> Vec<(UtcMicros, UtcMicros)> {
        let Some(given) = self.with(channel, |one, _| one.recordings.clone()) else { return Vec::new() };
        given.unwrap_or_else(|| {
            let offset = self.lock().clock_offset_us;
            let made = self.made.0.saturating_add(offset);
            // Whole seconds, which all protocols can say.
            let from = made.saturating_sub(RECORDED_US).div_euclid(SECOND_US) * SECOND_US;
            vec![(UtcMicros(from), self.now())]
        })
    }

    fn offset_of(&self, face: ClockFace) -> jiff::tz::Offset {
        let utc = match face {
            ClockFace::Utc => true,
            ClockFace::Local => false,
            ClockFace::Isapi => !self.knobs().recordings_in_local_time,
        };
        let zone = if utc { 0 } else { self.config.zone_s };
        jiff::tz::Offset::from_seconds(zone).unwrap_or(jiff::tz::Offset::UTC)
    }

    /// What a clock shows at a moment.
    pub(crate) fn civil(&self, at: UtcMicros, face: ClockFace) -> civil::DateTime {
        let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.offset_of(face).to_datetime(at)
    }

    /// The moment at which a clock shows that.
    pub(crate) fn moment(&self, civil: civil::DateTime, face: ClockFace) -> UtcMicros {
        let at = self.offset_of(face).to_timestamp(civil).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        UtcMicros(at.as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnitConfig;

    fn hours(spans: &[(f64, f64)]) -> Vec<Span> {
        let at = |hour: f64| UtcMicros((hour * HOUR_US as f64) as i64);
        spans.iter().map(|(from, to)| (at(*from), at(*to))).collect()
    }

    #[test]
    fn spans_become_files() {
        let spans = in_order(hours(&[(9.0, 9.5), (1.5, 3.25), (9.25, 10.0), (4.0, 4.0), (10.0, 10.5)]));
        assert_eq!(spans, hours(&[(1.5, 3.25), (9.0, 10.0), (10.0, 10.5)]));
        assert_eq!(files(&spans), hours(&[(1.5, 2.0), (2.0, 3.0), (3.0, 3.25), (9.0, 10.0), (10.0, 10.5)]));
        assert!(files(&[]).is_empty());
    }

    #[test]
    fn a_playback_goes_on_with_what_comes_next() {
        let spans = hours(&[(1.0, 2.0), (2.0, 2.5), (4.0, 5.0)]);
        for (at, goes_on) in [
            (0.0, Some(1.0)),
            (1.0, Some(1.0)),
            (1.5, Some(1.5)),
            (2.0, Some(2.0)),
            (2.5, Some(4.0)),
            (4.75, Some(4.75)),
            (5.0, None),
        ] {
            let wanted = goes_on.map(|hour| hours(&[(hour, 0.0)])[0].0);
            assert_eq!(recorded_from(&spans, hours(&[(at, 0.0)])[0].0), wanted, "{at}");
        }
    }

    #[test]
    fn the_default_is_a_day_by_the_units_clock() {
        let unit = Unit::new(UnitConfig::default());
        unit.set_clock(UtcMicros(1_800_001_800_500_000));
        let [(from, to)] = unit.recordings(1)[..] else { panic!("one span") };
        assert_eq!(from.0.rem_euclid(SECOND_US), 0);
        assert!(to.since(from).as_secs() >= 86_400 && to.0 >= 1_800_001_800_500_000);
        assert_eq!(files(&unit.recordings(1)).len(), 25);
        assert!(unit.set_recordings(1, Some(Vec::new())) && unit.recordings(1).is_empty());
        assert!(unit.set_recordings(1, None) && !unit.recordings(1).is_empty());
        assert!(!unit.set_recordings(2, None) && unit.recordings(2).is_empty());
    }

    #[test]
    fn digits_of_every_family() {
        let wanted = civil::date(2026, 7, 1).at(8, 32, 14, 0);
        for text in ["20260701T083214Z", "2026-07-01T08:32:14Z", "2026_07_01_08_32_14", "2026-07-01 08:32:14"]
        {
            assert_eq!(civil_of(text), Some(wanted), "{text}");
        }
        for text in ["", "20260701", "20261301T083214Z", "20260701T08321"] {
            assert_eq!(civil_of(text), None, "{text}");
        }
        let unit = Unit::new(UnitConfig::default());
        let at = |face| unit.moment(wanted, face).0 / HOUR_US;
        assert_eq!(at(ClockFace::Utc) - at(ClockFace::Local), 8);
        assert_eq!(at(ClockFace::Isapi), at(ClockFace::Local));
        unit.set_knobs(|knobs| knobs.recordings_in_local_time = false);
        assert_eq!(at(ClockFace::Isapi), at(ClockFace::Utc));
        assert_eq!(unit.civil(unit.moment(wanted, ClockFace::Local), ClockFace::Local), wanted);
    }
}
