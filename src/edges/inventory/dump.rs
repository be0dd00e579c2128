//! AWS's own dump formats, as its command line prints them.

use super::json::Json;
use super::native::{constraints, policy_arn, public_access_block};
use super::{Holder, Inventory, Policy};
use crate::edges::server::identities::model::Kind;
use crate::policy::acl::{Acl, Grantee};

/// The name of the file with the account's identities.
pub const IDENTITIES: &str = "account-authorization-details.json";

/// As `aws iam get-account-authorization-details` prints it. Moments of creation are not part of an inventory.
#[must_use]
pub fn identities(of: &Inventory) -> String {
    let holders = |kind: Kind| {
        let of_kind = of.holders.iter().filter(move |((k, _), _)| *k == kind);
        Json::list(of_kind, |((_, name), entry)| holder(of, kind, name, entry))
    };
    let policies = Json::list(&of.policies, |(name, entry)| policy(of, name, entry));
    Json::object([
        ("UserDetailList", holders(Kind::User)),
        ("GroupDetailList", holders(Kind::Group)),
        ("RoleDetailList", holders(Kind::Role)),
        ("Policies", policies),
    ])
    .print()
}

/// What other commands print, each in a file that `-w` knows by its name: `BUCKET.policy.json`, `KEY.grants.json`.
#[must_use]
pub fn pieces(of: &Inventory) -> Vec<(String, String)> {
    let mut files = Vec::new();
    if let Some(block) = of.public_access_block {
        files.push((format!("{}.json", of.account), configuration(block)));
    }
    for (name, bucket) in &of.buckets {
        let mut add = |about: &str, text: String| files.push((format!("{name}.{about}.json"), text));
        if let Some(policy) = &bucket.policy {
            add("policy", attached_text(policy));
        }
        if let Some(list) = &bucket.acl {
            add("acl", acl(list));
        }
        if let Some(block) = bucket.public_access_block {
            add("public-access-block", configuration(block));
        }
        if let Some(ownership) = bucket.ownership {
            let rule = Json::object([("ObjectOwnership", Json::text(ownership.name()))]);
            let controls = Json::object([("Rules", Json::List(vec![rule]))]);
            add("ownership-controls", Json::object([("OwnershipControls", controls)]).print());
        }
    }
    for (id, key) in &of.keys {
        if let Some(policy) = &key.policy {
            files.push((format!("{id}.policy.json"), attached_text(policy)));
        }
        if !key.grants.is_empty() {
            let grants = Json::list(&key.grants, |grant| {
                Json::object([
                    ("KeyId", Json::text(id)),
                    ("GranteePrincipal", Json::text(&grant.grantee)),
                    ("Operations", Json::list(&grant.operations, Json::text)),
                    ("Constraints", constraints(grant)),
                ])
                .without_empty()
            });
            files.push((format!("{id}.grants.json"), Json::object([("Grants", grants)]).print()));
        }
    }
    files
}

/// `{"Policy": "…"}`, as `get-bucket-policy` and `get-key-policy` print it.
fn attached_text(policy: &str) -> String {
    Json::object([("Policy", Json::text(policy))]).print()
}

fn configuration(block: crate::policy::acl::PublicAccessBlock) -> String {
    Json::object([("PublicAccessBlockConfiguration", public_access_block(block))]).print()
}

fn acl(of: &Acl) -> String {
    let grants = Json::list(&of.grants, |grant| {
        let (kind, id) = grant.grantee.named();
        let (kind, member) = match &grant.grantee {
            Grantee::Canonical(_) => (kind, "ID"),
            Grantee::Email(_) => ("AmazonCustomerByEmail", "EmailAddress"),
            _ => (kind, "URI"),
        };
        Json::object([
            ("Grantee", Json::object([("Type", Json::text(kind)), (member, Json::text(id))])),
            ("Permission", Json::text(grant.permission.name())),
        ])
    });
    Json::object([("Grants", grants)]).print()
}

fn tags(of: &[(String, String)]) -> Json {
    Json::list(of, |(key, value)| Json::object([("Key", Json::text(key)), ("Value", Json::text(value))]))
}

fn holder(account: &Inventory, kind: Kind, name: &str, of: &Holder) -> Json {
    let title = kind.title();
    let arn = format!("arn:aws:iam::{}:{}{}{name}", account.account, kind.word(), of.path);
    let (own_name, own_id, inline) = (format!("{title}Name"), format!("{title}Id"), format!("{title}PolicyList"));
    let mut members = vec![("Path", Json::text(&of.path)), (own_name.as_str(), Json::text(name))];
    members.extend(of.id.as_ref().map(|id| (own_id.as_str(), Json::text(id))));
    members.push(("Arn", Json::text(arn)));
    members.extend(of.trust.as_ref().map(|trust| ("AssumeRolePolicyDocument", Json::document(trust))));
    if kind == Kind::Role {
        members.push(("InstanceProfileList", Json::List(Vec::new())));
    }
    members.push((
        inline.as_str(),
        Json::list(&of.inline, |(name, text)| {
            Json::object([("PolicyName", Json::text(name)), ("PolicyDocument", Json::document(text))])
        }),
    ));
    if kind == Kind::User {
        members.push(("GroupList", Json::list(&of.groups, Json::text)));
    }
    let attached = Json::list(&of.attached, |arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        Json::object([("PolicyName", Json::text(name)), ("PolicyArn", Json::text(arn))])
    });
    members.push(("AttachedManagedPolicies", attached));
    members.extend(of.boundary.as_ref().map(|arn| {
        let boundary = Json::object([
            ("PermissionsBoundaryType", Json::text("Policy")),
            ("PermissionsBoundaryArn", Json::text(arn)),
        ]);
        ("PermissionsBoundary", boundary)
    }));
    if kind != Kind::Group {
        members.push(("Tags", tags(&of.tags)));
    }
    Json::object(members)
}

fn policy(account: &Inventory, name: &str, of: &Policy) -> Json {
    let versions = Json::list(of.versions.iter().rev(), |(number, text)| {
        Json::object([
            ("Document", Json::document(text)),
            ("VersionId", Json::text(format!("v{number}"))),
            ("IsDefaultVersion", Json::plain(*number == of.default)),
        ])
    });
    let mut members = vec![
        ("PolicyName", Json::text(name)),
        ("Arn", Json::text(policy_arn(&account.account, name, of))),
        ("Path", Json::text(&of.path)),
        ("DefaultVersionId", Json::text(format!("v{}", of.default))),
        ("IsAttachable", Json::plain(true)),
    ];
    members.extend(of.description.as_ref().map(|text| ("Description", Json::text(text))));
    members.extend([("PolicyVersionList", versions), ("Tags", tags(&of.tags))]);
    Json::object(members)
}
