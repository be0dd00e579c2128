//! The explanation of a decision: views over the trace, computed when they are asked for.

use super::combine::{Decision, Layer};
use super::context::Entry;
use super::evaluate::{Outcome, evaluate};
use super::layers::Layers;
use super::matching::Subject;
use super::observer::{Observer, Parts, StatementRef};
use super::request::AuthorizationRequest;
use super::trace::{Step, Trace};
use crate::compiled::condition::{Condition, OperandValue};
use crate::compiled::pattern::{KeyRef, Matcher, Pattern};
use crate::compiled::principal::Principals;
use crate::compiled::{CompiledPolicy, Statement};
use crate::policy::Effect;
use crate::words::problem::Span;
use crate::words::wildcard::Token;
use std::fmt::Write as _;

/// A decision with all that led to it. Made by [`Authorizer::explain`](super::Authorizer::explain).
#[derive(Debug)]
pub struct Explanation<'r> {
    layers: &'r Layers,
    request: &'r AuthorizationRequest<'r>,
    /// The answer.
    pub decision: Decision,
    trace: Trace,
}

/// One statement that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct StatementView<'e> {
    /// Where it stands.
    pub at: StatementRef,
    /// What of it met.
    pub parts: Parts,
    /// Which of its conditions met.
    pub conditions_met: &'e [bool],
    /// Its policy.
    pub policy: &'e CompiledPolicy,
    /// The statement itself.
    pub statement: &'e Statement,
    request: &'e AuthorizationRequest<'e>,
}

/// One condition of a statement, with the values that were compared.
#[derive(Clone, Debug)]
pub struct ConditionView<'e> {
    /// The operator's name.
    pub operator: String,
    /// The operator in words.
    pub words: &'static str,
    /// The key.
    pub key: &'e str,
    /// What the policy wants, variables expanded; a variable without a value stands as it was written.
    pub wanted: Vec<String>,
    /// What the request has; `None`: the key is absent.
    pub actual: Option<Vec<&'e str>>,
    /// Whether it held.
    pub met: bool,
    /// Where its operands stand.
    pub span: Span,
    /// Where its operator stands.
    pub operator_span: Span,
}

/// A key that some statement asked for and the request does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKey {
    /// Its name as the policy spells it.
    pub key: String,
    /// Whether a value could turn the answer.
    pub decisive: bool,
}

/// Assumes an outcome for every condition on one key.
struct Supposing<'k> {
    key: &'k str,
    outcome: bool,
}

impl Observer for Supposing<'_> {
    const TRACE: bool = false;

    fn suppose(&self, subject: &Subject<'_>, condition: &Condition) -> Option<bool> {
        let name = subject.policy.text(condition.key.name);
        name.eq_ignore_ascii_case(self.key).then_some(self.outcome)
    }
}

impl<'r> Explanation<'r> {
    pub(super) fn new(
        layers: &'r Layers,
        request: &'r AuthorizationRequest<'r>,
        decision: Decision,
        trace: Trace,
    ) -> Self {
        Self { layers, request, decision, trace }
    }

    /// The request that was asked.
    #[must_use]
    pub fn request(&self) -> &'r AuthorizationRequest<'r> {
        self.request
    }

    /// The layers it was held against.
    #[must_use]
    pub fn layers(&self) -> &'r Layers {
        self.layers
    }

    /// The verdicts of the layers, the relation of the accounts, ACL and grants.
    ///
    /// # Panics
    /// Never: every evaluation reports its outcome.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        self.trace.outcome().expect("every evaluation reports its outcome once")
    }

    /// Every statement that was looked at, in the order of layers, levels, policies and statements.
    #[must_use]
    pub fn statements(&self) -> Vec<StatementView<'_>> {
        let mut views: Vec<_> = self.trace.steps().iter().filter_map(|step| self.view(step)).collect();
        views.sort_by_key(|view| view.at);
        views
    }

    /// The statement that decided, where one did.
    #[must_use]
    pub fn deciding(&self) -> Option<StatementView<'_>> {
        self.statement(self.decision.basis().statement?)
    }

    /// The statement at a place.
    #[must_use]
    pub fn statement(&self, at: StatementRef) -> Option<StatementView<'_>> {
        self.trace.steps().iter().find(|step| step.at == at).and_then(|step| self.view(step))
    }

    fn view<'e>(&'e self, step: &'e Step) -> Option<StatementView<'e>> {
        let policy = self.layers.policy(step.at)?;
        let statement = policy.statements().get(step.at.statement as usize)?;
        let conditions_met = self.trace.conditions(step);
        Some(StatementView { at: step.at, parts: step.parts, conditions_met, policy, statement, request: self.request })
    }

    /// For an implicit denial: the Allows that came closest, closest first, at most three.
    #[must_use]
    pub fn near_misses(&self) -> Vec<StatementView<'_>> {
        if !matches!(self.decision, Decision::ImplicitDeny(_)) {
            return Vec::new();
        }
        let wanted = self.decision.basis().layer;
        let guardrail = matches!(wanted, Layer::ServiceControl | Layer::VpcEndpoint | Layer::Boundary | Layer::Session);
        let grants = |layer| matches!(layer, Layer::Identity | Layer::Resource);
        let mut views: Vec<_> = self
            .statements()
            .into_iter()
            .filter(|v| v.statement.effect == Effect::Allow && !v.parts.all() && v.parts.action)
            .filter(|v| if guardrail { v.at.layer == wanted } else { grants(v.at.layer) })
            .collect();
        views.sort_by_key(|view| (view.distance(), view.at));
        views.truncate(3);
        views
    }

    /// The context keys that statements asked for and the request does not have.
    #[must_use]
    pub fn missing_keys(&self) -> Vec<MissingKey> {
        let mut names: Vec<&str> = Vec::new();
        for view in self.trace.steps().iter().filter_map(|step| self.view(step)) {
            if view.parts.action
                && view.parts.principal.is_some()
                && (view.parts.resource || view.resource_has_variables())
            {
                view.keys(|name| {
                    if self.request.context.get(name).is_none() && !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                        names.push(name);
                    }
                });
            }
        }
        names.sort_unstable();
        let decisive = |key: &str| {
            [true, false].into_iter().any(|outcome| {
                let other = evaluate(self.layers, self.request, &mut Supposing { key, outcome });
                other.is_allowed() != self.decision.is_allowed()
            })
        };
        names.into_iter().map(|key| MissingKey { key: key.to_owned(), decisive: decisive(key) }).collect()
    }
}

impl<'e> StatementView<'e> {
    fn subject(&self) -> Subject<'e> {
        Subject { policy: self.policy, request: self.request, bounded: false }
    }

    /// Its id.
    #[must_use]
    pub fn sid(&self) -> Option<&'e str> {
        self.statement.sid.map(|sid| self.policy.text(sid))
    }

    /// Its id, or `statement 3 of 7`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.sid().filter(|sid| !sid.is_empty()) {
            Some(sid) => sid.to_owned(),
            None => format!("statement {} of {}", self.at.statement + 1, self.policy.statements().len()),
        }
    }

    /// How many parts did not meet: 0 for a match.
    #[must_use]
    pub fn distance(&self) -> usize {
        let failed_conditions = self.conditions_met.iter().filter(|met| !**met).count();
        // Another principal or resource is further away than any condition.
        usize::from(!self.parts.action) * 100
            + usize::from(!self.parts.resource) * 20
            + usize::from(self.parts.principal.is_none()) * 10
            + failed_conditions
    }

    /// Its conditions with the values that were compared.
    #[must_use]
    pub fn conditions(&self) -> Vec<ConditionView<'e>> {
        let conditions = self.policy.conditions(self.statement.conditions);
        conditions.iter().zip(self.conditions_met).map(|(c, met)| self.condition(c, *met)).collect()
    }

    fn condition(&self, condition: &Condition, met: bool) -> ConditionView<'e> {
        let entry = self.request.context.lookup(&condition.key, self.policy.arena());
        let values = |e: &'e Entry<'_>| e.values().iter().map(super::ContextValue::as_str).collect();
        let operands = self.policy.operands(condition.operands);
        ConditionView {
            operator: condition.operator.to_string(),
            words: condition.operator.words(),
            key: self.policy.text(condition.key.name),
            wanted: operands
                .iter()
                .map(|operand| match &operand.value {
                    OperandValue::Pattern(matcher) => self.expanded(matcher, operand.text),
                    _ => self.policy.text(operand.text).to_owned(),
                })
                .collect(),
            actual: entry.map(values),
            met,
            span: condition.span,
            operator_span: condition.operator_span,
        }
    }

    /// The text of a pattern with its variables replaced.
    fn expanded(&self, matcher: &Matcher, text: Span) -> String {
        let Matcher::Glob { tokens, variables: true } = matcher else { return self.policy.text(text).to_owned() };
        let subject = self.subject();
        let mut out = String::new();
        for token in self.policy.tokens(*tokens) {
            match token {
                Token::Literal(span) => out.push_str(self.policy.text(*span)),
                Token::One => out.push('?'),
                Token::Run => out.push('*'),
                Token::Variable(number) => match subject.variable(*number) {
                    Some(value) => out.push_str(value),
                    None => {
                        let key = self.policy.variable(*number).map(|v| self.policy.text(v.key.name));
                        let _ = write!(out, "${{{}}}", key.unwrap_or_default());
                    }
                },
            }
        }
        out
    }

    /// Its action patterns.
    #[must_use]
    pub fn actions(&self) -> &'e [Pattern] {
        self.policy.patterns(self.policy.class(self.statement.class).patterns)
    }

    /// Its resource patterns; empty in a trust policy.
    #[must_use]
    pub fn resources(&self) -> &'e [Pattern] {
        self.statement.resources.map_or(&[], |r| self.policy.patterns(r.patterns))
    }

    /// The action pattern that means the action.
    #[must_use]
    pub fn matched_action(&self) -> Option<&'e Pattern> {
        let action = self.request.action.as_str();
        self.actions().iter().find(|p| self.subject().action_fits(p, action))
    }

    /// The resource pattern that fits the resource.
    #[must_use]
    pub fn matched_resource(&self) -> Option<&'e Pattern> {
        let arn = self.request.resource.arn;
        self.resources().iter().find(|p| self.subject().fits(&p.matcher, arn, None))
    }

    /// The resource patterns with their variables replaced.
    #[must_use]
    pub fn wanted_resources(&self) -> Vec<String> {
        self.resources().iter().map(|p| self.expanded(&p.matcher, p.text)).collect()
    }

    /// The principals it lists, as written in the policy; `*` for everyone.
    #[must_use]
    pub fn wanted_principals(&self) -> Vec<&'e str> {
        let (everyone, names) = match self.statement.principals {
            Principals::Unstated => return Vec::new(),
            Principals::Listed { everyone, names } | Principals::Excluded { everyone, names } => (everyone, names),
        };
        let listed = self.policy.names(names).iter().map(|n| n.span.of(&self.policy.source().text).trim_matches('"'));
        everyone.then_some("*").into_iter().chain(listed).collect()
    }

    fn resource_has_variables(&self) -> bool {
        self.resources().iter().any(|p| matches!(p.matcher, Matcher::Glob { variables: true, .. }))
    }

    /// Calls `visit` with every context key that it reads.
    fn keys(&self, mut visit: impl FnMut(&'e str)) {
        let mut key = |key: &KeyRef| visit(self.policy.text(key.name));
        let conditions = self.policy.conditions(self.statement.conditions);
        let operands = conditions.iter().flat_map(|c| self.policy.operands(c.operands));
        let matchers = operands.filter_map(|o| match &o.value {
            OperandValue::Pattern(matcher) => Some(matcher),
            _ => None,
        });
        for matcher in matchers.chain(self.resources().iter().map(|p| &p.matcher)) {
            if let Matcher::Glob { tokens, variables: true } = matcher {
                for token in self.policy.tokens(*tokens) {
                    if let Token::Variable(number) = token
                        && let Some(variable) = self.policy.variable(*number)
                    {
                        key(&variable.key);
                    }
                }
            }
        }
        conditions.iter().for_each(|c| key(&c.key));
    }

    /// Where its principal, action, resource and condition parts stand, for marking them in the text:
    /// the first part that did not meet, or the whole statement.
    #[must_use]
    pub fn failed_span(&self) -> Span {
        if !self.parts.action {
            return self.statement.actions_span;
        }
        if self.parts.principal.is_none()
            && let Principals::Listed { names, .. } | Principals::Excluded { names, .. } = self.statement.principals
            && let Some(name) = self.policy.names(names).first()
        {
            return name.span;
        }
        if !self.parts.resource
            && let Some(pattern) = self.resources().first()
        {
            return pattern.span;
        }
        let conditions = self.policy.conditions(self.statement.conditions).iter();
        conditions.zip(self.conditions_met).find(|(_, met)| !**met).map_or(self.statement.span, |(c, _)| c.span)
    }
}

/// The expensive keys of [`Authorizer::required_keys`](super::Authorizer::required_keys).
pub(super) fn required_keys(layers: &Layers, request: &AuthorizationRequest<'_>) -> Vec<String> {
    let expensive = |name: &str| {
        ["s3:existingobjecttag/", "aws:resourcetag/"].iter().any(|family| {
            name.as_bytes().get(..family.len()).is_some_and(|head| head.eq_ignore_ascii_case(family.as_bytes()))
        })
    };
    // PERF: most policies read no tag, and most requests need no trace to know it.
    if !layers.policies().any(|policy| policy.keys_read().any(expensive)) {
        return Vec::new();
    }
    let mut trace = Trace::with_capacity(16);
    let decision = evaluate(layers, request, &mut trace);
    let explanation = Explanation::new(layers, request, decision, trace);
    let mut keys: Vec<String> = Vec::new();
    for view in explanation.statements() {
        if view.parts.action && view.parts.principal.is_some() && (view.parts.resource || view.resource_has_variables())
        {
            view.keys(|name| {
                if expensive(name) && request.context.get(name).is_none() {
                    keys.push(name.to_owned());
                }
            });
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}
