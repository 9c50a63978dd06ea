//! The ports: [`Dahua`] is the family, what it logs in to is a driver.

use std::sync::Arc;

use async_trait::async_trait;
use bartizan_base::{Result, StreamProfile, UtcMicros};
use bartizan_device::{
    Activation, AlarmOutput, Auxiliary, AuxiliaryCommand, AuxiliaryState, Capabilities, ChannelInfo,
    DeviceClock, Driver, EncoderSettings, EncoderStream, Endpoint, Family, FamilyId, Identity, Imaging,
    LensMove, Login, OutputCommand, Preset, PresetChange, PtzMove, PtzStatus, Reached, Recognised,
    ReplayPoint, SearchScope, Sighting, Snapshot, TalkLine,
};
use bartizan_http::{Client, Options, Recorder};
use tokio::sync::mpsc;

use crate::{
    FAMILY, alarm, auxiliary, channel, clock,
    connect::{self, TriesLeft},
    device::Device,
    discover, encoder,
    error::DahuaError,
    imaging, initialise, ptz, recognise, replay, snapshot, talk,
};

/// The family of Dahua's devices and of those sold under other names.
///
/// Remembers, while it lives, how many tries devices said are left, so that the last one is not spent unasked.
#[derive(Clone)]
pub struct Dahua {
    tries: TriesLeft,
    discovery_port: u16,
    recorder: Option<Arc<dyn Recorder>>,
}

impl Default for Dahua {
    fn default() -> Self {
        Self { tries: TriesLeft::default(), discovery_port: discover::PORT, recorder: None }
    }
}

impl Dahua {
    /// Searches on another UDP port than 37810: for simulators.
    #[must_use]
    pub fn with_discovery_port(mut self, port: u16) -> Self {
        self.discovery_port = port;
        self
    }

    /// Takes a transcript of recognising and of all that follows a login; first passwords are left out.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    fn options(&self) -> Options {
        Options { recorder: self.recorder.clone(), ..Options::default() }
    }
}

#[async_trait]
impl Family for Dahua {
    fn id(&self) -> FamilyId {
        FAMILY
    }

    async fn recognise(&self, endpoint: &Endpoint) -> Result<Option<Recognised>> {
        Box::pin(recognise::recognise(endpoint, self.options())).await
    }

    async fn connect(&self, endpoint: &Endpoint, login: &Login) -> Result<Arc<dyn Driver>> {
        let device = Box::pin(connect::connect(endpoint, login, &self.tries, self.options())).await?;
        Ok(Arc::new(Connected(Arc::new(device))))
    }

    async fn activate(&self, endpoint: &Endpoint, activation: &Activation) -> Result<()> {
        let client = Client::dial(endpoint, &Login::default()).await.map_err(DahuaError::from)?;
        Ok(Box::pin(initialise::initialise(client, activation)).await?)
    }

    async fn discover(&self, scope: &SearchScope, found: mpsc::Sender<Sighting>) -> Result<()> {
        Box::pin(discover::discover(scope, self.discovery_port, found)).await
    }
}

/// A device that let us in.
struct Connected(Arc<Device>);

fn numbered(channel: u16) -> Result<u16, DahuaError> {
    if channel == 0 {
        let words = "channels are numbered from 1".to_owned();
        return Err(DahuaError::Here(bartizan_base::Code::InvalidInput, words));
    }
    Ok(channel)
}

#[async_trait]
impl Driver for Connected {
    fn family(&self) -> FamilyId {
        FAMILY
    }

    fn reached(&self) -> Reached {
        Reached {
            web_page: self.0.client.base().to_string(),
            certificate: self.0.client.certificate(),
            rtsp_port: self.0.rtsp_port(),
        }
    }

    fn oddities(&self) -> Vec<String> {
        let mut lines = self.0.client.oddities();
        lines.extend(self.0.oddities.lines());
        lines
    }

    async fn identity(&self) -> Result<Identity> {
        Ok(self.0.identity().await?.clone())
    }

    async fn channels(&self) -> Result<Vec<ChannelInfo>> {
        Ok(Box::pin(channel::channels(&self.0)).await?)
    }

    async fn capabilities(&self, channel: u16) -> Result<Capabilities> {
        let facts = self.0.facts(numbered(channel)?).await?;
        let defaults = imaging::defaults(&self.0).await.is_some();
        Ok(facts.capabilities(self.0.cgi, defaults))
    }

    async fn snapshot(&self, channel: u16) -> Result<Snapshot> {
        Ok(Box::pin(snapshot::snapshot(&self.0, numbered(channel)?)).await?)
    }

    async fn clock(&self) -> Result<DeviceClock> {
        Ok(Box::pin(clock::clock(&self.0)).await?)
    }

    async fn ptz_move(&self, channel: u16, to: PtzMove) -> Result<()> {
        Ok(Box::pin(ptz::go(&self.0, numbered(channel)?, to)).await?)
    }

    async fn ptz_status(&self, channel: u16) -> Result<PtzStatus> {
        Ok(Box::pin(ptz::status(&self.0, numbered(channel)?)).await?)
    }

    async fn lens_move(&self, channel: u16, to: LensMove) -> Result<()> {
        Ok(Box::pin(ptz::lens(&self.0, numbered(channel)?, to)).await?)
    }

    async fn presets(&self, channel: u16) -> Result<Vec<Preset>> {
        Ok(Box::pin(ptz::presets(&self.0, numbered(channel)?)).await?)
    }

    /// The protocol has no speed for this.
    async fn go_to_preset(&self, channel: u16, token: &str, _speed: f32) -> Result<()> {
        Ok(Box::pin(ptz::go_to_preset(&self.0, numbered(channel)?, token)).await?)
    }

    async fn change_preset(&self, channel: u16, change: PresetChange) -> Result<String> {
        Ok(Box::pin(ptz::change_preset(&self.0, numbered(channel)?, change)).await?)
    }

    async fn imaging(&self, channel: u16) -> Result<Imaging> {
        Ok(Box::pin(imaging::imaging(&self.0, numbered(channel)?)).await?)
    }

    async fn set_imaging(&self, channel: u16, change: Imaging) -> Result<Imaging> {
        Ok(Box::pin(imaging::set_imaging(&self.0, numbered(channel)?, change)).await?)
    }

    async fn reset_imaging(&self, channel: u16) -> Result<Imaging> {
        Ok(Box::pin(imaging::reset_imaging(&self.0, numbered(channel)?)).await?)
    }

    async fn encoders(&self, channel: u16) -> Result<Vec<EncoderStream>> {
        Ok(Box::pin(encoder::encoders(&self.0, numbered(channel)?)).await?)
    }

    async fn set_encoder(
        &self,
        channel: u16,
        profile: StreamProfile,
        change: EncoderSettings,
    ) -> Result<EncoderStream> {
        Ok(Box::pin(encoder::set_encoder(&self.0, numbered(channel)?, profile, &change)).await?)
    }

    async fn auxiliaries(&self, channel: u16) -> Result<Vec<AuxiliaryState>> {
        Ok(Box::pin(auxiliary::auxiliaries(&self.0, numbered(channel)?)).await?)
    }

    async fn switch_auxiliary(
        &self,
        channel: u16,
        auxiliary: Auxiliary,
        command: AuxiliaryCommand,
    ) -> Result<()> {
        Ok(Box::pin(auxiliary::switch(&self.0, numbered(channel)?, auxiliary, command)).await?)
    }

    async fn alarm_outputs(&self) -> Result<Vec<AlarmOutput>> {
        Ok(Box::pin(alarm::outputs(&self.0)).await?)
    }

    async fn talk(&self, channel: u16) -> Result<Box<dyn TalkLine>> {
        Ok(Box::pin(talk::open(&self.0, numbered(channel)?)).await?)
    }

    async fn replay(&self, channel: u16, from: UtcMicros) -> Result<ReplayPoint> {
        Ok(Box::pin(replay::find(&self.0, numbered(channel)?, from)).await?)
    }

    async fn switch_output(&self, token: &str, command: OutputCommand) -> Result<()> {
        Ok(Box::pin(alarm::switch(&self.0, token, command)).await?)
    }
}
