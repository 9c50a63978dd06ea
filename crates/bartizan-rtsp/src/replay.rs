//! Recordings that a device plays from a moment on (ONVIF Streaming Specification 21.06 §6).
//!
//! retina can ask neither for `Require: onvif-replay` nor for a `Range`, so this is a session of its own. Its packets
//! go to a retina session over a relay on this machine, so that pictures are put together, checked and timed by the
//! same code as live ones. Always interleaved, as the specification has it: the relay reads only as fast as its
//! pictures are taken, and the device waits.

mod description;
mod desk;
mod packet;
mod relay;
mod session;
#[cfg(test)]
mod tests;

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bartizan_base::{Code, Error, OwnedTask, Result, UtcMicros};
use bartizan_device::{
    LiveItem, LiveStream, Replay, RtspAddress, StreamDescription, StreamSource, Transport,
};
use rtsp_types::{Message, Method, Response, headers};
use tokio::{net::TcpListener, sync::oneshot, time::timeout};

use self::{
    description::Description,
    desk::Desk,
    packet::{Report, range, recorded_at, report},
    session::DeviceSession,
};
use crate::{
    control::{Control, base_of, refusal},
    error::{Stage, from_status},
    opener::{self, DESCRIBE_TIMEOUT, DescriptionRecorder, PLAY_TIMEOUT, video_track},
    stream::{RtspStream, TEARDOWN_TIMEOUT},
};

/// Asks a device to play as §6 says.
const REPLAY: &str = "onvif-replay";
/// Reports that may come before the first picture.
const MOST_FIRST: usize = 16;

/// Plays what the stream's device recorded from `from` on.
pub(crate) async fn open(
    source: &StreamSource,
    from: UtcMicros,
    recorder: Option<&DescriptionRecorder>,
) -> Result<Replay> {
    let range = range(from)?;
    let at = format!("{}:{}", source.address.host, source.address.port);
    let (control, said) =
        bounded(DESCRIBE_TIMEOUT, describe(source, recorder), || format!("answer from {at}")).await?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(internal)?;
    let port = listener.local_addr().map_err(internal)?.port();
    let desk = Desk::new(port, said.sdp.clone());
    let near = StreamSource {
        address: RtspAddress { host: Ipv4Addr::LOCALHOST.to_string(), port, path: desk.path() },
        credentials: None,
        transport: Transport::Tcp,
    };
    let trouble = Trouble::default();
    let (hand_over, device) = oneshot::channel();
    let relay = OwnedTask::spawn(relay::serve(listener, desk, device, trouble.clone()));
    let described = opener::describe(&near).await?;
    // What cannot be shown need not be played.
    video_track(&described.0)?;

    let mut session = play(control, &said, &range).await?;
    let starts = match bounded(PLAY_TIMEOUT, first_picture(&mut session), || {
        "picture of the recording".into()
    })
    .await
    {
        Ok(starts) => starts,
        Err(error) => {
            session.tear_down().await;
            return Err(error);
        }
    };
    if hand_over.send(session).is_err() {
        return Err(Error::new(Code::Internal, "the relay has ended"));
    }
    let stream = opener::play(described, &near, true).await;
    let stream = stream.map_err(|failed| trouble.take().unwrap_or(failed.error))?;
    let description = StreamDescription { server: said.server, ..stream.description().clone() };
    Ok(Replay { stream: Box::new(ReplayStream { stream, description, relay, trouble }), starts })
}

async fn bounded<T>(
    limit: std::time::Duration,
    answer: impl Future<Output = Result<T>>,
    what: impl FnOnce() -> String,
) -> Result<T> {
    timeout(limit, answer)
        .await
        .unwrap_or_else(|_| Err(Error::new(Code::Timeout, format!("no {} in {} s", what(), limit.as_secs()))))
}

fn internal(error: std::io::Error) -> Error {
    Error::new(Code::Internal, format!("relay: {error}"))
}

/// Connects and asks what there is. Without `Require`, which the specification has on SETUP and PLAY alone.
async fn describe(
    source: &StreamSource,
    recorder: Option<&DescriptionRecorder>,
) -> Result<(Control, Description)> {
    let mut control = Control::connect(source).await?;
    let url = source.address.url()?;
    let answer = control.ask(Method::Describe, &url, &[(headers::ACCEPT, "application/sdp")]).await?;
    let stage = Stage::Describe { with_password: control.has_password() };
    let answer = accepted(&control, answer, stage)?;
    if let Some(record) = recorder {
        record(&source.address, answer.body());
    }
    let said = Description::read(answer.body(), &base_of(&answer, &url))?;
    Ok((control, said))
}

/// SETUP and PLAY, each in its time.
async fn play(mut control: Control, said: &Description, range: &str) -> Result<DeviceSession> {
    let stage = Stage::Setup { with_password: control.has_password() };
    let setup = [(headers::TRANSPORT, "RTP/AVP/TCP;unicast;interleaved=0-1"), (headers::REQUIRE, REPLAY)];
    let answer = control.ask(Method::Setup, &said.track, &setup);
    let answer = bounded(PLAY_TIMEOUT, answer, || "answer to SETUP".into()).await?;
    let answer = accepted(&control, answer, stage)?;
    let channels = control.begin_session(&answer)?;
    let mut session = DeviceSession::new(control, said.presentation.clone(), channels);
    let play = [(headers::REQUIRE, REPLAY), (headers::RANGE, range)];
    let answer = session.control().ask(Method::Play, &said.presentation, &play);
    let answer = bounded(PLAY_TIMEOUT, answer, || "answer to PLAY".into()).await;
    match answer.and_then(|answer| accepted(session.control(), answer, stage)) {
        Ok(_) => Ok(session),
        Err(error) => {
            session.tear_down().await;
            Err(error)
        }
    }
}

/// The answer, where it is a success.
fn accepted(control: &Control, answer: Response<Vec<u8>>, stage: Stage) -> Result<Response<Vec<u8>>> {
    let status = u16::from(answer.status());
    let code = match status {
        _ if answer.status().is_success() => return Ok(answer),
        404 | 410 | 457 => Code::NothingRecorded,
        501 | 551 => Code::NotOffered,
        // The login was taken a moment ago: this user may not see recordings.
        401 | 403 if control.proven() => Code::Forbidden,
        _ => from_status(status, stage),
    };
    Err(refusal(&answer, code))
}

/// Waits for the first packet of pictures, and keeps what has come. Gives when its picture was recorded.
async fn first_picture(session: &mut DeviceSession) -> Result<Option<UtcMicros>> {
    let (rtp, rtcp) = session.channels;
    loop {
        let message = session.control().next_or_end().await?;
        let message = message.ok_or_else(|| Error::new(Code::Disconnected, "the device hung up"))?;
        let Message::Data(data) = message else { continue };
        if data.channel_id() == rtp {
            let starts = recorded_at(data.as_slice());
            session.first.push_back(data);
            return Ok(starts);
        }
        if data.channel_id() == rtcp {
            if report(data.as_slice()) == Report::Bye {
                return Err(Error::new(
                    Code::NothingRecorded,
                    "the device says goodbye before the first picture",
                ));
            }
            if session.first.len() < MOST_FIRST {
                session.first.push_back(data);
            }
        }
    }
}

/// Why the device's session ended, for whoever reads the pictures.
#[derive(Clone, Default)]
struct Trouble(Arc<Mutex<Option<Error>>>);

impl Trouble {
    fn set(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A recording that plays. Dropped, the relay is, and with it the device's session.
struct ReplayStream {
    stream: RtspStream,
    description: StreamDescription,
    relay: OwnedTask,
    trouble: Trouble,
}

#[async_trait]
impl LiveStream for ReplayStream {
    fn description(&self) -> &StreamDescription {
        &self.description
    }

    async fn next(&mut self) -> Option<Result<LiveItem>> {
        match self.stream.next().await {
            None => self.trouble.take().map(Err),
            Some(Err(error)) => Some(Err(self.trouble.take().unwrap_or(error))),
            item => item,
        }
    }

    async fn close(self: Box<Self>) {
        let Self { stream, relay, .. } = *self;
        // The relay answers retina at once, and then tells the device.
        Box::new(stream).close().await;
        let _ = timeout(TEARDOWN_TIMEOUT, relay.join()).await;
    }
}
