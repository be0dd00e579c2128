//! Buckets themselves.

use super::owners;
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::acl::AclHeaders;
use crate::edges::server::wire::{lock, names, settings};
use crate::gate::operations::{CreateBucket, DeleteBucket, GetBucketLocation, HeadBucket};
use crate::gate::{self, Authorized, BodyFacts};
use crate::policy::acl::{Acl, ObjectOwnership, PublicAccessBlock};
use crate::storage::store::{BucketRecord, NewBucket, StoreError};
use http::StatusCode;

pub(super) use super::listing::buckets as list;

/// `PUT` of a bucket.
pub(super) async fn create(call: &mut Call) -> Result<Reply, S3Error> {
    let body = call.small_body().await?;
    names::check_bucket_name(call.bucket())?;
    let location = settings::parse_location(&body)?;
    let locks_bucket = lock::locks_bucket(&call.parts.headers)?;
    let facts = BodyFacts { location_constraint: location.clone(), locks_bucket, ..BodyFacts::default() };
    let scene = call.bare_scene(Some(call.bucket()));
    let grant = {
        let http = call.facts();
        let verdict = gate::authorize::<CreateBucket>(&call.ask(&http, &scene, None, &facts));
        verdict.kept().await.map_err(|r| call.refused(&r))?
    };
    let region = call.server.region();
    if let Some(wanted) = location.as_deref().filter(|wanted| *wanted != region)
        && !call.server.settings().any_region
    {
        let message = format!(
            "The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        return Err(S3Error::new("IllegalLocationConstraintException", message));
    }
    let defaults = call.server.directory().bucket_defaults();
    let ownership = settings::ownership_header(&call.parts.headers)?.unwrap_or(defaults.0);
    let acl = first_acl(call, ownership)?;
    let new = NewBucket {
        owner_account: call.auth.caller.account().unwrap_or_default().to_owned(),
        owner: owners::owner_of(&call.auth.caller),
        region: location.unwrap_or_else(|| region.to_owned()),
        acl,
        ownership: Some(ownership),
        public_access_block: Some(defaults.1).filter(|block| *block != PublicAccessBlock::default()),
        object_lock: locks_bucket,
        tags: Vec::new(),
        now_ms: call.now_ms,
    };
    let acl = new.acl.clone();
    match call.server.store().create_bucket(&grant, new).await {
        Err(StoreError::BucketExists { owned: true }) if is_in_oldest_region(call) => {
            reset_acl(call, &grant, acl).await?;
        }
        done => drop(done.map_err(|e| call.failed(e))?),
    }
    let mut reply = reply::empty(StatusCode::OK);
    reply::set(&mut reply, "location", ["/", call.bucket()].concat());
    Ok(reply)
}

/// Whether the bucket is where creating it again is no error for its owner, but resets its ACL.
/// Source: S3 API Reference, `CreateBucket`, `BucketAlreadyOwnedByYou`.
fn is_in_oldest_region(call: &Call) -> bool {
    call.server.store().bucket(call.bucket()).is_some_and(|bucket| bucket.region == "us-east-1")
}

async fn reset_acl(call: &Call, grant: &Authorized<CreateBucket>, acl: Option<Acl>) -> Result<(), S3Error> {
    let change = move |record: &mut BucketRecord| {
        let enforced = record.ownership == Some(ObjectOwnership::BucketOwnerEnforced);
        record.acl = acl.clone().filter(|_| !enforced);
        Ok(())
    };
    let done = call.server.store().update_bucket(grant, None, call.now_ms, change).await;
    done.map(drop).map_err(|e| call.failed(e))
}

/// The ACL of a new bucket.
fn first_acl(call: &Call, ownership: ObjectOwnership) -> Result<Option<Acl>, S3Error> {
    let Some(headers) = AclHeaders::of_request(&call.parts.headers)? else { return Ok(None) };
    let owner = owners::owner_of(&call.auth.caller);
    let acl = owners::resolved(headers.acl(&owner.canonical, &owner.canonical), &call.server.directory())?;
    let private = acl == Acl::private(&owner.canonical);
    match ownership {
        ObjectOwnership::BucketOwnerEnforced if private => Ok(None),
        ObjectOwnership::BucketOwnerEnforced => Err(S3Error::new(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )),
        _ => Ok(Some(acl)),
    }
}

/// `DELETE` of a bucket.
pub(super) async fn delete(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<DeleteBucket>(&BodyFacts::default()).await?;
    call.server.store().delete_bucket(&grant).await.map_err(|e| call.failed(e))?;
    call.server.scenes().forget(call.bucket());
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `HEAD` of a bucket.
pub(super) async fn head(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<HeadBucket>(&BodyFacts::default()).await?;
    let mut reply = reply::empty(StatusCode::OK);
    reply::set(&mut reply, "x-amz-bucket-region", &bucket.region);
    Ok(reply)
}

/// `GET …?location`
pub(super) async fn location(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<GetBucketLocation>(&BodyFacts::default()).await?;
    Ok(reply::xml(&settings::location(&bucket.region)))
}
