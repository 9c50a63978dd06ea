//! The time bar: the moment of capture, drawn into the picture so that a program can read it off any copy of it.
//!
//! Layout and thresholds are specified in `docs/simulator.md`. All positions are fractions of the picture, so the
//! bar survives scaling; it stays readable down to about 190×107 pixels, where a cell is 3×5 pixels.

/// Cells in the bar, left to right over the full width.
pub const CELLS: usize = 64;
/// Top edge as a fraction of the picture height; the bar reaches down to the bottom edge.
pub const TOP: (usize, usize) = (43, 45);
/// Luma of a cell that is 0.
pub const BLACK: u8 = 16;
/// Luma of a cell that is 1.
pub const WHITE: u8 = 235;

const SYNC_START: u64 = 0b1010;
const SYNC_END: u64 = 0b0101;
const TIME_BITS: u32 = 48;
/// Least difference of mean luma between the white and the black sync cells.
const MIN_CONTRAST: u32 = 60;

/// CRC-8, polynomial x⁸+x²+x+1, initial value 0xff, over the six time bytes in big-endian order.
fn crc8(utc_ms: u64) -> u8 {
    utc_ms.to_be_bytes()[2..].iter().fold(0xffu8, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 })
    })
}

fn code(utc_ms: u64) -> u64 {
    let time = utc_ms & ((1 << TIME_BITS) - 1);
    SYNC_START << 60 | time << 12 | u64::from(crc8(time)) << 4 | SYNC_END
}

/// First row of the bar in a picture of that height.
pub fn top(height: usize) -> usize {
    height * TOP.0 / TOP.1
}

/// Draws `utc_ms` (milliseconds since 1970-01-01T00:00:00Z, below 2^48) into a luma plane.
///
/// # Panics
/// When the plane is shorter than `stride * (height - 1) + width`.
pub fn draw(y_plane: &mut [u8], width: usize, height: usize, stride: usize, utc_ms: u64) {
    let code = code(utc_ms);
    let top = top(height);
    if top >= height {
        return;
    }
    let first = &mut y_plane[top * stride..][..width];
    for cell in 0..CELLS {
        let luma = if code >> (CELLS - 1 - cell) & 1 == 1 { WHITE } else { BLACK };
        first[cell * width / CELLS..(cell + 1) * width / CELLS].fill(luma);
    }
    for row in top + 1..height {
        y_plane.copy_within(top * stride..top * stride + width, row * stride);
    }
}

/// Reads the bar from a luma plane of any size; `None` when there is none or it cannot be trusted.
pub fn read(y_plane: &[u8], width: usize, height: usize, stride: usize) -> Option<u64> {
    if width < CELLS || height < 45 || stride < width || y_plane.len() < stride * (height - 1) + width {
        return None;
    }
    let cell = |index: usize| -> u32 {
        // The middle half of the cell each way, at least the one pixel that holds its centre.
        let span = |from: usize, to: usize, scale: usize| {
            let (low, high) = ((3 * from + to) / (4 * scale), (from + 3 * to) / (4 * scale));
            if high > low { low..high } else { (from + to) / (2 * scale)..(from + to) / (2 * scale) + 1 }
        };
        let columns = span(index * width, (index + 1) * width, CELLS);
        let rows = span(height * TOP.0, height * TOP.1, TOP.1);
        let (mut sum, mut count) = (0u32, 0u32);
        for row in rows {
            for &luma in &y_plane[row * stride + columns.start..row * stride + columns.end] {
                sum += u32::from(luma);
                count += 1;
            }
        }
        sum / count.max(1)
    };
    let values: [u32; CELLS] = std::array::from_fn(cell);
    let (mut white, mut black) = (0, 0);
    for (at, pattern) in [(0, SYNC_START), (CELLS - 4, SYNC_END)] {
        for bit in 0..4 {
            let side = if pattern >> (3 - bit) & 1 == 1 { &mut white } else { &mut black };
            *side += values[at + bit];
        }
    }
    let (white, black) = (white / 4, black / 4);
    if white < black + MIN_CONTRAST {
        return None;
    }
    let middle = (white + black) / 2;
    // Between the levels a cell may be half of one picture and half of the next: unreadable, not 0 or 1.
    let doubt = (white - black) / 8;
    let mut read = 0u64;
    for value in values {
        if value.abs_diff(middle) < doubt {
            return None;
        }
        read = read << 1 | u64::from(value > middle);
    }
    let time = read >> 12 & ((1 << TIME_BITS) - 1);
    (read == code(time)).then_some(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Box filter with fractional weights, as a browser's canvas or a good scaler would do.
    fn downscale(from: &[u8], (w, h): (usize, usize), (to_w, to_h): (usize, usize)) -> Vec<u8> {
        let axis = |at: usize, from: usize, to: usize| {
            let scale = from as f64 / to as f64;
            let (low, high) = (at as f64 * scale, (at + 1) as f64 * scale);
            (low as usize..(high.ceil() as usize).min(from))
                .map(move |i| (i, (high.min((i + 1) as f64) - low.max(i as f64)) / scale))
        };
        let mut out = Vec::with_capacity(to_w * to_h);
        for y in 0..to_h {
            for x in 0..to_w {
                let sum: f64 = axis(y, h, to_h)
                    .flat_map(|(row, wy)| axis(x, w, to_w).map(move |(col, wx)| (row, col, wx * wy)))
                    .map(|(row, col, weight)| f64::from(from[row * w + col]) * weight)
                    .sum();
                out.push(sum.round() as u8);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn reads_what_was_drawn(ms in 0u64..1 << 48, size in 0usize..4) {
            let (w, h) = [(640, 360), (1280, 720), (512, 288), (352, 288)][size];
            let mut plane = vec![120; w * h];
            draw(&mut plane, w, h, w, ms);
            prop_assert_eq!(read(&plane, w, h, w), Some(ms));
        }

        #[test]
        fn a_flipped_cell_is_noticed(ms in 0u64..1 << 48, cell in 0usize..CELLS) {
            let (w, h) = (640, 360);
            let mut plane = vec![120; w * h];
            draw(&mut plane, w, h, w, ms);
            for row in top(h)..h {
                for luma in &mut plane[row * w + cell * 10..row * w + cell * 10 + 10] {
                    *luma = if *luma == WHITE { BLACK } else { WHITE };
                }
            }
            prop_assert_eq!(read(&plane, w, h, w), None);
        }
    }

    #[test]
    fn survives_downscaling() {
        for (w, h) in [(640usize, 360usize), (1280, 720)] {
            let mut plane = vec![90; w * h];
            let ms = 1_795_219_199_873;
            draw(&mut plane, w, h, w, ms);
            for (to_w, to_h) in [(480, 270), (320, 180), (213, 120), (190, 107), (191, 108)] {
                let small = downscale(&plane, (w, h), (to_w, to_h));
                assert_eq!(read(&small, to_w, to_h, to_w), Some(ms), "{w}x{h} to {to_w}x{to_h}");
            }
        }
    }

    #[test]
    fn a_plain_picture_has_no_time() {
        for luma in [0, 16, 128, 235] {
            assert_eq!(read(&vec![luma; 640 * 360], 640, 360, 640), None);
        }
        assert_eq!(read(&[], 640, 360, 640), None);
    }
}
