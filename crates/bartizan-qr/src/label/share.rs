//! The device list that Hik-Connect and iVMS-4500 export: `QRC03010003`, then base64 of zlib data (source: the
//! description in maxim-smirnov/hik-qr-export).
//!
//! Names, hosts and ports are in clear. User names and passwords are under a cipher whose one key is part of the
//! maker's app; that key is not here, so the user types them.

use std::io::Read;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Other, Payload, Seems};

const HEADER: &str = "QRC03010003";
/// Inflated size limit, bytes: some 500 devices, far beyond what fits a code.
const MAX_INFLATED: u64 = 64 * 1024;
const MAX_DEVICES: usize = 512;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One device of a shared list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDevice {
    /// Name given by the user; empty if unreadable.
    pub name: String,
    /// Address or host name.
    pub host: String,
    /// The maker's server port (8000 by default), not HTTP or RTSP.
    pub port: Option<u16>,
}

/// A device list of the maker's own app, without logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorShare {
    /// In the order of the list.
    pub devices: Vec<SharedDevice>,
    /// Entries left out because they could not be read, or have no host (cloud devices).
    pub unreadable: usize,
}

/// `None` when the text is no such list at all.
pub(super) fn read(text: &str) -> Option<Payload> {
    let digits = text.strip_prefix("QRC")?.get(..8)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let Some(body) = text.strip_prefix(HEADER) else {
        return Some(Payload::Other(Other::new(Seems::UnknownVendorShare)));
    };
    Some(match devices(body) {
        Some(share) => Payload::Shared(share),
        None => Payload::Other(Other::new(Seems::DamagedVendorShare)),
    })
}

fn devices(body: &str) -> Option<VendorShare> {
    let compact: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let packed = BASE64.decode(compact).ok()?;
    let mut plain = String::new();
    let mut inflate = flate2::read::ZlibDecoder::new(&packed[..]).take(MAX_INFLATED + 1);
    inflate.read_to_string(&mut plain).ok()?;
    if plain.len() as u64 > MAX_INFLATED {
        return None;
    }
    let (_password, rest) = plain.split_once(':')?;
    let (list, _made_at) = rest.rsplit_once(':')?;
    let mut share = VendorShare { devices: Vec::new(), unreadable: 0 };
    for entry in list.split(['$', ';']).filter(|entry| !entry.is_empty()).take(MAX_DEVICES) {
        match device(entry) {
            Some(device) => share.devices.push(device),
            None => share.unreadable += 1,
        }
    }
    Some(share)
}

/// base64(name) & mode & base64(host) & port & empty & user & password.
fn device(entry: &str) -> Option<SharedDevice> {
    let mut fields = entry.split('&');
    let text = |field: &str| BASE64.decode(field).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let name = fields.next().and_then(text).unwrap_or_default();
    let _mode = fields.next()?;
    let host = text(fields.next()?)?.trim().to_owned();
    let port = fields.next().and_then(|port| port.trim().parse().ok()).filter(|port| *port != 0);
    let plain = !host.is_empty() && host.len() <= 253 && host.chars().all(|c| c.is_ascii_graphic());
    plain.then(|| SharedDevice { name: name.trim().chars().take(128).collect(), host, port })
}
