//! Moving head and lens. Every movement has an end: the device's own time-out where it has one, and always a watchdog
//! here, which stops what nobody renewed.

use std::{sync::Arc, time::Duration};

use bartizan_base::{Code, OwnedTask};
use bartizan_device::{LensMove, Preset, PresetChange, PtzMove, PtzStatus, Velocity};
use tokio::time::sleep;

use crate::{
    channel::Facts, device::Device, error::DahuaError, ptz_query as ptz, query::Query, text::Values,
};

/// Longest move without a repeat, milliseconds: longer ones are cut to this.
const LONGEST_MOVE_MS: u32 = 3_600_000;
/// When a stop that went unanswered, or whose caller went away, is sent again, milliseconds.
const STOP_AGAIN_MS: u32 = 1500;
/// How often a watchdog tries to stop.
const STOPS: u32 = 5;

/// What a channel's head and lens are doing, as far as we told them.
#[derive(Default)]
pub(crate) struct Motion {
    /// The device takes `Continuously`; unknown before the first move.
    continuous: Option<bool>,
    /// `Continuously` was started and not stopped.
    running: bool,
    /// Codes that were started and not stopped.
    active: Vec<ptz::Code>,
    /// The focus or iris code that was started and not stopped.
    lens: Option<ptz::Code>,
    /// The lens motor of `devVideoInput` runs.
    lens_motor: bool,
    /// Goes up with every command, so that a watchdog knows whether its move is still the newest.
    generation: u64,
    watchdog: Option<OwnedTask>,
}

/// Moves the head, or the zoom.
pub(crate) async fn go(device: &Arc<Device>, channel: u16, to: PtzMove) -> Result<(), DahuaError> {
    let facts = device.facts(channel).await?;
    let can = facts.ptz();
    let (offered, what) = match to {
        PtzMove::Continuous { .. } | PtzMove::Stop => (can.pan_tilt || can.zoom, "PTZ"),
        PtzMove::Relative(_) => (can.relative, "relative moves"),
        PtzMove::Absolute(_) => (can.absolute, "absolute moves"),
        PtzMove::CenterOn { .. } => (can.center_on, "centring on a point"),
        PtzMove::Home => (can.home, "a home position"),
    };
    if !offered {
        return Err(DahuaError::not_offered(what));
    }
    let lock = device.motion(channel);
    let mut motion = lock.lock().await;
    motion.generation += 1;
    motion.watchdog = None;
    match to {
        PtzMove::Continuous { velocity, at_most_ms } => {
            let velocity = velocity.clamped();
            if velocity == Velocity::ZERO {
                return stop_surely(device, channel, &facts, &mut motion).await;
            }
            // Armed first: whatever happens to this request, the head stops.
            let at_most_ms = at_most_ms.clamp(1, LONGEST_MOVE_MS);
            motion.watchdog = Some(watchdog(device, channel, motion.generation, at_most_ms));
            start(device, channel, &facts, &mut motion, velocity, at_most_ms).await
        }
        PtzMove::Stop => stop_surely(device, channel, &facts, &mut motion).await,
        PtzMove::Relative(by) => {
            settle(device, channel, &facts, &mut motion).await?;
            device.order(&ptz::relatively(channel, by)).await
        }
        PtzMove::Absolute(to) => {
            settle(device, channel, &facts, &mut motion).await?;
            device.order(&ptz::absolutely(channel, to, &facts.range)).await
        }
        PtzMove::CenterOn { x, y, zoom } => {
            settle(device, channel, &facts, &mut motion).await?;
            device.order(&ptz::center_on(channel, x, y, zoom)).await
        }
        PtzMove::Home => {
            settle(device, channel, &facts, &mut motion).await?;
            device.order(&ptz::go_to_preset(channel, facts.home.unwrap_or(1))).await
        }
    }
}

/// A stop that holds although its caller goes away or the connection breaks: until it is answered, a watchdog waits to
/// send it again.
async fn stop_surely(
    device: &Arc<Device>,
    channel: u16,
    facts: &Facts,
    motion: &mut Motion,
) -> Result<(), DahuaError> {
    motion.watchdog = Some(watchdog(device, channel, motion.generation, STOP_AGAIN_MS));
    stop(device, channel, facts, motion).await?;
    motion.watchdog = None;
    Ok(())
}

/// Stops what `generation` started, unless something newer came; again while that fails.
fn watchdog(device: &Arc<Device>, channel: u16, generation: u64, at_most_ms: u32) -> OwnedTask {
    let device = device.clone();
    OwnedTask::spawn(async move {
        sleep(Duration::from_millis(u64::from(at_most_ms))).await;
        for _ in 0..STOPS {
            let lock = device.motion(channel);
            let mut motion = lock.lock().await;
            if motion.generation != generation {
                return;
            }
            let stopped = match device.facts(channel).await {
                Ok(facts) => stop(&device, channel, &facts, &mut motion).await,
                Err(error) => Err(error),
            };
            drop(motion);
            let Err(error) = stopped else { return };
            device.oddities.note(format!("channel {channel}: the watchdog's stop failed: {error}"));
            sleep(Duration::from_millis(u64::from(STOP_AGAIN_MS))).await;
        }
    })
}

async fn start(
    device: &Device,
    channel: u16,
    facts: &Facts,
    motion: &mut Motion,
    velocity: Velocity,
    at_most_ms: u32,
) -> Result<(), DahuaError> {
    let mut velocity = velocity;
    if facts.zooms_by_lens() {
        if velocity.zoom != 0.0 {
            motion.lens_motor = true;
            device.order(&lens_motor(channel, 0.0, velocity.zoom)).await?;
            velocity.zoom = 0.0;
        } else if motion.lens_motor {
            stop_lens_motor(device, channel, motion).await?;
        }
        if velocity == Velocity::ZERO {
            return Ok(());
        }
    }
    if motion.continuous != Some(false) {
        motion.running = true;
        match device.order(&ptz::continuously(channel, velocity, at_most_ms)).await {
            Ok(()) => {
                motion.continuous = Some(true);
                return Ok(());
            }
            Err(error) if error.is_refusal() && motion.continuous.is_none() => {
                motion.continuous = Some(false);
                motion.running = false;
                let line = format!(
                    "channel {channel}: no Continuously, moves have no time-out on the device itself"
                );
                device.oddities.note(line);
            }
            Err(error) => return Err(error),
        }
    }
    let wanted = ptz::codes(velocity);
    for old in std::mem::take(&mut motion.active) {
        if wanted.contains(&old) {
            motion.active.push(old);
        } else {
            device.order(&old.stop(channel)).await?;
        }
    }
    for code in wanted {
        if !motion.active.contains(&code) {
            motion.active.push(code);
            device.order(&code.start(channel)).await?;
        }
    }
    Ok(())
}

/// Stops everything that was started, or, where nothing is known to run, whatever may.
async fn stop(device: &Device, channel: u16, facts: &Facts, motion: &mut Motion) -> Result<(), DahuaError> {
    let mut failed = None;
    if motion.lens_motor || facts.zooms_by_lens() {
        failed = stop_lens_motor(device, channel, motion).await.err();
    }
    if facts.ptz().pan_tilt || facts.can("Zoom") {
        let unknown = !motion.running && motion.active.is_empty();
        if motion.continuous != Some(false) && (motion.running || unknown) {
            match device.order(&ptz::stop_continuously(channel)).await {
                Ok(()) => motion.running = false,
                Err(error) if error.is_refusal() && motion.continuous.is_none() => {
                    motion.continuous = Some(false);
                    motion.running = false;
                }
                Err(error) => failed = Some(error),
            }
        }
        if motion.continuous == Some(false) && unknown {
            motion.active = ptz::codes(Velocity { pan: 0.0, tilt: 1.0, zoom: 1.0 });
        }
        // Each that fails stays listed, so that the next stop tries it again.
        let mut kept = Vec::new();
        for code in std::mem::take(&mut motion.active) {
            if let Err(error) = device.order(&code.stop(channel)).await {
                kept.push(code);
                failed = Some(error);
            }
        }
        motion.active = kept;
    }
    failed.map_or(Ok(()), Err)
}

/// Stops a movement that goes on before one that ends by itself.
async fn settle(device: &Device, channel: u16, facts: &Facts, motion: &mut Motion) -> Result<(), DahuaError> {
    if motion.running || motion.lens_motor || !motion.active.is_empty() {
        stop(device, channel, facts, motion).await?;
    }
    Ok(())
}

/// `adjustFocusContinuously`: −1..1 each, 0 stops.
fn lens_motor(channel: u16, focus: f32, zoom: f32) -> Query {
    Query::new("devVideoInput", "adjustFocusContinuously")
        .with("channel", channel)
        .with("focus", focus)
        .with("zoom", zoom)
}

async fn stop_lens_motor(device: &Device, channel: u16, motion: &mut Motion) -> Result<(), DahuaError> {
    device.order(&lens_motor(channel, 0.0, 0.0)).await?;
    motion.lens_motor = false;
    Ok(())
}

/// Focus and iris.
pub(crate) async fn lens(device: &Device, channel: u16, to: LensMove) -> Result<(), DahuaError> {
    let facts = device.facts(channel).await?;
    let can = facts.ptz();
    let (offered, what) = match to {
        LensMove::FocusNear(_) | LensMove::FocusFar(_) => (can.focus, "focus by hand"),
        LensMove::AutoFocus => (can.auto_focus, "focus on command"),
        LensMove::IrisOpen(_) | LensMove::IrisClose(_) => (can.iris, "iris by hand"),
        LensMove::Stop => (can.focus || can.iris, "focus or iris"),
    };
    if !offered {
        return Err(DahuaError::not_offered(what));
    }
    let lock = device.motion(channel);
    let mut motion = lock.lock().await;
    match to {
        LensMove::AutoFocus => {
            device.order(&Query::new("devVideoInput", "autoFocus").with("channel", channel)).await
        }
        LensMove::Stop => {
            if facts.focuses_by_lens() {
                stop_lens_motor(device, channel, &mut motion).await?;
            }
            match motion.lens {
                Some(code) => {
                    device.order(&code.stop(channel)).await?;
                    motion.lens = None;
                    Ok(())
                }
                None if facts.focuses_by_lens() => Ok(()),
                // Nothing is known to run: both axes are stopped where they are there.
                None => {
                    for (there, to) in
                        [(can.focus, LensMove::FocusNear(1.0)), (can.iris, LensMove::IrisOpen(1.0))]
                    {
                        if let Some(code) = ptz::lens_code(to).filter(|_| there) {
                            device.order(&code.stop(channel)).await?;
                        }
                    }
                    Ok(())
                }
            }
        }
        LensMove::FocusNear(speed) | LensMove::FocusFar(speed) if facts.focuses_by_lens() => {
            let towards = if matches!(to, LensMove::FocusNear(_)) { -1.0 } else { 1.0 };
            let speed = if speed.is_finite() { speed.clamp(0.05, 1.0) } else { 1.0 };
            motion.lens_motor = true;
            device.order(&lens_motor(channel, towards * speed, 0.0)).await
        }
        _ => {
            let Some(code) = ptz::lens_code(to) else { return Ok(()) };
            if let Some(old) = motion.lens.take_if(|old| *old != code) {
                device.order(&old.stop(channel)).await?;
            }
            motion.lens = Some(code);
            device.order(&code.start(channel)).await
        }
    }
}

/// Where the head looks.
pub(crate) async fn status(device: &Device, channel: u16) -> Result<PtzStatus, DahuaError> {
    let facts = device.facts(channel).await?;
    let values = device.values(&Query::new("ptz", "getStatus").with("channel", channel)).await?;
    Ok(read_status(&values, &facts))
}

pub(crate) fn read_status(values: &Values, facts: &Facts) -> PtzStatus {
    let idle = |key: &str| values.get(key).map(|word| word.trim().eq_ignore_ascii_case("Idle"));
    let moving = match (idle("status.MoveStatus"), idle("status.ZoomStatus")) {
        (None, None) => None,
        (head, zoom) => Some(!head.unwrap_or(true) || !zoom.unwrap_or(true)),
    };
    PtzStatus {
        position: position(values).map(|[pan, tilt, zoom]| facts.range.to_position(pan, tilt, zoom)),
        moving,
    }
}

/// Devices write `Postion[0]`, the documents `Position=120,12,2`.
fn position(values: &Values) -> Option<[f32; 3]> {
    for name in ["status.Postion", "status.Position"] {
        let one =
            |at: usize| values.number::<f32>(&format!("{name}[{at}]")).filter(|value| value.is_finite());
        if let (Some(pan), Some(tilt)) = (one(0), one(1)) {
            return Some([pan, tilt, one(2).unwrap_or_default()]);
        }
        let list: Vec<f32> = values
            .get(name)
            .map(|text| {
                text.trim_matches(['[', ']', ' '])
                    .split(',')
                    .filter_map(|part| part.trim().parse().ok())
                    .collect()
            })
            .unwrap_or_default();
        if let [pan, tilt, zoom] = list[..] {
            return Some([pan, tilt, zoom]).filter(|all| all.iter().all(|value: &f32| value.is_finite()));
        }
    }
    None
}

/// The presets that were set.
pub(crate) async fn presets(device: &Device, channel: u16) -> Result<Vec<Preset>, DahuaError> {
    if device.facts(channel).await?.ptz().presets.is_none() {
        return Err(DahuaError::not_offered("presets"));
    }
    let values = device.values(&Query::new("ptz", "getPresets").with("channel", channel)).await?;
    Ok(read_presets(&values))
}

fn read_presets(values: &Values) -> Vec<Preset> {
    let mut found: Vec<(u16, String)> = values
        .indices("presets")
        .into_iter()
        .filter_map(|at| {
            let index: u16 = values.number(&format!("presets[{at}].Index"))?;
            let name = values.get(&format!("presets[{at}].Name")).unwrap_or_default();
            Some((index, name.trim().to_owned()))
        })
        .collect();
    found.sort();
    found.dedup_by_key(|(index, _)| *index);
    found.into_iter().map(|(index, name)| Preset { token: index.to_string(), name }).collect()
}

fn preset_index(token: &str) -> Result<u16, DahuaError> {
    let index = token.trim().parse::<u16>().ok().filter(|index| *index > 0);
    index.ok_or_else(|| {
        DahuaError::Here(Code::InvalidInput, format!("not a preset: {:?}", crate::text::excerpt(token)))
    })
}

/// Goes to a preset.
pub(crate) async fn go_to_preset(device: &Device, channel: u16, token: &str) -> Result<(), DahuaError> {
    let facts = device.facts(channel).await?;
    if facts.ptz().presets.is_none() {
        return Err(DahuaError::not_offered("presets"));
    }
    let index = preset_index(token)?;
    let lock = device.motion(channel);
    let mut motion = lock.lock().await;
    motion.generation += 1;
    motion.watchdog = None;
    settle(device, channel, &facts, &mut motion).await?;
    device.order(&ptz::go_to_preset(channel, index)).await
}

/// Sets, names or removes a preset.
pub(crate) async fn change_preset(
    device: &Device,
    channel: u16,
    change: PresetChange,
) -> Result<String, DahuaError> {
    let most = device.facts(channel).await?.ptz().presets.filter(|presets| presets.writable);
    let most = most.ok_or_else(|| DahuaError::not_offered("changing presets"))?.most;
    let index = match change {
        PresetChange::Set { token, name } => {
            let index = match token {
                Some(token) => preset_index(&token)?,
                None => free_index(&presets(device, channel).await?, most).ok_or_else(|| {
                    DahuaError::Here(Code::InvalidInput, format!("all {most} presets are taken"))
                })?,
            };
            device.order(&ptz::set_preset(channel, index)).await?;
            if !name.trim().is_empty() {
                rename(device, channel, index, name.trim()).await?;
            }
            index
        }
        PresetChange::Rename { token, name } => {
            let index = preset_index(&token)?;
            rename(device, channel, index, name.trim()).await?;
            index
        }
        PresetChange::Remove { token } => {
            let index = preset_index(&token)?;
            device.order(&ptz::clear_preset(channel, index)).await?;
            index
        }
    };
    Ok(index.to_string())
}

fn free_index(taken: &[Preset], most: u16) -> Option<u16> {
    (1..=most).find(|index| taken.iter().all(|preset| preset.token != index.to_string()))
}

/// Names a preset: by the call the documents spell in two ways, else in config `PtzPreset`.
async fn rename(device: &Device, channel: u16, index: u16, name: &str) -> Result<(), DahuaError> {
    for action in ["SetPreset", "setPreset"] {
        match device.order(&ptz::name_preset(action, channel, index, name)).await {
            Err(error) if error.is_refusal() => {}
            outcome => return outcome,
        }
    }
    let key = format!("PtzPreset[{}][{}].Name", channel.saturating_sub(1), index - 1);
    match device.config("PtzPreset").await? {
        Some(table) if table.get(&key).is_some() => device.set_config(&[(key, name.to_owned())]).await,
        _ => Err(DahuaError::not_offered("names of presets")),
    }
}

#[cfg(test)]
mod tests {
    use bartizan_device::Position;

    use super::*;

    fn reported(range: &crate::range::MotionRange, text: &str) -> Option<Position> {
        let values = Values::parse(text).ok()?;
        position(&values).map(|[pan, tilt, zoom]| range.to_position(pan, tilt, zoom))
    }

    #[test]
    fn positions_in_every_spelling() {
        let range = crate::range::MotionRange::default();
        for text in [
            "status.Postion[0]=90.0\nstatus.Postion[1]=45.0\nstatus.Postion[2]=1.0\n",
            "status.Position[0]=90.0\nstatus.Position[1]=45.0\nstatus.Position[2]=1.0\n",
            "status.Position=90,45,1\n",
            "status.Position=[90, 45, 1]\n",
        ] {
            let position = reported(&range, text).expect(text);
            assert_eq!((position.pan, position.tilt, position.zoom), (0.5, 0.0, 0.0), "{text}");
        }
        for text in [
            "status.Postion[0]=nan\nstatus.Postion[1]=1\n",
            "status.MoveStatus=Idle\n",
            "status.Position=1,2\n",
        ] {
            assert_eq!(reported(&range, text), None, "{text}");
        }
    }

    #[test]
    fn moving_or_not() {
        let facts = Facts::default();
        for (text, moving) in [
            ("status.MoveStatus=Idle\nstatus.ZoomStatus=Idle\n", Some(false)),
            ("status.MoveStatus=Moving\nstatus.ZoomStatus=Idle\n", Some(true)),
            ("status.MoveStatus=Idle\nstatus.ZoomStatus=Zooming\n", Some(true)),
            ("status.PresetID=2\n", None),
        ] {
            assert_eq!(read_status(&Values::parse(text).expect(text), &facts).moving, moving, "{text}");
        }
    }

    #[test]
    fn presets_by_their_index() {
        let text = "presets[0].Index=3\r\npresets[0].Name=Gate\r\npresets[0].Type=0\r\npresets[1].Index=1\r\npresets[1].Name=Preset 1\r\npresets[2].Name=lost\r\n";
        let presets = read_presets(&Values::parse(text).expect("reads"));
        let told: Vec<_> =
            presets.iter().map(|preset| (preset.token.as_str(), preset.name.as_str())).collect();
        assert_eq!(told, [("1", "Preset 1"), ("3", "Gate")]);
        assert_eq!((free_index(&presets, 300), free_index(&presets, 1)), (Some(2), None));
        assert!(preset_index("0").is_err() && preset_index("x").is_err() && preset_index(" 7 ").is_ok());
    }
}
