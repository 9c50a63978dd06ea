//! Finding, recognising and adding devices.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Channel, ErrorDto};

/// What kind of thing a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum DeviceClass {
    /// Nobody said; the user may.
    #[default]
    Unknown,
    /// A camera.
    Camera,
    /// A recorder with cameras behind it.
    Recorder,
    /// Door station, indoor monitor, access terminal.
    Door,
    /// Alarm panel.
    Alarm,
}

/// How a device came into the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum AddedBy {
    /// Its address was typed.
    #[default]
    Address,
    /// Its label was scanned, or its serial typed, and the network told where it is.
    Scan,
    /// Found by searching the network.
    Search,
    /// From a device card.
    Card,
}

/// TCP ports of a device's services, 1–65535; absent means the usual one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct Ports {
    /// HTTP.
    pub http: Option<u32>,
    /// HTTPS.
    pub https: Option<u32>,
    /// RTSP.
    pub rtsp: Option<u32>,
    /// The maker's own protocol (37777, 8000 …): kept and shown, not spoken.
    pub server: Option<u32>,
}

/// One more way to reach a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteDraft {
    /// Host name or address.
    pub host: String,
    /// Its ports by that way.
    pub ports: Ports,
}

/// A way to reach a device, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// Ports; absent means the usual one.
    pub ports: Ports,
    /// A private, link-local or loopback address: reachable only from its own network.
    pub local: bool,
    /// The one that media and control use at present.
    pub in_use: bool,
}

/// Who a device says it is. Empty where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Maker.
    pub maker: String,
    /// Model.
    pub model: String,
    /// Firmware version.
    pub firmware: String,
    /// Serial number.
    pub serial: String,
    /// MAC address.
    pub mac: String,
    /// The name its owner gave it.
    pub name: String,
    /// What it is.
    pub class: DeviceClass,
}

/// What a probe found, before anything is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProbeReport {
    /// The host that answered.
    pub host: String,
    /// Its RTSP port.
    pub port: u16,
    /// How it is spoken to: `isapi`, `dahua`, `onvif` or `rtsp`.
    pub family: String,
    /// How that is known, for people to read; English.
    pub evidence: String,
    /// Who it says it is.
    pub identity: Identity,
    /// Control goes over HTTPS.
    pub https: bool,
    /// SHA-256 of the certificate it showed, hex.
    pub certificate: Option<String>,
    /// The `Server` header or SDP tool of its RTSP side, when sent.
    pub server: Option<String>,
    /// The channels found.
    pub channels: Vec<Channel>,
    /// The device let us in, but its video did not answer: why.
    pub video_trouble: Option<ErrorDto>,
    /// What was odd, one English line each.
    pub oddities: Vec<String>,
}

/// What answers at an address, found out without a password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecogniseReport {
    /// `isapi`, `dahua`, `onvif` or `rtsp`.
    pub family: String,
    /// How that is known, for people to read; English.
    pub evidence: String,
    /// Whether it has its first password; null where it does not say.
    pub activated: Option<bool>,
    /// Control can go over HTTPS.
    pub https: bool,
    /// SHA-256 of the certificate it showed, hex.
    pub certificate: Option<String>,
    /// What it told about itself unasked.
    pub identity: Identity,
}

/// `devices.activate`: gives a factory-fresh device its first password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct ActivateDevice {
    /// Host name or address.
    pub host: String,
    /// Its ports.
    #[serde(default)]
    pub ports: Ports,
    /// For the built-in administrator.
    pub password: String,
    /// For resetting the password later, where the device takes one.
    pub mail: Option<String>,
}

/// `search.start`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct SearchRequest {
    /// How long to listen, 1–60 s; 6 when absent.
    pub seconds: Option<u32>,
    /// Also ask every address of the local subnets, one by one: where multicast is barred. On by itself on iOS.
    pub every_address: Option<bool>,
}

/// `search.next`: waits for something newer than `revision`, at most 10 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SearchRef {
    /// From `search.start`.
    pub search: String,
    /// The revision that the page has; 0 at first.
    #[ts(type = "number")]
    pub revision: u64,
}

/// What a search has found so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SearchState {
    /// Names the search.
    pub search: String,
    /// Grows with every change.
    #[ts(type = "number")]
    pub revision: u64,
    /// Still listening.
    pub running: bool,
    /// Found devices, one row each however many ways it answered, in order of appearance.
    pub found: Vec<FoundDevice>,
    /// What could not be searched, one English line each (no network, port taken …).
    pub troubles: Vec<String>,
}

/// A device on the network. Empty where it did not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FoundDevice {
    /// Stable within a search.
    pub key: String,
    /// The best address to reach it.
    pub host: String,
    /// All its addresses.
    pub addresses: Vec<String>,
    /// Ports it named.
    pub ports: Ports,
    /// How to speak to it, when that is sure.
    pub family: Option<String>,
    /// Which searches found it.
    pub found_by: Vec<String>,
    /// Who it says it is.
    pub identity: Identity,
    /// Whether it has its first password; null where it does not say.
    pub activated: Option<bool>,
    /// The device of our list that it is.
    pub added: Option<String>,
}

/// `qr.text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QrText {
    /// What was scanned or typed.
    pub text: String,
}

/// `qr.frame`: one frame of a camera, brightness only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QrFrame {
    /// Pixels, at most 2048.
    pub width: u32,
    /// Pixels, at most 2048.
    pub height: u32,
    /// `width × height` bytes, base64.
    pub luma: String,
    /// Counts up; the scanner tries something harder on each following frame.
    pub number: u32,
}

/// `qr.picture`: a picture file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QrPicture {
    /// JPEG, PNG or WebP, base64.
    pub data: String,
}

/// What a scan gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct QrCodes {
    /// Each code found.
    pub codes: Vec<QrCode>,
}

/// One code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct QrCode {
    /// Four corners, x and y in pixels of the frame, clockwise; empty for typed text.
    pub corners: Vec<(f32, f32)>,
    /// What it means.
    pub meaning: QrMeaning,
}

/// What a code means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum QrMeaning {
    /// The label of a device.
    Label {
        /// Serial number.
        serial: String,
        /// Model; may be empty.
        model: String,
        /// Whose label it looks like; for people to read.
        maker: String,
    },
    /// An address that can be added as it is.
    Address {
        /// Ready to be added; holds the password when the code held one.
        draft: Box<super::DeviceDraft>,
    },
    /// A part of a device card of ours; give all parts to `card.read`.
    Card {
        /// The code's text.
        text: String,
    },
    /// Devices exported by another app; names and hosts can be read, passwords cannot.
    Share {
        /// Whose export it is; for people to read.
        from: String,
        /// Ready to be completed with a user and a password.
        drafts: Vec<super::DeviceDraft>,
    },
    /// Something else.
    Other {
        /// What it seems to be: `wifi`, `json`, `uid`, `url`, `text`.
        seems: String,
        /// Its text, shortened, with anything secret blanked.
        text: String,
    },
}

/// `card.create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct CardRequest {
    /// Device ids.
    pub devices: Vec<String>,
    /// Encrypts the card. Without one the card holds no device passwords.
    pub password: Option<String>,
}

/// A device card as pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CardPictures {
    /// One code per part, in order.
    pub parts: Vec<CardPart>,
    /// All parts on one picture, PNG, base64.
    pub sheet: String,
    /// A file name for it.
    pub file_name: String,
}

/// One code of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CardPart {
    /// The code's text.
    pub text: String,
    /// The code as PNG, base64.
    pub png: String,
}

/// `card.read` and `card.add`: the scanned parts in any order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct CardTexts {
    /// Texts of the codes.
    pub texts: Vec<String>,
    /// The card's password, once typed.
    pub password: Option<String>,
}

/// How far the reading of a card is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CardState {
    /// Parts scanned.
    pub have: u32,
    /// Parts there are.
    pub total: u32,
    /// It asks for a password.
    pub encrypted: bool,
    /// Its devices, once complete and opened.
    pub devices: Option<Vec<CardDevice>>,
}

/// A device on a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CardDevice {
    /// Its name.
    pub name: String,
    /// Its first host.
    pub host: String,
    /// `isapi`, `dahua`, `onvif`, `rtsp`.
    pub family: String,
    /// The card brings its password.
    pub has_password: bool,
    /// The device of our list that it is.
    pub added: Option<String>,
}

/// What `card.add` did with each device of the card, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CardAdded {
    /// One entry per device.
    pub results: Vec<CardResult>,
}

/// What became of one device of a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CardResult {
    /// Its name.
    pub name: String,
    /// The id under which it is in the list now.
    pub device: Option<String>,
    /// Why it could not be reached now. With an id beside it, it was stored all the same and is tried again when used.
    pub trouble: Option<ErrorDto>,
}

/// `pictures.save`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SavePicture {
    /// File name without folder.
    pub file_name: String,
    /// The file, base64.
    pub data: String,
}

/// Where a picture went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SavedPicture {
    /// Full path.
    pub path: String,
}
