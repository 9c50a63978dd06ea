//! A request whose body goes on for as long as somebody speaks.
//!
//! Devices break HTTP here: some answer before the body, some only by closing the connection, some announce no length.
//! A client that waits for one whole exchange cannot serve them, so this one writes to its own connection.

use std::{fmt::Write as _, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use url::Position;

use super::Client;
use crate::{
    HttpError, Request, Wire,
    dial::{connect, handshake},
    login::{Answer, Verdict},
};

/// A device that refuses says so before it has heard anything; most accept by silence.
const REFUSAL_TIME: Duration = Duration::from_millis(300);
/// A device that takes nothing for this long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(2);
/// Longest head of an answer, bytes.
const HEAD_LIMIT: usize = 16 << 10;

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// An open upload. Dropping it closes the connection, which is how it ends.
pub struct Upload {
    socket: Box<dyn Socket>,
    inbox: BytesMut,
    /// It was answered with success; whatever else comes means nothing.
    accepted: bool,
    at: Wire,
}

impl Upload {
    /// Sends a piece. [`HttpError::Answered`] when the device refuses meanwhile.
    pub async fn send(&mut self, piece: Bytes) -> Result<(), HttpError> {
        // An answer is looked for, not waited for.
        while let Some(read) = self.socket.read_buf(&mut self.inbox).now_or_never() {
            match read {
                Ok(0) => return Err(self.broken("the device closed the connection")),
                Ok(_) => self.judge()?,
                Err(error) => return Err(self.broken(&error.to_string())),
            }
        }
        match timeout(SEND_LIMIT, self.socket.write_all(&piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&error.to_string())),
            Err(_) => Err(HttpError::Timeout { at: self.at.clone() }),
        }
    }

    fn broken(&self, reason: &str) -> HttpError {
        HttpError::Disconnected { at: self.at.clone(), reason: reason.to_owned() }
    }

    fn judge(&mut self) -> Result<(), HttpError> {
        if self.accepted {
            self.inbox.clear();
            return Ok(());
        }
        match Head::read(&self.inbox) {
            Some(head) if head.is_success() => {
                self.accept();
                Ok(())
            }
            Some(head) => Err(HttpError::Answered { at: self.at.clone(), status: head.status }),
            None if self.inbox.len() > HEAD_LIMIT => Err(self.broken("what came is no HTTP")),
            None => Ok(()),
        }
    }

    fn accept(&mut self) {
        self.accepted = true;
        self.inbox.clear();
    }

    /// An answer that comes at once.
    async fn early(&mut self) -> Result<Option<Head>, HttpError> {
        let at = self.at.clone();
        let reading = async {
            loop {
                match self.socket.read_buf(&mut self.inbox).await {
                    Ok(0) => return Err(HttpError::Disconnected { at, reason: "closed at once".into() }),
                    Ok(_) => {}
                    Err(error) => return Err(HttpError::Disconnected { at, reason: error.to_string() }),
                }
                if let Some(head) = Head::read(&self.inbox) {
                    return Ok(head);
                }
                if self.inbox.len() > HEAD_LIMIT {
                    return Err(HttpError::Protocol { at, reason: "what came is no HTTP".into() });
                }
            }
        };
        match timeout(REFUSAL_TIME, reading).await {
            Ok(head) => head.map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// The head of an answer, as far as it matters here.
struct Head {
    status: u16,
    challenges: Vec<String>,
}

impl Head {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = text.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        let challenges = lines.filter_map(|line| line.split_once(':'));
        let challenges = challenges
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("www-authenticate"))
            .map(|(_, value)| value.trim().to_owned())
            .collect();
        Some(Self { status, challenges })
    }
}

impl Client {
    /// Begins a request whose body is sent in pieces; `request.body` is not sent. `length` is what the device is told
    /// of it, bytes.
    ///
    /// A login must have been accepted by another request shortly before, since a body under way cannot be begun anew:
    /// a nonce that has run out is replaced once. A 401 after that is [`HttpError::Answered`] and no refused login: some
    /// devices say so to users who may do everything but this.
    pub async fn upload(&self, request: &Request, length: u64) -> Result<Upload, HttpError> {
        let at = self.wire(request);
        let mut renewed = false;
        loop {
            let (target, answer) = self.proven_answer(request)?;
            let mut head = format!(
                "{} {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n",
                request.method.as_str(),
                self.peer()
            );
            let mut line = |name: &str, value: &str| {
                write!(head, "{name}: {value}\r\n").expect("a String takes any text");
            };
            if let Some(content_type) = &request.content_type {
                line("Content-Type", content_type);
            }
            for (name, value) in &request.headers {
                line(name, value);
            }
            if let Some(answer) = &answer {
                line("Authorization", &answer.header);
            }
            head.push_str("\r\n");
            let socket = self.socket(&at).await?;
            let mut upload = Upload { socket, inbox: BytesMut::new(), accepted: false, at: at.clone() };
            upload.send(head.into()).await?;
            match upload.early().await? {
                None => return Ok(upload),
                Some(head) if head.is_success() => {
                    upload.accept();
                    return Ok(upload);
                }
                Some(head)
                    if head.status == 401 && !renewed && answer.as_ref().is_some_and(|a| a.was_proven) =>
                {
                    renewed = true;
                    match self.challenged_upload(&head.challenges, &answer) {
                        Verdict::Answer => {}
                        Verdict::Refused(body) => return Err(HttpError::Refused { at, body }),
                        Verdict::Unsafe(reason) => return Err(HttpError::LoginUnsafe { at, reason }),
                    }
                }
                Some(head) => return Err(HttpError::Answered { at, status: head.status }),
            }
        }
    }

    /// A connection of its own, beside those that are kept.
    async fn socket(&self, at: &Wire) -> Result<Box<dyn Socket>, HttpError> {
        let base = self.base();
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let stream = connect(&host, base.port_or_known_default().unwrap_or(80), at).await?;
        // Speech goes in small pieces that must not wait for each other.
        let _ = stream.set_nodelay(true);
        Ok(match base.scheme() {
            "https" => Box::new(handshake(stream, &host, &self.0.pinning, at).await?),
            _ => Box::new(stream),
        })
    }

    /// The request target of a request that cannot be repeated, and its login: `None` where none is needed.
    fn proven_answer(&self, request: &Request) -> Result<(String, Option<Answer>), HttpError> {
        let login = &self.0.login;
        if let Some(body) = login.refused() {
            return Err(HttpError::Refused { at: self.wire(request), body });
        }
        let uri = self.target(request)?;
        let target = &uri[Position::BeforePath..Position::AfterQuery];
        let answer = login.answer(request, target).map_err(|reason| self.protocol(request, &reason))?;
        Ok((target.to_owned(), answer))
    }

    /// A 401 to such a request.
    fn challenged_upload(&self, challenges: &[String], answer: &Option<Answer>) -> Verdict {
        let may_basic = self.base().scheme() == "https";
        self.0.login.challenged(challenges, Bytes::new(), answer.as_ref(), may_basic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_answers() {
        assert!(Head::read(b"HTTP/1.1 200 OK\r\nA: b\r\n").is_none(), "not whole yet");
        let head = Head::read(b"HTTP/1.0 401 No\r\nwww-authenticate : Digest a\r\nX: y\r\n\r\nbody").unwrap();
        assert_eq!((head.status, head.challenges), (401, vec!["Digest a".to_owned()]));
        assert!(Head::read(b"RTSP/1.0 200 OK\r\n\r\n").is_none());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(HTTP/1.[01] ?[0-9]{0,5}|[a-zA-Z-]{0,17}:? ?.{0,9}|\r\n){0,9}\r\n\r\n") {
            let _ = Head::read(text.as_bytes());
        }
    }
}
