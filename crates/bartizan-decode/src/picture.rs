use bytes::Bytes;
use openh264::{decoder::DecodedYUV, formats::YUVSource};

use crate::DecodeError;

/// One decoded picture: planar YCbCr 4:2:0, 8 bits per sample, without padding between rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// I420: `width * height` bytes of Y, then a quarter of that of Cb, then as much of Cr.
    pub data: Bytes,
}

impl Picture {
    /// The luma plane, `width * height` bytes.
    pub fn y(&self) -> &[u8] {
        &self.data[..self.luma_len()]
    }

    /// The Cb plane, `width / 2 * height / 2` bytes.
    pub fn u(&self) -> &[u8] {
        let luma = self.luma_len();
        &self.data[luma..luma + luma / 4]
    }

    /// The Cr plane, `width / 2 * height / 2` bytes.
    pub fn v(&self) -> &[u8] {
        let luma = self.luma_len();
        &self.data[luma + luma / 4..]
    }

    fn luma_len(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Copies a picture out of the decoder's padded planes.
    ///
    /// Cropping in 4:2:0 moves in steps of two (H.264 equations 7-19 and 7-20), so an odd side should not occur;
    /// if it does, the last line or column goes, since half a chroma sample cannot be sent.
    pub(crate) fn copy_from(yuv: &DecodedYUV<'_>) -> Result<Self, DecodeError> {
        let (width, height) = yuv.dimensions();
        let (width, height) = (width & !1, height & !1);
        let (sides, limit) = ((u32::try_from(width), u32::try_from(height)), 1usize << 15);
        let (Ok(out_width), Ok(out_height)) = sides else { return Err(impossible(width, height)) };
        if width == 0 || height == 0 || width > limit || height > limit {
            return Err(impossible(width, height));
        }
        let strides = yuv.strides();
        let mut data = Vec::with_capacity(width * height * 3 / 2);
        let planes = [
            (yuv.y(), strides.0, width, height),
            (yuv.u(), strides.1, width / 2, height / 2),
            (yuv.v(), strides.2, width / 2, height / 2),
        ];
        for (plane, stride, width, height) in planes {
            copy_plane(&mut data, plane, stride, width, height)
                .ok_or_else(|| impossible(out_width as usize, out_height as usize))?;
        }
        Ok(Self { width: out_width, height: out_height, data: data.into() })
    }
}

/// Appends `height` rows of `width` bytes. `None` when the plane is smaller than it claims.
fn copy_plane(out: &mut Vec<u8>, plane: &[u8], stride: usize, width: usize, height: usize) -> Option<()> {
    if stride == width {
        out.extend_from_slice(plane.get(..width * height)?);
        return Some(());
    }
    if stride < width {
        return None;
    }
    for row in 0..height {
        out.extend_from_slice(plane.get(row * stride..)?.get(..width)?);
    }
    Some(())
}

fn impossible(width: usize, height: usize) -> DecodeError {
    DecodeError::Corrupt(format!(
        "the decoder gave a picture of {width}x{height} with planes that do not fit"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lose_their_padding() {
        let plane: Vec<u8> = (0..12).collect();
        let copied = |stride, width, height| {
            let mut out = Vec::new();
            copy_plane(&mut out, &plane, stride, width, height).map(|()| out)
        };
        assert_eq!(copied(4, 2, 3), Some(vec![0, 1, 4, 5, 8, 9]));
        assert_eq!(copied(4, 4, 3), Some(plane.clone()));
        // The last row may end where its pixels do.
        assert_eq!(copied(5, 2, 3), Some(vec![0, 1, 5, 6, 10, 11]));
        assert_eq!(copied(4, 4, 4), None);
        assert_eq!(copied(0, 2, 2), None);
        assert_eq!(copied(5, 4, 3), None);
    }
}
