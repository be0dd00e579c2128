//! How ACLs, ownership and Block Public Access lie on disk. The types of [`crate::policy::acl`] know no serde.

use crate::policy::acl::{Acl, Grant, Grantee, ObjectOwnership, Permission, PublicAccessBlock};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A grant: to whom (`id:…`, `mail:…` or a group's URI), and the permission's name.
type StoredGrant<'a> = (std::borrow::Cow<'a, str>, &'a str);

/// `Option<Acl>`, as a list of grants.
pub(super) mod acl {
    use super::{Acl, Deserialize, Deserializer, Serialize, Serializer, StoredGrant, read_grant, write_grantee};
    use serde::de::Error as _;

    #[expect(clippy::ref_option, reason = "the signature that serde wants")]
    pub fn serialize<S: Serializer>(value: &Option<Acl>, to: S) -> Result<S::Ok, S::Error> {
        let grants: Option<Vec<StoredGrant<'_>>> = value
            .as_ref()
            .map(|acl| acl.grants.iter().map(|g| (write_grantee(&g.grantee), g.permission.name())).collect());
        grants.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Acl>, D::Error> {
        let Some(stored) = Option::<Vec<(String, String)>>::deserialize(from)? else { return Ok(None) };
        let grants = stored.iter().map(|(to, permission)| read_grant(to, permission)).collect::<Option<Vec<_>>>();
        Ok(Some(Acl { grants: grants.ok_or_else(|| D::Error::custom("unknown grant"))? }))
    }
}

fn write_grantee(grantee: &Grantee) -> std::borrow::Cow<'_, str> {
    use crate::policy::acl::{ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY};
    match grantee {
        Grantee::Canonical(id) => format!("id:{id}").into(),
        Grantee::Email(mail) => format!("mail:{mail}").into(),
        Grantee::AllUsers => ALL_USERS.into(),
        Grantee::AuthenticatedUsers => AUTHENTICATED_USERS.into(),
        Grantee::LogDelivery => LOG_DELIVERY.into(),
    }
}

fn read_grant(to: &str, permission: &str) -> Option<Grant> {
    let grantee = if let Some(id) = to.strip_prefix("id:") {
        Grantee::Canonical(id.to_owned())
    } else if let Some(mail) = to.strip_prefix("mail:") {
        Grantee::Email(mail.to_owned())
    } else {
        Grantee::group(to)?
    };
    Some(Grant { grantee, permission: Permission::parse(permission)? })
}

/// `Option<ObjectOwnership>`, by name.
pub(super) mod ownership {
    use super::{Deserialize, Deserializer, ObjectOwnership, Serialize, Serializer};
    use serde::de::Error as _;

    #[expect(clippy::ref_option, reason = "the signature that serde wants")]
    pub fn serialize<S: Serializer>(value: &Option<ObjectOwnership>, to: S) -> Result<S::Ok, S::Error> {
        value.map(ObjectOwnership::name).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ObjectOwnership>, D::Error> {
        let Some(name) = Option::<String>::deserialize(from)? else { return Ok(None) };
        ObjectOwnership::parse(&name).map(Some).ok_or_else(|| D::Error::custom("unknown object ownership"))
    }
}

/// `Option<PublicAccessBlock>`, as its four flags in S3's order.
pub(super) mod block {
    use super::{Deserialize, Deserializer, PublicAccessBlock, Serialize, Serializer, flags, from_flags};

    #[expect(clippy::ref_option, reason = "the signature that serde wants")]
    pub fn serialize<S: Serializer>(value: &Option<PublicAccessBlock>, to: S) -> Result<S::Ok, S::Error> {
        value.map(flags).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PublicAccessBlock>, D::Error> {
        Ok(Option::<[bool; 4]>::deserialize(from)?.map(from_flags))
    }
}

fn flags(block: PublicAccessBlock) -> [bool; 4] {
    [block.block_public_acls, block.ignore_public_acls, block.block_public_policy, block.restrict_public_buckets]
}

fn from_flags(flags: [bool; 4]) -> PublicAccessBlock {
    let [block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets] = flags;
    PublicAccessBlock { block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets }
}
