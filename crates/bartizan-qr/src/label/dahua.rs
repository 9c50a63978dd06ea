//! Dahua and Imou labels (source: `LCQRCode.m` of Dahua's open SDK).

use super::{DeviceLabel, LabelFamily, plausible_serial, some_secret, some_text};

/// Longest first, so that a run ending with `IMEI` is not taken for another tag.
const TAGS: [&str; 11] = ["IMEI", "TYPE", "PID", "CID", "UID", "SN", "DT", "SC", "NC", "RD", "RC"];

/// Characters that end any value. Blank, dash, slash and backslash may be part of a model.
fn separates(byte: u8) -> bool {
    matches!(byte, b',' | b';' | b'{' | b'}' | b'|' | b'&' | b'"' | b'\'') || byte.is_ascii_control()
}

/// A tag in the text: its name, where it starts and where its value starts.
struct Tag {
    name: &'static str,
    start: usize,
    value: usize,
}

/// Finds every tag. Separators between fields may be missing (`SN:4A…DT:IPC…`), so the name is looked for at the end
/// of the letters before each colon; a whole word between separators that merely ends like a tag is not one.
fn tags(text: &str) -> Vec<Tag> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (colon, _) in text.match_indices(':') {
        let start = bytes[..colon].iter().rposition(|b| !b.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let run = &text[start..colon];
        let whole_word = start == 0 || separates(bytes[start - 1]);
        let name = TAGS.into_iter().find(|tag| run == *tag || (!whole_word && run.ends_with(tag)));
        if let Some(name) = name {
            found.push(Tag { name, start: colon - name.len(), value: colon + 1 });
        }
    }
    found
}

/// `{SN:…,DT:…,SC:…,NC:…}`: braces optional, order free, first of each tag counts.
pub(super) fn tagged(text: &str) -> Option<DeviceLabel> {
    let tags = tags(text);
    let value = |name: &str| {
        let at = tags.iter().position(|tag| tag.name == name)?;
        let end = tags.get(at + 1).map_or(text.len(), |next| next.start);
        let value = &text[tags[at].value..end];
        let value = match name {
            "DT" => value.split(|c: char| !c.is_ascii() || separates(c as u8)).next(),
            // A blank after the colon is a misprint; any other foreign character ends the value.
            _ => value.trim_start().split(|c: char| !c.is_ascii_alphanumeric()).next(),
        };
        value.map(str::trim).filter(|value| !value.is_empty() && value.len() <= 64)
    };
    let serial = value("SN").filter(|serial| serial.len() >= 5)?;
    Some(DeviceLabel {
        family: Some(LabelFamily::Dahua),
        serial: serial.to_owned(),
        model: value("DT").and_then(some_text),
        code: value("SC").or_else(|| value("RD")).or_else(|| value("RC")).and_then(some_secret),
        network_ability: value("NC").and_then(some_text),
        imei: value("IMEI").and_then(some_text),
        host: None,
    })
}

/// `serial:model`, `serial:model:code`, and the misprint `model,serial`.
pub(super) fn untagged(text: &str) -> Option<DeviceLabel> {
    let colons: Vec<&str> = text.split(':').map(str::trim).collect();
    let (serial, model, code) = match colons[..] {
        [serial, model] => (serial, model, ""),
        [serial, model, code] => (serial, model, code),
        [_] => {
            let mut parts = text.split(',').map(str::trim);
            let (model, serial) = (parts.next()?, parts.next()?);
            (serial, model, "")
        }
        _ => return None,
    };
    let word = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if !plausible_serial(serial) || !word(model) || !word(code) || model.contains("//") {
        return None;
    }
    Some(DeviceLabel {
        family: Some(LabelFamily::Dahua),
        serial: serial.to_owned(),
        model: some_text(model),
        code: some_secret(code),
        network_ability: None,
        imei: None,
        host: None,
    })
}
