//! Playing recordings.

use bartizan_app::{App, LARGEST_JPEG, Reel, Span};
use bartizan_base::{Code, Error, Result};
use bartizan_media::{AudioFrame, sound::PcmDecoder};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    dto,
    media::{MediaSession, sound_format, sound_payload},
};

pub(super) async fn open(app: &App, id: &str) -> Result<dto::MovieInfo> {
    let opened = app.playback.open(id).await?;
    let (movie, video) = (opened.movie(), opened.movie().video());
    let mut key_times_us: Vec<i64> =
        movie.keys().iter().filter_map(|&at| Some(movie.samples().get(at as usize)?.time_us)).collect();
    key_times_us.sort_unstable();
    Ok(dto::MovieInfo {
        codec: video.codec.clone(),
        width: video.width,
        height: video.height,
        duration_us: movie.duration_us(),
        pictures: u32::try_from(movie.samples().len()).unwrap_or(u32::MAX),
        frame_rate: video.frame_rate,
        key_times_us,
        sound: movie.has_sound(),
    })
}

pub(super) async fn read(
    app: &App,
    session: &MediaSession,
    request: dto::PlayRead,
) -> Result<dto::PlayStart> {
    let opened = app.playback.open(&request.id).await?;
    let first_us = opened
        .first_us(request.from_us)
        .ok_or_else(|| Error::new(Code::Storage, "nothing in this recording can be shown"))?;
    let span = Span {
        from_us: request.from_us,
        to_us: request.to_us.unwrap_or(i64::MAX),
        keys_only: request.keys_only,
        delivery: request.delivery.into(),
    };
    let format = opened.format();
    session.play(request.tile, request.delivery, format, Reel::new(opened, span));
    Ok(dto::PlayStart { first_us })
}

pub(super) async fn sound(app: &App, request: dto::PlaySound) -> Result<dto::MovieSound> {
    let heard = app.playback.sound(&request.id, request.from_us, request.to_us).await?;
    let Some(heard) = heard else {
        return Ok(dto::MovieSound { format: None, sample_rate: 0, channels: 0, runs: Vec::new() });
    };
    let mut decoder = PcmDecoder::new(heard.codec);
    let run = |run: &AudioFrame| dto::SoundRun {
        at_us: run.pts_us,
        data: BASE64.encode(sound_payload(decoder.as_mut(), run)),
    };
    Ok(dto::MovieSound {
        format: Some(sound_format(heard.codec)),
        sample_rate: heard.sample_rate_hz,
        channels: heard.channels,
        runs: heard.runs.iter().map(run).collect(),
    })
}

pub(super) async fn snapshot(app: &App, request: dto::PlaySnapshot) -> Result<dto::MediaFile> {
    let jpeg = jpeg(&request.jpeg)?;
    Ok(app.playback.snapshot(&request.id, request.at_us, jpeg).await?.into())
}

/// A picture that the page sent.
pub(super) fn jpeg(base64: &str) -> Result<Vec<u8>> {
    // Base64 has four signs for three bytes; refused before it is decoded.
    if base64.len() / 4 * 3 > LARGEST_JPEG {
        return Err(Error::new(Code::InvalidInput, "the picture is too large"));
    }
    BASE64.decode(base64).map_err(|_| Error::new(Code::InvalidInput, "the picture is not base64"))
}
