use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bartizan_base::{Clock, Code, Error, StreamId, UtcMicros};
use bartizan_http::{Exchange, Recorder};
use bartizan_rtsp::DescriptionRecorder;

/// Failures kept.
const FAILURES_KEPT: usize = 200;
/// Different questions to devices kept, each with its newest answer.
const ANSWERS_KEPT: usize = 400;
/// Bytes of answers kept.
const BYTES_KEPT: usize = 2 << 20;
/// Longest description kept, bytes; real ones have a few kilobytes.
const DESCRIPTION_KEPT: usize = 32 << 10;

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// When.
    pub at: UtcMicros,
    /// A command's name, or `live`.
    pub what: String,
    /// Which stream, where it was one.
    pub stream: Option<StreamId>,
    /// Why.
    pub code: Code,
    /// Technical wording, with real addresses.
    pub detail: String,
    /// How often in a row.
    pub times: u32,
}

/// What a device answered, with real addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// `rtsp` or `http`.
    pub protocol: &'static str,
    /// The exchange; for RTSP a DESCRIBE and its SDP.
    pub exchange: Exchange,
}

/// What failed lately, and what devices answered: bounded, in memory, never written anywhere by itself.
pub struct Journal {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    failures: VecDeque<Failed>,
    heard: VecDeque<Heard>,
    bytes: usize,
}

impl Journal {
    /// An empty journal.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command failed.
    pub fn command_failed(&self, name: &str, error: &Error) {
        self.failed(name.to_owned(), None, error);
    }

    /// A stream stalled or broke, or could not be opened.
    pub fn stream_failed(&self, stream: &StreamId, error: &Error) {
        self.failed("live".to_owned(), Some(stream.clone()), error);
    }

    fn failed(&self, what: String, stream: Option<StreamId>, error: &Error) {
        let at = self.clock.now();
        let mut inner = self.inner();
        let same = |old: &&mut Failed| {
            old.what == what
                && old.stream == stream
                && old.code == error.code()
                && old.detail == error.detail()
        };
        // A device that is off fails every few seconds in the same words.
        if let Some(old) = inner.failures.iter_mut().rev().take(32).find(same) {
            (old.at, old.times) = (at, old.times.saturating_add(1));
            return;
        }
        if inner.failures.len() == FAILURES_KEPT {
            inner.failures.pop_front();
        }
        let detail = error.detail().to_owned();
        inner.failures.push_back(Failed { at, what, stream, code: error.code(), detail, times: 1 });
    }

    fn hear(&self, heard: Heard) {
        let size = |heard: &Heard| heard.exchange.sent.len() + heard.exchange.received.len();
        let mut inner = self.inner();
        let same = |old: &Heard| {
            let (old, new) = (&old.exchange, &heard.exchange);
            old.peer == new.peer
                && old.method == new.method
                && old.path == new.path
                && old.sent == new.sent
                // A challenge and the answer after it are two things.
                && (old.status == 401) == (new.status == 401)
        };
        if let Some(at) = inner.heard.iter().position(same)
            && let Some(old) = inner.heard.remove(at)
        {
            inner.bytes -= size(&old);
        }
        inner.bytes += size(&heard);
        inner.heard.push_back(heard);
        while inner.heard.len() > ANSWERS_KEPT || inner.bytes > BYTES_KEPT {
            let Some(old) = inner.heard.pop_front() else { break };
            inner.bytes -= size(&old);
        }
    }

    /// Takes the stream descriptions of [`bartizan_rtsp::RtspOpener`].
    pub fn description_recorder(self: &Arc<Self>) -> DescriptionRecorder {
        let journal = self.clone();
        Arc::new(move |address, sdp| {
            let sdp = String::from_utf8_lossy(&sdp[..sdp.len().min(DESCRIPTION_KEPT)]).into_owned();
            let exchange = Exchange {
                peer: format!("{}:{}", address.host, address.port),
                method: "DESCRIBE",
                path: bartizan_http::shown_path(&address.path).into_owned(),
                sent: String::new(),
                status: 200,
                headers: vec![("Content-Type".to_owned(), "application/sdp".to_owned())],
                received: sdp,
            };
            journal.hear(Heard { protocol: "rtsp", exchange });
        })
    }

    /// The clock of this run.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Failures, oldest first.
    pub fn failures(&self) -> Vec<Failed> {
        self.inner().failures.iter().cloned().collect()
    }

    /// Answers, oldest first.
    pub fn heard(&self) -> Vec<Heard> {
        self.inner().heard.iter().cloned().collect()
    }
}

impl Recorder for Journal {
    fn record(&self, exchange: Exchange) {
        self.hear(Heard { protocol: "http", exchange });
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = self.inner();
        write!(f, "Journal({} failures, {} answers)", inner.failures.len(), inner.heard.len())
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::SystemClock;

    use super::*;

    fn exchange(path: &str, status: u16, received: String) -> Exchange {
        Exchange {
            peer: "10.0.0.8:80".into(),
            method: "GET",
            path: path.into(),
            sent: String::new(),
            status,
            headers: Vec::new(),
            received,
        }
    }

    #[test]
    fn the_same_failure_is_counted_and_the_newest_answer_kept() {
        let journal = Journal::new(Arc::new(SystemClock));
        for _ in 0..3 {
            journal.command_failed("devices.add", &Error::new(Code::Timeout, "x"));
        }
        journal.command_failed("devices.add", &Error::new(Code::Timeout, "y"));
        let failures = journal.failures();
        assert_eq!(failures.iter().map(|one| one.times).collect::<Vec<_>>(), [3, 1]);
        journal.record(exchange("/a", 401, String::new()));
        journal.record(exchange("/a", 200, "one".into()));
        journal.record(exchange("/a", 200, "two".into()));
        let heard = journal.heard();
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[1].exchange.received, "two");
    }

    #[test]
    fn nothing_grows_without_end() {
        let journal = Journal::new(Arc::new(SystemClock));
        for n in 0..3000 {
            journal.record(exchange(&format!("/{n}"), 200, "x".repeat(n * 20)));
            journal.command_failed(&format!("c{n}"), &Error::new(Code::Timeout, "x"));
        }
        let inner = journal.inner();
        let bytes: usize = inner.heard.iter().map(|one| one.exchange.received.len()).sum();
        assert_eq!(inner.bytes, bytes, "the count is right");
        assert!(inner.heard.len() <= ANSWERS_KEPT && bytes <= BYTES_KEPT);
        assert_eq!(inner.failures.len(), FAILURES_KEPT);
    }
}
