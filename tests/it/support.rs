//! What several modules need: fixtures, simulated sites, waiting for a condition, a recording viewer, HTTP.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_app::{
    App, Draft, PortsDraft,
    live::{DecodedPicture, StreamFormat, StreamState, Viewer},
};
use bartizan_base::{ChannelId, Secret, SystemClock};
use bartizan_media::AccessUnit;
use bartizan_sim::{Brand, BrandUnit, Site, SiteConfig, Source, UnitConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// Longest wait for anything that is sure to come; only a broken run gets near it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// Recorded fixtures: `BARTIZAN_FIXTURES`, else those beside the workspace; `None` where there are none.
pub fn fixtures() -> Option<PathBuf> {
    let folder = match std::env::var_os("BARTIZAN_FIXTURES") {
        Some(folder) => PathBuf::from(folder),
        None => workspace().join("../shared/fixtures"),
    };
    folder.is_dir().then_some(folder)
}

/// The fixture folder `name`; prints what is skipped where it is missing.
pub fn fixture_folder(name: &str) -> Option<PathBuf> {
    let folder = fixtures().map(|folder| folder.join(name)).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: no fixtures {name}");
    }
    folder
}

/// Waits until `check` gives something.
pub async fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub const USER: &str = "admin";
pub const PASSWORD: &str = "bartizan1";

/// A site whose pictures cost nothing to make.
pub fn clip_site() -> SiteConfig {
    SiteConfig { source: Source::Clip(None), ..SiteConfig::default() }
}

pub async fn start(config: SiteConfig) -> Site {
    Site::start(config).await.expect("the simulated site starts")
}

/// An app that stores nothing and knows nothing.
pub async fn empty_app() -> Arc<App> {
    Arc::new(App::ephemeral(&[], Arc::new(SystemClock)).await.expect("an app in memory"))
}

/// A simulated unit of a make, and an app that has it; the channel is its first.
pub async fn added(brand: Brand, config: UnitConfig) -> (BrandUnit, Arc<App>, ChannelId) {
    let ports = [Some(0), None, Some(0)];
    let unit =
        BrandUnit::start(brand, config, clip_site(), Ipv4Addr::LOCALHOST, ports).await.expect("starts");
    let app = empty_app().await;
    let draft = Draft {
        host: Some("127.0.0.1".into()),
        ports: PortsDraft {
            http: Some(unit.http().port().into()),
            rtsp: Some(unit.video().addr().port().into()),
            ..PortsDraft::default()
        },
        user: Some(USER.into()),
        password: Some(Secret::new(PASSWORD)),
        ..Draft::default()
    };
    let row = app.devices.add(&draft).await.expect("the device is added");
    let channel = ChannelId { number: row.channels[0].number, device: row.id };
    (unit, app, channel)
}

/// What a person types for the site at `port`, with the right login unless told.
pub fn draft(site: &Site, path: &str) -> Draft {
    Draft {
        url: Some(format!("rtsp://{}{path}", site.addr())),
        user: Some(USER.into()),
        password: Some(Secret::new(PASSWORD)),
        ..Draft::default()
    }
}

/// A viewer that writes down what it is told.
#[derive(Default)]
pub struct Recorder(Mutex<Recorded>);

#[derive(Default)]
pub struct Recorded {
    pub states: Vec<StreamState>,
    pub formats: Vec<StreamFormat>,
    pub units: Vec<AccessUnit>,
    pub pictures: Vec<DecodedPicture>,
}

impl Recorder {
    pub fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a state that `wanted` accepts, from number `from` on; gives the number after it.
    pub async fn state_after(&self, what: &str, from: usize, wanted: impl Fn(&StreamState) -> bool) -> usize {
        until(what, || {
            let found = self.lock().states.iter().skip(from).position(&wanted);
            found.map(|at| from + at + 1)
        })
        .await
    }

    /// Waits for `more` further access units.
    pub async fn more_units(&self, more: usize) {
        let from = self.lock().units.len();
        self.units_beyond(from + more).await;
    }

    /// Waits until there are `count` access units in all.
    pub async fn units_beyond(&self, count: usize) {
        until("access units", || (self.lock().units.len() >= count).then_some(())).await;
    }
}

impl Viewer for Recorder {
    fn state(&self, state: &StreamState) {
        self.lock().states.push(state.clone());
    }

    fn format(&self, format: &StreamFormat) {
        self.lock().formats.push(format.clone());
    }

    fn unit(&self, unit: &AccessUnit) {
        self.lock().units.push(unit.clone());
    }

    fn picture(&self, picture: DecodedPicture) {
        self.lock().pictures.push(picture);
    }

    fn wants_picture(&self) -> bool {
        true
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }
}

/// One HTTP/1.1 request on a connection of its own. `head` is the request line and headers, each ending in CRLF.
pub async fn http(addr: std::net::SocketAddr, head: &str, body: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.expect("connects");
        let mut request =
            format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request).await.expect("writes");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("reads to the end");
        all
    };
    let all = timeout(PATIENCE, exchange).await.expect("an answer in time");
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(all[..end].to_vec()).expect("a head of text");
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "a length is stated: {head}");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head, body: all[end + 4..].to_vec() }
}
