use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use bartizan_store::SecretKind;

use super::*;
use crate::{App, protection::tests};

/// A keystore whose sensor does what the test says.
#[derive(Default)]
struct Keystore {
    enrolled: AtomicBool,
    item: Mutex<Option<Secret>>,
    /// What the sheet ends with in place of the secret.
    refuses: Mutex<Option<Code>>,
    broken: AtomicBool,
    asked: Mutex<Vec<BiometricPrompt>>,
    /// Happens while the sheet is up.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[async_trait]
impl BiometricVault for Keystore {
    async fn enrolled(&self) -> Result<bool> {
        Ok(self.enrolled.load(SeqCst))
    }

    async fn holds(&self) -> Result<bool> {
        Ok(self.item.lock().unwrap().is_some())
    }

    async fn keep(&self, secret: &Secret) -> Result<()> {
        if self.broken.load(SeqCst) {
            return Err(Error::new(Code::Internal, "the keystore is broken"));
        }
        *self.item.lock().unwrap() = Some(secret.clone());
        Ok(())
    }

    async fn open(&self, prompt: &BiometricPrompt) -> Result<Secret> {
        self.asked.lock().unwrap().push(prompt.clone());
        if let Some(what) = self.meanwhile.lock().unwrap().take() {
            what();
        }
        if let Some(code) = *self.refuses.lock().unwrap() {
            return Err(Error::new(code, "the sheet"));
        }
        let item = self.item.lock().unwrap().clone();
        item.ok_or_else(|| Error::new(Code::BiometricsFailed, "there is nothing"))
    }

    async fn erase(&self) -> Result<()> {
        *self.item.lock().unwrap() = None;
        Ok(())
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn prompt() -> BiometricPrompt {
    BiometricPrompt { reason: "Open Bartizan".into(), cancel: "PIN".into() }
}

async fn protected(folder: &std::path::Path) -> (App, Arc<Keystore>) {
    let (app, _) = tests::with_device(folder).await;
    let keystore = Arc::new(Keystore::default());
    keystore.enrolled.store(true, SeqCst);
    // What an earlier life of the app left there.
    *keystore.item.lock().unwrap() = Some(secret("000000"));
    app.protection.set_biometrics(keystore.clone());
    assert_eq!(app.protection.biometrics().await, Biometrics::Off);
    app.protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    assert_eq!(app.protection.biometrics().await, Biometrics::Off, "nobody asked for it");
    (app, keystore)
}

#[tokio::test]
async fn a_finger_opens_what_the_pin_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (app, keystore) = protected(folder.path()).await;
    let protection = app.protection.clone();
    let wrong = protection.let_biometrics(&secret("314159")).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.tries_left()), (Code::AppPassword, Some(4)));
    assert_eq!(protection.biometrics().await, Biometrics::Off);
    protection.let_biometrics(&secret("271828")).await.unwrap();
    assert_eq!(protection.biometrics().await, Biometrics::On);

    protection.unlock_by_biometrics(&prompt()).await.unwrap();
    assert!(keystore.asked.lock().unwrap().is_empty(), "an open app asks nobody");
    protection.lock();
    for code in [Code::Cancelled, Code::BiometricsFailed] {
        *keystore.refuses.lock().unwrap() = Some(code);
        assert_eq!(protection.unlock_by_biometrics(&prompt()).await.unwrap_err().code(), code);
        assert!(protection.is_locked());
    }
    assert_eq!(protection.state().tries_left, 5, "a refused finger costs no try");
    *keystore.refuses.lock().unwrap() = None;
    protection.unlock_by_biometrics(&prompt()).await.unwrap();
    assert!(!protection.is_locked());
    assert_eq!(app.devices.book().list().1[0].password, Some(secret("right")));
    assert_eq!(*keystore.asked.lock().unwrap(), vec![prompt(); 3]);

    keystore.enrolled.store(false, SeqCst);
    assert_eq!(protection.biometrics().await, Biometrics::NotEnrolled);
    keystore.enrolled.store(true, SeqCst);
    protection.forget_biometrics().await.unwrap();
    assert_eq!(protection.biometrics().await, Biometrics::Off);
}

#[tokio::test]
async fn it_follows_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (app, keystore) = protected(folder.path()).await;
    let protection = app.protection.clone();
    let horse = secret("correct horse");
    protection.change(&secret("271828"), SecretKind::Password, &horse).await.unwrap();
    assert!(keystore.item.lock().unwrap().is_none(), "off stays off");
    protection.let_biometrics(&horse).await.unwrap();
    protection.change(&horse, SecretKind::Pin, &secret("271828")).await.unwrap();
    protection.lock();
    protection.unlock_by_biometrics(&prompt()).await.unwrap();

    keystore.broken.store(true, SeqCst);
    protection.change(&secret("271828"), SecretKind::Pin, &secret("314159")).await.unwrap();
    assert_eq!(protection.biometrics().await, Biometrics::Off, "rather none than an old one");
    keystore.broken.store(false, SeqCst);

    // An old one that stayed all the same costs one try and goes.
    *keystore.item.lock().unwrap() = Some(secret("271828"));
    protection.lock();
    assert_eq!(protection.unlock_by_biometrics(&prompt()).await.unwrap_err().code(), Code::BiometricsFailed);
    assert_eq!((protection.state().tries_left, protection.biometrics().await), (4, Biometrics::Off));
    protection.unlock(&secret("314159")).await.unwrap();

    protection.let_biometrics(&secret("314159")).await.unwrap();
    protection.turn_off(&secret("314159")).await.unwrap();
    assert!(keystore.item.lock().unwrap().is_none());
    protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    protection.let_biometrics(&secret("271828")).await.unwrap();
    protection.forget().await.unwrap();
    assert!(keystore.item.lock().unwrap().is_none());
}

#[tokio::test]
async fn it_opens_nothing_behind_a_pause_or_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let (app, keystore) = protected(folder.path()).await;
    let protection = app.protection.clone();
    protection.let_biometrics(&secret("271828")).await.unwrap();
    protection.lock();
    let away = protection.clone();
    *keystore.meanwhile.lock().unwrap() = Some(Box::new(move || away.away()));
    assert_eq!(protection.unlock_by_biometrics(&prompt()).await.unwrap_err().code(), Code::AppLocked);
    assert!(protection.is_locked());
    for _ in 0..5 {
        protection.unlock(&secret("000000")).await.unwrap_err();
    }
    let waits = protection.unlock_by_biometrics(&prompt()).await.unwrap_err();
    assert!(waits.code() == Code::AppPasswordWait && waits.retry_after().is_some());
    assert_eq!(keystore.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_sensor_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = tests::with_device(folder.path()).await;
    let protection = app.protection.clone();
    assert_eq!(protection.biometrics().await, Biometrics::Absent);
    let refused = [
        protection.let_biometrics(&secret("271828")).await.unwrap_err(),
        protection.forget_biometrics().await.unwrap_err(),
        protection.unlock_by_biometrics(&prompt()).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.code() == Code::UnsupportedCommand));
}

#[tokio::test]
async fn a_shell_hears_whether_the_app_is_protected() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = tests::with_device(folder.path()).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = heard.clone();
    app.protection.on_change(move |protected| hook.lock().unwrap().push(protected));
    app.protection.set_up(SecretKind::Pin, &secret("271828")).await.unwrap();
    app.protection.turn_off(&secret("271828")).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [false, true, false]);
}
