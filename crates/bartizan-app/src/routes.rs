//! Which of a device's ways is in use.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_base::DeviceId;
use bartizan_device::DEFAULT_RTSP_PORT;
use bartizan_store::{DeviceRow, RouteRow};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    net::TcpStream,
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep, timeout},
};

use crate::adding::HEAD_START;

/// How long one way may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// A choice this young stands: a wall of sixteen tiles asks once.
const FRESH: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
struct Choice {
    place: usize,
    at: Instant,
}

/// Chooses by trying all ways at once, the better with a head start, and remembers.
#[derive(Debug, Default)]
pub struct RouteChooser {
    choices: Mutex<HashMap<DeviceId, Arc<AsyncMutex<Option<Choice>>>>>,
    known: Mutex<HashMap<DeviceId, usize>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RouteChooser {
    /// The place of the way that was used last; the first when none was needed yet.
    pub fn in_use(&self, device: &DeviceRow) -> usize {
        lock(&self.known).get(&device.id).copied().unwrap_or(0).min(device.routes.len().saturating_sub(1))
    }

    /// The way to use now. With one way there is no choice; with several, none answering, it is the first, whose
    /// failure then tells why.
    pub async fn choose(&self, device: &DeviceRow) -> usize {
        if device.routes.len() < 2 {
            return 0;
        }
        let slot = lock(&self.choices).entry(device.id.clone()).or_default().clone();
        let mut choice = slot.lock().await;
        if let Some(made) = *choice
            && made.at.elapsed() < FRESH
            && made.place < device.routes.len()
        {
            return made.place;
        }
        let place = first_open(&device.routes).await.unwrap_or(0);
        *choice = Some(Choice { place, at: Instant::now() });
        let before = lock(&self.known).insert(device.id.clone(), place);
        if before != Some(place) {
            tracing::info!(device = %device.id, place, "way to the device chosen");
        }
        place
    }

    /// The network or the device changed: the next use chooses anew.
    pub fn forget(&self) {
        lock(&self.choices).clear();
    }
}

async fn first_open(routes: &[RouteRow]) -> Option<usize> {
    let mut tried: FuturesUnordered<_> = routes
        .iter()
        .enumerate()
        .map(|(place, route)| async move {
            sleep(HEAD_START * u32::try_from(place).unwrap_or(0)).await;
            let to = (route.host.as_str(), route.rtsp.unwrap_or(DEFAULT_RTSP_PORT));
            let open = timeout(CONNECT_LIMIT, TcpStream::connect(to)).await;
            open.ok()?.ok().map(|_| place)
        })
        .collect();
    while let Some(outcome) = tried.next().await {
        if outcome.is_some() {
            return outcome;
        }
    }
    None
}
