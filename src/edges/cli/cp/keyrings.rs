//! `kms:KEY`, `aes:FILE` and `rsa:FILE`.

use crate::edges::client::Client;
use crate::edges::client::encryption::{AesKeyring, Keyring, RsaKeyring};
use crate::edges::client::kms::KmsKeyring;
use base64::Engine as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

/// The keyring of an option's value.
///
/// # Errors
/// A sentence about the value or the file that it names.
pub fn open(text: &str, context: &BTreeMap<String, String>, client: &Client) -> Result<Arc<dyn Keyring>, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    match kind {
        _ if rest.is_empty() => Err(format!("`{text}` names no key: wanted kms:KEY, aes:FILE or rsa:FILE")),
        "kms" => match KmsKeyring::new(client.clone(), rest, context.clone()) {
            Ok(keyring) => Ok(Arc::new(keyring)),
            Err(error) => Err(error.to_string()),
        },
        "aes" => of_file(rest, aes),
        "rsa" => of_file(rest, rsa),
        _ => Err(format!("`{kind}` is no kind of key: there are kms, aes and rsa")),
    }
}

fn of_file<K: Keyring + 'static>(path: &str, read: fn(&[u8]) -> Result<K, String>) -> Result<Arc<dyn Keyring>, String> {
    let bytes = Zeroizing::new(std::fs::read(Path::new(path)).map_err(|e| format!("{path}: {e}"))?);
    read(&bytes).map(|keyring| Arc::new(keyring) as Arc<dyn Keyring>).map_err(|e| format!("{path}: {e}"))
}

/// A key as it is, or in base64.
fn aes(bytes: &[u8]) -> Result<AesKeyring, String> {
    if let Ok(keyring) = AesKeyring::new(bytes) {
        return Ok(keyring);
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(bytes.trim_ascii()).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| "an AES key is 16 or 32 bytes long, also in base64".to_owned())?;
    AesKeyring::new(&decoded).map_err(|e| e.to_string())
}

fn rsa(pem: &[u8]) -> Result<RsaKeyring, String> {
    if let Ok(public) = SubjectPublicKeyInfoDer::from_pem_slice(pem) {
        return RsaKeyring::public(&public).map_err(|e| e.to_string());
    }
    let hint = "no `PUBLIC KEY` and no `PRIVATE KEY` in PEM form; `openssl pkcs8 -topk8 -nocrypt` makes one of an \
                `RSA PRIVATE KEY`";
    let private = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| hint.to_owned())?;
    RsaKeyring::private(private.secret_pkcs8_der()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_keys_are_bytes_or_base64() {
        assert!(aes(&[7; 32]).is_ok() && aes(&[7; 16]).is_ok());
        assert!(aes(b"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").is_ok());
        for bad in [&[7_u8; 31][..], b"", b"BwcH", b"password"] {
            assert!(aes(bad).is_err(), "{bad:?}");
        }
        assert!(
            rsa(b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
                .is_err_and(|e| e.contains("openssl pkcs8"))
        );
        assert!(rsa(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").is_err());
    }
}
