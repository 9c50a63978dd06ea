//! A small RTSP 1.0 control connection (RFC 2326): requests in order, one login, whatever else comes is left alone.

use std::time::Duration;

use bartizan_base::{Code, Error, Result};
use bartizan_device::{Credentials, StreamSource};
use http_auth::{PasswordClient, PasswordParams};
use rtsp_types::{
    HeaderName, HeaderValue, Message, Method, ParseError, Request, Response, StatusCode, Version, headers,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use crate::error::{Stage, from_status};

const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// Longest message taken, bytes; interleaved frames are at most 64 KiB.
const LARGEST_MESSAGE: usize = 256 << 10;
/// What a device means that names no time-out (RFC 2326 §12.37).
const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(4);

/// The connection.
pub(super) struct Control {
    stream: TcpStream,
    inbox: Vec<u8>,
    cseq: u32,
    credentials: Option<Credentials>,
    login: Option<PasswordClient>,
    /// The login was taken once: a new challenge is then an expired nonce, not a refusal.
    proven: bool,
    session: Option<String>,
    timeout: Duration,
}

impl Control {
    pub(super) async fn connect(source: &StreamSource) -> Result<Self> {
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
        // Speech goes in small packets that must not wait for each other.
        stream.set_nodelay(true).map_err(|error| failed(Code::Disconnected, error.to_string()))?;
        Ok(Self {
            stream,
            inbox: Vec::new(),
            cseq: 0,
            credentials: source.credentials.clone(),
            login: None,
            proven: false,
            session: None,
            timeout: SESSION_TIMEOUT,
        })
    }

    /// Asks and waits for the answer. A challenge is answered with the login, which is tried once.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        url: &Url,
        with: &[(HeaderName, &str)],
    ) -> Result<Response<Vec<u8>>> {
        let mut tried = false;
        loop {
            let answers_challenge = self.login.is_some();
            let cseq = self.send(&method, url, with).await?;
            let answer = self.answer_to(cseq).await?;
            if answer.status() != StatusCode::Unauthorized {
                self.proven |= answers_challenge && answer.status().is_success();
                return Ok(answer);
            }
            let challenge = answer.header(&headers::WWW_AUTHENTICATE).map(HeaderValue::as_str).unwrap_or("");
            let stale = challenge.to_ascii_lowercase().replace(['"', ' '], "").contains("stale=true");
            if self.credentials.is_none() || tried || (answers_challenge && !self.proven && !stale) {
                return Ok(answer);
            }
            let login = PasswordClient::builder().challenges(challenge).build();
            self.login = Some(login.map_err(|why| Error::new(Code::Protocol, format!("challenge: {why}")))?);
            tried = answers_challenge;
        }
    }

    /// Sends without waiting; the answer is met by [`Control::next`].
    pub(super) async fn tell(&mut self, method: Method, url: &Url) -> Result<()> {
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

    async fn answer_to(&mut self, cseq: u32) -> Result<Response<Vec<u8>>> {
        let cseq = cseq.to_string();
        loop {
            if let Message::Response(answer) = self.next().await?
                && answer.header(&headers::CSEQ).is_some_and(|value| value.as_str().trim() == cseq)
            {
                return Ok(answer);
            }
        }
    }

    /// The next message of any kind. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Message<Vec<u8>>> {
        loop {
            // Stray line ends between messages are to be ignored.
            let blank = self.inbox.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.inbox.drain(..blank);
            match Message::<Vec<u8>>::parse(&self.inbox) {
                Ok((message, used)) => {
                    self.inbox.drain(..used);
                    return Ok(message);
                }
                Err(ParseError::Incomplete(_)) if self.inbox.len() <= LARGEST_MESSAGE => {}
                Err(_) => return Err(Error::new(Code::NotRtsp, "what came is no RTSP message")),
            }
            match self.stream.read_buf(&mut self.inbox).await {
                Ok(0) => return Err(Error::new(Code::Disconnected, "the device hung up")),
                Ok(_) => {}
                Err(error) => return Err(Error::new(Code::Disconnected, error.to_string())),
            }
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|error| Error::new(Code::Disconnected, error.to_string()))
    }

    /// The answer, where it is a success.
    pub(super) fn succeeded(&self, answer: Response<Vec<u8>>) -> Result<Response<Vec<u8>>> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = u16::from(answer.status());
        let stage = Stage::Describe { with_password: self.credentials.is_some() };
        let words: String = answer.reason_phrase().chars().filter(|c| !c.is_control()).take(80).collect();
        Err(Error::new(from_status(status, stage), format!("RTSP {status} {words}")))
    }

    /// Takes session and time-out from an answer to SETUP; gives the channel number of RTP.
    pub(super) fn begin_session(&mut self, answer: &Response<Vec<u8>>) -> Result<u8> {
        let text = |name: &HeaderName| answer.header(name).map_or("", HeaderValue::as_str);
        let mut parts = text(&headers::SESSION).split(';').map(str::trim);
        let id = parts.next().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::new(Code::Protocol, "SETUP is answered without a session"))?;
        self.session = Some(id.to_owned());
        let seconds = parts.find_map(|part| part.strip_prefix("timeout=")?.trim().parse::<u64>().ok());
        self.timeout = seconds.map_or(SESSION_TIMEOUT, Duration::from_secs).max(SHORTEST_TIMEOUT);
        let transport = text(&headers::TRANSPORT);
        let channels = transport.split(';').find_map(|part| part.trim().strip_prefix("interleaved="));
        let first = channels.and_then(|pair| pair.split('-').next()?.trim().parse().ok());
        // Without a word about it, what was asked for holds.
        Ok(first.unwrap_or(0))
    }

    /// How often the session wants to hear something.
    pub(super) fn keep_alive(&self) -> Duration {
        self.timeout / 2
    }
}
