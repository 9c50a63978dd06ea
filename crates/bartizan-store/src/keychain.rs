//! The operating system's keychain, behind a time-out: some ask the user, and some never answer.
use std::{sync::mpsc, thread, time::Duration};

use zeroize::Zeroizing;

/// Longest wait for the keychain.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the keychain said.
#[cfg_attr(not(any(target_os = "macos", target_os = "ios", windows)), allow(dead_code))]
pub(crate) enum Answer {
    /// The stored key's text.
    Found(Zeroizing<String>),
    /// It works and holds no key of ours.
    Empty,
    /// There is none, it refused, or it did not answer in time.
    Unavailable(String),
}

/// A place for one key outside our files.
pub(crate) trait Keychain {
    /// Reads the key.
    fn read(&self) -> Answer;
    /// Stores the key. `Found` with the text read back when that worked.
    fn write(&self, text: Zeroizing<String>) -> Answer;
    /// Removes the key. `Empty` when there is none any more.
    fn delete(&self) -> Answer;
}

/// The operating system's.
pub(crate) struct SystemKeychain;

impl Keychain for SystemKeychain {
    fn read(&self) -> Answer {
        ask(PATIENCE, os::read)
    }

    fn write(&self, text: Zeroizing<String>) -> Answer {
        ask(PATIENCE, move || os::write(&text))
    }

    fn delete(&self) -> Answer {
        ask(PATIENCE, os::delete)
    }
}

/// Asks on a thread of its own, which is left behind when it never returns.
fn ask(patience: Duration, question: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let (answer_out, answer_in) = mpsc::channel();
    let asked = thread::Builder::new().name("keychain".into()).spawn(move || {
        // Nobody listens any more when it took too long; the answer is then wiped on drop.
        let _ = answer_out.send(question());
    });
    match asked {
        Ok(_) => answer_in
            .recv_timeout(patience)
            .unwrap_or_else(|_| Answer::Unavailable("the keychain does not answer".into())),
        Err(error) => Answer::Unavailable(error.to_string()),
    }
}

#[cfg(any(target_os = "macos", target_os = "ios", windows))]
mod os {
    use keyring::{Entry, Error};
    use zeroize::Zeroizing;

    use super::Answer;

    const SERVICE: &str = "bartizan";
    const ACCOUNT: &str = "password key";

    pub(super) fn read() -> Answer {
        match Entry::new(SERVICE, ACCOUNT).and_then(|entry| entry.get_password()) {
            Ok(text) => Answer::Found(Zeroizing::new(text)),
            Err(Error::NoEntry) => Answer::Empty,
            Err(Error::BadEncoding(_)) => Answer::Unavailable("the keychain entry is no text".into()),
            Err(error) => Answer::Unavailable(error.to_string()),
        }
    }

    pub(super) fn write(text: &str) -> Answer {
        match Entry::new(SERVICE, ACCOUNT).and_then(|entry| entry.set_password(text)) {
            Ok(()) => read(),
            Err(error) => Answer::Unavailable(error.to_string()),
        }
    }

    pub(super) fn delete() -> Answer {
        match Entry::new(SERVICE, ACCOUNT).and_then(|entry| entry.delete_credential()) {
            Ok(()) | Err(Error::NoEntry) => Answer::Empty,
            Err(error) => Answer::Unavailable(error.to_string()),
        }
    }
}

#[cfg(not(any(target_os = "macos", target_os = "ios", windows)))]
mod os {
    use super::Answer;

    pub(super) fn read() -> Answer {
        Answer::Unavailable("this build uses no keychain on this system".into())
    }

    pub(super) fn write(_text: &str) -> Answer {
        read()
    }

    pub(super) fn delete() -> Answer {
        read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keychain_that_hangs_or_dies_is_unavailable() {
        let (_keep, never) = mpsc::channel::<()>();
        let hangs = move || {
            let _ = never.recv();
            Answer::Empty
        };
        assert!(matches!(ask(Duration::from_millis(5), hangs), Answer::Unavailable(_)));
        assert!(matches!(ask(PATIENCE, || panic!("as a broken keychain would")), Answer::Unavailable(_)));
        assert!(matches!(ask(PATIENCE, || Answer::Empty), Answer::Empty));
    }
}
