//! What happens to the machine under the app: it sleeps and wakes, and its networks come and go.
//!
//! Both are found out by looking every two seconds. A look costs some 0.1 ms and works on every platform alike, while the
//! systems' own notices do not: Android refuses route sockets to apps, and a sleep is told to native code alone.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bartizan_base::{Clock, OwnedTask, UtcMicros};
use tokio::time::{Instant, sleep};

use crate::{control::Control, devices::DeviceBook, live::Live};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The clock of the wall has run ahead of the steady one by more than this: the machine slept. Smaller jumps are the
/// clock being set right, and sessions live through sleeps as short.
const SLEPT: Duration = Duration::from_secs(5);
/// A second notice of the same change: the page tells of it and so do we.
const SAME_CHANGE: Duration = Duration::from_secs(1);

/// Everything that a change of the network concerns.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) book: Arc<DeviceBook>,
    pub(crate) control: Arc<Control>,
    pub(crate) live: Arc<Live>,
    changed_at: Arc<Mutex<Option<Instant>>>,
}

impl Connected {
    pub(crate) fn new(book: Arc<DeviceBook>, control: Arc<Control>, live: Arc<Live>) -> Self {
        Self { book, control, live, changed_at: Arc::default() }
    }

    /// The network is another one, or the machine slept: nothing that was connected is trusted.
    pub(crate) fn changed(&self) {
        let now = Instant::now();
        let before = self.changed_at.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        if before.is_some_and(|before| now.saturating_duration_since(before) < SAME_CHANGE) {
            return self.gained();
        }
        self.book.routes().forget();
        self.control.drivers().forget_all();
        self.live.network_changed();
    }

    /// One more network is there: what works goes on, what waits tries now.
    pub(crate) fn gained(&self) {
        self.book.routes().forget();
        self.live.network_gained();
    }
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noticed {
    /// The machine slept for about so long.
    Woke(Duration),
    /// An address is gone, and with it what was connected from there.
    Lost,
    /// There are more addresses than before.
    Gained,
}

/// Compares one look with the last.
#[derive(Debug)]
struct Sense {
    steady: Instant,
    wall: UtcMicros,
    networks: BTreeSet<IpAddr>,
}

impl Sense {
    fn look(
        &mut self,
        steady: Instant,
        wall: UtcMicros,
        networks: Option<BTreeSet<IpAddr>>,
    ) -> Option<Noticed> {
        let ran = steady.saturating_duration_since(self.steady);
        let slept = wall.since(self.wall).saturating_sub(ran);
        (self.steady, self.wall) = (steady, wall);
        let (mut lost, mut gained) = (false, false);
        if let Some(networks) = networks {
            lost = !self.networks.is_subset(&networks);
            gained = !networks.is_subset(&self.networks);
            self.networks = networks;
        }
        if slept > SLEPT {
            Some(Noticed::Woke(slept))
        } else if lost {
            Some(Noticed::Lost)
        } else {
            gained.then_some(Noticed::Gained)
        }
    }
}

/// Where this machine is on a network: its addresses, of IPv6 the network part, since the rest of a private address
/// changes every day without a connection breaking. `None` where the system does not tell.
fn networks() -> Option<BTreeSet<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    Some(interfaces.iter().filter(|one| !one.is_loopback()).filter_map(|one| network(one.ip())).collect())
}

fn network(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => (!v4.is_link_local() && !v4.is_loopback()).then_some(address),
        IpAddr::V6(v6) => {
            let head = u128::from(v6) & !u128::from(u64::MAX);
            (!v6.is_unicast_link_local() && !v6.is_loopback()).then(|| IpAddr::V6(head.into()))
        }
    }
}

/// Looks for as long as the task is held.
pub(crate) fn watch(connected: Connected, clock: Arc<dyn Clock>) -> OwnedTask {
    OwnedTask::spawn(async move {
        let mut sense =
            Sense { steady: Instant::now(), wall: clock.now(), networks: networks().unwrap_or_default() };
        loop {
            sleep(LOOK_EVERY).await;
            match sense.look(Instant::now(), clock.now(), networks()) {
                Some(Noticed::Woke(slept)) => {
                    tracing::info!(?slept, "the machine slept");
                    connected.changed();
                }
                Some(Noticed::Lost) => {
                    tracing::info!("a network is gone");
                    connected.changed();
                }
                Some(Noticed::Gained) => {
                    tracing::info!("a network is new");
                    connected.gained();
                }
                None => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(addresses: &[&str]) -> Option<BTreeSet<IpAddr>> {
        Some(addresses.iter().filter_map(|one| network(one.parse().expect("an address"))).collect())
    }

    fn sense(addresses: &[&str]) -> Sense {
        Sense { steady: Instant::now(), wall: UtcMicros(0), networks: set(addresses).unwrap_or_default() }
    }

    /// Another look after `ran` of the steady clock and `passed` of the wall's.
    fn look(sense: &mut Sense, ran: u64, passed: i64, addresses: &[&str]) -> Option<Noticed> {
        let steady = sense.steady + Duration::from_secs(ran);
        let wall = UtcMicros(sense.wall.0 + passed * 1_000_000);
        sense.look(steady, wall, set(addresses))
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_shows_in_the_clocks() {
        let mut sense = sense(&["192.0.2.7"]);
        assert_eq!(look(&mut sense, 2, 2, &["192.0.2.7"]), None);
        assert_eq!(look(&mut sense, 40, 40, &["192.0.2.7"]), None, "a busy machine is not a sleeping one");
        assert_eq!(look(&mut sense, 2, -3600, &["192.0.2.7"]), None, "a clock that is set back");
        assert_eq!(look(&mut sense, 2, 6, &["192.0.2.7"]), None, "a clock that is set right");
        assert_eq!(
            look(&mut sense, 2, 602, &["198.51.100.3"]),
            Some(Noticed::Woke(Duration::from_secs(600))),
            "also in another network"
        );
        assert_eq!(look(&mut sense, 2, 2, &["198.51.100.3"]), None, "told once");
    }

    #[tokio::test(start_paused = true)]
    async fn networks_come_and_go() {
        let mut sense = sense(&["192.0.2.7"]);
        assert_eq!(look(&mut sense, 2, 2, &["192.0.2.7", "203.0.113.9"]), Some(Noticed::Gained));
        assert_eq!(look(&mut sense, 2, 2, &["203.0.113.9"]), Some(Noticed::Lost));
        assert_eq!(look(&mut sense, 2, 2, &["198.51.100.3"]), Some(Noticed::Lost), "one for another");
        assert_eq!(look(&mut sense, 2, 2, &[]), Some(Noticed::Lost));
        assert_eq!(sense.look(sense.steady, sense.wall, None), None, "the system does not tell");
        assert_eq!(look(&mut sense, 2, 2, &["2001:db8:1:2:aaaa::1"]), Some(Noticed::Gained));
        assert_eq!(
            look(&mut sense, 2, 2, &["2001:db8:1:2:bbbb::2"]),
            None,
            "the same network, a new private address"
        );
        let with_local = ["2001:db8:1:2:bbbb::2", "fe80::1", "169.254.3.4"];
        assert_eq!(look(&mut sense, 2, 2, &with_local), None, "link-local addresses lead nowhere");
        assert_eq!(look(&mut sense, 2, 2, &["2001:db8:1:3:bbbb::2"]), Some(Noticed::Lost));
    }
}
