//! What one channel of a unit is doing: its head, lens, picture and switches.

use std::{collections::BTreeMap, time::Duration};

use bartizan_base::StreamProfile;
use tokio::time::Instant;

use super::{
    encoding::Encoding,
    motion::{AXES, Head, Place},
    recordings::Span,
};

/// One sweep of the wiper.
const WIPE: Duration = Duration::from_millis(1500);
/// Levels that are as they come.
pub(super) const NEUTRAL: f32 = 50.0;

/// Picture settings of a channel: levels 0..100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// 0..100.
    pub brightness: f32,
    /// 0..100.
    pub contrast: f32,
    /// 0..100.
    pub saturation: f32,
    /// 0..100.
    pub hue: f32,
    /// 0..100; kept, not drawn.
    pub sharpness: f32,
    /// Mirrored left-right.
    pub mirror: bool,
    /// Mirrored top-bottom.
    pub flip: bool,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            brightness: NEUTRAL,
            contrast: NEUTRAL,
            saturation: NEUTRAL,
            hue: NEUTRAL,
            sharpness: NEUTRAL,
            mirror: false,
            flip: false,
        }
    }
}

/// What the wiper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiper {
    /// Rests.
    Off,
    /// Wipes once from that moment.
    Once(Instant),
    /// Wipes at an interval from that moment.
    Every(Duration, Instant),
}

impl Wiper {
    /// 0..1 through a sweep; `None` at rest.
    pub(super) fn phase(self, now: Instant) -> Option<f32> {
        let since = match self {
            Self::Off => return None,
            Self::Once(from) => now.saturating_duration_since(from),
            Self::Every(interval, from) => {
                let since = now.saturating_duration_since(from).as_secs_f32();
                Duration::from_secs_f32(since % interval.max(WIPE).as_secs_f32())
            }
        };
        (since < WIPE).then(|| since.as_secs_f32() / WIPE.as_secs_f32())
    }

    /// Whether it is at work or will be.
    pub fn runs(self, now: Instant) -> bool {
        matches!(self, Self::Every(..)) || self.phase(now).is_some()
    }
}

/// What a channel is doing, for tests and personalities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelView {
    /// Pan −1..1, tilt −1..1, zoom 0..1.
    pub place: Place,
    /// Which of them move.
    pub moving: [bool; AXES],
    /// Focus, 0 near .. 1 far.
    pub focus: f32,
    /// The focus moves.
    pub focusing: bool,
    /// Focus is found by itself.
    pub auto_focus: bool,
    /// Iris, 0 closed .. 1 open.
    pub iris: f32,
    /// Picture settings.
    pub picture: Picture,
    /// White light.
    pub light: bool,
    /// Siren.
    pub siren: bool,
    /// Wiper at work.
    pub wiper: bool,
    /// Following targets.
    pub tracking: bool,
    /// Key frames asked for over the device's own language.
    pub key_requests: u32,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) head: Head,
    pub(super) home: Place,
    pub(super) presets: BTreeMap<u16, (String, Place)>,
    /// A one-axis head: focus on its zoom axis.
    pub(super) focus: Head,
    pub(super) iris: Head,
    pub(super) auto_focus: bool,
    pub(super) picture: Picture,
    pub(super) light: bool,
    pub(super) siren_until: Option<Instant>,
    pub(super) wiper: Wiper,
    pub(super) tracking: bool,
    pub(super) key_requests: u32,
    /// Main and sub.
    pub(super) encodings: [Encoding; 2],
    /// What is recorded; `None`: the default.
    pub(super) recordings: Option<Vec<Span>>,
}

impl Channel {
    pub(super) fn new(now: Instant) -> Self {
        let preset = |name: &str, place| (name.to_owned(), place);
        Self {
            head: Head::at([0.0; AXES], now),
            home: [0.0; AXES],
            presets: BTreeMap::from([
                (1, preset("Gate", [-0.5, 0.0, 0.0])),
                (2, preset("Door", [0.5, 0.25, 0.5])),
            ]),
            focus: Head::at([0.0, 0.0, 0.5], now),
            iris: Head::at([0.0, 0.0, 0.5], now),
            auto_focus: true,
            picture: Picture::default(),
            light: false,
            siren_until: None,
            wiper: Wiper::Off,
            tracking: false,
            key_requests: 0,
            encodings: [StreamProfile::Main, StreamProfile::Sub].map(Encoding::of),
            recordings: None,
        }
    }
}
