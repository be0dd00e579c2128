//! Key policies.
//!
//! Source: KMS Developer Guide, "Key policies in AWS KMS", "Default key policy".

use super::wire::{Page, answer, input, limit, nothing};
use crate::decision::LayerState;
use crate::edges::server::identities::principals;
use crate::edges::server::kms::Named;
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::services::kms as o;
use crate::gate::{Scene, Subject};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::world::ContextKeys;
use crate::words::problem::{Problems, Severity};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// A key has one policy, of this name.
const NAME: &str = "default";

/// Bytes of a key policy. Source: KMS Developer Guide, "Resource quotas".
const LONGEST: usize = 32_768;

/// A key policy that AWS would store.
pub(super) struct Checked {
    pub text: String,
    /// Whom it names, with their unique ids.
    pub named: principals::Named,
}

/// # Errors
/// `LimitExceededException`; `MalformedPolicyDocumentException`, also for one that names somebody who does not exist.
pub(super) fn checked(call: &ServiceCall, text: &str) -> Result<Checked, ServiceError> {
    if text.len() > LONGEST {
        return Err(limit(format!("A key policy has at most {LONGEST} bytes; this one has {}.", text.len())));
    }
    let document = PolicyDocument::parse("policy", text, &LoadOptions::new(PolicyKind::Key));
    let document = document.map_err(|problems| malformed(&problems))?;
    let named = super::principals::of_policy(call, &document)?;
    Ok(Checked { text: document.source().text.to_string(), named })
}

fn malformed(problems: &Problems) -> ServiceError {
    let first = problems.list.iter().find(|p| p.severity == Severity::Error).or(problems.list.first());
    let message = first.map_or_else(String::new, |problem| {
        let (line, column) = problems.source.position(problem.span.start);
        format!("{} [{}] at line {line}, column {column}", problem.message, problem.code)
    });
    ServiceError::bad("MalformedPolicyDocumentException", message)
}

/// A policy that would keep its own sender from changing it again is refused, unless they say that they know.
pub(super) fn keeps_access(call: &ServiceCall, arn: &str, id: &str, policy: &Checked) -> Result<(), ServiceError> {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let subject = Subject {
        on: "key",
        arn,
        scene: Arc::new(Scene::of_resource(
            crate::edges::server::kms::compiled(id, Some(&policy.text), &policy.named),
            LayerState::Absent,
            LayerState::Absent,
            ContextKeys::new(),
        )),
        context: vec![one("kms:CallerAccount", call.account()), one("kms:BypassPolicyLockoutSafetyCheck", "false")],
        ..Subject::default()
    };
    if call.could::<o::PutKeyPolicy>(&[subject]) {
        return Ok(());
    }
    Err(ServiceError::bad(
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Get {
    key_id: String,
    policy_name: Option<String>,
}

fn check_name(name: Option<&str>) -> Result<(), ServiceError> {
    match name.filter(|name| *name != NAME) {
        None => Ok(()),
        Some(other) => Err(ServiceError::bad("NotFoundException", format!("No such policy exists: {other}"))),
    }
}

pub(super) async fn get(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Get = input(call)?;
    let found = call.found::<o::GetKeyPolicy>(&asked.key_id, Named::ByKey).await?;
    call.may::<o::GetKeyPolicy>(&found, Vec::new()).await?;
    check_name(asked.policy_name.as_deref())?;
    let record = &found.key.record;
    let named = record.policy_principals.clone().unwrap_or_default();
    let snapshot = call.server.identities().snapshot();
    let shown = record.policy.as_ref().map(|text| snapshot.shown(text, PolicyKind::Key, &named));
    Ok(answer(&json!({"Policy": shown, "PolicyName": NAME})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
}

pub(super) async fn put(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Put = input(call)?;
    let found = call.found::<o::PutKeyPolicy>(&asked.key_id, Named::ByKey).await?;
    let bypass = asked.bypass_policy_lockout_safety_check;
    let brings = vec![("kms:BypassPolicyLockoutSafetyCheck".to_owned(), vec![bypass.to_string()])];
    let grant = call.may::<o::PutKeyPolicy>(&found, brings).await?;
    check_name(asked.policy_name.as_deref())?;
    let policy = checked(call, &asked.policy)?;
    if !bypass {
        keeps_access(call, &found.key.arn, &found.key.id, &policy)?;
    }
    call.change(&grant, &found.key, move |record| {
        record.policy = Some(policy.text.clone());
        record.policy_principals = Some(policy.named.clone());
        Ok(())
    })
    .await?;
    Ok(nothing())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    key_id: String,
    limit: Option<u64>,
    marker: Option<String>,
}

pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: List = input(call)?;
    let found = call.found::<o::ListKeyPolicies>(&asked.key_id, Named::ByKey).await?;
    call.may::<o::ListKeyPolicies>(&found, Vec::new()).await?;
    let page = Page::new(asked.limit, asked.marker.as_deref(), 100, 1000)?;
    Ok(answer(&page.cut(std::iter::once(NAME), |name| (*name).to_owned(), "PolicyNames", |name| json!(name))))
}
