//! Recordings and snapshots on this machine: plain files in one folder, so that nothing is lost with a database.
//!
//! ```text
//! media/1763709474123-<device>-<channel>.mp4     the file itself, in a common format
//! media/about/1763709474123-<device>-<channel>.json, .jpg      what is known of it, and a small picture
//! media/trash/…                                  deleted, until the undo is over
//! ```
//!
//! The list is the folder. What the `about` folder tells can all be found out again from the files.

mod facts;
mod picture;

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_base::{ChannelId, Code, DeviceId, Error, OwnedTask, Result, UtcMicros};
use bartizan_media::movie::{Condition, Ending, Movie, examine};
use tokio::{
    sync::{OnceCell, watch},
    time::{Instant, sleep},
};

pub(crate) use self::{
    facts::Facts,
    picture::{Shrunk, frame, shrink, shrink_sent, to_jpeg, to_thumbnail},
};

/// How long a deleted file can be brought back.
pub const FILES_UNDO: Duration = Duration::from_secs(10);
/// The most that one [`Files::read`] gives, bytes.
pub const LARGEST_READ: u32 = 1 << 20;
/// The largest picture taken from the page, bytes of JPEG.
pub const LARGEST_JPEG: usize = 32 << 20;
/// Names tried for files that begin in the same millisecond.
const MOST_NAMES: u32 = 100;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A movie, MP4.
    Recording,
    /// A still picture, JPEG.
    Snapshot,
}

impl FileKind {
    const ALL: [FileKind; 2] = [FileKind::Recording, FileKind::Snapshot];

    fn extension(self) -> &'static str {
        match self {
            FileKind::Recording => "mp4",
            FileKind::Snapshot => "jpg",
        }
    }

    pub(crate) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?;
        Self::ALL.into_iter().find(|kind| extension == kind.extension())
    }
}

/// A finished file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileEntry {
    /// Names it, here and in the folder.
    pub id: String,
    /// What it is.
    pub kind: FileKind,
    /// Where it came from. The device may be gone.
    pub channel: ChannelId,
    /// What the channel was called.
    pub title: String,
    /// When it was taken or begun.
    pub taken: UtcMicros,
    /// How long it plays; `None` for snapshots and for movies that cannot be read.
    pub duration: Option<Duration>,
    /// Pixels; 0 where unknown.
    pub width: u32,
    /// Pixels; 0 where unknown.
    pub height: u32,
    /// `H.264`, `H.265`, `JPEG`; empty where unknown.
    pub codec: String,
    /// Has a sound track.
    pub sound: bool,
    /// Bytes.
    pub bytes: u64,
    /// A small picture of it exists.
    pub thumbnail: bool,
}

/// The folder of recordings and snapshots.
pub struct Files {
    root: PathBuf,
    /// The folder goes with the program.
    temporary: bool,
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
    recovered: OnceCell<()>,
}

#[derive(Default)]
struct Inner {
    /// Being written.
    open: HashSet<String>,
    /// Deleted, and when.
    trash: HashMap<String, Instant>,
    purge: Option<OwnedTask>,
}

/// A file being written. It is not listed before [`close`](Self::close).
pub(crate) struct OpenFile {
    files: Arc<Files>,
    pub(crate) id: String,
    pub(crate) file: fs::File,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.files.lock().open.remove(&self.id);
        self.files.changed();
    }
}

impl Files {
    /// Uses `root`, made when first needed. What an earlier run left in the trash is gone for good.
    pub fn new(root: PathBuf, temporary: bool) -> Arc<Self> {
        let trash = root.join("trash");
        if let Err(error) = fs::remove_dir_all(&trash)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the trash cannot be emptied");
        }
        Arc::new(Self {
            root,
            temporary,
            inner: Mutex::default(),
            changes: watch::Sender::new(1),
            recovered: OnceCell::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grows with every change of the list.
    pub fn revision(&self) -> u64 {
        *self.changes.borrow()
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|revision| *revision += 1);
    }

    /// The folder goes with the program.
    pub fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn about(&self, id: &str, extension: &str) -> PathBuf {
        self.root.join("about").join(format!("{id}.{extension}"))
    }

    fn media(&self, id: &str, kind: FileKind) -> PathBuf {
        self.root.join(format!("{id}.{}", kind.extension()))
    }

    /// Begins a file under a free name.
    pub(crate) fn create(self: &Arc<Self>, kind: FileKind, facts: &Facts) -> Result<OpenFile> {
        fs::create_dir_all(self.root.join("about")).map_err(disk)?;
        let device: String = facts.device.chars().filter(char::is_ascii_alphanumeric).collect();
        for number in 0..MOST_NAMES {
            let taken = facts.taken_at_ms.saturating_add(i64::from(number)).max(0);
            let id = format!("{taken:013}-{device}-{}", facts.channel);
            // Never over an existing file, of either kind: both share what is told about them.
            if FileKind::ALL.iter().any(|kind| self.media(&id, *kind).exists()) {
                continue;
            }
            self.lock().open.insert(id.clone());
            let path = self.media(&id, kind);
            match fs::File::options().read(true).write(true).create_new(true).open(path) {
                Ok(file) => {
                    let open = OpenFile { files: self.clone(), id, file };
                    facts.save(&self.about(&open.id, "json")).map_err(disk)?;
                    return Ok(open);
                }
                Err(error) => {
                    self.lock().open.remove(&id);
                    if error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(disk(error));
                    }
                }
            }
        }
        Err(Error::new(Code::Storage, "too many files of one millisecond"))
    }

    pub(crate) fn save_facts(&self, id: &str, facts: &Facts) -> Result<()> {
        facts.save(&self.about(id, "json")).map_err(disk)
    }

    pub(crate) fn save_thumbnail(&self, id: &str, jpeg: &[u8]) -> Result<()> {
        fs::write(self.about(id, "jpg"), jpeg).map_err(disk)
    }

    /// All finished files, the newest first.
    pub async fn list(self: &Arc<Self>) -> Result<(u64, Vec<FileEntry>)> {
        self.recover().await;
        let files = self.clone();
        off_runtime(move || {
            let revision = files.revision();
            Ok((revision, files.scan()))
        })
        .await
    }

    fn scan(&self) -> Vec<FileEntry> {
        let mut entries: Vec<FileEntry> =
            self.media_paths().into_iter().filter_map(|path| self.entry(&path)).collect();
        entries.sort_by(|a, b| b.id.cmp(&a.id));
        entries
    }

    fn media_paths(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(&self.root) else { return Vec::new() };
        let paths = folder.filter_map(|entry| Some(entry.ok()?.path()));
        // Other names are not ours, and are left alone.
        let ours = |path: &PathBuf| {
            FileKind::of(path).is_some() && id_of(path).is_some_and(|id| Facts::from_id(id).is_some())
        };
        let paths: Vec<PathBuf> = paths.filter(ours).collect();
        let inner = self.lock();
        paths.into_iter().filter(|path| id_of(path).is_some_and(|id| !inner.open.contains(id))).collect()
    }

    fn entry(&self, path: &Path) -> Option<FileEntry> {
        let (id, kind) = (id_of(path)?, FileKind::of(path)?);
        let facts = Facts::load(&self.about(id, "json")).or_else(|| Facts::from_id(id))?;
        Some(FileEntry {
            id: id.to_owned(),
            kind,
            channel: ChannelId { device: DeviceId::from_string(facts.device), number: facts.channel },
            title: facts.title,
            taken: UtcMicros(facts.taken_at_ms.saturating_mul(1000)),
            duration: facts.duration_ms.map(Duration::from_millis),
            width: facts.width,
            height: facts.height,
            codec: facts.codec,
            sound: facts.sound,
            bytes: fs::metadata(path).ok()?.len(),
            thumbnail: self.about(id, "jpg").is_file(),
        })
    }

    /// One finished file.
    pub async fn get(self: &Arc<Self>, id: &str) -> Result<FileEntry> {
        let (files, path) = (self.clone(), self.path(id)?);
        off_runtime(move || files.entry(&path).ok_or_else(|| Error::new(Code::NotFound, "no such file")))
            .await
    }

    /// Where a finished file lies.
    pub fn path(&self, id: &str) -> Result<PathBuf> {
        let missing = || Error::new(Code::NotFound, "no such file");
        if !is_id(id) || self.lock().open.contains(id) {
            return Err(missing());
        }
        let mut paths = FileKind::ALL.iter().map(|kind| self.media(id, *kind));
        paths.find(|path| path.is_file()).ok_or_else(missing)
    }

    /// The small picture of a file, JPEG.
    pub async fn thumbnail(&self, id: &str) -> Result<Vec<u8>> {
        self.path(id)?;
        let path = self.about(id, "jpg");
        off_runtime(move || match fs::read(path) {
            Ok(jpeg) => Ok(jpeg),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::new(Code::NotFound, "no small picture of this file"))
            }
            Err(error) => Err(disk(error)),
        })
        .await
    }

    /// Gives a recording that has none its small picture, made of a JPEG of at most [`LARGEST_JPEG`] bytes that the page
    /// decoded.
    pub async fn keep_thumbnail(self: &Arc<Self>, id: &str, jpeg: Vec<u8>) -> Result<()> {
        let path = self.path(id)?;
        if FileKind::of(&path) != Some(FileKind::Recording) {
            return Err(Error::new(Code::InvalidInput, "not a recording"));
        }
        let (files, id) = (self.clone(), id.to_owned());
        off_runtime(move || {
            if files.about(&id, "jpg").is_file() {
                return Ok(());
            }
            let (small, ..) = shrink_sent(&jpeg)?;
            fs::create_dir_all(files.root.join("about")).map_err(disk)?;
            files.save_thumbnail(&id, &small)?;
            files.changed();
            Ok(())
        })
        .await
    }

    /// Bytes of a file from `offset` on, at most [`LARGEST_READ`], and how many it has in all.
    pub async fn read(&self, id: &str, offset: u64, length: u32) -> Result<(Vec<u8>, u64)> {
        let path = self.path(id)?;
        off_runtime(move || {
            let mut file = fs::File::open(path).map_err(disk)?;
            let total = file.metadata().map_err(disk)?.len();
            file.seek(SeekFrom::Start(offset)).map_err(disk)?;
            let mut bytes = Vec::new();
            file.take(length.min(LARGEST_READ).into()).read_to_end(&mut bytes).map_err(disk)?;
            Ok((bytes, total))
        })
        .await
    }

    /// Puts files into the trash; [`restore`](Self::restore) works for [`FILES_UNDO`]. What is gone already is no error.
    pub async fn delete(self: &Arc<Self>, ids: Vec<String>) -> Result<()> {
        for id in &ids {
            if !is_id(id) || self.lock().open.contains(id) {
                return Err(Error::new(Code::NotFound, "no such file"));
            }
        }
        let files = self.clone();
        off_runtime(move || {
            let trash = files.root.join("trash");
            fs::create_dir_all(&trash).map_err(disk)?;
            for id in ids {
                files.shift(&id, &files.root, &trash)?;
                files.lock().trash.insert(id, Instant::now());
            }
            files.changed();
            Ok(())
        })
        .await?;
        let files = self.clone();
        let purge = OwnedTask::spawn(async move {
            while let Some(next) = files.purge().await {
                sleep(next).await;
            }
        });
        self.lock().purge = Some(purge);
        Ok(())
    }

    /// Takes files back out of the trash.
    pub async fn restore(self: &Arc<Self>, ids: Vec<String>) -> Result<()> {
        let known = ids.iter().all(|id| self.lock().trash.contains_key(id));
        if !known {
            return Err(Error::new(Code::NotFound, "no longer in the trash"));
        }
        let files = self.clone();
        off_runtime(move || {
            for id in ids {
                files.shift(&id, &files.root.join("trash"), &files.root)?;
                files.lock().trash.remove(&id);
            }
            files.changed();
            Ok(())
        })
        .await
    }

    fn shift(&self, id: &str, from: &Path, to: &Path) -> Result<()> {
        for kind in FileKind::ALL {
            let name = format!("{id}.{}", kind.extension());
            match fs::rename(from.join(&name), to.join(&name)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk(error)),
            }
        }
        Ok(())
    }

    /// Removes what has been in the trash for long enough; gives when to look again.
    async fn purge(self: &Arc<Self>) -> Option<Duration> {
        let now = Instant::now();
        let due: Vec<String> = {
            let inner = self.lock();
            let due = inner.trash.iter().filter(|(_, since)| now - **since >= FILES_UNDO);
            due.map(|(id, _)| id.clone()).collect()
        };
        let files = self.clone();
        let _ = off_runtime(move || {
            for id in due {
                // Asked again: a restore may have been quicker.
                if files.lock().trash.remove(&id).is_none() {
                    continue;
                }
                for kind in FileKind::ALL {
                    let _ =
                        fs::remove_file(files.root.join("trash").join(format!("{id}.{}", kind.extension())));
                }
                for extension in ["json", "jpg"] {
                    let _ = fs::remove_file(files.about(&id, extension));
                }
            }
            Ok(())
        })
        .await;
        let inner = self.lock();
        inner.trash.values().map(|since| (*since + FILES_UNDO).saturating_duration_since(now)).min()
    }

    /// Finishes what an earlier run left behind. Done once; later callers wait for it.
    pub async fn recover(self: &Arc<Self>) {
        self.recovered
            .get_or_init(|| async {
                let files = self.clone();
                let _ = off_runtime(move || {
                    for path in files.media_paths() {
                        if FileKind::of(&path) == Some(FileKind::Recording)
                            && let Err(error) = files.recover_one(&path)
                        {
                            tracing::warn!(%error, path = %path.display(), "a recording cannot be finished");
                        }
                    }
                    files.changed();
                    Ok(())
                })
                .await;
            })
            .await;
    }

    fn recover_one(&self, path: &Path) -> Result<()> {
        let Some(id) = id_of(path) else { return Ok(()) };
        let about = self.about(id, "json");
        let mut facts = Facts::load(&about).or_else(|| Facts::from_id(id)).unwrap_or_default();
        let mut file = fs::File::options().read(true).write(true).open(path).map_err(disk)?;
        match examine(&mut file).map_err(unreadable)? {
            Condition::Finished if facts.duration_ms.is_some() => return Ok(()),
            Condition::Finished => {}
            Condition::Torn(ending) => {
                tracing::info!(id, "a torn recording is finished");
                apply(&mut file, &ending).map_err(disk)?;
            }
            Condition::Empty => {
                tracing::info!(id, "a recording without a picture is removed");
                drop(file);
                fs::remove_file(path).map_err(disk)?;
                let _ = fs::remove_file(about);
                return Ok(());
            }
        }
        fs::create_dir_all(self.root.join("about")).map_err(disk)?;
        self.describe(id, &mut file, &mut facts)
    }

    /// Reads a finished movie, and writes down what it tells.
    pub(crate) fn describe(&self, id: &str, file: &mut fs::File, facts: &mut Facts) -> Result<()> {
        let movie = Movie::open(file).map_err(unreadable)?;
        facts.learn(&movie);
        self.save_facts(id, facts)?;
        // A picture is a comfort: a movie without one is as good.
        match picture::of_movie(&movie, file) {
            Ok(jpeg) => self.save_thumbnail(id, &jpeg)?,
            Err(error) => tracing::debug!(%error, id, "no small picture"),
        }
        Ok(())
    }

    /// The program ends.
    pub(crate) fn close(&self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

impl OpenFile {
    /// Turns a movie being written into a finished one that can be listed.
    pub(crate) fn finish_movie(mut self, ending: &Ending, facts: &mut Facts) -> Result<String> {
        apply(&mut self.file, ending).map_err(disk)?;
        self.files.describe(&self.id, &mut self.file, facts)?;
        Ok(self.id.clone())
    }

    /// Leaves a movie that cannot be written further. It plays as it is; finishing it is tried now, and again at the next
    /// start.
    pub(crate) fn abandon(self) {
        let (files, path) = (self.files.clone(), self.files.media(&self.id, FileKind::Recording));
        if let Err(error) = files.recover_one(&path) {
            tracing::warn!(%error, "a recording stays torn");
        }
    }

    /// Writes a whole file at once. Half a picture helps nobody: on failure it is removed.
    pub(crate) fn write_whole(mut self, bytes: &[u8], thumbnail: Option<&[u8]>) -> Result<String> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(self.files.media(&self.id, FileKind::Snapshot));
            let _ = fs::remove_file(self.files.about(&self.id, "json"));
            return Err(disk(error));
        }
        if let Some(jpeg) = thumbnail {
            self.files.save_thumbnail(&self.id, jpeg)?;
        }
        Ok(self.id.clone())
    }
}

/// The table first, on the disk for sure, then the head that points to it: a kill between the two costs nothing.
fn apply(file: &mut fs::File, ending: &Ending) -> io::Result<()> {
    file.seek(SeekFrom::Start(ending.at))?;
    file.write_all(&ending.tail)?;
    file.set_len(ending.at + ending.tail.len() as u64)?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&ending.head)?;
    file.sync_all()
}

fn id_of(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str().filter(|id| is_id(id))
}

/// What a page may name: no folder, no dot.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

pub(crate) fn disk(error: io::Error) -> Error {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code::DiskFull } else { Code::Storage };
    Error::new(code, format!("the folder of recordings: {error}"))
}

pub(crate) fn unreadable(error: bartizan_media::movie::MovieError) -> Error {
    Error::new(Code::Storage, error.to_string())
}

pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(Error::new(Code::Internal, e.to_string())))
}

#[cfg(test)]
pub(crate) mod tests;
