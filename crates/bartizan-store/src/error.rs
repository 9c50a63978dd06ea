use std::path::PathBuf;

use bartizan_base::Code;
use rusqlite::ErrorCode;

/// Why the store did not do it. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is damaged or no SQLite database. It is left where it is.
    #[error(
        "the database {path} is damaged ({detail}); quit, move that file and its -wal and -shm neighbours to a safe \
         place, and start again with an empty one, or put back a copy"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        detail: String,
    },
    /// The file was written by a newer version of this program.
    #[error("the database {path} has schema version {found}, this program knows {known}; update the program")]
    FromTheFuture {
        /// The file.
        path: PathBuf,
        /// `user_version` of the file.
        found: u32,
        /// Latest version known here.
        known: u32,
    },
    /// An SQLite database, but not one of ours.
    #[error("{path} is a database of another program; choose another file")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// No room on the disk.
    #[error("the disk is full; free some space and try again")]
    DiskFull,
    /// No such record.
    #[error("no {0} of this id")]
    NotFound(&'static str),
    /// A record of this id exists, perhaps among the deleted ones.
    #[error("a {0} of this id exists")]
    Exists(&'static str),
    /// The value breaks a rule of the schema.
    #[error("invalid value: {0}")]
    Invalid(String),
    /// The key that seals passwords cannot be had now.
    #[error("the key for stored passwords is out of reach: {0}")]
    Key(String),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The reason in the vocabulary of the layers above.
    pub fn code(&self) -> Code {
        match self {
            StoreError::DiskFull => Code::DiskFull,
            StoreError::NotFound(_) => Code::NotFound,
            StoreError::Exists(_) | StoreError::Invalid(_) => Code::InvalidInput,
            StoreError::Key(_) => Code::KeyLost,
            StoreError::Corrupt { .. }
            | StoreError::FromTheFuture { .. }
            | StoreError::Foreign { .. }
            | StoreError::Io { .. }
            | StoreError::Sqlite(_)
            | StoreError::Closed => Code::Storage,
        }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
            _ => StoreError::Io { what: what.into(), source },
        }
    }

    /// As `From`, but able to name the file when it is damaged.
    pub(crate) fn opening(path: &std::path::Path, error: StoreError) -> Self {
        match error {
            StoreError::Sqlite(error) if is_damage(&error) => {
                StoreError::Corrupt { path: path.to_owned(), detail: error.to_string() }
            }
            other => other,
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(ErrorCode::ConstraintViolation) => StoreError::Invalid(error.to_string()),
            _ => StoreError::Sqlite(error),
        }
    }
}

impl From<StoreError> for bartizan_base::Error {
    fn from(error: StoreError) -> Self {
        bartizan_base::Error::new(error.code(), error.to_string())
    }
}
