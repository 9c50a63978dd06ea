//! The commands, done by the app's services.

mod adding;
mod control;
mod convert;
mod files;
mod pictures;
mod scan;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bartizan_app::{
    App, DeviceRow, Draft, Held, SearchPlan, UNDO,
    device::{Preset, Velocity},
    existing_profile, live,
};
use bartizan_base::{ChannelId, Code, DeviceId, Error, OwnedTask, Result, Secret, StreamId, StreamProfile};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    commands::{Commands, error_dto},
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
    /// Where the system keeps pictures; `None` where the page saves them itself.
    pub pictures: Option<PathBuf>,
    /// Searches find devices on the loopback interface too: for simulated sites.
    pub search_loopback: bool,
}

/// The backend behind any shell.
pub struct Backend {
    app: Arc<App>,
    shell: ShellInfo,
    media: Arc<MediaSessions>,
    /// Closes abandoned media sessions. It starts with the first session, since shells make the backend before their
    /// runtime runs.
    sweeper: OnceLock<OwnedTask>,
    scanner: Arc<scan::FrameScanner>,
}

const MAX_TOOLS: usize = 32;
const MAX_TOOL_NAME: usize = 32;

fn is_tool_name(name: &str) -> bool {
    (1..=MAX_TOOL_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

impl Backend {
    /// Puts the app behind the command list.
    pub fn new(app: Arc<App>, shell: ShellInfo) -> Self {
        Self { app, shell, media: Arc::default(), sweeper: OnceLock::new(), scanner: Arc::default() }
    }

    /// The media sessions, for the shell's carriers.
    pub fn media(&self) -> &Arc<MediaSessions> {
        &self.media
    }

    /// The program ends: closes all stream sessions, waiting a bounded time.
    pub async fn shutdown(&self) {
        self.app.shutdown().await;
    }

    fn device(&self, row: DeviceRow) -> dto::Device {
        adding::device(row, self.app.devices.book())
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
        let devices = rows.into_iter().map(|row| self.device(row)).collect();
        Ok(dto::DeviceList { revision, devices })
    }

    async fn devices_probe(&self, draft: dto::DeviceDraft) -> Result<dto::ProbeReport> {
        Ok(self.app.devices.probe(&draft.try_into()?).await?.into())
    }

    async fn devices_add(&self, draft: dto::DeviceDraft) -> Result<dto::Device> {
        let (row, trouble) = self.app.devices.add_telling(&draft.try_into()?).await?;
        Ok(dto::Device { video_trouble: trouble.as_ref().map(error_dto), ..self.device(row) })
    }

    async fn devices_update(&self, update: dto::DeviceUpdate) -> Result<dto::Device> {
        let id = DeviceId::from_string(update.id);
        Ok(self.device(self.app.devices.update(&id, update.draft.try_into()?).await?))
    }

    async fn devices_delete(&self, device: dto::DeviceRef) -> Result<dto::Deleted> {
        self.app.devices.delete(&DeviceId::from_string(device.id)).await?;
        Ok(dto::Deleted { undo_ms: u64::try_from(UNDO.as_millis()).unwrap_or(0) })
    }

    async fn devices_restore(&self, device: dto::DeviceRef) -> Result<dto::Device> {
        Ok(self.device(self.app.devices.restore(&DeviceId::from_string(device.id)).await?))
    }

    async fn devices_recognise(&self, request: dto::DeviceDraft) -> Result<dto::RecogniseReport> {
        Ok(self.app.devices.recognise(&request.try_into()?).await?.into())
    }

    async fn devices_activate(&self, request: dto::ActivateDevice) -> Result<dto::Empty> {
        let dto::ActivateDevice { host, ports, password, mail } = request;
        let draft = Draft { host: Some(host), ports: ports.into(), ..Draft::default() };
        self.app.devices.activate(&draft, Secret::new(password), mail).await?;
        Ok(dto::Empty {})
    }

    async fn devices_details(&self, request: dto::DeviceRef) -> Result<dto::DeviceDetails> {
        let id = DeviceId::from_string(request.id);
        let details = self.app.devices.details(&id).await?;
        Ok(adding::details(details, self.app.devices.book()))
    }

    async fn devices_snapshot(&self, request: dto::ChannelRef) -> Result<dto::SnapshotDto> {
        let channel = control::channel(request.device, request.channel);
        let jpeg = self.app.control.snapshot(&channel).await?;
        Ok(dto::SnapshotDto { jpeg: BASE64.encode(&jpeg) })
    }

    async fn search_start(&self, request: dto::SearchRequest) -> Result<dto::SearchState> {
        let duration = Duration::from_secs(u64::from(request.seconds.unwrap_or(6).clamp(1, 60)));
        // Apple grants multicast to few apps; asking each neighbour needs no grant.
        let every_address = request.every_address.unwrap_or(cfg!(target_os = "ios"));
        let plan = SearchPlan { duration, every_address, loopback: self.shell.search_loopback };
        Ok(self.app.search.start(&plan).into())
    }

    async fn search_next(&self, request: dto::SearchRef) -> Result<dto::SearchState> {
        Ok(self.app.search.next(&request.search, request.revision).await?.into())
    }

    async fn search_stop(&self, request: dto::SearchRef) -> Result<dto::Empty> {
        self.app.search.stop(&request.search);
        Ok(dto::Empty {})
    }

    async fn qr_text(&self, request: dto::QrText) -> Result<dto::QrCode> {
        Ok(scan::text(&request.text))
    }

    async fn qr_frame(&self, request: dto::QrFrame) -> Result<dto::QrCodes> {
        scan::frame(&self.scanner, request).await
    }

    async fn qr_picture(&self, request: dto::QrPicture) -> Result<dto::QrCodes> {
        scan::picture(request).await
    }

    async fn card_create(&self, request: dto::CardRequest) -> Result<dto::CardPictures> {
        scan::create(&self.app.devices, request).await
    }

    async fn card_read(&self, request: dto::CardTexts) -> Result<dto::CardState> {
        scan::read(&self.app.devices, request).await
    }

    async fn card_add(&self, request: dto::CardTexts) -> Result<dto::CardAdded> {
        scan::add(&self.app.devices, request).await
    }

    async fn pictures_save(&self, request: dto::SavePicture) -> Result<dto::SavedPicture> {
        pictures::save(self.shell.pictures.as_deref(), &request.file_name, &request.data).await
    }

    async fn control_capabilities(&self, request: dto::ChannelRef) -> Result<dto::Capabilities> {
        let channel = control::channel(request.device, request.channel);
        control::capabilities(&self.app.control, &channel).await
    }

    async fn control_hold(&self, request: dto::HoldMove) -> Result<dto::Empty> {
        let channel = control::channel(request.device, request.channel);
        let dto::HoldMove { pan, tilt, zoom, focus, iris, .. } = request;
        let held = Held { velocity: Velocity { pan, tilt, zoom }, focus, iris };
        let step = self.app.settings().await?.ptz_step;
        self.app.control.hold(&channel, held.at_step(step))?;
        Ok(dto::Empty {})
    }

    async fn control_stop(&self, request: dto::ChannelRef) -> Result<dto::Empty> {
        let channel = control::channel(request.device, request.channel);
        self.app.control.stop(&channel).await?;
        Ok(dto::Empty {})
    }

    async fn control_act(&self, request: dto::Act) -> Result<dto::Empty> {
        let channel = control::channel(request.device, request.channel);
        control::act(&self.app.control, &channel, request.act).await?;
        Ok(dto::Empty {})
    }

    async fn control_presets(&self, request: dto::ChannelRef) -> Result<dto::Presets> {
        let channel = control::channel(request.device, request.channel);
        let presets = self.app.control.presets(&channel).await?;
        let preset = |preset: Preset| dto::Preset { token: preset.token, name: preset.name };
        Ok(dto::Presets { presets: presets.into_iter().map(preset).collect() })
    }

    async fn control_imaging(&self, request: dto::ChannelRef) -> Result<dto::Imaging> {
        let channel = control::channel(request.device, request.channel);
        Ok(self.app.control.imaging(&channel).await?.into())
    }

    async fn control_set_imaging(&self, request: dto::SetImaging) -> Result<dto::Imaging> {
        let channel = control::channel(request.device, request.channel);
        Ok(self.app.control.set_imaging(&channel, request.change.into()).await?.into())
    }

    async fn control_reset_imaging(&self, request: dto::ChannelRef) -> Result<dto::Imaging> {
        let channel = control::channel(request.device, request.channel);
        Ok(self.app.control.reset_imaging(&channel).await?.into())
    }

    async fn control_switches(&self, request: dto::ChannelRef) -> Result<dto::Switches> {
        let channel = control::channel(request.device, request.channel);
        control::switches(&self.app.control, &channel).await
    }

    async fn control_switch(&self, request: dto::SwitchRequest) -> Result<dto::Switches> {
        let channel = control::channel(request.device, request.channel);
        control::switch(&self.app.control, &channel, request.what).await
    }

    async fn record_start(&self, request: dto::RecordStart) -> Result<dto::Recording> {
        files::start(&self.app, request)
    }

    async fn record_stop(&self, request: dto::ChannelRef) -> Result<dto::Recording> {
        files::stop(&self.app, &control::channel(request.device, request.channel)).await
    }

    async fn record_list(&self, _: dto::Empty) -> Result<dto::Recordings> {
        Ok(files::list_recordings(&self.app))
    }

    async fn snapshot_take(&self, request: dto::TakeSnapshot) -> Result<dto::TakenFiles> {
        files::snapshot(&self.app, request).await
    }

    async fn files_list(&self, _: dto::Empty) -> Result<dto::FileList> {
        files::list(&self.app).await
    }

    async fn files_thumbnail(&self, request: dto::FileRef) -> Result<dto::SnapshotDto> {
        files::thumbnail(&self.app, &request.id).await
    }

    async fn files_read(&self, request: dto::FileRead) -> Result<dto::FileBytes> {
        files::read(&self.app, request).await
    }

    async fn files_export(&self, request: dto::FileExport) -> Result<dto::SavedPicture> {
        files::export(&self.app, self.shell.pictures.as_deref(), request).await
    }

    async fn files_delete(&self, request: dto::FileRefs) -> Result<dto::Deleted> {
        files::delete(&self.app, request).await
    }

    async fn files_restore(&self, request: dto::FileRefs) -> Result<dto::Empty> {
        files::restore(&self.app, request).await
    }

    async fn settings_get(&self, _: dto::Empty) -> Result<dto::Settings> {
        Ok(self.app.settings().await?.into())
    }

    async fn settings_set(&self, patch: dto::SettingsPatch) -> Result<dto::Settings> {
        if let Some(layout) = patch.layout
            && !bartizan_app::LAYOUTS.contains(&layout)
        {
            return Err(Error::new(Code::InvalidInput, format!("no layout has {layout} windows")));
        }
        if let Some(step) = patch.ptz_step
            && !(1..=8).contains(&step)
        {
            return Err(Error::new(Code::InvalidInput, format!("PTZ step {step} is outside 1-8")));
        }
        if let Some(tools) = &patch.wall_tools
            && (tools.len() > MAX_TOOLS || !tools.iter().all(|name| is_tool_name(name)))
        {
            return Err(Error::new(Code::InvalidInput, "the tools of the wall are few, and short words"));
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
                if let Some(step) = patch.ptz_step {
                    settings.ptz_step = step;
                }
                if let Some(tools) = patch.wall_tools {
                    settings.wall_tools = tools;
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
            dto::Hint::NetworkChanged => self.app.network_changed(),
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
