//! What no request does: objects of a new data directory, and new root keys.

use super::records::{ObjectMeta, VersionRecord};
use super::versions::{self, Place};
use super::{ChangeKind, Store, StoreError, buckets, identity, keys, sweep};
use crate::storage::kv::{Reads as _, Space, Transaction};
use std::sync::Arc;

/// The `ETag` of no bytes: their MD5.
const ETAG_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

impl Store {
    /// Forgets the buckets, blocks and documents that a seeding made before it was cut short, so that the next one begins with
    /// nothing. Once the seed documents were put, it is refused.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the seed documents are there; [`StoreError::Io`].
    pub async fn forget_cut_seed(&self) -> Result<(), StoreError> {
        if self.inner.engine.get(Space::Identity, keys::WORLD)?.is_some() {
            return Err(StoreError::Conflict);
        }
        let _alone = self.inner.bucket_changes.lock().await;
        let left: Vec<_> = self.inner.buckets.iter().map(|bucket| Arc::clone(bucket.value())).collect();
        for bucket in left {
            // The bucket goes last: a start that is cut short here too finds the rest by it.
            self.take_range(Space::Objects, bucket.id.to_be_bytes().to_vec()).await?;
            let (id, name) = (bucket.id, bucket.name.clone());
            self.transact_freeing(move |t| {
                t.delete(Space::Buckets, name.as_bytes());
                t.delete(Space::Settings, &keys::counter(id));
                sweep::doom_bucket(t, id);
                Ok(())
            })
            .await?;
            self.inner.buckets.remove(&bucket.name);
        }
        self.take_range(Space::Identity, identity::BLOCKS.to_vec()).await?;
        self.take_range(Space::Identity, keys::ENTITIES.to_vec()).await?;
        self.inner.account_blocks.clear();
        Ok(())
    }

    /// Creates an empty object in a bucket of a new data directory. Once the seed documents were put, it is refused.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the seed documents are there; [`StoreError::NoSuchBucket`]; [`StoreError::Io`].
    pub async fn seed_object(&self, bucket: &str, key: &str, meta: ObjectMeta, now_ms: i64) -> Result<(), StoreError> {
        if self.inner.engine.get(Space::Identity, keys::WORLD)?.is_some() {
            return Err(StoreError::Conflict);
        }
        let hint = self.bucket(bucket).ok_or(StoreError::NoSuchBucket)?;
        let key = key.to_owned();
        let random = versions::random()?;
        let mut record =
            VersionRecord { modified_ms: now_ms, etag: ETAG_OF_NOTHING.to_owned(), ..VersionRecord::from_meta(meta) };
        self.transact(move |t: &mut dyn Transaction| {
            let bucket = buckets::same(t, &hint)?;
            let place = Place { bucket: &bucket, key: &key };
            let current = place.current(t)?;
            place.replace(t, current, &mut record, random, ChangeKind::Created)?;
            Ok(())
        })
        .await
    }

    /// Makes a new root key where the present one is older than `max_age` seconds. New objects are sealed with it;
    /// older keys open older objects for ever. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::RootKeys`] if the new one cannot be kept; the present key goes on then.
    pub fn rotate_root_key(&self, now: i64, max_age: i64) -> Result<Option<u32>, StoreError> {
        Ok(self.inner.keys.rotate_if_older_than(now, max_age)?)
    }
}
