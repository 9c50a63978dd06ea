//! The device's clock (ONVIF Core 8.2, GetSystemDateAndTime).

use bartizan_base::UtcMicros;
use bartizan_http::xml::Element;
use jiff::{Timestamp, civil, tz::TimeZone};

/// What GetSystemDateAndTime tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceTime {
    /// Whole seconds, as the device gives them.
    pub utc: UtcMicros,
    /// Its zone in its own words.
    pub zone: String,
    /// Local time minus UTC, seconds.
    pub utc_offset_s: Option<i32>,
    /// It told its local time only; UTC is reckoned.
    pub local_only: bool,
}

impl DeviceTime {
    /// Reads GetSystemDateAndTimeResponse; `None` when it holds no time that exists.
    pub(crate) fn read(answer: &Element) -> Option<Self> {
        let all = answer.child("SystemDateAndTime")?;
        let zone = all.text("TimeZone/TZ").unwrap_or_default().to_owned();
        let utc = all.child("UTCDateTime").and_then(date_time);
        let local = all.child("LocalDateTime").and_then(date_time);
        if let Some(utc) = utc {
            let measured = local.map(|local| local - utc).filter(|seconds| plausible(*seconds));
            let utc_offset_s =
                measured.and_then(|s| i32::try_from(s).ok()).or_else(|| zone_offset(&zone, utc));
            return Some(Self { utc: micros(utc)?, zone, utc_offset_s, local_only: false });
        }
        let local = local?;
        let utc_offset_s = zone_offset(&zone, local);
        let utc = local - i64::from(utc_offset_s.unwrap_or(0));
        Some(Self { utc: micros(utc)?, zone, utc_offset_s, local_only: true })
    }
}

fn plausible(offset_s: i64) -> bool {
    (-12 * 3600..=14 * 3600).contains(&offset_s)
}

fn micros(seconds: i64) -> Option<UtcMicros> {
    seconds.checked_mul(1_000_000).map(UtcMicros)
}

/// Seconds since 1970 of a `tt:DateTime`, as if it were UTC.
fn date_time(element: &Element) -> Option<i64> {
    let part = |path: &str| element.parse_text::<i16>(path);
    let small = |path: &str| part(path).and_then(|value| i8::try_from(value).ok());
    // A leap second and an hour of 24 happen; both are the next moment.
    let (hour, second) = (small("Time/Hour")?, small("Time/Second").unwrap_or(0).min(59));
    let date = civil::Date::new(part("Date/Year")?, small("Date/Month")?, small("Date/Day")?).ok()?;
    let time = civil::Time::new(hour.min(23), small("Time/Minute")?, second, 0).ok()?;
    let at = date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp().as_second())
}

/// Offset of a POSIX zone (IEEE 1003.1 §8.3: west is positive) at a moment; devices also write `GMT+08:00` with east
/// positive, which POSIX forbids.
fn zone_offset(zone: &str, at: i64) -> Option<i32> {
    let zone = zone.trim();
    let seconds = match zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")) {
        Some(rest) if rest.contains(':') && !rest.contains(',') => hours(rest)?,
        Some("") => 0,
        _ => match TimeZone::posix(zone) {
            Ok(posix) => posix.to_offset(Timestamp::from_second(at).ok()?).seconds(),
            // Names that POSIX does not allow, followed by the usual number.
            Err(_) => {
                let number = zone.find(|c: char| c.is_ascii_digit() || c == '+' || c == '-')?;
                let end = zone[number..].find(|c: char| c.is_ascii_alphabetic() || c == ',');
                -hours(&zone[number..end.map_or(zone.len(), |end| number + end)])?
            }
        },
    };
    plausible(i64::from(seconds)).then_some(seconds)
}

/// `[+-]hh[:mm[:ss]]` in seconds.
fn hours(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += i32::from(part.parse::<u8>().ok()?) * unit;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: u8, year: i16) -> String {
        format!(
            "<Time><Hour>{hour}</Hour><Minute>30</Minute><Second>7</Second></Time>\
             <Date><Year>{year}</Year><Month>7</Month><Day>1</Day></Date>"
        )
    }

    fn read(inner: &str) -> Option<DeviceTime> {
        let text = format!("<R><SystemDateAndTime>{inner}</SystemDateAndTime></R>");
        DeviceTime::read(&Element::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn times_devices_tell() {
        let zone = "<TimeZone><TZ>CST-8</TZ></TimeZone>";
        let (utc, local) = (time(4, 2026), time(12, 2026));
        let both =
            read(&format!("{zone}<UTCDateTime>{utc}</UTCDateTime><LocalDateTime>{local}</LocalDateTime>"))
                .unwrap();
        assert_eq!((both.utc.0, both.utc_offset_s), (1_782_880_207_000_000, Some(28_800)));
        let only = read(&format!("{zone}<LocalDateTime>{local}</LocalDateTime>")).unwrap();
        assert_eq!((only.utc, only.local_only), (both.utc, true));
        let lost = read(&format!("<UTCDateTime>{}</UTCDateTime>", time(0, 1970))).unwrap();
        assert_eq!(lost.utc.0, 15_640_207_000_000);
        assert!(read(&format!("<UTCDateTime>{}</UTCDateTime>", time(0, 0))).is_some());
        assert_eq!(read("<UTCDateTime/>"), None);
        assert_eq!(read("<UTCDateTime><Time><Hour>x</Hour></Time></UTCDateTime>"), None);
    }

    #[test]
    fn zones_devices_write() {
        for (zone, seconds) in [
            ("CST-8", Some(28_800)),
            ("CST-8:00:00", Some(28_800)),
            ("EST5EDT,M3.2.0,M11.1.0", Some(-14_400)),
            ("GMT+08:00", Some(28_800)),
            ("UTC", Some(0)),
            ("MoroccoStandardTime0", Some(0)),
            ("<+0330>-3:30", Some(12_600)),
            ("", None),
            ("Europe/Berlin", None),
            ("X99", None),
        ] {
            assert_eq!(zone_offset(zone, 1_782_880_207), seconds, "{zone}");
        }
    }
}
