//! Recording and snapshots of a simulated site, up to the files on the disk.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_app::{App, DISK_RESERVE, FileKind, Files, Recorder, RecordingState};
use bartizan_base::{ChannelId, Clock, Code, StreamId, StreamProfile, SystemClock};
use bartizan_media::movie::Movie;
use bartizan_sim::Site;

use crate::support::{clip_site, draft, empty_app, start, until};

async fn watched(site: &Site) -> (Arc<App>, StreamId) {
    let app = empty_app().await;
    let row = app.devices.add(&draft(site, "/ch1/main")).await.expect("the device is added");
    let number = row.channels[0].number;
    let channel = ChannelId { device: row.id, number };
    (app, StreamId { channel, profile: StreamProfile::Main })
}

pub(crate) async fn recorded(recorder: &Recorder, stream: &StreamId, at_least: Duration) -> RecordingState {
    until("a recording that grows", || {
        let (_, states) = recorder.states();
        states.into_iter().find(|state| state.stream == *stream && state.elapsed >= at_least)
    })
    .await
}

/// What ffprobe and, where it is installed, mkvmerge say against a file; `None` where ffprobe is not installed.
pub(crate) fn complaints(path: &Path) -> Option<String> {
    let arguments =
        ["-v", "warning", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"];
    let probe = Command::new("ffprobe").args(arguments).arg(path).output().ok()?;
    assert!(probe.status.success(), "{probe:?}");
    let mut said = String::from_utf8_lossy(&probe.stderr).into_owned();
    let copy = path.with_extension("mkv");
    match Command::new("mkvmerge").arg("-q").arg("-o").arg(&copy).arg(path).output() {
        Ok(merge) => said.push_str(&String::from_utf8_lossy(&merge.stdout)),
        Err(error) => println!("skipped: mkvmerge: {error}"),
    }
    std::fs::remove_file(copy).ok();
    Some(said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_becomes_a_file_that_others_play() {
    let site = start(clip_site()).await;
    let (app, stream) = watched(&site).await;
    let now = SystemClock.now();
    app.recorder.start(stream.clone(), "Gate", now).expect("it starts");
    app.recorder.start(stream.clone(), "Gate", now).expect("twice is once");
    let running = recorded(&app.recorder, &stream, Duration::from_secs(2)).await;
    assert!(running.ended.is_none() && running.bytes > 0 && running.files.is_empty());
    assert!(running.disk_left.is_some());
    assert_eq!(app.files.list().await.expect("a list").1, [], "not listed while it grows");

    let done = app.recorder.stop(&stream).await.expect("it stops");
    assert_eq!(app.recorder.stop(&stream).await.expect_err("stopped").code(), Code::NotFound);
    let (_, list) = app.files.list().await.expect("a list");
    assert_eq!(list.len(), 1);
    let entry = &list[0];
    assert_eq!(done.files, std::slice::from_ref(&entry.id));
    assert_eq!((entry.kind, &entry.channel, &*entry.title), (FileKind::Recording, &stream.channel, "Gate"));
    assert!(entry.thumbnail, "a small picture of it");
    assert!(entry.duration.expect("a duration") >= Duration::from_secs(2));
    assert_eq!(done.elapsed.as_millis(), entry.duration.expect("a duration").as_millis());
    let small = app.files.thumbnail(&entry.id).await.expect("a small picture");
    assert_eq!(small[..3], [0xff, 0xd8, 0xff], "JPEG");

    let path = app.files.path(&entry.id).expect("a file");
    let mut file = std::fs::File::open(&path).expect("it opens");
    let movie = Movie::open(&mut file).expect("it reads");
    assert!(movie.samples()[0].random_access);
    let times: Vec<_> = movie.samples().iter().map(|sample| sample.time_us).collect();
    assert!(times.is_sorted());
    if let Some(complaints) = complaints(&path) {
        assert_eq!(complaints, "");
    }
    app.shutdown().await;
    assert!(!path.exists(), "this app stores nothing");
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_program_leaves_its_recordings() {
    let site = start(clip_site()).await;
    let (app, stream) = watched(&site).await;
    app.recorder.start(stream.clone(), "Gate", SystemClock.now()).expect("it starts");
    recorded(&app.recorder, &stream, Duration::from_secs(2)).await;
    // What the disk has at the moment of a kill, seen by the next run.
    let folder = tempfile::tempdir().expect("a folder");
    let torn = std::fs::read_dir(app.files.root()).expect("the folder").filter_map(Result::ok);
    let torn = torn.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "mp4"));
    let torn = torn.expect("a file that grows");
    let copy = folder.path().join(torn.file_name().expect("a name"));
    std::fs::copy(&torn, &copy).expect("copied");
    if let Some(complaints) = complaints(&copy) {
        assert_eq!(complaints, "", "it plays as it lies there");
    }
    let next = Files::new(folder.path().to_owned(), false);
    let (_, list) = next.list().await.expect("a list");
    assert_eq!(list.len(), 1);
    assert!(list[0].duration.expect("a duration") >= Duration::from_secs(1));
    assert_eq!(list[0].channel, stream.channel, "told by its name");
    if let Some(complaints) = complaints(&copy) {
        assert_eq!(complaints, "", "and finished");
    }
    app.shutdown().await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_before_and_ends_in_good_order() {
    let site = start(clip_site()).await;
    let (app, stream) = watched(&site).await;
    let free = Arc::new(AtomicU64::new(DISK_RESERVE + 1));
    let seen = free.clone();
    let recorder = Recorder::new(
        app.live.clone(),
        app.files.clone(),
        Arc::new(move |_| Ok(seen.load(Ordering::Relaxed))),
    );
    let refused = recorder.start(stream.clone(), "Gate", SystemClock.now()).expect_err("no room");
    assert_eq!(refused.code(), Code::DiskFull);

    free.store(1 << 40, Ordering::Relaxed);
    recorder.start(stream.clone(), "Gate", SystemClock.now()).expect("room again");
    let state = recorded(&recorder, &stream, Duration::from_secs(1)).await;
    assert!(!state.disk_low);
    free.store(DISK_RESERVE + 4096, Ordering::Relaxed);
    let state = until("a warning", || {
        let (_, states) = recorder.states();
        states.into_iter().find(|state| state.disk_low)
    })
    .await;
    assert!(state.ended.is_none(), "told before it is full");
    free.store(DISK_RESERVE, Ordering::Relaxed);
    let ended = until("the end", || {
        let (_, states) = recorder.states();
        states.into_iter().find(|state| state.ended.is_some())
    })
    .await;
    assert_eq!(ended.ended.expect("a reason").code(), Code::DiskFull);
    assert_eq!(ended.files.len(), 1, "what there is, is finished");
    let entry = app.files.get(&ended.files[0]).await.expect("listed");
    assert!(entry.duration.expect("a duration") >= Duration::from_secs(1));
    until("the stream to be let go", || {
        app.live.counters().iter().all(|counters| counters.viewers == 0).then_some(())
    })
    .await;
    app.shutdown().await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_snapshots_is_as_large_as_the_stream() {
    let site = start(clip_site()).await;
    let (app, stream) = watched(&site).await;
    let taken =
        app.snapshots.take(&stream.channel, StreamProfile::Main, "Gate", 3).await.expect("three pictures");
    assert_eq!(taken.len(), 3);
    let streams = &app.devices.book().get(&stream.channel.device).expect("the device").channels[0].streams;
    let (width, height) = (streams[0].width.expect("a width"), streams[0].height.expect("a height"));
    for entry in &taken {
        assert_eq!((entry.kind, entry.width, entry.height), (FileKind::Snapshot, width, height));
        assert!(entry.thumbnail);
        let (jpeg, total) = app.files.read(&entry.id, 0, u32::MAX).await.expect("bytes");
        assert_eq!(jpeg.len() as u64, total);
        assert_eq!((&jpeg[..3], &jpeg[jpeg.len() - 2..]), (&[0xff, 0xd8, 0xff][..], &[0xff, 0xd9][..]));
    }
    assert!(taken.windows(2).all(|two| two[0].taken < two[1].taken));
    let refused = app.snapshots.take(&stream.channel, StreamProfile::Main, "Gate", 11).await;
    assert_eq!(refused.expect_err("too many").code(), Code::InvalidInput);
    app.shutdown().await;
    site.shutdown().await;
}
