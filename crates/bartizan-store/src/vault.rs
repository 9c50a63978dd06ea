use std::{fmt, fs, path::Path};

use bartizan_base::Secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    StoreError,
    keychain::{Answer, Keychain, SystemKeychain},
    keyfile,
};

pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Where the key for stored passwords lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStorage {
    /// The operating system's keychain.
    Keychain,
    /// `bartizan.key` beside the database, readable by the user alone.
    KeyFile,
    /// This process only.
    Memory,
}

/// Seals and opens passwords with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 over RFC 8439).
///
/// # Sealed form, version 1
/// `01`, 24 random nonce bytes, ciphertext, 16 tag bytes. The device's id is associated data, so a sealed password
/// opens for that device only.
///
/// # Where the key lives
/// Keychain on macOS, iOS and Windows. On Linux and Android the key file: the crates that reach the Linux keychains
/// weigh more than the rest of this program's storage together, and Android's private app folder is encrypted by the
/// system already. The file keeps passwords out of copies of the database and from other users; it does not keep them
/// from programs that run as the same user.
pub struct Vault {
    /// `None`: the key is in a keychain that does not give it now.
    key: Option<Key>,
    storage: KeyStorage,
}

const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
const KEY_FILE: &str = "bartizan.key";
/// Says that the key is in the keychain. Without it, a keychain that is locked once would pass for one that never
/// had a key, and the fresh key file made then would part us from every stored password.
const KEYCHAIN_MARK: &str = "bartizan.key-is-in-keychain";

impl Vault {
    /// Takes the key from `folder`'s key file if there is one, else from the keychain, making it where needed.
    ///
    /// When the key is known to be in the keychain and that does not answer within 2 s, the vault is locked: it opens
    /// nothing and seals nothing, and the next start tries again. Errors: the folder cannot be written, or the key
    /// file is damaged. Blocks; call it off the async runtime.
    pub fn from_keychain_or_file(folder: &Path) -> Result<Self, StoreError> {
        Self::obtain(folder, &SystemKeychain)
    }

    fn obtain(folder: &Path, keychain: &impl Keychain) -> Result<Self, StoreError> {
        let written = |error| StoreError::io(format!("writing {}", folder.display()), error);
        fs::create_dir_all(folder).map_err(written)?;
        let (file, mark) = (folder.join(KEY_FILE), folder.join(KEYCHAIN_MARK));
        if let Some(key) = keyfile::read(&file)? {
            return Ok(Self { key: Some(key), storage: KeyStorage::KeyFile });
        }
        let marked = mark.exists();
        let asked = match keychain.read() {
            // Only a fresh installation makes a key; a marked one whose entry is gone may get it back.
            Answer::Empty if !marked => keychain.write(keyfile::encode(&random_key()?)),
            other => other,
        };
        match asked {
            Answer::Found(text) => match keyfile::decode(text.as_bytes()) {
                Some(key) => {
                    fs::write(&mark, []).map_err(written)?;
                    return Ok(Self { key: Some(key), storage: KeyStorage::Keychain });
                }
                None => tracing::warn!("the keychain's entry is no key"),
            },
            Answer::Empty => tracing::warn!("the keychain has lost the key"),
            Answer::Unavailable(reason) => tracing::debug!(reason, "no keychain"),
        }
        if marked {
            return Ok(Self { key: None, storage: KeyStorage::Keychain });
        }
        let key = keyfile::create(&file, random_key()?)?;
        Ok(Self { key: Some(key), storage: KeyStorage::KeyFile })
    }

    /// A vault with a fresh key that dies with it.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, which nothing here can outlive.
    pub fn in_memory() -> Self {
        let key = random_key().expect("the operating system gives random bytes");
        Self { key: Some(key), storage: KeyStorage::Memory }
    }

    /// Where the key lives.
    pub fn storage(&self) -> KeyStorage {
        self.storage
    }

    /// True when the key cannot be had now.
    pub fn is_locked(&self) -> bool {
        self.key.is_none()
    }

    pub(crate) fn seal(&self, owner: &str, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: owner.as_bytes() };
        let sealed = self
            .cipher()
            .ok_or_else(|| {
                StoreError::Key("the keychain does not give it; unlock it and start again".into())
            })?
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| StoreError::Invalid("the password is too long".into()))?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// `None` when the blob is of another key, another owner, another version, or damaged.
    pub(crate) fn open(&self, owner: &str, blob: &[u8]) -> Option<Secret> {
        let (&VERSION, rest) = blob.split_first()? else { return None };
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        let plain = self.cipher()?.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        match String::from_utf8(plain) {
            Ok(text) => Some(Secret::new(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                None
            }
        }
    }

    fn cipher(&self) -> Option<XChaCha20Poly1305> {
        self.key.as_ref().map(|key| XChaCha20Poly1305::new((&**key).into()))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("storage", &self.storage)
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

fn random_key() -> Result<Key, StoreError> {
    let mut key = Key::default();
    fill(&mut key[..])?;
    Ok(key)
}

fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::Key(format!("no random bytes: {error}")))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[test]
    fn opens_what_it_sealed_for_the_same_owner_only() {
        let vault = Vault::in_memory();
        let secret = Secret::new("påss wörd");
        let blob = vault.seal("a", &secret).unwrap();
        assert_eq!(vault.open("a", &blob), Some(secret.clone()));
        assert_eq!(vault.open("b", &blob), None);
        assert_eq!(Vault::in_memory().open("a", &blob), None);
        assert_ne!(vault.seal("a", &secret).unwrap(), blob, "a nonce is never used twice");
        for cut in 0..blob.len() {
            assert_eq!(vault.open("a", &blob[..cut]), None, "{cut}");
            let mut bent = blob.clone();
            bent[cut] ^= 1;
            assert_eq!(vault.open("a", &bent), None, "{cut}");
        }
    }

    #[test]
    fn a_locked_vault_seals_nothing() {
        let vault = Vault { key: None, storage: KeyStorage::Keychain };
        let error = vault.seal("a", &Secret::new("x")).unwrap_err();
        assert_eq!(error.code(), bartizan_base::Code::KeyLost);
        assert_eq!(vault.open("a", &Vault::in_memory().seal("a", &Secret::new("x")).unwrap()), None);
    }

    /// A keychain of one entry that can be locked.
    #[derive(Default)]
    struct Fake {
        entry: RefCell<Option<String>>,
        locked: Cell<bool>,
    }

    impl Keychain for Fake {
        fn read(&self) -> Answer {
            match &*self.entry.borrow() {
                _ if self.locked.get() => Answer::Unavailable("locked".into()),
                Some(text) => Answer::Found(text.clone().into()),
                None => Answer::Empty,
            }
        }

        fn write(&self, text: Zeroizing<String>) -> Answer {
            *self.entry.borrow_mut() = Some(text.to_string());
            self.read()
        }
    }

    #[test]
    fn a_key_once_in_the_keychain_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let keychain = Fake::default();
        let obtain = || Vault::obtain(folder.path(), &keychain).unwrap();
        let first = obtain();
        assert_eq!(first.storage(), KeyStorage::Keychain);
        let blob = first.seal("a", &Secret::new("x")).unwrap();
        assert_eq!(obtain().open("a", &blob), Some(Secret::new("x")));

        keychain.locked.set(true);
        assert!(obtain().is_locked());
        assert_eq!(obtain().open("a", &blob), None);
        keychain.locked.set(false);
        assert_eq!(obtain().open("a", &blob), Some(Secret::new("x")));

        for lost in [None, Some("no key".to_owned())] {
            *keychain.entry.borrow_mut() = lost.clone();
            assert!(obtain().is_locked(), "{lost:?}");
            assert_eq!(*keychain.entry.borrow(), lost);
        }
        assert!(!folder.path().join(KEY_FILE).exists());
    }

    #[test]
    fn without_a_keychain_the_file_serves_and_goes_on_serving() {
        let folder = tempfile::tempdir().unwrap();
        let keychain = Fake::default();
        keychain.locked.set(true);
        let first = Vault::obtain(folder.path(), &keychain).unwrap();
        assert_eq!(first.storage(), KeyStorage::KeyFile);
        let blob = first.seal("a", &Secret::new("x")).unwrap();
        keychain.locked.set(false);
        let later = Vault::obtain(folder.path(), &keychain).unwrap();
        assert_eq!((later.storage(), later.open("a", &blob)), (KeyStorage::KeyFile, Some(Secret::new("x"))));
        assert!(keychain.entry.borrow().is_none());
    }

    #[test]
    fn prints_no_key() {
        let vault = Vault::in_memory();
        let hex = keyfile::encode(vault.key.as_ref().unwrap());
        let printed = format!("{vault:?}");
        assert!(!printed.contains(hex.as_str()) && printed.contains("Memory"), "{printed}");
    }
}
