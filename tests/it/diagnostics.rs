//! A diagnostics bundle of a whole session: it tells nothing that it must not, and the devices' answers in it are
//! recorded answers like any other.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};

use bartizan_api::{Backend, ShellInfo, dispatch, dto::Shell};
use bartizan_app::{
    App,
    diagnostics::{Answer, Bundle},
    live::Delivery,
};
use bartizan_base::{ChannelId, Code, DeviceId, OwnedTask, Secret, StreamId, StreamProfile, SystemClock};
use bartizan_device::{Credentials, Endpoint, Family, Login, ServicePorts};
use bartizan_isapi::Isapi;
use bartizan_sim::{Brand, BrandUnit, SiteConfig, UnitConfig};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    support::{Recorder, clip_site},
    transcripts::describe,
};

const USER: &str = "admin";
const PASSWORD: &str = "Zebra-kohl&7";
const WRONG: &str = "Otter/chen 9";
const MODELS: [&str; 3] = ["IPC-A2100-SIM", "DS-2CD2042WD-SIM", "IPC-HFW1234-SIM"];
const SERIALS: [&str; 3] = ["AV20260001", "DS-2CD2042WD-SIM20260101AAWRG87654321", "9A0B1C2DPAZ3E4F"];
const MACS: [&str; 3] = ["02:ac:3e:00:5a:01", "02:44:19:00:5a:02", "02:3c:ef:00:5a:03"];
const NAMES: [&str; 4] = ["Rosenholz gate", "Quellbach yard", "Mühlweg 12", "Zwetschge"];

/// What must stand nowhere in a bundle, in lower case.
fn forbidden() -> Vec<String> {
    let plain = [
        "127.0.0.1",
        "localhost",
        "secretcam",
        "zebra",
        "kohl",
        "otter",
        "chen 9",
        "rosenholz",
        "quellbach",
        "mühlweg",
        "zwetschge",
        "\"admin",
        ">admin",
        "admin:",
    ];
    let bare = MACS.iter().map(|mac| mac.replace(':', ""));
    let dashed = MACS.iter().map(|mac| mac.replace(':', "-"));
    // "admin:Zebra-k" and "admin:Otter" in Base64, and MD5-based answers never stand in a bundle at all.
    let encoded = ["ywrtaw46wmvicmet", "ywrtaw46t3r0zxiv", "response="];
    let owned = plain.iter().chain(&SERIALS).chain(&MACS).chain(&encoded).map(|text| text.to_lowercase());
    owned.chain(bare).chain(dashed).collect()
}

fn check(text: &str) {
    let lower = text.to_lowercase();
    for secret in forbidden() {
        if let Some(at) = lower.find(&secret) {
            let from = text.floor_char_boundary(at.saturating_sub(160));
            panic!("the bundle tells {secret:?} after {:?}", &text[from..text.floor_char_boundary(at + 20)]);
        }
    }
}

#[test]
fn the_check_finds_what_it_looks_for() {
    for secret in forbidden() {
        let text = format!("{{\"x\": \"y {}\"}}", secret.to_uppercase());
        assert!(std::panic::catch_unwind(|| check(&text)).is_err(), "{secret}");
    }
}

async fn rpc(backend: &Backend, name: &str, request: Value) -> Value {
    serde_json::to_value(dispatch(backend, name, request).await).expect("JSON")
}

fn page(device: &str) -> Value {
    let window = json!({
        "device": device, "channel": 1, "profile": "sub", "codec": "avc1.42c01e", "path": "webcodecs", "transport": "tcp",
        "width": 640, "height": 360, "presentedFps": 14.8, "presented": 80, "ageMsP50": 31.5, "ageMsP95": null,
        "dropped": 2, "firstFrameMs": 210.0,
    });
    json!({
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15", "width": 390, "height": 844, "scale": 2.0,
        "webCodecs": true, "online": true, "network": "wifi", "windows": [window],
    })
}

struct Session {
    backend: Backend,
    app: Arc<App>,
    /// The devices' ids, as in `MODELS`.
    ids: Vec<String>,
    _units: Vec<BrandUnit>,
}

/// Devices of all families, added, looked at and asked, with failures in between.
async fn session() -> Session {
    let app = Arc::new(App::ephemeral(&[], Arc::new(SystemClock)).await.expect("an app in memory"));
    let shell = ShellInfo {
        shell: Shell::Web,
        ws_url: None,
        poll_url: "http://127.0.0.1/media/poll".into(),
        pictures: None,
        search_loopback: true,
    };
    let backend = Backend::new(app.clone(), shell);
    let mut units = Vec::new();
    let mut ids = Vec::new();
    for (at, brand) in [Brand::Onvif, Brand::Isapi, Brand::Dahua].into_iter().enumerate() {
        let config = UnitConfig {
            model: MODELS[at].into(),
            serial: SERIALS[at].into(),
            mac: MACS[at].into(),
            name: NAMES[2].into(),
            password: Some(Secret::new(PASSWORD)),
            channels: vec![(NAMES[0].into(), None), (NAMES[1].into(), None)],
            ..UnitConfig::default()
        };
        let site = SiteConfig { password: Secret::new(PASSWORD), ..clip_site() };
        let unit = BrandUnit::start(brand, config, site, Ipv4Addr::LOCALHOST, [Some(0), None, Some(0)]);
        let unit = unit.await.expect("starts");
        let draft = json!({
            "host": "127.0.0.1", "ports": { "http": unit.http().port(), "rtsp": unit.video().addr().port() },
            "user": USER, "password": PASSWORD, "name": NAMES[3],
        });
        if brand == Brand::Isapi {
            let mut wrong = draft.clone();
            wrong["password"] = json!(WRONG);
            assert_eq!(rpc(&backend, "devices.add", wrong).await["err"]["code"], "wrongPassword");
        }
        let added = rpc(&backend, "devices.add", draft).await;
        let id = added["ok"]["id"].as_str().unwrap_or_else(|| panic!("{brand:?}: {added}")).to_owned();
        assert!(rpc(&backend, "devices.details", json!({ "id": id })).await.get("ok").is_some());
        ids.push(id);
        units.push(unit);
    }
    let nobody = json!({ "url": format!("rtsp://{USER}:{WRONG}@secretcam.invalid:8554/ch1") });
    assert!(rpc(&backend, "devices.add", nobody).await.get("err").is_some());
    let nobody = json!({ "host": "secretcam", "ports": { "http": 1 }, "user": USER, "password": WRONG });
    assert!(rpc(&backend, "devices.add", nobody).await.get("err").is_some());
    Session { backend, app, ids, _units: units }
}

impl Session {
    async fn bundle(&self, answers: bool) -> String {
        let made =
            rpc(&self.backend, "diagnostics.make", json!({ "answers": answers, "page": page(&self.ids[0]) }));
        let made = made.await;
        let name = made["ok"]["fileName"].as_str().unwrap_or_else(|| panic!("{made}"));
        assert!(name.starts_with("bartizan-diagnostics-") && name.ends_with(".json"), "{name}");
        made["ok"]["text"].as_str().expect("a text").to_owned()
    }
}

#[tokio::test]
async fn a_bundle_tells_what_happened_and_not_to_whom() {
    let session = session().await;
    let viewer = Arc::new(Recorder::default());
    let channel = ChannelId { device: DeviceId::from_string(session.ids[1].clone()), number: 1 };
    let stream = StreamId { channel, profile: StreamProfile::Sub };
    let attachment = session.app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
    viewer.more_units(3).await;
    let missing = ChannelId { device: DeviceId::from_string(session.ids[2].clone()), number: 77 };
    let missing = StreamId { channel: missing, profile: StreamProfile::Main };
    let failing = Arc::new(Recorder::default());
    let failed = session.app.live.attach(missing, Delivery::Encoded, failing.clone()).expect("attached");
    failing.state_after("the failure", 0, |state| state.error.is_some()).await;

    let text = session.bundle(true).await;
    check(&text);
    let bundle = Bundle::read(&text).expect("reads back");
    assert_eq!(
        bundle.devices.iter().map(|one| one.family.as_str()).collect::<Vec<_>>(),
        ["onvif", "isapi", "dahua"]
    );
    assert_eq!(
        bundle.devices.iter().map(|one| one.model.as_str()).collect::<Vec<_>>(),
        MODELS,
        "models are facts"
    );
    let pseudonyms: Vec<_> = bundle.devices.iter().map(|one| one.device.as_str()).collect();
    assert_eq!(pseudonyms, ["device-1", "device-2", "device-3"]);
    assert!(bundle.devices.iter().all(|one| one.has_password && one.routes[0].local));
    assert_eq!((bundle.program.shell.as_str(), bundle.settings["ptzStep"].as_u64()), ("web", Some(5)));
    assert_eq!(bundle.page["windows"][0]["device"], "device-1", "the page's windows under the same names");
    assert_eq!(bundle.page["windows"][0]["codec"], "avc1.42c01e");

    let told = |what: &str, code| bundle.failures.iter().any(|one| one.what == what && one.code == code);
    assert!(told("devices.add", Code::WrongPassword), "{:?}", bundle.failures);
    assert!(told("live", Code::NotFound), "{:?}", bundle.failures);
    let live = bundle.failures.iter().find(|one| one.what == "live").expect("there");
    assert_eq!((live.device.as_deref(), live.channel), (Some("device-3"), Some(77)));
    let open = bundle.streams.iter().find(|one| one.device == "device-2").expect("the open stream");
    assert!(open.access_units >= 3 && open.profile == StreamProfile::Sub);

    for protocol in ["rtsp", "http"] {
        for device in &pseudonyms {
            let of = |one: &&Answer| one.protocol == protocol && one.device.as_deref() == Some(device);
            assert!(bundle.answers.iter().filter(of).count() > 0, "{protocol} answers of {device}");
        }
    }
    let bare = session.bundle(false).await;
    check(&bare);
    assert!(Bundle::read(&bare).expect("reads back").answers.is_empty());
    drop((attachment, failed));
    session.app.shutdown().await;
}

#[tokio::test]
async fn recorded_descriptions_are_fixtures() {
    let session = session().await;
    let bundle = Bundle::read(&session.bundle(true).await).expect("reads back");
    let mut described = 0;
    for answer in bundle.answers.iter().filter(|one| one.protocol == "rtsp") {
        let again = describe(answer.to_wire()).await.unwrap_or_else(|e| panic!("{e}: {}", answer.received));
        let device =
            bundle.devices.iter().find(|one| Some(&one.device) == answer.device.as_ref()).expect("known");
        let of_path =
            device.channels.iter().flat_map(|channel| &channel.streams).find(|one| one.path == answer.path);
        if let Some(size) = of_path.and_then(|one| Some((one.width?, one.height?))) {
            assert_eq!(again.video.map(|video| (video.width, video.height)), Some(size), "{}", answer.path);
        }
        described += 1;
    }
    assert!(described >= 3, "each device was asked for its stream");
}

/// Answers every request with what the bundle has for its method and path.
async fn replay(mut stream: TcpStream, answers: Arc<HashMap<(String, String), Vec<u8>>>) {
    let mut text = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(length) if length > 0 => text.extend_from_slice(&piece[..length]),
            _ => return,
        }
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).into_owned();
        let mut words = head.split(' ').map(str::to_owned);
        let key = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        text.drain(..end + 4);
        let missing = b"HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n".to_vec();
        let wire = answers.get(&key).cloned().unwrap_or(missing);
        if stream.write_all(&wire).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn recorded_documents_are_fixtures() {
    let session = session().await;
    let bundle = Bundle::read(&session.bundle(true).await).expect("reads back");
    let of_camera = |one: &&Answer| {
        one.device.as_deref() == Some("device-2") && one.protocol == "http" && one.status == 200
    };
    let answers: HashMap<_, _> = bundle
        .answers
        .iter()
        .filter(of_camera)
        .map(|one| ((one.method.clone(), one.path.clone()), one.to_wire()))
        .collect();
    assert!(answers.len() > 4, "{:?}", answers.keys());
    let answers = Arc::new(answers);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let _server = OwnedTask::spawn(async move {
        let mut served = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            served.spawn(replay(stream, answers.clone()));
        }
    });
    let ports = ServicePorts { http: Some(port), ..ServicePorts::default() };
    let endpoint = Endpoint { ports, ..Endpoint::new("127.0.0.1").expect("an address") };
    let known = Isapi::new().recognise(&endpoint).await.expect("answers").expect("the same family");
    assert_eq!(known.activated, Some(true));
    let credentials = Credentials { user: "user-1".into(), password: Secret::new("x") };
    let login = Login { credentials: Some(credentials), spend_last_try: false };
    let driver = Isapi::new().connect(&endpoint, &login).await.expect("logs in to the recording");
    let identity = driver.identity().await.expect("says who it is");
    assert_eq!(identity.model, MODELS[1]);
    assert_ne!(identity.serial, SERIALS[1]);
    assert_eq!(driver.channels().await.expect("has channels").len(), bundle.devices[1].channels.len());
}
