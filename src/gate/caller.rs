//! Who sent a request, with the policies that go with them at this moment.

use crate::decision::{LayerState, PolicySet};
use crate::simulate::scenario::OwnedPrincipal;
use crate::simulate::world::ContextKeys;

/// A requester as authentication found it: somebody with a key, or anonymous by name.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The principal.
    pub principal: OwnedPrincipal,
    /// The account's display name, as listings show owners.
    pub display_name: Option<String>,
    /// Its identity-based policies.
    pub identity: LayerState<PolicySet>,
    /// Its permissions boundary.
    pub boundary: LayerState<PolicySet>,
    /// The policies of its session.
    pub session: LayerState<PolicySet>,
    /// The service control policies of its account.
    pub service_control: LayerState<Vec<PolicySet>>,
    /// Context keys that come with the principal: tags, organization, MFA, the token's issue time.
    pub context: ContextKeys,
}

impl Caller {
    /// Nobody in particular, by name.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            principal: OwnedPrincipal::anonymous(),
            display_name: None,
            identity: LayerState::Absent,
            boundary: LayerState::Absent,
            session: LayerState::Absent,
            service_control: LayerState::Absent,
            context: Vec::new(),
        }
    }

    /// Whether nobody signed the request.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.principal.kind == "anonymous"
    }

    /// Whether it is an account's root user.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.principal.kind == "root"
    }

    /// Its account's twelve digits.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.principal.account.as_deref()
    }

    /// Its account's canonical user id.
    #[must_use]
    pub fn canonical_id(&self) -> Option<&str> {
        self.principal.canonical.as_deref()
    }
}
