//! The places a channel can look at. Four motifs, varied by palette, mirroring and layout.

use super::{
    Placed, neutral_bar,
    paint::{I420, Painter, Rgb, Sprite, mix},
};

/// What moves: a sprite on a straight way, back and forth or from edge to edge.
pub(crate) struct Actor {
    rightward: Sprite,
    leftward: Sprite,
    /// Fractions of the picture: left end, right end (may lie outside), top.
    way: (f32, f32, f32),
    /// Milliseconds for one way.
    period_ms: u64,
    /// Head start, so that channels do not move in step.
    phase_ms: u64,
}

impl Actor {
    pub fn at(&self, utc_ms: u64, width: usize, height: usize) -> impl Iterator<Item = Placed<'_>> {
        let time = (utc_ms + self.phase_ms) % (2 * self.period_ms);
        let t = (time % self.period_ms) as f32 / self.period_ms as f32;
        let back = time >= self.period_ms;
        let (x0, x1, top) = self.way;
        let x = if back { x1 + (x0 - x1) * t } else { x0 + (x1 - x0) * t };
        let sprite = if back { &self.leftward } else { &self.rightward };
        std::iter::once((sprite, (x * width as f32) as i32, (top * height as f32) as i32))
    }
}

#[derive(Clone, Copy)]
struct Light {
    sky: (Rgb, Rgb),
    /// Multiplies every other colour.
    tint: Rgb,
    night: bool,
}

const LIGHTS: [Light; 4] = [
    Light { sky: ([74, 144, 210], [196, 222, 240]), tint: [255, 255, 255], night: false },
    Light { sky: ([236, 132, 78], [252, 214, 150]), tint: [255, 222, 190], night: false },
    Light { sky: ([126, 140, 156], [196, 202, 208]), tint: [216, 222, 230], night: false },
    Light { sky: ([10, 16, 38], [36, 46, 78]), tint: [88, 98, 132], night: true },
];

impl Light {
    fn on(self, colour: Rgb) -> Rgb {
        std::array::from_fn(|i| (u16::from(colour[i]) * u16::from(self.tint[i]) / 255) as u8)
    }
}

/// The background of a channel and what moves on it.
pub(crate) fn paint(channel: u16, width: usize, height: usize) -> (I420, Actor) {
    let index = usize::from(channel.max(1) - 1);
    let light = if index % 16 == 6 { LIGHTS[3] } else { LIGHTS[(index / 4 + index) % 4] };
    let shift = (index * 37 % 100) as f32 / 100.0;
    let mut p = Painter::new(width, height);
    let walls = [[198, 178, 150], [168, 84, 66], [222, 220, 210], [134, 150, 158], [208, 186, 120]];
    let wall = walls[index * 3 % 5];
    match index % 4 {
        0 | 2 if index % 8 != 2 => street(&mut p, light, wall, shift),
        1 => hall(&mut p, wall, shift),
        3 => garden(&mut p, light, wall, shift),
        _ => parking(&mut p, light, wall, shift),
    }
    if index / 4 % 2 == 1 {
        p.mirror();
    }
    let hd = height >= 720;
    let mut background = I420::from_painting(&p, hd);
    neutral_bar(&mut background);
    let walks = matches!(index % 4, 1 | 3);
    let colours = [[196, 40, 44], [36, 84, 160], [236, 236, 232], [52, 54, 60], [230, 170, 40]];
    let colour = colours[(index * 2 + index / 5) % 5];
    let light = if index % 4 == 1 { LIGHTS[0] } else { light };
    let (w, h) = if walks { (0.055, 0.26) } else { (0.23, 0.17) };
    let size = |part: f32, whole: usize| ((part * whole as f32) as usize).next_multiple_of(2);
    let (sprite_w, sprite_h) = (size(w, width), size(h, height));
    let sprite = |mirrored: bool| {
        let mut p = Painter::new(sprite_w, sprite_h);
        if walks {
            person(&mut p, light, colour)
        } else {
            car(&mut p, light, colour)
        }
        if mirrored {
            p.mirror();
        }
        Sprite::from_painting(&p, hd)
    };
    let way = if walks { (0.12 + 0.2 * shift, 0.8, 0.56) } else { (-0.25, 1.02, 0.70) };
    let actor = Actor {
        rightward: sprite(false),
        leftward: sprite(true),
        way,
        period_ms: if walks { 14_000 } else { 7_000 } + index as u64 * 310,
        phase_ms: index as u64 * 2_713,
    };
    (background, actor)
}

fn sky(p: &mut Painter, light: Light, horizon: f32, shift: f32) {
    p.gradient(0.0, 0.0, 1.0, horizon, light.sky.0, light.sky.1);
    if light.night {
        for star in 0..26 {
            let (x, y) = ((star * 61 % 97) as f32 / 97.0, (star * 29 % 53) as f32 / 53.0 * horizon * 0.8);
            p.ellipse(x, y, 0.0016, 0.0028, [190, 196, 214]);
        }
        p.ellipse(0.16 + shift * 0.5, 0.20, 0.032, 0.057, [226, 228, 214]);
    } else {
        p.ellipse(0.16 + shift * 0.6, 0.22, 0.036, 0.064, mix([255, 244, 204], light.sky.1, 0.25));
        for cloud in 0..3 {
            let (x, y) = ((shift + cloud as f32 * 0.37) % 1.0, 0.14 + 0.07 * cloud as f32);
            let white = mix(light.sky.1, [255, 255, 255], 0.6);
            for (dx, r) in [(-0.05, 0.020), (-0.02, 0.032), (0.02, 0.028), (0.055, 0.018)] {
                p.ellipse(x + dx, y, r * 1.3, r * 1.3, white);
            }
        }
    }
}

fn house(p: &mut Painter, light: Light, wall: Rgb, (x0, y0, x1, y1): (f32, f32, f32, f32), floors: usize) {
    p.gradient(x0, y0, x1, y1, light.on(wall), light.on(mix(wall, [60, 60, 60], 0.25)));
    let columns = ((x1 - x0) / 0.062) as usize;
    let (step_x, step_y) = ((x1 - x0) / columns.max(1) as f32, (y1 - y0) / floors as f32);
    for floor in 0..floors {
        for column in 0..columns {
            let (x, y) = (x0 + step_x * column as f32, y0 + step_y * floor as f32);
            let lit = light.night && (floor * 5 + column * 3) % 4 == 0;
            let glass = if lit { [250, 208, 120] } else { light.on([96, 128, 150]) };
            p.rect(
                x + step_x * 0.22,
                y + step_y * 0.2,
                x + step_x * 0.78,
                y + step_y * 0.75,
                light.on([240, 238, 232]),
            );
            p.rect(x + step_x * 0.27, y + step_y * 0.25, x + step_x * 0.73, y + step_y * 0.70, glass);
        }
    }
}

fn tree(p: &mut Painter, light: Light, x: f32, ground: f32, size: f32) {
    p.rect(x - size * 0.05, ground - size * 0.7, x + size * 0.05, ground, light.on([98, 72, 50]));
    for (dx, dy, r, shade) in [(-0.16, 0.72, 0.26, 0.0), (0.16, 0.76, 0.25, 0.12), (0.0, 1.0, 0.28, 0.25)] {
        let green = light.on(mix([58, 112, 58], [136, 178, 84], shade * 2.0));
        p.ellipse(x + dx * size, ground - dy * size * 1.2, r * size, r * size * 1.7, green);
    }
}

fn lamp(p: &mut Painter, light: Light, x: f32, ground: f32) {
    if light.night {
        let cone = [(x + 0.035, 0.36), (x + 0.065, 0.36), (x + 0.17, ground), (x - 0.07, ground)];
        p.glow(&cone, [255, 226, 160], 0.16);
    }
    p.rect(x - 0.004, 0.34, x + 0.004, ground, light.on([70, 74, 80]));
    p.rect(x, 0.34, x + 0.06, 0.352, light.on([70, 74, 80]));
    p.rect(
        x + 0.035,
        0.352,
        x + 0.065,
        0.366,
        if light.night { [255, 232, 170] } else { light.on([220, 220, 214]) },
    );
}

fn street(p: &mut Painter, light: Light, wall: Rgb, shift: f32) {
    sky(p, light, 0.62, shift);
    for block in 0..4 {
        let x = block as f32 * 0.27 - shift * 0.12;
        let top = 0.20 + ((block * 7 + (shift * 10.0) as usize) % 5) as f32 * 0.055;
        let colour =
            mix(wall, [[120, 132, 150], [190, 150, 120], [150, 90, 78], [210, 206, 190]][block], 0.5);
        house(p, light, colour, (x, top, x + 0.235, 0.62), 5);
        p.rect(x - 0.005, top - 0.014, x + 0.24, top, light.on([84, 82, 86]));
    }
    p.rect(0.0, 0.62, 1.0, 0.70, light.on([176, 172, 164]));
    p.gradient(0.0, 0.70, 1.0, 1.0, light.on([88, 90, 94]), light.on([66, 68, 72]));
    for mark in 0..7 {
        let x = mark as f32 * 0.16 - 0.04;
        p.polygon(
            &[(x, 0.90), (x + 0.09, 0.90), (x + 0.08, 0.914), (x - 0.012, 0.914)],
            light.on([228, 226, 214]),
        );
    }
    tree(p, light, 0.12 + shift * 0.3, 0.66, 0.20);
    tree(p, light, 0.82, 0.66, 0.17);
    lamp(p, light, 0.55, 0.69);
}

fn parking(p: &mut Painter, light: Light, wall: Rgb, shift: f32) {
    sky(p, light, 0.53, shift);
    house(p, light, wall, (0.30, 0.24, 0.98, 0.52), 3);
    tree(p, light, 0.10, 0.53, 0.22);
    tree(p, light, 0.22, 0.53, 0.16);
    p.rect(0.0, 0.52, 1.0, 0.55, light.on([112, 140, 86]));
    p.gradient(0.0, 0.55, 1.0, 1.0, light.on([116, 118, 122]), light.on([82, 84, 88]));
    for bay in 0..9 {
        let x = bay as f32 * 0.125;
        p.polygon(
            &[(x, 0.56), (x + 0.006, 0.56), (x - 0.03, 0.68), (x - 0.038, 0.68)],
            light.on([230, 230, 224]),
        );
    }
    for (bay, colour) in [(1, [60, 84, 120]), (2, [150, 152, 156]), (5, [128, 40, 44]), (6, [232, 232, 228])]
    {
        let x = bay as f32 * 0.125 + 0.005;
        p.rect(x + 0.012, 0.565, x + 0.080, 0.60, light.on(mix(colour, [20, 20, 24], 0.35)));
        p.rect(x + 0.018, 0.572, x + 0.074, 0.596, light.on([70, 92, 110]));
        p.rect(x, 0.595, x + 0.092, 0.64, light.on(colour));
        p.rect(x + 0.006, 0.64, x + 0.022, 0.656, [24, 24, 26]);
        p.rect(x + 0.070, 0.64, x + 0.086, 0.656, [24, 24, 26]);
    }
    lamp(p, light, 0.26, 0.60);
    lamp(p, light, 0.72, 0.60);
}

fn garden(p: &mut Painter, light: Light, wall: Rgb, shift: f32) {
    sky(p, light, 0.58, shift);
    let hill = light.on([108, 140, 112]);
    p.ellipse(0.25 + shift * 0.4, 0.60, 0.45, 0.22, hill);
    p.ellipse(0.95, 0.62, 0.40, 0.17, light.on([92, 124, 100]));
    p.gradient(0.0, 0.56, 1.0, 1.0, light.on([124, 168, 84]), light.on([82, 124, 58]));
    house(p, light, wall, (0.56, 0.34, 0.90, 0.62), 2);
    p.polygon(&[(0.53, 0.345), (0.73, 0.19), (0.93, 0.345)], light.on([138, 66, 52]));
    p.rect(0.70, 0.49, 0.755, 0.62, light.on([96, 60, 40]));
    p.polygon(&[(0.70, 0.62), (0.755, 0.62), (0.66, 1.0), (0.42, 1.0)], light.on([206, 192, 164]));
    tree(p, light, 0.10, 0.68, 0.26);
    tree(p, light, 0.34 + shift * 0.1, 0.62, 0.16);
    for post in 0..26 {
        let x = post as f32 * 0.021;
        p.rect(x, 0.60, x + 0.008, 0.70, light.on([226, 220, 206]));
    }
    p.rect(0.0, 0.625, 0.53, 0.637, light.on([226, 220, 206]));
    for flower in 0..14 {
        let (x, y) =
            (0.03 + (flower * 41 % 89) as f32 / 89.0 * 0.4, 0.80 + (flower * 17 % 11) as f32 * 0.012);
        p.ellipse(x, y, 0.006, 0.010, light.on([[226, 70, 90], [246, 206, 80], [250, 250, 246]][flower % 3]));
    }
}

fn hall(p: &mut Painter, wall: Rgb, shift: f32) {
    let paint = mix(wall, [236, 234, 228], 0.65);
    p.gradient(0.0, 0.0, 1.0, 0.20, [150, 154, 160], [186, 190, 194]);
    p.gradient(0.0, 0.0, 1.0, 1.0, mix(paint, [90, 90, 96], 0.25), paint);
    // Ceiling, floor and side walls meet at a back wall: one vanishing point, as a corner camera sees a corridor.
    p.polygon(&[(0.0, 0.0), (1.0, 0.0), (0.68, 0.26), (0.32, 0.26)], [204, 206, 208]);
    p.polygon(&[(0.0, 1.0), (1.0, 1.0), (0.68, 0.60), (0.32, 0.60)], [128, 120, 112]);
    p.rect(0.32, 0.26, 0.68, 0.60, mix(paint, [255, 255, 255], 0.3));
    for lamp in 0..3 {
        let (t0, t1) = (lamp as f32 * 0.3, lamp as f32 * 0.3 + 0.14);
        let at = |t: f32, side: f32| (0.5 + side * 0.07 * (1.0 - t * 0.64), 0.26 * t + 0.02);
        p.polygon(&[at(t0, -1.0), at(t0, 1.0), at(t1, 1.0), at(t1, -1.0)], [252, 250, 238]);
    }
    p.rect(0.44, 0.36, 0.56, 0.60, [112, 84, 62]);
    p.rect(0.46, 0.39, 0.54, 0.47, [150, 186, 204]);
    p.rect(0.595, 0.40, 0.645, 0.46, [52, 120, 84]);
    for shelf in 0..3 {
        let t = shelf as f32 * 0.30;
        let (x0, x1) = (0.02 + t * 0.32, 0.10 + t * 0.32);
        let (top, bottom) = (0.30 + t * 0.06, 0.90 - t * 0.36);
        p.rect(x0, top, x1, bottom, [88, 92, 100]);
        for level in 0..4 {
            let y = top + (bottom - top) * (level as f32 + 0.2) / 4.0;
            let boxes = [[196, 154, 104], [172, 128, 82], [92, 128, 168]];
            let colour = boxes[(level + shelf + (shift * 7.0) as usize) % 3];
            p.rect(x0 + 0.01, y, x1 - 0.01, y + (bottom - top) * 0.17, colour);
        }
        p.rect(1.0 - x1, top, 1.0 - x0, bottom, mix(wall, [110, 110, 116], 0.5));
        p.rect(1.0 - x1 + 0.01, top + 0.05, 1.0 - x0 - 0.01, bottom - 0.06, mix(paint, [170, 200, 214], 0.6));
    }
}

fn car(p: &mut Painter, light: Light, colour: Rgb) {
    let body = light.on(colour);
    p.polygon(&[(0.20, 0.46), (0.32, 0.10), (0.66, 0.10), (0.82, 0.46)], mix(body, [10, 10, 14], 0.25));
    p.polygon(&[(0.25, 0.44), (0.345, 0.17), (0.485, 0.17), (0.485, 0.44)], light.on([150, 184, 200]));
    p.polygon(&[(0.515, 0.44), (0.515, 0.17), (0.64, 0.17), (0.765, 0.44)], light.on([150, 184, 200]));
    p.polygon(&[(0.02, 0.50), (0.08, 0.44), (0.86, 0.44), (0.98, 0.54), (0.99, 0.78), (0.02, 0.78)], body);
    p.rect(0.02, 0.68, 0.99, 0.79, mix(body, [16, 16, 20], 0.35));
    for x in [0.22, 0.77] {
        p.ellipse(x, 0.78, 0.095, 0.20, [22, 22, 24]);
        p.ellipse(x, 0.78, 0.050, 0.105, light.on([170, 172, 176]));
    }
    p.ellipse(
        0.965,
        0.57,
        0.022,
        0.055,
        if light.night { [255, 250, 214] } else { light.on([250, 246, 226]) },
    );
    p.rect(0.02, 0.52, 0.05, 0.60, [206, 40, 36]);
}

fn person(p: &mut Painter, light: Light, colour: Rgb) {
    let coat = light.on(colour);
    let trousers = light.on([52, 58, 78]);
    p.polygon(&[(0.34, 0.56), (0.54, 0.56), (0.38, 0.97), (0.20, 0.97)], trousers);
    p.polygon(&[(0.48, 0.56), (0.68, 0.56), (0.82, 0.97), (0.64, 0.97)], mix(trousers, [0, 0, 0], 0.2));
    p.rect(0.16, 0.96, 0.42, 1.0, [28, 26, 26]);
    p.rect(0.62, 0.96, 0.92, 1.0, [28, 26, 26]);
    p.polygon(&[(0.28, 0.22), (0.74, 0.22), (0.76, 0.60), (0.28, 0.60)], coat);
    p.polygon(&[(0.44, 0.25), (0.62, 0.25), (0.70, 0.55), (0.54, 0.57)], mix(coat, [0, 0, 0], 0.18));
    p.ellipse(0.52, 0.11, 0.19, 0.095, light.on([222, 178, 146]));
    p.polygon(&[(0.32, 0.10), (0.36, 0.02), (0.60, 0.0), (0.72, 0.06), (0.50, 0.07)], light.on([64, 46, 36]));
}
