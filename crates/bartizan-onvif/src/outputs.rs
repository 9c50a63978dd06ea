//! Auxiliary commands and relays (ONVIF Core, "Auxiliary operation" and "I/O"; Device I/O Service Specification).

use std::time::Duration;

use bartizan_device::{AlarmOutput, Auxiliary, AuxiliaryCommand, OutputCommand};
use bartizan_http::xml::Element;
use tokio::time::sleep;

use crate::{
    error::OnvifError,
    ptz::Head,
    services::Service,
    session::Session,
    soap::{escape, read_duration, write_duration},
};

/// How long a wiper is on to wipe once, where the device has no word for once.
const WIPE: Duration = Duration::from_millis(1500);

/// Words by auxiliary, as advertised: `tt:Wiper|On` is the standard's, others are makers'.
const WORDS: [(Auxiliary, &[&str]); 4] = [
    (Auxiliary::Light, &["whitelight", "white_light", "light", "floodlight", "spotlight"]),
    (Auxiliary::Siren, &["siren", "buzzer", "alarmsound", "audioalarm"]),
    (Auxiliary::Wiper, &["wiper"]),
    (Auxiliary::Tracking, &["tracking", "autotracking", "smarttracking"]),
];

/// Where a command is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Device,
    Ptz,
}

/// The auxiliaries a channel has, with the words that switch them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Switches(Vec<(Auxiliary, Via, Vec<String>)>);

/// Name and state of `tt:Wiper|On`, in lower case.
fn parts(command: &str) -> Option<(String, String)> {
    let command = command.rsplit_once(':').map_or(command, |(_, local)| local);
    let (name, state) = command.split_once('|')?;
    Some((name.to_ascii_lowercase(), state.to_ascii_lowercase()))
}

impl Switches {
    /// Reads advertised commands; only what can be switched on counts.
    pub(crate) fn read(device: &[String], ptz: &[String]) -> Self {
        let mut out = Self::default();
        for (auxiliary, words) in WORDS {
            for (via, all) in [(Via::Ptz, ptz), (Via::Device, device)] {
                let ours = |command: &&String| {
                    parts(command).is_some_and(|(name, _)| words.contains(&name.as_str()))
                };
                let commands: Vec<String> = all.iter().filter(ours).cloned().collect();
                let on =
                    commands.iter().any(|command| parts(command).is_some_and(|(_, state)| state == "on"));
                if on && !out.has(auxiliary) {
                    out.0.push((auxiliary, via, commands));
                }
            }
        }
        out
    }

    pub(crate) fn has(&self, auxiliary: Auxiliary) -> bool {
        self.0.iter().any(|(one, ..)| *one == auxiliary)
    }

    pub(crate) fn all(&self) -> Vec<Auxiliary> {
        self.0.iter().map(|(one, ..)| *one).collect()
    }

    /// The advertised command for a state.
    pub(crate) fn command(&self, auxiliary: Auxiliary, state: &str) -> Option<(Via, String)> {
        let (_, via, commands) = self.0.iter().find(|(one, ..)| *one == auxiliary)?;
        let found = commands.iter().find(|command| parts(command).is_some_and(|(_, one)| one == state));
        // "Off" is implied by "On" where only that is advertised.
        let implied =
            || commands.iter().find_map(|on| on.strip_suffix("|On").map(|name| format!("{name}|Off")));
        let command = found.cloned().or_else(|| if state == "off" { implied() } else { None })?;
        Some((*via, command))
    }
}

async fn send(session: &Session, head: Option<&Head>, via: Via, command: &str) -> Result<(), OnvifError> {
    tracing::debug!(command, "auxiliary");
    match (via, head) {
        (Via::Ptz, Some(head)) => {
            let arguments = format!(
                "<q:ProfileToken>{}</q:ProfileToken><q:AuxiliaryData>{}</q:AuxiliaryData>",
                escape(&head.profile),
                escape(command)
            );
            session.call(Service::Ptz, "SendAuxiliaryCommand", &arguments).await.map(drop)
        }
        _ => {
            let arguments = format!("<q:AuxiliaryCommand>{}</q:AuxiliaryCommand>", escape(command));
            session.call(Service::Device, "SendAuxiliaryCommand", &arguments).await.map(drop)
        }
    }
}

/// Switches once. [`AuxiliaryCommand::Every`] is the caller's to repeat.
pub(crate) async fn switch(
    session: &Session,
    head: Option<&Head>,
    switches: &Switches,
    auxiliary: Auxiliary,
    command: AuxiliaryCommand,
) -> Result<(), OnvifError> {
    let find = |state: &str| {
        switches
            .command(auxiliary, state)
            .ok_or_else(|| OnvifError::not_offered(format!("{auxiliary:?} {state}")))
    };
    match command {
        AuxiliaryCommand::On | AuxiliaryCommand::Off => {
            let (via, word) = find(if command == AuxiliaryCommand::On { "on" } else { "off" })?;
            send(session, head, via, &word).await
        }
        AuxiliaryCommand::Once | AuxiliaryCommand::Every(_) if auxiliary != Auxiliary::Wiper => {
            Err(OnvifError::Invalid("only a wiper wipes once or again and again".into()))
        }
        AuxiliaryCommand::Once | AuxiliaryCommand::Every(_) => {
            if let Ok((via, word)) = find("once") {
                return send(session, head, via, &word).await;
            }
            let ((via, on), (_, off)) = (find("on")?, find("off")?);
            send(session, head, via, &on).await?;
            sleep(WIPE).await;
            send(session, head, via, &off).await
        }
    }
}

/// A relay with its settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relay {
    pub token: String,
    /// Falls back by itself.
    pub monostable: bool,
    pub delay_ms: u64,
}

/// Reads GetRelayOutputsResponse.
pub(crate) fn read_relays(answer: &Element) -> Vec<Relay> {
    let read = |element: &Element| {
        Some(Relay {
            token: element.attribute("token").filter(|token| !token.is_empty())?.to_owned(),
            monostable: element
                .text("Properties/Mode")
                .is_some_and(|mode| mode.eq_ignore_ascii_case("Monostable")),
            delay_ms: element.text("Properties/DelayTime").and_then(read_duration).unwrap_or(0),
        })
    };
    answer.children("RelayOutputs").filter_map(read).take(256).collect()
}

pub(crate) async fn relays(session: &Session) -> Result<Vec<Relay>, OnvifError> {
    match session.call(Service::Device, "GetRelayOutputs", "").await {
        Ok(answer) => Ok(read_relays(&answer)),
        Err(error) if error.is_answer() && session.services().has(Service::DeviceIo) => {
            match session.call(Service::DeviceIo, "GetRelayOutputs", "").await {
                Ok(answer) => Ok(read_relays(&answer)),
                Err(error) if error.is_answer() => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        }
        Err(error) if error.fault().is_some_and(crate::error::Fault::is_missing) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub(crate) fn shown(relays: &[Relay]) -> Vec<AlarmOutput> {
    let output = |relay: &Relay| AlarmOutput { token: relay.token.clone(), name: String::new(), on: None };
    relays.iter().map(output).collect()
}

pub(crate) async fn set_relay(session: &Session, token: &str, on: bool) -> Result<(), OnvifError> {
    let state = if on { "active" } else { "inactive" };
    let arguments = format!(
        "<q:RelayOutputToken>{}</q:RelayOutputToken><q:LogicalState>{state}</q:LogicalState>",
        escape(token)
    );
    session.call(Service::Device, "SetRelayOutputState", &arguments).await.map(drop)
}

/// Closes a relay for a time. One that falls back by itself after nearly that time is left to do so; with another
/// time, and any other relay, it is opened from here.
pub(crate) async fn pulse(session: &Session, relay: &Relay, millis: u32) -> Result<(), OnvifError> {
    set_relay(session, &relay.token, true).await?;
    let wanted = u64::from(millis);
    if relay.monostable && relay.delay_ms > 0 && relay.delay_ms <= wanted {
        if relay.delay_ms < wanted {
            let (own, asked) = (write_duration(relay.delay_ms), write_duration(wanted));
            session.note(format!("relay {} falls back after {own}, not {asked}", relay.token));
        }
        return Ok(());
    }
    sleep(Duration::from_millis(wanted)).await;
    set_relay(session, &relay.token, false).await
}

/// Which state a plain command wants; `None` for a pulse.
pub(crate) fn plain(command: OutputCommand) -> Option<bool> {
    match command {
        OutputCommand::On => Some(true),
        OutputCommand::Off => Some(false),
        OutputCommand::Pulse(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advertised_commands() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let device = words(&["tt:WhiteLight|On", "tt:WhiteLight|Off", "tt:IRLamp|On", "AUX1"]);
        let ptz = words(&["tt:Wiper|On", "Tracking|ON", "Tracking|Off", "tt:Siren|Off"]);
        let switches = Switches::read(&device, &ptz);
        assert_eq!(switches.all(), [Auxiliary::Light, Auxiliary::Wiper, Auxiliary::Tracking]);
        assert_eq!(switches.command(Auxiliary::Wiper, "off"), Some((Via::Ptz, "tt:Wiper|Off".into())));
        assert_eq!(switches.command(Auxiliary::Tracking, "on"), Some((Via::Ptz, "Tracking|ON".into())));
        assert_eq!(
            switches.command(Auxiliary::Light, "off"),
            Some((Via::Device, "tt:WhiteLight|Off".into()))
        );
        assert_eq!(switches.command(Auxiliary::Wiper, "once"), None);
        assert_eq!(Switches::read(&words(&["AUX1", "AUX2|"]), &[]).all(), []);
    }
}
