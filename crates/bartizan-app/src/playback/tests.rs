use super::*;
use crate::files::tests::{snapshot, torn_movie, torn_speech};

struct Site {
    files: Arc<Files>,
    playback: Playback,
    id: String,
    _folder: tempfile::TempDir,
}

/// A recording of four seconds with a random access point each second, as a kill leaves it: finished when it is opened.
fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let id = torn_movie(&Files::new(folder.path().join("media"), false), 126);
    // Another run, which no longer writes it.
    let files = Files::new(folder.path().join("media"), false);
    Site { playback: Playback::new(files.clone()), files, id, _folder: folder }
}

const ALL: Span = Span { from_us: 0, to_us: i64::MAX, keys_only: false, delivery: Delivery::Encoded };

/// The numbers of the pictures a span gives, and which of them say that something is missing before them.
fn numbers(movie: &Arc<OpenMovie>, span: Span) -> (Vec<i64>, Vec<i64>) {
    let mut reel = Reel::new(movie.clone(), span);
    let (mut all, mut jumps) = (Vec::new(), Vec::new());
    while let Some(pieces) = reel.read().unwrap() {
        assert!(!pieces.is_empty() && pieces.len() <= PIECE_UNITS);
        for piece in pieces {
            let Piece::Unit(unit) = piece else { panic!("compressed was asked for") };
            assert_eq!(unit.arrival, UtcMicros(0));
            all.push(unit.pts_us / 40_000);
            if unit.discontinuity {
                jumps.push(unit.pts_us / 40_000);
            }
        }
    }
    assert!(reel.read().unwrap().is_none(), "the end stays the end");
    (all, jumps)
}

#[tokio::test]
async fn a_span_is_what_has_to_be_decoded_for_it() {
    let site = site();
    let movie = site.playback.open(&site.id).await.unwrap();
    assert_eq!(movie.movie().samples().len(), 125);
    assert_eq!((movie.format().video.width, movie.format().video.height), (640, 360));
    assert_eq!(numbers(&movie, ALL), ((0..125).collect(), vec![0]));
    let us = |picture: i64| picture * 40_000;
    assert_eq!(movie.first_us(us(60) + 39_999), Some(us(60)));
    assert_eq!(
        numbers(&movie, Span { from_us: us(60) + 39_999, to_us: us(63), ..ALL }).0,
        (50..63).collect::<Vec<_>>()
    );
    assert_eq!(numbers(&movie, Span { from_us: i64::MAX, ..ALL }).0, (100..125).collect::<Vec<_>>());
    assert_eq!(numbers(&movie, Span { from_us: us(50), to_us: us(50) + 1, ..ALL }), (vec![50], vec![50]));
    // A fast search goes on, never back, and each of its pictures stands alone.
    let keys = Span { from_us: us(26), keys_only: true, ..ALL };
    assert_eq!(numbers(&movie, keys), (vec![50, 75, 100], vec![50, 75, 100]));
    assert_eq!(numbers(&movie, Span { from_us: us(101), ..keys }).0, Vec::<i64>::new());
    assert_eq!(numbers(&movie, Span { to_us: us(75), ..keys }).0, [50]);
}

#[tokio::test]
async fn tables_are_kept_and_deleted_recordings_play_no_more() {
    let site = site();
    let movie = site.playback.open(&site.id).await.unwrap();
    assert!(Arc::ptr_eq(&movie, &site.playback.open(&site.id).await.unwrap()));
    site.files.delete(vec![site.id.clone()]).await.unwrap();
    assert_eq!(site.playback.open(&site.id).await.unwrap_err().code(), Code::NotFound);
    site.files.restore(vec![site.id.clone()]).await.unwrap();
    assert!(site.playback.open(&site.id).await.is_ok());
    assert_eq!(site.playback.open("../x").await.unwrap_err().code(), Code::NotFound);
    let picture = snapshot(&site.files);
    assert_eq!(site.playback.open(&picture).await.unwrap_err().code(), Code::InvalidInput);
}

#[tokio::test]
async fn what_does_not_decode_is_told() {
    let site = site();
    let movie = site.playback.open(&site.id).await.unwrap();
    let mut reel = Reel::new(movie, Span { delivery: Delivery::Pictures, ..ALL });
    // The slices of this recording hold nothing.
    let mut outcome = reel.read();
    for _ in 0..200 {
        match outcome {
            Ok(Some(_)) => outcome = reel.read(),
            _ => break,
        }
    }
    assert!(matches!(outcome, Err(_) | Ok(None)));
}

#[tokio::test]
async fn a_picture_of_a_recording_is_a_snapshot_of_its_moment() {
    let site = site();
    let small = image::RgbImage::from_pixel(64, 36, image::Rgb([10, 200, 30]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    small.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let kept = site.playback.snapshot(&site.id, 2_500_000, jpeg.clone()).await.unwrap();
    let movie = site.files.get(&site.id).await.unwrap();
    assert_eq!((kept.kind, kept.width, kept.height), (FileKind::Snapshot, 64, 36));
    assert_eq!(kept.taken.millis() - movie.taken.millis(), 2500);
    assert_eq!((&kept.channel, &kept.title), (&movie.channel, &movie.title));
    assert!(kept.thumbnail && kept.duration.is_none());
    assert_eq!(site.files.read(&kept.id, 0, u32::MAX).await.unwrap().0, jpeg);
    let refused = site.playback.snapshot(&site.id, 0, b"not a picture".to_vec()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidInput);
    assert_eq!(site.playback.snapshot("nothing", 0, jpeg).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn the_sound_of_a_recording_is_read_by_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let id = torn_speech(&Files::new(folder.path().join("media"), false), 126);
    let playback = Playback::new(Files::new(folder.path().join("media"), false));
    let heard = playback.sound(&id, 1_000_000, 3_000_000).await.unwrap().unwrap();
    assert_eq!((heard.codec, heard.sample_rate_hz, heard.channels), (AudioCodec::Pcmu, 8000, 1));
    let samples: usize = heard.runs.iter().map(|run| run.data.len()).sum();
    assert!((16_000..=24_000).contains(&samples), "{samples}");
    assert!(heard.runs[0].pts_us <= 1_000_000);
    assert!(heard.runs.iter().all(|run| run.data.iter().all(|&sample| sample == 0x80)));
    // Never more than is heard in ten seconds.
    let all = playback.sound(&id, 0, i64::MAX).await.unwrap().unwrap();
    assert!(all.runs.iter().map(|run| run.data.len()).sum::<usize>() <= 10 * 8000 + 4000);
    assert!(playback.sound(&id, 3_000_000, 1_000_000).await.unwrap().unwrap().runs.is_empty());

    let mute = site();
    assert_eq!(mute.playback.sound(&mute.id, 0, 1_000_000).await.unwrap(), None);
    assert_eq!(mute.playback.sound("nothing", 0, 1).await.unwrap_err().code(), Code::NotFound);
}
