//! The sound track: which codings a movie can hold, and how a run of sound becomes samples.

use std::num::NonZeroU32;

use shiguredo_mp4::{
    BoxSize, BoxType, Encode, FixedPointNumber,
    bitstream::aac::{
        AudioSpecificConfig, Mp4aSampleEntryConfig, SamplingFrequency, build_mp4a_box, parse_adts_frame,
    },
    boxes::{AudioSampleEntryFields, SampleEntry, UnknownBox},
};

use crate::{AudioCodec, AudioFrame};

/// Samples of an AAC frame (ISO/IEC 14496-3 §4.5.1.1).
const AAC_FRAME: u32 = 1024;

/// What a sound track holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SoundFormat {
    pub(super) entry: SampleEntry,
    /// Ticks per second: the sample rate.
    pub(super) timescale: NonZeroU32,
}

impl SoundFormat {
    /// The format of `frame`; `None` where a movie cannot hold it.
    pub(super) fn of(frame: &AudioFrame) -> Option<Self> {
        let timescale = NonZeroU32::new(frame.sample_rate_hz)?;
        let entry = match frame.codec {
            // QuickTime's names, registered for MP4 as well; every common player reads them.
            AudioCodec::Pcmu => g711(*b"ulaw", frame.sample_rate_hz)?,
            AudioCodec::Pcma => g711(*b"alaw", frame.sample_rate_hz)?,
            AudioCodec::Aac => aac(&frame.data)?,
            _ => return None,
        };
        Some(Self { entry, timescale })
    }
}

/// The samples in `frame` with their natural durations in ticks.
pub(super) fn samples(frame: &AudioFrame) -> Vec<(Vec<u8>, u32)> {
    match frame.codec {
        // One channel, one byte a sample.
        AudioCodec::Pcmu | AudioCodec::Pcma => match u32::try_from(frame.data.len()) {
            Ok(duration) if duration > 0 => vec![(frame.data.to_vec(), duration)],
            _ => Vec::new(),
        },
        AudioCodec::Aac => {
            let mut out = Vec::new();
            let mut rest = &frame.data[..];
            while let Ok((header, raw)) = parse_adts_frame(rest) {
                out.push((raw.to_vec(), AAC_FRAME));
                let Some(after) = rest.get(usize::from(header.frame_length)..) else { break };
                rest = after;
            }
            out
        }
        _ => Vec::new(),
    }
}

/// A sample that is quiet, with its duration in ticks, in codings where that can be made up.
pub(super) fn silence(codec: AudioCodec) -> Option<(Vec<u8>, u32)> {
    /// 20 ms at 8 kHz.
    const QUIET: u32 = 160;
    let byte = match codec {
        AudioCodec::Pcmu => 0xff,
        AudioCodec::Pcma => 0xd5,
        _ => return None,
    };
    Some((vec![byte; QUIET as usize], QUIET))
}

fn g711(name: [u8; 4], sample_rate_hz: u32) -> Option<SampleEntry> {
    let fields = AudioSampleEntryFields {
        data_reference_index: AudioSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
        channelcount: 1,
        // What a sample expands to (QuickTime File Format, sound sample description).
        samplesize: AudioSampleEntryFields::DEFAULT_SAMPLESIZE,
        samplerate: FixedPointNumber::new(u16::try_from(sample_rate_hz).ok()?, 0),
    };
    let payload = fields.encode_to_vec().ok()?;
    let box_type = BoxType::Normal(name);
    let box_size = BoxSize::with_payload_size(box_type, payload.len() as u64);
    Some(SampleEntry::Unknown(UnknownBox { box_type, box_size, payload }))
}

fn aac(adts: &[u8]) -> Option<SampleEntry> {
    /// ISO/IEC 13818-7 table 35, by `sampling_frequency_index`.
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    let (header, _) = parse_adts_frame(adts).ok()?;
    let rate = *RATES.get(usize::from(header.sampling_frequency_index))?;
    let config = AudioSpecificConfig {
        audio_object_type: header.audio_object_type,
        sampling_frequency: SamplingFrequency::from_hz(rate).ok()?,
        channel_configuration: header.channel_configuration,
    };
    // Bit rates of 0 mean unknown.
    let entry = Mp4aSampleEntryConfig { es_id: 1, buffer_size_db: 0, max_bitrate: 0, avg_bitrate: 0 };
    build_mp4a_box(&config, &entry).ok().map(SampleEntry::Mp4a)
}
