//! The gate itself: asks the decision core every question a request raises, and gives the proof of a yes.

use super::authorized::{Authorized, Source};
use super::caller::Caller;
use super::facts::{BodyFacts, RequestFacts, SeenObject};
use super::needs::{Need, applies};
use super::operations::{On, Operation, OperationId, Permission, Row, TABLE, When};
use super::scene::Scene;
use super::target::Target;
use super::witness::{Decided, Step, Verdict, Witness};
use crate::decision::{AuthorizationRequest, Authorizer, Decision};
use crate::policy::acl::ObjectOwnership;
use crate::simulate::{attributes, sentence};
use std::sync::Arc;

/// The object that a copy reads.
#[derive(Clone, Copy, Debug)]
pub struct SourceAsk<'a> {
    /// Which.
    pub source: &'a Source,
    /// Its bucket.
    pub scene: &'a Scene,
    /// What is known of it, where it exists.
    pub object: Option<SeenObject<'a>>,
}

/// One object of a batch.
#[derive(Clone, Copy, Debug)]
pub struct ListedAsk<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its version.
    pub version: Option<&'a str>,
    /// What is known of it, where it exists.
    pub object: Option<SeenObject<'a>>,
}

/// A request at the gate.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Its facts.
    pub facts: &'a RequestFacts<'a>,
    /// Who sent it.
    pub caller: &'a Arc<Caller>,
    /// What it addresses.
    pub scene: &'a Scene,
    /// The object it addresses, where it exists.
    pub object: Option<SeenObject<'a>>,
    /// The object it copies.
    pub source: Option<SourceAsk<'a>>,
    /// What its body says.
    pub body: &'a BodyFacts,
    /// Who sees the decisions.
    pub witness: &'a dyn Witness,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A decision was no.
    Denied {
        /// Whether a statement or setting denied, rather than nothing allowing.
        explicit: bool,
        /// AWS's sentence, for callers of the resource's account; others learn nothing.
        sentence: Option<String>,
    },
    /// `x-amz-expected-bucket-owner`, or the one of the copy's source, is another account.
    UnexpectedOwner,
    /// Allowed, but only the bucket owner's account may do this. Source: semantics section 5.6.
    NotTheOwner,
    /// The question could not be asked; nothing is allowed.
    Unasked(String),
    /// The decisions cannot be written down, so that nothing may follow from them; a sentence that says why.
    Unkept(String),
}

/// Decides a request. Every permission of its row that applies must be allowed.
///
/// The verdict is the first refusal, or the grant.
pub fn authorize<'a, O: Operation>(ask: &Ask<'a>) -> Verdict<'a, Authorized<O>> {
    Verdict::new(granted(ask), ask.witness)
}

fn granted<O: Operation>(ask: &Ask<'_>) -> Result<Authorized<O>, Refusal> {
    all_permitted(O::ROW, ask)?;
    let version = version_of(O::ROW, ask.facts);
    let target = match (ask.facts.target, posted_key(ask)) {
        (Target::Bucket { bucket }, Some(key)) => Target::Object { bucket: bucket.clone(), key: key.to_owned() },
        (target, _) => target.clone(),
    };
    let source = ask.source.map(|from| from.source.clone());
    Ok(Authorized::proven(target, version.map(str::to_owned), source, ask.caller.clone(), ask.facts.time))
}

/// Decides a request for which there is no operation in storage: it gives no token.
///
/// The verdict is the first refusal, or nothing.
pub fn permitted<'a>(row: &'static Row, ask: &Ask<'a>) -> Verdict<'a, ()> {
    Verdict::new(all_permitted(row, ask), ask.witness)
}

fn all_permitted(row: &'static Row, ask: &Ask<'_>) -> Result<(), Refusal> {
    expected_owners(ask)?;
    let version = version_of(row, ask.facts);
    for permission in needed(row, ask.facts, ask.body) {
        match permission.on {
            On::Service => decision(ask, row, permission, "*", None, None, ask.scene)?,
            On::Bucket => {
                decision(ask, row, permission, &arn(ask.facts.target.bucket(), None), None, None, ask.scene)?;
            }
            On::Object => {
                let arn = arn(ask.facts.target.bucket(), ask.facts.target.key().or(posted_key(ask)));
                decision(ask, row, permission, &arn, version, addressed(ask, permission), ask.scene)?;
            }
            On::Source => {
                let Some(from) = ask.source else {
                    return Err(Refusal::Unasked("the copy names no source".to_owned()));
                };
                let arn = arn(Some(&from.source.bucket), Some(&from.source.key));
                decision(ask, row, permission, &arn, from.source.version.as_deref(), from.object, from.scene)?;
            }
            // INVARIANT: each object of a batch passes `authorize_listed`; there is no other way to its token.
            On::Listed => return Err(Refusal::Unasked("a batch is decided object by object".to_owned())),
        }
    }
    owner_only(row, ask)
}

/// The object that a permission is about: the one that is there, or, for the ACL of an object that the request
/// makes, the one that will be.
fn addressed<'a>(ask: &Ask<'a>, permission: &Permission) -> Option<SeenObject<'a>> {
    let bucket = ask.scene.bucket.as_ref().filter(|_| permission.when == When::SetsAcl);
    match bucket.and_then(|b| attributes::owner_to_be(b.ownership, ask.caller.canonical_id())) {
        Some(writer) => {
            let tags = ask.object.map_or(&[][..], |object| object.tags);
            Some(SeenObject { owner_canonical: Some(writer), acl: None, tags })
        }
        None => ask.object,
    }
}

/// Decides one object of a batch.
///
/// The verdict is the first refusal, or the grant.
pub fn authorize_listed<'a, O: Operation>(ask: &Ask<'a>, listed: &ListedAsk<'_>) -> Verdict<'a, Authorized<O>> {
    Verdict::new(granted_listed(ask, listed), ask.witness)
}

fn granted_listed<O: Operation>(ask: &Ask<'_>, listed: &ListedAsk<'_>) -> Result<Authorized<O>, Refusal> {
    expected_owners(ask)?;
    let Some(bucket) = ask.facts.target.bucket() else { return Err(Refusal::Unasked("no bucket".to_owned())) };
    let resource = arn(Some(bucket), Some(listed.key));
    for permission in needed(O::ROW, ask.facts, ask.body) {
        if permission.on != On::Listed {
            return Err(Refusal::Unasked(format!("{} is not a batch", O::ROW.name)));
        }
        decision(ask, O::ROW, permission, &resource, listed.version, listed.object, ask.scene)?;
    }
    let target = Target::Object { bucket: bucket.to_owned(), key: listed.key.to_owned() };
    Ok(Authorized::proven(target, listed.version.map(str::to_owned), None, ask.caller.clone(), ask.facts.time))
}

/// Whether the caller may learn that an object is not there: `404` for those who may list the bucket, `403` for
/// others. Where ACLs count, a missing object has none that could allow reading it; listing then suffices.
/// Source: S3 API Reference, `GetObject`, "Permissions"; semantics section 5.4.
#[must_use]
pub fn may_learn_absence<T>(ask: &Ask<'_>, verdict: &Verdict<'_, T>) -> bool {
    let acls_count = ask.scene.bucket.as_ref().is_some_and(|b| b.ownership != ObjectOwnership::BucketOwnerEnforced);
    let open = match verdict.refusal() {
        None => true,
        Some(Refusal::Denied { explicit, .. }) => !explicit && acls_count,
        Some(_) => false,
    };
    open && lists(ask)
}

/// Whether the caller may list the bucket.
fn lists(ask: &Ask<'_>) -> bool {
    let Some(row) = TABLE.get(OperationId::HeadBucket as usize) else { return false };
    let arn = arn(ask.facts.target.bucket(), None);
    row.needs.iter().all(|permission| decision(ask, row, permission, &arn, None, None, ask.scene).is_ok())
}

/// The permissions of a row that apply to a request.
pub fn needed(
    row: &'static Row,
    facts: &RequestFacts<'_>,
    body: &BodyFacts,
) -> impl Iterator<Item = &'static Permission> {
    row.needs.iter().filter(move |p| p.when == When::Always || applies(p.when, facts, body))
}

/// The version that a request names, for operations on objects.
#[must_use]
pub fn version_of<'a>(row: &Row, facts: &RequestFacts<'a>) -> Option<&'a str> {
    let on_object = row.needs.iter().any(|p| p.on == On::Object);
    facts.asked.query("versionId").filter(|v| on_object && !v.is_empty())
}

/// The ARN of a bucket or object.
#[must_use]
pub fn arn(bucket: Option<&str>, key: Option<&str>) -> String {
    let bucket = bucket.unwrap_or_default();
    match key {
        Some(key) => ["arn:aws:s3:::", bucket, "/", key].concat(),
        None => ["arn:aws:s3:::", bucket].concat(),
    }
}

/// The key of a POST form, which stands among its fields.
fn posted_key<'a>(ask: &Ask<'a>) -> Option<&'a str> {
    matches!(ask.facts.target, Target::Bucket { .. }).then(|| ask.facts.asked.header(POSTED_KEY)).flatten()
}

/// The name under which the facts of a POST form hold the object's key.
pub const POSTED_KEY: &str = "form:key";

fn decision(
    ask: &Ask<'_>,
    row: &'static Row,
    permission: &'static Permission,
    arn: &str,
    version: Option<&str>,
    object: Option<SeenObject<'_>>,
    scene: &Scene,
) -> Result<(), Refusal> {
    let authorizer = scene.authorizer(ask.caller);
    let need = Need { row, permission, arn, version, object };
    let request =
        need.request(ask.facts, ask.body, ask.caller, &scene.context, authorizer.layers()).map_err(Refusal::Unasked)?;
    let owner = scene.bucket.as_ref().map(|b| b.owner_account.as_str());
    let insider = ask.caller.account().is_some() && owner.is_none_or(|owner| ask.caller.account() == Some(owner));
    decided(Step::of(row), &request, (&authorizer, scene.lasts()), ask.witness, insider)
}

/// Decides, and lets the witness see it; the authorizer lasts or not: [`Decided::lasts`]. A refusal says why to callers of the resource's account alone.
pub(super) fn decided(
    step: Step,
    request: &AuthorizationRequest<'_>,
    (authorizer, lasts): (&Authorizer, bool),
    witness: &dyn Witness,
    insider: bool,
) -> Result<(), Refusal> {
    let begun = witness.nanos();
    let decision = authorizer.decide(request);
    let took_ns = witness.nanos().saturating_sub(begun);
    if decision.is_allowed() {
        witness.decided(&Decided { step, request, authorizer, lasts, decision, explanation: None, took_ns });
        return Ok(());
    }
    let explanation = authorizer.explain(request);
    witness.decided(&Decided { step, request, authorizer, lasts, decision, explanation: Some(&explanation), took_ns });
    Err(Refusal::Denied {
        explicit: matches!(decision, Decision::ExplicitDeny(_)),
        sentence: insider.then(|| sentence::of(&explanation)),
    })
}

/// Whether the bucket, and the copy's source, belong to whom the request expects. Every authorization asks it; a
/// batch, whose objects are decided one by one, asks it of the whole.
///
/// # Errors
/// [`Refusal::UnexpectedOwner`].
pub fn expected_owners(ask: &Ask<'_>) -> Result<(), Refusal> {
    // A request that addresses no bucket has none whose owner could be another.
    let expects = |header: &str, scene: &Scene| match (ask.facts.asked.header(header), &scene.bucket) {
        (Some(expected), Some(bucket)) => bucket.owner_account == expected.trim(),
        _ => true,
    };
    let own = expects("x-amz-expected-bucket-owner", ask.scene);
    let source = ask.source.is_none_or(|from| expects("x-amz-source-expected-bucket-owner", from.scene));
    if own && source { Ok(()) } else { Err(Refusal::UnexpectedOwner) }
}

/// Whether an operation is for the bucket owner's account alone, whoever is permitted: those on its policy.
#[must_use]
pub fn is_owners_alone(row: &Row) -> bool {
    matches!(row.id, OperationId::GetBucketPolicy | OperationId::PutBucketPolicy | OperationId::DeleteBucketPolicy)
}

fn owner_only(row: &Row, ask: &Ask<'_>) -> Result<(), Refusal> {
    let owner = ask.scene.bucket.as_ref().map(|b| b.owner_account.as_str());
    if is_owners_alone(row) && ask.caller.account() != owner { Err(Refusal::NotTheOwner) } else { Ok(()) }
}
