//! Paths of streams at rest. Some makers have the login in the path of the URL (Xiongmai:
//! `/user=admin_password=x_channel=1_stream=0.sdp`); such a path is sealed like a password, and the one that lies open
//! has its login blanked.
use std::collections::HashMap;

use bartizan_base::{Secret, redact_login};
use rusqlite::{Connection, Transaction, params};

use crate::{StoreError, protection, vault::Vault};

/// What a sealed path opens for; [`crate::protection`] says the same in SQL.
fn owner(device: &str, channel: u16, profile: &str) -> String {
    format!("path {device} {channel} {profile}")
}

/// The whole path of a stream. An `Err` has the blanked one, where the vault does not open the other.
pub(crate) fn open(
    vault: &Vault,
    (device, channel, profile): (&str, u16, &str),
    path: String,
    cipher: Option<&[u8]>,
) -> Result<String, String> {
    match cipher.map(|cipher| vault.open(&owner(device, channel, profile), cipher)) {
        None => Ok(path),
        Some(Some(whole)) => Ok(whole.expose().to_owned()),
        Some(None) => Err(path),
    }
}

/// The sealed paths of a device, by channel and profile, with what lies open of them.
pub(crate) struct Sealed(HashMap<(u16, String), (String, Vec<u8>)>);

impl Sealed {
    /// Read it before the streams are written anew.
    pub(crate) fn of(db: &Connection, device: &str) -> Result<Self, StoreError> {
        let rows = db
            .prepare_cached(
                "select channel, profile, path, path_cipher from streams
                 where device = ?1 and path_cipher is not null",
            )?
            .query_map([device], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))?
            .collect::<Result<_, _>>()?;
        Ok(Self(rows))
    }

    /// What to write of a path: the open text and the sealed one. A blanked path that was read while the vault did not
    /// open it keeps what is sealed. [`StoreError::Key`] when there is something to seal and the vault is locked.
    pub(crate) fn write(
        &self,
        db: &Connection,
        vault: &Vault,
        (device, channel, profile): (&str, u16, &str),
        path: &str,
    ) -> Result<(String, Option<Vec<u8>>), StoreError> {
        let shown = redact_login(path);
        if shown != path {
            protection::same_key(db, vault)?;
            let cipher = vault.seal(&owner(device, channel, profile), &Secret::new(path))?;
            return Ok((shown, Some(cipher)));
        }
        let kept = self.0.get(&(channel, profile.to_owned()));
        Ok((shown, kept.filter(|(open, _)| open == path).map(|(_, cipher)| cipher.clone())))
    }
}

/// Seals what an older version left open. Nothing happens while the vault is locked. What fails, on a full disk for
/// instance, is tried again at the next start: a login that lies open is no reason to show no picture.
pub(crate) fn seal_old(db: &mut Connection, vault: &Vault) {
    if vault.is_locked() {
        return;
    }
    match seal_all(db, vault) {
        Ok(0) => {}
        Ok(sealed) => tracing::info!(sealed, "logins in the paths of streams are sealed now"),
        Err(error) => tracing::warn!(%error, "logins in the paths of streams could not be sealed"),
    }
}

fn seal_all(db: &mut Connection, vault: &Vault) -> Result<usize, StoreError> {
    let step = db.transaction()?;
    let sealed = seal_rows(&step, vault)?;
    step.commit()?;
    if sealed > 0 {
        // The log still holds the pages of before.
        db.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    }
    Ok(sealed)
}

fn seal_rows(step: &Transaction<'_>, vault: &Vault) -> Result<usize, StoreError> {
    let rows: Vec<(String, u16, String, String)> = step
        .prepare("select device, channel, profile, path from streams where path_cipher is null")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let mut update = step.prepare(
        "update streams set path = ?4, path_cipher = ?5 where device = ?1 and channel = ?2 and profile = ?3",
    )?;
    let mut sealed = 0;
    for (device, channel, profile, path) in rows {
        let shown = redact_login(&path);
        if shown != path {
            let cipher = vault.seal(&owner(&device, channel, &profile), &Secret::new(path))?;
            sealed += update.execute(params![device, channel, profile, shown, cipher])?;
        }
    }
    Ok(sealed)
}
