//! The layers of a recorded decision: policies by digest, S3's settings in full.

use crate::compiled::CompiledPolicy;
use crate::decision::{Bucket, KeyGrant, LayerState, Layers, PolicySet};
use crate::policy::acl::{Acl, Grant, Grantee, ObjectOwnership, Permission, PublicAccessBlock};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Whether a layer applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerWord {
    /// It did not apply.
    #[default]
    Absent,
    /// It existed and was not given.
    Unknown,
    /// It was given.
    Given,
}

impl LayerWord {
    fn of<T>(state: &LayerState<T>) -> Self {
        match state {
            LayerState::Absent => Self::Absent,
            LayerState::Unknown => Self::Unknown,
            LayerState::Given(_) => Self::Given,
        }
    }

    /// The state, made where the layer was given.
    pub(super) fn state<T>(self, make: impl FnOnce() -> Result<T, String>) -> Result<LayerState<T>, String> {
        Ok(match self {
            Self::Absent => LayerState::Absent,
            Self::Unknown => LayerState::Unknown,
            Self::Given => LayerState::Given(make()?),
        })
    }
}

/// Everything that applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedLayers {
    /// The identity-based policies.
    pub identity: RecordedLayer,
    /// The permissions boundary.
    pub boundary: RecordedLayer,
    /// The session policies.
    pub session: RecordedLayer,
    /// The service control policies.
    pub service_control: RecordedLayer,
    /// The resource control policies.
    pub resource_control: RecordedLayer,
    /// The resource-based policy.
    pub resource: RecordedLayer,
    /// The VPC endpoint's policy.
    pub vpc_endpoint: RecordedLayer,
    /// S3's settings of the bucket.
    pub bucket: Option<RecordedBucket>,
    /// The KMS key's grants.
    pub key_grants: RecordedKeyGrants,
}

/// A layer of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedLayer {
    /// Whether it applied.
    pub state: LayerWord,
    /// Its policies, level by level; layers without levels have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Vec<RecordedPolicy>>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPolicy {
    /// What explanations call it.
    pub name: String,
    /// Its kind, as [`crate::policy::PolicyKind::from_word`] reads it.
    pub kind: String,
    /// `sha256:` and the hexadecimal digest of [`document_text`].
    pub digest: String,
}

/// S3's settings of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBucket {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner_account: String,
    /// The canonical user id of that account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_canonical: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its Object Ownership setting.
    pub object_ownership: String,
    /// Its ACL.
    pub acl: RecordedAcl,
    /// The stricter of its own and its account's Block Public Access.
    pub public_access_block: RecordedBlock,
}

/// An ACL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAcl {
    /// Whether there is one.
    pub state: LayerWord,
    /// Its grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<RecordedGrant>,
}

/// A grant of an ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedGrant {
    /// `CanonicalUser`, `Group` or `Email`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The canonical user id, the group's URI or the address.
    pub id: String,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: Cow<'static, str>,
}

/// Block Public Access; the flags are S3's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBlock {
    /// Whether it is set.
    pub state: LayerWord,
    /// The names of the flags that are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Cow<'static, str>>,
}

/// A KMS key's grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedKeyGrants {
    /// Whether there are any.
    pub state: LayerWord,
    /// The grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<RecordedKeyGrant>,
}

/// A KMS grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedKeyGrant {
    /// The grantee.
    pub grantee: String,
    /// The operations it permits.
    pub operations: Vec<String>,
    /// `EncryptionContextEquals`, pair by pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_equals: Option<Vec<(String, String)>>,
    /// `EncryptionContextSubset`, pair by pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_subset: Option<Vec<(String, String)>>,
}

/// The text of a policy's own document, as the log stores it: the whole source where it holds nothing else,
/// and otherwise the part of it, so that places in an explanation are places in this text.
#[must_use]
pub fn document_text(policy: &CompiledPolicy) -> Cow<'_, str> {
    let (text, span) = (&*policy.source().text, policy.document());
    let range = span.drawable(text);
    let (before, own) = (text.get(..range.start).unwrap_or_default(), text.get(range.clone()).unwrap_or_default());
    if before.trim().is_empty() && text.get(range.end..).is_none_or(|behind| behind.trim().is_empty()) {
        return Cow::Borrowed(text);
    }
    let json = text.trim_start().starts_with(['{', '[']);
    if json {
        return Cow::Borrowed(own);
    }
    // A part of a YAML file: its indentation has to stay, and what starts with a brace must not pass for JSON.
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    if own.starts_with(['{', '[']) {
        return Cow::Owned(format!("# in place\n{}{own}\n", " ".repeat(column)));
    }
    Cow::Owned(format!("{}{}\n", " ".repeat(column), own.trim_end()))
}

impl RecordedLayers {
    /// Layers as they are recorded; `digest` gives the digest of a policy's text.
    pub fn of(layers: &Layers, mut digest: impl FnMut(&std::sync::Arc<CompiledPolicy>) -> String) -> Self {
        let mut set = |set: &PolicySet| -> Vec<RecordedPolicy> {
            let policies = set.policies().iter();
            let recorded = policies.map(|policy| RecordedPolicy {
                name: policy.name().to_owned(),
                kind: policy.kind().word().to_owned(),
                digest: digest(policy),
            });
            recorded.collect()
        };
        let mut one = |state: &LayerState<PolicySet>| RecordedLayer {
            state: LayerWord::of(state),
            levels: state.given().map(&mut set).into_iter().collect(),
        };
        let (identity, boundary) = (one(&layers.identity), one(&layers.boundary));
        let (session, resource) = (one(&layers.session), one(&layers.resource));
        let vpc_endpoint = one(&layers.vpc_endpoint);
        let mut levels = |state: &LayerState<Vec<PolicySet>>| RecordedLayer {
            state: LayerWord::of(state),
            levels: state.given().into_iter().flatten().map(&mut set).collect(),
        };
        Self {
            identity,
            boundary,
            session,
            service_control: levels(&layers.service_control),
            resource_control: levels(&layers.resource_control),
            resource,
            vpc_endpoint,
            bucket: layers.bucket.as_ref().map(RecordedBucket::of),
            key_grants: RecordedKeyGrants {
                state: LayerWord::of(&layers.grants),
                grants: layers.grants.given().into_iter().flatten().map(RecordedKeyGrant::of).collect(),
            },
        }
    }
}

impl RecordedBucket {
    fn of(bucket: &Bucket) -> Self {
        Self {
            name: bucket.name.clone(),
            owner_account: bucket.owner_account.clone(),
            owner_canonical: bucket.owner_canonical.clone(),
            region: bucket.region.clone(),
            object_ownership: bucket.ownership.name().to_owned(),
            acl: RecordedAcl {
                state: LayerWord::of(&bucket.acl),
                grants: bucket.acl.given().map(grants).unwrap_or_default(),
            },
            public_access_block: RecordedBlock {
                state: LayerWord::of(&bucket.public_access_block),
                on: bucket.public_access_block.given().map(flags).unwrap_or_default(),
            },
        }
    }

    /// The settings.
    ///
    /// # Errors
    /// A sentence about a name that is none of S3's.
    pub(super) fn settings(&self) -> Result<Bucket, String> {
        Ok(Bucket {
            name: self.name.clone(),
            owner_account: self.owner_account.clone(),
            owner_canonical: self.owner_canonical.clone(),
            region: self.region.clone(),
            acl: self.acl.state.state(|| acl(&self.acl.grants))?,
            ownership: ObjectOwnership::parse(&self.object_ownership)
                .ok_or_else(|| format!("`{}` is not an Object Ownership setting", self.object_ownership))?,
            public_access_block: self.public_access_block.state.state(|| block(&self.public_access_block.on))?,
        })
    }
}

pub(in crate::simulate) fn grants(acl: &Acl) -> Vec<RecordedGrant> {
    let grant = |grant: &Grant| {
        let (kind, id) = grant.grantee.named();
        RecordedGrant { kind: kind.into(), id: id.to_owned(), permission: grant.permission.name().into() }
    };
    acl.grants.iter().map(grant).collect()
}

pub(super) fn acl(grants: &[RecordedGrant]) -> Result<Acl, String> {
    let grant = |grant: &RecordedGrant| {
        let grantee = match &*grant.kind {
            "CanonicalUser" => Some(Grantee::Canonical(grant.id.clone())),
            "Email" => Some(Grantee::Email(grant.id.clone())),
            "Group" => Grantee::group(&grant.id),
            _ => None,
        };
        let grantee = grantee.ok_or_else(|| format!("`{} {}` is not a grantee", grant.kind, grant.id))?;
        let permission = Permission::parse(&grant.permission)
            .ok_or_else(|| format!("`{}` is not an ACL permission", grant.permission))?;
        Ok(Grant { grantee, permission })
    };
    Ok(Acl { grants: grants.iter().map(grant).collect::<Result<_, String>>()? })
}

fn flags(block: &PublicAccessBlock) -> Vec<Cow<'static, str>> {
    let all = [
        (block.block_public_acls, "BlockPublicAcls"),
        (block.ignore_public_acls, "IgnorePublicAcls"),
        (block.block_public_policy, "BlockPublicPolicy"),
        (block.restrict_public_buckets, "RestrictPublicBuckets"),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.into()).collect()
}

fn block(on: &[Cow<'static, str>]) -> Result<PublicAccessBlock, String> {
    let mut block = PublicAccessBlock::default();
    for flag in on {
        match &**flag {
            "BlockPublicAcls" => block.block_public_acls = true,
            "IgnorePublicAcls" => block.ignore_public_acls = true,
            "BlockPublicPolicy" => block.block_public_policy = true,
            "RestrictPublicBuckets" => block.restrict_public_buckets = true,
            other => return Err(format!("`{other}` is not a flag of Block Public Access")),
        }
    }
    Ok(block)
}

impl RecordedKeyGrant {
    fn of(grant: &KeyGrant) -> Self {
        Self {
            grantee: grant.grantee.clone(),
            operations: grant.operations.clone(),
            context_equals: grant.context_equals.clone(),
            context_subset: grant.context_subset.clone(),
        }
    }

    pub(super) fn grant(&self) -> KeyGrant {
        KeyGrant {
            grantee: self.grantee.clone(),
            operations: self.operations.clone(),
            context_equals: self.context_equals.clone(),
            context_subset: self.context_subset.clone(),
        }
    }
}
