//! Changing what is said of a version: tags, ACL, retention, legal hold.

use super::error::StoreError;
use super::grants::UpdatesObject;
use super::records::{BucketRecord, ChangeKind, LockMode, Retention, VersionRecord};
use super::sight::earlier_number;
use super::version_id::{self, Named};
use super::versions::Place;
use super::{Store, buckets};
use crate::gate::Authorized;
use crate::storage::kv::Transaction;

/// A new retention for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionChange {
    /// The retention; `None`: it is taken away.
    pub to: Option<Retention>,
    /// Whether retention in governance mode may be lifted; the grant included that right.
    pub bypass_governance: bool,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
}

impl RetentionChange {
    /// Changes the retention, if object lock allows it: it may always grow longer; in compliance mode nothing else
    /// is changed before its end, in governance mode only with the right to bypass it, the mode too.
    ///
    /// Source: S3 User Guide, "How S3 Object Lock works".
    ///
    /// # Errors
    /// [`StoreError::Locked`].
    pub fn apply(self, record: &mut VersionRecord) -> Result<(), StoreError> {
        if let Some(held) = record.retention.filter(|r| r.until_ms > self.now_ms) {
            let grows = self.to.is_some_and(|to| to.until_ms >= held.until_ms && to.mode == held.mode);
            if !grows && (held.mode == LockMode::Compliance || !self.bypass_governance) {
                return Err(StoreError::Locked);
            }
        }
        record.retention = self.to;
        Ok(())
    }
}

impl Store {
    /// Changes what is said of a version: the current one, or the one that the grant names. `change` may run more
    /// than once, and refuses with its own error; retention goes through [`RetentionChange::apply`]. It is given
    /// the bucket as the transaction sees it. Number, version, `ETag` and size stay what they are.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`], [`StoreError::NoSuchKey`], [`StoreError::NoSuchVersion`],
    /// [`StoreError::InvalidVersion`], [`StoreError::DeleteMarker`]; [`StoreError::NoObjectLock`] for a retention
    /// or legal hold in a bucket without object lock; what `change` refuses.
    pub async fn update_object<O: UpdatesObject>(
        &self,
        grant: &Authorized<O>,
        now_ms: i64,
        mut change: impl FnMut(&BucketRecord, &mut VersionRecord) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<VersionRecord, StoreError> {
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        let key = grant.key().to_owned();
        let version = grant.version().map(str::to_owned);
        self.fault("update.before_metadata")?;
        self.transact(move |t| {
            let bucket = buckets::same(t, &hint)?;
            let place = Place { bucket: &bucket, key: &key };
            let (mut record, is_current) = named(&place, t, version.as_deref())?;
            if record.delete_marker {
                return Err(StoreError::DeleteMarker {
                    version: record.version,
                    modified_ms: record.modified_ms,
                    named: version.is_some(),
                });
            }
            let before = record.clone();
            change(&bucket, &mut record)?;
            let locks = record.retention != before.retention || record.legal_hold != before.legal_hold;
            if locks && bucket.object_lock.is_none() {
                return Err(StoreError::NoObjectLock);
            }
            keep_identity(&mut record, before);
            if is_current {
                place.put_current(t, &record);
            } else {
                place.keep(t, &record);
            }
            place.log_now(t, ChangeKind::Updated, &record.version, now_ms)?;
            Ok(record)
        })
        .await
    }
}

/// What no update changes.
fn keep_identity(record: &mut VersionRecord, before: VersionRecord) {
    record.seq = before.seq;
    record.version = before.version;
    record.delete_marker = before.delete_marker;
    record.modified_ms = before.modified_ms;
    record.etag = before.etag;
    record.size = before.size;
    record.content = before.content;
    record.null_in_history = before.null_in_history;
    record.sse = before.sse;
    record.parts_count = before.parts_count;
}

/// The version that is named, or the current one, and whether it is the current one.
fn named(place: &Place<'_>, t: &dyn Transaction, version: Option<&str>) -> Result<(VersionRecord, bool), StoreError> {
    let named: Option<Named> = version.map(version_id::read).transpose()?;
    let missing = if version.is_some() { StoreError::NoSuchVersion } else { StoreError::NoSuchKey };
    let Some(current) = place.current(t)? else { return Err(missing) };
    match (named, version) {
        (Some(named), Some(text)) if current.version != text => {
            let Some(seq) = earlier_number(&current, named) else { return Err(missing) };
            let found = place.earlier(t, seq)?.filter(|record| record.version == text);
            found.map(|record| (record, false)).ok_or(missing)
        }
        _ => Ok((current, true)),
    }
}
