//! A site of several makes: one device of each family, a recorder among them, and one that is fresh from the factory
//! and does not announce itself.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bartizan_base::OwnedTask;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

use crate::{
    config::SiteConfig,
    dahua::{self, Dahua},
    front::{Front, Personality},
    isapi::{Isapi, sadp},
    onvif::{OnvifDiscovery, OnvifQuirks, OnvifServer},
    site::Site,
    unit::{Unit, UnitClass, UnitConfig},
};

/// What the site listens on.
#[derive(Clone, Debug)]
pub struct BrandsConfig {
    /// Address of every port.
    pub bind: Ipv4Addr,
    /// Ports from here on, three a unit (HTTP, HTTPS, RTSP); 0 takes free ones.
    pub port_base: u16,
    /// Answer searches of the local network on this interface.
    pub discovery: Option<Ipv4Addr>,
    /// What the video is made of.
    pub video: SiteConfig,
}

impl Default for BrandsConfig {
    fn default() -> Self {
        Self { bind: Ipv4Addr::LOCALHOST, port_base: 0, discovery: None, video: SiteConfig::default() }
    }
}

/// The language a unit speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// ONVIF alone.
    Onvif,
    /// ISAPI.
    Isapi,
    /// Dahua CGI and RPC2.
    Dahua,
}

impl Brand {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Onvif => "onvif",
            Self::Isapi => "isapi",
            Self::Dahua => "dahua",
        }
    }
}

enum Door {
    Own { http: Front, https: Option<Front> },
    Onvif(OnvifServer),
}

/// One running unit. Dropping it stops it.
pub struct BrandUnit {
    /// What it speaks.
    pub brand: Brand,
    /// Its state.
    pub unit: Arc<Unit>,
    video: Site,
    door: Door,
}

impl BrandUnit {
    /// Starts a unit with its video on `rtsp_port` and its control on `http_port` (and `https_port`, where given); 0
    /// takes free ports.
    pub async fn start(
        brand: Brand,
        config: UnitConfig,
        video: SiteConfig,
        bind: Ipv4Addr,
        [http_port, https_port, rtsp_port]: [Option<u16>; 3],
    ) -> io::Result<Self> {
        let unit = Arc::new(Unit::new(config));
        let video = SiteConfig {
            bind: IpAddr::V4(bind),
            port: rtsp_port.unwrap_or(0),
            unit: Some(unit.clone()),
            ..video
        };
        let video = Site::start(video).await?;
        let (rtsp, http) = (video.addr().port(), http_port.unwrap_or(0));
        if brand == Brand::Onvif {
            let server =
                OnvifServer::start(unit.clone(), bind.into(), http, rtsp, OnvifQuirks::default()).await?;
            return Ok(Self { brand, unit, video, door: Door::Onvif(server) });
        }
        // The personality names its own ports, so they must be known first.
        let http = free_port(bind, http).await?;
        let https = match https_port {
            Some(port) => Some(free_port(bind, port).await?),
            None => None,
        };
        let personality: Arc<dyn Personality> = match brand {
            Brand::Dahua => Arc::new(Dahua::new(unit.clone(), rtsp)),
            _ => Arc::new(Isapi::new(unit.clone(), http, https, rtsp)),
        };
        let at = |port| SocketAddr::new(bind.into(), port);
        let door = Door::Own {
            http: Front::start(at(http), false, unit.clone(), personality.clone()).await?,
            https: match https {
                Some(port) => Some(Front::start(at(port), true, unit.clone(), personality).await?),
                None => None,
            },
        };
        Ok(Self { brand, unit, video, door })
    }

    /// Where its HTTP is.
    pub fn http(&self) -> SocketAddr {
        match &self.door {
            Door::Own { http, .. } => http.addr(),
            Door::Onvif(server) => server.addr(),
        }
    }

    /// Where its HTTPS is, when it has one.
    pub fn https(&self) -> Option<SocketAddr> {
        match &self.door {
            Door::Own { https, .. } => https.as_ref().map(Front::addr),
            Door::Onvif(_) => None,
        }
    }

    /// Its video side.
    pub fn video(&self) -> &Site {
        &self.video
    }

    /// Its ONVIF side, when that is what it speaks.
    pub fn onvif(&self) -> Option<&OnvifServer> {
        match &self.door {
            Door::Onvif(server) => Some(server),
            Door::Own { .. } => None,
        }
    }

    /// Shows another certificate from now on.
    pub fn renew_certificate(&self) -> io::Result<()> {
        match &self.door {
            Door::Own { https: Some(https), .. } => https.renew_certificate(),
            _ => Ok(()),
        }
    }

    /// What the QR code on its label says.
    pub fn label(&self) -> String {
        let config = self.unit.config();
        match self.brand {
            Brand::Isapi => {
                let short = &config.serial[config.serial.len().saturating_sub(9)..];
                format!("www.hik-connect.com\n{short}\nABCDEF\n{}\n", config.model)
            }
            Brand::Dahua => format!("{{SN:{},DT:{},SC:L2A1B2C3}}", config.serial, config.model),
            Brand::Onvif => format!("http://{}/", self.http()),
        }
    }
}

async fn free_port(bind: Ipv4Addr, wanted: u16) -> io::Result<u16> {
    if wanted != 0 {
        return Ok(wanted);
    }
    Ok(tokio::net::TcpListener::bind((bind, 0)).await?.local_addr()?.port())
}

/// The whole site. Dropping it stops it.
pub struct Brands {
    /// The units: ONVIF camera, ISAPI recorder, Dahua camera, factory-fresh ISAPI camera.
    pub units: Vec<BrandUnit>,
    discovery: Option<OnvifDiscovery>,
    _responders: Vec<OwnedTask>,
}

impl Brands {
    /// Starts all units, and what announces the first three.
    pub async fn start(config: BrandsConfig) -> io::Result<Self> {
        let mut units = Vec::new();
        for (at, (brand, unit, tls)) in cast().into_iter().enumerate() {
            let at = u16::try_from(at).unwrap_or(0);
            let port = |offset| if config.port_base == 0 { 0 } else { config.port_base + at * 3 + offset };
            let ports = [Some(port(0)), tls.then(|| port(1)), Some(port(2))];
            units.push(BrandUnit::start(brand, unit, config.video.clone(), config.bind, ports).await?);
        }
        let (mut discovery, mut responders) = (None, Vec::new());
        if let Some(interface) = config.discovery {
            let servers: Vec<_> = units.iter().filter_map(BrandUnit::onvif).collect();
            discovery = Some(OnvifDiscovery::start(interface, &servers).await?);
            let find = |brand: Brand| -> Vec<(Arc<Unit>, SocketAddr)> {
                let heard = units.iter().filter(|one| one.brand == brand && one.unit.activated());
                heard.map(|one| (one.unit.clone(), one.http())).collect()
            };
            responders.push(respond(interface, sadp::GROUP, sadp::PORT, find(Brand::Isapi), sadp::answer)?);
            let dahua = find(Brand::Dahua);
            let (group, port) = (dahua::discover::GROUP, dahua::discover::PORT);
            responders.push(respond(interface, group, port, dahua, dahua::discover::answer)?);
        }
        Ok(Self { units, discovery, _responders: responders })
    }

    /// Says goodbye where the protocol has it, and ends all sessions.
    pub async fn shutdown(mut self) {
        if let Some(discovery) = self.discovery.take() {
            discovery.shutdown().await;
        }
        for unit in self.units {
            unit.video.shutdown().await;
        }
    }
}

/// Who is on the site, and whether it speaks TLS too.
fn cast() -> Vec<(Brand, UnitConfig, bool)> {
    let channel = |number| crate::channel_name(number);
    vec![
        (
            Brand::Onvif,
            UnitConfig {
                maker: "Acme Vision".into(),
                model: "AV-PTZ20".into(),
                firmware: "3.1.4".into(),
                serial: "AV20260001".into(),
                mac: "02:ac:3e:00:00:01".into(),
                name: "Harbour dome".into(),
                backchannel: true,
                channels: vec![(channel(1), None)],
                profile_g: true,
                ..UnitConfig::default()
            },
            false,
        ),
        (
            Brand::Isapi,
            UnitConfig {
                maker: "Hikvision".into(),
                model: "DS-7604NI-SIM".into(),
                firmware: "V4.74.100".into(),
                serial: "DS-7604NI-SIM0420260101CCWRF12345678".into(),
                mac: "02:44:19:00:00:02".into(),
                name: "Warehouse recorder".into(),
                class: UnitClass::Recorder,
                channels: vec![
                    (channel(2), None),
                    (channel(3), None),
                    (channel(6), Some("netUnreachable")),
                    (channel(10), None),
                ],
                profile_g: true,
                ..UnitConfig::default()
            },
            true,
        ),
        (
            Brand::Dahua,
            UnitConfig {
                maker: "Dahua".into(),
                model: "DH-SD1A404XB-SIM".into(),
                firmware: "2.840.0000000.1.R".into(),
                serial: "9A0B1C2DPAZ3E4F".into(),
                mac: "02:3c:ef:00:00:03".into(),
                name: "Yard speed dome".into(),
                channels: vec![(channel(15), None)],
                profile_g: true,
                ..UnitConfig::default()
            },
            false,
        ),
        (
            Brand::Isapi,
            UnitConfig {
                maker: "Hikvision".into(),
                model: "DS-2CD2042WD-SIM".into(),
                firmware: "V5.7.18".into(),
                serial: "DS-2CD2042WD-SIM20260101AAWRG87654321".into(),
                mac: "02:44:19:00:00:04".into(),
                name: "IP CAMERA".into(),
                channels: vec![(channel(8), None)],
                ptz: false,
                auxiliaries: false,
                outputs: 0,
                password: None,
                profile_g: true,
                ..UnitConfig::default()
            },
            false,
        ),
    ]
}

type Answer = fn(&Unit, &[u8], IpAddr, u16) -> Option<Vec<u8>>;

/// Whether a unit at that address hears a question from this one. A broadcast into another network of this machine comes to
/// our socket too; answered, it would seem to come from an address there, at which nothing of a unit on loopback listens.
fn hears(unit: IpAddr, from: IpAddr) -> bool {
    from.is_loopback() || !unit.is_loopback()
}

/// Answers searches for some units on a multicast group of an interface, and unicast on the same port.
fn respond(
    interface: Ipv4Addr,
    group: Ipv4Addr,
    port: u16,
    units: Vec<(Arc<Unit>, SocketAddr)>,
    answer: Answer,
) -> io::Result<OwnedTask> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_broadcast(true)?;
    #[cfg(target_os = "linux")]
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SockAddr::from(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)))?;
    socket.join_multicast_v4(&group, &interface)?;
    socket.set_multicast_if_v4(&interface)?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok(OwnedTask::spawn(async move {
        let mut packet = [0; 4096];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut packet).await else { continue };
            for (unit, http) in units.iter().filter(|(_, http)| hears(http.ip(), from.ip())) {
                if let Some(answer) = answer(unit, &packet[..length], http.ip(), http.port()) {
                    // Whoever asked may be gone.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_cast_is_on_stage_with_its_labels() {
        let brands = Brands::start(BrandsConfig::default()).await.unwrap();
        assert_eq!(brands.units.len(), 4);
        assert_eq!(brands.units[1].label().lines().nth(1), Some("F12345678"));
        assert!(brands.units[2].label().contains("SN:9A0B1C2DPAZ3E4F,"));
        assert!(!brands.units[3].unit.activated());
        assert!(brands.units[1].https().is_some());
        brands.shutdown().await;
    }

    #[test]
    fn a_unit_on_loopback_is_deaf_to_other_networks() {
        let [own, lan]: [IpAddr; 2] = ["127.0.0.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert!(hears(own, own) && hears(lan, lan) && hears(lan, own));
        assert!(!hears(own, lan));
    }
}
