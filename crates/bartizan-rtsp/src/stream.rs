use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bartizan_base::{Clock, Code, Error, Result, SystemClock, UtcMicros};
use bartizan_device::{ClockPoint, LiveItem, LiveStream, StreamDescription};
use bartizan_media::{AccessUnit, Codec, VideoInfo, read_sps};
use bytes::Bytes;
use futures::StreamExt;
use retina::{
    client::{Demuxed, SessionGroup},
    codec::{CodecItem, ParametersRef, VideoFrame},
};
use tokio::time::timeout;

use crate::{
    error::{Stage, classify},
    opener::video_info,
    timeline::Timeline,
};

/// How long a closing session waits for the answer to TEARDOWN.
pub(crate) const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// From NTP's epoch (1900) to 1970, seconds.
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

/// A playing session of one video track.
pub(crate) struct RtspStream {
    demuxed: Demuxed,
    description: StreamDescription,
    track: usize,
    group: Arc<SessionGroup>,
    timeline: Timeline,
    /// The parameters last told.
    info: Option<VideoInfo>,
    /// Held back while the parameters before it are being told.
    pending: Option<AccessUnit>,
}

impl RtspStream {
    pub(crate) fn new(
        demuxed: Demuxed,
        description: StreamDescription,
        track: usize,
        group: Arc<SessionGroup>,
    ) -> Self {
        let timeline = Timeline::new(description.frame_rate);
        Self { demuxed, description, track, group, timeline, info: None, pending: None }
    }

    fn take_frame(&mut self, frame: VideoFrame) -> Result<LiveItem> {
        let arrival = received_at(frame.end_ctx().received());
        let pts_us = self.timeline.map((frame.timestamp().elapsed_secs() * 1e6) as i64);
        let (loss, new_parameters) = (frame.loss(), frame.has_new_parameters());
        let random_access = frame.is_random_access_point();
        let data = Bytes::from(frame.into_data());
        let unit = AccessUnit {
            codec: self.description.codec,
            pts_us,
            random_access,
            discontinuity: loss > 0,
            arrival,
            data,
        };
        if random_access && (new_parameters || self.info.is_none()) {
            let info = self.parameters(&unit)?;
            if self.info.as_ref() != Some(&info) {
                self.info = Some(info.clone());
                self.pending = Some(unit);
                return Ok(LiveItem::Video(info));
            }
        }
        Ok(LiveItem::AccessUnit(unit))
    }

    /// The picture parameters in force at `unit`, from its own parameter sets before any other place.
    fn parameters(&self, unit: &AccessUnit) -> Result<VideoInfo> {
        let inline = match self.description.codec {
            Codec::H264 => bartizan_media::nal::find_h264_sps(&unit.data).map(read_sps),
            Codec::H265 => None,
        };
        let info = match inline {
            Some(Ok(info)) => Some(info),
            _ => match self.demuxed.streams()[self.track].parameters() {
                Some(ParametersRef::Video(parameters)) => video_info(parameters),
                _ => None,
            },
        };
        let Some(info) = info else {
            return Err(Error::new(
                Code::UnsupportedCodec,
                "no readable parameter sets with the key picture",
            ));
        };
        if info.interlaced {
            return Err(Error::new(Code::Interlaced, "the stream is interlaced (frame_mbs_only_flag = 0)"));
        }
        Ok(info)
    }
}

#[async_trait]
impl LiveStream for RtspStream {
    fn description(&self) -> &StreamDescription {
        &self.description
    }

    async fn next(&mut self) -> Option<Result<LiveItem>> {
        if let Some(unit) = self.pending.take() {
            return Some(Ok(LiveItem::AccessUnit(unit)));
        }
        loop {
            match self.demuxed.next().await? {
                Ok(CodecItem::VideoFrame(frame)) if frame.stream_id() == self.track => {
                    return Some(self.take_frame(frame));
                }
                Ok(CodecItem::Rtcp(report)) if report.stream_id() == self.track => {
                    let Some((device_us, device)) = sender_report(&report) else { continue };
                    let Some(pts_us) = self.timeline.place(device_us) else { continue };
                    return Some(Ok(LiveItem::Clock(ClockPoint { pts_us, device })));
                }
                Ok(_) => {}
                // retina's depacketiser is in an undefined state after an error: the session is over.
                Err(error) => return Some(Err(classify(&error, Stage::Playing))),
            }
        }
    }

    async fn close(self: Box<Self>) {
        let Self { demuxed, group, .. } = *self;
        drop(demuxed);
        torn_down(&group).await;
    }
}

/// Waits a bounded time for the device to agree that the sessions of `group` are over.
pub(crate) async fn torn_down(group: &SessionGroup) {
    let stale = group.stale_sessions();
    if stale.num_sessions > 0 {
        // Best effort: retina goes on in the background where the device is slow, and the device's own session
        // time-out is the last resort.
        let _ = timeout(TEARDOWN_TIMEOUT, group.await_stale_sessions(&stale)).await;
    }
}

/// The stream's time in µs and the device's clock, where the packet begins with a sender report that has both.
pub(crate) fn sender_report(packet: &retina::rtcp::ReceivedCompoundPacket) -> Option<(i64, UtcMicros)> {
    let stream_us = (packet.rtp_timestamp()?.elapsed_secs() * 1e6) as i64;
    let report = packet.pkts().next()?.as_sender_report().ok().flatten()?;
    Some((stream_us, utc_of(report.ntp_timestamp().0)?))
}

/// The moment of a 64-bit NTP time, where it is one.
pub(crate) fn utc_of(ntp: u64) -> Option<UtcMicros> {
    // Devices without a clock say 0, or count from when they were started (RFC 3550 §6.4.1); both are as good as none.
    let seconds = (ntp >> 32).checked_sub(NTP_TO_UNIX_S)?;
    let fraction_us = ((ntp & 0xffff_ffff) * 1_000_000) >> 32;
    Some(UtcMicros(i64::try_from(seconds * 1_000_000 + fraction_us).ok()?))
}

/// The wall-clock time of a monotonic instant just past.
pub(crate) fn received_at(instant: std::time::Instant) -> UtcMicros {
    let ago = i64::try_from(instant.elapsed().as_micros()).unwrap_or(0);
    UtcMicros(SystemClock.now().0.saturating_sub(ago))
}
