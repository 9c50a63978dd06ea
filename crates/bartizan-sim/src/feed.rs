//! Where a session's pictures come from: an encoder shared by everyone watching, or a looped clip.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bartizan_base::{Clock, StreamProfile, SystemClock};
use bartizan_media::{nal, read_sps};
use tokio::sync::broadcast;

use crate::{
    config::{Format, Source},
    encode::{Packets, ParameterSets, SceneEncoder, other},
    footage::Footage,
    scene::{Scene, paint::I420},
    unit::{Encoding, Unit},
};

/// Pictures an encoder keeps for viewers that are late; whoever is later continues at the next key frame.
const KEPT_PICTURES: usize = 48;
/// Key frames for new viewers come no closer than this many pictures.
const KEY_DISTANCE: u32 = 2;
/// Length of the clip encoded at the start.
const CLIP_LENGTH: Duration = Duration::from_secs(4);
/// Largest clip file read.
const CLIP_FILE_LIMIT: u64 = 256 << 20;

/// A compressed picture and the moment it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub packets: Arc<Packets>,
    pub at: Instant,
}

/// An encoder with viewers. The thread ends when the last of them drops this.
pub(crate) struct Feed {
    pictures: broadcast::Sender<Picture>,
    key_wanted: Arc<AtomicBool>,
    /// Dropping it wakes and ends the thread.
    _alive: mpsc::Sender<()>,
}

impl Feed {
    /// Pictures from now on; the next one is a key frame.
    pub fn watch(&self) -> broadcast::Receiver<Picture> {
        let receiver = self.pictures.subscribe();
        self.want_key();
        receiver
    }

    /// Asks for a key frame soon.
    pub fn want_key(&self) {
        self.key_wanted.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FeedKey {
    channel: u16,
    encoding: Encoding,
}

/// A clip, cut into packets.
pub(crate) struct Clip {
    pub pictures: Vec<Arc<Packets>>,
    pub format: Format,
    pub sets: ParameterSets,
}

impl Clip {
    fn from_annex_b(stream: &[u8], fps: u32) -> io::Result<Self> {
        let sets = ParameterSets::find(stream).ok_or_else(|| other("the clip has no SPS and PPS"))?;
        let info = read_sps(&sets.sps).map_err(other)?;
        let pictures: Vec<_> =
            nal::access_units(stream).into_iter().map(|unit| Arc::new(Packets::from_annex_b(unit))).collect();
        if !pictures.first().is_some_and(|picture| picture.key) {
            return Err(other("the clip does not begin with an IDR picture"));
        }
        let fps = info.frame_rate.map_or(fps, |rate| (rate.round() as u32).max(1));
        let format = Format { width: info.width as usize, height: info.height as usize, fps };
        Ok(Self { pictures, format, sets })
    }

    fn from_scene(format: Format, gop: Duration) -> io::Result<Self> {
        let mut scene = Scene::new(1, format.width, format.height);
        let mut encoder = SceneEncoder::new(Encoding::plain(format), gop)?;
        let start = SystemClock.now().millis().max(0) as u64;
        let count = CLIP_LENGTH.as_secs() * u64::from(format.fps);
        let mut pictures = Vec::new();
        let mut sets = None;
        for index in 0..count {
            let picture = scene.draw(start + format.offset(index).as_millis() as u64);
            let stream = encoder.encode(picture, index == 0)?;
            if sets.is_none() {
                sets = ParameterSets::find(&stream);
            }
            pictures.push(Arc::new(Packets::from_annex_b(&stream)));
        }
        let sets = sets.ok_or_else(|| other("the encoder gave no parameter sets"))?;
        Ok(Self { pictures, format, sets })
    }
}

/// A source for one session.
pub(crate) enum Supply {
    Live(Arc<Feed>),
    Clip(Arc<Clip>),
}

/// All sources of a site.
pub(crate) struct Feeds {
    source: Source,
    gop: Duration,
    unit: Option<Arc<Unit>>,
    sets: Mutex<HashMap<Encoding, ParameterSets>>,
    clips: Mutex<HashMap<Format, Arc<Clip>>>,
    clip_of: HashMap<StreamProfile, Arc<Clip>>,
    live: Mutex<HashMap<FeedKey, Weak<Feed>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feeds {
    /// Encodes or reads the clips of a clip site. Blocks.
    pub fn prepare(source: Source, gop: Duration, unit: Option<Arc<Unit>>) -> io::Result<Self> {
        let (mut sets, mut clip_of) = (HashMap::new(), HashMap::new());
        let file = match &source {
            Source::Clip(Some(path)) => Some(Arc::new(read_clip(path)?)),
            _ => None,
        };
        for profile in [StreamProfile::Main, StreamProfile::Sub] {
            let format = Format::of(profile);
            if source == Source::Scene {
                let encoding = Encoding::of(profile);
                sets.insert(encoding, ParameterSets::of_encoder(encoding, gop)?);
                continue;
            }
            let clip = match &file {
                Some(clip) => clip.clone(),
                None => Arc::new(Clip::from_scene(format, gop)?),
            };
            clip_of.insert(profile, clip);
        }
        Ok(Self {
            source,
            gop,
            unit,
            sets: Mutex::new(sets),
            clips: Mutex::default(),
            clip_of,
            live: Mutex::default(),
            threads: Mutex::default(),
        })
    }

    /// How a stream is encoded now.
    pub fn encoding(&self, channel: u16, profile: StreamProfile) -> Encoding {
        self.unit.as_ref().map_or_else(|| Encoding::of(profile), |unit| unit.encoding(channel, profile))
    }

    /// What DESCRIBE says of a stream. Encodes a picture when it is the first of its kind.
    pub async fn described(
        self: &Arc<Self>,
        channel: u16,
        profile: StreamProfile,
    ) -> io::Result<(Format, ParameterSets)> {
        let encoding = self.encoding(channel, profile);
        if self.source != Source::Scene {
            return match self.supply(channel, profile).await? {
                Supply::Clip(clip) => Ok((clip.format, clip.sets.clone())),
                Supply::Live(_) => Err(other("a clip site has clips")),
            };
        }
        if let Some(sets) = lock(&self.sets).get(&encoding) {
            return Ok((encoding.format(), sets.clone()));
        }
        let gop = self.gop;
        let made = tokio::task::spawn_blocking(move || ParameterSets::of_encoder(encoding, gop));
        let sets = made.await.map_err(other)??;
        lock(&self.sets).insert(encoding, sets.clone());
        Ok((encoding.format(), sets))
    }

    /// The ordinary source of a stream. Encodes a clip when a clip site has none of that size.
    pub async fn supply(self: &Arc<Self>, channel: u16, profile: StreamProfile) -> io::Result<Supply> {
        let encoding = self.encoding(channel, profile);
        match self.clip_of.get(&profile) {
            Some(clip) if encoding.format() == Format::of(profile) => Ok(Supply::Clip(clip.clone())),
            _ => self.supply_of(channel, encoding).await,
        }
    }

    /// The source after a change of resolution. Encodes a clip on the first call of a clip site.
    pub async fn other_supply(self: &Arc<Self>, channel: u16, profile: StreamProfile) -> io::Result<Supply> {
        self.supply_of(channel, Encoding::plain(Format::other(profile))).await
    }

    async fn supply_of(self: &Arc<Self>, channel: u16, encoding: Encoding) -> io::Result<Supply> {
        if self.source == Source::Scene {
            return Ok(Supply::Live(self.live(channel, encoding)));
        }
        let format = encoding.format();
        if let Some(clip) = lock(&self.clips).get(&format) {
            return Ok(Supply::Clip(clip.clone()));
        }
        let gop = self.gop;
        let clip =
            tokio::task::spawn_blocking(move || Clip::from_scene(format, gop)).await.map_err(other)??;
        Ok(Supply::Clip(lock(&self.clips).entry(format).or_insert(Arc::new(clip)).clone()))
    }

    /// Waits for all encoder threads, which end when their feeds are dropped. Blocks for about one picture.
    pub fn join(&self) {
        for thread in lock(&self.threads).drain(..) {
            // A panic has been printed by the thread itself; there is nothing to add at the end.
            let _ = thread.join();
        }
    }

    /// What was recorded of a stream, for one viewer.
    pub async fn footage(self: &Arc<Self>, channel: u16, profile: StreamProfile) -> io::Result<Footage> {
        if self.source != Source::Scene {
            return match self.supply(channel, profile).await? {
                Supply::Clip(clip) => Ok(Footage::of_clip(clip)),
                Supply::Live(_) => Err(other("a clip site has clips")),
            };
        }
        let (encoding, gop) = (self.encoding(channel, profile), self.gop);
        let unit = self.unit.as_ref();
        let name =
            unit.map_or_else(|| crate::channel_name(channel), |unit| unit.channel_name(channel).into());
        let painting = move || Footage::of_scene(channel, &name, encoding, gop);
        tokio::task::spawn_blocking(painting).await.map_err(other)?
    }

    fn live(&self, channel: u16, encoding: Encoding) -> Arc<Feed> {
        let key = FeedKey { channel, encoding };
        let mut live = lock(&self.live);
        if let Some(feed) = live.get(&key).and_then(Weak::upgrade) {
            return feed;
        }
        let (alive, stop) = mpsc::channel();
        let feed = Arc::new(Feed {
            pictures: broadcast::Sender::new(KEPT_PICTURES),
            key_wanted: Arc::default(),
            _alive: alive,
        });
        let (pictures, key_wanted, gop) = (feed.pictures.clone(), feed.key_wanted.clone(), self.gop);
        let unit = self.unit.clone();
        let thread = std::thread::Builder::new().name(format!("sim-ch{channel}")).spawn(move || {
            if let Err(error) = encode_until(&stop, key, gop, unit.as_deref(), &pictures, &key_wanted) {
                tracing::error!(channel, %error, "encoding ended");
            }
        });
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => tracing::error!(channel, %error, "no thread to encode on"),
        }
        live.retain(|_, feed| feed.strong_count() > 0);
        live.insert(key, Arc::downgrade(&feed));
        feed
    }
}

fn read_clip(path: &PathBuf) -> io::Result<Clip> {
    if std::fs::metadata(path)?.len() > CLIP_FILE_LIMIT {
        return Err(other("the clip file is larger than 256 MiB"));
    }
    Clip::from_annex_b(&std::fs::read(path)?, 25)
}

fn encode_until(
    stop: &mpsc::Receiver<()>,
    FeedKey { channel, encoding }: FeedKey,
    gop: Duration,
    unit: Option<&Unit>,
    pictures: &broadcast::Sender<Picture>,
    key_wanted: &AtomicBool,
) -> io::Result<()> {
    let format = encoding.format();
    let mut scene = match unit {
        Some(unit) => Scene::named(channel, unit.channel_name(channel), format.width, format.height),
        None => Scene::new(channel, format.width, format.height),
    };
    let mut encoder = SceneEncoder::new(encoding, gop)?;
    let mut seen = I420::grey(format.width, format.height);
    let mut key_requests = 0;
    // Channels tick at different moments of the frame time, so that their work does not come all at once.
    let origin = Instant::now() + format.offset(1) * u32::from(channel % 16) / 16;
    let mut index = 0;
    loop {
        let due = origin + format.offset(index);
        match stop.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let now = SystemClock.now();
        if let Some(wanted) = unit.and_then(|unit| unit.view(channel)).map(|view| view.key_requests)
            && wanted != key_requests
        {
            key_requests = wanted;
            key_wanted.store(true, Ordering::Relaxed);
        }
        let force = encoder.since_key() + 1 >= KEY_DISTANCE && key_wanted.swap(false, Ordering::Relaxed);
        let utc_ms = now.millis().max(0) as u64;
        let painted = scene.draw(utc_ms);
        let view = unit.map(|unit| unit.scene(channel)).filter(|view| !view.is_plain());
        let stream = match view {
            Some(view) => {
                view.show(painted, &mut seen, utc_ms);
                encoder.encode(&seen, force)?
            }
            None => encoder.encode(painted, force)?,
        };
        let packets = Arc::new(Packets::from_annex_b(&stream));
        // Nobody listening is the moment between the last viewer and the end of this thread.
        let _ = pictures.send(Picture { packets, at: due });
        index += 1;
        // A picture whose time has passed while the machine was busy is skipped, as a camera would.
        while origin + format.offset(index + 1) < Instant::now() {
            index += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_from_annex_b_keeps_all_pictures() {
        let format = Format { width: 352, height: 288, fps: 15 };
        let mut scene = Scene::new(2, 352, 288);
        let mut encoder = SceneEncoder::new(Encoding::plain(format), Duration::from_secs(1)).unwrap();
        let mut stream = Vec::new();
        for ms in 0..20 {
            stream.extend(encoder.encode(scene.draw(ms), false).unwrap());
        }
        let clip = Clip::from_annex_b(&stream, 15).unwrap();
        assert_eq!(clip.pictures.len(), 20);
        assert_eq!(clip.pictures.iter().filter(|picture| picture.key).count(), 2);
        assert_eq!((clip.format.width, clip.format.height), (352, 288));
        assert!(Clip::from_annex_b(&[], 15).is_err());
        let headless = clip.pictures[1].payloads[0].clone();
        assert!(Clip::from_annex_b(&[&[0, 0, 0, 1][..], &headless].concat(), 15).is_err());
    }

    #[test]
    fn an_encoder_is_shared_and_ends_with_its_last_viewer() {
        let feeds = Feeds::prepare(Source::Scene, Duration::from_secs(1), None).unwrap();
        let encoding = Encoding::plain(Format { width: 352, height: 288, fps: 15 });
        let (one, two) = (feeds.live(1, encoding), feeds.live(1, encoding));
        assert!(Arc::ptr_eq(&one, &two));
        let mut pictures = one.watch();
        assert!(pictures.blocking_recv().unwrap().packets.key);
        drop((one, two));
        feeds.join();
        assert!(lock(&feeds.live).values().all(|feed| feed.strong_count() == 0));
    }
}
