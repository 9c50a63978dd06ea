//! What devices recorded, through the app: found on units of each family whose clocks are wrong in several ways, and
//! played by a server we did not write.

use std::sync::Arc;

use bartizan_app::{
    App, FileKind, LARGEST_JPEG,
    live::{Attachment, Delivery, Phase},
};
use bartizan_base::{ChannelId, Clock, Code, Secret, StreamId, StreamProfile, SystemClock, UtcMicros};
use bartizan_device::{Credentials, LiveItem, RtspAddress, StreamOpener, StreamSource, Transport};
use bartizan_rtsp::RtspOpener;
use bartizan_sim::{Brand, BrandUnit, UnitConfig};

use crate::{
    gstreamer,
    support::{Recorder, added, until},
};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

struct World {
    unit: BrandUnit,
    app: Arc<App>,
    channel: ChannelId,
}

async fn world(brand: Brand, config: UnitConfig) -> World {
    let (unit, app, channel) = added(brand, config).await;
    World { unit, app, channel }
}

fn now() -> UtcMicros {
    SystemClock.now()
}

impl World {
    fn play(&self, from: UtcMicros) -> (Attachment, Arc<Recorder>) {
        let seen = Arc::<Recorder>::default();
        let attachment = self.app.replays.attach(&self.channel, from, Delivery::Encoded, seen.clone());
        (attachment.expect("the app is open"), seen)
    }

    /// Records spans that begin and end so many µs from now, by the unit's own clock.
    fn records(&self, spans: &[(i64, i64)]) {
        let now = self.unit.unit.now();
        let spans = spans.iter().map(|(from, to)| (UtcMicros(now.0 + from), UtcMicros(now.0 + to))).collect();
        assert!(self.unit.unit.set_recordings(1, Some(spans)), "the channel is there");
    }
}

async fn failure(seen: &Recorder) -> Code {
    until("a failure", || {
        let seen = seen.lock();
        let last = seen.states.last()?;
        (last.phase == Phase::Failed).then(|| last.error.clone().expect("a reason").code())
    })
    .await
}

/// When the first picture was recorded, by our clock.
async fn begins(seen: &Recorder) -> i64 {
    until("a format", || seen.lock().formats.first().cloned()).await.recorded.expect("a recording").0
}

fn config() -> UnitConfig {
    UnitConfig { profile_g: true, ..UnitConfig::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_ago_on_devices_of_each_family() {
    for brand in [Brand::Isapi, Brand::Dahua, Brand::Onvif] {
        let world = world(brand, config()).await;
        let from = UtcMicros(now().0 - HOUR);
        let (watching, seen) = world.play(from);
        let begins = begins(&seen).await;
        assert!((begins - from.0).abs() < 2 * SECOND, "{brand:?}: {} s off", (begins - from.0) / SECOND);
        seen.units_beyond(30).await;
        assert!(seen.lock().units[0].random_access, "{brand:?}");
        assert_eq!(world.unit.video().stats().replays, 1, "{brand:?}: it is a recording that plays");
        drop(watching);
        until("the end of the session", || (world.unit.video().stats().open_sessions == 0).then_some(()))
            .await;
        assert_eq!(world.unit.unit.refusals(), 0, "{brand:?}: no try of the password was wasted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_whose_clocks_are_wrong_or_elsewhere() {
    for (brand, zone_s, local) in [
        (Brand::Isapi, 8 * 3600, true),
        (Brand::Isapi, 8 * 3600, false),
        (Brand::Isapi, -5 * 3600, true),
        (Brand::Isapi, -5 * 3600, false),
        (Brand::Isapi, 0, true),
        (Brand::Dahua, 8 * 3600, true),
        (Brand::Dahua, -5 * 3600, true),
        (Brand::Onvif, 8 * 3600, true),
    ] {
        let what = format!("{brand:?}, zone {zone_s} s, local {local}");
        let world = world(brand, UnitConfig { zone_s, ..config() }).await;
        world.unit.unit.set_knobs(|knobs| knobs.recordings_in_local_time = local);
        // Twenty minutes ahead of us, and so are its recordings: what it filmed an hour ago it says was forty minutes ago.
        world.unit.unit.set_clock(UtcMicros(now().0 + 20 * MINUTE));
        world.records(&[(-HOUR - 20 * SECOND, -HOUR + 60 * SECOND), (-10 * MINUTE, 0)]);
        let from = UtcMicros(now().0 - HOUR);
        let (watching, seen) = world.play(from);
        let begins = begins(&seen).await;
        assert!((begins - from.0).abs() < 3 * SECOND, "{what}: {} s off", (begins - from.0) / SECOND);
        seen.units_beyond(5).await;
        drop(watching);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorders_that_cut_a_file_at_every_motion() {
    for (brand, local) in [(Brand::Isapi, true), (Brand::Isapi, false), (Brand::Dahua, true)] {
        let world = world(brand, config()).await;
        world.unit.unit.set_knobs(|knobs| knobs.recordings_in_local_time = local);
        // More than one answer holds. The newest, which tells how the device reads its times, comes with the last.
        let mut spans: Vec<_> =
            (0..55).map(|at| (at * MINUTE - HOUR, at * MINUTE - HOUR + 40 * SECOND)).collect();
        spans.push((-20 * SECOND, 0));
        world.records(&spans);
        let from = UtcMicros(now().0 - HOUR);
        let (watching, seen) = world.play(from);
        let begins = begins(&seen).await;
        assert!(
            (begins - from.0).abs() < 3 * SECOND,
            "{brand:?} {local}: {} s off",
            (begins - from.0) / SECOND
        );
        drop(watching);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_come_out_of_the_recording_that_plays() {
    for brand in [Brand::Isapi, Brand::Dahua, Brand::Onvif] {
        let world = world(brand, config()).await;
        let (watching, seen) = world.play(UtcMicros(now().0 - HOUR));
        let begins = begins(&seen).await;
        seen.units_beyond(30).await;
        // What this viewer has come by: later than the group of pictures that is kept for late joiners begins.
        let shown = begins + seen.lock().units.last().expect("a picture").pts_us;
        let playing = watching.steering();
        let taken =
            world.app.snapshots.take_recorded(&world.channel, &playing, UtcMicros(shown), "Gate", 3).await;
        let times: Vec<_> =
            taken.expect("three pictures").iter().map(|entry| entry.taken.0 - shown).collect();
        // Files keep milliseconds.
        assert!((-1000..2 * SECOND).contains(&times[0]), "{brand:?}: {times:?}");
        let steps: Vec<_> = times.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(
            steps.len() == 2 && steps.iter().all(|step| (249_000..SECOND).contains(step)),
            "{brand:?}: {times:?}"
        );
        assert_eq!(world.unit.video().stats().replays, 1, "{brand:?}: no other session");
        drop(watching);
        until("the end of the session", || (world.unit.video().stats().open_sessions == 0).then_some(()))
            .await;
        let refused =
            world.app.snapshots.take_recorded(&world.channel, &playing, UtcMicros(shown), "Gate", 1);
        assert_eq!(refused.await.expect_err("it ended").code(), Code::Cancelled, "{brand:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_the_page_decoded_is_kept() {
    let world = world(Brand::Dahua, config()).await;
    let at = UtcMicros(now().0 - HOUR);
    let jpeg = world.app.control.snapshot(&world.channel).await.expect("any JPEG").to_vec();
    let kept = world.app.snapshots.keep_shown(&world.channel, at, "Gate", jpeg.clone()).await.expect("kept");
    assert_eq!((kept.kind, &*kept.title, kept.taken.millis()), (FileKind::Snapshot, "Gate", at.millis()));
    assert!(kept.thumbnail && kept.width > 0, "{kept:?}");
    let stored = std::fs::read(world.app.files.path(&kept.id).expect("a file")).expect("readable");
    assert!(stored == jpeg, "as the page sent it");
    for torn in [b"GIF89a".to_vec(), Vec::new(), vec![0xff; LARGEST_JPEG + 1]] {
        let length = torn.len();
        let refused = world.app.snapshots.keep_shown(&world.channel, at, "Gate", torn).await;
        assert_eq!(refused.expect_err("no JPEG").code(), Code::InvalidInput, "{length} bytes");
    }
    assert_eq!(world.app.files.list().await.expect("a list").1, [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_picture_is_no_snapshot_of_a_recording() {
    let world = world(Brand::Dahua, config()).await;
    let seen = Arc::<Recorder>::default();
    let stream = StreamId { channel: world.channel.clone(), profile: StreamProfile::Main };
    let live = world.app.live.attach(stream, Delivery::Encoded, seen.clone()).expect("the app is open");
    seen.units_beyond(5).await;
    let from = UtcMicros(now().0 - HOUR);
    let taken = world.app.snapshots.take_recorded(&world.channel, &live.steering(), from, "Gate", 1).await;
    assert_eq!(taken.expect_err("nothing to keep").code(), Code::NotFound);
    let (_, files) = world.app.files.list().await.expect("a list");
    assert!(files.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_passed_over_and_the_end_is_told() {
    for brand in [Brand::Isapi, Brand::Dahua, Brand::Onvif] {
        let world = world(brand, config()).await;
        world
            .records(&[(-50 * MINUTE, -50 * MINUTE + 2 * SECOND), (-40 * MINUTE, -40 * MINUTE + 2 * SECOND)]);
        let (watching, seen) = world.play(UtcMicros(now().0 - HOUR));
        let begins = begins(&seen).await;
        let ago = now().0 - begins;
        assert!((ago - 50 * MINUTE).abs() < 10 * SECOND, "{brand:?}: began {} s ago", ago / SECOND);
        assert_eq!(failure(&seen).await, Code::NothingRecorded, "{brand:?}");
        assert!(seen.lock().units.len() > 60, "{brand:?}: both are seen, {}", seen.lock().units.len());
        // Where the device says when its pictures were recorded, or was asked anew, the viewer knows of the gap.
        if brand == Brand::Onvif {
            let last = seen.lock().formats.last().and_then(|format| format.recorded).expect("a recording").0;
            assert!(last - begins > 9 * MINUTE, "{} s", (last - begins) / SECOND);
        }
        drop(watching);

        world.records(&[]);
        let (watching, seen) = world.play(UtcMicros(now().0 - HOUR));
        assert_eq!(failure(&seen).await, Code::NothingRecorded, "{brand:?}: an empty disk");
        assert!(seen.lock().units.is_empty());
        drop(watching);
    }
    let without = world(Brand::Onvif, UnitConfig::default()).await;
    let (_watching, seen) = without.play(UtcMicros(now().0 - HOUR));
    assert_eq!(failure(&seen).await, Code::NotOffered, "a camera without Profile G");
}

/// So many pictures are "recorded" from any moment that is asked for.
const PICTURES: usize = 75;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_we_did_not_write_plays_its_recording() {
    // Ranges become times since 1900, which the source follows. A packet holds a whole NAL unit: GStreamer 1.22's
    // rtponviftimestamp fails on the buffer lists of fragmented ones.
    let mount = format!(
        "/rec=( videotestsrc num-buffers={PICTURES} ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc key-int-max=25 \
         bframes=0 speed-preset=ultrafast threads=1 rc-lookahead=0 ! video/x-h264,profile=baseline ! h264parse ! rtph264pay \
         pt=96 mtu=60000 config-interval=-1 ! application/x-rtp ! rtponviftimestamp ntp-offset=0 name=pay0 ) @@ replay"
    );
    let Some(server) = gstreamer::Server::start_with("digest", &[mount]).await else { return };
    let source = |password: &str| StreamSource {
        address: RtspAddress { host: "127.0.0.1".into(), port: server.port, path: "/rec".into() },
        credentials: Some(Credentials { user: gstreamer::USER.into(), password: Secret::new(password) }),
        transport: Transport::Auto,
    };
    let opener = RtspOpener::new();
    let from = UtcMicros(1_782_864_000 * SECOND);
    let wrong = opener.open_replay(&source("zebra"), from).await.err().expect("is refused");
    assert_eq!(wrong.code(), Code::WrongPassword);
    let replay =
        opener.open_replay(&source(gstreamer::PASSWORD), from).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(replay.starts, Some(from), "the server says so with its first picture");
    let (mut stream, mut pictures, mut recorded) = (replay.stream, 0, Vec::new());
    let playing = async {
        while let Some(item) = stream.next().await {
            match item.unwrap_or_else(|e| panic!("{e}")) {
                LiveItem::AccessUnit(unit) => {
                    assert!(pictures > 0 || unit.random_access);
                    pictures += 1;
                }
                LiveItem::Clock(point) => recorded.push(point.device.0 - point.pts_us - from.0),
                LiveItem::Video(_) => {}
            }
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, playing).await.expect("it ends");
    // One picture is spent before the server seeks.
    assert!((PICTURES - 2..=PICTURES).contains(&pictures), "{pictures} pictures");
    assert!(recorded.iter().all(|off| off.abs() < SECOND / 10) && !recorded.is_empty(), "{recorded:?}");
    stream.close().await;
    server.stop().await;
}
