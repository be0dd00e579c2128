//! All of `combine`'s domain against a decision list of our own.
//!
//! The list is written from AWS's flow chart (IAM User Guide, "Policy evaluation logic", "Cross-account
//! policy evaluation logic", "Permissions boundaries", "Session policies"; `semantics` 4.1–4.6) and shares
//! nothing with the function: a layer that was not given is not a rule of its own here, but stands for
//! everything it could say, and the answer holds only where all of them give it.

use portcullis::decision::Layer;
use portcullis::decision::combine::{Identity, Reach, Relation, ResourceVerdict, Verdict, Verdicts, combine};
use portcullis::words::codes::Code;

// Unknown stands last: what it could be has a smaller number and was answered before.
const VERDICTS: [Verdict; 5] = [Verdict::Absent, Verdict::NoMatch, Verdict::Allow, Verdict::Deny, Verdict::Unknown];
const RESOURCES: [ResourceVerdict; 7] = [
    ResourceVerdict::Absent,
    ResourceVerdict::NoMatch,
    ResourceVerdict::Allow(Reach::Delegates),
    ResourceVerdict::Allow(Reach::Grants),
    ResourceVerdict::Allow(Reach::GrantsBeyondLimits),
    ResourceVerdict::Deny,
    ResourceVerdict::Unknown,
];
const RELATIONS: [Relation; 3] = [Relation::Same, Relation::SameInCustody, Relation::Cross];
const IDENTITIES: [Identity; 4] = [Identity::Policies, Identity::Federated, Identity::Account, Identity::Nobody];

/// The fields of [`Verdicts`], each with the number of its values, in the order of [`Layer::ALL`].
const FIELDS: [(Layer, usize); 8] = [
    (Layer::ServiceControl, 5),
    (Layer::ResourceControl, 5),
    (Layer::VpcEndpoint, 5),
    (Layer::PublicAccessBlock, 5),
    (Layer::Resource, 7),
    (Layer::Identity, 5),
    (Layer::Boundary, 5),
    (Layer::Session, 5),
];
const RESOURCE: usize = 4;
const COUNT: usize = 5 * 5 * 5 * 5 * 7 * 5 * 5 * 5;

const ABSENT: u8 = 0;
const NO_MATCH: u8 = 1;
const ALLOW: u8 = 2;
const DENY: u8 = 3;
const UNKNOWN: u8 = 4;

type Digits = [u8; 8];

// ---------------------------------------------------------------------------------------------
// The reference

/// What of the decision list a row asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is<T> {
    Any,
    Only(T),
    But(T),
}

impl<T: PartialEq> Is<T> {
    fn met(&self, value: &T) -> bool {
        match self {
            Is::Any => true,
            Is::Only(wanted) => wanted == value,
            Is::But(other) => other != value,
        }
    }
}

/// What the resource side gives: nothing, or an Allow that reaches so far.
type Given = Option<Reach>;

struct Row {
    relation: Is<Relation>,
    who: Is<Identity>,
    resource: Is<Given>,
    /// The identity side allows: its policies, or the account itself.
    own: Is<bool>,
    /// Boundary and session policies, where there are any, allow.
    within_limits: Is<bool>,
    allowed: bool,
}

const fn row(
    relation: Is<Relation>,
    who: Is<Identity>,
    resource: Is<Given>,
    own: Is<bool>,
    within_limits: Is<bool>,
    allowed: bool,
) -> Row {
    Row { relation, who, resource, own, within_limits, allowed }
}

const NOTHING: Given = None;
const DELEGATES: Given = Some(Reach::Delegates);
const GRANTS: Given = Some(Reach::Grants);
const BEYOND: Given = Some(Reach::GrantsBeyondLimits);

/// The first row that fits answers. No Deny stands anywhere, and SCPs and the endpoint policy allow.
#[rustfmt::skip]
const LIST: &[Row] = {
    use Identity::Nobody;
    use Is::{Any, But, Only};
    use Relation::{Cross, Same, SameInCustody};
    &[
        // 4.4: anonymous, services, OAIs have no identity side; the resource side suffices, whoever's it is.
        row(Any,                 Only(Nobody), Only(NOTHING),   Any,         Any,         false),
        row(Any,                 Only(Nobody), But(NOTHING),    Any,         Any,         true),
        // 4.3: across accounts both sides, and nothing bypasses boundary and session policy.
        row(Only(Cross),         Any,          But(NOTHING),    Only(true),  Only(true),  true),
        row(Only(Cross),         Any,          Any,             Any,         Any,         false),
        // 4.5, 4.6: a key or a role that says nothing lets nobody in, not even its account.
        row(Only(SameInCustody), Any,          Only(NOTHING),   Any,         Any,         false),
        // 4.2: "*" or the requester itself by name bypasses all three layers of the identity side,
        row(But(Cross),          Any,          Only(BEYOND),    Any,         Any,         true),
        // the role behind the session bypasses identity policies only,
        row(But(Cross),          Any,          Only(GRANTS),    Any,         Only(true),  true),
        row(But(Cross),          Any,          Only(GRANTS),    Any,         Only(false), false),
        // and the account is no grant: as if nothing had been said.
        row(But(Cross),          Any,          Only(DELEGATES), Only(true),  Only(true),  true),
        row(But(Cross),          Any,          Only(DELEGATES), Any,         Any,         false),
        row(Only(Same),          Any,          Only(NOTHING),   Only(true),  Only(true),  true),
        row(Only(Same),          Any,          Only(NOTHING),   Any,         Any,         false),
    ]
};

/// The answers that are possible, as bits.
const MAY_ALLOW: u8 = 1;
const MAY_DENY: u8 = 2;
const MAY_LACK: u8 = 4;

/// The answer where everything is known.
fn known(relation: Relation, who: Identity, digits: Digits) -> u8 {
    let [scp, _, endpoint, _, resource, identity, boundary, session] = digits;
    if denies(digits) {
        return MAY_DENY;
    }
    // 4.1: an SCP or endpoint policy that is there must allow. An RCP cannot but deny.
    if scp == NO_MATCH || endpoint == NO_MATCH {
        return MAY_LACK;
    }
    let given = [NOTHING, NOTHING, DELEGATES, GRANTS, BEYOND][usize::from(resource)];
    let own = who == Identity::Account || identity == ALLOW;
    // 4.2: a federation token without session policy has no identity permissions.
    let no_session = who == Identity::Federated && session == ABSENT;
    let within_limits = boundary != NO_MATCH && session != NO_MATCH && !no_session;
    let fits = |row: &&Row| {
        row.relation.met(&relation)
            && row.who.met(&who)
            && row.resource.met(&given)
            && row.own.met(&own)
            && row.within_limits.met(&within_limits)
    };
    let row = LIST.iter().find(fits).expect("the list has a row for everything");
    if row.allowed { MAY_ALLOW } else { MAY_LACK }
}

/// What a layer could say that was not given; nothing where it does not apply to the requester.
fn readings(field: usize, who: Identity) -> &'static [u8] {
    match FIELDS[field].0 {
        // Full access is implied.
        Layer::ResourceControl => &[ALLOW, DENY],
        // A setting refuses or is silent.
        Layer::PublicAccessBlock => &[ABSENT, DENY],
        Layer::Resource => &[1, 2, 3, 4, 5],
        Layer::Identity | Layer::Boundary | Layer::Session if who == Identity::Nobody => &[ABSENT],
        _ => &[NO_MATCH, ALLOW, DENY],
    }
}

// ---------------------------------------------------------------------------------------------
// The domain

fn verdicts(digits: Digits) -> Verdicts {
    let at = |field: usize| VERDICTS[usize::from(digits[field])];
    Verdicts {
        service_control: at(0),
        resource_control: at(1),
        vpc_endpoint: at(2),
        public_access_block: at(3),
        resource: RESOURCES[usize::from(digits[RESOURCE])],
        identity: at(5),
        boundary: at(6),
        session: at(7),
    }
}

fn unknown_digit(field: usize) -> u8 {
    if field == RESOURCE { 6 } else { UNKNOWN }
}

/// The numbers' weights in the table.
fn weights() -> [usize; 8] {
    let mut weights = [1; 8];
    for field in (0..7).rev() {
        weights[field] = weights[field + 1] * FIELDS[field + 1].1;
    }
    weights
}

/// Calls `visit` with every combination and the set of answers the reference gives it.
fn all(mut visit: impl FnMut(Relation, Identity, Digits, u8)) {
    let weights = weights();
    for relation in RELATIONS {
        for who in IDENTITIES {
            let mut answers = vec![0_u8; COUNT];
            let mut digits: Digits = [0; 8];
            for number in 0..COUNT {
                let open = (0..8).find(|field| digits[*field] == unknown_digit(*field));
                answers[number] = match open {
                    None => known(relation, who, digits),
                    Some(field) => {
                        let zero = number - usize::from(digits[field]) * weights[field];
                        let answer = |digit: &u8| answers[zero + usize::from(*digit) * weights[field]];
                        readings(field, who).iter().map(answer).fold(0, |sum, one| sum | one)
                    }
                };
                visit(relation, who, digits, answers[number]);
                next(&mut digits);
            }
        }
    }
}

/// The next combination, the last field fastest.
fn next(digits: &mut Digits) {
    for field in (0..8).rev() {
        digits[field] += 1;
        if usize::from(digits[field]) < FIELDS[field].1 {
            return;
        }
        digits[field] = 0;
    }
}

/// What a layer says in the terms of the eight fields.
fn says(layer: Layer, digits: Digits) -> u8 {
    let field = match layer {
        Layer::ServiceControl => 0,
        Layer::ResourceControl => 1,
        Layer::VpcEndpoint => 2,
        Layer::PublicAccessBlock => 3,
        Layer::Resource => RESOURCE,
        Layer::Identity => 5,
        Layer::Boundary => 6,
        Layer::Session => 7,
        Layer::Acl | Layer::Grant => unreachable!("they are part of the resource side"),
    };
    match (field, digits[field]) {
        (RESOURCE, 2..=4) => ALLOW,
        (RESOURCE, 5) => DENY,
        (RESOURCE, 6) => UNKNOWN,
        (_, digit) => digit,
    }
}

fn denies(digits: Digits) -> bool {
    let [before @ .., resource, identity, boundary, session] = digits;
    before.contains(&DENY) || resource == 5 || [identity, boundary, session].contains(&DENY)
}

/// Whether the reason is true: the layer it names says what the code tells of it.
fn is_true(code: Code, layer: Layer, relation: Relation, who: Identity, digits: Digits) -> bool {
    let said = says(layer, digits);
    match code {
        Code::RootAllows => who == Identity::Account && layer == Layer::Identity,
        Code::IdentityAllows => layer == Layer::Identity && said == ALLOW,
        Code::ResourceAllows => layer == Layer::Resource && said == ALLOW,
        Code::BothSidesAllow => {
            relation == Relation::Cross
                && says(Layer::Resource, digits) == ALLOW
                && says(Layer::Identity, digits) == ALLOW
        }
        Code::ScpLacksAllow => layer == Layer::ServiceControl && said == NO_MATCH,
        Code::EndpointLacksAllow => layer == Layer::VpcEndpoint && said == NO_MATCH,
        Code::BoundaryLacksAllow => layer == Layer::Boundary && said == NO_MATCH,
        Code::SessionLacksAllow => {
            layer == Layer::Session && (said == NO_MATCH || who == Identity::Federated && said == ABSENT)
        }
        Code::NoResourceGrant => who == Identity::Nobody && said != ALLOW,
        Code::ResourceSideMissing => relation == Relation::Cross && layer == Layer::Resource && said != ALLOW,
        Code::NotDelegated => relation == Relation::SameInCustody && layer == Layer::Resource && said != ALLOW,
        Code::IdentitySideMissing => relation == Relation::Cross && layer == Layer::Identity && said != ALLOW,
        Code::NothingAllows => layer == Layer::Identity && said != ALLOW,
        Code::Undecided => said == UNKNOWN,
        _ => false,
    }
}

fn denial_code(layer: Layer) -> Code {
    match layer {
        Layer::ServiceControl => Code::DeniedByScp,
        Layer::ResourceControl => Code::DeniedByRcp,
        Layer::VpcEndpoint => Code::DeniedByEndpoint,
        Layer::PublicAccessBlock => Code::PublicBucketRestricted,
        Layer::Resource => Code::DeniedByResource,
        Layer::Identity => Code::DeniedByIdentity,
        Layer::Boundary => Code::DeniedByBoundary,
        Layer::Session => Code::DeniedBySession,
        Layer::Acl | Layer::Grant => unreachable!("ACLs and grants do not deny"),
    }
}

// ---------------------------------------------------------------------------------------------
// The tests

#[test]
fn every_combination_is_answered_as_the_flow_chart_does() {
    let mut counts = [0_u64; 3];
    all(|relation, who, digits, answers| {
        let verdicts = verdicts(digits);
        let decision = combine(relation, who, &verdicts);
        let (wanted, number) = match answers {
            MAY_ALLOW => ("allow", 0),
            MAY_DENY => ("explicit-deny", 1),
            // A layer that was not given would decide, or nothing allows.
            _ => ("implicit-deny", 2),
        };
        counts[number] += 1;
        let basis = decision.basis();
        let undecided = answers & MAY_ALLOW != 0 && answers != MAY_ALLOW;
        let fine = decision.word() == wanted
            && decision.is_undecided() == undecided
            && basis.statement.is_none()
            && match number {
                1 => {
                    // The fields stand in the order in which denials are reported.
                    let first = FIELDS.iter().map(|(layer, _)| layer).find(|layer| says(**layer, digits) == DENY);
                    first == Some(&basis.layer) && basis.code == denial_code(basis.layer)
                }
                _ => is_true(basis.code, basis.layer, relation, who, digits),
            };
        assert!(fine, "{relation:?} {who:?} {verdicts:?}: wanted {wanted}, undecided: {undecided}; got {decision:?}");
    });
    assert_eq!(counts.iter().sum::<u64>(), 12 * COUNT as u64);
    assert!(counts.iter().all(|count| *count > 10_000), "every answer occurs: {counts:?}");
}

/// Without the reference: a Deny anywhere denies, and an Allow beside an unknown layer stands under each
/// of the layer's readings.
#[test]
fn no_deny_allows_and_no_unknown_layer_allows_more_than_its_every_reading() {
    let weights = weights();
    for (relation, who) in RELATIONS.into_iter().flat_map(|r| IDENTITIES.map(|w| (r, w))) {
        let mut allowed = vec![false; COUNT];
        let mut digits: Digits = [0; 8];
        for number in 0..COUNT {
            let decision = combine(relation, who, &verdicts(digits));
            assert_eq!(
                denies(digits),
                decision.word() == "explicit-deny",
                "{relation:?} {who:?} {:?}",
                verdicts(digits)
            );
            allowed[number] = decision.is_allowed();
            for field in (0..8).filter(|field| decision.is_allowed() && digits[*field] == unknown_digit(*field)) {
                let zero = number - usize::from(digits[field]) * weights[field];
                for reading in readings(field, who) {
                    let stands = allowed[zero + usize::from(*reading) * weights[field]];
                    assert!(stands, "{relation:?} {who:?} {:?} as {reading}", verdicts(digits));
                }
            }
            next(&mut digits);
        }
    }
}

#[test]
fn the_fields_stand_in_the_order_of_reports() {
    let reported = Layer::ALL.iter().filter(|layer| !matches!(layer, Layer::Acl | Layer::Grant));
    assert!(reported.eq(FIELDS.iter().map(|(layer, _)| layer)));
}

#[test]
fn the_list_has_no_row_that_is_never_reached() {
    let given = [NOTHING, DELEGATES, GRANTS, BEYOND];
    let mut reached = vec![false; LIST.len()];
    for relation in RELATIONS {
        for who in IDENTITIES {
            for resource in given {
                for (own, limits) in [(true, true), (true, false), (false, true), (false, false)] {
                    let fits = |row: &Row| {
                        row.relation.met(&relation)
                            && row.who.met(&who)
                            && row.resource.met(&resource)
                            && row.own.met(&own)
                            && row.within_limits.met(&limits)
                    };
                    reached[LIST.iter().position(fits).expect("a row for everything")] = true;
                }
            }
        }
    }
    assert!(reached.iter().all(|r| *r), "{reached:?}");
}
