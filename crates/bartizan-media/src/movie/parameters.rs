//! Parameter sets: out of the access units into the sample entry, and back.

use shiguredo_mp4::{
    bitstream::{
        h264::{H264SampleEntryConfig, LengthSize, build_avc1_box},
        h265::{H265ConstantFrameRate, H265SampleEntryConfig, build_hvc1_box},
    },
    boxes::SampleEntry,
};

use super::MovieError;
use crate::{
    Codec,
    nal::{self, h264},
};

/// `nal_unit_type` values of H.265 (H.265 table 7-1).
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
/// Types below this one are slices (H.265 §7.4.2.2).
const FIRST_NON_VCL: u8 = 32;

/// The parameter sets of a stream, in the order they came, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ParameterSets(Vec<Vec<u8>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parameters,
    Slice,
    Other,
}

fn h265_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| byte >> 1 & 0x3f)
}

fn kind(codec: Codec, nal: &[u8]) -> Kind {
    match codec {
        Codec::H264 => match h264::unit_type(nal) {
            Some(h264::SPS | h264::PPS) => Kind::Parameters,
            Some(1..=5) => Kind::Slice,
            _ => Kind::Other,
        },
        Codec::H265 => match h265_type(nal) {
            Some(VPS | SPS | PPS) => Kind::Parameters,
            Some(other) if other < FIRST_NON_VCL => Kind::Slice,
            _ => Kind::Other,
        },
    }
}

impl ParameterSets {
    /// Those in an Annex B access unit.
    pub(super) fn of(codec: Codec, annex_b: &[u8]) -> Self {
        let mut sets: Vec<Vec<u8>> = Vec::new();
        for unit in nal::split(annex_b).filter(|unit| kind(codec, unit) == Kind::Parameters) {
            if !sets.iter().any(|known| known == unit) {
                sets.push(unit.to_vec());
            }
        }
        Self(sets)
    }

    /// Those of a sample entry, with their codec.
    pub(super) fn of_entry(entry: &SampleEntry) -> Option<(Codec, Self)> {
        match entry {
            SampleEntry::Avc1(avc1) => {
                let config = &avc1.avcc_box;
                Some((Codec::H264, Self([config.sps_list.clone(), config.pps_list.clone()].concat())))
            }
            SampleEntry::Hvc1(hvc1) => {
                let arrays = hvc1.hvcc_box.nalu_arrays.iter().flat_map(|array| array.nalus.iter().cloned());
                Some((Codec::H265, Self(arrays.collect())))
            }
            _ => None,
        }
    }

    /// The first sequence parameter set of H.264.
    pub(super) fn sps(&self) -> Option<&[u8]> {
        self.0.iter().find(|unit| h264::unit_type(unit) == Some(h264::SPS)).map(Vec::as_slice)
    }

    fn of_type(&self, wanted: u8, read: fn(&[u8]) -> Option<u8>) -> Vec<Vec<u8>> {
        self.0.iter().filter(|unit| read(unit) == Some(wanted)).cloned().collect()
    }

    /// The sample entry with these sets: `avc1` or `hvc1` (ISO/IEC 14496-15 §5.4.2, §8.4.1).
    pub(super) fn sample_entry(&self, codec: Codec) -> Result<SampleEntry, MovieError> {
        let failed = |e: shiguredo_mp4::Error| MovieError::Parameters(e.to_string());
        let length_size = LengthSize::FourBytes;
        match codec {
            Codec::H264 => {
                let sps = self.of_type(h264::SPS, h264::unit_type);
                let pps = self.of_type(h264::PPS, h264::unit_type);
                let config = H264SampleEntryConfig { length_size };
                build_avc1_box(&sps, &pps, &config).map(SampleEntry::Avc1).map_err(failed)
            }
            Codec::H265 => {
                let of = |wanted| self.of_type(wanted, h265_type);
                let config = H265SampleEntryConfig {
                    length_size,
                    avg_frame_rate: H265SampleEntryConfig::AVG_FRAME_RATE_UNSPECIFIED,
                    constant_frame_rate: H265ConstantFrameRate::Unknown,
                };
                build_hvc1_box(&of(VPS), &of(SPS), &of(PPS), &config).map(SampleEntry::Hvc1).map_err(failed)
            }
        }
    }

    /// An access unit as a sample: each NAL unit behind its length in 4 bytes, without the sets that the sample entry
    /// has already (ISO/IEC 14496-15 §5.3.3). `None` when no slice is in it.
    pub(super) fn sample(&self, codec: Codec, annex_b: &[u8]) -> Option<Vec<u8>> {
        let mut sample = Vec::with_capacity(annex_b.len() + 16);
        let mut has_slice = false;
        for unit in nal::split(annex_b) {
            match kind(codec, unit) {
                Kind::Parameters if self.0.iter().any(|known| known == unit) => continue,
                Kind::Slice => has_slice = true,
                _ => {}
            }
            let length = u32::try_from(unit.len()).ok()?;
            sample.extend_from_slice(&length.to_be_bytes());
            sample.extend_from_slice(unit);
        }
        has_slice.then_some(sample)
    }

    /// A sample as an Annex B access unit, with the sets in front where decoding can start. `None` when it is torn.
    pub(super) fn access_unit(&self, sample: &[u8], random_access: bool) -> Option<Vec<u8>> {
        let mut unit = Vec::with_capacity(sample.len() + 64);
        let mut put = |nal: &[u8]| {
            unit.extend_from_slice(&[0, 0, 0, 1]);
            unit.extend_from_slice(nal);
        };
        if random_access {
            self.0.iter().for_each(|set| put(set));
        }
        let mut rest = sample;
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (nal, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            put(nal);
            rest = after;
        }
        Some(unit)
    }
}
