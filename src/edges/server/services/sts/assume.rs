//! `AssumeRole`.

use super::issue::{Issued, Wanted, claims, duration, mfa, session_name};
use crate::decision::{LayerState, PolicySet};
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::sessions::{Claims, holder_of};
use crate::edges::server::identities::state::{AccountState, Holder};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml};
use crate::gate::services::sts as ops;
use crate::gate::{Caller, SessionKind};
use crate::words::arn::Arn;
use std::sync::Arc;

/// The least and the longest session, in seconds.
pub(super) const SESSION: std::ops::RangeInclusive<i64> = 900..=43_200;
/// The usual one, and the longest of a role that another role's session assumes.
const HOUR: i64 = 3600;

/// A role that a request names, where it exists.
pub(super) struct Role {
    /// Its ARN as the request has it.
    pub arn: String,
    /// The account that its ARN names, where there is such.
    pub account: Option<Arc<AccountState>>,
    /// Its account and itself.
    pub found: Option<(Arc<AccountState>, Arc<Holder>)>,
}

impl Role {
    pub(super) fn of(query: &QueryCall<'_>) -> Result<Self, ServiceError> {
        let text = query.params.need("RoleArn")?;
        let arn = Arn::parse(text).filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        let Some(arn) = arn else {
            return Err(ServiceError::bad("ValidationError", format!("{text} is invalid")));
        };
        let account = query.call.server.identities().account(arn.account);
        let found = account.clone().and_then(|account| {
            let role = account.by_arn(text).filter(|holder| holder.document.kind() == Kind::Role).cloned()?;
            Some((account, role))
        });
        Ok(Self { arn: text.to_owned(), account, found })
    }

    /// The role as the resource of a request. One that is not there trusts nobody.
    pub(super) fn named(&self, query: &QueryCall<'_>) -> Named {
        let mut named = Named::new("role", self.arn.clone());
        let trust = self.found.as_ref().and_then(|(_, role)| role.trust.clone());
        named.policy = LayerState::Given(PolicySet::new(trust.into_iter().collect()));
        if let Some((account, role)) = &self.found {
            let (resource_control, context) = query.call.server.directory().of_resources(&account.facts.id);
            named.resource_control = resource_control;
            named.context.extend(context);
            named = named.tagged("iam", &role.document.tags);
        }
        named
    }
}

pub(super) async fn assume_role(query: &QueryCall<'_>) -> Answer {
    let params = &query.params;
    let caller: &Caller = query.caller();
    let role = Role::of(query)?;
    let name = session_name(params.need("RoleSessionName")?, "RoleSessionName", 64)?.to_owned();
    let seconds = duration(params, HOUR, SESSION)?;
    let mut wanted = Wanted::of(query)?;
    wanted.chained(query)?;
    if caller.is_root() {
        return Err(ServiceError::access_denied("Roles may not be assumed by root accounts."));
    }
    let mfa_at = mfa(query).await?;
    let mut named =
        role.named(query).with("sts:RoleSessionName", Some(&name)).with("sts:ExternalId", params.get("ExternalId"));
    if mfa_at.is_some() {
        named = named.with("aws:MultiFactorAuthPresent", Some("true")).with("aws:MultiFactorAuthAge", Some("0"));
    }
    let denied = |error: ServiceError| {
        if error.message == "Access Denied" {
            // The caller learns what was asked, also in another account, and nothing of the role.
            let who = caller.principal.arn.as_deref().unwrap_or_default();
            let (action, resource) = ("sts:AssumeRole", &role.arn);
            return ServiceError::access_denied(format!(
                "User: {who} is not authorized to perform: {action} on resource: {resource}"
            ));
        }
        // Which side does not allow it would tell whether there is such a role.
        match error.message.split_once(" because ") {
            Some((what, _)) => ServiceError { message: what.to_owned().into(), ..error },
            None => error,
        }
    };
    query.allow::<ops::AssumeRole>(&wanted.named(&named)).await.map_err(denied)?;
    let Some((account, holder)) = role.found else { return Err(ServiceError::internal()) };
    let longest = holder.document.role().map_or(HOUR, |settings| i64::from(settings.max_session));
    if caller.session_facts.as_ref().is_some_and(|session| session.kind == SessionKind::Role) && seconds > HOUR {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(ServiceError::bad("ValidationError", message));
    }
    if seconds > longest {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ServiceError::bad("ValidationError", message));
    }
    wanted.check(&account)?;
    let packed =
        (!wanted.policies.is_empty() || !wanted.arns.is_empty() || !wanted.tags.is_empty()).then(|| wanted.packed());
    let of = claims(SessionKind::Role, &account.facts.id, &name, wanted);
    let issued = Issued::new(query, Claims { holder: Some(holder_of(&holder)), mfa_at, ..of }, seconds)?;
    Ok(Xml::of(|xml| {
        issued.write(xml);
        assumed(xml, &account, &holder, &name);
        xml.some("PackedPolicySize", packed.map(|percent| percent.to_string()));
        xml.some("SourceIdentity", issued.claims.source_identity.as_ref());
    }))
}

/// `AssumedRoleUser`.
pub(super) fn assumed(xml: &mut Xml, account: &AccountState, role: &Holder, name: &str) {
    xml.inside("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", format!("{}:{name}", role.document.id));
        xml.text("Arn", format!("arn:aws:sts::{}:assumed-role/{}/{name}", account.facts.id, role.document.name));
    });
}
