use std::{num::NonZeroU32, time::Duration};

use bartizan_base::UtcMicros;
use shiguredo_mp4::{
    Decode, Encode, TrackKind, Utf8String,
    boxes::{FreeBox, FtypBox, SampleEntry},
    mux::{Fmp4SegmentMuxer, Mp4FileMuxer, Mp4FileMuxerOptions, Sample, SegmentMuxerOptions, TrackMetadata},
};

use super::{
    MovieError, VIDEO_TIMESCALE,
    clock::{MovieClock, NOMINAL_US},
    closed_gate, gate_offset,
    parameters::ParameterSets,
    sound::{self, SoundFormat},
};
use crate::{AccessUnit, AudioFrame, Codec};

/// A fragment holds this much: what a crash can cost.
const FRAGMENT_US: i64 = 1_000_000;
/// A random access point begins a new fragment once the present one holds this much.
const SHORTEST_FRAGMENT_US: i64 = 400_000;
/// Streams with B pictures are cut at random access points, unless those are rarer than this.
const LONGEST_FRAGMENT_US: i64 = 8_000_000;
/// A fragment with this many bytes is cut whatever its duration.
const FRAGMENT_BYTES: usize = 8 << 20;
/// A hole in the stream longer than this is not a hole in a movie but the end of it.
const LONGEST_GAP_US: i64 = 30_000_000;
/// A movie this long ends at the next random access point, so that no single loss and no table grows without bound.
const LONGEST_MOVIE_US: i64 = 3_600_000_000;
/// Sound that is off by more than this is moved to where it belongs; less is jitter.
const SOUND_GAP_US: i64 = 200_000;

/// What is told about a movie beside its pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovieOptions {
    /// Written as the name of the video track; shown by players. NUL bytes make it empty.
    pub title: String,
    /// When the first picture was taken.
    pub created: UtcMicros,
}

/// The end of a movie: `tail` goes to byte `at` of the file, where the file then ends; once that is on the disk, `head`
/// goes to byte 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Where `tail` goes.
    pub at: u64,
    /// The last fragment and the sample table.
    pub tail: Vec<u8>,
    /// The new beginning, shorter than a disk sector.
    pub head: Vec<u8>,
    /// Duration of the whole movie, µs.
    pub duration_us: i64,
}

/// Writes one movie: bytes to append come out of [`push`](Self::push).
#[derive(Debug)]
pub struct MovieWriter {
    codec: Codec,
    sets: ParameterSets,
    entry: SampleEntry,
    clock: MovieClock,
    fragments: Fmp4SegmentMuxer,
    whole: Mp4FileMuxer,
    /// Bytes given out.
    position: u64,
    video: Vec<Picture>,
    video_bytes: usize,
    /// Where the next sample's decoding time lies, in ticks.
    video_end: i64,
    /// Latest presentation time taken so far, in ticks.
    latest: i64,
    /// Pictures came out of presentation order.
    reorders: bool,
    last_arrival: UtcMicros,
    sound: Sound,
}

#[derive(Debug)]
struct Picture {
    data: Vec<u8>,
    /// Presentation time in ticks.
    time: i64,
    random_access: bool,
}

#[derive(Debug, Default)]
struct Sound {
    format: Option<SoundFormat>,
    /// Samples not given out: data, time in ticks, natural duration in ticks.
    waiting: Vec<(Vec<u8>, i64, u32)>,
    /// Where the next sample begins, in ticks.
    end: i64,
    /// Where the newest one that waits ends, in ticks.
    taken: i64,
    /// Sound came that this movie has no track for.
    missed: bool,
}

impl MovieWriter {
    /// Begins a movie with `first`, which has to be a random access point with its parameter sets.
    pub fn start(first: &AccessUnit, options: &MovieOptions) -> Result<(Self, Vec<u8>), MovieError> {
        let sets = ParameterSets::of(first.codec, &first.data);
        if !first.random_access || sets == ParameterSets::default() {
            return Err(MovieError::NoBeginning);
        }
        let entry = sets.sample_entry(first.codec)?;
        let creation_timestamp = Duration::from_micros(u64::try_from(options.created.0).unwrap_or(0));
        let name = Utf8String::new(&options.title).unwrap_or_default();
        let video_track = TrackMetadata { name, ..TrackMetadata::default() };
        let fragments = Fmp4SegmentMuxer::with_options(SegmentMuxerOptions {
            creation_timestamp,
            video_track: video_track.clone(),
            ..SegmentMuxerOptions::default()
        })?;
        let whole = Mp4FileMuxer::with_options(Mp4FileMuxerOptions {
            creation_timestamp,
            video_track,
            ..Mp4FileMuxerOptions::default()
        })?;
        let mut writer = Self {
            codec: first.codec,
            sets,
            entry,
            clock: MovieClock::new(first),
            fragments,
            whole,
            position: 0,
            video: Vec::new(),
            video_bytes: 0,
            video_end: 0,
            latest: i64::MIN,
            reorders: false,
            last_arrival: first.arrival,
            sound: Sound::default(),
        };
        let bytes = writer.push(first)?;
        Ok((writer, bytes))
    }

    /// False when `unit` begins another movie: other parameter sets, another coding, a long silence before it, sound
    /// that came or changed, or this movie is long enough. Only random access points can begin one.
    pub fn accepts(&self, unit: &AccessUnit) -> bool {
        if unit.codec != self.codec {
            return false;
        }
        if !unit.random_access {
            return true;
        }
        let sets = ParameterSets::of(unit.codec, &unit.data);
        let same_sets = sets == ParameterSets::default() || sets == self.sets;
        let gap = unit.arrival.0.saturating_sub(self.last_arrival.0).saturating_abs();
        let long = to_us(self.latest) > LONGEST_MOVIE_US;
        same_sets && gap <= LONGEST_GAP_US && !long && !self.sound.missed
    }

    /// Duration so far, µs.
    pub fn duration_us(&self) -> i64 {
        to_us(self.latest.max(0))
    }

    /// Takes a picture in decoding order; gives bytes to append to the file, mostly none.
    pub fn push(&mut self, unit: &AccessUnit) -> Result<Vec<u8>, MovieError> {
        let time = to_ticks(self.clock.map(unit));
        self.last_arrival = unit.arrival;
        // Pictures that lead the first random access point need pictures from before it.
        if time < 0 {
            return Ok(Vec::new());
        }
        let Some(data) = self.sets.sample(unit.codec, &unit.data) else { return Ok(Vec::new()) };
        self.reorders |= time < self.latest;
        self.latest = self.latest.max(time);
        let mut out = Vec::new();
        if self.is_due(time, unit.random_access) {
            out = self.fragment(Some(time))?;
        }
        self.video_bytes += data.len();
        self.video.push(Picture { data, time, random_access: unit.random_access });
        Ok(out)
    }

    /// Takes sound. What comes before the first picture or cannot be held is left out.
    pub fn push_sound(&mut self, frame: &AudioFrame) {
        let Some(format) = SoundFormat::of(frame) else { return };
        let begun = self.position > 0;
        match &self.sound.format {
            Some(known) if *known == format => {}
            None if !begun => self.sound.format = Some(format.clone()),
            _ => {
                self.sound.missed = true;
                return;
            }
        }
        let us = self.clock.peek(frame.pts_us);
        if us < 0 {
            return;
        }
        let rate = i64::from(format.timescale.get());
        let mut time = us.saturating_mul(rate) / 1_000_000;
        // Players disagree about a sample that lasts for seconds; quiet ones they all play.
        if let Some((quiet, duration)) = sound::silence(frame.codec)
            && time - self.sound.taken > SOUND_GAP_US * rate / 1_000_000
            && time - self.sound.taken < LONGEST_GAP_US * rate / 1_000_000
        {
            while time - self.sound.taken >= i64::from(duration) {
                self.sound.waiting.push((quiet.clone(), self.sound.taken, duration));
                self.sound.taken += i64::from(duration);
            }
        }
        for (data, duration) in sound::samples(frame) {
            self.sound.waiting.push((data, time, duration));
            time += i64::from(duration);
        }
        self.sound.taken = time;
    }

    /// True when what waits should become a fragment before a picture at `time`.
    fn is_due(&self, time: i64, random_access: bool) -> bool {
        let Some(first) = self.video.first() else { return false };
        let held = to_us(time - first.time);
        self.video_bytes >= FRAGMENT_BYTES
            || held >= LONGEST_FRAGMENT_US
            || (random_access && held >= SHORTEST_FRAGMENT_US)
            || (!self.reorders && held >= FRAGMENT_US)
    }

    /// Makes a fragment of what waits; `next` is the time of the picture after it, where there is one.
    fn fragment(&mut self, next: Option<i64>) -> Result<Vec<u8>, MovieError> {
        let pictures = std::mem::take(&mut self.video);
        self.video_bytes = 0;
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let (mut samples, mut payload) = self.video_samples(pictures, next)?;
        self.sound_samples(&mut samples, &mut payload, next.is_none());
        let metadata = self.fragments.create_media_segment_metadata(&samples)?;
        let mut out = if self.position == 0 { self.beginning()? } else { Vec::new() };
        out.extend_from_slice(&metadata);
        // What the whole movie's table does not know yet: everything but the samples.
        let gate = self.whole.initial_boxes_bytes().len() as u64;
        let known = self.position.max(gate);
        let media = self.position + out.len() as u64;
        self.whole.advance_position(media - known)?;
        for sample in &samples {
            self.whole
                .append_sample(&Sample { data_offset: media + sample.data_offset, ..sample.clone() })?;
        }
        out.append(&mut payload);
        self.position += out.len() as u64;
        Ok(out)
    }

    /// Head, closed gate and the empty table of a fragmented movie.
    fn beginning(&self) -> Result<Vec<u8>, MovieError> {
        let failed = |e: shiguredo_mp4::Error| MovieError::Write(e.to_string());
        let init = self.fragments.init_segment_bytes()?;
        let (_, ftyp) = FtypBox::decode(&init).map_err(failed)?;
        let gate = gate_offset(&self.whole);
        let mut out = init[..ftyp].to_vec();
        let filler =
            gate.checked_sub(ftyp + 8).ok_or_else(|| MovieError::Write("no room for the head".into()))?;
        out.extend(FreeBox { payload: vec![0; filler] }.encode_to_vec().map_err(failed)?);
        out.extend(closed_gate()?);
        out.extend_from_slice(&init[ftyp..]);
        Ok(out)
    }

    fn video_samples(
        &mut self,
        pictures: Vec<Picture>,
        next: Option<i64>,
    ) -> Result<(Vec<Sample>, Vec<u8>), MovieError> {
        // Presentation times in order are decoding times; each is later than the one before.
        let mut order: Vec<i64> = pictures.iter().map(|picture| picture.time).collect();
        order.sort_unstable();
        let mut decoding = Vec::with_capacity(order.len() + 1);
        let mut earliest = self.video_end;
        for (at, time) in order.iter().enumerate() {
            let time = if at == 0 { self.video_end } else { (*time).max(earliest) };
            decoding.push(time);
            earliest = time + 1;
        }
        let interval = match decoding[..] {
            [.., before, last] => (last - before).min(i64::from(VIDEO_TIMESCALE)),
            _ => to_ticks(NOMINAL_US),
        };
        let end = next.unwrap_or(earliest - 1 + interval).max(earliest);
        decoding.push(end);
        self.video_end = end;
        let timescale = NonZeroU32::new(VIDEO_TIMESCALE).unwrap_or(NonZeroU32::MIN);
        let offsets = pictures.iter().zip(&decoding).any(|(picture, decoded)| picture.time != *decoded);
        let mut payload = Vec::with_capacity(pictures.iter().map(|picture| picture.data.len()).sum());
        let mut samples = Vec::with_capacity(pictures.len());
        for (picture, times) in pictures.iter().zip(decoding.windows(2)) {
            let duration = u32::try_from(times[1] - times[0])
                .map_err(|_| MovieError::Write("a picture that lasts for hours".into()))?;
            samples.push(Sample {
                track_kind: TrackKind::Video,
                timescale,
                sample_entry: Some(self.entry.clone()),
                duration,
                keyframe: picture.random_access,
                composition_time_offset: offsets.then(|| picture.time - times[0]),
                data_offset: payload.len() as u64,
                data_size: picture.data.len(),
            });
            payload.extend_from_slice(&picture.data);
        }
        Ok((samples, payload))
    }

    /// Appends what sound waits. The newest sample stays until its duration is known, except at the `end`.
    fn sound_samples(&mut self, samples: &mut Vec<Sample>, payload: &mut Vec<u8>, end: bool) {
        let Some(format) = &self.sound.format else { return };
        let rate = i64::from(format.timescale.get());
        let gap = SOUND_GAP_US * rate / 1_000_000;
        let given = self.sound.waiting.len() - usize::from(!end && self.sound.waiting.len() > 1);
        let next = self.sound.waiting.get(given).map(|(_, time, _)| *time);
        let mut waiting = self.sound.waiting.drain(..given).peekable();
        while let Some((data, _, natural)) = waiting.next() {
            let following = waiting.peek().map(|(_, time, _)| *time).or(next);
            let natural = i64::from(natural);
            // Steady unless the next sample is somewhere else by far; time never stands still.
            let duration = match following {
                Some(time) if (time - self.sound.end - natural).abs() > gap => (time - self.sound.end).max(1),
                _ => natural,
            };
            self.sound.end += duration;
            samples.push(Sample {
                track_kind: TrackKind::Audio,
                timescale: format.timescale,
                sample_entry: Some(format.entry.clone()),
                duration: u32::try_from(duration).unwrap_or(u32::MAX),
                keyframe: true,
                composition_time_offset: None,
                data_offset: payload.len() as u64,
                data_size: data.len(),
            });
            payload.extend_from_slice(&data);
        }
    }

    /// Ends the movie.
    pub fn finish(mut self) -> Result<Ending, MovieError> {
        let at = self.position;
        let tail = self.fragment(None)?;
        let duration_us = to_us(self.video_end);
        end(&mut self.whole, at, tail, duration_us)
    }
}

/// Puts the table behind `tail` and opens the gate.
pub(super) fn end(
    whole: &mut Mp4FileMuxer,
    at: u64,
    mut tail: Vec<u8>,
    duration_us: i64,
) -> Result<Ending, MovieError> {
    let gate = whole.initial_boxes_bytes().len();
    let ends = whole.finalize()?;
    let mut head = Vec::new();
    for (offset, bytes) in ends.offset_and_bytes_pairs() {
        // Head and gate touch each other; the table lies behind all media.
        if offset <= gate as u64 {
            head.extend_from_slice(bytes);
        } else if offset == at + tail.len() as u64 {
            tail.extend_from_slice(bytes);
        }
    }
    if head.len() != gate || ends.is_faststart_enabled() {
        return Err(MovieError::Write("the sample table landed in the head".into()));
    }
    Ok(Ending { at, tail, head, duration_us })
}

fn to_ticks(us: i64) -> i64 {
    us.saturating_mul(9) / 100
}

fn to_us(ticks: i64) -> i64 {
    ticks.saturating_mul(100) / 9
}
