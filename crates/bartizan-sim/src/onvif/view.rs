//! The unit as an ONVIF request sees it: tokens, ranges and commands of the protocol on one side, the unit's state on
//! the other.

use std::{fmt::Write as _, time::Duration};

use bartizan_base::StreamProfile;
use md5::{Digest as _, Md5};

use super::{
    OnvifAddress, Request, SNAPSHOT_PATH, discovery,
    media::{stream_name, stream_of},
    soap::Fault,
};
use crate::unit::{Place, Unit};

/// What `tt:Wiper|On` means: a sweep, a pause, and again until `Off`.
const WIPER_INTERVAL: Duration = Duration::from_secs(5);

/// Auxiliary commands of units that have them (Core, ch. 8.6; `tt:AuxiliaryData`).
const COMMANDS: [&str; 6] = [
    "tt:WhiteLight|On",
    "tt:WhiteLight|Off",
    "tt:Wiper|On",
    "tt:Wiper|Off",
    "tt:Tracking|On",
    "tt:Tracking|Off",
];

/// Identity of a unit in WS-Discovery: the same after every restart, the MAC address last, as many devices do.
pub(crate) fn endpoint(unit: &Unit) -> String {
    let config = unit.config();
    let hash = Md5::digest(&config.serial);
    let hex = hash.iter().take(10).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mac: String = config.mac.chars().filter(char::is_ascii_hexdigit).collect();
    format!("urn:uuid:{}-{}-{}-{}-{mac}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20])
}

/// Scopes of a unit.
pub(crate) fn scopes(unit: &Unit, media2: bool) -> Vec<String> {
    let config = unit.config();
    discovery::scopes(&config.name, &config.model, "", config.ptz, media2)
}

/// The sign is turned round in a POSIX zone (IEEE Std 1003.1 §8.3).
pub(crate) fn posix_zone(seconds: i32) -> String {
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() % 3600 / 60);
    let sign = if seconds > 0 { "-" } else { "" };
    match (seconds, minutes) {
        (0, _) => "UTC0".into(),
        (_, 0) => format!("LT{sign}{hours}"),
        _ => format!("LT{sign}{hours}:{minutes:02}"),
    }
}

fn done(worked: bool) -> Result<(), Fault> {
    // Everything was checked before; a unit that refuses all the same has broken down.
    if worked { Ok(()) } else { Err(Fault::receiver(&["Action"], "the unit did not obey")) }
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

    pub fn channels(&self) -> impl Iterator<Item = u16> + use<> {
        1..=self.unit.channels()
    }

    /// Channels with a head.
    pub fn movable(&self) -> impl Iterator<Item = u16> {
        self.channels().filter(|channel| self.unit.moves(*channel))
    }

    /// Both streams of every channel.
    pub fn profiles(&self) -> impl Iterator<Item = (u16, StreamProfile)> + use<> {
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

    /// The host the client reached, unless the unit is mistaken about that.
    fn host(&self) -> String {
        match &self.quirks.address {
            OnvifAddress::Reached if self.local.is_ipv6() => format!("[{}]", self.local),
            OnvifAddress::Reached => self.local.to_string(),
            OnvifAddress::Zero => "0.0.0.0".into(),
            OnvifAddress::Other(address) => {
                address.rsplit_once(':').map_or(&**address, |(host, _)| host).to_owned()
            }
        }
    }

    /// Where a stream is.
    pub fn stream_uri(&self, channel: u16, stream: StreamProfile) -> String {
        let host = self.host();
        let subtype = u8::from(stream == StreamProfile::Sub);
        let (port, rest) = (self.rtsp_port, "unicast=true&proto=Onvif");
        format!("rtsp://{host}:{port}/cam/realmonitor?channel={channel}&subtype={subtype}&{rest}")
    }

    /// Where the recordings of a channel are.
    pub fn replay_uri(&self, channel: u16) -> String {
        format!("rtsp://{}:{}/replay/rec{channel}", self.host(), self.rtsp_port)
    }

    /// Where a channel's picture is fetched.
    pub fn snapshot_uri(&self, channel: u16, stream: StreamProfile) -> String {
        format!("{}{SNAPSHOT_PATH}?channel={channel}&stream={}", self.base, stream_name(stream))
    }

    /// Upside down is what `Rotate` by 180 degrees means.
    pub fn upside_down(&self, channel: u16) -> bool {
        self.unit.view(channel).is_some_and(|view| view.picture.mirror && view.picture.flip)
    }

    pub fn set_upside_down(&self, channel: u16, turned: bool) -> Result<(), Fault> {
        done(self.unit.set_picture(channel, |picture| (picture.mirror, picture.flip) = (turned, turned)))
    }

    /// Tokens of the alarm outputs and how long each closes.
    pub fn relays(&self) -> Vec<(String, Option<Duration>)> {
        let outputs = self.unit.outputs();
        outputs.iter().enumerate().map(|(at, output)| (format!("relay_{}", at + 1), output.pulse)).collect()
    }

    /// The number of an output.
    pub fn relay(&self, token: &str) -> Result<u16, Fault> {
        let known = self.relays().iter().any(|(own, _)| own == token);
        let number = token.strip_prefix("relay_").and_then(|number| number.parse().ok());
        number.filter(|_| known).ok_or_else(|| Fault::no("RelayToken", token))
    }

    /// Commands a channel obeys; the unit as a whole obeys those of its first.
    pub fn auxiliaries(&self) -> &'static [&'static str] {
        if self.unit.config().auxiliaries { &COMMANDS } else { &[] }
    }

    pub fn auxiliary(&self, channel: u16, command: &str) -> Result<(), Fault> {
        let unknown = || Fault::sender(&["InvalidArgVal", "AuxiliaryDataNotSupported"], command);
        if !self.auxiliaries().contains(&command) {
            return Err(unknown());
        }
        let (name, on) =
            command.split_once('|').map(|(name, state)| (name, state == "On")).ok_or_else(unknown)?;
        done(match name {
            "tt:WhiteLight" => self.unit.set_light(channel, on),
            "tt:Wiper" => self.unit.wipe(channel, on.then_some(Some(WIPER_INTERVAL))),
            _ => self.unit.set_tracking(channel, on),
        })
    }

    /// Runs the named axes; `None` leaves one as it is.
    pub fn run(
        &self,
        channel: u16,
        speeds: [Option<f32>; 3],
        timeout: Option<Duration>,
    ) -> Result<(), Fault> {
        done(self.unit.run(channel, speeds, timeout))
    }

    pub fn go(&self, channel: u16, to: [Option<f32>; 3]) -> Result<(), Fault> {
        done(self.unit.go(channel, to))
    }

    pub fn shift(&self, channel: u16, by: [Option<f32>; 3]) -> Result<(), Fault> {
        done(self.unit.shift(channel, by))
    }

    pub fn go_home(&self, channel: u16) -> Result<(), Fault> {
        let home =
            self.unit.home(channel).ok_or_else(|| Fault::sender(&["InvalidArgVal", "NoHomePosition"], ""))?;
        self.go(channel, home.map(Some))
    }

    pub fn set_home(&self, channel: u16) -> Result<(), Fault> {
        done(self.unit.set_home(channel))
    }

    /// Token, name and place of each preset. Tokens are not numbers, as a client must not count on it.
    pub fn presets(&self, channel: u16) -> impl Iterator<Item = (String, String, Place)> + use<> {
        self.unit
            .presets(channel)
            .into_iter()
            .map(|(number, (name, place))| (format!("preset{number}"), name, place))
    }

    fn preset(&self, channel: u16, token: &str) -> Result<u16, Fault> {
        let number = token.strip_prefix("preset").and_then(|number| number.parse().ok());
        let known = number.filter(|number| self.unit.presets(channel).contains_key(number));
        known.ok_or_else(|| Fault::no("NoToken", token))
    }

    /// Stores the present place under a new token, or anew under a known one; gives the token.
    pub fn set_preset(&self, channel: u16, token: Option<&str>, name: Option<&str>) -> Result<String, Fault> {
        let presets = self.unit.presets(channel);
        let number = match token {
            Some(token) => self.preset(channel, token)?,
            None => (1..=super::ptz::PRESET_LIMIT).find(|number| !presets.contains_key(number)).ok_or_else(
                || Fault::receiver(&["Action", "TooManyPresets"], "no room for another preset"),
            )?,
        };
        if let Some(name) = name
            && presets.iter().any(|(other, (taken, _))| *other != number && taken == name)
        {
            return Err(Fault::sender(&["InvalidArgVal", "PresetExist"], name));
        }
        let old = presets.get(&number).map(|(name, _)| name.clone());
        let name = name.map(str::to_owned).or(old).unwrap_or_else(|| format!("Preset {number}"));
        done(self.unit.set_preset(channel, number, &name, false))?;
        Ok(format!("preset{number}"))
    }

    pub fn go_to_preset(&self, channel: u16, token: &str) -> Result<(), Fault> {
        let number = self.preset(channel, token)?;
        let place = self.unit.presets(channel).get(&number).map(|(_, place)| *place);
        self.go(channel, place.ok_or_else(|| Fault::no("NoToken", token))?.map(Some))
    }

    pub fn remove_preset(&self, channel: u16, token: &str) -> Result<(), Fault> {
        let number = self.preset(channel, token)?;
        done(self.unit.remove_preset(channel, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnitConfig;

    #[test]
    fn zones_as_posix_writes_them() {
        for (seconds, text) in [(0, "UTC0"), (8 * 3600, "LT-8"), (-5 * 3600, "LT5"), (19_800, "LT-5:30")] {
            assert_eq!(posix_zone(seconds), text);
        }
    }

    #[test]
    fn endpoints_are_kept_and_differ() {
        let unit = |serial: &str| Unit::new(UnitConfig { serial: serial.into(), ..UnitConfig::default() });
        let one = endpoint(&unit("1"));
        assert_eq!(one, endpoint(&unit("1")));
        assert_ne!(one, endpoint(&unit("2")));
        assert_eq!(one.len(), "urn:uuid:".len() + 36);
        assert!(one.ends_with("-020000000001"), "{one}");
    }
}
