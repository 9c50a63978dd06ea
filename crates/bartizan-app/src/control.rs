//! Controls: moves that stop by themselves, picture settings, switches.
//!
//! A move goes on only while it is held. Each channel that moves has one task, its *keeper*. It repeats the move so
//! that the device's own time-out does not end it, and stops it when nobody held it for [`HOLD`]: a lifted finger, a
//! page that went away and a lost connection end alike. A stop overtakes whatever is under way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bartizan_base::{ChannelId, Code, DeviceId, Error, ErrorKind, OwnedTask, Result};
use bartizan_device::{
    Capabilities, Driver, FamilyId, Imaging, LensMove, Preset, PresetChange, PtzMove, Velocity,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::drivers::Drivers;

/// How long a held move goes on without being held again.
pub const HOLD: Duration = Duration::from_millis(1200);
/// How often a held move is repeated to the device.
const REPEAT: Duration = Duration::from_millis(800);
/// What the device is told to end a move after, should nothing more come.
const AT_MOST_MS: u32 = 2000;
/// One request to a moving device.
const REQUEST_LIMIT: Duration = Duration::from_secs(6);
/// A stop that failed is sent again this often, with this pause.
const STOP_TRIES: u32 = 4;
const STOP_PAUSE: Duration = Duration::from_millis(250);
/// How long the end of the program waits for cameras to stop.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// A move a person holds: each part −1..1 of the speed that the PTZ step allows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// Head and zoom.
    pub velocity: Velocity,
    /// Far positive.
    pub focus: f32,
    /// Open positive.
    pub iris: f32,
}

impl Held {
    fn moves_head(&self) -> bool {
        self.velocity != Velocity::ZERO
    }

    fn moves_lens(&self) -> bool {
        self.focus != 0.0 || self.iris != 0.0
    }

    /// Focus goes before iris: devices do one at a time.
    fn lens(&self) -> Option<LensMove> {
        match (self.focus, self.iris) {
            (focus, _) if focus > 0.0 => Some(LensMove::FocusFar(focus)),
            (focus, _) if focus < 0.0 => Some(LensMove::FocusNear(-focus)),
            (_, iris) if iris > 0.0 => Some(LensMove::IrisOpen(iris)),
            (_, iris) if iris < 0.0 => Some(LensMove::IrisClose(-iris)),
            _ => None,
        }
    }

    fn clamped(self) -> Self {
        let lens = Velocity { pan: self.focus, tilt: self.iris, zoom: 0.0 }.clamped();
        Self { velocity: self.velocity.clamped(), focus: lens.pan, iris: lens.tilt }
    }

    /// The speed of a PTZ step, 1–8.
    #[must_use]
    pub fn at_step(self, step: u8) -> Self {
        let speed = Velocity::of_step(step);
        let Velocity { pan, tilt, zoom } = self.velocity;
        Self {
            velocity: Velocity { pan: pan * speed, tilt: tilt * speed, zoom: zoom * speed },
            focus: self.focus * speed,
            iris: self.iris * speed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Wish {
    held: Held,
    until: Instant,
    /// Grows with every stop, so that a stop is noticed even between two equal moves.
    stops: u64,
}

impl Wish {
    fn is_for_a_move(&self) -> bool {
        (self.held.moves_head() || self.held.moves_lens()) && Instant::now() < self.until
    }
}

struct Keeper {
    wish: watch::Sender<Wish>,
    /// The last of [`Wish::stops`] that was carried out.
    stopped: watch::Receiver<u64>,
    trouble: Trouble,
    task: OwnedTask,
}

type Trouble = Arc<Mutex<Option<Error>>>;

/// The control service.
pub struct Control {
    drivers: Arc<Drivers>,
    keepers: Mutex<HashMap<ChannelId, Keeper>>,
    capabilities: Mutex<HashMap<ChannelId, Capabilities>>,
}

impl Control {
    /// Nothing moves yet.
    pub fn new(drivers: Arc<Drivers>) -> Self {
        Self { drivers, keepers: Mutex::default(), capabilities: Mutex::default() }
    }

    /// The drivers, for what needs no keeper.
    pub fn drivers(&self) -> &Arc<Drivers> {
        &self.drivers
    }

    /// What a channel can do; asked once per device and kept until it is edited.
    pub async fn capabilities(&self, channel: &ChannelId) -> Result<Capabilities> {
        let known = |all: &Mutex<HashMap<_, Capabilities>>| {
            all.lock().unwrap_or_else(PoisonError::into_inner).get(channel).cloned()
        };
        if let Some(known) = known(&self.capabilities) {
            return Ok(known);
        }
        let number = channel.number;
        let asked = self
            .drivers
            .with(&channel.device, |driver| async move { driver.capabilities(number).await })
            .await;
        let found = match asked {
            Ok(found) => found,
            Err(error) if error.code() == Code::NotOffered => Capabilities::default(),
            Err(error) => return Err(error),
        };
        let mut all = self.capabilities.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(channel.clone(), found.clone());
        Ok(found)
    }

    /// The device was edited or removed.
    pub fn forget(&self, device: &DeviceId) {
        self.capabilities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|one, _| one.device != *device);
        self.drivers.forget(device);
    }

    /// Wants a move for the next [`HOLD`]. Gives the trouble that an earlier hold ran into. Must run inside the
    /// runtime.
    pub fn hold(&self, channel: &ChannelId, held: Held) -> Result<()> {
        let held = held.clamped();
        let until = Instant::now() + HOLD;
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.retain(|_, keeper| !keeper.task.is_finished());
        if let Some(keeper) = keepers.get(channel) {
            if let Some(error) = keeper.trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(error);
            }
            keeper.wish.send_modify(|wish| *wish = Wish { held, until, stops: wish.stops });
            return Ok(());
        }
        let (wish, wishes) = watch::channel(Wish { held, until, stops: 0 });
        let (done, stopped) = watch::channel(0);
        let trouble = Trouble::default();
        let task =
            OwnedTask::spawn(keep(self.drivers.clone(), channel.clone(), wishes, done, trouble.clone()));
        keepers.insert(channel.clone(), Keeper { wish, stopped, trouble, task });
        Ok(())
    }

    /// Stops head and lens, whatever is under way, and waits for the device to have been told.
    pub async fn stop(&self, channel: &ChannelId) -> Result<()> {
        let (mut stopped, stop, trouble) = {
            let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(keeper) = keepers.get(channel) else { return Ok(()) };
            let mut stop = 0;
            keeper.wish.send_modify(|wish| {
                stop = wish.stops + 1;
                *wish = Wish { held: Held::default(), stops: stop, ..*wish };
            });
            (keeper.stopped.clone(), stop, keeper.trouble.clone())
        };
        // An error means that the keeper has ended, which it does only after stopping.
        let _ = stopped.wait_for(|done| *done >= stop).await;
        let error = trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        error.map_or(Ok(()), Err)
    }

    /// The program ends: everything that moves is stopped, within a bounded time.
    pub async fn shutdown(&self) {
        let moving: Vec<ChannelId> =
            self.keepers.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        let all = futures::future::join_all(moving.iter().map(|channel| self.stop(channel)));
        let _ = timeout(SHUTDOWN_LIMIT, all).await;
    }

    /// A move that ends by itself.
    pub async fn move_once(&self, channel: &ChannelId, to: PtzMove) -> Result<()> {
        self.stop(channel).await?;
        let number = channel.number;
        self.drivers.with(&channel.device, |driver| async move { driver.ptz_move(number, to).await }).await
    }

    /// Focuses by itself once.
    pub async fn auto_focus(&self, channel: &ChannelId) -> Result<()> {
        self.stop(channel).await?;
        let number = channel.number;
        let work =
            |driver: Arc<dyn Driver>| async move { driver.lens_move(number, LensMove::AutoFocus).await };
        self.drivers.with(&channel.device, work).await
    }

    /// The presets; none where the device is known by its video alone.
    pub async fn presets(&self, channel: &ChannelId) -> Result<Vec<Preset>> {
        let number = channel.number;
        self.drivers.with(&channel.device, |driver| async move { driver.presets(number).await }).await
    }

    /// Goes to a preset at full speed.
    pub async fn go_to_preset(&self, channel: &ChannelId, token: String) -> Result<()> {
        self.stop(channel).await?;
        let number = channel.number;
        let work = |driver: Arc<dyn Driver>| async move { driver.go_to_preset(number, &token, 1.0).await };
        self.drivers.with(&channel.device, work).await
    }

    /// Sets, renames or removes a preset.
    pub async fn change_preset(&self, channel: &ChannelId, change: PresetChange) -> Result<String> {
        let number = channel.number;
        let work = |driver: Arc<dyn Driver>| async move { driver.change_preset(number, change).await };
        self.drivers.with(&channel.device, work).await
    }

    /// The picture settings.
    pub async fn imaging(&self, channel: &ChannelId) -> Result<Imaging> {
        let number = channel.number;
        self.drivers.with(&channel.device, |driver| async move { driver.imaging(number).await }).await
    }

    /// Changes picture settings; levels are held within 0..100.
    pub async fn set_imaging(&self, channel: &ChannelId, change: Imaging) -> Result<Imaging> {
        let level =
            |level: Option<f32>| level.filter(|level| level.is_finite()).map(|level| level.clamp(0.0, 100.0));
        let change = Imaging {
            brightness: level(change.brightness),
            contrast: level(change.contrast),
            saturation: level(change.saturation),
            hue: level(change.hue),
            ..change
        };
        if change.rotation.is_some_and(|degrees| !matches!(degrees, 0 | 90 | 180 | 270)) {
            return Err(Error::new(Code::InvalidInput, "a rotation is 0, 90, 180 or 270 degrees"));
        }
        let number = channel.number;
        let work = |driver: Arc<dyn Driver>| async move { driver.set_imaging(number, change).await };
        self.drivers.with(&channel.device, work).await
    }

    /// Puts the levels back to their defaults.
    pub async fn reset_imaging(&self, channel: &ChannelId) -> Result<Imaging> {
        let number = channel.number;
        self.drivers.with(&channel.device, |driver| async move { driver.reset_imaging(number).await }).await
    }

    /// How many alarm outputs a device has.
    pub async fn outputs(&self, device: &DeviceId) -> Result<usize> {
        let asked = self.drivers.with(device, |driver| async move { driver.alarm_outputs().await }).await;
        match asked {
            Ok(outputs) => Ok(outputs.len()),
            Err(error) if error.code() == Code::NotOffered => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// A still picture, JPEG.
    pub async fn snapshot(&self, channel: &ChannelId) -> Result<bytes::Bytes> {
        let number = channel.number;
        let work = |driver: Arc<dyn Driver>| async move { driver.snapshot(number).await };
        Ok(self.drivers.with(&channel.device, work).await?.jpeg)
    }

    /// Whether a stored family has controls at all.
    pub fn has_controls(family: &str) -> bool {
        !family.is_empty() && family != FamilyId::RTSP.0
    }
}

/// Turns wishes into moves until nothing is wished for.
async fn keep(
    drivers: Arc<Drivers>,
    channel: ChannelId,
    mut wishes: watch::Receiver<Wish>,
    done: watch::Sender<u64>,
    trouble: Trouble,
) {
    let driver = tokio::select! {
        driver = drivers.get(&channel.device) => driver,
        // Nothing moves yet, so a stop has nothing to stop.
        () = released(wishes.clone()) => return,
    };
    let tell = |error: Error| *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    let driver = match driver {
        Ok(driver) => driver,
        Err(error) => return tell(error),
    };
    while wishes.borrow_and_update().is_for_a_move() {
        let mut moving = Held::default();
        let mut cut_short = false;
        let failed = follow(&*driver, channel.number, &mut wishes, &mut moving, &mut cut_short).await.err();
        let stops = wishes.borrow().stops;
        let halted = halt(&*driver, channel.number, moving, cut_short).await.err();
        if let Some(error) = failed.or(halted) {
            if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout) {
                drivers.forget(&channel.device);
            }
            tracing::warn!(%error, channel = channel.number, "a move failed");
            tell(error);
            return;
        }
        done.send_replace(stops);
    }
}

/// Moves as wished until nothing is wished for. Keeps `moving` true to what may be moving.
async fn follow(
    driver: &dyn Driver,
    channel: u16,
    wishes: &mut watch::Receiver<Wish>,
    moving: &mut Held,
    cut_short: &mut bool,
) -> Result<()> {
    loop {
        let wish = *wishes.borrow_and_update();
        if !wish.is_for_a_move() {
            return Ok(());
        }
        // Noted before it is sent: a move cut short may still reach the device.
        let before = std::mem::replace(moving, merged(*moving, wish.held));
        *cut_short = true;
        tokio::select! {
            biased;
            () = released(wishes.clone()) => return Ok(()),
            sent = timeout(REQUEST_LIMIT, send(driver, channel, before, wish.held)) => match sent {
                Ok(sent) => sent?,
                Err(_) => return Err(Error::new(Code::Timeout, "the device did not answer a move")),
            },
        }
        *cut_short = false;
        *moving = wish.held;
        let until = wishes.borrow().until;
        tokio::select! {
            () = sleep(REPEAT) => {}
            () = sleep_until(until) => {}
            changed = different(wishes, wish.held) => if !changed { return Ok(()) },
        }
    }
}

/// What may be moving after `wanted` was sent over `before` without an answer.
fn merged(before: Held, wanted: Held) -> Held {
    Held {
        velocity: if wanted.moves_head() { wanted.velocity } else { before.velocity },
        focus: if wanted.focus == 0.0 { before.focus } else { wanted.focus },
        iris: if wanted.iris == 0.0 { before.iris } else { wanted.iris },
    }
}

/// Waits until nothing is wished for, or the wisher is gone.
async fn released(mut wishes: watch::Receiver<Wish>) {
    let _ = wishes.wait_for(|wish| !wish.held.moves_head() && !wish.held.moves_lens()).await;
}

/// Waits for a wish for another move; a wish for the same one only lasts longer. False when the wisher is gone.
async fn different(wishes: &mut watch::Receiver<Wish>, from: Held) -> bool {
    wishes.wait_for(|wish| wish.held != from).await.is_ok()
}

async fn send(driver: &dyn Driver, channel: u16, before: Held, wanted: Held) -> Result<()> {
    if wanted.moves_head() {
        let velocity = wanted.velocity;
        driver.ptz_move(channel, PtzMove::Continuous { velocity, at_most_ms: AT_MOST_MS }).await?;
    } else if before.moves_head() {
        driver.ptz_move(channel, PtzMove::Stop).await?;
    }
    match wanted.lens() {
        // The lens has no time-out in any protocol, so it is told once.
        Some(lens) if before.lens() != Some(lens) => driver.lens_move(channel, lens).await,
        None if before.moves_lens() => driver.lens_move(channel, LensMove::Stop).await,
        _ => Ok(()),
    }
}

/// Stops what may be moving. Sent again when it fails, and once more after a move that was cut short, for that move may
/// reach the device after the stop.
async fn halt(driver: &dyn Driver, channel: u16, moving: Held, cut_short: bool) -> Result<()> {
    let stop = async || {
        if moving.moves_head() {
            driver.ptz_move(channel, PtzMove::Stop).await?;
        }
        if moving.moves_lens() {
            driver.lens_move(channel, LensMove::Stop).await?;
        }
        Ok(())
    };
    let mut again = cut_short;
    let mut outcome = Ok(());
    for _ in 0..STOP_TRIES {
        outcome = match timeout(REQUEST_LIMIT, stop()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(Code::Timeout, "the device did not answer a stop")),
        };
        match &outcome {
            Ok(()) if !again => break,
            Ok(()) => again = false,
            Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Locked) => break,
            Err(_) => {}
        }
        sleep(STOP_PAUSE).await;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use bartizan_base::{Secret, SystemClock};
    use bartizan_store::{Store, Vault};

    use super::*;
    use crate::{
        App, Draft,
        fake::{FakeDriver, FakeFamily, NoVideo},
    };

    struct Scene {
        app: App,
        device: Arc<FakeDriver>,
        channel: ChannelId,
    }

    async fn scene() -> Scene {
        let family = Arc::new(FakeFamily::new("fake", Ok(true)));
        let device = family.driver.clone();
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let journal = Arc::new(crate::Journal::new(Arc::new(SystemClock)));
        let families: Vec<Arc<dyn bartizan_device::Family>> = vec![family];
        let app = App::with_parts(store, crate::passing_files(), journal, Arc::new(NoVideo), families)
            .await
            .unwrap();
        let draft = Draft {
            host: Some("127.0.0.1".into()),
            user: Some("admin".into()),
            password: Some(Secret::new("right")),
            ..Draft::default()
        };
        let row = app.devices.add(&draft).await.unwrap();
        assert_eq!((row.facts.family.as_str(), row.name.as_str(), row.port), ("fake", "Yard", 8554));
        assert_eq!(row.routes[0].pin, Some([9; 32]), "the certificate is pinned on first use");
        device.log.lock().unwrap().clear();
        // The store answers from its own thread, which paused time would not wait for.
        tokio::time::pause();
        Scene { app, device, channel: ChannelId { device: row.id, number: 1 } }
    }

    fn pan(pan: f32) -> Held {
        Held { velocity: Velocity { pan, ..Velocity::ZERO }, ..Held::default() }
    }

    #[tokio::test]
    async fn a_move_that_nobody_holds_any_more_stops_by_itself() {
        let Scene { app, device, channel } = scene().await;
        app.control.hold(&channel, pan(0.5)).unwrap();
        sleep(HOLD * 3).await;
        assert_eq!(device.told(), ["1 move 0.5 0 0", "1 move 0.5 0 0", "1 stop"]);
        let log = device.log.lock().unwrap();
        assert!(log[2].0 - log[0].0 <= HOLD + Duration::from_millis(50), "{log:?}");
    }

    #[tokio::test]
    async fn a_held_move_goes_on_and_a_release_stops_it_at_once() {
        let Scene { app, device, channel } = scene().await;
        for _ in 0..10 {
            app.control.hold(&channel, pan(1.0)).unwrap();
            sleep(Duration::from_millis(400)).await;
        }
        assert!(!device.told().contains(&"1 stop".to_owned()));
        app.control.stop(&channel).await.unwrap();
        assert_eq!(device.told().last().unwrap(), "1 stop");
        let count = device.told().len();
        sleep(HOLD * 3).await;
        assert_eq!(device.told().len(), count, "nothing follows a stop");
    }

    #[tokio::test]
    async fn a_stop_overtakes_a_move_that_hangs_and_is_said_twice() {
        let Scene { app, device, channel } = scene().await;
        *device.delay.lock().unwrap() = Duration::from_secs(5);
        app.control.hold(&channel, pan(1.0)).unwrap();
        sleep(Duration::from_millis(100)).await;
        app.control.stop(&channel).await.unwrap();
        assert_eq!(device.told(), ["1 move 1 0 0", "1 stop", "1 stop"]);
        assert!(device.born.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_stop_that_fails_is_sent_again() {
        let Scene { app, device, channel } = scene().await;
        app.control.hold(&channel, pan(1.0)).unwrap();
        sleep(Duration::from_millis(10)).await;
        device.failing_stops.store(2, std::sync::atomic::Ordering::SeqCst);
        app.control.stop(&channel).await.unwrap();
        assert_eq!(device.told().iter().filter(|what| *what == "1 stop").count(), 3);
    }

    #[tokio::test]
    async fn the_end_of_the_program_stops_every_camera() {
        let Scene { app, device, channel } = scene().await;
        let second = ChannelId { number: 2, ..channel.clone() };
        app.control.hold(&channel, pan(1.0)).unwrap();
        app.control.hold(&second, Held { focus: 1.0, ..Held::default() }).unwrap();
        sleep(Duration::from_millis(10)).await;
        app.shutdown().await;
        assert!(device.told().contains(&"1 stop".to_owned()), "{:?}", device.told());
        assert!(device.told().contains(&"2 Stop".to_owned()), "{:?}", device.told());
    }

    #[tokio::test]
    async fn changing_direction_needs_no_stop_but_a_move_again_after_a_stop_is_carried_out() {
        let Scene { app, device, channel } = scene().await;
        app.control.hold(&channel, pan(1.0)).unwrap();
        sleep(Duration::from_millis(10)).await;
        app.control.hold(&channel, pan(-1.0)).unwrap();
        sleep(Duration::from_millis(10)).await;
        app.control.stop(&channel).await.unwrap();
        app.control.hold(&channel, pan(0.25)).unwrap();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(device.told(), ["1 move 1 0 0", "1 move -1 0 0", "1 stop", "1 move 0.25 0 0"]);
    }

    #[test]
    fn the_step_scales_the_speed() {
        assert_eq!(pan(-1.0).at_step(8).velocity.pan, -1.0);
        assert_eq!(pan(1.0).at_step(1).velocity.pan, 0.125);
        let odd = Held { velocity: Velocity { pan: f32::NAN, tilt: 9.0, zoom: -9.0 }, ..Held::default() };
        let Velocity { pan, tilt, zoom } = odd.clamped().velocity;
        assert_eq!((pan, tilt, zoom), (0.0, 1.0, -1.0));
    }
}
