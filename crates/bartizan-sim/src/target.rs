//! What a request URI and a `Transport` header mean.

use bartizan_base::StreamProfile;

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
}

/// Reads a request URI in one of the three spellings, on whatever host it names. Unknown is `None`.
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
    (1..=channels).contains(&channel).then_some(Target { channel, profile, track })
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
