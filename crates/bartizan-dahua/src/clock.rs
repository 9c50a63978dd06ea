//! The device's clock: local time by `getCurrentTime`, its zone by config `NTP` and `Locales`.

use bartizan_base::UtcMicros;
use bartizan_device::DeviceClock;
use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime, Weekday},
    tz::Offset,
};
use serde_json::Value;

use crate::{device::Device, error::DahuaError, query::Query, text::Values};

/// `NTP.TimeZone` counts this list (HTTP API, "NTP"): minutes east of UTC. 13 (Beijing), 22 (Brasília) and 25 (New York)
/// are known from devices.
const ZONES: [i32; 33] = [
    0, 60, 120, 180, 210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 540, 570, 600, 660, 720, 780, -60,
    -120, -180, -210, -240, -300, -360, -420, -480, -540, -600, -660, -720,
];
/// Offsets of zones are multiples of this.
const ZONE_STEP_S: i64 = 900;

/// What the device shows people, and our time then.
pub(crate) async fn local(device: &Device) -> Result<(DateTime, UtcMicros), DahuaError> {
    let (local, now) = if device.cgi {
        let answer =
            device.send(&Query::new("global", "getCurrentTime"), std::time::Duration::from_secs(8)).await?;
        let date = answer.date;
        let values = Values::parse(&answer.text())
            .map_err(|why| DahuaError::unreadable(&device.peer(), "global.cgi?action=getCurrentTime", why))?;
        (values.get("result").and_then(read_time), date)
    } else {
        let before = device.client.clock().now();
        let params = device.rpc.call("global.getCurrentTime", Value::Null).await?;
        let after = device.client.clock().now();
        let middle = UtcMicros(before.0 + (after.0 - before.0) / 2);
        (params.get("time").and_then(Value::as_str).and_then(read_time), middle)
    };
    let local = local.ok_or_else(|| DahuaError::Unreadable {
        peer: device.peer(),
        call: "getCurrentTime".into(),
        why: "no time in it".into(),
    })?;
    Ok((local, now))
}

/// Reads the clock.
pub(crate) async fn clock(device: &Device) -> Result<DeviceClock, DahuaError> {
    let (local, now) = local(device).await?;
    let (ntp, locales) = tokio::join!(device.config("NTP"), device.config("Locales"));
    let (ntp, locales) = (ntp?.unwrap_or_default(), locales?.unwrap_or_default());
    Ok(told(local, now, &ntp, &locales))
}

/// `2026-07-02 19:09:25`; some firmware leaves leading zeros out.
pub(crate) fn read_time(text: &str) -> Option<DateTime> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    let mut parts = date.split(['-', '/', '.']).chain(time.split(':')).map(|part| part.trim().parse::<i16>());
    let mut next = || parts.next()?.ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    let small = |value: i16| i8::try_from(value).ok();
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

fn told(local: DateTime, now: UtcMicros, ntp: &Values, locales: &Values) -> DeviceClock {
    let utc_offset_s = ntp.number::<usize>("NTP.TimeZone").and_then(|at| ZONES.get(at)).map(|minutes| {
        let summer = if in_summer_time(local, locales) == Some(true) { 3600 } else { 0 };
        minutes * 60 + summer
    });
    // Whole seconds are told: the moment lies half a second later on average.
    let local_us = micros(local) + 500_000;
    let offset_s = utc_offset_s.map_or_else(
        // Without a zone the clock is taken to be right to within half of the smallest step between zones.
        || ((local_us - now.0) as f64 / 1e6 / ZONE_STEP_S as f64).round() as i64 * ZONE_STEP_S,
        i64::from,
    );
    let utc = UtcMicros(local_us.saturating_sub(offset_s.saturating_mul(1_000_000)));
    let description = ntp.first(&["NTP.TimeZoneDesc"]).map(str::to_owned);
    let zone = description.or_else(|| utc_offset_s.map(zone_name)).unwrap_or_default();
    DeviceClock { utc, offset_ms: (utc.0 - now.0) / 1000, zone, utc_offset_s }
}

fn zone_name(offset_s: i32) -> String {
    let minutes = offset_s.abs() / 60;
    format!("UTC{}{:02}:{:02}", if offset_s < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

fn micros(local: DateTime) -> i64 {
    Offset::UTC.to_timestamp(local).map(Timestamp::as_microsecond).unwrap_or_default()
}

/// Whether `Locales` says that summer time rules. `None` where it says nothing usable.
fn in_summer_time(local: DateTime, locales: &Values) -> Option<bool> {
    if locales.flag("Locales.DSTEnable") != Some(true) {
        return Some(false);
    }
    let start = switch(local.year(), locales, "Locales.DSTStart")?;
    let end = switch(local.year(), locales, "Locales.DSTEnd")?;
    // South of the equator summer goes over the new year.
    Some(if start <= end { (start..end).contains(&local) } else { local >= start || local < end })
}

/// A switch in `year`: `Week` 1–4 or −1 for the last, with `Day` 0 for Sunday; `Week` 0 makes `Day` the day of the month.
fn switch(year: i16, locales: &Values, prefix: &str) -> Option<DateTime> {
    let of = |name: &str| locales.number::<i8>(&format!("{prefix}.{name}"));
    let (month, week, day) = (of("Month")?, of("Week").unwrap_or(0), of("Day")?);
    let date = if week == 0 {
        Date::new(year, month, day).ok()?
    } else {
        let weekday = Weekday::from_sunday_zero_offset(day).ok()?;
        let nth = if (1..=4).contains(&week) { week } else { -1 };
        Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()?
    };
    let (hour, minute) = (of("Hour").unwrap_or(0), of("Minute").unwrap_or(0));
    // 24:00 is written for midnight.
    date.at(0, 0, 0, 0).checked_add(i64::from(hour).hours().minutes(i64::from(minute))).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Values {
        Values::parse(text).expect(text)
    }

    fn at(text: &str) -> DateTime {
        read_time(text).expect(text)
    }

    const EUROPE: &str = "table.Locales.DSTEnable=true\ntable.Locales.DSTStart.Month=3\ntable.Locales.DSTStart.Week=-1\ntable.Locales.DSTStart.Day=0\ntable.Locales.DSTStart.Hour=2\ntable.Locales.DSTStart.Minute=0\ntable.Locales.DSTEnd.Month=10\ntable.Locales.DSTEnd.Week=-1\ntable.Locales.DSTEnd.Day=0\ntable.Locales.DSTEnd.Hour=3\ntable.Locales.DSTEnd.Minute=0\n";
    const SOUTH: &str = "table.Locales.DSTEnable=true\ntable.Locales.DSTStart.Month=10\ntable.Locales.DSTStart.Week=1\ntable.Locales.DSTStart.Day=0\ntable.Locales.DSTStart.Hour=2\ntable.Locales.DSTEnd.Month=4\ntable.Locales.DSTEnd.Week=1\ntable.Locales.DSTEnd.Day=0\ntable.Locales.DSTEnd.Hour=3\n";

    #[test]
    fn summer_time() {
        for (rules, local, wanted) in [
            (EUROPE, "2026-03-29 01:59:59", false),
            (EUROPE, "2026-03-29 02:00:00", true),
            (EUROPE, "2026-07-02 19:09:25", true),
            (EUROPE, "2026-10-25 02:59:59", true),
            (EUROPE, "2026-10-25 03:00:00", false),
            (SOUTH, "2026-01-01 00:00:00", true),
            (SOUTH, "2026-07-01 00:00:00", false),
            ("table.Locales.DSTEnable=false\n", "2026-07-02 19:09:25", false),
        ] {
            assert_eq!(in_summer_time(at(local), &values(rules)), Some(wanted), "{local}");
        }
        assert_eq!(
            in_summer_time(at("2026-01-01 00:00:00"), &values("table.Locales.DSTEnable=true\n")),
            None
        );
    }

    #[test]
    fn offsets_with_and_without_a_zone() {
        let now = UtcMicros(micros(at("2026-07-02 17:09:20")));
        let berlin = values("table.NTP.TimeZone=1\ntable.NTP.TimeZoneDesc=Berlin\n");
        let clock = told(at("2026-07-02 19:09:25"), now, &berlin, &values(EUROPE));
        assert_eq!((clock.utc_offset_s, clock.offset_ms, clock.zone.as_str()), (Some(7200), 5500, "Berlin"));

        let brasilia = values("table.NTP.TimeZone=22\n");
        let clock = told(at("2026-07-02 14:09:25"), now, &brasilia, &Values::default());
        assert_eq!(
            (clock.utc_offset_s, clock.offset_ms, clock.zone.as_str()),
            (Some(-10_800), 5500, "UTC-03:00")
        );

        let clock = told(at("2026-07-02 22:39:25"), now, &Values::default(), &Values::default());
        assert_eq!((clock.utc_offset_s, clock.offset_ms, clock.zone.as_str()), (None, 5500, ""));

        // A clock that never was set is years off, and said so.
        let clock =
            told(at("2000-01-01 08:23:11"), now, &values("table.NTP.TimeZone=13\n"), &Values::default());
        assert!(clock.offset_ms < -26 * 365 * 86_400_000);
    }

    #[test]
    fn times() {
        assert_eq!(at("2026-7-2 9:9:5"), at("2026-07-02 09:09:05"));
        for text in [
            "",
            "2026-07-02",
            "2026-13-02 00:00:00",
            "2026-02-30 00:00:00",
            "x y",
            "2026-07-02 25:00:00",
            "99999-1-1 0:0:0",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_locale_is_summer_or_not(month in -3i8..15, week in -3i8..8, day in -3i8..40, hour in -3i8..30, time in "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}") {
            let text = format!("table.Locales.DSTEnable=true\ntable.Locales.DSTStart.Month={month}\ntable.Locales.DSTStart.Week={week}\ntable.Locales.DSTStart.Day={day}\ntable.Locales.DSTStart.Hour={hour}\ntable.Locales.DSTEnd.Month=10\ntable.Locales.DSTEnd.Day=1\n");
            if let Some(local) = read_time(&time) {
                let _ = told(local, UtcMicros(0), &values("table.NTP.TimeZone=1\n"), &values(&text));
            }
        }
    }
}
