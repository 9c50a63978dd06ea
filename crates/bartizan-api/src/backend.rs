//! The commands, done by the app's services.

use std::sync::{Arc, OnceLock};

use bartizan_app::{
    App, DeviceRow, Draft, Found, UNDO, existing_profile,
    live::{self, Phase, StreamFormat, StreamState},
    transport_from,
};
use bartizan_base::{ChannelId, Code, DeviceId, Error, OwnedTask, Result, Secret, StreamId, StreamProfile};

use crate::{
    commands::Commands,
    dto,
    media::carrier::{self, MediaSessions},
};

/// What differs between shells.
#[derive(Clone, Debug)]
pub struct ShellInfo {
    /// Which.
    pub shell: dto::Shell,
    /// Loopback WebSocket carrier, where there is one.
    pub ws_url: Option<String>,
    /// Long-poll carrier.
    pub poll_url: String,
}

/// The backend behind any shell.
pub struct Backend {
    app: Arc<App>,
    shell: ShellInfo,
    media: Arc<MediaSessions>,
    /// Closes abandoned media sessions. It starts with the first session, since shells make the backend before their
    /// runtime runs.
    sweeper: OnceLock<OwnedTask>,
}

impl Backend {
    /// Puts the app behind the command list.
    pub fn new(app: Arc<App>, shell: ShellInfo) -> Self {
        Self { app, shell, media: Arc::default(), sweeper: OnceLock::new() }
    }

    /// The media sessions, for the shell's carriers.
    pub fn media(&self) -> &Arc<MediaSessions> {
        &self.media
    }

    /// The program ends: closes all stream sessions, waiting a bounded time.
    pub async fn shutdown(&self) {
        self.app.live.shutdown().await;
    }

    fn session(&self, id: &str) -> Result<Arc<crate::media::MediaSession>> {
        self.media.get(id).ok_or_else(|| Error::new(Code::NotFound, "no such media session"))
    }
}

impl Commands for Backend {
    async fn app_info(&self, _: dto::Empty) -> Result<dto::AppInfo> {
        Ok(dto::AppInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            shell: self.shell.shell,
            os: std::env::consts::OS.to_owned(),
            ephemeral: self.app.ephemeral,
            key_storage: match self.app.key_storage() {
                bartizan_app::KeyStorage::Keychain => dto::KeyStorage::Keychain,
                bartizan_app::KeyStorage::KeyFile => dto::KeyStorage::KeyFile,
                bartizan_app::KeyStorage::Memory => dto::KeyStorage::Memory,
            },
        })
    }

    async fn devices_list(&self, _: dto::Empty) -> Result<dto::DeviceList> {
        let (revision, rows) = self.app.devices.book().list();
        Ok(dto::DeviceList { revision, devices: rows.into_iter().map(dto::Device::from).collect() })
    }

    async fn devices_probe(&self, draft: dto::DeviceDraft) -> Result<dto::ProbeReport> {
        Ok(self.app.devices.probe(&draft.into()).await?.into())
    }

    async fn devices_add(&self, draft: dto::DeviceDraft) -> Result<dto::Device> {
        Ok(self.app.devices.add(&draft.into()).await?.into())
    }

    async fn devices_update(&self, update: dto::DeviceUpdate) -> Result<dto::Device> {
        let id = DeviceId::from_string(update.id);
        Ok(self.app.devices.update(&id, update.draft.into()).await?.into())
    }

    async fn devices_delete(&self, device: dto::DeviceRef) -> Result<dto::Deleted> {
        self.app.devices.delete(&DeviceId::from_string(device.id)).await?;
        Ok(dto::Deleted { undo_ms: u64::try_from(UNDO.as_millis()).unwrap_or(0) })
    }

    async fn devices_restore(&self, device: dto::DeviceRef) -> Result<dto::Device> {
        Ok(self.app.devices.restore(&DeviceId::from_string(device.id)).await?.into())
    }

    async fn settings_get(&self, _: dto::Empty) -> Result<dto::Settings> {
        Ok(self.app.settings().await?.into())
    }

    async fn settings_set(&self, patch: dto::SettingsPatch) -> Result<dto::Settings> {
        if let Some(layout) = patch.layout
            && !matches!(layout, 1 | 4 | 9 | 16)
        {
            return Err(Error::new(Code::InvalidInput, format!("layout {layout} is not 1, 4, 9 or 16")));
        }
        let changed = self
            .app
            .change_settings(|settings| {
                if let Some(on) = patch.hard_decoding {
                    settings.hard_decoding = on;
                }
                if let Some(theme) = patch.theme {
                    settings.theme = theme.into();
                }
                if let Some(language) = patch.language {
                    settings.language = language.into();
                }
                if let Some(layout) = patch.layout {
                    settings.layout = layout;
                }
            })
            .await?;
        Ok(changed.into())
    }

    async fn live_connect(&self, _: dto::Empty) -> Result<dto::MediaEndpoint> {
        self.sweeper.get_or_init(|| OwnedTask::spawn(carrier::keep_swept(self.media.clone())));
        let session = self.media.create();
        Ok(dto::MediaEndpoint {
            session: session.id().to_owned(),
            ws_url: self.shell.ws_url.clone(),
            poll_url: self.shell.poll_url.clone(),
        })
    }

    async fn live_disconnect(&self, session: dto::MediaSessionRef) -> Result<dto::Empty> {
        self.media.remove(&session.session);
        Ok(dto::Empty {})
    }

    async fn live_open(&self, open: dto::OpenTile) -> Result<dto::Empty> {
        let session = self.session(&open.session)?;
        let device = DeviceId::from_string(open.device);
        let row = self.app.devices.book().get(&device)?;
        let wanted = match open.profile {
            dto::Profile::Main => StreamProfile::Main,
            dto::Profile::Sub => StreamProfile::Sub,
        };
        let profile = existing_profile(&row, open.channel, wanted);
        let stream = StreamId { channel: ChannelId { device, number: open.channel }, profile };
        let delivery = match open.delivery {
            dto::Delivery::Encoded => live::Delivery::Encoded,
            dto::Delivery::Pictures => live::Delivery::Pictures,
        };
        session.open(open.tile, open.delivery, |viewer| self.app.live.attach(stream, delivery, viewer))?;
        Ok(dto::Empty {})
    }

    async fn live_close(&self, tile: dto::TileRef) -> Result<dto::Empty> {
        self.session(&tile.session)?.close(tile.tile);
        Ok(dto::Empty {})
    }

    async fn live_retry(&self, tile: dto::TileRef) -> Result<dto::Empty> {
        if !self.session(&tile.session)?.retry(tile.tile) {
            return Err(Error::new(Code::NotFound, "no such tile"));
        }
        Ok(dto::Empty {})
    }

    async fn live_hint(&self, hint: dto::HintDto) -> Result<dto::Empty> {
        match hint.hint {
            dto::Hint::NetworkChanged => self.app.live.network_changed(),
        }
        Ok(dto::Empty {})
    }

    async fn live_stats(&self, _: dto::Empty) -> Result<dto::LiveStats> {
        let streams = self.app.live.counters().into_iter().map(|counters| dto::StreamStats {
            device: counters.stream.channel.device.to_string(),
            channel: counters.stream.channel.number,
            profile: counters.stream.profile.into(),
            viewers: u32::try_from(counters.viewers).unwrap_or(u32::MAX),
            access_units: counters.access_units,
            bytes: counters.bytes,
            reconnects: u32::try_from(counters.reconnects).unwrap_or(u32::MAX),
        });
        Ok(dto::LiveStats { streams: streams.collect(), dropped: self.media.dropped() })
    }
}

impl From<dto::DeviceDraft> for Draft {
    fn from(draft: dto::DeviceDraft) -> Self {
        Self {
            url: draft.url,
            host: draft.host,
            port: draft.port,
            user: draft.user,
            password: draft.password.map(Secret::new),
            name: draft.name,
            transport: draft.transport.map(|transport| match transport {
                dto::Transport::Auto => bartizan_app::Transport::Auto,
                dto::Transport::Tcp => bartizan_app::Transport::Tcp,
                dto::Transport::Udp => bartizan_app::Transport::Udp,
            }),
        }
    }
}

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

impl From<DeviceRow> for dto::Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            host: row.host,
            port: row.port,
            user: row.user,
            has_password: row.password.is_some_and(|password| !password.is_empty()),
            transport: transport_from(&row.transport).into(),
            channels: row.channels.into_iter().map(dto::Channel::from).collect(),
            added_at_ms: row.added_at.millis(),
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

impl From<Found> for dto::ProbeReport {
    fn from(found: Found) -> Self {
        Self {
            host: found.address.host,
            port: found.address.port,
            server: found.server,
            channels: found.channels.into_iter().map(dto::Channel::from).collect(),
        }
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
