//! What a request says about its body: how it is framed, how it is signed, and which hashes it must have.
//!
//! Source: S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in
//! Multiple Chunks"; S3 User Guide, "Checking object integrity".

use super::{Algorithm, Checksum, S3Error, SigningKey, digest, invalid_argument, one_header};
use base64::Engine as _;
use http::HeaderMap;
use http::request::Parts;
use std::sync::Arc;

/// Where a chain of chunk signatures starts.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The signature of the request's headers.
    pub(super) seed: String,
    /// The key that signs.
    pub(super) key: Arc<SigningKey>,
    /// The time of signing.
    pub(super) amz_date: String,
    /// The scope without the access key.
    pub(super) scope: String,
}

/// How a body is framed, and how its bytes are bound to the signature.
#[derive(Clone, Debug)]
pub enum Payload {
    /// There is none.
    Empty,
    /// Plain bytes that no signature covers.
    Unsigned,
    /// Plain bytes with this SHA-256.
    Sha256([u8; 32]),
    /// `aws-chunked`, every chunk signed.
    SignedChunks {
        /// Where the chain of signatures starts.
        chain: Chain,
        /// Whether signed trailers follow.
        trailer: bool,
        /// Length of the content without its framing.
        decoded_length: u64,
    },
    /// `aws-chunked` without signatures, with trailers.
    UnsignedTrailer {
        /// Length of the content without its framing.
        decoded_length: u64,
    },
}

/// What a body must prove before its end counts as one.
#[derive(Clone, Debug)]
pub struct BodyPlan {
    /// Framing and signature.
    pub payload: Payload,
    /// Bytes of the content, framing not counted; `None` where the request does not say.
    pub length: Option<u64>,
    /// Content-MD5.
    pub md5: Option<[u8; 16]>,
    /// The checksum that a header declares.
    pub checksum: Option<Checksum>,
    /// The checksum that a trailer will declare.
    pub trailer: Option<Algorithm>,
}

impl BodyPlan {
    /// A body of which nothing is declared.
    #[must_use]
    pub fn unsigned() -> Self {
        Self { payload: Payload::Unsigned, length: None, md5: None, checksum: None, trailer: None }
    }

    /// The checksum algorithm that the request chose, by header or trailer.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.checksum.map(|checksum| checksum.algorithm()).or(self.trailer)
    }

    /// The content's length.
    ///
    /// # Errors
    /// `MissingContentLength` where the request does not say.
    pub fn require_length(&self) -> Result<u64, S3Error> {
        self.length.ok_or_else(missing_length)
    }

    /// What the headers say. `chain`: the signature of Version 4 that they are signed with.
    pub(super) fn of_request(parts: &Parts, chain: Option<Chain>) -> Result<Self, S3Error> {
        let headers = &parts.headers;
        let sent = content_length(headers)?;
        let payload = payload_of(headers, chain, sent)?;
        let length = match &payload {
            Payload::SignedChunks { decoded_length, .. } | Payload::UnsignedTrailer { decoded_length } => {
                Some(*decoded_length)
            }
            Payload::Empty | Payload::Unsigned | Payload::Sha256(_) => sent,
        };
        let md5 = one_header(headers, "content-md5")?.map(parse_md5).transpose()?;
        // The checksum headers of CompleteMultipartUpload are about the object, not about this body.
        if parts.method == http::Method::POST && completes_an_upload(parts) {
            return Ok(Self { payload, length, md5, checksum: None, trailer: None });
        }
        let checksum = declared(|name| one_header(headers, name))?;
        let trailer = announced(headers, &payload)?;
        if checksum.is_some() && trailer.is_some() {
            return Err(several_checksums());
        }
        let plan = Self { payload, length, md5, checksum, trailer };
        plan.check_sdk_algorithm(headers)?;
        Ok(plan)
    }

    /// What the fields of a form say of its file; `field` finds a field by its lower-case name.
    pub(super) fn of_form<'f>(field: impl Fn(&str) -> Option<&'f str>) -> Result<Self, S3Error> {
        let md5 = field("content-md5").map(parse_md5).transpose()?;
        let checksum = declared(|name| Ok(field(name)))?;
        Ok(Self { md5, checksum, ..Self::unsigned() })
    }

    fn check_sdk_algorithm(&self, headers: &HeaderMap) -> Result<(), S3Error> {
        let Some(named) = one_header(headers, "x-amz-sdk-checksum-algorithm")? else { return Ok(()) };
        let Some(named) = Algorithm::parse(named) else {
            return Err(invalid("Value for x-amz-sdk-checksum-algorithm header is invalid."));
        };
        match self.algorithm() {
            None => Err(invalid(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                 headers were found.",
            )),
            Some(sent) if sent != named => {
                let message = format!(
                    "The checksum's algorithm {} is not the one x-amz-sdk-checksum-algorithm names, {}.",
                    sent.name(),
                    named.name()
                );
                Err(S3Error::new("BadDigest", message))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Refuses a value of `x-amz-content-sha256` that means nothing.
pub(super) fn check_content_sha256(value: &str) -> Result<(), S3Error> {
    const WORDS: [&str; 4] = ["UNSIGNED-PAYLOAD", UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER];
    if WORDS.contains(&value) || digest::parse_sha256(value).is_some() {
        return Ok(());
    }
    let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                   STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid \
                   sha256 value.";
    Err(invalid_argument("x-amz-content-sha256", value, message))
}

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

fn payload_of(headers: &HeaderMap, chain: Option<Chain>, sent: Option<u64>) -> Result<Payload, S3Error> {
    let absent = sent.unwrap_or(0) == 0 && !headers.contains_key(http::header::TRANSFER_ENCODING);
    let plain = if absent { Payload::Empty } else { Payload::Unsigned };
    let Some(value) = one_header(headers, "x-amz-content-sha256")? else { return Ok(plain) };
    check_content_sha256(value)?;
    match value {
        "UNSIGNED-PAYLOAD" => Ok(plain),
        UNSIGNED_TRAILER => Ok(Payload::UnsignedTrailer { decoded_length: decoded_length(headers)? }),
        SIGNED | SIGNED_TRAILER => {
            let Some(chain) = chain else {
                let message = "Signed chunks need a request that is signed with AWS4-HMAC-SHA256.";
                return Err(invalid_argument("x-amz-content-sha256", value, message));
            };
            let decoded_length = decoded_length(headers)?;
            Ok(Payload::SignedChunks { chain, trailer: value == SIGNED_TRAILER, decoded_length })
        }
        hash => match digest::parse_sha256(hash) {
            Some(hash) if absent && hash == digest::sha256(b"") => Ok(Payload::Empty),
            Some(hash) => Ok(Payload::Sha256(hash)),
            None => Ok(plain),
        },
    }
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, S3Error> {
    one_header(headers, "content-length")?.map(|text| parse_length("Content-Length", text)).transpose()
}

fn decoded_length(headers: &HeaderMap) -> Result<u64, S3Error> {
    let text = one_header(headers, "x-amz-decoded-content-length")?.ok_or_else(missing_length)?;
    parse_length("x-amz-decoded-content-length", text)
}

fn parse_length(name: &str, text: &str) -> Result<u64, S3Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| invalid_argument(name, text, format!("The value of {name} is not a length in bytes.")))
}

fn parse_md5(text: &str) -> Result<[u8; 16], S3Error> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        S3Error::new("InvalidDigest", "The Content-MD5 you specified was invalid.").with("Content-MD5", text)
    })
}

/// The one checksum that headers or fields declare.
fn declared<'h>(find: impl Fn(&'static str) -> Result<Option<&'h str>, S3Error>) -> Result<Option<Checksum>, S3Error> {
    let mut found = None;
    for algorithm in Algorithm::ALL {
        let Some(text) = find(algorithm.header())? else { continue };
        let checksum = Checksum::parse(algorithm, text)
            .ok_or_else(|| invalid(format!("Value for {} header is invalid.", algorithm.header())))?;
        if found.replace(checksum).is_some() {
            return Err(several_checksums());
        }
    }
    Ok(found)
}

/// The checksum that `x-amz-trailer` announces.
fn announced(headers: &HeaderMap, payload: &Payload) -> Result<Option<Algorithm>, S3Error> {
    let Some(name) = one_header(headers, "x-amz-trailer")? else { return Ok(None) };
    let can_follow = matches!(payload, Payload::UnsignedTrailer { .. } | Payload::SignedChunks { trailer: true, .. });
    if !can_follow {
        return Err(invalid("x-amz-trailer was specified, but x-amz-content-sha256 does not announce a trailer."));
    }
    match Algorithm::of_header(name) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => Err(invalid("The value specified in the x-amz-trailer header is not supported")),
    }
}

fn completes_an_upload(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "uploadId" || pair.starts_with("uploadId="))
}

fn several_checksums() -> S3Error {
    invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

fn missing_length() -> S3Error {
    S3Error::new("MissingContentLength", "You must provide the Content-Length HTTP header.")
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new("InvalidRequest", message)
}

/// The `Content-Encoding` that an object keeps: what was sent without `aws-chunked`, which is of the transfer.
#[must_use]
pub fn without_aws_chunked(sent: &str) -> Option<String> {
    let kept: Vec<&str> =
        sent.split(',').map(str::trim).filter(|c| !c.is_empty() && !c.eq_ignore_ascii_case("aws-chunked")).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Result<BodyPlan, S3Error> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        BodyPlan::of_request(&request.body(()).expect("a request").into_parts().0, None)
    }

    #[test]
    fn what_headers_declare_is_read_strictly() {
        let trailer = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let decoded = ("x-amz-decoded-content-length", "5");
        let crc = ("x-amz-checksum-crc32", "AAAAAA==");
        for (headers, code) in [
            (vec![("x-amz-content-sha256", "abc")], "InvalidArgument"),
            (vec![("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), decoded], "InvalidArgument"),
            (vec![trailer], "MissingContentLength"),
            (vec![trailer, ("x-amz-decoded-content-length", "-1")], "InvalidArgument"),
            (vec![trailer, decoded, ("x-amz-trailer", "x-amz-meta-a")], "InvalidRequest"),
            (vec![trailer, decoded, ("x-amz-trailer", "x-amz-checksum-crc32"), crc], "InvalidRequest"),
            (vec![("x-amz-trailer", "x-amz-checksum-crc32")], "InvalidRequest"),
            (vec![("content-md5", "")], "InvalidDigest"),
            (vec![("content-md5", "AAAA")], "InvalidDigest"),
            (vec![("x-amz-checksum-crc32", "AAAA")], "InvalidRequest"),
            (vec![crc, ("x-amz-checksum-crc32c", "AAAAAA==")], "InvalidRequest"),
            (vec![("x-amz-sdk-checksum-algorithm", "CRC32")], "InvalidRequest"),
            (vec![crc, ("x-amz-sdk-checksum-algorithm", "MD5")], "InvalidRequest"),
            (vec![crc, ("x-amz-sdk-checksum-algorithm", "SHA1")], "BadDigest"),
        ] {
            assert_eq!(plan("PUT", "/b/k", &headers).expect_err("refused").code, code, "{headers:?}");
        }
        let read = plan("PUT", "/b/k", &[trailer, decoded, ("x-amz-trailer", "x-amz-checksum-crc32")]).expect("good");
        assert_eq!((read.length, read.algorithm()), (Some(5), Some(Algorithm::Crc32)));
        let read = plan("PUT", "/b/k", &[crc, ("content-length", "3")]).expect("good");
        assert!(matches!(read.payload, Payload::Unsigned));
        assert_eq!(read.require_length(), Ok(3));
        let read = plan("GET", "/b/k", &[]).expect("good");
        assert!(matches!(read.payload, Payload::Empty));
        assert_eq!(read.require_length().expect_err("none").status, http::StatusCode::LENGTH_REQUIRED);
    }

    #[test]
    fn the_checksum_of_a_completed_upload_is_not_the_bodys() {
        let composite = [("x-amz-checksum-crc32", "AAAAAA==-2"), ("content-length", "9")];
        assert_eq!(plan("POST", "/b/k?uploadId=1", &composite).expect("good").checksum, None);
        assert_eq!(plan("PUT", "/b/k?uploadId=1", &composite).expect_err("refused").code, "InvalidRequest");
    }

    #[test]
    fn aws_chunked_is_not_an_encoding_of_the_object() {
        assert_eq!(without_aws_chunked("aws-chunked"), None);
        assert_eq!(without_aws_chunked("aws-chunked, gzip").as_deref(), Some("gzip"));
        assert_eq!(without_aws_chunked("gzip,aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(without_aws_chunked(""), None);
    }
}
