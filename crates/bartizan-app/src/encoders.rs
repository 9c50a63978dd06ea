//! The streams of a channel: which one a window plays, and how the device encodes them.

use std::sync::Arc;

use bartizan_base::{ChannelId, Code, Error, Result, StreamProfile};
use bartizan_device::{EncoderField, EncoderSettings, EncoderStream};
use bartizan_store::{Store, StreamChoice};
use tokio::sync::Mutex;

use crate::{devices::DeviceBook, drivers::Drivers};

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// As the device was read after it.
    pub stream: EncoderStream,
    /// Which of the settings asked for became something else.
    pub differing: Vec<EncoderField>,
}

/// Choice of streams and encoder settings.
pub struct Encoders {
    drivers: Arc<Drivers>,
    book: Arc<DeviceBook>,
    store: Store,
    /// One change at a time: a change reads, writes and reads again.
    changing: Mutex<()>,
}

impl Encoders {
    /// The service over the drivers in use.
    pub fn new(drivers: Arc<Drivers>, book: Arc<DeviceBook>, store: Store) -> Self {
        Self { drivers, book, store, changing: Mutex::default() }
    }

    /// Which stream each window plays because its user said so.
    pub async fn choices(&self) -> Result<Vec<(ChannelId, StreamChoice)>> {
        Ok(self.store.stream_choices().await?)
    }

    /// Keeps which stream a channel's window plays; `None`: by its size.
    pub async fn choose(&self, channel: ChannelId, choice: Option<StreamChoice>) -> Result<()> {
        let device = self.book.get(&channel.device)?;
        if !device.channels.iter().any(|one| one.number == channel.number) {
            return Err(Error::new(Code::NotFound, format!("the device has no channel {}", channel.number)));
        }
        Ok(self.store.choose_stream(channel, choice).await?)
    }

    /// How a channel's streams are encoded and what else its device offers. [`Code::NotOffered`] where it is known by
    /// its video alone, or has no such settings.
    pub async fn read(&self, channel: &ChannelId) -> Result<Vec<EncoderStream>> {
        let number = channel.number;
        self.drivers.with(&channel.device, |driver| async move { driver.encoders(number).await }).await
    }

    /// Changes the settings of one stream that are `Some`. What the device does not offer is refused here, before
    /// anything is written: some devices take what they cannot do, and say that it worked.
    pub async fn apply(
        &self,
        channel: &ChannelId,
        profile: StreamProfile,
        change: EncoderSettings,
    ) -> Result<Applied> {
        if change.fields().is_empty() {
            return Err(Error::new(Code::InvalidInput, "nothing is to be changed"));
        }
        let _alone = self.changing.lock().await;
        let now = self.read(channel).await?.into_iter().find(|stream| stream.profile == profile);
        let now = now.ok_or_else(|| Error::new(Code::NotOffered, "the device does not have this stream"))?;
        if let Some(field) = now.not_offered(&change) {
            return Err(Error::new(
                Code::SettingRefused,
                format!("the device does not offer this {field:?}; nothing was written"),
            ));
        }
        let (number, wanted) = (channel.number, change.clone());
        let work = |driver: Arc<dyn bartizan_device::Driver>| async move {
            driver.set_encoder(number, profile, wanted).await
        };
        let stream = self.drivers.with(&channel.device, work).await?;
        let differing = change.differing(&stream.settings);
        if let Err(error) = self.note_size(channel, &stream).await {
            tracing::warn!(%error, "the new size of a stream is not kept");
        }
        Ok(Applied { stream, differing })
    }

    /// The list of devices tells sizes too.
    async fn note_size(&self, channel: &ChannelId, stream: &EncoderStream) -> Result<()> {
        let Some(size) = stream.settings.size else { return Ok(()) };
        let mut row = self.book.get(&channel.device)?;
        let known = row
            .channels
            .iter_mut()
            .filter(|one| one.number == channel.number)
            .flat_map(|one| &mut one.streams)
            .find(|one| one.profile == stream.profile);
        let Some(known) = known else { return Ok(()) };
        if (known.width, known.height) == (Some(size.width), Some(size.height)) {
            return Ok(());
        }
        (known.width, known.height) = (Some(size.width), Some(size.height));
        self.store.replace_device(row).await?;
        self.book.refresh().await
    }
}
