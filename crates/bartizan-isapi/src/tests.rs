//! The driver against a device on loopback: what it understands and, word for word, what it sends.

use std::{sync::Arc, time::Duration};

use bartizan_base::{Code, Secret, StreamProfile};
use bartizan_device::{
    Activation, Auxiliary, AuxiliaryCommand, DeviceClass, Driver, Family, Imaging, LensMove, Online,
    PresetCapabilities, PtzMove, Velocity,
};

use crate::{
    Isapi,
    mock::{Mock, PASSWORD, login},
    mock_camera::{XML, camera, device_info, stream},
};

pub(crate) async fn connected(mock: &Mock) -> Arc<dyn Driver> {
    Isapi::new().connect(&mock.endpoint(), &login(PASSWORD, false)).await.expect("lets us in")
}

#[tokio::test]
async fn it_is_recognised_without_a_password() {
    let mock = Mock::start(|state| {
        camera(state);
        state.set("/SDK/activateStatus", "<ActivateStatus><Activated>true</Activated></ActivateStatus>");
        state.open.push("/SDK/activateStatus".into());
    })
    .await;
    let found = Isapi::new().recognise(&mock.endpoint()).await.unwrap().expect("is one");
    assert_eq!((found.activated, found.https, found.certificate), (Some(true), false, None));
    assert!(
        found.evidence.contains("activated") && found.evidence.contains("realm \"IP Camera(51253)\""),
        "{found:?}"
    );
    assert_eq!(mock.logins(), 0);

    let by_realm = Mock::start(camera).await;
    let found = Isapi::new().recognise(&by_realm.endpoint()).await.unwrap().expect("is one");
    assert!(found.evidence.contains("401") && found.activated.is_none(), "{found:?}");

    let other = Mock::start(|state| {
        for path in ["/SDK/activateStatus", "/ISAPI/System/deviceInfo"] {
            state.open.push(path.into());
            state.resources.insert(path.into(), (404, b"<html>nothing</html>".to_vec()));
        }
    })
    .await;
    assert_eq!(Isapi::new().recognise(&other.endpoint()).await.unwrap(), None);
    let mut gone = other.endpoint();
    drop(other);
    gone.ports.http = Some(1);
    assert_eq!(Isapi::new().recognise(&gone).await.unwrap_err().code(), Code::Unreachable);
}

#[tokio::test]
async fn wrong_passwords_are_counted_and_the_last_try_is_a_persons_to_spend() {
    let mock = Mock::start(|state| {
        camera(state);
        state.tries = 3;
    })
    .await;
    let family = Isapi::new();
    let connect = async |password: &str, spend: bool| {
        family.connect(&mock.endpoint(), &login(password, spend)).await.map(drop).unwrap_err()
    };
    let error = connect("wrong-one", false).await;
    assert_eq!((error.code(), error.tries_left(), mock.logins()), (Code::WrongPassword, Some(2), 1));
    assert!(!error.to_string().contains("wrong-one"));
    let error = connect("wrong-two", false).await;
    assert_eq!((error.code(), error.tries_left(), mock.logins()), (Code::WrongPassword, Some(1), 2));
    let error = connect(PASSWORD, false).await;
    assert_eq!(
        (error.code(), error.tries_left(), mock.logins()),
        (Code::LastTry, Some(1), 2),
        "nothing was sent"
    );
    let error = connect("wrong-three", true).await;
    assert_eq!((error.code(), error.retry_after()), (Code::Locked, Some(Duration::from_secs(1800))));
    assert_eq!(mock.logins(), 3);
    let error = connect(PASSWORD, true).await;
    assert_eq!((error.code(), mock.logins()), (Code::Locked, 3), "a locked account is left in peace");
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(1700)));
}

#[tokio::test]
async fn a_last_try_told_without_a_login_is_not_spent() {
    let mock = Mock::start(|state| {
        camera(state);
        (state.tries, state.tells) = (1, true);
    })
    .await;
    let family = Isapi::new();
    let error = family.connect(&mock.endpoint(), &login(PASSWORD, false)).await.map(drop).unwrap_err();
    assert_eq!((error.code(), mock.logins()), (Code::LastTry, 0));
    assert!(family.connect(&mock.endpoint(), &login(PASSWORD, true)).await.is_ok());
    assert!(
        family.connect(&mock.endpoint(), &login(PASSWORD, false)).await.is_ok(),
        "the right one clears it"
    );
}

#[tokio::test]
async fn logins_that_fail_for_other_reasons() {
    let mock = Mock::start(camera).await;
    let none = bartizan_device::Login::default();
    let code = |result: bartizan_base::Result<Arc<dyn Driver>>| result.map(drop).unwrap_err().code();
    assert_eq!(code(Isapi::new().connect(&mock.endpoint(), &none).await), Code::PasswordNeeded);
    mock.with(|state| _ = state.set("/ISAPI/System/deviceInfo", "<html><body>hello"));
    assert_eq!(code(Isapi::new().connect(&mock.endpoint(), &login(PASSWORD, false)).await), Code::NotADevice);
    mock.with(|state| _ = state.refuse("/ISAPI/System/deviceInfo", 403, "notActivated"));
    assert_eq!(
        code(Isapi::new().connect(&mock.endpoint(), &login(PASSWORD, false)).await),
        Code::NotActivated
    );
    mock.with(|state| _ = state.refuse("/ISAPI/System/deviceInfo", 403, "lowPrivilege"));
    assert_eq!(code(Isapi::new().connect(&mock.endpoint(), &login(PASSWORD, false)).await), Code::Forbidden);
    mock.with(|state| _ = state.refuse("/ISAPI/System/deviceInfo", 503, "deviceBusy"));
    assert_eq!(code(Isapi::new().connect(&mock.endpoint(), &login(PASSWORD, false)).await), Code::DeviceBusy);
}

#[tokio::test]
async fn a_camera_describes_itself() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    let identity = driver.identity().await.unwrap();
    assert_eq!((identity.model.as_str(), identity.class), ("DS-2DF8225IX", DeviceClass::Camera));
    assert_eq!(
        (identity.firmware.as_str(), identity.mac.as_str()),
        ("V5.7.18 build 240826", "c0:56:e3:00:11:22")
    );
    assert_eq!(driver.reached().rtsp_port, Some(8554));
    let channels = driver.channels().await.unwrap();
    assert_eq!((channels.len(), channels[0].number, channels[0].name.as_str()), (1, 1, "Cam 1"));
    assert_eq!(channels[0].online, Online::Yes);
    let [main, sub] = channels[0].streams.as_slice() else { panic!("{channels:?}") };
    assert_eq!(
        (main.profile, main.path.as_str(), main.rtsp_port),
        (StreamProfile::Main, "/Streaming/Channels/101", Some(8554))
    );
    assert_eq!((main.codec.as_deref(), main.width, main.height), (Some("H.265"), Some(2560), Some(1440)));
    assert_eq!((main.frame_rate, main.bit_rate), (Some(12.5), Some(6144)));
    assert_eq!((sub.codec.as_deref(), sub.bit_rate), (Some("JPEG"), Some(512)));
    let clock = driver.clock().await.unwrap();
    assert_eq!((clock.utc.0, clock.utc_offset_s), (1_782_864_000_000_000, Some(7200)));
    assert!(driver.snapshot(1).await.unwrap().jpeg.starts_with(b"\xff\xd8"));
    driver.request_key_frame(1, StreamProfile::Sub).await.unwrap();
    assert_eq!(mock.writes(), [("PUT /ISAPI/Streaming/channels/102/requestKeyFrame".into(), String::new())]);
    assert!(
        driver
            .oddities()
            .iter()
            .any(|oddity| oddity.contains("inputs/channels") && oddity.contains("notSupport"))
    );
    assert!(!driver.oddities().iter().any(|oddity| oddity.contains(PASSWORD)));
}

#[tokio::test]
async fn capabilities_are_asked_for() {
    let mock = Mock::start(camera).await;
    let all = connected(&mock).await.capabilities(1).await.unwrap();
    assert!(all.ptz.pan_tilt && all.ptz.zoom && all.ptz.focus && all.ptz.auto_focus && all.ptz.iris);
    assert!(all.ptz.relative && all.ptz.absolute && all.ptz.center_on && all.ptz.home);
    assert_eq!(all.ptz.presets, Some(PresetCapabilities { most: 300, writable: true }));
    assert!(all.imaging.brightness && all.imaging.contrast && all.imaging.saturation && !all.imaging.hue);
    assert!(all.imaging.flip_horizontal && all.imaging.flip_vertical && all.imaging.defaults);
    assert_eq!(all.imaging.rotations, [90]);
    assert_eq!(all.auxiliaries, [Auxiliary::Light, Auxiliary::Siren, Auxiliary::Wiper, Auxiliary::Tracking]);
    assert!(all.snapshot && all.key_frame);

    let bare = Mock::start(|state| device_info(state, "DS-2CD1", "IPCamera")).await;
    let driver = connected(&bare).await;
    assert_eq!(driver.capabilities(1).await.unwrap(), bartizan_device::Capabilities::default());
    let zoom = Velocity { zoom: 1.0, ..Velocity::ZERO };
    bare.writes();
    for result in [
        driver.ptz_move(1, PtzMove::Continuous { velocity: zoom, at_most_ms: 500 }).await,
        driver.ptz_move(1, PtzMove::Home).await,
        driver.lens_move(1, LensMove::FocusFar(1.0)).await,
        driver.set_imaging(1, Imaging { brightness: Some(1.0), ..Imaging::default() }).await.map(drop),
        driver.switch_auxiliary(1, Auxiliary::Siren, AuxiliaryCommand::On).await,
        driver.presets(1).await.map(drop),
        driver.snapshot(1).await.map(drop),
        driver.clock().await.map(drop),
    ] {
        assert_eq!(result.unwrap_err().code(), Code::NotOffered);
    }
    assert_eq!(bare.writes(), []);
}

#[tokio::test]
async fn a_recorder_lists_its_cameras_and_why_one_is_gone() {
    let mock = Mock::start(|state| {
        device_info(state, "DS-7616NI-K2", "NVR");
        state
            .set(
                "/ISAPI/ContentMgmt/InputProxy/channels",
                "<InputProxyChannelList><InputProxyChannel><id>1</id><name>Gate</name></InputProxyChannel>\
                 <InputProxyChannel><id>12</id><name>Yard</name></InputProxyChannel></InputProxyChannelList>",
            )
            .set(
                "/ISAPI/ContentMgmt/InputProxy/channels/status",
                "<InputProxyChannelStatusList><InputProxyChannelStatus><id>1</id><online>true</online>\
                 <chanDetectResult>connect</chanDetectResult></InputProxyChannelStatus><InputProxyChannelStatus>\
                 <id>12</id><online>false</online><chanDetectResult>netUnreachable</chanDetectResult>\
                 </InputProxyChannelStatus></InputProxyChannelStatusList>",
            )
            .set(
                "/ISAPI/System/Video/inputs/channels",
                "<VideoInputChannelList><VideoInputChannel><id>3</id><name>Analog</name><resDesc>NO VIDEO</resDesc>\
                 </VideoInputChannel></VideoInputChannelList>",
            )
            .set(
                "/ISAPI/Streaming/channels",
                format!("<StreamingChannelList>{}</StreamingChannelList>", stream(101, "H.264", "")),
            )
            .set("/ISAPI/ContentMgmt/StreamingProxy/channels/1201/picture", b"junk\xff\xd8\xff\xe0x".to_vec());
    })
    .await;
    let driver = connected(&mock).await;
    let channels = driver.channels().await.unwrap();
    let told: Vec<_> =
        channels.iter().map(|c| (c.number, c.name.as_str(), c.online.clone(), c.streams.len())).collect();
    assert_eq!(
        told,
        [
            (1, "Gate", Online::Yes, 1),
            (3, "Analog", Online::No("NO VIDEO".into()), 2),
            (12, "Yard", Online::No("netUnreachable".into()), 2)
        ]
    );
    assert_eq!(
        channels[0].streams[0].rtsp_port,
        Some(10554),
        "from the stream, since the user may not read accesses"
    );
    assert_eq!(channels[2].streams[0].path, "/Streaming/Channels/1201");
    assert_eq!(channels[2].streams[1].path, "/Streaming/Channels/1202");
    assert_eq!(driver.snapshot(12).await.unwrap().jpeg.as_ref(), b"\xff\xd8\xff\xe0x");
    assert!(driver.capabilities(12).await.unwrap().snapshot);
}

#[tokio::test]
async fn a_picture_that_is_none_is_told() {
    let mock = Mock::start(|state| {
        device_info(state, "DS-2CD1", "IPCamera");
        state.set("/ISAPI/Streaming/channels/101/picture", "<html>no picture</html>");
    })
    .await;
    let error = connected(&mock).await.snapshot(1).await.unwrap_err();
    assert!(error.detail().contains("no JPEG"), "{error}");
}

#[tokio::test]
async fn a_password_changed_meanwhile_is_refused_once_and_never_again() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    mock.with(|state| {
        state.tries = 0;
        state.seen.clear();
    });
    assert_eq!(driver.channels().await.unwrap_err().code(), Code::WrongPassword);
    let logins = mock.logins();
    assert!(logins <= 2, "the kept nonce may have run out: one more with a fresh one, {logins}");
    for _ in 0..3 {
        assert_eq!(driver.imaging(1).await.unwrap_err().code(), Code::WrongPassword);
    }
    assert_eq!(mock.logins(), logins);
}

#[tokio::test]
async fn activation() {
    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = crate::activation::new_key().unwrap();
    // What a device does with our key: it knows the modulus only.
    let public = rsa::RsaPublicKey::from(&key);
    let aes_hex = "0123456789abcdef0123456789abcdef";
    let plain = [b"salt".as_slice(), aes_hex.as_bytes()].concat();
    let sealed = public.encrypt(&mut rsa::rand_core::OsRng, rsa::Pkcs1v15Encrypt, &plain).unwrap();
    let mock = Mock::start(|state| {
        for path in ["/SDK/activateStatus", "/ISAPI/Security/challenge", "/ISAPI/System/activate"] {
            state.open.push(path.into());
        }
        state.set("/SDK/activateStatus", "<ActivateStatus><Activated>false</Activated></ActivateStatus>");
        let challenge = format!("<Challenge><key>{}</key></Challenge>", BASE64.encode(hex(&sealed)));
        state.commands.insert("/ISAPI/Security/challenge".into(), (200, challenge));
        state.command("/ISAPI/System/activate");
    })
    .await;
    let client = || async {
        bartizan_http::Client::dial(&mock.endpoint(), &bartizan_device::Login::default()).await.unwrap()
    };
    let password = Secret::new("Abcd1234");
    crate::activation::activate(client().await, &password, &key).await.unwrap();
    let seen = mock.with(|state| std::mem::take(&mut state.seen));
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        ["GET /SDK/activateStatus", "POST /ISAPI/Security/challenge", "PUT /ISAPI/System/activate"]
    );
    let modulus = hex(&rsa::traits::PublicKeyParts::n(&public).to_bytes_be());
    assert_eq!(seen[1].body, format!("{XML}<PublicKey><key>{}</key></PublicKey>", BASE64.encode(modulus)));
    let encrypted = crate::encrypt_password(aes_hex, &password).unwrap();
    assert_eq!(seen[2].body, format!("{XML}<ActivateInfo><password>{encrypted}</password></ActivateInfo>"));
    assert!(!format!("{seen:?}").contains("Abcd1234"));

    mock.with(|state| _ = state.refuse("/ISAPI/System/activate", 403, "notSupport"));
    let error = crate::activation::activate(client().await, &password, &key).await.unwrap_err();
    assert!(error.code() == Code::NotOffered && error.detail().contains("web page"), "{error}");
    mock.with(|state| {
        state
            .set("/SDK/activateStatus", "<ActivateStatus><Activated>true</Activated></ActivateStatus>")
            .seen
            .clear();
    });
    let error = crate::activation::activate(client().await, &password, &key).await.unwrap_err();
    assert_eq!((error.code(), mock.with(|state| state.seen.len())), (Code::Forbidden, 1));
    let weak = Activation { password: Secret::new("short"), mail: None };
    let error = Isapi::new().activate(&mock.endpoint(), &weak).await.unwrap_err();
    assert_eq!(error.code(), Code::WeakPassword);
}
