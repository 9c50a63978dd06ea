//! Programs we did not write must find nothing wrong with our movies: ffmpeg, ffprobe and, where they are installed,
//! mediainfo, mkvmerge, AtomicParsley and GStreamer's qtdemux. Streams come from x264 and x265 through ffmpeg; without it nothing is checked.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use bartizan_base::UtcMicros;
use bartizan_media::{
    AccessUnit, AudioCodec, AudioFrame, Codec,
    movie::{Condition, Ending, MovieOptions, MovieWriter, examine},
};
use bytes::Bytes;

/// Runs a program; `None` where it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: {program} is not installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a program that must succeed and complain about nothing; gives what it printed.
fn quiet(program: &str, arguments: &[&str]) -> Option<String> {
    let output = run(program, arguments)?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{program} {arguments:?}: {complaints}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What readers of MP4 other than ffmpeg say: nothing.
fn nothing_wrong(file: &Path) {
    let name = text(file);
    if let Some(told) = quiet("mediainfo", &["--Output=JSON", name]) {
        assert!(!told.contains("IsTruncated") && !told.contains("ConformanceErrors"), "{told}");
    }
    // It reads every sample, tells its warnings on the output and with the code 1.
    let copied = file.with_extension("mkv");
    if let Some(told) = quiet("mkvmerge", &["-q", "-o", text(&copied), name]) {
        assert_eq!(told, "");
    }
    // Its tree adds up to the file only where every box ends where it says.
    if let Some(told) = quiet("AtomicParsley", &[name, "-T", "1"]) {
        let size = fs::metadata(file).unwrap().len();
        assert!(told.contains(&format!("Total size: {size} bytes")) && !told.contains("rror"), "{told}");
    }
    let (source, demuxer) = (format!("location={name}"), ["!", "qtdemux", "!", "fakesink"]);
    let pipeline = [&["-q", "filesrc", &source][..], &demuxer].concat();
    quiet("gst-launch-1.0", &pipeline);
}

/// A stream as a camera would send it: access units with the encoder's own times.
fn stream(folder: &Path, codec: Codec, extra: &[&str]) -> Option<Vec<AccessUnit>> {
    let (encoder, private, filter, format) = match codec {
        Codec::H264 => ("libx264", "-x264-params", "h264_mp4toannexb", "h264"),
        Codec::H265 => ("libx265", "-x265-params", "hevc_mp4toannexb", "hevc"),
    };
    let (movie, raw) = (folder.join("source.mp4"), folder.join("source.es"));
    let parameters = "aud=1:repeat-headers=1:log-level=none:keyint=25:min-keyint=25:scenecut=0:open-gop=0";
    let source =
        ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=5", "-c:v", encoder];
    let mut arguments = [&source[..], &["-pix_fmt", "yuv420p", private, parameters], extra].concat();
    arguments.extend(["-y", text(&movie)]);
    let made = run("ffmpeg", &arguments)?;
    if !made.status.success() {
        eprintln!("skipped: this ffmpeg has no {encoder}");
        return None;
    }
    run(
        "ffmpeg",
        &["-v", "error", "-i", text(&movie), "-c", "copy", "-bsf:v", filter, "-f", format, "-y", text(&raw)],
    )?;
    let pts = quiet(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "packet=pts_time,flags",
            "-of",
            "csv=p=0",
            text(&movie),
        ],
    )?;
    let data = fs::read(raw).unwrap();
    let delimiter = |at: &usize| match codec {
        Codec::H264 => data[at + 3] & 0x1f == 9,
        Codec::H265 => data[at + 3] >> 1 == 35,
    };
    let starts = (0..data.len() - 4).filter(|&at| data[at..at + 3] == [0, 0, 1]).filter(delimiter);
    // A start code of four bytes begins one earlier; parameter sets may stand before the first delimiter.
    let mut starts: Vec<usize> = starts.map(|at| at - usize::from(at > 0 && data[at - 1] == 0)).collect();
    starts[0] = 0;
    starts.push(data.len());
    let units: Vec<_> = starts
        .windows(2)
        .zip(pts.lines())
        .map(|(range, line)| {
            let (seconds, flags) = line.split_once(',').unwrap();
            let pts_us = (seconds.parse::<f64>().unwrap() * 1e6).round() as i64;
            AccessUnit {
                codec,
                data: Bytes::copy_from_slice(&data[range[0]..range[1]]),
                pts_us,
                random_access: flags.starts_with('K'),
                discontinuity: false,
                arrival: UtcMicros(1_700_000_000_000_000 + pts_us),
            }
        })
        .collect();
    assert_eq!(units.len(), 125);
    Some(units)
}

fn record(units: &[AccessUnit], sound: &[AudioFrame]) -> (Vec<u8>, Ending) {
    let options = MovieOptions { title: "Gate".into(), created: UtcMicros(1_700_000_000_000_000) };
    let (mut writer, mut bytes) = MovieWriter::start(&units[0], &options).unwrap();
    let mut sound = sound.iter().peekable();
    for unit in &units[1..] {
        while let Some(frame) = sound.next_if(|frame| frame.pts_us <= unit.pts_us) {
            writer.push_sound(frame);
        }
        bytes.extend(writer.push(unit).unwrap());
    }
    sound.for_each(|frame| writer.push_sound(frame));
    (bytes, writer.finish().unwrap())
}

fn finished(mut bytes: Vec<u8>, ending: &Ending) -> Vec<u8> {
    bytes.truncate(usize::try_from(ending.at).unwrap());
    bytes.extend_from_slice(&ending.tail);
    bytes[..ending.head.len()].copy_from_slice(&ending.head);
    bytes
}

/// What a decoder makes of the video: one hash a picture.
fn pictures(file: &Path, extra: &[&str]) -> Option<Vec<String>> {
    let input =
        [&["-v", "error"], extra, &["-i", text(file), "-map", "0:v", "-fps_mode", "passthrough"]].concat();
    let out = quiet("ffmpeg", &[&input[..], &["-f", "framemd5", "-"]].concat())?;
    let hashes = out.lines().filter(|line| !line.starts_with('#'));
    Some(hashes.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect())
}

fn check(codec: Codec, extra: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let Some(units) = stream(folder.path(), codec, extra) else { return };
    let (bytes, ending) = record(&units, &[]);
    let original = pictures(&folder.path().join("source.mp4"), &[]).unwrap();
    let file = folder.path().join("movie.mp4");
    fs::write(&file, finished(bytes.clone(), &ending)).unwrap();
    assert_eq!(pictures(&file, &["-xerror", "-err_detect", "explode"]).unwrap(), original);

    let asked = "stream=codec_name,codec_tag_string,width,height,nb_frames,avg_frame_rate:stream_tags=handler_name\
                 :format=duration:format_tags=creation_time";
    let told = quiet("ffprobe", &["-v", "error", "-show_entries", asked, "-of", "default=nw=1", text(&file)])
        .unwrap();
    let (name, tag) = match codec {
        Codec::H264 => ("h264", "avc1"),
        Codec::H265 => ("hevc", "hvc1"),
    };
    for line in [
        format!("codec_name={name}"),
        format!("codec_tag_string={tag}"),
        "width=320".into(),
        "height=180".into(),
        "nb_frames=125".into(),
        "avg_frame_rate=25/1".into(),
        "TAG:handler_name=Gate".into(),
        "duration=5.000000".into(),
        "TAG:creation_time=2023-11-14T22:13:20.000000Z".into(),
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
    let packets = ["-v", "error", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", text(&file)];
    let times = quiet("ffprobe", &packets).unwrap();
    let first = units[0].pts_us;
    for (line, unit) in times.lines().zip(&units) {
        let (seconds, flags) = line.split_once(',').unwrap();
        let pts_us = (seconds.parse::<f64>().unwrap() * 1e6).round() as i64;
        assert!((pts_us - (unit.pts_us - first)).abs() < 50, "{line} for {}", unit.pts_us);
        assert_eq!(flags.starts_with('K'), unit.random_access);
    }
    if let Some(told) = quiet("mediainfo", &["--Output=JSON", text(&file)]) {
        assert!(told.contains("\"FrameCount\": \"125\""), "{told}");
    }
    nothing_wrong(&file);

    // Cut while it was being written: it plays as it lies there, and better once finished.
    let torn = folder.path().join("torn.mp4");
    for part in [3, 5, 7, 9, 10] {
        let cut = bytes.len() * part / 10;
        fs::write(&torn, &bytes[..cut]).unwrap();
        let Condition::Torn(ending) = examine(&mut fs::File::open(&torn).unwrap()).unwrap() else {
            panic!("nothing to finish in {cut} bytes");
        };
        let played = run("ffmpeg", &["-v", "quiet", "-i", text(&torn), "-f", "framemd5", "-"]).unwrap();
        let played = String::from_utf8(played.stdout).unwrap();
        let played = played.lines().filter(|line| !line.starts_with('#')).count();
        assert!(played >= 25, "{played} pictures in {cut} bytes");
        fs::write(&torn, finished(bytes[..cut].to_vec(), &ending)).unwrap();
        nothing_wrong(&torn);
        let read = pictures(&torn, &["-xerror"]).unwrap();
        assert!(read.len() + 1 >= played && read.len() >= 25, "{} of {played}", read.len());
        // With B pictures the last ones may lack the picture after them.
        let sure = read.len().saturating_sub(4);
        assert_eq!(read[..sure], original[..sure], "{cut}");
    }
}

#[test]
fn h264() {
    check(Codec::H264, &["-bf", "0"]);
}

#[test]
fn h264_with_b_pictures() {
    check(Codec::H264, &["-bf", "3"]);
}

#[test]
fn h265() {
    check(Codec::H265, &["-bf", "0"]);
}

#[test]
fn h265_with_b_pictures() {
    check(Codec::H265, &["-bf", "3"]);
}

/// Sound comes out as it went in, and lies where it belongs.
fn check_sound(
    codec: AudioCodec,
    encoder: &str,
    format: &str,
    cut: impl Fn(&[u8]) -> Vec<Bytes>,
    step_us: f64,
) {
    let folder = tempfile::tempdir().unwrap();
    let Some(units) = stream(folder.path(), Codec::H264, &["-bf", "0"]) else { return };
    let raw = folder.path().join("sound");
    let tone = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=8000:duration=5",
        "-c:a",
        encoder,
    ];
    run("ffmpeg", &[&tone[..], &["-f", format, "-y", text(&raw)]].concat()).unwrap();
    let frames: Vec<_> = cut(&fs::read(raw).unwrap())
        .into_iter()
        .enumerate()
        .map(|(at, data)| AudioFrame {
            codec,
            data,
            pts_us: (at as f64 * step_us) as i64,
            sample_rate_hz: 8000,
            channels: 1,
            arrival: UtcMicros(0),
        })
        .collect();
    let (bytes, ending) = record(&units, &frames);
    let torn = bytes.clone();
    let file = folder.path().join("movie.mp4");
    for bytes in [finished(bytes, &ending), {
        let Condition::Torn(ending) = examine(&mut std::io::Cursor::new(&torn)).unwrap() else { panic!() };
        finished(torn, &ending)
    }] {
        fs::write(&file, bytes).unwrap();
        nothing_wrong(&file);
        let decoded =
            quiet("ffmpeg", &["-v", "error", "-xerror", "-i", text(&file), "-f", "framemd5", "-"]).unwrap();
        // Stream 1 is the sound: 39 frames of AAC, 250 packets of G.711, less those of a torn end.
        assert!(decoded.lines().filter(|line| line.starts_with("1,")).count() >= 25, "{decoded}");
        let told = [
            "-v",
            "error",
            "-select_streams",
            "a",
            "-show_entries",
            "stream=codec_name,sample_rate,channels",
        ];
        let told = quiet("ffprobe", &[&told[..], &["-of", "default=nw=1", text(&file)]].concat()).unwrap();
        let name = if encoder == "pcm_mulaw" { "pcm_mulaw" } else { "aac" };
        assert_eq!(told.trim(), format!("codec_name={name}\nsample_rate=8000\nchannels=1"));
    }
    assert!(ending.duration_us == 5_000_000);
}

#[test]
fn g711_sound() {
    let packets = |data: &[u8]| data.chunks_exact(160).map(Bytes::copy_from_slice).collect();
    check_sound(AudioCodec::Pcmu, "pcm_mulaw", "mulaw", packets, 20_000.0);
}

#[test]
fn aac_sound() {
    let packets = |mut data: &[u8]| {
        let mut out = Vec::new();
        while data.len() > 7 {
            let length =
                (usize::from(data[3] & 3) << 11) | usize::from(data[4]) << 3 | usize::from(data[5]) >> 5;
            let (frame, rest) = data.split_at(length);
            out.push(Bytes::copy_from_slice(frame));
            data = rest;
        }
        out
    };
    check_sound(AudioCodec::Aac, "aac", "adts", packets, 128_000.0);
}
