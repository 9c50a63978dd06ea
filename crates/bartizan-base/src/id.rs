use std::fmt;

use serde::{Deserialize, Serialize};

/// A device known to this installation: 32 lower-case hex digits, random, never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// A fresh random id.
    pub fn random() -> Self {
        Self(random_token())
    }

    /// Takes an id read from the store or the wire as it is.
    pub fn from_string(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One video input of a device. Numbers start at 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelId {
    /// The device the channel belongs to.
    pub device: DeviceId,
    /// 1-based number on that device.
    pub number: u16,
}

/// Which encoding of a channel: the large or the small one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamProfile {
    /// Full size ("HD").
    Main,
    /// Small, for grids and slow networks ("fluent").
    Sub,
}

/// One encoding of one channel: the unit of an RTSP session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamId {
    /// The channel.
    pub channel: ChannelId,
    /// Its encoding.
    pub profile: StreamProfile,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = match self.profile {
            StreamProfile::Main => "main",
            StreamProfile::Sub => "sub",
        };
        write!(f, "{}/{}/{profile}", self.channel.device, self.channel.number)
    }
}

/// 128 random bits as 32 hex digits: ids and per-run tokens.
///
/// # Panics
/// When the operating system has no randomness to give, which nothing here can outlive.
pub fn random_token() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
