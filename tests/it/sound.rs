//! The sound of simulated cameras: what is heard, that it is in time, and that it never touches the pictures.

use std::{
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_app::{
    App,
    live::{Attachment, Delivery, Listener, Phase, SoundState},
};
use bartizan_base::{ChannelId, Clock, Code, StreamId, StreamProfile, SystemClock};
use bartizan_media::{AudioCodec, AudioFrame, sound::PcmDecoder};
use bartizan_sim::{Fault, Site, SiteConfig, SoundCoding, tone_hz};

use crate::support::{Recorder, clip_site, draft, empty_app, start, until};

const ALL: [SoundCoding; 5] =
    [SoundCoding::Pcmu, SoundCoding::Pcma, SoundCoding::G726, SoundCoding::Aac, SoundCoding::Unknown];

#[derive(Default)]
struct Ear(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    states: Vec<SoundState>,
    frames: Vec<AudioFrame>,
    holes: usize,
}

impl Ear {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn frames(&self, count: usize) {
        until("sound", || (self.lock().frames.len() >= count).then_some(())).await;
    }

    async fn state(&self, what: &str, wanted: impl Fn(&SoundState) -> bool) {
        until(what, || self.lock().states.iter().any(&wanted).then_some(())).await;
    }
}

impl Listener for Ear {
    fn sound_state(&self, state: &SoundState) {
        self.lock().states.push(state.clone());
    }

    fn sound(&self, frame: &AudioFrame, discontinuity: bool) {
        let mut heard = self.lock();
        heard.holes += usize::from(discontinuity);
        heard.frames.push(frame.clone());
    }
}

async fn site_with_sounds() -> Site {
    start(SiteConfig { channels: 5, sounds: ALL.to_vec(), ..clip_site() }).await
}

/// An app that watches one channel of a site, and its pictures.
async fn watching(site: &Site, channel: u16) -> (Arc<App>, Attachment, Arc<Recorder>, StreamId) {
    let app = empty_app().await;
    let row =
        app.devices.add(&draft(site, &format!("/ch{channel}/main"))).await.expect("the device is added");
    let number = row.channels[0].number;
    let stream = StreamId { channel: ChannelId { device: row.id, number }, profile: StreamProfile::Main };
    let pictures = Arc::new(Recorder::default());
    let attachment = app.live.attach(stream.clone(), Delivery::Encoded, pictures.clone()).expect("attached");
    pictures.more_units(3).await;
    (app, attachment, pictures, stream)
}

/// How often the samples rise through zero in a second.
fn frequency(samples: &[i16], rate: u32) -> f64 {
    let rises = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    rises as f64 * f64::from(rate) / samples.len() as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_channel_is_heard_with_its_own_tone() {
    let site = site_with_sounds().await;
    for (channel, coding) in (1..).zip(&ALL[..3]) {
        let (app, attachment, ..) = watching(&site, channel).await;
        let ear = Arc::new(Ear::default());
        let _listening = attachment.listen(ear.clone());
        ear.frames(40).await;
        {
            let heard = ear.lock();
            let mut decoder = PcmDecoder::new(heard.frames[0].codec).expect("decoded here");
            let samples: Vec<i16> = heard.frames.iter().flat_map(|frame| decoder.decode(frame)).collect();
            let expected = f64::from(tone_hz(channel, *coding));
            let measured = frequency(&samples[800..], 8000);
            assert!((measured - expected).abs() < 5.0, "{coding:?}: {measured} Hz for {expected}");
            assert!(heard.frames.windows(2).all(|two| two[0].pts_us < two[1].pts_us));
            assert_eq!(heard.holes, 1, "its beginning");
        }
        app.shutdown().await;
    }
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aac_comes_in_frames_that_say_what_they_are() {
    let site = site_with_sounds().await;
    let (app, attachment, ..) = watching(&site, 4).await;
    let ear = Arc::new(Ear::default());
    let _listening = attachment.listen(ear.clone());
    ear.frames(10).await;
    let frames = ear.lock().frames.clone();
    let said = |frame: &AudioFrame| (frame.codec, frame.sample_rate_hz, frame.channels);
    assert!(frames.iter().all(|frame| said(frame) == (AudioCodec::Aac, 16_000, 1)));
    for frame in &frames {
        assert_eq!(frame.data[..3], [0xff, 0xf1, 0x60], "ADTS: AAC-LC, 16 kHz");
    }
    // Steady within a tenth, though never a step back.
    let span = frames[9].pts_us - frames[0].pts_us;
    assert!((span - 9 * 64_000).abs() < 57_600, "{span}");
    app.shutdown().await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_lies_on_the_clock_of_the_pictures() {
    let site = site_with_sounds().await;
    let (app, attachment, pictures, _) = watching(&site, 1).await;
    let ear = Arc::new(Ear::default());
    let _listening = attachment.listen(ear.clone());
    ear.frames(100).await;
    // The moment of arrival of what belongs together, by each of the two: the quickest of many on a busy machine.
    let least = |pairs: Vec<(i64, i64)>| pairs.into_iter().map(|(arrival, pts)| arrival - pts).min();
    let seen = least(pictures.lock().units.iter().map(|unit| (unit.arrival.0, unit.pts_us)).collect());
    let heard =
        least(ear.lock().frames.iter().map(|frame| (frame.arrival.0, frame.pts_us + 20_000)).collect());
    let apart = heard.expect("sound") - seen.expect("pictures");
    assert!(apart.abs() <= 80_000, "{apart} µs apart");
    app.shutdown().await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_open_only_while_somebody_listens() {
    let site = site_with_sounds().await;
    let (app, attachment, ..) = watching(&site, 1).await;
    let open = || app.live.counters().iter().any(|counters| counters.sound);
    assert_eq!((open(), site.stats().open_sessions), (false, 1));
    let (one, two) = (Arc::new(Ear::default()), Arc::new(Ear::default()));
    let listening = attachment.listen(one.clone());
    one.frames(5).await;
    let also = attachment.listen(two.clone());
    two.frames(5).await;
    assert_eq!((open(), site.stats().open_sessions), (true, 2), "one session of sound for both");
    drop(listening);
    two.frames(10).await;
    drop(also);
    until("the sound to be torn down", || (!open() && site.stats().open_sessions == 1).then_some(())).await;
    // And again.
    let again = Arc::new(Ear::default());
    let _listening = attachment.listen(again.clone());
    again.frames(5).await;
    app.shutdown().await;
    until("all to be torn down", || (site.stats().open_sessions == 0).then_some(())).await;
    site.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trouble_with_sound_touches_the_pictures() {
    let site = site_with_sounds().await;
    for (channel, fault, code) in [
        (1, Some(Fault::AudioRefused), Some(Code::NotOffered)),
        (1, Some(Fault::AudioGarbage), None),
        (5, None, None),
    ] {
        site.set_fault(Some(channel), fault);
        let (app, attachment, pictures, _) = watching(&site, channel).await;
        let ear = Arc::new(Ear::default());
        let _listening = attachment.listen(ear.clone());
        let trouble = |state: &SoundState| match (state, code) {
            (SoundState::Failed { error, retries }, Some(code)) => error.code() == code && !retries,
            (SoundState::Failed { retries, .. }, None) => *retries,
            (SoundState::Unsupported(name), _) => channel == 5 && name == "x-whistle",
            _ => false,
        };
        ear.state("the trouble to be told", trouble).await;
        pictures.more_units(30).await;
        {
            let seen = pictures.lock();
            let played =
                seen.states.iter().position(|state| state.phase == Phase::Playing).expect("it played");
            assert!(seen.states[played..].iter().all(|state| state.phase == Phase::Playing), "{fault:?}");
            let first = seen.units.first().expect("a picture").pts_us;
            assert!(seen.units.iter().skip(1).all(|unit| !unit.discontinuity || unit.pts_us == first));
        }
        // The refusal did not count against the password: the pictures log in again.
        let played = pictures.lock().states.len();
        app.live.network_changed();
        pictures
            .state_after("the pictures to come back", played, |state| state.phase == Phase::Playing)
            .await;
        assert!(app.live.counters().iter().all(|counters| counters.reconnects <= 1));
        app.shutdown().await;
        site.set_fault(Some(channel), None);
    }
    site.shutdown().await;
}

/// What ffprobe says of the streams of a file: kind, coding, seconds; `None` where it is not installed.
fn streams(path: &std::path::Path) -> Option<Vec<(String, String, f64)>> {
    let what = ["-v", "warning", "-show_entries", "stream=codec_type,codec_name,duration", "-of", "csv=p=0"];
    let probe = Command::new("ffprobe").args(what).arg(path).output().ok()?;
    assert_eq!(String::from_utf8_lossy(&probe.stderr), "");
    let text = String::from_utf8_lossy(&probe.stdout).into_owned();
    let row = |line: &str| {
        let mut fields = line.split(',');
        let (coding, kind) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        Some((kind, coding, fields.next()?.parse().ok()?))
    };
    Some(text.lines().filter_map(row).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_have_their_sound() {
    let site = site_with_sounds().await;
    for (channel, expected) in
        [(1, Some("pcm_mulaw")), (2, Some("pcm_alaw")), (3, Some("pcm_mulaw")), (4, Some("aac")), (5, None)]
    {
        let (app, attachment, _, stream) = watching(&site, channel).await;
        app.recorder.start(stream.clone(), "Gate", SystemClock.now()).expect("it starts");
        until("a recording that grows", || {
            let (_, states) = app.recorder.states();
            states.into_iter().find(|state| state.elapsed >= Duration::from_secs(4))
        })
        .await;
        let done = app.recorder.stop(&stream).await.expect("it stops");
        assert_eq!(done.files.len(), 1, "one file: {done:?}");
        let path = app.files.path(&done.files[0]).expect("a file");
        let Some(found) = streams(&path) else {
            println!("skipped: no ffprobe");
            return;
        };
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("video", "h264"));
        let sound = found.get(1).map(|(kind, coding, _)| (kind.as_str(), coding.as_str()));
        assert_eq!(sound, expected.map(|coding| ("audio", coding)), "channel {channel}");
        if let Some((_, _, seconds)) = found.get(1) {
            assert!((seconds - found[0].2).abs() < 0.75, "channel {channel}: {found:?}");
        }
        drop(attachment);
        app.shutdown().await;
    }
    site.shutdown().await;
}
