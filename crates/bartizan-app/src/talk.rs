//! Talking through a camera. One call at a time in the whole app, and the camera's line is held no longer than somebody
//! speaks: a page that goes away, a lost connection and a locked app hang up alike.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{ChannelId, Code, Error, OwnedTask, Result, StreamId, StreamProfile, random_token};
use bartizan_device::{StreamOpener, TalkCoding, TalkLine};
use bartizan_media::g711::{encode_alaw, encode_ulaw};
use bytes::Bytes;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    time::timeout,
};

use crate::{
    drivers::Drivers,
    gate::{Account, LoginGate},
    live::SourceBook,
};

/// How long a call stands without anything being said.
pub const TALK_HOLD: Duration = Duration::from_secs(2);
/// Most samples that one piece may hold: half a second.
pub const LONGEST_SPEECH: usize = 4000;
/// Both ways to a loudspeaker, tried after each other.
const OPEN_LIMIT: Duration = Duration::from_secs(12);
/// How long a farewell is waited for.
const HANG_UP_LIMIT: Duration = Duration::from_secs(6);
/// Pieces that wait for a slow device. Beyond it what is said is left out: speech that lags is worse than a gap.
const QUEUE: usize = 10;
/// Samples that go to the device at once: 40 ms.
const PIECE: usize = 320;

/// A way to a camera's loudspeaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The family's own protocol.
    Own,
    /// The backchannel of the stream.
    Stream,
}

impl Way {
    fn other(self) -> Self {
        match self {
            Self::Own => Self::Stream,
            Self::Stream => Self::Own,
        }
    }
}

struct Call {
    id: String,
    speech: mpsc::Sender<Vec<i16>>,
    trouble: Arc<Mutex<Option<Error>>>,
    task: OwnedTask,
}

/// The talk service.
pub struct Talk {
    drivers: Arc<Drivers>,
    opener: Arc<dyn StreamOpener>,
    sources: Arc<dyn SourceBook>,
    gate: Arc<LoginGate>,
    call: Mutex<Option<Call>>,
    /// Held while a call is being opened.
    opening: AsyncMutex<()>,
    /// Goes up whenever calls are ended from outside, so that one that is just being opened notices.
    ended: AtomicU64,
    /// What worked last.
    ways: Mutex<HashMap<ChannelId, Way>>,
}

impl Talk {
    /// Nobody talks yet.
    pub fn new(
        drivers: Arc<Drivers>,
        opener: Arc<dyn StreamOpener>,
        sources: Arc<dyn SourceBook>,
        gate: Arc<LoginGate>,
    ) -> Self {
        Self {
            drivers,
            opener,
            sources,
            gate,
            call: Mutex::default(),
            opening: AsyncMutex::default(),
            ended: AtomicU64::default(),
            ways: Mutex::default(),
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Call>> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a camera and gives the call's name; an earlier call ends first. Without [`Talk::send`] for [`TALK_HOLD`]
    /// the call ends by itself.
    pub async fn start(&self, channel: &ChannelId) -> Result<String> {
        let _alone = self.opening.lock().await;
        let earlier = self.current().take();
        hang_up(earlier).await;
        let ended = self.ended.load(Ordering::SeqCst);
        let line = match timeout(OPEN_LIMIT, self.open(channel)).await {
            Ok(line) => line?,
            Err(_) => return Err(Error::new(Code::Timeout, "the camera does not take the call in time")),
        };
        let (speech, pieces) = mpsc::channel(QUEUE);
        let trouble = Arc::<Mutex<Option<Error>>>::default();
        let told = trouble.clone();
        let task = OwnedTask::spawn(async move {
            if let Err(error) = keep(line, pieces).await {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        });
        let id = random_token();
        let call = Call { id: id.clone(), speech, trouble, task };
        if self.ended.load(Ordering::SeqCst) != ended {
            hang_up(Some(call)).await;
            return Err(Error::new(Code::Cancelled, "calls were ended while this one was being opened"));
        }
        *self.current() = Some(call);
        Ok(id)
    }

    /// What is said, mono at 8 kHz, at most [`LONGEST_SPEECH`] samples at once. Fails with what ended the call.
    pub fn send(&self, id: &str, speech: Vec<i16>) -> Result<()> {
        if speech.len() > LONGEST_SPEECH {
            return Err(Error::new(Code::InvalidInput, "more than half a second of speech at once"));
        }
        let call = self.current();
        let over = || Error::new(Code::NotFound, "this call is over");
        let call = call.as_ref().filter(|call| call.id == id).ok_or_else(over)?;
        match call.speech.try_send(speech) {
            // What does not fit is left out.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Err(call.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(over))
            }
        }
    }

    /// Hangs up and waits for the camera to have been told. A call that is over already is no error.
    pub async fn stop(&self, id: &str) {
        let call = self.current().take_if(|call| call.id == id);
        hang_up(call).await;
    }

    /// Ends whatever call there is, in the background.
    pub fn end_all(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
        // Without a speaker the keeper hangs up; it is kept until then, and cleared away by the next call.
        if let Some(call) = self.current().as_mut() {
            call.id.clear();
            call.speech = mpsc::channel(1).0;
        }
    }

    /// The program ends: hangs up, within a bounded time.
    pub async fn shutdown(&self) {
        self.end_all();
        let call = self.current().take();
        hang_up(call).await;
    }

    /// Tries the way that worked last, or the device's own; where it is not offered, the other one.
    async fn open(&self, channel: &ChannelId) -> Result<Box<dyn TalkLine>> {
        let known = self.ways.lock().unwrap_or_else(PoisonError::into_inner).get(channel).copied();
        let first = known.unwrap_or(Way::Own);
        let refused = match self.open_by(first, channel).await {
            Err(error) if matches!(error.code(), Code::NotOffered | Code::UnsupportedCodec) => error,
            other => return other,
        };
        match self.open_by(first.other(), channel).await {
            // A coding that nobody speaks says more than that there is nothing.
            Err(error) if error.code() == Code::NotOffered && refused.code() != Code::NotOffered => {
                Err(refused)
            }
            other => other,
        }
    }

    async fn open_by(&self, way: Way, channel: &ChannelId) -> Result<Box<dyn TalkLine>> {
        let line = match way {
            Way::Own => {
                let number = channel.number;
                let call =
                    |driver: Arc<dyn bartizan_device::Driver>| async move { driver.talk(number).await };
                self.drivers.with(&channel.device, call).await?
            }
            Way::Stream => {
                let stream = StreamId { channel: channel.clone(), profile: StreamProfile::Main };
                let source = self.sources.source(&stream).await?;
                let pass = self.gate.enter(Account::from(&source)).await?;
                let line = self.opener.open_talk(&source).await;
                pass.report(line.as_ref().err()).await;
                line?
            }
        };
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.clone(), way);
        Ok(line)
    }
}

async fn hang_up(call: Option<Call>) {
    if let Some(Call { speech, task, .. }) = call {
        drop(speech);
        let _ = timeout(HANG_UP_LIMIT, task.join()).await;
    }
}

/// Passes on what is said until nobody says anything, then hangs up.
async fn keep(mut line: Box<dyn TalkLine>, mut pieces: mpsc::Receiver<Vec<i16>>) -> Result<()> {
    let outcome = loop {
        match timeout(TALK_HOLD, pieces.recv()).await {
            Ok(Some(speech)) => {
                if let Err(error) = say(&mut *line, &speech).await {
                    break Err(error);
                }
            }
            Ok(None) | Err(_) => break Ok(()),
        }
    };
    line.close().await;
    outcome
}

async fn say(line: &mut dyn TalkLine, speech: &[i16]) -> Result<()> {
    let encode = match line.coding() {
        TalkCoding::Pcmu => encode_ulaw,
        TalkCoding::Pcma => encode_alaw,
    };
    for piece in speech.chunks(PIECE) {
        line.send(piece.iter().map(|&sample| encode(sample)).collect::<Bytes>()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
