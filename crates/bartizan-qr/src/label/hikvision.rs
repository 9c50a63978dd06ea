//! Hikvision and EZVIZ labels: lines of host, 9-character serial, verification code, model (source: the scanner of the
//! EZVIZ open SDK's sample).

use super::{DeviceLabel, HIKVISION_SHORT, LabelFamily, some_secret, some_text};

/// Splits at `\n\r`, `\r\n`, `\r` or `\n`, each one break: an empty code line (`\r\n\r\n`) stays an empty line, which
/// the maker's own scanner gets wrong.
fn split_lines(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut lines, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let width = match (bytes[at], bytes.get(at + 1)) {
            (b'\n', Some(b'\r')) | (b'\r', Some(b'\n')) => 2,
            (b'\n' | b'\r', _) => 1,
            _ => {
                at += 1;
                continue;
            }
        };
        lines.push(&text[start..at]);
        at += width;
        start = at;
    }
    lines.push(&text[start..]);
    lines
}

fn is_short_serial(text: &str) -> bool {
    text.len() == HIKVISION_SHORT
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().any(|b| b.is_ascii_digit())
}

/// The line form. Without line breaks it is not ours to read; with the serial in the first line the host is missing.
pub(super) fn lines(text: &str) -> Option<DeviceLabel> {
    let lines = split_lines(text);
    let (host, rest) = match &lines[..] {
        [host, rest @ ..] if rest.first().is_some_and(|line| is_short_serial(line.trim())) => (*host, rest),
        [first, _, ..] if is_short_serial(first.trim()) => ("", &lines[..]),
        _ => return None,
    };
    let model = rest.get(2..).unwrap_or_default().join(" ");
    Some(DeviceLabel {
        family: Some(LabelFamily::Hikvision),
        serial: rest[0].trim().to_owned(),
        model: some_text(&model).filter(|model| model.len() <= 128),
        code: rest.get(1).copied().and_then(some_secret).filter(|code| code.expose().len() <= 64),
        network_ability: None,
        imei: None,
        host: some_text(host).filter(|host| host.len() <= 253),
    })
}

/// The long serial of SADP and of older stickers: model, date, region letters, short serial, for recorders `WCVU`.
pub(super) fn long_serial(text: &str) -> Option<DeviceLabel> {
    const MODELS: [&str; 5] = ["DS-", "IDS-", "HWI-", "HWN-", "CS-"];
    let upper = text.to_ascii_uppercase();
    let known = MODELS.iter().any(|prefix| upper.starts_with(prefix));
    let body = text.strip_suffix("WCVU").unwrap_or(text);
    let graphic =
        text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'(' | b')' | b'_'));
    // Model, 8 digits of date, four letters, 9 of serial: a mere model number is shorter and has no such tail.
    let tail = body.len().checked_sub(HIKVISION_SHORT).and_then(|at| body.get(at..))?;
    (known && graphic && (24..=64).contains(&text.len()) && is_short_serial(tail))
        .then(|| DeviceLabel::bare(body, Some(LabelFamily::Hikvision)))
}
