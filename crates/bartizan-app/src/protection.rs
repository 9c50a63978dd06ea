//! PIN or password of the app.
//!
//! While the app is locked the key of the device passwords is nowhere but wrapped in the database, no stream runs but
//! those being recorded, each with the login it has, no driver is logged in and the list of devices holds no password.
//! The dispatcher of the commands asks [`Protection::is_locked`] first.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use bartizan_base::{Clock, Code, Error, OwnedTask, Result, Secret, UtcMicros};
use bartizan_store::{KdfCost, SecretKind, Store};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

pub use self::biometrics::{BiometricPrompt, BiometricVault, Biometrics};
use crate::{control::Control, devices::DeviceBook, live::Live, recording::Recorder, search::Search};

/// The longest the app may be away without being asked again, seconds.
pub const MOST_ASK_AFTER: u32 = 3600;
/// Wrong tries before the first pause.
const FREE_TRIES: u32 = 5;
/// Pauses after the fifth wrong try in a row and each further one; the last goes on for ever.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(15 * 60),
];
/// Digits of a PIN.
const PIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=12;
/// Characters of a password.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// How long no further try is taken after so many wrong ones in a row.
fn pause_after(tries: u32) -> Duration {
    let Some(beyond) = tries.checked_sub(FREE_TRIES) else { return Duration::ZERO };
    PAUSES[usize::try_from(beyond).unwrap_or(usize::MAX).min(PAUSES.len() - 1)]
}

/// How the app is protected, and what it asks for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectionState {
    /// False where nothing is stored that could be protected.
    pub offered: bool,
    /// `None`: not protected.
    pub kind: Option<SecretKind>,
    /// The secret is asked before anything else.
    pub locked: bool,
    /// How long the app may be away before it asks again, seconds.
    pub ask_after_s: u32,
    /// How long it takes no further try.
    pub wait: Option<Duration>,
    /// Wrong tries that are left before the first pause.
    pub tries_left: u32,
}

/// What the service works on.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) book: Arc<DeviceBook>,
    pub(crate) live: Arc<Live>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) control: Arc<Control>,
    pub(crate) search: Arc<Search>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cost: KdfCost,
}

type Hook = Box<dyn Fn() + Send + Sync>;
type ChangeHook = Box<dyn Fn(bool) + Send + Sync>;

/// The protection service.
pub struct Protection {
    parts: Parts,
    offered: bool,
    inner: Mutex<Inner>,
    /// One try at a time, and no change of the secret beside it.
    trying: AsyncMutex<()>,
    on_lock: OnceLock<Hook>,
    on_change: OnceLock<ChangeHook>,
    vault: OnceLock<Arc<dyn BiometricVault>>,
    this: Weak<Self>,
}

#[derive(Default)]
struct Inner {
    kind: Option<SecretKind>,
    locked: bool,
    ask_after_s: u32,
    wrong_tries: u32,
    /// No try before this. Monotonic, so that turning the clock of the phone does not shorten it; after a restart the
    /// whole pause begins again.
    blocked_until: Option<Instant>,
    /// When the app went away. Both clocks: the monotonic one stands still while a phone sleeps.
    away: Option<(Instant, UtcMicros)>,
    timer: Option<OwnedTask>,
    /// Grows when the app is to be locked, so that a try that ends later does not unlock it.
    epoch: u64,
    /// What ends the streams and the logins of before the lock.
    closing: Option<OwnedTask>,
}

impl Protection {
    /// Reads how the app is protected; a protected one begins locked.
    pub(crate) async fn load(parts: Parts, offered: bool) -> Result<Arc<Self>> {
        let row = parts.store.protection().await?;
        let mut inner = Inner::default();
        if let Some(row) = row {
            inner.kind = Some(row.kind);
            inner.locked = true;
            inner.ask_after_s = row.ask_after_s;
            inner.wrong_tries = row.wrong_tries;
            inner.block(row.wrong_tries);
            drop(parts.live.set_shut(true));
        }
        Ok(Arc::new_cyclic(|this| Self {
            parts,
            offered,
            inner: Mutex::new(inner),
            trying: AsyncMutex::default(),
            on_lock: OnceLock::new(),
            on_change: OnceLock::new(),
            vault: OnceLock::new(),
            this: this.clone(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to happen beside the closing of streams when the app is locked; the first hook given stays.
    pub fn on_lock(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _ = self.on_lock.set(Box::new(hook));
    }

    /// Hears whether the app is protected, now and at every change; the first hook given stays.
    pub fn on_change(&self, hook: impl Fn(bool) + Send + Sync + 'static) {
        let _ = self.on_change.set(Box::new(hook));
        self.tell_change();
    }

    fn tell_change(&self) {
        let protected = self.inner().kind.is_some();
        if let Some(hook) = self.on_change.get() {
            hook(protected);
        }
    }

    /// True while the secret is asked before anything else.
    pub fn is_locked(&self) -> bool {
        self.inner().locked
    }

    /// What a page shows.
    pub fn state(&self) -> ProtectionState {
        let inner = self.inner();
        ProtectionState {
            offered: self.offered,
            kind: inner.kind,
            locked: inner.locked,
            ask_after_s: inner.ask_after_s,
            wait: inner.wait(),
            tries_left: FREE_TRIES.saturating_sub(inner.wrong_tries),
        }
    }

    /// Protects the app. It stays unlocked: whoever sets the secret knows it.
    pub async fn set_up(&self, kind: SecretKind, secret: &Secret) -> Result<()> {
        let _alone = self.trying.lock().await;
        if !self.offered {
            return Err(Error::new(Code::UnsupportedCommand, "nothing is stored that could be protected"));
        }
        if self.inner().kind.is_some() {
            return Err(Error::new(Code::InvalidInput, "the app is protected already; change the secret"));
        }
        check_form(kind, secret)?;
        // What is there belongs to an earlier life of the app.
        self.erase_biometrics().await;
        self.parts.store.protect(kind, secret, self.parts.cost).await?;
        {
            let mut inner = self.inner();
            *inner = Inner { kind: Some(kind), epoch: inner.epoch, ..Inner::default() };
        }
        self.tell_change();
        Ok(())
    }

    /// Another secret. The present one is asked for, as for [`unlock`](Self::unlock).
    pub async fn change(&self, current: &Secret, kind: SecretKind, secret: &Secret) -> Result<()> {
        let _alone = self.trying.lock().await;
        check_form(kind, secret)?;
        self.check(current).await?;
        self.parts.store.protect(kind, secret, self.parts.cost).await?;
        self.inner().kind = Some(kind);
        self.renew_biometrics(secret).await;
        Ok(())
    }

    /// Ends the protection. The present secret is asked for, as for [`unlock`](Self::unlock).
    pub async fn turn_off(&self, current: &Secret) -> Result<()> {
        let _alone = self.trying.lock().await;
        self.check(current).await?;
        self.parts.store.unprotect().await?;
        self.unprotected().await;
        Ok(())
    }

    /// Ends the protection without its secret: the passwords of all devices are erased. Devices, their addresses and
    /// everything recorded stay.
    pub async fn forget(&self) -> Result<()> {
        let _alone = self.trying.lock().await;
        if self.inner().kind.is_none() {
            return Err(Error::new(Code::NotFound, "the app is not protected"));
        }
        // Recordings, streams and drivers still use the passwords that go.
        self.parts.recorder.shutdown().await;
        self.lock();
        self.closed().await;
        self.parts.store.forget_passwords().await?;
        self.parts.book.refresh().await?;
        self.unprotected().await;
        Ok(())
    }

    async fn unprotected(&self) {
        {
            let mut inner = self.inner();
            *inner = Inner { epoch: inner.epoch, ..Inner::default() };
            drop(self.parts.live.set_shut(false));
        }
        self.erase_biometrics().await;
        self.tell_change();
    }

    /// How long the app may be away before it asks again, at most [`MOST_ASK_AFTER`] seconds.
    pub async fn set_ask_after(&self, seconds: u32) -> Result<()> {
        if seconds > MOST_ASK_AFTER {
            return Err(Error::new(Code::InvalidInput, format!("{seconds} s is above {MOST_ASK_AFTER} s")));
        }
        if self.inner().kind.is_none() {
            return Err(Error::new(Code::NotFound, "the app is not protected"));
        }
        self.parts.store.set_ask_after(seconds).await?;
        self.inner().ask_after_s = seconds;
        Ok(())
    }

    /// Unlocks the app.
    ///
    /// [`Code::AppPassword`] when the secret is wrong, with the tries that are left before the first pause or the pause
    /// that begins; [`Code::AppPasswordWait`] when it was not even tried, with what is left of the pause;
    /// [`Code::AppLocked`] when the app went away meanwhile.
    pub async fn unlock(&self, secret: &Secret) -> Result<()> {
        let _alone = self.trying.lock().await;
        let epoch = self.inner().epoch;
        if !self.is_locked() {
            return Ok(());
        }
        self.check(secret).await?;
        self.closed().await;
        if let Err(error) = self.parts.book.refresh().await {
            self.parts.store.lock();
            return Err(error);
        }
        let mut inner = self.inner();
        if inner.epoch != epoch {
            self.parts.store.lock();
            self.parts.book.forget_passwords();
            return Err(Error::new(Code::AppLocked, "the app went away meanwhile"));
        }
        drop(self.parts.live.set_shut(false));
        inner.locked = false;
        inner.away = None;
        inner.timer = None;
        Ok(())
    }

    /// One try of the secret, counted before it is made.
    async fn check(&self, secret: &Secret) -> Result<()> {
        {
            let inner = self.inner();
            if inner.kind.is_none() {
                return Err(Error::new(Code::NotFound, "the app is not protected"));
            }
            if let Some(wait) = inner.wait() {
                return Err(Error::new(Code::AppPasswordWait, "too many wrong tries").with_retry_after(wait));
            }
        }
        let tries = self.parts.store.count_try().await?;
        {
            // Now rather than when it turns out wrong: a caller that goes away meanwhile has spent its try too.
            let mut inner = self.inner();
            inner.wrong_tries = tries;
            inner.block(tries);
        }
        let right = self.parts.store.unlock(secret).await?;
        let mut inner = self.inner();
        if right {
            inner.wrong_tries = 0;
            inner.blocked_until = None;
            return Ok(());
        }
        let error = Error::new(Code::AppPassword, "not the app's PIN or password");
        Err(match inner.wait() {
            Some(wait) => error.with_retry_after(wait),
            None => error.with_tries_left(FREE_TRIES.saturating_sub(tries)),
        })
    }

    /// Locks the app now, if it is protected. Must run inside the runtime.
    pub fn lock(&self) {
        let mut inner = self.inner();
        inner.epoch += 1;
        if inner.kind.is_none() || inner.locked {
            return;
        }
        inner.locked = true;
        inner.away = None;
        inner.timer = None;
        let parts = self.parts.clone();
        parts.search.stop_all();
        let streams = parts.live.set_shut(true);
        if let Some(hook) = self.on_lock.get() {
            hook();
        }
        parts.store.lock();
        inner.closing = Some(OwnedTask::spawn(async move {
            // Cameras stop over the logins they move by.
            futures::join!(parts.control.shutdown(), streams);
            parts.control.drivers().forget_all();
            parts.book.forget_passwords();
        }));
        tracing::info!("the app is locked");
    }

    /// Waits until what ran before the lock has ended; a few seconds at most.
    async fn closed(&self) {
        let closing = self.inner().closing.take();
        if let Some(closing) = closing {
            let _ = closing.join().await;
        }
    }

    /// The app goes to the background: it is locked now, or when it has been away for long enough.
    pub fn away(&self) {
        let ask_after = {
            let mut inner = self.inner();
            if inner.kind.is_none() || inner.locked {
                // A try may be under way.
                inner.epoch += 1;
                return;
            }
            inner.ask_after_s
        };
        if ask_after == 0 {
            return self.lock();
        }
        let (this, until) = (self.this.clone(), Instant::now() + Duration::from_secs(u64::from(ask_after)));
        let timer = OwnedTask::spawn(async move {
            tokio::time::sleep_until(until).await;
            if let Some(this) = this.upgrade() {
                this.lock();
            }
        });
        let mut inner = self.inner();
        inner.away = Some((Instant::now(), self.parts.clock.now()));
        inner.timer = Some(timer);
    }

    /// The app is in front again. `starting` says that its page has just been loaded: one that did not go away in an
    /// orderly manner is asked too.
    pub fn back(&self, starting: bool) {
        let asked = {
            let mut inner = self.inner();
            inner.timer = None;
            match inner.away.take() {
                Some((since, wall)) => {
                    let away = since.elapsed().max(self.parts.clock.now().since(wall));
                    away >= Duration::from_secs(u64::from(inner.ask_after_s))
                }
                None => starting,
            }
        };
        if asked {
            self.lock();
        }
    }
}

impl Inner {
    fn block(&mut self, tries: u32) {
        let pause = pause_after(tries);
        self.blocked_until = (!pause.is_zero()).then(|| Instant::now() + pause);
    }

    fn wait(&self) -> Option<Duration> {
        let left = self.blocked_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// What a secret must look like. The detail never tells anything of it.
fn check_form(kind: SecretKind, secret: &Secret) -> Result<()> {
    let text = secret.expose();
    let fits = match kind {
        SecretKind::Pin => PIN_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
        SecretKind::Password => {
            PASSWORD_CHARS.contains(&text.chars().count()) && !text.chars().any(char::is_control)
        }
    };
    let rule = match kind {
        SecretKind::Pin => "a PIN has 6 to 12 digits",
        SecretKind::Password => "a password has 8 to 128 characters",
    };
    fits.then_some(()).ok_or_else(|| Error::new(Code::InvalidInput, rule))
}

mod biometrics;
#[cfg(test)]
mod tests;
