//! Where the key lies while no PIN or password protects it: the keychain, or the key file.
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    StoreError,
    keychain::{Answer, Keychain, SystemKeychain},
    keyfile,
    vault::{Key, KeyStorage, random_key},
};

pub(crate) const KEY_FILE: &str = "bartizan.key";
/// Says that the key is in the keychain. Without it, a keychain that is locked once would pass for one that never
/// had a key, and the fresh key file made then would part us from every stored password.
const KEYCHAIN_MARK: &str = "bartizan.key-is-in-keychain";

/// The place of the unprotected key.
pub(crate) enum Place {
    /// This process only.
    Memory,
    /// A folder's key file, or the keychain.
    Folder { folder: PathBuf, keychain: Arc<dyn Keychain + Send + Sync> },
}

impl Place {
    pub(crate) fn folder(folder: &Path) -> Self {
        Place::Folder { folder: folder.to_owned(), keychain: Arc::new(SystemKeychain) }
    }

    /// Takes the key from where it is, making one in a fresh installation. `None` when the keychain is known to have
    /// it and does not give it.
    pub(crate) fn obtain(&self) -> Result<(Option<Key>, KeyStorage), StoreError> {
        let Place::Folder { folder, keychain } = self else {
            return Ok((Some(random_key()?), KeyStorage::Memory));
        };
        let written = |error| StoreError::io(format!("writing {}", folder.display()), error);
        fs::create_dir_all(folder).map_err(written)?;
        let (file, mark) = (folder.join(KEY_FILE), folder.join(KEYCHAIN_MARK));
        if let Some(key) = keyfile::read(&file)? {
            return Ok((Some(key), KeyStorage::KeyFile));
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
                    return Ok((Some(key), KeyStorage::Keychain));
                }
                None => tracing::warn!("the keychain's entry is no key"),
            },
            Answer::Empty => tracing::warn!("the keychain has lost the key"),
            Answer::Unavailable(reason) => tracing::debug!(reason, "no keychain"),
        }
        if marked {
            return Ok((None, KeyStorage::Keychain));
        }
        let key = keyfile::create(&file, random_key()?)?;
        Ok((Some(key), KeyStorage::KeyFile))
    }

    /// Puts a key here, over what is left of an older one. It lasts through a power cut.
    pub(crate) fn put(&self, key: &Key) -> Result<KeyStorage, StoreError> {
        let Place::Folder { folder, keychain } = self else { return Ok(KeyStorage::Memory) };
        let written = |error| StoreError::io(format!("writing {}", folder.display()), error);
        let (file, mark) = (folder.join(KEY_FILE), folder.join(KEYCHAIN_MARK));
        // A file goes before the keychain when the key is obtained, so one that could not be erased is used again.
        if !file.exists() {
            let text = keyfile::encode(key);
            match keychain.write(text.clone()) {
                Answer::Found(kept) if kept == text => {
                    fs::write(&mark, []).map_err(written)?;
                    keyfile::sync_folder(folder);
                    return Ok(KeyStorage::Keychain);
                }
                Answer::Found(_) | Answer::Empty => tracing::warn!("the keychain did not keep the key"),
                Answer::Unavailable(reason) => tracing::debug!(reason, "no keychain"),
            }
        }
        keyfile::replace(&file, key)?;
        Ok(KeyStorage::KeyFile)
    }

    /// Leaves no key here. What cannot be erased now is tried again at the next start; it opens nothing by then.
    pub(crate) fn erase(&self) {
        let Place::Folder { folder, keychain } = self else { return };
        if let Err(error) = keyfile::erase(&folder.join(KEY_FILE)) {
            tracing::warn!(%error, "the old key file stays until the next start");
        }
        let mark = folder.join(KEYCHAIN_MARK);
        if mark.exists() {
            match keychain.delete() {
                Answer::Empty => {
                    let _ = fs::remove_file(&mark);
                }
                Answer::Found(_) => tracing::warn!("the keychain keeps the old key"),
                Answer::Unavailable(reason) => {
                    tracing::warn!(reason, "the old key stays in the keychain until the next start");
                }
            }
        }
        keyfile::sync_folder(folder);
    }
}
