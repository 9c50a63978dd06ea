use bartizan_base::DeviceId;
use rusqlite::params;

use crate::{Store, StoreError};

/// What a device has sent in a month over one kind of network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficRow {
    /// Which device; it may be removed since.
    pub device: DeviceId,
    /// `YYYY-MM`, UTC.
    pub month: String,
    /// Over a network that costs by the byte.
    pub metered: bool,
    /// Bytes.
    pub bytes: u64,
}

impl Store {
    /// Adds to what is stored.
    pub async fn add_traffic(&self, rows: Vec<TrafficRow>) -> Result<(), StoreError> {
        self.run(move |db| {
            let db = db.transaction()?;
            let mut add = db.prepare_cached(
                "insert into traffic (device, month, metered, bytes) values (?1, ?2, ?3, ?4)
                 on conflict (month, device, metered) do update set bytes = bytes + ?4",
            )?;
            for row in rows {
                let bytes = i64::try_from(row.bytes).unwrap_or(i64::MAX);
                add.execute(params![row.device.as_str(), row.month, row.metered, bytes])?;
            }
            drop(add);
            Ok(db.commit()?)
        })
        .await
    }

    /// What came in a month (`YYYY-MM`), most first.
    pub async fn traffic(&self, month: &str) -> Result<Vec<TrafficRow>, StoreError> {
        let month = month.to_owned();
        self.run(move |db| {
            Ok(db
                .prepare_cached(
                    "select device, month, metered, bytes from traffic where month = ?1
                     order by bytes desc, device, metered",
                )?
                .query_map([month], |row| {
                    Ok(TrafficRow {
                        device: DeviceId::from_string(row.get::<_, String>(0)?),
                        month: row.get(1)?,
                        metered: row.get(2)?,
                        bytes: row.get::<_, i64>(3)?.unsigned_abs(),
                    })
                })?
                .collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The months of which anything is stored, newest first.
    pub async fn traffic_months(&self) -> Result<Vec<String>, StoreError> {
        self.run(|db| {
            Ok(db
                .prepare_cached("select distinct month from traffic order by month desc")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?)
        })
        .await
    }
}
