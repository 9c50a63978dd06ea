//! What crosses between the app's types and the DTOs.

use bartizan_app::live::{Phase, StreamFormat, StreamState};
use bartizan_base::{Error, StreamProfile};

use crate::dto;

impl From<bartizan_app::Transport> for dto::Transport {
    fn from(transport: bartizan_app::Transport) -> Self {
        match transport {
            bartizan_app::Transport::Auto => Self::Auto,
            bartizan_app::Transport::Tcp => Self::Tcp,
            bartizan_app::Transport::Udp => Self::Udp,
        }
    }
}

impl From<StreamProfile> for dto::Profile {
    fn from(profile: StreamProfile) -> Self {
        match profile {
            StreamProfile::Main => Self::Main,
            StreamProfile::Sub => Self::Sub,
        }
    }
}

impl From<bartizan_app::ChannelRow> for dto::Channel {
    fn from(row: bartizan_app::ChannelRow) -> Self {
        let streams = row.streams.into_iter().map(|stream| dto::StreamInfo {
            profile: stream.profile.into(),
            path: stream.path,
            codec: stream.codec,
            width: stream.width,
            height: stream.height,
        });
        Self { number: row.number, name: row.name, streams: streams.collect() }
    }
}

impl From<&StreamState> for dto::TileState {
    fn from(state: &StreamState) -> Self {
        Self {
            phase: match state.phase {
                Phase::Idle => dto::Phase::Idle,
                Phase::Connecting => dto::Phase::Connecting,
                Phase::Buffering => dto::Phase::Buffering,
                Phase::Playing => dto::Phase::Playing,
                Phase::Stalled => dto::Phase::Stalled,
                Phase::Backoff => dto::Phase::Backoff,
                Phase::Closing => dto::Phase::Closing,
                Phase::Failed => dto::Phase::Failed,
            },
            code: state.error.as_ref().map(Error::code),
            detail: state.error.as_ref().map(|error| error.detail().to_owned()),
            retry_in_ms: state.retry_in.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            attempt: state.attempt,
        }
    }
}

impl dto::StreamConfig {
    pub(crate) fn new(format: &StreamFormat, delivery: dto::Delivery) -> Self {
        Self {
            codec: format.video.codec.clone(),
            delivery,
            width: format.video.width,
            height: format.video.height,
            frame_rate: format.frame_rate,
            reorder_frames: format.video.reorder_frames.unwrap_or(0),
            matrix: format.video.matrix,
            full_range: format.video.full_range,
            transport: format.transport.into(),
            profile: format.profile.into(),
        }
    }
}

impl From<bartizan_app::Settings> for dto::Settings {
    fn from(settings: bartizan_app::Settings) -> Self {
        Self {
            hard_decoding: settings.hard_decoding,
            theme: match settings.theme {
                bartizan_app::Theme::System => dto::Theme::System,
                bartizan_app::Theme::Light => dto::Theme::Light,
                bartizan_app::Theme::Dark => dto::Theme::Dark,
            },
            language: match settings.language {
                bartizan_app::Language::System => dto::Language::System,
                bartizan_app::Language::En => dto::Language::En,
                bartizan_app::Language::Zh => dto::Language::Zh,
            },
            layout: settings.layout,
            ptz_step: settings.ptz_step,
            wall_tools: settings.wall_tools,
        }
    }
}

impl From<dto::Theme> for bartizan_app::Theme {
    fn from(theme: dto::Theme) -> Self {
        match theme {
            dto::Theme::System => Self::System,
            dto::Theme::Light => Self::Light,
            dto::Theme::Dark => Self::Dark,
        }
    }
}

impl From<dto::Language> for bartizan_app::Language {
    fn from(language: dto::Language) -> Self {
        match language {
            dto::Language::System => Self::System,
            dto::Language::En => Self::En,
            dto::Language::Zh => Self::Zh,
        }
    }
}
