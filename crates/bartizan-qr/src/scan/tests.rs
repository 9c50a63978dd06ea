use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use proptest::prelude::*;

use super::*;
use crate::{Card, CardDevice, CardReader, CardSecrecy, Picture, Qr, render};

const LABEL: &str = "{SN:8L0A1B2PAZ34F56,DT:DH-IPC-HFW2431S,SC:L2A1B2C3}";
const SIDE: usize = 480;

/// The label's code on a grey wall, seen through `place`: pixels from the picture's middle → modules from the code's.
fn scene(module: f64, place: impl Fn(f64, f64) -> (f64, f64)) -> Gray {
    let code = Qr::new(LABEL).unwrap();
    let half = code.width() as f64 / 2.0;
    let look = |x: f64, y: f64| -> u32 {
        let (u, v) = place((x - SIDE as f64 / 2.0) / module, (y - SIDE as f64 / 2.0) / module);
        if u.abs().max(v.abs()) > half + 4.0 {
            return 120;
        }
        let (x, y) = (u + half, v + half);
        if x >= 0.0 && y >= 0.0 && code.is_dark(x as usize, y as usize) { 40 } else { 210 }
    };
    let pixel = |at: usize| {
        let (x, y) = ((at % SIDE) as f64, (at / SIDE) as f64);
        let sum: u32 = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
            .iter()
            .map(|(dx, dy)| look(x + dx, y + dy))
            .sum();
        (sum / 4) as u8
    };
    Gray { width: SIDE, height: SIDE, px: (0..SIDE * SIDE).map(pixel).collect() }
}

fn turned(degrees: f64) -> impl Fn(f64, f64) -> (f64, f64) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    move |x, y| (x * cos + y * sin, y * cos - x * sin)
}

fn scan(picture: &Gray, effort: Effort) -> Vec<Found> {
    Scanner::new(effort).scan_luma(picture.width, picture.height, picture.width, &picture.px)
}

fn reads(picture: &Gray, what: &str) {
    let found = scan(picture, Effort::Photo);
    assert_eq!(found.iter().map(Found::text).collect::<Vec<_>>(), [LABEL], "{what}");
}

#[test]
fn every_angle() {
    for step in 0..24 {
        let degrees = f64::from(step) * 15.0 + 2.0;
        let picture = scene(6.0, turned(degrees));
        reads(&picture, &format!("{degrees}°"));
        let first = scan(&picture, Effort::Frame);
        assert_eq!(first.len(), 1, "{degrees}° in the first frame");
        // The top left corner is where the turn has taken it.
        let half = Qr::new(LABEL).unwrap().width() as f64 / 2.0;
        let (sin, cos) = degrees.to_radians().sin_cos();
        let wanted = (-half * cos + half * sin, -half * sin - half * cos);
        let wanted = (wanted.0 * 6.0 + 240.0, wanted.1 * 6.0 + 240.0);
        let (x, y) = first[0].corners[0];
        let off = (f64::from(x) - wanted.0).hypot(f64::from(y) - wanted.1);
        assert!(off < 12.0, "{degrees}°: corner {x},{y}, wanted {wanted:?}");
    }
}

#[test]
fn tilted_curved_and_mirrored() {
    // A vanishing line close by: the far side is half as large as the near one.
    reads(&scene(7.0, |x, y| (x / (1.0 - 0.013 * x), y / (1.0 - 0.013 * x))), "tilted");
    reads(&scene(7.0, |x, y| ((x / 24.0).clamp(-1.0, 1.0).asin() * 24.0, y)), "on a pipe");
    reads(&scene(6.0, |x, y| (-x, y)), "in a mirror");
}

#[test]
fn bad_light() {
    let picture = scene(6.0, turned(20.0));
    reads(&picture.inverted(), "inverted");
    let mut faint = picture.clone();
    faint.px.iter_mut().for_each(|p| *p = 100 + *p / 14);
    reads(&faint, "twelve grey levels");
    let mut shaded = picture.clone();
    for (at, p) in shaded.px.iter_mut().enumerate() {
        *p = (usize::from(*p) * (60 + at % SIDE) / (60 + SIDE)) as u8;
    }
    reads(&shaded, "nine times darker on the left");
    let mut noisy = picture;
    let mut state = 7u64;
    for p in &mut noisy.px {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *p = (10 + i32::from(*p) / 5 + ((state >> 58) as i32 - 32) / 2).clamp(0, 255) as u8;
    }
    reads(&noisy, "dark and noisy");
}

#[test]
fn blurred_and_small() {
    reads(&scene(6.0, turned(10.0)).blurred(3), "a blur wider than a module");
    reads(&scene(1.6, turned(10.0)), "1.6 pixels a module");
}

#[test]
fn an_inverted_code_is_found_within_a_few_frames() {
    let picture = scene(6.0, turned(0.0)).inverted();
    let mut scanner = Scanner::new(Effort::Frame);
    let found = (0..6).any(|_| !scanner.scan_luma(SIDE, SIDE, SIDE, &picture.px).is_empty());
    assert!(found);
}

#[test]
fn rows_may_be_padded() {
    let picture = scene(6.0, turned(0.0));
    let stride = SIDE + 32;
    let mut padded = vec![77; stride * SIDE];
    for y in 0..SIDE {
        padded[y * stride..][..SIDE].copy_from_slice(&picture.px[y * SIDE..][..SIDE]);
    }
    let found = Scanner::new(Effort::Frame).scan_luma(SIDE, SIDE, stride, &padded);
    assert_eq!(found[0].text(), LABEL);
    // The last row needs no padding; one byte less is no picture.
    let needed = stride * (SIDE - 1) + SIDE;
    assert_eq!(Scanner::new(Effort::Frame).scan_luma(SIDE, SIDE, stride, &padded[..needed]).len(), 1);
    assert!(Scanner::new(Effort::Frame).scan_luma(SIDE, SIDE, stride, &padded[..needed - 1]).is_empty());
}

#[test]
fn sizes_that_do_not_fit_hold_nothing() {
    for (width, height, stride) in
        [(0, 0, 0), (20, 500, 20), (500, 500, 499), (usize::MAX, 21, usize::MAX), (21, usize::MAX, 21)]
    {
        assert!(Scanner::new(Effort::Photo).scan_luma(width, height, stride, &[0; 4096]).is_empty());
    }
}

#[test]
fn a_whole_card_is_read_from_its_sheet() {
    for count in [120, 400] {
        card_sheet(count);
    }
}

fn card_sheet(count: usize) {
    let devices: Vec<_> = (0..count)
        .map(|n| CardDevice {
            name: format!("Camera {n} {:x}", (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            serial: Some(format!("{:015}", (n as u64 + 3) * 97_654_321_987 % 999_999_999_999_999)),
            ..CardDevice::default()
        })
        .collect();
    let parts = Card::seal(&devices, &CardSecrecy::Plain).unwrap();
    assert!(parts.len() > count / 20, "{} parts", parts.len());
    let png = render::sheet(&parts, 300).unwrap().png().unwrap();
    let mut reader = CardReader::new();
    for code in scan_picture(&png).unwrap() {
        reader.add(&code.text()).unwrap();
    }
    assert_eq!(reader.missing(), [0usize; 0]);
    assert_eq!(reader.open(None).unwrap(), devices);
}

fn jpeg(picture: &Picture, exif_orientation: Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(Cursor::new(&mut bytes), 80);
    if let Some(value) = exif_orientation {
        // TIFF header, one entry: tag 0x0112, type SHORT, count 1.
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend_from_slice(&[value, 0, 0, 0, 0, 0, 0, 0]);
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder
        .write_image(&picture.luma, picture.width as u32, picture.height as u32, ExtendedColorType::L8)
        .unwrap();
    bytes
}

#[test]
fn picture_files() {
    let picture = Qr::new(LABEL).unwrap().picture(300);
    for bytes in [picture.png().unwrap(), jpeg(&picture, None)] {
        assert_eq!(scan_picture(&bytes).unwrap()[0].text(), LABEL);
    }
    // Black on see-through, as stickers and logos are saved; in colour.
    let mut clear = image::RgbaImage::new(picture.width as u32, picture.height as u32);
    for (pixel, &luma) in clear.pixels_mut().zip(&picture.luma) {
        pixel.0 = [0, 0, 0, 255 - luma];
    }
    for format in [image::ImageFormat::Png, image::ImageFormat::WebP] {
        let mut bytes = Vec::new();
        clear.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        assert_eq!(scan_picture(&bytes).unwrap()[0].text(), LABEL, "{format:?}");
    }
}

#[test]
fn corners_are_where_people_see_the_code() {
    // The code in the left half; orientation 3 is upside down, so it is seen in the right half.
    let code = Qr::new(LABEL).unwrap().picture(300);
    let mut wide = Picture { width: 700, height: code.height, luma: vec![255; 700 * code.height] };
    for y in 0..code.height {
        wide.luma[y * 700..][..code.width].copy_from_slice(&code.luma[y * code.width..][..code.width]);
    }
    let left = scan_picture(&jpeg(&wide, Some(1))).unwrap();
    let right = scan_picture(&jpeg(&wide, Some(3))).unwrap();
    assert!(left[0].corners.iter().all(|(x, _)| *x < 350.0), "{left:?}");
    assert!(right[0].corners.iter().all(|(x, _)| *x > 350.0), "{right:?}");
}

#[test]
fn files_that_are_no_pictures() {
    assert_eq!(scan_picture(b"hello"), Err(ScanError::UnknownFormat));
    assert_eq!(scan_picture(b"GIF89a\x01\0\x01\0\0\0\0;"), Err(ScanError::UnknownFormat));
    let png = Qr::new(LABEL).unwrap().picture(300).png().unwrap();
    assert!(matches!(scan_picture(&png[..png.len() / 2]), Err(ScanError::Damaged(_))));
    // A header that promises 60000 × 60000 pixels.
    let mut huge = png;
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut crc = flate2::Crc::new();
    crc.update(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    assert!(matches!(scan_picture(&huge), Err(ScanError::TooLarge(_))), "{:?}", scan_picture(&huge));
}

/// A wall of finder patterns: the cube of their number is what a careless reader would try.
#[test]
fn a_wall_of_finder_patterns_is_given_up() {
    let side = 640;
    let ring = |x: usize, y: usize| {
        let (x, y) = (x / 2 % 9, y / 2 % 9);
        let far = x.abs_diff(3).max(y.abs_diff(3));
        if far == 3 || far <= 1 { 0 } else { 255 }
    };
    let px: Vec<u8> = (0..side * side).map(|at| ring(at % side, at / side)).collect();
    let wall = Gray { width: side, height: side, px };
    assert!(scan(&wall, Effort::Frame).is_empty());
    assert!(scan(&wall, Effort::Photo).is_empty());
}

#[test]
fn content_is_not_printed() {
    let found = scan(&scene(6.0, turned(0.0)), Effort::Frame);
    assert!(!format!("{found:?}").contains("L2A1B2C3"));
    let latin = Found { bytes: vec![b'a', 0xe9], corners: [(0.0, 0.0); 4] };
    assert_eq!(latin.text(), "aé");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_frame_is_scanned_without_a_panic(
        width in 21usize..90, height in 21usize..90, noise in proptest::collection::vec(any::<u8>(), 8100),
        contrast in 1u8..=255,
    ) {
        let px: Vec<u8> = noise[..width * height].iter().map(|p| p / contrast * contrast).collect();
        for effort in [Effort::Frame, Effort::Photo] {
            Scanner::new(effort).scan_luma(width, height, width, &px);
        }
    }

    #[test]
    fn a_torn_picture_is_an_error_or_no_code(cut in 0usize..2000, at in 0usize..2000, with in any::<u8>(), png in any::<bool>()) {
        let picture = Qr::new(LABEL).unwrap().picture(160);
        let mut bytes = if png { picture.png().unwrap() } else { jpeg(&picture, Some(6)) };
        let at = at % bytes.len();
        bytes[at] = with;
        bytes.truncate(bytes.len().saturating_sub(cut).max(1));
        // A torn picture may still hold its code, but never another text.
        for code in scan_picture(&bytes).unwrap_or_default() {
            prop_assert_eq!(code.text(), LABEL);
        }
    }

    #[test]
    fn a_torn_code_never_reads_as_another(left in 0usize..SIDE, top in 0usize..SIDE, size in 20usize..300, grey in any::<u8>()) {
        let mut picture = scene(6.0, turned(0.0));
        for y in top..(top + size).min(SIDE) {
            picture.px[y * SIDE..][left..(left + size).min(SIDE)].fill(grey);
        }
        for code in scan(&picture, Effort::Frame) {
            prop_assert_eq!(code.text(), LABEL);
        }
    }
}
