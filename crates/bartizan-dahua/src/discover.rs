//! DHDiscover on sockets: broadcast, multicast and one by one.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bartizan_base::{Code, Error, OwnedTask, Result};
use bartizan_device::{Endpoint, Login, SearchScope, Sighting};
use bartizan_http::{Client, Options, Scheme};
use futures::{StreamExt as _, stream::FuturesUnordered};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    discovery_packet::{self, Answer},
    initialise::{self, Initialised},
    rpc::Rpc,
};

/// Where devices listen.
pub(crate) const PORT: u16 = 37810;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 251);
/// Packets get lost: each search asks this often, evenly over its time.
const ROUNDS: u32 = 3;
/// Longest answer; seen ones have about 1 KiB.
const LONGEST_PACKET: usize = 16 * 1024;
/// Answers that wait while the reader is busy; more are dropped, and come again with the next round.
const WAITING: usize = 256;
/// Asking by HTTP whether a device is fresh.
const CONFIRM_TIME: Duration = Duration::from_secs(3);
const MOST_CONFIRMATIONS: usize = 16;
/// Between bursts of single searches, so that neither our queue nor the network's overflows.
const BURST: usize = 32;
const BETWEEN_BURSTS: Duration = Duration::from_millis(5);

/// Searches until the scope's time is over.
pub(crate) async fn discover(scope: &SearchScope, port: u16, found: mpsc::Sender<Sighting>) -> Result<()> {
    let deadline = Instant::now() + scope.duration;
    let senders = senders(scope, port)?;
    let (answers, mut heard) = mpsc::channel(WAITING);
    let _listeners: Vec<OwnedTask> = senders
        .iter()
        .map(|sender| OwnedTask::spawn(listen(sender.socket.clone(), answers.clone())))
        .collect();
    let every = scope.duration / ROUNDS;
    let _asking = OwnedTask::spawn(async move {
        for _ in 0..ROUNDS {
            for sender in &senders {
                sender.ask().await;
            }
            sleep(every).await;
        }
    });
    drop(answers);
    let mut confirmations = FuturesUnordered::new();
    let mut confirmed = HashSet::new();
    loop {
        tokio::select! {
            biased;
            () = found.closed() => return Ok(()),
            () = sleep_until(deadline) => return Ok(()),
            Some(sighting) = confirmations.next(), if !confirmations.is_empty() => {
                if let Some(sighting) = sighting && found.send(sighting).await.is_err() {
                    return Ok(());
                }
            }
            Some(Answer { sighting, perhaps_fresh }) = heard.recv() => {
                let address = sighting.addresses[0];
                if perhaps_fresh && confirmations.len() < MOST_CONFIRMATIONS && confirmed.insert(address) {
                    confirmations.push(confirm(sighting.clone()));
                }
                if found.send(sighting).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// A socket and whom it asks.
struct Sender {
    socket: Arc<UdpSocket>,
    targets: Vec<SocketAddr>,
}

impl Sender {
    async fn ask(&self) {
        let packet = discovery_packet::search();
        for burst in self.targets.chunks(BURST) {
            for target in burst {
                // An interface without a route for it is no reason to give the others up.
                if let Err(error) = self.socket.send_to(&packet, target).await {
                    tracing::debug!(%target, %error, "search not sent");
                }
            }
            sleep(BETWEEN_BURSTS).await;
        }
    }
}

fn senders(scope: &SearchScope, port: u16) -> Result<Vec<Sender>> {
    let mut senders = Vec::new();
    let mut last_error = None;
    let mut add = |bind: IpAddr, targets: Vec<IpAddr>| {
        if targets.is_empty() {
            return;
        }
        match open(bind) {
            Ok(socket) => {
                let targets = targets.into_iter().map(|target| SocketAddr::new(target, port)).collect();
                senders.push(Sender { socket: Arc::new(socket), targets });
            }
            Err(error) => last_error = Some(error),
        }
    };
    if scope.multicast {
        let wanted: Vec<Ipv4Addr> = scope
            .interfaces
            .iter()
            .filter_map(|address| match address {
                IpAddr::V4(address) => Some(*address),
                IpAddr::V6(_) => None,
            })
            .collect();
        let everyone = [IpAddr::V4(Ipv4Addr::BROADCAST), IpAddr::V4(GROUP)];
        if wanted.is_empty() {
            let targets = everyone.into_iter().chain(subnets(None)).collect();
            add(IpAddr::V4(Ipv4Addr::UNSPECIFIED), targets);
        }
        for interface in wanted {
            let targets = everyone.into_iter().chain(subnets(Some(interface))).collect();
            add(IpAddr::V4(interface), targets);
        }
    }
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = scope.hosts.iter().partition(|host| host.is_ipv4());
    add(IpAddr::V4(Ipv4Addr::UNSPECIFIED), v4);
    add(IpAddr::V6(Ipv6Addr::UNSPECIFIED), v6);
    match last_error {
        Some(error) if senders.is_empty() => {
            Err(Error::new(Code::Unreachable, format!("no socket to search from: {error}")))
        }
        _ => Ok(senders),
    }
}

fn open(bind: IpAddr) -> std::io::Result<UdpSocket> {
    let socket =
        Socket::new(Domain::for_address(SocketAddr::new(bind, 0)), Type::DGRAM, Some(Protocol::UDP))?;
    if let IpAddr::V4(address) = bind {
        socket.set_broadcast(true)?;
        if !address.is_unspecified() {
            socket.set_multicast_if_v4(&address)?;
        }
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(bind, 0).into())?;
    UdpSocket::from_std(socket.into())
}

/// The broadcast addresses of one interface, or of all.
fn subnets(of: Option<Ipv4Addr>) -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = interfaces
        .iter()
        .filter_map(|interface| match &interface.addr {
            if_addrs::IfAddr::V4(v4) if of.map_or(!v4.is_loopback(), |wanted| wanted == v4.ip) => Some(v4),
            _ => None,
        })
        .map(|v4| v4.broadcast.unwrap_or_else(|| Ipv4Addr::from(u32::from(v4.ip) | !u32::from(v4.netmask))))
        .filter(|address| !address.is_loopback())
        .map(IpAddr::V4)
        .collect();
    found.dedup();
    found
}

async fn listen(socket: Arc<UdpSocket>, answers: mpsc::Sender<Answer>) {
    let mut packet = vec![0; LONGEST_PACKET];
    loop {
        match socket.recv_from(&mut packet).await {
            Ok((length, from)) => {
                if let Some(answer) = discovery_packet::read(&packet[..length], from.ip()) {
                    let _ = answers.try_send(answer);
                }
            }
            // An ICMP "port unreachable" of a host that was asked shows up here on some systems.
            Err(_) => sleep(BETWEEN_BURSTS).await,
        }
    }
}

/// Asks by HTTP whether a device is fresh, and gives its sighting again when that is sure.
async fn confirm(sighting: Sighting) -> Option<Sighting> {
    let ask = async {
        let mut endpoint = Endpoint::new(&sighting.addresses[0].to_string()).ok()?;
        endpoint.ports.http = Some(sighting.http_port.unwrap_or(80));
        let options = Options { scheme: Scheme::Http, ..Options::default() };
        let client = Client::dial_with(&endpoint, &Login::default(), options).await.ok()?;
        initialise::status(&Rpc::new(client, None)).await.ok()?
    };
    let init = timeout(CONFIRM_TIME, ask).await.ok()??;
    Some(Sighting { activated: Some(init == Initialised::Yes), ..sighting })
}
