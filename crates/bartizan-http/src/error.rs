use std::{error::Error as _, fmt, io};

use bartizan_base::{Code, Error};
use bartizan_device::CertificatePin;
use bytes::Bytes;

/// Where on the wire something went wrong. Holds no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Wire(Box<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    peer: String,
    method: &'static str,
    path: String,
}

impl Wire {
    /// `path` is shown as given: pass it through [`crate::shown_path`].
    pub(crate) fn new(peer: &str, method: &'static str, path: String) -> Self {
        Self(Box::new(Parts { peer: peer.to_owned(), method, path }))
    }

    /// `host:port`.
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// The request's method, or `CONNECT` where none was sent yet.
    pub fn method(&self) -> &'static str {
        self.0.method
    }

    /// Path and query, without the values of user and password parameters.
    pub fn path(&self) -> &str {
        &self.0.path
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.0.method, self.0.path, self.0.peer)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why an exchange failed before it had a usable answer. A status such as 404 is an answer, not an error; only 401 to
/// a login is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The host name does not resolve.
    #[error("{at}: the host name does not resolve")]
    HostUnknown {
        /// Where.
        at: Wire,
    },
    /// No connection.
    #[error("{at}: {reason}")]
    Unreachable {
        /// Where.
        at: Wire,
        /// The system's words.
        reason: String,
    },
    /// Nothing, or not all of it, in time.
    #[error("{at}: no answer in time")]
    Timeout {
        /// Where.
        at: Wire,
    },
    /// The connection broke.
    #[error("{at}: the connection broke: {reason}")]
    Disconnected {
        /// Where.
        at: Wire,
        /// The library's words.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("{at}: TLS: {reason}")]
    Tls {
        /// Where.
        at: Wire,
        /// The library's words.
        reason: String,
    },
    /// Another certificate than the one accepted earlier.
    #[error("{at}: the certificate is {found}, not {expected}")]
    CertificateChanged {
        /// Where.
        at: Wire,
        /// The one accepted earlier.
        expected: CertificatePin,
        /// The one shown now.
        found: CertificatePin,
    },
    /// The device refused the user name or password. Nothing more is sent with them.
    #[error("{at}: the user name or password is refused")]
    Refused {
        /// Where.
        at: Wire,
        /// The 401's body; some devices count the remaining tries there.
        body: Bytes,
    },
    /// The device asks for a login and there are no credentials.
    #[error("{at}: a login is needed")]
    PasswordNeeded {
        /// Where.
        at: Wire,
        /// The 401's body.
        body: Bytes,
    },
    /// The device asks for a login that would show the password to everyone on the way, or in a scheme unknown here.
    #[error("{at}: no safe way to log in: {reason}")]
    LoginUnsafe {
        /// Where.
        at: Wire,
        /// Which scheme and why not.
        reason: String,
    },
    /// The body is longer than the request allows.
    #[error("{at}: longer than {limit} bytes")]
    TooLarge {
        /// Where.
        at: Wire,
        /// The limit, bytes.
        limit: usize,
    },
    /// An upload is answered with a status that ends it.
    #[error("{at}: answered with {status}")]
    Answered {
        /// Where.
        at: Wire,
        /// Status code.
        status: u16,
    },
    /// The answer is not HTTP, or breaks its rules.
    #[error("{at}: {reason}")]
    Protocol {
        /// Where.
        at: Wire,
        /// What is wrong.
        reason: String,
    },
}

impl HttpError {
    /// Where it happened.
    pub fn at(&self) -> &Wire {
        match self {
            Self::HostUnknown { at }
            | Self::Unreachable { at, .. }
            | Self::Timeout { at }
            | Self::Disconnected { at, .. }
            | Self::Tls { at, .. }
            | Self::CertificateChanged { at, .. }
            | Self::Refused { at, .. }
            | Self::PasswordNeeded { at, .. }
            | Self::LoginUnsafe { at, .. }
            | Self::TooLarge { at, .. }
            | Self::Answered { at, .. }
            | Self::Protocol { at, .. } => at,
        }
    }

    /// The code of the one vocabulary above.
    pub fn code(&self) -> Code {
        match self {
            Self::HostUnknown { .. } => Code::HostUnknown,
            Self::Unreachable { .. } => Code::Unreachable,
            Self::Timeout { .. } => Code::Timeout,
            Self::Disconnected { .. } => Code::Disconnected,
            Self::CertificateChanged { .. } => Code::CertificateChanged,
            Self::Refused { .. } => Code::WrongPassword,
            Self::PasswordNeeded { .. } => Code::PasswordNeeded,
            // Never retried by itself, which Protocol would be.
            Self::LoginUnsafe { .. } => Code::NotOffered,
            // The login was good a moment ago: this alone is not allowed.
            Self::Answered { status: 401, .. } => Code::Forbidden,
            Self::Answered { status: 404 | 405 | 501, .. } => Code::NotOffered,
            // What takes one caller at a time refuses the second in these words.
            Self::Answered { status: 403 | 409 | 503, .. } => Code::DeviceBusy,
            Self::Answered { .. } | Self::Tls { .. } | Self::TooLarge { .. } | Self::Protocol { .. } => {
                Code::Protocol
            }
        }
    }

    /// What reqwest reports, sorted. The URL is left out of the words: it may hold a query with secrets.
    pub(crate) fn of_reqwest(error: reqwest::Error, at: Wire) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            return Self::Timeout { at };
        }
        let (mut words, mut io_kind, mut tls) = (error.to_string(), None, false);
        let mut source = error.source();
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                io_kind = Some(io.kind());
                // rustls hides its error inside an io::Error, which `source` steps over.
                tls |= io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            }
            tls |= cause.is::<rustls::Error>();
            source = cause.source();
        }
        if tls {
            return Self::Tls { at, reason: words };
        }
        if error.is_connect() {
            return if words.contains("dns error") {
                Self::HostUnknown { at }
            } else if io_kind == Some(io::ErrorKind::TimedOut) {
                Self::Timeout { at }
            } else {
                Self::Unreachable { at, reason: words }
            };
        }
        let broken = io_kind.is_some()
            || ["connection closed", "IncompleteMessage", "end of file", "reset", "broken pipe", "canceled"]
                .iter()
                .any(|word| words.contains(word));
        if broken { Self::Disconnected { at, reason: words } } else { Self::Protocol { at, reason: words } }
    }

    pub(crate) fn of_io(error: &io::Error, at: Wire) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Timeout { at },
            _ => Self::Unreachable { at, reason: error.to_string() },
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Error::new(error.code(), error.to_string())
    }
}
