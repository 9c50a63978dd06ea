//! The login and what the device says about remaining tries (ISAPI guide, `/ISAPI/Security/userCheck`).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bartizan_base::{Code, Error};
use bartizan_http::xml::Element;
use tokio::time::Instant;

/// The resource that says whether a login is right and how many tries are left.
pub(crate) const USER_CHECK: &str = "/ISAPI/Security/userCheck";
/// How long devices lock by default; used when they lock without saying for how long.
const DEFAULT_LOCK: Duration = Duration::from_secs(30 * 60);
/// Accounts remembered; the oldest warnings give way.
const MAX_WARNINGS: usize = 256;

/// What `userCheck` says, whether the login was right or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserCheck {
    /// `statusValue` 200.
    pub ok: bool,
    /// `isActivated`.
    pub activated: Option<bool>,
    /// `isDefaultPassword` or `isRiskPassword`.
    pub weak_password: bool,
    /// `lockStatus` is `lock`.
    pub locked: bool,
    /// `unlockTime`: until the lock ends.
    pub unlock_after: Option<Duration>,
    /// `retryLoginTime`: wrong passwords still taken.
    pub tries_left: Option<u32>,
}

impl UserCheck {
    /// Reads the body of an answer, of a 401 too. `None` when it is something else.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let root = Element::parse(body).ok()?;
        let root = root.descendant("userCheck").or_else(|| root.descendant("ResponseStatus"))?;
        let is = |path: &str| root.text(path).map(|text| text.eq_ignore_ascii_case("true"));
        let locked = root.text("lockStatus").map(|text| text.eq_ignore_ascii_case("lock"));
        let check = Self {
            ok: root.parse_text::<u32>("statusValue").or(root.parse_text("statusCode")) == Some(200),
            activated: is("isActivated"),
            weak_password: is("isDefaultPassword") == Some(true) || is("isRiskPassword") == Some(true),
            locked: locked == Some(true),
            unlock_after: root
                .parse_text("unlockTime")
                .map(Duration::from_secs)
                .filter(|time| !time.is_zero()),
            tries_left: root.parse_text("retryLoginTime"),
        };
        let says_something = root.name == "userCheck" || locked.is_some() || check.tries_left.is_some();
        says_something.then_some(check)
    }

    /// The error of a refused login.
    pub(crate) fn refusal(&self, detail: String) -> Error {
        if self.locked || self.tries_left == Some(0) {
            return Error::new(Code::Locked, detail)
                .with_retry_after(self.unlock_after.unwrap_or(DEFAULT_LOCK));
        }
        let error = Error::new(Code::WrongPassword, detail);
        match self.tries_left {
            Some(tries) => error.with_tries_left(tries),
            None => error,
        }
    }
}

/// What devices warned of, by peer and user: no password is sent to a locked account, nor for a last try, unless a
/// person says so.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<HashMap<(String, String), Warning>>);

#[derive(Clone, Copy, Debug)]
enum Warning {
    LastTry { at: Instant },
    Locked { until: Instant },
}

impl Warnings {
    /// Learns from an answer.
    pub(crate) fn learn(&self, peer: &str, user: &str, check: &UserCheck) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (peer.to_owned(), user.to_owned());
        let now = Instant::now();
        if check.locked || check.tries_left == Some(0) {
            let until = now + check.unlock_after.unwrap_or(DEFAULT_LOCK);
            warnings.insert(key, Warning::Locked { until });
        } else if check.tries_left == Some(1) {
            warnings.insert(key, Warning::LastTry { at: now });
        } else if check.tries_left.is_some() || check.ok {
            warnings.remove(&key);
        }
        while warnings.len() > MAX_WARNINGS {
            let age = |warning: &Warning| match warning {
                Warning::LastTry { at } => *at,
                Warning::Locked { until } => *until,
            };
            let Some(oldest) = warnings.iter().min_by_key(|(_, w)| age(w)).map(|(key, _)| key.clone()) else {
                return;
            };
            warnings.remove(&oldest);
        }
    }

    /// Forgets: the login was right.
    pub(crate) fn forget(&self, peer: &str, user: &str) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.remove(&(peer.to_owned(), user.to_owned()));
    }

    /// Whether a login may be tried.
    pub(crate) fn check(&self, peer: &str, user: &str, spend_last_try: bool) -> Result<(), Error> {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (peer.to_owned(), user.to_owned());
        match warnings.get(&key).copied() {
            Some(Warning::Locked { until }) => {
                let now = Instant::now();
                if until > now {
                    let detail = format!("{peer} has locked this user; a try now would lock it for longer");
                    return Err(Error::new(Code::Locked, detail).with_retry_after(until - now));
                }
                warnings.remove(&key);
                Ok(())
            }
            Some(Warning::LastTry { .. }) if !spend_last_try => {
                let detail = format!("{peer} takes one more wrong password, then it locks this user");
                Err(Error::new(Code::LastTry, detail).with_tries_left(1))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(tries: &str, lock: &str, unlock: &str) -> Vec<u8> {
        format!(
            "<userCheck><statusValue>401</statusValue><statusString>Unauthorized</statusString>\
             <retryLoginTime>{tries}</retryLoginTime><lockStatus>{lock}</lockStatus><unlockTime>{unlock}</unlockTime>\
             </userCheck>"
        )
        .into_bytes()
    }

    #[test]
    fn remaining_tries_and_locks_are_read() {
        let check = UserCheck::parse(&body("4", "unlock", "0")).unwrap();
        assert_eq!(
            (check.ok, check.locked, check.tries_left, check.unlock_after),
            (false, false, Some(4), None)
        );
        let error = check.refusal(String::new());
        assert_eq!((error.code(), error.tries_left()), (Code::WrongPassword, Some(4)));
        let error = UserCheck::parse(&body("0", "lock", "1740")).unwrap().refusal(String::new());
        assert_eq!((error.code(), error.retry_after()), (Code::Locked, Some(Duration::from_secs(1740))));
        let ok = UserCheck::parse(
            b"<userCheck><statusValue>200</statusValue><isActivated>true</isActivated><isRiskPassword>true\
              </isRiskPassword></userCheck>",
        )
        .unwrap();
        assert_eq!((ok.ok, ok.activated, ok.weak_password, ok.locked), (true, Some(true), true, false));
        for other in
            [&b"<html>401</html>"[..], b"", b"<ResponseStatus><statusCode>4</statusCode></ResponseStatus>"]
        {
            assert_eq!(UserCheck::parse(other), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_try_is_kept_and_a_lock_runs_out() {
        let warnings = Warnings::default();
        let code = |spend| warnings.check("cam:80", "admin", spend).map_err(|error| error.code());
        warnings.learn("cam:80", "admin", &UserCheck::parse(&body("1", "unlock", "0")).unwrap());
        assert_eq!((code(false), code(true)), (Err(Code::LastTry), Ok(())));
        assert!(
            warnings.check("cam:80", "guest", false).is_ok()
                && warnings.check("cam:81", "admin", false).is_ok()
        );
        warnings.learn("cam:80", "admin", &UserCheck::parse(&body("0", "lock", "60")).unwrap());
        assert_eq!((code(false), code(true)), (Err(Code::Locked), Err(Code::Locked)));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(code(false), Ok(()));
        warnings.learn("cam:80", "admin", &UserCheck::parse(&body("1", "unlock", "0")).unwrap());
        warnings.learn("cam:80", "admin", &UserCheck::parse(&body("7", "unlock", "0")).unwrap());
        assert_eq!(code(false), Ok(()), "the device counts anew");
    }
}
