//! A media session: the tiles of one page, numbered messages, credits, and what is kept for a carrier that breaks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bartizan_app::{
    Reel,
    live::{Attachment, DecodedPicture, Pace, Steering, StreamFormat, StreamState, Viewer},
};
use bartizan_base::{Code, Error, OwnedTask};
use bartizan_media::{
    AccessUnit,
    wire::{self, Header, Kind},
};
use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use super::{
    listening::TileSound,
    playing,
    queue::{Item, TileQueue},
};
use crate::dto;

/// Credits of a tile that gets access units.
pub const UNIT_WINDOW: u32 = 32;
/// Credits of a tile that gets decoded pictures; each is large.
pub const PICTURE_WINDOW: u32 = 3;
/// Sent and unacknowledged bytes kept for a resume.
const KEPT_BYTES: usize = 4 << 20;
/// About the size of one batch.
const BATCH_BYTES: usize = 1 << 20;

/// The tiles of one page and what is on its way to it.
pub struct MediaSession {
    id: String,
    inner: Mutex<Inner>,
    /// Rung when something may be due.
    ready: Arc<Notify>,
}

struct Inner {
    tiles: BTreeMap<u32, Tile>,
    /// Where the next batch begins, so that one busy tile cannot starve the rest.
    next_tile: u32,
    seq: u32,
    kept: VecDeque<(u32, Bytes)>,
    kept_bytes: usize,
    /// When a carrier was last there.
    seen: Instant,
    /// Distinguishes the present carrier from one that it replaced.
    carrier: u64,
    /// Drops of tiles already closed.
    dropped: u64,
    /// The page is in front. What it opens while it is not was on its way before.
    present: bool,
    /// Of the page's last word on that: an older one that arrives later counts for nothing.
    turn: u32,
    /// Since when the page has not acknowledged the oldest of what was sent.
    owed_since: Option<Instant>,
}

struct Tile {
    queue: Arc<Mutex<TileQueue>>,
    /// Before the attachment, which has to outlive it.
    sound: Option<TileSound>,
    attachment: Option<Attachment>,
    delivery: dto::Delivery,
    /// Of a recording.
    reading: Option<Reading>,
}

/// What fills the queue of a recording.
struct Reading {
    /// Rung when something was taken out.
    room: Arc<Notify>,
    _task: OwnedTask,
}

/// The viewer of one tile.
struct TileViewer {
    queue: Arc<Mutex<TileQueue>>,
    ready: Arc<Notify>,
}

fn window(delivery: dto::Delivery) -> u32 {
    match delivery {
        dto::Delivery::Encoded => UNIT_WINDOW,
        dto::Delivery::Pictures => PICTURE_WINDOW,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TileViewer {
    fn change(&self, change: impl FnOnce(&mut TileQueue)) {
        let mut queue = lock(&self.queue);
        change(&mut queue);
        let ready = queue.is_ready();
        drop(queue);
        if ready {
            self.ready.notify_one();
        }
    }
}

impl Viewer for TileViewer {
    fn state(&self, state: &StreamState) {
        self.change(|queue| queue.push_state(state.clone()));
    }

    fn format(&self, format: &StreamFormat) {
        self.change(|queue| queue.push_format(format.clone()));
    }

    fn unit(&self, unit: &AccessUnit) {
        self.change(|queue| queue.push_unit(unit));
    }

    fn picture(&self, picture: DecodedPicture) {
        self.change(|queue| queue.push_picture(picture));
    }

    fn wants_picture(&self) -> bool {
        lock(&self.queue).wants_picture()
    }
}

impl MediaSession {
    /// A session without tiles.
    pub fn new(id: String) -> Self {
        Self {
            id,
            inner: Mutex::new(Inner {
                tiles: BTreeMap::new(),
                next_tile: 0,
                seq: 0,
                kept: VecDeque::new(),
                kept_bytes: 0,
                seen: Instant::now(),
                carrier: 0,
                dropped: 0,
                present: true,
                turn: 0,
                owed_since: None,
            }),
            ready: Arc::new(Notify::new()),
        }
    }

    /// The session's id and token.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Binds `tile`, replacing what it showed. `attach` gets the viewer to attach to a stream.
    pub(crate) fn open(
        &self,
        tile: u32,
        delivery: dto::Delivery,
        attach: impl FnOnce(Arc<dyn Viewer>) -> bartizan_base::Result<Attachment>,
    ) -> bartizan_base::Result<()> {
        let queue = Arc::new(Mutex::new(TileQueue::new(window(delivery))));
        let viewer = Arc::new(TileViewer { queue: queue.clone(), ready: self.ready.clone() });
        // Attaching calls the viewer, which must find its tile in place only when a batch is next made: no lock here.
        let attachment = attach(viewer)?;
        let new = Tile { queue, sound: None, attachment: Some(attachment), delivery, reading: None };
        let old = {
            let mut inner = lock(&self.inner);
            if !inner.present {
                drop(inner);
                self.leave(Some(new));
                return Err(Error::new(Code::Cancelled, "the page is in the background"));
            }
            inner.tiles.insert(tile, new)
        };
        self.forget(old);
        self.ready.notify_one();
        Ok(())
    }

    /// Binds `tile` to a span of a recording, replacing what it showed. Must run inside the runtime.
    pub(crate) fn play(&self, tile: u32, delivery: dto::Delivery, format: StreamFormat, reel: Reel) {
        let mut queue = TileQueue::recorded(window(delivery));
        queue.push_format(format);
        let queue = Arc::new(Mutex::new(queue));
        let room = Arc::new(Notify::new());
        let task = OwnedTask::spawn(playing::feed(queue.clone(), room.clone(), self.ready.clone(), reel));
        let reading = Some(Reading { room, _task: task });
        let old = lock(&self.inner)
            .tiles
            .insert(tile, Tile { queue, sound: None, attachment: None, delivery, reading });
        self.forget(old);
        self.ready.notify_one();
    }

    /// Frees `tile`. False when it was not bound.
    pub(crate) fn close(&self, tile: u32) -> bool {
        let old = lock(&self.inner).tiles.remove(&tile);
        let known = old.is_some();
        self.forget(old);
        known
    }

    /// The page went to the background or is back. In the background it has no tiles; their streams are kept for
    /// [`AWAY_GRACE`](bartizan_app::live::AWAY_GRACE). `turn` grows with each of the page's words.
    pub fn set_present(&self, present: bool, turn: u32) {
        let tiles = {
            let mut inner = lock(&self.inner);
            if !is_after(turn, inner.turn) {
                return;
            }
            (inner.turn, inner.present) = (turn, present);
            if present { BTreeMap::new() } else { std::mem::take(&mut inner.tiles) }
        };
        tiles.into_values().for_each(|tile| self.leave(Some(tile)));
    }

    fn leave(&self, tile: Option<Tile>) {
        self.let_go(tile, Attachment::leave);
    }

    fn forget(&self, tile: Option<Tile>) {
        self.let_go(tile, drop);
    }

    fn let_go(&self, tile: Option<Tile>, how: impl FnOnce(Attachment)) {
        if let Some(mut tile) = tile {
            lock(&self.inner).dropped += lock(&tile.queue).dropped();
            drop(tile.sound.take());
            // Detaching takes the hub's lock; not under ours.
            if let Some(attachment) = tile.attachment.take() {
                how(attachment);
            }
        }
    }

    /// A person asks the stream behind `tile` to try again.
    pub(crate) fn retry(&self, tile: u32) -> bool {
        let inner = lock(&self.inner);
        let attachment = inner.tiles.get(&tile).and_then(|tile| tile.attachment.as_ref());
        attachment.inspect(|attachment| attachment.retry()).is_some()
    }

    /// How many of its pictures `tile` gets from now on. False when it is not bound.
    pub(crate) fn set_pace(&self, tile: u32, pace: Pace) -> bool {
        self.steering(tile).inspect(|steering| steering.set_pace(pace)).is_some()
    }

    /// Gives `tile` the current group of pictures again. False when it is not bound.
    pub(crate) fn refresh(&self, tile: u32) -> bool {
        self.steering(tile).inspect(|steering| steering.refresh()).is_some()
    }

    /// To be used outside our lock: it takes the hub's, and a hub calls its viewers.
    pub(crate) fn steering(&self, tile: u32) -> Option<Steering> {
        Some(lock(&self.inner).tiles.get(&tile)?.attachment.as_ref()?.steering())
    }

    /// Sends the sound of `tile` too, in one of `formats` or as PCM. False when it is not bound.
    pub(crate) fn listen(&self, tile: u32, formats: Vec<dto::SoundFormat>) -> bool {
        let mut inner = lock(&self.inner);
        let Some(tile) = inner.tiles.get_mut(&tile) else { return false };
        let Some(attachment) = &tile.attachment else { return false };
        let started = TileSound::start(&self.ready, formats, |listener| attachment.listen(listener));
        let old = tile.sound.replace(started);
        drop(inner);
        drop(old);
        self.ready.notify_one();
        true
    }

    /// Sends no more sound of `tile`. False when none was sent.
    pub(crate) fn mute(&self, tile: u32) -> bool {
        let old = lock(&self.inner).tiles.get_mut(&tile).and_then(|tile| tile.sound.take());
        old.is_some()
    }

    /// Access units and pictures thrown away because the page was behind.
    pub fn dropped(&self) -> u64 {
        let inner = lock(&self.inner);
        inner.dropped + inner.tiles.values().map(|tile| lock(&tile.queue).dropped()).sum::<u64>()
    }

    /// The page has room for `count` more pictures on `tile`.
    pub fn give_credit(&self, tile: u32, count: u32) {
        let queue = lock(&self.inner).tiles.get(&tile).map(|tile| tile.queue.clone());
        if let Some(queue) = queue {
            lock(&queue).give_credit(count);
            self.ready.notify_one();
        }
    }

    /// The page has everything up to `seq`.
    pub fn acknowledge(&self, seq: u32) {
        let mut inner = lock(&self.inner);
        inner.seen = Instant::now();
        inner.acknowledge(seq);
    }

    /// How long nobody has been there: no carrier, or a page behind it that takes nothing, as a frozen one.
    pub fn idle(&self) -> Duration {
        let inner = lock(&self.inner);
        let unread = inner.owed_since.map_or(Duration::ZERO, |since| since.elapsed());
        inner.seen.elapsed().max(unread)
    }

    /// A carrier begins, the page having everything up to `after`. Gives the carrier's number.
    pub fn resume(&self, after: u32) -> u64 {
        let mut inner = lock(&self.inner);
        inner.carrier += 1;
        inner.seen = Instant::now();
        inner.acknowledge(after);
        inner.refill_windows();
        inner.carrier
    }

    /// The session ends: frees all tiles, and makes its carrier notice.
    pub(crate) fn end(&self) {
        self.end_with(drop);
    }

    /// As [`end`](Self::end), but the page has been gone for so long that its streams need no grace time.
    pub(crate) fn abandon(&self) {
        self.end_with(Attachment::abandon);
    }

    fn end_with(&self, how: impl Fn(Attachment)) {
        let tiles = {
            let mut inner = lock(&self.inner);
            inner.carrier += 1;
            std::mem::take(&mut inner.tiles)
        };
        tiles.into_values().for_each(|tile| self.let_go(Some(tile), &how));
        self.wake();
    }

    /// True while no newer carrier has taken over.
    pub fn is_current(&self, carrier: u64) -> bool {
        let mut inner = lock(&self.inner);
        inner.seen = Instant::now();
        inner.carrier == carrier
    }

    /// Wakes whoever waits in [`MediaSession::next_batch`], so that a replaced carrier notices.
    pub fn wake(&self) {
        self.ready.notify_waiters();
        self.ready.notify_one();
    }

    /// What follows `after`: first what was sent before, on whatever carrier, then about 1 MiB of what is due now.
    /// Waits up to `wait` for the first. `after` moves to the end of what is given.
    ///
    /// Cancel-safe: a batch that nobody got is kept, and follows the same `after` again.
    pub async fn next_batch(&self, after: &mut u32, wait: Duration) -> Vec<Bytes> {
        let deadline = Instant::now() + wait;
        loop {
            let ready = self.ready.notified();
            let batch = {
                let mut inner = lock(&self.inner);
                let mut batch = inner.since(after);
                if batch.is_empty() && inner.take_batch() {
                    batch = inner.since(after);
                    // Another carrier, on its way out or in, may wait for the same.
                    self.ready.notify_waiters();
                }
                batch
            };
            if !batch.is_empty() {
                return batch;
            }
            if tokio::time::timeout_at(deadline, ready).await.is_err() {
                return Vec::new();
            }
        }
    }

    /// One long poll: everything after `after`, first what was sent before and got lost.
    pub async fn poll(&self, mut after: u32, wait: Duration) -> Vec<Bytes> {
        self.acknowledge(after);
        let batch = self.next_batch(&mut after, wait).await;
        lock(&self.inner).seen = Instant::now();
        batch
    }
}

/// Order of sequence numbers that wrap (RFC 1982).
fn is_after(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

impl Inner {
    fn acknowledge(&mut self, seq: u32) {
        while let Some((first, bytes)) = self.kept.front()
            && !is_after(*first, seq)
        {
            self.kept_bytes -= bytes.len();
            self.kept.pop_front();
            self.owed_since = None;
        }
        if !self.kept.is_empty() {
            self.owed_since.get_or_insert_with(Instant::now);
        }
    }

    /// Credits on their way when a carrier broke are lost, and the page never repeats them: count afresh from what is
    /// known to be under way.
    fn refill_windows(&mut self) {
        let mut under_way: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, bytes) in &self.kept {
            if let Ok((header, _, _)) = wire::decode(bytes)
                && header.kind.is_picture()
            {
                *under_way.entry(header.tile).or_default() += 1;
            }
        }
        for (number, tile) in &self.tiles {
            lock(&tile.queue).refill(under_way.get(number).copied().unwrap_or(0));
        }
    }

    /// What was sent after `after`, which moves to its end. If some of it is gone for good, or the page counts
    /// wrongly, every tile starts again.
    fn since(&mut self, after: &mut u32) -> Vec<Bytes> {
        let wanted = std::mem::replace(after, self.seq);
        if wanted == self.seq {
            return Vec::new();
        }
        let next = wanted.wrapping_add(1);
        if let Some(first) = self.kept.iter().position(|(seq, _)| *seq == next) {
            return self.kept.range(first..).map(|(_, bytes)| bytes.clone()).collect();
        }
        self.kept.clear();
        self.kept_bytes = 0;
        self.owed_since = None;
        for tile in self.tiles.values() {
            lock(&tile.queue).restart();
            if let Some(sound) = &tile.sound {
                sound.restart();
            }
        }
        Vec::new()
    }

    /// Numbers about 1 MiB of what is due and puts it with what is kept. False when nothing is due.
    fn take_batch(&mut self) -> bool {
        let (mut count, mut bytes) = (0, 0);
        let order: Vec<u32> = self
            .tiles
            .range(self.next_tile..)
            .chain(self.tiles.range(..self.next_tile))
            .map(|(number, _)| *number)
            .collect();
        for number in order {
            loop {
                if bytes >= BATCH_BYTES {
                    self.next_tile = number;
                    self.trim(count);
                    self.owed_since.get_or_insert_with(Instant::now);
                    return true;
                }
                let Some(tile) = self.tiles.get(&number) else { break };
                let seq = self.seq.wrapping_add(1);
                // Sound first: little, and late is worse for the ear than for the eye.
                let sound = tile.sound.as_ref().and_then(|sound| sound.pop(number, seq));
                let message = match sound {
                    Some(message) => message,
                    None => {
                        let Some(item) = lock(&tile.queue).pop() else { break };
                        if let Some(reading) = &tile.reading {
                            reading.room.notify_one();
                        }
                        encode(number, seq, tile.delivery, &item)
                    }
                };
                self.seq = seq;
                bytes += message.len();
                self.kept_bytes += message.len();
                self.kept.push_back((self.seq, message));
                count += 1;
            }
        }
        self.trim(count);
        if count > 0 {
            self.owed_since.get_or_insert_with(Instant::now);
        }
        count > 0
    }

    /// Forgets the oldest of what is kept beyond the limit, but none of the newest `count`.
    fn trim(&mut self, count: usize) {
        while self.kept_bytes > KEPT_BYTES
            && self.kept.len() > count
            && let Some((_, dropped)) = self.kept.pop_front()
        {
            self.kept_bytes -= dropped.len();
        }
    }
}

fn encode(tile: u32, seq: u32, delivery: dto::Delivery, item: &Item) -> Bytes {
    let mut header = Header { kind: Kind::State, flags: 0, tile, seq, pts_us: 0.0, arrival_us: 0.0 };
    match item {
        Item::State(state) => {
            let json = serde_json::to_vec(&dto::TileState::from(state)).unwrap_or_default();
            wire::encode(&header, &[&json])
        }
        Item::Format(format) => {
            header.kind = Kind::Config;
            let json = serde_json::to_vec(&dto::StreamConfig::new(format, delivery)).unwrap_or_default();
            wire::encode(&header, &[&json])
        }
        Item::Unit(unit) => {
            header.kind = Kind::AccessUnit;
            header.flags = (u16::from(unit.random_access) * wire::RANDOM_ACCESS)
                | (u16::from(unit.discontinuity) * wire::DISCONTINUITY);
            header.pts_us = unit.pts_us as f64;
            header.arrival_us = unit.arrival.0 as f64;
            // An access unit beyond the wire's limit cannot come from a camera; an empty one is skipped by decoders.
            let fits = unit.data.len() + wire::HEADER_LEN <= wire::MAX_LEN;
            wire::encode(&header, &[if fits { &unit.data } else { &[] }])
        }
        Item::Picture(picture) => {
            header.kind = Kind::Picture;
            header.flags = wire::RANDOM_ACCESS;
            header.pts_us = picture.pts_us as f64;
            header.arrival_us = picture.arrival.0 as f64;
            let side = |side: u32| u16::try_from(side).unwrap_or(0).to_le_bytes();
            wire::encode(&header, &[&side(picture.width), &side(picture.height), &picture.data])
        }
    }
}
