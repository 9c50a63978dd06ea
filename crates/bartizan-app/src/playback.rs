//! Playing recordings of this machine: what a span of time needs, read piece by piece and, where asked, decoded.
//!
//! Nothing is read ahead of what somebody asks for, so that a seek waits for no disk, and a movie of hours costs the
//! memory of its table: about 60 bytes a picture.

use std::{
    collections::VecDeque,
    fs,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bartizan_base::{Code, Error, Result, StreamProfile, UtcMicros};
use bartizan_decode::StreamDecoder;
use bartizan_device::Transport;
use bartizan_media::{AccessUnit, AudioCodec, AudioFrame, movie::Movie};
use bytes::Bytes;

use crate::{
    files::{Facts, FileEntry, FileKind, Files, disk, off_runtime, shrink_sent, unreadable},
    live::{DecodedPicture, Delivery, StreamFormat},
};

/// Movies whose tables are kept: the one that plays and those beside it.
const KEPT_MOVIES: usize = 3;
/// Access units of one [`Reel::read`].
const PIECE_UNITS: usize = 16;
/// Bytes of one [`Reel::read`], unless one picture has more.
const PIECE_BYTES: usize = 1 << 20;
/// The longest stretch of sound that is read at once, µs.
const LONGEST_SOUND_US: i64 = 10_000_000;

/// Plays recordings.
pub struct Playback {
    files: Arc<Files>,
    /// The last used is the last.
    kept: Mutex<VecDeque<Arc<OpenMovie>>>,
}

/// A recording whose table was read.
#[derive(Debug)]
pub struct OpenMovie {
    id: String,
    path: PathBuf,
    movie: Movie,
}

/// What to play of a movie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From the picture shown at this time on, µs from the beginning of the movie.
    pub from_us: i64,
    /// Up to the last picture before this time, µs.
    pub to_us: i64,
    /// Random access points only.
    pub keys_only: bool,
    /// Compressed or decoded. Compressed pictures begin at the random access point that the first one needs; decoded
    /// ones with the first one itself.
    pub delivery: Delivery,
}

/// A span being read.
#[derive(Debug)]
pub struct Reel {
    movie: Arc<OpenMovie>,
    file: Option<fs::File>,
    /// Still to be read, in decoding order.
    rest: Range<usize>,
    keys_only: bool,
    first_us: i64,
    to_us: i64,
    decoder: Option<StreamDecoder>,
    /// The next unit does not follow the one before it in the movie.
    jumped: bool,
}

/// What a reel gives.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A compressed picture, in decoding order.
    Unit(AccessUnit),
    /// A decoded one, in the order of showing.
    Picture(DecodedPicture),
}

/// A stretch of the sound of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// How the runs are coded: G.711, or AAC in ADTS frames.
    pub codec: AudioCodec,
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Channels of sound.
    pub channels: u8,
    /// In order, each with its time from the beginning of the movie.
    pub runs: Vec<AudioFrame>,
}

impl Playback {
    /// Over the folder of files.
    pub fn new(files: Arc<Files>) -> Self {
        Self { files, kept: Mutex::default() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<OpenMovie>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the table of a recording, or finds it among those kept.
    pub async fn open(&self, id: &str) -> Result<Arc<OpenMovie>> {
        self.files.recover().await;
        // Asked each time: a deleted recording plays no more.
        let path = self.files.path(id)?;
        if FileKind::of(&path) != Some(FileKind::Recording) {
            return Err(Error::new(Code::InvalidInput, "not a recording"));
        }
        let known = self.kept().iter().position(|movie| movie.id == id);
        if let Some(at) = known {
            let mut kept = self.kept();
            if let Some(movie) = kept.remove(at).filter(|movie| movie.id == id) {
                kept.push_back(movie.clone());
                return Ok(movie);
            }
        }
        let id = id.to_owned();
        let opened = off_runtime(move || {
            let mut file = std::io::BufReader::new(fs::File::open(&path).map_err(disk)?);
            let movie = Movie::open(&mut file).map_err(unreadable)?;
            Ok(Arc::new(OpenMovie { id, path, movie }))
        })
        .await?;
        let mut kept = self.kept();
        kept.push_back(opened.clone());
        while kept.len() > KEPT_MOVIES {
            kept.pop_front();
        }
        Ok(opened)
    }

    /// The sound of a recording from `from_us` on and before `to_us`, µs; at most ten seconds of it. `None` where it has
    /// none, or none that can be played.
    pub async fn sound(&self, id: &str, from_us: i64, to_us: i64) -> Result<Option<Heard>> {
        let opened = self.open(id).await?;
        let to_us = to_us.min(from_us.saturating_add(LONGEST_SOUND_US));
        off_runtime(move || opened.sound(from_us, to_us)).await
    }

    /// Keeps a picture of a recording, as the page decoded it, among the snapshots.
    pub async fn snapshot(&self, id: &str, at_us: i64, jpeg: Vec<u8>) -> Result<FileEntry> {
        let movie = self.files.get(id).await?;
        let files = self.files.clone();
        let id = off_runtime(move || {
            let (small, width, height) = shrink_sent(&jpeg)?;
            let facts = Facts {
                device: movie.channel.device.to_string(),
                channel: movie.channel.number,
                title: movie.title,
                taken_at_ms: movie.taken.millis().saturating_add(at_us / 1000),
                width,
                height,
                codec: "JPEG".into(),
                ..Facts::default()
            };
            files.create(FileKind::Snapshot, &facts)?.write_whole(&jpeg, Some(&small))
        })
        .await?;
        self.files.changed();
        self.files.get(&id).await
    }
}

impl OpenMovie {
    /// Its table.
    pub fn movie(&self) -> &Movie {
        &self.movie
    }

    /// What its pictures are.
    pub fn format(&self) -> StreamFormat {
        let video = self.movie.video().clone();
        StreamFormat {
            frame_rate: video.frame_rate,
            video,
            transport: Transport::Auto,
            profile: StreamProfile::Main,
            recorded: None,
        }
    }

    /// When the picture is shown that a span begins with, µs; `None` where nothing can be decoded.
    pub fn first_us(&self, from_us: i64) -> Option<i64> {
        Some(self.movie.samples().get(self.movie.shown_at(from_us)?)?.time_us)
    }

    fn sound(&self, from_us: i64, to_us: i64) -> Result<Option<Heard>> {
        let Some(sound) = self.movie.sound() else { return Ok(None) };
        let mut file = fs::File::open(&self.path).map_err(disk)?;
        let runs = sound.range(from_us, to_us).map(|index| sound.read(&mut file, index).map_err(unreadable));
        Ok(Some(Heard {
            codec: sound.codec(),
            sample_rate_hz: sound.sample_rate_hz(),
            channels: sound.channels(),
            runs: runs.collect::<Result<_>>()?,
        }))
    }
}

impl Reel {
    /// Gets ready to read; nothing is read yet.
    pub fn new(movie: Arc<OpenMovie>, span: Span) -> Self {
        let first_us = movie.first_us(span.from_us).unwrap_or(0);
        let rest = if span.keys_only {
            // The first key not before the time asked for, so that a fast search never goes back.
            let samples = movie.movie.samples();
            let keys = movie.movie.keys();
            let next = keys.partition_point(|&at| samples[at as usize].time_us < span.from_us);
            let start = keys.get(next).map_or(samples.len(), |&at| at as usize);
            start..movie.movie.range(span.from_us, span.to_us).end.max(start)
        } else {
            movie.movie.range(span.from_us, span.to_us)
        };
        Self {
            movie,
            file: None,
            rest,
            keys_only: span.keys_only,
            first_us: if span.keys_only { span.from_us } else { first_us },
            to_us: span.to_us,
            decoder: (span.delivery == Delivery::Pictures).then(StreamDecoder::new),
            jumped: true,
        }
    }

    /// The next pictures; `None` after the last. Blocks on the disk and, where pictures are decoded, on the processor.
    pub fn read(&mut self) -> Result<Option<Vec<Piece>>> {
        let (mut pieces, mut units, mut bytes) = (Vec::new(), 0, 0);
        while units < PIECE_UNITS && bytes < PIECE_BYTES {
            let Some(unit) = self.next_unit()? else {
                if units == 0 && self.decoder.is_none() {
                    return Ok(None);
                }
                // What the decoder holds back belongs to the span too.
                let Some(mut decoder) = self.decoder.take() else { break };
                pieces.extend(decoder.flush().into_iter().filter_map(|timed| self.picture(timed)));
                break;
            };
            units += 1;
            bytes += unit.data.len();
            match &mut self.decoder {
                None => pieces.push(Piece::Unit(unit)),
                Some(decoder) => {
                    let pictures = decoder.push_unit(&unit)?;
                    pieces.extend(pictures.into_iter().filter_map(|timed| self.picture(timed)));
                    if !pieces.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(Some(pieces))
    }

    fn picture(&self, timed: bartizan_decode::TimedPicture) -> Option<Piece> {
        let wanted = (self.first_us..self.to_us).contains(&timed.pts_us);
        wanted.then(|| {
            Piece::Picture(DecodedPicture {
                width: timed.picture.width,
                height: timed.picture.height,
                data: timed.picture.data,
                pts_us: timed.pts_us,
                arrival: UtcMicros(0),
            })
        })
    }

    fn next_unit(&mut self) -> Result<Option<AccessUnit>> {
        let movie = &self.movie.movie;
        let wanted = |at: &usize| !self.keys_only || movie.samples()[*at].random_access;
        let Some(at) = self.rest.by_ref().find(wanted) else { return Ok(None) };
        let mut file = match self.file.take() {
            Some(file) => file,
            None => fs::File::open(&self.movie.path).map_err(disk)?,
        };
        let data = movie.read(&mut file, at).map_err(unreadable)?;
        self.file = Some(file);
        let sample = movie.samples()[at];
        Ok(Some(AccessUnit {
            codec: movie.codec(),
            data: Bytes::from(data),
            pts_us: sample.time_us,
            random_access: sample.random_access,
            discontinuity: std::mem::replace(&mut self.jumped, self.keys_only),
            arrival: UtcMicros(0),
        }))
    }
}

#[cfg(test)]
mod tests;
