//! The evaluation: one algorithm, watched by an observer.

use super::acl::{self, AclGrant};
use super::combine::{
    self, Answer, Decision, Identity, Layer, Reach, Relation, ResourceVerdict, Ruling, Verdict, Verdicts,
};
use super::guards;
use super::layers::{Bucket, LayerState, Layers, PolicySet};
use super::matching::Subject;
use super::observer::{Observer, Parts, StatementRef};
use super::principal::{Named, PrincipalKind};
use super::request::{AuthorizationRequest, Custody};
use crate::compiled::Statement;
use crate::compiled::index::{Index, Probe};
use crate::policy::Effect;
use crate::words::codes::Code;

/// What led from the layers to the decision.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The verdicts.
    pub verdicts: Verdicts,
    /// The accounts.
    pub relation: Relation,
    /// The principal's side.
    pub identity: Identity,
    /// The ACL grant that met the request.
    pub acl: Option<AclGrant>,
    /// The KMS grant that met the request.
    pub grant: Option<(u32, Reach)>,
    /// The object belongs to another account than the bucket.
    pub foreign_object: bool,
    /// The level of control policies without an Allow.
    pub scp_gap: Option<u16>,
    /// The first matching statement of each layer, as far as it was looked for.
    found: Found,
}

#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// The Deny that decides.
    deny: Option<StatementRef>,
    /// Of the identity policies.
    identity: Option<Hit>,
    /// Of the resource policy: the one that reaches furthest.
    resource: Option<Hit>,
}

/// A statement that meets the request, and whom it named. PERF: two fields, which travel in two registers.
#[derive(Clone, Copy, Debug)]
struct Hit {
    at: At,
    named: Named,
}

/// A policy of a set and a statement of it: the numbers in one word, so that earlier is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At(u64);

impl At {
    fn new(policy: u16, statement: u32) -> Self {
        Self(u64::from(policy) << 32 | u64::from(statement))
    }

    #[expect(clippy::cast_possible_truncation, reason = "made from numbers of these sizes")]
    fn full(self, layer: Layer, level: u16) -> StatementRef {
        StatementRef { layer, level, policy: (self.0 >> 32) as u16, statement: self.0 as u32 }
    }
}

/// Where a search stands.
#[derive(Clone, Copy)]
struct Place {
    layer: Layer,
    level: u16,
    policy: u16,
}

/// The decision on a request.
#[inline]
pub(super) fn evaluate<O: Observer>(layers: &Layers, request: &AuthorizationRequest<'_>, observer: &mut O) -> Decision {
    let (bounded, guarded) = (bounded(layers, request), layers.are_guarded());
    Evaluation { layers, request, observer, bounded, guarded, identity: identity_side(request) }.run()
}

/// Users and roles can carry a boundary, and a federated session that of its issuer.
fn bounded(layers: &Layers, request: &AuthorizationRequest<'_>) -> bool {
    !matches!(layers.boundary, LayerState::Absent)
        && matches!(
            request.principal.kind,
            PrincipalKind::User | PrincipalKind::RoleSession | PrincipalKind::FederatedUser
        )
}

struct Evaluation<'r, O> {
    layers: &'r Layers,
    request: &'r AuthorizationRequest<'r>,
    observer: &'r mut O,
    bounded: bool,
    /// A layer beside identity and resource policies applies.
    guarded: bool,
    identity: Identity,
}

impl<'r, O: Observer> Evaluation<'r, O> {
    fn run(&mut self) -> Decision {
        let (layers, request) = (self.layers, self.request);
        let bucket = layers.bucket.as_ref().filter(|_| request.action.is_of("s3"));
        let foreign_object = bucket.is_some_and(|b| acl::is_foreign_object(b, request));
        let identity = self.identity;
        let mut outcome = Outcome {
            verdicts: Verdicts::default(),
            relation: self.relation(bucket, foreign_object),
            identity,
            acl: None,
            grant: None,
            foreign_object,
            scp_gap: None,
            found: Found::default(),
        };
        let (blocked, block_code) = guards::public_access_block(bucket, layers, request);
        outcome.verdicts.public_access_block = blocked;
        let repaired = self.denies(&mut outcome, bucket);
        let denied = outcome.found.deny.is_some();
        if O::TRACE || !denied {
            self.allows(&mut outcome);
        }
        let mut last = denied && !O::TRACE;
        let ruling = loop {
            let ruling = combine::rule(outcome.relation, identity, &outcome.verdicts);
            // PERF: where the identity side suffices, the resource side cannot change the answer.
            if last || !O::TRACE && ruling.is_allowed() {
                break ruling;
            }
            last = true;
            self.resource_allows(&mut outcome, bucket);
        };
        self.observer.outcome(&outcome);
        match ruling.answer {
            Answer::ExplicitDeny if ruling.layer == Layer::PublicAccessBlock => {
                Ruling { code: block_code, ..ruling }.decision(None)
            }
            Answer::ExplicitDeny => ruling.decision(outcome.found.deny),
            Answer::Allow if repaired => Ruling { code: Code::OwnerRootRepairs, ..ruling }.decision(None),
            Answer::Allow => allowed_by(ruling, &outcome),
            Answer::ImplicitDeny => self.implicit(ruling, &outcome),
        }
    }

    /// ACLs and grants that were not given can only allow: they matter where they would turn a denial.
    fn implicit(&self, ruling: Ruling, outcome: &Outcome) -> Decision {
        let denied = |code, layer| Ruling { answer: Answer::ImplicitDeny, code, layer }.decision(None);
        if ruling.code == Code::Undecided {
            return ruling.decision(None);
        }
        let bucket = self.layers.bucket.as_ref().filter(|_| self.request.action.is_of("s3"));
        let acl_unknown = bucket.is_some_and(|b| {
            let ignored = b.public_access_block.is_unknown() && acl::granted(b, false, self.request).is_some();
            ignored || b.acl.is_unknown() && acl::could_matter(b, self.request)
        });
        let grants_unknown = self.layers.grants.is_unknown() && self.request.action.is_of("kms");
        let unknown = [(acl_unknown, Layer::Acl), (grants_unknown, Layer::Grant)];
        if let Some((_, layer)) = unknown.into_iter().find(|(unknown, _)| *unknown) {
            let resource = ResourceVerdict::Allow(Reach::GrantsBeyondLimits);
            let verdicts = Verdicts { resource, ..outcome.verdicts };
            if combine::combine(outcome.relation, outcome.identity, &verdicts).is_allowed() {
                return denied(Code::Undecided, layer);
            }
        }
        if outcome.foreign_object && ruling.code == Code::ResourceSideMissing {
            return denied(Code::ForeignObject, Layer::Acl);
        }
        ruling.decision(None)
    }

    /// Whether the two accounts are one, and whether that is enough.
    fn relation(&self, bucket: Option<&Bucket>, foreign_object: bool) -> Relation {
        let request = self.request;
        let principal = &request.principal;
        let on_bucket = bucket.filter(|_| request.resource.arn != "*");
        let owner = on_bucket.map(|b| b.owner_account.as_str()).filter(|owner| !owner.is_empty());
        let owner = owner.or(request.resource.account);
        let same = match (principal.account, owner) {
            (_, None) => true,
            (Some(account), Some(owner)) => is_same_account(account, owner),
            (None, Some(_)) => {
                let owner = on_bucket.and_then(|b| b.owner_canonical.as_deref());
                principal.canonical.is_some() && principal.canonical == owner
            }
        };
        match request.resource.custody(&request.action) {
            _ if !same || foreign_object => Relation::Cross,
            Custody::Resource => Relation::SameInCustody,
            Custody::Shared => Relation::Same,
        }
    }

    fn scp_binds(&self) -> bool {
        self.identity != Identity::Nobody && !self.request.principal.service_linked
    }

    fn rcp_binds(&self) -> bool {
        !self.request.principal.service_linked && self.request.action.binds_rcp()
    }

    fn has_policies(&self) -> bool {
        matches!(self.identity, Identity::Policies | Identity::Federated)
    }

    /// Every Deny of every layer, in the order in which they are reported. Returns whether a Deny of the
    /// bucket policy was set aside for the owner's root user.
    fn denies(&mut self, outcome: &mut Outcome, bucket: Option<&Bucket>) -> bool {
        let layers = self.layers;
        let (v, deny) = (&mut outcome.verdicts, &mut outcome.found.deny);
        // PERF: most requests meet no guardrail.
        if self.guarded {
            self.organization_denies(v, deny);
        }
        let mut resource_deny = None;
        let resource = self.set_denies(&layers.resource, Layer::Resource, true, &mut resource_deny);
        let repaired = resource == Verdict::Deny && bucket.is_some_and(|b| guards::is_policy_repair(b, self.request));
        let given_side = bucket.is_some() || !matches!(layers.grants, LayerState::Absent);
        v.resource = match resource {
            Verdict::Deny if !repaired => {
                *deny = deny.or(resource_deny);
                ResourceVerdict::Deny
            }
            // Whatever the policy says, it cannot keep the owner's root user from it.
            Verdict::Unknown if bucket.is_some_and(|b| guards::is_policy_repair(b, self.request)) => {
                ResourceVerdict::NoMatch
            }
            Verdict::Unknown => ResourceVerdict::Unknown,
            Verdict::Absent if !given_side => ResourceVerdict::Absent,
            _ => ResourceVerdict::NoMatch,
        };
        v.identity = self.set_denies(&layers.identity, Layer::Identity, self.has_policies(), deny);
        if self.guarded {
            self.limits_deny(v, deny);
        }
        repaired
    }

    #[inline(never)]
    fn organization_denies(&mut self, v: &mut Verdicts, deny: &mut Option<StatementRef>) {
        let layers = self.layers;
        let (scp, rcp) = (self.scp_binds(), self.rcp_binds());
        v.service_control = self.levels_deny(&layers.service_control, Layer::ServiceControl, scp, deny);
        v.resource_control = self.levels_deny(&layers.resource_control, Layer::ResourceControl, rcp, deny);
        v.vpc_endpoint = self.set_denies(&layers.vpc_endpoint, Layer::VpcEndpoint, true, deny);
    }

    #[inline(never)]
    fn limits_deny(&mut self, v: &mut Verdicts, deny: &mut Option<StatementRef>) {
        let layers = self.layers;
        v.boundary = self.set_denies(&layers.boundary, Layer::Boundary, self.has_policies(), deny);
        v.session = self.set_denies(&layers.session, Layer::Session, self.identity != Identity::Nobody, deny);
    }

    /// `Deny`, or what the layer says without its Allows: `NoMatch`, `Absent` or `Unknown`.
    #[inline]
    fn set_denies(
        &mut self,
        state: &'r LayerState<PolicySet>,
        layer: Layer,
        applies: bool,
        first: &mut Option<StatementRef>,
    ) -> Verdict {
        match state {
            _ if !applies => Verdict::Absent,
            LayerState::Absent => Verdict::Absent,
            LayerState::Unknown => Verdict::Unknown,
            // PERF: most policies only allow.
            LayerState::Given(set) if !O::TRACE && (first.is_some() || !set.denies()) => Verdict::NoMatch,
            LayerState::Given(set) => match self.search(set, layer, 0, Effect::Deny) {
                Some(hit) => {
                    first.get_or_insert(hit.at.full(layer, 0));
                    Verdict::Deny
                }
                None => Verdict::NoMatch,
            },
        }
    }

    fn levels_deny(
        &mut self,
        state: &'r LayerState<Vec<PolicySet>>,
        layer: Layer,
        applies: bool,
        first: &mut Option<StatementRef>,
    ) -> Verdict {
        match state {
            _ if !applies => Verdict::Absent,
            LayerState::Absent => Verdict::Absent,
            LayerState::Unknown => Verdict::Unknown,
            LayerState::Given(levels) => {
                let mut verdict = Verdict::NoMatch;
                for (level, set) in (0..).zip(levels) {
                    if let Some(hit) = self.search(set, layer, level, Effect::Deny) {
                        first.get_or_insert(hit.at.full(layer, level));
                        verdict = Verdict::Deny;
                        if !O::TRACE {
                            break;
                        }
                    }
                }
                verdict
            }
        }
    }

    /// The Allows of every layer but the resource's.
    fn allows(&mut self, outcome: &mut Outcome) {
        let layers = self.layers;
        if self.guarded {
            self.guardrails_allow(outcome);
        }
        outcome.found.identity = self.set_allows(&layers.identity, Layer::Identity, &mut outcome.verdicts.identity);
    }

    #[inline(never)]
    fn guardrails_allow(&mut self, outcome: &mut Outcome) {
        let layers = self.layers;
        outcome.verdicts.service_control = self.levels_allow(outcome.verdicts.service_control, &mut outcome.scp_gap);
        if outcome.verdicts.resource_control == Verdict::NoMatch {
            if O::TRACE {
                for (level, set) in (0..).zip(layers.resource_control.given().into_iter().flatten()) {
                    self.search(set, Layer::ResourceControl, level, Effect::Allow);
                }
            }
            // Full access is implied (Organizations guide, RCPs).
            outcome.verdicts.resource_control = Verdict::Allow;
        }
        self.set_allows(&layers.vpc_endpoint, Layer::VpcEndpoint, &mut outcome.verdicts.vpc_endpoint);
        self.set_allows(&layers.boundary, Layer::Boundary, &mut outcome.verdicts.boundary);
        self.set_allows(&layers.session, Layer::Session, &mut outcome.verdicts.session);
    }

    fn set_allows(&mut self, state: &'r LayerState<PolicySet>, layer: Layer, verdict: &mut Verdict) -> Option<Hit> {
        let set = state.given()?;
        // A layer that denies or does not apply is looked through only for the explanation.
        if *verdict != Verdict::NoMatch && !(O::TRACE && *verdict == Verdict::Deny) {
            return None;
        }
        let hit = self.search(set, layer, 0, Effect::Allow);
        if hit.is_some() && *verdict == Verdict::NoMatch {
            *verdict = Verdict::Allow;
        }
        hit
    }

    fn levels_allow(&mut self, verdict: Verdict, gap: &mut Option<u16>) -> Verdict {
        let Some(levels) = self.layers.service_control.given() else { return verdict };
        if verdict != Verdict::NoMatch && !(O::TRACE && verdict == Verdict::Deny) {
            return verdict;
        }
        for (level, set) in (0..).zip(levels) {
            if self.search(set, Layer::ServiceControl, level, Effect::Allow).is_none() {
                gap.get_or_insert(level);
                if !O::TRACE {
                    break;
                }
            }
        }
        if verdict == Verdict::NoMatch && gap.is_none() { Verdict::Allow } else { verdict }
    }

    /// The Allows of resource policy, ACL and grants.
    fn resource_allows(&mut self, outcome: &mut Outcome, bucket: Option<&Bucket>) {
        let request = self.request;
        let mut best: Option<Reach> = None;
        if let Some(set) = self.layers.resource.given()
            && let Some(hit) = self.search_set::<true>(set, Layer::Resource, 0, Effect::Allow)
            && !outcome.foreign_object
        {
            outcome.found.resource = Some(hit);
            best = Some(guards::reach_of(hit.named, &request.principal));
        }
        if let Some(bucket) = bucket {
            let ignore_public = match &bucket.public_access_block {
                LayerState::Given(flags) => flags.ignore_public_acls,
                LayerState::Unknown => true,
                LayerState::Absent => false,
            };
            outcome.acl = acl::granted(bucket, ignore_public, request);
        }
        if let Some(grants) = self.layers.grants.given() {
            outcome.grant = guards::key_grant(grants, request);
        }
        let others = [outcome.acl.map(|a| a.reach), outcome.grant.map(|(_, reach)| reach)];
        for reach in others.into_iter().flatten() {
            if best.is_none_or(|b| b < reach) {
                best = Some(reach);
                outcome.found.resource = None;
            }
        }
        if let (Some(reach), ResourceVerdict::NoMatch | ResourceVerdict::Absent) = (best, outcome.verdicts.resource) {
            outcome.verdicts.resource = ResourceVerdict::Allow(reach);
        }
    }

    /// The first statement of an effect that meets the request.
    fn search(&mut self, set: &'r PolicySet, layer: Layer, level: u16, effect: Effect) -> Option<Hit> {
        self.search_set::<false>(set, layer, level, effect)
    }

    /// The first statement of an effect that meets the request or, `RANKED`, the one that reaches furthest.
    /// What comes first does not depend on the index.
    fn search_set<const RANKED: bool>(
        &mut self,
        set: &'r PolicySet,
        layer: Layer,
        level: u16,
        effect: Effect,
    ) -> Option<Hit> {
        let mut best: Option<Hit> = None;
        for (number, policy) in (0_u16..).zip(set.policies()) {
            let subject = Subject { policy, request: self.request, bounded: self.bounded };
            let place = Place { layer, level, policy: number };
            let index = policy.index_of(effect);
            let hit = if O::TRACE {
                let ids = (0_u32..).zip(policy.statements()).filter(|(_, s)| s.effect == effect).map(|(id, _)| id);
                self.best_of::<RANKED>(&subject, ids, place, None)
            } else if let Some(list) = index.scan() {
                self.best_of::<RANKED>(&subject, list.iter().copied(), place, None)
            } else {
                self.look_up::<RANKED>(&subject, place, index)
            };
            if let Some(hit) = hit
                && best.is_none_or(|b| RANKED && hit.named > b.named)
            {
                best = Some(hit);
            }
            if !RANKED && !O::TRACE && best.is_some() {
                break;
            }
        }
        best
    }

    #[inline(never)]
    fn look_up<const RANKED: bool>(&mut self, subject: &Subject<'_>, place: Place, index: &Index) -> Option<Hit> {
        let request = subject.request;
        let (names, action) = (request.principal.hashes(), request.action.id());
        let mut best = None;
        index.visit(subject.policy, &Probe { names, resource: request.resource.arn, action }, &mut |list| {
            best = self.best_of::<RANKED>(subject, list.iter().copied(), place, best);
        });
        best
    }

    /// The better of `best` and what an ascending list has.
    #[expect(clippy::inline_always, reason = "measured: a call costs more than the loop")]
    #[inline(always)]
    fn best_of<const RANKED: bool>(
        &mut self,
        subject: &Subject<'_>,
        ids: impl Iterator<Item = u32>,
        place: Place,
        mut best: Option<Hit>,
    ) -> Option<Hit> {
        for id in ids {
            let at = At::new(place.policy, id);
            if let Some(hit) = best
                && !O::TRACE
                && at >= hit.at
                && (!RANKED || hit.named == Named::Everyone)
            {
                break;
            }
            let Some(statement) = subject.policy.statements().get(id as usize) else { continue };
            let Some(named) = self.meets(subject, statement, at.full(place.layer, place.level)) else { continue };
            if best.is_none_or(|b| if RANKED && named != b.named { named > b.named } else { at < b.at }) {
                best = Some(Hit { at, named });
                if !RANKED && !O::TRACE {
                    break;
                }
            }
        }
        best
    }

    /// Whom the statement named, where all its parts meet the request.
    #[expect(clippy::inline_always, reason = "measured: a call costs more than the test")]
    #[inline(always)]
    fn meets(&mut self, subject: &Subject<'_>, statement: &Statement, at: StatementRef) -> Option<Named> {
        // PERF: most statements end here.
        let action = subject.action_met(statement) && !self.observer.skip(at);
        if !action && !O::TRACE {
            return None;
        }
        let parts = Parts { action, ..self.other_parts(subject, statement) };
        self.observer.statement(at, parts);
        parts.principal.filter(|_| parts.all())
    }

    /// What of the statement beside the action meets the request; the silent observer stops at what does not.
    #[inline(never)]
    fn other_parts(&mut self, subject: &Subject<'_>, statement: &Statement) -> Parts {
        let mut parts = Parts { action: false, principal: None, resource: false, conditions: false };
        parts.principal = subject.principal_named(statement);
        if parts.principal.is_none() && !O::TRACE {
            return parts;
        }
        parts.resource = subject.resource_met(statement);
        if !parts.resource && !O::TRACE {
            return parts;
        }
        parts.conditions = true;
        // PERF: most statements have none.
        if statement.conditions.len == 0 {
            return parts;
        }
        for condition in subject.policy.conditions(statement.conditions) {
            let supposed = self.observer.suppose(subject, condition);
            let met = supposed.unwrap_or_else(|| subject.condition_met(condition, statement.effect));
            self.observer.condition(met);
            parts.conditions &= met;
            if !met && !O::TRACE {
                return parts;
            }
        }
        parts
    }
}

/// PERF: the twelve digits are compared as two words, without a call.
#[inline]
fn is_same_account(one: &str, other: &str) -> bool {
    match (one.as_bytes().as_array::<12>(), other.as_bytes().as_array::<12>()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn identity_side(request: &AuthorizationRequest<'_>) -> Identity {
    let principal = &request.principal;
    match principal.kind {
        _ if principal.acts_as_account() => Identity::Account,
        PrincipalKind::FederatedUser => Identity::Federated,
        _ if principal.has_identity_side() => Identity::Policies,
        _ => Identity::Nobody,
    }
}

/// Names the statement, ACL or grant behind an Allow.
fn allowed_by(ruling: Ruling, outcome: &Outcome) -> Decision {
    match ruling.code {
        Code::IdentityAllows => ruling.decision(outcome.found.identity.map(|hit| hit.at.full(Layer::Identity, 0))),
        Code::ResourceAllows | Code::BothSidesAllow if outcome.found.resource.is_some() => {
            ruling.decision(outcome.found.resource.map(|hit| hit.at.full(Layer::Resource, 0)))
        }
        Code::ResourceAllows | Code::BothSidesAllow => {
            let (code, layer) = if outcome.grant.is_some_and(|(_, reach)| outcome.acl.is_none_or(|a| a.reach < reach)) {
                (Code::GrantAllows, Layer::Grant)
            } else {
                (Code::AclAllows, Layer::Acl)
            };
            let code = if ruling.code == Code::BothSidesAllow { ruling.code } else { code };
            Ruling { code, layer, ..ruling }.decision(None)
        }
        _ => ruling.decision(None),
    }
}
