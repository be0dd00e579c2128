//! What the store does not do: refused after authorization, never silently. And what it does not keep: reading
//! says truthfully that none is set.

use crate::edges::server::call::{Call, seen};
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::gate::{self, BodyFacts, OperationId as Id, Target};
use s3s::dto;

/// `NotImplemented`, for those who would be allowed.
pub(super) async fn answer(call: &mut Call) -> Result<Reply, S3Error> {
    permitted(call).await?;
    Err(S3Error::not_implemented(call.row.name))
}

async fn permitted(call: &Call) -> Result<(), S3Error> {
    let (_, scene) = call.scene(call.bucket())?;
    let facts = call.facts();
    let body = BodyFacts::default();
    let sighting = match &call.target {
        Target::Object { bucket, key } => Some(call.sight(bucket, key, gate::version_of(call.row, &facts))?),
        _ => None,
    };
    let ask = call.ask(&facts, &scene, sighting.as_ref().and_then(seen), &body);
    gate::permitted(call.row, &ask).kept().await.map_err(|refusal| call.refused(&refusal))
}

/// The answer that nothing is set.
pub(super) async fn none_set(call: &mut Call) -> Result<Reply, S3Error> {
    permitted(call).await?;
    let missing = |code| Err(S3Error::of(code).with("BucketName", call.bucket()));
    match call.row.id {
        Id::GetBucketLifecycleConfiguration => missing("NoSuchLifecycleConfiguration"),
        Id::GetBucketReplication => missing("ReplicationConfigurationNotFoundError"),
        Id::GetBucketWebsite => missing("NoSuchWebsiteConfiguration"),
        Id::GetBucketAccelerateConfiguration => Ok(reply::xml(&dto::GetBucketAccelerateConfigurationOutput::default())),
        Id::GetBucketLogging => Ok(reply::xml(&dto::GetBucketLoggingOutput::default())),
        Id::GetBucketNotificationConfiguration => {
            Ok(reply::xml(&dto::GetBucketNotificationConfigurationOutput::default()))
        }
        _ => Err(S3Error::not_implemented(call.row.name)),
    }
}
