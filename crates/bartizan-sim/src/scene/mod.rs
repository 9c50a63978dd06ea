//! The picture of a channel: a painted background, one thing that moves, name, clock and time bar.
//!
//! Only what moves is drawn anew for each picture: the rest of the frame keeps its exact bytes, which the encoder
//! finds out quickly and codes as skipped macroblocks.

pub(crate) mod paint;
mod text;
pub(crate) mod view;
mod views;

use self::{
    paint::{I420, Rect, Sprite},
    text::{Font, clock_text},
};
use crate::timebar;

/// Drawn with its own background, ready to be encoded.
pub(crate) struct Scene {
    background: I420,
    frame: I420,
    font: Font,
    actor: views::Actor,
    changed: Vec<Rect>,
    clock_at: (i32, i32),
    shown_clock: String,
}

/// Names of the first sixteen channels; they come round again with their number.
const NAMES: [&str; 16] = [
    "Front gate",
    "Loading dock",
    "Parking north",
    "Garden",
    "Main street",
    "Warehouse A",
    "Night entrance",
    "Terrace",
    "Driveway",
    "Lobby",
    "Parking south",
    "Orchard",
    "Crossing",
    "Corridor 2",
    "Yard",
    "Pool side",
];

/// What the channel is called, on screen and in its description.
pub fn channel_name(channel: u16) -> String {
    let index = usize::from(channel.max(1) - 1);
    let name = NAMES[index % NAMES.len()];
    if index < NAMES.len() { name.to_owned() } else { format!("{name} {}", index / NAMES.len() + 1) }
}

impl Scene {
    /// Paints the background: some tens of milliseconds.
    pub fn new(channel: u16, width: usize, height: usize) -> Self {
        Self::named(channel, &channel_name(channel), width, height)
    }

    /// The scene of a channel under another name.
    pub fn named(channel: u16, name: &str, width: usize, height: usize) -> Self {
        let scale = if height >= 540 { 2 } else { 1 };
        let font = Font::new(scale);
        let (mut background, actor) = views::paint(channel, width, height);
        let margin = 8 * scale as i32;
        let name = format!("CH{channel:02} {name}");
        let mut x = width as i32 - margin - (name.len() * 10 * scale) as i32;
        for letter in font.letters(&name) {
            background.put(letter, x, margin);
            x += letter.width() as i32;
        }
        Self {
            frame: background.clone(),
            background,
            font,
            actor,
            changed: Vec::new(),
            clock_at: (margin, margin),
            shown_clock: String::new(),
        }
    }

    /// The picture of that moment.
    pub fn draw(&mut self, utc_ms: u64) -> &I420 {
        let clock = clock_text(utc_ms);
        for rect in self.changed.drain(..) {
            self.frame.restore(&self.background, rect);
        }
        for (sprite, x, y) in self.actor.at(utc_ms, self.frame.width, self.frame.height) {
            self.changed.extend(self.frame.put(sprite, x, y));
        }
        let (mut x, y) = self.clock_at;
        // Letters that stay need no restoring: the same blend over the same background gives the same bytes.
        for (index, letter) in self.font.letters(&clock).enumerate() {
            let stays = self.shown_clock.as_bytes().get(index) == clock.as_bytes().get(index);
            if !stays {
                let (w, h) = (letter.width(), letter.width() * 2);
                self.frame.restore(&self.background, (x as usize, y as usize, w, h));
                self.frame.put(letter, x, y);
            }
            x += letter.width() as i32;
        }
        self.shown_clock = clock;
        let (width, height) = (self.frame.width, self.frame.height);
        timebar::draw(&mut self.frame.y, width, height, width, utc_ms);
        &self.frame
    }
}

/// Keeps the chroma under the time bar neutral, so that it is black and white to people too.
pub(crate) fn neutral_bar(picture: &mut I420) {
    let from = timebar::top(picture.height) / 2 * (picture.width / 2);
    picture.u[from..].fill(128);
    picture.v[from..].fill(128);
}

/// One thing drawn at a place.
pub(crate) type Placed<'a> = (&'a Sprite, i32, i32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_parts_equals_drawing_all() {
        let mut kept = Scene::new(5, 640, 360);
        for ms in [1_000_000u64, 1_000_067, 1_059_999, 1_060_000, 1_400_000] {
            let mut fresh = Scene::new(5, 640, 360);
            assert!(kept.draw(ms) == fresh.draw(ms), "at {ms}");
            let shown = kept.draw(ms);
            assert_eq!(timebar::read(&shown.y, 640, 360, 640), Some(ms));
        }
    }

    #[test]
    fn channels_differ() {
        let pictures: Vec<_> =
            (1..=16).map(|channel| Scene::new(channel, 320, 180).draw(0).clone()).collect();
        for (index, picture) in pictures.iter().enumerate() {
            assert!(pictures[..index].iter().all(|other| other.y != picture.y), "channel {}", index + 1);
        }
    }
}
