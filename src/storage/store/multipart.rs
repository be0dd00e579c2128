//! Multipart uploads: beginning them, their parts, giving them up.

use super::Store;
use super::content::{Sink, Sse, new_id};
use super::error::StoreError;
use super::grants::{AddressesUpload, WritesPart};
use super::records::{BucketRecord, Checksum, ChecksumKind, ObjectMeta, Owner, PartRecord, StoredSse, decode, encode};
use super::write::{NewObject, check_lock};
use super::{buckets, keys, sweep, versions};
use crate::gate::{Authorized, operations};
use crate::storage::kv::{Direction, KeyRange, Reads, Space, Transaction};
use crate::storage::sealing::{BlobId, Envelope, SealedBy};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The greatest part number.
pub(super) const MOST_PARTS: u32 = 10_000;

/// An upload to be begun.
#[derive(Debug)]
pub struct NewUpload {
    /// What the object will be.
    pub object: NewObject,
    /// Who begins it.
    pub initiator: Owner,
    /// The checksum algorithm of its parts, as S3 writes it.
    pub checksum_algorithm: Option<String>,
    /// What its checksum will be over.
    pub checksum_kind: Option<ChecksumKind>,
}

/// An upload under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadRecord {
    /// Its id.
    pub upload_id: String,
    /// Its object's key.
    pub key: String,
    /// When it was begun, in milliseconds since 1970.
    pub initiated_ms: i64,
    /// Who began it.
    pub initiator: Owner,
    /// What is said of the object that it will be; its owner is in it.
    pub meta: ObjectMeta,
    /// Who holds the key of its parts.
    #[serde(default)]
    pub sse: StoredSse,
    /// The checksum algorithm of its parts.
    #[serde(default)]
    pub checksum_algorithm: Option<String>,
    /// What its checksum will be over.
    #[serde(default)]
    pub checksum_kind: Option<ChecksumKind>,
    /// Sealed with the customer's key: parts must bring the same one.
    #[serde(default)]
    check: Option<(BlobId, Envelope)>,
}

/// A part to be written.
#[derive(Debug)]
pub struct NewPart {
    /// Who holds its key: what the upload says.
    pub sse: Sse,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// A part under way. Dropped before [`PartWriter::commit`], it leaves nothing.
pub struct PartWriter {
    store: Store,
    bucket: Arc<BucketRecord>,
    key: String,
    upload_id: String,
    number: u32,
    sink: Sink,
}

/// A new upload's id: 48 digits, whose order is that of time.
fn new_upload_id(now_ms: i64) -> Result<String, StoreError> {
    let id = new_id(now_ms)?;
    let random = versions::random()?;
    let mut text = id.to_string();
    for byte in random.iter().take(8) {
        write!(text, "{byte:02x}").expect("a text takes what is written");
    }
    Ok(text)
}

/// What is stored of an upload of a key.
pub(super) fn find<R: Reads + ?Sized>(
    view: &R,
    bucket: u64,
    key: &str,
    upload_id: &str,
) -> Result<UploadRecord, StoreError> {
    // No id is longer; a key of the engine has an end.
    if upload_id.len() > 64 {
        return Err(StoreError::NoSuchUpload);
    }
    let stored = view.get(Space::Uploads, &keys::upload(bucket, key.as_bytes(), upload_id))?;
    decode("upload record", &stored.ok_or(StoreError::NoSuchUpload)?)
}

/// The parts of an upload by number, above `after`, at most `most`.
pub(super) fn parts_of<R: Reads + ?Sized>(
    view: &R,
    bucket: u64,
    upload_id: &str,
    after: u32,
    most: usize,
) -> Result<Vec<PartRecord>, StoreError> {
    let mut found = Vec::new();
    let range = KeyRange::prefix(keys::parts(bucket, upload_id)).after(keys::part(bucket, upload_id, after));
    view.scan(Space::Parts, &range, Direction::Forward, &mut |_, value| {
        if found.len() == most {
            return ControlFlow::Break(());
        }
        found.push(decode::<PartRecord>("part record", value));
        ControlFlow::Continue(())
    })?;
    found.into_iter().collect()
}

impl Store {
    /// Begins an upload, and gives its id.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::NoObjectLock`]; [`StoreError::Io`], [`StoreError::Full`],
    /// [`StoreError::ReadOnly`].
    pub async fn create_upload(
        &self,
        grant: &Authorized<operations::CreateMultipartUpload>,
        new: NewUpload,
    ) -> Result<String, StoreError> {
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        check_lock(&hint, &new.object.meta)?;
        let (now_ms, sse) = (new.object.now_ms, new.object.sse);
        let check = match &sse {
            Sse::S3 | Sse::Kms { .. } => None,
            Sse::Customer { key, .. } => {
                let id = new_id(now_ms)?;
                Some((id, key.seal_new(id)?.1))
            }
        };
        let record = UploadRecord {
            upload_id: new_upload_id(now_ms)?,
            key: grant.key().to_owned(),
            initiated_ms: now_ms,
            initiator: new.initiator,
            meta: new.object.meta,
            sse: sse.stored(),
            checksum_algorithm: new.checksum_algorithm,
            checksum_kind: new.checksum_kind,
            check,
        };
        if record.key.is_empty() {
            return Err(StoreError::WrongGrant);
        }
        let stored_key = keys::upload(hint.id, record.key.as_bytes(), &record.upload_id);
        let value = encode(&record);
        self.fault("upload.before_metadata")?;
        self.transact(move |t| {
            buckets::same(t, &hint)?;
            t.put(Space::Uploads, &stored_key, value.clone());
            Ok(())
        })
        .await?;
        Ok(record.upload_id)
    }

    /// An upload under way, of the grant's key.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::NoSuchUpload`].
    pub fn upload<O: AddressesUpload>(
        &self,
        grant: &Authorized<O>,
        upload_id: &str,
    ) -> Result<UploadRecord, StoreError> {
        let bucket = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        find(&*self.inner.engine, bucket.id, grant.key(), upload_id)
    }

    /// Begins a part. One with the same number is replaced when this one is whole.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUpload`]; [`StoreError::InvalidPartNumber`]; [`StoreError::CustomerKeyNeeded`],
    /// [`StoreError::WrongCustomerKey`], [`StoreError::UnexpectedCustomerKey`].
    pub fn part_writer<O: WritesPart>(
        &self,
        grant: &Authorized<O>,
        upload_id: &str,
        number: u32,
        new: NewPart,
    ) -> Result<PartWriter, StoreError> {
        if !(1..=MOST_PARTS).contains(&number) {
            return Err(StoreError::InvalidPartNumber { number });
        }
        let bucket = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        let upload = find(&*self.inner.engine, bucket.id, grant.key(), upload_id)?;
        check_part_key(&upload, &new.sse)?;
        Ok(PartWriter {
            store: self.clone(),
            bucket,
            key: upload.key,
            upload_id: upload.upload_id,
            number,
            sink: Sink::new(self, new.sse, new.now_ms),
        })
    }

    /// Gives an upload up; its parts go.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::NoSuchUpload`].
    pub async fn abort_upload(
        &self,
        grant: &Authorized<operations::AbortMultipartUpload>,
        upload_id: &str,
    ) -> Result<(), StoreError> {
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        self.fault("abort.before_metadata")?;
        let (key, upload_id) = (grant.key().to_owned(), upload_id.to_owned());
        self.transact_freeing(move |t| {
            let bucket = buckets::same(t, &hint)?;
            find(t, bucket.id, &key, &upload_id)?;
            drop_upload(t, bucket.id, &key, &upload_id)
        })
        .await
    }

    /// Gives up every upload that was begun before a time, and forgets what uploads completed before it became.
    /// Gives the number of uploads. For the program's own timer.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub async fn expire_uploads(&self, older_than_ms: i64) -> Result<u64, StoreError> {
        let mut old = Vec::new();
        self.inner.engine.scan(Space::Uploads, &KeyRange::all(), Direction::Forward, &mut |key, value| {
            let bucket = key.first_chunk::<8>().map(|id| u64::from_be_bytes(*id));
            let record = decode::<UploadRecord>("upload record", value);
            if record.as_ref().map_or(true, |r| r.initiated_ms < older_than_ms) {
                old.push((bucket, record));
            }
            ControlFlow::Continue(())
        })?;
        let mut expired = 0;
        for (bucket, record) in old {
            let bucket = bucket.ok_or_else(|| StoreError::damaged("the key of an upload"))?;
            let record = record?;
            // One that was completed or aborted meanwhile is no longer there.
            let gone = self
                .transact_freeing(move |t| match find(t, bucket, &record.key, &record.upload_id) {
                    Ok(_) => drop_upload(t, bucket, &record.key, &record.upload_id).map(|()| true),
                    Err(StoreError::NoSuchUpload) => Ok(false),
                    Err(error) => Err(error),
                })
                .await?;
            expired += u64::from(gone);
        }
        super::multipart_complete::forget_done(self, older_than_ms).await?;
        Ok(expired)
    }
}

/// The upload's key, or none: parts bring what the upload was begun with.
fn check_part_key(upload: &UploadRecord, sse: &Sse) -> Result<(), StoreError> {
    match (&upload.check, sse) {
        // What the upload was begun with, and nothing less.
        (None, Sse::Kms { .. }) if upload.sse == sse.stored() => Ok(()),
        (None, Sse::Kms { .. }) => Err(StoreError::WrongServiceKey),
        (None, Sse::S3) if matches!(upload.sse, StoredSse::Kms(_)) => Err(StoreError::ServiceKeyNeeded),
        (None, Sse::S3) => Ok(()),
        (None, Sse::Customer { .. }) => Err(StoreError::UnexpectedCustomerKey),
        (Some(_), Sse::S3 | Sse::Kms { .. }) => Err(StoreError::CustomerKeyNeeded),
        (Some((id, envelope)), Sse::Customer { key, .. }) => {
            debug_assert_eq!(envelope.sealed_by(), SealedBy::Customer);
            Ok(key.open_key(*id, envelope).map(drop)?)
        }
    }
}

/// Removes an upload and dooms its parts.
fn drop_upload(t: &mut dyn Transaction, bucket: u64, key: &str, upload_id: &str) -> Result<(), StoreError> {
    for part in parts_of(t, bucket, upload_id, 0, usize::MAX)? {
        sweep::doom(t, &part.content);
        t.delete(Space::Parts, &keys::part(bucket, upload_id, part.number));
    }
    t.delete(Space::Uploads, &keys::upload(bucket, key.as_bytes(), upload_id));
    Ok(())
}

impl PartWriter {
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

    /// Adds the part to its upload: when this answers, it is durable. `etag` is without quotes, `now_ms` in
    /// milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUpload`] if the upload is over by now; [`StoreError::Full`], [`StoreError::ReadOnly`],
    /// [`StoreError::Io`].
    pub async fn commit(self, etag: String, checksum: Option<Checksum>, now_ms: i64) -> Result<PartRecord, StoreError> {
        let Self { store, bucket, key, upload_id, number, sink } = self;
        let (stored, cleanup) = sink.finish().await?;
        store.fault("part.before_metadata")?;
        let record = PartRecord {
            number,
            modified_ms: now_ms,
            etag,
            size: stored.size,
            checksum,
            content: stored.content.clone(),
        };
        let value = encode(&record);
        let work = move |t: &mut dyn Transaction| {
            let bucket = buckets::same(t, &bucket)?;
            // Its key alone says that the upload is still under way.
            if t.get(Space::Uploads, &keys::upload(bucket.id, key.as_bytes(), &upload_id))?.is_none() {
                return Err(StoreError::NoSuchUpload);
            }
            let part_key = keys::part(bucket.id, &upload_id, number);
            if let Some(replaced) = t.get(Space::Parts, &part_key)? {
                sweep::doom(t, &decode::<PartRecord>("part record", &replaced)?.content);
            }
            stored.put_inline(t);
            t.put(Space::Parts, &part_key, value.clone());
            Ok(())
        };
        cleanup.after(store.transact(work)).await?;
        Ok(record)
    }
}
