use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use bartizan_base::DeviceId;
use bartizan_device::*;
use tokio::time::sleep;

use super::*;
use crate::{
    App,
    fake::{FakeFamily, SpeakerLog, app_with},
};

/// A stream whose backchannel is there or not.
struct Backchannel {
    refusal: Mutex<Option<Code>>,
    asked: AtomicUsize,
    log: Arc<SpeakerLog>,
}

#[async_trait]
impl StreamOpener for Backchannel {
    async fn describe(&self, _: &StreamSource) -> Result<StreamDescription> {
        Err(Error::new(Code::Unreachable, "closed"))
    }

    async fn open(&self, _: &StreamSource) -> Result<Box<dyn LiveStream>> {
        Err(Error::new(Code::Unreachable, "closed"))
    }

    async fn open_talk(&self, source: &StreamSource) -> Result<Box<dyn TalkLine>> {
        assert_eq!(source.address.path, "/main", "the stream of the channel");
        self.asked.fetch_add(1, Ordering::SeqCst);
        match *self.refusal.lock().unwrap() {
            Some(code) => Err(Error::new(code, "the stream says no")),
            None => Ok(self.log.line()),
        }
    }
}

struct World {
    app: App,
    channel: ChannelId,
    family: Arc<FakeFamily>,
    streams: Arc<Backchannel>,
}

async fn world() -> World {
    let family = Arc::new(FakeFamily::new("fake", Ok(true)));
    let streams = Arc::new(Backchannel {
        refusal: Mutex::new(Some(Code::NotOffered)),
        asked: AtomicUsize::default(),
        log: Arc::default(),
    });
    let (app, channel) = app_with(streams.clone(), family.clone()).await;
    World { app, channel, family, streams }
}

impl World {
    fn own(&self) -> &SpeakerLog {
        &self.family.driver.speaker
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_heard_and_the_line_is_freed() {
    let world = world().await;
    let talk = &world.app.talk;
    let id = talk.start(&world.channel).await.unwrap();
    talk.send(&id, vec![0; 800]).unwrap();
    sleep(Duration::from_millis(50)).await;
    assert_eq!((world.own().pieces(), world.own().open()), (vec![320, 320, 160], 1));
    assert_eq!(talk.send("another", vec![0]).unwrap_err().code(), Code::NotFound);
    assert_eq!(talk.send(&id, vec![0; LONGEST_SPEECH + 1]).unwrap_err().code(), Code::InvalidInput);
    talk.stop(&id).await;
    assert_eq!(world.own().open(), 0);
    assert_eq!(talk.send(&id, vec![0]).unwrap_err().code(), Code::NotFound);
    talk.stop(&id).await;
    assert_eq!(world.own().closed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_goes_away_hangs_up() {
    let world = world().await;
    let id = world.app.talk.start(&world.channel).await.unwrap();
    for _ in 0..4 {
        sleep(TALK_HOLD / 2).await;
        world.app.talk.send(&id, vec![0; 10]).unwrap();
    }
    assert_eq!(world.own().open(), 1);
    sleep(TALK_HOLD + Duration::from_millis(100)).await;
    assert_eq!((world.own().open(), world.own().closed()), (0, 1));
    assert_eq!(world.app.talk.send(&id, vec![0]).unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn one_call_in_the_whole_app() {
    let world = world().await;
    let first = world.app.talk.start(&world.channel).await.unwrap();
    let second = world.app.talk.start(&world.channel).await.unwrap();
    assert_eq!((world.own().most_open(), world.own().closed()), (1, 1), "the first ended before the second");
    assert_eq!(world.app.talk.send(&first, vec![0]).unwrap_err().code(), Code::NotFound);
    // The farewell of the first, late, is not the second's.
    world.app.talk.stop(&first).await;
    world.app.talk.send(&second, vec![0]).unwrap();
    assert_eq!(world.own().open(), 1);
    world.app.talk.end_all();
    assert_eq!(world.app.talk.send(&second, vec![0]).unwrap_err().code(), Code::NotFound);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(world.own().open(), 0, "a lock hangs up");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_ended_while_it_is_opened() {
    let world = Arc::new(world().await);
    *world.own().slow.lock().unwrap() = Duration::from_secs(1);
    let calling = {
        let world = world.clone();
        OwnedTask::spawn(async move { world.app.talk.start(&world.channel).await })
    };
    sleep(Duration::from_millis(500)).await;
    world.app.talk.end_all();
    let code = calling.join().await.unwrap().unwrap_err().code();
    assert_eq!((code, world.own().open(), world.own().closed()), (Code::Cancelled, 0, 1));
    *world.own().slow.lock().unwrap() = OPEN_LIMIT * 2;
    assert_eq!(world.app.talk.start(&world.channel).await.unwrap_err().code(), Code::Timeout);
}

#[tokio::test(start_paused = true)]
async fn what_ended_a_call_is_told() {
    let world = world().await;
    let id = world.app.talk.start(&world.channel).await.unwrap();
    *world.own().failure.lock().unwrap() = Some(Code::Disconnected);
    world.app.talk.send(&id, vec![0]).unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(world.app.talk.send(&id, vec![0]).unwrap_err().code(), Code::Disconnected);
    assert_eq!(world.own().open(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_other_way_is_tried_and_what_worked_is_remembered() {
    let world = world().await;
    let talk = &world.app.talk;
    *world.own().refusal.lock().unwrap() = Some(Code::UnsupportedCodec);
    let code = talk.start(&world.channel).await.unwrap_err().code();
    assert_eq!(code, Code::UnsupportedCodec, "says more than that there is no backchannel");
    *world.own().refusal.lock().unwrap() = Some(Code::NotOffered);
    assert_eq!(talk.start(&world.channel).await.unwrap_err().code(), Code::NotOffered);
    *world.streams.refusal.lock().unwrap() = None;
    talk.start(&world.channel).await.unwrap();
    assert_eq!(world.streams.log.open(), 1);
    let asked = world.own().asked();
    talk.start(&world.channel).await.unwrap();
    assert_eq!((world.own().asked(), world.streams.log.open()), (asked, 1), "at once by the way that worked");
    *world.own().refusal.lock().unwrap() = Some(Code::DeviceBusy);
    *world.streams.refusal.lock().unwrap() = Some(Code::NotOffered);
    assert_eq!(talk.start(&world.channel).await.unwrap_err().code(), Code::DeviceBusy);
    let nobody = ChannelId { device: DeviceId::from_string("none"), number: 1 };
    assert_eq!(talk.start(&nobody).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn speech_that_lags_is_left_out() {
    let world = world().await;
    *world.own().slow.lock().unwrap() = Duration::ZERO;
    let id = world.app.talk.start(&world.channel).await.unwrap();
    *world.own().slow.lock().unwrap() = Duration::from_millis(500);
    for _ in 0..40 {
        world.app.talk.send(&id, vec![0; 320]).unwrap();
    }
    sleep(Duration::from_secs(30)).await;
    let heard = world.own().pieces().len();
    assert!((QUEUE..=QUEUE + 2).contains(&heard), "{heard} of 40 pieces");
}
