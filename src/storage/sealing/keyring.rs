//! The root keys, by version.

use super::envelope::{Envelope, SealedBy};
use super::keyfile::{self, RootKey, Secret};
use super::keys::{DataKey, FreshKey, KEY_LEN, Wrapper};
use super::material::KeyMaterial;
use super::{BlobId, SealError};
use arc_swap::ArcSwap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// The key file's name in its directory.
const FILE: &str = "root.json";

/// The root keys. The newest seals new data keys; the older ones open what they sealed, for ever.
///
/// Reading is lock-free; rotation writes the file before the new key seals anything.
pub struct KeyRing {
    source: Source,
    keys: ArcSwap<Keys>,
    rotating: Mutex<()>,
}

/// Where the root keys come from. A key from the environment or from another file would be one more.
enum Source {
    File(PathBuf),
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
        let path = directory.join(FILE);
        if path.try_exists().map_err(|source| KeyRingError::Io { path: path.clone(), source })? {
            return Err(KeyRingError::Exists { path });
        }
        keyfile::make_directory(directory)?;
        let keys = vec![new_key(1, now)?];
        keyfile::write(&path, &keys)?;
        Ok(Self::with(path, keys))
    }

    /// Opens the key ring in `directory`.
    ///
    /// # Errors
    /// [`KeyRingError::Exposed`] if others may read the file; [`KeyRingError::Malformed`]; [`KeyRingError::Io`],
    /// also if there is none: then what is stored cannot be opened, and a new one would not help.
    pub fn open(directory: &Path) -> Result<Self, KeyRingError> {
        let path = directory.join(FILE);
        let keys = keyfile::read(&path)?;
        Ok(Self::with(path, keys))
    }

    fn with(path: PathBuf, keys: Vec<RootKey>) -> Self {
        Self { source: Source::File(path), keys: ArcSwap::from_pointee(Keys::new(keys)), rotating: Mutex::new(()) }
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
        if now.saturating_sub(created) < max_age { Ok(None) } else { self.add_key(now).map(Some) }
    }

    fn add_key(&self, now: i64) -> Result<u32, KeyRingError> {
        let Source::File(path) = &self.source;
        let mut keys: Vec<RootKey> = self.keys.load().all.iter().map(|(key, _)| key.clone()).collect();
        let version = self.version().checked_add(1).ok_or(KeyRingError::NoNewKey)?;
        keys.push(new_key(version, now)?);
        keyfile::write(path, &keys)?;
        self.keys.store(Arc::new(Keys::new(keys)));
        Ok(version)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Source::File(path) = &self.source;
        f.debug_struct("KeyRing").field("file", path).field("version", &self.version()).finish_non_exhaustive()
    }
}

fn new_key(version: u32, created: i64) -> Result<RootKey, KeyRingError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    aws_lc_rs::rand::fill(key.as_mut()).map_err(|_| KeyRingError::NoNewKey)?;
    Ok(RootKey { version, created, key: Secret(key) })
}
