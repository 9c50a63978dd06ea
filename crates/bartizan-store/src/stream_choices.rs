use bartizan_base::{ChannelId, DeviceId};
use rusqlite::params;

use crate::{Store, StoreError};

/// Which stream a window plays because its user said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamChoice {
    /// The sub stream.
    Fluent,
    /// The main stream.
    Hd,
    /// The main stream, whose encoder was set by hand.
    CustomMain,
    /// The sub stream, whose encoder was set by hand.
    CustomSub,
}

const WORDS: [(StreamChoice, &str); 4] = [
    (StreamChoice::Fluent, "fluent"),
    (StreamChoice::Hd, "hd"),
    (StreamChoice::CustomMain, "custom_main"),
    (StreamChoice::CustomSub, "custom_sub"),
];

impl Store {
    /// All choices; what has none is chosen by size.
    pub async fn stream_choices(&self) -> Result<Vec<(ChannelId, StreamChoice)>, StoreError> {
        self.run(|db| {
            let mut query =
                db.prepare_cached("select device, channel, choice from stream_choices order by 1, 2")?;
            let rows = query.query_map([], |row| {
                let device = DeviceId::from_string(row.get::<_, String>(0)?);
                Ok((ChannelId { device, number: row.get(1)? }, row.get::<_, String>(2)?))
            })?;
            let mut all = Vec::new();
            for row in rows {
                let (channel, word) = row?;
                if let Some((choice, _)) = WORDS.iter().find(|(_, known)| *known == word) {
                    all.push((channel, *choice));
                }
            }
            Ok(all)
        })
        .await
    }

    /// Keeps a choice in place of the older one; `None` forgets it. [`StoreError::Invalid`] when the device does not
    /// exist.
    pub async fn choose_stream(
        &self,
        channel: ChannelId,
        choice: Option<StreamChoice>,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let word = choice.and_then(|choice| WORDS.iter().find(|(known, _)| *known == choice));
            let Some((_, word)) = word else {
                db.prepare_cached("delete from stream_choices where device = ?1 and channel = ?2")?
                    .execute(params![channel.device.as_str(), channel.number])?;
                return Ok(());
            };
            db.prepare_cached(
                "insert into stream_choices (device, channel, choice) values (?1, ?2, ?3)
                 on conflict (device, channel) do update set choice = ?3",
            )?
            .execute(params![channel.device.as_str(), channel.number, word])?;
            Ok(())
        })
        .await
    }
}
