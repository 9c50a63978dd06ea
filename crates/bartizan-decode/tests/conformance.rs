//! openh264's own test streams, several of them from the JVT conformance suite, against the SHA-1 its tests expect.
use std::{env, fs, path::PathBuf};

use bartizan_base::UtcMicros;
use bartizan_decode::{DecodeError, Decoder, Picture, StreamDecoder};
use bartizan_media::{AccessUnit, Codec, nal};
use bytes::Bytes;
use sha1::{Digest, Sha1};

/// Listed with another SHA-1 than both openh264 0.9.9 and ffmpeg 5.1.9 give; these two agree with each other.
const OTHER_SHA1: [(&str, &str); 2] = [
    ("test_scalinglist_jm.264", "f690a3af2896a53360215fb5d35016bfd41499b3"),
    ("Cisco_Men_whisper_640x320_CABAC_Bframe_9.264", "2b349c1bc806b6e0412008747b2463d77b576476"),
];
const NOT_A_REFERENCE: &str = "sps_subsetsps_bothVUI.264";

fn folder() -> Option<PathBuf> {
    let root = env::var_os("BARTIZAN_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let folder = root.join("openh264-res");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there; BARTIZAN_FIXTURES names its parent", folder.display());
    None
}

fn sha1_of(pictures: &[Picture]) -> String {
    let mut hash = Sha1::new();
    for picture in pictures {
        assert_eq!(picture.data.len(), (picture.width * picture.height * 3 / 2) as usize);
        hash.update(&picture.data);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode_all(stream: &[u8]) -> Result<Vec<Picture>, DecodeError> {
    let mut decoder = Decoder::new()?;
    let mut pictures = Vec::new();
    for unit in nal::access_units(stream) {
        pictures.extend(decoder.decode(unit)?);
    }
    pictures.extend(decoder.flush()?);
    Ok(pictures)
}

#[test]
fn listed_streams_decode_to_the_listed_pictures() {
    let Some(folder) = folder() else { return };
    let list = fs::read_to_string(folder.join("decoded_yuv_sha1.csv")).unwrap();
    let mut checked = 0;
    for (name, listed) in list.lines().filter_map(|line| line.split_once(',')) {
        let Ok(stream) = fs::read(folder.join(name)) else { continue };
        let pictures = decode_all(&stream).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(pictures.len(), nal::access_units(&stream).len(), "{name}");
        let other = OTHER_SHA1.iter().find(|(other, _)| *other == name);
        if name != NOT_A_REFERENCE {
            assert_eq!(sha1_of(&pictures), other.map_or(listed, |(_, sha1)| sha1), "{name}");
        }
        checked += 1;
    }
    assert!(checked > 0, "no listed stream in {}", folder.display());
}

#[test]
fn the_live_path_gives_the_same_pictures() {
    let Some(folder) = folder() else { return };
    for name in ["MIDR_MW_D.264", "SVA_NL1_B.264", "Zhling_1280x720.264", "test_cif_P_CABAC_slice.264"] {
        let stream = fs::read(folder.join(name)).unwrap();
        let mut decoder = StreamDecoder::new();
        let mut pictures = Vec::new();
        for unit in nal::access_units(&stream) {
            pictures.extend(decoder.push(unit, nal::is_h264_random_access(unit), false).unwrap());
        }
        pictures.extend(decoder.flush().into_iter().map(|timed| timed.picture));
        assert_eq!(sha1_of(&pictures), sha1_of(&decode_all(&stream).unwrap()), "{name}");
    }
}

#[test]
fn reordered_pictures_keep_their_times() {
    let Some(folder) = folder() else { return };
    let stream = fs::read(folder.join("Cisco_Men_whisper_640x320_CABAC_Bframe_9.264")).unwrap();
    let mut decoder = StreamDecoder::new();
    let mut times = Vec::new();
    // Coded as I, then the I that ends the group, then the seven B between them. Parameter sets alone, as some
    // devices send them, must not use up a time.
    for (at, data) in nal::access_units(&stream).into_iter().enumerate() {
        let pts_us = [0, 8, 1, 2, 3, 4, 5, 6, 7][at];
        let mut unit = AccessUnit {
            codec: Codec::H264,
            random_access: at == 0,
            data: Bytes::copy_from_slice(data),
            pts_us,
            discontinuity: false,
            arrival: UtcMicros(0),
        };
        times.extend(decoder.push_unit(&unit).unwrap().iter().map(|timed| timed.pts_us));
        unit.data = Bytes::from_static(&[0, 0, 0, 1, 9, 0x10]);
        unit.random_access = false;
        assert_eq!(decoder.push_unit(&unit), Ok(Vec::new()));
    }
    times.extend(decoder.flush().iter().map(|timed| timed.pts_us));
    assert_eq!(times, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn damaged_streams_err_and_recover() {
    let Some(folder) = folder() else { return };
    for name in ["Error_I_P.264", "BA_MW_D_IDR_LOST.264"] {
        let damaged = fs::read(folder.join(name)).unwrap();
        let mut decoder = StreamDecoder::new();
        let mut failed = 0;
        for unit in nal::access_units(&damaged) {
            match decoder.push(unit, nal::is_h264_random_access(unit), false) {
                Ok(_) => {}
                Err(error) => {
                    assert!(matches!(error, DecodeError::Corrupt(_)), "{name}: {error}");
                    assert!(decoder.is_waiting());
                    failed += 1;
                }
            }
        }
        assert!(failed > 0 || decoder.is_waiting(), "{name} is damaged, yet nothing was noticed");
        // The same decoder then takes a whole stream as if nothing had happened.
        let whole = fs::read(folder.join("MIDR_MW_D.264")).unwrap();
        let mut pictures = Vec::new();
        for unit in nal::access_units(&whole) {
            pictures.extend(decoder.push(unit, nal::is_h264_random_access(unit), false).unwrap());
        }
        assert_eq!(sha1_of(&pictures), sha1_of(&decode_all(&whole).unwrap()), "{name}");
    }
}
