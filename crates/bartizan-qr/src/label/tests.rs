use base64::prelude::*;
use proptest::prelude::*;

use super::*;

/// serial | model | code | NC | IMEI | host, `-` for none.
fn summary(label: &DeviceLabel) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let code = label.code.as_ref().map_or("-", |code| code.expose());
    let (model, nc, imei, host) =
        (text(&label.model), text(&label.network_ability), text(&label.imei), text(&label.host));
    format!("{:?} {} | {model} | {code} | {nc} | {imei} | {host}", label.family, label.serial)
}

fn check(text: &str, wanted: &str) {
    match read(text) {
        Payload::Device(label) => assert_eq!(summary(&label), wanted, "{text:?}"),
        other => panic!("{text:?} was taken for {other:?}"),
    }
}

#[test]
fn dahua_labels() {
    for (text, wanted) in [
        // The tagged form, as printed and as misprinted.
        (
            "{SN:8L0A1B2PAZ34F56,DT:DH-H3A,SC:L2A1B2C3,NC:011}",
            "8L0A1B2PAZ34F56 | DH-H3A | L2A1B2C3 | 011 | - | -",
        ),
        ("SN:8L0A1B2PAZ34F56,DT:IPC-A26H,RC:ABC123", "8L0A1B2PAZ34F56 | IPC-A26H | ABC123 | - | - | -"),
        (" {SN:8L0A1B2PAZ34F56,RD:OLD123,RC:NEW} \n", "8L0A1B2PAZ34F56 | - | OLD123 | - | - | -"),
        ("{SN:8L0A1B2PAZ34F56,RD:OLD123,SC:SAFE}", "8L0A1B2PAZ34F56 | - | SAFE | - | - | -"),
        (
            "{SC:SAFE1,DT:DHI-NVR4108HS/4KS2 X\\Y,SN:8L0A1B2PAZ34F56}",
            "8L0A1B2PAZ34F56 | DHI-NVR4108HS/4KS2 X\\Y | SAFE1 | - | - | -",
        ),
        // No separators at all.
        ("SN:8L0A1B2PAZ34F56DT:DH-H3ASC:L2A1B2C3NC:011", "8L0A1B2PAZ34F56 | DH-H3A | L2A1B2C3 | 011 | - | -"),
        ("{SN:8L0A1B2PAZ34F56;DT:DH-H3A;SC:L2}", "8L0A1B2PAZ34F56 | DH-H3A | L2 | - | - | -"),
        ("SN:8L0A1B2PAZ34F56\r\nDT:DH-H3A\r\nSC:L2", "8L0A1B2PAZ34F56 | DH-H3A | L2 | - | - | -"),
        // A value that runs to the end, and unknown tags between.
        ("SN:8L0A1B2PAZ34F56", "8L0A1B2PAZ34F56 | - | - | - | - | -"),
        (
            "{SN:8L0A1B2PAZ34F56,MSN:11,IMEI:867000000000001,PID:xyz}",
            "8L0A1B2PAZ34F56 | - | - | - | 867000000000001 | -",
        ),
        // A foreign character ends a value; a blank after the colon is a misprint.
        ("{SN: 8L0A1B2PAZ34F56 (new),DT:DH-H3A}", "8L0A1B2PAZ34F56 | DH-H3A | - | - | - | -"),
        // Positional, misprinted with a comma, bare.
        ("8L0A1B2PAZ34F56:DH-H3A", "8L0A1B2PAZ34F56 | DH-H3A | - | - | - | -"),
        ("8L0A1B2PAZ34F56:DH-H3A:ABC123", "8L0A1B2PAZ34F56 | DH-H3A | ABC123 | - | - | -"),
        ("DH-IPC-C35P,8L0A1B2PAZ34F56", "8L0A1B2PAZ34F56 | DH-IPC-C35P | - | - | - | -"),
        ("8L0A1B2PAZ34F56", "8L0A1B2PAZ34F56 | - | - | - | - | -"),
    ] {
        check(text, &format!("Some(Dahua) {wanted}"));
    }
}

#[test]
fn hikvision_labels() {
    for (text, wanted) in [
        (
            "www.hik-connect.com\r\nD12345678\r\nABCDEF\r\nDS-2CD2143G2-I\r\n",
            "D12345678 | DS-2CD2143G2-I | ABCDEF | - | - | www.hik-connect.com",
        ),
        ("ys7\r123456789\rABCDEF\rCS-C3-21PPFR", "123456789 | CS-C3-21PPFR | ABCDEF | - | - | ys7"),
        ("ys7\n123456789\nABCDEF\nCS-C3-21PPFR", "123456789 | CS-C3-21PPFR | ABCDEF | - | - | ys7"),
        ("ys7\n\r123456789\n\rABCDEF\n\rCS-C3", "123456789 | CS-C3 | ABCDEF | - | - | ys7"),
        // Each cut with a separator of its own.
        ("ys7\r\n123456789\nABCDEF\rCS-C3", "123456789 | CS-C3 | ABCDEF | - | - | ys7"),
        // An empty code line: the pair of breaks holds a `\n\r` that is none.
        ("ys7\r\n123456789\r\n\r\nCS-C3\r\n", "123456789 | CS-C3 | - | - | - | ys7"),
        ("ys7\n123456789\n\nCS-C3", "123456789 | CS-C3 | - | - | - | ys7"),
        // All the rest is the model; nothing after the serial; no host line; an empty one.
        ("ys7\r123456789\rABCDEF\rCS-C3\rW", "123456789 | CS-C3 W | ABCDEF | - | - | ys7"),
        ("ys7\r123456789", "123456789 | - | - | - | - | ys7"),
        ("123456789\rABCDEF\rCS-C3", "123456789 | CS-C3 | ABCDEF | - | - | -"),
        ("\r123456789\rABCDEF\rCS-C3", "123456789 | CS-C3 | ABCDEF | - | - | -"),
        ("123456789", "123456789 | - | - | - | - | -"),
        ("123456789\n", "123456789 | - | - | - | - | -"),
        (
            "DS-7608NI-K20820180723CCRRC12345678WCVU",
            "DS-7608NI-K20820180723CCRRC12345678 | - | - | - | - | -",
        ),
    ] {
        check(text, &format!("Some(Hikvision) {wanted}"));
    }
    // Eight or ten characters are no serial of this family.
    for text in ["ys7\r12345678\rABCDEF\rCS-C3", "ys7\r1234567890\rABCDEF\rCS-C3", "one\nbeautiful\nday"] {
        assert!(matches!(read(text), Payload::Other(_)), "{text:?}: {:?}", read(text));
    }
}

#[test]
fn serials_match_what_discovery_tells() {
    let label = |text: &str| match read(text) {
        Payload::Device(label) => label,
        other => panic!("{other:?}"),
    };
    let hikvision = label("ys7\rD12345678\rABCDEF\rDS-2CD");
    assert!(serial_matches(&hikvision, "DS-2CD2143G2-I20210101AAWRD12345678"));
    assert!(serial_matches(&hikvision, "ds-7608ni20210101ccrrd12345678wcvu"));
    assert!(serial_matches(&hikvision, "D12345678"));
    assert!(!serial_matches(&hikvision, "DS-2CD2143G2-I20210101AAWRD12345679"));
    assert!(!serial_matches(&hikvision, "12345678") && !serial_matches(&hikvision, ""));
    assert!(!serial_matches(&hikvision, "ünïcödé-D1234567é"));
    let dahua = label("{SN:8L0A1B2PAZ34F56,DT:X}");
    assert!(serial_matches(&dahua, "8l0a1b2paz34f56"));
    assert!(!serial_matches(&dahua, "X8L0A1B2PAZ34F56"));
    assert_eq!(dahua.short_serial(), "8L0A1B2PAZ34F56");
    assert_eq!(label("DS-7608NI-K20820180723CCRRC12345678WCVU").short_serial(), "C12345678");
}

#[test]
fn addresses_lose_their_login() {
    // text, shown, user, password
    for (text, shown, user, password) in [
        ("rtsp://192.168.1.108:554/cam?channel=1", "rtsp://192.168.1.108:554/cam?channel=1", "-", "-"),
        ("RTSP://admin:pw@cam.local/ch1", "rtsp://cam.local/ch1", "admin", "pw"),
        ("rtsp://admin:p%40ss@10.0.0.1/", "rtsp://10.0.0.1/", "admin", "p@ss"),
        ("rtsp://admin:p@ss@10.0.0.1/", "rtsp://10.0.0.1/", "admin", "p@ss"),
        ("rtsp://admin:p/a?s#s@10.0.0.1:554/ch1", "rtsp://10.0.0.1:554/ch1", "admin", "p/a?s#s"),
        ("rtsp://user:12/34@cam.local/ch1", "rtsp://cam.local/ch1", "user", "12/34"),
        ("rtsp://cam/stream@2", "rtsp://cam/stream@2", "-", "-"),
        ("rtsp://admin@cam/1", "rtsp://cam/1", "admin", "-"),
        ("http://[fe80::1]:8080/a", "http://[fe80::1]:8080/a", "-", "-"),
        ("onvif://192.168.1.7/onvif/device_service", "onvif://192.168.1.7/onvif/device_service", "-", "-"),
        ("https://cam?user=a&pwd=hunter2&ch=1", "https://cam/?user=***&pwd=***&ch=1", "-", "-"),
        (
            "rtsp://10.0.0.1/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp",
            "rtsp://10.0.0.1/user=***_password=***_channel=1_stream=0.sdp",
            "-",
            "-",
        ),
    ] {
        let Payload::Url(url) = read(text) else { panic!("{text}: {:?}", read(text)) };
        assert_eq!(url.shown(), shown, "{text}");
        assert_eq!(url.user.as_deref().unwrap_or("-"), user, "{text}");
        assert_eq!(url.password.as_ref().map_or("-", |secret| secret.expose()), password, "{text}");
        assert_eq!(url.address().expose().split("://").next(), Some(url.scheme.as_str()));
        let debug = format!("{url:?}");
        assert!(
            !debug.contains("hunter2") && !debug.contains("tlJwpbo6") && !debug.contains("p@ss"),
            "{debug}"
        );
    }
    for text in ["rtsp://", "rtsp:///x", "rtsp://cam:0/", "rtsp://cam:99999/", "http://a b/"] {
        assert!(!matches!(read(text), Payload::Url(_)), "{text}");
    }
}

fn shared(payload: &str) -> String {
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(payload.as_bytes()).unwrap();
    format!("QRC03010003{}", BASE64_STANDARD.encode(zlib.finish().unwrap()))
}

#[test]
fn a_shared_list_gives_names_and_hosts_and_no_login() {
    let (name, host) = (BASE64_STANDARD.encode("Garten"), BASE64_STANDARD.encode("192.168.1.1"));
    let entry = format!("{name}&0&{host}&8000&&dXNlcg==&cGFzcw==");
    let cloud = format!("{name}&1&&&&&");
    for separator in ["$", ";"] {
        let list = format!("AAAA==:{entry}{separator}{cloud}{separator}{entry}{separator}:BBBB==");
        let Payload::Shared(share) = read(&shared(&list)) else { panic!("{separator}") };
        assert_eq!(share.devices.len(), 2);
        assert_eq!(share.unreadable, 1);
        assert_eq!(
            share.devices[0],
            SharedDevice { name: "Garten".into(), host: "192.168.1.1".into(), port: Some(8000) }
        );
    }
}

#[test]
fn damaged_and_hostile_lists_are_told() {
    let seems = |text: &str| match read(text) {
        Payload::Other(other) => other.seems,
        other => panic!("{other:?}"),
    };
    let bomb = shared(&"A".repeat(8 * 1024 * 1024));
    assert!(bomb.len() < MAX_TEXT);
    assert_eq!(seems(&bomb), Seems::DamagedVendorShare);
    assert_eq!(seems("QRC03010003!!!"), Seems::DamagedVendorShare);
    assert_eq!(seems(&shared("no colons")), Seems::DamagedVendorShare);
    assert_eq!(seems("QRC09990003abc"), Seems::UnknownVendorShare);
}

#[test]
fn our_own_card_is_known() {
    let device = crate::CardDevice { name: "x".into(), ..Default::default() };
    let parts = crate::Card::seal(&[device], &crate::CardSecrecy::Plain).unwrap();
    assert!(matches!(read(&format!(" {}\n", parts[0])), Payload::Card(part) if part.total() == 1));
    let seems = |text: &str| match read(text) {
        Payload::Other(other) => other.seems,
        other => panic!("{other:?}"),
    };
    assert_eq!(seems(&parts[0][..parts[0].len() - 3]), Seems::DamagedCard);
    assert_eq!(seems("BZ2:ABC"), Seems::NewerCard);
}

#[test]
fn everything_else_says_what_it_seems_to_be() {
    let wifi = read(r#"WIFI:T:WPA;S:My\;Net;P:p\:w\\;;"#);
    let Payload::Wifi(wifi) = wifi else { panic!("{wifi:?}") };
    assert_eq!((wifi.ssid.as_str(), wifi.security.as_deref()), ("My;Net", Some("WPA")));
    assert_eq!(wifi.password.unwrap().expose(), "p:w\\");
    for (text, wanted) in [
        ("", Seems::Empty),
        (" \r\n ", Seems::Empty),
        (r#"{"sn":"1234","pwd":"hunter2"}"#, Seems::Json(vec!["pwd".into(), "sn".into()])),
        ("D3F5G7H9J1K3L5M7N9P2", Seems::VendorUid),
        ("4d6f7e8a9b0c1d2e", Seems::VendorUid),
        ("ABCD-123456-EFGHJ", Seems::VendorUid),
        ("a0:bd:1d:00:11:22", Seems::MacAddress),
        ("MT:Y.K9042C00KA0648G00", Seems::SmartHome),
        ("BEGIN:VCARD\nVERSION:3.0\nEND:VCARD", Seems::Contact),
        ("otpauth://totp/x?secret=hunter2", Seems::OneTimePassword),
        ("weixin://dl/business", Seems::Link("weixin".into())),
        ("www.ys7.com:DS-2DE2204IW-D3", Seems::Text),
        ("Hello world", Seems::Text),
        ("hunter2 is the password", Seems::Text),
        ("beautiful", Seems::Text),
    ] {
        let Payload::Other(other) = read(text) else { panic!("{text:?}: {:?}", read(text)) };
        assert_eq!(other.seems, wanted, "{text:?}");
        assert!(!format!("{other:?}").contains("hunter2"), "{text:?}");
    }
    assert_eq!(read("192.168.1.108"), Payload::Address { ip: [192, 168, 1, 108].into(), port: None });
    assert_eq!(
        read("192.168.1.108:8000"),
        Payload::Address { ip: [192, 168, 1, 108].into(), port: Some(8000) }
    );
    assert!(matches!(read(&"1".repeat(MAX_TEXT + 1)), Payload::Other(Other { seems: Seems::TooLong, .. })));
}

#[test]
fn codes_are_not_printed() {
    for text in ["{SN:8L0A1B2PAZ34F56,SC:HUNTER2}", "ys7\r123456789\rHUNTER\rCS-C3", "WIFI:S:x;P:HUNTER2;;"] {
        assert!(!format!("{:?}", read(text)).contains("HUNTER"), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}|[\\r\\n:,;@/A-Z0-9{}]{0,80}") {
        let payload = read(&text);
        if let Payload::Device(label) = &payload {
            prop_assert!((5..=64).contains(&label.serial.len()));
            prop_assert!(text.contains(&label.serial));
            serial_matches(label, &text);
            label.short_serial();
        }
        for prefix in ["SN:", "rtsp://", "WIFI:", "QRC03010003", "BZ1:", "DS-", "{"] {
            read(&format!("{prefix}{text}"));
        }
    }

    #[test]
    fn a_tagged_label_is_read_in_any_order_and_with_any_separator(
        serial in "[A-Z0-9]{15}", code in "[0-9]{6,8}", separator in "[,;\\n]", swap in any::<bool>(),
    ) {
        let (sn, sc) = (format!("SN:{serial}"), format!("SC:{code}"));
        let text = if swap { format!("{sc}{separator}{sn}") } else { format!("{sn}{separator}{sc}") };
        let Payload::Device(label) = read(&text) else { panic!("{text}") };
        prop_assert_eq!(label.serial, serial);
        prop_assert_eq!(label.code, Some(Secret::new(code)));
    }

    #[test]
    fn a_login_never_shows(password in "[a-zA-Z0-9@/:?#&=_.-]{6,20}") {
        let text = format!("rtsp://admin:{password}@192.168.1.7:554/ch1");
        let Payload::Url(url) = read(&text) else { panic!("{text}") };
        prop_assert_eq!(url.shown(), "rtsp://192.168.1.7:554/ch1");
        prop_assert_eq!(url.password, Some(Secret::new(password)));
    }
}
