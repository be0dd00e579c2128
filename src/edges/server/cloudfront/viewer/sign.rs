//! Making what viewers need: signatures over policies, and the URLs and cookies that carry them.
//!
//! Signatures are made with SHA-256 alone, and say so (`Hash-Algorithm=SHA256`): CloudFront takes both hashes, and
//! nothing new should rest on SHA-1. Those of other signers are checked with either.

use super::key::HashAlgorithm;
use super::parameters::{self, BASE64, COOKIE_PREFIX};
use super::policy::{self, Policy};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use std::net::IpAddr;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The length of the only RSA keys that CloudFront takes, in bytes.
const RSA_BYTES: usize = 256;
const HASH: HashAlgorithm = HashAlgorithm::Sha256;

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The text has no private key.
    #[error("there is no unencrypted private key in PEM (PKCS#1, PKCS#8 or SEC1)")]
    NoKey,
    /// The key is of another kind.
    #[error("the private key is neither RSA of 2,048 bits nor ECDSA P-256")]
    UnsupportedKey,
    /// The URL cannot be signed.
    #[error("the URL {0}")]
    Url(&'static str),
    /// The policy would be refused.
    #[error("the policy would be refused: {0}")]
    Policy(String),
    /// The cryptographic library failed.
    #[error("the signature could not be made")]
    Failed,
}

enum PrivateKey {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

/// What is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terms {
    /// One URL, up to this second since 1970.
    Canned {
        /// The end.
        expires: i64,
    },
    /// What this policy says, whose text is signed as it is.
    Custom {
        /// The policy.
        policy: String,
    },
}

/// A private key and the id of its public key.
pub struct ViewerSigner {
    key: PrivateKey,
    key_pair_id: String,
}

impl ViewerSigner {
    /// Reads a private key in PEM: PKCS#1 or PKCS#8 for RSA of 2,048 bits, SEC1 or PKCS#8 for ECDSA P-256.
    ///
    /// # Errors
    /// [`SignError::NoKey`], [`SignError::UnsupportedKey`].
    pub fn new(pem: &[u8], key_pair_id: &str) -> Result<Self, SignError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| SignError::NoKey)?;
        let ecdsa = |der: &[u8]| EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der);
        let key = match &der {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map(PrivateKey::Rsa),
            PrivateKeyDer::Sec1(der) => ecdsa(der.secret_sec1_der()).map(PrivateKey::Ecdsa),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
                .map(PrivateKey::Rsa)
                .or_else(|_| ecdsa(der.secret_pkcs8_der()).map(PrivateKey::Ecdsa)),
            _ => return Err(SignError::UnsupportedKey),
        };
        match key {
            Ok(PrivateKey::Rsa(key)) if key.public_modulus_len() != RSA_BYTES => Err(SignError::UnsupportedKey),
            Ok(key) => Ok(Self { key, key_pair_id: key_pair_id.to_owned() }),
            Err(_) => Err(SignError::UnsupportedKey),
        }
    }

    /// The signed URL, its host in lower case and without its scheme's own port, as browsers ask for it.
    ///
    /// # Errors
    /// [`SignError`]: the URL cannot be signed, or the signed one would be refused at `now`, in seconds since 1970.
    pub fn url(&self, url: &str, terms: &Terms, now: i64) -> Result<String, SignError> {
        let base = base_url(url)?;
        let (first, value, text) = worded(&base, terms);
        would_admit(&text, Some(&base), now)?;
        let mark = if base.contains('?') { '&' } else { '?' };
        let (signature, key, hash) = (self.signature(&text)?, &self.key_pair_id, HASH.as_str());
        Ok(format!("{base}{mark}{first}={value}&Signature={signature}&Key-Pair-Id={key}&Hash-Algorithm={hash}"))
    }

    /// The cookies, name and value, for one URL (canned) or for what the policy says; `url` is not looked at then.
    ///
    /// # Errors
    /// [`SignError`]: the URL cannot be signed, or the cookies would be refused at `now`, in seconds since 1970.
    pub fn cookies(&self, url: &str, terms: &Terms, now: i64) -> Result<Vec<(String, String)>, SignError> {
        let base = match terms {
            Terms::Canned { .. } => base_url(url)?,
            Terms::Custom { .. } => String::new(),
        };
        let (first, value, text) = worded(&base, terms);
        would_admit(&text, None, now)?;
        let pairs = [
            (first, value),
            ("Signature", self.signature(&text)?),
            ("Key-Pair-Id", self.key_pair_id.clone()),
            ("Hash-Algorithm", HASH.as_str().to_owned()),
        ];
        Ok(pairs.into_iter().map(|(name, value)| (format!("{COOKIE_PREFIX}{name}"), value)).collect())
    }

    pub(super) fn signature(&self, text: &str) -> Result<String, SignError> {
        let random = SystemRandom::new();
        let signature = match &self.key {
            PrivateKey::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).map(|()| signature)
            }
            PrivateKey::Ecdsa(key) => key.sign(&random, text.as_bytes()).map(|signature| signature.as_ref().to_vec()),
        };
        signature.map(|bytes| BASE64.encode(bytes)).map_err(|_| SignError::Failed)
    }
}

/// The first parameter's name and value, and the text that is signed.
fn worded(base: &str, terms: &Terms) -> (&'static str, String, String) {
    match terms {
        Terms::Canned { expires } => ("Expires", expires.to_string(), policy::canned(base, *expires)),
        Terms::Custom { policy } => ("Policy", BASE64.encode(policy), policy.clone()),
    }
}

/// Reads the policy as the door would, so that nothing is signed that it refuses.
fn would_admit(text: &str, url: Option<&str>, now: i64) -> Result<(), SignError> {
    let refused = |refusal: super::ViewerRefusal| SignError::Policy(refusal.detail().to_owned());
    let read = Policy::read(text).map_err(refused)?;
    if read.date_less_than <= now {
        return Err(SignError::Policy("its end has passed".to_owned()));
    }
    if read.date_greater_than.is_some_and(|after| after + 1 >= read.date_less_than) {
        return Err(SignError::Policy("it ends before it begins".to_owned()));
    }
    let Some(url) = url else { return Ok(()) };
    // From anywhere in the range, at the last second: what is left to refuse is the URL.
    let source = read.source.map_or(IpAddr::from([0, 0, 0, 0]), |range| range.first_host());
    read.check(url, source, read.date_less_than - 1).map_err(refused)
}

/// The URL as a viewer's request will name it: its host in lower case, without its scheme's own port, with a path.
///
/// # Errors
/// [`SignError::Url`]: viewers cannot send it so, or it is signed already.
pub fn base_url(url: &str) -> Result<String, SignError> {
    let (scheme, rest) = url.split_once("://").ok_or(SignError::Url("does not begin with http:// or https://"))?;
    let scheme = scheme.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return Err(SignError::Url("does not begin with http:// or https://")),
    };
    if rest.contains('#') {
        return Err(SignError::Url("has a fragment, which viewers never send"));
    }
    if !rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\<>^`{|}".contains(&b)) {
        return Err(SignError::Url("has characters that are sent percent-encoded: write them so"));
    }
    if rest.contains('*') {
        return Err(SignError::Url("has a `*`, which a signature could not tell from a wildcard: write it as %2A"));
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.to_ascii_lowercase();
    let host = host.strip_suffix(own_port).unwrap_or(&host);
    if host.is_empty() || host.contains('@') {
        return Err(SignError::Url("has no host, or a user's name before it"));
    }
    let root = if tail.starts_with('/') { "" } else { "/" };
    let path_and_query = format!("{root}{tail}");
    match parameters::of_url(&path_and_query) {
        Ok((_, None)) => Ok(format!("{scheme}://{host}{path_and_query}")),
        _ => Err(SignError::Url(
            "has a parameter that signed URLs keep for themselves: Expires, Policy, Signature, Key-Pair-Id, Hash-Algorithm",
        )),
    }
}
