//! From the verdicts of the layers to the decision.
//!
//! A pure function over a finite domain; a test enumerates all of it against a table written from
//! AWS's flow chart. Source: IAM User Guide, "Policy evaluation logic".

use super::observer::StatementRef;
use crate::words::codes::Code;

/// Which kind of policy or setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Service control policies.
    ServiceControl,
    /// Resource control policies.
    ResourceControl,
    /// The VPC endpoint's policy.
    VpcEndpoint,
    /// Block Public Access.
    PublicAccessBlock,
    /// The resource-based policy.
    Resource,
    /// Access control lists.
    Acl,
    /// KMS grants.
    Grant,
    /// Identity-based policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// Session policies.
    Session,
}

impl Layer {
    /// Every layer, in the order in which denials are reported.
    pub const ALL: [Self; 10] = [
        Self::ServiceControl,
        Self::ResourceControl,
        Self::VpcEndpoint,
        Self::PublicAccessBlock,
        Self::Resource,
        Self::Acl,
        Self::Grant,
        Self::Identity,
        Self::Boundary,
        Self::Session,
    ];

    /// The layer in words, as AWS's own messages call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::VpcEndpoint => "VPC endpoint policy",
            Self::PublicAccessBlock => "Block Public Access",
            Self::Resource => "resource-based policy",
            Self::Acl => "access control list",
            Self::Grant => "KMS grant",
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }
}

/// What a layer says.
///
/// PERF: the numbers are bits, so that one test looks at all layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It does not apply.
    #[default]
    Absent = 0,
    /// It applies and no statement matches.
    NoMatch = 1,
    /// It allows.
    Allow = 2,
    /// It denies.
    Deny = 4,
    /// It applies and was not given.
    Unknown = 8,
}

/// How far an Allow of the resource side reaches in the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// The account was named: identity policies decide.
    Delegates,
    /// The role was named: identity policies are bypassed, boundary and session policy limit.
    Grants,
    /// The requester itself or everyone was named: nothing of the identity side limits.
    GrantsBeyondLimits,
}

/// What the resource side says: resource policy, ACL and grants together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResourceVerdict {
    /// There is none.
    #[default]
    Absent,
    /// It applies and nothing matches.
    NoMatch,
    /// It allows.
    Allow(Reach),
    /// It denies.
    Deny,
    /// It was not given.
    Unknown,
}

impl ResourceVerdict {
    /// How far its Allow reaches; an unknown one in its most permissive reading.
    fn reach(self) -> Option<Reach> {
        match self {
            Self::Allow(reach) => Some(reach),
            Self::Unknown => Some(Reach::GrantsBeyondLimits),
            Self::Absent | Self::NoMatch | Self::Deny => None,
        }
    }
}

/// How the principal's account relates to the resource's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// One account: either side suffices.
    Same,
    /// One account, and the resource's policy must take part: KMS keys, assumed roles.
    SameInCustody,
    /// Two accounts: both sides are needed.
    Cross,
}

/// What kind of identity side the principal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// User or role: its policies decide.
    Policies,
    /// A `GetFederationToken` session: without a session policy its issuer's policies give nothing.
    Federated,
    /// The account itself: everything is allowed on its side.
    Account,
    /// None: anonymous, services, origin access identities.
    Nobody,
}

/// The verdicts of all layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Verdicts {
    /// Service control policies, all levels.
    pub service_control: Verdict,
    /// Resource control policies: only a Deny counts, full access is implied.
    pub resource_control: Verdict,
    /// VPC endpoint policy.
    pub vpc_endpoint: Verdict,
    /// Block Public Access: `Deny` or `Absent` or `Unknown`.
    pub public_access_block: Verdict,
    /// Resource policy, ACL and grants.
    pub resource: ResourceVerdict,
    /// Identity-based policies.
    pub identity: Verdict,
    /// Permissions boundary.
    pub boundary: Verdict,
    /// Session policies.
    pub session: Verdict,
}

impl Verdicts {
    /// What the layers beside the resource's say, as one set of bits.
    #[inline]
    fn bits(&self) -> u8 {
        self.service_control as u8
            | self.resource_control as u8
            | self.vpc_endpoint as u8
            | self.public_access_block as u8
            | self.identity as u8
            | self.boundary as u8
            | self.session as u8
    }
}

/// What a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The reason.
    pub code: Code,
    /// The layer that decided, or whose missing Allow did.
    pub layer: Layer,
    /// The statement that decided, where one did.
    pub statement: Option<StatementRef>,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed.
    Allow(Basis),
    /// Denied by a statement or a setting that denies.
    ExplicitDeny(Basis),
    /// Denied because something that would have to allow does not.
    ImplicitDeny(Basis),
}

impl Decision {
    /// Whether the request may proceed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// What it rests on.
    #[must_use]
    pub fn basis(&self) -> &Basis {
        match self {
            Self::Allow(basis) | Self::ExplicitDeny(basis) | Self::ImplicitDeny(basis) => basis,
        }
    }

    /// `allow`, `explicit-deny` or `implicit-deny`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::ExplicitDeny(_) => "explicit-deny",
            Self::ImplicitDeny(_) => "implicit-deny",
        }
    }

    /// Whether only a layer that was not given kept it from being allowed.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.basis().code == Code::Undecided
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
}

/// A decision before its statement is named. PERF: small enough to travel in a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruling {
    pub answer: Answer,
    pub code: Code,
    pub layer: Layer,
}

impl Ruling {
    #[inline]
    pub(super) fn is_allowed(self) -> bool {
        self.answer == Answer::Allow
    }

    #[inline]
    pub(super) fn decision(self, statement: Option<StatementRef>) -> Decision {
        let basis = Basis { code: self.code, layer: self.layer, statement };
        match self.answer {
            Answer::Allow => Decision::Allow(basis),
            Answer::ExplicitDeny => Decision::ExplicitDeny(basis),
            Answer::ImplicitDeny => Decision::ImplicitDeny(basis),
        }
    }
}

fn allow(code: Code, layer: Layer) -> Ruling {
    Ruling { answer: Answer::Allow, code, layer }
}

fn explicit(code: Code, layer: Layer) -> Ruling {
    Ruling { answer: Answer::ExplicitDeny, code, layer }
}

fn implicit(code: Code, layer: Layer) -> Ruling {
    Ruling { answer: Answer::ImplicitDeny, code, layer }
}

/// The decision of these verdicts; the caller adds the statement.
///
/// A layer that is unknown could do anything: where the most permissive reading of the unknown layers
/// allows, the least permissive one denies, so the request is denied as undecided.
#[must_use]
pub fn combine(relation: Relation, identity: Identity, verdicts: &Verdicts) -> Decision {
    rule(relation, identity, verdicts).decision(None)
}

#[inline]
pub(super) fn rule(relation: Relation, identity: Identity, verdicts: &Verdicts) -> Ruling {
    let bits = verdicts.bits();
    // PERF: the most frequent case first: the identity side allows and nothing else says anything.
    if bits == Verdict::Allow as u8
        && verdicts.identity == Verdict::Allow
        && (relation, identity) == (Relation::Same, Identity::Policies)
        && !matches!(verdicts.resource, ResourceVerdict::Deny | ResourceVerdict::Unknown)
    {
        return allow(Code::IdentityAllows, Layer::Identity);
    }
    rule_in_full(relation, identity, verdicts)
}

#[inline(never)]
fn rule_in_full(relation: Relation, identity: Identity, verdicts: &Verdicts) -> Ruling {
    if let Some(denied) = denied(verdicts) {
        return denied;
    }
    let ruling = granted(relation, identity, verdicts);
    match unknown(identity, verdicts) {
        Some(layer) if ruling.is_allowed() => implicit(Code::Undecided, layer),
        _ => ruling,
    }
}

fn denied(v: &Verdicts) -> Option<Ruling> {
    let (code, layer) = if v.service_control == Verdict::Deny {
        (Code::DeniedByScp, Layer::ServiceControl)
    } else if v.resource_control == Verdict::Deny {
        (Code::DeniedByRcp, Layer::ResourceControl)
    } else if v.vpc_endpoint == Verdict::Deny {
        (Code::DeniedByEndpoint, Layer::VpcEndpoint)
    } else if v.public_access_block == Verdict::Deny {
        (Code::PublicBucketRestricted, Layer::PublicAccessBlock)
    } else if v.resource == ResourceVerdict::Deny {
        (Code::DeniedByResource, Layer::Resource)
    } else if v.identity == Verdict::Deny {
        (Code::DeniedByIdentity, Layer::Identity)
    } else if v.boundary == Verdict::Deny {
        (Code::DeniedByBoundary, Layer::Boundary)
    } else if v.session == Verdict::Deny {
        (Code::DeniedBySession, Layer::Session)
    } else {
        return None;
    };
    Some(explicit(code, layer))
}

/// The first layer that applies and was not given.
fn unknown(identity: Identity, v: &Verdicts) -> Option<Layer> {
    let own_side = identity != Identity::Nobody;
    if v.service_control == Verdict::Unknown {
        Some(Layer::ServiceControl)
    } else if v.resource_control == Verdict::Unknown {
        Some(Layer::ResourceControl)
    } else if v.vpc_endpoint == Verdict::Unknown {
        Some(Layer::VpcEndpoint)
    } else if v.public_access_block == Verdict::Unknown {
        Some(Layer::PublicAccessBlock)
    } else if v.resource == ResourceVerdict::Unknown {
        Some(Layer::Resource)
    } else if own_side && v.identity == Verdict::Unknown {
        Some(Layer::Identity)
    } else if own_side && v.boundary == Verdict::Unknown {
        Some(Layer::Boundary)
    } else if own_side && v.session == Verdict::Unknown {
        Some(Layer::Session)
    } else {
        None
    }
}

/// Whether a layer that limits lets the request through; an unknown one in its most permissive reading.
fn passes(verdict: Verdict) -> bool {
    verdict as u8 & (Verdict::NoMatch as u8 | Verdict::Deny as u8) == 0
}

/// Without any Deny: is there a grant, and does every guardrail allow?
fn granted(relation: Relation, identity: Identity, v: &Verdicts) -> Ruling {
    if !passes(v.service_control) {
        return implicit(Code::ScpLacksAllow, Layer::ServiceControl);
    }
    if !passes(v.vpc_endpoint) {
        return implicit(Code::EndpointLacksAllow, Layer::VpcEndpoint);
    }
    if identity == Identity::Nobody {
        return match v.resource.reach() {
            Some(_) => allow(Code::ResourceAllows, Layer::Resource),
            None => implicit(Code::NoResourceGrant, Layer::Resource),
        };
    }
    let own_side = identity == Identity::Account || matches!(v.identity, Verdict::Allow | Verdict::Unknown);
    match relation {
        Relation::Cross => cross_account(identity, own_side, v),
        Relation::SameInCustody if v.resource.reach().is_none() => implicit(Code::NotDelegated, Layer::Resource),
        Relation::Same | Relation::SameInCustody => same_account(identity, own_side, v),
    }
}

/// The boundary or session policy that keeps the identity side from allowing.
fn limited(identity: Identity, v: &Verdicts) -> Option<Ruling> {
    let session_missing = identity == Identity::Federated && v.session == Verdict::Absent;
    if !passes(v.boundary) {
        Some(implicit(Code::BoundaryLacksAllow, Layer::Boundary))
    } else if !passes(v.session) || session_missing {
        Some(implicit(Code::SessionLacksAllow, Layer::Session))
    } else {
        None
    }
}

fn same_account(identity: Identity, own_side: bool, v: &Verdicts) -> Ruling {
    let limited = limited(identity, v);
    match (own_side, limited, v.resource.reach()) {
        (true, None, _) if identity == Identity::Account => allow(Code::RootAllows, Layer::Identity),
        (true, None, _) => allow(Code::IdentityAllows, Layer::Identity),
        (_, _, Some(Reach::GrantsBeyondLimits)) | (_, None, Some(Reach::Grants)) => {
            allow(Code::ResourceAllows, Layer::Resource)
        }
        (true, Some(limited), _) | (false, Some(limited), Some(Reach::Grants)) => limited,
        (false, _, Some(Reach::Delegates) | None) => implicit(Code::NothingAllows, Layer::Identity),
    }
}

fn cross_account(identity: Identity, own_side: bool, v: &Verdicts) -> Ruling {
    match (v.resource.reach(), own_side, limited(identity, v)) {
        (None, ..) => implicit(Code::ResourceSideMissing, Layer::Resource),
        (Some(_), false, _) => implicit(Code::IdentitySideMissing, Layer::Identity),
        (Some(_), true, Some(limited)) => limited,
        (Some(_), true, None) if identity == Identity::Account => allow(Code::ResourceAllows, Layer::Resource),
        (Some(_), true, None) => allow(Code::BothSidesAllow, Layer::Resource),
    }
}
