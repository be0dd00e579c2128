//! The keys that the files of a world describe, as the first start makes them.

use super::new_id;
use crate::edges::server::auth::hex;
use crate::simulate::world::KeyEntry;
use crate::storage::store::kms::{AliasRecord, GrantRecord, KeyRecord, KeyState, MaterialOrigin};
use crate::storage::store::{EntityTransaction, Store, StoreError};

/// A key with its alias and grants, ready to be put. Its material is made here: no file of a world has any.
#[derive(Debug)]
pub struct Seed {
    account: String,
    id: String,
    key: KeyRecord,
    alias: Option<(String, AliasRecord)>,
    grants: Vec<(String, GrantRecord)>,
}

impl Seed {
    /// The key of an entry. One without a policy allows nobody anything, as the entry says.
    ///
    /// # Errors
    /// [`StoreError::Io`] where there is no randomness.
    pub fn of(
        store: &Store,
        account: &str,
        id: &str,
        entry: &KeyEntry,
        region: &str,
        now_ms: i64,
    ) -> Result<Self, StoreError> {
        let mut key = KeyRecord {
            region: region.to_owned(),
            description: String::new(),
            created_ms: now_ms,
            managed_by: None,
            state: KeyState::Enabled,
            policy: entry.policy_text.clone(),
            // Looked up when the data directory is opened: the identities are written after the keys.
            policy_principals: None,
            tags: Vec::new(),
            rotation: None,
            materials: Vec::new(),
        };
        key.rotate(store, MaterialOrigin::Created, now_ms)?;
        let alias = entry.alias.as_ref().map(|name| {
            let record =
                AliasRecord { region: region.to_owned(), key: id.to_owned(), created_ms: now_ms, updated_ms: now_ms };
            (name.clone(), record)
        });
        let mut grants = Vec::new();
        for grant in entry.grants.given().into_iter().flatten() {
            let mut token = [0_u8; 32];
            aws_lc_rs::rand::fill(&mut token).map_err(|_| StoreError::Io("there is no randomness".into()))?;
            let record = GrantRecord {
                key: id.to_owned(),
                name: None,
                grantee: grant.grantee.clone(),
                retiring: None,
                principals: None,
                operations: grant.operations.clone(),
                context_equals: grant.context_equals.clone(),
                context_subset: grant.context_subset.clone(),
                issuing_account: format!("arn:aws:iam::{account}:root"),
                created_ms: now_ms,
                token: hex(&token),
            };
            grants.push((new_id()?.replace('-', ""), record));
        }
        Ok(Self { account: account.to_owned(), id: id.to_owned(), key, alias, grants })
    }

    /// Puts it into a new data directory.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn put(&self, t: &mut EntityTransaction<'_>) -> Result<(), StoreError> {
        t.put(&self.account, &self.id, &self.key)?;
        if let Some((name, alias)) = &self.alias {
            t.put(&self.account, name, alias)?;
        }
        for (id, grant) in &self.grants {
            t.put(&self.account, id, grant)?;
        }
        Ok(())
    }
}
