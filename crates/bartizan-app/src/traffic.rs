//! Counts received bytes per device and month, and knows whether the network costs by the byte.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{Clock, DeviceId, OwnedTask, Result, UtcMicros};
use bartizan_store::{Store, TrafficRow};

/// How often what was counted is stored: what a killed program can forget.
pub const FLUSH_EVERY: Duration = Duration::from_secs(15);

/// The counter. Video, sound and still pictures count; what wraps them on the way (about 3 %) does not.
pub struct Traffic {
    counting: Arc<Counting>,
    flusher: OnceLock<OwnedTask>,
}

struct Counting {
    store: Store,
    clock: Arc<dyn Clock>,
    metered: AtomicBool,
    /// Received since the last flush.
    taps: Mutex<HashMap<DeviceId, Arc<AtomicU64>>>,
    /// One flush at a time, so that no report misses what another flush holds.
    flushing: tokio::sync::Mutex<()>,
}

/// What came in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficReport {
    /// `YYYY-MM`, UTC.
    pub month: String,
    /// The months of which anything is known, newest first.
    pub months: Vec<String>,
    /// The network costs by the byte now.
    pub metered: bool,
    /// By device and kind of network, most first.
    pub rows: Vec<TrafficRow>,
}

impl Traffic {
    /// A counter that takes the network for free until told otherwise.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let counting = Counting {
            store,
            clock,
            metered: AtomicBool::new(false),
            taps: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
        };
        Self { counting: Arc::new(counting), flusher: OnceLock::new() }
    }

    /// Where a stream adds the bytes that came from a device. Must run inside the runtime.
    pub fn tap(&self, device: &DeviceId) -> Arc<AtomicU64> {
        self.flusher.get_or_init(|| {
            let counting = self.counting.clone();
            OwnedTask::spawn(async move {
                loop {
                    tokio::time::sleep(FLUSH_EVERY).await;
                    if let Err(error) = counting.flush().await {
                        tracing::warn!(%error, "the bytes received could not be stored");
                    }
                }
            })
        });
        self.counting.taps().entry(device.clone()).or_default().clone()
    }

    /// Whether the network costs by the byte now.
    pub fn is_metered(&self) -> bool {
        self.counting.metered.load(Ordering::Relaxed)
    }

    /// The platform tells what kind of network it is on; what came until now counts as the kind before.
    pub async fn set_metered(&self, metered: bool) -> Result<()> {
        if metered == self.is_metered() {
            return Ok(());
        }
        let stored = self.counting.flush().await;
        self.counting.metered.store(metered, Ordering::Relaxed);
        stored
    }

    /// What came in a month (`YYYY-MM`), or in the present one.
    pub async fn report(&self, month: Option<String>) -> Result<TrafficReport> {
        self.flush().await?;
        let present = month_of(self.counting.clock.now());
        let month = month.unwrap_or_else(|| present.clone());
        let mut months = self.counting.store.traffic_months().await?;
        if !months.contains(&present) {
            months.insert(0, present);
        }
        let rows = self.counting.store.traffic(&month).await?;
        Ok(TrafficReport { month, months, metered: self.is_metered(), rows })
    }

    /// Stores what was counted.
    pub async fn flush(&self) -> Result<()> {
        self.counting.flush().await
    }
}

impl Counting {
    fn taps(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceId, Arc<AtomicU64>>> {
        self.taps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn flush(&self) -> Result<()> {
        let _alone = self.flushing.lock().await;
        let metered = self.metered.load(Ordering::Relaxed);
        let month = month_of(self.clock.now());
        let mut rows = Vec::new();
        {
            let mut taps = self.taps();
            for (device, tap) in taps.iter() {
                let bytes = tap.swap(0, Ordering::Relaxed);
                if bytes > 0 {
                    rows.push(TrafficRow { device: device.clone(), month: month.clone(), metered, bytes });
                }
            }
            // Nobody counts into it any more, and nothing is in it.
            taps.retain(|_, tap| Arc::strong_count(tap) > 1 || tap.load(Ordering::Relaxed) > 0);
        }
        if rows.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.store.add_traffic(rows.clone()).await {
            // Counted again at the next flush: the disk may have room by then.
            for row in rows {
                self.taps().entry(row.device).or_default().fetch_add(row.bytes, Ordering::Relaxed);
            }
            return Err(error.into());
        }
        Ok(())
    }
}

/// `YYYY-MM` in UTC.
fn month_of(at: UtcMicros) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use bartizan_store::Vault;

    use super::*;

    struct Turned(AtomicI64);

    impl Clock for Turned {
        fn now(&self) -> UtcMicros {
            UtcMicros(self.0.load(Ordering::Relaxed))
        }
    }

    const NOVEMBER_30: i64 = 1_796_083_199_000_000; // 2026-11-30T23:59:59Z

    fn row(device: &DeviceId, month: &str, metered: bool, bytes: u64) -> TrafficRow {
        TrafficRow { device: device.clone(), month: month.into(), metered, bytes }
    }

    #[tokio::test]
    async fn bytes_count_for_the_month_and_the_network_they_came_in() {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let clock = Arc::new(Turned(AtomicI64::new(NOVEMBER_30)));
        let traffic = Traffic::new(store, clock.clone());
        let device = DeviceId::from_string("yard");
        let tap = traffic.tap(&device);
        tap.fetch_add(100, Ordering::Relaxed);
        traffic.tap(&device).fetch_add(1, Ordering::Relaxed);
        traffic.set_metered(true).await.unwrap();
        tap.fetch_add(30, Ordering::Relaxed);
        let november = traffic.report(None).await.unwrap();
        assert!(november.metered);
        assert_eq!(november.rows, [row(&device, "2026-11", false, 101), row(&device, "2026-11", true, 30)]);

        clock.0.fetch_add(1_000_000, Ordering::Relaxed);
        let december = traffic.report(None).await.unwrap();
        assert_eq!((december.month.as_str(), december.rows), ("2026-12", vec![]));
        assert_eq!(december.months, ["2026-12", "2026-11"]);
        tap.fetch_add(2, Ordering::Relaxed);
        assert_eq!(traffic.report(None).await.unwrap().rows, [row(&device, "2026-12", true, 2)]);
        let again = traffic.report(Some("2026-11".into())).await.unwrap();
        assert_eq!(again.rows, november.rows);
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_not_lost() {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let traffic = Traffic::new(store.clone(), Arc::new(Turned(AtomicI64::new(0))));
        traffic.tap(&DeviceId::from_string("yard")).fetch_add(7, Ordering::Relaxed);
        store.close().await;
        assert!(traffic.flush().await.is_err());
        let tap = traffic.tap(&DeviceId::from_string("yard"));
        assert_eq!(tap.load(Ordering::Relaxed), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_stored_without_anyone_asking() {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let traffic = Traffic::new(store.clone(), Arc::new(Turned(AtomicI64::new(0))));
        let tap = traffic.tap(&DeviceId::from_string("yard"));
        tap.fetch_add(7, Ordering::Relaxed);
        // The store's thread does not know of the paused time, so one turn may be too early to see it.
        for _ in 0..100 {
            tokio::time::sleep(FLUSH_EVERY).await;
            if !store.traffic("1970-01").await.unwrap().is_empty() {
                return;
            }
        }
        panic!("never stored");
    }
}
