//! The way from the device's session to retina's: interleaved packets are read, given retina's channel numbers, and
//! handed on as fast as retina takes them. Nothing is queued beyond [`ROOM`]; what does not fit waits at the device.

use std::{future::pending, time::Duration};

use bartizan_base::{Code, Error, Result};
use bytes::BytesMut;
use rtsp_types::{Data, Message, Method, Request, Response};
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Trouble,
    desk::{Desk, Next},
    packet::{Diary, Report, report},
    session::DeviceSession,
};
use crate::control::Inbox;

/// Bytes that wait for retina; one more packet of at most 64 KiB may come on top.
const ROOM: usize = 128 << 10;
/// Who connects and is retina asks at once.
const FIRST_REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// A device that takes no keep-alive for this long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(2);
/// A device that is not heard over so many keep-alives is gone.
const MOST_UNHEARD: u32 = 2;
/// The last bytes for retina, which has said that it leaves.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// Retina's end.
struct Local {
    inbox: Inbox,
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    desk: Desk,
    /// What it has still to take.
    out: BytesMut,
    diary: Diary,
}

/// Serves the one client that knows the path, and brings it the pictures of the device that is handed over before
/// it asks for them. Ends with either side.
pub(super) async fn serve(
    listener: TcpListener,
    desk: Desk,
    device: oneshot::Receiver<DeviceSession>,
    trouble: Trouble,
) {
    // A client that leaves early is the opener that gave up: it knows why.
    let Ok(mut local) = admit(listener, desk).await else { return };
    if !matches!(local.serve_until_play().await, Ok(true)) {
        return;
    }
    let Ok(device) = device.await else { return };
    local.pump(device, &trouble).await;
}

/// Waits for the client that knows the path; then nobody can connect any more.
async fn admit(listener: TcpListener, mut desk: Desk) -> Result<Local> {
    loop {
        let accepted = listener.accept().await;
        let (stream, _) = accepted.map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        // Latency is the device's alone; nothing is lost where the option is refused.
        let _ = stream.set_nodelay(true);
        let (mut read, write) = stream.into_split();
        let mut inbox = Inbox::default();
        let first = timeout(FIRST_REQUEST_LIMIT, inbox.next(&mut read)).await;
        if let Ok(Ok(Some(Message::Request(request)))) = first
            && desk.is_meant_by(&request)
        {
            let (answer, _) = desk.answer(&request);
            return Ok(Local {
                inbox,
                read,
                write,
                desk,
                out: BytesMut::from(&answer[..]),
                diary: Diary::default(),
            });
        }
    }
}

impl Local {
    /// Answers until pictures are asked for, whose answer waits in `out`; false where the client left.
    async fn serve_until_play(&mut self) -> Result<bool> {
        loop {
            let flushed = self.write.write_all_buf(&mut self.out).await;
            flushed.map_err(|error| Error::new(Code::Disconnected, error.to_string()))?;
            match self.inbox.next(&mut self.read).await? {
                None => return Ok(false),
                Some(Message::Request(request)) => match self.answer(&request) {
                    Next::Wait => {}
                    Next::Play => return Ok(true),
                    Next::End => return Ok(false),
                },
                Some(_) => {}
            }
        }
    }

    fn answer(&mut self, request: &Request<Vec<u8>>) -> Next {
        let (bytes, next) = self.desk.answer(request);
        self.out.extend_from_slice(&bytes);
        next
    }

    /// Hands packets on until either side ends; an end of the device that is no good one goes to `trouble`.
    async fn pump(&mut self, device: DeviceSession, trouble: &Trouble) {
        let mut pulse = Pulse::new(&device);
        let mut device = Some(device);
        // What came before is here already, and little.
        for data in device.as_mut().map(DeviceSession::take_first).unwrap_or_default() {
            self.hand_on(&data, &mut device);
        }
        while device.is_some() || !self.out.is_empty() {
            let has_room = self.out.len() < ROOM;
            pulse.is_held_up |= !has_room;
            tokio::select! {
                biased;
                request = self.inbox.next(&mut self.read) => match request {
                    Ok(Some(Message::Request(request))) => if self.answer(&request) == Next::End { break },
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => break,
                },
                () = sleep_until(pulse.due), if device.is_some() => {
                    if let Err(error) = pulse.beat(device.as_mut()).await {
                        trouble.set(error);
                        device = None;
                    }
                }
                message = next_of(&mut device), if has_room => match message {
                    Ok(Some(message)) => {
                        pulse.unheard = 0;
                        match message {
                            Message::Data(data) => self.hand_on(&data, &mut device),
                            Message::Response(answer) => {
                                // A keep-alive that cannot be told now is told at the next beat.
                                let _ = pulse.answered(device.as_mut(), &answer).await;
                            }
                            // Nothing that a device could ask is for us to do.
                            Message::Request(_) => {}
                        }
                    }
                    Ok(None) => device = None,
                    Err(error) => {
                        trouble.set(error);
                        device = None;
                    }
                },
                written = self.write.write_buf(&mut self.out), if !self.out.is_empty() => {
                    if !matches!(written, Ok(1..)) {
                        break;
                    }
                }
            }
        }
        let farewell = timeout(FAREWELL_LIMIT, self.write.write_all_buf(&mut self.out));
        let hang_up = async {
            if let Some(device) = device {
                device.tear_down().await;
            }
        };
        // Best effort: retina has gone, or has all.
        let _ = tokio::join!(farewell, hang_up);
        // Retina's last request must not be left unread: the connection would be reset, and what retina has not yet
        // taken lost with it. It leaves when it has read to the end.
        if self.write.shutdown().await.is_ok() {
            while let Ok(Some(_)) = self.inbox.next(&mut self.read).await {}
        }
    }

    /// Puts a packet of the pictures into `out`; the device's farewell ends its session.
    fn hand_on(&mut self, data: &Data<Vec<u8>>, device: &mut Option<DeviceSession>) {
        let Some((rtp, rtcp)) = device.as_ref().map(|device| device.channels) else { return };
        let (to_rtp, to_rtcp) = self.desk.channels();
        let packet = data.as_slice();
        if data.channel_id() == rtp {
            self.put(to_rtp, packet);
            if let Some(report) = self.diary.note(packet) {
                self.put(to_rtcp, &report);
            }
        } else if data.channel_id() == rtcp {
            let kind = report(packet);
            if kind != Report::Torn && !self.diary.is_kept() {
                self.put(to_rtcp, packet);
            }
            if kind == Report::Bye {
                *device = None;
            }
        }
    }

    fn put(&mut self, channel: u8, packet: &[u8]) {
        // No frame is longer than its length field can say.
        let Ok(length) = u16::try_from(packet.len()) else { return };
        self.out.extend_from_slice(&[b'$', channel]);
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(packet);
    }
}

async fn next_of(device: &mut Option<DeviceSession>) -> Result<Option<Message<Vec<u8>>>> {
    match device {
        Some(device) => device.control().next_or_end().await,
        None => pending().await,
    }
}

/// Keeps the device's session alive, and notices when the device is not.
struct Pulse {
    every: Duration,
    due: Instant,
    /// Keep-alives since the device was last heard.
    unheard: u32,
    /// For a while nothing was read, since retina took nothing.
    is_held_up: bool,
    /// The login was renewed since the last keep-alive.
    is_renewed: bool,
}

impl Pulse {
    fn new(device: &DeviceSession) -> Self {
        let every = device.keep_alive();
        Self { every, due: Instant::now() + every, unheard: 0, is_held_up: false, is_renewed: false }
    }

    async fn beat(&mut self, device: Option<&mut DeviceSession>) -> Result<()> {
        let Some(device) = device else { return Ok(()) };
        if self.is_held_up {
            self.unheard = 0;
        }
        if self.unheard == MOST_UNHEARD {
            let silence = MOST_UNHEARD * self.every;
            let words = format!("nothing came from the device in {} s", silence.as_secs());
            return Err(Error::new(Code::Timeout, words));
        }
        self.unheard += 1;
        (self.is_held_up, self.is_renewed) = (false, false);
        self.due = Instant::now() + self.every;
        tell(device).await
    }

    /// An answer to a keep-alive; where it wants a new login, the keep-alive is told again, once.
    async fn answered(
        &mut self,
        device: Option<&mut DeviceSession>,
        answer: &Response<Vec<u8>>,
    ) -> Result<()> {
        let Some(device) = device.filter(|_| !self.is_renewed) else { return Ok(()) };
        if device.control().renew(answer)? {
            self.is_renewed = true;
            tell(device).await?;
        }
        Ok(())
    }
}

async fn tell(device: &mut DeviceSession) -> Result<()> {
    let url = device.presentation.clone();
    let sent = timeout(SEND_LIMIT, device.control().tell(Method::GetParameter, &url)).await;
    sent.unwrap_or_else(|_| Err(Error::new(Code::Timeout, "the device takes no keep-alive")))
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpStream};

    use super::*;

    #[tokio::test]
    async fn who_was_not_told_the_path_is_sent_away() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let desk = Desk::new(at.port(), b"v=0\r\n".to_vec());
        let path = desk.path();
        let (_device, handed_over) = oneshot::channel();
        let serving = serve(listener, desk, handed_over, Trouble::default());
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(at).await.unwrap();
            let text = format!("DESCRIBE rtsp://{at}{path} RTSP/1.0\r\nCSeq: 1\r\n\r\n");
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = vec![0; 12];
            let read = stream.read_exact(&mut answer).await;
            (stream, read.is_ok().then_some(answer))
        };
        let clients = async {
            let mut noisy = TcpStream::connect(at).await.unwrap();
            noisy.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            assert_eq!(ask("/").await.1, None);
            let (_stream, answer) = ask(&path).await;
            assert_eq!(answer.as_deref(), Some(&b"RTSP/1.0 200"[..]));
            assert!(TcpStream::connect(at).await.is_err(), "and nobody comes after");
        };
        tokio::select! {
            () = serving => panic!("it waits for the device"),
            () = clients => {}
        }
    }
}
