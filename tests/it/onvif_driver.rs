//! The ONVIF driver against servers its authors did not write: oxvif's mock device, and the simulator's personality in
//! its odder manners.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use bartizan_base::{Code, Secret, StreamProfile, UtcMicros};
use bartizan_device::{
    Auxiliary, AuxiliaryCommand, Credentials, Driver, Endpoint, Family, Imaging, LensMove, Login,
    OutputCommand, Position, PresetChange, PtzMove, SearchScope, Velocity,
};
use bartizan_onvif::Onvif;
use bartizan_sim::{
    OnvifAddress, OnvifDiscovery, OnvifLogin, OnvifQuirks, OnvifRefusal, OnvifServer, Unit, UnitConfig,
};
use oxvif::mock::MockServer;
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, USER};

const PASSWORD: &str = "bartizan1";

fn login(password: &str) -> Login {
    let credentials = Credentials { user: USER.into(), password: Secret::new(password) };
    Login { credentials: Some(credentials), spend_last_try: false }
}

async fn connect(port: u16, password: &str) -> Result<Arc<dyn Driver>, bartizan_base::Error> {
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    Onvif::new().connect(&endpoint, &login(password)).await
}

/// Waits until a condition of the device holds.
async fn until<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_mock_device_is_driven() {
    let server = MockServer::builder().enforce_auth(true).start().await.unwrap();
    let refused = connect(server.port(), "wrong").await.err().unwrap();
    assert_eq!(refused.code(), Code::WrongPassword, "{refused}");
    let driver = connect(server.port(), USER).await.unwrap();
    let who = driver.identity().await.unwrap();
    assert!(!who.maker.is_empty() && !who.serial.is_empty(), "{who:?}");

    let channels = driver.channels().await.unwrap();
    assert!(!channels.is_empty());
    let main = &channels[0].streams[0];
    assert_eq!(main.profile, StreamProfile::Main);
    assert!(main.path.len() > 1 && main.width.is_some() && main.codec.is_some(), "{main:?}");

    let mut mover = None;
    for channel in &channels {
        let able = driver.capabilities(channel.number).await.unwrap();
        if able.ptz.pan_tilt && able.ptz.absolute && mover.is_none() {
            mover = Some((channel.number, able));
        }
    }
    let (channel, able) = mover.expect("a channel that turns");
    let velocity = Velocity { pan: 0.5, tilt: 0.0, zoom: 0.0 };
    driver.ptz_move(channel, PtzMove::Continuous { velocity, at_most_ms: 2000 }).await.unwrap();
    driver.ptz_move(channel, PtzMove::Stop).await.unwrap();
    let there = Position { pan: 0.5, tilt: -0.25, zoom: 0.0 };
    driver.ptz_move(channel, PtzMove::Absolute(there)).await.unwrap();
    let position = driver.ptz_status(channel).await.unwrap().position.unwrap();
    assert!((position.pan - 0.5).abs() < 0.02 && (position.tilt + 0.25).abs() < 0.02, "{position:?}");

    assert!(able.ptz.presets.is_some());
    let before = driver.presets(channel).await.unwrap();
    let token = driver
        .change_preset(channel, PresetChange::Set { token: None, name: "Bartizan".into() })
        .await
        .unwrap();
    let after = driver.presets(channel).await.unwrap();
    assert_eq!(after.len(), before.len() + 1);
    assert!(after.iter().any(|preset| preset.token == token && preset.name == "Bartizan"), "{after:?}");
    driver.go_to_preset(channel, &token, 1.0).await.unwrap();
    driver.change_preset(channel, PresetChange::Remove { token }).await.unwrap();
    assert_eq!(driver.presets(channel).await.unwrap(), before);

    let wanted = Imaging { brightness: Some(70.0), ..Imaging::default() };
    let taken = driver.set_imaging(channel, wanted).await.unwrap();
    assert!(taken.brightness.is_some_and(|level| (level - 70.0).abs() < 1.0), "{taken:?}");
    let reset = driver.reset_imaging(channel).await.unwrap();
    assert!(reset.brightness.is_some_and(|level| (level - 50.0).abs() < 1.0), "{reset:?}");
    assert!(driver.clock().await.unwrap().offset_ms.abs() < 5_000);
    // Its picture is a BMP: told, not shown.
    if able.snapshot {
        assert_eq!(driver.snapshot(channel).await.err().map(|error| error.code()), Some(Code::Protocol));
    }
    assert!(!format!("{:?}", driver.oddities()).contains(PASSWORD));
}

struct Simulated {
    unit: Arc<Unit>,
    server: OnvifServer,
}

impl Simulated {
    async fn start(quirks: OnvifQuirks) -> Self {
        let channels = vec![("Front gate".into(), None), ("Yard".into(), None)];
        let unit = Arc::new(Unit::new(UnitConfig { channels, ..UnitConfig::default() }));
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = OnvifServer::start(unit.clone(), host, 0, 8554, quirks).await.unwrap();
        Self { unit, server }
    }

    async fn connect(&self, password: &str) -> Result<Arc<dyn Driver>, bartizan_base::Error> {
        connect(self.server.addr().port(), password).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_device_is_driven() {
    let device = Simulated::start(OnvifQuirks::default()).await;
    let endpoint = Endpoint::parse(&device.server.url()).unwrap();
    let recognised = Onvif::new().recognise(&endpoint).await.unwrap().unwrap();
    assert_eq!(recognised.family.0, "onvif");
    let driver = device.connect(PASSWORD).await.unwrap();
    let who = driver.identity().await.unwrap();
    assert_eq!((who.maker.as_str(), who.serial.as_str()), ("Bartizan", "BZ000000001"));
    assert_eq!(who.mac, "02:00:00:00:00:01");

    let channels = driver.channels().await.unwrap();
    assert_eq!(channels.iter().map(|channel| channel.number).collect::<Vec<_>>(), [1, 2]);
    for channel in &channels {
        let [main, sub] = channel.streams.as_slice() else { panic!("{channel:?}") };
        assert!(main.width > sub.width && main.path != sub.path, "{channel:?}");
        assert_eq!((main.rtsp_port, main.codec.as_deref()), (Some(8554), Some("H.264")));
    }
    let able = driver.capabilities(1).await.unwrap();
    assert!(able.ptz.pan_tilt && able.ptz.zoom && able.ptz.focus && able.ptz.auto_focus && able.ptz.home);
    assert!(able.imaging.brightness && able.snapshot && able.key_frame);
    assert!(!driver.capabilities(2).await.unwrap().ptz.pan_tilt);

    let velocity = Velocity { pan: 1.0, tilt: 0.0, zoom: 0.0 };
    let start = driver.ptz_status(1).await.unwrap().position.unwrap();
    driver.ptz_move(1, PtzMove::Continuous { velocity, at_most_ms: 20_000 }).await.unwrap();
    until("the head to turn", async || {
        let status = driver.ptz_status(1).await.unwrap();
        status.position.filter(|at| at.pan > start.pan + 0.01 && status.moving == Some(true))
    })
    .await;
    driver.ptz_move(1, PtzMove::Stop).await.unwrap();
    assert_eq!(driver.ptz_status(1).await.unwrap().moving, Some(false));
    assert_eq!(
        driver.ptz_move(2, PtzMove::Stop).await.err().map(|error| error.code()),
        Some(Code::NotOffered)
    );

    let token =
        driver.change_preset(1, PresetChange::Set { token: None, name: "Gate <&>".into() }).await.unwrap();
    let named = |presets: Vec<bartizan_device::Preset>| {
        presets.into_iter().find(|preset| preset.token == token).map(|preset| preset.name)
    };
    assert_eq!(named(driver.presets(1).await.unwrap()).as_deref(), Some("Gate <&>"));
    let rename = PresetChange::Rename { token: token.clone(), name: "Porch".into() };
    driver.change_preset(1, rename).await.unwrap();
    assert_eq!(named(driver.presets(1).await.unwrap()).as_deref(), Some("Porch"));
    driver.go_to_preset(1, &token, 1.0).await.unwrap();
    driver.change_preset(1, PresetChange::Remove { token: token.clone() }).await.unwrap();
    assert_eq!(named(driver.presets(1).await.unwrap()), None);

    let change = Imaging { brightness: Some(80.0), ..Imaging::default() };
    let taken = driver.set_imaging(1, change).await.unwrap();
    assert!(taken.brightness.is_some_and(|level| (level - 80.0).abs() < 0.5), "{taken:?}");
    if able.imaging.rotations.contains(&180) {
        let turned = Imaging { rotation: Some(180), ..Imaging::default() };
        assert_eq!(driver.set_imaging(1, turned).await.unwrap().rotation, Some(180));
        let upright = Imaging { rotation: Some(0), ..Imaging::default() };
        assert_eq!(driver.set_imaging(1, upright).await.unwrap().rotation, Some(0));
    }
    driver.lens_move(1, LensMove::FocusNear(0.5)).await.unwrap();
    driver.lens_move(1, LensMove::Stop).await.unwrap();
    driver.lens_move(1, LensMove::AutoFocus).await.unwrap();
    assert!(driver.snapshot(1).await.unwrap().jpeg.starts_with(&[0xFF, 0xD8]));
    driver.request_key_frame(1, StreamProfile::Sub).await.unwrap();

    assert!(able.auxiliaries.contains(&Auxiliary::Light), "{:?}", able.auxiliaries);
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::On).await.unwrap();
    let outputs = driver.alarm_outputs().await.unwrap();
    assert_eq!(outputs.len(), 2);
    driver.switch_output(&outputs[0].token, OutputCommand::On).await.unwrap();
    driver.switch_output(&outputs[0].token, OutputCommand::Pulse(50)).await.unwrap();
    let clock = driver.clock().await.unwrap();
    assert_eq!(clock.utc_offset_s, Some(8 * 3600));
    assert_eq!(device.unit.refusals(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_devices_let_us_in_all_the_same() {
    type Change = fn(&mut OnvifQuirks);
    let manners: [(&str, Change); 9] = [
        ("token only", |q| q.login = OnvifLogin::UsernameToken),
        ("HTTP Digest only", |q| q.login = OnvifLogin::HttpDigest),
        ("addresses of another network", |q| q.address = OnvifAddress::Other("192.168.1.108:80".into())),
        ("addresses of nowhere", |q| q.address = OnvifAddress::Zero),
        ("echoed security", |q| q.echoes_security = true),
        ("escaped twice, padded", |q| (q.double_escape, q.padded_addresses) = (true, true)),
        ("no Media2", |q| q.media2 = false),
        ("no GetServices", |q| q.get_services = false),
        ("no PTZ status", |q| q.ptz_status = false),
    ];
    for (name, change) in manners {
        let mut quirks = OnvifQuirks::default();
        change(&mut quirks);
        let device = Simulated::start(quirks).await;
        let driver = device.connect(PASSWORD).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let channels = driver.channels().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(channels.len(), 2, "{name}");
        assert!(channels.iter().all(|channel| channel.streams.len() == 2), "{name}: {channels:?}");
        assert!(!channels[0].streams[0].path.contains("&amp;"), "{name}");
        driver.snapshot(1).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        driver.ptz_move(1, PtzMove::Stop).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(device.unit.refusals(), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_tried_once_whatever_the_answer() {
    for refusal in
        [OnvifRefusal::Fault400, OnvifRefusal::Http401, OnvifRefusal::Fault500, OnvifRefusal::Fault200]
    {
        for way in [OnvifLogin::Either, OnvifLogin::UsernameToken, OnvifLogin::HttpDigest] {
            let device =
                Simulated::start(OnvifQuirks { refusal, login: way, ..OnvifQuirks::default() }).await;
            let refused = device.connect("hunter2").await.err().unwrap();
            assert_eq!(refused.code(), Code::WrongPassword, "{refusal:?} {way:?} {refused}");
            assert!(!refused.detail().contains("hunter2"));
            assert_eq!(device.unit.refusals(), 1, "{refusal:?} {way:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_clock_was_lost_is_logged_in_to_by_its_own_time() {
    let device =
        Simulated::start(OnvifQuirks { login: OnvifLogin::UsernameToken, ..OnvifQuirks::default() }).await;
    device.unit.set_clock(UtcMicros(946_684_800_000_000));
    let driver = device.connect(PASSWORD).await.unwrap();
    assert!(driver.clock().await.unwrap().offset_ms < -300_000_000_000);
    // It finds the time again while we are logged in: told, and right at the next call.
    driver.identity().await.unwrap();
    device.unit.set_clock(UtcMicros(1_750_000_000_000_000));
    let told = driver.channels().await.err().map(|error| error.code());
    assert_eq!(told, Some(Code::ClockSkew));
    assert_eq!(driver.channels().await.unwrap().len(), 2);
    // The same for something it was never asked before: not taken for a missing right.
    device.unit.set_clock(UtcMicros(1_760_000_000_000_000));
    let told = driver.alarm_outputs().await.err().map(|error| error.code());
    assert_eq!(told, Some(Code::ClockSkew));
    assert_eq!(driver.alarm_outputs().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_devices_are_found_by_asking_a_host() {
    let device = Simulated::start(OnvifQuirks::default()).await;
    let Ok(discovery) = OnvifDiscovery::start(Ipv4Addr::LOCALHOST, &[&device.server]).await else {
        println!("skipped: no WS-Discovery on loopback here");
        return;
    };
    let scope = SearchScope {
        duration: Duration::from_secs(10),
        interfaces: Vec::new(),
        hosts: vec![Ipv4Addr::LOCALHOST.into()],
        multicast: false,
    };
    let port = discovery.addr().unwrap().port();
    let (sender, mut found) = tokio::sync::mpsc::channel(16);
    let family = Onvif::new().with_discovery_port(port);
    let search = tokio::time::timeout(PATIENCE, family.discover(&scope, sender));
    let ours = device.server.endpoint();
    let ours = ours.trim_start_matches("urn:uuid:");
    let listen = async {
        while let Some(sighting) = found.recv().await {
            if sighting.uuid == ours {
                found.close();
                return Some(sighting);
            }
        }
        None
    };
    let (ended, sighting) = tokio::join!(search, listen);
    ended.unwrap().unwrap();
    let sighting = sighting.expect("the device answers");
    assert_eq!(sighting.http_port, Some(device.server.addr().port()));
    assert_eq!(sighting.addresses.first(), Some(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
}
