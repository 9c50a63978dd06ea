//! Talking to cameras: what is said arrives, the line is free again afterwards, and each refusal says why.

use std::{path::PathBuf, time::Duration};

use bartizan_base::{Code, Secret, StreamProfile};
use bartizan_device::{
    Credentials, Endpoint, Family, Login, RtspAddress, ServicePorts, StreamOpener, StreamSource, TalkCoding,
    TalkLine, Transport,
};
use bartizan_media::g711::{encode_alaw, encode_ulaw};
use bartizan_rtsp::RtspOpener;
use bartizan_sim::{Brand, BrandUnit, UnitConfig};
use bytes::Bytes;

use crate::{
    gstreamer::{PASSWORD, Server, USER},
    support::{clip_site, start, until},
};

const TONE_HZ: usize = 500;
const RATE: usize = 8000;
/// Samples of a piece: 40 ms.
const PIECE: usize = 320;

/// A tone that is loud and no square, so that a wrong coding shows.
fn tone(from: usize) -> Vec<i16> {
    let sample = |at: usize| (at as f64 * TONE_HZ as f64 * std::f64::consts::TAU / RATE as f64).sin();
    (from..from + PIECE).map(|at| (sample(at) * 12_000.0) as i16).collect()
}

fn coded(samples: &[i16], coding: TalkCoding) -> Bytes {
    let encode = match coding {
        TalkCoding::Pcmu => encode_ulaw,
        TalkCoding::Pcma => encode_alaw,
    };
    samples.iter().map(|&sample| encode(sample)).collect()
}

/// Speaks for so many pieces at the pace of speech.
async fn speak(line: &mut dyn TalkLine, pieces: usize) {
    let mut ticks = tokio::time::interval(Duration::from_millis(40));
    for at in 0..pieces {
        ticks.tick().await;
        let speech = coded(&tone(at * PIECE), line.coding());
        line.send(speech).await.unwrap_or_else(|e| panic!("{e}"));
    }
}

/// Crossings of zero upwards, a second: the pitch of a pure tone.
fn pitch(samples: &[i16]) -> f64 {
    let rises = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    rises as f64 * RATE as f64 / samples.len() as f64
}

fn is_the_tone(samples: &[i16]) {
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    assert!((11_000..13_000).contains(&loudest), "loudest {loudest}");
    let pitch = pitch(samples);
    assert!((pitch - TONE_HZ as f64).abs() < 8.0, "{pitch} Hz");
}

async fn unit(brand: Brand, config: UnitConfig) -> BrandUnit {
    let at = std::net::Ipv4Addr::LOCALHOST;
    let ports = [Some(0), None, Some(0)];
    BrandUnit::start(brand, config, clip_site(), at, ports).await.unwrap_or_else(|e| panic!("{e}"))
}

fn source(port: u16, path: &str, login: Option<(&str, &str)>) -> StreamSource {
    let credentials =
        login.map(|(user, password)| Credentials { user: user.into(), password: Secret::new(password) });
    let address = RtspAddress { host: "127.0.0.1".into(), port, path: path.into() };
    StreamSource { address, credentials, transport: Transport::Auto }
}

const LOGIN: Option<(&str, &str)> = Some(("admin", "bartizan1"));

async fn refusal(source: &StreamSource) -> Code {
    RtspOpener::new().open_talk(source).await.err().expect("is refused").code()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backchannel_of_a_stream() {
    let camera = unit(Brand::Onvif, UnitConfig { backchannel: true, ..UnitConfig::default() }).await;
    let source = source(camera.video().addr().port(), "/ch1/main", LOGIN);
    let mut line = RtspOpener::new().open_talk(&source).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(line.coding(), TalkCoding::Pcma, "the first of the offer");
    assert_eq!(refusal(&source).await, Code::TooManySessions, "one caller at a time");
    speak(&mut *line, 25).await;
    let ear = camera.unit.ear();
    until("all that was said", || (ear.heard().samples >= 25 * PIECE as u64).then_some(())).await;
    is_the_tone(ear.heard().last.make_contiguous());
    line.close().await;
    assert_eq!((ear.heard().open, ear.heard().calls), (0, 1), "the line is free");
    assert_eq!(camera.video().stats().teardowns, 1, "by a farewell");
    // A line that is dropped is free soon, too: a crash must not leave the camera busy.
    drop(RtspOpener::new().open_talk(&source).await.unwrap_or_else(|e| panic!("{e}")));
    until("a free line", || (ear.heard().open == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backchannel_that_is_not_there() {
    let camera = unit(Brand::Onvif, UnitConfig::default()).await;
    let port = camera.video().addr().port();
    assert_eq!(refusal(&source(port, "/ch1/main", LOGIN)).await, Code::NotOffered);
    let plain = start(clip_site()).await;
    let (address, credentials) =
        RtspAddress::parse(&plain.url_with_credentials(1, StreamProfile::Sub)).unwrap();
    let plain_source = StreamSource { address, credentials, transport: Transport::Auto };
    assert_eq!(refusal(&plain_source).await, Code::NotOffered);
    let talking = unit(Brand::Onvif, UnitConfig { backchannel: true, ..UnitConfig::default() }).await;
    let port = talking.video().addr().port();
    assert_eq!(refusal(&source(port, "/ch1/main", Some(("admin", "zebra")))).await, Code::WrongPassword);
    assert_eq!(talking.unit.refusals(), 1, "tried once");
    assert_eq!(refusal(&source(port, "/ch1/main", None)).await, Code::PasswordNeeded);
    assert_eq!(refusal(&source(1, "/ch1/main", LOGIN)).await, Code::Unreachable);
    assert_eq!(talking.unit.ear().heard().calls, 0);
}

async fn driver(camera: &BrandUnit, family: &dyn Family) -> std::sync::Arc<dyn bartizan_device::Driver> {
    let ports = ServicePorts { http: Some(camera.http().port()), ..ServicePorts::default() };
    let endpoint = Endpoint { ports, ..Endpoint::new("127.0.0.1").unwrap() };
    let credentials = Credentials { user: "admin".into(), password: Secret::new("bartizan1") };
    let login = Login { credentials: Some(credentials), spend_last_try: false };
    family.connect(&endpoint, &login).await.unwrap_or_else(|e| panic!("{e}"))
}

/// What both families that talk over HTTP promise.
async fn talks_over_http(brand: Brand, family: &dyn Family, coding: TalkCoding) {
    let camera = unit(brand, UnitConfig::default()).await;
    let driver = driver(&camera, family).await;
    let mut line = driver.talk(1).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(line.coding(), coding);
    speak(&mut *line, 25).await;
    let ear = camera.unit.ear();
    until("all that was said", || (ear.heard().samples >= 25 * PIECE as u64).then_some(())).await;
    is_the_tone(ear.heard().last.make_contiguous());
    assert_eq!(driver.talk(1).await.err().expect("one caller at a time").code(), Code::DeviceBusy);
    line.send(coded(&tone(0), coding)).await.unwrap_or_else(|e| panic!("the first goes on: {e}"));
    line.close().await;
    until("a free line", || (ear.heard().open == 0).then_some(())).await;
    // Without a farewell, as after a crash: the next call is taken all the same.
    drop(driver.talk(1).await.unwrap_or_else(|e| panic!("{e}")));
    until("a free line", || (ear.heard().open == 0).then_some(())).await;
    let line = driver.talk(1).await.unwrap_or_else(|e| panic!("{e}"));
    line.close().await;
    // Nonces that serve one request are answered anew.
    camera.unit.set_knobs(|knobs| knobs.nonce_uses = 1);
    let line = driver.talk(1).await.unwrap_or_else(|e| panic!("{e}"));
    line.close().await;
    // A user who may not talk is told so, and may do everything else as before.
    camera.unit.set_knobs(|knobs| (knobs.nonce_uses, knobs.mute) = (0, true));
    assert_eq!(driver.talk(1).await.err().expect("may not talk").code(), Code::Forbidden);
    driver.identity().await.unwrap_or_else(|e| panic!("the login still stands: {e}"));
    camera.unit.set_knobs(|knobs| knobs.mute = false);
    driver.talk(1).await.unwrap_or_else(|e| panic!("{e}")).close().await;
    assert_eq!(camera.unit.refusals(), 0, "no try of the password was wasted");
    assert!(driver.talk(9).await.is_err(), "no such channel");
}

#[tokio::test(flavor = "multi_thread")]
async fn isapi_two_way_audio() {
    talks_over_http(Brand::Isapi, &bartizan_isapi::Isapi::default(), TalkCoding::Pcmu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dahua_post_audio() {
    talks_over_http(Brand::Dahua, &bartizan_dahua::Dahua::default(), TalkCoding::Pcma).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_goes_off_while_somebody_talks() {
    let camera = unit(Brand::Dahua, UnitConfig::default()).await;
    let driver = driver(&camera, &bartizan_dahua::Dahua::default()).await;
    let mut line = driver.talk(1).await.unwrap_or_else(|e| panic!("{e}"));
    drop(camera);
    let speaking = async {
        loop {
            if let Err(error) = line.send(coded(&tone(0), TalkCoding::Pcma)).await {
                return error.code();
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    };
    let code = tokio::time::timeout(crate::support::PATIENCE, speaking).await.expect("it is noticed");
    assert!(matches!(code, Code::Disconnected | Code::Timeout), "{code:?}");
}

fn spoken_file() -> PathBuf {
    std::env::temp_dir().join(format!("bartizan-talk-{}.pcm", std::process::id()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_we_did_not_write_hears_it() {
    let file = spoken_file();
    let mount = format!(
        "/talk=( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency \
         speed-preset=ultrafast ! rtph264pay name=pay0 pt=96 ) @@ ( capsfilter caps=\"application/x-rtp, media=audio, \
         payload=0, clock-rate=8000, encoding-name=PCMU\" name=depay_backchannel ! rtppcmudepay ! mulawdec ! \
         audio/x-raw,format=S16LE ! filesink location={} buffer-mode=unbuffered sync=false async=false )",
        file.display()
    );
    let Some(server) = Server::start_with("digest", &[mount]).await else { return };
    let source = source(server.port, "/talk", Some((USER, PASSWORD)));
    let mut line = RtspOpener::new().open_talk(&source).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(line.coding(), TalkCoding::Pcmu);
    speak(&mut *line, 50).await;
    let read = || -> Vec<i16> {
        let bytes = std::fs::read(&file).unwrap_or_default();
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    };
    until("a second of speech", || (read().len() >= RATE).then_some(())).await;
    is_the_tone(&read()[..RATE]);
    line.close().await;
    let _ = std::fs::remove_file(&file);
    server.stop().await;
}
