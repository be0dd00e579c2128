//! What a decision reads about a resource: a bucket's settings or a key's grants, and the policies that bind it, in
//! memory, swapped whole.

use super::caller::Caller;
use crate::decision::{Authorizer, Bucket, KeyGrant, LayerState, Layers, PolicySet};
use crate::simulate::world::ContextKeys;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// More requesters than this are not remembered for one resource.
const REMEMBERED: usize = 4096;

/// A resource as decisions see it. A change of the resource is a new scene.
#[derive(Debug, Default)]
pub struct Scene {
    /// A bucket's settings; `None`: it is none.
    pub bucket: Option<Bucket>,
    /// Its policy: a bucket policy, a key policy, a trust policy.
    pub policy: LayerState<PolicySet>,
    /// The resource control policies of its account.
    pub resource_control: LayerState<Vec<PolicySet>>,
    /// A key's grants.
    pub grants: LayerState<Vec<KeyGrant>>,
    /// Context keys that come with it: organization, region, tags.
    pub context: ContextKeys,
    /// It stands for more than one request.
    lasts: bool,
    // PERF: putting the layers together costs more than deciding, and is the same for each requester.
    authorizers: RwLock<HashMap<usize, (Arc<Caller>, Authorizer)>>,
}

impl Scene {
    /// A scene of these parts.
    #[must_use]
    pub fn new(
        bucket: Option<Bucket>,
        policy: LayerState<PolicySet>,
        resource_control: LayerState<Vec<PolicySet>>,
        context: ContextKeys,
    ) -> Self {
        Self { bucket, policy, resource_control, context, ..Self::default() }
    }

    /// The scene of a resource that is no bucket.
    #[must_use]
    pub fn of_resource(
        policy: LayerState<PolicySet>,
        resource_control: LayerState<Vec<PolicySet>>,
        grants: LayerState<Vec<KeyGrant>>,
        context: ContextKeys,
    ) -> Self {
        Self { policy, resource_control, grants, context, ..Self::default() }
    }

    /// It is kept for the requests to come, and remembers who asked.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { lasts: true, ..self }
    }

    /// Whether it stands for more than one request.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.lasts
    }

    /// The same resource as if these were its grants.
    #[must_use]
    pub fn with_grants(&self, grants: Vec<KeyGrant>) -> Self {
        let grants = LayerState::Given(grants);
        let (policy, resource_control) = (self.policy.clone(), self.resource_control.clone());
        Self {
            bucket: self.bucket.clone(),
            ..Self::of_resource(policy, resource_control, grants, self.context.clone())
        }
    }

    /// The same resource as if its policy allowed nobody anything.
    #[must_use]
    pub fn without_policy(&self) -> Self {
        let policy = LayerState::Given(PolicySet::default());
        let (resource_control, grants) = (self.resource_control.clone(), self.grants.clone());
        Self {
            bucket: self.bucket.clone(),
            ..Self::of_resource(policy, resource_control, grants, self.context.clone())
        }
    }

    /// The authorizer of a requester here.
    #[must_use]
    pub fn authorizer(&self, caller: &Arc<Caller>) -> Authorizer {
        if !self.lasts {
            return Authorizer::new(self.layers(caller));
        }
        // INVARIANT: the entry keeps its caller alive, so that an address means the same caller for ever.
        let address = Arc::as_ptr(caller) as usize;
        let known = self.authorizers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, authorizer)) = known.get(&address) {
            return authorizer.clone();
        }
        drop(known);
        let authorizer = Authorizer::new(self.layers(caller));
        let mut known = self.authorizers.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(address, (caller.clone(), authorizer.clone()));
        authorizer
    }

    fn layers(&self, caller: &Caller) -> Layers {
        Layers {
            identity: caller.identity.clone(),
            boundary: caller.boundary.clone(),
            session: caller.session.clone(),
            service_control: caller.service_control.clone(),
            resource_control: self.resource_control.clone(),
            resource: self.policy.clone(),
            vpc_endpoint: LayerState::Absent,
            bucket: self.bucket.clone(),
            grants: self.grants.clone(),
        }
    }
}
