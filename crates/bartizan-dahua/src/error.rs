//! What can go wrong on the wire, and its place in the vocabulary above.

use std::time::Duration;

use bartizan_base::{Code, Error};
use bartizan_http::HttpError;

use crate::{envelope::SealError, text::NotValues};

/// An error with its wire context. Never holds a secret, nor the arguments of a call.
#[derive(Debug, thiserror::Error)]
pub enum DahuaError {
    /// HTTP itself failed, or the login was refused there.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The device refuses a call: by status, or by `Error` in a body with status 200.
    #[error("{peer} refuses {call} (HTTP {status}): {words:?}")]
    Refused {
        /// Host and port.
        peer: String,
        /// Script and action.
        call: String,
        /// HTTP status.
        status: u16,
        /// The device's words.
        words: String,
    },
    /// An answer that cannot be read.
    #[error("{peer} answers {call}: {why}")]
    Unreadable {
        /// Host and port.
        peer: String,
        /// Script and action, or RPC2 method.
        call: String,
        /// What is wrong with it.
        why: String,
    },
    /// RPC2 refuses a method.
    #[error("{peer} refuses {method} (code {code}): {message:?}")]
    Rpc {
        /// Host and port.
        peer: String,
        /// RPC2 method.
        method: String,
        /// The device's number.
        code: i64,
        /// The device's words.
        message: String,
    },
    /// RPC2 refuses the login.
    #[error("{peer} refuses the login (code {code}): {message:?}")]
    Login {
        /// Host and port.
        peer: String,
        /// The device's number.
        code: i64,
        /// The device's words.
        message: String,
        /// What that means.
        refusal: Refusal,
        /// How many more wrong passwords it takes.
        tries_left: Option<u32>,
        /// For how long it stays locked.
        locked_for: Option<Duration>,
    },
    /// The secret's envelope cannot be closed.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// Found out on this side of the wire.
    #[error("{1}")]
    Here(Code, String),
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// User or password.
    Wrong,
    /// Too many wrong passwords.
    Locked,
    /// This address or user is on the device's block list.
    Blocked,
    /// The user is in use elsewhere, or too many are logged in.
    Busy,
    /// Something else.
    Other,
}

impl DahuaError {
    /// What the device does not have.
    pub fn not_offered(what: &str) -> Self {
        Self::Here(Code::NotOffered, format!("the device does not offer {what}"))
    }

    /// An answer of the call that cannot be read.
    pub fn unreadable(peer: &str, call: &str, why: NotValues) -> Self {
        Self::Unreadable { peer: peer.to_owned(), call: call.to_owned(), why: why.to_string() }
    }

    /// The device answered, and its answer is that it does not have or do that.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { status, words, .. } => !matches!(status, 500 | 502..=599) && !is_busy(words),
            Self::Rpc { .. } => true,
            Self::Here(code, _) => *code == Code::NotOffered,
            _ => false,
        }
    }

    /// The code of the one vocabulary above.
    pub fn code(&self) -> Code {
        match self {
            Self::Http(_) | Self::Unreadable { .. } => Code::Protocol,
            Self::Refused { status: 403, .. } => Code::Forbidden,
            // "Authorization Failed!", "Invalid Authority!": known, but not allowed.
            Self::Refused { words, .. } if speaks_of_rights(words) => Code::Forbidden,
            Self::Refused { status: 500 | 502..=599, .. } => Code::DeviceBusy,
            Self::Refused { words, .. } if is_busy(words) => Code::DeviceBusy,
            Self::Refused { .. } => Code::NotOffered,
            Self::Rpc { message, .. } if speaks_of_rights(message) => Code::Forbidden,
            Self::Rpc { .. } => Code::NotOffered,
            Self::Login { refusal, .. } => match refusal {
                Refusal::Wrong => Code::WrongPassword,
                Refusal::Locked => Code::Locked,
                Refusal::Blocked => Code::Forbidden,
                Refusal::Busy => Code::DeviceBusy,
                Refusal::Other => Code::Protocol,
            },
            Self::Seal(SealError::Cipher) => Code::NotOffered,
            Self::Seal(SealError::Key) => Code::Protocol,
            Self::Seal(SealError::Seal) => Code::Internal,
            Self::Here(code, _) => *code,
        }
    }
}

/// Numbers of RPC2 answers.
pub mod rpc {
    /// Not a failure: here is what the password is to be mixed with.
    pub const CHALLENGE: i64 = 268_632_079;
    /// The session is over, as different firmware numbers it.
    pub const SESSION_OVER: [i64; 3] = [287_637_505, 287_637_504, 28_763_750];
}

/// Some devices say so with status 200.
fn is_busy(words: &str) -> bool {
    words.to_ascii_lowercase().contains("busy")
}

fn speaks_of_rights(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["authori", "permission"].iter().any(|part| words.contains(part))
}

/// The meaning of a refused login, by number and, where numbers are missing, by word.
pub fn refusal(code: i64, message: &str) -> Refusal {
    match (code, message) {
        (268_632_070 | 268_632_071 | 268_632_080 | 268_632_085, _) => Refusal::Wrong,
        (_, "UserNotValidt" | "UserNotValid" | "PasswordNotValid") => Refusal::Wrong,
        (268_632_081, _) | (_, "HasBeenLocked") => Refusal::Locked,
        (268_632_073, _) | (_, "InBlackList") => Refusal::Blocked,
        (268_632_074 | 268_632_075, _) | (_, "HasBeedUsed" | "HasBeenUsed") => Refusal::Busy,
        _ => Refusal::Other,
    }
}

impl From<DahuaError> for Error {
    fn from(error: DahuaError) -> Self {
        if let DahuaError::Http(error) = error {
            return error.into();
        }
        let mut told = Error::new(error.code(), error.to_string());
        if let DahuaError::Login { tries_left, locked_for, .. } = error {
            if let Some(tries) = tries_left {
                told = told.with_tries_left(tries);
            }
            if let Some(wait) = locked_for {
                told = told.with_retry_after(wait);
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_refused_logins() {
        for (code, message, wanted) in [
            (268_632_085, "User or password not valid!", Code::WrongPassword),
            (268_632_071, "", Code::WrongPassword),
            (0, "PasswordNotValid", Code::WrongPassword),
            (268_632_081, "User locked!", Code::Locked),
            (268_632_073, "", Code::Forbidden),
            (268_632_074, "", Code::DeviceBusy),
            (268_959_743, "Unknown error! error code was not set in service!", Code::Protocol),
        ] {
            let error = Error::from(DahuaError::Login {
                peer: "cam:80".into(),
                code,
                message: message.into(),
                refusal: refusal(code, message),
                tries_left: Some(2),
                locked_for: Some(Duration::from_secs(300)),
            });
            assert_eq!((error.code(), error.tries_left()), (wanted, Some(2)), "{code} {message}");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
        }
    }

    #[test]
    fn known_but_not_allowed() {
        let refused = DahuaError::Refused {
            peer: "cam:80".into(),
            call: "/cgi-bin/configManager.cgi?action=getConfig".into(),
            status: 200,
            words: "Error Authorization Failed!".into(),
        };
        assert_eq!(Error::from(refused).code(), Code::Forbidden);
        let busy = DahuaError::Refused {
            peer: "cam:80".into(),
            call: "/cgi-bin/magicBox.cgi?action=getSystemInfo".into(),
            status: 200,
            words: "Error Device busy".into(),
        };
        assert!(!busy.is_refusal());
        assert_eq!(Error::from(busy).code(), Code::DeviceBusy);
        let rpc = |code, message: &str| {
            let message = message.to_owned();
            let error = DahuaError::Rpc { peer: "cam:80".into(), method: "x".into(), code, message };
            Error::from(error).code()
        };
        assert_eq!(rpc(285_278_249, "Authority:check failure."), Code::Forbidden);
        assert_eq!(rpc(268_894_210, "Method not found"), Code::NotOffered);
    }

    #[test]
    fn refused_calls() {
        for (status, wanted, refusal) in [
            (200, Code::NotOffered, true),
            (400, Code::NotOffered, true),
            (404, Code::NotOffered, true),
            (501, Code::NotOffered, true),
            (403, Code::Forbidden, true),
            (500, Code::DeviceBusy, false),
            (503, Code::DeviceBusy, false),
        ] {
            let error = DahuaError::Refused {
                peer: "cam:80".into(),
                call: "/cgi-bin/ptz.cgi?action=start".into(),
                status,
                words: "Error Bad Request!".into(),
            };
            assert_eq!(error.is_refusal(), refusal, "{status}");
            assert_eq!(Error::from(error).code(), wanted, "{status}");
        }
    }
}
