//! A unit's ONVIF on a port of its own, as many devices have it, and its answers to WS-Discovery.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::{Onvif, OnvifQuirks, Responder, discovery};
use crate::{front::Front, unit::Unit};

/// A running ONVIF port. Dropping it stops it.
pub struct OnvifServer {
    onvif: Arc<Onvif>,
    front: Front,
}

impl OnvifServer {
    /// Listens on `bind` and `port`, 0 for any free one; the unit's streams are on `rtsp_port` of the same host.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(
        unit: Arc<Unit>,
        bind: IpAddr,
        port: u16,
        rtsp_port: u16,
        quirks: OnvifQuirks,
    ) -> io::Result<Self> {
        let onvif = Arc::new(Onvif::new(unit.clone(), rtsp_port, quirks));
        let front = Front::start(SocketAddr::new(bind, port), false, unit, onvif.clone()).await?;
        Ok(Self { onvif, front })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.front.addr()
    }

    /// Address of the device service, which is enough for any client.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.addr(), super::device::SERVICES[0].1)
    }

    /// Identity in WS-Discovery, `urn:uuid:…`.
    pub fn endpoint(&self) -> String {
        self.onvif.target("").endpoint
    }

    /// Makes it odd in other ways, from the next request on.
    pub fn set_quirks(&self, change: impl FnOnce(&mut OnvifQuirks)) {
        let mut quirks = self.onvif.quirks();
        change(&mut quirks);
        self.onvif.set_quirks(quirks);
    }

    /// Event subscriptions open now.
    pub fn subscriptions(&self) -> usize {
        self.onvif.pull_points.count()
    }

    /// What it says of itself to WS-Discovery, when asked.
    pub(crate) fn target(&self) -> impl Fn() -> discovery::Target + Send + Sync + 'static {
        let (onvif, authority) = (self.onvif.clone(), self.addr().to_string());
        move || onvif.target(&authority)
    }
}

/// Answers WS-Discovery for several units behind one interface. Dropping it stops it without a Bye.
pub struct OnvifDiscovery {
    responder: Responder,
}

impl OnvifDiscovery {
    /// Joins the group on the interface with that address, UDP 3702, and says Hello for each unit.
    ///
    /// # Errors
    /// When the port is taken by someone who does not share it, or the interface has no multicast.
    pub async fn start(interface: std::net::Ipv4Addr, servers: &[&OnvifServer]) -> io::Result<Self> {
        let targets: Vec<_> = servers.iter().map(|server| server.target()).collect();
        let all = Arc::new(move || targets.iter().map(|target| target()).collect());
        Ok(Self { responder: Responder::start(interface, discovery::PORT, all).await? })
    }

    /// Where unicast probes are taken.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.responder.addr()
    }

    /// Says Bye for each unit and stops.
    pub async fn shutdown(self) {
        self.responder.shutdown().await;
    }
}
