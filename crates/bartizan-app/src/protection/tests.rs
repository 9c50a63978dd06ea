use std::{
    path::Path,
    sync::atomic::{AtomicI64, AtomicU32, Ordering::SeqCst},
};

use bartizan_base::{ChannelId, DeviceId, StreamId, StreamProfile};
use bartizan_store::Vault;
use tokio::time::{advance, pause};

use super::*;
use crate::{
    App, Draft,
    fake::{FakeFamily, NoVideo},
    live::{DecodedPicture, Delivery, SourceBook, StreamFormat, StreamState, Viewer},
};

const CHEAP: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

#[derive(Default)]
struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> UtcMicros {
        UtcMicros(self.0.load(SeqCst))
    }
}

struct Blind;

impl Viewer for Blind {
    fn state(&self, _: &StreamState) {}
    fn format(&self, _: &StreamFormat) {}
    fn unit(&self, _: &bartizan_media::AccessUnit) {}
    fn picture(&self, _: DecodedPicture) {}
    fn wants_picture(&self) -> bool {
        false
    }
}

async fn app(folder: &Path, clock: Arc<Turned>) -> App {
    let store = Store::open(&folder.join("a.sqlite"), Vault::in_folder(folder)).unwrap();
    let family = Arc::new(FakeFamily::new("fake", Ok(true)));
    let families: Vec<Arc<dyn bartizan_device::Family>> = vec![family];
    let (opener, cost) = (Arc::new(NoVideo), CHEAP);
    let journal = Arc::new(crate::Journal::new(clock));
    let files = crate::Files::new(folder.join("media"), false);
    App::with_parts_at(store, files, journal, opener, families, cost).await.unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

async fn refused(protection: &Protection, text: &str) -> Error {
    protection.unlock(&secret(text)).await.unwrap_err()
}

pub(super) async fn with_device(folder: &Path) -> (App, DeviceId) {
    let app = app(folder, Arc::default()).await;
    let draft = Draft {
        host: Some("127.0.0.1".into()),
        user: Some("admin".into()),
        password: Some(secret("right")),
        ..Draft::default()
    };
    let row = app.devices.add(&draft).await.unwrap();
    (app, row.id)
}

#[tokio::test]
async fn a_lock_leaves_no_login_in_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = with_device(folder.path()).await;
    let path = "/user=admin_password=x1y2_channel=1_stream=0.sdp";
    let draft = Draft { url: Some(format!("rtsp://127.0.0.1{path}")), ..Draft::default() };
    let id = app.devices.add_unprobed(&draft).await.unwrap().id;
    let stream = StreamId { channel: ChannelId { device: id, number: 1 }, profile: StreamProfile::Main };
    let book = app.devices.book();
    assert_eq!(book.source(&stream).await.unwrap().address.path, path);
    app.protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    app.protection.lock();
    app.protection.closed().await;
    assert!(!format!("{:?}", book.list()).contains("x1y2"));
    assert_eq!(book.source(&stream).await.unwrap_err().code(), Code::KeyLost);
    app.protection.unlock(&secret("271828")).await.unwrap();
    assert_eq!(book.source(&stream).await.unwrap().address.path, path);
}

#[test]
fn pauses_grow_and_never_shrink() {
    let pauses: Vec<_> = (0..40).map(pause_after).collect();
    assert!(pauses[..5].iter().all(Duration::is_zero));
    assert_eq!(pauses[5], Duration::from_secs(30));
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!((pause_after(u32::MAX), pauses[10]), (PAUSES[5], PAUSES[5]));
}

#[test]
fn forms() {
    for (kind, text, fits) in [
        (SecretKind::Pin, "271828", true),
        (SecretKind::Pin, "27182", false),
        (SecretKind::Pin, "2718281828459", false),
        (SecretKind::Pin, "27182x", false),
        (SecretKind::Pin, "٢٧١٨٢٨", false),
        (SecretKind::Password, "grün 8 zebras", true),
        (SecretKind::Password, "short", false),
        (SecretKind::Password, "with a\nline", false),
    ] {
        let checked = check_form(kind, &secret(text));
        assert_eq!(checked.is_ok(), fits, "{text}");
        assert!(
            checked.is_ok_and(|()| true) || !format!("{:?}", check_form(kind, &secret(text))).contains(text)
        );
    }
}

#[tokio::test]
async fn a_lock_ends_streams_and_logins_and_leaves_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let (app, id) = with_device(folder.path()).await;
    let protection = app.protection.clone();
    let told = Arc::new(AtomicU32::new(0));
    let hook = told.clone();
    protection.on_lock(move || {
        hook.fetch_add(1, SeqCst);
    });
    let stream =
        StreamId { channel: ChannelId { device: id.clone(), number: 1 }, profile: StreamProfile::Main };
    let attach = || app.live.attach(stream.clone(), Delivery::Encoded, Arc::new(Blind));
    let _attached = attach().unwrap();
    protection.lock();
    assert!(!protection.is_locked(), "there is nothing to unlock it with");

    protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    assert_eq!(protection.state().kind, Some(SecretKind::Pin));
    assert!(!protection.is_locked());
    let twice = protection.set_up(SecretKind::Pin, &secret("314159")).await.unwrap_err();
    assert_eq!(twice.code(), Code::InvalidInput);
    app.control.capabilities(&stream.channel).await.unwrap();
    protection.lock();
    assert!(protection.is_locked() && told.load(SeqCst) == 1);
    assert_eq!(attach().err().map(|error| error.code()), Some(Code::AppLocked));
    protection.closed().await;
    assert_eq!(app.live.counters(), []);
    let row = app.devices.book().get(&id).unwrap();
    assert!(row.password.is_none() && row.password_lost);
    assert_eq!(app.control.drivers().get(&id).await.err().map(|e| e.code()), Some(Code::KeyLost));

    assert_eq!(refused(&protection, "314159").await.tries_left(), Some(4));
    protection.unlock(&secret("271828")).await.unwrap();
    assert!(!protection.is_locked() && attach().is_ok());
    assert_eq!(app.devices.book().get(&id).unwrap().password, Some(secret("right")));
}

/// Time passes only when the test says so, not either while everything waits for the disk: a paused clock goes ahead to
/// the next timer unless some blocking work is under way.
fn stand_still() -> std::sync::mpsc::Sender<()> {
    let (busy, until) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || until.recv());
    pause();
    busy
}

#[tokio::test]
async fn pauses_hold_over_a_restart_and_for_every_use_of_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = with_device(folder.path()).await;
    first.protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    first.protection.lock();
    let _still = stand_still();
    for left in [4, 3, 2, 1] {
        let error = refused(&first.protection, "000000").await;
        assert_eq!((error.code(), error.tries_left()), (Code::AppPassword, Some(left)));
    }
    let error = refused(&first.protection, "000000").await;
    assert_eq!((error.code(), error.retry_after()), (Code::AppPassword, Some(PAUSES[0])));
    let error = refused(&first.protection, "271828").await;
    assert_eq!(error.code(), Code::AppPasswordWait, "the right one is not even tried");
    for wrong in [
        first.protection.change(&secret("271828"), SecretKind::Pin, &secret("314159")).await,
        first.protection.turn_off(&secret("271828")).await,
    ] {
        assert_eq!(wrong.unwrap_err().code(), Code::AppPasswordWait);
    }
    advance(PAUSES[0] - Duration::from_millis(1)).await;
    assert_eq!(refused(&first.protection, "271828").await.code(), Code::AppPasswordWait);
    advance(Duration::from_millis(1)).await;
    assert_eq!(refused(&first.protection, "000000").await.retry_after(), Some(PAUSES[1]));
    drop(first);

    // Turning the clock ahead helps as little as starting again.
    let clock = Arc::new(Turned(AtomicI64::new(i64::MAX / 2)));
    let second = app(folder.path(), clock).await;
    assert_eq!(second.protection.state().wait, Some(PAUSES[1]));
    assert_eq!(refused(&second.protection, "271828").await.code(), Code::AppPasswordWait);
    advance(PAUSES[1]).await;
    second.protection.unlock(&secret("271828")).await.unwrap();
    assert_eq!((second.protection.state().wait, second.protection.state().tries_left), (None, FREE_TRIES));
    second.protection.lock();
    assert_eq!(refused(&second.protection, "000000").await.tries_left(), Some(4));
}

#[tokio::test]
async fn a_try_that_is_dropped_is_spent() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = with_device(folder.path()).await;
    app.protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    app.protection.lock();
    for _ in 0..FREE_TRIES {
        let wrong = secret("000000");
        let mut unlocking = Box::pin(app.protection.unlock(&wrong));
        // Until the try is counted; then the caller goes away.
        let before = app.protection.state().tries_left;
        while app.protection.state().tries_left == before {
            tokio::select! {
                biased;
                _ = &mut unlocking => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert!(app.protection.state().wait.is_some());
}

#[tokio::test]
async fn away_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = with_device(folder.path()).await;
    drop(first);
    let clock = Arc::<Turned>::default();
    let app = app(folder.path(), clock.clone()).await;
    let protection = app.protection.clone();
    protection.away();
    protection.back(true);
    assert!(!protection.is_locked(), "not protected");
    protection.set_up(SecretKind::Password, &secret("correct horse")).await.unwrap();
    let unlock = async || protection.unlock(&secret("correct horse")).await.unwrap();
    protection.away();
    assert!(protection.is_locked(), "at once, where nothing else is set");
    unlock().await;
    protection.back(false);
    assert!(!protection.is_locked());
    protection.back(true);
    assert!(protection.is_locked(), "a page that begins asks");
    unlock().await;

    assert_eq!(protection.set_ask_after(MOST_ASK_AFTER + 1).await.unwrap_err().code(), Code::InvalidInput);
    protection.set_ask_after(60).await.unwrap();
    pause();
    protection.away();
    advance(Duration::from_secs(59)).await;
    protection.back(true);
    assert!(!protection.is_locked(), "a page loaded anew within the time");
    protection.away();
    // The timer's task begins, and later ends.
    tokio::task::yield_now().await;
    advance(Duration::from_secs(61)).await;
    tokio::task::yield_now().await;
    assert!(protection.is_locked(), "without anybody coming back");
    tokio::time::resume();
    unlock().await;
    // A phone that slept: only the wall clock went on.
    protection.away();
    clock.0.fetch_add(61_000_000, SeqCst);
    protection.back(false);
    assert!(protection.is_locked());
    // Away again while the try runs.
    let text = secret("correct horse");
    let mut unlocking = Box::pin(protection.unlock(&text));
    assert!(futures::poll!(&mut unlocking).is_pending());
    protection.away();
    assert_eq!(unlocking.await.unwrap_err().code(), Code::AppLocked);
    assert!(protection.is_locked());
}

#[tokio::test]
async fn change_off_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (app, id) = with_device(folder.path()).await;
    let protection = app.protection.clone();
    assert_eq!(protection.turn_off(&secret("271828")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(protection.forget().await.unwrap_err().code(), Code::NotFound);
    protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    let wrong = protection.change(&secret("000000"), SecretKind::Pin, &secret("314159")).await.unwrap_err();
    assert_eq!(wrong.code(), Code::AppPassword);
    let short = protection.change(&secret("271828"), SecretKind::Pin, &secret("1")).await.unwrap_err();
    assert_eq!(short.code(), Code::InvalidInput);
    protection.change(&secret("271828"), SecretKind::Password, &secret("correct horse")).await.unwrap();
    protection.lock();
    assert_eq!(refused(&protection, "271828").await.code(), Code::AppPassword);
    protection.unlock(&secret("correct horse")).await.unwrap();
    assert_eq!(app.devices.book().get(&id).unwrap().password, Some(secret("right")));
    protection.turn_off(&secret("correct horse")).await.unwrap();
    assert_eq!((protection.state().kind, protection.is_locked()), (None, false));

    protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    protection.lock();
    protection.forget().await.unwrap();
    assert_eq!((protection.state().kind, protection.is_locked()), (None, false));
    let row = app.devices.book().get(&id).unwrap();
    assert_eq!((row.host.as_str(), row.user.as_str(), row.password_lost), ("127.0.0.1", "admin", true));
    assert_eq!(app.control.drivers().get(&id).await.err().map(|e| e.code()), Some(Code::KeyLost));
}

#[tokio::test]
async fn what_is_not_stored_is_not_protected() {
    let app = App::ephemeral(&[], Arc::new(Turned::default())).await.unwrap();
    assert!(!app.protection.state().offered);
    let error = app.protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedCommand);
}
