//! Asks a device what it is and what it can do: `probe http://HOST:PORT [--user U --password P] [--json]`.
//!
//! Spends at most one try of the password, changes nothing, and prints no secret.

use std::process::ExitCode;

use bartizan_base::{Error, Secret};
use bartizan_dahua::Dahua;
use bartizan_device::{Credentials, Driver, Endpoint, Family as _, Identity, Login};
use clap::Parser;
use serde_json::{Map, Value, json};

#[derive(Parser)]
#[command(about = "Asks a device what it is and what it can do")]
struct Arguments {
    /// `http://HOST:PORT`, `https://HOST` or `HOST`.
    address: String,
    /// User name.
    #[arg(long, default_value = "admin")]
    user: String,
    /// Password; without one only what is public is read.
    #[arg(long)]
    password: Option<String>,
    /// Spend the last try before the device locks the account.
    #[arg(long)]
    spend_last_try: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (report, failed) = match probe(&arguments).await {
        Ok(report) => (report, false),
        Err(error) => (json!({ "failed": told(&error) }), true),
    };
    if arguments.json {
        println!("{report:#}");
    } else {
        print(&report, 0);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn probe(arguments: &Arguments) -> Result<Value, Error> {
    let endpoint = Endpoint::parse(&arguments.address)?;
    let family = Dahua::default();
    let mut report = Map::new();
    let known = family.recognise(&endpoint).await?;
    report.insert(
        "recognised".into(),
        known.map_or(Value::Null, |known| {
            json!({
                "evidence": known.evidence,
                "activated": known.activated,
                "https": known.https,
                "certificate": known.certificate.map(|pin| pin.to_string()),
                "identity": identity(&known.identity),
            })
        }),
    );
    let Some(password) = &arguments.password else { return Ok(Value::Object(report)) };
    let credentials = Credentials { user: arguments.user.clone(), password: Secret::new(password) };
    let login = Login { credentials: Some(credentials), spend_last_try: arguments.spend_last_try };
    match family.connect(&endpoint, &login).await {
        Ok(driver) => describe(driver.as_ref(), &mut report).await,
        Err(error) => drop(report.insert("login refused".into(), told(&error))),
    }
    Ok(Value::Object(report))
}

async fn describe(driver: &dyn Driver, report: &mut Map<String, Value>) {
    let outcome = |result: Result<Value, Error>| result.unwrap_or_else(|error| told(&error));
    report.insert("identity".into(), outcome(driver.identity().await.map(|known| identity(&known))));
    let clock = driver.clock().await.map(|clock| {
        json!({ "offset ms": clock.offset_ms, "zone": clock.zone, "utc offset s": clock.utc_offset_s })
    });
    report.insert("clock".into(), outcome(clock));
    let outputs = driver.alarm_outputs().await.map(|outputs| {
        outputs.iter().map(|one| json!({ "token": one.token, "name": one.name, "on": one.on })).collect()
    });
    report.insert("alarm outputs".into(), outcome(outputs));
    match driver.channels().await {
        Ok(channels) => {
            let mut all = Vec::new();
            for channel in channels {
                all.push(describe_channel(driver, &channel).await);
            }
            report.insert("channels".into(), Value::Array(all));
        }
        Err(error) => drop(report.insert("channels".into(), told(&error))),
    }
    let reached = driver.reached();
    report.insert("reached".into(), json!({ "web page": reached.web_page, "rtsp port": reached.rtsp_port }));
    report.insert("odd".into(), json!(driver.oddities()));
}

async fn describe_channel(driver: &dyn Driver, channel: &bartizan_device::ChannelInfo) -> Value {
    let streams: Vec<Value> = channel
        .streams
        .iter()
        .map(|stream| {
            json!({
                "profile": format!("{:?}", stream.profile), "path": stream.path, "codec": stream.codec,
                "size": stream.width.zip(stream.height).map(|(width, height)| format!("{width}x{height}")),
                "pictures/s": stream.frame_rate, "kbit/s": stream.bit_rate,
            })
        })
        .collect();
    let number = channel.number;
    let capabilities = driver.capabilities(number).await;
    let presets = match &capabilities {
        Ok(known) if known.ptz.presets.is_some() => match driver.presets(number).await {
            Ok(presets) => {
                presets.iter().map(|one| json!({ "token": one.token, "name": one.name })).collect()
            }
            Err(error) => told(&error),
        },
        _ => Value::Null,
    };
    let snapshot = match driver.snapshot(number).await {
        Ok(snapshot) => json!(format!("{} bytes", snapshot.jpeg.len())),
        Err(error) => told(&error),
    };
    json!({
        "number": number, "name": channel.name, "online": format!("{:?}", channel.online), "streams": streams,
        "capabilities": capabilities.map_or_else(|error| told(&error), |known| json!({
            "ptz": format!("{:?}", known.ptz), "imaging": format!("{:?}", known.imaging),
            "auxiliaries": format!("{:?}", known.auxiliaries), "key frame": known.key_frame,
        })),
        "presets": presets, "snapshot": snapshot,
    })
}

fn identity(known: &Identity) -> Value {
    json!({
        "maker": known.maker, "model": known.model, "firmware": known.firmware, "serial": known.serial,
        "mac": known.mac, "name": known.name, "class": format!("{:?}", known.class),
    })
}

fn told(error: &Error) -> Value {
    json!({
        "refused": format!("{:?}", error.code()), "detail": error.detail(), "tries left": error.tries_left(),
        "locked for s": error.retry_after().map(|wait| wait.as_secs()),
    })
}

fn print(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let plain = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_nested = |value: &Value| {
        value.as_object().is_some_and(|all| !all.is_empty())
            || value.as_array().is_some_and(|all| !all.is_empty())
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if is_nested(value) {
                    println!("{indent}{key}:");
                    print(value, depth + 1);
                } else {
                    println!("{indent}{key}: {}", plain(value));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if is_nested(item) {
                    println!("{indent}-");
                    print(item, depth + 1);
                } else {
                    println!("{indent}- {}", plain(item));
                }
            }
        }
        other => println!("{indent}{}", plain(other)),
    }
}
