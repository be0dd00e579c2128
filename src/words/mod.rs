//! F0, words: what the rest of the crate is written in.
//!
//! No policy is known here: names, patterns, strict JSON with places, and the catalogue of
//! actions and context keys.

pub mod arn;
pub mod codes;
pub mod ids;
pub mod json;
pub mod moment;
pub mod percent;
pub mod problem;
pub mod template;
pub mod values;
pub mod vocabulary;
pub mod wildcard;
