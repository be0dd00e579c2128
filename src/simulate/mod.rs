//! F4, simulate: worlds, scenarios and what is shown of a decision.
//!
//! Everything here turns texts into layers and requests, and explanations into texts. Nothing decides.

pub mod attributes;
pub mod reader;
pub mod scenario;
mod settings;
