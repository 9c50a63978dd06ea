//! Captured answers, read with their meaning. The fixtures lie beside the repository and are not part of it.

use std::path::PathBuf;

use bartizan_base::{Secret, StreamProfile};
use bartizan_device::{DeviceClass, Online};
use bartizan_http::xml::Element;

use crate::{SessionChallenge, channels, io, session_password};

/// A fixture's document; `None`, said on the console, where the folder is absent.
fn fixture(name: &str) -> Option<Element> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(Element::parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"))),
        Err(_) => {
            println!("skipped: no {name}");
            None
        }
    }
}

#[test]
fn device_information() {
    let Some(root) = fixture("pyhik/device_info_xml.xml") else { return };
    let identity = channels::identity(&root);
    assert_eq!((identity.maker.as_str(), identity.model.as_str()), ("Hikvision", "DS-2CD2142FWD-I"));
    assert_eq!((identity.firmware.as_str(), identity.name.as_str()), ("V5.4.5", "Test Camera"));
    assert_eq!(identity.serial, "DS-2CD2142FWD-I20170101AAWRC12345678");
    assert_eq!((identity.mac.as_str(), identity.class), ("aa:bb:cc:dd:ee:ff", DeviceClass::Camera));
    let root = fixture("pyhik/test_digest_auth_updates_both_sessions_device_info_xml.xml").unwrap();
    let identity = channels::identity(&root);
    assert_eq!((identity.name.as_str(), identity.model.as_str()), ("TestCam", ""));
    assert_eq!(identity.class, DeviceClass::Unknown);
}

#[test]
fn streaming_channels() {
    let Some(root) = fixture("pyhik/streaming_channels_xml.xml") else { return };
    let streams = channels::streams(&root, None);
    let all = channels::assemble(&Default::default(), &streams, DeviceClass::Camera, None);
    let told: Vec<_> = all.iter().map(|c| (c.number, c.name.as_str(), &c.online, c.streams.len())).collect();
    assert_eq!(told, [(1, "Camera 01", &Online::Yes, 2), (2, "Camera 02", &Online::Yes, 1)]);
    let [main, sub] = all[0].streams.as_slice() else { panic!() };
    assert_eq!((main.profile, main.path.as_str()), (StreamProfile::Main, "/Streaming/Channels/101"));
    assert_eq!((sub.profile, sub.path.as_str()), (StreamProfile::Sub, "/Streaming/Channels/102"));
    assert_eq!(all[1].streams[0].path, "/Streaming/Channels/201");
    assert_eq!((main.codec.as_ref(), main.frame_rate, main.bit_rate), (None, None, None), "it does not say");
}

#[test]
fn alarm_outputs() {
    let Some(root) = fixture("pyhik/io_outputs_xml.xml") else { return };
    let outputs = io::outputs(&root);
    assert_eq!((outputs.len(), outputs[0].token.as_str()), (1, "1"));
    assert_eq!((outputs[0].name.as_str(), outputs[0].on), ("Alarm Output 1", None));
}

/// Not used by the driver yet; that they read rightly is known already.
#[test]
fn triggers_storage_and_motion() {
    let Some(root) = fixture("pyhik/event_triggers_xml.xml") else { return };
    let triggers: Vec<_> = root
        .children("EventTrigger")
        .map(|trigger| {
            let method = "EventTriggerNotificationList/EventTriggerNotification/notificationMethod";
            let channel: u16 = trigger.parse_text("videoInputChannelID").unwrap();
            (trigger.text("eventType").unwrap(), channel, trigger.text(method).unwrap())
        })
        .collect();
    assert_eq!(
        triggers,
        [
            ("VMD", 1, "record"),
            ("linedetection", 2, "email"),
            ("fielddetection", 3, "beep"),
            ("VMD", 4, "center"),
            ("VMD", 5, "HTTP")
        ]
    );
    let root = fixture("pyhik/storage_xml.xml").unwrap();
    let disk = root.find("hddList/hdd").unwrap();
    assert_eq!((disk.text("hddName"), disk.text("status")), (Some("HDD1"), Some("ok")));
    assert_eq!((disk.parse_text("capacity"), disk.parse_text("freeSpace")), (Some(500_000), Some(250_000)));
    // A template: its switch holds a placeholder, not a value.
    let root = fixture("pyhik/xml.xml").unwrap();
    assert_eq!((root.name.as_str(), root.text("enabled")), ("MotionDetection", Some("{}")));
    assert_eq!(root.parse_text::<bool>("enabled"), None);
    assert_eq!(
        (root.parse_text("Grid/rowGranularity"), root.parse_text("Grid/columnGranularity")),
        (Some(18), Some(22))
    );
    assert_eq!(root.parse_text::<u8>("MotionDetectionLayout/sensitivityLevel"), Some(20));
    let map = root.text("MotionDetectionLayout/layout/gridMap").unwrap();
    assert!(map.ends_with("0c007e0c007ffffc") && map.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

#[test]
fn session_challenges_and_their_answers() {
    for (name, session, challenge, answer) in [
        (
            "hikaxpro/test_connect_successfull_responsetext.xml",
            "116c191b",
            "f0a902b12718652487db2b0cd9e83c4a",
            "de0f0fe7b97b9b9c4788a4b50352e698ea39bc3c8fd7144d55902f41275fd52e",
        ),
        (
            "hikaxpro/test_getSessionParams_responsetext.xml",
            "116c191b",
            "f0a902b12718652487db2b0cd9e83c4a",
            "de0f0fe7b97b9b9c4788a4b50352e698ea39bc3c8fd7144d55902f41275fd52e",
        ),
        (
            "hikaxpro/test_parseSessionResponse_sessionxml.xml",
            "2109bea5",
            "ab1c5d159387de8388b097709e8fecf9",
            "95bb8777c659bd65433d2e423d32213effa036e55603c294e148e55c08a05028",
        ),
    ] {
        let Some(root) = fixture(name) else { return };
        let read = SessionChallenge::parse(&root).unwrap_or_else(|| panic!("{name}"));
        assert!(read.session_id.starts_with(session) && read.irreversible, "{name}");
        assert_eq!((read.challenge.as_str(), read.iterations), (challenge, 100));
        assert_eq!((read.session_id_version.as_str(), read.salt.len(), read.salt2.len()), ("2.1", 64, 64));
        let hash = session_password(&read, "blabla@blabla.com", &Secret::new("blabla"));
        assert_eq!(hash.expose(), answer, "{name}");
    }
}

#[test]
fn other_documents_of_alarm_panels() {
    let Some(root) = fixture("hikaxpro/test_get_mac_address_of_interface_xmldata.xml") else { return };
    let interfaces: Vec<_> = root
        .children("NetworkInterface")
        .map(|i| (i.text("IPAddress/ipAddress").unwrap(), i.text("Link/MACAddress").unwrap()))
        .collect();
    assert_eq!(interfaces, [("192.168.72.226", "2c:a5:9c:cd:20:0a"), ("192.168.8.1", "60:1d:9d:b0:0f:fb")]);
    assert_eq!(root.find("NetworkInterface/Link/MTU").and_then(|mtu| mtu.attribute("max")), Some("9676"));
    let root = fixture("hikaxpro/test_serializeObject.xml").unwrap();
    assert_eq!((root.name.as_str(), root.text("userName")), ("SessionLogin", Some("blabla@bla.com")));
    assert_eq!((root.text("sessionID"), root.text("sessionIDVersion")), (Some("1"), Some("2.1")));
}
