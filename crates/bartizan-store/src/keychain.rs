//! The operating system's keychain, behind a time-out: some ask the user, and some never answer.
use std::{sync::mpsc, thread, time::Duration};

use zeroize::Zeroizing;

/// Longest wait for the keychain.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the keychain said.
pub(crate) enum Answer {
    /// The stored key's text.
    Found(Zeroizing<String>),
    /// It works and holds no key of ours.
    Empty,
    /// There is none, it refused, or it did not answer in time.
    Unavailable(String),
}

/// Reads the key.
pub(crate) fn read() -> Answer {
    with_patience(os::read)
}

/// Stores the key. `Found` with the text read back when that worked.
pub(crate) fn write(text: Zeroizing<String>) -> Answer {
    with_patience(move || os::write(&text))
}

fn with_patience(ask: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let (answer_out, answer_in) = mpsc::channel();
    let asked = thread::Builder::new().name("keychain".into()).spawn(move || {
        // Nobody listens any more when it took too long; the answer is then wiped on drop.
        let _ = answer_out.send(ask());
    });
    match asked {
        Ok(_) => answer_in
            .recv_timeout(PATIENCE)
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
}
