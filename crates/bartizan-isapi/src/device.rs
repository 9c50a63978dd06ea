use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bartizan_base::{Code, Error, OwnedTask, Result, StreamProfile, UtcMicros};
use bartizan_device::{
    AlarmOutput, Auxiliary, AuxiliaryCommand, AuxiliaryState, Capabilities, ChannelInfo, DeviceClass,
    DeviceClock, Driver, EncoderSettings, EncoderStream, FamilyId, Identity, Imaging, LensMove, Online,
    OutputCommand, Preset, PresetChange, PtzMove, PtzStatus, Reached, ReplayPoint, Snapshot, TalkLine,
};
use bartizan_http::{Client, Request, xml::Element};

use crate::{
    FAMILY, IsapiError,
    capabilities::{ChannelFacts, key_frame_path, snapshot},
    channels, encoder, io,
    link::Link,
    ptz::{self, PtzFacts},
    quirks, replay, talk, time,
};

const DEVICE_INFO: &str = "/ISAPI/System/deviceInfo";
const OUTPUTS: &str = "/ISAPI/System/IO/outputs";
/// Longest pulse of an alarm output.
const MAX_PULSE: Duration = Duration::from_secs(300);
/// How often opening an output again is tried, and how long apart.
const OPEN_TRIES: u32 = 3;
const OPEN_PAUSE: Duration = Duration::from_millis(500);
/// Most channels whose capabilities are kept.
const MAX_KEPT: usize = 512;

/// A device that let us in.
#[derive(Debug)]
pub(crate) struct Device {
    link: Arc<Link>,
    identity: Identity,
    rtsp_port: Option<u16>,
    facts: Mutex<HashMap<u16, Arc<ChannelFacts>>>,
    /// Heads that refused momentary moves although they promise them.
    no_momentary: Mutex<Vec<u16>>,
    /// Outputs that will be opened again. They outlive the call that closed them.
    pulses: Mutex<Vec<OwnedTask>>,
}

impl Device {
    /// Reads who it is. The login is over.
    pub(crate) async fn open(client: Client) -> Result<Self, IsapiError> {
        let link = Link::new(client);
        let root = link.get(DEVICE_INFO).await?;
        let identity = channels::identity(&root);
        for name in quirks::names(&identity) {
            link.note(name);
        }
        let accesses = link.get_optional("/ISAPI/Security/adminAccesses").await?;
        Ok(Self {
            rtsp_port: accesses.as_ref().and_then(channels::rtsp_port),
            link: Arc::new(link),
            identity,
            facts: Mutex::default(),
            no_momentary: Mutex::default(),
            pulses: Mutex::default(),
        })
    }

    pub(crate) fn note(&self, oddity: &str) {
        self.link.note(oddity);
    }

    async fn facts(&self, channel: u16) -> Result<Arc<ChannelFacts>> {
        let kept = self.facts.lock().unwrap_or_else(PoisonError::into_inner).get(&channel).cloned();
        if let Some(facts) = kept {
            return Ok(facts);
        }
        let facts = Box::pin(ChannelFacts::ask(&self.link, channel, &self.identity)).await?;
        // A recorder's channel whose camera is off says no to everything; once it is back that is wrong.
        let lasting = facts.capabilities.snapshot || self.identity.class != DeviceClass::Recorder;
        let mut kept = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        if lasting && kept.len() < MAX_KEPT {
            kept.insert(channel, facts.clone());
        }
        Ok(facts)
    }

    async fn head(&self, channel: u16) -> Result<PtzFacts> {
        let facts = self.facts(channel).await?;
        let mut head = facts.ptz.clone().ok_or_else(|| not_offered("PTZ"))?;
        let refused = self.no_momentary.lock().unwrap_or_else(PoisonError::into_inner).contains(&channel);
        head.momentary &= !refused;
        Ok(head)
    }

    async fn with_presets(&self, channel: u16) -> Result<PtzFacts> {
        let head = self.head(channel).await?;
        if head.capabilities.presets.is_some() { Ok(head) } else { Err(not_offered("presets")) }
    }

    async fn rename(&self, head: &PtzFacts, id: u16, name: &str) -> Result<()> {
        let path = head.path(&format!("presets/{id}"));
        // Where the preset carries its position, it is written back with it.
        if let Some(mut preset) = self.link.get_optional(&path).await?
            && preset.descendant("AbsoluteHigh").is_some()
            && preset.set_text("presetName", name)
        {
            return Ok(self.link.put(&path, Some(&preset)).await?);
        }
        // Else writing stores the present position: go there first.
        self.link.put(&head.path(&format!("presets/{id}/goto")), None).await?;
        if !ptz::settle(&self.link, head).await? {
            return Err(not_offered("a way to rename a preset without losing its position"));
        }
        Ok(self.link.put(&path, Some(&ptz::preset_body(id, name))).await?)
    }

    async fn trigger(&self, token: &str, on: bool) -> Result<()> {
        Ok(trigger(&self.link, token, on).await?)
    }
}

async fn trigger(link: &Link, token: &str, on: bool) -> Result<(), IsapiError> {
    link.put(&format!("{OUTPUTS}/{token}/trigger"), Some(&io::trigger(on))).await
}

#[async_trait]
impl Driver for Device {
    fn family(&self) -> FamilyId {
        FAMILY
    }

    fn reached(&self) -> Reached {
        Reached {
            web_page: self.link.client().base().to_string(),
            certificate: self.link.client().certificate(),
            rtsp_port: self.rtsp_port,
        }
    }

    fn oddities(&self) -> Vec<String> {
        self.link.oddities()
    }

    async fn identity(&self) -> Result<Identity> {
        // The name may have been changed since the login.
        let root = self.link.get(DEVICE_INFO).await?;
        Ok(channels::identity(&root))
    }

    async fn channels(&self) -> Result<Vec<ChannelInfo>> {
        Ok(channels::read(&self.link, self.identity.class, self.rtsp_port).await?)
    }

    async fn capabilities(&self, channel: u16) -> Result<Capabilities> {
        Ok(self.facts(channel).await?.capabilities.clone())
    }

    async fn snapshot(&self, channel: u16) -> Result<Snapshot> {
        match snapshot(&self.link, channel, self.identity.class).await {
            Ok(jpeg) => Ok(Snapshot { jpeg }),
            Err(IsapiError::Refused { what, status }) if self.identity.class == DeviceClass::Recorder => {
                let error = IsapiError::Refused { what, status };
                Err(self.offline(channel, &error).await.unwrap_or_else(|| error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn clock(&self) -> Result<DeviceClock> {
        let request = Request::get("/ISAPI/System/time");
        let what = self.link.what(&request);
        let response = self.link.client().send(request).await.map_err(IsapiError::from)?;
        let root = crate::link::read(what.clone(), &response)?;
        time::read(&root, response.date)
            .ok_or_else(|| IsapiError::Unexpected { what, reason: "no time that can be read".into() }.into())
    }

    async fn request_key_frame(&self, channel: u16, profile: StreamProfile) -> Result<()> {
        Ok(self.link.put(&key_frame_path(channel, profile), None).await?)
    }

    async fn ptz_move(&self, channel: u16, to: PtzMove) -> Result<()> {
        // A stop is never held up by questions, and never refused for lack of capabilities.
        if to == PtzMove::Stop {
            let (path, body) = PtzFacts::lens_only(channel).request(to);
            let path = format!("/ISAPI/PTZCtrl/channels/{channel}/{path}");
            return Ok(self.link.put(&path, body.as_ref()).await?);
        }
        let mut head = self.head(channel).await?;
        let offered = match to {
            PtzMove::Continuous { .. } | PtzMove::Stop => {
                head.capabilities.pan_tilt || head.capabilities.zoom
            }
            PtzMove::Relative(_) => head.capabilities.relative,
            PtzMove::Absolute(_) => head.capabilities.absolute,
            PtzMove::CenterOn { .. } => head.capabilities.center_on,
            PtzMove::Home => head.capabilities.home,
        };
        if !offered {
            return Err(not_offered("this move"));
        }
        let (path, body) = head.request(to);
        match self.link.put(&head.path(path), body.as_ref()).await {
            Err(error) if path == "momentary" && error.is_absence() => {
                self.link
                    .note(format!("channel {channel}: momentary moves are promised and refused: {error}"));
                self.no_momentary.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
                head.momentary = false;
                let (path, body) = head.request(to);
                Ok(self.link.put(&head.path(path), body.as_ref()).await?)
            }
            other => Ok(other?),
        }
    }

    async fn ptz_status(&self, channel: u16) -> Result<PtzStatus> {
        let head = self.head(channel).await?;
        let root = self.link.get(&head.path("status")).await?;
        Ok(head.status(&root))
    }

    async fn lens_move(&self, channel: u16, to: LensMove) -> Result<()> {
        let head = self.head(channel).await?;
        let base = format!("/ISAPI/System/Video/inputs/channels/{channel}");
        if to == LensMove::AutoFocus {
            if !head.capabilities.auto_focus {
                return Err(not_offered("focusing by itself"));
            }
            // The maker's spelling.
            return match self.link.put(&head.path("onepushfoucs/start"), None).await {
                Err(error) if error.is_absence() => self.focus_style(channel).await,
                other => Ok(other?),
            };
        }
        let has = |resource: &str| match resource {
            "focus" => head.capabilities.focus,
            _ => head.capabilities.iris,
        };
        let requests: Vec<_> =
            ptz::lens_requests(to).into_iter().filter(|(resource, _)| has(resource)).collect();
        if requests.is_empty() {
            return Err(not_offered("this move of the lens"));
        }
        for (resource, body) in requests {
            self.link.put(&format!("{base}/{resource}"), Some(&body)).await?;
        }
        Ok(())
    }

    async fn presets(&self, channel: u16) -> Result<Vec<Preset>> {
        let head = self.with_presets(channel).await?;
        let root = self.link.get(&head.path("presets")).await?;
        Ok(head.presets(&root))
    }

    async fn go_to_preset(&self, channel: u16, token: &str, _speed: f32) -> Result<()> {
        let head = self.with_presets(channel).await?;
        let id = preset_id(token)?;
        Ok(self.link.put(&head.path(&format!("presets/{id}/goto")), None).await?)
    }

    async fn change_preset(&self, channel: u16, change: PresetChange) -> Result<String> {
        let head = self.with_presets(channel).await?;
        let id = match &change {
            PresetChange::Set { token: Some(token), .. }
            | PresetChange::Rename { token, .. }
            | PresetChange::Remove { token } => preset_id(token)?,
            PresetChange::Set { token: None, .. } => {
                let root = self.link.get(&head.path("presets")).await?;
                head.free_preset(&root)
                    .ok_or_else(|| Error::new(Code::DeviceBusy, "all presets of the device are taken"))?
            }
        };
        let path = head.path(&format!("presets/{id}"));
        match change {
            PresetChange::Set { name, .. } => {
                self.link.put(&path, Some(&ptz::preset_body(id, &name))).await?
            }
            PresetChange::Rename { name, .. } => self.rename(&head, id, &name).await?,
            PresetChange::Remove { .. } => self.link.delete(&path).await?,
        }
        Ok(id.to_string())
    }

    async fn imaging(&self, channel: u16) -> Result<Imaging> {
        let facts = self.facts(channel).await?;
        Ok(facts.imaging.read(&self.link, channel).await?)
    }

    async fn set_imaging(&self, channel: u16, change: Imaging) -> Result<Imaging> {
        let facts = self.facts(channel).await?;
        facts.imaging.write(&self.link, channel, change).await
    }

    async fn reset_imaging(&self, channel: u16) -> Result<Imaging> {
        let facts = self.facts(channel).await?;
        if !facts.capabilities.imaging.levels() {
            return Err(not_offered("picture settings"));
        }
        facts.imaging.write(&self.link, channel, facts.imaging.defaults()).await
    }

    async fn encoders(&self, channel: u16) -> Result<Vec<EncoderStream>> {
        let streams = encoder::read_all(&self.link, channel).await?;
        if streams.is_empty() { Err(not_offered("encoder settings")) } else { Ok(streams) }
    }

    async fn set_encoder(
        &self,
        channel: u16,
        profile: StreamProfile,
        change: EncoderSettings,
    ) -> Result<EncoderStream> {
        encoder::write(&self.link, channel, profile, &change).await
    }

    async fn auxiliaries(&self, channel: u16) -> Result<Vec<AuxiliaryState>> {
        let facts = self.facts(channel).await?;
        Ok(facts.auxiliary.states(&self.link).await?)
    }

    async fn switch_auxiliary(
        &self,
        channel: u16,
        auxiliary: Auxiliary,
        command: AuxiliaryCommand,
    ) -> Result<()> {
        let facts = self.facts(channel).await?;
        facts.auxiliary.switch(&self.link, auxiliary, command).await
    }

    async fn alarm_outputs(&self) -> Result<Vec<AlarmOutput>> {
        let Some(root) = self.link.get_optional(OUTPUTS).await? else { return Ok(Vec::new()) };
        let mut outputs = io::outputs(&root);
        for output in &mut outputs {
            if output.on.is_none()
                && let Some(root) =
                    self.link.get_optional(&format!("{OUTPUTS}/{}/status", output.token)).await?
            {
                output.on = io::state(&root);
            }
        }
        Ok(outputs)
    }

    async fn talk(&self, channel: u16) -> Result<Box<dyn TalkLine>> {
        talk::open(self.link.clone(), channel, self.identity.class).await
    }

    async fn replay(&self, channel: u16, from: UtcMicros) -> Result<ReplayPoint> {
        let clock = self.clock().await?;
        replay::find(&self.link, &clock, channel, from).await
    }

    async fn switch_output(&self, token: &str, command: OutputCommand) -> Result<()> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::new(Code::InvalidInput, "not an output of this device"));
        }
        match command {
            OutputCommand::On => self.trigger(token, true).await,
            OutputCommand::Off => self.trigger(token, false).await,
            OutputCommand::Pulse(milliseconds) => {
                let (link, token) = (self.link.clone(), token.to_owned());
                let length = Duration::from_millis(u64::from(milliseconds)).min(MAX_PULSE);
                let (done, opened) = tokio::sync::oneshot::channel();
                // Closing belongs to the task too: a caller that goes away in between must not leave it closed.
                let task = OwnedTask::spawn(async move {
                    if let Err(error) = trigger(&link, &token, true).await {
                        let _ = done.send(Err(error));
                        return;
                    }
                    tokio::time::sleep(length).await;
                    let mut result = trigger(&link, &token, false).await;
                    for _ in 1..OPEN_TRIES {
                        if result.is_ok() {
                            break;
                        }
                        tokio::time::sleep(OPEN_PAUSE).await;
                        result = trigger(&link, &token, false).await;
                    }
                    let _ = done.send(result);
                });
                {
                    let mut pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
                    pulses.retain(|pulse| !pulse.is_finished());
                    pulses.push(task);
                }
                match opened.await {
                    Ok(result) => Ok(result?),
                    Err(_) => Err(Error::new(Code::Cancelled, "the pulse was taken back")),
                }
            }
        }
    }
}

impl Device {
    /// What a refusal of a recorder means when the camera behind the channel is off.
    async fn offline(&self, channel: u16, error: &IsapiError) -> Option<Error> {
        let root = self.link.get_optional("/ISAPI/ContentMgmt/InputProxy/channels/status").await.ok()??;
        let entry =
            root.children("InputProxyChannelStatus").find(|entry| entry.parse_text("id") == Some(channel))?;
        match channels::online(entry) {
            Online::No(why) => Some(Error::new(Code::ChannelOffline, format!("{why}: {error}"))),
            _ => None,
        }
    }

    /// One-push focus for cameras without the command: the style that focuses once after each move.
    async fn focus_style(&self, channel: u16) -> Result<()> {
        let path = format!("/ISAPI/Image/channels/{channel}/focusConfiguration");
        let mut root: Element = self.link.get(&path).await?;
        let offered = root.child("focusStyle").and_then(|style| style.attribute("opt")).unwrap_or("");
        let style =
            if offered.is_empty() || offered.contains("SEMIAUTOMATIC") { "SEMIAUTOMATIC" } else { "AUTO" };
        root.set_text("focusStyle", style);
        Ok(self.link.put(&path, Some(&root)).await?)
    }
}

fn preset_id(token: &str) -> Result<u16> {
    token
        .parse()
        .ok()
        .filter(|id| *id > 0)
        .ok_or_else(|| Error::new(Code::InvalidInput, "not a preset of this device"))
}

fn not_offered(what: &str) -> Error {
    Error::new(Code::NotOffered, format!("the device does not offer {what}"))
}
