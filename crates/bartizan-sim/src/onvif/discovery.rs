//! WS-Discovery, April 2005 edition, as the ONVIF Core specification uses it (ch. 7): ad-hoc targets on UDP 3702.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bartizan_base::{OwnedTask, random_token};
use quick_xml::escape::escape;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

use super::soap::{Call, Element};

/// Where probes are sent to.
pub(crate) const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// IANA's port of WS-Discovery.
pub(crate) const PORT: u16 = 3702;
/// A probe that does not fit one datagram of this size is no probe.
const DATAGRAM_LIMIT: usize = 32 * 1024;

const SPEC: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
/// Types of a device; a probe names some of them, or none.
const TYPES: [&str; 2] = ["NetworkVideoTransmitter", "Device"];

/// What one unit says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Identity that outlives restarts and addresses, `urn:uuid:…`.
    pub endpoint: String,
    /// `onvif://www.onvif.org/…`, percent-encoded.
    pub scopes: Vec<String>,
    /// Addresses of the device service.
    pub xaddrs: Vec<String>,
}

/// Scopes as the Core specification lists them (ch. 7.3.2.2).
pub(crate) fn scopes(name: &str, hardware: &str, location: &str, ptz: bool, media2: bool) -> Vec<String> {
    let mut scopes: Vec<String> =
        ["type/video_encoder", "type/Network_Video_Transmitter", "Profile/Streaming"]
            .iter()
            .chain(ptz.then_some(&"type/ptz"))
            .chain(media2.then_some(&"Profile/T"))
            .map(|scope| format!("onvif://www.onvif.org/{scope}"))
            .collect();
    for (key, value) in [("name", name), ("hardware", hardware), ("location", location)] {
        scopes.push(format!("onvif://www.onvif.org/{key}/{}", percent_encode(value)));
    }
    scopes
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// A responder for all units behind one interface. Dropping it stops it without a word.
pub(crate) struct Responder {
    socket: Arc<UdpSocket>,
    interface: Ipv4Addr,
    targets: Arc<dyn Fn() -> Vec<Target> + Send + Sync>,
    _task: OwnedTask,
}

impl Responder {
    /// Joins the group on the interface of that address and answers probes, multicast and unicast, from `port`;
    /// ordinarily [`PORT`], which others on this machine may share; 0 takes a free one, for unicast probes only.
    pub async fn start(
        interface: Ipv4Addr,
        port: u16,
        targets: Arc<dyn Fn() -> Vec<Target> + Send + Sync>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        // Groups others have joined on other interfaces are not ours.
        #[cfg(target_os = "linux")]
        socket.set_multicast_all_v4(false)?;
        socket.bind(&SockAddr::from(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)))?;
        socket.join_multicast_v4(&GROUP, &interface)?;
        socket.set_multicast_if_v4(&interface)?;
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let task = OwnedTask::spawn(respond(socket.clone(), targets.clone()));
        let responder = Self { socket, interface, targets, _task: task };
        responder.announce("Hello").await;
        Ok(responder)
    }

    /// Where it listens, for unicast probes.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::new(IpAddr::V4(self.interface), self.socket.local_addr()?.port()))
    }

    /// Says Bye and stops.
    pub async fn shutdown(self) {
        self.announce("Bye").await;
    }

    async fn announce(&self, word: &str) {
        for target in (self.targets)() {
            let body = if word == "Hello" { described(&target) } else { endpoint(&target) };
            let to = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
            let text = message(word, to, None, &format!("<wsdd:{word}>{body}</wsdd:{word}>"));
            if let Err(error) = self.socket.send_to(text.as_bytes(), (GROUP, PORT)).await {
                tracing::debug!(%error, word, "announcement not sent");
            }
        }
    }
}

async fn respond(socket: Arc<UdpSocket>, targets: Arc<dyn Fn() -> Vec<Target> + Send + Sync>) {
    let mut datagram = vec![0; DATAGRAM_LIMIT];
    loop {
        // An ICMP error of an earlier answer comes back here; it concerns nobody.
        let Ok((length, peer)) = socket.recv_from(&mut datagram).await else { continue };
        let Ok(text) = std::str::from_utf8(&datagram[..length]) else { continue };
        for answer in answers(text, &targets()) {
            if let Err(error) = socket.send_to(answer.as_bytes(), peer).await {
                tracing::debug!(%error, %peer, "answer to a probe not sent");
            }
        }
    }
}

/// One message for each target that matches, as separate devices would send them.
pub(crate) fn answers(datagram: &str, targets: &[Target]) -> Vec<String> {
    let Some(call) = Call::parse(datagram) else { return Vec::new() };
    let id = call.header("MessageID").map_or("", |id| id.text.as_str());
    let (word, matches): (_, Vec<&Target>) = match call.body.name.as_str() {
        "Probe" => ("Probe", targets.iter().filter(|target| probed(&call.body, target)).collect()),
        "Resolve" => {
            let wanted = call.body.text_at(&["EndpointReference", "Address"]).unwrap_or_default();
            ("Resolve", targets.iter().filter(|target| target.endpoint == wanted).collect())
        }
        _ => return Vec::new(),
    };
    let answer = |target: &Target| {
        let inner = described(target);
        let body =
            format!("<wsdd:{word}Matches><wsdd:{word}Match>{inner}</wsdd:{word}Match></wsdd:{word}Matches>");
        message(&format!("{word}Matches"), ANONYMOUS, Some(id), &body)
    };
    matches.into_iter().map(answer).collect()
}

fn probed(probe: &Element, target: &Target) -> bool {
    let types = probe.text_at(&["Types"]).unwrap_or_default();
    let local = |name: &str| name.rsplit(':').next().is_some_and(|local| TYPES.contains(&local));
    if !types.split_ascii_whitespace().all(local) {
        return false;
    }
    let Some(scopes) = probe.child("Scopes") else { return true };
    let rule = scopes.attribute("MatchBy").and_then(|rule| rule.rsplit('/').next()).unwrap_or("rfc3986");
    let matches = |wanted: &str| target.scopes.iter().any(|scope| scope_matches(rule, wanted, scope));
    scopes.text.split_ascii_whitespace().all(matches)
}

/// Scope matching rules of WS-Discovery (§5.1): by path segments, or exactly.
fn scope_matches(rule: &str, wanted: &str, scope: &str) -> bool {
    match rule {
        "rfc3986" => {
            let (Some(wanted), Some(scope)) = (Scope::of(wanted), Scope::of(scope)) else { return false };
            wanted.root.eq_ignore_ascii_case(scope.root)
                && wanted.segments.len() <= scope.segments.len()
                && wanted.segments.iter().zip(&scope.segments).all(|(wanted, own)| wanted == own)
        }
        "strcmp0" => wanted == scope,
        _ => false,
    }
}

struct Scope<'a> {
    /// Scheme and authority.
    root: &'a str,
    segments: Vec<&'a str>,
}

impl<'a> Scope<'a> {
    fn of(uri: &'a str) -> Option<Self> {
        let authority = uri.find("://")? + 3;
        let end = uri[authority..].find('/').map_or(uri.len(), |at| authority + at);
        let segments = uri[end..].split('/').filter(|segment| !segment.is_empty()).collect();
        Some(Self { root: &uri[..end], segments })
    }
}

fn endpoint(target: &Target) -> String {
    format!(
        "<wsa:EndpointReference><wsa:Address>{}</wsa:Address></wsa:EndpointReference>",
        escape(target.endpoint.as_str())
    )
}

fn described(target: &Target) -> String {
    let types = "dn:NetworkVideoTransmitter tds:Device";
    let (scopes, xaddrs) = (target.scopes.join(" "), target.xaddrs.join(" "));
    format!(
        "{}<wsdd:Types>{types}</wsdd:Types><wsdd:Scopes>{}</wsdd:Scopes><wsdd:XAddrs>{}</wsdd:XAddrs>\
         <wsdd:MetadataVersion>1</wsdd:MetadataVersion>",
        endpoint(target),
        escape(scopes),
        escape(xaddrs)
    )
}

fn message(action: &str, to: &str, relates_to: Option<&str>, body: &str) -> String {
    let relates =
        relates_to.map_or_else(String::new, |id| format!("<wsa:RelatesTo>{}</wsa:RelatesTo>", escape(id)));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:wsdd=\"{SPEC}\" \
         xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\" xmlns:tds=\"{}\">\
         <SOAP-ENV:Header><wsa:MessageID>urn:uuid:{}</wsa:MessageID>{relates}<wsa:To>{to}</wsa:To>\
         <wsa:Action>{SPEC}/{action}</wsa:Action></SOAP-ENV:Header>\
         <SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>",
        super::soap::DEVICE,
        uuid(&random_token())
    )
}

/// A UUID out of 128 random bits written in hexadecimal.
fn uuid(hex: &str) -> String {
    let at = |range: std::ops::Range<usize>| hex.get(range).unwrap_or("0");
    format!("{}-{}-4{}-a{}-{}", at(0..8), at(8..12), at(13..16), at(17..20), at(20..32))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::*;

    fn target(name: &str) -> Target {
        Target {
            endpoint: format!("urn:uuid:{name}"),
            scopes: scopes(name, "SIM-1", "Gate & yard", true, true),
            xaddrs: vec!["http://127.0.0.1:80/onvif/device_service".into()],
        }
    }

    fn probe(types: &str, scopes: &str) -> String {
        format!(
            "<Envelope><Header><MessageID>urn:uuid:7</MessageID></Header><Body><Probe>\
             <Types>{types}</Types>{scopes}</Probe></Body></Envelope>"
        )
    }

    #[test]
    fn types_and_scopes_choose() {
        let all = [target("one"), target("two")];
        let count = |types: &str, scopes: &str| answers(&probe(types, scopes), &all).len();
        for types in ["", "dn:NetworkVideoTransmitter", "tds:Device", "a:Device b:NetworkVideoTransmitter"] {
            assert_eq!(count(types, ""), 2, "{types}");
            assert_eq!(count(types, "<Scopes/>"), 2, "{types}");
        }
        assert_eq!(count("x:Printer", ""), 0);
        assert_eq!(count("dn:NetworkVideoTransmitter x:Printer", ""), 0);
        let scoped = |scope: &str| count("", &format!("<Scopes>{scope}</Scopes>"));
        assert_eq!(scoped("onvif://www.onvif.org/type/ptz"), 2);
        assert_eq!(scoped("ONVIF://www.onvif.org/type/"), 2);
        assert_eq!(scoped("onvif://www.onvif.org/name/one"), 1);
        assert_eq!(scoped("onvif://www.onvif.org/name/on"), 0);
        assert_eq!(scoped("onvif://www.onvif.org/name/one onvif://www.onvif.org/name/two"), 0);
        assert_eq!(scoped("onvif://www.onvif.org/location/Gate%20%26%20yard"), 2);
        let exact = "<Scopes MatchBy='http://schemas.xmlsoap.org/ws/2005/04/discovery/strcmp0'>\
                     onvif://www.onvif.org/type</Scopes>";
        assert_eq!(count("", exact), 0);
    }

    #[test]
    fn answers_tell_who_and_where() {
        let answer = answers(&probe("", ""), &[target("one")]).remove(0);
        let call = Call::parse(&answer).unwrap();
        assert_eq!(call.header("RelatesTo").unwrap().text, "urn:uuid:7");
        let found = call.body.child("ProbeMatch").unwrap();
        assert_eq!(found.text_at(&["EndpointReference", "Address"]), Some("urn:uuid:one"));
        assert_eq!(found.text_at(&["XAddrs"]), Some("http://127.0.0.1:80/onvif/device_service"));
        let resolve = "<Envelope><Body><Resolve><EndpointReference><Address>urn:uuid:two</Address>\
                       </EndpointReference></Resolve></Body></Envelope>";
        let resolved = answers(resolve, &[target("one"), target("two")]);
        assert_eq!(resolved.len(), 1);
        assert!(resolved[0].contains("ResolveMatches") && resolved[0].contains("urn:uuid:two"));
        // What others say of themselves is no question.
        assert!(answers(&answer, &[target("one")]).is_empty());
    }

    #[tokio::test]
    async fn a_unicast_probe_is_answered() {
        let targets = Arc::new(|| vec![target("one"), target("two")]);
        let responder = Responder::start(Ipv4Addr::LOCALHOST, 0, targets).await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for torn in ["", "<Envelope>", "<Envelope><Body/></Envelope>"] {
            client.send_to(torn.as_bytes(), responder.addr().unwrap()).await.unwrap();
        }
        client.send_to(probe("", "").as_bytes(), responder.addr().unwrap()).await.unwrap();
        let mut buffer = vec![0; DATAGRAM_LIMIT];
        for name in ["one", "two"] {
            let answer =
                timeout(Duration::from_secs(10), client.recv_from(&mut buffer)).await.unwrap().unwrap();
            let text = std::str::from_utf8(&buffer[..answer.0]).unwrap();
            assert!(text.contains(&format!("urn:uuid:{name}<")), "{text}");
        }
        responder.shutdown().await;
    }

    proptest! {
        #[test]
        fn nothing_a_probe_holds_breaks_it(types in "[ :a-zA-Z]{0,20}", scopes in "[ :/%a-z]{0,40}", any in ".{0,80}") {
            let all = [target("one")];
            let probe = probe(&types, &format!("<Scopes>{scopes}</Scopes>"));
            prop_assert!(answers(&probe, &all).len() <= 1);
            answers(&any, &all);
        }
    }
}
