//! DHDiscover: answers searches on UDP 37810.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::unit::{Unit, UnitClass};

/// The group and port of DHDiscover.
pub(crate) const GROUP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(239, 255, 255, 251);
pub(crate) const PORT: u16 = 37810;
const HEADER: usize = 32;
const MAGIC: [u8; 8] = [0x20, 0, 0, 0, b'D', b'H', b'I', b'P'];

/// The answer to a packet; `None` for what is no search. Bare JSON is not answered, as in real devices.
pub(crate) fn answer(unit: &Unit, packet: &[u8], own: IpAddr, http_port: u16) -> Option<Vec<u8>> {
    if packet.get(..MAGIC.len())? != MAGIC {
        return None;
    }
    let body = packet.get(HEADER..)?;
    let end = body.iter().rposition(|byte| !matches!(byte, 0 | b'\n')).map_or(0, |at| at + 1);
    let ask: Value = serde_json::from_slice(&body[..end]).ok()?;
    if ask["method"] != "DHDiscover.search" {
        return None;
    }
    let config = unit.config();
    let class = match config.class {
        UnitClass::Camera if config.ptz => "SD",
        UnitClass::Camera => "IPC",
        UnitClass::Recorder => "NVR",
    };
    let answer = json!({
        "mac": config.mac,
        "method": "client.notifyDevInfo",
        "params": { "deviceInfo": {
            "AlarmInputChannels": 0, "AlarmOutputChannels": config.outputs, "DeviceClass": class,
            "DeviceType": config.model, "Find": "AB", "HttpPort": http_port,
            "IPv4Address": { "DefaultGateway": "127.0.0.1", "DhcpEnable": false, "IPAddress": own.to_string(), "SubnetMask": "255.0.0.0" },
            "Init": if unit.activated() { 3210 } else { 3209 }, "MachineName": config.name, "Manufacturer": config.maker,
            "Port": 37777, "RemoteVideoInputChannels": if config.class == UnitClass::Recorder { unit.channels() } else { 0 },
            "SerialNo": config.serial, "Vendor": config.maker, "Version": config.firmware,
            "VideoInputChannels": unit.channels(), "VideoOutputChannels": 0,
        } },
    })
    .to_string();
    let length = u32::try_from(answer.len() + 1).ok()?.to_le_bytes();
    let mut out = MAGIC.to_vec();
    out.extend([0; 8]);
    out.extend(length);
    out.extend([0; 4]);
    out.extend(length);
    out.extend([0; 4]);
    out.extend(answer.as_bytes());
    out.push(0);
    Some(out)
}
