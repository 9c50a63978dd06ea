//! Recording live streams, several at once, each on its own thread and without decoding.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use bartizan_base::{Code, Error, Result, StreamId, StreamProfile, UtcMicros};
use bartizan_media::{
    AccessUnit, AudioCodec, AudioFrame,
    movie::{MovieOptions, MovieWriter},
    sound::MovieSpeech,
};
use tokio::sync::{oneshot, watch};

use crate::{
    files::{Facts, FileKind, Files, OpenFile, disk, unreadable},
    live::{
        Attachment, DecodedPicture, Listener, Listening, Live, SoundState, StreamFormat, StreamState, Viewer,
    },
};

/// Free space that is never used: enough to finish every open file, and to keep the system alive.
pub const DISK_RESERVE: u64 = 256 << 20;
/// Below this many seconds of recording left, the page is told so.
const LOW_AFTER: Duration = Duration::from_secs(600);
/// Pictures waiting for the disk, in bytes. Beyond it some are left out, up to a random access point.
const WAITING_BYTES: usize = 32 << 20;
/// The first pictures wait so long for the first sound: a movie has the tracks it begins with.
const SOUND_WAIT_US: i64 = 1_500_000;
/// And no longer than this many bytes.
const HELD_BYTES: usize = 8 << 20;
/// Recordings at once: a wall has sixteen windows.
const MOST_RECORDINGS: usize = 16;
/// How long the end of one recording may take: a slow card, a large table.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Tells the free bytes where a folder lies.
pub type FreeSpace = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

/// The free bytes that the system lets us use.
pub fn free_space(folder: &Path) -> std::io::Result<u64> {
    fs4::available_space(folder)
}

/// What a recording is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingState {
    /// What it records.
    pub stream: StreamId,
    /// What the channel is called.
    pub title: String,
    /// When it was asked for.
    pub started: UtcMicros,
    /// Recorded so far; zero until the first random access point.
    pub elapsed: Duration,
    /// Written so far, in all its files.
    pub bytes: u64,
    /// Its finished files, by id.
    pub files: Vec<String>,
    /// It ended by itself: why. The files so far are safe.
    pub ended: Option<Error>,
    /// How much longer the disk lasts at this rate; `None` until that is known.
    pub disk_left: Option<Duration>,
    /// The disk is nearly full.
    pub disk_low: bool,
}

/// Records streams.
pub struct Recorder {
    live: Arc<Live>,
    files: Arc<Files>,
    free: FreeSpace,
    active: Mutex<BTreeMap<StreamId, Active>>,
    changes: watch::Sender<u64>,
}

struct Active {
    shared: Arc<Shared>,
    ended: oneshot::Receiver<()>,
}

struct Shared {
    state: Mutex<RecordingState>,
    changes: watch::Sender<u64>,
    /// The hold on the stream and its sound; gone when the recording is over.
    attachment: Mutex<Option<(Listening, Attachment)>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, RecordingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut RecordingState)) {
        change(&mut self.lock());
        self.changes.send_modify(|revision| *revision += 1);
    }

    /// Lets go of the stream. The writing thread ends when its inbox does.
    fn detach(&self) {
        let attachment = self.attachment.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(attachment);
    }
}

impl Recorder {
    /// Records nothing yet.
    pub fn new(live: Arc<Live>, files: Arc<Files>, free: FreeSpace) -> Self {
        Self { live, files, free, active: Mutex::default(), changes: watch::Sender::new(1) }
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<StreamId, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts recording `stream`. Recording it already is no error. Must run inside the runtime.
    pub fn start(&self, stream: StreamId, title: &str, now: UtcMicros) -> Result<RecordingState> {
        let mut active = self.active();
        if let Some(known) = active.get(&stream) {
            let state = known.shared.lock().clone();
            if state.ended.is_none() {
                return Ok(state);
            }
        }
        let running = active.values().filter(|active| active.shared.lock().ended.is_none()).count();
        if running >= MOST_RECORDINGS {
            return Err(Error::new(Code::InvalidInput, "sixteen recordings are the most"));
        }
        std::fs::create_dir_all(self.files.root()).map_err(disk)?;
        if (self.free)(self.files.root()).map_err(disk)? < DISK_RESERVE * 2 {
            return Err(Error::new(Code::DiskFull, "less than 512 MiB are free"));
        }
        let state = RecordingState {
            stream: stream.clone(),
            title: title.to_owned(),
            started: now,
            elapsed: Duration::ZERO,
            bytes: 0,
            files: Vec::new(),
            ended: None,
            disk_left: None,
            disk_low: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state.clone()),
            changes: self.changes.clone(),
            attachment: Mutex::default(),
        });
        let (inbox, pieces) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writing = Writing {
            shared: shared.clone(),
            files: self.files.clone(),
            free: self.free.clone(),
            open: None,
            earlier: Duration::ZERO,
            speech: MovieSpeech::default(),
            awaits_sound: true,
            held: Held::default(),
        };
        let (tell, ended) = oneshot::channel();
        let freed = waiting.clone();
        std::thread::Builder::new()
            .name("record".into())
            .spawn(move || {
                writing.run(&pieces, &freed);
                let _ = tell.send(());
            })
            .map_err(|e| Error::new(Code::Internal, format!("no thread for recording: {e}")))?;
        let viewer = Arc::new(RecordingViewer { inbox, waiting, overrun: AtomicBool::new(false) });
        let attachment = self.live.attach_lasting(stream.clone(), viewer.clone())?;
        let listening = attachment.listen(viewer);
        *shared.attachment.lock().unwrap_or_else(PoisonError::into_inner) = Some((listening, attachment));
        if shared.lock().ended.is_some() {
            // It failed on the pictures that were there at once.
            shared.detach();
        }
        active.insert(stream, Active { shared, ended });
        drop(active);
        self.changes.send_modify(|revision| *revision += 1);
        Ok(state)
    }

    /// Ends a recording, or forgets one that ended by itself; gives its last state, with its finished files.
    pub async fn stop(&self, stream: &StreamId) -> Result<RecordingState> {
        let Some(Active { shared, ended }) = self.active().remove(stream) else {
            return Err(Error::new(Code::NotFound, "this stream is not being recorded"));
        };
        shared.detach();
        if tokio::time::timeout(STOP_LIMIT, ended).await.is_err() {
            return Err(Error::new(
                Code::Storage,
                "the disk is too slow to finish the file; it is finished later",
            ));
        }
        self.changes.send_modify(|revision| *revision += 1);
        let state = shared.lock().clone();
        Ok(state)
    }

    /// All recordings, and the revision of this list.
    pub fn states(&self) -> (u64, Vec<RecordingState>) {
        let revision = *self.changes.borrow();
        (revision, self.active().values().map(|active| active.shared.lock().clone()).collect())
    }

    /// The recording of a channel, whichever of its streams it is.
    pub fn of_channel(&self, channel: &bartizan_base::ChannelId) -> Option<StreamId> {
        let stream = |profile| StreamId { channel: channel.clone(), profile };
        let streams = [stream(StreamProfile::Main), stream(StreamProfile::Sub)];
        let active = self.active();
        streams.into_iter().find(|stream| active.contains_key(stream))
    }

    /// The program ends: every file is finished.
    pub async fn shutdown(&self) {
        let streams: Vec<StreamId> = self.active().keys().cloned().collect();
        futures::future::join_all(streams.iter().map(|stream| self.stop(stream))).await;
    }
}

/// What the writing thread gets.
enum Piece {
    Unit(AccessUnit),
    Sound(AudioFrame),
    /// No sound will come, or none that a movie can hold.
    NoSound,
}

/// Hands a stream to the writing thread.
struct RecordingViewer {
    inbox: mpsc::Sender<Piece>,
    waiting: Arc<AtomicUsize>,
    /// Some were left out: the next one kept is a random access point.
    overrun: AtomicBool,
}

impl Viewer for RecordingViewer {
    fn state(&self, _: &StreamState) {}

    fn format(&self, _: &StreamFormat) {}

    fn unit(&self, unit: &AccessUnit) {
        let mut unit = unit.clone();
        if self.overrun.load(Ordering::Relaxed) {
            if !unit.random_access {
                return;
            }
            unit.discontinuity = true;
        }
        let bytes = unit.data.len();
        let full = self.waiting.load(Ordering::Relaxed) + bytes > WAITING_BYTES;
        self.overrun.store(full, Ordering::Relaxed);
        if !full {
            self.waiting.fetch_add(bytes, Ordering::Relaxed);
            // A thread that ended has told why.
            let _ = self.inbox.send(Piece::Unit(unit));
        }
    }

    fn picture(&self, _: DecodedPicture) {}

    fn wants_picture(&self) -> bool {
        false
    }
}

impl Listener for RecordingViewer {
    fn sound_state(&self, state: &SoundState) {
        let hopeless = match state {
            SoundState::Connecting => false,
            SoundState::Playing(description) => {
                matches!(description.codec, AudioCodec::Opus | AudioCodec::Other)
            }
            SoundState::None | SoundState::Unsupported(_) | SoundState::Failed { .. } => true,
        };
        if hopeless {
            let _ = self.inbox.send(Piece::NoSound);
        }
    }

    fn sound(&self, frame: &AudioFrame, _: bool) {
        // The movie sees from the times what is missing.
        let bytes = frame.data.len();
        if self.waiting.load(Ordering::Relaxed) + bytes <= WAITING_BYTES {
            self.waiting.fetch_add(bytes, Ordering::Relaxed);
            let _ = self.inbox.send(Piece::Sound(frame.clone()));
        }
    }
}

/// The first pictures and sounds, until it is known whether there is sound.
#[derive(Default)]
struct Held {
    units: Vec<AccessUnit>,
    sounds: Vec<AudioFrame>,
    bytes: usize,
}

impl Held {
    /// Whether that takes too long. The group of pictures that was there at the start is older than the wait.
    fn is_long(&self, started: UtcMicros) -> bool {
        let span = match (self.units.first(), self.units.last()) {
            (Some(first), Some(last)) => last.arrival.0.saturating_sub(first.arrival.0.max(started.0)),
            _ => 0,
        };
        span >= SOUND_WAIT_US || self.bytes >= HELD_BYTES
    }
}

/// The writing thread.
struct Writing {
    shared: Arc<Shared>,
    files: Arc<Files>,
    free: FreeSpace,
    open: Option<(OpenFile, MovieWriter, Facts)>,
    /// Recorded in finished files.
    earlier: Duration,
    speech: MovieSpeech,
    /// Nothing is known of the sound yet, so the first pictures are held back.
    awaits_sound: bool,
    held: Held,
}

impl Writing {
    fn run(mut self, pieces: &mpsc::Receiver<Piece>, waiting: &AtomicUsize) {
        let mut outcome = Ok(());
        while let Ok(piece) = pieces.recv() {
            let bytes = match &piece {
                Piece::Unit(unit) => unit.data.len(),
                Piece::Sound(frame) => frame.data.len(),
                Piece::NoSound => 0,
            };
            waiting.fetch_sub(bytes, Ordering::Relaxed);
            outcome = self.piece(piece);
            if outcome.is_err() {
                break;
            }
        }
        let outcome = outcome.and_then(|()| self.release()).and_then(|()| self.finish());
        if let Err(error) = outcome {
            tracing::warn!(%error, "a recording ended");
            if let Some((open, ..)) = self.open.take() {
                open.abandon();
            }
            self.shared.change(|state| state.ended = Some(error));
            self.shared.detach();
        }
    }

    fn piece(&mut self, piece: Piece) -> Result<()> {
        match piece {
            Piece::NoSound => self.release(),
            Piece::Sound(frame) => {
                let frame = self.speech.convert(&frame);
                match &mut self.open {
                    Some((_, writer, _)) => writer.push_sound(&frame),
                    // Sound from before the first picture is in no movie.
                    None if self.held.units.is_empty() => self.awaits_sound = false,
                    None => {
                        self.held.sounds.push(frame);
                        self.release()?;
                    }
                }
                Ok(())
            }
            Piece::Unit(unit) if self.awaits_sound && self.open.is_none() => {
                if unit.random_access || !self.held.units.is_empty() {
                    self.held.bytes += unit.data.len();
                    self.held.units.push(unit);
                }
                let started = self.shared.lock().started;
                if self.held.is_long(started) { self.release() } else { Ok(()) }
            }
            Piece::Unit(unit) => self.take(&unit),
        }
    }

    /// Writes what was held back.
    fn release(&mut self) -> Result<()> {
        self.awaits_sound = false;
        let Held { units, mut sounds, .. } = std::mem::take(&mut self.held);
        for unit in &units {
            self.take(unit)?;
            if let Some((_, writer, _)) = &mut self.open {
                // Before the first fragment is made, so that its track is there.
                sounds.drain(..).for_each(|frame| writer.push_sound(&frame));
            }
        }
        Ok(())
    }

    fn take(&mut self, unit: &AccessUnit) -> Result<()> {
        if self.open.as_ref().is_some_and(|(_, writer, _)| !writer.accepts(unit)) {
            self.finish()?;
        }
        let bytes = match &mut self.open {
            Some((_, writer, _)) => writer.push(unit).map_err(unreadable)?,
            None if unit.random_access => self.begin(unit)?,
            None => return Ok(()),
        };
        let Some((open, writer, _)) = &mut self.open else { return Ok(()) };
        if bytes.is_empty() {
            return Ok(());
        }
        open.file.write_all(&bytes).map_err(disk)?;
        let elapsed = self.earlier + micros(writer.duration_us());
        let free = (self.free)(self.files.root()).map_err(disk)?;
        let usable = free.saturating_sub(DISK_RESERVE);
        self.shared.change(|state| {
            state.elapsed = elapsed;
            state.bytes += bytes.len() as u64;
            let rate = state.bytes as f64 / elapsed.as_secs_f64().max(1.0);
            let left = Duration::try_from_secs_f64(usable as f64 / rate.max(1.0)).ok();
            state.disk_left = left;
            state.disk_low = left.is_some_and(|left| left < LOW_AFTER);
        });
        if usable == 0 {
            self.finish()?;
            return Err(Error::new(
                Code::DiskFull,
                "the disk is nearly full; the recording ended in good order",
            ));
        }
        Ok(())
    }

    fn begin(&mut self, unit: &AccessUnit) -> Result<Vec<u8>> {
        let (stream, title) = {
            let state = self.shared.lock();
            (state.stream.clone(), state.title.clone())
        };
        let facts = Facts {
            device: stream.channel.device.to_string(),
            channel: stream.channel.number,
            title: title.clone(),
            taken_at_ms: unit.arrival.millis(),
            ..Facts::default()
        };
        let options = MovieOptions { title, created: unit.arrival };
        let (writer, bytes) = MovieWriter::start(unit, &options).map_err(unreadable)?;
        let open = self.files.create(FileKind::Recording, &facts)?;
        self.open = Some((open, writer, facts));
        Ok(bytes)
    }

    fn finish(&mut self) -> Result<()> {
        let Some((open, writer, mut facts)) = self.open.take() else { return Ok(()) };
        let ending = writer.finish().map_err(unreadable)?;
        let duration = micros(ending.duration_us);
        let id = open.finish_movie(&ending, &mut facts)?;
        self.earlier += duration;
        let elapsed = self.earlier;
        self.shared.change(|state| {
            state.elapsed = elapsed;
            state.bytes += ending.tail.len() as u64;
            state.files.push(id);
        });
        Ok(())
    }
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}
