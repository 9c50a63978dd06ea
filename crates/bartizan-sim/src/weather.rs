//! A network that is slow in waves and loses packets, always in the same way.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::encode::Packets;

/// A wave begins with one picture in so many.
const WAVE_ONE_IN: u64 = 20;
/// The highest wave.
const WAVE_MS: f64 = 150.0;
/// What is left of a wave at the next picture.
const WAVE_LEFT: f64 = 0.9;
/// What differs from picture to picture besides.
const RIPPLE_MS: f64 = 15.0;
/// One packet in so many is lost.
const LOSS_ONE_IN: u64 = 100;
/// How long a TCP takes to notice and to send it again.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// What the network does to the pictures of one session: the same to the same picture of every session of a channel.
pub(crate) struct Weather {
    random: u64,
    wave_ms: f64,
    waiting: VecDeque<Late>,
}

/// A picture under way.
pub(crate) struct Late {
    pub packets: Arc<Packets>,
    /// Its moment of capture.
    pub at: Instant,
    /// Packets that do not come, by bit from the lowest.
    pub lost: u64,
    arrives: Instant,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fair,
    /// Waves of delay.
    Jitter,
    /// And packets are lost: missing on UDP, late on TCP.
    Loss {
        tcp: bool,
    },
}

impl Weather {
    pub fn new(channel: u16) -> Self {
        Self { random: 0x9e37_79b9_7f4a_7c15 ^ u64::from(channel), wave_ms: 0.0, waiting: VecDeque::new() }
    }

    /// Takes a picture that leaves the camera now.
    pub fn send(&mut self, packets: Arc<Packets>, at: Instant, now: Instant, kind: Kind) {
        let (delay, lost) = self.next(packets.payloads.len(), kind);
        // Nothing overtakes.
        let arrives = self.waiting.back().map_or(now, |last| last.arrives).max(now + delay);
        self.waiting.push_back(Late { packets, at, lost, arrives });
    }

    /// The delay of the next picture, and which of its packets do not come.
    fn next(&mut self, packets: usize, kind: Kind) -> (Duration, u64) {
        if kind == Kind::Fair {
            return (Duration::ZERO, 0);
        }
        let wave = self.below(WAVE_ONE_IN) == 0;
        let height = self.share();
        self.wave_ms = if wave { height * WAVE_MS } else { self.wave_ms * WAVE_LEFT };
        let delay = Duration::from_secs_f64((self.wave_ms + self.share() * RIPPLE_MS) / 1000.0);
        // Rolled whatever the kind is, so that all kinds have the same waves.
        let lost =
            (0..packets.min(64)).fold(0, |lost, bit| lost | u64::from(self.below(LOSS_ONE_IN) == 0) << bit);
        match kind {
            Kind::Loss { tcp: false } => (delay, lost),
            Kind::Loss { tcp: true } if lost != 0 => (delay + RETRANSMISSION, 0),
            _ => (delay, 0),
        }
    }

    /// When the next picture arrives.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|late| late.arrives)
    }

    /// A picture that has arrived.
    pub fn arrived(&mut self, now: Instant) -> Option<Late> {
        self.waiting.pop_front_if(|late| late.arrives <= now)
    }

    /// SplitMix64.
    fn roll(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Arc<Packets> {
        Arc::new(Packets { payloads: Vec::new(), key: false })
    }

    fn run(channel: u16, kind: Kind) -> Vec<(Duration, u64)> {
        let mut weather = Weather::new(channel);
        (0..5000).map(|_| weather.next(2, kind)).collect()
    }

    #[test]
    fn every_session_has_the_same() {
        let udp = run(1, Kind::Loss { tcp: false });
        assert_eq!(udp, run(1, Kind::Loss { tcp: false }));
        assert_ne!(udp, run(2, Kind::Loss { tcp: false }));
        let lost: u32 = udp.iter().map(|(_, lost)| lost.count_ones()).sum();
        assert!((60..=140).contains(&lost), "about one in a hundred: {lost} of 10000");
        let highest = udp.iter().map(|(delay, _)| *delay).max().unwrap();
        assert!((130..=165).contains(&highest.as_millis()), "{highest:?}");
    }

    #[test]
    fn what_udp_loses_tcp_sends_again() {
        let udp = run(1, Kind::Loss { tcp: false });
        let tcp = run(1, Kind::Loss { tcp: true });
        for ((fair, lost), (late, none)) in udp.iter().zip(&tcp) {
            assert_eq!(*none, 0);
            assert_eq!(*late - *fair, if *lost == 0 { Duration::ZERO } else { RETRANSMISSION });
        }
        assert!(run(1, Kind::Fair).iter().all(|one| *one == (Duration::ZERO, 0)));
        assert!(run(1, Kind::Jitter).iter().zip(&udp).all(|(a, b)| a.0 == b.0 && a.1 == 0));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_overtakes() {
        let mut weather = Weather::new(3);
        let start = Instant::now();
        let mut arrivals = Vec::new();
        for index in 0..500u32 {
            let now = start + Duration::from_millis(40) * index;
            weather.send(nothing(), now, now, Kind::Loss { tcp: true });
        }
        while let Some(due) = weather.due() {
            assert!(weather.arrived(due - Duration::from_micros(1)).is_none());
            arrivals.push(weather.arrived(due).unwrap().arrives);
        }
        assert_eq!(arrivals.len(), 500);
        assert!(arrivals.is_sorted());
    }
}
