//! Portcullis
#![forbid(unsafe_code)]
pub mod policy;
pub mod words;
