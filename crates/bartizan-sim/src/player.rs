//! Sends the media of one playing session.

use std::{
    f64::consts::TAU,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_base::{Clock, StreamProfile, SystemClock};
use bartizan_media::g711;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep_until},
};

use crate::{
    fault::Fault,
    feed::{Clip, Feed, Picture, Supply},
    outgoing::Pushed,
    site::Shared,
    track::{Damage, SharedTrack, Track, since},
};

/// RTCP sender reports: one at the start, then at this interval (RFC 3550 §6.2 asks for at least 5 s).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
const AUDIO_PACKET: Duration = Duration::from_millis(20);
/// A clip site sends audio packets in pairs, so that many viewers cost half the system calls.
const CLIP_AUDIO_DELAY: Duration = Duration::from_millis(20);
const AUDIO_SAMPLES: u32 = 160;
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
        let mut pictures = match self.video {
            Some(_) => Pictures::from(self.shared.feeds.supply(self.channel, self.profile), self.started),
            None => Pictures::None,
        };
        let tone = tone(self.channel);
        let mut audio_index = 0u32;
        let mut next_report = self.started;
        loop {
            let delay =
                if matches!(pictures, Pictures::Clip { .. }) { CLIP_AUDIO_DELAY } else { Duration::ZERO };
            let audio_due = self.audio.as_ref().map(|_| self.started + AUDIO_PACKET * audio_index + delay);
            let due = [pictures.due(), audio_due].into_iter().flatten().fold(next_report, Instant::min);
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
            if let (Some((packets, at)), Some(track)) = (picture, &self.video)
                && at >= self.started
                && !stalled
                && state.wants(packets.key)
            {
                let mut track = lock(track);
                let timestamp = track.timestamp(since(self.origin, at));
                match track.send(timestamp, packets.payloads.iter().map(|p| &p[..]), true, damage) {
                    Pushed::Taken => {}
                    Pushed::Full => state.waiting_for_key = true,
                    Pushed::Gone => return,
                }
            }
            if let Some(track) = &self.audio {
                let mut track = lock(track);
                let lag = since(self.started + AUDIO_PACKET * audio_index, now);
                if lag > MAX_LAG {
                    audio_index += (lag.as_millis() / AUDIO_PACKET.as_millis()) as u32;
                }
                while self.started + AUDIO_PACKET * audio_index <= now {
                    let at = self.started + AUDIO_PACKET * audio_index;
                    let timestamp = track.timestamp(since(self.origin, at));
                    // The marker opens a talkspurt (RFC 3551 §4.1).
                    let payload = [&tone[..]].into_iter();
                    if !stalled && track.send(timestamp, payload, audio_index == 0, damage) == Pushed::Gone {
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
                    false => Ok(feeds.supply(self.channel, self.profile)),
                };
                match supply {
                    Ok(supply) => *pictures = Pictures::from(supply, Instant::now()),
                    Err(error) => tracing::error!(%error, "no pictures of another size"),
                }
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

/// One packet of a quiet tone; a multiple of 50 Hz, so that every packet is the same and they join without a click.
fn tone(channel: u16) -> [u8; AUDIO_SAMPLES as usize] {
    let hertz = f64::from(300 + 50 * u32::from(channel % 16));
    std::array::from_fn(|sample| {
        let value = (sample as f64 * hertz / 8000.0 * TAU).sin();
        g711::encode_ulaw((value * 900.0) as i16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_are_quiet_and_join() {
        for channel in 1..=16 {
            let tone = tone(channel);
            let loudest = tone.iter().map(|&byte| g711::decode_ulaw(byte).unsigned_abs()).max().unwrap();
            assert!((600..1200).contains(&loudest), "{loudest}");
            // A whole number of periods: the packet starts at a zero crossing and so does the next.
            assert_eq!(g711::decode_ulaw(tone[0]), 0);
        }
    }

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
