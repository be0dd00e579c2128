//! Listing the versions of a bucket's objects.

use super::Store;
use super::error::StoreError;
use super::keys;
use super::listing::{Owners, listed};
use super::records::{Checksum, ListedRecord, Owner, Versioning};
use super::version_id::{self, NULL, Named};
use super::walk::{Go, Met, Walk, text};
use crate::gate::{Authorized, operations};
use crate::storage::kv::{Direction, KeyRange, Reads, Space};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

/// Which versions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionQuery {
    /// Only keys with this prefix.
    pub prefix: String,
    /// What follows the prefix is rolled up at the first one of these. Empty: none.
    pub delimiter: Option<String>,
    /// Only keys and rolled-up prefixes behind this one; with a version, also older versions of this key.
    pub key_marker: Option<String>,
    /// The version of the key marker to go on behind.
    pub version_marker: Option<String>,
    /// At most so many versions and rolled-up prefixes together.
    pub max_keys: usize,
}

/// A version or delete marker in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionEntry {
    /// Its object's key.
    pub key: String,
    /// Its version id.
    pub version: String,
    /// Whether it is the current one.
    pub is_latest: bool,
    /// Whether it is a delete marker; then it has no `ETag` and no size.
    pub delete_marker: bool,
    /// Its time, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its owner.
    pub owner: Arc<Owner>,
    /// Its storage class; `None`: `STANDARD`.
    pub storage_class: Option<String>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// A page of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionListing {
    /// Versions and delete markers, by key, newest first.
    pub versions: Vec<VersionEntry>,
    /// The rolled-up prefixes.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// Where the next page goes on: a key with the last version of it that was listed, or a rolled-up prefix.
    pub next: Option<(String, Option<String>)>,
}

impl VersionListing {
    fn is_full(&self, query: &VersionQuery) -> bool {
        self.versions.len() + self.common_prefixes.len() >= query.max_keys
    }
}

impl Store {
    /// Lists the versions of a bucket's objects, as they were at one moment.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::InvalidVersion`] for a marker that is none;
    /// [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn list_versions(
        &self,
        grant: &Authorized<operations::ListObjectVersions>,
        query: &VersionQuery,
    ) -> Result<VersionListing, StoreError> {
        let record = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        let mut listing = VersionListing::default();
        let marker = query.version_marker.as_deref().filter(|m| !m.is_empty()).map(version_id::read).transpose()?;
        let resume = query.key_marker.as_deref().zip(marker);
        if query.max_keys == 0 {
            return Ok(listing);
        }
        let view = self.inner.engine.snapshot()?;
        let start = match (&query.key_marker, resume) {
            (Some(key), Some(_)) => Bound::Included(keys::object(record.id, key.as_bytes())),
            (Some(key), None) => Bound::Excluded(keys::object(record.id, key.as_bytes())),
            (None, _) => Bound::Unbounded,
        };
        let walk = Walk {
            view: &*view,
            space: Space::Objects,
            bucket: record.id,
            prefix: &query.prefix,
            delimiter: query.delimiter.as_deref().filter(|d| !d.is_empty()),
            after: query.key_marker.as_deref(),
            start,
        };
        let has_history = record.versioning != Versioning::Off;
        let mut owners = Owners::default();
        walk.run(|met| match met {
            Met::Below(prefix, _) => {
                if listing.is_full(query) {
                    listing.truncated = true;
                    return Ok(Go::Stop);
                }
                let prefix = text(prefix)?;
                listing.next = Some((prefix.clone(), None));
                listing.common_prefixes.push(prefix);
                Ok(Go::Past)
            }
            Met::Record(key, value) => {
                let key = text(key)?;
                let current = listed(value)?;
                let below = resume.filter(|(marker, _)| *marker == key).map(|(_, named)| named);
                let below = below.and_then(|named| number(&current, named));
                if below.is_none_or(|below| current.seq < below) {
                    push(&mut listing, query, &key, &current, true, &mut owners);
                }
                if has_history && !listing.truncated {
                    let from = History { view: &*view, bucket: record.id, key: &key, below };
                    from.run(|record| {
                        push(&mut listing, query, &key, record, false, &mut owners);
                        !listing.truncated
                    })?;
                }
                Ok(if listing.truncated { Go::Stop } else { Go::On })
            }
        })?;
        if !listing.truncated {
            listing.next = None;
        }
        Ok(listing)
    }
}

/// The number of the version that a marker names. `None`, all versions are listed (again): the version `null` is
/// gone, and where it was is not known.
fn number(current: &ListedRecord<'_>, named: Named) -> Option<u64> {
    match named {
        Named::Seq(seq) => Some(seq),
        Named::Null if current.version == NULL => Some(current.seq),
        Named::Null => current.null_in_history,
    }
}

fn push(
    listing: &mut VersionListing,
    query: &VersionQuery,
    key: &str,
    record: &ListedRecord<'_>,
    is_latest: bool,
    owners: &mut Owners,
) {
    if listing.is_full(query) {
        listing.truncated = true;
        return;
    }
    listing.next = Some((key.to_owned(), Some(record.version.to_owned())));
    listing.versions.push(VersionEntry {
        key: key.to_owned(),
        version: record.version.to_owned(),
        is_latest,
        delete_marker: record.delete_marker,
        modified_ms: record.modified_ms,
        etag: record.etag.to_owned(),
        size: record.size,
        owner: owners.share(record),
        storage_class: record.storage_class.map(str::to_owned),
        checksum: record.checksum.clone(),
    });
}

/// The earlier versions of a key.
struct History<'a> {
    view: &'a dyn Reads,
    bucket: u64,
    key: &'a str,
    /// Only those with lower numbers.
    below: Option<u64>,
}

impl History<'_> {
    fn run(&self, mut visit: impl FnMut(&ListedRecord<'_>) -> bool) -> Result<(), StoreError> {
        let key = self.key.as_bytes();
        let mut range = KeyRange::prefix(keys::versions(self.bucket, key));
        if let Some(below) = self.below {
            range = range.after(keys::version(self.bucket, key, below));
        }
        let mut outcome = Ok(());
        self.view.scan(Space::History, &range, Direction::Forward, &mut |_, value| match listed(value) {
            Ok(record) if visit(&record) => ControlFlow::Continue(()),
            Ok(_) => ControlFlow::Break(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })?;
        outcome
    }
}
