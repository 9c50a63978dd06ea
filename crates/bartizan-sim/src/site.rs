use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bartizan_base::{OwnedTask, StreamProfile};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    config::SiteConfig,
    connection::Connection,
    ear::Call,
    fault::{Fault, FaultBoard, FaultScript},
    feed::Feeds,
    outgoing::Outgoing,
    replay::Replay,
    track::SharedTrack,
};

/// Delay of one-shot faults set without one.
const ONE_SHOT_AFTER: Duration = Duration::from_millis(500);
/// How often sessions are looked over for expiry.
const REAP_INTERVAL: Duration = Duration::from_millis(200);
/// A small send buffer, as cameras have: what a slow reader misses must be seen here, not sit in the kernel.
const SEND_BUFFER: u32 = 256 * 1024;
const BACKLOG: u32 = 1024;

/// Counters of a site since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SiteStats {
    /// Sessions between their first SETUP and their end.
    pub open_sessions: usize,
    /// TCP connections accepted.
    pub connections: u64,
    /// Descriptions given (DESCRIBE answered 200).
    pub describes: u64,
    /// PLAY answered 200.
    pub plays: u64,
    /// Sessions of recordings that were played.
    pub replays: u64,
    /// TEARDOWN answered 200.
    pub teardowns: u64,
    /// Sessions ended for want of a keep-alive.
    pub expired: u64,
    /// Requests with a wrong `Authorization`.
    pub auth_failures: u64,
    /// TCP connections open now.
    pub open_connections: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub connections: AtomicU64,
    pub describes: AtomicU64,
    pub plays: AtomicU64,
    pub replays: AtomicU64,
    pub teardowns: AtomicU64,
    pub expired: AtomicU64,
    pub auth_failures: AtomicU64,
    pub open_connections: AtomicUsize,
}

/// One RTSP session (RFC 2326 §1.3).
pub(crate) struct Session {
    pub channel: u16,
    pub profile: StreamProfile,
    /// Video and audio, where set up.
    pub tracks: [Option<SharedTrack>; 2],
    pub player: Option<OwnedTask>,
    /// First PLAY, where its RTP time begins.
    pub origin: Option<Instant>,
    pub last_request: Instant,
    /// The connection that set it up, and whether media runs on it.
    pub connection: u64,
    pub out: Weak<Outgoing>,
    pub interleaved: bool,
    /// The backchannel: the channel number of its RTP, and who listens.
    pub call: Option<(u8, Call)>,
    /// What of a recording it plays; `None`: live.
    pub replay: Option<Replay>,
}

/// What connections, players and the site have in common.
pub(crate) struct Shared {
    pub config: SiteConfig,
    pub addr: SocketAddr,
    pub feeds: Arc<Feeds>,
    pub faults: FaultBoard,
    pub counters: Counters,
    /// `None` once the site is closed.
    sessions: Mutex<Option<HashMap<String, Session>>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<HashMap<String, Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a session unless the site is full or closed.
    pub fn open(&self, id: String, session: Session) -> bool {
        match self.lock().as_mut() {
            Some(sessions) if sessions.len() < self.config.session_limit => {
                sessions.insert(id, session);
                true
            }
            _ => false,
        }
    }

    /// Works on a session and counts as a sign of life from its client.
    pub fn with<T>(&self, id: &str, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut sessions = self.lock();
        let session = sessions.as_mut()?.get_mut(id)?;
        session.last_request = Instant::now();
        Some(work(session))
    }

    pub fn close(&self, id: &str) -> Option<Session> {
        self.lock().as_mut()?.remove(id)
    }

    /// Speech on a connection's interleaved channel, RTP header and all; only RTP without extensions is understood.
    pub fn hear(&self, connection: u64, channel: u8, packet: &[u8]) {
        let sessions = self.lock();
        let mut of_it = sessions.iter().flat_map(HashMap::values).filter(|one| one.connection == connection);
        let call = of_it.find_map(|one| one.call.as_ref().filter(|(number, _)| *number == channel));
        if let (Some((_, call)), Some(payload)) = (call, packet.get(12..)) {
            call.hear(payload);
        }
    }

    /// Whether a connection still carries a session.
    pub fn has_sessions_of(&self, connection: u64) -> bool {
        self.lock().as_ref().is_some_and(|all| all.values().any(|one| one.connection == connection))
    }

    /// Ends what cannot go on without its connection: interleaved sessions, and those that never played.
    pub fn connection_ended(&self, connection: u64) {
        if let Some(sessions) = self.lock().as_mut() {
            sessions.retain(|_, session| {
                session.connection != connection || (!session.interleaved && session.player.is_some())
            });
        }
    }

    /// Ends a session and its connection by RST.
    pub fn reset(&self, id: &str) {
        if let Some(session) = self.close(id)
            && let Some(out) = session.out.upgrade()
        {
            out.close(true);
        }
    }

    /// Ends a session that has nothing more to send, and its connection with it.
    pub fn finish(&self, id: &str) {
        if let Some(session) = self.close(id)
            && let Some(out) = session.out.upgrade()
        {
            out.end();
        }
    }

    /// Ends sessions whose client has been silent for too long.
    pub fn expire(&self, now: Instant) {
        let mut ended = Vec::new();
        if let Some(sessions) = self.lock().as_mut() {
            let timeout = self.config.session_timeout;
            let silent = |session: &Session| now.saturating_duration_since(session.last_request) > timeout;
            ended.extend(sessions.extract_if(|_, session| silent(session)).map(|(_, session)| session));
        }
        for session in ended {
            self.counters.expired.fetch_add(1, Relaxed);
            // Devices close the connection too; a client on TCP learns of the end by that.
            if session.interleaved
                && let Some(out) = session.out.upgrade()
            {
                out.close(false);
            }
        }
    }

    fn end(&self) {
        // Dropping a session drops its player; outside the lock, which the players use.
        let sessions = self.lock().take();
        drop(sessions);
    }
}

/// A running site. Dropping it stops everything.
pub struct Site {
    shared: Arc<Shared>,
    closing: watch::Sender<bool>,
    accept: Option<OwnedTask>,
    _reaper: OwnedTask,
    script: Mutex<Option<OwnedTask>>,
}

impl Site {
    /// Starts listening. A clip site reads or encodes its clips first.
    pub async fn start(config: SiteConfig) -> io::Result<Self> {
        let (source, gop, unit) = (config.source.clone(), config.gop, config.unit.clone());
        let feeds = tokio::task::spawn_blocking(move || Feeds::prepare(source, gop, unit))
            .await
            .map_err(io::Error::other)??;
        let wanted = SocketAddr::new(config.bind, config.port);
        let socket = if wanted.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(wanted)?;
        let listener = socket.listen(BACKLOG)?;
        let shared = Arc::new(Shared {
            config,
            addr: listener.local_addr()?,
            feeds: Arc::new(feeds),
            faults: FaultBoard::default(),
            counters: Counters::default(),
            sessions: Mutex::new(Some(HashMap::new())),
        });
        let (closing, closed) = watch::channel(false);
        let accept = OwnedTask::spawn(accept(shared.clone(), listener, closed));
        let reaper = OwnedTask::spawn(reap(shared.clone()));
        Ok(Self { shared, closing, accept: Some(accept), _reaper: reaper, script: Mutex::default() })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// The stream's URL without login.
    pub fn url(&self, channel: u16, profile: StreamProfile) -> String {
        format!("rtsp://{}{}", self.addr(), path(channel, profile))
    }

    /// The stream's URL with login. Never log it.
    pub fn url_with_credentials(&self, channel: u16, profile: StreamProfile) -> String {
        let config = &self.shared.config;
        if config.user.is_empty() {
            return self.url(channel, profile);
        }
        let login = format!("{}:{}", percent_encode(&config.user), percent_encode(config.password.expose()));
        format!("rtsp://{login}@{}{}", self.addr(), path(channel, profile))
    }

    /// Switches a fault on or off, for one channel or the whole site. A channel's own fault hides the site's.
    ///
    /// One-shot faults strike each session half a second after this call or after its PLAY, whichever is later.
    pub fn set_fault(&self, channel: Option<u16>, fault: Option<Fault>) {
        self.set_fault_after(channel, fault, ONE_SHOT_AFTER);
    }

    /// As [`set_fault`](Self::set_fault), with another delay for one-shot faults.
    pub fn set_fault_after(&self, channel: Option<u16>, fault: Option<Fault>, after: Duration) {
        self.shared.faults.set(channel, fault, after);
    }

    /// Runs a script from now on, in place of one that is running.
    pub fn run_script(&self, script: FaultScript) {
        let task = OwnedTask::spawn(run_script(self.shared.clone(), script));
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Counters up to now.
    pub fn stats(&self) -> SiteStats {
        let counters = &self.shared.counters;
        SiteStats {
            open_sessions: self.shared.lock().as_ref().map_or(0, HashMap::len),
            connections: counters.connections.load(Relaxed),
            describes: counters.describes.load(Relaxed),
            plays: counters.plays.load(Relaxed),
            replays: counters.replays.load(Relaxed),
            teardowns: counters.teardowns.load(Relaxed),
            expired: counters.expired.load(Relaxed),
            auth_failures: counters.auth_failures.load(Relaxed),
            open_connections: counters.open_connections.load(Relaxed),
        }
    }

    /// Ends every session and connection and waits until all tasks and encoder threads are gone.
    pub async fn shutdown(mut self) {
        self.shared.end();
        self.closing.send_replace(true);
        if let Some(accept) = self.accept.take() {
            accept.join().await;
        }
        let feeds = self.shared.feeds.clone();
        // It cannot fail but by a panic, which has been printed.
        let _ = tokio::task::spawn_blocking(move || feeds.join()).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn path(channel: u16, profile: StreamProfile) -> String {
    let profile = match profile {
        StreamProfile::Main => "main",
        StreamProfile::Sub => "sub",
    };
    format!("/ch{channel}/{profile}")
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, mut closed: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let number = shared.counters.connections.fetch_add(1, Relaxed);
                if let Ok(connection) = Connection::new(shared.clone(), stream, number) {
                    connections.spawn(connection.run());
                }
            }
            // Out of descriptors, for instance: let others end first.
            Err(error) => {
                tracing::warn!(%error, "accept");
                tokio::time::sleep(REAP_INTERVAL).await;
            }
        }
    }
    connections.shutdown().await;
}

async fn reap(shared: Arc<Shared>) {
    let mut ticks = interval(REAP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.expire(Instant::now());
    }
}

async fn run_script(shared: Arc<Shared>, script: FaultScript) {
    let start = Instant::now();
    let mut changes = Vec::new();
    for step in script.0 {
        changes.push((step.at_ms, step.channel, Some(step.fault)));
        changes.push((step.at_ms + step.duration_ms, step.channel, None));
    }
    // At the same moment an end comes before a beginning.
    changes.sort_by_key(|(at_ms, _, fault)| (*at_ms, fault.is_some()));
    for (at_ms, channel, fault) in changes {
        sleep_until(start + Duration::from_millis(at_ms)).await;
        tracing::info!(at_ms, ?channel, fault = fault.map(Fault::name), "script");
        shared.faults.set(channel, fault, ONE_SHOT_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_in_urls() {
        assert_eq!(percent_encode("a-Z.9_~"), "a-Z.9_~");
        assert_eq!(percent_encode("p@ss:/ü"), "p%40ss%3A%2F%C3%BC");
    }
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod server;
