//! Channels: what the device has, how they are called, whether they answer, how they are encoded; and what one can do.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_base::StreamProfile;
use bartizan_device::{
    Capabilities, ChannelInfo, ChannelStream, DeviceClass, Online, PresetCapabilities, PtzCapabilities,
};
use serde_json::{Value, json};

use crate::{
    auxiliary::{self, Ways},
    device::Device,
    encoder,
    error::DahuaError,
    imaging,
    query::Query,
    range::MotionRange,
    text::Values,
};

/// More channels than any recorder has.
const MOST_CHANNELS: usize = 512;
/// Where a head has presets and does not say how many.
const USUAL_PRESETS: u16 = 80;

/// The tables that describe channels; `None` where the device refused.
#[derive(Debug, Default)]
struct Tables {
    titles: Option<Values>,
    remote: Option<Values>,
    encode: Option<Values>,
    /// Zero-based channel → the device's word, of `getCameraState`.
    states: Option<BTreeMap<usize, String>>,
    /// Zero-based channels without video, of `getEventIndexes`.
    lost: Option<BTreeSet<usize>>,
    /// How many extra streams there are.
    extra_streams: Option<usize>,
    rtsp_port: Option<u16>,
    /// How many channels there are, where nothing else tells.
    most: usize,
}

/// Asks for every channel.
pub(crate) async fn channels(device: &Device) -> Result<Vec<ChannelInfo>, DahuaError> {
    let class = device.identity().await?.class;
    let (titles, encode, rtsp_port) =
        tokio::join!(device.config("ChannelTitle"), device.config("Encode"), device.ask_rtsp_port());
    let mut tables = Tables { titles: titles?, encode: encode?, rtsp_port: rtsp_port?, ..Tables::default() };
    tables.extra_streams = definition(device, "MaxExtraStream").await?;
    if class == DeviceClass::Recorder {
        tables.remote = device.config("RemoteDevice").await?;
        tables.states = camera_states(device).await?;
        if tables.states.is_none() {
            tables.lost = lost_video(device).await?;
        }
        if tables.titles.is_none() && tables.encode.is_none() {
            tables.most = definition(device, "MaxRemoteInputChannels").await?.unwrap_or(0);
        }
    }
    if tables.encode.is_none() {
        device.oddities.note("Encode is refused: codec and size of the streams are unknown".into());
    }
    Ok(tables.channels(class))
}

async fn definition(device: &Device, name: &str) -> Result<Option<usize>, DahuaError> {
    let query = Query::new("magicBox", "getProductDefinition").with("name", name);
    Ok(device.optional(&query).await?.and_then(|told| told.number(name)))
}

async fn camera_states(device: &Device) -> Result<Option<BTreeMap<usize, String>>, DahuaError> {
    let ask = json!({ "uniqueChannels": [-1] });
    match device.api("/cgi-bin/api/LogicDeviceManager/getCameraState", &ask).await {
        Ok(answer) => Ok(read_states(&answer)),
        Err(DahuaError::Unreadable { .. }) => Ok(None),
        Err(error) if error.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_states(answer: &Value) -> Option<BTreeMap<usize, String>> {
    let states = answer.get("states")?.as_array()?;
    let state = |state: &Value| {
        let channel =
            usize::try_from(state.get("channel")?.as_u64()?).ok().filter(|at| *at < MOST_CHANNELS)?;
        Some((channel, state.get("connectionState")?.as_str()?.to_owned()))
    };
    Some(states.iter().filter_map(state).collect())
}

/// Which channels lost their video. "No Events" is an answer: none did.
async fn lost_video(device: &Device) -> Result<Option<BTreeSet<usize>>, DahuaError> {
    let query = Query::new("eventManager", "getEventIndexes").with("code", "VideoLoss");
    match device.values(&query).await {
        Ok(values) => {
            Ok(Some(values.under("channels[").filter_map(|(_, index)| index.trim().parse().ok()).collect()))
        }
        Err(DahuaError::Refused { words, .. }) if words.to_ascii_lowercase().contains("no events") => {
            Ok(Some(BTreeSet::new()))
        }
        Err(DahuaError::Unreadable { .. }) => Ok(None),
        Err(error) if error.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Tables {
    fn channels(&self, class: DeviceClass) -> Vec<ChannelInfo> {
        let mut indices: BTreeSet<usize> = (0..self.most.min(MOST_CHANNELS)).collect();
        for (table, name) in [(&self.titles, "ChannelTitle"), (&self.encode, "Encode")] {
            indices.extend(table.iter().flat_map(|table| table.indices(name)));
        }
        if class != DeviceClass::Recorder {
            indices.insert(0);
        }
        let remote = self.remote.as_ref().map(remote_devices).unwrap_or_default();
        indices.extend(remote.keys().copied());
        indices
            .into_iter()
            .filter(|index| *index < MOST_CHANNELS && self.is_used(*index, class, &remote))
            .map(|index| self.channel(index, class))
            .collect()
    }

    /// Recorders list every place, also those without a camera.
    fn is_used(&self, index: usize, class: DeviceClass, remote: &BTreeMap<usize, bool>) -> bool {
        if class != DeviceClass::Recorder {
            return true;
        }
        if let Some(state) = self.states.as_ref().and_then(|states| states.get(&index)) {
            return !state.eq_ignore_ascii_case("Empty");
        }
        // Analogue inputs of hybrid recorders are not in RemoteDevice, so only what is there and switched off is out.
        remote.get(&index).copied().unwrap_or(true)
    }

    fn channel(&self, index: usize, class: DeviceClass) -> ChannelInfo {
        let title =
            self.titles.as_ref().and_then(|titles| titles.get(&format!("ChannelTitle[{index}].Name")));
        let number = u16::try_from(index + 1).unwrap_or(u16::MAX);
        ChannelInfo {
            number,
            // Two lines of a title are joined by "|".
            name: title.unwrap_or_default().replace('|', " ").trim().to_owned(),
            online: self.online(index, class),
            streams: self.streams(index, number),
        }
    }

    fn online(&self, index: usize, class: DeviceClass) -> Online {
        if class != DeviceClass::Recorder {
            return Online::Yes;
        }
        match (&self.states, &self.lost) {
            (Some(states), _) => match states.get(&index).map(String::as_str) {
                Some(state) if state.eq_ignore_ascii_case("Connected") => Online::Yes,
                Some(state) => Online::No(state.to_owned()),
                None => Online::Unknown,
            },
            (None, Some(lost)) if lost.contains(&index) => Online::No("VideoLoss".to_owned()),
            (None, Some(_)) => Online::Yes,
            (None, None) => Online::Unknown,
        }
    }

    fn streams(&self, index: usize, number: u16) -> Vec<ChannelStream> {
        [(StreamProfile::Main, 0, "MainFormat[0]"), (StreamProfile::Sub, 1, "ExtraFormat[0]")]
            .into_iter()
            .filter(|(profile, ..)| *profile == StreamProfile::Main || self.extra_streams != Some(0))
            .filter_map(|(profile, subtype, format)| {
                let mut stream = ChannelStream {
                    profile,
                    path: format!("/cam/realmonitor?channel={number}&subtype={subtype}"),
                    rtsp_port: self.rtsp_port,
                    codec: None,
                    width: None,
                    height: None,
                    frame_rate: None,
                    bit_rate: None,
                };
                if let Some(encode) =
                    self.encode.as_ref().filter(|encode| encode.has(&format!("Encode[{index}].")))
                {
                    let prefix = format!("Encode[{index}].{format}.");
                    if !encode.has(&prefix) || encode.flag(&format!("{prefix}VideoEnable")) == Some(false) {
                        return None;
                    }
                    describe(&mut stream, encode, &prefix);
                }
                Some(stream)
            })
            .collect()
    }
}

fn describe(stream: &mut ChannelStream, encode: &Values, prefix: &str) {
    let key = |name: &str| format!("{prefix}Video.{name}");
    let size = ["resolution", "Resolution"].iter().find_map(|name| encode.get(&key(name))?.split_once('x'));
    let size =
        size.and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
    let positive = |value: Option<u32>| value.filter(|value| *value > 0);
    stream.codec = encode.get(&key("Compression")).map(codec);
    stream.width = positive(encode.number(&key("Width"))).or(size.map(|(width, _): (u32, u32)| width));
    stream.height = positive(encode.number(&key("Height"))).or(size.map(|(_, height)| height));
    stream.frame_rate = encode.number::<f32>(&key("FPS")).filter(|rate| rate.is_finite() && *rate > 0.0);
    stream.bit_rate = positive(encode.number(&key("BitRate")));
}

/// `H.264B`, `H.264H` and `MJPG` in the words used elsewhere.
pub(crate) fn codec(told: &str) -> String {
    let upper = told.trim().to_ascii_uppercase();
    match upper.as_str() {
        _ if upper.starts_with("H.264") || upper.starts_with("H264") => "H.264".to_owned(),
        _ if upper.starts_with("H.265") || upper.starts_with("H265") => "H.265".to_owned(),
        "MJPG" | "MJPEG" | "JPEG" => "JPEG".to_owned(),
        _ => told.trim().to_owned(),
    }
}

/// Zero-based channel → switched on, from `RemoteDevice.uuid:…_0.Enable` or the older `RemoteDevice[0].Enable`.
fn remote_devices(table: &Values) -> BTreeMap<usize, bool> {
    let mut found = BTreeMap::new();
    for (rest, value) in table.under("RemoteDevice") {
        let Some(key) = rest.strip_suffix(".Enable") else { continue };
        let index = key.strip_prefix('[').and_then(|key| key.strip_suffix(']'));
        let index = index
            .or_else(|| key.rsplit_once('_').map(|(_, index)| index))
            .and_then(|index| index.parse().ok());
        if let Some(index) = index.filter(|index| *index < MOST_CHANNELS) {
            found.insert(index, crate::text::flag(value).unwrap_or(true));
        }
    }
    found
}

/// What was asked of one channel.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// `ptz.cgi?action=getCurrentProtocolCaps`.
    pub ptz: Values,
    /// `devVideoInput.cgi?action=getCaps`.
    pub video: Values,
    /// Where the head can look.
    pub range: MotionRange,
    /// The preset that is home, where one is.
    pub home: Option<u16>,
    /// How auxiliaries are switched.
    pub ways: Ways,
    /// Picture settings.
    pub imaging: imaging::Places,
    /// Encoder settings can be read.
    pub encoder: bool,
}

impl Facts {
    pub async fn ask(device: &Device, channel: u16) -> Result<Self, DahuaError> {
        let of_channel = |script: &str, action: &str| Query::new(script, action).with("channel", channel);
        let (ptz_query, video_query) =
            (of_channel("ptz", "getCurrentProtocolCaps"), of_channel("devVideoInput", "getCaps"));
        let (ptz, video) = tokio::join!(device.optional(&ptz_query), device.optional(&video_query));
        let (ptz, video) = (ptz?.unwrap_or_default(), video?.unwrap_or_default());
        let mut facts = Self { range: MotionRange::read(&ptz), ptz, video, ..Self::default() };
        if facts.can("Pan") || facts.can("Tile") {
            let key = format!("Ptz[{}].Homing[0]", channel.saturating_sub(1));
            let table = device.recent_config("Ptz").await?;
            facts.home = table.and_then(|table| table.number::<u16>(&key)).filter(|preset| *preset > 0);
        }
        facts.ways = auxiliary::ways(device, channel, &facts.ptz).await?;
        facts.imaging = imaging::places(device, channel, &facts.video).await?;
        facts.encoder = encoder::is_there(device, channel).await?;
        Ok(facts)
    }

    /// Whether `caps.<what>` says yes.
    pub fn can(&self, what: &str) -> bool {
        self.says(what) == Some(true)
    }

    fn says(&self, what: &str) -> Option<bool> {
        self.ptz.flag(&format!("caps.{what}"))
    }

    /// A motorised lens without a head: moved by `devVideoInput`, not by `ptz`.
    pub fn has_lens_motor(&self) -> bool {
        self.video.flag("caps.ElectricFocus") == Some(true)
    }

    /// Zoom is the lens motor's.
    pub fn zooms_by_lens(&self) -> bool {
        self.has_lens_motor() && !self.can("Zoom")
    }

    /// Focus is the lens motor's.
    pub fn focuses_by_lens(&self) -> bool {
        self.has_lens_motor() && !self.can("Focus")
    }

    pub fn ptz(&self) -> PtzCapabilities {
        let pan_tilt = self.can("Pan") || self.can("Tile") || self.can("Tilt");
        let zoom = self.can("Zoom") || self.has_lens_motor();
        let moves = pan_tilt || self.can("Zoom");
        let told_range = pan_tilt && self.ptz.has("caps.PtzMotionRange.HorizontalAngle");
        let told = self.ptz.number::<u16>("caps.PresetMax").filter(|most| *most > 0);
        let most = told.or(self.can("Preset").then_some(USUAL_PRESETS));
        let presets = most.filter(|_| moves && self.says("Preset") != Some(false));
        PtzCapabilities {
            pan_tilt,
            zoom,
            focus: self.can("Focus") || self.has_lens_motor(),
            auto_focus: self.has_lens_motor() || self.can("AutoFocus"),
            iris: self.can("Iris"),
            relative: moves && self.can("MoveRelatively"),
            absolute: moves && self.says("MoveAbsolutely").unwrap_or(told_range),
            center_on: pan_tilt && self.can("MoveDirectly"),
            home: self.home.is_some(),
            presets: presets
                .map(|most| PresetCapabilities { most, writable: self.says("RemovePreset").unwrap_or(true) }),
        }
    }

    pub fn capabilities(&self, snapshot: bool, defaults: bool) -> Capabilities {
        Capabilities {
            ptz: self.ptz(),
            imaging: self.imaging.capabilities(defaults),
            auxiliaries: self.ways.auxiliaries(),
            snapshot,
            // The CGI and RPC2 documents name no request for a key frame.
            key_frame: false,
            encoder: self.encoder,
        }
    }
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
