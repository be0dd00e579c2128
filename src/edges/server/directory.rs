//! Who there is: accounts, users, roles and access keys, with the policies that go with them.
//!
//! Built whole from the seed files in the data directory, and swapped whole when they change. A credential holds
//! its caller as of this moment, so that every request is judged with the signer's present permissions.

use super::auth::{Credential, Credentials};
use crate::decision::{LayerState, PolicySet};
use crate::gate::Caller;
use crate::policy::acl::{ANONYMOUS_CANONICAL_ID, EC2_CANONICAL_ID, ObjectOwnership, PublicAccessBlock};
use crate::simulate::world::{AccessKey, ContextKeys, Party, World};
use std::collections::HashMap;
use std::sync::Arc;

/// The identities of a server.
#[derive(Debug)]
pub struct Directory {
    world: World,
    keys: HashMap<String, Arc<Credential>>,
}

impl Directory {
    /// The identities of a world.
    ///
    /// # Errors
    /// A sentence about a principal that cannot be resolved, or an access key that two principals have.
    pub fn new(world: World) -> Result<Self, String> {
        let mut keys = HashMap::new();
        for account in world.accounts.values() {
            let root = format!("root@{}", account.id);
            let users = account.users.values().map(|user| (user.arn.clone(), &user.credentials));
            for (who, credentials) in std::iter::once((root, &account.root)).chain(users) {
                if credentials.access_keys.is_empty() {
                    continue;
                }
                let party = world.party(&who).map_err(|e| e.message)?;
                let caller = Arc::new(caller_of(party, account.display_name.clone().or_else(|| account.name.clone())));
                for key in &credentials.access_keys {
                    if keys.insert(key.id.clone(), Arc::new(credential_of(key, &caller))).is_some() {
                        return Err(format!("the access key `{}` belongs to two principals", key.id));
                    }
                }
            }
        }
        Ok(Self { world, keys })
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

impl Credentials for Directory {
    fn find(&self, access_key_id: &str) -> Option<Arc<Credential>> {
        self.keys.get(access_key_id).cloned()
    }
}

fn caller_of(party: Party, display_name: Option<String>) -> Caller {
    Caller {
        display_name: display_name.or_else(|| party.principal.account.clone()),
        principal: party.principal,
        identity: party.identity,
        boundary: party.boundary,
        session: LayerState::Absent,
        service_control: party.service_control,
        context: party.context,
    }
}

fn credential_of(key: &AccessKey, caller: &Arc<Caller>) -> Credential {
    Credential {
        secret: key.secret.clone().into(),
        active: key.active,
        session_token: None,
        expires: None,
        caller: caller.clone(),
    }
}
