//! Pictures of a camera without a network: for recordings that benchmarks need in seconds.

use std::{io, time::Duration};

use bartizan_base::UtcMicros;
use bartizan_media::{AccessUnit, Codec, nal};
use bytes::Bytes;

use crate::{Encoding, config::Format, encode::SceneEncoder, scene::Scene};

/// What a channel of [`Site`](crate::Site) would send in main quality for `length`, beginning at `from_ms` (milliseconds
/// since 1970 UTC, drawn into each picture's time bar). Blocks while it encodes.
pub fn film(channel: u16, from_ms: u64, gop: Duration, length: Duration) -> io::Result<Vec<AccessUnit>> {
    let format = Format { width: 1280, height: 720, fps: 25 };
    let mut scene = Scene::new(channel, format.width, format.height);
    let mut encoder = SceneEncoder::new(Encoding::plain(format), gop)?;
    let count = u64::try_from(length.as_millis()).unwrap_or(u64::MAX) * u64::from(format.fps) / 1000;
    (0..count)
        .map(|index| {
            let offset = format.offset(index);
            let at_ms = from_ms + u64::try_from(offset.as_millis()).unwrap_or(0);
            let data = encoder.encode(scene.draw(at_ms), index == 0)?;
            Ok(AccessUnit {
                codec: Codec::H264,
                random_access: nal::is_h264_random_access(&data),
                data: Bytes::from(data),
                pts_us: i64::try_from(offset.as_micros()).unwrap_or(i64::MAX),
                discontinuity: false,
                arrival: UtcMicros(i64::try_from(at_ms).unwrap_or(0).saturating_mul(1000)),
            })
        })
        .collect()
}
