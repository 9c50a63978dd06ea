//! ONVIF (Profiles S and T): finding devices by WS-Discovery, and a driver for those that let us in.
//!
//! SOAP 1.2 over HTTP; answers are read by local name. A login is judged once: the request that asks whether HTTP
//! Digest is wanted carries no password, the next one carries it in the one form the device asked for.
#![warn(missing_docs)]

mod clock;
mod discovery;
mod driver;
mod encoder;
mod error;
mod family;
mod identity;
mod imaging;
mod lens;
mod media;
mod outputs;
mod presets;
mod ptz;
mod quirks;
mod replay;
mod services;
mod session;
mod soap;

pub use discovery::DISCOVERY_PORT;
pub use error::{Fault, OnvifError};
pub use family::{FAMILY, Onvif};

#[cfg(test)]
mod fixture_tests;
