//! The services behind the page: devices, live view, settings. The only crate that sees both the store and the
//! protocol adapters.
#![warn(missing_docs)]

mod adding;
mod cards;
mod control;
mod details;
mod devices;
pub mod diagnostics;
mod draft;
mod drivers;
mod encoders;
#[cfg(test)]
mod fake;
mod favourites;
mod files;
mod gate;
mod life;
pub mod live;
mod looks;
mod playback;
mod probe;
mod protection;
mod recording;
mod replay;
mod routes;
mod search;
mod settings;
mod snapshot;
mod talk;
mod traffic;

use std::{path::Path, sync::Arc};

use bartizan_base::{Clock, OwnedTask, Result, random_token};
pub use bartizan_device as device;
pub use bartizan_device::Transport;
use bartizan_device::{Family, StreamOpener};
use bartizan_http::Options;
pub use bartizan_qr as qr;
pub use bartizan_store::{
    ChannelRow, DeviceFacts, DeviceRow, FavouriteRow, KdfCost, KeyStorage, LastPictureRow, LookRow, RouteRow,
    SecretKind, Store, StreamChoice, StreamRow, TrafficRow, Vault,
};
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
    diagnostics::Journal,
    draft::{AddedBy, Draft, PortsDraft, is_local},
    drivers::Drivers,
    encoders::{Applied, Encoders},
    favourites::{Favourites, LARGEST_PICTURE},
    files::{FILES_UNDO, FileEntry, FileKind, Files, LARGEST_JPEG, LARGEST_READ},
    gate::{Account, LoginGate, Pass},
    playback::{Heard, OpenMovie, Piece, Playback, Reel, Span},
    protection::{BiometricPrompt, BiometricVault, Biometrics, MOST_ASK_AFTER, Protection, ProtectionState},
    recording::{DISK_RESERVE, FreeSpace, Recorder, RecordingState, free_space},
    replay::Replays,
    routes::RouteChooser,
    search::{FoundDevice, Search, SearchPlan, SearchView},
    settings::{
        DefaultPage, LAYOUTS, Language, MeteredPolicy, QualityMode, RememberedChannel, Settings, Theme,
        WallMemory,
    },
    snapshot::{MOST_PICTURES, Snapshots},
    talk::{LONGEST_SPEECH, TALK_HOLD, Talk},
    traffic::{FLUSH_EVERY, Traffic, TrafficReport},
};

/// Everything an app run holds.
pub struct App {
    /// Devices.
    pub devices: Devices,
    /// Live view.
    pub live: Arc<Live>,
    /// PTZ, picture settings, switches.
    pub control: Arc<Control>,
    /// Which streams windows play, and how devices encode them.
    pub encoders: Encoders,
    /// Playing what devices recorded.
    pub replays: Replays,
    /// Talking through cameras.
    pub talk: Arc<Talk>,
    /// Searching the network.
    pub search: Arc<Search>,
    /// Groups of channels.
    pub favourites: Favourites,
    /// Bytes received.
    pub traffic: Arc<Traffic>,
    /// What failed lately, and what devices answered: for diagnostics.
    pub journal: Arc<Journal>,
    /// PIN or password of the app.
    pub protection: Arc<Protection>,
    /// Recordings and snapshots.
    pub files: Arc<Files>,
    /// Playing recordings.
    pub playback: Playback,
    /// Recording live streams.
    pub recorder: Arc<Recorder>,
    /// Taking snapshots.
    pub snapshots: Snapshots,
    /// Nothing is stored.
    pub ephemeral: bool,
    store: Store,
    /// Serialises read-change-write of the settings.
    settings: Mutex<()>,
    connected: life::Connected,
    /// Finishes what an earlier run left torn.
    _finishing: OwnedTask,
    /// Looks whether the machine slept or its network changed.
    _watching: OwnedTask,
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
        let store = Store::open(&folder.join("bartizan.sqlite"), Vault::in_folder(folder))?;
        Self::assemble(store, Files::new(folder.join("media"), false), clock).await
    }

    /// An app that stores nothing, watching `sources` (RTSP URLs). A source that cannot be reached is kept: the wall
    /// shows why.
    pub async fn ephemeral(sources: &[String], clock: Arc<dyn Clock>) -> Result<Self> {
        let app = Self::assemble(Store::in_memory(Vault::in_memory())?, passing_files(), clock).await?;
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

    async fn assemble(store: Store, files: Arc<Files>, clock: Arc<dyn Clock>) -> Result<Self> {
        let journal = Arc::new(Journal::new(clock));
        let opener = bartizan_rtsp::RtspOpener::new().with_recorder(journal.description_recorder());
        let opener: Arc<dyn StreamOpener> = Arc::new(opener);
        let families = families(&journal);
        Self::with_parts(store, files, journal, opener, families).await
    }

    /// The app over given adapters.
    pub(crate) async fn with_parts(
        store: Store,
        files: Arc<Files>,
        journal: Arc<Journal>,
        opener: Arc<dyn StreamOpener>,
        families: Vec<Arc<dyn Family>>,
    ) -> Result<Self> {
        Self::with_parts_at(store, files, journal, opener, families, KdfCost::STANDARD).await
    }

    /// As [`with_parts`](Self::with_parts), with the cost of turning the app's secret into a key.
    pub(crate) async fn with_parts_at(
        store: Store,
        files: Arc<Files>,
        journal: Arc<Journal>,
        opener: Arc<dyn StreamOpener>,
        families: Vec<Arc<dyn Family>>,
        cost: KdfCost,
    ) -> Result<Self> {
        let clock = journal.clock().clone();
        let book = Arc::new(DeviceBook::load(store.clone(), clock.now()).await?);
        let gate = Arc::new(LoginGate::default());
        let families = Arc::new(Families::new(families));
        let traffic = Arc::new(Traffic::new(store.clone(), clock.clone()));
        let sources = book.clone() as Arc<dyn SourceBook>;
        let live = Arc::new(Live::new(
            opener.clone(),
            sources.clone(),
            gate.clone(),
            journal.clone(),
            traffic.clone(),
        ));
        let favourites = Favourites::load(store.clone(), book.clone(), clock.clone()).await?;
        let drivers = Arc::new(Drivers::new(families.clone(), book.clone(), gate.clone()));
        let encoders = Encoders::new(drivers.clone(), book.clone(), store.clone());
        let replays = Replays::new(live.clone(), drivers.clone(), sources.clone(), opener.clone());
        let talk = Arc::new(Talk::new(drivers.clone(), opener, sources, gate.clone()));
        let control = Arc::new(Control::new(drivers));
        let search = Arc::new(Search::new(families.clone(), book.clone()));
        let recorder = Arc::new(Recorder::new(live.clone(), files.clone(), Arc::new(free_space)));
        let protected = protection::Parts {
            store: store.clone(),
            book: book.clone(),
            live: live.clone(),
            recorder: recorder.clone(),
            control: control.clone(),
            search: search.clone(),
            clock: clock.clone(),
            cost,
        };
        let protection = Protection::load(protected, !files.is_temporary()).await?;
        let connected = life::Connected::new(book.clone(), control.clone(), live.clone());
        let watching = life::watch(connected.clone(), clock.clone());
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
            encoders,
            replays,
            talk,
            search,
            favourites,
            traffic,
            journal,
            protection,
            ephemeral: files.is_temporary(),
            playback: Playback::new(files.clone()),
            files,
            recorder,
            snapshots,
            store,
            settings: Mutex::new(()),
            connected,
            _finishing: finishing,
            _watching: watching,
        })
    }

    /// Where the key of the device passwords lies.
    pub fn key_storage(&self) -> KeyStorage {
        self.store.key_storage()
    }

    /// The network changed: streams and controls choose their ways anew. Told twice within a second, it is one change.
    pub fn network_changed(&self) {
        self.connected.changed();
    }

    /// The program ends: stops what moves and closes all streams, within a bounded time.
    pub async fn shutdown(&self) {
        // Recordings first: they end with whole files while their streams still stand.
        futures::join!(self.control.shutdown(), self.recorder.shutdown(), self.talk.shutdown());
        self.live.shutdown().await;
        self.files.close();
        if let Err(error) = self.traffic.flush().await {
            tracing::warn!(%error, "the bytes received could not be stored");
        }
    }

    /// The settings.
    pub async fn settings(&self) -> Result<Settings> {
        Settings::load(&self.store).await
    }

    /// What the wall showed last.
    pub async fn wall_memory(&self) -> Result<Option<WallMemory>> {
        WallMemory::load(&self.store).await
    }

    /// Keeps what the wall shows.
    pub async fn remember_wall(&self, memory: &WallMemory) -> Result<()> {
        memory.save(&self.store).await
    }

    /// Changes the settings and gives them all; refuses values outside their ranges.
    pub async fn change_settings(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings> {
        let _alone = self.settings.lock().await;
        let mut settings = Settings::load(&self.store).await?;
        change(&mut settings);
        settings.check()?;
        settings.save(&self.store).await?;
        Ok(settings)
    }
}

/// All families, the most telling first: many devices speak ONVIF beside their own language.
fn families(journal: &Arc<Journal>) -> Vec<Arc<dyn Family>> {
    let options = Options { recorder: Some(journal.clone()), ..Options::default() };
    vec![
        Arc::new(bartizan_isapi::Isapi::default().with_recorder(journal.clone())),
        Arc::new(bartizan_dahua::Dahua::default().with_recorder(journal.clone())),
        Arc::new(bartizan_onvif::Onvif::default().with_options(options)),
    ]
}

/// A folder of files that goes with the program.
fn passing_files() -> Arc<Files> {
    Files::new(std::env::temp_dir().join(format!("bartizan-{}", random_token())), true)
}
