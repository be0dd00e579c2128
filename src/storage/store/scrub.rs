//! Scrubbing: reading and verifying everything that is stored, and finding what nothing names.

use super::Store;
use super::content::{self, Content, Unlock};
use super::error::StoreError;
use super::kms::{KeyRecord, ObjectUnlock, OpenKey, key_arn};
use super::manifest::{self, ManifestRef};
use super::records::{PartRecord, StoredSse, VersionRecord, decode};
use super::{keys, sweep};
use crate::storage::kv::{Direction, KeyRange, Reads, Space};
use crate::storage::sealing::{BlobId, Envelope, SealedBy};
use futures_util::StreamExt as _;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Records that are read at once.
const BATCH: usize = 256;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScrubProblem {
    /// Bytes or a record cannot be read, or are not what was written.
    Damaged {
        /// The bucket's name, or its number if no bucket has that.
        bucket: String,
        /// The object's key.
        key: String,
        /// The version, or the part of an upload.
        version: String,
        /// What is wrong.
        why: String,
    },
    /// Records of a bucket that is not there.
    NoBucket {
        /// The bucket's number.
        bucket: u64,
        /// The object's key.
        key: String,
    },
    /// Earlier versions of a key that has no current one.
    NoCurrent {
        /// The bucket's name.
        bucket: String,
        /// The key.
        key: String,
    },
    /// A blob that nothing names.
    Orphan {
        /// Its id.
        blob: BlobId,
        /// Bytes of its file.
        sealed_len: u64,
    },
    /// A small value, or a manifest, that nothing names.
    Dangling {
        /// Its id.
        id: BlobId,
        /// Whether it is a manifest.
        manifest: bool,
    },
    /// A file among the blobs that is none.
    Foreign {
        /// What and where.
        what: String,
    },
}

/// How far a scrub is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubProgress {
    /// Versions and parts that were verified.
    pub records: u64,
    /// Bytes of plaintext that were verified.
    pub bytes: u64,
    /// Problems so far.
    pub problems: u64,
}

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// What was verified.
    pub progress: ScrubProgress,
    /// Every problem.
    pub problems: Vec<ScrubProblem>,
}

/// A key and its value.
type Stored = (Vec<u8>, Vec<u8>);

/// What records name.
#[derive(Default)]
struct Named {
    blobs: HashSet<BlobId>,
    inline: HashSet<BlobId>,
    manifests: HashSet<BlobId>,
}

struct Scrub<'a> {
    store: &'a Store,
    view: &'a dyn Reads,
    /// Names of buckets by number.
    buckets: HashMap<u64, String>,
    /// The keys of the key service by ARN.
    keys: HashMap<String, Arc<OpenKey>>,
    named: Named,
    report: ScrubReport,
    progress: &'a mut (dyn FnMut(&ScrubProgress) + Send),
}

impl Store {
    /// Reads and verifies everything, and tells `progress` now and then how far it is. What is sealed with a
    /// customer's key, or under a deleted key of the key service, is checked for presence and length alone; so are
    /// parts of uploads under way that are sealed under such a key. While somebody writes, what is under way may be
    /// taken for an orphan: orphans are certain only when this store does nothing else.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the metadata cannot be read at all. What is wrong with single objects stands in the
    /// report.
    pub async fn scrub(&self, progress: &mut (dyn FnMut(&ScrubProgress) + Send)) -> Result<ScrubReport, StoreError> {
        let view = self.inner.engine.snapshot()?;
        let buckets = self.inner.buckets.iter().map(|b| (b.id, b.name.clone())).collect();
        let mut scrub = Scrub {
            store: self,
            view: &*view,
            buckets,
            keys: service_keys(self)?,
            named: Named::default(),
            report: ScrubReport::default(),
            progress,
        };
        scrub.versions(Space::Objects).await?;
        scrub.versions(Space::History).await?;
        scrub.parts().await?;
        scrub.doomed()?;
        scrub.unnamed_values()?;
        scrub.unnamed_blobs().await;
        Ok(scrub.report)
    }

    /// Deletes the orphans and dangling values of a report; gives how many. Only when this store did nothing else
    /// since the scrub began.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub async fn delete_unnamed(&self, report: &ScrubReport) -> Result<u64, StoreError> {
        let mut values: Vec<(Space, Vec<u8>)> = Vec::new();
        let mut gone = 0;
        for problem in &report.problems {
            match problem {
                ScrubProblem::Orphan { blob, .. } => self.inner.blobs.delete(*blob).await?,
                ScrubProblem::Dangling { id, manifest: false } => values.push((Space::Inline, id.as_bytes().to_vec())),
                ScrubProblem::Dangling { id, manifest: true } => {
                    let range = KeyRange::prefix(id.as_bytes());
                    self.inner.engine.scan(Space::Manifests, &range, Direction::Forward, &mut |key, _| {
                        values.push((Space::Manifests, key.to_vec()));
                        ControlFlow::Continue(())
                    })?;
                }
                _ => continue,
            }
            gone += 1;
        }
        self.forget(values).await?;
        Ok(gone)
    }
}

impl Scrub<'_> {
    fn problem(&mut self, problem: ScrubProblem) {
        self.report.progress.problems += 1;
        self.report.problems.push(problem);
    }

    fn bucket_name(&self, id: u64) -> String {
        self.buckets.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The next records of a space behind a key.
    fn batch(&self, space: Space, after: Option<&[u8]>) -> Result<Vec<Stored>, StoreError> {
        let range = after.map_or(KeyRange::all(), |key| KeyRange::all().after(key));
        let mut found = Vec::new();
        self.view.scan(space, &range, Direction::Forward, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            if found.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }

    async fn versions(&mut self, space: Space) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let batch = self.batch(space, after.as_deref())?;
            let Some((last, _)) = batch.last() else { return Ok(()) };
            after = Some(last.clone());
            for (stored, value) in batch {
                let bucket = stored.first_chunk::<8>().map_or(0, |id| u64::from_be_bytes(*id));
                let key = match space {
                    Space::Objects => keys::key_of_object(&stored).map(<[u8]>::to_vec),
                    _ => keys::split(&stored).map(|(key, _)| key),
                };
                self.version(space, bucket, &key.unwrap_or_default(), &value).await?;
            }
            (self.progress)(&self.report.progress);
        }
    }

    async fn version(&mut self, space: Space, bucket: u64, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let name = self.bucket_name(bucket);
        let text = String::from_utf8_lossy(key).into_owned();
        if !self.buckets.contains_key(&bucket) {
            self.problem(ScrubProblem::NoBucket { bucket, key: text.clone() });
        }
        if space == Space::History && self.view.get(Space::Objects, &keys::object(bucket, key))?.is_none() {
            self.problem(ScrubProblem::NoCurrent { bucket: name.clone(), key: text.clone() });
        }
        self.report.progress.records += 1;
        let (version, outcome) = match decode::<VersionRecord>("version record", value) {
            Ok(record) => {
                let unlock = self.unlock(&record.sse, &name, &text);
                (record.version, self.content(&record.content, record.size, unlock.as_ref()).await)
            }
            Err(error) => (String::new(), Err(error)),
        };
        if let Err(why) = outcome {
            self.problem(ScrubProblem::Damaged { bucket: name, key: text, version, why: why.to_string() });
        }
        Ok(())
    }

    async fn parts(&mut self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let batch = self.batch(Space::Parts, after.as_deref())?;
            let Some((last, _)) = batch.last() else { return Ok(()) };
            after = Some(last.clone());
            for (stored, value) in batch {
                let bucket = stored.first_chunk::<8>().map_or(0, |id| u64::from_be_bytes(*id));
                self.report.progress.records += 1;
                let (number, outcome) = match decode::<PartRecord>("part record", &value) {
                    Ok(part) => (part.number, self.content(&part.content, part.size, None).await),
                    Err(error) => (0, Err(error)),
                };
                if let Err(why) = outcome {
                    let (bucket, why) = (self.bucket_name(bucket), why.to_string());
                    let version = format!("part {number}");
                    self.problem(ScrubProblem::Damaged { bucket, key: String::new(), version, why });
                }
            }
            (self.progress)(&self.report.progress);
        }
    }

    /// What opens an object that is sealed under a key of the key service, if that key is still there.
    fn unlock(&self, sse: &StoredSse, bucket: &str, key: &str) -> Option<ObjectUnlock> {
        let StoredSse::Kms(stored) = sse else { return None };
        let context = stored.whole_context(bucket, key).ok()?;
        self.keys.get(&stored.key).map(|key| key.for_scrubbing(&context))
    }

    async fn content(&mut self, content: &Content, size: u64, unlock: Option<&ObjectUnlock>) -> Result<(), StoreError> {
        match content {
            Content::Manifest(manifest) => self.manifest(manifest, size, unlock).await,
            piece => self.piece(piece, size, unlock).await,
        }
    }

    async fn manifest(
        &mut self,
        manifest: &ManifestRef,
        size: u64,
        unlock: Option<&ObjectUnlock>,
    ) -> Result<(), StoreError> {
        self.named.manifests.insert(manifest.id);
        let (mut sum, mut first_error) = (0, None);
        for chunk in 0..manifest.chunks() {
            for part in manifest::load(self.store, manifest, chunk)? {
                sum += part.size;
                // The others are read too, so that none of them is taken for an orphan.
                if let Err(error) = self.piece(&part.content, part.size, unlock).await {
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) => Err(error),
            None if sum != size => Err(StoreError::damaged(format!("{sum} bytes in parts, {size} in the record"))),
            None => Ok(()),
        }
    }

    async fn piece(&mut self, content: &Content, size: u64, unlock: Option<&ObjectUnlock>) -> Result<(), StoreError> {
        self.report.progress.bytes += size;
        match content {
            Content::None if size == 0 => Ok(()),
            Content::None | Content::Manifest(_) => Err(StoreError::damaged("a record without its bytes")),
            Content::Inline(id, envelope) => {
                self.named.inline.insert(*id);
                if let Some(unlock) = opens(envelope, unlock) {
                    return content::inline_bytes(self.store, *id, envelope, size, unlock).map(drop);
                }
                let found = self.view.get(Space::Inline, id.as_bytes())?.map(|sealed| sealed.len() as u64);
                same_length(*id, envelope, size, found)
            }
            Content::Blob(id, envelope) => {
                self.named.blobs.insert(*id);
                let blobs = &self.store.inner.blobs;
                let Some(unlock) = opens(envelope, unlock) else {
                    return same_length(*id, envelope, size, blobs.sealed_len(*id).await?);
                };
                let key = content::data_key(self.store, *id, envelope, unlock)?;
                Ok(blobs.verify(*id, key, size).await?)
            }
        }
    }

    /// What is doomed is named until it is swept.
    fn doomed(&mut self) -> Result<(), StoreError> {
        let mut manifests = Vec::new();
        self.view.scan(Space::Doomed, &KeyRange::all(), Direction::Forward, &mut |key, _| {
            match sweep::doomed_id(key) {
                Some(sweep::DoomedId::Inline(id)) => drop(self.named.inline.insert(id)),
                Some(sweep::DoomedId::Blob(id)) => drop(self.named.blobs.insert(id)),
                Some(sweep::DoomedId::Manifest(id)) => manifests.push(id),
                None => {}
            }
            ControlFlow::Continue(())
        })?;
        for id in manifests {
            self.named.manifests.insert(id);
            self.view.scan(
                Space::Manifests,
                &KeyRange::prefix(id.as_bytes()),
                Direction::Forward,
                &mut |_, value| {
                    for part in decode::<Vec<PartRecord>>("manifest", value).unwrap_or_default() {
                        match part.content {
                            Content::Inline(id, _) => drop(self.named.inline.insert(id)),
                            Content::Blob(id, _) => drop(self.named.blobs.insert(id)),
                            Content::None | Content::Manifest(_) => {}
                        }
                    }
                    ControlFlow::Continue(())
                },
            )?;
        }
        Ok(())
    }

    fn unnamed_values(&mut self) -> Result<(), StoreError> {
        let mut dangling = Vec::new();
        for (space, manifest) in [(Space::Inline, false), (Space::Manifests, true)] {
            let named = if manifest { &self.named.manifests } else { &self.named.inline };
            let mut last = None;
            self.view.scan(space, &KeyRange::all(), Direction::Forward, &mut |key, _| {
                if let Some(id) = key.first_chunk().map(|id| BlobId::from_bytes(*id))
                    && !named.contains(&id)
                    && last.replace(id) != Some(id)
                {
                    dangling.push(ScrubProblem::Dangling { id, manifest });
                }
                ControlFlow::Continue(())
            })?;
        }
        dangling.into_iter().for_each(|problem| self.problem(problem));
        Ok(())
    }

    async fn unnamed_blobs(&mut self) {
        let mut blobs = Box::pin(self.store.inner.blobs.list());
        while let Some(found) = blobs.next().await {
            match found {
                Ok(blob) if self.named.blobs.contains(&blob.id) => {}
                Ok(blob) => self.problem(ScrubProblem::Orphan { blob: blob.id, sealed_len: blob.sealed_len }),
                Err(error) => self.problem(ScrubProblem::Foreign { what: error.to_string() }),
            }
        }
    }
}

/// What opens an envelope here; `None`: nothing does.
fn opens<'k>(envelope: &Envelope, unlock: Option<&'k ObjectUnlock>) -> Option<Unlock<'k>> {
    match envelope.sealed_by() {
        SealedBy::Root { .. } => Some(Unlock::Store),
        SealedBy::Kms { .. } => unlock.map(Unlock::Kms),
        SealedBy::Customer => None,
    }
}

/// The keys of the key service, opened.
fn service_keys(store: &Store) -> Result<HashMap<String, Arc<OpenKey>>, StoreError> {
    let open = |kept| {
        let key = store.open_key(&kept)?;
        Ok((key_arn(&kept.document.region, &kept.account, &kept.id), key))
    };
    store.entities::<KeyRecord>(None)?.into_iter().map(open).collect()
}

/// What is sealed with a customer's key has the length that its plaintext has when sealed.
fn same_length(id: BlobId, envelope: &Envelope, size: u64, found: Option<u64>) -> Result<(), StoreError> {
    let expected = envelope.layout().sealed_len(size);
    match found {
        None => Err(StoreError::damaged(format!("{id} is missing"))),
        Some(found) if found != expected => {
            Err(StoreError::damaged(format!("{id} has {found} bytes where {expected} were sealed")))
        }
        Some(_) => Ok(()),
    }
}
