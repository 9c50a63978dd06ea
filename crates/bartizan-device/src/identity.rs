use bartizan_base::{StreamProfile, UtcMicros};

/// Which protocol family a driver speaks: a short lower-case word, stored with the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FamilyId(pub &'static str);

impl FamilyId {
    /// Plain RTSP: streams and nothing else.
    pub const RTSP: Self = Self("rtsp");
}

/// What kind of thing a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceClass {
    /// Nobody said.
    #[default]
    Unknown,
    /// One camera, with one or several lenses.
    Camera,
    /// Records the cameras connected to it (NVR, DVR, XVR).
    Recorder,
    /// Door station, indoor monitor, access terminal.
    Door,
    /// Alarm panel.
    Alarm,
}

/// Who a device says it is. Empty text where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Maker.
    pub maker: String,
    /// Model.
    pub model: String,
    /// Firmware version as the device writes it.
    pub firmware: String,
    /// Serial number.
    pub serial: String,
    /// The first network interface's MAC address, lower case with colons.
    pub mac: String,
    /// The name given to it by its owner.
    pub name: String,
    /// What it is.
    pub class: DeviceClass,
}

/// Whether the camera behind a channel answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Online {
    /// It does.
    Yes,
    /// It does not; the device's own word for why, when it gives one.
    No(String),
    /// The device does not say.
    #[default]
    Unknown,
}

/// One video input as the device describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelInfo {
    /// 1-based, as the app numbers channels.
    pub number: u16,
    /// The device's name for it; may be empty.
    pub name: String,
    /// Whether its camera answers.
    pub online: Online,
    /// Its encodings, main first. Empty when the device refuses to say.
    pub streams: Vec<ChannelStream>,
}

/// One encoding of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStream {
    /// Main is the largest, sub the next.
    pub profile: StreamProfile,
    /// Path and query of the RTSP URL; never holds user info.
    pub path: String,
    /// RTSP port when the device names one; the host is always the one we reached.
    pub rtsp_port: Option<u16>,
    /// `H.264`, `H.265`, `JPEG` … as the device configures it.
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Pictures per second.
    pub frame_rate: Option<f32>,
    /// kbit/s.
    pub bit_rate: Option<u32>,
}

/// A device's clock beside ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceClock {
    /// The device's UTC when it answered.
    pub utc: UtcMicros,
    /// Device minus ours, milliseconds, half the round trip taken off.
    pub offset_ms: i64,
    /// The device's zone in its own words; may be empty.
    pub zone: String,
    /// The device's local time minus its UTC, seconds; `None` when it does not say.
    pub utc_offset_s: Option<i32>,
}

/// A still picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// JPEG.
    pub jpeg: bytes::Bytes,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} bytes)", self.jpeg.len())
    }
}
