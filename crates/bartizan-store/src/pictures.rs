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

impl Store {
    /// Keeps a picture in place of the channel's older one. [`StoreError::Invalid`] when the device does not exist.
    pub async fn keep_picture(&self, channel: ChannelId, picture: LastPictureRow) -> Result<(), StoreError> {
        self.run(move |db| {
            db.prepare_cached(
                "insert into last_pictures (device, channel, taken_at_us, jpeg) values (?1, ?2, ?3, ?4)
                 on conflict (device, channel) do update set taken_at_us = ?3, jpeg = ?4",
            )?
            .execute(params![
                channel.device.as_str(),
                channel.number,
                picture.taken_at.0,
                picture.jpeg
            ])?;
            Ok(())
        })
        .await
    }

    /// The kept pictures of some channels, in their order.
    pub async fn last_pictures(
        &self,
        channels: Vec<ChannelId>,
    ) -> Result<Vec<Option<LastPictureRow>>, StoreError> {
        self.run(move |db| {
            let mut find = db.prepare_cached(
                "select taken_at_us, jpeg from last_pictures where device = ?1 and channel = ?2",
            )?;
            channels
                .iter()
                .map(|channel| {
                    Ok(find
                        .query_row(params![channel.device.as_str(), channel.number], |row| {
                            Ok(LastPictureRow { taken_at: UtcMicros(row.get(0)?), jpeg: row.get(1)? })
                        })
                        .optional()?)
                })
                .collect()
        })
        .await
    }
}
