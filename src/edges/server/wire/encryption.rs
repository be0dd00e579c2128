//! Server-side encryption in headers and in a bucket's configuration.
//!
//! Source: S3 User Guide, "Protecting data with server-side encryption"; S3 API Reference, `PutObject`,
//! `PutBucketEncryption`.

use super::{headers, xml};
use crate::edges::server::error::S3Error;
use crate::edges::server::kms::WriteSse;
use crate::storage::sealing::CustomerKey;
use crate::storage::store::{Sse, StoredSse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use s3s::dto;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const SSE: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const KMS_CONTEXT: &str = "x-amz-server-side-encryption-context";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const KMS_ONLY: [&str; 3] = [KMS_KEY, KMS_CONTEXT, BUCKET_KEY];
/// SSE-KMS.
const ONE_LAYER: &str = "aws:kms";
/// DSSE-KMS: encryption twice over, under two keys.
const DUAL_LAYER: &str = "aws:kms:dsse";
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

/// SSE-KMS as a request or a bucket's configuration asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsRequest {
    /// The key: id, ARN, alias; `None`: the one that S3 manages for the account.
    pub key: Option<String>,
    /// The writer's encryption context.
    pub context: Vec<(String, String)>,
    /// With a Bucket Key; never with two layers.
    pub bucket_key: bool,
    /// Twice over (DSSE-KMS).
    pub dual_layer: bool,
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
    /// SSE-KMS; `None`: whether with a Bucket Key is said by the bucket's default.
    Kms(KmsRequest, Option<bool>),
}

impl RequestedSse {
    /// Whether the request says anything of it.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Default)
    }

    /// What is not said is the bucket's default, and without one SSE-S3, as for every new object.
    ///
    /// AWS: Bucket Keys do not apply to DSSE-KMS; asking for one is not refused, it changes nothing.
    #[must_use]
    pub fn or_default(self, default: Option<BucketEncryption>) -> WriteSse {
        let default = default.unwrap_or_default();
        match self {
            Self::Default => default.kms.map_or(WriteSse::S3, |key| {
                let (context, dual_layer) = (Vec::new(), default.dual_layer);
                WriteSse::Kms(KmsRequest { key, context, bucket_key: default.bucket_key && !dual_layer, dual_layer })
            }),
            Self::S3 => WriteSse::S3,
            Self::Customer(sent) => WriteSse::Customer(sent),
            Self::Kms(wanted, said) => {
                let bucket_key = said.unwrap_or(default.bucket_key) && !wanted.dual_layer;
                WriteSse::Kms(KmsRequest { bucket_key, ..wanted })
            }
        }
    }

    /// Reads the headers of a write.
    ///
    /// # Errors
    /// `InvalidArgument`, `InvalidEncryptionAlgorithmError`.
    pub fn of_write(headers: &HeaderMap) -> Result<Self, S3Error> {
        let named = headers::one(headers, SSE)?;
        let customer = customer_key(headers)?;
        let own = match named {
            None => false,
            Some("AES256") => true,
            Some(method @ (ONE_LAYER | DUAL_LAYER)) if customer.is_none() => {
                return of_kms(headers, method == DUAL_LAYER);
            }
            Some(method @ (ONE_LAYER | DUAL_LAYER)) => return Err(both(method)),
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
            (true, Some(_)) => Err(both("AES256")),
        }
    }
}

fn both(method: &str) -> S3Error {
    let message =
        "Server Side Encryption with Customer provided key is incompatible with the encryption method specified";
    S3Error::invalid_argument(SSE, method, message)
}

fn of_kms(headers: &HeaderMap, dual_layer: bool) -> Result<RequestedSse, S3Error> {
    let key = headers::one(headers, KMS_KEY)?;
    if key.is_some_and(str::is_empty) {
        return Err(S3Error::invalid_argument(KMS_KEY, "", "The key id must not be empty."));
    }
    let context = headers::one(headers, KMS_CONTEXT)?.map(context).transpose()?.unwrap_or_default();
    let said = match headers::one(headers, BUCKET_KEY)? {
        None => None,
        Some(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Some(other) => return Err(S3Error::invalid_argument(BUCKET_KEY, other, "It must be true or false.")),
    };
    let wanted = KmsRequest { key: key.map(str::to_owned), context, bucket_key: false, dual_layer };
    Ok(RequestedSse::Kms(wanted, said))
}

/// The encryption context of a header: the base64 of a JSON object of texts.
fn context(text: &str) -> Result<Vec<(String, String)>, S3Error> {
    let wrong = |why: &str| S3Error::invalid_argument(KMS_CONTEXT, text, why.to_owned());
    let bytes = STANDARD.decode(text).map_err(|_| wrong("The encryption context is not valid base64."))?;
    let pairs: BTreeMap<String, String> =
        serde_json::from_slice(&bytes).map_err(|_| wrong("The encryption context is not a JSON object of texts."))?;
    Ok(pairs.into_iter().collect())
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
pub fn write(sse: &StoredSse, out: &mut HeaderMap) {
    match sse {
        StoredSse::S3 => {
            out.insert(SSE, HeaderValue::from_static("AES256"));
        }
        StoredSse::Customer { key_md5 } => {
            let [algorithm, _, sum] = CUSTOMER;
            out.insert(algorithm, HeaderValue::from_static("AES256"));
            out.extend(HeaderValue::from_str(key_md5).ok().map(|md5| (HeaderName::from_static(sum), md5)));
        }
        StoredSse::Kms(stored) => {
            out.insert(SSE, HeaderValue::from_static(if stored.dual_layer { DUAL_LAYER } else { ONE_LAYER }));
            out.extend(HeaderValue::from_str(&stored.key).ok().map(|key| (HeaderName::from_static(KMS_KEY), key)));
            if stored.bucket_key {
                out.insert(BUCKET_KEY, HeaderValue::from_static("true"));
            }
        }
    }
}

/// Writes what only the answer to a write says: the writer's encryption context.
pub fn write_context(sse: &StoredSse, out: &mut HeaderMap) {
    let StoredSse::Kms(stored) = sse else { return };
    if stored.context.is_empty() {
        return;
    }
    let pairs: BTreeMap<&str, &str> = stored.context.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let text = STANDARD.encode(serde_json::json!(pairs).to_string());
    out.extend(HeaderValue::from_str(&text).ok().map(|text| (HeaderName::from_static(KMS_CONTEXT), text)));
}

/// A bucket's default encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketEncryption {
    /// With SSE-KMS: the key, `None` for the one that S3 manages. Without: SSE-S3.
    pub kms: Option<Option<String>>,
    /// Where there is a key: twice over (DSSE-KMS).
    pub dual_layer: bool,
    /// `BucketKeyEnabled`; for SSE-S3 and DSSE-KMS it changes nothing but is shown as it was set.
    pub bucket_key: bool,
}

/// Reads a `ServerSideEncryptionConfiguration`; it has one rule.
///
/// # Errors
/// `MalformedXML`, `InvalidArgument`; `NotImplemented` for blocked types.
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
    let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
    match default.sse_algorithm.as_str() {
        "AES256" => {}
        method @ (ONE_LAYER | DUAL_LAYER) => {
            let key = default.kms_master_key_id.clone().filter(|key| !key.is_empty());
            return Ok(BucketEncryption { kms: Some(key), dual_layer: method == DUAL_LAYER, bucket_key });
        }
        other => return Err(S3Error::malformed_xml(&format!("{other} is no SSEAlgorithm"))),
    }
    if let Some(key) = &default.kms_master_key_id {
        let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        return Err(S3Error::invalid_argument("KMSMasterKeyID", key, message));
    }
    Ok(BucketEncryption { kms: None, dual_layer: false, bucket_key })
}

fn memchr_str(body: &[u8], needle: &[u8]) -> bool {
    body.windows(needle.len()).any(|window| window == needle)
}

/// The `ServerSideEncryptionConfiguration` of an answer.
#[must_use]
pub fn configuration(setting: &BucketEncryption) -> dto::ServerSideEncryptionConfiguration {
    let algorithm = match (&setting.kms, setting.dual_layer) {
        (None, _) => "AES256",
        (Some(_), false) => ONE_LAYER,
        (Some(_), true) => DUAL_LAYER,
    };
    let default = dto::ServerSideEncryptionByDefault {
        kms_master_key_id: setting.kms.clone().flatten(),
        sse_algorithm: dto::ServerSideEncryption::from_static(algorithm),
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
    use crate::storage::store::StoredKms;

    fn sse(pairs: &[(&str, &str)]) -> Result<&'static str, &'static str> {
        RequestedSse::of_write(&headers::of(pairs)).map_err(|e| e.code).map(|sse| match sse {
            RequestedSse::Default => "default",
            RequestedSse::S3 => "s3",
            RequestedSse::Customer(_) => "customer",
            RequestedSse::Kms(wanted, _) if wanted.dual_layer => "dsse",
            RequestedSse::Kms(_, said) => said.map_or("kms", |on| if on { "kms+" } else { "kms-" }),
        })
    }

    #[test]
    fn methods() {
        assert_eq!(sse(&[]), Ok("default"));
        assert_eq!(sse(&[(SSE, "AES256")]), Ok("s3"));
        for value in ["aes256", "aws:kms:DSSE", ""] {
            assert_eq!(sse(&[(SSE, value)]), Err("InvalidArgument"), "{value}");
        }
        assert_eq!(sse(&[(KMS_KEY, "key")]), Err("InvalidArgument"));
        let kms = (SSE, "aws:kms");
        assert_eq!(sse(&[kms]), Ok("kms"));
        assert_eq!(sse(&[kms, (BUCKET_KEY, "TRUE")]), Ok("kms+"));
        assert_eq!(sse(&[kms, (BUCKET_KEY, "false")]), Ok("kms-"));
        assert_eq!(sse(&[kms, (BUCKET_KEY, "yes")]), Err("InvalidArgument"));
        assert_eq!(sse(&[(SSE, DUAL_LAYER)]), Ok("dsse"));
        assert_eq!(sse(&[(SSE, DUAL_LAYER), (BUCKET_KEY, "yes")]), Err("InvalidArgument"));
        assert_eq!(sse(&[kms, (KMS_KEY, "")]), Err("InvalidArgument"));
        for (context, answer) in [
            (STANDARD.encode(r#"{"team":"red"}"#), Ok("kms")),
            (STANDARD.encode(r#"{"team":1}"#), Err("InvalidArgument")),
            (STANDARD.encode("[]"), Err("InvalidArgument")),
            ("{}".to_owned(), Err("InvalidArgument")),
        ] {
            assert_eq!(sse(&[kms, (KMS_CONTEXT, &context)]), answer, "{context}");
        }
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
        assert_eq!(sse(&[&all[..3], &[(SSE, DUAL_LAYER)]].concat()), Err("InvalidArgument"));
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
        write(&StoredSse::S3, &mut out);
        assert_eq!((out.len(), out.get(SSE).unwrap().as_bytes()), (1, &b"AES256"[..]));
        let mut out = HeaderMap::new();
        write(&StoredSse::Customer { key_md5: "bWQ1".to_owned() }, &mut out);
        assert_eq!((out.len(), out.get(CUSTOMER[2]).unwrap().as_bytes()), (2, &b"bWQ1"[..]));
        let context = vec![("team".to_owned(), "red".to_owned())];
        let stored = StoredKms { key: "arn".to_owned(), context, bucket_key: true, dual_layer: false };
        let kms = StoredSse::Kms(Box::new(stored.clone()));
        let mut out = HeaderMap::new();
        write(&kms, &mut out);
        assert_eq!((out.len(), out.get(KMS_KEY).unwrap().as_bytes()), (3, &b"arn"[..]));
        write_context(&kms, &mut out);
        let told = STANDARD.decode(out.get(KMS_CONTEXT).unwrap().as_bytes()).unwrap();
        assert_eq!(told, br#"{"team":"red"}"#);
        let mut out = HeaderMap::new();
        write(&StoredSse::Kms(Box::new(StoredKms { dual_layer: true, ..stored })), &mut out);
        assert_eq!(out.get(SSE).unwrap().as_bytes(), b"aws:kms:dsse");
    }

    #[test]
    fn configurations() {
        for bucket_key in [true, false] {
            for kms in [None, Some(None), Some(Some("alias/x".to_owned()))] {
                for dual_layer in [false, kms.is_some()] {
                    let setting = BucketEncryption { kms: kms.clone(), dual_layer, bucket_key };
                    assert_eq!(parse_configuration(&xml::body(&configuration(&setting))), Ok(setting));
                }
            }
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
            (rule("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>"), ""),
            (rule("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"), "InvalidArgument"),
            ("<Rule><BlockedEncryptionTypes/></Rule>".to_owned(), "NotImplemented"),
        ] {
            let body = format!("<ServerSideEncryptionConfiguration>{rules}</ServerSideEncryptionConfiguration>");
            assert_eq!(parse_configuration(body.as_bytes()).map_or_else(|e| e.code, |_| ""), code, "{rules}");
        }
    }
}
