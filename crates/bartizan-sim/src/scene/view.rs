//! What a moved, zoomed and adjusted camera makes of a scene.

use super::{neutral_bar, paint::I420};
use crate::{
    timebar,
    unit::{Picture, Place},
};

/// Tele shows this part of what wide shows.
const TELE_WINDOW: f32 = 0.25;
/// Full pan or tilt shifts by this part of the picture.
const SHIFT: f32 = 0.5;
/// What the light adds to luma.
const LIGHT: f32 = 40.0;

/// State of a camera as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    pub place: Place,
    pub picture: Picture,
    /// 0 closed .. 1 open; the middle shows the scene as it is.
    pub iris: f32,
    pub light: bool,
    /// 0..1 through a sweep.
    pub wiper: Option<f32>,
}

impl Default for View {
    fn default() -> Self {
        Self { place: [0.0; 3], picture: Picture::default(), iris: 0.5, light: false, wiper: None }
    }
}

impl View {
    /// How much of the wide picture is seen at a zoom of 0..1, each way.
    pub fn window(zoom: f32) -> f32 {
        1.0 - (1.0 - TELE_WINDOW) * zoom
    }

    /// Nothing differs from the painted scene.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Shows `scene` as this camera sees it, and writes the time bar anew.
    pub fn show(&self, scene: &I420, out: &mut I420, utc_ms: u64) {
        let (width, height) = (scene.width, scene.height);
        let columns = self.sources(width, 0, self.picture.mirror);
        let rows = self.sources(height, 1, self.picture.flip);
        let luma = self.luma_table();
        for (y, from) in rows.iter().enumerate() {
            let (source, shown) = (&scene.y[from * width..][..width], &mut out.y[y * width..][..width]);
            for (shown, from) in shown.iter_mut().zip(&columns) {
                *shown = luma[usize::from(source[*from])];
            }
        }
        let (half_width, half_height) = (width / 2, height / 2);
        let (cos, sin) = self.chroma_turn();
        for y in 0..half_height {
            let from_row = rows[y * 2] / 2;
            for x in 0..half_width {
                let from = from_row * half_width + columns[x * 2] / 2;
                let (u, v) = (f32::from(scene.u[from]) - 128.0, f32::from(scene.v[from]) - 128.0);
                let at = y * half_width + x;
                out.u[at] = (128.0 + u * cos - v * sin).clamp(0.0, 255.0) as u8;
                out.v[at] = (128.0 + u * sin + v * cos).clamp(0.0, 255.0) as u8;
            }
        }
        self.draw_wiper(out);
        timebar::draw(&mut out.y, width, height, width, utc_ms);
        neutral_bar(out);
    }

    /// Which column or row of the scene each one of the picture shows. Beyond the edges the scene is mirrored, so that
    /// there is always something to see.
    fn sources(&self, size: usize, axis: usize, mirrored: bool) -> Vec<usize> {
        let window = Self::window(self.place[2]);
        // A camera that looks right shows what was right of its middle; one that looks up, what was above.
        let shift = self.place[axis] * SHIFT * if axis == 1 { -1.0 } else { 1.0 };
        let source = |at: usize| {
            let at = if mirrored { size - 1 - at } else { at };
            let place = 0.5 + shift + ((at as f32 + 0.5) / size as f32 - 0.5) * window;
            let folded = place.rem_euclid(2.0);
            let folded = if folded > 1.0 { 2.0 - folded } else { folded };
            ((folded * size as f32) as usize).min(size - 1)
        };
        (0..size).map(source).collect()
    }

    fn luma_table(&self) -> [u8; 256] {
        let contrast = self.picture.contrast / 50.0;
        let shift = (self.picture.brightness - 50.0) * 1.6
            + (self.iris - 0.5) * 120.0
            + if self.light { LIGHT } else { 0.0 };
        std::array::from_fn(|luma| {
            ((luma as f32 - 128.0) * contrast + 128.0 + shift).clamp(16.0, 235.0) as u8
        })
    }

    fn chroma_turn(&self) -> (f32, f32) {
        let (sin, cos) = ((self.picture.hue - 50.0) / 50.0 * std::f32::consts::PI).sin_cos();
        let saturation = self.picture.saturation / 50.0;
        (cos * saturation, sin * saturation)
    }

    /// A dark blade that sweeps from left to right and back.
    fn draw_wiper(&self, out: &mut I420) {
        let Some(phase) = self.wiper else { return };
        let there = if phase < 0.5 { phase * 2.0 } else { 2.0 - phase * 2.0 };
        let (width, height) = (out.width, out.height);
        let blade = (width / 40).max(2);
        let foot = width as f32 / 2.0;
        let tip = there * width as f32;
        for y in 0..height {
            // From the tip at the top to the foot at the bottom.
            let x = tip + (foot - tip) * y as f32 / height as f32;
            let from = (x as usize).min(width - 1);
            let to = (from + blade).min(width);
            out.y[y * width + from..y * width + to].fill(20);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;

    fn seen(view: View) -> I420 {
        let mut scene = Scene::new(4, 320, 180);
        let frame = scene.draw(1_000_000).clone();
        let mut out = frame.clone();
        view.show(&frame, &mut out, 1_000_000);
        out
    }

    fn mean(plane: &[u8]) -> f64 {
        plane.iter().map(|&one| f64::from(one)).sum::<f64>() / plane.len() as f64
    }

    #[test]
    fn every_setting_shows_and_the_time_bar_stays() {
        let plain = seen(View::default());
        let picture = Picture::default();
        let changed = [
            View { place: [0.5, 0.0, 0.0], ..View::default() },
            View { place: [0.0, -0.5, 0.0], ..View::default() },
            View { place: [0.0, 0.0, 0.7], ..View::default() },
            View { picture: Picture { contrast: 90.0, ..picture }, ..View::default() },
            View { picture: Picture { hue: 90.0, ..picture }, ..View::default() },
            View { picture: Picture { mirror: true, ..picture }, ..View::default() },
            View { picture: Picture { flip: true, ..picture }, ..View::default() },
            View { light: true, ..View::default() },
            View { iris: 0.9, ..View::default() },
            View { wiper: Some(0.3), ..View::default() },
        ];
        for view in changed {
            let shown = seen(view);
            assert!(shown.y != plain.y || shown.u != plain.u, "{view:?}");
            assert_eq!(timebar::read(&shown.y, 320, 180, 320), Some(1_000_000), "{view:?}");
        }
        let bright = seen(View { picture: Picture { brightness: 80.0, ..picture }, ..View::default() });
        assert!(mean(&bright.y) > mean(&plain.y) + 20.0);
        let grey = seen(View { picture: Picture { saturation: 0.0, ..picture }, ..View::default() });
        assert!(grey.u.iter().chain(&grey.v).all(|&chroma| chroma == 128));
    }
}
