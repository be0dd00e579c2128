//! The world: what policies are attached to. Accounts, users, groups, roles, buckets, keys, endpoints,
//! an organization.
//!
//! Loading does no I/O of its own: the caller gives texts, and a function that reads the policy
//! documents a file refers to.

pub mod aws_managed;
mod bundle;
pub mod cloudfront;
mod dumps;
mod native;
mod party;
mod resolve;
mod who;

use super::reader::Findings;
use crate::compiled::CompiledPolicy;
use crate::decision::{KeyGrant, LayerState, PolicySet};
use crate::policy::PolicyDocument;
use crate::policy::acl::{Acl, Grantee, ObjectOwnership, PublicAccessBlock};
use crate::words::codes::Code;
use crate::words::json::{self, Node};
use crate::words::problem::{Problem, Problems, Source};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use bundle::Bundle;
pub use party::{ContextKeys, Party};
pub use resolve::{AskError, Asked, Gap};

/// Everything that was loaded.
#[derive(Debug, Default)]
pub struct World {
    /// The region of buckets that name none.
    pub region: Option<String>,
    /// What new buckets get, for the server that the world seeds; `None`: AWS's defaults.
    pub bucket_defaults: Option<(ObjectOwnership, PublicAccessBlock)>,
    /// The organization, where one was given.
    pub organization: Option<Organization>,
    /// The accounts by id.
    pub accounts: BTreeMap<String, Account>,
    /// AWS's managed policies that were given, by ARN.
    pub aws_policies: BTreeMap<String, Arc<CompiledPolicy>>,
    /// What AWS stores but cannot do what it seems to, with the source of each.
    pub warnings: Vec<(Source, Problem)>,
}

/// An organization with its tree.
#[derive(Debug, Default)]
pub struct Organization {
    /// Its id (`o-…`).
    pub id: String,
    /// The account that no control policy binds.
    pub management_account: String,
    /// The policies that bind each account, from the root down; `None`: they were not given.
    pub levels: BTreeMap<String, ControlLevels>,
    /// The tree was given: an account that is not in it is not a member.
    pub complete: bool,
}

/// The control policies that bind one account, level by level.
#[derive(Clone, Debug, Default)]
pub struct ControlLevels {
    /// Service control policies.
    pub service_control: Vec<PolicySet>,
    /// Resource control policies.
    pub resource_control: Vec<PolicySet>,
    /// The names of the levels: `root`, the units, `account`.
    pub names: Vec<String>,
}

/// One account.
#[derive(Debug, Default)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// Its canonical user id.
    pub canonical_id: String,
    /// Its display name.
    pub display_name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// The account's own Block Public Access.
    pub public_access_block: LayerState<PublicAccessBlock>,
    /// It comes from a dump of IAM alone: what a dump does not hold is unknown, not absent.
    pub partial: bool,
    /// The root user's keys and MFA devices.
    pub root: Credentials,
    /// Managed policies by name.
    pub policies: BTreeMap<String, ManagedPolicy>,
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Users by name.
    pub users: BTreeMap<String, Identity>,
    /// Roles by name.
    pub roles: BTreeMap<String, Identity>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, BucketEntry>,
    /// KMS keys by id.
    pub keys: BTreeMap<String, KeyEntry>,
    /// Identity providers that speak `OpenID` Connect, by URL without its scheme.
    pub oidc_providers: BTreeMap<String, OidcProvider>,
    /// VPC endpoints by id.
    pub vpc_endpoints: BTreeMap<String, EndpointEntry>,
    /// Origin access identities: canonical user id by id.
    pub origin_access_identities: BTreeMap<String, Option<String>>,
    /// CloudFront's other things.
    pub cloudfront: cloudfront::CloudFrontEntries,
}

/// Access keys and MFA devices, for the server that the world seeds.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Access keys.
    pub access_keys: Vec<AccessKey>,
    /// MFA devices: serial and base32 secret.
    pub mfa: Vec<(String, String)>,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Whether it may be used.
    pub active: bool,
}

/// A managed policy.
#[derive(Clone, Debug)]
pub struct ManagedPolicy {
    /// Its ARN.
    pub arn: String,
    /// The policy: its version in force.
    pub policy: Arc<CompiledPolicy>,
    /// The number of that version: `v1` is 1.
    pub version: u32,
    /// The other versions that were given, by number.
    pub others: BTreeMap<u32, Arc<CompiledPolicy>>,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

impl ManagedPolicy {
    /// A policy of one version.
    #[must_use]
    pub fn new(arn: String, policy: Arc<CompiledPolicy>) -> Self {
        Self { arn, policy, version: 1, others: BTreeMap::new(), description: None, tags: Vec::new() }
    }
}

/// A group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Its ARN, with the path.
    pub arn: String,
    /// Inline and attached policies.
    pub policies: Vec<Attachment>,
}

/// An identity provider that speaks `OpenID` Connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OidcProvider {
    /// The audiences it may name.
    pub client_ids: Vec<String>,
    /// Thumbprints of its server's certificates.
    pub thumbprints: Vec<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A policy of an identity.
#[derive(Clone, Debug)]
pub enum Attachment {
    /// An inline policy.
    Inline(Arc<CompiledPolicy>),
    /// A managed policy that is attached.
    Managed(ManagedAttachment),
}

impl Attachment {
    /// The policy.
    ///
    /// # Errors
    /// The ARN of a managed policy that is not known.
    pub fn policy(&self) -> Result<&Arc<CompiledPolicy>, &str> {
        match self {
            Self::Inline(policy) => Ok(policy),
            Self::Managed(managed) => managed.policy(),
        }
    }
}

/// A managed policy where it is attached, or is a boundary. It is known by its ARN: documents may come in any file,
/// and more than once.
#[derive(Clone, Debug)]
pub struct ManagedAttachment {
    /// Its ARN.
    pub arn: String,
    /// Its version in force; `None`: the document was not given.
    pub policy: Option<Arc<CompiledPolicy>>,
}

impl ManagedAttachment {
    /// The policy: the one that was given, else the one of AWS that is known without ([`aws_managed`]).
    ///
    /// # Errors
    /// Its ARN where it is not known.
    pub fn policy(&self) -> Result<&Arc<CompiledPolicy>, &str> {
        self.policy.as_ref().or_else(|| aws_managed::by_arn(&self.arn)).ok_or(&self.arn)
    }
}

/// A user or role.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Its ARN, with the path.
    pub arn: String,
    /// Its unique id.
    pub id: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Inline and attached policies.
    pub policies: Vec<Attachment>,
    /// A user's groups.
    pub groups: Vec<String>,
    /// The permissions boundary.
    pub boundary: Option<ManagedAttachment>,
    /// A role's trust policy.
    pub trust: Option<Arc<CompiledPolicy>>,
    /// A service-linked role.
    pub service_linked: bool,
    /// What a role is for.
    pub description: Option<String>,
    /// A role's longest session.
    pub max_session_seconds: Option<u32>,
    /// A user's keys and MFA devices.
    pub credentials: Credentials,
}

/// A bucket.
#[derive(Clone, Debug, Default)]
pub struct BucketEntry {
    /// Its region.
    pub region: Option<String>,
    /// Its policy.
    pub policy: LayerState<Arc<CompiledPolicy>>,
    /// The policy as JSON, for the server that the world seeds.
    pub policy_text: Option<String>,
    /// Its ACL.
    pub acl: LayerState<Acl>,
    /// Object Ownership; `None`: not given by a dump.
    pub ownership: Option<ObjectOwnership>,
    /// Its Block Public Access.
    pub public_access_block: LayerState<PublicAccessBlock>,
    /// What is known of its objects, by key.
    pub objects: BTreeMap<String, super::scenario::OwnedObject>,
}

/// A KMS key.
#[derive(Clone, Debug, Default)]
pub struct KeyEntry {
    /// Its region.
    pub region: Option<String>,
    /// Its alias, with `alias/`.
    pub alias: Option<String>,
    /// Its policy.
    pub policy: LayerState<Arc<CompiledPolicy>>,
    /// The policy as JSON, for the server that the world seeds.
    pub policy_text: Option<String>,
    /// Its grants.
    pub grants: LayerState<Vec<KeyGrant>>,
}

/// A VPC endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointEntry {
    /// Its VPC.
    pub vpc: Option<String>,
    /// Its policy; absent: full access.
    pub policy: Option<Arc<CompiledPolicy>>,
}

/// How documents that a file refers to are read.
pub struct LoadContext<'l> {
    /// Reads the text at a path relative to the file that names it.
    pub read: &'l mut dyn FnMut(&Source, &str) -> Result<Source, String>,
    /// Warnings are errors.
    pub strict: bool,
}

/// Compiles a document that was read, or keeps what is wrong with it.
fn compiled(
    findings: &mut Findings,
    document: Result<PolicyDocument, Problems>,
    name: &str,
) -> Option<Arc<CompiledPolicy>> {
    match document {
        Ok(document) => return Some(Arc::new(CompiledPolicy::compile(name, &document))),
        Err(problems) if problems.source.name == findings.source.name => findings.extend(problems.list),
        Err(problems) => findings.elsewhere.push(problems),
    }
    None
}

/// Reads a JSON or YAML text; the first character tells which.
pub fn parse_tree(source: &Source, findings: &mut Findings) -> Option<Node> {
    let start = source.text.trim_start();
    if start.starts_with(['{', '[']) || !cfg!(feature = "cli") {
        return json::parse(&source.text, &mut findings.list);
    }
    #[cfg(feature = "cli")]
    return super::yaml::parse(&source.text, &mut findings.list);
    #[cfg(not(feature = "cli"))]
    None
}

impl World {
    /// Adds one file, recognised by its content.
    ///
    /// # Errors
    /// Everything that is wrong with it and with the documents it refers to, with its place.
    pub fn load(&mut self, source: &Source, context: &mut LoadContext<'_>) -> Result<(), Vec<Problems>> {
        let mut findings = Findings::new(source.clone(), Code::WorldShape);
        if let Some(root) = parse_tree(source, &mut findings) {
            if native::recognises(&root, &source.text) {
                native::load(self, &root, &mut findings, context);
            } else if !dumps::load(self, &root, &mut findings, context) {
                let message = "this is neither a world file, nor one of AWS's dumps, nor a policy document";
                findings.error(Code::Unrecognised, root.span, message);
            }
        }
        self.attach_late();
        self.find_addresses();
        let mut failed = std::mem::take(&mut findings.elsewhere);
        match findings.finish() {
            Ok(warnings) => self.warnings.extend(warnings.into_iter().map(|w| (source.clone(), w))),
            Err(problems) => failed.insert(0, problems),
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Adds files in the order in which they build on each other: world files, dumps of accounts, and then
    /// what describes a bucket or a key of them.
    ///
    /// # Errors
    /// What is wrong with each file.
    pub fn load_all(&mut self, sources: &[Source], context: &mut LoadContext<'_>) -> Result<(), Vec<Problems>> {
        let rank = |source: &Source| {
            let mut findings = Findings::new(source.clone(), Code::WorldShape);
            match parse_tree(source, &mut findings) {
                Some(root) if native::recognises(&root, &source.text) => 0,
                Some(root) if dumps::is_piece(&root, &source.text) => 2,
                _ => 1,
            }
        };
        let mut ordered: Vec<(u8, &Source)> = sources.iter().map(|source| (rank(source), source)).collect();
        ordered.sort_by_key(|(rank, _)| *rank);
        let loaded = ordered.into_iter().filter_map(|(_, s)| self.load(s, context).err());
        let failed: Vec<Problems> = loaded.flatten().collect();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Attaches managed policies that came in a later file than what they are attached to.
    fn attach_late(&mut self) {
        for account in self.accounts.values_mut() {
            let mut attached: Vec<&mut ManagedAttachment> = Vec::new();
            let managed = |attachment| match attachment {
                &mut Attachment::Managed(ref mut managed) => Some(managed),
                Attachment::Inline(_) => None,
            };
            for identity in account.users.values_mut().chain(account.roles.values_mut()) {
                attached.extend(identity.policies.iter_mut().filter_map(managed).chain(&mut identity.boundary));
            }
            attached.extend(account.groups.values_mut().flat_map(|g| &mut g.policies).filter_map(managed));
            for attachment in attached.into_iter().filter(|attachment| attachment.policy.is_none()) {
                let own = account.policies.values().find(|p| p.arn == attachment.arn).map(|p| &p.policy);
                attachment.policy = own.or_else(|| self.aws_policies.get(&attachment.arn)).cloned();
            }
        }
    }

    /// Puts accounts in the place of the e-mail addresses that ACLs name them by, as S3 does when an ACL is set.
    fn find_addresses(&mut self) {
        let known: Vec<(String, String)> = self
            .accounts
            .values()
            .filter_map(|account| Some((account.email.clone()?, account.canonical_id.clone())))
            .collect();
        let buckets = self.accounts.values_mut().flat_map(|account| account.buckets.values_mut());
        for bucket in buckets {
            let of_objects = bucket.objects.values_mut().filter_map(|object| object.acl.as_mut());
            let own = if let LayerState::Given(acl) = &mut bucket.acl { Some(acl) } else { None };
            let lists = own.into_iter().chain(of_objects);
            for grant in lists.flat_map(|acl| &mut acl.grants) {
                let Grantee::Email(address) = &grant.grantee else { continue };
                if let Some((_, canonical)) = known.iter().find(|(email, _)| email.eq_ignore_ascii_case(address)) {
                    grant.grantee = Grantee::Canonical(canonical.clone());
                }
            }
        }
    }

    /// The account with this id, made empty where it is new.
    fn account(&mut self, id: &str) -> &mut Account {
        self.accounts.entry(id.to_owned()).or_insert_with(|| Account {
            id: id.to_owned(),
            canonical_id: made_up_canonical_id(id),
            ..Account::default()
        })
    }

    /// Every policy, in no particular order.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<CompiledPolicy>> {
        let accounts = self.accounts.values().flat_map(|account| {
            let managed = account.policies.values().map(|p| &p.policy);
            let identities = account.users.values().chain(account.roles.values());
            let boundaries = identities.clone().filter_map(|i| i.boundary.as_ref()?.policy().ok());
            let attached = identities.clone().flat_map(|i| &i.policies);
            let attached = attached.chain(account.groups.values().flat_map(|g| &g.policies));
            let attached = attached.filter_map(|a| a.policy().ok()).chain(boundaries);
            let trusts = identities.filter_map(|i| i.trust.as_ref());
            let buckets = account.buckets.values().filter_map(|b| b.policy.given());
            let keys = account.keys.values().filter_map(|k| k.policy.given());
            let endpoints = account.vpc_endpoints.values().filter_map(|e| e.policy.as_ref());
            managed.chain(attached).chain(trusts).chain(buckets).chain(keys).chain(endpoints)
        });
        let levels = self.organization.iter().flat_map(|o| o.levels.values());
        let control =
            levels.flat_map(|l| l.service_control.iter().chain(&l.resource_control)).flat_map(PolicySet::policies);
        let mut seen = std::collections::HashSet::new();
        accounts.chain(self.aws_policies.values()).chain(control).filter(move |policy| seen.insert(Arc::as_ptr(policy)))
    }

    /// The account and entry of a bucket.
    #[must_use]
    pub fn bucket(&self, name: &str) -> Option<(&Account, &BucketEntry)> {
        self.accounts.values().find_map(|account| Some((account, account.buckets.get(name)?)))
    }
}

/// Sixty-four hexadecimal digits that follow from the account's id.
#[must_use]
pub fn made_up_canonical_id(account: &str) -> String {
    let part = |n: u8| crate::words::ids::hash_text(&format!("{account}/{n}"));
    format!("{:016x}{:016x}{:016x}{:016x}", part(0), part(1), part(2), part(3))
}
