//! Sends the media of one playing session.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_base::{Clock, StreamProfile, SystemClock};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep_until},
};

use crate::{
    fault::Fault,
    feed::{Clip, Feed, Picture, Supply},
    outgoing::Pushed,
    site::Shared,
    sound::Tone,
    track::{Damage, SharedTrack, Track, since},
    weather::{Kind, Weather},
};

/// RTCP sender reports: one at the start, then at this interval (RFC 3550 §6.2 asks for at least 5 s).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// A clip site sends audio packets in pairs, so that many viewers cost half the system calls.
const CLIP_AUDIO_DELAY: Duration = Duration::from_millis(20);
/// How far `timestamp-jump` jumps.
const JUMP: Duration = Duration::from_secs(600);
/// After a pause of the whole machine, continue at the present instead of sending what was missed.
const MAX_LAG: Duration = Duration::from_millis(500);

enum Pictures {
    None,
    Live { _feed: Arc<Feed>, receiver: broadcast::Receiver<Picture> },
    Clip { clip: Arc<Clip>, start: Instant, index: u64, first: u64 },
}

impl Pictures {
    fn from(supply: Supply, start: Instant) -> Self {
        match supply {
            Supply::Live(feed) => {
                let receiver = feed.watch();
                Self::Live { _feed: feed, receiver }
            }
            Supply::Clip(clip) => Self::Clip { clip, start, index: 0, first: 0 },
        }
    }

    /// When the next picture of a clip is due.
    fn due(&self) -> Option<Instant> {
        match self {
            Self::Clip { clip, start, index, .. } => Some(*start + clip.format.offset(*index)),
            _ => None,
        }
    }
}

/// The next encoder picture; never for anything but a live feed.
async fn next_live(pictures: &mut Pictures) -> Result<Picture, RecvError> {
    match pictures {
        Pictures::Live { receiver, .. } => receiver.recv().await,
        _ => std::future::pending().await,
    }
}

pub(crate) struct Player {
    pub shared: Arc<Shared>,
    pub session: String,
    pub channel: u16,
    pub profile: StreamProfile,
    pub video: Option<SharedTrack>,
    pub audio: Option<SharedTrack>,
    /// Where the session's RTP time begins: its first PLAY.
    pub origin: Instant,
    /// This PLAY.
    pub started: Instant,
}

struct Progress {
    /// Serial of the one-shot fault that has struck already.
    struck: Option<u64>,
    waiting_for_key: bool,
    /// Pictures still to leave out under `mid-gop-start`, and more until one is no key frame.
    skip: u32,
    other_size: bool,
    stalled: bool,
}

fn lock(track: &SharedTrack) -> MutexGuard<'_, Track> {
    track.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Player {
    /// Runs until the peer is gone; the session's end drops this before.
    pub async fn run(self) {
        let mid_gop = self.shared.faults.is(Some(self.channel), Fault::MidGopStart);
        let mut state = Progress {
            struck: None,
            waiting_for_key: !mid_gop,
            skip: if mid_gop { 3 } else { 0 },
            other_size: false,
            stalled: false,
        };
        let tone = Tone::new(self.channel, self.shared.config.sound_of(self.channel));
        let mut weather = Weather::new(self.channel);
        let tcp = self.video.as_ref().is_some_and(|track| lock(track).is_tcp());
        let mut pictures = Pictures::None;
        let mut encoding = self.shared.feeds.encoding(self.channel, self.profile);
        if self.video.is_some() {
            let supply = self.shared.feeds.supply(self.channel, self.profile).await;
            self.turn_to(&mut pictures, supply, self.started);
        }
        let mut audio_index = 0u32;
        let mut next_report = self.started;
        loop {
            let delay =
                if matches!(pictures, Pictures::Clip { .. }) { CLIP_AUDIO_DELAY } else { Duration::ZERO };
            let audio_due = self.audio.as_ref().map(|_| self.started + tone.interval * audio_index + delay);
            let due = [pictures.due(), weather.due(), audio_due]
                .into_iter()
                .flatten()
                .fold(next_report, Instant::min);
            let mut picture = None;
            tokio::select! {
                received = next_live(&mut pictures) => match received {
                    Ok(received) => picture = Some((received.packets, Instant::from_std(received.at))),
                    Err(RecvError::Lagged(_)) => {
                        state.waiting_for_key = true;
                        continue;
                    }
                    Err(RecvError::Closed) => return,
                },
                () = sleep_until(due) => {}
            }
            let now = Instant::now();
            let wanted = self.shared.feeds.encoding(self.channel, self.profile);
            if self.video.is_some() && wanted != encoding {
                // As many devices do: the session goes on, with other parameter sets before the next key frame.
                encoding = wanted;
                let supply = self.shared.feeds.supply(self.channel, self.profile).await;
                self.turn_to(&mut pictures, supply, Instant::now());
                state.waiting_for_key = true;
                continue;
            }
            if !self.strike(&mut state, &mut pictures, now).await {
                return;
            }
            let _cork = self.video.as_ref().or(self.audio.as_ref()).and_then(|track| lock(track).cork());
            let fault = self.shared.faults.armed(Some(self.channel)).map(|armed| armed.fault);
            let stalled = fault == Some(Fault::Stall);
            state.waiting_for_key |= state.stalled && !stalled;
            state.stalled = stalled;
            let damage = Damage {
                loss: fault == Some(Fault::UdpLoss),
                reorder: fault == Some(Fault::UdpReorder),
                no_marker: fault == Some(Fault::MissingMarker),
                lost: 0,
            };
            if let Pictures::Clip { clip, start, index, first } = &mut pictures {
                let at = *start + clip.format.offset(*index);
                if at <= now {
                    let place = (*index + *first) % clip.pictures.len() as u64;
                    picture = Some((clip.pictures[place as usize].clone(), at));
                    *index += 1;
                    if since(at, now) > MAX_LAG {
                        // Keep the place in the clip, move the time.
                        (*first, *start, *index) = (place + 1, now, 0);
                    }
                }
            }
            if let Some((packets, at)) = picture
                && at >= self.started
            {
                let kind = match fault {
                    Some(Fault::Jitter) => Kind::Jitter,
                    Some(Fault::JitterLoss) => Kind::Loss { tcp },
                    _ => Kind::Fair,
                };
                weather.send(packets, at, now, kind);
            }
            while let (Some(late), Some(track)) = (weather.arrived(now), &self.video) {
                if stalled || !state.wants(late.packets.key) {
                    continue;
                }
                let mut track = lock(track);
                let timestamp = track.timestamp(since(self.origin, late.at));
                let payloads = late.packets.payloads.iter().map(|p| &p[..]);
                match track.send(timestamp, payloads, true, Damage { lost: late.lost, ..damage }) {
                    Pushed::Taken => {}
                    Pushed::Full => state.waiting_for_key = true,
                    Pushed::Gone => return,
                }
            }
            if let Some(track) = &self.audio {
                let mut track = lock(track);
                let lag = since(self.started + tone.interval * audio_index, now);
                if lag > MAX_LAG {
                    audio_index += (lag.as_millis() / tone.interval.as_millis()) as u32;
                }
                while self.started + tone.interval * audio_index <= now {
                    let at = self.started + tone.interval * audio_index;
                    let timestamp = track.timestamp(since(self.origin, at));
                    if fault == Some(Fault::AudioGarbage) {
                        track.garble(audio_index);
                    }
                    let garbage = [0xff; 7];
                    let garbled = fault == Some(Fault::AudioGarbage);
                    let payload =
                        [if garbled { &garbage[..] } else { tone.payload(audio_index) }].into_iter();
                    let marker = audio_index == 0 || tone.is_marked;
                    if !stalled && track.send(timestamp, payload, marker, damage) == Pushed::Gone {
                        return;
                    }
                    audio_index += 1;
                }
            }
            if next_report <= now {
                next_report = now + REPORT_INTERVAL;
                if !stalled {
                    let utc = SystemClock.now();
                    for track in [&self.video, &self.audio].into_iter().flatten() {
                        lock(track).report(utc.0, since(self.origin, now));
                    }
                }
            }
        }
    }

    fn turn_to(&self, pictures: &mut Pictures, supply: std::io::Result<Supply>, start: Instant) {
        match supply {
            Ok(supply) => *pictures = Pictures::from(supply, start),
            Err(error) => tracing::error!(%error, channel = self.channel, "no pictures of that kind"),
        }
    }

    /// Lets a one-shot fault happen once its time has come; false when it ends the session.
    async fn strike(&self, state: &mut Progress, pictures: &mut Pictures, now: Instant) -> bool {
        let Some(armed) = self.shared.faults.armed(Some(self.channel)) else { return true };
        if !armed.fault.is_one_shot()
            || state.struck == Some(armed.serial)
            || now < armed.since.max(self.started) + armed.after
        {
            return true;
        }
        state.struck = Some(armed.serial);
        let tracks = [&self.video, &self.audio].into_iter().flatten();
        match armed.fault {
            Fault::Reset => {
                self.shared.reset(&self.session);
                return false;
            }
            Fault::SsrcChange => tracks.for_each(|track| lock(track).change_ssrc()),
            Fault::TimestampJump => tracks.for_each(|track| {
                let mut track = lock(track);
                track.timestamp_base = track.timestamp(JUMP);
            }),
            Fault::ResolutionChange if self.video.is_some() => {
                state.other_size = !state.other_size;
                let feeds = &self.shared.feeds;
                let supply = match state.other_size {
                    true => feeds.other_supply(self.channel, self.profile).await,
                    false => feeds.supply(self.channel, self.profile).await,
                };
                self.turn_to(pictures, supply, Instant::now());
                state.waiting_for_key = true;
            }
            _ => {}
        }
        true
    }
}

impl Progress {
    /// Whether this picture is sent.
    fn wants(&mut self, key: bool) -> bool {
        if self.skip > 0 {
            // The picture that ends the skipping must need one that was not sent.
            self.skip = if self.skip == 1 && key { 1 } else { self.skip - 1 };
            return false;
        }
        self.waiting_for_key &= !key;
        !self.waiting_for_key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mid_gop_starts_without_a_key() {
        let mut state =
            Progress { struck: None, waiting_for_key: false, skip: 3, other_size: false, stalled: false };
        let sent: Vec<bool> =
            [true, false, false, false, true].into_iter().map(|key| state.wants(key)).collect();
        assert_eq!(sent, [false, false, false, true, true]);
        let mut state = Progress { waiting_for_key: true, skip: 0, ..state };
        assert!(!state.wants(false) && state.wants(true) && state.wants(false));
    }
}
