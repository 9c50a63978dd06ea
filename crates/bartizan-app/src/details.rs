//! What a stored device says about itself now.

use bartizan_base::{Code, DeviceId, Result, Secret};
use bartizan_device::{Activation, DeviceClock, Driver, Endpoint, Identity, Online, Reached};
use bartizan_store::{ChannelRow, DeviceRow};

use crate::{Devices, Draft, adding::channel_row, devices::class_from, draft::Aim};

/// A device and what it told just now.
#[derive(Clone, Debug)]
pub struct Details {
    /// What is stored.
    pub row: DeviceRow,
    /// Who it says it is.
    pub identity: Identity,
    /// Its channels, and whether their cameras answer.
    pub channels: Vec<(ChannelRow, Online)>,
    /// How it was reached; `None` for plain RTSP.
    pub reached: Option<Reached>,
    /// Its clock, where it has one.
    pub clock: Option<DeviceClock>,
    /// What was odd.
    pub oddities: Vec<String>,
}

impl Devices {
    /// Asks a stored device about itself. Plain RTSP has nothing to say beyond what is stored.
    pub async fn details(&self, id: &DeviceId) -> Result<Details> {
        let row = self.book().get(id)?;
        let asked = self.control().drivers().with(id, |driver| async move { ask(&*driver).await }).await;
        match asked {
            Ok((identity, channels, reached, clock, oddities)) => {
                Ok(Details { row, identity, channels, reached: Some(reached), clock, oddities })
            }
            Err(error) if error.code() == Code::NotOffered => Ok(Details {
                identity: stored_identity(&row),
                channels: row.channels.iter().map(|channel| (channel.clone(), Online::Unknown)).collect(),
                reached: None,
                clock: None,
                oddities: Vec::new(),
                row,
            }),
            Err(error) => Err(error),
        }
    }

    /// Gives a factory-fresh device its first password.
    pub async fn activate(&self, draft: &Draft, password: Secret, mail: Option<String>) -> Result<()> {
        let Aim::Device { endpoints, .. } = draft.aim()? else {
            return Err(bartizan_base::Error::new(
                Code::InvalidAddress,
                "a device is activated by its address",
            ));
        };
        let endpoint: &Endpoint = &endpoints[0];
        let recognised = self.recognise(draft).await?;
        if recognised.activated == Some(true) {
            return Err(bartizan_base::Error::new(Code::InvalidInput, "the device has a password already"));
        }
        let family = self
            .families()
            .get(recognised.family.0)
            .ok_or_else(|| bartizan_base::Error::new(Code::Internal, "a family without a driver"))?;
        family.activate(endpoint, &Activation { password, mail }).await
    }
}

type Asked = (Identity, Vec<(ChannelRow, Online)>, Reached, Option<DeviceClock>, Vec<String>);

async fn ask(driver: &dyn Driver) -> Result<Asked> {
    let identity = driver.identity().await?;
    let channels = driver.channels().await?;
    // A device without a clock to ask still has its other details.
    let clock = driver.clock().await.ok();
    let channels = channels.into_iter().map(|one| (channel_row(&one), one.online)).collect();
    Ok((identity, channels, driver.reached(), clock, driver.oddities()))
}

fn stored_identity(row: &DeviceRow) -> Identity {
    let facts = row.facts.clone();
    Identity {
        maker: facts.maker,
        model: facts.model,
        firmware: facts.firmware,
        serial: facts.serial,
        mac: facts.mac,
        name: facts.own_name,
        class: class_from(&facts.class),
    }
}
