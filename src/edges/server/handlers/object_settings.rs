//! Tags of objects.

use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::tags;
use crate::gate::BodyFacts;
use crate::gate::operations::{DeleteObjectTagging, GetObjectTagging, PutObjectTagging};
use crate::storage::store::{BucketRecord, VersionRecord, Versioning};
use http::StatusCode;
use s3s::dto;

/// Names the version in buckets that have versions.
pub(super) fn show_version(bucket: &BucketRecord, version: &str, reply: &mut Reply) {
    if bucket.versioning != Versioning::Off {
        reply::set(reply, "x-amz-version-id", version);
    }
}

/// `GET …?tagging`
pub(super) async fn get_tagging(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, sighting) = call.authorize_object::<GetObjectTagging>(&BodyFacts::default()).await?;
    let bucket = sighting.bucket().clone();
    let record = call.server.store().inspect(&grant, sighting).map_err(|e| call.failed(e))?;
    let output = dto::GetObjectTaggingOutput { tag_set: tags::tag_set(&record.tags), version_id: None };
    let mut reply = reply::xml(&output);
    show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}

/// `PUT …?tagging`
pub(super) async fn put_tagging(call: &mut Call) -> Result<Reply, S3Error> {
    let body = call.small_body().await?;
    let set = tags::parse_xml(&body, tags::MAX_OBJECT_TAGS);
    // Tags that are refused anyway bring no condition keys.
    let facts = BodyFacts { tags: set.as_ref().ok().cloned(), ..BodyFacts::default() };
    let (grant, sighting) = call.authorize_object::<PutObjectTagging>(&facts).await?;
    let bucket = sighting.bucket().clone();
    drop(sighting);
    let set = set?;
    let change = move |_: &BucketRecord, record: &mut VersionRecord| {
        record.tags.clone_from(&set);
        Ok(())
    };
    let record = call.server.store().update_object(&grant, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::OK);
    show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}

/// `DELETE …?tagging`
pub(super) async fn delete_tagging(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, sighting) = call.authorize_object::<DeleteObjectTagging>(&BodyFacts::default()).await?;
    let bucket = sighting.bucket().clone();
    drop(sighting);
    let change = |_: &BucketRecord, record: &mut VersionRecord| {
        record.tags.clear();
        Ok(())
    };
    let record = call.server.store().update_object(&grant, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}
