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
        arrival: UtcMicros(0),
    }
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
            }
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
