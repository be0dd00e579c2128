//! Keys by ARN, with their policy compiled, their material opened, their aliases and grants.

use super::KeyError;
use crate::compiled::CompiledPolicy;
use crate::decision::{LayerState, PolicySet};
use crate::edges::server::directory::Directory;
use crate::edges::server::identities::state::stored_id;
use crate::gate::{Caller, Scene, Subject};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::world::ContextKeys;
use crate::storage::store::kms::{AliasRecord, GrantRecord, KeyRecord, KeyState, OpenKey, key_arn};
use crate::storage::store::{Kept, Store, StoreError};
use crate::words::arn::Arn;
use dashmap::DashMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A key as it is at this moment.
#[derive(Debug)]
pub struct Key {
    /// The twelve digits of its account.
    pub account: String,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its document.
    pub record: KeyRecord,
    /// Its aliases, with `alias/`, in order.
    pub aliases: Vec<String>,
    /// Its grants, by id.
    pub grants: Vec<Kept<GrantRecord>>,
    policy: LayerState<PolicySet>,
    /// Condition keys that every question about it brings.
    facts: ContextKeys,
    open: Arc<OpenKey>,
    // PERF: what decisions on an operation see of the key is the same until one of both changes.
    scenes: RwLock<HashMap<String, SceneOf>>,
}

/// A key as the decisions on one operation see it, under this organization.
type SceneOf = (Arc<Directory>, Arc<Scene>);

impl Key {
    fn new(
        store: &Store,
        kept: Kept<KeyRecord>,
        aliases: Vec<String>,
        grants: Vec<Kept<GrantRecord>>,
    ) -> Result<Self, StoreError> {
        let open = store.open_key(&kept)?;
        let Kept { account, id, document: record, .. } = kept;
        Ok(Self {
            arn: key_arn(&record.region, &account, &id),
            policy: compiled(&id, record.policy.as_deref(), record.policy_principals.as_deref().unwrap_or_default()),
            facts: facts(&record, &aliases),
            account,
            id,
            record,
            aliases,
            grants,
            open,
            scenes: RwLock::default(),
        })
    }

    /// What uses its material, if it may be used.
    ///
    /// # Errors
    /// `DisabledException`, `KMSInvalidStateException`.
    pub fn usable(&self) -> Result<&Arc<OpenKey>, KeyError> {
        match self.record.state {
            KeyState::Enabled => Ok(&self.open),
            KeyState::Disabled => Err(KeyError::new("DisabledException", format!("{} is disabled.", self.arn))),
            KeyState::PendingDeletion(_) => Err(self.pending()),
        }
    }

    /// Refuses what a key that waits for its deletion cannot do.
    ///
    /// # Errors
    /// `KMSInvalidStateException`.
    pub fn not_pending(&self) -> Result<(), KeyError> {
        if matches!(self.record.state, KeyState::PendingDeletion(_)) { Err(self.pending()) } else { Ok(()) }
    }

    fn pending(&self) -> KeyError {
        KeyError::new("KMSInvalidStateException", format!("{} is pending deletion.", self.arn))
    }

    /// The key as a decision sees it. `operation` says which grants could matter; `brings` are condition keys of the
    /// request.
    #[must_use]
    pub fn subject<'a>(
        &'a self,
        on: &'static str,
        operation: &str,
        caller: &Caller,
        directory: &Arc<Directory>,
        brings: ContextKeys,
    ) -> Subject<'a> {
        let mut context = brings;
        context.extend(asked_by(caller));
        let scene = self.scene(operation, directory);
        Subject { on, arn: &self.arn, account: Some(&self.account), scene, context }
    }

    /// A key that is not there, as a decision sees it: as one whose policy leaves it to its account, so that only who
    /// might use one of that name learns that there is none. `arn` is what [`named_arn`] makes of the name.
    pub(in crate::edges::server) fn missing<'a>(
        on: &'static str,
        arn: &'a str,
        caller: &Caller,
        directory: &Directory,
    ) -> Subject<'a> {
        let owner = arn.split(':').nth(4).unwrap_or_default();
        let delegated = compiled("missing", Some(&default_policy(owner)), &[]);
        let (resource_control, context) = directory.of_resources(owner);
        let scene = Scene::of_resource(delegated, resource_control, LayerState::Absent, context);
        let context = asked_by(caller).into_iter().chain(alias_in(arn).map(named_by)).collect();
        Subject { on, arn, account: Some(owner), scene: Arc::new(scene), context }
    }

    /// What decisions on an operation see of the key. A change of the key is another [`Key`].
    fn scene(&self, operation: &str, directory: &Arc<Directory>) -> Arc<Scene> {
        let known = self.scenes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, scene)) = known.get(operation)
            && Arc::ptr_eq(of, directory)
        {
            return scene.clone();
        }
        drop(known);
        let grants = self.grants.iter().map(|grant| &grant.document);
        let grants = grants.filter(|grant| grant.operations.iter().any(|o| o == operation));
        let grants = LayerState::Given(grants.map(GrantRecord::for_decisions).collect());
        let (resource_control, mut context) = directory.of_resources(&self.account);
        context.extend(self.facts.iter().cloned());
        let scene = Scene::of_resource(self.policy.clone(), resource_control, grants, context).lasting();
        let scene = Arc::new(scene);
        let mut known = self.scenes.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(operation.to_owned(), (directory.clone(), scene.clone()));
        scene
    }
}

/// The condition key of whose account asks.
fn asked_by(caller: &Caller) -> Option<(String, Vec<String>)> {
    caller.account().map(|account| ("kms:CallerAccount".to_owned(), vec![account.to_owned()]))
}

/// The condition key of the alias that a request used.
fn named_by(alias: &str) -> (String, Vec<String>) {
    ("kms:RequestAlias".to_owned(), vec![alias.to_owned()])
}

/// The alias that an ARN names, with `alias/`.
fn alias_in(arn: &str) -> Option<&str> {
    arn.splitn(6, ':').nth(5).filter(|name| name.starts_with("alias/"))
}

/// A key policy for decisions. One that this version cannot read allows nothing. Whom it names is told by the unique
/// ids in `named`: see [`KeyRecord::policy_principals`].
pub(in crate::edges::server) fn compiled(
    id: &str,
    policy: Option<&str>,
    named: &[(String, Option<String>)],
) -> LayerState<PolicySet> {
    let Some(text) = policy else { return LayerState::Absent };
    let name = format!("{id}-key-policy");
    match PolicyDocument::parse(&name, text, &LoadOptions::new(PolicyKind::Key)) {
        Ok(document) => {
            LayerState::Given(CompiledPolicy::compile_by_id(name, &document, &|arn| stored_id(named, arn)).into())
        }
        Err(_) => LayerState::Unknown,
    }
}

/// The policy of a key that is made without one: the account, and so its identity policies.
pub(in crate::edges::server) fn default_policy(account: &str) -> String {
    // A text, not a tree: members stay in AWS's order.
    format!(
        r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"kms:*","Resource":"*"}}]}}"#
    )
}

fn facts(record: &KeyRecord, aliases: &[String]) -> ContextKeys {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let mut facts = vec![
        one("kms:KeySpec", "SYMMETRIC_DEFAULT"),
        one("kms:KeyUsage", "ENCRYPT_DECRYPT"),
        one("kms:KeyOrigin", "AWS_KMS"),
        one("kms:MultiRegion", "false"),
    ];
    if !aliases.is_empty() {
        facts.push(("kms:ResourceAliases".to_owned(), aliases.to_vec()));
    }
    facts.extend(record.tags.iter().map(|(key, value)| one(&format!("aws:ResourceTag/{key}"), value)));
    facts
}

/// A key by the name that a request used for it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The key.
    pub key: Arc<Key>,
    /// The alias that named it, with `alias/`.
    pub alias: Option<String>,
}

impl Found {
    /// The condition keys of how it was named.
    #[must_use]
    pub fn brings(&self) -> ContextKeys {
        self.alias.iter().map(|alias| named_by(alias)).collect()
    }
}

/// Which names of keys a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Id, ARN, alias, ARN of an alias.
    Anyhow,
    /// Id or ARN.
    ByKey,
}

/// All keys.
#[derive(Debug, Default)]
pub struct Keys {
    by_arn: DashMap<String, Arc<Key>>,
    /// Key ARNs by the ARN of an alias.
    aliases: DashMap<String, String>,
    /// Key ARN and grant id by grant token.
    tokens: DashMap<String, (String, String)>,
    /// Held while keys are read from the store and then put here, so that the last one put is the newest.
    reloading: Mutex<()>,
}

impl Keys {
    /// What the store keeps.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let keys = Self::default();
        let mut aliases: HashMap<(String, String), Vec<String>> = HashMap::new();
        for alias in store.entities::<AliasRecord>(None)? {
            aliases.entry((alias.account, alias.document.key)).or_default().push(alias.id);
        }
        let mut grants: HashMap<(String, String), Vec<Kept<GrantRecord>>> = HashMap::new();
        for grant in store.entities::<GrantRecord>(None)? {
            grants.entry((grant.account.clone(), grant.document.key.clone())).or_default().push(grant);
        }
        for kept in store.entities::<KeyRecord>(None)? {
            let place = (kept.account.clone(), kept.id.clone());
            let (aliases, grants) = (aliases.remove(&place), grants.remove(&place));
            keys.put(Key::new(store, kept, aliases.unwrap_or_default(), grants.unwrap_or_default())?);
        }
        Ok(keys)
    }

    /// Reads a key again: it, its aliases or its grants were changed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`]; what was in force before goes on then.
    pub fn reload(&self, store: &Store, account: &str, id: &str) -> Result<(), StoreError> {
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let aliases = store.entities::<AliasRecord>(Some(account))?.into_iter();
        let aliases: Vec<String> = aliases.filter(|a| a.document.key == id).map(|a| a.id).collect();
        let grants = store.entities::<GrantRecord>(Some(account))?.into_iter();
        let grants: Vec<_> = grants.filter(|g| g.document.key == id).collect();
        let fresh = match store.entity::<KeyRecord>(account, id)? {
            Some(kept) => Some(Key::new(store, kept, aliases, grants)?),
            None => None,
        };
        let before = self.by_arn.iter().find(|k| k.account == account && k.id == id).map(|k| Arc::clone(k.value()));
        if let Some(before) = before {
            self.take(&before, fresh.as_ref());
        }
        if let Some(fresh) = fresh {
            self.put(fresh);
        }
        Ok(())
    }

    /// Takes away what a key no longer has.
    fn take(&self, before: &Key, after: Option<&Key>) {
        for name in before.aliases.iter().filter(|name| after.is_none_or(|key| !key.aliases.contains(name))) {
            // It may point at another key by now.
            self.aliases.remove_if(&alias_arn(before, name), |_, key| *key == before.arn);
        }
        let has = |id: &String| after.is_some_and(|key| key.grants.iter().any(|grant| grant.id == *id));
        for grant in before.grants.iter().filter(|grant| !has(&grant.id)) {
            self.tokens.remove(&grant.document.token);
        }
        if after.is_none() {
            self.by_arn.remove(&before.arn);
        }
    }

    fn put(&self, key: Key) {
        for name in &key.aliases {
            self.aliases.insert(alias_arn(&key, name), key.arn.clone());
        }
        for grant in &key.grants {
            self.tokens.insert(grant.document.token.clone(), (key.arn.clone(), grant.id.clone()));
        }
        self.by_arn.insert(key.arn.clone(), Arc::new(key));
    }

    /// A key by its ARN.
    #[must_use]
    pub fn by_arn(&self, arn: &str) -> Option<Arc<Key>> {
        self.by_arn.get(arn).map(|key| Arc::clone(key.value()))
    }

    /// The key and id of the grant that a token names.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<(Arc<Key>, String)> {
        let (arn, grant) = self.tokens.get(token)?.value().clone();
        Some((self.by_arn(&arn)?, grant))
    }

    /// The keys of an account, by id.
    #[must_use]
    pub fn of_account(&self, account: &str) -> Vec<Arc<Key>> {
        let mut keys: Vec<_> =
            self.by_arn.iter().filter(|key| key.account == account).map(|key| Arc::clone(key.value())).collect();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        keys
    }

    /// The key that a request names: by id or alias in the caller's account, by ARN in any.
    ///
    /// # Errors
    /// `NotFoundException`, which names what was looked for.
    pub fn find(&self, given: &str, named: Named, account: &str, region: &str) -> Result<Found, KeyError> {
        let missing = |message: String| KeyError::new("NotFoundException", message);
        if given.starts_with("arn:") {
            let parsed = Arn::parse(given).filter(|arn| arn.service == "kms");
            let parsed =
                parsed.ok_or_else(|| KeyError::new("InvalidArnException", format!("{given} is not a valid ARN.")))?;
            if parsed.region != region {
                return Err(missing(format!("Invalid arn {}", parsed.region)));
            }
        }
        let arn = named_arn(given, account, region);
        let alias = alias_in(&arn).map(str::to_owned);
        if alias.is_some() && named == Named::ByKey {
            return Err(missing(format!("Invalid keyId {given}")));
        }
        let key = match &alias {
            Some(_) => self.aliases.get(&arn).and_then(|key| self.by_arn(&key)),
            None => self.by_arn(&arn),
        };
        let absent = || match &alias {
            Some(_) => missing(format!("Alias {arn} is not found.")),
            None => missing(format!("Key '{arn}' does not exist")),
        };
        Ok(Found { key: key.ok_or_else(absent)?, alias })
    }
}

/// The ARN of the key or alias that a request names: by id or alias in the caller's account.
pub(in crate::edges::server) fn named_arn(given: &str, account: &str, region: &str) -> String {
    if given.starts_with("arn:") {
        return given.to_owned();
    }
    if given.starts_with("alias/") {
        return format!("arn:aws:kms:{region}:{account}:{given}");
    }
    key_arn(region, account, given)
}

/// The ARN of a key's alias.
fn alias_arn(key: &Key, name: &str) -> String {
    format!("arn:aws:kms:{}:{}:{name}", key.record.region, key.account)
}
