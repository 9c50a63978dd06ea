//! What a client meets: logins, oddities, faults, and that operations reach the unit.

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

async fn place(bench: &Bench) -> (f32, f32, f32, String) {
    let answer = bench.ask(PTZ, "<GetStatus><ProfileToken>profile_1_main</ProfileToken></GetStatus>").await;
    let status = answer.child("PTZStatus").unwrap();
    let (pan_tilt, zoom) =
        (status.at(&["Position", "PanTilt"]).unwrap(), status.at(&["Position", "Zoom"]).unwrap());
    let axis = |element: &Element, name: &str| element.number(name).unwrap();
    let moves = status.text_at(&["MoveStatus", "PanTilt"]).unwrap().to_owned();
    (axis(pan_tilt, "x"), axis(pan_tilt, "y"), axis(zoom, "x"), moves)
}

fn moved(operation: &str, inner: &str) -> String {
    format!("<{operation}><ProfileToken>profile_1_main</ProfileToken>{inner}</{operation}>")
}

#[tokio::test(start_paused = true)]
async fn a_move_goes_on_until_stop_or_its_timeout() {
    let bench = Bench::new(|_| ());
    let (x, y, zoom, _) = place(&bench).await;
    let right =
        moved("ContinuousMove", "<Velocity><PanTilt x='0.1' y='0'/></Velocity><Timeout>PT2S</Timeout>");
    bench.ask(PTZ, &right).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let half = place(&bench).await;
    assert!(half.0 > x && half.1 == y && half.2 == zoom && half.3 == "MOVING", "{half:?}");
    tokio::time::advance(Duration::from_secs(2)).await;
    let end = place(&bench).await;
    assert!(end.0 > half.0 && end.3 == "IDLE", "{end:?}");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(place(&bench).await, end);

    bench.ask(PTZ, &right.replace("0.1", "-0.1")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    bench.ask(PTZ, &moved("Stop", "")).await;
    let stopped = place(&bench).await;
    assert!(stopped.0 < end.0 && stopped.3 == "IDLE", "{stopped:?}");
    for wrong in
        ["<Velocity><PanTilt x='1.5' y='0'/></Velocity>", "<Velocity><PanTilt x='a' y='0'/></Velocity>", ""]
    {
        assert_eq!(bench.fault(PTZ, &moved("ContinuousMove", wrong)).await.0, 400, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn presets_and_places() {
    let bench = Bench::new(|_| ());
    let to = |x: f32, y: f32, zoom: f32| {
        moved("AbsoluteMove", &format!("<Position><PanTilt x='{x}' y='{y}'/><Zoom x='{zoom}'/></Position>"))
    };
    let arrived = async || {
        tokio::time::advance(Duration::from_secs(30)).await;
        let (x, y, zoom, moves) = place(&bench).await;
        assert_eq!(moves, "IDLE");
        (x, y, zoom)
    };
    bench.ask(PTZ, &to(0.5, -0.5, 0.25)).await;
    assert_eq!(arrived().await, (0.5, -0.5, 0.25));
    let set = bench.ask(PTZ, &moved("SetPreset", "<PresetName>A &amp; B</PresetName>")).await;
    let token = set.text_at(&["PresetToken"]).unwrap().to_owned();
    let named = format!("<PresetToken>{token}</PresetToken>");
    bench.ask(PTZ, &to(-1.0, 1.0, 1.0)).await;
    assert_eq!(arrived().await, (-1.0, 1.0, 1.0));
    bench.ask(PTZ, &moved("GotoPreset", &named)).await;
    assert_eq!(arrived().await, (0.5, -0.5, 0.25));
    bench.ask(PTZ, &moved("SetPreset", &format!("{named}<PresetName>C</PresetName>"))).await;
    let presets = bench.ask(PTZ, &moved("GetPresets", "")).await;
    let own = presets.all("Preset").find(|one| one.attribute("token") == Some(&token)).unwrap();
    assert_eq!(own.text_at(&["Name"]), Some("C"));
    bench.ask(PTZ, &moved("RemovePreset", &named)).await;
    assert_eq!(bench.fault(PTZ, &moved("GotoPreset", &named)).await.1, "ter:InvalidArgVal ter:NoToken");
    bench.ask(PTZ, &moved("SetHomePosition", "")).await;
    bench.ask(PTZ, &moved("RelativeMove", "<Translation><PanTilt x='0.25' y='0.25'/></Translation>")).await;
    assert_eq!(arrived().await, (0.75, -0.25, 0.25));
    bench.ask(PTZ, &moved("GotoHomePosition", "")).await;
    assert_eq!(arrived().await, (0.5, -0.5, 0.25));
    let blind = Bench::new(|quirks| quirks.ptz_status = false);
    assert_eq!(blind.fault(PTZ, &moved("GetStatus", "")).await.1, "ter:ActionNotSupported");
}

#[tokio::test]
async fn picture_values_have_their_own_range() {
    let bench = Bench::new(|_| ());
    let about = "<VideoSourceToken>source_1</VideoSourceToken>";
    let options = bench.ask(IMAGING, &format!("<GetOptions>{about}</GetOptions>")).await;
    assert_eq!(options.number_at(&["ImagingOptions", "Brightness", "Max"]), Some(255.0));
    let set = |inner: &str| {
        format!("<SetImagingSettings>{about}<ImagingSettings>{inner}</ImagingSettings></SetImagingSettings>")
    };
    let settings = async || {
        let answer = bench.ask(IMAGING, &format!("<GetImagingSettings>{about}</GetImagingSettings>")).await;
        answer.child("ImagingSettings").unwrap().clone()
    };
    let before = settings().await;
    bench
        .ask(
            IMAGING,
            &set("<Brightness>204</Brightness><Focus><AutoFocusMode>MANUAL</AutoFocusMode></Focus>"),
        )
        .await;
    let after = settings().await;
    assert_eq!(after.number_at(&["Brightness"]), Some(204.0));
    assert_eq!(after.text_at(&["Focus", "AutoFocusMode"]), Some("MANUAL"));
    assert_eq!(bench.onvif.unit.view(1).unwrap().picture.brightness, 80.0);
    assert_eq!(after.number_at(&["Contrast"]), before.number_at(&["Contrast"]));
    let code = "ter:InvalidArgVal ter:SettingsInvalid";
    for wrong in ["<Contrast>256</Contrast>", "<Contrast>-1</Contrast>", "<Sharpness>NaN</Sharpness>"] {
        assert_eq!(
            bench.fault(IMAGING, &set(&format!("<Brightness>1</Brightness>{wrong}"))).await.1,
            code,
            "{wrong}"
        );
    }
    assert_eq!(settings().await, after, "a refused request changes nothing");
}

#[tokio::test(start_paused = true)]
async fn pull_points_wait_and_end() {
    let bench = Bench::new(|_| ());
    let create = async |inner: &str| {
        let operation = format!("<CreatePullPointSubscription>{inner}</CreatePullPointSubscription>");
        let answer = bench.ask(EVENTS, &operation).await;
        let address = answer.text_at(&["SubscriptionReference", "Address"]).unwrap().to_owned();
        address.strip_prefix(&format!("http://{HOST}")).unwrap().to_owned()
    };
    let target = create("<InitialTerminationTime>PT60S</InitialTerminationTime>").await;
    let pull = "<PullMessages><Timeout>PT5S</Timeout><MessageLimit>10</MessageLimit></PullMessages>";
    let started = tokio::time::Instant::now();
    let reply = bench.at(&target, EVENTS, pull).await;
    assert_eq!((reply.status, started.elapsed()), (200, Duration::from_secs(5)));
    assert!(read(&reply).child("NotificationMessage").is_none());

    let (pulled, left) =
        tokio::join!(bench.at(&target, EVENTS, pull), bench.at(&target, NOTIFICATION, "<Unsubscribe/>"));
    assert_eq!((pulled.status, left.status, started.elapsed()), (200, 200, Duration::from_secs(5)));
    assert_eq!(bench.at(&target, EVENTS, pull).await.status, 400, "it is gone");

    // One that nobody renews runs out, one that is renewed does not.
    let (short, long) = (create("").await, create("").await);
    let renew = "<Renew><TerminationTime>PT10M</TerminationTime></Renew>";
    assert_eq!(bench.at(&long, NOTIFICATION, renew).await.status, 200);
    tokio::time::advance(Duration::from_secs(120)).await;
    assert_eq!(bench.onvif.pull_points.count(), 1);
    assert_eq!(bench.at(&short, NOTIFICATION, renew).await.status, 400);

    let plain = Bench::new(|quirks| quirks.renew = false);
    assert_eq!(plain.fault(NOTIFICATION, renew).await.1, "ter:ActionNotSupported");
    for _ in 0..40 {
        let _ = plain.at("/onvif/event_service", EVENTS, "<CreatePullPointSubscription/>").await;
    }
    assert_eq!(plain.onvif.pull_points.count(), 32);
}

#[tokio::test]
async fn relays_hold_and_pulse() {
    let bench = Bench::new(|_| ());
    let token = bench
        .ask(DEVICE, "<GetRelayOutputs/>")
        .await
        .child("RelayOutputs")
        .unwrap()
        .attribute("token")
        .unwrap()
        .to_owned();
    let settings = format!(
        "<SetRelayOutputSettings><RelayOutputToken>{token}</RelayOutputToken><Properties><Mode>Monostable</Mode>\
         <DelayTime>PT2S</DelayTime><IdleState>open</IdleState></Properties></SetRelayOutputSettings>"
    );
    bench.ask(DEVICE, &settings).await;
    let answer = bench.ask(DEVICE, "<GetRelayOutputs/>").await;
    assert_eq!(answer.text_at(&["RelayOutputs", "Properties", "Mode"]), Some("Monostable"));
    assert_eq!(answer.text_at(&["RelayOutputs", "Properties", "DelayTime"]), Some("PT2S"));
    let state = |state: &str, token: &str| {
        format!(
            "<SetRelayOutputState><RelayOutputToken>{token}</RelayOutputToken><LogicalState>{state}</LogicalState>\
             </SetRelayOutputState>"
        )
    };
    bench.ask(DEVICE, &state("active", &token)).await;
    assert!(bench.onvif.unit.outputs()[0].on);
    bench.ask(DEVICE, &state("inactive", &token)).await;
    assert!(!bench.onvif.unit.outputs()[0].on);
    assert_eq!(bench.fault(DEVICE, &state("active", "x")).await.1, "ter:InvalidArgVal ter:RelayToken");
    assert_eq!(bench.fault(DEVICE, &state("half", &token)).await.1, "ter:InvalidArgVal");
}

#[tokio::test(start_paused = true)]
async fn focus_and_iris_move() {
    let bench = Bench::new(|_| ());
    let about = "<VideoSourceToken>source_1</VideoSourceToken>";
    let view = || bench.onvif.unit.view(1).unwrap();
    let turn = |inner: &str| format!("<Move>{about}<Focus>{inner}</Focus></Move>");
    bench.ask(IMAGING, &turn("<Absolute><Position>0.25</Position></Absolute>")).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(view().focus, 0.25);
    bench.ask(IMAGING, &turn("<Continuous><Speed>1</Speed></Continuous>")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let status = bench.ask(IMAGING, &format!("<GetStatus>{about}</GetStatus>")).await;
    assert_eq!(status.text_at(&["Status", "FocusStatus20", "MoveStatus"]), Some("MOVING"));
    bench.ask(IMAGING, &format!("<Stop>{about}</Stop>")).await;
    let stopped = view();
    assert!(stopped.focus > 0.25 && stopped.focus < 1.0 && !stopped.focusing, "{stopped:?}");
    let set = |inner: &str| {
        format!("<SetImagingSettings>{about}<ImagingSettings>{inner}</ImagingSettings></SetImagingSettings>")
    };
    bench.ask(IMAGING, &set("<Exposure><Mode>MANUAL</Mode><Iris>5</Iris></Exposure>")).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(view().iris, 0.75);
    // The second camera has a fixed lens.
    let fixed = about.replace('1', "2");
    assert_eq!(bench.fault(IMAGING, &format!("<GetMoveOptions>{fixed}</GetMoveOptions>")).await.0, 500);
}

#[tokio::test]
async fn wrong_passwords_lock_the_account_and_late_tokens_do_not() {
    let bench = Bench::new(|quirks| quirks.created_window = Duration::from_secs(5));
    let operation = in_namespace(DEVICE, "<GetDeviceInformation/>");
    let now = bench.onvif.unit.now();
    let late = bartizan_base::UtcMicros(now.0 - 60_000_000);
    let send = async |password: &str, at| {
        let header = token_header(USER, password, at);
        bench.send("/onvif/device_service", None, &header, &operation).await.status
    };
    for _ in 0..10 {
        assert_eq!(send(PASSWORD, late).await, 400);
    }
    assert_eq!((send(PASSWORD, now).await, bench.onvif.unit.refusals()), (200, 0));
    for _ in 0..bench.onvif.unit.config().tries {
        assert_eq!(send("wrong", now).await, 400);
    }
    assert_eq!((send(PASSWORD, now).await, bench.onvif.unit.refusals()), (400, 5));
    assert_eq!(bench.stranger(DEVICE, "<GetHostname/>").await.status, 200);
}

#[tokio::test]
async fn auxiliaries_reach_the_unit() {
    let bench = Bench::new(|_| ());
    let capabilities = bench.ask(DEVICE, "<GetServiceCapabilities/>").await;
    let misc = capabilities
        .at(&["Capabilities", "Misc"])
        .unwrap()
        .attribute("AuxiliaryCommands")
        .unwrap()
        .to_owned();
    assert!(misc.split(' ').any(|one| one == "tt:WhiteLight|On"), "{misc}");
    let send = |command: &str| {
        format!("<SendAuxiliaryCommand><AuxiliaryCommand>{command}</AuxiliaryCommand></SendAuxiliaryCommand>")
    };
    let view = || bench.onvif.unit.view(1).unwrap();
    bench.ask(DEVICE, &send("tt:WhiteLight|On")).await;
    bench.ask(PTZ, &moved("SendAuxiliaryCommand", "<AuxiliaryData>tt:Wiper|On</AuxiliaryData>")).await;
    bench.ask(PTZ, &moved("SendAuxiliaryCommand", "<AuxiliaryData>tt:Tracking|On</AuxiliaryData>")).await;
    assert!(view().light && view().wiper && view().tracking);
    bench.ask(DEVICE, &send("tt:WhiteLight|Off")).await;
    bench.ask(DEVICE, &send("tt:Wiper|Off")).await;
    bench.ask(DEVICE, &send("tt:Tracking|Off")).await;
    assert!(!view().light && !view().wiper && !view().tracking);
    bench
        .ask(
            MEDIA,
            "<SetSynchronizationPoint><ProfileToken>profile_1_main</ProfileToken></SetSynchronizationPoint>",
        )
        .await;
    assert_eq!(view().key_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_picture_needs_digest_and_shows_the_move() {
    let bench = Bench::new(|_| ());
    let answer = bench
        .ask(MEDIA2, "<GetSnapshotUri><ProfileToken>profile_1_sub</ProfileToken></GetSnapshotUri>")
        .await;
    let target =
        answer.text_at(&["Uri"]).unwrap().strip_prefix(&format!("http://{HOST}")).unwrap().to_owned();
    let fetch = async |target: &str, authorization: Option<&str>| {
        bench.http("GET", target, authorization, String::new()).await
    };
    let refused = fetch(&target, None).await;
    assert_eq!((refused.status, refused.challenges.len()), (401, 2));
    let mut client = http_auth::PasswordClient::try_from(refused.challenges[0].as_str()).unwrap();
    let mut login = |uri: &str| {
        let params =
            http_auth::PasswordParams { username: USER, password: PASSWORD, uri, method: "GET", body: None };
        client.respond(&params).unwrap()
    };
    let picture = async |authorization: &str| {
        let reply = fetch(&target, Some(authorization)).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "image/jpeg"));
        image::load_from_memory(&reply.body).unwrap().to_luma8()
    };
    let before = picture(&login(&target)).await;
    assert_eq!(before.dimensions(), (640, 360));
    bench.ask(PTZ, &moved("AbsoluteMove", "<Position><Zoom x='1'/></Position>")).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let (after, again) = (picture(&login(&target)).await, picture(&login(&target)).await);
    let differs = |a: &image::GrayImage, b: &image::GrayImage| {
        let all = a.as_raw().iter().zip(b.as_raw());
        all.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>() / a.as_raw().len() as u64
    };
    let (moved, still) = (differs(&before, &after), differs(&after, &again));
    assert!(moved > 4 && moved > 4 * still, "{moved} after the zoom, {still} at rest");
    for wrong in ["/onvif/snapshot?channel=9", "/onvif/snapshot?channel=1&stream=x", "/onvif/snapshot"] {
        assert_eq!(fetch(wrong, Some(&login(wrong))).await.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn a_fixed_camera_has_no_ptz_service() {
    let unit = Unit::new(UnitConfig { ptz: false, auxiliaries: false, outputs: 0, ..UnitConfig::default() });
    let bench = Bench { onvif: Onvif::new(Arc::new(unit), 554, OnvifQuirks::default()) };
    let services = read(&bench.stranger(DEVICE, "<GetServices/>").await);
    assert!(services.all("Service").all(|one| one.text_at(&["Namespace"]) != Some(PTZ)));
    assert_eq!(bench.fault(PTZ, "<GetNodes/>").await.1, "ter:ActionNotSupported");
    let profile =
        bench.ask(MEDIA, "<GetProfile><ProfileToken>profile_1_main</ProfileToken></GetProfile>").await;
    assert!(profile.at(&["Profile", "PTZConfiguration"]).is_none());
    assert!(bench.ask(DEVICE, "<GetRelayOutputs/>").await.children.is_empty());
    assert!(!bench.onvif.target("h:1").scopes.iter().any(|scope| scope.ends_with("/ptz")));
}
