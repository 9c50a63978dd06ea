use std::{
    fmt,
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use bartizan_base::Secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use crate::{StoreError, place::Place};

pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Where the key for stored passwords lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStorage {
    /// The operating system's keychain.
    Keychain,
    /// `bartizan.key` beside the database, readable by the user alone.
    KeyFile,
    /// The database, encrypted with the app's PIN or password.
    Wrapped,
    /// This process only.
    Memory,
}

/// Seals and opens passwords, and pictures, with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 over RFC 8439).
///
/// # Sealed form, version 1
/// `01`, 24 random nonce bytes, ciphertext, 16 tag bytes. The device's id is associated data, so a sealed password
/// opens for that device only. The single byte `00` stands for a password that was erased: it opens for nobody.
///
/// # Where the key lives
/// Without protection: keychain on macOS, iOS and Windows. On Linux and Android the key file: the crates that reach the
/// Linux keychains weigh more than the rest of this program's storage together, and Android's private app folder is
/// encrypted by the system already. The file keeps passwords out of copies of the database and from other users; it
/// does not keep them from programs that run as the same user.
///
/// With protection: in the database, wrapped; see [`Store::protect`](crate::Store::protect). The vault is then locked
/// until [`Store::unlock`](crate::Store::unlock), and opens and seals nothing.
pub struct Vault {
    place: Place,
    held: RwLock<Held>,
}

/// What the vault has now.
struct Held {
    /// `None`: locked, or the key is in a keychain that does not give it now.
    key: Option<Key>,
    storage: KeyStorage,
    /// Which of the database's keys it is.
    generation: i64,
}

const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
/// What stands for a password that was erased. No version 0 is ever sealed.
pub(crate) const ERASED: &[u8] = &[0];

impl Vault {
    /// A vault whose key lies in `folder`'s key file, else in the keychain, or wrapped in the database.
    ///
    /// Nothing is read before [`Store::open`](crate::Store::open), for only the database knows which. When the key is
    /// known to be in the keychain and that does not answer within 2 s, the vault is locked: it opens nothing and seals
    /// nothing, and the next start tries again.
    pub fn in_folder(folder: &Path) -> Self {
        Self::at(Place::folder(folder), KeyStorage::KeyFile)
    }

    /// A vault with a fresh key that dies with it.
    pub fn in_memory() -> Self {
        Self::at(Place::Memory, KeyStorage::Memory)
    }

    pub(crate) fn at(place: Place, storage: KeyStorage) -> Self {
        Self { place, held: RwLock::new(Held { key: None, storage, generation: 0 }) }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Takes its key, or, where the key is wrapped, makes sure that no plain one is left: a kill may have come between
    /// the wrapping and the erasing.
    pub(crate) fn settle(&self, generation: i64, wrapped: bool) -> Result<(), StoreError> {
        if wrapped {
            self.place.erase();
            self.hold(None, KeyStorage::Wrapped, generation);
        } else {
            let (key, storage) = self.place.obtain()?;
            self.hold(key, storage, generation);
        }
        Ok(())
    }

    pub(crate) fn hold(&self, key: Option<Key>, storage: KeyStorage, generation: i64) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { key, storage, generation };
    }

    /// Forgets the key until it is unwrapped again. Only a wrapped key can be had again.
    pub(crate) fn lock(&self) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.storage == KeyStorage::Wrapped {
            held.key = None;
        }
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the key lives.
    pub fn storage(&self) -> KeyStorage {
        self.held().storage
    }

    /// True when the key cannot be had now.
    pub fn is_locked(&self) -> bool {
        self.held().key.is_none()
    }

    /// Which of the database's keys the vault has.
    pub(crate) fn generation(&self) -> i64 {
        self.held().generation
    }

    /// A vault of one key that lives as long as a change of keys.
    pub(crate) fn of(key: Key) -> Self {
        let vault = Self::in_memory();
        vault.hold(Some(key), KeyStorage::Memory, 0);
        vault
    }

    pub(crate) fn seal(&self, owner: &str, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        self.seal_bytes(owner, secret.expose().as_bytes())
    }

    pub(crate) fn seal_bytes(&self, owner: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let payload = Payload { msg: plain, aad: owner.as_bytes() };
        let sealed = self
            .cipher()
            .ok_or_else(|| match self.storage() {
                KeyStorage::Wrapped => StoreError::Key("the app is locked".into()),
                _ => StoreError::Key("the keychain does not give it; unlock it and start again".into()),
            })?
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| StoreError::Invalid("too long to be sealed".into()))?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// `None` when the blob is of another key, another owner, another version, or damaged.
    pub(crate) fn open(&self, owner: &str, blob: &[u8]) -> Option<Secret> {
        let plain = self.open_bytes(owner, blob)?;
        Some(Secret::new(std::str::from_utf8(&plain).ok()?))
    }

    /// As [`open`](Self::open), of what need not be text.
    pub(crate) fn open_bytes(&self, owner: &str, blob: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&VERSION, rest) = blob.split_first()? else { return None };
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.cipher()?.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> Option<XChaCha20Poly1305> {
        self.held().key.as_ref().map(|key| XChaCha20Poly1305::new((&**key).into()))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("storage", &self.storage())
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

pub(crate) fn random_key() -> Result<Key, StoreError> {
    let mut key = Key::default();
    fill(&mut key[..])?;
    Ok(key)
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::Key(format!("no random bytes: {error}")))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering::SeqCst};

    use super::*;
    use crate::{
        keychain::{Answer, Keychain},
        keyfile,
        place::KEY_FILE,
    };

    fn open() -> Vault {
        let vault = Vault::in_memory();
        vault.settle(1, false).unwrap();
        vault
    }

    #[test]
    fn opens_what_it_sealed_for_the_same_owner_only() {
        let vault = open();
        let secret = Secret::new("påss wörd");
        let blob = vault.seal("a", &secret).unwrap();
        assert_eq!(vault.open("a", &blob), Some(secret.clone()));
        assert_eq!(vault.open("b", &blob), None);
        assert_eq!(open().open("a", &blob), None);
        assert_ne!(vault.seal("a", &secret).unwrap(), blob, "a nonce is never used twice");
        for cut in 0..blob.len() {
            assert_eq!(vault.open("a", &blob[..cut]), None, "{cut}");
            let mut bent = blob.clone();
            bent[cut] ^= 1;
            assert_eq!(vault.open("a", &bent), None, "{cut}");
        }
        assert_eq!(vault.open("a", ERASED), None);
    }

    #[test]
    fn a_locked_vault_seals_nothing() {
        let vault = Vault::in_memory();
        let error = vault.seal("a", &Secret::new("x")).unwrap_err();
        assert_eq!(error.code(), bartizan_base::Code::KeyLost);
        assert_eq!(vault.open("a", &open().seal("a", &Secret::new("x")).unwrap()), None);
    }

    #[test]
    fn only_a_wrapped_key_is_locked_away() {
        let vault = open();
        vault.lock();
        assert!(!vault.is_locked(), "a plain key could not come back");
        vault.hold(Some(random_key().unwrap()), KeyStorage::Wrapped, 2);
        vault.lock();
        assert!(vault.is_locked());
    }

    /// A keychain of one entry that can be locked.
    #[derive(Default)]
    struct Fake {
        entry: Mutex<Option<String>>,
        locked: AtomicBool,
    }

    impl Keychain for Fake {
        fn read(&self) -> Answer {
            match &*self.entry.lock().unwrap() {
                _ if self.locked.load(SeqCst) => Answer::Unavailable("locked".into()),
                Some(text) => Answer::Found(text.clone().into()),
                None => Answer::Empty,
            }
        }

        fn write(&self, text: Zeroizing<String>) -> Answer {
            if !self.locked.load(SeqCst) {
                *self.entry.lock().unwrap() = Some(text.to_string());
            }
            self.read()
        }

        fn delete(&self) -> Answer {
            if !self.locked.load(SeqCst) {
                *self.entry.lock().unwrap() = None;
            }
            self.read()
        }
    }

    fn settled(folder: &Path, keychain: &Arc<Fake>, wrapped: bool) -> Vault {
        let place = Place::Folder { folder: folder.to_owned(), keychain: keychain.clone() };
        let vault = Vault::at(place, KeyStorage::KeyFile);
        vault.settle(1, wrapped).unwrap();
        vault
    }

    #[test]
    fn a_key_once_in_the_keychain_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let keychain = Arc::<Fake>::default();
        let obtain = || settled(folder.path(), &keychain, false);
        let first = obtain();
        assert_eq!(first.storage(), KeyStorage::Keychain);
        let blob = first.seal("a", &Secret::new("x")).unwrap();
        assert_eq!(obtain().open("a", &blob), Some(Secret::new("x")));

        keychain.locked.store(true, SeqCst);
        assert!(obtain().is_locked());
        assert_eq!(obtain().open("a", &blob), None);
        keychain.locked.store(false, SeqCst);
        assert_eq!(obtain().open("a", &blob), Some(Secret::new("x")));

        for lost in [None, Some("no key".to_owned())] {
            *keychain.entry.lock().unwrap() = lost.clone();
            assert!(obtain().is_locked(), "{lost:?}");
            assert_eq!(*keychain.entry.lock().unwrap(), lost);
        }
        assert!(!folder.path().join(KEY_FILE).exists());
    }

    #[test]
    fn without_a_keychain_the_file_serves_and_goes_on_serving() {
        let folder = tempfile::tempdir().unwrap();
        let keychain = Arc::<Fake>::default();
        keychain.locked.store(true, SeqCst);
        let first = settled(folder.path(), &keychain, false);
        assert_eq!(first.storage(), KeyStorage::KeyFile);
        let blob = first.seal("a", &Secret::new("x")).unwrap();
        keychain.locked.store(false, SeqCst);
        let later = settled(folder.path(), &keychain, false);
        assert_eq!((later.storage(), later.open("a", &blob)), (KeyStorage::KeyFile, Some(Secret::new("x"))));
        assert!(keychain.entry.lock().unwrap().is_none());
    }

    #[test]
    fn a_wrapped_key_leaves_nothing_in_keychain_or_file() {
        let folder = tempfile::tempdir().unwrap();
        let keychain = Arc::<Fake>::default();
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(settled(folder.path(), &keychain, false).storage(), KeyStorage::Keychain);
        // A keychain that is locked then keeps its entry, but not for ever.
        keychain.locked.store(true, SeqCst);
        assert!(settled(folder.path(), &keychain, true).is_locked());
        assert!(keychain.entry.lock().unwrap().is_some());
        keychain.locked.store(false, SeqCst);
        assert!(settled(folder.path(), &keychain, true).is_locked());
        assert_eq!((keychain.entry.lock().unwrap().clone(), files()), (None, 0));

        // Back to a plain key: the keychain again, or the file, never an older one of either.
        let plain = settled(folder.path(), &keychain, true);
        let (first, second) = (random_key().unwrap(), random_key().unwrap());
        assert_eq!(plain.place().put(&first).unwrap(), KeyStorage::Keychain);
        keychain.locked.store(true, SeqCst);
        plain.place().erase();
        assert_eq!(plain.place().put(&second).unwrap(), KeyStorage::KeyFile);
        keychain.locked.store(false, SeqCst);
        let (key, storage) = plain.place().obtain().unwrap();
        assert_eq!((key.as_ref(), storage), (Some(&second), KeyStorage::KeyFile));
        assert_eq!(plain.place().put(&first).unwrap(), KeyStorage::KeyFile);
        assert_eq!(plain.place().obtain().unwrap().0.as_ref(), Some(&first));
        plain.place().erase();
        assert_eq!((keychain.entry.lock().unwrap().clone(), files()), (None, 0));
    }

    #[test]
    fn prints_no_key() {
        let vault = open();
        let hex = keyfile::encode(vault.held().key.as_ref().unwrap());
        let printed = format!("{vault:?}");
        assert!(!printed.contains(hex.as_str()) && printed.contains("Memory"), "{printed}");
    }
}
