//! Recording control, search and replay services (Profile G): what is there of each channel, and where it is played.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use quick_xml::escape::escape;

use super::{
    Answer, Request,
    soap::{Fault, RECORDING, SEARCH},
    stamp,
};

/// Attributes of the recording service.
pub(crate) const CAPABILITIES: &str = "<trc:Capabilities DynamicRecordings=\"false\" DynamicTracks=\"false\" \
    Encoding=\"H264\" MaxRate=\"8192\" MaxTotalRate=\"65536\" MaxRecordings=\"64\" MaxRecordingJobs=\"64\" \
    Options=\"false\" MetadataRecording=\"false\"/>";
/// Attributes of the search service.
pub(crate) const SEARCH_CAPABILITIES: &str =
    "<tse:Capabilities MetadataSearch=\"false\" GeneralStartEvents=\"false\"/>";
/// Attributes of the replay service.
pub(crate) const REPLAY_CAPABILITIES: &str = "<trp:Capabilities ReversePlayback=\"false\" \
    SessionTimeoutRange=\"10 3600\" RTP_RTSP_TCP=\"true\"/>";

/// The oldest search gives way to more.
const SEARCHES: usize = 32;

#[derive(Default)]
struct State {
    made: u32,
    /// Channels that each search has still to tell.
    open: BTreeMap<u32, Vec<u16>>,
}

/// The searches of a unit.
#[derive(Default)]
pub(super) struct Searches(Mutex<State>);

fn recording_of(token: &str, request: &Request<'_>) -> Result<u16, Fault> {
    let channel = token.strip_prefix("rec").and_then(|number| number.parse().ok());
    channel.filter(|one| request.unit.has(*one)).ok_or_else(|| Fault::no("NoRecording", token))
}

fn named(request: &Request<'_>) -> Result<u16, Fault> {
    recording_of(request.call.body.text_at(&["RecordingToken"]).unwrap_or_default(), request)
}

/// Fields of `tt:RecordingSourceInformation`.
fn source(request: &Request<'_>, channel: u16) -> String {
    let name = escape(request.unit.channel_name(channel));
    format!(
        "<tt:SourceId>source_{channel}</tt:SourceId><tt:Name>{name}</tt:Name><tt:Location/>\
         <tt:Description>{name}</tt:Description><tt:Address>{}</tt:Address>",
        request.text(&request.base)
    )
}

fn item(request: &Request<'_>, channel: u16) -> String {
    format!(
        "<trc:RecordingItem><tt:RecordingToken>rec{channel}</tt:RecordingToken>{}<tt:Tracks><tt:Track>\
         <tt:TrackToken>video</tt:TrackToken><tt:Configuration><tt:TrackType>Video</tt:TrackType>\
         <tt:Description>Video</tt:Description></tt:Configuration></tt:Track></tt:Tracks></trc:RecordingItem>",
        configuration("tt:Configuration", request, channel)
    )
}

fn configuration(element: &str, request: &Request<'_>, channel: u16) -> String {
    format!(
        "<{element}><tt:Source>{}</tt:Source><tt:Content>{}</tt:Content>\
         <tt:MaximumRetentionTime>PT0S</tt:MaximumRetentionTime></{element}>",
        source(request, channel),
        escape(request.unit.channel_name(channel))
    )
}

/// `tt:RecordingInformation`; the times are of the first and the last of the recordings, whatever is between them.
fn information(element: &str, request: &Request<'_>, channel: u16) -> String {
    let spans = request.unit.recordings(channel);
    let (times, track) = match (spans.first(), spans.last()) {
        (Some((from, _)), Some((_, to))) => {
            let (from, to) = (stamp(*from), stamp(*to));
            (
                format!(
                    "<tt:EarliestRecording>{from}</tt:EarliestRecording><tt:LatestRecording>{to}</tt:LatestRecording>"
                ),
                format!(
                    "<tt:Track><tt:TrackToken>video</tt:TrackToken><tt:TrackType>Video</tt:TrackType>\
                     <tt:Description>Video</tt:Description><tt:DataFrom>{from}</tt:DataFrom><tt:DataTo>{to}</tt:DataTo>\
                     </tt:Track>"
                ),
            )
        }
        _ => (String::new(), String::new()),
    };
    format!(
        "<{element}><tt:RecordingToken>rec{channel}</tt:RecordingToken><tt:Source>{}</tt:Source>{times}\
         <tt:Content>{}</tt:Content>{track}<tt:RecordingStatus>Recording</tt:RecordingStatus></{element}>",
        source(request, channel),
        escape(request.unit.channel_name(channel))
    )
}

/// All three services; the namespace of the request tells which.
pub(super) fn answer(request: &Request<'_>, searches: &Searches) -> Answer {
    let body = &request.call.body;
    let name = body.name.as_str();
    let prefix = match body.namespace.as_str() {
        RECORDING => "trc",
        SEARCH => "tse",
        _ => "trp",
    };
    let wrapped = |inner: String| Ok(format!("<{prefix}:{name}Response>{inner}</{prefix}:{name}Response>"));
    match (prefix, name) {
        ("trc", "GetServiceCapabilities") => wrapped(CAPABILITIES.into()),
        ("trc", "GetRecordings") => {
            wrapped(request.channels().map(|channel| item(request, channel)).collect())
        }
        ("trc", "GetRecordingConfiguration") => {
            wrapped(configuration("trc:RecordingConfiguration", request, named(request)?))
        }
        ("trc", "GetRecordingJobs") => wrapped(String::new()),
        ("tse", "GetServiceCapabilities") => wrapped(SEARCH_CAPABILITIES.into()),
        ("tse", "GetRecordingSummary") => {
            let spans = request.channels().flat_map(|channel| request.unit.recordings(channel));
            let (from, to) =
                spans.fold((request.now, None), |(from, to), span| (span.0.min(from), to.max(Some(span.1))));
            wrapped(format!(
                "<tse:Summary><tt:DataFrom>{}</tt:DataFrom><tt:DataUntil>{}</tt:DataUntil>\
                 <tt:NumberRecordings>{}</tt:NumberRecordings></tse:Summary>",
                stamp(from),
                stamp(to.unwrap_or(request.now)),
                request.channels().count()
            ))
        }
        ("tse", "GetRecordingInformation") => {
            wrapped(information("tse:RecordingInformation", request, named(request)?))
        }
        ("tse", "FindRecordings") => wrapped(searches.begin(request)?),
        ("tse", "GetRecordingSearchResults") => wrapped(searches.results(request)?),
        ("tse", "EndSearch") => wrapped(searches.end(request)?),
        ("trp", "GetServiceCapabilities") => wrapped(REPLAY_CAPABILITIES.into()),
        ("trp", "GetReplayUri") => {
            let channel = named(request)?;
            wrapped(format!("<trp:Uri>{}</trp:Uri>", request.text(&request.replay_uri(channel))))
        }
        ("trp", "GetReplayConfiguration") => wrapped(
            "<trp:Configuration><tt:SessionTimeout>PT60S</tt:SessionTimeout></trp:Configuration>".into(),
        ),
        (_, other) => Err(Fault::not_supported(other)),
    }
}

impl Searches {
    fn begin(&self, request: &Request<'_>) -> Answer {
        let body = &request.call.body;
        let all = |name: &'static str| body.child("Scope").into_iter().flat_map(move |scope| scope.all(name));
        let recordings: Vec<&str> = all("IncludedRecordings").map(|one| one.text.as_str()).collect();
        let sources: Vec<&str> = all("IncludedSources").filter_map(|one| one.text_at(&["Token"])).collect();
        for token in &recordings {
            recording_of(token, request)?;
        }
        let wanted = |channel: &u16| {
            (recordings.is_empty() || recordings.contains(&&*format!("rec{channel}")))
                && (sources.is_empty() || sources.contains(&&*format!("source_{channel}")))
        };
        let most = body.text_at(&["MaxMatches"]).and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        let found = request.channels().filter(wanted).take(most).collect();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.made += 1;
        let number = state.made;
        state.open.insert(number, found);
        if state.open.len() > SEARCHES {
            state.open.pop_first();
        }
        Ok(format!("<tse:SearchToken>search_{number}</tse:SearchToken>"))
    }

    fn results(&self, request: &Request<'_>) -> Answer {
        let body = &request.call.body;
        let most = body.text_at(&["MaxResults"]).and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = token(request).and_then(|number| state.open.get_mut(&number)).ok_or_else(unknown)?;
        let part: Vec<u16> = left.drain(..left.len().min(most)).collect();
        let word = if left.is_empty() { "Completed" } else { "Searching" };
        let found: String =
            part.iter().map(|channel| information("tt:RecordingInformation", request, *channel)).collect();
        Ok(format!("<tse:ResultList><tt:SearchState>{word}</tt:SearchState>{found}</tse:ResultList>"))
    }

    fn end(&self, request: &Request<'_>) -> Answer {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        token(request).and_then(|number| state.open.remove(&number)).ok_or_else(unknown)?;
        Ok(format!("<tse:Endpoint>{}</tse:Endpoint>", stamp(request.now)))
    }
}

fn token(request: &Request<'_>) -> Option<u32> {
    request.call.body.text_at(&["SearchToken"])?.strip_prefix("search_")?.parse().ok()
}

fn unknown() -> Fault {
    Fault::sender(&["InvalidArgVal", "InvalidToken"], "no such search")
}
