//! The server over a real socket, asked by a client that knows only `rtsp_types`.

#[path = "site_tests/recordings.rs"]
mod recordings;

use std::time::Duration;

use bartizan_base::StreamProfile::{Main, Sub};
use rtsp_types::{HeaderName, Message, Response, headers};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::config::Source;

const LIMIT: Duration = Duration::from_secs(20);
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Interleaved frames met so far: channel and packet.
    media: Vec<(u8, Vec<u8>)>,
}

impl Client {
    async fn of(site: &Site) -> Self {
        let stream = TcpStream::connect(site.addr()).await.unwrap();
        Self { stream, buffer: Vec::new(), media: Vec::new() }
    }

    /// The next message, or `None` at the end of the connection.
    async fn next(&mut self) -> Option<Message<Vec<u8>>> {
        loop {
            if let Ok((message, consumed)) = Message::parse(&self.buffer) {
                self.buffer.drain(..consumed);
                return Some(message);
            }
            match timeout(LIMIT, self.stream.read_buf(&mut self.buffer)).await.expect("the site answers") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn ask(&mut self, method: &str, uri: &str, more: &str) -> Response<Vec<u8>> {
        let request = format!("{method} {uri} RTSP/1.0\r\nCSeq: 7\r\n{more}\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        loop {
            match self.next().await.expect("a response") {
                Message::Response(response) => return response,
                Message::Data(data) => self.media.push((data.channel_id(), data.into_body())),
                Message::Request(_) => panic!("the site asks nothing"),
            }
        }
    }

    async fn status(&mut self, method: &str, uri: &str, more: &str) -> u16 {
        self.ask(method, uri, more).await.status().into()
    }

    /// SETUP of the video track and the session's id.
    async fn set_up(&mut self, url: &str) -> String {
        let response = self.ask("SETUP", &format!("{url}/trackID=0"), TCP).await;
        assert_eq!(u16::from(response.status()), 200);
        let session = response.header(&headers::SESSION).unwrap().as_str();
        session.split(';').next().unwrap().to_owned()
    }

    /// The next video packet.
    async fn packet(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.next().await? {
                Message::Data(data) if data.channel_id() == 0 => return Some(data.into_body()),
                _ => {}
            }
        }
    }
}

fn text(response: &Response<Vec<u8>>, name: &HeaderName) -> String {
    response.header(name).map(|value| value.as_str().to_owned()).unwrap_or_default()
}

async fn open_site(limit: usize) -> Site {
    let config = SiteConfig {
        user: String::new(),
        session_limit: limit,
        source: Source::Clip(None),
        ..SiteConfig::default()
    };
    Site::start(config).await.unwrap()
}

#[tokio::test]
async fn sessions_are_limited_and_torn_down() {
    let site = open_site(1).await;
    let (url, other) = (site.url(1, Sub), site.url(2, Sub));
    let mut client = Client::of(&site).await;
    let id = client.set_up(&url).await;
    assert_eq!(client.status("SETUP", &format!("{other}/trackID=0"), TCP).await, 453);
    assert_eq!(site.stats().open_sessions, 1);
    let session = format!("Session: {id}\r\n");
    let crossed = format!("{TCP}{session}");
    assert_eq!(client.status("SETUP", &format!("{other}/trackID=0"), &crossed).await, 459);
    let played = client.ask("PLAY", &url, &format!("{session}Range: npt=4004157600-4004161200\r\n")).await;
    assert_eq!(text(&played, &headers::RANGE), "npt=0.000-");
    let info = text(&played, &headers::RTP_INFO);
    // The announced numbers are those of the first packet, which begins with parameter sets and a key frame.
    let first = client.packet().await.unwrap();
    let (seq, time) =
        (u16::from_be_bytes([first[2], first[3]]), u32::from_be_bytes(first[4..8].try_into().unwrap()));
    assert_eq!(info, format!("url={url}/trackID=0;seq={seq};rtptime={time}"));
    assert_eq!(first[12] & 0x1f, 24);
    assert_eq!(client.status("GET_PARAMETER", &url, &session).await, 200);
    assert_eq!(client.status("PAUSE", &url, &session).await, 200);
    assert_eq!(client.status("PLAY", &url, &session).await, 200);
    assert_eq!(client.status("TEARDOWN", &url, &session).await, 200);
    assert_eq!(client.status("GET_PARAMETER", &url, &session).await, 454);
    let stats = site.stats();
    assert_eq!((stats.open_sessions, stats.plays, stats.teardowns), (0, 2, 1));
    client.set_up(&other).await;
    site.shutdown().await;
    assert!(client.next().await.is_none(), "the end of the site is the end of its connections");
}

#[tokio::test]
async fn a_silent_session_expires() {
    let site = open_site(4).await;
    let mut client = Client::of(&site).await;
    let id = client.set_up(&site.url(1, Main)).await;
    let now = Instant::now();
    site.shared.expire(now + Duration::from_secs(59));
    assert_eq!(site.stats().open_sessions, 1);
    assert_eq!(client.status("OPTIONS", "*", &format!("Session: {id}\r\n")).await, 200);
    site.shared.expire(now + Duration::from_secs(120));
    assert_eq!((site.stats().open_sessions, site.stats().expired), (0, 1));
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn requests_that_are_refused() {
    let site = open_site(4).await;
    let mut client = Client::of(&site).await;
    let url = site.url(1, Main);
    assert_eq!(client.status("DESCRIBE", &site.url(17, Main), "").await, 404);
    assert_eq!(client.status("RECORD", &url, "").await, 501);
    assert_eq!(client.status("PLAY", &url, "").await, 454);
    assert_eq!(client.status("SETUP", &url, TCP).await, 459);
    let multicast = "Transport: RTP/AVP;multicast\r\n";
    assert_eq!(client.status("SETUP", &format!("{url}/trackID=0"), multicast).await, 461);
    let refused = client.ask("DESCRIBE", &url, "Require: www.onvif.org/ver20/backchannel\r\n").await;
    assert_eq!(u16::from(refused.status()), 551);
    assert_eq!(text(&refused, &headers::UNSUPPORTED), "www.onvif.org/ver20/backchannel");
    assert_eq!(
        client.status("OPTIONS", "*", "ClientChallenge: 9e26d33f2984236010ef6253fb1887f7\r\n").await,
        200
    );
}

#[tokio::test]
async fn faults_of_requests() {
    let site = open_site(4).await;
    let url = site.url(1, Main);
    let track = format!("{url}/trackID=0");
    let mut client = Client::of(&site).await;
    for (fault, method, wanted) in [
        (Fault::AuthStorm, "DESCRIBE", 401),
        (Fault::Locked, "DESCRIBE", 403),
        (Fault::TooManySessions, "SETUP", 453),
        (Fault::RefuseTcpInterleaved, "SETUP", 461),
        (Fault::NoVideo, "SETUP", 404),
    ] {
        site.set_fault(Some(1), Some(fault));
        assert_eq!(client.status(method, &track, TCP).await, wanted, "{fault}");
        assert_eq!(client.status("DESCRIBE", &site.url(2, Main), "").await, 200, "{fault}");
        site.set_fault(Some(1), None);
    }
    site.set_fault(None, Some(Fault::WrongContentBase));
    let described = client.ask("DESCRIBE", &url, "").await;
    assert_eq!(text(&described, &headers::CONTENT_BASE), "rtsp://192.0.2.10:554/ch1/main/");
    site.set_fault(None, Some(Fault::NoVideo));
    let described = client.ask("DESCRIBE", &url, "").await;
    assert!(!String::from_utf8_lossy(described.body()).contains("m=video"));
    site.set_fault(None, Some(Fault::NotRtsp));
    client.stream.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(LIMIT, client.stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, crate::connection::HTTP_ANSWER);
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert!(
        String::from_utf8_lossy(&answer).contains(&format!("Content-Length: {}\r\n", answer.len() - body))
    );
}

#[tokio::test]
async fn faults_of_media() {
    let site = open_site(4).await;
    let url = site.url(1, Sub);
    let mut client = Client::of(&site).await;
    let id = client.set_up(&url).await;
    let field = |packet: &[u8], at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    assert_eq!(client.status("PLAY", &url, &format!("Session: {id}\r\n")).await, 200);
    let first = client.packet().await.unwrap();
    site.set_fault_after(None, Some(Fault::SsrcChange), Duration::ZERO);
    while field(&client.packet().await.unwrap(), 8) == field(&first, 8) {}
    site.set_fault_after(None, Some(Fault::TimestampJump), Duration::ZERO);
    while field(&client.packet().await.unwrap(), 4).wrapping_sub(field(&first, 4)) < 500 * 90_000 {}
    site.set_fault_after(None, Some(Fault::ResolutionChange), Duration::ZERO);
    let width = loop {
        let packet = client.packet().await.unwrap();
        // A STAP-A of SPS and PPS: the SPS follows its length.
        if packet[12] & 0x1f == 24 {
            let sps = &packet[15..15 + usize::from(u16::from_be_bytes([packet[13], packet[14]]))];
            let info = bartizan_media::read_sps(sps).unwrap();
            if info.width != 640 {
                break info.width;
            }
        }
    };
    assert_eq!(width, 512);
    site.set_fault_after(None, Some(Fault::Reset), Duration::ZERO);
    while client.packet().await.is_some() {}
    assert_eq!(site.stats().open_sessions, 0);
}
