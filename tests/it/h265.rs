//! H.265, which is not decoded here: of a server and an encoder we did not write, GStreamer's and x265.

use std::{process::Command, sync::Arc, time::Duration};

use bartizan_app::{Draft, live::Delivery};
use bartizan_base::{ChannelId, Clock, Code, Secret, StreamId, StreamProfile, SystemClock};
use bartizan_media::Codec;

use crate::{
    gstreamer,
    recording::{complaints, recorded},
    support::{Recorder, empty_app, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_watched_and_recorded_and_its_snapshots_are_left_to_others() {
    let mount = "/h265=( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 \
                 ! x265enc key-int-max=25 speed-preset=ultrafast tune=zerolatency ! h265parse \
                 ! rtph265pay name=pay0 pt=96 config-interval=-1 )";
    let Some(server) = gstreamer::Server::start_with("digest", &[mount.into()]).await else { return };
    let app = empty_app().await;
    let draft = Draft {
        url: Some(format!("rtsp://127.0.0.1:{}/h265", server.port)),
        user: Some(gstreamer::USER.into()),
        password: Some(Secret::new(gstreamer::PASSWORD)),
        ..Draft::default()
    };
    let row = app.devices.add(&draft).await.expect("the device is added");
    let channel = ChannelId { number: row.channels[0].number, device: row.id };
    let stream = StreamId { channel: channel.clone(), profile: StreamProfile::Main };

    let seen = Arc::<Recorder>::default();
    let watching = app.live.attach(stream.clone(), Delivery::Encoded, seen.clone()).expect("attached");
    seen.units_beyond(30).await;
    {
        let seen = seen.lock();
        let video = &seen.formats.last().expect("a format").video;
        assert!(video.codec.starts_with("hvc1") || video.codec.starts_with("hev1"), "{}", video.codec);
        assert_eq!((video.width, video.height), (320, 240));
        assert!(seen.units[0].random_access && seen.units.iter().all(|unit| unit.codec == Codec::H265));
    }

    app.recorder.start(stream.clone(), "Gate", SystemClock.now()).expect("it starts");
    recorded(&app.recorder, &stream, Duration::from_secs(2)).await;
    // The page keeps its own picture when it hears this.
    let refused = app.snapshots.take(&channel, StreamProfile::Main, "Gate", 1).await;
    assert_eq!(refused.expect_err("not decoded here").code(), Code::UnsupportedCodec);
    let decoded = Arc::<Recorder>::default();
    let joined = app.live.attach(stream.clone(), Delivery::Pictures, decoded.clone()).expect("attached");
    let told =
        until("a refusal", || decoded.lock().states.iter().find_map(|state| state.error.clone())).await;
    assert_eq!(told.code(), Code::UnsupportedCodec);
    drop((watching, joined));

    let done = app.recorder.stop(&stream).await.expect("it stops");
    let path = app.files.path(&done.files[0]).expect("a file");
    if let Some(complaints) = complaints(&path) {
        assert_eq!(complaints, "");
        let probe = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-count_frames",
                "-show_entries",
                "stream=codec_name,nb_read_frames",
                "-of",
                "csv=p=0",
            ])
            .arg(&path)
            .output()
            .expect("it ran a moment ago");
        let said = String::from_utf8_lossy(&probe.stdout).into_owned();
        let (codec, frames) = said.trim().split_once(',').expect("a codec and a count");
        assert_eq!(codec, "hevc");
        assert!(frames.parse::<u32>().is_ok_and(|frames| frames >= 45), "{said}");
    }
    app.shutdown().await;
    server.stop().await;
}
