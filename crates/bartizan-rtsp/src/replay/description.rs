//! What a device says of a recording, and what of it is said on.

use bartizan_base::{Code, Error, Result};
use sdp_types::{Attribute, Media, Session};
use url::Url;

use crate::control::joined;

/// Control attribute of the one track that is said on.
pub(super) const TRACK: &str = "video";

/// The pictures of a recording.
#[derive(Debug)]
pub(super) struct Description {
    /// Request URL of the whole.
    pub(super) presentation: Url,
    /// Request URL of the pictures.
    pub(super) track: Url,
    /// The SDP of the pictures alone.
    pub(super) sdp: Vec<u8>,
    /// What the device calls itself.
    pub(super) server: Option<String>,
}

impl Description {
    pub(super) fn read(sdp: &[u8], base: &str) -> Result<Self> {
        // Titles come in any coding; what matters is ASCII.
        let text = String::from_utf8_lossy(sdp);
        let mut session = Session::parse(text.as_bytes())
            .map_err(|error| Error::new(Code::Protocol, format!("stream description: {error}")))?;
        let control =
            |attributes: &[Attribute]| value(attributes, "control").unwrap_or_else(|| "*".to_owned());
        let presentation = joined(base, &control(&session.attributes))?;
        let mut media = video(std::mem::take(&mut session.medias))?;
        let track = joined(base, &control(&media.attributes))?;
        let server = value(&session.attributes, "tool");

        // By this name retina knows servers whose faults this session must not be blamed for.
        session.attributes.retain(|line| !matches!(line.attribute.as_str(), "control" | "tool" | "range"));
        session.attributes.push(named("control", "*"));
        media.attributes.retain(|line| line.attribute != "control");
        media.attributes.push(named("control", TRACK));
        session.medias = vec![media];
        let mut sdp = Vec::new();
        session.write(&mut sdp).map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        Ok(Self { presentation, track, sdp, server })
    }
}

/// The first track of a coding that is known here, else the first of pictures, so that its coding can be named.
fn video(medias: Vec<Media>) -> Result<Media> {
    let is_known = |media: &Media| {
        media.attributes.iter().filter(|line| line.attribute == "rtpmap").any(|line| {
            let map = line.value.as_deref().unwrap_or_default().to_ascii_uppercase();
            map.contains(" H264/") || map.contains(" H265/")
        })
    };
    let mut videos: Vec<Media> = medias.into_iter().filter(|media| media.media == "video").collect();
    if videos.is_empty() {
        return Err(Error::new(Code::NoVideo, "the stream description has no video track"));
    }
    let at = videos.iter().position(is_known).unwrap_or(0);
    Ok(videos.swap_remove(at))
}

fn value(attributes: &[Attribute], name: &str) -> Option<String> {
    attributes.iter().find(|line| line.attribute == name)?.value.clone()
}

fn named(name: &str, value: &str) -> Attribute {
    Attribute { attribute: name.to_owned(), value: Some(value.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=Recording\r\ni=Gate\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
        a=tool:LIVE555 Streaming Media v2014.01.13\r\na=range:clock=20261120T100000Z-\r\na=control:*\r\n";
    const SOUND: &str = "m=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n";
    const JPEG: &str = "m=video 0 RTP/AVP 26\r\na=control:trackID=5\r\n";
    const VIDEO: &str = "m=video 0 RTP/AVP 96\r\nb=AS:5000\r\na=rtpmap:96 h264/90000\r\n\
        a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHg==,aM4=\r\na=framerate:25.0\r\n\
        a=control:trackID=1\r\n";

    fn read(tracks: &str, base: &str) -> Result<Description> {
        Description::read(format!("{HEAD}{tracks}").as_bytes(), base)
    }

    #[test]
    fn the_pictures_are_said_on_alone() {
        let read = read(&format!("{SOUND}{JPEG}{VIDEO}{SOUND}"), "rtsp://h/replay?token=1/").unwrap();
        assert_eq!(read.presentation.as_str(), "rtsp://h/replay?token=1/");
        assert_eq!(read.track.as_str(), "rtsp://h/replay?token=1/trackID=1");
        assert_eq!(read.server.as_deref(), Some("LIVE555 Streaming Media v2014.01.13"));
        let said = String::from_utf8(read.sdp).unwrap();
        for kept in [
            "i=Gate",
            "m=video 0 RTP/AVP 96",
            "a=rtpmap:96 h264/90000",
            "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHg==,aM4=",
            "a=framerate:25.0",
            "a=control:*",
            "a=control:video",
        ] {
            assert!(said.lines().any(|line| line == kept), "{kept} in {said}");
        }
        for gone in ["audio", "trackID", "tool", "range", "RTP/AVP 26"] {
            assert!(!said.contains(gone), "{gone} in {said}");
        }
        assert_eq!(said.matches("m=").count(), 1);
    }

    #[test]
    fn urls_of_their_own_and_none_at_all() {
        let whole = "m=video 0 RTP/AVP 26\r\na=control:rtsp://other/t\r\n";
        assert_eq!(read(whole, "rtsp://h/a").unwrap().track.as_str(), "rtsp://other/t");
        let bare = Description::read(
            b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=\xb3\xb5\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n",
            "rtsp://h/a",
        );
        let bare = bare.unwrap();
        assert_eq!((bare.track.as_str(), bare.presentation.as_str()), ("rtsp://h/a", "rtsp://h/a"));
    }

    #[test]
    fn nothing_to_see() {
        let code = |tracks: &str| read(tracks, "rtsp://h/a").unwrap_err().code();
        assert_eq!(code(""), Code::NoVideo);
        assert_eq!(code(SOUND), Code::NoVideo);
        assert_eq!(Description::read(b"", "rtsp://h/").unwrap_err().code(), Code::Protocol);
        assert_eq!(read(VIDEO, "no URL").unwrap_err().code(), Code::Protocol);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(tracks in "(m=video 0 RTP/AVP [0-9a ]{0,9}\r\n|a=[a-z:0-9/ *.]{0,20}\r\n|a=rtpmap\r\n){0,8}", base in ".{0,20}") {
            let _ = read(&tracks, &base);
        }
    }
}
