//! The ports through which the app sees devices, whatever their make.
//!
//! Protocol crates implement these; `bartizan-app` calls them. Vendor names appear in neither.
#![warn(missing_docs)]

mod address;
mod source;

pub use address::{DEFAULT_RTSP_PORT, RtspAddress};
pub use source::{
    Credentials, LiveItem, LiveStream, StreamDescription, StreamOpener, StreamSource, Transport,
};
