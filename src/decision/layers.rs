//! What applies to a request: the layers of policies and S3's own settings.

use super::combine::Layer;
use super::observer::StatementRef;
use crate::compiled::CompiledPolicy;
use crate::policy::Effect;
use crate::policy::acl::{Acl, ObjectOwnership, PublicAccessBlock};
use std::sync::Arc;

/// A layer that may not apply, may apply without being known, or is given.
#[derive(Clone, Debug, Default)]
pub enum LayerState<T> {
    /// The layer does not apply.
    #[default]
    Absent,
    /// The layer exists but was not given: a decision it would make is a denial.
    Unknown,
    /// The layer.
    Given(T),
}

impl<T> LayerState<T> {
    /// The layer where it is given.
    #[inline]
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(layer) => Some(layer),
            Self::Absent | Self::Unknown => None,
        }
    }

    /// Whether the layer does not apply.
    #[inline]
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the layer exists but was not given.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl<T> From<Option<T>> for LayerState<T> {
    fn from(layer: Option<T>) -> Self {
        layer.map_or(Self::Absent, Self::Given)
    }
}

/// Policies that count as one: an Allow of any of them allows. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    policies: Arc<[Arc<CompiledPolicy>]>,
    denies: bool,
}

impl PolicySet {
    /// The set of these policies.
    #[must_use]
    pub fn new(policies: Vec<Arc<CompiledPolicy>>) -> Self {
        let denies = policies.iter().any(|p| p.statements().iter().any(|s| s.effect == Effect::Deny));
        Self { policies: policies.into(), denies }
    }

    /// Whether some statement denies.
    #[inline]
    pub(super) fn denies(&self) -> bool {
        self.denies
    }

    /// The policies in their order.
    #[inline]
    #[must_use]
    pub fn policies(&self) -> &[Arc<CompiledPolicy>] {
        &self.policies
    }
}

impl From<CompiledPolicy> for PolicySet {
    fn from(policy: CompiledPolicy) -> Self {
        Self::new(vec![Arc::new(policy)])
    }
}

/// S3's settings of a bucket.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner_account: String,
    /// The canonical user id of that account, where ACLs matter.
    pub owner_canonical: Option<String>,
    /// Its region, for `aws:RequestedRegion` and messages.
    pub region: Option<String>,
    /// Its ACL; `Absent`: the owner holds everything.
    pub acl: LayerState<Acl>,
    /// Its Object Ownership setting.
    pub ownership: ObjectOwnership,
    /// The stricter of the bucket's and its account's Block Public Access.
    pub public_access_block: LayerState<PublicAccessBlock>,
}

/// A KMS grant. Source: KMS API Reference, `CreateGrant`.
#[derive(Clone, Debug, Default)]
pub struct KeyGrant {
    /// The grantee principal's ARN, account id or service.
    pub grantee: String,
    /// The operations it permits, such as `Decrypt`.
    pub operations: Vec<String>,
    /// `EncryptionContextEquals`: the request's encryption context is exactly this.
    pub context_equals: Option<Vec<(String, String)>>,
    /// `EncryptionContextSubset`: the request's encryption context includes this.
    pub context_subset: Option<Vec<(String, String)>>,
}

/// Everything that applies to a request, beside the request itself.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The identity-based policies of the principal: user's and groups', or role's.
    pub identity: LayerState<PolicySet>,
    /// Its permissions boundary.
    pub boundary: LayerState<PolicySet>,
    /// The session policies of its session.
    pub session: LayerState<PolicySet>,
    /// Service control policies of the principal's account, one set for each level: all must allow.
    pub service_control: LayerState<Vec<PolicySet>>,
    /// Resource control policies of the resource's account, one set for each level.
    pub resource_control: LayerState<Vec<PolicySet>>,
    /// The resource-based policy.
    pub resource: LayerState<PolicySet>,
    /// The policy of the VPC endpoint that the request came through.
    pub vpc_endpoint: LayerState<PolicySet>,
    /// S3's settings of the bucket.
    pub bucket: Option<Bucket>,
    /// The KMS key's grants.
    pub grants: LayerState<Vec<KeyGrant>>,
}

impl Layers {
    /// Whether a layer beside identity and resource policies applies.
    pub(super) fn are_guarded(&self) -> bool {
        !(self.service_control.is_absent()
            && self.resource_control.is_absent()
            && self.vpc_endpoint.is_absent()
            && self.boundary.is_absent()
            && self.session.is_absent())
    }

    fn sets(&self, layer: Layer) -> &[PolicySet] {
        let set = match layer {
            Layer::Identity => self.identity.given().map(std::slice::from_ref),
            Layer::Boundary => self.boundary.given().map(std::slice::from_ref),
            Layer::Session => self.session.given().map(std::slice::from_ref),
            Layer::Resource => self.resource.given().map(std::slice::from_ref),
            Layer::VpcEndpoint => self.vpc_endpoint.given().map(std::slice::from_ref),
            Layer::ServiceControl => self.service_control.given().map(Vec::as_slice),
            Layer::ResourceControl => self.resource_control.given().map(Vec::as_slice),
            Layer::PublicAccessBlock | Layer::Acl | Layer::Grant => None,
        };
        set.unwrap_or_default()
    }

    /// The policy that a statement stands in.
    #[must_use]
    pub fn policy(&self, at: StatementRef) -> Option<&Arc<CompiledPolicy>> {
        self.sets(at.layer).get(usize::from(at.level))?.policies().get(usize::from(at.policy))
    }

    /// Every policy of every layer.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<CompiledPolicy>> {
        Layer::ALL.into_iter().flat_map(|layer| self.sets(layer)).flat_map(PolicySet::policies)
    }
}
