//! Whatever bytes a device, a page or a person sends, the readers of them answer and never panic.

use std::{fs, ops::RangeInclusive};

use bartizan_api::media::carrier::{CarrierQuery, LONGEST_POLL};
use bartizan_base::{UtcMicros, redact_url};
use bartizan_device::RtspAddress;
use bartizan_media::{AccessUnit, Codec, GopBuffer, nal, read_sps};
use bartizan_rtsp::{Timeline, sibling_path};
use bytes::Bytes;
use proptest::prelude::*;

use crate::support::fixtures;

/// Sequence parameter sets of real cameras, header byte first.
const REAL_SPS: &[&[u8]] = &[
    &[
        0x67, 0x64, 0x00, 0x1e, 0xac, 0x2c, 0x6a, 0x82, 0xc0, 0xf6, 0x9b, 0x82, 0x80, 0x82, 0xa0, 0x00, 0x00,
        0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03, 0xd0, 0x80,
    ],
    &[
        0x67, 0x4d, 0x00, 0x29, 0x9a, 0x64, 0x03, 0xc0, 0x11, 0x3f, 0x2c, 0xd4, 0x04, 0x04, 0x05, 0x00, 0x00,
        0x03, 0x03, 0xe8, 0x00, 0x00, 0xea, 0x60, 0x04,
    ],
    &[
        0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x03, 0xc5, 0x68, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c,
        0x03, 0xc5, 0x8b, 0x92,
    ],
];

/// Starts of recorded streams, where there are fixtures; else the parameter sets alone, as a stream.
fn real_streams() -> Vec<Vec<u8>> {
    let mut streams = vec![REAL_SPS.iter().flat_map(|sps| [&[0, 0, 0, 1][..], sps].concat()).collect()];
    let entries = fixtures().and_then(|folder| fs::read_dir(folder.join("openh264-res")).ok());
    for path in entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_some_and(|extension| extension == "264") {
            let mut stream = fs::read(&path).expect("a readable fixture");
            stream.truncate(4000);
            streams.push(stream);
        }
    }
    streams
}

/// A real byte string with a few bytes changed, and cut somewhere.
fn mutated(real: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (prop::sample::select(real), changes, any::<prop::sample::Index>()).prop_map(
        |(mut bytes, changes, cut)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let cut = cut.index(bytes.len());
            bytes.truncate(bytes.len() - cut / 2);
            bytes
        },
    )
}

/// Random bytes that look like Annex B now and then.
fn start_code_soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(vec![0, 0, 1]),
        Just(vec![0, 0, 0, 1]),
        Just(vec![0]),
        prop::sample::select(vec![0x65u8, 0x67, 0x68, 0x41, 0x09, 0x06, 0x62]).prop_map(|byte| vec![byte]),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn read_everything(bytes: &[u8]) {
    for unit in nal::split(bytes) {
        assert!(!unit.is_empty() && unit.len() <= bytes.len());
        assert!(!unit.ends_with(&[0]));
        assert!(!unit.windows(3).any(|three| three == [0, 0, 1]), "a start code inside a unit");
        let _ = read_sps(unit);
    }
    let cut: usize = nal::access_units(bytes).iter().map(|unit| unit.len()).sum();
    assert!(cut <= bytes.len());
    let units_before = nal::split(bytes).count();
    let units_after: usize = nal::access_units(bytes).into_iter().map(|unit| nal::split(unit).count()).sum();
    assert_eq!(units_before, units_after, "cutting loses no unit");
    let trimmed = nal::trim(bytes);
    assert!(trimmed.len() <= bytes.len() && !trimmed.ends_with(&[0]));
    let _ = (nal::has_h264_b_slice(bytes), nal::is_h264_random_access(bytes), nal::find_h264_sps(bytes));
}

fn check_sps(nal: &[u8]) {
    const SIDES: RangeInclusive<u32> = 1..=16_384;
    if let Ok(info) = read_sps(nal) {
        assert!(SIDES.contains(&info.width) && SIDES.contains(&info.height), "{info:?}");
        assert!(info.frame_rate.is_none_or(|rate| (0.1..=240.0).contains(&rate)), "{info:?}");
        assert!(info.reorder_frames.is_none_or(|held| held <= 16), "{info:?}");
        assert_eq!(info.codec.len(), "avc1.64001f".len());
    }
}

#[test]
fn real_parameter_sets_are_read() {
    let sizes: Vec<_> =
        REAL_SPS.iter().map(|sps| read_sps(sps).map(|info| (info.width, info.height))).collect();
    assert_eq!(sizes, [Ok((704, 480)), Ok((1920, 1080)), Ok((240, 160))]);
}

fn password() -> impl Strategy<Value = String> {
    // What people put into passwords, raw delimiters of URLs included. Raw colons are left out: "…:0/…" before an '@'
    // cannot be told from a port and a path, and is not taken for a password.
    "[A-Za-z][A-Za-z0-9@/#?%&=+ !$äß中]{5,14}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn annex_b_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn annex_b_of_start_code_soup(bytes in start_code_soup()) {
        read_everything(&bytes);
    }

    #[test]
    fn annex_b_of_torn_streams(bytes in mutated(real_streams())) {
        read_everything(&bytes);
    }

    #[test]
    fn sps_of_any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check_sps(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = 0x67;
        }
        check_sps(&bytes);
    }

    #[test]
    fn sps_of_torn_parameter_sets(bytes in mutated(REAL_SPS.iter().map(|sps| sps.to_vec()).collect())) {
        check_sps(&bytes);
    }

    #[test]
    fn addresses_of_any_text(text in any::<String>(), scheme in prop::sample::select(vec!["", "rtsp://", "RTSP://["])) {
        let _ = redact_url(&text);
        if let Ok((address, _)) = RtspAddress::parse(&format!("{scheme}{text}")) {
            prop_assert!(address.port != 0 && address.path.starts_with('/') && !address.host.is_empty());
            let _ = address.url();
        }
    }

    #[test]
    fn no_error_about_an_address_tells_the_password(
        password in password(),
        scheme in prop::sample::select(vec!["rtsp", "http", "rtsps", "RTSP", ""]),
        tail in prop::sample::select(vec![
            "cam/ch1", "cam:99999/ch1", "cam:0/", "[::1/x", "", ":554", "a b/c", "cam:port/", "cam/a@b?c=d", "%",
        ]),
    ) {
        let url = format!("{scheme}://user:{password}@{tail}");
        prop_assert!(!redact_url(&url).contains(&password), "{}", redact_url(&url));
        if let Err(error) = RtspAddress::parse(&url) {
            prop_assert!(!error.to_string().contains(&password), "{error}");
        }
    }

    #[test]
    fn an_encoded_password_comes_back(password in password()) {
        let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (address, credentials) = RtspAddress::parse(&format!("rtsp://user:{encoded}@cam:8554/ch1?a=b")).unwrap();
        let credentials = credentials.unwrap();
        prop_assert_eq!(credentials.password.expose(), &password);
        prop_assert_eq!((address.host.as_str(), address.port, address.path.as_str()), ("cam", 8554, "/ch1?a=b"));
        let shown = format!("{address:?}{credentials:?}");
        prop_assert!(!shown.contains(&password));
    }

    #[test]
    fn sibling_paths_of_any_text(text in any::<String>(), number in 0u32..2000) {
        for path in [
            text.clone(),
            format!("/Streaming/Channels/{number}{text}"),
            format!("/cam/realmonitor?channel={number}&subtype=0{text}"),
            format!("/ch{number}/main{text}"),
        ] {
            if let Some((sibling, channel, sub)) = sibling_path(&path) {
                prop_assert_ne!(&sibling, &path);
                // The sibling's sibling is where we came from.
                prop_assert_eq!(sibling_path(&sibling), Some((path, channel, !sub)));
            }
        }
    }

    #[test]
    fn any_device_clock_becomes_a_steady_one(
        times in prop::collection::vec(prop_oneof![any::<i64>(), -2_000_000i64..2_000_000], 1..60),
        rate in prop_oneof![Just(None), any::<f64>().prop_map(Some)],
    ) {
        let mut timeline = Timeline::new(rate);
        let mut last = None;
        for time in times {
            let now = timeline.map(time);
            match last {
                None => prop_assert_eq!(now, 0),
                Some(last) => prop_assert!((-1_000_000..=10_000_000).contains(&(now - last)), "{} to {}", last, now),
            }
            last = Some(now);
        }
    }

    #[test]
    fn queries_of_any_text(text in any::<String>()) {
        let _ = CarrierQuery::parse(&text);
        let query = CarrierQuery::parse(&format!("session=a&after={text}&wait={text}&credit={text}"));
        prop_assert!(query.wait <= LONGEST_POLL);
    }

    #[test]
    fn a_query_is_read_whole(after: u32, wait in 0u64..5000, credit in prop::collection::vec(any::<(u32, u32)>(), 0..5)) {
        let pairs: Vec<String> = credit.iter().map(|(tile, count)| format!("{tile}:{count}")).collect();
        let query = CarrierQuery::parse(&format!("session=s1&after={after}&wait={wait}&credit={}", pairs.join(",")));
        prop_assert_eq!(query.session.as_str(), "s1");
        prop_assert_eq!(query.after, after);
        prop_assert_eq!(query.wait.as_millis(), u128::from(wait.min(1000)));
        prop_assert_eq!(query.credit, credit);
    }

    #[test]
    fn the_gop_buffer_replays_only_what_decodes(
        units in prop::collection::vec((any::<bool>(), prop::bool::weighted(0.1), 0usize..40), 0..80),
        limit in 0usize..300,
    ) {
        let mut buffer = GopBuffer::new(limit);
        for (number, (random_access, discontinuity, len)) in units.into_iter().enumerate() {
            buffer.push(&AccessUnit {
                codec: Codec::H264,
                data: Bytes::from(vec![0; len]),
                pts_us: number as i64,
                random_access,
                discontinuity,
                arrival: UtcMicros::default(),
            });
            let kept: Vec<_> = buffer.units().collect();
            prop_assert!(kept.iter().map(|unit| unit.data.len()).sum::<usize>() <= limit);
            for (at, unit) in kept.iter().enumerate() {
                prop_assert_eq!(unit.random_access, at == 0);
                prop_assert!(at == 0 || (!unit.discontinuity && unit.pts_us == kept[at - 1].pts_us + 1));
            }
        }
    }
}
