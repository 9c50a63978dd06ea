//! Says what codes pictures hold and what they were taken for. Secrets are shown as `***`.
//!
//! `cargo run -p bartizan-qr --example scan -- PICTURE… [--json]`; ends with 1 when some picture held nothing.

use std::{path::PathBuf, process::ExitCode};

use bartizan_qr::{
    CardReader, Found, Payload,
    label::{self, DeviceLabel, Seems},
};
use clap::Parser;
use serde_json::{Value, json};

#[derive(Parser)]
struct Options {
    /// JPEG, PNG or WebP files.
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// One JSON object a picture.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut all = true;
    let mut cards = CardReader::new();
    for path in &options.pictures {
        let scanned = std::fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| bartizan_qr::scan_picture(&bytes).map_err(|error| error.to_string()));
        let codes: Vec<Value> = match &scanned {
            Ok(found) => found.iter().map(|code| describe(code, &mut cards)).collect(),
            Err(_) => Vec::new(),
        };
        all &= !codes.is_empty();
        let error = scanned.err();
        if options.json {
            println!("{}", json!({ "picture": path, "error": error, "codes": codes }));
            continue;
        }
        println!("{}", path.display());
        match (&error, codes.is_empty()) {
            (Some(error), _) => println!("  {error}"),
            (None, true) => println!("  no code found"),
            (None, false) => codes.iter().for_each(print),
        }
    }
    if all { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn print(code: &Value) {
    println!("  {}", code["taken for"].as_str().unwrap_or_default());
    for (name, value) in code.as_object().into_iter().flatten() {
        let shown = match value {
            Value::Null => continue,
            _ if name == "taken for" || name == "corners" => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        println!("    {name}: {shown}");
    }
}

fn describe(found: &Found, cards: &mut CardReader) -> Value {
    let mut value = match label::read(&found.text()) {
        Payload::Device(label) => device(&label),
        Payload::Url(url) => json!({
            "taken for": "address",
            "address": url.shown(),
            "user": url.user.map(|_| "***"),
            "password": url.password.map(|_| "***"),
        }),
        Payload::Address { ip, port } => json!({ "taken for": "address", "ip": ip, "port": port }),
        Payload::Card(part) => card(part, cards),
        Payload::Shared(list) => json!({
            "taken for": "Hik-Connect or iVMS-4500 device list, logins not readable",
            "devices": list.devices.iter().map(|device| json!({
                "name": device.name, "host": device.host, "port": device.port,
            })).collect::<Vec<_>>(),
            "unreadable": list.unreadable,
        }),
        Payload::Wifi(wifi) => json!({
            "taken for": "Wi-Fi access",
            "ssid": wifi.ssid,
            "security": wifi.security,
            "password": wifi.password.map(|_| "***"),
        }),
        Payload::Other(other) => json!({
            "taken for": "something else",
            "seems": seems(&other.seems),
            "text": other.excerpt,
        }),
    };
    value["corners"] = json!(found.corners);
    value
}

fn device(label: &DeviceLabel) -> Value {
    json!({
        "taken for": match label.family {
            Some(label::LabelFamily::Dahua) => "Dahua or Imou label",
            Some(label::LabelFamily::Hikvision) => "Hikvision or EZVIZ label",
            None => "device serial",
        },
        "serial": label.serial,
        "model": label.model,
        "code": label.code.as_ref().map(|_| "***"),
        "network ability": label.network_ability,
        "imei": label.imei,
        "host": label.host,
    })
}

fn card(part: bartizan_qr::CardPart, cards: &mut CardReader) -> Value {
    let (number, total, id) = (part.index() + 1, part.total(), part.card_id());
    let state = match cards.add_part(part) {
        Ok(progress) if progress.is_complete() && cards.needs_password() == Some(true) => {
            "complete, encrypted".into()
        }
        Ok(progress) if progress.is_complete() => match cards.open(None) {
            Ok(devices) => {
                let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
                format!("complete, not encrypted, {} devices: {}", names.len(), names.join(", "))
            }
            Err(error) => error.to_string(),
        },
        Ok(progress) => format!("{} of {} parts read", progress.have, progress.total),
        Err(error) => error.to_string(),
    };
    json!({ "taken for": "Bartizan device card", "card": id, "part": format!("{number} of {total}"), "state": state })
}

fn seems(seems: &Seems) -> String {
    match seems {
        Seems::Empty => "nothing".into(),
        Seems::TooLong => "too long a text".into(),
        Seems::DamagedCard => "a damaged device card".into(),
        Seems::NewerCard => "a device card of a newer version".into(),
        Seems::DamagedVendorShare => "a damaged device list".into(),
        Seems::UnknownVendorShare => "a device list of an unknown version".into(),
        Seems::Json(names) => format!("JSON with {}", names.join(", ")),
        Seems::VendorUid => "an identifier for a maker's own cloud, not a locally documented device".into(),
        Seems::MacAddress => "a MAC address".into(),
        Seems::SmartHome => "a smart-home pairing code".into(),
        Seems::Contact => "a contact, message or calendar entry".into(),
        Seems::OneTimePassword => "a one-time-password key".into(),
        Seems::Link(scheme) => format!("a link ({scheme})"),
        Seems::Text => "plain text".into(),
    }
}
