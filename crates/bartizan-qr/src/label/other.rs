//! What is not a device's label, told apart so that the user reads more than "unknown code".

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bartizan_base::Secret;

use super::{Payload, WifiLabel, some_text};

/// What an unusable text seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seems {
    /// Nothing but blanks.
    Empty,
    /// Longer than [`super::MAX_TEXT`].
    TooLong,
    /// A part of our device card that is damaged.
    DamagedCard,
    /// A device card of a newer version of the format.
    NewerCard,
    /// A maker's device list that is damaged.
    DamagedVendorShare,
    /// A maker's device list of an unknown version.
    UnknownVendorShare,
    /// A JSON object; the names of its members, no values, at most 16.
    Json(Vec<String>),
    /// The cloud identifier of a peer-to-peer camera (XMeye, ICSee, TUTK): such a device has no documented local
    /// access by this number.
    VendorUid,
    /// A MAC address.
    MacAddress,
    /// A code for a smart-home pairing (Matter, HomeKit).
    SmartHome,
    /// A contact, mail, message, telephone or calendar code.
    Contact,
    /// A one-time-password key. Holds a secret; never shown.
    OneTimePassword,
    /// A link of some other scheme; the scheme, lower case.
    Link(String),
    /// Any other text.
    Text,
}

/// A text of no use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it seems to be.
    pub seems: Seems,
    /// The start of the text, at most 80 characters, where showing it cannot give a secret away.
    pub excerpt: Option<String>,
}

impl Other {
    pub(super) fn new(seems: Seems) -> Self {
        Self { seems, excerpt: None }
    }

    /// Plain text. It is shown because nothing marks it as secret, but for what looks like a login.
    pub(super) fn plain(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let private = ["pass", "pwd", "psw", "secret", "token"].iter().any(|word| lower.contains(word));
        Self { seems: Seems::Text, excerpt: (!private).then(|| excerpt(text)) }
    }
}

fn excerpt(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect()
}

/// Texts that say themselves what they are.
pub(super) fn by_prefix(text: &str) -> Option<Payload> {
    let upper: String = text.chars().take(16).collect::<String>().to_ascii_uppercase();
    if upper.starts_with("WIFI:") {
        return Some(wifi(&text[5..]));
    }
    if text.starts_with('{')
        && let Ok(serde_json::Value::Object(members)) = serde_json::from_str(text)
    {
        let names = members.keys().take(16).map(|name| name.chars().take(40).collect()).collect();
        return Some(Payload::Other(Other::new(Seems::Json(names))));
    }
    if upper.starts_with("OTPAUTH:") {
        return Some(Payload::Other(Other::new(Seems::OneTimePassword)));
    }
    if upper.starts_with("MT:") || upper.starts_with("X-HM:") {
        return Some(Payload::Other(Other::new(Seems::SmartHome)));
    }
    const CONTACT: [&str; 10] = [
        "BEGIN:",
        "MECARD:",
        "MATMSG:",
        "MAILTO:",
        "TEL:",
        "SMS:",
        "SMSTO:",
        "BIZCARD:",
        "GEO:",
        "FACETIME:",
    ];
    if CONTACT.iter().any(|prefix| upper.starts_with(prefix)) {
        return Some(Payload::Other(Other::new(Seems::Contact)));
    }
    if let Some((scheme, _)) = text.split_once("://")
        && !scheme.is_empty()
        && scheme.len() <= 32
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return Some(Payload::Other(Other::new(Seems::Link(scheme.to_ascii_lowercase()))));
    }
    None
}

/// `WIFI:S:name;T:WPA;P:password;H:true;;` with backslash before `\ ; , : "`.
fn wifi(body: &str) -> Payload {
    let mut label = WifiLabel { ssid: String::new(), security: None, password: None };
    for field in unescaped_fields(body) {
        match field.split_once(':') {
            Some(("S", value)) => value.clone_into(&mut label.ssid),
            Some(("T", value)) => label.security = some_text(value),
            Some(("P", value)) if !value.is_empty() => label.password = Some(Secret::new(value)),
            _ => {}
        }
    }
    Payload::Wifi(label)
}

fn unescaped_fields(body: &str) -> Vec<String> {
    let (mut fields, mut field, mut escaped) = (Vec::new(), String::new(), false);
    for c in body.chars() {
        match c {
            _ if escaped => {
                field.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            ';' => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// A bare address, `192.168.1.108`, `192.168.1.108:8000`, `[fe80::1]:80`.
pub(super) fn address(text: &str) -> Option<Payload> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Payload::Address { ip, port: None });
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(Payload::Address {
            ip: socket.ip(),
            port: Some(socket.port()).filter(|port| *port != 0),
        });
    }
    // Three or five numbers with dots are no serial either, but no address to offer.
    text.split(':').next()?.parse::<Ipv4Addr>().ok().map(|ip| Payload::Address { ip: ip.into(), port: None })
}

/// Identifiers that look like serials and are not.
pub(super) fn foreign_id(text: &str) -> Option<Payload> {
    let hex_pairs = |separator: char| {
        let pairs: Vec<&str> = text.split(separator).collect();
        pairs.len() == 6
            && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if hex_pairs(':') || hex_pairs('-') {
        return Some(Payload::Other(Other { seems: Seems::MacAddress, excerpt: Some(excerpt(text)) }));
    }
    let upper_or_digit = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let dashed = || {
        // TUTK and PPCS also print PREFIX-123456-ABCDE.
        let parts: Vec<&str> = text.split('-').collect();
        matches!(parts[..], [a, b, c] if (3..=8).contains(&a.len()) && a.bytes().all(|b| b.is_ascii_uppercase())
            && (5..=7).contains(&b.len()) && b.bytes().all(|b| b.is_ascii_digit())
            && c.len() == 5 && c.bytes().all(|b| b.is_ascii_uppercase()))
    };
    let plain = text.len() == 20
        && text.bytes().all(upper_or_digit)
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_uppercase());
    let lower_hex = text.len() == 16
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && text.bytes().any(|b| b.is_ascii_lowercase());
    (plain || dashed() || lower_hex)
        .then(|| Payload::Other(Other { seems: Seems::VendorUid, excerpt: Some(excerpt(text)) }))
}
