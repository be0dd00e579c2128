//! What decisions read of a principal, and of the account that a resource belongs to.

use super::World;
use super::resolve::{Answer, Asked};
use super::who::Who;
use crate::decision::{LayerState, PolicySet};
use crate::simulate::scenario::OwnedPrincipal;

/// Context keys with their values.
pub type ContextKeys = Vec<(String, Vec<String>)>;

/// A principal with everything of it that decisions read.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// The principal.
    pub principal: OwnedPrincipal,
    /// Its identity-based policies.
    pub identity: LayerState<PolicySet>,
    /// Its permissions boundary.
    pub boundary: LayerState<PolicySet>,
    /// The service control policies of its account.
    pub service_control: LayerState<Vec<PolicySet>>,
    /// Context keys that come with it: tags, organization.
    pub context: ContextKeys,
}

impl World {
    /// A principal as a server judges its requests: what [`Self::ask`] takes of it for a question.
    ///
    /// # Errors
    /// A principal that is unknown or ambiguous.
    pub fn party(&self, text: &str) -> Answer<Party> {
        let who = self.who(text)?;
        let mut asked = Asked::default();
        Self::identity_layers(&who, &mut asked);
        let account = who.principal.account.as_deref();
        Ok(Party {
            service_control: account.map_or(LayerState::Absent, |account| self.control_sets(account, true)),
            context: self.principal_context(&who),
            identity: asked.layers.identity,
            boundary: asked.layers.boundary,
            principal: who.principal,
        })
    }

    /// The resource control policies of an account, and the context keys that come with its resources.
    #[must_use]
    pub fn of_resources(&self, account: &str) -> (LayerState<Vec<PolicySet>>, ContextKeys) {
        (self.control_sets(account, false), self.resource_context(Some(account)))
    }

    /// The context keys that come with a principal.
    pub(super) fn principal_context(&self, who: &Who<'_>) -> ContextKeys {
        let mut context = who.context.clone();
        let mut put = |key: &str, value: String| context.push((key.to_owned(), vec![value]));
        for (key, value) in who.identity.iter().flat_map(|i| &i.tags) {
            put(&format!("aws:PrincipalTag/{key}"), value.clone());
        }
        if let Some(id) = self.in_organization(who.principal.account.as_deref()) {
            put("aws:PrincipalOrgID", id.to_owned());
        }
        if who.principal.kind != "anonymous" {
            put("aws:PrincipalIsAWSService", (who.principal.kind == "service").to_string());
        }
        context
    }

    /// The context keys that come with a resource of that account.
    pub(super) fn resource_context(&self, owner: Option<&str>) -> ContextKeys {
        let organization = self.in_organization(owner).map(str::to_owned);
        organization.into_iter().map(|id| ("aws:ResourceOrgID".to_owned(), vec![id])).collect()
    }

    pub(super) fn in_organization(&self, account: Option<&str>) -> Option<&str> {
        let organization = self.organization.as_ref()?;
        let account = account?;
        // `describe-organization` tells of the organization of the account whose dump stands beside it.
        let beside = !organization.complete && self.accounts.get(account).is_some_and(|a| a.partial);
        let member = organization.management_account == account || organization.levels.contains_key(account);
        (member || beside).then_some(&organization.id)
    }
}
