use bartizan_media::{
    AccessUnit, Codec,
    nal::{self, h264},
};

use crate::{DecodeError, Decoder, Picture, decoder::accept_sps};

/// A picture with the presentation time of the access unit it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedPicture {
    /// Presentation time in microseconds on the stream's own clock.
    pub pts_us: i64,
    /// The picture.
    pub picture: Picture,
}

/// Decodes a live stream: replaces the [`Decoder`] when the parameters change, and waits out losses.
///
/// Nothing is decoded before the first random access point, nor between a discontinuity or error and the next one:
/// openh264 would otherwise predict from pictures it does not have.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    /// `None` while waiting for a random access point.
    current: Option<Current>,
    /// The SPS last seen, header byte first.
    sps: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    decoder: Decoder,
    /// Times of access units whose pictures are not out yet. Pictures come out in presentation order, so the
    /// smallest belongs to the next picture.
    waiting: Vec<i64>,
}

/// More access units than any decoder holds back (`max_dec_frame_buffering` is at most 16, H.264 §A.3.1); beyond
/// that an access unit had no picture, and its time must not shift all later ones.
const MAX_HELD_BACK: usize = 17;

impl StreamDecoder {
    /// A decoder waiting for its first random access point.
    pub fn new() -> Self {
        Self::default()
    }

    /// True until a random access point comes: access units are dropped.
    pub fn is_waiting(&self) -> bool {
        self.current.is_none()
    }

    /// Takes one access unit in Annex B form; gives the pictures that became ready, in output order.
    ///
    /// `random_access`: an IDR picture with its parameter sets. `discontinuity`: something before this unit is
    /// missing. After an error the stream waits for the next random access point by itself; when
    /// [`DecodeError::is_final`], that will fail alike until the device changes its encoding.
    pub fn push(
        &mut self,
        data: &[u8],
        random_access: bool,
        discontinuity: bool,
    ) -> Result<Vec<Picture>, DecodeError> {
        let pictures = self.push_timed(data, random_access, discontinuity, 0)?;
        Ok(pictures.into_iter().map(|timed| timed.picture).collect())
    }

    /// As [`push`](Self::push), keeping each picture with its own presentation time across reordering.
    pub fn push_unit(&mut self, unit: &AccessUnit) -> Result<Vec<TimedPicture>, DecodeError> {
        if unit.codec != Codec::H264 {
            self.current = None;
            return Err(DecodeError::Unsupported("only H.264 is decoded in software".into()));
        }
        self.push_timed(&unit.data, unit.random_access, unit.discontinuity, unit.pts_us)
    }

    /// Ends the stream: gives the pictures held back for reordering, then waits for a random access point.
    pub fn flush(&mut self) -> Vec<TimedPicture> {
        let Some(mut current) = self.current.take() else { return Vec::new() };
        match current.decoder.flush() {
            Ok(pictures) => pictures.into_iter().map(|picture| current.timed(picture)).collect(),
            Err(error) => {
                tracing::debug!(%error, "pictures held back for reordering were lost");
                Vec::new()
            }
        }
    }

    fn push_timed(
        &mut self,
        data: &[u8],
        random_access: bool,
        discontinuity: bool,
        pts_us: i64,
    ) -> Result<Vec<TimedPicture>, DecodeError> {
        // What came before a gap is whole: show it.
        let mut out = if discontinuity { self.flush() } else { Vec::new() };
        if random_access && let Err(error) = self.enter(data, &mut out) {
            self.current = None;
            return Err(error);
        }
        let Some(current) = &mut self.current else { return Ok(out) };
        if has_slice(data) {
            current.expect(pts_us);
        }
        match current.decoder.decode(data) {
            Ok(picture) => out.extend(picture.map(|picture| current.timed(picture))),
            Err(error) => {
                self.current = None;
                return Err(error);
            }
        }
        Ok(out)
    }

    /// At a random access point: makes the decoder fit for the pictures that follow.
    fn enter(&mut self, data: &[u8], out: &mut Vec<TimedPicture>) -> Result<(), DecodeError> {
        let sps = nal::find_h264_sps(data)
            .ok_or_else(|| DecodeError::Corrupt("a random access point without SPS".into()))?;
        if sps != self.sps {
            out.extend(self.flush());
            self.sps.clear();
            accept_sps(sps)?;
            self.sps.extend_from_slice(sps);
        }
        if self.current.is_none() {
            self.current = Some(Current { decoder: Decoder::new()?, waiting: Vec::new() });
        }
        Ok(())
    }
}

/// False for units of parameter sets or messages alone, from which no picture comes.
fn has_slice(data: &[u8]) -> bool {
    nal::split(data)
        .any(|unit| matches!(h264::unit_type(unit), Some(h264::SLICE | h264::PARTITION_A | h264::IDR)))
}

impl Current {
    fn expect(&mut self, pts_us: i64) {
        if self.waiting.len() >= MAX_HELD_BACK {
            self.take_time();
        }
        self.waiting.push(pts_us);
    }

    fn timed(&mut self, picture: Picture) -> TimedPicture {
        TimedPicture { pts_us: self.take_time(), picture }
    }

    fn take_time(&mut self) -> i64 {
        let first = (0..self.waiting.len()).min_by_key(|&at| self.waiting[at]);
        first.map_or(0, |at| self.waiting.remove(at))
    }
}
