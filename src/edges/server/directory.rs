//! The accounts: names, canonical user ids, the organization and its control policies.
//!
//! Built whole from the seed files in the data directory. Users, roles and keys are [`super::identities`].

use crate::decision::{LayerState, PolicySet};
use crate::policy::acl::{ANONYMOUS_CANONICAL_ID, EC2_CANONICAL_ID, ObjectOwnership, PublicAccessBlock};
use crate::simulate::world::{ContextKeys, World};

/// The accounts of a server.
#[derive(Debug)]
pub struct Directory {
    world: World,
}

impl Directory {
    /// The accounts of a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { world }
    }

    /// The world behind it.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The canonical user id of the account with this e-mail address.
    #[must_use]
    pub fn canonical_of_email(&self, address: &str) -> Option<&str> {
        let mut accounts = self.world.accounts.values();
        let found = accounts.find(|a| a.email.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(address)));
        found.map(|a| a.canonical_id.as_str())
    }

    /// The display name of the account with this canonical user id; `None` where there is no such account.
    #[must_use]
    pub fn display_name(&self, canonical: &str) -> Option<&str> {
        let account = self.world.accounts.values().find(|a| a.canonical_id == canonical)?;
        Some(account.display_name.as_deref().or(account.name.as_deref()).unwrap_or(&account.id))
    }

    /// Object Ownership and Block Public Access of new buckets.
    #[must_use]
    pub fn bucket_defaults(&self) -> (ObjectOwnership, PublicAccessBlock) {
        self.world.bucket_defaults.unwrap_or((ObjectOwnership::BucketOwnerEnforced, PublicAccessBlock::ALL))
    }

    /// The account with this canonical user id.
    #[must_use]
    pub fn account_of_canonical(&self, id: &str) -> Option<&str> {
        self.world.accounts.values().find(|a| a.canonical_id == id).map(|a| a.id.as_str())
    }

    /// Whether an ACL can name it: the canonical user id of an account, or one of those that S3 itself defines.
    #[must_use]
    pub fn knows_canonical(&self, id: &str) -> bool {
        [ANONYMOUS_CANONICAL_ID, EC2_CANONICAL_ID].contains(&id) || self.account_of_canonical(id).is_some()
    }

    /// The resource control policies of an account, and the context keys that its buckets bring.
    #[must_use]
    pub fn of_resources(&self, account: &str) -> (LayerState<Vec<PolicySet>>, ContextKeys) {
        self.world.of_resources(account)
    }
}
