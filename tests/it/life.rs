//! A page goes to the background and comes back, or does not; and the network changes meanwhile.

use std::{sync::Arc, time::Duration};

use bartizan_api::{Backend, ShellInfo, dispatch, dto::Shell, media::carrier::ABANDONED};
use bartizan_app::{
    App,
    live::{AWAY_GRACE, Delivery, Phase},
};
use bartizan_base::{ChannelId, DeviceId, StreamId, StreamProfile};
use bartizan_media::wire::{self, Kind};
use bartizan_sim::Site;
use serde_json::{Value, json};
use tokio::time::{Instant, pause, resume, sleep};

use crate::support::{Recorder, clip_site, draft, empty_app, start, until};

struct Page {
    site: Site,
    app: Arc<App>,
    backend: Backend,
    device: String,
    session: String,
}

impl Page {
    async fn new() -> Self {
        let (site, app) = (start(clip_site()).await, empty_app().await);
        let device = app.devices.add(&draft(&site, "/")).await.expect("the site is added").id.to_string();
        let shell = ShellInfo {
            shell: Shell::Web,
            ws_url: None,
            poll_url: "vid://localhost/poll".into(),
            pictures: None,
            search_loopback: true,
        };
        let backend = Backend::new(app.clone(), shell);
        let mut page = Self { site, app, backend, device, session: String::new() };
        let endpoint = page.rpc("live.connect", json!({})).await;
        page.session = endpoint["ok"]["session"].as_str().expect("a session").to_owned();
        page
    }

    async fn rpc(&self, name: &str, request: Value) -> Value {
        serde_json::to_value(dispatch(&self.backend, name, request).await).expect("JSON")
    }

    async fn open(&self, tile: u32) -> Value {
        let (session, device) = (&self.session, &self.device);
        let open = json!({
            "session": session, "tile": tile, "device": device, "channel": 1, "profile": "sub", "delivery": "encoded",
        });
        self.rpc("live.open", open).await
    }

    async fn present(&self, present: bool, turn: u32) {
        let request = json!({ "session": self.session, "present": present, "turn": turn });
        assert_eq!(self.rpc("live.presence", request).await, json!({ "ok": {} }));
    }

    fn viewers(&self) -> Option<usize> {
        self.app.live.counters().first().map(|stream| stream.viewers)
    }

    async fn playing(&self) {
        until("pictures", || {
            self.app.live.counters().iter().any(|stream| stream.access_units > 25).then_some(())
        })
        .await;
    }

    async fn gone(&self) {
        until("the teardown", || (self.site.stats().open_sessions == 0).then_some(())).await;
    }
}

/// Lets the clock run ahead from timer to timer, so that what goes over the loopback goes on.
async fn pass(time: Duration) {
    pause();
    sleep(time).await;
    resume();
}

#[tokio::test]
async fn a_page_in_the_background_keeps_its_streams_for_thirty_seconds() {
    let page = Page::new().await;
    assert!(page.open(1).await.get("ok").is_some());
    page.playing().await;
    page.present(false, 1).await;
    assert_eq!(page.viewers(), Some(0), "nothing goes to the page any more");

    // What was on its way when the page went holds nothing, and an older word counts for nothing.
    assert_eq!(page.open(2).await["err"]["code"], "cancelled");
    page.present(true, 1).await;
    page.present(true, 0).await;
    assert_eq!(page.open(2).await["err"]["code"], "cancelled");
    assert_eq!(page.viewers(), Some(0));

    pass(AWAY_GRACE - Duration::from_secs(5)).await;
    let before = page.site.stats();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(page.site.stats().open_sessions, 1, "kept");
    pass(Duration::from_secs(5)).await;
    page.gone().await;
    let after = page.site.stats();
    assert!(after.teardowns > before.teardowns, "{before:?} {after:?}");
}

#[tokio::test]
async fn whoever_is_back_in_time_has_the_present_group_of_pictures_at_once() {
    let page = Page::new().await;
    page.open(1).await;
    page.playing().await;
    let opened = page.site.stats().plays;
    page.present(false, 1).await;
    pass(Duration::from_secs(20)).await;
    page.present(true, 2).await;
    assert!(page.open(2).await.get("ok").is_some());
    let session = page.backend.media().get(&page.session).expect("the media session");
    let mut units = Vec::new();
    // No waiting: what is read here was there already.
    for message in session.poll(0, Duration::ZERO).await {
        let (header, ..) = wire::decode(&message).expect("a message");
        if header.tile == 2 && header.kind == Kind::AccessUnit {
            units.push(header);
        }
    }
    let first = units.first().expect("pictures at once");
    assert!(first.flags & wire::RANDOM_ACCESS != 0, "decodable from the first on");
    assert_eq!(page.site.stats().plays, opened, "no second session");
    assert_eq!(page.viewers(), Some(1));

    // Watched again, it does not remember the time in the background.
    pass(Duration::from_secs(15)).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(page.viewers(), Some(1));
}

#[tokio::test]
async fn a_page_that_stops_reading_is_noticed() {
    let page = Page::new().await;
    page.open(1).await;
    page.playing().await;
    let session = page.backend.media().get(&page.session).expect("the media session");
    // The carrier stays open all the time: that alone tells nothing of the page behind it.
    let (carrier, mut after) = (session.resume(0), 0);
    for _ in 0..7 {
        assert!(
            !session.next_batch(&mut after, Duration::from_secs(5)).await.is_empty(),
            "a page that reads"
        );
        session.acknowledge(after);
        session.give_credit(1, 32);
        pass(Duration::from_secs(5)).await;
        assert!(session.is_current(carrier));
    }
    session.next_batch(&mut after, Duration::from_secs(5)).await;
    pass(ABANDONED - Duration::from_secs(1)).await;
    assert!(session.is_current(carrier), "a page may be busy for a while");
    assert_eq!(page.site.stats().open_sessions, 1);
    pass(Duration::from_secs(6)).await;
    assert!(!session.is_current(carrier));
    assert!(page.backend.media().get(&page.session).is_none());
    page.gone().await;
}

#[tokio::test]
async fn a_recording_goes_on_in_the_background() {
    let page = Page::new().await;
    page.open(1).await;
    page.playing().await;
    let channel = json!({ "device": page.device, "channel": 1, "profile": "sub" });
    let started = page.rpc("record.start", channel).await;
    assert!(started.get("ok").is_some(), "{started}");
    page.present(false, 1).await;
    pass(AWAY_GRACE + Duration::from_secs(10)).await;
    let units = || page.app.live.counters().iter().map(|stream| stream.access_units).max().unwrap_or(0);
    let before = units();
    until("more pictures", || (units() > before + 25).then_some(())).await;
    let stopped = page.rpc("record.stop", json!({ "device": page.device, "channel": 1 })).await;
    assert!(stopped["ok"]["files"].as_array().is_some_and(|files| !files.is_empty()), "{stopped}");
}

/// The device is away and the pause between tries has grown long; then the network changes.
#[tokio::test]
async fn a_change_of_the_network_does_not_wait() {
    let (site, app) = (start(clip_site()).await, empty_app().await);
    let device = app.devices.add(&draft(&site, "/")).await.expect("the site is added").id;
    let addr = site.addr();
    let viewer = Arc::new(Recorder::default());
    let stream = StreamId {
        channel: ChannelId { device: DeviceId::from_string(device.to_string()), number: 1 },
        profile: StreamProfile::Sub,
    };
    let _attachment = app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
    viewer.state_after("playing", 0, |state| state.phase == Phase::Playing).await;
    site.shutdown().await;
    let long = Duration::from_secs(3);
    let before = viewer
        .state_after("a long pause", 0, |state| {
            state.phase == Phase::Backoff && state.retry_in.is_some_and(|pause| pause > long)
        })
        .await;
    let config = bartizan_sim::SiteConfig { port: addr.port(), ..clip_site() };
    let _site = start(config).await;
    let began = Instant::now();
    app.network_changed();
    viewer.state_after("playing again", before, |state| state.phase == Phase::Playing).await;
    assert!(began.elapsed() < long, "it waited {:?}", began.elapsed());
}
