use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What went wrong, in the closed vocabulary that crosses every layer above the protocol crates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorKind {
    /// The caller's value is wrong; trying again with the same value cannot help.
    InvalidInput,
    /// The thing named does not exist.
    NotFound,
    /// The device refused the user name or password.
    Unauthorized,
    /// The device knows the user but refuses this action.
    Forbidden,
    /// The device has locked the account or address for a while.
    Locked,
    /// No connection could be made, or it broke.
    Unreachable,
    /// A connection exists but nothing came within the stated time.
    Timeout,
    /// The device or this build cannot do what was asked.
    Unsupported,
    /// The peer broke its protocol.
    Protocol,
    /// The peer is out of some resource (sessions, bandwidth).
    Busy,
    /// The local database or disk failed.
    Storage,
    /// The caller took the request back.
    Cancelled,
    /// A fault of this program.
    Internal,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $kind:ident,)*) => {
        /// The reason a user can act on. The UI maps each code to a sentence and a cure; it never reads
        /// [`Error::detail`] to decide anything.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in declaration order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The kind this reason belongs to.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Code::$name => ErrorKind::$kind,)* }
            }
        }
    };
}

codes! {
    /// A field of the request is wrong; the detail names it.
    InvalidInput => InvalidInput,
    /// The address is not an RTSP URL or host name.
    InvalidAddress => InvalidInput,
    /// The port is outside 1–65535.
    InvalidPort => InvalidInput,
    /// The record asked for is gone.
    NotFound => NotFound,
    /// The device has no stream at this path or channel (RTSP 404).
    NoSuchStream => NotFound,
    /// The device has no recording of that time, nor a later one.
    NothingRecorded => NotFound,
    /// The host name does not resolve.
    HostUnknown => Unreachable,
    /// Nothing listens there, or the network has no route.
    Unreachable => Unreachable,
    /// The connection broke while in use.
    Disconnected => Unreachable,
    /// The device did not answer in time.
    Timeout => Timeout,
    /// Playing, but no picture came for several frame intervals.
    Stalled => Timeout,
    /// Something answers at this port, but it does not speak RTSP.
    NotRtsp => Protocol,
    /// The device speaks RTSP but broke its rules.
    Protocol => Protocol,
    /// The device wants a user name and password and none was given.
    PasswordNeeded => Unauthorized,
    /// The device refused this user name and password.
    WrongPassword => Unauthorized,
    /// The user may not watch this stream (RTSP 403).
    Forbidden => Forbidden,
    /// Too many wrong passwords: the device has locked the account.
    Locked => Locked,
    /// The device serves as many viewers as it can (RTSP 453).
    TooManySessions => Busy,
    /// The device is out of processor, memory or connections.
    DeviceBusy => Busy,
    /// The device is fresh from the factory and has no password yet.
    NotActivated => Forbidden,
    /// The device shows another certificate than the one accepted earlier.
    CertificateChanged => Forbidden,
    /// One more wrong password locks the account; a person has to agree to spend that try.
    LastTry => Locked,
    /// The device refuses the login because its clock and ours differ too much.
    ClockSkew => Unauthorized,
    /// The recorder answers, but the camera behind this channel does not.
    ChannelOffline => Unreachable,
    /// Something answers there, but in none of the languages that cameras speak.
    NotADevice => Unsupported,
    /// The device does not have this function.
    NotOffered => Unsupported,
    /// The device refuses a setting that was asked for: this value, or this together with others.
    SettingRefused => InvalidInput,
    /// The chosen password is too weak for the device.
    WeakPassword => InvalidInput,
    /// The device card's password is wrong.
    CardPassword => InvalidInput,
    /// The device card is torn, foreign or of a newer version.
    CardUnreadable => InvalidInput,
    /// The app is locked: its PIN or password is asked first.
    AppLocked => Locked,
    /// This is not the app's PIN or password.
    AppPassword => InvalidInput,
    /// Too many wrong PINs or passwords of the app: it takes no further one for a while.
    AppPasswordWait => Locked,
    /// The system did not open the app's secret by finger or face; the PIN or password does.
    BiometricsFailed => Unauthorized,
    /// The stream carries no video track.
    NoVideo => Unsupported,
    /// The video codec cannot be decoded here.
    UnsupportedCodec => Unsupported,
    /// The stream is interlaced, which this client does not decode.
    Interlaced => Unsupported,
    /// The decoder gave up on this stream.
    DecoderFailed => Unsupported,
    /// This shell does not offer the command.
    UnsupportedCommand => Unsupported,
    /// The local database failed.
    Storage => Storage,
    /// The local disk is full.
    DiskFull => Storage,
    /// The stored password cannot be read with the present key.
    KeyLost => Storage,
    /// Taken back by the caller.
    Cancelled => Cancelled,
    /// A fault of this program.
    Internal => Internal,
}

/// An error above the protocol crates: a [`Code`] to act on and a detail to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    tries_left: Option<u32>,
}

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// `detail` is for logs and the "Details" fold of the UI; it must never hold a secret.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), retry_after: None, tries_left: None }
    }

    /// Adds how many more wrong passwords the device takes before it locks.
    #[must_use]
    pub fn with_tries_left(mut self, tries: u32) -> Self {
        self.tries_left = Some(tries);
        self
    }

    /// Adds how long the peer asked us to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The reason to act on.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The reason's kind.
    pub fn kind(&self) -> ErrorKind {
        self.code.kind()
    }

    /// Technical wording, English, free of secrets.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// How many more wrong passwords the device takes, if it said so.
    pub fn tries_left(&self) -> Option<u32> {
        self.tries_left
    }

    /// The wait the peer asked for, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Error {}

/// Whether a failed session may be opened again without a person saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After a growing pause.
    Backoff,
    /// After a long pause: the peer is full or busy, and haste makes it worse.
    BackoffSlow,
    /// Never by itself. Devices lock accounts after a few wrong passwords, and a missing stream stays missing.
    Never,
}

/// The one place that decides on retries.
pub const fn retry(kind: ErrorKind) -> Retry {
    match kind {
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Protocol => Retry::Backoff,
        ErrorKind::Busy => Retry::BackoffSlow,
        ErrorKind::InvalidInput
        | ErrorKind::NotFound
        | ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::Locked
        | ErrorKind::Unsupported
        | ErrorKind::Storage
        | ErrorKind::Cancelled
        | ErrorKind::Internal => Retry::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_never_retried() {
        for code in Code::ALL {
            let never = matches!(
                code,
                Code::WrongPassword
                    | Code::PasswordNeeded
                    | Code::Locked
                    | Code::LastTry
                    | Code::ClockSkew
                    | Code::Forbidden
                    | Code::CertificateChanged
                    | Code::AppLocked
                    | Code::AppPassword
                    | Code::AppPasswordWait
            );
            if never {
                assert_eq!(retry(code.kind()), Retry::Never, "{code:?}");
            }
        }
        assert_eq!(retry(Code::Stalled.kind()), Retry::Backoff);
        assert_eq!(retry(Code::TooManySessions.kind()), Retry::BackoffSlow);
    }
}
