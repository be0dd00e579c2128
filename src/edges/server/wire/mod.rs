//! S3's wire: everything between HTTP text and typed values, both ways, without I/O and without deciding.
//!
//! XML types and their (de)serialization come from `s3s`; what it lets through is checked here, and every
//! refusal is an [`S3Error`](super::error::S3Error) with S3's own code and sentence.

pub mod acl;
pub mod conditions;
pub mod copy_source;
pub mod cors;
pub mod dates;
pub mod encryption;
pub mod error_body;
pub mod headers;
pub mod listing;
pub mod lists;
pub mod lock;
pub mod multipart;
pub mod names;
pub mod object_headers;
pub mod query;
pub mod range;
pub mod settings;
pub mod tags;
pub mod target;
pub mod xml;
