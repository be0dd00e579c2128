//! Portcullis
#![forbid(unsafe_code)]
pub mod compiled;
pub mod decision;
pub mod policy;
pub mod simulate;
pub mod words;
