//! What a refused S3 request is told.
//!
//! Source: S3 API Reference, "Error responses".

use http::StatusCode;
use std::borrow::Cow;

/// An error as S3's clients read it: a code, a status and a sentence that names what and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// S3's code, such as `NoSuchKey`.
    pub code: &'static str,
    /// The HTTP status that belongs to it.
    pub status: StatusCode,
    /// The sentence.
    pub message: Cow<'static, str>,
    /// Further elements of the error document, such as `("BucketName", …)`.
    pub details: Vec<(&'static str, String)>,
    /// Headers of the answer, such as `("x-amz-delete-marker", "true")`.
    pub headers: Vec<(&'static str, String)>,
}

impl S3Error {
    /// An error with this code; its status is the code's.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, status: status_of(code), message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// Adds an element of the error document.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Adds a header of the answer.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The status of a code. Source: S3 API Reference, "List of error codes".
fn status_of(code: &str) -> StatusCode {
    match code {
        "AccessDenied"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "InvalidAccessKeyId"
        | "InvalidObjectState"
        | "InvalidPayer"
        | "InvalidSecurity"
        | "NotSignedUp"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch" => StatusCode::FORBIDDEN,
        "NoSuchBucket"
        | "NoSuchBucketPolicy"
        | "NoSuchCORSConfiguration"
        | "NoSuchKey"
        | "NoSuchLifecycleConfiguration"
        | "NoSuchObjectLockConfiguration"
        | "NoSuchPublicAccessBlockConfiguration"
        | "NoSuchTagSet"
        | "NoSuchUpload"
        | "NoSuchVersion"
        | "NoSuchWebsiteConfiguration"
        | "ObjectLockConfigurationNotFoundError"
        | "OwnershipControlsNotFoundError"
        | "ReplicationConfigurationNotFoundError"
        | "ServerSideEncryptionConfigurationNotFoundError" => StatusCode::NOT_FOUND,
        "MethodNotAllowed" => StatusCode::METHOD_NOT_ALLOWED,
        "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "BucketNotEmpty"
        | "ConditionalRequestConflict"
        | "InvalidBucketState"
        | "OperationAborted"
        | "RestoreAlreadyInProgress" => StatusCode::CONFLICT,
        "MissingContentLength" => StatusCode::LENGTH_REQUIRED,
        "NotModified" => StatusCode::NOT_MODIFIED,
        "PreconditionFailed" => StatusCode::PRECONDITION_FAILED,
        "InvalidRange" => StatusCode::RANGE_NOT_SATISFIABLE,
        "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
        "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
        "SlowDown" | "ServiceUnavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "InsufficientStorage" => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::BAD_REQUEST,
    }
}
