use std::fmt;

use zeroize::Zeroizing;

/// A password or key. Prints as `***`, has no `Serialize`, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Call it only where the bytes go onto the wire or into a cipher.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Any URL-like text with its user-info part blanked, fit for logs and messages.
///
/// Works on text that no URL parser would take, since what users paste is often broken: everything between
/// `://` and the last `@` before the next `/` or `?` goes; failing that, the last `@` at all.
pub fn redact_url(text: &str) -> String {
    let Some(scheme_end) = text.find("://").map(|at| at + 3) else {
        return match text.rfind('@') {
            Some(at) => format!("***@{}", &text[at + 1..]),
            None => text.to_owned(),
        };
    };
    let rest = &text[scheme_end..];
    // A raw '/' or '?' inside a password is common; whatever stands before the last '@' is then suspect.
    let Some(at) = rest.rfind('@') else { return text.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let inside_authority = rest[..authority_end].rfind('@');
    let cut = match inside_authority {
        Some(inner) => inner,
        // No '@' in the authority: 'host/path@x' holds no secret unless there is a ':' before the slash that
        // is not a port number.
        None => {
            let authority = &rest[..authority_end];
            let looks_like_port = authority
                .rsplit_once(':')
                .is_none_or(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
            if looks_like_port { return text.to_owned() } else { at }
        }
    };
    format!("{}***@{}", &text[..scheme_end], &rest[cut + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    #[test]
    fn urls_lose_their_user_info() {
        for (given, wanted) in [
            ("rtsp://user:pw@cam/ch1", "rtsp://***@cam/ch1"),
            ("rtsp://user:p@ss@cam/ch1", "rtsp://***@cam/ch1"),
            ("rtsp://user:p/ss@cam/ch1", "rtsp://***@cam/ch1"),
            ("user:pw@cam", "***@cam"),
            ("rtsp://cam:554/ch1?a=b@c", "rtsp://cam:554/ch1?a=b@c"),
            ("rtsp://cam/ch1", "rtsp://cam/ch1"),
            ("rtsp://user@cam", "rtsp://***@cam"),
        ] {
            assert_eq!(redact_url(given), wanted, "{given}");
        }
    }
}
