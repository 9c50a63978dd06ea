//! The session that a recording is played in, which is hung up whichever way it ends.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bartizan_base::OwnedTask;
use rtsp_types::{Data, Method};
use tokio::{runtime::Handle, time::timeout};
use url::Url;

use crate::{control::Control, stream::TEARDOWN_TIMEOUT};

/// A session with the device. Dropped, it is torn down in the background.
pub(super) struct DeviceSession {
    /// Taken by whoever hangs up.
    control: Option<Box<Control>>,
    /// Request URL of the whole.
    pub(super) presentation: Url,
    /// Where RTP and RTCP come.
    pub(super) channels: (u8, u8),
    /// Packets that came while the first picture was waited for.
    pub(super) first: VecDeque<Data<Vec<u8>>>,
}

impl DeviceSession {
    pub(super) fn new(control: Control, presentation: Url, channels: (u8, u8)) -> Self {
        Self { control: Some(Box::new(control)), presentation, channels, first: VecDeque::new() }
    }

    pub(super) fn control(&mut self) -> &mut Control {
        self.control.as_mut().expect("only hanging up takes it, which takes the session")
    }

    pub(super) fn keep_alive(&self) -> Duration {
        self.control.as_ref().map_or(Duration::MAX, |control| control.keep_alive())
    }

    pub(super) fn take_first(&mut self) -> VecDeque<Data<Vec<u8>>> {
        std::mem::take(&mut self.first)
    }

    /// Tells the device that it is over, and waits a bounded time for it to agree.
    pub(super) async fn tear_down(mut self) {
        if let Some(control) = self.control.take() {
            farewell(control, self.presentation.clone()).await;
        }
    }
}

impl Drop for DeviceSession {
    fn drop(&mut self) {
        if let Some(control) = self.control.take() {
            outlive(farewell(control, self.presentation.clone()));
        }
    }
}

async fn farewell(mut control: Box<Control>, presentation: Url) {
    // Best effort: the connection ends in any case, and the device's own session time-out is the last resort.
    let _ = timeout(TEARDOWN_TIMEOUT, control.ask(Method::Teardown, &presentation, &[])).await;
}

/// Runs to its end what bounds itself, though its owner is going: until then the task owns itself.
fn outlive(end: impl Future<Output = ()> + Send + 'static) {
    // Without a runtime the program is ending, and its connections with it.
    if Handle::try_current().is_err() {
        return;
    }
    let slot = Arc::new(Mutex::new(None));
    let own = slot.clone();
    let task = OwnedTask::spawn(async move {
        end.await;
        drop(own);
    });
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
}
