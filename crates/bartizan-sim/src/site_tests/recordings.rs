//! Recordings over RTSP: what is shown, where a playback goes on, and how it ends.

use bartizan_base::UtcMicros;
use bytes::Bytes;
use openh264::{decoder::Decoder, formats::YUVSource};

use super::*;
use crate::{Unit, UnitConfig, timebar};

/// 2026-07-01T00:00:00Z, which is 08:00 by the unit's clock.
const BEGIN_S: i64 = 1_782_864_000;

fn at_ms(ms: i64) -> UtcMicros {
    UtcMicros((BEGIN_S * 1000 + ms) * 1000)
}

/// A unit that recorded more than half a second at the beginning, and as much an hour later.
async fn recorder(profile_g: bool) -> Site {
    let config = UnitConfig { user: String::new(), profile_g, ..UnitConfig::default() };
    let unit = Unit::new(config);
    let hour = 3_600_000;
    unit.set_recordings(1, Some(vec![(at_ms(0), at_ms(600)), (at_ms(hour), at_ms(hour + 600))]));
    Site::start(SiteConfig { unit: Some(Arc::new(unit)), ..SiteConfig::default() }).await.unwrap()
}

/// One picture: its RTP time, what the time bar says, and its header extension.
struct Seen {
    time: u32,
    shown_ms: i64,
    extension: Option<Vec<u8>>,
}

/// Pictures up to the end of the connection, or so many.
async fn watch(client: &mut Client, decoder: &mut Decoder, most: usize) -> Vec<Seen> {
    let (mut seen, mut payloads, mut extension) = (Vec::new(), Vec::new(), None);
    while seen.len() < most
        && let Some(packet) = client.packet().await
    {
        let extended = packet[0] & 0x10 != 0;
        if extended {
            extension = Some(packet[12..28].to_vec());
        }
        payloads.push(Bytes::copy_from_slice(&packet[if extended { 28 } else { 12 }..]));
        if packet[1] & 0x80 != 0 {
            let stream = crate::rtp::annex_b(&std::mem::take(&mut payloads));
            let picture = decoder.decode(&stream).unwrap().expect("a picture for each access unit");
            let ((width, height), (stride, ..)) = (picture.dimensions(), picture.strides());
            let shown = timebar::read(picture.y(), width, height, stride).expect("a time bar");
            let time = u32::from_be_bytes(packet[4..8].try_into().unwrap());
            seen.push(Seen { time, shown_ms: shown as i64 - BEGIN_S * 1000, extension: extension.take() });
        }
    }
    seen
}

#[tokio::test]
async fn a_recording_shows_its_time_leaves_out_the_gap_and_ends() {
    let site = recorder(false).await;
    let mut client = Client::of(&site).await;
    let url = |time: &str| format!("rtsp://{}/Streaming/tracks/102/?starttime={time}", site.addr());
    assert_eq!(client.status("DESCRIBE", &url("20260701T090001Z"), "").await, 404);
    assert_eq!(client.status("DESCRIBE", &url("20260701T083000Z&endtime=20260701T084000Z"), "").await, 404);
    let url = url("20260701T080000Z");
    let described = client.ask("DESCRIBE", &url, "").await;
    let sdp = String::from_utf8_lossy(described.body()).into_owned();
    assert!(sdp.contains("m=video") && !sdp.contains("m=audio"), "{sdp}");
    // A client that loses the query on the way to the track means the recording it was told of.
    let id = client.set_up(&format!("rtsp://{}/Streaming/tracks/102", site.addr())).await;
    let played = client.ask("PLAY", &url, &format!("Session: {id}\r\nRange: npt=0.000-\r\n")).await;
    assert_eq!(text(&played, &headers::RANGE), "npt=0.000-");
    let seen = watch(&mut client, &mut Decoder::new().unwrap(), usize::MAX).await;
    assert_eq!(seen[0].shown_ms, 0);
    assert!(seen.iter().all(|one| one.extension.is_none()));
    let hour = 3_600_000;
    let gap = seen.iter().position(|one| one.shown_ms >= hour).expect("it goes on after the gap");
    assert_eq!(seen[gap].shown_ms, hour);
    assert!(seen[gap - 1].shown_ms < 600 && seen.last().unwrap().shown_ms < hour + 600);
    for (index, pair) in seen.windows(2).enumerate() {
        let ticks = i64::from(pair[1].time.wrapping_sub(pair[0].time));
        let shown = (pair[1].shown_ms - pair[0].shown_ms) * 90;
        // The bar counts whole milliseconds.
        assert!(index + 1 == gap || (ticks - shown).abs() <= 91, "{ticks} ticks for {shown}");
        assert!(ticks > 0 && ticks < 90_000, "no jump: {ticks}");
    }
    assert_eq!(site.stats().open_sessions, 0);
    assert_eq!(site.stats().replays, 1);
}

#[tokio::test]
async fn dahua_counts_by_its_own_clock() {
    let site = recorder(false).await;
    let mut client = Client::of(&site).await;
    let url =
        |time: &str| format!("rtsp://{}/cam/playback?channel=1&subtype=1&starttime={time}", site.addr());
    assert_eq!(client.status("DESCRIBE", &url("2026_07_01_09_00_01"), "").await, 404);
    // In the gap, so it begins after it; each viewer by itself.
    let url = url("2026_07_01_08_30_00");
    let id = client.set_up(&url).await;
    assert_eq!(client.status("PLAY", &url, &format!("Session: {id}\r\n")).await, 200);
    let mut other = Client::of(&site).await;
    let begin =
        format!("rtsp://{}/cam/playback?channel=1&subtype=1&starttime=2026_07_01_08_00_00", site.addr());
    let id = other.set_up(&begin).await;
    assert_eq!(other.status("PLAY", &begin, &format!("Session: {id}\r\n")).await, 200);
    assert_eq!(watch(&mut client, &mut Decoder::new().unwrap(), 1).await[0].shown_ms, 3_600_000);
    assert_eq!(watch(&mut other, &mut Decoder::new().unwrap(), 1).await[0].shown_ms, 0);
    assert_eq!(site.stats().replays, 2);
}

#[tokio::test]
async fn onvif_plays_ranges() {
    let site = recorder(true).await;
    let mut client = Client::of(&site).await;
    let url = format!("rtsp://{}/replay/rec1", site.addr());
    let require = "Require: onvif-replay\r\n";
    let described = client.ask("DESCRIBE", &url, require).await;
    let sdp = String::from_utf8_lossy(described.body()).into_owned();
    assert!(sdp.contains("a=range:clock=20260701T000000.000Z-20260701T010000.600Z\r\n"), "{sdp}");
    let id = client.set_up(&url).await;
    let play = |range: &str| format!("{require}Session: {id}\r\n{range}");
    let late = play("Range: clock=20260701T010000.7Z-\r\n");
    assert_eq!(client.status("PLAY", &url, &late).await, 457);
    let mut decoder = Decoder::new().unwrap();
    let oldest = client.ask("PLAY", &url, &play("Range: npt=4004157600-4004161200\r\n")).await;
    assert_eq!(text(&oldest, &headers::RANGE), "clock=20260701T000000.000Z-");
    let first = watch(&mut client, &mut decoder, 1).await.remove(0);
    assert_eq!(first.shown_ms, 0);
    let seconds = u32::try_from(BEGIN_S + 2_208_988_800).unwrap().to_be_bytes();
    // C and D, and the CSeq that all requests here have.
    let expected = [&[0xab, 0xac, 0, 3], &seconds[..], &[0, 0, 0, 0, 0xa0, 7, 0, 0]].concat();
    assert_eq!(first.extension.unwrap(), expected);
    assert_eq!(client.status("PAUSE", &url, &play("")).await, 200);
    // In the gap: the next recording, at once.
    let sought = client.ask("PLAY", &url, &play("Range: clock=20260701T003000Z-\r\n")).await;
    assert_eq!(text(&sought, &headers::RANGE), "clock=20260701T010000.000Z-");
    let seen = watch(&mut client, &mut decoder, usize::MAX).await;
    let at = seen.iter().position(|one| one.shown_ms == 3_600_000).expect("what was sought");
    assert_eq!(seen[at].extension.as_ref().unwrap()[12] & 0xa0, 0xa0);
    // The end is marked on the last picture, unless a busy machine left that one out.
    assert!(seen[at + 1..].iter().all(|one| one.extension.as_ref().unwrap()[12] & 0x20 == 0));
    let stats = site.stats();
    assert_eq!((stats.replays, stats.plays, stats.open_sessions), (1, 2, 0));
}

#[tokio::test]
async fn who_has_no_profile_g_plays_none() {
    let site = recorder(false).await;
    let mut client = Client::of(&site).await;
    let url = format!("rtsp://{}/replay/rec1", site.addr());
    assert_eq!(client.status("DESCRIBE", &url, "").await, 404);
    assert_eq!(client.status("DESCRIBE", &url, "Require: onvif-replay\r\n").await, 551);
    site.shutdown().await;
    let plain = open_site(1).await;
    let mut client = Client::of(&plain).await;
    let url = format!("rtsp://{}/Streaming/tracks/101", plain.addr());
    assert_eq!(client.status("DESCRIBE", &url, "").await, 404);
    assert_eq!(client.status("SETUP", &url, TCP).await, 404);
}
