//! A unit's ONVIF on a port of its own, as many devices have it, and its answers to WS-Discovery.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::Response,
};
use bartizan_base::OwnedTask;
use tokio::net::TcpListener;

use super::{HttpRequest, Onvif, OnvifQuirks, Responder, discovery};
use crate::unit::Unit;

/// Larger requests are refused.
const BODY_LIMIT: usize = 256 * 1024;

/// A running ONVIF port. Dropping it stops it.
pub struct OnvifServer {
    onvif: Arc<Onvif>,
    addr: SocketAddr,
    _serving: OwnedTask,
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
        let listener = TcpListener::bind((bind, port)).await?;
        let addr = listener.local_addr()?;
        let onvif = Arc::new(Onvif::new(unit, rtsp_port, quirks));
        let app = Router::new().fallback(answer).with_state((onvif.clone(), addr));
        let serving = OwnedTask::spawn(async move {
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "ONVIF port");
            }
        });
        Ok(Self { onvif, addr, _serving: serving })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Address of the device service, which is enough for any client.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.addr, super::device::SERVICES[0].1)
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
        let (onvif, authority) = (self.onvif.clone(), self.addr.to_string());
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

    /// Says Bye for each unit and stops.
    pub async fn shutdown(self) {
        self.responder.shutdown().await;
    }
}

async fn answer(
    State((onvif, local)): State<(Arc<Onvif>, SocketAddr)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    if !Onvif::owns(parts.uri.path()) {
        return status(StatusCode::NOT_FOUND);
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return status(StatusCode::PAYLOAD_TOO_LARGE) };
    let named = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let request = HttpRequest {
        method: parts.method.as_str(),
        target,
        host: named(header::HOST),
        authorization: named(header::AUTHORIZATION),
        body: &body,
        local,
        peer,
        secure: false,
    };
    let reply = onvif.handle(&request).await;
    let mut response =
        Response::builder().status(reply.status).header(header::CONTENT_TYPE, reply.content_type);
    for challenge in reply.challenges {
        response = response.header(header::WWW_AUTHENTICATE, challenge);
    }
    // Every part of it was made here, so it cannot be malformed.
    response.body(Body::from(reply.body)).unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn status(code: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}
