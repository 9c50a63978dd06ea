//! What an ONVIF device tells: `probe -- http://HOST:PORT [--user U --password P] [--json]`. Prints no secret.

use std::process::ExitCode;

use bartizan_base::{Error, Secret};
use bartizan_device::{Capabilities, Credentials, Driver, Endpoint, Family, Imaging, Login};
use bartizan_onvif::Onvif;
use clap::Parser;
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    /// `http[s]://host[:port]` or `host[:port]`; without a port the usual ones are tried.
    address: String,
    /// User name; without it only what is public is read.
    #[arg(long)]
    user: Option<String>,
    /// Password.
    #[arg(long, default_value = "")]
    password: String,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
}

fn failure(error: &Error) -> Value {
    json!({ "code": format!("{:?}", error.code()), "detail": error.detail() })
}

fn shown<T>(result: Result<T, Error>, show: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(value) => show(value),
        Err(error) => json!({ "refused": failure(&error) }),
    }
}

fn capabilities(all: &Capabilities) -> Value {
    json!({
        "ptz": {
            "panTilt": all.ptz.pan_tilt, "zoom": all.ptz.zoom, "focus": all.ptz.focus,
            "autoFocus": all.ptz.auto_focus, "iris": all.ptz.iris, "relative": all.ptz.relative,
            "absolute": all.ptz.absolute, "centerOn": all.ptz.center_on, "home": all.ptz.home,
            "presets": all.ptz.presets.map(|presets| presets.most),
        },
        "imaging": {
            "brightness": all.imaging.brightness, "contrast": all.imaging.contrast,
            "saturation": all.imaging.saturation, "rotations": all.imaging.rotations,
        },
        "auxiliaries": all.auxiliaries.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>(),
        "snapshot": all.snapshot,
        "keyFrame": all.key_frame,
    })
}

fn imaging(now: &Imaging) -> Value {
    json!({
        "brightness": now.brightness, "contrast": now.contrast, "saturation": now.saturation,
        "rotation": now.rotation,
    })
}

async fn channel(driver: &dyn Driver, info: &bartizan_device::ChannelInfo) -> Value {
    let streams = info.streams.iter().map(|one| {
        json!({
            "stream": format!("{:?}", one.profile), "path": one.path, "rtspPort": one.rtsp_port,
            "codec": one.codec, "width": one.width, "height": one.height,
            "frameRate": one.frame_rate, "kbitPerSecond": one.bit_rate,
        })
    });
    let number = info.number;
    let able = driver.capabilities(number).await;
    let mut out = json!({
        "number": number,
        "name": info.name,
        "online": format!("{:?}", info.online),
        "streams": streams.collect::<Vec<_>>(),
        "capabilities": shown(able.clone(), |all| capabilities(&all)),
    });
    let Ok(able) = able else { return out };
    if able.ptz.presets.is_some() {
        out["presets"] = shown(driver.presets(number).await, |all| {
            json!(all.iter().map(|one| json!({ "token": one.token, "name": one.name })).collect::<Vec<_>>())
        });
        out["ptzStatus"] = shown(driver.ptz_status(number).await, |status| {
            let at = status.position.map(|at| json!({ "pan": at.pan, "tilt": at.tilt, "zoom": at.zoom }));
            json!({ "position": at, "moving": status.moving })
        });
    }
    if able.imaging.levels() || !able.imaging.rotations.is_empty() {
        out["imaging"] = shown(driver.imaging(number).await, |now| imaging(&now));
    }
    if able.snapshot {
        out["snapshot"] =
            shown(driver.snapshot(number).await, |picture| json!({ "bytes": picture.jpeg.len() }));
    }
    out
}

async fn probe(arguments: &Arguments) -> Result<Value, Error> {
    let endpoint = Endpoint::parse(&arguments.address)?;
    let family = Onvif::new();
    let Some(recognised) = family.recognise(&endpoint).await? else {
        return Ok(json!({ "recognised": null }));
    };
    let mut out = json!({
        "recognised": {
            "evidence": recognised.evidence,
            "https": recognised.https,
            "certificate": recognised.certificate.map(|pin| pin.to_string()),
        },
    });
    let credentials = arguments
        .user
        .clone()
        .map(|user| Credentials { user, password: Secret::new(arguments.password.as_str()) });
    let driver = match family.connect(&endpoint, &Login { credentials, spend_last_try: false }).await {
        Ok(driver) => driver,
        Err(error) => {
            out["login"] = failure(&error);
            return Ok(out);
        }
    };
    out["webPage"] = json!(driver.reached().web_page);
    out["identity"] = shown(driver.identity().await, |who| {
        json!({
            "maker": who.maker, "model": who.model, "firmware": who.firmware, "serial": who.serial,
            "mac": who.mac, "name": who.name, "class": format!("{:?}", who.class),
        })
    });
    out["clock"] = shown(
        driver.clock().await,
        |clock| json!({ "offsetMs": clock.offset_ms, "zone": clock.zone, "utcOffsetS": clock.utc_offset_s }),
    );
    match driver.channels().await {
        Ok(all) => {
            let mut list = Vec::new();
            for info in &all {
                list.push(channel(driver.as_ref(), info).await);
            }
            out["channels"] = json!(list);
        }
        Err(error) => out["channels"] = json!({ "refused": failure(&error) }),
    }
    out["alarmOutputs"] = shown(driver.alarm_outputs().await, |all| {
        json!(all.iter().map(|one| one.token.clone()).collect::<Vec<_>>())
    });
    out["oddities"] = json!(driver.oddities());
    Ok(out)
}

/// One line each, nested by indentation.
fn print(name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            println!("{indent}{name}:");
            fields.iter().for_each(|(name, value)| print(name, value, depth + 1));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(at, item)| print(&format!("{name} {}", at + 1), item, depth));
        }
        Value::Array(items) => {
            println!("{indent}{name}:{}", if items.is_empty() { " none" } else { "" });
            items.iter().for_each(|item| println!("{indent}  {}", plain(item)));
        }
        other => println!("{indent}{name}: {}", plain(other)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Box::pin(probe(&arguments)).await;
    let (value, code) = match &outcome {
        Ok(value) => (value.clone(), ExitCode::SUCCESS),
        Err(error) => (json!({ "error": failure(error) }), ExitCode::FAILURE),
    };
    if arguments.json {
        println!("{value:#}");
    } else if let Value::Object(fields) = &value {
        fields.iter().for_each(|(name, value)| print(name, value, 0));
    }
    code
}
