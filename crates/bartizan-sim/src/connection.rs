//! One TCP connection: requests in, responses out (RFC 2326).

mod playback;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use bartizan_base::{OwnedTask, Secret, random_token};
use rtsp_types::{Message, ParseError, Request, StatusCode, Version, headers};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use self::playback::Media;
use crate::{
    auth::{Auth, Verdict},
    ear::{Call, SpeechCoding},
    fault::Fault,
    outgoing::Outgoing,
    player::Player,
    sdp::{Description, VIDEO_PAYLOAD_TYPE},
    site::{Session, Shared},
    target::{
        AUDIO_TRACK, Playback, TALK_TRACK, Target, Transport, VIDEO_TRACK, parse_target, parse_transport,
    },
    track::{Route, SharedTrack, Track, since, udp_pair},
    unit::LoginOutcome,
};

/// A connection without session and without request for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest request taken.
const MAX_REQUEST: usize = 64 * 1024;
/// How late DESCRIBE is answered under `slow-describe`.
const SLOW_DESCRIBE: Duration = Duration::from_secs(3);
/// Host that `wrong-content-base` names (TEST-NET-1, RFC 5737).
const WRONG_HOST: &str = "192.0.2.10:554";
/// Asks for the backchannel (ONVIF Streaming §5.3.1).
const BACKCHANNEL: &str = "www.onvif.org/ver20/backchannel";
/// Asks for recordings (ONVIF Streaming, replay: Require).
const REPLAY: &str = "onvif-replay";
const PUBLIC: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN";
pub(crate) const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\n\
    Content-Length: 50\r\nConnection: close\r\n\r\n<html><body><h1>400 Bad Request</h1></body></html>";

pub(crate) struct Connection {
    shared: Arc<Shared>,
    out: Arc<Outgoing>,
    auth: Auth,
    peer: SocketAddr,
    number: u64,
    /// The recording described last, and its channel.
    described: Mutex<Option<(u16, Playback)>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.connection_ended(self.number);
        self.shared.counters.open_connections.fetch_sub(1, Relaxed);
    }
}

/// A response without CSeq, which every response gets.
struct Response {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Response {
    fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    fn ok() -> Self {
        Self::new(StatusCode::Ok)
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Written by hand: `rtsp_types` joins headers of one name, and challenges must stay apart.
    fn to_bytes(&self, cseq: &str) -> Vec<u8> {
        let mut text = format!("RTSP/1.0 {} {}\r\nCSeq: {cseq}\r\n", u16::from(self.status), self.status);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        text.push_str("Server: bartizan-sim\r\n\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }
}

type Incoming = Request<Vec<u8>>;

fn header<'a>(request: &'a Incoming, name: &headers::HeaderName) -> Option<&'a str> {
    request.header(name).map(|value| value.as_str().trim())
}

fn session_id(request: &Incoming) -> Option<&str> {
    // Some clients send the time-out back.
    header(request, &headers::SESSION).map(|value| value.split(';').next().unwrap_or(value).trim())
}

/// The request URI as written, which the digest covers; parsing would normalise it.
fn raw_uri(message: &[u8]) -> String {
    let line = message.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    let uri = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    String::from_utf8_lossy(uri).into_owned()
}

impl Connection {
    pub fn new(shared: Arc<Shared>, stream: TcpStream, number: u64) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?;
        let config = &shared.config;
        let auth = match &config.unit {
            // A fresh unit has no password that could be right.
            Some(unit) => {
                let user = &unit.config().user;
                let password = unit.password_of(user).unwrap_or_else(|| Secret::new(random_token()));
                Auth::new(user, &password, config.digest)
            }
            None => Auth::new(&config.user, &config.password, config.digest),
        };
        shared.counters.open_connections.fetch_add(1, Relaxed);
        Ok(Self {
            out: Arc::new(Outgoing::new(stream)),
            auth,
            peer,
            number,
            shared,
            described: Mutex::default(),
        })
    }

    pub async fn run(self) {
        let out = self.out.clone();
        tokio::select! {
            () = out.run() => {}
            () = self.serve() => out.finish().await,
        }
    }

    /// Answers requests until the peer, an error or a fault ends the connection.
    async fn serve(&self) {
        let mut buffer = Vec::new();
        loop {
            match timeout(IDLE_TIMEOUT, self.out.stream.readable()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) if self.shared.has_sessions_of(self.number) => continue,
                Err(_) => return,
            }
            match self.out.stream.try_read_buf(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return,
            }
            loop {
                // Stray line ends between requests are to be ignored (RFC 7826 §5, as HTTP does).
                let blank = buffer.iter().take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
                buffer.drain(..blank);
                match Message::<Vec<u8>>::parse(&buffer) {
                    Ok((message, consumed)) => {
                        // Receiver reports and the answers of a client are read and left alone.
                        match message {
                            Message::Request(request) => {
                                let uri = raw_uri(&buffer);
                                if !self.answer(&request, &uri).await {
                                    return;
                                }
                            }
                            Message::Data(data) => {
                                self.shared.hear(self.number, data.channel_id(), data.as_slice())
                            }
                            Message::Response(_) => {}
                        }
                        buffer.drain(..consumed);
                    }
                    Err(ParseError::Incomplete(_)) if buffer.len() <= MAX_REQUEST => break,
                    Err(_) => {
                        self.out.push(&Response::new(StatusCode::BadRequest).to_bytes("0"));
                        return;
                    }
                }
            }
        }
    }

    /// Handles one request; false when the connection ends with it.
    async fn answer(&self, request: &Incoming, uri: &str) -> bool {
        let target = parse_target(uri, self.shared.config.channel_count());
        let channel = target.map(|target| target.channel);
        if self.shared.faults.is(channel, Fault::NotRtsp) {
            self.out.push(HTTP_ANSWER);
            return false;
        }
        let Some(cseq) = header(request, &headers::CSEQ) else {
            self.out.push(&Response::new(StatusCode::BadRequest).to_bytes("0"));
            return true;
        };
        tracing::debug!(peer = %self.peer, method = ?request.method(), uri, cseq, "request");
        let mut play = None;
        let response = match self.refuse(request, uri, channel) {
            Some(refusal) => refusal,
            None => match request.method() {
                rtsp_types::Method::Options => self.keep_alive(request).header("Public", PUBLIC),
                rtsp_types::Method::GetParameter | rtsp_types::Method::SetParameter => {
                    self.keep_alive(request)
                }
                rtsp_types::Method::Describe => {
                    let options = header(request, &headers::REQUIRE).unwrap_or_default();
                    self.describe(uri, target, options.contains(BACKCHANNEL)).await
                }
                rtsp_types::Method::Setup => self.setup(request, target).await,
                rtsp_types::Method::Play => self.play(request, uri, &mut play),
                rtsp_types::Method::Pause => self.pause(request),
                rtsp_types::Method::Teardown => self.teardown(request),
                _ => Response::new(StatusCode::NotImplemented).header("Public", PUBLIC),
            },
        };
        tracing::debug!(peer = %self.peer, status = u16::from(response.status), cseq, "response");
        self.out.push(&response.to_bytes(cseq));
        // Media follows the response, never precedes it.
        if let Some((id, media)) = play {
            let task = OwnedTask::spawn(media);
            self.shared.with(&id, |session| session.player = Some(task));
        }
        true
    }

    /// What is refused before looking at the method: version, options, login.
    fn refuse(&self, request: &Incoming, uri: &str, channel: Option<u16>) -> Option<Response> {
        if request.version() != Version::V1_0 {
            return Some(Response::new(StatusCode::RTSPVersionNotSupported));
        }
        if let Some(options) = header(request, &headers::REQUIRE)
            && !options.split(',').all(|option| self.understands(option.trim()))
        {
            return Some(Response::new(StatusCode::OptionNotSupported).header("Unsupported", options));
        }
        if *request.method() == rtsp_types::Method::Options {
            return None;
        }
        let unauthorized = |stale| {
            let response = Response::new(StatusCode::Unauthorized);
            let challenges = self.auth.challenges(stale);
            challenges.into_iter().fold(response, |response, one| response.header("WWW-Authenticate", one))
        };
        let method: &str = request.method().into();
        let verdict = self.auth.judge(method, uri, header(request, &headers::AUTHORIZATION));
        if verdict == Verdict::Wrong {
            self.shared.counters.auth_failures.fetch_add(1, Relaxed);
        }
        if let Some(unit) = &self.shared.config.unit
            && matches!(verdict, Verdict::Wrong | Verdict::Granted)
            && unit.login(verdict == Verdict::Granted) != LoginOutcome::Granted
        {
            return Some(unauthorized(false));
        }
        let fault = self.shared.faults.armed(channel).map(|armed| armed.fault);
        match (verdict, fault) {
            (_, Some(Fault::AuthStorm)) => Some(unauthorized(false)),
            (Verdict::Missing, _) => Some(unauthorized(false)),
            // A locked account: the challenge comes as always, then even the right login is refused.
            (_, Some(Fault::Locked)) => Some(Response::new(StatusCode::Forbidden)),
            (Verdict::Wrong, _) => Some(unauthorized(false)),
            (Verdict::Stale, _) => Some(unauthorized(true)),
            (Verdict::Granted, _) => None,
        }
    }

    fn session_header(&self, id: &str) -> String {
        format!("{id};timeout={}", self.shared.config.session_timeout.as_secs().max(1))
    }

    fn keep_alive(&self, request: &Incoming) -> Response {
        match session_id(request) {
            Some(id) if self.shared.with(id, |_| ()).is_none() => Response::new(StatusCode::SessionNotFound),
            Some(id) => Response::ok().header("Session", self.session_header(id)),
            None => Response::ok(),
        }
    }

    fn has_backchannel(&self) -> bool {
        self.shared.config.unit.as_ref().is_some_and(|unit| unit.config().backchannel)
    }

    fn understands(&self, option: &str) -> bool {
        let profile_g = || self.shared.config.unit.as_ref().is_some_and(|unit| unit.config().profile_g);
        (option == BACKCHANNEL && self.has_backchannel()) || (option == REPLAY && profile_g())
    }

    async fn describe(&self, uri: &str, target: Option<Target>, talk: bool) -> Response {
        let Some(target) = target else { return Response::new(StatusCode::NotFound) };
        if target.playback.is_some() {
            return self.describe_recording(uri, target).await;
        }
        if self.shared.config.unit.as_ref().is_some_and(|unit| unit.offline(target.channel).is_some()) {
            return Response::new(StatusCode::ServiceUnavailable);
        }
        let fault = self.shared.faults.armed(Some(target.channel)).map(|armed| armed.fault);
        if fault == Some(Fault::SlowDescribe) {
            sleep(SLOW_DESCRIBE).await;
        }
        self.shared.counters.describes.fetch_add(1, Relaxed);
        let (format, sets) = match self.shared.feeds.described(target.channel, target.profile).await {
            Ok(described) => described,
            Err(error) => {
                tracing::error!(%error, "no description");
                return Response::new(StatusCode::InternalServerError);
            }
        };
        let sdp = Description {
            server: self.shared.addr.ip(),
            name: &self.shared.config.channel_name(target.channel),
            format,
            sps: &sets.sps,
            pps: &sets.pps,
            video: fault != Some(Fault::NoVideo),
            audio: self.shared.config.audio.then(|| self.shared.config.sound_of(target.channel)),
            talk,
            range: "npt=0-",
        };
        let base = match fault {
            Some(Fault::WrongContentBase) => {
                let path = uri.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
                format!("rtsp://{WRONG_HOST}{}", path.unwrap_or("/"))
            }
            _ => uri.to_owned(),
        };
        let base = format!("{}/", base.trim_end_matches('/'));
        let response = Response::ok().header("Content-Base", base).header("Content-Type", "application/sdp");
        Response { body: sdp.to_sdp(), ..response }
    }

    async fn setup(&self, request: &Incoming, target: Option<Target>) -> Response {
        let Some(target) = target else { return Response::new(StatusCode::NotFound) };
        let fault = self.shared.faults.armed(Some(target.channel)).map(|armed| armed.fault);
        if target.track == Some(TALK_TRACK) {
            return self.set_up_talk(request, target);
        }
        let has_audio = self.shared.config.audio && target.playback.is_none();
        let has_video = fault != Some(Fault::NoVideo);
        let track = match (target.track, has_video, has_audio) {
            (Some(VIDEO_TRACK), true, _) | (None, true, false) => VIDEO_TRACK,
            (Some(AUDIO_TRACK), _, true) | (None, false, true) => AUDIO_TRACK,
            (None, ..) => return Response::new(StatusCode::AggregateOperationNotAllowed),
            _ => return Response::new(StatusCode::NotFound),
        };
        if fault == Some(Fault::AudioRefused) && track == AUDIO_TRACK {
            return Response::new(StatusCode::Forbidden);
        }
        if fault == Some(Fault::TooManySessions) && session_id(request).is_none() {
            return Response::new(StatusCode::NotEnoughBandwidth);
        }
        let wanted = header(request, &headers::TRANSPORT).unwrap_or_default();
        let allow_tcp = fault != Some(Fault::RefuseTcpInterleaved);
        let (route, transport) = match parse_transport(wanted, allow_tcp) {
            None => return Response::new(StatusCode::UnsupportedTransport),
            Some(Transport::Interleaved(channels)) => {
                let (rtp, rtcp) = channels.unwrap_or((track * 2, track * 2 + 1));
                let out = Arc::downgrade(&self.out);
                let transport = format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}");
                (Route::Interleaved { out, rtp, rtcp }, transport)
            }
            Some(Transport::Udp(to_rtp, to_rtcp)) => {
                let Ok((rtp, rtcp)) = udp_pair(self.shared.addr.ip()).await else {
                    return Response::new(StatusCode::InternalServerError);
                };
                let port = |socket: &tokio::net::UdpSocket| socket.local_addr().map_or(0, |addr| addr.port());
                let transport = format!(
                    "RTP/AVP;unicast;client_port={to_rtp}-{to_rtcp};server_port={}-{}",
                    port(&rtp),
                    port(&rtcp)
                );
                let to = |port| SocketAddr::new(self.peer.ip(), port);
                (Route::Udp { rtp, rtcp, to_rtp: to(to_rtp), to_rtcp: to(to_rtcp) }, transport)
            }
        };
        let replay = match (target.playback, self.replay(target)) {
            (Some(_), None) => return Response::new(StatusCode::NotFound),
            (_, replay) => replay,
        };
        let interleaved = matches!(route, Route::Interleaved { .. });
        let (payload_type, clock_hz) = match track {
            VIDEO_TRACK => (VIDEO_PAYLOAD_TYPE, 90_000),
            _ => {
                let coding = self.shared.config.sound_of(target.channel);
                (coding.payload_type(), coding.clock_hz())
            }
        };
        let made = Track::new(payload_type, clock_hz, route);
        let transport = format!("{transport};ssrc={:08X}", made.ssrc);
        let made: SharedTrack = Arc::new(Mutex::new(made));
        let id = match session_id(request) {
            Some(id) => {
                let added = self.shared.with(id, |session| {
                    let same = (session.channel, session.profile) == (target.channel, target.profile);
                    if !same || session.replay.is_some() != replay.is_some() {
                        return Err(StatusCode::AggregateOperationNotAllowed);
                    }
                    if session.player.is_some() {
                        return Err(StatusCode::MethodNotValidInThisState);
                    }
                    session.tracks[usize::from(track)] = Some(made);
                    session.interleaved |= interleaved;
                    Ok(())
                });
                match added {
                    None => return Response::new(StatusCode::SessionNotFound),
                    Some(Err(status)) => return Response::new(status),
                    Some(Ok(())) => id.to_owned(),
                }
            }
            None => {
                let mut tracks = [None, None];
                tracks[usize::from(track)] = Some(made);
                let id = random_token()[..16].to_owned();
                let session = Session {
                    channel: target.channel,
                    profile: target.profile,
                    tracks,
                    player: None,
                    origin: None,
                    last_request: Instant::now(),
                    connection: self.number,
                    out: Arc::downgrade(&self.out),
                    interleaved,
                    call: None,
                    replay,
                };
                if !self.shared.open(id.clone(), session) {
                    return Response::new(StatusCode::NotEnoughBandwidth);
                }
                id
            }
        };
        Response::ok().header("Transport", transport).header("Session", self.session_header(&id))
    }

    /// SETUP of the backchannel, which is A-law in the connection: the first coding of the offer.
    fn set_up_talk(&self, request: &Incoming, target: Target) -> Response {
        let Some(unit) = self.shared.config.unit.as_ref().filter(|unit| unit.config().backchannel) else {
            return Response::new(StatusCode::NotFound);
        };
        let wanted = header(request, &headers::TRANSPORT).unwrap_or_default();
        let Some(Transport::Interleaved(channels)) = parse_transport(wanted, true) else {
            return Response::new(StatusCode::UnsupportedTransport);
        };
        let (rtp, rtcp) = channels.unwrap_or((TALK_TRACK * 2, TALK_TRACK * 2 + 1));
        let Some(call) = unit.ear().answer(SpeechCoding::Alaw) else {
            return Response::new(StatusCode::NotEnoughBandwidth);
        };
        let id = match session_id(request) {
            Some(id) => {
                if self.shared.with(id, |session| session.call = Some((rtp, call))).is_none() {
                    return Response::new(StatusCode::SessionNotFound);
                }
                id.to_owned()
            }
            None => match self.begin_call(target, (rtp, call)) {
                Some(id) => id,
                None => return Response::new(StatusCode::NotEnoughBandwidth),
            },
        };
        Response::ok()
            .header("Transport", format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}"))
            .header("Session", self.session_header(&id))
    }

    /// A session of speech alone.
    fn begin_call(&self, target: Target, call: (u8, Call)) -> Option<String> {
        let id = random_token()[..16].to_owned();
        let session = Session {
            channel: target.channel,
            profile: target.profile,
            tracks: [None, None],
            player: None,
            origin: None,
            last_request: Instant::now(),
            connection: self.number,
            out: Arc::downgrade(&self.out),
            interleaved: true,
            call: Some(call),
            replay: None,
        };
        self.shared.open(id.clone(), session).then_some(id)
    }

    fn play(&self, request: &Incoming, uri: &str, play: &mut Option<(String, Media)>) -> Response {
        let Some(id) = session_id(request) else { return Response::new(StatusCode::SessionNotFound) };
        if self.shared.with(id, |session| session.replay.is_some()) == Some(true) {
            return self.play_recording(request, uri, id, play);
        }
        let info = self.shared.with(id, |session| {
            let started = Instant::now();
            let origin = *session.origin.get_or_insert(started);
            // Without the trailing part: PLAY may name the presentation or, of a single track, that track.
            let base = uri.split("trackID=").next().unwrap_or(uri).trim_end_matches('/').to_owned();
            let info: Vec<String> = session
                .tracks
                .iter()
                .enumerate()
                .filter_map(|(number, track)| Some((number, track.as_ref()?)))
                .map(|(number, track)| {
                    let track = track.lock().unwrap_or_else(PoisonError::into_inner);
                    let time = track.timestamp(since(origin, started));
                    format!("url={base}/trackID={number};seq={};rtptime={time}", track.seq)
                })
                .collect();
            // A second PLAY of a live stream changes nothing (RFC 2326 §10.5 queues it; there is no end to wait for).
            if session.player.is_none() && session.tracks.iter().any(Option::is_some) {
                let player = Player {
                    shared: self.shared.clone(),
                    session: id.to_owned(),
                    channel: session.channel,
                    profile: session.profile,
                    video: session.tracks[0].clone(),
                    audio: session.tracks[1].clone(),
                    origin,
                    started,
                };
                *play = Some((id.to_owned(), Box::pin(player.run())));
            }
            info.join(",")
        });
        let Some(info) = info else { return Response::new(StatusCode::SessionNotFound) };
        self.shared.counters.plays.fetch_add(1, Relaxed);
        // Whatever range was asked for: live begins now and has no end.
        Response::ok()
            .header("Session", self.session_header(id))
            .header("Range", "npt=0.000-")
            .header("RTP-Info", info)
    }

    fn pause(&self, request: &Incoming) -> Response {
        let player = session_id(request)
            .and_then(|id| self.shared.with(id, |session| (id.to_owned(), session.player.take())));
        match player {
            Some((id, _player)) => Response::ok().header("Session", self.session_header(&id)),
            None => Response::new(StatusCode::SessionNotFound),
        }
    }

    fn teardown(&self, request: &Incoming) -> Response {
        match session_id(request).and_then(|id| self.shared.close(id)) {
            Some(_session) => {
                self.shared.counters.teardowns.fetch_add(1, Relaxed);
                Response::ok()
            }
            None => Response::new(StatusCode::SessionNotFound),
        }
    }
}
