//! Addresses of streams and services, with the login split off.

use std::fmt;

use bartizan_base::{Secret, redact_login};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// What the address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UrlScheme {
    /// RTSP.
    Rtsp,
    /// RTSP over TLS.
    Rtsps,
    /// HTTP: a device's page, a snapshot, or any web page.
    Http,
    /// HTTPS.
    Https,
    /// An ONVIF device; the path is its device service.
    Onvif,
}

impl UrlScheme {
    /// As written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
            Self::Http => "http",
            Self::Https => "https",
            Self::Onvif => "onvif",
        }
    }
}

/// An address. Debug shows no login.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlLabel {
    /// What it is for.
    pub scheme: UrlScheme,
    /// Host name or address; IPv6 without brackets.
    pub host: String,
    /// 1–65535, `None` for the scheme's own.
    pub port: Option<u16>,
    /// Path and query as written, starting with `/`, or empty. Some makers put logins here, so it is for the wire;
    /// [`UrlLabel::shown`] is for people.
    pub target: Secret,
    /// User name, percent-decoded.
    pub user: Option<String>,
    /// Password, percent-decoded.
    pub password: Option<Secret>,
}

impl UrlLabel {
    /// The address for people and logs: no login, and `***` for what looks like one in path and query.
    pub fn shown(&self) -> String {
        format!("{}{}", self.origin(), redact_login(self.target.expose()))
    }

    /// The address for the wire, without the login, which travels apart.
    pub fn address(&self) -> Secret {
        Secret::new(format!("{}{}", self.origin(), self.target.expose()))
    }

    fn origin(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}", self.scheme.as_str())
    }
}

impl fmt::Debug for UrlLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlLabel")
            .field("shown", &self.shown())
            .field("user", &self.user.as_ref().map(|_| "***"))
            .field("password", &self.password)
            .finish()
    }
}

pub(super) fn read(text: &str) -> Option<UrlLabel> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "rtsp" => UrlScheme::Rtsp,
        "rtsps" => UrlScheme::Rtsps,
        "http" => UrlScheme::Http,
        "https" => UrlScheme::Https,
        "onvif" => UrlScheme::Onvif,
        _ => return None,
    };
    // A second line is not part of an address.
    let rest = rest.split(['\r', '\n']).next()?.trim();
    let (login, place) = split_login(rest);
    let split = place.find(['/', '?', '#']).unwrap_or(place.len());
    let (authority, target) = place.split_at(split);
    let (host, port) = host_and_port(authority)?;
    let target =
        if target.is_empty() || target.starts_with('/') { target.into() } else { format!("/{target}") };
    let (user, password) = match login {
        None => (None, None),
        Some(login) => match login.split_once(':') {
            Some((user, password)) => (Some(decode(user)), Some(Secret::new(decode(password)))),
            None => (Some(decode(login)), None),
        },
    };
    Some(UrlLabel { scheme, host, port, target: Secret::new(target), user, password })
}

/// Splits at the last `@` after which a host follows. What people print holds raw `/`, `?`, `#` and `@` in passwords, so
/// no URL parser is asked; an `@` in a path without a login before it stays in the path.
fn split_login(rest: &str) -> (Option<&str>, &str) {
    let path = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    for (at, _) in rest.rmatch_indices('@') {
        let (login, place) = (&rest[..at], &rest[at + 1..]);
        let end = place.find(['/', '?', '#']).unwrap_or(place.len());
        let in_authority = at < path;
        let written_login = login.contains(':') && looks_like_host(&place[..end]);
        if host_and_port(&place[..end]).is_some() && (in_authority || written_login) {
            return (Some(login), place);
        }
    }
    (None, rest)
}

/// Stricter than the URL grammar, for an `@` that may as well belong to a path: an address, a dotted name, or a port.
fn looks_like_host(authority: &str) -> bool {
    host_and_port(authority)
        .is_some_and(|(host, port)| port.is_some() || host.contains(['.', ':']) || host == "localhost")
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => match port {
            "" => (host, None),
            _ => (host, Some(port.parse::<u16>().ok().filter(|port| *port != 0)?)),
        },
        _ => (authority, None),
    };
    if host.is_empty() || host.len() > 253 {
        return None;
    }
    let host = match Host::parse(host).ok()? {
        Host::Domain(name) => name,
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    // `Host` is looser than what a connection needs; a full parse settles it.
    let written = if host.contains(':') { format!("http://[{host}]/") } else { format!("http://{host}/") };
    Url::parse(&written).is_ok().then_some((host, port))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Into::into)
}
