//! What a description offers to who wants to talk.

use bartizan_base::{Code, Error, Result};
use bartizan_device::{TALK_RATE_HZ, TalkCoding};
use sdp_types::{Media, Session};
use url::Url;

use crate::control::joined;

/// The track that the camera receives.
#[derive(Debug, PartialEq)]
pub(super) struct Offer {
    /// Request URL of the whole.
    pub(super) presentation: Url,
    /// Request URL of the track.
    pub(super) track: Url,
    pub(super) payload_type: u8,
    pub(super) coding: TalkCoding,
}

impl Offer {
    /// Reads an SDP. Directions in it are the client's: what we send is `sendonly` (ONVIF Streaming §5.3.1).
    pub(super) fn read(sdp: &[u8], base: &str) -> Result<Self> {
        let session = Session::parse(sdp)
            .map_err(|error| Error::new(Code::Protocol, format!("stream description: {error}")))?;
        let mut tracks = session
            .medias
            .iter()
            .filter(|media| media.media == "audio" && media.has_attribute("sendonly"))
            .peekable();
        if tracks.peek().is_none() {
            return Err(Error::new(Code::NotOffered, "the stream has no backchannel"));
        }
        let mut refused = Vec::new();
        for media in tracks {
            match coding(media) {
                Ok((payload_type, coding)) => {
                    let track = media.get_first_attribute_value("control").ok().flatten();
                    let presentation = session.get_first_attribute_value("control").ok().flatten();
                    return Ok(Self {
                        presentation: joined(base, presentation.unwrap_or("*"))?,
                        track: joined(base, track.unwrap_or("*"))?,
                        payload_type,
                        coding,
                    });
                }
                Err(names) => refused.push(names),
            }
        }
        Err(Error::new(Code::UnsupportedCodec, format!("the camera listens to {}", refused.join(", "))))
    }
}

/// The first payload type that is G.711 at 8 kHz; else what there is.
fn coding(media: &Media) -> Result<(u8, TalkCoding), String> {
    let maps: Vec<&str> = media.get_attribute_values("rtpmap").into_iter().flatten().flatten().collect();
    let mut names = Vec::new();
    for format in media.fmt.split_ascii_whitespace() {
        let map = maps.iter().find_map(|map| map.strip_prefix(format)?.strip_prefix(' ')).map(str::trim);
        // Types 0 and 8 are what they are without a word (RFC 3551 §6).
        let map = map.unwrap_or(match format {
            "0" => "PCMU/8000",
            "8" => "PCMA/8000",
            other => other,
        });
        let mut parts = map.split('/');
        let name = parts.next().unwrap_or_default();
        let rate = parts.next().and_then(|rate| rate.parse::<u32>().ok()).unwrap_or(TALK_RATE_HZ);
        let mono = parts.next().is_none_or(|channels| channels == "1");
        let known = match name.to_ascii_uppercase().as_str() {
            "PCMU" => Some(TalkCoding::Pcmu),
            "PCMA" => Some(TalkCoding::Pcma),
            _ => None,
        };
        match (known, format.parse::<u8>()) {
            (Some(coding), Ok(payload_type)) if rate == TALK_RATE_HZ && mono && payload_type < 128 => {
                return Ok((payload_type, coding));
            }
            _ => names.push(map.to_owned()),
        }
    }
    Err(names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n\
        m=audio 0 RTP/AVP 0\r\na=recvonly\r\na=control:trackID=1\r\n";

    fn read(tracks: &str) -> Result<Offer> {
        Offer::read(format!("{HEAD}{tracks}").as_bytes(), "rtsp://h/cam?channel=1/")
    }

    #[test]
    fn the_track_that_the_camera_receives() {
        let offer = read(
            "m=audio 0 RTP/AVP 97 8\r\na=rtpmap:97 G726-32/8000\r\na=sendonly\r\na=control:trackID=5\r\n",
        );
        let offer = offer.unwrap();
        assert_eq!((offer.payload_type, offer.coding), (8, TalkCoding::Pcma));
        assert_eq!(offer.track.as_str(), "rtsp://h/cam?channel=1/trackID=5");
        assert_eq!(offer.presentation.as_str(), "rtsp://h/cam?channel=1/");
        let named =
            "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 pcmu/8000/1\r\na=sendonly\r\na=control:rtsp://other/t\r\n";
        let named = read(named).unwrap();
        assert_eq!((named.payload_type, named.coding), (98, TalkCoding::Pcmu));
        assert_eq!(named.track.as_str(), "rtsp://other/t");
    }

    #[test]
    fn nothing_to_talk_into() {
        let code = |tracks: &str| read(tracks).unwrap_err().code();
        assert_eq!(code(""), Code::NotOffered);
        assert_eq!(code("m=video 0 RTP/AVP 96\r\na=sendonly\r\n"), Code::NotOffered);
        let wide = "m=audio 0 RTP/AVP 98 99\r\na=rtpmap:98 PCMU/16000\r\na=rtpmap:99 MPEG4-GENERIC/8000/1\r\na=sendonly\r\n";
        let error = read(wide).unwrap_err();
        assert_eq!(error.code(), Code::UnsupportedCodec);
        assert!(error.detail().contains("PCMU/16000, MPEG4-GENERIC/8000/1"), "{}", error.detail());
        assert_eq!(Offer::read(b"\xff\xfe", "rtsp://h/").unwrap_err().code(), Code::Protocol);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(tracks in "(m=audio 0 RTP/AVP [0-9a ]{0,9}\r\n|a=[a-z:0-9/ *.]{0,20}\r\n|a=sendonly\r\n){0,8}", base in ".{0,20}") {
            let _ = Offer::read(format!("{HEAD}{tracks}").as_bytes(), &base);
        }
    }
}
