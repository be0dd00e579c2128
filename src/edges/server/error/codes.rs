//! Every code of S3 that this store can answer with: its status and S3's own sentence.
//!
//! Source: S3 API Reference, "List of error codes"; where the service's wording differs from the page, the
//! service's.

use http::StatusCode;

/// Code, status, sentence; sorted by code.
pub const CODES: &[(&str, u16, &str)] = &[
    ("AccessControlListNotSupported", 400, "The bucket does not allow ACLs"),
    ("AccessDenied", 403, "Access Denied"),
    (
        "AccessForbidden",
        403,
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
    ),
    (
        "AccountProblem",
        403,
        "There is a problem with your AWS account that prevents the operation from completing successfully.",
    ),
    ("AllAccessDisabled", 403, "All access to this resource has been disabled."),
    ("AmbiguousGrantByEmailAddress", 400, "The email address you provided is associated with more than one account."),
    ("AuthorizationHeaderMalformed", 400, "The authorization header that you provided is not valid."),
    ("AuthorizationQueryParametersError", 400, "The authorization query parameters that you provided are not valid."),
    ("BadDigest", 400, "The Content-MD5 you specified did not match what we received."),
    ("BadRequest", 400, "Bad Request"),
    (
        "BucketAlreadyExists",
        409,
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
    ),
    (
        "BucketAlreadyOwnedByYou",
        409,
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    ("BucketNotEmpty", 409, "The bucket you tried to delete is not empty"),
    (
        "ConditionalRequestConflict",
        409,
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
    ("CredentialsNotSupported", 400, "This request does not support credentials."),
    ("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"),
    ("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"),
    ("ExpiredToken", 400, "The provided token has expired."),
    ("IllegalLocationConstraintException", 400, "The specified location-constraint is not valid"),
    (
        "IllegalVersioningConfigurationException",
        400,
        "The versioning configuration specified in the request is invalid.",
    ),
    ("IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header"),
    ("IncorrectNumberOfFilesInPostRequest", 400, "POST requires exactly one file upload per request."),
    ("InlineDataTooLarge", 400, "The inline data exceeds the maximum allowed size."),
    ("InsufficientStorage", 507, "There is not enough space to store the data. Nothing was changed."),
    ("InternalError", 500, "We encountered an internal error. Please try again."),
    ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    ("InvalidArgument", 400, "Invalid Argument"),
    (
        "InvalidBucketAclWithObjectOwnership",
        400,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    ),
    ("InvalidBucketName", 400, "The specified bucket is not valid."),
    ("InvalidBucketState", 409, "The request is not valid for the current state of the bucket."),
    ("InvalidDigest", 400, "The Content-MD5 you specified was invalid."),
    (
        "InvalidEncryptionAlgorithmError",
        400,
        "The encryption request you specified is not valid. The valid value is AES256.",
    ),
    ("InvalidLocationConstraint", 400, "The specified location-constraint is not valid"),
    ("InvalidObjectState", 403, "The operation is not valid for the object's storage class"),
    (
        "InvalidPart",
        400,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    ),
    ("InvalidPartNumber", 416, "The requested partnumber is not satisfiable"),
    (
        "InvalidPartOrder",
        400,
        "The list of parts was not in ascending order. The parts list must be specified in order by part number.",
    ),
    ("InvalidPayer", 403, "All access to this object has been disabled."),
    (
        "InvalidPolicyDocument",
        400,
        "The content of the form does not meet the conditions specified in the policy document.",
    ),
    ("InvalidRange", 416, "The requested range is not satisfiable"),
    (
        "InvalidRedirectLocation",
        400,
        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
    ),
    ("InvalidRequest", 400, "Invalid Request"),
    ("InvalidRetentionPeriod", 400, "The retention period is not valid."),
    ("InvalidSecurity", 403, "The provided security credentials are not valid."),
    ("InvalidStorageClass", 400, "The storage class you specified is not valid"),
    ("InvalidTag", 400, "The tag provided was not a valid tag."),
    ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    ("InvalidURI", 400, "Couldn't parse the specified URI."),
    ("KMS.DisabledException", 400, "The key is disabled."),
    ("KMS.KMSInvalidStateException", 400, "The state of the key does not allow this."),
    ("KMS.NotFoundException", 400, "The key does not exist."),
    ("KeyTooLongError", 400, "Your key is too long"),
    (
        "MalformedACLError",
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    ("MalformedPOSTRequest", 400, "The body of your POST request is not well-formed multipart/form-data."),
    ("MalformedPolicy", 400, "Policies must be valid JSON and the first byte must be '{'"),
    ("MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema"),
    ("MaxMessageLengthExceeded", 400, "Your request was too big."),
    ("MaxPostPreDataLengthExceededError", 400, "Your POST request fields preceding the upload file were too large."),
    ("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"),
    ("MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
    ("MissingContentLength", 411, "You must provide the Content-Length HTTP header."),
    ("MissingRequestBodyError", 400, "Request Body is empty"),
    ("MissingSecurityHeader", 400, "Your request was missing a required header"),
    ("NoSuchBucket", 404, "The specified bucket does not exist"),
    ("NoSuchBucketPolicy", 404, "The bucket policy does not exist"),
    ("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"),
    ("NoSuchKey", 404, "The specified key does not exist."),
    ("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"),
    ("NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration"),
    ("NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found"),
    ("NoSuchTagSet", 404, "The TagSet does not exist"),
    (
        "NoSuchUpload",
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    ),
    ("NoSuchVersion", 404, "The specified version does not exist."),
    ("NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration"),
    ("NotImplemented", 501, "A header you provided implies functionality that is not implemented"),
    ("NotModified", 304, "Not Modified"),
    ("NotSignedUp", 403, "Your account is not signed up for the S3 service."),
    ("ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket"),
    (
        "OperationAborted",
        409,
        "A conflicting conditional operation is currently in progress against this resource. Please try again.",
    ),
    ("OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"),
    ("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"),
    ("ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"),
    ("RequestHeaderSectionTooLarge", 400, "Your request header section exceeds the maximum allowed size."),
    ("RequestIsNotMultiPartContent", 400, "A bucket POST request must be of the enclosure-type multipart/form-data."),
    ("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."),
    (
        "RequestTimeout",
        400,
        "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
    ),
    ("RestoreAlreadyInProgress", 409, "Object restore is already in progress"),
    ("ServerSideEncryptionConfigurationNotFoundError", 404, "The server side encryption configuration was not found"),
    ("ServiceUnavailable", 503, "Service is unable to handle request."),
    (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    ),
    ("SlowDown", 503, "Please reduce your request rate."),
    ("TooManyBuckets", 400, "You have attempted to create more buckets than allowed"),
    ("TooManyParts", 400, "You have attempted to upload more parts than allowed"),
    ("UnexpectedContent", 400, "This request contains unsupported content."),
    ("UnresolvableGrantByEmailAddress", 400, "The e-mail address you provided does not match any account on record."),
    (
        "UserKeyMustBeSpecified",
        400,
        "The bucket POST must contain the specified field name. If it is specified, check the order of the fields.",
    ),
    ("XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed."),
];

fn row(code: &str) -> Option<&'static (&'static str, u16, &'static str)> {
    CODES.binary_search_by_key(&code, |row| row.0).ok().and_then(|at| CODES.get(at))
}

/// The status of a code; one that S3 does not list is a client's error.
pub(super) fn status_of(code: &str) -> StatusCode {
    row(code).and_then(|row| StatusCode::from_u16(row.1).ok()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// S3's sentence for a code; for an unknown code the most general one.
pub(super) fn sentence_of(code: &str) -> &'static str {
    row(code).map_or("Bad Request", |row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_row_is_whole() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0), "binary search needs the order");
        for (code, status, sentence) in CODES {
            assert!(StatusCode::from_u16(*status).is_ok() && !sentence.is_empty(), "{code}");
            assert_eq!(status_of(code).as_u16(), *status, "{code}");
            assert_eq!(sentence_of(code), *sentence, "{code}");
        }
    }

    #[test]
    fn an_unknown_code_is_a_clients_error() {
        assert_eq!(status_of("Nonsense"), StatusCode::BAD_REQUEST);
        assert_eq!(sentence_of("Nonsense"), "Bad Request");
    }
}
