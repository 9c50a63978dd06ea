//! The commands, done by the app's services.

mod adding;
mod control;
mod convert;
mod diagnostics;
mod favourites;
mod files;
mod pictures;
mod playback;
mod protection;
mod replay;
mod scan;
mod streams;
mod talk;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bartizan_app::{
    App, DeviceRow, Draft, Held, SearchPlan, UNDO,
    device::{Preset, Velocity},
    existing_profile,
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

impl Backend {
    /// Puts the app behind the command list.
    pub fn new(app: Arc<App>, shell: ShellInfo) -> Self {
        let media = Arc::<MediaSessions>::default();
        let sessions = media.clone();
        let talk = app.talk.clone();
        app.protection.on_lock(move || {
            sessions.end_all();
            talk.end_all();
        });
        Self { app, shell, media, sweeper: OnceLock::new(), scanner: Arc::default() }
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

    async fn protection(&self) -> dto::ProtectionState {
        protection::state(&self.app.protection).await
    }

    fn session(&self, id: &str) -> Result<Arc<crate::media::MediaSession>> {
        self.media.get(id).ok_or_else(|| Error::new(Code::NotFound, "no such media session"))
    }
}

impl Commands for Backend {
    fn failed(&self, name: &'static str, error: &Error) {
        self.app.journal.command_failed(name, error);
    }

    fn is_locked(&self) -> bool {
        self.app.protection.is_locked()
    }

    async fn app_info(&self, _: dto::Empty) -> Result<dto::AppInfo> {
        Ok(dto::AppInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            shell: self.shell.shell,
            os: std::env::consts::OS.to_owned(),
            ephemeral: self.app.ephemeral,
            key_storage: match self.app.key_storage() {
                bartizan_app::KeyStorage::Keychain => dto::KeyStorage::Keychain,
                bartizan_app::KeyStorage::KeyFile => dto::KeyStorage::KeyFile,
                bartizan_app::KeyStorage::Wrapped => dto::KeyStorage::Wrapped,
                bartizan_app::KeyStorage::Memory => dto::KeyStorage::Memory,
            },
        })
    }

    async fn protection_state(&self, _: dto::Empty) -> Result<dto::ProtectionState> {
        Ok(self.protection().await)
    }

    async fn protection_unlock(&self, request: dto::ProtectionSecret) -> Result<dto::ProtectionState> {
        self.app.protection.unlock(&Secret::new(request.secret)).await?;
        Ok(self.protection().await)
    }

    async fn protection_unlock_by_biometrics(
        &self,
        request: dto::ProtectionPrompt,
    ) -> Result<dto::ProtectionState> {
        protection::unlock_by_biometrics(&self.app.protection, request).await?;
        Ok(self.protection().await)
    }

    async fn protection_lock(&self, _: dto::Empty) -> Result<dto::ProtectionState> {
        self.app.protection.lock();
        Ok(self.protection().await)
    }

    async fn protection_away(&self, _: dto::Empty) -> Result<dto::ProtectionState> {
        self.app.protection.away();
        Ok(self.protection().await)
    }

    async fn protection_back(&self, request: dto::ProtectionBack) -> Result<dto::ProtectionState> {
        self.app.protection.back(request.starting.unwrap_or(false));
        Ok(self.protection().await)
    }

    async fn protection_set_up(&self, request: dto::ProtectionSetUp) -> Result<dto::ProtectionState> {
        protection::set_up(&self.app.protection, request).await?;
        Ok(self.protection().await)
    }

    async fn protection_change(&self, request: dto::ProtectionChange) -> Result<dto::ProtectionState> {
        protection::change(&self.app.protection, request).await?;
        Ok(self.protection().await)
    }

    async fn protection_turn_off(&self, request: dto::ProtectionSecret) -> Result<dto::ProtectionState> {
        self.app.protection.turn_off(&Secret::new(request.secret)).await?;
        Ok(self.protection().await)
    }

    async fn protection_let_biometrics(
        &self,
        request: dto::ProtectionSecret,
    ) -> Result<dto::ProtectionState> {
        self.app.protection.let_biometrics(&Secret::new(request.secret)).await?;
        Ok(self.protection().await)
    }

    async fn protection_forget_biometrics(&self, _: dto::Empty) -> Result<dto::ProtectionState> {
        self.app.protection.forget_biometrics().await?;
        Ok(self.protection().await)
    }

    async fn protection_ask_after(&self, request: dto::ProtectionAskAfter) -> Result<dto::ProtectionState> {
        self.app.protection.set_ask_after(request.seconds).await?;
        Ok(self.protection().await)
    }

    async fn protection_forget(&self, request: dto::ProtectionForget) -> Result<dto::ProtectionState> {
        protection::forget(&self.app.protection, request).await?;
        Ok(self.protection().await)
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
        favourites::count(&self.app.traffic, &channel.device, jpeg.len());
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

    async fn snapshot_keep(&self, request: dto::KeepSnapshot) -> Result<dto::MediaFile> {
        files::keep_snapshot(&self.app, request).await
    }

    async fn files_list(&self, _: dto::Empty) -> Result<dto::FileList> {
        files::list(&self.app).await
    }

    async fn files_thumbnail(&self, request: dto::FileRef) -> Result<dto::SnapshotDto> {
        files::thumbnail(&self.app, &request.id).await
    }

    async fn files_keep_thumbnail(&self, request: dto::KeepThumbnail) -> Result<dto::Empty> {
        files::keep_thumbnail(&self.app, request).await
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

    async fn play_open(&self, request: dto::FileRef) -> Result<dto::MovieInfo> {
        playback::open(&self.app, &request.id).await
    }

    async fn play_read(&self, request: dto::PlayRead) -> Result<dto::PlayStart> {
        let session = self.session(&request.session)?;
        playback::read(&self.app, &session, request).await
    }

    async fn play_sound(&self, request: dto::PlaySound) -> Result<dto::MovieSound> {
        playback::sound(&self.app, request).await
    }

    async fn play_snapshot(&self, request: dto::PlaySnapshot) -> Result<dto::MediaFile> {
        playback::snapshot(&self.app, request).await
    }

    async fn settings_get(&self, _: dto::Empty) -> Result<dto::Settings> {
        Ok(self.app.settings().await?.into())
    }

    async fn settings_set(&self, patch: dto::SettingsPatch) -> Result<dto::Settings> {
        Ok(self.app.change_settings(|settings| patch.apply(settings)).await?.into())
    }

    async fn streams_choices(&self, _: dto::Empty) -> Result<dto::ChosenStreams> {
        streams::choices(&self.app.encoders).await
    }

    async fn streams_choose(&self, request: dto::ChosenStream) -> Result<dto::Empty> {
        streams::choose(&self.app.encoders, request).await
    }

    async fn streams_encoders(&self, request: dto::ChannelRef) -> Result<dto::EncoderStreams> {
        streams::read(&self.app.encoders, request).await
    }

    async fn streams_set_encoder(&self, request: dto::SetEncoder) -> Result<dto::AppliedEncoder> {
        streams::set(&self.app.encoders, request).await
    }

    async fn replay_open(&self, request: dto::OpenReplay) -> Result<dto::Empty> {
        replay::open(&self.app, &*self.session(&request.session)?, request)
    }

    async fn replay_snapshot(&self, request: dto::TakeRecorded) -> Result<dto::TakenFiles> {
        replay::snapshot(&self.app, &*self.session(&request.session)?, request).await
    }

    async fn talk_start(&self, request: dto::ChannelRef) -> Result<dto::TalkState> {
        talk::start(&self.app.talk, &control::channel(request.device, request.channel)).await
    }

    async fn talk_send(&self, request: dto::TalkSound) -> Result<dto::Empty> {
        talk::send(&self.app.talk, &request)
    }

    async fn talk_stop(&self, request: dto::TalkRef) -> Result<dto::Empty> {
        self.app.talk.stop(&request.talk).await;
        Ok(dto::Empty {})
    }

    async fn favourites_list(&self, _: dto::Empty) -> Result<dto::FavouriteList> {
        favourites::list(&self.app.favourites).await
    }

    async fn favourites_create(&self, request: dto::NewFavourite) -> Result<dto::Favourite> {
        favourites::create(&self.app.favourites, request).await
    }

    async fn favourites_update(&self, request: dto::FavouriteChange) -> Result<dto::FavouriteList> {
        favourites::update(&self.app.favourites, request).await
    }

    async fn favourites_add(&self, request: dto::FavouriteChannels) -> Result<dto::FavouriteList> {
        favourites::add(&self.app.favourites, request).await
    }

    async fn favourites_remove(&self, request: dto::FavouriteChannels) -> Result<dto::FavouriteList> {
        favourites::remove(&self.app.favourites, request).await
    }

    async fn favourites_order(&self, request: dto::FavouriteOrder) -> Result<dto::FavouriteList> {
        self.app.favourites.order(request.ids).await?;
        favourites::list(&self.app.favourites).await
    }

    async fn favourites_delete(&self, request: dto::FavouriteRef) -> Result<dto::Deleted> {
        self.app.favourites.delete(&request.id).await?;
        Ok(dto::Deleted { undo_ms: u64::try_from(UNDO.as_millis()).unwrap_or(0) })
    }

    async fn favourites_restore(&self, request: dto::FavouriteRef) -> Result<dto::FavouriteList> {
        self.app.favourites.restore(&request.id).await?;
        favourites::list(&self.app.favourites).await
    }

    async fn pictures_keep(&self, request: dto::KeepPicture) -> Result<dto::Empty> {
        favourites::keep(&self.app.favourites, request).await
    }

    async fn pictures_last(&self, request: dto::LastPicturesRequest) -> Result<dto::LastPictures> {
        favourites::last(&self.app.favourites, request).await
    }

    async fn looks_list(&self, _: dto::Empty) -> Result<dto::Looks> {
        let look = |row: bartizan_app::LookRow| dto::ChannelLook {
            device: row.channel.device.to_string(),
            channel: row.channel.number,
            look: Some(row.look),
        };
        Ok(dto::Looks { looks: self.app.looks().await?.into_iter().map(look).collect() })
    }

    async fn looks_set(&self, request: dto::ChannelLook) -> Result<dto::Empty> {
        let channel = ChannelId { device: DeviceId::from_string(request.device), number: request.channel };
        self.app.set_look(channel, request.look).await?;
        Ok(dto::Empty {})
    }

    async fn memory_get(&self, _: dto::Empty) -> Result<dto::WallMemoryReply> {
        Ok(dto::WallMemoryReply { memory: self.app.wall_memory().await?.map(Into::into) })
    }

    async fn memory_set(&self, request: dto::WallMemory) -> Result<dto::Empty> {
        self.app.remember_wall(&request.into()).await?;
        Ok(dto::Empty {})
    }

    async fn traffic_get(&self, request: dto::TrafficRequest) -> Result<dto::TrafficReport> {
        Ok(self.app.traffic.report(request.month).await?.into())
    }

    async fn traffic_network(&self, request: dto::Network) -> Result<dto::Empty> {
        self.app.traffic.set_metered(request.metered).await?;
        Ok(dto::Empty {})
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
        let delivery = open.delivery.into();
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

    async fn live_pace(&self, request: dto::SetPace) -> Result<dto::Empty> {
        if !self.session(&request.session)?.set_pace(request.tile, request.pace.into()) {
            return Err(Error::new(Code::NotFound, "no such tile"));
        }
        Ok(dto::Empty {})
    }

    async fn live_refresh(&self, tile: dto::TileRef) -> Result<dto::Empty> {
        if !self.session(&tile.session)?.refresh(tile.tile) {
            return Err(Error::new(Code::NotFound, "no such tile"));
        }
        Ok(dto::Empty {})
    }

    async fn live_presence(&self, presence: dto::Presence) -> Result<dto::Empty> {
        if let Some(session) = self.media.get(&presence.session) {
            session.set_present(presence.present, presence.turn);
        }
        Ok(dto::Empty {})
    }

    async fn live_listen(&self, listen: dto::ListenTile) -> Result<dto::Empty> {
        if !self.session(&listen.session)?.listen(listen.tile, listen.formats) {
            return Err(Error::new(Code::NotFound, "no such tile"));
        }
        Ok(dto::Empty {})
    }

    async fn live_mute(&self, tile: dto::TileRef) -> Result<dto::Empty> {
        self.session(&tile.session)?.mute(tile.tile);
        Ok(dto::Empty {})
    }

    async fn live_hint(&self, hint: dto::HintDto) -> Result<dto::Empty> {
        match hint.hint {
            dto::Hint::NetworkChanged => self.app.network_changed(),
        }
        Ok(dto::Empty {})
    }

    async fn diagnostics_make(&self, request: dto::DiagnosticsRequest) -> Result<dto::Diagnostics> {
        diagnostics::make(&self.app, self.shell.shell, request).await
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
            sound: counters.sound,
        });
        Ok(dto::LiveStats { streams: streams.collect(), dropped: self.media.dropped() })
    }
}
