//! Who a device is.

use bartizan_device::{DeviceClass, Identity};
use bartizan_http::xml::Element;

use crate::services::{Service, Services};

/// Words in a model, a hardware scope or a type scope that tell a recorder.
const RECORDER_WORDS: [&str; 9] = [
    "nvr",
    "dvr",
    "xvr",
    "hvr",
    "recorder",
    "networkvideostorage",
    "network_video_storage",
    "nvs",
    "storage",
];
/// More video inputs than any camera with several lenses has, on a device that also records and replays.
const INPUTS_OF_A_RECORDER: usize = 5;

/// Reads GetDeviceInformationResponse.
pub(crate) fn read_information(answer: &Element) -> Identity {
    let text = |name: &str| answer.text(name).unwrap_or_default().to_owned();
    Identity {
        maker: text("Manufacturer"),
        model: text("Model"),
        firmware: text("FirmwareVersion"),
        serial: text("SerialNumber"),
        ..Identity::default()
    }
}

/// `onvif://www.onvif.org/KIND/VALUE`, the value percent-decoded.
pub(crate) fn scope_value(scope: &str, kind: &str) -> Option<String> {
    let scheme = "onvif://www.onvif.org/";
    let rest = scope
        .get(..scheme.len())
        .filter(|head| head.eq_ignore_ascii_case(scheme))
        .map(|_| &scope[scheme.len()..])?;
    let (found, value) = rest.split_once('/')?;
    let value = percent_decode(value).trim_matches('/').trim().to_owned();
    (found.eq_ignore_ascii_case(kind) && !value.is_empty()).then_some(value)
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let hex = hex.and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The first value of a kind among scopes.
pub(crate) fn first_scope(scopes: &[String], kind: &str) -> Option<String> {
    scopes.iter().find_map(|scope| scope_value(scope, kind))
}

/// Reads GetScopesResponse.
pub(crate) fn read_scopes(answer: &Element) -> Vec<String> {
    answer
        .children("Scopes")
        .filter_map(|scope| scope.text("ScopeItem"))
        .map(str::to_owned)
        .take(256)
        .collect()
}

/// A MAC address in lower case with colons; `None` for what is none, or all zero.
pub(crate) fn mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.' | ' ')).collect();
    let is_mac = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_mac || digits.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let pairs: Vec<&str> = (0..6).map(|at| &digits[at * 2..at * 2 + 2]).collect();
    Some(pairs.join(":"))
}

/// The MAC out of GetNetworkInterfacesResponse: of the first interface that is on.
pub(crate) fn read_mac(answer: &Element) -> Option<String> {
    let all = || answer.children("NetworkInterfaces");
    let of = |interface: &Element| interface.text("Info/HwAddress").and_then(mac);
    let on = |interface: &&Element| interface.text("Enabled").is_none_or(crate::soap::truth);
    all().filter(on).find_map(of).or_else(|| all().find_map(of))
}

/// What kind of device this is, by its scopes, words, services and number of video inputs.
pub(crate) fn class(
    scopes: &[String],
    model: &str,
    services: Option<&Services>,
    inputs: usize,
) -> DeviceClass {
    let types: Vec<String> = scopes.iter().filter_map(|scope| scope_value(scope, "type")).collect();
    let words = ["hardware", "name"].iter().filter_map(|kind| first_scope(scopes, kind));
    let mut words = words.chain([model.to_owned()]).map(|word| word.to_ascii_lowercase());
    let tells = |word: &str| {
        let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric());
        parts.any(|part| RECORDER_WORDS.iter().any(|known| part.starts_with(known)))
    };
    let has = |service| services.is_some_and(|services| services.has(service));
    let told = types.iter().any(|word| tells(&word.to_ascii_lowercase())) || words.any(|word| tells(&word));
    let many = inputs >= INPUTS_OF_A_RECORDER && (has(Service::Recording) || has(Service::Replay));
    if has(Service::DoorControl) {
        DeviceClass::Door
    } else if told || many {
        DeviceClass::Recorder
    } else if inputs > 0 || types.iter().any(|word| word.to_ascii_lowercase().contains("video")) {
        DeviceClass::Camera
    } else {
        DeviceClass::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_addresses() {
        let scope = |kind| scope_value("onvif://www.onvif.org/name/Front%20door%E2%82%AC", kind);
        assert_eq!(scope("name").as_deref(), Some("Front door€"));
        assert_eq!(scope("hardware"), None);
        assert_eq!(scope_value("onvif://www.onvif.org/location/", "location"), None);
        assert_eq!(scope_value("ötvif://www.onvif.org/x/y", "x"), None);
        assert_eq!(mac("28-57-BE-65-7D-D5").as_deref(), Some("28:57:be:65:7d:d5"));
        assert_eq!(mac("2857be657dd5").as_deref(), Some("28:57:be:65:7d:d5"));
        assert_eq!((mac("00:00:00:00:00:00"), mac("eth0"), mac("")), (None, None, None));
    }

    #[test]
    fn kinds_of_device() {
        let scopes = |list: &[&str]| -> Vec<String> {
            list.iter().map(|rest| format!("onvif://www.onvif.org/{rest}")).collect()
        };
        for (list, model, inputs, wanted) in [
            (scopes(&["type/video_encoder"]), "M1", 1, DeviceClass::Camera),
            (scopes(&["hardware/NVR5216-4KS2"]), "", 16, DeviceClass::Recorder),
            (scopes(&[]), "DS-7608NI NVR", 8, DeviceClass::Recorder),
            (scopes(&["type/Network_Video_Recorder"]), "", 1, DeviceClass::Recorder),
            (scopes(&[]), "P3818", 4, DeviceClass::Camera),
            (scopes(&[]), "", 0, DeviceClass::Unknown),
        ] {
            assert_eq!(class(&list, model, None, inputs), wanted, "{list:?} {model}");
        }
    }
}
