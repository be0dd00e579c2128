//! Who sent a request, with the policies that go with them at this moment.

use crate::decision::{Context, ContextValue, LayerState, PolicySet};
use crate::simulate::scenario::OwnedPrincipal;
use crate::simulate::world::ContextKeys;
use std::sync::Arc;

/// What a caller with temporary credentials has beside its principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Which operation gave the credentials.
    pub kind: SessionKind,
    /// When they end, in seconds since 1970.
    pub expires: i64,
    /// When an MFA device's code was shown, in seconds since 1970.
    pub mfa_at: Option<i64>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// The keys of the tags that go on to the next role of a chain.
    pub transitive: Vec<String>,
    /// The source identity, which goes on too.
    pub source_identity: Option<String>,
}

/// Which operation gave temporary credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// `AssumeRole` and its kin.
    #[default]
    Role,
    /// `GetSessionToken`.
    SessionToken,
    /// `GetFederationToken`.
    Federation,
}

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
    /// Its temporary credentials; `None`: long-term ones, or none.
    pub session_facts: Option<Arc<SessionFacts>>,
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
            session_facts: None,
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

    /// Sets the keys that come with the caller; the age of its MFA at `now`, in seconds since 1970, is one of them.
    pub(super) fn set_context<'a>(&'a self, context: &mut Context<'a>, now: i64) {
        for (key, values) in &self.context {
            match values.as_slice() {
                [one] => context.set(key.as_str(), one.as_str()),
                many => context.set_many(key.as_str(), many.iter().map(String::as_str)),
            };
        }
        if let Some(at) = self.session_facts.as_ref().and_then(|session| session.mfa_at) {
            context.set_value("aws:MultiFactorAuthAge", ContextValue::number((now - at).max(0)));
        }
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
