mod upload;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bartizan_base::{Clock, SystemClock, UtcMicros};
use bartizan_device::{CertificatePin, Endpoint, Login};
use bytes::{Bytes, BytesMut};
use reqwest::{header, redirect};
use tokio::{sync::Semaphore, time::timeout};
use url::{Position, Url};

use crate::{
    Auth, HttpError, Method, Recorder, Request, Response, Wire,
    dial::{CONNECT_TIMEOUT, connect, handshake, prefer_https},
    login::{Answer, LoginState, Verdict},
    recorder, shown_path,
    tls::Pinning,
};

pub use upload::Upload;

/// Most requests at once to one device: small web servers drop the fourth.
pub const MAX_CONCURRENT: usize = 3;
/// Devices close idle connections without a word; before that we do.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Longest wait for others to free a place, in time-outs of the request.
const QUEUE_TIMEOUTS: u32 = 4;
/// Most answers to challenges within one request. Where a nonce serves one request only, parallel requests use up each
/// other's: each round lets one of them through.
const MAX_ANSWERS: usize = 8;
/// Most answers to nonces nobody used before: each of the other requests on their way may make one stale, no more.
const MAX_FRESH_ANSWERS: usize = MAX_CONCURRENT;

/// Which scheme to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// HTTPS where it answers, else HTTP.
    #[default]
    Auto,
    /// HTTP only. Refused for an endpoint with a pin.
    Http,
    /// HTTPS only.
    Https,
}

/// How a client is made, beside where and who.
#[derive(Clone)]
pub struct Options {
    /// Which scheme to speak.
    pub scheme: Scheme,
    /// The wall clock for [`Response::date`].
    pub clock: Arc<dyn Clock>,
    /// Takes a transcript.
    pub recorder: Option<Arc<dyn Recorder>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { scheme: Scheme::Auto, clock: Arc::new(SystemClock), recorder: None }
    }
}

/// One device's HTTP side. Cheap to clone. At most [`MAX_CONCURRENT`] requests at once.
///
/// Credentials the device refused once are never sent again by this client. The first login goes alone, so that
/// parallel requests spend one try.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    base: Url,
    /// Where the device sent us: the same host over HTTPS.
    upgraded: OnceLock<Url>,
    pinning: Arc<Pinning>,
    login: LoginState,
    slots: Arc<Semaphore>,
    options: Options,
    oddities: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.base())
    }
}

impl Client {
    /// Finds the base URL: HTTPS when a port for it is given, or when HTTP is on its usual port and 443 answers a TLS
    /// handshake; else HTTP. With `endpoint.pin` HTTPS only; another certificate is
    /// [`HttpError::CertificateChanged`]. Sends no request.
    pub async fn dial(endpoint: &Endpoint, login: &Login) -> Result<Client, HttpError> {
        Self::dial_with(endpoint, login, Options::default()).await
    }

    /// As [`Client::dial`], with options.
    pub async fn dial_with(
        endpoint: &Endpoint,
        login: &Login,
        options: Options,
    ) -> Result<Client, HttpError> {
        let pinning = Pinning::new(endpoint.pin);
        let http_port = endpoint.ports.http.unwrap_or(80);
        let https_port = endpoint.ports.https.unwrap_or(443);
        let https = || async {
            let at = Wire::new(&format!("{}:{https_port}", endpoint.url_host()), "CONNECT", String::new());
            let stream = connect(&endpoint.host, https_port, &at).await?;
            handshake(stream, &endpoint.host, &pinning, &at).await.map(drop)
        };
        let plain = || async {
            let at = Wire::new(&format!("{}:{http_port}", endpoint.url_host()), "CONNECT", String::new());
            connect(&endpoint.host, http_port, &at).await.map(drop)
        };
        let mut oddity = None;
        let secure = match options.scheme {
            _ if endpoint.pin.is_some() => https().await.map(|()| true)?,
            Scheme::Https => https().await.map(|()| true)?,
            Scheme::Http => plain().await.map(|()| false)?,
            Scheme::Auto if endpoint.ports.https.is_some() => match https().await {
                Ok(()) => true,
                Err(error) if endpoint.ports.http.is_some() => {
                    plain().await.map_err(|_| error.clone())?;
                    oddity = Some(format!("HTTPS does not work, HTTP is used: {error}"));
                    false
                }
                Err(error) => return Err(error),
            },
            // HTTP on a port of its own is often a forwarded one: 443 of that address is then another device's.
            Scheme::Auto if http_port != 80 => plain().await.map(|()| false)?,
            Scheme::Auto => {
                let (secure, odd) = prefer_https(endpoint, &pinning, plain()).await?;
                oddity = odd;
                secure
            }
        };
        let (scheme, port) = if secure { ("https", https_port) } else { ("http", http_port) };
        let base = Url::parse(&format!("{scheme}://{}:{port}/", endpoint.url_host())).map_err(|e| {
            HttpError::Protocol {
                at: Wire::new(&endpoint.host, "CONNECT", String::new()),
                reason: e.to_string(),
            }
        })?;
        let client = Self::build(base, login, pinning, options)?;
        if let Some(oddity) = oddity {
            client.note(oddity);
        }
        Ok(client)
    }

    /// A client for a base URL that is already known, e.g. a service address the device named. Path, query and user
    /// info of `base` are dropped. Connects to nothing.
    pub fn at(
        base: &Url,
        pin: Option<CertificatePin>,
        login: &Login,
        options: Options,
    ) -> Result<Client, HttpError> {
        let mut base = base.clone();
        let wire = Wire::new(&peer_of(&base), "CONNECT", String::new());
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(HttpError::Protocol { at: wire, reason: "neither http nor https".into() });
        }
        if pin.is_some() && base.scheme() == "http" {
            return Err(HttpError::LoginUnsafe {
                at: wire,
                reason: "a certificate is pinned and this is HTTP".into(),
            });
        }
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        Self::build(base, login, Pinning::new(pin), options)
    }

    fn build(base: Url, login: &Login, pinning: Arc<Pinning>, options: Options) -> Result<Client, HttpError> {
        let at = || Wire::new(&peer_of(&base), "CONNECT", String::new());
        let tls = pinning.config().map_err(|e| HttpError::Tls { at: at(), reason: e.to_string() })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(MAX_CONCURRENT)
            .http1_title_case_headers()
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .build()
            .map_err(|e| HttpError::of_reqwest(e, at()))?;
        Ok(Client(Arc::new(Inner {
            http,
            base,
            upgraded: OnceLock::new(),
            pinning,
            login: LoginState::new(login.credentials.clone()),
            slots: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            options,
            oddities: Mutex::default(),
        })))
    }

    /// `http[s]://host:port/` without user info.
    pub fn base(&self) -> &Url {
        self.0.upgraded.get().unwrap_or(&self.0.base)
    }

    /// `host:port`.
    pub fn peer(&self) -> String {
        peer_of(self.base())
    }

    /// Our clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.options.clock
    }

    /// The certificate the device showed; `None` over HTTP.
    pub fn certificate(&self) -> Option<CertificatePin> {
        if self.base().scheme() == "https" { self.0.pinning.certificate() } else { None }
    }

    /// True once the device refused these credentials: nothing is sent with them any more.
    pub fn refused(&self) -> bool {
        self.0.login.refused().is_some()
    }

    /// What was tolerated, one line each.
    pub fn oddities(&self) -> Vec<String> {
        self.0.oddities.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, oddity: String) {
        let mut oddities = self.0.oddities.lock().unwrap_or_else(PoisonError::into_inner);
        if !oddities.contains(&oddity) {
            tracing::debug!(peer = %self.peer(), oddity);
            oddities.push(oddity);
        }
    }

    /// Reads a path.
    pub async fn get(&self, path_and_query: &str) -> Result<Response, HttpError> {
        self.send(Request::get(path_and_query)).await
    }

    /// Sends a request and reads the whole answer. Any status is an answer, except 401 to a request that may log in.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let (mut head, _slot) = Box::pin(self.exchange(&request)).await?;
        let at = self.wire(&request);
        let body = timeout(request.timeout, read_body(&mut head.answer, request.body_limit, &at))
            .await
            .map_err(|_| HttpError::Timeout { at })??;
        self.record(&request, head.status, &head.headers, &body);
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
            url: self.shown_url(&request),
            date: head.date,
            round_trip: head.round_trip,
        })
    }

    /// Sends a request and gives the answer's headers; the body comes in chunks, with `request.timeout` between them
    /// and no limit on the whole. It takes a place of [`MAX_CONCURRENT`] only until the headers are here.
    pub async fn open(&self, request: Request) -> Result<Streaming, HttpError> {
        let (head, _slot) = Box::pin(self.exchange(&request)).await?;
        self.record(&request, head.status, &head.headers, b"");
        Ok(Streaming {
            status: head.status,
            headers: head.headers,
            idle: request.timeout,
            at: self.wire(&request),
            answer: head.answer,
        })
    }

    /// Request to headers: queueing, login, redirect.
    async fn exchange(
        &self,
        request: &Request,
    ) -> Result<(Head, tokio::sync::OwnedSemaphorePermit), HttpError> {
        let waiting = timeout(request.timeout * QUEUE_TIMEOUTS, self.0.slots.clone().acquire_owned());
        let slot = waiting
            .await
            .map_err(|_| HttpError::Timeout { at: self.wire(request) })?
            .map_err(|_| self.protocol(request, "the client is closed"))?;
        let mut head = self.with_login(request).await?;
        if let Some(target) = self.upgrade_target(&head) {
            self.note(format!("the device sends HTTP to {}", target.scheme()));
            let _ = self.0.upgraded.set(target);
            head = self.with_login(request).await?;
        }
        Ok((head, slot))
    }

    /// Where a redirect leads when it is one we follow: from HTTP to HTTPS of the same host.
    fn upgrade_target(&self, head: &Head) -> Option<Url> {
        let redirected = matches!(head.status, 301 | 302 | 303 | 307 | 308);
        if !redirected || self.base().scheme() != "http" {
            return None;
        }
        let location = head.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value)?;
        let target = self.base().join(location).ok()?;
        if target.scheme() != "https" || target.host() != self.base().host() {
            return None;
        }
        Url::parse(&target[..Position::BeforePath]).ok()
    }

    async fn with_login(&self, request: &Request) -> Result<Head, HttpError> {
        let login = &self.0.login;
        if request.auth == Auth::None {
            return self.once(request, None).await;
        }
        if !login.has_credentials() {
            let mut head = self.once(request, None).await?;
            if head.status != 401 {
                return Ok(head);
            }
            let body = self.body_of_refusal(request, &mut head).await;
            return Err(HttpError::PasswordNeeded { at: self.wire(request), body });
        }
        let lost_before = login.unanswered();
        let mut gate = None;
        let (mut answers, mut fresh_answers) = (0, 0);
        loop {
            if let Some(body) = login.refused() {
                return Err(HttpError::Refused { at: self.wire(request), body });
            }
            if gate.is_none() && !login.proven() {
                let waiting = timeout(request.timeout * QUEUE_TIMEOUTS, login.gate.lock());
                gate = Some(waiting.await.map_err(|_| HttpError::Timeout { at: self.wire(request) })?);
                if login.unanswered() > lost_before {
                    // The login we waited for got no verdict. Trying right behind it would spend another try.
                    let reason = "the login before this one got no answer".to_owned();
                    return Err(HttpError::Disconnected { at: self.wire(request), reason });
                }
                continue;
            }
            if login.proven() {
                gate = None;
            }
            let uri = self.target(request)?;
            let answer = login
                .answer(request, &uri[Position::BeforePath..Position::AfterQuery])
                .map_err(|reason| self.protocol(request, &reason))?;
            answers += usize::from(answer.is_some());
            fresh_answers += usize::from(answer.as_ref().is_some_and(|answer| !answer.was_proven));
            let trying = answer.as_ref().filter(|answer| !answer.was_proven).map(|_| Trying(login));
            let mut head = self.once(request, answer.as_ref()).await?;
            if head.status != 401 {
                if let Some(answer) = &answer {
                    login.accepted(answer);
                }
                Trying::over(trying);
                return Ok(head);
            }
            let body = self.body_of_refusal(request, &mut head).await;
            Trying::over(trying);
            let may_basic = self.may_basic(head.remote);
            match login.challenged(&head.challenges, body.clone(), answer.as_ref(), may_basic) {
                Verdict::Answer if fresh_answers >= MAX_FRESH_ANSWERS => {
                    login.refuse(body.clone());
                    return Err(HttpError::Refused { at: self.wire(request), body });
                }
                Verdict::Answer if answers >= MAX_ANSWERS => {
                    return Err(self.protocol(request, "nonces run out before they can be used"));
                }
                Verdict::Answer => {
                    if login.uses_basic() && self.base().scheme() == "http" {
                        self.note(
                            "the device offers only Basic: the password goes unencrypted over the LAN".into(),
                        );
                    }
                }
                Verdict::Refused(body) => return Err(HttpError::Refused { at: self.wire(request), body }),
                Verdict::Unsafe(reason) => {
                    return Err(HttpError::LoginUnsafe { at: self.wire(request), reason });
                }
            }
        }
    }

    /// Basic shows the password to everyone on the way: over TLS it may go, in the clear only within a LAN.
    fn may_basic(&self, remote: Option<SocketAddr>) -> bool {
        self.base().scheme() == "https" || remote.is_some_and(|remote| is_local(remote.ip()))
    }

    async fn body_of_refusal(&self, request: &Request, head: &mut Head) -> Bytes {
        const LIMIT: usize = 64 << 10;
        let at = self.wire(request);
        let body = match timeout(request.timeout, read_body(&mut head.answer, LIMIT, &at)).await {
            Ok(Ok(body)) => body,
            _ => Bytes::new(),
        };
        self.record(request, head.status, &head.headers, &body);
        body
    }

    /// One request, one answer. A GET whose kept connection turns out dead is sent once more, unless a login that was
    /// never accepted hangs on it.
    async fn once(&self, request: &Request, answer: Option<&Answer>) -> Result<Head, HttpError> {
        match self.raw(request, answer).await {
            Err(HttpError::Disconnected { .. })
                if request.method == Method::Get && answer.is_none_or(|answer| answer.was_proven) =>
            {
                self.raw(request, answer).await
            }
            other => other,
        }
    }

    async fn raw(&self, request: &Request, answer: Option<&Answer>) -> Result<Head, HttpError> {
        let at = self.wire(request);
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.0.http.request(method, self.target(request)?);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(content_type) = &request.content_type {
            builder = builder.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(answer) = answer {
            let mut value = header::HeaderValue::from_str(&answer.header)
                .map_err(|_| self.protocol(request, "the login does not fit into a header"))?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        } else if matches!(request.method, Method::Put | Method::Post) {
            builder = builder.header(header::CONTENT_LENGTH, "0");
        }
        let (sent, started) = (self.0.options.clock.now(), tokio::time::Instant::now());
        let result = timeout(request.timeout, builder.send()).await;
        let received = self.0.options.clock.now();
        let answer = match result {
            Err(_) => Err(HttpError::Timeout { at }),
            Ok(Err(error)) => Err(match self.0.pinning.take_changed() {
                Some((expected, found)) => HttpError::CertificateChanged { at, expected, found },
                None => HttpError::of_reqwest(error, at),
            }),
            Ok(Ok(answer)) => Ok(answer),
        };
        let answer = answer.inspect_err(|error| {
            tracing::debug!(%error, "no answer");
            self.record(request, 0, &[], b"");
        })?;
        tracing::debug!(at = %self.wire(request), status = answer.status().as_u16(), "answer");
        let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Head {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            challenges: answer.headers().get_all(header::WWW_AUTHENTICATE).iter().map(text).collect(),
            remote: answer.remote_addr(),
            date: UtcMicros(sent.0 + (received.0 - sent.0) / 2),
            round_trip: started.elapsed(),
            answer,
        })
    }

    fn target(&self, request: &Request) -> Result<Url, HttpError> {
        let text = format!("{}{}", self.base(), request.path.trim_start_matches('/'));
        Url::parse(&text).map_err(|e| self.protocol(request, &e.to_string()))
    }

    fn wire(&self, request: &Request) -> Wire {
        Wire::new(&self.peer(), request.method.as_str(), shown_path(&request.path).into_owned())
    }

    fn shown_url(&self, request: &Request) -> String {
        format!("{}{}", self.base(), shown_path(request.path.trim_start_matches('/')))
    }

    fn protocol(&self, request: &Request, reason: &str) -> HttpError {
        HttpError::Protocol { at: self.wire(request), reason: reason.to_owned() }
    }

    fn record(&self, request: &Request, status: u16, headers: &[(String, String)], body: &[u8]) {
        let Some(to) = &self.0.options.recorder else { return };
        let mut exchange =
            recorder::exchange(self.peer(), request.method.as_str(), &request.path, &request.body);
        exchange.status = status;
        exchange.headers = recorder::shown_headers(headers);
        exchange.received = recorder::anonymise(body);
        to.record(exchange);
    }
}

/// A login on its way. Dropped without [`Trying::over`] (an error, a cancelled call) it leaves a mark, so that those
/// who wait behind it do not try at once.
struct Trying<'a>(&'a LoginState);

impl Trying<'_> {
    fn over(trying: Option<Self>) {
        std::mem::forget(trying);
    }
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        self.0.lost();
    }
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    challenges: Vec<String>,
    remote: Option<SocketAddr>,
    date: UtcMicros,
    round_trip: Duration,
    answer: reqwest::Response,
}

/// An answer whose body comes in chunks.
#[derive(Debug)]
pub struct Streaming {
    /// Status code.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    idle: Duration,
    at: Wire,
    answer: reqwest::Response,
}

impl Streaming {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// 200–299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The next bytes; `None` at the end. Cancel-safe.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        timeout(self.idle, self.answer.chunk())
            .await
            .map_err(|_| HttpError::Timeout { at: self.at.clone() })?
            .map_err(|e| HttpError::of_reqwest(e, self.at.clone()))
    }
}

async fn read_body(answer: &mut reqwest::Response, limit: usize, at: &Wire) -> Result<Bytes, HttpError> {
    let too_large = || HttpError::TooLarge { at: at.clone(), limit };
    if answer.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| match HttpError::of_reqwest(e, at.clone()) {
        // A body that ends early is a broken connection, whatever words the library has for it.
        HttpError::Protocol { at, reason } => HttpError::Disconnected { at, reason },
        other => other,
    })? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn peer_of(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or(""), url.port_or_known_default().unwrap_or(0))
}

/// Loopback, link-local and private addresses (RFC 1918, RFC 3927, RFC 4193).
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_local(IpAddr::V4(ip)),
            None => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
