//! Opening a data directory: its lock, its format, its keys.

use super::error::StoreError;
use super::guards::Guards;
use super::records::FORMAT;
use super::{Inner, Store, buckets, identity, keys, sweep};
use crate::storage::blobs::{BlobOptions, Blobs};
use crate::storage::kv::{Engine, FaultPoint, FjallEngine, Options, Reads, Space};
use crate::storage::sealing::{KeyRing, RootKeyPlace};
use bytes::Bytes;
use dashmap::DashMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

/// The limits of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a single PUT, POST, copy or part.
    pub max_put_bytes: u64,
    /// The most bytes of an object of several parts.
    pub max_object_bytes: u64,
    /// The fewest bytes of every part but the last.
    pub min_part_bytes: u64,
}

impl Default for Limits {
    /// S3's own: 5 GiB, 5 TiB, 5 MiB.
    fn default() -> Self {
        Self { max_put_bytes: 5 << 30, max_object_bytes: 5 << 40, min_part_bytes: 5 << 20 }
    }
}

/// How a store is opened.
#[derive(Clone, Default)]
pub struct StoreSettings {
    /// The limits of objects.
    pub limits: Limits,
    /// Bytes of metadata blocks kept in memory; `None`: the engine's default.
    pub cache_bytes: Option<u64>,
    /// Bytes of the file system that stay free; `None`: the defaults of metadata and blobs.
    pub reserve_bytes: Option<u64>,
    /// Where tests make the disk fail or the process die.
    pub fault: Option<FaultPoint>,
    /// Where the root keys are.
    pub root_keys: RootKeyPlace,
}

impl Store {
    /// Opens a data directory, which is made if it is not there. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it; [`StoreError::Format`] if a version of the program wrote
    /// it that this one does not know; [`StoreError::RootKeys`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub async fn open(directory: &Path, settings: StoreSettings, now: i64) -> Result<Self, StoreError> {
        make_private(directory)?;
        let lock = lock(directory)?;
        let mut options = Options { faults: settings.fault.clone(), ..Options::default() };
        options.cache_bytes = settings.cache_bytes.unwrap_or(options.cache_bytes);
        options.reserve_bytes = settings.reserve_bytes.unwrap_or(options.reserve_bytes);
        let engine: Arc<dyn Engine> = Arc::new(FjallEngine::open(&directory.join("metadata"), options)?);
        let fresh = engine.get(Space::Settings, keys::FORMAT)?.is_none();
        let wrapped = engine.get(Space::Settings, keys::WRAPPED)?.is_some();
        let keys = settings.root_keys.key_ring(&directory.join("keys"), fresh, wrapped, now)?;
        let wraps = !wrapped && settings.root_keys.is_wrapped();
        let mut blob_options = BlobOptions { faults: settings.fault.clone(), ..BlobOptions::default() };
        blob_options.reserve = settings.reserve_bytes.unwrap_or(blob_options.reserve);
        let blobs = Blobs::open(&directory.join("blobs"), blob_options)?;
        let store = Self::assemble(engine, blobs, Arc::new(keys), settings, Some(lock)).await?;
        if wraps {
            // From here on, a file of wrapped root keys that is missing is lost, and not one that is yet to be made.
            store
                .transact(|t| {
                    t.put(Space::Settings, keys::WRAPPED, Bytes::from_static(b"1"));
                    Ok(())
                })
                .await?;
        }
        Ok(store)
    }

    /// Puts a store together from its parts; `lock` is held as long as the store is open.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn assemble(
        engine: Arc<dyn Engine>,
        blobs: Blobs,
        keys: Arc<KeyRing>,
        settings: StoreSettings,
        lock: Option<File>,
    ) -> Result<Self, StoreError> {
        let store = Self {
            inner: Arc::new(Inner {
                engine,
                blobs,
                keys,
                limits: settings.limits,
                fault: settings.fault,
                buckets: DashMap::new(),
                bucket_changes: tokio::sync::Mutex::new(()),
                account_blocks: DashMap::new(),
                guards: Arc::new(Guards::default()),
                sweeping: tokio::sync::Mutex::new(sweep::Waiting::default()),
                _lock: lock,
            }),
        };
        store.check_format().await?;
        // Nobody writes yet, so staging files are what a crash left.
        store.inner.blobs.remove_unfinished().await?;
        buckets::load(&store)?;
        identity::load(&store)?;
        Ok(store)
    }

    /// A data directory without a format is new and gets this program's.
    async fn check_format(&self) -> Result<(), StoreError> {
        match self.inner.engine.get(Space::Settings, keys::FORMAT)? {
            Some(stored) => {
                let found = <[u8; 4]>::try_from(&*stored).ok().map(u32::from_be_bytes);
                if found == Some(FORMAT) { Ok(()) } else { Err(StoreError::Format { found, known: FORMAT }) }
            }
            None => {
                self.transact(|t| {
                    t.put(Space::Settings, keys::FORMAT, Bytes::copy_from_slice(&FORMAT.to_be_bytes()));
                    Ok(())
                })
                .await
            }
        }
    }
}

/// Makes the data directory, readable by its owner alone.
fn make_private(directory: &Path) -> Result<(), StoreError> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(directory)?)
}

fn lock(directory: &Path) -> Result<File, StoreError> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
