use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bartizan_base::{OwnedTask, Result, StreamProfile, UtcMicros};
use bartizan_device::{
    AlarmOutput, Auxiliary, AuxiliaryCommand, AuxiliaryState, Capabilities, ChannelInfo, DeviceClock, Driver,
    EncoderSettings, EncoderStream, FamilyId, Identity, Imaging, LensMove, OutputCommand, Preset,
    PresetCapabilities, PresetChange, PtzCapabilities, PtzMove, PtzStatus, Reached, ReplayPoint, Snapshot,
    Velocity,
};
use tokio::{
    sync::{OnceCell, oneshot},
    time::sleep,
};

use crate::{
    encoder,
    error::OnvifError,
    family::FAMILY,
    identity,
    imaging::{self, Picture},
    lens,
    media::{self, Channel},
    outputs::{self, Switches},
    presets,
    ptz::{self, Head},
    quirks, replay,
    services::Service,
    session::Session,
    soap::escape,
};

/// Longest snapshot, bytes: 32 megapixels at the best quality.
const SNAPSHOT_LIMIT: usize = 24 << 20;
/// Presets where the node does not say how many.
const USUAL_PRESETS: u16 = 255;

/// What was asked of one channel.
struct Unit {
    channel: Channel,
    head: OnceCell<Option<Head>>,
    picture: OnceCell<Picture>,
    snapshot: OnceCell<String>,
    /// The velocity last asked for.
    velocity: Mutex<Velocity>,
}

struct Inner {
    session: Session,
    identity: Identity,
    /// Presets, timeouts … that differ by maker.
    quirks: Vec<quirks::What>,
    full_identity: OnceCell<Identity>,
    switches: OnceCell<Vec<String>>,
    units: tokio::sync::Mutex<Option<Arc<Vec<Unit>>>>,
    /// What goes on until stopped: an iris held, a wiper at intervals, a relay that is to open again.
    running: Mutex<HashMap<String, OwnedTask>>,
}

/// A device that let us in.
pub(crate) struct OnvifDriver(Arc<Inner>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OnvifDriver {
    /// Logs in and learns the services.
    pub(crate) async fn log_in(session: Session) -> Result<Self, OnvifError> {
        let information = session.log_in().await?;
        session.find_services().await?;
        let identity = identity::read_information(&information);
        let quirks = quirks::of(&identity);
        for quirk in &quirks {
            session.note(format!("quirk: {quirk:?}"));
        }
        Ok(Self(Arc::new(Inner {
            session,
            identity,
            quirks,
            full_identity: OnceCell::new(),
            switches: OnceCell::new(),
            units: tokio::sync::Mutex::default(),
            running: Mutex::default(),
        })))
    }

    fn session(&self) -> &Session {
        &self.0.session
    }

    async fn units(&self) -> Result<Arc<Vec<Unit>>, OnvifError> {
        let mut units = self.0.units.lock().await;
        if let Some(units) = &*units {
            return Ok(units.clone());
        }
        let loaded =
            Arc::new(media::load(self.session()).await?.into_iter().map(Unit::new).collect::<Vec<_>>());
        *units = Some(loaded.clone());
        Ok(loaded)
    }

    /// The channel's place in the list.
    async fn unit(&self, channel: u16) -> Result<(Arc<Vec<Unit>>, usize), OnvifError> {
        let units = self.units().await?;
        let at = units.iter().position(|unit| unit.channel.number == channel);
        let at = at.ok_or_else(|| OnvifError::NotFound(format!("no channel {channel}")))?;
        Ok((units, at))
    }

    async fn head<'a>(&self, unit: &'a Unit) -> Result<Option<&'a Head>, OnvifError> {
        let load = || ptz::load(self.session(), &unit.channel, &self.0.quirks);
        Ok(unit.head.get_or_try_init(load).await?.as_ref())
    }

    async fn some_head<'a>(&self, unit: &'a Unit) -> Result<&'a Head, OnvifError> {
        self.head(unit).await?.ok_or_else(|| OnvifError::not_offered("PTZ"))
    }

    async fn picture<'a>(&self, unit: &'a Unit) -> Result<&'a Picture, OnvifError> {
        unit.picture.get_or_try_init(|| imaging::load(self.session(), &unit.channel)).await
    }

    /// Auxiliary commands of the whole device.
    async fn device_auxiliaries(&self) -> Result<&[String], OnvifError> {
        let ask = || async {
            let mut services = self.session().services().clone();
            if services.auxiliaries.is_empty() {
                match self.session().call(Service::Device, "GetServiceCapabilities", "").await {
                    Ok(answer) => {
                        let misc =
                            answer.descendant("Misc").and_then(|misc| misc.attribute("AuxiliaryCommands"));
                        services.add_auxiliaries(misc.unwrap_or_default());
                    }
                    Err(error) if error.is_answer() => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(services.auxiliaries)
        };
        Ok(self.0.switches.get_or_try_init(ask).await?)
    }

    async fn switches(&self, unit: &Unit) -> Result<Switches, OnvifError> {
        let ptz = self.head(unit).await?.map(|head| head.node.auxiliaries.clone()).unwrap_or_default();
        Ok(Switches::read(self.device_auxiliaries().await?, &ptz))
    }

    /// Snapshot addresses, asked once.
    async fn snapshot_path<'a>(&self, unit: &'a Unit) -> Result<&'a str, OnvifError> {
        let ask = || async {
            let Some(profile) = unit.channel.profiles.first() else {
                return Err(OnvifError::not_offered("snapshots"));
            };
            media::snapshot_path(self.session(), profile).await
        };
        Ok(unit.snapshot.get_or_try_init(ask).await?)
    }

    fn stop_running(&self, key: &str) {
        drop(locked(&self.0.running).remove(key));
    }

    fn keep_running(&self, key: String, task: OwnedTask) {
        let mut running = locked(&self.0.running);
        running.retain(|_, task| !task.is_finished());
        running.insert(key, task);
    }

    async fn focus_and_iris(&self, channel: u16, to: LensMove) -> Result<(), OnvifError> {
        let (units, at) = self.unit(channel).await?;
        let picture = self.picture(&units[at]).await?;
        let key = format!("iris {channel}");
        let step = match to {
            LensMove::IrisOpen(speed) => speed,
            LensMove::IrisClose(speed) => -speed,
            LensMove::Stop => {
                self.stop_running(&key);
                if picture.focus_speed.is_none() {
                    return Ok(());
                }
                return lens::focus(self.session(), picture, to).await;
            }
            _ => return lens::focus(self.session(), picture, to).await,
        };
        self.stop_running(&key);
        if lens::iris_step(self.session(), picture, step).await? {
            let (inner, picture) = (self.0.clone(), picture.clone());
            let task = OwnedTask::spawn(async move { lens::iris_on(&inner.session, &picture, step).await });
            self.keep_running(key, task);
        }
        Ok(())
    }

    async fn capabilities_of(&self, channel: u16) -> Result<Capabilities, OnvifError> {
        let (units, at) = self.unit(channel).await?;
        let unit = &units[at];
        let picture = self.picture(unit).await?;
        let head = self.head(unit).await?;
        let mut moves = PtzCapabilities {
            focus: picture.focus_speed.is_some(),
            auto_focus: picture.auto_focus,
            iris: picture.iris.is_some(),
            ..PtzCapabilities::default()
        };
        if let Some(Head { node, .. }) = head {
            moves.pan_tilt = node.pan_tilt();
            moves.zoom = node.zoom();
            moves.relative = !node.relative.0.is_empty() || !node.relative.1.is_empty();
            moves.absolute = !node.absolute.0.is_empty() || !node.absolute.1.is_empty();
            moves.center_on = !node.relative.0.is_empty();
            moves.home = node.home;
            let most = if node.most_presets == 0 { USUAL_PRESETS } else { node.most_presets };
            moves.presets = Some(PresetCapabilities { most, writable: true });
            if moves.center_on && node.field_of_view().is_none() {
                self.session().note("centring is approximate: the head does not reckon in pictures".into());
            }
        }
        let snapshot = match self.snapshot_path(unit).await {
            Ok(_) => true,
            Err(error) if error.is_answer() => {
                self.session().note(format!("no snapshots: {error}"));
                false
            }
            Err(error) => return Err(error),
        };
        Ok(Capabilities {
            ptz: moves,
            imaging: picture.capabilities(),
            auxiliaries: self.switches(unit).await?.all(),
            snapshot,
            key_frame: !unit.channel.profiles.is_empty(),
            encoder: !encoder::streams(&unit.channel).is_empty(),
        })
    }

    async fn who(&self) -> Result<Identity, OnvifError> {
        let session = self.session();
        let mut identity = self.0.identity.clone();
        let ask = async |operation| match session.call(Service::Device, operation, "").await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_answer() => {
                session.note(format!("{operation}: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let scopes = ask("GetScopes").await?.map(|answer| identity::read_scopes(&answer)).unwrap_or_default();
        identity.name = identity::first_scope(&scopes, "name").unwrap_or_default();
        let interfaces = ask("GetNetworkInterfaces").await?;
        identity.mac = interfaces.as_ref().and_then(identity::read_mac).unwrap_or_default();
        let inputs = match self.units().await {
            Ok(units) => units.len(),
            Err(error) if error.is_answer() => 0,
            Err(error) => return Err(error),
        };
        identity.class = identity::class(&scopes, &identity.model, Some(session.services()), inputs);
        Ok(identity)
    }

    async fn list_channels(&self) -> Result<Vec<ChannelInfo>, OnvifError> {
        let channels = media::load(self.session()).await?;
        let (channels, described): (Vec<_>, Vec<_>) =
            media::describe(self.session(), channels).await?.into_iter().unzip();
        let mut units = self.0.units.lock().await;
        let known = units.as_ref().is_some_and(|units| {
            units.len() == channels.len()
                && units.iter().zip(&channels).all(|(unit, channel)| unit.channel == *channel)
        });
        if !known {
            *units = Some(Arc::new(channels.into_iter().map(Unit::new).collect()));
        }
        Ok(described)
    }

    async fn take_snapshot(&self, channel: u16) -> Result<Snapshot, OnvifError> {
        let (units, at) = self.unit(channel).await?;
        let path = self.snapshot_path(&units[at]).await?;
        let response = self.session().get(path, SNAPSHOT_LIMIT).await?;
        let jpeg = response.body;
        if response.status == 200 && jpeg.starts_with(&[0xFF, 0xD8]) {
            return Ok(Snapshot { jpeg });
        }
        Err(OnvifError::Unexpected {
            operation: "GetSnapshotUri",
            peer: self.session().client().peer(),
            status: response.status,
            found: format!("{} bytes that are no JPEG", jpeg.len()),
        })
    }

    async fn move_head(&self, channel: u16, to: PtzMove) -> Result<(), OnvifError> {
        let (units, at) = self.unit(channel).await?;
        let unit = &units[at];
        let head = self.some_head(unit).await?;
        let before = *locked(&unit.velocity);
        let (operation, arguments) = head.request(to, before)?;
        // Before the answer: a move that may have begun counts as moving.
        let after = match to {
            PtzMove::Continuous { velocity, .. } => velocity.clamped(),
            _ => Velocity::ZERO,
        };
        *locked(&unit.velocity) = after;
        self.session().call(Service::Ptz, operation, &arguments).await.map(drop)
    }

    async fn switch(
        &self,
        channel: u16,
        auxiliary: Auxiliary,
        command: AuxiliaryCommand,
    ) -> Result<(), OnvifError> {
        let (units, at) = self.unit(channel).await?;
        let switches = self.switches(&units[at]).await?;
        if !switches.has(auxiliary) {
            return Err(OnvifError::not_offered(format!("{auxiliary:?}")));
        }
        let head = self.head(&units[at]).await?;
        let key = format!("{auxiliary:?} {channel}");
        self.stop_running(&key);
        outputs::switch(self.session(), head, &switches, auxiliary, command).await?;
        if let AuxiliaryCommand::Every(seconds) = command {
            let (inner, head) = (self.0.clone(), head.cloned());
            let every = Duration::from_secs(u64::from(seconds.max(1)));
            let task = OwnedTask::spawn(async move {
                loop {
                    sleep(every).await;
                    let again = outputs::switch(&inner.session, head.as_ref(), &switches, auxiliary, command);
                    if let Err(error) = again.await {
                        inner.session.note(format!("{auxiliary:?} stopped: {error}"));
                        return;
                    }
                }
            });
            self.keep_running(key, task);
        }
        Ok(())
    }

    async fn switch_relay(&self, token: &str, command: OutputCommand) -> Result<(), OnvifError> {
        let key = format!("relay {token}");
        self.stop_running(&key);
        if let Some(on) = outputs::plain(command) {
            return outputs::set_relay(self.session(), token, on).await;
        }
        let OutputCommand::Pulse(millis) = command else { return Ok(()) };
        let relays = outputs::relays(self.session()).await?;
        let relay = relays.into_iter().find(|relay| relay.token == token);
        let relay = relay.ok_or_else(|| OnvifError::NotFound(format!("no relay {token}")))?;
        // In a task of its own: a caller who gives up must not leave the relay closed.
        let (done, outcome) = oneshot::channel();
        let inner = self.0.clone();
        let task = OwnedTask::spawn(async move {
            let _ = done.send(outputs::pulse(&inner.session, &relay, millis).await);
        });
        self.keep_running(key, task);
        outcome
            .await
            .unwrap_or_else(|_| Err(OnvifError::Invalid("another command replaced the pulse".into())))
    }

    async fn list_presets(&self, channel: u16) -> Result<Vec<Preset>, OnvifError> {
        let (units, at) = self.unit(channel).await?;
        let head = self.some_head(&units[at]).await?;
        Ok(presets::list(self.session(), head).await?.1)
    }

    async fn set_pictures(&self, channel: u16, change: Imaging) -> Result<Imaging, OnvifError> {
        let (units, at) = self.unit(channel).await?;
        imaging::set(self.session(), self.picture(&units[at]).await?, change).await
    }
}

impl Unit {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            head: OnceCell::new(),
            picture: OnceCell::new(),
            snapshot: OnceCell::new(),
            velocity: Mutex::default(),
        }
    }
}

#[async_trait]
impl Driver for OnvifDriver {
    fn family(&self) -> FamilyId {
        FAMILY
    }

    fn reached(&self) -> Reached {
        let client = self.session().client();
        Reached { web_page: client.base().to_string(), certificate: client.certificate(), rtsp_port: None }
    }

    fn oddities(&self) -> Vec<String> {
        self.session().oddities()
    }

    async fn identity(&self) -> Result<Identity> {
        Ok(self.0.full_identity.get_or_try_init(|| self.who()).await?.clone())
    }

    async fn channels(&self) -> Result<Vec<ChannelInfo>> {
        Ok(Box::pin(self.list_channels()).await?)
    }

    async fn capabilities(&self, channel: u16) -> Result<Capabilities> {
        Ok(Box::pin(self.capabilities_of(channel)).await?)
    }

    async fn snapshot(&self, channel: u16) -> Result<Snapshot> {
        Ok(self.take_snapshot(channel).await?)
    }

    /// Whole seconds, as the protocol has no finer ones.
    async fn clock(&self) -> Result<DeviceClock> {
        let (time, ours) = self.session().sync_clock().await?;
        Ok(DeviceClock {
            utc: time.utc,
            offset_ms: time.utc.0.saturating_sub(ours.0) / 1000,
            zone: time.zone,
            utc_offset_s: time.utc_offset_s,
        })
    }

    async fn request_key_frame(&self, channel: u16, profile: StreamProfile) -> Result<()> {
        let (units, at) = self.unit(channel).await?;
        let profiles = &units[at].channel.profiles;
        let place = usize::from(profile == StreamProfile::Sub).min(profiles.len().saturating_sub(1));
        let profile = profiles.get(place).ok_or_else(|| OnvifError::not_offered("streams"))?;
        let service = if profile.in_media2 { Service::Media2 } else { Service::Media };
        let arguments = format!("<q:ProfileToken>{}</q:ProfileToken>", escape(&profile.token));
        self.session().call(service, "SetSynchronizationPoint", &arguments).await?;
        Ok(())
    }

    async fn replay(&self, channel: u16, from: UtcMicros) -> Result<ReplayPoint> {
        let offset_us = self.clock().await?.offset_ms.saturating_mul(1000);
        let (units, at) = self.unit(channel).await?;
        Box::pin(replay::find(self.session(), &units[at].channel, units.len() == 1, offset_us, from)).await
    }

    async fn ptz_move(&self, channel: u16, to: PtzMove) -> Result<()> {
        Ok(self.move_head(channel, to).await?)
    }

    async fn ptz_status(&self, channel: u16) -> Result<PtzStatus> {
        let (units, at) = self.unit(channel).await?;
        let head = self.some_head(&units[at]).await?;
        Ok(presets::status(self.session(), head).await?)
    }

    async fn lens_move(&self, channel: u16, to: LensMove) -> Result<()> {
        Ok(Box::pin(self.focus_and_iris(channel, to)).await?)
    }

    async fn presets(&self, channel: u16) -> Result<Vec<Preset>> {
        Ok(self.list_presets(channel).await?)
    }

    async fn go_to_preset(&self, channel: u16, token: &str, speed: f32) -> Result<()> {
        let (units, at) = self.unit(channel).await?;
        let head = self.some_head(&units[at]).await?;
        Ok(presets::go(self.session(), head, token, speed).await?)
    }

    async fn change_preset(&self, channel: u16, change: PresetChange) -> Result<String> {
        let (units, at) = self.unit(channel).await?;
        let head = self.some_head(&units[at]).await?;
        Ok(Box::pin(presets::change(self.session(), head, change)).await?)
    }

    async fn imaging(&self, channel: u16) -> Result<Imaging> {
        let (units, at) = self.unit(channel).await?;
        let picture = self.picture(&units[at]).await?;
        Ok(imaging::get(self.session(), picture).await?)
    }

    async fn set_imaging(&self, channel: u16, change: Imaging) -> Result<Imaging> {
        Ok(Box::pin(self.set_pictures(channel, change)).await?)
    }

    /// ONVIF tells no defaults: the middle of each range.
    async fn reset_imaging(&self, channel: u16) -> Result<Imaging> {
        let (units, at) = self.unit(channel).await?;
        let offered = self.picture(&units[at]).await?.capabilities();
        if !offered.levels() {
            return Err(OnvifError::not_offered("picture settings").into());
        }
        let middle = |offered: bool| offered.then_some(50.0);
        let change = Imaging {
            brightness: middle(offered.brightness),
            contrast: middle(offered.contrast),
            saturation: middle(offered.saturation),
            ..Imaging::default()
        };
        Ok(Box::pin(self.set_pictures(channel, change)).await?)
    }

    async fn encoders(&self, channel: u16) -> Result<Vec<EncoderStream>> {
        let (units, at) = self.unit(channel).await?;
        Ok(Box::pin(encoder::read_all(self.session(), &units[at].channel)).await?)
    }

    async fn set_encoder(
        &self,
        channel: u16,
        profile: StreamProfile,
        change: EncoderSettings,
    ) -> Result<EncoderStream> {
        let (units, at) = self.unit(channel).await?;
        Box::pin(encoder::write(self.session(), &units[at].channel, profile, &change)).await
    }

    async fn auxiliaries(&self, channel: u16) -> Result<Vec<AuxiliaryState>> {
        let (units, at) = self.unit(channel).await?;
        let all = self.switches(&units[at]).await?.all();
        Ok(all.into_iter().map(|auxiliary| AuxiliaryState { auxiliary, on: None }).collect())
    }

    async fn switch_auxiliary(
        &self,
        channel: u16,
        auxiliary: Auxiliary,
        command: AuxiliaryCommand,
    ) -> Result<()> {
        Ok(Box::pin(self.switch(channel, auxiliary, command)).await?)
    }

    async fn alarm_outputs(&self) -> Result<Vec<AlarmOutput>> {
        Ok(outputs::shown(&outputs::relays(self.session()).await?))
    }

    async fn switch_output(&self, token: &str, command: OutputCommand) -> Result<()> {
        Ok(Box::pin(self.switch_relay(token, command)).await?)
    }
}
