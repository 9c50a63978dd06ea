//! Protection of the app: the vault's key wrapped by a PIN or password, and every change of that.
//!
//! Each change is a change of keys. A fresh key is made, every sealed password is sealed anew with it, and what says
//! how the key is kept is written in the **same transaction**. So a kill leaves the old state or the new one, and a
//! plain key that some block of the disk still remembers opens nothing that is stored now.
//!
//! The plain key's place follows that order: on the way to a plain key it is put there before the transaction, on the
//! way to a wrapped one it is erased after it, and what a kill left behind is erased at the next start
//! ([`Vault::settle`]).

use bartizan_base::Secret;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::{
    Store, StoreError, Vault, stream_paths,
    vault::{ERASED, Key, KeyStorage, random_key},
    wrap::{KdfCost, Lock, SecretKind, Wrapped},
};

/// How the app is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectionRow {
    /// What is asked for.
    pub kind: SecretKind,
    /// Wrong tries since the last right one.
    pub wrong_tries: u32,
    /// How long the app may be away before it asks again, seconds.
    pub ask_after_s: u32,
}

/// What a change of keys leads to.
enum Change {
    /// The new key is wrapped.
    Wrap(Lock),
    /// The new key lies in the keychain or the key file.
    Plain,
    /// As `Plain`, and all that was sealed is erased: the old key cannot be had.
    Forget,
}

/// Every column that the vault's key seals, with what the owner is. A test finds new ones by their name.
const SEALED: &[(&str, &str, &str)] = &[
    ("devices", "id", "password_cipher"),
    ("last_pictures", "'picture ' || device || ' ' || channel", "jpeg_cipher"),
    ("streams", "'path ' || device || ' ' || channel || ' ' || profile", "path_cipher"),
];

impl Store {
    /// Where the key of the stored passwords lies.
    pub fn key_storage(&self) -> KeyStorage {
        self.vault.storage()
    }

    /// True while the key of the stored passwords cannot be had.
    pub fn is_locked(&self) -> bool {
        self.vault.is_locked()
    }

    /// How the app is protected; `None` when it is not.
    pub async fn protection(&self) -> Result<Option<ProtectionRow>, StoreError> {
        self.run(|db| read_row(db)).await
    }

    /// Protects the app with a secret, or with another one. The vault must be open, and stays open.
    ///
    /// [`StoreError::Key`] when it is not. See the module's words on kills.
    pub async fn protect(&self, kind: SecretKind, secret: &Secret, cost: KdfCost) -> Result<(), StoreError> {
        let secret = secret.clone();
        let lock = off_runtime(move || Lock::new(kind, &secret, cost)).await?;
        let vault = self.vault.clone();
        self.run(move |db| rekey(db, &vault, &Change::Wrap(lock), &mut |_| {})).await
    }

    /// Ends the protection; nothing happens where there is none. The vault must be open.
    pub async fn unprotect(&self) -> Result<(), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| rekey(db, &vault, &Change::Plain, &mut |_| {})).await
    }

    /// Ends the protection without its secret, at the price of all stored passwords. Everything else stays.
    pub async fn forget_passwords(&self) -> Result<(), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| rekey(db, &vault, &Change::Forget, &mut |_| {})).await
    }

    /// Counts a try before it is made, so that a kill during the try gives none for free. Gives the tries counted.
    ///
    /// [`unlock`](Self::unlock) forgets them when the secret is right.
    pub async fn count_try(&self) -> Result<u32, StoreError> {
        self.run(|db| {
            durably(db, |step| {
                Ok(step.query_row(
                    "update vault_key set wrong_tries = wrong_tries + 1 returning wrong_tries",
                    [],
                    |row| row.get(0),
                )?)
            })
        })
        .await
    }

    /// Opens the vault. False when the secret is wrong; an open vault then stays open.
    ///
    /// Takes about as long as [`KdfCost`] says. [`StoreError::NotFound`] when the app is not protected.
    pub async fn unlock(&self, secret: &Secret) -> Result<bool, StoreError> {
        let stored = self.run(|db| read_wrapped(db)).await?;
        let (generation, wrapped) = stored.ok_or(StoreError::NotFound("protection"))?;
        let secret = secret.clone();
        let Some(key) = off_runtime(move || wrapped.open(&secret)).await? else { return Ok(false) };
        let vault = self.vault.clone();
        self.run(move |db| {
            // Another process may have changed the key meanwhile.
            if state(db)? == (generation, true) {
                vault.hold(Some(key), KeyStorage::Wrapped, generation);
            }
            db.execute("update vault_key set wrong_tries = 0", [])?;
            stream_paths::seal_old(db, &vault);
            Ok(())
        })
        .await?;
        Ok(!self.vault.is_locked())
    }

    /// Forgets the key until the next [`unlock`](Self::unlock). Nothing happens where the app is not protected.
    pub fn lock(&self) {
        self.vault.lock();
    }

    /// How long the app may be away before it asks again, seconds.
    pub async fn set_ask_after(&self, seconds: u32) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute("update vault_key set ask_after_s = ?1", [seconds])?;
            Ok(())
        })
        .await
    }
}

/// Runs what takes a while on a thread of its own.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Key(format!("the computation was cut short: {error}"))))
}

/// Whether the vault has the database's key: what another one seals could not be opened again.
pub(crate) fn same_key(db: &Connection, vault: &Vault) -> Result<(), StoreError> {
    if state(db)?.0 == vault.generation() {
        return Ok(());
    }
    Err(StoreError::Key("another program has changed it; start this one again".into()))
}

/// The generation of the key, and whether it is wrapped.
pub(crate) fn state(db: &Connection) -> Result<(i64, bool), StoreError> {
    let row = db
        .prepare_cached("select generation, wrapped is not null from vault_key")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.unwrap_or((0, false)))
}

fn read_row(db: &Connection) -> Result<Option<ProtectionRow>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(ProtectionRow {
            kind: SecretKind::from_word(&row.get::<_, String>(0)?),
            wrong_tries: row.get(1)?,
            ask_after_s: row.get(2)?,
        })
    };
    let sql = "select kind, wrong_tries, ask_after_s from vault_key where wrapped is not null";
    Ok(db.prepare_cached(sql)?.query_row([], read).optional()?)
}

fn read_wrapped(db: &Connection) -> Result<Option<(i64, Wrapped)>, StoreError> {
    let read = |row: &Row<'_>| {
        let cost = KdfCost { memory_kib: row.get(2)?, passes: row.get(3)?, lanes: row.get(4)? };
        let kind = SecretKind::from_word(&row.get::<_, String>(1)?);
        Ok((row.get(0)?, Wrapped { kind, cost, salt: row.get(5)?, blob: row.get(6)? }))
    };
    let sql = "select generation, kind, memory_kib, passes, lanes, salt, wrapped from vault_key
               where wrapped is not null";
    Ok(db.prepare_cached(sql)?.query_row([], read).optional()?)
}

/// One transaction that outlasts a power cut once it is answered, which others here need not.
fn durably<T>(
    db: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    db.pragma_update(None, "synchronous", "full")?;
    let done = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::from)
        .and_then(|step| {
            let value = work(&step)?;
            step.commit()?;
            Ok(value)
        });
    db.pragma_update(None, "synchronous", "normal")?;
    done
}

/// Changes the key. `at` hears the name of every point at which a kill is to be survived.
fn rekey(
    db: &mut Connection,
    vault: &Vault,
    change: &Change,
    at: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let (generation, was_wrapped) = state(db)?;
    if matches!(change, Change::Plain | Change::Forget) && !was_wrapped {
        return Ok(());
    }
    if !matches!(change, Change::Forget) && (vault.is_locked() || vault.generation() != generation) {
        return Err(StoreError::Key("the present key is not at hand".into()));
    }
    at("begin");
    let fresh = random_key()?;
    let storage = match change {
        Change::Wrap(_) => KeyStorage::Wrapped,
        // The place is empty now, since the present key is wrapped: nothing is lost by writing there.
        Change::Plain | Change::Forget => vault.place().put(&fresh)?,
    };
    at("key in place");
    let switched = durably(db, |step| {
        if state(step)? != (generation, was_wrapped) {
            return Err(StoreError::Key("another program has changed it".into()));
        }
        for (table, owner, column) in SEALED {
            if matches!(change, Change::Forget) {
                let erase = format!("update {table} set {column} = ?1 where {column} is not null");
                step.execute(&erase, [ERASED])?;
            } else {
                reseal(step, vault, &fresh, table, owner, column)?;
            }
        }
        at("sealed anew");
        write_row(step, change, &fresh, generation + 1)?;
        at("written");
        Ok(())
    });
    if let Err(error) = switched {
        if storage != KeyStorage::Wrapped {
            vault.place().erase();
        }
        return Err(error);
    }
    at("switched");
    vault.hold(Some(fresh), storage, generation + 1);
    if storage == KeyStorage::Wrapped {
        vault.place().erase();
        at("erased");
    }
    // The log still holds pages with what the old key sealed.
    let left: i64 = db.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
    if left != 0 {
        tracing::warn!("another program reads the database; its log keeps passwords of the old key for now");
    }
    at("end");
    Ok(())
}

/// Seals one column with another key. What the present key does not open stays as it is: it was lost before.
fn reseal(
    step: &Transaction<'_>,
    vault: &Vault,
    fresh: &Key,
    table: &str,
    owner: &str,
    column: &str,
) -> Result<(), StoreError> {
    let next = Vault::of(fresh.clone());
    let rows: Vec<(String, Vec<u8>)> = step
        .prepare(&format!("select {owner}, {column} from {table} where {column} is not null"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut update = step.prepare(&format!("update {table} set {column} = ?2 where {owner} = ?1"))?;
    for (id, blob) in rows {
        if let Some(plain) = vault.open_bytes(&id, &blob) {
            update.execute(params![id, next.seal_bytes(&id, &plain)?])?;
        }
    }
    Ok(())
}

fn write_row(
    step: &Transaction<'_>,
    change: &Change,
    fresh: &Key,
    generation: i64,
) -> Result<(), StoreError> {
    let mut row = step.prepare(
        "insert into vault_key
         (only, generation, kind, memory_kib, passes, lanes, salt, wrapped, wrong_tries, ask_after_s)
         values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)
         on conflict (only) do update set generation = ?1, kind = ?2, memory_kib = ?3, passes = ?4, lanes = ?5,
         salt = ?6, wrapped = ?7, wrong_tries = 0, ask_after_s = iif(?7 is null, 0, ask_after_s)",
    )?;
    match change {
        Change::Wrap(lock) => {
            let KdfCost { memory_kib, passes, lanes } = lock.cost;
            let wrapped = lock.wrap(fresh)?;
            row.execute(params![
                generation,
                lock.kind.word(),
                memory_kib,
                passes,
                lanes,
                &lock.salt[..],
                wrapped
            ])?;
        }
        Change::Plain | Change::Forget => {
            let none = None::<u32>;
            row.execute(params![generation, none, none, none, none, none, none])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
