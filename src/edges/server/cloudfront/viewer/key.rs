//! The public keys that viewers' signatures are checked with.
//!
//! Source: CloudFront Developer Guide, "Specify signers that can create signed URLs and signed cookies" (RSA of 2,048
//! bits or ECDSA P-256); "Create a signed URL using a canned policy" (`Hash-Algorithm`: SHA-1 unless SHA-256 is named).

use crate::edges::server::cloudfront::model::PublicKey;
use crate::storage::store::Kept;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA1_ASN1, ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256,
};
use aws_lc_rs::{digest, rsa};
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The only length of RSA keys that CloudFront takes, in bits.
const RSA_BITS: usize = 2048;
/// How many good signatures are remembered for a key; 32 bytes each.
const REMEMBERED: usize = 8192;

/// How the text that is signed is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// SHA-1: what is meant where nothing is said.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
}

impl HashAlgorithm {
    /// The value of `Hash-Algorithm`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256].into_iter().find(|hash| hash.as_str() == text)
    }
}

/// A public key, read once for many checks.
#[derive(Clone, Debug)]
pub struct ViewerKey {
    // PERF: a parsed key of aws-lc holds its algorithm, so there is one for each hash.
    sha1: ParsedPublicKey,
    sha256: ParsedPublicKey,
    // PERF: a signature is good for ever, whoever shows it; the dates and addresses of what it is over are checked
    // anew each time. Viewers show the same one for many requests, and verifying costs more than a cached answer.
    // INVARIANT: what is remembered is remembered of this key alone, and under a digest of all that was verified.
    good: Arc<Cache<[u8; 32], ()>>,
}

/// Why a text is no public key for viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewerKeyError {
    /// There is no `PUBLIC KEY` block.
    #[error("the text has no `-----BEGIN PUBLIC KEY-----` block in PEM")]
    NotPem,
    /// It is neither RSA nor P-256, or the RSA key is not 2,048 bits long.
    #[error("the key is neither RSA of 2,048 bits nor ECDSA P-256")]
    Unsupported,
}

impl ViewerKey {
    /// Reads a key in PEM.
    ///
    /// # Errors
    /// [`ViewerKeyError`]: what stands there instead.
    pub fn from_pem(pem: &str) -> Result<Self, ViewerKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| ViewerKeyError::NotPem)?;
        let both = match rsa::PublicEncryptingKey::from_der(&der) {
            Ok(key) if key.key_size_bits() != RSA_BITS => return Err(ViewerKeyError::Unsupported),
            Ok(_) => [
                ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &der),
                ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der),
            ],
            Err(_) => {
                [ParsedPublicKey::new(&ECDSA_P256_SHA1_ASN1, &der), ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der)]
            }
        };
        match both {
            [Ok(sha1), Ok(sha256)] => Ok(Self { sha1, sha256, good: Arc::new(Cache::new(REMEMBERED)) }),
            _ => Err(ViewerKeyError::Unsupported),
        }
    }

    /// Whether this key's owner signed the text.
    #[must_use]
    pub fn verifies(&self, hash: HashAlgorithm, text: &[u8], signature: &[u8]) -> bool {
        let key = match hash {
            HashAlgorithm::Sha1 => &self.sha1,
            HashAlgorithm::Sha256 => &self.sha256,
        };
        let Ok(shown) = digest_of(hash, text, signature) else { return false };
        if self.good.get(&shown).is_some() {
            return true;
        }
        let good = key.verify_sig(text, signature).is_ok();
        if good {
            self.good.insert(shown, ());
        }
        good
    }
}

/// A digest of what a signature claims, each part by its length so that no two claims are the same text.
fn digest_of(hash: HashAlgorithm, text: &[u8], signature: &[u8]) -> Result<[u8; 32], std::array::TryFromSliceError> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [hash.as_str().as_bytes(), text, signature] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into()
}

/// All public keys by id, parsed when CloudFront's documents were read.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(HashMap<String, ViewerKey>);

impl KeyRing {
    /// The ring of the kept keys. One that cannot be read verifies nothing, and its id is unknown then.
    #[must_use]
    pub fn of(kept: &HashMap<String, Kept<PublicKey>>) -> Self {
        let read =
            |(id, key): (&String, &Kept<PublicKey>)| Some((id.clone(), ViewerKey::from_pem(&key.document.pem).ok()?));
        Self(kept.iter().filter_map(read).collect())
    }

    /// The key of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ViewerKey> {
        self.0.get(id)
    }
}
