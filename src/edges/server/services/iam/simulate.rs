//! The simulator: questions that are put to the decision core, and never carried out.
//!
//! Source: IAM API Reference, `SimulateCustomPolicy`, `SimulatePrincipalPolicy`, `GetContextKeysForCustomPolicy`.

use super::check::{self, Page};
use super::shapes;
use crate::compiled::CompiledPolicy;
use crate::decision::{Authorizer, LayerState, Layers, PolicySet};
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::state::{AccountState, Holder};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, Params, QueryCall, Xml, invalid, named_holder};
use crate::gate::services::iam;
use crate::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::scenario::{OwnedPrincipal, OwnedRequest};
use crate::simulate::wire::{self, EvaluationResult, MatchedStatement, Position};
use crate::simulate::world::ContextKeys;
use crate::words::arn::Arn;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The questions that one request may ask: actions times resources.
const MOST_QUESTIONS: usize = 10_000;

/// A policy of the request, called by its place in it.
fn compiled(name: &str, text: &str, kind: PolicyKind) -> Result<Arc<CompiledPolicy>, ServiceError> {
    let document = PolicyDocument::parse(name, text, &LoadOptions::new(kind))
        .map_err(|problems| ServiceError::bad("InvalidInput", format!("{name}: {}", problems.first_sentence())))?;
    Ok(Arc::new(CompiledPolicy::compile(name, &document)))
}

fn policies(params: &Params, field: &str, kind: PolicyKind) -> Result<Vec<Arc<CompiledPolicy>>, ServiceError> {
    let texts = params.list(field).into_iter().enumerate();
    texts.map(|(at, text)| compiled(&format!("{field}.{}", at + 1), &text, kind)).collect()
}

/// Who asks in the simulation, and what applies to them.
struct Source {
    layers: Layers,
    principal: OwnedPrincipal,
    context: ContextKeys,
    /// Keys that follow from the principal are known.
    derive: bool,
}

pub(super) async fn custom(query: &QueryCall<'_>) -> Answer {
    query.allow::<iam::SimulateCustomPolicy>(&[]).await?;
    let params = &query.params;
    let own = policies(params, "PolicyInputList", PolicyKind::Identity)?;
    if own.is_empty() {
        return Err(invalid("null", "PolicyInputList", "Member must not be null"));
    }
    let mut layers = Layers { identity: LayerState::Given(PolicySet::new(own)), ..Layers::default() };
    add_limits(params, &mut layers)?;
    let levels = params.members("OrderedOrganizationPolicyInputList").into_iter().enumerate().map(|(at, level)| {
        let list = level.list("ServiceControlPolicyInputList").into_iter().enumerate();
        let name = |n: usize| format!("OrderedOrganizationPolicyInputList.{}.{}", at + 1, n + 1);
        let policies = list.map(|(n, text)| compiled(&name(n), &text, PolicyKind::ServiceControl));
        Ok(PolicySet::new(policies.collect::<Result<_, ServiceError>>()?))
    });
    let levels: Vec<PolicySet> = levels.collect::<Result<_, ServiceError>>()?;
    if !levels.is_empty() {
        layers.service_control = LayerState::Given(levels);
    }
    let caller = caller(query)?;
    let derive = caller.is_some();
    let principal = caller.unwrap_or_else(|| OwnedPrincipal {
        kind: "user".to_owned(),
        arn: Some(format!("arn:aws:iam::{}:user/", query.account_id())),
        account: Some(query.account_id().to_owned()),
        ..OwnedPrincipal::default()
    });
    answer(query, &Source { layers, principal, context: Vec::new(), derive })
}

/// The boundary that a request gives.
fn add_limits(params: &Params, layers: &mut Layers) -> Result<(), ServiceError> {
    let boundary = policies(params, "PermissionsBoundaryPolicyInputList", PolicyKind::Boundary)?;
    match boundary.len() {
        0 => Ok(()),
        1 => {
            layers.boundary = LayerState::Given(PolicySet::new(boundary));
            Ok(())
        }
        _ => Err(ServiceError::bad("InvalidInput", "There can be only one permissions boundary.")),
    }
}

/// `CallerArn`: a user.
fn caller(query: &QueryCall<'_>) -> Result<Option<OwnedPrincipal>, ServiceError> {
    let Some(text) = query.params.get("CallerArn") else { return Ok(None) };
    let arn = Arn::parse(text).filter(|arn| arn.service == "iam" && arn.resource.starts_with("user/"));
    let Some(arn) = arn else {
        return Err(ServiceError::bad("InvalidInput", format!("CallerArn must be the ARN of a user: {text}")));
    };
    Ok(Some(OwnedPrincipal {
        kind: "user".to_owned(),
        arn: Some(text.to_owned()),
        account: Some(arn.account.to_owned()),
        ..OwnedPrincipal::default()
    }))
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
    if !params.members("PolicyExclusionList").is_empty() {
        return Err(ServiceError::bad("InvalidInput", "PolicyExclusionList is not supported."));
    }
    let more = policies(params, "PolicyInputList", PolicyKind::Identity)?;
    let identity = match &holder.identity {
        LayerState::Given(set) => {
            LayerState::Given(PolicySet::new(set.policies().iter().cloned().chain(more).collect()))
        }
        other => other.clone(),
    };
    let usual = account.caller();
    let mut layers = Layers {
        identity,
        boundary: holder.boundary.clone(),
        service_control: usual.service_control.clone(),
        ..Layers::default()
    };
    add_limits(params, &mut layers)?;
    let of = &holder.document;
    let mut source =
        Source { layers, principal: usual.principal.clone(), context: usual.context.clone(), derive: true };
    let tags = crate::edges::server::identities::state::tag_keys(&of.tags);
    source.context.extend(tags);
    source.principal.id = Some(of.id.clone());
    match of.kind() {
        Kind::User => {
            "user".clone_into(&mut source.principal.kind);
            source.principal.arn = Some(holder.arn.clone());
        }
        Kind::Role => {
            "role-session".clone_into(&mut source.principal.kind);
            source.principal.role_arn = Some(holder.arn.clone());
            source.principal.arn =
                Some(format!("arn:aws:sts::{}:assumed-role/{}/simulation", account.facts.id, of.name));
        }
        // Nobody in particular of the group.
        Kind::Group => {
            "user".clone_into(&mut source.principal.kind);
            source.principal.id = None;
            source.principal.arn = Some(format!("arn:aws:iam::{}:user/", account.facts.id));
            source.derive = false;
        }
    }
    if let Some(caller) = caller(query)? {
        source.principal = caller;
        source.derive = true;
    }
    answer(query, &source)
}

/// The context keys that a request gives.
fn context_entries(params: &Params) -> Result<ContextKeys, ServiceError> {
    const TYPES: [&str; 12] = [
        "string",
        "stringList",
        "numeric",
        "numericList",
        "boolean",
        "booleanList",
        "ip",
        "ipList",
        "binary",
        "binaryList",
        "date",
        "dateList",
    ];
    let mut keys = ContextKeys::new();
    for entry in params.members("ContextEntries") {
        let (name, kind) = (entry.need("ContextKeyName")?, entry.get("ContextKeyType").unwrap_or("string"));
        let values = entry.list("ContextKeyValues");
        if !TYPES.contains(&kind) {
            return Err(invalid(kind, "ContextKeyType", "Member must satisfy enum value set"));
        }
        if values.len() != 1 && !kind.ends_with("List") {
            let message = format!("The context key {name} of the type {kind} needs exactly one value.");
            return Err(ServiceError::bad("InvalidInput", message));
        }
        keys.push((name.to_owned(), values));
    }
    Ok(keys)
}

/// A resource policy, as its kind of resource has it.
fn resource_policy(params: &Params, resource: &str) -> Result<LayerState<PolicySet>, ServiceError> {
    let Some(text) = params.get("ResourcePolicy") else { return Ok(LayerState::Absent) };
    let kind = match Arn::parse(resource).map(|arn| arn.service) {
        Some("kms") => PolicyKind::Key,
        _ => PolicyKind::Bucket,
    };
    let options = LoadOptions { acceptance: Acceptance::Evaluable, ..LoadOptions::new(kind) };
    let document = PolicyDocument::parse("ResourcePolicy", text, &options).map_err(|problems| {
        ServiceError::bad("InvalidInput", format!("ResourcePolicy: {}", problems.first_sentence()))
    })?;
    Ok(LayerState::Given(CompiledPolicy::compile("ResourcePolicy", &document).into()))
}

fn answer(query: &QueryCall<'_>, source: &Source) -> Answer {
    let (params, page) = (&query.params, Page::of(&query.params)?);
    let actions = params.list("ActionNames");
    let given = params.list("ResourceArns");
    let resources = if given.is_empty() { vec!["*".to_owned()] } else { given.clone() };
    let is_action = |action: &String| {
        action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
            && !action.contains(['*', '?'])
    };
    if actions.is_empty() {
        return Err(invalid("null", "ActionNames", "Member must not be null"));
    }
    if let Some(wrong) = actions.iter().find(|action| !is_action(action)) {
        return Err(ServiceError::bad("InvalidInput", format!("Invalid action: {wrong}")));
    }
    if actions.len().saturating_mul(resources.len()) > MOST_QUESTIONS {
        return Err(ServiceError::bad("InvalidInput", "Too many actions and resources."));
    }
    if params.get("ResourcePolicy").is_some() && !source.derive {
        return Err(ServiceError::bad("InvalidInput", "CallerArn is required when ResourcePolicy is given."));
    }
    let owner = params.get("ResourceOwner").map(|owner| Arn::parse(owner).map_or(owner, |arn| arn.account).to_owned());
    let entries = context_entries(params)?;
    let questions = actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let questions = questions.enumerate().map(|(at, question)| (format!("{at:08}"), question));
    let part = page.part(questions);
    let mut results = Vec::new();
    for (action, resource) in part.items {
        let layers = Layers { resource: resource_policy(params, resource)?, ..source.layers.clone() };
        let owned = OwnedRequest {
            principal: source.principal.clone(),
            action: action.clone(),
            resource: resource.clone(),
            resource_account: owner.clone().or_else(|| own_account(resource, &source.principal)),
            context: with_time(query, source.context.iter().chain(&entries)),
            derive_context: source.derive,
            ..OwnedRequest::default()
        };
        let authorizer = Authorizer::new(layers);
        let request = owned.as_request(authorizer.layers()).map_err(|why| ServiceError::bad("InvalidInput", why))?;
        results.push(wire::evaluation_result(&authorizer.explain(&request)));
    }
    Ok(Xml::of(|xml| {
        xml.members("EvaluationResults", &results, |xml, result| shown(xml, result, !given.is_empty()));
        shapes::truncation(xml, part.marker);
    }))
}

/// A resource whose ARN names no account is the principal's own.
fn own_account(resource: &str, principal: &OwnedPrincipal) -> Option<String> {
    let named = Arn::parse(resource).is_some_and(|arn| !arn.account.is_empty());
    if named { None } else { principal.account.clone() }
}

/// What is given counts over what follows; the time is that of the request where none is given.
fn with_time<'k>(query: &QueryCall<'_>, keys: impl Iterator<Item = &'k (String, Vec<String>)>) -> ContextKeys {
    let now = crate::decision::ContextValue::instant(query.now()).as_str().to_owned();
    let mut context =
        vec![("aws:CurrentTime".to_owned(), vec![now]), ("aws:EpochTime".to_owned(), vec![query.now().to_string()])];
    context.extend(keys.cloned());
    context
}

fn position(xml: &mut Xml, name: &str, at: &Position) {
    xml.inside(name, |xml| {
        xml.text("Line", at.line.to_string());
        xml.text("Column", at.column.to_string());
    });
}

fn matched(xml: &mut Xml, statements: &[MatchedStatement]) {
    xml.members("MatchedStatements", statements, |xml, statement| {
        xml.text("SourcePolicyId", &statement.source_policy_id);
        xml.text("SourcePolicyType", statement.source_policy_type);
        position(xml, "StartPosition", &statement.start_position);
        position(xml, "EndPosition", &statement.end_position);
    });
}

fn shown(xml: &mut Xml, result: &EvaluationResult, by_resource: bool) {
    xml.text("EvalActionName", &result.eval_action_name);
    xml.text("EvalResourceName", &result.eval_resource_name);
    xml.text("EvalDecision", result.eval_decision);
    matched(xml, &result.matched_statements);
    xml.strings("MissingContextValues", &result.missing_context_values);
    let boundary = |xml: &mut Xml| {
        if let Some(detail) = &result.permissions_boundary_decision_detail {
            xml.inside("PermissionsBoundaryDecisionDetail", |xml| {
                xml.text("AllowedByPermissionsBoundary", detail.allowed_by_permissions_boundary.to_string());
            });
        }
    };
    if let Some(detail) = &result.organizations_decision_detail {
        xml.inside("OrganizationsDecisionDetail", |xml| {
            xml.text("AllowedByOrganizations", detail.allowed_by_organizations.to_string());
        });
    }
    boundary(xml);
    if by_resource {
        xml.members("ResourceSpecificResults", [result], |xml, result| {
            xml.text("EvalResourceName", &result.eval_resource_name);
            xml.text("EvalResourceDecision", result.eval_decision);
            matched(xml, &result.matched_statements);
            xml.strings("MissingContextValues", &result.missing_context_values);
            boundary(xml);
        });
    }
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
