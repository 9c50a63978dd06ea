//! What every driver that speaks HTTP shares: Digest login with a lock-out guard, certificates pinned on first use,
//! bounded bodies and times, and documents read by local name.
#![warn(missing_docs)]

mod client;
mod dial;
mod error;
mod login;
pub mod multipart;
mod recorder;
mod request;
mod tls;
pub mod xml;

pub use client::{Client, MAX_CONCURRENT, Options, Scheme, Streaming, Upload};
pub use error::{HttpError, Wire};
pub use recorder::{Exchange, Recorder, anonymise};
pub use request::{Auth, BODY_LIMIT, Method, Request, Response, TIMEOUT, shown_path};
