//! JPEG from decoded pictures.

use std::io::{Cursor, Read, Seek};

use bartizan_base::{Code, Error, Result};
use bartizan_decode::StreamDecoder;
use bartizan_media::{Codec, Matrix, VideoInfo, movie::Movie, nal, read_sps};
use image::{ImageEncoder, RgbImage, codecs::jpeg::JpegEncoder, imageops::FilterType};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgb};

/// JPEG quality of a snapshot, as libjpeg counts it: no visible loss.
const SNAPSHOT_QUALITY: u8 = 95;
/// JPEG quality of a small picture.
const THUMBNAIL_QUALITY: u8 = 75;
/// Longest side of a small picture, pixels: a grid of two columns on a phone at its pixel ratio.
const THUMBNAIL_SIDE: u32 = 480;
/// Units read for a first picture; decoders hold a few back.
const MOST_UNITS: usize = 20;

/// A small JPEG, and the width and height of what it was made of, pixels.
pub(crate) type Shrunk = (Vec<u8>, u32, u32);

/// An I420 picture as a person sees it.
pub(crate) struct Frame<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Y, U, V without padding.
    pub(crate) planes: &'a [u8],
    pub(crate) matrix: Matrix,
    pub(crate) full_range: bool,
}

/// A picture in full size.
pub(crate) fn to_jpeg(frame: &Frame<'_>) -> Result<Vec<u8>> {
    encode(&to_rgb(frame)?, SNAPSHOT_QUALITY)
}

/// A small one of it.
pub(crate) fn to_thumbnail(frame: &Frame<'_>) -> Result<Vec<u8>> {
    thumbnail(&to_rgb(frame)?)
}

/// A small one of a JPEG that a device made.
pub(crate) fn shrink(jpeg: &[u8]) -> Result<Shrunk> {
    let picture = image::load_from_memory_with_format(jpeg, image::ImageFormat::Jpeg)
        .map_err(|e| Error::new(Code::Protocol, format!("the device's picture: {e}")))?
        .into_rgb8();
    Ok((thumbnail(&picture)?, picture.width(), picture.height()))
}

/// As [`shrink`], of a JPEG that the page made, of at most [`LARGEST_JPEG`](super::LARGEST_JPEG) bytes.
pub(crate) fn shrink_sent(jpeg: &[u8]) -> Result<Shrunk> {
    if jpeg.len() > super::LARGEST_JPEG {
        return Err(Error::new(Code::InvalidInput, "the picture is too large"));
    }
    shrink(jpeg).map_err(|_| Error::new(Code::InvalidInput, "the picture is no JPEG"))
}

/// The first picture of a movie, small.
pub(super) fn of_movie(movie: &Movie, file: &mut (impl Read + Seek)) -> Result<Vec<u8>> {
    if movie.codec() != Codec::H264 {
        return Err(Error::new(Code::UnsupportedCodec, "only H.264 is decoded in software"));
    }
    let first = movie
        .random_access_before(0)
        .ok_or_else(|| Error::new(Code::DecoderFailed, "no random access point"))?;
    let mut decoder = StreamDecoder::new();
    let mut look = None;
    for index in first..movie.samples().len().min(first + MOST_UNITS) {
        let unit = movie.read(file, index).map_err(super::unreadable)?;
        let random_access = movie.samples()[index].random_access;
        if random_access && let Some(Ok(info)) = nal::find_h264_sps(&unit).map(read_sps) {
            look = Some(info);
        }
        let pictures = decoder.push(&unit, random_access, false)?;
        if let Some(picture) = pictures.first() {
            return to_thumbnail(&frame(picture.width, picture.height, &picture.data, look.as_ref()));
        }
    }
    match decoder.flush().first() {
        Some(timed) => {
            let picture = &timed.picture;
            to_thumbnail(&frame(picture.width, picture.height, &picture.data, look.as_ref()))
        }
        None => Err(Error::new(Code::DecoderFailed, "no picture came out")),
    }
}

/// A decoded picture with the colours its parameter sets state.
pub(crate) fn frame<'a>(width: u32, height: u32, planes: &'a [u8], look: Option<&VideoInfo>) -> Frame<'a> {
    Frame {
        width,
        height,
        planes,
        matrix: look.map_or(Matrix::Bt601, |look| look.matrix),
        full_range: look.is_some_and(|look| look.full_range),
    }
}

fn to_rgb(frame: &Frame<'_>) -> Result<RgbImage> {
    let wrong = |what: String| Error::new(Code::DecoderFailed, what);
    let luma = frame.width as usize * frame.height as usize;
    let (Some(y), Some(u), Some(v)) = (
        frame.planes.get(..luma),
        frame.planes.get(luma..luma + luma / 4),
        frame.planes.get(luma + luma / 4..luma + luma / 2),
    ) else {
        return Err(wrong(format!("{}x{} with too few bytes", frame.width, frame.height)));
    };
    let planar = YuvPlanarImage {
        y_plane: y,
        y_stride: frame.width,
        u_plane: u,
        u_stride: frame.width / 2,
        v_plane: v,
        v_stride: frame.width / 2,
        width: frame.width,
        height: frame.height,
    };
    let matrix = match frame.matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    let range = if frame.full_range { YuvRange::Full } else { YuvRange::Limited };
    let mut rgb = RgbImage::new(frame.width, frame.height);
    yuv420_to_rgb(&planar, &mut rgb, frame.width * 3, range, matrix).map_err(|e| wrong(e.to_string()))?;
    Ok(rgb)
}

fn thumbnail(picture: &RgbImage) -> Result<Vec<u8>> {
    let longest = picture.width().max(picture.height()).max(1);
    if longest <= THUMBNAIL_SIDE {
        return encode(picture, THUMBNAIL_QUALITY);
    }
    let scale = |side: u32| (side * THUMBNAIL_SIDE / longest).max(1);
    let small = image::imageops::resize(
        picture,
        scale(picture.width()),
        scale(picture.height()),
        FilterType::Triangle,
    );
    encode(&small, THUMBNAIL_QUALITY)
}

fn encode(picture: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut out, quality)
        .write_image(picture, picture.width(), picture.height(), image::ExtendedColorType::Rgb8)
        .map_err(|e| Error::new(Code::Internal, e.to_string()))?;
    Ok(out.into_inner())
}
