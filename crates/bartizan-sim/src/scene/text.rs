//! On-screen text as cameras draw it: a bitmap font, white with a dark rim.

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Point, Size},
    mono_font::{MonoTextStyle, ascii::FONT_10X20},
    pixelcolor::BinaryColor,
    text::{Baseline, Text},
};

use super::paint::Sprite;

const CELL: (usize, usize) = (10, 20);

struct Bitmap([bool; CELL.0 * CELL.1]);

impl OriginDimensions for Bitmap {
    fn size(&self) -> Size {
        Size::new(CELL.0 as u32, CELL.1 as u32)
    }
}

impl DrawTarget for Bitmap {
    type Color = BinaryColor;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Self::Error> {
        for Pixel(Point { x, y }, colour) in pixels {
            if (0..CELL.0 as i32).contains(&x) && (0..CELL.1 as i32).contains(&y) {
                self.0[y as usize * CELL.0 + x as usize] = colour.is_on();
            }
        }
        Ok(())
    }
}

/// The printable ASCII characters at a whole multiple of the font's size.
pub(crate) struct Font {
    glyphs: Vec<Sprite>,
}

impl Font {
    pub fn new(scale: usize) -> Self {
        let (width, height) = (CELL.0 * scale, CELL.1 * scale);
        let glyphs = (' '..='~')
            .map(|letter| {
                let mut bitmap = Bitmap([false; CELL.0 * CELL.1]);
                let text = letter.to_string();
                let style = MonoTextStyle::new(&FONT_10X20, BinaryColor::On);
                let drawn = Text::with_baseline(&text, Point::zero(), style, Baseline::Top);
                let Ok(_) = embedded_graphics::Drawable::draw(&drawn, &mut bitmap);
                let set = |x: i32, y: i32| {
                    x >= 0
                        && y >= 0
                        && (x as usize) < width
                        && (y as usize) < height
                        && bitmap.0[y as usize / scale * CELL.0 + x as usize / scale]
                };
                let pixels: Vec<(u8, u8)> = (0..height as i32)
                    .flat_map(|y| (0..width as i32).map(move |x| (x, y)))
                    .map(|(x, y)| {
                        let near = scale as i32;
                        let rim = (-near..=near).any(|dy| (-near..=near).any(|dx| set(x + dx, y + dy)));
                        match (set(x, y), rim) {
                            (true, _) => (235, 255),
                            (false, true) => (20, 170),
                            (false, false) => (20, 0),
                        }
                    })
                    .collect();
                Sprite::from_mask(width, height, &pixels)
            })
            .collect();
        Self { glyphs }
    }

    /// Sprites of a text's characters; what is not printable ASCII becomes `?`.
    pub fn letters<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Sprite> {
        text.bytes().map(|byte| {
            let byte = if (b' '..=b'~').contains(&byte) { byte } else { b'?' };
            &self.glyphs[usize::from(byte - b' ')]
        })
    }
}

/// `2026-11-20 23:59:59.123` in UTC (civil calendar from days, proleptic Gregorian).
pub(crate) fn clock_text(utc_ms: u64) -> String {
    let (days, ms) = (utc_ms / 86_400_000, utc_ms % 86_400_000);
    // Days are counted from 0000-03-01, so that leap days fall at the end of a year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:03}",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(clock_text(0), "1970-01-01 00:00:00.000");
        assert_eq!(clock_text(951_782_399_999), "2000-02-28 23:59:59.999");
        assert_eq!(clock_text(951_782_400_000), "2000-02-29 00:00:00.000");
        assert_eq!(clock_text(1_795_219_199_873), "2026-11-20 23:59:59.873");
    }
}
