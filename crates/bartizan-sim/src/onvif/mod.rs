//! ONVIF as a device speaks it: Profile S and parts of T and G over the state of a unit.
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
mod recording;
mod security;
mod server;
pub(crate) mod soap;
mod view;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bartizan_base::UtcMicros;
use quick_xml::escape::escape;

pub(crate) use self::discovery::{Responder, Target};
pub use self::quirks::{OnvifAddress, OnvifLogin, OnvifQuirks, OnvifRefusal};
pub use self::server::{OnvifDiscovery, OnvifServer};
use self::{
    events::PullPoints,
    recording::Searches,
    security::{Nonces, Token, judge},
    soap::{
        Call, DEVICE, DEVICE_IO, EVENTS, Fault, IMAGING, MEDIA, MEDIA2, NOTIFICATION, PTZ, RECORDING, REPLAY,
        SEARCH, envelope,
    },
};
use crate::{
    config::{DigestOffer, Format},
    front::{Admission, Ask, HttpLogin, Personality, Reply},
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

/// The personality of one unit.
pub(crate) struct Onvif {
    unit: Arc<Unit>,
    rtsp_port: u16,
    quirks: Mutex<OnvifQuirks>,
    pull_points: PullPoints,
    searches: Searches,
    nonces: Mutex<Nonces>,
    login: HttpLogin,
}

impl Onvif {
    /// Its streams are on that port of the same host.
    pub fn new(unit: Arc<Unit>, rtsp_port: u16, quirks: OnvifQuirks) -> Self {
        let realm = unit.config().model.clone();
        let login = HttpLogin::new(unit.clone(), realm, DigestOffer::Both);
        let quirks = Mutex::new(quirks);
        let (pull_points, searches) = (PullPoints::default(), Searches::default());
        Self { login, quirks, rtsp_port, pull_points, searches, nonces: Mutex::default(), unit }
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

    /// Answers a call of the services.
    async fn call(&self, ask: &Ask) -> Reply {
        let quirks = self.quirks();
        let Some(call) = std::str::from_utf8(&ask.body).ok().and_then(Call::parse) else {
            return soap(&quirks, None, Err(Fault::sender(&["WellFormed"], "Well-formed Error")), None);
        };
        let open = call.body.namespace == DEVICE && device::is_open(&call.body.name);
        if !open {
            let admission = self.admit(ask, &call, &quirks);
            if admission != Admission::Granted {
                return self.refuse(admission, &quirks, &call);
            }
        }
        let authority = match &quirks.address {
            OnvifAddress::Reached => ask.header("host").map_or_else(|| ask.local.to_string(), str::to_owned),
            OnvifAddress::Zero => format!("0.0.0.0:{}", ask.local.port()),
            OnvifAddress::Other(address) => address.clone(),
        };
        let request = Request {
            call: &call,
            target: &ask.target,
            base: format!("http://{authority}"),
            local: ask.local.ip(),
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
            RECORDING | SEARCH | REPLAY if self.unit.config().profile_g => {
                recording::answer(request, &self.searches)
            }
            EVENTS | NOTIFICATION => self.pull_points.answer(request).await,
            _ => Err(Fault::not_supported(&request.call.body.name)),
        }
    }

    /// One count for all the languages of the unit: ONVIF's failures lock the account too.
    fn count(&self, right: bool) -> Admission {
        match self.unit.login(right) {
            LoginOutcome::Granted => Admission::Granted,
            refused => Admission::Refused(refused),
        }
    }

    /// A picture behind HTTP Digest, whatever login the services want.
    async fn snapshot(&self, ask: &Ask) -> Reply {
        match self.login.admit(ask) {
            Admission::Granted => {}
            other => {
                let challenges = self.login.challenges(other == Admission::Stale);
                return empty(401).challenged(challenges);
            }
        }
        let query = ask.query();
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let channel =
            value("channel").and_then(|number| number.parse().ok()).filter(|one| self.unit.has(*one));
        let (Some(channel), Some(stream)) = (channel, media::stream_of(value("stream").unwrap_or("main")))
        else {
            return empty(404);
        };
        if self.unit.offline(channel).is_some() {
            return empty(503);
        }
        let (unit, format) = (self.unit.clone(), Format::of(stream));
        let painting = move || snapshot::jpeg(&unit, channel, format.width, format.height);
        match tokio::task::spawn_blocking(painting).await.map_err(std::io::Error::other).flatten() {
            Ok(picture) => Reply::new(200, "image/jpeg", picture),
            Err(error) => {
                tracing::warn!(%error, "snapshot");
                empty(500)
            }
        }
    }

    fn admit(&self, ask: &Ask, call: &Call, quirks: &OnvifQuirks) -> Admission {
        if quirks.login != OnvifLogin::UsernameToken && ask.header("authorization").is_some() {
            return self.login.admit(ask);
        }
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let password = |user: &str| self.unit.password_of(user);
        match judge(call, self.unit.now(), quirks.created_window, &mut nonces, password) {
            Token::Missing => Admission::Missing,
            // Not even looked at.
            _ if quirks.login == OnvifLogin::HttpDigest => Admission::Missing,
            Token::Granted => self.count(true),
            Token::Replayed if !quirks.replay_check => self.count(true),
            // A fresh unit has no password that could be wrong.
            Token::Wrong if self.unit.activated() => self.count(false),
            // These tell nothing of the password, so they lock nobody out.
            Token::Wrong | Token::OutOfTime | Token::Replayed => Admission::Refused(self.unit.login_state()),
        }
    }

    fn refuse(&self, admission: Admission, quirks: &OnvifQuirks, call: &Call) -> Reply {
        let offers_digest = quirks.login != OnvifLogin::UsernameToken;
        let tried = matches!(admission, Admission::Refused(_));
        let wanted_401 = quirks.refusal == OnvifRefusal::Http401 || quirks.login == OnvifLogin::HttpDigest;
        if offers_digest && (wanted_401 || !tried) {
            let challenges = self.login.challenges(admission == Admission::Stale);
            return Reply::new(401, SOAP, Vec::new()).challenged(challenges);
        }
        let (status, fault) = match quirks.refusal {
            OnvifRefusal::Fault500 => (500, Fault::failed_authentication()),
            OnvifRefusal::Fault200 => (200, Fault::not_authorized()),
            OnvifRefusal::Fault400 | OnvifRefusal::Http401 => (400, Fault::not_authorized()),
        };
        soap(quirks, Some(call), Err(fault), Some(status))
    }
}

#[async_trait]
impl Personality for Onvif {
    async fn answer(&self, ask: &Ask) -> Reply {
        if self.unit.knobs().busy {
            return empty(503);
        }
        match (ask.method.as_str(), ask.path()) {
            (_, SNAPSHOT_PATH) => self.snapshot(ask).await,
            ("POST", path) if path.starts_with("/onvif/") => self.call(ask).await,
            (_, path) if path.starts_with("/onvif/") => empty(405),
            _ => empty(404),
        }
    }
}

fn empty(status: u16) -> Reply {
    Reply::new(status, "text/plain", Vec::new())
}

const SOAP: &str = "application/soap+xml; charset=utf-8";
/// Where pictures are, by `channel` and `stream`.
const SNAPSHOT_PATH: &str = "/onvif/snapshot";

/// Puts an answer into its envelope, with the unit's oddities. A fault's status follows its side unless given.
fn soap(quirks: &OnvifQuirks, call: Option<&Call>, answer: Answer, status: Option<u16>) -> Reply {
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
    Reply::new(status.unwrap_or(own_status), SOAP, text)
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
