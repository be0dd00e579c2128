//! From the seed files' world to the documents of identities, once.

use super::ids::unique_id;
use super::model::{
    AccountSettings, Identity, InlinePolicy, KeptKey, Kind, ManagedPolicy, Own, PolicyVersion, Provider, RoleSettings,
    Seeded,
};
use super::principals::{self, named_in};
use crate::edges::inventory::{Holder, Texts, of_account};
use crate::policy::PolicyKind;
use crate::simulate::world::{self, Account, World};
use crate::storage::store::{Store, StoreError};
use std::collections::{HashMap, HashSet};

/// The longest session of a role that names none, in seconds. Source: IAM API Reference, `CreateRole`.
pub const USUAL_SESSION: u32 = 3600;

/// Checks what could not be served.
///
/// # Errors
/// A sentence about an access key that two principals have.
pub fn check(world: &World) -> Result<(), String> {
    let mut seen = HashSet::new();
    let credentials = world
        .accounts
        .values()
        .flat_map(|account| std::iter::once(&account.root).chain(account.users.values().map(|user| &user.credentials)));
    match credentials.flat_map(|c| &c.access_keys).find(|key| !seen.insert(key.id.as_str())) {
        Some(twice) => Err(format!("the access key `{}` belongs to two principals", twice.id)),
        None => Ok(()),
    }
}

/// Writes the identities of a world.
///
/// # Errors
/// [`StoreError::Conflict`] if that was done before; [`StoreError::Io`].
pub async fn write(store: &Store, world: &World, now_ms: i64) -> Result<(), StoreError> {
    let mut seeds = Seeds { store, now_ms, texts: Texts::default(), ids: HashMap::new() };
    let mut documents = Vec::new();
    for account in world.accounts.values() {
        seeds.give_ids(account)?;
    }
    for account in world.accounts.values() {
        documents.push((account.id.clone(), seeds.account(world, account)?));
    }
    store
        .seed_once(Seeded { version: 1 }, move |t| {
            for (account, seeded) in &documents {
                t.put(account, AccountSettings::ID, &seeded.settings)?;
                for policy in &seeded.policies {
                    t.put(account, &policy.key(), policy)?;
                }
                for identity in &seeded.identities {
                    t.put(account, &identity.key(), identity)?;
                }
                for provider in &seeded.providers {
                    t.put(account, &provider.url, provider)?;
                }
            }
            Ok(())
        })
        .await
}

struct SeededAccount {
    settings: AccountSettings,
    policies: Vec<ManagedPolicy>,
    identities: Vec<Identity>,
    providers: Vec<Provider>,
}

struct Seeds<'s> {
    store: &'s Store,
    now_ms: i64,
    texts: Texts,
    /// Unique ids by ARN.
    ids: HashMap<String, String>,
}

impl Seeds<'_> {
    fn give_ids(&mut self, account: &Account) -> Result<(), StoreError> {
        for (kind, identities) in [(Kind::User, &account.users), (Kind::Role, &account.roles)] {
            for identity in identities.values() {
                let id = identity.id.clone().map_or_else(|| unique_id(kind.id_prefix()), Ok)?;
                self.ids.insert(identity.arn.clone(), id);
            }
        }
        Ok(())
    }

    fn created(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    fn account(&mut self, world: &World, account: &Account) -> Result<SeededAccount, StoreError> {
        let inventory = of_account(account, &mut self.texts);
        let created = self.created();
        let mut policies = Vec::new();
        for (name, policy) in inventory.policies {
            let version = |(number, text)| PolicyVersion { number, text, created };
            policies.push(ManagedPolicy {
                name,
                path: policy.path,
                id: unique_id("ANPA")?,
                created,
                updated: created,
                description: policy.description,
                tags: policy.tags,
                next: policy.versions.keys().max().map_or(1, |last| last.saturating_add(1)),
                versions: policy.versions.into_iter().map(version).collect(),
                default: policy.default,
            });
        }
        let mut identities = Vec::new();
        for ((kind, name), holder) in inventory.holders {
            let arn = format!("arn:aws:iam::{}:{}{}{name}", account.id, kind.word(), holder.path);
            let id = match kind {
                Kind::Group => unique_id(kind.id_prefix())?,
                // INVARIANT: nobody's id is empty, which stands for nobody.
                Kind::User | Kind::Role => match self.ids.get(&arn) {
                    Some(id) => id.clone(),
                    None => unique_id(kind.id_prefix())?,
                },
            };
            let own = match kind {
                Kind::Group => Own::Group,
                Kind::User => {
                    let none = world::Credentials::default();
                    let credentials = account.users.get(&name).map_or(&none, |user| &user.credentials);
                    Own::User { groups: holder.groups.clone(), keys: self.keys(credentials)? }
                }
                Kind::Role => Own::Role(self.role(world, &holder)),
            };
            identities.push(self.identity(name, holder, id, own));
        }
        let provider = |(url, provider): (String, world::OidcProvider)| Provider {
            url,
            client_ids: provider.client_ids,
            thumbprints: provider.thumbprints,
            created,
            tags: provider.tags,
        };
        let providers = inventory.providers.into_iter().map(provider).collect();
        let settings = AccountSettings { alias: None, keys: self.keys(&account.root)? };
        Ok(SeededAccount { settings, policies, identities, providers })
    }

    fn keys(&self, credentials: &world::Credentials) -> Result<Vec<KeptKey>, StoreError> {
        let kept = |key: &world::AccessKey| {
            let secret = self.store.seal_text(&key.secret, self.now_ms)?;
            Ok(KeptKey { id: key.id.clone(), secret, active: key.active, created: self.created() })
        };
        credentials.access_keys.iter().map(kept).collect()
    }

    fn role(&self, world: &World, role: &Holder) -> RoleSettings {
        let trust = role.trust.clone().unwrap_or_default();
        let look_up = |arn: &str| {
            let (account, ..) = principals::parts(arn)?;
            world.accounts.contains_key(account).then(|| self.ids.get(arn).cloned())
        };
        let trusted = named_in(&trust, PolicyKind::Trust, &look_up);
        RoleSettings {
            trust,
            trusted,
            description: role.description.clone(),
            max_session: role.max_session.unwrap_or(USUAL_SESSION),
            service_linked: role.service_linked,
        }
    }

    fn identity(&self, name: String, from: Holder, id: String, own: Own) -> Identity {
        let inline = from.inline.into_iter().map(|(name, text)| InlinePolicy { name, text });
        Identity {
            name,
            path: from.path,
            id,
            created: self.created(),
            inline: inline.collect(),
            attached: from.attached,
            boundary: from.boundary,
            tags: from.tags,
            own,
        }
    }
}
