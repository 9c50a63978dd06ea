//! SADP: answers inquiries on UDP 37020, and nothing else: its writing verbs need no login, so a client must not send
//! them.

use std::net::IpAddr;

use super::escaped;
use crate::{
    onvif::soap::Element,
    unit::{Unit, UnitClass},
};

/// The group and port of SADP.
pub(crate) const GROUP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(239, 255, 255, 250);
pub(crate) const PORT: u16 = 37020;

/// The answer to a packet; `None` for what is no inquiry.
pub(crate) fn answer(unit: &Unit, packet: &[u8], own: IpAddr, http_port: u16) -> Option<Vec<u8>> {
    let probe = Element::parse(std::str::from_utf8(packet).ok()?)?;
    if probe.name != "Probe" {
        return None;
    }
    let verb = probe.text_at(&["Types"])?;
    if !matches!(verb, "inquiry" | "inquiry_v32") {
        unit.note(format!("SADP {verb}"));
        return None;
    }
    let config = unit.config();
    let (analog, digital) = match config.class {
        UnitClass::Camera => (1, 0),
        UnitClass::Recorder => (0, unit.channels()),
    };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ProbeMatch>\n<Uuid>{}</Uuid>\n<Types>{verb}</Types>\n<DeviceType>1</DeviceType>\n\
         <DeviceDescription>{}</DeviceDescription>\n<DeviceSN>{}</DeviceSN>\n<CommandPort>8000</CommandPort>\n\
         <HttpPort>{http_port}</HttpPort>\n<MAC>{}</MAC>\n<IPv4Address>{own}</IPv4Address>\n\
         <IPv4SubnetMask>255.0.0.0</IPv4SubnetMask>\n<IPv4Gateway>127.0.0.1</IPv4Gateway>\n<DHCP>false</DHCP>\n\
         <AnalogChannelNum>{analog}</AnalogChannelNum>\n<DigitalChannelNum>{digital}</DigitalChannelNum>\n\
         <SoftwareVersion>{}build 240826</SoftwareVersion>\n<DSPVersion>V7.3 build 240826</DSPVersion>\n\
         <BootTime>2026-01-01 00:00:00</BootTime>\n<Activated>{}</Activated>\n<PasswordResetAbility>true</PasswordResetAbility>\n\
         </ProbeMatch>",
        escaped(probe.text_at(&["Uuid"]).unwrap_or_default()),
        escaped(&config.model),
        config.serial,
        config.mac.replace(':', "-"),
        config.firmware,
        unit.activated()
    );
    Some(text.into_bytes())
}
