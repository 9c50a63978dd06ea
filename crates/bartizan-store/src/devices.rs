use std::collections::HashMap;

use bartizan_base::{DeviceId, Secret, StreamProfile, UtcMicros};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::{Store, StoreError, Vault};

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
    /// Its channels, by number.
    pub channels: Vec<ChannelRow>,
    /// When the user added it.
    pub added_at: UtcMicros,
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
            let mut channels = read_channels(&db, None)?;
            for device in &mut devices {
                device.channels = channels.remove(device.id.as_str()).unwrap_or_default();
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
            device.channels = read_channels(&db, Some(&id))?.remove(id.as_str()).unwrap_or_default();
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
            let cipher = seal(&vault, &device)?;
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
            write_channels(&db, &device)?;
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
            let cipher = seal(&vault, &device)?;
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
            // Streams go with their channels.
            db.prepare_cached("delete from channels where device = ?1")?.execute([device.id.as_str()])?;
            write_channels(&db, &device)?;
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

fn seal(vault: &Vault, device: &DeviceRow) -> Result<Option<Vec<u8>>, StoreError> {
    device.password.as_ref().map(|password| vault.seal(device.id.as_str(), password)).transpose()
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
        channels: Vec::new(),
        added_at: UtcMicros(row.get(7)?),
    })
}

/// Channels with their streams by device id: of one device, or of all.
fn read_channels(
    db: &Connection,
    only: Option<&DeviceId>,
) -> Result<HashMap<String, Vec<ChannelRow>>, StoreError> {
    let only = only.map(DeviceId::as_str);
    // 'main' sorts before 'sub'.
    let mut statement = db.prepare_cached(
        "select c.device, c.number, c.name, s.profile, s.path, s.codec, s.width, s.height
         from channels c left join streams s on s.device = c.device and s.channel = c.number
         where ?1 is null or c.device = ?1
         order by c.device, c.number, s.profile",
    )?;
    let mut rows = statement.query([only])?;
    let mut devices: HashMap<String, Vec<ChannelRow>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let channels = devices.entry(row.get(0)?).or_default();
        let number = row.get(1)?;
        if channels.last().is_none_or(|channel| channel.number != number) {
            channels.push(ChannelRow { number, name: row.get(2)?, streams: Vec::new() });
        }
        let Some(profile) = row.get::<_, Option<String>>(3)? else { continue };
        let Some(channel) = channels.last_mut() else { continue };
        channel.streams.push(StreamRow {
            profile: if profile == "main" { StreamProfile::Main } else { StreamProfile::Sub },
            path: row.get(4)?,
            codec: row.get(5)?,
            width: row.get(6)?,
            height: row.get(7)?,
        });
    }
    Ok(devices)
}

fn write_channels(db: &Transaction<'_>, device: &DeviceRow) -> Result<(), StoreError> {
    let mut channel_in =
        db.prepare_cached("insert into channels (device, number, name) values (?1, ?2, ?3)")?;
    let mut stream_in = db.prepare_cached(
        "insert into streams (device, channel, profile, path, codec, width, height)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let id = device.id.as_str();
    for channel in &device.channels {
        channel_in.execute(params![id, channel.number, channel.name])?;
        for stream in &channel.streams {
            let profile = match stream.profile {
                StreamProfile::Main => "main",
                StreamProfile::Sub => "sub",
            };
            stream_in.execute(params![
                id,
                channel.number,
                profile,
                stream.path,
                stream.codec,
                stream.width,
                stream.height
            ])?;
        }
    }
    Ok(())
}
