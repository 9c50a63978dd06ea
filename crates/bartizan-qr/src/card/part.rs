//! One code's worth of a card: `BZ1:` + Base45 of header, piece and checksum.

use sha2::{Digest, Sha256};

use super::{CardError, MAX_PARTS};
use crate::label::Seems;

/// What every part starts with; the digit is the version of the format.
pub const PREFIX: &str = "BZ1:";
const FAMILY: &str = "BZ";

/// Bytes of the card in one part. With header, checksum, Base45 and prefix this makes at most 472 characters, a code of
/// version 13 (69 modules) at level M: readable from a phone's screen at arm's length.
pub(super) const PIECE: usize = 300;
/// Card id, index, total.
const HEADER: usize = 8;
const CHECKSUM: usize = 4;
/// Longest part that is looked at, characters: another tool may use larger codes.
const MAX_CHARS: usize = 4296;

/// The first bytes of the SHA-256 of the whole card: names it and proves it whole.
pub(super) type CardId = [u8; 6];

/// A part of a card that has passed its checksum.
#[derive(Clone, PartialEq, Eq)]
pub struct CardPart {
    id: CardId,
    index: u8,
    total: u8,
    piece: Vec<u8>,
}

impl std::fmt::Debug for CardPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CardPart({} {}/{})", self.card_id(), self.index + 1, self.total)
    }
}

impl CardPart {
    /// Reads a scanned text.
    ///
    /// # Errors
    /// `NotACard`, `NewerVersion`, `Damaged`.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let text = text.trim();
        let Some(coded) = text.strip_prefix(PREFIX) else {
            return Err(if other_version(text) { CardError::NewerVersion } else { CardError::NotACard });
        };
        if text.len() > MAX_CHARS {
            return Err(CardError::Damaged("part too long"));
        }
        // Three characters carry two bytes; one left over can only be a torn text.
        if coded.len() % 3 == 1 || !coded.is_ascii() {
            return Err(CardError::Damaged("part cut off"));
        }
        let bytes = base45::decode(coded).map_err(|_| CardError::Damaged("not Base45"))?;
        let (body, checksum) =
            bytes.split_last_chunk::<CHECKSUM>().ok_or(CardError::Damaged("part too short"))?;
        if crc32(body).to_be_bytes() != *checksum {
            return Err(CardError::Damaged("checksum of the part"));
        }
        let (header, piece) =
            body.split_first_chunk::<HEADER>().ok_or(CardError::Damaged("part too short"))?;
        let [a, b, c, d, e, f, index, total] = *header;
        if total == 0 || usize::from(total) > MAX_PARTS || index >= total {
            return Err(CardError::Damaged("part number"));
        }
        if piece.is_empty() {
            return Err(CardError::Damaged("empty part"));
        }
        Ok(Self { id: [a, b, c, d, e, f], index, total, piece: piece.to_vec() })
    }

    /// The card's name, 12 hexadecimal digits: the same on all its parts.
    pub fn card_id(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Which part, from 0.
    pub fn index(&self) -> usize {
        self.index.into()
    }

    /// How many parts the card has, 1–[`MAX_PARTS`].
    pub fn total(&self) -> usize {
        self.total.into()
    }

    fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(HEADER + self.piece.len() + CHECKSUM);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&[self.index, self.total]);
        bytes.extend_from_slice(&self.piece);
        bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
        format!("{PREFIX}{}", base45::encode(bytes))
    }
}

fn other_version(text: &str) -> bool {
    let rest = text.strip_prefix(FAMILY).unwrap_or_default();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&digits) && rest.as_bytes().get(digits) == Some(&b':')
}

/// `None` when the text is no card; else the part, or what is wrong with it.
pub(crate) fn looks_like_part(text: &str) -> Option<Result<CardPart, Seems>> {
    match CardPart::parse(text) {
        Ok(part) => Some(Ok(part)),
        Err(CardError::NotACard) => None,
        Err(CardError::NewerVersion) => Some(Err(Seems::NewerCard)),
        Err(_) => Some(Err(Seems::DamagedCard)),
    }
}

fn id_of(card: &[u8]) -> CardId {
    let digest = Sha256::digest(card);
    std::array::from_fn(|at| digest[at])
}

/// Cuts a card into as few parts as will do, all nearly equal, so that no code is denser than it must be.
pub(super) fn split(card: &[u8]) -> Result<Vec<String>, CardError> {
    let total = card.len().div_ceil(PIECE);
    if total > MAX_PARTS {
        return Err(CardError::TooLarge("more codes than one card may have"));
    }
    let id = id_of(card);
    let pieces = card.chunks(card.len().div_ceil(total.max(1)).max(1));
    let count = pieces.len() as u8;
    Ok(pieces
        .enumerate()
        .map(|(index, piece)| CardPart { id, index: index as u8, total: count, piece: piece.to_vec() }.text())
        .collect())
}

/// All parts, in order.
pub(super) fn join<'a>(parts: impl Iterator<Item = &'a CardPart>) -> Result<Vec<u8>, CardError> {
    let mut card = Vec::new();
    let mut id = None;
    for part in parts {
        id.get_or_insert(part.id);
        card.extend_from_slice(&part.piece);
    }
    if id != Some(id_of(&card)) {
        return Err(CardError::Damaged("the parts do not make a card"));
    }
    Ok(card)
}

/// CRC-32 as in PNG and gzip (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
