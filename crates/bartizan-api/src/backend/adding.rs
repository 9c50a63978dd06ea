//! What crosses for finding and adding devices.

use bartizan_app::{
    AddedBy, Details, DeviceBook, DeviceRow, Draft, Found, FoundDevice, PortsDraft, RouteRow, SearchView,
    added_by_from, class_from,
    device::{DeviceClass, Identity, Online, Recognised, ServicePorts},
    is_local, transport_from,
};
use bartizan_base::{Error, Result, Secret};

use crate::{commands::error_dto, dto};

impl TryFrom<dto::DeviceDraft> for Draft {
    type Error = Error;

    fn try_from(draft: dto::DeviceDraft) -> Result<Self> {
        Ok(Self {
            url: draft.url,
            host: draft.host,
            port: draft.port,
            ports: draft.ports.unwrap_or_default().into(),
            routes: draft
                .routes
                .map(|all| all.into_iter().map(|route| (route.host, route.ports.into())).collect()),
            family: draft.family.filter(|family| !family.is_empty()),
            class: draft.class.map(DeviceClass::from),
            added_by: draft.added_by.map(AddedBy::from),
            user: draft.user,
            password: draft.password.map(Secret::new),
            name: draft.name,
            transport: draft.transport.map(|transport| match transport {
                dto::Transport::Auto => bartizan_app::Transport::Auto,
                dto::Transport::Tcp => bartizan_app::Transport::Tcp,
                dto::Transport::Udp => bartizan_app::Transport::Udp,
            }),
            accept_certificate: draft.accept_certificate.map(|pin| pin.parse()).transpose()?,
            spend_last_try: draft.spend_last_try.unwrap_or(false),
        })
    }
}

impl From<dto::Ports> for PortsDraft {
    fn from(ports: dto::Ports) -> Self {
        let dto::Ports { http, https, rtsp, server } = ports;
        Self { http, https, rtsp, server }
    }
}

impl From<ServicePorts> for dto::Ports {
    fn from(ports: ServicePorts) -> Self {
        let PortsDraft { http, https, rtsp, server } = ports.into();
        Self { http, https, rtsp, server }
    }
}

impl From<dto::DeviceClass> for DeviceClass {
    fn from(class: dto::DeviceClass) -> Self {
        match class {
            dto::DeviceClass::Unknown => Self::Unknown,
            dto::DeviceClass::Camera => Self::Camera,
            dto::DeviceClass::Recorder => Self::Recorder,
            dto::DeviceClass::Door => Self::Door,
            dto::DeviceClass::Alarm => Self::Alarm,
        }
    }
}

impl From<DeviceClass> for dto::DeviceClass {
    fn from(class: DeviceClass) -> Self {
        match class {
            DeviceClass::Unknown => Self::Unknown,
            DeviceClass::Camera => Self::Camera,
            DeviceClass::Recorder => Self::Recorder,
            DeviceClass::Door => Self::Door,
            DeviceClass::Alarm => Self::Alarm,
        }
    }
}

impl From<dto::AddedBy> for AddedBy {
    fn from(by: dto::AddedBy) -> Self {
        match by {
            dto::AddedBy::Address => Self::Address,
            dto::AddedBy::Scan => Self::Scan,
            dto::AddedBy::Search => Self::Search,
            dto::AddedBy::Card => Self::Card,
        }
    }
}

impl From<AddedBy> for dto::AddedBy {
    fn from(by: AddedBy) -> Self {
        match by {
            AddedBy::Address => Self::Address,
            AddedBy::Scan => Self::Scan,
            AddedBy::Search => Self::Search,
            AddedBy::Card => Self::Card,
        }
    }
}

impl From<Identity> for dto::Identity {
    fn from(identity: Identity) -> Self {
        let Identity { maker, model, firmware, serial, mac, name, class } = identity;
        Self { maker, model, firmware, serial, mac, name, class: class.into() }
    }
}

/// The ways of a device; the chosen one is marked.
pub(super) fn routes(row: &DeviceRow, in_use: usize) -> Vec<dto::Route> {
    let ports = |route: &RouteRow| dto::Ports {
        http: route.http.map(u32::from),
        https: route.https.map(u32::from),
        rtsp: route.rtsp.map(u32::from),
        server: route.server.map(u32::from),
    };
    let route = |(place, route): (usize, &RouteRow)| dto::Route {
        host: route.host.clone(),
        ports: ports(route),
        local: is_local(&route.host),
        in_use: place == in_use,
    };
    row.routes.iter().enumerate().map(route).collect()
}

/// A device as listed.
pub(super) fn device(row: DeviceRow, book: &DeviceBook) -> dto::Device {
    let routes = routes(&row, book.routes().in_use(&row));
    let facts = row.facts;
    dto::Device {
        id: row.id.to_string(),
        name: row.name,
        host: row.host,
        port: row.port,
        user: row.user,
        has_password: row.password.is_some_and(|password| !password.is_empty()),
        transport: transport_from(&row.transport).into(),
        family: facts.family,
        identity: dto::Identity {
            maker: facts.maker,
            model: facts.model,
            firmware: facts.firmware,
            serial: facts.serial,
            mac: facts.mac,
            name: facts.own_name,
            class: class_from(&facts.class).into(),
        },
        added_by: added_by_from(&facts.added_by).into(),
        routes,
        unverified: facts.unverified,
        channels: row.channels.into_iter().map(dto::Channel::from).collect(),
        video_trouble: None,
        added_at_ms: row.added_at.millis(),
    }
}

impl From<Found> for dto::ProbeReport {
    fn from(found: Found) -> Self {
        Self {
            host: found.address.host,
            port: found.address.port,
            family: found.family,
            evidence: found.evidence,
            identity: found.identity.into(),
            https: found.certificate.is_some(),
            certificate: found.certificate.map(|pin| pin.to_string()),
            server: found.server,
            channels: found.channels.into_iter().map(dto::Channel::from).collect(),
            video_trouble: found.video_trouble.as_ref().map(error_dto),
            oddities: found.oddities,
        }
    }
}

impl From<Recognised> for dto::RecogniseReport {
    fn from(found: Recognised) -> Self {
        Self {
            family: found.family.0.to_owned(),
            evidence: found.evidence,
            activated: found.activated,
            https: found.https,
            certificate: found.certificate.map(|pin| pin.to_string()),
            identity: found.identity.into(),
        }
    }
}

impl From<SearchView> for dto::SearchState {
    fn from(view: SearchView) -> Self {
        Self {
            search: view.search,
            revision: view.revision,
            running: view.running,
            found: view.found.into_iter().map(dto::FoundDevice::from).collect(),
            troubles: view.troubles,
        }
    }
}

impl From<FoundDevice> for dto::FoundDevice {
    fn from(found: FoundDevice) -> Self {
        let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        Self {
            key: found.key,
            host: addresses.first().cloned().unwrap_or_default(),
            addresses,
            ports: found.ports.into(),
            family: found.family.map(|family| family.0.to_owned()),
            found_by: found.found_by.into_iter().map(str::to_owned).collect(),
            identity: found.identity.into(),
            activated: found.activated,
            added: found.added.map(|id| id.to_string()),
        }
    }
}

/// What a device says about itself now.
pub(super) fn details(details: Details, book: &DeviceBook) -> dto::DeviceDetails {
    let Details { row, identity, channels, reached, clock, oddities } = details;
    let in_use = book.routes().in_use(&row);
    dto::DeviceDetails {
        id: row.id.to_string(),
        class: match class_from(&row.facts.class) {
            DeviceClass::Unknown => identity.class.into(),
            chosen => chosen.into(),
        },
        routes: routes(&row, in_use),
        family: row.facts.family,
        identity: identity.into(),
        channels: channels
            .into_iter()
            .map(|(channel, online)| dto::ChannelState {
                channel: channel.into(),
                online: match &online {
                    Online::Yes => Some(true),
                    Online::No(_) => Some(false),
                    Online::Unknown => None,
                },
                why_offline: if let Online::No(why) = online { why } else { String::new() },
            })
            .collect(),
        web_page: reached.as_ref().map(|reached| reached.web_page.clone()),
        certificate: reached.and_then(|reached| reached.certificate).map(|pin| pin.to_string()),
        clock_offset_ms: clock.as_ref().map(|clock| clock.offset_ms),
        zone: clock.map(|clock| clock.zone).unwrap_or_default(),
        oddities,
    }
}
