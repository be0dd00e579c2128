//! S3's and KMS's settings as they stand in world and scenario files.

use super::reader::Findings;
use crate::decision::KeyGrant;
use crate::policy::acl::{Acl, Grant, Grantee, ObjectOwnership, Permission, PublicAccessBlock};
use crate::words::codes::Code;
use crate::words::json::Node;

/// A list of grants: `[{"grantee": {"type": …, "id": …}, "permission": …}]`.
pub(super) fn acl(findings: &mut Findings, node: &Node) -> Acl {
    let grants = findings.items(node, "an ACL");
    if grants.len() > 100 {
        findings.error(
            Code::InvalidValue,
            node.span,
            format!("an ACL has at most 100 grants, this one has {}", grants.len()),
        );
    }
    Acl { grants: grants.iter().filter_map(|n| grant(findings, n)).collect() }
}

fn grant(findings: &mut Findings, node: &Node) -> Option<Grant> {
    let mut fields = findings.fields(node, "a grant");
    let grantee = fields.need(findings, "grantee").and_then(|n| grantee(findings, n));
    let permission = fields.need(findings, "permission").and_then(|n| permission(findings, n));
    fields.finish(findings, "a grant");
    Some(Grant { grantee: grantee?, permission: permission? })
}

fn grantee(findings: &mut Findings, node: &Node) -> Option<Grantee> {
    let mut fields = findings.fields(node, "a grantee");
    let kind = fields.need(findings, "type").and_then(|n| findings.string(n, "`type`"));
    let id_node = fields.need(findings, "id");
    let id = id_node.and_then(|n| findings.string(n, "`id`"));
    fields.finish(findings, "a grantee");
    let id = id?;
    match kind?.as_str() {
        "CanonicalUser" => Some(Grantee::Canonical(id)),
        "Email" => Some(Grantee::Email(id)),
        "Group" => {
            let group = Grantee::group(&id);
            if group.is_none() {
                let span = id_node.map_or(node.span, |n| n.span);
                findings.error(Code::InvalidValue, span, format!("`{id}` is not one of S3's groups"));
            }
            group
        }
        other => {
            let message = format!("`{other}` is not `CanonicalUser`, `Group` or `Email`");
            findings.error(Code::InvalidValue, node.span, message);
            None
        }
    }
}

/// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP`, `FULL_CONTROL`.
pub(super) fn permission(findings: &mut Findings, node: &Node) -> Option<Permission> {
    let text = findings.string(node, "`permission`")?;
    let permission = Permission::parse(&text);
    if permission.is_none() {
        findings.error(Code::InvalidValue, node.span, format!("`{text}` is not an ACL permission"));
    }
    permission
}

/// The name of an Object Ownership setting.
pub(super) fn ownership(findings: &mut Findings, node: &Node) -> ObjectOwnership {
    let text = findings.string(node, "`object_ownership`").unwrap_or_default();
    ObjectOwnership::parse(&text).unwrap_or_else(|| {
        let message = format!("`{text}` is not `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`");
        findings.error(Code::InvalidValue, node.span, message);
        ObjectOwnership::default()
    })
}

/// The four flags; those that are not given are off.
pub(super) fn public_access_block(findings: &mut Findings, node: &Node) -> PublicAccessBlock {
    let mut fields = findings.fields(node, "a Block Public Access setting");
    let block = PublicAccessBlock {
        block_public_acls: fields.bool(findings, "BlockPublicAcls").unwrap_or(false),
        ignore_public_acls: fields.bool(findings, "IgnorePublicAcls").unwrap_or(false),
        block_public_policy: fields.bool(findings, "BlockPublicPolicy").unwrap_or(false),
        restrict_public_buckets: fields.bool(findings, "RestrictPublicBuckets").unwrap_or(false),
    };
    fields.finish(findings, "a Block Public Access setting");
    block
}

/// `[{"grantee": ARN, "operations": […], "constraints": {"EncryptionContextSubset": {…}}}]`.
pub(super) fn key_grants(findings: &mut Findings, node: &Node) -> Vec<KeyGrant> {
    findings.items(node, "`grants`").iter().map(|n| key_grant(findings, n)).collect()
}

fn key_grant(findings: &mut Findings, node: &Node) -> KeyGrant {
    let mut fields = findings.fields(node, "a KMS grant");
    let mut grant = KeyGrant {
        grantee: fields.need(findings, "grantee").and_then(|n| findings.string(n, "`grantee`")).unwrap_or_default(),
        ..KeyGrant::default()
    };
    if let Some(operations) = fields.need(findings, "operations") {
        grant.operations = findings.strings(operations, "`operations`");
    }
    if let Some(constraints) = fields.take(findings, "constraints") {
        let mut inner = findings.fields(constraints, "`constraints`");
        grant.context_equals =
            inner.take(findings, "EncryptionContextEquals").map(|n| findings.pairs(n, "the context"));
        grant.context_subset =
            inner.take(findings, "EncryptionContextSubset").map(|n| findings.pairs(n, "the context"));
        inner.finish(findings, "`constraints`");
    }
    fields.finish(findings, "a KMS grant");
    grant
}

/// The grants of `aws s3api get-bucket-acl`: `[{"Grantee": {"Type": …, "ID": …, "URI": …}, "Permission": …}]`.
pub(super) fn aws_acl(findings: &mut Findings, node: &Node) -> Acl {
    let source = findings.source.text.clone();
    let mut acl = Acl::default();
    for entry in findings.items(node, "`Grants`") {
        let grantee = entry.get(&source, "Grantee").and_then(|grantee| {
            let field = |name: &str| grantee.get(&source, name).and_then(|n| n.as_str(&source));
            let canonical = || field("ID").map(|id| Grantee::Canonical(id.to_owned()));
            let email = || field("EmailAddress").map(|address| Grantee::Email(address.to_owned()));
            field("URI").and_then(Grantee::group).or_else(canonical).or_else(email)
        });
        let permission = entry.get(&source, "Permission").and_then(|n| permission(findings, n));
        match (grantee, permission) {
            (Some(grantee), Some(permission)) => acl.grants.push(Grant { grantee, permission }),
            _ => findings.shape(entry.span, "this grant has no grantee or permission that S3 knows"),
        }
    }
    acl
}

/// An entry of `aws kms list-grants`.
pub(super) fn aws_key_grant(findings: &mut Findings, node: &Node, source: &str) -> KeyGrant {
    let mut grant = KeyGrant {
        grantee: node.get(source, "GranteePrincipal").and_then(|n| n.as_str(source)).unwrap_or_default().to_owned(),
        ..KeyGrant::default()
    };
    if let Some(operations) = node.get(source, "Operations") {
        grant.operations = findings.strings(operations, "`Operations`");
    }
    if let Some(constraints) = node.get(source, "Constraints") {
        let mut pairs = |name: &str| constraints.get(source, name).map(|n| findings.pairs(n, "the context"));
        grant.context_equals = pairs("EncryptionContextEquals");
        grant.context_subset = pairs("EncryptionContextSubset");
    }
    grant
}
