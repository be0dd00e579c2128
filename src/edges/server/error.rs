//! What a refused S3 request is told.
//!
//! Source: S3 API Reference, "Error responses"; details of single errors as S3 itself answers.

mod codes;

pub use codes::CODES;

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
        Self { code, status: codes::status_of(code), message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// An error with this code and S3's own sentence for it.
    #[must_use]
    pub fn of(code: &'static str) -> Self {
        Self::new(code, codes::sentence_of(code))
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

    /// 403: the gate said no, and no more is to be told.
    #[must_use]
    pub fn access_denied() -> Self {
        Self::of("AccessDenied")
    }

    /// 404: no object has this key.
    #[must_use]
    pub fn no_such_key(key: &str) -> Self {
        Self::of("NoSuchKey").with("Key", key)
    }

    /// 404: the object has no such version.
    #[must_use]
    pub fn no_such_version(key: &str, version: &str) -> Self {
        Self::of("NoSuchVersion").with("Key", key).with("VersionId", version)
    }

    /// 404: no bucket has this name.
    #[must_use]
    pub fn no_such_bucket(bucket: &str) -> Self {
        Self::of("NoSuchBucket").with("BucketName", bucket)
    }

    /// 404: no multipart upload has this id.
    #[must_use]
    pub fn no_such_upload(upload: &str) -> Self {
        Self::of("NoSuchUpload").with("UploadId", upload)
    }

    /// 400: the name cannot be a bucket's.
    #[must_use]
    pub fn invalid_bucket_name(bucket: &str) -> Self {
        Self::of("InvalidBucketName").with("BucketName", bucket)
    }

    /// 501: S3 has this operation or option, this store has not. `what` names it.
    #[must_use]
    pub fn not_implemented(what: &str) -> Self {
        Self::new("NotImplemented", format!("{} ({what})", codes::sentence_of("NotImplemented")))
    }

    /// 400: the body is no XML, or not the XML wanted. `what` says what and where, without a final stop.
    #[must_use]
    pub fn malformed_xml(what: &str) -> Self {
        let sentence = codes::sentence_of("MalformedXML");
        if what.is_empty() {
            Self::of("MalformedXML")
        } else {
            Self::new("MalformedXML", format!("{sentence}: {what}"))
        }
    }

    /// 400: a parameter or header has a value that is not legal.
    #[must_use]
    pub fn invalid_argument(name: &str, value: &str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
    }

    /// 400: the request contradicts itself, or lacks something.
    #[must_use]
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidRequest", message)
    }

    /// 400: the path or a parameter is not percent-encoded UTF-8.
    #[must_use]
    pub fn invalid_uri(uri: &str) -> Self {
        Self::of("InvalidURI").with("URI", uri)
    }

    /// 412: a condition of the request does not hold; `condition` is the header's name.
    #[must_use]
    pub fn precondition_failed(condition: &str) -> Self {
        Self::of("PreconditionFailed").with("Condition", condition)
    }

    /// 304: the client's copy is current. It has no body.
    #[must_use]
    pub fn not_modified() -> Self {
        Self::of("NotModified")
    }

    /// 416: the range starts past the end; `size` is the object's length in bytes.
    #[must_use]
    pub fn invalid_range(range: &str, size: u64) -> Self {
        Self::of("InvalidRange")
            .with("RangeRequested", range)
            .with("ActualObjectSize", size.to_string())
            .with_header("content-range", format!("bytes */{size}"))
    }

    /// 400: more bytes than one request may bring.
    #[must_use]
    pub fn entity_too_large(proposed: u64, max: u64) -> Self {
        Self::of("EntityTooLarge").with("ProposedSize", proposed.to_string()).with("MaxSizeAllowed", max.to_string())
    }

    /// 400: a part, not the last, with fewer bytes than `min`.
    #[must_use]
    pub fn entity_too_small(proposed: u64, min: u64) -> Self {
        Self::of("EntityTooSmall").with("ProposedSize", proposed.to_string()).with("MinSizeAllowed", min.to_string())
    }

    /// 400: a key of `size` bytes.
    #[must_use]
    pub fn key_too_long(size: usize, max: usize) -> Self {
        Self::of("KeyTooLongError").with("Size", size.to_string()).with("MaxSizeAllowed", max.to_string())
    }

    /// 405: the method does not go with this kind of resource (`SERVICE`, `BUCKET`, `OBJECT`, `DeleteMarker`, …).
    #[must_use]
    pub fn method_not_allowed(method: &str, resource_type: &str) -> Self {
        Self::of("MethodNotAllowed").with("Method", method).with("ResourceType", resource_type)
    }

    /// 400: `Content-MD5` or a checksum is no digest of its kind.
    #[must_use]
    pub fn invalid_digest(value: &str) -> Self {
        Self::of("InvalidDigest").with("Content-MD5", value)
    }

    /// 400: what arrived does not have the digest that was sent with it.
    #[must_use]
    pub fn bad_digest(expected: &str, calculated: &str) -> Self {
        Self::of("BadDigest").with("ExpectedDigest", expected).with("CalculatedDigest", calculated)
    }

    /// 400: a tag or a set of tags that is not legal.
    #[must_use]
    pub fn invalid_tag(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("InvalidTag", message)
    }

    /// 400: the user metadata, names and values together, is longer than `max` bytes.
    #[must_use]
    pub fn metadata_too_large(size: usize, max: usize) -> Self {
        Self::of("MetadataTooLarge").with("Size", size.to_string()).with("MaxSizeAllowed", max.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = (S3Error, &'a str, u16, &'a [(&'a str, &'a str)]);

    #[test]
    fn constructors_carry_code_status_and_details() {
        let table: &[Row<'_>] = &[
            (S3Error::access_denied(), "AccessDenied", 403, &[]),
            (S3Error::no_such_key("a/b"), "NoSuchKey", 404, &[("Key", "a/b")]),
            (S3Error::no_such_version("k", "v"), "NoSuchVersion", 404, &[("Key", "k"), ("VersionId", "v")]),
            (S3Error::not_implemented("GetObjectTorrent"), "NotImplemented", 501, &[]),
            (S3Error::precondition_failed("If-Match"), "PreconditionFailed", 412, &[("Condition", "If-Match")]),
            (S3Error::not_modified(), "NotModified", 304, &[]),
            (
                S3Error::invalid_range("bytes=9-", 9),
                "InvalidRange",
                416,
                &[("RangeRequested", "bytes=9-"), ("ActualObjectSize", "9")],
            ),
            (
                S3Error::key_too_long(1025, 1024),
                "KeyTooLongError",
                400,
                &[("Size", "1025"), ("MaxSizeAllowed", "1024")],
            ),
            (
                S3Error::method_not_allowed("PUT", "SERVICE"),
                "MethodNotAllowed",
                405,
                &[("Method", "PUT"), ("ResourceType", "SERVICE")],
            ),
        ];
        for (error, code, status, details) in table {
            assert_eq!((error.code, error.status.as_u16()), (*code, *status));
            assert!(!error.message.is_empty(), "{code}");
            let found: Vec<_> = error.details.iter().map(|(n, v)| (*n, v.as_str())).collect();
            assert_eq!(found, *details, "{code}");
        }
    }

    #[test]
    fn sentences_name_what_is_wrong() {
        assert!(S3Error::not_implemented("GetObjectTorrent").message.contains("GetObjectTorrent"));
        assert!(S3Error::malformed_xml("line 3: x").message.ends_with("published schema: line 3: x"));
        assert!(S3Error::malformed_xml("").message.ends_with("published schema"));
    }
}
