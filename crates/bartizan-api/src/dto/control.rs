//! Controls of a device: PTZ, picture settings, lamps, outputs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Channel, DeviceClass, Identity, Route};

/// Names a channel of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChannelRef {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
}

/// What a channel can do. The device was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Turns and tilts.
    pub pan_tilt: bool,
    /// Optical zoom.
    pub zoom: bool,
    /// Focus by hand.
    pub focus: bool,
    /// Focus by itself on command.
    pub auto_focus: bool,
    /// Iris by hand.
    pub iris: bool,
    /// A point of the picture can be brought to its centre.
    pub center_on: bool,
    /// Has a home position.
    pub home: bool,
    /// Has presets.
    pub presets: bool,
    /// Presets can be set, renamed and removed.
    pub presets_writable: bool,
    /// Levels the device keeps.
    pub brightness: bool,
    /// See `brightness`.
    pub contrast: bool,
    /// See `brightness`.
    pub saturation: bool,
    /// See `brightness`.
    pub hue: bool,
    /// Can mirror left-right.
    pub flip_horizontal: bool,
    /// Can mirror top-bottom.
    pub flip_vertical: bool,
    /// Rotations beside 0, degrees clockwise.
    pub rotations: Vec<u16>,
    /// Lamps, siren, wiper, tracking.
    pub auxiliaries: Vec<Auxiliary>,
    /// Number of alarm outputs of the whole device.
    pub outputs: u32,
    /// A still picture can be asked for.
    pub snapshot: bool,
    /// Encoder settings can be read and written.
    pub encoder: bool,
}

/// Something beside the picture that can be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Auxiliary {
    /// White light.
    Light,
    /// Siren or buzzer.
    Siren,
    /// Wiper.
    Wiper,
    /// Following a moving target by itself.
    Tracking,
}

/// `control.hold`: a move wanted now. It goes on for 1.2 s unless held again; the page repeats it while the finger is
/// down. Each part −1..1: right, up, tele, far, open are positive. The speed is scaled by the user's PTZ step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HoldMove {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// Pan.
    #[serde(default)]
    pub pan: f32,
    /// Tilt.
    #[serde(default)]
    pub tilt: f32,
    /// Zoom.
    #[serde(default)]
    pub zoom: f32,
    /// Focus; far positive.
    #[serde(default)]
    pub focus: f32,
    /// Iris; open positive.
    #[serde(default)]
    pub iris: f32,
}

/// `control.act`: something done once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Act {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// What.
    pub act: ControlAct,
}

/// Something done once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ControlAct {
    /// Brings a point of the picture to its centre.
    CenterOn {
        /// −1 left edge, 1 right edge.
        x: f32,
        /// −1 lower edge, 1 upper edge.
        y: f32,
        /// 0 keeps the zoom; above, narrows the view by that part.
        zoom: f32,
    },
    /// Goes home.
    Home,
    /// Focuses by itself once.
    AutoFocus,
    /// Goes to a preset.
    GoToPreset {
        /// Which.
        token: String,
    },
    /// Stores the present position.
    SetPreset {
        /// An existing preset to overwrite; null takes a free one.
        token: Option<String>,
        /// Its name.
        name: String,
    },
    /// Renames a preset.
    RenamePreset {
        /// Which.
        token: String,
        /// The new name.
        name: String,
    },
    /// Forgets a preset.
    RemovePreset {
        /// Which.
        token: String,
    },
}

/// Stored positions of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Presets {
    /// In the device's order.
    pub presets: Vec<Preset>,
}

/// A stored position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Preset {
    /// The device's key.
    pub token: String,
    /// Its name; may be empty.
    pub name: String,
}

/// Picture settings in the device. Levels 0..100; null where it has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct Imaging {
    /// 0..100.
    pub brightness: Option<f32>,
    /// 0..100.
    pub contrast: Option<f32>,
    /// 0..100.
    pub saturation: Option<f32>,
    /// 0..100.
    pub hue: Option<f32>,
    /// Mirrored left-right.
    pub flip_horizontal: Option<bool>,
    /// Mirrored top-bottom.
    pub flip_vertical: Option<bool>,
    /// 0, 90, 180, 270 degrees clockwise.
    pub rotation: Option<u16>,
}

/// `control.setImaging`: members that are null stay. The reply is what the device took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct SetImaging {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// What changes.
    pub change: Imaging,
}

/// What the switches of a channel and the outputs of its device are doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Switches {
    /// Lamps, siren, wiper, tracking.
    pub auxiliaries: Vec<AuxiliaryState>,
    /// Alarm outputs.
    pub outputs: Vec<AlarmOutput>,
}

/// An auxiliary and what it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AuxiliaryState {
    /// Which.
    pub auxiliary: Auxiliary,
    /// On; null where the device does not say.
    pub on: Option<bool>,
}

/// A relay of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AlarmOutput {
    /// The device's key.
    pub token: String,
    /// Its name; may be empty.
    pub name: String,
    /// Closed; null where the device does not say.
    pub on: Option<bool>,
}

/// `control.switch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SwitchRequest {
    /// Device id.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// What.
    pub what: SwitchWhat,
}

/// What to switch, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SwitchWhat {
    /// Light, siren or tracking on or off; `on: false` stops a wiper.
    Auxiliary {
        /// Which.
        auxiliary: Auxiliary,
        /// Wanted state.
        on: bool,
    },
    /// The wiper, once or at an interval.
    Wipe {
        /// Seconds from wipe to wipe, 1–600; null wipes once.
        every_s: Option<u16>,
    },
    /// An alarm output on or off.
    Output {
        /// Which.
        token: String,
        /// Wanted state.
        on: bool,
    },
    /// An alarm output on for a while.
    Pulse {
        /// Which.
        token: String,
        /// 100–600 000 ms.
        ms: u32,
    },
}

/// A picture, base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SnapshotDto {
    /// JPEG, base64.
    pub jpeg: String,
}

/// `devices.details`: what the device says about itself now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeviceDetails {
    /// Device id.
    pub id: String,
    /// How it is spoken to.
    pub family: String,
    /// Who it says it is.
    pub identity: Identity,
    /// The user's own choice of kind, or what the device said.
    pub class: DeviceClass,
    /// Its channels now.
    pub channels: Vec<ChannelState>,
    /// Ways to reach it.
    pub routes: Vec<Route>,
    /// Its web page, without a login.
    pub web_page: Option<String>,
    /// Its clock minus ours, milliseconds; null where it does not say.
    #[ts(type = "number | null")]
    pub clock_offset_ms: Option<i64>,
    /// Its zone in its own words.
    pub zone: String,
    /// SHA-256 of its certificate, hex; null over plain HTTP.
    pub certificate: Option<String>,
    /// What was odd, one English line each.
    pub oddities: Vec<String>,
}

/// A channel now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ChannelState {
    /// The channel.
    pub channel: Channel,
    /// Its camera answers; null where the device does not say.
    pub online: Option<bool>,
    /// The device's own word for why not; may be empty.
    pub why_offline: String,
}
