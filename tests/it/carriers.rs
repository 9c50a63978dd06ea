//! One contract for both carriers of the media wire: the WebSocket and the long poll of bartizan-web.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bartizan_api::{
    dispatch,
    media::{
        UNIT_WINDOW,
        carrier::{ABANDONED, CarrierQuery, MediaSessions, poll},
    },
};
use bartizan_app::App;
use bartizan_base::StreamProfile;
use bartizan_decode::StreamDecoder;
use bartizan_media::wire::{self, DISCONTINUITY, Header, Kind, RANDOM_ACCESS};
use bartizan_sim::Site;
use bartizan_web::{Config, Server};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{PATIENCE, clip_site, draft, empty_app, http, start, until};

const TILES: [u32; 4] = [3, 4, 5, 9];

struct Shell {
    site: Site,
    app: Arc<App>,
    server: Server,
    session: String,
    device: String,
}

impl Shell {
    async fn new() -> Self {
        let (site, app) =
            (start(bartizan_sim::SiteConfig { channels: 4, ..clip_site() }).await, empty_app().await);
        let device = app.devices.add(&draft(&site, "/")).await.expect("the site is added").id.to_string();
        let config = Config { port: 0, ui: std::env::temp_dir() };
        let server = Server::start(app.clone(), config).await.expect("the shell starts");
        let mut shell = Self { site, app, server, session: String::new(), device };
        let endpoint = shell.rpc("live.connect", json!({})).await;
        shell.session = endpoint["session"].as_str().expect("a session").to_owned();
        shell
    }

    async fn rpc(&self, name: &str, request: Value) -> Value {
        let reply = serde_json::to_value(dispatch(self.server.backend().as_ref(), name, request).await);
        let reply = reply.expect("JSON");
        reply.get("ok").unwrap_or_else(|| panic!("{name}: {reply}")).clone()
    }

    async fn open(&self, tile: u32, channel: usize, delivery: &str) {
        let request = json!({
            "session": self.session, "tile": tile, "device": self.device, "channel": channel, "profile": "sub",
            "delivery": delivery,
        });
        self.rpc("live.open", request).await;
    }

    async fn open_all(&self) {
        for (at, tile) in TILES.into_iter().enumerate() {
            self.open(tile, at + 1, "encoded").await;
        }
    }

    /// Waits until the core has got `more` further access units on every stream.
    async fn streams_go_on(&self, more: u64) {
        let counts = || -> BTreeMap<_, _> {
            let all = self.app.live.counters();
            all.into_iter().map(|one| (one.stream.channel.number, one.access_units)).collect()
        };
        let before = counts();
        assert!(!before.is_empty());
        until("the streams go on", || {
            let now = counts();
            before
                .iter()
                .all(|(channel, units)| now.get(channel).is_some_and(|now| *now >= units + more))
                .then_some(())
        })
        .await;
    }

    async fn end(self) {
        self.rpc("live.disconnect", json!({ "session": self.session })).await;
        self.app.live.shutdown().await;
        until("no session left", || (self.site.stats().open_sessions == 0).then_some(())).await;
        self.site.shutdown().await;
    }
}

/// What the page does with a carrier.
trait Carrier: Sized {
    /// Comes (back), the page having handled everything up to `after`.
    async fn connect(shell: &Shell, after: u32) -> Self;
    /// Messages, whole and back to back; waits for at least one.
    async fn receive(&mut self, after: u32) -> Vec<u8>;
    /// Gives credits back.
    async fn give(&mut self, credit: &[(u32, u32)], after: u32);
    /// Breaks in mid-stream, with something of it lost on the way.
    async fn break_off(self, after: u32);
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Carrier for Socket {
    async fn connect(shell: &Shell, after: u32) -> Self {
        let addr = shell.server.addr();
        let url = format!("ws://{addr}/ws?session={}&after={after}", shell.session);
        let mut request = url.into_client_request().expect("a request");
        let origin = HeaderValue::from_str(&format!("http://{addr}")).expect("a header");
        request.headers_mut().insert("Origin", origin);
        let connected = timeout(PATIENCE, connect_async(request)).await.expect("a socket in time");
        Self(connected.expect("a socket").0)
    }

    async fn receive(&mut self, _: u32) -> Vec<u8> {
        match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    async fn give(&mut self, credit: &[(u32, u32)], after: u32) {
        let text = json!({ "credit": credit, "ack": after }).to_string();
        self.0.send(Message::Text(text.into())).await.expect("sent");
    }

    async fn break_off(mut self, after: u32) {
        // One message reaches this side and is lost; the socket goes without a close frame.
        let _ = self.receive(after).await;
    }
}

struct Poll {
    addr: SocketAddr,
    session: String,
    credit: Vec<(u32, u32)>,
}

impl Poll {
    async fn ask(&mut self, after: u32, wait_ms: u32) -> Vec<u8> {
        let credit: Vec<_> = self.credit.drain(..).map(|(tile, count)| format!("{tile}:{count}")).collect();
        let head = format!(
            "GET /media/poll?session={}&after={after}&wait={wait_ms}&credit={} HTTP/1.1\r\nHost: {}\r\n",
            self.session,
            credit.join(","),
            self.addr
        );
        let answer = http(self.addr, &head, b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.head.to_ascii_lowercase().contains("cache-control: no-store"));
        answer.body
    }
}

impl Carrier for Poll {
    async fn connect(shell: &Shell, _: u32) -> Self {
        Self { addr: shell.server.addr(), session: shell.session.clone(), credit: Vec::new() }
    }

    async fn receive(&mut self, after: u32) -> Vec<u8> {
        for _ in 0..PATIENCE.as_secs() {
            let bytes = self.ask(after, 1000).await;
            if !bytes.is_empty() {
                return bytes;
            }
        }
        panic!("nothing comes");
    }

    async fn give(&mut self, credit: &[(u32, u32)], _: u32) {
        self.credit.extend_from_slice(credit);
    }

    async fn break_off(mut self, after: u32) {
        // The answer is lost on the way.
        let _ = self.receive(after).await;
    }
}

/// One tile as the page sees it.
#[derive(Default)]
struct Tile {
    config: Option<Value>,
    states: Vec<String>,
    decoder: StreamDecoder,
    units: usize,
    pictures: usize,
    owed: u32,
    /// A carrier came back after a gap: the next unit must start anew.
    restarts: bool,
    /// Flags of the units since [`Page::mark`].
    flags: Vec<u16>,
}

#[derive(Default)]
struct Page {
    after: u32,
    tiles: BTreeMap<u32, Tile>,
    /// The next message may follow a gap.
    gap_allowed: bool,
}

impl Page {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (header, payload, rest) = wire::decode(bytes).expect("whole messages");
            bytes = rest;
            if std::mem::take(&mut self.gap_allowed) {
                assert!(header.seq > self.after);
                if header.seq != self.after + 1 {
                    self.tiles.values_mut().for_each(|tile| tile.restarts = true);
                }
            } else {
                assert_eq!(header.seq, self.after + 1, "no gap, no repetition");
            }
            self.after = header.seq;
            self.message(&header, payload);
        }
    }

    fn message(&mut self, header: &Header, payload: &[u8]) {
        let tile = self.tiles.entry(header.tile).or_default();
        let random_access = header.flags & RANDOM_ACCESS != 0;
        let discontinuity = header.flags & DISCONTINUITY != 0;
        match header.kind {
            Kind::Config => tile.config = Some(serde_json::from_slice(payload).expect("JSON")),
            Kind::State => {
                let state: Value = serde_json::from_slice(payload).expect("JSON");
                tile.states.push(state["phase"].as_str().expect("a phase").to_owned());
            }
            Kind::AccessUnit => {
                let config = tile.config.as_ref().expect("config before pictures");
                assert_eq!((&config["width"], &config["height"]), (&json!(640), &json!(360)));
                assert!(tile.units > 0 || random_access, "the first picture starts a decoder");
                assert!(random_access || !discontinuity, "what follows a hole can be decoded");
                if std::mem::take(&mut tile.restarts) {
                    assert!(random_access && discontinuity, "after lost messages a tile starts anew");
                }
                assert!(header.arrival_us > 1.5e15);
                let pictures = tile.decoder.push(payload, random_access, discontinuity).expect("decodes");
                tile.pictures += pictures.len();
                tile.units += 1;
                tile.owed += 1;
                tile.flags.push(header.flags);
            }
            Kind::SoundState | Kind::Sound => panic!("nobody listens"),
            Kind::Picture => {
                let side = |at: usize| usize::from(u16::from_le_bytes([payload[at], payload[at + 1]]));
                assert_eq!((side(0), side(2)), (640, 360));
                assert_eq!(payload.len(), 4 + 640 * 360 * 3 / 2);
                assert!(random_access);
                assert!(tile.config.as_ref().is_some_and(|config| config["delivery"] == "pictures"));
                tile.pictures += 1;
                tile.owed += 1;
            }
            Kind::Unknown(kind) => panic!("kind {kind}"),
        }
    }

    fn owed(&mut self) -> Vec<(u32, u32)> {
        let owed = self.tiles.iter_mut().map(|(number, tile)| (*number, std::mem::take(&mut tile.owed)));
        owed.filter(|(_, count)| *count > 0).collect()
    }

    /// Handles messages and gives credits back until every tile has `pictures` more pictures.
    async fn watch(&mut self, carrier: &mut impl Carrier, pictures: usize) {
        let before: BTreeMap<u32, usize> =
            self.tiles.iter().map(|(number, tile)| (*number, tile.pictures)).collect();
        let wanted = |number: &u32| before.get(number).copied().unwrap_or(0) + pictures;
        while self.tiles.is_empty() || self.tiles.iter().any(|(number, tile)| tile.pictures < wanted(number))
        {
            let bytes = carrier.receive(self.after).await;
            self.take(&bytes);
            let owed = self.owed();
            carrier.give(&owed, self.after).await;
        }
    }

    fn mark(&mut self) {
        self.tiles.values_mut().for_each(|tile| tile.flags.clear());
    }
}

async fn plays<C: Carrier>() {
    let shell = Shell::new().await;
    let mut carrier = C::connect(&shell, 0).await;
    shell.open_all().await;
    let mut page = Page::default();
    while page.tiles.len() < TILES.len() {
        page.watch(&mut carrier, 1).await;
    }
    page.watch(&mut carrier, 40).await;
    assert_eq!(page.tiles.keys().copied().collect::<Vec<_>>(), TILES);
    for tile in page.tiles.values() {
        assert_eq!(tile.states.last().map(String::as_str), Some("playing"));
        assert!(
            tile.flags.iter().all(|flags| flags & DISCONTINUITY == 0),
            "a page that keeps up misses nothing"
        );
    }
    shell.end().await;
}

async fn respects_credits<C: Carrier>() {
    let shell = Shell::new().await;
    let mut carrier = C::connect(&shell, 0).await;
    shell.open_all().await;
    let mut page = Page::default();
    let full = UNIT_WINDOW as usize;
    let all_full =
        |page: &Page| page.tiles.len() == TILES.len() && page.tiles.values().all(|tile| tile.units >= full);
    while !all_full(&page) {
        let bytes = carrier.receive(page.after).await;
        page.take(&bytes);
    }
    // Longer than any group of pictures: what was queued is old by now.
    shell.streams_go_on(40).await;
    page.mark();
    carrier.give(&[(TILES[0], 5)], page.after).await;
    while page.tiles[&TILES[0]].units < full + 5 {
        let bytes = carrier.receive(page.after).await;
        page.take(&bytes);
    }
    for (number, tile) in &page.tiles {
        assert_eq!(tile.units, if *number == TILES[0] { full + 5 } else { full }, "tile {number}");
    }
    let flags = &page.tiles[&TILES[0]].flags;
    assert_eq!(
        flags[0],
        RANDOM_ACCESS | DISCONTINUITY,
        "a page that was behind goes on at a random access point"
    );
    assert!(flags[1..].iter().all(|flags| flags & DISCONTINUITY == 0));
    shell.end().await;
}

async fn survives_breaks<C: Carrier>() {
    let shell = Shell::new().await;
    let mut carrier = C::connect(&shell, 0).await;
    shell.open_all().await;
    let mut page = Page::default();
    while page.tiles.len() < TILES.len() {
        page.watch(&mut carrier, 1).await;
    }
    page.watch(&mut carrier, 10).await;
    for _ in 0..3 {
        carrier.break_off(page.after).await;
        carrier = C::connect(&shell, page.after).await;
        page.watch(&mut carrier, 10).await;
    }
    for tile in page.tiles.values() {
        assert!(tile.flags.iter().all(|flags| flags & DISCONTINUITY == 0), "what was kept is enough");
    }
    shell.end().await;
}

/// A page that lost its place: what it asks for is acknowledged and gone.
async fn restarts_what_is_gone<C: Carrier>() {
    let shell = Shell::new().await;
    let mut carrier = C::connect(&shell, 0).await;
    shell.open_all().await;
    let mut page = Page::default();
    while page.tiles.len() < TILES.len() {
        page.watch(&mut carrier, 1).await;
    }
    page.watch(&mut carrier, 10).await;
    let handled = page.after;
    drop(carrier);
    // A page that was loaded again knows nothing: it needs the configurations and states again.
    let mut page = Page { gap_allowed: true, ..Page::default() };
    let mut carrier = C::connect(&shell, 0).await;
    while page.tiles.len() < TILES.len() {
        page.watch(&mut carrier, 1).await;
    }
    page.watch(&mut carrier, 10).await;
    assert!(page.after > handled, "sequence numbers go on");
    for tile in page.tiles.values() {
        assert!(tile.config.is_some());
        assert_eq!(tile.flags[0], RANDOM_ACCESS | DISCONTINUITY);
        assert_eq!(tile.states.last().map(String::as_str), Some("playing"));
    }
    shell.end().await;
}

async fn delivers_pictures<C: Carrier>() {
    let shell = Shell::new().await;
    let mut carrier = C::connect(&shell, 0).await;
    shell.open(1, 1, "pictures").await;
    let mut page = Page::default();
    page.watch(&mut carrier, 8).await;
    assert_eq!(page.tiles[&1].units, 0);
    shell.end().await;
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod websocket {
            $(#[tokio::test] async fn $name() { super::$name::<super::Socket>().await; })*
        }
        mod long_poll {
            $(#[tokio::test] async fn $name() { super::$name::<super::Poll>().await; })*
        }
    };
}
contract! { plays respects_credits survives_breaks restarts_what_is_gone delivers_pictures }

#[tokio::test]
async fn a_page_changes_from_the_socket_to_polling() {
    let shell = Shell::new().await;
    let mut socket = Socket::connect(&shell, 0).await;
    shell.open_all().await;
    let mut page = Page::default();
    while page.tiles.len() < TILES.len() {
        page.watch(&mut socket, 1).await;
    }
    page.watch(&mut socket, 5).await;
    // The socket lives on but says nothing any more, as behind a proxy that swallows it.
    let mut polling = Poll::connect(&shell, page.after).await;
    page.watch(&mut polling, 20).await;
    drop(socket);
    page.watch(&mut polling, 5).await;
    let mut socket = Socket::connect(&shell, page.after).await;
    page.watch(&mut socket, 5).await;
    shell.end().await;
}

#[tokio::test]
async fn asking_again_gives_the_same_bytes() {
    let shell = Shell::new().await;
    let mut polling = Poll::connect(&shell, 0).await;
    shell.open(1, 1, "encoded").await;
    let mut page = Page::default();
    page.watch(&mut polling, 3).await;
    let first = polling.receive(page.after).await;
    assert_eq!(polling.ask(page.after, 1000).await, first);
    assert!(polling.ask(page.after, 0).await.is_empty(), "a poll that does not wait only brings credits");
    assert_eq!(polling.ask(page.after, 1000).await, first);
    page.take(&first);
    page.watch(&mut polling, 3).await;
    shell.end().await;
}

#[tokio::test]
async fn of_two_polls_at_once_neither_takes_from_the_other() {
    let shell = Shell::new().await;
    let mut polling = Poll::connect(&shell, 0).await;
    let mut other = Poll::connect(&shell, 0).await;
    shell.open(1, 1, "encoded").await;
    let mut page = Page::default();
    page.watch(&mut polling, 3).await;
    for _ in 0..5 {
        let (one, two) = tokio::join!(polling.ask(page.after, 1000), other.ask(page.after, 1000));
        assert!(!one.is_empty() || !two.is_empty());
        for answer in [&one, &two].into_iter().filter(|answer| !answer.is_empty()) {
            let (first, ..) = wire::decode(answer).expect("a whole message");
            assert_eq!(first.seq, page.after + 1, "either answer has everything");
        }
        let longer = if one.len() > two.len() { one } else { two };
        page.take(&longer);
        let owed = page.owed();
        polling.give(&owed, page.after).await;
    }
    shell.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_session_is_swept() {
    let sessions = MediaSessions::default();
    let (kept, left) = (sessions.create().id().to_owned(), sessions.create().id().to_owned());
    let query = |session: &str| CarrierQuery { session: session.to_owned(), ..CarrierQuery::default() };
    tokio::time::advance(ABANDONED - Duration::from_secs(1)).await;
    sessions.sweep();
    assert!(sessions.get(&left).is_some());
    assert!(poll(&sessions, &query(&kept)).await.is_some());
    tokio::time::advance(Duration::from_secs(1)).await;
    sessions.sweep();
    assert!(sessions.get(&left).is_none());
    assert!(poll(&sessions, &query(&left)).await.is_none());
    assert!(sessions.get(&kept).is_some());
    tokio::time::advance(ABANDONED).await;
    let fresh = sessions.create();
    assert!(sessions.get(&kept).is_none(), "opening a session sweeps too");
    assert!(sessions.remove(fresh.id()) && !sessions.remove(fresh.id()));
}

#[tokio::test]
async fn closing_tiles_and_sessions_lets_go_of_the_streams() {
    let shell = Shell::new().await;
    let mut carrier = Socket::connect(&shell, 0).await;
    shell.open(1, 1, "encoded").await;
    shell.open(2, 1, "encoded").await;
    let mut page = Page::default();
    page.watch(&mut carrier, 3).await;
    let viewers = || shell.app.live.counters().iter().map(|one| one.viewers).sum::<usize>();
    assert_eq!(viewers(), 2);
    assert_eq!(shell.app.live.counters()[0].stream.profile, StreamProfile::Sub);
    // Another stream on the same tile lets go of the first.
    shell.open(2, 2, "encoded").await;
    assert_eq!(viewers(), 2);
    shell.rpc("live.close", json!({ "session": shell.session, "tile": 1 })).await;
    assert_eq!(viewers(), 1);
    shell.rpc("live.disconnect", json!({ "session": shell.session })).await;
    assert_eq!(viewers(), 0, "though the socket is still there");
    shell.app.live.shutdown().await;
    shell.site.shutdown().await;
}
