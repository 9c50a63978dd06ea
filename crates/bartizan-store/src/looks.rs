use bartizan_base::{ChannelId, DeviceId};
use rusqlite::params;

use crate::{Store, StoreError};

/// How a channel's picture is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookRow {
    /// Which channel.
    pub channel: ChannelId,
    /// A JSON object of the page's.
    pub look: String,
}

impl Store {
    /// All that were kept, of devices in the bin too.
    pub async fn looks(&self) -> Result<Vec<LookRow>, StoreError> {
        self.run(|db| {
            let mut find = db.prepare_cached("select device, channel, look from looks")?;
            let rows = find.query_map([], |row| {
                let device = DeviceId::from_string(row.get::<_, String>(0)?);
                Ok(LookRow { channel: ChannelId { device, number: row.get(1)? }, look: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps how a channel is shown, in place of what was kept before; `None` forgets that.
    /// [`StoreError::Invalid`] when the device does not exist.
    pub async fn set_look(&self, channel: ChannelId, look: Option<String>) -> Result<(), StoreError> {
        self.run(move |db| {
            let ChannelId { device, number } = &channel;
            match look {
                Some(look) => db
                    .prepare_cached(
                        "insert into looks (device, channel, look) values (?1, ?2, ?3)
                         on conflict (device, channel) do update set look = ?3",
                    )?
                    .execute(params![device.as_str(), number, look])?,
                None => db
                    .prepare_cached("delete from looks where device = ?1 and channel = ?2")?
                    .execute(params![device.as_str(), number])?,
            };
            Ok(())
        })
        .await
    }
}
