//! What listings are asked for.
//!
//! Source: S3 API Reference, `ListObjects`, `ListObjectsV2`, `ListObjectVersions`, `ListMultipartUploads`,
//! `ListParts`, `ListBuckets`.

use super::headers::whole;
use super::query::Query;
use crate::edges::server::error::S3Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};

/// The most entries of one page.
pub const MAX_ENTRIES: u32 = 1000;
/// The most buckets of one page.
pub const MAX_BUCKETS: u32 = 10_000;

/// What all listings of a bucket share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that share what comes before it, after the prefix, are shown as one; never empty.
    pub delimiter: Option<String>,
    /// The most entries wanted, at most 1,000; 0 gives an empty page.
    pub max: u32,
    /// Whether keys are answered percent-encoded.
    pub url: bool,
}

impl Page {
    fn of(query: &Query, max_name: &str, argument: &str) -> Result<Self, S3Error> {
        Ok(Self {
            prefix: query.get("prefix").unwrap_or_default().to_owned(),
            delimiter: some(query, "delimiter"),
            max: limit(query, max_name, argument)?,
            url: encoding(query)?,
        })
    }
}

/// `ListObjects`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListObjects {
    /// Prefix, delimiter, size, encoding.
    pub page: Page,
    /// Only keys after it.
    pub marker: Option<String>,
}

impl ListObjects {
    /// Reads it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        Ok(Self { page: Page::of(query, "max-keys", "maxKeys")?, marker: some(query, "marker") })
    }
}

/// `ListObjectsV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListObjectsV2 {
    /// Prefix, delimiter, size, encoding.
    pub page: Page,
    /// Where the page before ended, from the token; it stands before `start_after`.
    pub resume: Option<String>,
    /// The token as it was sent; the answer repeats it.
    pub token: Option<String>,
    /// Only keys after it.
    pub start_after: Option<String>,
    /// Whether owners are shown.
    pub fetch_owner: bool,
}

impl ListObjectsV2 {
    /// Reads it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let token = query.get("continuation-token").map(str::to_owned);
        let fetch_owner = match query.get("fetch-owner") {
            None | Some("") => false,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                return Err(S3Error::invalid_argument("fetch-owner", text, "fetch-owner must be true or false"));
            }
        };
        Ok(Self {
            page: Page::of(query, "max-keys", "maxKeys")?,
            resume: token.as_deref().map(open_token).transpose()?,
            token,
            start_after: some(query, "start-after"),
            fetch_owner,
        })
    }

    /// The key after which the page begins.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.resume.as_deref().or(self.start_after.as_deref())
    }
}

/// `ListObjectVersions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListVersions {
    /// Prefix, delimiter, size, encoding.
    pub page: Page,
    /// Only keys after it, or this key's versions after `version_id_marker`.
    pub key_marker: Option<String>,
    /// Comes with a key marker only.
    pub version_id_marker: Option<String>,
}

impl ListVersions {
    /// Reads it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let key_marker = some(query, "key-marker");
        let version_id_marker = match query.get("version-id-marker") {
            None => None,
            Some(value) if key_marker.is_none() => {
                let message = "A version-id marker cannot be specified without a key marker.";
                return Err(S3Error::invalid_argument("version-id-marker", value, message));
            }
            Some("") => {
                let message = "A version-id marker cannot be empty.";
                return Err(S3Error::invalid_argument("version-id-marker", "", message));
            }
            Some(value) => Some(value.to_owned()),
        };
        Ok(Self { page: Page::of(query, "max-keys", "maxKeys")?, key_marker, version_id_marker })
    }
}

/// `ListMultipartUploads`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListUploads {
    /// Prefix, delimiter, size, encoding.
    pub page: Page,
    /// Only keys after it, or this key's uploads after `upload_id_marker`.
    pub key_marker: Option<String>,
    /// Ignored by S3 where there is no key marker; then `None`.
    pub upload_id_marker: Option<String>,
}

impl ListUploads {
    /// Reads it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let key_marker = some(query, "key-marker");
        let upload_id_marker = some(query, "upload-id-marker").filter(|_| key_marker.is_some());
        Ok(Self { page: Page::of(query, "max-uploads", "maxUploads")?, key_marker, upload_id_marker })
    }
}

/// `ListParts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListParts {
    /// The most parts wanted.
    pub max: u32,
    /// Only parts with higher numbers.
    pub after: u32,
    /// Whether the key is answered percent-encoded.
    pub url: bool,
}

impl ListParts {
    /// Reads it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let after = number(query, "part-number-marker", "partNumberMarker")?.unwrap_or(0);
        Ok(Self { max: limit(query, "max-parts", "maxParts")?, after, url: encoding(query)? })
    }
}

/// `ListBuckets`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListBuckets {
    /// The most buckets wanted; `None`: all of them.
    pub max: Option<u32>,
    /// The name after which the page begins, from the token.
    pub after: Option<String>,
    /// Only names that begin with it.
    pub prefix: Option<String>,
    /// Only buckets of this region.
    pub region: Option<String>,
}

impl ListBuckets {
    /// Reads it.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let max = match query.get("max-buckets") {
            None => None,
            Some(text) => Some(
                whole(text).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=MAX_BUCKETS).contains(n)).ok_or_else(
                    || {
                        let message = "Argument max-buckets must be an integer between 1 and 10000";
                        S3Error::invalid_argument("max-buckets", text, message)
                    },
                )?,
            ),
        };
        Ok(Self {
            max,
            after: query.get("continuation-token").map(open_token).transpose()?,
            prefix: some(query, "prefix"),
            region: some(query, "bucket-region"),
        })
    }
}

/// A parameter that counts as absent when it is empty.
fn some(query: &Query, name: &str) -> Option<String> {
    query.get(name).filter(|v| !v.is_empty()).map(str::to_owned)
}

fn limit(query: &Query, name: &str, argument: &str) -> Result<u32, S3Error> {
    Ok(number(query, name, argument)?.map_or(MAX_ENTRIES, |n| n.min(MAX_ENTRIES)))
}

/// A number from 0 to 2³¹−1, as S3 has them; empty counts as absent.
fn number(query: &Query, name: &str, argument: &str) -> Result<Option<u32>, S3Error> {
    let Some(text) = query.get(name).filter(|v| !v.is_empty()) else { return Ok(None) };
    let refused = |message: String| Err(S3Error::invalid_argument(name, text, message));
    match text.parse::<i32>().map(u32::try_from) {
        Ok(Ok(n)) if whole(text).is_some() => Ok(Some(n)),
        Ok(Err(_)) => refused(format!("Argument {argument} must be an integer between 0 and 2147483647")),
        _ => refused(format!("Provided {name} not an integer or within integer range")),
    }
}

fn encoding(query: &Query) -> Result<bool, S3Error> {
    match query.get("encoding-type") {
        None | Some("") => Ok(false),
        Some("url") => Ok(true),
        Some(other) => {
            Err(S3Error::invalid_argument("encoding-type", other, "Invalid Encoding Method specified in Request"))
        }
    }
}

/// Distinguishes this form of tokens from later ones.
const TOKEN: u8 = 1;
const SUM: usize = 6;

fn sum(text: &[u8]) -> [u8; SUM] {
    let digest: [u8; 16] = Md5::digest(text).into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// The token of a page that ended at this key, prefix or name. It says where to go on and grants nothing: the
/// next request is judged like any other. Its sum finds tokens that were cut or changed.
#[must_use]
pub fn token(end: &str) -> String {
    let mut bytes = vec![TOKEN];
    bytes.extend_from_slice(&sum(end.as_bytes()));
    bytes.extend_from_slice(end.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where the page of this token ended.
///
/// # Errors
/// `InvalidArgument`.
pub fn open_token(token: &str) -> Result<String, S3Error> {
    let open = || {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (found, text) = bytes.strip_prefix(&[TOKEN])?.split_at_checked(SUM)?;
        (found == sum(text)).then(|| String::from_utf8(text.to_vec()).ok()).flatten()
    };
    open().ok_or_else(|| {
        S3Error::invalid_argument("continuation-token", token, "The continuation token provided is incorrect")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::parse(raw).expect("a query")
    }

    #[test]
    fn sizes_of_pages() {
        for (raw, expected) in [
            ("", Ok(1000)),
            ("max-keys=", Ok(1000)),
            ("max-keys=0", Ok(0)),
            ("max-keys=7", Ok(7)),
            ("max-keys=1001", Ok(1000)),
            ("max-keys=2147483647", Ok(1000)),
            ("max-keys=-1", Err("Argument maxKeys must be an integer between 0 and 2147483647")),
            ("max-keys=2147483648", Err("Provided max-keys not an integer or within integer range")),
            ("max-keys=blah", Err("Provided max-keys not an integer or within integer range")),
            ("max-keys=%2B5", Err("Provided max-keys not an integer or within integer range")),
            ("max-keys=1.5", Err("Provided max-keys not an integer or within integer range")),
        ] {
            let read = ListObjects::parse(&query(raw));
            if let Err(error) = &read {
                assert_eq!(error.code, "InvalidArgument", "{raw}");
            }
            assert_eq!(
                read.map(|l| l.page.max).map_err(|e| e.message.into_owned()).as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|e| *e),
                "{raw}"
            );
        }
    }

    #[test]
    fn objects() {
        let list = ListObjects::parse(&query("prefix=a%2F&delimiter=%2F&marker=m&encoding-type=url")).unwrap();
        let page = Page { prefix: "a/".to_owned(), delimiter: Some("/".to_owned()), max: 1000, url: true };
        assert_eq!(list, ListObjects { page, marker: Some("m".to_owned()) });
        let empty = ListObjects::parse(&query("prefix&delimiter=&marker=&encoding-type=")).unwrap();
        assert_eq!(empty, ListObjects { page: Page { max: 1000, ..Page::default() }, marker: None });
        assert_eq!(ListObjects::parse(&query("encoding-type=xml")).unwrap_err().code, "InvalidArgument");
    }

    #[test]
    fn objects_v2() {
        let raw = format!("list-type=2&continuation-token={}&start-after=b&fetch-owner=true", token("k é"));
        let list = ListObjectsV2::parse(&query(&raw)).unwrap();
        assert_eq!((list.after(), list.fetch_owner), (Some("k é"), true));
        assert_eq!(list.token, Some(token("k é")));
        let list = ListObjectsV2::parse(&query("start-after=b")).unwrap();
        assert_eq!((list.after(), list.fetch_owner, list.token.as_deref()), (Some("b"), false, None));
        for bad in ["continuation-token=", "continuation-token=x", "fetch-owner=x"] {
            assert_eq!(ListObjectsV2::parse(&query(bad)).unwrap_err().code, "InvalidArgument", "{bad}");
        }
    }

    #[test]
    fn tokens() {
        for text in ["", "k", "a/é\u{0}b"] {
            assert_eq!(open_token(&token(text)).as_deref(), Ok(text));
        }
        let good = token("some key");
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            let bad = String::from_utf8(bad).unwrap();
            let error = open_token(&bad).expect_err(&bad);
            assert_eq!(&*error.message, "The continuation token provided is incorrect");
            assert!(open_token(&good[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn versions_and_uploads() {
        let read = |raw: &str| {
            let list = ListVersions::parse(&query(raw)).map_err(|e| e.code)?;
            Ok((list.key_marker, list.version_id_marker))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("versions&key-marker=k&version-id-marker=v"), Ok((some("k"), some("v"))));
        assert_eq!(read("versions&key-marker=k"), Ok((some("k"), None)));
        for bad in ["version-id-marker=v", "version-id-marker=", "key-marker=k&version-id-marker="] {
            assert_eq!(read(bad), Err("InvalidArgument"), "{bad}");
        }
        let list = ListUploads::parse(&query("uploads&key-marker=k&upload-id-marker=u&max-uploads=3")).unwrap();
        assert_eq!((list.key_marker, list.upload_id_marker, list.page.max), (some("k"), some("u"), 3));
        let list = ListUploads::parse(&query("upload-id-marker=u")).unwrap();
        assert_eq!((list.key_marker, list.upload_id_marker), (None, None));
        assert_eq!(ListUploads::parse(&query("max-uploads=-1")).unwrap_err().code, "InvalidArgument");
    }

    #[test]
    fn parts_and_buckets() {
        let list = ListParts::parse(&query("max-parts=2&part-number-marker=5")).unwrap();
        assert_eq!(list, ListParts { max: 2, after: 5, url: false });
        assert_eq!(ListParts::parse(&query("part-number-marker=x")).unwrap_err().code, "InvalidArgument");
        let raw = format!("max-buckets=2&prefix=p&bucket-region=r&continuation-token={}", token("b"));
        let list = ListBuckets::parse(&query(&raw)).unwrap();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(list, ListBuckets { max: Some(2), after: some("b"), prefix: some("p"), region: some("r") });
        for bad in ["max-buckets=0", "max-buckets=10001", "max-buckets=-1", "continuation-token=x"] {
            assert_eq!(ListBuckets::parse(&query(bad)).unwrap_err().code, "InvalidArgument", "{bad}");
        }
    }
}
