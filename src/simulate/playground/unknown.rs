//! Policies that apply and that nobody knows: what the answer would be if one allowed, said nothing, or denied.
//!
//! Each outcome is evaluated, by the one core, with a policy that does exactly that.

use super::answer::UnknownPolicy;
use super::explain::decision_of;
use super::prepare::{Prepared, Unknown, put};
use crate::compiled::CompiledPolicy;
use crate::decision::remedies::principal_element;
use crate::decision::{AuthorizationRequest, Decision, Layer, LayerState, Layers};
use crate::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use std::sync::Arc;

/// Beyond this many, nobody can say anything.
pub(super) const MAX_UNKNOWN: usize = 64;

/// What an unknown policy is taken to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Allows,
    Silent,
    Denies,
}

/// What the unknown policies of a question come to.
pub(super) struct Supposed {
    /// The layers that the answer is explained by.
    pub layers: Layers,
    /// Whether the request is allowed hangs on the unknown policies.
    pub open: bool,
    /// Each of them.
    pub policies: Vec<UnknownPolicy>,
}

/// Evaluates what the unknown policies could do.
pub(super) fn suppose(prepared: &Prepared) -> Supposed {
    let all: Vec<&Unknown> = prepared.unknown().collect();
    if all.is_empty() {
        return Supposed { layers: prepared.layers.clone(), open: false, policies: Vec::new() };
    }
    let best = decided(prepared, &|_| Outcome::Allows);
    let open = best.is_allowed() || best.is_undecided();
    let mut layers = prepared.layers.clone();
    if open {
        // The most permissive reading allows, so the layers that hold them are what decides.
        let open = prepared.slots.iter().filter(|of| of.counted().any(|slot| !slot.unknown.is_empty()));
        open.for_each(|of| put(&mut layers, of.layer, LayerState::Unknown));
    }
    Supposed { layers, open, policies: all.into_iter().map(|policy| one(prepared, policy)).collect() }
}

/// The three outcomes of one policy. Every other one is taken to allow: a Deny of any other would settle the answer,
/// and an Allow can only help, so that what does not matter then never does.
fn one(prepared: &Prepared, policy: &Unknown) -> UnknownPolicy {
    let with =
        |outcome| decided(prepared, &|other| if other.place == policy.place { outcome } else { Outcome::Allows });
    let (allows, silent, denies) = (with(Outcome::Allows), with(Outcome::Silent), with(Outcome::Denies));
    let open = |decision: &Decision| decision.is_allowed() || decision.is_undecided();
    UnknownPolicy {
        policy: policy.place,
        name: policy.name.clone(),
        if_allows: allows.word(),
        if_silent: silent.word(),
        if_denies: denies.word(),
        matters: open(&allows) != open(&silent) || open(&allows) != open(&denies),
    }
}

fn decided(prepared: &Prepared, outcome: &dyn Fn(&Unknown) -> Outcome) -> Decision {
    let mut layers = prepared.layers.clone();
    let request = prepared.request_against(&prepared.layers);
    for of in prepared.slots.iter().filter(|of| of.slots.iter().any(|slot| !slot.unknown.is_empty())) {
        let mut unreadable = false;
        let state = of.with(|slot| {
            let policies = slot.unknown.iter().map(|u| (u.kind, outcome(u)));
            let supposed = policies.filter(|(_, outcome)| *outcome != Outcome::Silent).map(|(kind, outcome)| {
                let policy = that(kind, outcome, &request);
                unreadable |= policy.is_none();
                policy
            });
            supposed.flatten().collect()
        });
        // Where no policy can be written that does it, the core's own reading of an unknown layer is the safe one.
        put(&mut layers, of.layer, if unreadable { LayerState::Unknown } else { state });
        let allows = of.slots.iter().flat_map(|slot| &slot.unknown).any(|u| outcome(u) == Outcome::Allows);
        if of.layer == Layer::Resource
            && allows
            && let Some(LayerState::Given(block)) = layers.bucket.as_mut().map(|b| &mut b.public_access_block)
        {
            // The policy that allows need not be a public one.
            block.restrict_public_buckets = false;
        }
    }
    decision_of(prepared, layers)
}

/// A policy that allows or denies the request.
fn that(kind: PolicyKind, outcome: Outcome, request: &AuthorizationRequest<'_>) -> Option<Arc<CompiledPolicy>> {
    let effect = if outcome == Outcome::Allows { "Allow" } else { "Deny" };
    let principal = match (kind.has_principal(), kind, outcome) {
        (false, ..) => String::new(),
        // The requester itself is named: that reaches furthest.
        (true, PolicyKind::Bucket | PolicyKind::Key | PolicyKind::Trust, Outcome::Allows) => {
            format!(r#","Principal":{}"#, principal_element(request, request.principal.arn)?)
        }
        (true, ..) => r#","Principal":"*""#.to_owned(),
    };
    let resource = if kind == PolicyKind::Trust { "" } else { r#","Resource":"*""# };
    let text = format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"*"{resource}{principal}}}}}"#);
    let options = LoadOptions { acceptance: Acceptance::Evaluable, ..LoadOptions::new(kind) };
    let document = PolicyDocument::parse("supposed", &text, &options).ok()?;
    Some(Arc::new(CompiledPolicy::compile("supposed", &document)))
}
