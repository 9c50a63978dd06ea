//! The part of both carriers that does not depend on the shell: the registry of sessions, the parsing of what the page
//! sends, and the pump of a WebSocket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt, Stream, StreamExt};
use serde::Deserialize;

use super::session::MediaSession;

/// A session whose page has taken nothing for this long is closed with all its tiles and streams. With the time until
/// somebody looks, no stream outlives its page by more than 30 s.
pub const ABANDONED: Duration = Duration::from_secs(25);
/// The longest a long poll may wait.
pub const LONGEST_POLL: Duration = Duration::from_secs(1);
/// How long a WebSocket may take to accept one batch before it counts as dead.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an idle WebSocket pump looks whether it was replaced.
const IDLE_CHECK: Duration = Duration::from_secs(5);
/// How often abandoned sessions are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Close code for a session that is not known (private range, RFC 6455 §7.4.2).
pub const CLOSE_UNKNOWN_SESSION: u16 = 4401;
/// Close code for a page of a wrong origin.
pub const CLOSE_WRONG_ORIGIN: u16 = 4403;

/// All media sessions of a run.
#[derive(Default)]
pub struct MediaSessions {
    sessions: Mutex<HashMap<String, Arc<MediaSession>>>,
}

impl MediaSessions {
    /// Opens a session with a fresh random id, and closes those that were abandoned.
    pub fn create(&self) -> Arc<MediaSession> {
        self.sweep();
        let session = Arc::new(MediaSession::new(bartizan_base::random_token()));
        self.lock().insert(session.id().to_owned(), session.clone());
        session
    }

    /// The session of that id.
    pub fn get(&self, id: &str) -> Option<Arc<MediaSession>> {
        self.lock().get(id).cloned()
    }

    /// Closes a session.
    pub fn remove(&self, id: &str) -> bool {
        // Dropped outside the lock: closing tiles detaches them from their streams.
        let removed = self.lock().remove(id);
        // Carriers hold the session too, so letting go of it here would not free its tiles.
        removed.inspect(|session| session.end()).is_some()
    }

    /// Closes all sessions: the app is locked.
    pub fn end_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        all.values().for_each(|session| session.end());
    }

    /// Closes the sessions that no carrier has asked after for [`ABANDONED`].
    pub fn sweep(&self) {
        let mut gone = Vec::new();
        self.lock().retain(|_, session| {
            let keep = session.idle() < ABANDONED;
            if !keep {
                gone.push(session.clone());
            }
            keep
        });
        gone.iter().for_each(|session| session.abandon());
    }

    /// Drops of all sessions.
    pub fn dropped(&self) -> u64 {
        self.lock().values().map(|session| session.dropped()).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<MediaSession>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps for as long as it runs: a page that is closed leaves streams open, and no other may come to sweep them.
pub async fn keep_swept(sessions: Arc<MediaSessions>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        sessions.sweep();
    }
}

/// What a WebSocket page sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FromPage {
    credit: Vec<(u32, u32)>,
    ack: Option<u32>,
}

/// Carries a session over an open WebSocket until either side ends it.
///
/// `outgoing` takes binary messages, `incoming` gives text messages; the shell's adapter does the rest.
pub async fn pump<E>(
    session: &MediaSession,
    after: u32,
    mut outgoing: impl Sink<Bytes, Error = E> + Unpin,
    mut incoming: impl Stream<Item = String> + Unpin,
) {
    let carrier = session.resume(after);
    session.wake();
    let mut sent = after;
    while session.is_current(carrier) {
        tokio::select! {
            biased;
            text = incoming.next() => {
                let Some(text) = text else { return };
                // A page that sends nonsense only hurts itself: its credits run out.
                let Ok(message) = serde_json::from_str::<FromPage>(&text) else { continue };
                for (tile, count) in message.credit {
                    session.give_credit(tile, count);
                }
                if let Some(ack) = message.ack {
                    session.acknowledge(ack);
                }
            }
            batch = session.next_batch(&mut sent, IDLE_CHECK) => {
                if !batch.is_empty() && send(&mut outgoing, &batch).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Sends one batch as one message: fewer wake-ups of the page than a message each.
async fn send<E>(outgoing: &mut (impl Sink<Bytes, Error = E> + Unpin), batch: &[Bytes]) -> Result<(), ()> {
    let message = concat(batch);
    match tokio::time::timeout(SEND_TIMEOUT, outgoing.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// Messages back to back.
pub fn concat(batch: &[Bytes]) -> Bytes {
    if let [only] = batch {
        return only.clone();
    }
    let mut all = BytesMut::with_capacity(batch.iter().map(Bytes::len).sum());
    for message in batch {
        all.extend_from_slice(message);
    }
    all.freeze()
}

/// The query of a carrier request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarrierQuery {
    /// Session id.
    pub session: String,
    /// Last sequence number the page handled.
    pub after: u32,
    /// How long a poll may wait.
    pub wait: Duration,
    /// Credits: tile, count.
    pub credit: Vec<(u32, u32)>,
}

impl CarrierQuery {
    /// Reads `session=…&after=…&wait=…&credit=tile:count,…`. What cannot be read counts as absent.
    pub fn parse(query: &str) -> Self {
        let mut parsed = Self { wait: LONGEST_POLL, ..Self::default() };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "session" => value.clone_into(&mut parsed.session),
                "after" => parsed.after = value.parse().unwrap_or(0),
                "wait" => {
                    parsed.wait = Duration::from_millis(value.parse().unwrap_or(0)).min(LONGEST_POLL);
                }
                "credit" => {
                    let value = value.replace("%3A", ":").replace("%2C", ",");
                    parsed.credit = value
                        .split(',')
                        .filter_map(|pair| pair.split_once(':'))
                        .filter_map(|(tile, count)| Some((tile.parse().ok()?, count.parse().ok()?)))
                        .collect();
                }
                _ => {}
            }
        }
        parsed
    }
}

/// Answers one long poll; `None` when the session is not known (404).
pub async fn poll(sessions: &MediaSessions, query: &CarrierQuery) -> Option<Bytes> {
    let session = sessions.get(&query.session)?;
    for (tile, count) in &query.credit {
        session.give_credit(*tile, *count);
    }
    if query.wait.is_zero() {
        // A second poll beside the one that waits brings credits only: taking messages here would let the two answers
        // overtake each other.
        session.acknowledge(query.after);
        return Some(Bytes::new());
    }
    Some(concat(&session.poll(query.after, query.wait).await))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let read = CarrierQuery::parse("session=ab&after=7&wait=5000&credit=1:2,3:4,x:y,5");
        assert_eq!(read.session, "ab");
        assert_eq!(read.after, 7);
        assert_eq!(read.wait, LONGEST_POLL);
        assert_eq!(read.credit, [(1, 2), (3, 4)]);
        assert_eq!(CarrierQuery::parse("credit=1%3A2%2C3%3A4").credit, [(1, 2), (3, 4)]);
        assert_eq!(CarrierQuery::parse("").session, "");
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_sessions_go_though_nobody_comes() {
        let sessions = Arc::<MediaSessions>::default();
        let id = sessions.create().id().to_owned();
        let _sweeper = bartizan_base::OwnedTask::spawn(keep_swept(sessions.clone()));
        tokio::time::sleep(ABANDONED - Duration::from_millis(1)).await;
        assert!(sessions.get(&id).is_some());
        tokio::time::sleep(SWEEP_INTERVAL + Duration::from_millis(2)).await;
        assert!(sessions.get(&id).is_none());
    }
}
