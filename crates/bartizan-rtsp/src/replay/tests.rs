mod camera;

use std::time::Duration;

use bartizan_base::{Code, UtcMicros};
use bartizan_device::{LiveItem, LiveStream, Replay, StreamOpener, Transport};
use bartizan_media::Codec;
use tokio::time::timeout;

use self::camera::{Camera, FLOOD, PASSWORD, PATIENCE, RECORDED_AT, TICKS, Then, Ways};
use crate::RtspOpener;

const FROM: UtcMicros = UtcMicros(RECORDED_AT * 1_000_000 + 250_000);

async fn open(camera: &Camera, login: bool) -> bartizan_base::Result<Replay> {
    let opener = RtspOpener::new();
    timeout(PATIENCE, opener.open_replay(&camera.source(login), FROM)).await.expect("is bounded")
}

async fn opened(ways: Ways) -> (Camera, Replay) {
    let camera = Camera::start(ways).await;
    let replay = open(&camera, false).await.unwrap_or_else(|e| panic!("{e}"));
    (camera, replay)
}

async fn next(stream: &mut dyn LiveStream) -> Option<bartizan_base::Result<LiveItem>> {
    timeout(PATIENCE, stream.next()).await.expect("something happens")
}

/// Pictures until the end, and how it ended.
async fn watched(stream: &mut dyn LiveStream) -> (usize, Option<Code>) {
    let mut pictures = 0;
    loop {
        match next(stream).await {
            None => return (pictures, None),
            Some(Err(error)) => return (pictures, Some(error.code())),
            Some(Ok(LiveItem::AccessUnit(_))) => pictures += 1,
            Some(Ok(_)) => {}
        }
    }
}

#[tokio::test]
async fn a_recording_is_asked_for_and_seen() {
    let (camera, replay) = opened(Ways::default()).await;
    assert_eq!(replay.starts, Some(UtcMicros(RECORDED_AT * 1_000_000 + 500_000)));
    let mut stream = replay.stream;
    let description = stream.description();
    assert_eq!((description.codec, description.transport), (Codec::H264, Transport::Tcp));
    assert_eq!(
        (description.title.as_deref(), description.server.as_deref()),
        (Some("Gate"), Some("Testcam 1"))
    );
    assert_eq!(description.audio, None, "the pictures alone are passed on");
    let Some(Ok(LiveItem::Video(info))) = next(&mut *stream).await else { panic!("parameters first") };
    assert_eq!((info.width, info.height), (240, 160));
    let mut number = 0;
    let mut dated = 0;
    while number < 150 {
        let unit = match next(&mut *stream).await {
            Some(Ok(LiveItem::AccessUnit(unit))) => unit,
            Some(Ok(LiveItem::Clock(point))) => {
                // The camera of this test recorded one picture a second.
                let picture = (point.pts_us + 20_000) / 40_000;
                assert_eq!(point.device, UtcMicros((RECORDED_AT + picture) * 1_000_000 + 500_000));
                dated += 1;
                continue;
            }
            other => panic!("{other:?}"),
        };
        assert!(unit.random_access && !unit.discontinuity, "{number}");
        assert_eq!(unit.pts_us, number * i64::from(TICKS) * 100 / 9, "none is lost");
        assert!(unit.data.len() > 1000);
        number += 1;
    }
    assert!(dated > 100, "the device's own reports, of another time, are not passed on: {dated}");
    let asked = camera.asked();
    let head = |method: &str| asked.iter().find(|head| head.starts_with(method)).expect("was asked").clone();
    assert!(!head("DESCRIBE").contains("Require"), "{asked:?}");
    let setup = head("SETUP");
    assert!(
        setup.contains("/replay?token=1/trackID=1 RTSP/1.0") && setup.contains("Require: onvif-replay"),
        "{setup}"
    );
    assert!(setup.contains("RTP/AVP/TCP;unicast;interleaved=0-1"), "{setup}");
    let play = head("PLAY");
    for line in ["Require: onvif-replay", "Range: clock=20261120T100000.250Z-", "Session: 42"] {
        assert!(play.lines().any(|other| other == line), "{line} in {play}");
    }
    stream.close().await;
    assert_eq!(camera.of("TEARDOWN").len(), 1, "close has waited for the device");
    assert!(camera.of("TEARDOWN")[0].contains("Session: 42"));
    assert_eq!(camera.of("PLAY").len(), 1);
}

#[tokio::test]
async fn who_leaves_hangs_up() {
    let (camera, replay) = opened(Ways::default()).await;
    drop(replay);
    camera.hears("TEARDOWN").await;
    // Also who is not waited for.
    let camera =
        Camera::start(Ways { silent_at: Some("PLAY"), then: Then::Nothing, ..Ways::default() }).await;
    tokio::select! {
        _ = open(&camera, false) => panic!("the camera is silent"),
        _ = camera.hears("PLAY") => {}
    }
    camera.hears("TEARDOWN").await;
}

#[tokio::test]
async fn a_device_that_does_not_say_when_it_was() {
    let (_camera, mut replay) = opened(Ways { has_extension: false, ..Ways::default() }).await;
    assert_eq!(replay.starts, None);
    assert!(matches!(next(&mut *replay.stream).await, Some(Ok(LiveItem::Video(_)))));
}

#[tokio::test]
async fn pictures_before_the_answer_are_kept() {
    let (_camera, mut replay) = opened(Ways { early: true, then: Then::Ends(5), ..Ways::default() }).await;
    assert_eq!(replay.starts, Some(UtcMicros(RECORDED_AT * 1_000_000 + 500_000)));
    assert_eq!(watched(&mut *replay.stream).await, (5, None));
}

#[tokio::test]
async fn the_end_of_a_recording() {
    for (then, code) in [
        (Then::Ends(7), None),
        (Then::HangsUp(7), None),
        (Then::Babbles(7), Some(Code::Protocol)),
        (Then::Breaks(7), Some(Code::Disconnected)),
    ] {
        let (camera, mut replay) = opened(Ways { then, ..Ways::default() }).await;
        assert_eq!(watched(&mut *replay.stream).await, (7, code), "{then:?}");
        assert!(next(&mut *replay.stream).await.is_none(), "{then:?}: over is over");
        replay.stream.close().await;
        if matches!(then, Then::Ends(_) | Then::Babbles(_)) {
            camera.hears("TEARDOWN").await;
        }
    }
}

#[tokio::test]
async fn who_does_not_look_holds_the_device_up() {
    let (camera, mut replay) = opened(Ways { then: Then::Floods, ..Ways::default() }).await;
    // Time for a relay that takes all to take all.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut seen = 0;
    loop {
        match next(&mut *replay.stream).await {
            None => break,
            Some(Ok(LiveItem::AccessUnit(unit))) => {
                assert!(!unit.discontinuity, "nothing is dropped instead");
                seen += 1;
                let under_way = camera.sent() - seen;
                assert!(under_way < FLOOD / 2, "{under_way} pictures wait somewhere after {seen}");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
    assert_eq!(seen, FLOOD);
}

#[tokio::test]
async fn refusals_have_their_reasons() {
    let ways = Ways::default;
    for (ways, code) in [
        (Ways { setup: 551, ..ways() }, Code::NotOffered),
        (Ways { play: 551, ..ways() }, Code::NotOffered),
        (Ways { describe: 551, ..ways() }, Code::NotOffered),
        (Ways { play: 457, ..ways() }, Code::NothingRecorded),
        (Ways { play: 404, ..ways() }, Code::NothingRecorded),
        (Ways { describe: 404, ..ways() }, Code::NothingRecorded),
        (Ways { then: Then::Ends(0), ..ways() }, Code::NothingRecorded),
        (Ways { setup: 453, ..ways() }, Code::TooManySessions),
        (Ways { play: 403, ..ways() }, Code::Forbidden),
        (Ways { play: 400, ..ways() }, Code::Protocol),
        (Ways { wants_login: true, ..ways() }, Code::PasswordNeeded),
        (Ways { then: Then::HangsUp(0), ..ways() }, Code::Disconnected),
        (Ways { then: Then::Babbles(0), ..ways() }, Code::Protocol),
        (Ways { sdp: "m=audio 0 RTP/AVP 0\r\n", ..ways() }, Code::NoVideo),
        (Ways { sdp: "m=video 0 RTP/AVP 26\r\n", ..ways() }, Code::UnsupportedCodec),
        (Ways { sdp: "m=\r\n", ..ways() }, Code::Protocol),
    ] {
        let camera = Camera::start(ways.clone()).await;
        let error = open(&camera, false).await.err().expect("is refused");
        assert_eq!(error.code(), code, "{ways:?}: {error}");
        let begun = !camera.of("SETUP").is_empty() && ways.setup == 200;
        if begun && !matches!(ways.then, Then::HangsUp(_)) {
            camera.hears("TEARDOWN").await;
        }
        if code == Code::UnsupportedCodec {
            assert!(camera.of("SETUP").is_empty(), "what cannot be shown is not played");
        }
    }
}

#[tokio::test]
async fn a_password_is_tried_once() {
    // This camera takes any answer to its challenge.
    let camera = Camera::start(Ways { wants_login: true, ..Ways::default() }).await;
    let replay = open(&camera, true).await.unwrap_or_else(|e| panic!("{e}"));
    replay.stream.close().await;
    assert_eq!(camera.of("DESCRIBE").len(), 2, "without a login, and with");
    for method in ["SETUP", "PLAY", "TEARDOWN"] {
        assert_eq!(camera.of(method).len(), 1, "{method}");
    }
    // This one none.
    let camera = Camera::start(Ways { describe: 401, wants_login: true, ..Ways::default() }).await;
    let error = open(&camera, true).await.err().expect("is refused");
    assert_eq!(error.code(), Code::WrongPassword);
    assert_eq!(camera.of("DESCRIBE").len(), 2);
    assert!(!error.to_string().contains(PASSWORD));
    // And this one lets in, but not to its recordings.
    for status in [401, 403] {
        let camera = Camera::start(Ways { play: status, wants_login: true, ..Ways::default() }).await;
        let error = open(&camera, true).await.err().expect("is refused");
        assert_eq!(error.code(), Code::Forbidden, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_silent_device_is_not_waited_for() {
    let silent = |at: Option<&'static str>| async move {
        let camera = Camera::start(Ways { silent_at: at, then: Then::Nothing, ..Ways::default() }).await;
        let error = open(&camera, false).await.err().expect("is given up");
        assert_eq!(error.code(), Code::Timeout, "{at:?}: {error}");
    };
    // At once, since each is waited for in real time.
    tokio::join!(silent(Some("DESCRIBE")), silent(Some("SETUP")), silent(Some("PLAY")), silent(None));
}

#[tokio::test]
async fn a_session_is_kept_alive_though_nobody_looks() {
    let then = Then::Pauses(5);
    let ways = Ways { then, wants_login: true, forgets_login: true, ..Ways::default() };
    let camera = Camera::start(ways).await;
    let replay = open(&camera, true).await.unwrap_or_else(|e| panic!("{e}"));
    camera.hears_where(|head| head.starts_with("GET_PARAMETER") && head.contains("nonce=\"13\"")).await;
    let kept = camera.of("GET_PARAMETER");
    assert!(kept.len() == 2 && kept[0].contains("nonce=\"12\""), "the login is renewed: {kept:?}");
    assert!(kept.iter().all(|head| head.contains("Session: 42")), "{kept:?}");
    replay.stream.close().await;
    assert_eq!(camera.of("TEARDOWN").len(), 1);
}

#[tokio::test]
async fn no_such_time_and_no_such_device() {
    let camera = Camera::start(Ways::default()).await;
    let opener = RtspOpener::new();
    let error = opener.open_replay(&camera.source(false), UtcMicros(-1)).await.err().expect("is refused");
    assert_eq!((error.code(), camera.asked().len()), (Code::InvalidInput, 0));
    let mut nowhere = camera.source(false);
    nowhere.address.port = 1;
    let error = opener.open_replay(&nowhere, FROM).await.err().expect("is refused");
    assert_eq!(error.code(), Code::Unreachable);
}
