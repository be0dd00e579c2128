//! The header `x-amz-copy-source` and the directives of a copy.
//!
//! Source: S3 API Reference, `CopyObject`.

use super::{headers, names};
use crate::edges::server::error::S3Error;
use http::HeaderMap;

const HEADER: &str = "x-amz-copy-source";

/// The object that a copy reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: String,
    /// Its key, decoded once, never normalised.
    pub key: String,
    /// The version named; `null` is a version too.
    pub version: Option<String>,
}

impl CopySource {
    /// Reads `bucket/key`, `/bucket/key` and either with `?versionId=…`; bucket and key may be percent-encoded.
    ///
    /// # Errors
    /// `InvalidArgument` for what names no object, `NotImplemented` for access points, `KeyTooLongError`,
    /// `InvalidBucketName`.
    pub fn parse(header: &str) -> Result<Self, S3Error> {
        let refused = |message: &'static str| S3Error::invalid_argument(HEADER, header, message);
        let text = header.trim_ascii();
        if text.starts_with("arn:") || text.starts_with("/arn:") {
            return Err(S3Error::not_implemented("a copy source that is an access point's ARN"));
        }
        let (path, version) = match text.split_once('?') {
            None => (text, None),
            Some((path, query)) => match query.strip_prefix("versionId=") {
                // Clients that append other parameters mean something that is not known here.
                Some(version) if !version.is_empty() && !version.contains('&') => (path, Some(version)),
                _ => {
                    return Err(refused(
                        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey, and after a ? only versionId",
                    ));
                }
            },
        };
        let decode = |text| names::decode(text).map_err(|_| refused("Invalid copy source encoding."));
        // A client that encodes the whole value encodes the slashes too; then the first decoded one parts the two.
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = match path.split_once('/') {
            Some((bucket, key)) => (decode(bucket)?, decode(key)?),
            None => {
                let whole = decode(path)?;
                let whole = whole.strip_prefix('/').unwrap_or(&whole);
                let (bucket, key) = whole.split_once('/').ok_or_else(|| {
                    refused("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
                })?;
                (bucket.to_owned(), key.to_owned())
            }
        };
        if key.is_empty() {
            return Err(refused("Copy Source must mention the source bucket and key: sourcebucket/sourcekey"));
        }
        names::check_addressed_bucket(&bucket)?;
        names::check_key(&key)?;
        Ok(Self { bucket, key, version: version.map(decode).transpose()? })
    }
}

/// Whether what the copy keeps of its source is to be replaced by what the request brings:
/// `x-amz-metadata-directive` or `x-amz-tagging-directive`, `COPY` if absent.
///
/// # Errors
/// `InvalidArgument`.
pub fn replaces(headers: &HeaderMap, name: &str) -> Result<bool, S3Error> {
    match headers::one(headers, name)? {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => {
            let what = if name.contains("tagging") { "tagging" } else { "metadata" };
            Err(S3Error::invalid_argument(name, other, format!("Unknown {what} directive.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives() {
        const NAME: &str = "x-amz-metadata-directive";
        for (value, expected) in [
            ("COPY", Ok(false)),
            ("REPLACE", Ok(true)),
            ("replace", Err("InvalidArgument")),
            ("", Err("InvalidArgument")),
        ] {
            assert_eq!(replaces(&headers::of(&[(NAME, value)]), NAME).map_err(|e| e.code), expected, "{value}");
        }
        assert_eq!(replaces(&HeaderMap::new(), NAME), Ok(false));
    }

    #[test]
    fn forms() {
        for (header, expected) in [
            ("/bucket/key", "bucket key -"),
            ("bucket/key", "bucket key -"),
            ("bucket/a/b//c/", "bucket a/b//c/ -"),
            ("bucket/../x", "bucket ../x -"),
            ("bucket//key", "bucket /key -"),
            ("bucket/a%20b%2Bc+d", "bucket a b+c+d -"),
            ("bucket%2Fa%2Fb", "bucket a/b -"),
            ("%2Fbucket%2Fkey", "bucket key -"),
            ("bucket/a%252Fb", "bucket a%2Fb -"),
            ("bucket/k%3Fx", "bucket k?x -"),
            ("bucket/é", "bucket é -"),
            ("bucket/key?versionId=abc", "bucket key abc"),
            ("/bucket/key?versionId=null", "bucket key null"),
            ("bucket/key?versionId=", "InvalidArgument"),
            ("bucket/key?versionId=a&x=y", "InvalidArgument"),
            ("bucket/key?x=y", "InvalidArgument"),
            ("bucket/", "InvalidArgument"),
            ("bucket", "InvalidArgument"),
            ("", "InvalidArgument"),
            ("/", "InvalidArgument"),
            ("bucket/%zz", "InvalidArgument"),
            ("bucket/%ff", "InvalidArgument"),
            ("b!d/key", "InvalidBucketName"),
            ("arn:aws:s3:us-east-1:123456789012:accesspoint/ap/object/key", "NotImplemented"),
        ] {
            let shown = match CopySource::parse(header) {
                Ok(s) => format!("{} {} {}", s.bucket, s.key, s.version.as_deref().unwrap_or("-")),
                Err(error) => error.code.to_owned(),
            };
            assert_eq!(shown, expected, "{header}");
        }
        let long = format!("bucket/{}", "k".repeat(1025));
        assert_eq!(CopySource::parse(&long).unwrap_err().code, "KeyTooLongError");
    }
}
