use std::io::Write;

use bartizan_media::{
    AccessUnit, AudioCodec, AudioFrame, Codec,
    movie::{MovieOptions, MovieWriter},
};
use bytes::Bytes;

use super::*;

const TAKEN_MS: i64 = 1_763_709_474_123;

fn facts() -> Facts {
    Facts {
        device: "0123456789abcdef0123456789abcdef".into(),
        channel: 3,
        title: "Yard".into(),
        taken_at_ms: TAKEN_MS,
        ..Facts::default()
    }
}

fn unit(at: i64) -> AccessUnit {
    // x264 baseline 640x360; the slices hold nothing that decodes.
    let sets = "000000016742c01eda0280bfe5c044000003000400000300c83c58ba800000000168ce3c80";
    let sets = (0..sets.len() / 2).map(|i| u8::from_str_radix(&sets[2 * i..2 * i + 2], 16).unwrap());
    let random_access = at % 25 == 0;
    let mut data: Vec<u8> = if random_access { sets.collect() } else { Vec::new() };
    data.extend([0, 0, 0, 1, if random_access { 0x65 } else { 0x41 }, 0x88, 7, 7, 7]);
    AccessUnit {
        codec: Codec::H264,
        data: Bytes::from(data),
        pts_us: at * 40_000,
        random_access,
        discontinuity: false,
        arrival: UtcMicros(TAKEN_MS * 1000 + at * 40_000),
    }
}

/// What a program leaves that is killed after `pictures`.
pub(crate) fn torn_movie(files: &Arc<Files>, pictures: i64) -> String {
    let mut open = files.create(FileKind::Recording, &facts()).unwrap();
    let (mut writer, begin) = MovieWriter::start(&unit(0), &MovieOptions::default()).unwrap();
    open.file.write_all(&begin).unwrap();
    for at in 1..pictures {
        open.file.write_all(&writer.push(&unit(at)).unwrap()).unwrap();
    }
    open.id.clone()
}

/// The same with speech: one sample over and over.
pub(crate) fn torn_speech(files: &Arc<Files>, pictures: i64) -> String {
    let mut open = files.create(FileKind::Recording, &facts()).unwrap();
    let (mut writer, begin) = MovieWriter::start(&unit(0), &MovieOptions::default()).unwrap();
    open.file.write_all(&begin).unwrap();
    for at in 1..pictures {
        for half in 0..2 {
            writer.push_sound(&AudioFrame {
                codec: AudioCodec::Pcmu,
                data: vec![0x80; 160].into(),
                pts_us: (2 * (at - 1) + half) * 20_000,
                sample_rate_hz: 8000,
                channels: 1,
                arrival: UtcMicros(0),
            });
        }
        open.file.write_all(&writer.push(&unit(at)).unwrap()).unwrap();
    }
    open.id.clone()
}

pub(crate) fn snapshot(files: &Arc<Files>) -> String {
    files.create(FileKind::Snapshot, &facts()).unwrap().write_whole(b"picture", Some(b"small")).unwrap()
}

#[tokio::test]
async fn what_a_killed_run_left_is_finished_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let before = Files::new(folder.path().join("media"), false);
    let kept = torn_movie(&before, 100);
    let empty = torn_movie(&before, 3);
    // As if written before there was anything to tell about it.
    let nameless = torn_movie(&before, 60);
    fs::remove_file(before.about(&nameless, "json")).unwrap();
    let foreign = folder.path().join("media/holiday.mp4");
    fs::write(&foreign, b"not ours").unwrap();

    let files = Files::new(folder.path().join("media"), false);
    let (_, list) = files.list().await.unwrap();
    let of = |id: &str| list.iter().find(|entry| entry.id == id);
    let entry = of(&kept).unwrap();
    assert_eq!(entry.duration, Some(Duration::from_secs(3)), "the fourth second was not written yet");
    assert_eq!((entry.width, entry.height, &*entry.codec, &*entry.title), (640, 360, "H.264", "Yard"));
    assert_eq!(entry.taken, UtcMicros(TAKEN_MS * 1000));
    assert!(of(&empty).is_none() && files.path(&empty).is_err(), "no picture, no file");
    let entry = of(&nameless).unwrap();
    assert_eq!((entry.channel.number, entry.duration), (3, Some(Duration::from_secs(2))));
    assert!(foreign.exists(), "what is not ours stays");

    let mut movie = fs::File::open(files.path(&kept).unwrap()).unwrap();
    assert_eq!(Movie::open(&mut movie).unwrap().samples().len(), 75);
}

#[tokio::test]
async fn a_file_being_written_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(folder.path().to_owned(), false);
    let open = files.create(FileKind::Recording, &facts()).unwrap();
    assert_eq!(files.list().await.unwrap().1, []);
    assert_eq!(files.delete(vec![open.id.clone()]).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(files.read(&open.id, 0, 1).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn deleting_can_be_undone_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(folder.path().to_owned(), false);
    let (first, second) = (snapshot(&files), snapshot(&files));
    assert_ne!(first, second, "two in one millisecond");
    let (revision, list) = files.list().await.unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(files.thumbnail(&first).await.unwrap(), b"small");

    files.delete(vec![first.clone(), second.clone()]).await.unwrap();
    let (later, list) = files.list().await.unwrap();
    assert!(later > revision && list.is_empty());
    files.restore(vec![first.clone()]).await.unwrap();
    assert_eq!(files.list().await.unwrap().1[0].id, first);
    assert_eq!(files.read(&first, 0, 100).await.unwrap(), (b"picture".to_vec(), 7));
    assert_eq!(files.read(&first, 5, 100).await.unwrap(), (b"re".to_vec(), 7));
    assert_eq!(files.read(&first, 0, 3).await.unwrap(), (b"pic".to_vec(), 7));

    let trash = folder.path().join("trash");
    assert_eq!(fs::read_dir(&trash).unwrap().count(), 1);
    while files.restore(vec![second.clone()]).await.is_ok() {
        files.delete(vec![second.clone()]).await.unwrap();
        // Time runs only here, to the purge.
        sleep(FILES_UNDO + Duration::from_millis(1)).await;
        while fs::read_dir(&trash).unwrap().count() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(files.restore(vec![second.clone()]).await.unwrap_err().code(), Code::NotFound);
    assert!(!files.about(&second, "jpg").exists() && !files.about(&second, "json").exists());
    assert!(files.path(&first).is_ok(), "the other one stays");
}

#[tokio::test]
async fn a_recording_without_a_small_picture_gets_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(folder.path().to_owned(), false);
    let id = torn_movie(&files, 75);
    assert!(!files.list().await.unwrap().1[0].thumbnail, "its slices hold nothing that decodes");
    let jpeg = |grey: u8| {
        let planes = vec![grey; 1280 * 720 * 3 / 2];
        to_jpeg(&frame(1280, 720, &planes, None)).unwrap()
    };
    for torn in [Vec::new(), b"GIF89a".to_vec(), vec![0xff; LARGEST_JPEG + 1]] {
        assert_eq!(files.keep_thumbnail(&id, torn).await.unwrap_err().code(), Code::InvalidInput);
    }
    let before = files.revision();
    files.keep_thumbnail(&id, jpeg(90)).await.unwrap();
    assert!(files.revision() > before && files.get(&id).await.unwrap().thumbnail);
    let small = files.thumbnail(&id).await.unwrap();
    let (_, width, height) = shrink(&small).unwrap();
    assert_eq!((width, height), (480, 270));
    files.keep_thumbnail(&id, jpeg(200)).await.unwrap();
    assert_eq!(files.thumbnail(&id).await.unwrap(), small, "it has one now");
    let still = snapshot(&files);
    assert_eq!(files.keep_thumbnail(&still, jpeg(90)).await.unwrap_err().code(), Code::InvalidInput);
    assert_eq!(files.keep_thumbnail("../x", jpeg(90)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_page_names_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.jpg");
    fs::write(&secret, b"x").unwrap();
    let files = Files::new(folder.path().join("media"), false);
    snapshot(&files);
    for id in ["../secret", "", "about/x", "..", "a.b", "/etc/passwd", "secret\0"] {
        assert_eq!(files.read(id, 0, 9).await.unwrap_err().code(), Code::NotFound, "{id}");
        assert_eq!(files.delete(vec![id.into()]).await.unwrap_err().code(), Code::NotFound, "{id}");
        assert_eq!(files.thumbnail(id).await.unwrap_err().code(), Code::NotFound, "{id}");
    }
    assert!(secret.exists());
}
