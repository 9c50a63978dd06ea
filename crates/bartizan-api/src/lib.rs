//! The boundary to the page: one command list, its DTOs and error codes, the dispatcher, the media carriers' common
//! part, and the TypeScript made from them.
#![warn(missing_docs)]

mod backend;
pub mod commands;
pub mod dto;
pub mod media;
mod typescript;

pub use backend::{Backend, ShellInfo};
pub use commands::{Commands, Reply, dispatch};
pub use typescript::typescript;
