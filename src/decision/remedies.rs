//! Single changes that would turn a denial, each evaluated before it is named.
//!
//! Candidates come from the trace: conditions of near misses and of the deciding Deny, an added Allow on
//! the side that lacks one, the deciding Deny taken out. A candidate that does not turn the answer is
//! never shown.

use super::authorizer::Authorizer;
use super::combine::{Decision, Layer};
use super::context::ContextValue;
use super::evaluate::evaluate;
use super::explanation::{Explanation, StatementView};
use super::layers::{LayerState, Layers, PolicySet};
use super::observer::{Observer, Silent, StatementRef};
use super::request::AuthorizationRequest;
use crate::compiled::CompiledPolicy;
use crate::compiled::condition::{Condition, OperandValue};
use crate::policy::operators::{Family, Relation};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::words::json::print_string;
use std::fmt::Write as _;
use std::sync::Arc;

/// One change that was evaluated and allows the request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Remedy {
    /// The change in words, to follow "allowed when" or "allowed with".
    pub change: String,
    /// The context keys to set, with their values; `None` takes the key away.
    pub context: Vec<(String, Option<String>)>,
    /// The statement of the policy that the change is about.
    #[serde(skip)]
    pub statement: Option<StatementRef>,
}

/// Keys that follow from who asks and for what: nobody can send another value.
const FIXED: [&str; 13] = [
    // An endpoint brings its own policy: that is more than a key.
    "aws:sourcevpce",
    "aws:sourcevpc",
    "aws:vpcsourceip",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:username",
    "aws:userid",
    "aws:principalorgid",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "s3:resourceaccount",
    "aws:principalisawsservice",
];

/// Leaves one statement out.
struct Without(StatementRef);

impl Observer for Without {
    const TRACE: bool = false;

    fn skip(&self, at: StatementRef) -> bool {
        at == self.0
    }
}

pub(super) fn find(authorizer: &Authorizer, request: &AuthorizationRequest<'_>) -> Vec<Remedy> {
    let explanation = authorizer.explain(request);
    let mut found: Vec<Remedy> = Vec::new();
    if explanation.decision.is_allowed() || explanation.decision.is_undecided() {
        return found;
    }
    for view in explanation.near_misses() {
        found.extend(meet_conditions(&explanation, &view));
    }
    if let Some(view) = explanation.deciding() {
        found.extend(escape_deny(&explanation, &view));
        if evaluate(authorizer.layers(), request, &mut Without(view.at)).is_allowed() {
            let change = format!("without the Deny `{}` of `{}`", view.title(), view.policy.name());
            found.push(Remedy { change, context: Vec::new(), statement: Some(view.at) });
        }
    }
    if matches!(explanation.decision, Decision::ImplicitDeny(_)) {
        found.extend(add_allow(authorizer.layers(), request, explanation.decision.basis().layer));
    }
    found.dedup_by(|a, b| a.change == b.change);
    found
}

/// The context that would make an otherwise fitting Allow match.
fn meet_conditions(explanation: &Explanation<'_>, view: &StatementView<'_>) -> Option<Remedy> {
    let parts = view.parts;
    if !parts.action || parts.principal.is_none() || !parts.resource {
        return None;
    }
    let mut changes = Vec::new();
    for (condition, met) in view.policy.conditions(view.statement.conditions).iter().zip(view.conditions_met) {
        if !met {
            changes.push(values_for(view, condition, true).into_iter().next()?);
        }
    }
    evaluated(explanation, changes, view.at)
}

/// The context in which a Deny would not match.
fn escape_deny(explanation: &Explanation<'_>, view: &StatementView<'_>) -> Vec<Remedy> {
    let conditions = view.policy.conditions(view.statement.conditions).iter();
    let changes = conditions.flat_map(|condition| values_for(view, condition, false));
    changes.filter_map(|change| evaluated(explanation, vec![change], view.at)).take(2).collect()
}

/// A key, its new value, and the change in words.
struct Change {
    key: String,
    value: Option<String>,
    words: String,
}

fn evaluated(explanation: &Explanation<'_>, changes: Vec<Change>, at: StatementRef) -> Option<Remedy> {
    let through_endpoint = explanation.request().context.get("aws:SourceVpce").is_some();
    let fixed = |change: &Change| {
        let key = change.key.to_ascii_lowercase();
        // Every request has a time and a transport; behind an endpoint there is no public address.
        let always = matches!(key.as_str(), "aws:currenttime" | "aws:epochtime" | "aws:securetransport");
        FIXED.contains(&key.as_str()) || always && change.value.is_none() || through_endpoint && key == "aws:sourceip"
    };
    if changes.is_empty() || changes.iter().any(fixed) {
        return None;
    }
    let mut request = explanation.request().clone();
    for change in &changes {
        match &change.value {
            Some(value) => request.context.set(change.key.clone(), value.clone()),
            None => request.context.remove(&change.key),
        };
    }
    if !evaluate(explanation.layers(), &request, &mut Silent).is_allowed() {
        return None;
    }
    let words: Vec<&str> = changes.iter().map(|c| c.words.as_str()).collect();
    let change = words.join(" and ");
    Some(Remedy { change, context: changes.into_iter().map(|c| (c.key, c.value)).collect(), statement: Some(at) })
}

/// Values of the condition's key that would make it hold, or fail.
fn values_for(view: &StatementView<'_>, condition: &Condition, hold: bool) -> Vec<Change> {
    let key = view.policy.text(condition.key.name).to_owned();
    let operator = condition.operator;
    let equal = (operator.relation == Relation::NotEqual) != hold;
    let mut changes = Vec::new();
    let mut add = |value: Option<String>, words: String| changes.push(Change { key: key.clone(), value, words });
    if operator.family == Family::Null {
        let absent = hold == wants_absent(view, condition);
        if absent {
            add(None, format!("`{key}` is not sent"));
        }
        return changes;
    }
    let wanted = view.conditions().into_iter().find(|c| c.span == condition.span && c.key == key).map(|c| c.wanted);
    let operands = view.policy.operands(condition.operands);
    for (operand, text) in operands.iter().zip(wanted.unwrap_or_default()) {
        let value = match operand.value {
            OperandValue::Pattern(_) if equal && !text.contains("${") => Some(text.replace('*', "").replace('?', "x")),
            OperandValue::Range(range) if equal => Some(range.first_host().to_string()),
            OperandValue::Range(_) => ["192.0.2.1", "198.18.0.1"].into_iter().map(str::to_owned).next(),
            OperandValue::Bool(wanted) => Some((wanted == equal).to_string()),
            OperandValue::Number(Some(number)) => Some((number + step(operator.relation, hold)).to_string()),
            OperandValue::Instant(at) => {
                Some(ContextValue::instant(at.seconds + step(operator.relation, hold)).as_str().to_owned())
            }
            OperandValue::Binary if equal => Some(text.clone()),
            _ => None,
        };
        if let Some(value) = value {
            let words = in_words(&key, &value, if equal { Some(&text) } else { None });
            add(Some(value), words);
        }
    }
    if !operator.if_exists && operator.is_negated() == hold {
        add(None, format!("`{key}` is not sent"));
    }
    changes
}

fn wants_absent(view: &StatementView<'_>, condition: &Condition) -> bool {
    let operands = view.policy.operands(condition.operands);
    operands.iter().any(|o| matches!(o.value, OperandValue::Bool(true)))
}

/// How far from the operand a value must be to hold (or not to).
fn step(relation: Relation, hold: bool) -> i64 {
    match (relation, hold) {
        (Relation::Less, true) | (Relation::GreaterOrEqual, false) => -1,
        (Relation::Greater, true) | (Relation::LessOrEqual, false) => 1,
        (Relation::Equal, false) | (Relation::NotEqual, true) => 1,
        _ => 0,
    }
}

fn in_words(key: &str, value: &str, operand: Option<&str>) -> String {
    let shown = operand.unwrap_or(value);
    match key.to_ascii_lowercase().as_str() {
        "aws:sourceip" if operand.is_some() => format!("sent from {shown}"),
        "aws:sourceip" => format!("sent from elsewhere, such as {value}"),
        "aws:securetransport" if value == "true" => "sent over HTTPS".to_owned(),
        "aws:securetransport" => "sent over plain HTTP".to_owned(),
        "aws:multifactorauthpresent" if value == "true" => "made with MFA".to_owned(),
        "aws:multifactorauthpresent" => "made without MFA".to_owned(),
        "aws:currenttime" | "aws:epochtime" => format!("made at {value}"),
        "aws:sourcevpce" => format!("sent through the VPC endpoint {value}"),
        _ => format!("`{key}` is `{value}`"),
    }
}

/// An Allow of exactly this request, on the side or guardrail that lacks one.
fn add_allow(layers: &Layers, request: &AuthorizationRequest<'_>, lacking: Layer) -> Option<Remedy> {
    let (kind, principal, words) = match lacking {
        Layer::Identity => (PolicyKind::Identity, None, "an identity-based policy"),
        Layer::Boundary => (PolicyKind::Boundary, None, "the permissions boundary"),
        Layer::Session => (PolicyKind::Session, None, "a session policy"),
        Layer::Resource if is_key(request) => (PolicyKind::Key, Some(principal_of(request)?), "the key policy"),
        Layer::Resource if is_role(request) => {
            (PolicyKind::Trust, Some(principal_of(request)?), "the role's trust policy")
        }
        Layer::Resource => (PolicyKind::Bucket, Some(principal_of(request)?), "the resource's policy"),
        _ => return None,
    };
    let mut text = String::from(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"#);
    print_string(request.action.as_str(), &mut text);
    if kind != PolicyKind::Trust {
        text.push_str(r#","Resource":"#);
        let literal = request.resource.arn.replace('$', "${$}").replace('*', "${*}").replace('?', "${?}");
        print_string(if request.resource.arn == "*" { "*" } else { &literal }, &mut text);
    }
    if let Some(principal) = &principal {
        let _ = write!(text, r#","Principal":{principal}"#);
    }
    text.push_str("}]}");
    let options = LoadOptions { acceptance: crate::policy::Acceptance::Evaluable, ..LoadOptions::new(kind) };
    let document = PolicyDocument::parse("added", &text, &options).ok()?;
    let added = Arc::new(CompiledPolicy::compile("added", &document));
    let mut changed = layers.clone();
    let slot = match lacking {
        Layer::Identity => &mut changed.identity,
        Layer::Boundary => &mut changed.boundary,
        Layer::Session => &mut changed.session,
        _ => &mut changed.resource,
    };
    let mut policies = slot.given().map(|set| set.policies().to_vec()).unwrap_or_default();
    policies.push(added);
    *slot = LayerState::Given(PolicySet::new(policies));
    if !evaluate(&changed, request, &mut Silent).is_allowed() {
        return None;
    }
    let change = format!("{words} that allows `{}` on `{}`", request.action.as_str(), request.resource.arn);
    Some(Remedy { change, context: Vec::new(), statement: None })
}

fn is_key(request: &AuthorizationRequest<'_>) -> bool {
    request.action.as_str().starts_with("kms:")
}

fn is_role(request: &AuthorizationRequest<'_>) -> bool {
    request.action.as_str().starts_with("sts:")
}

/// The principal element that names the requester; a session by its role.
fn principal_of(request: &AuthorizationRequest<'_>) -> Option<String> {
    principal_element(request, request.principal.role_arn.unwrap_or(request.principal.arn))
}

/// The principal element, JSON, that names the requester, and by `arn` where it is a principal of an account.
#[must_use]
pub fn principal_element(request: &AuthorizationRequest<'_>, arn: &str) -> Option<String> {
    use super::principal::PrincipalKind::{Anonymous, Canonical, FederatedIdentity, Service};
    let principal = &request.principal;
    let (kind, text) = match principal.kind {
        Anonymous => return Some("\"*\"".to_owned()),
        Service => ("Service", principal.arn),
        FederatedIdentity => ("Federated", principal.arn),
        Canonical => ("CanonicalUser", principal.canonical?),
        _ => ("AWS", arn),
    };
    let mut out = format!("{{\"{kind}\":");
    print_string(text, &mut out);
    out.push('}');
    Some(out)
}
