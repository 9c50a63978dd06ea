//! What crosses for the controls.

use bartizan_app::{
    Control,
    device::{
        AlarmOutput, Auxiliary, AuxiliaryCommand, AuxiliaryState, Capabilities, Driver, Imaging,
        OutputCommand, PresetChange, PtzMove, Velocity,
    },
};
use bartizan_base::{ChannelId, Code, DeviceId, Error, Result};
use std::sync::Arc;

use crate::dto;

/// The channel that a request names.
pub(super) fn channel(device: String, number: u16) -> ChannelId {
    ChannelId { device: DeviceId::from_string(device), number }
}

/// Does something once.
pub(super) async fn act(control: &Control, channel: &ChannelId, act: dto::ControlAct) -> Result<()> {
    use dto::ControlAct;
    match act {
        ControlAct::CenterOn { x, y, zoom } => {
            let Velocity { pan: x, tilt: y, .. } = Velocity { pan: x, tilt: y, zoom: 0.0 }.clamped();
            let zoom = if zoom.is_finite() { zoom.clamp(0.0, 1.0) } else { 0.0 };
            control.move_once(channel, PtzMove::CenterOn { x, y, zoom }).await
        }
        ControlAct::Home => control.move_once(channel, PtzMove::Home).await,
        ControlAct::AutoFocus => control.auto_focus(channel).await,
        ControlAct::GoToPreset { token } => control.go_to_preset(channel, token).await,
        ControlAct::SetPreset { token, name } => {
            change(control, channel, PresetChange::Set { token, name }).await
        }
        ControlAct::RenamePreset { token, name } => {
            change(control, channel, PresetChange::Rename { token, name }).await
        }
        ControlAct::RemovePreset { token } => change(control, channel, PresetChange::Remove { token }).await,
    }
}

async fn change(control: &Control, channel: &ChannelId, change: PresetChange) -> Result<()> {
    control.change_preset(channel, change).await.map(|_| ())
}

/// The state of all switches.
pub(super) async fn switches(control: &Control, channel: &ChannelId) -> Result<dto::Switches> {
    let number = channel.number;
    control.drivers().with(&channel.device, |driver| async move { read(&*driver, number).await }).await
}

async fn read(driver: &dyn Driver, channel: u16) -> Result<dto::Switches> {
    let auxiliaries = driver.auxiliaries(channel).await?;
    let outputs = driver.alarm_outputs().await?;
    Ok(dto::Switches {
        auxiliaries: auxiliaries.into_iter().map(dto::AuxiliaryState::from).collect(),
        outputs: outputs.into_iter().map(dto::AlarmOutput::from).collect(),
    })
}

/// Switches something and gives the state of all.
pub(super) async fn switch(
    control: &Control,
    channel: &ChannelId,
    what: dto::SwitchWhat,
) -> Result<dto::Switches> {
    use dto::SwitchWhat;
    let number = channel.number;
    let work = |driver: Arc<dyn Driver>| async move {
        match what {
            SwitchWhat::Auxiliary { auxiliary, on } => {
                let command = if on { AuxiliaryCommand::On } else { AuxiliaryCommand::Off };
                driver.switch_auxiliary(number, auxiliary.into(), command).await?;
            }
            SwitchWhat::Wipe { every_s } => {
                let command = match every_s {
                    None => AuxiliaryCommand::Once,
                    Some(seconds @ 1..=600) => AuxiliaryCommand::Every(seconds),
                    Some(_) => return Err(Error::new(Code::InvalidInput, "a wiper wipes every 1-600 s")),
                };
                driver.switch_auxiliary(number, Auxiliary::Wiper, command).await?;
            }
            SwitchWhat::Output { token, on } => {
                let command = if on { OutputCommand::On } else { OutputCommand::Off };
                driver.switch_output(&token, command).await?;
            }
            SwitchWhat::Pulse { token, ms: ms @ 100..=600_000 } => {
                driver.switch_output(&token, OutputCommand::Pulse(ms)).await?;
            }
            SwitchWhat::Pulse { .. } => {
                return Err(Error::new(Code::InvalidInput, "a pulse lasts 100-600 000 ms"));
            }
        }
        read(&*driver, number).await
    };
    control.drivers().with(&channel.device, work).await
}

/// What a channel can do, and how many outputs its device has.
pub(super) async fn capabilities(control: &Control, channel: &ChannelId) -> Result<dto::Capabilities> {
    let found = control.capabilities(channel).await?;
    let outputs = control.outputs(&channel.device).await?;
    Ok(merged(found, outputs))
}

fn merged(found: Capabilities, outputs: usize) -> dto::Capabilities {
    let Capabilities { ptz, imaging, auxiliaries, snapshot, encoder, .. } = found;
    dto::Capabilities {
        pan_tilt: ptz.pan_tilt,
        zoom: ptz.zoom,
        focus: ptz.focus,
        auto_focus: ptz.auto_focus,
        iris: ptz.iris,
        center_on: ptz.center_on,
        home: ptz.home,
        presets: ptz.presets.is_some(),
        presets_writable: ptz.presets.is_some_and(|presets| presets.writable),
        brightness: imaging.brightness,
        contrast: imaging.contrast,
        saturation: imaging.saturation,
        hue: imaging.hue,
        flip_horizontal: imaging.flip_horizontal,
        flip_vertical: imaging.flip_vertical,
        rotations: imaging.rotations,
        auxiliaries: auxiliaries.into_iter().map(dto::Auxiliary::from).collect(),
        outputs: u32::try_from(outputs).unwrap_or(u32::MAX),
        snapshot,
        encoder,
    }
}

impl From<Auxiliary> for dto::Auxiliary {
    fn from(auxiliary: Auxiliary) -> Self {
        match auxiliary {
            Auxiliary::Light => Self::Light,
            Auxiliary::Siren => Self::Siren,
            Auxiliary::Wiper => Self::Wiper,
            Auxiliary::Tracking => Self::Tracking,
        }
    }
}

impl From<dto::Auxiliary> for Auxiliary {
    fn from(auxiliary: dto::Auxiliary) -> Self {
        match auxiliary {
            dto::Auxiliary::Light => Self::Light,
            dto::Auxiliary::Siren => Self::Siren,
            dto::Auxiliary::Wiper => Self::Wiper,
            dto::Auxiliary::Tracking => Self::Tracking,
        }
    }
}

impl From<AuxiliaryState> for dto::AuxiliaryState {
    fn from(state: AuxiliaryState) -> Self {
        Self { auxiliary: state.auxiliary.into(), on: state.on }
    }
}

impl From<AlarmOutput> for dto::AlarmOutput {
    fn from(output: AlarmOutput) -> Self {
        let AlarmOutput { token, name, on } = output;
        Self { token, name, on }
    }
}

impl From<Imaging> for dto::Imaging {
    fn from(imaging: Imaging) -> Self {
        let Imaging { brightness, contrast, saturation, hue, flip_horizontal, flip_vertical, rotation } =
            imaging;
        Self { brightness, contrast, saturation, hue, flip_horizontal, flip_vertical, rotation }
    }
}

impl From<dto::Imaging> for Imaging {
    fn from(imaging: dto::Imaging) -> Self {
        let dto::Imaging { brightness, contrast, saturation, hue, flip_horizontal, flip_vertical, rotation } =
            imaging;
        Self { brightness, contrast, saturation, hue, flip_horizontal, flip_vertical, rotation }
    }
}
