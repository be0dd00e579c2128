//! Sweeping: what nobody can read any more leaves the disk.

use super::content::Content;
use super::error::StoreError;
use super::records::{PartRecord, decode};
use super::{Store, keys};
use crate::storage::kv::{Direction, KeyRange, Reads, Space, Transaction};
use crate::storage::sealing::BlobId;
use bytes::Bytes;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Doomed things that one call takes up.
const BATCH: usize = 1000;

const INLINE: u8 = b'i';
const BLOB: u8 = b'b';
const MANIFEST: u8 = b'm';
const BUCKET: u8 = b'x';

/// Dooms bytes: the sweeper takes them when this transaction is durable and nobody reads them.
pub(super) fn doom(t: &mut dyn Transaction, content: &Content) {
    let (kind, id) = match content {
        Content::None => return,
        Content::Inline(id, _) => (INLINE, *id),
        Content::Blob(id, _) => (BLOB, *id),
        Content::Manifest(manifest) => (MANIFEST, manifest.id),
    };
    t.put(Space::Doomed, &doomed_key(kind, id.as_bytes()), Bytes::new());
}

/// Dooms what a deleted bucket leaves: uploads, their parts, the change log.
pub(super) fn doom_bucket(t: &mut dyn Transaction, bucket: u64) {
    t.put(Space::Doomed, &doomed_key(BUCKET, &bucket.to_be_bytes()), Bytes::new());
}

fn doomed_key(kind: u8, id: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + id.len());
    key.push(kind);
    key.extend_from_slice(id);
    key
}

/// What an entry of the doomed names.
pub(super) enum DoomedId {
    /// A small value.
    Inline(BlobId),
    /// A blob.
    Blob(BlobId),
    /// A manifest, and what its parts name.
    Manifest(BlobId),
}

/// Reads an entry of the doomed; `None` for those of buckets.
pub(super) fn doomed_id(key: &[u8]) -> Option<DoomedId> {
    let (kind, id) = key.split_first()?;
    let id = BlobId::from_bytes(id.try_into().ok()?);
    match *kind {
        INLINE => Some(DoomedId::Inline(id)),
        BLOB => Some(DoomedId::Blob(id)),
        MANIFEST => Some(DoomedId::Manifest(id)),
        _ => None,
    }
}

/// What is doomed and waits for its readers.
#[derive(Default)]
pub(super) struct Waiting {
    batches: Vec<(u64, Vec<Vec<u8>>)>,
    held: HashSet<Vec<u8>>,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Things that are gone: blobs, small values, manifests with their parts.
    pub gone: u64,
    /// Things that somebody may still be reading; a later sweep takes them.
    pub waiting: u64,
    /// Whether more is doomed than one sweep takes up: sweep again at once.
    pub more: bool,
}

impl Store {
    /// Takes doomed bytes from the disk, as many as one call takes up, except those that somebody may be reading.
    /// To be called now and then. What fails is tried again by the next call.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut waiting = self.inner.sweeping.lock().await;
        let found = self.newly_doomed(&waiting.held)?;
        let more = found.len() == BATCH;
        if !found.is_empty() {
            // INVARIANT: the doom was seen in durable state before the epoch begins, so whoever reads from this
            // epoch on sees metadata without it.
            let epoch = self.inner.guards.advance();
            waiting.held.extend(found.iter().cloned());
            waiting.batches.push((epoch, found));
        }
        let batches = std::mem::take(&mut waiting.batches);
        let mut swept = Swept { more, ..Swept::default() };
        let mut failed = None;
        for (epoch, batch) in batches {
            if failed.is_none() && self.inner.guards.all_since(epoch) {
                match self.take(&batch).await {
                    Ok(()) => {
                        swept.gone += batch.len() as u64;
                        for key in &batch {
                            waiting.held.remove(key);
                        }
                        continue;
                    }
                    Err(error) => failed = Some(error),
                }
            }
            swept.waiting += batch.len() as u64;
            waiting.batches.push((epoch, batch));
        }
        failed.map_or(Ok(swept), Err)
    }

    fn newly_doomed(&self, held: &HashSet<Vec<u8>>) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found = Vec::new();
        self.inner.engine.scan(Space::Doomed, &KeyRange::all(), Direction::Forward, &mut |key, _| {
            if !held.contains(key) {
                found.push(key.to_vec());
            }
            if found.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }

    async fn take(&self, batch: &[Vec<u8>]) -> Result<(), StoreError> {
        self.fault("sweep.before")?;
        let mut gone: Vec<(Space, Vec<u8>)> = Vec::with_capacity(batch.len() * 2);
        for key in batch {
            match (key.first().copied(), key.get(1..).unwrap_or_default()) {
                (Some(INLINE), id) => gone.push((Space::Inline, id.to_vec())),
                (Some(BLOB), id) => self.delete_blob(id).await?,
                (Some(MANIFEST), id) => self.take_manifest(id, &mut gone).await?,
                (Some(BUCKET), id) => self.take_bucket(id).await?,
                _ => return Err(StoreError::damaged("an entry of the doomed")),
            }
            gone.push((Space::Doomed, key.clone()));
        }
        self.fault("sweep.before_metadata")?;
        self.forget(gone).await
    }

    /// Removes metadata, in transactions of bounded size.
    pub(super) async fn forget(&self, gone: Vec<(Space, Vec<u8>)>) -> Result<(), StoreError> {
        for some in gone.chunks(4 * BATCH) {
            let some = some.to_vec();
            self.transact_freeing(move |t| {
                some.iter().for_each(|(space, key)| t.delete(*space, key));
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn delete_blob(&self, id: &[u8]) -> Result<(), StoreError> {
        let id = id.try_into().map_err(|_| StoreError::damaged("the id of a doomed blob"))?;
        Ok(self.inner.blobs.delete(BlobId::from_bytes(id)).await?)
    }

    /// The blobs and small values of a manifest's parts, and the manifest.
    async fn take_manifest(&self, id: &[u8], gone: &mut Vec<(Space, Vec<u8>)>) -> Result<(), StoreError> {
        let mut chunks = Vec::new();
        self.inner.engine.scan(Space::Manifests, &KeyRange::prefix(id), Direction::Forward, &mut |key, value| {
            chunks.push((key.to_vec(), decode::<Vec<PartRecord>>("manifest", value)));
            ControlFlow::Continue(())
        })?;
        for (key, parts) in chunks {
            for part in parts? {
                match &part.content {
                    Content::Inline(id, _) => gone.push((Space::Inline, id.as_bytes().to_vec())),
                    Content::Blob(id, _) => self.delete_blob(id.as_bytes()).await?,
                    Content::None | Content::Manifest(_) => {}
                }
            }
            gone.push((Space::Manifests, key));
        }
        Ok(())
    }

    /// What a deleted bucket left. Parts of its uploads are doomed one by one, since somebody may be writing them.
    async fn take_bucket(&self, id: &[u8]) -> Result<(), StoreError> {
        for space in [Space::Parts, Space::Uploads, Space::Changes] {
            self.take_range(space, id.to_vec()).await?;
        }
        self.take_range(Space::Settings, [keys::DONE, id].concat()).await
    }

    /// Removes a range of metadata, in transactions of bounded size; of parts, the bytes are doomed.
    pub(super) async fn take_range(&self, space: Space, prefix: Vec<u8>) -> Result<(), StoreError> {
        loop {
            let prefix = prefix.clone();
            let more = self
                .transact_freeing(move |t| {
                    let mut found = Vec::new();
                    t.scan(space, &KeyRange::prefix(prefix.clone()), Direction::Forward, &mut |key, value| {
                        let part = (space == Space::Parts).then(|| decode::<PartRecord>("part record", value));
                        found.push((key.to_vec(), part));
                        if found.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                    })?;
                    let more = found.len() == BATCH;
                    for (key, part) in found {
                        if let Some(part) = part {
                            doom(t, &part?.content);
                        }
                        t.delete(space, &key);
                    }
                    Ok(more)
                })
                .await?;
            if !more {
                return Ok(());
            }
        }
    }
}
