use std::{fmt, str::FromStr};

use bartizan_base::{Code, Error, Result};
use url::{Host, Url};

use crate::Credentials;

/// SHA-256 of a server certificate in DER: what is pinned on first use.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificatePin(pub [u8; 32]);

impl fmt::Display for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CertificatePin {
    type Err = Error;

    /// Reads 64 hex digits.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(Code::InvalidInput, "a certificate pin is 64 hex digits");
        let mut pin = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        for (at, byte) in pin.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(pin))
    }
}

/// TCP ports of a device's services, 1–65535. `None` means the usual one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServicePorts {
    /// HTTP; usually 80.
    pub http: Option<u16>,
    /// HTTPS; usually 443.
    pub https: Option<u16>,
    /// RTSP; usually 554.
    pub rtsp: Option<u16>,
    /// The maker's own protocol (37777, 8000 …). Kept for cards and for the user to see; nothing here speaks it.
    pub server: Option<u16>,
}

/// Checks a port that a person typed.
pub fn check_port(port: u32) -> Result<u16> {
    u16::try_from(port)
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| Error::new(Code::InvalidPort, format!("port {port} is outside 1-65535")))
}

/// Checks and normalises a host name or address that a person typed: IPv6 loses its brackets.
pub fn check_host(host: &str) -> Result<String> {
    let host = host.trim();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let parsed = if bare.contains(':') { Host::parse(&format!("[{bare}]")) } else { Host::parse(bare) };
    match parsed {
        Ok(Host::Domain(name)) if !name.is_empty() => Ok(name),
        Ok(Host::Ipv4(ip)) => Ok(ip.to_string()),
        Ok(Host::Ipv6(ip)) => Ok(ip.to_string()),
        _ => Err(Error::new(Code::InvalidAddress, format!("not a host name or address: {bare:?}"))),
    }
}

/// One way to reach a device. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name or IP address; IPv6 without brackets.
    pub host: String,
    /// Where its services listen.
    pub ports: ServicePorts,
    /// The certificate accepted earlier. With it only HTTPS is spoken, and only to that certificate.
    pub pin: Option<CertificatePin>,
}

impl Endpoint {
    /// An endpoint with usual ports.
    pub fn new(host: &str) -> Result<Self> {
        Ok(Self { host: check_host(host)?, ports: ServicePorts::default(), pin: None })
    }

    /// Reads `http[s]://host[:port]` or a bare `host[:port]` (the port is HTTP's then); anything after is ignored.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let invalid = || Error::new(Code::InvalidAddress, "not an http:// or https:// address");
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| invalid())?;
        let mut endpoint = Self::new(url.host_str().ok_or_else(invalid)?)?;
        match url.scheme() {
            "http" => endpoint.ports.http = url.port(),
            "https" => endpoint.ports.https = Some(url.port().unwrap_or(443)),
            _ => return Err(invalid()),
        }
        Ok(endpoint)
    }

    /// The host as it stands in a URL: IPv6 in brackets.
    pub fn url_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

/// How a driver is to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Who we are; `None` reads only what is public.
    pub credentials: Option<Credentials>,
    /// A person agreed to spend the last try before the device locks. Without it a driver that knows that one try is
    /// left answers [`Code::LastTry`] instead of logging in.
    pub spend_last_try: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_people_type() {
        for (text, host, http, https) in [
            ("10.0.0.8", "10.0.0.8", None, None),
            ("10.0.0.8:8080", "10.0.0.8", Some(8080), None),
            ("http://cam.lan:81/x", "cam.lan", Some(81), None),
            ("https://cam.lan", "cam.lan", None, Some(443)),
            ("http://[fe80::1]:81", "fe80::1", Some(81), None),
        ] {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!(
                (endpoint.host.as_str(), endpoint.ports.http, endpoint.ports.https),
                (host, http, https)
            );
        }
        for text in ["", "rtsp://cam", "http://", "a b"] {
            assert_eq!(Endpoint::parse(text).expect_err(text).code(), Code::InvalidAddress);
        }
    }

    #[test]
    fn pins_read_back() {
        let pin = CertificatePin([0xA5; 32]);
        assert_eq!(pin.to_string().parse::<CertificatePin>().unwrap(), pin);
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert!(text.parse::<CertificatePin>().is_err());
        }
    }
}
