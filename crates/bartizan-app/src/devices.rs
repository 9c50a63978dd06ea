use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{Clock, Code, DeviceId, Error, Result, Secret, StreamId, StreamProfile, UtcMicros};
use bartizan_device::{Credentials, RtspAddress, StreamSource, Transport};
use bartizan_store::{DeviceRow, Store};

use crate::{
    live::{Live, SourceBook},
    probe::{Draft, Found, probe},
};

/// How long a deleted device can be brought back by the undo of the page. The row itself lives until the next start.
pub const UNDO: Duration = Duration::from_secs(10);

/// The known devices: a cache in front of the store, since every reconnect asks for an address.
pub struct DeviceBook {
    store: Store,
    rows: RwLock<Vec<DeviceRow>>,
    revision: AtomicU64,
}

impl DeviceBook {
    /// Reads all devices, and forgets for good what was deleted in earlier runs.
    pub async fn load(store: Store, now: UtcMicros) -> Result<Self> {
        store.purge_deleted(now).await?;
        let rows = store.devices().await?;
        Ok(Self { store, rows: RwLock::new(rows), revision: AtomicU64::new(1) })
    }

    /// All devices in the user's order, and the revision of the list.
    pub fn list(&self) -> (u64, Vec<DeviceRow>) {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        (self.revision.load(Ordering::Relaxed), rows.clone())
    }

    /// One device.
    pub fn get(&self, id: &DeviceId) -> Result<DeviceRow> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.iter()
            .find(|row| row.id == *id)
            .cloned()
            .ok_or_else(|| Error::new(Code::NotFound, format!("no device {id}")))
    }

    async fn refresh(&self) -> Result<()> {
        let rows = self.store.devices().await?;
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = rows;
        self.revision.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait::async_trait]
impl SourceBook for DeviceBook {
    async fn source(&self, stream: &StreamId) -> Result<StreamSource> {
        let row = self.get(&stream.channel.device)?;
        let number = stream.channel.number;
        let channel = row
            .channels
            .iter()
            .find(|channel| channel.number == number)
            .ok_or_else(|| Error::new(Code::NotFound, format!("the device has no channel {number}")))?;
        let path = channel
            .streams
            .iter()
            .find(|candidate| candidate.profile == stream.profile)
            .or(channel.streams.first())
            .map(|stream| stream.path.clone())
            .ok_or_else(|| Error::new(Code::NoSuchStream, "the channel has no streams"))?;
        if row.password_lost {
            return Err(Error::new(Code::KeyLost, "the stored password cannot be decrypted"));
        }
        Ok(StreamSource {
            address: RtspAddress { host: row.host.clone(), port: row.port, path },
            credentials: credentials(&row),
            transport: transport_from(&row.transport),
        })
    }
}

fn credentials(row: &DeviceRow) -> Option<Credentials> {
    (!row.user.is_empty())
        .then(|| Credentials { user: row.user.clone(), password: row.password.clone().unwrap_or_default() })
}

/// The stored word for a transport.
pub fn transport_word(transport: Transport) -> &'static str {
    match transport {
        Transport::Auto => "auto",
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

/// The transport of a stored word; what is unknown is `Auto`.
pub fn transport_from(word: &str) -> Transport {
    match word {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => Transport::Auto,
    }
}

/// The profile to open for a channel: sub falls back to main where there is none.
pub fn existing_profile(row: &DeviceRow, channel: u16, wanted: StreamProfile) -> StreamProfile {
    let has = row
        .channels
        .iter()
        .filter(|candidate| candidate.number == channel)
        .any(|candidate| candidate.streams.iter().any(|stream| stream.profile == wanted));
    if has { wanted } else { StreamProfile::Main }
}

/// Adding, changing and removing devices.
pub struct Devices {
    book: Arc<DeviceBook>,
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
}

impl Devices {
    /// The service over `book`; probing goes through `live` so that one gate guards all logins.
    pub fn new(book: Arc<DeviceBook>, live: Arc<Live>, clock: Arc<dyn Clock>) -> Self {
        Self { book, live, clock }
    }

    /// The list.
    pub fn book(&self) -> &DeviceBook {
        &self.book
    }

    /// Talks to the device a person described, without storing anything.
    pub async fn probe(&self, draft: &Draft) -> Result<Found> {
        let target = draft.target()?;
        probe(&self.live, target).await
    }

    /// Probes and stores.
    pub async fn add(&self, draft: &Draft) -> Result<DeviceRow> {
        let found = self.probe(draft).await?;
        self.add_found(draft, found).await
    }

    /// Stores what a probe of `draft` found.
    pub async fn add_found(&self, draft: &Draft, found: Found) -> Result<DeviceRow> {
        let name = name_of(draft, &found.address.host);
        self.insert(found, name).await
    }

    /// Stores a device without asking it first; for sources named on the command line, whose failure the wall shows.
    pub async fn add_unprobed(&self, draft: &Draft) -> Result<DeviceRow> {
        let target = draft.target()?;
        let name = name_of(draft, &target.address.host);
        let path = target.address.path.clone();
        let channels = vec![bartizan_store::ChannelRow {
            number: 1,
            name: String::new(),
            streams: vec![bartizan_store::StreamRow {
                profile: StreamProfile::Main,
                path,
                codec: None,
                width: None,
                height: None,
            }],
        }];
        let found = Found {
            address: target.address,
            credentials: target.credentials,
            transport: target.transport,
            server: None,
            channels,
        };
        self.insert(found, name).await
    }

    async fn insert(&self, found: Found, name: String) -> Result<DeviceRow> {
        let row = into_row(DeviceId::random(), name, found, self.clock.now());
        self.book.store.insert_device(row.clone()).await?;
        self.book.refresh().await?;
        Ok(row)
    }

    /// Changes what the draft names. Name and transport change at once; anything about the address or the login is
    /// probed first, so that a working device is not replaced by a broken one.
    pub async fn update(&self, id: &DeviceId, draft: Draft) -> Result<DeviceRow> {
        let old = self.book.get(id)?;
        let touches_login = draft.url.is_some()
            || draft.host.is_some()
            || draft.port.is_some()
            || draft.user.is_some()
            || draft.password.is_some();
        let transport = draft.transport.unwrap_or(transport_from(&old.transport));
        let name = draft.name.clone().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| old.name.clone());
        let mut row = if touches_login {
            // The stored password goes to the host it was given for and to no other: over Basic it would be told.
            let stays = draft.url.is_none() && draft.host.as_ref().is_none_or(|host| *host == old.host);
            let whole = Draft {
                host: draft.host.or(Some(old.host.clone())),
                port: draft.port.or(Some(u32::from(old.port))),
                user: draft.user.or(draft.url.is_none().then(|| old.user.clone())),
                password: draft.password.or(if stays { old.password.clone() } else { None }),
                transport: Some(transport),
                name: Some(name.clone()),
                url: draft.url,
            };
            let mut target = whole.target()?;
            let had_password = old.password.as_ref().is_some_and(|password| !password.is_empty());
            let has_none = target.credentials.as_ref().is_some_and(|login| login.password.is_empty());
            if !stays && had_password && has_none {
                return Err(Error::new(
                    Code::PasswordNeeded,
                    "another address needs the password again, so that it is not given to a stranger",
                ));
            }
            // The streams a person chose by URL stay chosen when only the password changes.
            if whole.url.is_none()
                && let [only] = old.channels.as_slice()
                && let Some(stream) = only.streams.first()
            {
                target.address = target.address.with_path(&stream.path);
            }
            let found = probe(&self.live, target).await?;
            into_row(id.clone(), name, found, old.added_at)
        } else {
            DeviceRow { name, transport: transport_word(transport).to_owned(), ..old.clone() }
        };
        row.added_at = old.added_at;
        self.book.store.replace_device(row.clone()).await?;
        self.book.refresh().await?;
        self.live.forget_device(id);
        Ok(row)
    }

    /// Removes a device; [`Devices::restore`] takes it back.
    pub async fn delete(&self, id: &DeviceId) -> Result<()> {
        if !self.book.store.delete_device(id, self.clock.now()).await? {
            return Err(Error::new(Code::NotFound, format!("no device {id}")));
        }
        self.book.refresh().await?;
        // Its streams end here, whoever still watches.
        self.live.forget_device(id);
        Ok(())
    }

    /// Takes a removal back.
    pub async fn restore(&self, id: &DeviceId) -> Result<DeviceRow> {
        if !self.book.store.restore_device(id).await? {
            return Err(Error::new(Code::NotFound, format!("no deleted device {id}")));
        }
        self.book.refresh().await?;
        self.book.get(id)
    }
}

fn name_of(draft: &Draft, host: &str) -> String {
    let given = draft.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    given.unwrap_or(host).to_owned()
}

fn into_row(id: DeviceId, name: String, found: Found, added_at: UtcMicros) -> DeviceRow {
    let (user, password): (String, Option<Secret>) = match found.credentials {
        Some(credentials) => (credentials.user, Some(credentials.password)),
        None => (String::new(), None),
    };
    DeviceRow {
        id,
        name,
        host: found.address.host,
        port: found.address.port,
        user,
        password,
        password_lost: false,
        transport: transport_word(found.transport).to_owned(),
        channels: found.channels,
        added_at,
    }
}
