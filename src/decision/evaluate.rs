//! The evaluation: one algorithm, watched by an observer.

use super::acl::{self, AclGrant};
use super::combine::{self, Basis, Decision, Identity, Layer, Reach, Relation, ResourceVerdict, Verdict, Verdicts};
use super::guards;
use super::layers::{Bucket, LayerState, Layers, PolicySet};
use super::matching::Subject;
use super::principal::{Named, PrincipalKind};
use super::request::{AuthorizationRequest, Custody};
use crate::compiled::index::Probe;
use crate::compiled::{CompiledPolicy, Statement};
use crate::policy::Effect;
use crate::words::codes::Code;

/// A statement of one of the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementRef {
    /// The layer.
    pub layer: Layer,
    /// The level, for control policies: 0 is the root.
    pub level: u16,
    /// The number of the policy in its set.
    pub policy: u16,
    /// The number of the statement in its policy.
    pub statement: u32,
}

/// Watches an evaluation. Sealed: only this crate's observers decide what is looked at.
pub(super) trait Observer {
    /// Look at every statement and every part of it, without index and short cut.
    const TRACE: bool;

    /// An outcome to assume for a condition instead of evaluating it.
    #[inline]
    fn suppose(&self, _subject: &Subject<'_>, _condition: &crate::compiled::condition::Condition) -> Option<bool> {
        None
    }

    /// A statement to leave out.
    #[inline]
    fn skip(&self, _at: StatementRef) -> bool {
        false
    }

    /// A condition of the statement that is looked at.
    #[inline]
    fn condition(&mut self, _met: bool) {}

    /// A statement, after its conditions.
    #[inline]
    fn statement(&mut self, _at: StatementRef, _parts: Parts) {}

    /// The facts that are no statements.
    #[inline]
    fn outcome(&mut self, _outcome: &Outcome) {}
}

/// What of a statement met the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The action.
    pub action: bool,
    /// The principal: whom the statement named.
    pub principal: Option<Named>,
    /// The resource.
    pub resource: bool,
    /// All conditions.
    pub conditions: bool,
}

impl Parts {
    /// Whether the statement applies to the request.
    #[must_use]
    pub fn all(&self) -> bool {
        self.action && self.principal.is_some() && self.resource && self.conditions
    }
}

/// Watches nothing: the fast path.
pub(super) struct Silent;

impl Observer for Silent {
    const TRACE: bool = false;
}

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
    /// The deciding or first matching statement of each layer, as far as it was looked for.
    pub found: Found,
}

/// The first matching statement of each layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// The Deny that decides.
    pub deny: Option<StatementRef>,
    /// Of the identity policies.
    pub identity: Option<StatementRef>,
    /// Of the resource policy: the one that reaches furthest.
    pub resource: Option<StatementRef>,
}

/// A matching statement while the best is searched.
#[derive(Clone, Copy)]
struct Hit {
    policy: u16,
    statement: u32,
    named: Named,
}

/// The decision on a request.
#[inline]
pub(super) fn evaluate<O: Observer>(layers: &Layers, request: &AuthorizationRequest<'_>, observer: &mut O) -> Decision {
    Evaluation { layers, request, observer, bounded: bounded(layers, request) }.run()
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
}

impl<'r, O: Observer> Evaluation<'r, O> {
    fn run(&mut self) -> Decision {
        let (layers, request) = (self.layers, self.request);
        let bucket = layers.bucket.as_ref().filter(|_| request.action.is_of("s3"));
        let foreign_object = bucket.is_some_and(|b| acl::is_foreign_object(b, request));
        let identity = identity_side(request);
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
        if !O::TRACE && outcome.found.deny.is_some() {
            return self.finish(outcome, block_code, repaired);
        }
        self.allows(&mut outcome);
        // PERF: where the identity side suffices, the resource side cannot change the answer.
        let settled = combine::combine(outcome.relation, identity, &outcome.verdicts).is_allowed();
        if O::TRACE || !settled {
            self.resource_allows(&mut outcome, bucket);
        }
        self.finish(outcome, block_code, repaired)
    }

    fn finish(&mut self, outcome: Outcome, block_code: Code, repaired: bool) -> Decision {
        let decision = combine::combine(outcome.relation, outcome.identity, &outcome.verdicts);
        self.observer.outcome(&outcome);
        let basis = *decision.basis();
        match decision {
            Decision::ExplicitDeny(_) if basis.layer == Layer::PublicAccessBlock => {
                Decision::ExplicitDeny(Basis { code: block_code, ..basis })
            }
            Decision::ExplicitDeny(_) => decision.with_statement(outcome.found.deny),
            Decision::Allow(_) if repaired => Decision::Allow(Basis { code: Code::OwnerRootRepairs, ..basis }),
            Decision::Allow(_) => allowed_by(decision, &outcome),
            Decision::ImplicitDeny(_) => self.implicit(decision, &outcome),
        }
    }

    /// ACLs and grants that were not given can only allow: they matter where they would turn a denial.
    fn implicit(&self, decision: Decision, outcome: &Outcome) -> Decision {
        let basis = *decision.basis();
        if basis.code == Code::Undecided {
            return decision;
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
                return Decision::ImplicitDeny(Basis { code: Code::Undecided, layer, statement: None });
            }
        }
        if outcome.foreign_object && basis.code == Code::ResourceSideMissing {
            return Decision::ImplicitDeny(Basis { code: Code::ForeignObject, layer: Layer::Acl, statement: None });
        }
        decision
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
            (Some(account), Some(owner)) => account == owner,
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
        self.request.principal.has_identity_side() && !self.request.principal.service_linked
    }

    fn rcp_binds(&self) -> bool {
        !self.request.principal.service_linked && self.request.action.binds_rcp()
    }

    fn has_policies(&self) -> bool {
        self.request.principal.has_identity_side() && !self.request.principal.acts_as_account()
    }

    /// Every Deny of every layer, in the order in which they are reported. Returns whether a Deny of the
    /// bucket policy was set aside for the owner's root user.
    fn denies(&mut self, outcome: &mut Outcome, bucket: Option<&Bucket>) -> bool {
        let layers = self.layers;
        let (scp, rcp, policies) = (self.scp_binds(), self.rcp_binds(), self.has_policies());
        let v = &mut outcome.verdicts;
        let mut deny = None;
        v.service_control = self.levels_deny(&layers.service_control, Layer::ServiceControl, scp, &mut deny);
        v.resource_control = self.levels_deny(&layers.resource_control, Layer::ResourceControl, rcp, &mut deny);
        v.vpc_endpoint = self.set_denies(&layers.vpc_endpoint, Layer::VpcEndpoint, true, &mut deny);
        let mut resource_deny = None;
        let resource = self.set_denies(&layers.resource, Layer::Resource, true, &mut resource_deny);
        let repaired = resource == Verdict::Deny && bucket.is_some_and(|b| guards::is_policy_repair(b, self.request));
        let given_side = bucket.is_some() || !matches!(layers.grants, LayerState::Absent);
        v.resource = match resource {
            Verdict::Deny if !repaired => {
                deny = deny.or(resource_deny);
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
        v.identity = self.set_denies(&layers.identity, Layer::Identity, policies, &mut deny);
        v.boundary = self.set_denies(&layers.boundary, Layer::Boundary, policies, &mut deny);
        let identity_side = self.request.principal.has_identity_side();
        v.session = self.set_denies(&layers.session, Layer::Session, identity_side, &mut deny);
        outcome.found.deny = deny;
        repaired
    }

    /// `Deny`, or what the layer says without its Allows: `NoMatch`, `Absent` or `Unknown`.
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
            LayerState::Given(_) if !O::TRACE && first.is_some() => Verdict::NoMatch,
            LayerState::Given(set) => match self.search(set, layer, 0, Effect::Deny) {
                Some(at) => {
                    first.get_or_insert(at.0);
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
                    if let Some((at, _)) = self.search(set, layer, level, Effect::Deny) {
                        first.get_or_insert(at);
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
        let mut found = None;
        self.set_allows(&layers.vpc_endpoint, Layer::VpcEndpoint, &mut outcome.verdicts.vpc_endpoint, &mut found);
        self.set_allows(&layers.identity, Layer::Identity, &mut outcome.verdicts.identity, &mut outcome.found.identity);
        self.set_allows(&layers.boundary, Layer::Boundary, &mut outcome.verdicts.boundary, &mut found);
        self.set_allows(&layers.session, Layer::Session, &mut outcome.verdicts.session, &mut found);
    }

    fn set_allows(
        &mut self,
        state: &'r LayerState<PolicySet>,
        layer: Layer,
        verdict: &mut Verdict,
        found: &mut Option<StatementRef>,
    ) {
        let Some(set) = state.given() else { return };
        // A layer that denies or does not apply is looked through only for the explanation.
        if *verdict != Verdict::NoMatch && !(O::TRACE && *verdict == Verdict::Deny) {
            return;
        }
        if let Some((at, _)) = self.search(set, layer, 0, Effect::Allow) {
            *found = Some(at);
            if *verdict == Verdict::NoMatch {
                *verdict = Verdict::Allow;
            }
        }
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
            && let Some((at, named)) = self.search(set, Layer::Resource, 0, Effect::Allow)
            && !outcome.foreign_object
        {
            outcome.found.resource = Some(at);
            best = Some(guards::reach_of(named, &request.principal));
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

    /// The first statement of an effect that meets the request; of a resource policy's Allows the one that
    /// reaches furthest. What comes first does not depend on the index.
    fn search(
        &mut self,
        set: &'r PolicySet,
        layer: Layer,
        level: u16,
        effect: Effect,
    ) -> Option<(StatementRef, Named)> {
        let ranked = layer == Layer::Resource && effect == Effect::Allow;
        let mut best: Option<Hit> = None;
        for (number, policy) in (0_u16..).zip(set.policies()) {
            let subject = Subject { policy, request: self.request, bounded: self.bounded };
            let at = |statement| StatementRef { layer, level, policy: number, statement };
            let consider = |statement: u32, named: Named, best: &mut Option<Hit>| {
                let hit = Hit { policy: number, statement, named };
                let better = best.is_none_or(|b| {
                    let earlier = (number, statement) < (b.policy, b.statement);
                    if ranked { named > b.named || named == b.named && earlier } else { earlier }
                });
                if better {
                    *best = Some(hit);
                }
            };
            if O::TRACE {
                for (id, statement) in (0_u32..).zip(policy.statements()).filter(|(_, s)| s.effect == effect) {
                    if let Some(named) = self.meets(&subject, statement, at(id)) {
                        consider(id, named, &mut best);
                    }
                }
                continue;
            }
            let probe = Probe {
                names: self.request.principal.hashes(),
                resource: self.request.resource.arn,
                action: self.request.action.id(),
            };
            policy.index_of(effect).visit(policy, &probe, |id| {
                if let Some(hit) = best
                    && (number, id) >= (hit.policy, hit.statement)
                    && (!ranked || hit.named == Named::Everyone)
                {
                    return false;
                }
                if let Some(statement) = statement_of(policy, id)
                    && let Some(named) = self.meets(&subject, statement, at(id))
                {
                    consider(id, named, &mut best);
                }
                true
            });
            if best.is_some() && !ranked {
                break;
            }
        }
        best.map(|hit| (StatementRef { layer, level, policy: hit.policy, statement: hit.statement }, hit.named))
    }

    /// Whom the statement named, where all its parts meet the request.
    #[inline]
    fn meets(&mut self, subject: &Subject<'_>, statement: &Statement, at: StatementRef) -> Option<Named> {
        let action = subject.action_met(statement) && !self.observer.skip(at);
        if !action && !O::TRACE {
            return None;
        }
        let principal = subject.principal_named(statement);
        if principal.is_none() && !O::TRACE {
            return None;
        }
        let resource = subject.resource_met(statement);
        if !resource && !O::TRACE {
            return None;
        }
        let mut conditions = true;
        for condition in subject.policy.conditions(statement.conditions) {
            let supposed = self.observer.suppose(subject, condition);
            let met = supposed.unwrap_or_else(|| subject.condition_met(condition, statement.effect));
            self.observer.condition(met);
            conditions &= met;
            if !met && !O::TRACE {
                return None;
            }
        }
        let parts = Parts { action, principal, resource, conditions };
        self.observer.statement(at, parts);
        principal.filter(|_| parts.all())
    }
}

#[inline]
fn statement_of(policy: &CompiledPolicy, id: u32) -> Option<&Statement> {
    policy.statements().get(id as usize)
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
fn allowed_by(decision: Decision, outcome: &Outcome) -> Decision {
    let basis = *decision.basis();
    match basis.code {
        Code::IdentityAllows => decision.with_statement(outcome.found.identity),
        Code::ResourceAllows | Code::BothSidesAllow if outcome.found.resource.is_some() => {
            decision.with_statement(outcome.found.resource)
        }
        Code::ResourceAllows | Code::BothSidesAllow => {
            let (code, layer) = if outcome.grant.is_some_and(|(_, reach)| outcome.acl.is_none_or(|a| a.reach < reach)) {
                (Code::GrantAllows, Layer::Grant)
            } else {
                (Code::AclAllows, Layer::Acl)
            };
            let code = if basis.code == Code::BothSidesAllow { basis.code } else { code };
            Decision::Allow(Basis { code, layer, statement: None })
        }
        _ => decision,
    }
}
