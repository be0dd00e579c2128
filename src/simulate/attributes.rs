//! Context keys that follow from principal and resource.
//!
//! Source: IAM User Guide, "AWS global condition context keys" and the table of principal key values in
//! "IAM policy elements: Variables and tags".

use crate::decision::{AuthorizationRequest, Layers, Principal, PrincipalKind};
use crate::words::arn::Arn;

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

/// Adds the keys that follow from principal and resource; what the context has already stays.
pub fn derive<'a>(request: &mut AuthorizationRequest<'a>, layers: &'a Layers) {
    let principal: Principal<'a> = request.principal.clone();
    let mut put = |key: &'static str, value: Option<&'a str>| {
        if let Some(value) = value
            && request.context.get(key).is_none()
        {
            request.context.set(key, value);
        }
    };
    put("aws:PrincipalType", principal_type(principal.kind));
    match principal.kind {
        PrincipalKind::User => {
            put("aws:PrincipalArn", Some(principal.arn));
            put("aws:username", user_name(principal.arn));
            put("aws:userid", principal.id);
        }
        PrincipalKind::RoleSession => {
            put("aws:PrincipalArn", principal.role_arn);
            put("aws:userid", principal.id.filter(|id| id.contains(':')));
        }
        PrincipalKind::Root => {
            put("aws:PrincipalArn", Some(principal.arn));
            put("aws:userid", principal.account);
        }
        PrincipalKind::FederatedUser => {
            put("aws:PrincipalArn", Some(principal.arn));
        }
        _ => {}
    }
    if principal.has_identity_side() {
        put("aws:PrincipalAccount", principal.account);
    }
    let on_bucket = layers.bucket.as_ref().filter(|_| request_is_s3(request.action.as_str()));
    let owner = on_bucket.map(|b| b.owner_account.as_str()).filter(|o| !o.is_empty()).or(request.resource.account);
    let mut put = |key: &'static str, value: Option<&'a str>| {
        if let Some(value) = value
            && request.context.get(key).is_none()
        {
            request.context.set(key, value);
        }
    };
    put("aws:ResourceAccount", owner);
    if on_bucket.is_some() {
        put("s3:ResourceAccount", owner);
    }
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

fn request_is_s3(action: &str) -> bool {
    action.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("s3:"))
}
