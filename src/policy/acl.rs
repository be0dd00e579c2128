//! Access control lists, Object Ownership and Block Public Access settings.
//!
//! Source: S3 User Guide, "Access control list (ACL) overview", "Controlling ownership of objects",
//! "Blocking public access to your Amazon S3 storage".

/// The group of everyone.
pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
/// The group of every authenticated AWS identity, of any account.
pub const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
/// The group that writes server access logs.
pub const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
/// The owner of what anonymous requesters upload.
pub const ANONYMOUS_CANONICAL_ID: &str = "65a011a29cdf8ec533ec3d1ccaae921c";
/// The grantee of the canned ACL `aws-exec-read` (Amazon EC2's bundles).
pub const EC2_CANONICAL_ID: &str = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c";

/// Whom a grant names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// An account, by its canonical user id (or an origin access identity, by its own).
    Canonical(String),
    /// Everyone.
    AllUsers,
    /// Every authenticated identity.
    AuthenticatedUsers,
    /// The log delivery group.
    LogDelivery,
    /// An account by e-mail address; resolved when written, kept where it could not be.
    Email(String),
}

impl Grantee {
    /// The group with this URI.
    #[must_use]
    pub fn group(uri: &str) -> Option<Self> {
        match uri {
            ALL_USERS => Some(Self::AllUsers),
            AUTHENTICATED_USERS => Some(Self::AuthenticatedUsers),
            LOG_DELIVERY => Some(Self::LogDelivery),
            _ => None,
        }
    }

    /// Its type, and the id, URI or address that names it.
    #[must_use]
    pub fn named(&self) -> (&'static str, &str) {
        match self {
            Self::Canonical(id) => ("CanonicalUser", id),
            Self::Email(address) => ("Email", address),
            Self::AllUsers => ("Group", ALL_USERS),
            Self::AuthenticatedUsers => ("Group", AUTHENTICATED_USERS),
            Self::LogDelivery => ("Group", LOG_DELIVERY),
        }
    }

    /// Whether a grant to it makes an ACL public.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self, Self::AllUsers | Self::AuthenticatedUsers)
    }
}

/// What a grant gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// List the bucket, or read the object.
    Read,
    /// Create objects in the bucket.
    Write,
    /// Read the ACL.
    ReadAcp,
    /// Write the ACL.
    WriteAcp,
    /// All of them.
    FullControl,
}

impl Permission {
    /// Reads `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "READ" => Self::Read,
            "WRITE" => Self::Write,
            "READ_ACP" => Self::ReadAcp,
            "WRITE_ACP" => Self::WriteAcp,
            "FULL_CONTROL" => Self::FullControl,
            _ => return None,
        })
    }

    /// The name as S3 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::ReadAcp => "READ_ACP",
            Self::WriteAcp => "WRITE_ACP",
            Self::FullControl => "FULL_CONTROL",
        }
    }

    /// Whether holding `self` means holding `other`.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self == other || self == Self::FullControl
    }
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// An access control list; there is no deny in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// Its grants, at most 100.
    pub grants: Vec<Grant>,
}

impl Acl {
    /// The default: the owner holds everything.
    #[must_use]
    pub fn private(owner: &str) -> Self {
        Self {
            grants: vec![Grant { grantee: Grantee::Canonical(owner.to_owned()), permission: Permission::FullControl }],
        }
    }

    /// A canned ACL. `bucket_owner` matters for the two that name the bucket's owner.
    #[must_use]
    pub fn canned(name: &str, owner: &str, bucket_owner: &str) -> Option<Self> {
        let mut acl = Self::private(owner);
        let mut add = |grantee, permission| acl.grants.push(Grant { grantee, permission });
        let canonical = |id: &str| Grantee::Canonical(id.to_owned());
        match name {
            "private" => {}
            "public-read" => add(Grantee::AllUsers, Permission::Read),
            "public-read-write" => {
                add(Grantee::AllUsers, Permission::Read);
                add(Grantee::AllUsers, Permission::Write);
            }
            "authenticated-read" => add(Grantee::AuthenticatedUsers, Permission::Read),
            "aws-exec-read" => add(canonical(EC2_CANONICAL_ID), Permission::Read),
            "bucket-owner-read" => add(canonical(bucket_owner), Permission::Read),
            "bucket-owner-full-control" => add(canonical(bucket_owner), Permission::FullControl),
            "log-delivery-write" => {
                add(Grantee::LogDelivery, Permission::Write);
                add(Grantee::LogDelivery, Permission::ReadAcp);
            }
            _ => return None,
        }
        Some(acl)
    }

    /// Whether any grant goes to everyone or to every authenticated identity.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|g| g.grantee.is_public())
    }
}

/// Whether the value of an `x-amz-acl` header names a public canned ACL.
#[must_use]
pub fn canned_is_public(name: &str) -> bool {
    // PERF: asked in `decide`, so no list is built. A test compares it with the lists.
    matches!(name, "public-read" | "public-read-write" | "authenticated-read")
}

/// Whether the value of an `x-amz-grant-*` header (`uri="…", id="…"`) names a public group.
#[must_use]
pub fn grant_header_is_public(value: &str) -> bool {
    value.split(',').any(|part| {
        part.split_once('=').is_some_and(|(kind, grantee)| {
            kind.trim().eq_ignore_ascii_case("uri")
                && Grantee::group(grantee.trim().trim_matches('"')).is_some_and(|g| g.is_public())
        })
    })
}

/// Who owns new objects, and whether ACLs count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ObjectOwnership {
    /// ACLs are disabled; the bucket's owner owns everything. The default of new buckets.
    #[default]
    BucketOwnerEnforced,
    /// ACLs count; uploads with `bucket-owner-full-control` belong to the bucket's owner.
    BucketOwnerPreferred,
    /// ACLs count; the uploader owns the object.
    ObjectWriter,
}

impl ObjectOwnership {
    /// Reads the setting's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "BucketOwnerEnforced" => Self::BucketOwnerEnforced,
            "BucketOwnerPreferred" => Self::BucketOwnerPreferred,
            "ObjectWriter" => Self::ObjectWriter,
            _ => return None,
        })
    }

    /// The setting's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BucketOwnerEnforced => "BucketOwnerEnforced",
            Self::BucketOwnerPreferred => "BucketOwnerPreferred",
            Self::ObjectWriter => "ObjectWriter",
        }
    }
}

/// The four flags of Block Public Access, of a bucket or an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "S3 has exactly these four independent flags")]
pub struct PublicAccessBlock {
    /// Requests that set a public ACL are refused.
    pub block_public_acls: bool,
    /// Public ACLs have no effect.
    pub ignore_public_acls: bool,
    /// Requests that set a public bucket policy are refused.
    pub block_public_policy: bool,
    /// A bucket with a public policy is open only to AWS services and its owner's account.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// All four on: the default of new buckets.
    pub const ALL: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };

    /// The stricter of two settings, flag by flag.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            block_public_acls: self.block_public_acls || other.block_public_acls,
            ignore_public_acls: self.ignore_public_acls || other.ignore_public_acls,
            block_public_policy: self.block_public_policy || other.block_public_policy,
            restrict_public_buckets: self.restrict_public_buckets || other.restrict_public_buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_headers() {
        for name in [
            "private",
            "public-read",
            "public-read-write",
            "authenticated-read",
            "aws-exec-read",
            "bucket-owner-read",
            "bucket-owner-full-control",
            "log-delivery-write",
            "nonsense",
        ] {
            let listed = Acl::canned(name, "w", "b").is_some_and(|acl| acl.is_public());
            assert_eq!(canned_is_public(name), listed, "{name}");
        }
        assert!(canned_is_public("public-read") && canned_is_public("authenticated-read"));
        assert!(!canned_is_public("private") && !canned_is_public("log-delivery-write") && !canned_is_public("x"));
        assert!(grant_header_is_public(&format!("id=\"abc\", uri=\"{ALL_USERS}\"")));
        assert!(grant_header_is_public(&format!("URI={AUTHENTICATED_USERS}")));
        assert!(!grant_header_is_public(&format!("uri=\"{LOG_DELIVERY}\"")));
        assert!(!grant_header_is_public(&format!("id=\"{ALL_USERS}\"")));
    }

    #[test]
    fn canned_acls_name_their_grantees() {
        let acl = Acl::canned("bucket-owner-read", "w", "b").expect("known");
        assert_eq!(acl.grants.len(), 2);
        assert_eq!(Acl::canned("nonsense", "w", "b"), None);
    }
}
