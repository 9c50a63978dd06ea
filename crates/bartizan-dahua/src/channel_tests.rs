use super::*;

fn values(text: &str) -> Option<Values> {
    Some(Values::parse(text).expect(text))
}

const ENCODE: &str = "table.Encode[0].MainFormat[0].VideoEnable=true\r\n\
    table.Encode[0].MainFormat[0].Video.Compression=H.265\r\n\
    table.Encode[0].MainFormat[0].Video.Width=2560\r\n\
    table.Encode[0].MainFormat[0].Video.Height=1440\r\n\
    table.Encode[0].MainFormat[0].Video.FPS=25\r\n\
    table.Encode[0].MainFormat[0].Video.BitRate=4096\r\n\
    table.Encode[0].ExtraFormat[0].VideoEnable=true\r\n\
    table.Encode[0].ExtraFormat[0].Video.Compression=H.264B\r\n\
    table.Encode[0].ExtraFormat[0].Video.resolution=704x576\r\n\
    table.Encode[0].ExtraFormat[0].Video.FPS=12.5\r\n\
    table.Encode[0].ExtraFormat[1].VideoEnable=false\r\n\
    table.Encode[1].MainFormat[0].Video.Compression=MJPG\r\n\
    table.Encode[1].ExtraFormat[0].VideoEnable=false\r\n";

#[test]
fn a_camera_with_two_streams() {
    let tables = Tables {
        titles: values("table.ChannelTitle[0].Name=Front|Door\r\n"),
        encode: values(ENCODE),
        rtsp_port: Some(8554),
        ..Tables::default()
    };
    let channels = tables.channels(DeviceClass::Camera);
    let first = &channels[0];
    assert_eq!((first.number, first.name.as_str(), &first.online), (1, "Front Door", &Online::Yes));
    let [main, sub] = &first.streams[..] else { panic!("{first:?}") };
    assert_eq!(main.path, "/cam/realmonitor?channel=1&subtype=0");
    assert_eq!((main.codec.as_deref(), main.width, main.height), (Some("H.265"), Some(2560), Some(1440)));
    assert_eq!((main.frame_rate, main.bit_rate, main.rtsp_port), (Some(25.0), Some(4096), Some(8554)));
    assert_eq!(sub.path, "/cam/realmonitor?channel=1&subtype=1");
    assert_eq!((sub.codec.as_deref(), sub.width, sub.height), (Some("H.264"), Some(704), Some(576)));
    assert_eq!((sub.frame_rate, sub.bit_rate), (Some(12.5), None));
    // A stream that is switched off cannot be opened.
    assert_eq!(channels[1].streams.len(), 1);
    assert_eq!(channels[1].streams[0].codec.as_deref(), Some("JPEG"));
}

#[test]
fn without_encode_the_paths_are_still_known() {
    let tables = Tables { extra_streams: Some(1), ..Tables::default() };
    let channels = tables.channels(DeviceClass::Camera);
    assert_eq!((channels.len(), channels[0].streams.len()), (1, 2));
    assert_eq!(channels[0].streams[1].codec, None);
    let single = Tables { extra_streams: Some(0), ..Tables::default() };
    assert_eq!(single.channels(DeviceClass::Camera)[0].streams.len(), 1);
}

const TITLES: &str = "table.ChannelTitle[0].Name=Yard\ntable.ChannelTitle[1].Name=Gate\ntable.ChannelTitle[2].Name=CAM 3\ntable.ChannelTitle[3].Name=Roof\n";
const REMOTE: &str = "table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_0.Enable=true\n\
    table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_0.Address=192.168.2.13\n\
    table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_2.Enable=false\n";

#[test]
fn a_recorder_leaves_empty_places_out() {
    let answer = json!({ "states": [
        { "channel": 0, "connectionState": "Connected" },
        { "channel": 1, "connectionState": "Unconnect" },
        { "channel": 2, "connectionState": "Empty" },
        { "channel": 70_000, "connectionState": "Connected" },
        { "connectionState": "Connected" },
    ] });
    let tables = Tables { titles: values(TITLES), states: read_states(&answer), ..Tables::default() };
    let told: Vec<_> = tables
        .channels(DeviceClass::Recorder)
        .into_iter()
        .map(|channel| (channel.number, channel.online))
        .collect();
    assert_eq!(told, [(1, Online::Yes), (2, Online::No("Unconnect".into())), (4, Online::Unknown)]);
    assert_eq!(read_states(&json!({})), None);
}

#[test]
fn older_recorders_tell_by_remote_devices_and_video_loss() {
    let tables = Tables {
        titles: values(TITLES),
        remote: values(REMOTE),
        lost: Some(BTreeSet::from([3])),
        ..Tables::default()
    };
    let told: Vec<_> = tables
        .channels(DeviceClass::Recorder)
        .into_iter()
        .map(|channel| (channel.number, channel.online))
        .collect();
    assert_eq!(told, [(1, Online::Yes), (2, Online::Yes), (4, Online::No("VideoLoss".into()))]);
    let legacy = Values::parse("table.RemoteDevice[4].Enable=false\ntable.RemoteDevice[5].Enable=true\n")
        .expect("reads");
    assert_eq!(remote_devices(&legacy), BTreeMap::from([(4, false), (5, true)]));
}

fn facts(ptz: &str, video: &str) -> Facts {
    let read = |text: &str| Values::parse(text).expect(text);
    Facts { ptz: read(ptz), video: read(video), ..Facts::default() }
}

#[test]
fn a_dome_by_its_caps() {
    // As an NVR5232 tells of channel 5.
    let ptz = facts(
        "caps.Pan=true\ncaps.Tile=true\ncaps.Zoom=false\ncaps.Focus=true\ncaps.MoveRelatively=true\ncaps.Preset=true\n\
         caps.PresetMin=1\ncaps.PresetMax=300\ncaps.PtzMotionRange.HorizontalAngle[0]=0\n\
         caps.PtzMotionRange.HorizontalAngle[1]=360\ncaps.PtzMotionRange.VerticalAngle[0]=-15\n\
         caps.PtzMotionRange.VerticalAngle[1]=100\n",
        "",
    )
    .ptz();
    assert!(ptz.pan_tilt && !ptz.zoom && ptz.focus && ptz.relative && ptz.absolute);
    assert!(!ptz.iris && !ptz.center_on && !ptz.home && !ptz.auto_focus);
    assert_eq!(ptz.presets, Some(PresetCapabilities { most: 300, writable: true }));
}

#[test]
fn a_fixed_camera_answers_too_and_moves_nothing() {
    // The documents' own example: every capability false, ranges given all the same.
    let ptz = facts(
        "caps.Pan=false\ncaps.Tile=false\ncaps.Zoom=false\ncaps.Focus=false\ncaps.Iris=false\ncaps.PresetMax=80\n\
         caps.PtzMotionRange.HorizontalAngle[0]=0\ncaps.PtzMotionRange.HorizontalAngle[1]=360\n",
        "",
    )
    .ptz();
    assert_eq!(ptz, PtzCapabilities::default());
    let varifocal = facts("caps.Pan=false\ncaps.Zoom=false\n", "caps.ElectricFocus=true\n");
    let ptz = varifocal.ptz();
    assert!(ptz.zoom && ptz.focus && ptz.auto_focus && !ptz.pan_tilt && ptz.presets.is_none());
    assert!(varifocal.zooms_by_lens() && varifocal.focuses_by_lens());
}
