use std::fmt;

use bartizan_base::{Code, Error};
use bartizan_http::{
    HttpError,
    xml::{Element, XmlError},
};

/// What went wrong between us and the device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IsapiError {
    /// Below ISAPI.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The device said no in its own words.
    #[error("{what}: {status}")]
    Refused {
        /// Method, path and peer.
        what: String,
        /// What it said.
        status: ResponseStatus,
    },
    /// The answer cannot be read.
    #[error("{what}: {reason}")]
    Unreadable {
        /// Method, path and peer.
        what: String,
        /// Why.
        reason: XmlError,
    },
    /// The answer can be read, but is not what was asked for.
    #[error("{what}: {reason}")]
    Unexpected {
        /// Method, path and peer.
        what: String,
        /// What is missing or wrong.
        reason: String,
    },
}

/// `ResponseStatus` (ISAPI guide, "XML_ResponseStatus") beside the HTTP status it came with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseStatus {
    /// HTTP status.
    pub http: u16,
    /// `statusCode`: 0 and 1 OK, 2 busy, 3 device error, 4 invalid operation, 5 and 6 bad XML, 7 reboot required.
    pub code: Option<u32>,
    /// `subStatusCode`, e.g. `notSupport`.
    pub sub: String,
    /// `errorMsg` or `statusString`.
    pub words: String,
}

impl fmt::Display for ResponseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.http)?;
        for part in [&self.sub, &self.words] {
            if !part.is_empty() {
                write!(f, ", {part}")?;
            }
        }
        Ok(())
    }
}

/// Sub-codes by what a person can do about them, lower case.
const SUB_CODES: &[(&str, Code)] = &[
    ("notactivated", Code::NotActivated),
    ("lowprivilege", Code::Forbidden),
    ("nopermission", Code::Forbidden),
    ("notsupport", Code::NotOffered),
    ("methodnotallowed", Code::NotOffered),
    ("invalidoperation", Code::NotOffered),
    ("devicebusy", Code::DeviceBusy),
    ("nomemory", Code::DeviceBusy),
    ("maxsessionuserlink", Code::TooManySessions),
    ("riskpassword", Code::WeakPassword),
    ("passwordcomplexity", Code::WeakPassword),
    ("weakpassword", Code::WeakPassword),
    ("userlocked", Code::Locked),
    ("badusernameorpassword", Code::WrongPassword),
    ("channeloffline", Code::ChannelOffline),
    ("deviceoffline", Code::ChannelOffline),
];

impl ResponseStatus {
    /// Reads a body. `None` when it is no `ResponseStatus`.
    pub fn of(http: u16, root: &Element) -> Option<Self> {
        // Some firmwares wrap it or spell it otherwise; the code is what counts.
        if root.child("statusCode").is_none() || !root.name.to_ascii_lowercase().contains("status") {
            return None;
        }
        let text = |path| root.text(path).unwrap_or("").to_owned();
        let words =
            Some(text("errorMsg")).filter(|words| !words.is_empty()).unwrap_or_else(|| text("statusString"));
        Some(Self { http, code: root.parse_text("statusCode"), sub: text("subStatusCode"), words })
    }

    /// As [`ResponseStatus::of`], from bytes.
    pub fn of_body(http: u16, body: &[u8]) -> Option<Self> {
        Self::of(http, &Element::parse(body).ok()?)
    }

    /// Access terminals say 0 for success.
    pub fn is_ok(&self) -> bool {
        matches!(self.code, Some(0 | 1)) && (200..300).contains(&self.http)
    }

    /// The change is kept, but works only after a restart.
    pub fn wants_reboot(&self) -> bool {
        self.code == Some(7)
    }

    /// What it means for the user.
    ///
    /// Unsupported resources answer 403, 404, 500 or 400 by firmware (V5.7+ cameras, older NVRs, V5.2 cameras, iDS
    /// recorders), so a bare 403 is "not offered" and only `lowPrivilege` is "forbidden".
    pub fn meaning(&self) -> Code {
        let sub = self.sub.to_ascii_lowercase();
        if let Some((_, code)) = SUB_CODES.iter().find(|(word, _)| sub.starts_with(word)) {
            return *code;
        }
        match (self.code, self.http) {
            (Some(2), _) | (_, 503) => Code::DeviceBusy,
            (Some(4), _) => Code::NotOffered,
            (Some(3 | 5 | 6), _) => Code::Protocol,
            (_, 401) => Code::WrongPassword,
            (_, 400 | 403 | 404 | 405 | 500 | 501) => Code::NotOffered,
            _ => Code::Protocol,
        }
    }
}

impl IsapiError {
    /// The code of the one vocabulary above.
    pub fn code(&self) -> Code {
        match self {
            Self::Http(error) => error.code(),
            Self::Refused { status, .. } => status.meaning(),
            Self::Unreadable { .. } | Self::Unexpected { .. } => Code::Protocol,
        }
    }

    /// The device answered, and what it said is that it has no such thing, or that this user may not use it.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                matches!(status.meaning(), Code::NotOffered | Code::Forbidden | Code::Protocol)
            }
            Self::Unreadable { .. } | Self::Unexpected { .. } => true,
            Self::Http(_) => false,
        }
    }
}

impl From<IsapiError> for Error {
    fn from(error: IsapiError) -> Self {
        match error {
            IsapiError::Http(error) => error.into(),
            error => Error::new(error.code(), error.to_string()),
        }
    }
}
