//! What access control lists add to the resource side.
//!
//! Source: S3 User Guide, "Access control list (ACL) overview", "How Amazon S3 authorizes a request",
//! "Controlling ownership of objects".

use super::combine::Reach;
use super::layers::Bucket;
use super::principal::{Principal, PrincipalKind};
use super::request::{AuthorizationRequest, ObjectFacts};
use crate::policy::acl::{Acl, Grantee, ObjectOwnership, Permission};
use crate::words::vocabulary::OBJECT;

/// Which list a grant stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum AclOf {
    /// The bucket's.
    Bucket,
    /// The object's.
    Object,
}

/// A grant that meets the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclGrant {
    /// The list.
    pub of: AclOf,
    /// Its number in the list; `None` for what the object's owner always keeps.
    pub number: Option<u32>,
    /// How far it reaches.
    pub reach: Reach,
}

/// Which permission of which list an S3 action asks for. Tagging, retention, policies and the rest are
/// never granted by an ACL.
fn asked(action: &str) -> Option<(AclOf, Permission)> {
    Some(match action {
        "ListBucket" | "ListBucketVersions" | "ListBucketMultipartUploads" => (AclOf::Bucket, Permission::Read),
        "PutObject" | "DeleteObject" | "DeleteObjectVersion" => (AclOf::Bucket, Permission::Write),
        "GetBucketAcl" => (AclOf::Bucket, Permission::ReadAcp),
        "PutBucketAcl" => (AclOf::Bucket, Permission::WriteAcp),
        "GetObject" | "GetObjectVersion" => (AclOf::Object, Permission::Read),
        "GetObjectAcl" | "GetObjectVersionAcl" => (AclOf::Object, Permission::ReadAcp),
        "PutObjectAcl" | "PutObjectVersionAcl" => (AclOf::Object, Permission::WriteAcp),
        _ => return None,
    })
}

/// What the bucket's owner may do to an object that belongs to somebody else.
fn is_bucket_owners(action: &str) -> bool {
    matches!(
        action,
        "PutObject"
            | "DeleteObject"
            | "DeleteObjectVersion"
            | "AbortMultipartUpload"
            | "ListMultipartUploadParts"
            | "RestoreObject"
    ) || action.starts_with("Replicate")
}

/// Whether the request addresses an object that belongs to another account than the bucket: policies
/// of the bucket's account allow nothing on it (their Denies hold).
pub(super) fn is_foreign_object(bucket: &Bucket, request: &AuthorizationRequest<'_>) -> bool {
    let Some(owner) = request.resource.object.and_then(|o| o.owner_canonical) else { return false };
    bucket.ownership != ObjectOwnership::BucketOwnerEnforced
        && bucket.owner_canonical.as_deref() != Some(owner)
        && request.action.id().is_some_and(|id| id.resources() & OBJECT != 0)
        && request.action.s3().is_some_and(|name| !is_bucket_owners(name))
}

/// Whether an ACL that was not given could allow the request.
pub(super) fn could_matter(bucket: &Bucket, request: &AuthorizationRequest<'_>) -> bool {
    bucket.ownership != ObjectOwnership::BucketOwnerEnforced
        && request.action.s3().and_then(asked).is_some_and(|(of, _)| of == AclOf::Bucket)
}

/// The furthest-reaching grant that meets the request.
pub(super) fn granted(bucket: &Bucket, ignore_public: bool, request: &AuthorizationRequest<'_>) -> Option<AclGrant> {
    if bucket.ownership == ObjectOwnership::BucketOwnerEnforced {
        return None;
    }
    let action = request.action.s3()?;
    let (of, permission) = asked(action)?;
    match of {
        AclOf::Bucket => {
            let whose = match permission {
                Permission::Write => writers(bucket, request, action)?,
                _ => Whose::Anyones,
            };
            match bucket.acl.given() {
                Some(acl) => best(acl, of, permission, ignore_public, &request.principal, whose),
                None => owner_holds(bucket.owner_canonical.as_deref(), of, &request.principal),
            }
        }
        AclOf::Object => {
            let object = request.resource.object.unwrap_or_default();
            let owner = object_owner(bucket, &object);
            let granted = match object.acl {
                Some(acl) => best(acl, of, permission, ignore_public, &request.principal, Whose::Anyones),
                None => owner_holds(owner, of, &request.principal),
            };
            // The owner may always read and write the ACL, whatever it says.
            let acp = matches!(permission, Permission::ReadAcp | Permission::WriteAcp);
            granted.or_else(|| acp.then(|| owner_holds(owner, of, &request.principal)).flatten())
        }
    }
}

fn object_owner<'a>(bucket: &'a Bucket, object: &ObjectFacts<'a>) -> Option<&'a str> {
    object.owner_canonical.or(bucket.owner_canonical.as_deref())
}

/// Which grants count.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// Every grant that names the requester.
    Anyones,
    /// Grants to this canonical user only.
    Only(&'a str),
}

/// WRITE creates new keys. What exists only its owner may overwrite or delete, and the bucket's owner by a
/// grant of its own.
fn writers<'a>(bucket: &'a Bucket, request: &AuthorizationRequest<'_>, action: &str) -> Option<Whose<'a>> {
    let canonical = request.principal.canonical;
    let is = |owner: Option<&str>| owner.is_some() && owner == canonical;
    let owns_object = request.resource.object.is_some_and(|object| is(object_owner(bucket, &object)));
    let open = match action {
        "PutObject" => owns_object || request.resource.object.is_none(),
        "DeleteObject" => owns_object,
        _ => false,
    };
    let owner = bucket.owner_canonical.as_deref();
    if open { Some(Whose::Anyones) } else { owner.filter(|_| is(owner)).map(Whose::Only) }
}

fn owner_holds(owner: Option<&str>, of: AclOf, principal: &Principal<'_>) -> Option<AclGrant> {
    let owner = owner?;
    let reach = reach_of(&Grantee::Canonical(String::new()), principal)?;
    (principal.canonical == Some(owner)).then_some(AclGrant { of, number: None, reach })
}

fn best(
    acl: &Acl,
    of: AclOf,
    wanted: Permission,
    ignore_public: bool,
    principal: &Principal<'_>,
    whose: Whose<'_>,
) -> Option<AclGrant> {
    // A public ACL is ignored as a whole: the safer reading of "ignores all public ACLs".
    if ignore_public && acl.is_public() {
        return None;
    }
    let mut best: Option<AclGrant> = None;
    for (number, grant) in (0..).zip(&acl.grants) {
        let names = match (&grant.grantee, whose) {
            (Grantee::Canonical(id), Whose::Only(only)) => id == only && principal.canonical == Some(only),
            (Grantee::Canonical(id), Whose::Anyones) => principal.canonical == Some(id.as_str()),
            (_, Whose::Only(_)) => false,
            (_, Whose::Anyones) => true,
        };
        if !names || !grant.permission.includes(wanted) {
            continue;
        }
        if let Some(reach) = reach_of(&grant.grantee, principal)
            && best.is_none_or(|b| b.reach < reach)
        {
            best = Some(AclGrant { of, number: Some(number), reach });
        }
    }
    best
}

/// How far a grant to this kind of grantee reaches for the principal; `None`: not at all.
fn reach_of(grantee: &Grantee, principal: &Principal<'_>) -> Option<Reach> {
    match grantee {
        // A canonical user is an account: its principals still need their own policies.
        Grantee::Canonical(_) if principal.has_identity_side() => Some(Reach::Delegates),
        Grantee::Canonical(_) | Grantee::AllUsers => Some(Reach::GrantsBeyondLimits),
        Grantee::AuthenticatedUsers => principal.has_identity_side().then_some(Reach::GrantsBeyondLimits),
        Grantee::LogDelivery => (principal.kind == PrincipalKind::Service
            && principal.arn == "logging.s3.amazonaws.com")
            .then_some(Reach::GrantsBeyondLimits),
        // Resolved when written; an address that stayed names nobody.
        Grantee::Email(_) => None,
    }
}
