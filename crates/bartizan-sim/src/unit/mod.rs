//! One simulated device, whatever language it speaks: who it is, who may come in, where its cameras look and what its
//! switches do. The personalities read and change this state; the scenes are drawn from it.

mod channel;
mod config;
pub(crate) mod encoding;
mod ledger;
mod motion;
pub(crate) mod recordings;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_base::{Clock, Secret, StreamProfile, SystemClock, UtcMicros};
use tokio::time::Instant;

use self::{
    channel::{Channel, NEUTRAL},
    ledger::Ledger,
    motion::AXES,
};
pub use self::{
    channel::{ChannelView, Picture, Wiper},
    config::{UnitClass, UnitConfig},
    encoding::Encoding,
    motion::Place,
};
use crate::{ear::Ear, scene::view::View};

/// A siren stops by itself.
const SIREN_FOR: Duration = Duration::from_secs(10);
/// What the log of a unit keeps.
const LOG_LIMIT: usize = 4096;

/// An alarm output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Closed.
    pub on: bool,
    /// Opens by itself after this long; `None`: stays.
    pub pulse: Option<Duration>,
    until: Option<Instant>,
}

/// What a unit is made to do wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// Answers every request of its own language as a busy device does.
    pub busy: bool,
    /// Answers every login as one user too many.
    pub full: bool,
    /// Answers this late.
    pub delay: Duration,
    /// Digest nonces run out after this many requests; 0: never.
    pub nonce_uses: u32,
    /// Answers 401 to whoever wants to talk, whatever the login.
    pub mute: bool,
    /// Lets everybody watch and nobody change settings.
    pub read_only: bool,
    /// The channel whose recorder-side camera lost its network, in addition to the configured ones.
    pub offline: Option<u16>,
    /// The `Z` of ISAPI's recordings means the device's local time, as on most recorders of that family.
    pub recordings_in_local_time: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            busy: false,
            full: false,
            delay: Duration::ZERO,
            nonce_uses: 0,
            mute: false,
            read_only: false,
            offline: None,
            recordings_in_local_time: true,
        }
    }
}

#[derive(Debug)]
struct State {
    password: Option<Secret>,
    ledger: Ledger,
    channels: Vec<Channel>,
    outputs: Vec<Output>,
    clock_offset_us: i64,
    knobs: Knobs,
    log: Vec<String>,
    requests: u64,
}

/// A simulated device.
#[derive(Debug)]
pub struct Unit {
    config: UnitConfig,
    ear: Arc<Ear>,
    /// By the machine's clock.
    made: UtcMicros,
    state: Mutex<State>,
}

/// How a login went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// Welcome.
    Granted,
    /// Wrong; so many tries are left.
    Refused {
        /// Until the account is locked.
        left: u32,
    },
    /// Locked, whatever the password.
    Locked {
        /// How much longer.
        left: Duration,
    },
}

impl Unit {
    /// A unit at rest.
    pub fn new(config: UnitConfig) -> Self {
        let now = Instant::now();
        let outputs = (1..=config.outputs)
            .map(|number| Output { name: format!("Output {number}"), on: false, pulse: None, until: None })
            .collect();
        let state = State {
            password: config.password.clone(),
            ledger: Ledger::default(),
            channels: config.channels.iter().map(|_| Channel::new(now)).collect(),
            outputs,
            clock_offset_us: 0,
            knobs: Knobs::default(),
            log: Vec::new(),
            requests: 0,
        };
        Self { config, ear: Arc::default(), made: SystemClock.now(), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its loudspeaker.
    pub fn ear(&self) -> &Arc<Ear> {
        &self.ear
    }

    /// What it was made of.
    pub fn config(&self) -> &UnitConfig {
        &self.config
    }

    /// Number of channels.
    pub fn channels(&self) -> u16 {
        u16::try_from(self.config.channels.len()).unwrap_or(u16::MAX)
    }

    /// Whether there is such a channel.
    pub fn has(&self, channel: u16) -> bool {
        (1..=self.channels()).contains(&channel)
    }

    /// Name of a channel; empty when there is none.
    pub fn channel_name(&self, channel: u16) -> &str {
        let at = usize::from(channel).wrapping_sub(1);
        self.config.channels.get(at).map_or("", |(name, _)| name)
    }

    /// Why the camera of a channel is off; `None`: it is on.
    pub fn offline(&self, channel: u16) -> Option<&'static str> {
        let at = usize::from(channel).wrapping_sub(1);
        let configured = self.config.channels.get(at).and_then(|(_, why)| *why);
        configured.or_else(|| (self.knobs().offline == Some(channel)).then_some("netUnreachable"))
    }

    /// Whether a channel has a head.
    pub fn moves(&self, channel: u16) -> bool {
        self.config.ptz && channel == 1
    }

    /// Whether it has its first password.
    pub fn activated(&self) -> bool {
        self.lock().password.is_some()
    }

    /// Gives it its first password; false when it has one.
    pub fn activate(&self, password: &str) -> bool {
        let mut state = self.lock();
        let fresh = state.password.is_none();
        if fresh {
            state.password = Some(Secret::new(password));
        }
        fresh
    }

    /// The password of a user.
    pub fn password_of(&self, user: &str) -> Option<Secret> {
        (user == self.config.user).then(|| self.lock().password.clone()).flatten()
    }

    /// Judges a login whose proof was found right or wrong, and counts. A locked account lets nobody in.
    pub fn login(&self, right: bool) -> LoginOutcome {
        let (tries, lock) = (self.config.tries, self.config.lock);
        self.lock().ledger.login(right, tries, lock, Instant::now())
    }

    /// How logins stand, without one.
    pub fn login_state(&self) -> LoginOutcome {
        self.lock().ledger.state(self.config.tries, Instant::now())
    }

    /// Wrong passwords given so far, over all languages.
    pub fn refusals(&self) -> u32 {
        self.lock().ledger.refusals
    }

    /// What it is made to do wrong.
    pub fn knobs(&self) -> Knobs {
        self.lock().knobs.clone()
    }

    /// Makes it do something wrong.
    pub fn set_knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.lock().knobs);
    }

    /// Its clock.
    pub fn now(&self) -> UtcMicros {
        UtcMicros(SystemClock.now().0 + self.lock().clock_offset_us)
    }

    /// Sets its clock.
    pub fn set_clock(&self, at: UtcMicros) {
        self.lock().clock_offset_us = at.0 - SystemClock.now().0;
    }

    /// Notes a command, for tests.
    pub(crate) fn note(&self, what: impl Into<String>) {
        let mut state = self.lock();
        if state.log.len() < LOG_LIMIT {
            state.log.push(what.into());
        }
    }

    /// Counts a request of its own language.
    pub(crate) fn count_request(&self) {
        self.lock().requests += 1;
    }

    /// Requests of its own language so far.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// The commands noted so far.
    pub fn log(&self) -> Vec<String> {
        self.lock().log.clone()
    }

    fn with<T>(&self, channel: u16, work: impl FnOnce(&mut Channel, Instant) -> T) -> Option<T> {
        let mut state = self.lock();
        let at = usize::from(channel).checked_sub(1)?;
        state.channels.get_mut(at).map(|channel| work(channel, Instant::now()))
    }

    /// What a channel is doing.
    pub fn view(&self, channel: u16) -> Option<ChannelView> {
        self.with(channel, |one, now| ChannelView {
            place: one.head.place(now),
            moving: one.head.moving(now),
            focus: one.focus.place(now)[2],
            focusing: one.focus.moving(now)[2],
            auto_focus: one.auto_focus,
            iris: one.iris.place(now)[2],
            picture: one.picture,
            light: one.light,
            siren: one.siren_until.is_some_and(|until| now < until),
            wiper: one.wiper.runs(now),
            tracking: one.tracking,
            key_requests: one.key_requests,
        })
    }

    /// What the scene of a channel shows of all this.
    pub(crate) fn scene(&self, channel: u16) -> View {
        let seen = self.with(channel, |one, now| View {
            place: one.head.place(now),
            picture: one.picture,
            iris: one.iris.place(now)[2],
            light: one.light,
            wiper: one.wiper.phase(now),
        });
        seen.unwrap_or_default()
    }

    /// Moves the named axes of a head; false when the channel has none.
    pub(crate) fn run(&self, channel: u16, speeds: [Option<f32>; AXES], timeout: Option<Duration>) -> bool {
        self.note(format!("run {channel} {speeds:?} {timeout:?}"));
        self.moves(channel) && self.with(channel, |one, now| one.head.run(speeds, timeout, now)).is_some()
    }

    /// Moves the named axes of a head to a place.
    pub(crate) fn go(&self, channel: u16, to: [Option<f32>; AXES]) -> bool {
        self.note(format!("go {channel} {to:?}"));
        self.moves(channel) && self.with(channel, |one, now| one.head.go(to, now)).is_some()
    }

    /// Moves the named axes of a head by a part of their range.
    pub(crate) fn shift(&self, channel: u16, by: [Option<f32>; AXES]) -> bool {
        let Some(view) = self.view(channel) else { return false };
        let to = std::array::from_fn(|axis| by[axis].map(|by| view.place[axis] + by));
        self.go(channel, to)
    }

    /// Brings a point of the picture (−1..1, right and up positive) to its centre and zooms in by a part of the range.
    pub(crate) fn center(&self, channel: u16, x: f32, y: f32, zoom: f32) -> bool {
        let Some(view) = self.view(channel) else { return false };
        let width = View::window(view.place[2]);
        self.shift(channel, [Some(x * width), Some(y * width), Some(zoom)])
    }

    /// Where a head goes home to.
    pub(crate) fn home(&self, channel: u16) -> Option<Place> {
        self.with(channel, |one, _| one.home).filter(|_| self.moves(channel))
    }

    /// Makes the present place home.
    pub(crate) fn set_home(&self, channel: u16) -> bool {
        self.moves(channel) && self.with(channel, |one, now| one.home = one.head.place(now)).is_some()
    }

    /// Presets by number.
    pub fn presets(&self, channel: u16) -> BTreeMap<u16, (String, Place)> {
        self.with(channel, |one, _| one.presets.clone()).filter(|_| self.moves(channel)).unwrap_or_default()
    }

    /// Stores the present place, or renames: an existing preset keeps its place when `keep_place`.
    pub(crate) fn set_preset(&self, channel: u16, number: u16, name: &str, keep_place: bool) -> bool {
        self.note(format!("preset {channel} {number} {name}"));
        self.moves(channel)
            && self
                .with(channel, |one, now| {
                    let here = one.head.place(now);
                    let place = one.presets.get(&number).filter(|_| keep_place).map_or(here, |old| old.1);
                    one.presets.insert(number, (name.to_owned(), place));
                })
                .is_some()
    }

    /// Forgets a preset; false when there was none.
    pub(crate) fn remove_preset(&self, channel: u16, number: u16) -> bool {
        self.with(channel, |one, _| one.presets.remove(&number)).flatten().is_some()
    }

    /// Moves the focus (0 near, 1 far) or the iris; a speed of 0 stops.
    pub(crate) fn run_lens(&self, channel: u16, lens: Lens, speed: f32) -> bool {
        self.note(format!("lens {channel} {lens:?} {speed}"));
        self.moves(channel)
            && self
                .with(channel, |one, now| match lens {
                    Lens::Focus => {
                        one.auto_focus = false;
                        one.focus.run([None, None, Some(speed)], None, now);
                    }
                    Lens::Iris => one.iris.run([None, None, Some(speed)], None, now),
                })
                .is_some()
    }

    /// Moves the focus to a place, 0..1.
    pub(crate) fn focus_to(&self, channel: u16, to: f32) -> bool {
        self.moves(channel)
            && self.with(channel, |one, now| one.focus.go([None, None, Some(to)], now)).is_some()
    }

    /// Sets the iris, 0..1.
    pub(crate) fn iris_to(&self, channel: u16, to: f32) -> bool {
        self.moves(channel)
            && self.with(channel, |one, now| one.iris.go([None, None, Some(to)], now)).is_some()
    }

    /// Lets the focus find itself, or not.
    pub(crate) fn set_auto_focus(&self, channel: u16, on: bool) -> bool {
        self.note(format!("auto focus {channel} {on}"));
        self.moves(channel) && self.with(channel, |one, _| one.auto_focus = on).is_some()
    }

    /// Changes picture settings; levels are held within 0..100.
    pub(crate) fn set_picture(&self, channel: u16, change: impl FnOnce(&mut Picture)) -> bool {
        self.with(channel, |one, _| {
            change(&mut one.picture);
            let picture = &mut one.picture;
            for level in [
                &mut picture.brightness,
                &mut picture.contrast,
                &mut picture.saturation,
                &mut picture.hue,
                &mut picture.sharpness,
            ] {
                *level = if level.is_finite() { level.clamp(0.0, 100.0) } else { NEUTRAL };
            }
        })
        .is_some()
    }

    /// How a stream is encoded.
    pub fn encoding(&self, channel: u16, profile: StreamProfile) -> Encoding {
        let at = usize::from(profile == StreamProfile::Sub);
        self.with(channel, |one, _| one.encodings[at]).unwrap_or_else(|| Encoding::of(profile))
    }

    /// Encodes a stream in another way, as near to the wish as the encoder can; false when it refuses.
    pub(crate) fn set_encoding(
        &self,
        channel: u16,
        profile: StreamProfile,
        change: impl FnOnce(&mut Encoding),
    ) -> bool {
        let mut wish = self.encoding(channel, profile);
        change(&mut wish);
        self.note(format!("encode {channel} {profile:?} {wish:?}"));
        let Some(taken) = wish.accepted(profile) else { return false };
        let at = usize::from(profile == StreamProfile::Sub);
        self.with(channel, |one, _| one.encodings[at] = taken).is_some()
    }

    /// Switches the light.
    pub(crate) fn set_light(&self, channel: u16, on: bool) -> bool {
        self.note(format!("light {channel} {on}"));
        self.config.auxiliaries && self.with(channel, |one, _| one.light = on).is_some()
    }

    /// Switches the siren, which stops by itself.
    pub(crate) fn set_siren(&self, channel: u16, on: bool) -> bool {
        self.note(format!("siren {channel} {on}"));
        self.config.auxiliaries
            && self.with(channel, |one, now| one.siren_until = on.then(|| now + SIREN_FOR)).is_some()
    }

    /// Sets the wiper going: once (`None` interval), at an interval, or not at all.
    pub(crate) fn wipe(&self, channel: u16, how: Option<Option<Duration>>) -> bool {
        self.note(format!("wipe {channel} {how:?}"));
        self.config.auxiliaries
            && self
                .with(channel, |one, now| {
                    one.wiper = match how {
                        None => Wiper::Off,
                        Some(None) => Wiper::Once(now),
                        Some(Some(interval)) => Wiper::Every(interval, now),
                    };
                })
                .is_some()
    }

    /// Follows targets, or not.
    pub(crate) fn set_tracking(&self, channel: u16, on: bool) -> bool {
        self.note(format!("tracking {channel} {on}"));
        self.config.auxiliaries && self.with(channel, |one, _| one.tracking = on).is_some()
    }

    /// Counts a wish for a key frame.
    pub(crate) fn want_key(&self, channel: u16) -> bool {
        self.with(channel, |one, _| one.key_requests += 1).is_some()
    }

    /// The alarm outputs, numbered from 1 in this order.
    pub fn outputs(&self) -> Vec<Output> {
        let now = Instant::now();
        let mut state = self.lock();
        for output in &mut state.outputs {
            if output.until.is_some_and(|until| now >= until) {
                (output.on, output.until) = (false, None);
            }
        }
        state.outputs.clone()
    }

    /// Switches an output; one with a pulse opens by itself.
    pub(crate) fn set_output(&self, number: u16, on: bool) -> bool {
        self.note(format!("output {number} {on}"));
        self.change_output(number, |output, now| {
            output.on = on;
            output.until = output.pulse.filter(|_| on).map(|pulse| now + pulse);
        })
    }

    /// How long an output stays closed.
    pub(crate) fn set_pulse(&self, number: u16, pulse: Option<Duration>) -> bool {
        self.change_output(number, |output, _| output.pulse = pulse)
    }

    fn change_output(&self, number: u16, work: impl FnOnce(&mut Output, Instant)) -> bool {
        let mut state = self.lock();
        let at = usize::from(number).wrapping_sub(1);
        state.outputs.get_mut(at).map(|output| work(output, Instant::now())).is_some()
    }
}

/// What turns in a lens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lens {
    Focus,
    Iris,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_stops_by_itself_does() {
        let unit = Unit::new(UnitConfig::default());
        assert!(unit.set_siren(1, true) && unit.view(1).unwrap().siren);
        assert!(unit.wipe(1, Some(None)) && unit.view(1).unwrap().wiper);
        unit.set_pulse(2, Some(Duration::from_secs(1)));
        assert!(unit.set_output(2, true) && unit.outputs()[1].on);
        tokio::time::advance(SIREN_FOR).await;
        assert!(!unit.view(1).unwrap().siren && !unit.view(1).unwrap().wiper && !unit.outputs()[1].on);
    }

    #[test]
    fn a_fixed_camera_does_not_move_and_a_fresh_one_has_no_password() {
        let unit = Unit::new(UnitConfig { ptz: false, password: None, ..UnitConfig::default() });
        assert!(!unit.run(1, [Some(1.0), None, None], None));
        assert!(unit.password_of("admin").is_none() && !unit.activated());
        assert!(unit.activate("bartizan1") && !unit.activate("other"));
        assert_eq!(unit.password_of("admin"), Some(Secret::new("bartizan1")));
    }
}
