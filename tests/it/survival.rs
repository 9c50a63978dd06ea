//! The live view outlives what devices and networks do, shares sessions, and leaves none behind.

use std::sync::Arc;

use bartizan_app::{
    App, Draft,
    live::{Attachment, Delivery, Phase, StreamState},
};
use bartizan_base::{ChannelId, Code, DeviceId, StreamId, StreamProfile};
use bartizan_decode::StreamDecoder;
use bartizan_device::Transport;
use bartizan_media::AccessUnit;
use bartizan_sim::{Fault, FaultScript, Site, SiteConfig, SiteStats};

use crate::support::{Recorder, clip_site, draft, empty_app, start, until};

struct Wall {
    site: Site,
    app: Arc<App>,
    device: DeviceId,
}

impl Wall {
    async fn new(config: SiteConfig, transport: Transport) -> Self {
        let (site, app) = (start(config).await, empty_app().await);
        let row = app.devices.add(&Draft { transport: Some(transport), ..draft(&site, "/") }).await;
        let device = row.expect("the site is added").id;
        Self { site, app, device }
    }

    fn watch(&self, number: u16, profile: StreamProfile) -> (Arc<Recorder>, Attachment) {
        let viewer = Arc::new(Recorder::default());
        let stream = StreamId { channel: ChannelId { device: self.device.clone(), number }, profile };
        let attachment = self.app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
        (viewer, attachment)
    }

    async fn stats(&self, what: &str, wanted: impl Fn(&SiteStats) -> bool) -> SiteStats {
        until(what, || Some(self.site.stats()).filter(&wanted)).await
    }

    /// Ends everything and sees that the device was left in order.
    async fn end(self) -> SiteStats {
        self.app.live.shutdown().await;
        assert!(self.app.live.counters().is_empty());
        let stats = self.stats("no session left", |stats| stats.open_sessions == 0).await;
        self.stats("no connection left", |stats| stats.open_connections == 0).await;
        self.site.shutdown().await;
        stats
    }
}

fn small(channels: u16) -> SiteConfig {
    SiteConfig { channels, ..clip_site() }
}

/// What came decodes from its first unit on, a hole resets the decoder, and time never runs back.
fn check_units(units: &[AccessUnit]) {
    let mut decoder = StreamDecoder::new();
    let mut pictures = 0;
    for unit in units {
        pictures += decoder.push_unit(unit).unwrap_or_else(|e| panic!("{e} at {}", unit.pts_us)).len();
    }
    assert!(pictures > 0, "{} units and no picture", units.len());
}

/// Time is monotone, but for a new connection, which says so and begins at a random access point.
fn check_times(units: &[AccessUnit]) {
    for pair in units.windows(2) {
        let restarted = pair[1].random_access && pair[1].discontinuity;
        assert!(pair[1].pts_us > pair[0].pts_us || restarted, "{} after {}", pair[1].pts_us, pair[0].pts_us);
    }
}

/// A fault that passes without a new connection: pictures go on, or come back, and decode.
async fn rides_out(fault: Fault, transport: Transport) {
    let wall = Wall::new(small(1), transport).await;
    let (viewer, attachment) = wall.watch(1, StreamProfile::Sub);
    viewer.state_after("playing", 0, |state| state.phase == Phase::Playing).await;
    viewer.more_units(5).await;
    wall.site.set_fault(None, Some(fault));
    viewer.more_units(25).await;
    wall.site.set_fault(None, None);
    let key = viewer.lock().units.len();
    until("a key picture", || {
        viewer.lock().units.iter().skip(key).any(|unit| unit.random_access).then_some(())
    })
    .await;
    viewer.more_units(5).await;
    {
        let seen = viewer.lock();
        check_times(&seen.units);
        check_units(&seen.units);
        assert_eq!(seen.states.last().map(|state| state.phase), Some(Phase::Playing));
    }
    drop(attachment);
    wall.end().await;
}

#[tokio::test]
async fn a_timestamp_jump() {
    rides_out(Fault::TimestampJump, Transport::Tcp).await;
}

#[tokio::test]
async fn an_ssrc_change() {
    rides_out(Fault::SsrcChange, Transport::Tcp).await;
}

#[tokio::test]
async fn packets_without_marker() {
    rides_out(Fault::MissingMarker, Transport::Tcp).await;
}

#[tokio::test]
async fn losses_on_udp() {
    rides_out(Fault::UdpLoss, Transport::Udp).await;
}

#[tokio::test]
async fn waves_of_delay_and_losses() {
    rides_out(Fault::JitterLoss, Transport::Tcp).await;
    rides_out(Fault::JitterLoss, Transport::Udp).await;
}

#[tokio::test]
async fn packets_out_of_order_on_udp() {
    rides_out(Fault::UdpReorder, Transport::Udp).await;
}

#[tokio::test]
async fn another_size_of_picture() {
    let wall = Wall::new(small(1), Transport::Auto).await;
    let (viewer, attachment) = wall.watch(1, StreamProfile::Sub);
    viewer.more_units(5).await;
    wall.site.set_fault(None, Some(Fault::ResolutionChange));
    until("another format", || (viewer.lock().formats.len() >= 2).then_some(())).await;
    viewer.more_units(10).await;
    {
        let seen = viewer.lock();
        let sizes: Vec<_> =
            seen.formats.iter().map(|format| (format.video.width, format.video.height)).collect();
        assert_eq!(sizes[..2], [(640, 360), (512, 288)]);
        check_units(&seen.units);
        check_times(&seen.units);
    }
    drop(attachment);
    wall.end().await;
}

#[tokio::test]
async fn a_stall_and_a_return() {
    let wall = Wall::new(small(1), Transport::Auto).await;
    let (viewer, attachment) = wall.watch(1, StreamProfile::Sub);
    let playing = viewer.state_after("playing", 0, |state| state.phase == Phase::Playing).await;
    viewer.more_units(5).await;
    wall.site.set_fault(None, Some(Fault::Stall));
    let stalled = viewer.state_after("stalled", playing, |state| state.phase == Phase::Stalled).await;
    let code = viewer.lock().states[stalled - 1].error.as_ref().map(bartizan_base::Error::code);
    assert_eq!(code, Some(Code::Stalled));
    wall.site.set_fault(None, None);
    viewer.state_after("playing again", stalled, |state| state.phase == Phase::Playing).await;
    viewer.more_units(10).await;
    check_times(&viewer.lock().units);
    drop(attachment);
    wall.end().await;
}

/// Breaks the connection with `fault` waiting for the client that comes back, then clears it.
async fn comes_back_through(fault: Option<Fault>, wanted: impl Fn(&Recorder, usize) -> bool) {
    let wall = Wall::new(small(1), Transport::Auto).await;
    let (viewer, attachment) = wall.watch(1, StreamProfile::Sub);
    let playing = viewer.state_after("playing", 0, |state| state.phase == Phase::Playing).await;
    viewer.more_units(5).await;
    let plays = wall.site.stats().plays;
    wall.site.set_fault(None, Some(Fault::Reset));
    let broke = viewer.state_after("the break", playing, |state| state.phase != Phase::Playing).await;
    let code = viewer.lock().states[broke - 1].error.as_ref().map(bartizan_base::Error::code);
    assert_eq!(code, Some(Code::Disconnected));
    wall.site.set_fault(None, fault);
    until("what the fault does", || wanted(&viewer, broke).then_some(())).await;
    wall.site.set_fault(None, None);
    // A busy device is left alone for longer; a person need not wait for it.
    attachment.retry();
    viewer.state_after("playing again", broke, |state| state.phase == Phase::Playing).await;
    viewer.more_units(10).await;
    {
        let seen = viewer.lock();
        let now = seen.states.last().map(|state| (state.phase, state.attempt));
        assert_eq!(now, Some((Phase::Playing, 0)));
        check_units(&seen.units);
        check_times(&seen.units);
    }
    assert!(wall.site.stats().plays > plays);
    drop(attachment);
    wall.end().await;
}

fn played_again(viewer: &Recorder, from: usize) -> bool {
    viewer.lock().states.iter().skip(from).any(|state| state.phase == Phase::Playing)
}

#[tokio::test]
async fn a_reset() {
    comes_back_through(None, played_again).await;
}

#[tokio::test]
async fn a_reset_and_a_slow_device() {
    comes_back_through(Some(Fault::SlowDescribe), played_again).await;
}

#[tokio::test]
async fn a_reset_and_a_start_between_key_pictures() {
    comes_back_through(Some(Fault::MidGopStart), played_again).await;
}

#[tokio::test]
async fn a_reset_and_a_wrong_content_base() {
    comes_back_through(Some(Fault::WrongContentBase), played_again).await;
}

#[tokio::test]
async fn a_reset_and_a_full_device() {
    let refused = |viewer: &Recorder, from: usize| {
        viewer.lock().states.iter().skip(from).any(|state| {
            state.phase == Phase::Backoff
                && state.retry_in.is_some()
                && state.error.as_ref().is_some_and(|error| error.code() == Code::TooManySessions)
        })
    };
    comes_back_through(Some(Fault::TooManySessions), refused).await;
}

#[tokio::test]
async fn a_device_without_interleaving_is_asked_for_udp() {
    let wall = Wall::new(small(1), Transport::Auto).await;
    wall.site.set_fault(None, Some(Fault::RefuseTcpInterleaved));
    let (viewer, attachment) = wall.watch(1, StreamProfile::Sub);
    viewer.more_units(10).await;
    assert_eq!(viewer.lock().formats[0].transport, Transport::Udp);
    drop(attachment);
    wall.end().await;
}

#[tokio::test]
async fn two_viewers_share_one_session_and_the_second_has_a_picture_at_once() {
    let wall = Wall::new(small(1), Transport::Auto).await;
    let plays = wall.site.stats().plays;
    let (first, held) = wall.watch(1, StreamProfile::Main);
    first.more_units(10).await;
    let (second, also_held) = wall.watch(1, StreamProfile::Main);
    {
        let seen = second.lock();
        assert!(
            seen.units.first().is_some_and(|unit| unit.random_access),
            "the group of pictures is there at once"
        );
        assert_eq!(seen.formats.len(), 1);
        assert_eq!(seen.states.last().map(|state| state.phase), Some(Phase::Playing));
    }
    second.more_units(5).await;
    check_units(&second.lock().units);
    let counters = wall.app.live.counters();
    assert_eq!(counters.iter().map(|one| one.viewers).collect::<Vec<_>>(), [2]);
    let stats = wall.site.stats();
    assert_eq!((stats.open_sessions, stats.plays), (1, plays + 1));
    drop(held);
    second.more_units(5).await;
    drop(also_held);
    // The grace time passes, and the session goes by itself.
    let stats = wall.stats("the session is torn down", |stats| stats.open_sessions == 0).await;
    assert_eq!(stats.teardowns, 1);
    until("the service forgets it", || wall.app.live.counters().is_empty().then_some(())).await;
    wall.end().await;
}

#[tokio::test]
async fn fifty_visits_leave_nothing_behind() {
    let wall = Wall::new(small(4), Transport::Auto).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let plays = wall.site.stats().plays;
    for visit in 0..50u16 {
        let (viewer, attachment) = wall.watch(visit % 4 + 1, StreamProfile::Sub);
        if visit % 5 == 0 {
            viewer.more_units(2).await;
        }
        drop(attachment);
    }
    let stats = wall.site.stats();
    assert!(stats.open_sessions <= 4, "{stats:?}");
    assert!(stats.plays - plays <= 4, "visits within the grace time share a session: {stats:?}");
    wall.app.live.shutdown().await;
    let stats = wall.stats("no session left", |stats| stats.open_sessions == 0).await;
    assert_eq!(stats.teardowns, stats.plays - plays);
    // The site's own: accepting and reaping. Ours: what stores the counted bytes, what looks at the network, nothing else.
    until("our tasks end", || (tasks() <= 4).then_some(())).await;
    wall.end().await;
}

#[tokio::test]
async fn sixteen_tiles_ride_through_a_break_of_the_whole_site() {
    let wall = Wall::new(small(16), Transport::Auto).await;
    let tiles: Vec<_> = (1..=16).map(|number| wall.watch(number, StreamProfile::Sub)).collect();
    for (viewer, _) in &tiles {
        viewer.state_after("playing", 0, |state| state.phase == Phase::Playing).await;
    }
    assert_eq!(wall.site.stats().open_sessions, 16);
    wall.site.set_fault(None, Some(Fault::Reset));
    let mut broken = Vec::new();
    for (viewer, _) in &tiles {
        broken.push(
            viewer
                .state_after("the break", 0, |state| {
                    state.error.as_ref().is_some_and(|error| error.code() == Code::Disconnected)
                })
                .await,
        );
    }
    wall.site.set_fault(None, None);
    for ((viewer, _), from) in tiles.iter().zip(broken) {
        viewer.state_after("playing again", from, |state| state.phase == Phase::Playing).await;
        viewer.more_units(5).await;
        check_times(&viewer.lock().units);
    }
    assert_eq!(wall.site.stats().auth_failures, 0);
    let before = wall.site.stats().teardowns;
    drop(tiles);
    let stats = wall.end().await;
    assert!(stats.teardowns - before >= 16, "every session is torn down in order: {stats:?}");
}

/// The simulator's whole script in its order, each step until it has shown on every tile.
#[tokio::test]
async fn sixteen_tiles_go_through_the_whole_script() {
    let wall = Wall::new(small(16), Transport::Auto).await;
    let tiles: Vec<_> = (1..=16).map(|number| wall.watch(number, StreamProfile::Sub)).collect();
    for (viewer, _) in &tiles {
        viewer.more_units(2).await;
    }
    let is_full =
        |state: &StreamState| state.error.as_ref().is_some_and(|error| error.code() == Code::TooManySessions);
    for step in FaultScript::everything().0 {
        let lengths = |viewer: &Recorder| {
            let seen = viewer.lock();
            (seen.states.len(), seen.units.len())
        };
        let from: Vec<_> = tiles.iter().map(|(viewer, _)| lengths(viewer)).collect();
        wall.site.set_fault(step.channel, Some(step.fault));
        for ((viewer, _), (from, units)) in tiles.iter().zip(from) {
            match step.fault {
                Fault::Stall => {
                    viewer.state_after("stalled", from, |state| state.phase == Phase::Stalled).await;
                }
                // The next step meets the client that comes back.
                Fault::Reset => {
                    viewer.state_after("the break", from, |state| state.error.is_some()).await;
                }
                Fault::TooManySessions => {
                    viewer.state_after("453", from, is_full).await;
                }
                _ => viewer.units_beyond(units + 10).await,
            }
        }
        if step.fault == Fault::Reset {
            continue;
        }
        wall.site.set_fault(step.channel, None);
        if step.fault == Fault::TooManySessions {
            tiles.iter().for_each(|(_, attachment)| attachment.retry());
        }
        let units: Vec<_> = tiles.iter().map(|(viewer, _)| viewer.lock().units.len()).collect();
        for ((viewer, _), units) in tiles.iter().zip(units) {
            until("playing", || {
                let phase = viewer.lock().states.last().map(|state| state.phase);
                (phase == Some(Phase::Playing)).then_some(())
            })
            .await;
            viewer.units_beyond(units + 2).await;
        }
    }
    for (viewer, _) in &tiles {
        let seen = viewer.lock();
        check_times(&seen.units);
        check_units(&seen.units);
    }
    assert_eq!(wall.site.stats().auth_failures, 0, "no password is ever refused on the way");
    let before = wall.site.stats().teardowns;
    drop(tiles);
    let stats = wall.end().await;
    assert!(stats.teardowns - before >= 16, "{stats:?}");
}
