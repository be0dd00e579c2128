//! The embedded engine: `fjall`, an LSM tree, under a group commit of our own.
//!
//! One thread writes. It takes the transactions that are queued, runs them one after another, and commits them as
//! one batch with one flush of the journal; so they are serializable without conflicts, and the cost of a flush is
//! shared. fjall's transactional databases are not used: its optimistic one would flush once per transaction, and
//! would run again and again what one thread simply puts in order.
//!
//! **Durable before visible.** In fjall 3.1, `WriteBatch::commit` holds the journal's lock while it appends the
//! whole batch to the journal, flushes it as its durability demands, only then applies it to the memtables, and
//! last publishes its sequence number. Without a durability the flush is left out and readers see what a power cut
//! takes away; so every batch here has one (`SyncData`: the journal's length and blocks are flushed as far as
//! reading it back needs them). A snapshot reads up to the published number and never sees part of a batch. A
//! plain `get` reads the newest entry: durable, but perhaps a moment before its batch is published.
//!
//! **After a failed write** fjall takes no more batches until it is opened again. What the failed one left in the
//! journal, or in a buffer that is still written when the database is dropped, may be a whole batch; so its
//! transactions are [`KvError::Unsettled`], and the engine is read-only from then on.

mod committer;
#[cfg(test)]
mod tests;
mod torn;

use super::error::shared;
use super::{Direction, Engine, FaultPoint, Health, KeyRange, KvError, Reads, Space, Visit, Work};
use ::fjall::config::{BlockSizePolicy, CompressionPolicy, HashRatioPolicy};
use ::fjall::{
    CompressionType, Database, Iter, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Readable,
    Slice, Snapshot,
};
use bytes::Bytes;
use committer::Committer;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

const MIB: u64 = 1024 * 1024;

/// How an engine is opened.
#[derive(Clone)]
pub struct Options {
    /// Bytes of blocks kept in memory.
    pub cache_bytes: u64,
    /// Bytes of the file system that transactions leave free, except those that free space.
    pub reserve_bytes: u64,
    /// Called at `kv.before_commit` and `kv.after_commit`, around the one write of every group of transactions.
    pub faults: Option<FaultPoint>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 64 * MIB, reserve_bytes: 64 * MIB, faults: None }
    }
}

/// The embedded engine. Dropping it closes it; snapshots may outlive it.
pub struct FjallEngine {
    store: Arc<Store>,
    committer: Committer,
}

impl FjallEngine {
    /// Opens the data in a directory, which is made if it is not there. What was acknowledged is recovered from the
    /// journal.
    ///
    /// # Errors
    /// [`KvError::Locked`] if another process has it open; [`KvError::Io`] if it cannot be read or made.
    pub fn open(path: &Path, options: Options) -> Result<Self, KvError> {
        let store = Arc::new(Store::open(path, options)?);
        let committer = Committer::start(Arc::clone(&store))?;
        Ok(Self { store, committer })
    }
}

impl Reads for FjallEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        Ok(self.store.keyspace(space).get(key).map_err(unreadable)?.map(bytes_of))
    }

    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError> {
        // Not the keyspace's own range: that one may see part of a batch.
        self.store.view().scan(space, range, direction, visit)
    }
}

impl Engine for FjallEngine {
    fn snapshot(&self) -> Result<Box<dyn Reads>, KvError> {
        Ok(Box::new(self.store.view()))
    }

    fn submit(&self, work: Work) {
        self.committer.submit(work);
    }

    /// May wait for a commit under way.
    fn health(&self) -> Health {
        // fjall's own threads may have failed meanwhile; with everything flushed, this asks nothing else.
        if self.store.stopped.get().is_none()
            && let Err(error) = self.store.database.persist(PersistMode::Buffer)
        {
            self.store.stop(shared(&error));
        }
        if let Some(reason) = self.store.stopped.get() {
            return Health::ReadOnly(Arc::clone(reason));
        }
        if self.committer.is_closed() {
            return Health::Closed;
        }
        let reserve = self.store.reserve_bytes;
        match self.store.free_bytes() {
            Ok(free) if free < reserve => Health::Full { free, reserve },
            Ok(_) => Health::Ready,
            // Writes are refused as well while this cannot be known.
            Err(error) => Health::ReadOnly(shared(&error)),
        }
    }

    fn close(&self) {
        self.committer.close();
    }
}

/// The open database, shared by readers and the committer.
struct Store {
    database: Database,
    keyspaces: [Keyspace; Space::ALL.len()],
    path: PathBuf,
    reserve_bytes: u64,
    faults: Option<FaultPoint>,
    /// Why nothing is written any more.
    stopped: OnceLock<Arc<str>>,
}

impl Store {
    fn open(path: &Path, options: Options) -> Result<Self, KvError> {
        let database = open_or_cut(path, options.cache_bytes)?;
        let mut keyspaces = Vec::with_capacity(Space::ALL.len());
        for space in Space::ALL {
            keyspaces.push(database.keyspace(space.name(), || tuning(space)).map_err(unopened)?);
        }
        let keyspaces = keyspaces.try_into().ok().expect("there is a keyspace for every space");
        let Options { reserve_bytes, faults, .. } = options;
        Ok(Self { database, keyspaces, path: path.to_owned(), reserve_bytes, faults, stopped: OnceLock::new() })
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        self.keyspaces.get(space.index()).expect("there is a keyspace for every space")
    }

    fn view(self: &Arc<Self>) -> View {
        View { snapshot: self.database.snapshot(), store: Arc::clone(self) }
    }

    /// Bytes of the file system that this process may still use.
    fn free_bytes(&self) -> std::io::Result<u64> {
        let found = rustix::fs::statvfs(&self.path)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Makes the engine read-only; the first reason stands.
    fn stop(&self, reason: Arc<str>) {
        tracing::error!(%reason, "the metadata store is read-only from now on");
        drop(self.stopped.set(reason));
    }

    fn fault(&self, place: &'static str) -> std::io::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |fault| fault(place))
    }
}

fn open_database(path: &Path, cache_bytes: u64) -> Result<Database, ::fjall::Error> {
    Database::builder(path)
        .cache_size(cache_bytes)
        // A space that is seldom written keeps old journals alive; this bounds disk and the time to recover.
        .max_journaling_size(128 * MIB)
        // Sealed bytes do not shrink, and records are short.
        .journal_compression(CompressionType::None)
        .open()
}

/// Opens a database, if need be without a last batch that a power cut tore.
fn open_or_cut(path: &Path, cache_bytes: u64) -> Result<Database, KvError> {
    let refusal = match open_database(path, cache_bytes) {
        Err(refusal) if torn::refused(&refusal) => refusal,
        opened => return opened.map_err(unopened),
    };
    let failed =
        |error: std::io::Error| KvError::Io(shared(&format_args!("{refusal}, and cutting the journal: {error}")));
    let Some(cut) = torn::cut(path).map_err(failed)? else { return Err(unopened(refusal)) };
    match open_database(path, cache_bytes) {
        Ok(database) => {
            tracing::warn!(kept = %cut.kept().display(), %refusal, "the journal ended in a torn batch, which was cut off");
            Ok(database)
        }
        Err(_) => {
            cut.undo().map_err(failed)?;
            Err(unopened(refusal))
        }
    }
}

/// How fjall keeps a space. It remembers this from the day the space is made; later changes do nothing to old data.
///
/// The sizes of the memtables bound the engine's memory: 96 MiB together, or a few times that while they are
/// written out faster than the disk takes them.
fn tuning(space: Space) -> KeyspaceCreateOptions {
    let options = KeyspaceCreateOptions::default();
    match space {
        // A look-up by key for every request, and range scans for listings: small blocks with an index by hash in
        // each. The filters that fjall builds by default spare the disk when a key is not there.
        Space::Objects | Space::History => options
            .max_memtable_size(16 * MIB)
            .data_block_size_policy(BlockSizePolicy::all(4 * 1024))
            .data_block_hash_ratio_policy(HashRatioPolicy::all(0.75)),
        // The bytes of objects: larger ones lie beside the tree, so that merging its levels does not copy them.
        // They are sealed, so compressing them is in vain.
        Space::Inline => options
            .max_memtable_size(16 * MIB)
            .data_block_size_policy(BlockSizePolicy::all(16 * 1024))
            .data_block_compression_policy(CompressionPolicy::disabled())
            .with_kv_separation(Some(
                KvSeparationOptions::default().separation_threshold(4 * 1024).compression(CompressionType::None),
            )),
        // Read in order, rarely by key.
        Space::Changes | Space::Parts | Space::Manifests => {
            options.max_memtable_size(8 * MIB).data_block_size_policy(BlockSizePolicy::all(16 * 1024))
        }
        Space::Settings | Space::Buckets | Space::Uploads | Space::Doomed | Space::Identity | Space::Credentials => {
            options.max_memtable_size(4 * MIB)
        }
    }
}

/// A snapshot of all spaces.
struct View {
    snapshot: Snapshot,
    store: Arc<Store>,
}

impl Reads for View {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        Ok(self.snapshot.get(self.store.keyspace(space), key).map_err(unreadable)?.map(bytes_of))
    }

    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError> {
        if range.is_empty() {
            return Ok(());
        }
        let found: Iter = self.snapshot.range::<&[u8], _>(self.store.keyspace(space), range.bounds());
        match direction {
            Direction::Forward => visit_all(found, visit),
            Direction::Backward => visit_all(found.rev(), visit),
        }
    }
}

fn visit_all(found: impl Iterator<Item = ::fjall::Guard>, visit: &mut Visit) -> Result<(), KvError> {
    for entry in found {
        let (key, value) = entry.into_inner().map_err(unreadable)?;
        if visit(&key, &value).is_break() {
            break;
        }
    }
    Ok(())
}

/// PERF: long values are shared with fjall's cache, not copied; a short one is cheaper to copy than its whole block
/// is to keep.
fn bytes_of(value: Slice) -> Bytes {
    if value.len() < 1024 { Bytes::copy_from_slice(&value) } else { Bytes::from_owner(value) }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of `map_err`")]
fn unreadable(error: ::fjall::Error) -> KvError {
    KvError::Io(shared(&error))
}

fn unopened(error: ::fjall::Error) -> KvError {
    match error {
        ::fjall::Error::Locked => KvError::Locked,
        other => unreadable(other),
    }
}
