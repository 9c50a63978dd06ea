use std::{fs, path::Path};

use bartizan_base::{DeviceId, StreamProfile, UtcMicros};

use super::*;
use crate::{ChannelRow, DeviceFacts, DeviceRow, StreamRow, keyfile};

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
    assert!(store.protect(SecretKind::Pin, &Secret::new(OTHER), CHEAP).await.is_err(), "not while locked");
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
async fn last_pictures_are_sealed_and_go_along_with_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let channel = bartizan_base::ChannelId { device: DeviceId::from_string("gate"), number: 1 };
    let jpeg = [&[0xff, 0xd8, 0xff][..], b"whoever passes the gate"].concat();
    let row = crate::LastPictureRow { taken_at: UtcMicros(5), jpeg: jpeg.clone() };
    let kept =
        async || store.last_pictures(vec![channel.clone()]).await.unwrap().remove(0).map(|row| row.jpeg);
    store.keep_picture(channel.clone(), row.clone()).await.unwrap();
    assert_eq!(kept().await.as_ref(), Some(&jpeg));
    assert_eq!(found(folder.path(), b"whoever passes"), Vec::<String>::new());
    // One channel's picture is not another's.
    let work = |db: &mut Connection| {
        Ok(db.execute(
            "insert into last_pictures select device, 2, taken_at_us, jpeg_cipher from last_pictures",
            [],
        )?)
    };
    assert_eq!(store.run(work).await.unwrap(), 1);
    let other = bartizan_base::ChannelId { number: 2, ..channel.clone() };
    assert!(store.last_pictures(vec![other]).await.unwrap()[0].is_none());

    protect(&store, PIN).await;
    assert_eq!(kept().await.as_ref(), Some(&jpeg), "sealed anew");
    store.lock();
    assert_eq!(kept().await, None);
    assert!(matches!(store.keep_picture(channel.clone(), row).await.unwrap_err(), StoreError::Key(_)));
    assert!(store.unlock(&Secret::new(PIN)).await.unwrap());
    assert_eq!(kept().await.as_ref(), Some(&jpeg));
    store.unprotect().await.unwrap();
    assert_eq!(kept().await.as_ref(), Some(&jpeg));
    protect(&store, PIN).await;
    store.forget_passwords().await.unwrap();
    assert_eq!(kept().await, None);
}

const XM: &str = "/user=admin_password=quagga_channel=1_stream=0.sdp";
const XM_SHOWN: &str = "/user=***_password=***_channel=1_stream=0.sdp";

/// A device whose login is in the paths of its streams, the second one's an ordinary path.
fn by_path() -> DeviceRow {
    let stream = |profile, path: &str| StreamRow {
        profile,
        path: path.into(),
        codec: None,
        width: None,
        height: None,
    };
    let streams = vec![stream(StreamProfile::Main, XM), stream(StreamProfile::Sub, "/ch1/sub")];
    let channels = vec![ChannelRow { number: 1, name: "1".into(), streams }];
    DeviceRow { password: None, user: String::new(), channels, ..device("bridge", "") }
}

async fn paths(store: &Store) -> (Vec<String>, bool) {
    let row = store.device(&DeviceId::from_string("bridge")).await.unwrap().unwrap();
    let all = store.devices().await.unwrap();
    assert_eq!(all.iter().find(|one| one.id == row.id), Some(&row), "one way of reading as the other");
    (row.channels[0].streams.iter().map(|stream| stream.path.clone()).collect(), row.password_lost)
}

#[tokio::test]
async fn logins_in_paths_are_sealed_and_go_along_with_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let whole = (vec![XM.to_owned(), "/ch1/sub".to_owned()], false);
    let shut = (vec![XM_SHOWN.to_owned(), "/ch1/sub".to_owned()], true);
    store.insert_device(by_path()).await.unwrap();
    assert_eq!(paths(&store).await, whole);
    let none: Vec<String> = Vec::new();
    assert_ne!(found(folder.path(), b"channel=1_stream"), none, "the search finds what is there");
    assert_eq!(found(folder.path(), b"quagga"), none);

    protect(&store, PIN).await;
    assert_eq!(paths(&store).await, whole, "sealed anew");
    store.lock();
    assert_eq!(paths(&store).await, shut);
    assert!(matches!(store.replace_device(by_path()).await.unwrap_err(), StoreError::Key(_)));
    // What was read while locked and is written back takes nothing away.
    let mut row = store.device(&DeviceId::from_string("bridge")).await.unwrap().unwrap();
    row.name = "Bridge".into();
    store.replace_device(row).await.unwrap();
    assert!(store.unlock(&Secret::new(PIN)).await.unwrap());
    assert_eq!(paths(&store).await, whole);
    // Another path takes its place, and nothing of the old one comes back.
    let mut other = by_path();
    other.channels[0].streams[0].path = "/ch1/main".into();
    store.replace_device(other).await.unwrap();
    assert_eq!(paths(&store).await, (vec!["/ch1/main".into(), "/ch1/sub".into()], false));
    store.replace_device(by_path()).await.unwrap();
    store.forget_passwords().await.unwrap();
    assert_eq!(paths(&store).await, shut);
    assert_eq!(found(folder.path(), b"quagga"), none);
}

#[tokio::test]
async fn logins_that_an_older_version_left_in_paths_are_sealed_as_soon_as_there_is_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let none: Vec<String> = Vec::new();
    let leave_open = async |store: &Store| {
        let work = |db: &mut Connection| {
            Ok(db.execute("update streams set path = ?1, path_cipher = null where profile = 'main'", [XM])?)
        };
        assert_eq!(store.run(work).await.unwrap(), 1);
        assert_ne!(found(folder.path(), b"quagga"), none);
    };
    let whole = (vec![XM.to_owned(), "/ch1/sub".to_owned()], false);
    let store = open(folder.path());
    store.insert_device(by_path()).await.unwrap();
    leave_open(&store).await;
    store.close().await;
    let store = open(folder.path());
    assert_eq!(found(folder.path(), b"quagga"), none, "at the start");
    assert_eq!(paths(&store).await, whole);

    protect(&store, PIN).await;
    leave_open(&store).await;
    store.close().await;
    let store = open(folder.path());
    assert_eq!(paths(&store).await, whole, "it works before that");
    assert!(store.unlock(&Secret::new(PIN)).await.unwrap());
    assert_eq!(found(folder.path(), b"quagga"), none, "at the unlocking");
    assert_eq!(paths(&store).await, whole);
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
    assert_eq!(password(&store, "gate").await.as_deref(), Some("given again"), "only where it is protected");
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
