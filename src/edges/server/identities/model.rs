//! What is kept of identities: documents of the store.
//!
//! Source: IAM API Reference, the data types `User`, `Group`, `Role`, `ManagedPolicyDetail`.

use crate::storage::store::{Entity, SealedText};
use serde::{Deserialize, Serialize};

/// The kinds of identities that policies are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An IAM user.
    User,
    /// A group of users.
    Group,
    /// A role.
    Role,
}

impl Kind {
    /// Its word in ARNs, and the name of the needs that are about it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// Its word in messages and in the names of parameters.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
        }
    }

    /// The first four characters of its unique ids. Source: IAM User Guide, "IAM identifiers".
    #[must_use]
    pub fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }
}

/// A user, group or role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name; names that differ in case only are the same.
    pub name: String,
    /// Its path, with `/` on both ends.
    pub path: String,
    /// Its unique id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Inline policies, by name.
    pub inline: Vec<InlinePolicy>,
    /// The ARNs of attached managed policies.
    pub attached: Vec<String>,
    /// The ARN of the policy that is its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// What its kind alone has.
    pub own: Own,
}

/// What one kind of identity alone has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Own {
    /// A user.
    User {
        /// The names of its groups.
        groups: Vec<String>,
        /// Its access keys.
        keys: Vec<KeptKey>,
    },
    /// A group.
    Group,
    /// A role.
    Role(RoleSettings),
}

/// A role's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSettings {
    /// Its trust policy.
    pub trust: String,
    /// Whom the trust policy names, with their unique ids; see `BucketRecord::policy_principals`.
    pub trusted: Vec<(String, Option<String>)>,
    /// What it is for.
    pub description: Option<String>,
    /// Its longest session, in seconds.
    pub max_session: u32,
    /// A service-linked role.
    pub service_linked: bool,
}

/// An inline policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// Its name.
    pub name: String,
    /// The document as it was put.
    pub text: String,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: SealedText,
    /// Whether it may be used.
    pub active: bool,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

impl Entity for Identity {
    const KIND: &'static str = "iam/identity";
}

impl Identity {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.own {
            Own::User { .. } => Kind::User,
            Own::Group => Kind::Group,
            Own::Role(_) => Kind::Role,
        }
    }

    /// The id of its document.
    #[must_use]
    pub fn key(&self) -> String {
        key_of(self.kind(), &self.name)
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:{}{}{}", self.kind().word(), self.path, self.name)
    }

    /// A user's groups; none for others.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        match &self.own {
            Own::User { groups, .. } => groups,
            Own::Group | Own::Role(_) => &[],
        }
    }

    /// A user's access keys; none for others.
    #[must_use]
    pub fn keys(&self) -> &[KeptKey] {
        match &self.own {
            Own::User { keys, .. } => keys,
            Own::Group | Own::Role(_) => &[],
        }
    }

    /// A role's settings.
    #[must_use]
    pub fn role(&self) -> Option<&RoleSettings> {
        match &self.own {
            Own::Role(settings) => Some(settings),
            Own::User { .. } | Own::Group => None,
        }
    }
}

/// The id of the document of an identity. Source: IAM API Reference, `CreateUser`: names are unique without regard to case.
#[must_use]
pub fn key_of(kind: Kind, name: &str) -> String {
    format!("{}/{}", kind.word(), name.to_lowercase())
}

/// A managed policy of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its unique id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When its versions were last changed, in seconds since 1970.
    pub updated: i64,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Its versions, oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version in force.
    pub default: u32,
    /// The number of the next version.
    pub next: u32,
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Its number: `v1` is 1.
    pub number: u32,
    /// The document as it was put.
    pub text: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

impl Entity for ManagedPolicy {
    const KIND: &'static str = "iam/policy";
}

impl ManagedPolicy {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:policy{}{}", self.path, self.name)
    }

    /// The id of its document.
    #[must_use]
    pub fn key(&self) -> String {
        self.name.to_lowercase()
    }

    /// The version in force.
    #[must_use]
    pub fn in_force(&self) -> Option<&PolicyVersion> {
        self.versions.iter().find(|v| v.number == self.default)
    }
}

/// An identity provider that speaks `OpenID` Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its URL without `https://`.
    pub url: String,
    /// The audiences it may name.
    pub client_ids: Vec<String>,
    /// Thumbprints of its server's certificates; kept and not used: its keys come from a file.
    pub thumbprints: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

impl Entity for Provider {
    const KIND: &'static str = "iam/oidc-provider";
}

impl Provider {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", self.url)
    }
}

/// What belongs to an account as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettings {
    /// Its alias, unique over all accounts.
    pub alias: Option<String>,
    /// The root user's access keys.
    pub keys: Vec<KeptKey>,
}

impl AccountSettings {
    /// The id of the document.
    pub const ID: &'static str = "settings";
}

impl Entity for AccountSettings {
    const KIND: &'static str = "iam/account";
}

/// The identities of the seed documents were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded {
    /// The version of these documents.
    pub version: u32,
}

impl Entity for Seeded {
    const KIND: &'static str = "iam/seeded";
}
