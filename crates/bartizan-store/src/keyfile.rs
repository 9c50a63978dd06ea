//! The key file: 64 hex digits and a line feed, readable by its owner alone.
use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{StoreError, vault::Key};

/// Reads the key file; `None` when there is none. A damaged file is an error and stays as it is.
pub(crate) fn read(path: &Path) -> Result<Option<Key>, StoreError> {
    let text = match fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io(format!("reading {}", path.display()), error)),
    };
    keep_private(path);
    decode(text.trim_ascii()).map(Some).ok_or_else(|| {
        StoreError::Key(format!("the key file {} is damaged; put back a copy", path.display()))
    })
}

/// Writes the key file in one step, unless another process was quicker: then that one's key is given.
pub(crate) fn create(path: &Path, key: Key) -> Result<Key, StoreError> {
    let failed = |error| StoreError::io(format!("writing {}", path.display()), error);
    let file = written_aside(path, &key).map_err(failed)?;
    let kept = match file.persist_noclobber(path) {
        Ok(_) => key,
        Err(lost) if path.exists() => {
            drop(lost);
            read(path)?.ok_or_else(|| failed(ErrorKind::NotFound.into()))?
        }
        Err(error) => return Err(failed(error.error)),
    };
    sync_folder(path.parent().unwrap_or(Path::new(".")));
    Ok(kept)
}

/// Writes the key file in one step over whatever is there.
pub(crate) fn replace(path: &Path, key: &Key) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(format!("writing {}", path.display()), error);
    written_aside(path, key).map_err(failed)?.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")));
    Ok(())
}

/// Overwrites and removes the key file. Flash keeps older blocks as it likes, which is why a key that is erased is
/// also no longer the one in use.
pub(crate) fn erase(path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(format!("erasing {}", path.display()), error);
    let mut file = match fs::File::options().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let length = file.metadata().map_err(failed)?.len().min(4096);
    file.write_all(&vec![b'0'; usize::try_from(length).unwrap_or(0)]).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    fs::remove_file(path).map_err(failed)
}

/// Makes names in a folder last through a power cut; some systems cannot open folders, and lose nothing else.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
}

fn written_aside(path: &Path, key: &Key) -> std::io::Result<tempfile::NamedTempFile> {
    // Temporary files of this kind are created with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    let mut text = encode(key);
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// 64 hex digits.
pub(crate) fn encode(key: &Key) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

/// The key of 64 hex digits.
pub(crate) fn decode(text: &[u8]) -> Option<Key> {
    let mut key = Key::default();
    if text.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(key)
}

/// Takes away the access that a copy or a restore may have given to others.
#[cfg(unix)]
fn keep_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let others = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    if others {
        tracing::warn!(path = %path.display(), "others could read the key file; access taken away");
        if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
            tracing::warn!(%error, "the key file stays readable by others");
        }
    }
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) {}
