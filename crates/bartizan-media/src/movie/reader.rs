//! Reading a movie back: its samples as a list, and each as an access unit.

use std::{
    io::{Read, Seek, SeekFrom},
    num::NonZeroU32,
};

use shiguredo_mp4::{
    TrackKind,
    boxes::SampleEntry,
    codec_string,
    demux::{Input, Mp4FileDemuxer},
};

use super::{
    LARGEST_TABLE, MovieError, fragments,
    parameters::ParameterSets,
    soundtrack::{self, MovieSound},
};
use crate::{Codec, Matrix, VideoInfo, read_sps};

/// More pictures than in a day at 46 Hz are not believed.
const MOST_SAMPLES: usize = 4_000_000;
/// Single samples of sound are put together to runs of so many bytes: half a second of G.711.
const RUN_BYTES: usize = 4000;
/// No picture is larger.
const LARGEST_SAMPLE: usize = 64 << 20;
/// Boxes looked at before the movie box; ours has three there.
const MOST_LEADING_BOXES: usize = 64;

/// One picture of a movie, or one run of its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovieSample {
    /// Presentation time from the movie's beginning, µs.
    pub time_us: i64,
    /// How long until the next one in decoding order, µs.
    pub duration_us: i64,
    /// Decoding can start here.
    pub random_access: bool,
    offset: u64,
    size: usize,
}

impl MovieSample {
    /// Bytes in the file.
    pub fn size(&self) -> usize {
        self.size
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }
}

/// The pictures and the sound of a movie: a finished one, or one in fragments up to its last whole fragment.
#[derive(Debug)]
pub struct Movie {
    codec: Codec,
    sets: ParameterSets,
    video: VideoInfo,
    samples: Vec<MovieSample>,
    /// Indexes of `samples` in the order they are shown.
    order: Vec<u32>,
    /// Indexes of the random access points.
    keys: Vec<u32>,
    has_sound: bool,
    sound: Option<MovieSound>,
}

/// What a table or the fragments gave.
#[derive(Default)]
pub(super) struct Found {
    pub(super) video: TrackFound,
    /// There where the movie has a sound track.
    pub(super) sound: Option<TrackFound>,
}

/// What was found of one track.
#[derive(Default)]
pub(super) struct TrackFound {
    entry: Option<SampleEntry>,
    samples: Vec<MovieSample>,
    /// Bytes of all samples.
    bytes: u64,
    /// Samples that follow each other are put together.
    merges: bool,
}

/// A sample as it stands in a table, in ticks of `scale` a second.
pub(super) struct Ticks {
    pub(super) scale: NonZeroU32,
    /// Presentation.
    pub(super) time: i128,
    pub(super) duration: u32,
    pub(super) random_access: bool,
    pub(super) offset: u64,
    pub(super) size: usize,
}

impl TrackFound {
    pub(super) fn entry(&self) -> Option<&SampleEntry> {
        self.entry.as_ref()
    }

    /// The first description of the track is that of all of it.
    pub(super) fn describe(&mut self, entry: &SampleEntry) {
        if self.entry.is_none() {
            self.merges = soundtrack::is_g711(entry);
            self.entry = Some(entry.clone());
        }
    }

    pub(super) fn into_parts(self) -> Option<(SampleEntry, Vec<MovieSample>)> {
        Some((self.entry?, self.samples))
    }

    /// Takes one sample of a file of `length` bytes. A small file cannot claim more than it has bytes.
    pub(super) fn push(&mut self, sample: &Ticks, length: u64) -> Result<(), MovieError> {
        let to_us = |ticks: i128| {
            let us = ticks.saturating_mul(1_000_000) / i128::from(sample.scale.get());
            i64::try_from(us).unwrap_or(i64::MAX)
        };
        let end = sample.offset.checked_add(sample.size as u64);
        self.bytes = self.bytes.saturating_add(sample.size as u64);
        if self.samples.len() >= MOST_SAMPLES
            || !(1..=LARGEST_SAMPLE).contains(&sample.size)
            || self.bytes > length
            || end.is_none_or(|end| end > length)
        {
            return Err(MovieError::Unreadable("a sample table that does not fit its file".into()));
        }
        let time_us = to_us(sample.time);
        let until_us = to_us(sample.time.saturating_add(sample.duration.into()));
        if let Some(last) = self.samples.last_mut().filter(|last| {
            self.merges
                && last.offset + last.size as u64 == sample.offset
                && last.size + sample.size <= RUN_BYTES
                // Rounding to whole microseconds.
                && last.time_us.saturating_add(last.duration_us).abs_diff(time_us) <= 1
        }) {
            last.size += sample.size;
            last.duration_us = until_us.saturating_sub(last.time_us);
            return Ok(());
        }
        self.samples.push(MovieSample {
            time_us,
            duration_us: until_us.saturating_sub(time_us),
            random_access: sample.random_access,
            offset: sample.offset,
            size: sample.size,
        });
        Ok(())
    }
}

impl Movie {
    /// Reads the sample table, or the heads of the fragments; no media.
    pub fn open(file: &mut (impl Read + Seek)) -> Result<Self, MovieError> {
        let length = file.seek(SeekFrom::End(0))?;
        let found = match fragments::beginning(file, length, MOST_LEADING_BOXES)? {
            Some((moov, at)) => fragments::walk(file, &moov, at, length)?,
            None => Self::table(file, length)?,
        };
        Self::of(found)
    }

    fn table(file: &mut (impl Read + Seek), length: u64) -> Result<Found, MovieError> {
        let mut demuxer = Mp4FileDemuxer::new();
        while let Some(wanted) = demuxer.required_input() {
            let room = length.saturating_sub(wanted.position);
            let size = wanted.size.map_or(room, |size| room.min(size as u64));
            if size > LARGEST_TABLE || size == 0 {
                return Err(MovieError::Unreadable("no sample table".into()));
            }
            file.seek(SeekFrom::Start(wanted.position))?;
            let mut data = vec![0; usize::try_from(size).unwrap_or(0)];
            file.read_exact(&mut data)?;
            // A box header may be shorter than the most it could be, at the end of the file.
            data.resize(wanted.size.unwrap_or(data.len()), 0);
            demuxer.handle_input(Input { position: wanted.position, data: &data });
        }
        let heard = demuxer.tracks()?.iter().find(|track| track.kind == TrackKind::Audio);
        let heard = heard.map(|track| track.track_id);
        let mut found = Found { sound: heard.map(|_| TrackFound::default()), ..Found::default() };
        let mut sound_torn = false;
        while let Some(sample) = demuxer.next_sample()? {
            let track = match sample.track.kind {
                TrackKind::Video => &mut found.video,
                TrackKind::Audio if Some(sample.track.track_id) == heard && !sound_torn => {
                    found.sound.get_or_insert_default()
                }
                _ => continue,
            };
            if let Some(entry) = sample.sample_entry {
                track.describe(entry);
            }
            let ticks = Ticks {
                scale: sample.track.timescale,
                time: i128::from(sample.timestamp) + i128::from(sample.composition_time_offset.unwrap_or(0)),
                duration: sample.duration,
                random_access: sample.keyframe,
                offset: sample.data_offset,
                size: sample.data_size,
            };
            match (sample.track.kind, track.push(&ticks, length)) {
                (_, Ok(())) => {}
                // The pictures are worth more than the sound is.
                (TrackKind::Audio, Err(_)) => sound_torn = true,
                (_, Err(error)) => return Err(error),
            }
        }
        Ok(found)
    }

    fn of(found: Found) -> Result<Self, MovieError> {
        let has_sound = found.sound.is_some();
        let sound = found.sound.and_then(MovieSound::of);
        let video_track = found.video.into_parts().filter(|(_, samples)| !samples.is_empty());
        let (entry, samples) = video_track.ok_or_else(|| MovieError::Unreadable("no video track".into()))?;
        let (codec, sets) = ParameterSets::of_entry(&entry)
            .ok_or_else(|| MovieError::Unreadable("neither H.264 nor H.265".into()))?;
        let numbers = || (0u32..).zip(&samples);
        let mut order: Vec<u32> = numbers().map(|(at, _)| at).collect();
        order.sort_by_key(|&at| samples[at as usize].time_us);
        let keys = numbers().filter(|(_, sample)| sample.random_access).map(|(at, _)| at).collect();
        let mut movie =
            Self { codec, video: video(&entry, codec, &sets), sets, samples, order, keys, has_sound, sound };
        let duration = movie.duration_us();
        if duration > 0 {
            movie.video.frame_rate = Some(movie.samples.len() as f64 * 1e6 / duration as f64);
        }
        Ok(movie)
    }

    /// Video coding.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Cropped width and height, pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.video.width, self.video.height)
    }

    /// What the parameter sets tell, and the mean rate.
    pub fn video(&self) -> &VideoInfo {
        &self.video
    }

    /// Has a sound track.
    pub fn has_sound(&self) -> bool {
        self.has_sound
    }

    /// Its sound, where that is coded as ours is.
    pub fn sound(&self) -> Option<&MovieSound> {
        self.sound.as_ref()
    }

    /// The pictures in decoding order.
    pub fn samples(&self) -> &[MovieSample] {
        &self.samples
    }

    /// From the first picture to the end of the last, µs.
    pub fn duration_us(&self) -> i64 {
        self.samples.iter().map(|sample| sample.time_us + sample.duration_us).max().unwrap_or(0)
    }

    /// The random access points, as indexes of [`samples`](Self::samples).
    pub fn keys(&self) -> &[u32] {
        &self.keys
    }

    /// The picture shown at `time_us`: the last one not after it, else the first.
    pub fn shown_at(&self, time_us: i64) -> Option<usize> {
        let after = self.order.partition_point(|&at| self.samples[at as usize].time_us <= time_us);
        self.order.get(after.saturating_sub(1)).map(|&at| at as usize)
    }

    /// Where decoding has to start to show the picture at `time_us`: the last random access point not after it, else
    /// the first.
    pub fn random_access_before(&self, time_us: i64) -> Option<usize> {
        let after = self.keys.partition_point(|&at| self.samples[at as usize].time_us <= time_us);
        self.keys.get(after.saturating_sub(1)).map(|&at| at as usize)
    }

    /// What has to be decoded, in this order, to show every picture from the one at `from_us` to the last one before
    /// `to_us`. Empty where nothing can be decoded.
    pub fn range(&self, from_us: i64, to_us: i64) -> std::ops::Range<usize> {
        let shown = self.shown_at(from_us).map_or(from_us, |at| self.samples[at].time_us);
        let Some(start) = self.random_access_before(shown) else { return 0..0 };
        let place = |us| self.order.partition_point(|&at| self.samples[at as usize].time_us < us);
        let wanted = self.order.get(place(shown)..place(to_us)).unwrap_or_default();
        let end = wanted.iter().map(|&at| at as usize + 1).max().unwrap_or(start);
        start..end.max(start)
    }

    /// One picture as an Annex B access unit, with its parameter sets where decoding can start.
    pub fn read(&self, file: &mut (impl Read + Seek), index: usize) -> Result<Vec<u8>, MovieError> {
        let sample =
            self.samples.get(index).ok_or_else(|| MovieError::Unreadable("no such picture".into()))?;
        file.seek(SeekFrom::Start(sample.offset))?;
        let mut data = vec![0; sample.size];
        file.read_exact(&mut data)?;
        self.sets
            .access_unit(&data, sample.random_access)
            .ok_or_else(|| MovieError::Unreadable("a torn picture".into()))
    }
}

/// What is known of the pictures without decoding one. Where the sequence parameter set cannot be read, the sample entry
/// tells.
fn video(entry: &SampleEntry, codec: Codec, sets: &ParameterSets) -> VideoInfo {
    if codec == Codec::H264
        && let Some(Ok(info)) = sets.sps().map(read_sps)
    {
        return info;
    }
    let (width, height) = entry.video_resolution().unwrap_or_default();
    VideoInfo {
        codec: codec_string::from_sample_entry(entry).unwrap_or_default(),
        width: width.into(),
        height: height.into(),
        frame_rate: None,
        reorder_frames: None,
        interlaced: false,
        matrix: if height >= 720 { Matrix::Bt709 } else { Matrix::Bt601 },
        full_range: false,
    }
}
