//! The Dahua driver against the simulated camera and recorder: what it is told is true of them, and what it sends
//! really moves, lights and switches them.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use bartizan_base::{Code, Secret, StreamProfile, UtcMicros};
use bartizan_dahua::Dahua;
use bartizan_device::{
    Activation, Auxiliary, AuxiliaryCommand, Credentials, DeviceClass, Driver, Endpoint, Family as _,
    Imaging, LensMove, Login, Online, OutputCommand, Position, PresetChange, PtzMove, RtspAddress,
    SearchScope, StreamOpener as _, StreamSource, Transport, Velocity,
};
use bartizan_rtsp::RtspOpener;
use bartizan_sim::{Brand, BrandUnit, Brands, BrandsConfig, ChannelView, Knobs, UnitClass, UnitConfig};
use tokio::sync::mpsc;

use crate::support::{PASSWORD, USER, clip_site, until};

fn dome() -> UnitConfig {
    UnitConfig {
        maker: "Dahua".into(),
        model: "DH-SD1A404XB-SIM".into(),
        firmware: "2.840.0000000.1.R".into(),
        serial: "9A0B1C2DPAZ3E4F".into(),
        mac: "02:3c:ef:00:00:03".into(),
        name: "Yard speed dome".into(),
        channels: vec![("Yard".into(), None)],
        ..UnitConfig::default()
    }
}

async fn started(config: UnitConfig) -> BrandUnit {
    let ports = [Some(0), None, Some(0)];
    BrandUnit::start(Brand::Dahua, config, clip_site(), Ipv4Addr::LOCALHOST, ports)
        .await
        .expect("the unit starts")
}

fn endpoint(unit: &BrandUnit) -> Endpoint {
    Endpoint::parse(&format!("http://{}", unit.http())).expect("an endpoint")
}

fn login(password: &str) -> Login {
    let credentials = Credentials { user: USER.into(), password: Secret::new(password) };
    Login { credentials: Some(credentials), spend_last_try: false }
}

async fn connected(config: UnitConfig) -> (BrandUnit, Arc<dyn Driver>) {
    let unit = started(config).await;
    let driver = Dahua::default().connect(&endpoint(&unit), &login(PASSWORD)).await.expect("logs in");
    (unit, driver)
}

fn view(unit: &BrandUnit) -> ChannelView {
    unit.unit.view(1).expect("channel 1")
}

fn moving(pan: f32, tilt: f32, zoom: f32, at_most_ms: u32) -> PtzMove {
    PtzMove::Continuous { velocity: Velocity { pan, tilt, zoom }, at_most_ms }
}

async fn still(unit: &BrandUnit) {
    until("the head to rest", || (!view(unit).moving.contains(&true)).then_some(())).await;
}

#[tokio::test]
async fn the_camera_is_known_and_described() {
    let unit = started(dome()).await;
    let known = Dahua::default().recognise(&endpoint(&unit)).await.expect("answers").expect("known");
    assert_eq!((known.activated, known.identity.serial.as_str()), (Some(true), "9A0B1C2DPAZ3E4F"));
    assert_eq!(unit.unit.refusals(), 0, "{}", known.evidence);

    let driver = Dahua::default().connect(&endpoint(&unit), &login(PASSWORD)).await.expect("logs in");
    let identity = driver.identity().await.expect("tells");
    assert_eq!((identity.maker.as_str(), identity.model.as_str()), ("Dahua", "DH-SD1A404XB-SIM"));
    assert_eq!((identity.serial.as_str(), identity.mac.as_str()), ("9A0B1C2DPAZ3E4F", "02:3c:ef:00:00:03"));
    assert_eq!((identity.name.as_str(), identity.class), ("Yard speed dome", DeviceClass::Camera));
    assert!(identity.firmware.starts_with("2.840.0000000.1.R"));

    let channels = driver.channels().await.expect("tells");
    let [channel] = &channels[..] else { panic!("{channels:?}") };
    assert_eq!((channel.number, channel.name.as_str(), &channel.online), (1, "Yard", &Online::Yes));
    let opener = RtspOpener::new();
    for (stream, profile) in channel.streams.iter().zip([StreamProfile::Main, StreamProfile::Sub]) {
        assert_eq!((stream.profile, stream.codec.as_deref()), (profile, Some("H.264")));
        let port = stream.rtsp_port.expect("a port");
        let source = StreamSource {
            address: RtspAddress::new("127.0.0.1", u32::from(port), &stream.path).expect("an address"),
            credentials: login(PASSWORD).credentials,
            transport: Transport::Auto,
        };
        let described = opener.describe(&source).await.expect("plays");
        let size = described.video.map(|video| (video.width, video.height));
        assert_eq!(size, stream.width.zip(stream.height), "{profile:?}");
    }
    assert_eq!(channel.streams.len(), 2);

    let can = driver.capabilities(1).await.expect("tells");
    assert!(can.ptz.pan_tilt && can.ptz.zoom && can.ptz.focus && can.ptz.iris && can.ptz.auto_focus);
    assert!(can.ptz.relative && can.ptz.absolute && can.ptz.center_on && !can.ptz.home);
    assert!(can.imaging.levels() && can.imaging.flip_horizontal && can.imaging.rotations.is_empty());
    assert_eq!(can.auxiliaries, [Auxiliary::Light, Auxiliary::Siren, Auxiliary::Wiper, Auxiliary::Tracking]);
    assert!(driver.snapshot(1).await.expect("a picture").jpeg.len() > 1000);
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn the_head_goes_where_it_is_told() {
    let (unit, driver) = connected(dome()).await;
    let begin = view(&unit).place;
    driver.ptz_move(1, moving(1.0, 0.0, 0.0, 60_000)).await.expect("moves");
    until("the head to turn right", || (view(&unit).place[0] > begin[0]).then_some(())).await;
    assert_eq!(driver.ptz_status(1).await.expect("tells").moving, Some(true));
    driver.ptz_move(1, PtzMove::Stop).await.expect("stops");
    assert!(!view(&unit).moving.contains(&true));

    let place = Position { pan: -0.5, tilt: 0.5, zoom: 0.25 };
    driver.ptz_move(1, PtzMove::Absolute(place)).await.expect("goes");
    still(&unit).await;
    let there = view(&unit).place;
    for (is, wanted) in there.iter().zip([place.pan, place.tilt, place.zoom]) {
        assert!((is - wanted).abs() < 0.01, "{there:?}");
    }
    let told = driver.ptz_status(1).await.expect("tells");
    let position = told.position.expect("a position");
    assert_eq!(told.moving, Some(false));
    assert!(
        (position.pan - place.pan).abs() < 0.01 && (position.tilt - place.tilt).abs() < 0.01,
        "{position:?}"
    );
    assert!((position.zoom - place.zoom).abs() < 0.01, "{position:?}");

    driver.ptz_move(1, PtzMove::Relative(Velocity { pan: 0.1, tilt: -0.1, zoom: 0.0 })).await.expect("goes");
    still(&unit).await;
    let moved = view(&unit).place;
    assert!(
        (moved[0] - there[0] - 0.1).abs() < 0.02 && (moved[1] - there[1] + 0.1).abs() < 0.02,
        "{moved:?}"
    );

    driver.ptz_move(1, PtzMove::CenterOn { x: 0.5, y: 0.5, zoom: 0.0 }).await.expect("centres");
    still(&unit).await;
    let centred = view(&unit).place;
    assert!(
        centred[0] > moved[0] && centred[1] > moved[1] && (centred[2] - moved[2]).abs() < 0.01,
        "{centred:?}"
    );
}

#[tokio::test]
async fn a_move_that_nobody_renews_ends() {
    let (unit, driver) = connected(dome()).await;
    driver.ptz_move(1, moving(0.2, 0.0, 0.0, 50)).await.expect("moves");
    assert!(view(&unit).moving[0]);
    drop(driver);
    still(&unit).await;
}

#[tokio::test]
async fn presets_lens_and_their_names() {
    let (unit, driver) = connected(dome()).await;
    let own: Vec<_> = driver.presets(1).await.expect("tells").into_iter().map(|one| one.name).collect();
    let gate = Position { pan: 0.5, tilt: 0.0, zoom: 0.5 };
    driver.ptz_move(1, PtzMove::Absolute(gate)).await.expect("goes");
    still(&unit).await;
    let set = PresetChange::Set { token: None, name: "Gate & path".into() };
    let token = driver.change_preset(1, set).await.expect("set");
    let rename = PresetChange::Rename { token: token.clone(), name: "Main gate".into() };
    driver.ptz_move(1, PtzMove::Absolute(Position { pan: -0.5, ..gate })).await.expect("goes");
    still(&unit).await;
    driver.change_preset(1, rename).await.expect("renamed");
    let presets = driver.presets(1).await.expect("tells");
    assert_eq!(presets.len(), own.len() + 1);
    let named = presets.iter().find(|preset| preset.token == token).expect("listed");
    assert_eq!(named.name, "Main gate");
    driver.go_to_preset(1, &token, 1.0).await.expect("goes");
    still(&unit).await;
    assert!(
        (view(&unit).place[0] - gate.pan).abs() < 0.01,
        "renaming kept the place: {:?}",
        view(&unit).place
    );
    driver.change_preset(1, PresetChange::Remove { token }).await.expect("removed");
    let left: Vec<_> = driver.presets(1).await.expect("tells").into_iter().map(|one| one.name).collect();
    assert_eq!(left, own, "the others are left alone");

    let before = view(&unit).focus;
    driver.lens_move(1, LensMove::FocusFar(1.0)).await.expect("focuses");
    until("the focus to move", || (view(&unit).focus > before).then_some(())).await;
    driver.lens_move(1, LensMove::Stop).await.expect("stops");
    assert!(!view(&unit).focusing);
    driver.lens_move(1, LensMove::AutoFocus).await.expect("focuses by itself");
    assert!(view(&unit).auto_focus);
}

#[tokio::test]
async fn picture_switches_and_outputs() {
    let (unit, driver) = connected(dome()).await;
    let change = Imaging { brightness: Some(80.0), flip_vertical: Some(true), ..Imaging::default() };
    let taken = driver.set_imaging(1, change).await.expect("takes it");
    assert_eq!(
        (taken.brightness, taken.flip_vertical, taken.flip_horizontal),
        (Some(80.0), Some(true), Some(false))
    );
    let picture = view(&unit).picture;
    assert_eq!((picture.brightness, picture.flip, picture.mirror), (80.0, true, false));
    assert_eq!(driver.reset_imaging(1).await.expect("resets").brightness, Some(50.0));
    assert!(view(&unit).picture.flip, "the levels alone are reset");

    for (auxiliary, is_on) in [
        (Auxiliary::Light, (|view| view.light) as fn(ChannelView) -> bool),
        (Auxiliary::Siren, |view| view.siren),
        (Auxiliary::Tracking, |view| view.tracking),
        (Auxiliary::Wiper, |view| view.wiper),
    ] {
        driver.switch_auxiliary(1, auxiliary, AuxiliaryCommand::On).await.expect("switches");
        assert!(is_on(view(&unit)), "{auxiliary:?}");
        let told = driver.auxiliaries(1).await.expect("tells");
        let told = told.iter().find(|state| state.auxiliary == auxiliary).expect("listed");
        assert!(told.on != Some(false), "{told:?}");
        driver.switch_auxiliary(1, auxiliary, AuxiliaryCommand::Off).await.expect("switches");
        assert!(!is_on(view(&unit)), "{auxiliary:?}");
    }
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::Once).await.expect("wipes");
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::Every(5)).await.expect("wipes");

    let outputs = driver.alarm_outputs().await.expect("tells");
    assert_eq!(
        outputs.iter().map(|one| (one.name.as_str(), one.on)).collect::<Vec<_>>(),
        [("Output 1", Some(false)), ("Output 2", Some(false))]
    );
    driver.switch_output(&outputs[1].token, OutputCommand::On).await.expect("closes");
    assert_eq!(driver.alarm_outputs().await.expect("tells")[1].on, Some(true));
    driver.switch_output(&outputs[1].token, OutputCommand::Off).await.expect("opens");
    assert!(!unit.unit.outputs()[1].on);
    driver.switch_output(&outputs[0].token, OutputCommand::Pulse(60)).await.expect("closes");
    assert!(unit.unit.outputs()[0].on);
    drop(driver);
    until("the end of the pulse", || (!unit.unit.outputs()[0].on).then_some(())).await;
}

#[tokio::test]
async fn the_clock_and_its_zone() {
    let (unit, driver) = connected(dome()).await;
    let ours = unit.unit.now();
    unit.unit.set_clock(UtcMicros(ours.0 + 3600 * 1_000_000));
    let clock = driver.clock().await.expect("tells");
    assert_eq!((clock.utc_offset_s, clock.zone.as_str()), (Some(8 * 3600), "UTC+08:00"));
    assert!((3_595_000..3_605_000).contains(&clock.offset_ms), "{clock:?}");
}

#[tokio::test]
async fn a_recorder_with_a_camera_that_is_off() {
    let config = UnitConfig {
        model: "DHI-NVR4104-SIM".into(),
        class: UnitClass::Recorder,
        channels: vec![("Gate".into(), None), ("Hall".into(), Some("Unconnect")), ("Roof".into(), None)],
        ..dome()
    };
    let (unit, driver) = connected(config).await;
    assert_eq!(driver.identity().await.expect("tells").class, DeviceClass::Recorder);
    let channels = driver.channels().await.expect("tells");
    let told: Vec<_> = channels.iter().map(|one| (one.number, one.name.as_str())).collect();
    assert_eq!(told, [(1, "Gate"), (2, "Hall"), (3, "Roof")]);
    assert_eq!(channels[2].streams[1].path, "/cam/realmonitor?channel=3&subtype=1");
    assert!(!driver.capabilities(3).await.expect("tells").ptz.any());
    assert!(driver.snapshot(3).await.expect("a picture").jpeg.len() > 1000);
    driver.snapshot(2).await.expect_err("its camera is off");
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn wrong_passwords_cost_one_try_each_and_lock() {
    let unit = started(UnitConfig { tries: 3, ..dome() }).await;
    let family = Dahua::default();
    for spent in 1..=3 {
        let error = family.connect(&endpoint(&unit), &login("wrong-one1")).await.err().expect("refused");
        assert!(matches!(error.code(), Code::WrongPassword | Code::Locked), "{error}");
        assert_eq!(unit.unit.refusals(), spent);
    }
    let error = family.connect(&endpoint(&unit), &login(PASSWORD)).await.err().expect("locked");
    assert_eq!(error.code(), Code::Locked, "{error}");
}

#[tokio::test]
async fn nonces_that_run_out_are_no_refusals() {
    let unit = started(dome()).await;
    unit.unit.set_knobs(|knobs| knobs.nonce_uses = 2);
    let driver = Dahua::default().connect(&endpoint(&unit), &login(PASSWORD)).await.expect("logs in");
    driver.identity().await.expect("tells");
    driver.channels().await.expect("tells");
    driver.capabilities(1).await.expect("tells");
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn busy_and_full_are_told_apart_from_wrong() {
    let unit = started(dome()).await;
    for knobs in [Knobs { busy: true, ..Knobs::default() }, Knobs { full: true, ..Knobs::default() }] {
        unit.unit.set_knobs(|own| own.clone_from(&knobs));
        let error =
            Dahua::default().connect(&endpoint(&unit), &login(PASSWORD)).await.err().expect("refused");
        assert_eq!(error.code(), Code::DeviceBusy, "{error}");
    }
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn over_https_a_changed_certificate_is_not_spoken_to() {
    let ports = [Some(0), Some(0), Some(0)];
    let unit = BrandUnit::start(Brand::Dahua, dome(), clip_site(), Ipv4Addr::LOCALHOST, ports).await;
    let unit = unit.expect("the unit starts");
    let https = unit.https().expect("HTTPS");
    let mut endpoint = Endpoint::parse(&format!("https://{https}")).expect("an endpoint");
    let family = Dahua::default();
    let known = family.recognise(&endpoint).await.expect("answers").expect("known");
    assert!(known.https);
    endpoint.pin = Some(known.certificate.expect("a certificate"));
    let driver = family.connect(&endpoint, &login(PASSWORD)).await.expect("logs in");
    assert_eq!(driver.reached().certificate, endpoint.pin);
    assert!(driver.snapshot(1).await.expect("a picture").jpeg.len() > 1000);
    unit.renew_certificate().expect("another certificate");
    for error in
        [family.recognise(&endpoint).await.err(), family.connect(&endpoint, &login(PASSWORD)).await.err()]
    {
        assert_eq!(error.expect("not spoken to").code(), Code::CertificateChanged);
    }
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn a_fresh_camera_gets_its_first_password() {
    let unit = started(UnitConfig { password: None, ..dome() }).await;
    let family = Dahua::default();
    let known = family.recognise(&endpoint(&unit)).await.expect("answers").expect("known");
    assert_eq!(known.activated, Some(false));
    let error = family.connect(&endpoint(&unit), &login(PASSWORD)).await.err().expect("refused");
    assert_eq!(error.code(), Code::NotActivated);
    let with = |password: &str| Activation { password: Secret::new(password), mail: None };
    let error = family.activate(&endpoint(&unit), &with("12345678")).await.expect_err("weak");
    assert_eq!((error.code(), unit.unit.activated()), (Code::WeakPassword, false));
    family.activate(&endpoint(&unit), &with("Bartizan&1")).await.expect_err("a sign it does not take");
    family.activate(&endpoint(&unit), &with("Bartizan#1")).await.expect("woken");
    assert!(unit.unit.activated());
    family.connect(&endpoint(&unit), &login("Bartizan#1")).await.expect("logs in");
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn found_on_the_network() {
    let config =
        BrandsConfig { discovery: Some(Ipv4Addr::LOCALHOST), video: clip_site(), ..BrandsConfig::default() };
    let brands = Brands::start(config).await.expect("the site starts");
    let (found, mut seen) = mpsc::channel(16);
    let scope = SearchScope {
        duration: Duration::from_secs(20),
        interfaces: Vec::new(),
        hosts: vec![Ipv4Addr::LOCALHOST.into()],
        multicast: false,
    };
    let search =
        bartizan_base::OwnedTask::spawn(async move { Dahua::default().discover(&scope, found).await });
    let sighting = seen.recv().await.expect("a sighting");
    assert_eq!((sighting.serial.as_str(), sighting.model.as_str()), ("9A0B1C2DPAZ3E4F", "DH-SD1A404XB-SIM"));
    assert_eq!((sighting.class, sighting.activated), (DeviceClass::Camera, Some(true)));
    assert_eq!(sighting.mac, "02:3c:ef:00:00:03");
    drop(seen);
    search.join().await.expect("ends").expect("without an error");
    brands.shutdown().await;
}
