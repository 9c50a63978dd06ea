//! Clients we did not write must be able to play the simulated site: ffprobe, ffmpeg and GStreamer.

use std::{io, process::Stdio, time::Duration};

use bartizan_base::StreamProfile;
use bartizan_sim::{DigestOffer, Site, SiteConfig, Source};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

/// No witness run may take longer, whatever the machine is doing besides.
const LIMIT: Duration = Duration::from_secs(60);

struct Ran {
    success: bool,
    stdout: String,
    stderr: String,
}

/// Runs a tool under a hard time-out; `None` when it is not installed.
async fn run(tool: &str, arguments: &[&str]) -> Option<Ran> {
    let spawned = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: {tool} is not installed");
            return None;
        }
        spawned => spawned.unwrap(),
    };
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let work = async {
        let (a, b) = tokio::join!(out.read_to_string(&mut stdout), err.read_to_string(&mut stderr));
        a.and(b).unwrap();
        child.wait().await.unwrap()
    };
    let ended = timeout(LIMIT, work).await;
    let Ok(status) = ended else {
        child.kill().await.unwrap();
        panic!("{tool} {arguments:?} did not end\n{stdout}\n{stderr}");
    };
    Some(Ran { success: status.success(), stdout, stderr })
}

async fn site(source: Source) -> Site {
    Site::start(SiteConfig { source, ..SiteConfig::default() }).await.unwrap()
}

/// The site has seen its clients leave properly.
async fn assert_all_left(site: &Site) {
    // The client's process has ended, so its TEARDOWN or close is on the way; wait for the server to read it.
    let left = async {
        while site.stats().open_connections > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, left).await.expect("every client closes its connection");
    assert_eq!(site.stats().open_sessions, 0, "{:?}", site.stats());
}

const SIZES: [(StreamProfile, u32, u32); 2] =
    [(StreamProfile::Main, 1280, 720), (StreamProfile::Sub, 640, 360)];

#[tokio::test(flavor = "multi_thread")]
async fn ffprobe_sees_both_tracks() {
    let site = site(Source::Scene).await;
    for (profile, width, height) in SIZES {
        let url = site.url_with_credentials(2, profile);
        let show = "stream=codec_name,width,height,sample_rate,channels";
        let arguments =
            ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", show, "-of", "compact=p=0", &url];
        let Some(ran) = run("ffprobe", &arguments).await else { return };
        assert!(ran.success && ran.stderr.is_empty(), "{}", ran.stderr);
        let lines: Vec<_> = ran.stdout.lines().filter(|line| !line.is_empty()).collect();
        let video = format!("codec_name=h264|width={width}|height={height}");
        assert_eq!(lines, [video.as_str(), "codec_name=pcm_mulaw|sample_rate=8000|channels=1"]);
    }
    assert_all_left(&site).await;
    site.shutdown().await;
}

/// Decodes two seconds of video and sound and checks how much there was of each.
async fn ffmpeg_plays(site: &Site, profile: StreamProfile, transport: &str) -> bool {
    let url = site.url_with_credentials(3, profile);
    let (fps, width, height) = match profile {
        StreamProfile::Main => (25, 1280, 720),
        StreamProfile::Sub => (15, 640, 360),
    };
    let frames = (2 * fps).to_string();
    #[rustfmt::skip]
    let arguments = [
        "-v", "error", "-rtsp_transport", transport, "-i", &url,
        "-map", "0:v", "-frames:v", &frames, "-f", "framehash", "-",
        "-map", "0:a", "-t", "2", "-f", "framehash", "-",
    ];
    let Some(ran) = run("ffmpeg", &arguments).await else { return false };
    assert!(ran.success, "{}", ran.stderr);
    assert_eq!(ran.stderr, "", "{transport}: decodes without complaint");
    assert!(ran.stdout.contains(&format!("#dimensions 0: {width}x{height}")), "{}", ran.stdout);
    assert!(ran.stdout.contains("#sample_rate 0: 8000"), "{}", ran.stdout);
    // A raw picture is 3/2 bytes a pixel; sound is counted in bytes of 16-bit samples.
    let size_of = |line: &str| line.split(',').nth(4).and_then(|size| size.trim().parse::<u64>().ok());
    let sizes: Vec<u64> =
        ran.stdout.lines().filter(|line| !line.starts_with('#')).filter_map(size_of).collect();
    let picture = width * height * 3 / 2;
    let pictures = sizes.iter().filter(|&&size| size == picture).count();
    let sound: u64 = sizes.iter().filter(|&&size| size != picture).sum();
    assert_eq!(pictures.to_string(), frames, "{transport}");
    assert!(sound >= 8000 * 2 * 18 / 10, "{transport}: {sound} bytes of sound");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_plays_scenes() {
    let site = site(Source::Scene).await;
    for profile in [StreamProfile::Main, StreamProfile::Sub] {
        for transport in ["tcp", "udp"] {
            if !ffmpeg_plays(&site, profile, transport).await {
                return;
            }
        }
    }
    assert_all_left(&site).await;
    let stats = site.stats();
    assert_eq!((stats.plays, stats.auth_failures, stats.expired), (4, 0, 0), "{stats:?}");
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_plays_clips() {
    let site = site(Source::Clip(None)).await;
    for transport in ["tcp", "udp"] {
        if !ffmpeg_plays(&site, StreamProfile::Sub, transport).await {
            return;
        }
    }
    assert_all_left(&site).await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_plays() {
    let site = site(Source::Scene).await;
    for (run_before, (transport, (profile, width, height))) in
        (0..).zip(["tcp", "udp"].into_iter().zip(SIZES))
    {
        let location = format!("location={}", site.url_with_credentials(4, profile));
        let protocols = format!("protocols={transport}");
        // Exactly 40 decoded pictures reach the sink, or the pipeline does not end.
        #[rustfmt::skip]
        let arguments = [
            "-v", "rtspsrc", &location, &protocols, "!", "application/x-rtp,media=video", "!", "rtph264depay", "!",
            "h264parse", "!", "avdec_h264", "!", "fakesink", "name=sink", "num-buffers=40", "silent=false",
        ];
        let Some(ran) = run("gst-launch-1.0", &arguments).await else { return };
        // At the end rtspsrc sends PAUSE and may cancel that at once for its TEARDOWN, calling the cancelled write an end
        // of file (1.22, seen with its debug log). The connection is open then: the TEARDOWN is answered on it.
        let cancelled =
            ran.stderr.contains("gst_rtspsrc_try_send") && ran.stderr.contains("(Received end-of-file)");
        assert!(ran.success || cancelled, "{transport}: {}", ran.stderr);
        assert_eq!(site.stats().teardowns, run_before + 1, "{transport}: {}", ran.stderr);
        let said = &ran.stdout;
        let pictures = said.lines().filter(|line| line.contains("last-message = chain")).count();
        assert_eq!(pictures, 40, "{transport}");
        assert!(said.contains(&format!("width=(int){width}, height=(int){height}")), "{transport}");
        assert!(said.contains("encoding-name=(string)H264"), "{transport}");
        assert!(!said.contains("WARNING"), "{transport}: {said}");
    }
    assert_all_left(&site).await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_digests_are_spoken_and_a_wrong_password_is_not() {
    for digest in [DigestOffer::Both, DigestOffer::Md5] {
        let site = Site::start(SiteConfig { digest, ..SiteConfig::default() }).await.unwrap();
        let right = site.url_with_credentials(1, StreamProfile::Sub);
        let wrong = right.replace("bartizan1", "bartizan2");
        let probe = async |url: &str| run("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", url]).await;
        let Some(ran) = probe(&wrong).await else { return };
        assert!(!ran.success && ran.stderr.contains("401"), "{}", ran.stderr);
        let stats = site.stats();
        assert_eq!((stats.auth_failures, stats.describes), (1, 0), "{stats:?}");
        let Some(ran) = probe(&right).await else { return };
        assert!(ran.success, "{}", ran.stderr);
        assert_eq!(site.stats().auth_failures, 1);
        site.shutdown().await;
    }
}
