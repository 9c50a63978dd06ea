//! `mediaFileFind.cgi`: a finder is made, told what to find, asked for it in parts, closed and destroyed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{Cgi, Lines, Said};
use crate::unit::{
    Unit,
    recordings::{ClockFace, Span, civil_of, files},
};

/// Of one answer.
const PAGE: usize = 100;
/// The oldest gives way to more.
const FINDERS: usize = 32;
/// What a file holds, roughly.
const BYTES_PER_SECOND: u64 = 60_000;

/// What one finder has still to tell.
#[derive(Default)]
struct Found {
    channel: u16,
    files: std::vec::IntoIter<Span>,
}

#[derive(Default)]
struct State {
    made: u32,
    finders: BTreeMap<u32, Found>,
}

/// The finders of a unit, by their number.
#[derive(Default)]
pub(super) struct Finders(Mutex<State>);

impl Finders {
    pub fn answer(&self, unit: &Unit, cgi: &Cgi, action: &str) -> Said {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if action == "factory.create" {
            state.made += 1;
            let number = state.made;
            state.finders.insert(number, Found::default());
            if state.finders.len() > FINDERS {
                state.finders.pop_first();
            }
            return Said::one("result", number);
        }
        let Some(number) = cgi.number::<u32>("object") else { return Said::BadRequest };
        let Some(finder) = state.finders.get_mut(&number) else { return Said::BadRequest };
        match action {
            "findFile" => match find(unit, cgi) {
                Some(found) if found.files.len() > 0 => {
                    *finder = found;
                    Said::Ok
                }
                // Devices say the same of nothing found and of a question that is wrong.
                _ => Said::BadRequest,
            },
            "findNextFile" => {
                let count = cgi.number("count").unwrap_or(PAGE).min(PAGE);
                let part: Vec<Span> = finder.files.by_ref().take(count).collect();
                Said::Lines(lines(unit, finder.channel, &part))
            }
            "close" | "factory.close" => {
                *finder = Found::default();
                Said::Ok
            }
            "destroy" | "factory.destroy" => {
                state.finders.remove(&number);
                Said::Ok
            }
            _ => Said::BadRequest,
        }
    }
}

/// What a condition finds; `None` when it says too little, or nonsense.
fn find(unit: &Unit, cgi: &Cgi) -> Option<Found> {
    // From 1, as this API counts everywhere but in tables.
    let channel = cgi.number("condition.Channel").filter(|channel| unit.has(*channel))?;
    let moment = |key: &str| Some(unit.moment(civil_of(cgi.get(key)?)?, ClockFace::Local));
    let (from, to) = (moment("condition.StartTime")?, moment("condition.EndTime")?);
    let mut types = cgi.query.iter().filter(|(key, _)| key.starts_with("condition.Types[")).peekable();
    let has_video = types.peek().is_none() || types.any(|(_, kind)| kind.eq_ignore_ascii_case("dav"));
    let is_main = cgi.get("condition.VideoStream").is_none_or(|stream| stream == "Main");
    let mut all = files(&unit.recordings(channel));
    all.retain(|file| has_video && is_main && file.0 < to && file.1 > from);
    Some(Found { channel, files: all.into_iter() })
}

fn lines(unit: &Unit, channel: u16, part: &[Span]) -> Lines {
    let mut lines = Lines::default();
    lines.put("found", part.len());
    for (index, (from, to)) in part.iter().enumerate() {
        let shown = |at, format: &str| unit.civil(at, ClockFace::Local).strftime(format).to_string();
        let time = |at| shown(at, "%Y-%m-%d %H:%M:%S");
        let path = format!(
            "/mnt/dvr/{}/{:03}/dav/{}/{}-{}[R][0@0][0].dav",
            shown(*from, "%Y-%m-%d"),
            channel,
            shown(*from, "%H"),
            shown(*from, "%H.%M.%S"),
            shown(*to, "%H.%M.%S")
        );
        let seconds = to.since(*from).as_secs();
        let mut put =
            |key: &str, value: &dyn std::fmt::Display| lines.put(format!("items[{index}].{key}"), value);
        // From 0 here, as devices do.
        put("Channel", &(channel - 1));
        put("Cluster", &0);
        put("Disk", &0);
        put("Duration", &seconds);
        put("EndTime", &time(*to));
        put("FilePath", &path);
        put("Flags[0]", &"Timing");
        put("Length", &(seconds * BYTES_PER_SECOND));
        put("Partition", &0);
        put("StartTime", &time(*from));
        put("Type", &"dav");
        put("VideoStream", &"Main");
    }
    lines
}

#[cfg(test)]
mod tests {
    use bartizan_base::UtcMicros;

    use super::*;
    use crate::UnitConfig;

    fn said(finders: &Finders, unit: &Unit, query: &str) -> Option<String> {
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
        let cgi = Cgi { script: "mediaFileFind.cgi".into(), query };
        let action = cgi.get("action").unwrap().to_owned();
        match finders.answer(unit, &cgi, &action) {
            Said::Lines(Lines(lines)) => Some(lines),
            Said::Ok => Some("OK".into()),
            _ => None,
        }
    }

    #[test]
    fn files_are_found_in_parts() {
        let unit = Unit::new(UnitConfig::default());
        // 2026-07-01T00:00:00Z, which is 08:00 by the device's clock.
        let hour = |hour: i64| UtcMicros((1_782_864_000 + hour * 3600) * 1_000_000);
        unit.set_recordings(1, Some(vec![(hour(0), hour(3)), (hour(5), hour(6))]));
        let finders = Finders::default();
        assert_eq!(said(&finders, &unit, "action=factory.create").unwrap(), "result=1\r\n");
        let find = |channel: &str, from: &str, to: &str, more: &str| {
            said(
                &finders,
                &unit,
                &format!(
                    "action=findFile&object=1&condition.Channel={channel}&condition.StartTime=2026-07-01%20{from}\
                     &condition.EndTime=2026-07-01%20{to}{more}"
                ),
            )
        };
        assert_eq!(find("1", "11:00:00", "13:00:00", ""), None);
        assert_eq!(find("2", "00:00:00", "23:00:00", ""), None);
        assert_eq!(find("1", "00:00:00", "23:00:00", "&condition.Types[0]=jpg"), None);
        assert_eq!(find("1", "09:30:00", "23:00:00", "&condition.Types[0]=dav").unwrap(), "OK");
        let next =
            |count| said(&finders, &unit, &format!("action=findNextFile&object=1&count={count}")).unwrap();
        let first = next(2);
        assert!(first.starts_with("found=2\r\nitems[0].Channel=0\r\n"), "{first}");
        assert!(first.contains("items[0].StartTime=2026-07-01 09:00:00\r\n"), "{first}");
        assert!(first.contains("items[1].EndTime=2026-07-01 11:00:00\r\n"), "{first}");
        assert!(
            first.contains(
                "items[1].FilePath=/mnt/dvr/2026-07-01/001/dav/10/10.00.00-11.00.00[R][0@0][0].dav"
            )
        );
        assert!(next(100).contains("items[0].StartTime=2026-07-01 13:00:00\r\n"));
        assert_eq!(next(100), "found=0\r\n");
        assert_eq!(said(&finders, &unit, "action=close&object=1").unwrap(), "OK");
        assert_eq!(said(&finders, &unit, "action=destroy&object=1").unwrap(), "OK");
        assert_eq!(said(&finders, &unit, "action=findNextFile&object=1&count=1"), None);
    }
}
