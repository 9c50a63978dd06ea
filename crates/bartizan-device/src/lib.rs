//! The ports through which the app sees devices, whatever their make.
//!
//! Protocol crates implement these; `bartizan-app` calls them. Vendor names appear in neither.
//!
//! A [`Family`] recognises, finds and activates devices of one protocol and logs in to them; what lets us in is a
//! [`Driver`]. Streams are opened apart from that, by a [`StreamOpener`]: every family's video is RTSP.
#![warn(missing_docs)]

mod address;
mod capabilities;
mod driver;
mod encoder;
mod endpoint;
mod identity;
mod ptz;
mod quirks;
mod replay;
mod source;
mod talk;

pub use address::{DEFAULT_RTSP_PORT, RtspAddress};
pub use capabilities::{
    AlarmOutput, Auxiliary, AuxiliaryCommand, AuxiliaryState, Capabilities, Imaging, ImagingCapabilities,
    OutputCommand, PresetCapabilities, PtzCapabilities,
};
pub use driver::{Activation, Driver, Family, Reached, Recognised, SearchScope, Sighting};
pub use encoder::{
    EncoderChoices, EncoderField, EncoderSettings, EncoderStream, MOST_CHOICES, PictureSize, RateMode, Span,
};
pub use endpoint::{CertificatePin, Endpoint, Login, ServicePorts, check_host, check_port};
pub use identity::{
    ChannelInfo, ChannelStream, DeviceClass, DeviceClock, FamilyId, Identity, Online, Snapshot,
};
pub use ptz::{LensMove, Position, Preset, PresetChange, PtzMove, PtzStatus, Velocity};
pub use quirks::{Quirk, quirks};
pub use replay::{Replay, ReplayPoint};
pub use source::{
    ClockPoint, Credentials, LiveItem, LiveStream, SoundDescription, SoundItem, SoundStream,
    StreamDescription, StreamOpener, StreamSource, Transport,
};
pub use talk::{TALK_RATE_HZ, TalkCoding, TalkLine};
