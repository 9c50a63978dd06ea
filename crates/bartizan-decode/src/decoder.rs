use bartizan_media::{
    SpsError, VideoInfo,
    nal::{self, h264},
    read_sps,
};
use h264_reader::{
    nal::sps::{PicOrderCntType, SeqParameterSet},
    rbsp,
};
use openh264::{
    OpenH264API,
    decoder::{DecodeOptions, DecoderConfig, Flush},
};

use crate::{DecodeError, Picture};

/// One openh264 decoder. After an error, feed it nothing but a random access point.
///
/// # Delay
/// Baseline pictures, and those of streams with picture order count type 2 (H.264 §8.2.1.3), come out at once; other
/// Main and High streams one picture late, with B slices two or more.
///
/// openh264 can be asked to flush after every access unit, which would take that delay away, but its `FlushFrame` is
/// not used that way here: outside threaded mode it never gives the flushed picture's buffer back
/// (`ReleaseBufferedReadyPicture*` looks for the pool in a member that only threads set), so a stream that needs
/// flushing at every picture dies of "out of memory" after `max_num_ref_frames + 2` of them, and B pictures come out
/// in decoding order. One flush, after the first picture, is enough where order count type 2 promises output in
/// decoding order: openh264 then knows the last output order count, 0, and lets every later picture pass.
pub struct Decoder {
    inner: openh264::decoder::Decoder,
    first: First,
}

/// Whether the first picture must be flushed out; see [`Decoder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Unknown,
    Flush,
    Leave,
}

impl Decoder {
    /// Makes a decoder that has seen nothing.
    pub fn new() -> Result<Self, DecodeError> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        openh264::decoder::Decoder::with_api_config(OpenH264API::from_source(), config)
            .map(|inner| Self { inner, first: First::Unknown })
            .map_err(|e| DecodeError::Create(e.to_string()))
    }

    /// Decodes one access unit in Annex B form. `None` when no picture is ready yet.
    ///
    /// A sequence parameter set that openh264 cannot follow is refused before decoding.
    pub fn decode(&mut self, access_unit: &[u8]) -> Result<Option<Picture>, DecodeError> {
        for unit in nal::split(access_unit).filter(|unit| h264::unit_type(unit) == Some(h264::SPS)) {
            accept_sps(unit)?;
            if self.first == First::Unknown {
                self.first = if outputs_in_decoding_order(unit) { First::Flush } else { First::Leave };
            }
        }
        let flush = if self.first == First::Flush { Flush::Flush } else { Flush::NoFlush };
        let options = DecodeOptions::new().flush_after_decode(flush);
        match self.inner.decode_with_options(access_unit, options) {
            Ok(Some(yuv)) => {
                self.first = First::Leave;
                Picture::copy_from(&yuv).map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(corrupt(&error)),
        }
    }

    /// Takes out the pictures held back for reordering, in output order. To be called at the end of a stream.
    pub fn flush(&mut self) -> Result<Vec<Picture>, DecodeError> {
        let held = self.inner.flush_remaining().map_err(|e| corrupt(&e))?;
        held.iter().map(Picture::copy_from).collect()
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// Largest picture of level 5.2, the highest openh264 knows (H.264 table A-1). It allocates up to 18 pictures on the
/// word of an SPS, so a larger one is not put to the test.
const MAX_MACROBLOCKS: u32 = 36_864;

/// Reads an SPS and refuses what openh264 cannot decode.
pub(crate) fn accept_sps(nal: &[u8]) -> Result<VideoInfo, DecodeError> {
    let info = read_sps(nal).map_err(|error| match error {
        SpsError::Size(..) => DecodeError::Unsupported(error.to_string()),
        SpsError::Invalid(_) => DecodeError::Corrupt(error.to_string()),
    })?;
    // profile_idc (H.264 annex A): more than 8 bits or more chroma than 4:2:0.
    if let Some(110 | 122 | 244 | 44) = nal.get(1) {
        return Err(DecodeError::Unsupported(format!("profile of {}", info.codec)));
    }
    if info.interlaced {
        return Err(DecodeError::Interlaced);
    }
    if info.width.div_ceil(16) * info.height.div_ceil(16) > MAX_MACROBLOCKS {
        return Err(DecodeError::Unsupported(format!("{}x{} pixels", info.width, info.height)));
    }
    Ok(info)
}

/// True for picture order count type 2: output order is decoding order.
fn outputs_in_decoding_order(sps: &[u8]) -> bool {
    let Ok(bits) = rbsp::decode_nal(nal::trim(sps)) else { return false };
    SeqParameterSet::from_bits(rbsp::BitReader::new(&*bits))
        .is_ok_and(|sps| matches!(sps.pic_order_cnt, PicOrderCntType::TypeTwo))
}

fn corrupt(error: &openh264::Error) -> DecodeError {
    DecodeError::Corrupt(error.to_string())
}
