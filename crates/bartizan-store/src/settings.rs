use rusqlite::OptionalExtension;
use serde_json::Value;

use crate::{Store, StoreError};

impl Store {
    /// The setting's value; `None` when it was never set.
    pub async fn setting(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let key = key.to_owned();
        let text: Option<String> = self
            .run(move |db| {
                Ok(db
                    .prepare_cached("select value from settings where key = ?1")?
                    .query_row([key], |row| row.get(0))
                    .optional()?)
            })
            .await?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| StoreError::Invalid(format!("a stored setting is no JSON: {error}")))
    }

    /// Sets the value, replacing an earlier one.
    pub async fn set_setting(&self, key: &str, value: Value) -> Result<(), StoreError> {
        let (key, text) = (key.to_owned(), value.to_string());
        self.run(move |db| {
            db.prepare_cached(
                "insert into settings (key, value) values (?1, ?2) on conflict (key) do update set value = ?2",
            )?
            .execute([key, text])?;
            Ok(())
        })
        .await
    }
}
