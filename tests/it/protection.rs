//! The locked app: on the dispatcher and over HTTP nothing is done, streams and carriers end, and the right secret
//! brings everything back.

use std::{path::Path, sync::Arc};

use bartizan_api::{Backend, COMMANDS, OPEN_WHEN_LOCKED, ShellInfo, dispatch, dto::Shell};
use bartizan_app::{App, live::SourceBook};
use bartizan_base::{ChannelId, Code, DeviceId, StreamId, StreamProfile, SystemClock};
use bartizan_web::{Config, Server, TOKEN_HEADER};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{PASSWORD, PATIENCE, USER, clip_site, http, start, until};

const PIN: &str = "271828";

async fn stored(folder: &Path) -> Arc<App> {
    Arc::new(App::open(folder, Arc::new(SystemClock)).await.expect("a stored app"))
}

fn backend(app: &Arc<App>) -> Backend {
    let shell = ShellInfo {
        shell: Shell::Tauri,
        ws_url: None,
        poll_url: "vid://localhost/poll".into(),
        pictures: None,
        search_loopback: true,
    };
    Backend::new(app.clone(), shell)
}

async fn rpc(backend: &Backend, name: &str, request: Value) -> Value {
    serde_json::to_value(dispatch(backend, name, request).await).expect("JSON")
}

#[tokio::test]
async fn a_locked_app_does_nothing_but_ask() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = start(clip_site()).await;
    let app = stored(folder.path()).await;
    let first = backend(&app);
    let draft = json!({ "url": format!("rtsp://{USER}:{PASSWORD}@{}/ch1/main", site.addr()) });
    let id = rpc(&first, "devices.add", draft).await["ok"]["id"].clone();
    assert_eq!(rpc(&first, "app.info", json!({})).await["ok"]["keyStorage"], "keyFile");
    let on = rpc(&first, "protection.setUp", json!({ "kind": "pin", "secret": PIN })).await;
    assert_eq!((&on["ok"]["kind"], &on["ok"]["locked"]), (&json!("pin"), &json!(false)));
    assert_eq!(rpc(&first, "app.info", json!({})).await["ok"]["keyStorage"], "wrapped");

    let session = rpc(&first, "live.connect", json!({})).await["ok"]["session"].clone();
    let tile = json!({
        "session": session, "tile": 1, "device": id, "channel": 1, "profile": "main", "delivery": "encoded",
    });
    assert!(rpc(&first, "live.open", tile.clone()).await.get("ok").is_some());
    until("a stream", || app.live.counters().iter().any(|stream| stream.access_units > 0).then_some(()))
        .await;

    assert_eq!(rpc(&first, "protection.lock", json!({})).await["ok"]["locked"], true);
    assert!(first.media().get(session.as_str().expect("an id")).is_none(), "no carrier finds it any more");
    assert!(app.live.counters().is_empty());
    until("the teardown", || (site.stats().open_sessions == 0).then_some(())).await;
    for (name, ..) in COMMANDS {
        let reply = rpc(&first, name, json!({})).await;
        if OPEN_WHEN_LOCKED.contains(name) {
            assert_ne!(reply["err"]["code"], "appLocked", "{name}");
        } else {
            assert_eq!(reply["err"]["code"], "appLocked", "{name}");
        }
    }
    assert_eq!(rpc(&first, "live.open", tile.clone()).await["err"]["code"], "appLocked");
    assert_eq!(rpc(&first, "no.such", json!({})).await["err"]["code"], "appLocked");
    for name in OPEN_WHEN_LOCKED {
        assert!(COMMANDS.iter().any(|(known, ..)| known == name), "{name}");
    }

    let wrong = rpc(&first, "protection.unlock", json!({ "secret": "314159" })).await;
    assert_eq!((&wrong["err"]["code"], &wrong["err"]["triesLeft"]), (&json!("appPassword"), &json!(4)));
    drop(first);
    drop(app);

    // Every start asks, and remembers the wrong try.
    let app = stored(folder.path()).await;
    let second = backend(&app);
    let state = rpc(&second, "protection.state", json!({})).await;
    assert_eq!((&state["ok"]["locked"], &state["ok"]["triesLeft"]), (&json!(true), &json!(4)));
    assert_eq!(rpc(&second, "devices.list", json!({})).await["err"]["code"], "appLocked");
    let open = rpc(&second, "protection.unlock", json!({ "secret": PIN })).await;
    assert_eq!(open["ok"]["locked"], false);
    assert_eq!(rpc(&second, "devices.list", json!({})).await["ok"]["devices"][0]["hasPassword"], true);
    let session = rpc(&second, "live.connect", json!({})).await["ok"]["session"].clone();
    let tile = json!({
        "session": session, "tile": 1, "device": id, "channel": 1, "profile": "main", "delivery": "encoded",
    });
    assert!(rpc(&second, "live.open", tile).await.get("ok").is_some());
    let playing = || app.live.counters().iter().any(|stream| stream.access_units > 0).then_some(());
    until("the stream again, with the password it had", playing).await;

    // Forgotten: the device stays, its password does not, and nobody tries without it.
    rpc(&second, "protection.lock", json!({})).await;
    let gone = rpc(&second, "protection.forget", json!({ "erasePasswords": true })).await;
    assert_eq!((&gone["ok"]["kind"], &gone["ok"]["locked"]), (&Value::Null, &json!(false)));
    let list = rpc(&second, "devices.list", json!({})).await;
    assert_eq!(list["ok"]["devices"][0]["host"], "127.0.0.1");
    let stream = StreamId {
        channel: ChannelId {
            device: DeviceId::from_string(id.as_str().expect("an id").to_owned()),
            number: 1,
        },
        profile: StreamProfile::Main,
    };
    let source = app.devices.book().source(&stream).await;
    assert_eq!(source.err().map(|error| error.code()), Some(Code::KeyLost));
    app.shutdown().await;
    site.shutdown().await;
}

/// A recording goes on behind the lock, even over a connection that breaks meanwhile, and is there after unlocking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_outlives_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = start(clip_site()).await;
    let app = stored(folder.path()).await;
    let backend = backend(&app);
    let draft = json!({ "url": format!("rtsp://{USER}:{PASSWORD}@{}/ch1/main", site.addr()) });
    let id = rpc(&backend, "devices.add", draft).await["ok"]["id"].clone();
    rpc(&backend, "protection.setUp", json!({ "kind": "pin", "secret": PIN })).await;
    let session = rpc(&backend, "live.connect", json!({})).await["ok"]["session"].clone();
    let tile = json!({
        "session": session, "tile": 1, "device": id, "channel": 1, "profile": "main", "delivery": "encoded",
    });
    assert!(rpc(&backend, "live.open", tile).await.get("ok").is_some());
    let channel = json!({ "device": id, "channel": 1 });
    assert!(rpc(&backend, "record.start", channel.clone()).await.get("ok").is_some());
    let bytes = || app.recorder.states().1.first().map_or(0, |state| state.bytes);
    until("a recording", || (bytes() > 0).then_some(())).await;

    rpc(&backend, "protection.lock", json!({})).await;
    assert_eq!(rpc(&backend, "record.list", json!({})).await["err"]["code"], "appLocked");
    let viewers = || app.live.counters().first().map(|stream| stream.viewers);
    assert_eq!(viewers(), Some(1), "the page sees nothing of it");
    let before = bytes();
    until("the recording behind the lock", || (bytes() > before).then_some(())).await;
    let stream = StreamId {
        channel: ChannelId {
            device: DeviceId::from_string(id.as_str().expect("an id").to_owned()),
            number: 1,
        },
        profile: StreamProfile::Main,
    };
    assert!(app.devices.book().source(&stream).await.is_err(), "nobody else knows the login");
    let refused = site.stats().auth_failures;
    let plays = site.stats().plays;
    site.set_fault(None, Some(bartizan_sim::Fault::Reset));
    until("the break", || (site.stats().open_sessions == 0).then_some(())).await;
    site.set_fault(None, None);
    until("a new connection", || (site.stats().plays > plays).then_some(())).await;
    let before = bytes();
    until("the recording after the break", || (bytes() > before).then_some(())).await;
    assert_eq!(site.stats().auth_failures, refused);

    rpc(&backend, "protection.unlock", json!({ "secret": PIN })).await;
    let list = rpc(&backend, "record.list", json!({})).await;
    assert_eq!(list["ok"]["recordings"][0]["ended"], Value::Null, "{list}");
    let done = rpc(&backend, "record.stop", channel.clone()).await;
    assert!(done["ok"]["files"].as_array().is_some_and(|files| !files.is_empty()), "{done}");

    // Whoever forgets the passwords ends what is recorded with them.
    assert!(rpc(&backend, "record.start", channel).await.get("ok").is_some());
    until("a recording", || (bytes() > 0).then_some(())).await;
    rpc(&backend, "protection.lock", json!({})).await;
    rpc(&backend, "protection.forget", json!({ "erasePasswords": true })).await;
    assert!(app.recorder.states().1.is_empty());
    until("the teardown", || (site.stats().open_sessions == 0).then_some(())).await;
    app.shutdown().await;
    site.shutdown().await;
}

#[tokio::test]
async fn the_web_shell_closes_its_carriers_and_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "<title>page</title>").expect("written");
    let config = Config { port: 0, ui: folder.path().to_owned() };
    let server =
        Server::start(stored(&folder.path().join("data")).await, config).await.expect("the shell starts");
    let call = async |name: &str, request: Value| {
        let (addr, token) = (server.addr(), server.token());
        let head = format!(
            "POST /rpc/{name} HTTP/1.1\r\nHost: {addr}\r\n{TOKEN_HEADER}: {token}\r\nContent-Type: application/json\r\n"
        );
        http(addr, &head, request.to_string().as_bytes()).await.json()
    };
    let set_up = json!({ "kind": "password", "secret": "correct horse" });
    assert_eq!(call("protection.setUp", set_up).await["ok"]["kind"], "password");
    let session = call("live.connect", json!({})).await["ok"]["session"].as_str().expect("an id").to_owned();
    let url = format!("ws://{}/ws?session={session}&after=0", server.addr());
    let mut request = url.into_client_request().expect("a request");
    let origin = format!("http://{}", server.addr());
    request.headers_mut().insert("Origin", HeaderValue::from_str(&origin).expect("a header"));
    let (mut socket, _) =
        timeout(PATIENCE, connect_async(request)).await.expect("in time").expect("a socket");
    assert_eq!(call("protection.away", json!({})).await["ok"]["locked"], true);
    let end = timeout(PATIENCE, async {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                return;
            }
        }
    });
    end.await.expect("the socket ends");
    let poll =
        format!("GET /media/poll?session={session}&after=0&wait=0 HTTP/1.1\r\nHost: {}\r\n", server.addr());
    assert_eq!(http(server.addr(), &poll, b"").await.status, 404);
    assert_eq!(call("live.connect", json!({})).await["err"]["code"], "appLocked");
    assert_eq!(call("devices.list", json!({})).await["err"]["code"], "appLocked");
    assert_eq!(call("protection.unlock", json!({ "secret": "correct horse" })).await["ok"]["locked"], false);
    assert!(call("devices.list", json!({})).await.get("ok").is_some());
}
