//! Pictures as they were recorded, made anew for each playback.

use std::{io, sync::Arc, time::Duration};

use bartizan_base::UtcMicros;

use crate::{
    config::Format,
    encode::{Packets, SceneEncoder, other},
    feed::Clip,
    scene::Scene,
    unit::Encoding,
};

/// The recorded pictures of a channel, for one viewer.
pub(crate) enum Footage {
    Scene { scene: Box<Scene>, encoder: Box<SceneEncoder>, format: Format },
    Clip { clip: Arc<Clip>, index: usize },
}

impl Footage {
    /// Painted and encoded when played. Paints the background: some tens of milliseconds.
    pub fn of_scene(channel: u16, name: &str, encoding: Encoding, gop: Duration) -> io::Result<Self> {
        let format = encoding.format();
        let scene = Box::new(Scene::named(channel, name, format.width, format.height));
        Ok(Self::Scene { scene, encoder: Box::new(SceneEncoder::new(encoding, gop)?), format })
    }

    pub fn of_clip(clip: Arc<Clip>) -> Self {
        Self::Clip { clip, index: 0 }
    }

    pub fn format(&self) -> Format {
        match self {
            Self::Scene { format, .. } => *format,
            Self::Clip { clip, .. } => clip.format,
        }
    }

    /// Whether pictures may be left out: each is coded after the one before that was sent.
    pub fn may_skip(&self) -> bool {
        matches!(self, Self::Scene { .. })
    }

    /// The picture of that moment; a key picture when one is wanted. Blocks while it encodes.
    pub fn picture(&mut self, at: UtcMicros, key: bool) -> io::Result<Arc<Packets>> {
        match self {
            Self::Scene { scene, encoder, .. } => {
                let utc_ms = u64::try_from(at.millis()).unwrap_or(0);
                let stream = encoder.encode(scene.draw(utc_ms), key)?;
                Ok(Arc::new(Packets::from_annex_b(&stream)))
            }
            Self::Clip { clip, index } => {
                // A clip begins with a key picture.
                let place = if key { 0 } else { *index % clip.pictures.len().max(1) };
                *index = place + 1;
                clip.pictures.get(place).cloned().ok_or_else(|| other("the clip is empty"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use openh264::{decoder::Decoder, formats::YUVSource};

    use super::*;
    use crate::timebar;

    #[test]
    fn it_shows_the_recorded_moment() {
        let encoding = Encoding::plain(Format { width: 640, height: 360, fps: 15 });
        let gop = Duration::from_secs(1);
        let mut footage = Footage::of_scene(3, "Yard", encoding, gop).unwrap();
        let mut decoder = Decoder::new().unwrap();
        for (at, key) in [(1_782_894_734_250i64, true), (1_782_894_734_317, false), (1_700_000_000_000, true)]
        {
            let picture = footage.picture(UtcMicros(at * 1000), key).unwrap();
            assert_eq!(picture.key, key);
            let stream = crate::rtp::annex_b(&picture.payloads);
            let shown = decoder.decode(&stream).unwrap().expect("a picture");
            let (stride, ..) = shown.strides();
            assert_eq!(timebar::read(shown.y(), 640, 360, stride), Some(at as u64));
        }
    }
}
