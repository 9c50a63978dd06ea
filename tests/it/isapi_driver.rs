//! The ISAPI driver against the simulator's ISAPI units: what it does is seen in the unit itself.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use bartizan_base::{Code, Secret, StreamProfile};
use bartizan_device::{
    Activation, Auxiliary, AuxiliaryCommand, Credentials, DeviceClass, Driver, Endpoint, Family, Imaging,
    LensMove, Login, Online, OutputCommand, PresetChange, PtzMove, ServicePorts, Velocity,
};
use bartizan_isapi::Isapi;
use bartizan_sim::{Brand, BrandUnit, SiteConfig, UnitClass, UnitConfig};

use crate::support::until;

const PASSWORD: &str = "bartizan1";

async fn unit(config: UnitConfig, tls: bool) -> BrandUnit {
    let ports = [Some(0), tls.then_some(0), Some(0)];
    BrandUnit::start(Brand::Isapi, config, SiteConfig::default(), Ipv4Addr::LOCALHOST, ports).await.unwrap()
}

fn endpoint(unit: &BrandUnit) -> Endpoint {
    Endpoint {
        ports: ServicePorts {
            http: Some(unit.http().port()),
            https: unit.https().map(|at| at.port()),
            ..ServicePorts::default()
        },
        ..Endpoint::new("127.0.0.1").unwrap()
    }
}

fn login(password: &str, spend_last_try: bool) -> Login {
    let credentials = Some(Credentials { user: "admin".into(), password: Secret::new(password) });
    Login { credentials, spend_last_try }
}

async fn camera() -> (BrandUnit, Arc<dyn Driver>) {
    let unit = unit(UnitConfig { model: "DS-2DF8225IX-SIM".into(), ..UnitConfig::default() }, false).await;
    let driver = Isapi::new().connect(&endpoint(&unit), &login(PASSWORD, false)).await.unwrap();
    (unit, driver)
}

#[tokio::test]
async fn a_recorder_over_https_with_a_pinned_certificate() {
    let config = UnitConfig {
        model: "DS-7604NI-SIM".into(),
        class: UnitClass::Recorder,
        channels: vec![("Dock".into(), None), ("Hall".into(), Some("netUnreachable"))],
        ..UnitConfig::default()
    };
    let unit = unit(config, true).await;
    let family = Isapi::new();
    let mut endpoint = endpoint(&unit);
    let known = family.recognise(&endpoint).await.unwrap().expect("is one");
    assert!(known.https && known.activated == Some(true), "{known:?}");
    endpoint.pin = known.certificate;
    let driver = family.connect(&endpoint, &login(PASSWORD, false)).await.unwrap();
    assert_eq!(driver.reached().certificate, known.certificate);
    assert_eq!(driver.reached().rtsp_port, Some(unit.video().addr().port()));
    assert_eq!(driver.identity().await.unwrap().class, DeviceClass::Recorder);
    let channels = driver.channels().await.unwrap();
    let told: Vec<_> = channels.iter().map(|c| (c.number, c.name.as_str(), c.online.clone())).collect();
    assert_eq!(told, [(1, "Dock", Online::Yes), (2, "Hall", Online::No("netUnreachable".into()))]);
    assert_eq!(channels[0].streams[0].path, "/Streaming/Channels/101");
    assert_eq!(channels[0].streams[1].profile, StreamProfile::Sub);
    assert!(channels[0].streams[0].width.is_some() && channels[0].streams[0].codec.is_some());
    assert!(driver.snapshot(1).await.unwrap().jpeg.starts_with(&[0xFF, 0xD8]));
    assert!(driver.clock().await.unwrap().offset_ms.abs() < 5000);
    unit.renew_certificate().unwrap();
    let error = family.connect(&endpoint, &login(PASSWORD, false)).await.map(drop).unwrap_err();
    assert_eq!(error.code(), Code::CertificateChanged);
}

#[tokio::test]
async fn moves_are_seen_in_the_unit() {
    let (unit, driver) = camera().await;
    let all = driver.capabilities(1).await.unwrap();
    assert!(
        all.ptz.pan_tilt && all.ptz.zoom && all.ptz.focus && all.ptz.iris && all.ptz.absolute && all.ptz.home
    );
    assert!(
        all.ptz.relative && all.ptz.center_on && all.ptz.presets.is_some() && all.snapshot && all.key_frame
    );
    let view = || unit.unit.view(1).unwrap();
    let [pan, tilt, _] = view().place;
    let velocity = Velocity { pan: 1.0, tilt: 1.0, zoom: 0.0 };
    driver.ptz_move(1, PtzMove::Continuous { velocity, at_most_ms: 400 }).await.unwrap();
    // Nobody stops it: it ends by itself.
    until("the head rests", || (!view().moving.contains(&true)).then_some(())).await;
    let [pan_after, tilt_after, _] = view().place;
    assert!(pan_after > pan && tilt_after > tilt);
    let told = driver.ptz_status(1).await.unwrap().position.unwrap();
    assert!(
        (told.pan - pan_after).abs() < 0.01 && (told.tilt - tilt_after).abs() < 0.01,
        "{told:?} {:?}",
        view().place
    );
    driver.ptz_move(1, PtzMove::Continuous { velocity, at_most_ms: 60_000 }).await.unwrap();
    assert!(view().moving[0]);
    driver.ptz_move(1, PtzMove::Stop).await.unwrap();
    assert!(!view().moving.contains(&true));
    let to = bartizan_device::Position { pan: -0.5, tilt: 0.5, zoom: 0.0 };
    driver.ptz_move(1, PtzMove::Absolute(to)).await.unwrap();
    until("the head is there", || {
        let [pan, tilt, _] = view().place;
        ((pan + 0.5).abs() < 0.01 && (tilt - 0.5).abs() < 0.01).then_some(())
    })
    .await;
    driver.lens_move(1, LensMove::FocusFar(1.0)).await.unwrap();
    assert!(view().focusing);
    driver.lens_move(1, LensMove::Stop).await.unwrap();
    assert!(!view().focusing);
}

#[tokio::test]
async fn presets_and_picture_and_switches_are_kept_by_the_unit() {
    let (unit, driver) = camera().await;
    let view = || unit.unit.view(1).unwrap();
    let before = driver.presets(1).await.unwrap().len();
    let set = PresetChange::Set { token: None, name: "North <gate>".into() };
    let token = driver.change_preset(1, set).await.unwrap();
    let presets = driver.presets(1).await.unwrap();
    assert_eq!(presets.len(), before + 1, "{presets:?}");
    assert!(presets.iter().any(|preset| preset.token == token && preset.name == "North <gate>"));
    let place = unit.unit.presets(1)[&token.parse().unwrap()].1;
    let rename = PresetChange::Rename { token: token.clone(), name: "South".into() };
    driver.change_preset(1, rename).await.unwrap();
    let (name, kept) = unit.unit.presets(1)[&token.parse().unwrap()].clone();
    assert_eq!(name, "South");
    assert!(kept.iter().zip(place).all(|(now, then)| (now - then).abs() < 0.01), "{kept:?} {place:?}");
    driver.go_to_preset(1, &token, 1.0).await.unwrap();
    driver.change_preset(1, PresetChange::Remove { token }).await.unwrap();
    assert_eq!(driver.presets(1).await.unwrap().len(), before);

    let change = Imaging { brightness: Some(80.0), flip_horizontal: Some(true), ..Imaging::default() };
    let after = driver.set_imaging(1, change).await.unwrap();
    assert_eq!(
        (after.brightness, after.flip_horizontal, after.flip_vertical),
        (Some(80.0), Some(true), Some(false))
    );
    assert!(view().picture.mirror && !view().picture.flip);
    assert!((view().picture.brightness - 80.0).abs() < 0.5);
    assert_eq!(driver.reset_imaging(1).await.unwrap().brightness, Some(50.0));

    let there = driver.capabilities(1).await.unwrap().auxiliaries;
    assert!(
        there.contains(&Auxiliary::Light)
            && there.contains(&Auxiliary::Siren)
            && there.contains(&Auxiliary::Wiper)
    );
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::On).await.unwrap();
    assert!(view().light);
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::Off).await.unwrap();
    assert!(!view().light);
    driver.switch_auxiliary(1, Auxiliary::Siren, AuxiliaryCommand::On).await.unwrap();
    assert!(view().siren);
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::Once).await.unwrap();
    assert!(view().wiper);

    let outputs = driver.alarm_outputs().await.unwrap();
    assert_eq!((outputs.len(), outputs[0].on), (2, Some(false)));
    driver.switch_output(&outputs[1].token, OutputCommand::On).await.unwrap();
    assert!(unit.unit.outputs()[1].on && !unit.unit.outputs()[0].on);
    driver.switch_output(&outputs[1].token, OutputCommand::Pulse(50)).await.unwrap();
    assert!(!unit.unit.outputs()[1].on);
    let asked = view().key_requests;
    driver.request_key_frame(1, StreamProfile::Main).await.unwrap();
    assert_eq!(view().key_requests, asked + 1);
}

#[tokio::test]
async fn wrong_passwords_leave_the_last_try_to_a_person() {
    let unit = unit(UnitConfig { tries: 3, ..UnitConfig::default() }, false).await;
    let family = Isapi::new();
    let endpoint = endpoint(&unit);
    let connect =
        async |password: &str, spend| family.connect(&endpoint, &login(password, spend)).await.map(drop);
    for left in [2, 1] {
        let error = connect("wrong", false).await.unwrap_err();
        assert_eq!((error.code(), error.tries_left()), (Code::WrongPassword, Some(left)));
    }
    let refusals = unit.unit.refusals();
    assert_eq!(refusals, 2, "one try each");
    assert_eq!(connect(PASSWORD, false).await.unwrap_err().code(), Code::LastTry);
    // Another instance, without a memory, hears it from the device.
    let fresh = Isapi::new().connect(&endpoint, &login(PASSWORD, false)).await.map(drop).unwrap_err();
    assert_eq!((fresh.code(), unit.unit.refusals()), (Code::LastTry, refusals));
    assert_eq!(connect("wrong", true).await.unwrap_err().code(), Code::Locked);
    let error = connect(PASSWORD, true).await.unwrap_err();
    assert!(
        error.code() == Code::Locked
            && error.retry_after().is_some_and(|wait| wait > Duration::from_secs(60))
    );
    assert_eq!(unit.unit.refusals(), 3);
}

#[tokio::test]
async fn a_factory_fresh_camera_gets_its_first_password() {
    let unit =
        unit(UnitConfig { model: "DS-2CD2042WD-SIM".into(), password: None, ..UnitConfig::default() }, false)
            .await;
    let (family, endpoint) = (Isapi::new(), endpoint(&unit));
    let known = family.recognise(&endpoint).await.unwrap().expect("is one");
    assert_eq!(known.activated, Some(false));
    let error = family.connect(&endpoint, &login(PASSWORD, false)).await.map(drop).unwrap_err();
    assert_eq!(error.code(), Code::NotActivated);
    let give = |password: &str| Activation { password: Secret::new(password), mail: None };
    let weak = family.activate(&endpoint, &give("abcdefgh")).await.unwrap_err();
    assert_eq!((weak.code(), unit.unit.activated()), (Code::WeakPassword, false));
    family.activate(&endpoint, &give("Harbour-2026")).await.unwrap();
    assert!(unit.unit.activated());
    assert!(family.connect(&endpoint, &login("Harbour-2026", false)).await.is_ok());
}

#[tokio::test]
async fn nonces_that_run_out_and_busy_units() {
    let (unit, driver) = camera().await;
    unit.unit.set_knobs(|knobs| knobs.nonce_uses = 1);
    for _ in 0..4 {
        driver.imaging(1).await.unwrap();
    }
    assert_eq!(unit.unit.refusals(), 0);
    unit.unit.set_knobs(|knobs| (knobs.nonce_uses, knobs.busy) = (1000, true));
    assert_eq!(driver.clock().await.unwrap_err().code(), Code::DeviceBusy);
}
