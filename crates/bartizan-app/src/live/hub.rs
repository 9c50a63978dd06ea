//! One stream to many viewers: state, format and pictures, with the current group of pictures for late joiners.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bartizan_base::StreamProfile;
use bartizan_device::Transport;
use bartizan_media::{AccessUnit, GopBuffer, VideoInfo};
use tokio::sync::watch;

use super::machine::StreamState;

/// What the following pictures are.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamFormat {
    /// From the parameter sets.
    pub video: VideoInfo,
    /// Nominal rate, Hz: the parameter sets', else the stream description's.
    pub frame_rate: Option<f64>,
    /// How the device sends it.
    pub transport: Transport,
    /// Which encoding of the channel it is.
    pub profile: StreamProfile,
}

/// A decoded picture: I420 without padding.
#[derive(Clone, Debug)]
pub struct DecodedPicture {
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Y, U, V planes: `width * height * 3 / 2` bytes.
    pub data: bytes::Bytes,
    /// Of the access unit it came from, or the nearest before it.
    pub pts_us: i64,
    /// Arrival of that access unit.
    pub arrival: bartizan_base::UtcMicros,
}

/// Receives what happens to a stream. Called with a lock held and from the stream's task: it must be quick and must
/// not call back.
pub trait Viewer: Send + Sync {
    /// The session's state changed.
    fn state(&self, state: &StreamState);
    /// What follows is of this format.
    fn format(&self, format: &StreamFormat);
    /// A compressed picture, in decoding order. Bounding and dropping is the viewer's part.
    fn unit(&self, unit: &AccessUnit);
    /// A decoded picture; only for viewers that asked for pictures.
    fn picture(&self, picture: DecodedPicture);
    /// False while the viewer would throw a decoded picture away.
    fn wants_picture(&self) -> bool;
}

/// Bytes of compressed pictures kept per stream for late joiners: about 4 s of a 4 Mbit/s stream.
const GOP_LIMIT_BYTES: usize = 2 << 20;

/// The fan-out of one stream.
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    viewers: watch::Sender<usize>,
    pub(crate) counters: Counters,
}

/// Counters since the stream session was made.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub access_units: AtomicU64,
    pub bytes: AtomicU64,
    pub reconnects: AtomicU64,
}

struct Inner {
    state: StreamState,
    format: Option<StreamFormat>,
    gop: GopBuffer,
    viewers: Vec<(u64, Arc<dyn Viewer>)>,
    next_id: u64,
    retired: bool,
}

impl Hub {
    pub(crate) fn new(state: StreamState) -> Self {
        Self {
            inner: Mutex::new(Inner {
                state,
                format: None,
                gop: GopBuffer::new(GOP_LIMIT_BYTES),
                viewers: Vec::new(),
                next_id: 0,
                retired: false,
            }),
            viewers: watch::Sender::new(0),
            counters: Counters::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a viewer, first telling it everything it needs to show a picture at once. `None` when the hub is
    /// retired.
    pub(crate) fn add(&self, viewer: Arc<dyn Viewer>) -> Option<u64> {
        let mut inner = self.lock();
        if inner.retired {
            return None;
        }
        viewer.state(&inner.state);
        if let Some(format) = &inner.format {
            viewer.format(format);
            for unit in inner.gop.units() {
                viewer.unit(unit);
            }
        }
        let id = inner.next_id;
        inner.next_id += 1;
        inner.viewers.push((id, viewer));
        self.viewers.send_replace(inner.viewers.len());
        Some(id)
    }

    /// Closes the hub to new viewers, unless it has one. True when retired.
    pub(crate) fn retire(&self) -> bool {
        let mut inner = self.lock();
        inner.retired = inner.viewers.is_empty();
        inner.retired
    }

    /// True once no viewer can join any more.
    pub(crate) fn is_retired(&self) -> bool {
        self.lock().retired
    }

    pub(crate) fn remove(&self, id: u64) {
        let mut inner = self.lock();
        inner.viewers.retain(|(other, _)| *other != id);
        self.viewers.send_replace(inner.viewers.len());
    }

    /// The number of viewers, to be waited on.
    pub(crate) fn watch_viewers(&self) -> watch::Receiver<usize> {
        self.viewers.subscribe()
    }

    pub(crate) fn viewer_count(&self) -> usize {
        *self.viewers.borrow()
    }

    pub(crate) fn set_state(&self, state: StreamState) {
        let mut inner = self.lock();
        if inner.state == state {
            return;
        }
        for (_, viewer) in &inner.viewers {
            viewer.state(&state);
        }
        inner.state = state;
    }

    pub(crate) fn set_format(&self, format: StreamFormat) {
        let mut inner = self.lock();
        if inner.format.as_ref() == Some(&format) {
            return;
        }
        // Pictures of the old format are no use to a late joiner.
        inner.gop.clear();
        for (_, viewer) in &inner.viewers {
            viewer.format(&format);
        }
        inner.format = Some(format);
    }

    pub(crate) fn push(&self, unit: &AccessUnit) {
        self.counters.access_units.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(unit.data.len() as u64, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.gop.push(unit);
        for (_, viewer) in &inner.viewers {
            viewer.unit(unit);
        }
    }

    /// The connection is gone: what is kept is too old for anyone who joins from now on.
    pub(crate) fn forget_pictures(&self) {
        self.lock().gop.clear();
    }
}
