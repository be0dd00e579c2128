//! S3's own rules beside policies: Block Public Access and the owner's safety valve; KMS grants.

use super::combine::{Reach, Verdict};
use super::layers::{Bucket, KeyGrant, LayerState, Layers};
use super::principal::{Named, Principal, PrincipalKind};
use super::request::AuthorizationRequest;
use crate::compiled::CompiledPolicy;
use crate::policy::acl::{PublicAccessBlock, canned_is_public, grant_header_is_public};
use crate::words::codes::Code;

/// How far an Allow reaches that named the requester so.
pub(super) fn reach_of(named: Named, principal: &Principal<'_>) -> Reach {
    match named {
        Named::Account if principal.has_identity_side() => Reach::Delegates,
        Named::Role | Named::Issuer => Reach::Grants,
        Named::Account | Named::Requester | Named::Everyone => Reach::GrantsBeyondLimits,
    }
}

/// The bucket owner's root user may always read, write and delete the bucket policy, whatever the
/// policy says. Source: S3 User Guide, "Bucket owner … root user"; semantics section 5.6.
pub(super) fn is_policy_repair(bucket: &Bucket, request: &AuthorizationRequest<'_>) -> bool {
    request.principal.kind == PrincipalKind::Root
        && request.principal.account == Some(bucket.owner_account.as_str())
        && matches!(request.action.s3(), Some("GetBucketPolicy" | "PutBucketPolicy" | "DeleteBucketPolicy"))
}

/// The verdict of Block Public Access and its reason.
pub(super) fn public_access_block(
    bucket: Option<&Bucket>,
    layers: &Layers,
    request: &AuthorizationRequest<'_>,
) -> (Verdict, Code) {
    let Some(bucket) = bucket else { return (Verdict::Absent, Code::PublicBucketRestricted) };
    match &bucket.public_access_block {
        LayerState::Absent => (Verdict::Absent, Code::PublicBucketRestricted),
        LayerState::Given(flags) => match refusal(*flags, layers, bucket, request) {
            Some(code) => (Verdict::Deny, code),
            None => (Verdict::Absent, Code::PublicBucketRestricted),
        },
        // Unknown flags matter where they could refuse.
        LayerState::Unknown => match refusal(PublicAccessBlock::ALL, layers, bucket, request) {
            Some(code) => (Verdict::Unknown, code),
            None => (Verdict::Absent, Code::PublicBucketRestricted),
        },
    }
}

fn refusal(
    flags: PublicAccessBlock,
    layers: &Layers,
    bucket: &Bucket,
    request: &AuthorizationRequest<'_>,
) -> Option<Code> {
    if flags.block_public_acls && sets_public_acl(request) {
        return Some(Code::PublicAclBlocked);
    }
    if flags.block_public_policy && request.sets_public_policy && request.action.s3() == Some("PutBucketPolicy") {
        return Some(Code::PublicPolicyBlocked);
    }
    (flags.restrict_public_buckets && is_outsider(bucket, request) && has_public_policy(layers))
        .then_some(Code::PublicBucketRestricted)
}

fn has_public_policy(layers: &Layers) -> bool {
    layers
        .resource
        .given()
        .is_some_and(|set| set.policies().iter().any(|p: &std::sync::Arc<CompiledPolicy>| p.is_public()))
}

/// Neither an AWS service nor of the owner's account.
fn is_outsider(bucket: &Bucket, request: &AuthorizationRequest<'_>) -> bool {
    let principal = &request.principal;
    let owner = principal.account == Some(bucket.owner_account.as_str())
        || principal.canonical.is_some() && principal.canonical == bucket.owner_canonical.as_deref();
    principal.kind != PrincipalKind::Service && !owner
}

fn sets_public_acl(request: &AuthorizationRequest<'_>) -> bool {
    let sets = matches!(
        request.action.s3(),
        Some("PutObject" | "PutObjectAcl" | "PutObjectVersionAcl" | "PutBucketAcl" | "CreateBucket")
    );
    let grants = [
        "s3:x-amz-grant-read",
        "s3:x-amz-grant-write",
        "s3:x-amz-grant-read-acp",
        "s3:x-amz-grant-write-acp",
        "s3:x-amz-grant-full-control",
    ];
    sets && (request.sets_public_acl
        || request.context.text("s3:x-amz-acl").is_some_and(canned_is_public)
        || grants.iter().any(|key| request.context.text(key).is_some_and(grant_header_is_public)))
}

/// The furthest-reaching KMS grant that meets the request, and its number.
/// Source: KMS Developer Guide, "Grants"; API Reference, `GrantConstraints`.
pub(super) fn key_grant(grants: &[KeyGrant], request: &AuthorizationRequest<'_>) -> Option<(u32, Reach)> {
    if !request.action.is_of("kms") {
        return None;
    }
    let meets = |grant: &KeyGrant| {
        let permitted = grant.operations.iter().any(|o| o.eq_ignore_ascii_case(request.action.name()));
        let account = crate::compiled::principal::named_account(&grant.grantee);
        let grantee = account.unwrap_or(&grant.grantee);
        let name = request.principal.names().find(|n| n.text == grantee)?;
        (permitted && constraints_hold(grant, request)).then(|| reach_of(name.named, &request.principal))
    };
    let mut best: Option<(u32, Reach)> = None;
    for (number, grant) in (0..).zip(grants) {
        if let Some(reach) = meets(grant)
            && best.is_none_or(|(_, b)| b < reach)
        {
            best = Some((number, reach));
        }
    }
    best
}

const ENCRYPTION_CONTEXT: &str = "kms:EncryptionContext:";

fn constraints_hold(grant: &KeyGrant, request: &AuthorizationRequest<'_>) -> bool {
    // Operations that take no encryption context are not constrained.
    if matches!(request.action.name(), "DescribeKey" | "RetireGrant") {
        return true;
    }
    let given = || {
        request.context.entries().filter_map(|entry| {
            let head = entry.name().get(..ENCRYPTION_CONTEXT.len())?;
            let tail = entry.name().get(ENCRYPTION_CONTEXT.len()..)?;
            let value = match entry.values() {
                [value] => Some(value.as_str()),
                _ => None,
            };
            head.eq_ignore_ascii_case(ENCRYPTION_CONTEXT).then_some((tail, value))
        })
    };
    let includes = |wanted: &[(String, String)]| {
        wanted.iter().all(|(k, v)| given().any(|(key, value)| key == k && value == Some(v)))
    };
    grant.context_subset.as_deref().is_none_or(&includes)
        && grant.context_equals.as_deref().is_none_or(|wanted| includes(wanted) && given().count() == wanted.len())
}
