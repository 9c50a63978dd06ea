//! Groups of channels, last pictures, the wall's memory and bytes received.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ChannelRef;

/// All groups; every command that changes them answers with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FavouriteList {
    /// Higher is newer. Devices that come and go change the channels without a new revision.
    #[ts(type = "number")]
    pub revision: u64,
    /// In the user's order.
    pub favourites: Vec<Favourite>,
}

/// A group of channels with a wall of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Favourite {
    /// The group.
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// Windows of its wall: 1, 2, 4, 6, 8, 9, 12 or 16.
    pub layout: u8,
    /// The channels that exist now, in the user's order.
    pub channels: Vec<ChannelRef>,
}

/// `favourites.create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct NewFavourite {
    /// 1–64 characters.
    pub name: String,
    /// At least one, at most 256.
    pub channels: Vec<ChannelRef>,
    /// See [`Favourite`].
    pub layout: u8,
}

/// `favourites.update`: absent members stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct FavouriteChange {
    /// Which group.
    pub id: String,
    /// 1–64 characters.
    pub name: Option<String>,
    /// See [`Favourite`].
    pub layout: Option<u8>,
    /// The whole list, in its order.
    pub channels: Option<Vec<ChannelRef>>,
}

/// `favourites.add` and `favourites.remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FavouriteChannels {
    /// Which group.
    pub id: String,
    /// Which channels.
    pub channels: Vec<ChannelRef>,
}

/// Names a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FavouriteRef {
    /// The group.
    pub id: String,
}

/// `favourites.order`: the groups in their new order; those not named come after them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FavouriteOrder {
    /// Group ids.
    pub ids: Vec<String>,
}

/// `pictures.keep`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct KeepPicture {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// A JPEG of at most 96 KiB, base64.
    pub jpeg: String,
}

/// `pictures.last`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LastPicturesRequest {
    /// At most 256.
    pub channels: Vec<ChannelRef>,
}

/// The kept pictures.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LastPictures {
    /// As asked; null where none is kept.
    pub pictures: Vec<Option<LastPicture>>,
}

/// The newest small picture of a channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LastPicture {
    /// When it was taken, milliseconds UTC.
    #[ts(type = "number")]
    pub taken_at_ms: i64,
    /// JPEG, base64.
    pub jpeg: String,
}

/// What the wall showed, so that it can be shown again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct WallMemory {
    /// Windows: 1, 2, 4, 6, 8, 9, 12 or 16.
    pub layout: u8,
    /// Page, from 0.
    pub page: u32,
    /// The group that was open.
    pub group: Option<String>,
    /// Windows of the wall without a group, while one is open.
    pub home_layout: Option<u8>,
    /// The channel that was enlarged.
    pub enlarged: Option<ChannelRef>,
    /// What every window held, over all pages, null for an empty one; at most 256. Empty when the windows followed the
    /// list of devices.
    pub windows: Vec<Option<ChannelRef>>,
}

/// `memory.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct WallMemoryReply {
    /// Null when nothing is remembered.
    pub memory: Option<WallMemory>,
}

/// `traffic.network`: what the platform says of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// It costs by the byte.
    pub metered: bool,
}

/// `traffic.get`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct TrafficRequest {
    /// `YYYY-MM`; absent for the present month.
    pub month: Option<String>,
}

/// What came in a month: video, sound and stills, without what wraps them on the way (about 3 %).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrafficReport {
    /// `YYYY-MM`, UTC.
    pub month: String,
    /// The months of which anything is known, newest first.
    pub months: Vec<String>,
    /// The network costs by the byte now.
    pub metered: bool,
    /// Bytes of all devices over metered networks.
    #[ts(type = "number")]
    pub metered_bytes: u64,
    /// Most first.
    pub devices: Vec<DeviceTraffic>,
}

/// What one device sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeviceTraffic {
    /// Device id; it may be removed since.
    pub device: String,
    /// Bytes over all networks.
    #[ts(type = "number")]
    pub bytes: u64,
    /// Of them over metered networks.
    #[ts(type = "number")]
    pub metered_bytes: u64,
}
