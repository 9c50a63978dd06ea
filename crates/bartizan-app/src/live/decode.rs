//! Software decoding for one viewer: a thread with a bounded inbox between the hub and the viewer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use bartizan_base::Error;
use bartizan_decode::StreamDecoder;
use bartizan_media::AccessUnit;

use super::{
    hub::{DecodedPicture, StreamFormat, Viewer},
    machine::{Phase, StreamState},
    pace::Pace,
};

/// Access units waiting for the decoder, about two seconds. Beyond it the decoder is too slow and goes on at the next
/// random access point.
const INBOX: usize = 50;

/// Sits where a viewer of compressed pictures would, and gives decoded ones to the viewer behind it.
pub(crate) struct DecodingViewer {
    inner: Arc<dyn Viewer>,
    inbox: Option<SyncSender<AccessUnit>>,
    /// Set when units were lost on the way to the thread.
    overrun: AtomicBool,
    /// Each unit is decoded by itself.
    lone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DecodingViewer {
    pub(crate) fn start(inner: Arc<dyn Viewer>) -> std::io::Result<Self> {
        let (inbox, units) = sync_channel(INBOX);
        let viewer = inner.clone();
        let lone = Arc::new(AtomicBool::new(false));
        let is_lone = lone.clone();
        let thread = std::thread::Builder::new()
            .name("decode".into())
            .spawn(move || decode_loop(&units, viewer.as_ref(), &is_lone))?;
        Ok(Self { inner, inbox: Some(inbox), overrun: AtomicBool::new(false), lone, thread: Some(thread) })
    }
}

impl Drop for DecodingViewer {
    fn drop(&mut self) {
        // The thread ends when its inbox does. Not joined here: a drop may run on the runtime's threads, and one
        // picture's decoding is the longest the thread can live on.
        self.inbox = None;
        self.thread = None;
    }
}

impl Viewer for DecodingViewer {
    fn state(&self, state: &StreamState) {
        self.inner.state(state);
    }

    fn format(&self, format: &StreamFormat) {
        self.inner.format(format);
    }

    fn unit(&self, unit: &AccessUnit) {
        let Some(inbox) = &self.inbox else { return };
        let mut unit = unit.clone();
        if self.overrun.load(Ordering::Relaxed) {
            if !unit.random_access {
                return;
            }
            unit.discontinuity = true;
        }
        let full = matches!(inbox.try_send(unit), Err(TrySendError::Full(_)));
        self.overrun.store(full, Ordering::Relaxed);
    }

    fn picture(&self, _: DecodedPicture) {}

    fn wants_picture(&self) -> bool {
        false
    }

    fn pace(&self, pace: Pace) {
        self.lone.store(pace.is_lone(), Ordering::Relaxed);
    }
}

fn decode_loop(units: &Receiver<AccessUnit>, viewer: &dyn Viewer, lone: &AtomicBool) {
    let mut decoder = StreamDecoder::new();
    let mut failing = 0u32;
    while let Ok(unit) = units.recv() {
        match decoder.push_unit(&unit) {
            Ok(mut pictures) => {
                // What would be held back until the next picture comes is wanted now: that one is far away.
                if lone.load(Ordering::Relaxed) {
                    pictures.extend(decoder.flush());
                }
                // Only the newest of several is worth showing; and none while the viewer has no room.
                if let Some(timed) = pictures.into_iter().next_back() {
                    failing = 0;
                    if viewer.wants_picture() {
                        viewer.picture(DecodedPicture {
                            width: timed.picture.width,
                            height: timed.picture.height,
                            data: timed.picture.data,
                            pts_us: timed.pts_us,
                            arrival: unit.arrival,
                        });
                    }
                }
            }
            Err(error) => {
                failing += 1;
                tracing::debug!(%error, failing, "decode");
                // One torn picture is weather; several groups of them are a stream that this decoder cannot do.
                if failing == 3 || error.is_final() {
                    viewer.state(&StreamState {
                        phase: Phase::Failed,
                        error: Some(Error::from(error)),
                        retry_in: None,
                        attempt: 0,
                    });
                }
            }
        }
    }
}
