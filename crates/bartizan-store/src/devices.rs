use std::collections::HashMap;

use bartizan_base::{DeviceId, Secret, StreamProfile, UtcMicros};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::{
    Store, StoreError, Vault, protection,
    stream_paths::{self, Sealed},
};

/// A camera or recorder as remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// The device.
    pub id: DeviceId,
    /// The user's name for it.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port, 1–65535.
    pub port: u16,
    /// User name at the device; empty for none.
    pub user: String,
    /// Password at the device.
    pub password: Option<Secret>,
    /// A password is stored, but the present key does not open it; `password` is then `None`.
    ///
    /// Writing such a row back keeps what is stored, for the right key may return.
    pub password_lost: bool,
    /// How to connect; the store does not read it.
    pub transport: String,
    /// What it said of itself, and the user of it.
    pub facts: DeviceFacts,
    /// Ways to reach it, best first; never empty, and the first has this row's `host` and `port`.
    pub routes: Vec<RouteRow>,
    /// Its channels, by number.
    pub channels: Vec<ChannelRow>,
    /// When the user added it.
    pub added_at: UtcMicros,
}

/// What a device said of itself, and the user of it. The store reads none of the words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Which protocol family it speaks.
    pub family: String,
    /// Kind of device.
    pub class: String,
    /// Maker.
    pub maker: String,
    /// Model.
    pub model: String,
    /// Firmware version.
    pub firmware: String,
    /// Serial number.
    pub serial: String,
    /// MAC address.
    pub mac: String,
    /// The name it has for itself.
    pub own_name: String,
    /// How it came into the list.
    pub added_by: String,
    /// It was stored while out of reach; its streams were never asked for.
    pub unverified: bool,
}

/// One way to reach a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteRow {
    /// Host name or address.
    pub host: String,
    /// HTTP port; `None` is the usual one, as for the others.
    pub http: Option<u16>,
    /// HTTPS port.
    pub https: Option<u16>,
    /// RTSP port.
    pub rtsp: Option<u16>,
    /// Port of the maker's own protocol.
    pub server: Option<u16>,
    /// SHA-256 of the accepted certificate.
    pub pin: Option<[u8; 32]>,
}

/// One video input of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    /// 1-based number on the device.
    pub number: u16,
    /// The user's or device's name for it.
    pub name: String,
    /// Its encodings, main before sub.
    pub streams: Vec<StreamRow>,
}

/// One encoding of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// Which encoding.
    pub profile: StreamProfile,
    /// Path and query of the RTSP URL.
    pub path: String,
    /// Codec last seen.
    pub codec: Option<String>,
    /// Width last seen, pixels.
    pub width: Option<u32>,
    /// Height last seen, pixels.
    pub height: Option<u32>,
}

const COLUMNS: &str = "id, name, host, port, user, password_cipher, transport, added_at_us";

impl Store {
    /// All devices that are not deleted, oldest place first.
    pub async fn devices(&self) -> Result<Vec<DeviceRow>, StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| {
            // One transaction, so that the three reads see one state even beside another process.
            let db = db.transaction()?;
            let mut devices = db
                .prepare_cached(&format!(
                    "select {COLUMNS} from devices where deleted_at_us is null order by position, id"
                ))?
                .query_map([], |row| read_device(row, &vault))?
                .collect::<Result<Vec<_>, _>>()?;
            let mut channels = read_channels(&db, &vault, None)?;
            for device in &mut devices {
                device.take(channels.remove(device.id.as_str()));
                read_facts(&db, device)?;
                read_routes(&db, device)?;
            }
            Ok(devices)
        })
        .await
    }

    /// One device; `None` when unknown or deleted.
    pub async fn device(&self, id: &DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        let (vault, id) = (self.vault.clone(), id.clone());
        self.run(move |db| {
            let db = db.transaction()?;
            let device = db
                .prepare_cached(&format!(
                    "select {COLUMNS} from devices where id = ?1 and deleted_at_us is null"
                ))?
                .query_row([id.as_str()], |row| read_device(row, &vault))
                .optional()?;
            let Some(mut device) = device else { return Ok(None) };
            device.take(read_channels(&db, &vault, Some(&id))?.remove(id.as_str()));
            read_facts(&db, &mut device)?;
            read_routes(&db, &mut device)?;
            Ok(Some(device))
        })
        .await
    }

    /// Adds a device after all others. [`StoreError::Exists`] when the id is taken, also by a deleted one.
    pub async fn insert_device(&self, device: DeviceRow) -> Result<(), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| {
            let db = db.transaction()?;
            if exists(&db, &device.id)? {
                return Err(StoreError::Exists("device"));
            }
            let cipher = seal(&db, &vault, &device)?;
            db.prepare_cached(
                "insert into devices (id, name, host, port, user, password_cipher, transport, added_at_us, position)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (select coalesce(max(position), 0) + 1 from devices))",
            )?
            .execute(params![
                device.id.as_str(),
                device.name,
                device.host,
                device.port,
                device.user,
                cipher,
                device.transport,
                device.added_at.0,
            ])?;
            write_channels(&db, &vault, &device, &Sealed::of(&db, device.id.as_str())?)?;
            write_facts(&db, &device)?;
            write_routes(&db, &device)?;
            Ok(db.commit()?)
        })
        .await
    }

    /// Writes a known device anew, channels and streams too; its place in the list stays.
    ///
    /// [`StoreError::NotFound`] when there is none or it is deleted.
    pub async fn replace_device(&self, device: DeviceRow) -> Result<(), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| {
            let db = db.transaction()?;
            let keep_password = device.password.is_none() && device.password_lost;
            let cipher = seal(&db, &vault, &device)?;
            let changed = db
                .prepare_cached(
                    "update devices set name = ?2, host = ?3, port = ?4, user = ?5,
                     password_cipher = iif(?9, password_cipher, ?6), transport = ?7, added_at_us = ?8
                     where id = ?1 and deleted_at_us is null",
                )?
                .execute(params![
                    device.id.as_str(),
                    device.name,
                    device.host,
                    device.port,
                    device.user,
                    cipher,
                    device.transport,
                    device.added_at.0,
                    keep_password,
                ])?;
            if changed == 0 {
                return Err(StoreError::NotFound("device"));
            }
            let paths = Sealed::of(&db, device.id.as_str())?;
            // Streams go with their channels.
            db.prepare_cached("delete from channels where device = ?1")?.execute([device.id.as_str()])?;
            write_channels(&db, &vault, &device, &paths)?;
            write_facts(&db, &device)?;
            write_routes(&db, &device)?;
            Ok(db.commit()?)
        })
        .await
    }

    /// Hides a device until [`restore_device`](Self::restore_device) or
    /// [`purge_deleted`](Self::purge_deleted). False when there is none to hide.
    pub async fn delete_device(&self, id: &DeviceId, now: UtcMicros) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |db| {
            Ok(db
                .prepare_cached(
                    "update devices set deleted_at_us = ?2 where id = ?1 and deleted_at_us is null",
                )?
                .execute(params![id.as_str(), now.0])?
                > 0)
        })
        .await
    }

    /// Brings a deleted device back whole. False when there is none to bring back.
    pub async fn restore_device(&self, id: &DeviceId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |db| {
            Ok(db
                .prepare_cached(
                    "update devices set deleted_at_us = null where id = ?1 and deleted_at_us is not null",
                )?
                .execute([id.as_str()])?
                > 0)
        })
        .await
    }

    /// Removes for good what was deleted before the given moment; says how many devices.
    pub async fn purge_deleted(&self, before: UtcMicros) -> Result<usize, StoreError> {
        self.run(move |db| {
            Ok(db.prepare_cached("delete from devices where deleted_at_us < ?1")?.execute([before.0])?)
        })
        .await
    }
}

fn exists(db: &Connection, id: &DeviceId) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("select 1 from devices where id = ?1")?.exists([id.as_str()])?)
}

/// Seals a device's password inside the transaction that stores it.
fn seal(db: &Connection, vault: &Vault, device: &DeviceRow) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(password) = &device.password else { return Ok(None) };
    protection::same_key(db, vault)?;
    vault.seal(device.id.as_str(), password).map(Some)
}

fn read_device(row: &Row<'_>, vault: &Vault) -> rusqlite::Result<DeviceRow> {
    let id: String = row.get(0)?;
    let cipher: Option<Vec<u8>> = row.get(5)?;
    let password = cipher.as_deref().and_then(|cipher| vault.open(&id, cipher));
    Ok(DeviceRow {
        password_lost: cipher.is_some() && password.is_none(),
        password,
        id: DeviceId::from_string(id),
        name: row.get(1)?,
        host: row.get(2)?,
        port: row.get(3)?,
        user: row.get(4)?,
        transport: row.get(6)?,
        facts: DeviceFacts { family: "rtsp".into(), ..DeviceFacts::default() },
        routes: Vec::new(),
        channels: Vec::new(),
        added_at: UtcMicros(row.get(7)?),
    })
}

fn read_facts(db: &Connection, device: &mut DeviceRow) -> Result<(), StoreError> {
    let read = |row: &Row<'_>| {
        Ok(DeviceFacts {
            family: row.get(0)?,
            class: row.get(1)?,
            maker: row.get(2)?,
            model: row.get(3)?,
            firmware: row.get(4)?,
            serial: row.get(5)?,
            mac: row.get(6)?,
            own_name: row.get(7)?,
            added_by: row.get(8)?,
            unverified: row.get(9)?,
        })
    };
    let found = db
        .prepare_cached(
            "select family, class, maker, model, firmware, serial, mac, own_name, added_by, unverified
             from device_facts where device = ?1",
        )?
        .query_row([device.id.as_str()], read)
        .optional()?;
    if let Some(facts) = found {
        device.facts = facts;
    }
    Ok(())
}

fn write_facts(db: &Transaction<'_>, device: &DeviceRow) -> Result<(), StoreError> {
    let facts = &device.facts;
    db.prepare_cached(
        "insert or replace into device_facts
         (device, family, class, maker, model, firmware, serial, mac, own_name, added_by, unverified)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        device.id.as_str(),
        facts.family,
        facts.class,
        facts.maker,
        facts.model,
        facts.firmware,
        facts.serial,
        facts.mac,
        facts.own_name,
        facts.added_by,
        facts.unverified,
    ])?;
    Ok(())
}

fn read_routes(db: &Connection, device: &mut DeviceRow) -> Result<(), StoreError> {
    let read = |row: &Row<'_>| {
        Ok(RouteRow {
            host: row.get(0)?,
            http: row.get(1)?,
            https: row.get(2)?,
            rtsp: row.get(3)?,
            server: row.get(4)?,
            // A pin of another length cannot match any certificate, so dropping it would trust more, not less.
            pin: row.get::<_, Option<Vec<u8>>>(5)?.map(|pin| pin.try_into().unwrap_or([0; 32])),
        })
    };
    device.routes = db
        .prepare_cached(
            "select host, http, https, rtsp, server, pin from routes where device = ?1 order by place",
        )?
        .query_map([device.id.as_str()], read)?
        .collect::<Result<_, _>>()?;
    if device.routes.is_empty() {
        let (host, rtsp) = (device.host.clone(), Some(device.port));
        device.routes.push(RouteRow { host, rtsp, ..RouteRow::default() });
    }
    Ok(())
}

fn write_routes(db: &Transaction<'_>, device: &DeviceRow) -> Result<(), StoreError> {
    let id = device.id.as_str();
    db.prepare_cached("delete from routes where device = ?1")?.execute([id])?;
    let mut insert = db.prepare_cached(
        "insert into routes (device, place, host, http, https, rtsp, server, pin)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (place, route) in device.routes.iter().enumerate() {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let pin = route.pin.as_ref().map(|pin| pin.as_slice());
        insert.execute(params![
            id,
            place,
            route.host,
            route.http,
            route.https,
            route.rtsp,
            route.server,
            pin
        ])?;
    }
    Ok(())
}

/// The channels of one device.
#[derive(Default)]
struct Channels {
    rows: Vec<ChannelRow>,
    /// A path holds a login that the vault does not open.
    lost: bool,
}

impl DeviceRow {
    fn take(&mut self, channels: Option<Channels>) {
        let Channels { rows, lost } = channels.unwrap_or_default();
        self.channels = rows;
        self.password_lost |= lost;
    }
}

/// Channels with their streams by device id: of one device, or of all.
fn read_channels(
    db: &Connection,
    vault: &Vault,
    only: Option<&DeviceId>,
) -> Result<HashMap<String, Channels>, StoreError> {
    let only = only.map(DeviceId::as_str);
    // 'main' sorts before 'sub'.
    let mut statement = db.prepare_cached(
        "select c.device, c.number, c.name, s.profile, s.path, s.codec, s.width, s.height, s.path_cipher
         from channels c left join streams s on s.device = c.device and s.channel = c.number
         where ?1 is null or c.device = ?1
         order by c.device, c.number, s.profile",
    )?;
    let mut rows = statement.query([only])?;
    let mut devices: HashMap<String, Channels> = HashMap::new();
    while let Some(row) = rows.next()? {
        let device: String = row.get(0)?;
        let Channels { rows: channels, lost } = devices.entry(device.clone()).or_default();
        let number = row.get(1)?;
        if channels.last().is_none_or(|channel| channel.number != number) {
            channels.push(ChannelRow { number, name: row.get(2)?, streams: Vec::new() });
        }
        let Some(profile) = row.get::<_, Option<String>>(3)? else { continue };
        let Some(channel) = channels.last_mut() else { continue };
        let at = (device.as_str(), number, profile.as_str());
        let path = stream_paths::open(vault, at, row.get(4)?, row.get::<_, Option<Vec<u8>>>(8)?.as_deref());
        *lost |= path.is_err();
        channel.streams.push(StreamRow {
            profile: if profile == "main" { StreamProfile::Main } else { StreamProfile::Sub },
            path: path.unwrap_or_else(|blanked| blanked),
            codec: row.get(5)?,
            width: row.get(6)?,
            height: row.get(7)?,
        });
    }
    Ok(devices)
}

fn write_channels(
    db: &Transaction<'_>,
    vault: &Vault,
    device: &DeviceRow,
    paths: &Sealed,
) -> Result<(), StoreError> {
    let mut channel_in =
        db.prepare_cached("insert into channels (device, number, name) values (?1, ?2, ?3)")?;
    let mut stream_in = db.prepare_cached(
        "insert into streams (device, channel, profile, path, codec, width, height, path_cipher)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let id = device.id.as_str();
    for channel in &device.channels {
        channel_in.execute(params![id, channel.number, channel.name])?;
        for stream in &channel.streams {
            let profile = match stream.profile {
                StreamProfile::Main => "main",
                StreamProfile::Sub => "sub",
            };
            let (path, cipher) = paths.write(db, vault, (id, channel.number, profile), &stream.path)?;
            stream_in.execute(params![
                id,
                channel.number,
                profile,
                path,
                stream.codec,
                stream.width,
                stream.height,
                cipher
            ])?;
        }
    }
    Ok(())
}
