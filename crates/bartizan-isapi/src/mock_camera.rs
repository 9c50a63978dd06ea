//! What the devices of the tests are made of.

use crate::mock::State;

pub(crate) const XMLNS: &str = "xmlns=\"http://www.hikvision.com/ver20/XMLSchema\"";
pub(crate) const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

pub(crate) fn device_info(state: &mut State, model: &str, kind: &str) {
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

pub(crate) fn stream(id: u32, codec: &str, more: &str) -> String {
    format!(
        "<StreamingChannel><id>{id}</id><channelName>Cam {}</channelName><enabled>true</enabled>\
         <Transport><rtspPortNo>10554</rtspPortNo></Transport><Video><videoCodecType>{codec}</videoCodecType>\
         <videoResolutionWidth>2560</videoResolutionWidth><videoResolutionHeight>1440</videoResolutionHeight>{more}\
         <maxFrameRate>1250</maxFrameRate></Video></StreamingChannel>",
        id / 100
    )
}

pub(crate) const CAPS: &str = "<PTZChanelCap><ContinuousPanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange>\
    </ContinuousPanTiltSpace><ContinuousZoomSpace><ZRange><Min>-100</Min><Max>100</Max></ZRange></ContinuousZoomSpace>\
    <RelativePanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange></RelativePanTiltSpace>\
    <AbsolutePanTiltPositionSpace><XRange><Min>0</Min><Max>3600</Max></XRange><YRange><min>-150</min><max>900</max>\
    </YRange></AbsolutePanTiltPositionSpace><AbsoluteZoomPositionSpace><ZRange><Min>10</Min><Max>250</Max></ZRange>\
    </AbsoluteZoomPositionSpace><isSupportPosition3D>true</isSupportPosition3D>\
    <homePostionSupport>true</homePostionSupport><maxPresetNum>300</maxPresetNum>\
    <PresetNameCap><specialNo opt=\"33,34,39,94\"/></PresetNameCap></PTZChanelCap>";
pub(crate) const MOMENTARY: &str =
    "<MomentaryPanTiltSpace><XRange><Min>-100</Min><Max>100</Max></XRange></MomentaryPanTiltSpace>";

/// A camera with everything.
pub(crate) fn camera(state: &mut State) {
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
