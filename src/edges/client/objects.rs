//! Objects: what one is, its bytes, a new one.

use super::wire::{Answer, CHECKSUM, Call};
use super::{Client, ClientError};
use crate::edges::server::auth::{Algorithm, Checksum, Hasher};
use bytes::Bytes;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;
use std::ops::Range;

/// What Signature Version 4 leaves as it is in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same in a path, with its slashes.
const PATH: &AsciiSet = &QUERY.remove(b'/');
/// The headers of an object that say how to read it.
const REPRESENTATION: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];
const META: &str = "x-amz-meta-";

/// What an object carries beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attributes {
    /// User metadata: names in lower case, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// How to read it: `content-type`, `cache-control` and the like.
    pub headers: BTreeMap<String, String>,
}

/// What is known of an object without its bytes.
#[derive(Clone, Debug)]
pub struct ObjectHead {
    /// Bytes as stored.
    pub size: u64,
    /// The entity tag, with its quotes.
    pub etag: String,
    /// What it carries.
    pub attributes: Attributes,
    /// The header `Last-Modified`.
    pub last_modified: Option<String>,
    /// The checksum of all of its bytes, where the store knows one.
    pub checksum: Option<Checksum>,
}

/// A path with this bucket and key in it.
pub(super) fn path(bucket: &str, key: &str) -> String {
    format!("/{}/{}", utf8_percent_encode(bucket, PATH), utf8_percent_encode(key, PATH))
}

/// A value in a query.
pub(super) fn queried(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string()
}

impl Attributes {
    /// Adds what is carried to a request.
    pub(super) fn on(&self, mut call: Call) -> Result<Call, ClientError> {
        for (name, value) in &self.headers {
            call = call.header(name, value)?;
        }
        for (name, value) in &self.metadata {
            call = call.header(&format!("{META}{name}"), value)?;
        }
        Ok(call)
    }

    fn of(answer: &Answer) -> Self {
        let mut attributes = Self::default();
        for (name, value) in &answer.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if let Some(name) = name.as_str().strip_prefix(META) {
                attributes.metadata.insert(name.to_owned(), value);
            } else if REPRESENTATION.contains(&name.as_str()) {
                attributes.headers.insert(name.as_str().to_owned(), value);
            }
        }
        attributes
    }
}

impl Client {
    /// `HeadObject`.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn head_object(&self, bucket: &str, key: &str) -> Result<ObjectHead, ClientError> {
        let call = Call::s3(Method::HEAD, path(bucket, key)).header("x-amz-checksum-mode", "ENABLED")?;
        let answer = self.send(&call).await?;
        let wanted = |name: &str| answer.header(name).ok_or_else(|| ClientError::Answer(format!("it has no {name}")));
        let size = wanted("content-length")?;
        let size = size.parse().map_err(|_| ClientError::Answer(format!("`{size}` is no length")))?;
        Ok(ObjectHead {
            size,
            etag: wanted("etag")?.to_owned(),
            attributes: Attributes::of(&answer),
            last_modified: answer.header("last-modified").map(str::to_owned),
            checksum: of_all_bytes(&answer),
        })
    }

    /// `GetObject` of a part of the bytes; `etag` says of which object, so that parts of two are never mixed.
    ///
    /// # Errors
    /// What the store refuses, `PreconditionFailed` where the object changed; no answer; fewer bytes than wanted.
    pub async fn get_range(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        range: Range<u64>,
    ) -> Result<Bytes, ClientError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let call = Call::s3(Method::GET, path(bucket, key)).header("range", &bytes)?.header("if-match", etag)?;
        let answer = self.send(&call).await?;
        let begins = format!("bytes {}-{}/", range.start, range.end - 1);
        let as_asked = answer.header("content-range").is_some_and(|found| found.starts_with(&begins));
        if answer.status != http::StatusCode::PARTIAL_CONTENT || !as_asked {
            return Err(ClientError::Answer("it is not the range that was asked for".to_owned()));
        }
        if answer.body.len() as u64 != range.end - range.start {
            return Err(ClientError::Damaged(format!("{} bytes came for {bytes}", answer.body.len())));
        }
        Ok(answer.body)
    }

    /// `PutObject`, with the checksum of its bytes.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        attributes: &Attributes,
        body: Bytes,
    ) -> Result<(), ClientError> {
        let checksum = Hasher::of(CHECKSUM, &body).base64();
        let call = Call::s3(Method::PUT, path(bucket, key)).body(body, Some(&checksum))?;
        self.send(&attributes.on(call)?).await.map(drop)
    }
}

/// The checksum of an answer, where it is over all bytes: a composite one is over parts that nobody here knows.
fn of_all_bytes(answer: &Answer) -> Option<Checksum> {
    if answer.header("x-amz-checksum-type").is_some_and(|kind| kind != "FULL_OBJECT") {
        return None;
    }
    Algorithm::ALL.into_iter().find_map(|algorithm| Checksum::parse(algorithm, answer.header(algorithm.header())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_their_slashes_and_nothing_else() {
        assert_eq!(path("b", "a b/../c+d%é?&=~"), "/b/a%20b/../c%2Bd%25%C3%A9%3F%26%3D~");
        assert_eq!(queried("a/b c"), "a%2Fb%20c");
    }
}
