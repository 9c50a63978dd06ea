//! WS-Discovery (OASIS WS-Discovery 2005/04; ONVIF Core, "Device discovery").

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    sync::Arc,
    time::Duration,
};

use bartizan_base::{Code, Error, Result};
use bartizan_device::{SearchScope, Sighting};
use bartizan_http::xml::Element;
use futures::future::join_all;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    time::{Instant, sleep_until, timeout_at},
};
use url::{Host, Url};

use crate::{
    family::FAMILY,
    identity::{class, first_scope, mac},
    services::tidy,
};

/// The standard port.
pub const DISCOVERY_PORT: u16 = 3702;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// Link-local scope (WS-Discovery §2.4).
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 0xC);
/// When probes are sent: UDP loses some, and a busy device misses the first.
const SENT_AT: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1500)];
/// What is asked for: devices that send video, then any ONVIF device, which some answer to alone.
const TYPES: [&str; 2] = ["dn:NetworkVideoTransmitter", "tds:Device"];
/// Longest datagram.
const DATAGRAM: usize = 65_535;
/// Routers passed at most; discovery is for the local network.
const HOPS: u32 = 1;
/// Hosts asked between two pauses, so that a subnet's worth of datagrams is not dropped at once.
const BURST: usize = 32;
const PAUSE: Duration = Duration::from_millis(10);

/// A Probe. `id` is a fresh UUID.
pub(crate) fn probe(id: &str, types: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" \
         xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\" \
         xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\"><s:Header>\
         <a:MessageID>urn:uuid:{id}</a:MessageID>\
         <a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>\
         <a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>\
         <s:Body><d:Probe><d:Types>{types}</d:Types></d:Probe></s:Body></s:Envelope>"
    )
}

fn uuid() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// Reads ProbeMatches, or a Hello. Empty for what is neither, and for devices that are not ONVIF (printers answer too).
pub(crate) fn read(datagram: &[u8], sender: IpAddr) -> Vec<Sighting> {
    let Ok(root) = Element::parse(datagram) else { return Vec::new() };
    let Some(body) = root.child("Body") else { return Vec::new() };
    let matches = body.children("ProbeMatches").flat_map(|all| all.children("ProbeMatch"));
    matches.chain(body.children("Hello")).take(64).filter_map(|one| sighting(one, sender)).collect()
}

fn sighting(element: &Element, sender: IpAddr) -> Option<Sighting> {
    let types = element.text("Types").unwrap_or_default();
    // Printers call themselves a Device too, of another namespace; its usual prefix tells them apart, or the scopes do.
    let is_type = |word: &str| {
        let local = word.rsplit_once(':').map_or(word, |(_, local)| local);
        matches!(local, "NetworkVideoTransmitter" | "NetworkVideoStorage") || word == "tds:Device"
    };
    let scopes: Vec<String> =
        element.text("Scopes").unwrap_or_default().split_whitespace().map(str::to_owned).take(256).collect();
    let speaks_onvif =
        scopes.iter().any(|scope| scope.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("onvif://")));
    if !types.split_whitespace().any(is_type) && !speaks_onvif {
        return None;
    }
    let scope = |kind: &str| first_scope(&scopes, kind).unwrap_or_default();
    let mut found = Sighting {
        family: Some(FAMILY),
        found_by: "WS-Discovery",
        addresses: vec![sender],
        uuid: uuid_of(element.text("EndpointReference/Address").unwrap_or_default()),
        name: scope("name"),
        model: scope("hardware"),
        serial: scope("serial"),
        maker: first_scope(&scopes, "manufacturer")
            .or_else(|| first_scope(&scopes, "mfr"))
            .unwrap_or_default(),
        mac: mac(&scope("mac")).unwrap_or_default(),
        ..Sighting::default()
    };
    found.class = class(&scopes, &found.model, None, usize::from(types.contains("NetworkVideoTransmitter")));
    let addresses: Vec<Url> = tidy(element.text("XAddrs").unwrap_or_default())
        .split_whitespace()
        .take(16)
        .filter_map(|address| Url::parse(address).ok())
        .collect();
    let ip = |url: &Url| match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        _ => None,
    };
    // The sender answers now; what it lists may be of last year's network.
    let own = |url: &&Url| ip(url) == Some(sender);
    let port = |scheme: &str| {
        let all = || addresses.iter().filter(|url| url.scheme() == scheme);
        all().find(own).or_else(|| all().next()).and_then(Url::port_or_known_default)
    };
    (found.http_port, found.https_port) = (port("http"), port("https"));
    for ip in addresses.iter().filter_map(ip) {
        if is_reachable(ip) && !found.addresses.contains(&ip) {
            found.addresses.push(ip);
        }
    }
    Some(found)
}

/// An endpoint reference without `urn:uuid:`, in lower case.
fn uuid_of(reference: &str) -> String {
    let reference = reference.trim().to_ascii_lowercase();
    let bare = reference.strip_prefix("urn:").unwrap_or(&reference);
    bare.strip_prefix("uuid:").unwrap_or(bare).to_owned()
}

/// Neither unspecified nor loopback nor link-local: those mean something on the sender's own link only.
fn is_reachable(ip: IpAddr) -> bool {
    let special = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !special && !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast()
}

/// A socket and where to send its probes.
struct Search {
    socket: Arc<UdpSocket>,
    targets: Vec<SocketAddr>,
}

fn open(interface: IpAddr, multicast: bool) -> io::Result<UdpSocket> {
    let domain = if interface.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SocketAddr::new(interface, 0).into())?;
    if multicast && let IpAddr::V4(ip) = interface {
        if !ip.is_unspecified() {
            socket.set_multicast_if_v4(&ip)?;
        }
        socket.set_multicast_ttl_v4(HOPS)?;
    }
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

fn searches(scope: &SearchScope, port: u16) -> io::Result<Vec<Search>> {
    let mut all = Vec::new();
    let mut failure = None;
    if scope.multicast {
        let mut interfaces = scope.interfaces.clone();
        if interfaces.is_empty() {
            interfaces = vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        }
        for interface in interfaces {
            let target = match interface {
                IpAddr::V4(_) => SocketAddr::new(GROUP_V4.into(), port),
                IpAddr::V6(_) => SocketAddrV6::new(GROUP_V6, port, 0, 0).into(),
            };
            match open(interface, true) {
                Ok(socket) => all.push(Search { socket: Arc::new(socket), targets: vec![target] }),
                Err(error) => {
                    tracing::debug!(%interface, %error, "no WS-Discovery from this interface");
                    failure = Some(error);
                }
            }
        }
    }
    for (any, v4) in [(IpAddr::from(Ipv4Addr::UNSPECIFIED), true), (Ipv6Addr::UNSPECIFIED.into(), false)] {
        let hosts = scope.hosts.iter().filter(|host| host.is_ipv4() == v4);
        let targets: Vec<SocketAddr> = hosts.map(|host| SocketAddr::new(*host, port)).collect();
        if targets.is_empty() {
            continue;
        }
        match open(any, false) {
            Ok(socket) => all.push(Search { socket: Arc::new(socket), targets }),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) if all.is_empty() => Err(error),
        _ => Ok(all),
    }
}

impl Search {
    /// Sends all probes in time; what cannot be sent is passed over, other routes may work.
    async fn send(&self, started: Instant, end: Instant) {
        for after in SENT_AT {
            if started + after >= end {
                return;
            }
            sleep_until(started + after).await;
            for types in TYPES {
                for (at, target) in self.targets.iter().enumerate() {
                    let Ok(id) = uuid() else { return };
                    if let Err(error) = self.socket.send_to(probe(&id, types).as_bytes(), target).await {
                        tracing::debug!(%target, %error, "probe not sent");
                    }
                    if at % BURST == BURST - 1 {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Hands on answers until the end; false when nobody listens any more.
    async fn receive(&self, end: Instant, found: &mpsc::Sender<Sighting>) -> bool {
        let mut datagram = vec![0; DATAGRAM];
        loop {
            let (length, sender) = match timeout_at(end, self.socket.recv_from(&mut datagram)).await {
                Err(_) => return true,
                // ICMP refusals of unicast probes come out here on some systems.
                Ok(Err(error)) => {
                    tracing::debug!(%error, "WS-Discovery");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Ok(Ok(received)) => received,
            };
            for sighting in read(&datagram[..length], sender.ip().to_canonical()) {
                if found.send(sighting).await.is_err() {
                    return false;
                }
            }
        }
    }

    async fn run(&self, started: Instant, end: Instant, found: &mpsc::Sender<Sighting>) {
        let sending = async {
            self.send(started, end).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = self.receive(end, found) => {}
            () = sending => {}
            () = found.closed() => {}
        }
    }
}

/// Searches until the scope's duration is over.
pub(crate) async fn discover(scope: &SearchScope, port: u16, found: mpsc::Sender<Sighting>) -> Result<()> {
    let searches = searches(scope, port)
        .map_err(|error| Error::new(Code::Unreachable, format!("WS-Discovery: {error}")))?;
    let started = Instant::now();
    let end = started + scope.duration;
    join_all(searches.iter().map(|search| search.run(started, end, &found))).await;
    Ok(())
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
