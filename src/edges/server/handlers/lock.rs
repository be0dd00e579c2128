//! Object lock: a bucket's configuration, and the retention and legal hold of versions.
//!
//! Source: S3 User Guide, "Using S3 Object Lock".

use super::object_settings::show_version;
use super::settings::change;
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::{dates, lock};
use crate::gate::BodyFacts;
use crate::gate::needs::bypasses_governance;
use crate::gate::operations::{
    GetObjectLegalHold, GetObjectLockConfiguration, GetObjectRetention, PutObjectLegalHold, PutObjectLockConfiguration,
    PutObjectRetention,
};
use crate::storage::store::{BucketRecord, ObjectLock, RetentionChange, VersionRecord, Versioning};
use http::StatusCode;

/// What an answer says of a version's lock.
pub(super) fn show(record: &VersionRecord, reply: &mut Reply) {
    let headers = lock::LockHeaders { retention: record.retention, legal_hold: record.legal_hold };
    headers.write(reply.headers_mut());
}

/// `GET …?object-lock`
pub(super) async fn get_configuration(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<GetObjectLockConfiguration>(&BodyFacts::default()).await?;
    let missing = || S3Error::of("ObjectLockConfigurationNotFoundError").with("BucketName", bucket.name.clone());
    let configuration = bucket.object_lock.ok_or_else(missing)?;
    Ok(reply::xml(&lock::configuration(configuration.default)))
}

/// `PUT …?object-lock`
pub(super) async fn put_configuration(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, bucket) = call.authorize_bucket::<PutObjectLockConfiguration>(&BodyFacts::default()).await?;
    let body = call.small_body().await?;
    let default = lock::parse_configuration(&body)?;
    if bucket.versioning != Versioning::Enabled {
        return Err(S3Error::new(
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        ));
    }
    change(call, &grant, move |record| record.object_lock = Some(ObjectLock { default })).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// `GET …?retention`
pub(super) async fn get_retention(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, sighting) = call.authorize_object::<GetObjectRetention>(&BodyFacts::default()).await?;
    demand_lock(sighting.bucket())?;
    let record = call.server.store().inspect(&grant, sighting).map_err(|e| call.failed(e))?;
    let retention = record.retention.ok_or_else(none_set)?;
    Ok(reply::xml(&lock::retention(retention)))
}

fn none_set() -> S3Error {
    S3Error::new("NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
}

fn demand_lock(bucket: &BucketRecord) -> Result<(), S3Error> {
    let missing = || S3Error::invalid_request("Bucket is missing Object Lock Configuration");
    bucket.object_lock.map(|_| ()).ok_or_else(missing)
}

/// `PUT …?retention`
pub(super) async fn put_retention(call: &mut Call) -> Result<Reply, S3Error> {
    let body = call.small_body().await?;
    let wanted = lock::parse_retention(&body, call.now_ms);
    let asked = wanted.as_ref().ok().copied().flatten();
    let facts = BodyFacts {
        lock_mode: asked.map(|r| lock::mode_name(r.mode).to_owned()),
        retain_until: asked.map(|r| (dates::iso8601(r.until_ms), r.until_ms.div_euclid(1000))),
        ..BodyFacts::default()
    };
    let (grant, sighting) = call.authorize_object::<PutObjectRetention>(&facts).await?;
    let bucket = sighting.bucket().clone();
    drop(sighting);
    demand_lock(&bucket)?;
    let to = wanted?;
    let change = RetentionChange { to, bypass_governance: bypasses_governance(&call.facts()), now_ms: call.now_ms };
    let change = move |_: &BucketRecord, record: &mut VersionRecord| change.apply(record);
    let record = call.server.store().update_object(&grant, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::OK);
    show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}

/// `GET …?legal-hold`
pub(super) async fn get_legal_hold(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, sighting) = call.authorize_object::<GetObjectLegalHold>(&BodyFacts::default()).await?;
    demand_lock(sighting.bucket())?;
    let record = call.server.store().inspect(&grant, sighting).map_err(|e| call.failed(e))?;
    let on = record.legal_hold.ok_or_else(none_set)?;
    Ok(reply::xml(&lock::legal_hold(on)))
}

/// `PUT …?legal-hold`
pub(super) async fn put_legal_hold(call: &mut Call) -> Result<Reply, S3Error> {
    let body = call.small_body().await?;
    let wanted = lock::parse_legal_hold(&body);
    let legal_hold = wanted.as_ref().ok().map(|on| if *on { "ON" } else { "OFF" }.to_owned());
    let facts = BodyFacts { legal_hold, ..BodyFacts::default() };
    let (grant, sighting) = call.authorize_object::<PutObjectLegalHold>(&facts).await?;
    let bucket = sighting.bucket().clone();
    drop(sighting);
    demand_lock(&bucket)?;
    let on = wanted?;
    let change = move |_: &BucketRecord, record: &mut VersionRecord| {
        record.legal_hold = Some(on);
        Ok(())
    };
    let record = call.server.store().update_object(&grant, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::OK);
    show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}
