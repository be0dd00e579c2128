//! The simulator: questions that are put to the decision core, and never carried out.
//!
//! Source: IAM API Reference, `SimulateCustomPolicy`, `SimulatePrincipalPolicy`, `GetContextKeysForCustomPolicy`.

mod exclusions;
mod inputs;
mod written;

use super::check::{self, Page};
use super::shapes;
use crate::compiled::CompiledPolicy;
use crate::decision::{Authorizer, LayerState, Layers, PolicySet};
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::state::{AccountState, Holder, tag_keys};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml, invalid, named_holder};
use crate::gate::services::iam;
use crate::policy::PolicyKind;
use crate::simulate::scenario::{OwnedPrincipal, OwnedRequest};
use crate::simulate::wire;
use crate::simulate::world::ContextKeys;
use crate::words::arn::Arn;
use exclusions::Exclusions;
use inputs::policies;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The questions that one request may ask: actions times resources.
const MOST_QUESTIONS: usize = 10_000;
/// The name of a role's session in a simulation.
const SESSION: &str = "simulation";

/// Whom a simulation takes for the requester.
#[derive(Clone, Debug, Default)]
struct Requester {
    principal: OwnedPrincipal,
    /// Its tags.
    context: ContextKeys,
    /// It is somebody in particular: keys that follow from the principal are known.
    known: bool,
}

impl Requester {
    /// Nobody in particular of an account.
    fn anybody(account: &str) -> Self {
        let principal = OwnedPrincipal {
            kind: "user".to_owned(),
            arn: Some(format!("arn:aws:iam::{account}:user/")),
            account: Some(account.to_owned()),
            ..OwnedPrincipal::default()
        };
        Self { principal, ..Self::default() }
    }

    /// A user or role by ARN, whether it exists or not.
    fn stranger(kind: Kind, arn: &Arn<'_>, text: &str) -> Self {
        let account = arn.account.to_owned();
        let mut principal = OwnedPrincipal { account: Some(account), ..OwnedPrincipal::default() };
        match kind {
            Kind::User => {
                "user".clone_into(&mut principal.kind);
                principal.arn = Some(text.to_owned());
            }
            Kind::Role => {
                let name = arn.resource.rsplit('/').next().unwrap_or_default();
                "role-session".clone_into(&mut principal.kind);
                principal.role_arn = Some(text.to_owned());
                let partition = arn.partition;
                principal.arn = Some(format!("arn:{partition}:sts::{}:assumed-role/{name}/{SESSION}", arn.account));
            }
            Kind::Group => return Self::anybody(arn.account),
        }
        Self { principal, known: true, ..Self::default() }
    }

    /// A user, group or role of this server.
    fn of(account: &AccountState, holder: &Holder) -> Self {
        let Some(arn) = Arn::parse(&holder.arn) else { return Self::anybody(&account.facts.id) };
        let mut found = Self::stranger(holder.document.kind(), &arn, &holder.arn);
        found.principal.canonical = Some(account.facts.canonical.clone());
        if found.known {
            found.principal.id = Some(holder.document.id.clone());
            found.principal.service_linked = holder.document.role().is_some_and(|role| role.service_linked);
            found.context.extend(tag_keys(&holder.document.tags));
        }
        found
    }

    /// `CallerArn`: a user, group or role.
    fn named(query: &QueryCall<'_>) -> Result<Option<Self>, ServiceError> {
        let Some(text) = query.params.get("CallerArn") else { return Ok(None) };
        let parsed = Arn::parse(text).filter(|arn| arn.service == "iam");
        let kind = |arn: &Arn<'_>| {
            let (kind, name) = arn.resource.split_once('/').filter(|(_, name)| !name.is_empty())?;
            [Kind::User, Kind::Group, Kind::Role].into_iter().find(|of| of.word() == kind && !name.ends_with('/'))
        };
        let Some((arn, kind)) = parsed.and_then(|arn| Some((arn, kind(&arn)?))) else {
            let message = format!("CallerArn must be the ARN of a user, group or role: {text}");
            return Err(ServiceError::bad("InvalidInput", message));
        };
        let account = query.call.server.identities().account(arn.account);
        let found = account.as_ref().and_then(|account| Some((account, account.by_arn(text)?)));
        Ok(Some(match found {
            Some((account, holder)) => Self::of(account, holder),
            None => Self::stranger(kind, &arn, text),
        }))
    }
}

/// Who asks in the simulation, and what applies to them.
struct Source {
    layers: Layers,
    requester: Requester,
    /// Keys of every principal of the account.
    context: ContextKeys,
}

pub(super) async fn custom(query: &QueryCall<'_>) -> Answer {
    query.allow::<iam::SimulateCustomPolicy>(&[]).await?;
    let params = &query.params;
    let own = policies(params, "PolicyInputList", PolicyKind::Identity)?;
    if own.is_empty() {
        return Err(invalid("null", "PolicyInputList", "Member must not be null"));
    }
    let mut layers = Layers {
        identity: LayerState::Given(PolicySet::new(own)),
        service_control: inputs::organization(params)?,
        ..Layers::default()
    };
    inputs::set_boundary(params, &mut layers)?;
    let requester = Requester::named(query)?.unwrap_or_else(|| Requester::anybody(query.account_id()));
    answer(query, &Source { layers, requester, context: Vec::new() })
}

/// The user, group or role whose policies are asked about, and its account.
async fn source<O: crate::gate::ServiceOperation>(
    query: &QueryCall<'_>,
) -> Result<(Arc<AccountState>, Arc<Holder>), ServiceError> {
    let arn = query.params.need("PolicySourceArn")?;
    let account = query.account()?;
    let holder = account.by_arn(arn).cloned();
    let named =
        holder.as_deref().map_or_else(|| Named::new("source", arn), |h| Named { on: "source", ..named_holder(h) });
    query.allow::<O>(&[named]).await?;
    let missing = || check::no_such(format!("The entity with the ARN {arn} cannot be found."));
    Ok((account, holder.ok_or_else(missing)?))
}

pub(super) async fn principal(query: &QueryCall<'_>) -> Answer {
    let (account, holder) = source::<iam::SimulatePrincipalPolicy>(query).await?;
    let params = &query.params;
    let more = policies(params, "PolicyInputList", PolicyKind::Identity)?;
    let exclusions = Exclusions::of(params)?;
    let identity = match exclusions.identity(&account, &holder) {
        LayerState::Given(set) => {
            LayerState::Given(PolicySet::new(set.policies().iter().cloned().chain(more).collect()))
        }
        other => other,
    };
    let usual = account.caller();
    let mut layers = Layers { identity, ..Layers::default() };
    if exclusions.keep_boundary() {
        layers.boundary = holder.boundary.clone();
    }
    if exclusions.keep_service_control() {
        layers.service_control = usual.service_control.clone();
    }
    inputs::set_boundary(params, &mut layers)?;
    let requester = Requester::named(query)?.unwrap_or_else(|| Requester::of(&account, &holder));
    answer(query, &Source { layers, requester, context: usual.context })
}

fn answer(query: &QueryCall<'_>, source: &Source) -> Answer {
    let (params, page) = (&query.params, Page::of(&query.params)?);
    let actions = params.list("ActionNames");
    let given = params.list("ResourceArns");
    inputs::check_scenario(params, &given)?;
    let resources = if given.is_empty() { vec!["*".to_owned()] } else { given };
    check_actions(&actions)?;
    if actions.len().saturating_mul(resources.len()) > MOST_QUESTIONS {
        return Err(ServiceError::bad("InvalidInput", "Too many actions and resources."));
    }
    if params.get("ResourcePolicy").is_some() && !source.requester.known {
        return Err(ServiceError::bad("InvalidInput", "CallerArn is required when ResourcePolicy is given."));
    }
    let owner = inputs::resource_owner(params)?;
    let entries = inputs::context_entries(params)?;
    let questions = actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let questions = questions.enumerate().map(|(at, question)| (format!("{at:08}"), question));
    let part = page.part(questions);
    let mut results = Vec::new();
    for (action, resource) in part.items {
        let layers = Layers { resource: inputs::resource_policy(params, resource)?, ..source.layers.clone() };
        let principal = &source.requester.principal;
        let owned = OwnedRequest {
            principal: principal.clone(),
            action: action.clone(),
            resource: resource.clone(),
            resource_account: resource_account(resource, owner.as_ref(), principal),
            context: with_time(query, source.context.iter().chain(&source.requester.context).chain(&entries)),
            derive_context: source.requester.known,
            ..OwnedRequest::default()
        };
        let authorizer = Authorizer::new(layers);
        let request = owned.as_request(authorizer.layers()).map_err(|why| ServiceError::bad("InvalidInput", why))?;
        results.push(wire::evaluation_result(&authorizer.explain(&request)));
    }
    Ok(Xml::of(|xml| {
        xml.members("EvaluationResults", &results, written::result);
        shapes::truncation(xml, part.marker);
    }))
}

/// An action is named whole, with its service.
fn check_actions(actions: &[String]) -> Result<(), ServiceError> {
    let is_action = |action: &String| {
        action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
            && !action.contains(['*', '?'])
    };
    if actions.is_empty() {
        return Err(invalid("null", "ActionNames", "Member must not be null"));
    }
    match actions.iter().find(|action| !is_action(action)) {
        Some(wrong) => Err(ServiceError::bad("InvalidInput", format!("Invalid action: {wrong}"))),
        None => Ok(()),
    }
}

/// The owner of a resource: who its ARN names, else whom the request names, else the requester.
fn resource_account(resource: &str, owner: Option<&String>, principal: &OwnedPrincipal) -> Option<String> {
    let named = Arn::parse(resource).is_some_and(|arn| !arn.account.is_empty());
    if named { None } else { owner.or(principal.account.as_ref()).cloned() }
}

/// What is given counts over what follows; the time is that of the request where none is given.
fn with_time<'k>(query: &QueryCall<'_>, keys: impl Iterator<Item = &'k (String, Vec<String>)>) -> ContextKeys {
    let now = crate::decision::ContextValue::instant(query.now()).as_str().to_owned();
    let mut context =
        vec![("aws:CurrentTime".to_owned(), vec![now]), ("aws:EpochTime".to_owned(), vec![query.now().to_string()])];
    context.extend(keys.cloned());
    context
}

fn key_names<'p>(policies: impl Iterator<Item = &'p Arc<CompiledPolicy>>) -> Xml {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for policy in policies {
        names.extend(policy.keys_read().map(str::to_owned));
    }
    Xml::of(|xml| xml.strings("ContextKeyNames", &names))
}

pub(super) async fn custom_keys(query: &QueryCall<'_>) -> Answer {
    query.allow::<iam::GetContextKeysForCustomPolicy>(&[]).await?;
    Ok(key_names(policies(&query.params, "PolicyInputList", PolicyKind::Identity)?.iter()))
}

pub(super) async fn principal_keys(query: &QueryCall<'_>) -> Answer {
    let (_, holder) = source::<iam::GetContextKeysForPrincipalPolicy>(query).await?;
    let more = policies(&query.params, "PolicyInputList", PolicyKind::Identity)?;
    let attached = holder.identity.given().into_iter().flat_map(PolicySet::policies);
    Ok(key_names(attached.chain(&more)))
}
