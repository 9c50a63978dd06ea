//! Cameras and recorders that speak ISAPI (Hikvision and the brands it builds for), and SADP, by which they are found.
//!
//! [`Isapi`] recognises, finds, activates and logs in; what it gives is a [`bartizan_device::Driver`]. Sources named
//! in the documentation: the ISAPI developer guide's resources, and what public clients were seen to send.
#![warn(missing_docs)]

mod activation;
mod auxiliary;
mod capabilities;
mod channels;
mod device;
mod encoder;
mod error;
mod family;
mod imaging;
mod io;
mod link;
mod login;
mod ptz;
mod quirks;
mod replay;
mod sadp;
mod session;
mod talk;
mod time;

pub use activation::{check_password, encrypt_password};
pub use error::IsapiError;
pub use family::{FAMILY, Isapi};
pub use login::UserCheck;
pub use sadp::{INQUIRY_PORT, inquiry, read_answer};
pub use session::{SessionChallenge, session_password};

#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod fixtures_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod mock_camera;
#[cfg(test)]
mod tests;
