//! `world export` and `world import`: what a server has, out of it and into another.

mod args;
mod export;
mod import;

pub use args::{EXPORT_HELP, ExportArgs, IMPORT_HELP, ImportArgs};
pub(super) use export::export;
pub(super) use import::import;

use crate::edges::client::ClientError;
use crate::edges::inventory::Inventory;
use crate::edges::server::identities::model::Kind;

/// Why a command ended early, and with which exit status.
struct Ended(u8, String);

impl Ended {
    /// Nothing could be asked.
    fn unasked(reason: impl Into<String>) -> Self {
        Self(super::UNASKED, reason.into())
    }

    /// Before the first step: a service refused, or nothing could be asked.
    fn refused(error: &ClientError) -> Self {
        let unasked = matches!(error, ClientError::Unreachable { .. } | ClientError::Setting(_));
        Self(if unasked { super::UNASKED } else { super::NO }, error.to_string())
    }
}

/// How much of what an inventory has.
fn counted(of: &Inventory) -> String {
    let holders = |kind: Kind| of.holders.keys().filter(|(k, _)| *k == kind).count();
    let counts = [
        (holders(Kind::User), "user"),
        (holders(Kind::Group), "group"),
        (holders(Kind::Role), "role"),
        (of.policies.len(), "managed policy"),
        (of.providers.len(), "identity provider"),
        (of.buckets.len(), "bucket"),
        (of.keys.len(), "key"),
    ];
    let text = |(count, word): (usize, &str)| match (count, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) if word.ends_with("cy") => format!("{count} {stem}ies"),
        _ => format!("{count} {word}s"),
    };
    counts.map(text).join(", ")
}
