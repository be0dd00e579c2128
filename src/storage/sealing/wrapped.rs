//! Root keys that a key elsewhere wraps: in a hardware security module, or in an external key service. The file
//! beside the metadata holds ciphertexts only, so a copied data directory opens nothing without that key.

use super::keyfile::{self, RootKey, Secret};
use super::keyring::KeyRingError;
use super::keys::KEY_LEN;
use super::source::{EnvironmentSource, FileSource, RootKeySource, RootKeys};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The file's name in its directory.
const FILE: &str = "wrapped.json";

/// The file's format.
const FORMAT: u8 = 1;

/// A root key in the clear, wiped from memory when dropped.
pub type RootKeyBytes = Zeroizing<[u8; KEY_LEN]>;

/// What a wrapped root key is bound to: it opens as this version of this ring and as nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The ring's random name, which stands in the file.
    pub ring: String,
    /// The root key's version.
    pub version: u32,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

impl Binding {
    /// As the encryption context of a key service.
    #[must_use]
    pub fn context(&self) -> BTreeMap<String, String> {
        let entries = [
            ("portcullis:purpose", "root-key".to_owned()),
            ("portcullis:ring", self.ring.clone()),
            ("portcullis:version", self.version.to_string()),
            ("portcullis:created", self.created.to_string()),
        ];
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// As the additional data of an authenticated cipher: the context as JSON, its names in order.
    #[must_use]
    pub fn additional_data(&self) -> Vec<u8> {
        serde_json::json!(self.context()).to_string().into_bytes()
    }
}

/// A root key as the wrapping key gave it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The wrapping key's own name of itself, for people: an ARN, or a PKCS#11 URI without its PIN.
    pub by: String,
    /// The wrapped root key, in whatever format the wrapping key has.
    pub ciphertext: Vec<u8>,
}

/// Why a wrapping key did not do its part. Never a part of a key or a PIN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrappingError {
    /// The wrapping key could not be reached or refused.
    #[error("{code}: {reason}")]
    Refused {
        /// The service's or device's own code, such as `AccessDeniedException` or `CKR_PIN_INCORRECT`.
        code: String,
        /// What it says, or what is to be done.
        reason: String,
    },
    /// A wrapped root key is not what this key made of it.
    #[error("root key {version} does not open: {reason}")]
    DoesNotOpen {
        /// The root key's version.
        version: u32,
        /// What the service or the device said.
        reason: String,
    },
}

/// A key that never leaves where it is, and wraps root keys there.
///
/// Both methods may wait for a network or a device. They take all keys at once, so that one session serves them.
pub trait WrappingKey: fmt::Debug + Send + Sync {
    /// How it wraps: a word that stands in the file. Formats of ciphertexts differ between methods.
    fn method(&self) -> &'static str;

    /// What it is called, for messages: never with a PIN or a secret.
    fn name(&self) -> String;

    /// Wraps root keys, each with its binding authenticated. The answer has as many, in the same order.
    ///
    /// # Errors
    /// [`WrappingError::Refused`].
    fn wrap(&self, keys: &[(Binding, RootKeyBytes)]) -> Result<Vec<WrappedKey>, WrappingError>;

    /// Opens what [`Self::wrap`] gave. The answer has as many, in the same order.
    ///
    /// # Errors
    /// [`WrappingError::DoesNotOpen`] if one was changed or its binding differs; [`WrappingError::Refused`].
    fn open(&self, keys: &[(Binding, WrappedKey)]) -> Result<Vec<RootKeyBytes>, WrappingError>;
}

/// What is in the file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedFile {
    format: u8,
    /// Random, made with the file.
    ring: String,
    keys: Vec<Entry>,
}

/// A wrapped root key as it stands in the file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    created: i64,
    method: String,
    by: String,
    ciphertext: Ciphertext,
}

/// Base64 in the file.
#[derive(Clone)]
struct Ciphertext(Vec<u8>);

impl Serialize for Ciphertext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Ciphertext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text).map(Self).map_err(|_| serde::de::Error::custom("a ciphertext is not base64"))
    }
}

impl WrappedFile {
    fn read(path: &Path) -> Result<Self, KeyRingError> {
        let text = keyfile::read_private(path)?;
        let malformed = |reason: String| KeyRingError::Malformed { path: path.to_owned(), reason };
        let file: Self = serde_json::from_slice(&text).map_err(|e| malformed(format!("no wrapped root keys: {e}")))?;
        keyfile::check(path, file.format, FORMAT, file.keys.iter().map(|key| key.version))?;
        Ok(file)
    }

    fn bound(&self, entry: &Entry) -> (Binding, WrappedKey) {
        let binding = Binding { ring: self.ring.clone(), version: entry.version, created: entry.created };
        (binding, WrappedKey { by: entry.by.clone(), ciphertext: entry.ciphertext.0.clone() })
    }
}

/// Root keys that a [`WrappingKey`] wraps, in the file `wrapped.json`. A key file that is there, and the environment's
/// root keys, still open what they sealed, so that a data directory can move: everything new is sealed under a wrapped
/// root key, and after a reseal the earlier ones can be taken away.
pub struct WrappedSource {
    path: PathBuf,
    key: Arc<dyn WrappingKey>,
    /// Wrapping keys from before, which open what they wrapped and wrap nothing new.
    former: Vec<Arc<dyn WrappingKey>>,
    /// Ascending, perhaps none.
    earlier: Vec<RootKey>,
}

impl fmt::Debug for WrappedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let earlier: Vec<u32> = self.earlier.iter().map(|key| key.version).collect();
        f.debug_struct("WrappedSource")
            .field("path", &self.path)
            .field("by", &self.key.name())
            .field("formerly_by", &self.former.iter().map(|key| key.name()).collect::<Vec<_>>())
            .field("earlier", &earlier)
            .finish()
    }
}

impl WrappedSource {
    /// The wrapped root keys of a directory, beside those of its key file and those of the environment variable's text.
    ///
    /// # Errors
    /// If the earlier ones are there and cannot be read.
    pub fn new(directory: &Path, key: Arc<dyn WrappingKey>, environment: Option<&str>) -> Result<Self, KeyRingError> {
        let file = FileSource::of(directory);
        let RootKeys(earlier) = match environment {
            Some(text) => EnvironmentSource::new(text, directory)?.read()?,
            None if file.exists()? => file.read()?,
            None => RootKeys(Vec::new()),
        };
        Ok(Self { path: directory.join(FILE), key, former: Vec::new(), earlier })
    }

    /// With wrapping keys from before: they open what they wrapped, until the next root key wraps all of them anew.
    #[must_use]
    pub fn with_former(self, former: Vec<Arc<dyn WrappingKey>>) -> Self {
        Self { former, ..self }
    }

    /// Where the wrapped root keys of a directory are, if they are.
    #[must_use]
    pub fn path_in(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// The wrapped root keys' file of a directory, if there is one.
    ///
    /// # Errors
    /// [`KeyRingError::Io`].
    pub fn file_of(directory: &Path) -> Result<Option<PathBuf>, KeyRingError> {
        let path = Self::path_in(directory);
        match path.try_exists() {
            Ok(there) => Ok(there.then_some(path)),
            Err(source) => Err(KeyRingError::Io { path, source }),
        }
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest version of those that are not wrapped; `None`: all are.
    #[must_use]
    pub fn earlier_version(&self) -> Option<u32> {
        self.earlier.last().map(|key| key.version)
    }

    /// The root keys that are not wrapped.
    pub(super) fn earlier(&self) -> &[RootKey] {
        &self.earlier
    }

    fn failed(&self, key: &dyn WrappingKey, error: WrappingError) -> KeyRingError {
        match error {
            WrappingError::Refused { code, reason } => KeyRingError::WrappingKey { name: key.name(), code, reason },
            WrappingError::DoesNotOpen { .. } => {
                KeyRingError::Malformed { path: self.path.clone(), reason: format!("with {}, {error}", key.name()) }
            }
        }
    }

    /// Opens every key of the file, in its order.
    fn opened(&self, file: &WrappedFile) -> Result<Vec<RootKeyBytes>, KeyRingError> {
        if !self.former.is_empty() {
            return file.keys.iter().map(|entry| self.opened_one(file, entry)).collect();
        }
        if let Some(entry) = file.keys.iter().find(|entry| entry.method != self.key.method()) {
            return Err(self.other_method(entry));
        }
        let wrapped: Vec<_> = file.keys.iter().map(|entry| file.bound(entry)).collect();
        self.key.open(&wrapped).map_err(|e| self.failed(&*self.key, e))
    }

    /// By the first of the wrapping keys, the former ones last, that wraps in the same way and opens it.
    fn opened_one(&self, file: &WrappedFile, entry: &Entry) -> Result<RootKeyBytes, KeyRingError> {
        let mut why = self.other_method(entry);
        let all = std::iter::once(&self.key).chain(&self.former);
        for (place, key) in all.enumerate().filter(|(_, key)| key.method() == entry.method) {
            match key.open(&[file.bound(entry)]) {
                Ok(mut opened) => {
                    if place > 0 {
                        let (version, key) = (entry.version, key.name());
                        tracing::warn!(
                            version,
                            key,
                            "a former key still wraps this root key; reseal, then leave it out"
                        );
                    }
                    return opened.pop().ok_or(why);
                }
                Err(error @ WrappingError::DoesNotOpen { .. }) => why = self.failed(&**key, error),
                Err(error @ WrappingError::Refused { .. }) => return Err(self.failed(&**key, error)),
            }
        }
        Err(why)
    }

    /// Refuses to put new wraps in the place of good ones before they were seen to open.
    fn check_that_it_opens(
        &self,
        plain: &[(Binding, RootKeyBytes)],
        wrapped: &[WrappedKey],
    ) -> Result<(), KeyRingError> {
        let bound: Vec<_> =
            plain.iter().zip(wrapped).map(|((binding, _), key)| (binding.clone(), key.clone())).collect();
        let opened = self.key.open(&bound).map_err(|e| self.failed(&*self.key, e))?;
        let same = plain.len() == wrapped.len()
            && plain.len() == opened.len()
            && plain.iter().zip(&opened).all(|((_, key), again)| key == again);
        if same {
            return Ok(());
        }
        let reason = "what it wrapped does not open to the same keys again".to_owned();
        Err(KeyRingError::WrappingKey { name: self.key.name(), code: "DoesNotOpen".to_owned(), reason })
    }

    fn other_method(&self, Entry { version, by, method, .. }: &Entry) -> KeyRingError {
        let reason = format!("root key {version} is wrapped by {by} ({method}), not by {}", self.key.name());
        KeyRingError::Malformed { path: self.path.clone(), reason }
    }
}

impl RootKeySource for WrappedSource {
    fn read(&self) -> Result<RootKeys, KeyRingError> {
        let file = WrappedFile::read(&self.path)?;
        let opened = self.opened(&file)?;
        let mut all = self.earlier.clone();
        // INVARIANT: as many as were asked for, in the same order.
        all.extend(file.keys.iter().zip(opened).map(|(entry, key)| RootKey {
            version: entry.version,
            created: entry.created,
            key: Secret(key),
        }));
        if all.is_sorted_by(|a, b| a.version < b.version) && all.len() == self.earlier.len() + file.keys.len() {
            return Ok(RootKeys(all));
        }
        let reason = "its versions must be above those of the root keys that are not wrapped".to_owned();
        Err(KeyRingError::Malformed { path: self.path.clone(), reason })
    }

    fn is_writable(&self) -> bool {
        true
    }

    /// Wraps all of them anew, so that the wrapping key's newest material wraps each.
    fn write(&self, keys: &RootKeys) -> Result<(), KeyRingError> {
        let ring = match Self::file_of(self.path.parent().unwrap_or(Path::new("")))? {
            Some(path) => WrappedFile::read(&path)?.ring,
            None => new_ring()?,
        };
        let newest_earlier = self.earlier_version().unwrap_or(0);
        let plain = keys.0.iter().filter(|key| key.version > newest_earlier).map(|key| {
            let binding = Binding { ring: ring.clone(), version: key.version, created: key.created };
            (binding, key.key.0.clone())
        });
        let plain: Vec<(Binding, RootKeyBytes)> = plain.collect();
        let wrapped = self.key.wrap(&plain).map_err(|e| self.failed(&*self.key, e))?;
        self.check_that_it_opens(&plain, &wrapped)?;
        let entries = plain.iter().zip(wrapped).map(|((binding, _), wrapped)| Entry {
            version: binding.version,
            created: binding.created,
            method: self.key.method().to_owned(),
            by: wrapped.by,
            ciphertext: Ciphertext(wrapped.ciphertext),
        });
        let file = WrappedFile { format: FORMAT, ring, keys: entries.collect() };
        let failed = |source| KeyRingError::Io { path: self.path.clone(), source };
        let mut text = serde_json::to_vec_pretty(&file).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        keyfile::write_durably(&self.path, &text).map_err(failed)
    }
}

/// 128 random bits, in hexadecimal digits.
fn new_ring() -> Result<String, KeyRingError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| KeyRingError::NoNewKey)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests;
