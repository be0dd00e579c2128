//! Object bytes on disk: opaque ids, sealed chunks, flushed before they are acknowledged.
//!
//! A blob is written once, whole, and never changed; what belongs to which object is the metadata's business. A
//! blob that no metadata names is an orphan and may be deleted at any time: readers that have it open keep it.
//!
//! Writing and listing go through `object_store`. Reading opens the file directly: that is one hop to a blocking
//! thread for open, read and decryption of a small blob, where `object_store` takes one for opening alone.
//!
//! Absent here: keys (they come with each call), plaintext on disk, names that users chose.

mod error;
mod files;
mod reader;
#[cfg(test)]
mod unit_tests;
mod writer;

pub use super::sealing::BlobId;
pub use error::BlobError;
pub use reader::BlobReader;
pub use writer::{BlobInfo, BlobWriter};

use super::sealing::{DataKey, FreshKey};
use futures_util::{Stream, StreamExt as _};
use object_store::ObjectStore as _;
use object_store::local::LocalFileSystem;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Called between the steps of writing and deleting, with the step's name; its error counts as an error of the
/// disk. For crash tests. The steps: `blob.before_write` (each piece), `blob.before_finish` (all is written,
/// nothing flushed or visible), `blob.after_finish` (durable), `blob.before_delete`.
pub type Faults = Arc<dyn Fn(&'static str) -> io::Result<()> + Send + Sync>;

/// How blobs are kept.
#[derive(Clone)]
pub struct BlobOptions {
    /// Bytes of the file system that stay free: below it, writes are refused with [`BlobError::Full`], so that
    /// metadata and deletes still have room.
    pub reserve: u64,
    /// Faults to inject, for tests.
    pub faults: Option<Faults>,
}

impl Default for BlobOptions {
    fn default() -> Self {
        Self { reserve: 64 << 20, faults: None }
    }
}

impl fmt::Debug for BlobOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobOptions").field("reserve", &self.reserve).finish_non_exhaustive()
    }
}

/// The blobs in a directory, as `<last byte of the id>/<id>` in hexadecimal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    shared: Arc<Shared>,
}

struct Shared {
    store: LocalFileSystem,
    root: PathBuf,
    options: BlobOptions,
    /// Blobs that are being written: their staging files are not rubbish.
    unfinished: Mutex<HashSet<BlobId>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("root", &self.root).field("options", &self.options).finish_non_exhaustive()
    }
}

/// A blob as it lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Its id.
    pub id: BlobId,
    /// Bytes of the sealed file.
    pub sealed_len: u64,
    /// When it was written, in seconds since 1970, by the file system's clock.
    pub modified: i64,
}

impl Blobs {
    /// Opens the blobs in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn open(directory: &Path, options: BlobOptions) -> Result<Self, BlobError> {
        let root = files::prepare(directory).map_err(|e| BlobError::io("opening the blob directory", e))?;
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(|e| BlobError::of_store("opening the blob directory", None, e))?
            .with_fsync(true);
        Ok(Self { shared: Arc::new(Shared { store, root, options, unfinished: Mutex::default() }) })
    }

    /// Starts a new blob. Nothing is visible before [`BlobWriter::finish`].
    #[must_use]
    pub fn create(&self, id: BlobId, key: FreshKey) -> BlobWriter {
        BlobWriter::new(Arc::clone(&self.shared), id, key)
    }

    /// Opens bytes `range` of the plaintext of a blob for reading. The first of them are read and authenticated
    /// before this returns. The reader keeps the file: deleting the blob meanwhile does no harm.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::Length`] if the file is not as long as `plain_len` bytes sealed;
    /// [`BlobError::Tampered`]; [`BlobError::Seal`] if the range is not inside the blob; [`BlobError::Io`].
    pub async fn read(
        &self,
        id: BlobId,
        key: DataKey,
        plain_len: u64,
        range: Range<u64>,
    ) -> Result<BlobReader, BlobError> {
        BlobReader::open(self.shared.path(id), id, key, plain_len, range).await
    }

    /// Reads and authenticates all of a blob.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn verify(&self, id: BlobId, key: DataKey, plain_len: u64) -> Result<(), BlobError> {
        let mut reader = self.read(id, key, plain_len, 0..plain_len).await?;
        while let Some(chunk) = reader.next().await {
            chunk?;
        }
        Ok(())
    }

    /// Bytes of a blob's sealed file, or `None` if there is none.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn sealed_len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        let path = self.shared.path(id);
        files::blocking(move || match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(BlobError::io("looking for a blob", e)),
        })
        .await
    }

    /// Deletes a blob; one that is not there is no error. The deletion is not flushed: after a loss of power the
    /// blob may be back, as an orphan.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        self.shared.fault("blob.before_delete").map_err(|e| BlobError::io("deleting a blob", e))?;
        // Not through `delete_stream` of `object_store`: one hop instead of a stream of one.
        let path = self.shared.path(id);
        files::blocking(move || files::remove(&path).map_err(|e| BlobError::io("deleting a blob", e))).await
    }

    /// Every blob on disk, in no useful order; those written or deleted meanwhile may or may not be among them.
    ///
    /// An error stands for one entry, and the rest follows: [`BlobError::Foreign`] for a file that no blob has the
    /// name of, [`BlobError::Io`].
    pub fn list(&self) -> impl Stream<Item = Result<BlobEntry, BlobError>> + Send + use<> {
        self.shared.store.list(None).map(|found| {
            let meta = found.map_err(|e| BlobError::of_store("listing blobs", None, e))?;
            let name = meta.location.filename().and_then(BlobId::parse);
            match name.filter(|id| files::location(*id) == meta.location) {
                Some(id) => Ok(BlobEntry { id, sealed_len: meta.size, modified: meta.last_modified.timestamp() }),
                None => Err(BlobError::Foreign { path: meta.location.to_string() }),
            }
        })
    }

    /// Removes the staging files of writers that a crash ended, and returns how many there were. Writers at work
    /// are left alone, so it may run beside them.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub async fn remove_unfinished(&self) -> Result<u64, BlobError> {
        let shared = Arc::clone(&self.shared);
        files::blocking(move || {
            files::remove_staged(&shared.root, |id| !shared.unfinished().contains(&id))
                .map_err(|e| BlobError::io("removing unfinished blobs", e))
        })
        .await
    }

    /// Bytes that may still be written before the reserve is touched.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn free(&self) -> Result<u64, BlobError> {
        let free = files::free_space(&self.shared.root).map_err(|e| BlobError::io("asking for free space", e))?;
        Ok(free.saturating_sub(self.shared.options.reserve))
    }
}

impl Shared {
    fn path(&self, id: BlobId) -> PathBuf {
        files::path(&self.root, id)
    }

    fn fault(&self, step: &'static str) -> io::Result<()> {
        self.options.faults.as_ref().map_or(Ok(()), |fault| fault(step))
    }

    fn unfinished(&self) -> std::sync::MutexGuard<'_, HashSet<BlobId>> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to write `len` bytes if the reserve would be touched.
    ///
    /// PERF: `statvfs` of a local file system is about a microsecond, so it is asked for every piece.
    fn admit(&self, len: usize) -> Result<(), BlobError> {
        let free = files::free_space(&self.root).map_err(|e| BlobError::io("asking for free space", e))?;
        if free < self.options.reserve.saturating_add(len as u64) { Err(BlobError::Full) } else { Ok(()) }
    }
}
