//! What the driver sends when a camera is controlled, word for word.

use bartizan_base::Code;
use bartizan_device::{
    Auxiliary, AuxiliaryCommand, Imaging, LensMove, OutputCommand, Position, Preset, PresetChange, PtzMove,
    Velocity,
};

use crate::{
    mock::Mock,
    mock_camera::{CAPS, MOMENTARY, XML, XMLNS, camera},
    tests::connected,
};

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
