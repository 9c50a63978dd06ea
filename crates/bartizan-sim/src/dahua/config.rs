//! `configManager.cgi`: tables read with a `table.` prefix and written without it, indexed from 0.

use bartizan_base::StreamProfile;

use super::{Cgi, Dahua, Lines, Said};
use crate::unit::{Encoding, Unit, UnitClass, encoding};

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
        "Encode" => channels.for_each(|at| encode(unit, &mut lines, at)),
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

const FORMATS: [(&str, StreamProfile); 2] =
    [("MainFormat", StreamProfile::Main), ("ExtraFormat", StreamProfile::Sub)];

fn encode(unit: &Unit, lines: &mut Lines, at: u16) {
    for (format, profile) in FORMATS {
        let now = unit.encoding(at + 1, profile);
        let Encoding { width, height, fps, constant, .. } = now;
        let (rate, gop) = (now.told_kbps(profile), now.told_gop());
        let key = format!("table.Encode[{at}].{format}[0]");
        lines.put(format!("{key}.AudioEnable"), true);
        lines.put(format!("{key}.Audio.Compression"), "G.711Mu");
        lines.put(format!("{key}.VideoEnable"), true);
        lines.put(format!("{key}.Video.BitRate"), rate);
        lines.put(format!("{key}.Video.BitRateControl"), if constant { "CBR" } else { "VBR" });
        lines.put(format!("{key}.Video.Compression"), "H.264");
        lines.put(format!("{key}.Video.FPS"), fps);
        lines.put(format!("{key}.Video.GOP"), gop);
        lines.put(format!("{key}.Video.Height"), height);
        lines.put(format!("{key}.Video.Profile"), "Main");
        lines.put(format!("{key}.Video.Width"), width);
        lines.put(format!("{key}.Video.resolution"), format!("{width}x{height}"));
    }
}

/// Writes single values; one that is unknown refuses them all.
pub(super) fn set(dahua: &Dahua, cgi: &Cgi) -> Said {
    let unit = &dahua.unit;
    if unit.knobs().read_only {
        return Said::Reply(super::text(403, "Error\r\nAuthority:check failure.\r\n"));
    }
    let writes: Vec<_> = cgi.query.iter().filter(|(key, _)| key != "action").collect();
    if !writes.is_empty() && writes.iter().all(|(key, _)| key.starts_with("Encode[")) {
        return set_encode(unit, &writes);
    }
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

/// All keys of one stream together: a width without its height is no size.
fn set_encode(unit: &Unit, writes: &[&(String, String)]) -> Said {
    let place = |key: &str| {
        let (index, rest) = key.strip_prefix("Encode[")?.split_once("].")?;
        let (format, field) = rest.split_once("[0].Video.")?;
        let profile = FORMATS.iter().find(|(name, _)| *name == format)?.1;
        Some((index.parse::<u16>().ok()?.checked_add(1)?, profile, field.to_owned()))
    };
    let Some((channel, profile, _)) = writes.first().and_then(|(key, _)| place(key)) else {
        return Said::BadRequest;
    };
    let mut wish = unit.encoding(channel, profile);
    for (key, value) in writes {
        let Some((_, _, field)) = place(key).filter(|(one, which, _)| (*one, *which) == (channel, profile))
        else {
            return Said::BadRequest;
        };
        unit.note(format!("set {key}={value}"));
        let number = value.parse::<u32>().ok();
        match (field.as_str(), number) {
            ("Width", Some(width)) => wish.width = width as usize,
            ("Height", Some(height)) => wish.height = height as usize,
            ("FPS", Some(fps)) => wish.fps = fps,
            // This family does not refuse a rate: it takes the nearest it can.
            ("BitRate", Some(rate)) => {
                let (least, most) = Encoding::rates(profile);
                wish.kbps = Some(rate.clamp(least, most));
            }
            ("GOP", Some(gop)) => wish.gop = Some(gop),
            ("BitRateControl", _) if matches!(value.as_str(), "CBR" | "VBR") => {
                wish.constant = value == "CBR"
            }
            ("Compression", _) if value == "H.264" => {}
            ("resolution", _) if value.contains('x') => {}
            _ => return Said::BadRequest,
        }
    }
    Said::done(unit.has(channel) && unit.set_encoding(channel, profile, |now| *now = wish))
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

/// Sizes with a name are told by it, as devices do.
fn size_word((width, height): (usize, usize)) -> String {
    if (width, height) == (1280, 720) { "720P".to_owned() } else { format!("{width}x{height}") }
}

pub(super) fn encode_caps(unit: &Unit, cgi: &Cgi) -> Said {
    let Some(channel) = cgi.channel(unit) else { return Said::BadRequest };
    let mut lines = Lines::default();
    for (format, profile) in FORMATS {
        let key = format!("caps[{}].{format}[0].Video", channel - 1);
        let (least, most) = Encoding::rates(profile);
        let sizes: Vec<String> = Encoding::sizes(profile).iter().copied().map(size_word).collect();
        lines.put(format!("{key}.BitRateOptions"), format!("{least},{most}"));
        lines.put(format!("{key}.CompressionTypes"), "H.264");
        lines.put(format!("{key}.FPSMax"), encoding::FASTEST);
        lines.put(format!("{key}.ResolutionTypes"), sizes.join(","));
    }
    Said::Lines(lines)
}
