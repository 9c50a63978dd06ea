//! A device in memory for the tests of this crate.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bartizan_base::{
    ChannelId, Code, Error, Result, Secret, StreamProfile, SystemClock, UtcMicros, random_token,
};
use bartizan_device::*;
use bartizan_store::{Store, Vault};
use tokio::{sync::mpsc, time::Instant};

use crate::{App, Draft, Files, Journal};

/// What a fake device was told, and when after its making.
pub type Log = Vec<(Duration, String)>;

pub struct FakeDriver {
    pub log: Mutex<Log>,
    pub born: Instant,
    /// How long every move takes to be answered.
    pub delay: Mutex<Duration>,
    /// Fails the next so many stops.
    pub failing_stops: AtomicU32,
    /// Its loudspeaker.
    pub speaker: SpeakerLog,
    /// What it recorded, from when to when.
    pub recorded: Mutex<Vec<(i64, i64)>>,
    /// Its recordings are asked for by range.
    pub by_range: AtomicBool,
}

/// How far the fake device's clock is ahead of ours, µs.
pub const FAKE_AHEAD_US: i64 = 7_000_000;

impl FakeDriver {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            born: Instant::now(),
            delay: Mutex::default(),
            failing_stops: AtomicU32::new(0),
            speaker: SpeakerLog::default(),
            recorded: Mutex::default(),
            by_range: AtomicBool::default(),
        })
    }

    fn note(&self, what: String) {
        self.log.lock().unwrap().push((self.born.elapsed(), what));
    }

    pub fn told(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(_, what)| what.clone()).collect()
    }
}

#[async_trait]
impl Driver for FakeDriver {
    fn family(&self) -> FamilyId {
        FamilyId("fake")
    }

    fn reached(&self) -> Reached {
        Reached {
            web_page: "http://fake/".into(),
            certificate: Some(CertificatePin([9; 32])),
            rtsp_port: Some(8554),
        }
    }

    fn oddities(&self) -> Vec<String> {
        Vec::new()
    }

    async fn identity(&self) -> Result<Identity> {
        Ok(Identity { serial: "FAKE00000001".into(), name: "Yard".into(), ..Identity::default() })
    }

    async fn channels(&self) -> Result<Vec<ChannelInfo>> {
        let stream = ChannelStream {
            profile: StreamProfile::Main,
            path: "/main".into(),
            rtsp_port: None,
            codec: Some("H.264".into()),
            width: Some(1920),
            height: Some(1080),
            frame_rate: None,
            bit_rate: None,
        };
        Ok(vec![ChannelInfo { number: 1, name: "One".into(), online: Online::Yes, streams: vec![stream] }])
    }

    async fn capabilities(&self, _: u16) -> Result<Capabilities> {
        Ok(Capabilities::default())
    }

    async fn ptz_move(&self, channel: u16, to: PtzMove) -> Result<()> {
        let delay = *self.delay.lock().unwrap();
        match to {
            PtzMove::Stop => {
                self.note(format!("{channel} stop"));
                let failing = self.failing_stops.load(Ordering::SeqCst);
                if failing > 0 {
                    self.failing_stops.store(failing - 1, Ordering::SeqCst);
                    return Err(Error::new(Code::Disconnected, "the cable"));
                }
            }
            PtzMove::Continuous { velocity, .. } => {
                self.note(format!("{channel} move {} {} {}", velocity.pan, velocity.tilt, velocity.zoom));
                tokio::time::sleep(delay).await;
            }
            other => self.note(format!("{channel} {other:?}")),
        }
        Ok(())
    }

    async fn lens_move(&self, channel: u16, to: LensMove) -> Result<()> {
        self.note(format!("{channel} {to:?}"));
        Ok(())
    }

    async fn replay(&self, channel: u16, from: UtcMicros) -> Result<ReplayPoint> {
        self.note(format!("{channel} replay {}", from.0));
        let recorded = self.recorded.lock().unwrap();
        let none = || Error::new(Code::NothingRecorded, "empty");
        let (begin, _) = recorded.iter().find(|(_, end)| *end > from.0).ok_or_else(none)?;
        let starts = UtcMicros(from.0.max(*begin));
        Ok(ReplayPoint {
            path: format!("/tape?from={}", starts.0),
            starts,
            range: self.by_range.load(Ordering::SeqCst).then_some(UtcMicros(starts.0 + FAKE_AHEAD_US)),
        })
    }

    async fn talk(&self, _: u16) -> Result<Box<dyn TalkLine>> {
        self.speaker.calls().asked += 1;
        let slow = *self.speaker.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        match *self.speaker.refusal.lock().unwrap() {
            Some(code) => Err(Error::new(code, "the device says no")),
            None => Ok(self.speaker.line()),
        }
    }
}

/// What went over the lines to a fake loudspeaker.
#[derive(Clone, Default)]
pub struct SpeakerLog {
    calls: Arc<Mutex<Calls>>,
    /// Why the next call is refused.
    pub refusal: Arc<Mutex<Option<Code>>>,
    /// What the next piece fails with.
    pub failure: Arc<Mutex<Option<Code>>>,
    /// How long a call and a piece take.
    pub slow: Arc<Mutex<Duration>>,
}

#[derive(Default)]
struct Calls {
    asked: usize,
    open: usize,
    most_open: usize,
    closed: usize,
    pieces: Vec<usize>,
}

impl SpeakerLog {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap()
    }

    /// A call that is taken.
    pub fn line(&self) -> Box<dyn TalkLine> {
        let mut calls = self.calls();
        calls.open += 1;
        calls.most_open = calls.most_open.max(calls.open);
        Box::new(FakeLine(self.clone()))
    }

    pub fn asked(&self) -> usize {
        self.calls().asked
    }

    pub fn open(&self) -> usize {
        self.calls().open
    }

    pub fn most_open(&self) -> usize {
        self.calls().most_open
    }

    pub fn closed(&self) -> usize {
        self.calls().closed
    }

    /// Lengths of the pieces that were sent.
    pub fn pieces(&self) -> Vec<usize> {
        self.calls().pieces.clone()
    }
}

struct FakeLine(SpeakerLog);

#[async_trait]
impl TalkLine for FakeLine {
    fn coding(&self) -> TalkCoding {
        TalkCoding::Pcmu
    }

    async fn send(&mut self, speech: bytes::Bytes) -> Result<()> {
        let slow = *self.0.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        self.0.calls().pieces.push(speech.len());
        match *self.0.failure.lock().unwrap() {
            Some(code) => Err(Error::new(code, "the line broke")),
            None => Ok(()),
        }
    }

    async fn close(self: Box<Self>) {
        let mut calls = self.0.calls();
        calls.open -= 1;
        calls.closed += 1;
    }
}

/// A family that recognises or not, and logs in with one password.
pub struct FakeFamily {
    pub id: &'static str,
    pub recognises: Result<bool>,
    pub after: Duration,
    pub password: &'static str,
    pub logins: AtomicU32,
    pub driver: Arc<FakeDriver>,
}

impl FakeFamily {
    pub fn new(id: &'static str, recognises: Result<bool>) -> Self {
        Self {
            id,
            recognises,
            after: Duration::ZERO,
            password: "right",
            logins: AtomicU32::new(0),
            driver: FakeDriver::new(),
        }
    }
}

#[async_trait]
impl Family for FakeFamily {
    fn id(&self) -> FamilyId {
        FamilyId(self.id)
    }

    async fn recognise(&self, _: &Endpoint) -> Result<Option<Recognised>> {
        tokio::time::sleep(self.after).await;
        Ok(self.recognises.clone()?.then(|| Recognised {
            family: self.id(),
            evidence: format!("{} said so", self.id),
            activated: Some(true),
            https: false,
            certificate: None,
            identity: Identity::default(),
        }))
    }

    async fn connect(&self, _: &Endpoint, login: &Login) -> Result<Arc<dyn Driver>> {
        self.logins.fetch_add(1, Ordering::SeqCst);
        let given = login.credentials.as_ref().map(|login| login.password.expose().to_owned());
        match given {
            Some(given) if given == self.password => Ok(self.driver.clone()),
            Some(_) => Err(Error::new(Code::WrongPassword, "401").with_tries_left(4)),
            None => Err(Error::new(Code::PasswordNeeded, "401")),
        }
    }

    async fn discover(&self, _: &SearchScope, _: mpsc::Sender<Sighting>) -> Result<()> {
        Ok(())
    }
}

/// An app in memory with one device of `family`, whose streams `opener` opens; and the device's channel.
pub async fn app_with(opener: Arc<dyn StreamOpener>, family: Arc<FakeFamily>) -> (App, ChannelId) {
    let store = Store::in_memory(Vault::in_memory()).unwrap();
    let files = Files::new(std::env::temp_dir().join(random_token()), true);
    let journal = Arc::new(Journal::new(Arc::new(SystemClock)));
    let app = App::with_parts(store, files, journal, opener, vec![family]).await.unwrap();
    let draft = Draft {
        host: Some("camera".into()),
        user: Some("admin".into()),
        password: Some(Secret::new("right")),
        ..Draft::default()
    };
    let device = app.devices.add(&draft).await.unwrap().id;
    (app, ChannelId { device, number: 1 })
}

/// Opens no stream: every description fails as if the port were closed.
pub struct NoVideo;

#[async_trait]
impl StreamOpener for NoVideo {
    async fn describe(&self, _: &StreamSource) -> Result<StreamDescription> {
        Err(Error::new(Code::Unreachable, "closed"))
    }

    async fn open(&self, _: &StreamSource) -> Result<Box<dyn LiveStream>> {
        Err(Error::new(Code::Unreachable, "closed"))
    }
}
