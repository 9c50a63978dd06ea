//! What the ports promise, kept by every family: the same suite against a simulated device of each, judged by the
//! device's own state.

use std::{net::Ipv4Addr, sync::Arc};

use bartizan_base::{Code, Secret, StreamProfile, UtcMicros};
use bartizan_device::{
    Auxiliary, AuxiliaryCommand, Credentials, Driver, EncoderField, EncoderSettings, Endpoint, Family,
    Imaging, Login, OutputCommand, PictureSize, Position, PresetChange, PtzMove, RateMode, RtspAddress,
    ServicePorts, StreamOpener, StreamSource, Transport, Velocity,
};
use bartizan_rtsp::RtspOpener;
use bartizan_sim::{Brand, BrandUnit, ChannelView, SiteConfig, UnitConfig};

use crate::support;

const PASSWORD: &str = "bartizan1";

fn family(brand: Brand) -> Arc<dyn Family> {
    match brand {
        Brand::Onvif => Arc::new(bartizan_onvif::Onvif::default()),
        Brand::Isapi => Arc::new(bartizan_isapi::Isapi::default()),
        Brand::Dahua => Arc::new(bartizan_dahua::Dahua::default()),
    }
}

async fn started(brand: Brand, config: UnitConfig) -> BrandUnit {
    let ports = [Some(0), None, Some(0)];
    BrandUnit::start(brand, config, SiteConfig::default(), Ipv4Addr::LOCALHOST, ports).await.expect("starts")
}

fn endpoint(unit: &BrandUnit) -> Endpoint {
    let ports = ServicePorts { http: Some(unit.http().port()), ..ServicePorts::default() };
    Endpoint { ports, ..Endpoint::new("127.0.0.1").expect("an address") }
}

fn credentials(password: &str) -> Credentials {
    Credentials { user: "admin".into(), password: Secret::new(password) }
}

fn login(password: &str) -> Login {
    Login { credentials: Some(credentials(password)), spend_last_try: false }
}

/// A camera with two inputs, the first of which moves, and its driver.
async fn camera(brand: Brand) -> (BrandUnit, Arc<dyn Driver>) {
    let channels = vec![("Front gate".into(), None), ("Yard".into(), None)];
    let unit = started(brand, UnitConfig { channels, ..UnitConfig::default() }).await;
    let driver = family(brand).connect(&endpoint(&unit), &login(PASSWORD)).await.expect("logs in");
    (unit, driver)
}

fn view(unit: &BrandUnit) -> ChannelView {
    unit.unit.view(1).expect("a channel")
}

async fn until(what: &str, mut check: impl FnMut() -> bool) {
    support::until(what, || check().then_some(())).await;
}

fn is_still(unit: &BrandUnit) -> bool {
    view(unit).moving == [false; 3]
}

/// One module per family, so that each promise fails under the name of whoever broke it.
macro_rules! suite {
    ($($module:ident $brand:expr;)*) => {$(
        mod $module {
            use super::*;

            #[tokio::test]
            async fn is_recognised_without_a_password() {
                recognised($brand).await;
            }

            #[tokio::test]
            async fn says_who_it_is_and_what_it_streams() {
                described($brand).await;
            }

            #[tokio::test]
            async fn a_wrong_password_is_one_refusal() {
                refused($brand).await;
            }

            #[tokio::test]
            async fn moves_as_told_and_stops() {
                moves($brand).await;
            }

            #[tokio::test]
            async fn presets_are_set_renamed_visited_and_removed() {
                presets($brand).await;
            }

            #[tokio::test]
            async fn the_picture_and_the_switches_obey() {
                switches($brand).await;
            }

            #[tokio::test]
            async fn encoder_settings_are_written_and_read_back() {
                encodes($brand).await;
            }

            #[tokio::test]
            async fn encoder_settings_that_are_refused_change_nothing() {
                refuses_to_encode($brand).await;
            }

            #[tokio::test]
            async fn a_fixed_camera_offers_no_moves() {
                fixed($brand).await;
            }
        }
    )*};
}

suite! {
    onvif Brand::Onvif;
    isapi Brand::Isapi;
    dahua Brand::Dahua;
}

async fn recognised(brand: Brand) {
    let unit = started(brand, UnitConfig::default()).await;
    let own = family(brand);
    let known = own.recognise(&endpoint(&unit)).await.expect("answers").expect("is one");
    assert_eq!(known.family, own.id());
    assert!(!known.evidence.is_empty());
    assert_ne!(known.activated, Some(false));
    assert_eq!(unit.unit.refusals(), 0, "nothing was tried");
    for other in [Brand::Onvif, Brand::Isapi, Brand::Dahua].into_iter().filter(|other| *other != brand) {
        let stranger = family(other).recognise(&endpoint(&unit)).await;
        assert!(!matches!(stranger, Ok(Some(_))), "{other:?} takes {brand:?} for its own");
    }
    assert_eq!(unit.unit.refusals(), 0);
}

async fn described(brand: Brand) {
    let (unit, driver) = camera(brand).await;
    let config = unit.unit.config();
    let identity = driver.identity().await.expect("tells");
    assert_eq!(
        (identity.model.as_str(), identity.serial.as_str()),
        (config.model.as_str(), config.serial.as_str())
    );
    assert!(identity.firmware.starts_with(&config.firmware), "{}", identity.firmware);

    let channels = driver.channels().await.expect("lists");
    assert_eq!(channels.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
    for channel in &channels {
        let [main, sub] = channel.streams.as_slice() else { panic!("{:?}", channel.streams) };
        assert_eq!((main.profile, sub.profile), (StreamProfile::Main, StreamProfile::Sub));
        assert_eq!((main.width, main.height, sub.width), (Some(1280), Some(720), Some(640)));
        for stream in [main, sub] {
            // The simulator draws and encodes while it is asked, so the size is that of what really comes.
            let port = unit.video().addr().port();
            let source = StreamSource {
                address: RtspAddress { host: "127.0.0.1".into(), port, path: stream.path.clone() },
                credentials: Some(credentials(PASSWORD)),
                transport: Transport::Tcp,
            };
            let described = RtspOpener::new().describe(&source).await.expect("the stream is there");
            assert_eq!(described.video.map(|video| video.width), stream.width);
        }
    }
    let snapshot = driver.snapshot(1).await.expect("a picture");
    assert_eq!(&snapshot.jpeg[..2], [0xff, 0xd8]);

    let ahead = UtcMicros(unit.unit.now().0 + 90 * 1_000_000);
    unit.unit.set_clock(ahead);
    // A device whose clock jumps may refuse once what was signed by the old time.
    let clock = match driver.clock().await {
        Err(error) if error.code() == Code::ClockSkew => driver.clock().await,
        told => told,
    };
    let offset = clock.expect("a clock").offset_ms;
    assert!((85_000..95_000).contains(&offset), "{offset}");
}

async fn refused(brand: Brand) {
    let unit = started(brand, UnitConfig::default()).await;
    let family = family(brand);
    let error = family.connect(&endpoint(&unit), &login("zebra-crossing")).await.err().expect("is refused");
    assert_eq!(error.code(), Code::WrongPassword, "{error}");
    assert!(!error.to_string().contains("zebra"), "{error}");
    assert_eq!(unit.unit.refusals(), 1);
    family.connect(&endpoint(&unit), &login(PASSWORD)).await.expect("the right one still opens");
    assert_eq!(unit.unit.refusals(), 1);
}

async fn moves(brand: Brand) {
    let (unit, driver) = camera(brand).await;
    let can = driver.capabilities(1).await.expect("tells").ptz;
    assert!(can.pan_tilt && can.zoom && can.presets.is_some(), "{can:?}");
    let right = |at_most_ms| PtzMove::Continuous {
        velocity: Velocity { pan: 0.5, tilt: 0.25, zoom: 0.0 },
        at_most_ms,
    };
    driver.ptz_move(1, right(60_000)).await.expect("moves");
    until("it turns right and up", || view(&unit).place[0] > 0.05 && view(&unit).place[1] > 0.01).await;
    driver.ptz_move(1, PtzMove::Stop).await.expect("stops");
    assert!(is_still(&unit));

    driver.ptz_move(1, right(1000)).await.expect("moves");
    until("nobody renews, so it stops", || is_still(&unit)).await;

    if can.relative {
        let before = view(&unit).place[0];
        let left = Velocity { pan: -0.2, tilt: 0.0, zoom: 0.0 };
        driver.ptz_move(1, PtzMove::Relative(left)).await.expect("moves by a part");
        until("a part to the left", || is_still(&unit) && view(&unit).place[0] < before - 0.05).await;
    }
    if can.absolute {
        driver
            .ptz_move(1, PtzMove::Absolute(Position { pan: 0.25, tilt: 0.5, zoom: 0.5 }))
            .await
            .expect("goes there");
        until("there", || {
            let [pan, tilt, zoom] = view(&unit).place;
            (pan - 0.25).abs() < 0.05 && (tilt - 0.5).abs() < 0.05 && (zoom - 0.5).abs() < 0.05
        })
        .await;
        let told = driver.ptz_status(1).await.expect("tells").position.expect("a position");
        assert!((told.pan - 0.25).abs() < 0.06 && (told.tilt - 0.5).abs() < 0.06, "{told:?}");
    }
    if can.center_on {
        let before = view(&unit).place[0];
        driver.ptz_move(1, PtzMove::CenterOn { x: 0.5, y: 0.0, zoom: 0.0 }).await.expect("centres");
        until("what was right is in the middle", || view(&unit).place[0] > before + 0.01).await;
    }
}

async fn presets(brand: Brand) {
    let (unit, driver) = camera(brand).await;
    let names = async || {
        let all = driver.presets(1).await.expect("lists");
        all.into_iter().map(|preset| preset.name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["Gate", "Door"], "empty places are not listed");
    let name = "Loading dock".to_owned();
    let token = driver.change_preset(1, PresetChange::Set { token: None, name }).await.expect("sets");
    let stored = view(&unit).place;
    let renamed = PresetChange::Rename { token: token.clone(), name: "Dock".into() };
    driver.change_preset(1, renamed).await.expect("renames");
    assert_eq!(names().await, ["Gate", "Door", "Dock"]);
    let door = driver.presets(1).await.expect("lists").remove(1);
    driver.go_to_preset(1, &door.token, 1.0).await.expect("goes");
    until("at the door", || is_still(&unit) && view(&unit).place != stored).await;
    driver.go_to_preset(1, &token, 1.0).await.expect("goes");
    until("back, where the renamed one was stored", || {
        let near = |axis: usize| (view(&unit).place[axis] - stored[axis]).abs() < 0.05;
        is_still(&unit) && near(0) && near(1)
    })
    .await;
    driver.change_preset(1, PresetChange::Remove { token }).await.expect("removes");
    assert_eq!(names().await, ["Gate", "Door"]);
}

async fn switches(brand: Brand) {
    let (unit, driver) = camera(brand).await;
    let can = driver.capabilities(1).await.expect("tells");
    let brighter = Imaging { brightness: Some(80.0), ..Imaging::default() };
    let taken = driver.set_imaging(1, brighter).await.expect("takes it").brightness.expect("a level");
    assert!((taken - 80.0).abs() < 2.0 && (view(&unit).picture.brightness - 80.0).abs() < 2.0, "{taken}");
    assert_eq!(view(&unit).picture.contrast, 50.0, "what was not named stays");
    let reset = driver.reset_imaging(1).await.expect("resets").brightness.expect("a level");
    assert!((reset - 50.0).abs() < 2.0, "{reset}");

    assert!(can.auxiliaries.contains(&Auxiliary::Light), "{:?}", can.auxiliaries);
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::On).await.expect("switches");
    assert!(view(&unit).light);
    driver.switch_auxiliary(1, Auxiliary::Light, AuxiliaryCommand::Off).await.expect("switches");
    assert!(!view(&unit).light);

    let outputs = driver.alarm_outputs().await.expect("lists");
    assert!(!outputs.is_empty());
    let first = outputs[0].token.clone();
    driver.switch_output(&first, OutputCommand::On).await.expect("closes");
    assert!(unit.unit.outputs()[0].on);
    driver.switch_output(&first, OutputCommand::Off).await.expect("opens");
    assert!(!unit.unit.outputs()[0].on);
    driver.switch_output(&first, OutputCommand::Pulse(300)).await.expect("pulses");
    until("it opens again", || !unit.unit.outputs()[0].on).await;

    if can.key_frame {
        let before = view(&unit).key_requests;
        driver.request_key_frame(1, StreamProfile::Main).await.expect("asks");
        assert_eq!(view(&unit).key_requests, before + 1);
    }
}

fn size(width: u32, height: u32) -> PictureSize {
    PictureSize::new(width, height).expect("a size")
}

async fn encodes(brand: Brand) {
    let (unit, driver) = camera(brand).await;
    assert!(driver.capabilities(1).await.expect("tells").encoder);
    let channels = driver.channels().await.expect("lists");
    let streams = driver.encoders(1).await.expect("tells");
    let [main, sub] = streams.as_slice() else { panic!("{streams:?}") };
    assert_eq!((main.profile, sub.profile), (StreamProfile::Main, StreamProfile::Sub));
    assert_eq!((main.settings.size, sub.settings.size), (Some(size(1280, 720)), Some(size(640, 360))));
    assert_eq!((main.settings.frame_rate, main.settings.key_interval), (Some(25.0), Some(25)));
    let can = main.choices_for("H.264").expect("its own codec is among them");
    assert_eq!(can.sizes, [size(1280, 720), size(1024, 576), size(960, 540)]);
    assert!(can.frame_rates.contains(&17.0) && can.bit_rate.is_some_and(|span| span.holds(1024)), "{can:?}");
    assert!(can.key_interval.is_some_and(|span| span.holds(30) && !span.holds(0)), "{can:?}");

    let before = [unit.unit.encoding(1, StreamProfile::Sub), unit.unit.encoding(2, StreamProfile::Main)];
    let change = EncoderSettings {
        size: Some(size(960, 540)),
        frame_rate: Some(17.0),
        bit_rate: Some(1024),
        key_interval: Some(30),
        ..EncoderSettings::default()
    };
    let taken = driver.set_encoder(1, StreamProfile::Main, change.clone()).await.expect("takes it");
    assert_eq!(taken.settings.frame_rate, Some(15.0), "what the device made of 17 is read back");
    assert_eq!(change.differing(&taken.settings), [EncoderField::FrameRate]);
    assert_eq!(taken.settings.codec, main.settings.codec);
    let now = unit.unit.encoding(1, StreamProfile::Main);
    assert_eq!((now.width, now.height, now.fps), (960, 540, 15));
    assert_eq!((now.kbps, now.gop), (Some(1024), Some(30)));
    let after = [unit.unit.encoding(1, StreamProfile::Sub), unit.unit.encoding(2, StreamProfile::Main)];
    assert_eq!(before, after, "no other stream changes");

    let path = channels[0].streams[0].path.clone();
    let port = unit.video().addr().port();
    let source = StreamSource {
        address: RtspAddress { host: "127.0.0.1".into(), port, path },
        credentials: Some(credentials(PASSWORD)),
        transport: Transport::Tcp,
    };
    let described = RtspOpener::new().describe(&source).await.expect("the stream is there");
    assert_eq!(described.video.map(|video| (video.width, video.height)), Some((960, 540)));
    assert_eq!(described.frame_rate, Some(15.0));

    if can.rate_modes.contains(&RateMode::Constant) {
        let constant = EncoderSettings { rate_mode: Some(RateMode::Constant), ..EncoderSettings::default() };
        let taken = driver.set_encoder(1, StreamProfile::Main, constant).await.expect("takes it");
        assert_eq!(
            (taken.settings.rate_mode, taken.settings.bit_rate),
            (Some(RateMode::Constant), Some(1024))
        );
        let now = unit.unit.encoding(1, StreamProfile::Main);
        assert_eq!((now.constant, now.kbps, now.width), (true, Some(1024), 960));
    }

    // The list of channels follows, in a login of its own too.
    let again = family(brand).connect(&endpoint(&unit), &login(PASSWORD)).await.expect("logs in");
    let channels = again.channels().await.expect("lists");
    assert_eq!((channels[0].streams[0].width, channels[0].streams[1].width), (Some(960), Some(640)));
}

async fn refuses_to_encode(brand: Brand) {
    let (unit, driver) = camera(brand).await;
    let before = unit.unit.encoding(1, StreamProfile::Main);
    let smaller = || EncoderSettings { size: Some(size(960, 540)), ..EncoderSettings::default() };
    let odd = EncoderSettings { size: Some(size(123, 45)), ..EncoderSettings::default() };
    let error = driver.set_encoder(1, StreamProfile::Main, odd).await.expect_err("is refused");
    assert_eq!(error.code(), Code::SettingRefused, "{error}");

    unit.unit.set_knobs(|knobs| knobs.busy = true);
    let error = driver.encoders(1).await.expect_err("is busy");
    assert_eq!(error.code(), Code::DeviceBusy, "{error}");
    let error = driver.set_encoder(1, StreamProfile::Main, smaller()).await.expect_err("is busy");
    assert_eq!(error.code(), Code::DeviceBusy, "{error}");
    unit.unit.set_knobs(|knobs| (knobs.busy, knobs.read_only) = (false, true));
    let error = driver.set_encoder(1, StreamProfile::Main, smaller()).await.expect_err("is forbidden");
    assert_eq!(error.code(), Code::Forbidden, "{error}");
    assert_eq!(unit.unit.encoding(1, StreamProfile::Main), before);
    assert_eq!(unit.unit.refusals(), 0, "no reason to be locked out");

    let error = driver.encoders(9).await.expect_err("no such channel");
    assert!(matches!(error.code(), Code::NotFound | Code::NotOffered), "{error}");
}

async fn fixed(brand: Brand) {
    let config = UnitConfig { ptz: false, auxiliaries: false, outputs: 0, ..UnitConfig::default() };
    let unit = started(brand, config).await;
    let driver = family(brand).connect(&endpoint(&unit), &login(PASSWORD)).await.expect("logs in");
    let can = driver.capabilities(1).await.expect("tells");
    assert!(!can.ptz.any() && can.ptz.presets.is_none() && can.auxiliaries.is_empty(), "{can:?}");
    assert!(driver.alarm_outputs().await.expect("lists").is_empty());
    let turn = PtzMove::Continuous { velocity: Velocity { pan: 1.0, ..Velocity::ZERO }, at_most_ms: 1000 };
    let error = driver.ptz_move(1, turn).await.expect_err("it cannot");
    assert_eq!(error.code(), Code::NotOffered, "{error}");
    // Nothing of this is a reason to be locked out.
    assert_eq!(unit.unit.refusals(), 0);
}
