use std::io::Cursor;

use bartizan_base::UtcMicros;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{AccessUnit, AudioCodec, AudioFrame, Codec};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

const SMALL: &str = "6742c01eda0280bfe5c044000003000400000300c83c58ba80";
const LARGE: &str = "674d002a95a81e0089f966e020202040";

/// An access unit of the shape a camera sends; its slice is `size` bytes that are no start code.
fn unit(at: i64, sps: Option<&str>, size: usize) -> AccessUnit {
    let mut data = Vec::new();
    let mut put = |nal: &[u8]| {
        data.extend_from_slice(&[0, 0, 0, 1]);
        data.extend_from_slice(nal);
    };
    if let Some(sps) = sps {
        put(&hex(sps));
        put(&hex("68ce3c80"));
    }
    let mut slice = vec![if sps.is_some() { 0x65 } else { 0x41 }, 0x88];
    slice.extend((0..size).map(|i| u8::try_from((i + usize::try_from(at).unwrap_or(0)) % 251 + 2).unwrap()));
    put(&slice);
    AccessUnit {
        codec: Codec::H264,
        data: Bytes::from(data),
        pts_us: at * 40_000,
        random_access: sps.is_some(),
        discontinuity: false,
        arrival: UtcMicros(1_700_000_000_000_000 + at * 40_000),
    }
}

/// Applies what a writer gives to a file in memory.
#[derive(Default)]
struct Disk(Vec<u8>);

impl Disk {
    fn apply(&mut self, ending: &Ending) {
        self.0.truncate(usize::try_from(ending.at).unwrap());
        assert_eq!(self.0.len() as u64, ending.at);
        self.0.extend_from_slice(&ending.tail);
        self.0[..ending.head.len()].copy_from_slice(&ending.head);
    }
}

fn record(units: &[AccessUnit], sound: &[AudioFrame]) -> (Disk, Ending) {
    let (mut writer, begin) = MovieWriter::start(&units[0], &MovieOptions::default()).unwrap();
    let mut disk = Disk(begin);
    let mut sound = sound.iter().peekable();
    for unit in &units[1..] {
        while let Some(frame) = sound.next_if(|frame| frame.pts_us <= unit.pts_us) {
            writer.push_sound(frame);
        }
        assert!(writer.accepts(unit));
        disk.0.extend(writer.push(unit).unwrap());
    }
    (disk, writer.finish().unwrap())
}

fn gop(count: i64, every: i64) -> Vec<AccessUnit> {
    (0..count)
        .map(|at| unit(at, (at % every == 0).then_some(SMALL), 40 + usize::try_from(at % 7).unwrap()))
        .collect()
}

fn read_all(file: &[u8]) -> (Movie, Vec<Vec<u8>>) {
    let mut file = Cursor::new(file);
    let movie = Movie::open(&mut file).unwrap();
    let units = (0..movie.samples().len()).map(|at| movie.read(&mut file, at).unwrap()).collect();
    (movie, units)
}

#[test]
fn what_went_in_comes_out() {
    let units = gop(100, 25);
    let (mut disk, ending) = record(&units, &[]);
    assert_eq!(ending.duration_us, 4_000_000);
    disk.apply(&ending);
    assert_eq!(examine(&mut Cursor::new(&disk.0)).unwrap(), Condition::Finished);
    let (movie, read) = read_all(&disk.0);
    assert_eq!(movie.size(), (640, 360));
    assert_eq!(movie.codec(), Codec::H264);
    assert_eq!(movie.duration_us(), 4_000_000);
    assert_eq!(read.len(), 100);
    for ((unit, read), sample) in units.iter().zip(&read).zip(movie.samples()) {
        assert_eq!(unit.data, *read);
        assert_eq!(unit.pts_us, sample.time_us);
        assert_eq!(unit.random_access, sample.random_access);
    }
    assert_eq!(movie.random_access_before(0), Some(0));
    assert_eq!(movie.random_access_before(1_999_999), Some(25));
    assert_eq!(movie.random_access_before(2_000_000), Some(50));
    assert_eq!(movie.random_access_before(i64::MAX), Some(75));
}

#[test]
fn the_picture_shown_at_a_time_and_what_it_needs() {
    let (mut disk, ending) = record(&gop(100, 25), &[]);
    disk.apply(&ending);
    let (movie, _) = read_all(&disk.0);
    assert_eq!(movie.keys(), [0, 25, 50, 75]);
    assert_eq!(movie.video().codec, "avc1.42c01e");
    assert!((movie.video().frame_rate.unwrap() - 25.0).abs() < 0.01);
    assert_eq!(movie.shown_at(-1), Some(0));
    assert_eq!(movie.shown_at(1_039_999), Some(25));
    assert_eq!(movie.shown_at(1_040_000), Some(26));
    assert_eq!(movie.shown_at(i64::MAX), Some(99));
    // The group of pictures up to the one wanted, and no picture more.
    assert_eq!(movie.range(1_040_000, 1_040_001), 25..27);
    assert_eq!(movie.range(1_079_999, 1_200_000), 25..30);
    assert_eq!(movie.range(0, i64::MAX), 0..100);
    assert_eq!(movie.range(3_000_000, 2_000_000), 75..75);
    assert_eq!(movie.range(i64::MIN, 1), 0..1);
}

#[test]
fn every_cut_plays_up_to_its_last_whole_fragment() {
    let units = gop(90, 30);
    let sound: Vec<_> = (0..180).map(g711).collect();
    let (mut disk, ending) = record(&units, &sound);
    disk.0.extend_from_slice(&ending.tail);
    let mut most = 0;
    for cut in (0..disk.0.len()).step_by(7).chain([disk.0.len()]) {
        let mut file = Cursor::new(&disk.0[..cut]);
        let Ok(movie) = Movie::open(&mut file) else {
            assert_eq!(most, 0, "{cut}: more bytes, and no movie");
            continue;
        };
        assert!(movie.samples().len() >= most, "{cut}");
        most = movie.samples().len();
        assert!(movie.has_sound());
        for (at, unit) in units.iter().enumerate().take(most) {
            assert_eq!(movie.read(&mut file, at).unwrap(), unit.data);
            assert_eq!(movie.samples()[at].time_us, unit.pts_us);
        }
    }
    assert_eq!(most, 90);
}

#[test]
fn pictures_out_of_order_keep_their_times() {
    let mut units = gop(40, 20);
    // I P B B within each group.
    for group in units.chunks_mut(20) {
        for four in group[1..].chunks_exact_mut(3) {
            let first = four[0].pts_us;
            four[0].pts_us = first + 80_000;
            four[1].pts_us = first;
            four[2].pts_us = first + 40_000;
        }
    }
    let (mut disk, ending) = record(&units, &[]);
    disk.apply(&ending);
    let (movie, _) = read_all(&disk.0);
    let times: Vec<_> = movie.samples().iter().map(|sample| sample.time_us).collect();
    assert_eq!(times, units.iter().map(|unit| unit.pts_us).collect::<Vec<_>>());
    // Shown third, coded second; the one before it in time comes after it in the file.
    assert_eq!(movie.shown_at(120_000), Some(1));
    assert_eq!(movie.shown_at(40_000), Some(2));
    assert_eq!(movie.range(40_000, 40_001), 0..3);
    assert_eq!(movie.range(120_000, 120_001), 0..2);
}

#[test]
fn a_reconnect_is_a_pause_of_its_real_length() {
    let mut units = gop(25, 25);
    for at in 0..25 {
        // Another connection begins another clock, seven seconds later.
        let mut unit = unit(at, (at == 0).then_some(SMALL), 40);
        unit.arrival = UtcMicros(unit.arrival.0 + 7_960_000);
        unit.discontinuity = at == 0;
        units.push(unit);
    }
    let (mut disk, ending) = record(&units, &[]);
    disk.apply(&ending);
    let (movie, _) = read_all(&disk.0);
    let times: Vec<_> = movie.samples().iter().map(|sample| sample.time_us).collect();
    assert_eq!(times[24], 960_000);
    assert_eq!(times[25], 7_960_000);
    assert_eq!(times[49], 8_920_000);
    assert_eq!(movie.samples()[24].duration_us, 7_000_000);
}

#[test]
fn other_pictures_begin_another_movie() {
    let (writer, _) = MovieWriter::start(&unit(0, Some(SMALL), 9), &MovieOptions::default()).unwrap();
    assert!(writer.accepts(&unit(1, None, 9)));
    assert!(writer.accepts(&unit(1, Some(SMALL), 9)));
    assert!(!writer.accepts(&unit(1, Some(LARGE), 9)), "another size");
    assert!(!writer.accepts(&unit(25 * 31, Some(SMALL), 9)), "a silence of 31 s");
    assert!(matches!(
        MovieWriter::start(&unit(0, None, 9), &MovieOptions::default()),
        Err(MovieError::NoBeginning)
    ));
}

fn g711(at: i64) -> AudioFrame {
    AudioFrame {
        codec: AudioCodec::Pcmu,
        data: Bytes::from(vec![0xff; 160]),
        pts_us: at * 20_000,
        sample_rate_hz: 8000,
        channels: 1,
        arrival: UtcMicros(0),
    }
}

/// All of the sound of a movie as one row of bytes, with the time of the first run.
fn heard(file: &[u8]) -> (i64, Vec<u8>) {
    let mut file = Cursor::new(file);
    let movie = Movie::open(&mut file).unwrap();
    let sound = movie.sound().unwrap();
    let runs = sound.range(i64::MIN, i64::MAX).map(|at| sound.read(&mut file, at).unwrap());
    let runs: Vec<_> = runs.collect();
    assert!(runs.iter().all(|run| run.codec == sound.codec() && run.channels == sound.channels()));
    (runs[0].pts_us, runs.iter().flat_map(|run| run.data.to_vec()).collect())
}

#[test]
fn speech_that_went_in_comes_out() {
    let spoken = |at: i64| AudioFrame {
        codec: AudioCodec::Pcma,
        data: (0..160).map(|n| u8::try_from((at + n) % 256).unwrap()).collect(),
        ..g711(at)
    };
    let units = gop(126, 25);
    let frames: Vec<_> = (0..250).map(spoken).collect();
    let (mut disk, ending) = record(&units, &frames);
    let all: Vec<u8> = frames.iter().flat_map(|frame| frame.data.to_vec()).collect();
    // As a kill leaves it, and finished.
    let (first_us, torn) = heard(&disk.0);
    assert_eq!(first_us, 0);
    assert!(torn.len() > 160 * 180 && all.starts_with(&torn), "{} of {}", torn.len(), all.len());
    disk.apply(&ending);
    let (first_us, whole) = heard(&disk.0);
    assert_eq!(first_us, 0);
    assert!(whole.len() >= torn.len() && all.starts_with(&whole), "{} of {}", whole.len(), all.len());

    let mut file = Cursor::new(&disk.0);
    let movie = Movie::open(&mut file).unwrap();
    let sound = movie.sound().unwrap();
    assert_eq!((sound.codec(), sound.sample_rate_hz(), sound.channels()), (AudioCodec::Pcma, 8000, 1));
    // Half a second a run, so that a request of seconds has few.
    let second = sound.range(1_000_000, 2_000_000);
    assert!((2..=4).contains(&second.len()), "{second:?}");
    let run = sound.read(&mut file, second.start).unwrap();
    assert!(run.pts_us <= 1_000_000 && run.pts_us > 400_000, "{}", run.pts_us);
    let place = usize::try_from(run.pts_us * 8 / 1000).unwrap();
    assert_eq!(run.data, &all[place..place + run.data.len()], "the sound of its own moment");
    assert!(sound.range(60_000_000, 61_000_000).is_empty() && sound.range(5, 5).len() <= 1);
    assert!(sound.read(&mut file, 1_000_000).is_err());
}

#[test]
fn aac_comes_out_in_frames_that_say_what_they_are() {
    use shiguredo_mp4::bitstream::aac::{
        AdtsEncodeConfig, AdtsMpegVersion, parse_audio_specific_config, wrap_raw_aac_in_adts,
    };
    // AAC-LC, 16 kHz, mono (ISO/IEC 14496-3 §1.6.2.1).
    let config = parse_audio_specific_config(&[0x14, 0x08]).unwrap();
    let head = AdtsEncodeConfig { mpeg_version: AdtsMpegVersion::Mpeg4, original_copy: false, home: false };
    let frames: Vec<_> = (0..90i64)
        .map(|at| AudioFrame {
            codec: AudioCodec::Aac,
            data: wrap_raw_aac_in_adts(&[u8::try_from(at).unwrap(); 70], &config, &head).unwrap().into(),
            pts_us: at * 64_000,
            sample_rate_hz: 16_000,
            ..g711(0)
        })
        .collect();
    let (mut disk, ending) = record(&gop(126, 25), &frames);
    disk.apply(&ending);
    let all: Vec<u8> = frames.iter().flat_map(|frame| frame.data.to_vec()).collect();
    let (first_us, told) = heard(&disk.0);
    assert_eq!(first_us, 0);
    assert!(told.len() >= 70 * 77 && all.starts_with(&told), "{} of {}", told.len(), all.len());
}

#[test]
fn a_movie_without_sound_has_none() {
    let (mut disk, ending) = record(&gop(60, 25), &[]);
    disk.apply(&ending);
    let movie = Movie::open(&mut Cursor::new(&disk.0)).unwrap();
    assert!(!movie.has_sound() && movie.sound().is_none());
}

#[test]
fn sound_that_comes_late_begins_another_movie() {
    let units = gop(60, 60);
    let (mut writer, _) = MovieWriter::start(&units[0], &MovieOptions::default()).unwrap();
    for unit in &units[1..] {
        writer.push(unit).unwrap();
    }
    assert!(writer.accepts(&unit(60, Some(SMALL), 9)));
    writer.push_sound(&g711(0));
    assert!(!writer.accepts(&unit(60, Some(SMALL), 9)));

    let sound: Vec<_> = (0..200).map(g711).collect();
    let (mut disk, ending) = record(&gop(100, 25), &sound);
    disk.apply(&ending);
    let (movie, read) = read_all(&disk.0);
    assert!(movie.has_sound());
    assert_eq!(read.len(), 100);
}

#[test]
fn every_cut_can_be_finished() {
    let units = gop(90, 30);
    let sound: Vec<_> = (0..180).map(g711).collect();
    let (mut disk, ending) = record(&units, &sound);
    let written = disk.0.len();
    disk.0.extend_from_slice(&ending.tail);
    let (mut seen_empty, mut most) = (false, 0);
    let mut cuts: Vec<_> = (0..disk.0.len()).step_by(13).chain([written, disk.0.len()]).collect();
    cuts.sort_unstable();
    for cut in cuts {
        let mut torn = Disk(disk.0[..cut].to_vec());
        match examine(&mut Cursor::new(&torn.0)).unwrap() {
            Condition::Finished => panic!("{cut}: its gate was never opened"),
            Condition::Empty => {
                assert!(most == 0, "{cut}: more bytes, fewer pictures");
                seen_empty = true;
            }
            Condition::Torn(ending) => {
                torn.apply(&ending);
                assert_eq!(examine(&mut Cursor::new(&torn.0)).unwrap(), Condition::Finished);
                let (movie, read) = read_all(&torn.0);
                for (unit, read) in units.iter().zip(&read) {
                    assert_eq!(unit.data, *read);
                }
                assert!((movie.duration_us() - ending.duration_us).abs() <= 1000);
                assert!(read.len() >= most, "{cut}");
                most = read.len();
            }
        }
    }
    assert!(seen_empty);
    assert_eq!(most, 90, "cut in the table, all pictures are there");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_spoiled_file_is_an_error_and_no_panic(
        finished: bool,
        spoils in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut disk, ending) = record(&gop(60, 20), &[]);
        if finished {
            disk.apply(&ending);
        }
        for (at, value) in spoils {
            let at = at.index(disk.0.len());
            disk.0[at] = value;
        }
        disk.0.truncate(cut.index(disk.0.len()) + 1);
        let _ = examine(&mut Cursor::new(&disk.0));
        let mut file = Cursor::new(&disk.0);
        if let Ok(movie) = Movie::open(&mut file) {
            for at in 0..movie.samples().len() {
                let _ = movie.read(&mut file, at);
                let time = movie.samples()[at].time_us;
                let range = movie.range(time, time.saturating_add(500_000));
                assert!(range.start <= range.end && range.end <= movie.samples().len());
                assert!(movie.shown_at(time).is_some());
            }
            assert!(movie.samples().iter().map(MovieSample::size).sum::<usize>() <= disk.0.len());
        }
    }

    #[test]
    fn any_times_are_taken(times in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<bool>(), any::<bool>()), 1..40)) {
        let mut first = unit(0, Some(SMALL), 5);
        first.pts_us = times[0].0;
        let (mut writer, _) = MovieWriter::start(&first, &MovieOptions::default()).unwrap();
        for (pts_us, arrival, random_access, discontinuity) in times {
            let mut unit = unit(1, random_access.then_some(SMALL), 5);
            (unit.pts_us, unit.arrival, unit.discontinuity) = (pts_us, UtcMicros(arrival), discontinuity);
            let _ = writer.push(&unit);
        }
        let _ = writer.finish();
    }
}
