//! ONVIF as a device speaks it: Profile S and parts of T over the state of a unit.
//!
//! Requests are read by local name; the namespace of the operation, not the address, tells the service, as in most
//! devices. Answers carry fixed prefixes declared once, as gSOAP writes them.

mod device;
mod discovery;
mod events;
mod imaging;
mod media;
mod ptz;
mod quirks;
mod security;
mod server;
pub(crate) mod soap;
mod view;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bartizan_base::{Secret, UtcMicros, random_token};
use quick_xml::escape::escape;

pub(crate) use self::discovery::{Responder, Target};
pub use self::quirks::{OnvifAddress, OnvifLogin, OnvifQuirks, OnvifRefusal};
pub use self::server::{OnvifDiscovery, OnvifServer};
use self::{
    events::PullPoints,
    security::{Nonces, Token, judge},
    soap::{Call, DEVICE, DEVICE_IO, EVENTS, Fault, IMAGING, MEDIA, MEDIA2, NOTIFICATION, PTZ, envelope},
};
use crate::{
    auth::{Auth, Verdict},
    config::{DigestOffer, Format},
    snapshot,
    unit::{LoginOutcome, Unit},
};

/// The body of an answer, or a fault.
type Answer = Result<String, Fault>;

/// Everything an operation looks at.
pub(crate) struct Request<'a> {
    pub call: &'a Call,
    /// Path and query the request was sent to.
    pub target: &'a str,
    /// `http://host:port` for addresses in the answer.
    pub base: String,
    /// Own address on this connection.
    pub local: IpAddr,
    /// The device's clock.
    pub now: UtcMicros,
    pub rtsp_port: u16,
    pub quirks: &'a OnvifQuirks,
    pub unit: &'a Unit,
}

/// An HTTP request as the front door hands it on.
pub(crate) struct HttpRequest<'a> {
    pub method: &'a str,
    /// Path and query, as in the request line.
    pub target: &'a str,
    pub host: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub body: &'a [u8],
    /// Own address on this connection.
    pub local: SocketAddr,
    pub peer: SocketAddr,
    /// Whether it came over TLS.
    pub secure: bool,
}

/// What goes back.
#[derive(Debug)]
pub(crate) struct HttpReply {
    pub status: u16,
    pub content_type: &'static str,
    /// `WWW-Authenticate`, one header each.
    pub challenges: Vec<String>,
    pub body: Vec<u8>,
}

impl HttpReply {
    /// A status without a body.
    fn plain(status: u16) -> Self {
        Self { status, content_type: "text/plain", challenges: Vec::new(), body: Vec::new() }
    }
}

/// Who may come in.
enum Admission {
    Granted,
    /// Nobody, and nothing was tried.
    Nobody,
    /// A login was tried in vain.
    Refused,
    /// The HTTP nonce has run out; the same login may come again.
    Stale,
}

/// Challenges of HTTP Digest and what they were made from.
struct Door {
    auth: Auth,
    password: Option<Secret>,
    uses: u32,
}

impl Door {
    fn new(user: &str, password: Option<Secret>) -> Self {
        // Without a password of its own no proof can be right.
        let known = password.clone().unwrap_or_else(|| Secret::new(random_token()));
        Self { auth: Auth::new(user, &known, DigestOffer::Both), password, uses: 0 }
    }

    fn judge(&self, method: &str, target: &str, authorization: Option<&str>) -> Verdict {
        self.auth.judge(method, target, authorization)
    }
}

/// The personality of one unit.
pub(crate) struct Onvif {
    unit: Arc<Unit>,
    rtsp_port: u16,
    quirks: Mutex<OnvifQuirks>,
    pull_points: PullPoints,
    nonces: Mutex<Nonces>,
    door: Mutex<Door>,
}

impl Onvif {
    /// Its streams are on that port of the same host.
    pub fn new(unit: Arc<Unit>, rtsp_port: u16, quirks: OnvifQuirks) -> Self {
        let user = &unit.config().user;
        let door = Mutex::new(Door::new(user, unit.password_of(user)));
        let quirks = Mutex::new(quirks);
        Self { door, quirks, rtsp_port, pull_points: PullPoints::default(), nonces: Mutex::default(), unit }
    }

    /// What is odd about it now.
    pub fn quirks(&self) -> OnvifQuirks {
        self.quirks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes it odd in other ways.
    pub fn set_quirks(&self, quirks: OnvifQuirks) {
        *self.quirks.lock().unwrap_or_else(PoisonError::into_inner) = quirks;
    }

    /// What it answers to WS-Discovery when its device service is at `authority` (host and port).
    pub fn target(&self, authority: &str) -> Target {
        Target {
            endpoint: view::endpoint(&self.unit),
            scopes: view::scopes(&self.unit, self.quirks().media2),
            xaddrs: vec![format!("http://{authority}{}", device::SERVICES[0].1)],
        }
    }

    /// Whether a path is this personality's.
    pub fn owns(path: &str) -> bool {
        path.starts_with("/onvif/")
    }

    /// Answers any request below `/onvif/`.
    pub async fn handle(&self, http: &HttpRequest<'_>) -> HttpReply {
        self.unit.count_request();
        let (quirks, knobs) = (self.quirks(), self.unit.knobs());
        if !knobs.delay.is_zero() {
            tokio::time::sleep(knobs.delay).await;
        }
        if knobs.busy {
            return HttpReply::plain(503);
        }
        if let Some(query) = http.target.strip_prefix(SNAPSHOT_PATH) {
            return self.snapshot(http, query).await;
        }
        if http.method != "POST" {
            return HttpReply {
                status: 405,
                content_type: "text/plain",
                challenges: Vec::new(),
                body: Vec::new(),
            };
        }
        let call = std::str::from_utf8(http.body).ok().and_then(Call::parse);
        let Some(call) = call else {
            return soap(&quirks, None, Err(Fault::sender(&["WellFormed"], "Well-formed Error")), None);
        };
        let open = call.body.namespace == DEVICE && device::is_open(&call.body.name);
        // An open operation is no login, though clients may send one along.
        let admission = if open { Admission::Nobody } else { self.admit(http, &call, &quirks) };
        tracing::debug!(operation = call.body.name, peer = %http.peer, "ONVIF");
        if !open && !matches!(admission, Admission::Granted) {
            return self.refuse(&admission, &quirks, &call);
        }
        let base = match &quirks.address {
            OnvifAddress::Reached => http.host.map_or_else(|| http.local.to_string(), str::to_owned),
            OnvifAddress::Zero => format!("0.0.0.0:{}", http.local.port()),
            OnvifAddress::Other(address) => address.clone(),
        };
        let scheme = if http.secure { "https" } else { "http" };
        let request = Request {
            call: &call,
            target: http.target,
            base: format!("{scheme}://{base}"),
            local: http.local.ip(),
            now: self.unit.now(),
            rtsp_port: self.rtsp_port,
            quirks: &quirks,
            unit: &self.unit,
        };
        let answer = self.dispatch(&request).await;
        soap(&quirks, Some(&call), answer, None)
    }

    async fn dispatch(&self, request: &Request<'_>) -> Answer {
        let namespace = match request.call.body.namespace.as_str() {
            // A client that leaves the namespace out means the service it sent to.
            "" => {
                let path = request.target.split('?').next().unwrap_or_default();
                device::SERVICES
                    .iter()
                    .find(|(_, own)| *own == path)
                    .map_or(DEVICE, |(namespace, _)| namespace)
            }
            namespace => namespace,
        };
        match namespace {
            DEVICE | DEVICE_IO => device::answer(request),
            MEDIA => media::answer(request),
            MEDIA2 if request.quirks.media2 => media::answer(request),
            PTZ if request.movable().next().is_some() => ptz::answer(request),
            IMAGING => imaging::answer(request),
            EVENTS | NOTIFICATION => self.pull_points.answer(request).await,
            _ => Err(Fault::not_supported(&request.call.body.name)),
        }
    }

    /// Judges HTTP Digest and counts what it finds.
    fn digest(&self, http: &HttpRequest<'_>) -> Admission {
        let verdict = self.door().judge(http.method, http.target, http.authorization);
        match verdict {
            Verdict::Granted => self.count(true),
            Verdict::Wrong => self.count(false),
            Verdict::Missing => Admission::Nobody,
            Verdict::Stale => Admission::Stale,
        }
    }

    /// One count for all the languages of the unit: ONVIF's failures lock the account too.
    fn count(&self, right: bool) -> Admission {
        match self.unit.login(right) {
            LoginOutcome::Granted => Admission::Granted,
            LoginOutcome::Refused { .. } | LoginOutcome::Locked { .. } => Admission::Refused,
        }
    }

    /// The challenger of HTTP Digest, anew when its nonce has been used up or the password is another.
    fn door(&self) -> MutexGuard<'_, Door> {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        let user = &self.unit.config().user;
        let password = self.unit.password_of(user);
        let limit = self.unit.knobs().nonce_uses;
        if door.password != password || (limit > 0 && door.uses >= limit) {
            *door = Door::new(user, password);
        }
        door.uses += 1;
        door
    }

    fn challenges(&self, stale: bool) -> Vec<String> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).auth.challenges(stale)
    }

    /// A picture behind HTTP Digest, whatever login the services want.
    async fn snapshot(&self, http: &HttpRequest<'_>, query: &str) -> HttpReply {
        match self.digest(http) {
            Admission::Granted => {}
            other => {
                let challenges = self.challenges(matches!(other, Admission::Stale));
                return HttpReply { challenges, ..HttpReply::plain(401) };
            }
        }
        let value = |name: &str| {
            let pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
        };
        let channel =
            value("channel").and_then(|number| number.parse().ok()).filter(|one| self.unit.has(*one));
        let (Some(channel), Some(stream)) = (channel, media::stream_of(value("stream").unwrap_or("main")))
        else {
            return HttpReply::plain(404);
        };
        if self.unit.offline(channel).is_some() {
            return HttpReply::plain(503);
        }
        let (unit, format) = (self.unit.clone(), Format::of(stream));
        let painting = move || snapshot::jpeg(&unit, channel, format.width, format.height);
        match tokio::task::spawn_blocking(painting).await.map_err(std::io::Error::other).flatten() {
            Ok(body) => HttpReply { content_type: "image/jpeg", body, ..HttpReply::plain(200) },
            Err(error) => {
                tracing::warn!(%error, "snapshot");
                HttpReply::plain(500)
            }
        }
    }

    fn admit(&self, http: &HttpRequest<'_>, call: &Call, quirks: &OnvifQuirks) -> Admission {
        if quirks.login != OnvifLogin::UsernameToken && http.authorization.is_some() {
            return self.digest(http);
        }
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let password = |user: &str| self.unit.password_of(user);
        let token = judge(call, self.unit.now(), quirks.created_window, &mut nonces, password);
        match token {
            Token::Missing => Admission::Nobody,
            // Not even looked at.
            _ if quirks.login == OnvifLogin::HttpDigest => Admission::Nobody,
            Token::Granted => self.count(true),
            Token::Replayed if !quirks.replay_check => self.count(true),
            // A fresh unit has no password that could be wrong.
            Token::Wrong if self.unit.activated() => self.count(false),
            // These tell nothing of the password, so they lock nobody out.
            Token::Wrong | Token::OutOfTime | Token::Replayed => Admission::Refused,
        }
    }

    fn refuse(&self, admission: &Admission, quirks: &OnvifQuirks, call: &Call) -> HttpReply {
        let stale = matches!(admission, Admission::Stale);
        let challenges = match quirks.login {
            OnvifLogin::UsernameToken => Vec::new(),
            _ => self.challenges(stale),
        };
        let tried = matches!(admission, Admission::Refused);
        let wanted_401 = quirks.refusal == OnvifRefusal::Http401 || quirks.login == OnvifLogin::HttpDigest;
        if !challenges.is_empty() && (wanted_401 || !tried) {
            return HttpReply { status: 401, content_type: SOAP, challenges, body: Vec::new() };
        }
        let fault = match quirks.refusal {
            OnvifRefusal::Fault500 => {
                return soap(quirks, Some(call), Err(Fault::failed_authentication()), Some(500));
            }
            _ => Fault::not_authorized(),
        };
        let status = if quirks.refusal == OnvifRefusal::Fault200 { 200 } else { 400 };
        soap(quirks, Some(call), Err(fault), Some(status))
    }
}

const SOAP: &str = "application/soap+xml; charset=utf-8";
/// Where pictures are, by `channel` and `stream`.
const SNAPSHOT_PATH: &str = "/onvif/snapshot";

/// Puts an answer into its envelope, with the unit's oddities. A fault's status follows its side unless given.
fn soap(quirks: &OnvifQuirks, call: Option<&Call>, answer: Answer, status: Option<u16>) -> HttpReply {
    let mut headers = String::new();
    if let Some(call) = call {
        if quirks.echoes_security
            && let Some(security) = call.header("Security")
        {
            headers.push_str(&echo(security));
        }
        if let Some(action) = call.header("Action").map(|action| action.text.as_str()) {
            let action = format!("{}Response", action.strip_suffix("Request").unwrap_or(action));
            let action = if answer.is_ok() {
                action
            } else {
                "http://www.w3.org/2005/08/addressing/soap/fault".into()
            };
            headers.push_str(&format!(
                "<wsa5:Action SOAP-ENV:mustUnderstand=\"true\">{}</wsa5:Action>",
                escape(action)
            ));
        }
        if let Some(id) = call.header("MessageID") {
            headers.push_str(&format!("<wsa5:RelatesTo>{}</wsa5:RelatesTo>", escape(id.text.as_str())));
        }
    }
    let (own_status, body) = match &answer {
        Ok(body) => (200, body.clone()),
        Err(fault) => (if fault.sender { 400 } else { 500 }, fault.body()),
    };
    let mut text = envelope(&headers, &body);
    if quirks.curly_quotes {
        text = text.replacen(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<?xml version=\u{201d}1.0\u{201d} ?>",
            1,
        );
    }
    HttpReply {
        status: status.unwrap_or(own_status),
        content_type: SOAP,
        challenges: Vec::new(),
        body: text.into_bytes(),
    }
}

/// A header as it came, without its namespaces' original prefixes.
fn echo(element: &soap::Element) -> String {
    let inner: String = element.children.iter().map(echo).collect();
    format!("<wsse:{0}>{1}{inner}</wsse:{0}>", element.name, escape(element.text.as_str()))
}

/// A moment as `xs:dateTime` in whole seconds.
fn stamp(at: UtcMicros) -> String {
    let at = jiff::Timestamp::from_second(at.0.div_euclid(1_000_000)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_string()
}

#[cfg(test)]
mod tests;
