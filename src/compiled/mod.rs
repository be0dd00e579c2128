//! F2, compiled: policies in the form that is evaluated.
//!
//! Numbers, dates, ranges, wildcards and `${…}` templates are parsed once, texts are spans of one
//! arena, lists are ranges of one pool each, and statements are indexed. Nothing here knows a request.

mod builder;
pub mod condition;
pub mod index;
mod needles;
pub mod pattern;
mod prefixes;
pub mod principal;
pub mod statement;

pub use statement::{CompiledPolicy, Statement};
