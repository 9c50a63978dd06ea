use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bartizan_base::{Code, Error, Result, Secret, StreamProfile, UtcMicros};
use tokio::sync::mpsc;

use crate::{
    AlarmOutput, Auxiliary, AuxiliaryCommand, AuxiliaryState, Capabilities, CertificatePin, ChannelInfo,
    DeviceClass, DeviceClock, EncoderSettings, EncoderStream, Endpoint, FamilyId, Identity, Imaging,
    LensMove, Login, OutputCommand, Preset, PresetChange, PtzMove, PtzStatus, ReplayPoint, Snapshot,
    TalkLine,
};

/// A protocol family: how to recognise its devices, find them, wake them and log in to them.
#[async_trait]
pub trait Family: Send + Sync {
    /// Its word.
    fn id(&self) -> FamilyId;

    /// Asks, without logging in, whether a device of this family answers there. `None`: something else, or nothing of
    /// this family. Errors only for what ends every search: the host is unknown, unreachable or silent.
    async fn recognise(&self, endpoint: &Endpoint) -> Result<Option<Recognised>>;

    /// Logs in, spending at most one try of the password, and never the last one without
    /// [`Login::spend_last_try`].
    async fn connect(&self, endpoint: &Endpoint, login: &Login) -> Result<Arc<dyn Driver>>;

    /// Gives a factory-fresh device its first password ("activation", "initialisation").
    async fn activate(&self, _endpoint: &Endpoint, _activation: &Activation) -> Result<()> {
        Err(Error::new(Code::NotOffered, "this protocol has no activation"))
    }

    /// Searches the local network until `scope.duration` is over. Every answer is sent on as it comes, repeated ones
    /// too; a closed channel ends the search.
    async fn discover(&self, _scope: &SearchScope, _found: mpsc::Sender<Sighting>) -> Result<()> {
        Ok(())
    }
}

/// What [`Family::recognise`] learnt without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Which family.
    pub family: FamilyId,
    /// How it is known: the request and what in the answer told, for people to read.
    pub evidence: String,
    /// Whether it has its first password, where it says so.
    pub activated: Option<bool>,
    /// It answered over HTTPS.
    pub https: bool,
    /// The certificate it showed.
    pub certificate: Option<CertificatePin>,
    /// What it told about itself unasked.
    pub identity: Identity,
}

/// A first password for a factory-fresh device.
#[derive(Clone, Debug)]
pub struct Activation {
    /// For the built-in administrator.
    pub password: Secret,
    /// For resetting the password later, where the device takes one.
    pub mail: Option<String>,
}

/// Where and how long to search.
#[derive(Clone, Debug)]
pub struct SearchScope {
    /// How long to listen.
    pub duration: Duration,
    /// Addresses of the interfaces to send multicast and broadcast from; empty: the system's choice.
    pub interfaces: Vec<IpAddr>,
    /// Hosts to ask one by one beside that, for networks and systems that bar multicast.
    pub hosts: Vec<IpAddr>,
    /// Send multicast and broadcast at all.
    pub multicast: bool,
}

/// A device that announced itself. Empty or `None` where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Who to speak to it with; `None` when the announcement does not decide that.
    pub family: Option<FamilyId>,
    /// How it was found, e.g. `WS-Discovery`.
    pub found_by: &'static str,
    /// Addresses, the sender's own first.
    pub addresses: Vec<IpAddr>,
    /// HTTP port.
    pub http_port: Option<u16>,
    /// HTTPS port.
    pub https_port: Option<u16>,
    /// The maker's own port.
    pub server_port: Option<u16>,
    /// Serial number.
    pub serial: String,
    /// MAC address, lower case with colons.
    pub mac: String,
    /// The protocol's own stable id (a WS-Discovery endpoint reference).
    pub uuid: String,
    /// Name.
    pub name: String,
    /// Maker.
    pub maker: String,
    /// Model.
    pub model: String,
    /// Firmware.
    pub firmware: String,
    /// Kind of device.
    pub class: DeviceClass,
    /// Whether it has its first password.
    pub activated: Option<bool>,
}

/// How a driver reached its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The device's web page, without user info.
    pub web_page: String,
    /// The certificate it showed; `None` over plain HTTP.
    pub certificate: Option<CertificatePin>,
    /// The RTSP port as the device tells it.
    pub rtsp_port: Option<u16>,
}

/// A device that let us in. Every method bounds its own time; what the device lacks is [`Code::NotOffered`].
///
/// Channels are numbered from 1 as in [`ChannelInfo::number`].
#[async_trait]
pub trait Driver: Send + Sync {
    /// The family it belongs to.
    fn family(&self) -> FamilyId;

    /// How it was reached.
    fn reached(&self) -> Reached;

    /// What was odd so far (refused requests, tolerated faults, quirks applied), one English line each, free of
    /// secrets.
    fn oddities(&self) -> Vec<String>;

    /// Who it is.
    async fn identity(&self) -> Result<Identity>;

    /// Its channels with their streams, by number.
    async fn channels(&self) -> Result<Vec<ChannelInfo>>;

    /// What a channel can do.
    async fn capabilities(&self, channel: u16) -> Result<Capabilities>;

    /// A still picture.
    async fn snapshot(&self, _channel: u16) -> Result<Snapshot> {
        Err(not_offered("snapshots"))
    }

    /// The device's clock.
    async fn clock(&self) -> Result<DeviceClock> {
        Err(not_offered("a clock"))
    }

    /// Asks for a key frame at once.
    async fn request_key_frame(&self, _channel: u16, _profile: StreamProfile) -> Result<()> {
        Err(not_offered("key frames on request"))
    }

    /// Moves the head.
    async fn ptz_move(&self, _channel: u16, _to: PtzMove) -> Result<()> {
        Err(not_offered("PTZ"))
    }

    /// Where the head looks.
    async fn ptz_status(&self, _channel: u16) -> Result<PtzStatus> {
        Err(not_offered("a PTZ position"))
    }

    /// Moves the lens.
    async fn lens_move(&self, _channel: u16, _to: LensMove) -> Result<()> {
        Err(not_offered("focus or iris"))
    }

    /// Presets that were set; recorders' hundreds of empty places are left out.
    async fn presets(&self, _channel: u16) -> Result<Vec<Preset>> {
        Err(not_offered("presets"))
    }

    /// Goes to a preset. `speed` is 0..1.
    async fn go_to_preset(&self, _channel: u16, _token: &str, _speed: f32) -> Result<()> {
        Err(not_offered("presets"))
    }

    /// Sets, renames or removes a preset; gives the token of the preset concerned.
    async fn change_preset(&self, _channel: u16, _change: PresetChange) -> Result<String> {
        Err(not_offered("presets"))
    }

    /// The picture settings.
    async fn imaging(&self, _channel: u16) -> Result<Imaging> {
        Err(not_offered("picture settings"))
    }

    /// Changes the picture settings that are `Some`, reads them back and gives what the device took.
    async fn set_imaging(&self, _channel: u16, _change: Imaging) -> Result<Imaging> {
        Err(not_offered("picture settings"))
    }

    /// Puts the four levels back to their defaults and gives what the device took.
    async fn reset_imaging(&self, _channel: u16) -> Result<Imaging> {
        Err(not_offered("picture settings"))
    }

    /// How the streams of a channel are encoded and what else the device offers, main first.
    async fn encoders(&self, _channel: u16) -> Result<Vec<EncoderStream>> {
        Err(not_offered("encoder settings"))
    }

    /// Changes the encoder settings of one stream that are `Some`, leaves all others as they are, reads them back and
    /// gives what the device took. A value that it refuses is [`Code::SettingRefused`].
    async fn set_encoder(
        &self,
        _channel: u16,
        _profile: StreamProfile,
        _change: EncoderSettings,
    ) -> Result<EncoderStream> {
        Err(not_offered("encoder settings"))
    }

    /// What the auxiliaries are doing.
    async fn auxiliaries(&self, _channel: u16) -> Result<Vec<AuxiliaryState>> {
        Ok(Vec::new())
    }

    /// Switches an auxiliary.
    async fn switch_auxiliary(
        &self,
        _channel: u16,
        _auxiliary: Auxiliary,
        _command: AuxiliaryCommand,
    ) -> Result<()> {
        Err(not_offered("auxiliaries"))
    }

    /// The alarm outputs of the whole device.
    async fn alarm_outputs(&self) -> Result<Vec<AlarmOutput>> {
        Ok(Vec::new())
    }

    /// Switches an alarm output.
    async fn switch_output(&self, _token: &str, _command: OutputCommand) -> Result<()> {
        Err(not_offered("alarm outputs"))
    }

    /// Opens the way to a channel's loudspeaker by the device's own protocol. [`Code::NotOffered`] says nothing of the
    /// backchannel of its streams, which [`crate::StreamOpener::open_talk`] tries.
    async fn talk(&self, _channel: u16) -> Result<Box<dyn TalkLine>> {
        Err(not_offered("talk"))
    }

    /// Where the channel's recording of `from`, by our clock, can be played, or else the first one after it.
    /// [`Code::NothingRecorded`] where there is none of either; [`Code::NotOffered`] says that the device does not
    /// record, or plays nothing in a way that is known here.
    async fn replay(&self, _channel: u16, _from: UtcMicros) -> Result<ReplayPoint> {
        Err(not_offered("recordings"))
    }
}

fn not_offered(what: &str) -> Error {
    Error::new(Code::NotOffered, format!("the device does not offer {what}"))
}
