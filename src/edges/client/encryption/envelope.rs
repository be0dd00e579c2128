//! What the metadata of an encrypted object say: formats 2 and 3.
//!
//! Source: the S3 Encryption Client's specification, "Content metadata".

use super::EncryptionError;
use super::keyring::Wrapped;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::BTreeMap;

/// How the bytes are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// `ALG_AES_256_GCM_IV12_TAG16_NO_KDF`, format 2.
    Plain,
    /// `ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY`, format 3.
    Committing,
}

impl Suite {
    /// Bytes of a message id.
    pub const MESSAGE_ID: usize = 28;
    /// Bytes of a commitment.
    pub const COMMITMENT: usize = 28;
    /// The suite's number, which is the additional data of its messages.
    pub const COMMITTING_ID: [u8; 2] = [0x00, 0x73];
    /// The nonce of its messages: each has a key of its own.
    pub const COMMITTING_NONCE: [u8; 12] = [1; 12];

    /// Its name, to which wrapped data keys are bound.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "AES/GCM/NoPadding",
            Self::Committing => "115",
        }
    }
}

/// The encryption metadata of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// How the bytes are encrypted.
    pub suite: Suite,
    /// The data key.
    pub wrapped: Wrapped,
    /// The nonce (format 2) or the message id (format 3).
    pub iv: Vec<u8>,
    /// The commitment to the data key; empty in format 2.
    pub commitment: Vec<u8>,
}

/// Names that stand in one format only.
const OF_FORMAT_1: [&str; 1] = ["x-amz-key"];
const OF_FORMAT_2: [&str; 3] = ["x-amz-key-v2", "x-amz-wrap-alg", "x-amz-cek-alg"];
const OF_FORMAT_3: [&str; 5] = ["x-amz-c", "x-amz-3", "x-amz-w", "x-amz-d", "x-amz-i"];
/// How format 3 writes the ways of wrapping.
const WRAPPING: [(&str, &str); 3] = [("02", "AES/GCM"), ("12", "kms+context"), ("22", "RSA-OAEP-SHA1")];

impl Envelope {
    pub(super) fn committing(wrapped: Wrapped, message_id: &[u8], commitment: &[u8]) -> Self {
        Self { suite: Suite::Committing, wrapped, iv: message_id.to_vec(), commitment: commitment.to_vec() }
    }

    /// Whether an object's user metadata, without `x-amz-meta-`, say that it was encrypted by a client.
    #[must_use]
    pub fn is_in(metadata: &BTreeMap<String, String>) -> bool {
        let mut names = OF_FORMAT_1.iter().chain(&OF_FORMAT_2).chain(&OF_FORMAT_3);
        names.any(|name| metadata.contains_key(*name))
    }

    /// Reads an object's user metadata; names are without `x-amz-meta-`, in lower case.
    ///
    /// # Errors
    /// [`EncryptionError::NotEncrypted`]; [`EncryptionError::Metadata`] where something is missing, malformed or of two
    /// formats; [`EncryptionError::Unsupported`] for ciphers that do not authenticate.
    pub fn read(metadata: &BTreeMap<String, String>) -> Result<Self, EncryptionError> {
        let has = |names: &[&str]| names.iter().any(|name| metadata.contains_key(*name));
        match (has(&OF_FORMAT_1), has(&OF_FORMAT_2), has(&OF_FORMAT_3)) {
            (false, false, false) => Err(EncryptionError::NotEncrypted),
            (true, false, false) => Err(EncryptionError::Unsupported("AES/CBC/PKCS5Padding".to_owned())),
            (false, true, false) => Self::format_2(metadata),
            (false, false, true) => Self::format_3(metadata),
            _ => Err(EncryptionError::Metadata("they are those of two formats".to_owned())),
        }
    }

    fn format_2(metadata: &BTreeMap<String, String>) -> Result<Self, EncryptionError> {
        let cipher = wanted(metadata, "x-amz-cek-alg")?;
        if cipher != Suite::Plain.name() {
            return Err(EncryptionError::Unsupported(cipher.to_owned()));
        }
        let tag = metadata.get("x-amz-tag-len").map(String::as_str);
        if tag != Some("128") {
            return Err(EncryptionError::Metadata("x-amz-tag-len is not 128".to_owned()));
        }
        let wrapped = Wrapped {
            algorithm: wanted(metadata, "x-amz-wrap-alg")?.to_owned(),
            key: bytes(metadata, "x-amz-key-v2")?,
            context: map(metadata, "x-amz-matdesc")?,
        };
        let iv = sized(bytes(metadata, "x-amz-iv")?, "x-amz-iv", super::gcm::NONCE)?;
        Ok(Self { suite: Suite::Plain, wrapped, iv, commitment: Vec::new() })
    }

    fn format_3(metadata: &BTreeMap<String, String>) -> Result<Self, EncryptionError> {
        let cipher = wanted(metadata, "x-amz-c")?;
        if cipher != Suite::Committing.name() {
            return Err(EncryptionError::Unsupported(cipher.to_owned()));
        }
        let short = wanted(metadata, "x-amz-w")?;
        let algorithm = WRAPPING.iter().find(|(code, _)| *code == short).map(|(_, name)| *name);
        let algorithm = algorithm.ok_or_else(|| EncryptionError::Unsupported(short.to_owned()))?;
        let context = if algorithm == "kms+context" { "x-amz-t" } else { "x-amz-m" };
        Ok(Self {
            suite: Suite::Committing,
            wrapped: Wrapped {
                algorithm: algorithm.to_owned(),
                key: bytes(metadata, "x-amz-3")?,
                context: map(metadata, context)?,
            },
            iv: sized(bytes(metadata, "x-amz-i")?, "x-amz-i", Suite::MESSAGE_ID)?,
            commitment: sized(bytes(metadata, "x-amz-d")?, "x-amz-d", Suite::COMMITMENT)?,
        })
    }

    /// The user metadata of the object, without `x-amz-meta-`.
    #[must_use]
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        let mut put = |name: &str, value: String| drop(out.insert(name.to_owned(), value));
        let key = BASE64.encode(&self.wrapped.key);
        let context = serde_json::json!(self.wrapped.context).to_string();
        match self.suite {
            Suite::Plain => {
                put("x-amz-cek-alg", self.suite.name().to_owned());
                put("x-amz-tag-len", "128".to_owned());
                put("x-amz-wrap-alg", self.wrapped.algorithm.clone());
                put("x-amz-key-v2", key);
                put("x-amz-matdesc", context);
                put("x-amz-iv", BASE64.encode(&self.iv));
            }
            Suite::Committing => {
                let short = WRAPPING.iter().find(|(_, name)| *name == self.wrapped.algorithm);
                put("x-amz-c", self.suite.name().to_owned());
                put("x-amz-w", short.map_or(self.wrapped.algorithm.clone(), |(code, _)| (*code).to_owned()));
                put("x-amz-3", key);
                let of_kms = self.wrapped.algorithm == "kms+context";
                put(if of_kms { "x-amz-t" } else { "x-amz-m" }, context);
                put("x-amz-i", BASE64.encode(&self.iv));
                put("x-amz-d", BASE64.encode(&self.commitment));
            }
        }
        out
    }
}

fn wanted<'m>(metadata: &'m BTreeMap<String, String>, name: &str) -> Result<&'m str, EncryptionError> {
    metadata.get(name).map(String::as_str).ok_or_else(|| EncryptionError::Metadata(format!("{name} is missing")))
}

fn bytes(metadata: &BTreeMap<String, String>, name: &str) -> Result<Vec<u8>, EncryptionError> {
    BASE64.decode(wanted(metadata, name)?).map_err(|_| EncryptionError::Metadata(format!("{name} is not base64")))
}

fn sized(bytes: Vec<u8>, name: &str, wanted: usize) -> Result<Vec<u8>, EncryptionError> {
    match bytes.len() {
        found if found == wanted => Ok(bytes),
        found => Err(EncryptionError::Metadata(format!("{name} is {found} bytes long instead of {wanted}"))),
    }
}

/// A JSON object of texts; absent, it is empty.
fn map(metadata: &BTreeMap<String, String>, name: &str) -> Result<BTreeMap<String, String>, EncryptionError> {
    let Some(text) = metadata.get(name) else { return Ok(BTreeMap::new()) };
    serde_json::from_str(text).map_err(|_| EncryptionError::Metadata(format!("{name} is not a JSON object of strings")))
}
