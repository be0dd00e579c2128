//! From the seed files' world to the documents of identities, once.

use super::ids::unique_id;
use super::model::{
    AccountSettings, Identity, InlinePolicy, KeptKey, Kind, ManagedPolicy, Own, PolicyVersion, RoleSettings, Seeded,
};
use super::principals::{self, named_in};
use crate::compiled::CompiledPolicy;
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::reader::Findings;
use crate::simulate::world::{self, Account, Attachment, World, parse_tree};
use crate::storage::store::{Store, StoreError};
use crate::words::codes::Code;
use crate::words::json::Node;
use crate::words::problem::Span;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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
            }
            Ok(())
        })
        .await
}

struct SeededAccount {
    settings: AccountSettings,
    policies: Vec<ManagedPolicy>,
    identities: Vec<Identity>,
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
        let mut policies = Vec::new();
        for (name, policy) in &account.policies {
            let text = self.texts.of(&policy.policy);
            let created = self.created();
            policies.push(ManagedPolicy {
                name: name.clone(),
                path: path_of(&policy.arn, name),
                id: unique_id("ANPA")?,
                created,
                updated: created,
                description: None,
                tags: Vec::new(),
                versions: vec![PolicyVersion { number: 1, text, created }],
                default: 1,
                next: 2,
            });
        }
        let mut identities = Vec::new();
        for (name, attachments) in &account.groups {
            let id = unique_id(Kind::Group.id_prefix())?;
            let arn = format!("arn:aws:iam::{}:group/{name}", account.id);
            let empty = world::Identity { arn, policies: attachments.clone(), ..world::Identity::default() };
            identities.push(self.identity(world, account, name, &empty, id, Own::Group));
        }
        for (name, user) in &account.users {
            let keys = self.keys(&user.credentials)?;
            let own = Own::User { groups: user.groups.clone(), keys };
            identities.push(self.identity(world, account, name, user, self.id(&user.arn), own));
        }
        for (name, role) in &account.roles {
            let own = Own::Role(self.role(world, role));
            identities.push(self.identity(world, account, name, role, self.id(&role.arn), own));
        }
        let settings = AccountSettings { alias: None, keys: self.keys(&account.root)? };
        Ok(SeededAccount { settings, policies, identities })
    }

    fn id(&self, arn: &str) -> String {
        self.ids.get(arn).cloned().unwrap_or_default()
    }

    fn keys(&self, credentials: &world::Credentials) -> Result<Vec<KeptKey>, StoreError> {
        let kept = |key: &world::AccessKey| {
            let secret = self.store.seal_text(&key.secret, self.now_ms)?;
            Ok(KeptKey { id: key.id.clone(), secret, active: key.active, created: self.created() })
        };
        credentials.access_keys.iter().map(kept).collect()
    }

    fn role(&mut self, world: &World, role: &world::Identity) -> RoleSettings {
        let trust = role.trust.as_ref().map(|policy| self.texts.of(policy)).unwrap_or_default();
        let look_up = |arn: &str| {
            let (account, ..) = principals::parts(arn)?;
            world.accounts.contains_key(account).then(|| self.ids.get(arn).cloned())
        };
        let trusted = named_in(&trust, PolicyKind::Trust, &look_up);
        RoleSettings {
            trust,
            trusted,
            description: None,
            max_session: role.max_session_seconds.unwrap_or(USUAL_SESSION),
            service_linked: role.service_linked,
        }
    }

    fn identity(
        &mut self,
        world: &World,
        account: &Account,
        name: &str,
        from: &world::Identity,
        id: String,
        own: Own,
    ) -> Identity {
        let mut inline: Vec<InlinePolicy> = Vec::new();
        let mut attached = Vec::new();
        for attachment in &from.policies {
            match managed_arn(world, account, attachment) {
                Ok(arn) => attached.push(arn),
                Err(policy) => {
                    let text = self.texts.of(policy);
                    inline.push(InlinePolicy { name: free_name(policy.name(), &inline), text });
                }
            }
        }
        let boundary = from.boundary.as_ref().and_then(|b| managed_arn(world, account, b).ok());
        Identity {
            name: name.to_owned(),
            path: path_of(&from.arn, name),
            id,
            created: self.created(),
            inline,
            attached,
            boundary,
            tags: from.tags.clone(),
            own,
        }
    }
}

/// The ARN of an attached managed policy; an inline policy is the other case.
fn managed_arn<'a>(
    world: &World,
    account: &Account,
    attachment: &'a Attachment,
) -> Result<String, &'a Arc<CompiledPolicy>> {
    let policy = match attachment {
        Attachment::Missing(arn) => return Ok(arn.clone()),
        Attachment::Given(policy) => policy,
    };
    let own = account.policies.values().find(|p| Arc::ptr_eq(&p.policy, policy)).map(|p| &p.arn);
    let aws = || world.aws_policies.iter().find(|(_, p)| Arc::ptr_eq(p, policy)).map(|(arn, _)| arn);
    own.or_else(aws).cloned().ok_or(policy)
}

/// The name, or one with a number where another inline policy has it.
fn free_name(name: &str, taken: &[InlinePolicy]) -> String {
    let is_free = |name: &str| taken.iter().all(|policy| policy.name != name);
    let numbered = (2_u32..).map(|n| format!("{name}-{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default()
}

/// The path in an ARN: what stands between the type and the name.
fn path_of(arn: &str, name: &str) -> String {
    let path = arn.find('/').and_then(|at| arn.get(at..)).and_then(|rest| rest.strip_suffix(name));
    path.filter(|path| !path.is_empty()).unwrap_or("/").to_owned()
}

/// The texts of policies that stand in larger files.
#[derive(Default)]
pub(super) struct Texts {
    /// Every node of a file by its place.
    trees: HashMap<Arc<str>, HashMap<Span, Node>>,
}

impl Texts {
    /// The document alone: as it was written where that is JSON, else printed.
    pub(super) fn of(&mut self, policy: &CompiledPolicy) -> String {
        let source = policy.source();
        let as_written = policy.document().of(&source.text);
        let options = LoadOptions::new(policy.kind());
        if PolicyDocument::parse("policy", as_written, &options).is_ok() {
            return as_written.to_owned();
        }
        let tree = self.trees.entry(source.text.clone()).or_insert_with(|| {
            let mut nodes = HashMap::new();
            let mut findings = Findings::new(source.clone(), Code::WorldShape);
            if let Some(root) = parse_tree(source, &mut findings) {
                collect(&root, &mut nodes);
            }
            nodes
        });
        let node = tree.get(&policy.document());
        let document = node.and_then(|node| PolicyDocument::from_node(source.clone(), node, &options).ok());
        document.map(|document| document.print()).unwrap_or_default()
    }
}

fn collect(node: &Node, nodes: &mut HashMap<Span, Node>) {
    for member in node.members().unwrap_or_default() {
        collect(&member.value, nodes);
    }
    for item in node.items().unwrap_or_default() {
        collect(item, nodes);
    }
    nodes.insert(node.span, node.clone());
}
