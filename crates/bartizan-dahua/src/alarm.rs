//! Alarm outputs of the whole device: `alarm.cgi` and config `AlarmOut`.

use std::{sync::Arc, time::Duration};

use bartizan_base::{Code, OwnedTask};
use bartizan_device::{AlarmOutput, OutputCommand};
use tokio::time::sleep;

use crate::{device::Device, error::DahuaError, query::Query, text::Values};

/// More outputs than any recorder has.
const MOST: usize = 64;
/// Longest pulse, milliseconds.
const LONGEST_PULSE_MS: u32 = 600_000;
/// How often the end of a pulse is tried, and the time between.
const OPENINGS: u32 = 4;
const BETWEEN_OPENINGS: Duration = Duration::from_secs(2);

/// `AlarmOut[i].Mode`: what closes the relay.
mod mode {
    /// Alarms do.
    pub const AUTO: &str = "0";
    /// It is closed.
    pub const ON: &str = "1";
    /// It stays open, alarms or not.
    pub const OFF: &str = "2";
}

/// The outputs; none where the device has none.
pub(crate) async fn outputs(device: &Device) -> Result<Vec<AlarmOutput>, DahuaError> {
    let slots = device.optional(&Query::new("alarm", "getOutSlots")).await?;
    let slots = slots.and_then(|slots| slots.number::<usize>("result")).unwrap_or(0).min(MOST);
    if slots == 0 {
        return Ok(Vec::new());
    }
    let state_query = Query::new("alarm", "getOutState");
    let (state, config) = tokio::join!(device.optional(&state_query), device.config("AlarmOut"));
    Ok(read(slots, &state?.unwrap_or_default(), &config?.unwrap_or_default()))
}

fn read(slots: usize, state: &Values, config: &Values) -> Vec<AlarmOutput> {
    let bits = state.number::<u64>("result");
    (0..slots)
        .map(|at| AlarmOutput {
            token: at.to_string(),
            name: config.get(&format!("AlarmOut[{at}].Name")).unwrap_or_default().trim().to_owned(),
            on: bits.map(|bits| bits >> at & 1 == 1),
        })
        .collect()
}

fn slot(token: &str) -> Result<usize, DahuaError> {
    let slot = token.trim().parse::<usize>().ok().filter(|slot| *slot < MOST);
    slot.ok_or_else(|| DahuaError::Here(Code::InvalidInput, "not an alarm output of this device".into()))
}

/// Switches one. A pulse returns once the relay is closed; opening it again goes on by itself, even when the driver is
/// dropped meanwhile.
pub(crate) async fn switch(
    device: &Arc<Device>,
    token: &str,
    command: OutputCommand,
) -> Result<(), DahuaError> {
    let slot = slot(token)?;
    match command {
        OutputCommand::On => write(device, slot, mode::ON).await,
        OutputCommand::Off => open(device, slot, true).await,
        OutputCommand::Pulse(milliseconds) => {
            if milliseconds == 0 || milliseconds > LONGEST_PULSE_MS {
                let words = format!("a pulse lasts 1 to {LONGEST_PULSE_MS} ms");
                return Err(DahuaError::Here(Code::InvalidInput, words));
            }
            let task = OwnedTask::spawn(reopen(device.clone(), slot, milliseconds));
            device.keep(task);
            write(device, slot, mode::ON).await
        }
    }
}

/// Ends a pulse. A relay left closed may hold a gate open, so a failure is tried again.
async fn reopen(device: Arc<Device>, slot: usize, milliseconds: u32) {
    sleep(Duration::from_millis(u64::from(milliseconds))).await;
    for left in (0..OPENINGS).rev() {
        match open(&device, slot, false).await {
            Ok(()) => return,
            Err(error) if left == 0 => {
                device
                    .oddities
                    .note(format!("alarm output {slot} could not be opened after its pulse: {error}"));
            }
            Err(_) => sleep(BETWEEN_OPENINGS).await,
        }
    }
}

/// Opens a relay that was switched on: back to alarms' command. Where an alarm holds it closed, it is forced open. One
/// that is not on by a switch is forced open only where that is wanted.
async fn open(device: &Device, slot: usize, force: bool) -> Result<(), DahuaError> {
    let key = format!("AlarmOut[{slot}].Mode");
    let config = device.config("AlarmOut").await?.unwrap_or_default();
    if config.get(&key).map(str::trim) == Some(mode::ON) {
        write(device, slot, mode::AUTO).await?;
        let state = device.optional(&Query::new("alarm", "getOutState")).await?;
        let bits = state.and_then(|state| state.number::<u64>("result"));
        if bits.is_none_or(|bits| bits >> slot & 1 == 0) {
            return Ok(());
        }
    } else if !force {
        return Ok(());
    }
    write(device, slot, mode::OFF).await
}

async fn write(device: &Device, slot: usize, mode: &str) -> Result<(), DahuaError> {
    device.set_config(&[(format!("AlarmOut[{slot}].Mode"), mode.to_owned())]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_with_names_and_states() {
        let state = Values::parse("result=2\n").expect("reads");
        let config = Values::parse(
            "table.AlarmOut[0].Name=Gate\ntable.AlarmOut[0].Mode=0\ntable.AlarmOut[1].Name=Horn\n",
        )
        .expect("reads");
        let outputs = read(3, &state, &config);
        let told: Vec<_> =
            outputs.iter().map(|one| (one.token.as_str(), one.name.as_str(), one.on)).collect();
        assert_eq!(told, [("0", "Gate", Some(false)), ("1", "Horn", Some(true)), ("2", "", Some(false))]);
        assert_eq!(read(1, &Values::default(), &config)[0].on, None);
        assert!(slot("1").is_ok() && slot("64").is_err() && slot("-1").is_err() && slot("x").is_err());
    }
}
