//! `DeleteObject` and `DeleteObjects`.

use super::settings::mfa_proof;
use crate::edges::server::call::{Call, seen};
use crate::edges::server::error::S3Error;
use crate::edges::server::refusals;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::{conditions, dates, xml};
use crate::gate::needs::bypasses_governance;
use crate::gate::operations::{DeleteObject, DeleteObjects};
use crate::gate::{self, Ask, Authorized, BodyFacts, ListedAsk, Scene, Verdict};
use crate::storage::store::{BucketRecord, DeleteConditions, DeleteOptions, Deleted, EtagMatch};
use futures_util::StreamExt as _;
use http::StatusCode;
use s3s::dto;

/// `DELETE` of an object or a version.
pub(super) async fn object(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_key::<DeleteObject>(&BodyFacts::default()).await?;
    let options = DeleteOptions {
        bypass_governance: bypasses_governance(&call.facts()),
        mfa: mfa_proof(call, call.bucket()).await?,
        conditions: conditions::of_delete(&call.parts.headers)?,
        now_ms: call.now_ms,
    };
    let deleted = call.server.store().delete(&grant, options).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    if deleted.delete_marker {
        reply::set(&mut reply, "x-amz-delete-marker", "true");
    }
    reply::set_some(&mut reply, "x-amz-version-id", deleted.version.as_deref());
    Ok(reply)
}

/// How many keys of a batch are deleted at the same time.
const SIDE_BY_SIDE: usize = 64;

/// `POST …?delete`: up to 1,000 keys, each decided by itself; what is refused stands in the answer.
pub(super) async fn objects(call: &mut Call) -> Result<Reply, S3Error> {
    let (record, scene) = call.scene(call.bucket())?;
    // Asked of the whole request, before any key.
    gate::expected_owners(&call.ask(&call.facts(), &scene, None, &BodyFacts::default()))
        .map_err(|refusal| call.refused(&refusal))?;
    let body = call.small_body().await?;
    let wanted = xml::parse_delete(&body)?;
    let names_versions = wanted.objects.iter().any(|entry| named(entry).is_some());
    let mfa = mfa_for_batch(call, &record, names_versions).await?;
    let bypass_governance = bypasses_governance(&call.facts());
    let quiet = wanted.quiet.unwrap_or(false);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    let options = |conditions| DeleteOptions { bypass_governance, mfa: mfa.clone(), conditions, now_ms: call.now_ms };
    let granted = granted(call, &scene, wanted.objects).await;
    // PERF: side by side, so that they share commits; the answer keeps the order of the request.
    let (call, options) = (&*call, &options);
    let answers = futures_util::stream::iter(granted)
        .map(|(entry, grant)| async move {
            let answer = one(call, &entry, grant, options).await;
            (entry, answer)
        })
        .buffered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await;
    for (entry, answer) in answers {
        let version = named(&entry);
        match answer {
            Ok(done) if !quiet => deleted.push(shown(&entry.key, version, &done)),
            Ok(_) => {}
            Err(error) => errors.push(dto::Error {
                code: Some(error.code.to_owned()),
                key: Some(entry.key.clone()),
                message: Some(error.message.into_owned()),
                version_id: version.map(str::to_owned),
            }),
        }
    }
    Ok(reply::xml(&dto::DeleteObjectsOutput {
        deleted: (!deleted.is_empty()).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged: None,
    }))
}

/// Without a valid code the whole request fails as soon as one entry names a version.
async fn mfa_for_batch(
    call: &Call,
    record: &BucketRecord,
    names_versions: bool,
) -> Result<Option<crate::storage::store::MfaProof>, S3Error> {
    let proof = mfa_proof(call, call.bucket()).await?;
    if record.mfa_delete && names_versions && proof.is_none() {
        return Err(call.failed(crate::storage::store::StoreError::MfaRequired));
    }
    Ok(proof)
}

/// The version that an entry names.
fn named(entry: &dto::ObjectIdentifier) -> Option<&str> {
    entry.version_id.as_deref().filter(|v| !v.is_empty())
}

/// What the gate says of each entry.
async fn granted(
    call: &Call,
    scene: &Scene,
    entries: Vec<dto::ObjectIdentifier>,
) -> Vec<(dto::ObjectIdentifier, Grant)> {
    let facts = call.facts();
    let body = BodyFacts::default();
    let ask = call.ask(&facts, scene, None, &body);
    // PERF: all are decided before the first waits for its decision to be kept, so that one wait is enough.
    let mut decided = Vec::with_capacity(entries.len());
    for entry in entries {
        let verdict = verdict(call, &ask, &entry);
        decided.push((entry, verdict));
    }
    let mut granted = Vec::with_capacity(decided.len());
    for (entry, verdict) in decided {
        let grant = match verdict {
            Ok(verdict) => verdict.kept().await.map_err(|refusal| call.refused(&refusal)),
            Err(error) => Err(error),
        };
        granted.push((entry, grant));
    }
    granted
}

/// What an entry may be deleted by.
type Grant = Result<Authorized<DeleteObjects>, S3Error>;

fn verdict<'a>(
    call: &Call,
    ask: &Ask<'a>,
    entry: &dto::ObjectIdentifier,
) -> Result<Verdict<'a, Authorized<DeleteObjects>>, S3Error> {
    crate::edges::server::wire::names::check_key(&entry.key)?;
    let version = named(entry);
    let failed = |e| refusals::failed(e, call.bucket(), &entry.key, version);
    let sighting = call.server.store().sight(call.bucket(), &entry.key, version).map_err(failed)?;
    let listed = ListedAsk { key: &entry.key, version, object: seen(&sighting) };
    Ok(gate::authorize_listed(ask, &listed))
}

async fn one(
    call: &Call,
    entry: &dto::ObjectIdentifier,
    grant: Grant,
    options: impl Fn(DeleteConditions) -> DeleteOptions,
) -> Result<Deleted, S3Error> {
    let grant = grant?;
    let failed = |e| refusals::failed(e, call.bucket(), &entry.key, named(entry));
    let conditions = DeleteConditions {
        if_match: entry.e_tag.as_ref().map(|etag| match etag.value() {
            "*" => EtagMatch::Any,
            etag => EtagMatch::OneOf(vec![etag.to_owned()]),
        }),
        if_modified_at: entry.last_modified_time.as_ref().map(|t| dates::milliseconds(t).div_euclid(1000)),
        if_size: entry.size.map(|size| u64::try_from(size).unwrap_or(u64::MAX)),
    };
    call.server.store().delete(&grant, options(conditions)).await.map_err(failed)
}

fn shown(key: &str, version: Option<&str>, done: &Deleted) -> dto::DeletedObject {
    let marker = done.delete_marker;
    dto::DeletedObject {
        delete_marker: marker.then_some(true),
        delete_marker_version_id: done.version.clone().filter(|_| marker),
        key: Some(key.to_owned()),
        version_id: version.map(str::to_owned),
    }
}
