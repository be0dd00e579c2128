//! `portcullis serve`: the object store behind the gate.

pub mod auth;
pub mod error;
pub mod http;
pub mod wire;
