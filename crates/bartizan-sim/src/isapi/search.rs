//! `/ISAPI/ContentMgmt/search`: which files of recordings there are.

use super::{Call, Isapi, Outcome, VER20, document, escaped};
use crate::{
    onvif::soap::Element,
    unit::{
        Unit,
        recordings::{ClockFace, Span, civil_of, files},
    },
};

/// Matches of one answer, whatever was asked for.
const PAGE: usize = 40;
/// What a file of an hour of the main stream holds, roughly: only its order of magnitude means anything.
const BYTES_PER_SECOND: u64 = 60_000;

/// What is searched for.
struct Search {
    id: String,
    /// Track ids as they came.
    tracks: Vec<String>,
    spans: Vec<Span>,
    from: usize,
    page: usize,
}

/// One file, by the channel it is of.
type Match = (Span, u16);

impl Search {
    /// `None` when it says too little, or nonsense.
    fn parse(body: &Element, unit: &Unit) -> Option<Self> {
        if body.name != "CMSearchDescription" {
            return None;
        }
        // Some clients write `trackList`.
        let tracks = body.child("trackIDList").or_else(|| body.child("trackList"))?;
        let tracks: Vec<String> = tracks.all("trackID").map(|id| id.text.clone()).collect();
        let moment =
            |text: Option<&str>| Some(unit.moment(civil_of(text?)?, ClockFace::Isapi)).filter(|at| at.0 > 0);
        let span = |span: &Element| {
            Some((moment(span.text_at(&["startTime"]))?, moment(span.text_at(&["endTime"]))?))
        };
        let spans = body.child("timeSpanList")?.all("timeSpan").map(span).collect::<Option<Vec<_>>>()?;
        let number = |name: &str| match body.text_at(&[name]) {
            None => Some(None),
            Some(text) => text.parse::<usize>().ok().map(Some),
        };
        // The misspelling is the protocol's; some clients know better.
        let from = number("searchResultPostion")?.or(number("searchResultPosition")?).unwrap_or(0);
        let page = number("maxResults")?.unwrap_or(PAGE).clamp(1, PAGE);
        let id = body.text_at(&["searchID"]).unwrap_or_default().to_owned();
        (!tracks.is_empty() && !spans.is_empty()).then_some(Self { id, tracks, spans, from, page })
    }

    /// All files that a wanted span touches, in order.
    fn matches(&self, unit: &Unit) -> Vec<Match> {
        let channel = |id: &String| {
            let id: u16 = id.parse().ok()?;
            (id % 100 == 1 && unit.has(id / 100)).then_some(id / 100)
        };
        let wanted = |&(from, to): &Span| self.spans.iter().any(|span| from < span.1 && to > span.0);
        let mut all: Vec<Match> = self
            .tracks
            .iter()
            .filter_map(channel)
            .flat_map(|channel| files(&unit.recordings(channel)).into_iter().map(move |file| (file, channel)))
            .filter(|(file, _)| wanted(file))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

pub(super) fn answer(isapi: &Isapi, call: &Call<'_>) -> Outcome {
    let unit = &isapi.unit;
    let Some(search) = call.body().and_then(|body| Search::parse(&body, unit)) else {
        return Outcome::INVALID;
    };
    let all = search.matches(unit);
    let page: Vec<&Match> = all.iter().skip(search.from).take(search.page).collect();
    let word = match page.len() {
        0 => "NO MATCHES",
        some if search.from.saturating_add(some) < all.len() => "MORE",
        _ => "OK",
    };
    let host = call.ask.local.ip();
    let host = if host.is_ipv6() { format!("[{host}]") } else { host.to_string() };
    let items: String = page.iter().map(|one| item(unit, &host, **one)).collect();
    let inner = format!(
        "<searchID>{}</searchID>\n<responseStatus>true</responseStatus>\n<responseStatusStrg>{word}</responseStatusStrg>\n\
         <numOfMatches>{}</numOfMatches>\n<matchList>\n{items}</matchList>",
        escaped(&search.id),
        page.len()
    );
    Outcome::Document(document("CMSearchResult", VER20, &inner))
}

fn item(unit: &Unit, host: &str, ((from, to), channel): Match) -> String {
    let track = channel * 100 + 1;
    let shown = |at, format: &str| unit.civil(at, ClockFace::Isapi).strftime(format).to_string();
    let compact = |at| shown(at, "%Y%m%dT%H%M%SZ");
    let long = |at| shown(at, "%Y-%m-%dT%H:%M:%SZ");
    // Counts files since 1970, so that a file keeps its name.
    let number = from.0.div_euclid(3_600_000_000);
    let uri = format!(
        "rtsp://{host}/Streaming/tracks/{track}/?starttime={}&endtime={}&name=ch{channel:02}_{number:017}&size={}",
        compact(from),
        compact(to),
        to.since(from).as_secs() * BYTES_PER_SECOND
    );
    format!(
        "<searchMatchItem>\n<sourceID>{{0000000000-0000-0000-0000-{channel:012}}}</sourceID>\n<trackID>{track}</trackID>\n\
         <timeSpan>\n<startTime>{}</startTime>\n<endTime>{}</endTime>\n</timeSpan>\n<mediaSegmentDescriptor>\n\
         <contentType>video</contentType>\n<codecType>H.264-BP</codecType>\n<playbackURI>{}</playbackURI>\n\
         </mediaSegmentDescriptor>\n<metadataMatches>\n\
         <metadataDescriptor>recordType.meta.std-cgi.com/timing</metadataDescriptor>\n</metadataMatches>\n\
         </searchMatchItem>\n",
        long(from),
        long(to),
        escaped(&uri)
    )
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use axum::http::HeaderMap;
    use bartizan_base::UtcMicros;

    use super::*;
    use crate::{UnitConfig, front::Ask};

    /// 2026-07-01T00:00:00Z.
    const DAY: i64 = 1_782_864_000;

    fn asked(isapi: &Isapi, body: &str) -> Option<Element> {
        let ask = Ask {
            method: "POST".into(),
            target: "/ISAPI/ContentMgmt/search".into(),
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
            local: SocketAddr::from(([192, 0, 2, 7], 80)),
        };
        match answer(isapi, &Call { method: "POST", path: vec!["ContentMgmt", "search"], ask: &ask }) {
            Outcome::Document(text) => Some(Element::parse(&text).unwrap()),
            _ => None,
        }
    }

    fn search(track: &str, from: &str, to: &str, position: usize, page: usize) -> String {
        format!(
            "<CMSearchDescription><searchID>C77</searchID><trackIDList><trackID>{track}</trackID></trackIDList>\
             <timeSpanList><timeSpan><startTime>{from}</startTime><endTime>{to}</endTime></timeSpan></timeSpanList>\
             <maxResults>{page}</maxResults><searchResultPostion>{position}</searchResultPostion></CMSearchDescription>"
        )
    }

    fn recorder() -> Isapi {
        let unit = Unit::new(UnitConfig::default());
        let hour = |hour: i64| UtcMicros((DAY + hour * 3600) * 1_000_000);
        unit.set_recordings(1, Some(vec![(hour(-48), hour(0)), (hour(2), hour(5))]));
        Isapi::new(Arc::new(unit), 80, None, 554)
    }

    fn starts(found: &Element) -> Vec<&str> {
        let list = found.child("matchList").unwrap();
        list.all("searchMatchItem").map(|one| one.text_at(&["timeSpan", "startTime"]).unwrap()).collect()
    }

    #[test]
    fn pages() {
        let isapi = recorder();
        isapi.unit.set_knobs(|knobs| knobs.recordings_in_local_time = false);
        let all = ("2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z");
        let page = |position, size| asked(&isapi, &search("101", all.0, all.1, position, size)).unwrap();
        let word = |found: &Element| found.text_at(&["responseStatusStrg"]).unwrap().to_owned();
        let first = page(0, 1000);
        assert_eq!((word(&first).as_str(), starts(&first).len()), ("MORE", 40));
        assert_eq!(first.text_at(&["numOfMatches"]), Some("40"));
        assert_eq!(first.text_at(&["searchID"]), Some("C77"));
        let second = page(40, 40);
        assert_eq!((word(&second).as_str(), starts(&second).len()), ("OK", 11));
        assert!(starts(&first).iter().chain(&starts(&second)).is_sorted());
        assert_eq!(word(&page(51, 40)), "NO MATCHES");
        for unknown in ["201", "102", "x"] {
            let none = asked(&isapi, &search(unknown, all.0, all.1, 0, 40)).unwrap();
            assert_eq!((word(&none).as_str(), starts(&none).len()), ("NO MATCHES", 0));
        }
        for wrong in ["", "<a/>", "<CMSearchDescription/>", &search("101", "x", all.1, 0, 1)] {
            assert!(asked(&isapi, wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn z_is_local_or_not() {
        let isapi = recorder();
        let found = |from: &str, to: &str| {
            let found = asked(&isapi, &search("101", from, to, 0, 40)).unwrap();
            let uri = ["matchList", "searchMatchItem", "mediaSegmentDescriptor", "playbackURI"];
            (starts(&found).join(" "), found.text_at(&uri).unwrap_or_default().to_owned())
        };
        // Whole files, not cut to what was wanted: 02:00 and 03:00 UTC, eight hours on by the device's clock.
        let (local, uri) = found("2026-07-01T10:59:00Z", "2026-07-01T11:01:00Z");
        assert_eq!(local, "2026-07-01T10:00:00Z 2026-07-01T11:00:00Z");
        let begin = "rtsp://192.0.2.7/Streaming/tracks/101/?starttime=20260701T100000Z&endtime=20260701T110000Z&name=";
        assert!(uri.starts_with(begin), "{uri}");
        isapi.unit.set_knobs(|knobs| knobs.recordings_in_local_time = false);
        assert_eq!(found("2026-07-01T02:59:00Z", "2026-07-01T03:00:00Z").0, "2026-07-01T02:00:00Z");
        assert_eq!(found("2026-07-01T10:59:00Z", "2026-07-01T11:01:00Z").0, "");
    }
}
