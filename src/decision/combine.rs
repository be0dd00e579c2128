//! From the verdicts of the layers to the decision.
//!
//! A pure function over a finite domain; a test enumerates all of it against a table written from
//! AWS's flow chart. Source: IAM User Guide, "Policy evaluation logic".

use super::evaluate::StatementRef;
use crate::words::codes::Code;

/// Which kind of policy or setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It does not apply.
    #[default]
    Absent,
    /// It applies and no statement matches.
    NoMatch,
    /// It allows.
    Allow,
    /// It denies.
    Deny,
    /// It applies and was not given.
    Unknown,
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

    pub(super) fn with_statement(self, statement: Option<StatementRef>) -> Self {
        let with = |basis| Basis { statement, ..basis };
        match self {
            Self::Allow(b) => Self::Allow(with(b)),
            Self::ExplicitDeny(b) => Self::ExplicitDeny(with(b)),
            Self::ImplicitDeny(b) => Self::ImplicitDeny(with(b)),
        }
    }
}

fn allow(code: Code, layer: Layer) -> Decision {
    Decision::Allow(Basis { code, layer, statement: None })
}

fn explicit(code: Code, layer: Layer) -> Decision {
    Decision::ExplicitDeny(Basis { code, layer, statement: None })
}

fn implicit(code: Code, layer: Layer) -> Decision {
    Decision::ImplicitDeny(Basis { code, layer, statement: None })
}

/// The decision of these verdicts; the caller adds the statement.
///
/// A layer that is unknown could do anything: where the most permissive reading of the unknown layers
/// allows, the least permissive one denies, so the request is denied as undecided.
#[inline]
#[must_use]
pub fn combine(relation: Relation, identity: Identity, verdicts: &Verdicts) -> Decision {
    if let Some(denied) = denied(verdicts) {
        return denied;
    }
    let decision = granted(relation, identity, verdicts);
    match (unknown(identity, verdicts), decision) {
        (Some(layer), Decision::Allow(_)) => implicit(Code::Undecided, layer),
        _ => decision,
    }
}

fn denied(v: &Verdicts) -> Option<Decision> {
    let resource = if v.resource == ResourceVerdict::Deny { Verdict::Deny } else { Verdict::Absent };
    let layers = [
        (v.service_control, Code::DeniedByScp, Layer::ServiceControl),
        (v.resource_control, Code::DeniedByRcp, Layer::ResourceControl),
        (v.vpc_endpoint, Code::DeniedByEndpoint, Layer::VpcEndpoint),
        (v.public_access_block, Code::PublicBucketRestricted, Layer::PublicAccessBlock),
        (resource, Code::DeniedByResource, Layer::Resource),
        (v.identity, Code::DeniedByIdentity, Layer::Identity),
        (v.boundary, Code::DeniedByBoundary, Layer::Boundary),
        (v.session, Code::DeniedBySession, Layer::Session),
    ];
    let (_, code, layer) = layers.into_iter().find(|(verdict, ..)| *verdict == Verdict::Deny)?;
    Some(explicit(code, layer))
}

/// The first layer that applies and was not given.
fn unknown(identity: Identity, v: &Verdicts) -> Option<Layer> {
    let of_identity = |verdict| if identity == Identity::Nobody { Verdict::Absent } else { verdict };
    let resource = if v.resource == ResourceVerdict::Unknown { Verdict::Unknown } else { Verdict::Absent };
    let layers = [
        (v.service_control, Layer::ServiceControl),
        (v.resource_control, Layer::ResourceControl),
        (v.vpc_endpoint, Layer::VpcEndpoint),
        (v.public_access_block, Layer::PublicAccessBlock),
        (resource, Layer::Resource),
        (of_identity(v.identity), Layer::Identity),
        (of_identity(v.boundary), Layer::Boundary),
        (of_identity(v.session), Layer::Session),
    ];
    layers.into_iter().find(|(verdict, _)| *verdict == Verdict::Unknown).map(|(_, layer)| layer)
}

/// Whether a layer that limits lets the request through; an unknown one in its most permissive reading.
fn passes(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Absent | Verdict::Allow | Verdict::Unknown)
}

/// Without any Deny: is there a grant, and does every guardrail allow?
fn granted(relation: Relation, identity: Identity, v: &Verdicts) -> Decision {
    if !passes(v.service_control) {
        return implicit(Code::ScpLacksAllow, Layer::ServiceControl);
    }
    if !passes(v.vpc_endpoint) {
        return implicit(Code::EndpointLacksAllow, Layer::VpcEndpoint);
    }
    let reach = match v.resource {
        ResourceVerdict::Allow(reach) => Some(reach),
        ResourceVerdict::Unknown => Some(Reach::GrantsBeyondLimits),
        ResourceVerdict::Absent | ResourceVerdict::NoMatch | ResourceVerdict::Deny => None,
    };
    if identity == Identity::Nobody {
        return match reach {
            Some(_) => allow(Code::ResourceAllows, Layer::Resource),
            None => implicit(Code::NoResourceGrant, Layer::Resource),
        };
    }
    let limited = limited(identity, v);
    let own_side = match identity {
        Identity::Account => true,
        _ => matches!(v.identity, Verdict::Allow | Verdict::Unknown),
    };
    match relation {
        Relation::Cross => cross_account(reach, identity, own_side, limited),
        Relation::Same => same_account(reach, identity, own_side, limited),
        Relation::SameInCustody if reach.is_none() => implicit(Code::NotDelegated, Layer::Resource),
        Relation::SameInCustody => same_account(reach, identity, own_side, limited),
    }
}

/// The boundary or session policy that keeps the identity side from allowing.
fn limited(identity: Identity, v: &Verdicts) -> Option<Decision> {
    let session_missing = identity == Identity::Federated && v.session == Verdict::Absent;
    if !passes(v.boundary) {
        Some(implicit(Code::BoundaryLacksAllow, Layer::Boundary))
    } else if !passes(v.session) || session_missing {
        Some(implicit(Code::SessionLacksAllow, Layer::Session))
    } else {
        None
    }
}

fn same_account(reach: Option<Reach>, identity: Identity, own_side: bool, limited: Option<Decision>) -> Decision {
    let by_identity = match identity {
        Identity::Account => allow(Code::RootAllows, Layer::Identity),
        _ => allow(Code::IdentityAllows, Layer::Identity),
    };
    let by_resource = allow(Code::ResourceAllows, Layer::Resource);
    match (own_side, reach, limited) {
        (true, _, None) => by_identity,
        (_, Some(Reach::GrantsBeyondLimits), _) | (_, Some(Reach::Grants), None) => by_resource,
        (true, _, Some(limited)) | (false, Some(Reach::Grants), Some(limited)) => limited,
        (false, Some(Reach::Delegates) | None, _) => implicit(Code::NothingAllows, Layer::Identity),
    }
}

fn cross_account(reach: Option<Reach>, identity: Identity, own_side: bool, limited: Option<Decision>) -> Decision {
    match (reach, own_side, limited) {
        (None, ..) => implicit(Code::ResourceSideMissing, Layer::Resource),
        (Some(_), false, _) => implicit(Code::IdentitySideMissing, Layer::Identity),
        (Some(_), true, Some(limited)) => limited,
        (Some(_), true, None) if identity == Identity::Account => allow(Code::ResourceAllows, Layer::Resource),
        (Some(_), true, None) => allow(Code::BothSidesAllow, Layer::Resource),
    }
}
