//! Device cards: what goes onto one, and adding what one brings.

use std::collections::BTreeMap;

use bartizan_base::{Code, DeviceId, Error, Result, Secret};
use bartizan_device::FamilyId;
use bartizan_qr::{CardDevice, card::CardRoute};
use bartizan_store::{DeviceRow, RouteRow};
use futures::StreamExt;

use crate::{
    Devices,
    draft::{AddedBy, Draft, PortsDraft},
    search::serials_match,
};

/// Devices of a card that are asked at once.
const AT_ONCE: usize = 3;

/// What became of one device of a card.
#[derive(Clone, Debug)]
pub struct CardOutcome {
    /// Its name on the card.
    pub name: String,
    /// Where it is in the list now.
    pub device: Option<DeviceId>,
    /// Why it could not be asked now. With a device beside it, it was stored all the same.
    pub trouble: Option<Error>,
}

impl Devices {
    /// Some devices as a card carries them.
    pub fn for_card(&self, ids: &[DeviceId]) -> Result<Vec<CardDevice>> {
        if ids.is_empty() {
            return Err(Error::new(Code::InvalidInput, "a card needs a device"));
        }
        ids.iter().map(|id| Ok(on_card(self.book().get(id)?))).collect()
    }

    /// The device of our list that a device of a card is.
    pub fn known_from_card(&self, device: &CardDevice) -> Option<DeviceId> {
        let serial = device.serial.as_deref().unwrap_or_default();
        let (_, rows) = self.book().list();
        let same = |row: &DeviceRow| {
            if !serial.is_empty() && !row.facts.serial.is_empty() {
                return serials_match(serial, &row.facts.serial);
            }
            let path =
                || row.channels.first().and_then(|channel| channel.streams.first()).map(|one| &one.path);
            device.routes.iter().any(|route| {
                row.routes.iter().any(|own| {
                    let ports = |name: &str, own: Option<u16>| {
                        route.ports.get(name).is_none_or(|port| own.is_none_or(|own| own == *port))
                    };
                    own.host == route.host && ports("http", own.http) && ports("rtsp", own.rtsp)
                })
            }) && device.stream.as_ref().is_none_or(|stream| path() == Some(stream))
        };
        rows.into_iter().find(same).map(|row| row.id)
    }

    /// Adds every device of a card that is not in the list. One that is out of reach, or whose password the card does
    /// not bring, is stored unasked, so that a card can be scanned at the desk and used on site.
    pub async fn add_from_card(&self, devices: Vec<CardDevice>) -> Vec<CardOutcome> {
        futures::stream::iter(devices)
            .map(|device| async move {
                let name = device.name.clone();
                if let Some(known) = self.known_from_card(&device) {
                    return CardOutcome { name, device: Some(known), trouble: None };
                }
                match self.add_one(device).await {
                    Ok((id, trouble)) => CardOutcome { name, device: Some(id), trouble },
                    Err(error) => CardOutcome { name, device: None, trouble: Some(error) },
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn add_one(&self, device: CardDevice) -> Result<(DeviceId, Option<Error>)> {
        let complete = device.password.is_some() || device.user.is_none();
        let draft = draft_of(device)?;
        let trouble = if complete {
            match self.probe(&draft).await {
                Ok(found) => return Ok((self.add_found(&draft, found).await?.id, None)),
                Err(error) => error,
            }
        } else {
            Error::new(Code::PasswordNeeded, "the card brings no password for this device")
        };
        let row = self.add_unprobed(&draft).await?;
        Ok((row.id, Some(trouble)))
    }
}

fn on_card(row: DeviceRow) -> CardDevice {
    let text = |text: String| (!text.is_empty()).then_some(text);
    let routes = row.routes.iter().map(route_on_card).collect();
    let family = if row.facts.family.is_empty() { FamilyId::RTSP.0.to_owned() } else { row.facts.family };
    // A device known by one stream is found again only by that stream.
    let stream = match row.channels.as_slice() {
        [only] if family == FamilyId::RTSP.0 => only.streams.first().map(|stream| stream.path.clone()),
        _ => None,
    };
    CardDevice {
        name: row.name,
        family,
        routes,
        user: text(row.user),
        password: row.password.filter(|password| !password.is_empty()),
        serial: text(row.facts.serial),
        model: text(row.facts.model),
        stream,
        channels: Vec::new(),
    }
}

fn route_on_card(route: &RouteRow) -> CardRoute {
    let named =
        [("http", route.http), ("https", route.https), ("rtsp", route.rtsp), ("server", route.server)];
    let ports = named.into_iter().filter_map(|(name, port)| Some((name.to_owned(), port?)));
    CardRoute { host: route.host.clone(), ports: ports.collect::<BTreeMap<_, _>>() }
}

fn draft_of(device: CardDevice) -> Result<Draft> {
    let port = |route: &CardRoute, name: &str| route.ports.get(name).copied().map(u32::from);
    let ports = |route: &CardRoute| PortsDraft {
        http: port(route, "http"),
        https: port(route, "https"),
        rtsp: port(route, "rtsp"),
        server: port(route, "server"),
    };
    let first = device
        .routes
        .first()
        .ok_or_else(|| Error::new(Code::CardUnreadable, "the card gives no address for this device"))?;
    let url = match &device.stream {
        Some(path) => {
            let port = port(first, "rtsp").unwrap_or(u32::from(bartizan_device::DEFAULT_RTSP_PORT));
            Some(bartizan_device::RtspAddress::new(&first.host, port, path)?.url()?.to_string())
        }
        None => None,
    };
    Ok(Draft {
        url,
        host: Some(first.host.clone()),
        ports: ports(first),
        routes: Some(device.routes[1..].iter().map(|route| (route.host.clone(), ports(route))).collect()),
        family: Some(device.family).filter(|family| !family.is_empty()),
        added_by: Some(AddedBy::Card),
        user: device.user,
        password: Some(device.password.unwrap_or_else(|| Secret::new(""))),
        name: Some(device.name),
        ..Draft::default()
    })
}
