//! What this installation remembers: devices with their channels and streams, favourites, bytes received, last pictures
//! and settings, in one SQLite file.
//!
//! One thread owns the connection; [`Store`]'s async methods send it work and wait for the answer. The file is in WAL
//! mode with `synchronous = NORMAL`: a killed app loses nothing that was answered, a power cut at most the last
//! writes, and neither damages the file (SQLite documentation, "Write-Ahead Logging").
//!
//! Passwords, paths of streams that hold one, and last pictures are sealed by a [`Vault`] before they come near the
//! database. Where the app is protected by a PIN or a password, the vault's key lies in the database, wrapped by that
//! secret, and nowhere else.
#![warn(missing_docs)]

mod devices;
mod error;
mod favourites;
mod keychain;
mod keyfile;
mod looks;
mod migrate;
mod pictures;
mod place;
mod protection;
mod settings;
mod store;
mod stream_choices;
mod stream_paths;
mod traffic;
mod vault;
mod wrap;

pub use devices::{ChannelRow, DeviceFacts, DeviceRow, RouteRow, StreamRow};
pub use error::StoreError;
pub use favourites::{FavouriteChange, FavouriteRow};
pub use looks::LookRow;
pub use pictures::LastPictureRow;
pub use protection::ProtectionRow;
pub use store::Store;
pub use stream_choices::StreamChoice;
pub use traffic::TrafficRow;
pub use vault::{KeyStorage, Vault};
pub use wrap::{KdfCost, SecretKind};
