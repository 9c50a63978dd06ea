//! Searching the network: all protocols at once, one row per device.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bartizan_base::{Code, DeviceId, Error, OwnedTask, Result, random_token};
use bartizan_device::{
    DEFAULT_RTSP_PORT, DeviceClass, Endpoint, FamilyId, Identity, SearchScope, ServicePorts, Sighting,
};
use futures::StreamExt;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{adding::Families, devices::DeviceBook};

/// Subnets larger than this are not asked address by address.
const MOST_HOSTS: usize = 1024;
/// Connections tried at once in such a sweep; phones have few sockets.
const SWEEP_AT_ONCE: usize = 48;
/// One connection of a sweep: a neighbour answers within a few milliseconds.
const SWEEP_CONNECT: Duration = Duration::from_millis(600);
/// How long `next` waits for news.
const NEXT_LIMIT: Duration = Duration::from_secs(10);
/// Rows of a search; more is not a site but an attack.
const MOST_FOUND: usize = 1024;

/// What to search.
#[derive(Clone, Debug)]
pub struct SearchPlan {
    /// How long to listen.
    pub duration: Duration,
    /// Ask every address of the local subnets too.
    pub every_address: bool,
    /// Search the loopback interface too: for simulated devices.
    pub loopback: bool,
}

/// A device that a search found. Empty where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundDevice {
    /// Stable within the search.
    pub key: String,
    /// Its addresses, the best first.
    pub addresses: Vec<IpAddr>,
    /// Ports it named.
    pub ports: ServicePorts,
    /// How to speak to it.
    pub family: Option<FamilyId>,
    /// Which searches found it.
    pub found_by: BTreeSet<&'static str>,
    /// Who it says it is.
    pub identity: Identity,
    /// Its id in its own protocol.
    pub uuid: String,
    /// Whether it has its first password.
    pub activated: Option<bool>,
    /// The device of our list that it is.
    pub added: Option<DeviceId>,
}

/// What a search has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchView {
    /// Names the search.
    pub search: String,
    /// Grows with every change.
    pub revision: u64,
    /// Still listening.
    pub running: bool,
    /// One row per device, in order of appearance.
    pub found: Vec<FoundDevice>,
    /// What could not be searched.
    pub troubles: Vec<String>,
}

struct Running {
    view: watch::Receiver<SearchView>,
    _task: OwnedTask,
}

/// The search service; one search at a time.
pub struct Search {
    families: Arc<Families>,
    book: Arc<DeviceBook>,
    current: Mutex<Option<Running>>,
}

impl Search {
    /// Nothing is searched yet.
    pub fn new(families: Arc<Families>, book: Arc<DeviceBook>) -> Self {
        Self { families, book, current: Mutex::default() }
    }

    /// Starts a search, ending the one before. Must run inside the runtime.
    pub fn start(&self, plan: &SearchPlan) -> SearchView {
        let view = SearchView { search: random_token(), revision: 1, running: true, ..SearchView::default() };
        let (sender, receiver) = watch::channel(view.clone());
        let task = OwnedTask::spawn(run(self.families.clone(), self.book.clone(), plan.clone(), sender));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Running { view: receiver, _task: task });
        view
    }

    /// Waits for something newer than `revision`, a bounded time.
    pub async fn next(&self, search: &str, revision: u64) -> Result<SearchView> {
        let mut view = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let running = current.as_ref().filter(|running| running.view.borrow().search == search);
            running.ok_or_else(|| Error::new(Code::NotFound, "that search is over"))?.view.clone()
        };
        let newer = view.wait_for(|view| view.revision > revision || !view.running);
        let _ = timeout(NEXT_LIMIT, newer).await;
        let mut view = view.borrow().clone();
        // A device added meanwhile shows at once.
        mark_added(&mut view.found, &self.book);
        Ok(view)
    }

    /// Ends whatever search runs.
    pub fn stop_all(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Ends a search.
    pub fn stop(&self, search: &str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|running| running.view.borrow().search == search) {
            *current = None;
        }
    }
}

/// The addresses to search from, and all others in their subnets.
fn surroundings(plan: &SearchPlan) -> std::io::Result<(Vec<IpAddr>, Vec<IpAddr>)> {
    let mut interfaces = Vec::new();
    let mut hosts = BTreeSet::new();
    for interface in if_addrs::get_if_addrs()? {
        if interface.is_loopback() && !plan.loopback {
            continue;
        }
        interfaces.push(interface.ip());
        if let if_addrs::IfAddr::V4(v4) = interface.addr
            && !v4.ip.is_loopback()
        {
            hosts.extend(neighbours(v4.ip, v4.netmask));
        }
    }
    if plan.loopback {
        hosts.extend((1..=16).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))));
    }
    Ok((interfaces, hosts.into_iter().take(MOST_HOSTS).collect()))
}

/// The other addresses of a subnet; of a large one, those that share the first three bytes.
fn neighbours(own: Ipv4Addr, netmask: Ipv4Addr) -> impl Iterator<Item = IpAddr> {
    let (own, mut mask) = (u32::from(own), u32::from(netmask));
    if mask.count_zeros() > 9 {
        mask = 0xffff_ff00;
    }
    let network = own & mask;
    let last = network | !mask;
    (network.saturating_add(1)..last).filter(move |ip| *ip != own).map(|ip| IpAddr::V4(Ipv4Addr::from(ip)))
}

async fn run(
    families: Arc<Families>,
    book: Arc<DeviceBook>,
    plan: SearchPlan,
    view: watch::Sender<SearchView>,
) {
    let (interfaces, hosts) = match surroundings(&plan) {
        Ok(found) => found,
        Err(error) => {
            tell(&view, format!("the network interfaces cannot be listed: {error}"));
            (Vec::new(), Vec::new())
        }
    };
    if interfaces.is_empty() {
        tell(&view, "this machine is in no network".to_owned());
    }
    let scope = SearchScope {
        duration: plan.duration,
        interfaces,
        hosts: if plan.every_address { hosts.clone() } else { Vec::new() },
        multicast: true,
    };
    let (sender, mut sightings) = mpsc::channel(64);
    let listening = async {
        let all = families.iter().map(|family| {
            let (scope, sender, view) = (&scope, sender.clone(), &view);
            async move {
                if let Err(error) = family.discover(scope, sender).await {
                    tell(view, format!("{}: {}", family.id().0, error.detail()));
                }
            }
        });
        futures::future::join_all(all).await;
    };
    let sweeping = async {
        if plan.every_address {
            let limit = plan.duration.max(Duration::from_secs(20));
            let _ = timeout(limit, sweep(&families, &hosts, &sender)).await;
        }
    };
    let collecting = async {
        while let Some(sighting) = sightings.recv().await {
            view.send_if_modified(|view| {
                let changed = add(&mut view.found, sighting, &families);
                if changed {
                    mark_added(&mut view.found, &book);
                    view.revision += 1;
                }
                changed
            });
        }
    };
    tokio::select! {
        _ = futures::future::join(listening, sweeping) => {}
        () = collecting => {}
    }
    while let Ok(sighting) = sightings.try_recv() {
        view.send_modify(|view| {
            if add(&mut view.found, sighting, &families) {
                mark_added(&mut view.found, &book);
            }
        });
    }
    view.send_modify(|view| {
        view.running = false;
        view.revision += 1;
    });
}

fn tell(view: &watch::Sender<SearchView>, trouble: String) {
    view.send_modify(|view| {
        view.troubles.push(trouble);
        view.revision += 1;
    });
}

/// Tries the usual ports of every host, and asks what answers.
async fn sweep(families: &Families, hosts: &[IpAddr], found: &mpsc::Sender<Sighting>) {
    futures::stream::iter(hosts)
        .for_each_concurrent(SWEEP_AT_ONCE, |host| async move {
            let open = |port| async move {
                matches!(timeout(SWEEP_CONNECT, TcpStream::connect((*host, port))).await, Ok(Ok(_)))
            };
            let (http, rtsp) = futures::join!(open(80), open(DEFAULT_RTSP_PORT));
            if !http && !rtsp {
                return;
            }
            let endpoint = Endpoint { host: host.to_string(), ports: ServicePorts::default(), pin: None };
            let recognised = if http { families.recognise(&endpoint).await.ok().flatten() } else { None };
            if recognised.is_none() && !rtsp {
                // A web server without video is a printer or a router.
                return;
            }
            let mut sighting =
                Sighting { found_by: "port scan", addresses: vec![*host], ..Sighting::default() };
            if let Some(known) = recognised {
                let Identity { maker, model, firmware, serial, mac, name, class } = known.identity;
                sighting = Sighting {
                    family: Some(known.family),
                    maker,
                    model,
                    firmware,
                    serial,
                    mac,
                    name,
                    class,
                    activated: known.activated,
                    ..sighting
                };
            }
            let _ = found.send(sighting).await;
        })
        .await;
}

/// Whether two devices are one: by MAC, by serial, by its protocol's id, or by address where nothing speaks against.
fn same(row: &FoundDevice, sighting: &Sighting) -> bool {
    let equal = |a: &str, b: &str| !a.is_empty() && a.eq_ignore_ascii_case(b);
    let differ = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && !serials_match(a, b);
    if equal(&row.identity.mac, &sighting.mac) || equal(&row.uuid, &sighting.uuid) {
        return true;
    }
    if serials_match(&row.identity.serial, &sighting.serial) {
        return true;
    }
    let unlike = differ(&row.identity.mac, &sighting.mac) || differ(&row.identity.serial, &sighting.serial);
    let port = |a: Option<u16>, b: Option<u16>| a.is_none() || b.is_none() || a == b;
    !unlike
        && port(row.ports.http, sighting.http_port)
        && sighting.addresses.iter().any(|address| row.addresses.contains(address))
}

/// Serial numbers as protocols write them: whole, or ending in the short form that labels carry.
pub(crate) fn serials_match(a: &str, b: &str) -> bool {
    const SHORTEST: usize = 9;
    let (a, b) = (a.trim().to_ascii_uppercase(), b.trim().to_ascii_uppercase());
    let (long, short) = if a.len() >= b.len() { (&a, &b) } else { (&b, &a) };
    short.len() >= SHORTEST.min(long.len()) && !short.is_empty() && long.ends_with(short.as_str())
}

/// Puts a sighting into the list; false when it told nothing new.
fn add(found: &mut Vec<FoundDevice>, sighting: Sighting, families: &Families) -> bool {
    let mut rows = found.iter().enumerate().filter(|(_, row)| same(row, &sighting)).map(|(at, _)| at);
    let (first, second) = (rows.next(), rows.next());
    let Some(at) = first else {
        if found.len() >= MOST_FOUND {
            return false;
        }
        let mut row = FoundDevice { key: random_token(), ..FoundDevice::default() };
        learn(&mut row, &sighting, families);
        found.push(row);
        return true;
    };
    let before = found[at].clone();
    learn(&mut found[at], &sighting, families);
    // The sighting ties two rows together that looked like two devices.
    if let Some(other) = second {
        let other = found.remove(other);
        absorb(&mut found[at], other, families);
    }
    found[at] != before || second.is_some()
}

fn learn(row: &mut FoundDevice, sighting: &Sighting, families: &Families) {
    let told = FoundDevice {
        key: String::new(),
        addresses: sighting.addresses.clone(),
        ports: ServicePorts {
            http: sighting.http_port,
            https: sighting.https_port,
            rtsp: None,
            server: sighting.server_port,
        },
        family: sighting.family,
        found_by: BTreeSet::from([sighting.found_by]),
        identity: Identity {
            maker: sighting.maker.clone(),
            model: sighting.model.clone(),
            firmware: sighting.firmware.clone(),
            serial: sighting.serial.clone(),
            mac: sighting.mac.clone(),
            name: sighting.name.clone(),
            class: sighting.class,
        },
        uuid: sighting.uuid.clone(),
        activated: sighting.activated,
        added: None,
    };
    absorb(row, told, families);
}

/// Takes over what `other` knows and `row` does not; a preferred family's word wins.
fn absorb(row: &mut FoundDevice, other: FoundDevice, families: &Families) {
    let rank = |family: Option<FamilyId>| family.map_or(usize::MAX, |id| families.rank(id));
    let better = rank(other.family) < rank(row.family);
    let take = |mine: &mut String, theirs: String| {
        if !theirs.is_empty() && (mine.is_empty() || better) {
            *mine = theirs;
        }
    };
    let port = |mine: &mut Option<u16>, theirs: Option<u16>| {
        if theirs.is_some() && (mine.is_none() || better) {
            *mine = theirs;
        }
    };
    take(&mut row.identity.maker, other.identity.maker);
    take(&mut row.identity.model, other.identity.model);
    take(&mut row.identity.firmware, other.identity.firmware);
    take(&mut row.identity.serial, other.identity.serial);
    take(&mut row.identity.mac, other.identity.mac);
    take(&mut row.identity.name, other.identity.name);
    take(&mut row.uuid, other.uuid);
    if row.identity.class == DeviceClass::Unknown || (better && other.identity.class != DeviceClass::Unknown)
    {
        row.identity.class = other.identity.class;
    }
    port(&mut row.ports.http, other.ports.http);
    port(&mut row.ports.https, other.ports.https);
    port(&mut row.ports.server, other.ports.server);
    if better {
        row.family = other.family;
    }
    row.activated =
        if better { other.activated.or(row.activated) } else { row.activated.or(other.activated) };
    for address in other.addresses {
        if !row.addresses.contains(&address) {
            row.addresses.push(address);
        }
    }
    // IPv4 first: that is what people know their devices by, and what has no zone.
    row.addresses.sort_by_key(|address| (address.is_ipv6(), is_link_local(address)));
    row.found_by.extend(other.found_by);
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn mark_added(found: &mut [FoundDevice], book: &DeviceBook) {
    let (_, devices) = book.list();
    for row in found {
        let known = devices.iter().find(|device| {
            let facts = &device.facts;
            if !facts.serial.is_empty() && !row.identity.serial.is_empty() {
                return serials_match(&facts.serial, &row.identity.serial);
            }
            if !facts.mac.is_empty() && !row.identity.mac.is_empty() {
                return facts.mac.eq_ignore_ascii_case(&row.identity.mac);
            }
            row.addresses.iter().any(|address| {
                device.routes.iter().any(|route| {
                    let port =
                        route.http.is_none() || row.ports.http.is_none() || route.http == row.ports.http;
                    port && route.host.parse() == Ok(*address)
                })
            })
        });
        row.added = known.map(|device| device.id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeFamily;

    fn families() -> Families {
        let family = |id| Arc::new(FakeFamily::new(id, Ok(false))) as Arc<dyn bartizan_device::Family>;
        Families::new(vec![family("precise"), family("general")])
    }

    fn sighting(by: &'static str, family: &'static str, address: &str) -> Sighting {
        Sighting {
            found_by: by,
            family: Some(FamilyId(family)),
            addresses: vec![address.parse().unwrap()],
            ..Sighting::default()
        }
    }

    #[tokio::test]
    async fn one_device_that_answers_three_ways_is_one_row() {
        let families = families();
        let mut found = Vec::new();
        let general = Sighting {
            model: "IPC".into(),
            name: "Gate".into(),
            uuid: "u1".into(),
            ..sighting("WS-Discovery", "general", "192.168.1.9")
        };
        assert!(add(&mut found, general.clone(), &families));
        assert!(!add(&mut found, general, &families), "a repeated answer is no news");
        let precise = Sighting {
            model: "IPC-HFW1".into(),
            serial: "ABCDEF123456789".into(),
            mac: "02:00:00:00:00:09".into(),
            activated: Some(true),
            ..sighting("Maker", "precise", "192.168.1.9")
        };
        assert!(add(&mut found, precise, &families));
        // The same unit from another subnet, told apart by nothing but its short serial.
        let short = Sighting { serial: "123456789".into(), ..sighting("Other", "general", "10.0.0.9") };
        assert!(add(&mut found, short, &families));
        let [row] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(row.family, Some(FamilyId("precise")));
        assert_eq!((row.identity.model.as_str(), row.identity.name.as_str()), ("IPC-HFW1", "Gate"));
        assert_eq!(row.identity.serial, "ABCDEF123456789");
        assert_eq!(row.addresses.len(), 2);
        assert_eq!(row.found_by.len(), 3);
    }

    #[tokio::test]
    async fn a_sighting_may_tie_two_rows_together_and_unlike_devices_stay_two() {
        let families = families();
        let mut found = Vec::new();
        add(
            &mut found,
            Sighting { mac: "02:00:00:00:00:01".into(), ..sighting("a", "precise", "10.0.0.1") },
            &families,
        );
        add(&mut found, Sighting { uuid: "u".into(), ..sighting("b", "general", "10.0.0.2") }, &families);
        assert_eq!(found.len(), 2);
        let both = Sighting {
            mac: "02:00:00:00:00:01".into(),
            uuid: "u".into(),
            ..sighting("c", "general", "10.0.0.3")
        };
        assert!(add(&mut found, both, &families));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].addresses.len(), 3);
        // One address, two serials: two devices behind one router.
        let one = Sighting {
            serial: "AAAAAAAAA1".into(),
            http_port: Some(81),
            ..sighting("a", "precise", "10.0.0.8")
        };
        let two = Sighting {
            serial: "AAAAAAAAA2".into(),
            http_port: Some(82),
            ..sighting("a", "precise", "10.0.0.8")
        };
        add(&mut found, one, &families);
        add(&mut found, two, &families);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn serials_match_whole_or_by_their_end() {
        for (a, b, same) in [
            ("DS-2CD2042WD0123456789", "123456789", true),
            ("abcdef123456", "ABCDEF123456", true),
            ("ABC", "abc", true),
            ("ABCDEFGH", "FGH", false),
            ("DS-2CD2042WD0123456789", "23456789", false),
            ("", "", false),
            ("ABC", "", false),
        ] {
            assert_eq!(serials_match(a, b), same, "{a} {b}");
            assert_eq!(serials_match(b, a), same, "{b} {a}");
        }
    }

    #[test]
    fn neighbours_of_a_small_and_a_large_subnet() {
        let of = |own: [u8; 4], mask: [u8; 4]| neighbours(own.into(), mask.into()).count();
        assert_eq!(of([192, 168, 1, 7], [255, 255, 255, 0]), 253);
        assert_eq!(of([192, 168, 1, 6], [255, 255, 255, 252]), 1);
        assert_eq!(of([10, 1, 2, 3], [255, 0, 0, 0]), 253);
        assert_eq!(of([10, 1, 2, 3], [255, 255, 255, 255]), 0);
        assert_eq!(of([255, 255, 255, 255], [255, 255, 255, 255]), 0);
    }
}
