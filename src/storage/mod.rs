//! F6, storage: metadata, object bytes, and their sealing. Every method that reads or changes what is stored
//! for somebody demands an [`crate::gate::Authorized`], which only the gate makes.
//!
//! Absent here: HTTP, decisions, clocks (time is an argument).

pub mod blobs;
pub mod kv;
pub mod sealing;
pub mod store;
