//! Recordings, snapshots and the files that they become.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ErrorDto, Profile};

/// `record.start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecordStart {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// Which stream; the main one when absent.
    #[serde(default)]
    #[ts(optional)]
    pub profile: Option<Profile>,
}

/// A recording under way, or one that ended by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// Which stream.
    pub profile: Profile,
    /// What the channel is called.
    pub title: String,
    /// When it was asked for, milliseconds since 1970 UTC.
    #[ts(type = "number")]
    pub started_at_ms: i64,
    /// Recorded so far, milliseconds; 0 until the first picture that a file can begin with.
    #[ts(type = "number")]
    pub elapsed_ms: u64,
    /// Written so far.
    #[ts(type = "number")]
    pub bytes: u64,
    /// Its finished files.
    pub files: Vec<String>,
    /// Why it ended by itself; `diskFull` before the disk is really full.
    pub ended: Option<ErrorDto>,
    /// How much longer the disk lasts, seconds.
    #[ts(type = "number | null")]
    pub disk_left_s: Option<u64>,
    /// The disk is nearly full.
    pub disk_low: bool,
}

/// `record.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Recordings {
    /// Grows with every change.
    #[ts(type = "number")]
    pub revision: u64,
    /// By device and channel.
    pub recordings: Vec<Recording>,
}

/// `snapshot.take`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TakeSnapshot {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// Pictures, 1–10, a quarter of a second apart.
    pub count: u8,
}

/// `snapshot.keep`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct KeepSnapshot {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// When it was taken, microseconds since 1970 UTC; later than now is now.
    #[ts(type = "number")]
    pub at_us: i64,
    /// The picture in full size as the page decoded it, JPEG, base64.
    pub jpeg: String,
}

/// Files that were just made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TakenFiles {
    /// In the order they were taken.
    pub files: Vec<MediaFile>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// A movie, MP4.
    Recording,
    /// A still picture, JPEG.
    Snapshot,
}

/// A recording or snapshot on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MediaFile {
    /// Names it.
    pub id: String,
    /// What it is.
    pub kind: FileKind,
    /// Device id; the device may be gone.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// What the channel was called; empty where that is not known any more.
    pub title: String,
    /// When it was taken or begun, milliseconds since 1970 UTC.
    #[ts(type = "number")]
    pub taken_at_ms: i64,
    /// How long it plays, milliseconds; null for snapshots.
    #[ts(type = "number | null")]
    pub duration_ms: Option<u64>,
    /// Pixels; 0 where unknown.
    pub width: u32,
    /// Pixels; 0 where unknown.
    pub height: u32,
    /// `H.264`, `H.265`, `JPEG`; empty where unknown.
    pub codec: String,
    /// Has a sound track.
    pub sound: bool,
    /// Size.
    #[ts(type = "number")]
    pub bytes: u64,
    /// `files.thumbnail` has a picture of it.
    pub thumbnail: bool,
}

/// `files.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileList {
    /// Grows with every change.
    #[ts(type = "number")]
    pub revision: u64,
    /// The newest first.
    pub files: Vec<MediaFile>,
}

/// Names a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileRef {
    /// Which.
    pub id: String,
}

/// `files.keepThumbnail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeepThumbnail {
    /// A recording.
    pub id: String,
    /// Its first picture in any size as the page decoded it, JPEG, base64. It is made small here.
    pub jpeg: String,
}

/// Names files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileRefs {
    /// Which.
    pub ids: Vec<String>,
}

/// `files.read`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct FileRead {
    /// Which.
    pub id: String,
    /// First byte.
    #[ts(type = "number")]
    pub offset: u64,
    /// Bytes wanted; at most 1 MiB comes.
    pub length: u32,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileBytes {
    /// Base64; empty behind the end.
    pub data: String,
    /// Bytes of the whole file.
    #[ts(type = "number")]
    pub total: u64,
}

/// `files.export`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileExport {
    /// Which.
    pub id: String,
    /// A plain name with `.mp4` or `.jpg`. A number is added where it is taken.
    pub file_name: String,
}
