//! The session description (RFC 8866; RFC 2326 appendix C; H.264 parameters by RFC 6184 §8.1).

use std::{fmt::Write as _, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    config::Format,
    sound::SoundCoding,
    target::{AUDIO_TRACK, TALK_TRACK, VIDEO_TRACK},
};

/// RTP payload type of pictures (RFC 3551 §6: dynamic).
pub(crate) const VIDEO_PAYLOAD_TYPE: u8 = 96;

/// What the description of one stream is made from.
#[derive(Clone, Copy)]
pub(crate) struct Description<'a> {
    pub server: IpAddr,
    pub name: &'a str,
    pub format: Format,
    pub sps: &'a [u8],
    pub pps: &'a [u8],
    pub video: bool,
    pub audio: Option<SoundCoding>,
    /// Tells of the backchannel, which only who asks for it is told of.
    pub talk: bool,
    /// `a=range` of the whole.
    pub range: &'a str,
}

impl Description<'_> {
    pub fn to_sdp(self) -> String {
        let mut sdp = String::new();
        let family = if self.server.is_ipv6() { "IP6" } else { "IP4" };
        let any = if self.server.is_ipv6() { "::" } else { "0.0.0.0" };
        let mut line = |text: std::fmt::Arguments| {
            sdp.write_fmt(text).and_then(|()| sdp.write_str("\r\n")).expect("a String takes any text");
        };
        line(format_args!("v=0"));
        line(format_args!("o=- 1 1 IN {family} {}", self.server));
        line(format_args!("s=Media Presentation"));
        line(format_args!("i={}", self.name));
        line(format_args!("c=IN {family} {any}"));
        line(format_args!("t=0 0"));
        line(format_args!("a=control:*"));
        line(format_args!("a=range:{}", self.range));
        if self.video {
            line(format_args!("m=video 0 RTP/AVP {VIDEO_PAYLOAD_TYPE}"));
            line(format_args!("a=rtpmap:{VIDEO_PAYLOAD_TYPE} H264/90000"));
            let level: String = self.sps.iter().skip(1).take(3).map(|byte| format!("{byte:02X}")).collect();
            line(format_args!(
                "a=fmtp:{VIDEO_PAYLOAD_TYPE} packetization-mode=1;profile-level-id={level};\
                 sprop-parameter-sets={},{}",
                STANDARD.encode(self.sps),
                STANDARD.encode(self.pps)
            ));
            line(format_args!("a=framerate:{}", self.format.fps));
            line(format_args!("a=recvonly"));
            line(format_args!("a=control:trackID={VIDEO_TRACK}"));
        }
        if let Some(coding) = self.audio {
            line(format_args!("m=audio 0 RTP/AVP {}", coding.payload_type()));
            line(format_args!("{}", coding.attributes().trim_end()));
            line(format_args!("a=recvonly"));
            line(format_args!("a=control:trackID={AUDIO_TRACK}"));
        }
        if self.talk {
            line(format_args!("m=audio 0 RTP/AVP 8 0"));
            line(format_args!("a=rtpmap:8 PCMA/8000"));
            line(format_args!("a=rtpmap:0 PCMU/8000"));
            // From the client's side (ONVIF Streaming §5.3.1).
            line(format_args!("a=sendonly"));
            line(format_args!("a=control:trackID={TALK_TRACK}"));
        }
        sdp
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_whole_description() {
        let description = Description {
            server: Ipv4Addr::LOCALHOST.into(),
            name: "Front gate",
            format: Format { width: 640, height: 360, fps: 15 },
            sps: &[0x67, 0x42, 0xc0, 0x1e, 0xda],
            pps: &[0x68, 0xce],
            video: true,
            audio: Some(SoundCoding::Pcmu),
            talk: false,
            range: "npt=0-",
        };
        let expected = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Media Presentation\r\ni=Front gate\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
            a=control:*\r\na=range:npt=0-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
            a=fmtp:96 packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHto=,aM4=\r\n\
            a=framerate:15\r\na=recvonly\r\na=control:trackID=0\r\nm=audio 0 RTP/AVP 0\r\n\
            a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=recvonly\r\na=control:trackID=1\r\n";
        assert_eq!(description.to_sdp(), expected);
        let deaf = Description { video: false, ..description }.to_sdp();
        assert!(!deaf.contains("m=video") && deaf.contains("m=audio"));
    }
}
