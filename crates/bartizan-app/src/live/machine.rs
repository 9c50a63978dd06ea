//! The life of one stream session as a pure transition function: events in, actions out, no clock, no I/O.

use std::time::Duration;

use bartizan_base::{Code, Error, Retry, retry};

/// Where a stream session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody watches and nothing is open.
    Idle,
    /// Talking to the device.
    Connecting,
    /// Playing; no random access point yet.
    Buffering,
    /// Pictures flow.
    Playing,
    /// Connected, but no picture for too long.
    Stalled,
    /// Waiting to try again.
    Backoff,
    /// Being torn down.
    Closing,
    /// Given up until a person acts.
    Failed,
}

/// What viewers are told.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamState {
    /// Where the session stands.
    pub phase: Phase,
    /// Why, for stalled, backoff and failed; in connecting, why it is opened anew.
    pub error: Option<Error>,
    /// In backoff: until the next try.
    pub retry_in: Option<Duration>,
    /// Tries since the last picture.
    pub attempt: u32,
}

/// Something that happened to a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first viewer came.
    Wanted,
    /// SETUP and PLAY succeeded.
    Opened,
    /// A decodable picture came.
    Picture,
    /// Opening failed, or the open session broke.
    Failed(Error),
    /// No picture within the watchdog's time.
    Silence,
    /// The pause of a backoff is over.
    RetryDue,
    /// The platform says that the network changed.
    NetworkChanged,
    /// A person asked to try again.
    RetryAsked,
    /// The grace time without viewers is over.
    GraceOver,
    /// Teardown is done.
    Closed,
}

/// What the task has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    None,
    /// Drop any connection and open a new one.
    Connect,
    /// Drop any connection and wait.
    Wait(Duration),
    /// Tear down and end.
    Close,
}

/// The machine of one session.
#[derive(Clone, Debug)]
pub struct Machine {
    phase: Phase,
    attempt: u32,
    error: Option<Error>,
    retry_in: Option<Duration>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const FIRST_SLOW_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_SLOW_PAUSE: Duration = Duration::from_secs(60);

impl Default for Machine {
    fn default() -> Self {
        Self { phase: Phase::Idle, attempt: 0, error: None, retry_in: None }
    }
}

impl Machine {
    /// What viewers are told now.
    pub fn state(&self) -> StreamState {
        StreamState {
            phase: self.phase,
            error: self.error.clone(),
            retry_in: self.retry_in,
            attempt: self.attempt,
        }
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes an event. `jitter` in 0–1 spreads retries of many sessions; it comes from outside so that this stays a
    /// function.
    pub fn on(&mut self, event: Event, jitter: f64) -> Action {
        use Phase::*;
        match (self.phase, event) {
            (Closing, Event::Closed) => self.go(Idle, None),
            // Teardown is never interrupted: a half-closed session is what fills recorders.
            (Closing, _) => Action::None,
            (_, Event::GraceOver) => {
                self.go(Closing, None);
                Action::Close
            }
            (Idle, Event::Wanted) | (Failed | Backoff | Stalled, Event::RetryAsked) => {
                self.attempt = 1;
                self.go(Connecting, None);
                Action::Connect
            }
            (Backoff, Event::NetworkChanged | Event::RetryDue) => {
                self.attempt += 1;
                let why = self.error.take();
                self.go(Connecting, why);
                Action::Connect
            }
            // An open session across a network change is most likely dead without knowing it.
            (Connecting | Buffering | Playing | Stalled, Event::NetworkChanged) => {
                self.attempt = 1;
                self.go(Connecting, Some(Error::new(Code::Disconnected, "the network changed")));
                Action::Connect
            }
            (Connecting, Event::Opened) => self.go(Buffering, None),
            (Buffering | Stalled, Event::Picture) => {
                self.attempt = 0;
                self.go(Playing, None)
            }
            (Playing, Event::Silence) => {
                self.attempt = 1;
                self.go(Stalled, Some(Error::new(Code::Stalled, "no picture came in time")));
                Action::Connect
            }
            (Buffering, Event::Silence) => {
                self.fail(Error::new(Code::Stalled, "the stream was opened but no picture came"), jitter)
            }
            // Reconnecting out of Stalled: the open succeeded, the picture is still to come.
            (Stalled, Event::Opened) => self.go(Buffering, self.error.clone()),
            (Connecting | Buffering | Playing | Stalled, Event::Failed(error)) => self.fail(error, jitter),
            _ => Action::None,
        }
    }

    fn go(&mut self, phase: Phase, error: Option<Error>) -> Action {
        self.phase = phase;
        self.error = error;
        self.retry_in = None;
        Action::None
    }

    fn fail(&mut self, error: Error, jitter: f64) -> Action {
        // A working session that breaks is tried again almost at once: most breaks are short.
        let was_playing = self.phase == Phase::Playing;
        let pause = match retry(error.kind()) {
            Retry::Never => {
                self.go(Phase::Failed, Some(error));
                return Action::Wait(Duration::MAX);
            }
            Retry::Backoff if was_playing => Duration::from_millis(100),
            Retry::Backoff => growing(FIRST_PAUSE, LONGEST_PAUSE, self.attempt),
            Retry::BackoffSlow => growing(FIRST_SLOW_PAUSE, LONGEST_SLOW_PAUSE, self.attempt),
        };
        let pause =
            pause.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0)).max(error.retry_after().unwrap_or_default());
        self.go(Phase::Backoff, Some(error));
        self.retry_in = Some(pause);
        Action::Wait(pause)
    }
}

/// `first` doubled with each try after the first, at most `longest`.
fn growing(first: Duration, longest: Duration, attempt: u32) -> Duration {
    first.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(longest)
}

/// How long a playing stream may be silent: ten frame intervals, at least 3 s, at most 15 s.
///
/// Three seconds ride out a Wi-Fi roam; a camera at 1 picture a second gets its ten.
pub fn silence_limit(frame_rate_hz: Option<f64>) -> Duration {
    let interval = 1.0 / frame_rate_hz.filter(|rate| (0.01..=240.0).contains(rate)).unwrap_or(25.0);
    Duration::from_secs_f64((10.0 * interval).clamp(3.0, 15.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broke() -> Event {
        Event::Failed(Error::new(Code::Disconnected, "gone"))
    }

    #[test]
    fn a_good_day() {
        let mut machine = Machine::default();
        assert_eq!(machine.on(Event::Wanted, 0.5), Action::Connect);
        assert_eq!(machine.on(Event::Opened, 0.5), Action::None);
        assert_eq!(machine.phase(), Phase::Buffering);
        machine.on(Event::Picture, 0.5);
        assert_eq!(
            machine.state(),
            StreamState { phase: Phase::Playing, error: None, retry_in: None, attempt: 0 }
        );
        assert_eq!(machine.on(Event::GraceOver, 0.5), Action::Close);
        assert_eq!(machine.on(Event::Wanted, 0.5), Action::None);
        machine.on(Event::Closed, 0.5);
        assert_eq!(machine.phase(), Phase::Idle);
    }

    #[test]
    fn pauses_grow_and_a_break_while_playing_is_retried_at_once() {
        let mut machine = Machine::default();
        machine.on(Event::Wanted, 0.5);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let Action::Wait(pause) = machine.on(broke(), 0.5) else { panic!() };
            pauses.push(pause.as_millis());
            assert_eq!(machine.on(Event::RetryDue, 0.5), Action::Connect);
            assert_eq!(machine.state().error.map(|e| e.code()), Some(Code::Disconnected), "while it tries");
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        machine.on(Event::Opened, 0.5);
        machine.on(Event::Picture, 0.5);
        assert_eq!(machine.on(broke(), 0.5), Action::Wait(Duration::from_millis(100)));
    }

    #[test]
    fn silence_reconnects() {
        let mut machine = Machine::default();
        machine.on(Event::Wanted, 0.5);
        machine.on(Event::Opened, 0.5);
        machine.on(Event::Picture, 0.5);
        assert_eq!(machine.on(Event::Silence, 0.5), Action::Connect);
        assert_eq!(machine.phase(), Phase::Stalled);
        machine.on(Event::Opened, 0.5);
        assert_eq!(machine.phase(), Phase::Buffering);
        assert!(matches!(machine.on(Event::Silence, 0.5), Action::Wait(_)));
        assert_eq!(silence_limit(Some(25.0)), Duration::from_secs(3));
        assert_eq!(silence_limit(Some(1.0)), Duration::from_secs(10));
        assert_eq!(silence_limit(Some(0.1)), Duration::from_secs(15));
        assert_eq!(silence_limit(None), Duration::from_secs(3));
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Wanted),
            Just(Event::Opened),
            Just(Event::Picture),
            prop::sample::select(Code::ALL).prop_map(|code| Event::Failed(Error::new(code, "x"))),
            Just(Event::Silence),
            Just(Event::RetryDue),
            Just(Event::NetworkChanged),
            Just(Event::RetryAsked),
            Just(Event::GraceOver),
            Just(Event::Closed),
        ]
    }

    proptest! {
        /// Whatever happens: no retry by itself out of a refused login, closing leads only to idle, every
        /// backoff has a pause of sane length, and a failure always says why.
        #[test]
        fn laws(events in prop::collection::vec((any_event(), 0.0f64..=1.0), 0..200)) {
            let mut machine = Machine::default();
            for (event, jitter) in events {
                let before = machine.state();
                let action = machine.on(event.clone(), jitter);
                let after = machine.state();
                if before.phase == Phase::Failed && event != Event::RetryAsked {
                    prop_assert!(action != Action::Connect, "{before:?} {event:?}");
                }
                if before.phase == Phase::Closing {
                    prop_assert!(matches!(after.phase, Phase::Closing | Phase::Idle));
                }
                match after.phase {
                    Phase::Backoff => {
                        let pause = after.retry_in.expect("a pause");
                        prop_assert!(pause >= Duration::from_millis(50) && pause <= Duration::from_secs(80));
                        prop_assert!(after.error.is_some());
                    }
                    Phase::Failed | Phase::Stalled => prop_assert!(after.error.is_some()),
                    _ => prop_assert!(after.retry_in.is_none()),
                }
            }
        }
    }
}
