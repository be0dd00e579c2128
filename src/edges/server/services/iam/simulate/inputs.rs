//! What the parameters of a simulation say.

use crate::compiled::CompiledPolicy;
use crate::decision::{LayerState, Layers, PolicySet};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Params, invalid};
use crate::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::world::ContextKeys;
use crate::words::arn::Arn;
use crate::words::ids::AccountId;
use std::sync::Arc;

/// The most levels of an organization's tree, the root and the account included.
const MOST_LEVELS: usize = 7;

/// A policy of the request, called by its place in it.
fn compiled(name: &str, text: &str, kind: PolicyKind) -> Result<Arc<CompiledPolicy>, ServiceError> {
    let document = PolicyDocument::parse(name, text, &LoadOptions::new(kind))
        .map_err(|problems| ServiceError::bad("InvalidInput", format!("{name}: {}", problems.first_sentence())))?;
    Ok(Arc::new(CompiledPolicy::compile(name, &document)))
}

/// The policies of a list.
///
/// # Errors
/// `InvalidInput` with the place.
pub(super) fn policies(
    params: &Params,
    field: &str,
    kind: PolicyKind,
) -> Result<Vec<Arc<CompiledPolicy>>, ServiceError> {
    let texts = params.list(field).into_iter().enumerate();
    texts.map(|(at, text)| compiled(&format!("{field}.{}", at + 1), &text, kind)).collect()
}

/// Puts the boundary that a request gives in the place of the one that is there.
///
/// # Errors
/// `InvalidInput`.
pub(super) fn set_boundary(params: &Params, layers: &mut Layers) -> Result<(), ServiceError> {
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

/// The service control policies that a request gives, from the root to the account.
///
/// # Errors
/// `InvalidInput`, `ValidationError`.
pub(super) fn organization(params: &Params) -> Result<LayerState<Vec<PolicySet>>, ServiceError> {
    const LIST: &str = "OrderedOrganizationPolicyInputList";
    let members = params.members(LIST);
    if members.len() > MOST_LEVELS {
        let constraint = format!("Member must have length less than or equal to {MOST_LEVELS}");
        return Err(invalid(&members.len().to_string(), LIST, &constraint));
    }
    let levels = members.into_iter().enumerate().map(|(at, level)| {
        let list = level.list("ServiceControlPolicyInputList").into_iter().enumerate();
        let name = |n: usize| format!("{LIST}.{}.{}", at + 1, n + 1);
        let policies = list.map(|(n, text)| compiled(&name(n), &text, PolicyKind::ServiceControl));
        Ok(PolicySet::new(policies.collect::<Result<_, ServiceError>>()?))
    });
    let levels: Vec<PolicySet> = levels.collect::<Result<_, ServiceError>>()?;
    Ok(if levels.is_empty() { LayerState::Absent } else { LayerState::Given(levels) })
}

/// The context keys that a request gives.
///
/// # Errors
/// `ValidationError`, `InvalidInput`.
pub(super) fn context_entries(params: &Params) -> Result<ContextKeys, ServiceError> {
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
        if keys.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            return Err(ServiceError::bad("InvalidInput", format!("The context key {name} is given twice.")));
        }
        keys.push((name.to_owned(), values));
    }
    Ok(keys)
}

/// A resource policy, as its kind of resource has it.
///
/// # Errors
/// `InvalidInput` with the place.
pub(super) fn resource_policy(params: &Params, resource: &str) -> Result<LayerState<PolicySet>, ServiceError> {
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

/// The account that owns resources whose ARNs name none: twelve digits, or the ARN of its root user.
///
/// # Errors
/// `InvalidInput`.
pub(super) fn resource_owner(params: &Params) -> Result<Option<String>, ServiceError> {
    let Some(text) = params.get("ResourceOwner") else { return Ok(None) };
    let account = match Arn::parse(text) {
        Some(arn) if arn.service == "iam" && arn.resource == "root" => arn.account,
        _ => text,
    };
    if AccountId::parse(account).is_none() {
        return Err(ServiceError::bad("InvalidInput", format!("ResourceOwner must be an account: {text}")));
    }
    Ok(Some(account.to_owned()))
}

/// What each scenario of EC2 needs. Source: IAM API Reference, `SimulatePrincipalPolicy`.
const SCENARIOS: [(&str, &[&str]); 6] = [
    ("EC2-Classic-InstanceStore", &["instance", "image", "security-group"]),
    ("EC2-Classic-EBS", &["instance", "image", "security-group", "volume"]),
    ("EC2-VPC-InstanceStore", &["instance", "image", "security-group", "network-interface"]),
    ("EC2-VPC-InstanceStore-Subnet", &["instance", "image", "security-group", "network-interface", "subnet"]),
    ("EC2-VPC-EBS", &["instance", "image", "security-group", "network-interface", "volume"]),
    ("EC2-VPC-EBS-Subnet", &["instance", "image", "security-group", "network-interface", "subnet", "volume"]),
];

/// Refuses a scenario without the resources that it needs.
///
/// # Errors
/// `InvalidInput`.
pub(super) fn check_scenario(params: &Params, resources: &[String]) -> Result<(), ServiceError> {
    let Some(option) = params.get("ResourceHandlingOption") else { return Ok(()) };
    let Some((_, needed)) = SCENARIOS.iter().find(|(name, _)| *name == option) else {
        return Err(ServiceError::bad("InvalidInput", format!("There is no ResourceHandlingOption {option}.")));
    };
    let has = |kind: &str| {
        let is = |text: &String| {
            let arn = Arn::parse(text).filter(|arn| arn.service == "ec2");
            arn.and_then(|arn| arn.resource.split_once('/')).is_some_and(|(of, _)| of == kind)
        };
        resources.iter().any(is)
    };
    match needed.iter().find(|kind| !has(kind)) {
        None => Ok(()),
        Some(kind) => {
            let message = format!("The ResourceHandlingOption {option} needs a resource of the type {kind}.");
            Err(ServiceError::bad("InvalidInput", message))
        }
    }
}
