//! DHDiscover: the search packet and the answers, without sockets.
//!
//! A packet is a 32-byte DHIP header and JSON. Bare JSON gets no answer, and a swapped magic only from some models.

use std::net::IpAddr;

use bartizan_device::{DeviceClass, Sighting};
use serde_json::Value;

use crate::{FAMILY, identity::class_of, text::excerpt};

/// What [`Sighting::found_by`] says.
pub const FOUND_BY: &str = "DHDiscover";

/// The header: u32le 0x20, `DHIP`, session, id, length, 0, length, 0.
const HEADER: usize = 32;
const SEARCH: &[u8] = br#"{"method":"DHDiscover.search","params":{"mac":"","uni":1}}"#;

/// The packet that every device of the family answers.
pub fn search() -> Vec<u8> {
    packet(SEARCH)
}

/// A DHIP packet with session and id 0.
pub fn packet(json: &[u8]) -> Vec<u8> {
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut packet = Vec::with_capacity(HEADER + json.len());
    packet.extend_from_slice(&0x20u32.to_le_bytes());
    packet.extend_from_slice(b"DHIP");
    packet.extend_from_slice(&[0; 8]);
    packet.extend_from_slice(&length);
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&length);
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(json);
    packet
}

/// What an answer tells, and whether its `Init` field hints at a factory-fresh device, which only HTTP can confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The sighting; `activated` is set where the packet alone is proof.
    pub sighting: Sighting,
    /// The low bits of `Init` say "factory". Seen on no device yet, so not enough by itself.
    pub perhaps_fresh: bool,
}

/// Reads an answer: the header's length varies, so JSON begins at the first `{`; it ends in NUL. `None` for anything
/// else, our own search among it.
pub fn read(packet: &[u8], from: IpAddr) -> Option<Answer> {
    let start = packet.iter().position(|byte| *byte == b'{')?;
    let mut values = serde_json::Deserializer::from_slice(&packet[start..]).into_iter::<Value>();
    let json = values.next()?.ok()?;
    if json.get("method").and_then(Value::as_str) != Some("client.notifyDevInfo") {
        return None;
    }
    let info = json.pointer("/params/deviceInfo").filter(|info| info.is_object())?;
    let text = |key: &str| short(info.get(key));
    let port = |key: &str| {
        info.get(key)
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0)
    };
    let mut addresses = vec![from];
    for pointer in ["/IPv4Address/IPAddress", "/IPv6Address/IPAddress", "/IPv6Address/LinkLocalAddress"] {
        let told = info.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let told = told.split('/').next().unwrap_or_default().parse::<IpAddr>().ok();
        addresses.extend(told.filter(|address| !address.is_unspecified() && !addresses.contains(address)));
    }
    let told = text("DeviceClass");
    let init = info.get("Init").and_then(Value::as_u64);
    let model = text("DeviceType");
    let class = match class_of(&told) {
        DeviceClass::Unknown => class_of(&model),
        class => class,
    };
    let maker = text("Vendor");
    let maker = if maker.is_empty() { text("Manufacturer") } else { maker };
    let sighting = Sighting {
        family: Some(FAMILY),
        found_by: FOUND_BY,
        addresses,
        http_port: port("HttpPort"),
        https_port: port("HttpsPort"),
        server_port: port("Port"),
        serial: text("SerialNo"),
        mac: mac(json.get("mac").and_then(Value::as_str).unwrap_or_default()),
        uuid: String::new(),
        name: text("MachineName"),
        maker,
        model,
        firmware: text("Version"),
        class,
        // Low bits 2 were seen on every initialised unit (3210, 3222, 150 …).
        activated: (init.map(|init| init & 3) == Some(2)).then_some(true),
    };
    Some(Answer { sighting, perhaps_fresh: init.map(|init| init & 3) == Some(1) })
}

fn short(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).map(|text| excerpt(text.trim())).unwrap_or_default()
}

/// A MAC address in lower case with colons, from colons, dashes or nothing between; empty for anything else.
pub fn mac(text: &str) -> String {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.' | ' ')).collect();
    if digits.len() != 12
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        || digits.bytes().all(|b| b == b'0')
    {
        return String::new();
    }
    let digits = digits.to_ascii_lowercase();
    (0..6).map(|at| &digits[at * 2..at * 2 + 2]).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    /// As seen from a VIP-1230-D-G4 (anonymised).
    const ANSWER: &[u8] = br#"{"mac":"30:E1:F1:00:00:65","method":"client.notifyDevInfo","params":{"deviceInfo":{
        "DeviceClass":"IPC","DeviceType":"VIP-1230-D-G4","HttpPort":80,"Port":37777,
        "IPv4Address":{"DefaultGateway":"10.16.250.1","DhcpEnable":false,"IPAddress":"10.16.250.102","SubnetMask":"255.255.255.0"},
        "IPv6Address":{"IPAddress":"\/64","LinkLocalAddress":"fe80::1\/64"},
        "MachineName":"EXEMPLO0000001","SerialNo":"EXEMPLO0000001","Vendor":"IntelBras","Version":"2.800.00IB00C.0.T",
        "Init":3210,"Find":"BC"}}}"#;

    fn from() -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 16, 250, 102))
    }

    #[test]
    fn the_header_is_dhip() {
        let packet = search();
        assert_eq!(packet[..8], [0x20, 0, 0, 0, b'D', b'H', b'I', b'P']);
        assert_eq!(packet[8..16], [0; 8]);
        let length = u32::try_from(SEARCH.len()).unwrap().to_le_bytes();
        assert_eq!((&packet[16..20], &packet[20..24]), (&length[..], &[0; 4][..]));
        assert_eq!((&packet[24..28], &packet[28..32]), (&length[..], &[0; 4][..]));
        assert_eq!(&packet[32..], SEARCH);
    }

    #[test]
    fn answers_with_headers_of_any_length() {
        for header in [32, 0, 40] {
            let mut bytes = vec![0x20; header];
            bytes.extend_from_slice(ANSWER);
            bytes.push(0);
            let Answer { sighting, perhaps_fresh } = read(&bytes, from()).expect("an answer");
            assert!(!perhaps_fresh);
            assert_eq!(sighting.addresses, [from(), "fe80::1".parse::<IpAddr>().unwrap()]);
            assert_eq!((sighting.http_port, sighting.server_port), (Some(80), Some(37777)));
            assert_eq!(
                (sighting.mac.as_str(), sighting.serial.as_str()),
                ("30:e1:f1:00:00:65", "EXEMPLO0000001")
            );
            assert_eq!((sighting.maker.as_str(), sighting.model.as_str()), ("IntelBras", "VIP-1230-D-G4"));
            assert_eq!((sighting.class, sighting.activated), (DeviceClass::Camera, Some(true)));
            assert_eq!((sighting.family, sighting.found_by), (Some(FAMILY), "DHDiscover"));
        }
    }

    #[test]
    fn init_is_read_by_its_low_bits() {
        for (init, activated, fresh) in [
            ("3210", Some(true), false),
            ("3222", Some(true), false),
            ("150", Some(true), false),
            ("1", None, true),
            ("3209", None, true),
            ("0", None, false),
            ("\"x\"", None, false),
        ] {
            let text = String::from_utf8(ANSWER.to_vec()).unwrap().replace("3210", init);
            let answer = read(text.as_bytes(), from()).expect(init);
            assert_eq!((answer.sighting.activated, answer.perhaps_fresh), (activated, fresh), "{init}");
        }
    }

    #[test]
    fn what_is_not_an_answer() {
        for bytes in [
            &search()[..],
            b"",
            b"{",
            b"{}",
            b"M-SEARCH * HTTP/1.1",
            br#"{"method":"client.notifyDevInfo","params":{"deviceInfo":[]}}"#,
        ] {
            assert_eq!(read(bytes, from()), None);
        }
    }

    #[test]
    fn macs() {
        for (text, wanted) in [
            ("30-E1-F1-00-00-65", "30:e1:f1:00:00:65"),
            ("30e1f1000065", "30:e1:f1:00:00:65"),
            ("00:00:00:00:00:00", ""),
            ("", ""),
            ("none", ""),
        ] {
            assert_eq!(mac(text), wanted);
        }
    }

    proptest! {
        #[test]
        fn torn_and_bent_answers_never_panic(cut in 0usize..600, at in 0usize..600, byte in any::<u8>()) {
            let mut bytes = packet(ANSWER);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut);
            if let Some(answer) = read(&bytes, from()) {
                prop_assert_eq!(answer.sighting.addresses[0], from());
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes, from()).is_none());
        }
    }
}
