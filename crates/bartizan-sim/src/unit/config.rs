use std::time::Duration;

use bartizan_base::Secret;

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitClass {
    /// One camera.
    Camera,
    /// A recorder with cameras behind it.
    Recorder,
}

/// What a unit is made of.
#[derive(Clone, Debug)]
pub struct UnitConfig {
    /// Maker, as it names itself.
    pub maker: String,
    /// Model.
    pub model: String,
    /// Firmware version.
    pub firmware: String,
    /// Serial number.
    pub serial: String,
    /// MAC address, lower case with colons.
    pub mac: String,
    /// The owner's name for it.
    pub name: String,
    /// Camera or recorder.
    pub class: UnitClass,
    /// Channels, numbered from 1: name, and why the camera behind is off, when it is.
    pub channels: Vec<(String, Option<&'static str>)>,
    /// Whether channel 1 turns, zooms, focuses and has an iris.
    pub ptz: bool,
    /// Whether it has light, siren, wiper and tracking.
    pub auxiliaries: bool,
    /// Alarm outputs.
    pub outputs: u16,
    /// Its streams have a backchannel to its loudspeaker (ONVIF Streaming §5.3).
    pub backchannel: bool,
    /// Its recordings can be searched and played over ONVIF (Profile G) too.
    pub profile_g: bool,
    /// The administrator's name.
    pub user: String,
    /// Its password; `None`: fresh from the factory.
    pub password: Option<Secret>,
    /// Wrong passwords after which the account is locked.
    pub tries: u32,
    /// How long.
    pub lock: Duration,
    /// The device's local time minus UTC, seconds.
    pub zone_s: i32,
}

impl Default for UnitConfig {
    fn default() -> Self {
        Self {
            maker: "Bartizan".into(),
            model: "SIM-1".into(),
            firmware: "1.0.0".into(),
            serial: "BZ000000001".into(),
            mac: "02:00:00:00:00:01".into(),
            name: "Simulated camera".into(),
            class: UnitClass::Camera,
            channels: vec![(crate::channel_name(1), None)],
            ptz: true,
            auxiliaries: true,
            outputs: 2,
            backchannel: false,
            profile_g: false,
            user: "admin".into(),
            password: Some(Secret::new("bartizan1")),
            tries: 5,
            lock: Duration::from_secs(30 * 60),
            zone_s: 8 * 3600,
        }
    }
}
