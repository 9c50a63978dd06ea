//! How each channel's picture is shown here. What a look says is the page's matter; it is kept for all its windows.

use bartizan_base::{ChannelId, Code, Error, Result};
use bartizan_store::LookRow;

use crate::App;

/// Bytes of one look.
const LARGEST_LOOK: usize = 2048;

impl App {
    /// All looks that are not plain.
    pub async fn looks(&self) -> Result<Vec<LookRow>> {
        Ok(self.store.looks().await?)
    }

    /// Keeps how a channel is shown: a small JSON object, or `None` for plain.
    pub async fn set_look(&self, channel: ChannelId, look: Option<String>) -> Result<()> {
        let row = self.devices.book().get(&channel.device)?;
        if !row.channels.iter().any(|one| one.number == channel.number) {
            return Err(Error::new(Code::NotFound, format!("no channel {}", channel.number)));
        }
        let fits = look.as_ref().is_none_or(|look| {
            look.len() <= LARGEST_LOOK
                && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(look).is_ok()
        });
        if !fits {
            return Err(Error::new(Code::InvalidInput, "not a look"));
        }
        Ok(self.store.set_look(channel, look).await?)
    }
}
