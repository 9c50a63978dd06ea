//! Recordings (ONVIF Profile G: Recording Control, Recording Search and Replay Control Service Specifications).

use bartizan_base::{Code, Error, Result, UtcMicros};
use bartizan_device::ReplayPoint;
use bartizan_http::xml::Element;
use jiff::Timestamp;

use crate::{
    error::OnvifError,
    media::{Channel, read_stream_uri},
    services::Service,
    session::Session,
    soap::escape,
};

/// Most recordings read of one device.
const MOST_RECORDINGS: usize = 1024;

/// One recording of a device: all that a source ever gave.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recording {
    token: String,
    source: String,
    video: bool,
}

/// Finds what was recorded at `from`, by our clock, or after it. `offset_us` is the device's clock minus ours; `alone` says
/// that the device has one channel.
pub(crate) async fn find(
    session: &Session,
    channel: &Channel,
    alone: bool,
    offset_us: i64,
    from: UtcMicros,
) -> Result<ReplayPoint> {
    for service in [Service::Recording, Service::Replay] {
        if !session.services().has(service) {
            return Err(OnvifError::not_offered(format!("the {} service", service.name())).into());
        }
    }
    let answer = session.call(Service::Recording, "GetRecordings", "").await?;
    let recording = of_channel(recordings(&answer), channel, alone)
        .ok_or_else(|| nothing("the device records nothing of this channel"))?;
    let device = UtcMicros(from.0.saturating_add(offset_us));
    let start = first_after(session, &recording.token, device).await?;
    let arguments = format!(
        "<q:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol>\
         </tt:Transport></q:StreamSetup><q:RecordingToken>{}</q:RecordingToken>",
        escape(&recording.token)
    );
    let answer = session.call(Service::Replay, "GetReplayUri", &arguments).await?;
    let uri = answer.descendant("Uri").map(|uri| uri.text.as_str()).unwrap_or_default();
    let (path, _) = read_stream_uri(uri)
        .ok_or_else(|| Error::new(Code::Protocol, "GetReplayUri gives no address that could be used"))?;
    Ok(ReplayPoint { path, starts: UtcMicros(start.0.saturating_sub(offset_us)), range: Some(start) })
}

fn nothing(why: &'static str) -> Error {
    Error::new(Code::NothingRecorded, why)
}

fn recordings(answer: &Element) -> Vec<Recording> {
    let read = |item: &Element| {
        let text = |path| item.text(path).unwrap_or_default().to_owned();
        let mut kinds = item.children("Tracks").flat_map(|tracks| tracks.children("Track")).peekable();
        Some(Recording {
            token: Some(text("RecordingToken")).filter(|token| !token.is_empty())?,
            source: text("Configuration/Source/SourceId"),
            // A list that was left out says nothing.
            video: kinds.peek().is_none()
                || kinds.any(|track| track.text("Configuration/TrackType") == Some("Video")),
        })
    };
    answer.children("RecordingItem").filter_map(read).take(MOST_RECORDINGS).collect()
}

/// The recording of a channel. `SourceId` is free text: devices write the token of the source or of a profile there, or
/// the address of its stream.
fn of_channel(all: Vec<Recording>, channel: &Channel, alone: bool) -> Option<Recording> {
    let mut videos: Vec<Recording> = all.into_iter().filter(|one| one.video).collect();
    let tokens = channel.source.iter().chain(channel.profiles.iter().map(|profile| &profile.token));
    let known = |one: &Recording| tokens.clone().any(|token| *token == one.source);
    let at = videos.iter().position(known).or_else(|| {
        // One camera, whatever it calls itself; a recorder's list in the order of its channels.
        let place = if alone { 0 } else { usize::from(channel.number).checked_sub(1)? };
        let fits = if alone { videos.len() == 1 } else { videos.len() > place };
        (fits && !videos.iter().any(|one| looks_like_a_token(&one.source, channel))).then_some(place)
    })?;
    Some(videos.swap_remove(at))
}

/// Sources that are named like this channel's belong to others of them by name, not by place.
fn looks_like_a_token(source: &str, channel: &Channel) -> bool {
    let stem = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let own = channel.source.as_deref().map(stem);
    own.is_some_and(|own| !own.is_empty() && stem(source) == own)
}

/// The moment to begin at, by the device's clock: `wanted`, or the beginning of a recording that is younger.
async fn first_after(session: &Session, token: &str, wanted: UtcMicros) -> Result<UtcMicros> {
    if !session.services().has(Service::Search) {
        return Ok(wanted);
    }
    let arguments = format!("<q:RecordingToken>{}</q:RecordingToken>", escape(token));
    let answer = match session.call(Service::Search, "GetRecordingInformation", &arguments).await {
        Ok(answer) => answer,
        Err(error) if error.is_answer() => {
            session.note(format!("GetRecordingInformation: {error}"));
            return Ok(wanted);
        }
        Err(error) => return Err(error.into()),
    };
    span(&answer, wanted).ok_or_else(|| nothing("the device's recordings end before that time"))
}

/// `None` when all of a recording is older than `wanted`.
fn span(answer: &Element, wanted: UtcMicros) -> Option<UtcMicros> {
    let Some(information) = answer.child("RecordingInformation") else { return Some(wanted) };
    let at = |name: &str| information.text(name).and_then(moment);
    let growing = information.text("RecordingStatus").is_some_and(|status| status == "Recording");
    let over = at("LatestRecording").is_some_and(|latest| latest <= wanted);
    if over && !growing {
        return None;
    }
    Some(at("EarliestRecording").map_or(wanted, |earliest| earliest.max(wanted)))
}

/// `xs:dateTime`; without a zone it is UTC, as all times of ONVIF are.
fn moment(text: &str) -> Option<UtcMicros> {
    let text = text.trim();
    let at = text.parse::<Timestamp>().or_else(|_| format!("{text}Z").parse()).ok()?;
    Some(UtcMicros(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Profile;

    fn channel(number: u16, source: &str, profile: &str) -> Channel {
        let profiles = vec![Profile { token: profile.into(), ..Profile::default() }];
        Channel { number, source: Some(source.into()), profiles }
    }

    fn list(sources: &[&str]) -> Vec<Recording> {
        let items: String = sources
            .iter()
            .enumerate()
            .map(|(at, source)| {
                format!(
                    "<RecordingItem><RecordingToken>R{at}</RecordingToken><Configuration><Source><SourceId>{source}</SourceId>\
                     </Source></Configuration><Tracks><Track><Configuration><TrackType>Audio</TrackType></Configuration>\
                     </Track><Track><Configuration><TrackType>Video</TrackType></Configuration></Track></Tracks>\
                     </RecordingItem>"
                )
            })
            .collect();
        recordings(&Element::parse(format!("<R>{items}</R>").as_bytes()).unwrap())
    }

    #[test]
    fn recordings_of_channels() {
        for (sources, channel, alone, wanted) in [
            (&["vs1", "vs2"][..], channel(2, "vs2", "p2"), false, Some("R1")),
            (&["p2", "p1"][..], channel(1, "vs1", "p1"), false, Some("R1")),
            (&["rtsp://a", "rtsp://b"][..], channel(2, "vs2", "p2"), false, Some("R1")),
            (&["whatever"][..], channel(1, "vs1", "p1"), true, Some("R0")),
            // It is another channel's.
            (&["vs2"][..], channel(1, "vs1", "p1"), false, None),
            (&["a", "b"][..], channel(1, "vs1", "p1"), true, None),
            (&[][..], channel(1, "vs1", "p1"), true, None),
            (&["a"][..], channel(2, "vs2", "p2"), false, None),
        ] {
            let found = of_channel(list(sources), &channel, alone).map(|one| one.token);
            assert_eq!(found.as_deref(), wanted, "{sources:?}");
        }
        let sound = "<R><RecordingItem><RecordingToken>a</RecordingToken><Tracks><Track><Configuration><TrackType>Audio\
            </TrackType></Configuration></Track></Tracks></RecordingItem><RecordingItem/></R>";
        let all = recordings(&Element::parse(sound.as_bytes()).unwrap());
        assert_eq!(all.iter().map(|one| one.video).collect::<Vec<_>>(), [false]);
    }

    #[test]
    fn where_to_begin() {
        let at = |hour: i64| UtcMicros((1_782_864_000 + hour * 3600) * 1_000_000);
        let information = |inner: &str| {
            let text = format!("<R><RecordingInformation>{inner}</RecordingInformation></R>");
            Element::parse(text.as_bytes()).unwrap()
        };
        let kept = "<EarliestRecording>2026-07-01T02:00:00Z</EarliestRecording>\
            <LatestRecording>2026-07-01T05:00:00.000</LatestRecording>";
        let over = information(&format!("{kept}<RecordingStatus>Stopped</RecordingStatus>"));
        assert_eq!(span(&over, at(1)), Some(at(2)));
        assert_eq!(span(&over, at(3)), Some(at(3)));
        assert_eq!(span(&over, at(5)), None);
        // Some tell the end of what they have written to the disk.
        let growing = information(&format!("{kept}<RecordingStatus>Recording</RecordingStatus>"));
        assert_eq!(span(&growing, at(6)), Some(at(6)));
        assert_eq!(span(&information("<LatestRecording>soon</LatestRecording>"), at(3)), Some(at(3)));
        assert_eq!(span(&Element::new("R", ""), at(3)), Some(at(3)));
    }
}
