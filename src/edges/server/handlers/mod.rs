//! One function for each operation of the table, or for a family of them.

mod buckets;
mod copy;
mod delete;
mod documents;
mod get;
mod listing;
mod lock;
mod multipart;
mod object_settings;
mod owners;
mod policy;
mod post;
mod put;
mod settings;
mod unsupported;

pub(super) use documents::CORS;
pub(super) use owners::resolved;

use super::call::Call;
use super::error::S3Error;
use super::reply::Reply;
use crate::gate::OperationId as Id;

/// Answers a request by its operation.
///
/// INVARIANT: a handler reaches storage only with an [`crate::gate::Authorized`] of its own operation, because
/// storage's methods ask for it; so a handler that forgets the gate does not compile.
///
/// # Errors
/// S3's refusals.
pub async fn dispatch(call: &mut Call) -> Result<Reply, S3Error> {
    if !call.row.supported {
        return unsupported::answer(call).await;
    }
    match call.row.id {
        Id::ListBuckets => buckets::list(call).await,
        Id::CreateBucket => buckets::create(call).await,
        Id::DeleteBucket => buckets::delete(call).await,
        Id::HeadBucket => buckets::head(call).await,
        Id::GetBucketLocation => buckets::location(call).await,

        Id::ListObjects => listing::v1(call).await,
        Id::ListObjectsV2 => listing::v2(call).await,
        Id::ListObjectVersions => listing::versions(call).await,
        Id::ListMultipartUploads => multipart::list_uploads(call).await,

        Id::GetBucketPolicy => policy::get(call).await,
        Id::PutBucketPolicy => policy::put(call).await,
        Id::DeleteBucketPolicy => policy::delete(call).await,
        Id::GetBucketPolicyStatus => policy::status(call).await,
        Id::GetPublicAccessBlock => settings::get_block(call).await,
        Id::PutPublicAccessBlock => settings::put_block(call).await,
        Id::DeletePublicAccessBlock => settings::delete_block(call).await,
        Id::GetAccountPublicAccessBlock => settings::get_account_block(call).await,
        Id::PutAccountPublicAccessBlock => settings::put_account_block(call).await,
        Id::DeleteAccountPublicAccessBlock => settings::delete_account_block(call).await,
        Id::GetBucketOwnershipControls => settings::get_ownership(call).await,
        Id::PutBucketOwnershipControls => settings::put_ownership(call).await,
        Id::DeleteBucketOwnershipControls => settings::delete_ownership(call).await,
        Id::GetBucketVersioning => settings::get_versioning(call).await,
        Id::PutBucketVersioning => settings::put_versioning(call).await,
        Id::GetBucketRequestPayment => settings::get_request_payment(call).await,
        Id::GetBucketAcl => owners::get_bucket_acl(call).await,
        Id::PutBucketAcl => owners::put_bucket_acl(call).await,
        Id::GetObjectAcl => owners::get_object_acl(call).await,
        Id::PutObjectAcl => owners::put_object_acl(call).await,

        Id::GetBucketCors => documents::get_cors(call).await,
        Id::PutBucketCors => documents::put_cors(call).await,
        Id::DeleteBucketCors => documents::delete_cors(call).await,
        Id::GetBucketEncryption => documents::get_encryption(call).await,
        Id::PutBucketEncryption => documents::put_encryption(call).await,
        Id::DeleteBucketEncryption => documents::delete_encryption(call).await,
        Id::GetBucketTagging => documents::get_tagging(call).await,
        Id::PutBucketTagging => documents::put_tagging(call).await,
        Id::DeleteBucketTagging => documents::delete_tagging(call).await,
        Id::GetObjectLockConfiguration => lock::get_configuration(call).await,
        Id::PutObjectLockConfiguration => lock::put_configuration(call).await,
        Id::GetObjectRetention => lock::get_retention(call).await,
        Id::PutObjectRetention => lock::put_retention(call).await,
        Id::GetObjectLegalHold => lock::get_legal_hold(call).await,
        Id::PutObjectLegalHold => lock::put_legal_hold(call).await,

        Id::GetObject | Id::HeadObject => get::object(call).await,
        Id::GetObjectAttributes => get::attributes(call).await,
        Id::PutObject => put::object(call).await,
        Id::PostObject => post::object(call).await,
        Id::CopyObject => copy::object(call).await,
        Id::DeleteObject => delete::object(call).await,
        Id::DeleteObjects => delete::objects(call).await,
        Id::GetObjectTagging => object_settings::get_tagging(call).await,
        Id::PutObjectTagging => object_settings::put_tagging(call).await,
        Id::DeleteObjectTagging => object_settings::delete_tagging(call).await,

        Id::CreateMultipartUpload => multipart::create(call).await,
        Id::UploadPart => multipart::part(call).await,
        Id::UploadPartCopy => copy::part(call).await,
        Id::CompleteMultipartUpload => multipart::complete(call).await,
        Id::AbortMultipartUpload => multipart::abort(call).await,
        Id::ListParts => multipart::list_parts(call).await,

        // What the store does not keep: reading says that nothing is set.
        Id::GetBucketAccelerateConfiguration
        | Id::GetBucketLifecycleConfiguration
        | Id::GetBucketLogging
        | Id::GetBucketNotificationConfiguration
        | Id::GetBucketReplication
        | Id::GetBucketWebsite => unsupported::none_set(call).await,

        _ => unsupported::answer(call).await,
    }
}
