//! Black and white, and the finder patterns in it.

use super::gray::{Gray, Sums};

/// One byte a pixel: 1 is dark.
pub(super) struct Bits {
    pub width: usize,
    pub height: usize,
    pub dark: Vec<u8>,
}

impl Bits {
    /// Dark where a pixel is darker than the mean around it by a `margin` of 256ths: follows uneven light.
    pub fn local(picture: &Gray, sums: &Sums, radius: usize, margin: u32) -> Self {
        let (width, height) = (picture.width, picture.height);
        let mut dark = Vec::with_capacity(picture.pixels());
        for y in 0..height {
            for (x, &p) in picture.px[y * width..][..width].iter().enumerate() {
                let mean = sums.mean(x, y, radius);
                dark.push(u8::from(u32::from(p) * 256 < mean * (256 - margin)));
            }
        }
        Self { width, height, dark }
    }

    /// Dark where a pixel is darker than the one threshold that parts the picture best (Otsu 1979).
    pub fn global(picture: &Gray) -> Self {
        let mut histogram = [0u64; 256];
        for &p in &picture.px {
            histogram[usize::from(p)] += 1;
        }
        let total = picture.pixels() as f64;
        let sum: f64 = histogram.iter().enumerate().map(|(value, &count)| value as f64 * count as f64).sum();
        let (mut below, mut sum_below, mut best, mut threshold) = (0.0, 0.0, 0.0, 128);
        for (value, &count) in histogram.iter().enumerate() {
            below += count as f64;
            sum_below += value as f64 * count as f64;
            let above = total - below;
            if below == 0.0 || above == 0.0 {
                continue;
            }
            let apart = sum_below / below - (sum - sum_below) / above;
            let between = below * above * apart * apart;
            if between > best {
                (best, threshold) = (between, value);
            }
        }
        let dark = picture.px.iter().map(|&p| u8::from(usize::from(p) <= threshold)).collect();
        Self { width: picture.width, height: picture.height, dark }
    }
}

/// A finder pattern: the three squares in a code's corners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finder {
    pub x: f64,
    pub y: f64,
    /// Length of a horizontal cut through the middle, pixels: seven modules over the cosine of the code's turn.
    pub cut: f64,
    /// Rows that agreed.
    pub votes: u32,
}

/// Whether five runs are 1:1:3:1:1 within half a module each.
fn is_finder(runs: [usize; 5]) -> bool {
    let total: usize = runs.iter().sum();
    if total < 7 || runs.contains(&0) {
        return false;
    }
    let module = total as f64 / 7.0;
    let slack = module / 1.7;
    let near = |run: usize, modules: f64| (run as f64 - module * modules).abs() < slack * modules;
    near(runs[0], 1.0) && near(runs[1], 1.0) && near(runs[2], 3.0) && near(runs[3], 1.0) && near(runs[4], 1.0)
}

/// Middle of the third run, given where the fifth ends.
fn centre(runs: [usize; 5], end: usize) -> f64 {
    end as f64 - runs[4] as f64 - runs[3] as f64 - runs[2] as f64 / 2.0
}

impl Bits {
    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.width + x] != 0
    }

    /// The five runs along a column or a row through a dark point; the middle's position and the whole length.
    fn cross(&self, x: usize, y: usize, vertical: bool, longest: usize) -> Option<(f64, f64)> {
        let (at, limit) = if vertical { (y, self.height) } else { (x, self.width) };
        let dark = |at: usize| if vertical { self.is_dark(x, at) } else { self.is_dark(at, y) };
        if !dark(at) {
            return None;
        }
        let mut runs = [0usize; 5];
        let mut low = at as isize;
        for (run, colour) in [(2, true), (1, false), (0, true)] {
            while low >= 0 && dark(low as usize) == colour && runs[run] <= longest {
                runs[run] += 1;
                low -= 1;
            }
        }
        let mut high = at + 1;
        for (run, colour) in [(2, true), (3, false), (4, true)] {
            while high < limit && dark(high) == colour && runs[run] <= longest {
                runs[run] += 1;
                high += 1;
            }
        }
        is_finder(runs).then(|| (centre(runs, high), runs.iter().sum::<usize>() as f64))
    }

    /// All finder patterns, those with most votes first, at most `limit`.
    pub fn finders(&self, limit: usize) -> Vec<Finder> {
        let mut found: Vec<Finder> = Vec::new();
        for y in 0..self.height {
            let row = &self.dark[y * self.width..][..self.width];
            let mut runs = [0usize; 5];
            let mut last = 0u8;
            let mut run = 0;
            for x in 0..=self.width {
                let colour = row.get(x).copied().unwrap_or(0);
                if colour == last && x < self.width {
                    run += 1;
                    continue;
                }
                runs = [runs[1], runs[2], runs[3], runs[4], run];
                let ended_dark = last == 1;
                (last, run) = (colour, 1);
                if ended_dark && is_finder(runs) {
                    self.confirm(&mut found, runs, x, y);
                }
            }
        }
        found.retain(|finder| finder.votes >= 2);
        found.sort_by_key(|finder| std::cmp::Reverse(finder.votes));
        found.truncate(limit);
        found
    }

    fn confirm(&self, found: &mut Vec<Finder>, runs: [usize; 5], end: usize, y: usize) {
        /// Beyond this many different ones the picture is a pattern, not a label.
        const TOO_MANY: usize = 4096;
        let cut: usize = runs.iter().sum();
        let x = centre(runs, end);
        let Some((cy, tall)) = self.cross(x as usize, y, true, cut) else { return };
        // A tilted label's cut is up to three times as long one way as the other.
        if tall > 3.0 * cut as f64 || 3.0 * tall < cut as f64 {
            return;
        }
        let Some((cx, wide)) = self.cross(x as usize, (cy as usize).min(self.height - 1), false, cut * 2)
        else {
            return;
        };
        let new = Finder { x: cx, y: cy, cut: wide, votes: 1 };
        let room = found.len() < TOO_MANY;
        let same = found.iter_mut().rev().take(256).find(|old| {
            let reach = old.cut.max(new.cut) / 5.0;
            (old.x - new.x).abs() < reach && (old.y - new.y).abs() < reach
        });
        match same {
            Some(old) => {
                let votes = f64::from(old.votes);
                let merge = |old: f64, new: f64| (old * votes + new) / (votes + 1.0);
                (old.x, old.y, old.cut) = (merge(old.x, new.x), merge(old.y, new.y), merge(old.cut, new.cut));
                old.votes += 1;
            }
            None if room => found.push(new),
            None => {}
        }
    }
}
