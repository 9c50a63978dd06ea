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
pub(crate) mod soap;
mod view;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use bartizan_base::UtcMicros;
use quick_xml::escape::escape;

pub(crate) use self::discovery::Responder;
pub use self::quirks::{OnvifAddress, OnvifLogin, OnvifQuirks, OnvifRefusal};
use self::{
    events::PullPoints,
    security::{Nonces, Token, judge},
    soap::{Call, DEVICE, DEVICE_IO, EVENTS, Fault, IMAGING, MEDIA, MEDIA2, NOTIFICATION, PTZ, envelope},
    view::{Unit, UserLevel},
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
    pub quirks: &'a OnvifQuirks,
    pub unit: &'a Arc<Unit>,
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

/// Who may come in.
enum Admission {
    User(String),
    /// Nobody, and nothing was tried.
    Nobody,
    /// A login was tried in vain.
    Refused,
    /// The HTTP nonce has run out; the same login may come again.
    Stale,
}

/// The personality of one unit.
pub(crate) struct Onvif {
    unit: Arc<Unit>,
    pull_points: PullPoints,
    nonces: Mutex<Nonces>,
}

impl Onvif {
    pub fn new(unit: Arc<Unit>) -> Self {
        Self { unit, pull_points: PullPoints::default(), nonces: Mutex::default() }
    }

    /// Whether a path is this personality's.
    pub fn owns(path: &str) -> bool {
        path.starts_with("/onvif/")
    }

    /// Answers any request below `/onvif/`.
    pub async fn handle(&self, http: &HttpRequest<'_>) -> HttpReply {
        let quirks = self.unit.onvif_quirks();
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
        let admission = self.admit(http, &call, &quirks);
        tracing::debug!(operation = call.body.name, peer = %http.peer, "ONVIF");
        let user = match admission {
            Admission::User(user) => Some(user),
            _ if open => None,
            other => return self.refuse(&other, &quirks, &call),
        };
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
            quirks: &quirks,
            unit: &self.unit,
        };
        let answer = match request.permit(user.as_deref()) {
            Ok(()) => self.dispatch(&request).await,
            Err(fault) => Err(fault),
        };
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

    fn digest(&self, http: &HttpRequest<'_>) -> Admission {
        match self.unit.auth.judge(http.method, http.target, http.authorization) {
            crate::auth::Verdict::Granted => Admission::User("admin".into()),
            crate::auth::Verdict::Missing => Admission::Nobody,
            crate::auth::Verdict::Stale => Admission::Stale,
            crate::auth::Verdict::Wrong => Admission::Refused,
        }
    }

    async fn snapshot(&self, http: &HttpRequest<'_>, _query: &str) -> HttpReply {
        let admission = self.digest(http);
        match admission {
            Admission::User(_) => HttpReply {
                status: 200,
                content_type: "image/jpeg",
                challenges: Vec::new(),
                body: vec![0xff, 0xd8, 0xff, 0xe0],
            },
            other => HttpReply {
                status: 401,
                content_type: "text/plain",
                challenges: self.unit.challenges(matches!(other, Admission::Stale)),
                body: Vec::new(),
            },
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
            Token::Granted { user } if self.unit.login_succeeded(&user, http.peer.ip()) => {
                Admission::User(user)
            }
            Token::Granted { .. } => Admission::Refused,
            Token::Wrong { user } => {
                self.unit.login_failed(&user, http.peer.ip());
                Admission::Refused
            }
            Token::Replayed if !quirks.replay_check => Admission::Nobody,
            Token::OutOfTime | Token::Replayed => Admission::Refused,
        }
    }

    fn refuse(&self, admission: &Admission, quirks: &OnvifQuirks, call: &Call) -> HttpReply {
        let stale = matches!(admission, Admission::Stale);
        let challenges = match quirks.login {
            OnvifLogin::UsernameToken => Vec::new(),
            _ => self.unit.challenges(stale),
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

// STUB3-BEGIN
#[cfg(test)]
mod serve {
    use super::*;
    #[tokio::test(flavor = "multi_thread")]
    #[ignore]
    async fn serve() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:18080").await.unwrap();
        let auth = crate::auth::Auth::new(
            "admin",
            &bartizan_base::Secret::new("bartizan1"),
            crate::config::DigestOffer::Both,
        );
        let unit = Arc::new(Unit {
            state: Mutex::default(),
            quirks: Mutex::default(),
            rtsp: "rtsp://127.0.0.1:8554".into(),
            auth,
        });
        let onvif = Arc::new(Onvif::new(unit));
        let targets = Arc::new(|| {
            vec![discovery::Target {
                endpoint: "urn:uuid:0000-sim".into(),
                scopes: discovery::scopes("SIM", "S", "Y", true, true),
                xaddrs: vec!["http://127.0.0.1:18080/onvif/device_service".into()],
            }]
        });
        let _responder =
            Responder::start(std::net::Ipv4Addr::LOCALHOST, discovery::PORT, targets).await.unwrap();
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let onvif = onvif.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
                let target = parts.uri.path_and_query().map_or("/", |t| t.as_str());
                let http = HttpRequest {
                    method: parts.method.as_str(),
                    target,
                    host: header("host"),
                    authorization: header("authorization"),
                    body: &body,
                    local: "127.0.0.1:18080".parse().unwrap(),
                    peer: "127.0.0.1:1".parse().unwrap(),
                    secure: false,
                };
                let reply = onvif.handle(&http).await;
                if std::env::var("SHOW").is_ok() {
                    println!(
                        "{} {target}\n{}\n=> {} {}\n",
                        parts.method,
                        String::from_utf8_lossy(&body),
                        reply.status,
                        String::from_utf8_lossy(&reply.body)
                    );
                }
                let mut response = axum::response::Response::builder()
                    .status(reply.status)
                    .header("content-type", reply.content_type);
                for one in reply.challenges {
                    response = response.header("www-authenticate", one);
                }
                response.body(axum::body::Body::from(reply.body)).unwrap()
            }
        });
        axum::serve(listener, app).await.unwrap();
    }
}
// STUB3-END
