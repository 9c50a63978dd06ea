use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use tokio::{sync::watch, time::Instant};

/// Something a device, or the network before it, does wrong. `docs/simulator.md` says what each does on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Fault {
    Stall,
    Reset,
    SlowDescribe,
    AuthStorm,
    Locked,
    WrongContentBase,
    SsrcChange,
    TimestampJump,
    UdpLoss,
    UdpReorder,
    Jitter,
    JitterLoss,
    MidGopStart,
    MissingMarker,
    ResolutionChange,
    TooManySessions,
    RefuseTcpInterleaved,
    NoVideo,
    NotRtsp,
    AudioRefused,
    AudioGarbage,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 21] = [
        Fault::Stall,
        Fault::Reset,
        Fault::SlowDescribe,
        Fault::AuthStorm,
        Fault::Locked,
        Fault::WrongContentBase,
        Fault::SsrcChange,
        Fault::TimestampJump,
        Fault::UdpLoss,
        Fault::UdpReorder,
        Fault::Jitter,
        Fault::JitterLoss,
        Fault::MidGopStart,
        Fault::MissingMarker,
        Fault::ResolutionChange,
        Fault::TooManySessions,
        Fault::RefuseTcpInterleaved,
        Fault::NoVideo,
        Fault::NotRtsp,
        Fault::AudioRefused,
        Fault::AudioGarbage,
    ];

    /// The name used in `Display` and `FromStr`.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Stall => "stall",
            Fault::Reset => "reset",
            Fault::SlowDescribe => "slow-describe",
            Fault::AuthStorm => "auth-storm",
            Fault::Locked => "locked",
            Fault::WrongContentBase => "wrong-content-base",
            Fault::SsrcChange => "ssrc-change",
            Fault::TimestampJump => "timestamp-jump",
            Fault::UdpLoss => "udp-loss",
            Fault::UdpReorder => "udp-reorder",
            Fault::Jitter => "jitter",
            Fault::JitterLoss => "jitter-loss",
            Fault::MidGopStart => "mid-gop-start",
            Fault::MissingMarker => "missing-marker",
            Fault::ResolutionChange => "resolution-change",
            Fault::TooManySessions => "too-many-sessions",
            Fault::RefuseTcpInterleaved => "refuse-tcp-interleaved",
            Fault::NoVideo => "no-video",
            Fault::NotRtsp => "not-rtsp",
            Fault::AudioRefused => "audio-refused",
            Fault::AudioGarbage => "audio-garbage",
        }
    }

    /// True for faults that strike each playing session once rather than last.
    pub fn is_one_shot(self) -> bool {
        matches!(self, Fault::Reset | Fault::SsrcChange | Fault::TimestampJump | Fault::ResolutionChange)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no fault's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(pub String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        write!(f, "no fault is called {:?}; there are {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownFault {}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// One entry of a [`FaultScript`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultStep {
    /// Milliseconds from the start of the script.
    pub at_ms: u64,
    /// The channel, or all of them.
    pub channel: Option<u16>,
    /// What happens.
    pub fault: Fault,
    /// How long it stays armed.
    pub duration_ms: u64,
}

/// Faults in time. Steps of the same channel should not overlap: the later one replaces the earlier.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FaultScript(pub Vec<FaultStep>);

impl FaultScript {
    /// Every fault a patient client survives without a person, site-wide, within a minute.
    pub fn everything() -> Self {
        let steps = [
            (Fault::TimestampJump, 2_000),
            (Fault::SsrcChange, 2_000),
            (Fault::MissingMarker, 3_000),
            (Fault::ResolutionChange, 4_000),
            (Fault::UdpLoss, 3_000),
            (Fault::UdpReorder, 3_000),
            (Fault::Stall, 8_000),
            (Fault::Reset, 1_500),
            (Fault::SlowDescribe, 5_000),
            (Fault::Reset, 1_500),
            (Fault::MidGopStart, 4_000),
            (Fault::Reset, 1_500),
            (Fault::WrongContentBase, 4_000),
            (Fault::Reset, 1_500),
            (Fault::TooManySessions, 5_000),
        ];
        let mut at_ms = 3_000;
        let plan = steps.into_iter().map(|(fault, duration_ms)| {
            let step = FaultStep { at_ms, channel: None, fault, duration_ms };
            // A reset is followed at once by the fault that meets the reconnecting client.
            at_ms += duration_ms + if fault == Fault::Reset { 0 } else { 500 };
            step
        });
        Self(plan.collect())
    }

    /// The same steps `rounds` times, each round beginning `every_ms` after the one before it.
    pub fn repeated(&self, rounds: u16, every_ms: u64) -> Self {
        let of_round = |round: u64| {
            self.0.iter().map(move |step| FaultStep { at_ms: step.at_ms + round * every_ms, ..*step })
        };
        Self((0..u64::from(rounds)).flat_map(of_round).collect())
    }
}

/// A fault that has been switched on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Armed {
    pub fault: Fault,
    pub since: Instant,
    /// Delay of a one-shot fault, counted from arming or from the session's PLAY, whichever is later.
    pub after: Duration,
    /// Tells one arming from the next.
    pub serial: u64,
}

#[derive(Debug, Default)]
struct Table {
    site: Option<Armed>,
    channels: HashMap<u16, Armed>,
    serial: u64,
}

/// Which faults are on.
#[derive(Debug, Default)]
pub(crate) struct FaultBoard(watch::Sender<Table>);

impl FaultBoard {
    pub fn set(&self, channel: Option<u16>, fault: Option<Fault>, after: Duration) {
        self.0.send_modify(|table| {
            table.serial += 1;
            let armed =
                fault.map(|fault| Armed { fault, since: Instant::now(), after, serial: table.serial });
            match (channel, armed) {
                (None, armed) => table.site = armed,
                (Some(channel), Some(armed)) => {
                    table.channels.insert(channel, armed);
                }
                (Some(channel), None) => {
                    table.channels.remove(&channel);
                }
            }
        });
    }

    /// What is on for `channel`: its own fault before the site's. Without a channel, the site's.
    pub fn armed(&self, channel: Option<u16>) -> Option<Armed> {
        let table = self.0.borrow();
        channel.and_then(|channel| table.channels.get(&channel)).or(table.site.as_ref()).copied()
    }

    pub fn is(&self, channel: Option<u16>, fault: Fault) -> bool {
        self.armed(channel).is_some_and(|armed| armed.fault == fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert!("smoke".parse::<Fault>().unwrap_err().to_string().contains("missing-marker"));
    }

    #[test]
    fn a_channel_fault_hides_the_sites() {
        let board = FaultBoard::default();
        board.set(None, Some(Fault::Stall), Duration::ZERO);
        board.set(Some(2), Some(Fault::NoVideo), Duration::ZERO);
        assert!(board.is(Some(1), Fault::Stall) && board.is(None, Fault::Stall));
        assert!(board.is(Some(2), Fault::NoVideo));
        board.set(Some(2), None, Duration::ZERO);
        board.set(None, None, Duration::ZERO);
        assert!(board.armed(Some(2)).is_none());
    }

    #[test]
    fn a_repeated_script_begins_anew_each_time() {
        let script = FaultScript::everything();
        let thrice = script.repeated(3, 60_000);
        assert_eq!(thrice.0.len(), 3 * script.0.len());
        assert_eq!(thrice.0[..script.0.len()], script.0);
        let (first, third) = (script.0[0], thrice.0[2 * script.0.len()]);
        assert_eq!(third, FaultStep { at_ms: first.at_ms + 120_000, ..first });
        assert!(thrice.0.windows(2).all(|pair| pair[0].at_ms + pair[0].duration_ms <= pair[1].at_ms));
    }

    #[test]
    fn the_script_stays_within_a_minute() {
        let script = FaultScript::everything();
        let last = script.0.last().unwrap();
        assert!(last.at_ms + last.duration_ms <= 60_000, "{}", last.at_ms + last.duration_ms);
        assert!(script.0.windows(2).all(|pair| pair[0].at_ms + pair[0].duration_ms <= pair[1].at_ms));
    }
}
