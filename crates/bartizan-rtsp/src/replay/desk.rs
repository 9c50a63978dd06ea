//! The RTSP server that retina meets instead of the device: bytes of requests in, bytes of answers out.

use bartizan_base::random_token;
use rtsp_types::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, headers};

use super::description::TRACK;
use crate::control::interleaved;

/// What is offered.
const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN";

/// What an answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next request.
    Wait,
    /// Pictures, from now on.
    Play,
    /// The end of the session.
    End,
}

/// Answers the requests of one client.
pub(super) struct Desk {
    /// First part of the path, which nobody can guess.
    token: String,
    /// URL of the whole, with a slash at its end.
    base: String,
    sdp: Vec<u8>,
    session: String,
    /// Where the client wants RTP; RTCP is one above.
    channels: Option<(u8, u8)>,
}

impl Desk {
    /// Gives `sdp` out at a port of this machine.
    pub(super) fn new(port: u16, sdp: Vec<u8>) -> Self {
        let token = random_token();
        let base = format!("rtsp://127.0.0.1:{port}/{token}/");
        Self { token, base, sdp, session: random_token(), channels: None }
    }

    /// The path that is asked for.
    pub(super) fn path(&self) -> String {
        format!("/{}", self.token)
    }

    /// Only who was told the path can ask so.
    pub(super) fn is_meant_by(&self, request: &Request<Vec<u8>>) -> bool {
        let asked = request.request_uri().and_then(|url| url.path_segments()?.next());
        asked == Some(self.token.as_str())
    }

    /// The channels of RTP and RTCP.
    pub(super) fn channels(&self) -> (u8, u8) {
        self.channels.unwrap_or((0, 1))
    }

    /// The answer to a request, as bytes.
    pub(super) fn answer(&mut self, request: &Request<Vec<u8>>) -> (Vec<u8>, Next) {
        if !self.is_meant_by(request) {
            return (said(request, StatusCode::NotFound, &[], Vec::new()), Next::Wait);
        }
        let session = (headers::SESSION, self.session.as_str());
        let ok = |with: &[(HeaderName, &str)], body| said(request, StatusCode::Ok, with, body);
        let refused = |status| (said(request, status, &[], Vec::new()), Next::Wait);
        match request.method() {
            Method::Options => (ok(&[(headers::PUBLIC, METHODS)], Vec::new()), Next::Wait),
            Method::Describe => {
                let with =
                    [(headers::CONTENT_TYPE, "application/sdp"), (headers::CONTENT_BASE, self.base.as_str())];
                (ok(&with, self.sdp.clone()), Next::Wait)
            }
            Method::Setup => {
                let is_the_track = request
                    .request_uri()
                    .and_then(|url| url.path_segments()?.next_back())
                    .is_some_and(|last| last == TRACK);
                if !is_the_track {
                    return refused(StatusCode::NotFound);
                }
                let asked = request.header(&headers::TRANSPORT).map_or("", HeaderValue::as_str);
                let Some((rtp, rtcp)) = interleaved(asked) else {
                    return refused(StatusCode::UnsupportedTransport);
                };
                self.channels = Some((rtp, rtcp));
                let transport = format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}");
                (ok(&[session, (headers::TRANSPORT, &transport)], Vec::new()), Next::Wait)
            }
            Method::Play if self.channels.is_none() => refused(StatusCode::MethodNotValidInThisState),
            Method::Play => (ok(&[session], Vec::new()), Next::Play),
            Method::GetParameter => (ok(&[session], Vec::new()), Next::Wait),
            Method::Teardown => (ok(&[], Vec::new()), Next::End),
            _ => refused(StatusCode::NotImplemented),
        }
    }
}

fn said(
    request: &Request<Vec<u8>>,
    status: StatusCode,
    with: &[(HeaderName, &str)],
    body: Vec<u8>,
) -> Vec<u8> {
    let mut answer = Response::builder(Version::V1_0, status);
    if let Some(number) = request.header(&headers::CSEQ) {
        answer = answer.header(headers::CSEQ, number.as_str());
    }
    for (name, value) in with {
        answer = answer.header(name.clone(), *value);
    }
    let mut bytes = Vec::new();
    answer.build(body).write(&mut bytes).expect("writing to memory");
    bytes
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn asked(desk: &mut Desk, method: Method, path: &str, transport: Option<&str>) -> (String, Next) {
        let url = Url::parse(&format!("rtsp://127.0.0.1:1{path}")).unwrap();
        let mut request = Request::builder(method, Version::V1_0).request_uri(url).header(headers::CSEQ, "7");
        if let Some(transport) = transport {
            request = request.header(headers::TRANSPORT, transport);
        }
        let (bytes, next) = desk.answer(&request.build(Vec::new()));
        (String::from_utf8(bytes).unwrap(), next)
    }

    #[test]
    fn a_session_from_first_to_last() {
        let mut desk = Desk::new(1, b"v=0\r\n".to_vec());
        let path = desk.path();
        let track = format!("{path}/{TRACK}");
        let (text, next) = asked(&mut desk, Method::Describe, &path, None);
        assert!(text.starts_with("RTSP/1.0 200 ") && text.ends_with("\r\n\r\nv=0\r\n"), "{text}");
        for line in ["CSeq: 7", "Content-Length: 5", &format!("Content-Base: rtsp://127.0.0.1:1{path}/")] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert_eq!(next, Next::Wait);
        assert!(asked(&mut desk, Method::Play, &path, None).0.starts_with("RTSP/1.0 455 "));
        let udp = Some("RTP/AVP;unicast;client_port=4-5");
        assert!(asked(&mut desk, Method::Setup, &track, udp).0.starts_with("RTSP/1.0 461 "));
        let tcp = Some("RTP/AVP/TCP;unicast;interleaved=4-5");
        assert!(asked(&mut desk, Method::Setup, &path, tcp).0.starts_with("RTSP/1.0 404 "));
        assert!(asked(&mut desk, Method::Setup, &track, tcp).0.contains("interleaved=4-5\r\n"));
        assert_eq!(desk.channels(), (4, 5));
        assert_eq!(asked(&mut desk, Method::Play, &format!("{path}/"), None).1, Next::Play);
        assert!(asked(&mut desk, Method::Options, &path, None).0.contains("GET_PARAMETER"));
        assert!(asked(&mut desk, Method::GetParameter, &path, None).0.starts_with("RTSP/1.0 200 "));
        assert!(asked(&mut desk, Method::Pause, &path, None).0.starts_with("RTSP/1.0 501 "));
        assert_eq!(asked(&mut desk, Method::Teardown, &path, None).1, Next::End);
    }

    #[test]
    fn who_was_not_told_the_path_learns_nothing() {
        let mut desk = Desk::new(1, b"v=0\r\n".to_vec());
        for path in ["/", "", "/video", &format!("/x{}", desk.path()), &format!("{}x", desk.path())] {
            let (text, next) = asked(&mut desk, Method::Describe, path, None);
            assert!(text.starts_with("RTSP/1.0 404 ") && !text.contains("v=0"), "{path}: {text}");
            assert_eq!(next, Next::Wait);
            assert_eq!(asked(&mut desk, Method::Teardown, path, None).1, Next::Wait);
        }
    }
}
