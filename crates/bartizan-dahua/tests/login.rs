//! Knowing, logging in and waking: what is sent, and how many tries it costs.

mod mock;

use std::net::{IpAddr, Ipv4Addr};

use bartizan_base::{Code, Secret};
use bartizan_dahua::{Dahua, FAMILY};
use bartizan_device::{Activation, DeviceClass, Family as _, Login, SearchScope};
use mock::{Mock, PASSWORD, login};
use serde_json::json;

#[tokio::test]
async fn known_without_a_password() {
    let mock = Mock::start().await;
    let known = Dahua::default().recognise(&mock.endpoint()).await.expect("answers").expect("known");
    assert_eq!((known.family, known.activated, known.https), (FAMILY, Some(true), false));
    assert_eq!(known.identity.serial, "4X7C5A1ZAG21L3F");
    for part in ["Login to 4X7C5A1ZAG21L3F", "268632079", "DevInit.getStatus"] {
        assert!(known.evidence.contains(part), "{}", known.evidence);
    }
    let state = mock.lock();
    assert_eq!(state.wrong, 0, "{:?}", state.log);
}

#[tokio::test]
async fn something_else_is_not_taken_for_one() {
    let mock = Mock::start().await;
    mock.lock().cgi = false;
    mock.lock().rpc = false;
    mock.lock().init = 0;
    assert_eq!(Dahua::default().recognise(&mock.endpoint()).await.expect("answers"), None);
    let error = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.err().expect("refused");
    assert_eq!(error.code(), Code::NotADevice, "{error}");
}

#[tokio::test]
async fn nobody_there_ends_the_search() {
    let unused =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("an address");
    let endpoint = bartizan_device::Endpoint::parse(&unused.to_string()).expect("an endpoint");
    assert_eq!(Dahua::default().recognise(&endpoint).await.expect_err("nobody").code(), Code::Unreachable);
}

#[tokio::test]
async fn the_right_password() {
    let mock = Mock::start().await;
    mock.configure(
        "RTSP.Port=8554\nNetwork.DefaultInterface=eth0\nNetwork.eth0.PhysicalAddress=30:E1:F1:00:00:65",
    );
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    assert_eq!(mock.asked("global.logout").len(), 1, "the session is given back");
    let identity = driver.identity().await.expect("tells");
    assert_eq!((identity.model.as_str(), identity.serial.as_str()), ("SD49225T-HN", "4X7C5A1ZAG21L3F"));
    assert_eq!((identity.mac.as_str(), identity.class), ("30:e1:f1:00:00:65", DeviceClass::Camera));
    let channels = driver.channels().await.expect("tells");
    assert_eq!(channels[0].streams[0].rtsp_port, Some(8554));
    assert_eq!(driver.reached().rtsp_port, Some(8554));
    assert!(driver.reached().web_page.starts_with("http://127.0.0.1:"));
    assert_eq!(mock.lock().wrong, 0);
    assert!(!format!("{:?}{:?}", driver.oddities(), driver.reached()).contains(PASSWORD));
}

#[tokio::test]
async fn a_wrong_password_costs_one_try_and_the_last_is_kept() {
    let mock = Mock::start().await;
    let family = Dahua::default();
    for left in (1..5).rev() {
        let error = family.connect(&mock.endpoint(), &login("wrong")).await.err().expect("refused");
        assert_eq!((error.code(), error.tries_left()), (Code::WrongPassword, Some(left)));
        assert_eq!(mock.lock().wrong, 5 - left, "one try each");
    }
    let error = family.connect(&mock.endpoint(), &login("wrong")).await.err().expect("refused");
    assert_eq!(error.code(), Code::LastTry);
    assert_eq!(mock.lock().wrong, 4, "the last try is not spent unasked");

    let agreed = Login { spend_last_try: true, ..login("wrong") };
    let error = family.connect(&mock.endpoint(), &agreed).await.err().expect("refused");
    assert_eq!((error.code(), error.tries_left()), (Code::WrongPassword, Some(0)));
    mock.forget();
    let error = family.connect(&mock.endpoint(), &agreed).await.err().expect("locked");
    assert_eq!(error.code(), Code::Locked);
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(300)));
    assert!(
        mock.asked("with password").is_empty() && mock.asked("REFUSED").is_empty(),
        "nothing is spent on it"
    );
    assert!(!error.detail().contains("wrong\""));
}

#[tokio::test]
async fn the_right_password_clears_the_count() {
    let mock = Mock::start().await;
    let family = Dahua::default();
    mock.lock().wrong = 3;
    let error = family.connect(&mock.endpoint(), &login("wrong")).await.err().expect("refused");
    assert_eq!(error.tries_left(), Some(1));
    let agreed = Login { spend_last_try: true, ..login(PASSWORD) };
    family.connect(&mock.endpoint(), &agreed).await.expect("logs in");
    mock.lock().wrong = 0;
    family.connect(&mock.endpoint(), &login(PASSWORD)).await.expect("no longer the last try");
}

#[tokio::test]
async fn without_rpc2_cgi_alone_spends_the_one_try() {
    let mock = Mock::start().await;
    mock.lock().rpc = false;
    let error = Dahua::default().connect(&mock.endpoint(), &login("wrong")).await.err().expect("refused");
    assert_eq!((error.code(), mock.lock().wrong), (Code::WrongPassword, 1));
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    assert_eq!(driver.identity().await.expect("tells").name, "Yard");
    assert_eq!(mock.lock().wrong, 1);
    let nobody = Dahua::default().connect(&mock.endpoint(), &Login::default()).await.err().expect("refused");
    assert_eq!(nobody.code(), Code::PasswordNeeded);
}

#[tokio::test]
async fn cgi_that_refuses_the_right_password() {
    let mock = Mock::start().await;
    {
        let mut state = mock.lock();
        state.cgi_takes_login = false;
        state.methods.insert("magicBox.getDeviceType".into(), json!({ "type": "VIP-9999" }));
        state.methods.insert("magicBox.getSerialNo".into(), json!({ "sn": "ABC1" }));
        state
            .methods
            .insert("magicBox.getSoftwareVersion".into(), json!({ "version": { "Version": "2.800.1" } }));
        state.methods.insert("global.getCurrentTime".into(), json!({ "time": "2026-07-02 19:09:25" }));
        state.tables.insert("NTP".into(), json!({ "TimeZone": 13, "TimeZoneDesc": "Beijing" }));
        state.tables.insert("Encode".into(), json!([{ "MainFormat": [{ "VideoEnable": true, "Video": { "Compression": "H.265", "Width": 1920, "Height": 1080, "FPS": 25 } }] }]));
        state.tables.insert(
            "VideoColor".into(),
            json!([[{ "Brightness": 50, "Contrast": 50, "Hue": 50, "Saturation": 50 }]]),
        );
    }
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in by RPC2");
    assert!(
        driver.oddities().iter().any(|line| line.contains("RPC2 is used alone")),
        "{:?}",
        driver.oddities()
    );
    let identity = driver.identity().await.expect("tells");
    assert_eq!((identity.model.as_str(), identity.serial.as_str()), ("VIP-9999", "ABC1"));
    let channels = driver.channels().await.expect("tells");
    assert_eq!(channels[0].streams[0].codec.as_deref(), Some("H.265"));
    let clock = driver.clock().await.expect("tells");
    assert_eq!((clock.utc_offset_s, clock.zone.as_str()), (Some(28_800), "Beijing"));

    let change = bartizan_device::Imaging { brightness: Some(70.0), ..Default::default() };
    let taken = driver.set_imaging(1, change).await.expect("takes it");
    assert_eq!((taken.brightness, taken.contrast), (Some(70.0), Some(50.0)));
    assert_eq!(mock.lock().tables["VideoColor"][0][0]["Brightness"], json!(70), "a number stays a number");

    assert!(!driver.capabilities(1).await.expect("tells").snapshot);
    assert_eq!(driver.snapshot(1).await.expect_err("no CGI").code(), Code::NotOffered);
    assert_eq!(mock.lock().wrong, 1, "CGI was asked once and never again: {:?}", mock.lock().log.len());
}

#[tokio::test]
async fn firmware_known_for_that_is_not_asked_by_cgi() {
    let mock = Mock::start().await;
    {
        let mut state = mock.lock();
        state.cgi_takes_login = false;
        state.methods.insert("magicBox.getDeviceType".into(), json!({ "type": "VIP-1230-D-G3" }));
        state.methods.insert(
            "magicBox.getSoftwareVersion".into(),
            json!({ "version": { "Version": "2.800.00IB003.0.T" } }),
        );
    }
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in by RPC2");
    driver.identity().await.expect("tells");
    driver.capabilities(1).await.expect("tells");
    assert!(mock.asked("/cgi-bin/").is_empty(), "{:?}", mock.asked("/cgi-bin/"));
    assert!(driver.oddities().iter().any(|line| line.starts_with("quirk:")), "{:?}", driver.oddities());
    assert_eq!(mock.lock().wrong, 0);
}

#[tokio::test]
async fn a_session_that_is_over_is_renewed_once() {
    let mock = Mock::start().await;
    mock.lock().cgi_takes_login = false;
    mock.lock().methods.insert("magicBox.getDeviceType".into(), json!({ "type": "VIP-9999" }));
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    mock.lock().methods.insert("magicBox.getSerialNo".into(), json!({ "sn": "ABC1" }));
    mock.lock().sessions_over = 1;
    assert_eq!(driver.identity().await.expect("tells").serial, "ABC1");
    assert_eq!(mock.asked("global.login right").len(), 2);

    // The password changes while we are logged in: one try finds that out, no more.
    mock.lock().sessions_over = 1;
    mock.lock().password = "Another1".into();
    let error = driver.clock().await.expect_err("refused");
    assert_eq!((error.code(), mock.asked("global.login WRONG").len()), (Code::WrongPassword, 1));
    let error = driver.clock().await.expect_err("refused");
    assert_eq!((error.code(), mock.asked("global.login WRONG").len()), (Code::WrongPassword, 1));
}

fn activation(password: &str) -> Activation {
    Activation { password: Secret::new(password), mail: Some("a@example.org".into()) }
}

#[tokio::test]
async fn a_fresh_device_is_known_and_woken() {
    let mock = Mock::start().await;
    mock.lock().init = 1;
    let family = Dahua::default();
    let known = family.recognise(&mock.endpoint()).await.expect("answers").expect("known");
    assert_eq!(known.activated, Some(false));
    assert!(
        known.evidence.contains("Invalid Authority!") && known.evidence.contains("fresh"),
        "{}",
        known.evidence
    );
    let error = family.connect(&mock.endpoint(), &login(PASSWORD)).await.err().expect("refused");
    assert_eq!((error.code(), mock.lock().wrong), (Code::NotActivated, 0));

    mock.forget();
    let error = family.activate(&mock.endpoint(), &activation("short")).await.expect_err("weak");
    assert_eq!(error.code(), Code::WeakPassword);
    assert!(mock.lock().log.is_empty(), "nothing was sent");

    family.activate(&mock.endpoint(), &activation(PASSWORD)).await.expect("woken");
    let order: Vec<String> =
        mock.asked("DevInit").into_iter().filter(|line| !line.contains("getDevCaps")).collect();
    assert_eq!(
        order,
        ["DevInit.getStatus", "DevInit.setProtocolAgree in session", "DevInit.account", "DevInit.access"]
    );
    let account = mock.lock().account.clone().expect("decrypted");
    assert_eq!(
        account,
        json!({ "name": "admin", "pwd": PASSWORD, "CellPhone": "", "Mail": "a@example.org" })
    );

    family.connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    let error = family.activate(&mock.endpoint(), &activation(PASSWORD)).await.expect_err("has one already");
    assert_eq!(error.code(), Code::NotOffered);
}

#[tokio::test]
async fn answers_crossed_by_notifications_wake_it_once() {
    for crossed in 1..=3 {
        let mock = Mock::start().await;
        mock.lock().init = 1;
        mock.lock().notifications = crossed;
        Dahua::default().activate(&mock.endpoint(), &activation(PASSWORD)).await.expect("woken");
        assert_eq!(mock.asked("DevInit.account").len(), 1, "{crossed}");
        assert_eq!(mock.lock().account.as_ref().map(|account| account["pwd"].clone()), Some(json!(PASSWORD)));
    }
}

#[tokio::test]
async fn found_by_its_packet_and_confirmed_by_http() {
    let mock = Mock::start().await;
    mock.lock().init = 1;
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("binds");
    let port = udp.local_addr().expect("an address").port();
    let http = mock.addr.port();
    let _device = bartizan_base::OwnedTask::spawn(async move {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut packet).await {
            let head = [0x20, 0, 0, 0, b'D', b'H', b'I', b'P'];
            if packet[..8] != head || !packet[..length].windows(17).any(|part| part == b"DHDiscover.search") {
                continue;
            }
            let answer = json!({ "mac": "30:E1:F1:00:00:65", "method": "client.notifyDevInfo", "params": { "deviceInfo": {
                "DeviceClass": "NVR", "DeviceType": "NVR5232", "SerialNo": "S1", "HttpPort": http, "Port": 37777, "Init": 1,
            } } });
            let mut bytes = vec![0; 32];
            bytes.extend(answer.to_string().bytes().chain([0]));
            let _ = udp.send_to(&bytes, from).await;
        }
    });
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let family = Dahua::default().with_discovery_port(port);
    let (found, mut seen) = tokio::sync::mpsc::channel(16);
    let scope = SearchScope {
        duration: std::time::Duration::from_secs(20),
        interfaces: Vec::new(),
        hosts: vec![localhost],
        multicast: false,
    };
    let search = bartizan_base::OwnedTask::spawn(async move { family.discover(&scope, found).await });
    let first = seen.recv().await.expect("a sighting");
    assert_eq!(
        (first.serial.as_str(), first.http_port, first.class),
        ("S1", Some(http), DeviceClass::Recorder)
    );
    assert_eq!((first.activated, first.addresses[0]), (None, localhost));
    let sure = loop {
        let sighting = seen.recv().await.expect("more sightings");
        if sighting.activated.is_some() {
            break sighting;
        }
    };
    assert_eq!(sure.activated, Some(false));
    drop(seen);
    search.join().await.expect("ends").expect("without an error");
}

/// What was logged by any test of this file, at TRACE.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_password_in_any_log_or_error() {
    let log = Log::default();
    let writer = log.clone();
    // For all threads: one that only this thread has is not asked about what another test logs first.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    let mock = Mock::start().await;
    mock.lock().init = 1;
    let family = Dahua::default();
    family.activate(&mock.endpoint(), &activation(PASSWORD)).await.expect("woken");
    let driver = family.connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    driver.channels().await.expect("tells");
    driver.capabilities(1).await.expect("tells");
    let mut told = format!("{:?} {:?} {:?}", driver.oddities(), driver.reached(), login(PASSWORD));
    mock.lock().password = "Another1".into();
    let error = family.connect(&mock.endpoint(), &login(PASSWORD)).await.err().expect("refused");
    told.push_str(&format!("{error} {error:?}"));
    mock.lock().rpc = false;
    let error = family.connect(&mock.endpoint(), &login(PASSWORD)).await.err().expect("refused");
    told.push_str(&format!("{error} {error:?}"));
    let logged = String::from_utf8_lossy(&log.0.lock().expect("not poisoned")).into_owned();
    assert!(logged.contains("127.0.0.1"), "TRACE is on: {} bytes", logged.len());
    for text in [&logged, &told] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}
