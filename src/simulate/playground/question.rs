//! A question as the page holds it: one scenario, whose policies are the texts that somebody types.

use crate::policy::Acceptance;
use serde::Serialize;
use std::collections::BTreeMap;

/// One authorization question with everything that applies to it. The fields are those of a scenario; policies are
/// texts, so that every place in an answer is a place in what was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Question {
    /// What applies.
    pub layers: QuestionLayers,
    /// The request.
    pub request: QuestionRequest,
    /// Which policies are accepted.
    #[cfg_attr(test, ts(optional, as = "Option<Accepted>"))]
    pub acceptance: Accepted,
}

/// Which policies are accepted; see [`Acceptance`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Accepted {
    /// What AWS would store for that kind of policy.
    #[default]
    Stored,
    /// Whatever has a definite meaning, as in scenarios.
    Evaluable,
}

impl From<Accepted> for Acceptance {
    fn from(accepted: Accepted) -> Self {
        match accepted {
            Accepted::Stored => Self::Stored,
            Accepted::Evaluable => Self::Evaluable,
        }
    }
}

/// A policy as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyText {
    /// What answers call it.
    pub name: String,
    /// The document, JSON.
    pub text: String,
    /// Whether it counts.
    #[cfg_attr(test, ts(optional, as = "Option<PolicyState>"))]
    pub state: PolicyState,
}

/// Whether a policy counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum PolicyState {
    /// It applies.
    #[default]
    On,
    /// It is left out, as if it were removed.
    Off,
    /// It applies and nobody knows what it says; its text is not read.
    Unknown,
}

/// The layers of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct QuestionLayers {
    /// Identity-based policies, a union.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Vec<PolicyText>>,
    /// The permissions boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<PolicyText>,
    /// Session policies, a union.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Vec<PolicyText>>,
    /// Service control policies, level by level: root, units, account. A level without a policy allows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scp: Option<Vec<Vec<PolicyText>>>,
    /// Resource control policies, level by level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcp: Option<Vec<Vec<PolicyText>>>,
    /// The policy of the bucket, the key or the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<PolicyText>,
    /// The policy of the VPC endpoint that the request came through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpce: Option<PolicyText>,
    /// S3's settings of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<QuestionBucket>,
    /// The KMS key's grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<QuestionKeyGrant>>,
    /// What is known of the object; without it nothing exists at the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<QuestionObject>,
    /// Layers that exist and were not given: `identity`, `boundary`, `session`, `scp`, `rcp`, `resource`, `vpce`,
    /// `grants`, `acl`, `block_public_access`, `bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Vec<String>>,
}

/// S3's settings of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct QuestionBucket {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner_account: String,
    /// The canonical user id of that account, where ACLs matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_canonical: Option<String>,
    /// Its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its ACL; without one the owner holds everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Vec<QuestionGrant>>,
    /// `BucketOwnerEnforced` (the default), `BucketOwnerPreferred` or `ObjectWriter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_ownership: Option<String>,
    /// Its own Block Public Access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_public_access: Option<BlockPublicAccess>,
    /// The account's Block Public Access; the stricter of the two holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_block_public_access: Option<BlockPublicAccess>,
}

/// S3's four flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the shape of S3's own setting")]
pub struct BlockPublicAccess {
    /// Requests that set a public ACL are refused.
    pub block_public_acls: bool,
    /// Public ACLs do not count.
    pub ignore_public_acls: bool,
    /// Requests that set a public policy are refused.
    pub block_public_policy: bool,
    /// A public policy is for the owner's account and services only.
    pub restrict_public_buckets: bool,
}

/// A grant of an ACL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QuestionGrant {
    /// To whom.
    pub grantee: QuestionGrantee,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// A grantee of an ACL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QuestionGrantee {
    /// `CanonicalUser`, `Group` or `Email`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The canonical user id, the group's URI or the address.
    pub id: String,
}

/// A KMS grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct QuestionKeyGrant {
    /// The grantee principal's ARN, account id or service.
    pub grantee: String,
    /// The operations it permits, such as `Decrypt`.
    pub operations: Vec<String>,
    /// What the request's encryption context must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraints: Option<QuestionConstraints>,
}

/// The constraints of a KMS grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "PascalCase")]
pub struct QuestionConstraints {
    /// The encryption context is exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
    /// The encryption context includes this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
}

/// What is known of an existing object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct QuestionObject {
    /// The canonical user id of its owner; without it the bucket's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_canonical: Option<String>,
    /// Its ACL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Vec<QuestionGrant>>,
    /// Its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// The request of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QuestionRequest {
    /// Who.
    pub principal: QuestionPrincipal,
    /// The action's full name.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The context keys with their values; a key without values is present without values.
    #[cfg_attr(test, ts(optional, as = "Option<BTreeMap<String, Vec<String>>>"))]
    pub context: BTreeMap<String, Vec<String>>,
    /// Add the keys that follow from principal and resource.
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub derive_context: bool,
}

impl Default for QuestionRequest {
    fn default() -> Self {
        Self {
            principal: QuestionPrincipal::default(),
            action: String::new(),
            resource: String::new(),
            context: BTreeMap::new(),
            derive_context: true,
        }
    }
}

/// The principal of a question; see [`OwnedPrincipal`](crate::simulate::scenario::OwnedPrincipal).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct QuestionPrincipal {
    /// `user`, `role-session`, `root`, `anonymous`, `service`, `oai`, `federated`, `canonical`.
    pub kind: String,
    /// The ARN, or a service's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Its account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its canonical user id, where ACLs matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The role behind a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Its unique id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The user behind a federation token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_arn: Option<String>,
    /// A service-linked role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_linked: Option<bool>,
}
