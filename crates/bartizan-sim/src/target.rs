//! What a request URI and a `Transport` header mean.

use bartizan_base::{StreamProfile, UtcMicros};
use jiff::civil;

use crate::unit::recordings::{ClockFace, civil_of};

/// Track numbers of the SDP's `a=control`.
pub(crate) const VIDEO_TRACK: u8 = 0;
pub(crate) const AUDIO_TRACK: u8 = 1;
/// What the client sends.
pub(crate) const TALK_TRACK: u8 = 2;

/// A stream, or one track of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub channel: u16,
    pub profile: StreamProfile,
    pub track: Option<u8>,
    /// Of what was recorded, rather than live.
    pub playback: Option<Playback>,
}

/// What of a recording a URI names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Playback {
    /// The family's clock, which its other times are of too.
    pub face: ClockFace,
    pub start: Option<civil::DateTime>,
    pub end: Option<civil::DateTime>,
}

impl Playback {
    /// ONVIF's: the moment is asked for by PLAY.
    pub fn is_onvif(self) -> bool {
        self.face == ClockFace::Utc
    }
}

/// Reads a request URI in one of the spellings of live streams and of recordings, on whatever host it names. Unknown is
/// `None`.
pub(crate) fn parse_target(uri: &str, channels: u16) -> Option<Target> {
    let path = match uri.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => uri,
    };
    let (path, track) = match path.rsplit_once("trackID=") {
        Some((path, track)) => (path, Some(track.trim_end_matches('/').parse().ok()?)),
        None => (path, None),
    };
    let path = path.trim_end_matches('/');
    if let Some(found) = parse_playback(path) {
        let (channel, profile, playback) = found?;
        let playback = Some(playback);
        return (1..=channels).contains(&channel).then_some(Target { channel, profile, track, playback });
    }
    let (channel, profile) = if let Some(query) = path.strip_prefix("/cam/realmonitor?") {
        let get = |name: &str| {
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)
        };
        let profile = match get("subtype").map_or("0", |(_, value)| value) {
            "0" => StreamProfile::Main,
            "1" => StreamProfile::Sub,
            _ => return None,
        };
        (get("channel")?.1.parse().ok()?, profile)
    } else {
        let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
        if let Some(number) = path.strip_prefix("/Streaming/Channels/") {
            let number: u16 = number.parse().ok()?;
            let profile = match number % 100 {
                1 => StreamProfile::Main,
                2 => StreamProfile::Sub,
                _ => return None,
            };
            (number / 100, profile)
        } else {
            let (channel, profile) = path.strip_prefix("/ch")?.split_once('/')?;
            let profile = match profile {
                "main" => StreamProfile::Main,
                "sub" => StreamProfile::Sub,
                _ => return None,
            };
            (channel.parse().ok()?, profile)
        }
    };
    (1..=channels).contains(&channel).then_some(Target { channel, profile, track, playback: None })
}

type Recorded = (u16, StreamProfile, Playback);

/// Reads a URI of a recording; the outer `None` is a URI of something else.
fn parse_playback(path: &str) -> Option<Option<Recorded>> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_end_matches('/');
    let after = |prefix: &str| {
        let head = path.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &path[prefix.len()..])
    };
    let get = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
    };
    let stream = |number: &str, first: u16| match number.parse::<u16>().ok()?.checked_sub(first)? {
        0 => Some(StreamProfile::Main),
        1 => Some(StreamProfile::Sub),
        _ => None,
    };
    // A moment that is not to be understood is worse than none.
    let times = |face| {
        let time = |name: &str| match get(name) {
            Some(text) => civil_of(&text).map(Some),
            None => Some(None),
        };
        Some(Playback { face, start: time("starttime")?, end: time("endtime")? })
    };
    if let Some(number) = after("/Streaming/tracks/") {
        let (channel, stream_number) = number.split_at_checked(number.len().saturating_sub(2))?;
        return Some(
            (|| Some((channel.parse().ok()?, stream(stream_number, 1)?, times(ClockFace::Isapi)?)))(),
        );
    }
    if after("/cam/playback") == Some("") {
        return Some((|| {
            let subtype = get("subtype").unwrap_or_else(|| "0".into());
            Some((get("channel")?.parse().ok()?, stream(&subtype, 0)?, times(ClockFace::Local)?))
        })());
    }
    let number = after("/replay/rec")?;
    let playback = Playback { face: ClockFace::Utc, start: None, end: None };
    Some(number.parse().ok().map(|channel| (channel, StreamProfile::Main, playback)))
}

/// What the `Range` of a PLAY asks for (RFC 2326 §12.29).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Range {
    /// From and up to moments of a clock, with microseconds.
    Clock { from: (civil::DateTime, i64), to: Option<(civil::DateTime, i64)> },
    /// Seconds from the beginning; `now` is none.
    Npt(Option<f64>),
}

/// Reads a `Range`; `None`: it is of no kind that is known, or wrong.
pub(crate) fn parse_range(header: &str) -> Option<Range> {
    let (unit, value) = header.split(';').next()?.split_once('=')?;
    let (from, to) = value.trim().split_once('-')?;
    let clock = |text: &str| {
        let fraction = text.split_once('.').map_or("", |(_, rest)| rest.trim_end_matches(['Z', 'z']));
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        Some((civil_of(text)?, digits.parse().ok()?))
    };
    match unit.trim() {
        unit if unit.eq_ignore_ascii_case("clock") => Some(Range::Clock {
            from: clock(from.trim())?,
            to: match to.trim() {
                "" => None,
                to => Some(clock(to)?),
            },
        }),
        unit if unit.eq_ignore_ascii_case("npt") => {
            Some(Range::Npt(from.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite())))
        }
        _ => None,
    }
}

/// A moment as `Range` says it (RFC 2326 §3.7).
pub(crate) fn clock_text(at: UtcMicros) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let civil = jiff::tz::Offset::UTC.to_datetime(at);
    format!("{}.{:03}Z", civil.strftime("%Y%m%dT%H%M%S"), civil.subsec_nanosecond() / 1_000_000)
}

/// How a client wants to receive one track (RFC 2326 §12.39).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// On the RTSP connection; the channel pair, if the client chose one.
    Interleaved(Option<(u8, u8)>),
    /// Unicast UDP to the client's ports of RTP and RTCP.
    Udp(u16, u16),
}

/// Picks the first transport of the list that can be served, skipping TCP when `allow_tcp` is false.
pub(crate) fn parse_transport(header: &str, allow_tcp: bool) -> Option<Transport> {
    header.split(',').find_map(|spec| {
        let mut parts = spec.trim().split(';').map(str::trim);
        let protocol = parts.next()?;
        let (mut interleaved, mut client_port, mut multicast) = (None, None, false);
        for part in parts {
            match part.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("interleaved") => {
                    interleaved = Some(pair::<u8>(value)?);
                }
                Some((name, value)) if name.eq_ignore_ascii_case("client_port") => {
                    client_port = Some(pair::<u16>(value)?);
                }
                _ => multicast |= part.eq_ignore_ascii_case("multicast"),
            }
        }
        if protocol.eq_ignore_ascii_case("RTP/AVP/TCP") {
            allow_tcp.then_some(Transport::Interleaved(interleaved))
        } else if protocol.eq_ignore_ascii_case("RTP/AVP") || protocol.eq_ignore_ascii_case("RTP/AVP/UDP") {
            let (rtp, rtcp) = client_port.filter(|_| !multicast)?;
            (rtp != 0).then_some(Transport::Udp(rtp, rtcp))
        } else {
            None
        }
    })
}

/// `a-b`, or `a` alone, which means `a` and the next.
fn pair<T: std::str::FromStr + Copy + Into<u32> + TryFrom<u32>>(text: &str) -> Option<(T, T)> {
    match text.split_once('-') {
        Some((first, second)) => Some((first.trim().parse().ok()?, second.trim().parse().ok()?)),
        None => {
            let first: T = text.trim().parse().ok()?;
            Some((first, T::try_from(first.into() + 1).ok()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_of_a_stream() {
        use StreamProfile::{Main, Sub};
        for (uri, wanted) in [
            ("rtsp://h:1/ch1/main", Some((1, Main, None))),
            ("rtsp://h/ch16/sub/", Some((16, Sub, None))),
            ("rtsp://192.0.2.9:554/ch2/sub/trackID=1", Some((2, Sub, Some(1)))),
            ("rtsp://h/Streaming/Channels/302", Some((3, Sub, None))),
            ("rtsp://h/Streaming/Channels/1601/trackID=0", Some((16, Main, Some(0)))),
            ("rtsp://h/Streaming/Channels/101?transportmode=unicast", Some((1, Main, None))),
            ("rtsp://h/cam/realmonitor?channel=4&subtype=1", Some((4, Sub, None))),
            ("rtsp://h/cam/realmonitor?channel=4&subtype=1&unicast=true/trackID=1", Some((4, Sub, Some(1)))),
            ("rtsp://h/cam/realmonitor?channel=4&subtype=0&proto=Onvif/", Some((4, Main, None))),
            ("/ch1/main", Some((1, Main, None))),
            ("rtsp://h/ch17/main", None),
            ("rtsp://h/ch0/main", None),
            ("rtsp://h/ch1/third", None),
            ("rtsp://h/Streaming/Channels/103", None),
            ("rtsp://h", None),
            ("*", None),
        ] {
            let found = parse_target(uri, 16).map(|t| (t.channel, t.profile, t.track));
            assert_eq!(found, wanted, "{uri}");
        }
    }

    #[test]
    fn spellings_of_recordings() {
        use ClockFace::{Isapi, Local, Utc};
        use StreamProfile::{Main, Sub};
        let at = |hour| Some(civil::date(2026, 7, 1).at(hour, 32, 14, 0));
        let found = |face, start, end| Playback { face, start, end };
        for (uri, wanted) in [
            (
                "rtsp://h/Streaming/tracks/101?starttime=20260701T083214Z",
                Some((1, Main, None, found(Isapi, at(8), None))),
            ),
            (
                "rtsp://h:99/Streaming/tracks/1602/?starttime=20260701T083214Z&endtime=20260701t093214z&name=a&size=1/trackID=0",
                Some((16, Sub, Some(0), found(Isapi, at(8), at(9)))),
            ),
            ("rtsp://h/Streaming/tracks/201/trackID=0", Some((2, Main, Some(0), found(Isapi, None, None)))),
            (
                "rtsp://h/cam/playback?channel=4&subtype=1&starttime=2026_07_01_08_32_14&endtime=2026_07_01_09_32_14/",
                Some((4, Sub, None, found(Local, at(8), at(9)))),
            ),
            (
                "rtsp://h/cam/playback?channel=4&starttime=2026_07_01_08_32_14",
                Some((4, Main, None, found(Local, at(8), None))),
            ),
            ("rtsp://h/replay/rec3/trackID=0", Some((3, Main, Some(0), found(Utc, None, None)))),
            ("rtsp://h/replay/rec17", None),
            ("rtsp://h/replay/rec", None),
            ("rtsp://h/Streaming/tracks/103", None),
            ("rtsp://h/Streaming/tracks/1", None),
            ("rtsp://h/Streaming/tracks/", None),
            ("rtsp://h/Streaming/tracks/101?starttime=yesterday", None),
            ("rtsp://h/cam/playback?starttime=2026_07_01_08_32_14", None),
        ] {
            let read = parse_target(uri, 16);
            assert_eq!(read.map(|t| (t.channel, t.profile, t.track, t.playback.unwrap())), wanted, "{uri}");
        }
    }

    #[test]
    fn ranges() {
        let at = |hour, minute| civil::date(2026, 7, 1).at(hour, minute, 14, 0);
        let clock = |from, to| Some(Range::Clock { from, to });
        for (header, wanted) in [
            ("clock=20260701T083214Z-", clock((at(8, 32), 0), None)),
            ("clock=20260701T083214.25Z-20260701T090014Z", clock((at(8, 32), 250_000), Some((at(9, 0), 0)))),
            ("npt=0.000-", Some(Range::Npt(Some(0.0)))),
            ("npt=4004157600-4004161200", Some(Range::Npt(Some(4_004_157_600.0)))),
            ("npt=now-", Some(Range::Npt(None))),
            ("smpte=10:00:00-", None),
            ("clock=now-", None),
            ("", None),
        ] {
            assert_eq!(parse_range(header), wanted, "{header}");
        }
        assert_eq!(clock_text(UtcMicros(1_782_894_734_250_000)), "20260701T083214.250Z");
    }

    #[test]
    fn transports() {
        for (header, tcp, wanted) in [
            ("RTP/AVP/TCP;unicast;interleaved=2-3", true, Some(Transport::Interleaved(Some((2, 3))))),
            ("RTP/AVP/TCP;interleaved=4", true, Some(Transport::Interleaved(Some((4, 5))))),
            ("RTP/AVP/TCP", true, Some(Transport::Interleaved(None))),
            ("RTP/AVP/TCP;unicast;interleaved=0-1", false, None),
            ("RTP/AVP/UDP;unicast;client_port=5000-5001", true, Some(Transport::Udp(5000, 5001))),
            ("RTP/AVP;multicast, RTP/AVP;unicast;client_port=7", true, Some(Transport::Udp(7, 8))),
            ("RTP/AVP;unicast;client_port=65535", true, None),
            ("RTP/SAVP;unicast;client_port=1-2", true, None),
            ("", true, None),
        ] {
            assert_eq!(parse_transport(header, tcp), wanted, "{header}");
        }
    }
}
