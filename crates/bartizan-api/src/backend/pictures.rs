//! Saves pictures and movies where the system keeps pictures.

use std::path::{Path, PathBuf};

use bartizan_base::{Code, Error, Result};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::dto;

/// Names tried before giving up on a free one.
const MOST_NAMES: u32 = 1000;

/// Writes a picture under a free name; never over an existing file.
pub(super) async fn save(folder: Option<&Path>, name: &str, data: &str) -> Result<dto::SavedPicture> {
    let folder =
        folder.ok_or_else(|| Error::new(Code::UnsupportedCommand, "this shell keeps no pictures"))?;
    let name = plain_name(name)?.to_owned();
    let bytes =
        BASE64.decode(data).map_err(|_| Error::new(Code::InvalidInput, "the picture is not base64"))?;
    let folder = folder.to_owned();
    let path = tokio::task::spawn_blocking(move || write(&folder, &name, &mut &bytes[..]))
        .await
        .map_err(|e| Error::new(Code::Internal, e.to_string()))??;
    Ok(dto::SavedPicture { path: path.display().to_string() })
}

/// Copies a file there under a free name; never over an existing file.
pub(super) async fn copy(folder: Option<&Path>, name: &str, source: PathBuf) -> Result<dto::SavedPicture> {
    let folder =
        folder.ok_or_else(|| Error::new(Code::UnsupportedCommand, "this shell keeps no pictures"))?;
    let (folder, name) = (folder.to_owned(), plain_name(name)?.to_owned());
    let copied = tokio::task::spawn_blocking(move || {
        let mut source = std::fs::File::open(source)
            .map_err(|e| Error::new(Code::Storage, format!("the file cannot be read: {e}")))?;
        write(&folder, &name, &mut source)
    });
    let path = copied.await.map_err(|e| Error::new(Code::Internal, e.to_string()))??;
    Ok(dto::SavedPicture { path: path.display().to_string() })
}

/// A file name without any folder, so that a page cannot write elsewhere.
fn plain_name(name: &str) -> Result<&str> {
    let plain = !name.is_empty()
        && name.len() <= 120
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_'));
    plain.then_some(name).ok_or_else(|| Error::new(Code::InvalidInput, "not a plain file name"))
}

fn write(folder: &Path, name: &str, bytes: &mut impl std::io::Read) -> Result<PathBuf> {
    use std::io::ErrorKind;
    let failed = |e: std::io::Error| {
        let code = if e.kind() == ErrorKind::StorageFull { Code::DiskFull } else { Code::Storage };
        Error::new(code, format!("the picture cannot be saved: {e}"))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "png"));
    for number in 1..=MOST_NAMES {
        let candidate = if number == 1 {
            format!("{stem}.{extension}")
        } else {
            format!("{stem} ({number}).{extension}")
        };
        let path = folder.join(candidate);
        let mut file = match std::fs::File::options().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(failed(e)),
        };
        if let Err(e) = std::io::copy(bytes, &mut file).and_then(|_| file.sync_all()) {
            // Half a picture helps nobody.
            let _ = std::fs::remove_file(&path);
            return Err(failed(e));
        }
        return Ok(path);
    }
    Err(Error::new(Code::Storage, "too many files of that name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pictures_never_overwrite_and_never_leave_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let picture = BASE64.encode(b"png");
        let first = save(Some(folder.path()), "card.png", &picture).await.unwrap();
        let second = save(Some(folder.path()), "card.png", &picture).await.unwrap();
        assert_ne!(first.path, second.path);
        assert_eq!(std::fs::read(second.path).unwrap(), b"png");
        for name in ["", "../x.png", "/etc/x", ".hidden", "a/b.png", "a\\b.png"] {
            let error = save(Some(folder.path()), name, &picture).await.unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput, "{name}");
        }
        assert_eq!(save(None, "x.png", &picture).await.unwrap_err().code(), Code::UnsupportedCommand);
    }
}
