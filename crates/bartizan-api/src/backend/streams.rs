//! What crosses for the choice of streams and for encoder settings.

use bartizan_app::{Applied, Encoders, StreamChoice, device};
use bartizan_base::{Code, Error, Result, StreamProfile};

use super::control::channel;
use crate::dto;

pub(super) async fn choices(encoders: &Encoders) -> Result<dto::ChosenStreams> {
    let all = encoders.choices().await?;
    let choices = all.into_iter().map(|(channel, choice)| dto::ChosenStream {
        device: channel.device.to_string(),
        channel: channel.number,
        choice: choice.into(),
    });
    Ok(dto::ChosenStreams { choices: choices.collect() })
}

pub(super) async fn choose(encoders: &Encoders, request: dto::ChosenStream) -> Result<dto::Empty> {
    let choice = match request.choice {
        dto::StreamChoice::Auto => None,
        dto::StreamChoice::Fluent => Some(StreamChoice::Fluent),
        dto::StreamChoice::Hd => Some(StreamChoice::Hd),
        dto::StreamChoice::CustomMain => Some(StreamChoice::CustomMain),
        dto::StreamChoice::CustomSub => Some(StreamChoice::CustomSub),
    };
    encoders.choose(channel(request.device, request.channel), choice).await?;
    Ok(dto::Empty {})
}

pub(super) async fn read(encoders: &Encoders, request: dto::ChannelRef) -> Result<dto::EncoderStreams> {
    let streams = encoders.read(&channel(request.device, request.channel)).await?;
    Ok(dto::EncoderStreams { streams: streams.into_iter().map(dto::EncoderStream::from).collect() })
}

pub(super) async fn set(encoders: &Encoders, request: dto::SetEncoder) -> Result<dto::AppliedEncoder> {
    let dto::SetEncoder { device, channel: number, profile, change } = request;
    let change = wanted(change)?;
    let profile = match profile {
        dto::Profile::Main => StreamProfile::Main,
        dto::Profile::Sub => StreamProfile::Sub,
    };
    let Applied { stream, differing } = encoders.apply(&channel(device, number), profile, change).await?;
    let differing = differing.into_iter().map(dto::EncoderField::from).collect();
    Ok(dto::AppliedEncoder { stream: stream.into(), differing })
}

fn wanted(change: dto::EncoderSettings) -> Result<device::EncoderSettings> {
    let dto::EncoderSettings { codec, size, frame_rate, bit_rate, rate_mode, key_interval } = change;
    let wrong = |what: &'static str| Error::new(Code::InvalidInput, what);
    if frame_rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
        return Err(wrong("a frame rate is above 0"));
    }
    if codec.as_ref().is_some_and(|codec| codec.is_empty() || codec.len() > 32) {
        return Err(wrong("a codec has a name"));
    }
    let size = match size {
        Some(dto::PictureSize { width, height }) => Some(
            device::PictureSize::new(width, height).ok_or_else(|| wrong("a picture has width and height"))?,
        ),
        None => None,
    };
    let rate_mode = rate_mode.map(|mode| match mode {
        dto::RateMode::Constant => device::RateMode::Constant,
        dto::RateMode::Variable => device::RateMode::Variable,
    });
    Ok(device::EncoderSettings { codec, size, frame_rate, bit_rate, rate_mode, key_interval })
}

impl From<StreamChoice> for dto::StreamChoice {
    fn from(choice: StreamChoice) -> Self {
        match choice {
            StreamChoice::Fluent => Self::Fluent,
            StreamChoice::Hd => Self::Hd,
            StreamChoice::CustomMain => Self::CustomMain,
            StreamChoice::CustomSub => Self::CustomSub,
        }
    }
}

impl From<device::RateMode> for dto::RateMode {
    fn from(mode: device::RateMode) -> Self {
        match mode {
            device::RateMode::Constant => Self::Constant,
            device::RateMode::Variable => Self::Variable,
        }
    }
}

impl From<device::PictureSize> for dto::PictureSize {
    fn from(size: device::PictureSize) -> Self {
        Self { width: size.width, height: size.height }
    }
}

impl From<device::EncoderField> for dto::EncoderField {
    fn from(field: device::EncoderField) -> Self {
        use device::EncoderField;
        match field {
            EncoderField::Codec => Self::Codec,
            EncoderField::Size => Self::Size,
            EncoderField::FrameRate => Self::FrameRate,
            EncoderField::BitRate => Self::BitRate,
            EncoderField::RateMode => Self::RateMode,
            EncoderField::KeyInterval => Self::KeyInterval,
        }
    }
}

fn span(span: device::Span) -> dto::Span {
    dto::Span { min: span.min, max: span.max }
}

impl From<device::EncoderChoices> for dto::EncoderChoices {
    fn from(can: device::EncoderChoices) -> Self {
        Self {
            codec: can.codec,
            sizes: can.sizes.into_iter().map(dto::PictureSize::from).collect(),
            frame_rates: can.frame_rates,
            bit_rate: can.bit_rate.map(span),
            rate_modes: can.rate_modes.into_iter().map(dto::RateMode::from).collect(),
            key_interval: can.key_interval.map(span),
        }
    }
}

impl From<device::EncoderStream> for dto::EncoderStream {
    fn from(stream: device::EncoderStream) -> Self {
        let device::EncoderSettings { codec, size, frame_rate, bit_rate, rate_mode, key_interval } =
            stream.settings;
        Self {
            profile: stream.profile.into(),
            settings: dto::EncoderSettings {
                codec,
                size: size.map(dto::PictureSize::from),
                frame_rate,
                bit_rate,
                rate_mode: rate_mode.map(dto::RateMode::from),
                key_interval,
            },
            choices: stream.choices.into_iter().map(dto::EncoderChoices::from).collect(),
        }
    }
}
