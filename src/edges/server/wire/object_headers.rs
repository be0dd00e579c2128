//! Headers that are kept with an object: its media type and the like, and user metadata.
//!
//! Header text has one character a byte: what is no ASCII stands as U+0080 to U+00FF, so that every value goes
//! out byte for byte as it came in, whatever its encoding was.
//!
//! Source: S3 User Guide, "Working with object metadata"; S3 API Reference, `PutObject`, `GetObject`.

use super::headers;
use super::query::Query;
use crate::edges::server::error::S3Error;
use crate::storage::store::Headers;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The most bytes of user metadata, names without their prefix and values.
pub const MAX_METADATA: usize = 2048;
/// The media type of what was sent without one.
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
const META: &str = "x-amz-meta-";
const REDIRECT: &str = "x-amz-website-redirect-location";

/// What is kept with an object of the headers that brought it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHeaders {
    /// The headers that come back with it.
    pub kept: Headers,
    /// `x-amz-storage-class`, if it is not `STANDARD`.
    pub storage_class: Option<&'static str>,
    /// User metadata: names in lower case without `x-amz-meta-`, in the order of their names.
    pub metadata: Vec<(String, String)>,
}

impl ObjectHeaders {
    /// Reads them of a request.
    ///
    /// # Errors
    /// `MetadataTooLarge`, `InvalidStorageClass`, `InvalidRedirectLocation`, `InvalidArgument`; `NotImplemented`
    /// for storage classes whose objects have to be restored.
    pub fn of_request(headers: &HeaderMap) -> Result<Self, S3Error> {
        let kept = |name: HeaderName| headers.get(name).map(|v| text_of(v.as_bytes())).filter(|v| !v.is_empty());
        Ok(Self {
            kept: Headers {
                content_type: kept(header::CONTENT_TYPE),
                content_encoding: content_encoding(headers),
                content_disposition: kept(header::CONTENT_DISPOSITION),
                content_language: kept(header::CONTENT_LANGUAGE),
                cache_control: kept(header::CACHE_CONTROL),
                expires: kept(header::EXPIRES),
                redirect: headers::one(headers, REDIRECT)?.map(website_redirect).transpose()?,
            },
            storage_class: headers::one(headers, "x-amz-storage-class")?.map_or(Ok(None), storage_class)?,
            metadata: metadata(headers)?,
        })
    }
}

/// Writes what was kept into an answer's headers. A storage class of `None` is `STANDARD`, which S3 does not say.
pub fn write(kept: &Headers, storage_class: Option<&str>, metadata: &[(String, String)], out: &mut HeaderMap) {
    let plain = [
        (header::CONTENT_TYPE, Some(kept.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE))),
        (header::CONTENT_ENCODING, kept.content_encoding.as_deref()),
        (header::CONTENT_DISPOSITION, kept.content_disposition.as_deref()),
        (header::CONTENT_LANGUAGE, kept.content_language.as_deref()),
        (header::CACHE_CONTROL, kept.cache_control.as_deref()),
        (header::EXPIRES, kept.expires.as_deref()),
        (HeaderName::from_static(REDIRECT), kept.redirect.as_deref()),
        (HeaderName::from_static("x-amz-storage-class"), storage_class),
    ];
    for (name, value) in plain {
        if let Some(value) = value.and_then(value_of) {
            out.insert(name, value);
        }
    }
    write_metadata(metadata, out);
}

/// Writes user metadata. A name that came from a form and cannot be a header's is left out and counted, as
/// `x-amz-missing-meta` says it.
pub fn write_metadata(metadata: &[(String, String)], out: &mut HeaderMap) {
    let mut missing = 0_u32;
    for (name, value) in metadata {
        let name = HeaderName::try_from(format!("{META}{name}")).ok();
        match name.zip(value_of(value)) {
            Some((name, value)) => {
                out.append(name, value);
            }
            None => missing += 1,
        }
    }
    if missing > 0 {
        out.insert("x-amz-missing-meta", HeaderValue::from(missing));
    }
}

/// A header's bytes as text, one character a byte.
#[must_use]
pub fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => text.to_owned(),
        _ => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The header of a text of [`text_of`]; `None` if it holds control characters.
#[must_use]
pub fn value_of(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    // Text of other origin may have further characters; those go out as UTF-8.
    HeaderValue::from_bytes(&bytes.unwrap_or_else(|_| text.as_bytes().to_vec())).ok()
}

/// User metadata of a request, in the order of names; values of one name are joined.
///
/// # Errors
/// `MetadataTooLarge`, `InvalidArgument` for the empty name.
pub fn metadata(headers: &HeaderMap) -> Result<Vec<(String, String)>, S3Error> {
    let mut found = Vec::new();
    for name in headers.keys() {
        let Some(short) = name.as_str().strip_prefix(META) else { continue };
        if short.is_empty() {
            return Err(S3Error::invalid_argument(META, "", "A name must follow x-amz-meta-"));
        }
        let values: Vec<String> = headers.get_all(name).iter().map(|v| text_of(v.as_bytes().trim_ascii())).collect();
        found.push((short.to_owned(), values.join(",")));
    }
    found.sort_unstable();
    check_metadata(&found)?;
    Ok(found)
}

/// Checks the size of user metadata.
///
/// # Errors
/// `MetadataTooLarge`.
pub fn check_metadata(metadata: &[(String, String)]) -> Result<(), S3Error> {
    // A character of a value is a byte of the header.
    let size = metadata.iter().map(|(name, value)| name.len() + value.chars().count()).sum();
    if size > MAX_METADATA { Err(S3Error::metadata_too_large(size, MAX_METADATA)) } else { Ok(()) }
}

/// `Content-Encoding` without `aws-chunked`.
#[must_use]
pub fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let mut kept = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let text = text_of(value.as_bytes());
        let codings = text.split(',').map(str::trim_ascii);
        kept.extend(codings.filter(|c| !c.is_empty() && !c.eq_ignore_ascii_case("aws-chunked")).map(str::to_owned));
    }
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Checks a redirect of the website endpoint.
///
/// # Errors
/// `InvalidRedirectLocation`.
pub fn website_redirect(value: &str) -> Result<String, S3Error> {
    let legal = ["/", "http://", "https://"].iter().any(|p| value.starts_with(p));
    if legal && value.len() <= MAX_METADATA {
        Ok(value.to_owned())
    } else {
        Err(S3Error::of("InvalidRedirectLocation"))
    }
}

/// Reads a storage class; `None` is `STANDARD`. Classes are labels here: all objects are stored alike.
///
/// # Errors
/// `InvalidStorageClass`; `NotImplemented` for the archives, whose objects could not be read at once.
pub fn storage_class(value: &str) -> Result<Option<&'static str>, S3Error> {
    const LABELS: [&str; 5] = ["REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"];
    match value {
        "STANDARD" => Ok(None),
        "GLACIER" | "DEEP_ARCHIVE" => Err(S3Error::not_implemented(&format!("storage class {value}"))),
        _ => match LABELS.iter().find(|label| **label == value) {
            Some(label) => Ok(Some(label)),
            None => Err(S3Error::of("InvalidStorageClass").with("StorageClassRequested", value)),
        },
    }
}

/// The headers that `response-*` parameters of a GET replace. The caller sees to it that the request is signed.
///
/// # Errors
/// `InvalidArgument` for values that cannot be a header's.
pub fn overrides(query: &Query) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let names = [
        ("response-content-type", header::CONTENT_TYPE),
        ("response-content-language", header::CONTENT_LANGUAGE),
        ("response-expires", header::EXPIRES),
        ("response-cache-control", header::CACHE_CONTROL),
        ("response-content-disposition", header::CONTENT_DISPOSITION),
        ("response-content-encoding", header::CONTENT_ENCODING),
    ];
    let mut found = Vec::new();
    for (parameter, name) in names {
        let Some(text) = query.get(parameter) else { continue };
        let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
            S3Error::invalid_argument(parameter, text, format!("The value of {parameter} cannot be a header's"))
        })?;
        found.push((name, value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_goes_out() {
        let sent = headers::of(&[
            ("content-type", "text/plain"),
            ("content-encoding", "aws-chunked, gzip"),
            ("content-disposition", "attachment; filename=é"),
            ("cache-control", "no-cache"),
            ("expires", "0"),
            ("x-amz-website-redirect-location", "/other"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-meta-B", "2"),
            ("x-amz-meta-a", "é"),
            ("x-amz-meta-a", "b"),
            ("x-amz-meta-empty", ""),
        ]);
        let kept = ObjectHeaders::of_request(&sent).unwrap();
        let names: Vec<&str> = kept.metadata.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["a", "b", "empty"]);
        let mut out = HeaderMap::new();
        write(&kept.kept, kept.storage_class, &kept.metadata, &mut out);
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-encoding", "gzip"),
            ("content-disposition", "attachment; filename=é"),
            ("cache-control", "no-cache"),
            ("expires", "0"),
            ("x-amz-website-redirect-location", "/other"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-meta-a", "é,b"),
            ("x-amz-meta-b", "2"),
            ("x-amz-meta-empty", ""),
        ] {
            assert_eq!(out.get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()), "{name}");
        }
        assert_eq!(out.len(), 10);
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_themselves() {
        for bytes in [&b"plain"[..], b"\xe9", b"\xc3\xa9", b"a\xff\x80"] {
            assert_eq!(value_of(&text_of(bytes)).unwrap().as_bytes(), bytes);
        }
        assert_eq!(value_of("a\u{20ac}").unwrap().as_bytes(), "a€".as_bytes());
        assert_eq!(value_of("a\nb"), None);
    }

    #[test]
    fn nothing_sent() {
        let kept = ObjectHeaders::of_request(&headers::of(&[("content-encoding", "aws-chunked")])).unwrap();
        assert_eq!(kept, ObjectHeaders::default());
        let mut out = HeaderMap::new();
        write(&kept.kept, kept.storage_class, &kept.metadata, &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(out["content-type"], DEFAULT_CONTENT_TYPE);
    }

    #[test]
    fn names_that_are_no_headers_are_counted() {
        let mut out = HeaderMap::new();
        write_metadata(&[("a b".to_owned(), "x".to_owned()), ("c".to_owned(), "x\n".to_owned())], &mut out);
        assert_eq!(out["x-amz-missing-meta"], "2");
    }

    #[test]
    fn limits_and_lists() {
        let metadata = |n: usize| ObjectHeaders::of_request(&headers::of(&[("x-amz-meta-a", &"v".repeat(n))]));
        assert!(metadata(2047).is_ok());
        let error = metadata(2048).unwrap_err();
        assert_eq!((error.code, error.details[0].1.as_str()), ("MetadataTooLarge", "2049"));
        for (name, value, code) in [
            ("x-amz-website-redirect-location", "https://x", ""),
            ("x-amz-website-redirect-location", "ftp://x", "InvalidRedirectLocation"),
            ("x-amz-storage-class", "STANDARD", ""),
            ("x-amz-storage-class", "GLACIER_IR", ""),
            ("x-amz-storage-class", "GLACIER", "NotImplemented"),
            ("x-amz-storage-class", "standard", "InvalidStorageClass"),
            ("x-amz-storage-class", "", "InvalidStorageClass"),
            ("x-amz-meta-", "x", "InvalidArgument"),
        ] {
            let read = ObjectHeaders::of_request(&headers::of(&[(name, value)]));
            assert_eq!(read.map_or_else(|e| e.code, |_| ""), code, "{name}: {value}");
        }
    }

    #[test]
    fn replaced_headers() {
        let query = Query::parse("response-content-type=text/x&response-expires=0&x=1").unwrap();
        let found = overrides(&query).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.contains(&(header::CONTENT_TYPE, HeaderValue::from_static("text/x"))));
        let query = Query::parse("response-content-type=a%0d%0ab").unwrap();
        assert_eq!(overrides(&query).unwrap_err().code, "InvalidArgument");
    }
}
