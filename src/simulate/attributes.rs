//! Context keys that follow from principal and resource.
//!
//! Source: IAM User Guide, "AWS global condition context keys" and the table of principal key values in
//! "IAM policy elements: Variables and tags".

use crate::decision::{AuthorizationRequest, Layers, Principal, PrincipalKind};
use crate::policy::acl::ObjectOwnership;
use crate::words::arn::Arn;
use std::borrow::Cow;

/// `aws:PrincipalType` of a principal; services have none (undocumented).
#[must_use]
pub fn principal_type(kind: PrincipalKind) -> Option<&'static str> {
    Some(match kind {
        PrincipalKind::User => "User",
        PrincipalKind::RoleSession => "AssumedRole",
        PrincipalKind::Root | PrincipalKind::Canonical => "Account",
        PrincipalKind::FederatedUser => "FederatedUser",
        PrincipalKind::Anonymous => "Anonymous",
        PrincipalKind::Service | PrincipalKind::OriginAccessIdentity | PrincipalKind::FederatedIdentity => return None,
    })
}

/// The user's name: the last part of the ARN's path.
#[must_use]
pub fn user_name(arn: &str) -> Option<&str> {
    let parsed = Arn::parse(arn)?;
    parsed.resource.strip_prefix("user/")?.rsplit('/').next()
}

/// Sets a key that the context does not have yet.
fn put<'a>(request: &mut AuthorizationRequest<'a>, key: &'static str, value: Option<impl Into<Cow<'a, str>>>) {
    if let Some(value) = value {
        request.context.set_if_absent(key, value);
    }
}

/// Adds the keys that follow from principal and resource; what the context has already stays.
pub fn derive<'a>(request: &mut AuthorizationRequest<'a>, layers: &'a Layers) {
    let principal: Principal<'a> = request.principal.clone();
    // The name of a session is the last part of its ARN.
    let session = principal.arn.rsplit_once('/').map(|(_, name)| name);
    put(request, "aws:PrincipalType", principal_type(principal.kind));
    match principal.kind {
        PrincipalKind::User => {
            put(request, "aws:PrincipalArn", Some(principal.arn));
            put(request, "aws:username", user_name(principal.arn));
            put(request, "aws:userid", principal.id);
        }
        PrincipalKind::RoleSession => {
            put(request, "aws:PrincipalArn", principal.role_arn);
            let id = principal.id.zip(session);
            put(
                request,
                "aws:userid",
                id.map(|(id, s)| if id.contains(':') { id.to_owned() } else { format!("{id}:{s}") }),
            );
        }
        PrincipalKind::Root => {
            put(request, "aws:PrincipalArn", Some(principal.arn));
            put(request, "aws:userid", principal.account);
        }
        PrincipalKind::FederatedUser => {
            put(request, "aws:PrincipalArn", Some(principal.arn));
            let id = principal.account.zip(session);
            put(request, "aws:userid", id.map(|(account, name)| format!("{account}:{name}")));
        }
        _ => {}
    }
    if principal.has_identity_side() {
        put(request, "aws:PrincipalAccount", principal.account);
    }
    let on_bucket = layers.bucket.as_ref().filter(|_| request.action.is_of("s3"));
    let owner = on_bucket.map(|b| b.owner_account.as_str()).filter(|o| !o.is_empty()).or(request.resource.account);
    put(request, "aws:ResourceAccount", owner);
    if on_bucket.is_some() {
        put(request, "s3:ResourceAccount", owner);
    }
}

/// Whether a key is one that [`derive()`] or [`derive_object_tags`] adds.
#[must_use]
pub fn is_derived(key: &str) -> bool {
    const DERIVED: [&str; 7] = [
        "aws:PrincipalType",
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:username",
        "aws:userid",
        "aws:ResourceAccount",
        "s3:ResourceAccount",
    ];
    DERIVED.iter().any(|name| name.eq_ignore_ascii_case(key))
        || crate::words::vocabulary::family(key).is_some_and(|family| family == "s3:ExistingObjectTag/")
}

/// The canonical user id of who will own an object that a request makes, as far as setting its ACL depends on it:
/// where ACLs count, the writer, who may set the ACL of what is its own. `None`: what is there decides.
/// Source: S3 User Guide, "Controlling ownership of objects"; semantics sections 5.3 and 6.1.
#[must_use]
pub fn owner_to_be(ownership: ObjectOwnership, writer: Option<&str>) -> Option<&str> {
    writer.filter(|_| ownership != ObjectOwnership::BucketOwnerEnforced)
}

/// Adds `s3:ExistingObjectTag/…` for the actions whose requests bring it.
/// Source: semantics section 5.2 (observed); `GetObjectAttributes` accepts the key and never has it.
pub fn derive_object_tags<'a>(request: &mut AuthorizationRequest<'a>, tags: impl Iterator<Item = (&'a str, &'a str)>) {
    let brings = matches!(
        request.action.s3(),
        Some(
            "GetObject"
                | "GetObjectVersion"
                | "GetObjectAcl"
                | "GetObjectVersionAcl"
                | "PutObjectAcl"
                | "PutObjectVersionAcl"
                | "GetObjectTagging"
                | "GetObjectVersionTagging"
                | "PutObjectTagging"
                | "PutObjectVersionTagging"
                | "DeleteObjectTagging"
                | "DeleteObjectVersionTagging"
        )
    );
    if !brings {
        return;
    }
    for (key, value) in tags {
        let name = format!("s3:ExistingObjectTag/{key}");
        if request.context.get(&name).is_none() {
            request.context.set(name, value);
        }
    }
}
