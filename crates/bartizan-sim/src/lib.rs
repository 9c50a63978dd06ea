//! A simulated surveillance site: many RTSP cameras with faults on a script.
//!
//! For tests, demonstrations and screenshots; no shipped program depends on it. `docs/simulator.md` describes the
//! streams, the time bar and every fault.
#![warn(missing_docs)]

mod auth;
mod config;
mod connection;
mod encode;
mod fault;
mod onvif;
mod feed;
mod outgoing;
mod player;
mod rtp;
mod scene;
mod sdp;
mod site;
mod target;
pub mod timebar;
mod track;

pub use config::{DigestOffer, SiteConfig, Source};
pub use fault::{Fault, FaultScript, FaultStep, UnknownFault};
pub use scene::channel_name;
pub use site::{Site, SiteStats};
