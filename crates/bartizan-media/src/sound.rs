//! The codings of speech that are decoded here, since no web view decodes all of them: G.711, G.726 and linear PCM.

use crate::{AudioCodec, AudioFrame, g711, g726};

/// Turns frames of one coding into samples.
#[derive(Clone, Debug)]
pub struct PcmDecoder {
    codec: AudioCodec,
    g726: Option<g726::Decoder>,
}

impl PcmDecoder {
    /// A decoder of `codec`; `None` where it is decoded elsewhere or nowhere.
    pub fn new(codec: AudioCodec) -> Option<Self> {
        let g726 = match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::L16 => None,
            AudioCodec::G726(bits, packing) => Some(g726::Decoder::new(bits, packing)?),
            AudioCodec::Aac | AudioCodec::Opus | AudioCodec::Other => return None,
        };
        Some(Self { codec, g726 })
    }

    /// The samples of a frame, channels interleaved. A frame of another coding has none.
    pub fn decode(&mut self, frame: &AudioFrame) -> Vec<i16> {
        if frame.codec != self.codec {
            return Vec::new();
        }
        match (frame.codec, &mut self.g726) {
            (_, Some(decoder)) => decoder.decode(&frame.data),
            (AudioCodec::Pcmu, _) => frame.data.iter().map(|byte| g711::decode_ulaw(*byte)).collect(),
            (AudioCodec::Pcma, _) => frame.data.iter().map(|byte| g711::decode_alaw(*byte)).collect(),
            _ => frame.data.as_chunks::<2>().0.iter().map(|pair| i16::from_be_bytes(*pair)).collect(),
        }
    }
}

/// Turns speech that no movie can hold into G.711, which every player reads; other codings stay as they are.
#[derive(Clone, Debug, Default)]
pub struct MovieSpeech {
    decoder: Option<PcmDecoder>,
}

impl MovieSpeech {
    /// The frame as a movie can hold it.
    pub fn convert(&mut self, frame: &AudioFrame) -> AudioFrame {
        if !matches!(frame.codec, AudioCodec::G726(..) | AudioCodec::L16) {
            return frame.clone();
        }
        if self.decoder.as_ref().is_none_or(|decoder| decoder.codec != frame.codec) {
            self.decoder = PcmDecoder::new(frame.codec);
        }
        let samples = self.decoder.as_mut().map(|decoder| decoder.decode(frame)).unwrap_or_default();
        // One channel: a G.711 track of ours has no second.
        let step = usize::from(frame.channels.max(1));
        let data = samples.iter().step_by(step).map(|sample| g711::encode_ulaw(*sample)).collect();
        AudioFrame { codec: AudioCodec::Pcmu, data, channels: 1, ..frame.clone() }
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::UtcMicros;
    use bytes::Bytes;

    use super::*;
    use crate::g726::Packing;

    fn frame(codec: AudioCodec, data: &[u8]) -> AudioFrame {
        AudioFrame {
            codec,
            data: Bytes::copy_from_slice(data),
            pts_us: 7,
            sample_rate_hz: 8000,
            channels: 1,
            arrival: UtcMicros(0),
        }
    }

    #[test]
    fn each_coding_gives_its_samples() {
        let decode = |codec, data: &[u8]| PcmDecoder::new(codec).unwrap().decode(&frame(codec, data));
        assert_eq!(decode(AudioCodec::Pcmu, &[0x80, 0xff]), [32_124, 0]);
        assert_eq!(decode(AudioCodec::Pcma, &[0xd5, 0x55]), [8, -8]);
        assert_eq!(decode(AudioCodec::L16, &[0x01, 0x02, 0xff, 0xfe, 9]), [258, -2]);
        assert_eq!(decode(AudioCodec::G726(4, Packing::LowFirst), &[0; 80]).len(), 160);
        assert!(PcmDecoder::new(AudioCodec::Aac).is_none() && PcmDecoder::new(AudioCodec::Opus).is_none());
        let mut ulaw = PcmDecoder::new(AudioCodec::Pcmu).unwrap();
        assert!(ulaw.decode(&frame(AudioCodec::Pcma, &[1])).is_empty());
    }

    #[test]
    fn speech_for_movies_is_g711() {
        let mut speech = MovieSpeech::default();
        let as_is = frame(AudioCodec::Pcma, &[1, 2, 3]);
        assert_eq!(speech.convert(&as_is), as_is);
        let stereo =
            AudioFrame { channels: 2, ..frame(AudioCodec::L16, &[0x10, 0, 0x70, 0, 0x20, 0, 0x70, 0]) };
        let converted = speech.convert(&stereo);
        assert_eq!((converted.codec, converted.channels, converted.pts_us), (AudioCodec::Pcmu, 1, 7));
        assert_eq!(&converted.data[..], [g711::encode_ulaw(0x1000), g711::encode_ulaw(0x2000)]);
        let adpcm = speech.convert(&frame(AudioCodec::G726(2, Packing::LowFirst), &[0x55; 40]));
        assert_eq!((adpcm.codec, adpcm.data.len()), (AudioCodec::Pcmu, 160));
    }
}
