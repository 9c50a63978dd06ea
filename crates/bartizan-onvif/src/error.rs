use bartizan_base::{Code, Error};
use bartizan_http::{HttpError, xml::XmlError};

/// A SOAP fault (SOAP 1.2 part 1 §5.4; ONVIF Core, chapter "Faults").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// `Sender`, `Receiver` …, without prefix.
    pub code: String,
    /// Subcodes from the outer one inwards, without prefixes, e.g. `["InvalidArgVal", "NoProfile"]`.
    pub subcodes: Vec<String>,
    /// The device's words.
    pub reason: String,
}

impl Fault {
    /// Whether a subcode is among them, in any case.
    pub fn has(&self, subcode: &str) -> bool {
        self.subcodes.iter().any(|one| one.eq_ignore_ascii_case(subcode))
    }

    fn says(&self, words: &[&str]) -> bool {
        let reason = self.reason.to_ascii_lowercase();
        words.iter().any(|word| reason.contains(word))
    }

    /// The login was not taken, in any of the forms seen: `ter:NotAuthorized`, `wsse:FailedAuthentication`, and
    /// devices that say it in words only.
    pub fn is_refusal(&self) -> bool {
        const SUBCODES: [&str; 8] = [
            "NotAuthorized",
            "NotAuthorised",
            "SenderNotAuthorized",
            "FailedAuthentication",
            "InvalidSecurityToken",
            "InvalidSecurity",
            "FailedCheck",
            "SecurityTokenUnavailable",
        ];
        self.is_stale()
            || self.is_lock()
            || SUBCODES.iter().any(|subcode| self.has(subcode))
            || self.says(&["not authorized", "unauthorized", "authorization failed", "authentication failed"])
    }

    /// The device calls the time of the login wrong (WS-Security 1.1 `MessageExpired`).
    pub fn is_stale(&self) -> bool {
        self.has("MessageExpired")
            || self.has("TimeSyncError")
            || self.says(&["expired", "timestamp", "clock"])
    }

    /// The device says that it has locked the account.
    pub fn is_lock(&self) -> bool {
        self.says(&["locked", "too many"])
    }

    /// The operation does not exist there.
    pub fn is_missing(&self) -> bool {
        const SUBCODES: [&str; 6] = [
            "ActionNotSupported",
            "UnknownAction",
            "OptionalActionNotImplemented",
            "ServiceNotSupported",
            "InvalidOperation",
            "NoImagingForSource",
        ];
        SUBCODES.iter().any(|subcode| self.has(subcode))
            || self.says(&["not implemented", "not supported", "unknown action"])
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        for subcode in &self.subcodes {
            write!(f, "/{subcode}")?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, " ({})", self.reason) }
    }
}

/// Why an ONVIF call failed. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnvifError {
    /// The exchange failed below SOAP.
    #[error("{operation}: {error}")]
    Http {
        /// The operation.
        operation: &'static str,
        /// What happened.
        error: HttpError,
    },
    /// The device answered with a fault.
    #[error("{operation} at {peer}: status {status}, fault {fault}")]
    Fault {
        /// The operation.
        operation: &'static str,
        /// `host:port`.
        peer: String,
        /// HTTP status.
        status: u16,
        /// What it says.
        fault: Fault,
    },
    /// The device answered, but not with SOAP.
    #[error("{operation} at {peer}: status {status}, no SOAP answer: {reason}")]
    NotSoap {
        /// The operation.
        operation: &'static str,
        /// `host:port`.
        peer: String,
        /// HTTP status.
        status: u16,
        /// Why it cannot be read.
        reason: XmlError,
    },
    /// A SOAP answer to something else.
    #[error("{operation} at {peer}: status {status}, the answer is <{found}>")]
    Unexpected {
        /// The operation.
        operation: &'static str,
        /// `host:port`.
        peer: String,
        /// HTTP status.
        status: u16,
        /// The element found in the answer's body; empty for none.
        found: String,
    },
    /// The login was refused; nothing more is sent with it.
    #[error("{operation} at {peer}: the login is refused: {reason}")]
    Refused {
        /// The operation that was refused first.
        operation: &'static str,
        /// `host:port`.
        peer: String,
        /// The device's words.
        reason: String,
        /// What a person can act on.
        code: Code,
    },
    /// What the device lacks.
    #[error("the device does not offer {0}")]
    NotOffered(String),
    /// The caller's value is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The record named does not exist.
    #[error("{0}")]
    NotFound(String),
}

impl OnvifError {
    pub(crate) fn not_offered(what: impl Into<String>) -> Self {
        Self::NotOffered(what.into())
    }

    /// The fault, when it is one.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// Whether the device answered at all, however badly: the connection is sound, only this operation is not.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Fault { .. } | Self::NotSoap { .. } | Self::Unexpected { .. } | Self::NotOffered(_)
        )
    }

    /// The code of the one vocabulary above.
    pub fn code(&self) -> Code {
        match self {
            Self::Http { error, .. } => error.code(),
            Self::Fault { fault, status, .. } => fault_code(fault, *status),
            Self::NotSoap { status: 403, .. } => Code::Forbidden,
            Self::NotSoap { status: 404 | 405 | 501, .. } => Code::NotOffered,
            Self::NotSoap { status: 503, .. } => Code::DeviceBusy,
            Self::NotSoap { .. } | Self::Unexpected { .. } => Code::Protocol,
            Self::Refused { code, .. } => *code,
            Self::NotOffered(_) => Code::NotOffered,
            Self::Invalid(_) => Code::InvalidInput,
            Self::NotFound(_) => Code::NotFound,
        }
    }
}

/// Faults to codes, the one place. Refusals of a login are sorted by the session before they come here: what is left of
/// them is a user without the right.
fn fault_code(fault: &Fault, status: u16) -> Code {
    const TABLE: [(&str, Code); 22] = [
        ("OperationProhibited", Code::Forbidden),
        ("NoProfile", Code::NotFound),
        ("NoSource", Code::NotFound),
        ("NoConfig", Code::NotFound),
        ("NoEntity", Code::NotFound),
        ("NoToken", Code::NotFound),
        ("NoRelayToken", Code::NotFound),
        ("RelayToken", Code::NotFound),
        ("NoPTZProfile", Code::NotOffered),
        ("NoHomePosition", Code::NotOffered),
        ("PTZNotSupported", Code::NotOffered),
        ("AudioNotSupported", Code::NotOffered),
        ("AudioOutputNotSupported", Code::NotOffered),
        ("IncompleteConfiguration", Code::NotOffered),
        ("ConfigModify", Code::SettingRefused),
        ("ConfigurationConflict", Code::SettingRefused),
        ("CannotOverwriteHome", Code::Forbidden),
        ("TooManyPresets", Code::DeviceBusy),
        ("OutofMemory", Code::DeviceBusy),
        ("MaxNVTProfiles", Code::DeviceBusy),
        ("StreamConflict", Code::DeviceBusy),
        ("MovingPTZ", Code::DeviceBusy),
    ];
    if fault.is_lock() {
        return Code::Locked;
    }
    if let Some((_, code)) = TABLE.iter().find(|(subcode, _)| fault.has(subcode)) {
        return *code;
    }
    if fault.is_missing() {
        Code::NotOffered
    } else if fault.is_refusal() {
        Code::Forbidden
    } else if fault.has("InvalidArgVal") || fault.has("InvalidArgs") || fault.has("TagMismatch") {
        Code::InvalidInput
    } else if status == 503 {
        Code::DeviceBusy
    } else {
        Code::Protocol
    }
}

impl From<OnvifError> for Error {
    fn from(error: OnvifError) -> Self {
        Error::new(error.code(), error.to_string())
    }
}
