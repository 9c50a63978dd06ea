//! What crosses between the app's types and the DTOs.

use std::time::Duration;

use bartizan_app::live::{self, Phase, StreamFormat, StreamState};
use bartizan_base::{Error, StreamProfile, redact_login};

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

/// Between two pictures of a tile that shows stills: often enough to see who is there, rarely enough to cost nothing.
const STILLS_EVERY: Duration = Duration::from_secs(10);

impl From<dto::Pace> for live::Pace {
    fn from(pace: dto::Pace) -> Self {
        match pace {
            dto::Pace::Full => Self::Full,
            dto::Pace::Keys => Self::Keys,
            dto::Pace::Stills => Self::Stills { every: STILLS_EVERY },
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
            path: redact_login(&stream.path),
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
            recorded_us: format.recorded.map(|at| at.0),
        }
    }
}

impl From<dto::Delivery> for live::Delivery {
    fn from(delivery: dto::Delivery) -> Self {
        match delivery {
            dto::Delivery::Encoded => Self::Encoded,
            dto::Delivery::Pictures => Self::Pictures,
        }
    }
}

impl From<bartizan_app::Settings> for dto::Settings {
    fn from(settings: bartizan_app::Settings) -> Self {
        Self {
            hard_decoding: settings.hard_decoding,
            quality_mode: match settings.quality_mode {
                bartizan_app::QualityMode::RealTime => dto::QualityMode::RealTime,
                bartizan_app::QualityMode::Fluent => dto::QualityMode::Fluent,
                bartizan_app::QualityMode::Auto => dto::QualityMode::Auto,
            },
            fluent_delay_ms: settings.fluent_delay_ms,
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
            capture_count: settings.capture_count,
            push_duration_s: settings.push_duration_s,
            noise_reduction: settings.noise_reduction,
            default_page: match settings.default_page {
                bartizan_app::DefaultPage::Home => dto::DefaultPage::Home,
                bartizan_app::DefaultPage::Favourites => dto::DefaultPage::Favourites,
                bartizan_app::DefaultPage::Messages => dto::DefaultPage::Messages,
                bartizan_app::DefaultPage::Devices => dto::DefaultPage::Devices,
                bartizan_app::DefaultPage::Me => dto::DefaultPage::Me,
            },
            metered_policy: match settings.metered_policy {
                bartizan_app::MeteredPolicy::Ask => dto::MeteredPolicy::Ask,
                bartizan_app::MeteredPolicy::Allow => dto::MeteredPolicy::Allow,
                bartizan_app::MeteredPolicy::SubOnly => dto::MeteredPolicy::SubOnly,
                bartizan_app::MeteredPolicy::Stills => dto::MeteredPolicy::Stills,
                bartizan_app::MeteredPolicy::Never => dto::MeteredPolicy::Never,
            },
            metered_cap_mb: settings.metered_cap_mb,
            memory_play: settings.memory_play,
            country: settings.country,
        }
    }
}

impl dto::SettingsPatch {
    /// Writes what the patch has over the settings; their ranges are checked afterwards.
    pub(super) fn apply(self, settings: &mut bartizan_app::Settings) {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(&mut settings.hard_decoding, self.hard_decoding);
        put(&mut settings.quality_mode, self.quality_mode.map(Into::into));
        put(&mut settings.fluent_delay_ms, self.fluent_delay_ms);
        put(&mut settings.theme, self.theme.map(Into::into));
        put(&mut settings.language, self.language.map(Into::into));
        put(&mut settings.layout, self.layout);
        put(&mut settings.ptz_step, self.ptz_step);
        put(&mut settings.wall_tools, self.wall_tools);
        put(&mut settings.capture_count, self.capture_count);
        put(&mut settings.push_duration_s, self.push_duration_s);
        put(&mut settings.noise_reduction, self.noise_reduction);
        put(&mut settings.default_page, self.default_page.map(Into::into));
        put(&mut settings.metered_policy, self.metered_policy.map(Into::into));
        put(&mut settings.metered_cap_mb, self.metered_cap_mb);
        put(&mut settings.memory_play, self.memory_play);
        put(&mut settings.country, self.country);
    }
}

impl From<dto::QualityMode> for bartizan_app::QualityMode {
    fn from(mode: dto::QualityMode) -> Self {
        match mode {
            dto::QualityMode::RealTime => Self::RealTime,
            dto::QualityMode::Fluent => Self::Fluent,
            dto::QualityMode::Auto => Self::Auto,
        }
    }
}

impl From<dto::DefaultPage> for bartizan_app::DefaultPage {
    fn from(page: dto::DefaultPage) -> Self {
        match page {
            dto::DefaultPage::Home => Self::Home,
            dto::DefaultPage::Favourites => Self::Favourites,
            dto::DefaultPage::Messages => Self::Messages,
            dto::DefaultPage::Devices => Self::Devices,
            dto::DefaultPage::Me => Self::Me,
        }
    }
}

impl From<dto::MeteredPolicy> for bartizan_app::MeteredPolicy {
    fn from(policy: dto::MeteredPolicy) -> Self {
        match policy {
            dto::MeteredPolicy::Ask => Self::Ask,
            dto::MeteredPolicy::Allow => Self::Allow,
            dto::MeteredPolicy::SubOnly => Self::SubOnly,
            dto::MeteredPolicy::Stills => Self::Stills,
            dto::MeteredPolicy::Never => Self::Never,
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
