//! Still pictures. They go one by one, and the first finds out whether `snapshot.cgi` counts channels from 1 or from 0.

use std::time::Duration;

use bartizan_base::Code;
use bartizan_device::Snapshot;

use crate::{device::Device, error::DahuaError, query::Query, quirks::Difference};

const SNAPSHOT_TIME: Duration = Duration::from_secs(15);
/// A probe must not hold up the picture a person waits for.
const PROBE_TIME: Duration = Duration::from_secs(5);
/// A place no recorder has: who answers this with a picture does not look at the number.
const BEYOND: u16 = 999;

/// From what `snapshot.cgi` counts channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Base {
    /// Not asked yet, or nothing decided it.
    #[default]
    Unknown,
    /// From 1, as documented.
    One,
    /// From 0: some older firmware.
    Zero,
}

/// A picture of a channel, numbered from 1.
pub(crate) async fn snapshot(device: &Device, channel: u16) -> Result<Snapshot, DahuaError> {
    if device.has(Difference::SnapshotWithoutChannel).await? {
        let _turn = device.snapshots.lock().await;
        return picture(device, &Query::plain("/cgi-bin/snapshot.cgi"), SNAPSHOT_TIME).await;
    }
    let mut base = device.snapshots.lock().await;
    if *base == Base::Unknown {
        *base = calibrate(device).await?;
    }
    let number = if *base == Base::Zero { channel.saturating_sub(1) } else { channel };
    picture(device, &of_channel(number), SNAPSHOT_TIME).await
}

fn of_channel(number: u16) -> Query {
    Query::plain(&format!("/cgi-bin/snapshot.cgi?channel={number}"))
}

/// Asks for channel 0. Its status decides, a time-out decides nothing; who takes any number is left to count from 1.
async fn calibrate(device: &Device) -> Result<Base, DahuaError> {
    match picture(device, &of_channel(0), PROBE_TIME).await {
        Ok(_) => match picture(device, &of_channel(BEYOND), PROBE_TIME).await {
            Ok(_) => Ok(Base::One),
            Err(error) if decides(&error) => {
                device.oddities.note("snapshot.cgi counts channels from 0".into());
                Ok(Base::Zero)
            }
            Err(_) => Ok(Base::Unknown),
        },
        Err(error) if decides(&error) => Ok(Base::One),
        Err(DahuaError::Http(error)) if matches!(error.code(), Code::Timeout | Code::Disconnected) => {
            Ok(Base::Unknown)
        }
        Err(error) => Err(error),
    }
}

fn decides(error: &DahuaError) -> bool {
    matches!(error, DahuaError::Refused { .. } | DahuaError::Unreadable { .. })
}

async fn picture(device: &Device, query: &Query, time: Duration) -> Result<Snapshot, DahuaError> {
    let answer = device.send_snapshot(query, time).await?;
    if answer.body.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Ok(Snapshot { jpeg: answer.body });
    }
    Err(DahuaError::Unreadable {
        peer: device.peer(),
        call: "/cgi-bin/snapshot.cgi".into(),
        why: format!("{} bytes that are no JPEG", answer.body.len()),
    })
}
