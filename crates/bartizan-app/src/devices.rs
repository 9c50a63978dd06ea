use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{
    Clock, Code, DeviceId, Error, Result, Secret, StreamId, StreamProfile, UtcMicros, redact_login,
    refill_login,
};
use bartizan_device::{
    CertificatePin, Credentials, DEFAULT_RTSP_PORT, DeviceClass, FamilyId, Recognised, RtspAddress,
    StreamSource, Transport,
};
use bartizan_store::{DeviceFacts, DeviceRow, RouteRow, Store};

use crate::{
    adding::{Adder, Families, Found, route_row},
    control::Control,
    draft::{AddedBy, Aim, Draft, PortsDraft},
    gate::LoginGate,
    live::{Live, SourceBook},
    routes::RouteChooser,
};

/// How long a deleted device can be brought back by the undo of the page. The row itself lives until the next start.
pub const UNDO: Duration = Duration::from_secs(10);

/// The known devices: a cache in front of the store, since every reconnect asks for an address.
pub struct DeviceBook {
    store: Store,
    rows: RwLock<Vec<DeviceRow>>,
    revision: AtomicU64,
    routes: RouteChooser,
}

impl DeviceBook {
    /// Reads all devices, and forgets for good what was deleted in earlier runs.
    pub async fn load(store: Store, now: UtcMicros) -> Result<Self> {
        store.purge_deleted(now).await?;
        let rows = store.devices().await?;
        Ok(Self {
            store,
            rows: RwLock::new(rows),
            revision: AtomicU64::new(1),
            routes: RouteChooser::default(),
        })
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

    /// Which ways to the devices are in use.
    pub fn routes(&self) -> &RouteChooser {
        &self.routes
    }

    /// Remembers the certificate that a device showed on first use.
    pub(crate) async fn pin(&self, id: &DeviceId, place: usize, pin: CertificatePin) -> Result<()> {
        let mut row = self.get(id)?;
        let Some(route) = row.routes.get_mut(place) else { return Ok(()) };
        route.pin = Some(pin.0);
        self.store.replace_device(row).await?;
        self.refresh().await
    }

    /// Forgets all passwords until [`refresh`](Self::refresh), those in the paths of streams too: the app is locked.
    pub(crate) fn forget_passwords(&self) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows.iter_mut() {
            row.password_lost |= row.password.take().is_some();
            for stream in row.channels.iter_mut().flat_map(|channel| &mut channel.streams) {
                let shown = redact_login(&stream.path);
                row.password_lost |= shown != stream.path;
                stream.path = shown;
            }
        }
    }

    /// Reads the list anew.
    pub(crate) async fn refresh(&self) -> Result<()> {
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
        let place = self.routes.choose(&row).await;
        let (host, port) = match row.routes.get(place) {
            Some(route) => (route.host.clone(), route.rtsp.unwrap_or(DEFAULT_RTSP_PORT)),
            None => (row.host.clone(), row.port),
        };
        Ok(StreamSource {
            address: RtspAddress { host, port, path },
            credentials: credentials(&row),
            transport: transport_from(&row.transport),
        })
    }
}

pub(crate) fn credentials(row: &DeviceRow) -> Option<Credentials> {
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

/// The stored word for a kind of device.
pub fn class_word(class: DeviceClass) -> &'static str {
    match class {
        DeviceClass::Unknown => "",
        DeviceClass::Camera => "camera",
        DeviceClass::Recorder => "recorder",
        DeviceClass::Door => "door",
        DeviceClass::Alarm => "alarm",
    }
}

/// The kind of a stored word; what is unknown is `Unknown`.
pub fn class_from(word: &str) -> DeviceClass {
    match word {
        "camera" => DeviceClass::Camera,
        "recorder" => DeviceClass::Recorder,
        "door" => DeviceClass::Door,
        "alarm" => DeviceClass::Alarm,
        _ => DeviceClass::Unknown,
    }
}

fn added_by_word(by: AddedBy) -> &'static str {
    match by {
        AddedBy::Address => "address",
        AddedBy::Scan => "scan",
        AddedBy::Search => "search",
        AddedBy::Card => "card",
    }
}

/// How a device was added, from the stored word.
pub fn added_by_from(word: &str) -> AddedBy {
    match word {
        "scan" => AddedBy::Scan,
        "search" => AddedBy::Search,
        "card" => AddedBy::Card,
        _ => AddedBy::Address,
    }
}

/// Adding, changing and removing devices.
pub struct Devices {
    book: Arc<DeviceBook>,
    families: Arc<Families>,
    live: Arc<Live>,
    gate: Arc<LoginGate>,
    control: Arc<Control>,
    clock: Arc<dyn Clock>,
}

impl Devices {
    /// The service over `book`. All logins go through `gate`.
    pub fn new(
        book: Arc<DeviceBook>,
        families: Arc<Families>,
        live: Arc<Live>,
        gate: Arc<LoginGate>,
        control: Arc<Control>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { book, families, live, gate, control, clock }
    }

    /// The list.
    pub fn book(&self) -> &DeviceBook {
        &self.book
    }

    /// The families devices may belong to.
    pub fn families(&self) -> &Families {
        &self.families
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    fn adder(&self) -> Adder<'_> {
        Adder { families: &self.families, live: &self.live, gate: &self.gate }
    }

    /// Finds out, without a password, what answers at a draft's address.
    pub async fn recognise(&self, draft: &Draft) -> Result<Recognised> {
        self.adder().recognise(draft).await
    }

    /// Talks to the device a person described, without storing anything.
    pub async fn probe(&self, draft: &Draft) -> Result<Found> {
        self.adder().find(draft).await
    }

    /// Probes and stores.
    pub async fn add(&self, draft: &Draft) -> Result<DeviceRow> {
        Ok(self.add_telling(draft).await?.0)
    }

    /// Probes and stores; tells why its video did not answer, when it did not.
    pub async fn add_telling(&self, draft: &Draft) -> Result<(DeviceRow, Option<Error>)> {
        let found = self.probe(draft).await?;
        let trouble = found.video_trouble.clone();
        Ok((self.add_found(draft, found).await?, trouble))
    }

    /// Stores what a probe of `draft` found.
    pub async fn add_found(&self, draft: &Draft, found: Found) -> Result<DeviceRow> {
        let row = into_row(DeviceId::random(), draft, found, self.clock.now());
        self.insert(row).await
    }

    /// Stores a device without asking it first: sources named on the command line, whose failure the wall shows, and
    /// devices of a card that are out of reach.
    pub async fn add_unprobed(&self, draft: &Draft) -> Result<DeviceRow> {
        let (address, credentials, routes, channels) = match draft.aim()? {
            Aim::Stream(source) => {
                let stream = bartizan_store::StreamRow {
                    profile: StreamProfile::Main,
                    path: source.address.path.clone(),
                    codec: None,
                    width: None,
                    height: None,
                };
                let channel =
                    bartizan_store::ChannelRow { number: 1, name: String::new(), streams: vec![stream] };
                let route = RouteRow {
                    host: source.address.host.clone(),
                    rtsp: Some(source.address.port),
                    ..RouteRow::default()
                };
                (source.address, source.credentials, vec![route], vec![channel])
            }
            Aim::Device { endpoints, login } => {
                let first = &endpoints[0];
                let port = first.ports.rtsp.unwrap_or(DEFAULT_RTSP_PORT);
                let address = RtspAddress { host: first.host.clone(), port, path: "/".into() };
                (address, login.credentials, endpoints.iter().map(route_row).collect(), Vec::new())
            }
        };
        let found = Found {
            address,
            credentials,
            transport: draft.transport.unwrap_or_default(),
            server: None,
            channels,
            family: draft.family.clone().unwrap_or_else(|| FamilyId::RTSP.0.to_owned()),
            evidence: String::new(),
            identity: Default::default(),
            certificate: None,
            video_trouble: None,
            oddities: Vec::new(),
            routes,
        };
        let mut row = into_row(DeviceId::random(), draft, found, self.clock.now());
        row.facts.unverified = true;
        self.insert(row).await
    }

    async fn insert(&self, row: DeviceRow) -> Result<DeviceRow> {
        self.book.store.insert_device(row.clone()).await?;
        self.book.refresh().await?;
        Ok(row)
    }

    /// Changes what the draft names. Name, kind and transport change at once; anything about the address or the login
    /// is probed first, so that a working device is not replaced by a broken one.
    pub async fn update(&self, id: &DeviceId, draft: Draft) -> Result<DeviceRow> {
        let old = self.book.get(id)?;
        let touches_login = touches_login(&old, &draft);
        let transport = draft.transport.unwrap_or(transport_from(&old.transport));
        let name = draft.name.clone().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| old.name.clone());
        let class = draft.class.unwrap_or(class_from(&old.facts.class));
        let mut row = if touches_login {
            let whole = whole_draft(&old, draft, transport, name, class)?;
            let found = self.probe(&whole).await?;
            into_row(id.clone(), &whole, found, old.added_at)
        } else {
            let facts = DeviceFacts { class: class_word(class).to_owned(), ..old.facts.clone() };
            DeviceRow { name, transport: transport_word(transport).to_owned(), facts, ..old.clone() }
        };
        row.facts.added_by = old.facts.added_by.clone();
        row.added_at = old.added_at;
        self.book.store.replace_device(row.clone()).await?;
        self.changed(id).await?;
        Ok(row)
    }

    /// The list is read anew, and whatever runs on the device starts afresh.
    async fn changed(&self, id: &DeviceId) -> Result<()> {
        self.book.refresh().await?;
        self.book.routes.forget();
        self.control.forget(id);
        self.live.forget_device(id);
        Ok(())
    }

    /// Removes a device; [`Devices::restore`] takes it back.
    pub async fn delete(&self, id: &DeviceId) -> Result<()> {
        if !self.book.store.delete_device(id, self.clock.now()).await? {
            return Err(Error::new(Code::NotFound, format!("no device {id}")));
        }
        // Its streams end here, whoever still watches.
        self.changed(id).await
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

/// Whether a draft changes anything about the address or the login; what is given as it is stored changes nothing.
fn touches_login(old: &DeviceRow, draft: &Draft) -> bool {
    let own = old.routes.first().map(ports_of).unwrap_or_default();
    let differs = |given: Option<u32>, own: Option<u32>| given.is_some() && given != own;
    let given = draft.ports;
    let others = || old.routes.iter().skip(1).map(|route| (route.host.clone(), ports_of(route)));
    draft.url.is_some()
        || draft.host.as_ref().is_some_and(|host| *host != old.host)
        || differs(draft.port, Some(u32::from(old.port)))
        || differs(given.http, own.http)
        || differs(given.https, own.https)
        || differs(given.rtsp, Some(u32::from(old.port)))
        || differs(given.server, own.server)
        || draft.routes.as_ref().is_some_and(|routes| !routes.iter().cloned().eq(others()))
        || draft.family.as_ref().is_some_and(|family| *family != old.facts.family)
        || draft.accept_certificate.is_some()
        || draft.user.as_ref().is_some_and(|user| *user != old.user)
        || draft.password.is_some()
        || old.facts.unverified
}

/// What is stored, with the changes of a draft over it.
fn whole_draft(
    old: &DeviceRow,
    draft: Draft,
    transport: Transport,
    name: String,
    class: DeviceClass,
) -> Result<Draft> {
    let first = old.routes.first().cloned().unwrap_or_default();
    let stays = draft.url.is_none()
        && draft.host.as_ref().is_none_or(|host| *host == old.host)
        && draft.routes.iter().flatten().all(|(host, _)| old.routes.iter().any(|route| route.host == *host));
    let had_password = old.password.as_ref().is_some_and(|password| !password.is_empty());
    let chosen_path = chosen_path(old, &draft, stays)?;
    // The stored password goes to the hosts it was given for and to no other: over Basic it would be told.
    let password = draft.password.or(if stays { old.password.clone() } else { None });
    let has_none = password.as_ref().is_none_or(Secret::is_empty);
    let names_user = draft.user.as_ref().is_none_or(|user| !user.is_empty());
    if !stays && had_password && has_none && names_user && draft.url.is_none() {
        return Err(Error::new(
            Code::PasswordNeeded,
            "another address needs the password again, so that it is not given to a stranger",
        ));
    }
    let given = draft.ports;
    let ports = PortsDraft {
        http: given.http.or(first.http.map(u32::from)),
        https: given.https.or(first.https.map(u32::from)),
        rtsp: given.rtsp.or(draft.port).or(Some(u32::from(old.port))),
        server: given.server.or(first.server.map(u32::from)),
    };
    let routes = draft.routes.or_else(|| {
        let others = old.routes.iter().skip(1).map(|route| (route.host.clone(), ports_of(route)));
        draft.url.is_none().then(|| others.collect())
    });
    let family = draft.family.or_else(|| {
        let known = !old.facts.family.is_empty() && draft.url.is_none();
        known.then(|| old.facts.family.clone())
    });
    let user = draft.user.or(draft.url.is_none().then(|| old.user.clone()));
    let host = draft.host.unwrap_or_else(|| old.host.clone());
    let url = match chosen_path {
        Some(path) => {
            let port = ports.rtsp.map(bartizan_device::check_port).transpose()?.unwrap_or(old.port);
            let address = RtspAddress::new(&host, u32::from(port), &path)?;
            Some(address.url()?.to_string())
        }
        None => draft.url,
    };
    Ok(Draft {
        url,
        host: Some(host),
        port: None,
        ports,
        routes,
        family,
        class: Some(class),
        added_by: None,
        user,
        password,
        name: Some(name),
        transport: Some(transport),
        accept_certificate: draft.accept_certificate.or(if stays {
            first.pin.map(CertificatePin)
        } else {
            None
        }),
        spend_last_try: draft.spend_last_try,
    })
}

/// The path of the one stream that a person chose by URL, which stays chosen when only the password changes. A login in
/// it changes with the password, and is told to no other host.
fn chosen_path(old: &DeviceRow, draft: &Draft, stays: bool) -> Result<Option<String>> {
    let path = match old.channels.as_slice() {
        [only] if draft.url.is_none() && old.facts.family == FamilyId::RTSP.0 => &only.streams[..],
        _ => return Ok(None),
    };
    let Some(path) = path.first().map(|stream| &stream.path) else { return Ok(None) };
    let known = if stays { path.clone() } else { redact_login(path) };
    let user = draft.user.as_deref().filter(|user| !user.is_empty());
    let password = draft.password.as_ref().map(Secret::expose).filter(|text| !text.is_empty());
    refill_login(&known, user, password).map(Some).ok_or_else(|| {
        Error::new(Code::PasswordNeeded, "the address holds a login: user name and password are needed again")
    })
}

fn ports_of(route: &RouteRow) -> PortsDraft {
    PortsDraft {
        http: route.http.map(u32::from),
        https: route.https.map(u32::from),
        rtsp: route.rtsp.map(u32::from),
        server: route.server.map(u32::from),
    }
}

fn name_of(draft: &Draft, found: &Found) -> String {
    let given = draft.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let own = Some(found.identity.name.trim()).filter(|name| !name.is_empty());
    given.or(own).unwrap_or(&found.address.host).to_owned()
}

fn into_row(id: DeviceId, draft: &Draft, found: Found, added_at: UtcMicros) -> DeviceRow {
    let name = name_of(draft, &found);
    let class = draft.class.filter(|class| *class != DeviceClass::Unknown).unwrap_or(found.identity.class);
    let (user, password): (String, Option<Secret>) = match found.credentials {
        Some(credentials) => (credentials.user, Some(credentials.password)),
        None => (String::new(), None),
    };
    let mut routes = found.routes;
    if let Some(first) = routes.first_mut() {
        first.rtsp = Some(found.address.port);
    }
    DeviceRow {
        id,
        name,
        host: found.address.host,
        port: found.address.port,
        user,
        password,
        password_lost: false,
        transport: transport_word(found.transport).to_owned(),
        facts: DeviceFacts {
            family: found.family,
            class: class_word(class).to_owned(),
            maker: found.identity.maker,
            model: found.identity.model,
            firmware: found.identity.firmware,
            serial: found.identity.serial,
            mac: found.identity.mac,
            own_name: found.identity.name,
            added_by: added_by_word(draft.added_by.unwrap_or_default()).to_owned(),
            unverified: false,
        },
        routes,
        channels: found.channels,
        added_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "/user=admin_password=old_channel=1_stream=0.sdp";

    fn stored(path: &str) -> DeviceRow {
        let source = format!("rtsp://cam:554{path}");
        let stream = bartizan_store::StreamRow {
            profile: StreamProfile::Main,
            path: RtspAddress::parse(&source).unwrap().0.path,
            codec: None,
            width: None,
            height: None,
        };
        let found = Found {
            address: RtspAddress::new("cam", 554, path).unwrap(),
            credentials: None,
            transport: Transport::Tcp,
            server: None,
            channels: vec![bartizan_store::ChannelRow {
                number: 1,
                name: String::new(),
                streams: vec![stream],
            }],
            family: FamilyId::RTSP.0.to_owned(),
            evidence: String::new(),
            identity: Default::default(),
            certificate: None,
            video_trouble: None,
            oddities: Vec::new(),
            routes: vec![RouteRow { host: "cam".into(), ..RouteRow::default() }],
        };
        into_row(DeviceId::random(), &Draft::default(), found, UtcMicros(0))
    }

    #[test]
    fn a_login_in_the_path_is_not_sent_blanked_nor_to_another_host() {
        let asked = |path: &str, draft: Draft| {
            whole_draft(&stored(path), draft, Transport::Tcp, "Gate".into(), DeviceClass::Unknown)
                .map(|whole| whole.url.unwrap())
                .map_err(|error| error.code())
        };
        let blank = redact_login(WHOLE);
        let login = |user: &str, password: &str| Draft {
            user: (!user.is_empty()).then(|| user.into()),
            password: Some(Secret::new(password)),
            ..Draft::default()
        };
        let moved = |draft: Draft| Draft { host: Some("other".into()), ..draft };
        assert_eq!(asked(WHOLE, Draft::default()).unwrap(), format!("rtsp://cam:554{WHOLE}"));
        let new = "/user=admin_password=new_channel=1_stream=0.sdp";
        assert_eq!(asked(WHOLE, login("", "new")).unwrap(), format!("rtsp://cam:554{new}"));
        assert_eq!(asked(&blank, login("", "new")), Err(Code::PasswordNeeded));
        assert_eq!(asked(&blank, Draft::default()), Err(Code::PasswordNeeded));
        assert_eq!(asked(&blank, login("admin", "new")).unwrap(), format!("rtsp://cam:554{new}"));
        assert_eq!(asked(WHOLE, moved(Draft::default())), Err(Code::PasswordNeeded));
        assert_eq!(asked(WHOLE, moved(login("admin", "new"))).unwrap(), format!("rtsp://other:554{new}"));
        assert_eq!(asked("/live", moved(Draft::default())).unwrap(), "rtsp://other:554/live");
    }
}
