//! The unit as an ONVIF request sees it: tokens, ranges and rights of the protocol on one side, the unit's state on
//! the other.

use std::{net::IpAddr, time::Duration};

use bartizan_base::{StreamProfile, UtcMicros};

use super::{
    Request,
    device::Relay,
    media::{stream_name, stream_of},
    soap::Fault,
};
use crate::config::Format;

// STUB-BEGIN
use super::OnvifQuirks;
use bartizan_base::{Clock, Secret, SystemClock};
use std::{collections::BTreeMap, sync::Mutex};
use tokio::time::Instant;

#[derive(Default, Clone)]
pub(crate) struct Axis {
    from: f32,
    velocity: f32,
    target: Option<f32>,
    at: Option<Instant>,
    until: Option<Instant>,
}
impl Axis {
    fn value(&self, low: f32) -> (f32, bool) {
        let Some(at) = self.at else { return (self.from, false) };
        let now = Instant::now();
        let end = self.until.map_or(now, |u| u.min(now));
        let mut v = self.from + self.velocity * end.saturating_duration_since(at).as_secs_f32();
        let mut moving = self.velocity != 0.0 && self.until.is_none_or(|u| now < u);
        if let Some(t) = self.target
            && ((self.velocity > 0.0 && v >= t) || (self.velocity < 0.0 && v <= t) || self.velocity == 0.0)
        {
            v = t;
            moving = false;
        }
        if v <= low || v >= 1.0 {
            v = v.clamp(low, 1.0);
            if self.target.is_none() {
                moving = false;
            }
        }
        (v, moving)
    }
    fn go(&mut self, low: f32, velocity: f32, target: Option<f32>, timeout: Duration) {
        let (v, _) = self.value(low);
        *self = Axis {
            from: v,
            velocity,
            target,
            at: Some(Instant::now()),
            until: Some(Instant::now() + timeout),
        };
    }
}
#[derive(Default)]
pub(crate) struct Stub {
    axes: [Axis; 3],
    presets: BTreeMap<String, (String, [f32; 3])>,
    home: [f32; 3],
    picture: Option<Picture>,
    flip: bool,
    relay: bool,
    pulse: Option<Duration>,
    clock: i64,
    focus: f32,
    aux: Vec<String>,
}
pub(crate) struct Unit {
    pub state: Mutex<Stub>,
    pub quirks: Mutex<OnvifQuirks>,
    pub rtsp: String,
    pub auth: crate::auth::Auth,
}
impl Unit {
    pub fn onvif_quirks(&self) -> OnvifQuirks {
        self.quirks.lock().unwrap().clone()
    }
    pub fn now(&self) -> UtcMicros {
        UtcMicros(SystemClock.now().0 + self.state.lock().unwrap().clock)
    }
    pub fn password_of(&self, user: &str) -> Option<Secret> {
        (user == "admin").then(|| Secret::new("bartizan1"))
    }
    pub fn login_succeeded(&self, _: &str, _: IpAddr) -> bool {
        true
    }
    pub fn login_failed(&self, _: &str, _: IpAddr) {}
    pub fn challenges(&self, stale: bool) -> Vec<String> {
        self.auth.challenges(stale)
    }
}
// STUB-END

/// Who a unit says it is.
pub(crate) struct Identity<'a> {
    pub manufacturer: &'a str,
    pub model: &'a str,
    pub firmware: &'a str,
    pub serial: &'a str,
    pub hardware: &'a str,
    pub hostname: &'a str,
    pub mac: &'a str,
}

/// Picture values in percent.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub brightness: f32,
    pub saturation: f32,
    pub contrast: f32,
    pub sharpness: f32,
    pub auto_focus: bool,
    pub ir_cut: &'static str,
}

/// Rights of a user (Core, `tt:UserLevel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum UserLevel {
    User,
    Operator,
    Administrator,
}

impl UserLevel {
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Operator => "Operator",
            Self::Administrator => "Administrator",
        }
    }
}

/// The device's zone: a fixed distance from UTC.
pub(crate) struct Zone(pub jiff::tz::Offset);

impl Zone {
    pub fn offset(&self) -> jiff::tz::Offset {
        self.0
    }

    /// As POSIX writes it, with the sign turned round (IEEE Std 1003.1 §8.3).
    pub fn posix(&self) -> String {
        let seconds = self.0.seconds();
        let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() % 3600 / 60);
        let sign = if seconds > 0 { "-" } else { "" };
        match (seconds, minutes) {
            (0, _) => "UTC0".into(),
            (_, 0) => format!("LT{sign}{hours}"),
            _ => format!("LT{sign}{hours}:{minutes:02}"),
        }
    }
}

impl Request<'_> {
    /// Text of an address in the answer, escaped, with the unit's oddities.
    pub fn text(&self, uri: &str) -> String {
        let mut text = quick_xml::escape::escape(uri).into_owned();
        if self.quirks.double_escape {
            text = text.replace("&amp;", "&amp;amp;");
        }
        if self.quirks.padded_addresses { format!("\n      {text}\n    ") } else { text }
    }

    /// Whether the user's level is enough for the operation.
    pub fn permit(&self, user: Option<&str>) -> Result<(), Fault> {
        let name = self.call.body.name.as_str();
        let needed = match name {
            _ if super::device::is_open(name) => return Ok(()),
            "SetSystemDateAndTime" | "GetUsers" => UserLevel::Administrator,
            "Stop" | "Move" => UserLevel::Operator,
            "SetSynchronizationPoint" => UserLevel::User,
            _ if ["Set", "Goto", "Remove", "Send", "Continuous", "Relative", "Absolute"]
                .iter()
                .any(|word| name.starts_with(word)) =>
            {
                UserLevel::Operator
            }
            _ => UserLevel::User,
        };
        let level = self.users().into_iter().find(|(own, _)| user == Some(own)).map(|(_, level)| level);
        if level.is_some_and(|level| level >= needed) {
            return Ok(());
        }
        Err(Fault::sender(&["NotAuthorized"], "The action requires a higher user level"))
    }

    /// Both streams of every channel.
    pub fn profiles(&self) -> impl Iterator<Item = (u16, StreamProfile)> {
        self.channels().flat_map(|channel| [(channel, StreamProfile::Main), (channel, StreamProfile::Sub)])
    }

    /// The stream a field of the request names by its profile token.
    pub fn profile(&self, field: &str) -> Result<(u16, StreamProfile), Fault> {
        self.profile_of(self.call.body.text_at(&[field]).unwrap_or_default())
    }

    /// The stream of a profile token.
    pub fn profile_of(&self, token: &str) -> Result<(u16, StreamProfile), Fault> {
        let parse = || {
            let (channel, stream) = token.strip_prefix("profile_")?.split_once('_')?;
            Some((channel.parse().ok()?, stream_of(stream)?))
        };
        parse()
            .filter(|one| self.profiles().any(|own| own == *one))
            .ok_or_else(|| Fault::no("NoProfile", token))
    }

    /// Where a channel's picture is fetched.
    pub fn snapshot_uri(&self, channel: u16, stream: StreamProfile) -> String {
        format!("{}{}?channel={channel}&stream={}", self.base, super::SNAPSHOT_PATH, stream_name(stream))
    }
}

// STUB2-BEGIN
impl Request<'_> {
    fn s(&self) -> std::sync::MutexGuard<'_, Stub> {
        self.unit.state.lock().unwrap()
    }
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            manufacturer: "Bartizan",
            model: "SIM",
            firmware: "1.0",
            serial: "S1",
            hardware: "1",
            hostname: "sim-1",
            mac: "02:00:00:00:00:01",
        }
    }
    pub fn users(&self) -> Vec<(String, UserLevel)> {
        vec![("admin".into(), UserLevel::Administrator)]
    }
    pub fn channels(&self) -> impl Iterator<Item = u16> + use<> {
        1..=2
    }
    pub fn movable(&self) -> impl Iterator<Item = u16> + use<> {
        1..=1
    }
    pub fn channel_name(&self, c: u16) -> String {
        crate::channel_name(c)
    }
    pub fn format(&self, _: u16, s: StreamProfile) -> Format {
        Format::of(s)
    }
    pub fn upside_down(&self, _: u16) -> bool {
        self.s().flip
    }
    pub fn set_upside_down(&self, _: u16, on: bool) -> Result<(), Fault> {
        self.s().flip = on;
        Ok(())
    }
    pub fn want_key(&self, _: u16, _: StreamProfile) {}
    pub fn stream_uri(&self, c: u16, s: StreamProfile) -> String {
        format!(
            "{}/cam/realmonitor?channel={c}&subtype={}&unicast=true&proto=Onvif",
            self.unit.rtsp,
            u8::from(s == StreamProfile::Sub)
        )
    }
    pub fn scopes(&self) -> Vec<String> {
        super::discovery::scopes("SIM", "SIM", "Yard", true, true)
    }
    pub fn zone(&self) -> Zone {
        Zone(jiff::tz::offset(8))
    }
    pub fn set_clock(&self, at: UtcMicros) {
        self.s().clock = at.0 - SystemClock.now().0
    }
    pub fn relays(&self) -> Vec<Relay> {
        vec![Relay { token: "relay_1".into(), pulse: self.s().pulse }]
    }
    pub fn set_relay(&self, t: &str, on: bool) -> Result<(), Fault> {
        if t != "relay_1" {
            return Err(Fault::no("RelayToken", t));
        }
        self.s().relay = on;
        Ok(())
    }
    pub fn set_relay_mode(&self, t: &str, p: Option<Duration>) -> Result<(), Fault> {
        if t != "relay_1" {
            return Err(Fault::no("RelayToken", t));
        }
        self.s().pulse = p;
        Ok(())
    }
    pub fn auxiliaries(&self, _: Option<u16>) -> Vec<String> {
        vec!["tt:Wiper|On".into()]
    }
    pub fn auxiliary(&self, _: Option<u16>, c: &str) -> Result<(), Fault> {
        if self.auxiliaries(None).iter().any(|o| o == c) {
            self.s().aux.push(c.into());
            return Ok(());
        }
        Err(Fault::sender(&["InvalidArgVal", "AuxiliaryDataNotSupported"], c))
    }
    fn lows() -> [f32; 3] {
        [-1.0, -1.0, 0.0]
    }
    fn all(&self, v: [Option<(f32, Option<f32>)>; 3], t: Duration) {
        let mut s = self.s();
        for i in 0..3 {
            if let Some((vel, target)) = v[i] {
                s.axes[i].go(Self::lows()[i], vel, target, t)
            }
        }
    }
    pub fn continuous(
        &self,
        _: u16,
        pt: Option<(f32, f32)>,
        z: Option<f32>,
        t: Duration,
    ) -> Result<(), Fault> {
        self.all([pt.map(|p| (p.0, None)), pt.map(|p| (p.1, None)), z.map(|z| (z, None))], t);
        Ok(())
    }
    pub fn absolute(&self, c: u16, pt: Option<(f32, f32)>, z: Option<f32>) -> Result<(), Fault> {
        let (p, _, _) = self.place(c);
        let go =
            |from: f32, to: f32| ((to - from).signum() * 2.0 * f32::from(u8::from(to != from)), Some(to));
        self.all(
            [pt.map(|t| go(p.0, t.0)), pt.map(|t| go(p.1, t.1)), z.map(|t| go(p.2, t))],
            Duration::from_secs(10),
        );
        Ok(())
    }
    pub fn relative(&self, c: u16, pt: Option<(f32, f32)>, z: Option<f32>) -> Result<(), Fault> {
        let (p, _, _) = self.place(c);
        self.absolute(
            c,
            pt.map(|t| ((p.0 + t.0).clamp(-1.0, 1.0), (p.1 + t.1).clamp(-1.0, 1.0))),
            z.map(|z| (p.2 + z).clamp(0.0, 1.0)),
        )
    }
    pub fn stop(&self, _: u16, pt: bool, z: bool) -> Result<(), Fault> {
        self.all(
            [pt.then_some((0.0, None)), pt.then_some((0.0, None)), z.then_some((0.0, None))],
            Duration::ZERO,
        );
        Ok(())
    }
    pub fn place(&self, _: u16) -> ((f32, f32, f32), bool, bool) {
        let s = self.s();
        let v: Vec<_> = s.axes.iter().zip(Self::lows()).map(|(a, l)| a.value(l)).collect();
        ((v[0].0, v[1].0, v[2].0), v[0].1 || v[1].1, v[2].1)
    }
    pub fn presets(&self, _: u16) -> Vec<(String, String, (f32, f32, f32))> {
        self.s().presets.iter().map(|(t, (n, p))| (t.clone(), n.clone(), (p[0], p[1], p[2]))).collect()
    }
    pub fn set_preset(&self, c: u16, t: Option<&str>, n: Option<&str>, _l: usize) -> Result<String, Fault> {
        let ((a, b, d), _, _) = self.place(c);
        let mut s = self.s();
        let t = t.map_or_else(|| (s.presets.len() + 1).to_string(), str::to_owned);
        s.presets.insert(t.clone(), (n.unwrap_or("p").into(), [a, b, d]));
        Ok(t)
    }
    pub fn go_to_preset(&self, c: u16, t: &str) -> Result<(), Fault> {
        let p = self.s().presets.get(t).map(|p| p.1).ok_or_else(|| Fault::no("NoToken", t))?;
        self.absolute(c, Some((p[0], p[1])), Some(p[2]))
    }
    pub fn remove_preset(&self, _: u16, t: &str) -> Result<(), Fault> {
        self.s().presets.remove(t).map(|_| ()).ok_or_else(|| Fault::no("NoToken", t))
    }
    pub fn go_home(&self, c: u16) -> Result<(), Fault> {
        let p = self.s().home;
        self.absolute(c, Some((p[0], p[1])), Some(p[2]))
    }
    pub fn set_home(&self, c: u16) -> Result<(), Fault> {
        let (p, _, _) = self.place(c);
        self.s().home = [p.0, p.1, p.2];
        Ok(())
    }
    pub fn picture(&self, _: u16) -> Picture {
        self.s().picture.clone().unwrap_or(Picture {
            brightness: 50.0,
            saturation: 50.0,
            contrast: 50.0,
            sharpness: 50.0,
            auto_focus: true,
            ir_cut: "AUTO",
        })
    }
    pub fn set_picture(&self, _: u16, p: &Picture) {
        self.s().picture = Some(p.clone())
    }
    pub fn focus(&self, _: u16) -> (f32, bool) {
        (self.s().focus, false)
    }
    pub fn focus_to(&self, _: u16, f: f32) {
        self.s().focus = f.clamp(0.0, 1.0)
    }
    pub fn focus_move(&self, _: u16, _s: f32) {}
    pub fn focus_stop(&self, _: u16) {}
}
// STUB2-END
