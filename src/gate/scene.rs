//! What a decision reads about a bucket: its settings and the policies that bind it, in memory, swapped whole.

use super::caller::Caller;
use crate::decision::{Authorizer, Bucket, LayerState, Layers, PolicySet};
use crate::simulate::world::ContextKeys;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// More requesters than this are not remembered for one bucket.
const REMEMBERED: usize = 4096;

/// A bucket as decisions see it. A change of the bucket is a new scene.
#[derive(Debug, Default)]
pub struct Scene {
    /// Its settings; `None`: the request addresses no bucket.
    pub bucket: Option<Bucket>,
    /// Its policy.
    pub policy: LayerState<PolicySet>,
    /// The resource control policies of its account.
    pub resource_control: LayerState<Vec<PolicySet>>,
    /// Context keys that come with it: organization, region.
    pub context: ContextKeys,
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
        Self { bucket, policy, resource_control, context, authorizers: RwLock::default() }
    }

    /// The authorizer of a requester here.
    #[must_use]
    pub fn authorizer(&self, caller: &Arc<Caller>) -> Authorizer {
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
            grants: LayerState::Absent,
        }
    }
}
