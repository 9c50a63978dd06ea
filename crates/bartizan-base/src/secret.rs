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
/// Works on text that no URL parser would take, since what users paste is often broken. A raw `/`, `?` or `@` inside a
/// password is common, so everything up to the **last** `@` goes; a path that holds an `@` of its own loses more than it
/// had to, which a log can bear.
pub fn redact_url(text: &str) -> String {
    let Some(at) = text.rfind('@') else { return text.to_owned() };
    let scheme = text.find("://").map_or(0, |colon| colon + 3).min(at);
    format!("{}***@{}", &text[..scheme], &text[at + 1..])
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
            ("rtsp://user:12/34@cam/ch1", "rtsp://***@cam/ch1"),
            ("rtsp://cam:554/ch1?a=b@c", "rtsp://***@c"),
            ("rtsp://cam/ch1", "rtsp://cam/ch1"),
            ("rtsp://user@cam", "rtsp://***@cam"),
        ] {
            assert_eq!(redact_url(given), wanted, "{given}");
        }
    }
}
