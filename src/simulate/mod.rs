//! F4, simulate: worlds, scenarios and what is shown of a decision.
//!
//! Everything here turns texts into layers and requests, and explanations into texts. Nothing decides.

pub mod actions;
pub mod attributes;
pub mod playground;
pub mod question;
pub mod reader;
pub mod recorded;
#[cfg(feature = "cli")]
pub mod render;
pub mod scenario;
pub mod sentence;
mod settings;
pub mod unit_tests;
pub mod wire;
pub mod world;
#[cfg(feature = "cli")]
pub mod yaml;
