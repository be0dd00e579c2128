//! Reading an object: what is said of it, and its bytes.

use super::Store;
use super::content::{self, ContentStream, Unlock};
use super::error::StoreError;
use super::guards::ReadGuard;
use super::manifest::{self, PartView};
use super::records::{BucketRecord, StoredSse, VersionRecord};
use std::ops::Range;
use std::sync::Arc;

/// An object that a grant opened. Its bytes stay on disk as long as it lives.
pub struct ObjectView {
    store: Store,
    bucket: Arc<BucketRecord>,
    record: Box<VersionRecord>,
    guard: Arc<ReadGuard>,
}

impl ObjectView {
    pub(super) fn new(store: Store, bucket: Arc<BucketRecord>, record: Box<VersionRecord>, guard: ReadGuard) -> Self {
        Self { store, bucket, record, guard: Arc::new(guard) }
    }

    /// What is said of it.
    #[must_use]
    pub fn record(&self) -> &VersionRecord {
        &self.record
    }

    /// Its bucket, as it was when the object was looked at.
    #[must_use]
    pub fn bucket(&self) -> &Arc<BucketRecord> {
        &self.bucket
    }

    /// The version id for answers; `None` in a bucket that never had versioning.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        use super::records::Versioning;
        (self.bucket.versioning != Versioning::Off).then_some(self.record.version.as_str())
    }

    /// Checks a key, or that none is needed, without reading the object's bytes.
    ///
    /// # Errors
    /// [`StoreError::CustomerKeyNeeded`], [`StoreError::WrongCustomerKey`], [`StoreError::UnexpectedCustomerKey`];
    /// [`StoreError::ServiceKeyNeeded`], [`StoreError::WrongServiceKey`].
    pub fn check_key(&self, unlock: Unlock<'_>) -> Result<(), StoreError> {
        match (&self.record.sse, unlock) {
            (StoredSse::S3, Unlock::Store) => Ok(()),
            (StoredSse::S3 | StoredSse::Kms(_), Unlock::Customer(_)) => Err(StoreError::UnexpectedCustomerKey),
            (StoredSse::S3, Unlock::Kms(_)) => Err(StoreError::WrongGrant),
            (StoredSse::Customer { .. }, Unlock::Store | Unlock::Kms(_)) => Err(StoreError::CustomerKeyNeeded),
            (StoredSse::Kms(_), Unlock::Store) => Err(StoreError::ServiceKeyNeeded),
            (StoredSse::Kms(stored), Unlock::Kms(key)) if stored.key != key.arn() => Err(StoreError::WrongServiceKey),
            (StoredSse::Customer { .. }, Unlock::Customer(_)) | (StoredSse::Kms(_), Unlock::Kms(_)) => {
                content::check_key(&self.store, &self.record.content, unlock)
            }
        }
    }

    /// Its bytes in a range, which must lie within its size. The first chunk is read and verified before this
    /// answers, so that most errors come before an answer's first byte.
    ///
    /// # Errors
    /// Those of [`ObjectView::check_key`]; [`StoreError::InvalidRange`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub async fn content(&self, unlock: Unlock<'_>, range: Range<u64>) -> Result<ContentStream, StoreError> {
        self.check_key(unlock)?;
        if range.start > range.end || range.end > self.record.size {
            return Err(StoreError::InvalidRange { size: self.record.size });
        }
        content::open(&self.store, &self.record.content, self.record.size, unlock, range, Arc::clone(&self.guard)).await
    }

    /// A part of it by its number, and how many parts there are. An object that was put whole is its part 1.
    ///
    /// # Errors
    /// [`StoreError::InvalidPartNumber`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn part(&self, number: u32) -> Result<PartView, StoreError> {
        manifest::part(&self.store, &self.record, number)
    }

    /// How many parts it has; `None`: it was put whole.
    #[must_use]
    pub fn parts_count(&self) -> Option<u32> {
        self.record.parts_count
    }

    /// Its parts with numbers above `after`, at most `most` of them. Empty if it was put whole.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn parts(&self, after: u32, most: usize) -> Result<Vec<PartView>, StoreError> {
        manifest::parts(&self.store, &self.record, after, most)
    }
}
