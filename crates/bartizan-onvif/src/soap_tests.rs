use bartizan_base::Secret;
use proptest::prelude::*;

use super::*;

fn text(inner: &str) -> Vec<u8> {
    format!("<e:Envelope xmlns:e='x'><e:Header/><e:Body>{inner}</e:Body></e:Envelope>").into_bytes()
}

/// The vector of the ONVIF Application Programmer's Guide, "User authentication".
#[test]
fn the_programmers_guides_token() {
    let nonce: [u8; 16] = STANDARD.decode("LKqI6G/AikKCQrN0zqZFlg==").unwrap().try_into().unwrap();
    let created = "2010-09-16T07:50:45Z";
    let hash = Sha1::new().chain_update(nonce).chain_update(created).chain_update("userpassword").finalize();
    assert_eq!(STANDARD.encode(hash), "tuOSpGlFlIXsozq4HFNeeGeFLEI=");
}

#[test]
fn a_token_of_the_device_s_time_without_the_password() {
    let credentials = Credentials { user: "a<b".into(), password: Secret::new("hunter2") };
    let header = security_header(&credentials, UtcMicros(1_284_623_445_000_000), [7; 16]);
    let token = Element::parse(header.as_bytes()).unwrap();
    let part = |name: &str| token.text(&format!("UsernameToken/{name}")).unwrap().to_owned();
    assert_eq!(part("Username"), "a<b");
    assert_eq!(part("Created"), "2010-09-16T07:50:45.000Z");
    let wanted = Sha1::new().chain_update([7; 16]).chain_update(part("Created")).chain_update("hunter2");
    assert_eq!(part("Password"), STANDARD.encode(wanted.finalize()));
    assert!(!header.contains("hunter2"));
}

#[test]
fn a_golden_request() {
    let arguments = format!("<q:ProfileToken>{}</q:ProfileToken>", escape("a&b"));
    assert_eq!(
        envelope(Service::Ptz, "Stop", &arguments, ""),
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" "#,
            r#"xmlns:q="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema">"#,
            "<s:Body><q:Stop><q:ProfileToken>a&amp;b</q:ProfileToken></q:Stop></s:Body></s:Envelope>"
        )
    );
}

#[test]
fn answers_and_faults() {
    let Ok(Answer::Response(found)) =
        read(&text("<x:GetNodesResponse><a/></x:GetNodesResponse>"), "GetNodes")
    else {
        panic!("a response")
    };
    assert_eq!(found.children.len(), 1);
    let fault = "<Fault><Code><Value>env:Sender</Value><Subcode><Value> ter:InvalidArgVal </Value><Subcode>\
                 <Value>ter:NoProfile</Value></Subcode></Subcode></Code><Reason><Text>no such</Text></Reason></Fault>";
    let Ok(Answer::Fault(fault)) = read(&text(fault), "X") else { panic!("a fault") };
    assert_eq!(
        (fault.code.as_str(), fault.subcodes.as_slice()),
        ("Sender", &["InvalidArgVal".to_owned(), "NoProfile".into()][..])
    );
    assert!(!fault.is_refusal() && !fault.is_missing());
    for (inner, stale) in [
        (
            "<Fault><Code><Value>s:Sender</Value><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code></Fault>",
            false,
        ),
        ("<Fault><Code><Subcode><Value>wsse:FailedAuthentication</Value></Subcode></Code></Fault>", false),
        ("<Fault><faultcode>wsse:FailedAuthentication</faultcode></Fault>", false),
        ("<Fault><Reason><Text>Sender not Authorized</Text></Reason></Fault>", false),
        ("<Fault><Code><Subcode><Value>wsse:MessageExpired</Value></Subcode></Code></Fault>", true),
    ] {
        let Ok(Answer::Fault(fault)) = read(&text(inner), "X") else { panic!("{inner}") };
        assert!(fault.is_refusal(), "{inner}");
        assert_eq!(fault.is_stale(), stale, "{inner}");
    }
    assert_eq!(read(b"<html><body>404</body></html>", "X"), Ok(Answer::Other("html".into())));
    assert_eq!(read(b"", "X"), Err(XmlError::Empty));
}

#[test]
fn durations() {
    for (text, millis) in [
        ("PT10S", Some(10_000)),
        ("PT1M0.5S", Some(60_500)),
        ("P1DT1H", Some(90_000_000)),
        ("PT1093754.348S", Some(1_093_754_348)),
        ("PT", Some(0)),
        ("10S", None),
        ("PTxS", None),
        ("P1Y", None),
        ("", None),
    ] {
        assert_eq!(read_duration(text), millis, "{text}");
    }
    assert_eq!((write_duration(2000).as_str(), write_duration(1500).as_str()), ("PT2S", "PT1.500S"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes, "GetProfiles");
    }

    #[test]
    fn any_text_survives_the_way_into_xml(words in "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{0,40}") {
        let element = Element::parse(format!("<a b=\"{0}\">x{0}x</a>", escape(&words)).as_bytes()).unwrap();
        prop_assert_eq!(&element.text, &format!("x{words}x"));
    }

    #[test]
    fn any_duration_is_read_or_refused(text in "P?[0-9DTHMS.-]{0,12}") {
        let _ = read_duration(&text);
    }
}
