//! One stream to many viewers: state, format and pictures, with the current group of pictures for late joiners.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{StreamProfile, UtcMicros};
use bartizan_device::{ClockPoint, Transport};
use bartizan_media::{AccessUnit, GopBuffer, VideoInfo};
use tokio::sync::watch;

use super::{
    machine::{Phase, StreamState},
    mediaclock::MediaClock,
    pace::{Pace, PaceFilter},
    stream::GRACE,
};

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
    /// When the picture of time 0 was recorded, by our clock; `None` of live video.
    pub recorded: Option<UtcMicros>,
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
    pub arrival: UtcMicros,
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
    /// From now on it gets so many of the pictures; told before the first of them.
    fn pace(&self, _pace: Pace) {}
}

/// Bytes of compressed pictures kept per stream for late joiners: about 4 s of a 4 Mbit/s stream.
const GOP_LIMIT_BYTES: usize = 2 << 20;

/// The fan-out of one stream.
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    audience: watch::Sender<Audience>,
    phase: watch::Sender<Phase>,
    pub(crate) counters: Counters,
}

/// Who watches, and what becomes of the session when nobody does any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    pub viewers: usize,
    /// How long the session outlives the viewer who left last.
    pub grace: Duration,
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
    clock: MediaClock,
    viewers: Vec<Seat>,
    next_id: u64,
    retired: bool,
}

/// One viewer and what it gets.
struct Seat {
    id: u64,
    viewer: Arc<dyn Viewer>,
    /// Stays while the app is locked.
    lasting: bool,
    filter: PaceFilter,
}

impl Seat {
    fn unit(&mut self, unit: &AccessUnit) {
        if let Some(unit) = self.filter.pass(unit) {
            self.viewer.unit(&unit);
        }
    }
}

impl Inner {
    fn viewers(&self) -> impl Iterator<Item = &dyn Viewer> {
        self.viewers.iter().map(|seat| &*seat.viewer)
    }
}

impl Hub {
    pub(crate) fn new(state: StreamState) -> Self {
        // Idle is the end: at the beginning the first viewer is on its way.
        let phase = watch::Sender::new(Phase::Connecting);
        Self {
            phase,
            inner: Mutex::new(Inner {
                state,
                format: None,
                gop: GopBuffer::new(GOP_LIMIT_BYTES),
                clock: MediaClock::default(),
                viewers: Vec::new(),
                next_id: 0,
                retired: false,
            }),
            audience: watch::Sender::new(Audience { viewers: 0, grace: GRACE }),
            counters: Counters::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a viewer, first telling it everything it needs to show a picture at once. A `lasting` one stays while the
    /// app is locked. `None` when the hub is retired.
    pub(crate) fn add(&self, viewer: Arc<dyn Viewer>, lasting: bool) -> Option<u64> {
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
        inner.viewers.push(Seat { id, viewer, lasting, filter: PaceFilter::default() });
        self.audience.send_replace(Audience { viewers: inner.viewers.len(), grace: GRACE });
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

    /// A viewer leaves. `grace` is for a session that plays: one that waits for its device is not worth keeping
    /// longer than [`GRACE`].
    pub(crate) fn remove(&self, id: u64, grace: Duration) {
        let mut inner = self.lock();
        inner.viewers.retain(|seat| seat.id != id);
        let grace = if inner.state.phase == Phase::Playing { grace } else { grace.min(GRACE) };
        self.audience.send_replace(Audience { viewers: inner.viewers.len(), grace });
    }

    /// The app is locked: all viewers go but the lasting ones. False when there are none of those.
    pub(crate) fn keep_lasting(&self) -> bool {
        let mut inner = self.lock();
        inner.viewers.retain(|seat| seat.lasting);
        self.audience.send_replace(Audience { viewers: inner.viewers.len(), grace: Duration::ZERO });
        !inner.viewers.is_empty()
    }

    pub(crate) fn set_pace(&self, id: u64, pace: Pace) {
        let mut inner = self.lock();
        if let Some(seat) = inner.viewers.iter_mut().find(|seat| seat.id == id) {
            seat.viewer.pace(pace);
            seat.filter.set(pace);
        }
    }

    /// Gives one viewer the current group of pictures again. Without one, it waits for the next as a late joiner does.
    pub(crate) fn refresh(&self, id: u64) {
        let mut inner = self.lock();
        let Inner { gop, viewers, .. } = &mut *inner;
        if let Some(seat) = viewers.iter_mut().find(|seat| seat.id == id) {
            seat.filter.restart();
            gop.units().for_each(|unit| seat.unit(unit));
        }
    }

    /// Who watches, to be waited on.
    pub(crate) fn watch_audience(&self) -> watch::Receiver<Audience> {
        self.audience.subscribe()
    }

    pub(crate) fn viewer_count(&self) -> usize {
        self.audience.borrow().viewers
    }

    pub(crate) fn set_state(&self, state: StreamState) {
        let mut inner = self.lock();
        if inner.state == state {
            return;
        }
        for viewer in inner.viewers() {
            viewer.state(&state);
        }
        self.phase.send_replace(state.phase);
        inner.state = state;
    }

    /// Where the session stands, to be waited on.
    pub(crate) fn watch_phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// What is shown is a recording.
    pub(crate) fn is_recorded(&self) -> bool {
        self.lock().format.as_ref().is_some_and(|format| format.recorded.is_some())
    }

    /// How the pictures' clock lies to others.
    pub(crate) fn clock(&self) -> MediaClock {
        self.lock().clock.clone()
    }

    /// The device told what its clock says.
    pub(crate) fn clock_point(&self, point: ClockPoint) {
        self.lock().clock.report(point);
    }

    pub(crate) fn set_format(&self, format: StreamFormat) {
        let mut inner = self.lock();
        if inner.format.as_ref() == Some(&format) {
            return;
        }
        // Pictures of the old format are no use to a late joiner.
        inner.gop.clear();
        for viewer in inner.viewers() {
            viewer.format(&format);
        }
        inner.format = Some(format);
    }

    pub(crate) fn push(&self, unit: &AccessUnit) {
        self.counters.access_units.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(unit.data.len() as u64, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.clock.arrived(unit.pts_us, unit.arrival);
        inner.gop.push(unit);
        for seat in &mut inner.viewers {
            seat.unit(unit);
        }
    }

    /// The connection is gone: what is kept is too old for anyone who joins from now on.
    pub(crate) fn forget_pictures(&self) {
        let mut inner = self.lock();
        inner.gop.clear();
        // The next connection begins a new clock.
        inner.clock = MediaClock::default();
    }
}

#[cfg(test)]
mod tests {
    use bartizan_media::Codec;

    use super::*;
    use crate::live::Machine;

    #[derive(Default)]
    struct Recorder {
        units: Mutex<Vec<(i64, bool)>>,
        paces: Mutex<Vec<Pace>>,
    }

    impl Recorder {
        fn take(&self) -> Vec<(i64, bool)> {
            std::mem::take(&mut *self.units.lock().unwrap())
        }
    }

    impl Viewer for Recorder {
        fn state(&self, _: &StreamState) {}
        fn format(&self, _: &StreamFormat) {}
        fn unit(&self, unit: &AccessUnit) {
            self.units.lock().unwrap().push((unit.pts_us, unit.discontinuity));
        }
        fn picture(&self, _: DecodedPicture) {}
        fn wants_picture(&self) -> bool {
            true
        }
        fn pace(&self, pace: Pace) {
            self.paces.lock().unwrap().push(pace);
        }
    }

    fn unit(number: i64) -> AccessUnit {
        AccessUnit {
            codec: Codec::H264,
            data: bytes::Bytes::from_static(&[0]),
            pts_us: number,
            random_access: number % 5 == 0,
            discontinuity: false,
            arrival: UtcMicros(number * 200_000),
        }
    }

    #[test]
    fn each_viewer_has_its_own_pace_and_may_begin_again() {
        let hub = Hub::new(Machine::default().state());
        let (slow, whole) = (Arc::<Recorder>::default(), Arc::<Recorder>::default());
        let id = hub.add(slow.clone(), false).unwrap();
        hub.add(whole.clone(), false).unwrap();
        hub.set_pace(id, Pace::Keys);
        assert_eq!(*slow.paces.lock().unwrap(), [Pace::Keys]);
        (0..12).for_each(|number| hub.push(&unit(number)));
        assert_eq!(slow.take(), [(0, false), (5, false), (10, false)]);
        assert_eq!(whole.take().len(), 12);

        // A lost decoder gets the group that is under way, as far as its pace allows.
        hub.refresh(id);
        assert_eq!(slow.take(), [(10, true)]);
        hub.set_pace(id, Pace::Full);
        hub.refresh(id);
        hub.push(&unit(12));
        assert_eq!(slow.take(), [(10, true), (11, false), (12, false)]);

        // Without a group it waits for the next, as a late joiner does.
        hub.forget_pictures();
        hub.refresh(id);
        (13..17).for_each(|number| hub.push(&unit(number)));
        assert_eq!(slow.take(), [(15, true), (16, false)]);
        assert_eq!(whole.take().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [12, 13, 14, 15, 16]);
        hub.set_pace(99, Pace::Keys);
    }
}
