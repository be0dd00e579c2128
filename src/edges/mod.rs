//! F7, edges: where the outside world comes in.

pub mod cli;
#[cfg(feature = "server")]
pub mod client;
#[cfg(feature = "server")]
pub mod inventory;
#[cfg(feature = "server")]
pub mod server;
pub mod trail_files;
