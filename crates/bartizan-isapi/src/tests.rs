//! The driver against a device on loopback: what it understands and, word for word, what it sends.

use std::{sync::Arc, time::Duration};

use bartizan_base::{Code, Secret, StreamProfile};
use bartizan_device::{
    Activation, Auxiliary, AuxiliaryCommand, DeviceClass, Driver, Family, Imaging, LensMove, Online,
    OutputCommand, Position, Preset, PresetCapabilities, PresetChange, PtzMove, Velocity,
};

use crate::{
    Isapi,
    mock::{Mock, PASSWORD, State, login},
};

const XMLNS: &str = "xmlns=\"http://www.hikvision.com/ver20/XMLSchema\"";
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

fn device_info(state: &mut State, model: &str, kind: &str) {
    state.set(
        "/ISAPI/System/deviceInfo",
        format!(
            "{XML}<DeviceInfo version=\"2.0\" {XMLNS}><deviceName>Gate</deviceName><model>{model}</model>\
             <serialNumber>{model}0120200101AAWR123456789</serialNumber><macAddress>C0:56:E3:00:11:22</macAddress>\
             <firmwareVersion>V5.7.18</firmwareVersion><firmwareReleasedDate>build 240826</firmwareReleasedDate>\
             <deviceType>{kind}</deviceType></DeviceInfo>"
        ),
    );
}

fn stream(id: u32, codec: &str, more: &str) -> String {
    format!(
        "<StreamingChannel><id>{id}</id><channelName>Cam {}</channelName><enabled>true</enabled>\
         <Transport><rtspPortNo>10554</rtspPortNo></Transport><Video><videoCodecType>{codec}</videoCodecType>\
         <videoResolutionWidth>2560</videoResolutionWidth><videoResolutionHeight>1440</videoResolutionHeight>{more}\
         <maxFrameRate>1250</maxFrameRate></Video></StreamingChannel>",
        id / 100
    )
}

const CAPS: &str = "<PTZChanelCap><ContinuousPanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange>\
    </ContinuousPanTiltSpace><ContinuousZoomSpace><ZRange><Min>-100</Min><Max>100</Max></ZRange></ContinuousZoomSpace>\
    <RelativePanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange></RelativePanTiltSpace>\
    <AbsolutePanTiltPositionSpace><XRange><Min>0</Min><Max>3600</Max></XRange><YRange><min>-150</min><max>900</max>\
    </YRange></AbsolutePanTiltPositionSpace><AbsoluteZoomPositionSpace><ZRange><Min>10</Min><Max>250</Max></ZRange>\
    </AbsoluteZoomPositionSpace><isSupportPosition3D>true</isSupportPosition3D>\
    <homePostionSupport>true</homePostionSupport><maxPresetNum>300</maxPresetNum>\
    <PresetNameCap><specialNo opt=\"33,34,39,94\"/></PresetNameCap></PTZChanelCap>";
const MOMENTARY: &str =
    "<MomentaryPanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange></MomentaryPanTiltSpace>";

/// A camera with everything.
fn camera(state: &mut State) {
    device_info(state, "DS-2DF8225IX", "IPDome");
    let ptz = "/ISAPI/PTZCtrl/channels/1";
    let image = "/ISAPI/Image/channels/1";
    let input = "/ISAPI/System/Video/inputs/channels/1";
    state
        .set(
            "/ISAPI/Security/adminAccesses",
            "<AdminAccessProtocolList><AdminAccessProtocol><protocol>HTTP</protocol><portNo>80</portNo>\
             </AdminAccessProtocol><AdminAccessProtocol><protocol>RTSP</protocol><portNo>8554</portNo>\
             </AdminAccessProtocol></AdminAccessProtocolList>",
        )
        .set(
            "/ISAPI/Streaming/channels",
            format!(
                "<StreamingChannelList>{}{}{}</StreamingChannelList>",
                stream(
                    101,
                    "H.265",
                    "<videoQualityControlType>VBR</videoQualityControlType><vbrUpperCap>6144</vbrUpperCap>"
                ),
                stream(
                    102,
                    "MJPEG",
                    "<videoQualityControlType>CBR</videoQualityControlType><constantBitRate>512</constantBitRate>\
                     <vbrUpperCap>9</vbrUpperCap>"
                ),
                stream(103, "H.264", "")
            ),
        )
        .set("/ISAPI/Streaming/channels/101/picture", b"\xff\xd8\xff\xe0JPEG\xff\xd9".to_vec())
        .command("/ISAPI/Streaming/channels/101/requestKeyFrame")
        .command("/ISAPI/Streaming/channels/102/requestKeyFrame")
        .set(&format!("{ptz}/capabilities"), CAPS)
        .set(
            &format!("{ptz}/status"),
            "<PTZStatus><AbsoluteHigh><elevation>900</elevation><azimuth>1800</azimuth>\
             <absoluteZoom>130</absoluteZoom></AbsoluteHigh></PTZStatus>",
        )
        .set(
            &format!("{ptz}/presets"),
            "<PTZPresetList><PTZPreset><enabled>true</enabled><id>1</id><presetName>Gate</presetName></PTZPreset>\
             <PTZPreset><enabled>false</enabled><id>2</id><presetName>Preset 2</presetName></PTZPreset>\
             <PTZPreset><enabled>true</enabled><id>33</id><presetName>Auto Flip</presetName></PTZPreset>\
             <PTZPreset><enabled>true</enabled><id>39</id><presetName>Yard</presetName></PTZPreset>\
             <PTZPreset><enabled>true</enabled><id>94</id><presetName>Remote reboot</presetName></PTZPreset>\
             <PTZPreset><id>50</id><presetName/></PTZPreset></PTZPresetList>",
        )
        .set(
            &format!("{ptz}/auxcontrols"),
            "<PTZAuxList><PTZAux><id>1</id><type>WIPER</type><status>off</status></PTZAux></PTZAuxList>",
        )
        .set(&format!("{image}/focusConfiguration"), "<FocusConfiguration><focusStyle>AUTO</focusStyle></FocusConfiguration>")
        .set(
            &format!("{image}/color"),
            format!(
                "{XML}<Color version=\"2.0\" {XMLNS}><brightnessLevel>50</brightnessLevel>\
                 <contrastLevel>40</contrastLevel><saturationLevel>60</saturationLevel><odd:own xmlns:odd=\"u\" a=\"1\"/>\
                 </Color>"
            ),
        )
        .set(
            &format!("{image}/capabilities"),
            "<ImageChannelCap><Color><brightnessLevel min=\"0\" max=\"100\" def=\"50\"/><contrastLevel min=\"0\" \
             max=\"255\" def=\"128\"/><saturationLevel min=\"0\" max=\"100\" def=\"55\"/></Color><ImageFlip>\
             <ImageFlipStyle opt=\"LEFTRIGHT,UPDOWN,CENTER\"/></ImageFlip></ImageChannelCap>",
        )
        .set(&format!("{image}/imageFlip"), "<ImageFlip><enabled>false</enabled></ImageFlip>")
        .set(&format!("{image}/corridor"), "<corridor><enabled>false</enabled></corridor>")
        .set(
            &format!("{image}/supplementLight"),
            "<SupplementLight><supplementLightMode opt=\"eventIntelligence,colorVuWhiteLight,irLight,close\">irLight\
             </supplementLightMode><whiteLightBrightness>80</whiteLightBrightness></SupplementLight>",
        )
        .set("/ISAPI/Smart/IntelliTrace/1", "<IntelliTrace><enabled>false</enabled></IntelliTrace>")
        .set(
            "/ISAPI/Event/triggers/notifications/AudioAlarm?format=json",
            "{\"AudioAlarm\":{\"audioID\":3,\"alarmTimes\":5}}",
        )
        .command("/ISAPI/Event/triggers/notifications/AudioAlarm/AudioOut/1/PlayCustomAudioFile?format=json&customAudioID=3")
        .set(
            "/ISAPI/System/time",
            "<Time><timeMode>NTP</timeMode><localTime>2026-07-01T02:00:00+02:00</localTime>\
             <timeZone>CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00</timeZone></Time>",
        )
        .set(
            "/ISAPI/System/IO/outputs",
            "<IOOutputPortList><IOOutputPort><id>1</id><outputName>Lamp</outputName></IOOutputPort></IOOutputPortList>",
        )
        .set(
            "/ISAPI/System/IO/outputs/1/status",
            "<IOPortStatus><ioPortID>1</ioPortID><ioState>inactive</ioState></IOPortStatus>",
        )
        .command("/ISAPI/System/IO/outputs/1/trigger");
    for rest in [
        "continuous",
        "momentary",
        "relative",
        "absolute",
        "position3D",
        "homeposition/goto",
        "onepushfoucs/start",
    ] {
        state.command(&format!("{ptz}/{rest}"));
    }
    for rest in ["presets/1", "presets/2", "presets/1/goto", "auxcontrols/1"] {
        state.command(&format!("{ptz}/{rest}"));
    }
    state.set(&format!("{input}/focus"), "<FocusData><focus>0</focus></FocusData>");
    // Written only, as on much firmware.
    state.command(&format!("{input}/iris"));
    state.resources.insert(
        format!("{input}/iris"),
        (
            403,
            b"<ResponseStatus><statusCode>4</statusCode><subStatusCode>methodNotAllowed</subStatusCode>\
                </ResponseStatus>"
                .to_vec(),
        ),
    );
}

async fn connected(mock: &Mock) -> Arc<dyn Driver> {
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

/// What each move sends, as data: head below `/ISAPI/PTZCtrl/channels/1/` and body.
#[tokio::test]
async fn moves_word_for_word() {
    let velocity = Velocity { pan: 0.5, tilt: -1.0, zoom: 0.001 };
    let go = PtzMove::Continuous { velocity, at_most_ms: 800 };
    let data = "<pan>50</pan><tilt>-100</tilt><zoom>1</zoom>";
    let still = "<PTZData><pan>0</pan><tilt>0</tilt><zoom>0</zoom></PTZData>".to_owned();
    let golden = [
        (false, go, "continuous", format!("<PTZData>{data}</PTZData>")),
        (true, go, "momentary", format!("<PTZData>{data}<Momentary><duration>800</duration></Momentary></PTZData>")),
        (true, PtzMove::Continuous { velocity: Velocity::ZERO, at_most_ms: 800 }, "continuous", still.clone()),
        (true, PtzMove::Stop, "continuous", still),
        (
            false,
            PtzMove::Relative(Velocity { pan: 0.1, tilt: -0.2, zoom: 0.0 }),
            "relative",
            "<PTZData><Relative><positionX>10</positionX><positionY>-20</positionY><relativeZoom>0</relativeZoom>\
             </Relative></PTZData>"
                .into(),
        ),
        (
            false,
            PtzMove::Absolute(Position { pan: 0.0, tilt: 1.0, zoom: 0.5 }),
            "absolute",
            "<PTZData><AbsoluteHigh><elevation>-150</elevation><azimuth>1800</azimuth><absoluteZoom>130\
             </absoluteZoom></AbsoluteHigh></PTZData>"
                .into(),
        ),
        (
            false,
            PtzMove::CenterOn { x: 0.0, y: 1.0, zoom: 0.0 },
            "position3D",
            "<position3D><StartPoint><positionX>128</positionX><positionY>255</positionY></StartPoint><EndPoint>\
             <positionX>128</positionX><positionY>255</positionY></EndPoint></position3D>"
                .into(),
        ),
        (
            false,
            PtzMove::CenterOn { x: 0.0, y: 0.0, zoom: 0.5 },
            "position3D",
            "<position3D><StartPoint><positionX>64</positionX><positionY>191</positionY></StartPoint><EndPoint>\
             <positionX>191</positionX><positionY>64</positionY></EndPoint></position3D>"
                .into(),
        ),
        (false, PtzMove::Home, "homeposition/goto", String::new()),
    ];
    for (momentary, to, path, body) in golden {
        let mock = Mock::start(|state| {
            camera(state);
            if momentary {
                let caps =
                    CAPS.replace("<RelativePanTiltSpace>", &format!("{MOMENTARY}<RelativePanTiltSpace>"));
                state.set("/ISAPI/PTZCtrl/channels/1/capabilities", caps);
            }
        })
        .await;
        let driver = connected(&mock).await;
        driver.capabilities(1).await.unwrap();
        mock.writes();
        driver.ptz_move(1, to).await.unwrap();
        let body = if body.is_empty() { body } else { format!("{XML}{body}") };
        assert_eq!(mock.writes(), [(format!("PUT /ISAPI/PTZCtrl/channels/1/{path}"), body)], "{to:?}");
    }
}

#[tokio::test]
async fn a_promised_momentary_move_that_is_refused_becomes_a_continuous_one() {
    let mock = Mock::start(|state| {
        camera(state);
        state.set(
            "/ISAPI/PTZCtrl/channels/1/capabilities",
            CAPS.replace("<RelativePanTiltSpace>", &format!("{MOMENTARY}<RelativePanTiltSpace>")),
        );
        state.refuse("/ISAPI/PTZCtrl/channels/1/momentary", 403, "notSupport");
    })
    .await;
    let driver = connected(&mock).await;
    driver.capabilities(1).await.unwrap();
    mock.writes();
    let go = PtzMove::Continuous { velocity: Velocity { pan: 1.0, ..Velocity::ZERO }, at_most_ms: 500 };
    for _ in 0..2 {
        driver.ptz_move(1, go).await.unwrap();
    }
    let lines: Vec<String> =
        mock.writes().into_iter().map(|(line, _)| line.rsplit('/').next().unwrap().into()).collect();
    assert_eq!(lines, ["momentary", "continuous", "continuous"]);
    assert!(driver.oddities().iter().any(|oddity| oddity.contains("momentary")));
}

#[tokio::test]
async fn a_stop_goes_out_at_once_whatever_is_known() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    mock.with(|state| state.seen.clear());
    driver.ptz_move(1, PtzMove::Stop).await.unwrap();
    let seen = mock.with(|state| state.seen.clone());
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn where_the_head_looks() {
    let mock = Mock::start(camera).await;
    let status = connected(&mock).await.ptz_status(1).await.unwrap();
    let position = status.position.unwrap();
    assert!((position.pan - 0.0).abs() < 1e-5 && (position.tilt + 1.0).abs() < 1e-5, "{position:?}");
    assert!((position.zoom - 0.5).abs() < 1e-5);
}

#[tokio::test]
async fn the_lens_word_for_word() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    driver.capabilities(1).await.unwrap();
    mock.writes();
    let input = "PUT /ISAPI/System/Video/inputs/channels/1";
    let focus = |value: i32| {
        (format!("{input}/focus"), format!("{XML}<FocusData><focus>{value}</focus></FocusData>"))
    };
    let iris =
        |value: i32| (format!("{input}/iris"), format!("{XML}<IrisData><iris>{value}</iris></IrisData>"));
    for (to, wanted) in [
        (LensMove::FocusNear(0.6), vec![focus(-60)]),
        (LensMove::FocusFar(1.0), vec![focus(100)]),
        (LensMove::IrisOpen(0.5), vec![iris(50)]),
        (LensMove::IrisClose(0.5), vec![iris(-50)]),
        (LensMove::Stop, vec![focus(0), iris(0)]),
        (
            LensMove::AutoFocus,
            vec![("PUT /ISAPI/PTZCtrl/channels/1/onepushfoucs/start".into(), String::new())],
        ),
    ] {
        driver.lens_move(1, to).await.unwrap();
        assert_eq!(mock.writes(), wanted, "{to:?}");
    }
}

#[tokio::test]
async fn presets() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    let preset = |token: &str, name: &str| Preset { token: token.into(), name: name.into() };
    // 33 and 94 are commands, 39 was named by a person, 50 is no command on this device, 2 is not set.
    assert_eq!(
        driver.presets(1).await.unwrap(),
        [preset("1", "Gate"), preset("39", "Yard"), preset("50", "")]
    );
    mock.writes();
    let base = "PUT /ISAPI/PTZCtrl/channels/1/presets";
    driver.go_to_preset(1, "1", 0.5).await.unwrap();
    assert_eq!(mock.writes(), [(format!("{base}/1/goto"), String::new())]);
    let set = PresetChange::Set { token: None, name: "A & B".into() };
    assert_eq!(driver.change_preset(1, set).await.unwrap(), "2");
    let body = |id: u8, name: &str| {
        format!(
            "{XML}<PTZPreset><enabled>true</enabled><id>{id}</id><presetName>{name}</presetName></PTZPreset>"
        )
    };
    assert_eq!(mock.writes(), [(format!("{base}/2"), body(2, "A &amp; B"))]);
    // Storing takes the present position, so the head goes there first.
    let rename = PresetChange::Rename { token: "1".into(), name: "Door".into() };
    driver.change_preset(1, rename).await.unwrap();
    assert_eq!(
        mock.writes(),
        [(format!("{base}/1/goto"), String::new()), (format!("{base}/1"), body(1, "Door"))]
    );
    driver.change_preset(1, PresetChange::Remove { token: "1".into() }).await.unwrap();
    assert_eq!(mock.writes()[0].0, "DELETE /ISAPI/PTZCtrl/channels/1/presets/1");
    let wrong = driver.go_to_preset(1, "../../System/reboot", 1.0).await.unwrap_err();
    assert_eq!((wrong.code(), mock.writes().len()), (Code::InvalidInput, 0));
}

#[tokio::test]
async fn imaging_is_written_back_whole_and_read_again() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    let before = driver.imaging(1).await.unwrap();
    assert_eq!((before.brightness, before.hue, before.rotation), (Some(50.0), None, Some(0)));
    assert_eq!((before.flip_horizontal, before.flip_vertical), (Some(false), Some(false)));
    mock.writes();
    let change = Imaging { brightness: Some(70.4), contrast: Some(100.0), ..Imaging::default() };
    let after = driver.set_imaging(1, change).await.unwrap();
    assert_eq!((after.brightness, after.contrast), (Some(70.0), Some(100.0)));
    assert!(after.saturation.is_some_and(|saturation| (saturation - 60.0).abs() < 0.01));
    let written = mock.writes();
    assert_eq!(
        written,
        [(
            "PUT /ISAPI/Image/channels/1/color".to_owned(),
            format!(
                "{XML}<Color version=\"2.0\" {XMLNS}><brightnessLevel>70</brightnessLevel>\
                 <contrastLevel>255</contrastLevel><saturationLevel>60</saturationLevel>\
                 <odd:own xmlns:odd=\"u\" a=\"1\"/></Color>"
            )
        )]
    );
    let flip = |horizontal, vertical| Imaging {
        flip_horizontal: horizontal,
        flip_vertical: vertical,
        ..Imaging::default()
    };
    for (change, wanted) in [
        (flip(Some(true), None), (Some(true), Some(false))),
        (flip(None, Some(true)), (Some(true), Some(true))),
        (flip(Some(false), None), (Some(false), Some(true))),
        (flip(None, Some(false)), (Some(false), Some(false))),
    ] {
        let after = driver.set_imaging(1, change).await.unwrap();
        assert_eq!((after.flip_horizontal, after.flip_vertical), wanted);
    }
    let turned = driver.set_imaging(1, Imaging { rotation: Some(90), ..Imaging::default() }).await.unwrap();
    assert_eq!(turned.rotation, Some(90));
    let wrong = driver.set_imaging(1, Imaging { rotation: Some(180), ..Imaging::default() }).await;
    assert_eq!(wrong.unwrap_err().code(), Code::NotOffered);
    let reset = driver.reset_imaging(1).await.unwrap();
    assert_eq!((reset.brightness, reset.saturation), (Some(50.0), Some(55.0)));
    assert!(reset.contrast.is_some_and(|contrast| (contrast - 50.2).abs() < 0.1));
}

#[tokio::test]
async fn auxiliaries_are_switched() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    let states = async || {
        let states = driver.auxiliaries(1).await.unwrap();
        states.into_iter().map(|state| (state.auxiliary, state.on)).collect::<Vec<_>>()
    };
    assert_eq!(
        states().await,
        [
            (Auxiliary::Light, Some(false)),
            (Auxiliary::Siren, None),
            (Auxiliary::Wiper, None),
            (Auxiliary::Tracking, Some(false))
        ]
    );
    mock.writes();
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::On).await.unwrap();
    assert!(mock.writes()[0].1.contains(">colorVuWhiteLight<"));
    driver.switch_auxiliary(1, Auxiliary::Tracking, AuxiliaryCommand::On).await.unwrap();
    assert_eq!((states().await[0].1, states().await[3].1), (Some(true), Some(true)));
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::Off).await.unwrap();
    assert_eq!(states().await[0].1, Some(false));
    mock.writes();
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::Once).await.unwrap();
    let aux = |status| format!("{XML}<PTZAux><id>1</id><type>WIPER</type><status>{status}</status></PTZAux>");
    assert_eq!(mock.writes(), [("PUT /ISAPI/PTZCtrl/channels/1/auxcontrols/1".into(), aux("on"))]);
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::Off).await.unwrap();
    assert_eq!(mock.writes()[0].1, aux("off"));
    driver.switch_auxiliary(1, Auxiliary::Siren, AuxiliaryCommand::On).await.unwrap();
    assert!(mock.writes()[0].0.ends_with("PlayCustomAudioFile?format=json&customAudioID=3"));
    for (auxiliary, command) in
        [(Auxiliary::Wiper, AuxiliaryCommand::Every(5)), (Auxiliary::Siren, AuxiliaryCommand::Off)]
    {
        let error = driver.switch_auxiliary(1, auxiliary, command).await.unwrap_err();
        assert_eq!(error.code(), Code::NotOffered);
    }
}

#[tokio::test]
async fn outputs_are_switched_and_a_pulse_ends_even_when_nobody_waits() {
    let mock = Mock::start(camera).await;
    let driver = connected(&mock).await;
    let outputs = driver.alarm_outputs().await.unwrap();
    assert_eq!(
        (outputs[0].token.as_str(), outputs[0].name.as_str(), outputs[0].on),
        ("1", "Lamp", Some(false))
    );
    mock.writes();
    let path = "PUT /ISAPI/System/IO/outputs/1/trigger".to_owned();
    let body = |state| format!("{XML}<IOPortData><outputState>{state}</outputState></IOPortData>");
    let (high, low) = ((path.clone(), body("high")), (path.clone(), body("low")));
    driver.switch_output("1", OutputCommand::On).await.unwrap();
    driver.switch_output("1", OutputCommand::Off).await.unwrap();
    driver.switch_output("1", OutputCommand::Pulse(20)).await.unwrap();
    assert_eq!(mock.writes(), [high.clone(), low.clone(), high.clone(), low.clone()]);
    let closed = async {
        while !mock.with(|state| state.seen.iter().any(|seen| seen.body.contains("high"))) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = closed => {}
        _ = driver.switch_output("1", OutputCommand::Pulse(150)) => {}
    }
    let mut writes = Vec::new();
    while writes.len() < 2 {
        tokio::task::yield_now().await;
        writes.extend(mock.writes());
    }
    assert_eq!(writes, [high, low]);
    assert_eq!(
        driver.switch_output("1/../2", OutputCommand::On).await.unwrap_err().code(),
        Code::InvalidInput
    );
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

/// Every reader of documents, on documents made of the right names and wrong values.
mod hostile {
    use bartizan_base::UtcMicros;
    use bartizan_http::xml::Element;
    use proptest::prelude::*;

    use crate::{SessionChallenge, UserCheck, channels, error::ResponseStatus, io, ptz::PtzFacts, time};

    const NAMES: &str = "id|enabled|online|name|channelName|presetName|StreamingChannel|Video|maxFrameRate|XRange|Min|Max|\
        videoInputChannelID|InputProxyChannel|InputProxyChannelStatus|chanDetectResult|VideoInputChannel|PTZPreset|\
        ContinuousPanTiltSpace|AbsolutePanTiltPositionSpace|maxPresetNum|specialNo|AbsoluteHigh|azimuth|elevation|\
        localTime|timeZone|statusCode|subStatusCode|retryLoginTime|unlockTime|iterations|portNo|protocol|IOOutputPort";

    fn document() -> impl Strategy<Value = Element> {
        let name = proptest::sample::select(NAMES.split('|').map(str::trim).collect::<Vec<_>>());
        let text = "(|true|RTSP|-1|0|101|65536|4294967295|99999999999999999999|1e40|NaN|inf|[ -~]{0,8})";
        let leaf = (name.clone(), text).prop_map(|(name, text)| Element::new(name, &text));
        leaf.prop_recursive(4, 40, 6, move |inner| {
            (name.clone(), proptest::collection::vec(inner, 0..6)).prop_map(|(name, children)| Element {
                name: name.to_owned(),
                children,
                ..Element::default()
            })
        })
    }

    proptest! {
        #[test]
        fn documents_never_panic(root in document()) {
            let _ = channels::identity(&root);
            let _ = channels::rtsp_port(&root);
            let streams = channels::streams(&root, None);
            let inputs = channels::proxied_inputs(&root, Some(&root));
            let _ = channels::analog_inputs(&root);
            let all = channels::assemble(&inputs, &streams, Default::default(), None);
            prop_assert!(all.iter().all(|channel| !channel.streams.is_empty()));
            let head = PtzFacts::read(&root, 1, false);
            let _ = (head.status(&root), head.presets(&root), head.free_preset(&root));
            let _ = head.request(bartizan_device::PtzMove::Absolute(bartizan_device::Position {
                pan: f32::NAN, tilt: f32::INFINITY, zoom: -3.0,
            }));
            let _ = (io::outputs(&root), io::state(&root), SessionChallenge::parse(&root));
            let _ = (time::read(&root, UtcMicros(0)), ResponseStatus::of(200, &root));
            let _ = UserCheck::parse(root.to_xml().as_bytes()).map(|check| check.refusal(String::new()));
        }
    }
}
