//! Identities in memory: immutable, shared by pointers, their policies compiled once.
//!
//! A change makes a new [`AccountState`] in which everything that did not change is the same object: policies are
//! compiled again only where their text is another one, and principals put together again only where a policy, a group
//! or a tag of theirs changed.

use super::aws_managed;
use super::model::{AccountSettings, Identity, Kind, ManagedPolicy, Provider, key_of};
use crate::compiled::CompiledPolicy;
use crate::decision::{LayerState, PolicySet};
use crate::edges::server::auth::Credential;
use crate::gate::Caller;
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::scenario::OwnedPrincipal;
use crate::simulate::world::{ContextKeys, World};
use crate::storage::store::{KeptDevice, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Everybody at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The accounts by id.
    pub accounts: BTreeMap<Arc<str>, Arc<AccountState>>,
    /// Long-term access keys by id.
    pub keys: HashMap<Arc<str>, Arc<Credential>>,
}

/// What the seed files say of an account, which no request changes.
#[derive(Debug)]
pub struct AccountFacts {
    /// Twelve digits.
    pub id: String,
    /// Its canonical user id.
    pub canonical: String,
    /// Its display name.
    pub display_name: Option<String>,
    /// The service control policies that bind it.
    pub service_control: LayerState<Vec<PolicySet>>,
    /// Context keys of all its principals.
    pub context: ContextKeys,
    /// AWS's managed policies, by ARN.
    pub aws_policies: Arc<BTreeMap<String, Arc<PolicyState>>>,
}

impl AccountFacts {
    /// The facts of every account of a world.
    ///
    /// # Errors
    /// A sentence about an account that cannot be resolved.
    pub fn of_world(world: &World) -> Result<Vec<Arc<Self>>, String> {
        let aws_policies = Arc::new(aws_managed::all(&world.aws_policies));
        let facts = |account: &crate::simulate::world::Account| {
            let root = world.party(&format!("root@{}", account.id)).map_err(|e| e.message)?;
            Ok(Arc::new(Self {
                id: account.id.clone(),
                canonical: account.canonical_id.clone(),
                display_name: account.display_name.clone().or_else(|| account.name.clone()),
                service_control: root.service_control,
                context: root.context,
                aws_policies: aws_policies.clone(),
            }))
        };
        world.accounts.values().map(facts).collect()
    }
}

/// An account's identities.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// What does not change.
    pub facts: Arc<AccountFacts>,
    /// Alias and root keys.
    pub settings: Arc<AccountSettings>,
    /// Users, groups and roles by [`Identity::key`].
    pub identities: BTreeMap<Arc<str>, Arc<Holder>>,
    /// Managed policies by [`ManagedPolicy::key`].
    pub policies: BTreeMap<Arc<str>, Arc<PolicyState>>,
    /// Identity providers by URL.
    pub providers: BTreeMap<Arc<str>, Arc<Provider>>,
    /// MFA devices by serial number.
    pub devices: BTreeMap<Arc<str>, Arc<KeptDevice>>,
}

/// A user, group or role with its policies compiled.
#[derive(Debug)]
pub struct Holder {
    /// The document.
    pub document: Identity,
    /// Its ARN.
    pub arn: String,
    /// The inline policies, in the document's order.
    pub inline: Vec<Arc<CompiledPolicy>>,
    /// Of a role: its trust policy.
    pub trust: Option<Arc<CompiledPolicy>>,
    /// Everything that allows: inline, attached, and of a user's groups.
    pub identity: LayerState<PolicySet>,
    /// The permissions boundary.
    pub boundary: LayerState<PolicySet>,
    /// Of a user: the caller behind its long-term keys.
    pub caller: Option<Arc<Caller>>,
}

/// A managed policy, compiled.
#[derive(Debug)]
pub struct PolicyState {
    /// The document.
    pub document: ManagedPolicy,
    /// Its ARN.
    pub arn: String,
    /// The version in force.
    pub compiled: Arc<CompiledPolicy>,
}

/// Where a policy of an identity comes from.
#[derive(Clone, Copy, Debug)]
pub enum PolicyFrom<'p> {
    /// Inline, of a user, a group or a role.
    Inline {
        /// Of which kind of identity.
        of: Kind,
        /// Its name.
        holder: &'p str,
        /// The policy's name.
        name: &'p str,
    },
    /// A managed policy that is attached, by ARN.
    Managed(&'p str),
}

/// What a change wrote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// An identity, by its document's id.
    Identity(String),
    /// A managed policy, by its document's id.
    Policy(String),
    /// An identity provider.
    Provider(String),
    /// The account's settings.
    Settings,
    /// An MFA device.
    Device(String),
}

/// Compiles a policy that was checked when it was put; one that cannot be read any more denies all.
///
/// # Panics
/// Never: the policy that denies all is one.
#[must_use]
pub fn compiled(name: &str, text: &str, kind: PolicyKind) -> Arc<CompiledPolicy> {
    const NOTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let parse = |text: &str, kind| PolicyDocument::parse(name, text, &LoadOptions::new(kind));
    let document = parse(text, kind)
        .unwrap_or_else(|_| parse(NOTHING, PolicyKind::Identity).expect("a policy that denies everything"));
    Arc::new(CompiledPolicy::compile(name, &document))
}

/// Compiles a trust policy; whom it names is compared by unique id.
fn compiled_trust(name: &str, text: &str, trusted: &[(String, Option<String>)]) -> Option<Arc<CompiledPolicy>> {
    let document = PolicyDocument::parse(name, text, &LoadOptions::new(PolicyKind::Trust)).ok()?;
    Some(Arc::new(CompiledPolicy::compile_by_id(name, &document, &|arn| stored_id(trusted, arn))))
}

/// The unique id that was stored for an ARN; an empty one, which nobody has, where none had the name.
#[must_use]
pub fn stored_id(stored: &[(String, Option<String>)], arn: &str) -> Option<String> {
    let (_, id) = stored.iter().find(|(named, _)| named == arn)?;
    Some(id.clone().unwrap_or_default())
}

impl Holder {
    /// Compiles what an earlier state of it does not have compiled already.
    fn prepared(document: Identity, account: &str, before: Option<&Self>) -> Self {
        let inline = document.inline.iter().map(|policy| {
            let same = before.and_then(|b| {
                let at = b.document.inline.iter().position(|old| old == policy)?;
                b.inline.get(at).cloned()
            });
            same.unwrap_or_else(|| compiled(&policy.name, &policy.text, PolicyKind::Identity))
        });
        let inline = inline.collect();
        let trust = document.role().and_then(|role| {
            let same = before.filter(|b| {
                b.document.role().is_some_and(|old| old.trust == role.trust && old.trusted == role.trusted)
            });
            match same {
                Some(same) => same.trust.clone(),
                None => compiled_trust(&format!("{}-trust", document.name), &role.trust, &role.trusted),
            }
        });
        let arn = document.arn(account);
        Self {
            document,
            arn,
            inline,
            trust,
            identity: LayerState::Unknown,
            boundary: LayerState::Unknown,
            caller: None,
        }
    }
}

impl AccountState {
    /// An account without anybody.
    #[must_use]
    pub fn empty(facts: Arc<AccountFacts>) -> Self {
        Self {
            facts,
            settings: Arc::default(),
            identities: BTreeMap::new(),
            policies: BTreeMap::new(),
            providers: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    /// An identity by kind and name.
    #[must_use]
    pub fn identity(&self, kind: Kind, name: &str) -> Option<&Arc<Holder>> {
        self.identities.get(key_of(kind, name).as_str())
    }

    /// The identities of a kind, by name.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Arc<Holder>> {
        self.identities.values().filter(move |holder| holder.document.kind() == kind)
    }

    /// The identity with this unique id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Arc<Holder>> {
        self.identities.values().find(|holder| holder.document.id == id)
    }

    /// The identity with this ARN.
    #[must_use]
    pub fn by_arn(&self, arn: &str) -> Option<&Arc<Holder>> {
        let (kind, name) = arn.rsplit(':').next()?.split_once('/')?;
        let kind = [Kind::User, Kind::Group, Kind::Role].into_iter().find(|k| k.word() == kind)?;
        self.identity(kind, name.rsplit('/').next()?).filter(|holder| holder.arn == arn)
    }

    /// The managed policy of the account with this ARN.
    #[must_use]
    pub fn policy(&self, arn: &str) -> Option<&Arc<PolicyState>> {
        let name = arn.rsplit('/').next()?.to_lowercase();
        self.policies.get(name.as_str()).filter(|policy| policy.arn == arn)
    }

    /// A managed policy, the account's own or AWS's.
    #[must_use]
    pub fn any_policy(&self, arn: &str) -> Option<&Arc<PolicyState>> {
        self.policy(arn).or_else(|| self.facts.aws_policies.get(arn))
    }

    /// The statements of a managed policy, the account's own or AWS's.
    #[must_use]
    pub fn managed(&self, arn: &str) -> Option<Arc<CompiledPolicy>> {
        self.any_policy(arn).map(|policy| policy.compiled.clone())
    }

    /// The root user's caller.
    #[must_use]
    pub fn root(&self) -> Caller {
        let principal = OwnedPrincipal {
            kind: "root".to_owned(),
            arn: Some(format!("arn:aws:iam::{}:root", self.facts.id)),
            ..self.principal()
        };
        Caller { principal, ..self.caller() }
    }

    /// What every principal of the account has.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            principal: self.principal(),
            display_name: self.facts.display_name.clone().or_else(|| Some(self.facts.id.clone())),
            service_control: self.facts.service_control.clone(),
            context: self.facts.context.clone(),
            ..Caller::anonymous()
        }
    }

    fn principal(&self) -> OwnedPrincipal {
        OwnedPrincipal {
            account: Some(self.facts.id.clone()),
            canonical: Some(self.facts.canonical.clone()),
            ..OwnedPrincipal::default()
        }
    }

    /// The user's caller, as its long-term keys and its `GetSessionToken` sessions have it.
    #[must_use]
    pub fn user_caller(&self, holder: &Holder) -> Caller {
        let principal = OwnedPrincipal {
            kind: "user".to_owned(),
            arn: Some(holder.arn.clone()),
            id: Some(holder.document.id.clone()),
            ..self.principal()
        };
        let mut caller =
            Caller { principal, identity: holder.identity.clone(), boundary: holder.boundary.clone(), ..self.caller() };
        caller.context.extend(tag_keys(&holder.document.tags));
        caller
    }

    /// The set of these managed policies; one that is not there makes it unknown, which denies.
    #[must_use]
    pub fn set_of(&self, given: Vec<Arc<CompiledPolicy>>, arns: &[String]) -> LayerState<PolicySet> {
        let mut policies = given;
        for arn in arns {
            match self.managed(arn) {
                Some(policy) => policies.push(policy),
                None => return LayerState::Unknown,
            }
        }
        LayerState::Given(PolicySet::new(policies))
    }

    /// Everything that allows an identity something: its own policies and those of its groups, as far as they are kept.
    /// One that is attached and not known makes it unknown, which denies.
    #[must_use]
    pub fn identity_of(&self, holder: &Holder, keep: &dyn Fn(&PolicyFrom<'_>) -> bool) -> LayerState<PolicySet> {
        let groups = holder.document.groups().iter().filter_map(|group| self.identity(Kind::Group, group));
        let (mut given, mut arns) = (Vec::new(), Vec::new());
        for one in std::iter::once(holder).chain(groups.map(|group| &**group)) {
            let of = one.document.kind();
            let inline = one.document.inline.iter().zip(&one.inline);
            let kept = inline
                .filter(|(policy, _)| keep(&PolicyFrom::Inline { of, holder: &one.document.name, name: &policy.name }));
            given.extend(kept.map(|(_, compiled)| compiled.clone()));
            arns.extend(one.document.attached.iter().filter(|arn| keep(&PolicyFrom::Managed(arn))).cloned());
        }
        self.set_of(given, &arns)
    }

    fn assembled(&self, holder: Holder) -> Holder {
        let identity = self.identity_of(&holder, &|_| true);
        let boundary = match &holder.document.boundary {
            None => LayerState::Absent,
            Some(arn) => self.set_of(Vec::new(), std::slice::from_ref(arn)),
        };
        let mut holder = Holder { identity, boundary, ..holder };
        if holder.document.kind() == Kind::User {
            holder.caller = Some(Arc::new(self.user_caller(&holder)));
        }
        holder
    }

    /// Reads what a change wrote, and puts together again what depends on it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn refresh(&mut self, store: &Store, touched: &BTreeSet<Touched>) -> Result<BTreeSet<Arc<str>>, StoreError> {
        let account = self.facts.id.clone();
        let mut stale: BTreeSet<Arc<str>> = BTreeSet::new();
        let (mut policies, mut groups) = (BTreeSet::new(), BTreeSet::new());
        let mut fresh: Vec<Holder> = Vec::new();
        for touch in touched {
            match touch {
                Touched::Settings => {
                    let kept = store.entity::<AccountSettings>(&account, AccountSettings::ID)?;
                    self.settings = Arc::new(kept.map(|k| k.document).unwrap_or_default());
                }
                Touched::Provider(url) => match store.entity::<Provider>(&account, url)? {
                    Some(kept) => drop(self.providers.insert(url.as_str().into(), Arc::new(kept.document))),
                    None => drop(self.providers.remove(url.as_str())),
                },
                Touched::Device(serial) => match store.kept_device(serial)?.filter(|d| d.account == account) {
                    Some(device) => drop(self.devices.insert(serial.as_str().into(), Arc::new(device))),
                    None => drop(self.devices.remove(serial.as_str())),
                },
                Touched::Policy(key) => {
                    policies.extend(self.policies.get(key.as_str()).map(|p| p.arn.clone()));
                    match store.entity::<ManagedPolicy>(&account, key)? {
                        Some(kept) => {
                            let before = self.policies.get(key.as_str());
                            let state = PolicyState::new(kept.document, &account, before.map(|p| &**p));
                            policies.insert(state.arn.clone());
                            self.policies.insert(key.as_str().into(), Arc::new(state));
                        }
                        None => drop(self.policies.remove(key.as_str())),
                    }
                }
                Touched::Identity(key) => {
                    stale.insert(key.as_str().into());
                    let before = self.identities.remove(key.as_str());
                    groups.extend(before.iter().filter(|b| b.document.kind() == Kind::Group).map(group_name));
                    if let Some(kept) = store.entity::<Identity>(&account, key)? {
                        fresh.push(Holder::prepared(kept.document, &account, before.as_deref()));
                    }
                }
            }
        }
        let depends = |arn: &String| policies.contains(arn);
        for holder in self.identities.values() {
            if holder.document.attached.iter().chain(&holder.document.boundary).any(depends) {
                stale.insert(holder.document.key().as_str().into());
                groups.extend((holder.document.kind() == Kind::Group).then(|| group_name(holder)));
            }
        }
        // Groups first: users are put together from them.
        fresh.sort_by_key(|holder| holder.document.kind() != Kind::Group);
        for holder in fresh {
            if holder.document.kind() == Kind::Group {
                groups.insert(holder.document.name.to_lowercase());
            }
            let key: Arc<str> = holder.document.key().as_str().into();
            self.identities.insert(key, Arc::new(holder));
        }
        let members = self
            .identities
            .iter()
            .filter(|(_, holder)| holder.document.groups().iter().any(|group| groups.contains(&group.to_lowercase())));
        stale.extend(members.map(|(key, _)| key.clone()));
        for key in &stale {
            self.assemble(key);
        }
        Ok(stale)
    }

    fn assemble(&mut self, key: &str) {
        let Some(holder) = self.identities.get(key).cloned() else { return };
        let copy = Holder {
            document: holder.document.clone(),
            arn: holder.arn.clone(),
            inline: holder.inline.clone(),
            trust: holder.trust.clone(),
            identity: LayerState::Unknown,
            boundary: LayerState::Unknown,
            caller: None,
        };
        let assembled = self.assembled(copy);
        self.identities.insert(key.into(), Arc::new(assembled));
    }

    /// Reads a whole account.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn load(facts: Arc<AccountFacts>, store: &Store, devices: &[KeptDevice]) -> Result<Self, StoreError> {
        let account = facts.id.clone();
        let mut state = Self::empty(facts);
        let mut touched = BTreeSet::from([Touched::Settings]);
        let names = |list: Vec<crate::storage::store::Kept<Identity>>| list.into_iter().map(|k| k.id);
        touched.extend(names(store.entities::<Identity>(Some(&account))?).map(Touched::Identity));
        let policies = store.entities::<ManagedPolicy>(Some(&account))?;
        touched.extend(policies.into_iter().map(|k| Touched::Policy(k.id)));
        let providers = store.entities::<Provider>(Some(&account))?;
        touched.extend(providers.into_iter().map(|k| Touched::Provider(k.id)));
        let own = devices.iter().filter(|d| d.account == account);
        touched.extend(own.map(|d| Touched::Device(d.serial.clone())));
        state.refresh(store, &touched)?;
        Ok(state)
    }
}

fn group_name(holder: &Arc<Holder>) -> String {
    holder.document.name.to_lowercase()
}

impl PolicyState {
    fn new(document: ManagedPolicy, account: &str, before: Option<&Self>) -> Self {
        let text = document.in_force().map(|v| v.text.as_str()).unwrap_or_default();
        let same = before.filter(|b| b.document.in_force().is_some_and(|v| v.text == text));
        let compiled = match same {
            Some(same) => same.compiled.clone(),
            None => compiled(&document.name, text, PolicyKind::Identity),
        };
        Self { arn: document.arn(account), document, compiled }
    }
}

/// Tags as condition keys of a principal.
pub fn tag_keys(tags: &[(String, String)]) -> impl Iterator<Item = (String, Vec<String>)> {
    tags.iter().map(|(key, value)| (format!("aws:PrincipalTag/{key}"), vec![value.clone()]))
}
