//! The ground floor: identifiers, time, secrets, the one error vocabulary and owned tasks.
//!
//! Nothing here knows of cameras, protocols or files. Every other crate may name this one.
#![warn(missing_docs)]

mod error;
mod id;
mod secret;
mod task;
mod time;

pub use error::{Code, Error, ErrorKind, Result, Retry, retry};
pub use id::{ChannelId, DeviceId, StreamId, StreamProfile, random_token};
pub use secret::{Secret, redact_login, redact_url, refill_login};
pub use task::OwnedTask;
pub use time::{Clock, SystemClock, UtcMicros};
