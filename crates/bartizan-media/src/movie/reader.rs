//! Reading a finished movie back: its samples as a list, and each as an access unit.

use std::io::{Read, Seek, SeekFrom};

use shiguredo_mp4::{
    TrackKind,
    demux::{Input, Mp4FileDemuxer},
};

use super::{LARGEST_TABLE, MovieError, parameters::ParameterSets};
use crate::Codec;

/// More pictures than in a day at 240 Hz are not believed.
const MOST_SAMPLES: usize = 24_000_000;
/// No picture is larger.
const LARGEST_SAMPLE: usize = 64 << 20;

/// One picture of a movie.
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
}

/// The video track of a finished movie.
#[derive(Debug)]
pub struct Movie {
    codec: Codec,
    sets: ParameterSets,
    size: (u32, u32),
    samples: Vec<MovieSample>,
    has_sound: bool,
}

impl Movie {
    /// Reads the sample table; no media.
    pub fn open(file: &mut (impl Read + Seek)) -> Result<Self, MovieError> {
        let length = file.seek(SeekFrom::End(0))?;
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
        let has_sound = demuxer.tracks()?.iter().any(|track| track.kind == TrackKind::Audio);
        let mut video: Option<(Codec, ParameterSets, (u32, u32))> = None;
        let mut samples = Vec::new();
        while let Some(sample) = demuxer.next_sample()? {
            if sample.track.kind != TrackKind::Video {
                continue;
            }
            if let Some(entry) = sample.sample_entry.filter(|_| video.is_none()) {
                let (codec, sets) = ParameterSets::of_entry(entry)
                    .ok_or_else(|| MovieError::Unreadable("neither H.264 nor H.265".into()))?;
                let (width, height) = entry.video_resolution().unwrap_or_default();
                video = Some((codec, sets, (width.into(), height.into())));
            }
            let scale = i128::from(sample.track.timescale.get());
            let to_us = |ticks: i128| i64::try_from(ticks * 1_000_000 / scale).unwrap_or(i64::MAX);
            let time = i128::from(sample.timestamp) + i128::from(sample.composition_time_offset.unwrap_or(0));
            let end = sample.data_offset.checked_add(sample.data_size as u64);
            if samples.len() >= MOST_SAMPLES
                || sample.data_size > LARGEST_SAMPLE
                || end.is_none_or(|end| end > length)
            {
                return Err(MovieError::Unreadable("a sample table that does not fit its file".into()));
            }
            samples.push(MovieSample {
                time_us: to_us(time),
                duration_us: to_us(i128::from(sample.duration)),
                random_access: sample.keyframe,
                offset: sample.data_offset,
                size: sample.data_size,
            });
        }
        let (codec, sets, size) = video.ok_or_else(|| MovieError::Unreadable("no video track".into()))?;
        Ok(Self { codec, sets, size, samples, has_sound })
    }

    /// Video coding.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Cropped width and height, pixels.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Has a sound track.
    pub fn has_sound(&self) -> bool {
        self.has_sound
    }

    /// The pictures in decoding order.
    pub fn samples(&self) -> &[MovieSample] {
        &self.samples
    }

    /// From the first picture to the end of the last, µs.
    pub fn duration_us(&self) -> i64 {
        self.samples.iter().map(|sample| sample.time_us + sample.duration_us).max().unwrap_or(0)
    }

    /// Where decoding has to start to show the picture at `time_us`: the last random access point not after it, else
    /// the first.
    pub fn random_access_before(&self, time_us: i64) -> Option<usize> {
        let points = || (0..self.samples.len()).filter(|&at| self.samples[at].random_access);
        points().take_while(|&at| self.samples[at].time_us <= time_us).last().or_else(|| points().next())
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
