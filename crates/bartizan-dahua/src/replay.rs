//! Recordings: found by `mediaFileFind.cgi`, played at `/cam/playback`. Both speak the device's local time.

use bartizan_base::{Code, UtcMicros};
use bartizan_device::ReplayPoint;
use jiff::{ToSpan as _, civil::DateTime};

use crate::{
    clock::{self, read_time},
    device::Device,
    error::DahuaError,
    query::Query,
    text::Values,
};

/// Most files of one answer.
const PAGE: usize = 100;
/// Files may be told with an end that lies ahead of the clock, seconds.
const AHEAD_S: i64 = 120;
/// A file is not worth opening for its last moment, seconds.
const REST_S: i64 = 1;

/// A recorded file, in the device's local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Recorded {
    from: DateTime,
    to: DateTime,
}

/// Finds what was recorded at `from`, by our clock, or after it.
pub(crate) async fn find(device: &Device, channel: u16, from: UtcMicros) -> Result<ReplayPoint, DahuaError> {
    let (now, ours) = clock::local(device).await?;
    // Neither its zone nor how wrong its clock is matters: so long ago on one clock is so long ago on the other.
    let back_s = (ours.0 - from.0).div_euclid(1_000_000);
    let wanted = later(now, -back_s)?;
    let found = search(device, channel, wanted, later(now, AHEAD_S)?).await?;
    let rest = later(wanted, REST_S)?;
    let Some(first) = found.iter().filter(|one| one.to > rest).min_by_key(|one| one.from) else {
        return Err(nothing());
    };
    let start = first.from.max(wanted);
    let ahead_us = start.duration_since(wanted).as_secs().saturating_mul(1_000_000);
    let starts = UtcMicros(from.0.saturating_add(ahead_us));
    let digits = |at: DateTime| at.strftime("%Y_%m_%d_%H_%M_%S").to_string();
    Ok(ReplayPoint {
        path: format!(
            "/cam/playback?channel={channel}&subtype=0&starttime={}&endtime={}",
            digits(start),
            digits(now)
        ),
        starts,
        range: None,
    })
}

fn nothing() -> DahuaError {
    DahuaError::Here(Code::NothingRecorded, "the device lists no recording of that time or after".into())
}

fn later(at: DateTime, seconds: i64) -> Result<DateTime, DahuaError> {
    let wrong = |_| DahuaError::Here(Code::Protocol, "the device's clock shows no year of ours".into());
    at.checked_add(seconds.seconds()).map_err(wrong)
}

/// The files that hold a part of a span, by a search that is opened and closed.
async fn search(
    device: &Device,
    channel: u16,
    from: DateTime,
    to: DateTime,
) -> Result<Vec<Recorded>, DahuaError> {
    const SCRIPT: &str = "mediaFileFind";
    let none = || DahuaError::not_offered("a search for recordings");
    let made = device.optional(&Query::new(SCRIPT, "factory.create")).await?.ok_or_else(none)?;
    let object = object(&made).ok_or_else(none)?;
    let of_it = |action: &str| Query::new(SCRIPT, action).with("object", &object);
    let found = files(device, &of_it, channel, from, to).await;
    // A search that is left open is one that nobody else can have; its own time-out is the last resort.
    for action in ["close", "destroy"] {
        if let Err(error) = device.order(&of_it(action)).await {
            tracing::debug!(%error, "the search for recordings stays open");
        }
    }
    found
}

async fn files(
    device: &Device,
    of_it: &impl Fn(&str) -> Query,
    channel: u16,
    from: DateTime,
    to: DateTime,
) -> Result<Vec<Recorded>, DahuaError> {
    let time = |at: DateTime| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let query = of_it("findFile")
        .with("condition.Channel", channel)
        .with("condition.StartTime", time(from))
        .with("condition.EndTime", time(to))
        .with("condition.Types[0]", "dav");
    match device.order(&query).await {
        Ok(()) => {}
        // That nothing is recorded is told as a bad request.
        Err(error) if error.is_refusal() && error.code() == Code::NotOffered => return Err(nothing()),
        Err(error) => return Err(error),
    }
    let page = device.values(&of_it("findNextFile").with("count", PAGE)).await?;
    Ok(listed(&page))
}

/// The handle of a search: a number, on some firmware letters too.
fn object(values: &Values) -> Option<String> {
    let object = values.first(&["result", "object"])?.trim();
    let fits =
        !object.is_empty() && object.len() <= 32 && object.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| object.to_owned())
}

fn listed(values: &Values) -> Vec<Recorded> {
    let mut at = values.indices("items");
    at.truncate(PAGE);
    at.into_iter()
        .filter_map(|at| {
            let time = |name: &str| read_time(values.get(&format!("items[{at}].{name}"))?);
            let recorded = Recorded { from: time("StartTime")?, to: time("EndTime")? };
            (recorded.from < recorded.to).then_some(recorded)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_as_devices_list_them() {
        let values = Values::parse(
            "found=3\r\nitems[0].Channel=0\r\nitems[0].StartTime=2026-07-01 08:00:00\r\nitems[0].EndTime=2026-07-01 09:00:00\r\n\
             items[0].FilePath=/mnt/dvr/2026-07-01/001/dav/08/08.00.00-09.00.00[R][0@0][0].dav\r\n\
             items[1].StartTime=2026-7-1 9:0:0\r\nitems[1].EndTime=2026-07-01 09:30:00\r\n\
             items[2].StartTime=2026-07-01 10:00:00\r\nitems[2].EndTime=2026-07-01 10:00:00\r\n",
        )
        .unwrap();
        let at = |text: &str| read_time(text).unwrap();
        let wanted = [
            Recorded { from: at("2026-07-01 08:00:00"), to: at("2026-07-01 09:00:00") },
            Recorded { from: at("2026-07-01 09:00:00"), to: at("2026-07-01 09:30:00") },
        ];
        assert_eq!(listed(&values), wanted);
        assert!(listed(&Values::parse("found=0").unwrap()).is_empty());
    }

    #[test]
    fn handles_of_searches() {
        for (answer, wanted) in [
            ("result=08137", Some("08137")),
            ("object=a1B2", Some("a1B2")),
            ("result=", None),
            ("result=1&action=reboot", None),
        ] {
            assert_eq!(object(&Values::parse(answer).unwrap()).as_deref(), wanted, "{answer}");
        }
    }
}
