//! The ways in which adding a device of any family fails: each has its code, none spends more than one try, and the
//! page has a sentence and a cure for each.

use std::{fs, net::Ipv4Addr, time::Duration};

use bartizan_api::{Backend, ShellInfo, dispatch, dto::Shell};
use bartizan_base::OwnedTask;
use bartizan_sim::{Brand, BrandUnit, Fault, SiteConfig, UnitClass, UnitConfig};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{empty_app, workspace};

const PASSWORD: &str = "bartizan1";
const BRANDS: [Brand; 3] = [Brand::Onvif, Brand::Isapi, Brand::Dahua];

async fn backend() -> Backend {
    let shell = ShellInfo {
        shell: Shell::Web,
        ws_url: None,
        poll_url: "/media/poll".into(),
        pictures: None,
        search_loopback: true,
    };
    Backend::new(empty_app().await, shell)
}

async fn unit_of(brand: Brand, config: UnitConfig, tls: bool) -> BrandUnit {
    let ports = [Some(0), tls.then_some(0), Some(0)];
    BrandUnit::start(brand, config, SiteConfig::default(), Ipv4Addr::LOCALHOST, ports).await.expect("starts")
}

async fn unit(brand: Brand) -> BrandUnit {
    unit_of(brand, UnitConfig::default(), false).await
}

fn draft(unit: &BrandUnit, password: &str) -> Value {
    json!({ "host": "127.0.0.1", "ports": { "http": unit.http().port() }, "user": "admin", "password": password })
}

/// Adds what must be refused; nothing is stored, and no password is told. Gives the error.
async fn refused(backend: &Backend, draft: Value) -> Value {
    let secret = draft["password"].as_str().unwrap_or("no password").to_owned();
    let reply = serde_json::to_value(dispatch(backend, "devices.add", draft).await).expect("JSON");
    assert!(!reply.to_string().contains(&secret), "{reply}");
    let error = reply.get("err").unwrap_or_else(|| panic!("added: {reply}")).clone();
    let list = serde_json::to_value(dispatch(backend, "devices.list", json!({})).await).expect("JSON");
    assert_eq!(list["ok"]["devices"], json!([]));
    error
}

fn code(error: &Value) -> &str {
    error["code"].as_str().expect("a code")
}

#[tokio::test]
async fn a_wrong_password_is_one_try_whatever_the_family() {
    for brand in BRANDS {
        let (unit, backend) = (unit(brand).await, backend().await);
        let error = refused(&backend, draft(&unit, "zebra-crossing-1")).await;
        assert_eq!(code(&error), "wrongPassword", "{brand:?}: {error}");
        assert_eq!(unit.unit.refusals(), 1, "{brand:?}");
        if brand == Brand::Isapi {
            assert_eq!(error["triesLeft"], 4, "ISAPI tells: {error}");
        }
        let error =
            refused(&backend, json!({ "host": "127.0.0.1", "ports": { "http": unit.http().port() } })).await;
        assert_eq!(code(&error), "passwordNeeded", "{brand:?}: {error}");
        assert_eq!(unit.unit.refusals(), 1, "asking without a password is no try: {brand:?}");
    }
}

#[tokio::test]
async fn the_last_try_is_spared_and_a_locked_account_says_how_long() {
    let (unit, backend) = (unit(Brand::Isapi).await, backend().await);
    for (at, left) in [(1, 4), (2, 3), (3, 2), (4, 1)] {
        let error = refused(&backend, draft(&unit, &format!("zebra-crossing-{at}"))).await;
        assert_eq!((code(&error), &error["triesLeft"]), ("wrongPassword", &json!(left)), "{error}");
    }
    let error = refused(&backend, draft(&unit, "zebra-crossing-5")).await;
    assert_eq!(code(&error), "lastTry", "{error}");
    assert_eq!(unit.unit.refusals(), 4, "the last try was not spent");
    let mut agreed = draft(&unit, "zebra-crossing-5");
    agreed["spendLastTry"] = json!(true);
    let error = refused(&backend, agreed).await;
    assert_eq!(code(&error), "locked", "{error}");
    assert!(error["retryAfterMs"].as_u64().is_some_and(|ms| ms > 60_000), "{error}");
    assert_eq!(unit.unit.refusals(), 5);
}

#[tokio::test]
async fn an_account_locked_by_others_is_told_apart() {
    for brand in [Brand::Isapi, Brand::Dahua] {
        let (unit, backend) = (unit(brand).await, backend().await);
        for _ in 0..5 {
            unit.unit.login(false);
        }
        let mut agreed = draft(&unit, PASSWORD);
        agreed["spendLastTry"] = json!(true);
        let error = refused(&backend, agreed).await;
        assert_eq!(code(&error), "locked", "{brand:?}: {error}");
    }
}

#[tokio::test]
async fn fresh_busy_and_full_devices() {
    let backend = backend().await;
    for brand in [Brand::Isapi, Brand::Dahua] {
        let fresh = unit_of(brand, UnitConfig { password: None, ..UnitConfig::default() }, false).await;
        let error = refused(&backend, draft(&fresh, PASSWORD)).await;
        assert_eq!(code(&error), "notActivated", "{brand:?}: {error}");
        assert_eq!(fresh.unit.refusals(), 0);
        for (busy, wanted) in [(true, "deviceBusy"), (false, "tooManySessions")] {
            let unit = unit(brand).await;
            unit.unit.set_knobs(|knobs| (knobs.busy, knobs.full) = (busy, !busy));
            let error = refused(&backend, draft(&unit, PASSWORD)).await;
            assert!([wanted, "deviceBusy"].contains(&code(&error)), "{brand:?}: {error}");
            assert_eq!(unit.unit.refusals(), 0, "{brand:?}");
        }
    }
}

#[tokio::test]
async fn another_certificate_than_the_accepted_one() {
    let (unit, backend) = (unit_of(Brand::Isapi, UnitConfig::default(), true).await, backend().await);
    let https = unit.https().expect("TLS").port();
    let with_pin = |pin: Option<&str>| {
        let mut draft = draft(&unit, PASSWORD);
        draft["ports"] = json!({ "http": unit.http().port(), "https": https });
        if let Some(pin) = pin {
            draft["acceptCertificate"] = json!(pin);
        }
        draft
    };
    let probe = dispatch(&backend, "devices.probe", with_pin(None)).await;
    let probe = serde_json::to_value(probe).expect("JSON");
    let pin = probe["ok"]["certificate"].as_str().expect("a certificate").to_owned();
    unit.renew_certificate().expect("renews");
    let error = refused(&backend, with_pin(Some(&pin))).await;
    assert_eq!(code(&error), "certificateChanged", "{error}");
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn what_is_no_device_and_what_is_not_there() {
    let backend = backend().await;
    let at = |port: u16| json!({ "host": "127.0.0.1", "ports": { "http": port, "rtsp": port }, "user": "admin", "password": PASSWORD });
    let closed =
        TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address").port();
    assert_eq!(code(&refused(&backend, at(closed)).await), "unreachable");

    let web = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = web.local_addr().expect("its address").port();
    let _web = OwnedTask::spawn(async move {
        while let Ok((mut stream, _)) = web.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let page = "<html><title>Printer</title></html>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    assert_eq!(code(&refused(&backend, at(port)).await), "notADevice");

    let unknown = json!({ "host": "no-such-camera.invalid", "user": "admin", "password": PASSWORD });
    assert_eq!(code(&refused(&backend, unknown).await), "hostUnknown");
    let beyond = json!({ "host": "127.0.0.1", "ports": { "http": 70_000 } });
    assert_eq!(code(&refused(&backend, beyond).await), "invalidPort");
}

#[tokio::test]
async fn a_host_that_accepts_and_is_silent_ends_in_bounded_time() {
    let backend = backend().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let _silent = OwnedTask::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let draft = json!({ "host": "127.0.0.1", "ports": { "http": port, "rtsp": port }, "user": "admin", "password": PASSWORD });
    let error =
        tokio::time::timeout(Duration::from_secs(90), refused(&backend, draft)).await.expect("bounded");
    assert!(["timeout", "disconnected"].contains(&code(&error)), "{error}");
}

#[tokio::test]
async fn video_that_does_not_answer_is_told_with_the_device_added() {
    let backend = backend().await;
    let offline = UnitConfig {
        class: UnitClass::Recorder,
        channels: vec![("Dock".into(), Some("netUnreachable"))],
        ..UnitConfig::default()
    };
    let recorder = unit_of(Brand::Isapi, offline, false).await;
    let reply = serde_json::to_value(dispatch(&backend, "devices.add", draft(&recorder, PASSWORD)).await)
        .expect("JSON");
    assert_eq!(reply["ok"]["videoTrouble"]["code"], "channelOffline", "{reply}");

    let camera = unit(Brand::Dahua).await;
    camera.video().set_fault(None, Some(Fault::NoVideo));
    let reply = serde_json::to_value(dispatch(&backend, "devices.add", draft(&camera, PASSWORD)).await)
        .expect("JSON");
    assert_eq!(reply["ok"]["videoTrouble"]["code"], "noVideo", "{reply}");
    assert_eq!(camera.unit.refusals(), 0);
}

/// What the page says of each code lies in two files that must name them all.
#[test]
fn every_failure_has_words_in_both_languages() {
    let codes = [
        "hostUnknown",
        "unreachable",
        "timeout",
        "notADevice",
        "passwordNeeded",
        "wrongPassword",
        "lastTry",
        "locked",
        "notActivated",
        "certificateChanged",
        "tooManySessions",
        "deviceBusy",
        "channelOffline",
        "noVideo",
    ];
    let texts = ["en", "zh"].map(|language| {
        let folder = workspace().join("ui/src/i18n");
        let read = |entry: fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.contains(language).then(|| fs::read_to_string(entry.path()).expect("readable"))
        };
        let all = fs::read_dir(folder).expect("the page's words");
        all.filter_map(|entry| read(entry.expect("an entry"))).collect::<String>()
    });
    for code in codes {
        for text in &texts {
            assert!(text.contains(&format!("{code}: {{")), "{code} has no words");
        }
    }
}
