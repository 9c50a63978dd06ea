use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bartizan_base::{ChannelId, Clock, Code, Error, Result, random_token};
use bartizan_store::{FavouriteChange, FavouriteRow, LastPictureRow, Store};

use crate::devices::DeviceBook;

/// How many windows a wall can have.
pub const LAYOUTS: [u8; 8] = [1, 2, 4, 6, 8, 9, 12, 16];
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
            return Err(Error::new(Code::NotFound, format!("no channel {channel}")));
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
            return Err(Error::new(Code::NotFound, format!("no channel {stranger}")));
        }
        Ok(channels)
    }
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::new(Code::InvalidInput, format!("a name has 1-{LONGEST_NAME} characters")));
    }
    Ok(name.to_owned())
}

/// Refuses a number of windows that no wall has.
pub fn check_layout(layout: u8) -> Result<()> {
    if LAYOUTS.contains(&layout) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidInput, format!("layout {layout} is not one of {LAYOUTS:?}")))
}
