//! What a server, a data directory or world files hold of identities and of what policies are attached to, as texts:
//! what is moved from one to another. Secrets are no part of it.

pub mod directory;
pub mod dump;
mod json;
pub mod native;
mod of_world;
mod same;
mod texts;

pub use of_world::of_account;
pub use same::same_document;
pub use texts::Texts;

use super::server::identities::model::Kind;
use crate::decision::KeyGrant;
use crate::policy::acl::{Acl, ObjectOwnership, PublicAccessBlock};
use std::collections::BTreeMap;

/// An account.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Twelve digits.
    pub account: String,
    /// A name for people.
    pub name: Option<String>,
    /// The canonical user id.
    pub canonical_id: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The account's own Block Public Access.
    pub public_access_block: Option<PublicAccessBlock>,
    /// Managed policies by name.
    pub policies: BTreeMap<String, Policy>,
    /// Users, groups and roles by kind and name.
    pub holders: BTreeMap<(Kind, String), Holder>,
    /// Identity providers by URL without its scheme.
    pub providers: BTreeMap<String, crate::simulate::world::OidcProvider>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// KMS keys by id, without those that AWS manages.
    pub keys: BTreeMap<String, Key>,
}

impl Inventory {
    /// The paths of service-linked roles begin so.
    pub const SERVICE_ROLES: &'static str = "/aws-service-role/";
}

/// The line about settings of a bucket or key that no format holds; `None` where it has none.
#[must_use]
pub fn beside<T: AsRef<str>>(entity: &str, settings: &[T]) -> Option<String> {
    let settings: Vec<&str> = settings.iter().map(AsRef::as_ref).collect();
    (!settings.is_empty()).then(|| format!("{entity}: {}: no export holds this", settings.join(", ")))
}

/// A managed policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Its path.
    pub path: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// The documents of its versions by number.
    pub versions: BTreeMap<u32, String>,
    /// The number of the version in force.
    pub default: u32,
}

impl Policy {
    /// The document in force.
    #[must_use]
    pub fn in_force(&self) -> &str {
        self.versions.get(&self.default).map(String::as_str).unwrap_or_default()
    }
}

/// A user, group or role.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    /// Its path.
    pub path: String,
    /// Its unique id, where one is known.
    pub id: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Inline policies: name and document.
    pub inline: Vec<(String, String)>,
    /// The ARNs of attached managed policies.
    pub attached: Vec<String>,
    /// The ARN of the policy that is its permissions boundary.
    pub boundary: Option<String>,
    /// The names of a user's groups.
    pub groups: Vec<String>,
    /// A role's trust policy.
    pub trust: Option<String>,
    /// What a role is for.
    pub description: Option<String>,
    /// A role's longest session, in seconds; `None`: not known.
    pub max_session: Option<u32>,
    /// A service-linked role, which only its service makes.
    pub service_linked: bool,
}

/// A bucket.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Its region.
    pub region: Option<String>,
    /// Its policy.
    pub policy: Option<String>,
    /// Its ACL; `None`: not known.
    pub acl: Option<Acl>,
    /// Its Object Ownership; `None`: not known.
    pub ownership: Option<ObjectOwnership>,
    /// Its Block Public Access; `None`: not known.
    pub public_access_block: Option<PublicAccessBlock>,
}

/// A KMS key.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// Its region.
    pub region: Option<String>,
    /// Its aliases, with `alias/`.
    pub aliases: Vec<String>,
    /// Its policy.
    pub policy: Option<String>,
    /// Its grants.
    pub grants: Vec<KeyGrant>,
}
