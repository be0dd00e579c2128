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
pub struct Scope {
    /// These buckets; `None`: all of them.
    pub buckets: Option<BTreeSet<String>>,
    /// Keys too.
    pub keys: bool,
    /// Identity providers too.
    pub providers: bool,
    /// The account's Block Public Access too.
    pub account_block: bool,
}

impl Scope {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { buckets: None, keys: true, providers: true, account_block: true }
    }

    /// What an import of this reads before it changes anything.
    #[must_use]
    pub fn of(wanted: &Inventory) -> Self {
        Self {
            buckets: Some(wanted.buckets.keys().cloned().collect()),
            keys: !wanted.keys.is_empty(),
            providers: !wanted.providers.is_empty(),
            account_block: wanted.public_access_block.is_some(),
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
}

impl Reading {
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
            self.read_keys(&mut reading).await;
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
