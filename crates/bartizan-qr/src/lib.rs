//! Everything about QR codes: what a device's label says, our own device card, drawing codes and finding them in
//! camera frames and photographs.
//!
//! * [`label`]: scanned or typed text → [`Payload`].
//! * [`card`]: devices → sealed card → the text of one or more codes, and back. Format: `docs/device-card.md`.
//! * [`render`]: text → modules, PNG, SVG.
//! * [`scan`]: luma frames and picture files → what codes say and where they are.
//!
//! No network, no clock and no knowledge of the app. Everything here reads hostile input: sizes are bounded, nothing
//! panics, and whatever may be a password is a [`bartizan_base::Secret`].
#![warn(missing_docs)]

pub mod card;
pub mod label;
pub mod render;
pub mod scan;

pub use card::{Card, CardDevice, CardError, CardPart, CardReader, CardSecrecy};
pub use label::{DeviceLabel, Payload, serial_matches};
pub use render::{Picture, Qr, RenderError};
pub use scan::{Effort, Found, ScanError, Scanner, scan_picture};
