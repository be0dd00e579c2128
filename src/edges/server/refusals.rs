//! Refusals of the gate and of storage in S3's words.
//!
//! Source: S3 API Reference, "Error responses"; semantics sections 5.4–5.6.

use super::error::S3Error;
use crate::gate::{Method, Refusal};
use crate::storage::store::{Sighting, StoreError};

/// A refusal of the gate.
#[must_use]
pub fn denied(refusal: &Refusal, method: Method) -> S3Error {
    match refusal {
        Refusal::Denied { sentence: Some(sentence), .. } => S3Error::new("AccessDenied", sentence.clone()),
        Refusal::Denied { sentence: None, .. } | Refusal::UnexpectedOwner => S3Error::access_denied(),
        Refusal::NotTheOwner => S3Error::method_not_allowed(method.name(), "BUCKETPOLICY"),
        Refusal::Unasked(why) => {
            tracing::error!(%why, "a request could not be put to the decision core");
            S3Error::access_denied()
        }
        Refusal::Unkept(why) => S3Error::new("ServiceUnavailable", why.clone()),
    }
}

/// What those who may know are told of an object that is not there.
#[must_use]
pub fn absent(sighting: &Sighting, key: &str, version: Option<&str>) -> S3Error {
    match (version, sighting.is_delete_marker()) {
        (Some(_), true) => marker_named(),
        (Some(version), false) => S3Error::no_such_version(key, version),
        (None, true) => S3Error::no_such_key(key).with_header("x-amz-delete-marker", "true"),
        (None, false) => S3Error::no_such_key(key),
    }
}

fn marker_named() -> S3Error {
    // The one thing that can be done with a marker. Source: RFC 9110, section 15.5.6.
    S3Error::method_not_allowed("GET", "DeleteMarker")
        .with_header("x-amz-delete-marker", "true")
        .with_header("allow", "DELETE")
}

/// What storage would not do. Whatever is the server's own fault is logged and told as `InternalError`.
#[must_use]
pub fn failed(error: StoreError, bucket: &str, key: &str, version: Option<&str>) -> S3Error {
    match error {
        StoreError::NoSuchBucket => S3Error::no_such_bucket(bucket),
        StoreError::BucketExists { owned: true } => S3Error::of("BucketAlreadyOwnedByYou").with("BucketName", bucket),
        StoreError::BucketExists { owned: false } => S3Error::of("BucketAlreadyExists").with("BucketName", bucket),
        StoreError::BucketNotEmpty => S3Error::of("BucketNotEmpty").with("BucketName", bucket),
        StoreError::InvalidBucketState(why) => S3Error::new("InvalidBucketState", why),
        StoreError::NoSuchKey => S3Error::no_such_key(key),
        StoreError::NoSuchVersion => S3Error::no_such_version(key, version.unwrap_or_default()),
        StoreError::InvalidVersion => {
            S3Error::invalid_argument("versionId", version.unwrap_or_default(), "Invalid version id specified")
        }
        StoreError::DeleteMarker { version, modified_ms, named } => {
            let error = if named {
                marker_named().with_header("last-modified", super::wire::dates::http_date(modified_ms.div_euclid(1000)))
            } else {
                S3Error::no_such_key(key).with_header("x-amz-delete-marker", "true")
            };
            error.with_header("x-amz-version-id", version)
        }
        StoreError::NoSuchUpload => S3Error::of("NoSuchUpload"),
        StoreError::InvalidPart { number } => S3Error::of("InvalidPart").with("PartNumber", number.to_string()),
        StoreError::InvalidPartOrder => S3Error::of("InvalidPartOrder"),
        StoreError::InvalidPartNumber { .. } => S3Error::of("InvalidPartNumber"),
        StoreError::PartTooSmall { number, etag, size, least } => {
            S3Error::entity_too_small(size, least).with("PartNumber", number.to_string()).with("ETag", etag)
        }
        StoreError::TooLarge { size, most } => S3Error::entity_too_large(size, most),
        StoreError::Precondition(condition) => S3Error::precondition_failed(condition),
        StoreError::Locked => S3Error::new("AccessDenied", "Access Denied because object protected by object lock."),
        StoreError::NoObjectLock => S3Error::invalid_request("Bucket is missing Object Lock Configuration"),
        StoreError::MfaRequired => S3Error::new(
            "AccessDenied",
            "Mfa Authentication must be used for this request: the header x-amz-mfa is missing.",
        ),
        StoreError::MfaInvalid => {
            S3Error::new("AccessDenied", "The MFA device or its code is not valid, or the code was used before.")
        }
        StoreError::WrongCustomerKey => S3Error::access_denied(),
        StoreError::CustomerKeyNeeded => S3Error::invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
             retrieve the object.",
        ),
        StoreError::UnexpectedCustomerKey => {
            S3Error::invalid_request("The encryption parameters are not applicable to this object.")
        }
        StoreError::Full => S3Error::new("InsufficientStorage", "The disk of the store is full; nothing was changed."),
        StoreError::ReadOnly => {
            S3Error::new("ServiceUnavailable", "The store takes no changes at the moment; nothing was changed.")
        }
        StoreError::Conflict => S3Error::of("OperationAborted"),
        StoreError::Closed => S3Error::of("ServiceUnavailable"),
        StoreError::RootNeeded => {
            S3Error::new("AccessDenied", "MFA Delete can be changed by the bucket owner's root user only.")
        }
        StoreError::WrongGrant
        | StoreError::ServiceKeyNeeded
        | StoreError::WrongServiceKey
        | StoreError::InvalidCiphertext
        | StoreError::InvalidRange { .. }
        | StoreError::Damaged { .. }
        | StoreError::InUse
        | StoreError::Format { .. }
        | StoreError::Unsettled(_)
        | StoreError::RootKeys(_)
        | StoreError::Io(_) => {
            tracing::error!(%error, bucket, "storage failed");
            S3Error::of("InternalError")
        }
    }
}
