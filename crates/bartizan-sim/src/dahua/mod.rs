//! The Dahua personality: CGI with `key=value` answers, RPC2, first initialisation.

mod config;
pub(crate) mod discover;
mod find;
mod initialise;
mod ptz;
mod rpc;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use self::{find::Finders, initialise::Initialise, rpc::Rpc};
use crate::{
    config::DigestOffer,
    ear::SpeechCoding,
    front::{Admission, Ask, Body, HttpLogin, Personality, Reply},
    speech::Greeting,
    unit::{Unit, UnitClass},
};

/// The personality of one unit.
pub(crate) struct Dahua {
    pub unit: Arc<Unit>,
    pub rtsp_port: u16,
    login: HttpLogin,
    rpc: Rpc,
    initialise: Initialise,
    finders: Finders,
}

/// A CGI request: the script's name and its query, in order.
pub(crate) struct Cgi {
    pub script: String,
    pub query: Vec<(String, String)>,
}

impl Cgi {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.trim().parse().ok()
    }

    /// 1-based, as everywhere but in configuration tables.
    pub fn channel(&self, unit: &Unit) -> Option<u16> {
        let channel = self.get("channel").map_or(Some(1), |text| text.parse().ok())?;
        unit.has(channel).then_some(channel)
    }
}

/// Lines of an answer.
#[derive(Default)]
pub(crate) struct Lines(String);

impl Lines {
    pub fn put(&mut self, key: impl std::fmt::Display, value: impl std::fmt::Display) {
        self.0.push_str(&format!("{key}={value}\r\n"));
    }
}

/// How a script ended.
pub(crate) enum Said {
    Lines(Lines),
    Ok,
    /// HTTP 400 with the device's words.
    BadRequest,
    Reply(Reply),
}

impl Said {
    pub fn done(done: bool) -> Self {
        if done { Self::Ok } else { Self::BadRequest }
    }

    fn one(key: &str, value: impl std::fmt::Display) -> Self {
        let mut lines = Lines::default();
        lines.put(key, value);
        Self::Lines(lines)
    }
}

fn text(status: u16, body: &str) -> Reply {
    Reply::new(status, "text/plain;charset=utf-8", body)
}

impl Dahua {
    pub fn new(unit: Arc<Unit>, rtsp_port: u16) -> Self {
        let realm = format!("Login to {}", unit.config().serial);
        Self {
            login: HttpLogin::new(unit.clone(), realm.clone(), DigestOffer::Md5),
            rpc: Rpc::new(realm),
            initialise: Initialise::default(),
            finders: Finders::default(),
            unit,
            rtsp_port,
        }
    }

    async fn run(&self, cgi: &Cgi) -> Said {
        let action = cgi.get("action").unwrap_or_default();
        let unit = &self.unit;
        match (cgi.script.as_str(), action) {
            ("magicBox.cgi", _) => magic_box(unit, cgi, action),
            ("mediaFileFind.cgi", _) => self.finders.answer(unit, cgi, action),
            ("configManager.cgi", "getConfig") => config::get(self, cgi),
            ("configManager.cgi", "setConfig") => config::set(self, cgi),
            ("snapshot.cgi", _) => self.snapshot(cgi).await,
            ("ptz.cgi" | "ptzBase.cgi", _) => ptz::answer(unit, cgi, action),
            ("devVideoInput.cgi", _) => ptz::video_input(unit, cgi, action),
            ("encode.cgi", "getConfigCaps") => config::encode_caps(unit, cgi),
            ("devAudioOutput.cgi", "getCollect") => Said::one("result", 1),
            ("rainBrush.cgi", _) => rain_brush(unit, cgi, action),
            ("coaxialControlIO.cgi", _) => coaxial(unit, cgi, action),
            ("alarm.cgi", "getOutSlots") => Said::one("result", unit.config().outputs),
            ("alarm.cgi", "getInSlots") => Said::one("result", 0),
            ("alarm.cgi", "getOutState") => {
                let bits = unit.outputs().iter().rev().fold(0u32, |bits, one| bits << 1 | u32::from(one.on));
                Said::one("result", bits)
            }
            ("global.cgi", "getCurrentTime") => Said::one("result", self.local_time()),
            ("userManager.cgi", "getUserInfo" | "getUserInfoAll") => {
                let mut lines = Lines::default();
                let prefix = if action == "getUserInfo" { "user." } else { "users[0]." };
                lines.put(format!("{prefix}Name"), &unit.config().user);
                lines.put(format!("{prefix}Group"), "admin");
                lines.put(format!("{prefix}Reserved"), "true");
                Said::Lines(lines)
            }
            ("eventManager.cgi", "attach") => Said::Reply(heartbeats(cgi)),
            _ => Said::BadRequest,
        }
    }

    async fn snapshot(&self, cgi: &Cgi) -> Said {
        let Some(channel) = cgi.channel(&self.unit) else { return Said::BadRequest };
        if self.unit.offline(channel).is_some() {
            return Said::BadRequest;
        }
        let unit = self.unit.clone();
        match tokio::task::spawn_blocking(move || crate::snapshot::jpeg(&unit, channel, 1280, 720)).await {
            Ok(Ok(jpeg)) => Said::Reply(Reply::new(200, "image/jpeg", jpeg)),
            _ => Said::BadRequest,
        }
    }

    fn local_time(&self) -> String {
        let zone = self.unit.config().zone_s;
        let offset = jiff::tz::Offset::from_seconds(zone).unwrap_or(jiff::tz::Offset::UTC);
        let now = jiff::Timestamp::from_microsecond(self.unit.now().0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        now.to_zoned(offset.to_time_zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

fn magic_box(unit: &Unit, cgi: &Cgi, action: &str) -> Said {
    let config = unit.config();
    let class = match config.class {
        UnitClass::Camera if config.ptz => "SD",
        UnitClass::Camera => "IPC",
        UnitClass::Recorder => "NVR",
    };
    match action {
        "getSystemInfo" => {
            let mut lines = Lines::default();
            lines.put("deviceType", &config.model);
            lines.put("hardwareVersion", "1.00");
            lines.put("processor", "SIM");
            lines.put("serialNumber", &config.serial);
            lines.put("updateSerial", &config.model);
            Said::Lines(lines)
        }
        "getDeviceType" => Said::one("type", &config.model),
        "getDeviceClass" => Said::one("class", class),
        "getSoftwareVersion" => Said::one("version", format!("{},build:2020-06-05", config.firmware)),
        "getMachineName" => Said::one("name", &config.name),
        "getSerialNo" => Said::one("sn", &config.serial),
        "getVendor" => Said::one("vendor", &config.maker),
        "getHardwareVersion" => Said::one("version", "1.00"),
        "getProductDefinition" => match cgi.get("name") {
            Some("MaxExtraStream") => Said::one("table.MaxExtraStream", 1),
            Some("MaxRemoteInputChannels") => {
                let count = if config.class == UnitClass::Recorder { unit.channels() } else { 0 };
                Said::one("table.MaxRemoteInputChannels", count)
            }
            _ => Said::BadRequest,
        },
        "getSubModules" | "getLanguageCaps" => Said::one("Languages", "English"),
        _ => Said::BadRequest,
    }
}

fn rain_brush(unit: &Unit, cgi: &Cgi, action: &str) -> Said {
    let Some(channel) = cgi.channel(unit) else { return Said::BadRequest };
    match action {
        "moveOnce" => Said::done(unit.wipe(channel, Some(None))),
        "moveContinuously" => {
            let interval = cgi.number("interval").unwrap_or(5).clamp(1, 255);
            Said::done(unit.wipe(channel, Some(Some(Duration::from_secs(interval)))))
        }
        "stopMove" => Said::done(unit.wipe(channel, None)),
        _ => Said::BadRequest,
    }
}

fn coaxial(unit: &Unit, cgi: &Cgi, action: &str) -> Said {
    let Some((channel, view)) = cgi.channel(unit).and_then(|channel| Some((channel, unit.view(channel)?)))
    else {
        return Said::BadRequest;
    };
    if !unit.config().auxiliaries {
        return Said::BadRequest;
    }
    let word = |on| if on { "On" } else { "Off" };
    match action {
        "getStatus" => {
            let mut lines = Lines::default();
            lines.put("status.status.Speaker", word(view.siren));
            lines.put("status.status.WhiteLight", word(view.light));
            Said::Lines(lines)
        }
        "getCaps" => {
            let mut lines = Lines::default();
            lines.put("caps.SupportControlLight", 1);
            lines.put("caps.SupportControlSpeaker", 1);
            Said::Lines(lines)
        }
        "control" => match (cgi.get("info[0].Type"), cgi.get("info[0].IO")) {
            (Some("1"), Some(io @ ("1" | "2"))) => Said::done(unit.set_light(channel, io == "1")),
            (Some("2"), Some(io @ ("1" | "2"))) => Said::done(unit.set_siren(channel, io == "1")),
            _ => Said::BadRequest,
        },
        _ => Said::BadRequest,
    }
}

/// Events are another matter; an attached client hears that the device lives.
fn heartbeats(cgi: &Cgi) -> Reply {
    let every = Duration::from_secs(cgi.number("heartbeat").unwrap_or(5).clamp(1, 60));
    let part = "--myboundary\r\nContent-Type: text/plain\r\nContent-Length:11\r\n\r\nHeartbeat\r\n\r\n";
    Reply {
        status: 200,
        content_type: "multipart/x-mixed-replace; boundary=myboundary".into(),
        headers: Vec::new(),
        body: Body::Beats { part: part.into(), every },
    }
}

#[async_trait]
impl Personality for Dahua {
    fn is_speech(&self, line: &str) -> bool {
        line.starts_with("POST /cgi-bin/audio.cgi?action=postAudio")
    }

    /// Says nothing to a caller it hears: the end of the connection is the end of the call.
    fn greet(&self, ask: &Ask) -> Greeting {
        if self.login.admit(ask) != Admission::Granted || self.unit.knobs().mute {
            return Greeting::Refuse(text(401, "").challenged(self.login.challenges(false)));
        }
        let cgi = Cgi { script: "audio.cgi".into(), query: ask.query() };
        if cgi.channel(&self.unit).is_none() {
            return Greeting::Refuse(text(400, "Error\r\nBad Request!\r\n"));
        }
        let coding = match ask.header("content-type").map(str::to_ascii_lowercase).as_deref() {
            Some("audio/g.711a") => SpeechCoding::Alaw,
            Some("audio/g.711mu") => SpeechCoding::Ulaw,
            _ => return Greeting::Refuse(text(400, "Error\r\nBad Request!\r\n")),
        };
        match self.unit.ear().answer(coding) {
            Some(call) => Greeting::Listen(call, b""),
            None => Greeting::Refuse(text(503, "Error\r\nDevice busy\r\n")),
        }
    }

    async fn answer(&self, ask: &Ask) -> Reply {
        let path = ask.path();
        match path {
            "/" => return Reply::new(200, "text/html", "<html><title>WEB SERVICE</title></html>"),
            "/RPC2_Login" => return self.rpc.login(&self.unit, &ask.body),
            "/RPC2" => return self.rpc.call(&self.unit, &self.initialise, &ask.body),
            "/OutsideCmd" => return self.initialise.answer(&self.unit, &ask.body),
            _ => {}
        }
        let Some(script) = path.strip_prefix("/cgi-bin/") else { return text(404, "Not Found") };
        let admission = if self.unit.activated() { self.login.admit(ask) } else { Admission::Missing };
        if admission != Admission::Granted {
            let body = if self.unit.activated() { "" } else { "Invalid Authority!\r\n" };
            let challenges = self.login.challenges(admission == Admission::Stale);
            return text(401, body).challenged(challenges);
        }
        let knobs = self.unit.knobs();
        if knobs.full {
            return text(503, "Error\r\nToo many users\r\n");
        }
        if knobs.busy {
            // As devices do: 200, and yet no success.
            return text(200, "Error\r\nDevice busy\r\n");
        }
        let cgi = Cgi { script: script.to_owned(), query: ask.query() };
        match self.run(&cgi).await {
            Said::Lines(Lines(lines)) => text(200, &lines),
            Said::Ok => text(200, "OK\r\n"),
            Said::BadRequest => text(400, "Error\r\nBad Request!\r\n"),
            Said::Reply(reply) => reply,
        }
    }
}
