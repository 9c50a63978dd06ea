/// How fast to move. Each part −1..1: right, up and tele are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Velocity {
    /// Right positive.
    pub pan: f32,
    /// Up positive.
    pub tilt: f32,
    /// Tele ("zoom in") positive.
    pub zoom: f32,
}

impl Velocity {
    /// Nothing moves.
    pub const ZERO: Self = Self { pan: 0.0, tilt: 0.0, zoom: 0.0 };

    /// The user's PTZ step (1–8, higher is faster) as the magnitude of a velocity: eighths of full speed.
    pub fn of_step(step: u8) -> f32 {
        f32::from(step.clamp(1, 8)) / 8.0
    }

    /// Each part held within −1..1; what is not a number becomes 0.
    #[must_use]
    pub fn clamped(self) -> Self {
        let clamp = |part: f32| if part.is_finite() { part.clamp(-1.0, 1.0) } else { 0.0 };
        Self { pan: clamp(self.pan), tilt: clamp(self.tilt), zoom: clamp(self.zoom) }
    }
}

/// Where a camera looks: pan and tilt −1..1 over the whole range, zoom 0 (wide) ..1 (tele).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// −1 far left, 1 far right.
    pub pan: f32,
    /// −1 lowest, 1 highest.
    pub tilt: f32,
    /// 0 wide, 1 tele.
    pub zoom: f32,
}

/// What a PTZ reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PtzStatus {
    /// Where it looks, when it says.
    pub position: Option<Position>,
    /// Whether it moves, when it says.
    pub moving: Option<bool>,
}

/// A move of the head or the zoom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PtzMove {
    /// Moves until told otherwise, but no longer than `at_most_ms` after this call where the protocol can say so. The
    /// caller repeats it before that while the move is wanted: a program that dies leaves no camera turning.
    Continuous {
        /// How fast.
        velocity: Velocity,
        /// Longest time without a repeat, milliseconds.
        at_most_ms: u32,
    },
    /// Stops pan, tilt and zoom.
    Stop,
    /// Moves by a part of the whole range, each −1..1.
    Relative(Velocity),
    /// Moves to a position.
    Absolute(Position),
    /// Brings a point of the picture to its centre: −1..1, right and up positive. Where `zoom` is above 0 the view
    /// narrows by that part.
    CenterOn {
        /// −1 left edge, 1 right edge.
        x: f32,
        /// −1 lower edge, 1 upper edge.
        y: f32,
        /// 0 keeps the zoom.
        zoom: f32,
    },
    /// Goes to the home position.
    Home,
}

/// A move of the lens. Speeds are 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LensMove {
    /// Focuses nearer until [`LensMove::Stop`].
    FocusNear(f32),
    /// Focuses farther until [`LensMove::Stop`].
    FocusFar(f32),
    /// Focuses by itself once.
    AutoFocus,
    /// Opens the iris (brighter) until [`LensMove::Stop`].
    IrisOpen(f32),
    /// Closes the iris (darker) until [`LensMove::Stop`].
    IrisClose(f32),
    /// Stops focus and iris.
    Stop,
}

/// A stored position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The device's key: a number in most protocols, any text in ONVIF.
    pub token: String,
    /// Its name; may be empty.
    pub name: String,
}

/// A change of the presets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresetChange {
    /// Stores the present position. Without a token the device or the driver takes a free one.
    Set {
        /// An existing preset to overwrite.
        token: Option<String>,
        /// Its name.
        name: String,
    },
    /// Renames, keeping the position.
    Rename {
        /// Which.
        token: String,
        /// The new name.
        name: String,
    },
    /// Forgets it.
    Remove {
        /// Which.
        token: String,
    },
}
