//! The JSON shapes of answers. `version` counts up with every change that is not an addition.

use super::world::Gap;
use crate::decision::combine::{Relation, ResourceVerdict, Verdict};
use crate::decision::explanation::{ConditionView, MissingKey, StatementView};
use crate::decision::remedies::Remedy;
use crate::decision::{AclOf, Decision, Explanation, Layer, PrincipalKind};
use crate::policy::Effect;
use crate::words::codes::Code;
use crate::words::problem::{Lines, Problem, Severity, Source, Span};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// The version of [`Answer`].
pub const VERSION: u32 = 1;

/// The answer to one question with its explanation.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Answer {
    /// [`VERSION`].
    pub version: u32,
    /// `allow`, `explicit-deny` or `implicit-deny`.
    #[cfg_attr(test, ts(type = "DecisionWord"))]
    pub decision: &'static str,
    /// A layer that was not given would decide.
    pub undecided: bool,
    /// The reason's code.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: Code,
    /// The reason in half a sentence.
    pub reason: &'static str,
    /// The layer that decided, or whose missing Allow did.
    pub layer: Layer,
    /// The request as understood.
    pub request: RequestShown,
    /// The statement that decided.
    pub deciding: Option<StatementShown>,
    /// Every statement that was looked at.
    pub statements: Vec<StatementShown>,
    /// Of an implicit denial: what came closest, closest first.
    pub near_misses: Vec<StatementShown>,
    /// What each layer said.
    pub verdicts: Vec<VerdictShown>,
    /// `same-account`, `same-account-in-custody` or `cross-account`.
    #[cfg_attr(test, ts(type = "\"same-account\" | \"same-account-in-custody\" | \"cross-account\""))]
    pub relation: &'static str,
    /// The ACL grant that met the request.
    pub acl_grant: Option<AclGrantShown>,
    /// The number of the KMS grant that met the request, from 1.
    pub key_grant: Option<u32>,
    /// The object belongs to another account than the bucket.
    pub foreign_object: bool,
    /// Context keys that were asked for and are absent.
    pub missing_keys: Vec<MissingKeyShown>,
    /// Layers that were not given.
    pub gaps: Vec<Gap>,
    /// Changes that would turn the answer, evaluated.
    pub remedies: Vec<Remedy>,
}

/// A request.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RequestShown {
    /// The principal's ARN or name; `anonymous`.
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// The context.
    pub context: Vec<KeyShown>,
}

/// A context key.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyShown {
    /// Its name.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// `given` or `derived`.
    #[cfg_attr(test, ts(type = "\"given\" | \"derived\""))]
    pub origin: &'static str,
}

/// A grant of an ACL.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AclGrantShown {
    /// The list.
    pub of: AclOf,
    /// Its number in the list, from 1; `null` for what the owner always keeps.
    pub number: Option<u32>,
}

/// A key that is absent.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MissingKeyShown {
    /// Its name.
    pub key: String,
    /// Whether a value could turn the answer.
    pub decisive: bool,
}

/// What a layer said.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct VerdictShown {
    /// The layer.
    pub layer: Layer,
    /// `absent`, `no-match`, `allow`, `deny` or `unknown`.
    #[cfg_attr(test, ts(type = "\"absent\" | \"no-match\" | \"allow\" | \"deny\" | \"unknown\""))]
    pub verdict: &'static str,
}

/// A place in a file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Place {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// The line behind the end.
    pub end_line: usize,
    /// The column behind the end.
    pub end_column: usize,
}

/// A statement.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StatementShown {
    /// Its layer.
    pub layer: Layer,
    /// The level of control policies, from 0.
    pub level: u16,
    /// Its policy.
    pub policy: String,
    /// Its id.
    pub sid: Option<String>,
    /// Its number, from 1.
    pub number: u32,
    /// Where it stands.
    pub place: Place,
    /// `Allow` or `Deny`.
    pub effect: Effect,
    /// Whether it applies to the request.
    pub met: bool,
    /// The action part.
    pub action: PartShown,
    /// The principal part.
    pub principal: PartShown,
    /// The resource part.
    pub resource: PartShown,
    /// The conditions.
    pub conditions: Vec<ConditionShown>,
}

/// A part of a statement.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PartShown {
    /// Whether it met.
    pub met: bool,
    /// What the policy wants, variables expanded.
    pub wanted: Vec<String>,
    /// The pattern that met.
    pub matched: Option<String>,
}

/// A condition.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConditionShown {
    /// The operator's name.
    pub operator: String,
    /// The key.
    pub key: String,
    /// What the policy wants, variables expanded.
    pub wanted: Vec<String>,
    /// What the request has; `null` where the key is absent.
    pub actual: Option<Vec<String>>,
    /// Whether it held.
    pub met: bool,
    /// Where its operands stand.
    pub place: Place,
}

/// The answer in its JSON shape.
#[must_use]
pub fn answer(explanation: &Explanation<'_>, given: &[String], gaps: &[Gap], remedies: Vec<Remedy>) -> Answer {
    let basis = explanation.decision.basis();
    let mut places = Places::default();
    let mut statement = |view: &StatementView<'_>| statement(view, &mut places);
    Answer {
        version: VERSION,
        decision: explanation.decision.word(),
        undecided: explanation.decision.is_undecided(),
        code: basis.code,
        reason: basis.code.title(),
        layer: basis.layer,
        request: request(explanation, given),
        deciding: explanation.deciding().map(|v| statement(&v)),
        statements: explanation.statements().iter().map(&mut statement).collect(),
        near_misses: explanation.near_misses().iter().map(&mut statement).collect(),
        verdicts: verdicts(explanation),
        relation: match explanation.outcome().relation {
            Relation::Same => "same-account",
            Relation::SameInCustody => "same-account-in-custody",
            Relation::Cross => "cross-account",
        },
        acl_grant: explanation.outcome().acl.map(|a| AclGrantShown { of: a.of, number: a.number.map(|n| n + 1) }),
        key_grant: explanation.outcome().grant.map(|(number, _)| number + 1),
        foreign_object: explanation.outcome().foreign_object,
        missing_keys: explanation
            .missing_keys()
            .into_iter()
            .map(|MissingKey { key, decisive }| MissingKeyShown { key, decisive })
            .collect(),
        gaps: gaps.to_vec(),
        remedies,
    }
}

fn request(explanation: &Explanation<'_>, given: &[String]) -> RequestShown {
    let request = explanation.request();
    let principal = match request.principal.kind {
        PrincipalKind::Anonymous => "anonymous",
        _ if request.principal.arn.is_empty() => request.principal.canonical.unwrap_or_default(),
        _ => request.principal.arn,
    };
    let principal = principal.to_owned();
    let mut context: Vec<KeyShown> = request
        .context
        .entries()
        .map(|entry| KeyShown {
            key: entry.name().to_owned(),
            values: entry.values().iter().map(|v| v.as_str().to_owned()).collect(),
            origin: if given.iter().any(|k| k.eq_ignore_ascii_case(entry.name())) { "given" } else { "derived" },
        })
        .collect();
    context.sort_by(|a, b| a.key.cmp(&b.key));
    RequestShown {
        principal,
        action: request.action.as_str().to_owned(),
        resource: request.resource.arn.to_owned(),
        context,
    }
}

fn verdicts(explanation: &Explanation<'_>) -> Vec<VerdictShown> {
    let word = |verdict| match verdict {
        Verdict::Absent => "absent",
        Verdict::NoMatch => "no-match",
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Unknown => "unknown",
    };
    let v = &explanation.outcome().verdicts;
    [
        (Layer::ServiceControl, v.service_control),
        (Layer::ResourceControl, v.resource_control),
        (Layer::VpcEndpoint, v.vpc_endpoint),
        (Layer::PublicAccessBlock, v.public_access_block),
        (Layer::Resource, of_resource(v.resource)),
        (Layer::Identity, v.identity),
        (Layer::Boundary, v.boundary),
        (Layer::Session, v.session),
    ]
    .map(|(layer, verdict)| VerdictShown { layer, verdict: word(verdict) })
    .into()
}

/// What the resource side says, in the words of every layer.
fn of_resource(verdict: ResourceVerdict) -> Verdict {
    match verdict {
        ResourceVerdict::Absent => Verdict::Absent,
        ResourceVerdict::NoMatch => Verdict::NoMatch,
        ResourceVerdict::Allow(_) => Verdict::Allow,
        ResourceVerdict::Deny => Verdict::Deny,
        ResourceVerdict::Unknown => Verdict::Unknown,
    }
}

/// The lines of the sources, each read once.
#[derive(Default)]
struct Places(HashMap<usize, Lines>);

impl Places {
    fn place(&mut self, view: &StatementView<'_>, span: Span) -> Place {
        let source = view.policy.source();
        let lines = self.0.entry(source.text.as_ptr().addr()).or_insert_with(|| Lines::of(&source.text));
        place_in(source, lines, span)
    }
}

fn place_in(source: &Source, lines: &Lines, span: Span) -> Place {
    let position = |offset: u32| lines.position(&source.text, offset as usize);
    let ((line, column), (end_line, end_column)) = (position(span.start), position(span.end));
    Place { file: source.name.to_string(), line, column, end_line, end_column }
}

fn statement(view: &StatementView<'_>, places: &mut Places) -> StatementShown {
    let text = |p: &crate::compiled::pattern::Pattern| view.policy.text(p.text).to_owned();
    StatementShown {
        layer: view.at.layer,
        level: view.at.level,
        policy: view.policy.name().to_owned(),
        sid: view.sid().map(str::to_owned),
        number: view.at.statement + 1,
        place: places.place(view, view.statement.span),
        effect: view.statement.effect,
        met: view.parts.all(),
        action: PartShown {
            met: view.parts.action,
            wanted: view.actions().iter().map(text).collect(),
            matched: view.matched_action().map(text),
        },
        principal: PartShown {
            met: view.parts.principal.is_some(),
            wanted: view.wanted_principals().into_iter().map(str::to_owned).collect(),
            matched: view.parts.principal.map(|named| format!("{named:?}").to_ascii_lowercase()),
        },
        resource: PartShown {
            met: view.parts.resource,
            wanted: view.wanted_resources(),
            matched: view.matched_resource().map(text),
        },
        conditions: view.conditions().iter().map(|c| condition(view, c, places)).collect(),
    }
}

fn condition(view: &StatementView<'_>, c: &ConditionView<'_>, places: &mut Places) -> ConditionShown {
    ConditionShown {
        operator: c.operator.clone(),
        key: c.key.to_owned(),
        wanted: c.wanted.clone(),
        actual: c.actual.as_ref().map(|values| values.iter().map(|v| (*v).to_owned()).collect()),
        met: c.met,
        place: places.place(view, c.span),
    }
}

/// The shape of `SimulatePolicyResponse`'s `EvaluationResults`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EvaluationResult {
    /// The action.
    pub eval_action_name: String,
    /// The resource.
    pub eval_resource_name: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub eval_decision: &'static str,
    /// The statements that led to it.
    pub matched_statements: Vec<MatchedStatement>,
    /// The keys that policies asked for and the request does not have.
    pub missing_context_values: Vec<String>,
    /// What the control policies of the organization say, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizations_decision_detail: Option<OrganizationsDetail>,
    /// What the permissions boundary says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary_decision_detail: Option<BoundaryDetail>,
    /// What each kind of policy says; see [`DecisionDetails`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_decision_details: Option<DecisionDetails>,
    /// The same for the resource; empty where the resource is `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_specific_results: Vec<ResourceSpecificResult>,
}

/// The decision of each kind of policy, as AWS names the kinds. Between accounts; within one it is empty, and not
/// there where the resource is `*` or a control policy denies. Source: IAM API Reference, `EvaluationResult`.
pub type DecisionDetails = BTreeMap<&'static str, &'static str>;

/// The shape of `ResourceSpecificResults`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceSpecificResult {
    /// The resource.
    pub eval_resource_name: String,
    /// As of [`EvaluationResult::eval_decision`].
    pub eval_resource_decision: &'static str,
    /// The statements that led to it.
    pub matched_statements: Vec<MatchedStatement>,
    /// The keys that policies asked for and the request does not have.
    pub missing_context_values: Vec<String>,
    /// What each kind of policy says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_decision_details: Option<DecisionDetails>,
    /// What the permissions boundary says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

/// What the control policies say.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationsDetail {
    /// Whether they let the request through.
    pub allowed_by_organizations: bool,
}

/// What the permissions boundary says.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoundaryDetail {
    /// Whether it lets the request through.
    pub allowed_by_permissions_boundary: bool,
}

/// A statement of `SimulatePolicyResponse`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MatchedStatement {
    /// The policy.
    pub source_policy_id: String,
    /// Its type.
    pub source_policy_type: &'static str,
    /// Its first character.
    pub start_position: Position,
    /// The character behind it.
    pub end_position: Position,
}

/// A position of `SimulatePolicyResponse`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

/// The answer in the shape of `SimulatePolicyResponse`.
/// Source: IAM API Reference, `EvaluationResult`.
#[must_use]
pub fn evaluation_result(explanation: &Explanation<'_>) -> EvaluationResult {
    let verdicts = &explanation.outcome().verdicts;
    let detail = |verdict: Verdict| (verdict != Verdict::Absent).then_some(verdict == Verdict::Allow);
    let denied = matches!(explanation.decision, Decision::ExplicitDeny(_));
    let effect = if denied { Effect::Deny } else { Effect::Allow };
    let mut places = Places::default();
    let matched = explanation.statements().into_iter().filter(|v| v.parts.all() && v.statement.effect == effect);
    let mut result = EvaluationResult {
        eval_action_name: explanation.request().action.as_str().to_owned(),
        eval_resource_name: explanation.request().resource.arn.to_owned(),
        eval_decision: match explanation.decision {
            Decision::Allow(_) => "allowed",
            Decision::ExplicitDeny(_) => "explicitDeny",
            Decision::ImplicitDeny(_) => "implicitDeny",
        },
        matched_statements: matched.map(|v| matched_statement(&v, &mut places)).collect(),
        missing_context_values: explanation.missing_keys().into_iter().map(|k| k.key).collect(),
        organizations_decision_detail: detail(verdicts.service_control)
            .map(|allowed_by_organizations| OrganizationsDetail { allowed_by_organizations }),
        permissions_boundary_decision_detail: detail(verdicts.boundary)
            .map(|allowed_by_permissions_boundary| BoundaryDetail { allowed_by_permissions_boundary }),
        eval_decision_details: decision_details(explanation),
        resource_specific_results: Vec::new(),
    };
    if result.eval_resource_name != "*" {
        result.resource_specific_results = vec![ResourceSpecificResult {
            eval_resource_name: result.eval_resource_name.clone(),
            eval_resource_decision: result.eval_decision,
            matched_statements: result.matched_statements.clone(),
            missing_context_values: result.missing_context_values.clone(),
            eval_decision_details: result.eval_decision_details.clone(),
            permissions_boundary_decision_detail: result.permissions_boundary_decision_detail,
        }];
    }
    result
}

fn decision_details(explanation: &Explanation<'_>) -> Option<DecisionDetails> {
    let outcome = explanation.outcome();
    let verdicts = &outcome.verdicts;
    if matches!(verdicts.service_control, Verdict::Deny | Verdict::NoMatch | Verdict::Unknown) {
        return None;
    }
    if outcome.relation != Relation::Cross {
        return (explanation.request().resource.arn != "*").then(DecisionDetails::new);
    }
    let word = |verdict: Verdict| match verdict {
        Verdict::Allow => "allowed",
        Verdict::Deny => "explicitDeny",
        Verdict::Absent | Verdict::NoMatch | Verdict::Unknown => "implicitDeny",
    };
    let mut details = DecisionDetails::from([
        ("IAM Policy", word(verdicts.identity)),
        ("Resource Policy", word(of_resource(verdicts.resource))),
    ]);
    if verdicts.boundary != Verdict::Absent {
        details.insert("Permissions Boundary Policy", word(verdicts.boundary));
    }
    Some(details)
}

fn matched_statement(view: &StatementView<'_>, places: &mut Places) -> MatchedStatement {
    let place = places.place(view, view.statement.span);
    MatchedStatement {
        source_policy_id: view.policy.name().to_owned(),
        source_policy_type: match view.at.layer {
            Layer::Resource => "resource",
            Layer::Boundary => "user-managed",
            Layer::Identity | Layer::Session => "IAM Policy",
            // AWS's response has no word for the others.
            _ => "none",
        },
        start_position: Position { line: place.line, column: place.column },
        end_position: Position { line: place.end_line, column: place.end_column },
    }
}

/// What came of a scenario file: results, or what is wrong with it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct ScenariosRun {
    /// [`VERSION`].
    pub version: u32,
    /// One result for each scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<super::scenario::TestResult>>,
    /// What is wrong with the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<FindingShown>>,
}

impl ScenariosRun {
    /// Reads and runs a scenario file.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        match super::scenario::read(source) {
            Ok(list) => {
                let results = list.iter().map(super::scenario::Scenario::run).collect();
                Self { version: VERSION, results: Some(results), problems: None }
            }
            Err(refused) => {
                let problems = findings(&refused.source, &refused.list);
                Self { version: VERSION, results: None, problems: Some(problems) }
            }
        }
    }
}

/// A finding about an input.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FindingShown {
    /// Its code.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// The sentence.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// Problems in their JSON shape.
#[must_use]
pub fn findings(source: &Source, list: &[Problem]) -> Vec<FindingShown> {
    let lines = Lines::of(&source.text);
    let shown = |p: &Problem| FindingShown {
        code: p.code,
        severity: p.severity,
        message: p.message.clone(),
        place: place_in(source, &lines, p.span),
    };
    list.iter().map(shown).collect()
}
