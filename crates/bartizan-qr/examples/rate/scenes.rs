//! Hard pictures, drawn the same on every run: a label with a code in a cluttered room, seen by a camera with faults.

use bartizan_qr::{Card, CardDevice, CardSecrecy, render::Qr};

/// A picture and what its code says; `None` for pictures without one.
pub struct Sample {
    pub category: &'static str,
    /// How hard, as words.
    pub severity: String,
    pub text: Option<String>,
    pub width: usize,
    pub height: usize,
    pub luma: Vec<u8>,
    /// Save and read again as JPEG of this quality: what a photograph or a video frame goes through.
    pub jpeg: Option<u8>,
}

/// SplitMix64 (Steele 2014): small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// 0 ≤ x < 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Mean 0, deviation 1, by twelve uniform ones.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// How a picture is taken.
#[derive(Clone)]
struct Shot {
    width: usize,
    height: usize,
    /// Pixels a module at the middle of the label.
    module: f64,
    /// Degrees.
    turn: f64,
    /// Degrees away from the camera, and the direction of that.
    tilt: f64,
    tilt_axis: f64,
    /// Radius of the cylinder the label is glued to, in widths of the code; 0 is flat.
    curve: f64,
    /// Standard deviation of a lens's blur, modules.
    blur: f64,
    /// Length of a hand's blur, modules, and its direction, degrees.
    motion: (f64, f64),
    /// Grey of ink and of paper, 0–255.
    ink: f64,
    paper: f64,
    /// Light falls to this share across the picture; a shadow's edge runs through the label.
    light: f64,
    shadow: f64,
    /// Sensor noise, grey levels.
    noise: f64,
    jpeg: Option<u8>,
}

impl Default for Shot {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 960,
            module: 5.0,
            turn: 0.0,
            tilt: 0.0,
            tilt_axis: 0.0,
            curve: 0.0,
            blur: 0.15,
            motion: (0.0, 0.0),
            ink: 35.0,
            paper: 215.0,
            light: 1.0,
            shadow: 1.0,
            noise: 2.0,
            jpeg: None,
        }
    }
}

/// What labels and cards say, in the forms that devices really carry.
pub fn payloads() -> Vec<String> {
    let card = CardDevice {
        name: "Front gate".into(),
        family: "onvif".into(),
        routes: vec![bartizan_qr::card::CardRoute { host: "192.168.1.64".into(), ports: Default::default() }],
        user: Some("admin".into()),
        ..CardDevice::default()
    };
    let card = Card::seal(&[card], &CardSecrecy::Plain).expect("one small device fits a card");
    let mut all = vec![
        "{SN:8L0A1B2PAZ34F56,DT:DH-IPC-HFW2431S,SC:L2A1B2C3,NC:011}".to_owned(),
        "www.hik-connect.com\r\nD12345678\r\nABCDEF\r\nDS-2CD2143G2-I\r\n".to_owned(),
        "ys7\r123456789\rQWERTY\rCS-C3N-A0-3H2WFRL".to_owned(),
        "4K002C6PAJA49A7".to_owned(),
        "rtsp://admin:secret@192.168.1.108:554/cam/realmonitor?channel=1&subtype=0".to_owned(),
    ];
    all.extend(card);
    all
}

/// The whole set. `--only` narrows it by category.
pub fn all(only: Option<&str>) -> Vec<Box<dyn Fn() -> Sample>> {
    let texts = payloads();
    let mut scenes: Vec<Box<dyn Fn() -> Sample>> = Vec::new();
    let mut seed = 1000u64;
    let mut add = |category: &'static str, severity: String, shot: Shot| {
        seed += 1;
        if only.is_some_and(|only| only != category) {
            return;
        }
        let (text, seed) = (texts[seed as usize % texts.len()].clone(), seed);
        scenes.push(Box::new(move || {
            let mut dice = Dice::new(seed);
            let text = (category != "no code").then(|| text.clone());
            let luma = draw(&shot, text.as_deref(), &mut dice);
            Sample {
                category,
                severity: severity.clone(),
                text,
                width: shot.width,
                height: shot.height,
                luma,
                jpeg: shot.jpeg,
            }
        }));
    };
    let shot = Shot::default;
    for step in 0..24 {
        add(
            "rotated",
            "any angle".into(),
            Shot { turn: f64::from(step) * 15.0 + 3.0, module: 4.0, ..shot() },
        );
    }
    for (name, tilt) in [("30°", 30.0), ("45°", 45.0), ("55°", 55.0), ("65°", 65.0)] {
        for step in 0..8 {
            let (tilt_axis, turn) = (f64::from(step) * 45.0 + 10.0, f64::from(step) * 7.0);
            add("perspective", name.into(), Shot { tilt, tilt_axis, turn, module: 7.0, ..shot() });
        }
    }
    for (name, blur) in
        [("0.4 modules", 0.4), ("0.6 modules", 0.6), ("0.8 modules", 0.8), ("1.0 modules", 1.0)]
    {
        for step in 0..8 {
            add("blurred", name.into(), Shot { blur, turn: f64::from(step) * 11.0, ..shot() });
        }
    }
    for (name, length) in [("1 module", 1.0), ("1.5 modules", 1.5), ("2 modules", 2.0), ("2.5 modules", 2.5)]
    {
        for step in 0..8 {
            let motion = (length, f64::from(step) * 22.5);
            add("moving", name.into(), Shot { motion, turn: f64::from(step) * 5.0, ..shot() });
        }
    }
    for step in 0..8 {
        add(
            "inverted",
            "white on black".into(),
            Shot { ink: 220.0, paper: 30.0, turn: f64::from(step) * 13.0, ..shot() },
        );
    }
    for (name, noise) in [("noise 8", 8.0), ("noise 14", 14.0), ("noise 20", 20.0), ("noise 28", 28.0)] {
        for step in 0..8 {
            let turn = f64::from(step) * 9.0;
            add(
                "low light",
                name.into(),
                Shot { ink: 14.0, paper: 60.0, noise, turn, module: 6.0, blur: 0.3, ..shot() },
            );
        }
    }
    for (name, apart) in [("40 of 255", 40.0), ("24 of 255", 24.0), ("12 of 255", 12.0)] {
        for step in 0..8 {
            let turn = f64::from(step) * 9.0;
            add("low contrast", name.into(), Shot { ink: 150.0 - apart, paper: 150.0, turn, ..shot() });
        }
    }
    for (name, light, shadow) in
        [("gradient", 0.2, 1.0), ("shadow edge", 0.6, 0.4), ("hard shadow", 0.4, 0.2)]
    {
        for step in 0..8 {
            add("uneven light", name.into(), Shot { light, shadow, turn: f64::from(step) * 19.0, ..shot() });
        }
    }
    for (name, module) in [("2.5 px", 2.5), ("2 px", 2.0), ("1.7 px", 1.7), ("1.4 px", 1.4)] {
        for step in 0..8 {
            add("small", format!("{name} a module"), Shot { module, turn: f64::from(step) * 17.0, ..shot() });
        }
    }
    for (name, quality) in [("quality 30", 30), ("quality 15", 15), ("quality 8", 8)] {
        for step in 0..8 {
            let turn = f64::from(step) * 9.0;
            add("JPEG artefacts", name.into(), Shot { jpeg: Some(quality), module: 3.5, turn, ..shot() });
        }
    }
    for (name, curve) in [("bottle (r = 1.2)", 1.2), ("pipe (r = 0.8)", 0.8), ("rod (r = 0.65)", 0.65)] {
        for step in 0..8 {
            let (turn, tilt_axis) = (f64::from(step) * 45.0, f64::from(step) * 30.0);
            add("curved", name.into(), Shot { curve, turn, tilt: 20.0, tilt_axis, module: 6.0, ..shot() });
        }
    }
    for step in 0..6 {
        let module = 6.0 + 3.0 * f64::from(step);
        add(
            "12-megapixel photo",
            "JPEG".into(),
            Shot {
                width: 4000,
                height: 3000,
                module,
                turn: f64::from(step) * 31.0,
                tilt: 15.0,
                blur: 0.3,
                noise: 4.0,
                jpeg: Some(88),
                ..shot()
            },
        );
    }
    let mut dice = Dice::new(77);
    for _ in 0..24 {
        let ink = dice.between(20.0, 90.0);
        add(
            "several faults",
            "moderate".into(),
            Shot {
                turn: dice.between(0.0, 360.0),
                tilt: dice.between(0.0, 40.0),
                tilt_axis: dice.between(0.0, 360.0),
                blur: dice.between(0.2, 0.6),
                motion: (dice.between(0.0, 0.8), dice.between(0.0, 180.0)),
                ink,
                paper: ink + dice.between(50.0, 140.0),
                light: dice.between(0.4, 1.0),
                noise: dice.between(2.0, 8.0),
                module: dice.between(3.0, 7.0),
                jpeg: Some(60),
                ..shot()
            },
        );
    }
    for _ in 0..12 {
        add("no code", "clutter".into(), Shot { noise: 6.0, ..shot() });
    }
    scenes
}

/// The label's plane: modules from the code's middle → ink (true), paper, or the wall behind (`None`).
struct Label {
    code: Option<Qr>,
    half: f64,
}

impl Label {
    fn at(&self, u: f64, v: f64) -> Option<bool> {
        let quiet = self.half + 4.0;
        // The label goes on to the right with lines of print, as real ones do.
        if u < -quiet || u > quiet * 2.6 || v.abs() > quiet {
            return None;
        }
        if u <= quiet {
            let Some(code) = &self.code else { return Some(false) };
            let (x, y) = ((u + self.half).floor(), (v + self.half).floor());
            return Some(x >= 0.0 && y >= 0.0 && code.is_dark(x as usize, y as usize));
        }
        let line = (v + quiet) / 3.2;
        let letter = (u * 0.9 + line.floor() * 7.3).sin() + (u * 2.3).sin() * 0.6;
        Some(
            line.fract() < 0.5
                && letter > 0.1
                && u < quiet * (1.6 + 0.9 * ((line.floor() * 2.4).sin().abs())),
        )
    }
}

/// What is behind the label: broad shading and boxes.
struct Room {
    boxes: Vec<(f64, f64, f64, f64, f64)>,
    phase: f64,
}

impl Room {
    fn new(dice: &mut Dice, width: f64, height: f64) -> Self {
        let mut one = || {
            let (w, h) = (dice.between(0.02, 0.3) * width, dice.between(0.02, 0.3) * height);
            (dice.between(0.0, width), dice.between(0.0, height), w, h, dice.between(0.1, 0.9))
        };
        Self { boxes: (0..60).map(|_| one()).collect(), phase: 0.0 }.with_phase(dice)
    }

    fn with_phase(mut self, dice: &mut Dice) -> Self {
        self.phase = dice.between(0.0, 6.0);
        self
    }

    /// 0 is black, 1 is white.
    fn at(&self, x: f64, y: f64) -> f64 {
        for (left, top, w, h, grey) in self.boxes.iter().rev() {
            if x >= *left && x < left + w && y >= *top && y < top + h {
                let grain = ((x - left) / 5.0).floor() as i64 ^ ((y - top) / 7.0).floor() as i64;
                return grey + if grain % 3 == 0 { 0.08 } else { -0.04 };
            }
        }
        0.5 + 0.25 * (x / 170.0 + self.phase).sin() * (y / 130.0).cos()
    }
}

fn draw(shot: &Shot, text: Option<&str>, dice: &mut Dice) -> Vec<u8> {
    let (width, height) = (shot.width as f64, shot.height as f64);
    let code = text.map(|text| Qr::new(text).expect("labels fit a code"));
    let half = code.as_ref().map_or(14.0, |code| code.width() as f64 / 2.0);
    let label = Label { code, half };
    let room = Room::new(dice, width, height);
    let focal = 1.2 * width;
    let (turn, tilt, axis) = (shot.turn.to_radians(), shot.tilt.to_radians(), shot.tilt_axis.to_radians());
    let shift = (dice.between(-0.04, 0.04) * width, dice.between(-0.04, 0.04) * height);
    // The plane's normal and its two directions: a turn about the view, then a tilt about an axis in the picture.
    let (ax, ay) = (axis.cos(), axis.sin());
    let rotate = |x: f64, y: f64, z: f64| {
        let along = x * ax + y * ay;
        let (px, py) = (along * ax, along * ay);
        let (qx, qy) = (x - px, y - py);
        // Rodrigues' formula for an axis in the picture's plane.
        let (cx, cy, cz) = (ay * z, -ax * z, ax * y - ay * x);
        (
            px + qx * tilt.cos() + cx * tilt.sin(),
            py + qy * tilt.cos() + cy * tilt.sin(),
            z * tilt.cos() + cz * tilt.sin(),
        )
    };
    let u_axis = rotate(turn.cos(), turn.sin(), 0.0);
    let v_axis = rotate(-turn.sin(), turn.cos(), 0.0);
    let normal = rotate(0.0, 0.0, 1.0);
    let dot = |a: (f64, f64, f64), b: (f64, f64, f64)| a.0 * b.0 + a.1 * b.1 + a.2 * b.2;
    let distance = focal / shot.module;
    let radius = shot.curve * half * 2.0;
    let look = |x: f64, y: f64| -> f64 {
        let ray = ((x - width / 2.0 - shift.0) / focal, (y - height / 2.0 - shift.1) / focal, 1.0);
        let facing = dot(normal, ray);
        let hit = if facing.abs() < 1e-6 { None } else { Some(normal.2 * distance / facing) };
        let seen = hit.filter(|t| *t > 0.0).and_then(|t| {
            let point = (ray.0 * t, ray.1 * t, ray.2 * t - distance);
            let (mut u, mut v) = (dot(point, u_axis), dot(point, v_axis));
            if radius > 0.0 {
                // A cylinder along v, seen a little from above.
                let angle = (u / radius).clamp(-1.0, 1.0).asin();
                v += radius * (1.0 - angle.cos()) * 0.3;
                u = if (u / radius).abs() >= 1.0 { f64::MAX } else { angle * radius };
            }
            label.at(u, v)
        });
        match seen {
            Some(true) => shot.ink,
            Some(false) => shot.paper,
            None => {
                (shot.ink.min(shot.paper)) + room.at(x, y).clamp(0.0, 1.0) * (shot.ink - shot.paper).abs()
            }
        }
    };
    // Nine looks a pixel: a sensor's pixels have an area.
    let mut picture: Vec<f32> = Vec::with_capacity(shot.width * shot.height);
    for y in 0..shot.height {
        for x in 0..shot.width {
            let mut sum = 0.0;
            for (dx, dy) in [(1, 1), (3, 1), (5, 1), (1, 3), (3, 3), (5, 3), (1, 5), (3, 5), (5, 5)] {
                sum += look(x as f64 + f64::from(dx) / 6.0, y as f64 + f64::from(dy) / 6.0);
            }
            picture.push((sum / 9.0) as f32);
        }
    }
    blur(&mut picture, shot.width, shot.height, shot.blur * shot.module);
    if shot.motion.0 > 0.0 {
        smear(&mut picture, shot.width, shot.height, shot.motion.0 * shot.module, shot.motion.1.to_radians());
    }
    let mut luma = Vec::with_capacity(picture.len());
    for (at, grey) in picture.iter().enumerate() {
        let (x, y) = ((at % shot.width) as f64, (at / shot.width) as f64);
        let fall = 1.0 - (1.0 - shot.light) * (x / width);
        let edge = ((x - width * 0.5) + (y - height * 0.5) * 0.4) / 6.0;
        let shade = shot.shadow + (1.0 - shot.shadow) / (1.0 + edge.exp());
        let value = f64::from(*grey) * fall * shade + dice.normal() * shot.noise;
        luma.push(value.round().clamp(0.0, 255.0) as u8);
    }
    luma
}

/// Gaussian, in two passes.
fn blur(picture: &mut [f32], width: usize, height: usize, sigma: f64) {
    if sigma < 0.1 {
        return;
    }
    let reach = (sigma * 3.0).ceil() as isize;
    let weights: Vec<f32> =
        (-reach..=reach).map(|d| (-(d * d) as f64 / (2.0 * sigma * sigma)).exp() as f32).collect();
    let total: f32 = weights.iter().sum();
    let mut pass = |along_x: bool| {
        let source = picture.to_vec();
        for y in 0..height {
            for x in 0..width {
                let mut sum = 0.0;
                for (weight, d) in weights.iter().zip(-reach..=reach) {
                    let near =
                        |at: usize, limit: usize| (at as isize + d).clamp(0, limit as isize - 1) as usize;
                    let (sx, sy) = if along_x { (near(x, width), y) } else { (x, near(y, height)) };
                    sum += weight * source[sy * width + sx];
                }
                picture[y * width + x] = sum / total;
            }
        }
    };
    pass(true);
    pass(false);
}

/// Mean along a line.
fn smear(picture: &mut [f32], width: usize, height: usize, length: f64, direction: f64) {
    let source = picture.to_vec();
    let steps = (length.ceil() as usize).max(2) * 2;
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0.0;
            for step in 0..=steps {
                let along = length * (step as f64 / steps as f64 - 0.5);
                let sx = (x as f64 + along * direction.cos()).round().clamp(0.0, width as f64 - 1.0) as usize;
                let sy =
                    (y as f64 + along * direction.sin()).round().clamp(0.0, height as f64 - 1.0) as usize;
                sum += source[sy * width + sx];
            }
            picture[y * width + x] = sum / (steps + 1) as f32;
        }
    }
}
