//! Picture files: JPEG, PNG, WebP.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Effort, Found, Scanner};

/// Largest file looked at, bytes.
pub const MAX_PICTURE_BYTES: usize = 64 * 1024 * 1024;
/// Largest picture decoded, pixels: 64 megapixels, above what phones save.
pub const MAX_PICTURE_PIXELS: u64 = 64 * 1024 * 1024;
/// Memory the decoder may take, bytes.
const MAX_ALLOC: u64 = 320 * 1024 * 1024;

/// Why a picture file could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Not a JPEG, PNG or WebP.
    #[error("not a JPEG, PNG or WebP picture")]
    UnknownFormat,
    /// Too many bytes or pixels.
    #[error("the picture is too large: {0}")]
    TooLarge(String),
    /// The file is damaged.
    #[error("the picture cannot be decoded: {0}")]
    Damaged(String),
}

impl From<ScanError> for bartizan_base::Error {
    fn from(error: ScanError) -> Self {
        Self::new(bartizan_base::Code::InvalidInput, error.to_string())
    }
}

/// Finds codes in a picture file, with every way of [`Effort::Photo`]. The EXIF orientation is honoured, so corners are
/// where people see them. No code is an empty list, not an error.
///
/// # Errors
/// `UnknownFormat`, `TooLarge`, `Damaged`.
pub fn scan_picture(bytes: &[u8]) -> Result<Vec<Found>, ScanError> {
    let picture = luma(bytes)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Scanner::new(Effort::Photo).scan_luma(width, height, width, picture.as_raw()))
}

fn luma(bytes: &[u8]) -> Result<image::GrayImage, ScanError> {
    if bytes.len() > MAX_PICTURE_BYTES {
        return Err(ScanError::TooLarge(format!("{} bytes", bytes.len())));
    }
    let format = image::guess_format(bytes).map_err(|_| ScanError::UnknownFormat)?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) {
        return Err(ScanError::UnknownFormat);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(16384);
    limits.max_image_height = Some(16384);
    limits.max_alloc = Some(MAX_ALLOC);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let refused = |error: image::ImageError| match error {
        image::ImageError::Limits(error) => ScanError::TooLarge(error.to_string()),
        error => ScanError::Damaged(error.to_string()),
    };
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PICTURE_PIXELS {
        return Err(ScanError::TooLarge(format!("{width} × {height}")));
    }
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    flatten(&mut picture);
    // Grey first: turning one byte a pixel is cheaper than turning four.
    let mut picture = DynamicImage::ImageLuma8(picture.into_luma8());
    picture.apply_orientation(orientation);
    Ok(picture.into_luma8())
}

/// Lays see-through pictures on white: a black code on nothing would else be black on black.
fn flatten(picture: &mut DynamicImage) {
    if !picture.color().has_alpha() {
        return;
    }
    let mut flat = picture.to_rgba8();
    for pixel in flat.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for value in &mut pixel.0[..3] {
            *value = ((u32::from(*value) * alpha + 255 * (255 - alpha)) / 255) as u8;
        }
        pixel.0[3] = 255;
    }
    *picture = DynamicImage::ImageRgba8(flat);
}
