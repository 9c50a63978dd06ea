//! One RTP stream of a session: its numbering and where it goes.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{net::UdpSocket, time::Instant};

use crate::{
    outgoing::{Cork, Outgoing, Pushed},
    rtp,
};

/// Where packets go.
pub(crate) enum Route {
    /// `$` frames on an RTSP connection (RFC 2326 §10.12).
    Interleaved { out: Weak<Outgoing>, rtp: u8, rtcp: u8 },
    /// Datagrams.
    Udp { rtp: UdpSocket, rtcp: UdpSocket, to_rtp: SocketAddr, to_rtcp: SocketAddr },
}

/// What faults do to packets on their way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Damage {
    pub loss: bool,
    pub reorder: bool,
    pub no_marker: bool,
    /// Packets of this picture that UDP loses, by bit from the lowest.
    pub lost: u64,
}

/// One packet in this many is lost under `udp-loss`, and one pair swapped under `udp-reorder`.
const LOSS_INTERVAL: u32 = 23;
const REORDER_INTERVAL: u32 = 7;

pub(crate) struct Track {
    pub payload_type: u8,
    pub clock_hz: u32,
    pub route: Route,
    pub ssrc: u32,
    pub seq: u16,
    pub timestamp_base: u32,
    packets: u32,
    octets: u32,
    /// Reused for every access unit.
    buffer: Vec<u8>,
    held_back: Option<Vec<u8>>,
    /// Header extension of the first packet of the next access unit.
    pub extension: Option<rtp::ReplayExtension>,
}

pub(crate) fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    u32::from_ne_bytes(bytes)
}

impl Track {
    pub fn new(payload_type: u8, clock_hz: u32, route: Route) -> Self {
        Self {
            payload_type,
            clock_hz,
            route,
            ssrc: random_u32(),
            seq: random_u32() as u16,
            timestamp_base: random_u32(),
            packets: 0,
            octets: 0,
            buffer: Vec::new(),
            held_back: None,
            extension: None,
        }
    }

    /// The RTP timestamp of a moment after the session's origin.
    pub fn timestamp(&self, since_origin: Duration) -> u32 {
        let ticks = since_origin.as_nanos() * u128::from(self.clock_hz) / 1_000_000_000;
        // RTP timestamps count modulo 2^32 (RFC 3550 §5.1).
        self.timestamp_base.wrapping_add(ticks as u32)
    }

    /// Sends the packets of one access unit, all or none; the marker is on the last.
    pub fn send<'a>(
        &mut self,
        timestamp: u32,
        payloads: impl ExactSizeIterator<Item = &'a [u8]>,
        marker: bool,
        damage: Damage,
    ) -> Pushed {
        let out = match &self.route {
            Route::Interleaved { out, .. } => match out.upgrade() {
                Some(out) => match out.room() {
                    Pushed::Taken => Some(out),
                    refused => return refused,
                },
                None => return Pushed::Gone,
            },
            Route::Udp { .. } => None,
        };
        let count = payloads.len();
        let mut extension = self.extension.take().map(rtp::ReplayExtension::to_bytes);
        self.buffer.clear();
        for (index, payload) in payloads.enumerate() {
            let marked = marker && index + 1 == count && !damage.no_marker;
            let mut header = rtp::header(self.payload_type, marked, self.seq, timestamp, self.ssrc);
            let extension = extension.take();
            if extension.is_some() {
                // X (RFC 3550 §5.3.1).
                header[0] |= 0x10;
            }
            let extension = extension.as_ref().map_or(&[][..], |bytes| &bytes[..]);
            self.seq = self.seq.wrapping_add(1);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload.len() as u32);
            match &self.route {
                Route::Interleaved { rtp, .. } => {
                    let len = (header.len() + extension.len() + payload.len()) as u16;
                    self.buffer.extend_from_slice(&[b'$', *rtp]);
                    self.buffer.extend_from_slice(&len.to_be_bytes());
                    self.buffer.extend_from_slice(&header);
                    self.buffer.extend_from_slice(extension);
                    self.buffer.extend_from_slice(payload);
                }
                Route::Udp { rtp, to_rtp, .. } => {
                    self.buffer.clear();
                    self.buffer.extend_from_slice(&header);
                    self.buffer.extend_from_slice(extension);
                    self.buffer.extend_from_slice(payload);
                    let lost = index < 64 && damage.lost >> index & 1 == 1;
                    if lost || (damage.loss && self.packets.is_multiple_of(LOSS_INTERVAL)) {
                        continue;
                    }
                    if damage.reorder && self.packets.is_multiple_of(REORDER_INTERVAL) {
                        self.held_back = Some(self.buffer.clone());
                        continue;
                    }
                    // A full or refused datagram is lost, which is what UDP promises.
                    let _ = rtp.try_send_to(&self.buffer, *to_rtp);
                    if let Some(late) = self.held_back.take() {
                        let _ = rtp.try_send_to(&late, *to_rtp);
                    }
                }
            }
        }
        if let Some(out) = out {
            out.push(&self.buffer);
        }
        Pushed::Taken
    }

    /// Whether packets go over the RTSP connection.
    pub fn is_tcp(&self) -> bool {
        matches!(self.route, Route::Interleaved { .. })
    }

    /// Sends a sender report that binds RTP time to wall time.
    pub fn report(&self, utc_us: i64, since_origin: Duration) {
        let timestamp = self.timestamp(since_origin);
        self.control(&rtp::sender_report(self.ssrc, utc_us, timestamp, self.packets, self.octets));
    }

    /// Says that nothing follows.
    pub fn goodbye(&self) {
        self.control(&rtp::goodbye(self.ssrc));
    }

    fn control(&self, report: &[u8]) {
        match &self.route {
            Route::Interleaved { out, rtcp, .. } => {
                if let Some(out) = out.upgrade().filter(|out| out.room() == Pushed::Taken) {
                    let mut frame = vec![b'$', *rtcp];
                    frame.extend_from_slice(&(report.len() as u16).to_be_bytes());
                    frame.extend_from_slice(report);
                    out.push(&frame);
                }
            }
            Route::Udp { rtcp, to_rtcp, .. } => {
                let _ = rtcp.try_send_to(report, *to_rtcp);
            }
        }
    }

    /// Makes what is sent from now until the guard goes leave in one piece, on a connection.
    pub fn cork(&self) -> Option<Cork> {
        match &self.route {
            Route::Interleaved { out, .. } => out.upgrade().map(|out| out.cork()),
            Route::Udp { .. } => None,
        }
    }

    /// Another source, number and time with every packet: nothing a receiver could make sense of.
    pub fn garble(&mut self, index: u32) {
        self.ssrc ^= index.wrapping_mul(0x9e37_79b9) | 1;
        self.seq = self.seq.wrapping_sub(0x4321);
        self.timestamp_base = self.timestamp_base.wrapping_sub(0x4000_0000);
    }

    /// A new source without warning, as after a restart inside the device.
    pub fn change_ssrc(&mut self) {
        self.ssrc = random_u32();
        self.seq = random_u32() as u16;
        self.packets = 0;
        self.octets = 0;
    }
}

/// An even port and the next (RFC 3550 §11).
pub(crate) async fn udp_pair(bind: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..64 {
        let rtp = UdpSocket::bind((bind, 0)).await?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind((bind, port + 1)).await
        {
            return Ok((rtp, rtcp));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// A track shared by the session and its player, which never hold it across an await.
pub(crate) type SharedTrack = Arc<std::sync::Mutex<Track>>;

/// Time from `origin` to `at`, zero when earlier.
pub(crate) fn since(origin: Instant, at: Instant) -> Duration {
    at.saturating_duration_since(origin)
}
