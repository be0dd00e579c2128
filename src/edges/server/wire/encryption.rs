//! Server-side encryption in headers and in a bucket's configuration.
//!
//! Source: S3 User Guide, "Protecting data with server-side encryption"; S3 API Reference, `PutObject`,
//! `PutBucketEncryption`.

use super::{headers, xml};
use crate::edges::server::error::S3Error;
use crate::storage::sealing::CustomerKey;
use crate::storage::store::Sse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use md5::{Digest, Md5};
use s3s::dto;
use zeroize::Zeroizing;

const SSE: &str = "x-amz-server-side-encryption";
const KMS_ONLY: [&str; 3] = [
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-bucket-key-enabled",
];
const CUSTOMER: [&str; 3] = [
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
];
const SOURCE: [&str; 3] = [
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key-md5",
];

/// A key that came with a request (SSE-C). It is never shown.
#[derive(Debug)]
pub struct SentKey {
    /// The key.
    pub key: CustomerKey,
    /// Its MD5 in base64, as answers show it.
    pub key_md5: String,
}

impl From<SentKey> for Sse {
    fn from(sent: SentKey) -> Self {
        Self::Customer { key: sent.key, key_md5: sent.key_md5 }
    }
}

/// How a write wants its object encrypted.
#[derive(Debug)]
pub enum RequestedSse {
    /// Nothing is said: the bucket's default holds.
    Default,
    /// SSE-S3.
    S3,
    /// SSE-C.
    Customer(SentKey),
}

impl RequestedSse {
    /// Whether the request says anything of it.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Default)
    }

    /// As storage takes it: what is not said is SSE-S3, as for every new object.
    #[must_use]
    pub fn into_sse(self) -> Sse {
        match self {
            Self::Default | Self::S3 => Sse::S3,
            Self::Customer(sent) => sent.into(),
        }
    }

    /// Reads the headers of a write.
    ///
    /// # Errors
    /// `InvalidArgument`, `InvalidEncryptionAlgorithmError`; `NotImplemented` for keys of a key service.
    pub fn of_write(headers: &HeaderMap) -> Result<Self, S3Error> {
        let named = headers::one(headers, SSE)?;
        let customer = customer_key(headers)?;
        let own = match named {
            None => false,
            Some("AES256") => true,
            Some(kms @ ("aws:kms" | "aws:kms:dsse")) => {
                return Err(S3Error::not_implemented(&format!(
                    "server-side encryption with {kms}: there is no key service"
                )));
            }
            Some(other) => {
                let message = "The encryption method specified is not supported";
                return Err(S3Error::invalid_argument(SSE, other, message));
            }
        };
        for name in KMS_ONLY {
            // A Bucket Key that is switched off asks for nothing.
            if let Some(value) = headers::one(headers, name)?.filter(|v| !v.eq_ignore_ascii_case("false")) {
                let message =
                    format!("The header {name} is not applicable if the sse algorithm is not aws:kms or aws:kms:dsse");
                return Err(S3Error::invalid_argument(name, value, message));
            }
        }
        match (own, customer) {
            (false, None) => Ok(Self::Default),
            (true, None) => Ok(Self::S3),
            (false, Some(key)) => Ok(Self::Customer(key)),
            (true, Some(_)) => Err(S3Error::invalid_argument(
                SSE,
                "AES256",
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            )),
        }
    }
}

/// The customer key of a request, for what it writes or reads.
///
/// # Errors
/// `InvalidArgument`, `InvalidEncryptionAlgorithmError`.
pub fn customer_key(headers: &HeaderMap) -> Result<Option<SentKey>, S3Error> {
    triple(headers, CUSTOMER)
}

/// The customer key of a copy's source.
///
/// # Errors
/// `InvalidArgument`, `InvalidEncryptionAlgorithmError`.
pub fn source_customer_key(headers: &HeaderMap) -> Result<Option<SentKey>, S3Error> {
    triple(headers, SOURCE)
}

/// Refuses the headers of a write in a request that reads.
///
/// # Errors
/// `InvalidArgument`.
pub fn refuse_on_read(headers: &HeaderMap) -> Result<(), S3Error> {
    let found = std::iter::once(SSE).chain(KMS_ONLY).find(|name| headers.contains_key(*name));
    match found {
        None => Ok(()),
        Some(name) => {
            let value = headers::one(headers, name)?.unwrap_or_default();
            Err(S3Error::invalid_argument(name, value, format!("{name} header is not supported for this operation.")))
        }
    }
}

fn triple(headers: &HeaderMap, names: [&str; 3]) -> Result<Option<SentKey>, S3Error> {
    let [algorithm, key, md5] = names;
    let sent = (headers::one(headers, algorithm)?, headers::one(headers, key)?, headers::one(headers, md5)?);
    // Messages never repeat what was sent: it may be the key.
    let missing = |name: &str, what: &str| {
        let message =
            format!("Requests specifying Server Side Encryption with Customer provided keys must provide {what}.");
        Err(S3Error::invalid_argument(name, "null", message))
    };
    match sent {
        (None, None, None) => Ok(None),
        (None, _, _) => missing(algorithm, "a valid encryption algorithm"),
        (Some(other), _, _) if other != "AES256" => Err(S3Error::of("InvalidEncryptionAlgorithmError")
            .with("ArgumentName", algorithm)
            .with("ArgumentValue", other)),
        (_, None, _) => missing(key, "an appropriate secret key"),
        (_, _, None) => missing(md5, "the client calculated MD5 of the secret key"),
        (Some(_), Some(text), Some(sum)) => checked_key(text, sum).map(Some).map_err(|what| {
            let name = if what == WRONG_SUM { md5 } else { key };
            S3Error::new("InvalidArgument", what).with("ArgumentName", name)
        }),
    }
}

const WRONG_KEY: &str = "The secret key was invalid for the specified algorithm.";
const WRONG_SUM: &str = "The calculated MD5 hash of the key did not match the hash that was provided.";

fn checked_key(text: &str, sum: &str) -> Result<SentKey, &'static str> {
    let decoded = Zeroizing::new(STANDARD.decode(text).map_err(|_| WRONG_KEY)?);
    let key: [u8; 32] = decoded.as_slice().try_into().map_err(|_| WRONG_KEY)?;
    let key = Zeroizing::new(key);
    let md5: [u8; 16] = Md5::digest(key.as_slice()).into();
    if STANDARD.decode(sum).is_ok_and(|sent| sent == md5) {
        Ok(SentKey { key: CustomerKey::new(*key), key_md5: STANDARD.encode(md5) })
    } else {
        Err(WRONG_SUM)
    }
}

/// Writes the headers of an answer: how the object is encrypted.
pub fn write(customer_key_md5: Option<&str>, out: &mut HeaderMap) {
    match customer_key_md5.map(HeaderValue::from_str) {
        None | Some(Err(_)) => {
            out.insert(SSE, HeaderValue::from_static("AES256"));
        }
        Some(Ok(md5)) => {
            let [algorithm, _, sum] = CUSTOMER;
            out.insert(algorithm, HeaderValue::from_static("AES256"));
            out.insert(sum, md5);
        }
    }
}

/// A bucket's default encryption; the algorithm is AES256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketEncryption {
    /// `BucketKeyEnabled`; without a key service it changes nothing but is shown as it was set.
    pub bucket_key: bool,
}

/// Reads a `ServerSideEncryptionConfiguration`; it has one rule.
///
/// # Errors
/// `MalformedXML`, `InvalidArgument`; `NotImplemented` for keys of a key service and for blocked types.
pub fn parse_configuration(body: &[u8]) -> Result<BucketEncryption, S3Error> {
    if memchr_str(body, b"BlockedEncryptionTypes") {
        return Err(S3Error::not_implemented("BlockedEncryptionTypes"));
    }
    let sent: dto::ServerSideEncryptionConfiguration = xml::parse(body)?;
    let [rule] = sent.rules.as_slice() else {
        return Err(S3Error::malformed_xml("there must be one Rule"));
    };
    let Some(default) = &rule.apply_server_side_encryption_by_default else {
        return Err(S3Error::malformed_xml("the Rule has no ApplyServerSideEncryptionByDefault"));
    };
    match default.sse_algorithm.as_str() {
        "AES256" => {}
        kms @ ("aws:kms" | "aws:kms:dsse") => {
            return Err(S3Error::not_implemented(&format!("default encryption with {kms}: there is no key service")));
        }
        other => return Err(S3Error::malformed_xml(&format!("{other} is no SSEAlgorithm"))),
    }
    if let Some(key) = &default.kms_master_key_id {
        let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        return Err(S3Error::invalid_argument("KMSMasterKeyID", key, message));
    }
    Ok(BucketEncryption { bucket_key: rule.bucket_key_enabled.unwrap_or(false) })
}

fn memchr_str(body: &[u8], needle: &[u8]) -> bool {
    body.windows(needle.len()).any(|window| window == needle)
}

/// The `ServerSideEncryptionConfiguration` of an answer.
#[must_use]
pub fn configuration(setting: BucketEncryption) -> dto::ServerSideEncryptionConfiguration {
    let default = dto::ServerSideEncryptionByDefault {
        kms_master_key_id: None,
        sse_algorithm: dto::ServerSideEncryption::from_static("AES256"),
    };
    dto::ServerSideEncryptionConfiguration {
        rules: vec![dto::ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(default),
            bucket_key_enabled: Some(setting.bucket_key),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sse(pairs: &[(&str, &str)]) -> Result<&'static str, &'static str> {
        RequestedSse::of_write(&headers::of(pairs)).map_err(|e| e.code).map(|sse| match sse {
            RequestedSse::Default => "default",
            RequestedSse::S3 => "s3",
            RequestedSse::Customer(_) => "customer",
        })
    }

    #[test]
    fn methods() {
        assert_eq!(sse(&[]), Ok("default"));
        assert_eq!(sse(&[(SSE, "AES256")]), Ok("s3"));
        for (value, code) in [
            ("aws:kms", "NotImplemented"),
            ("aws:kms:dsse", "NotImplemented"),
            ("aes256", "InvalidArgument"),
            ("", "InvalidArgument"),
        ] {
            assert_eq!(sse(&[(SSE, value)]), Err(code), "{value}");
        }
        assert_eq!(sse(&[(KMS_ONLY[0], "key")]), Err("InvalidArgument"));
        assert_eq!(sse(&[(SSE, "AES256"), (KMS_ONLY[2], "true")]), Err("InvalidArgument"));
        assert_eq!(sse(&[(SSE, "AES256"), (KMS_ONLY[2], "false")]), Ok("s3"));
    }

    #[test]
    fn customer_keys() {
        let bytes = [7_u8; 32];
        let (key, md5) = (STANDARD.encode(bytes), STANDARD.encode(Md5::digest(bytes)));
        let short = STANDARD.encode([7_u8; 16]);
        let other = STANDARD.encode([0_u8; 16]);
        for names in [CUSTOMER, SOURCE] {
            let read = |values: [Option<&str>; 3]| {
                let pairs: Vec<_> = names.iter().zip(values).filter_map(|(n, v)| Some((*n, v?))).collect();
                triple(&headers::of(&pairs), names)
            };
            let good = read([Some("AES256"), Some(&key), Some(&md5)]).unwrap().unwrap();
            assert_eq!((good.key.as_bytes(), &good.key_md5), (&bytes, &md5));
            assert!(!format!("{good:?}").contains("7, 7"), "the key is not told");
            assert!(read([None, None, None]).unwrap().is_none());
            for (values, code, what) in [
                ([None, Some(key.as_str()), Some(md5.as_str())], "InvalidArgument", "valid encryption algorithm"),
                ([Some("AES256"), None, Some(&md5)], "InvalidArgument", "appropriate secret key"),
                ([Some("AES256"), Some(&key), None], "InvalidArgument", "client calculated MD5"),
                ([Some("AES256"), None, None], "InvalidArgument", "appropriate secret key"),
                ([Some("AES128"), Some(&key), Some(&md5)], "InvalidEncryptionAlgorithmError", "AES256"),
                ([Some("AES256"), Some(&short), Some(&md5)], "InvalidArgument", WRONG_KEY),
                ([Some("AES256"), Some("!"), Some(&md5)], "InvalidArgument", WRONG_KEY),
                ([Some("AES256"), Some(&key), Some(&other)], "InvalidArgument", WRONG_SUM),
                ([Some("AES256"), Some(&key), Some("!")], "InvalidArgument", WRONG_SUM),
            ] {
                let error = read(values).unwrap_err();
                assert_eq!(error.code, code, "{values:?}");
                assert!(error.message.contains(what), "{}", error.message);
                assert!(!format!("{error:?}").contains(&key), "the key is not told");
            }
        }
        let all = [(CUSTOMER[0], "AES256"), (CUSTOMER[1], &*key), (CUSTOMER[2], &*md5), (SSE, "AES256")];
        assert_eq!(sse(&all), Err("InvalidArgument"));
        assert_eq!(sse(&all[..3]), Ok("customer"));
    }

    #[test]
    fn reads_take_no_methods() {
        assert!(refuse_on_read(&headers::of(&[(CUSTOMER[0], "AES256")])).is_ok());
        for name in [SSE, KMS_ONLY[0]] {
            assert_eq!(refuse_on_read(&headers::of(&[(name, "x")])).unwrap_err().code, "InvalidArgument", "{name}");
        }
    }

    #[test]
    fn answers() {
        let mut out = HeaderMap::new();
        write(None, &mut out);
        assert_eq!((out.len(), out.get(SSE).unwrap().as_bytes()), (1, &b"AES256"[..]));
        let mut out = HeaderMap::new();
        write(Some("bWQ1"), &mut out);
        assert_eq!((out.len(), out.get(CUSTOMER[2]).unwrap().as_bytes()), (2, &b"bWQ1"[..]));
    }

    #[test]
    fn configurations() {
        for bucket_key in [true, false] {
            let setting = BucketEncryption { bucket_key };
            assert_eq!(parse_configuration(&xml::body(&configuration(setting))), Ok(setting));
        }
        let rule = |inside: &str| {
            format!("<Rule><ApplyServerSideEncryptionByDefault>{inside}</ApplyServerSideEncryptionByDefault></Rule>")
        };
        let aes = rule("<SSEAlgorithm>AES256</SSEAlgorithm>");
        for (rules, code) in [
            (aes.clone(), ""),
            (aes.repeat(2), "MalformedXML"),
            (String::new(), "MalformedXML"),
            ("<Rule/>".to_owned(), "MalformedXML"),
            (rule("<SSEAlgorithm>x</SSEAlgorithm>"), "MalformedXML"),
            (rule("<SSEAlgorithm>aws:kms</SSEAlgorithm>"), "NotImplemented"),
            (rule("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"), "InvalidArgument"),
            ("<Rule><BlockedEncryptionTypes/></Rule>".to_owned(), "NotImplemented"),
        ] {
            let body = format!("<ServerSideEncryptionConfiguration>{rules}</ServerSideEncryptionConfiguration>");
            assert_eq!(parse_configuration(body.as_bytes()).map_or_else(|e| e.code, |_| ""), code, "{rules}");
        }
    }
}
