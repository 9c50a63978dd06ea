//! Every captured answer, with what it means.

use std::path::PathBuf;

use serde_json::Value;

use crate::{auxiliary, channel::Facts, identity::Told, ptz, text::Values};

fn folder() -> Option<PathBuf> {
    let all = std::env::var_os("BARTIZAN_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let folder = all.join("dahua-cgi");
    if !folder.is_dir() {
        println!("skipped: no fixtures dahua-cgi");
        return None;
    }
    Some(folder)
}

fn pairs(values: &Values) -> Vec<String> {
    values.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[test]
fn every_captured_answer_is_understood() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).expect(name);
        Values::parse(&String::from_utf8_lossy(&bytes)).expect(name)
    };
    for (name, wanted) in [
        (
            "rroller_async_get_config_lighting.txt",
            vec![
                "Lighting[0][0].Correction=50",
                "Lighting[0][0].MiddleLight[0].Angle=50",
                "Lighting[0][0].MiddleLight[0].Light=50",
                "Lighting[0][0].Mode=Auto",
                "Lighting[0][0].Sensitive=3",
            ],
        ),
        (
            "rroller_async_get_config_motion_detection.txt",
            vec!["MotionDetect[0].DetectVersion=V3.0", "MotionDetect[0].Enable=true"],
        ),
        ("rroller_async_get_disarming_linkage.txt", vec!["DisableLinkage.Enable=false"]),
        ("rroller_async_get_event_notifications.txt", vec!["DisableEventNotify.Enable=false"]),
        (
            "rroller_async_get_ivs_rules.txt",
            vec!["VideoAnalyseRule[0][1].Enable=true", "VideoAnalyseRule[0][1].Name=IVS-1"],
        ),
        ("rroller_async_get_light_global_enabled.txt", vec!["LightGlobal[0].Enable=true"]),
        (
            "rroller_async_get_smart_motion_detection.txt",
            vec![
                "SmartMotionDetect[0].Enable=true",
                "SmartMotionDetect[0].ObjectTypes.Human=true",
                "SmartMotionDetect[0].ObjectTypes.Vehicle=false",
                "SmartMotionDetect[0].Sensitivity=Middle",
            ],
        ),
        (
            "rroller_async_get_video_analyse_rules_for_amcrest.txt",
            vec!["VideoAnalyseRule[0][0].Enable=false"],
        ),
        (
            "rroller_async_get_video_in_mode.txt",
            vec![
                "VideoInMode[0].Config[0]=2",
                "VideoInMode[0].Mode=0",
                "VideoInMode[0].TimeSection[0][0]=0 00:00:00-24:00:00",
            ],
        ),
    ] {
        assert_eq!(pairs(&read(name)), wanted, "{name}");
    }

    let told = Told {
        system: read("rroller_async_get_system_info.txt"),
        // Two cameras' answers in one file: the model, then a type that names none.
        device_type: read("rroller_get_device_type.txt"),
        version: read("rroller_get_software_version.txt"),
        name: read("rroller_async_get_machine_name.txt"),
        ..Told::default()
    };
    let identity = told.identity();
    assert_eq!((identity.model.as_str(), identity.serial.as_str()), ("IPC-HDW5831R-ZE", "4X7C5A1ZAG21L3F"));
    assert_eq!(
        (identity.firmware.as_str(), identity.name.as_str()),
        ("2.800.0000016.0.R,build:2020-06-05", "Cam4")
    );
    assert_eq!(identity.class, bartizan_device::DeviceClass::Camera);

    let status = ptz::read_status(&read("rroller_async_get_ptz_position.txt"), &Facts::default());
    let position = status.position.expect("a position, though it is spelt Postion");
    assert!((position.pan - 91.6 / 180.0).abs() < 1e-5 && position.zoom == 0.0, "{position:?}");
    assert_eq!(
        (position.tilt, status.moving),
        (1.0, Some(false)),
        "−2.6° is above the horizon of a plain dome"
    );

    let lights = read("rroller_async_get_lighting_v2.txt");
    let mode = read("rroller_async_get_video_in_mode.txt");
    let way = auxiliary::lighting_way(&lights, &mode, 0, false);
    assert_eq!(way, Some(auxiliary::Way::Lighting("Lighting_V2[0][2][0]".into())));
    assert_eq!(lights.get("Lighting_V2[0][2][0].Mode"), Some("Manual"));

    let status = read("rroller_async_get_coaxial_control_io_status.txt");
    for what in ["whitelight", "speaker"] {
        assert_eq!(auxiliary::mentioned(&status, what).and_then(crate::text::flag), Some(false), "{what}");
    }

    let event = std::fs::read(folder.join("scrypted_amcrest-face-detected.json")).expect("an event's data");
    let event = Values::from_json("", &serde_json::from_slice::<Value>(&event).expect("JSON"));
    assert_eq!((event.get("Class"), event.number("RuleId")), (Some("FaceDetection"), Some(1)));
    assert_eq!(event.number("Object.BoundingBox[3]"), Some(2704));
    assert_eq!(event.get("Objects[0].Action"), Some("Appear"));
}

#[test]
fn no_fixture_is_left_out() {
    let Some(folder) = folder() else { return };
    let source = include_str!("fixtures.rs");
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(name == "SOURCE.txt" || source.contains(&name), "{name} is not read");
    }
}
