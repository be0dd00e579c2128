//! The root keys, by version.

use super::envelope::{Envelope, SealedBy};
use super::keyfile::{self, RootKey, Secret};
use super::keys::{DataKey, FreshKey, KEY_LEN, Wrapper};
use super::material::KeyMaterial;
use super::source::{FileSource, RootKeySource, RootKeys};
use super::wrapped::WrappedSource;
use super::{BlobId, SealError};
use arc_swap::ArcSwap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// The root keys. The newest seals new data keys; the older ones open what they sealed, for ever.
///
/// Reading is lock-free; rotation writes the file before the new key seals anything.
pub struct KeyRing {
    source: Box<dyn RootKeySource>,
    keys: ArcSwap<Keys>,
    rotating: Mutex<()>,
}

/// Why the key ring could not be opened, made or rotated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The key file or its directory could not be read or written.
    #[error("key file `{}`: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read or write the key file.
    #[error("key file `{}` is open to others (mode {mode:03o}): make it readable by its owner only (mode 600)", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file does not hold root keys.
    #[error("key file `{}`: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong; never a part of a key.
        reason: String,
    },
    /// A new key ring was wanted where there is one: replacing it would lose everything that it sealed.
    #[error("key file `{}` exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The environment's root keys are none, or clash with the key file's.
    #[error("environment variable `{variable}`: {reason}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What is wrong; never a part of a key.
        reason: String,
    },
    /// The key that wraps the root keys, in a device or an external key service, did not do its part.
    #[error("root keys: {name}: {code}: {reason}")]
    WrappingKey {
        /// What it is called.
        name: String,
        /// The device's or service's own code.
        code: String,
        /// What it says, or what is to be done; never a part of a key or a PIN.
        reason: String,
    },
    /// The root keys are wrapped, and were to be read from elsewhere.
    #[error("the root keys are wrapped, in `{}`: name their wrapping key with --root-key-source", path.display())]
    Wrapped {
        /// The file.
        path: PathBuf,
    },
    /// The root keys are known to be wrapped, and the file with them is gone: new ones would open nothing.
    #[error("`{}` is gone: the root keys are wrapped in it; put it back", path.display())]
    WrappedGone {
        /// The file.
        path: PathBuf,
    },
    /// The root keys come from where this program cannot write.
    #[error("the root keys come from {source_name}: add the new one there, with the next version, and start again")]
    NotWritable {
        /// Where they come from.
        source_name: String,
    },
    /// The system gave no random bytes, or versions are used up.
    #[error("no new root key could be made")]
    NoNewKey,
}

struct Keys {
    /// Ascending versions, never empty; each with what was made of it.
    all: Vec<(RootKey, Wrapper)>,
}

impl Keys {
    fn new(keys: Vec<RootKey>) -> Self {
        let all = keys.into_iter().map(|key| {
            let wrapper = Wrapper::new(&key.key.0);
            (key, wrapper)
        });
        Self { all: all.collect() }
    }

    fn newest(&self) -> &(RootKey, Wrapper) {
        self.all.last().expect("a key ring has at least one key")
    }

    fn version(&self, version: u32) -> Option<&Wrapper> {
        let place = self.all.binary_search_by_key(&version, |(key, _)| key.version).ok()?;
        self.all.get(place).map(|(_, wrapper)| wrapper)
    }
}

impl KeyRing {
    /// Makes a key ring with one root key, in the new file `root.json` of `directory`, which is made if it is not
    /// there. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`KeyRingError::Exists`] if there is one already: nothing is replaced.
    pub fn create(directory: &Path, now: i64) -> Result<Self, KeyRingError> {
        let source = FileSource::of(directory);
        if source.exists()? {
            return Err(KeyRingError::Exists { path: source.path().to_owned() });
        }
        keyfile::make_directory(directory)?;
        let keys = vec![new_key(1, now)?];
        source.write(&RootKeys(keys.clone()))?;
        Ok(Self::with(Box::new(source), keys))
    }

    /// Makes a key ring with one new root key in a source of wrapped root keys, above those that are not wrapped. `now`
    /// is in seconds since 1970.
    ///
    /// # Errors
    /// [`KeyRingError::Exists`] if there is one already; [`KeyRingError::WrappingKey`].
    pub fn create_wrapped(source: WrappedSource, directory: &Path, now: i64) -> Result<Self, KeyRingError> {
        if source.path().exists() {
            return Err(KeyRingError::Exists { path: source.path().to_owned() });
        }
        keyfile::make_directory(directory)?;
        let mut keys = source.earlier().to_vec();
        let version = source.earlier_version().unwrap_or(0).checked_add(1).ok_or(KeyRingError::NoNewKey)?;
        keys.push(new_key(version, now)?);
        source.write(&RootKeys(keys.clone()))?;
        Ok(Self::with(Box::new(source), keys))
    }

    /// Opens the key ring in `directory`.
    ///
    /// # Errors
    /// [`KeyRingError::Exposed`] if others may read the file; [`KeyRingError::Malformed`]; [`KeyRingError::Io`],
    /// also if there is none: then what is stored cannot be opened, and a new one would not help.
    pub fn open(directory: &Path) -> Result<Self, KeyRingError> {
        Self::from_source(Box::new(FileSource::of(directory)))
    }

    /// Opens the key ring of a source.
    ///
    /// # Errors
    /// What the source says.
    pub fn from_source(source: Box<dyn RootKeySource>) -> Result<Self, KeyRingError> {
        let RootKeys(keys) = source.read()?;
        Ok(Self::with(source, keys))
    }

    fn with(source: Box<dyn RootKeySource>, keys: Vec<RootKey>) -> Self {
        Self { source, keys: ArcSwap::from_pointee(Keys::new(keys)), rotating: Mutex::new(()) }
    }

    /// The version of the root key that seals new data keys.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.keys.load().newest().0.version
    }

    /// A new data key for this blob, sealed under the newest root key.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn seal_new(&self, blob: BlobId) -> Result<(FreshKey, Envelope), SealError> {
        let keys = self.keys.load();
        let (key, wrapper) = keys.newest();
        wrapper.seal_new(blob, SealedBy::Root { version: key.version }, &[])
    }

    /// The data key of this blob.
    ///
    /// # Errors
    /// [`SealError::TamperedKey`] if the envelope is not this blob's or was changed;
    /// [`SealError::CustomerKeyNeeded`], [`SealError::UnknownRootKey`], [`SealError::UnknownFormat`].
    pub fn open_key(&self, blob: BlobId, envelope: &Envelope) -> Result<DataKey, SealError> {
        let key = self.open_bytes(blob, envelope)?;
        DataKey::new(&key, envelope)
    }

    /// The material of a key of the key service: the key of an envelope that seals nothing else.
    ///
    /// # Errors
    /// As [`Self::open_key`].
    pub fn open_material(&self, blob: BlobId, envelope: &Envelope) -> Result<KeyMaterial, SealError> {
        let key = self.open_bytes(blob, envelope)?;
        Ok(KeyMaterial::new(&key))
    }

    fn open_bytes(&self, blob: BlobId, envelope: &Envelope) -> Result<Zeroizing<[u8; KEY_LEN]>, SealError> {
        match envelope.sealed_by {
            SealedBy::Customer => Err(SealError::CustomerKeyNeeded { blob }),
            SealedBy::Kms { .. } => Err(SealError::ServiceKeyNeeded { blob }),
            SealedBy::Root { version } => {
                let keys = self.keys.load();
                let wrapper = keys.version(version).ok_or(SealError::UnknownRootKey { version })?;
                wrapper.open_bytes(blob, envelope, &[])?.ok_or(SealError::TamperedKey { blob })
            }
        }
    }

    /// Adds a root key, which seals all new data keys from now on, and returns its version. `now` is in seconds
    /// since 1970. The new key is on disk before it is used.
    ///
    /// # Errors
    /// [`KeyRingError::Io`]; the keys in use are then as before.
    pub fn rotate(&self, now: i64) -> Result<u32, KeyRingError> {
        let _one_at_a_time = self.rotating.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.add_key(now)
    }

    /// As [`Self::rotate`], if the newest root key is at least `max_age` seconds old at `now`. Returns the new
    /// version, if there is one.
    ///
    /// # Errors
    /// As [`Self::rotate`].
    pub fn rotate_if_older_than(&self, now: i64, max_age: i64) -> Result<Option<u32>, KeyRingError> {
        let _one_at_a_time = self.rotating.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let created = self.keys.load().newest().0.created;
        let young = now.saturating_sub(created) < max_age;
        if young || !self.source.is_writable() { Ok(None) } else { self.add_key(now).map(Some) }
    }

    /// Whether [`Self::rotate`] can add a root key: where the keys come from takes new ones.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.source.is_writable()
    }

    /// The same data key, sealed under the newest root key; `None`: it is so already, or no root key seals it.
    ///
    /// # Errors
    /// As [`Self::open_key`].
    pub fn reseal(&self, blob: BlobId, envelope: &Envelope) -> Result<Option<Envelope>, SealError> {
        let keys = self.keys.load();
        let (newest, wrapper) = keys.newest();
        match envelope.sealed_by {
            SealedBy::Root { version } if version != newest.version => {
                let key = self.open_bytes(blob, envelope)?;
                let sealed_by = SealedBy::Root { version: newest.version };
                wrapper.seal(blob, Envelope { sealed_by, ..envelope.clone() }, &[], key).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn add_key(&self, now: i64) -> Result<u32, KeyRingError> {
        let mut keys: Vec<RootKey> = self.keys.load().all.iter().map(|(key, _)| key.clone()).collect();
        let version = self.version().checked_add(1).ok_or(KeyRingError::NoNewKey)?;
        keys.push(new_key(version, now)?);
        self.source.write(&RootKeys(keys.clone()))?;
        self.keys.store(Arc::new(Keys::new(keys)));
        Ok(version)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("source", &self.source)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

fn new_key(version: u32, created: i64) -> Result<RootKey, KeyRingError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    aws_lc_rs::rand::fill(key.as_mut()).map_err(|_| KeyRingError::NoNewKey)?;
    Ok(RootKey { version, created, key: Secret(key) })
}
