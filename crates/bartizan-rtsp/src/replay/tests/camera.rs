//! A camera with a recording, of a few lines, that misbehaves as it is told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bartizan_base::{OwnedTask, Secret};
use bartizan_device::{Credentials, RtspAddress, StreamSource, Transport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

/// Longer than anything takes that is going to happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const PASSWORD: &str = "sesame-7";

/// Of a real camera.
const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x03, 0xc5, 0x68, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
    0x03, 0xc5, 0x8b, 0x92,
];
const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];
pub(super) const TICKS: u32 = 3600;
/// 2026-11-20 10:00:00 UTC, by the camera's clock.
pub(super) const RECORDED_AT: i64 = 1_795_168_800;

/// RTCP BYE on the second channel.
const BYE: &[u8] = b"$\x09\0\x08\x81\xcb\0\x01\x01\x02\x03\x04";
/// Pictures of a flood: much more than what sockets hold.
pub(super) const FLOOD: u32 = 2000;

/// What the camera does after its answer to PLAY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Then {
    /// Sends pictures until it is hung up.
    #[default]
    Plays,
    /// Sends so many and says goodbye by RTCP.
    Ends(u32),
    /// Sends so many and closes the connection.
    HangsUp(u32),
    /// Sends so many, then bytes that are neither RTSP nor RTP.
    Babbles(u32),
    /// Sends so many, then half a packet, and closes the connection.
    Breaks(u32),
    /// Sends [`FLOOD`] large pictures as fast as they are taken, and says goodbye.
    Floods,
    /// Sends so many and no more.
    Pauses(u32),
    /// Nothing.
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) setup: u16,
    pub(super) play: u16,
    pub(super) describe: u16,
    pub(super) silent_at: Option<&'static str>,
    pub(super) wants_login: bool,
    /// A keep-alive finds that the login has run out.
    pub(super) forgets_login: bool,
    pub(super) has_extension: bool,
    pub(super) sdp: &'static str,
    pub(super) early: bool,
    pub(super) then: Then,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            setup: 200,
            play: 200,
            describe: 200,
            silent_at: None,
            wants_login: false,
            forgets_login: false,
            has_extension: true,
            sdp: "m=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n\
                m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n",
            early: false,
            then: Then::Plays,
        }
    }
}

pub(super) struct Camera {
    port: u16,
    /// Heads of the requests, each one text.
    asked: watch::Receiver<Vec<String>>,
    sent: Arc<AtomicU32>,
    _task: OwnedTask,
}

impl Camera {
    pub(super) async fn start(ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = watch::channel(Vec::new());
        let sent = Arc::new(AtomicU32::new(0));
        let count = sent.clone();
        let task = OwnedTask::spawn(async move {
            let mut talks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.push(OwnedTask::spawn(serve(stream, ways.clone(), tell.clone(), count.clone())));
            }
        });
        Self { port, asked, sent, _task: task }
    }

    pub(super) fn source(&self, login: bool) -> StreamSource {
        let credentials =
            login.then(|| Credentials { user: "admin".into(), password: Secret::new(PASSWORD) });
        let address =
            RtspAddress { host: "127.0.0.1".into(), port: self.port, path: "/replay?token=1".into() };
        StreamSource { address, credentials, transport: Transport::Auto }
    }

    /// Pictures whose last byte has left.
    pub(super) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// The requests of a method.
    pub(super) fn of(&self, method: &str) -> Vec<String> {
        self.asked().into_iter().filter(|head| head.starts_with(method)).collect()
    }

    /// Waits for a request of that method.
    pub(super) async fn hears(&self, method: &str) {
        self.hears_where(|head| head.starts_with(method)).await;
    }

    /// Waits for such a request.
    pub(super) async fn hears_where(&self, is_it: impl Fn(&str) -> bool) {
        let mut asked = self.asked.clone();
        let heard = asked.wait_for(|heads| heads.iter().any(|head| is_it(head)));
        let heard = timeout(PATIENCE, heard).await.map(|heads| heads.is_ok());
        assert_eq!(heard, Ok(true), "only {:?}", self.asked());
    }
}

async fn serve(mut stream: TcpStream, ways: Ways, tell: watch::Sender<Vec<String>>, count: Arc<AtomicU32>) {
    let mut bytes = Vec::new();
    let (mut sent, mut playing) = (0, false);
    loop {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..end + 4);
            let answer = answer(&head, &ways);
            let method = head.split(' ').next().unwrap_or_default().to_owned();
            if playing && method == "PLAY" {
                return;
            }
            playing |= method == "PLAY" && answer.starts_with("RTSP/1.0 200 ");
            if ways.early && playing && sent == 0 {
                let _ = stream.write_all(&picture(0, ways.has_extension, 1000)).await;
                sent = 1;
            }
            tell.send_modify(|heads| heads.push(head));
            if ways.silent_at == Some(&*method) {
                continue;
            }
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        let (limit, end): (u32, &[u8]) = match ways.then {
            _ if !playing => (0, b""),
            Then::Plays => (u32::MAX, b""),
            Then::Floods => (FLOOD, BYE),
            Then::Nothing => (0, b""),
            Then::Pauses(count) => (count, b""),
            Then::HangsUp(count) => (count, b""),
            Then::Ends(count) => (count, BYE),
            Then::Babbles(count) => (count, b"\x01\x02 what is this?\r\n\r\n"),
            Then::Breaks(count) => (count, b"$\x08\x10\0half"),
        };
        let size = if ways.then == Then::Floods { 50_000 } else { 1000 };
        let pause = Duration::from_millis(u64::from(ways.then != Then::Floods));
        if sent < limit {
            tokio::select! {
                biased;
                read = stream.readable() => read.unwrap(),
                () = tokio::time::sleep(pause) => {
                    // A report that is torn, a packet of another track, and a report of another time.
                    let noise = b"$\x09\0\x02\x80\xc8$\x02\0\x02\x80\x60\
                        $\x09\0\x1c\x80\xc8\0\x06\x01\x02\x03\x04\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
                    if stream.write_all(&[noise, &picture(sent, ways.has_extension, size)[..]].concat()).await.is_err() {
                        return;
                    }
                    sent += 1;
                    count.store(sent, Ordering::Relaxed);
                    continue;
                }
            }
        } else if playing && !end.is_empty() {
            let _ = stream.write_all(end).await;
            if matches!(ways.then, Then::Breaks(_)) {
                return;
            }
            playing = false;
        } else if playing && matches!(ways.then, Then::HangsUp(_)) {
            return;
        }
        match stream.read_buf(&mut bytes).await {
            Ok(1..) => {}
            _ => return,
        }
    }
}

fn answer(head: &str, ways: &Ways) -> String {
    let line = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").to_owned();
    let number = line("CSeq: ");
    let say = |status: u16, with: &str| format!("RTSP/1.0 {status} Said\r\nCSeq: {number}\r\n{with}\r\n");
    let is_let_in =
        line("Authorization: ").contains("response=") && line("Authorization: ").contains("admin");
    if ways.wants_login && !is_let_in {
        return say(401, "WWW-Authenticate: Digest realm=\"cam\", nonce=\"12\"\r\n");
    }
    if ways.forgets_login && head.starts_with("GET_PARAMETER") && !head.contains("nonce=\"13\"") {
        return say(401, "WWW-Authenticate: Digest realm=\"cam\", nonce=\"13\"\r\n");
    }
    match head.split(' ').next().unwrap_or_default() {
        "DESCRIBE" if ways.describe == 200 => {
            let body = format!(
                "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=Recording\r\ni=Gate\r\nt=0 0\r\na=tool:Testcam 1\r\n{}",
                ways.sdp
            );
            let with = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", body.len());
            say(200, &with) + &body
        }
        "DESCRIBE" => say(ways.describe, ""),
        "SETUP" => {
            say(ways.setup, "Session: 42;timeout=8\r\nTransport: RTP/AVP/TCP;unicast;interleaved=8-9\r\n")
        }
        "PLAY" => say(ways.play, "Session: 42\r\nRange: clock=20261120T100000Z-\r\n"),
        _ => say(200, "Session: 42\r\n"),
    }
}

/// A key picture with its parameter sets, in interleaved RTP.
fn picture(number: u32, has_extension: bool, size: usize) -> Vec<u8> {
    let mut slice = vec![0x65, 0x88, 0x84, 0x00];
    slice.extend(std::iter::repeat_n(0x5a, size));
    let mut out = Vec::new();
    for (at, unit) in [SPS, PPS, &slice].into_iter().enumerate() {
        let mut packet = vec![if has_extension { 0x90 } else { 0x80 }, if at == 2 { 0xe0 } else { 0x60 }];
        let sequence = number.wrapping_mul(3).wrapping_add(u32::try_from(at).unwrap()) as u16;
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&number.wrapping_mul(TICKS).to_be_bytes());
        packet.extend_from_slice(&[1, 2, 3, 4]);
        if has_extension {
            packet.extend_from_slice(&[0xAB, 0xAC, 0, 3]);
            let seconds = u32::try_from(RECORDED_AT + 2_208_988_800).unwrap() + number;
            packet.extend_from_slice(&seconds.to_be_bytes());
            packet.extend_from_slice(&[0x80, 0, 0, 0, 0x80, 1, 0, 0]);
        }
        packet.extend_from_slice(unit);
        out.extend_from_slice(&[b'$', 8]);
        out.extend_from_slice(&u16::try_from(packet.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&packet);
    }
    out
}
