//! A small painter: shapes in fractions of the picture, drawn once at double size and averaged down.

/// Colour as red, green, blue, 0–255.
pub(crate) type Rgb = [u8; 3];

/// A canvas with coverage, so that sprites keep soft edges. Coordinates run from 0 to 1 across it.
pub(crate) struct Painter {
    pub width: usize,
    pub height: usize,
    /// Red, green, blue, coverage (0 or 255) at twice the size each way.
    pixels: Vec<[u8; 4]>,
}

pub(crate) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|i| (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * t).round() as u8)
}

impl Painter {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0; 4]; width * height * 4] }
    }

    fn fill(&mut self, from: (f32, f32), to: (f32, f32), shade: impl Fn(f32, f32) -> Option<Rgb>) {
        self.cover(from, to, |x, y, _| shade(x, y));
    }

    /// Shades what `shade` does not leave out; it is told what was there before.
    fn cover(&mut self, from: (f32, f32), to: (f32, f32), shade: impl Fn(f32, f32, Rgb) -> Option<Rgb>) {
        let ((x0, y0), (x1, y1)) = (from, to);
        let (w, h) = (self.width * 2, self.height * 2);
        let clip = |at: f32, size: usize| (at * size as f32).round().clamp(0.0, size as f32) as usize;
        for row in clip(y0, h)..clip(y1, h) {
            let y = (row as f32 + 0.5) / h as f32;
            for column in clip(x0, w)..clip(x1, w) {
                let [r, g, b, _] = self.pixels[row * w + column];
                if let Some([r, g, b]) = shade((column as f32 + 0.5) / w as f32, y, [r, g, b]) {
                    self.pixels[row * w + column] = [r, g, b, 255];
                }
            }
        }
    }

    pub fn rect(&mut self, x0: f32, y0: f32, x1: f32, y1: f32, colour: Rgb) {
        self.fill((x0, y0), (x1, y1), |_, _| Some(colour));
    }

    /// From `top` to `bottom` colour.
    pub fn gradient(&mut self, x0: f32, y0: f32, x1: f32, y1: f32, top: Rgb, bottom: Rgb) {
        self.fill((x0, y0), (x1, y1), |_, y| Some(mix(top, bottom, (y - y0) / (y1 - y0))));
    }

    pub fn ellipse(&mut self, cx: f32, cy: f32, rx: f32, ry: f32, colour: Rgb) {
        self.fill((cx - rx, cy - ry), (cx + rx, cy + ry), |x, y| {
            let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
            (dx * dx + dy * dy <= 1.0).then_some(colour)
        });
    }

    /// A convex or concave polygon, even-odd.
    pub fn polygon(&mut self, points: &[(f32, f32)], colour: Rgb) {
        self.glow(points, colour, 1.0);
    }

    /// A polygon through which the share 1 − `strength` of what is behind still shows.
    pub fn glow(&mut self, points: &[(f32, f32)], colour: Rgb, strength: f32) {
        let bound = |pick: fn(&(f32, f32)) -> f32| {
            points.iter().map(pick).fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let ((x0, x1), (y0, y1)) = (bound(|p| p.0), bound(|p| p.1));
        self.cover((x0, y0), (x1, y1), |x, y, behind| {
            let mut inside = false;
            for (index, a) in points.iter().enumerate() {
                let b = points[(index + 1) % points.len()];
                if (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0 {
                    inside = !inside;
                }
            }
            inside.then(|| mix(behind, colour, strength))
        });
    }

    /// Turns the picture left to right.
    pub fn mirror(&mut self) {
        let w = self.width * 2;
        self.pixels.chunks_exact_mut(w).for_each(<[_]>::reverse);
    }

    /// Colour and coverage of one finished pixel.
    pub fn pixel(&self, x: usize, y: usize) -> (Rgb, u8) {
        let w = self.width * 2;
        let (mut sum, mut cover) = ([0u32; 3], 0u32);
        for [r, g, b, a] in
            [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| self.pixels[(y * 2 + dy) * w + x * 2 + dx])
        {
            if a != 0 {
                sum = [sum[0] + u32::from(r), sum[1] + u32::from(g), sum[2] + u32::from(b)];
                cover += 1;
            }
        }
        (sum.map(|channel| (channel / cover.max(1)) as u8), (cover * 255 / 4) as u8)
    }
}

/// A picture in I420, limited range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct I420 {
    pub width: usize,
    pub height: usize,
    pub y: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
}

/// A small picture with coverage, ready to be put onto an [`I420`] at even positions.
#[derive(Clone, Debug)]
pub(crate) struct Sprite {
    picture: I420,
    cover: Vec<u8>,
}

/// To Y'CbCr with the matrix a player assumes for that picture height: BT.709 from 720 lines, else BT.601.
fn ycbcr([r, g, b]: Rgb, hd: bool) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(|channel| f32::from(channel) / 255.0);
    let (kr, kb) = if hd { (0.2126, 0.0722) } else { (0.299, 0.114) };
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    [16.0 + 219.0 * y, 128.0 + 112.0 * (b - y) / (1.0 - kb), 128.0 + 112.0 * (r - y) / (1.0 - kr)]
        .map(|value| value.round().clamp(0.0, 255.0) as u8)
}

impl I420 {
    pub fn grey(width: usize, height: usize) -> Self {
        let chroma = vec![128; width / 2 * (height / 2)];
        Self { width, height, y: vec![128; width * height], u: chroma.clone(), v: chroma }
    }

    /// Converts a painting, sizes even. `hd` chooses the matrix.
    pub fn from_painting(painting: &Painter, hd: bool) -> Self {
        Sprite::from_painting(painting, hd).picture
    }

    /// Copies a rectangle of even coordinates from a picture of the same size.
    pub fn restore(&mut self, from: &I420, (x, y, w, h): Rect) {
        for row in y..y + h {
            let at = row * self.width + x;
            self.y[at..at + w].copy_from_slice(&from.y[at..at + w]);
        }
        for row in y / 2..(y + h) / 2 {
            let at = row * (self.width / 2) + x / 2;
            self.u[at..at + w / 2].copy_from_slice(&from.u[at..at + w / 2]);
            self.v[at..at + w / 2].copy_from_slice(&from.v[at..at + w / 2]);
        }
    }

    /// Puts a sprite with its top left corner at (`x`, `y`), which may lie outside; says which part changed.
    pub fn put(&mut self, sprite: &Sprite, x: i32, y: i32) -> Option<Rect> {
        let (x, y) = (x & !1, y & !1);
        let (w, h) = (sprite.picture.width as i32, sprite.picture.height as i32);
        let (x0, y0) = (x.max(0), y.max(0));
        let (x1, y1) = ((x + w).min(self.width as i32), (y + h).min(self.height as i32));
        if x0 >= x1 || y0 >= y1 {
            return None;
        }
        let blend = |to: &mut u8, from: u8, cover: u8| {
            let cover = u32::from(cover);
            *to = ((u32::from(*to) * (255 - cover) + u32::from(from) * cover) / 255) as u8;
        };
        for row in y0..y1 {
            for column in x0..x1 {
                let from = ((row - y) * w + column - x) as usize;
                let cover = sprite.cover[from];
                if cover == 0 {
                    continue;
                }
                blend(
                    &mut self.y[row as usize * self.width + column as usize],
                    sprite.picture.y[from],
                    cover,
                );
                if row % 2 == 0 && column % 2 == 0 {
                    let to = row as usize / 2 * (self.width / 2) + column as usize / 2;
                    let from = ((row - y) / 2 * (w / 2) + (column - x) / 2) as usize;
                    blend(&mut self.u[to], sprite.picture.u[from], cover);
                    blend(&mut self.v[to], sprite.picture.v[from], cover);
                }
            }
        }
        Some((x0 as usize, y0 as usize, (x1 - x0) as usize, (y1 - y0) as usize))
    }
}

/// Left, top, width, height; all even.
pub(crate) type Rect = (usize, usize, usize, usize);

impl Sprite {
    pub fn from_painting(painting: &Painter, hd: bool) -> Self {
        let (width, height) = (painting.width, painting.height);
        let mut picture = I420::grey(width, height);
        let mut cover = vec![0; width * height];
        for y in 0..height {
            for x in 0..width {
                let (rgb, coverage) = painting.pixel(x, y);
                let [luma, cb, cr] = ycbcr(rgb, hd);
                picture.y[y * width + x] = luma;
                cover[y * width + x] = coverage;
                if x % 2 == 0 && y % 2 == 0 {
                    picture.u[y / 2 * (width / 2) + x / 2] = cb;
                    picture.v[y / 2 * (width / 2) + x / 2] = cr;
                }
            }
        }
        Self { picture, cover }
    }

    /// A sprite from luma and coverage alone, colourless.
    pub fn from_mask(width: usize, height: usize, luma_and_cover: &[(u8, u8)]) -> Self {
        let mut picture = I420::grey(width, height);
        picture.y = luma_and_cover.iter().map(|(luma, _)| *luma).collect();
        Self { picture, cover: luma_and_cover.iter().map(|(_, cover)| *cover).collect() }
    }

    pub fn width(&self) -> usize {
        self.picture.width
    }
}
