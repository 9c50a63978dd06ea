//! What a client meets: logins, oddities, faults, and that operations reach the unit.

mod moves;
mod recordings;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::http::{HeaderMap, header};

use super::{security::token_header, soap::Element, *};
use crate::{UnitConfig, front::Body};

const USER: &str = "admin";
const PASSWORD: &str = "bartizan1";
const HOST: &str = "camera.example:8000";

struct Answered {
    status: u16,
    content_type: String,
    challenges: Vec<String>,
    body: Vec<u8>,
}

struct Bench {
    onvif: Onvif,
}

impl Bench {
    fn new(change: impl FnOnce(&mut OnvifQuirks)) -> Self {
        let mut quirks = OnvifQuirks::default();
        change(&mut quirks);
        let channels = vec![("Gate".into(), None), ("Yard".into(), None)];
        let unit = Unit::new(UnitConfig { channels, ..UnitConfig::default() });
        Self { onvif: Onvif::new(Arc::new(unit), 554, quirks) }
    }

    async fn http(&self, method: &str, target: &str, authorization: Option<&str>, body: String) -> Answered {
        let mut headers = HeaderMap::from_iter([(header::HOST, HOST.parse().unwrap())]);
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        let ask = Ask {
            method: method.into(),
            target: target.into(),
            headers,
            body: body.into(),
            local: SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)),
        };
        let reply = self.onvif.answer(&ask).await;
        let Body::Whole(body) = reply.body else { panic!("an endless answer") };
        let challenges = reply.headers.into_iter().filter(|(name, _)| *name == "WWW-Authenticate");
        Answered {
            status: reply.status,
            content_type: reply.content_type,
            challenges: challenges.map(|(_, value)| value).collect(),
            body,
        }
    }

    async fn send(
        &self,
        target: &str,
        authorization: Option<&str>,
        header: &str,
        operation: &str,
    ) -> Answered {
        let body = format!("<Envelope><Header>{header}</Header><Body>{operation}</Body></Envelope>");
        self.http("POST", target, authorization, body).await
    }

    /// Asks without login.
    async fn stranger(&self, namespace: &str, operation: &str) -> Answered {
        self.send("/onvif/device_service", None, "", &in_namespace(namespace, operation)).await
    }

    /// Asks with a right token, at an address.
    async fn at(&self, target: &str, namespace: &str, operation: &str) -> Answered {
        let header = token_header(USER, PASSWORD, self.onvif.unit.now());
        self.send(target, None, &header, &in_namespace(namespace, operation)).await
    }

    /// The answer to a call that must succeed.
    async fn ask(&self, namespace: &str, operation: &str) -> Element {
        let reply = self.at("/onvif/device_service", namespace, operation).await;
        assert_eq!(reply.status, 200, "{}", shown(&reply));
        read(&reply)
    }

    /// The fault of a call that must fail: subcodes from the outer one, and the status.
    async fn fault(&self, namespace: &str, operation: &str) -> (u16, String) {
        let reply = self.at("/onvif/device_service", namespace, operation).await;
        (reply.status, subcodes(&read(&reply)))
    }
}

fn in_namespace(namespace: &str, operation: &str) -> String {
    let at = operation.find(['>', ' ', '/']).unwrap();
    format!("{} xmlns='{namespace}'{}", &operation[..at], &operation[at..])
}

fn shown(reply: &Answered) -> String {
    format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body))
}

fn read(reply: &Answered) -> Element {
    Call::parse(std::str::from_utf8(&reply.body).unwrap()).unwrap_or_else(|| panic!("{}", shown(reply))).body
}

fn subcodes(fault: &Element) -> String {
    assert_eq!(fault.name, "Fault");
    let mut codes = Vec::new();
    let mut at = fault.child("Code").unwrap();
    while let Some(sub) = at.child("Subcode") {
        codes.push(sub.text_at(&["Value"]).unwrap().to_owned());
        at = sub;
    }
    codes.join(" ")
}

#[tokio::test]
async fn what_is_open_needs_no_login() {
    let bench = Bench::new(|_| ());
    for operation in ["<GetSystemDateAndTime/>", "<GetServices/>", "<GetCapabilities/>", "<GetHostname/>"] {
        assert_eq!(bench.stranger(DEVICE, operation).await.status, 200, "{operation}");
    }
    let reply = bench.stranger(DEVICE, "<GetDeviceInformation/>").await;
    assert_eq!((reply.status, reply.challenges.is_empty()), (401, false));
    // The name alone opens nothing in another service.
    assert_eq!(bench.stranger(MEDIA, "<GetServiceCapabilities/>").await.status, 401);
}

#[tokio::test]
async fn a_wrong_login_is_refused_in_each_known_form() {
    for (refusal, status, code) in [
        (OnvifRefusal::Fault400, 400, "ter:NotAuthorized"),
        (OnvifRefusal::Fault200, 200, "ter:NotAuthorized"),
        (OnvifRefusal::Fault500, 500, "wsse:FailedAuthentication"),
        (OnvifRefusal::Http401, 401, ""),
    ] {
        let bench = Bench::new(|quirks| quirks.refusal = refusal);
        let header = token_header(USER, "wrong", bench.onvif.unit.now());
        let operation = in_namespace(DEVICE, "<GetDeviceInformation/>");
        let reply = bench.send("/onvif/device_service", None, &header, &operation).await;
        assert_eq!(reply.status, status, "{refusal:?}");
        match code {
            "" => assert!(reply.body.is_empty() && !reply.challenges.is_empty()),
            code => assert_eq!(subcodes(&read(&reply)), code),
        }
    }
}

#[tokio::test]
async fn tokens_follow_the_device_clock_and_serve_once() {
    let bench = Bench::new(|quirks| quirks.created_window = Duration::from_secs(5));
    let operation = in_namespace(DEVICE, "<GetDeviceInformation/>");
    let send =
        async |header: &str| bench.send("/onvif/device_service", None, header, &operation).await.status;
    let token = token_header(USER, PASSWORD, bench.onvif.unit.now());
    assert_eq!(send(&token).await, 200);
    assert_eq!(send(&token).await, 400, "the same nonce again");
    let set = "<SetSystemDateAndTime><DateTimeType>Manual</DateTimeType><UTCDateTime><Time><Hour>1</Hour>\
               <Minute>2</Minute><Second>3</Second></Time><Date><Year>2000</Year><Month>1</Month><Day>1</Day></Date>\
               </UTCDateTime></SetSystemDateAndTime>";
    bench.ask(DEVICE, set).await;
    let year = read(&bench.stranger(DEVICE, "<GetSystemDateAndTime/>").await);
    assert_eq!(year.text_at(&["SystemDateAndTime", "UTCDateTime", "Date", "Year"]), Some("2000"));
    assert_eq!(
        send(&token_header(USER, PASSWORD, bartizan_base::UtcMicros(1_790_000_000_000_000))).await,
        400
    );
    assert_eq!(send(&token_header(USER, PASSWORD, bench.onvif.unit.now())).await, 200);
}

#[tokio::test]
async fn http_digest_is_taken_or_wanted_or_unknown() {
    let target = "/onvif/device_service";
    let operation = in_namespace(DEVICE, "<GetDeviceInformation/>");
    for (login, token_status, digest_status) in [
        (OnvifLogin::Either, 200, 200),
        (OnvifLogin::HttpDigest, 401, 200),
        (OnvifLogin::UsernameToken, 200, 400),
    ] {
        let bench = Bench::new(|quirks| quirks.login = login);
        let token = token_header(USER, PASSWORD, bench.onvif.unit.now());
        let reply = bench.send(target, None, &token, &operation).await;
        assert_eq!(reply.status, token_status, "{login:?}");
        let challenge = bench.onvif.login.challenges(false).remove(0);
        let mut client = http_auth::PasswordClient::try_from(challenge.as_str()).unwrap();
        let mut login_as = |password: &str| {
            let params = http_auth::PasswordParams {
                username: USER,
                password,
                uri: target,
                method: "POST",
                body: None,
            };
            client.respond(&params).unwrap()
        };
        let right = login_as(PASSWORD);
        assert_eq!(bench.send(target, Some(&right), "", &operation).await.status, digest_status, "{login:?}");
        if login != OnvifLogin::UsernameToken {
            let wrong = login_as("wrong");
            let reply = bench.send(target, Some(&wrong), "", &operation).await;
            assert!(matches!(reply.status, 400 | 401), "{login:?}");
        }
    }
}

#[tokio::test]
async fn addresses_can_be_odd() {
    let stream = "<GetStreamUri><ProfileToken>profile_1_sub</ProfileToken></GetStreamUri>";
    let xaddr = async |bench: &Bench| {
        let services = read(&bench.stranger(DEVICE, "<GetServices/>").await);
        services.text_at(&["Service", "XAddr"]).unwrap().to_owned()
    };
    let plain = Bench::new(|_| ());
    assert_eq!(xaddr(&plain).await, format!("http://{HOST}/onvif/device_service"));
    let uri = plain.ask(MEDIA, stream).await.text_at(&["MediaUri", "Uri"]).unwrap().to_owned();
    assert!(uri.starts_with("rtsp://") && uri.contains("channel=1&subtype=1"), "{uri}");

    let zero = Bench::new(|quirks| quirks.address = OnvifAddress::Zero);
    assert_eq!(xaddr(&zero).await, "http://0.0.0.0:8000/onvif/device_service");
    let other = Bench::new(|quirks| quirks.address = OnvifAddress::Other("192.168.1.108:80".into()));
    assert_eq!(xaddr(&other).await, "http://192.168.1.108:80/onvif/device_service");

    let escaped = Bench::new(|quirks| quirks.double_escape = true).ask(MEDIA, stream).await;
    assert_eq!(escaped.text_at(&["MediaUri", "Uri"]), Some(uri.replace('&', "&amp;").as_str()));
    let padded = Bench::new(|quirks| quirks.padded_addresses = true);
    let reply = padded.at("/onvif/device_service", MEDIA, stream).await;
    assert!(shown(&reply).contains("<tt:Uri>\n"), "{}", shown(&reply));
}

#[tokio::test]
async fn envelopes_can_be_odd() {
    let curly = Bench::new(|quirks| quirks.curly_quotes = true);
    let reply = curly.stranger(DEVICE, "<GetHostname/>").await;
    assert!(reply.body.starts_with("<?xml version=\u{201d}1.0\u{201d} ?>".as_bytes()));
    let echo = Bench::new(|quirks| quirks.echoes_security = true);
    let reply = echo.at("/onvif/device_service", DEVICE, "<GetDeviceInformation/>").await;
    let call = Call::parse(std::str::from_utf8(&reply.body).unwrap()).unwrap();
    let token = call.header("Security").unwrap().child("UsernameToken").unwrap();
    assert_eq!(token.text_at(&["Username"]), Some(USER));
    assert!(token.text_at(&["Nonce"]).is_some());
}

#[tokio::test]
async fn services_can_be_missing() {
    let namespaces = async |bench: &Bench| -> Vec<String> {
        let services =
            bench.ask(DEVICE, "<GetServices><IncludeCapability>true</IncludeCapability></GetServices>").await;
        let all = services.all("Service").map(|one| one.text_at(&["Namespace"]).unwrap().to_owned());
        all.collect()
    };
    let all = namespaces(&Bench::new(|_| ())).await;
    assert!(
        [DEVICE, MEDIA, MEDIA2, PTZ, IMAGING, EVENTS, DEVICE_IO]
            .iter()
            .all(|one| all.iter().any(|o| o == one))
    );
    let old = Bench::new(|quirks| quirks.media2 = false);
    assert!(!namespaces(&old).await.iter().any(|one| one == MEDIA2));
    assert_eq!(old.fault(MEDIA2, "<GetProfiles/>").await, (500, "ter:ActionNotSupported".into()));
    let older = Bench::new(|quirks| quirks.get_services = false);
    assert_eq!(older.fault(DEVICE, "<GetServices/>").await, (500, "ter:ActionNotSupported".into()));
    let capabilities =
        older.ask(DEVICE, "<GetCapabilities><Category>Media</Category></GetCapabilities>").await;
    let capabilities = capabilities.child("Capabilities").unwrap();
    assert!(capabilities.text_at(&["Media", "XAddr"]).is_some() && capabilities.child("PTZ").is_none());
}

#[tokio::test]
async fn faults_name_what_is_wrong() {
    let bench = Bench::new(|_| ());
    let cases = [
        (DEVICE, "<StartFirmwareUpgrade/>", 500, "ter:ActionNotSupported"),
        (DEVICE, "<SystemReboot/>", 500, "ter:ActionNotSupported"),
        ("urn:none", "<GetProfiles/>", 500, "ter:ActionNotSupported"),
        (
            MEDIA,
            "<GetStreamUri><ProfileToken>x</ProfileToken></GetStreamUri>",
            400,
            "ter:InvalidArgVal ter:NoProfile",
        ),
        (MEDIA2, "<GetSnapshotUri/>", 400, "ter:InvalidArgVal ter:NoProfile"),
        (PTZ, "<GetNode><NodeToken>ptz_node_9</NodeToken></GetNode>", 400, "ter:InvalidArgVal ter:NoEntity"),
        (
            PTZ,
            "<GetStatus><ProfileToken>profile_2_main</ProfileToken></GetStatus>",
            400,
            "ter:InvalidArgVal ter:NoPTZProfile",
        ),
        (
            IMAGING,
            "<GetOptions><VideoSourceToken>x</VideoSourceToken></GetOptions>",
            400,
            "ter:InvalidArgVal ter:NoSource",
        ),
        (
            DEVICE,
            "<SendAuxiliaryCommand><AuxiliaryCommand>x</AuxiliaryCommand></SendAuxiliaryCommand>",
            400,
            "ter:InvalidArgVal ter:AuxiliaryDataNotSupported",
        ),
    ];
    for (namespace, operation, status, codes) in cases {
        assert_eq!(bench.fault(namespace, operation).await, (status, codes.into()), "{operation}");
    }
    let torn = bench.send("/onvif/device_service", None, "", "<a>").await;
    assert_eq!((torn.status, subcodes(&read(&torn)).as_str()), (400, "ter:WellFormed"));
}

#[tokio::test]
async fn media2_gives_what_is_asked_for() {
    let bench = Bench::new(|_| ());
    let parts = async |types: &[&str]| -> Vec<String> {
        let types: String = types.iter().map(|one| format!("<Type>{one}</Type>")).collect();
        let answer = bench.ask(MEDIA2, &format!("<GetProfiles>{types}</GetProfiles>")).await;
        let first =
            answer.all("Profiles").find(|one| one.attribute("token") == Some("profile_1_main")).unwrap();
        let parts = first.child("Configurations").map(|all| all.children.clone()).unwrap_or_default();
        parts.into_iter().map(|part| part.name).collect()
    };
    assert!(parts(&[]).await.is_empty());
    assert_eq!(parts(&["VideoEncoder"]).await, ["VideoEncoder"]);
    assert_eq!(parts(&["All"]).await, ["VideoSource", "VideoEncoder", "PTZ"]);
    let one = bench.ask(MEDIA2, "<GetProfiles><Token>profile_2_sub</Token></GetProfiles>").await;
    assert_eq!(one.children.len(), 1);
}

#[tokio::test]
async fn rotation_is_set_and_read_back() {
    let bench = Bench::new(|_| ());
    let set = |mode: &str, degree: u16| {
        format!(
            "<SetVideoSourceConfiguration><Configuration token='source_config_1'><Extension><Rotate><Mode>{mode}</Mode>\
             <Degree>{degree}</Degree></Rotate></Extension></Configuration></SetVideoSourceConfiguration>"
        )
    };
    let mode = async || {
        let answer = bench.ask(MEDIA, "<GetVideoSourceConfigurations/>").await;
        answer.text_at(&["Configurations", "Extension", "Rotate", "Mode"]).unwrap().to_owned()
    };
    assert_eq!(mode().await, "OFF");
    bench.ask(MEDIA, &set("ON", 180)).await;
    assert_eq!(mode().await, "ON");
    assert_eq!(bench.fault(MEDIA, &set("ON", 90)).await.1, "ter:InvalidArgVal ter:ConfigModify");
    assert_eq!(mode().await, "ON");
    bench.ask(MEDIA, &set("OFF", 0)).await;
    assert_eq!(mode().await, "OFF");
}
