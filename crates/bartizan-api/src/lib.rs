//! The boundary to the page: one command list, its DTOs and error codes, the dispatcher, the media carriers' common
//! part, and the TypeScript made from them.
#![warn(missing_docs)]

mod backend;
pub mod commands;
pub mod dto;
pub mod media;
mod typescript;

pub use backend::{Backend, ShellInfo};
pub use commands::{COMMANDS, Commands, OPEN_WHEN_LOCKED, Reply, dispatch};
pub use typescript::typescript;

/// Set in the environment, it lets searches find devices on the loopback interface: for simulated sites.
pub const SEARCH_LOOPBACK: &str = "BARTIZAN_SEARCH_LOOPBACK";
