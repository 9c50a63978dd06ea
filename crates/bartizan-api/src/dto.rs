//! What crosses to the page as JSON. Plain shapes; numbers fit an IEEE double; times are milliseconds.

mod adding;
mod control;
mod diagnostics;
mod favourites;
mod files;
mod looks;
mod playback;
mod protection;
mod replay;
mod sound;
mod streams;
mod talk;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use self::{
    adding::*, control::*, diagnostics::*, favourites::*, files::*, looks::*, playback::*, protection::*,
    replay::*, sound::*, streams::*, talk::*,
};

/// No arguments, or nothing to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Empty {}

/// A failed command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDto {
    /// What to act on.
    #[ts(type = "Code")]
    pub code: bartizan_base::Code,
    /// Technical wording in English, free of secrets; for the "Details" fold.
    pub detail: String,
    /// How long the device asked to wait, milliseconds.
    #[ts(type = "number | null")]
    pub retry_after_ms: Option<u64>,
    /// How many more wrong passwords the device takes before it locks, when it said so.
    pub tries_left: Option<u32>,
}

/// What runs behind the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AppInfo {
    /// Program version.
    pub version: String,
    /// Which shell.
    pub shell: Shell,
    /// Operating system: `linux`, `android`, `ios`, `macos`, `windows`.
    pub os: String,
    /// True when cameras were given on the command line and nothing is stored.
    pub ephemeral: bool,
    /// How device passwords are kept at rest.
    pub key_storage: KeyStorage,
}

/// Where the key that encrypts device passwords lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum KeyStorage {
    /// The operating system's keychain.
    Keychain,
    /// A file only this user can read, beside the database: no keychain answered.
    KeyFile,
    /// The database, encrypted with the app's PIN or password.
    Wrapped,
    /// In memory; nothing is stored.
    Memory,
}

/// The program around the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Shell {
    /// The Tauri app.
    Tauri,
    /// `bartizan-web` and a browser.
    Web,
}

/// Main or sub encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// Full size ("HD").
    Main,
    /// Small ("fluent").
    Sub,
}

/// How media travels from the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// TCP first, UDP where the device refuses it.
    #[default]
    Auto,
    /// RTP interleaved in the RTSP connection.
    Tcp,
    /// RTP over UDP.
    Udp,
}

/// All devices, in the user's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeviceList {
    /// Grows by one with every change.
    #[ts(type = "number")]
    pub revision: u64,
    /// The devices.
    pub devices: Vec<Device>,
}

/// A device as listed. Never holds the password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Stable id.
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// RTSP port.
    pub port: u16,
    /// User name, empty when none.
    pub user: String,
    /// A password is stored.
    pub has_password: bool,
    /// How media travels.
    pub transport: Transport,
    /// How it is spoken to: `isapi`, `dahua`, `onvif` or `rtsp`.
    pub family: String,
    /// Who it said it is when it was added; `identity.class` is the user's choice where there is one.
    pub identity: Identity,
    /// How it came into the list.
    pub added_by: AddedBy,
    /// Ways to reach it; `host` and `port` are the first one's.
    pub routes: Vec<Route>,
    /// The streams were never asked for: it was stored while out of reach.
    pub unverified: bool,
    /// The device let us in, but its video did not answer: why. Only in the answers of `devices.add` and
    /// `devices.update`.
    pub video_trouble: Option<ErrorDto>,
    /// Its channels, by number.
    pub channels: Vec<Channel>,
    /// When it was added, milliseconds since 1970 UTC.
    #[ts(type = "number")]
    pub added_at_ms: i64,
}

/// One video input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// 1-based.
    pub number: u16,
    /// What the device calls it; empty where it does not say.
    pub name: String,
    /// Its encodings; main first. One without a sub stream has one entry.
    pub streams: Vec<StreamInfo>,
}

/// One encoding, as the device described it when it was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StreamInfo {
    /// Main or sub.
    pub profile: Profile,
    /// Path and query on the device, a login in it blanked.
    pub path: String,
    /// RFC 6381 codec, when known.
    pub codec: Option<String>,
    /// Pixels, when known.
    pub width: Option<u32>,
    /// Pixels, when known.
    pub height: Option<u32>,
}

/// What a person typed to add or change a device.
///
/// Either `url`, or `host` and the rest. The family is recognised without a password, then logged in to with one try;
/// where nothing but RTSP answers, the well-known stream paths are tried in turn, and the first refusal of the password
/// ends the search, so no account is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct DeviceDraft {
    /// `rtsp://[user:password@]host[:port]/path`.
    pub url: Option<String>,
    /// Host name or address.
    pub host: Option<String>,
    /// RTSP port, 554 when absent; the same as `ports.rtsp`.
    pub port: Option<u32>,
    /// Ports of its services.
    pub ports: Option<Ports>,
    /// More ways to reach it, tried beside `host`.
    pub routes: Option<Vec<RouteDraft>>,
    /// `isapi`, `dahua`, `onvif`, `rtsp`: chosen by hand. Absent: found out.
    pub family: Option<String>,
    /// Kind of device chosen by hand.
    pub class: Option<DeviceClass>,
    /// How it came to be added.
    pub added_by: Option<AddedBy>,
    /// SHA-256 of a certificate that a person agreed to, hex. Absent: pinned on first use, and a changed one is an error.
    pub accept_certificate: Option<String>,
    /// A person agreed to spend the last try before the device locks.
    pub spend_last_try: Option<bool>,
    /// User name.
    pub user: Option<String>,
    /// Password. Absent in an update: keep the stored one.
    pub password: Option<String>,
    /// The user's name for it; the host when absent.
    pub name: Option<String>,
    /// How media travels.
    pub transport: Option<Transport>,
}

/// `devices.update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeviceUpdate {
    /// Which.
    pub id: String,
    /// What changes; absent members stay. A change of address, port, user or password probes again first.
    pub draft: DeviceDraft,
}

/// Names a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceRef {
    /// Which.
    pub id: String,
}

/// The answer of `devices.delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// `devices.restore` works for this long, milliseconds.
    #[ts(type = "number")]
    pub undo_ms: u64,
}

/// User settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Decode in the web view (WebCodecs, usually hardware) rather than in Rust (openh264).
    pub hard_decoding: bool,
    /// What live pictures are to be above all.
    pub quality_mode: QualityMode,
    /// How long `fluent` holds pictures, milliseconds, 200–2000.
    pub fluent_delay_ms: u16,
    /// Colours.
    pub theme: Theme,
    /// Words.
    pub language: Language,
    /// Windows on the wall: 1, 2, 4, 6, 8, 9, 12 or 16.
    pub layout: u8,
    /// Speed of PTZ moves, 1–8, higher is faster.
    pub ptz_step: u8,
    /// The user's order of the tools under the wall, by name; tools not named keep their place behind these.
    pub wall_tools: Vec<String>,
    /// Pictures per manual snapshot, 1–10.
    pub capture_count: u8,
    /// What a pushed clip lasts beyond its 15 s, seconds, 0–120.
    pub push_duration_s: u16,
    /// Noise reduction of the microphone, 0 (off) to 4.
    pub noise_reduction: u8,
    /// What opens at the start.
    pub default_page: DefaultPage,
    /// What plays over metered networks.
    pub metered_policy: MeteredPolicy,
    /// Megabytes (10^6) per month over metered networks, 0–1 000 000; 0 for no limit.
    pub metered_cap_mb: u32,
    /// The wall of the last session comes back by itself.
    pub memory_play: bool,
    /// Country for number and date formats: ISO 3166-1 alpha-2, or empty for the system's.
    pub country: String,
}

/// What live pictures are to be above all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum QualityMode {
    /// Young: each is shown as it comes.
    RealTime,
    /// Steady: all are held for a stated delay.
    Fluent,
    /// As young as the network lets them be steady.
    Auto,
}

/// What opens at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum DefaultPage {
    /// The wall.
    Home,
    /// The groups.
    Favourites,
    /// Alarm messages.
    Messages,
    /// The list of devices.
    Devices,
    /// Settings.
    Me,
}

/// What may be played over a network that costs by the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum MeteredPolicy {
    /// Nothing until the user was asked.
    Ask,
    /// As on any network.
    Allow,
    /// Sub streams; channels without one show stills.
    SubOnly,
    /// Still pictures.
    Stills,
    /// Nothing.
    Never,
}

/// `settings.set`: absent members stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct SettingsPatch {
    /// See [`Settings`].
    pub hard_decoding: Option<bool>,
    /// See [`Settings`].
    pub quality_mode: Option<QualityMode>,
    /// See [`Settings`].
    pub fluent_delay_ms: Option<u16>,
    /// See [`Settings`].
    pub theme: Option<Theme>,
    /// See [`Settings`].
    pub language: Option<Language>,
    /// See [`Settings`].
    pub layout: Option<u8>,
    /// See [`Settings`].
    pub ptz_step: Option<u8>,
    /// See [`Settings`]: at most 32 names of at most 32 ASCII letters.
    pub wall_tools: Option<Vec<String>>,
    /// See [`Settings`].
    pub capture_count: Option<u8>,
    /// See [`Settings`].
    pub push_duration_s: Option<u16>,
    /// See [`Settings`].
    pub noise_reduction: Option<u8>,
    /// See [`Settings`].
    pub default_page: Option<DefaultPage>,
    /// See [`Settings`].
    pub metered_policy: Option<MeteredPolicy>,
    /// See [`Settings`].
    pub metered_cap_mb: Option<u32>,
    /// See [`Settings`].
    pub memory_play: Option<bool>,
    /// See [`Settings`].
    pub country: Option<String>,
}

/// Colour scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the system says.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// As the system says.
    System,
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// Where the page gets its media: see `docs/media-wire.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MediaEndpoint {
    /// The media session's id and token.
    pub session: String,
    /// `ws://127.0.0.1:PORT/…`, or null where there is no such carrier.
    pub ws_url: Option<String>,
    /// Base of the long poll, absolute or relative to the page.
    pub poll_url: String,
}

/// Names a media session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MediaSessionRef {
    /// From `live.connect`.
    pub session: String,
}

/// `live.open`: bind a tile to a stream. An open tile of the same number is rebound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct OpenTile {
    /// From `live.connect`.
    pub session: String,
    /// The page's number for the tile.
    pub tile: u32,
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// Main or sub; sub falls back to main where there is none.
    pub profile: Profile,
    /// What is to come over the wire.
    pub delivery: Delivery,
}

/// What comes over the wire for a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// Compressed access units, for WebCodecs.
    Encoded,
    /// I420 pictures decoded by openh264.
    Pictures,
}

/// Names a tile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TileRef {
    /// From `live.connect`.
    pub session: String,
    /// The page's number for the tile.
    pub tile: u32,
}

/// How many of a stream's pictures a tile gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Pace {
    /// Every picture.
    Full,
    /// Random access points only.
    Keys,
    /// A random access point every ten seconds.
    Stills,
}

/// `live.pace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SetPace {
    /// From `live.connect`.
    pub session: String,
    /// The page's number for the tile. A tile that is opened anew gets every picture again.
    pub tile: u32,
    /// From now on.
    pub pace: Pace,
}

/// What the platform noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Hint {
    /// The network changed or came back: reconnect at once.
    NetworkChanged,
}

/// `live.presence`. A page in the background has no tiles, and opens none; its streams are kept for 30 s, counted by the
/// core. A session that is not known has none anyway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Presence {
    /// Media session of the page.
    pub session: String,
    /// In front.
    pub present: bool,
    /// Grows by one with each word of the page on this: the greatest counts, in whatever order they arrive.
    pub turn: u32,
}

/// `live.hint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HintDto {
    /// What was noticed.
    pub hint: Hint,
}

/// `live.stats`: one row per open stream session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LiveStats {
    /// Open stream sessions.
    pub streams: Vec<StreamStats>,
    /// Access units and pictures dropped on the way to slow pages.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// Counters of one stream session since it was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StreamStats {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// Encoding.
    pub profile: Profile,
    /// Viewers attached.
    pub viewers: u32,
    /// Access units received.
    #[ts(type = "number")]
    pub access_units: u64,
    /// Bytes of access unit data received.
    #[ts(type = "number")]
    pub bytes: u64,
    /// Reconnects.
    pub reconnects: u32,
    /// Its sound is open too.
    pub sound: bool,
}

/// What the session behind a tile is doing; the payload of media wire kind 4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TileState {
    /// Where the session stands.
    pub phase: Phase,
    /// Why, for stalled, backoff and failed; in connecting, why it is opened anew.
    #[ts(type = "Code | null")]
    pub code: Option<bartizan_base::Code>,
    /// Technical wording in English.
    pub detail: Option<String>,
    /// Until the next try, milliseconds; in backoff.
    #[ts(type = "number | null")]
    pub retry_in_ms: Option<u64>,
    /// Tries since the last picture.
    pub attempt: u32,
}

/// States of a stream session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Not asked for.
    Idle,
    /// Talking to the device.
    Connecting,
    /// Playing; the first random access point has not come.
    Buffering,
    /// Pictures flow.
    Playing,
    /// Connected, but no picture for too long.
    Stalled,
    /// Waiting to try again.
    Backoff,
    /// Being torn down.
    Closing,
    /// Given up until a person acts.
    Failed,
}

/// What the following pictures are; the payload of media wire kind 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StreamConfig {
    /// RFC 6381.
    pub codec: String,
    /// What comes.
    pub delivery: Delivery,
    /// Cropped, pixels.
    pub width: u32,
    /// Cropped, pixels.
    pub height: u32,
    /// Nominal, Hz.
    pub frame_rate: Option<f64>,
    /// Pictures a decoder holds back; above 0 for streams with B-frames.
    pub reorder_frames: u32,
    /// `bt601` or `bt709`.
    #[ts(type = "'bt601' | 'bt709'")]
    pub matrix: bartizan_media::Matrix,
    /// Luma runs 0–255.
    pub full_range: bool,
    /// How the device sends it: `tcp` or `udp`.
    pub transport: Transport,
    /// Encoding.
    pub profile: Profile,
    /// Of a recording: when the picture of time 0 was taken, microseconds since 1970 UTC. Absent of live video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub recorded_us: Option<i64>,
}
