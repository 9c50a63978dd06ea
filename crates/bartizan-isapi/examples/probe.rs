//! Prints what a device says about itself, without secrets.
//!
//! `cargo run -p bartizan-isapi --example probe -- http://HOST:PORT [--user U --password P] [--json]`

use std::process::ExitCode;

use bartizan_base::{Error, Secret};
use bartizan_device::{Credentials, Driver, Endpoint, Family, Login, Online};
use bartizan_isapi::Isapi;
use clap::Parser;
use serde_json::{Value, json};

/// Asks a camera or recorder what it is and can do.
#[derive(Parser)]
struct Arguments {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    address: String,
    /// User name; without it only what is public is asked.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Password. Tried once.
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// Spends the last try before the device locks the account.
    #[arg(long)]
    spend_last_try: bool,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (report, ok) = match probe(&arguments).await {
        Ok(report) => (report, true),
        Err(error) => (json!({ "error": told(&error) }), false),
    };
    if arguments.json {
        println!("{report:#}");
    } else {
        print(&report, 0);
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn probe(arguments: &Arguments) -> Result<Value, Error> {
    let endpoint = Endpoint::parse(&arguments.address)?;
    let family = Isapi::new();
    let recognised = match family.recognise(&endpoint).await? {
        Some(known) => json!({
            "evidence": known.evidence,
            "activated": known.activated,
            "certificate": known.certificate.map(|pin| pin.to_string()),
        }),
        None => json!("nothing of this family answers"),
    };
    let mut report = json!({ "recognised": recognised });
    let (Some(user), Some(password)) = (&arguments.user, &arguments.password) else { return Ok(report) };
    let credentials = Credentials { user: user.clone(), password: Secret::new(password.clone()) };
    let login = Login { credentials: Some(credentials), spend_last_try: arguments.spend_last_try };
    match family.connect(&endpoint, &login).await {
        Ok(driver) => report["device"] = device(driver.as_ref()).await,
        Err(error) => report["login"] = told(&error),
    }
    Ok(report)
}

async fn device(driver: &dyn Driver) -> Value {
    let reached = driver.reached();
    let identity = result(driver.identity().await, |identity| {
        json!({
            "maker": identity.maker, "model": identity.model, "firmware": identity.firmware,
            "serial": identity.serial, "mac": identity.mac, "name": identity.name,
            "class": format!("{:?}", identity.class),
        })
    });
    let clock = result(
        driver.clock().await,
        |clock| json!({ "offsetMs": clock.offset_ms, "zone": clock.zone, "utcOffsetS": clock.utc_offset_s }),
    );
    let outputs = result(driver.alarm_outputs().await, |outputs| {
        outputs.iter().map(|o| json!({ "token": o.token, "name": o.name, "on": o.on })).collect()
    });
    let channels = match driver.channels().await {
        Ok(channels) => {
            let mut all = Vec::new();
            for channel in channels {
                all.push(one_channel(driver, &channel).await);
            }
            Value::Array(all)
        }
        Err(error) => told(&error),
    };
    json!({
        "webPage": reached.web_page, "rtspPort": reached.rtsp_port, "identity": identity, "clock": clock,
        "alarmOutputs": outputs, "channels": channels, "oddities": driver.oddities(),
    })
}

async fn one_channel(driver: &dyn Driver, channel: &bartizan_device::ChannelInfo) -> Value {
    let streams: Vec<Value> = channel
        .streams
        .iter()
        .map(|s| {
            json!({
                "profile": format!("{:?}", s.profile), "path": s.path, "rtspPort": s.rtsp_port, "codec": s.codec,
                "width": s.width, "height": s.height, "frameRate": s.frame_rate, "bitRateKbps": s.bit_rate,
            })
        })
        .collect();
    let online = match &channel.online {
        Online::Yes => json!(true),
        Online::No(why) => json!({ "offline": why }),
        Online::Unknown => Value::Null,
    };
    let capabilities = driver.capabilities(channel.number).await;
    let with_presets = capabilities.as_ref().is_ok_and(|all| all.ptz.presets.is_some());
    let presets = if with_presets {
        result(driver.presets(channel.number).await, |presets| {
            presets.iter().map(|p| json!({ "token": p.token, "name": p.name })).collect()
        })
    } else {
        Value::Null
    };
    let snapshot = result(driver.snapshot(channel.number).await, |snapshot| json!(format!("{snapshot:?}")));
    json!({
        "number": channel.number, "name": channel.name, "online": online, "streams": streams,
        "capabilities": result(capabilities, |all| json!({
            "ptz": format!("{:?}", all.ptz), "imaging": format!("{:?}", all.imaging),
            "auxiliaries": format!("{:?}", all.auxiliaries), "snapshot": all.snapshot, "keyFrame": all.key_frame,
        })),
        "presets": presets, "snapshot": snapshot,
    })
}

fn result<T>(result: Result<T, Error>, show: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(value) => show(value),
        Err(error) => told(&error),
    }
}

fn told(error: &Error) -> Value {
    json!({
        "code": format!("{:?}", error.code()), "detail": error.detail(), "triesLeft": error.tries_left(),
        "retryAfterS": error.retry_after().map(|wait| wait.as_secs()),
    })
}

/// Indented lines, absent values left out.
fn print(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        println!("{indent}{key}:");
                        print(value, depth + 1);
                    }
                    other => println!("{indent}{key}: {}", plain(other)),
                }
            }
        }
        Value::Array(list) => {
            for value in list {
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        println!("{indent}-");
                        print(value, depth + 1);
                    }
                    other => println!("{indent}- {}", plain(other)),
                }
            }
        }
        other => println!("{indent}{}", plain(other)),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
