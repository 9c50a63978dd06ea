//! The content of a card as JSON with one-letter members, since every character makes the codes denser.

use std::{borrow::Cow, collections::BTreeMap};

use bartizan_base::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CardChannel, CardDevice, CardError, CardRoute, MAX_DEVICES};

const MAX_TEXT: usize = 256;
const MAX_HOST: usize = 253;
const MAX_ROUTES: usize = 16;
const MAX_PORTS: usize = 16;
const MAX_CHANNELS: usize = 512;

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    #[serde(borrow, rename = "d")]
    devices: Vec<Device<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Device<'a> {
    #[serde(borrow, rename = "n", default)]
    name: Cow<'a, str>,
    #[serde(borrow, rename = "f", default)]
    family: Cow<'a, str>,
    #[serde(borrow, rename = "r", default)]
    routes: Vec<Route<'a>>,
    #[serde(borrow, rename = "u", default, skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "p", default, skip_serializing_if = "Option::is_none")]
    password: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "s", default, skip_serializing_if = "Option::is_none")]
    serial: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "m", default, skip_serializing_if = "Option::is_none")]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "q", default, skip_serializing_if = "Option::is_none")]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<Channel<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Route<'a> {
    #[serde(borrow, rename = "h")]
    host: Cow<'a, str>,
    #[serde(borrow, rename = "p", default, skip_serializing_if = "BTreeMap::is_empty")]
    ports: BTreeMap<Cow<'a, str>, u16>,
}

/// `[number, name]`.
#[derive(Serialize, Deserialize)]
struct Channel<'a>(u32, #[serde(borrow)] Cow<'a, str>);

/// JSON of the devices. The bytes hold passwords unless told not to, hence wiped.
pub(super) fn write(devices: &[CardDevice], passwords: bool) -> Result<Zeroizing<Vec<u8>>, CardError> {
    for device in devices {
        check(device)?;
    }
    if devices.is_empty() || devices.len() > MAX_DEVICES {
        return Err(CardError::TooLarge("a card has 1 to 512 devices"));
    }
    let content = Content { devices: devices.iter().map(|device| on_wire(device, passwords)).collect() };
    // Room from the start: a vector that grows leaves copies of passwords behind.
    let room = devices.iter().map(|d| 2048 + d.routes.len() * 1024 + d.channels.len() * 320).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *bytes, &content).map_err(|_| CardError::TooLarge("content"))?;
    Ok(bytes)
}

fn on_wire(device: &CardDevice, passwords: bool) -> Device<'_> {
    fn borrowed(text: &Option<String>) -> Option<Cow<'_, str>> {
        text.as_deref().filter(|text| !text.is_empty()).map(Cow::Borrowed)
    }
    fn route_on_wire(route: &CardRoute) -> Route<'_> {
        Route {
            host: Cow::Borrowed(&route.host),
            ports: route.ports.iter().map(|(name, port)| (Cow::Borrowed(name.as_str()), *port)).collect(),
        }
    }
    Device {
        name: Cow::Borrowed(&device.name),
        family: Cow::Borrowed(&device.family),
        routes: device.routes.iter().map(route_on_wire).collect(),
        user: borrowed(&device.user),
        password: device.password.as_ref().filter(|_| passwords).map(|secret| Cow::Borrowed(secret.expose())),
        serial: borrowed(&device.serial),
        model: borrowed(&device.model),
        stream: borrowed(&device.stream),
        channels: device.channels.iter().map(|c| Channel(c.number, Cow::Borrowed(&c.name))).collect(),
    }
}

/// Devices of a card. Members that are not known are ignored.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<CardDevice>, CardError> {
    // serde_json's message may quote the content, so it is not passed on.
    let content: Content = serde_json::from_slice(bytes).map_err(|_| CardError::Damaged("content"))?;
    if content.devices.len() > MAX_DEVICES {
        return Err(CardError::TooLarge("a card has 1 to 512 devices"));
    }
    content.devices.into_iter().map(from_wire).collect()
}

fn from_wire(device: Device) -> Result<CardDevice, CardError> {
    let text = |text: Option<Cow<str>>| text.map(Cow::into_owned).filter(|text| !text.is_empty());
    let device = CardDevice {
        name: device.name.into_owned(),
        family: device.family.into_owned(),
        routes: device
            .routes
            .into_iter()
            .map(|route| CardRoute {
                host: route.host.into_owned(),
                ports: route.ports.into_iter().map(|(name, port)| (name.into_owned(), port)).collect(),
            })
            .collect(),
        user: text(device.user),
        password: device.password.map(|password| Secret::new(password.into_owned())),
        serial: text(device.serial),
        model: text(device.model),
        stream: text(device.stream),
        channels: device
            .channels
            .into_iter()
            .map(|c| CardChannel { number: c.0, name: c.1.into_owned() })
            .collect(),
    };
    check(&device)?;
    Ok(device)
}

/// The same limits when writing and when reading.
fn check(device: &CardDevice) -> Result<(), CardError> {
    let texts = [Some(&device.name), Some(&device.family), device.user.as_ref()]
        .into_iter()
        .chain([device.serial.as_ref(), device.model.as_ref(), device.stream.as_ref()])
        .flatten()
        .chain(device.channels.iter().map(|channel| &channel.name))
        .map(String::len)
        .chain(device.password.iter().map(|password| password.expose().len()));
    if texts.max().unwrap_or(0) > MAX_TEXT {
        return Err(CardError::TooLarge("a text longer than 256 bytes"));
    }
    if device.channels.len() > MAX_CHANNELS || device.routes.len() > MAX_ROUTES {
        return Err(CardError::TooLarge("a device has at most 16 routes and 512 channels"));
    }
    for route in &device.routes {
        if route.host.is_empty() || route.host.len() > MAX_HOST || route.ports.len() > MAX_PORTS {
            return Err(CardError::TooLarge("a host has 1 to 253 bytes and at most 16 ports"));
        }
        if route.ports.iter().any(|(name, port)| name.len() > 16 || *port == 0) {
            return Err(CardError::Damaged("port"));
        }
    }
    Ok(())
}
