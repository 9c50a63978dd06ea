use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bartizan_base::DeviceId;
use bartizan_device::Transport;
use bartizan_media::{AccessUnit, Codec, Matrix, VideoInfo};
use bytes::Bytes;

use super::*;
use crate::{
    App,
    fake::{FAKE_AHEAD_US, FakeFamily, app_with},
    live::{DecodedPicture, Phase, StreamFormat, StreamState},
};

const SECOND: i64 = 1_000_000;
/// Pictures of one connection; each is a second long.
const REEL: i64 = 3;

/// Plays three pictures a connection, then the device ends it.
#[derive(Default)]
struct Deck {
    /// What was opened: the path, and the range where there was one.
    opened: Mutex<Vec<(String, Option<i64>)>>,
    /// The next connections bring nothing.
    blank: AtomicBool,
    /// Why the next opening fails.
    refusal: Mutex<Option<Code>>,
    /// Behind the second picture of a connection there is a gap of so many seconds, and the device says so.
    gap_s: Mutex<i64>,
    open: Arc<Mutex<i64>>,
}

struct Cassette {
    description: StreamDescription,
    at: i64,
    end: i64,
    /// When the picture of time 0 was recorded, by the device's clock, and the gap.
    clock: Option<(i64, i64)>,
    open: Arc<Mutex<i64>>,
}

impl Drop for Cassette {
    fn drop(&mut self) {
        *self.open.lock().unwrap() -= 1;
    }
}

fn video() -> VideoInfo {
    VideoInfo {
        codec: "avc1.42c01e".into(),
        width: 176,
        height: 144,
        frame_rate: Some(1.0),
        reorder_frames: Some(0),
        interlaced: false,
        matrix: Matrix::Bt601,
        full_range: false,
    }
}

#[async_trait]
impl LiveStream for Cassette {
    fn description(&self) -> &StreamDescription {
        &self.description
    }

    async fn next(&mut self) -> Option<Result<LiveItem>> {
        let at = self.at;
        if at == 2
            && let Some((starts, gap_us)) = self.clock.take()
        {
            let device = UtcMicros(starts + gap_us + at * SECOND);
            return Some(Ok(LiveItem::Clock(ClockPoint { pts_us: at * SECOND, device })));
        }
        self.at += 1;
        if at >= self.end {
            return None;
        }
        if at < 0 {
            return Some(Ok(LiveItem::Video(video())));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some(Ok(LiveItem::AccessUnit(AccessUnit {
            codec: Codec::H264,
            pts_us: at * SECOND,
            random_access: true,
            discontinuity: false,
            arrival: UtcMicros(0),
            data: Bytes::from_static(&[0, 0, 0, 1, 0x65]),
        })))
    }

    async fn close(self: Box<Self>) {}
}

impl Deck {
    fn insert(&self, source: &StreamSource, range: Option<i64>) -> Result<Box<dyn LiveStream>> {
        self.opened.lock().unwrap().push((source.address.path.clone(), range));
        if let Some(code) = *self.refusal.lock().unwrap() {
            return Err(Error::new(code, "the deck says no"));
        }
        *self.open.lock().unwrap() += 1;
        let description = StreamDescription {
            codec: Codec::H264,
            video: None,
            frame_rate: None,
            audio: None,
            title: None,
            server: None,
            transport: Transport::Tcp,
            recorded: None,
        };
        let end = if self.blank.load(Ordering::SeqCst) { -1 } else { REEL };
        // Without a range the reports of the device are of now, whatever they say.
        let clock = Some((range.unwrap_or(0), *self.gap_s.lock().unwrap() * SECOND));
        Ok(Box::new(Cassette { description, at: -1, end, clock, open: self.open.clone() }))
    }

    fn paths(&self) -> Vec<String> {
        self.opened.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }
}

#[async_trait]
impl StreamOpener for Deck {
    async fn describe(&self, _: &StreamSource) -> Result<StreamDescription> {
        Err(Error::new(Code::Unreachable, "closed"))
    }

    async fn open(&self, source: &StreamSource) -> Result<Box<dyn LiveStream>> {
        self.insert(source, None)
    }

    async fn open_replay(&self, source: &StreamSource, from: UtcMicros) -> Result<Replay> {
        let stream = self.insert(source, Some(from.0))?;
        Ok(Replay { stream, starts: Some(UtcMicros(from.0 - SECOND / 4)) })
    }
}

/// What the page would see.
#[derive(Default)]
struct Seen {
    pictures: Mutex<Vec<i64>>,
    recorded: Mutex<Vec<i64>>,
    state: Mutex<Option<StreamState>>,
}

impl Viewer for Seen {
    fn state(&self, state: &StreamState) {
        *self.state.lock().unwrap() = Some(state.clone());
    }

    fn format(&self, format: &StreamFormat) {
        self.recorded.lock().unwrap().push(format.recorded.expect("a recording").0);
    }

    fn unit(&self, unit: &AccessUnit) {
        let base = *self.recorded.lock().unwrap().last().expect("told before the picture");
        self.pictures.lock().unwrap().push(base + unit.pts_us);
    }

    fn picture(&self, _: DecodedPicture) {}

    fn wants_picture(&self) -> bool {
        true
    }
}

impl Seen {
    fn failure(&self) -> Option<Code> {
        let state = self.state.lock().unwrap().clone()?;
        (state.phase == Phase::Failed).then(|| state.error.expect("a reason").code())
    }
}

struct World {
    app: App,
    channel: ChannelId,
    family: Arc<FakeFamily>,
    deck: Arc<Deck>,
    seen: Arc<Seen>,
}

async fn world(recorded: &[(i64, i64)]) -> World {
    let family = Arc::new(FakeFamily::new("fake", Ok(true)));
    *family.driver.recorded.lock().unwrap() =
        recorded.iter().map(|(from, to)| (from * SECOND, to * SECOND)).collect();
    let deck = Arc::<Deck>::default();
    let (app, channel) = app_with(deck.clone(), family.clone()).await;
    World { app, channel, family, deck, seen: Arc::default() }
}

impl World {
    fn play(&self, from: i64) -> Attachment {
        let viewer = self.seen.clone();
        self.app.replays.attach(&self.channel, UtcMicros(from * SECOND), Delivery::Encoded, viewer).unwrap()
    }

    async fn until_it_fails(&self) -> Code {
        let failed = async {
            loop {
                if let Some(code) = self.seen.failure() {
                    return code;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(600), failed).await.expect("ends")
    }
}

#[tokio::test(start_paused = true)]
async fn goes_on_where_the_device_stops_and_says_when_pictures_were_recorded() {
    let world = world(&[(100, 105), (200, 202)]).await;
    let watching = world.play(102);
    assert_eq!(world.until_it_fails().await, Code::NothingRecorded);
    let seconds: Vec<i64> = world.seen.pictures.lock().unwrap().iter().map(|at| at / SECOND).collect();
    // Three pictures of a connection, and the next begins behind the last of them.
    assert_eq!(seconds, [102, 103, 104, 104, 105, 106, 200, 201, 202]);
    let paths = world.deck.paths();
    assert_eq!(paths[0], "/tape?from=102000000");
    assert_eq!(paths[1], "/tape?from=104000001", "not the same again");
    assert!(paths.contains(&"/tape?from=200000000".to_owned()), "{paths:?}");
    assert!(world.deck.opened.lock().unwrap().iter().all(|(_, range)| range.is_none()));
    drop(watching);
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_is_asked_for_by_range() {
    let world = world(&[(100, 102)]).await;
    world.family.driver.by_range.store(true, Ordering::SeqCst);
    let watching = world.play(50);
    assert_eq!(world.until_it_fails().await, Code::NothingRecorded);
    let (path, range) = world.deck.opened.lock().unwrap()[0].clone();
    assert_eq!((path.as_str(), range), ("/tape?from=100000000", Some(100 * SECOND + FAKE_AHEAD_US)));
    // The device said a quarter of a second before that by its clock, which is ahead.
    assert_eq!(world.seen.recorded.lock().unwrap()[0], 100 * SECOND - SECOND / 4);
    drop(watching);
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_the_device_tells_of() {
    let world = world(&[(100, 1000)]).await;
    world.family.driver.by_range.store(true, Ordering::SeqCst);
    *world.deck.gap_s.lock().unwrap() = 60;
    let watching = world.play(100);
    tokio::time::sleep(Duration::from_millis(3500)).await;
    let seconds: Vec<i64> =
        world.seen.pictures.lock().unwrap().iter().map(|at| (at + SECOND / 2) / SECOND).collect();
    assert_eq!(seconds, [100, 101, 162]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (_, range) = world.deck.opened.lock().unwrap()[1].clone();
    assert_eq!(range.map(|at| (at - FAKE_AHEAD_US) / SECOND), Some(162), "it goes on behind the gap");
    drop(watching);
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_and_not_played_is_passed_over() {
    let world = world(&[(100, 110)]).await;
    world.deck.blank.store(true, Ordering::SeqCst);
    let watching = world.play(100);
    assert_eq!(world.until_it_fails().await, Code::NothingRecorded);
    let asked = world.family.driver.told();
    let from = |at: usize| asked[at].rsplit(' ').next().unwrap().parse::<i64>().unwrap() / SECOND;
    assert_eq!([from(0), from(1), from(2), from(3)], [100, 102, 104, 106]);
    drop(watching);
}

#[tokio::test(start_paused = true)]
async fn refusals_mean_what_they_say() {
    for (refusal, wanted) in [
        (Code::NoSuchStream, Code::NothingRecorded),
        (Code::WrongPassword, Code::WrongPassword),
        (Code::Forbidden, Code::Forbidden),
    ] {
        let world = world(&[(100, 110)]).await;
        *world.deck.refusal.lock().unwrap() = Some(refusal);
        let watching = world.play(100);
        assert_eq!(world.until_it_fails().await, wanted);
        assert_eq!(world.deck.paths().len(), 1, "tried once");
        drop(watching);
    }
    let world = world(&[]).await;
    let watching = world.play(100);
    assert_eq!(world.until_it_fails().await, Code::NothingRecorded);
    assert!(world.deck.paths().is_empty());
    drop(watching);
}

#[tokio::test(start_paused = true)]
async fn every_viewer_has_a_session_that_ends_with_it() {
    let world = world(&[(100, 1000)]).await;
    let (first, second) = (world.play(100), world.play(100));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(*world.deck.open.lock().unwrap(), 2, "nobody joins another's place");
    let open = || world.app.live.counters().len();
    assert_eq!(open(), 2);
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((*world.deck.open.lock().unwrap(), open()), (1, 1), "at once, without grace");
    // A page in the background does not come back to the same place.
    second.leave();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(*world.deck.open.lock().unwrap(), 0);
    let third = world.play(100);
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.app.live.set_shut(true).await;
    assert_eq!(*world.deck.open.lock().unwrap(), 0, "a locked app shows nothing");
    drop(third);
    let refused =
        world.app.replays.attach(&world.channel, UtcMicros(0), Delivery::Encoded, world.seen.clone());
    assert_eq!(refused.err().expect("refused").code(), Code::AppLocked);
    world.app.live.set_shut(false).await;
    let gone = ChannelId { device: DeviceId::from_string("gone"), number: 1 };
    let watching =
        world.app.replays.attach(&gone, UtcMicros(0), Delivery::Encoded, world.seen.clone()).unwrap();
    assert_eq!(world.until_it_fails().await, Code::NotFound);
    drop(watching);
}
