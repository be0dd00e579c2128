//! TLS: a given certificate, or one made here.
//!
//! TLS 1.2 and 1.3 with the default suites of rustls; ALPN says HTTP/1.1.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not PEM, or holds nothing of the kind that is wanted.
    #[error("{path}: no {wanted} in PEM form: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        wanted: &'static str,
        /// What was found.
        reason: String,
    },
    /// A certificate was made before, and its key is gone.
    #[error("{0} stands without its key; restore `key.pem`, or delete the certificate to have a new one made")]
    KeyMissing(PathBuf),
    /// A name cannot stand in a certificate.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The configuration for a certificate chain and its key, both PEM files.
///
/// # Errors
/// Files that cannot be read, are not PEM, or do not belong together.
pub fn from_files(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(cert)?;
    let bytes = read(key)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| TlsError::Pem {
        path: key.to_owned(),
        wanted: "private key",
        reason: e.to_string(),
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A certificate that was made here.
#[derive(Debug)]
pub struct SelfMade {
    /// What a TLS listener needs.
    pub config: Arc<ServerConfig>,
    /// The certificate's file, which clients are told to trust.
    pub cert: PathBuf,
    /// Wanted names that a certificate of an earlier start does not have.
    pub lacking: Vec<String>,
}

/// The certificate of `DIR/tls/cert.pem` with its key `DIR/tls/key.pem`; made where there is none. It stands for
/// `localhost`, `127.0.0.1`, `::1` and these hosts, and for every name directly below each host name of two
/// labels or more, as virtual-hosted buckets need it. One that exists is kept, since clients trust it.
///
/// # Errors
/// Files that cannot be read or written, names that cannot stand in a certificate.
pub fn self_made(data: &Path, hosts: &[String]) -> Result<SelfMade, TlsError> {
    let folder = data.join("tls");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let names = names(hosts);
    let made_before = exists(&cert)?;
    if !made_before {
        make(&folder, &cert, &key, &names)?;
    } else if !exists(&key)? {
        return Err(TlsError::KeyMissing(cert));
    }
    let lacking = if made_before { lacking(&cert, names)? } else { Vec::new() };
    Ok(SelfMade { config: from_files(&cert, &key)?, cert, lacking })
}

fn names(hosts: &[String]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    for host in hosts {
        names.push(host.clone());
        // Clients take no wildcard below a single label, such as `*.localhost` (CA/Browser Forum, and OpenSSL,
        // webpki and browsers with it).
        if host.contains('.') && host.parse::<std::net::IpAddr>().is_err() {
            names.push(format!("*.{host}"));
        }
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn make(folder: &Path, cert: &Path, key: &Path, names: &[String]) -> Result<(), TlsError> {
    let pair = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "portcullis");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let made = params.self_signed(&pair)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    // The key first: a certificate shows that both are whole.
    write_private(key, pair.serialize_pem().as_bytes())?;
    write_private(cert, made.pem().as_bytes())
}

/// Writes a file that its owner alone can read; it appears whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), TlsError> {
    let partial = path.with_extension("partial");
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&partial)(error)),
        _ => {}
    }
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(at(&partial))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&partial))?;
    fs::rename(&partial, path).map_err(at(path))
}

fn lacking(cert: &Path, names: Vec<String>) -> Result<Vec<String>, TlsError> {
    let chain = certificates(cert)?;
    let Some(first) = chain.first() else { return Ok(names) };
    let parsed = ParsedCertificate::try_from(first)?;
    let has = |name: &str| {
        // A wildcard stands for any one label below it.
        let example = name.strip_prefix("*.").map_or_else(|| name.to_owned(), |rest| format!("bucket.{rest}"));
        ServerName::try_from(example).is_ok_and(|n| verify_server_name(&parsed, &n).is_ok())
    };
    Ok(names.into_iter().filter(|name| !has(name)).collect())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |reason: String| TlsError::Pem { path: path.to_owned(), wanted: "certificate", reason };
    let bytes = read(path)?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|e| unusable(e.to_string()))?;
    if chain.is_empty() { Err(unusable("there is none".to_owned())) } else { Ok(chain) }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(at(path))
}

fn exists(path: &Path) -> Result<bool, TlsError> {
    path.try_exists().map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TlsError {
    move |source| TlsError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::testing::TempDir;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_made_certificate_is_private_and_kept() {
        let dir = TempDir::new();
        let first = self_made(dir.path(), &["s3.example.test".to_owned()]).expect("made");
        let mode = |name: &str| fs::metadata(dir.path().join("tls").join(name)).expect("a file").permissions().mode();
        assert_eq!(mode("key.pem") & 0o777, 0o600);
        assert_eq!(mode("cert.pem") & 0o777, 0o600);
        let before = fs::read(&first.cert).expect("readable");
        let again = self_made(dir.path(), &["s3.example.test".to_owned()]).expect("read");
        assert_eq!(fs::read(&again.cert).expect("readable"), before);
        assert_eq!(again.lacking, Vec::<String>::new());
        let other = self_made(dir.path(), &["other.test".to_owned(), "10.0.0.7".to_owned()]).expect("read");
        assert_eq!(other.lacking, ["other.test", "*.other.test", "10.0.0.7"]);
    }

    #[test]
    fn a_certificate_without_its_key_is_an_error() {
        let dir = TempDir::new();
        let made = self_made(dir.path(), &[]).expect("made");
        fs::remove_file(dir.path().join("tls/key.pem")).expect("removed");
        assert!(matches!(self_made(dir.path(), &[]), Err(TlsError::KeyMissing(path)) if path == made.cert));
    }

    #[test]
    fn files_that_are_no_certificates_say_so() {
        let dir = TempDir::new();
        let path = dir.path().join("x.pem");
        let error = from_files(&path, &path).expect_err("there is no file");
        assert!(matches!(error, TlsError::File { .. }), "{error}");
        fs::write(&path, "hello").expect("written");
        let error = from_files(&path, &path).expect_err("no certificate");
        assert!(matches!(error, TlsError::Pem { wanted: "certificate", .. }), "{error}");
        let made = self_made(dir.path(), &[]).expect("made");
        let error = from_files(&made.cert, &made.cert).expect_err("no key");
        assert!(matches!(error, TlsError::Pem { wanted: "private key", .. }), "{error}");
    }
}
