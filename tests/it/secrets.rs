//! A whole session at TRACE, with a stored database: the password is nowhere but in the cipher.

use std::{
    cell::RefCell,
    fs,
    io::{self, Write},
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Once},
    thread,
};

use bartizan_api::{Backend, ShellInfo, dispatch, dto::Shell};
use bartizan_app::{App, live::Delivery};
use bartizan_base::{ChannelId, DeviceId, Secret, StreamId, StreamProfile, SystemClock};
use bartizan_sim::{Brand, BrandUnit, Fault, SiteConfig, UnitConfig};
use serde_json::{Value, json};
use tracing_subscriber::{Layer, filter::dynamic_filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::support::{Recorder, USER, clip_site, start};

/// With characters that URLs, JSON and SQL write differently.
const RIGHT: &str = "Gr\u{fc}n/kohl'7%zebra";
const WRONG: &str = "W\u{e4}ld\"chen 9?otter";
/// The app's own secrets. Digits of a PIN may stand anywhere by chance; twelve of them do not.
const PIN: &str = "271828459045";
const APP_PASSWORD: &str = "walrus & \u{f6}ltank";
const APP_WRONG: &str = "314159265358";

/// What must be found nowhere: the passwords, as they are written in URLs, JSON and Basic credentials, and the parts
/// that every way of writing leaves alone.
fn forbidden() -> Vec<Vec<u8>> {
    let texts = [
        "zebra",
        "kohl",
        "otter",
        "chen 9",
        "chen%209",
        RIGHT,
        WRONG,
        PIN,
        APP_PASSWORD,
        "walrus",
        "ltank",
        APP_WRONG,
    ];
    // Base64 of "admin:<password>" and of the password alone, without the last, padded group.
    let encoded = [
        "YWRtaW46R3LDvG4va29obCc3JXpl",
        "R3LDvG4va29obCc3JXpl",
        "YWRtaW46V8OkbGQiY2hlbiA5P290",
        "V8OkbGQiY2hlbiA5P290",
    ];
    texts.into_iter().chain(encoded).map(|text| text.as_bytes().to_vec()).collect()
}

fn check(what: &str, bytes: &[u8]) {
    check_for(what, bytes, forbidden());
}

/// A key as it is, as the key file has it, and in Base64 without the last, padded group.
fn ways_to_write(key_file: &[u8]) -> Vec<Vec<u8>> {
    let hex = key_file.trim_ascii().to_vec();
    assert_eq!(hex.len(), 64, "a key file");
    let text = String::from_utf8(hex.clone()).expect("hex digits");
    let bytes: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect();
    let list = format!("{:?}", &bytes[..8]).trim_matches(['[', ']']).as_bytes().to_vec();
    vec![bytes, hex, text.to_uppercase().into_bytes(), list]
}

fn check_for(what: &str, bytes: &[u8], secrets: Vec<Vec<u8>>) {
    for secret in secrets {
        let at = bytes.windows(secret.len()).position(|window| window == secret);
        if let Some(at) = at {
            let from = at.saturating_sub(200);
            let around = String::from_utf8_lossy(&bytes[from..at]);
            panic!("{what} tells {:?} after {around:?}", String::from_utf8_lossy(&secret));
        }
    }
}

thread_local! {
    /// What this thread's test has heard, if it listens.
    static HEARD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Everything that is logged on this thread while it lives.
///
/// One subscriber for all threads, which asks at each event whether this thread listens: `tracing` remembers per
/// callsite whether anybody wants it, and while only one thread has a subscriber, another thread's test that comes to a
/// callsite first has "nobody" remembered for all of them.
struct Log;

impl Log {
    fn hear() -> Self {
        static ONE_FOR_ALL: Once = Once::new();
        ONE_FOR_ALL.call_once(|| {
            let listening = dynamic_filter_fn(|_, _| {
                // A thread that ends may log once more.
                HEARD.try_with(|heard| heard.borrow().is_some()).unwrap_or_default()
            });
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Line);
            tracing_subscriber::registry().with(lines.with_filter(listening)).init();
        });
        HEARD.set(Some(Vec::new()));
        Self
    }

    fn written(&self) -> Vec<u8> {
        HEARD.with_borrow(|heard| heard.clone().unwrap_or_default())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        HEARD.set(None);
    }
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HEARD.with_borrow_mut(|heard| heard.get_or_insert_default().extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_another_test_came_to_first_is_heard() {
    let tell = || tracing::trace!("told at one place");
    let log = Log::hear();
    thread::spawn(tell).join().expect("told");
    assert_eq!(log.written(), b"", "another thread's");
    tell();
    let written = log.written();
    assert!(String::from_utf8_lossy(&written).contains("told at one place"));
}

fn check_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the data folder") {
        let path = entry.expect("an entry").path();
        check(&path.display().to_string(), &fs::read(&path).expect("readable"));
        files += 1;
    }
    files
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for secret in forbidden() {
        let text = [b"x".to_vec(), secret].concat();
        assert!(std::panic::catch_unwind(|| check("a text", &text)).is_err());
    }
}

struct Session {
    backend: Backend,
    replies: Vec<Value>,
}

impl Session {
    fn new(app: Arc<App>) -> Self {
        let shell = ShellInfo {
            shell: Shell::Web,
            ws_url: None,
            poll_url: "http://127.0.0.1/media/poll".into(),
            pictures: None,
            search_loopback: true,
        };
        Self { backend: Backend::new(app, shell), replies: Vec::new() }
    }

    async fn rpc(&mut self, name: &str, request: Value) -> Value {
        let reply = serde_json::to_value(dispatch(&self.backend, name, request).await).expect("JSON");
        self.replies.push(reply.clone());
        reply
    }
}

/// The app's PIN and password set, mistyped, changed and ended. Gives the key file there is then.
async fn protect_and_lock(session: &mut Session, folder: &Path, plain_key: &[u8]) -> Vec<u8> {
    let on = session.rpc("protection.setUp", json!({ "kind": "pin", "secret": PIN })).await;
    assert_eq!(on["ok"]["kind"], "pin");
    for entry in fs::read_dir(folder).expect("the data folder") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("readable");
        check_for(&path.display().to_string(), &bytes, ways_to_write(plain_key));
    }
    session.rpc("protection.lock", json!({})).await;
    let wrong = session.rpc("protection.unlock", json!({ "secret": APP_WRONG })).await;
    assert_eq!(wrong["err"]["code"], "appPassword");
    // Too short and too long for its kind, and no request at all.
    for secret in [APP_PASSWORD, &APP_WRONG.repeat(9)] {
        session.rpc("protection.unlock", json!({ "secret": secret })).await;
        session.rpc("protection.unlock", json!(secret)).await;
    }
    assert_eq!(session.rpc("protection.unlock", json!({ "secret": PIN })).await["ok"]["locked"], false);
    let wrong_kind = session
        .rpc("protection.change", json!({ "current": PIN, "kind": "pin", "secret": APP_PASSWORD }))
        .await;
    assert_eq!(wrong_kind["err"]["code"], "invalidInput");
    let changed = session
        .rpc("protection.change", json!({ "current": PIN, "kind": "password", "secret": APP_PASSWORD }))
        .await;
    assert_eq!(changed["ok"]["kind"], "password");
    assert!(check_files(folder) >= 1, "the database");
    let off = session.rpc("protection.turnOff", json!({ "secret": APP_PASSWORD })).await;
    assert_eq!(off["ok"]["kind"], Value::Null);
    fs::read(folder.join("bartizan.key")).expect("a key file again")
}

// On one thread, so that the thread's own subscriber hears every task.
#[tokio::test]
async fn a_whole_session_tells_no_password() {
    let log = Log::hear();
    let folder = tempfile::tempdir().expect("a folder");
    let site = start(SiteConfig { channels: 2, password: Secret::new(RIGHT), ..clip_site() }).await;
    let app = Arc::new(App::open(folder.path(), Arc::new(SystemClock)).await.expect("a stored app"));
    let mut session = Session::new(app.clone());

    let addr = site.addr();
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let wrong = session
        .rpc("devices.add", json!({ "url": format!("rtsp://{USER}:{}@{addr}/ch1/main", escape(WRONG)) }))
        .await;
    assert_eq!(wrong["err"]["code"], "wrongPassword");
    // As people paste it, with everything raw; and torn so that no address can be read from it.
    let raw =
        session.rpc("devices.add", json!({ "url": format!("rtsp://{USER}:{RIGHT}@{addr}/ch1/main") })).await;
    assert!(raw.get("ok").is_some(), "{raw}");
    for url in [
        format!("http://{USER}:{RIGHT}@{addr}/ch1/main"),
        format!("rtsp://{USER}:{RIGHT}@{addr}9/ch1/main"),
        format!("rtsp://{USER}:{RIGHT}@/ch1/main"),
        format!("{USER}:{RIGHT}@{addr}"),
    ] {
        let torn = session.rpc("devices.add", json!({ "url": url })).await;
        assert!(torn.get("err").is_some(), "{torn}");
    }
    let apart =
        json!({ "host": "127.0.0.1", "port": addr.port(), "user": USER, "password": RIGHT, "name": "Apart" });
    assert!(session.rpc("devices.probe", apart.clone()).await.get("ok").is_some());
    assert!(session.rpc("devices.add", apart).await.get("ok").is_some());
    let malformed =
        session.rpc("devices.add", json!({ "host": "127.0.0.1", "port": RIGHT, "password": RIGHT })).await;
    assert_eq!(malformed["err"]["code"], "invalidInput");

    let id = raw["ok"]["id"].as_str().expect("an id").to_owned();
    let viewer = Arc::new(Recorder::default());
    let stream = StreamId {
        channel: ChannelId { device: DeviceId::from_string(id.clone()), number: 1 },
        profile: StreamProfile::Sub,
    };
    let attachment = app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
    viewer.more_units(10).await;
    let seen = viewer.lock().states.len();
    site.set_fault(None, Some(Fault::Reset));
    viewer.state_after("the break", seen, |state| state.error.is_some()).await;
    site.set_fault(None, Some(Fault::AuthStorm));
    viewer
        .state_after("the refusal", seen, |state| {
            state.error.as_ref().is_some_and(|error| error.code() == bartizan_base::Code::WrongPassword)
        })
        .await;
    site.set_fault(None, None);
    let edit = session.rpc("devices.update", json!({ "id": id, "draft": { "password": WRONG } })).await;
    assert_eq!(edit["err"]["code"], "wrongPassword");
    let edit = session
        .rpc("devices.update", json!({ "id": id, "draft": { "password": RIGHT, "name": "Gate" } }))
        .await;
    assert_eq!(edit["ok"]["hasPassword"], true);
    viewer.more_units(5).await;
    drop(attachment);
    for name in ["devices.list", "live.stats", "app.info", "settings.get"] {
        session.rpc(name, json!({})).await;
    }
    let plain_key = fs::read(folder.path().join("bartizan.key")).expect("a key file");
    let next_plain_key = protect_and_lock(&mut session, folder.path(), &plain_key).await;
    session.rpc("devices.delete", json!({ "id": id })).await;
    session.rpc("devices.restore", json!({ "id": id })).await;
    app.live.shutdown().await;

    assert!(check_files(folder.path()) >= 2, "database and key");
    for reply in &session.replies {
        check("a reply", reply.to_string().as_bytes());
    }
    for state in &viewer.lock().states {
        check("a state", format!("{state:?}").as_bytes());
    }
    let written = log.written();
    let text = String::from_utf8_lossy(&written);
    assert!(text.contains("retina") && text.contains("bartizan_app"), "all targets are heard");
    assert!(text.contains("TRACE") && text.contains("DESCRIBE"), "down to the wire");
    check("the log", &written);
    for key in [&plain_key, &next_plain_key] {
        check_for("the log", &written, ways_to_write(key));
        for reply in &session.replies {
            check_for("a reply", reply.to_string().as_bytes(), ways_to_write(key));
        }
    }

    // A second run reads the password back: it was stored, only not readably.
    drop((session, app));
    let app = App::open(folder.path(), Arc::new(SystemClock)).await.expect("opens again");
    let row = app.devices.book().get(&DeviceId::from_string(id)).expect("the device");
    assert_eq!(row.password.as_ref().map(Secret::expose), Some(RIGHT));
    site.shutdown().await;
}

/// A first password as devices ask for it, with a part that is looked for.
const FIRST: &str = "Zebra4kohl.zebra";
const CARD: &str = "otter kohl zebra";

// On one thread, so that the thread's own subscriber hears every task, the devices' own among them.
#[tokio::test]
async fn adding_moving_and_sharing_every_family_tells_no_password() {
    let log = Log::hear();
    let folder = tempfile::tempdir().expect("a folder");
    let app = Arc::new(App::open(folder.path(), Arc::new(SystemClock)).await.expect("a stored app"));
    let mut session = Session::new(app.clone());
    let mut units = Vec::new();
    for brand in [Brand::Onvif, Brand::Isapi, Brand::Dahua] {
        for fresh in [false, true] {
            // ONVIF has no first password to give.
            if fresh && brand == Brand::Onvif {
                continue;
            }
            let password = (!fresh).then(|| Secret::new(RIGHT));
            let ports = [Some(0), (!fresh).then_some(0), Some(0)];
            let number = units.len();
            let config = UnitConfig {
                serial: format!("SIM2026010{number}"),
                mac: format!("02:00:00:00:01:0{number}"),
                password,
                ..UnitConfig::default()
            };
            let unit = BrandUnit::start(brand, config, clip_site(), Ipv4Addr::LOCALHOST, ports)
                .await
                .expect("starts");
            let at = json!({ "http": unit.http().port(), "https": unit.https().map(|at| at.port()) });
            let draft = |password: &str| json!({ "host": "127.0.0.1", "ports": at, "user": "admin", "password": password });
            if fresh {
                let first = json!({ "host": "127.0.0.1", "ports": at, "password": FIRST, "mail": null });
                let done = session.rpc("devices.activate", first).await;
                assert!(done.get("ok").is_some(), "{brand:?}: {done}");
            }
            let right = if fresh { FIRST } else { RIGHT };
            let wrong = session.rpc("devices.add", draft(WRONG)).await;
            assert_eq!(wrong["err"]["code"], "wrongPassword", "{brand:?}: {wrong}");
            assert!(session.rpc("devices.recognise", draft(right)).await.get("ok").is_some());
            assert!(session.rpc("devices.probe", draft(right)).await.get("ok").is_some());
            let added = session.rpc("devices.add", draft(right)).await;
            assert!(added.get("ok").is_some(), "{brand:?}: {added}");
            control(&mut session, &added["ok"]["id"], brand).await;
            units.push(unit);
        }
    }

    let list = session.rpc("devices.list", json!({})).await;
    let ids: Vec<_> =
        list["ok"]["devices"].as_array().expect("devices").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids.len(), units.len());
    let card = session.rpc("card.create", json!({ "devices": ids, "password": CARD })).await;
    let texts: Vec<_> =
        card["ok"]["parts"].as_array().expect("parts").iter().map(|part| part["text"].clone()).collect();
    for id in &ids {
        session.rpc("devices.delete", json!({ "id": id })).await;
    }
    let wrong = session.rpc("card.read", json!({ "texts": texts, "password": WRONG })).await;
    assert_eq!(wrong["err"]["code"], "cardPassword", "{wrong}");
    for command in ["card.read", "card.add"] {
        let read = session.rpc(command, json!({ "texts": texts, "password": CARD })).await;
        assert!(read.get("ok").is_some(), "{command}: {read}");
    }
    let list = session.rpc("devices.list", json!({})).await;
    assert_eq!(list["ok"]["devices"].as_array().map(Vec::len), Some(units.len()), "{list}");
    app.live.shutdown().await;

    assert!(check_files(folder.path()) >= 2, "database and key");
    for reply in &session.replies {
        check("a reply", reply.to_string().as_bytes());
    }
    let written = log.written();
    let text = String::from_utf8_lossy(&written);
    for target in ["bartizan_http", "bartizan_onvif", "hyper"] {
        assert!(text.contains(target), "{target} is heard");
    }
    check("the log", &written);
}

async fn control(session: &mut Session, id: &Value, brand: Brand) {
    let channel = json!({ "device": id, "channel": 1 });
    let hold = json!({ "device": id, "channel": 1, "pan": 0.5, "tilt": 0.0, "zoom": 0.0, "focus": 0.0, "iris": 0.0 });
    let save = json!({ "device": id, "channel": 1, "act": { "kind": "setPreset", "token": null, "name": "By the shed" } });
    for (name, request) in [
        ("control.capabilities", channel.clone()),
        ("control.hold", hold),
        ("control.stop", channel.clone()),
        ("control.act", save),
        ("control.presets", channel.clone()),
        ("control.imaging", channel.clone()),
        ("control.switches", channel.clone()),
        ("devices.snapshot", channel.clone()),
        ("devices.details", json!({ "id": id })),
    ] {
        let reply = session.rpc(name, request).await;
        assert!(reply.get("ok").is_some(), "{brand:?}: {name}: {reply}");
    }
}
