//! Which ways a picture is tried in, and in which order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rqrr::PreparedImage;

use super::{
    Found,
    binary::Bits,
    gray::{Gray, Sums},
    grid,
};

/// Pixels a video frame is brought down to for its first try: enough for a label at arm's length, in milliseconds.
const FRAME_PIXELS: usize = 640 * 480;
/// Pixels a photograph is brought down to before anything is tried on it.
const PHOTO_PIXELS: usize = 4_500_000;
/// rqrr's work grows with the cube of the finder patterns and with the pixels: beyond these it is not asked.
const RQRR_FINDERS: usize = 16;
const RQRR_PIXELS: usize = 1_600_000;
/// Rounds on a picture with several codes, of which each round may find some.
const ROUNDS: usize = 16;

/// How a picture is made black and white for finding the finder patterns.
#[derive(Clone, Copy)]
enum Threshold {
    /// Mean over a window as wide as twice the picture's long side divided by this.
    Local(usize),
    /// One value for the whole picture.
    Global,
}

/// Limits of one try.
#[derive(Clone, Copy)]
struct Bounds {
    finders: usize,
    triples: usize,
}

const FRAME: Bounds = Bounds { finders: 24, triples: 12 };
const PHOTO: Bounds = Bounds { finders: 208, triples: 60 };

/// Tries one picture in one way.
fn attempt(picture: &Gray, threshold: Threshold, bounds: Bounds) -> Vec<Found> {
    let bits = match threshold {
        Threshold::Local(share) => {
            let radius = (picture.width.max(picture.height) / share).max(6);
            Bits::local(picture, &Sums::of(picture), radius, 10)
        }
        Threshold::Global => Bits::global(picture),
    };
    let finders = bits.finders(bounds.finders);
    let mut found = Vec::new();
    if finders.len() <= RQRR_FINDERS && picture.pixels() <= RQRR_PIXELS {
        found = rqrr(&bits);
    }
    if found.is_empty() || finders.len() > 3 * found.len() {
        merge(&mut found, grid::read(picture, &finders, bounds.triples + finders.len()));
    }
    found
}

/// rqrr's own detection. It panics on some pictures, which is caught (panics must unwind in every profile): a frame must
/// not end the app.
fn rqrr(bits: &Bits) -> Vec<Found> {
    let read = || {
        let dark = |x: usize, y: usize| bits.dark[y * bits.width + x] != 0;
        let mut prepared = PreparedImage::prepare_from_bitmap(bits.width, bits.height, dark);
        let mut found = Vec::new();
        for grid in prepared.detect_grids() {
            let mut bytes = Vec::new();
            if grid.decode_to(&mut bytes).is_ok() && !bytes.is_empty() {
                let corners = grid.bounds.map(|point| (point.x as f32, point.y as f32));
                merge(&mut found, vec![Found { bytes, corners }]);
            }
        }
        found
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

/// The same content twice is one code: two equal labels say nothing new.
fn merge(found: &mut Vec<Found>, more: Vec<Found>) {
    for code in more {
        if !found.iter().any(|known| known.bytes == code.bytes) {
            found.push(code);
        }
    }
}

/// A picture derived from the one given, and how to go back.
struct View {
    picture: Gray,
    scale: f32,
    offset: (f32, f32),
}

impl View {
    fn whole(picture: Gray, scale: f32) -> Self {
        Self { picture, scale, offset: (0.0, 0.0) }
    }

    fn attempt(&self, threshold: Threshold, bounds: Bounds) -> Vec<Found> {
        let mut found = attempt(&self.picture, threshold, bounds);
        for code in &mut found {
            for (x, y) in &mut code.corners {
                (*x, *y) = (*x * self.scale + self.offset.0, *y * self.scale + self.offset.1);
            }
        }
        found
    }
}

/// The whole factor that brings a picture nearest to so many pixels from above, or 1.
fn factor(picture: &Gray, pixels: usize) -> usize {
    ((picture.pixels() as f64 / pixels as f64).sqrt().round() as usize).max(1)
}

fn shrunk(picture: &Gray, pixels: usize) -> View {
    match factor(picture, pixels) {
        1 => View::whole(picture.clone(), 1.0),
        factor => View::whole(picture.shrunk(factor), factor as f32),
    }
}

/// The middle of a picture, where people hold what they scan, at most so many pixels.
fn middle(picture: &Gray, pixels: usize) -> View {
    let part = (pixels as f64 / picture.pixels() as f64).sqrt().min(1.0);
    let (width, height) =
        (((picture.width as f64 * part) as usize).max(21), ((picture.height as f64 * part) as usize).max(21));
    let (left, top) = ((picture.width - width) / 2, (picture.height - height) / 2);
    View { picture: picture.cropped(left, top, width, height), scale: 1.0, offset: (left as f32, top as f32) }
}

fn doubled(view: View) -> View {
    View { picture: view.picture.doubled(), scale: view.scale / 2.0, offset: view.offset }
}

fn with(view: &View, change: impl FnOnce(&Gray) -> Gray) -> View {
    View { picture: change(&view.picture), scale: view.scale, offset: view.offset }
}

/// One sure way, then one that changes with the turn.
pub(super) fn frame(picture: &Gray, turn: usize) -> Vec<Found> {
    let base = shrunk(picture, FRAME_PIXELS);
    let found = base.attempt(Threshold::Local(12), FRAME);
    if !found.is_empty() {
        return found;
    }
    match turn % 7 {
        // Full detail in the middle, for small codes.
        0 => middle(picture, FRAME_PIXELS).attempt(Threshold::Local(16), FRAME),
        1 => with(&base, Gray::inverted).attempt(Threshold::Local(12), FRAME),
        2 => with(&base, |p| p.sharpened(2, 6)).attempt(Threshold::Local(16), FRAME),
        3 => with(&base, |p| p.shrunk(2)).rescaled(2.0).attempt(Threshold::Local(8), FRAME),
        4 => doubled(middle(&base.picture, FRAME_PIXELS / 4))
            .rescaled(base.scale)
            .attempt(Threshold::Local(8), FRAME),
        5 => with(&base, Gray::logarithmic).attempt(Threshold::Local(16), FRAME),
        _ => with(&base, |p| p.blurred(1)).attempt(Threshold::Global, FRAME),
    }
}

impl View {
    /// Corrects the scale of a view made from an already scaled picture.
    fn rescaled(mut self, by: f32) -> Self {
        self.scale *= by;
        self.offset = (self.offset.0 * by, self.offset.1 * by);
        self
    }
}

/// Every way until one finds something; then that way again until it finds no more.
pub(super) fn photo(picture: &Gray) -> Vec<Found> {
    let full = shrunk(picture, PHOTO_PIXELS);
    let at = |pixels: usize| {
        let view = shrunk(&full.picture, pixels);
        View { scale: view.scale * full.scale, ..view }
    };
    let (large, small, tiny) = (at(1_000_000), at(250_000), at(75_000));
    type Way<'a> = Box<dyn Fn() -> View + 'a>;
    let local = Threshold::Local;
    let plain = |view: &View| View { picture: view.picture.clone(), scale: view.scale, offset: view.offset };
    let ways: Vec<(Way, Threshold)> = vec![
        (Box::new(|| plain(&large)), local(12)),
        (Box::new(|| plain(&full)), local(24)),
        (Box::new(|| plain(&small)), local(8)),
        (Box::new(|| with(&large, Gray::inverted)), local(12)),
        (Box::new(|| with(&large, |p| p.sharpened(2, 6))), local(16)),
        (Box::new(|| with(&large, |p| p.blurred(1))), local(12)),
        (Box::new(|| with(&large, Gray::logarithmic)), local(16)),
        (Box::new(|| plain(&large)), Threshold::Global),
        (Box::new(|| plain(&tiny)), local(8)),
        (Box::new(|| with(&small, |p| p.sharpened(2, 6))), local(8)),
        (Box::new(|| with(&full, |p| p.sharpened(4, 8))), local(24)),
        (Box::new(|| with(&full, |p| p.blurred(1))), local(24)),
        (Box::new(|| doubled(middle(&full.picture, 1_000_000)).rescaled(full.scale)), local(16)),
        (
            Box::new(|| {
                with(&doubled(middle(&full.picture, 1_000_000)).rescaled(full.scale), |p| p.sharpened(4, 8))
            }),
            local(16),
        ),
        (Box::new(|| with(&small, Gray::inverted)), local(8)),
        (Box::new(|| with(&full, Gray::inverted)), local(24)),
        (Box::new(|| with(&small, |p| p.blurred(1))), Threshold::Global),
        (Box::new(|| plain(&large)), local(40)),
        (Box::new(|| with(&large, |p| p.sharpened(6, 10))), local(16)),
    ];
    for (view, threshold) in ways {
        let mut view = view();
        let mut found = view.attempt(threshold, PHOTO);
        if found.is_empty() {
            continue;
        }
        for _ in 0..ROUNDS {
            for code in &found {
                view.cover(code);
            }
            let known = found.len();
            merge(&mut found, view.attempt(threshold, PHOTO));
            if found.len() == known {
                break;
            }
        }
        return found;
    }
    Vec::new()
}

impl View {
    /// Paints a code white, so that its corners no longer pair with others'.
    fn cover(&mut self, code: &Found) {
        let corners =
            code.corners.map(|(x, y)| ((x - self.offset.0) / self.scale, (y - self.offset.1) / self.scale));
        let bound = |value: f32, limit: usize| value.clamp(0.0, (limit - 1) as f32) as usize;
        let (width, height) = (self.picture.width, self.picture.height);
        let low = corners.iter().fold((f32::MAX, f32::MAX), |low, c| (low.0.min(c.0), low.1.min(c.1)));
        let high = corners.iter().fold((0.0f32, 0.0f32), |high, c| (high.0.max(c.0), high.1.max(c.1)));
        for y in bound(low.1, height)..=bound(high.1, height) {
            for x in bound(low.0, width)..=bound(high.0, width) {
                let sides = (0..4).map(|i| {
                    let ((ax, ay), (bx, by)) = (corners[i], corners[(i + 1) % 4]);
                    (bx - ax) * (y as f32 - ay) - (by - ay) * (x as f32 - ax) > 0.0
                });
                let inside = sides.filter(|&left| left).count();
                if inside == 0 || inside == 4 {
                    self.picture.px[y * width + x] = 255;
                }
            }
        }
    }
}
