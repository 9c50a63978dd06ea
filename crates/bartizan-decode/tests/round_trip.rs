//! Streams encoded here, so that decoding is tested where no fixture is.
use bartizan_base::UtcMicros;
use bartizan_decode::{DecodeError, Decoder, Picture, StreamDecoder};
use bartizan_media::{AccessUnit, Codec, nal};
use openh264::{
    OpenH264API,
    encoder::{Encoder, EncoderConfig, IntraFramePeriod, Profile, QpRange, RateControlMode, SpsPpsStrategy},
    formats::YUVBuffer,
};
use proptest::prelude::*;

/// A moving gradient, I420.
fn scene(width: usize, height: usize, at: usize) -> Vec<u8> {
    let mut yuv = Vec::with_capacity(width * height * 3 / 2);
    for y in 0..height {
        yuv.extend((0..width).map(|x| (32 + (x + y + 3 * at) % 192) as u8));
    }
    for plane in 0..2 {
        for y in 0..height / 2 {
            yuv.extend((0..width / 2).map(|x| (96 + (x + plane * y + at) % 64) as u8));
        }
    }
    yuv
}

fn encode(width: usize, height: usize, count: usize, profile: Profile) -> Vec<Vec<u8>> {
    let config = EncoderConfig::new()
        .profile(profile)
        .rate_control_mode(RateControlMode::Off)
        .qp(QpRange::new(18, 26))
        .intra_frame_period(IntraFramePeriod::from_num_frames(8))
        .sps_pps_strategy(SpsPpsStrategy::ConstantId);
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    (0..count)
        .map(|at| {
            let yuv = YUVBuffer::from_vec(scene(width, height, at), width, height);
            encoder.encode(&yuv).unwrap().to_vec()
        })
        .collect()
}

/// Peak signal-to-noise ratio over all planes, dB.
fn psnr(picture: &Picture, source: &[u8]) -> f64 {
    assert_eq!(picture.data.len(), source.len());
    let sum: f64 = picture.data.iter().zip(source).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 / (sum / source.len() as f64).max(1e-9)).log10()
}

#[test]
fn what_was_encoded_comes_back_at_once() {
    for profile in [Profile::Baseline, Profile::Main, Profile::High] {
        // 90 lines: cropped, as 1080 is.
        let (width, height) = (160, 90);
        let mut decoder = StreamDecoder::new();
        for (at, unit) in encode(width, height, 20, profile).iter().enumerate() {
            let pictures = decoder.push(unit, nal::is_h264_random_access(unit), false).unwrap();
            let [picture] = &pictures[..] else { panic!("{profile:?} {at}: {} pictures", pictures.len()) };
            assert_eq!((picture.width, picture.height), (160, 90));
            let close = psnr(picture, &scene(width, height, at));
            assert!(close > 35.0, "{profile:?} {at}: {close} dB");
            assert_eq!(picture.u().len(), picture.v().len());
            assert_eq!(picture.y().len() + 2 * picture.u().len(), picture.data.len());
        }
        assert!(decoder.flush().is_empty());
    }
}

#[test]
fn nothing_before_a_random_access_point_or_after_a_gap() {
    let units = encode(96, 64, 24, Profile::Main);
    let entry: Vec<bool> = units.iter().map(|unit| nal::is_h264_random_access(unit)).collect();
    assert_eq!(entry.iter().filter(|entry| **entry).count(), 3, "every eighth picture is an entry");
    let mut decoder = StreamDecoder::new();
    let mut out = Vec::new();
    // Joins at 3; loses 10.
    for at in (3..24).filter(|at| *at != 10) {
        let pictures = decoder.push(&units[at], entry[at], at == 11).unwrap();
        out.extend(pictures.into_iter().map(|_| at));
    }
    assert_eq!(out, [8, 9, 16, 17, 18, 19, 20, 21, 22, 23]);
}

#[test]
fn decoders_on_many_threads_do_not_disturb_each_other() {
    let units = encode(320, 192, 16, Profile::High);
    let decode = || {
        let mut decoder = StreamDecoder::new();
        let push = |unit: &Vec<u8>| decoder.push(unit, nal::is_h264_random_access(unit), false).unwrap();
        units.iter().flat_map(push).collect::<Vec<_>>()
    };
    let alone = decode();
    assert_eq!(alone.len(), 16);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(decode)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    });
}

#[test]
fn a_new_size_in_mid_stream() {
    let mut decoder = StreamDecoder::new();
    let mut sizes = Vec::new();
    for (width, height) in [(160, 96), (96, 160), (320, 192), (160, 96)] {
        for unit in encode(width, height, 9, Profile::High) {
            for picture in decoder.push(&unit, nal::is_h264_random_access(&unit), false).unwrap() {
                sizes.push((picture.width, picture.height));
            }
        }
    }
    sizes.dedup();
    assert_eq!(sizes, [(160, 96), (96, 160), (320, 192), (160, 96)]);
}

#[test]
fn pictures_keep_their_times() {
    let mut decoder = StreamDecoder::new();
    for (at, data) in encode(96, 64, 12, Profile::Baseline).into_iter().enumerate() {
        let pts_us = 40_000 * at as i64;
        let random_access = nal::is_h264_random_access(&data);
        let mut unit = AccessUnit {
            codec: Codec::H264,
            data: data.into(),
            pts_us,
            random_access,
            discontinuity: false,
            arrival: UtcMicros(0),
        };
        let pictures = decoder.push_unit(&unit).unwrap();
        assert_eq!(pictures.iter().map(|timed| timed.pts_us).collect::<Vec<_>>(), [pts_us]);
        unit.codec = Codec::H265;
        if at == 11 {
            let error = decoder.push_unit(&unit).unwrap_err();
            assert!(error.is_final());
            assert_eq!(error.code(), bartizan_base::Code::UnsupportedCodec);
        }
    }
}

#[test]
fn interlaced_streams_are_refused_by_name() {
    // x264, High, 720x576, top field first: frame_mbs_only_flag = 0.
    let hex = "6764001eacd940b424d8088000000300800000190f8a14cb";
    let sps: Vec<u8> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let unit =
        [&[0, 0, 0, 1][..], &sps, &[0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88]].concat();
    assert_eq!(Decoder::new().unwrap().decode(&unit), Err(DecodeError::Interlaced));
    let mut decoder = StreamDecoder::new();
    for _ in 0..2 {
        assert_eq!(decoder.push(&unit, true, false), Err(DecodeError::Interlaced));
        assert_eq!(decoder.push(&unit, false, false), Ok(Vec::new()), "dropped, not reported again");
    }
    assert_eq!(DecodeError::Interlaced.code(), bartizan_base::Code::Interlaced);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..2048), entry: bool, gap: bool) {
        let mut decoder = StreamDecoder::new();
        let _ = decoder.push(&data, entry, gap);
        let _ = decoder.push(&[&[0, 0, 0, 1, 0x67][..], &data].concat(), true, gap);
        let _ = Decoder::new().unwrap().decode(&data);
        decoder.flush();
    }

    #[test]
    fn damaged_units_never_panic_and_the_stream_recovers(
        damage in prop::collection::vec((0usize..17, 0usize..4000, any::<u8>()), 1..12),
        cut in prop::option::of((0usize..17, 0usize..2000)),
    ) {
        let clean = encode(96, 64, 17, Profile::Main);
        let mut units = clean.clone();
        for (unit, at, byte) in damage {
            let len = units[unit].len();
            units[unit][at % len] = byte;
        }
        if let Some((unit, at)) = cut {
            units[unit].truncate(at);
        }
        let mut decoder = StreamDecoder::new();
        for unit in &units {
            let _ = decoder.push(unit, nal::is_h264_random_access(unit), false);
        }
        let whole = decoder.push(&clean[0], true, true).unwrap();
        let last = whole.last().expect("a whole entry gives its picture");
        prop_assert!(psnr(last, &scene(96, 64, 0)) > 35.0);
    }
}
