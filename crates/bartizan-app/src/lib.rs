//! The services behind the page: devices, live view, settings. The only crate that sees both the store and the
//! protocol adapters.
#![warn(missing_docs)]

mod adding;
mod cards;
mod control;
mod details;
mod devices;
mod draft;
mod drivers;
#[cfg(test)]
mod fake;
mod files;
mod gate;
pub mod live;
mod probe;
mod recording;
mod routes;
mod search;
mod settings;
mod snapshot;

use std::{path::Path, sync::Arc};

use bartizan_base::{Clock, OwnedTask, Result, random_token};
pub use bartizan_device as device;
pub use bartizan_device::Transport;
use bartizan_device::{Family, StreamOpener};
pub use bartizan_qr as qr;
pub use bartizan_store::{ChannelRow, DeviceFacts, DeviceRow, KeyStorage, RouteRow, Store, StreamRow, Vault};
use tokio::sync::Mutex;

use self::live::{Live, SourceBook};
pub use self::{
    adding::{Families, Found},
    cards::CardOutcome,
    control::{Control, HOLD, Held},
    details::Details,
    devices::{
        DeviceBook, Devices, UNDO, added_by_from, class_from, existing_profile, transport_from,
        transport_word,
    },
    draft::{AddedBy, Draft, PortsDraft, is_local},
    drivers::Drivers,
    files::{FILES_UNDO, FileEntry, FileKind, Files, LARGEST_READ},
    gate::{Account, LoginGate, Pass},
    recording::{DISK_RESERVE, FreeSpace, Recorder, RecordingState, free_space},
    routes::RouteChooser,
    search::{FoundDevice, Search, SearchPlan, SearchView},
    settings::{LAYOUTS, Language, Settings, Theme},
    snapshot::{MOST_PICTURES, Snapshots},
};

/// Everything an app run holds.
pub struct App {
    /// Devices.
    pub devices: Devices,
    /// Live view.
    pub live: Arc<Live>,
    /// PTZ, picture settings, switches.
    pub control: Arc<Control>,
    /// Searching the network.
    pub search: Search,
    /// Recordings and snapshots.
    pub files: Arc<Files>,
    /// Recording live streams.
    pub recorder: Recorder,
    /// Taking snapshots.
    pub snapshots: Snapshots,
    /// Nothing is stored.
    pub ephemeral: bool,
    store: Store,
    key_storage: KeyStorage,
    /// Serialises read-change-write of the settings.
    settings: Mutex<()>,
    /// Finishes what an earlier run left torn.
    _finishing: OwnedTask,
}

impl App {
    /// Opens or creates the database in `folder`.
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|e| {
            bartizan_base::Error::new(
                bartizan_base::Code::Storage,
                format!("cannot create the data folder: {e}"),
            )
        })?;
        let vault = Vault::from_keychain_or_file(folder)?;
        let key_storage = vault.storage();
        let store = Store::open(&folder.join("bartizan.sqlite"), vault)?;
        Self::assemble(store, key_storage, Files::new(folder.join("media"), false), clock).await
    }

    /// An app that stores nothing, watching `sources` (RTSP URLs). A source that cannot be reached is kept: the wall
    /// shows why.
    pub async fn ephemeral(sources: &[String], clock: Arc<dyn Clock>) -> Result<Self> {
        let vault = Vault::in_memory();
        let key_storage = vault.storage();
        let app = Self::assemble(Store::in_memory(vault)?, key_storage, passing_files(), clock).await?;
        let drafts: Vec<Draft> =
            sources.iter().map(|url| Draft { url: Some(url.clone()), ..Draft::default() }).collect();
        let probed = futures::future::join_all(drafts.iter().map(|draft| app.devices.probe(draft))).await;
        for (draft, probed) in drafts.iter().zip(probed) {
            match probed {
                Ok(found) => app.devices.add_found(draft, found).await?,
                Err(error) => {
                    tracing::warn!(%error, "a source does not answer");
                    app.devices.add_unprobed(draft).await?
                }
            };
        }
        Ok(app)
    }

    async fn assemble(
        store: Store,
        key_storage: KeyStorage,
        files: Arc<Files>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let opener: Arc<dyn StreamOpener> = Arc::new(bartizan_rtsp::RtspOpener::new());
        Self::with_parts(store, key_storage, files, clock, opener, families()).await
    }

    /// The app over given adapters.
    pub(crate) async fn with_parts(
        store: Store,
        key_storage: KeyStorage,
        files: Arc<Files>,
        clock: Arc<dyn Clock>,
        opener: Arc<dyn StreamOpener>,
        families: Vec<Arc<dyn Family>>,
    ) -> Result<Self> {
        let book = Arc::new(DeviceBook::load(store.clone(), clock.now()).await?);
        let gate = Arc::new(LoginGate::default());
        let families = Arc::new(Families::new(families));
        let live = Arc::new(Live::new(opener, book.clone() as Arc<dyn SourceBook>, gate.clone()));
        let drivers = Arc::new(Drivers::new(families.clone(), book.clone(), gate.clone()));
        let control = Arc::new(Control::new(drivers));
        let search = Search::new(families.clone(), book.clone());
        let recorder = Recorder::new(live.clone(), files.clone(), Arc::new(free_space));
        let snapshots = Snapshots::new(live.clone(), control.clone(), files.clone(), clock.clone());
        let devices = Devices::new(book, families, live.clone(), gate, control.clone(), clock);
        let finishing = {
            let files = files.clone();
            OwnedTask::spawn(async move { files.recover().await })
        };
        Ok(Self {
            devices,
            live,
            control,
            search,
            ephemeral: files.is_temporary(),
            files,
            recorder,
            snapshots,
            store,
            key_storage,
            settings: Mutex::new(()),
            _finishing: finishing,
        })
    }

    /// Where the key of the device passwords lies.
    pub fn key_storage(&self) -> KeyStorage {
        self.key_storage
    }

    /// The network changed: streams and controls choose their ways anew.
    pub fn network_changed(&self) {
        self.devices.book().routes().forget();
        self.control.drivers().forget_all();
        self.live.network_changed();
    }

    /// The program ends: stops what moves and closes all streams, within a bounded time.
    pub async fn shutdown(&self) {
        // Recordings first: they end with whole files while their streams still stand.
        futures::join!(self.control.shutdown(), self.recorder.shutdown());
        self.live.shutdown().await;
        self.files.close();
    }

    /// The settings.
    pub async fn settings(&self) -> Result<Settings> {
        Settings::load(&self.store).await
    }

    /// Changes the settings and gives them all.
    pub async fn change_settings(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings> {
        let _alone = self.settings.lock().await;
        let mut settings = Settings::load(&self.store).await?;
        change(&mut settings);
        settings.save(&self.store).await?;
        Ok(settings)
    }
}

/// All families, the most telling first: many devices speak ONVIF beside their own language.
fn families() -> Vec<Arc<dyn Family>> {
    vec![
        Arc::new(bartizan_isapi::Isapi::default()),
        Arc::new(bartizan_dahua::Dahua::default()),
        Arc::new(bartizan_onvif::Onvif::default()),
    ]
}

/// A folder of files that goes with the program.
fn passing_files() -> Arc<Files> {
    Files::new(std::env::temp_dir().join(format!("bartizan-{}", random_token())), true)
}
