use std::{fs, io, path::Path};

use bartizan_media::{Codec, movie::Movie};
use serde::{Deserialize, Serialize};

/// What is written down beside a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Facts {
    pub(crate) device: String,
    pub(crate) channel: u16,
    pub(crate) title: String,
    pub(crate) taken_at_ms: i64,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) codec: String,
    pub(crate) sound: bool,
    /// Absent until a recording is finished.
    pub(crate) duration_ms: Option<u64>,
}

impl Facts {
    pub(crate) fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Replaces the file in one step, so that a kill leaves the old or the new one.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let fresh = path.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(self)?)?;
        fs::rename(fresh, path)
    }

    /// What the name alone tells: see [`Files`](super::Files).
    pub(crate) fn from_id(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let facts = Self {
            taken_at_ms: parts.next()?.parse().ok()?,
            device: parts.next()?.to_owned(),
            channel: parts.next()?.parse().ok()?,
            ..Self::default()
        };
        parts.next().is_none().then_some(facts)
    }

    pub(crate) fn learn(&mut self, movie: &Movie) {
        (self.width, self.height) = movie.size();
        self.codec = codec_name(movie.codec()).to_owned();
        self.sound = movie.has_sound();
        self.duration_ms = u64::try_from(movie.duration_us() / 1000).ok();
    }
}

pub(crate) fn codec_name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "H.264",
        Codec::H265 => "H.265",
    }
}
