//! The device's clock (`/ISAPI/System/time`).

use bartizan_base::UtcMicros;
use bartizan_device::DeviceClock;
use bartizan_http::xml::Element;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Reads `Time`. `ours` is our clock at the middle of the exchange. `None` when it holds no time that can be read.
///
/// `localTime` is ISO 8601, on most firmware with its offset. `timeZone` is POSIX-like: `CST-8:00:00` is 8 hours
/// **east** (POSIX.1-2017 §8.3 counts west), and `DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00` adds one hour between
/// the two days — where POSIX would give the whole offset.
pub(crate) fn read(root: &Element, ours: UtcMicros) -> Option<DeviceClock> {
    let local = root.text("localTime")?;
    let zone = root.text("timeZone").unwrap_or("").to_owned();
    let posix = time_zone(&zone);
    let (utc, told_offset) = match local.parse::<Timestamp>() {
        Ok(at) => (at, told_offset_s(local)),
        Err(_) => {
            let civil: DateTime = local.trim_end_matches('Z').parse().ok()?;
            (posix.as_ref()?.to_timestamp(civil).ok()?, None)
        }
    };
    let utc_offset_s = told_offset.or_else(|| posix.map(|zone| zone.to_offset(utc).seconds()));
    let utc = UtcMicros(utc.as_microsecond());
    Some(DeviceClock { utc, offset_ms: (utc.0 - ours.0).div_euclid(1000), zone, utc_offset_s })
}

/// The offset written behind an ISO 8601 time; `None` for `Z`, which devices write whatever their zone is.
fn told_offset_s(text: &str) -> Option<i32> {
    let (_, time) = text.split_once(['T', 't', ' '])?;
    let at = time.rfind(['+', '-'])?;
    let (hours, minutes) = time[at + 1..].split_once(':').unwrap_or((&time[at + 1..], "0"));
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Some(if time[at..].starts_with('-') { -seconds } else { seconds })
}

/// The device's zone as a POSIX one.
pub(crate) fn time_zone(text: &str) -> Option<TimeZone> {
    let name_end = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (name, rest) = text.split_at(name_end);
    let offset_end =
        rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | ':'))).unwrap_or(rest.len());
    let (offset, rest) = rest.split_at(offset_end);
    let west = posix_seconds(offset)?;
    // POSIX wants three letters at least.
    let name = if name.len() >= 3 { name } else { "STD" };
    let mut posix = format!("{name}{}", posix_text(west));
    if let Some((saving, rules)) = rest.split_once(',') {
        let digits = saving.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let more = if digits.is_empty() { 3600 } else { posix_seconds(digits)? };
        posix.push_str(&format!("DST{},{rules}", posix_text(west - more)));
    }
    TimeZone::posix(&posix).ok()
}

fn posix_seconds(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts =
        digits.split(':').map(|part| part.parse::<i32>().ok().filter(|part| (0..=167).contains(part)));
    let (hours, minutes, seconds) =
        (parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?);
    Some(sign * (hours * 3600 + minutes * 60 + seconds))
}

fn posix_text(seconds: i32) -> String {
    let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
    format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock(local: &str, zone: &str) -> Option<DeviceClock> {
        let root = Element::new("Time", "")
            .with(Element::new("timeMode", "NTP"))
            .with(Element::new("localTime", local))
            .with(Element::new("timeZone", zone));
        // 2026-07-01T00:00:00Z
        read(&root, UtcMicros(1_782_864_000_000_000))
    }

    #[test]
    fn zones_count_east_and_saving_adds() {
        const BERLIN: &str = "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00";
        for (local, zone, offset_ms, utc_offset_s) in [
            ("2026-07-01T08:00:05+08:00", "CST-8:00:00", 5000, Some(8 * 3600)),
            ("2026-07-01T08:00:00", "CST-8:00:00", 0, Some(8 * 3600)),
            ("2026-07-01T02:00:00", BERLIN, 0, Some(7200)),
            ("2026-07-01T02:00:00+02:00", BERLIN, 0, Some(7200)),
            ("2026-01-01T01:00:00", BERLIN, -181 * 86_400_000, Some(3600)),
            ("2026-06-30T19:30:00", "EST4:30:00", 0, Some(-16_200)),
            ("2026-06-30T20:00:00-04:00", "", 0, Some(-14_400)),
            ("2026-07-01T00:00:00Z", "", 0, None),
            ("2026-07-01T00:00:00Z", "CST-8:00:00", 0, Some(8 * 3600)),
        ] {
            let clock = clock(local, zone).unwrap_or_else(|| panic!("{local} {zone}"));
            assert_eq!((clock.offset_ms, clock.utc_offset_s), (offset_ms, utc_offset_s), "{local} {zone}");
        }
        assert_eq!(clock("2026-07-01T00:00:00", ""), None, "without any zone it is no moment");
        assert_eq!(clock("0000-00-00T00:00:00Z", "CST-8:00:00"), None);
    }

    proptest! {
        #[test]
        fn hostile_times_never_panic(local in "[-0-9:TZ+ .]{0,30}", zone in "[A-Z]{0,4}[-+0-9:]{0,12}(DST)?[-+0-9:,M./]{0,30}") {
            let _ = clock(&local, &zone);
            let _ = time_zone(&zone);
        }
    }
}
