//! The requests that concern recordings.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
};

use rtsp_types::{StatusCode, headers};
use tokio::time::Instant;

use super::{Connection, Incoming, Response, header};
use crate::{
    replay::{Replay, Replayer},
    sdp::Description,
    target::{Playback, Target, clock_text, parse_range},
    track::since,
    unit::{Unit, recordings::ClockFace},
};

/// What sends media once the PLAY has been answered.
pub(super) type Media = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    /// The unit whose recordings a target is of.
    fn recorder(&self, playback: Playback) -> Option<&Arc<Unit>> {
        let unit = self.shared.config.unit.as_ref()?;
        (!playback.is_onvif() || unit.config().profile_g).then_some(unit)
    }

    /// A playback from the beginning; `None` when there is nothing to play.
    pub(super) fn replay(&self, target: Target) -> Option<Replay> {
        let mut playback = target.playback?;
        let described = self.described.lock().unwrap_or_else(PoisonError::into_inner);
        // Some clients lose the query when they put together the address of the track.
        if playback.start.is_none()
            && playback.face != ClockFace::Utc
            && let Some((channel, before)) = *described
            && (channel, before.face) == (target.channel, playback.face)
        {
            playback = before;
        }
        Replay::new(self.recorder(playback)?, target.channel, playback)
    }

    pub(super) async fn describe_recording(&self, uri: &str, target: Target) -> Response {
        let not_found = || Response::new(StatusCode::NotFound);
        let Some(playback) = target.playback else { return not_found() };
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) = Some((target.channel, playback));
        if self.replay(target).is_none() {
            return not_found();
        }
        let Some(unit) = self.recorder(playback) else { return not_found() };
        self.shared.counters.describes.fetch_add(1, Relaxed);
        let (format, sets) = match self.shared.feeds.described(target.channel, target.profile).await {
            Ok(described) => described,
            Err(error) => {
                tracing::error!(%error, "no description");
                return Response::new(StatusCode::InternalServerError);
            }
        };
        let spans = unit.recordings(target.channel);
        let range = match (playback.is_onvif(), spans.first(), spans.last()) {
            (true, Some((from, _)), Some((_, to))) => {
                format!("clock={}-{}", clock_text(*from), clock_text(*to))
            }
            _ => "npt=0-".into(),
        };
        let sdp = Description {
            server: self.shared.addr.ip(),
            name: unit.channel_name(target.channel),
            format,
            sps: &sets.sps,
            pps: &sets.pps,
            video: true,
            audio: None,
            talk: false,
            range: &range,
        };
        let base = format!("{}/", uri.trim_end_matches('/'));
        let response = Response::ok().header("Content-Base", base).header("Content-Type", "application/sdp");
        Response { body: sdp.to_sdp(), ..response }
    }

    /// PLAY of a session of recordings: begins, goes on or moves.
    pub(super) fn play_recording(
        &self,
        request: &Incoming,
        uri: &str,
        id: &str,
        play: &mut Option<(String, Media)>,
    ) -> Response {
        let Some(unit) = &self.shared.config.unit else { return Response::new(StatusCode::NotFound) };
        let range = header(request, &headers::RANGE).and_then(parse_range);
        let cseq = header(request, &headers::CSEQ).and_then(|text| text.parse::<u64>().ok());
        let mut before = None;
        let answer = self.shared.with(id, |session| {
            let (Some(replay), Some(track)) = (&mut session.replay, &session.tracks[0]) else {
                return Err(StatusCode::MethodNotValidInThisState);
            };
            let to = replay.wanted(unit, range);
            if to.is_none() && session.player.is_some() {
                return Ok((replay.range(replay.position()), String::new()));
            }
            let at = replay.seek(&unit.recordings(session.channel), to).ok_or(StatusCode::InvalidRange)?;
            before = session.player.take();
            let started = Instant::now();
            let origin = *session.origin.get_or_insert(started);
            let info = {
                let track = track.lock().unwrap_or_else(PoisonError::into_inner);
                let base = uri.split("trackID=").next().unwrap_or(uri).trim_end_matches('/');
                let time = track.timestamp(since(origin, started));
                format!("url={base}/trackID=0;seq={};rtptime={time}", track.seq)
            };
            if !std::mem::replace(&mut replay.played, true) {
                self.shared.counters.replays.fetch_add(1, Relaxed);
            }
            let replayer = Replayer::new(
                self.shared.clone(),
                unit.clone(),
                (id.to_owned(), session.channel, session.profile),
                track.clone(),
                replay,
                (cseq.unwrap_or(0) & 0xff) as u8,
                [origin, started],
            );
            *play = Some((id.to_owned(), Box::pin(replayer.run())));
            Ok((replay.range(at), info))
        });
        drop(before);
        let (range, info) = match answer {
            None => return Response::new(StatusCode::SessionNotFound),
            Some(Err(status)) => return Response::new(status),
            Some(Ok(answer)) => answer,
        };
        self.shared.counters.plays.fetch_add(1, Relaxed);
        let response = Response::ok().header("Session", self.session_header(id)).header("Range", range);
        if info.is_empty() { response } else { response.header("RTP-Info", info) }
    }
}
