//! The sound of a movie read back.

use std::{
    io::{Read, Seek, SeekFrom},
    ops::Range,
};

use bartizan_base::UtcMicros;
use bytes::Bytes;
use shiguredo_mp4::{
    BoxType, Decode,
    bitstream::aac::{
        AdtsEncodeConfig, AdtsMpegVersion, AudioSpecificConfig, parse_audio_specific_config,
        wrap_raw_aac_in_adts,
    },
    boxes::{AudioSampleEntryFields, SampleEntry},
};

use super::{
    MovieError,
    reader::{MovieSample, TrackFound},
};
use crate::{AudioCodec, AudioFrame};

/// No run of sound is larger: a minute of 16-bit stereo at 8 kHz.
const LARGEST_RUN: usize = 2 << 20;

/// How a sound track is coded.
#[derive(Clone, Debug)]
enum Coding {
    /// G.711, a byte a sample.
    G711(AudioCodec),
    /// Raw frames, and what an ADTS header says of each.
    Aac(AudioSpecificConfig),
}

/// The first sound track of a movie, where its coding is one of ours: G.711 or AAC-LC.
#[derive(Debug)]
pub struct MovieSound {
    coding: Coding,
    sample_rate_hz: u32,
    channels: u8,
    /// In the order of the track, which is that of time.
    runs: Vec<MovieSample>,
}

/// Whether the samples of a track are single bytes, which other programs list one by one.
pub(super) fn is_g711(entry: &SampleEntry) -> bool {
    g711_codec(entry).is_some()
}

fn g711_codec(entry: &SampleEntry) -> Option<AudioCodec> {
    let SampleEntry::Unknown(entry) = entry else { return None };
    match entry.box_type {
        BoxType::Normal(name) if name == *b"ulaw" => Some(AudioCodec::Pcmu),
        BoxType::Normal(name) if name == *b"alaw" => Some(AudioCodec::Pcma),
        _ => None,
    }
}

impl MovieSound {
    pub(super) fn of(track: TrackFound) -> Option<Self> {
        let (entry, runs) = track.into_parts()?;
        let (coding, sample_rate_hz, channels) = match (&entry, g711_codec(&entry)) {
            (SampleEntry::Unknown(unknown), Some(codec)) => {
                let (fields, _) = AudioSampleEntryFields::decode(&unknown.payload).ok()?;
                (Coding::G711(codec), u32::from(fields.samplerate.integer), fields.channelcount)
            }
            (SampleEntry::Mp4a(mp4a), _) => {
                let info = mp4a.esds_box.es.dec_config_descr.dec_specific_info.as_ref()?;
                let config = parse_audio_specific_config(&info.payload).ok()?;
                let hz = config.sampling_frequency.hz();
                (Coding::Aac(config), hz, mp4a.audio.channelcount)
            }
            _ => return None,
        };
        let channels = u8::try_from(channels).ok().filter(|channels| (1..=8).contains(channels))?;
        (sample_rate_hz > 0).then_some(Self { coding, sample_rate_hz, channels, runs })
    }

    /// How its frames are coded: G.711, or AAC in ADTS frames.
    pub fn codec(&self) -> AudioCodec {
        match self.coding {
            Coding::G711(codec) => codec,
            Coding::Aac(_) => AudioCodec::Aac,
        }
    }

    /// Samples a second.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Channels of sound.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// The runs of which something is heard from `from_us` on and before `to_us`, for [`read`](Self::read).
    pub fn range(&self, from_us: i64, to_us: i64) -> Range<usize> {
        let start = self.runs.partition_point(|run| run.time_us + run.duration_us <= from_us);
        let end = self.runs.partition_point(|run| run.time_us < to_us);
        start..end.max(start)
    }

    /// One run. G.711 gives up to half a second, AAC one frame.
    ///
    /// # Errors
    /// [`MovieError::Unreadable`] for a run that does not exist or is no sound, [`MovieError::Io`] for the disk.
    pub fn read(&self, file: &mut (impl Read + Seek), index: usize) -> Result<AudioFrame, MovieError> {
        let run = self.runs.get(index).filter(|run| run.size() <= LARGEST_RUN);
        let run = run.ok_or_else(|| MovieError::Unreadable("no such sound".into()))?;
        file.seek(SeekFrom::Start(run.offset()))?;
        let mut data = vec![0; run.size()];
        file.read_exact(&mut data)?;
        if let Coding::Aac(config) = &self.coding {
            let head =
                AdtsEncodeConfig { mpeg_version: AdtsMpegVersion::Mpeg4, original_copy: false, home: false };
            data = wrap_raw_aac_in_adts(&data, config, &head)
                .map_err(|_| MovieError::Unreadable("a torn frame of sound".into()))?;
        }
        Ok(AudioFrame {
            codec: self.codec(),
            data: Bytes::from(data),
            pts_us: run.time_us,
            sample_rate_hz: self.sample_rate_hz,
            channels: self.channels,
            arrival: UtcMicros(0),
        })
    }
}
