//! One suite of command calls, run on every shell that can run here: the dispatcher itself, and bartizan-web over HTTP.

use std::net::SocketAddr;

use bartizan_api::{Backend, ShellInfo, commands::COMMANDS, dispatch, dto::Shell};
use bartizan_sim::Site;
use bartizan_web::{Config, Server, TOKEN_HEADER};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{Answer, PASSWORD, PATIENCE, USER, clip_site, empty_app, http, start};

/// A way to call commands.
trait ShellClient {
    async fn rpc(&self, name: &str, request: Value) -> Value;
}

struct Direct(Backend);

impl ShellClient for Direct {
    async fn rpc(&self, name: &str, request: Value) -> Value {
        serde_json::to_value(dispatch(&self.0, name, request).await).expect("JSON")
    }
}

struct Web(Server);

impl ShellClient for Web {
    async fn rpc(&self, name: &str, request: Value) -> Value {
        let answer = post(self.0.addr(), name, &request, &headers(&self.0)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        answer.json()
    }
}

/// The headers that a page of this shell sends.
fn headers(server: &Server) -> String {
    let addr = server.addr();
    format!("Host: {addr}\r\nOrigin: http://{addr}\r\n{TOKEN_HEADER}: {}\r\n", server.token())
}

async fn post(addr: SocketAddr, name: &str, request: &Value, headers: &str) -> Answer {
    let head = format!("POST /rpc/{name} HTTP/1.1\r\n{headers}Content-Type: application/json\r\n");
    http(addr, &head, request.to_string().as_bytes()).await
}

/// A shell over an app that stores nothing, with a page of two files.
async fn web() -> (Server, tempfile::TempDir) {
    let ui = tempfile::tempdir().expect("a folder");
    std::fs::write(ui.path().join("index.html"), "<title>page</title>").expect("written");
    std::fs::write(ui.path().join("app.js"), "1").expect("written");
    let config = Config { port: 0, ui: ui.path().to_owned() };
    (Server::start(empty_app().await, config).await.expect("the shell starts"), ui)
}

async fn direct() -> Direct {
    let shell = ShellInfo {
        shell: Shell::Tauri,
        ws_url: None,
        poll_url: "bartizan://localhost/poll".into(),
        pictures: None,
        search_loopback: true,
    };
    Direct(Backend::new(empty_app().await, shell))
}

fn ok(reply: &Value) -> &Value {
    assert!(!reply.to_string().contains(PASSWORD), "a reply tells the password: {reply}");
    reply.get("ok").unwrap_or_else(|| panic!("not ok: {reply}"))
}

fn code(reply: &Value) -> &str {
    assert!(!reply.to_string().contains(PASSWORD), "a reply tells the password: {reply}");
    let error = reply.get("err").unwrap_or_else(|| panic!("not refused: {reply}"));
    assert!(
        error["detail"].is_string()
            && error.get("retryAfterMs").is_some()
            && error.get("triesLeft").is_some(),
        "{error}"
    );
    error["code"].as_str().expect("a code")
}

/// The same members with the same JSON types; `wanted` may say `null` for "anything".
fn assert_shape(got: &Value, wanted: &Value, place: &str) {
    match (got, wanted) {
        (_, Value::Null) => {}
        (Value::Object(got), Value::Object(wanted)) => {
            let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(got), names(wanted), "{place}");
            for (name, wanted) in wanted {
                assert_shape(&got[name], wanted, &format!("{place}.{name}"));
            }
        }
        (Value::Array(got), Value::Array(wanted)) => {
            for (at, got) in got.iter().enumerate() {
                assert_shape(got, &wanted[0], &format!("{place}[{at}]"));
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        (got, wanted) => panic!("{place}: {got} is not like {wanted}"),
    }
}

fn identity_shape() -> Value {
    json!({ "maker": "", "model": "", "firmware": "", "serial": "", "mac": "", "name": "", "class": "" })
}

fn device_shape() -> Value {
    let ports = json!({ "http": null, "https": null, "rtsp": null, "server": null });
    json!({
        "id": "", "name": "", "host": "", "port": 1, "user": "", "hasPassword": true, "transport": "",
        "family": "", "identity": identity_shape(), "addedBy": "", "unverified": false, "videoTrouble": null,
        "routes": [{ "host": "", "ports": ports, "local": true, "inUse": true }],
        "channels": [{ "number": 1, "name": "", "streams": [
            { "profile": "", "path": "", "codec": null, "width": null, "height": null },
        ] }],
        "addedAtMs": 1,
    })
}

async fn devices(shell: &impl ShellClient, site: &Site) {
    let url = format!("rtsp://{}/ch3/main", site.addr());
    let draft = json!({ "url": url, "user": USER, "password": PASSWORD, "name": "  Gate  " });
    let report = shell.rpc("devices.probe", draft.clone()).await;
    let probe = json!({
        "host": "", "port": 1, "server": null, "channels": device_shape()["channels"], "family": "", "evidence": "",
        "identity": identity_shape(), "https": false, "certificate": null, "videoTrouble": null, "oddities": [],
    });
    assert_shape(ok(&report), &probe, "probe");
    assert_eq!(
        ok(&shell.rpc("devices.list", json!({})).await)["devices"],
        json!([]),
        "probing stores nothing"
    );

    let before = ok(&shell.rpc("devices.list", json!({})).await)["revision"].as_u64();
    let added = shell.rpc("devices.add", draft).await;
    let added = ok(&added);
    assert_shape(added, &device_shape(), "device");
    assert_eq!((&added["name"], &added["hasPassword"]), (&json!("Gate"), &json!(true)));
    assert_eq!(added["channels"][0]["number"], 3);
    let list = shell.rpc("devices.list", json!({})).await;
    assert_shape(ok(&list), &json!({ "revision": 1, "devices": [device_shape()] }), "list");
    assert!(ok(&list)["revision"].as_u64() > before);
    assert_eq!(&ok(&list)["devices"][0], added);

    let id = added["id"].clone();
    let renamed = shell
        .rpc("devices.update", json!({ "id": id, "draft": { "name": "Door", "transport": "tcp" } }))
        .await;
    assert_eq!((&ok(&renamed)["name"], &ok(&renamed)["transport"]), (&json!("Door"), &json!("tcp")));
    let broken = shell.rpc("devices.update", json!({ "id": id, "draft": { "password": "guess" } })).await;
    assert_eq!(code(&broken), "wrongPassword");
    assert_eq!(
        ok(&shell.rpc("devices.list", json!({})).await)["devices"][0],
        *ok(&renamed),
        "the old one stays"
    );
    let nobody = json!({ "id": "nobody", "draft": {} });
    assert_eq!(code(&shell.rpc("devices.update", nobody).await), "notFound");

    let deleted = shell.rpc("devices.delete", json!({ "id": id })).await;
    assert_shape(ok(&deleted), &json!({ "undoMs": 1 }), "deleted");
    assert_eq!(ok(&shell.rpc("devices.list", json!({})).await)["devices"], json!([]));
    assert_eq!(code(&shell.rpc("devices.delete", json!({ "id": id })).await), "notFound");
    let restored = shell.rpc("devices.restore", json!({ "id": id })).await;
    assert_eq!(ok(&restored), ok(&renamed), "the device comes back whole");
    assert_eq!(code(&shell.rpc("devices.restore", json!({ "id": id })).await), "notFound");
}

async fn settings(shell: &impl ShellClient) {
    let shape = json!({
        "hardDecoding": true, "qualityMode": "", "fluentDelayMs": 1, "theme": "", "language": "", "layout": 1,
        "ptzStep": 1, "wallTools": [""],
        "captureCount": 1, "pushDurationS": 1, "noiseReduction": 1, "defaultPage": "", "meteredPolicy": "",
        "meteredCapMb": 1, "memoryPlay": true, "country": "",
    });
    let first = shell.rpc("settings.get", json!({})).await;
    assert_shape(ok(&first), &shape, "settings");
    let changed =
        shell.rpc("settings.set", json!({ "theme": "dark", "layout": 16, "hardDecoding": false })).await;
    let wanted = json!({
        "hardDecoding": false, "qualityMode": "auto", "fluentDelayMs": 400, "theme": "dark", "language": ok(&first)["language"], "layout": 16, "ptzStep": 5,
        "wallTools": ok(&first)["wallTools"], "captureCount": 1, "pushDurationS": 15, "noiseReduction": 2,
        "defaultPage": "home", "meteredPolicy": "ask", "meteredCapMb": 0, "memoryPlay": false, "country": "",
    });
    assert_eq!(ok(&changed), &wanted);
    assert_eq!(code(&shell.rpc("settings.set", json!({ "layout": 5 })).await), "invalidInput");
    assert_eq!(code(&shell.rpc("settings.set", json!({ "theme": "pink" })).await), "invalidInput");
    for bad in [json!(["no spaces"]), json!([""]), json!(["a".repeat(33)]), json!(vec!["a"; 33])] {
        let refused = shell.rpc("settings.set", json!({ "wallTools": bad })).await;
        assert_eq!(code(&refused), "invalidInput", "{bad}");
    }
    let bad = [
        json!({ "captureCount": 0 }),
        json!({ "captureCount": 11 }),
        json!({ "qualityMode": "slow" }),
        json!({ "fluentDelayMs": 100 }),
        json!({ "fluentDelayMs": 2001 }),
        json!({ "pushDurationS": 121 }),
        json!({ "noiseReduction": 5 }),
        json!({ "defaultPage": "moon" }),
        json!({ "meteredPolicy": "sometimes" }),
        json!({ "meteredCapMb": 1_000_001 }),
        json!({ "country": "Narnia" }),
        json!({ "ptzStep": 9 }),
    ];
    for patch in bad {
        assert_eq!(code(&shell.rpc("settings.set", patch.clone()).await), "invalidInput", "{patch}");
    }
    assert_eq!(ok(&shell.rpc("settings.get", json!({})).await), &wanted, "a refused change changes nothing");
    let much = json!({
        "qualityMode": "fluent", "fluentDelayMs": 700, "captureCount": 10, "pushDurationS": 30, "noiseReduction": 4, "defaultPage": "favourites",
        "meteredPolicy": "subOnly", "meteredCapMb": 500, "memoryPlay": true, "country": "CN",
    });
    let taken = shell.rpc("settings.set", much.clone()).await;
    for (name, value) in much.as_object().expect("an object") {
        assert_eq!(&ok(&taken)[name], value, "{name}");
    }
    for layout in [1, 2, 4, 6, 8, 9, 12] {
        let taken = shell.rpc("settings.set", json!({ "layout": layout })).await;
        assert_eq!(ok(&taken)["layout"], layout);
    }
    shell.rpc("settings.set", json!({ "layout": 16, "wallTools": ["pause", "closeAll"] })).await;
    assert_eq!(ok(&shell.rpc("settings.get", json!({})).await)["wallTools"], json!(["pause", "closeAll"]));
}

async fn streams(shell: &impl ShellClient, site: &Site) {
    let url = format!("rtsp://{USER}:{PASSWORD}@{}/ch1/main", site.addr());
    let device = ok(&shell.rpc("devices.add", json!({ "url": url })).await)["id"].clone();
    let choose =
        |channel: u16, choice: &str| json!({ "device": device, "channel": channel, "choice": choice });
    assert_eq!(ok(&shell.rpc("streams.choices", json!({})).await), &json!({ "choices": [] }));
    for choice in ["hd", "fluent", "customMain", "customSub"] {
        ok(&shell.rpc("streams.choose", choose(1, choice)).await);
        let kept = shell.rpc("streams.choices", json!({})).await;
        assert_eq!(ok(&kept), &json!({ "choices": [choose(1, choice)] }));
    }
    assert_eq!(code(&shell.rpc("streams.choose", choose(9, "hd")).await), "notFound");
    ok(&shell.rpc("streams.choose", choose(1, "auto")).await);
    assert_eq!(ok(&shell.rpc("streams.choices", json!({})).await), &json!({ "choices": [] }));

    let channel = json!({ "device": device, "channel": 1 });
    assert_eq!(code(&shell.rpc("streams.encoders", channel).await), "notOffered", "known by its video alone");
    let set = |change: Value| json!({ "device": device, "channel": 1, "profile": "main", "change": change });
    for (change, refused) in [
        (json!({}), "invalidInput"),
        (json!({ "frameRate": 0 }), "invalidInput"),
        (json!({ "size": { "width": 0, "height": 720 } }), "invalidInput"),
        (json!({ "codec": "" }), "invalidInput"),
        (json!({ "bitRate": 512 }), "notOffered"),
    ] {
        assert_eq!(code(&shell.rpc("streams.setEncoder", set(change.clone())).await), refused, "{change}");
    }
    ok(&shell.rpc("devices.delete", json!({ "id": device })).await);
}

async fn favourites(shell: &impl ShellClient, site: &Site) {
    let mut cameras = Vec::new();
    for number in 1..=4 {
        let url = format!("rtsp://{USER}:{PASSWORD}@{}/ch{number}/main", site.addr());
        let added = shell.rpc("devices.add", json!({ "url": url })).await;
        cameras.push(ok(&added)["id"].clone());
    }
    let channel = |camera: usize| json!({ "device": cameras[camera - 1], "channel": camera });
    let empty = shell.rpc("favourites.list", json!({})).await;
    assert_eq!(ok(&empty)["favourites"], json!([]));

    let create = |name: &str, channels: Value, layout: u8| json!({ "name": name, "channels": channels, "layout": layout });
    let yard = shell.rpc("favourites.create", create("Yard", json!([channel(2), channel(1)]), 4)).await;
    assert_shape(
        ok(&yard),
        &json!({ "id": "", "name": "", "layout": 1, "channels": [channel(1)] }),
        "a group",
    );
    let id = ok(&yard)["id"].clone();
    let gate = shell.rpc("favourites.create", create("Gate", json!([channel(3)]), 1)).await;
    for (request, refused) in [
        (create("", json!([channel(1)]), 4), "invalidInput"),
        (create("No channels", json!([]), 4), "invalidInput"),
        (create("Strange wall", json!([channel(1)]), 5), "invalidInput"),
        (create("Stranger", json!([{ "device": "nobody", "channel": 1 }]), 4), "notFound"),
    ] {
        assert_eq!(code(&shell.rpc("favourites.create", request).await), refused);
    }
    let list = shell.rpc("favourites.list", json!({})).await;
    assert!(ok(&list)["revision"].as_u64() > ok(&empty)["revision"].as_u64());
    assert_eq!(ok(&list)["favourites"], json!([ok(&yard), ok(&gate)]));

    let first = |reply: &Value| ok(reply)["favourites"][0].clone();
    let change = json!({ "id": id, "name": "North", "layout": 9 });
    let changed = shell.rpc("favourites.update", change).await;
    let wanted = json!({ "id": id, "name": "North", "layout": 9, "channels": [channel(2), channel(1)] });
    assert_eq!(first(&changed), wanted);
    let more = json!({ "id": id, "channels": [channel(1), channel(4)] });
    let added = shell.rpc("favourites.add", more).await;
    assert_eq!(first(&added)["channels"], json!([channel(2), channel(1), channel(4)]));
    let one = json!({ "id": id, "channels": [channel(1)] });
    let removed = shell.rpc("favourites.remove", one.clone()).await;
    assert_eq!(first(&removed)["channels"], json!([channel(2), channel(4)]));
    assert_eq!(code(&shell.rpc("favourites.remove", one).await), "notFound");
    let order = json!({ "id": id, "channels": [channel(4), channel(2)] });
    assert_eq!(
        first(&shell.rpc("favourites.update", order).await)["channels"],
        json!([channel(4), channel(2)])
    );
    let turned = shell.rpc("favourites.order", json!({ "ids": [ok(&gate)["id"]] })).await;
    assert_eq!(first(&turned)["name"], "Gate");

    let deleted = shell.rpc("favourites.delete", json!({ "id": id })).await;
    assert_shape(ok(&deleted), &json!({ "undoMs": 1 }), "deleted");
    assert_eq!(code(&shell.rpc("favourites.delete", json!({ "id": id })).await), "notFound");
    assert_eq!(code(&shell.rpc("favourites.update", json!({ "id": id, "name": "x" })).await), "notFound");
    let back = shell.rpc("favourites.restore", json!({ "id": id })).await;
    assert_eq!(ok(&back)["favourites"][1]["channels"], json!([channel(4), channel(2)]));
    assert_eq!(code(&shell.rpc("favourites.restore", json!({ "id": id })).await), "notFound");
    // A deleted device leaves its groups and comes back into them.
    shell.rpc("devices.delete", json!({ "id": cameras[2] })).await;
    assert_eq!(first(&shell.rpc("favourites.list", json!({})).await)["channels"], json!([]));
    shell.rpc("devices.restore", json!({ "id": cameras[2] })).await;
    assert_eq!(first(&shell.rpc("favourites.list", json!({})).await)["channels"], json!([channel(3)]));

    let jpeg = "/9j/4AAQ";
    let keep = json!({ "device": cameras[1], "channel": 2, "jpeg": jpeg });
    assert_eq!(ok(&shell.rpc("pictures.keep", keep).await), &json!({}));
    for wrong in ["AAAA", "%"] {
        let keep = json!({ "device": cameras[2], "channel": 3, "jpeg": wrong });
        assert_eq!(code(&shell.rpc("pictures.keep", keep).await), "invalidInput", "{wrong}");
    }
    let asked = json!({ "channels": [channel(1), channel(2)] });
    let kept = shell.rpc("pictures.last", asked).await;
    assert_eq!(ok(&kept)["pictures"][0], Value::Null);
    assert_eq!(ok(&kept)["pictures"][1]["jpeg"], jpeg);
    assert_shape(&ok(&kept)["pictures"][1], &json!({ "takenAtMs": 1, "jpeg": "" }), "a kept picture");

    assert_eq!(ok(&shell.rpc("memory.get", json!({})).await), &json!({ "memory": null }));
    let memory = json!({
        "layout": 6, "page": 1, "group": id, "homeLayout": 4, "enlarged": channel(2), "windows": [null, channel(1)],
    });
    assert_eq!(ok(&shell.rpc("memory.set", memory.clone()).await), &json!({}));
    assert_eq!(ok(&shell.rpc("memory.get", json!({})).await), &json!({ "memory": memory }));
    for camera in &cameras {
        shell.rpc("devices.delete", json!({ "id": camera })).await;
    }
}

/// What was received is counted for its device, and apart where the network costs by the byte.
async fn traffic(shell: &impl ShellClient) {
    let report = shell.rpc("traffic.get", json!({})).await;
    let device = json!({ "device": "", "bytes": 1, "meteredBytes": 1 });
    let shape =
        json!({ "month": "", "months": [""], "metered": false, "meteredBytes": 1, "devices": [device] });
    assert_shape(ok(&report), &shape, "traffic");
    assert_eq!(ok(&report)["meteredBytes"], 0);
    assert_eq!(ok(&shell.rpc("traffic.network", json!({ "metered": true })).await), &json!({}));
    assert_eq!(ok(&shell.rpc("traffic.get", json!({})).await)["metered"], true);
    let long_ago = shell.rpc("traffic.get", json!({ "month": "1999-12" })).await;
    assert_eq!(ok(&long_ago)["devices"], json!([]));
}

async fn live(shell: &impl ShellClient) {
    let devices = shell.rpc("devices.list", json!({})).await;
    let device = ok(&devices)["devices"][0]["id"].clone();
    let endpoint = shell.rpc("live.connect", json!({})).await;
    assert_shape(ok(&endpoint), &json!({ "session": "", "wsUrl": null, "pollUrl": "" }), "endpoint");
    let session = ok(&endpoint)["session"].as_str().expect("a session").to_owned();
    assert!(
        session.len() == 32 && session.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "128 bits: {session}"
    );
    let open = |session: &str, device: &Value, tile: u32| {
        json!({
            "session": session, "tile": tile, "device": device, "channel": 3, "profile": "sub",
            "delivery": "encoded",
        })
    };
    assert_eq!(ok(&shell.rpc("live.open", open(&session, &device, 7)).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.open", open("00", &device, 7)).await), "notFound");
    assert_eq!(code(&shell.rpc("live.open", open(&session, &json!("nobody"), 7)).await), "notFound");
    let stats = shell.rpc("live.stats", json!({})).await;
    let stream = json!({
        "device": "", "channel": 1, "profile": "", "viewers": 1, "accessUnits": 1, "bytes": 1, "reconnects": 1,
        "sound": true,
    });
    assert_shape(ok(&stats), &json!({ "streams": [stream], "dropped": 1 }), "stats");
    assert_eq!(ok(&stats)["streams"][0]["viewers"], 1);
    assert_eq!(ok(&shell.rpc("live.hint", json!({ "hint": "networkChanged" })).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.hint", json!({ "hint": "moon" })).await), "invalidInput");
    let tile = |tile: u32| json!({ "session": session, "tile": tile });
    assert_eq!(ok(&shell.rpc("live.retry", tile(7)).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.retry", tile(8)).await), "notFound");
    let listen = |tile: u32| json!({ "session": session, "tile": tile, "formats": ["aac"] });
    assert_eq!(ok(&shell.rpc("live.listen", listen(7)).await), &json!({}));
    assert_eq!(ok(&shell.rpc("live.stats", json!({})).await)["streams"][0]["sound"], true);
    assert_eq!(code(&shell.rpc("live.listen", listen(8)).await), "notFound");
    assert_eq!(ok(&shell.rpc("live.mute", tile(7)).await), &json!({}));
    assert_eq!(ok(&shell.rpc("live.mute", tile(8)).await), &json!({}), "muting silence is silence");
    for pace in ["keys", "stills", "full"] {
        let request = |tile: u32| json!({ "session": session, "tile": tile, "pace": pace });
        assert_eq!(ok(&shell.rpc("live.pace", request(7)).await), &json!({}));
        assert_eq!(code(&shell.rpc("live.pace", request(8)).await), "notFound");
    }
    let odd = json!({ "session": session, "tile": 7, "pace": "gallop" });
    assert_eq!(code(&shell.rpc("live.pace", odd).await), "invalidInput");
    assert_eq!(ok(&shell.rpc("live.refresh", tile(7)).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.refresh", tile(8)).await), "notFound");
    assert_eq!(ok(&shell.rpc("live.close", tile(7)).await), &json!({}));
    assert_eq!(ok(&shell.rpc("live.close", tile(7)).await), &json!({}), "closing twice is closing");
    assert_eq!(code(&shell.rpc("live.retry", tile(7)).await), "notFound");
    assert_eq!(ok(&shell.rpc("live.disconnect", json!({ "session": session })).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.close", tile(7)).await), "notFound");
}

/// An app that stores nothing has nothing to protect; tests/it/protection.rs has one that has.
async fn protection(shell: &impl ShellClient) {
    let state = shell.rpc("protection.state", json!({})).await;
    let shape = json!({
        "offered": true, "kind": null, "locked": true, "askAfterS": 1, "waitMs": null, "triesLeft": 1,
        "biometrics": "absent",
    });
    assert_shape(ok(&state), &shape, "protection");
    assert_eq!(ok(&state)["biometrics"], "absent", "no sensor here");
    assert_eq!((&ok(&state)["offered"], &ok(&state)["locked"]), (&json!(false), &json!(false)));
    for name in ["protection.lock", "protection.away", "protection.back"] {
        assert_eq!(ok(&shell.rpc(name, json!({})).await), ok(&state), "{name}: nothing to lock");
    }
    let set_up = json!({ "kind": "pin", "secret": "271828" });
    assert_eq!(code(&shell.rpc("protection.setUp", set_up).await), "unsupportedCommand");
    let change = json!({ "current": "271828", "kind": "pin", "secret": "314159" });
    assert_eq!(code(&shell.rpc("protection.change", change).await), "notFound");
    let turn_off = json!({ "secret": "271828" });
    assert_eq!(code(&shell.rpc("protection.letBiometrics", turn_off.clone()).await), "unsupportedCommand");
    assert_eq!(code(&shell.rpc("protection.forgetBiometrics", json!({})).await), "unsupportedCommand");
    let prompt = json!({ "reason": "Open", "cancel": "PIN" });
    assert_eq!(code(&shell.rpc("protection.unlockByBiometrics", prompt).await), "unsupportedCommand");
    let wordless = json!({ "reason": " ", "cancel": "PIN" });
    assert_eq!(code(&shell.rpc("protection.unlockByBiometrics", wordless).await), "invalidInput");
    assert_eq!(code(&shell.rpc("protection.turnOff", turn_off).await), "notFound");
    assert_eq!(code(&shell.rpc("protection.askAfter", json!({ "seconds": 60 })).await), "notFound");
    assert_eq!(code(&shell.rpc("protection.askAfter", json!({ "seconds": 3601 })).await), "invalidInput");
    assert_eq!(code(&shell.rpc("protection.forget", json!({ "erasePasswords": true })).await), "notFound");
    assert_eq!(
        code(&shell.rpc("protection.forget", json!({ "erasePasswords": false })).await),
        "invalidInput"
    );
}

async fn nonsense(shell: &impl ShellClient) {
    assert_eq!(code(&shell.rpc("devices.explode", json!({})).await), "unsupportedCommand");
    for (name, ..) in COMMANDS {
        let malformed = shell.rpc(name, json!(PASSWORD)).await;
        assert_eq!(code(&malformed), "invalidInput", "{name}");
    }
    let typed_wrong = json!({ "url": 3, "password": PASSWORD });
    assert_eq!(code(&shell.rpc("devices.add", typed_wrong).await), "invalidInput");
    let no_number = json!({ "host": "127.0.0.1", "port": PASSWORD });
    assert_eq!(code(&shell.rpc("devices.add", no_number).await), "invalidInput");
    assert_eq!(code(&shell.rpc("devices.add", json!({})).await), "invalidAddress");
}

async fn suite(shell: &impl ShellClient) {
    let site = start(clip_site()).await;
    let info = shell.rpc("app.info", json!({})).await;
    let shape = json!({ "version": "", "shell": "", "os": "", "ephemeral": true, "keyStorage": "" });
    assert_shape(ok(&info), &shape, "info");
    assert_eq!(ok(&info)["ephemeral"], true);
    devices(shell, &site).await;
    settings(shell).await;
    streams(shell, &site).await;
    favourites(shell, &site).await;
    live(shell).await;
    protection(shell).await;
    traffic(shell).await;
    nonsense(shell).await;
    site.shutdown().await;
}

#[tokio::test]
async fn the_dispatcher_keeps_the_contract() {
    suite(&direct().await).await;
}

#[tokio::test]
async fn the_web_shell_keeps_the_contract() {
    let (server, _ui) = web().await;
    suite(&Web(server)).await;
}

#[tokio::test]
async fn the_web_shell_refuses_strangers() {
    let (server, _ui) = web().await;
    let addr = server.addr();
    let port = addr.port();
    let token = server.token();
    let own = format!("Host: {addr}\r\n");
    let with_token = format!("{TOKEN_HEADER}: {token}\r\n");
    let cases = [
        (format!("{own}{with_token}"), 200, "a program that knows the token"),
        (
            format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n{with_token}"),
            200,
            "localhost",
        ),
        (format!("Host: evil.example:{port}\r\n{with_token}"), 403, "DNS rebinding"),
        (format!("Host: 127.0.0.1\r\n{with_token}"), 403, "another port"),
        (format!("Host: {addr}.evil.example\r\n{with_token}"), 403, "a longer host"),
        (format!("{own}Origin: http://evil.example\r\n{with_token}"), 403, "a foreign page"),
        (format!("{own}Origin: https://{addr}\r\n{with_token}"), 403, "another scheme"),
        (format!("{own}Origin: null\r\n{with_token}"), 403, "a sandboxed page"),
        (format!("{own}Origin: http://{addr}\r\nOrigin: http://{addr}\r\n{with_token}"), 403, "two origins"),
        (own.clone(), 403, "no token"),
        (format!("{own}{TOKEN_HEADER}: \r\n"), 403, "an empty token"),
        (format!("{own}{TOKEN_HEADER}: {}\r\n", "0".repeat(32)), 403, "a wrong token"),
        (format!("{own}{TOKEN_HEADER}: {}\r\n", &token[..31]), 403, "a cut token"),
    ];
    for (headers, wanted, what) in cases {
        let answer = post(addr, "app.info", &json!({}), &headers).await;
        assert_eq!(answer.status, wanted, "{what}");
        assert!(!answer.text().contains(token), "{what}");
    }
    let get = http(addr, &format!("GET /rpc/app.info HTTP/1.1\r\n{own}{with_token}"), b"").await;
    assert_eq!(get.status, 405, "commands are POST only");
    let head = format!("POST /rpc/app.info HTTP/1.1\r\n{own}{with_token}Content-Type: application/json\r\n");
    let broken = http(addr, &head, b"{").await;
    assert_eq!(broken.status / 100, 4, "torn JSON");
    let poll = http(addr, &format!("GET /media/poll?session=00&after=0&wait=0 HTTP/1.1\r\n{own}"), b"").await;
    assert_eq!(poll.status, 404, "an unknown media session");
    let rebound = http(addr, "GET /media/poll?session=00 HTTP/1.1\r\nHost: evil.example\r\n", b"").await;
    assert_eq!(rebound.status, 403);
}

#[tokio::test]
async fn the_web_shell_serves_its_page_and_nothing_else() {
    let (server, _ui) = web().await;
    let addr = server.addr();
    let get = async |path: &str| http(addr, &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n"), b"").await;
    let page = get("/").await;
    assert_eq!((page.status, page.text().as_str()), (200, "<title>page</title>"));
    let head = page.head.to_ascii_lowercase();
    for header in
        ["content-security-policy: default-src 'self'", "x-content-type-options: nosniff", "referrer-policy"]
    {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert!(!head.contains("access-control-allow"), "no other page may read");
    assert_eq!(get("/devices/3").await.text(), "<title>page</title>", "deep links are the page's");
    assert_eq!(get("/app.js").await.text(), "1");
    for path in ["/../Cargo.toml", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2f..%2fetc%2fpasswd"] {
        let text = get(path).await.text();
        assert!(!text.contains("root:") && !text.contains("[package]"), "{path}");
    }
}

/// The code with which the shell closes a WebSocket for that session.
async fn ws_outcome(server: &Server, session: &str, origin: Option<&str>) -> Result<u16, String> {
    let url = format!("ws://{}/ws?session={session}&after=0", server.addr());
    let mut request = url.into_client_request().expect("a request");
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", HeaderValue::from_str(origin).expect("a header"));
    }
    let connected = timeout(PATIENCE, connect_async(request)).await.expect("an answer in time");
    let (mut socket, _) = connected.map_err(|e| e.to_string())?;
    match timeout(PATIENCE, socket.next()).await.expect("a close in time") {
        Some(Ok(Message::Close(Some(frame)))) => Ok(frame.code.into()),
        other => panic!("not closed: {other:?}"),
    }
}

#[tokio::test]
async fn the_socket_is_for_the_own_page_and_known_sessions() {
    let (server, _ui) = web().await;
    let own = format!("http://{}", server.addr());
    let session = server.backend().media().create();
    assert_eq!(ws_outcome(&server, session.id(), None).await, Ok(4403), "no Origin");
    assert_eq!(ws_outcome(&server, &"0".repeat(32), Some(&own)).await, Ok(4401), "unknown session");
    assert_eq!(ws_outcome(&server, "", Some(&own)).await, Ok(4401), "no session");
    let foreign = ws_outcome(&server, session.id(), Some("http://evil.example")).await;
    assert!(foreign.is_err_and(|e| e.contains("403")), "a foreign page does not even get a socket");
}
