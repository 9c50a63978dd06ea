//! SADP: devices on the local network answer an inquiry on UDP 37020, whether they have a password or not.
//!
//! Only the inquiry is ever sent: the other verbs of this protocol change devices without a password.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bartizan_base::{Code, Error, OwnedTask, Result, random_token};
use bartizan_device::{SearchScope, Sighting};
use bartizan_http::xml::Element;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::UdpSocket, sync::mpsc, time::Instant};

use crate::{FAMILY, channels};

/// Where devices listen and where they answer to.
pub const INQUIRY_PORT: u16 = 37020;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// Answers fit into one datagram.
const MAX_DATAGRAM: usize = 8192;
/// Inquiries are sent again, since UDP loses some: after so many milliseconds each.
const REPEAT_MS: [u64; 2] = [500, 1500];
/// Most hosts asked one by one.
const MAX_HOSTS: usize = 4096;
/// Hosts asked in one go, and the pause before the next, so that a router's table is not flooded.
const HOSTS_AT_ONCE: usize = 64;
const PAUSE_MS: u64 = 20;

/// The inquiry, with line feeds only, as devices want it.
pub fn inquiry(uuid: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Probe>\n<Uuid>{uuid}</Uuid>\n<Types>inquiry</Types>\n</Probe>\n"
    )
}

/// Reads an answer. `None` for anything else: our own inquiry, other verbs, noise. A binary prefix is stepped over.
pub fn read_answer(datagram: &[u8], from: IpAddr) -> Option<Sighting> {
    let root = Element::parse(datagram).ok()?;
    if root.name != "ProbeMatch" || !root.text("Types").unwrap_or("inquiry").starts_with("inquiry") {
        return None;
    }
    let text = |path: &str| root.text(path).unwrap_or("").to_owned();
    let model = text("DeviceDescription");
    let port = |path: &str| root.parse_text::<u16>(path).filter(|port| *port != 0);
    let mut addresses = vec![from];
    for path in ["IPv4Address", "IPv6Address"] {
        if let Some(address) = root.parse_text::<IpAddr>(path)
            && !address.is_unspecified()
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    let number = |path: &str| root.parse_text::<u32>(path).unwrap_or(0);
    let mut class = channels::class("", &model);
    if class == bartizan_device::DeviceClass::Unknown
        && number("DigitalChannelNum") + number("AnalogChannelNum") > 1
    {
        class = bartizan_device::DeviceClass::Recorder;
    }
    Some(Sighting {
        family: Some(FAMILY),
        found_by: "SADP",
        addresses,
        http_port: port("HttpPort"),
        https_port: port("HttpsPort"),
        server_port: port("CommandPort"),
        serial: text("DeviceSN"),
        mac: text("MAC").to_ascii_lowercase().replace('-', ":"),
        uuid: String::new(),
        name: text("DeviceName"),
        maker: Some(text("OEMInfo"))
            .filter(|maker| !maker.is_empty() && maker != "N/A")
            .unwrap_or_else(|| "Hikvision".into()),
        model,
        firmware: text("SoftwareVersion"),
        class,
        activated: root.text("Activated").and_then(|word| match word.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }),
    })
}

/// Searches until `scope.duration` is over.
pub(crate) async fn discover(scope: &SearchScope, port: u16, found: mpsc::Sender<Sighting>) -> Result<()> {
    let until = Instant::now() + scope.duration;
    let uuid = random_token().to_uppercase();
    let mut uuid_text = uuid.clone();
    for at in [20, 16, 12, 8] {
        uuid_text.insert(at, '-');
    }
    let body = inquiry(&uuid_text);
    let interfaces: Vec<Ipv4Addr> = if scope.interfaces.is_empty() {
        vec![Ipv4Addr::UNSPECIFIED]
    } else {
        scope
            .interfaces
            .iter()
            .filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(*ip) } else { None })
            .collect()
    };
    let mut tasks = Vec::new();
    let mut first_error = None;
    if scope.multicast {
        for interface in &interfaces {
            match multicast_socket(*interface, port) {
                Ok(socket) => {
                    let (body, found) = (body.clone(), found.clone());
                    tasks.push(OwnedTask::spawn(async move {
                        let targets = [IpAddr::V4(GROUP), IpAddr::V4(Ipv4Addr::BROADCAST)];
                        ask_and_listen(&socket, &body, &targets, port, until, &found).await;
                    }));
                }
                Err(error) => first_error = Some(error),
            }
        }
    }
    if !scope.hosts.is_empty() {
        match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await {
            Ok(socket) => {
                let hosts: Vec<IpAddr> = scope.hosts.iter().copied().take(MAX_HOSTS).collect();
                let (body, found) = (body.clone(), found.clone());
                tasks.push(OwnedTask::spawn(async move {
                    ask_and_listen(&socket, &body, &hosts, port, until, &found).await;
                }));
            }
            Err(error) => first_error = Some(error),
        }
    }
    if tasks.is_empty() {
        return match first_error {
            Some(error) => Err(Error::new(Code::Unreachable, format!("no socket for the search: {error}"))),
            None => Ok(()),
        };
    }
    for task in tasks {
        task.join().await;
    }
    Ok(())
}

/// A socket on the inquiry port in the group, since old devices answer by multicast to it; an ephemeral one where
/// that port is taken.
fn multicast_socket(interface: Ipv4Addr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    if socket.bind(&any.into()).is_err() {
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    }
    // Without membership the answers sent to us alone still come.
    let _ = socket.join_multicast_v4(&GROUP, &interface);
    if !interface.is_unspecified() {
        socket.set_multicast_if_v4(&interface)?;
    }
    UdpSocket::from_std(socket.into())
}

async fn ask_and_listen(
    socket: &UdpSocket,
    body: &str,
    targets: &[IpAddr],
    port: u16,
    until: Instant,
    found: &mpsc::Sender<Sighting>,
) {
    let asking = async {
        let start = Instant::now();
        ask(socket, body, targets, port).await;
        for after in REPEAT_MS {
            tokio::time::sleep_until(start + std::time::Duration::from_millis(after)).await;
            ask(socket, body, targets, port).await;
        }
        std::future::pending::<()>().await;
    };
    let listening = async {
        let mut datagram = [0; MAX_DATAGRAM];
        loop {
            // An error here is an ICMP "unreachable" of one host, not the socket's end.
            let Ok((length, from)) = socket.recv_from(&mut datagram).await else {
                tokio::time::sleep(std::time::Duration::from_millis(PAUSE_MS)).await;
                continue;
            };
            if let Some(sighting) = read_answer(&datagram[..length], from.ip())
                && found.send(sighting).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = tokio::time::sleep_until(until) => {}
        () = found.closed() => {}
        () = listening => {}
        () = asking => {}
    }
}

async fn ask(socket: &UdpSocket, body: &str, targets: &[IpAddr], port: u16) {
    for (count, target) in targets.iter().enumerate() {
        if target.is_ipv4() {
            let _ = socket.send_to(body.as_bytes(), (*target, port)).await;
        }
        if count % HOSTS_AT_ONCE == HOSTS_AT_ONCE - 1 {
            tokio::time::sleep(std::time::Duration::from_millis(PAUSE_MS)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bartizan_device::DeviceClass;
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ProbeMatch><Uuid>0A1B</Uuid><Types>inquiry</Types>\
        <DeviceType>139282</DeviceType><DeviceDescription>DS-2CD2142FWD-I</DeviceDescription>\
        <DeviceSN>DS-2CD2142FWD-I20170101AAWR712345678</DeviceSN><CommandPort>8000</CommandPort>\
        <HttpPort>8081</HttpPort><MAC>C0-56-E3-AA-BB-CC</MAC><IPv4Address>192.168.1.64</IPv4Address>\
        <DHCP>false</DHCP><SoftwareVersion>V5.4.5build 170124</SoftwareVersion><Activated>false</Activated>\
        <AnalogChannelNum>1</AnalogChannelNum><DigitalChannelNum>0</DigitalChannelNum></ProbeMatch>";

    #[test]
    fn answers_are_read_with_and_without_a_binary_prefix() {
        let from: IpAddr = "10.0.0.9".parse().unwrap();
        let wanted = Sighting {
            family: Some(FAMILY),
            found_by: "SADP",
            addresses: vec![from, "192.168.1.64".parse().unwrap()],
            http_port: Some(8081),
            server_port: Some(8000),
            serial: "DS-2CD2142FWD-I20170101AAWR712345678".into(),
            mac: "c0:56:e3:aa:bb:cc".into(),
            maker: "Hikvision".into(),
            model: "DS-2CD2142FWD-I".into(),
            firmware: "V5.4.5build 170124".into(),
            class: DeviceClass::Camera,
            activated: Some(false),
            ..Sighting::default()
        };
        let prefixed =
            [&[0x21, 0x02, 0x01, 0x42, 0, 0, 0xff, b'<', 0x01][..], ANSWER.as_bytes(), &[0, 0]].concat();
        for datagram in [ANSWER.as_bytes(), &prefixed] {
            assert_eq!(read_answer(datagram, from).as_ref(), Some(&wanted));
        }
        for other in [
            inquiry("x").as_bytes(),
            b"",
            b"<ProbeMatch",
            &ANSWER.replace(">inquiry<", ">update<").into_bytes(),
        ] {
            assert_eq!(read_answer(other, from), None);
        }
    }

    #[test]
    fn nothing_but_the_inquiry_is_sent() {
        let text = inquiry("U");
        assert_eq!(Element::parse(text.as_bytes()).unwrap().text("Types"), Some("inquiry"));
        assert!(!text.contains('\r') && text.contains("<Uuid>U</Uuid>"));
    }

    #[tokio::test]
    async fn hosts_are_asked_one_by_one_and_answers_come_as_they_are() {
        let device = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = device.local_addr().unwrap().port();
        let _device = OwnedTask::spawn(async move {
            let mut bytes = [0; 2048];
            loop {
                let (length, from) = device.recv_from(&mut bytes).await.unwrap();
                assert!(std::str::from_utf8(&bytes[..length]).unwrap().contains("<Types>inquiry</Types>"));
                device.send_to(b"noise", from).await.unwrap();
                device.send_to(ANSWER.as_bytes(), from).await.unwrap();
            }
        });
        let scope = SearchScope {
            duration: Duration::from_secs(20),
            interfaces: vec![],
            hosts: vec!["127.0.0.1".parse().unwrap()],
            multicast: false,
        };
        let (found, mut sightings) = mpsc::channel(4);
        let search = OwnedTask::spawn(async move { discover(&scope, port, found).await });
        let sighting = sightings.recv().await.unwrap();
        assert_eq!((sighting.model.as_str(), sighting.activated), ("DS-2CD2142FWD-I", Some(false)));
        drop(sightings);
        search.join().await.unwrap().unwrap();
    }

    proptest! {
        #[test]
        fn hostile_datagrams_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..700) {
            let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let _ = read_answer(&bytes, from);
            let whole = [ANSWER.as_bytes(), &bytes].concat();
            let _ = read_answer(&whole[..cut.min(whole.len())], from);
        }
    }
}
