//! Finding out what a file holds, and finishing one that was torn.

use std::{
    io::{Read, Seek, SeekFrom},
    num::NonZeroU32,
    time::Duration,
};

use shiguredo_mp4::{
    BoxHeader, Decode, TrackKind,
    boxes::{FreeBox, FtypBox, HdlrBox, MdatBox, MoofBox, MoovBox, SampleEntry, TrafBox},
    mux::{Mp4FileMuxer, Mp4FileMuxerOptions, Sample, TrackMetadata},
};

use super::{Ending, LARGEST_TABLE, MovieError, gate_offset, writer};

/// Seconds from 1904, where movies count from (ISO/IEC 14496-12 §8.2.2.3), to 1970.
const MOVIE_EPOCH_SECS: u64 = 2_082_844_800;

/// How a file was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its sample table is in place.
    Finished,
    /// It was cut while being written; this finishes it.
    Torn(Ending),
    /// Not one whole picture is in it.
    Empty,
}

struct Track {
    id: u32,
    kind: TrackKind,
    timescale: NonZeroU32,
    entries: Vec<SampleEntry>,
}

/// Looks at a movie file that [`MovieWriter`](super::MovieWriter) began.
pub fn examine(file: &mut (impl Read + Seek)) -> Result<Condition, MovieError> {
    let length = file.seek(SeekFrom::End(0))?;
    let layout = Mp4FileMuxer::new()?;
    let gate = gate_offset(&layout) as u64;
    let body = layout.initial_boxes_bytes().len() as u64;
    if length < body {
        return Ok(Condition::Empty);
    }
    let head = box_at(file, 0, length)?.filter(|(header, _)| header.box_type == FtypBox::TYPE);
    let Some((gate_header, _)) = box_at(file, gate, length)?.filter(|_| head.is_some()) else {
        return Err(MovieError::Unreadable("not begun by this program".into()));
    };
    if gate_header.box_type == MdatBox::TYPE {
        return Ok(Condition::Finished);
    }
    if gate_header.box_type != FreeBox::TYPE {
        return Err(MovieError::Unreadable("not begun by this program".into()));
    }
    // An empty table that is not whole means that no fragment is.
    let Some((moov, mut at)) = decode_at::<MoovBox>(file, body, MoovBox::TYPE, length)? else {
        return Ok(Condition::Empty);
    };
    let tracks = tracks(&moov);
    let mut whole = Mp4FileMuxer::with_options(options(&moov))?;
    let mut position = body;
    let (mut has_picture, mut ticks) = (false, 0u64);
    while let Some((moof, mdat)) = decode_at::<MoofBox>(file, at, MoofBox::TYPE, length).ok().flatten() {
        let Some((header, payload)) = box_at(file, mdat, length)? else { break };
        if header.box_type != MdatBox::TYPE || header.box_size.get() < BoxHeader::MIN_SIZE as u64 {
            break;
        }
        let samples = fragment_samples(&moof, &tracks, at)?;
        let mut torn = false;
        for sample in samples {
            let end = sample.data_offset.saturating_add(sample.data_size as u64);
            if sample.data_offset < position || sample.data_offset < payload || end > length {
                torn = true;
                break;
            }
            whole.advance_position(sample.data_offset - position)?;
            whole.append_sample(&sample)?;
            position = end;
            if sample.track_kind == TrackKind::Video {
                has_picture = true;
                ticks = ticks.saturating_add(u64::from(sample.duration));
            }
        }
        at = mdat.saturating_add(header.box_size.get());
        if torn || at > length {
            break;
        }
    }
    if !has_picture {
        return Ok(Condition::Empty);
    }
    let duration_us = i64::try_from(ticks / 9 * 100).unwrap_or(i64::MAX);
    writer::end(&mut whole, position, Vec::new(), duration_us).map(Condition::Torn)
}

fn options(moov: &MoovBox) -> Mp4FileMuxerOptions {
    let name =
        moov.trak_boxes.iter().find(|trak| trak.mdia_box.hdlr_box.handler_type == HdlrBox::HANDLER_TYPE_VIDE);
    let name = name.map(|trak| &trak.mdia_box.hdlr_box.name[..]).unwrap_or_default();
    let created = moov.mvhd_box.creation_time.as_secs();
    let name = String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name));
    Mp4FileMuxerOptions {
        creation_timestamp: Duration::from_secs(created.saturating_sub(MOVIE_EPOCH_SECS)),
        video_track: TrackMetadata {
            name: shiguredo_mp4::Utf8String::new(&name).unwrap_or_default(),
            ..TrackMetadata::default()
        },
        ..Mp4FileMuxerOptions::default()
    }
}

fn tracks(moov: &MoovBox) -> Vec<Track> {
    let kind = |handler| match handler {
        HdlrBox::HANDLER_TYPE_VIDE => Some(TrackKind::Video),
        HdlrBox::HANDLER_TYPE_SOUN => Some(TrackKind::Audio),
        _ => None,
    };
    let track = |trak: &shiguredo_mp4::boxes::TrakBox| {
        Some(Track {
            id: trak.tkhd_box.track_id,
            kind: kind(trak.mdia_box.hdlr_box.handler_type)?,
            timescale: trak.mdia_box.mdhd_box.timescale,
            entries: trak.mdia_box.minf_box.stbl_box.stsd_box.entries.clone(),
        })
    };
    moov.trak_boxes.iter().filter_map(track).collect()
}

/// The samples of a fragment at byte `at`, with absolute offsets, in the order they lie in the file. The writer states
/// every value for every sample, so there are no defaults to look up.
fn fragment_samples(moof: &MoofBox, tracks: &[Track], at: u64) -> Result<Vec<Sample>, MovieError> {
    let foreign = || MovieError::Unreadable("a fragment that this program did not write".into());
    let mut out = Vec::new();
    for TrafBox { tfhd_box, trun_boxes, .. } in &moof.traf_boxes {
        let track = tracks.iter().find(|track| track.id == tfhd_box.track_id).ok_or_else(foreign)?;
        let entry = tfhd_box
            .sample_description_index
            .unwrap_or(1)
            .checked_sub(1)
            .and_then(|index| usize::try_from(index).ok());
        let entry = entry.and_then(|index| track.entries.get(index)).ok_or_else(foreign)?;
        for trun in trun_boxes {
            let offset =
                trun.data_offset.and_then(|offset| u64::try_from(offset).ok()).ok_or_else(foreign)?;
            let mut data_offset = at.checked_add(offset).ok_or_else(foreign)?;
            for sample in &trun.samples {
                let (Some(duration), Some(size), Some(flags)) = (sample.duration, sample.size, sample.flags)
                else {
                    return Err(foreign());
                };
                out.push(Sample {
                    track_kind: track.kind,
                    sample_entry: Some(entry.clone()),
                    keyframe: !flags.sample_is_non_sync_sample(),
                    timescale: track.timescale,
                    duration,
                    composition_time_offset: sample.composition_time_offset,
                    data_offset,
                    data_size: size as usize,
                });
                data_offset = data_offset.checked_add(u64::from(size)).ok_or_else(foreign)?;
            }
        }
    }
    out.sort_by_key(|sample| sample.data_offset);
    Ok(out)
}

/// The header of the box at `at` and where its payload begins; `None` past the end of the file.
pub(super) fn box_at(
    file: &mut (impl Read + Seek),
    at: u64,
    length: u64,
) -> Result<Option<(BoxHeader, u64)>, MovieError> {
    let room = length.saturating_sub(at).min(BoxHeader::MAX_SIZE as u64);
    if room < BoxHeader::MIN_SIZE as u64 {
        return Ok(None);
    }
    let bytes = read_at(file, at, room)?;
    Ok(BoxHeader::decode(&bytes).ok().map(|(header, size)| (header, at + size as u64)))
}

/// The box at `at` and where the next one begins; `None` when it is another box, torn or past the end.
pub(super) fn decode_at<T: Decode>(
    file: &mut (impl Read + Seek),
    at: u64,
    wanted: shiguredo_mp4::BoxType,
    length: u64,
) -> Result<Option<(T, u64)>, MovieError> {
    let Some((header, _)) = box_at(file, at, length)? else { return Ok(None) };
    let size = header.box_size.get();
    if header.box_type != wanted || !(8..=LARGEST_TABLE).contains(&size) || size > length - at {
        return Ok(None);
    }
    let bytes = read_at(file, at, size)?;
    let (decoded, _) = T::decode(&bytes).map_err(|e| MovieError::Unreadable(e.to_string()))?;
    Ok(Some((decoded, at + size)))
}

fn read_at(file: &mut (impl Read + Seek), at: u64, size: u64) -> Result<Vec<u8>, MovieError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
