use bartizan_base::{Code, Error, Result, Secret};
use bartizan_device::{
    CertificatePin, Credentials, DEFAULT_RTSP_PORT, DeviceClass, Endpoint, Login, RtspAddress, ServicePorts,
    StreamSource, Transport, check_host, check_port,
};

/// Ports as typed; checked when the draft is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortsDraft {
    /// HTTP.
    pub http: Option<u32>,
    /// HTTPS.
    pub https: Option<u32>,
    /// RTSP.
    pub rtsp: Option<u32>,
    /// The maker's own protocol.
    pub server: Option<u32>,
}

impl PortsDraft {
    /// The ports, each within 1–65535.
    pub fn check(self) -> Result<ServicePorts> {
        let check = |port: Option<u32>| port.map(check_port).transpose();
        Ok(ServicePorts {
            http: check(self.http)?,
            https: check(self.https)?,
            rtsp: check(self.rtsp)?,
            server: check(self.server)?,
        })
    }
}

impl From<ServicePorts> for PortsDraft {
    fn from(ports: ServicePorts) -> Self {
        let ServicePorts { http, https, rtsp, server } = ports;
        Self {
            http: http.map(u32::from),
            https: https.map(u32::from),
            rtsp: rtsp.map(u32::from),
            server: server.map(u32::from),
        }
    }
}

/// How a device came into the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddedBy {
    /// Its address was typed.
    #[default]
    Address,
    /// Its label was scanned.
    Scan,
    /// Found by searching the network.
    Search,
    /// From a device card.
    Card,
}

/// What a person typed, scanned or picked.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// A whole URL, `rtsp://` (that one stream) or `http[s]://` (the device there); wins over `host` and `port`.
    pub url: Option<String>,
    /// Host name or address.
    pub host: Option<String>,
    /// RTSP port.
    pub port: Option<u32>,
    /// Ports of the services.
    pub ports: PortsDraft,
    /// More ways to reach it; `None` says nothing of them, an empty list that there are none.
    pub routes: Option<Vec<(String, PortsDraft)>>,
    /// Family chosen by hand.
    pub family: Option<String>,
    /// Kind chosen by hand.
    pub class: Option<DeviceClass>,
    /// How it came to be added.
    pub added_by: Option<AddedBy>,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// The user's name for the device.
    pub name: Option<String>,
    /// How media travels.
    pub transport: Option<Transport>,
    /// A certificate that a person agreed to.
    pub accept_certificate: Option<CertificatePin>,
    /// A person agreed to spend the last try before the device locks.
    pub spend_last_try: bool,
}

/// What a draft points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// One stream, by its whole URL.
    Stream(StreamSource),
    /// A device, by its address.
    Device {
        /// Ways to reach it, best first; never empty.
        endpoints: Vec<Endpoint>,
        /// Who we are.
        login: Login,
    },
}

impl Draft {
    /// Reads and checks the address, the ports and the login.
    pub(crate) fn aim(&self) -> Result<Aim> {
        let url = self.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let is_web = url.is_some_and(|url| {
            let scheme = url.get(..5).unwrap_or_default();
            scheme.eq_ignore_ascii_case("http:") || scheme.eq_ignore_ascii_case("https")
        });
        let typed = self.user.as_deref().filter(|user| !user.is_empty()).map(|user| Credentials {
            user: user.to_owned(),
            password: self.password.clone().unwrap_or_default(),
        });
        if let Some(url) = url
            && !is_web
        {
            let (address, in_url) = RtspAddress::parse(url)?;
            let credentials = typed.or(in_url);
            return Ok(Aim::Stream(StreamSource {
                address,
                credentials,
                transport: self.transport.unwrap_or_default(),
            }));
        }
        let mut first = match url {
            Some(url) => Endpoint::parse(url)?,
            None => {
                let host = self.host.as_deref().unwrap_or_default();
                if host.trim().is_empty() {
                    return Err(Error::new(Code::InvalidAddress, "no host or URL given"));
                }
                Endpoint::new(host)?
            }
        };
        let given = self.ports.check()?;
        let port = self.port.map(check_port).transpose()?;
        first.ports = ServicePorts {
            http: given.http.or(first.ports.http),
            https: given.https.or(first.ports.https),
            rtsp: given.rtsp.or(port),
            server: given.server,
        };
        first.pin = self.accept_certificate;
        let mut endpoints = vec![first];
        for (host, ports) in self.routes.iter().flatten() {
            endpoints.push(Endpoint {
                host: check_host(host)?,
                ports: ports.check()?,
                pin: self.accept_certificate,
            });
        }
        endpoints.sort_by_key(|endpoint| !is_local(&endpoint.host));
        endpoints.dedup_by(|a, b| a == b);
        Ok(Aim::Device {
            endpoints,
            login: Login { credentials: typed, spend_last_try: self.spend_last_try },
        })
    }
}

/// The RTSP side of an endpoint, at its root.
pub(crate) fn rtsp_source(
    endpoint: &Endpoint,
    credentials: Option<Credentials>,
    transport: Transport,
) -> StreamSource {
    StreamSource {
        address: RtspAddress {
            host: endpoint.host.clone(),
            port: endpoint.ports.rtsp.unwrap_or(DEFAULT_RTSP_PORT),
            path: "/".into(),
        },
        credentials,
        transport,
    }
}

/// Whether an address is reachable only from its own network: private, link-local, loopback, unique local, `.local`,
/// or a name without dots.
pub fn is_local(host: &str) -> bool {
    use std::net::IpAddr;
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        Ok(IpAddr::V6(ip)) => {
            let first = ip.segments()[0];
            ip.is_loopback() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
        Err(_) => !host.contains('.') || host.to_ascii_lowercase().ends_with(".local"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_point_at_streams_or_devices() {
        let url = Draft { url: Some("rtsp://u:p@cam:8554/x".into()), ..Draft::default() };
        let Aim::Stream(source) = url.aim().unwrap() else { panic!("a stream") };
        assert_eq!((source.address.port, source.address.path.as_str()), (8554, "/x"));

        let web = Draft { url: Some("https://cam.example:8443/".into()), ..Draft::default() };
        let Aim::Device { endpoints, .. } = web.aim().unwrap() else { panic!("a device") };
        assert_eq!(endpoints[0].ports.https, Some(8443));

        let two = Draft {
            host: Some("cam.example".into()),
            port: Some(555),
            routes: Some(vec![(
                "192.168.1.9".into(),
                PortsDraft { http: Some(81), ..PortsDraft::default() },
            )]),
            user: Some("admin".into()),
            ..Draft::default()
        };
        let Aim::Device { endpoints, login } = two.aim().unwrap() else { panic!("a device") };
        let hosts: Vec<_> = endpoints.iter().map(|endpoint| endpoint.host.as_str()).collect();
        assert_eq!(hosts, ["192.168.1.9", "cam.example"], "the local way goes first");
        assert_eq!((endpoints[0].ports.http, endpoints[1].ports.rtsp), (Some(81), Some(555)));
        assert_eq!(login.credentials.unwrap().user, "admin");
    }

    #[test]
    fn wrong_ports_and_hosts_are_told() {
        let with = |host: &str, http| Draft {
            host: Some(host.into()),
            ports: PortsDraft { http: Some(http), ..PortsDraft::default() },
            ..Draft::default()
        };
        assert_eq!(with("cam", 0).aim().unwrap_err().code(), Code::InvalidPort);
        assert_eq!(with("cam", 65_536).aim().unwrap_err().code(), Code::InvalidPort);
        assert_eq!(with("a b", 80).aim().unwrap_err().code(), Code::InvalidAddress);
        assert_eq!(Draft::default().aim().unwrap_err().code(), Code::InvalidAddress);
    }

    #[test]
    fn local_addresses() {
        for host in [
            "10.1.2.3",
            "192.168.0.1",
            "172.16.9.9",
            "169.254.1.1",
            "127.0.0.2",
            "fe80::1",
            "fd00::1",
            "cam",
            "cam.local",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "cam.example.org"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
