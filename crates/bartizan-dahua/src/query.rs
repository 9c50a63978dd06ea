//! Building requests: the paths and queries of the CGI, spelt the way firmware reads them.

use std::fmt::{Display, Write as _};

/// One CGI call: script, action and arguments, in order.
///
/// Spaces become `%20` (never `+`), `:`, `[` and `]` stay readable, since some firmware does not decode `%5B`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// `script` without folder and ending, e.g. `magicBox`.
    pub fn new(script: &str, action: &str) -> Self {
        Self(format!("/cgi-bin/{script}.cgi?action={action}"))
    }

    /// A path as it is, e.g. of the newer `/cgi-bin/api/…`.
    pub fn plain(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// Reads a config table.
    pub fn config(name: &str) -> Self {
        Self::new("configManager", "getConfig").with("name", name)
    }

    /// Adds an argument; key and value are escaped where they must be.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Display) -> Self {
        self.0.push('&');
        escape(&mut self.0, key);
        self.0.push('=');
        escape(&mut self.0, &value.to_string());
        self
    }

    /// The path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may stand in messages: script and action, without the arguments, which may name people's things.
    pub fn label(&self) -> &str {
        let end = self.0.find('&').unwrap_or(self.0.len());
        &self.0[..end]
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3) and what firmware wants to read plainly.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:[]/,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelt_the_way_firmware_reads_it() {
        let title = Query::new("configManager", "setConfig").with("ChannelTitle[0].Name", "Yard & north+é");
        assert_eq!(
            title.as_str(),
            "/cgi-bin/configManager.cgi?action=setConfig&ChannelTitle[0].Name=Yard%20%26%20north%2B%C3%A9"
        );
        assert_eq!(title.label(), "/cgi-bin/configManager.cgi?action=setConfig");
        assert_eq!(
            Query::new("global", "setCurrentTime").with("time", "2026-07-02 19:09:25").as_str(),
            "/cgi-bin/global.cgi?action=setCurrentTime&time=2026-07-02%2019:09:25"
        );
        assert_eq!(
            Query::config("VideoColor").as_str(),
            "/cgi-bin/configManager.cgi?action=getConfig&name=VideoColor"
        );
    }
}
