//! A simulated surveillance site: many RTSP cameras with faults on a script.
//!
//! For tests, demonstrations and screenshots; no shipped program depends on it. `docs/simulator.md` describes the
//! streams, the time bar and every fault.
#![warn(missing_docs)]

mod auth;
mod brands;
mod config;
mod connection;
mod dahua;
mod ear;
mod encode;
mod fault;
mod feed;
mod film;
mod footage;
mod front;
mod isapi;
mod onvif;
mod outgoing;
mod player;
mod replay;
mod rtp;
mod scene;
mod sdp;
mod site;
mod snapshot;
mod sound;
mod speech;
mod target;
pub mod timebar;
mod track;
mod unit;
mod weather;

pub use brands::{Brand, BrandUnit, Brands, BrandsConfig};
pub use config::{DigestOffer, SiteConfig, Source};
pub use ear::{Ear, Heard, SpeechCoding};
pub use fault::{Fault, FaultScript, FaultStep, UnknownFault};
pub use film::film;
pub use onvif::{OnvifAddress, OnvifDiscovery, OnvifLogin, OnvifQuirks, OnvifRefusal, OnvifServer};
pub use scene::channel_name;
pub use site::{Site, SiteStats};
pub use sound::{SoundCoding, tone_hz};
pub use unit::{
    ChannelView, Encoding, Knobs, LoginOutcome, Output, Picture, Place, Unit, UnitClass, UnitConfig, Wiper,
};
