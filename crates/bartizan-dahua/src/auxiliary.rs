//! Light, siren, wiper and tracking, each by the way that the device has.

use bartizan_base::Code;
use bartizan_device::{Auxiliary, AuxiliaryCommand, AuxiliaryState};

use crate::{device::Device, error::DahuaError, ptz_query, query::Query, quirks::Difference, text::Values};

/// How an auxiliary is switched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `coaxialControlIO.cgi`, type 1 light, 2 speaker.
    Coaxial(u8),
    /// `Lighting_V2[ch][profile][i]`.
    Lighting(String),
    /// The same on doorbells, which want `ForceOn` and `State`.
    DoorbellLighting(String),
    /// `rainBrush.cgi`.
    RainBrush,
    /// A wiper among the codes of `ptz.cgi`: domes want `rainBrush.cgi` for it, recorders the code.
    Wiper,
    /// An auxiliary code of `ptz.cgi`: `Light`. Recorders pass these on.
    Ptz(&'static str),
    /// A config switch.
    Switch(String),
}

/// Every auxiliary of a channel with its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways(Vec<(Auxiliary, Way)>);

impl Ways {
    pub fn auxiliaries(&self) -> Vec<Auxiliary> {
        self.0.iter().map(|(auxiliary, _)| *auxiliary).collect()
    }

    fn of(&self, auxiliary: Auxiliary) -> Option<&Way> {
        self.0.iter().find(|(one, _)| *one == auxiliary).map(|(_, way)| way)
    }

    fn add(&mut self, auxiliary: Auxiliary, way: Option<Way>) {
        if let Some(way) = way.filter(|_| self.of(auxiliary).is_none()) {
            self.0.push((auxiliary, way));
        }
    }
}

/// Asks what the channel has.
pub(crate) async fn ways(device: &Device, channel: u16, ptz: &Values) -> Result<Ways, DahuaError> {
    let mut ways = Ways::default();
    let at = channel.saturating_sub(1);
    let (light, siren) = coaxial(device, channel).await?;
    ways.add(Auxiliary::Light, light.then_some(Way::Coaxial(1)));
    ways.add(Auxiliary::Siren, siren.then_some(Way::Coaxial(2)));
    if !light && !device.has(Difference::LightIsReadOnly).await? {
        let doorbell = device.has(Difference::DoorbellLight).await?;
        ways.add(Auxiliary::Light, lighting(device, at, doorbell).await?);
    }
    let caps = Query::new("rainBrush", "getCaps").with("channel", channel);
    let brush = device.optional(&caps).await?.is_some() || device.recent_config("RainBrush").await?.is_some();
    ways.add(Auxiliary::Wiper, brush.then_some(Way::RainBrush));
    let listed = |name: &str| {
        let named = ptz.under("caps.Auxs[").any(|(_, told)| told.trim().eq_ignore_ascii_case(name));
        named && ptz.flag("caps.Aux") != Some(false)
    };
    ways.add(Auxiliary::Light, listed("Light").then_some(Way::Ptz("Light")));
    ways.add(Auxiliary::Wiper, listed("Wiper").then_some(Way::Wiper));
    // Electronic tracking (HTTP API 8.1.15), and the older table of speed domes.
    for (table, switch) in [("EptzLink", "TrackEnable"), ("IntelliTracker", "Enable")] {
        let key = format!("{table}[{at}].{switch}");
        let there = device.recent_config(table).await?.is_some_and(|table| table.get(&key).is_some());
        ways.add(Auxiliary::Tracking, there.then_some(Way::Switch(key)));
    }
    Ok(ways)
}

/// Whether there are a light and a siren: by `getCaps`, on older firmware by what `getStatus` mentions.
async fn coaxial(device: &Device, channel: u16) -> Result<(bool, bool), DahuaError> {
    let query = |action: &str| Query::new("coaxialControlIO", action).with("channel", channel);
    if let Some(caps) = device.optional(&query("getCaps")).await? {
        let says = |what: &str| {
            caps.iter().any(|(key, value)| {
                key.rsplit('.').next() == Some(what) && crate::text::flag(value) == Some(true)
            })
        };
        let light = says("SupportControlLight") || says("SupportControlFullcolorLight");
        let siren = says("SupportControlSpeaker");
        if light || siren {
            return Ok((light, siren));
        }
    }
    let Some(status) = device.optional(&query("getStatus")).await? else { return Ok((false, false)) };
    Ok((mentioned(&status, "whitelight").is_some(), mentioned(&status, "speaker").is_some()))
}

/// `status.status.WhiteLight=Off` on devices, `status.whitelight=on` in the documents.
pub(crate) fn mentioned<'a>(status: &'a Values, what: &str) -> Option<&'a str> {
    let of = |key: &str| key.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(what));
    status.iter().find(|(key, _)| of(key)).map(|(_, value)| value)
}

async fn lighting(device: &Device, channel: u16, doorbell: bool) -> Result<Option<Way>, DahuaError> {
    let Some(table) = device.recent_config("Lighting_V2").await? else { return Ok(None) };
    let mode = device.recent_config("VideoInMode").await?.unwrap_or_default();
    Ok(lighting_way(&table, &mode, channel, doorbell))
}

pub(crate) fn lighting_way(table: &Values, mode: &Values, channel: u16, doorbell: bool) -> Option<Way> {
    if doorbell {
        let key = format!("Lighting_V2[{channel}][0][1]");
        return table.has(&format!("{key}.")).then_some(Way::DoorbellLighting(key));
    }
    let used: Option<usize> = mode.number(&format!("VideoInMode[{channel}].Config[0]"));
    let profiles = used.into_iter().chain(table.indices(&format!("Lighting_V2[{channel}]")));
    for profile in profiles {
        let prefix = format!("Lighting_V2[{channel}][{profile}]");
        for at in table.indices(&prefix) {
            let key = format!("{prefix}[{at}]");
            let white = table.get(&format!("{key}.LightType")) == Some("WhiteLight");
            if white && table.get(&format!("{key}.Mode")).is_some() {
                return Some(Way::Lighting(key));
            }
        }
    }
    None
}

/// What they are doing.
pub(crate) async fn auxiliaries(device: &Device, channel: u16) -> Result<Vec<AuxiliaryState>, DahuaError> {
    let facts = device.facts(channel).await?;
    let mut status = None;
    let mut states = Vec::new();
    for (auxiliary, way) in &facts.ways.0 {
        let on = match way {
            Way::Coaxial(kind) => {
                if status.is_none() {
                    let query = Query::new("coaxialControlIO", "getStatus").with("channel", channel);
                    status = Some(device.optional(&query).await?.unwrap_or_default());
                }
                let what = if *kind == 1 { "whitelight" } else { "speaker" };
                status.as_ref().and_then(|status| mentioned(status, what)).and_then(crate::text::flag)
            }
            Way::Lighting(key) | Way::DoorbellLighting(key) => {
                let table = device.config("Lighting_V2").await?.unwrap_or_default();
                // "Auto" leaves it to the device: neither on nor off can be said.
                match table.get(&format!("{key}.Mode")) {
                    Some("Manual" | "ForceOn") => Some(true),
                    Some("Off") => Some(false),
                    _ => None,
                }
            }
            Way::Switch(key) => {
                let name = key.split('[').next().unwrap_or_default();
                device.config(name).await?.and_then(|table| table.flag(key))
            }
            Way::RainBrush | Way::Wiper | Way::Ptz(_) => None,
        };
        states.push(AuxiliaryState { auxiliary: *auxiliary, on });
    }
    Ok(states)
}

/// Switches one.
pub(crate) async fn switch(
    device: &Device,
    channel: u16,
    auxiliary: Auxiliary,
    command: AuxiliaryCommand,
) -> Result<(), DahuaError> {
    let facts = device.facts(channel).await?;
    let way = facts.ways.of(auxiliary).ok_or_else(|| DahuaError::not_offered("this auxiliary"))?;
    if *way == Way::Wiper {
        match carry_out(device, orders(&Way::RainBrush, channel, command)?).await {
            Err(error) if error.is_refusal() => {}
            outcome => return outcome,
        }
    }
    carry_out(device, orders(way, channel, command)?).await
}

async fn carry_out(device: &Device, orders: Orders) -> Result<(), DahuaError> {
    match orders {
        Orders::Queries(queries) => {
            for query in queries {
                device.order(&query).await?;
            }
            Ok(())
        }
        Orders::Config(writes) => device.set_config(&writes).await,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Orders {
    Queries(Vec<Query>),
    Config(Vec<(String, String)>),
}

fn orders(way: &Way, channel: u16, command: AuxiliaryCommand) -> Result<Orders, DahuaError> {
    use AuxiliaryCommand::{Every, Off, On, Once};
    let meaningless =
        || Err(DahuaError::Here(Code::InvalidInput, format!("{command:?} means nothing to this auxiliary")));
    let write = |pairs: &[(&str, &str, &str)]| {
        Orders::Config(
            pairs.iter().map(|(key, name, value)| (format!("{key}{name}"), (*value).to_owned())).collect(),
        )
    };
    let brush = |action: &str| Query::new("rainBrush", action).with("channel", channel);
    Ok(match (way, command) {
        (Way::Coaxial(kind), On | Off) => Orders::Queries(vec![
            Query::new("coaxialControlIO", "control")
                .with("channel", channel)
                .with("info[0].Type", kind)
                .with("info[0].IO", if command == On { 1 } else { 2 })
                .with("info[0].TriggerMode", 2),
        ]),
        (Way::Lighting(key), On) => write(&[(key, ".Mode", "Manual"), (key, ".MiddleLight[0].Light", "100")]),
        (Way::Lighting(key), Off) => write(&[(key, ".Mode", "Off")]),
        (Way::DoorbellLighting(key), On) => write(&[(key, ".Mode", "ForceOn"), (key, ".State", "On")]),
        (Way::DoorbellLighting(key), Off) => write(&[(key, ".Mode", "Off")]),
        (Way::Switch(key), On) => write(&[(key, "", "true")]),
        (Way::Switch(key), Off) => write(&[(key, "", "false")]),
        (Way::RainBrush, Once) => Orders::Queries(vec![brush("moveOnce")]),
        (Way::RainBrush, Off) => Orders::Queries(vec![brush("stopMove")]),
        (Way::RainBrush, Every(seconds)) => {
            Orders::Queries(vec![brush("moveContinuously").with("interval", seconds.max(1))])
        }
        (Way::RainBrush, On) => Orders::Queries(vec![brush("moveContinuously").with("interval", 5)]),
        (Way::Ptz(code), On | Every(_)) => {
            Orders::Queries(vec![ptz_query::command("start", channel, code, [0, 0, 0])])
        }
        (Way::Ptz(code), Off) => Orders::Queries(vec![ptz_query::command("stop", channel, code, [0, 0, 0])]),
        // A stroke that has begun is ended by the wiper itself.
        (Way::Wiper, Once) => Orders::Queries(vec![
            ptz_query::command("start", channel, "Wiper", [0, 0, 0]),
            ptz_query::command("stop", channel, "Wiper", [0, 0, 0]),
        ]),
        (Way::Wiper, _) => return orders(&Way::Ptz("Wiper"), channel, command),
        _ => return meaningless(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries(way: &Way, command: AuxiliaryCommand) -> Vec<String> {
        match orders(way, 1, command).expect("means something") {
            Orders::Queries(queries) => queries.iter().map(|query| query.as_str().to_owned()).collect(),
            Orders::Config(writes) => writes.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        }
    }

    #[test]
    fn golden_orders() {
        use AuxiliaryCommand::{Every, Off, On, Once};
        let lighting = Way::Lighting("Lighting_V2[0][2][0]".into());
        let doorbell = Way::DoorbellLighting("Lighting_V2[0][0][1]".into());
        let tracking = Way::Switch("EptzLink[0].TrackEnable".into());
        for (way, command, wanted) in [
            (
                &Way::Coaxial(1),
                On,
                vec![
                    "/cgi-bin/coaxialControlIO.cgi?action=control&channel=1&info[0].Type=1&info[0].IO=1&info[0].TriggerMode=2",
                ],
            ),
            (
                &Way::Coaxial(2),
                Off,
                vec![
                    "/cgi-bin/coaxialControlIO.cgi?action=control&channel=1&info[0].Type=2&info[0].IO=2&info[0].TriggerMode=2",
                ],
            ),
            (
                &lighting,
                On,
                vec!["Lighting_V2[0][2][0].Mode=Manual", "Lighting_V2[0][2][0].MiddleLight[0].Light=100"],
            ),
            (&lighting, Off, vec!["Lighting_V2[0][2][0].Mode=Off"]),
            (&doorbell, On, vec!["Lighting_V2[0][0][1].Mode=ForceOn", "Lighting_V2[0][0][1].State=On"]),
            (&Way::RainBrush, Once, vec!["/cgi-bin/rainBrush.cgi?action=moveOnce&channel=1"]),
            (
                &Way::RainBrush,
                Every(7),
                vec!["/cgi-bin/rainBrush.cgi?action=moveContinuously&channel=1&interval=7"],
            ),
            (&Way::RainBrush, Off, vec!["/cgi-bin/rainBrush.cgi?action=stopMove&channel=1"]),
            (
                &Way::Ptz("Light"),
                On,
                vec!["/cgi-bin/ptz.cgi?action=start&channel=1&code=Light&arg1=0&arg2=0&arg3=0"],
            ),
            (&tracking, Off, vec!["EptzLink[0].TrackEnable=false"]),
        ] {
            assert_eq!(queries(way, command), wanted, "{way:?} {command:?}");
        }
        for (way, command) in [(&lighting, Once), (&Way::Coaxial(1), Every(3)), (&Way::Ptz("Light"), Once)] {
            assert!(orders(way, 1, command).is_err(), "{way:?} {command:?}");
        }
    }

    #[test]
    fn the_white_light_among_others() {
        let values = |text: &str| Values::parse(text).expect(text);
        let table = values(
            "table.Lighting_V2[0][0][0].LightType=InfraredLight\ntable.Lighting_V2[0][0][0].Mode=Auto\n\
             table.Lighting_V2[0][0][1].LightType=WhiteLight\ntable.Lighting_V2[0][0][1].Mode=Off\n\
             table.Lighting_V2[0][2][0].LightType=WhiteLight\ntable.Lighting_V2[0][2][0].Mode=Manual\n",
        );
        let of = |mode: &str, doorbell| lighting_way(&table, &values(mode), 0, doorbell);
        assert_eq!(
            of("table.VideoInMode[0].Config[0]=2\n", false),
            Some(Way::Lighting("Lighting_V2[0][2][0]".into()))
        );
        assert_eq!(of("", false), Some(Way::Lighting("Lighting_V2[0][0][1]".into())));
        assert_eq!(of("", true), Some(Way::DoorbellLighting("Lighting_V2[0][0][1]".into())));
        assert_eq!(lighting_way(&table, &Values::default(), 3, false), None);
    }

    #[test]
    fn states_in_both_spellings() {
        for text in [
            "status.status.WhiteLight=Off\r\nstatus.status.Speaker=On\r\n",
            "status.whitelight=off\nstatus.speaker=on\n",
        ] {
            let status = Values::parse(text).expect(text);
            assert_eq!(mentioned(&status, "whitelight").and_then(crate::text::flag), Some(false));
            assert_eq!(mentioned(&status, "speaker").and_then(crate::text::flag), Some(true));
        }
    }
}
