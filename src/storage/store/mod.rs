//! The object store: buckets, objects, versions and uploads over the key-value trait and the blobs.
//!
//! Every method that reads or changes what is stored for somebody demands an [`crate::gate::Authorized`] of an
//! operation that may; bucket, key and version come from it and stand nowhere beside it. What a decision itself
//! needs to know comes without one: [`Store::bucket`], [`Store::sight`], [`Store::account_block`].
//!
//! **Writing:** bytes durable → metadata committed in one transaction, with an entry of the bucket's change log →
//! acknowledged. **Deleting:** metadata first, what held the bytes is doomed in the same transaction, and
//! [`Store::sweep`] takes it when nobody can be reading it any more.
//!
//! Absent here: HTTP, XML, decisions, `ETag`s' digests (they come with the bytes), clocks.

mod acl_form;
mod buckets;
mod changes;
mod content;
mod delete;
mod entities;
mod error;
mod grants;
mod guards;
mod identity;
mod keys;
pub mod kms;
mod list_versions;
mod listing;
mod manifest;
mod mfa;
mod multipart;
mod multipart_complete;
mod multipart_list;
mod open;
mod read;
mod records;
mod reseal;
mod scrub;
mod seed;
mod sight;
mod sweep;
mod update;
pub mod version_id;
mod versions;
mod walk;
mod write;

#[cfg(test)]
mod unit_tests;

pub use buckets::NewBucket;
pub use changes::LoggedChange;
pub use content::{ContentStream, Sse, Unlock};
pub use delete::{DeleteConditions, DeleteOptions, Deleted};
pub use entities::{Entity, EntityTransaction, Kept, SealedText};
pub use error::StoreError;
pub use grants::{
    AddressesUpload, ConfiguresAccount, ConfiguresBucket, DeletesObject, InspectsObject, ListsBucket,
    ReadsAccountBlock, ReadsObject, ReadsSource, UpdatesObject, WritesObject, WritesPart,
};
pub use list_versions::{VersionEntry, VersionListing, VersionQuery};
pub use listing::{Entry, ListQuery, Listing};
pub use manifest::PartView;
pub use mfa::{CheckCode, MfaDevice, MfaProof};
pub use multipart::{NewPart, NewUpload, PartWriter, UploadRecord};
pub use multipart_complete::{CompleteOptions, ListedPart, WholeChecksum};
pub use multipart_list::{PartListing, UploadListing, UploadQuery};
pub use open::{Limits, StoreSettings};
pub use read::ObjectView;
pub use records::{
    BucketRecord, Change, ChangeKind, Checksum, ChecksumKind, DefaultRetention, FORMAT, Headers, LockMode, LockPeriod,
    ObjectLock, ObjectMeta, Owner, PartRecord, Retention, StoredKms, StoredSse, VersionRecord, Versioning,
};
pub use reseal::Resealed;
pub use scrub::{ScrubProblem, ScrubProgress, ScrubReport};
pub use sight::Sighting;
pub use sweep::Swept;
pub use update::RetentionChange;
pub use write::{EtagMatch, Finish, NewObject, ObjectWriter, WriteConditions, Written};

use super::blobs::Blobs;
use super::kv::{Engine, FaultPoint, Health, Transaction, transact, transact_freeing};
use super::sealing::KeyRing;
use crate::policy::acl::PublicAccessBlock;
use dashmap::DashMap;
use guards::Guards;
use std::fs::File;
use std::sync::Arc;

/// The object store. Cheap to clone: clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    blobs: Blobs,
    keys: Arc<KeyRing>,
    limits: Limits,
    fault: Option<FaultPoint>,
    /// Every bucket, as its last commit left it.
    buckets: DashMap<String, Arc<BucketRecord>>,
    /// Held while a bucket is changed on disk and then here, so that both happen in one order.
    bucket_changes: tokio::sync::Mutex<()>,
    /// Every account's Block Public Access, likewise.
    account_blocks: DashMap<String, PublicAccessBlock>,
    guards: Arc<Guards>,
    sweeping: tokio::sync::Mutex<sweep::Waiting>,
    /// Held as long as the store is open.
    _lock: Option<File>,
}

impl Store {
    /// What the metadata engine can do at the moment.
    #[must_use]
    pub fn health(&self) -> Health {
        self.inner.engine.health()
    }

    /// The limits that were set.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Takes no more changes, and returns when those under way are durable. Blocks the thread.
    pub fn close(&self) {
        self.inner.engine.close();
    }

    /// Where tests make the disk fail or the process die.
    fn fault(&self, place: &'static str) -> Result<(), StoreError> {
        self.inner.fault.as_ref().map_or(Ok(()), |point| Ok(point(place)?))
    }

    async fn transact<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(transact(&*self.inner.engine, work).await?)
    }

    async fn transact_freeing<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(transact_freeing(&*self.inner.engine, work).await?)
    }
}
