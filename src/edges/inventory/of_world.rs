//! From a world that was loaded to texts.

use super::{Bucket, Holder, Inventory, Key, Policy, Texts};
use crate::edges::server::identities::model::Kind;
use crate::simulate::world::{self, Account, Attachment};

/// An account of a world.
#[must_use]
pub fn of_account(account: &Account, texts: &mut Texts) -> Inventory {
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
        let group = holder(name, &empty, texts);
        inventory.holders.insert((Kind::Group, name.clone()), group);
    }
    for (kind, identities) in [(Kind::User, &account.users), (Kind::Role, &account.roles)] {
        for (name, identity) in identities {
            let found = holder(name, identity, texts);
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

fn holder(name: &str, from: &world::Identity, texts: &mut Texts) -> Holder {
    let mut inline: Vec<(String, String)> = Vec::new();
    let mut attached = Vec::new();
    for attachment in &from.policies {
        match attachment {
            Attachment::Managed(managed) => attached.push(managed.arn.clone()),
            Attachment::Inline(policy) => {
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
        boundary: from.boundary.as_ref().map(|boundary| boundary.arn.clone()),
        groups: from.groups.clone(),
        trust: from.trust.as_ref().map(|policy| texts.of(policy)),
        description: from.description.clone(),
        max_session: from.max_session_seconds,
        service_linked: from.service_linked,
    }
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

#[cfg(test)]
mod tests {
    use super::{Kind, Texts, of_account};
    use crate::simulate::world::{LoadContext, World};
    use crate::words::problem::Source;

    const ACCOUNT: &str = "111122223333";

    /// A dump with one user, who has a managed policy as boundary and attached, and that policy.
    fn dump(user: &str, action: &str) -> String {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/limits");
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        );
        format!(
            r#"{{"UserDetailList":[{{"UserName":"{user}","Arn":"arn:aws:iam::{ACCOUNT}:user/{user}",
            "PermissionsBoundary":{{"PermissionsBoundaryArn":"{arn}"}},
            "AttachedManagedPolicies":[{{"PolicyName":"limits","PolicyArn":"{arn}"}},
            {{"PolicyName":"p","PolicyArn":"arn:aws:iam::aws:policy/p"}}]}}],
            "Policies":[{{"PolicyName":"limits","Arn":"{arn}","DefaultVersionId":"v1",
            "PolicyVersionList":[{{"VersionId":"v1","Document":{document}}}]}},
            {{"PolicyName":"p","Arn":"arn:aws:iam::aws:policy/p","DefaultVersionId":"v1",
            "PolicyVersionList":[{{"VersionId":"v1","Document":{document}}}]}}]}}"#
        )
    }

    fn loaded(dumps: [String; 2]) -> Result<World, String> {
        let mut world = World::default();
        let mut nothing = |_: &Source, name: &str| Err(format!("{name} is not here"));
        let mut context = LoadContext { read: &mut nothing, strict: false };
        let sources = dumps.map(|text| Source::new("dump.json", text));
        let failed = |problems: Vec<crate::words::problem::Problems>| format!("{problems:?}");
        world.load_all(&sources, &mut context).map_err(failed).map(|()| world)
    }

    #[test]
    fn a_policy_that_two_dumps_hold_stays_attached_and_a_boundary() {
        let world = loaded([dump("anna", "s3:*"), dump("ben", "s3:*")]).expect("loads");
        let inventory = of_account(&world.accounts[ACCOUNT], &mut Texts::default());
        for name in ["anna", "ben"] {
            let user = &inventory.holders[&(Kind::User, name.to_owned())];
            assert_eq!(user.boundary.as_deref(), Some("arn:aws:iam::111122223333:policy/limits"), "{name}");
            assert_eq!(user.attached, ["arn:aws:iam::111122223333:policy/limits", "arn:aws:iam::aws:policy/p"]);
            assert!(user.inline.is_empty(), "{:?}", user.inline);
        }
    }

    #[test]
    fn two_documents_of_one_policy_are_refused() {
        let error = loaded([dump("anna", "s3:*"), dump("ben", "s3:Get*")]).expect_err("refused");
        assert!(error.contains("arn:aws:iam::111122223333:policy/limits"), "{error}");
        assert!(error.contains("arn:aws:iam::aws:policy/p"), "{error}");
    }
}
