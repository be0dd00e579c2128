//! Looking at an object: first what a decision needs to know, then, with a grant, the object. The metadata is
//! read once.

use super::error::StoreError;
use super::grants::{InspectsObject, ReadsObject, ReadsSource};
use super::guards::ReadGuard;
use super::read::ObjectView;
use super::records::{BucketRecord, Owner, StoredSse, VersionRecord, decode};
use super::version_id::{self, NULL, Named};
use super::{Store, keys};
use crate::gate::Authorized;
use crate::policy::acl::Acl;
use crate::storage::kv::{Reads, Space};
use std::sync::Arc;

/// What a decision may know of an object before it is made. The rest of the record comes out only with a grant.
pub struct Sighting {
    bucket: Arc<BucketRecord>,
    key: String,
    version: Option<String>,
    record: Result<Box<VersionRecord>, Absence>,
    guard: ReadGuard,
}

/// Why there is no record.
#[derive(Clone, Copy, Debug)]
enum Absence {
    Key,
    Version,
    Text,
}

impl Sighting {
    /// The bucket, as it was when it was looked at.
    #[must_use]
    pub fn bucket(&self) -> &Arc<BucketRecord> {
        &self.bucket
    }

    /// Whether there is such a version, and it is no delete marker.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.record.as_ref().is_ok_and(|r| !r.delete_marker)
    }

    /// Whether it is a delete marker.
    #[must_use]
    pub fn is_delete_marker(&self) -> bool {
        self.record.as_ref().is_ok_and(|r| r.delete_marker)
    }

    /// Its owner.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        self.record.as_ref().ok().map(|r| &r.owner)
    }

    /// Its ACL; `None`: there is no such object, or its owner holds everything.
    #[must_use]
    pub fn acl(&self) -> Option<&Acl> {
        self.record.as_ref().ok().and_then(|r| r.acl.as_ref())
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> &[(String, String)] {
        self.record.as_ref().map_or(&[], |r| &r.tags)
    }

    /// How it is encrypted; `None`: there is no such object.
    #[must_use]
    pub fn sse(&self) -> Option<&StoredSse> {
        self.record.as_ref().ok().filter(|r| !r.delete_marker).map(|r| &r.sse)
    }

    fn is_of(&self, bucket: &str, key: &str, version: Option<&str>) -> bool {
        self.bucket.name == bucket && self.key == key && self.version.as_deref() == version
    }

    fn unlock(self) -> Result<(Arc<BucketRecord>, Box<VersionRecord>, ReadGuard), StoreError> {
        let record = self.record.map_err(|absence| match absence {
            Absence::Key => StoreError::NoSuchKey,
            Absence::Version => StoreError::NoSuchVersion,
            Absence::Text => StoreError::InvalidVersion,
        })?;
        if record.delete_marker {
            return Err(StoreError::DeleteMarker {
                named: self.version.is_some(),
                modified_ms: record.modified_ms,
                version: record.version,
            });
        }
        Ok((self.bucket, record, self.guard))
    }
}

impl Store {
    /// Looks at an object or a version of it. An object that is not there is a sighting too.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::Damaged`] and [`StoreError::Io`] if the record cannot be read.
    pub fn sight(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Sighting, StoreError> {
        let guard = self.inner.guards.enter();
        let bucket = self.bucket(bucket).ok_or(StoreError::NoSuchBucket)?;
        // A snapshot sees whole transactions: the record comes with the bytes that were committed with it, and a
        // version does not become the current one between two reads.
        let view = self.inner.engine.snapshot()?;
        let record = match version.map(version_id::read) {
            None => find_current(&*view, bucket.id, key)?.ok_or(Absence::Key),
            Some(Err(_)) => Err(Absence::Text),
            Some(Ok(named)) => {
                find_named(&*view, bucket.id, key, named, version.unwrap_or_default())?.ok_or(Absence::Version)
            }
        };
        Ok(Sighting {
            bucket,
            key: key.to_owned(),
            version: version.map(str::to_owned),
            record: record.map(Box::new),
            guard,
        })
    }

    /// Opens a sighting with the grant to read the object.
    ///
    /// # Errors
    /// [`StoreError::NoSuchKey`], [`StoreError::NoSuchVersion`], [`StoreError::InvalidVersion`],
    /// [`StoreError::DeleteMarker`]; [`StoreError::WrongGrant`] if the sighting is of something else.
    pub fn read<O: ReadsObject>(&self, grant: &Authorized<O>, sighting: Sighting) -> Result<ObjectView, StoreError> {
        if !sighting.is_of(grant.bucket(), grant.key(), grant.version()) {
            return Err(StoreError::WrongGrant);
        }
        let (bucket, record, guard) = sighting.unlock()?;
        Ok(ObjectView::new(self.clone(), bucket, record, guard))
    }

    /// Opens a sighting of the object that is copied from.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_source<O: ReadsSource>(
        &self,
        grant: &Authorized<O>,
        sighting: Sighting,
    ) -> Result<ObjectView, StoreError> {
        let source = grant.source().ok_or(StoreError::WrongGrant)?;
        if !sighting.is_of(&source.bucket, &source.key, source.version.as_deref()) {
            return Err(StoreError::WrongGrant);
        }
        let (bucket, record, guard) = sighting.unlock()?;
        Ok(ObjectView::new(self.clone(), bucket, record, guard))
    }

    /// Opens a sighting for what is said of the object: tags, ACL, retention, legal hold. Its bytes stay shut.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn inspect<O: InspectsObject>(
        &self,
        grant: &Authorized<O>,
        sighting: Sighting,
    ) -> Result<Box<VersionRecord>, StoreError> {
        if !sighting.is_of(grant.bucket(), grant.key(), grant.version()) {
            return Err(StoreError::WrongGrant);
        }
        sighting.unlock().map(|(_, record, _)| record)
    }
}

/// The current version of a key, delete markers included.
pub(super) fn find_current<R: Reads + ?Sized>(
    view: &R,
    bucket: u64,
    key: &str,
) -> Result<Option<VersionRecord>, StoreError> {
    let stored = view.get(Space::Objects, &keys::object(bucket, key.as_bytes()))?;
    stored.map(|bytes| decode("object record", &bytes)).transpose()
}

/// A version by its number, if it is an earlier one.
pub(super) fn find_earlier<R: Reads + ?Sized>(
    view: &R,
    bucket: u64,
    key: &str,
    seq: u64,
) -> Result<Option<VersionRecord>, StoreError> {
    let stored = view.get(Space::History, &keys::version(bucket, key.as_bytes(), seq))?;
    stored.map(|bytes| decode("version record", &bytes)).transpose()
}

/// The version that a request names; `text` is how it named it.
fn find_named<R: Reads + ?Sized>(
    view: &R,
    bucket: u64,
    key: &str,
    named: Named,
    text: &str,
) -> Result<Option<VersionRecord>, StoreError> {
    let Some(current) = find_current(view, bucket, key)? else { return Ok(None) };
    if current.version == text {
        return Ok(Some(current));
    }
    Ok(match earlier_number(&current, named) {
        Some(seq) => find_earlier(view, bucket, key, seq)?.filter(|record| record.version == text),
        None => None,
    })
}

/// Where a version that is not the current one would be.
pub(super) fn earlier_number(current: &VersionRecord, named: Named) -> Option<u64> {
    match named {
        Named::Null if current.version == NULL => None,
        Named::Null => current.null_in_history,
        Named::Seq(seq) => Some(seq),
    }
}
