//! The sound of a stream: a session of its own, open while somebody listens or records and the pictures play.
//!
//! Nothing here can hold up or end the pictures: another connection, another task, and a refused sound never counts
//! against the password.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bartizan_base::{Code, Error, OwnedTask, Retry, retry};
use bartizan_device::{SoundDescription, SoundItem, SoundStream, StreamSource};
use bartizan_media::{AudioCodec, AudioFrame};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{hub::Hub, machine::Phase, mediaclock::Alignment, stream::Parts};

/// How long the sound outlives its last listener: a listener that changes its mind, not a session to hog.
const GRACE: Duration = Duration::from_secs(2);
/// Nothing for this long, and it is opened anew. Cameras that suppress silence send nothing while it is quiet, so this is
/// not short.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);
/// The pauses between tries double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the sound of a stream is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum SoundState {
    /// Talking to the device, or waiting for pictures to play.
    Connecting,
    /// Sound of this kind comes.
    Playing(SoundDescription),
    /// The device sends no sound with this stream.
    None,
    /// The device sends sound of this coding (its RTP name), which nothing here plays.
    Unsupported(String),
    /// It failed; when `retries`, it is tried again.
    Failed {
        /// Why.
        error: Error,
        /// It is tried again by itself.
        retries: bool,
    },
}

/// Receives the sound of a stream. Called with a lock held and from the sound's task: it must be quick and must not call
/// back.
pub trait Listener: Send + Sync {
    /// What the sound is doing now.
    fn sound_state(&self, state: &SoundState);
    /// A run of sound, its time being that of the pictures' clock. `discontinuity` says that it does not join on to
    /// what came before.
    fn sound(&self, frame: &AudioFrame, discontinuity: bool);
}

/// One sound to many listeners.
pub(crate) struct SoundSession {
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
    _task: OwnedTask,
}

struct Shared {
    inner: Mutex<Inner>,
    listeners: watch::Sender<usize>,
    over: AtomicBool,
}

struct Inner {
    state: SoundState,
    listeners: Vec<(u64, Arc<dyn Listener>)>,
    next_id: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, state: SoundState) {
        let mut inner = self.lock();
        if inner.state != state {
            inner.listeners.iter().for_each(|(_, listener)| listener.sound_state(&state));
            inner.state = state;
        }
    }

    /// Closes it to new listeners, unless it has one. True when closed.
    fn retire(&self, whoever_listens: bool) -> bool {
        let inner = self.lock();
        let over = whoever_listens || inner.listeners.is_empty();
        self.over.store(over, Ordering::Relaxed);
        over
    }
}

impl SoundSession {
    pub(crate) fn start(parts: Parts, hub: &Arc<Hub>, listener: Arc<dyn Listener>) -> (Self, u64) {
        let state = SoundState::Connecting;
        listener.sound_state(&state);
        let inner = Inner { state, listeners: vec![(0, listener)], next_id: 1 };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            listeners: watch::Sender::new(1),
            over: AtomicBool::new(false),
        });
        let (tell, ended) = watch::channel(false);
        let phase = hub.watch_phase();
        let run = Run { parts, hub: hub.clone(), shared: shared.clone(), phase, source: Mutex::default() };
        let task = OwnedTask::spawn(async move {
            run.run().await;
            tell.send_replace(true);
        });
        (Self { shared, ended, _task: task }, 0)
    }

    /// Adds a listener, telling it the state; `None` when the session is over or cannot get any further, so that a new
    /// one has to be made.
    pub(crate) fn add(&self, listener: &Arc<dyn Listener>) -> Option<u64> {
        let mut inner = self.shared.lock();
        if self.is_over() {
            return None;
        }
        listener.sound_state(&inner.state);
        let id = inner.next_id;
        inner.next_id += 1;
        inner.listeners.push((id, listener.clone()));
        self.shared.listeners.send_replace(inner.listeners.len());
        Some(id)
    }

    pub(crate) fn remove(&self, id: u64) {
        let mut inner = self.shared.lock();
        inner.listeners.retain(|(other, _)| *other != id);
        self.shared.listeners.send_replace(inner.listeners.len());
    }

    pub(crate) fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Relaxed)
    }

    /// Waits for the task's end.
    pub(crate) async fn ended(&self) {
        // An error means that the task is gone, which is the end too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

struct Run {
    parts: Parts,
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
    /// How it was opened last. While the app is locked nobody else knows the login, and a recording goes on.
    source: Mutex<Option<StreamSource>>,
}

impl Run {
    async fn run(self) {
        let mut phase = self.phase.clone();
        let mut open = None;
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| matches!(phase, Phase::Closing | Phase::Idle)) => {
                self.shared.retire(true);
            }
            () = self.unheard() => {}
            () = self.sessions(&mut open) => {}
        }
        if let Some(live) = open {
            live.close().await;
        }
    }

    /// Ends when nobody has listened for [`GRACE`].
    async fn unheard(&self) {
        let mut listeners = self.shared.listeners.subscribe();
        loop {
            let gone = *listeners.borrow_and_update() == 0;
            let changed = if gone {
                match timeout(GRACE, listeners.changed()).await {
                    Err(_) if self.shared.retire(false) => return,
                    Err(_) => continue,
                    Ok(changed) => changed,
                }
            } else {
                listeners.changed().await
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Opens the sound again and again; ends when there is nothing more to try.
    async fn sessions(&self, open: &mut Option<Box<dyn SoundStream>>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut phase = self.phase.clone();
            // Before that there is nothing to be in time with, and a login under way is the pictures' own.
            if phase.wait_for(|phase| *phase == Phase::Playing).await.is_err() {
                return;
            }
            let error = match self.open().await {
                Ok(Some(live)) => {
                    let description = live.description().clone();
                    tracing::debug!(stream = %self.parts.stream, coding = description.name, "sound");
                    self.shared.set_state(SoundState::Playing(description));
                    let (came, error) = self.play(open.insert(live).as_mut()).await;
                    // Undefined after an error; it is torn down behind us.
                    *open = None;
                    if came {
                        pause = FIRST_PAUSE;
                    }
                    error
                }
                Ok(None) => return self.rest(SoundState::None).await,
                Err(error) if error.code() == Code::UnsupportedCodec => {
                    return self.rest(SoundState::Unsupported(error.detail().to_owned())).await;
                }
                Err(error) => error,
            };
            tracing::info!(stream = %self.parts.stream, %error, "no sound");
            let retries = retry(error.kind()) != Retry::Never;
            let state = SoundState::Failed { error, retries };
            if !retries {
                return self.rest(state).await;
            }
            self.shared.set_state(state);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Nothing more to try: whoever listens is told, and whoever comes later tries anew.
    async fn rest(&self, state: SoundState) {
        self.shared.set_state(state);
        self.shared.retire(true);
    }

    async fn open(&self) -> bartizan_base::Result<Option<Box<dyn SoundStream>>> {
        let known = self.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let source = match known.filter(|_| self.parts.shut.load(Ordering::Relaxed)) {
            Some(known) => known,
            None => self.parts.book.source(&self.parts.stream).await?,
        };
        let pass = self.parts.gate.enter(&source).await?;
        let outcome = self.parts.opener.open_sound(&source).await;
        if outcome.is_ok() {
            *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
        }
        match &outcome {
            Ok(_) => pass.report(None).await,
            Err(error) if matches!(error.code(), Code::WrongPassword | Code::Locked) => {
                pass.report(Some(error)).await;
            }
            // Says nothing about the password, so the pictures' logins go on as before.
            Err(_) => drop(pass),
        }
        outcome
    }

    /// Hands sound on until it breaks; whether any came, and why it ended.
    async fn play(&self, live: &mut dyn SoundStream) -> (bool, Error) {
        let mut alignment = Alignment::default();
        let (mut came, mut hole) = (false, true);
        loop {
            let item = match timeout(SILENCE_LIMIT, live.next()).await {
                Err(_) => return (came, Error::new(Code::Stalled, "no sound came")),
                Ok(None) => return (came, Error::new(Code::Disconnected, "the device ended the sound")),
                Ok(Some(Err(error))) => return (came, error),
                Ok(Some(Ok(item))) => item,
            };
            let frame = match item {
                SoundItem::Clock(point) => {
                    alignment.report(point);
                    continue;
                }
                SoundItem::Frame(frame) => frame,
            };
            came = true;
            self.parts.received.fetch_add(frame.data.len() as u64, Ordering::Relaxed);
            let length_us = length_us(&frame);
            let placed = alignment.place(frame.pts_us, length_us, frame.arrival, &self.hub.clock());
            let Some((pts_us, jumped)) = placed else { continue };
            let frame = AudioFrame { pts_us, ..frame };
            let discontinuity = std::mem::take(&mut hole) || jumped;
            for (_, listener) in &self.shared.lock().listeners {
                listener.sound(&frame, discontinuity);
            }
        }
    }
}

/// How long a frame sounds, µs.
fn length_us(frame: &AudioFrame) -> i64 {
    /// ISO/IEC 14496-3 §4.5.1.1.
    const AAC_FRAME: i64 = 1024;
    /// The usual length; others are rare (RFC 6716 §2.1.4).
    const OPUS_US: i64 = 20_000;
    let bits = frame.data.len() as i64 * 8;
    let samples = match frame.codec {
        AudioCodec::Pcmu | AudioCodec::Pcma => bits / 8,
        AudioCodec::G726(each, _) => bits / i64::from(each.max(1)),
        AudioCodec::L16 => bits / 16,
        AudioCodec::Aac => AAC_FRAME * i64::from(frame.channels.max(1)),
        AudioCodec::Opus => return OPUS_US,
        AudioCodec::Other => 0,
    };
    let rate = i64::from(frame.sample_rate_hz.max(1)) * i64::from(frame.channels.max(1));
    samples * 1_000_000 / rate
}
