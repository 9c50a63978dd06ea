use bartizan_base::StreamProfile;

use crate::config::Format;

/// Picture rates that the encoders can keep; what lies between becomes the next lower one, as in many devices.
const RATES: [u32; 10] = [1, 2, 4, 6, 8, 10, 12, 15, 20, 25];
/// Fastest rate that is taken.
pub(crate) const FASTEST: u32 = RATES[RATES.len() - 1];
/// Longest distance of key frames, pictures.
pub(crate) const LONGEST_GOP: u32 = 150;

/// How a stream of a channel is encoded. `None` is how it came out of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Pictures per second.
    pub fps: u32,
    /// kbit/s; `None`: one quality for all pictures, at whatever rate.
    pub kbps: Option<u32>,
    /// The rate is held, not only limited.
    pub constant: bool,
    /// Pictures from one key frame to the next.
    pub gop: Option<u32>,
}

impl Encoding {
    /// Out of the box.
    pub fn of(profile: StreamProfile) -> Self {
        Self::plain(Format::of(profile))
    }

    pub(crate) fn plain(Format { width, height, fps }: Format) -> Self {
        Self { width, height, fps, kbps: None, constant: false, gop: None }
    }

    pub(crate) fn format(self) -> Format {
        Format { width: self.width, height: self.height, fps: self.fps }
    }

    /// kbit/s as the device tells it.
    pub(crate) fn told_kbps(self, profile: StreamProfile) -> u32 {
        self.kbps.unwrap_or(match profile {
            StreamProfile::Main => 4096,
            StreamProfile::Sub => 512,
        })
    }

    /// Distance of key frames as the device tells it.
    pub(crate) fn told_gop(self) -> u32 {
        self.gop.unwrap_or(self.fps)
    }

    /// Sizes that a stream can have, largest first.
    pub(crate) fn sizes(profile: StreamProfile) -> &'static [(usize, usize)] {
        match profile {
            StreamProfile::Main => &[(1280, 720), (1024, 576), (960, 540)],
            StreamProfile::Sub => &[(640, 360), (512, 288), (480, 270)],
        }
    }

    /// Least and highest kbit/s of a stream.
    pub(crate) fn rates(profile: StreamProfile) -> (u32, u32) {
        match profile {
            StreamProfile::Main => (128, 8192),
            StreamProfile::Sub => (32, 2048),
        }
    }

    /// What the encoder makes of a wish; `None` when it refuses it.
    pub(crate) fn accepted(self, profile: StreamProfile) -> Option<Self> {
        let (least, most) = Self::rates(profile);
        let fits = Self::sizes(profile).contains(&(self.width, self.height))
            && (1..=FASTEST).contains(&self.fps)
            && self.kbps.is_none_or(|rate| (least..=most).contains(&rate))
            && self.gop.is_none_or(|gop| (1..=LONGEST_GOP).contains(&gop));
        let fps = RATES.into_iter().rev().find(|rate| *rate <= self.fps)?;
        fits.then_some(Self { fps, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_between_become_the_next_lower_and_the_impossible_is_refused() {
        let main = Encoding::of(StreamProfile::Main);
        let fps = |fps| Encoding { fps, ..main }.accepted(StreamProfile::Main).map(|taken| taken.fps);
        assert_eq!((fps(17), fps(25), fps(1), fps(0), fps(26)), (Some(15), Some(25), Some(1), None, None));
        assert_eq!(main.accepted(StreamProfile::Main), Some(main));
        assert_eq!(main.accepted(StreamProfile::Sub), None, "too large for the sub stream");
        assert_eq!(Encoding { kbps: Some(9000), ..main }.accepted(StreamProfile::Main), None);
        assert_eq!(Encoding { gop: Some(0), ..main }.accepted(StreamProfile::Main), None);
    }
}
