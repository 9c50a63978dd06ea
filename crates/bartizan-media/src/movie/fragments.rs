//! Movies in fragments: ours while they are written or after a kill, and those of others.

use std::io::{Read, Seek};

use shiguredo_mp4::{
    SampleFlags,
    boxes::{HdlrBox, MoofBox, MoovBox, SampleEntry, TrafBox, TrexBox},
};

use super::{
    MovieError,
    reader::{Found, Ticks, TrackFound},
    repair::{box_at, decode_at},
};

/// Fragments beyond this are not believed: an hour has 3600 of ours.
const MOST_FRAGMENTS: usize = 1_000_000;

struct Track<'a> {
    id: u32,
    scale: std::num::NonZeroU32,
    entries: &'a [SampleEntry],
    defaults: Option<&'a TrexBox>,
    /// Decoding time of the next sample, in ticks, where a fragment does not say.
    next: u64,
}

/// The movie box of a movie in fragments, and where the box after it begins. `None` for a movie with a table.
pub(super) fn beginning(
    file: &mut (impl Read + Seek),
    length: u64,
    most_boxes: usize,
) -> Result<Option<(MoovBox, u64)>, MovieError> {
    let mut at = 0;
    for _ in 0..most_boxes {
        let Some((header, _)) = box_at(file, at, length)? else { return Ok(None) };
        if header.box_type == MoovBox::TYPE {
            let moov = decode_at::<MoovBox>(file, at, MoovBox::TYPE, length)?;
            return Ok(moov.filter(|(moov, _)| moov.mvex_box.is_some()));
        }
        let size = header.box_size.get();
        // 0: to the end of the file.
        let Some(next) = at.checked_add(size).filter(|_| size > 0) else { return Ok(None) };
        at = next;
    }
    Ok(None)
}

/// The pictures and the sound of all whole fragments. What is torn, foreign or lies ends the movie there.
pub(super) fn walk(
    file: &mut (impl Read + Seek),
    moov: &MoovBox,
    mut at: u64,
    length: u64,
) -> Result<Found, MovieError> {
    let track = |wanted| {
        let mut traks = moov.trak_boxes.iter();
        let trak = traks.find(|trak| trak.mdia_box.hdlr_box.handler_type == wanted)?;
        let id = trak.tkhd_box.track_id;
        let defaults =
            moov.mvex_box.iter().flat_map(|mvex| &mvex.trex_boxes).find(|trex| trex.track_id == id);
        let scale = trak.mdia_box.mdhd_box.timescale;
        let entries = &*trak.mdia_box.minf_box.stbl_box.stsd_box.entries;
        Some(Track { id, scale, entries, defaults, next: 0 })
    };
    let mut found = Found::default();
    let mut sound = track(HdlrBox::HANDLER_TYPE_SOUN);
    found.sound = sound.as_ref().map(|_| TrackFound::default());
    let Some(mut pictures) = track(HdlrBox::HANDLER_TYPE_VIDE) else { return Ok(found) };
    for _ in 0..MOST_FRAGMENTS {
        let Some((header, _)) = box_at(file, at, length)? else { break };
        let size = header.box_size.get();
        let Some(end) = at.checked_add(size).filter(|end| size > 0 && *end <= length) else { break };
        if header.box_type == MoofBox::TYPE {
            let Ok(Some((moof, media))) = decode_at::<MoofBox>(file, at, MoofBox::TYPE, length) else {
                break;
            };
            // The media of a fragment lies in the box after it; a torn one is left out with its head.
            let whole = match box_at(file, media, length)? {
                Some((header, _)) => media.saturating_add(header.box_size.get()) <= length,
                None => false,
            };
            if !whole || fragment(&moof, &mut pictures, at, length, &mut found.video).is_none() {
                break;
            }
            if let (Some(track), Some(heard)) = (&mut sound, &mut found.sound)
                && fragment(&moof, track, at, length, heard).is_none()
            {
                // The pictures are worth more than the sound is.
                sound = None;
            }
        }
        at = end;
    }
    Ok(found)
}

/// Takes what one fragment at byte `at` has of a track. `None` when it cannot be trusted; some may have been taken.
fn fragment(
    moof: &MoofBox,
    track: &mut Track<'_>,
    at: u64,
    length: u64,
    found: &mut TrackFound,
) -> Option<()> {
    for TrafBox { tfhd_box, tfdt_box, trun_boxes, .. } in &moof.traf_boxes {
        if tfhd_box.track_id != track.id {
            continue;
        }
        let defaults = track.defaults;
        let description = tfhd_box.sample_description_index;
        let description =
            description.or(defaults.map(|trex| trex.default_sample_description_index)).unwrap_or(1);
        let entry = track.entries.get(usize::try_from(description.checked_sub(1)?).ok()?)?;
        match found.entry() {
            None => found.describe(entry),
            // One decoder shows a movie; what needs another is another movie.
            Some(known) if known != entry => return None,
            Some(_) => {}
        }
        let base = tfhd_box.base_data_offset.unwrap_or(at);
        let mut time = tfdt_box.as_ref().map_or(track.next, |tfdt| tfdt.base_media_decode_time);
        let mut offset = base;
        for trun in trun_boxes {
            if let Some(from) = trun.data_offset {
                offset = base.checked_add_signed(from.into())?;
            }
            for (number, sample) in trun.samples.iter().enumerate() {
                let duration = sample.duration.or(tfhd_box.default_sample_duration);
                let duration = duration.or(defaults.map(|trex| trex.default_sample_duration))?;
                let size = sample.size.or(tfhd_box.default_sample_size);
                let size = size.or(defaults.map(|trex| trex.default_sample_size))? as usize;
                let first = trun.first_sample_flags.filter(|_| number == 0);
                let flags = first.or(sample.flags).or(tfhd_box.default_sample_flags);
                let flags = flags.or(defaults.map(|trex| trex.default_sample_flags));
                let ticks = Ticks {
                    scale: track.scale,
                    time: i128::from(time) + i128::from(sample.composition_time_offset.unwrap_or(0)),
                    duration,
                    random_access: !flags.is_some_and(|flags: SampleFlags| flags.sample_is_non_sync_sample()),
                    offset,
                    size,
                };
                found.push(&ticks, length).ok()?;
                offset = offset.checked_add(size as u64)?;
                time = time.checked_add(duration.into())?;
            }
        }
        track.next = time;
    }
    Some(())
}
