//! An identity provider whose keys the server reads from a file.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// An issuer of tokens, signed with ES256.
pub struct Issuer {
    pair: EcdsaKeyPair,
    file: PathBuf,
}

impl Issuer {
    /// Its URL.
    pub const URL: &str = "https://id.test";

    /// A new one, whose keys are written into this folder.
    pub fn new(folder: &Path) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let point = pair.public_key().as_ref();
        let part = |from, to| URL_SAFE_NO_PAD.encode(point.get(from..to).expect("a point"));
        let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": part(1, 33), "y": part(33, 65)}]});
        let file = folder.join("keys.json");
        std::fs::write(&file, keys.to_string()).expect("writable");
        Self { pair, file }
    }

    /// What `--oidc-keys` is told.
    pub fn setting(&self) -> String {
        format!("{}={}", Self::URL, self.file.display())
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "1", "typ": "JWT"})), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
