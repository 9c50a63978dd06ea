//! The store from outside: what goes in comes out, and what is wrong is said.
use std::{fs, path::Path};

use bartizan_base::{ChannelId, Code, DeviceId, OwnedTask, Secret, StreamProfile, UtcMicros};
use bartizan_store::{
    ChannelRow, DeviceFacts, DeviceRow, FavouriteChange, FavouriteRow, KeyStorage, LastPictureRow, LookRow,
    RouteRow, Store, StoreError, StreamRow, TrafficRow, Vault,
};
use rusqlite::Connection;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";

fn device(name: &str, channels: u16) -> DeviceRow {
    let stream = |profile, path: String| StreamRow {
        profile,
        path,
        codec: Some("avc1.64001f".into()),
        width: Some(1920),
        height: None,
    };
    DeviceRow {
        id: DeviceId::random(),
        name: name.into(),
        host: "cam.example".into(),
        port: 554,
        user: "viewer".into(),
        password: Some(Secret::new(PASSWORD)),
        password_lost: false,
        transport: "tcp".into(),
        facts: DeviceFacts {
            family: "onvif".into(),
            class: "camera".into(),
            maker: "Acme".into(),
            model: "X1".into(),
            firmware: "2.0".into(),
            serial: "ACME000000001".into(),
            mac: "02:00:00:00:00:01".into(),
            own_name: "Gate".into(),
            added_by: "scan".into(),
            unverified: true,
        },
        routes: vec![
            RouteRow {
                host: "cam.example".into(),
                rtsp: Some(554),
                pin: Some([7; 32]),
                ..RouteRow::default()
            },
            RouteRow {
                host: "2001:db8::1".into(),
                http: Some(81),
                https: Some(444),
                rtsp: Some(555),
                server: Some(37777),
                pin: None,
            },
        ],
        channels: (1..=channels)
            .map(|number| ChannelRow {
                number,
                name: format!("{name} {number}"),
                streams: vec![
                    stream(StreamProfile::Main, format!("/ch{number}/main")),
                    stream(StreamProfile::Sub, format!("/ch{number}/sub")),
                ],
            })
            .collect(),
        added_at: UtcMicros(1_700_000_000_000_000),
    }
}

fn memory() -> Store {
    Store::in_memory(Vault::in_memory()).unwrap()
}

/// A file vault and its store in one folder.
fn on_disk(folder: &Path) -> Store {
    Store::open(&folder.join("b.sqlite"), Vault::in_folder(folder)).unwrap()
}

fn contains(folder: &Path, needle: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[tokio::test]
async fn devices_come_back_as_they_went_in() {
    let store = memory();
    let (mut first, second) = (device("first", 2), device("second", 0));
    store.insert_device(first.clone()).await.unwrap();
    store.insert_device(second.clone()).await.unwrap();
    assert_eq!(store.devices().await.unwrap(), [first.clone(), second.clone()]);

    first.name = "renamed".into();
    first.password = None;
    first.channels.remove(0);
    first.channels[0].streams.remove(0);
    store.replace_device(first.clone()).await.unwrap();
    assert_eq!(store.device(&first.id).await.unwrap().as_ref(), Some(&first));
    assert_eq!(store.devices().await.unwrap(), [first.clone(), second], "the place in the list stays");

    let again = store.insert_device(first).await.unwrap_err();
    assert_eq!(again.code(), Code::InvalidInput);
    assert_eq!(store.replace_device(device("new", 1)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(store.device(&DeviceId::random()).await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_device_leaves_nothing_behind() {
    let store = memory();
    let mut twice = device("twice", 2);
    twice.channels[1].number = 1;
    assert_eq!(store.insert_device(twice.clone()).await.unwrap_err().code(), Code::InvalidInput);
    twice.port = 0;
    twice.channels.clear();
    assert_eq!(store.insert_device(twice).await.unwrap_err().code(), Code::InvalidInput);
    assert_eq!(store.devices().await.unwrap(), []);
}

#[tokio::test]
async fn deleted_devices_can_return_until_purged() {
    let store = memory();
    let (kept, gone) = (device("kept", 1), device("gone", 3));
    store.insert_device(kept.clone()).await.unwrap();
    store.insert_device(gone.clone()).await.unwrap();

    assert!(store.delete_device(&gone.id, UtcMicros(100)).await.unwrap());
    assert!(!store.delete_device(&gone.id, UtcMicros(200)).await.unwrap());
    assert_eq!(store.devices().await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(store.device(&gone.id).await.unwrap(), None);
    assert_eq!(store.replace_device(gone.clone()).await.unwrap_err().code(), Code::NotFound);

    assert!(store.restore_device(&gone.id).await.unwrap());
    assert!(!store.restore_device(&gone.id).await.unwrap());
    assert_eq!(store.devices().await.unwrap(), [kept.clone(), gone.clone()]);

    assert!(store.delete_device(&gone.id, UtcMicros(300)).await.unwrap());
    assert_eq!(store.purge_deleted(UtcMicros(300)).await.unwrap(), 0);
    assert_eq!(store.purge_deleted(UtcMicros(301)).await.unwrap(), 1);
    assert!(!store.restore_device(&gone.id).await.unwrap());
    store.insert_device(gone.clone()).await.unwrap();
    assert_eq!(store.devices().await.unwrap(), [kept, gone], "channels went with the purge");
}

#[tokio::test]
async fn settings_are_json() {
    let store = memory();
    assert_eq!(store.setting("wall").await.unwrap(), None);
    for value in [json!({ "columns": 2, "names": ["ä", null] }), json!(null), json!(1.5)] {
        store.set_setting("wall", value.clone()).await.unwrap();
        assert_eq!(store.setting("wall").await.unwrap(), Some(value));
    }
}

#[tokio::test]
async fn sixty_four_recorders_of_sixteen_channels() {
    let store = memory();
    let devices: Vec<_> = (0..64).map(|at| device(&format!("recorder {at}"), 16)).collect();
    for device in &devices {
        store.insert_device(device.clone()).await.unwrap();
    }
    assert_eq!(store.devices().await.unwrap(), devices);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path());
    let callers: Vec<_> = (0..200)
        .map(|at| {
            let store = store.clone();
            OwnedTask::spawn(async move {
                let device = device(&format!("{at}"), 1);
                store.insert_device(device.clone()).await.unwrap();
                store.set_setting(&format!("s{}", at % 10), at.into()).await.unwrap();
                assert_eq!(store.device(&device.id).await.unwrap(), Some(device));
            })
        })
        .collect();
    for caller in callers {
        caller.join().await.unwrap();
    }
    assert_eq!(store.devices().await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_second_start_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let device = device("kept", 2);
    let store = on_disk(folder.path());
    store.insert_device(device.clone()).await.unwrap();
    store.set_setting("a", json!([1])).await.unwrap();
    // As after a kill: the first store is never closed.
    let second = on_disk(folder.path());
    assert_eq!(second.devices().await.unwrap(), std::slice::from_ref(&device));
    store.close().await;
    second.close().await;
    let third = on_disk(folder.path());
    assert_eq!(third.devices().await.unwrap(), [device]);
    assert_eq!(third.setting("a").await.unwrap(), Some(json!([1])));
}

#[tokio::test]
async fn no_file_and_no_printout_holds_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path());
    let row = device("garden", 1);
    store.insert_device(row.clone()).await.unwrap();
    assert!(contains(folder.path(), "garden"), "the search itself works, in the -wal file too");
    assert!(!contains(folder.path(), PASSWORD));
    store.close().await;
    assert!(contains(folder.path(), "garden"));
    assert!(!contains(folder.path(), PASSWORD));
    let mut other = row.clone();
    other.port = 0;
    let store = on_disk(folder.path());
    let error = store.replace_device(other).await.unwrap_err();
    assert!(!format!("{row:?} {error:?} {error} {store:?}").contains(PASSWORD));
}

#[tokio::test]
async fn another_key_loses_the_password_only_and_only_for_now() {
    let folder = tempfile::tempdir().unwrap();
    let row = device("garden", 1);
    let store = on_disk(folder.path());
    store.insert_device(row.clone()).await.unwrap();
    store.close().await;

    let path = folder.path().join("b.sqlite");
    let store = Store::open(&path, Vault::in_memory()).unwrap();
    let mut seen = store.devices().await.unwrap().remove(0);
    assert_eq!(seen, DeviceRow { password: None, password_lost: true, ..row.clone() });
    seen.name = "renamed".into();
    store.replace_device(seen).await.unwrap();
    store.close().await;

    let store = on_disk(folder.path());
    let seen = store.device(&row.id).await.unwrap().unwrap();
    assert_eq!(seen, DeviceRow { name: "renamed".into(), ..row });
}

#[tokio::test]
async fn damaged_foreign_and_newer_files_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str| {
        let path = folder.path().join(name);
        let before = fs::read(&path).unwrap();
        let error = Store::open(&path, Vault::in_memory()).unwrap_err();
        assert_eq!(error.code(), Code::Storage);
        assert_eq!(fs::read(&path).unwrap(), before, "{name}");
        let message = bartizan_base::Error::from(error);
        message.detail().to_owned()
    };

    fs::write(folder.path().join("text"), "this is no database. ".repeat(100)).unwrap();
    assert!(refused("text").contains("damaged"));

    let store = Store::open(&folder.path().join("torn"), Vault::in_memory()).unwrap();
    for at in 0..40 {
        store.insert_device(device(&format!("{at}"), 8)).await.unwrap();
    }
    store.close().await;
    let mut bytes = fs::read(folder.path().join("torn")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(folder.path().join("torn"), bytes).unwrap();
    assert!(refused("torn").contains("damaged"));

    let other = Connection::open(folder.path().join("foreign")).unwrap();
    other.execute_batch("create table theirs (x)").unwrap();
    other.close().unwrap();
    assert!(refused("foreign").contains("another program"));

    Store::open(&folder.path().join("newer"), Vault::in_memory()).unwrap().close().await;
    let newer = Connection::open(folder.path().join("newer")).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    newer.close().unwrap();
    let message = refused("newer");
    assert!(message.contains("999") && message.contains("update the program"), "{message}");
}

#[tokio::test]
async fn a_version_1_file_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.sqlite");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("schema/v1.sql")).unwrap();
    old.execute_batch(include_str!("schema/v1_data.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.close().unwrap();

    let store = Store::open(&path, Vault::in_memory()).unwrap();
    let devices = store.devices().await.unwrap();
    assert_eq!(devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(), ["Yard", "Attic"]);
    let yard = &devices[0];
    assert_eq!(
        (yard.host.as_str(), yard.port, yard.added_at),
        ("192.0.2.7", 8554, UtcMicros(1_700_000_000_000_001))
    );
    assert_eq!(yard.facts, DeviceFacts { family: "rtsp".into(), ..DeviceFacts::default() });
    let only_route = RouteRow { host: "192.0.2.7".into(), rtsp: Some(8554), ..RouteRow::default() };
    assert_eq!(yard.routes, [only_route]);
    assert!(yard.password_lost && !devices[1].password_lost);
    assert_eq!(yard.channels.len(), 2);
    assert_eq!(yard.channels[0].streams.len(), 2);
    assert_eq!(yard.channels[0].streams[0].width, Some(1920));
    assert_eq!(yard.channels[1].streams, []);
    assert!(store.restore_device(&DeviceId::from_string("c".repeat(32))).await.unwrap());
    store.set_setting("new in version 2", json!(true)).await.unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_key_file_is_private_stable_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("made/on/demand");
    let store = dir.join("d.sqlite");
    let open = || Store::open(&store, Vault::in_folder(&dir));
    assert_eq!(open().unwrap().key_storage(), KeyStorage::KeyFile);
    assert_eq!(memory().key_storage(), KeyStorage::Memory);
    let path = dir.join("bartizan.key");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let first = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open().unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode()), (first, 0o600));
    let others = fs::read_dir(&dir).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name != "bartizan.key" && !name.to_string_lossy().starts_with("d.sqlite")
    });
    assert_eq!(others.count(), 0, "no temporary file is left");

    fs::write(&path, "short").unwrap();
    let error = open().unwrap_err();
    assert!(matches!(error, StoreError::Key(_)));
    assert_eq!(error.code(), Code::KeyLost);
    assert_eq!(fs::read(&path).unwrap(), b"short");
    assert_eq!(fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o600);
}

fn member(device: &DeviceRow, number: u16) -> ChannelId {
    ChannelId { device: device.id.clone(), number }
}

fn group(id: &str, channels: Vec<ChannelId>) -> FavouriteRow {
    FavouriteRow { id: id.into(), name: id.to_uppercase(), layout: 4, channels }
}

#[tokio::test]
async fn favourites_keep_their_order_and_their_channels() {
    let store = memory();
    let (one, two) = (device("one", 4), device("two", 1));
    store.insert_device(one.clone()).await.unwrap();
    store.insert_device(two.clone()).await.unwrap();
    let front = group("front", vec![member(&two, 1), member(&one, 3)]);
    let yard = group("yard", vec![member(&one, 1)]);
    store.insert_favourite(front.clone()).await.unwrap();
    store.insert_favourite(yard.clone()).await.unwrap();
    assert_eq!(store.favourites().await.unwrap(), [front.clone(), yard.clone()]);

    store.order_favourites(vec!["yard".into(), "no such".into()]).await.unwrap();
    assert_eq!(store.favourites().await.unwrap(), [yard, front.clone()]);

    store.add_to_favourite("front", vec![member(&one, 3), member(&one, 2)]).await.unwrap();
    assert!(store.remove_from_favourite("front", member(&two, 1)).await.unwrap());
    assert!(!store.remove_from_favourite("front", member(&two, 1)).await.unwrap());
    let change = FavouriteChange { name: Some("North".into()), layout: Some(9), channels: None };
    store.change_favourite("front", change).await.unwrap();
    let changed = store.favourites().await.unwrap().remove(1);
    assert_eq!((changed.name.as_str(), changed.layout), ("North", 9));
    assert_eq!(changed.channels, [member(&one, 3), member(&one, 2)]);
    let order = vec![member(&one, 2), member(&one, 3)];
    let change = FavouriteChange { channels: Some(order.clone()), ..FavouriteChange::default() };
    store.change_favourite("front", change).await.unwrap();
    let changed = store.favourites().await.unwrap().remove(1);
    assert_eq!((changed.name.as_str(), changed.channels), ("North", order));

    let stranger = ChannelId { device: DeviceId::random(), number: 1 };
    let refused = store.add_to_favourite("front", vec![stranger.clone()]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidInput);
    assert_eq!(
        store.insert_favourite(group("x", vec![stranger])).await.unwrap_err().code(),
        Code::InvalidInput
    );
    assert_eq!(store.favourites().await.unwrap().len(), 2, "a refused group leaves nothing behind");
    let none = store.change_favourite("none", FavouriteChange::default()).await.unwrap_err();
    assert_eq!(none.code(), Code::NotFound);
    assert_eq!(store.add_to_favourite("none", Vec::new()).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn deleted_favourites_and_devices_come_back_whole() {
    let store = memory();
    let (one, two) = (device("one", 2), device("two", 1));
    store.insert_device(one.clone()).await.unwrap();
    store.insert_device(two.clone()).await.unwrap();
    let both = group("both", vec![member(&one, 2), member(&two, 1)]);
    store.insert_favourite(both.clone()).await.unwrap();

    store.delete_device(&two.id, UtcMicros(5)).await.unwrap();
    assert_eq!(store.favourites().await.unwrap()[0].channels, [member(&one, 2)]);
    // A list made while the device was out of sight does not throw it out.
    let change = FavouriteChange {
        channels: Some(vec![member(&one, 1), member(&one, 2)]),
        ..FavouriteChange::default()
    };
    store.change_favourite("both", change).await.unwrap();
    store.restore_device(&two.id).await.unwrap();
    let whole = store.favourites().await.unwrap().remove(0);
    assert_eq!(whole.channels.len(), 3);

    assert!(store.delete_favourite("both", UtcMicros(7)).await.unwrap());
    assert!(!store.delete_favourite("both", UtcMicros(8)).await.unwrap());
    assert_eq!(store.favourites().await.unwrap(), []);
    assert!(store.restore_favourite("both").await.unwrap());
    assert_eq!(store.favourites().await.unwrap(), [whole]);
    store.delete_favourite("both", UtcMicros(9)).await.unwrap();
    assert_eq!(store.purge_favourites(UtcMicros(10)).await.unwrap(), 1);
    assert!(!store.restore_favourite("both").await.unwrap());
    // Editing a device writes its channels anew; a group must survive that.
    store.insert_favourite(both.clone()).await.unwrap();
    store.replace_device(one.clone()).await.unwrap();
    assert_eq!(store.favourites().await.unwrap(), [both]);
}

#[tokio::test]
async fn traffic_adds_up_by_month_and_kind_of_network() {
    let store = memory();
    let (one, two) = (DeviceId::from_string("one"), DeviceId::from_string("two"));
    let row = |device: &DeviceId, month: &str, metered, bytes| TrafficRow {
        device: device.clone(),
        month: month.into(),
        metered,
        bytes,
    };
    let first = vec![row(&one, "2026-10", false, 5), row(&one, "2026-11", true, 7)];
    store.add_traffic(first).await.unwrap();
    let second = vec![row(&one, "2026-11", true, 3), row(&two, "2026-11", false, 100)];
    store.add_traffic(second).await.unwrap();
    assert_eq!(
        store.traffic("2026-11").await.unwrap(),
        [row(&two, "2026-11", false, 100), row(&one, "2026-11", true, 10)]
    );
    assert_eq!(store.traffic("2026-09").await.unwrap(), []);
    assert_eq!(store.traffic_months().await.unwrap(), ["2026-11", "2026-10"]);
}

#[tokio::test]
async fn the_last_picture_replaces_the_one_before() {
    let store = memory();
    let one = device("one", 1);
    store.insert_device(one.clone()).await.unwrap();
    let picture = |at, byte| LastPictureRow { taken_at: UtcMicros(at), jpeg: vec![byte; 3] };
    store.keep_picture(member(&one, 1), picture(1, 1)).await.unwrap();
    store.keep_picture(member(&one, 1), picture(2, 2)).await.unwrap();
    let found = store.last_pictures(vec![member(&one, 2), member(&one, 1)]).await.unwrap();
    assert!(found == [None, Some(picture(2, 2))]);
    let stranger = ChannelId { device: DeviceId::random(), number: 1 };
    assert_eq!(store.keep_picture(stranger, picture(3, 3)).await.unwrap_err().code(), Code::InvalidInput);
    // Editing the device keeps it.
    store.replace_device(one.clone()).await.unwrap();
    assert!(store.last_pictures(vec![member(&one, 1)]).await.unwrap()[0].is_some());
}

/// Version 6 kept them in clear.
#[tokio::test]
async fn pictures_that_lay_in_clear_are_gone_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.sqlite");
    {
        let old = Connection::open(&path).unwrap();
        old.execute_batch(include_str!("schema/v6.sql")).unwrap();
        old.execute_batch(
            "insert into devices values ('gate', 'Gate', '192.0.2.7', 554, 'admin', null, 'auto', 0, 0, null);
             insert into last_pictures values ('gate', 1, 5, cast('whoever passes the gate' as blob));
             insert into vault_key (only, generation, wrong_tries, ask_after_s) values (1, 1, 0, 0);
             pragma user_version = 6;",
        )
        .unwrap();
    }
    let holds = |needle: &[u8]| {
        let files =
            fs::read_dir(folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    };
    assert!(holds(b"whoever passes"), "the search finds what is there");
    let store = Store::open(&path, Vault::in_folder(folder.path())).unwrap();
    let gate = ChannelId { device: DeviceId::from_string("gate"), number: 1 };
    assert!(store.last_pictures(vec![gate.clone()]).await.unwrap()[0].is_none());
    let row = LastPictureRow { taken_at: UtcMicros(6), jpeg: vec![7; 9] };
    store.keep_picture(gate.clone(), row.clone()).await.unwrap();
    assert!(store.last_pictures(vec![gate]).await.unwrap()[0] == Some(row));
    assert!(store.device(&DeviceId::from_string("gate")).await.unwrap().is_some());
    store.close().await;
    assert!(!holds(b"whoever passes"));
}

#[tokio::test]
async fn looks_are_kept_until_they_are_plain_or_their_device_goes() {
    let store = memory();
    let one = device("one", 1);
    store.insert_device(one.clone()).await.unwrap();
    let row = |look: &str| LookRow { channel: member(&one, 1), look: look.into() };
    let set = async |look: Option<&str>| store.set_look(member(&one, 1), look.map(str::to_owned)).await;
    set(Some("{}")).await.unwrap();
    set(Some(r#"{"turn":90}"#)).await.unwrap();
    assert_eq!(store.looks().await.unwrap(), [row(r#"{"turn":90}"#)]);
    store.replace_device(one.clone()).await.unwrap();
    assert_eq!(store.looks().await.unwrap().len(), 1, "editing the device keeps it");
    set(None).await.unwrap();
    assert_eq!(store.looks().await.unwrap(), []);
    let stranger = ChannelId { device: DeviceId::random(), number: 1 };
    assert_eq!(store.set_look(stranger, Some("{}".into())).await.unwrap_err().code(), Code::InvalidInput);
}
