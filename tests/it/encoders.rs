//! Encoder settings through the app: what is written, what is not, and what viewers see of it.

use std::sync::Arc;

use bartizan_app::{StreamChoice, live::Delivery};
use bartizan_base::{ChannelId, Code, StreamId, StreamProfile};
use bartizan_device::{EncoderField, EncoderSettings, PictureSize};
use bartizan_sim::{Brand, UnitConfig};

use crate::support::{Recorder, added, until};

fn size(width: u32, height: u32) -> Option<PictureSize> {
    PictureSize::new(width, height)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_reaches_the_viewer_and_what_differs_is_told() {
    let (unit, app, channel) = added(Brand::Isapi, UnitConfig::default()).await;
    let viewer = Arc::new(Recorder::default());
    let stream = StreamId { channel: channel.clone(), profile: StreamProfile::Sub };
    let _watching = app.live.attach(stream, Delivery::Encoded, viewer.clone()).expect("a viewer");
    viewer.more_units(3).await;
    assert_eq!(viewer.lock().formats.last().map(|format| format.video.width), Some(640));

    let change =
        EncoderSettings { size: size(480, 270), frame_rate: Some(17.0), ..EncoderSettings::default() };
    let applied = app.encoders.apply(&channel, StreamProfile::Sub, change).await.expect("is taken");
    assert_eq!(applied.differing, [EncoderField::FrameRate]);
    assert_eq!(applied.stream.settings.frame_rate, Some(15.0));
    until("the new size at the viewer", || {
        viewer.lock().formats.last().filter(|format| format.video.width == 480).map(drop)
    })
    .await;
    viewer.more_units(3).await;

    let row = app.devices.book().get(&channel.device).expect("is listed");
    let sub = row.channels[0].streams.iter().find(|one| one.profile == StreamProfile::Sub).expect("sub");
    assert_eq!((sub.width, sub.height), (Some(480), Some(270)), "the list tells the new size");
    drop(unit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_offered_is_not_even_written() {
    let (unit, app, channel) = added(Brand::Dahua, UnitConfig::default()).await;
    for change in [
        EncoderSettings { size: size(640, 480), ..EncoderSettings::default() },
        EncoderSettings { frame_rate: Some(60.0), ..EncoderSettings::default() },
        EncoderSettings { bit_rate: Some(1), ..EncoderSettings::default() },
        EncoderSettings { codec: Some("H.265".into()), ..EncoderSettings::default() },
        EncoderSettings { key_interval: Some(100_000), ..EncoderSettings::default() },
    ] {
        let refused = app.encoders.apply(&channel, StreamProfile::Main, change.clone()).await;
        assert_eq!(refused.expect_err("not offered").code(), Code::SettingRefused, "{change:?}");
    }
    let nothing = app.encoders.apply(&channel, StreamProfile::Main, EncoderSettings::default()).await;
    assert_eq!(nothing.expect_err("nothing").code(), Code::InvalidInput);
    assert!(!unit.unit.log().iter().any(|line| line.starts_with("encode") || line.starts_with("set ")));

    unit.unit.set_knobs(|knobs| knobs.read_only = true);
    let smaller = EncoderSettings { size: size(960, 540), ..EncoderSettings::default() };
    let refused = app.encoders.apply(&channel, StreamProfile::Main, smaller).await;
    assert_eq!(refused.expect_err("only watching").code(), Code::Forbidden);
}

#[tokio::test]
async fn a_choice_is_kept_and_goes_with_its_device() {
    let (_unit, app, channel) = added(Brand::Onvif, UnitConfig::default()).await;
    app.encoders.choose(channel.clone(), Some(StreamChoice::CustomMain)).await.expect("is kept");
    app.encoders.choose(channel.clone(), Some(StreamChoice::Hd)).await.expect("is kept");
    assert_eq!(app.encoders.choices().await.expect("a list"), [(channel.clone(), StreamChoice::Hd)]);
    app.encoders.choose(channel.clone(), None).await.expect("is forgotten");
    assert_eq!(app.encoders.choices().await.expect("a list"), []);
    let nobody = ChannelId { number: 9, ..channel };
    assert_eq!(app.encoders.choose(nobody, None).await.expect_err("no such channel").code(), Code::NotFound);
}
