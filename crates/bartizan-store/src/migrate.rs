use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// `migrations/NNNN_*.sql` in order; `user_version` counts those applied. A file that was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_devices.sql"),
    include_str!("../migrations/0002_settings.sql"),
    include_str!("../migrations/0003_families.sql"),
    include_str!("../migrations/0004_favourites.sql"),
    include_str!("../migrations/0005_protection.sql"),
    include_str!("../migrations/0006_stream_choices.sql"),
    include_str!("../migrations/0007_looks.sql"),
    include_str!("../migrations/0008_stream_paths.sql"),
];

/// Brings the schema up to date, one transaction per step. Reads only when there is nothing to do.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    to(db, path, MIGRATIONS.len())
}

/// Refuses files that this program must not write to, before anything is written.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::FromTheFuture { path: path.to_owned(), found, known });
    }
    let objects: u32 = db.query_row("select count(*) from sqlite_master", [], |row| row.get(0))?;
    if found == 0 && objects > 0 {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    Ok(())
}

fn to(db: &mut Connection, path: &Path, wanted: usize) -> Result<(), StoreError> {
    loop {
        // Under the write lock: another process may be migrating the same file.
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        check(&step, path)?;
        let from = version(&step)?;
        let Some(sql) = MIGRATIONS[..wanted].get(from as usize) else { return Ok(()) };
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", from + 1)?;
        step.commit()?;
        tracing::info!(from, to = from + 1, "database schema upgraded");
    }
}

fn version(db: &Connection) -> Result<u32, StoreError> {
    let raw: i32 = db.query_row("pragma user_version", [], |row| row.get(0))?;
    // The field is signed; nothing of ours is negative.
    Ok(u32::try_from(raw).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each released version made of an empty file. Add one per migration; never change one.
    const SCHEMAS: &[&str] = &[
        include_str!("../tests/schema/v1.sql"),
        include_str!("../tests/schema/v2.sql"),
        include_str!("../tests/schema/v3.sql"),
        include_str!("../tests/schema/v4.sql"),
        include_str!("../tests/schema/v5.sql"),
        include_str!("../tests/schema/v6.sql"),
        include_str!("../tests/schema/v7.sql"),
        include_str!("../tests/schema/v8.sql"),
    ];

    fn schema(db: &Connection) -> String {
        let mut rows = db
            .prepare("select sql from sqlite_master where sql is not null order by type desc, name")
            .unwrap();
        let texts: Vec<String> =
            rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        texts.iter().map(|text| format!("{text};\n")).collect()
    }

    #[test]
    fn every_version_has_the_schema_it_was_released_with() {
        assert_eq!(SCHEMAS.len(), MIGRATIONS.len(), "a migration without its schema dump");
        for (at, wanted) in SCHEMAS.iter().enumerate() {
            let mut db = Connection::open_in_memory().unwrap();
            to(&mut db, Path::new("x"), at + 1).unwrap();
            assert_eq!(schema(&db), *wanted, "version {}", at + 1);
        }
    }

    #[test]
    fn every_old_version_upgrades_to_the_fresh_schema() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, Path::new("x")).unwrap();
        // The dumps are sorted by name, so a table may come before the one it refers to; SQLite allows that.
        for (at, dump) in SCHEMAS.iter().enumerate() {
            let mut old = Connection::open_in_memory().unwrap();
            old.execute_batch(dump).unwrap();
            old.pragma_update(None, "user_version", u32::try_from(at + 1).unwrap()).unwrap();
            migrate(&mut old, Path::new("x")).unwrap();
            assert_eq!(schema(&old), schema(&fresh), "from version {}", at + 1);
            assert_eq!(version(&old).unwrap(), version(&fresh).unwrap());
        }
    }
}
