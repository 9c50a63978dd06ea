//! The ways in which adding a device fails, told apart; a wrong password is tried once; a correct edit heals.

use std::{sync::Arc, time::Duration};

use bartizan_api::{Backend, ShellInfo, dispatch, dto::Shell};
use bartizan_app::{App, Draft, live::Delivery};
use bartizan_base::{ChannelId, Code, OwnedTask, Secret, StreamId, StreamProfile};
use bartizan_sim::{Fault, SiteConfig};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

use crate::support::{PASSWORD, Recorder, USER, clip_site, draft, empty_app, start, until};

/// Adds `draft`, which must fail, with nothing stored and nothing told of the password.
async fn refused(app: &App, draft: &Draft) -> Code {
    let error = app.devices.add(draft).await.expect_err("this device cannot be added");
    assert!(app.devices.book().list().1.is_empty(), "nothing is stored");
    for secret in [PASSWORD, "guess"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }
    assert!(!error.detail().is_empty());
    error.code()
}

fn url(text: impl Into<String>) -> Draft {
    Draft { url: Some(text.into()), ..Draft::default() }
}

/// A server that answers every connection with `answer` and closes it.
async fn canned(answer: &'static [u8]) -> (String, OwnedTask) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let task = OwnedTask::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    (address, task)
}

#[tokio::test]
async fn what_a_person_typed_wrong() {
    let app = empty_app().await;
    assert_eq!(refused(&app, &Draft::default()).await, Code::InvalidAddress);
    assert_eq!(refused(&app, &url("http://cam/ch1")).await, Code::InvalidAddress);
    assert_eq!(refused(&app, &url("cam/ch1")).await, Code::InvalidAddress);
    let host = |port| Draft { host: Some("127.0.0.1".into()), port: Some(port), ..Draft::default() };
    assert_eq!(refused(&app, &host(0)).await, Code::InvalidPort);
    assert_eq!(refused(&app, &host(70_000)).await, Code::InvalidPort);
    let spaced = Draft { host: Some("not a host".into()), ..Draft::default() };
    assert_eq!(refused(&app, &spaced).await, Code::InvalidAddress);
}

#[tokio::test]
async fn nobody_there() {
    let app = empty_app().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    assert_eq!(refused(&app, &url(format!("rtsp://{address}/ch1"))).await, Code::Unreachable);
    assert_eq!(refused(&app, &url("rtsp://nosuch.invalid/ch1")).await, Code::HostUnknown);
}

#[tokio::test]
async fn somebody_who_never_answers() {
    let app = empty_app().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    // The kernel accepts; nobody reads. The opener gives up after its own 8 s.
    let code = timeout(Duration::from_secs(60), refused(&app, &url(format!("rtsp://{address}/ch1")))).await;
    assert_eq!(code, Ok(Code::Timeout));
    drop(listener);
}

#[tokio::test]
async fn somebody_who_speaks_something_else() {
    let app = empty_app().await;
    let http =
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n";
    for answer in
        [&http[..], b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", b"220 mail ESMTP\r\n", &[0x15, 3, 1, 0, 2, 2, 70]]
    {
        let (address, _task) = canned(answer).await;
        let code = refused(&app, &url(format!("rtsp://{address}/ch1"))).await;
        assert_eq!(code, Code::NotRtsp, "{:?}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn answers_of_real_device_statuses() {
    let app = empty_app().await;
    let cases: [(&'static [u8], Code); 5] = [
        (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", Code::NoSuchStream),
        (b"RTSP/1.0 403 Forbidden\r\nCSeq: 1\r\n\r\n", Code::Forbidden),
        (b"RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: 1\r\n\r\n", Code::TooManySessions),
        (b"RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\n\r\n", Code::TooManySessions),
        (b"RTSP/1.0 500 Internal Server Error\r\nCSeq: 1\r\n\r\n", Code::Protocol),
    ];
    for (answer, wanted) in cases {
        let (address, _task) = canned(answer).await;
        let code = refused(&app, &url(format!("rtsp://{address}/ch1"))).await;
        assert_eq!(code, wanted, "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn what_the_device_says() {
    let site = start(clip_site()).await;
    let app = empty_app().await;
    let right = draft(&site, "/ch1/main");
    assert_eq!(refused(&app, &draft(&site, "/nothing/here")).await, Code::NoSuchStream);
    assert_eq!(refused(&app, &draft(&site, "/ch99/main")).await, Code::NoSuchStream);
    let nobody = Draft { user: None, password: None, ..right.clone() };
    assert_eq!(refused(&app, &nobody).await, Code::PasswordNeeded);
    for (fault, wanted) in [
        (Fault::Locked, Code::Locked),
        (Fault::NoVideo, Code::NoVideo),
        (Fault::NotRtsp, Code::NotRtsp),
        (Fault::AuthStorm, Code::WrongPassword),
    ] {
        site.set_fault(None, Some(fault));
        assert_eq!(refused(&app, &right).await, wanted, "{fault}");
    }
    site.set_fault(None, None);
    let row = app.devices.add(&right).await.expect("the faults are gone");
    assert_eq!(row.channels.len(), 1);
    assert_eq!(row.channels[0].streams.len(), 2, "main and sub");
    site.shutdown().await;
}

#[tokio::test]
async fn video_that_nobody_can_decode() {
    let app = empty_app().await;
    let jpeg = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 105\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\n";
    let (address, _task) = canned(fix_length(jpeg)).await;
    assert_eq!(refused(&app, &url(format!("rtsp://{address}/ch1"))).await, Code::UnsupportedCodec);
    // frame_mbs_only_flag is 0.
    let interlaced =
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 0\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
        a=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1;sprop-parameter-sets=INTERLACED\r\n";
    let text = String::from_utf8_lossy(interlaced).replace("INTERLACED", INTERLACED_SPROP);
    let (address, _task) = canned(fix_length(text.as_bytes())).await;
    assert_eq!(refused(&app, &url(format!("rtsp://{address}/ch1"))).await, Code::Interlaced);
}

/// SPS of a real 720x576 stream of field pictures, High profile level 3, and a PPS.
const INTERLACED_SPROP: &str = "Z2QAHqzZQLQk2AiAAAADAIAAABkPihTL,aO48gA==";

fn fix_length(message: &[u8]) -> &'static [u8] {
    let text = String::from_utf8_lossy(message);
    let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
    let head: Vec<_> = head.lines().filter(|line| !line.starts_with("Content-Length")).collect();
    let whole = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
    Vec::leak(whole.into_bytes())
}

#[tokio::test]
async fn a_full_device_refuses_to_play_but_is_known() {
    let site = start(SiteConfig { session_limit: 1, ..clip_site() }).await;
    let app = empty_app().await;
    let row = app.devices.add(&draft(&site, "/ch1/main")).await.expect("describing needs no session");
    let stream = |profile| StreamId { channel: ChannelId { device: row.id.clone(), number: 1 }, profile };
    let first = Arc::new(Recorder::default());
    let held =
        app.live.attach(stream(StreamProfile::Main), Delivery::Encoded, first.clone()).expect("attached");
    first.more_units(2).await;
    let second = Arc::new(Recorder::default());
    let _waiting =
        app.live.attach(stream(StreamProfile::Sub), Delivery::Encoded, second.clone()).expect("attached");
    let failed = |state: &bartizan_app::live::StreamState| {
        state.error.as_ref().is_some_and(|error| error.code() == Code::TooManySessions)
    };
    second.state_after("453", 0, failed).await;
    assert!(second.lock().units.is_empty());
    drop(held);
    app.live.shutdown().await;
    site.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_even_by_sixteen_tiles_and_an_edit_heals() {
    let site = start(clip_site()).await;
    let app = empty_app().await;
    let wrong = Draft { password: Some(Secret::new("guess")), ..draft(&site, "/ch1/main") };
    assert_eq!(refused(&app, &wrong).await, Code::WrongPassword);
    assert_eq!(site.stats().auth_failures, 1);

    // The password changed on the device since: the row has the wrong one.
    let row = app.devices.add_unprobed(&wrong).await.expect("stored as it is");
    let backend = Backend::new(
        app.clone(),
        ShellInfo {
            shell: Shell::Web,
            ws_url: None,
            poll_url: "http://127.0.0.1/media/poll".into(),
            pictures: None,
            search_loopback: true,
        },
    );
    let session = backend.media().create();
    for tile in 0..16 {
        let open = json!({
            "session": session.id(), "tile": tile, "device": row.id.as_str(), "channel": 1,
            "profile": if tile % 2 == 0 { "main" } else { "sub" }, "delivery": "encoded",
        });
        let reply = serde_json::to_value(dispatch(&backend, "live.open", open).await).expect("JSON");
        assert!(reply.get("ok").is_some(), "{reply}");
    }
    let viewer = Arc::new(Recorder::default());
    let stream =
        StreamId { channel: ChannelId { device: row.id.clone(), number: 1 }, profile: StreamProfile::Main };
    let _attachment = app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
    let failed = |state: &bartizan_app::live::StreamState| {
        state.phase == bartizan_app::live::Phase::Failed
            && state.error.as_ref().is_some_and(|error| error.code() == Code::WrongPassword)
    };
    let seen = viewer.state_after("the refusal", 0, failed).await;
    // Other probes with the same refused login do not touch the device either, unless a person asks.
    assert_eq!(site.stats().auth_failures, 1, "the refusal of the probe is remembered");

    let right = Draft { password: Some(Secret::new(PASSWORD)), user: Some(USER.into()), ..Draft::default() };
    let healed = app.devices.update(&row.id, right).await.expect("the right password");
    assert_eq!(healed.id, row.id);
    viewer.state_after("playing", seen, |state| state.phase == bartizan_app::live::Phase::Playing).await;
    assert_eq!(site.stats().auth_failures, 1);
    until("one session for all tiles", || (site.stats().open_sessions == 1).then_some(())).await;
    app.live.shutdown().await;
    site.shutdown().await;
}

#[tokio::test]
async fn a_stored_password_is_not_sent_to_another_host() {
    let site = start(clip_site()).await;
    let app = empty_app().await;
    let row = app.devices.add(&draft(&site, "/ch1/main")).await.expect("added");
    // The same machine by another name is another host to us.
    let moved = Draft { host: Some("localhost".into()), ..Draft::default() };
    let before = site.stats().connections;
    let refused = app.devices.update(&row.id, moved.clone()).await.expect_err("no password given");
    assert_eq!(refused.code(), Code::PasswordNeeded);
    assert_eq!(site.stats().connections, before, "nobody was asked");
    let with_password = Draft { password: Some(Secret::new(PASSWORD)), ..moved };
    assert_eq!(app.devices.update(&row.id, with_password).await.expect("moved").host, "localhost");
    site.shutdown().await;
}

#[tokio::test]
async fn a_deleted_device_stops_playing_and_plays_again_when_restored() {
    let site = start(clip_site()).await;
    let app = empty_app().await;
    let row = app.devices.add(&draft(&site, "/ch1/main")).await.expect("added");
    let viewer = Arc::new(Recorder::default());
    let stream =
        StreamId { channel: ChannelId { device: row.id.clone(), number: 1 }, profile: StreamProfile::Main };
    let attachment = app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
    let playing = |state: &bartizan_app::live::StreamState| state.phase == bartizan_app::live::Phase::Playing;
    let seen = viewer.state_after("playing", 0, playing).await;
    app.devices.delete(&row.id).await.expect("deleted");
    let failed = |state: &bartizan_app::live::StreamState| state.phase == bartizan_app::live::Phase::Failed;
    let seen = viewer.state_after("the end", seen, failed).await;
    until("no session on the device", || (site.stats().open_sessions == 0).then_some(())).await;
    app.devices.restore(&row.id).await.expect("restored");
    attachment.retry();
    viewer.state_after("playing again", seen, playing).await;
    app.live.shutdown().await;
    site.shutdown().await;
}

#[tokio::test]
async fn a_retry_that_a_person_asks_for_tries_once_more() {
    let site = start(clip_site()).await;
    let app = empty_app().await;
    let wrong = Draft { password: Some(Secret::new("guess")), ..draft(&site, "/ch1/main") };
    let row = app.devices.add_unprobed(&wrong).await.expect("stored as it is");
    let viewer = Arc::new(Recorder::default());
    let stream =
        StreamId { channel: ChannelId { device: row.id.clone(), number: 1 }, profile: StreamProfile::Main };
    let attachment = app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("attached");
    let failed = |state: &bartizan_app::live::StreamState| state.phase == bartizan_app::live::Phase::Failed;
    let seen = viewer.state_after("the refusal", 0, failed).await;
    assert_eq!(site.stats().auth_failures, 1);
    app.live.network_changed();
    attachment.retry();
    viewer.state_after("the second refusal", seen, failed).await;
    assert_eq!(site.stats().auth_failures, 2, "a network change tries no password again, a person does");
    app.live.shutdown().await;
    site.shutdown().await;
}
