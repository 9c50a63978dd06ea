//! Live view: one session per stream, shared by all who watch it.

mod decode;
mod hub;
mod machine;
mod mediaclock;
mod pace;
mod sound;
mod stream;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{ChannelId, Code, Error, Result, StreamId};
use bartizan_device::{StreamOpener, StreamSource};

use self::{
    decode::DecodingViewer,
    sound::SoundSession,
    stream::{Order, Parts, StreamSession},
};
pub use self::{
    hub::{DecodedPicture, StreamFormat, Viewer},
    machine::{Action, Event, Machine, Phase, StreamState, silence_limit},
    pace::Pace,
    sound::{Listener, SoundState},
    stream::{AWAY_GRACE, GRACE, SourceBook},
};
use crate::{
    diagnostics::Journal,
    gate::{Account, LoginGate},
    traffic::Traffic,
};

/// How long the end of the program may wait for devices; their own session time-outs do the rest.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// What a viewer wants to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Compressed access units.
    Encoded,
    /// Decoded pictures.
    Pictures,
}

/// Whose session: that of all who watch the stream live, or of one who watches a recording.
type Key = (StreamId, Option<u64>);

/// The live view service.
pub struct Live {
    opener: Arc<dyn StreamOpener>,
    book: Arc<dyn SourceBook>,
    gate: Arc<LoginGate>,
    journal: Arc<Journal>,
    traffic: Arc<Traffic>,
    sessions: Mutex<HashMap<Key, Arc<StreamSession>>>,
    /// The app is locked. Changed and read under the lock of `sessions`.
    shut: Arc<AtomicBool>,
    /// Number of the next session that is shared with nobody.
    next_alone: AtomicU64,
}

/// Counters of one stream session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCounters {
    /// Which stream.
    pub stream: StreamId,
    /// Viewers attached.
    pub viewers: usize,
    /// Access units received.
    pub access_units: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Connections opened after the first.
    pub reconnects: u64,
    /// Its sound is open too.
    pub sound: bool,
}

/// A viewer's hold on a stream. Dropping it lets go.
pub struct Attachment {
    session: Arc<StreamSession>,
    id: u64,
    /// How long the session stays for others.
    grace: Duration,
    traffic: Arc<Traffic>,
}

impl Attachment {
    /// A person asks to try again.
    pub fn retry(&self) {
        self.session.order(Order::Retry);
    }

    /// What steers the pictures of this viewer; for as long as the attachment lasts.
    pub fn steering(&self) -> Steering {
        Steering { session: self.session.clone(), id: self.id, traffic: self.traffic.clone() }
    }

    /// Lets go of a stream whose viewer went to the background and may soon be back: it is kept for [`AWAY_GRACE`],
    /// where the network does not cost by the byte. What nobody else could join ends.
    pub fn leave(mut self) {
        if self.grace.is_zero() {
            return;
        }
        self.grace = if self.traffic.is_metered() { GRACE } else { AWAY_GRACE };
    }

    /// Lets go of a stream whose viewer is gone for good: it ends now, unless somebody else watches.
    pub fn abandon(mut self) {
        self.grace = Duration::ZERO;
    }

    /// Lets `listener` hear the stream. Must run inside the runtime.
    pub fn listen(&self, listener: Arc<dyn Listener>) -> Listening {
        let (session, id) = self.session.listen(listener);
        Listening { session, id }
    }
}

/// A listener's hold on the sound of a stream. Dropping it lets go; the attachment it came from has to outlive it.
pub struct Listening {
    session: Arc<SoundSession>,
    id: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.session.remove(self.id);
    }
}

/// Changes what a viewer gets, apart from the attachment itself: for callers who must not hold a lock meanwhile, since a
/// hub calls its viewers. After the attachment went it does nothing.
pub struct Steering {
    session: Arc<StreamSession>,
    id: u64,
    traffic: Arc<Traffic>,
}

impl Steering {
    /// How many of the pictures the viewer gets from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.session.hub.set_pace(self.id, pace);
    }

    /// Gives the viewer the current group of pictures once more, from its random access point: its decoder was lost.
    pub fn refresh(&self) {
        self.session.hub.refresh(self.id);
    }

    /// What the viewer watches is a recording of `channel`.
    pub(crate) fn replays(&self, channel: &ChannelId) -> bool {
        self.session.replays(channel)
    }

    /// Lets another viewer watch the same, also what nobody else could [`attach`](Live::attach) to.
    pub(crate) fn join(&self, delivery: Delivery, viewer: Arc<dyn Viewer>) -> Result<Attachment> {
        let id = self.session.hub.add(delivered(delivery, viewer)?, false);
        let id = id.ok_or_else(|| Error::new(Code::Cancelled, "the stream ended"))?;
        let (session, traffic) = (self.session.clone(), self.traffic.clone());
        Ok(Attachment { session, id, grace: Duration::ZERO, traffic })
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.session.hub.remove(self.id, self.grace);
    }
}

/// What a hub is to know as the viewer, where that one wants `delivery`.
fn delivered(delivery: Delivery, viewer: Arc<dyn Viewer>) -> Result<Arc<dyn Viewer>> {
    Ok(match delivery {
        Delivery::Encoded => viewer,
        Delivery::Pictures => Arc::new(
            DecodingViewer::start(viewer)
                .map_err(|e| Error::new(Code::Internal, format!("no thread for decoding: {e}")))?,
        ),
    })
}

impl Live {
    /// A service without sessions.
    pub fn new(
        opener: Arc<dyn StreamOpener>,
        book: Arc<dyn SourceBook>,
        gate: Arc<LoginGate>,
        journal: Arc<Journal>,
        traffic: Arc<Traffic>,
    ) -> Self {
        Self {
            opener,
            book,
            gate,
            journal,
            traffic,
            sessions: Mutex::default(),
            shut: Arc::default(),
            next_alone: AtomicU64::default(),
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Key, Arc<StreamSession>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `viewer` watch `stream`, opening it if nobody does yet. Must run inside the runtime.
    pub fn attach(
        &self,
        stream: StreamId,
        delivery: Delivery,
        viewer: Arc<dyn Viewer>,
    ) -> Result<Attachment> {
        self.seat(stream, delivery, viewer, false, None)
    }

    /// As [`attach`](Self::attach), for a stream of this viewer's own, which `book` finds and `opener` opens. It ends with
    /// its viewer.
    pub(crate) fn attach_alone(
        &self,
        stream: StreamId,
        book: Arc<dyn SourceBook>,
        opener: Arc<dyn StreamOpener>,
        delivery: Delivery,
        viewer: Arc<dyn Viewer>,
    ) -> Result<Attachment> {
        self.seat(stream, delivery, viewer, false, Some((book, opener)))
    }

    /// As [`attach`](Self::attach), for access units, and for a viewer that goes on while the app is locked: the stream
    /// then keeps the login it has. Nobody can begin so while the app is locked.
    pub fn attach_lasting(&self, stream: StreamId, viewer: Arc<dyn Viewer>) -> Result<Attachment> {
        self.seat(stream, Delivery::Encoded, viewer, true, None)
    }

    fn seat(
        &self,
        stream: StreamId,
        delivery: Delivery,
        viewer: Arc<dyn Viewer>,
        lasting: bool,
        own: Option<(Arc<dyn SourceBook>, Arc<dyn StreamOpener>)>,
    ) -> Result<Attachment> {
        let viewer = delivered(delivery, viewer)?;
        let mut sessions = self.sessions();
        if self.shut.load(Ordering::Relaxed) {
            return Err(Error::new(Code::AppLocked, "the app is locked"));
        }
        // Sessions whose grace time is over have retired their hub; they are replaced or swept here.
        sessions.retain(|_, session| !session.hub.is_retired());
        let key = (stream, own.is_some().then(|| self.next_alone.fetch_add(1, Ordering::Relaxed)));
        if let Some(session) = sessions.get(&key)
            && let Some(id) = session.hub.add(viewer.clone(), lasting)
        {
            return Ok(self.attachment(session.clone(), id, GRACE));
        }
        let grace = if own.is_some() { Duration::ZERO } else { GRACE };
        let (book, opener) = own.unwrap_or_else(|| (self.book.clone(), self.opener.clone()));
        let session = Arc::new(StreamSession::start(Parts {
            stream: key.0.clone(),
            opener,
            book,
            gate: self.gate.clone(),
            journal: self.journal.clone(),
            received: self.traffic.tap(&key.0.channel.device),
            shut: self.shut.clone(),
        }));
        let id = session
            .hub
            .add(viewer, lasting)
            .ok_or_else(|| Error::new(Code::Internal, "a new hub is retired"))?;
        sessions.insert(key, session.clone());
        Ok(self.attachment(session, id, grace))
    }

    fn attachment(&self, session: Arc<StreamSession>, id: u64, grace: Duration) -> Attachment {
        Attachment { session, id, grace, traffic: self.traffic.clone() }
    }

    /// Asks a device what a stream is, spending at most one try of its password.
    ///
    /// `asked` says that a person gave this password just now, so that an earlier refusal does not count.
    pub async fn describe(
        &self,
        source: &StreamSource,
        asked: bool,
        spend_last_try: bool,
    ) -> Result<bartizan_device::StreamDescription> {
        if asked {
            self.gate.forgive(source).await;
        }
        let pass = self.gate.enter(Account { spend_last_try, ..source.into() }).await?;
        let outcome = self.opener.describe(source).await;
        pass.report(outcome.as_ref().err()).await;
        outcome
    }

    /// The network changed: every session that is watched reconnects at once, the others end.
    pub fn network_changed(&self) {
        for session in self.sessions().values() {
            session.order(Order::NetworkChanged);
        }
    }

    /// One more network is there: whoever waits to try again does so now, and what plays goes on.
    pub fn network_gained(&self) {
        for session in self.sessions().values() {
            session.order(Order::NetworkGained);
        }
    }

    /// The device was edited or removed: its sessions start afresh.
    pub fn forget_device(&self, device: &bartizan_base::DeviceId) {
        let sessions = self.sessions();
        for (_, session) in sessions.iter().filter(|((stream, _), _)| stream.channel.device == *device) {
            session.order(Order::Retry);
            session.order(Order::NetworkChanged);
        }
    }

    /// The program ends: tears every session down, waiting a bounded time for the devices to agree.
    pub async fn shutdown(&self) {
        let sessions = self.sessions().drain().map(|(_, session)| session).collect();
        Self::tear_down(sessions).await;
    }

    /// The app is locked, or no longer: while it is, nothing can be attached. Gives what tears down the sessions that
    /// there were, within a bounded time; those with a lasting viewer stay.
    pub(crate) fn set_shut(&self, shut: bool) -> impl Future<Output = ()> + Send + use<> {
        let mut sessions = self.sessions();
        self.shut.store(shut, Ordering::Relaxed);
        let mut ended = Vec::new();
        if shut {
            sessions.retain(|_, session| {
                let lasting = session.hub.keep_lasting();
                if !lasting {
                    ended.push(session.clone());
                }
                lasting
            });
        }
        Self::tear_down(ended)
    }

    async fn tear_down(sessions: Vec<Arc<StreamSession>>) {
        for session in &sessions {
            session.order(Order::Stop);
        }
        let all = futures::future::join_all(sessions.iter().map(|session| session.ended()));
        let _ = tokio::time::timeout(SHUTDOWN_LIMIT, all).await;
    }

    /// Counters of all open sessions.
    pub fn counters(&self) -> Vec<StreamCounters> {
        self.sessions()
            .iter()
            .filter(|(_, session)| !session.hub.is_retired())
            .map(|((stream, _), session)| StreamCounters {
                stream: stream.clone(),
                viewers: session.hub.viewer_count(),
                access_units: session.hub.counters.access_units.load(Ordering::Relaxed),
                bytes: session.hub.counters.bytes.load(Ordering::Relaxed),
                reconnects: session.hub.counters.reconnects.load(Ordering::Relaxed),
                sound: session.has_sound(),
            })
            .collect()
    }
}
