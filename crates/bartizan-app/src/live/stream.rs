//! The task that owns one stream session: opens it, feeds the hub, watches for silence, comes back.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{ChannelId, Error, OwnedTask, Result, StreamId};
use bartizan_device::{LiveItem, LiveStream, StreamOpener, StreamSource};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    hub::{Audience, Hub, StreamFormat},
    machine::{Action, Event, Machine, Phase, silence_limit},
    sound::{Listener, SoundSession},
};
use crate::{diagnostics::Journal, gate::LoginGate};

/// Looks up what a stream id stands for at the moment of connecting, so that an edited password counts at once.
#[async_trait::async_trait]
pub trait SourceBook: Send + Sync {
    /// The source behind `stream`, and the profile it really is (main where there is no sub stream).
    async fn source(&self, stream: &StreamId) -> Result<StreamSource>;
}

/// How long a session outlives its last viewer. Long enough for page swipes, short enough not to hog a recorder's
/// session limit.
pub const GRACE: Duration = Duration::from_secs(8);
/// How long a session outlives a page that went to the background. Whoever comes back within it sees live pictures at
/// once; counted here, since a page in the background may be frozen.
pub const AWAY_GRACE: Duration = Duration::from_secs(30);
/// How long an opened stream may take to its first picture of any kind.
const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// What was connected is most likely dead.
    NetworkChanged,
    /// There is one more way out: whoever waits tries now.
    NetworkGained,
    Retry,
    /// The program ends: tear down whoever watches.
    Stop,
}

/// Handle of a running session.
pub(crate) struct StreamSession {
    pub(crate) hub: Arc<Hub>,
    orders: mpsc::Sender<Order>,
    parts: Parts,
    sound: Mutex<Option<Arc<SoundSession>>>,
    _task: OwnedTask,
}

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) stream: StreamId,
    pub(crate) opener: Arc<dyn StreamOpener>,
    pub(crate) book: Arc<dyn SourceBook>,
    pub(crate) gate: Arc<LoginGate>,
    pub(crate) journal: Arc<Journal>,
    /// Where the bytes that came are counted.
    pub(crate) received: Arc<AtomicU64>,
    /// The app is locked.
    pub(crate) shut: Arc<AtomicBool>,
}

impl StreamSession {
    pub(crate) fn start(parts: Parts) -> Self {
        let hub = Arc::new(Hub::new(Machine::default().state()));
        let (orders, inbox) = mpsc::channel(8);
        let task = OwnedTask::spawn(Run::new(parts.clone(), hub.clone(), inbox).run());
        Self { hub, orders, parts, sound: Mutex::default(), _task: task }
    }

    /// Lets `listener` hear the stream, opening its sound if nobody hears it yet.
    pub(crate) fn listen(&self, listener: Arc<dyn Listener>) -> (Arc<SoundSession>, u64) {
        let mut sound = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*sound
            && let Some(id) = running.add(&listener)
        {
            return (running.clone(), id);
        }
        let (started, id) = SoundSession::start(self.parts.clone(), &self.hub, listener);
        let started = Arc::new(started);
        *sound = Some(started.clone());
        (started, id)
    }

    /// Sound sessions are open now.
    pub(crate) fn has_sound(&self) -> bool {
        let sound = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        sound.as_ref().is_some_and(|sound| !sound.is_over())
    }

    /// What it plays is a recording of `channel`.
    pub(crate) fn replays(&self, channel: &ChannelId) -> bool {
        self.parts.stream.channel == *channel && self.hub.is_recorded()
    }

    /// Orders are hints: when eight wait already, one more changes nothing.
    pub(crate) fn order(&self, order: Order) {
        let _ = self.orders.try_send(order);
    }

    /// Waits for the task's end.
    pub(crate) async fn ended(&self) {
        self.orders.closed().await;
        let sound = self.sound.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sound) = sound {
            sound.ended().await;
        }
    }
}

struct Run {
    parts: Parts,
    hub: Arc<Hub>,
    inbox: mpsc::Receiver<Order>,
    machine: Machine,
    live: Option<Box<dyn LiveStream>>,
    /// A connection is new: what comes before its first random access point cannot be decoded.
    awaiting_key: bool,
    /// Viewers have had pictures, of this or an earlier connection.
    has_shown: bool,
    /// When the watchdog barks.
    deadline: Option<Instant>,
    silence: Duration,
    interest: Interest,
    jitter: u32,
    /// How it was connected last. While the app is locked nobody else knows the login, and a recording goes on.
    source: Option<StreamSource>,
}

enum Step {
    Event(Event),
    Item(LiveItem),
    Unwatched,
}

impl Run {
    fn new(parts: Parts, hub: Arc<Hub>, inbox: mpsc::Receiver<Order>) -> Self {
        // Spreads the retries of streams that broke together; quality does not matter.
        let jitter = parts
            .stream
            .to_string()
            .bytes()
            .fold(17u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let interest = Interest { audience: hub.watch_audience(), empty_since: None };
        Self {
            parts,
            hub,
            inbox,
            machine: Machine::default(),
            live: None,
            awaiting_key: true,
            has_shown: false,
            deadline: None,
            silence: silence_limit(None),
            interest,
            jitter,
            source: None,
        }
    }

    async fn run(mut self) {
        let mut action = self.event(Event::Wanted);
        loop {
            action = match action {
                Action::Connect => {
                    // Not waiting for the teardown: the viewer waits for a picture, and retina tears down behind us.
                    self.drop_connection();
                    self.connect().await
                }
                Action::Wait(pause) => {
                    self.drop_connection();
                    self.deadline = Instant::now().checked_add(pause);
                    let step = self.wait().await;
                    self.take(step)
                }
                Action::Close => {
                    let live = self.live.take();
                    self.drop_connection();
                    if let Some(live) = live {
                        live.close().await;
                    }
                    self.event(Event::Closed);
                    return;
                }
                Action::None if self.live.is_some() => {
                    let step = self.play().await;
                    self.take(step)
                }
                Action::None => {
                    let step = self.wait().await;
                    self.take(step)
                }
            };
        }
    }

    fn event(&mut self, event: Event) -> Action {
        self.jitter = self.jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let jitter = f64::from(self.jitter >> 8) / f64::from(1 << 24);
        let before = self.machine.state().error;
        let action = self.machine.on(event, jitter);
        if let Some(error) = self.machine.state().error.filter(|error| before.as_ref() != Some(error)) {
            self.parts.journal.stream_failed(&self.parts.stream, &error);
        }
        if action == Action::Connect
            && self.machine.state().attempt > 0
            && self.machine.state().error.is_some()
        {
            self.hub.counters.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        self.hub.set_state(self.machine.state());
        action
    }

    /// Takes what happened; media goes to the hub, and may tell the machine that pictures flow.
    fn take(&mut self, step: Step) -> Action {
        let item = match step {
            // Reconnecting what nobody watches would only cost the device a session more.
            Step::Event(Event::NetworkChanged) if self.hub.viewer_count() == 0 => return self.grace_over(),
            Step::Event(event) => return self.event(event),
            Step::Unwatched => return self.grace_over(),
            Step::Item(item) => item,
        };
        match item {
            LiveItem::Video(video) => {
                let Some(live) = &self.live else { return Action::None };
                let description = live.description();
                let frame_rate = video.frame_rate.or(description.frame_rate);
                self.silence = silence_limit(frame_rate);
                self.hub.set_format(StreamFormat {
                    video,
                    frame_rate,
                    transport: description.transport,
                    profile: self.parts.stream.profile,
                    recorded: description.recorded,
                });
                Action::None
            }
            LiveItem::AccessUnit(mut unit) => {
                self.count(unit.data.len());
                if self.awaiting_key && unit.random_access {
                    self.awaiting_key = false;
                    // A new connection begins a new clock, and what came between is missing.
                    unit.discontinuity |= std::mem::replace(&mut self.has_shown, true);
                }
                if !self.awaiting_key {
                    self.hub.push(&unit);
                }
                // Playing, the limit is the stream's own; before the first key picture any sign of life counts.
                let playing = self.machine.phase() == Phase::Playing;
                self.deadline =
                    Some(Instant::now() + if playing { self.silence } else { FIRST_PICTURE_LIMIT });
                if unit.random_access && !playing {
                    self.deadline = Some(Instant::now() + self.silence);
                    return self.event(Event::Picture);
                }
                Action::None
            }
            LiveItem::Clock(point) => {
                self.hub.clock_point(point);
                Action::None
            }
        }
    }

    fn count(&self, bytes: usize) {
        self.parts.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn drop_connection(&mut self) {
        self.deadline = None;
        self.live = None;
        self.hub.forget_pictures();
    }

    /// Nobody has watched for the grace time. A viewer who came in the last moment keeps the session alive.
    fn grace_over(&mut self) -> Action {
        if self.hub.retire() {
            self.event(Event::GraceOver)
        } else {
            self.interest.empty_since = None;
            Action::None
        }
    }

    async fn connect(&mut self) -> Action {
        let Parts { stream, opener, book, gate, shut, .. } = self.parts.clone();
        let known = self.source.take();
        let used = Mutex::new(None);
        // A login whose outcome nobody knows yet is not cut short: the next one would spend a second try.
        let proven = AtomicBool::new(false);
        let open = async {
            let source = match known {
                Some(known) if shut.load(Ordering::Relaxed) => known,
                _ => book.source(&stream).await?,
            };
            *used.lock().unwrap_or_else(PoisonError::into_inner) = Some(source.clone());
            let pass = gate.enter(&source).await?;
            proven.store(pass.is_proven(), Ordering::Relaxed);
            let outcome = opener.open(&source).await;
            pass.report(outcome.as_ref().err()).await;
            outcome
        };
        let mut hurried = false;
        let outcome = {
            tokio::pin!(open);
            // The opener bounds its own time; only the end of all interest or another network cuts it short.
            loop {
                tokio::select! {
                    biased;
                    () = self.interest.gone() => if self.hub.retire() {
                        break None;
                    },
                    Some(order) = self.inbox.recv() => match order {
                        Order::Stop => break None,
                        Order::NetworkChanged if proven.load(Ordering::Relaxed) => break Some(Err(Event::NetworkChanged)),
                        Order::NetworkChanged | Order::NetworkGained => hurried = true,
                        Order::Retry => {}
                    },
                    outcome = &mut open => break Some(outcome.map_err(Event::Failed)),
                }
            }
        };
        self.source = used.into_inner().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            None => self.event(Event::GraceOver),
            Some(Ok(live)) => {
                self.live = Some(live);
                self.awaiting_key = true;
                self.deadline = Some(Instant::now() + FIRST_PICTURE_LIMIT);
                self.event(Event::Opened)
            }
            Some(Err(event)) => {
                if let Event::Failed(error) = &event {
                    tracing::info!(stream = %self.parts.stream, %error, "could not open");
                }
                match self.event(event) {
                    // The network changed meanwhile, so the failure tells nothing of the present one.
                    Action::Wait(_) if hurried && self.machine.phase() == Phase::Backoff => {
                        self.event(Event::NetworkChanged)
                    }
                    action => action,
                }
            }
        }
    }

    async fn play(&mut self) -> Step {
        let Some(live) = &mut self.live else { return Step::Event(Event::RetryDue) };
        let deadline = self.deadline.unwrap_or_else(far_away);
        tokio::select! {
            biased;
            item = live.next() => match item {
                Some(Ok(item)) => Step::Item(item),
                Some(Err(error)) => {
                    tracing::info!(stream = %self.parts.stream, %error, "broke");
                    Step::Event(Event::Failed(error))
                }
                None => Step::Event(Event::Failed(Error::new(
                    bartizan_base::Code::Disconnected, "the device ended the stream",
                ))),
            },
            Some(order) = self.inbox.recv() => Step::Event(from_order(order)),
            () = self.interest.gone() => Step::Unwatched,
            () = sleep_until(deadline) => Step::Event(Event::Silence),
        }
    }

    async fn wait(&mut self) -> Step {
        let deadline = self.deadline.unwrap_or_else(far_away);
        tokio::select! {
            biased;
            Some(order) = self.inbox.recv() => {
                if order == Order::Retry && let Ok(source) = self.parts.book.source(&self.parts.stream).await {
                    self.parts.gate.forgive(&source).await;
                }
                Step::Event(from_order(order))
            }
            () = self.interest.gone() => Step::Unwatched,
            () = sleep_until(deadline) => Step::Event(Event::RetryDue),
        }
    }
}

fn from_order(order: Order) -> Event {
    match order {
        Order::NetworkChanged => Event::NetworkChanged,
        Order::NetworkGained => Event::RetryDue,
        Order::Retry => Event::RetryAsked,
        Order::Stop => Event::GraceOver,
    }
}

fn far_away() -> Instant {
    // Instant::MAX does not exist; a day is longer than any pause here.
    Instant::now() + Duration::from_secs(86_400)
}

/// Knows since when nobody watches.
struct Interest {
    audience: watch::Receiver<Audience>,
    empty_since: Option<Instant>,
}

impl Interest {
    /// Ends when there has been no viewer for the grace time. Cancel-safe: the grace time goes on across calls.
    async fn gone(&mut self) {
        loop {
            let Audience { viewers, grace } = *self.audience.borrow_and_update();
            let changed = if viewers == 0 {
                let since = *self.empty_since.get_or_insert_with(Instant::now);
                tokio::select! {
                    biased;
                    changed = self.audience.changed() => changed,
                    () = sleep_until(since + grace) => return,
                }
            } else {
                self.empty_since = None;
                self.audience.changed().await
            };
            if changed.is_err() {
                return;
            }
        }
    }
}
