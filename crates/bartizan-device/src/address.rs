use bartizan_base::{Code, Error, Result, Secret, redact_url};
use url::Url;

use crate::{Credentials, check_host, check_port};

/// The RTSP port when none is given (RFC 2326 §3.2).
pub const DEFAULT_RTSP_PORT: u16 = 554;

/// Where a stream is: host, port, path with query. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RtspAddress {
    /// Host name or IP address; IPv6 without brackets.
    pub host: String,
    /// 1–65535.
    pub port: u16,
    /// Begins with `/`; may hold a query.
    pub path: String,
}

impl RtspAddress {
    /// Checks and normalises the parts that a person typed.
    pub fn new(host: &str, port: u32, path: &str) -> Result<Self> {
        let (host, port) = (check_host(host)?, check_port(port)?);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, path })
    }

    /// Reads `rtsp://[user[:password]@]host[:port]/path?query`, tolerating what people paste: spaces around it and
    /// a raw `@`, `/`, `#` or `?` inside the password. User info is percent-decoded and given apart.
    pub fn parse(text: &str) -> Result<(Self, Option<Credentials>)> {
        let text = text.trim();
        let invalid = |why: &str| Error::new(Code::InvalidAddress, format!("{why}: {}", redact_url(text)));
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid("an RTSP URL begins with rtsp://"));
        };
        if !scheme.eq_ignore_ascii_case("rtsp") {
            return Err(invalid("only rtsp:// URLs are understood"));
        }
        let (user_info, rest) = split_user_info(rest);
        let credentials = user_info.map(|info| {
            let (user, password) = info.split_once(':').unwrap_or((info, ""));
            Credentials { user: percent_decode(user), password: Secret::new(percent_decode(password)) }
        });
        let url = Url::parse(&format!("rtsp://{rest}")).map_err(|e| invalid(&e.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| invalid("no host"))?;
        let mut path = url.path().to_owned();
        if let Some(query) = url.query() {
            path.push('?');
            path.push_str(query);
        }
        let address = Self::new(host, u32::from(url.port().unwrap_or(DEFAULT_RTSP_PORT)), &path)?;
        Ok((address, credentials))
    }

    /// The request URL, without user info.
    pub fn url(&self) -> Result<Url> {
        let text = if self.host.contains(':') {
            format!("rtsp://[{}]:{}{}", self.host, self.port, self.path)
        } else {
            format!("rtsp://{}:{}{}", self.host, self.port, self.path)
        };
        Url::parse(&text).map_err(|e| Error::new(Code::InvalidAddress, e.to_string()))
    }

    /// The same device, another path.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }
}

/// Splits `user:password@host/path` before the `@` that ends the user info.
///
/// By RFC 3986 §3.2 that is an `@` before the first `/`, `?` or `#`. People paste passwords with those characters
/// raw; then the text before the first of them does not look like `host[:port]`, and the last `@` decides.
fn split_user_info(rest: &str) -> (Option<&str>, &str) {
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if let Some(at) = rest[..authority_end].rfind('@') {
        return (Some(&rest[..at]), &rest[at + 1..]);
    }
    let Some(at) = rest.rfind('@') else { return (None, rest) };
    let authority = &rest[..authority_end];
    let is_host_and_port = authority.starts_with('[')
        || authority.rsplit_once(':').is_none_or(|(host, port)| {
            let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            // "admin:12/34@cam.lan" also begins like a host and its port; a dotted name only after the '@' tells.
            let is_user = !host.contains('.') && names_a_host(&rest[at + 1..]);
            is_port && !is_user
        });
    if is_host_and_port { (None, rest) } else { (Some(&rest[..at]), &rest[at + 1..]) }
}

/// Begins with something that can only be an address: a dotted name, or IPv6 in brackets.
fn names_a_host(text: &str) -> bool {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    text.starts_with('[') || text[..end].contains('.')
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_people_paste() {
        for (given, host, port, path, user, password) in [
            ("rtsp://cam/ch1", "cam", 554, "/ch1", None, ""),
            (" rtsp://u:p@10.0.0.8:8554/a?b=1&c=2 ", "10.0.0.8", 8554, "/a?b=1&c=2", Some("u"), "p"),
            ("RTSP://u:p%40ss@cam/", "cam", 554, "/", Some("u"), "p@ss"),
            ("rtsp://u:p@ss@cam", "cam", 554, "/", Some("u"), "p@ss"),
            ("rtsp://u:p/a?s#s@cam:555/x", "cam", 555, "/x", Some("u"), "p/a?s#s"),
            ("rtsp://[fe80::1]:554/x", "fe80::1", 554, "/x", None, ""),
            ("rtsp://u:12/34@cam.lan/x", "cam.lan", 554, "/x", Some("u"), "12/34"),
            ("rtsp://10.0.0.8:554/x?mail=a@b.c", "10.0.0.8", 554, "/x?mail=a@b.c", None, ""),
            ("rtsp://cam:554/x?user=a@b", "cam", 554, "/x?user=a@b", None, ""),
            ("rtsp://u:100%25@cam/x", "cam", 554, "/x", Some("u"), "100%"),
            ("rtsp://u:100%@cam/x", "cam", 554, "/x", Some("u"), "100%"),
        ] {
            let (address, credentials) = RtspAddress::parse(given).expect(given);
            assert_eq!(
                (address.host.as_str(), address.port, address.path.as_str()),
                (host, port, path),
                "{given}"
            );
            assert_eq!(credentials.as_ref().map(|c| c.user.as_str()), user, "{given}");
            assert_eq!(
                credentials.map_or(String::new(), |c| c.password.expose().into()),
                password,
                "{given}"
            );
            assert!(!address.url().unwrap().as_str().contains("p@ss"));
        }
    }

    #[test]
    fn nonsense_is_told_without_its_password() {
        for given in [
            "",
            "cam",
            "http://cam/",
            "rtsp://",
            "rtsp://u:hunter2@",
            "rtsp://u:hunter2@cam:99999/",
            "rtsp://u:hunter2@ca m/",
        ] {
            let error = RtspAddress::parse(given).expect_err(given);
            assert!(!error.detail().contains("hunter2"), "{error}");
        }
        assert_eq!(RtspAddress::new("cam", 0, "/").unwrap_err().code(), Code::InvalidPort);
        assert_eq!(RtspAddress::new("cam", 65_536, "/").unwrap_err().code(), Code::InvalidPort);
        assert_eq!(RtspAddress::new("a b", 554, "/").unwrap_err().code(), Code::InvalidAddress);
    }
}
