//! What waits for one tile between the stream and the carrier, and what is thrown away when it grows.

use std::collections::VecDeque;

use bartizan_app::live::{DecodedPicture, Phase, StreamFormat, StreamState};
use bartizan_base::{Code, Error};
use bartizan_media::AccessUnit;

/// Access units queued per tile, about 5 s: room for the group of pictures that a late joiner gets at once.
const MOST_UNITS: usize = 128;
/// Bytes queued per tile.
const MOST_BYTES: usize = 4 << 20;

/// One thing to send.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Format(StreamFormat),
    Unit(AccessUnit),
    Picture(DecodedPicture),
    State(StreamState),
}

/// A bounded queue that never holds a picture that could not be decoded, nor an old group of pictures behind a new.
#[derive(Debug)]
pub(crate) struct TileQueue {
    state: Option<StreamState>,
    items: VecDeque<Item>,
    /// What was sent last of each, for a carrier that lost it.
    sent_state: Option<StreamState>,
    sent_format: Option<StreamFormat>,
    units: usize,
    bytes: usize,
    /// Skip until the next random access point.
    awaiting_key: bool,
    /// Something was skipped since the last unit sent.
    hole: bool,
    /// Credits left: pictures the page has room for.
    credits: u32,
    window: u32,
    dropped: u64,
    /// A recording: whoever fills the queue waits for room, and nothing is dropped.
    recorded: bool,
}

impl TileQueue {
    /// The queue of a recording, for [`append`](Self::append).
    pub(crate) fn recorded(window: u32) -> Self {
        Self { recorded: true, awaiting_key: false, ..Self::new(window) }
    }

    pub(crate) fn new(window: u32) -> Self {
        Self {
            recorded: false,
            state: None,
            items: VecDeque::new(),
            sent_state: None,
            sent_format: None,
            units: 0,
            bytes: 0,
            awaiting_key: true,
            hole: false,
            credits: window,
            window,
            dropped: 0,
        }
    }

    pub(crate) fn push_state(&mut self, state: StreamState) {
        self.state = Some(state);
    }

    pub(crate) fn push_format(&mut self, format: StreamFormat) {
        // Whatever of the old format still waits is of no use once the new one is here.
        self.drop_pictures();
        self.items.retain(|item| !matches!(item, Item::Format(_)));
        self.items.push_back(Item::Format(format));
        self.awaiting_key = true;
    }

    pub(crate) fn push_unit(&mut self, unit: &AccessUnit) {
        if !unit.random_access && (unit.discontinuity || self.awaiting_key) {
            self.awaiting_key = true;
            self.hole = true;
            self.dropped += 1;
            return;
        }
        let full = self.units >= MOST_UNITS || self.bytes + unit.data.len() > MOST_BYTES;
        // A whole group of pictures waits already and a new one begins: the page is behind, so go on from here.
        let behind = unit.random_access && self.units > 0 && self.credits == 0;
        if full || behind {
            self.drop_pictures();
            if !unit.random_access {
                self.awaiting_key = true;
                self.dropped += 1;
                return;
            }
        }
        self.awaiting_key = false;
        let mut unit = unit.clone();
        unit.discontinuity |= std::mem::take(&mut self.hole);
        self.units += 1;
        self.bytes += unit.data.len();
        self.items.push_back(Item::Unit(unit));
    }

    pub(crate) fn push_picture(&mut self, picture: DecodedPicture) {
        // Decoded pictures depend on nothing: only the newest is worth sending.
        let before = self.items.len();
        self.items.retain(|item| !matches!(item, Item::Picture(_)));
        self.dropped += (before - self.items.len()) as u64;
        self.items.push_back(Item::Picture(picture));
    }

    /// Of a recording: more should be read.
    pub(crate) fn has_room(&self) -> bool {
        self.recorded && self.items.len() < self.window as usize && self.bytes < MOST_BYTES / 2
    }

    /// Of a recording: sent after everything before it.
    pub(crate) fn append(&mut self, item: Item) {
        // False once a carrier lost a part of it: what follows would be no use.
        if !self.recorded {
            return;
        }
        if let Item::Unit(unit) = &item {
            self.units += 1;
            self.bytes += unit.data.len();
        }
        self.items.push_back(item);
    }

    pub(crate) fn wants_picture(&self) -> bool {
        self.credits > 0
    }

    fn drop_pictures(&mut self) {
        if self.units > 0 {
            self.dropped += self.units as u64;
            self.hole = true;
        }
        self.items.retain(|item| matches!(item, Item::Format(_)));
        self.units = 0;
        self.bytes = 0;
    }

    /// The next thing that may be sent now.
    pub(crate) fn pop(&mut self) -> Option<Item> {
        if let Some(state) = self.state.take() {
            self.sent_state = Some(state.clone());
            return Some(Item::State(state));
        }
        match self.items.front()? {
            Item::Unit(_) | Item::Picture(_) if self.credits == 0 => None,
            _ => {
                let item = self.items.pop_front()?;
                match &item {
                    Item::Unit(unit) => {
                        self.units -= 1;
                        self.bytes -= unit.data.len();
                        self.credits -= 1;
                    }
                    Item::Picture(_) => self.credits -= 1,
                    Item::Format(format) => self.sent_format = Some(format.clone()),
                    Item::State(_) => {}
                }
                Some(item)
            }
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state.is_some()
            || match self.items.front() {
                None => false,
                Some(Item::Unit(_) | Item::Picture(_)) => self.credits > 0,
                Some(_) => true,
            }
    }

    /// The page has room for `count` more. A page that gives back more than it got gains nothing.
    pub(crate) fn give_credit(&mut self, count: u32) {
        self.credits = self.credits.saturating_add(count).min(self.window);
    }

    /// A carrier came back with `under_way` pictures not acknowledged: the rest of the window is free.
    pub(crate) fn refill(&mut self, under_way: u32) {
        self.credits = self.credits.max(self.window.saturating_sub(under_way));
    }

    /// The carrier lost what was sent: tell state and format again, and start at a random access point with a full
    /// window.
    pub(crate) fn restart(&mut self) {
        if self.recorded {
            self.recorded = false;
            self.items.clear();
            self.units = 0;
            self.bytes = 0;
            let error = Error::new(Code::Cancelled, "pictures were lost on the way; ask again");
            self.state =
                Some(StreamState { phase: Phase::Failed, error: Some(error), retry_in: None, attempt: 0 });
            return;
        }
        self.drop_pictures();
        if self.state.is_none() {
            self.state = self.sent_state.clone();
        }
        if self.items.is_empty() {
            self.items.extend(self.sent_format.clone().map(Item::Format));
        }
        self.awaiting_key = true;
        self.hole = true;
        self.credits = self.window;
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::UtcMicros;
    use bartizan_media::Codec;
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn unit(random_access: bool, discontinuity: bool, pts_us: i64) -> AccessUnit {
        AccessUnit {
            codec: Codec::H264,
            data: Bytes::from_static(&[0; 1000]),
            pts_us,
            random_access,
            discontinuity,
            arrival: UtcMicros(0),
        }
    }

    #[test]
    fn a_page_that_falls_behind_goes_on_at_a_random_access_point() {
        let mut queue = TileQueue::new(2);
        for at in 0..5 {
            queue.push_unit(&unit(at == 0, false, at));
        }
        let sent: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(sent.len(), 2, "the window");
        queue.push_unit(&unit(true, false, 5));
        queue.push_unit(&unit(false, false, 6));
        queue.give_credit(2);
        let Some(Item::Unit(first)) = queue.pop() else { panic!() };
        assert_eq!((first.pts_us, first.random_access, first.discontinuity), (5, true, true));
        assert_eq!(queue.dropped(), 3);
    }

    #[test]
    fn a_recording_is_read_as_there_is_room_and_nothing_of_it_is_dropped() {
        let mut queue = TileQueue::recorded(4);
        let (mut read, mut sent) = (0, Vec::new());
        for _ in 0..100 {
            while queue.has_room() {
                queue.append(Item::Unit(unit(read == 0, false, read)));
                read += 1;
            }
            assert!(queue.items.len() <= 4);
            sent.extend(std::iter::from_fn(|| queue.pop()));
            queue.give_credit(3);
        }
        let times = sent.iter().map(|item| match item {
            Item::Unit(unit) => unit.pts_us,
            _ => panic!("{item:?}"),
        });
        assert!(times.eq(0..4 + 99 * 3), "in order, as many as there were credits for");
        assert_eq!(queue.dropped(), 0);
        // The end comes after everything before it, credits or not.
        queue.append(Item::State(crate::media::playing::state(Phase::Idle, None)));
        queue.give_credit(4);
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert!(matches!(rest.last(), Some(Item::State(state)) if state.phase == Phase::Idle), "{rest:?}");
    }

    #[test]
    fn a_recording_that_lost_a_part_on_the_way_says_so_and_ends() {
        let mut queue = TileQueue::recorded(4);
        queue.append(Item::Unit(unit(true, false, 0)));
        queue.restart();
        assert!(!queue.has_room());
        queue.append(Item::Unit(unit(false, false, 1)));
        let told: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let [Item::State(state)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(state.error.as_ref().map(Error::code), Some(Code::Cancelled));
    }

    #[test]
    fn a_carrier_that_lost_everything_is_told_everything_again() {
        use bartizan_app::live::Machine;
        use bartizan_base::StreamProfile;
        use bartizan_device::Transport;
        use bartizan_media::{Matrix, VideoInfo};

        let format = |width| StreamFormat {
            video: VideoInfo {
                codec: "avc1.42c01e".into(),
                width,
                height: 144,
                frame_rate: None,
                reorder_frames: None,
                interlaced: false,
                matrix: Matrix::Bt601,
                full_range: false,
            },
            frame_rate: None,
            transport: Transport::Tcp,
            profile: StreamProfile::Sub,
            recorded: None,
        };
        let mut queue = TileQueue::new(2);
        queue.restart();
        assert!(queue.pop().is_none(), "nothing was told yet");
        queue.push_state(Machine::default().state());
        queue.push_format(format(176));
        queue.push_unit(&unit(true, false, 0));
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 3);
        queue.restart();
        queue.push_unit(&unit(true, false, 1));
        assert!(matches!(queue.pop(), Some(Item::State(_))));
        assert!(matches!(queue.pop(), Some(Item::Format(told)) if told == format(176)));
        assert!(matches!(queue.pop(), Some(Item::Unit(unit)) if unit.discontinuity));
        // A newer format that still waits is the one to tell.
        queue.push_format(format(352));
        queue.restart();
        assert!(matches!(queue.pop(), Some(Item::State(_))));
        assert!(matches!(queue.pop(), Some(Item::Format(told)) if told == format(352)));
        assert!(queue.pop().is_none());
    }

    #[test]
    fn credits_lost_with_a_carrier_come_back() {
        let mut queue = TileQueue::new(4);
        for at in 0..8 {
            queue.push_unit(&unit(at == 0, false, at));
        }
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 4);
        queue.refill(3);
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 1);
        queue.refill(0);
        queue.refill(4);
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 3, "a refill never takes credits away");
    }

    proptest! {
        /// Whatever comes: the first unit after any gap is a random access point that says so, memory stays bounded,
        /// and never more than the window is under way.
        #[test]
        fn laws(steps in prop::collection::vec((0u8..8, any::<bool>(), 0u32..5), 0..600)) {
            let mut queue = TileQueue::new(32);
            let (mut pts, mut under_way, mut last) = (0, 0u32, None::<i64>);
            for (what, flag, count) in steps {
                match what {
                    0..=3 => {
                        queue.push_unit(&unit(flag && what == 0, what == 3 && count == 0, pts));
                        pts += 1;
                    }
                    4 => {
                        let given = count.min(under_way);
                        under_way -= given;
                        queue.give_credit(given);
                    }
                    5 if flag && count == 0 => {
                        queue.restart();
                        under_way = 0;
                        last = None;
                    }
                    _ => while let Some(Item::Unit(sent)) = queue.pop() {
                        under_way += 1;
                        prop_assert!(under_way <= 32);
                        let follows = last.is_some_and(|last| last + 1 == sent.pts_us);
                        prop_assert!(follows || sent.random_access, "{last:?} {sent:?}");
                        if last.is_some() && !follows {
                            prop_assert!(sent.discontinuity);
                        }
                        last = Some(sent.pts_us);
                    },
                }
                prop_assert!(queue.units <= MOST_UNITS && queue.bytes <= MOST_BYTES);
            }
        }
    }
}
