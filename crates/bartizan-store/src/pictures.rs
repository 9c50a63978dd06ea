use bartizan_base::{ChannelId, UtcMicros};
use rusqlite::{OptionalExtension, params};

use crate::{Store, StoreError};

/// The newest small picture of a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct LastPictureRow {
    /// When it was taken.
    pub taken_at: UtcMicros,
    /// A JPEG file.
    pub jpeg: Vec<u8>,
}

/// What a sealed picture opens for; [`crate::protection`] says the same in SQL.
fn owner(channel: &ChannelId) -> String {
    format!("picture {} {}", channel.device, channel.number)
}

impl Store {
    /// Keeps a picture in place of the channel's older one. [`StoreError::Invalid`] when the device does not exist,
    /// [`StoreError::Key`] while the vault is locked.
    pub async fn keep_picture(&self, channel: ChannelId, picture: LastPictureRow) -> Result<(), StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| {
            // On the store's thread, where no change of keys comes between.
            let sealed = vault.seal_bytes(&owner(&channel), &picture.jpeg)?;
            db.prepare_cached(
                "insert into last_pictures (device, channel, taken_at_us, jpeg_cipher) values (?1, ?2, ?3, ?4)
                 on conflict (device, channel) do update set taken_at_us = ?3, jpeg_cipher = ?4",
            )?
            .execute(params![
                channel.device.as_str(),
                channel.number,
                picture.taken_at.0,
                sealed
            ])?;
            Ok(())
        })
        .await
    }

    /// The kept pictures of some channels, in their order; none that the vault does not open.
    pub async fn last_pictures(
        &self,
        channels: Vec<ChannelId>,
    ) -> Result<Vec<Option<LastPictureRow>>, StoreError> {
        let vault = self.vault.clone();
        self.run(move |db| {
            let mut find = db.prepare_cached(
                "select taken_at_us, jpeg_cipher from last_pictures where device = ?1 and channel = ?2",
            )?;
            channels
                .iter()
                .map(|channel| {
                    let found: Option<(i64, Vec<u8>)> = find
                        .query_row(params![channel.device.as_str(), channel.number], |row| {
                            Ok((row.get(0)?, row.get(1)?))
                        })
                        .optional()?;
                    Ok(found.and_then(|(at, sealed)| {
                        let jpeg = vault.open_bytes(&owner(channel), &sealed)?.to_vec();
                        Some(LastPictureRow { taken_at: UtcMicros(at), jpeg })
                    }))
                })
                .collect()
        })
        .await
    }
}
