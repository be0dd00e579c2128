//! From a world that was loaded to texts.

use super::{Bucket, Holder, Inventory, Key, Policy, Texts};
use crate::compiled::CompiledPolicy;
use crate::edges::server::identities::model::Kind;
use crate::simulate::world::{self, Account, Attachment, World};
use std::sync::Arc;

/// An account of a world.
#[must_use]
pub fn of_account(world: &World, account: &Account, texts: &mut Texts) -> Inventory {
    let mut inventory = Inventory {
        account: account.id.clone(),
        name: account.name.clone(),
        canonical_id: Some(account.canonical_id.clone()),
        display_name: account.display_name.clone(),
        email: account.email.clone(),
        public_access_block: account.public_access_block.given().copied(),
        providers: account.oidc_providers.clone(),
        ..Inventory::default()
    };
    for (name, managed) in &account.policies {
        let others = managed.others.iter().map(|(number, policy)| (*number, policy));
        let all = others.chain(std::iter::once((managed.version, &managed.policy)));
        let policy = Policy {
            path: path_of(&managed.arn, name),
            description: managed.description.clone(),
            tags: managed.tags.clone(),
            versions: all.map(|(number, policy)| (number, texts.of(policy))).collect(),
            default: managed.version,
        };
        inventory.policies.insert(name.clone(), policy);
    }
    for (name, group) in &account.groups {
        let empty =
            world::Identity { arn: group.arn.clone(), policies: group.policies.clone(), ..world::Identity::default() };
        let group = holder(world, account, name, &empty, texts);
        inventory.holders.insert((Kind::Group, name.clone()), group);
    }
    for (kind, identities) in [(Kind::User, &account.users), (Kind::Role, &account.roles)] {
        for (name, identity) in identities {
            let found = holder(world, account, name, identity, texts);
            inventory.holders.insert((kind, name.clone()), found);
        }
    }
    for (name, bucket) in &account.buckets {
        let entry = Bucket {
            region: bucket.region.clone(),
            policy: bucket.policy_text.clone(),
            acl: bucket.acl.given().cloned(),
            ownership: bucket.ownership,
            public_access_block: bucket.public_access_block.given().copied(),
        };
        inventory.buckets.insert(name.clone(), entry);
    }
    for (id, key) in &account.keys {
        let entry = Key {
            region: key.region.clone(),
            aliases: key.alias.iter().cloned().collect(),
            policy: key.policy_text.clone(),
            grants: key.grants.given().cloned().unwrap_or_default(),
        };
        inventory.keys.insert(id.clone(), entry);
    }
    inventory
}

fn holder(world: &World, account: &Account, name: &str, from: &world::Identity, texts: &mut Texts) -> Holder {
    let mut inline: Vec<(String, String)> = Vec::new();
    let mut attached = Vec::new();
    for attachment in &from.policies {
        match managed_arn(world, account, attachment) {
            Ok(arn) => attached.push(arn),
            Err(policy) => {
                let text = texts.of(policy);
                inline.push((free_name(policy.name(), &inline), text));
            }
        }
    }
    Holder {
        path: path_of(&from.arn, name),
        id: from.id.clone(),
        tags: from.tags.clone(),
        inline,
        attached,
        boundary: from.boundary.as_ref().and_then(|b| managed_arn(world, account, b).ok()),
        groups: from.groups.clone(),
        trust: from.trust.as_ref().map(|policy| texts.of(policy)),
        description: from.description.clone(),
        max_session: from.max_session_seconds,
        service_linked: from.service_linked,
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
fn free_name(name: &str, taken: &[(String, String)]) -> String {
    let is_free = |name: &str| taken.iter().all(|policy| policy.0 != name);
    let numbered = (2_u32..).map(|n| format!("{name}-{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default()
}

/// The path in an ARN: what stands between the type and the name.
fn path_of(arn: &str, name: &str) -> String {
    let path = arn.find('/').and_then(|at| arn.get(at..)).and_then(|rest| rest.strip_suffix(name));
    path.filter(|path| !path.is_empty()).unwrap_or("/").to_owned()
}
