//! What a scanned or typed text says.
//!
//! Labels are printed by many hands over many years, so reading is tolerant; what cannot be taken for anything known
//! is [`Payload::Other`] with what it seems to be. Sources: the parsers of the makers' own open SDKs (Dahua/Imou
//! `LCQRCode`, EZVIZ sample scanner) and, for the shared device list, its published description.

mod dahua;
mod hikvision;
mod other;
mod share;
mod url;

use bartizan_base::Secret;

pub use self::{
    other::{Other, Seems},
    share::{SharedDevice, VendorShare},
    url::{UrlLabel, UrlScheme},
};
use crate::card::{self, CardPart};

/// The longest text looked at, bytes. A QR code holds at most 4296 characters (ISO/IEC 18004, version 40-L); typed and
/// pasted text gets some room more.
pub const MAX_TEXT: usize = 16 * 1024;

/// Whose label it seems to be: which discovery to ask, and how serials compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelFamily {
    /// Dahua and Imou.
    Dahua,
    /// Hikvision and EZVIZ.
    Hikvision,
}

/// A device's own label. Every value is as printed, trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLabel {
    /// Told by the form of the label; `None` for a bare serial that could be anyone's.
    pub family: Option<LabelFamily>,
    /// Serial number, ASCII letters and digits, 5–64 characters (dashes and slashes only in Hikvision's long form).
    pub serial: String,
    /// Model, where the label has one.
    pub model: Option<String>,
    /// Dahua `SC` (or the older `RD`/`RC`), Hikvision's verification code. **Not** the device's login password, though
    /// some consumer devices are delivered with it as one.
    pub code: Option<Secret>,
    /// Dahua `NC`: how the device can be brought onto Wi-Fi, a number of the maker's.
    pub network_ability: Option<String>,
    /// IMEI of a cellular device.
    pub imei: Option<String>,
    /// The maker's cloud host printed in the first line (Hikvision, EZVIZ). Never contacted.
    pub host: Option<String>,
}

impl DeviceLabel {
    fn bare(serial: &str, family: Option<LabelFamily>) -> Self {
        Self {
            family,
            serial: serial.to_owned(),
            model: None,
            code: None,
            network_ability: None,
            imei: None,
            host: None,
        }
    }

    /// The part of the serial that both the label and the network tell: the last 9 characters for Hikvision, else all.
    pub fn short_serial(&self) -> &str {
        match self.family {
            Some(LabelFamily::Hikvision) => last_chars(&self.serial, HIKVISION_SHORT),
            _ => &self.serial,
        }
    }
}

/// Wi-Fi access (`WIFI:` URI as phones print it). Not a device; recognised so that the user is told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WifiLabel {
    /// Network name.
    pub ssid: String,
    /// `WPA`, `WEP`, `nopass` …, as written.
    pub security: Option<String>,
    /// The network's password.
    pub password: Option<Secret>,
}

/// What a text was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A device's label: match its serial with what discovery finds.
    Device(DeviceLabel),
    /// A stream or service address.
    Url(UrlLabel),
    /// A bare network address, with a port if one was written.
    Address {
        /// IPv4 or IPv6 address.
        ip: std::net::IpAddr,
        /// 1–65535.
        port: Option<u16>,
    },
    /// One part of our own device card: feed it to [`crate::CardReader`].
    Card(CardPart),
    /// A device list made by Hik-Connect or iVMS-4500: names, hosts and ports, without logins.
    Shared(VendorShare),
    /// Access to a wireless network.
    Wifi(WifiLabel),
    /// Anything else, with what it seems to be.
    Other(Other),
}

/// Reads any scanned or typed text. Never fails: what is not understood is [`Payload::Other`].
pub fn read(text: &str) -> Payload {
    if text.len() > MAX_TEXT {
        return Payload::Other(Other::new(Seems::TooLong));
    }
    // Only blanks go from the front: a Hikvision label may start with an empty host line.
    let text = text.trim_end().trim_start_matches(['\u{feff}', ' ', '\t']);
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Payload::Other(Other::new(Seems::Empty));
    }
    if let Some(part) = card::looks_like_part(trimmed) {
        return match part {
            Ok(part) => Payload::Card(part),
            Err(seems) => Payload::Other(Other::new(seems)),
        };
    }
    if let Some(share) = share::read(trimmed) {
        return share;
    }
    if let Some(url) = url::read(trimmed) {
        return Payload::Url(url);
    }
    if let Some(known) = other::by_prefix(trimmed) {
        return known;
    }
    if let Some(address) = other::address(trimmed) {
        return address;
    }
    if trimmed.contains("SN:")
        && let Some(label) = dahua::tagged(trimmed)
    {
        return Payload::Device(label);
    }
    if let Some(label) = hikvision::lines(text) {
        return Payload::Device(label);
    }
    if let Some(vendor) = other::foreign_id(trimmed) {
        return vendor;
    }
    if let Some(label) = dahua::untagged(trimmed).or_else(|| bare(trimmed)) {
        return Payload::Device(label);
    }
    Payload::Other(Other::plain(trimmed))
}

/// A lone serial. Long Hikvision serials start with the model and hold dashes; others are letters and digits.
fn bare(text: &str) -> Option<DeviceLabel> {
    if let Some(label) = hikvision::long_serial(text) {
        return Some(label);
    }
    plausible_serial(text).then(|| {
        let family = match text.len() {
            HIKVISION_SHORT => Some(LabelFamily::Hikvision),
            15 => Some(LabelFamily::Dahua),
            _ => None,
        };
        DeviceLabel::bare(text, family)
    })
}

/// Letters and digits, 5–32 of them, at least one digit: so that ordinary words are not taken for serials.
fn plausible_serial(text: &str) -> bool {
    (5..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().any(|b| b.is_ascii_digit())
}

/// Length of the short serial on Hikvision and EZVIZ labels.
const HIKVISION_SHORT: usize = 9;

fn last_chars(text: &str, count: usize) -> &str {
    let from = text.char_indices().rev().nth(count - 1).map_or(0, |(at, _)| at);
    &text[from..]
}

/// Whether the device that discovery found under `discovered` is the one the label is from.
///
/// Hikvision: the last 9 characters of the device's serial (`DeviceSN` in SADP, `serialNumber` in ISAPI), where a
/// recorder's trailing `WCVU` does not count. Dahua: the whole serial. Case never matters. A bare 9-character serial
/// of unknown make matches either way.
pub fn serial_matches(label: &DeviceLabel, discovered: &str) -> bool {
    let (label_serial, discovered) = (label.serial.trim(), discovered.trim());
    if label_serial.is_empty() || discovered.is_empty() {
        return false;
    }
    if label_serial.eq_ignore_ascii_case(discovered) {
        return true;
    }
    if label.family != Some(LabelFamily::Hikvision) || !discovered.is_ascii() || !label_serial.is_ascii() {
        return false;
    }
    let core = |serial: &str| {
        let upper = serial.to_ascii_uppercase();
        let upper = upper.strip_suffix("WCVU").unwrap_or(&upper);
        (upper.len() >= HIKVISION_SHORT).then(|| last_chars(upper, HIKVISION_SHORT).to_owned())
    };
    core(label_serial).is_some_and(|short| core(discovered) == Some(short))
}

fn some_text(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn some_secret(text: &str) -> Option<Secret> {
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}

#[cfg(test)]
mod tests;
