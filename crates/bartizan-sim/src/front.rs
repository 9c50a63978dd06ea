//! The HTTP side of a unit: listens, reads whole requests and hands them to the personality.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body as HttpBody,
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    http::{HeaderMap, StatusCode, header},
    response::Response,
    serve::{IncomingStream, Listener},
};
use bartizan_base::{OwnedTask, Secret, UtcMicros, random_token};
use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

use crate::{
    auth::{Auth, Verdict},
    config::DigestOffer,
    encode::other,
    speech::{self, Greeting},
    unit::{LoginOutcome, Unit},
};

/// Longest request body taken.
const BODY_LIMIT: usize = 1 << 20;
/// No device has this: it is for whoever tests with the simulator. `{calls, open, seconds, loudest}`: calls so far and
/// under way, seconds of speech, and the largest of its last samples, 0..32768.
const HEARD: &str = "/simulator/heard";
/// Nor this: `{"channel":1,"spans":[[-7200,-5400],[-1800,0]]}` by POST sets what is recorded, in seconds from now; `null`
/// is the default again.
const RECORDINGS: &str = "/simulator/recordings";
/// A TLS handshake takes no longer.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// An endless answer is given up after this long.
const LONGEST_STREAM: Duration = Duration::from_secs(600);

/// A request, read whole.
pub(crate) struct Ask {
    pub method: String,
    /// Path and query, as in the request line.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Own address on this connection.
    pub local: SocketAddr,
}

impl Ask {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Path without query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, percent-decoded, in order.
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        // A plus is a plus to these devices.
        url::form_urlencoded::parse(query.replace('+', "%2B").as_bytes()).into_owned().collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What goes back.
pub(crate) enum Body {
    Whole(Vec<u8>),
    /// The same part again and again.
    Beats {
        part: Vec<u8>,
        every: Duration,
    },
}

pub(crate) struct Reply {
    pub status: u16,
    pub content_type: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: content_type.into(),
            headers: Vec::new(),
            body: Body::Whole(body.into()),
        }
    }

    /// Adds a `WWW-Authenticate` for each challenge.
    pub fn challenged(mut self, challenges: Vec<String>) -> Self {
        self.headers.extend(challenges.into_iter().map(|one| ("WWW-Authenticate", one)));
        self
    }
}

/// A language that a unit speaks over HTTP.
#[async_trait]
pub(crate) trait Personality: Send + Sync {
    async fn answer(&self, ask: &Ask) -> Reply;

    /// Whether a request line begins speech to the loudspeaker.
    fn is_speech(&self, _line: &str) -> bool {
        false
    }

    /// Takes or refuses such speech, by its head.
    fn greet(&self, _ask: &Ask) -> Greeting {
        Greeting::Refuse(Reply::new(404, "text/plain", "no loudspeaker"))
    }
}

/// What a request's login is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Granted,
    /// No login, or one in a scheme that is not taken: the ordinary first request.
    Missing,
    /// The nonce has run out; the same login may come again.
    Stale,
    /// Refused, or locked.
    Refused(LoginOutcome),
}

/// HTTP Digest for one unit (RFC 7616): nonces that run out, and the unit's own count of wrong passwords.
pub(crate) struct HttpLogin {
    unit: Arc<Unit>,
    realm: String,
    offer: DigestOffer,
    current: Mutex<(Auth, Option<Secret>, u32)>,
}

impl HttpLogin {
    pub fn new(unit: Arc<Unit>, realm: String, offer: DigestOffer) -> Self {
        let current = Mutex::new(Self::fresh(&unit, &realm, offer));
        Self { unit, realm, offer, current }
    }

    fn fresh(unit: &Unit, realm: &str, offer: DigestOffer) -> (Auth, Option<Secret>, u32) {
        let password = unit.password_of(&unit.config().user);
        let secret = password.clone().unwrap_or_else(|| Secret::new(random_token()));
        (Auth::new(&unit.config().user, &secret, offer).in_realm(realm), password, 0)
    }

    /// Values of the `WWW-Authenticate` headers.
    pub fn challenges(&self, stale: bool) -> Vec<String> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).0.challenges(stale)
    }

    /// Judges a request, counting a wrong password.
    pub fn admit(&self, ask: &Ask) -> Admission {
        let authorization = ask.header("authorization").filter(|value| {
            value.trim_start().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("digest"))
        });
        let verdict = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let uses = self.unit.knobs().nonce_uses;
            let spent = uses != 0 && current.2 >= uses;
            if spent || current.1 != self.unit.password_of(&self.unit.config().user) {
                *current = Self::fresh(&self.unit, &self.realm, self.offer);
            }
            let verdict = current.0.judge(&ask.method, &ask.target, authorization);
            current.2 += u32::from(verdict == Verdict::Granted);
            verdict
        };
        match verdict {
            Verdict::Missing => Admission::Missing,
            Verdict::Stale => Admission::Stale,
            Verdict::Granted | Verdict::Wrong => match self.unit.login(verdict == Verdict::Granted) {
                LoginOutcome::Granted => Admission::Granted,
                refused => Admission::Refused(refused),
            },
        }
    }
}

/// A listening HTTP or HTTPS port. Dropping it closes the port.
pub(crate) struct Front {
    addr: SocketAddr,
    certificate: Option<Arc<Mutex<Arc<ServerConfig>>>>,
    _task: OwnedTask,
}

impl Front {
    /// Starts listening; with `tls` under a certificate made now.
    pub async fn start(
        bind: SocketAddr,
        tls: bool,
        unit: Arc<Unit>,
        personality: Arc<dyn Personality>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let addr = listener.local_addr()?;
        let certificate =
            tls.then(|| Ok::<_, io::Error>(Arc::new(Mutex::new(self_signed(addr)?)))).transpose()?;
        let router = Router::new()
            .fallback(answer)
            .with_state((unit.clone(), personality.clone()))
            .into_make_service_with_connect_info::<Ends>();
        let door = Door { listener, certificate: certificate.clone(), unit, personality, calls: Vec::new() };
        let task = OwnedTask::spawn(async move {
            if let Err(error) = axum::serve(door, router).await {
                tracing::error!(%error, "the HTTP side ended");
            }
        });
        Ok(Self { addr, certificate, _task: task })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Shows another certificate from the next connection on.
    pub fn renew_certificate(&self) -> io::Result<()> {
        if let Some(certificate) = &self.certificate {
            let fresh = self_signed(self.addr)?;
            *certificate.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }
}

fn self_signed(addr: SocketAddr) -> io::Result<Arc<ServerConfig>> {
    let made = rcgen::generate_simple_self_signed(vec![addr.ip().to_string()]).map_err(other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(other)?;
    Ok(Arc::new(config))
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
struct Ends {
    local: SocketAddr,
    peer: SocketAddr,
}

struct Door {
    listener: TcpListener,
    certificate: Option<Arc<Mutex<Arc<ServerConfig>>>>,
    unit: Arc<Unit>,
    personality: Arc<dyn Personality>,
    calls: Vec<OwnedTask>,
}

/// A plain or a TLS connection.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($wire:expr, $io:ident => $work:expr) => {
        match $wire.get_mut() {
            Wire::Plain($io) => {
                let $io = std::pin::Pin::new($io);
                $work
            }
            Wire::Tls($io) => {
                let $io = std::pin::Pin::new(&mut **$io);
                $work
            }
        }
    };
}

impl tokio::io::AsyncRead for Wire {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        either!(self, io => io.poll_read(cx, buffer))
    }
}

impl tokio::io::AsyncWrite for Wire {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        either!(self, io => io.poll_write(cx, bytes))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        either!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        either!(self, io => io.poll_shutdown(cx))
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = Ends;

    async fn accept(&mut self) -> (Wire, Ends) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else {
                // Out of file descriptors, most likely; it passes.
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Ok(local) = stream.local_addr() else { continue };
            let ends = Ends { local, peer };
            // Over TLS nobody talks to a simulated device.
            let Some(certificate) = &self.certificate else {
                if !speech::begins_with(&stream, &*self.personality).await {
                    return (Wire::Plain(stream), ends);
                }
                self.calls.retain(|call| !call.is_finished());
                self.calls.push(speech::listen(stream, self.unit.clone(), self.personality.clone()));
                continue;
            };
            let config = certificate.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // One at a time: a simulated device has few visitors.
            if let Ok(Ok(tls)) = timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(stream)).await {
                return (Wire::Tls(Box::new(tls)), ends);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Ends> {
        let local = self.listener.local_addr()?;
        Ok(Ends { local, peer: local })
    }
}

impl Connected<IncomingStream<'_, Door>> for Ends {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        *stream.remote_addr()
    }
}

async fn answer(
    ConnectInfo(ends): ConnectInfo<Ends>,
    State((unit, personality)): State<(Arc<Unit>, Arc<dyn Personality>)>,
    request: Request,
) -> Response {
    if request.uri().path() == HEARD {
        return response(Reply::new(200, "application/json", heard(&unit)));
    }
    let is_recordings = request.uri().path() == RECORDINGS;
    if !is_recordings {
        unit.count_request();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return response(Reply::new(413, "text/plain", "too large"));
    };
    if is_recordings {
        let taken = parts.method == axum::http::Method::POST && set_recordings(&unit, &body).is_some();
        return response(Reply::new(if taken { 200 } else { 400 }, "text/plain", ""));
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let ask = Ask {
        method: parts.method.as_str().to_owned(),
        target,
        headers: parts.headers,
        body,
        local: ends.local,
    };
    let delay = unit.knobs().delay;
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let reply = personality.answer(&ask).await;
    tracing::debug!(peer = %ends.peer, method = ask.method, path = ask.path(), status = reply.status, "HTTP");
    response(reply)
}

/// What the loudspeaker heard, for tests in other processes.
fn heard(unit: &Unit) -> String {
    let heard = unit.ear().heard();
    let seconds = heard.samples as f64 / 8000.0;
    serde_json::json!({ "calls": heard.calls, "open": heard.open, "seconds": seconds, "loudest": heard.loudest() })
        .to_string()
}

/// Sets what is recorded; `None`: that is not to be understood, or there is no such channel.
fn set_recordings(unit: &Unit, body: &[u8]) -> Option<()> {
    let asked: serde_json::Value = serde_json::from_slice(body).ok()?;
    let channel = u16::try_from(asked.get("channel")?.as_u64()?).ok()?;
    let now = unit.now();
    let spans: Option<Vec<[f64; 2]>> = serde_json::from_value(asked.get("spans")?.clone()).ok()?;
    let at = |seconds: f64| UtcMicros(now.0.saturating_add((seconds * 1e6) as i64));
    let spans = spans.map(|spans| spans.into_iter().map(|[from, to]| (at(from), at(to))).collect());
    unit.set_recordings(channel, spans).then_some(())
}

fn response(reply: Reply) -> Response {
    let body = match reply.body {
        Body::Whole(bytes) => HttpBody::from(bytes),
        Body::Beats { part, every } => {
            let part = Bytes::from(part);
            let beats =
                u32::try_from(LONGEST_STREAM.as_millis() / every.as_millis().max(1)).unwrap_or(u32::MAX);
            HttpBody::from_stream(futures::stream::unfold(0, move |count| {
                let part = part.clone();
                async move {
                    if count > 0 {
                        sleep(every).await;
                    }
                    (count < beats).then_some((Ok::<_, io::Error>(part), count + 1))
                }
            }))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(value) = reply.content_type.parse() {
        headers.insert(header::CONTENT_TYPE, value);
    }
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (header::HeaderName::from_bytes(name.as_bytes()), value.parse()) {
            headers.append(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnitConfig;

    #[test]
    fn recordings_are_set_in_seconds_from_now() {
        let unit = Unit::new(UnitConfig::default());
        let set = |body: &str| set_recordings(&unit, body.as_bytes()).is_some();
        assert!(set(r#"{"channel":1,"spans":[[-1800,0],[-7200,-5400.5]]}"#));
        let [(a, b), (c, d)] = unit.recordings(1)[..] else { panic!("two spans") };
        assert_eq!((b.0 - a.0, c.0 - b.0, d.0 - c.0), (1_799_500_000, 3_600_500_000, 1_800_000_000));
        assert!(set(r#"{"channel":1,"spans":[]}"#) && unit.recordings(1).is_empty());
        assert!(set(r#"{"channel":1,"spans":null}"#) && unit.recordings(1).len() == 1);
        for wrong in
            ["", "[]", r#"{"channel":1}"#, r#"{"channel":9,"spans":null}"#, r#"{"channel":1,"spans":[1]}"#]
        {
            assert!(!set(wrong), "{wrong}");
        }
    }
}
