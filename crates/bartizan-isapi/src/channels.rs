//! Channels and streams (`/ISAPI/Streaming/channels`, `/ISAPI/ContentMgmt/InputProxy/channels`,
//! `/ISAPI/System/Video/inputs/channels`).

use std::collections::BTreeMap;

use bartizan_base::StreamProfile;
use bartizan_device::{ChannelInfo, ChannelStream, DeviceClass, Identity, Online};
use bartizan_http::xml::Element;

use crate::{IsapiError, link::Link};

/// Most channels listed; the largest recorders have 256.
const MAX_CHANNELS: usize = 1024;

/// Reads `DeviceInfo`.
pub(crate) fn identity(root: &Element) -> Identity {
    let text = |path| root.text(path).unwrap_or("").to_owned();
    let model = text("model");
    Identity {
        // The maker is not told; brands built by the same maker put their own name here on some firmware.
        maker: Some(text("manufacturer"))
            .filter(|maker| !maker.is_empty())
            .unwrap_or_else(|| "Hikvision".into()),
        firmware: [text("firmwareVersion"), text("firmwareReleasedDate")].join(" ").trim().to_owned(),
        serial: text("serialNumber"),
        mac: text("macAddress").to_ascii_lowercase().replace('-', ":"),
        name: text("deviceName"),
        class: class(&text("deviceType"), &model),
        model,
    }
}

/// Device types (ISAPI guide, `XML_DeviceInfo`) by the beginning of their word, lower case.
const CLASSES: &[(&str, DeviceClass)] = &[
    ("ipcamera", DeviceClass::Camera),
    ("ipdome", DeviceClass::Camera),
    ("ipzoom", DeviceClass::Camera),
    ("ptz", DeviceClass::Camera),
    ("thermal", DeviceClass::Camera),
    ("nvr", DeviceClass::Recorder),
    ("dvr", DeviceClass::Recorder),
    ("dvs", DeviceClass::Recorder),
    ("hybird", DeviceClass::Recorder),
    ("hybrid", DeviceClass::Recorder),
    ("acs", DeviceClass::Door),
    ("vis", DeviceClass::Door),
    ("kd", DeviceClass::Door),
    ("kh", DeviceClass::Door),
    ("axpro", DeviceClass::Alarm),
    ("axhub", DeviceClass::Alarm),
    ("securitycontrol", DeviceClass::Alarm),
];

/// Models by their beginning, lower case, for device types that say nothing.
const MODELS: &[(&str, DeviceClass)] = &[
    ("ds-2cd", DeviceClass::Camera),
    ("ds-2de", DeviceClass::Camera),
    ("ds-2df", DeviceClass::Camera),
    ("ds-2td", DeviceClass::Camera),
    ("ds-7", DeviceClass::Recorder),
    ("ds-8", DeviceClass::Recorder),
    ("ds-9", DeviceClass::Recorder),
    ("ids-7", DeviceClass::Recorder),
    ("ids-9", DeviceClass::Recorder),
    ("ds-k", DeviceClass::Door),
    ("ds-pw", DeviceClass::Alarm),
    ("ds-pha", DeviceClass::Alarm),
];

pub(crate) fn class(device_type: &str, model: &str) -> DeviceClass {
    let (kind, model) = (device_type.to_ascii_lowercase(), model.to_ascii_lowercase());
    let find = |table: &[(&str, DeviceClass)], word: &str| {
        table.iter().find(|(start, _)| word.starts_with(start)).map(|(_, class)| *class)
    };
    find(CLASSES, &kind).or_else(|| find(MODELS, &model)).unwrap_or_default()
}

/// The RTSP port out of `adminAccesses`.
pub(crate) fn rtsp_port(root: &Element) -> Option<u16> {
    root.children
        .iter()
        .find(|access| access.text("protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("RTSP")))
        .filter(|access| access.text("enabled") != Some("false"))
        .and_then(|access| access.parse_text("portNo"))
        .filter(|port| *port != 0)
}

/// One entry of a stream list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StreamEntry {
    pub(crate) channel: u16,
    /// The id in paths, e.g. 101.
    pub(crate) id: u32,
    /// `None` for third and transcoded streams.
    pub(crate) profile: Option<StreamProfile>,
    pub(crate) enabled: bool,
    pub(crate) name: String,
    pub(crate) stream: ChannelStream,
}

/// Reads a `StreamingChannelList`. Ids are `channel * 100 + stream`; old firmware numbers streams from 1 and names
/// the channel apart.
pub(crate) fn streams(root: &Element, rtsp_port: Option<u16>) -> Vec<StreamEntry> {
    let mut seen_old = BTreeMap::<u16, u32>::new();
    let list = root.children.iter().filter(|child| child.name.starts_with("StreamingChannel"));
    list.take(MAX_CHANNELS * 4)
        .filter_map(|entry| {
            let id: u32 = entry.parse_text("id")?;
            let named = ["Video/videoInputChannelID", "Video/dynVideoInputChannelID", "dynChannelID"]
                .iter()
                .find_map(|path| entry.parse_text::<u16>(path));
            let (channel, number) = if id >= 100 {
                (u16::try_from(id / 100).ok()?, id % 100)
            } else {
                let channel = named.filter(|channel| *channel > 0).unwrap_or(1);
                let count = seen_old.entry(channel).or_default();
                *count += 1;
                (channel, *count)
            };
            let profile = match number {
                1 => Some(StreamProfile::Main),
                2 => Some(StreamProfile::Sub),
                _ => None,
            };
            Some(StreamEntry {
                channel,
                id,
                profile,
                enabled: entry.text("enabled") != Some("false"),
                name: entry.text("channelName").unwrap_or("").to_owned(),
                stream: stream(entry, id, profile.unwrap_or(StreamProfile::Sub), rtsp_port),
            })
        })
        .collect()
}

fn stream(entry: &Element, id: u32, profile: StreamProfile, rtsp_port: Option<u16>) -> ChannelStream {
    let number = |path: &str| entry.parse_text::<u32>(path).filter(|value| *value > 0);
    let quality = entry.text("Video/videoQualityControlType").unwrap_or("");
    let (constant, upper) = (number("Video/constantBitRate"), number("Video/vbrUpperCap"));
    let codec = entry.text("Video/videoCodecType").map(crate::encoder::plain_codec);
    ChannelStream {
        profile,
        path: stream_path(id),
        rtsp_port: rtsp_port.or_else(|| entry.parse_text("Transport/rtspPortNo").filter(|port| *port != 0)),
        codec,
        width: number("Video/videoResolutionWidth"),
        height: number("Video/videoResolutionHeight"),
        // Hundredths; 0 is "all the sensor gives".
        frame_rate: number("Video/maxFrameRate").map(|rate| rate as f32 / 100.0),
        bit_rate: if quality.eq_ignore_ascii_case("CBR") { constant.or(upper) } else { upper.or(constant) },
    }
}

/// Path of a live stream's RTSP URL.
pub(crate) fn stream_path(id: u32) -> String {
    format!("/Streaming/Channels/{id}")
}

/// The id of a channel's stream.
pub(crate) fn stream_id(channel: u16, profile: StreamProfile) -> u32 {
    u32::from(channel) * 100 + if profile == StreamProfile::Main { 1 } else { 2 }
}

/// A recorder's word for a camera: online or why not.
pub(crate) fn online(status: &Element) -> Online {
    let word = status.text("chanDetectResult").unwrap_or("");
    match status.text("online") {
        Some(online) if online.eq_ignore_ascii_case("true") => Online::Yes,
        Some(_) => Online::No(word.to_owned()),
        None if word.eq_ignore_ascii_case("connect") => Online::Yes,
        None if word.is_empty() => Online::Unknown,
        None => Online::No(word.to_owned()),
    }
}

/// What a recorder says about its inputs, by channel number: name and online state.
type Inputs = BTreeMap<u16, (String, Online)>;

/// Inputs of a `VideoInputChannelList`: a recorder's analog sockets, a camera's lenses.
pub(crate) fn analog_inputs(root: &Element) -> Inputs {
    root.children("VideoInputChannel")
        .take(MAX_CHANNELS)
        .filter_map(|input| {
            let state = match input.text("resDesc") {
                Some(words) if words.eq_ignore_ascii_case("NO VIDEO") => Online::No(words.to_owned()),
                Some(_) => Online::Yes,
                None => Online::Unknown,
            };
            Some((input.parse_text("id")?, (input.text("name").unwrap_or("").to_owned(), state)))
        })
        .collect()
}

/// Cameras of an `InputProxyChannelList` with the states of an `InputProxyChannelStatusList`.
pub(crate) fn proxied_inputs(root: &Element, status: Option<&Element>) -> Inputs {
    let states: BTreeMap<u16, Online> = status
        .iter()
        .flat_map(|root| root.children("InputProxyChannelStatus"))
        .filter_map(|entry| Some((entry.parse_text("id")?, online(entry))))
        .collect();
    root.children("InputProxyChannel")
        .take(MAX_CHANNELS)
        .filter_map(|input| {
            let id = input.parse_text("id")?;
            let state = states.get(&id).cloned().unwrap_or_default();
            Some((id, (input.text("name").unwrap_or("").to_owned(), state)))
        })
        .collect()
}

/// Puts inputs and streams together.
pub(crate) fn assemble(
    inputs: &Inputs,
    streams: &[StreamEntry],
    class: DeviceClass,
    rtsp_port: Option<u16>,
) -> Vec<ChannelInfo> {
    let mut channels = BTreeMap::<u16, ChannelInfo>::new();
    for (number, (name, online)) in inputs {
        channels.insert(
            *number,
            ChannelInfo { number: *number, name: name.clone(), online: online.clone(), streams: Vec::new() },
        );
    }
    let only_streams = inputs.is_empty();
    for entry in streams {
        if only_streams {
            channels.entry(entry.channel).or_insert_with(|| ChannelInfo {
                number: entry.channel,
                name: entry.name.clone(),
                // A camera that answers is its own channel.
                online: if class == DeviceClass::Camera { Online::Yes } else { Online::Unknown },
                streams: Vec::new(),
            });
        }
        let Some(channel) = channels.get_mut(&entry.channel) else { continue };
        if channel.name.is_empty() {
            channel.name.clone_from(&entry.name);
        }
        if entry.enabled && entry.profile.is_some() {
            channel.streams.push(entry.stream.clone());
        }
    }
    for channel in channels.values_mut() {
        if class == DeviceClass::Camera && channel.online == Online::Unknown {
            channel.online = Online::Yes;
        }
        channel.streams.sort_by_key(|stream| stream.profile != StreamProfile::Main);
        if channel.streams.is_empty() {
            // Recorders leave out the streams of cameras that are off; their paths are the same nevertheless.
            channel.streams = [StreamProfile::Main, StreamProfile::Sub]
                .map(|profile| bare_stream(channel.number, profile, rtsp_port))
                .into();
        }
    }
    channels.into_values().collect()
}

fn bare_stream(channel: u16, profile: StreamProfile, rtsp_port: Option<u16>) -> ChannelStream {
    ChannelStream {
        profile,
        path: stream_path(stream_id(channel, profile)),
        rtsp_port,
        codec: None,
        width: None,
        height: None,
        frame_rate: None,
        bit_rate: None,
    }
}

/// Asks for everything and puts it together.
pub(crate) async fn read(
    link: &Link,
    class: DeviceClass,
    rtsp_port: Option<u16>,
) -> Result<Vec<ChannelInfo>, IsapiError> {
    let mut inputs = Inputs::new();
    if class != DeviceClass::Camera
        && let Some(root) = link.get_optional("/ISAPI/ContentMgmt/InputProxy/channels").await?
    {
        let status = link.get_optional("/ISAPI/ContentMgmt/InputProxy/channels/status").await?;
        inputs = proxied_inputs(&root, status.as_ref());
    }
    // A recorder without analog sockets answers with an empty list or not at all.
    if let Some(root) = link.get_optional("/ISAPI/System/Video/inputs/channels").await? {
        for (number, input) in analog_inputs(&root) {
            inputs.entry(number).or_insert(input);
        }
    }
    let mut list = match link.get_optional("/ISAPI/Streaming/channels").await? {
        Some(root) => streams(&root, rtsp_port),
        None => Vec::new(),
    };
    if list.is_empty()
        && class != DeviceClass::Camera
        && let Some(root) = link.get_optional("/ISAPI/ContentMgmt/StreamingProxy/channels").await?
    {
        list = streams(&root, rtsp_port);
    }
    Ok(assemble(&inputs, &list, class, rtsp_port))
}
