//! A grey picture and the few operations that make codes stand out.

/// Rows from the top, no padding, at least 1 × 1.
#[derive(Clone)]
pub(super) struct Gray {
    pub width: usize,
    pub height: usize,
    pub px: Vec<u8>,
}

const MIN_SIDE: usize = 21;
const MAX_SIDE: usize = 16384;

impl Gray {
    pub fn from_plane(width: usize, height: usize, stride: usize, luma: &[u8]) -> Option<Self> {
        let sides = MIN_SIDE..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) || stride < width {
            return None;
        }
        let needed = stride.checked_mul(height - 1)?.checked_add(width)?;
        let luma = luma.get(..needed)?;
        let mut px = Vec::with_capacity(width * height);
        for row in luma.chunks(stride) {
            px.extend_from_slice(&row[..width]);
        }
        Some(Self { width, height, px })
    }

    pub fn pixels(&self) -> usize {
        self.px.len()
    }

    pub fn inverted(&self) -> Self {
        Self { width: self.width, height: self.height, px: self.px.iter().map(|p| 255 - p).collect() }
    }

    /// On a logarithmic scale, where a shadow takes the same from ink and paper: for hard shadows and glare.
    pub fn logarithmic(&self) -> Self {
        let log = |p: usize| ((p as f64 + 4.0) / 4.0).log2();
        let scale: [u8; 256] = std::array::from_fn(|p| (log(p) * 255.0 / log(255)).round() as u8);
        Self {
            width: self.width,
            height: self.height,
            px: self.px.iter().map(|&p| scale[usize::from(p)]).collect(),
        }
    }

    /// Smaller by a whole factor, each pixel the mean of what it covers: also the best cure for noise.
    pub fn shrunk(&self, factor: usize) -> Self {
        let (width, height) = ((self.width / factor).max(1), (self.height / factor).max(1));
        let mut px = Vec::with_capacity(width * height);
        let area = (factor * factor) as u32;
        let mut sums = vec![0u32; width];
        for y in 0..height {
            sums.fill(0);
            for row in y * factor..(y + 1) * factor {
                let row = &self.px[row * self.width..][..width * factor];
                for (sum, covered) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += covered.iter().map(|&p| u32::from(p)).sum::<u32>();
                }
            }
            px.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
        }
        Self { width, height, px }
    }

    /// Twice as large, bilinear: gives thresholds and edges room where modules are two or three pixels wide.
    pub fn doubled(&self) -> Self {
        let (width, height) = (self.width * 2, self.height * 2);
        // Output pixel centres lie a quarter off the input's: weights 3/4 and 1/4.
        let near = |at: usize, limit: usize| {
            let one = at / 2;
            let other = if at.is_multiple_of(2) { one.saturating_sub(1) } else { (one + 1).min(limit - 1) };
            (one, other)
        };
        let mut px = Vec::with_capacity(width * height);
        for y in 0..height {
            let (one, other) = near(y, self.height);
            let (top, bottom) =
                (&self.px[one * self.width..][..self.width], &self.px[other * self.width..][..self.width]);
            for x in 0..width {
                let (a, b) = near(x, self.width);
                let row = |row: &[u8]| 3 * u32::from(row[a]) + u32::from(row[b]);
                px.push(((3 * row(top) + row(bottom) + 8) / 16) as u8);
            }
        }
        Self { width, height, px }
    }

    pub fn cropped(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let mut px = Vec::with_capacity(width * height);
        for y in top..top + height {
            px.extend_from_slice(&self.px[y * self.width + left..][..width]);
        }
        Self { width, height, px }
    }

    /// Mean over a square of `2·radius + 1` pixels, borders by what lies inside.
    pub fn blurred(&self, radius: usize) -> Self {
        let sums = Sums::of(self);
        let mut px = Vec::with_capacity(self.pixels());
        for y in 0..self.height {
            for x in 0..self.width {
                px.push(sums.mean(x, y, radius) as u8);
            }
        }
        Self { width: self.width, height: self.height, px }
    }

    /// Adds `strength`/4 times the difference to the blurred picture: undoes some of a lens's or a hand's blur.
    pub fn sharpened(&self, radius: usize, strength: i32) -> Self {
        let blurred = self.blurred(radius);
        let px = self.px.iter().zip(&blurred.px).map(|(&p, &mean)| {
            let (p, mean) = (i32::from(p), i32::from(mean));
            (p + (p - mean) * strength / 4).clamp(0, 255) as u8
        });
        Self { width: self.width, height: self.height, px: px.collect() }
    }
}

/// Sums over any rectangle in four reads (summed-area table).
pub(super) struct Sums {
    width: usize,
    height: usize,
    table: Vec<u32>,
}

impl Sums {
    /// Sums wrap in 32 bits beyond 16 million pixels of white; differences are still right, because a window is small.
    pub fn of(picture: &Gray) -> Self {
        let (width, height) = (picture.width, picture.height);
        let stride = width + 1;
        let mut table = vec![0u32; stride * (height + 1)];
        for y in 0..height {
            let mut row = 0u32;
            let (above, below) = table.split_at_mut((y + 1) * stride);
            let above = &above[y * stride..];
            for (x, &p) in picture.px[y * width..][..width].iter().enumerate() {
                row += u32::from(p);
                below[x + 1] = above[x + 1].wrapping_add(row);
            }
        }
        Self { width, height, table }
    }

    pub fn mean(&self, x: usize, y: usize, radius: usize) -> u32 {
        let (left, top) = (x.saturating_sub(radius), y.saturating_sub(radius));
        let (right, bottom) = ((x + radius + 1).min(self.width), (y + radius + 1).min(self.height));
        let stride = self.width + 1;
        let at = |x: usize, y: usize| self.table[y * stride + x];
        let sum = at(right, bottom)
            .wrapping_add(at(left, top))
            .wrapping_sub(at(left, bottom))
            .wrapping_sub(at(right, top));
        sum / ((right - left) * (bottom - top)) as u32
    }
}
