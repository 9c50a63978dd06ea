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
    let shape = json!({ "hardDecoding": true, "theme": "", "language": "", "layout": 1, "ptzStep": 1, "wallTools": [""] });
    let first = shell.rpc("settings.get", json!({})).await;
    assert_shape(ok(&first), &shape, "settings");
    let changed =
        shell.rpc("settings.set", json!({ "theme": "dark", "layout": 16, "hardDecoding": false })).await;
    let wanted = json!({
        "hardDecoding": false, "theme": "dark", "language": ok(&first)["language"], "layout": 16, "ptzStep": 5,
        "wallTools": ok(&first)["wallTools"],
    });
    assert_eq!(ok(&changed), &wanted);
    assert_eq!(code(&shell.rpc("settings.set", json!({ "layout": 5 })).await), "invalidInput");
    assert_eq!(code(&shell.rpc("settings.set", json!({ "theme": "pink" })).await), "invalidInput");
    for bad in [json!(["no spaces"]), json!([""]), json!(["a".repeat(33)]), json!(vec!["a"; 33])] {
        let refused = shell.rpc("settings.set", json!({ "wallTools": bad })).await;
        assert_eq!(code(&refused), "invalidInput", "{bad}");
    }
    assert_eq!(ok(&shell.rpc("settings.get", json!({})).await), &wanted, "a refused change changes nothing");
    for layout in [1, 2, 4, 6, 8, 9, 12] {
        let taken = shell.rpc("settings.set", json!({ "layout": layout })).await;
        assert_eq!(ok(&taken)["layout"], layout);
    }
    shell.rpc("settings.set", json!({ "layout": 16, "wallTools": ["pause", "closeAll"] })).await;
    assert_eq!(ok(&shell.rpc("settings.get", json!({})).await)["wallTools"], json!(["pause", "closeAll"]));
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
    });
    assert_shape(ok(&stats), &json!({ "streams": [stream], "dropped": 1 }), "stats");
    assert_eq!(ok(&stats)["streams"][0]["viewers"], 1);
    assert_eq!(ok(&shell.rpc("live.hint", json!({ "hint": "networkChanged" })).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.hint", json!({ "hint": "moon" })).await), "invalidInput");
    let tile = |tile: u32| json!({ "session": session, "tile": tile });
    assert_eq!(ok(&shell.rpc("live.retry", tile(7)).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.retry", tile(8)).await), "notFound");
    assert_eq!(ok(&shell.rpc("live.close", tile(7)).await), &json!({}));
    assert_eq!(ok(&shell.rpc("live.close", tile(7)).await), &json!({}), "closing twice is closing");
    assert_eq!(code(&shell.rpc("live.retry", tile(7)).await), "notFound");
    assert_eq!(ok(&shell.rpc("live.disconnect", json!({ "session": session })).await), &json!({}));
    assert_eq!(code(&shell.rpc("live.close", tile(7)).await), "notFound");
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
    live(shell).await;
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
