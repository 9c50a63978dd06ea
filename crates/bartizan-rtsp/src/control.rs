//! A small RTSP 1.0 control connection (RFC 2326): requests in order, one login, whatever else comes is left alone.

use std::{collections::VecDeque, time::Duration};

use bartizan_base::{Code, Error, Result};
use bartizan_device::{Credentials, StreamSource};
use bytes::{Buf, BytesMut};
use http_auth::{PasswordClient, PasswordParams};
use rtsp_types::{
    Data, HeaderName, HeaderValue, Message, Method, ParseError, Request, Response, StatusCode, Version,
    headers,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use crate::error::{Stage, from_status};

const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// Longest message taken, bytes; interleaved frames are at most 64 KiB.
const LARGEST_MESSAGE: usize = 256 << 10;
/// Least room for a read, bytes.
const READ_AT_ONCE: usize = 8 << 10;
/// What a device means that names no time-out (RFC 2326 §12.37).
const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(4);
/// Media kept that comes before the answer to PLAY, bytes: the first key picture may be in it.
const LARGEST_HELD: usize = 1 << 20;

/// What a connection brings, cut into messages.
#[derive(Default)]
pub(crate) struct Inbox(BytesMut);

impl Inbox {
    /// The next message of any kind; `None` where the peer hung up after a whole one. Cancel-safe.
    pub(crate) async fn next(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Message<Vec<u8>>>> {
        loop {
            // Stray line ends between messages are to be ignored.
            let blank = self.0.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.0.advance(blank);
            match Message::<Vec<u8>>::parse(&self.0) {
                Ok((message, used)) => {
                    self.0.advance(used);
                    return Ok(Some(message));
                }
                Err(ParseError::Incomplete(_)) if self.0.len() <= LARGEST_MESSAGE => {}
                Err(_) => return Err(Error::new(Code::NotRtsp, "what came is no RTSP message")),
            }
            self.0.reserve(READ_AT_ONCE);
            match from.read_buf(&mut self.0).await {
                Ok(0) if self.0.is_empty() => return Ok(None),
                Ok(0) => return Err(Error::new(Code::Disconnected, "the device hung up in a message")),
                Ok(_) => {}
                Err(error) => return Err(Error::new(Code::Disconnected, error.to_string())),
            }
        }
    }
}

/// The connection.
pub(crate) struct Control {
    stream: TcpStream,
    inbox: Inbox,
    /// Media that came before the answer to PLAY.
    held: VecDeque<Data<Vec<u8>>>,
    cseq: u32,
    credentials: Option<Credentials>,
    login: Option<PasswordClient>,
    /// The login was taken once: a new challenge is then an expired nonce, not a refusal.
    proven: bool,
    session: Option<String>,
    timeout: Duration,
}

impl Control {
    pub(crate) async fn connect(source: &StreamSource) -> Result<Self> {
        let (host, port) = (source.address.host.as_str(), source.address.port);
        let failed = |code, why: String| Error::new(code, format!("{host}:{port}: {why}"));
        let stream = match timeout(CONNECT_LIMIT, TcpStream::connect((host, port))).await {
            Err(_) => return Err(failed(Code::Timeout, "no answer".into())),
            Ok(Err(error)) if error.to_string().contains("lookup address") => {
                return Err(failed(Code::HostUnknown, error.to_string()));
            }
            Ok(Err(error)) => return Err(failed(Code::Unreachable, error.to_string())),
            Ok(Ok(stream)) => stream,
        };
        // Speech and requests go in small packets that must not wait for each other.
        stream.set_nodelay(true).map_err(|error| failed(Code::Disconnected, error.to_string()))?;
        Ok(Self {
            stream,
            inbox: Inbox::default(),
            held: VecDeque::new(),
            cseq: 0,
            credentials: source.credentials.clone(),
            login: None,
            proven: false,
            session: None,
            timeout: SESSION_TIMEOUT,
        })
    }

    /// Asks and waits for the answer. A challenge is answered with the login, which is tried once.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        url: &Url,
        with: &[(HeaderName, &str)],
    ) -> Result<Response<Vec<u8>>> {
        let mut tried = false;
        loop {
            let answers_challenge = self.login.is_some();
            let cseq = self.send(&method, url, with).await?;
            let answer = self.answer_to(cseq, method == Method::Play).await?;
            if answer.status() != StatusCode::Unauthorized {
                self.proven |= answers_challenge && answer.status().is_success();
                return Ok(answer);
            }
            let challenge = answer.header(&headers::WWW_AUTHENTICATE).map(HeaderValue::as_str).unwrap_or("");
            let stale = challenge.to_ascii_lowercase().replace(['"', ' '], "").contains("stale=true");
            let is_refused = answers_challenge && !self.proven && !stale;
            if self.credentials.is_none() || challenge.is_empty() || tried || is_refused {
                return Ok(answer);
            }
            self.log_in(challenge)?;
            tried = answers_challenge;
        }
    }

    fn log_in(&mut self, challenge: &str) -> Result<()> {
        let login = PasswordClient::builder().challenges(challenge).build();
        self.login = Some(login.map_err(|why| Error::new(Code::Protocol, format!("challenge: {why}")))?);
        Ok(())
    }

    /// Takes the new challenge out of an answer to [`Control::tell`], where the login was good before: its nonce has
    /// expired. True when the request is worth telling again.
    pub(crate) fn renew(&mut self, answer: &Response<Vec<u8>>) -> Result<bool> {
        if answer.status() != StatusCode::Unauthorized || !self.proven {
            return Ok(false);
        }
        let Some(challenge) = answer.header(&headers::WWW_AUTHENTICATE) else { return Ok(false) };
        self.log_in(challenge.as_str())?;
        Ok(true)
    }

    /// The device took the login.
    pub(crate) fn proven(&self) -> bool {
        self.proven
    }

    /// Sends without waiting; the answer is met by [`Control::next`].
    pub(crate) async fn tell(&mut self, method: Method, url: &Url) -> Result<()> {
        self.send(&method, url, &[]).await.map(drop)
    }

    async fn send(&mut self, method: &Method, url: &Url, with: &[(HeaderName, &str)]) -> Result<u32> {
        self.cseq += 1;
        let mut request = Request::builder(method.clone(), Version::V1_0)
            .request_uri(url.clone())
            .header(headers::CSEQ, self.cseq.to_string())
            .header(headers::USER_AGENT, concat!("Bartizan/", env!("CARGO_PKG_VERSION")));
        for (name, value) in with {
            request = request.header(name.clone(), *value);
        }
        if let Some(session) = &self.session {
            request = request.header(headers::SESSION, session.as_str());
        }
        if let (Some(login), Some(credentials)) = (&mut self.login, &self.credentials) {
            let answer = login.respond(&PasswordParams {
                username: &credentials.user,
                password: credentials.password.expose(),
                uri: url.as_str(),
                method: method.into(),
                body: Some(&[]),
            });
            let answer = answer.map_err(|why| Error::new(Code::Protocol, format!("challenge: {why}")))?;
            request = request.header(headers::AUTHORIZATION, answer);
        }
        let mut bytes = Vec::new();
        Message::from(request.build(Vec::new()))
            .write(&mut bytes)
            .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        self.write(&bytes).await?;
        Ok(self.cseq)
    }

    async fn answer_to(&mut self, cseq: u32, keeps_media: bool) -> Result<Response<Vec<u8>>> {
        let cseq = cseq.to_string();
        loop {
            match self.receive().await?.ok_or_else(hung_up)? {
                Message::Response(answer)
                    if answer.header(&headers::CSEQ).is_some_and(|value| value.as_str().trim() == cseq) =>
                {
                    return Ok(answer);
                }
                Message::Data(data)
                    if keeps_media && self.held.iter().map(Data::len).sum::<usize>() < LARGEST_HELD =>
                {
                    self.held.push_back(data);
                }
                _ => {}
            }
        }
    }

    /// The next message of any kind. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Message<Vec<u8>>> {
        self.next_or_end().await?.ok_or_else(hung_up)
    }

    /// The next message of any kind; `None` where the device hung up after a whole one. Cancel-safe.
    pub(crate) async fn next_or_end(&mut self) -> Result<Option<Message<Vec<u8>>>> {
        match self.held.pop_front() {
            Some(data) => Ok(Some(Message::Data(data))),
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Result<Option<Message<Vec<u8>>>> {
        let message = self.inbox.next(&mut self.stream).await;
        message.map_err(|error| match error.code() {
            // In a session it is RTSP, however torn.
            Code::NotRtsp if self.session.is_some() => Error::new(Code::Protocol, error.detail().to_owned()),
            _ => error,
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|error| Error::new(Code::Disconnected, error.to_string()))
    }

    /// The answer, where it is a success.
    pub(crate) fn succeeded(&self, answer: Response<Vec<u8>>) -> Result<Response<Vec<u8>>> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        let stage = Stage::Describe { with_password: self.has_password() };
        Err(refusal(&answer, from_status(answer.status().into(), stage)))
    }

    /// There is a password to log in with.
    pub(crate) fn has_password(&self) -> bool {
        self.credentials.is_some()
    }

    /// Takes session and time-out from an answer to SETUP; gives the channel numbers of RTP and RTCP.
    pub(crate) fn begin_session(&mut self, answer: &Response<Vec<u8>>) -> Result<(u8, u8)> {
        let text = |name: &HeaderName| answer.header(name).map_or("", HeaderValue::as_str);
        let mut parts = text(&headers::SESSION).split(';').map(str::trim);
        let id = parts.next().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::new(Code::Protocol, "SETUP is answered without a session"))?;
        self.session = Some(id.to_owned());
        let seconds = parts.find_map(|part| part.strip_prefix("timeout=")?.trim().parse::<u64>().ok());
        self.timeout = seconds.map_or(SESSION_TIMEOUT, Duration::from_secs).max(SHORTEST_TIMEOUT);
        let channels = interleaved(text(&headers::TRANSPORT));
        // Without a word about it, what was asked for holds.
        Ok(channels.unwrap_or((0, 1)))
    }

    /// How often the session wants to hear something.
    pub(crate) fn keep_alive(&self) -> Duration {
        self.timeout / 2
    }
}

/// The channel numbers in a `Transport` (RFC 2326 §12.39).
pub(crate) fn interleaved(transport: &str) -> Option<(u8, u8)> {
    let pair = transport.split(';').find_map(|part| part.trim().strip_prefix("interleaved="))?;
    let (first, second) = pair.split_once('-').map_or((pair, None), |(first, second)| (first, Some(second)));
    let first: u8 = first.trim().parse().ok()?;
    let second = second.and_then(|second| second.trim().parse().ok());
    Some((first, second.unwrap_or(first.wrapping_add(1))))
}

/// The error that an answer without success is.
pub(crate) fn refusal(answer: &Response<Vec<u8>>, code: Code) -> Error {
    let words: String = answer.reason_phrase().chars().filter(|c| !c.is_control()).take(80).collect();
    Error::new(code, format!("RTSP {} {words}", u16::from(answer.status())))
}

fn hung_up() -> Error {
    Error::new(Code::Disconnected, "the device hung up")
}

/// To what the URLs in a description are relative (RFC 2326 §C.1.1).
pub(crate) fn base_of(answer: &Response<Vec<u8>>, url: &Url) -> String {
    let named = [headers::CONTENT_BASE, headers::CONTENT_LOCATION];
    match named.iter().find_map(|name| answer.header(name)).map(|value| value.as_str().trim()) {
        None | Some("") => url.as_str().to_owned(),
        Some(base) if base.contains("://") => base.to_owned(),
        // Some cameras leave the scheme out.
        Some(base) => format!("rtsp://{base}"),
    }
}

/// RFC 2326 §C.1.1 as devices mean it: what is not a URL of its own hangs behind the base, also behind its query.
pub(crate) fn joined(base: &str, control: &str) -> Result<Url> {
    let text = match control.trim() {
        "*" | "" => base.to_owned(),
        whole if whole.contains("://") => whole.to_owned(),
        part => format!("{}/{}", base.trim_end_matches('/'), part.trim_start_matches('/')),
    };
    Url::parse(&text).map_err(|error| Error::new(Code::Protocol, format!("control URL: {error}")))
}
