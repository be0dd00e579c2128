//! The native world file.

use super::json::Json;
use super::{Bucket, Holder, Inventory, Key, Policy};
use crate::decision::KeyGrant;
use crate::edges::server::identities::model::Kind;
use crate::policy::acl::{Acl, PublicAccessBlock};

/// A world file of these accounts. `organization` is the text of that member.
#[must_use]
pub fn written(accounts: &[Inventory], region: Option<&str>, organization: Option<&str>) -> String {
    let mut members = vec![("version", Json::plain(1))];
    members.extend(region.map(|region| ("region", Json::text(region))));
    members.extend(organization.map(|text| ("organization", Json::document(text))));
    members.push(("accounts", Json::list(accounts, account)));
    Json::object(members).print()
}

fn account(of: &Inventory) -> Json {
    let mut members = vec![("id", Json::text(&of.account))];
    let texts = [
        ("name", &of.name),
        ("canonical_id", &of.canonical_id),
        ("display_name", &of.display_name),
        ("email", &of.email),
    ];
    members.extend(some(texts));
    members.extend(of.public_access_block.map(|block| ("public_access_block", public_access_block(block))));
    let holders = |kind: Kind| of.holders.iter().filter(move |((k, _), _)| *k == kind);
    members.extend([
        ("policies", Json::list(&of.policies, |(name, entry)| policy(name, entry))),
        ("groups", Json::list(holders(Kind::Group), |((_, name), entry)| holder(of, Kind::Group, name, entry))),
        ("users", Json::list(holders(Kind::User), |((_, name), entry)| holder(of, Kind::User, name, entry))),
        ("roles", Json::list(holders(Kind::Role), |((_, name), entry)| holder(of, Kind::Role, name, entry))),
        (
            "oidc_providers",
            Json::list(&of.providers, |(url, provider)| {
                Json::object([
                    ("url", Json::text(format!("https://{url}"))),
                    ("client_ids", Json::list(&provider.client_ids, Json::text)),
                    ("thumbprints", Json::list(&provider.thumbprints, Json::text)),
                    ("tags", Json::pairs(&provider.tags)),
                ])
                .without_empty()
            }),
        ),
        ("buckets", Json::list(&of.buckets, |(name, entry)| bucket(name, entry))),
        ("keys", Json::list(&of.keys, |(id, entry)| key(id, entry))),
    ]);
    Json::object(members).without_empty()
}

fn some<'m>(texts: impl IntoIterator<Item = (&'m str, &'m Option<String>)>) -> impl Iterator<Item = (&'m str, Json)> {
    texts.into_iter().filter_map(|(name, text)| Some((name, Json::text(text.as_ref()?))))
}

fn policy(name: &str, of: &Policy) -> Json {
    let mut members = vec![("name", Json::text(name)), ("path", Json::text(&of.path))];
    members.extend(some([("description", &of.description)]));
    members.extend([
        ("tags", Json::pairs(&of.tags)),
        ("version", Json::text(format!("v{}", of.default))),
        ("document", Json::document(of.in_force())),
        (
            "other_versions",
            Json::list(of.versions.iter().filter(|(n, _)| **n != of.default), |(number, text)| {
                Json::object([("version", Json::text(format!("v{number}"))), ("document", Json::document(text))])
            }),
        ),
    ]);
    Json::object(members).without_empty()
}

fn holder(account: &Inventory, kind: Kind, name: &str, of: &Holder) -> Json {
    // Within the account a policy is named by its name.
    let named = |arn: &String| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let own = account.policies.get(name).is_some_and(|p| policy_arn(&account.account, name, p) == *arn);
        Json::text(if own { name } else { arn })
    };
    let mut members = vec![("name", Json::text(name)), ("path", Json::text(&of.path))];
    if kind != Kind::Group {
        members.extend(some([("id", &of.id)]));
    }
    members.extend(some([("description", &of.description)]));
    members.extend(of.trust.as_ref().map(|trust| ("trust", Json::document(trust))));
    members.extend([
        ("tags", Json::pairs(&of.tags)),
        ("groups", Json::list(&of.groups, Json::text)),
        (
            "inline",
            Json::list(&of.inline, |(name, text)| {
                Json::object([("name", Json::text(name)), ("document", Json::document(text))])
            }),
        ),
        ("attached", Json::list(&of.attached, named)),
    ]);
    members.extend(of.boundary.as_ref().map(|arn| ("boundary", named(arn))));
    members.extend(of.max_session.map(|seconds| ("max_session_seconds", Json::plain(seconds))));
    members.extend(of.service_linked.then(|| ("service_linked", Json::plain(true))));
    Json::object(members).without_empty()
}

/// The ARN of a managed policy of an account.
#[must_use]
pub fn policy_arn(account: &str, name: &str, policy: &Policy) -> String {
    format!("arn:aws:iam::{account}:policy{}{name}", policy.path)
}

fn bucket(name: &str, of: &Bucket) -> Json {
    let mut members = vec![("name", Json::text(name))];
    members.extend(some([("region", &of.region)]));
    members.extend(of.policy.as_ref().map(|text| ("policy", Json::document(text))));
    members.extend(of.acl.as_ref().map(|list| ("acl", acl(list))));
    members.extend(of.ownership.map(|ownership| ("object_ownership", Json::text(ownership.name()))));
    members.extend(of.public_access_block.map(|block| ("public_access_block", public_access_block(block))));
    Json::object(members)
}

/// In AWS's words, which world files share.
pub(super) fn public_access_block(block: PublicAccessBlock) -> Json {
    Json::object([
        ("BlockPublicAcls", Json::plain(block.block_public_acls)),
        ("IgnorePublicAcls", Json::plain(block.ignore_public_acls)),
        ("BlockPublicPolicy", Json::plain(block.block_public_policy)),
        ("RestrictPublicBuckets", Json::plain(block.restrict_public_buckets)),
    ])
}

fn acl(of: &Acl) -> Json {
    Json::list(&of.grants, |grant| {
        let (kind, id) = grant.grantee.named();
        Json::object([
            ("grantee", Json::object([("type", Json::text(kind)), ("id", Json::text(id))])),
            ("permission", Json::text(grant.permission.name())),
        ])
    })
}

fn key(id: &str, of: &Key) -> Json {
    let mut members = vec![("id", Json::text(id))];
    members.extend(of.aliases.first().map(|alias| ("alias", Json::text(alias))));
    members.extend(some([("region", &of.region)]));
    members.extend(of.policy.as_ref().map(|text| ("policy", Json::document(text))));
    members.push(("grants", Json::list(&of.grants, key_grant)));
    Json::object(members).without_empty()
}

fn key_grant(of: &KeyGrant) -> Json {
    Json::object([
        ("grantee", Json::text(&of.grantee)),
        ("operations", Json::list(&of.operations, Json::text)),
        ("constraints", constraints(of)),
    ])
    .without_empty()
}

/// In AWS's words, which world files share.
pub(super) fn constraints(of: &KeyGrant) -> Json {
    let named = [("EncryptionContextEquals", &of.context_equals), ("EncryptionContextSubset", &of.context_subset)];
    Json::object(named.into_iter().filter_map(|(name, pairs)| Some((name, Json::pairs(pairs.as_ref()?)))))
}
