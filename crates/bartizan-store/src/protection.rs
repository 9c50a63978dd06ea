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
    Store, StoreError, Vault,
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
    /// As `Plain`, and all passwords are erased: the old key cannot be had.
    Forget,
}

/// Every column that the vault's key seals, with the column of the owner's id. A test finds new ones by their name.
const SEALED: &[(&str, &str, &str)] = &[("devices", "id", "password_cipher")];

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
        if let Some(secret) = vault.open(&id, &blob) {
            update.execute(params![id, next.seal(&id, &secret)?])?;
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
mod tests {
    use std::{fs, path::Path};

    use bartizan_base::{DeviceId, UtcMicros};

    use super::*;
    use crate::{DeviceFacts, DeviceRow, keyfile};

    const CHEAP: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };
    const PIN: &str = "271828";
    const OTHER: &str = "correct horse battery";

    fn device(id: &str, password: &str) -> DeviceRow {
        DeviceRow {
            id: DeviceId::from_string(id),
            name: id.into(),
            host: "192.0.2.7".into(),
            port: 554,
            user: "admin".into(),
            password: Some(Secret::new(password)),
            password_lost: false,
            transport: "auto".into(),
            facts: DeviceFacts::default(),
            routes: Vec::new(),
            channels: Vec::new(),
            added_at: UtcMicros(0),
        }
    }

    fn open(folder: &Path) -> Store {
        Store::open(&folder.join("b.sqlite"), Vault::in_folder(folder)).unwrap()
    }

    /// Two devices, one of them in the bin.
    async fn filled(folder: &Path) -> Store {
        let store = open(folder);
        for id in ["gate", "attic"] {
            store.insert_device(device(id, &format!("zebra of the {id}"))).await.unwrap();
        }
        store.delete_device(&DeviceId::from_string("attic"), UtcMicros(1)).await.unwrap();
        store
    }

    async fn protect(store: &Store, secret: &str) {
        store.protect(SecretKind::Pin, &Secret::new(secret), CHEAP).await.unwrap();
    }

    async fn password(store: &Store, id: &str) -> Option<String> {
        let row = store.device(&DeviceId::from_string(id)).await.unwrap().unwrap();
        assert_eq!(row.password_lost, row.password.is_none());
        row.password.map(|password| password.expose().to_owned())
    }

    /// Both passwords can be had, the deleted device's too.
    async fn whole(store: &Store) -> bool {
        let gate = password(store, "gate").await;
        store.restore_device(&DeviceId::from_string("attic")).await.unwrap();
        let attic = password(store, "attic").await;
        gate.as_deref() == Some("zebra of the gate") && attic.as_deref() == Some("zebra of the attic")
    }

    fn found(folder: &Path, needle: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let bytes = fs::read(entry.path()).unwrap();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names
    }

    async fn cipher(store: &Store, id: &'static str) -> Vec<u8> {
        let work = move |db: &mut Connection| {
            Ok(db.query_row("select password_cipher from devices where id = ?1", [id], |row| row.get(0))?)
        };
        store.run(work).await.unwrap()
    }

    #[tokio::test]
    async fn on_change_and_off_keep_every_password() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        assert_eq!(store.protection().await.unwrap(), None);
        protect(&store, PIN).await;
        assert_eq!(store.key_storage(), KeyStorage::Wrapped);
        assert!(!store.is_locked() && whole(&store).await, "who sets it is let in");
        store.set_ask_after(60).await.unwrap();

        store.lock();
        assert!(store.is_locked());
        assert_eq!(password(&store, "gate").await, None);
        let refused = store.insert_device(device("new", "x")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Key(_)), "nothing is sealed while locked");
        assert!(!store.unlock(&Secret::new(OTHER)).await.unwrap());
        assert!(store.is_locked());
        assert!(store.unlock(&Secret::new(PIN)).await.unwrap() && whole(&store).await);
        assert!(!store.unlock(&Secret::new(OTHER)).await.unwrap());
        assert!(!store.is_locked(), "a wrong secret asked for again does not lock");
        store.close().await;

        let store = open(folder.path());
        let row = store.protection().await.unwrap().unwrap();
        assert_eq!((row.kind, row.ask_after_s), (SecretKind::Pin, 60));
        assert!(store.is_locked(), "every start asks");
        assert!(
            store.protect(SecretKind::Pin, &Secret::new(OTHER), CHEAP).await.is_err(),
            "not while locked"
        );
        assert!(store.unprotect().await.is_err(), "not while locked");
        assert!(store.unlock(&Secret::new(PIN)).await.unwrap());
        store.protect(SecretKind::Password, &Secret::new(OTHER), CHEAP).await.unwrap();
        store.close().await;

        let store = open(folder.path());
        assert!(!store.unlock(&Secret::new(PIN)).await.unwrap(), "the old one is worth nothing");
        assert!(store.unlock(&Secret::new(OTHER)).await.unwrap() && whole(&store).await);
        let row = store.protection().await.unwrap().unwrap();
        assert_eq!((row.kind, row.ask_after_s), (SecretKind::Password, 60));
        store.unprotect().await.unwrap();
        store.unprotect().await.unwrap();
        assert_eq!(store.protection().await.unwrap(), None);
        assert!(matches!(store.unlock(&Secret::new(OTHER)).await, Err(StoreError::NotFound(_))));
        store.lock();
        assert!(!store.is_locked(), "a plain key is not locked away");
        store.close().await;
        assert!(whole(&open(folder.path())).await);
    }

    #[tokio::test]
    async fn nothing_of_the_old_key_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        let key = keyfile::read(&folder.path().join("bartizan.key")).unwrap().unwrap();
        let hex = keyfile::encode(&key);
        let old = cipher(&store, "gate").await;
        assert!(!found(folder.path(), hex.as_bytes()).is_empty(), "the search finds what is there");
        assert!(!found(folder.path(), &old).is_empty(), "the search finds what is there");
        protect(&store, PIN).await;
        let none: Vec<String> = Vec::new();
        for (what, needle) in [("key", &key[..]), ("hex", hex.as_bytes()), ("sealed", &old[..])] {
            assert_eq!(found(folder.path(), needle), none, "{what}");
        }
        assert!(!folder.path().join("bartizan.key").exists());
        // Nor of the one in use, nor of a wrapped one after a change.
        let used = cipher(&store, "gate").await;
        let wrapped = store.run(|db| read_wrapped(db)).await.unwrap().unwrap().1;
        let now = wrapped.open(&Secret::new(PIN)).unwrap().unwrap();
        assert_eq!(found(folder.path(), &now[..]), none);
        assert_eq!(found(folder.path(), keyfile::encode(&now).as_bytes()), none);
        protect(&store, OTHER).await;
        assert_eq!(found(folder.path(), &wrapped.blob), none, "the old PIN leads nowhere");
        assert_eq!(found(folder.path(), &used), none);
        for secret in [PIN, OTHER, "zebra"] {
            assert_eq!(found(folder.path(), secret.as_bytes()), none);
        }
    }

    #[tokio::test]
    async fn forgetting_keeps_the_devices_without_their_passwords() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        protect(&store, PIN).await;
        let sealed = cipher(&store, "gate").await;
        store.close().await;
        let store = open(folder.path());
        store.forget_passwords().await.unwrap();
        assert_eq!((store.protection().await.unwrap(), store.is_locked()), (None, false));
        let row = store.device(&DeviceId::from_string("gate")).await.unwrap().unwrap();
        assert_eq!((row.host.as_str(), row.user.as_str()), ("192.0.2.7", "admin"));
        assert!(row.password_lost, "an empty password must not be tried at the device");
        assert_eq!(found(folder.path(), &sealed), Vec::<String>::new());
        store.replace_device(device("gate", "given again")).await.unwrap();
        store.close().await;
        let store = open(folder.path());
        assert_eq!(password(&store, "gate").await.as_deref(), Some("given again"));
        store.forget_passwords().await.unwrap();
        assert_eq!(
            password(&store, "gate").await.as_deref(),
            Some("given again"),
            "only where it is protected"
        );
    }

    #[tokio::test]
    async fn tries_are_counted_across_starts_and_forgotten_when_right() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        protect(&store, PIN).await;
        assert_eq!(store.count_try().await.unwrap(), 1);
        assert_eq!(store.count_try().await.unwrap(), 2);
        store.close().await;
        let store = open(folder.path());
        assert_eq!(store.protection().await.unwrap().unwrap().wrong_tries, 2);
        assert!(!store.unlock(&Secret::new(OTHER)).await.unwrap());
        assert_eq!(store.count_try().await.unwrap(), 3);
        assert!(store.unlock(&Secret::new(PIN)).await.unwrap());
        assert_eq!(store.protection().await.unwrap().unwrap().wrong_tries, 0);
    }

    #[tokio::test]
    async fn a_second_program_with_the_old_key_stores_nothing_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let first = filled(folder.path()).await;
        let second = open(folder.path());
        protect(&first, PIN).await;
        let refused = second.insert_device(device("new", "x")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Key(_)), "{refused}");
        assert!(second.protect(SecretKind::Pin, &Secret::new("1"), CHEAP).await.is_err());
        assert!(whole(&first).await);
        assert!(second.unlock(&Secret::new(PIN)).await.unwrap() && whole(&second).await);
    }

    #[test]
    fn every_sealed_column_is_sealed_anew() {
        let store = Connection::open_in_memory().unwrap();
        let mut db = store;
        crate::migrate::migrate(&mut db, Path::new("x")).unwrap();
        let columns: Vec<(String, String)> = db
            .prepare(
                "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c
                 where m.type = 'table' and c.name like '%cipher%' order by 1, 2",
            )
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let listed: Vec<(String, String)> =
            SEALED.iter().map(|(table, _, column)| ((*table).into(), (*column).into())).collect();
        assert_eq!(columns, listed);
    }

    /// What a kill leaves: the files as they are.
    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }

    /// Makes a change, keeping what a kill at each of its points would leave. The change goes through, so the last copy
    /// has the new state.
    async fn killed_at_every_point(
        store: &Store,
        folder: &Path,
        change: Change,
    ) -> Vec<(String, tempfile::TempDir)> {
        let (vault, from) = (store.vault.clone(), folder.to_owned());
        store
            .run(move |db| {
                let mut copies = Vec::new();
                rekey(db, &vault, &change, &mut |point| {
                    let to = tempfile::tempdir().unwrap();
                    copy(&from, to.path());
                    copies.push((point.to_owned(), to));
                })?;
                Ok(copies)
            })
            .await
            .unwrap()
    }

    fn lock(secret: &str) -> Lock {
        Lock::new(SecretKind::Pin, &Secret::new(secret), CHEAP).unwrap()
    }

    /// The state a copy wakes up in: the secret that opens it, `None` for no protection. Panics when a password is lost
    /// or a plain key lies beside a wrapped one.
    async fn wakes(point: &str, folder: &Path, secrets: &[&'static str]) -> Option<&'static str> {
        let store = open(folder);
        if store.protection().await.unwrap().is_none() {
            assert!(whole(&store).await, "{point}: unprotected, and a password is lost");
            return None;
        }
        assert!(store.is_locked() && !folder.join("bartizan.key").exists(), "{point}");
        for secret in secrets {
            if store.unlock(&Secret::new(*secret)).await.unwrap() {
                assert!(whole(&store).await, "{point}: {secret} opens, and a password is lost");
                // And it goes on from there.
                store.unprotect().await.unwrap();
                assert!(whole(&store).await, "{point}");
                return Some(secret);
            }
        }
        panic!("{point}: no secret opens it");
    }

    #[tokio::test]
    async fn a_kill_at_any_point_leaves_the_old_state_or_the_new() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        let steps = [
            ("on", Change::Wrap(lock(PIN)), None, Some(PIN)),
            ("change", Change::Wrap(lock(OTHER)), Some(PIN), Some(OTHER)),
            ("off", Change::Plain, Some(OTHER), None),
        ];
        for (what, change, before, after) in steps {
            let copies = killed_at_every_point(&store, folder.path(), change).await;
            let mut states = Vec::new();
            for (point, copy) in &copies {
                let woken = wakes(&format!("{what}, {point}"), copy.path(), &[PIN, OTHER]).await;
                assert!(woken == before || woken == after, "{what}, {point}: {woken:?}");
                states.push(woken);
            }
            let turn = copies.iter().position(|(point, _)| point == "switched").unwrap();
            assert!(states[..turn].iter().all(|state| *state == before), "{what}: {states:?}");
            assert!(states[turn..].iter().all(|state| *state == after), "{what}: {states:?}");
            assert!(copies.len() >= 5, "{what}");
        }
    }

    #[tokio::test]
    async fn a_kill_while_forgetting_leaves_the_secret_or_no_passwords() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        protect(&store, PIN).await;
        store.lock();
        for (point, copy) in killed_at_every_point(&store, folder.path(), Change::Forget).await {
            let store = open(copy.path());
            if store.protection().await.unwrap().is_some() {
                assert_ne!(point, "end");
                assert!(store.unlock(&Secret::new(PIN)).await.unwrap() && whole(&store).await, "{point}");
            } else {
                assert!(!store.is_locked() && password(&store, "gate").await.is_none(), "{point}");
            }
        }
    }

    #[tokio::test]
    async fn a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path()).await;
        protect(&store, PIN).await;
        store
            .run(|db| {
                Ok(db.execute_batch(
                    "create temp trigger full before update on vault_key begin select raise(abort, 'full'); end",
                )?)
            })
            .await
            .unwrap();
        assert!(store.unprotect().await.is_err());
        assert!(!folder.path().join("bartizan.key").exists(), "no plain key beside a wrapped one");
        assert!(whole(&store).await);
        store.close().await;
        let store = open(folder.path());
        assert!(store.unlock(&Secret::new(PIN)).await.unwrap() && whole(&store).await);
    }
}
