//! Playing what devices recorded.

use bartizan_app::App;
use bartizan_base::{Clock, Code, Error, Result, SystemClock, UtcMicros};

use super::{control::channel, files::title};
use crate::{dto, media::MediaSession};

fn moment(from_us: i64) -> Result<UtcMicros> {
    let from = UtcMicros(from_us);
    if from.0 < 0 || from > SystemClock.now() {
        return Err(Error::new(Code::InvalidInput, "fromUs: nothing is recorded then yet"));
    }
    Ok(from)
}

pub(super) fn open(app: &App, session: &MediaSession, request: dto::OpenReplay) -> Result<dto::Empty> {
    let from = moment(request.from_us)?;
    let channel = channel(request.device, request.channel);
    app.devices.book().get(&channel.device)?;
    session.open(request.tile, request.delivery, |viewer| {
        app.replays.attach(&channel, from, request.delivery.into(), viewer)
    })?;
    Ok(dto::Empty {})
}

pub(super) async fn snapshot(
    app: &App,
    session: &MediaSession,
    request: dto::TakeRecorded,
) -> Result<dto::TakenFiles> {
    let channel = channel(request.device, request.channel);
    let title = title(app, &channel)?;
    let from = moment(request.from_us)?;
    let playing = session.steering(request.tile);
    let playing = playing.ok_or_else(|| Error::new(Code::NotFound, "nothing plays on this tile"))?;
    let taken = app.snapshots.take_recorded(&channel, &playing, from, &title, request.count).await?;
    Ok(dto::TakenFiles { files: taken.into_iter().map(Into::into).collect() })
}
