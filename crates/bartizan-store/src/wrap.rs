//! Wrapping the vault's key with a PIN or password.

use argon2::{Algorithm, Argon2, Params, Version};
use bartizan_base::Secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use crate::{
    StoreError,
    vault::{Key, fill},
};

const SALT: usize = 16;
const NONCE: usize = 24;
/// Bound to the ciphertext with the cost and the salt, so that none can be exchanged.
const CONTEXT: &[u8] = b"bartizan key 1";

/// What protects the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Digits.
    Pin,
    /// Any text.
    Password,
}

impl SecretKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            SecretKind::Pin => "pin",
            SecretKind::Password => "password",
        }
    }

    pub(crate) fn from_word(word: &str) -> Self {
        if word == "pin" { SecretKind::Pin } else { SecretKind::Password }
    }
}

/// What turning the secret into a key costs (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl KdfCost {
    /// 64 MiB, three passes, one lane, as for device cards: RFC 9106's second recommendation on one core. Some 0.2 s on
    /// a desktop, below a second on a phone of 2019.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most that a stored cost may ask for, so that a damaged row cannot eat the memory.
    const MAX: Self = Self { memory_kib: 256 * 1024, passes: 10, lanes: 4 };
}

/// The key under which the vault's key is wrapped, with what it was made of.
pub(crate) struct Lock {
    pub(crate) kind: SecretKind,
    pub(crate) cost: KdfCost,
    pub(crate) salt: [u8; SALT],
    key: Key,
}

/// A wrapped key as stored.
pub(crate) struct Wrapped {
    pub(crate) kind: SecretKind,
    pub(crate) cost: KdfCost,
    pub(crate) salt: Vec<u8>,
    pub(crate) blob: Vec<u8>,
}

impl Lock {
    /// Takes the time that [`KdfCost`] says; call it off the async runtime.
    pub(crate) fn new(kind: SecretKind, secret: &Secret, cost: KdfCost) -> Result<Self, StoreError> {
        let mut salt = [0; SALT];
        fill(&mut salt)?;
        Ok(Self { kind, cost, salt, key: derive(secret, &salt, cost)? })
    }

    pub(crate) fn wrap(&self, key: &Key) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE];
        fill(&mut nonce)?;
        let aad = aad(self.kind, self.cost, &self.salt);
        let sealed = XChaCha20Poly1305::new((&*self.key).into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: &key[..], aad: &aad })
            .map_err(|_| StoreError::Key("it cannot be wrapped".into()))?;
        Ok([&nonce[..], &sealed].concat())
    }
}

impl Wrapped {
    /// The key; `None` when the secret is wrong. Takes the time that [`KdfCost`] says; call it off the async runtime.
    pub(crate) fn open(&self, secret: &Secret) -> Result<Option<Key>, StoreError> {
        let damaged = || StoreError::Key("the wrapped key in the database is damaged".into());
        let (nonce, sealed) = self.blob.split_at_checked(NONCE).ok_or_else(damaged)?;
        let key = derive(secret, &self.salt, self.cost)?;
        let aad = aad(self.kind, self.cost, &self.salt);
        let plain = XChaCha20Poly1305::new((&*key).into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: &aad });
        let Ok(plain) = plain.map(Zeroizing::new) else { return Ok(None) };
        let mut opened = Key::default();
        if plain.len() != opened.len() {
            return Err(damaged());
        }
        opened.copy_from_slice(&plain);
        Ok(Some(opened))
    }
}

fn derive(secret: &Secret, salt: &[u8], cost: KdfCost) -> Result<Key, StoreError> {
    let refused = || StoreError::Key("the wrapped key in the database has an impossible cost".into());
    let KdfCost { memory_kib, passes, lanes } = cost;
    let most = KdfCost::MAX;
    if memory_kib > most.memory_kib || passes > most.passes || lanes > most.lanes {
        return Err(refused());
    }
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| refused())?;
    let mut key = Key::default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret.expose().as_bytes(), salt, &mut key[..])
        .map_err(|_| refused())?;
    Ok(key)
}

fn aad(kind: SecretKind, cost: KdfCost, salt: &[u8]) -> Vec<u8> {
    let mut aad = CONTEXT.to_vec();
    aad.extend_from_slice(kind.word().as_bytes());
    for part in [cost.memory_kib, cost.passes, cost.lanes] {
        aad.extend_from_slice(&part.to_be_bytes());
    }
    aad.extend_from_slice(salt);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::random_key;

    const CHEAP: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

    fn wrapped(secret: &str) -> (Key, Wrapped) {
        let key = random_key().unwrap();
        let lock = Lock::new(SecretKind::Pin, &Secret::new(secret), CHEAP).unwrap();
        let blob = lock.wrap(&key).unwrap();
        (key, Wrapped { kind: lock.kind, cost: lock.cost, salt: lock.salt.to_vec(), blob })
    }

    #[test]
    fn only_the_right_secret_unwraps() {
        let (key, mut stored) = wrapped("271828");
        assert_eq!(stored.open(&Secret::new("271828")).unwrap(), Some(key));
        for wrong in ["271829", "27182", "2718280", ""] {
            assert_eq!(stored.open(&Secret::new(wrong)).unwrap(), None, "{wrong}");
        }
        stored.kind = SecretKind::Password;
        assert_eq!(stored.open(&Secret::new("271828")).unwrap(), None, "everything stored is bound");
    }

    #[test]
    fn damage_is_an_error_or_a_refusal_never_a_key() {
        let (_, stored) = wrapped("271828");
        for cut in 0..stored.blob.len() {
            let torn = Wrapped { blob: stored.blob[..cut].to_vec(), salt: stored.salt.clone(), ..stored };
            assert!(!matches!(torn.open(&Secret::new("271828")), Ok(Some(_))), "{cut}");
        }
        let greedy = Wrapped {
            cost: KdfCost { memory_kib: u32::MAX, ..CHEAP },
            salt: stored.salt.clone(),
            blob: stored.blob.clone(),
            ..stored
        };
        assert!(matches!(greedy.open(&Secret::new("271828")), Err(StoreError::Key(_))));
        let unsalted = Wrapped { salt: Vec::new(), blob: stored.blob.clone(), ..stored };
        assert!(matches!(unsalted.open(&Secret::new("271828")), Err(StoreError::Key(_))));
    }
}
