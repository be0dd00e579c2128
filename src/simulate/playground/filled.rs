//! What a pasted text fills.

use super::answer::QuestionProblem;
use super::question::{BlockPublicAccess, PolicyText, Question, QuestionGrant, QuestionPrincipal};
use crate::simulate::world::Gap;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a pasted text is, and what it fills.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pasted {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// What it is.
    pub kind: PastedKind,
    /// What it is, in words.
    pub what: String,
    /// What it says about request, policies and bucket.
    pub fill: Fill,
    /// Of a scenario file: its scenarios, at most [`MAX_PASTED`].
    pub scenarios: Vec<PastedScenario>,
    /// Of a world or an account's dump: who can ask; see [`from_world`](super::from_world). At most [`MAX_PASTED`].
    pub principals: Vec<Choice>,
    /// Of a world or an account's dump: what can be asked for, at most [`MAX_PASTED`].
    pub resources: Vec<Choice>,
    /// What people should know about it.
    pub notes: Vec<String>,
    /// Why it could not be read.
    pub problems: Vec<QuestionProblem>,
}

/// Longer lists are cut, with a note.
pub const MAX_PASTED: usize = 2000;

/// What a pasted text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum PastedKind {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// AWS's sentence about a refused request.
    AccessDenied,
    /// An event of CloudTrail.
    Cloudtrail,
    /// A policy document, bare or as `get-bucket-policy` and the like give it.
    Policy,
    /// `aws s3api get-bucket-acl`.
    BucketAcl,
    /// `aws s3api get-public-access-block`.
    PublicAccessBlock,
    /// `aws s3api get-bucket-ownership-controls`.
    OwnershipControls,
    /// A scenario file.
    Scenarios,
    /// `aws iam get-account-authorization-details`, or a world file.
    World,
}

/// The parts of a question that a text says something about; what it says nothing about stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Fill {
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<QuestionPrincipal>,
    /// The action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Context keys.
    pub context: BTreeMap<String, Vec<String>>,
    /// Policies with the kind that each seems to be.
    pub policies: Vec<FilledPolicy>,
    /// Settings of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketFill>,
}

/// A policy and the tab it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FilledPolicy {
    /// `identity`, `boundary`, `session`, `scp`, `rcp`, `bucket`, `key`, `trust` or `vpce`.
    #[cfg_attr(test, ts(type = "PolicyKindWord"))]
    pub kind: &'static str,
    /// The policy.
    pub policy: PolicyText,
}

/// What a text says about a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct BucketFill {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The canonical user id of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_canonical: Option<String>,
    /// Its ACL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Vec<QuestionGrant>>,
    /// Its Object Ownership.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_ownership: Option<String>,
    /// Its Block Public Access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_public_access: Option<BlockPublicAccess>,
}

/// A scenario as a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PastedScenario {
    /// Its id.
    pub id: String,
    /// What it pins down.
    pub why: String,
    /// The answer it expects.
    pub expect: String,
    /// The question.
    pub question: Question,
}

/// Somebody or something of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Choice {
    /// How it is named in a question: `user/alice@111122223333`, `s3://reports`.
    pub name: String,
    /// `user`, `role`, `root`, `bucket`, `key`.
    pub kind: String,
    /// Its ARN.
    pub arn: String,
}

/// A question about a world, in the words of the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorldQuestion {
    /// Who: a name of [`Pasted::principals`], an ARN, `anyone`, …
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource: `s3://bucket/key`, an ARN, …
    pub resource: String,
    /// Circumstances as options: `--from 203.0.113.7 --mfa`.
    pub circumstances: String,
}

/// A question about a world with the policies that apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorldAsked {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The question; `null` where it could not be asked.
    pub question: Option<Question>,
    /// Layers that the world does not hold, with the command that would fetch each.
    pub gaps: Vec<Gap>,
    /// Why it could not be asked.
    pub problems: Vec<QuestionProblem>,
}
