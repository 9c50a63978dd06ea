//! Our device card: devices of one phone as QR codes for another, encrypted unless the user declines.
//!
//! The format is described for other tools in `docs/device-card.md`, with test vectors beside it. In short: JSON →
//! deflate → (Argon2id, XChaCha20-Poly1305) → pieces with a header and a checksum → Base45 → `BZ1:` texts.

mod part;
mod sealed;
mod wire;

use std::collections::BTreeMap;

use bartizan_base::{Code, Error, Secret};

pub(crate) use part::looks_like_part;
pub use part::{CardPart, PREFIX};
use sealed::Body;
pub use sealed::KdfCost;

/// Most devices on one card.
pub const MAX_DEVICES: usize = 512;
/// Most parts of one card, and so most codes to scan.
pub const MAX_PARTS: usize = 64;

/// One way to reach a device.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CardRoute {
    /// Address or host name, at most 253 bytes; IPv6 without brackets.
    pub host: String,
    /// Service → port (1–65535). Names in use: `http`, `https`, `rtsp`, `rtsps`, `onvif`, `server`. A service that is
    /// not named has its usual port.
    pub ports: BTreeMap<String, u16>,
}

/// A channel whose name is worth carrying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardChannel {
    /// From 1.
    pub number: u32,
    /// Name given by the user or the device.
    pub name: String,
}

/// A device on a card. Strings are at most 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CardDevice {
    /// Name given by the user.
    pub name: String,
    /// Driver family as the app names it (`onvif`, `isapi`, `dahua`, `rtsp`); unknown ones are for the reader to judge.
    pub family: String,
    /// In order of preference, at most 16.
    pub routes: Vec<CardRoute>,
    /// User name on the device.
    pub user: Option<String>,
    /// Password on the device. Left out of a [`CardSecrecy::Plain`] card.
    pub password: Option<Secret>,
    /// Serial number.
    pub serial: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Path and query of the one stream of a device of the family `rtsp` that was added by its whole URL.
    pub stream: Option<String>,
    /// At most 512; may be empty.
    pub channels: Vec<CardChannel>,
}

/// Who can read a card.
#[derive(Clone, Debug)]
pub enum CardSecrecy {
    /// Only who knows this password; device passwords are included. The default.
    Password(Secret),
    /// Anyone who sees the picture. Device passwords are left out and must be typed after adding.
    Plain,
    /// Anyone who sees the picture, **device passwords included**. Only after the user has agreed to exactly that.
    PlainWithPasswords,
}

/// Why a card could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The text is not a part of a device card.
    #[error("not a device card")]
    NotACard,
    /// The card's format is newer than this program.
    #[error("device card of an unknown version")]
    NewerVersion,
    /// The text or a part is damaged; the reason.
    #[error("damaged device card: {0}")]
    Damaged(&'static str),
    /// This part belongs to another card than the parts read before.
    #[error("a part of another device card")]
    OtherCard,
    /// Parts are missing: have, total.
    #[error("{have} of {total} parts read")]
    Incomplete {
        /// Parts read.
        have: usize,
        /// Parts of the card.
        total: usize,
    },
    /// The card is encrypted and no password was given.
    #[error("the device card needs its password")]
    PasswordNeeded,
    /// The card is whole, and this is not its password.
    #[error("wrong password for the device card")]
    WrongPassword,
    /// The card demands more memory or work than is reasonable.
    #[error("the device card asks for {0} to open, more than is allowed")]
    TooCostly(String),
    /// The devices do not fit: what and the limit.
    #[error("too much for one device card: {0}")]
    TooLarge(&'static str),
    /// A password was asked for and is empty.
    #[error("the password of the device card is empty")]
    EmptyPassword,
    /// The system gave no random numbers.
    #[error("no random numbers: {0}")]
    NoRandom(String),
}

impl From<CardError> for Error {
    fn from(error: CardError) -> Self {
        let code = match error {
            CardError::PasswordNeeded | CardError::WrongPassword => Code::CardPassword,
            CardError::NoRandom(_) => Code::Internal,
            CardError::TooLarge(_) | CardError::EmptyPassword => Code::InvalidInput,
            _ => Code::CardUnreadable,
        };
        Error::new(code, error.to_string())
    }
}

/// Makes cards.
#[derive(Debug)]
pub struct Card;

impl Card {
    /// The texts of the card's codes, 1–[`MAX_PARTS`] of them, each fit for a QR code of version 13 or less at level M.
    ///
    /// Takes some tenths of a second with a password (see [`KdfCost::STANDARD`]): not for an async task's thread.
    ///
    /// # Errors
    /// `TooLarge` when a limit of this module is passed, `EmptyPassword`, `NoRandom`.
    pub fn seal(devices: &[CardDevice], secrecy: &CardSecrecy) -> Result<Vec<String>, CardError> {
        Self::seal_with(devices, secrecy, KdfCost::STANDARD)
    }

    /// [`Card::seal`] with another cost, which a reader must find within its limits.
    pub fn seal_with(
        devices: &[CardDevice],
        secrecy: &CardSecrecy,
        cost: KdfCost,
    ) -> Result<Vec<String>, CardError> {
        let passwords = !matches!(secrecy, CardSecrecy::Plain);
        let content = wire::write(devices, passwords)?;
        let body = match secrecy {
            CardSecrecy::Password(password) => sealed::encrypt(&content, password, cost)?,
            CardSecrecy::Plain | CardSecrecy::PlainWithPasswords => sealed::plain(&content),
        };
        part::split(&body)
    }
}

/// How far the reading of a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Parts read.
    pub have: usize,
    /// Parts of the card.
    pub total: usize,
}

impl Progress {
    /// All parts are there.
    pub fn is_complete(self) -> bool {
        self.have == self.total
    }
}

/// Puts the parts of one card together, in any order, the same part any number of times.
#[derive(Debug, Default)]
pub struct CardReader {
    parts: BTreeMap<u8, CardPart>,
    body: Option<Body>,
}

impl CardReader {
    /// Waits for the first part.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a scanned text.
    ///
    /// # Errors
    /// `NotACard`, `NewerVersion`, `Damaged` for the text alone: what was read before stays. `OtherCard` likewise.
    /// `Damaged` when the last part came and the whole is not what the parts promise: all parts are forgotten.
    pub fn add(&mut self, text: &str) -> Result<Progress, CardError> {
        self.add_part(CardPart::parse(text)?)
    }

    /// [`CardReader::add`] for a part that [`crate::label::read`] has parsed.
    pub fn add_part(&mut self, part: CardPart) -> Result<Progress, CardError> {
        let total = part.total();
        if let Some(first) = self.parts.values().next()
            && (first.card_id() != part.card_id() || first.total() != total)
        {
            return Err(CardError::OtherCard);
        }
        self.parts.entry(part.index() as u8).or_insert(part);
        let progress = Progress { have: self.parts.len(), total };
        if progress.is_complete() && self.body.is_none() {
            let body = part::join(self.parts.values()).and_then(|bytes| Body::parse(&bytes));
            match body {
                Ok(body) => self.body = Some(body),
                Err(error) => {
                    self.parts.clear();
                    return Err(error);
                }
            }
        }
        Ok(progress)
    }

    /// How far the reading is; 0 of 0 before the first part.
    pub fn progress(&self) -> Progress {
        Progress { have: self.parts.len(), total: self.parts.values().next().map_or(0, CardPart::total) }
    }

    /// The numbers, from 1, of the parts still to be scanned.
    pub fn missing(&self) -> Vec<usize> {
        let total = self.progress().total;
        (0..total).filter(|index| !self.parts.contains_key(&(*index as u8))).map(|index| index + 1).collect()
    }

    /// Whether the card is encrypted, known when it is complete.
    pub fn needs_password(&self) -> Option<bool> {
        self.body.as_ref().map(Body::is_encrypted)
    }

    /// The devices. May be called again with another password; a wrong one harms nothing, no device is asked.
    ///
    /// Takes as long as sealing did: not for an async task's thread.
    ///
    /// # Errors
    /// `Incomplete`, `PasswordNeeded`, `WrongPassword`, `TooCostly`, `Damaged`.
    pub fn open(&self, password: Option<&Secret>) -> Result<Vec<CardDevice>, CardError> {
        let Progress { have, total } = self.progress();
        let body = self.body.as_ref().ok_or(CardError::Incomplete { have, total })?;
        wire::read(&body.open(password)?)
    }
}

#[cfg(test)]
mod tests;
