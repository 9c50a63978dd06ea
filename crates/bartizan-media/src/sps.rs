use h264_reader::{
    nal::sps::{FrameMbsFlags, PicOrderCntType, SeqParameterSet},
    rbsp,
};
use serde::{Deserialize, Serialize};

/// Which YCbCr-to-RGB matrix a picture wants (H.264 table E-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matrix {
    /// ITU-R BT.601, standard definition.
    Bt601,
    /// ITU-R BT.709, high definition.
    Bt709,
}

/// What a sequence parameter set says about the pictures that follow.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoInfo {
    /// RFC 6381 codec string, as WebCodecs takes it, e.g. `avc1.64001f`.
    pub codec: String,
    /// Cropped width in pixels, 1–16384.
    pub width: u32,
    /// Cropped height in pixels, 1–16384.
    pub height: u32,
    /// Nominal rate in Hz, where the stream states a credible one (0.1–240).
    pub frame_rate: Option<f64>,
    /// Pictures a decoder must hold back to put them in output order (`max_num_reorder_frames`); `None` when the
    /// stream does not say.
    pub reorder_frames: Option<u32>,
    /// The stream may hold field pictures or MBAFF (`frame_mbs_only_flag` = 0).
    pub interlaced: bool,
    /// Colour matrix: stated, or BT.709 from 720 lines up and BT.601 below.
    pub matrix: Matrix,
    /// Luma runs 0–255 rather than 16–235.
    pub full_range: bool,
}

/// A sequence parameter set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    /// Not an SPS, torn, or breaking the standard.
    #[error("invalid SPS: {0}")]
    Invalid(String),
    /// Larger than any camera; taken as a lie.
    #[error("SPS states an impossible size {0}x{1}")]
    Size(u32, u32),
}

const MAX_SIDE: u32 = 16_384;

/// Reads an H.264 SPS NAL unit (H.264 §7.3.2.1), header byte first, without start code.
pub fn read_sps(nal: &[u8]) -> Result<VideoInfo, SpsError> {
    if nal.len() < 4 || nal[0] & 0x1f != crate::nal::h264::SPS {
        return Err(SpsError::Invalid("not a sequence parameter set".into()));
    }
    // Cameras leave trailing zeros, and some a whole start code, in what should be one unit.
    let nal = crate::nal::trim(nal);
    let bits = rbsp::decode_nal(nal).map_err(|e| SpsError::Invalid(e.to_string()))?;
    let sps = SeqParameterSet::from_bits(rbsp::BitReader::new(&*bits))
        .map_err(|e| SpsError::Invalid(format!("{e:?}")))?;
    // The sizes are products of 32-bit values from the wire; bound them before any arithmetic on them.
    let mbs = (u64::from(sps.pic_width_in_mbs_minus1) + 1, u64::from(sps.pic_height_in_map_units_minus1) + 1);
    if mbs.0 * 16 > u64::from(MAX_SIDE) || mbs.1 * 32 > 2 * u64::from(MAX_SIDE) {
        let clamp = |side: u64| u32::try_from(side * 16).unwrap_or(u32::MAX);
        return Err(SpsError::Size(clamp(mbs.0), clamp(mbs.1)));
    }
    let (width, height) = sps.pixel_dimensions().map_err(|e| SpsError::Invalid(format!("{e:?}")))?;
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(SpsError::Size(width, height));
    }
    let vui = sps.vui_parameters.as_ref();
    let signal = vui.and_then(|vui| vui.video_signal_type.as_ref());
    let matrix = match signal.and_then(|signal| signal.colour_description.as_ref()) {
        Some(colour) if colour.matrix_coefficients == 1 => Matrix::Bt709,
        Some(colour) if matches!(colour.matrix_coefficients, 4..=6) => Matrix::Bt601,
        _ if height >= 720 => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    // Baseline has no B slices (§A.2.1), and picture order count type 2 forbids reordering (§8.2.1.3).
    let cannot_reorder = nal[1] == 66 || matches!(sps.pic_order_cnt, PicOrderCntType::TypeTwo);
    let reorder_frames = if cannot_reorder {
        Some(0)
    } else {
        vui.and_then(|vui| vui.bitstream_restrictions.as_ref())
            .map(|limits| limits.max_num_reorder_frames.min(16))
    };
    let frame_rate = vui.and_then(|vui| vui.timing_info.as_ref()).and_then(|timing| {
        let rate = f64::from(timing.time_scale) / (2.0 * f64::from(timing.num_units_in_tick));
        (0.1..=240.0).contains(&rate).then_some(rate)
    });
    Ok(VideoInfo {
        codec: format!("avc1.{:02x}{:02x}{:02x}", nal[1], nal[2], nal[3]),
        width,
        height,
        frame_rate,
        reorder_frames,
        interlaced: !matches!(sps.frame_mbs_flags, FrameMbsFlags::Frames),
        matrix,
        full_range: signal.is_some_and(|signal| signal.video_full_range_flag),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_high_profile_camera() {
        // The SPS of the Dahua DESCRIBE among retina's test data (sprop-parameter-sets, base64 there).
        let info = read_sps(&hex("6764001eac2c6a82c0f69b828082a0000003002000000303d08000")).unwrap();
        assert_eq!(info.codec, "avc1.64001e");
        assert_eq!((info.width, info.height), (704, 480));
        assert!(!info.interlaced);
        assert_eq!(info.matrix, Matrix::Bt601);
    }

    #[test]
    fn a_start_code_left_at_the_end() {
        // The SPS of the GW DESCRIBE among retina's test data.
        let info = read_sps(&hex("674d002a95a81e0089f966e02020204000000001")).unwrap();
        assert_eq!((info.width, info.height), (1920, 1080));
        assert_eq!(info.matrix, Matrix::Bt709);
    }

    #[test]
    fn baseline_never_reorders() {
        // x264 baseline 640x360.
        let info = read_sps(&hex("6742c01eda0280bfe5c044000003000400000300c83c58ba80")).unwrap();
        assert_eq!((info.width, info.height), (640, 360));
        assert_eq!(info.reorder_frames, Some(0));
        assert_eq!(info.frame_rate, Some(25.0));
    }

    #[test]
    fn torn_sets_are_errors() {
        let whole = hex("6742c01eda0280bfe5c044000003000400000300c83c58ba80");
        for cut in 0..8 {
            assert!(read_sps(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(read_sps(&[0x68, 1, 2, 3, 4]).is_err());
    }
}
