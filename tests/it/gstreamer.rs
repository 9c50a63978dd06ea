//! A server we did not write, with streams of an encoder we did not write: GStreamer's RTSP server and x264.

use std::{process::Stdio, time::Duration};

use bartizan_base::{Code, Secret};
use bartizan_decode::StreamDecoder;
use bartizan_device::{Credentials, LiveItem, RtspAddress, StreamOpener, StreamSource, Transport};
use bartizan_media::{VideoInfo, nal};
use bartizan_rtsp::RtspOpener;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::support::{PATIENCE, workspace};

/// A whole stream, encoder start included, whatever else the machine is doing.
const LIMIT: Duration = Duration::from_secs(60);
pub(crate) const USER: &str = "viewer";
pub(crate) const PASSWORD: &str = "second witness";

fn mount(path: &str, encoder: &str, profile: &str) -> String {
    format!(
        "{path}=( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 \
         ! {encoder} key-int-max=25 speed-preset=ultrafast ! video/x-h264,profile={profile} \
         ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )
}

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    async fn start(auth: &str) -> Option<Self> {
        let mounts = [
            mount("/baseline", "x264enc tune=zerolatency", "baseline"),
            mount("/reordered", "x264enc bframes=2 b-adapt=false rc-lookahead=5", "main"),
            mount(
                "/sliced",
                "x264enc tune=zerolatency threads=4 sliced-threads=true option-string=slices=4 dct8x8=true",
                "high",
            ),
        ];
        Self::start_with(auth, &mounts).await
    }

    /// `None` where GStreamer, its bindings or x264 are not installed.
    pub(crate) async fn start_with(auth: &str, mounts: &[String]) -> Option<Self> {
        for python in ["python3", "/usr/bin/python3"] {
            let spawned = Command::new(python)
                .arg(workspace().join("tests/it/gst_server.py"))
                .args([auth, USER, PASSWORD])
                .args(mounts)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn();
            let Ok(mut child) = spawned else { continue };
            let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
            let line = timeout(PATIENCE, lines.next_line()).await.expect("a first line in time");
            let line = line.expect("readable").unwrap_or_default();
            match line.parse() {
                Ok(port) => return Some(Self { child, port }),
                Err(_) => println!("{python}: {line}"),
            }
        }
        println!("skipped: no GStreamer RTSP server");
        None
    }

    fn source(&self, path: &str, transport: Transport) -> StreamSource {
        StreamSource {
            address: RtspAddress { host: "127.0.0.1".into(), port: self.port, path: path.into() },
            credentials: None,
            transport,
        }
    }

    pub(crate) async fn stop(mut self) {
        drop(self.child.stdin.take());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends with its stdin");
        assert!(status.expect("waited for").success());
    }
}

#[derive(Default)]
struct Seen {
    info: Option<VideoInfo>,
    pictures: usize,
    b_pictures: usize,
    most_slices: usize,
}

/// Plays until 25 pictures are decoded, each later than the one before.
async fn watch(source: &StreamSource) -> Seen {
    let play = async {
        let mut live = RtspOpener::new().open(source).await.unwrap_or_else(|e| panic!("{e}"));
        let asked = source.transport;
        assert!(asked == Transport::Auto || live.description().transport == asked);
        let (mut seen, mut decoder, mut last) = (Seen::default(), StreamDecoder::new(), None);
        while seen.pictures < 25 {
            match live.next().await.expect("the stream goes on").unwrap_or_else(|e| panic!("{e}")) {
                LiveItem::Video(info) => seen.info = Some(info),
                LiveItem::AccessUnit(unit) => {
                    seen.b_pictures += usize::from(nal::has_h264_b_slice(&unit.data));
                    let is_slice = |nal: &&[u8]| matches!(nal::h264::unit_type(nal), Some(1 | 5));
                    seen.most_slices = seen.most_slices.max(nal::split(&unit.data).filter(is_slice).count());
                    for timed in decoder.push_unit(&unit).unwrap_or_else(|e| panic!("{e}")) {
                        assert_eq!((timed.picture.width, timed.picture.height), (320, 240));
                        assert!(
                            last.is_none_or(|last| timed.pts_us > last),
                            "{} after {last:?}",
                            timed.pts_us
                        );
                        last = Some(timed.pts_us);
                        seen.pictures += 1;
                    }
                }
                LiveItem::Clock(_) => {}
            }
        }
        live.close().await;
        seen
    };
    let seen = timeout(LIMIT, play).await.expect("25 pictures in time");
    let info = seen.info.as_ref().expect("parameters before pictures");
    assert_eq!((info.width, info.height, info.interlaced), (320, 240, false));
    seen
}

#[tokio::test]
async fn baseline_over_both_transports() {
    let Some(server) = Server::start("none").await else { return };
    for transport in [Transport::Tcp, Transport::Udp] {
        let seen = watch(&server.source("/baseline", transport)).await;
        assert_eq!(seen.b_pictures, 0);
        assert_eq!(seen.info.and_then(|info| info.reorder_frames), Some(0));
    }
    server.stop().await;
}

#[tokio::test]
async fn pictures_out_of_order_over_both_transports() {
    let Some(server) = Server::start("none").await else { return };
    for transport in [Transport::Tcp, Transport::Udp] {
        let seen = watch(&server.source("/reordered", transport)).await;
        assert!(seen.b_pictures > 0, "x264 was asked for B pictures");
        assert!(seen.info.and_then(|info| info.reorder_frames).is_some_and(|held| held > 0));
    }
    server.stop().await;
}

#[tokio::test]
async fn pictures_of_several_slices() {
    let Some(server) = Server::start("none").await else { return };
    let seen = watch(&server.source("/sliced", Transport::Auto)).await;
    // x264 makes fewer than asked for where a picture is low.
    assert!(seen.most_slices > 1, "{} slices", seen.most_slices);
    assert!(seen.info.is_some_and(|info| info.codec.starts_with("avc1.64")));
    server.stop().await;
}

async fn logs_in(auth: &str) {
    let Some(server) = Server::start(auth).await else { return };
    let nobody = server.source("/baseline", Transport::Auto);
    let with = |password: &str| StreamSource {
        credentials: Some(Credentials { user: USER.into(), password: Secret::new(password) }),
        ..nobody.clone()
    };
    let opener = RtspOpener::new();
    assert_eq!(opener.describe(&nobody).await.map_err(|e| e.code()), Err(Code::PasswordNeeded));
    assert_eq!(opener.describe(&with("guess")).await.map_err(|e| e.code()), Err(Code::WrongPassword));
    watch(&with(PASSWORD)).await;
    let lost = StreamSource { address: nobody.address.with_path("/nothing"), ..with(PASSWORD) };
    assert_eq!(opener.describe(&lost).await.map_err(|e| e.code()), Err(Code::NoSuchStream));
    server.stop().await;
}

#[tokio::test]
async fn a_basic_login() {
    logs_in("basic").await;
}

#[tokio::test]
async fn a_digest_login() {
    logs_in("digest").await;
}
