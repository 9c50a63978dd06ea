//! NAL units in Annex B byte streams (H.264 annex B and §7.4.1; H.265 annex B and §7.4.2).

/// `nal_unit_type` values of H.264 that matter here (H.264 table 7-1).
pub mod h264 {
    /// Coded slice of a non-IDR picture.
    pub const SLICE: u8 = 1;
    /// Coded slice data partition A.
    pub const PARTITION_A: u8 = 2;
    /// Coded slice of an IDR picture.
    pub const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;

    /// The type of a NAL unit given without its start code.
    pub fn unit_type(nal: &[u8]) -> Option<u8> {
        nal.first().map(|byte| byte & 0x1f)
    }
}

/// Iterates the NAL units of an Annex B stream, without start codes and trailing zero bytes.
///
/// Bytes before the first start code are skipped. Both 3- and 4-byte start codes are understood.
pub fn split(annex_b: &[u8]) -> Units<'_> {
    let start = next_start_code(annex_b, 0).map(|(_, after)| after);
    Units { data: annex_b, start }
}

/// Iterator of [`split`].
#[derive(Clone, Debug)]
pub struct Units<'a> {
    data: &'a [u8],
    start: Option<usize>,
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let start = self.start?;
            let (end, next) = match next_start_code(self.data, start) {
                Some((at, after)) => (at, Some(after)),
                None => (self.data.len(), None),
            };
            self.start = next;
            let mut unit = &self.data[start..end];
            while let [head @ .., 0] = unit {
                unit = head;
            }
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    }
}

/// One NAL unit without the trailing zeros or next start code that some devices leave at its end.
pub fn trim(nal: &[u8]) -> &[u8] {
    let mut unit = match next_start_code(nal, 0) {
        Some((at, _)) => &nal[..at],
        None => nal,
    };
    while let [head @ .., 0] = unit {
        unit = head;
    }
    unit
}

/// True when the H.264 access unit has a B slice (H.264 table 7-6), hence needs reordering.
pub fn has_h264_b_slice(annex_b: &[u8]) -> bool {
    split(annex_b).any(|unit| {
        matches!(h264::unit_type(unit), Some(h264::SLICE | h264::PARTITION_A))
            && unit.get(1..).and_then(slice_type).is_some_and(|kind| kind % 5 == 1)
    })
}

/// `slice_type` of a slice header (H.264 §7.3.3): the second ue(v), after `first_mb_in_slice`.
fn slice_type(header: &[u8]) -> Option<u32> {
    let mut at = 0usize;
    let mut ue = || {
        let bit = |at: usize| Some(u32::from(header.get(at / 8)? >> (7 - at % 8) & 1));
        let mut zeros = 0;
        while bit(at)? == 0 {
            zeros += 1;
            at += 1;
            if zeros > 20 {
                return None;
            }
        }
        let mut value = 0;
        for _ in 0..=zeros {
            value = value << 1 | bit(at)?;
            at += 1;
        }
        Some(value - 1)
    };
    ue()?;
    ue()
}

/// Finds the next `00 00 01` at or after `from`: (offset of its first byte, offset after it).
fn next_start_code(data: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    // Look at every third byte only: a start code's `01` cannot hide from that stride.
    while at + 2 < data.len() {
        match data[at + 2] {
            0 => at += 1,
            1 if data[at] == 0 && data[at + 1] == 0 => return Some((at, at + 3)),
            _ => at += 3,
        }
    }
    None
}

/// True when the H.264 access unit can be decoded with nothing before it: an IDR slice plus SPS and PPS.
pub fn is_h264_random_access(annex_b: &[u8]) -> bool {
    let (mut idr, mut sps, mut pps) = (false, false, false);
    for unit in split(annex_b) {
        match h264::unit_type(unit) {
            Some(h264::IDR) => idr = true,
            Some(h264::SPS) => sps = true,
            Some(h264::PPS) => pps = true,
            _ => {}
        }
    }
    idr && sps && pps
}

/// The first SPS of an H.264 access unit, header byte included.
pub fn find_h264_sps(annex_b: &[u8]) -> Option<&[u8]> {
    split(annex_b).find(|unit| h264::unit_type(unit) == Some(h264::SPS))
}

/// Cuts an H.264 Annex B stream into access units (H.264 §7.4.1.2.3), each with its start codes, in stream order.
///
/// For files and fixtures; live streams arrive already cut by RTP. A new access unit begins at an access unit
/// delimiter, parameter set or SEI after a slice, or at a slice with `first_mb_in_slice` = 0 after a slice.
/// Streams with arbitrary slice order may begin a picture elsewhere; those cut at the wrong place.
pub fn access_units(annex_b: &[u8]) -> Vec<&[u8]> {
    let base = annex_b.as_ptr() as usize;
    let mut cuts = Vec::new();
    let mut slice_seen = false;
    for unit in split(annex_b) {
        let Some(kind) = h264::unit_type(unit) else { continue };
        let is_slice = matches!(kind, h264::SLICE | h264::PARTITION_A | h264::IDR);
        // first_mb_in_slice is ue(v): a leading 1 bit means 0.
        let first_slice = is_slice && unit.get(1).is_some_and(|byte| byte & 0x80 != 0);
        let opens = matches!(kind, h264::AUD | h264::SPS | h264::PPS | h264::SEI | 14..=18) || first_slice;
        let mut at = unit.as_ptr() as usize - base - 3;
        if at > 0 && annex_b[at - 1] == 0 {
            at -= 1;
        }
        if cuts.is_empty() || (slice_seen && opens) {
            cuts.push(at);
            slice_seen = false;
        }
        slice_seen |= is_slice;
    }
    let ends = cuts.iter().skip(1).copied().chain([annex_b.len()]);
    cuts.iter().zip(ends).map(|(&start, end)| &annex_b[start..end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_both_start_codes_and_trims_zeros() {
        let stream = [9, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 0x88, 3, 0, 0];
        let units: Vec<_> = split(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65, 0x88, 3]]);
        assert!(is_h264_random_access(&stream));
        assert_eq!(find_h264_sps(&stream), Some(&[0x67, 1][..]));
        assert_eq!(access_units(&stream).len(), 1);
    }

    #[test]
    fn cuts_pictures_not_slices() {
        let slice = |kind: u8, first: bool| [0, 0, 0, 1, kind, if first { 0x80 } else { 0x40 }];
        let stream =
            [slice(5, true), slice(5, false), slice(1, true), slice(1, false), slice(1, true)].concat();
        assert_eq!(access_units(&stream).iter().map(|au| au.len()).collect::<Vec<_>>(), [12, 12, 6]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        for torn in [&[][..], &[0], &[0, 0], &[0, 0, 1], &[0, 0, 0, 1], &[0, 0, 1, 0, 0, 1]] {
            assert_eq!(split(torn).count(), 0, "{torn:?}");
            assert!(access_units(torn).is_empty());
        }
    }
}
