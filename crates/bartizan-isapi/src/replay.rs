//! Recordings: found by `/ISAPI/ContentMgmt/search`, played at `/Streaming/tracks/<channel>01`.

use bartizan_base::{Code, Error, Result, UtcMicros, random_token};
use bartizan_device::{DeviceClock, ReplayPoint};
use bartizan_http::{Request, xml::Element};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{IsapiError, link::Link};

const SEARCH: &str = "/ISAPI/ContentMgmt/search";
/// Matches that every firmware gives at once.
const PAGE: usize = 40;
/// Most pages read: an hour of a recorder that cuts a file at every motion.
const MOST_PAGES: usize = 10;
/// A recording that is still growing is told with an end that lies this close to now, seconds.
const GROWING_S: i64 = 15 * 60;
/// Nothing is recorded later than this after now, seconds: clocks are told in whole seconds, and files closed ahead.
const AHEAD_S: i64 = 120;
/// A file is not worth opening for its last moment, seconds.
const REST_S: i64 = 1;

/// A recorded file, in seconds as the device writes its times, whatever it means by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Recorded {
    from: i64,
    to: i64,
}

/// What devices mean by the `Z` behind a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// UTC, as the guide says.
    Utc,
    /// Their local time, as many recorders do.
    Local,
}

/// Finds what was recorded at `from`, by our clock, or after it.
pub(crate) async fn find(
    link: &Link,
    clock: &DeviceClock,
    channel: u16,
    from: UtcMicros,
) -> Result<ReplayPoint> {
    let offset_us = clock.offset_ms.saturating_mul(1000);
    let times = Times {
        from: from.0.saturating_add(offset_us).div_euclid(1_000_000),
        now: clock.utc.0.div_euclid(1_000_000),
        zone_s: i64::from(clock.utc_offset_s.unwrap_or(0)),
    };
    let track = u32::from(channel) * 100 + 1;
    let found = search(link, track, times.window()).await?;
    let reading = times.reading(found.iter().map(|one| one.to).max());
    let shift = times.shift(reading);
    let wanted = times.from + shift;
    let first = found.iter().filter(|one| one.to > wanted + REST_S).min_by_key(|one| one.from);
    let Some(first) = first else {
        return Err(Error::new(Code::NothingRecorded, "the device lists no recording of that time or after"));
    };
    let start = first.from.max(wanted);
    let later_us = (start - wanted).saturating_mul(1_000_000);
    let (Some(begin), Some(end)) =
        (digits(start, "%Y%m%dT%H%M%SZ"), digits(times.now + shift, "%Y%m%dT%H%M%SZ"))
    else {
        return Err(Error::new(Code::Protocol, "the device's clock shows a year that does not exist"));
    };
    Ok(ReplayPoint {
        path: format!("/Streaming/tracks/{track}/?starttime={begin}&endtime={end}"),
        starts: UtcMicros(from.0.saturating_add(later_us)),
        range: None,
    })
}

/// The moments of a search, seconds of the device's UTC.
#[derive(Clone, Copy, Debug)]
struct Times {
    from: i64,
    now: i64,
    /// The device's zone, east of UTC.
    zone_s: i64,
}

impl Times {
    /// From when to when to search so that the recording is found in either reading.
    fn window(&self) -> (i64, i64) {
        (self.from + self.zone_s.min(0), self.now + self.zone_s.max(0) + AHEAD_S)
    }

    /// How the device reads times, from the newest it told: nothing is recorded in the future, and what is being
    /// recorded ends now.
    fn reading(&self, newest: Option<i64>) -> Reading {
        let Some(newest) = newest else { return Reading::Local };
        let (utc, local) = (newest - self.now, newest - self.now - self.zone_s);
        match () {
            () if utc > AHEAD_S => Reading::Local,
            () if local > AHEAD_S => Reading::Utc,
            () if local > -GROWING_S => Reading::Local,
            () if utc > -GROWING_S => Reading::Utc,
            () => Reading::Local,
        }
    }

    fn shift(&self, reading: Reading) -> i64 {
        if reading == Reading::Local { self.zone_s } else { 0 }
    }
}

async fn search(link: &Link, track: u32, window: (i64, i64)) -> Result<Vec<Recorded>> {
    let (mut found, mut position) = (Vec::new(), 0);
    let id = guid();
    for _ in 0..MOST_PAGES {
        let body = description(&id, track, window, position).ok_or_else(|| {
            Error::new(Code::Protocol, "the device's clock shows a year that does not exist")
        })?;
        let request = Request::post(SEARCH, body.to_xml()).content_type("application/xml");
        let root = link.exchange(request).await.map_err(|error| absent(error, link))?;
        let listed = items(&root).count();
        position += listed;
        found.extend(matches(&root));
        let more = root.children.iter().any(|child| {
            child.name.to_ascii_lowercase().starts_with("responsestatusstr")
                && child.text.eq_ignore_ascii_case("MORE")
        });
        if !more || listed == 0 {
            break;
        }
    }
    Ok(found)
}

/// A camera without a card does not know the resource, or has nothing to search in.
fn absent(error: IsapiError, link: &Link) -> Error {
    if error.code() == Code::NotOffered {
        link.note(format!("refused: {error}"));
        return Error::new(Code::NotOffered, "the device has no recordings that could be searched");
    }
    error.into()
}

/// `CMSearchDescription`, in the order that older recorders insist on.
fn description(id: &str, track: u32, (from, to): (i64, i64), position: usize) -> Option<Element> {
    const FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";
    let span = Element::new("timeSpan", "")
        .with(Element::new("startTime", &digits(from, FORMAT)?))
        .with(Element::new("endTime", &digits(to, FORMAT)?));
    let metadata = Element::new("metadataDescriptor", "//recordType.meta.std-cgi.com");
    let mut root = Element::new("CMSearchDescription", "")
        .with(Element::new("searchID", id))
        .with(Element::new("trackIDList", "").with(Element::new("trackID", &track.to_string())))
        .with(Element::new("timeSpanList", "").with(span))
        .with(Element::new("maxResults", &PAGE.to_string()))
        // Spelt as the devices spell it.
        .with(Element::new("searchResultPostion", &position.to_string()))
        .with(Element::new("metadataList", "").with(metadata));
    root.attributes = vec![
        ("version".into(), "1.0".into()),
        ("xmlns".into(), "http://www.hikvision.com/ver20/XMLSchema".into()),
    ];
    Some(root)
}

fn items(root: &Element) -> impl Iterator<Item = &Element> {
    root.child("matchList").into_iter().flat_map(|list| list.children("searchMatchItem"))
}

fn matches(root: &Element) -> Vec<Recorded> {
    let read = |item: &Element| {
        let at = |name: &str| seconds(item.text(&format!("timeSpan/{name}"))?);
        let recorded = Recorded { from: at("startTime")?, to: at("endTime")? };
        (recorded.from < recorded.to).then_some(recorded)
    };
    items(root).filter_map(read).collect()
}

/// The digits of a time, as if they were UTC: with an offset behind them firmware means the digits all the same.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.trim().get(..19)?;
    let civil: DateTime = digits.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn digits(seconds: i64, format: &str) -> Option<String> {
    let at = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC);
    (at.year() >= 1970).then(|| at.strftime(format).to_string())
}

fn guid() -> String {
    let mut id = random_token().to_ascii_uppercase();
    for at in [20, 16, 12, 8] {
        if id.is_char_boundary(at) {
            id.insert(at, '-');
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use bartizan_http::Client;
    use proptest::prelude::*;

    use super::*;
    use crate::mock::{Mock, PASSWORD, login};

    const HOUR: i64 = 3600;

    #[test]
    fn what_devices_mean_by_z() {
        let east = Times { from: 100 * HOUR, now: 101 * HOUR, zone_s: 8 * HOUR };
        let west = Times { zone_s: -5 * HOUR, ..east };
        for (times, newest, wanted) in [
            (east, 109 * HOUR, Reading::Local),
            (east, 109 * HOUR - 60, Reading::Local),
            (east, 101 * HOUR, Reading::Utc),
            (east, 105 * HOUR, Reading::Local),
            (east, 90 * HOUR, Reading::Local),
            (west, 101 * HOUR, Reading::Utc),
            (west, 100 * HOUR, Reading::Utc),
            (west, 96 * HOUR - 30, Reading::Local),
            (west, 90 * HOUR, Reading::Local),
        ] {
            assert_eq!(times.reading(Some(newest)), wanted, "{newest} in zone {}", times.zone_s);
        }
        assert_eq!(east.reading(None), Reading::Local);
        assert_eq!(east.window(), (100 * HOUR, 109 * HOUR + AHEAD_S));
        assert_eq!(west.window(), (95 * HOUR, 101 * HOUR + AHEAD_S));
    }

    #[test]
    fn a_search_as_it_is_written() {
        let body = description("ID", 201, (1_782_864_000, 1_782_867_600), 40).unwrap().to_xml();
        for part in [
            "<trackIDList><trackID>201</trackID></trackIDList>",
            "<startTime>2026-07-01T00:00:00Z</startTime><endTime>2026-07-01T01:00:00Z</endTime>",
            "<maxResults>40</maxResults><searchResultPostion>40</searchResultPostion>",
        ] {
            assert!(body.contains(part), "{part} in {body}");
        }
        let id = guid();
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
    }

    fn item(from: &str, to: &str) -> String {
        format!(
            "<searchMatchItem><trackID>101</trackID><timeSpan><startTime>{from}</startTime><endTime>{to}</endTime>\
             </timeSpan></searchMatchItem>"
        )
    }

    fn result(status: &str, items: &[String]) -> String {
        format!(
            "<CMSearchResult xmlns=\"x\"><responseStatus>true</responseStatus><responseStatusStrg>{status}\
             </responseStatusStrg><matchList>{}</matchList></CMSearchResult>",
            items.concat()
        )
    }

    #[test]
    fn matches_as_devices_write_them() {
        let items = [
            item("2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"),
            item("2026-07-01T08:00:00+08:00", "2026-07-01T09:00:00+08:00"),
            item("2026-07-01T02:00:00Z", "2026-07-01T02:00:00Z"),
            item("nonsense", "2026-07-01T02:00:00Z"),
            item("2026-07-01T02:00:0é", "2026-07-01T02:00:00Z"),
        ];
        let root = Element::parse(result("OK", &items).as_bytes()).unwrap();
        let at = 1_782_864_000;
        let wanted =
            [Recorded { from: at, to: at + HOUR }, Recorded { from: at + 8 * HOUR, to: at + 9 * HOUR }];
        assert_eq!(matches(&root), wanted);
    }

    /// 2026-07-01T00:00:00Z.
    const NOW: i64 = 1_782_864_000;

    async fn point(answer: (u16, String), back_s: i64) -> Result<ReplayPoint> {
        let camera = Mock::start(|state| {
            state.commands.insert(SEARCH.to_owned(), answer);
        })
        .await;
        let client = Client::dial(&camera.endpoint(), &login(PASSWORD, false)).await;
        let client = client.unwrap_or_else(|e| panic!("{e}"));
        let link = Link::new(client);
        // Eight hours east, and five seconds ahead of us.
        let clock = DeviceClock {
            utc: UtcMicros(NOW * 1_000_000),
            offset_ms: 5000,
            zone: String::new(),
            utc_offset_s: Some(8 * 3600),
        };
        find(&link, &clock, 1, UtcMicros((NOW - 5 - back_s) * 1_000_000)).await
    }

    #[tokio::test]
    async fn one_hour_ago() {
        let local = [
            item("2026-07-01T06:00:00Z", "2026-07-01T07:00:00Z"),
            item("2026-07-01T07:30:00Z", "2026-07-01T08:00:00Z"),
        ];
        let found = point((200, result("OK", &local)), 2 * HOUR - 60).await.unwrap();
        assert_eq!(found.path, "/Streaming/tracks/101/?starttime=20260701T060100Z&endtime=20260701T080000Z");
        assert_eq!(found.starts.0, (NOW - 5 - 2 * HOUR + 60) * 1_000_000, "by our clock");
        assert_eq!(found.range, None, "the path says it all");

        // In the gap: what comes after it.
        let found = point((200, result("OK", &local)), HOUR).await.unwrap();
        assert_eq!(found.path, "/Streaming/tracks/101/?starttime=20260701T073000Z&endtime=20260701T080000Z");
        assert_eq!(found.starts.0, (NOW - 5 - HOUR / 2) * 1_000_000);

        let utc = [item("2026-06-30T22:00:00Z", "2026-07-01T00:00:00Z")];
        let found = point((200, result("OK", &utc)), HOUR).await.unwrap();
        assert_eq!(found.path, "/Streaming/tracks/101/?starttime=20260630T230000Z&endtime=20260701T000000Z");
    }

    #[tokio::test]
    async fn nothing_to_play() {
        let code = |answer| async { point(answer, HOUR).await.unwrap_err().code() };
        let old = [item("2026-07-01T06:00:00Z", "2026-07-01T06:59:00Z")];
        assert_eq!(code((200, result("OK", &old))).await, Code::NothingRecorded);
        assert_eq!(code((200, result("NO MATCHES", &[]))).await, Code::NothingRecorded);
        assert_eq!(code((403, String::new())).await, Code::NotOffered);
        let low = "<ResponseStatus><statusCode>4</statusCode><subStatusCode>lowPrivilege</subStatusCode></ResponseStatus>";
        assert_eq!(code((403, low.to_owned())).await, Code::Forbidden);
        assert_eq!(code((200, "what?".to_owned())).await, Code::Protocol);
    }

    proptest! {
        #[test]
        fn any_time_is_read_or_not(text in "[-0-9T:Z+é ]{0,30}", at in any::<i64>()) {
            let _ = seconds(&text);
            let _ = digits(at, "%Y%m%dT%H%M%SZ");
        }
    }
}
