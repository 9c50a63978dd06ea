//! The boundary to the page: one command list, its DTOs and error codes, the dispatcher, the media carriers' common
//! part, and the TypeScript made from them.
#![warn(missing_docs)]

pub mod commands;
pub mod dto;
mod typescript;

pub use commands::{Commands, Reply, dispatch};
pub use typescript::typescript;
