use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bartizan_base::{Secret, StreamProfile};

use crate::{sound::SoundCoding, unit::Unit};

/// What a simulated site is made of.
#[derive(Clone, Debug)]
pub struct SiteConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// TCP port of RTSP; 0 takes any free one.
    pub port: u16,
    /// Number of channels, numbered from 1.
    pub channels: u16,
    /// Login name; empty switches authentication off.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// Digest algorithms offered in a 401.
    pub digest: DigestOffer,
    /// Where pictures come from.
    pub source: Source,
    /// A session without a request for this long ends (RFC 2326 §12.37).
    pub session_timeout: Duration,
    /// Sessions beyond this number are answered 453.
    pub session_limit: usize,
    /// Distance of key frames.
    pub gop: Duration,
    /// Whether channels have sound.
    pub audio: bool,
    /// How their sound is coded: channel 1 the first, and round and round. Never empty.
    pub sounds: Vec<SoundCoding>,
    /// The device this is the video side of: its channels, names, login and lock-out count, and what its cameras see,
    /// in place of `channels`, `user` and `password`.
    pub unit: Option<Arc<Unit>>,
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            channels: 16,
            user: "admin".into(),
            password: Secret::new("bartizan1"),
            digest: DigestOffer::Both,
            source: Source::Scene,
            session_timeout: Duration::from_secs(60),
            session_limit: 512,
            gop: Duration::from_secs(1),
            audio: true,
            sounds: vec![SoundCoding::Pcmu],
            unit: None,
        }
    }
}

impl SiteConfig {
    /// Number of channels.
    pub(crate) fn channel_count(&self) -> u16 {
        self.unit.as_ref().map_or(self.channels, |unit| unit.channels())
    }

    /// How the sound of a channel is coded.
    pub(crate) fn sound_of(&self, channel: u16) -> SoundCoding {
        let at = usize::from(channel.saturating_sub(1)) % self.sounds.len().max(1);
        self.sounds.get(at).copied().unwrap_or(SoundCoding::Pcmu)
    }

    /// What a channel is called.
    pub(crate) fn channel_name(&self, channel: u16) -> String {
        match &self.unit {
            Some(unit) => unit.channel_name(channel).to_owned(),
            None => crate::channel_name(channel),
        }
    }
}

/// Digest algorithms of the challenge (RFC 7616 §3.3), one `WWW-Authenticate` header each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestOffer {
    /// SHA-256, then MD5.
    Both,
    /// MD5 alone, without `qop`, as older devices do.
    Md5,
    /// SHA-256 alone.
    Sha256,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Drawn and encoded while somebody watches.
    Scene,
    /// A looped H.264 Annex B file, or a clip encoded once at the start: nearly free for any number of viewers.
    Clip(Option<PathBuf>),
}

/// Size and rate of one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format {
    pub width: usize,
    pub height: usize,
    pub fps: u32,
}

impl Format {
    pub fn of(profile: StreamProfile) -> Self {
        match profile {
            StreamProfile::Main => Self { width: 1280, height: 720, fps: 25 },
            StreamProfile::Sub => Self { width: 640, height: 360, fps: 15 },
        }
    }

    /// What the `resolution-change` fault changes to.
    pub fn other(profile: StreamProfile) -> Self {
        match profile {
            StreamProfile::Main => Self { width: 1024, height: 576, fps: 25 },
            StreamProfile::Sub => Self { width: 512, height: 288, fps: 15 },
        }
    }

    /// Pictures from one key frame to the next, at least 1.
    pub fn gop_frames(self, gop: Duration) -> u32 {
        ((gop.as_secs_f64() * f64::from(self.fps)).round() as u32).max(1)
    }

    /// Time of picture `index` after picture 0, without accumulating rounding.
    pub fn offset(self, index: u64) -> Duration {
        Duration::from_nanos(index.saturating_mul(1_000_000_000) / u64::from(self.fps))
    }
}
