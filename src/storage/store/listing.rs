//! Listing the current objects of a bucket.

use super::Store;
use super::error::StoreError;
use super::grants::ListsBucket;
use super::keys;
use super::records::{Checksum, ListedRecord, Owner};
use super::walk::{Go, Met, Walk, text};
use crate::gate::Authorized;
use crate::storage::kv::Space;
use std::ops::Bound;
use std::sync::Arc;

/// Which objects to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys with this prefix.
    pub prefix: String,
    /// What follows the prefix is rolled up at the first one of these. Empty: none.
    pub delimiter: Option<String>,
    /// Only keys and rolled-up prefixes behind this text, in the order of their bytes: the marker, the key to start
    /// after, or what [`Listing::next`] said. A marker below a rolled-up prefix skips that prefix whole.
    pub after: Option<String>,
    /// At most so many keys and rolled-up prefixes together.
    pub max_keys: usize,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its time, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its owner; entries with the same owner share it.
    pub owner: Arc<Owner>,
    /// Its storage class; `None`: `STANDARD`.
    pub storage_class: Option<String>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in the order of their keys' bytes.
    pub entries: Vec<Entry>,
    /// The rolled-up prefixes, in the same order.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// The last key or rolled-up prefix of this page, if there is more: where the next one goes on.
    pub next: Option<String>,
}

impl Store {
    /// Lists the objects of a bucket, as they were at one moment.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn list<O: ListsBucket>(&self, grant: &Authorized<O>, query: &ListQuery) -> Result<Listing, StoreError> {
        let bucket = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?.id;
        let view = self.inner.engine.snapshot()?;
        let start = match &query.after {
            Some(after) => Bound::Excluded(keys::object(bucket, after.as_bytes())),
            None => Bound::Unbounded,
        };
        let walk = Walk {
            view: &*view,
            space: Space::Objects,
            bucket,
            prefix: &query.prefix,
            delimiter: query.delimiter.as_deref().filter(|d| !d.is_empty()),
            after: query.after.as_deref(),
            start,
        };
        let mut listing = Listing::default();
        if query.max_keys == 0 {
            return Ok(listing);
        }
        let mut owners = Owners::default();
        walk.run(|met| {
            let (Met::Record(_, value) | Met::Below(_, value)) = met;
            let record: ListedRecord<'_> = listed(value)?;
            if record.delete_marker {
                return Ok(Go::On);
            }
            if listing.entries.len() + listing.common_prefixes.len() == query.max_keys {
                listing.truncated = true;
                return Ok(Go::Stop);
            }
            Ok(match met {
                Met::Record(key, _) => {
                    listing.entries.push(entry(text(key)?, &record, &mut owners));
                    Go::On
                }
                Met::Below(prefix, _) => {
                    listing.common_prefixes.push(text(prefix)?);
                    Go::Past
                }
            })
        })?;
        if listing.truncated {
            let (key, prefix) = (listing.entries.last().map(|e| &e.key), listing.common_prefixes.last());
            listing.next = key.max(prefix).cloned();
        }
        Ok(listing)
    }
}

/// What a listing shows of a record.
pub(super) fn listed(value: &[u8]) -> Result<ListedRecord<'_>, StoreError> {
    rmp_serde::from_slice(value).map_err(|e| StoreError::damaged(format!("object record: {e}")))
}

fn entry(key: String, record: &ListedRecord<'_>, owners: &mut Owners) -> Entry {
    Entry {
        key,
        modified_ms: record.modified_ms,
        etag: record.etag.to_owned(),
        size: record.size,
        owner: owners.share(record),
        storage_class: record.storage_class.map(str::to_owned),
        checksum: record.checksum.clone(),
    }
}

/// The owner met last: mostly the next one's too.
#[derive(Default)]
pub(super) struct Owners(Option<Arc<Owner>>);

impl Owners {
    pub(super) fn share(&mut self, record: &ListedRecord<'_>) -> Arc<Owner> {
        let (canonical, display) = (record.owner.canonical, record.owner.display);
        if let Some(last) = self.0.as_ref().filter(|o| o.canonical == canonical && o.display == display) {
            return Arc::clone(last);
        }
        let owner = Arc::new(Owner { canonical: canonical.to_owned(), display: display.to_owned() });
        self.0 = Some(Arc::clone(&owner));
        owner
    }
}
