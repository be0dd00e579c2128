//! The answers: the library's own explanation, with the places of its statements in the texts.

use super::answer::{ConditionMark, Decided, Explained, PartMark, PolicyPlace, StatementMarks, VERSION, Verdict, View};
use super::diagnostics::Units;
use super::prepare::{Loaded, Prepared, Refused, prepare};
use super::question::Question;
use super::unknown::{Supposed, suppose};
use crate::decision::explanation::StatementView;
use crate::decision::{Authorizer, Decision, Layers};
use crate::simulate::wire;
use crate::words::problem::Span;
use std::collections::BTreeMap;

/// The answer to a question, in short.
#[must_use]
pub fn decide(question: &Question) -> Decided {
    let (verdict, refused) = match prepare(question) {
        Ok(prepared) => (Some(verdict(&prepared)), Refused::default()),
        Err(refused) => (None, refused),
    };
    Decided { version: VERSION, verdict, broken: refused.broken, problems: refused.problems }
}

/// The decision of a question against these layers.
pub(super) fn decision_of(prepared: &Prepared, layers: Layers) -> Decision {
    let authorizer = Authorizer::new(layers);
    authorizer.decide(&prepared.request_against(authorizer.layers()))
}

fn verdict(prepared: &Prepared) -> Verdict {
    let decision = decision_of(prepared, suppose(prepared).layers);
    let basis = decision.basis();
    Verdict { decision: decision.word(), code: basis.code, layer: basis.layer, undecided: decision.is_undecided() }
}

/// The answer to a question, with everything that led to it.
#[must_use]
pub fn explain(question: &Question) -> Explained {
    let mut explained = Explained {
        version: VERSION,
        view: None,
        known: None,
        unknown: Vec::new(),
        broken: Vec::new(),
        problems: Vec::new(),
    };
    match prepare(question) {
        Ok(prepared) => {
            let Supposed { layers, open, policies } = suppose(&prepared);
            explained.known = open.then(|| view(&prepared, prepared.layers.clone()));
            explained.view = Some(view(&prepared, layers));
            explained.unknown = policies;
        }
        Err(refused) => {
            explained.broken = refused.broken;
            explained.problems = refused.problems;
        }
    }
    explained
}

fn view(prepared: &Prepared, layers: Layers) -> View {
    let authorizer = Authorizer::new(layers);
    let request = prepared.request_against(authorizer.layers());
    let explanation = authorizer.explain(&request);
    let statements = explanation.statements();
    let index = |view: &StatementView<'_>| statements.iter().position(|other| other.at == view.at);
    let mut marker = Marker { prepared, units: BTreeMap::new() };
    View {
        deciding: explanation.deciding().and_then(|view| index(&view)),
        near_misses: explanation.near_misses().iter().filter_map(index).collect(),
        marks: statements.iter().filter_map(|view| marker.marks(view)).collect(),
        answer: wire::answer(&explanation, &prepared.given, &[], authorizer.remedies(&request)),
    }
}

struct Marker<'p> {
    prepared: &'p Prepared,
    units: BTreeMap<PolicyPlace, Units<'p>>,
}

impl Marker<'_> {
    fn marks(&mut self, view: &StatementView<'_>) -> Option<StatementMarks> {
        let Loaded { place, document, .. } = self.prepared.loaded(view.at)?;
        let units = self.units.entry(*place).or_insert_with(|| Units::of(&document.source().text));
        let statement = document.statements().get(view.at.statement as usize)?;
        let part = |element: Span, matched: Option<Span>| PartMark {
            element: units.mark(element),
            matched: matched.map(|span| units.mark(span)),
        };
        let conditions = view.conditions().into_iter().filter_map(|shown| {
            let own = statement.conditions.iter().find(|c| c.span == shown.span)?;
            Some(ConditionMark {
                operator: units.mark(own.operator_span),
                key: units.mark(own.key.span),
                values: units.mark(own.span),
            })
        });
        Some(StatementMarks {
            policy: *place,
            statement: units.mark(statement.span),
            effect: units.mark(statement.effect_span),
            action: part(statement.actions.span, view.matched_action().map(|p| p.span)),
            principal: statement.principal.as_ref().map(|p| part(p.span, None)),
            resource: statement.resources.as_ref().map(|r| part(r.span, view.matched_resource().map(|p| p.span))),
            conditions: conditions.collect(),
        })
    }
}
