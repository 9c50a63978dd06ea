//! Keeps a wrong password from being tried twice.
//!
//! Devices lock an account after a handful of refusals, and a wall opens sixteen streams of one recorder at once. So
//! the first login with a set of credentials goes alone; the others wait for its outcome. After a refusal nobody
//! tries those credentials again until a person asks or changes them. Refusals are counted per host, whatever the
//! protocol: before the one that would lock the account, a person has to agree.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_base::{Code, Error, Result};
use bartizan_device::{Credentials, StreamSource};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::Instant,
};

/// Refusals after which a device that keeps its own counter secret may lock with the next: makers ship 5 as the limit.
const SAFE_REFUSALS: u32 = 4;
/// How long refusals count; the longest lock that makers ship.
const REFUSALS_COUNT: Duration = Duration::from_secs(30 * 60);

/// Host, port, user and a fingerprint of the password.
type Key = (String, u16, String, u64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Unknown,
    Accepted,
    Refused(Code),
}

/// Where credentials are to be used.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Host name or address.
    pub host: &'a str,
    /// TCP port of the service asked.
    pub port: u16,
    /// The login; without one there is nothing to guard.
    pub credentials: Option<&'a Credentials>,
    /// A person agreed to spend the last try.
    pub spend_last_try: bool,
}

impl<'a> From<&'a StreamSource> for Account<'a> {
    fn from(source: &'a StreamSource) -> Self {
        let StreamSource { address, credentials, .. } = source;
        Self {
            host: &address.host,
            port: address.port,
            credentials: credentials.as_ref(),
            spend_last_try: false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Refusals {
    count: u32,
    last: Instant,
    /// As the device told with the last refusal.
    left: Option<u32>,
}

/// The gate in front of all logins.
#[derive(Debug, Default)]
pub struct LoginGate {
    doors: Mutex<HashMap<Key, Arc<AsyncMutex<Verdict>>>>,
    /// By host.
    refusals: Arc<Mutex<HashMap<String, Refusals>>>,
}

/// The right to try a login once; give the outcome to [`Pass::report`].
#[derive(Debug)]
pub struct Pass {
    door: Option<Arc<AsyncMutex<Verdict>>>,
    /// Held while this login is the only one under way.
    alone: Option<OwnedMutexGuard<Verdict>>,
    host: String,
    refusals: Arc<Mutex<HashMap<String, Refusals>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LoginGate {
    fn door(&self, account: Account<'_>) -> Option<Arc<AsyncMutex<Verdict>>> {
        let credentials = account.credentials?;
        let mut hasher = DefaultHasher::new();
        credentials.password.expose().hash(&mut hasher);
        let key = (account.host.to_owned(), account.port, credentials.user.clone(), hasher.finish());
        Some(lock(&self.doors).entry(key).or_default().clone())
    }

    /// Waits for the right to log in; an error when these credentials are known to be refused, or when one more
    /// refusal would lock the account and nobody agreed to that.
    pub async fn enter(&self, account: impl Into<Account<'_>>) -> Result<Pass> {
        let account = account.into();
        let pass = |door, alone| Pass {
            door,
            alone,
            host: account.host.to_owned(),
            refusals: self.refusals.clone(),
        };
        let Some(door) = self.door(account) else { return Ok(pass(None, None)) };
        let verdict = door.clone().lock_owned().await;
        match *verdict {
            Verdict::Refused(code) => Err(Error::new(
                code,
                "these credentials were refused before and are not tried again by themselves",
            )),
            Verdict::Accepted => Ok(pass(Some(door), None)),
            Verdict::Unknown => {
                if !account.spend_last_try {
                    self.spare_last_try(account.host)?;
                }
                Ok(pass(Some(door), Some(verdict)))
            }
        }
    }

    fn spare_last_try(&self, host: &str) -> Result<()> {
        let mut refusals = lock(&self.refusals);
        let now = Instant::now();
        refusals.retain(|_, past| now.saturating_duration_since(past.last) < REFUSALS_COUNT);
        let Some(past) = refusals.get(host) else { return Ok(()) };
        match past.left {
            Some(left) if left <= 1 => Err(Error::new(
                Code::LastTry,
                "the device said that one more wrong password locks the account",
            )
            .with_tries_left(1)),
            None if past.count >= SAFE_REFUSALS => Err(Error::new(
                Code::LastTry,
                format!("{} passwords were refused lately; most devices lock after the fifth", past.count),
            )
            .with_tries_left(1)),
            _ => Ok(()),
        }
    }

    /// A person asked to try again: forgets a refusal.
    pub async fn forgive(&self, account: impl Into<Account<'_>>) {
        if let Some(door) = self.door(account.into()) {
            *door.lock().await = Verdict::Unknown;
        }
    }

    /// Another service of the same device refused these credentials.
    pub async fn refuse(&self, account: Account<'_>, code: Code) {
        if let Some(door) = self.door(account) {
            *door.lock().await = Verdict::Refused(code);
        }
    }
}

impl Pass {
    /// These credentials were taken before, or there are none: nothing is spent by trying again.
    pub fn is_proven(&self) -> bool {
        self.alone.is_none()
    }

    /// Tells how the login went. Without it (a cancelled login) nothing is learnt.
    pub async fn report(self, failure: Option<&Error>) {
        let Some(door) = self.door else { return };
        let verdict = match failure {
            None => {
                lock(&self.refusals).remove(&self.host);
                Verdict::Accepted
            }
            Some(error) => match error.code() {
                code @ (Code::WrongPassword | Code::Locked) => {
                    let mut refusals = lock(&self.refusals);
                    let count = refusals.get(&self.host).map_or(0, |past| past.count).saturating_add(1);
                    let past = Refusals { count, last: Instant::now(), left: error.tries_left() };
                    refusals.insert(self.host, past);
                    Verdict::Refused(code)
                }
                // The device went away: its password may be another when it is back, so the next login goes alone.
                _ => Verdict::Unknown,
            },
        };
        match self.alone {
            Some(mut guard) => *guard = verdict,
            None => *door.lock().await = verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bartizan_base::Secret;
    use bartizan_device::{Credentials, RtspAddress, Transport};

    use super::*;

    fn source(password: &str) -> StreamSource {
        StreamSource {
            address: RtspAddress::new("cam", 554, "/1").unwrap(),
            credentials: Some(Credentials { user: "admin".into(), password: Secret::new(password) }),
            transport: Transport::Auto,
        }
    }

    async fn sixteen(gate: &Arc<LoginGate>, password: &'static str, accept: bool) -> usize {
        let tries = Arc::new(AtomicUsize::new(0));
        let all = (0..16).map(|_| {
            let (gate, tries) = (gate.clone(), tries.clone());
            bartizan_base::OwnedTask::spawn(async move {
                let Ok(pass) = gate.enter(&source(password)).await else { return };
                tries.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                let refusal = Error::new(Code::WrongPassword, "401");
                pass.report((!accept).then_some(&refusal)).await;
            })
            .join()
        });
        futures::future::join_all(all).await;
        tries.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn sixteen_tiles_spend_one_try() {
        let gate = Arc::new(LoginGate::default());
        assert_eq!(sixteen(&gate, "wrong", false).await, 1);
        assert_eq!(sixteen(&gate, "wrong", false).await, 0);
        assert_eq!(sixteen(&gate, "right", true).await, 16, "another password has its own try");
        gate.forgive(&source("wrong")).await;
        assert_eq!(sixteen(&gate, "wrong", false).await, 1, "a person asked");
    }

    async fn refused(gate: &LoginGate, password: &str, left: Option<u32>) {
        let pass = gate.enter(&source(password)).await.expect(password);
        let error = Error::new(Code::WrongPassword, "401");
        pass.report(Some(&left.into_iter().fold(error, Error::with_tries_left))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_try_needs_a_person() {
        let gate = LoginGate::default();
        for password in ["a", "b", "c", "d"] {
            refused(&gate, password, None).await;
        }
        assert_eq!(gate.enter(&source("e")).await.unwrap_err().code(), Code::LastTry);
        let asked = source("e");
        let agreed = Account { spend_last_try: true, ..Account::from(&asked) };
        gate.enter(agreed).await.expect("a person agreed").report(None).await;
        gate.enter(&source("f")).await.expect("a login that worked clears the count");

        let gate = LoginGate::default();
        refused(&gate, "a", Some(1)).await;
        let error = gate.enter(&source("b")).await.unwrap_err();
        assert_eq!((error.code(), error.tries_left()), (Code::LastTry, Some(1)));
        tokio::time::advance(REFUSALS_COUNT).await;
        gate.enter(&source("b")).await.expect("the count is forgotten in time");
    }

    #[tokio::test]
    async fn a_refusal_by_one_service_shuts_the_other() {
        let gate = LoginGate::default();
        let rtsp = source("wrong");
        gate.refuse(Account::from(&rtsp), Code::WrongPassword).await;
        assert_eq!(gate.enter(&rtsp).await.unwrap_err().code(), Code::WrongPassword);
    }

    #[tokio::test]
    async fn a_cancelled_login_leaves_the_gate_open() {
        let gate = Arc::new(LoginGate::default());
        drop(gate.enter(&source("x")).await.unwrap());
        assert_eq!(sixteen(&gate, "x", true).await, 16);
    }
}
