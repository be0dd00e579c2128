//! The data directory of a server that has ended.

use super::{Bucket, Holder, Inventory, Key, Policy, beside};
use crate::decision::KeyGrant;
use crate::edges::server::identities::Identities;
use crate::edges::server::identities::state::{AccountState, Snapshot};
use crate::edges::server::open::{restored, system_clock};
use crate::edges::server::scenes::ownership_of;
use crate::policy::PolicyKind;
use crate::policy::acl::{Acl, ObjectOwnership};
use crate::simulate::world::{Account, Bundle, OidcProvider, World};
use crate::storage::store::kms::{AliasRecord, GrantRecord, KeyRecord, KeyState};
use crate::storage::store::{BucketRecord, Store, StoreError, StoreSettings, Versioning};
use std::path::Path;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The accounts.
    pub accounts: Vec<Inventory>,
    /// The region of the seed files.
    pub region: Option<String>,
    /// The organization of the seed files: that member's text, with its documents in place.
    pub organization: Option<String>,
    /// What is there and no inventory holds.
    pub left_out: Vec<String>,
}

/// Reads a data directory, which is opened with these settings, or one account of it.
///
/// # Errors
/// A sentence about what could not be read.
pub async fn read(data: &Path, settings: StoreSettings, only: Option<&str>) -> Result<Found, String> {
    let shown = data.display();
    if !data.join("metadata").is_dir() {
        return Err(format!("{shown}: this is no data directory"));
    }
    let now_ms = system_clock();
    let failed = |e: StoreError| match e {
        StoreError::InUse => format!("{shown}: {e}\nhint: end the server first, or ask it with --endpoint-url"),
        e => format!("{shown}: {e}"),
    };
    let store = Store::open(data, settings, now_ms.div_euclid(1000)).await.map_err(failed)?;
    let kept = store.world().map_err(failed)?.ok_or_else(|| format!("{shown}: no server ever started here"))?;
    let world = restored(&kept).map_err(|e| format!("{shown}: {e}"))?;
    let identities = Identities::open(&store, &world, now_ms).await?;
    let snapshot = identities.snapshot();
    let mut found = Found { region: world.region.clone(), ..Found::default() };
    if only.is_none() {
        found.organization = Bundle::parse(&kept).and_then(|bundle| bundle.organization());
    } else if world.organization.is_some() {
        found.left_out.push("the organization: it is about all accounts".to_owned());
    }
    for account in world.accounts.values().filter(|account| only.is_none_or(|id| account.id == id)) {
        let inventory = inventory(&store, &snapshot, account, &mut found.left_out).map_err(failed)?;
        found.accounts.push(inventory);
    }
    store.close();
    if found.accounts.is_empty() {
        return Err(unknown(&world, only.unwrap_or_default()));
    }
    Ok(found)
}

fn unknown(world: &World, id: &str) -> String {
    let ids: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
    format!("there is no account {id}; there are: {}", ids.join(", "))
}

fn inventory(
    store: &Store,
    snapshot: &Snapshot,
    account: &Account,
    left_out: &mut Vec<String>,
) -> Result<Inventory, StoreError> {
    let mut inventory = Inventory {
        account: account.id.clone(),
        name: account.name.clone(),
        canonical_id: Some(account.canonical_id.clone()),
        display_name: account.display_name.clone(),
        email: account.email.clone(),
        public_access_block: store.account_block(&account.id),
        ..Inventory::default()
    };
    if let Some(state) = snapshot.accounts.get(account.id.as_str()) {
        identities(state, snapshot, &mut inventory);
    }
    for record in store.every_bucket().iter().filter(|record| record.owner_account == account.id) {
        inventory.buckets.insert(record.name.clone(), bucket(record, snapshot));
        left_out.extend(beside(&format!("bucket {}", record.name), &bucket_settings(record)));
    }
    keys(store, &account.id, snapshot, &mut inventory, left_out)?;
    left_out.extend(account.vpc_endpoints.keys().map(|id| format!("VPC endpoint {id}: the seed files have it")));
    if !(account.origin_access_identities.is_empty() && account.cloudfront.distributions.is_empty()) {
        left_out.push(format!("CloudFront's things of account {}: the seed files have them", account.id));
    }
    Ok(inventory)
}

fn identities(state: &AccountState, snapshot: &Snapshot, inventory: &mut Inventory) {
    for policy in state.policies.values() {
        let of = &policy.document;
        let entry = Policy {
            path: of.path.clone(),
            description: of.description.clone(),
            tags: of.tags.clone(),
            versions: of.versions.iter().map(|version| (version.number, version.text.clone())).collect(),
            default: of.default,
        };
        inventory.policies.insert(of.name.clone(), entry);
    }
    for holder in state.identities.values() {
        let of = &holder.document;
        let role = of.role();
        let entry = Holder {
            path: of.path.clone(),
            id: Some(of.id.clone()),
            tags: of.tags.clone(),
            inline: of.inline.iter().map(|policy| (policy.name.clone(), policy.text.clone())).collect(),
            attached: of.attached.clone(),
            boundary: of.boundary.clone(),
            groups: of.groups().to_vec(),
            trust: role.map(|role| snapshot.shown(&role.trust, PolicyKind::Trust, &role.trusted)),
            description: role.and_then(|role| role.description.clone()),
            max_session: role.map(|role| role.max_session),
            service_linked: role.is_some_and(|role| role.service_linked),
        };
        inventory.holders.insert((of.kind(), of.name.clone()), entry);
    }
    for (url, provider) in &state.providers {
        let entry = OidcProvider {
            client_ids: provider.client_ids.clone(),
            thumbprints: provider.thumbprints.clone(),
            tags: provider.tags.clone(),
        };
        inventory.providers.insert(url.to_string(), entry);
    }
}

fn bucket(record: &BucketRecord, snapshot: &Snapshot) -> Bucket {
    let named = record.policy_principals.clone().unwrap_or_default();
    let private = Acl::private(&record.owner.canonical);
    let ownership = ownership_of(record);
    // As S3 shows it: where ACLs are off, what is kept of one has no effect.
    let acl = record.acl.clone().filter(|_| ownership != ObjectOwnership::BucketOwnerEnforced);
    Bucket {
        region: Some(record.region.clone()),
        policy: record.policy.as_ref().map(|text| snapshot.shown(text, PolicyKind::Bucket, &named)),
        acl: Some(acl.unwrap_or(private)),
        ownership: Some(ownership),
        public_access_block: Some(record.public_access_block.unwrap_or_default()),
    }
}

/// What a bucket has that is no part of an inventory.
fn bucket_settings(of: &BucketRecord) -> Vec<String> {
    let own = [
        (!of.tags.is_empty(), "tags"),
        (of.versioning != Versioning::Off, "versioning"),
        (of.mfa_delete, "MFA delete"),
        (of.object_lock.is_some(), "object lock"),
    ];
    let own = own.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
    own.chain(of.documents.keys().cloned()).collect()
}

/// What a key has that is no part of an inventory.
fn key_settings(of: &KeyRecord) -> Vec<&'static str> {
    let own = [
        (!of.description.is_empty(), "description"),
        (of.state == KeyState::Disabled, "that it is disabled"),
        (!of.tags.is_empty(), "tags"),
        (of.rotation.is_some(), "rotation"),
    ];
    own.into_iter().filter_map(|(is_set, name)| is_set.then_some(name)).collect()
}

fn keys(
    store: &Store,
    account: &str,
    snapshot: &Snapshot,
    inventory: &mut Inventory,
    left_out: &mut Vec<String>,
) -> Result<(), StoreError> {
    let aliases = store.entities::<AliasRecord>(Some(account))?;
    let grants = store.entities::<GrantRecord>(Some(account))?;
    for key in store.entities::<KeyRecord>(Some(account))? {
        if key.document.managed_by.is_some() {
            continue;
        }
        if matches!(key.document.state, KeyState::PendingDeletion(_)) {
            left_out.push(format!("key {}: it is about to be deleted", key.id));
            continue;
        }
        left_out.extend(beside(&format!("key {}", key.id), &key_settings(&key.document)));
        let named = key.document.policy_principals.clone().unwrap_or_default();
        let own = aliases.iter().filter(|alias| alias.document.key == key.id);
        let entry = Key {
            region: Some(key.document.region.clone()),
            aliases: own.map(|alias| alias.id.clone()).collect(),
            policy: key.document.policy.as_ref().map(|text| snapshot.shown(text, PolicyKind::Key, &named)),
            grants: grants
                .iter()
                .filter(|grant| grant.document.key == key.id)
                .map(|grant| shown_grant(&grant.document, snapshot))
                .collect(),
        };
        left_out.extend(entry.aliases.iter().skip(1).map(|alias| format!("key {}: its further alias {alias}", key.id)));
        inventory.keys.insert(key.id, entry);
    }
    Ok(())
}

/// A grant with its grantee by name: decisions know it by its unique id, which means nobody elsewhere.
fn shown_grant(grant: &GrantRecord, snapshot: &Snapshot) -> KeyGrant {
    let known = grant.principals.clone().unwrap_or_default();
    KeyGrant { grantee: snapshot.shown_name(&grant.grantee, &known), ..grant.for_decisions() }
}
