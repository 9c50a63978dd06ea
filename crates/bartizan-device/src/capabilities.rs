/// What a channel can do: asked of the device, never guessed from its maker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// Head and lens.
    pub ptz: PtzCapabilities,
    /// Picture settings that live in the device.
    pub imaging: ImagingCapabilities,
    /// Lamps, siren, wiper, tracking.
    pub auxiliaries: Vec<Auxiliary>,
    /// A still picture can be asked for.
    pub snapshot: bool,
    /// A key frame can be asked for.
    pub key_frame: bool,
    /// Encoder settings can be read and written.
    pub encoder: bool,
}

/// What head and lens can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PtzCapabilities {
    /// Turns and tilts.
    pub pan_tilt: bool,
    /// Optical zoom.
    pub zoom: bool,
    /// Focus by hand.
    pub focus: bool,
    /// Focus by itself on command.
    pub auto_focus: bool,
    /// Iris by hand.
    pub iris: bool,
    /// [`PtzMove::Relative`](crate::PtzMove::Relative).
    pub relative: bool,
    /// [`PtzMove::Absolute`](crate::PtzMove::Absolute).
    pub absolute: bool,
    /// [`PtzMove::CenterOn`](crate::PtzMove::CenterOn).
    pub center_on: bool,
    /// [`PtzMove::Home`](crate::PtzMove::Home).
    pub home: bool,
    /// Presets; `None` where there are none.
    pub presets: Option<PresetCapabilities>,
}

impl PtzCapabilities {
    /// Anything at all moves.
    pub fn any(&self) -> bool {
        self.pan_tilt || self.zoom || self.focus || self.iris
    }
}

/// What can be done with presets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresetCapabilities {
    /// How many there may be.
    pub most: u16,
    /// They can be set, renamed and removed, not only visited.
    pub writable: bool,
}

/// Which picture settings the device keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImagingCapabilities {
    /// Brightness.
    pub brightness: bool,
    /// Contrast.
    pub contrast: bool,
    /// Saturation.
    pub saturation: bool,
    /// Hue.
    pub hue: bool,
    /// Mirroring left-right.
    pub flip_horizontal: bool,
    /// Mirroring top-bottom.
    pub flip_vertical: bool,
    /// Rotations offered beside 0, degrees clockwise: of 90, 180, 270.
    pub rotations: Vec<u16>,
    /// The device knows its own defaults; else they are 50 of 100.
    pub defaults: bool,
}

impl ImagingCapabilities {
    /// Any of the four levels can be set.
    pub fn levels(&self) -> bool {
        self.brightness || self.contrast || self.saturation || self.hue
    }
}

/// Picture settings. Levels 0..100; `None` where the device has none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Imaging {
    /// 0..100.
    pub brightness: Option<f32>,
    /// 0..100.
    pub contrast: Option<f32>,
    /// 0..100.
    pub saturation: Option<f32>,
    /// 0..100.
    pub hue: Option<f32>,
    /// Mirrored left-right.
    pub flip_horizontal: Option<bool>,
    /// Mirrored top-bottom.
    pub flip_vertical: Option<bool>,
    /// 0, 90, 180 or 270 degrees clockwise.
    pub rotation: Option<u16>,
}

/// Something beside the picture that can be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Auxiliary {
    /// White light.
    Light,
    /// Siren or buzzer.
    Siren,
    /// Wiper.
    Wiper,
    /// Following a moving target by itself.
    Tracking,
}

/// What to do with an [`Auxiliary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuxiliaryCommand {
    /// Light, siren or tracking on.
    On,
    /// Off; stops a wiper.
    Off,
    /// A wiper wipes once.
    Once,
    /// A wiper wipes again and again, seconds from wipe to wipe.
    Every(u16),
}

/// An auxiliary and what it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuxiliaryState {
    /// Which.
    pub auxiliary: Auxiliary,
    /// On, where the device says so.
    pub on: Option<bool>,
}

/// A relay of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmOutput {
    /// The device's key.
    pub token: String,
    /// Its name; may be empty.
    pub name: String,
    /// Closed ("on"), where the device says so.
    pub on: Option<bool>,
}

/// What to do with an [`AlarmOutput`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputCommand {
    /// Closes it.
    On,
    /// Opens it.
    Off,
    /// Closes it for so many milliseconds; the driver opens it again when the device cannot by itself.
    Pulse(u32),
}
