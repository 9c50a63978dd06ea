//! Keeps a wrong password from being tried sixteen times.
//!
//! Devices lock an account after a handful of refusals, and a wall opens sixteen streams of one recorder at once. So
//! the first login with a set of credentials goes alone; the others wait for its outcome. After a refusal nobody
//! tries those credentials again until a person asks or changes them.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use bartizan_base::{Code, Error, Result};
use bartizan_device::StreamSource;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Host, port, user and a fingerprint of the password.
type Key = (String, u16, String, u64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Unknown,
    Accepted,
    Refused(Code),
}

/// The gate in front of all logins.
#[derive(Debug, Default)]
pub struct LoginGate {
    doors: Mutex<HashMap<Key, Arc<AsyncMutex<Verdict>>>>,
}

/// The right to try a login once; give the outcome to [`Pass::report`].
#[derive(Debug)]
pub struct Pass {
    door: Option<Arc<AsyncMutex<Verdict>>>,
    /// Held while this login is the only one under way.
    alone: Option<OwnedMutexGuard<Verdict>>,
}

impl LoginGate {
    fn door(&self, source: &StreamSource) -> Option<Arc<AsyncMutex<Verdict>>> {
        let credentials = source.credentials.as_ref()?;
        let mut hasher = DefaultHasher::new();
        credentials.password.expose().hash(&mut hasher);
        let key =
            (source.address.host.clone(), source.address.port, credentials.user.clone(), hasher.finish());
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        Some(doors.entry(key).or_default().clone())
    }

    /// Waits for the right to log in; an error when these credentials are known to be refused.
    pub async fn enter(&self, source: &StreamSource) -> Result<Pass> {
        let Some(door) = self.door(source) else { return Ok(Pass { door: None, alone: None }) };
        let verdict = door.clone().lock_owned().await;
        match *verdict {
            Verdict::Refused(code) => Err(Error::new(
                code,
                "these credentials were refused before and are not tried again by themselves",
            )),
            Verdict::Accepted => Ok(Pass { door: Some(door), alone: None }),
            Verdict::Unknown => Ok(Pass { door: Some(door), alone: Some(verdict) }),
        }
    }

    /// A person asked to try again: forgets a refusal.
    pub async fn forgive(&self, source: &StreamSource) {
        if let Some(door) = self.door(source) {
            *door.lock().await = Verdict::Unknown;
        }
    }
}

impl Pass {
    /// Tells how the login went. Without it (a cancelled login) nothing is learnt.
    pub async fn report(self, failure: Option<&Error>) {
        let Some(door) = self.door else { return };
        let verdict = match failure {
            None => Verdict::Accepted,
            Some(error) => match error.code() {
                code @ (Code::WrongPassword | Code::Locked) => Verdict::Refused(code),
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

    #[tokio::test]
    async fn a_cancelled_login_leaves_the_gate_open() {
        let gate = Arc::new(LoginGate::default());
        drop(gate.enter(&source("x")).await.unwrap());
        assert_eq!(sixteen(&gate, "x", true).await, 16);
    }
}
