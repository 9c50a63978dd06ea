//! Dahua's HTTP interface (CGI, RPC2, DevInit) and its discovery (DHDiscover): cameras, recorders and door stations of
//! that maker and of its many resellers, behind the ports of bartizan-device.
//!
//! What answers what: `text` reads the `key=value` answers, `query` writes the calls; `rpc` is the web page's JSON
//! interface, whose login tells why it refuses; `connect` spends the one try; `device` is what let us in.
#![warn(missing_docs)]

mod alarm;
mod auxiliary;
mod channel;
mod clock;
mod connect;
mod device;
mod discover;
mod discovery_packet;
mod driver;
mod encoder;
mod envelope;
mod error;
#[cfg(test)]
mod fixtures;
mod identity;
mod imaging;
mod initialise;
mod ptz;
mod ptz_query;
mod query;
mod quirks;
mod range;
mod recognise;
mod replay;
mod rpc;
mod snapshot;
mod talk;
mod text;

use bartizan_device::FamilyId;

pub use driver::Dahua;

/// The family's word.
pub const FAMILY: FamilyId = FamilyId("dahua");
