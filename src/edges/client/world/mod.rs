//! Identities, and what policies are attached to, of a service that runs: read and changed by its own operations, each
//! decided there as for anybody.

mod apply;
mod bucket_plan;
mod buckets;
mod holders;
mod identities;
mod keys;
mod plan;

pub use plan::{Conflict, Options, Plan, Step, Unlimited};

use super::{Client, ClientError};
use crate::edges::inventory::Inventory;
use std::collections::BTreeSet;

/// What is read of a service.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own that is read or not")]
pub struct Scope {
    /// These buckets; `None`: all of them.
    pub buckets: Option<BTreeSet<String>>,
    /// Keys too.
    pub keys: bool,
    /// Identity providers too.
    pub providers: bool,
    /// The account's Block Public Access too.
    pub account_block: bool,
    /// Whether buckets and keys have settings that no format holds, so that they can be named.
    pub beside: bool,
}

impl Scope {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { buckets: None, keys: true, providers: true, account_block: true, beside: true }
    }

    /// What an import of this reads before it changes anything.
    #[must_use]
    pub fn of(wanted: &Inventory) -> Self {
        Self {
            buckets: Some(wanted.buckets.keys().cloned().collect()),
            keys: !wanted.keys.is_empty(),
            providers: !wanted.providers.is_empty(),
            account_block: wanted.public_access_block.is_some(),
            beside: false,
        }
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What there is.
    pub inventory: Inventory,
    /// What could not be read, each with the service's reason.
    pub unread: Vec<String>,
    /// What was left out because no format holds it.
    pub left_out: Vec<String>,
    /// What is in the inventory and was not read whole.
    pub partial: Partial,
}

/// Buckets and keys of which a part could not be read.
#[derive(Clone, Debug, Default)]
pub struct Partial {
    /// Buckets by name.
    pub buckets: BTreeSet<String>,
    /// Keys by id.
    pub keys: BTreeSet<String>,
}

impl Reading {
    /// The inventory without what was not read whole: to a format that has no word for what is not known, a part that
    /// was not read would be one that is not there. What goes is named.
    #[must_use]
    pub fn whole(mut self) -> Self {
        let note = |what: String| format!("{what}: a part of it could not be read, and would seem absent");
        self.inventory.buckets.retain(|name, _| !self.partial.buckets.contains(name));
        self.inventory.keys.retain(|id, _| !self.partial.keys.contains(id));
        let Partial { buckets, keys } = std::mem::take(&mut self.partial);
        self.left_out.extend(buckets.into_iter().map(|name| note(format!("bucket {name}"))));
        self.left_out.extend(keys.into_iter().map(|id| note(format!("key {id}"))));
        self
    }

    /// Keeps what is there; notes why what should be is not.
    fn take<T>(&mut self, what: &str, result: Result<T, ClientError>) -> Option<T> {
        result.map_err(|error| self.unread.push(format!("{what}: {error}"))).ok()
    }
}

impl Client {
    /// Reads the account of whoever signs.
    ///
    /// # Errors
    /// Where its identities cannot be read. What else cannot is named in the reading.
    pub async fn read_world(&self, scope: &Scope) -> Result<Reading, ClientError> {
        let mut reading = Reading::default();
        reading.inventory.account = self.own_account().await?;
        self.read_identities(&mut reading).await?;
        if scope.providers {
            self.read_providers(&mut reading).await;
        }
        self.read_buckets(scope, &mut reading).await;
        if scope.keys {
            self.read_keys(scope.beside, &mut reading).await;
        }
        Ok(reading)
    }
}

/// Whether a service says that something is not there.
fn absent<T>(result: Result<T, ClientError>, code: &str) -> Result<Option<T>, ClientError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == Some(code) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::Reading;
    use crate::edges::inventory::{Bucket, Key, native};

    #[test]
    fn what_was_not_read_whole_is_left_out_and_named() {
        let mut reading = Reading::default();
        for name in ["half", "whole"] {
            reading.inventory.buckets.insert(name.to_owned(), Bucket::default());
            reading.inventory.keys.insert(format!("{name}-key"), Key::default());
        }
        reading.partial.buckets.insert("half".to_owned());
        reading.partial.keys.insert("half-key".to_owned());
        let whole = reading.whole();
        let text = native::written(&[whole.inventory], None, None);
        assert!(text.contains("\"whole\"") && text.contains("\"whole-key\""), "{text}");
        assert!(!text.contains("half"), "{text}");
        assert_eq!(whole.left_out.len(), 2);
        assert!(whole.left_out.iter().all(|line| line.contains("half")), "{:?}", whole.left_out);
    }
}
