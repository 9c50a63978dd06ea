//! Moving, looking, switching: what is sent for each, and what is made of the answers.

mod mock;

use std::{sync::Arc, time::Duration};

use bartizan_base::Code;
use bartizan_dahua::Dahua;
use bartizan_device::{
    Auxiliary, AuxiliaryCommand, Driver, Family as _, Imaging, LensMove, Online, OutputCommand, Position,
    PresetChange, PtzMove, Velocity,
};
use mock::{Mock, PASSWORD, login};
use serde_json::json;

const DOME: &str = "caps.Pan=true\r\ncaps.Tile=true\r\ncaps.Zoom=true\r\ncaps.Focus=true\r\ncaps.Iris=true\r\n\
    caps.MoveAbsolutely=true\r\ncaps.MoveRelatively=true\r\ncaps.MoveDirectly=true\r\ncaps.Preset=true\r\n\
    caps.PresetMin=1\r\ncaps.PresetMax=3\r\ncaps.PtzMotionRange.HorizontalAngle[0]=0\r\n\
    caps.PtzMotionRange.HorizontalAngle[1]=360\r\ncaps.PtzMotionRange.VerticalAngle[0]=-20\r\n\
    caps.PtzMotionRange.VerticalAngle[1]=90\r\ncaps.ZoomMin=1\r\ncaps.ZoomMax=25\r\ncaps.Aux=true\r\ncaps.Auxs[0]=Wiper\r\n";

async fn dome() -> (Mock, Arc<dyn Driver>) {
    let mock = Mock::start().await;
    mock.say("ptz.cgi?action=getCurrentProtocolCaps&channel=1", DOME);
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    (mock, driver)
}

async fn until(what: &str, mut check: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain for {what}");
}

fn moving(pan: f32, tilt: f32, zoom: f32, at_most_ms: u32) -> PtzMove {
    PtzMove::Continuous { velocity: Velocity { pan, tilt, zoom }, at_most_ms }
}

fn ptz(mock: &Mock) -> Vec<String> {
    let prefix = "GET /cgi-bin/ptz.cgi?action=";
    let all = mock.asked(prefix);
    all.iter().map(|line| line[prefix.len()..].to_owned()).filter(|line| !line.starts_with("get")).collect()
}

#[tokio::test]
async fn a_move_has_a_time_out_on_the_device_and_one_here() {
    let (mock, driver) = dome().await;
    driver.ptz_move(1, moving(0.5, 0.0, 0.0, 60_000)).await.expect("moves");
    driver.ptz_move(1, PtzMove::Stop).await.expect("stops");
    assert_eq!(
        ptz(&mock),
        [
            "start&channel=1&code=Continuously&arg1=50&arg2=0&arg3=0&arg4=60",
            "stop&channel=1&code=Continuously&arg1=0&arg2=0&arg3=0&arg4=0"
        ]
    );
    // Nobody renews this one, not even the driver's owner, who is gone.
    mock.forget();
    driver.ptz_move(1, moving(0.0, 1.0, 0.0, 30)).await.expect("moves");
    drop(driver);
    until("the watchdog's stop", || ptz(&mock).iter().any(|line| line.starts_with("stop"))).await;
}

#[tokio::test]
async fn a_renewed_move_is_not_stopped_by_its_old_watchdog() {
    let (mock, driver) = dome().await;
    mock.say("ptz.cgi?action=getCurrentProtocolCaps&channel=2", DOME);
    driver.ptz_move(1, moving(0.5, 0.0, 0.0, 20)).await.expect("moves");
    driver.ptz_move(1, moving(0.5, 0.0, 0.0, 60_000)).await.expect("moves on");
    mock.forget();
    // Another channel's watchdog, set later and longer: when it bites, the old one had its chance.
    driver.ptz_move(2, moving(0.5, 0.0, 0.0, 60)).await.expect("moves");
    until("the other watchdog's stop", || ptz(&mock).iter().any(|line| line.starts_with("stop&channel=2")))
        .await;
    assert!(ptz(&mock).iter().all(|line| !line.contains("channel=1")), "{:?}", ptz(&mock));
}

#[tokio::test]
async fn firmware_without_continuous_moves_gets_directions() {
    let (mock, driver) = dome().await;
    mock.lock().refused.push("Continuously");
    driver.ptz_move(1, moving(0.5, 0.25, 0.0, 60_000)).await.expect("moves");
    driver.ptz_move(1, moving(0.5, 0.25, 0.0, 60_000)).await.expect("moves on");
    driver.ptz_move(1, moving(-1.0, 0.0, 1.0, 60_000)).await.expect("turns");
    driver.ptz_move(1, PtzMove::Stop).await.expect("stops");
    assert_eq!(
        ptz(&mock),
        [
            "start&channel=1&code=Continuously&arg1=50&arg2=25&arg3=0&arg4=60",
            "start&channel=1&code=RightUp&arg1=2&arg2=4&arg3=0",
            "stop&channel=1&code=RightUp&arg1=0&arg2=0&arg3=0",
            "start&channel=1&code=Left&arg1=0&arg2=8&arg3=0",
            "start&channel=1&code=ZoomTele&arg1=0&arg2=8&arg3=0",
            "stop&channel=1&code=Left&arg1=0&arg2=0&arg3=0",
            "stop&channel=1&code=ZoomTele&arg1=0&arg2=0&arg3=0",
        ]
    );
    mock.forget();
    driver.ptz_move(1, moving(0.0, 0.0, -0.5, 30)).await.expect("moves");
    until("the watchdog's stop", || {
        ptz(&mock).iter().any(|line| line.starts_with("stop&channel=1&code=ZoomWide"))
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_fails_is_tried_again_by_the_next() {
    let (mock, driver) = dome().await;
    mock.lock().refused.extend(["Continuously", "stop&channel=1&code=Left"]);
    driver.ptz_move(1, moving(-1.0, 0.0, 0.0, 60_000)).await.expect("moves");
    driver.ptz_move(1, PtzMove::Stop).await.expect_err("the device refuses");
    mock.lock().refused.pop();
    mock.forget();
    driver.ptz_move(1, PtzMove::Stop).await.expect("stops");
    assert_eq!(ptz(&mock), ["stop&channel=1&code=Left&arg1=0&arg2=0&arg3=0"]);
}

#[tokio::test]
async fn moves_to_a_place() {
    let (mock, driver) = dome().await;
    mock.say("ptzBase.cgi?action=moveDirectly&channel=1&startPoint[0]=6144&startPoint[1]=4096&endPoint[0]=6144&endPoint[1]=4096", "OK");
    mock.say(
        "ptz.cgi?action=getStatus&channel=1",
        "status.MoveStatus=Idle\r\nstatus.ZoomStatus=Idle\r\nstatus.Postion[0]=90.000000\r\nstatus.Postion[1]=35.000000\r\nstatus.Postion[2]=13.000000\r\n",
    );
    driver.ptz_move(1, moving(0.5, 0.0, 0.0, 60_000)).await.expect("moves");
    driver.ptz_move(1, PtzMove::Absolute(Position { pan: 0.5, tilt: 0.0, zoom: 0.5 })).await.expect("goes");
    driver.ptz_move(1, PtzMove::Relative(Velocity { pan: 0.1, tilt: -0.1, zoom: 0.0 })).await.expect("goes");
    driver.ptz_move(1, PtzMove::CenterOn { x: 0.5, y: 0.0, zoom: 0.0 }).await.expect("centres");
    assert_eq!(
        ptz(&mock)[1..],
        [
            "stop&channel=1&code=Continuously&arg1=0&arg2=0&arg3=0&arg4=0",
            "moveAbsolutely&channel=1&arg1=0.5&arg2=-0.1944&arg3=0.5",
            "moveRelatively&channel=1&arg1=0.1&arg2=-0.1&arg3=0",
        ]
    );
    let status = driver.ptz_status(1).await.expect("tells");
    assert_eq!(status.moving, Some(false));
    let position = status.position.expect("a position");
    assert_eq!((position.pan, position.tilt, position.zoom), (0.5, 0.0, 0.5));
    let error = driver.ptz_move(1, PtzMove::Home).await.expect_err("there is none");
    assert_eq!(error.code(), Code::NotOffered);
}

#[tokio::test]
async fn what_a_fixed_camera_cannot_do() {
    let mock = Mock::start().await;
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    let capabilities = driver.capabilities(1).await.expect("tells");
    assert!(!capabilities.ptz.any() && capabilities.auxiliaries.is_empty() && !capabilities.imaging.levels());
    assert!(capabilities.snapshot && !capabilities.key_frame);
    mock.forget();
    for code in [
        driver.ptz_move(1, moving(1.0, 0.0, 0.0, 1000)).await.expect_err("none").code(),
        driver.ptz_move(1, PtzMove::Stop).await.expect_err("none").code(),
        driver.lens_move(1, LensMove::AutoFocus).await.expect_err("none").code(),
        driver.presets(1).await.expect_err("none").code(),
        driver.imaging(1).await.expect_err("none").code(),
        driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::On).await.expect_err("none").code(),
    ] {
        assert_eq!(code, Code::NotOffered);
    }
    assert!(mock.lock().log.is_empty(), "nothing is sent for what is not there: {:?}", mock.lock().log);
    assert_eq!(driver.ptz_move(0, PtzMove::Stop).await.expect_err("no channel 0").code(), Code::InvalidInput);
    assert!(driver.alarm_outputs().await.expect("none").is_empty());
}

#[tokio::test]
async fn the_lens() {
    let (mock, driver) = dome().await;
    driver.lens_move(1, LensMove::FocusNear(0.5)).await.expect("moves");
    driver.lens_move(1, LensMove::IrisOpen(1.0)).await.expect("moves");
    driver.lens_move(1, LensMove::Stop).await.expect("stops");
    assert_eq!(
        ptz(&mock),
        [
            "start&channel=1&code=FocusNear&arg1=0&arg2=4&arg3=0",
            "stop&channel=1&code=FocusNear&arg1=0&arg2=0&arg3=0",
            "start&channel=1&code=IrisLarge&arg1=0&arg2=8&arg3=0",
            "stop&channel=1&code=IrisLarge&arg1=0&arg2=0&arg3=0",
        ]
    );

    let motor = Mock::start().await;
    motor.say("devVideoInput.cgi?action=getCaps&channel=1", "caps.ElectricFocus=true\r\n");
    for (focus, zoom) in [("0", "0.5"), ("-0.5", "0"), ("0", "0")] {
        let call =
            format!("devVideoInput.cgi?action=adjustFocusContinuously&channel=1&focus={focus}&zoom={zoom}");
        motor.say(&call, "OK");
    }
    motor.say("devVideoInput.cgi?action=autoFocus&channel=1", "OK");
    let driver = Dahua::default().connect(&motor.endpoint(), &login(PASSWORD)).await.expect("logs in");
    driver.ptz_move(1, moving(0.0, 0.0, 0.5, 60_000)).await.expect("zooms");
    driver.ptz_move(1, PtzMove::Stop).await.expect("stops");
    driver.lens_move(1, LensMove::FocusNear(0.5)).await.expect("focuses");
    driver.lens_move(1, LensMove::Stop).await.expect("stops");
    driver.lens_move(1, LensMove::AutoFocus).await.expect("focuses by itself");
    assert_eq!(motor.asked("devVideoInput.cgi?action=a").len(), 5);
    assert!(ptz(&motor).is_empty());
}

#[tokio::test]
async fn presets_are_set_named_visited_and_removed() {
    let (mock, driver) = dome().await;
    mock.lock().presets.insert(1, "Gate".into());
    let set = |token: Option<&str>, name: &str| PresetChange::Set {
        token: token.map(Into::into),
        name: name.into(),
    };
    assert_eq!(driver.change_preset(1, set(None, "Back yard")).await.expect("set"), "2");
    assert_eq!(driver.change_preset(1, set(None, "")).await.expect("set"), "3");
    let full = driver.change_preset(1, set(None, "x")).await.expect_err("full");
    assert_eq!(full.code(), Code::InvalidInput);
    let rename = PresetChange::Rename { token: "1".into(), name: "Main gate".into() };
    driver.change_preset(1, rename).await.expect("renamed");
    driver.change_preset(1, PresetChange::Remove { token: "3".into() }).await.expect("removed");
    let told = driver.presets(1).await.expect("tells");
    let told: Vec<_> = told.iter().map(|preset| (preset.token.as_str(), preset.name.as_str())).collect();
    assert_eq!(told, [("1", "Main gate"), ("2", "Back yard")]);
    mock.forget();
    driver.go_to_preset(1, "2", 1.0).await.expect("goes");
    assert_eq!(ptz(&mock), ["start&channel=1&code=GotoPreset&arg1=0&arg2=2&arg3=0"]);
    assert_eq!(driver.go_to_preset(1, "two", 1.0).await.expect_err("no such").code(), Code::InvalidInput);
}

const PICTURE: &str = "VideoColor[0][0].Brightness=40\nVideoColor[0][0].Contrast=41\nVideoColor[0][0].Saturation=42\nVideoColor[0][0].Hue=43\n\
    VideoColor[0][2].Brightness=50\nVideoColor[0][2].Contrast=50\nVideoColor[0][2].Saturation=50\nVideoColor[0][2].Hue=50\n\
    VideoInMode[0].Config[0]=2\nVideoInOptions[0].Flip=false\nVideoInOptions[0].Mirror=false\nVideoInOptions[0].Rotate90=0";

#[tokio::test]
async fn the_picture_is_changed_and_read_back() {
    let mock = Mock::start().await;
    mock.configure(PICTURE);
    mock.lock().methods.insert(
        "configManager.getDefault".into(),
        json!({ "table": [[{}, {}, { "Brightness": 45, "Contrast": 55, "Saturation": 50, "Hue": 50 }]] }),
    );
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    let offered = driver.capabilities(1).await.expect("tells").imaging;
    assert!(offered.levels() && offered.flip_horizontal && offered.flip_vertical && offered.defaults);
    let change = Imaging {
        brightness: Some(70.0),
        flip_horizontal: Some(true),
        rotation: Some(270),
        ..Imaging::default()
    };
    let taken = driver.set_imaging(1, change).await.expect("takes it");
    assert_eq!((taken.brightness, taken.contrast), (Some(70.0), Some(50.0)));
    assert_eq!(
        (taken.flip_horizontal, taken.flip_vertical, taken.rotation),
        (Some(true), Some(false), Some(270))
    );
    assert_eq!(mock.lock().config["VideoColor[0][0].Brightness"], "40", "the other profile is left alone");
    assert!(mock.asked("setConfig").iter().all(|line| !line.contains("table.")));
    let reset = driver.reset_imaging(1).await.expect("resets");
    assert_eq!(
        (reset.brightness, reset.contrast, reset.flip_horizontal),
        (Some(45.0), Some(55.0), Some(true))
    );
    assert_eq!(mock.lock().wrong, 0);
}

#[tokio::test]
async fn without_rpc2_the_defaults_are_the_middle() {
    let mock = Mock::start().await;
    mock.configure(PICTURE);
    mock.lock().rpc = false;
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    assert!(!driver.capabilities(1).await.expect("tells").imaging.defaults);
    driver.set_imaging(1, Imaging { hue: Some(10.0), ..Imaging::default() }).await.expect("takes it");
    assert_eq!(driver.reset_imaging(1).await.expect("resets").hue, Some(50.0));
}

#[tokio::test]
async fn light_siren_and_wiper() {
    let (mock, driver) = dome().await;
    mock.say(
        "coaxialControlIO.cgi?action=getStatus&channel=1",
        "status.status.Speaker=Off\r\nstatus.status.WhiteLight=On\r\n",
    );
    let control = |kind: u8, io: u8| {
        format!(
            "coaxialControlIO.cgi?action=control&channel=1&info[0].Type={kind}&info[0].IO={io}&info[0].TriggerMode=2"
        )
    };
    mock.say(&control(1, 2), "OK\r\n");
    mock.say(&control(2, 1), "OK\r\n");
    let offered = driver.capabilities(1).await.expect("tells").auxiliaries;
    assert_eq!(offered, [Auxiliary::Light, Auxiliary::Siren, Auxiliary::Wiper]);
    let states = driver.auxiliaries(1).await.expect("tells");
    assert_eq!(states.iter().map(|state| state.on).collect::<Vec<_>>(), [Some(true), Some(false), None]);
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::Off).await.expect("switches");
    driver.switch_auxiliary(1, Auxiliary::Siren, AuxiliaryCommand::On).await.expect("switches");
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::On).await.expect("wipes");
    assert_eq!(mock.asked("action=control").len(), 2);
    assert_eq!(ptz(&mock), ["start&channel=1&code=Wiper&arg1=0&arg2=0&arg3=0"]);
    let error =
        driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::Once).await.expect_err("meaningless");
    assert_eq!(error.code(), Code::InvalidInput);
}

#[tokio::test]
async fn lights_by_config_and_a_rain_brush() {
    let mock = Mock::start().await;
    mock.configure(
        "Lighting_V2[0][2][0].LightType=WhiteLight\nLighting_V2[0][2][0].Mode=Off\nLighting_V2[0][2][0].MiddleLight[0].Light=20\n\
         VideoInMode[0].Config[0]=2\nEptzLink[0].TrackEnable=false",
    );
    mock.say("rainBrush.cgi?action=getCaps&channel=1", "caps.Support=true\r\n");
    mock.say("rainBrush.cgi?action=moveContinuously&channel=1&interval=9", "OK");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    let offered = driver.capabilities(1).await.expect("tells").auxiliaries;
    assert_eq!(offered, [Auxiliary::Light, Auxiliary::Wiper, Auxiliary::Tracking]);
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::On).await.expect("switches");
    driver.switch_auxiliary(1, Auxiliary::Wiper, AuxiliaryCommand::Every(9)).await.expect("wipes");
    driver.switch_auxiliary(1, Auxiliary::Tracking, AuxiliaryCommand::On).await.expect("follows");
    let states = driver.auxiliaries(1).await.expect("tells");
    assert_eq!(states.iter().map(|state| state.on).collect::<Vec<_>>(), [Some(true), None, Some(true)]);
    assert_eq!(mock.lock().config["Lighting_V2[0][2][0].MiddleLight[0].Light"], "100");
}

#[tokio::test]
async fn alarm_outputs_and_a_pulse_that_outlives_the_driver() {
    let mock = Mock::start().await;
    mock.say("alarm.cgi?action=getOutSlots", "result=2\r\n");
    mock.say("alarm.cgi?action=getOutState", "result=0\r\n");
    mock.configure("AlarmOut[0].Mode=0\nAlarmOut[0].Name=Gate\nAlarmOut[1].Mode=0\nAlarmOut[1].Name=Horn");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    let outputs = driver.alarm_outputs().await.expect("tells");
    assert_eq!(
        outputs.iter().map(|one| (one.name.as_str(), one.on)).collect::<Vec<_>>(),
        [("Gate", Some(false)), ("Horn", Some(false))]
    );
    let mode = |mock: &Mock, at: usize| mock.lock().config[&format!("AlarmOut[{at}].Mode")].clone();
    driver.switch_output("1", OutputCommand::On).await.expect("closes");
    assert_eq!(mode(&mock, 1), "1");
    driver.switch_output("1", OutputCommand::Off).await.expect("opens");
    assert_eq!(mode(&mock, 1), "0", "alarms command it again");
    // An alarm holds it closed: only force opens it.
    driver.switch_output("1", OutputCommand::Off).await.expect("opens");
    assert_eq!(mode(&mock, 1), "2");
    driver.switch_output("0", OutputCommand::Pulse(30)).await.expect("closes");
    assert_eq!(mode(&mock, 0), "1");
    drop(driver);
    until("the end of the pulse", || mode(&mock, 0) == "0").await;
}

#[tokio::test]
async fn a_stop_is_sent_again_until_the_device_takes_it() {
    let (mock, driver) = dome().await;
    driver.ptz_move(1, moving(1.0, 0.0, 0.0, 60_000)).await.expect("moves");
    mock.lock().refused.push("action=stop");
    driver.ptz_move(1, PtzMove::Stop).await.expect_err("the device refuses");
    drop(driver);
    mock.lock().refused.clear();
    mock.forget();
    until("another stop", || ptz(&mock).iter().any(|line| line.starts_with("stop"))).await;
}

#[tokio::test]
async fn a_pulse_that_never_began_forces_nothing() {
    let mock = Mock::start().await;
    mock.configure("AlarmOut[0].Mode=0");
    mock.lock().refused.push("AlarmOut[0].Mode=1");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    driver.switch_output("0", OutputCommand::Pulse(10)).await.expect_err("the device refuses");
    until("the pulse's end to look", || mock.asked("getConfig&name=AlarmOut").len() == 1).await;
    // A further call comes after what the pulse's end would have sent.
    driver.alarm_outputs().await.expect("none");
    assert_eq!(mock.lock().config["AlarmOut[0].Mode"], "0");
}

const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 16];

#[tokio::test]
async fn snapshots_find_out_where_counting_begins() {
    for (pictures, wanted) in [
        // From 1, as documented.
        (&[1u16, 2][..], 2u16),
        // From 0.
        (&[0, 1], 1),
        // Whoever takes any number is left to count from 1.
        (&[0, 1, 2, 999], 2),
    ] {
        let mock = Mock::start().await;
        for number in pictures {
            let jpeg = [JPEG, &[u8::try_from(*number % 256).expect("a byte")]].concat();
            mock.lock().answers.insert(format!("/cgi-bin/snapshot.cgi?channel={number}"), (200, jpeg));
        }
        let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
        let picture = driver.snapshot(2).await.expect("a picture");
        assert_eq!(u16::from(*picture.jpeg.last().expect("bytes")), wanted, "{pictures:?}");
        mock.forget();
        driver.snapshot(2).await.expect("a picture");
        assert_eq!(mock.asked("snapshot.cgi").len(), 1, "asked once only");
        let error = driver.snapshot(40).await.expect_err("no such channel");
        assert_eq!(error.code(), Code::NotOffered);
    }
}

#[tokio::test]
async fn a_page_is_no_picture() {
    let mock = Mock::start().await;
    mock.say("snapshot.cgi?channel=1", "<html>busy</html>");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    assert_eq!(driver.snapshot(1).await.expect_err("no picture").code(), Code::Protocol);
}

#[tokio::test]
async fn a_recorders_channels() {
    let mock = Mock::start().await;
    mock.say("magicBox.cgi?action=getDeviceClass", "class=NVR\r\n");
    mock.say("magicBox.cgi?action=getDeviceType", "type=31\r\n");
    mock.say("magicBox.cgi?action=getSystemInfo", "deviceType=31\r\nupdateSerial=DH-NVR5232-4KS3/I\r\n");
    mock.configure(
        "ChannelTitle[0].Name=Yard\nChannelTitle[1].Name=Gate\nChannelTitle[2].Name=CAM 3\n\
         RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_0.Enable=true\nRemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_1.Enable=true\n\
         RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_2.Enable=false",
    );
    mock.say("eventManager.cgi?action=getEventIndexes&code=VideoLoss", "channels[0]=1\r\n");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    assert_eq!(driver.identity().await.expect("tells").model, "DH-NVR5232-4KS3/I");
    let of = |channels: Vec<bartizan_device::ChannelInfo>| {
        channels.into_iter().map(|channel| (channel.number, channel.name, channel.online)).collect::<Vec<_>>()
    };
    let told = of(driver.channels().await.expect("tells"));
    let lost = Online::No("VideoLoss".into());
    assert_eq!(told, [(1, "Yard".into(), Online::Yes), (2, "Gate".into(), lost)]);

    let states = json!({ "states": [{ "channel": 0, "connectionState": "Unconnect" }, { "channel": 1, "connectionState": "Connected" },
        { "channel": 2, "connectionState": "Empty" }] });
    mock.say("api/LogicDeviceManager/getCameraState", &states.to_string());
    let told = of(driver.channels().await.expect("tells"));
    assert_eq!(told, [(1, "Yard".into(), Online::No("Unconnect".into())), (2, "Gate".into(), Online::Yes)]);
}

#[tokio::test]
async fn the_clock() {
    let mock = Mock::start().await;
    mock.say("global.cgi?action=getCurrentTime", "result=2026-07-02 19:09:25\r\n");
    mock.configure("NTP.TimeZone=22\nNTP.TimeZoneDesc=Brasilia\nLocales.DSTEnable=false");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    let clock = driver.clock().await.expect("tells");
    assert_eq!((clock.zone.as_str(), clock.utc_offset_s), ("Brasilia", Some(-10_800)));
    // 2026-07-02 22:09:25.5 UTC.
    assert_eq!(clock.utc.0, 1_783_030_165_500_000);
    mock.say("global.cgi?action=getCurrentTime", "result=soon\r\n");
    assert_eq!(driver.clock().await.expect_err("no time").code(), Code::Protocol);
}

#[tokio::test]
async fn a_device_that_talks_nonsense_breaks_nothing() {
    let (mock, driver) = dome().await;
    for call in [
        "ptz.cgi?action=getStatus&channel=1",
        "alarm.cgi?action=getOutSlots",
        "configManager.cgi?action=getConfig&name=Encode",
        "api/LogicDeviceManager/getCameraState",
    ] {
        mock.lock()
            .answers
            .insert(format!("/cgi-bin/{call}"), (200, vec![0xFF, 0, b'=', b'{', 0x80, b'\n', 0xC3]));
    }
    assert_eq!(driver.ptz_status(1).await.expect_err("nonsense").code(), Code::Protocol);
    assert!(driver.alarm_outputs().await.expect("none").is_empty());
    assert_eq!(driver.channels().await.expect("still a camera").len(), 1);
    assert!(
        driver.oddities().iter().any(|line| line.contains("not key=value lines")),
        "{:?}",
        driver.oddities()
    );
}

#[tokio::test]
async fn a_snapshot_refused_like_a_login_leaves_the_rest_alone() {
    let mock = Mock::start().await;
    mock.lock().unauthorized.push("snapshot.cgi?channel=0");
    mock.say("snapshot.cgi?channel=1", "x");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    assert_eq!(driver.snapshot(1).await.expect_err("refused").code(), Code::Forbidden);
    assert_eq!(driver.snapshot(1).await.expect_err("refused").code(), Code::Forbidden);
    assert_eq!(mock.asked("snapshot.cgi").iter().filter(|line| line.ends_with("UNAUTHORIZED")).count(), 1);
    assert_eq!(driver.identity().await.expect("still tells").name, "Yard");
}

#[tokio::test]
async fn a_recorders_tables_are_read_once_for_all_channels() {
    let mock = Mock::start().await;
    mock.configure(PICTURE);
    mock.configure("VideoColor[1][0].Brightness=20\nVideoColor[2][0].Brightness=30");
    let driver = Dahua::default().connect(&mock.endpoint(), &login(PASSWORD)).await.expect("logs in");
    for channel in 1..=3 {
        assert!(driver.capabilities(channel).await.expect("tells").imaging.brightness, "{channel}");
    }
    assert_eq!(mock.asked("getConfig&name=VideoColor").len(), 1);
    assert_eq!(driver.imaging(3).await.expect("tells").brightness, Some(30.0));
}
