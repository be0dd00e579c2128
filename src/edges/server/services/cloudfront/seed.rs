//! CloudFront's things of the world files, put into a new data directory: read and checked as requests are.

use super::config;
use super::error;
use super::family::{Family as _, random_id};
use super::reading::{Fields, of_json};
use crate::edges::server::cloudfront::model::{
    Distribution, KeyGroup, OriginAccessControl, OriginAccessIdentity, PublicKey, SigningBehavior,
};
use crate::edges::server::cloudfront::viewer::key::ViewerKey;
use crate::edges::server::services::ServiceError;
use crate::edges::server::settings::ServeSettings;
use crate::simulate::world::cloudfront::DistributionEntry;
use crate::simulate::world::{Account, World, made_up_canonical_id};
use crate::storage::store::{Entity, EntityTransaction, Store};
use serde_json::Value;

/// Seeds a new data directory.
///
/// # Errors
/// What the world says that cannot be served, in the words of the API; what the store refuses.
pub async fn seed(store: &Store, world: &World, settings: &ServeSettings, now_ms: i64) -> Result<(), ServiceError> {
    let accounts = world.accounts.values().map(|account| Seed::of(account, settings, now_ms));
    let seeds: Vec<Seed> = accounts.collect::<Result<_, _>>()?;
    store.seed_entities(move |t| seeds.iter().try_for_each(|seed| seed.put(t))).await
}

/// What an account has.
struct Seed {
    account: String,
    identities: Vec<OriginAccessIdentity>,
    controls: Vec<OriginAccessControl>,
    keys: Vec<PublicKey>,
    groups: Vec<KeyGroup>,
    distributions: Vec<Distribution>,
}

impl Seed {
    fn of(account: &Account, settings: &ServeSettings, now_ms: i64) -> Result<Self, ServiceError> {
        let entries = &account.cloudfront;
        let identities = account.origin_access_identities.iter().map(|(id, canonical)| OriginAccessIdentity {
            id: id.clone(),
            canonical: canonical.clone().unwrap_or_else(|| made_up_canonical_id(id)),
            caller_reference: id.clone(),
            comment: String::new(),
        });
        let controls = entries.controls.iter().map(|(id, entry)| OriginAccessControl {
            id: id.clone(),
            name: entry.name.clone(),
            description: entry.description.clone(),
            signing: signing(&entry.signing),
        });
        let groups = entries.key_groups.iter().map(|(id, entry)| KeyGroup {
            id: id.clone(),
            name: entry.name.clone(),
            keys: entry.keys.clone(),
            comment: entry.comment.clone(),
            modified_ms: now_ms,
        });
        let keys = entries.public_keys.iter().map(|(id, entry)| {
            ViewerKey::from_pem(&entry.pem)
                .map_err(|why| error("InvalidArgument", format!("the public key `{id}`: {why}")))?;
            Ok(PublicKey {
                id: id.clone(),
                caller_reference: id.clone(),
                name: entry.name.clone(),
                pem: entry.pem.clone(),
                comment: entry.comment.clone(),
                created_ms: now_ms,
            })
        });
        let distributions = entries.distributions.iter().filter_map(|(id, entry)| {
            // One of which only the id is known cannot be served.
            let config = entry.config.as_deref()?;
            Some(distribution(id, entry, config, settings, now_ms).map_err(|refused| ServiceError {
                message: format!("the distribution `{id}`: {}", refused.message).into(),
                ..refused
            }))
        });
        Ok(Self {
            account: account.id.clone(),
            identities: identities.collect(),
            controls: controls.collect(),
            keys: keys.collect::<Result<_, ServiceError>>()?,
            groups: groups.collect(),
            distributions: distributions.collect::<Result<_, ServiceError>>()?,
        })
    }

    fn put(&self, t: &mut EntityTransaction<'_>) -> Result<(), ServiceError> {
        let account = &self.account;
        self.identities.iter().try_for_each(|one| put_new(t, account, &one.id, one))?;
        self.controls.iter().try_for_each(|one| put_new(t, account, &one.id, one))?;
        self.keys.iter().try_for_each(|one| put_new(t, account, &one.id, one))?;
        self.groups.iter().try_for_each(|one| put_new(t, account, &one.id, one))?;
        for one in &self.distributions {
            Distribution::admit(t, account, &one.config, None)?;
            put_new(t, account, &one.id, one)?;
        }
        Ok(())
    }
}

/// Ids are found over all accounts, so no two accounts have the same.
fn put_new<T: Entity>(t: &mut EntityTransaction<'_>, account: &str, id: &str, one: &T) -> Result<(), ServiceError> {
    let fits = !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits {
        return Err(error("InvalidArgument", format!("`{id}` is not an id: letters, digits and hyphens, at most 64")));
    }
    if let Some(other) = t.list::<T>(None)?.iter().find(|kept| kept.id == id) {
        return Err(error("InvalidArgument", format!("the accounts {} and {account} both have `{id}`", other.account)));
    }
    t.put(account, id, one)?;
    Ok(())
}

fn signing(word: &str) -> SigningBehavior {
    let found = SigningBehavior::ALL.iter().find(|(_, known)| *known == word);
    found.map_or(SigningBehavior::Never, |(signing, _)| *signing)
}

fn distribution(
    id: &str,
    entry: &DistributionEntry,
    config: &str,
    settings: &ServeSettings,
    now_ms: i64,
) -> Result<Distribution, ServiceError> {
    let mut value: Value = serde_json::from_str(config)
        .map_err(|e| error("MalformedInput", format!("the configuration is no JSON: {e}")))?;
    if let Value::Object(members) = &mut value {
        // What is for people and for requests alone need not be written in a file.
        for (name, usual) in [("CallerReference", id), ("Comment", "")] {
            members.entry(name).or_insert_with(|| Value::String(usual.to_owned()));
        }
    }
    let element = of_json("DistributionConfig", &value);
    let config = config::read(Fields::of(&element)?, &settings.host_suffixes)?;
    let domain_name = match &entry.domain_name {
        Some(name) => name.to_ascii_lowercase(),
        None => format!("{}.cloudfront.net", random_id("d")?.to_ascii_lowercase()),
    };
    if !domain_name.ends_with(".cloudfront.net") {
        return Err(error(
            "InvalidArgument",
            format!("its domain name `{domain_name}` does not end in .cloudfront.net"),
        ));
    }
    Ok(Distribution { id: id.to_owned(), domain_name, config, modified_ms: now_ms, tags: entry.tags.clone() })
}
