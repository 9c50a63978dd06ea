//! From three finder patterns to modules, on the grey picture: a grid is laid over the code and moved until the parts
//! of every code that are known beforehand (finder, timing and alignment patterns, ISO/IEC 18004 section 6.3) lie on
//! their light and dark modules; then each module is measured. rqrr corrects errors and decodes.

use rqrr::{BitGrid, SimpleGrid};

use super::{
    Found,
    binary::Finder,
    gray::{Gray, Sums},
};

/// Corner candidates: top left, top right, bottom left, and how unlike a square's corner they are.
struct Triple {
    corners: [Finder; 3],
    score: f64,
}

/// Groups finder patterns into corners of codes, best first.
fn triples(finders: &[Finder], limit: usize) -> Vec<Triple> {
    let mut found = Vec::new();
    for (i, a) in finders.iter().enumerate() {
        for (j, b) in finders.iter().enumerate().skip(i + 1) {
            for c in finders.iter().skip(j + 1) {
                if let Some(triple) = triple([*a, *b, *c]) {
                    found.push(triple);
                }
            }
        }
    }
    found.sort_by(|a, b| a.score.total_cmp(&b.score));
    found.truncate(limit);
    found
}

fn triple(finders: [Finder; 3]) -> Option<Triple> {
    let cuts = finders.map(|finder| finder.cut);
    let (small, large) =
        (cuts.iter().copied().fold(f64::MAX, f64::min), cuts.iter().copied().fold(0.0, f64::max));
    if large > small * 2.0 {
        return None;
    }
    let distance = |a: &Finder, b: &Finder| (a.x - b.x).hypot(a.y - b.y);
    let [a, b, c] = finders;
    // The longest side lies opposite the top left corner.
    let (ab, bc, ca) = (distance(&a, &b), distance(&b, &c), distance(&c, &a));
    let (top_left, one, other) = if bc >= ab && bc >= ca {
        (a, b, c)
    } else if ca >= ab && ca >= bc {
        (b, a, c)
    } else {
        (c, a, b)
    };
    let (u, v) = ((one.x - top_left.x, one.y - top_left.y), (other.x - top_left.x, other.y - top_left.y));
    let (long, short) = (u.0.hypot(u.1).max(v.0.hypot(v.1)), u.0.hypot(u.1).min(v.0.hypot(v.1)));
    let cosine = (u.0 * v.0 + u.1 * v.1) / (long * short).max(1e-9);
    // 14 modules between centres at the least, 170 at the most.
    if long > short * 2.2 || cosine.abs() > 0.7 || short < large * 1.2 || long > small * 40.0 {
        return None;
    }
    // Seen from the front, top right comes before bottom left, clockwise (y grows downwards).
    let clockwise = u.0 * v.1 - u.1 * v.0 > 0.0;
    let (top_right, bottom_left) = if clockwise { (one, other) } else { (other, one) };
    // Corners of neighbouring codes can lie as squarely as those of one; the nearer ones are tried first.
    let score = (long / short - 1.0) + cosine.abs() + (large / small - 1.0) + long / (large * 80.0);
    Some(Triple { corners: [top_left, top_right, bottom_left], score })
}

/// A picture with the light evened out: each pixel less the mean around it.
trait Even {
    fn at(&self, point: (f64, f64)) -> f32;
}

/// Evened out where it is looked at: for a first look at corners that are mostly none.
struct Glance<'a> {
    picture: &'a Gray,
    sums: &'a Sums,
    radius: usize,
}

impl Even for Glance<'_> {
    fn at(&self, (x, y): (f64, f64)) -> f32 {
        let x = x.clamp(0.0, (self.picture.width - 1) as f64) as usize;
        let y = y.clamp(0.0, (self.picture.height - 1) as f64) as usize;
        f32::from(self.picture.px[y * self.picture.width + x]) - self.sums.mean(x, y, self.radius) as f32
    }
}

/// Pixels over which light is taken for even.
fn evening(module: f64) -> usize {
    (module * 4.0).max(4.0) as usize
}

/// A window evened out beforehand: for placing a grid in hundreds of small moves.
struct Window {
    left: f64,
    top: f64,
    width: usize,
    height: usize,
    px: Vec<f32>,
}

impl Window {
    fn around(picture: &Gray, sums: &Sums, corners: &[Finder; 3], module: f64) -> Self {
        let margin = module * 10.0;
        let fourth = (corners[1].x + corners[2].x - corners[0].x, corners[1].y + corners[2].y - corners[0].y);
        let xs = corners.iter().map(|c| c.x).chain([fourth.0]);
        let ys = corners.iter().map(|c| c.y).chain([fourth.1]);
        let span = |values: &mut dyn Iterator<Item = f64>, limit: usize| {
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
            let wide = (high - low) * 0.2;
            let low = (low - margin - wide).clamp(0.0, (limit - 1) as f64) as usize;
            let high = (high + margin + wide).clamp((low + 1) as f64, limit as f64) as usize;
            (low, high)
        };
        let (left, right) = span(&mut { xs }, picture.width);
        let (top, bottom) = span(&mut { ys }, picture.height);
        let radius = evening(module);
        let mut px = Vec::with_capacity((right - left) * (bottom - top));
        for y in top..bottom {
            for x in left..right {
                px.push(f32::from(picture.px[y * picture.width + x]) - sums.mean(x, y, radius) as f32);
            }
        }
        Self { left: left as f64, top: top as f64, width: right - left, height: bottom - top, px }
    }
}

impl Even for Window {
    fn at(&self, (x, y): (f64, f64)) -> f32 {
        let x = (x - self.left - 0.5).clamp(0.0, (self.width - 1) as f64);
        let y = (y - self.top - 0.5).clamp(0.0, (self.height - 1) as f64);
        let (column, row) = (x as usize, y as usize);
        let (right, below) = ((column + 1).min(self.width - 1), (row + 1).min(self.height - 1));
        let (u, v) = ((x - column as f64) as f32, (y - row as f64) as f32);
        let (upper, lower) = (row * self.width, below * self.width);
        let upper = self.px[upper + column] * (1.0 - u) + self.px[upper + right] * u;
        let lower = self.px[lower + column] * (1.0 - u) + self.px[lower + right] * u;
        upper * (1.0 - v) + lower * v
    }
}

/// Where the grid lies: the four finder positions (the fourth is where one would be), and how far the label bulges
/// along and across, as on a cylinder.
#[derive(Clone, Copy)]
struct Placement {
    points: [f64; 8],
    bulge: [f64; 4],
}

/// Module coordinates → pixels.
struct Warp {
    m: [f64; 8],
    bulge: [f64; 4],
    span: f64,
}

impl Placement {
    /// Square to quadrilateral (Heckbert 1989, section 2.2.3).
    fn warp(&self, side: usize) -> Warp {
        let [x0, y0, x1, y1, x2, y2, x3, y3] = self.points;
        let (sx, sy) = (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3);
        let (dx1, dx2, dy1, dy2) = (x1 - x2, x3 - x2, y1 - y2, y3 - y2);
        let det = dx1 * dy2 - dx2 * dy1;
        let (g, h) = if det.abs() < 1e-9 {
            (0.0, 0.0)
        } else {
            ((sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det)
        };
        let m = [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h];
        Warp { m, bulge: self.bulge, span: (side - 7) as f64 }
    }
}

impl Warp {
    fn map(&self, x: f64, y: f64) -> (f64, f64) {
        let (u, v) = ((x - 3.5) / self.span, (y - 3.5) / self.span);
        let [a, b, c, d, e, f, g, h] = self.m;
        let w = g * u + h * v + 1.0;
        let w = if w.abs() < 1e-6 { 1e-6 } else { w };
        let (along, across) = (4.0 * u * (1.0 - u), 4.0 * v * (1.0 - v));
        (
            (a * u + b * v + c) / w + self.bulge[0] * along + self.bulge[2] * across,
            (d * u + e * v + f) / w + self.bulge[1] * along + self.bulge[3] * across,
        )
    }
}

/// A module whose colour is known in every code of this size: −1 dark, 1 light.
type Known = (f64, f64, f32);

fn pattern(known: &mut Vec<Known>, cx: i32, cy: i32, radius: i32, dark: impl Fn(i32) -> bool, side: i32) {
    for dy in -radius..=radius {
        for dx in -radius..=radius {
            let (x, y) = (cx + dx, cy + dy);
            if (0..side).contains(&x) && (0..side).contains(&y) {
                let sign = if dark(dx.abs().max(dy.abs())) { -1.0 } else { 1.0 };
                known.push((f64::from(x) + 0.5, f64::from(y) + 0.5, sign));
            }
        }
    }
}

/// Rows and columns of alignment patterns (ISO/IEC 18004, annex E), by its rule of even spacing.
fn alignment(side: usize) -> Vec<i32> {
    let version = (side - 17) / 4;
    if version < 2 {
        return Vec::new();
    }
    let count = version / 7 + 2;
    let step = if version == 32 { 26 } else { (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2 };
    let mut at: Vec<i32> = (0..count - 1).map(|i| (side - 7 - i * step) as i32).collect();
    at.push(6);
    at.reverse();
    at
}

struct Shape {
    finders_and_timing: Vec<Known>,
    alignments: Vec<Known>,
    /// Of the alignment pattern nearest the fourth corner.
    last_alignment: Vec<Known>,
}

impl Shape {
    fn of(side: usize) -> Self {
        let (edge, mut known) = (side as i32, Vec::new());
        for (x, y) in [(3, 3), (edge - 4, 3), (3, edge - 4)] {
            pattern(&mut known, x, y, 4, |ring| ring <= 1 || ring == 3, edge);
        }
        for at in 8..edge - 8 {
            let sign = if at % 2 == 0 { -1.0 } else { 1.0 };
            known.push((f64::from(at) + 0.5, 6.5, sign));
            known.push((6.5, f64::from(at) + 0.5, sign));
        }
        let at = alignment(side);
        let (mut alignments, mut last_alignment) = (Vec::new(), Vec::new());
        for &x in &at {
            for &y in &at {
                let corner =
                    |x: i32, y: i32| (x == 6 && (y == 6 || y == edge - 7)) || (x == edge - 7 && y == 6);
                if !corner(x, y) {
                    pattern(&mut alignments, x, y, 2, |ring| ring != 1, edge);
                }
            }
        }
        if let Some(&last) = at.last() {
            pattern(&mut last_alignment, last, last, 2, |ring| ring != 1, edge);
        }
        Self { finders_and_timing: known, alignments, last_alignment }
    }

    fn all(&self) -> impl Iterator<Item = &Known> {
        self.finders_and_timing.iter().chain(&self.alignments)
    }
}

/// How well known modules lie: the mean contrast they agree with.
fn fit<'a>(even: &impl Even, warp: &Warp, known: impl Iterator<Item = &'a Known>) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for &(x, y, sign) in known {
        // Clipped, so that a few glaring pixels do not outweigh the rest.
        sum += even.at(warp.map(x, y)).clamp(-48.0, 48.0) * sign;
        count += 1;
    }
    sum / count.max(1) as f32
}

/// The share of known modules on the right side of the mean.
fn agreement(even: &impl Even, warp: &Warp, shape: &Shape) -> f32 {
    let (mut right, mut count) = (0, 0);
    for &(x, y, sign) in shape.all() {
        right += u32::from(even.at(warp.map(x, y)) * sign > 0.0);
        count += 1;
    }
    right as f32 / count as f32
}

/// Moves the grid in ever smaller steps as long as it fits better.
fn settle(
    even: &Window,
    shape: &Shape,
    side: usize,
    start: Placement,
    module: f64,
    bulging: bool,
) -> Placement {
    let mut best = start;
    let mut best_fit = fit(even, &best.warp(side), shape.all());
    let mut step = module * 0.6;
    for _ in 0..6 {
        for parameter in 0..if bulging { 12 } else { 8 } {
            for sign in [1.0, -1.0] {
                let mut moved = best;
                match parameter {
                    0..8 => moved.points[parameter] += step * sign,
                    _ => moved.bulge[parameter - 8] += step * sign,
                }
                let better = fit(even, &moved.warp(side), shape.all());
                if better > best_fit {
                    (best, best_fit) = (moved, better);
                    break;
                }
            }
        }
        step *= 0.6;
    }
    best
}

/// Reads every code whose corners are among the finder patterns. `tries` bounds the work.
pub(super) fn read(picture: &Gray, finders: &[Finder], tries: usize) -> Vec<Found> {
    if finders.len() < 3 {
        return Vec::new();
    }
    let mut found: Vec<Found> = Vec::new();
    let mut used: Vec<(f64, f64)> = Vec::new();
    let sums = Sums::of(picture);
    for triple in triples(finders, tries) {
        if triple.corners.iter().any(|corner| used.contains(&(corner.x, corner.y))) {
            continue;
        }
        if let Some(code) = one(picture, &sums, &triple.corners) {
            used.extend(triple.corners.iter().map(|corner| (corner.x, corner.y)));
            found.push(code);
        }
    }
    found
}

fn one(picture: &Gray, sums: &Sums, corners: &[Finder; 3]) -> Option<Found> {
    let [tl, tr, bl] = corners;
    let leg = |to: &Finder| {
        let (dx, dy) = (to.x - tl.x, to.y - tl.y);
        let length = dx.hypot(dy);
        // A cut across a turned square is longer than its side.
        let module = (tl.cut + to.cut) / 14.0 * (dx.abs().max(dy.abs()) / length);
        (length / module, module)
    };
    let ((across, m1), (down, m2)) = (leg(tr), leg(bl));
    let module = (m1 + m2) / 2.0;
    let guess = ((across + down) / 2.0 + 7.0 - 17.0) / 4.0;
    if !(0.3..=46.0).contains(&guess) || module < 0.8 {
        return None;
    }
    let glance = Glance { picture, sums, radius: evening(module) };
    let start = Placement {
        points: [tl.x, tl.y, tr.x, tr.y, tr.x + bl.x - tl.x, tr.y + bl.y - tl.y, bl.x, bl.y],
        bulge: [0.0; 4],
    };
    // The size by the timing pattern, near what the distance says.
    let reach = (guess * 0.2).ceil().max(1.0) as i64;
    let nearest = guess.round() as i64;
    let mut sizes: Vec<(f32, usize)> = (nearest - reach..=nearest + reach)
        .filter(|version| (1..=40).contains(version))
        .map(|version| {
            let side = version as usize * 4 + 17;
            (fit(&glance, &start.warp(side), Shape::of(side).finders_and_timing.iter()), side)
        })
        .collect();
    sizes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let likely = |side: usize| agreement(&glance, &start.warp(side), &Shape::of(side)) >= 0.6;
    let sizes: Vec<usize> =
        sizes.into_iter().take(2).map(|(_, side)| side).filter(|&side| likely(side)).collect();
    if sizes.is_empty() {
        return None;
    }
    let window = Window::around(picture, sums, corners, module);
    sizes.into_iter().find_map(|side| of_size(&window, start, side, module))
}

fn of_size(even: &Window, start: Placement, side: usize, module: f64) -> Option<Found> {
    let shape = Shape::of(side);
    let mut starts = vec![start];
    if !shape.last_alignment.is_empty() {
        starts.insert(0, fourth_corner(even, &shape, side, start, module));
    }
    for start in starts {
        for bulging in [false, true] {
            let placed = settle(even, &shape, side, start, module, bulging);
            let warp = placed.warp(side);
            if agreement(even, &warp, &shape) < 0.72 {
                continue;
            }
            if let Some(bytes) = measure(even, &warp, side) {
                let edge = side as f64;
                let corners = [(0.0, 0.0), (edge, 0.0), (edge, edge), (0.0, edge)];
                let corners = corners.map(|(x, y)| warp.map(x, y)).map(|(x, y)| (x as f32, y as f32));
                return Some(Found { bytes, corners });
            }
        }
    }
    None
}

/// Perspective moves the fourth corner by several modules; the alignment pattern near it tells where to.
fn fourth_corner(even: &Window, shape: &Shape, side: usize, start: Placement, module: f64) -> Placement {
    let reach = (side as f64 * 0.22).ceil() as i32;
    let (mut best, mut best_fit) = (start, f32::MIN);
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let mut moved = start;
            moved.points[4] += f64::from(dx) * module * 0.7;
            moved.points[5] += f64::from(dy) * module * 0.7;
            let warp = moved.warp(side);
            // A slight pull towards the straight guess, since data can look like an alignment pattern.
            let pull = f64::from(dx).hypot(f64::from(dy)) / f64::from(reach);
            let better = fit(even, &warp, shape.last_alignment.iter()) * (1.0 - 0.25 * pull as f32);
            if better > best_fit {
                (best, best_fit) = (moved, better);
            }
        }
    }
    best
}

/// Measures every module and decodes, with less and with more sharpening between neighbours.
fn measure(even: &Window, warp: &Warp, side: usize) -> Option<Vec<u8>> {
    let mut values = Vec::with_capacity(side * side);
    for row in 0..side {
        for column in 0..side {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let offsets = [-0.27, 0.0, 0.27];
            let mut sum = 0.0;
            for dy in offsets {
                for dx in offsets {
                    sum += even.at(warp.map(x + dx, y + dy));
                }
            }
            values.push(sum / 9.0);
        }
    }
    // Blur mixes a module with its neighbours; taking a share of them off again unmixes it.
    [0.0, 0.25, 0.5, 0.8].into_iter().find_map(|share| {
        let sharp = |x: usize, y: usize| {
            let at = |x: usize, y: usize| values[y.min(side - 1) * side + x.min(side - 1)];
            let cross = at(x.wrapping_sub(1).min(x), y)
                + at(x + 1, y)
                + at(x, y.wrapping_sub(1).min(y))
                + at(x, y + 1);
            at(x, y) * (1.0 + share) - share * cross / 4.0
        };
        decode(&SimpleGrid::from_func(side, |x, y| sharp(x, y) < 0.0))
    })
}

/// rqrr's error correction and decoding; codes without content count as not read.
pub(super) fn decode(grid: &impl BitGrid) -> Option<Vec<u8>> {
    struct Borrowed<'a, G>(&'a G);
    impl<G: BitGrid> BitGrid for Borrowed<'_, G> {
        fn size(&self) -> usize {
            self.0.size()
        }
        fn bit(&self, y: usize, x: usize) -> bool {
            self.0.bit(y, x)
        }
    }
    let mut bytes = Vec::new();
    rqrr::Grid::new(Borrowed(grid)).decode_to(&mut bytes).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}
