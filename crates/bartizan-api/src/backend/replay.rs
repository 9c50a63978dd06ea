//! Playing what devices recorded.

use bartizan_app::App;
use bartizan_base::{Clock, Code, Error, Result, SystemClock, UtcMicros};

use super::control::channel;
use crate::{dto, media::MediaSession};

pub(super) fn open(app: &App, session: &MediaSession, request: dto::OpenReplay) -> Result<dto::Empty> {
    let from = UtcMicros(request.from_us);
    if from.0 < 0 || from > SystemClock.now() {
        return Err(Error::new(Code::InvalidInput, "fromUs: nothing is recorded then yet"));
    }
    let channel = channel(request.device, request.channel);
    app.devices.book().get(&channel.device)?;
    session.open(request.tile, request.delivery, |viewer| {
        app.replays.attach(&channel, from, request.delivery.into(), viewer)
    })?;
    Ok(dto::Empty {})
}
