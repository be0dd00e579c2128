//! Portcullis
#![forbid(unsafe_code)]
pub mod compiled;
pub mod decision;
#[cfg(feature = "cli")]
pub mod edges;
pub mod manual;
pub mod policy;
pub mod simulate;
pub mod words;
