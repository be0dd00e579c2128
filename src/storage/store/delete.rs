//! Deleting: markers, versions, and what object lock and MFA Delete keep.

use super::error::StoreError;
use super::grants::DeletesObject;
use super::mfa::MfaProof;
use super::records::{ChangeKind, ObjectMeta, Owner, VersionRecord, Versioning};
use super::sight::earlier_number;
use super::version_id::{self, NULL};
use super::versions::{self, Place};
use super::write::EtagMatch;
use super::{Store, buckets};
use crate::gate::Authorized;
use crate::storage::kv::Transaction;

/// Conditions on what is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteConditions {
    /// `If-Match`
    pub if_match: Option<EtagMatch>,
    /// `x-amz-if-match-last-modified-time`, in whole seconds since 1970
    pub if_modified_at: Option<i64>,
    /// `x-amz-if-match-size`, in bytes
    pub if_size: Option<u64>,
}

impl DeleteConditions {
    fn judge(&self, found: Option<&VersionRecord>) -> Result<(), StoreError> {
        if *self == Self::default() {
            return Ok(());
        }
        let found = found.filter(|r| !r.delete_marker).ok_or(StoreError::NoSuchKey)?;
        if self.if_match.as_ref().is_some_and(|wanted| !wanted.matches(&found.etag)) {
            return Err(StoreError::Precondition("If-Match"));
        }
        if self.if_modified_at.is_some_and(|at| at != found.modified_ms.div_euclid(1000)) {
            return Err(StoreError::Precondition("x-amz-if-match-last-modified-time"));
        }
        if self.if_size.is_some_and(|size| size != found.size) {
            return Err(StoreError::Precondition("x-amz-if-match-size"));
        }
        Ok(())
    }
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Whether retention in governance mode is lifted; the grant included that right.
    pub bypass_governance: bool,
    /// The MFA device's code.
    pub mfa: Option<MfaProof>,
    /// Conditions.
    pub conditions: DeleteConditions,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Whether a delete marker was made, or the destroyed version was one.
    pub delete_marker: bool,
    /// The marker that was made, or the version that was named. `None`: the key itself is gone, or never was.
    pub version: Option<String>,
}

impl Store {
    /// Deletes an object or a version of it. A key or version that is not there is no error, unless conditions
    /// are set.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::InvalidVersion`]; [`StoreError::Locked`];
    /// [`StoreError::MfaRequired`], [`StoreError::MfaInvalid`]; [`StoreError::Precondition`], and
    /// [`StoreError::NoSuchKey`] for conditions where nothing is.
    pub async fn delete<O: DeletesObject>(
        &self,
        grant: &Authorized<O>,
        options: DeleteOptions,
    ) -> Result<Deleted, StoreError> {
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        let key = grant.key().to_owned();
        if key.is_empty() {
            return Err(StoreError::WrongGrant);
        }
        let version = grant.version().map(str::to_owned);
        self.fault("delete.before_metadata")?;
        let random = versions::random()?;
        self.transact_freeing(move |t| {
            let bucket = buckets::same(t, &hint)?;
            let place = Place { bucket: &bucket, key: &key };
            match &version {
                Some(version) => destroy(&place, t, version, &options),
                None => remove(&place, t, random, &options),
            }
        })
        .await
    }
}

/// Deletes without a version.
fn remove(
    place: &Place<'_>,
    t: &mut dyn Transaction,
    random: [u8; 16],
    options: &DeleteOptions,
) -> Result<Deleted, StoreError> {
    let current = place.current(t)?;
    options.conditions.judge(current.as_ref())?;
    if place.bucket.versioning != Versioning::Off {
        // In a suspended bucket the marker replaces the version `null`, which no lock can hold: object lock wants
        // versioning enabled.
        let mut marker = marker(place.bucket.owner.clone(), options.now_ms);
        place.replace(t, current, &mut marker, random, ChangeKind::Marker)?;
        return Ok(Deleted { delete_marker: true, version: Some(marker.version) });
    }
    if let Some(current) = current {
        place.destroy_current(t, &current)?;
        place.log_now(t, ChangeKind::Deleted, &current.version, options.now_ms)?;
    }
    Ok(Deleted::default())
}

fn marker(owner: Owner, now_ms: i64) -> VersionRecord {
    VersionRecord {
        delete_marker: true,
        modified_ms: now_ms,
        ..VersionRecord::from_meta(ObjectMeta { owner, ..ObjectMeta::default() })
    }
}

/// Destroys the version that is named.
fn destroy(
    place: &Place<'_>,
    t: &mut dyn Transaction,
    version: &str,
    options: &DeleteOptions,
) -> Result<Deleted, StoreError> {
    let named = version_id::read(version)?;
    if place.bucket.mfa_delete {
        buckets::require_mfa(place.bucket, options.mfa.as_ref())?;
    }
    let asked = (place.bucket.versioning != Versioning::Off || version != NULL).then(|| version.to_owned());
    let current = place.current(t)?;
    let is_current = current.as_ref().is_some_and(|c| c.version == version);
    let found = match &current {
        Some(current) if !is_current => match earlier_number(current, named) {
            Some(seq) => place.earlier(t, seq)?.filter(|record| record.version == version),
            None => None,
        },
        _ => current.clone().filter(|_| is_current),
    };
    options.conditions.judge(found.as_ref())?;
    let (Some(found), Some(mut current)) = (found, current) else {
        return Ok(Deleted { delete_marker: false, version: asked });
    };
    if found.locked(options.now_ms, options.bypass_governance) {
        return Err(StoreError::Locked);
    }
    if is_current {
        place.destroy_current(t, &current)?;
    } else {
        place.destroy_earlier(t, found.seq)?;
        if current.null_in_history == Some(found.seq) {
            current.null_in_history = None;
            place.put_current(t, &current);
        }
    }
    place.log_now(t, ChangeKind::Deleted, version, options.now_ms)?;
    Ok(Deleted { delete_marker: found.delete_marker, version: asked })
}
