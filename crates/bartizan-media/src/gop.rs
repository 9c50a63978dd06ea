use std::collections::VecDeque;

use crate::AccessUnit;

/// The access units since the last random access point, so that a viewer who joins late has a picture at once
/// instead of waiting for the next one.
///
/// Bounded in bytes: a group of pictures too large to keep is forgotten up to its next random access point, and a
/// late joiner waits for that one.
#[derive(Debug)]
pub struct GopBuffer {
    units: VecDeque<AccessUnit>,
    bytes: usize,
    limit_bytes: usize,
}

impl GopBuffer {
    /// An empty buffer that keeps at most `limit_bytes` of access unit data.
    pub fn new(limit_bytes: usize) -> Self {
        Self { units: VecDeque::new(), bytes: 0, limit_bytes }
    }

    /// Takes the next access unit in decoding order.
    pub fn push(&mut self, unit: &AccessUnit) {
        if unit.random_access {
            self.clear();
        } else if self.units.is_empty() {
            return;
        }
        // A hole makes the rest of the group undecodable for a newcomer.
        if unit.discontinuity && !unit.random_access {
            self.clear();
            return;
        }
        self.bytes += unit.data.len();
        if self.bytes > self.limit_bytes {
            self.clear();
            return;
        }
        self.units.push_back(unit.clone());
    }

    /// Forgets everything, as after a reconnect.
    pub fn clear(&mut self) {
        self.units.clear();
        self.bytes = 0;
    }

    /// The units to replay, beginning with a random access point; empty when there is none.
    pub fn units(&self) -> impl ExactSizeIterator<Item = &AccessUnit> {
        self.units.iter()
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::UtcMicros;
    use bytes::Bytes;

    use super::*;
    use crate::Codec;

    fn unit(random_access: bool, discontinuity: bool) -> AccessUnit {
        AccessUnit {
            codec: Codec::H264,
            data: Bytes::from_static(&[0; 100]),
            pts_us: 0,
            random_access,
            discontinuity,
            arrival: UtcMicros(0),
        }
    }

    #[test]
    fn always_begins_with_a_random_access_point() {
        let mut gop = GopBuffer::new(350);
        let mut kept = |random_access, hole| {
            gop.push(&unit(random_access, hole));
            gop.units().len()
        };
        assert_eq!(kept(false, false), 0, "joined in mid-GOP");
        assert_eq!(kept(true, false), 1);
        assert_eq!(kept(false, false), 2);
        assert_eq!(kept(true, false), 1, "a new group replaces the old");
        assert_eq!(kept(false, true), 0, "a hole spoils the group");
        assert_eq!(kept(false, false), 0);
        assert_eq!(kept(true, true), 1);
        assert_eq!(kept(false, false), 2);
        assert_eq!(kept(false, false), 3);
        assert_eq!(kept(false, false), 0, "over the limit");
        assert_eq!(kept(false, false), 0);
    }
}
