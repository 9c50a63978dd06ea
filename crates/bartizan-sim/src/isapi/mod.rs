//! The ISAPI personality: XML over HTTP as cameras and recorders of that family speak it.
//!
//! Namespaces are mixed on purpose: one device answers in several, so clients must match local names.

mod activation;
mod control;
mod image;
pub(crate) mod sadp;
mod search;
mod system;
mod talk;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use self::activation::Challenge;
use crate::{
    config::DigestOffer,
    front::{Admission, Ask, Body, HttpLogin, Personality, Reply},
    onvif::soap::Element,
    speech::Greeting,
    unit::{LoginOutcome, Unit},
};

const VER20: &str = "http://www.hikvision.com/ver20/XMLSchema";
const ISAPI20: &str = "http://www.isapi.org/ver20/XMLSchema";
const VER10: &str = "http://www.hikvision.com/ver10/XMLSchema";
const XML: &str = "application/xml; charset=\"UTF-8\"";

/// How an operation ended other than with a document.
pub(crate) enum Outcome {
    Document(String),
    Reply(Reply),
    /// `ResponseStatus`: HTTP status, statusCode, subStatusCode.
    Status(u16, u8, &'static str),
}

impl Outcome {
    const OK: Self = Self::Status(200, 1, "ok");
    const NOT_SUPPORTED: Self = Self::Status(403, 4, "notSupport");
    const INVALID: Self = Self::Status(400, 6, "badXmlContent");
    const NOT_FOUND: Self = Self::Status(404, 4, "invalidOperation");

    fn done(done: bool) -> Self {
        if done { Self::OK } else { Self::NOT_SUPPORTED }
    }
}

/// The personality of one unit.
pub(crate) struct Isapi {
    pub unit: Arc<Unit>,
    pub rtsp_port: u16,
    pub http_port: u16,
    pub https_port: Option<u16>,
    login: HttpLogin,
    challenge: Mutex<Option<Challenge>>,
    /// The session of two-way audio, while one is open.
    talk: Mutex<Option<String>>,
}

/// One request, taken apart.
pub(crate) struct Call<'a> {
    pub method: &'a str,
    /// Path segments after `/ISAPI`.
    pub path: Vec<&'a str>,
    pub ask: &'a Ask,
}

impl Call<'_> {
    pub fn body(&self) -> Option<Element> {
        Element::parse(&self.ask.text())
    }
}

/// A document element with version and namespace.
pub(crate) fn document(name: &str, namespace: &str, inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} version=\"2.0\" xmlns=\"{namespace}\">\n{inner}\n</{name}>\n"
    )
}

/// Text as it stands in a document.
pub(crate) fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

impl Isapi {
    pub fn new(unit: Arc<Unit>, http_port: u16, https_port: Option<u16>, rtsp_port: u16) -> Self {
        let realm =
            format!("IP Camera({})", &unit.config().serial[unit.config().serial.len().saturating_sub(5)..]);
        let login = HttpLogin::new(unit.clone(), realm, DigestOffer::Both);
        Self {
            unit,
            rtsp_port,
            http_port,
            https_port,
            login,
            challenge: Mutex::default(),
            talk: Mutex::default(),
        }
    }

    fn status(&self, call_path: &str, http: u16, code: u8, sub: &str) -> Reply {
        let word = match code {
            1 => "OK",
            2 => "Device Busy",
            3 => "Device Error",
            4 => "Invalid Operation",
            _ => "Invalid XML Content",
        };
        let inner = format!(
            "<requestURL>{}</requestURL>\n<statusCode>{code}</statusCode>\n<statusString>{word}</statusString>\n\
             <subStatusCode>{sub}</subStatusCode>",
            escaped(call_path)
        );
        Reply::new(http, XML, document("ResponseStatus", VER20, &inner))
    }

    /// `userCheck`: how the login stands. A 401 carries it too.
    fn user_check(&self, granted: bool) -> String {
        let (lock, left, unlock) = match self.unit.login_state() {
            LoginOutcome::Locked { left } => ("lock", 0, left.as_secs()),
            LoginOutcome::Refused { left } => ("unlock", left, 0),
            LoginOutcome::Granted => ("unlock", self.unit.config().tries, 0),
        };
        let (value, word) = if granted { (200, "OK") } else { (401, "Unauthorized") };
        let rest = if granted {
            "<isDefaultPassword>false</isDefaultPassword>\n<isRiskPassword>false</isRiskPassword>".to_owned()
        } else {
            format!("<retryLoginTime>{left}</retryLoginTime>")
        };
        let inner = format!(
            "<statusValue>{value}</statusValue>\n<statusString>{word}</statusString>\n{rest}\n\
             <lockStatus>{lock}</lockStatus>\n<unlockTime>{unlock}</unlockTime>"
        );
        document("userCheck", ISAPI20, &inner)
    }

    async fn dispatch(&self, call: &Call<'_>) -> Outcome {
        let path = call.path.as_slice();
        match (call.method, path) {
            ("GET", ["Security", "userCheck"]) => Outcome::Document(self.user_check(true)),
            ("POST", ["ContentMgmt", "search"]) => search::answer(self, call),
            (_, ["System", "TwoWayAudio", ..]) => talk::answer(self, call),
            (_, ["System", "Video", "inputs", "channels", _, "focus" | "iris"])
            | (_, ["PTZCtrl", ..])
            | (_, ["System", "IO", ..]) => control::answer(self, call),
            (_, ["Image", ..]) | (_, ["Event", "triggers", "notifications", ..]) => image::answer(self, call),
            (_, ["Streaming", "channels", id, "picture"])
            | (_, ["ContentMgmt", "StreamingProxy", "channels", id, "picture"]) => self.picture(id).await,
            ("GET", ["Event", "notification", "alertStream"]) => Outcome::Reply(self.alert_stream()),
            _ => system::answer(self, call),
        }
    }

    /// Channel of a stream id like 101; `None` when there is none such.
    fn stream(&self, id: &str) -> Option<(u16, u16)> {
        let id: u16 = id.parse().ok()?;
        let (channel, stream) = (id / 100, id % 100);
        (self.unit.has(channel) && matches!(stream, 1 | 2)).then_some((channel, stream))
    }

    async fn picture(&self, id: &str) -> Outcome {
        let Some((channel, _)) = self.stream(id) else { return Outcome::NOT_FOUND };
        if self.unit.offline(channel).is_some() {
            return Outcome::Status(503, 3, "deviceError");
        }
        let unit = self.unit.clone();
        let made =
            tokio::task::spawn_blocking(move || crate::snapshot::jpeg(&unit, channel, 1280, 720)).await;
        match made {
            Ok(Ok(jpeg)) => Outcome::Reply(Reply::new(200, "image/jpeg; charset=\"UTF-8\"", jpeg)),
            _ => Outcome::Status(500, 3, "deviceError"),
        }
    }

    /// Heartbeats only: events are another matter.
    fn alert_stream(&self) -> Reply {
        let inner = format!(
            "<ipAddress>127.0.0.1</ipAddress>\n<portNo>{}</portNo>\n<protocol>HTTP</protocol>\n<macAddress>{}</macAddress>\n\
             <channelID>1</channelID>\n<dateTime>2026-01-01T00:00:00Z</dateTime>\n<activePostCount>0</activePostCount>\n\
             <eventType>videoloss</eventType>\n<eventState>inactive</eventState>\n\
             <eventDescription>videoloss alarm</eventDescription>",
            self.http_port,
            self.unit.config().mac
        );
        let text = document("EventNotificationAlert", VER20, &inner);
        let part = format!(
            "--boundary\r\nContent-Type: application/xml; charset=\"UTF-8\"\r\nContent-Length: {}\r\n\r\n{text}\r\n",
            text.len()
        );
        Reply {
            status: 200,
            content_type: "multipart/mixed; boundary=boundary".into(),
            headers: Vec::new(),
            body: Body::Beats { part: part.into_bytes(), every: std::time::Duration::from_secs(1) },
        }
    }

    fn activate_status(&self) -> Reply {
        let inner = format!("<Activated>{}</Activated>", self.unit.activated());
        Reply::new(200, XML, document("ActivateStatus", VER20, &inner))
    }
}

#[async_trait]
impl Personality for Isapi {
    fn is_speech(&self, line: &str) -> bool {
        talk::is_speech(line)
    }

    fn greet(&self, ask: &Ask) -> Greeting {
        talk::greet(self, ask)
    }

    async fn answer(&self, ask: &Ask) -> Reply {
        let path = ask.path();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            ["SDK", "activateStatus"] => return self.activate_status(),
            [] | ["doc", ..] => return Reply::new(200, "text/html", "<html><title>Web</title></html>"),
            ["ISAPI", ..] => {}
            // The old paths without the prefix, which some clients fall back to.
            ["System" | "Event" | "Streaming", ..] if ask.method == "GET" => {}
            _ => return Reply::new(404, "text/html", "<html>Not Found</html>"),
        }
        let inner = if segments[0] == "ISAPI" { &segments[1..] } else { &segments[..] };
        let call = Call { method: &ask.method, path: inner.to_vec(), ask };
        if !self.unit.activated() {
            return match activation::answer(self, &call) {
                Some(reply) => reply,
                None => self.status(path, 403, 4, "notActivated"),
            };
        }
        match self.login.admit(ask) {
            Admission::Granted => {}
            admission => {
                let stale = admission == Admission::Stale;
                let mut challenges = self.login.challenges(stale);
                // As devices do: the stronger first, the weakest last.
                challenges.push("Basic realm=\"IP Camera\"".to_owned());
                return Reply::new(401, XML, self.user_check(false)).challenged(challenges);
            }
        }
        let knobs = self.unit.knobs();
        if knobs.full {
            return self.status(path, 403, 4, "maxSessionUserLink");
        }
        if knobs.busy {
            return self.status(path, 503, 2, "deviceBusy");
        }
        match self.dispatch(&call).await {
            Outcome::Document(text) => Reply::new(200, XML, text),
            Outcome::Reply(reply) => reply,
            Outcome::Status(http, code, sub) => self.status(path, http, code, sub),
        }
    }
}
