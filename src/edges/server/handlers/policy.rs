//! Bucket policies.
//!
//! Source: S3 API Reference, `PutBucketPolicy`, `GetBucketPolicyStatus`; semantics sections 1 and 5.6.

use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::identities::principals::{self, Named};
use crate::edges::server::principal_arns;
use crate::edges::server::reply::{self, Reply};
use crate::gate::operations::{DeleteBucketPolicy, GetBucketPolicy, GetBucketPolicyStatus, PutBucketPolicy};
use crate::gate::{BodyFacts, Caller};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::storage::store::{BucketRecord, StoreError};
use crate::words::problem::Problems;
use bytes::Bytes;
use http::StatusCode;
use s3s::dto;

/// The most bytes of a bucket policy. Source: S3 User Guide, "Bucket policies"; 20 KB.
const MAX_POLICY: usize = 20 * 1024;

/// `GET …?policy`
pub(super) async fn get(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<GetBucketPolicy>(&BodyFacts::default()).await?;
    let text = bucket.policy.as_ref().ok_or_else(|| no_policy(call))?;
    let named = bucket.policy_principals.clone().unwrap_or_default();
    let shown = call.server.identities().snapshot().shown(text, PolicyKind::Bucket, &named);
    let mut reply = reply::with_body(StatusCode::OK, Bytes::from(shown).into());
    reply::set(&mut reply, "content-type", "application/json");
    Ok(reply)
}

fn no_policy(call: &Call) -> S3Error {
    S3Error::of("NoSuchBucketPolicy").with("BucketName", call.bucket())
}

/// `PUT …?policy`
pub(super) async fn put(call: &mut Call) -> Result<Reply, S3Error> {
    let body = call.small_body().await?;
    let parsed = parsed(&body, call.bucket()).and_then(|document| stored(&document, call));
    // Whether a policy is public is decided on the new one; one that cannot be read is not public yet.
    let sets_public_policy = parsed.as_ref().is_ok_and(PolicyDocument::is_public);
    let facts = BodyFacts { sets_public_policy, ..BodyFacts::default() };
    let (grant, _) = call.authorize_bucket::<PutBucketPolicy>(&facts).await?;
    let document = parsed?;
    let named = known_principals(call, &document)?;
    let lockout =
        call.header("x-amz-confirm-remove-self-bucket-access")?.is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if !lockout {
        keeps_access(call, &document, &named)?;
    }
    let text = document.source().text.to_string();
    let change = move |record: &mut BucketRecord| {
        record.policy = Some(text.clone());
        record.policy_principals = Some(named.clone());
        Ok(())
    };
    call.server.store().update_bucket(&grant, None, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Reads a policy as AWS would store it; the sentence names the first thing that is wrong, with its place.
fn parsed(body: &[u8], bucket: &str) -> Result<PolicyDocument, S3Error> {
    if body.is_empty() {
        return Err(S3Error::of("MissingRequestBodyError"));
    }
    if body.len() > MAX_POLICY {
        let message = format!("Policies must be at most {MAX_POLICY} bytes; this one has {}.", body.len());
        return Err(S3Error::new("PolicyTooLarge", message));
    }
    let options = LoadOptions { bucket: Some(bucket), ..LoadOptions::new(PolicyKind::Bucket) };
    PolicyDocument::parse_bytes("policy", body, &options).map_err(|problems| malformed(&problems))
}

/// The policy as S3 stores it: canonical user ids become ARNs, and whom they name must exist.
fn stored(document: &PolicyDocument, call: &Call) -> Result<PolicyDocument, S3Error> {
    let text =
        principal_arns::stored(document, &call.server.canonicals()).map_err(|stranger| no_such_principal(&stranger))?;
    parsed(text.as_bytes(), call.bucket())
}

/// Whom the policy names, by unique id. S3 refuses one that names somebody who does not exist.
fn known_principals(call: &Call, document: &PolicyDocument) -> Result<Named, S3Error> {
    let snapshot = call.server.identities().snapshot();
    let named = principals::named(document, &|arn| snapshot.unique_id(arn));
    match principals::stranger(&named) {
        None => Ok(named),
        Some(stranger) => Err(no_such_principal(stranger)),
    }
}

fn no_such_principal(name: &str) -> S3Error {
    S3Error::new("MalformedPolicy", "Invalid principal in policy").with("Detail", name)
}

fn malformed(problems: &Problems) -> S3Error {
    S3Error::new("MalformedPolicy", problems.first_sentence())
}

/// S3 refuses a policy that would keep its own sender from changing it again, unless they confirm it. The owner
/// account's root user can always repair it.
fn keeps_access(call: &Call, document: &PolicyDocument, named: &Named) -> Result<(), S3Error> {
    let caller: &Caller = &call.auth.caller;
    if caller.is_root() {
        return Ok(());
    }
    let (record, _) = call.scene(call.bucket())?;
    let mut after = (*record).clone();
    after.policy = Some(document.source().text.to_string());
    after.policy_principals = Some(named.clone());
    if call.allowed_after::<PutBucketPolicy>(&after) {
        return Ok(());
    }
    Err(S3Error::new(
        "AccessDenied",
        "The new bucket policy will not allow you to update bucket policy in the future; send the header \
         x-amz-confirm-remove-self-bucket-access: true to set it all the same.",
    ))
}

/// `DELETE …?policy`
pub(super) async fn delete(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<DeleteBucketPolicy>(&BodyFacts::default()).await?;
    let change = |record: &mut BucketRecord| {
        record.policy = None;
        record.policy_principals = None;
        Ok::<(), StoreError>(())
    };
    call.server.store().update_bucket(&grant, None, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET …?policyStatus`: whether the policy or the ACL makes the bucket public.
pub(super) async fn status(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<GetBucketPolicyStatus>(&BodyFacts::default()).await?;
    let text = bucket.policy.as_deref().ok_or_else(|| no_policy(call))?;
    let public = parsed(text.as_bytes(), call.bucket()).map_or(true, |document| document.is_public());
    Ok(reply::xml(&dto::PolicyStatus { is_public: Some(public) }))
}
