use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How a channel's picture is shown here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ChannelLook {
    /// Device id.
    pub device: String,
    /// Channel number.
    pub channel: u16,
    /// A JSON object of the page's of at most 2 KiB; null: plain.
    pub look: Option<String>,
}

/// `looks.list`: those that are not plain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Looks {
    /// In no order.
    pub looks: Vec<ChannelLook>,
}
