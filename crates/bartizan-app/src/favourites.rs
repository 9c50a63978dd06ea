use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bartizan_base::{ChannelId, Clock, Code, Error, Result, random_token};
use bartizan_store::{FavouriteChange, FavouriteRow, LastPictureRow, Store};

use crate::{devices::DeviceBook, settings::check_layout};

/// Characters of a name.
const LONGEST_NAME: usize = 64;
/// More groups than anyone keeps in mind.
const MOST_GROUPS: usize = 200;
/// Channels of a group: sixteen pages of sixteen.
const MOST_CHANNELS: usize = 256;
/// Bytes of a kept picture: 320×180 takes about 10 KB, and a page must not fill the disk.
pub const LARGEST_PICTURE: usize = 96 << 10;

/// Groups of channels with a wall of their own, and the last pictures to know them by.
pub struct Favourites {
    store: Store,
    book: Arc<DeviceBook>,
    clock: Arc<dyn Clock>,
    revision: AtomicU64,
}

impl Favourites {
    /// The service over `store`; forgets for good what was deleted in earlier runs.
    pub async fn load(store: Store, book: Arc<DeviceBook>, clock: Arc<dyn Clock>) -> Result<Self> {
        store.purge_favourites(clock.now()).await?;
        Ok(Self { store, book, clock, revision: AtomicU64::new(1) })
    }

    /// All groups in the user's order with the channels that exist now, and the revision of the list. A list of a
    /// higher revision is newer; devices that come and go change the channels too, without a revision of their own.
    pub async fn list(&self) -> Result<(u64, Vec<FavouriteRow>)> {
        // Read before the rows: a change between the two gives an old number to new rows, which is harmless.
        let revision = self.revision.load(Ordering::Relaxed);
        let mut groups = self.store.favourites().await?;
        for group in &mut groups {
            group.channels.retain(|channel| self.exists(channel));
        }
        Ok((revision, groups))
    }

    /// Makes a group of at least one channel.
    pub async fn create(&self, name: &str, channels: Vec<ChannelId>, layout: u8) -> Result<FavouriteRow> {
        let name = checked_name(name)?;
        check_layout(layout)?;
        let channels = self.checked(channels)?;
        if channels.is_empty() {
            return Err(Error::new(Code::InvalidInput, "a group has at least one channel"));
        }
        if self.store.favourites().await?.len() >= MOST_GROUPS {
            return Err(Error::new(Code::InvalidInput, format!("there are {MOST_GROUPS} groups already")));
        }
        let group = FavouriteRow { id: random_token(), name, layout, channels };
        self.store.insert_favourite(group.clone()).await?;
        self.changed();
        Ok(group)
    }

    /// Changes name, windows or the whole list of channels; `None` stays.
    pub async fn change(
        &self,
        id: &str,
        name: Option<&str>,
        layout: Option<u8>,
        channels: Option<Vec<ChannelId>>,
    ) -> Result<()> {
        let name = name.map(checked_name).transpose()?;
        layout.map(check_layout).transpose()?;
        let channels = channels.map(|channels| self.checked(channels)).transpose()?;
        self.store.change_favourite(id, FavouriteChange { name, layout, channels }).await?;
        self.changed();
        Ok(())
    }

    /// Adds channels at the end of a group; those that are in it stay where they are.
    pub async fn add(&self, id: &str, channels: Vec<ChannelId>) -> Result<()> {
        let channels = self.checked(channels)?;
        let groups = self.store.favourites().await?;
        let present = groups.iter().find(|group| group.id == id).map_or(0, |group| group.channels.len());
        if present + channels.len() > MOST_CHANNELS {
            return Err(Error::new(
                Code::InvalidInput,
                format!("a group has at most {MOST_CHANNELS} channels"),
            ));
        }
        self.store.add_to_favourite(id, channels).await?;
        self.changed();
        Ok(())
    }

    /// Takes a channel out of a group.
    pub async fn remove(&self, id: &str, channel: ChannelId) -> Result<()> {
        if !self.store.remove_from_favourite(id, channel).await? {
            return Err(Error::new(Code::NotFound, "the group has no such channel"));
        }
        self.changed();
        Ok(())
    }

    /// Puts the groups in this order; those not named come after them.
    pub async fn order(&self, ids: Vec<String>) -> Result<()> {
        if ids.len() > MOST_GROUPS {
            return Err(Error::new(Code::InvalidInput, "more groups than there can be"));
        }
        self.store.order_favourites(ids).await?;
        self.changed();
        Ok(())
    }

    /// Removes a group; [`Favourites::restore`] takes it back until the next start.
    pub async fn delete(&self, id: &str) -> Result<()> {
        if !self.store.delete_favourite(id, self.clock.now()).await? {
            return Err(Error::new(Code::NotFound, "no such group"));
        }
        self.changed();
        Ok(())
    }

    /// Takes a removal back.
    pub async fn restore(&self, id: &str) -> Result<()> {
        if !self.store.restore_favourite(id).await? {
            return Err(Error::new(Code::NotFound, "no such deleted group"));
        }
        self.changed();
        Ok(())
    }

    /// Keeps a small JPEG of a channel, at most [`LARGEST_PICTURE`] bytes.
    pub async fn keep_picture(&self, channel: ChannelId, jpeg: Vec<u8>) -> Result<()> {
        if !self.exists(&channel) {
            return Err(Error::new(
                Code::NotFound,
                format!("no channel {} of device {}", channel.number, channel.device),
            ));
        }
        // ITU-T T.81 B.1.1.3: SOI, then the first byte of another marker.
        if !jpeg.starts_with(&[0xff, 0xd8, 0xff]) || jpeg.len() > LARGEST_PICTURE {
            return Err(Error::new(Code::InvalidInput, "not a small JPEG"));
        }
        Ok(self.store.keep_picture(channel, LastPictureRow { taken_at: self.clock.now(), jpeg }).await?)
    }

    /// The kept pictures of some channels, in their order.
    pub async fn last_pictures(&self, channels: Vec<ChannelId>) -> Result<Vec<Option<LastPictureRow>>> {
        if channels.len() > MOST_CHANNELS {
            return Err(Error::new(Code::InvalidInput, "more pictures than a page shows"));
        }
        Ok(self.store.last_pictures(channels).await?)
    }

    fn changed(&self) {
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    fn exists(&self, channel: &ChannelId) -> bool {
        self.book
            .get(&channel.device)
            .is_ok_and(|row| row.channels.iter().any(|known| known.number == channel.number))
    }

    /// Every channel once, and none that does not exist.
    fn checked(&self, channels: Vec<ChannelId>) -> Result<Vec<ChannelId>> {
        if channels.len() > MOST_CHANNELS {
            return Err(Error::new(
                Code::InvalidInput,
                format!("a group has at most {MOST_CHANNELS} channels"),
            ));
        }
        if let Some(stranger) = channels.iter().find(|channel| !self.exists(channel)) {
            return Err(Error::new(
                Code::NotFound,
                format!("no channel {} of device {}", stranger.number, stranger.device),
            ));
        }
        let mut seen = HashSet::new();
        Ok(channels.into_iter().filter(|channel| seen.insert(channel.clone())).collect())
    }
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::new(Code::InvalidInput, format!("a name has 1-{LONGEST_NAME} characters")));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use bartizan_base::{DeviceId, SystemClock, UtcMicros};
    use bartizan_store::{ChannelRow, DeviceFacts, DeviceRow, RouteRow, Vault};

    use super::*;

    async fn service() -> Favourites {
        let store = Store::in_memory(Vault::in_memory()).unwrap();
        let channel = |number| ChannelRow { number, name: String::new(), streams: Vec::new() };
        let row = DeviceRow {
            id: DeviceId::from_string("yard"),
            name: "Yard".into(),
            host: "192.0.2.7".into(),
            port: 554,
            user: String::new(),
            password: None,
            password_lost: false,
            transport: "auto".into(),
            facts: DeviceFacts::default(),
            routes: vec![RouteRow::default()],
            channels: vec![channel(1), channel(2)],
            added_at: UtcMicros(0),
        };
        store.insert_device(row).await.unwrap();
        let book = Arc::new(DeviceBook::load(store.clone(), UtcMicros(0)).await.unwrap());
        Favourites::load(store, book, Arc::new(SystemClock)).await.unwrap()
    }

    fn channel(number: u16) -> ChannelId {
        ChannelId { device: DeviceId::from_string("yard"), number }
    }

    async fn names(service: &Favourites) -> Vec<String> {
        service.list().await.unwrap().1.into_iter().map(|group| group.name).collect()
    }

    #[tokio::test]
    async fn every_change_makes_a_newer_list() {
        let service = service().await;
        let mut last = service.list().await.unwrap().0;
        let mut newer = async |what| {
            let now = service.list().await.unwrap().0;
            assert!(now > last, "{what}");
            last = now;
        };
        let yard = service.create("  Yard ", vec![channel(2), channel(2)], 4).await.unwrap();
        assert_eq!((yard.name.as_str(), yard.channels), ("Yard", vec![channel(2)]));
        newer("create").await;
        let gate = service.create("Gate", vec![channel(1)], 1).await.unwrap();
        newer("create").await;
        service.change(&yard.id, Some("North"), Some(9), None).await.unwrap();
        newer("change").await;
        service.add(&yard.id, vec![channel(1)]).await.unwrap();
        newer("add").await;
        service.remove(&yard.id, channel(2)).await.unwrap();
        newer("remove").await;
        service.order(vec![gate.id.clone()]).await.unwrap();
        newer("order").await;
        assert_eq!(names(&service).await, ["Gate", "North"]);
        service.delete(&gate.id).await.unwrap();
        newer("delete").await;
        assert_eq!(names(&service).await, ["North"]);
        service.restore(&gate.id).await.unwrap();
        newer("restore").await;
        assert_eq!(names(&service).await, ["Gate", "North"]);
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused() {
        let service = service().await;
        let code = |result: Result<FavouriteRow>| result.unwrap_err().code();
        assert_eq!(code(service.create(" ", vec![channel(1)], 4).await), Code::InvalidInput);
        assert_eq!(code(service.create(&"x".repeat(65), vec![channel(1)], 4).await), Code::InvalidInput);
        assert_eq!(code(service.create("a\nb", vec![channel(1)], 4).await), Code::InvalidInput);
        assert_eq!(code(service.create("Yard", vec![], 4).await), Code::InvalidInput);
        assert_eq!(code(service.create("Yard", vec![channel(1)], 5).await), Code::InvalidInput);
        assert_eq!(code(service.create("Yard", vec![channel(3)], 4).await), Code::NotFound);
        assert_eq!(names(&service).await, [""; 0]);
        assert_eq!(service.delete("none").await.unwrap_err().code(), Code::NotFound);
        assert_eq!(service.restore("none").await.unwrap_err().code(), Code::NotFound);
        assert_eq!(service.remove("none", channel(1)).await.unwrap_err().code(), Code::NotFound);
    }

    #[tokio::test]
    async fn only_small_jpegs_of_known_channels_are_kept() {
        let service = service().await;
        let jpeg = vec![0xff, 0xd8, 0xff, 0xe0];
        service.keep_picture(channel(1), jpeg.clone()).await.unwrap();
        let found = service.last_pictures(vec![channel(1), channel(2)]).await.unwrap();
        assert_eq!(found[0].as_ref().map(|row| row.jpeg.clone()), Some(jpeg.clone()));
        assert!(found[1].is_none());
        let refused = |result: Result<()>| result.unwrap_err().code();
        assert_eq!(refused(service.keep_picture(channel(3), jpeg.clone()).await), Code::NotFound);
        assert_eq!(refused(service.keep_picture(channel(1), b"<svg>".to_vec()).await), Code::InvalidInput);
        let mut long = jpeg;
        long.resize(LARGEST_PICTURE + 1, 0);
        assert_eq!(refused(service.keep_picture(channel(1), long).await), Code::InvalidInput);
    }
}
