//! Which services a device has, and at which paths.

use std::collections::BTreeMap;

use bartizan_http::xml::Element;
use url::Url;

/// Where the device service is on every device (ONVIF Core 5.1.1).
pub(crate) const DEVICE_PATH: &str = "/onvif/device_service";

/// A service this driver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Service {
    Device,
    Media,
    Media2,
    Ptz,
    Imaging,
    DeviceIo,
    Events,
    Recording,
    Search,
    Replay,
    DoorControl,
}

const NAMESPACES: [(Service, &str, &str); 11] = [
    (Service::Device, "http://www.onvif.org/ver10/device/wsdl", "Device"),
    (Service::Media, "http://www.onvif.org/ver10/media/wsdl", "Media"),
    (Service::Media2, "http://www.onvif.org/ver20/media/wsdl", "Media2"),
    (Service::Ptz, "http://www.onvif.org/ver20/ptz/wsdl", "PTZ"),
    (Service::Imaging, "http://www.onvif.org/ver20/imaging/wsdl", "Imaging"),
    (Service::DeviceIo, "http://www.onvif.org/ver10/deviceIO/wsdl", "DeviceIO"),
    (Service::Events, "http://www.onvif.org/ver10/events/wsdl", "Events"),
    (Service::Recording, "http://www.onvif.org/ver10/recording/wsdl", "Recording"),
    (Service::Search, "http://www.onvif.org/ver10/search/wsdl", "Search"),
    (Service::Replay, "http://www.onvif.org/ver10/replay/wsdl", "Replay"),
    (Service::DoorControl, "http://www.onvif.org/ver10/doorcontrol/wsdl", "DoorControl"),
];

impl Service {
    pub(crate) fn namespace(self) -> &'static str {
        NAMESPACES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// As GetCapabilities and people call it.
    pub(crate) fn name(self) -> &'static str {
        NAMESPACES.iter().find(|row| row.0 == self).map_or("", |row| row.2)
    }

    fn of_namespace(namespace: &str) -> Option<Self> {
        let wanted = namespace.trim().trim_end_matches('/');
        NAMESPACES.iter().find(|row| row.1.eq_ignore_ascii_case(wanted)).map(|row| row.0)
    }
}

/// Paths by service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services {
    paths: BTreeMap<Service, String>,
    /// Auxiliary commands of the whole device, e.g. `tt:Wiper|On`.
    pub auxiliaries: Vec<String>,
}

impl Services {
    /// Only the device service, at its fixed path.
    pub(crate) fn only_device() -> Self {
        Self { paths: BTreeMap::from([(Service::Device, DEVICE_PATH.to_owned())]), auxiliaries: Vec::new() }
    }

    pub(crate) fn path(&self, service: Service) -> Option<&str> {
        self.paths.get(&service).map(String::as_str)
    }

    pub(crate) fn has(&self, service: Service) -> bool {
        self.paths.contains_key(&service)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.paths.keys().map(|service| service.name()).collect()
    }

    /// Reads GetServicesResponse. The device service stays where it was reached.
    pub(crate) fn of_services(answer: &Element) -> Self {
        let mut services = Self::only_device();
        for service in answer.children("Service") {
            services.add(service.text("Namespace").and_then(Service::of_namespace), service.text("XAddr"));
            if let Some(misc) = service.find("Capabilities").and_then(|found| found.descendant("Misc")) {
                services.add_auxiliaries(misc.attribute("AuxiliaryCommands").unwrap_or_default());
            }
        }
        services
    }

    /// Reads GetCapabilitiesResponse: each service under its name, some below Extension.
    pub(crate) fn of_capabilities(answer: &Element) -> Self {
        let mut services = Self::only_device();
        let Some(all) = answer.child("Capabilities") else { return services };
        let extended = all.children("Extension").flat_map(|extension| extension.children.iter());
        for child in all.children.iter().chain(extended) {
            let service = NAMESPACES.iter().find(|row| row.2 == child.name).map(|row| row.0);
            services.add(service, child.text("XAddr"));
        }
        if let Some(io) = all.find("Device/IO/Extension") {
            for command in io.children("AuxiliaryCommands") {
                services.add_auxiliaries(&command.text);
            }
        }
        services
    }

    fn add(&mut self, service: Option<Service>, address: Option<&str>) {
        let (Some(service), Some(address)) = (service, address) else { return };
        if service == Service::Device {
            return;
        }
        if let Some(path) = path_of(address) {
            self.paths.entry(service).or_insert(path);
        }
    }

    pub(crate) fn add_auxiliaries(&mut self, words: &str) {
        for word in words.split_whitespace() {
            if !self.auxiliaries.iter().any(|known| known == word) {
                self.auxiliaries.push(word.to_owned());
            }
        }
    }
}

/// An address as devices write it: blanks and line feeds round it, `&` escaped twice.
pub(crate) fn tidy(address: &str) -> String {
    address.trim().replace("&amp;", "&")
}

/// Path and query of a service's address. Host and port are the ones we reached: behind a NAT the device does not know
/// them, and some write `0.0.0.0`.
pub(crate) fn path_of(address: &str) -> Option<String> {
    let address = tidy(address);
    let relative = if address.starts_with('/') { format!("http://device{address}") } else { address };
    let url = Url::parse(&relative).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let path = url.path();
    Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}
