//! A bundle to send along with a report: what runs, which devices, what failed, and what the devices answered.
//!
//! It is made when a person asks for it, shown to them, and sent by nobody but them. Everything that is written passes
//! the [`Scrubber`] once, as a whole, so that no field can be forgotten. What devices answered stays as they wrote it,
//! with pseudonyms in place of names and addresses: the tests read it back as they read recorded answers of devices.

mod journal;
mod scrub;

use std::collections::BTreeMap;

use bartizan_base::{Code, DeviceId, Error, Result, StreamProfile};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    journal::{Failed, Heard, Journal},
    scrub::{Scrubber, What, Words},
};
use crate::{App, DeviceRow, Settings, is_local};

/// The present shape of a bundle.
pub const FORMAT: &str = "bartizan-diagnostics/1";

/// A whole bundle, without anything that tells who or where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// When it was made, milliseconds since 1970 UTC.
    pub made_at_ms: i64,
    /// What runs.
    pub program: Program,
    /// The settings.
    pub settings: Value,
    /// The devices, in the user's order.
    pub devices: Vec<DeviceFact>,
    /// Open stream sessions.
    pub streams: Vec<StreamFact>,
    /// What failed lately, oldest first.
    pub failures: Vec<FailureFact>,
    /// What the page knows of itself and its windows.
    pub page: Value,
    /// What devices answered, oldest first; empty where the user left it out.
    pub answers: Vec<Answer>,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    /// Version.
    pub version: String,
    /// Which shell.
    pub shell: String,
    /// Operating system.
    pub os: String,
    /// Processor.
    pub arch: String,
    /// Built with optimisation.
    pub release: bool,
    /// Where the key of the passwords lies.
    pub key_storage: String,
}

/// A device, without its addresses and names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceFact {
    /// Pseudonym.
    pub device: String,
    /// Protocol family.
    pub family: String,
    /// Kind.
    pub class: String,
    /// Maker.
    pub maker: String,
    /// Model.
    pub model: String,
    /// Firmware version.
    pub firmware: String,
    /// How media travels: `auto`, `tcp` or `udp`.
    pub transport: String,
    /// How it was added.
    pub added_by: String,
    /// A user name is stored.
    pub has_user: bool,
    /// A password is stored.
    pub has_password: bool,
    /// The stored password cannot be read.
    pub password_lost: bool,
    /// It was stored while out of reach.
    pub unverified: bool,
    /// Ways to it.
    pub routes: Vec<RouteFact>,
    /// Its channels.
    pub channels: Vec<ChannelFact>,
}

/// A way to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteFact {
    /// Pseudonym of the host.
    pub host: String,
    /// An address within a private network.
    pub local: bool,
    /// Ports that are not the usual ones, by service.
    pub ports: BTreeMap<String, u16>,
    /// A certificate is pinned.
    pub pinned: bool,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelFact {
    /// 1-based.
    pub number: u16,
    /// Its encodings.
    pub streams: Vec<EncodingFact>,
}

/// An encoding of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncodingFact {
    /// `main` or `sub`.
    pub profile: StreamProfile,
    /// Path of the RTSP URL; it tells makes and quirks apart.
    pub path: String,
    /// Codec last seen.
    pub codec: Option<String>,
    /// Pixels last seen.
    pub width: Option<u32>,
    /// Pixels last seen.
    pub height: Option<u32>,
}

/// Counters of an open stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamFact {
    /// Pseudonym.
    pub device: String,
    /// 1-based.
    pub channel: u16,
    /// `main` or `sub`.
    pub profile: StreamProfile,
    /// Viewers attached.
    pub viewers: usize,
    /// Access units received.
    pub access_units: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Connections after the first.
    pub reconnects: u64,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureFact {
    /// The last time it happened, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// A command's name, or `live`.
    pub what: String,
    /// Pseudonym of the device, where it is known.
    pub device: Option<String>,
    /// 1-based.
    pub channel: Option<u16>,
    /// `main` or `sub`.
    pub profile: Option<StreamProfile>,
    /// The reason.
    pub code: Code,
    /// Technical wording.
    pub detail: String,
    /// How often.
    pub times: u32,
}

/// One question and what the device answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Pseudonym of the device; `None` for one that is not in the list.
    pub device: Option<String>,
    /// `rtsp` or `http`.
    pub protocol: String,
    /// Of the request.
    pub method: String,
    /// Path and query asked.
    pub path: String,
    /// Body sent.
    pub sent: String,
    /// Status; 0 where no answer came.
    pub status: u16,
    /// Headers received.
    pub headers: Vec<(String, String)>,
    /// Body received.
    pub received: String,
}

impl Answer {
    /// The answer as on the wire: what recorded answers of devices look like as files.
    pub fn to_wire(&self) -> Vec<u8> {
        let (version, tail) = match self.protocol.as_str() {
            "rtsp" => ("RTSP/1.0", "CSeq: 1\r\nContent-Base: rtsp://device.invalid/\r\n"),
            _ => ("HTTP/1.1", ""),
        };
        let mut head = format!("{version} {} -\r\n{tail}", self.status);
        for (name, value) in &self.headers {
            let of_transfer = ["content-length", "transfer-encoding", "content-encoding", "connection"];
            if !of_transfer.contains(&name.to_ascii_lowercase().as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.received.len()));
        [head.as_bytes(), self.received.as_bytes()].concat()
    }
}

impl Bundle {
    /// Reads a bundle back.
    pub fn read(text: &str) -> Result<Self> {
        let bundle: Self = serde_json::from_str(text)
            .map_err(|e| Error::new(Code::InvalidInput, format!("not a diagnostics bundle: {e}")))?;
        if bundle.format != FORMAT {
            return Err(Error::new(Code::InvalidInput, "a diagnostics bundle of another version"));
        }
        Ok(bundle)
    }

    /// As a file, to be read by people.
    pub fn write(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|e| Error::new(Code::Internal, e.to_string()))
    }
}

impl App {
    /// Makes a bundle. `page` is what the page tells of itself; `answers` says whether to put in what devices said.
    pub async fn diagnostics(&self, program: Program, page: Value, answers: bool) -> Result<Bundle> {
        let (_, rows) = self.devices.book().list();
        let mut scrubber = learn(&rows);
        let bundle = Bundle {
            format: FORMAT.to_owned(),
            made_at_ms: self.journal.clock().now().millis(),
            program,
            settings: settings(&self.settings().await?)?,
            devices: rows.iter().map(device).collect(),
            streams: self.live.counters().into_iter().map(stream).collect(),
            failures: self.journal.failures().into_iter().map(failure).collect(),
            page,
            answers: if answers {
                self.journal.heard().into_iter().map(|heard| answer(heard, &rows)).collect()
            } else {
                Vec::new()
            },
        };
        scrubbed(&bundle, &mut scrubber)
    }
}

/// Switches, numbers and choices. Longer texts are the user's own and are left out.
fn settings(settings: &Settings) -> Result<Value> {
    let mut value = serde_json::to_value(settings).map_err(|e| Error::new(Code::Internal, e.to_string()))?;
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| match value {
            Value::Bool(_) | Value::Number(_) => true,
            Value::String(word) => word.len() <= 16 && word.bytes().all(|byte| byte.is_ascii_alphabetic()),
            _ => false,
        });
    }
    Ok(value)
}

/// Everything known to be somebody's own.
fn learn(rows: &[DeviceRow]) -> Scrubber {
    let mut scrubber = Scrubber::default();
    for row in rows {
        scrubber.learn(What::Device, row.id.as_str());
        scrubber.keep_model(&row.facts.model);
        if let Some(password) = &row.password {
            scrubber.learn(What::Secret, password.expose());
        }
        scrubber.learn(What::User, &row.user);
        scrubber.learn(What::Serial, &row.facts.serial);
        scrubber.learn(What::Mac, &row.facts.mac);
        for host in row.routes.iter().map(|route| &route.host).chain([&row.host]) {
            scrubber.learn(What::Host, host);
        }
        for name in row.channels.iter().map(|channel| &channel.name).chain([&row.name, &row.facts.own_name]) {
            scrubber.learn(What::Name, name);
        }
    }
    scrubber
}

fn scrubbed(bundle: &Bundle, scrubber: &mut Scrubber) -> Result<Bundle> {
    let internal = |e: serde_json::Error| Error::new(Code::Internal, e.to_string());
    let mut value = serde_json::to_value(bundle).map_err(internal)?;
    scrubber.json(&mut value, |key| match key {
        // Words of our own closed lists.
        "format" | "shell" | "os" | "arch" | "keyStorage" | "family" | "class" | "transport" | "addedBy"
        | "profile" | "code" | "what" | "protocol" | "method" | "theme" | "language" | "phase"
        | "version" => None,
        "maker" | "model" | "firmware" | "codec" | "userAgent" => Some(Words::Fact),
        "path" | "sent" | "headers" | "received" => Some(Words::Document),
        _ => Some(Words::Prose),
    });
    serde_json::from_value(value).map_err(internal)
}

fn device(row: &DeviceRow) -> DeviceFact {
    let facts = row.facts.clone();
    let route = |route: &crate::RouteRow| RouteFact {
        host: route.host.clone(),
        local: is_local(&route.host),
        ports: [("http", route.http), ("https", route.https), ("rtsp", route.rtsp), ("server", route.server)]
            .into_iter()
            .filter_map(|(service, port)| Some((service.to_owned(), port?)))
            .collect(),
        pinned: route.pin.is_some(),
    };
    DeviceFact {
        device: row.id.to_string(),
        family: facts.family,
        class: facts.class,
        maker: facts.maker,
        model: facts.model,
        firmware: facts.firmware,
        transport: row.transport.clone(),
        added_by: facts.added_by,
        has_user: !row.user.is_empty(),
        has_password: row.password.is_some() || row.password_lost,
        password_lost: row.password_lost,
        unverified: facts.unverified,
        routes: row.routes.iter().map(route).collect(),
        channels: row.channels.iter().map(channel).collect(),
    }
}

fn channel(row: &crate::ChannelRow) -> ChannelFact {
    let encoding = |stream: &crate::StreamRow| EncodingFact {
        profile: stream.profile,
        path: bartizan_http::shown_path(&stream.path).into_owned(),
        codec: stream.codec.clone(),
        width: stream.width,
        height: stream.height,
    };
    ChannelFact { number: row.number, streams: row.streams.iter().map(encoding).collect() }
}

fn stream(counters: crate::live::StreamCounters) -> StreamFact {
    StreamFact {
        device: counters.stream.channel.device.to_string(),
        channel: counters.stream.channel.number,
        profile: counters.stream.profile,
        viewers: counters.viewers,
        access_units: counters.access_units,
        bytes: counters.bytes,
        reconnects: counters.reconnects,
    }
}

fn failure(failed: Failed) -> FailureFact {
    let stream = failed.stream.as_ref();
    FailureFact {
        at_ms: failed.at.millis(),
        what: failed.what,
        device: stream.map(|stream| stream.channel.device.to_string()),
        channel: stream.map(|stream| stream.channel.number),
        profile: stream.map(|stream| stream.profile),
        code: failed.code,
        detail: failed.detail,
        times: failed.times,
    }
}

fn answer(Heard { protocol, exchange }: Heard, rows: &[DeviceRow]) -> Answer {
    Answer {
        device: owner(&exchange.peer, rows).map(|id| id.to_string()),
        protocol: protocol.to_owned(),
        method: exchange.method.to_owned(),
        path: exchange.path,
        sent: exchange.sent,
        status: exchange.status,
        headers: exchange.headers,
        received: exchange.received,
    }
}

/// Whose `host:port` it is: with the port where several devices stand behind one address, else by the address.
fn owner<'a>(peer: &str, rows: &'a [DeviceRow]) -> Option<&'a DeviceId> {
    let (host, port) = peer.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port: u16 = port.parse().ok()?;
    let at_host = |row: &&DeviceRow| row.routes.iter().any(|route| route.host.eq_ignore_ascii_case(host));
    let at_port = |row: &&DeviceRow| {
        row.routes.iter().any(|route| {
            route.host.eq_ignore_ascii_case(host)
                && [route.http, route.https, route.rtsp].into_iter().flatten().any(|one| one == port)
        })
    };
    rows.iter().find(at_port).or_else(|| rows.iter().find(at_host)).map(|row| &row.id)
}
