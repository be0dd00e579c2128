//! From a question to layers and a request: every text parsed, every policy by its state.

use super::answer::{BrokenPolicy, PolicyPlace, QuestionProblem};
use super::diagnostics;
use super::question::{PolicyState, PolicyText, Question};
use super::unknown::MAX_UNKNOWN;
use crate::compiled::CompiledPolicy;
use crate::decision::{AuthorizationRequest, Layer, LayerState, Layers, PolicySet, StatementRef};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::scenario::{self, OwnedRequest};
use crate::words::codes::Code;
use crate::words::json;
use crate::words::problem::{Problem, Source};
use serde::Serialize;
use std::sync::Arc;

/// A policy that counts, with the tree that knows the places of its parts.
pub(super) struct Loaded {
    pub place: PolicyPlace,
    pub document: PolicyDocument,
    pub compiled: Arc<CompiledPolicy>,
}

/// A policy that applies and that nobody knows.
#[derive(Clone)]
pub(super) struct Unknown {
    pub place: PolicyPlace,
    pub name: String,
    pub kind: PolicyKind,
}

/// A set of policies that count as one: a layer, or a level of control policies.
#[derive(Default)]
pub(super) struct Slot {
    pub loaded: Vec<Loaded>,
    pub unknown: Vec<Unknown>,
    /// Every policy that it lists is off.
    pub switched_off: bool,
}

/// The slots of one layer; layers without levels have at most one.
pub(super) struct SlotsOf {
    pub layer: Layer,
    pub slots: Vec<Slot>,
}

/// A question that can be asked.
pub(super) struct Prepared {
    /// The layers with the known policies alone.
    pub layers: Layers,
    pub request: OwnedRequest,
    pub slots: Vec<SlotsOf>,
    /// The context keys that the question gave.
    pub given: Vec<String>,
}

/// Why a question cannot be asked.
#[derive(Default)]
pub(super) struct Refused {
    pub broken: Vec<BrokenPolicy>,
    pub problems: Vec<QuestionProblem>,
}

/// A problem without candidates.
pub(super) fn problem(code: Code, message: impl Into<String>) -> QuestionProblem {
    QuestionProblem { code, message: message.into(), candidates: Vec::new() }
}

/// Reads every policy and the settings of a question.
pub(super) fn prepare(question: &Question) -> Result<Prepared, Refused> {
    let mut reader = Reader { question, refused: Refused::default() };
    let slots = reader.slots();
    let settings = read_settings(question);
    let mut refused = reader.refused;
    match settings {
        Ok((mut layers, request)) if refused.broken.is_empty() && refused.problems.is_empty() => {
            slots.iter().for_each(|of| put(&mut layers, of.layer, of.with(|_| Vec::new())));
            let given = question.request.context.keys().cloned().collect();
            match request.as_request(&layers).map(drop) {
                Ok(()) => {
                    let prepared = Prepared { layers, request, slots, given };
                    if prepared.unknown().count() <= MAX_UNKNOWN {
                        return Ok(prepared);
                    }
                    let message = format!("at most {MAX_UNKNOWN} policies can be unknown");
                    refused.problems.push(problem(Code::ScenarioShape, message));
                    Err(refused)
                }
                Err(message) => {
                    refused.problems.push(problem(Code::ScenarioShape, message));
                    Err(refused)
                }
            }
        }
        Ok(_) => Err(refused),
        Err(problems) => {
            refused.problems.extend(problems);
            Err(refused)
        }
    }
}

/// The policies of a question that can be read, whatever else is wrong with it.
pub(super) fn load_known(question: &Question) -> Vec<Loaded> {
    let slots = Reader { question, refused: Refused::default() }.slots();
    slots.into_iter().flat_map(|of| of.slots).flat_map(|slot| slot.loaded).collect()
}

/// The parts of a question that stand in it as in a scenario.
#[derive(Serialize)]
struct Settings<'q> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: &'q Option<super::question::QuestionBucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: &'q Option<Vec<super::question::QuestionKeyGrant>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: &'q Option<super::question::QuestionObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: &'q Option<Vec<String>>,
}

/// What [`scenario::read_circumstances`] reads.
#[derive(Serialize)]
struct Circumstances<'q> {
    layers: Settings<'q>,
    request: &'q super::question::QuestionRequest,
}

/// Request and settings by the scenario reader: there is one reader of them.
fn read_settings(question: &Question) -> Result<(Layers, OwnedRequest), Vec<QuestionProblem>> {
    let l = &question.layers;
    let settings = Settings { bucket: &l.bucket, grants: &l.grants, object: &l.object, unknown: &l.unknown };
    let whole = Circumstances { layers: settings, request: &question.request };
    let text = serde_json::to_string(&whole).map_err(|error| vec![problem(Code::ScenarioShape, error.to_string())])?;
    scenario::read_circumstances(&Source::new("question", text)).map_err(|refused| {
        let shown = refused.list.into_iter().map(|p| problem(p.code, p.message));
        shown.take(super::answer::MAX_DIAGNOSTICS).collect()
    })
}

struct Reader<'q> {
    question: &'q Question,
    refused: Refused,
}

impl Reader<'_> {
    fn slots(&mut self) -> Vec<SlotsOf> {
        let l = &self.question.layers;
        let list = |policies: &Option<Vec<PolicyText>>| policies.clone().map(|list| vec![list]);
        let one = |policy: &Option<PolicyText>| policy.clone().map(|policy| vec![vec![policy]]);
        let resource = l.resource.as_ref().map_or(PolicyKind::Bucket, |policy| self.resource_kind(policy));
        let all = [
            (Layer::Identity, PolicyKind::Identity, list(&l.identity)),
            (Layer::Boundary, PolicyKind::Boundary, one(&l.boundary)),
            (Layer::Session, PolicyKind::Session, list(&l.session)),
            (Layer::ServiceControl, PolicyKind::ServiceControl, l.scp.clone()),
            (Layer::ResourceControl, PolicyKind::ResourceControl, l.rcp.clone()),
            (Layer::Resource, resource, one(&l.resource)),
            (Layer::VpcEndpoint, PolicyKind::VpcEndpoint, one(&l.vpce)),
        ];
        let named = all.into_iter().filter_map(|(layer, kind, levels)| Some((layer, kind, levels?)));
        named.map(|(layer, kind, levels)| self.layer(layer, kind, &levels)).collect()
    }

    /// By what the resource is; a policy of a resource that has none is read by what stands in it.
    fn resource_kind(&self, policy: &PolicyText) -> PolicyKind {
        let action = &self.question.request.action;
        let service = action.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let by_text = || {
            let mut problems = Vec::new();
            json::parse(&policy.text, &mut problems).map(|root| scenario::resource_kind(&policy.text, &root))
        };
        match (service.as_str(), policy.state) {
            // What a scenario says, its text says.
            _ if policy.state != PolicyState::Unknown && self.question.acceptance == super::Accepted::Evaluable => {
                by_text().unwrap_or(PolicyKind::Bucket)
            }
            ("s3", _) => PolicyKind::Bucket,
            ("kms", _) => PolicyKind::Key,
            ("sts", _) => PolicyKind::Trust,
            (_, PolicyState::Unknown) => PolicyKind::Bucket,
            _ => by_text().unwrap_or(PolicyKind::Bucket),
        }
    }

    fn layer(&mut self, layer: Layer, kind: PolicyKind, levels: &[Vec<PolicyText>]) -> SlotsOf {
        let number = |(level, list): (usize, &Vec<PolicyText>)| self.slot(layer, level, kind, list);
        SlotsOf { layer, slots: levels.iter().enumerate().map(number).collect() }
    }

    fn slot(&mut self, layer: Layer, level: usize, kind: PolicyKind, list: &[PolicyText]) -> Slot {
        let off = list.iter().filter(|policy| policy.state == PolicyState::Off).count();
        let mut slot = Slot { switched_off: off > 0 && off == list.len(), ..Slot::default() };
        for (index, policy) in list.iter().enumerate() {
            let place = PolicyPlace { layer, level, index };
            match policy.state {
                PolicyState::Off => {}
                PolicyState::Unknown => slot.unknown.push(Unknown { place, name: policy.name.clone(), kind }),
                PolicyState::On => slot.loaded.extend(self.load(place, kind, policy)),
            }
        }
        slot
    }

    fn load(&mut self, place: PolicyPlace, kind: PolicyKind, policy: &PolicyText) -> Option<Loaded> {
        let bucket = self.question.layers.bucket.as_ref().map(|b| b.name.as_str()).filter(|name| !name.is_empty());
        let acceptance = self.question.acceptance.into();
        let options = LoadOptions { acceptance, bucket, ..LoadOptions::new(kind) };
        match PolicyDocument::parse(&policy.name, &policy.text, &options) {
            Ok(document) => {
                let compiled = Arc::new(CompiledPolicy::compile(policy.name.as_str(), &document));
                Some(Loaded { place, document, compiled })
            }
            Err(refused) => {
                let list: &[Problem] = &refused.list;
                let diagnostics = diagnostics::shown(&refused.source.text, list);
                self.refused.broken.push(BrokenPolicy { policy: place, name: policy.name.clone(), diagnostics });
                None
            }
        }
    }
}

impl Prepared {
    /// The request against these layers.
    ///
    /// # Panics
    /// Never: preparing built the request once, and what it needs does not depend on the layers.
    pub(super) fn request_against<'a>(&'a self, layers: &'a Layers) -> AuthorizationRequest<'a> {
        self.request.as_request(layers).expect("checked when the question was prepared")
    }

    /// The policies that nobody knows.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &Unknown> {
        self.slots.iter().flat_map(SlotsOf::counted).flat_map(|slot| &slot.unknown)
    }

    /// The policy that a statement stands in.
    pub(super) fn loaded(&self, at: StatementRef) -> Option<&Loaded> {
        let of = self.slots.iter().find(|of| of.layer == at.layer)?;
        of.counted().nth(usize::from(at.level))?.loaded.get(usize::from(at.policy))
    }
}

impl SlotsOf {
    /// The slots that take part, in the order of the sets in [`Layers`]. Switched off is taken away: of identity
    /// policies nothing is left then, elsewhere the layer or level is gone.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Slot> {
        let identity = self.layer == Layer::Identity;
        // No session policy was passed where the list is empty.
        let may_be_empty = self.layer != Layer::Session;
        self.slots.iter().filter(move |slot| {
            (identity || !slot.switched_off) && (may_be_empty || !slot.loaded.is_empty() || !slot.unknown.is_empty())
        })
    }

    /// The layer with the known policies and, in each slot, what `more` adds.
    pub(super) fn with(&self, mut more: impl FnMut(&Slot) -> Vec<Arc<CompiledPolicy>>) -> LayerState<Vec<PolicySet>> {
        let set =
            |slot: &Slot| PolicySet::new(slot.loaded.iter().map(|l| l.compiled.clone()).chain(more(slot)).collect());
        let sets: Vec<PolicySet> = self.counted().map(set).collect();
        if sets.is_empty() && !self.slots.is_empty() { LayerState::Absent } else { LayerState::Given(sets) }
    }
}

/// Puts the sets of a layer into their place; where the layer is marked as unknown, it stays so.
pub(super) fn put(layers: &mut Layers, layer: Layer, sets: LayerState<Vec<PolicySet>>) {
    let one = |state: LayerState<Vec<PolicySet>>| match state {
        LayerState::Given(sets) => sets.into_iter().next().into(),
        LayerState::Absent => LayerState::Absent,
        LayerState::Unknown => LayerState::Unknown,
    };
    let slot = match layer {
        Layer::ServiceControl if !layers.service_control.is_unknown() => return layers.service_control = sets,
        Layer::ResourceControl if !layers.resource_control.is_unknown() => return layers.resource_control = sets,
        Layer::Identity => &mut layers.identity,
        Layer::Boundary => &mut layers.boundary,
        Layer::Session => &mut layers.session,
        Layer::Resource => &mut layers.resource,
        Layer::VpcEndpoint => &mut layers.vpc_endpoint,
        _ => return,
    };
    if !slot.is_unknown() {
        *slot = one(sets);
    }
}
