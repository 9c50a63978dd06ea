//! Recorded answers of real devices, played back to our client.

use std::{fs, net::SocketAddr, path::Path};

use bartizan_base::{Code, OwnedTask};
use bartizan_device::{LiveItem, RtspAddress, StreamOpener, StreamSource, Transport};
use bartizan_media::{Codec, nal};
use bartizan_rtsp::RtspOpener;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::{PATIENCE, fixture_folder};

/// What a description means.
enum Means {
    Video { codec: Codec, size: Option<(u32, u32)>, rate: Option<f64>, audio: Option<&'static str> },
    Fails(Code),
}

const fn video(size: Option<(u32, u32)>, rate: Option<f64>, audio: Option<&'static str>) -> Means {
    Means::Video { codec: Codec::H264, size, rate, audio }
}

const RETINA: &[(&str, Means)] = &[
    ("bunny_describe.txt", video(Some((240, 160)), Some(24.0), Some("mpeg4-generic"))),
    ("dahua_describe_h264_aac_onvif.txt", video(Some((704, 480)), Some(15.0), Some("mpeg4-generic"))),
    (
        "dahua_describe_h265_pcma.txt",
        Means::Video { codec: Codec::H265, size: Some((704, 480)), rate: Some(12.0), audio: Some("pcma") },
    ),
    ("gw_main_describe.txt", video(Some((1920, 1080)), None, Some("pcmu"))),
    ("gw_sub_describe.txt", video(Some((720, 480)), None, None)),
    ("h264dvr_describe.txt", video(Some((1920, 1080)), Some(25.0), Some("pcma"))),
    ("hikvision_describe.txt", video(Some((1920, 1080)), Some(30.0), None)),
    ("ipcam_describe.txt", video(Some((1280, 960)), Some(25.0), None)),
    ("ubiquiti_sdp.txt", video(Some((1920, 1080)), Some(45.0), Some("mpeg4-generic"))),
];

const GORTSPLIB: &[(&str, Means)] = &[
    ("medi_absolute_control.sdp", video(None, None, None)),
    ("medi_absolute_control_base_url_no_trailing_slash.sdp", video(None, None, None)),
    ("medi_absolute_control_rtsps.sdp", video(None, None, None)),
    ("medi_missing_control.sdp", video(None, None, None)),
    ("medi_relative_control.sdp", video(None, None, None)),
    ("medi_relative_control_control_is_query.sdp", video(None, None, None)),
    ("medi_relative_control_control_is_query_and_no_path.sdp", video(None, None, None)),
    ("medi_relative_control_subpath.sdp", video(None, None, None)),
    ("medi_relative_control_subpath_without_slash.sdp", video(None, None, None)),
    ("medi_relative_control_url_with_query.sdp", video(None, None, None)),
    ("medi_relative_control_url_with_query_without_question_mark.sdp", video(None, None, None)),
    ("medi_relative_control_url_with_special_chars_and_query.sdp", video(None, None, None)),
    // Its SPS has a stray byte at the end; the stream's own will do.
    ("sess_issue_mediamtx_5074_fake_back_channel_.sdp", video(None, None, None)),
    ("sess_issue_mediamtx_5074_real_back_channel_.sdp", video(Some((640, 360)), Some(30.0), Some("pcmu"))),
    ("sess_key_mgmt_in_media.sdp", video(None, None, None)),
    ("sess_key_mgmt_in_session.sdp", video(None, None, None)),
    ("sess_multiple_formats_for_each_media.sdp", Means::Fails(Code::UnsupportedCodec)),
    ("sess_multiple_formats_for_each_media_2.sdp", video(Some((1920, 1080)), None, None)),
    ("sess_one_format_for_each_media_absolute.sdp", video(Some((1920, 1080)), Some(30.0), Some("pcmu"))),
    ("sess_one_format_for_each_media_relative.sdp", video(Some((1920, 1080)), Some(30.0), Some("pcmu"))),
    // The example of ONVIF's own specification lacks the session version in its o= line.
    ("sess_onvif_back_channel.sdp", Means::Fails(Code::Protocol)),
    ("sess_ulpfec_rfc5109.sdp", Means::Fails(Code::UnsupportedCodec)),
];

fn source(addr: SocketAddr, transport: Transport) -> StreamSource {
    let address = RtspAddress { host: addr.ip().to_string(), port: addr.port(), path: "/stream".into() };
    StreamSource { address, credentials: None, transport }
}

/// One request off the wire; `None` when the client is gone. Interleaved frames are skipped.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.ok()?;
        if text.is_empty() && byte == b'$' {
            let mut head = [0; 3];
            stream.read_exact(&mut head).await.ok()?;
            let mut frame = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
            stream.read_exact(&mut frame).await.ok()?;
            continue;
        }
        text.push(byte);
    }
    String::from_utf8(text).ok()
}

fn cseq(request: &str) -> &str {
    let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with("cseq:"));
    line.and_then(|line| line.split_once(':')).map_or("0", |(_, number)| number.trim())
}

/// The recorded answer with the CSeq of the present request. The body stays byte for byte.
fn answer(recorded: &[u8], request: &str) -> Vec<u8> {
    let end = recorded.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => (&recorded[..end], &recorded[end + 4..]),
        None => {
            let end = recorded.windows(2).position(|two| two == b"\n\n").unwrap_or(recorded.len());
            (&recorded[..end], recorded.get(end + 2..).unwrap_or_default())
        }
    };
    let head = String::from_utf8_lossy(head);
    let mut out = String::new();
    for line in head.lines().map(|line| line.trim_end_matches('\r')) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "cseq" => out.push_str(&format!("CSeq: {}\r\n", cseq(request))),
            // Session ids differ between the recordings of one device; a session has one.
            "session" => out.push_str("Session: 42;timeout=60\r\n"),
            // Line ends may have been changed on the way into a fixture.
            "content-length" => out.push_str(&format!("Content-Length: {}\r\n", body.len())),
            _ => out.push_str(&format!("{line}\r\n")),
        }
    }
    out.push_str("\r\n");
    [out.as_bytes(), body].concat()
}

/// A bare SDP as the answer of a device that names the request's URL as its base.
fn wrapped(sdp: &[u8], request: &str) -> Vec<u8> {
    let url = request.split(' ').nth(1).unwrap_or_default();
    let head = format!(
        "RTSP/1.0 200 OK\r\nCSeq: {}\r\nContent-Base: {url}/\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n",
        cseq(request),
        sdp.len()
    );
    [head.as_bytes(), sdp].concat()
}

fn is_bare(recorded: &[u8]) -> bool {
    recorded.starts_with(b"v=0")
}

pub async fn describe(recorded: Vec<u8>) -> bartizan_base::Result<bartizan_device::StreamDescription> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("its address");
    let _server = OwnedTask::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let Some(request) = request(&mut stream).await else { return };
        let bytes =
            if is_bare(&recorded) { wrapped(&recorded, &request) } else { answer(&recorded, &request) };
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
    });
    let opener = RtspOpener::new();
    timeout(PATIENCE, opener.describe(&source(addr, Transport::Auto))).await.expect("an answer in time")
}

async fn check(folder: &Path, table: &[(&str, Means)]) {
    let mut wrong = Vec::new();
    for (file, means) in table {
        let recorded = fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let got = describe(recorded).await;
        let right = match (&got, means) {
            (Ok(got), Means::Video { codec, size, rate, audio }) => {
                got.codec == *codec
                    && got.video.as_ref().map(|video| (video.width, video.height)) == *size
                    && got.frame_rate.map(|rate| (rate * 100.0).round())
                        == rate.map(|rate| (rate * 100.0).round())
                    && got.audio.as_deref() == *audio
            }
            (Err(error), Means::Fails(code)) => error.code() == *code,
            _ => false,
        };
        if !right {
            wrong.push(format!("{file}: {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files of the folder that the table leaves out would be tests that silently do not exist.
fn check_complete(folder: &Path, table: &[(&str, Means)], wanted: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(!wanted(&name) || table.iter().any(|(file, _)| *file == name), "{name} has no row");
    }
}

#[tokio::test]
async fn descriptions_of_real_devices() {
    let Some(folder) = fixture_folder("retina-rtsp") else { return };
    check_complete(&folder, RETINA, |name| name.contains("describe") || name.ends_with("_sdp.txt"));
    check(&folder, RETINA).await;
}

#[tokio::test]
async fn descriptions_that_other_clients_stumbled_over() {
    let Some(folder) = fixture_folder("gortsplib-sdp") else { return };
    check_complete(&folder, GORTSPLIB, |name| name.ends_with(".sdp"));
    check(&folder, GORTSPLIB).await;
}

/// RTP packets (RFC 6184 §5.6, §5.8) of one access unit, each framed for interleaving (RFC 2326 §10.12).
fn interleaved(unit: &[u8], seq: &mut u16, timestamp: u32, channel: u8, payload_type: u8) -> Vec<u8> {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for nal in nal::split(unit) {
        if nal.len() <= 1200 {
            payloads.push(nal.to_vec());
            continue;
        }
        let count = nal[1..].chunks(1200).count();
        for (at, chunk) in nal[1..].chunks(1200).enumerate() {
            let start = u8::from(at == 0) << 7 | u8::from(at + 1 == count) << 6 | nal[0] & 0x1f;
            payloads.push([&[nal[0] & 0xe0 | 28, start], chunk].concat());
        }
    }
    let mut out = Vec::new();
    let last = payloads.len();
    for (at, payload) in payloads.into_iter().enumerate() {
        let marker = if at + 1 == last { 0x80 } else { 0 };
        out.extend_from_slice(&[b'$', channel]);
        out.extend_from_slice(&((payload.len() + 12) as u16).to_be_bytes());
        out.extend_from_slice(&[0x80, marker | payload_type]);
        out.extend_from_slice(&seq.to_be_bytes());
        out.extend_from_slice(&timestamp.to_be_bytes());
        out.extend_from_slice(&[0x4c, 0xac, 0xc3, 0xd1]);
        out.extend_from_slice(&payload);
        *seq = seq.wrapping_add(1);
    }
    out
}

/// One device's recorded answers, and what comes of opening it.
struct Dialogue {
    describe: &'static str,
    setup: &'static str,
    play: &'static str,
    payload_type: u8,
    transport: Transport,
    /// `None`: a picture.
    fails: Option<Code>,
}

const DIALOGUES: &[Dialogue] = &[
    Dialogue {
        describe: "dahua_describe_h264_aac_onvif.txt",
        setup: "dahua_setup.txt",
        play: "dahua_play.txt",
        payload_type: 96,
        transport: Transport::Auto,
        fails: None,
    },
    Dialogue {
        describe: "hikvision_describe.txt",
        setup: "hikvision_setup.txt",
        play: "hikvision_play.txt",
        payload_type: 96,
        transport: Transport::Tcp,
        fails: None,
    },
    // The ssrc with a space before it cannot be what is sent; nothing hangs on it.
    Dialogue {
        describe: "hikvision_describe.txt",
        setup: "hikvision_setup_ssrc_space.txt",
        play: "hikvision_play.txt",
        payload_type: 96,
        transport: Transport::Auto,
        fails: None,
    },
    Dialogue {
        describe: "gw_main_describe.txt",
        setup: "gw_main_setup_video.txt",
        play: "gw_main_play.txt",
        payload_type: 96,
        transport: Transport::Auto,
        fails: None,
    },
    Dialogue {
        describe: "gw_sub_describe.txt",
        setup: "gw_sub_setup.txt",
        play: "gw_sub_play.txt",
        payload_type: 96,
        transport: Transport::Auto,
        fails: None,
    },
    Dialogue {
        describe: "bunny_describe.txt",
        setup: "bunny_setup.txt",
        play: "bunny_play.txt",
        payload_type: 97,
        transport: Transport::Auto,
        fails: None,
    },
    // Recorded over UDP: asked for TCP, its answer breaks the protocol, and no picture can come.
    Dialogue {
        describe: "h264dvr_describe.txt",
        setup: "h264dvr_setup_video.txt",
        play: "h264dvr_play.txt",
        payload_type: 96,
        transport: Transport::Tcp,
        fails: Some(Code::Protocol),
    },
];

/// Serves one connection: every method its recorded answer, then pictures on channel 0.
async fn serve(
    mut stream: TcpStream,
    files: [Vec<u8>; 3],
    ssrc: Option<u32>,
    payload_type: u8,
    units: Vec<Vec<u8>>,
) {
    while let Some(request) = request(&mut stream).await {
        let method = request.split(' ').next().unwrap_or_default();
        let bytes = match method {
            "DESCRIBE" => answer(&files[0], &request),
            "SETUP" => answer(&files[1], &request),
            "PLAY" => answer(&files[2], &request),
            _ => format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 42\r\n\r\n", cseq(&request)).into_bytes(),
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        if method == "PLAY" {
            let (mut seq, mut timestamp) = (1u16, 90_000u32);
            for unit in &units {
                let mut packets = interleaved(unit, &mut seq, timestamp, 0, payload_type);
                if let Some(ssrc) = ssrc {
                    set_ssrc(&mut packets, ssrc);
                }
                if stream.write_all(&packets).await.is_err() {
                    return;
                }
                timestamp = timestamp.wrapping_add(3600);
            }
        }
    }
}

/// Writes the SSRC that the SETUP answer announced into framed packets.
fn set_ssrc(packets: &mut [u8], ssrc: u32) {
    let mut at = 0;
    while at + 16 <= packets.len() {
        let len = usize::from(u16::from_be_bytes([packets[at + 2], packets[at + 3]]));
        packets[at + 12..at + 16].copy_from_slice(&ssrc.to_be_bytes());
        at += 4 + len;
    }
}

fn announced_ssrc(setup: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(setup);
    let (_, rest) = text.split_once("ssrc=")?;
    let hex: String = rest.trim_start().chars().take_while(char::is_ascii_hexdigit).collect();
    u32::from_str_radix(&hex, 16).ok()
}

#[tokio::test]
async fn dialogues_of_real_devices_yield_a_picture() {
    let Some(folder) = fixture_folder("retina-rtsp") else { return };
    let Some(streams) = fixture_folder("openh264-res") else { return };
    let stream = fs::read(streams.join("BA_MW_D.264")).expect("a small stream");
    let units: Vec<Vec<u8>> = nal::access_units(&stream).into_iter().take(8).map(<[u8]>::to_vec).collect();
    for dialogue in DIALOGUES {
        let read = |file: &str| fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let files = [read(dialogue.describe), read(dialogue.setup), read(dialogue.play)];
        let ssrc = announced_ssrc(&files[1]);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("its address");
        let (units, payload_type) = (units.clone(), dialogue.payload_type);
        let _server = OwnedTask::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                served.spawn(serve(stream, files.clone(), ssrc, payload_type, units.clone()));
            }
        });
        let opened = timeout(PATIENCE, RtspOpener::new().open(&source(addr, dialogue.transport))).await;
        let opened = opened.expect("an answer in time");
        let mut live = match (opened, dialogue.fails) {
            (Ok(live), None) => live,
            (Err(error), Some(code)) => {
                assert_eq!(error.code(), code, "{}: {error}", dialogue.setup);
                continue;
            }
            (outcome, wanted) => panic!("{}: {:?}, not {wanted:?}", dialogue.setup, outcome.err()),
        };
        let unit = loop {
            match timeout(PATIENCE, live.next()).await.expect("a picture in time") {
                Some(Ok(LiveItem::AccessUnit(unit))) if unit.random_access => break unit,
                Some(Ok(_)) => {}
                other => panic!("{}: {other:?} before a picture", dialogue.setup),
            }
        };
        assert!(nal::is_h264_random_access(&unit.data), "{}", dialogue.setup);
        live.close().await;
    }
}
