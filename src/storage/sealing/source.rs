//! Where root keys come from: the key file, the environment, or whatever else implements [`RootKeySource`].

use super::keyfile::{self, RootKey, Secret};
use super::keyring::KeyRing;
use super::keyring::KeyRingError;
use super::keys::KEY_LEN;
use super::wrapped::{WrappedSource, WrappingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key file's name in its directory.
const FILE: &str = "root.json";

/// The environment variable with root keys: `VERSION:BASE64`, several with commas between them; `BASE64` alone is
/// version 1. Each is 32 bytes.
pub const ROOT_KEY_VARIABLE: &str = "PORTCULLIS_ROOT_KEY";

/// Where a data directory's root keys are.
#[derive(Clone, Default)]
pub enum RootKeyPlace {
    /// In the key file.
    #[default]
    File,
    /// In this text, the value of [`ROOT_KEY_VARIABLE`], beside those of the key file.
    Environment(Zeroizing<String>),
    /// Wrapped by a key elsewhere, beside those of the key file and of the environment.
    Wrapped {
        /// The key that wraps them.
        key: Arc<dyn WrappingKey>,
        /// Keys that wrapped them before.
        former: Vec<Arc<dyn WrappingKey>>,
        /// The value of [`ROOT_KEY_VARIABLE`]: root keys from before.
        environment: Option<Zeroizing<String>>,
    },
}

impl fmt::Debug for RootKeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("File"),
            Self::Environment(_) => f.write_str("Environment(…)"),
            Self::Wrapped { key, .. } => f.debug_tuple("Wrapped").field(&key.name()).finish(),
        }
    }
}

impl RootKeyPlace {
    /// Whether a key elsewhere wraps them.
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        matches!(self, Self::Wrapped { .. })
    }

    /// The key ring in the directory of key files of a data directory. A new one is made only for a new data directory,
    /// `fresh`, or beside root keys that move: with metadata there and keys gone, a new one would open nothing. `now`
    /// is in seconds since 1970. `wrapped`: the metadata says that the root keys were wrapped before.
    ///
    /// # Errors
    /// What the place says; [`KeyRingError::Wrapped`] if the root keys are wrapped and this names no wrapping key;
    /// [`KeyRingError::WrappedGone`].
    pub fn key_ring(&self, directory: &Path, fresh: bool, wrapped: bool, now: i64) -> Result<KeyRing, KeyRingError> {
        let file = WrappedSource::file_of(directory)?;
        if wrapped && file.is_none() {
            return Err(KeyRingError::WrappedGone { path: WrappedSource::path_in(directory) });
        }
        if let Self::Wrapped { key, former, environment } = self {
            let environment = environment.as_ref().map(|text| text.as_str());
            let source = WrappedSource::new(directory, Arc::clone(key), environment)?.with_former(former.clone());
            if let Some(version) = source.earlier_version() {
                tracing::warn!(version, "root keys up to this version are not wrapped; reseal, then take them away");
            }
            let moves = fresh || source.earlier_version().is_some();
            return if file.is_none() && moves {
                KeyRing::create_wrapped(source, directory, now)
            } else {
                KeyRing::from_source(Box::new(source))
            };
        }
        if let Some(path) = file {
            return Err(KeyRingError::Wrapped { path });
        }
        match self {
            Self::Environment(text) => KeyRing::from_source(Box::new(EnvironmentSource::new(text, directory)?)),
            _ if fresh && !FileSource::of(directory).exists()? => KeyRing::create(directory, now),
            _ => KeyRing::open(directory),
        }
    }
}

/// Root keys with their versions, which ascend. What is in them is never shown.
#[derive(Clone)]
pub struct RootKeys(pub(super) Vec<RootKey>);

impl fmt::Debug for RootKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| key.version)).finish()
    }
}

impl RootKeys {
    /// Root keys from their versions, times (seconds since 1970) and bytes; `None` if there is none, or versions do
    /// not ascend from 1 or more.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (u32, i64, Zeroizing<[u8; KEY_LEN]>)>) -> Option<Self> {
        let keys: Vec<RootKey> =
            keys.into_iter().map(|(version, created, key)| RootKey { version, created, key: Secret(key) }).collect();
        let ascend = keys.is_sorted_by(|a, b| a.version < b.version);
        let first = keys.first()?;
        (first.version > 0 && ascend).then_some(Self(keys))
    }
}

/// Where root keys come from. A device or an external key service holds them wrapped, and unwraps them in
/// [`RootKeySource::read`].
pub trait RootKeySource: fmt::Debug + Send + Sync {
    /// All root keys, those included that seal nothing new any more.
    ///
    /// # Errors
    /// Where they cannot be had; then nothing that is stored can be opened.
    fn read(&self) -> Result<RootKeys, KeyRingError>;

    /// Whether [`Self::write`] can take a new root key.
    fn is_writable(&self) -> bool;

    /// Keeps these root keys. Once it returns, they survive a loss of power.
    ///
    /// # Errors
    /// [`KeyRingError::NotWritable`], or why they cannot be kept; those from before are then still there.
    fn write(&self, keys: &RootKeys) -> Result<(), KeyRingError>;
}

/// The key file.
#[derive(Debug)]
pub struct FileSource(PathBuf);

impl FileSource {
    /// The file `root.json` of a directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self(directory.join(FILE))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether the file is there.
    ///
    /// # Errors
    /// [`KeyRingError::Io`].
    pub fn exists(&self) -> Result<bool, KeyRingError> {
        self.0.try_exists().map_err(|source| KeyRingError::Io { path: self.0.clone(), source })
    }
}

impl RootKeySource for FileSource {
    fn read(&self) -> Result<RootKeys, KeyRingError> {
        keyfile::read(&self.0).map(RootKeys)
    }

    fn is_writable(&self) -> bool {
        true
    }

    fn write(&self, keys: &RootKeys) -> Result<(), KeyRingError> {
        keyfile::write(&self.0, &keys.0)
    }
}

/// The environment. A key file that is there still opens what its keys sealed, so that a data directory can move to
/// the environment: give the new key a version above the file's, reseal, and take the file away.
#[derive(Debug)]
pub struct EnvironmentSource {
    own: RootKeys,
    file: FileSource,
}

impl EnvironmentSource {
    /// The root keys of the variable's text, beside those of the key file in a directory.
    ///
    /// # Errors
    /// [`KeyRingError::Environment`].
    pub fn new(text: &str, directory: &Path) -> Result<Self, KeyRingError> {
        let mut own = text.split(',').map(parse).collect::<Result<Vec<_>, _>>()?;
        own.sort_by_key(|(version, ..)| *version);
        let own = RootKeys::new(own).ok_or_else(|| wrong("versions begin with 1, and no two keys have the same"))?;
        Ok(Self { own, file: FileSource::of(directory) })
    }
}

/// `VERSION:BASE64` or `BASE64`.
fn parse(text: &str) -> Result<(u32, i64, Zeroizing<[u8; KEY_LEN]>), KeyRingError> {
    let (version, key) = text.trim().split_once(':').unwrap_or(("1", text.trim()));
    let version = version.parse().map_err(|_| wrong("a version is not a number"))?;
    let bytes = Zeroizing::new(BASE64.decode(key).unwrap_or_default());
    let bytes = <&[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| wrong("a key is not 32 bytes in base64"))?;
    Ok((version, 0, Zeroizing::new(*bytes)))
}

fn wrong(reason: &str) -> KeyRingError {
    KeyRingError::Environment { variable: ROOT_KEY_VARIABLE, reason: reason.to_owned() }
}

impl RootKeySource for EnvironmentSource {
    fn read(&self) -> Result<RootKeys, KeyRingError> {
        let mut all = if self.file.exists()? { self.file.read()?.0 } else { Vec::new() };
        all.extend(self.own.0.iter().cloned());
        if !all.is_sorted_by(|a, b| a.version < b.version) {
            return Err(wrong("its versions must be above those of the key file, which is still there"));
        }
        Ok(RootKeys(all))
    }

    fn is_writable(&self) -> bool {
        false
    }

    fn write(&self, _: &RootKeys) -> Result<(), KeyRingError> {
        Err(KeyRingError::NotWritable { source_name: format!("the environment variable {ROOT_KEY_VARIABLE}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        BASE64.encode([byte; KEY_LEN])
    }

    #[test]
    fn the_environment_holds_versions() {
        let nowhere = Path::new("/nowhere-at-all");
        let read = |text: &str| EnvironmentSource::new(text, nowhere).and_then(|source| source.read());
        assert_eq!(format!("{:?}", read(&key(7)).expect("one key")), "[1]");
        assert_eq!(format!("{:?}", read(&format!("3:{}, 2:{}", key(1), key(2))).expect("two keys")), "[2, 3]");
        for wrong in [
            String::new(),
            "x".to_owned(),
            format!("0:{}", key(1)),
            format!("{0},{0}", key(1)),
            format!("y:{}", key(1)),
        ] {
            let error = read(&wrong).expect_err("refused").to_string();
            assert!(error.contains(ROOT_KEY_VARIABLE) && !error.contains(&key(1)), "{error}");
        }
        let source = EnvironmentSource::new(&key(7), nowhere).expect("a key");
        assert!(matches!(source.write(&source.own.clone()), Err(KeyRingError::NotWritable { .. })));
    }
}
