//! The whole card: deflated content, plain or encrypted.

use argon2::{Algorithm, Argon2, Params, Version};
use bartizan_base::Secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::io::{Read, Write};
use zeroize::Zeroizing;

use super::CardError;

const PLAIN: u8 = 0;
const ENCRYPTED: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
/// kind, memory, passes, lanes, salt, nonce.
const HEADER: usize = 1 + 4 + 1 + 1 + SALT + NONCE;
/// Bound to the ciphertext together with the header, so that neither can be taken for another format's.
const CONTEXT: &[u8] = b"BZ1:";
/// Inflated content, bytes. 512 devices with names, two routes and a few channels need a third of it.
const MAX_CONTENT: u64 = 1024 * 1024;

/// What turning the password into a key costs (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u8,
    /// Lanes.
    pub lanes: u8,
}

impl KdfCost {
    /// 64 MiB, three passes, one lane: the memory and passes of RFC 9106's second recommendation, with one lane because
    /// phones compute it on one core here. Some 0.2 s on a desktop, below a second on a phone of 2019.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// Limits when reading: a foreign card may ask for twice our memory and about three times our work, no more.
    const MAX: Self = Self { memory_kib: 128 * 1024, passes: 10, lanes: 4 };
    const MAX_WORK_KIB: u64 = 512 * 1024;

    fn check(self) -> Result<Params, CardError> {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        if self.memory_kib > Self::MAX.memory_kib
            || self.passes > Self::MAX.passes
            || self.lanes > Self::MAX.lanes
            || work > Self::MAX_WORK_KIB
        {
            return Err(CardError::TooCostly(format!(
                "{} MiB, {} passes, {} lanes",
                self.memory_kib / 1024,
                self.passes,
                self.lanes
            )));
        }
        Params::new(self.memory_kib, self.passes.into(), self.lanes.into(), Some(32))
            .map_err(|_| CardError::Damaged("cost parameters"))
    }

    fn key(self, password: &Secret, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, CardError> {
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.check()?)
            .hash_password_into(password.expose().as_bytes(), salt, &mut *key)
            .map_err(|_| CardError::Damaged("cost parameters"))?;
        Ok(key)
    }
}

/// A whole card, its cost not yet spent.
pub(super) enum Body {
    Plain(Vec<u8>),
    Encrypted { cost: KdfCost, header: [u8; HEADER], ciphertext: Vec<u8> },
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_encrypted() { "Body(encrypted)" } else { "Body(plain)" })
    }
}

impl Body {
    pub(super) fn parse(card: &[u8]) -> Result<Self, CardError> {
        match card.first() {
            Some(&PLAIN) => Ok(Self::Plain(card[1..].to_vec())),
            Some(&ENCRYPTED) => {
                let (header, ciphertext) = card
                    .split_first_chunk::<HEADER>()
                    .filter(|(_, ciphertext)| ciphertext.len() >= TAG)
                    .ok_or(CardError::Damaged("card cut off"))?;
                let memory_kib = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
                let cost = KdfCost { memory_kib, passes: header[5], lanes: header[6] };
                cost.check()?;
                Ok(Self::Encrypted { cost, header: *header, ciphertext: ciphertext.to_vec() })
            }
            // A later program of the same version may know more kinds.
            Some(_) => Err(CardError::NewerVersion),
            None => Err(CardError::Damaged("empty card")),
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Encrypted { .. })
    }

    /// The content, inflated.
    pub(super) fn open(&self, password: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, CardError> {
        match self {
            Self::Plain(deflated) => inflate(deflated),
            Self::Encrypted { cost, header, ciphertext } => {
                let password =
                    password.filter(|password| !password.is_empty()).ok_or(CardError::PasswordNeeded)?;
                let (salt, nonce) = header[HEADER - SALT - NONCE..].split_at(SALT);
                let key = cost.key(password, salt)?;
                // The parts have proved the card whole, so what fails here is the password.
                let deflated = XChaCha20Poly1305::new((&*key).into())
                    .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &aad(header) })
                    .map_err(|_| CardError::WrongPassword)?;
                inflate(&Zeroizing::new(deflated))
            }
        }
    }
}

fn aad(header: &[u8]) -> Vec<u8> {
    [CONTEXT, header].concat()
}

pub(super) fn plain(content: &[u8]) -> Vec<u8> {
    let mut card = vec![PLAIN];
    card.extend_from_slice(&deflate(content));
    card
}

pub(super) fn encrypt(content: &[u8], password: &Secret, cost: KdfCost) -> Result<Vec<u8>, CardError> {
    let mut random = [0; SALT + NONCE];
    getrandom::fill(&mut random).map_err(|error| CardError::NoRandom(error.to_string()))?;
    encrypt_with(content, password, cost, &random)
}

/// Encryption with the salt and the nonce given, which only test vectors may do.
pub(super) fn encrypt_with(
    content: &[u8],
    password: &Secret,
    cost: KdfCost,
    random: &[u8; SALT + NONCE],
) -> Result<Vec<u8>, CardError> {
    if password.is_empty() {
        return Err(CardError::EmptyPassword);
    }
    let mut card = Vec::with_capacity(HEADER + content.len() / 2 + TAG);
    card.push(ENCRYPTED);
    card.extend_from_slice(&cost.memory_kib.to_be_bytes());
    card.extend_from_slice(&[cost.passes, cost.lanes]);
    card.extend_from_slice(random);
    let (salt, nonce) = random.split_at(SALT);
    let key = cost.key(password, salt)?;
    let ciphertext = XChaCha20Poly1305::new((&*key).into())
        .encrypt(XNonce::from_slice(nonce), Payload { msg: &deflate(content), aad: &aad(&card) })
        .map_err(|_| CardError::TooLarge("content"))?;
    card.extend_from_slice(&ciphertext);
    Ok(card)
}

/// Raw deflate (RFC 1951).
fn deflate(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let sink = Vec::with_capacity(content.len() / 2 + 64);
    let mut encoder = flate2::write::DeflateEncoder::new(sink, flate2::Compression::best());
    let deflated = encoder.write_all(content).and_then(|()| encoder.finish());
    Zeroizing::new(deflated.expect("writing to memory does not fail"))
}

fn inflate(deflated: &[u8]) -> Result<Zeroizing<Vec<u8>>, CardError> {
    let mut content = Zeroizing::new(Vec::new());
    flate2::read::DeflateDecoder::new(deflated)
        .take(MAX_CONTENT + 1)
        .read_to_end(&mut content)
        .map_err(|_| CardError::Damaged("compressed content"))?;
    if content.len() as u64 > MAX_CONTENT {
        return Err(CardError::TooLarge("content"));
    }
    Ok(content)
}
