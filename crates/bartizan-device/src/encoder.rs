//! How a device encodes a stream, what else it offers, and what became of a change.

use bartizan_base::StreamProfile;

/// Most sizes, rates and codecs kept of one device's offer; the longest lists in the field have a few dozen.
pub const MOST_CHOICES: usize = 128;

/// Width and height, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureSize {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl PictureSize {
    /// A size that a picture can have: neither side 0 nor beyond 16384.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let side = 1..=16_384;
        (side.contains(&width) && side.contains(&height)).then_some(Self { width, height })
    }

    /// Reads `1920x1080`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.trim().split_once(['x', 'X', '*'])?;
        Self::new(width.trim().parse().ok()?, height.trim().parse().ok()?)
    }

    /// Pixels in all.
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// How the bit rate is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateMode {
    /// Always about the same (CBR).
    Constant,
    /// As much as the picture needs, up to the limit (VBR).
    Variable,
}

/// A whole range of whole numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Least.
    pub min: u32,
    /// Most.
    pub max: u32,
}

impl Span {
    /// `None` where the ends are the wrong way round.
    pub fn new(min: u32, max: u32) -> Option<Self> {
        (min <= max && max > 0).then_some(Self { min, max })
    }

    /// Whether a number lies in it.
    pub fn holds(self, value: u32) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

/// How a stream is encoded. In a reading `None` is what the device does not say; in a change, what is to stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncoderSettings {
    /// `H.264`, `H.265`, `JPEG` …
    pub codec: Option<String>,
    /// Size of the picture.
    pub size: Option<PictureSize>,
    /// Pictures per second.
    pub frame_rate: Option<f32>,
    /// kbit/s: the rate itself when constant, its upper limit when variable.
    pub bit_rate: Option<u32>,
    /// Constant or variable.
    pub rate_mode: Option<RateMode>,
    /// Pictures from one key frame to the next.
    pub key_interval: Option<u32>,
}

/// What can be set while one codec is in use. Empty and `None`: it cannot be changed, or nobody knows to what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncoderChoices {
    /// As in [`EncoderSettings::codec`].
    pub codec: String,
    /// Largest first.
    pub sizes: Vec<PictureSize>,
    /// Pictures per second, ascending.
    pub frame_rates: Vec<f32>,
    /// kbit/s.
    pub bit_rate: Option<Span>,
    /// Constant, variable or both.
    pub rate_modes: Vec<RateMode>,
    /// Pictures from one key frame to the next.
    pub key_interval: Option<Span>,
}

impl EncoderChoices {
    /// Puts lists into their order, without repetitions, within [`MOST_CHOICES`].
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.sizes.sort_by_key(|size| (std::cmp::Reverse(size.area()), std::cmp::Reverse(size.width)));
        self.sizes.dedup();
        self.sizes.truncate(MOST_CHOICES);
        self.frame_rates.retain(|rate| rate.is_finite() && *rate > 0.0 && *rate <= 240.0);
        self.frame_rates.sort_by(f32::total_cmp);
        self.frame_rates.dedup();
        self.frame_rates.truncate(MOST_CHOICES);
        self
    }
}

/// One stream of a channel: how it is encoded now and what else the device offers.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderStream {
    /// Which.
    pub profile: StreamProfile,
    /// Now.
    pub settings: EncoderSettings,
    /// By codec; the present one is among them.
    pub choices: Vec<EncoderChoices>,
}

/// One of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EncoderField {
    /// [`EncoderSettings::codec`].
    Codec,
    /// [`EncoderSettings::size`].
    Size,
    /// [`EncoderSettings::frame_rate`].
    FrameRate,
    /// [`EncoderSettings::bit_rate`].
    BitRate,
    /// [`EncoderSettings::rate_mode`].
    RateMode,
    /// [`EncoderSettings::key_interval`].
    KeyInterval,
}

impl EncoderStream {
    /// The choices for a codec.
    pub fn choices_for(&self, codec: &str) -> Option<&EncoderChoices> {
        self.choices.iter().find(|one| one.codec == codec)
    }

    /// The first setting of a change that the device does not offer. Only what differs from now is looked at: what is
    /// in use must be possible.
    pub fn not_offered(&self, change: &EncoderSettings) -> Option<EncoderField> {
        let now = &self.settings;
        let codec = change.codec.as_deref().or(now.codec.as_deref()).unwrap_or_default();
        let new_codec = now.codec.as_deref() != Some(codec);
        let Some(can) = self.choices_for(codec) else {
            let fields = change.fields();
            return if new_codec { Some(EncoderField::Codec) } else { fields.into_iter().next() };
        };
        let stays = |same: bool| same && !new_codec;
        let outside = |value: u32, span: Option<Span>| !span.is_some_and(|span| span.holds(value));
        if change.size.is_some_and(|size| !stays(now.size == change.size) && !can.sizes.contains(&size)) {
            return Some(EncoderField::Size);
        }
        if change.frame_rate.is_some_and(|rate| {
            !stays(now.frame_rate == change.frame_rate) && !can.frame_rates.contains(&rate)
        }) {
            return Some(EncoderField::FrameRate);
        }
        if change
            .bit_rate
            .is_some_and(|rate| !stays(now.bit_rate == change.bit_rate) && outside(rate, can.bit_rate))
        {
            return Some(EncoderField::BitRate);
        }
        if change.rate_mode.is_some_and(|mode| now.rate_mode != Some(mode) && !can.rate_modes.contains(&mode))
        {
            return Some(EncoderField::RateMode);
        }
        if change.key_interval.is_some_and(|pictures| {
            !stays(now.key_interval == change.key_interval) && outside(pictures, can.key_interval)
        }) {
            return Some(EncoderField::KeyInterval);
        }
        None
    }
}

impl EncoderSettings {
    /// Which settings are named.
    pub fn fields(&self) -> Vec<EncoderField> {
        let named = [
            (EncoderField::Codec, self.codec.is_some()),
            (EncoderField::Size, self.size.is_some()),
            (EncoderField::FrameRate, self.frame_rate.is_some()),
            (EncoderField::BitRate, self.bit_rate.is_some()),
            (EncoderField::RateMode, self.rate_mode.is_some()),
            (EncoderField::KeyInterval, self.key_interval.is_some()),
        ];
        named.into_iter().filter(|(_, named)| *named).map(|(field, _)| field).collect()
    }

    /// Which of the settings asked for here became something else in `taken`, what the device was read to have after.
    pub fn differing(&self, taken: &EncoderSettings) -> Vec<EncoderField> {
        let differs = |field: &EncoderField| match field {
            EncoderField::Codec => self.codec != taken.codec,
            EncoderField::Size => self.size != taken.size,
            EncoderField::FrameRate => match (self.frame_rate, taken.frame_rate) {
                (Some(asked), Some(taken)) => (asked - taken).abs() > 0.01,
                _ => true,
            },
            EncoderField::BitRate => self.bit_rate != taken.bit_rate,
            EncoderField::RateMode => self.rate_mode != taken.rate_mode,
            EncoderField::KeyInterval => self.key_interval != taken.key_interval,
        };
        self.fields().into_iter().filter(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32) -> PictureSize {
        PictureSize::new(width, height).expect("a size")
    }

    fn stream() -> EncoderStream {
        EncoderStream {
            profile: StreamProfile::Main,
            settings: EncoderSettings {
                codec: Some("H.264".into()),
                size: Some(size(1920, 1080)),
                frame_rate: Some(22.0),
                bit_rate: Some(4096),
                rate_mode: Some(RateMode::Variable),
                key_interval: Some(50),
            },
            choices: vec![
                EncoderChoices {
                    codec: "H.264".into(),
                    sizes: vec![size(1280, 720), size(1920, 1080), size(1280, 720)],
                    frame_rates: vec![25.0, f32::NAN, 5.0, -1.0, 25.0],
                    bit_rate: Span::new(32, 8192),
                    rate_modes: vec![RateMode::Constant, RateMode::Variable],
                    key_interval: Span::new(1, 250),
                }
                .tidied(),
            ],
        }
    }

    #[test]
    fn lists_are_put_in_order() {
        let stream = stream();
        assert_eq!(stream.choices[0].sizes, [size(1920, 1080), size(1280, 720)]);
        assert_eq!(stream.choices[0].frame_rates, [5.0, 25.0]);
        assert_eq!(PictureSize::parse(" 1280X720 "), Some(size(1280, 720)));
        for bad in ["", "1080P", "0x720", "99999x1", "-1x5"] {
            assert_eq!(PictureSize::parse(bad), None, "{bad}");
        }
        assert_eq!(Span::new(5, 4), None);
    }

    #[test]
    fn what_is_not_offered_is_named_and_what_is_in_use_is_not() {
        let stream = stream();
        let of = |change: EncoderSettings| stream.not_offered(&change);
        assert_eq!(
            of(stream.settings.clone()),
            None,
            "22 pictures per second are not in the list, but in use"
        );
        assert_eq!(
            of(EncoderSettings { codec: Some("H.265".into()), ..Default::default() }),
            Some(EncoderField::Codec)
        );
        assert_eq!(
            of(EncoderSettings { size: Some(size(640, 480)), ..Default::default() }),
            Some(EncoderField::Size)
        );
        assert_eq!(
            of(EncoderSettings { frame_rate: Some(17.0), ..Default::default() }),
            Some(EncoderField::FrameRate)
        );
        assert_eq!(
            of(EncoderSettings { bit_rate: Some(9000), ..Default::default() }),
            Some(EncoderField::BitRate)
        );
        assert_eq!(
            of(EncoderSettings { key_interval: Some(0), ..Default::default() }),
            Some(EncoderField::KeyInterval)
        );
        assert_eq!(
            of(EncoderSettings { frame_rate: Some(5.0), bit_rate: Some(64), ..Default::default() }),
            None
        );
    }

    #[test]
    fn what_became_something_else() {
        let asked =
            EncoderSettings { frame_rate: Some(17.0), bit_rate: Some(1024), ..EncoderSettings::default() };
        let taken = EncoderSettings { frame_rate: Some(15.0), bit_rate: Some(1024), ..stream().settings };
        assert_eq!(asked.differing(&taken), [EncoderField::FrameRate]);
        assert_eq!(
            asked.differing(&EncoderSettings::default()),
            [EncoderField::FrameRate, EncoderField::BitRate]
        );
        assert_eq!(EncoderSettings::default().differing(&taken), []);
    }
}
