//! Drawing codes: text → modules → PNG or SVG, and all parts of a card on one sheet.

use std::fmt::Write as _;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use qrcode::{Color, EcLevel, QrCode};

/// Light border around a code, modules (ISO/IEC 18004, 6.3.8).
pub const QUIET_ZONE: usize = 4;
/// Largest picture drawn, pixels a side.
const MAX_SIDE: usize = 8192;

/// Why nothing was drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// More than a QR code holds.
    #[error("{0} bytes are too much for one QR code")]
    TooLong(usize),
    /// The picture would pass 8192 pixels a side, or there is nothing to draw.
    #[error("a picture of {0} codes cannot be drawn")]
    BadSize(usize),
    /// The PNG encoder failed.
    #[error("PNG: {0}")]
    Png(String),
}

/// A QR code as modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    width: usize,
    dark: Vec<bool>,
}

impl Qr {
    /// The smallest code for the text at error correction level M (15 %), raised to Q or H where that costs no size.
    ///
    /// # Errors
    /// `TooLong` above what version 40-M holds: 2331 bytes, or 3391 of the alphanumeric characters that cards use.
    pub fn new(text: &str) -> Result<Self, RenderError> {
        let code = |level| QrCode::with_error_correction_level(text, level);
        let least = code(EcLevel::M).map_err(|_| RenderError::TooLong(text.len()))?;
        let best = [EcLevel::H, EcLevel::Q]
            .into_iter()
            .filter_map(|level| code(level).ok())
            .find(|stronger| stronger.width() == least.width())
            .unwrap_or(least);
        let width = best.width();
        Ok(Self { width, dark: best.into_colors().into_iter().map(|color| color == Color::Dark).collect() })
    }

    /// Modules a side, 21–177, without the quiet zone.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether the module in column `x` of row `y` is dark. Outside the code all is light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.width && self.dark[y * self.width + x]
    }

    /// The code with its quiet zone, at least `min_side` pixels a side as far as 8192 allow, whole pixels a module.
    pub fn picture(&self, min_side: usize) -> Picture {
        let modules = self.width + 2 * QUIET_ZONE;
        let scale = min_side.min(MAX_SIDE).div_ceil(modules).clamp(1, MAX_SIDE / modules);
        let mut picture = Picture::white(modules * scale, modules * scale);
        picture.draw(self, 0, 0, scale);
        picture
    }

    /// SVG of the code with its quiet zone, one unit a module; black on white whatever the page's colours are.
    pub fn svg(&self) -> String {
        let side = self.width + 2 * QUIET_ZONE;
        let mut path = String::new();
        for y in 0..self.width {
            let mut x = 0;
            while x < self.width {
                let run = (x..self.width).take_while(|&x| self.is_dark(x, y)).count();
                if run > 0 {
                    let (left, top) = (x + QUIET_ZONE, y + QUIET_ZONE);
                    write!(path, "M{left} {top}h{run}v1h-{run}z").expect("writing to memory does not fail");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
             <path d=\"{path}\"/></svg>"
        )
    }
}

/// A grey picture, 8 bits a pixel, rows from the top without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// `width × height` bytes.
    pub luma: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

impl Picture {
    fn white(width: usize, height: usize) -> Self {
        Self { width, height, luma: vec![255; width * height] }
    }

    fn draw(&mut self, code: &Qr, left: usize, top: usize, scale: usize) {
        for y in 0..code.width * scale {
            let row = (top + QUIET_ZONE * scale + y) * self.width + left + QUIET_ZONE * scale;
            for x in 0..code.width * scale {
                if code.is_dark(x / scale, y / scale) {
                    self.luma[row + x] = 0;
                }
            }
        }
    }

    /// PNG bytes.
    ///
    /// # Errors
    /// `Png` if the encoder fails, which it has no reason to.
    pub fn png(&self) -> Result<Vec<u8>, RenderError> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(&self.luma, self.width as u32, self.height as u32, ExtendedColorType::L8)
            .map_err(|error| RenderError::Png(error.to_string()))?;
        Ok(bytes)
    }
}

/// All codes of a card on one picture, in reading order, each about `min_side` pixels: for "save to album".
///
/// # Errors
/// `TooLong` for a text that fits no code, `BadSize` for no text or for more than fit 8192 pixels a side.
pub fn sheet(texts: &[String], min_side: usize) -> Result<Picture, RenderError> {
    let codes = texts.iter().map(|text| Qr::new(text)).collect::<Result<Vec<_>, _>>()?;
    let modules = codes.iter().map(Qr::width).max().ok_or(RenderError::BadSize(0))? + 2 * QUIET_ZONE;
    let columns = (1..).find(|columns| columns * columns >= codes.len()).unwrap_or(1);
    let rows = codes.len().div_ceil(columns);
    // One module more between codes than the two quiet zones, so that no reader pairs corners of neighbours.
    let fits = MAX_SIDE / (modules * columns);
    if fits == 0 {
        return Err(RenderError::BadSize(codes.len()));
    }
    let scale = min_side.div_ceil(modules).clamp(1, fits);
    let cell = modules * scale;
    let mut picture = Picture::white(columns * cell, rows * cell);
    for (at, code) in codes.iter().enumerate() {
        picture.draw(code, at % columns * cell, at / columns * cell, scale);
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_as_strong_as_its_size_allows() {
        // Version 1 holds 14 bytes at M and 7 at H: five bytes cost no size at H.
        let code = Qr::new("a#b#c").unwrap();
        assert_eq!(code.width(), 21);
        // Finder pattern and quiet zone where ISO/IEC 18004 puts them.
        assert!(code.is_dark(0, 0) && code.is_dark(20, 0) && code.is_dark(0, 20) && !code.is_dark(1, 1));
        assert!(!code.is_dark(21, 0) && !code.is_dark(0, usize::MAX));
    }

    #[test]
    fn pictures_keep_the_quiet_zone_and_whole_modules() {
        let picture = Qr::new("BZ1:TEST").unwrap().picture(200);
        assert_eq!((picture.width, picture.height), (203, 203), "29 modules of 7 pixels");
        let quiet = 4 * 7;
        assert!(picture.luma[..203 * quiet].iter().all(|&p| p == 255));
        assert_eq!(picture.luma[203 * quiet + quiet], 0);
        assert!(picture.png().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn svg_draws_the_dark_modules_only() {
        let code = Qr::new("x").unwrap();
        let svg = code.svg();
        let dark: usize = svg
            .split("v1h-")
            .skip(1)
            .map(|run| run.split('z').next().unwrap().parse::<usize>().unwrap())
            .sum();
        let modules = (0..21).flat_map(|y| (0..21).map(move |x| (x, y)));
        assert_eq!(dark, modules.filter(|&(x, y)| code.is_dark(x, y)).count());
        assert!(svg.contains("viewBox=\"0 0 29 29\""));
    }

    #[test]
    fn too_much_is_refused() {
        assert_eq!(Qr::new(&"é".repeat(2000)), Err(RenderError::TooLong(4000)));
        assert!(matches!(sheet(&[], 300), Err(RenderError::BadSize(0))));
    }
}
