//! Listing uploads under way, and their parts.

use super::Store;
use super::error::StoreError;
use super::keys;
use super::multipart::{self, UploadRecord};
use super::records::{PartRecord, decode};
use super::walk::{Go, Met, Walk, text};
use crate::gate::{Authorized, operations};
use crate::storage::kv::Space;
use std::ops::Bound;

/// Which uploads to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadQuery {
    /// Only keys with this prefix.
    pub prefix: String,
    /// What follows the prefix is rolled up at the first one of these. Empty: none.
    pub delimiter: Option<String>,
    /// Only keys and rolled-up prefixes behind this one; with an upload, also later uploads of this key.
    pub key_marker: Option<String>,
    /// The upload of the key marker to go on behind.
    pub upload_marker: Option<String>,
    /// At most so many uploads and rolled-up prefixes together.
    pub max_uploads: usize,
}

/// A page of uploads.
#[derive(Clone, Debug, Default)]
pub struct UploadListing {
    /// The uploads, by key, oldest first.
    pub uploads: Vec<UploadRecord>,
    /// The rolled-up prefixes.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// Where the next page goes on: a key with the last upload of it that was listed, or a rolled-up prefix.
    pub next: Option<(String, Option<String>)>,
}

/// A page of an upload's parts.
#[derive(Clone, Debug)]
pub struct PartListing {
    /// The upload.
    pub upload: UploadRecord,
    /// The parts by number.
    pub parts: Vec<PartRecord>,
    /// Whether there is more.
    pub truncated: bool,
    /// The number of the last part of this page, if there is more.
    pub next: Option<u32>,
}

impl Store {
    /// Lists the uploads under way in a bucket.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn list_uploads(
        &self,
        grant: &Authorized<operations::ListMultipartUploads>,
        query: &UploadQuery,
    ) -> Result<UploadListing, StoreError> {
        let bucket = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?.id;
        let mut listing = UploadListing::default();
        if query.max_uploads == 0 {
            return Ok(listing);
        }
        let start = match (&query.key_marker, query.upload_marker.as_deref().filter(|m| !m.is_empty())) {
            (Some(key), Some(upload)) => Bound::Excluded(keys::upload(bucket, key.as_bytes(), upload)),
            // Behind every upload of this key.
            (Some(key), None) => {
                keys::after_prefix(&keys::versions(bucket, key.as_bytes())).map_or(Bound::Unbounded, Bound::Included)
            }
            (None, _) => Bound::Unbounded,
        };
        let view = self.inner.engine.snapshot()?;
        let walk = Walk {
            view: &*view,
            space: Space::Uploads,
            bucket,
            prefix: &query.prefix,
            delimiter: query.delimiter.as_deref().filter(|d| !d.is_empty()),
            after: query.key_marker.as_deref(),
            start,
        };
        walk.run(|met| {
            if listing.uploads.len() + listing.common_prefixes.len() == query.max_uploads {
                listing.truncated = true;
                return Ok(Go::Stop);
            }
            Ok(match met {
                Met::Record(_, value) => {
                    let upload: UploadRecord = decode("upload record", value)?;
                    listing.next = Some((upload.key.clone(), Some(upload.upload_id.clone())));
                    listing.uploads.push(upload);
                    Go::On
                }
                Met::Below(prefix, _) => {
                    let prefix = text(prefix)?;
                    listing.next = Some((prefix.clone(), None));
                    listing.common_prefixes.push(prefix);
                    Go::Past
                }
            })
        })?;
        if !listing.truncated {
            listing.next = None;
        }
        Ok(listing)
    }

    /// Lists the parts of an upload with numbers above `after`, at most `max_parts`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::NoSuchUpload`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn list_parts(
        &self,
        grant: &Authorized<operations::ListParts>,
        upload_id: &str,
        after: u32,
        max_parts: usize,
    ) -> Result<PartListing, StoreError> {
        let bucket = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?.id;
        let view = self.inner.engine.snapshot()?;
        let upload = multipart::find(&*view, bucket, grant.key(), upload_id)?;
        let mut parts = multipart::parts_of(&*view, bucket, upload_id, after, max_parts.saturating_add(1))?;
        let truncated = parts.len() > max_parts && max_parts > 0;
        parts.truncate(max_parts);
        let next = parts.last().map(|p| p.number).filter(|_| truncated);
        Ok(PartListing { upload, parts, truncated, next })
    }
}
