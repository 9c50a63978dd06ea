use bartizan_base::{ChannelId, DeviceId, UtcMicros};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::{Store, StoreError};

/// A group of channels with a wall of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FavouriteRow {
    /// The group.
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// Windows of its wall, 1–64.
    pub layout: u8,
    /// What is in it, in the user's order. Channels of deleted devices are left out when read, and come back with
    /// their device.
    pub channels: Vec<ChannelId>,
}

/// What to change of a group; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FavouriteChange {
    /// Another name.
    pub name: Option<String>,
    /// Another number of windows.
    pub layout: Option<u8>,
    /// All channels in their order.
    pub channels: Option<Vec<ChannelId>>,
}

impl Store {
    /// All groups that are not deleted, in the user's order.
    pub async fn favourites(&self) -> Result<Vec<FavouriteRow>, StoreError> {
        self.run(|db| {
            let db = db.transaction()?;
            let mut groups = db
                .prepare_cached(
                    "select id, name, layout from favourites where deleted_at_us is null order by position, id",
                )?
                .query_map([], |row| {
                    let (id, name, layout) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok(FavouriteRow { id, name, layout, channels: Vec::new() })
                })?
                .collect::<Result<Vec<_>, _>>()?;
            let mut members = db.prepare_cached(
                "select c.device, c.channel from favourite_channels c join devices d on d.id = c.device
                 where c.favourite = ?1 and d.deleted_at_us is null order by c.place, c.device, c.channel",
            )?;
            for group in &mut groups {
                group.channels = members
                    .query_map([&group.id], |row| {
                        let device = DeviceId::from_string(row.get::<_, String>(0)?);
                        Ok(ChannelId { device, number: row.get(1)? })
                    })?
                    .collect::<Result<_, _>>()?;
            }
            Ok(groups)
        })
        .await
    }

    /// Adds a group after all others. [`StoreError::Invalid`] when a channel's device does not exist.
    pub async fn insert_favourite(&self, group: FavouriteRow) -> Result<(), StoreError> {
        self.run(move |db| {
            let db = db.transaction()?;
            db.prepare_cached(
                "insert into favourites (id, name, layout, position)
                 values (?1, ?2, ?3, (select coalesce(max(position), 0) + 1 from favourites))",
            )?
            .execute(params![group.id, group.name, group.layout])?;
            append(&db, &group.id, &group.channels)?;
            Ok(db.commit()?)
        })
        .await
    }

    /// Changes a group. [`StoreError::NotFound`] when there is none or it is deleted.
    pub async fn change_favourite(&self, id: &str, change: FavouriteChange) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run(move |db| {
            let db = db.transaction()?;
            let changed = db
                .prepare_cached(
                    "update favourites set name = coalesce(?2, name), layout = coalesce(?3, layout)
                     where id = ?1 and deleted_at_us is null",
                )?
                .execute(params![id, change.name, change.layout])?;
            if changed == 0 {
                return Err(StoreError::NotFound("favourite"));
            }
            if let Some(channels) = change.channels {
                // Channels of deleted devices stay: whoever sent the list could not see them.
                db.prepare_cached(
                    "delete from favourite_channels where favourite = ?1
                     and device in (select id from devices where deleted_at_us is null)",
                )?
                .execute([&id])?;
                append(&db, &id, &channels)?;
            }
            Ok(db.commit()?)
        })
        .await
    }

    /// Adds channels at the end of a group; those that are in it stay where they are.
    pub async fn add_to_favourite(&self, id: &str, channels: Vec<ChannelId>) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run(move |db| {
            let db = db.transaction()?;
            let known = db
                .prepare_cached("select 1 from favourites where id = ?1 and deleted_at_us is null")?
                .query_row([&id], |_| Ok(()))
                .optional()?;
            if known.is_none() {
                return Err(StoreError::NotFound("favourite"));
            }
            append(&db, &id, &channels)?;
            Ok(db.commit()?)
        })
        .await
    }

    /// Takes a channel out of a group. False when it was not in it.
    pub async fn remove_from_favourite(&self, id: &str, channel: ChannelId) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.run(move |db| {
            Ok(db
                .prepare_cached(
                    "delete from favourite_channels where favourite = ?1 and device = ?2 and channel = ?3",
                )?
                .execute(params![id, channel.device.as_str(), channel.number])?
                > 0)
        })
        .await
    }

    /// Puts the groups in this order; those not named come after them as they were.
    pub async fn order_favourites(&self, ids: Vec<String>) -> Result<(), StoreError> {
        self.run(move |db| {
            let db = db.transaction()?;
            db.prepare_cached("update favourites set position = position + ?1")?
                .execute([i64::try_from(ids.len()).unwrap_or(i64::MAX)])?;
            let mut place = db.prepare_cached("update favourites set position = ?2 where id = ?1")?;
            for (at, id) in ids.iter().enumerate() {
                place.execute(params![id, i64::try_from(at).unwrap_or(i64::MAX)])?;
            }
            drop(place);
            Ok(db.commit()?)
        })
        .await
    }

    /// Hides a group until [`restore_favourite`](Self::restore_favourite) or
    /// [`purge_favourites`](Self::purge_favourites). False when there is none to hide.
    pub async fn delete_favourite(&self, id: &str, now: UtcMicros) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.run(move |db| {
            Ok(db
                .prepare_cached(
                    "update favourites set deleted_at_us = ?2 where id = ?1 and deleted_at_us is null",
                )?
                .execute(params![id, now.0])?
                > 0)
        })
        .await
    }

    /// Brings a deleted group back whole. False when there is none to bring back.
    pub async fn restore_favourite(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.run(move |db| {
            Ok(db
                .prepare_cached(
                    "update favourites set deleted_at_us = null where id = ?1 and deleted_at_us is not null",
                )?
                .execute([id])?
                > 0)
        })
        .await
    }

    /// Removes for good what was deleted before the given moment; says how many groups.
    pub async fn purge_favourites(&self, before: UtcMicros) -> Result<usize, StoreError> {
        self.run(move |db| {
            Ok(db.prepare_cached("delete from favourites where deleted_at_us < ?1")?.execute([before.0])?)
        })
        .await
    }
}

fn append(db: &Transaction<'_>, id: &str, channels: &[ChannelId]) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached(
        "insert into favourite_channels (favourite, device, channel, place)
         values (?1, ?2, ?3, (select coalesce(max(place), 0) + 1 from favourite_channels where favourite = ?1))
         on conflict (favourite, device, channel) do nothing",
    )?;
    for channel in channels {
        insert.execute(params![id, channel.device.as_str(), channel.number])?;
    }
    Ok(())
}
