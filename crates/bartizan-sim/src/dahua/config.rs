//! `configManager.cgi`: tables read with a `table.` prefix and written without it, indexed from 0.

use bartizan_base::StreamProfile;

use super::{Cgi, Dahua, Lines, Said};
use crate::{
    config::Format,
    unit::{Unit, UnitClass},
};

/// Reads a table, whole.
pub(super) fn get(dahua: &Dahua, cgi: &Cgi) -> Said {
    let unit = &dahua.unit;
    let name = cgi.get("name").unwrap_or_default();
    let (table, index) = match name.split_once('[') {
        Some((table, rest)) => {
            (table, rest.trim_end_matches(']').split(']').next().and_then(|at| at.parse().ok()))
        }
        None => (name, None),
    };
    let channels = (0..unit.channels()).filter(|at| index.is_none_or(|wanted: u16| wanted == *at));
    let mut lines = Lines::default();
    match table {
        "ChannelTitle" => {
            for at in channels {
                lines.put(format!("table.ChannelTitle[{at}].Name"), unit.channel_name(at + 1));
            }
        }
        "RemoteDevice" if unit.config().class == UnitClass::Recorder => {
            for at in channels {
                let key = format!("table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_{at}");
                lines.put(format!("{key}.Address"), format!("192.168.254.{}", at + 2));
                lines.put(format!("{key}.DeviceType"), "IPC");
                lines.put(format!("{key}.Enable"), true);
            }
        }
        "Encode" => channels.for_each(|at| encode(&mut lines, at)),
        "VideoColor" => {
            for at in channels {
                let Some(view) = unit.view(at + 1) else { continue };
                for profile in 0..3 {
                    let key = format!("table.VideoColor[{at}][{profile}]");
                    lines.put(format!("{key}.Brightness"), view.picture.brightness.round());
                    lines.put(format!("{key}.Contrast"), view.picture.contrast.round());
                    lines.put(format!("{key}.Gamma"), 50);
                    lines.put(format!("{key}.Hue"), view.picture.hue.round());
                    lines.put(format!("{key}.Saturation"), view.picture.saturation.round());
                    lines.put(format!("{key}.TimeSection"), "0 00:00:00-24:00:00");
                }
            }
        }
        "VideoInOptions" => {
            for at in channels {
                let Some(view) = unit.view(at + 1) else { continue };
                let key = format!("table.VideoInOptions[{at}]");
                lines.put(format!("{key}.DayNightColor"), 1);
                lines.put(format!("{key}.Flip"), view.picture.flip);
                lines.put(format!("{key}.Mirror"), view.picture.mirror);
                lines.put(format!("{key}.Rotate90"), 0);
            }
        }
        "VideoInMode" => channels.for_each(|at| lines.put(format!("table.VideoInMode[{at}].Config[0]"), 0)),
        "AlarmOut" => {
            for (at, output) in unit.outputs().iter().enumerate() {
                lines.put(format!("table.AlarmOut[{at}].Mode"), if output.on { 1 } else { 0 });
                lines.put(format!("table.AlarmOut[{at}].Name"), &output.name);
            }
        }
        "RTSP" => {
            lines.put("table.RTSP.Enable", true);
            lines.put("table.RTSP.Port", dahua.rtsp_port);
        }
        "Network" => {
            lines.put("table.Network.DefaultInterface", "eth0");
            lines.put("table.Network.Hostname", &unit.config().name);
            lines.put("table.Network.eth0.PhysicalAddress", &unit.config().mac);
        }
        "Locales" => {
            lines.put("table.Locales.DSTEnable", false);
            lines.put("table.Locales.TimeFormat", "yyyy-MM-dd HH:mm:ss");
        }
        "NTP" => {
            lines.put("table.NTP.Enable", false);
            lines.put("table.NTP.TimeZone", time_zone(unit.config().zone_s));
        }
        "IntelliTracker" if unit.config().auxiliaries => {
            let on = unit.view(1).is_some_and(|view| view.tracking);
            lines.put("table.IntelliTracker[0].Enable", on);
        }
        _ => return Said::BadRequest,
    }
    Said::Lines(lines)
}

/// The index that the maker gives to whole zones and a few halves.
fn time_zone(seconds: i32) -> u32 {
    match seconds / 3600 {
        8 => 13,
        1 => 1,
        _ => 0,
    }
}

fn encode(lines: &mut Lines, at: u16) {
    for (format, profile) in [("MainFormat", StreamProfile::Main), ("ExtraFormat", StreamProfile::Sub)] {
        let Format { width, height, fps } = Format::of(profile);
        let rate = if profile == StreamProfile::Main { 4096 } else { 512 };
        let key = format!("table.Encode[{at}].{format}[0]");
        lines.put(format!("{key}.AudioEnable"), true);
        lines.put(format!("{key}.Audio.Compression"), "G.711Mu");
        lines.put(format!("{key}.VideoEnable"), true);
        lines.put(format!("{key}.Video.BitRate"), rate);
        lines.put(format!("{key}.Video.BitRateControl"), "VBR");
        lines.put(format!("{key}.Video.Compression"), "H.264");
        lines.put(format!("{key}.Video.FPS"), fps);
        lines.put(format!("{key}.Video.GOP"), fps);
        lines.put(format!("{key}.Video.Height"), height);
        lines.put(format!("{key}.Video.Profile"), "Main");
        lines.put(format!("{key}.Video.Width"), width);
        lines.put(format!("{key}.Video.resolution"), format!("{width}x{height}"));
    }
}

/// Writes single values; one that is unknown refuses them all.
pub(super) fn set(dahua: &Dahua, cgi: &Cgi) -> Said {
    let unit = &dahua.unit;
    let writes: Vec<_> = cgi.query.iter().filter(|(key, _)| key != "action").collect();
    let all_known = writes.iter().all(|(key, value)| plan(unit, key, value).is_some());
    if writes.is_empty() || !all_known {
        return Said::BadRequest;
    }
    for (key, value) in writes {
        unit.note(format!("set {key}={value}"));
        if let Some(write) = plan(unit, key, value) {
            write(unit);
        }
    }
    Said::Ok
}

type Write = Box<dyn Fn(&Unit)>;

fn plan(unit: &Unit, key: &str, value: &str) -> Option<Write> {
    let (table, rest) = key.split_once('[')?;
    let (index, rest) = rest.split_once(']')?;
    let at: u16 = index.parse().ok()?;
    let channel = at + 1;
    let field = rest.rsplit('.').next()?.to_owned();
    let flag = match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    match table {
        "VideoColor" if unit.has(channel) => {
            let level: f32 = value.parse().ok().filter(|level| (0.0..=100.0).contains(level))?;
            if !["Brightness", "Contrast", "Saturation", "Hue", "Gamma"].contains(&field.as_str()) {
                return None;
            }
            Some(Box::new(move |unit| {
                unit.set_picture(channel, |picture| match field.as_str() {
                    "Brightness" => picture.brightness = level,
                    "Contrast" => picture.contrast = level,
                    "Saturation" => picture.saturation = level,
                    "Hue" => picture.hue = level,
                    _ => {}
                });
            }))
        }
        "VideoInOptions" if unit.has(channel) => match field.as_str() {
            "Flip" => {
                let on = flag?;
                Some(Box::new(move |unit| {
                    let _ = unit.set_picture(channel, |picture| picture.flip = on);
                }))
            }
            "Mirror" => {
                let on = flag?;
                Some(Box::new(move |unit| {
                    let _ = unit.set_picture(channel, |picture| picture.mirror = on);
                }))
            }
            _ => None,
        },
        "AlarmOut" if usize::from(at) < unit.outputs().len() && field == "Mode" => {
            let on = match value {
                "1" => true,
                "0" | "2" => false,
                _ => return None,
            };
            Some(Box::new(move |unit| {
                let _ = unit.set_output(channel, on);
            }))
        }
        "IntelliTracker" if unit.config().auxiliaries && field == "Enable" => {
            let on = flag?;
            Some(Box::new(move |unit| {
                let _ = unit.set_tracking(channel, on);
            }))
        }
        _ => None,
    }
}

pub(super) fn encode_caps(unit: &Unit, cgi: &Cgi) -> Said {
    if cgi.channel(unit).is_none() {
        return Said::BadRequest;
    }
    let mut lines = Lines::default();
    lines.put("caps[0].MainFormat[0].Video.CompressionTypes", "H.264");
    lines.put("caps[0].MainFormat[0].Video.ResolutionTypes", "720P");
    lines.put("caps[0].ExtraFormat[0].Video.ResolutionTypes", "640x360");
    Said::Lines(lines)
}
