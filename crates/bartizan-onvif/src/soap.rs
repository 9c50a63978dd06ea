//! SOAP envelopes: writing requests, reading answers, WS-UsernameToken.

use bartizan_base::UtcMicros;
use bartizan_device::Credentials;
use bartizan_http::xml::{Element, XmlError};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use sha1::{Digest as _, Sha1};

use crate::{error::Fault, services::Service};

const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DIGEST: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";
const BASE64: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// Text made safe for element content and attribute values.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Not allowed in XML 1.0 at all.
            c if (c as u32) < 0x20 && !matches!(c, '\t' | '\n' | '\r') => {}
            c => out.push(c),
        }
    }
    out
}

/// A WS-UsernameToken header (OASIS UsernameToken Profile 1.0 §3.1; ONVIF Core 5.9.1): the digest is Base64 of SHA-1
/// over nonce, `Created` and password. `now` is the device's clock.
pub(crate) fn security_header(credentials: &Credentials, now: UtcMicros, nonce: [u8; 16]) -> String {
    let created = Timestamp::from_microsecond(now.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let created = created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let hash = Sha1::new()
        .chain_update(nonce)
        .chain_update(&created)
        .chain_update(credentials.password.expose())
        .finalize();
    format!(
        "<wsse:Security s:mustUnderstand=\"1\" xmlns:wsse=\"{SECURITY}\" xmlns:wsu=\"{UTILITY}\">\
         <wsse:UsernameToken><wsse:Username>{}</wsse:Username>\
         <wsse:Password Type=\"{DIGEST}\">{}</wsse:Password>\
         <wsse:Nonce EncodingType=\"{BASE64}\">{}</wsse:Nonce>\
         <wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>",
        escape(&credentials.user),
        STANDARD.encode(hash),
        STANDARD.encode(nonce),
    )
}

/// A whole request. `arguments` are the operation's child elements, in the prefixes `q` (the service) and `tt`.
pub(crate) fn envelope(service: Service, operation: &str, arguments: &str, header: &str) -> String {
    let header = if header.is_empty() { String::new() } else { format!("<s:Header>{header}</s:Header>") };
    let namespace = service.namespace();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:q=\"{namespace}\" \
         xmlns:tt=\"http://www.onvif.org/ver10/schema\">{header}<s:Body><q:{operation}>{arguments}\
         </q:{operation}></s:Body></s:Envelope>"
    )
}

/// What an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The operation's response element.
    Response(Element),
    /// A fault.
    Fault(Fault),
    /// A body of something else; the name of its first element.
    Other(String),
}

/// Reads an answer. A header that repeats the request's own security token is passed over unread.
pub(crate) fn read(body: &[u8], operation: &str) -> Result<Answer, XmlError> {
    let root = Element::parse(body)?;
    let Some(body) = root.child("Body") else { return Ok(Answer::Other(root.name)) };
    if let Some(fault) = body.child("Fault") {
        return Ok(Answer::Fault(read_fault(fault)));
    }
    let named = body.children.iter().find(|child| {
        child.name.strip_suffix("Response").is_some_and(|name| name.eq_ignore_ascii_case(operation))
    });
    let Some(first) = named.or(body.children.first()) else {
        return Ok(Answer::Other(String::new()));
    };
    // Firmware exists that answers under a neighbouring operation's name; any *Response is taken for ours.
    if first.name.ends_with("Response") {
        return Ok(Answer::Response(first.clone()));
    }
    Ok(Answer::Other(first.name.clone()))
}

fn local(text: &str) -> String {
    let text = text.trim();
    text.rsplit_once(':').map_or(text, |(_, local)| local).trim().to_owned()
}

fn read_fault(fault: &Element) -> Fault {
    let mut subcodes = Vec::new();
    let mut at = fault.find("Code/Subcode");
    while let Some(subcode) = at {
        if let Some(value) = subcode.text("Value") {
            subcodes.push(local(value));
        }
        at = subcode.child("Subcode");
    }
    // SOAP 1.1 spells it faultcode/faultstring.
    let code = fault.text("Code/Value").or_else(|| fault.text("faultcode")).map(local).unwrap_or_default();
    if subcodes.is_empty() && fault.child("faultcode").is_some() {
        subcodes.push(code.clone());
    }
    let reason = fault.text("Reason/Text").or_else(|| fault.text("faultstring"));
    let reason: String =
        reason.or_else(|| fault.text("Detail/Text")).unwrap_or_default().chars().take(300).collect();
    Fault { code, subcodes, reason }
}

/// The element with every part put into the `tt` namespace: a part of an answer, fit to be sent back.
pub(crate) fn in_schema(element: &Element) -> Element {
    let mut out = element.clone();
    out.prefix = "tt".into();
    out.attributes.retain(|(key, _)| !key.starts_with("xmlns"));
    for (key, _) in &mut out.attributes {
        // A prefix whose declaration stays behind would make the document unreadable.
        if let Some((_, local)) = key.rsplit_once(':') {
            *key = local.to_owned();
        }
    }
    out.children = element.children.iter().map(in_schema).collect();
    out
}

/// An XML boolean; devices also write `1`, `True` and `on`.
pub(crate) fn truth(text: &str) -> bool {
    let text = text.trim();
    text == "1" || text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("on")
}

/// A finite number at a path.
pub(crate) fn number(element: &Element, path: &str) -> Option<f32> {
    element.text(path)?.trim().parse::<f32>().ok().filter(|number| number.is_finite())
}

/// A finite number in an attribute.
pub(crate) fn number_attribute(element: &Element, name: &str) -> Option<f32> {
    element.attribute(name)?.trim().parse::<f32>().ok().filter(|number| number.is_finite())
}

/// An `xs:duration` of days and less (XML Schema part 2 §3.2.6), milliseconds.
pub(crate) fn read_duration(text: &str) -> Option<u64> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let mut millis = 0.0_f64;
    for (part, units) in
        [(days, &[('D', 86_400.0)][..]), (time, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)][..])]
    {
        let mut rest = part;
        while let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let unit = rest[end..].chars().next()?;
            let seconds = units.iter().find(|(name, _)| *name == unit)?.1;
            millis += rest[..end].parse::<f64>().ok()? * seconds * 1000.0;
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (millis.is_finite() && millis >= 0.0).then_some(millis.min(1e15) as u64)
}

/// An `xs:duration` in seconds, with as few digits as it needs.
pub(crate) fn write_duration(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        format!("PT{}S", millis / 1000)
    } else {
        format!("PT{}.{:03}S", millis / 1000, millis % 1000)
    }
}

#[cfg(test)]
#[path = "soap_tests.rs"]
mod tests;
