//! Block Public Access, Object Ownership, versioning and MFA Delete.

use super::owners;
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::totp;
use crate::edges::server::wire::settings;
use crate::gate::operations as o;
use crate::gate::{Authorized, BodyFacts};
use crate::policy::acl::ObjectOwnership;
use crate::storage::store::{BucketRecord, ConfiguresBucket, MfaProof, StoreError, Versioning};
use http::StatusCode;
use s3s::dto;

/// Changes a bucket's record.
pub(super) async fn change<O: ConfiguresBucket>(
    call: &Call,
    grant: &Authorized<O>,
    mut change: impl FnMut(&mut BucketRecord) + Send + 'static,
) -> Result<(), S3Error> {
    let change = move |record: &mut BucketRecord| {
        change(record);
        Ok(())
    };
    let done = call.server.store().update_bucket(grant, None, call.now_ms, change).await;
    done.map(|_| ()).map_err(|e| call.failed(e))
}

/// `GET …?publicAccessBlock`
pub(super) async fn get_block(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<o::GetPublicAccessBlock>(&BodyFacts::default()).await?;
    let block = bucket.public_access_block;
    let missing = || S3Error::of("NoSuchPublicAccessBlockConfiguration").with("BucketName", bucket.name.clone());
    Ok(reply::xml(&settings::public_access_block(block.ok_or_else(missing)?)))
}

/// `PUT …?publicAccessBlock`
pub(super) async fn put_block(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::PutPublicAccessBlock>(&BodyFacts::default()).await?;
    let body = call.small_body().await?;
    let block = settings::parse_public_access_block(&body)?;
    change(call, &grant, move |record| record.public_access_block = Some(block)).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// `DELETE …?publicAccessBlock`
pub(super) async fn delete_block(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::DeletePublicAccessBlock>(&BodyFacts::default()).await?;
    change(call, &grant, |record| record.public_access_block = None).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// An account's settings are its own: the account that the header names must be the caller's.
fn own_account(call: &Call) -> Result<(), S3Error> {
    let named = call.header("x-amz-account-id")?.unwrap_or_default();
    if call.auth.caller.account() == Some(named) { Ok(()) } else { Err(S3Error::access_denied()) }
}

/// `GET` of the account's Block Public Access.
pub(super) async fn get_account_block(call: &mut Call) -> Result<Reply, S3Error> {
    let grant = call.authorize_service::<o::GetAccountPublicAccessBlock>().await?;
    own_account(call)?;
    let block = call.server.store().read_account_block(&grant);
    let block = block.ok_or_else(|| S3Error::of("NoSuchPublicAccessBlockConfiguration"))?;
    Ok(reply::xml(&settings::public_access_block(block)))
}

/// `PUT` of the account's Block Public Access.
pub(super) async fn put_account_block(call: &mut Call) -> Result<Reply, S3Error> {
    let grant = call.authorize_service::<o::PutAccountPublicAccessBlock>().await?;
    let body = call.small_body().await?;
    own_account(call)?;
    let block = settings::parse_public_access_block(&body)?;
    call.server.store().put_account_block(&grant, Some(block)).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::OK))
}

/// `DELETE` of the account's Block Public Access.
pub(super) async fn delete_account_block(call: &mut Call) -> Result<Reply, S3Error> {
    let grant = call.authorize_service::<o::DeleteAccountPublicAccessBlock>().await?;
    own_account(call)?;
    call.server.store().put_account_block(&grant, None).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET …?ownershipControls`
pub(super) async fn get_ownership(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<o::GetBucketOwnershipControls>(&BodyFacts::default()).await?;
    let missing = || S3Error::of("OwnershipControlsNotFoundError").with("BucketName", bucket.name.clone());
    Ok(reply::xml(&settings::ownership(bucket.ownership.ok_or_else(missing)?)))
}

/// `PUT …?ownershipControls`
pub(super) async fn put_ownership(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, bucket) = call.authorize_bucket::<o::PutBucketOwnershipControls>(&BodyFacts::default()).await?;
    let body = call.small_body().await?;
    let ownership = settings::parse_ownership(&body)?;
    if ownership == ObjectOwnership::BucketOwnerEnforced && owners::grants_to_others(&bucket) {
        return Err(S3Error::of("InvalidBucketAclWithObjectOwnership"));
    }
    change(call, &grant, move |record| record.ownership = Some(ownership)).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// `DELETE …?ownershipControls`
pub(super) async fn delete_ownership(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::DeleteBucketOwnershipControls>(&BodyFacts::default()).await?;
    change(call, &grant, |record| record.ownership = None).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET …?versioning`
pub(super) async fn get_versioning(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<o::GetBucketVersioning>(&BodyFacts::default()).await?;
    Ok(reply::xml(&settings::versioning(bucket.versioning, bucket.mfa_delete.then_some(true))))
}

/// `PUT …?versioning`. MFA Delete is for the owner account's root user alone.
/// Source: S3 User Guide, "Configuring MFA delete".
pub(super) async fn put_versioning(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, bucket) = call.authorize_bucket::<o::PutBucketVersioning>(&BodyFacts::default()).await?;
    let body = call.small_body().await?;
    let wanted = settings::parse_versioning(&body)?;
    let touches_mfa = wanted.mfa_delete.is_some_and(|on| on != bucket.mfa_delete) || bucket.mfa_delete;
    let caller = &call.auth.caller;
    let owner_root = caller.is_root() && caller.account() == Some(bucket.owner_account.as_str());
    if touches_mfa && !owner_root {
        return Err(S3Error::new("AccessDenied", "MFA Delete can be changed by the bucket owner's root user only."));
    }
    if bucket.object_lock.is_some() && wanted.status == Versioning::Suspended {
        return Err(S3Error::new(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        ));
    }
    let proof = mfa_proof(call, call.bucket()).await?;
    if touches_mfa && proof.is_none() {
        return Err(call.failed(StoreError::MfaRequired));
    }
    let change = move |record: &mut BucketRecord| {
        record.versioning = wanted.status;
        record.mfa_delete = wanted.mfa_delete.unwrap_or(record.mfa_delete);
        Ok(())
    };
    call.server.store().update_bucket(&grant, proof, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::OK))
}

/// The proof that `x-amz-mfa` holds a valid code of the bucket owner's root device; `None`: no header was sent.
/// The code counts as used whatever becomes of the request.
pub(super) async fn mfa_proof(call: &Call, bucket: &str) -> Result<Option<MfaProof>, S3Error> {
    let Some(value) = call.header("x-amz-mfa")? else { return Ok(None) };
    call.demand_tls("an MFA code")?;
    let record = call.server.store().bucket(bucket).ok_or_else(|| S3Error::no_such_bucket(bucket))?;
    let now = call.now_ms.div_euclid(1000);
    let proof = call.server.store().verify_mfa(&record.owner_account, value, now, totp::verify).await;
    proof.map(Some).map_err(|e| call.failed(e))
}

/// `GET …?requestPayment`: the owner pays.
pub(super) async fn get_request_payment(call: &mut Call) -> Result<Reply, S3Error> {
    call.authorize_bucket::<o::GetBucketRequestPayment>(&BodyFacts::default()).await?;
    let payer = Some(dto::Payer::from_static(dto::Payer::BUCKET_OWNER));
    Ok(reply::xml(&dto::GetBucketRequestPaymentOutput { payer }))
}
