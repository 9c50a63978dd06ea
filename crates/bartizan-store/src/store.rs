use std::{fs, path::Path, sync::Arc, thread, time::Duration};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, Vault, migrate, protection, stream_paths};

/// The database of this installation. Cheap to clone; all clones share one thread.
#[derive(Clone, Debug)]
pub struct Store {
    work: mpsc::Sender<Message>,
    pub(crate) vault: Arc<Vault>,
}

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

enum Message {
    Run(Work),
    Close(oneshot::Sender<()>),
}

/// Callers beyond this many wait for their turn to queue.
const QUEUE: usize = 64;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);

impl Store {
    /// Opens the file, making it (and its folder) when absent and upgrading it when old.
    ///
    /// A damaged, foreign or newer file is refused and left as it is; so is a damaged key file. Then the vault takes its
    /// key, making it where needed. Blocks; call it off the async runtime.
    pub fn open(path: &Path, vault: Vault) -> Result<Self, StoreError> {
        create_private(path)?;
        Self::start(path, Connection::open(path).map_err(StoreError::from), vault)
            .map_err(|error| StoreError::opening(path, error))
    }

    /// A store that is gone when the last handle is.
    pub fn in_memory(vault: Vault) -> Result<Self, StoreError> {
        Self::start(Path::new(":memory:"), Connection::open_in_memory().map_err(StoreError::from), vault)
    }

    fn start(path: &Path, db: Result<Connection, StoreError>, vault: Vault) -> Result<Self, StoreError> {
        let mut db = db?;
        prepare(&mut db, path)?;
        let (generation, wrapped) = protection::state(&db)?;
        vault.settle(generation, wrapped)?;
        stream_paths::seal_old(&mut db, &vault);
        let (work, mut inbox) = mpsc::channel(QUEUE);
        let serve = move || {
            while let Some(message) = inbox.blocking_recv() {
                match message {
                    Message::Run(work) => work(&mut db),
                    Message::Close(done) => {
                        inbox.close();
                        // What was queued before still counts.
                        while let Some(message) = inbox.blocking_recv() {
                            match message {
                                Message::Run(work) => work(&mut db),
                                Message::Close(also) => drop(also),
                            }
                        }
                        if let Err((_, error)) = db.close() {
                            tracing::warn!(%error, "the database did not close cleanly");
                        }
                        let _ = done.send(());
                        return;
                    }
                }
            }
        };
        thread::Builder::new()
            .name("store".into())
            .spawn(serve)
            .map_err(|error| StoreError::io("starting the store's thread", error))?;
        Ok(Self { work, vault: Arc::new(vault) })
    }

    /// Finishes what is queued and closes the file; every later call gives [`StoreError::Closed`].
    ///
    /// Dropping the last handle closes too, a moment later.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.work.send(Message::Close(done)).await.is_ok() {
            // An error means that another handle closed at the same time.
            let _ = closed.await;
        }
    }

    /// Runs `work` on the store's thread. Once queued it runs to its end, even if the caller stops waiting.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer_out, answer_in) = oneshot::channel();
        let work: Work = Box::new(move |db| {
            let _ = answer_out.send(work(db));
        });
        self.work.send(Message::Run(work)).await.map_err(|_| StoreError::Closed)?;
        answer_in.await.map_err(|_| StoreError::Closed)?
    }
}

fn prepare(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    db.busy_timeout(BUSY)?;
    migrate::check(db, path)?;
    // A settings-sized file: reading it whole costs milliseconds and finds damage before it spreads.
    let health: String = db.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
    if health != "ok" {
        return Err(StoreError::Corrupt { path: path.to_owned(), detail: health });
    }
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "foreign_keys", true)?;
    // What is replaced or deleted is overwritten: a sealed password of an earlier key is not to be found.
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    migrate::migrate(db, path)
}

/// Makes the file before SQLite does, so that no other user can read it; SQLite gives -wal and -shm the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(format!("opening {}", path.display()), error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use bartizan_base::{Code, OwnedTask};

    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_called_that() {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        store.run(|db| Ok(db.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(()))?)).await.unwrap();
        let long = serde_json::Value::String("x".repeat(1 << 20));
        let error = store.set_setting("long", long).await.unwrap_err();
        assert_eq!(error.code(), Code::DiskFull, "{error}");
        assert_eq!(store.setting("long").await.unwrap(), None);
    }

    #[tokio::test]
    async fn closing_finishes_the_queue_and_refuses_the_rest() {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let writes: Vec<_> = (0..20)
            .map(|at| {
                let store = store.clone();
                OwnedTask::spawn(async move { store.set_setting("at", at.into()).await })
            })
            .collect();
        for write in writes {
            write.join().await.unwrap().unwrap();
        }
        let second = store.clone();
        tokio::join!(store.close(), second.close());
        assert!(matches!(second.setting("at").await, Err(StoreError::Closed)));
        assert_eq!(StoreError::Closed.code(), Code::Storage);
    }

    #[tokio::test]
    async fn the_connection_is_as_documented() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("a.sqlite"), Vault::in_memory()).unwrap();
        let found = store
            .run(|db| {
                let text =
                    |name: &str| db.query_row(&format!("pragma {name}"), [], |row| row.get::<_, String>(0));
                let number =
                    |name: &str| db.query_row(&format!("pragma {name}"), [], |row| row.get::<_, i64>(0));
                Ok((
                    text("journal_mode")?,
                    number("synchronous")?,
                    number("foreign_keys")?,
                    number("busy_timeout")?,
                ))
            })
            .await
            .unwrap();
        assert_eq!(found, ("wal".to_owned(), 1, 1, 5000));
    }
}
