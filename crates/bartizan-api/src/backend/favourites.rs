//! What crosses for groups, last pictures, the wall's memory and bytes received.

use bartizan_app::{FavouriteRow, Favourites, LastPictureRow, RememberedChannel};
use bartizan_base::{ChannelId, Code, DeviceId, Error, Result};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::control::channel;
use crate::dto;

pub(super) async fn list(favourites: &Favourites) -> Result<dto::FavouriteList> {
    let (revision, rows) = favourites.list().await?;
    Ok(dto::FavouriteList { revision, favourites: rows.into_iter().map(dto::Favourite::from).collect() })
}

pub(super) async fn create(favourites: &Favourites, new: dto::NewFavourite) -> Result<dto::Favourite> {
    let dto::NewFavourite { name, channels, layout } = new;
    Ok(favourites.create(&name, ids(channels), layout).await?.into())
}

pub(super) async fn update(
    favourites: &Favourites,
    change: dto::FavouriteChange,
) -> Result<dto::FavouriteList> {
    let dto::FavouriteChange { id, name, layout, channels } = change;
    favourites.change(&id, name.as_deref(), layout, channels.map(ids)).await?;
    list(favourites).await
}

pub(super) async fn add(
    favourites: &Favourites,
    request: dto::FavouriteChannels,
) -> Result<dto::FavouriteList> {
    favourites.add(&request.id, ids(request.channels)).await?;
    list(favourites).await
}

pub(super) async fn remove(
    favourites: &Favourites,
    request: dto::FavouriteChannels,
) -> Result<dto::FavouriteList> {
    for channel in ids(request.channels) {
        favourites.remove(&request.id, channel).await?;
    }
    list(favourites).await
}

/// Keeps a picture of a channel.
pub(super) async fn keep(favourites: &Favourites, request: dto::KeepPicture) -> Result<dto::Empty> {
    // Bounded before it is decoded: base64 takes 4 letters for 3 bytes.
    if request.jpeg.len() > bartizan_app::LARGEST_PICTURE / 3 * 4 + 4 {
        return Err(Error::new(Code::InvalidInput, "the picture is too large"));
    }
    let jpeg = BASE64
        .decode(&request.jpeg)
        .map_err(|_| Error::new(Code::InvalidInput, "the picture is not base64"))?;
    favourites.keep_picture(channel(request.device, request.channel), jpeg).await?;
    Ok(dto::Empty {})
}

/// The kept pictures.
pub(super) async fn last(
    favourites: &Favourites,
    request: dto::LastPicturesRequest,
) -> Result<dto::LastPictures> {
    let rows = favourites.last_pictures(ids(request.channels)).await?;
    let picture = |LastPictureRow { taken_at, jpeg }: LastPictureRow| dto::LastPicture {
        taken_at_ms: taken_at.millis(),
        jpeg: BASE64.encode(&jpeg),
    };
    Ok(dto::LastPictures { pictures: rows.into_iter().map(|row| row.map(picture)).collect() })
}

fn ids(channels: Vec<dto::ChannelRef>) -> Vec<ChannelId> {
    channels.into_iter().map(|one| channel(one.device, one.channel)).collect()
}

impl From<FavouriteRow> for dto::Favourite {
    fn from(row: FavouriteRow) -> Self {
        let FavouriteRow { id, name, layout, channels } = row;
        let reference = |ChannelId { device, number }: ChannelId| dto::ChannelRef {
            device: device.to_string(),
            channel: number,
        };
        Self { id, name, layout, channels: channels.into_iter().map(reference).collect() }
    }
}

impl From<dto::ChannelRef> for RememberedChannel {
    fn from(dto::ChannelRef { device, channel }: dto::ChannelRef) -> Self {
        Self { device, channel }
    }
}

impl From<RememberedChannel> for dto::ChannelRef {
    fn from(RememberedChannel { device, channel }: RememberedChannel) -> Self {
        Self { device, channel }
    }
}

impl From<dto::WallMemory> for bartizan_app::WallMemory {
    fn from(memory: dto::WallMemory) -> Self {
        let dto::WallMemory { layout, page, group, home_layout, enlarged, windows } = memory;
        Self {
            layout,
            page,
            group,
            home_layout,
            enlarged: enlarged.map(Into::into),
            windows: windows.into_iter().map(|window| window.map(Into::into)).collect(),
        }
    }
}

impl From<bartizan_app::WallMemory> for dto::WallMemory {
    fn from(memory: bartizan_app::WallMemory) -> Self {
        let bartizan_app::WallMemory { layout, page, group, home_layout, enlarged, windows } = memory;
        Self {
            layout,
            page,
            group,
            home_layout,
            enlarged: enlarged.map(Into::into),
            windows: windows.into_iter().map(|window| window.map(Into::into)).collect(),
        }
    }
}

impl From<bartizan_app::TrafficReport> for dto::TrafficReport {
    fn from(report: bartizan_app::TrafficReport) -> Self {
        let bartizan_app::TrafficReport { month, months, metered, rows } = report;
        let mut devices: Vec<dto::DeviceTraffic> = Vec::new();
        for row in rows {
            let device = row.device.to_string();
            let at = devices.iter().position(|known| known.device == device).unwrap_or_else(|| {
                devices.push(dto::DeviceTraffic { device, bytes: 0, metered_bytes: 0 });
                devices.len() - 1
            });
            devices[at].bytes += row.bytes;
            devices[at].metered_bytes += if row.metered { row.bytes } else { 0 };
        }
        devices.sort_by_key(|device| std::cmp::Reverse(device.bytes));
        let metered_bytes = devices.iter().map(|device| device.metered_bytes).sum();
        Self { month, months, metered, metered_bytes, devices }
    }
}

/// Counts a still picture that a device sent.
pub(super) fn count(traffic: &bartizan_app::Traffic, device: &DeviceId, bytes: usize) {
    traffic.tap(device).fetch_add(bytes as u64, std::sync::atomic::Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use bartizan_app::TrafficRow;

    use super::*;

    #[test]
    fn the_two_kinds_of_network_add_up_per_device() {
        let row = |device: &str, metered, bytes| TrafficRow {
            device: DeviceId::from_string(device),
            month: "2026-11".into(),
            metered,
            bytes,
        };
        let report = bartizan_app::TrafficReport {
            month: "2026-11".into(),
            months: vec!["2026-11".into()],
            metered: true,
            rows: vec![row("a", false, 50), row("b", true, 40), row("b", false, 30), row("a", true, 1)],
        };
        let dto = dto::TrafficReport::from(report);
        assert_eq!(dto.metered_bytes, 41);
        let of = |device: &str, bytes, metered_bytes| dto::DeviceTraffic {
            device: device.into(),
            bytes,
            metered_bytes,
        };
        assert_eq!(dto.devices, [of("b", 70, 40), of("a", 51, 1)]);
    }
}
