//! Sends what was recorded, at the pace it was recorded.

use std::{
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use bartizan_base::{Clock, StreamProfile, SystemClock, UtcMicros};
use tokio::time::{Instant, sleep_until};

use crate::{
    outgoing::Pushed,
    rtp::ReplayExtension,
    site::Shared,
    target::{Playback, Range},
    track::{Damage, SharedTrack, Track, since},
    unit::{
        Unit,
        recordings::{Span, recorded_from},
    },
};

/// As for live pictures.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// `npt` beyond this is no time since the beginning: GStreamer writes seconds since 1900 there.
const LONGEST_NPT_S: f64 = 1e7;

/// Where a playback that would show `wanted` goes on, before its end; `None`: nowhere.
pub(crate) fn next_moment(spans: &[Span], wanted: UtcMicros, end: Option<UtcMicros>) -> Option<UtcMicros> {
    recorded_from(spans, wanted).filter(|at| end.is_none_or(|end| *at < end))
}

fn later(at: UtcMicros, by: Duration) -> UtcMicros {
    UtcMicros(at.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

/// How far one PLAY has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The next picture's moment, microseconds since 1970 by the unit's clock.
    next_us: AtomicI64,
    /// Another PLAY has taken its place.
    pub replaced: AtomicBool,
}

impl Progress {
    fn at(at: UtcMicros) -> Arc<Self> {
        Arc::new(Self { next_us: AtomicI64::new(at.0), replaced: AtomicBool::new(false) })
    }
}

/// What a session plays from a unit's recordings.
pub(crate) struct Replay {
    pub playback: Playback,
    pub played: bool,
    /// The first moment shown.
    begin: UtcMicros,
    end: Option<UtcMicros>,
    progress: Arc<Progress>,
}

impl Replay {
    /// `None` when nothing is recorded where it would play.
    pub fn new(unit: &Unit, channel: u16, playback: Playback) -> Option<Self> {
        let moment = |civil| unit.moment(civil, playback.face);
        let (start, end) = (playback.start.map_or(UtcMicros(i64::MIN), moment), playback.end.map(moment));
        let begin = next_moment(&unit.recordings(channel), start, end)?;
        Some(Self { playback, played: false, begin, end, progress: Progress::at(begin) })
    }

    /// The moment a PLAY wants, and where the playback then ends; `None`: it goes on.
    pub fn wanted(&self, unit: &Unit, range: Option<Range>) -> Option<(UtcMicros, Option<UtcMicros>)> {
        let moment = |(civil, us): (_, i64)| UtcMicros(unit.moment(civil, self.playback.face).0 + us);
        match range? {
            Range::Clock { from, to } => {
                let end = to.or(self.playback.end.map(|end| (end, 0)));
                Some((moment(from), end.map(moment)))
            }
            Range::Npt(Some(seconds))
                if !self.playback.is_onvif() && seconds > 0.0 && seconds < LONGEST_NPT_S =>
            {
                Some((later(self.begin, Duration::from_secs_f64(seconds)), self.end))
            }
            Range::Npt(_) => None,
        }
    }

    /// Moves to what a PLAY wants, or goes on; `None` when nothing is recorded there, and nothing has changed.
    pub fn seek(&mut self, spans: &[Span], to: Option<(UtcMicros, Option<UtcMicros>)>) -> Option<UtcMicros> {
        let (wanted, end) = to.unwrap_or((self.position(), self.end));
        let at = next_moment(spans, wanted, end)?;
        self.progress.replaced.store(true, Relaxed);
        (self.progress, self.end) = (Progress::at(at), end);
        Some(at)
    }

    pub fn position(&self) -> UtcMicros {
        UtcMicros(self.progress.next_us.load(Relaxed))
    }

    /// The `Range` of the answer to a PLAY from there.
    pub fn range(&self, at: UtcMicros) -> String {
        if self.playback.is_onvif() {
            return format!("clock={}-", crate::target::clock_text(at));
        }
        format!("npt={:.3}-", at.since(self.begin).as_secs_f64())
    }
}

/// One PLAY of recorded pictures.
pub(crate) struct Replayer {
    shared: Arc<Shared>,
    unit: Arc<Unit>,
    session: String,
    channel: u16,
    profile: StreamProfile,
    video: SharedTrack,
    end: Option<UtcMicros>,
    progress: Arc<Progress>,
    /// Low byte of the PLAY's CSeq, where pictures tell their time of recording.
    cseq: Option<u8>,
    /// Where the session's RTP time begins.
    origin: Instant,
    started: Instant,
}

fn lock(track: &SharedTrack) -> MutexGuard<'_, Track> {
    track.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Replayer {
    pub fn new(
        shared: Arc<Shared>,
        unit: Arc<Unit>,
        (session, channel, profile): (String, u16, StreamProfile),
        video: SharedTrack,
        replay: &Replay,
        cseq: u8,
        [origin, started]: [Instant; 2],
    ) -> Self {
        let cseq = replay.playback.is_onvif().then_some(cseq);
        let (end, progress) = (replay.end, replay.progress.clone());
        Self { shared, unit, session, channel, profile, video, end, progress, cseq, origin, started }
    }

    /// Runs to the end of what is recorded and ends the session and its connection, as many recorders do.
    pub async fn run(self) {
        let Err(over) = self.play().await else { return };
        if let Some(error) = over {
            tracing::error!(%error, channel = self.channel, "playback ended");
        }
        lock(&self.video).goodbye();
        self.shared.finish(&self.session);
    }

    /// Ends well when the peer is gone or another PLAY goes on, otherwise at the end, perhaps by an error.
    async fn play(&self) -> Result<(), Option<std::io::Error>> {
        let mut footage = self.shared.feeds.footage(self.channel, self.profile).await?;
        let format = footage.format();
        let (mut start, mut index) = (self.started, 0);
        let mut base = UtcMicros(self.progress.next_us.load(Relaxed));
        // The next picture must be a key picture; it follows none that was sent.
        let (mut key, mut apart) = (true, true);
        let mut next_report = self.started;
        loop {
            let due = start + format.offset(index);
            sleep_until(due).await;
            let wanted = later(base, format.offset(index));
            let spans = self.unit.recordings(self.channel);
            let at = next_moment(&spans, wanted, self.end).ok_or(None)?;
            if at != wanted {
                // Recorders leave no pause where nothing was recorded.
                (base, start, index, key, apart) = (at, due, 0, true, true);
            }
            let following = later(base, format.offset(index + 1));
            let making = move || {
                let made = footage.picture(at, key);
                (footage, made)
            };
            let (back, made) = tokio::task::spawn_blocking(making).await.map_err(std::io::Error::other)?;
            footage = back;
            let packets = made?;
            {
                let mut track = lock(&self.video);
                if self.progress.replaced.load(Relaxed) {
                    return Ok(());
                }
                let now = Instant::now();
                if next_report <= now {
                    next_report = now + REPORT_INTERVAL;
                    track.report(SystemClock.now().0, since(self.origin, now));
                }
                track.extension = self.cseq.map(|cseq| ReplayExtension {
                    at_us: at.0,
                    clean: packets.key,
                    end: next_moment(&spans, following, self.end) != Some(following),
                    discontinuity: apart,
                    cseq,
                });
                let timestamp = track.timestamp(since(self.origin, due));
                let payloads = packets.payloads.iter().map(|payload| &payload[..]);
                match track.send(timestamp, payloads, true, Damage::default()) {
                    Pushed::Taken => (key, apart) = (false, false),
                    // Those after it would need it.
                    Pushed::Full => key = true,
                    Pushed::Gone => return Ok(()),
                }
            }
            index += 1;
            // What a busy machine has no time for is left out, so that the pace stays.
            while footage.may_skip() && start + format.offset(index + 1) < Instant::now() {
                index += 1;
            }
            self.progress.next_us.store(later(base, format.offset(index)).0, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;
    use crate::{UnitConfig, unit::recordings::ClockFace};

    fn seconds(spans: &[(i64, i64)]) -> Vec<Span> {
        let at = |second: i64| UtcMicros(second * 1_000_000);
        spans.iter().map(|(from, to)| (at(*from), at(*to))).collect()
    }

    #[test]
    fn a_playback_ends_where_it_was_told_to() {
        let spans = seconds(&[(10, 20), (30, 40)]);
        let next = |wanted: i64, end: Option<i64>| {
            let end = end.map(|end| UtcMicros(end * 1_000_000));
            next_moment(&spans, UtcMicros(wanted * 1_000_000), end).map(|at| at.0 / 1_000_000)
        };
        assert_eq!(next(5, None), Some(10));
        assert_eq!((next(15, Some(18)), next(18, Some(18))), (Some(15), None));
        assert_eq!((next(20, None), next(20, Some(35)), next(20, Some(30))), (Some(30), Some(30), None));
        assert_eq!(next(40, None), None);
    }

    #[test]
    fn ranges_move_and_none_goes_on() {
        let unit = Unit::new(UnitConfig::default());
        let begin = civil::date(2026, 7, 1).at(8, 0, 0, 0);
        let from = unit.moment(begin, ClockFace::Utc);
        let minute = |number: i64| UtcMicros(from.0 + number * 60_000_000);
        unit.set_recordings(1, Some(vec![(from, minute(10)), (minute(20), minute(30))]));
        let spans = unit.recordings(1);
        let playback = Playback { face: ClockFace::Utc, start: None, end: None };
        let mut replay = Replay::new(&unit, 1, playback).unwrap();
        assert_eq!(replay.seek(&spans, replay.wanted(&unit, Some(Range::Npt(Some(4e9))))), Some(from));
        let clock =
            |minute| Range::Clock { from: (civil::date(2026, 7, 1).at(8, minute, 0, 0), 0), to: None };
        assert_eq!(replay.seek(&spans, replay.wanted(&unit, Some(clock(15)))), Some(minute(20)));
        assert_eq!(replay.range(replay.position()), "clock=20260701T082000.000Z-");
        assert_eq!(replay.seek(&spans, replay.wanted(&unit, Some(clock(30)))), None);
        assert_eq!(replay.seek(&spans, None), Some(minute(20)));
        let playback = Playback { face: ClockFace::Local, start: Some(begin), end: None };
        // By the device's clock that was eight hours before.
        let replay = Replay::new(&unit, 1, playback).unwrap();
        assert_eq!(replay.position(), from);
        assert_eq!(
            replay.wanted(&unit, Some(Range::Npt(Some(30.0)))).unwrap().0,
            later(from, Duration::from_secs(30))
        );
        assert_eq!(replay.range(minute(2)), "npt=120.000-");
        let late = Playback {
            face: ClockFace::Utc,
            start: Some(civil::date(2026, 7, 1).at(8, 30, 0, 0)),
            end: None,
        };
        assert!(Replay::new(&unit, 1, late).is_none());
    }
}
