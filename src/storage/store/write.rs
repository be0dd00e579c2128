//! Writing an object: the bytes first, then its record.

use super::content::{Sink, Sse};
use super::error::StoreError;
use super::grants::WritesObject;
use super::records::{BucketRecord, ChangeKind, Checksum, ObjectMeta, Retention, StoredSse, VersionRecord, Versioning};
use super::versions::{self, Place};
use super::{Store, buckets};
use crate::gate::Authorized;
use crate::storage::kv::Transaction;
use bytes::Bytes;
use std::sync::Arc;

/// What is written beside the bytes.
#[derive(Debug)]
pub struct NewObject {
    /// What is said of the object.
    pub meta: ObjectMeta,
    /// Who holds its key.
    pub sse: Sse,
    /// The time of the request, in milliseconds since 1970; it stands in the names of blobs, nothing more.
    pub now_ms: i64,
}

/// What an `ETag` is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtagMatch {
    /// `*`
    Any,
    /// One of these, without quotes.
    OneOf(Vec<String>),
}

impl EtagMatch {
    /// Whether an `ETag` is meant.
    #[must_use]
    pub fn matches(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(etags) => etags.iter().any(|e| e == etag),
        }
    }
}

/// Conditions on the current object, judged in the transaction that replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteConditions {
    /// `If-Match`
    pub if_match: Option<EtagMatch>,
    /// `If-None-Match`
    pub if_none_match: Option<EtagMatch>,
}

impl WriteConditions {
    /// Judges the object that is there; delete markers count as nothing there.
    pub(super) fn judge(&self, current: Option<&VersionRecord>) -> Result<(), StoreError> {
        let current = current.filter(|r| !r.delete_marker);
        if let Some(wanted) = &self.if_match {
            let current = current.ok_or(StoreError::NoSuchKey)?;
            if !wanted.matches(&current.etag) {
                return Err(StoreError::Precondition("If-Match"));
            }
        }
        match (&self.if_none_match, current) {
            (Some(unwanted), Some(current)) if unwanted.matches(&current.etag) => {
                Err(StoreError::Precondition("If-None-Match"))
            }
            _ => Ok(()),
        }
    }
}

/// What is known when the last byte came.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The checksum that was checked.
    pub checksum: Option<Checksum>,
    /// Conditions on the object that is there.
    pub conditions: WriteConditions,
    /// The object's time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The version id for the answer; `None` in a bucket that never had versioning.
    pub version: Option<String>,
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The size in bytes.
    pub size: u64,
    /// The object's time, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// An object under way. Dropped before [`ObjectWriter::commit`], it leaves nothing.
pub struct ObjectWriter {
    store: Store,
    bucket: Arc<BucketRecord>,
    key: String,
    meta: ObjectMeta,
    sse: StoredSse,
    sink: Sink,
}

impl Store {
    /// Begins an object.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::NoObjectLock`] if a retention or legal hold is set in a bucket
    /// without object lock.
    pub fn begin_write<O: WritesObject>(
        &self,
        grant: &Authorized<O>,
        new: NewObject,
    ) -> Result<ObjectWriter, StoreError> {
        let bucket = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        if grant.key().is_empty() {
            return Err(StoreError::WrongGrant);
        }
        check_lock(&bucket, &new.meta)?;
        Ok(ObjectWriter {
            store: self.clone(),
            bucket,
            key: grant.key().to_owned(),
            meta: new.meta,
            sse: new.sse.stored(),
            sink: Sink::new(self, new.sse, new.now_ms),
        })
    }
}

/// Retention and legal hold want a bucket with object lock.
pub(super) fn check_lock(bucket: &BucketRecord, meta: &ObjectMeta) -> Result<(), StoreError> {
    let locks = meta.retention.is_some() || meta.legal_hold.is_some();
    if locks && bucket.object_lock.is_none() { Err(StoreError::NoObjectLock) } else { Ok(()) }
}

impl ObjectWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; [`StoreError::Full`]; [`StoreError::Io`].
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.sink.write(bytes).await
    }

    /// How many bytes came so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.sink.size()
    }

    /// Makes the object: when this answers, its bytes and its record are durable, and everyone sees it.
    ///
    /// # Errors
    /// [`StoreError::Precondition`], or [`StoreError::NoSuchKey`] for `If-Match` where no object is;
    /// [`StoreError::NoSuchBucket`] if the bucket was deleted meanwhile; [`StoreError::Full`],
    /// [`StoreError::ReadOnly`], [`StoreError::Io`]. [`StoreError::Unsettled`] alone leaves open what was kept.
    pub async fn commit(self, finish: Finish) -> Result<Written, StoreError> {
        let Self { store, bucket, key, meta, sse, sink } = self;
        let (stored, cleanup) = sink.finish().await?;
        store.fault("put.before_metadata")?;
        let random = versions::random()?;
        let mut record = VersionRecord {
            modified_ms: finish.now_ms,
            etag: finish.etag,
            size: stored.size,
            checksum: finish.checksum,
            content: stored.content.clone(),
            sse,
            ..VersionRecord::from_meta(meta)
        };
        let brings_retention = record.retention.is_some();
        let work = move |t: &mut dyn Transaction| {
            let bucket = buckets::same(t, &bucket)?;
            let place = Place { bucket: &bucket, key: &key };
            let current = place.current(t)?;
            finish.conditions.judge(current.as_ref())?;
            if !brings_retention {
                record.retention = default_retention(&bucket, record.modified_ms);
            }
            stored.put_inline(t);
            place.replace(t, current, &mut record, random, ChangeKind::Created)?;
            Ok(written(&bucket, &record))
        };
        cleanup.after(store.transact(work)).await
    }
}

/// What a new version of a bucket gets that brings no retention of its own.
pub(super) fn default_retention(bucket: &BucketRecord, now_ms: i64) -> Option<Retention> {
    let default = bucket.object_lock?.default?;
    Some(Retention { mode: default.mode, until_ms: now_ms.saturating_add(default.period.millis()) })
}

/// What the answer says of a new version.
pub(super) fn written(bucket: &BucketRecord, record: &VersionRecord) -> Written {
    Written {
        version: (bucket.versioning != Versioning::Off).then(|| record.version.clone()),
        etag: record.etag.clone(),
        size: record.size,
        modified_ms: record.modified_ms,
        checksum: record.checksum.clone(),
    }
}
