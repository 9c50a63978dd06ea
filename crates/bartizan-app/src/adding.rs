//! Turns a draft into a device: recognises its family without a password, logs in with one try, asks what it has.

use std::{sync::Arc, time::Duration};

use bartizan_base::{Code, Error, ErrorKind, Result, StreamProfile};
use bartizan_device::{
    CertificatePin, ChannelInfo, Credentials, DEFAULT_RTSP_PORT, Driver, Endpoint, Family, FamilyId,
    Identity, Login, Online, Recognised, RtspAddress, StreamSource, Transport,
};
use bartizan_store::{ChannelRow, RouteRow, StreamRow};
use futures::{StreamExt, stream::FuturesUnordered};

use crate::{
    draft::{Aim, Draft, rtsp_source},
    gate::{Account, LoginGate},
    live::Live,
    probe::{Streams, probe},
};

/// Recognising a device, all families and ways together.
const RECOGNISE_LIMIT: Duration = Duration::from_secs(10);
/// Logging in and asking for channels.
const CONNECT_LIMIT: Duration = Duration::from_secs(40);
/// Head start of a better way to reach a device over the next.
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

/// What a device turned out to be.
#[derive(Clone, Debug)]
pub struct Found {
    /// Host and RTSP port; the path is the first stream's.
    pub address: RtspAddress,
    /// What was used to log in.
    pub credentials: Option<Credentials>,
    /// How media travels.
    pub transport: Transport,
    /// What the RTSP side calls itself.
    pub server: Option<String>,
    /// Its channels.
    pub channels: Vec<ChannelRow>,
    /// The family's word.
    pub family: String,
    /// How the family is known.
    pub evidence: String,
    /// Who it says it is.
    pub identity: Identity,
    /// The certificate it showed; `None` over plain HTTP.
    pub certificate: Option<CertificatePin>,
    /// It let us in, but its video did not answer.
    pub video_trouble: Option<Error>,
    /// What was odd.
    pub oddities: Vec<String>,
    /// Ways to reach it, the one that worked first.
    pub routes: Vec<RouteRow>,
}

/// All protocol families, the most telling first: many devices speak ONVIF beside their own language.
pub struct Families(Vec<Arc<dyn Family>>);

impl Families {
    /// The families in the order in which they are preferred.
    pub fn new(families: Vec<Arc<dyn Family>>) -> Self {
        Self(families)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Family>> {
        self.0.iter()
    }

    /// The family of a stored word; plain RTSP has none.
    pub fn get(&self, id: &str) -> Option<&Arc<dyn Family>> {
        self.0.iter().find(|family| family.id().0 == id)
    }

    /// The place of a family in the order of preference.
    pub fn rank(&self, id: FamilyId) -> usize {
        self.0.iter().position(|family| family.id() == id).unwrap_or(usize::MAX)
    }

    /// Asks all families at once whether a device of theirs answers. `Ok(None)`: something answers, none knows it.
    pub async fn recognise(&self, endpoint: &Endpoint) -> Result<Option<Recognised>> {
        let mut asked: FuturesUnordered<_> = self
            .0
            .iter()
            .enumerate()
            .map(|(rank, family)| async move { (rank, family.recognise(endpoint).await) })
            .collect();
        let mut waiting = vec![true; self.0.len()];
        let mut best: Option<(usize, Recognised)> = None;
        let (mut failure, mut answered) = (None, false);
        let limit = tokio::time::sleep(RECOGNISE_LIMIT);
        tokio::pin!(limit);
        loop {
            let next = tokio::select! {
                () = &mut limit => None,
                next = asked.next() => next,
            };
            let Some((rank, outcome)) = next else { break };
            waiting[rank] = false;
            match outcome {
                Ok(Some(found)) if best.as_ref().is_none_or(|(other, _)| rank < *other) => {
                    best = Some((rank, found));
                }
                Ok(Some(_)) => {}
                Ok(None) => answered = true,
                // Whoever stands there is not who was trusted: nothing else is asked of it, least of all a login.
                Err(error) if error.code() == Code::CertificateChanged => return Err(error),
                Err(error) => failure = failure.or(Some(error)),
            }
            // Nobody who would be preferred is still being waited for.
            if let Some((rank, _)) = &best
                && !waiting[..*rank].contains(&true)
            {
                break;
            }
        }
        match (best, failure) {
            (Some((_, found)), _) => Ok(Some(found)),
            (None, Some(error)) if !answered => Err(error),
            (None, _) if asked.is_empty() || answered => Ok(None),
            _ => Err(Error::new(Code::Timeout, "nothing answered over HTTP")),
        }
    }
}

/// Finds out what a draft points at.
pub(crate) struct Adder<'a> {
    pub families: &'a Families,
    pub live: &'a Live,
    pub gate: &'a LoginGate,
}

/// A device recognised by one of several ways to reach it.
struct Reachable {
    place: usize,
    recognised: Option<Recognised>,
}

impl Adder<'_> {
    /// Recognises the device of a draft without its password.
    pub async fn recognise(&self, draft: &Draft) -> Result<Recognised> {
        let Aim::Device { endpoints, .. } = draft.aim()? else {
            return Err(Error::new(
                Code::InvalidAddress,
                "an rtsp:// URL is one stream; give the host alone",
            ));
        };
        match self.first_reachable(&endpoints, None).await?.recognised {
            Some(recognised) => Ok(recognised),
            None => {
                Err(Error::new(Code::NotADevice, "something answers, but it is not a known kind of device"))
            }
        }
    }

    /// Logs in to the device of a draft and asks what it has.
    pub async fn find(&self, draft: &Draft) -> Result<Found> {
        let transport = draft.transport.unwrap_or_default();
        match draft.aim()? {
            Aim::Stream(source) => {
                let streams = probe(self.live, source.clone(), draft.spend_last_try).await?;
                Ok(plain_rtsp(streams, source.credentials, transport, Vec::new()))
            }
            Aim::Device { endpoints, login } => self.find_device(draft, endpoints, login, transport).await,
        }
    }

    async fn find_device(
        &self,
        draft: &Draft,
        mut endpoints: Vec<Endpoint>,
        login: Login,
        transport: Transport,
    ) -> Result<Found> {
        let by_hand = draft.family.as_deref();
        if by_hand.is_some_and(|id| id != FamilyId::RTSP.0 && self.families.get(id).is_none()) {
            return Err(Error::new(Code::InvalidInput, "no such family"));
        }
        let reached = match by_hand {
            Some(id) if id == FamilyId::RTSP.0 => Ok(Reachable { place: 0, recognised: None }),
            _ => self.first_reachable(&endpoints, by_hand).await,
        };
        // Why nobody answers on the control ports; told beside the streams' own trouble.
        let mut silence = None;
        let reached = match reached {
            Ok(reached) => reached,
            Err(error) if matches!(error.code(), Code::HostUnknown | Code::CertificateChanged) => {
                return Err(error);
            }
            Err(error) if by_hand.is_none() => {
                silence = Some(error.detail().to_owned());
                Reachable { place: usize::MAX, recognised: None }
            }
            Err(error) => return Err(error),
        };
        let http_answers = reached.place != usize::MAX;
        if http_answers {
            // The way that answered goes first; the order of the others stays.
            let last = endpoints.len() - 1;
            endpoints[..=reached.place.min(last)].rotate_right(1);
        }
        let Some(recognised) = reached.recognised else {
            let source = rtsp_source(&endpoints[0], login.credentials.clone(), transport);
            let streams = probe(self.live, source, login.spend_last_try).await.map_err(|error| {
                let silent = matches!(error.code(), Code::Unreachable | Code::NotRtsp);
                if http_answers && silent && by_hand.is_none() {
                    let detail = format!("a web server answers, but no camera's; RTSP: {}", error.detail());
                    return Error::new(Code::NotADevice, detail);
                }
                match &silence {
                    Some(silence) if error.code() == Code::Unreachable => {
                        Error::new(Code::Unreachable, format!("{}; control: {silence}", error.detail()))
                    }
                    _ => error,
                }
            })?;
            return Ok(plain_rtsp(streams, login.credentials, transport, endpoints));
        };
        if recognised.activated == Some(false) {
            return Err(Error::new(Code::NotActivated, "the device has no password yet"));
        }
        let family = self.families.get(recognised.family.0).cloned();
        let family = family.ok_or_else(|| Error::new(Code::Internal, "a family without a driver"))?;
        let whole = async {
            let driver = connect(self.gate, &*family, &endpoints[0], &login, true).await?;
            self.ask(&*driver, recognised, endpoints, login, transport).await
        };
        match tokio::time::timeout(CONNECT_LIMIT, whole).await {
            Ok(found) => found,
            Err(_) => Err(Error::new(Code::Timeout, "the device let us in but did not say what it has")),
        }
    }

    async fn ask(
        &self,
        driver: &dyn Driver,
        recognised: Recognised,
        mut endpoints: Vec<Endpoint>,
        login: Login,
        transport: Transport,
    ) -> Result<Found> {
        let reached = driver.reached();
        let identity = driver.identity().await?;
        let channels = driver.channels().await?;
        let first = &mut endpoints[0];
        let stream_port =
            || channels.iter().flat_map(|channel| &channel.streams).find_map(|one| one.rtsp_port);
        // A port the user gave stands: behind a router the device does not know its own.
        first.ports.rtsp = first.ports.rtsp.or(reached.rtsp_port).or_else(stream_port);
        first.pin = reached.certificate.or(first.pin);
        let mut rows: Vec<ChannelRow> = channels.iter().map(channel_row).collect();
        let mut source = rtsp_source(first, login.credentials.clone(), transport);
        let (server, video_trouble) = self.check_video(&channels, &mut rows, &mut source).await;
        Ok(Found {
            address: source.address,
            credentials: login.credentials,
            transport,
            server,
            channels: rows,
            family: driver.family().0.to_owned(),
            evidence: recognised.evidence,
            identity,
            certificate: reached.certificate,
            video_trouble,
            oddities: driver.oddities(),
            routes: endpoints.iter().map(route_row).collect(),
        })
    }

    /// Asks for the description of the first channel whose camera is not known to be off.
    async fn check_video(
        &self,
        channels: &[ChannelInfo],
        rows: &mut [ChannelRow],
        source: &mut StreamSource,
    ) -> (Option<String>, Option<Error>) {
        let alive =
            channels.iter().position(|one| !matches!(one.online, Online::No(_)) && !one.streams.is_empty());
        let Some(at) = alive else {
            let trouble = if channels.iter().all(|channel| channel.streams.is_empty()) {
                Error::new(Code::NoVideo, "the device lists no streams")
            } else {
                Error::new(Code::ChannelOffline, "no camera behind this device answers")
            };
            return (None, Some(trouble));
        };
        let Some(stream) = rows[at].streams.first_mut() else { return (None, None) };
        source.address.path = stream.path.clone();
        match self.live.describe(source, true, false).await {
            Ok(description) => {
                if let Some(video) = &description.video {
                    stream.codec = Some(video.codec.clone());
                    (stream.width, stream.height) = (Some(video.width), Some(video.height));
                }
                (description.server, None)
            }
            Err(error) => (None, Some(error)),
        }
    }

    /// Asks all ways at once, each a little after the better one before it; the first that answers wins.
    async fn first_reachable(&self, endpoints: &[Endpoint], by_hand: Option<&str>) -> Result<Reachable> {
        let family = by_hand.and_then(|id| self.families.get(id));
        let mut asked: FuturesUnordered<_> = endpoints
            .iter()
            .enumerate()
            .map(|(place, endpoint)| async move {
                tokio::time::sleep(HEAD_START * u32::try_from(place).unwrap_or(0)).await;
                let outcome = match family {
                    Some(family) => family.recognise(endpoint).await,
                    None => self.families.recognise(endpoint).await,
                };
                (place, outcome)
            })
            .collect();
        let (mut unknown, mut failure) = (None, None);
        while let Some((place, outcome)) = asked.next().await {
            match outcome {
                Ok(Some(recognised)) => return Ok(Reachable { place, recognised: Some(recognised) }),
                Ok(None) => unknown = unknown.or(Some(place)),
                Err(error) if error.code() == Code::CertificateChanged => return Err(error),
                // The worst reason comes last: that a name does not exist says less than that a host is silent.
                Err(error) if failure.is_none() || error.code() != Code::HostUnknown => failure = Some(error),
                Err(_) => {}
            }
        }
        match (unknown, failure) {
            (Some(_), _) if by_hand.is_some() => {
                Err(Error::new(Code::NotADevice, "the device does not speak the chosen protocol"))
            }
            (Some(place), _) => Ok(Reachable { place, recognised: None }),
            (None, Some(error)) => Err(error),
            (None, None) => Err(Error::new(Code::Internal, "no way to reach the device was given")),
        }
    }
}

/// Logs in through the gate: one try, and what one service refuses is not offered to the other.
pub(crate) async fn connect(
    gate: &LoginGate,
    family: &dyn Family,
    endpoint: &Endpoint,
    login: &Login,
    asked: bool,
) -> Result<Arc<dyn Driver>> {
    let credentials = login.credentials.as_ref();
    let account =
        |port| Account { host: &endpoint.host, port, credentials, spend_last_try: login.spend_last_try };
    let control = account(endpoint.ports.https.or(endpoint.ports.http).unwrap_or(80));
    let video = account(endpoint.ports.rtsp.unwrap_or(DEFAULT_RTSP_PORT));
    if asked {
        gate.forgive(control).await;
        gate.forgive(video).await;
    }
    let pass = gate.enter(control).await?;
    let outcome = family.connect(endpoint, login).await;
    pass.report(outcome.as_ref().err()).await;
    if let Err(error) = &outcome
        && matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Locked)
        && matches!(error.code(), Code::WrongPassword | Code::Locked)
    {
        gate.refuse(video, error.code()).await;
    }
    outcome
}

fn plain_rtsp(
    streams: Streams,
    credentials: Option<Credentials>,
    transport: Transport,
    mut endpoints: Vec<Endpoint>,
) -> Found {
    match endpoints.first_mut() {
        Some(first) => first.ports.rtsp = Some(streams.address.port),
        None => {
            let ports =
                bartizan_device::ServicePorts { rtsp: Some(streams.address.port), ..Default::default() };
            endpoints.push(Endpoint { host: streams.address.host.clone(), ports, pin: None });
        }
    }
    Found {
        address: streams.address,
        credentials,
        transport,
        evidence: match &streams.server {
            Some(server) => format!("RTSP answers; it calls itself {server}"),
            None => "RTSP answers".to_owned(),
        },
        server: streams.server,
        channels: streams.channels,
        family: FamilyId::RTSP.0.to_owned(),
        identity: Identity::default(),
        certificate: None,
        video_trouble: None,
        oddities: Vec::new(),
        routes: endpoints.iter().map(route_row).collect(),
    }
}

pub(crate) fn route_row(endpoint: &Endpoint) -> RouteRow {
    let Endpoint { host, ports, pin } = endpoint;
    RouteRow {
        host: host.clone(),
        http: ports.http,
        https: ports.https,
        rtsp: ports.rtsp,
        server: ports.server,
        pin: pin.map(|pin| pin.0),
    }
}

pub(crate) fn channel_row(channel: &ChannelInfo) -> ChannelRow {
    let mut streams: Vec<StreamRow> = channel
        .streams
        .iter()
        .map(|stream| StreamRow {
            profile: stream.profile,
            path: stream.path.clone(),
            codec: stream.codec.clone(),
            width: stream.width,
            height: stream.height,
        })
        .collect();
    // The store keeps one of each.
    streams.sort_by_key(|stream| stream.profile);
    streams.dedup_by_key(|stream| stream.profile);
    if let [only] = streams.as_mut_slice() {
        only.profile = StreamProfile::Main;
    }
    ChannelRow { number: channel.number, name: channel.name.clone(), streams }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use bartizan_base::{Secret, SystemClock};
    use bartizan_store::{Store, Vault};

    use super::*;
    use crate::{
        App,
        fake::{FakeFamily, NoVideo},
    };

    fn all(families: &[Arc<FakeFamily>]) -> Families {
        Families::new(families.iter().map(|one| one.clone() as Arc<dyn Family>).collect())
    }

    fn family(id: &'static str, recognises: Result<bool>, after_ms: u64) -> Arc<FakeFamily> {
        let after = Duration::from_millis(after_ms);
        Arc::new(FakeFamily { after, ..FakeFamily::new(id, recognises) })
    }

    fn silent() -> Result<bool> {
        Err(Error::new(Code::Unreachable, "closed"))
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_telling_family_wins_even_when_it_is_slower() {
        let endpoint = Endpoint::new("cam").unwrap();
        let told = |families: Vec<Arc<FakeFamily>>| {
            let endpoint = endpoint.clone();
            async move { all(&families).recognise(&endpoint).await }
        };
        let id = |found: Result<Option<Recognised>>| found.unwrap().unwrap().family.0;
        assert_eq!(id(told(vec![family("a", Ok(true), 900), family("b", Ok(true), 1)]).await), "a");
        assert_eq!(id(told(vec![family("a", Ok(false), 900), family("b", Ok(true), 1)]).await), "b");
        assert_eq!(id(told(vec![family("a", silent(), 1), family("b", Ok(true), 900)]).await), "b");
        // One that hangs does not hold up the others beyond the limit.
        assert_eq!(id(told(vec![family("a", Ok(true), 60_000), family("b", Ok(true), 1)]).await), "b");
        assert!(told(vec![family("a", silent(), 1), family("b", Ok(false), 1)]).await.unwrap().is_none());
        let error = told(vec![family("a", silent(), 1), family("b", silent(), 1)]).await.unwrap_err();
        assert_eq!(error.code(), Code::Unreachable);
    }

    async fn app(families: &[Arc<FakeFamily>]) -> App {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let families = families.iter().map(|one| one.clone() as Arc<dyn Family>).collect();
        let journal = Arc::new(crate::Journal::new(Arc::new(SystemClock)));
        App::with_parts(store, crate::passing_files(), journal, Arc::new(NoVideo), families).await.unwrap()
    }

    fn draft(password: &str) -> Draft {
        Draft {
            host: Some("127.0.0.1".into()),
            user: Some("admin".into()),
            password: Some(Secret::new(password)),
            ..Draft::default()
        }
    }

    #[tokio::test]
    async fn a_refused_password_costs_one_try_over_all_families() {
        let (a, b) = (family("a", Ok(true), 0), family("b", Ok(true), 0));
        let app = app(&[a.clone(), b.clone()]).await;
        let error = app.devices.add(&draft("wrong")).await.unwrap_err();
        assert_eq!((error.code(), error.tries_left()), (Code::WrongPassword, Some(4)));
        assert_eq!((a.logins.load(Ordering::SeqCst), b.logins.load(Ordering::SeqCst)), (1, 0));
        let row = app.devices.add(&draft("right")).await.unwrap();
        assert_eq!(row.facts.serial, "FAKE00000001");
        assert_eq!(app.devices.book().list().1.len(), 1);
    }

    #[tokio::test]
    async fn what_is_no_camera_is_called_so() {
        let app = app(&[family("a", Ok(false), 0)]).await;
        assert_eq!(app.devices.add(&draft("x")).await.unwrap_err().code(), Code::NotADevice);
        let by_hand = Draft { family: Some("a".into()), ..draft("x") };
        assert_eq!(app.devices.add(&by_hand).await.unwrap_err().code(), Code::NotADevice);
        let unknown = Draft { family: Some("nonsense".into()), ..draft("x") };
        assert_eq!(app.devices.add(&unknown).await.unwrap_err().code(), Code::InvalidInput);
    }

    #[tokio::test]
    async fn a_device_whose_video_is_silent_is_added_with_a_warning() {
        let app = app(&[family("a", Ok(true), 0)]).await;
        let found = app.devices.probe(&draft("right")).await.unwrap();
        assert_eq!(found.video_trouble.map(|error| error.code()), Some(Code::Unreachable));
        assert_eq!(found.channels.len(), 1);
    }

    #[tokio::test]
    async fn a_stored_password_is_not_given_to_another_host() {
        let fake = family("a", Ok(true), 0);
        let app = app(std::slice::from_ref(&fake)).await;
        let row = app.devices.add(&draft("right")).await.unwrap();
        let logins = fake.logins.load(Ordering::SeqCst);
        let moved = Draft { host: Some("127.0.0.9".into()), ..Draft::default() };
        assert_eq!(app.devices.update(&row.id, moved).await.unwrap_err().code(), Code::PasswordNeeded);
        let another =
            Draft { routes: Some(vec![("127.0.0.9".into(), Default::default())]), ..Draft::default() };
        assert_eq!(app.devices.update(&row.id, another).await.unwrap_err().code(), Code::PasswordNeeded);
        assert_eq!(fake.logins.load(Ordering::SeqCst), logins);
        let renamed = Draft {
            name: Some("Gate".into()),
            class: Some(bartizan_device::DeviceClass::Door),
            ..Draft::default()
        };
        let row = app.devices.update(&row.id, renamed).await.unwrap();
        assert_eq!((row.name.as_str(), row.facts.class.as_str()), ("Gate", "door"));
        assert_eq!(fake.logins.load(Ordering::SeqCst), logins, "a new name asks the device nothing");
    }
}
