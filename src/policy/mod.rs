//! F1, policy: documents as they were written, and access control lists.
//!
//! A [`PolicyDocument`] is faithful: it keeps the order of its elements and
//! every place, and prints back to an equal document. Nothing is decided here.

pub mod acl;
mod check;
pub mod document;
pub mod operators;
mod parse;
mod principals;
mod public;

pub use document::{Acceptance, Effect, LoadOptions, PolicyDocument, PolicyKind, Version};
