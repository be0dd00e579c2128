//! Completing a multipart upload: one transaction that makes an object of its parts.

use super::Store;
use super::content::{Content, new_id};
use super::error::StoreError;
use super::multipart::{self, UploadRecord};
use super::records::{BucketRecord, ChangeKind, Checksum, PartRecord, VersionRecord, decode, encode};
use super::sight::earlier_number;
use super::version_id::{self, NULL};
use super::versions::{self, Place};
use super::write::{WriteConditions, Written, default_retention, written};
use super::{Limits, buckets, keys, manifest, sweep};
use crate::gate::{Authorized, operations};
use crate::storage::kv::{Direction, KeyRange, Reads, Space, Transaction};
use crate::storage::sealing::BlobId;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// A part that a completion lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub number: u32,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// The value of its checksum in base64, if the list has one.
    pub checksum: Option<String>,
}

/// Makes the object's checksum of its upload and its parts, in order; an error refuses the completion. It runs in
/// the transaction, perhaps more than once.
pub type WholeChecksum = Box<dyn Fn(&UploadRecord, &[PartRecord]) -> Result<Option<Checksum>, StoreError> + Send>;

/// How to complete an upload.
pub struct CompleteOptions {
    /// The parts, in the order of the list.
    pub parts: Vec<ListedPart>,
    /// The checksum.
    pub checksum: WholeChecksum,
    /// The size that the request says the object has, in bytes.
    pub size: Option<u64>,
    /// Conditions on the object that is there.
    pub conditions: WriteConditions,
    /// The object's time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What a completed upload became.
#[derive(Clone, Serialize, Deserialize)]
struct Done {
    key: String,
    /// The digest of the parts that were listed.
    parts: [u8; 16],
    seq: u64,
    version: String,
    time_ms: i64,
}

impl Store {
    /// Makes an object of an upload's parts. Parts that are not listed go. Completing again with the same list
    /// answers the same, as long as the object is that one.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUpload`]; [`StoreError::InvalidPartOrder`]; [`StoreError::InvalidPart`];
    /// [`StoreError::PartTooSmall`]; [`StoreError::TooLarge`]; [`StoreError::Precondition`], also for a size that
    /// is not the object's; what `checksum` refuses; else as [`super::ObjectWriter::commit`].
    pub async fn complete_upload(
        &self,
        grant: &Authorized<operations::CompleteMultipartUpload>,
        upload_id: &str,
        options: CompleteOptions,
    ) -> Result<Written, StoreError> {
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        if options.parts.is_empty() || !options.parts.is_sorted_by(|a, b| a.number < b.number) {
            return Err(StoreError::InvalidPartOrder);
        }
        self.fault("complete.before_metadata")?;
        let (key, upload_id) = (grant.key().to_owned(), upload_id.to_owned());
        let (limits, random, id) = (self.inner.limits, versions::random()?, new_id(options.now_ms)?);
        let digest = digest_of(&options.parts);
        self.transact(move |t| {
            let bucket = buckets::same(t, &hint)?;
            let upload = match multipart::find(t, bucket.id, &key, &upload_id) {
                Err(StoreError::NoSuchUpload) => return completed_before(t, &bucket, &key, &upload_id, digest),
                found => found?,
            };
            let there = multipart::parts_of(t, bucket.id, &upload_id, 0, usize::MAX)?;
            let numbers: Vec<u32> = there.iter().map(|p| p.number).collect();
            let (parts, unlisted) = select(there, &options.parts)?;
            let size = check_sizes(&parts, &limits)?;
            if options.size.is_some_and(|wanted| wanted != size) {
                return Err(StoreError::Precondition("x-amz-mp-object-size"));
            }
            let checksum = (options.checksum)(&upload, &parts)?;
            let place = Place { bucket: &bucket, key: &key };
            let current = place.current(t)?;
            options.conditions.judge(current.as_ref())?;
            let mut record = whole(t, upload, &parts, size, id);
            record.modified_ms = options.now_ms;
            record.checksum = checksum;
            record.retention = record.retention.or_else(|| default_retention(&bucket, options.now_ms));
            place.replace(t, current, &mut record, random, ChangeKind::Created)?;
            unlisted.iter().for_each(|part| sweep::doom(t, &part.content));
            numbers.iter().for_each(|number| t.delete(Space::Parts, &keys::part(bucket.id, &upload_id, *number)));
            t.delete(Space::Uploads, &keys::upload(bucket.id, key.as_bytes(), &upload_id));
            let done = Done {
                key: key.clone(),
                parts: digest,
                seq: record.seq,
                version: record.version.clone(),
                time_ms: options.now_ms,
            };
            t.put(Space::Settings, &keys::done(bucket.id, &upload_id), encode(&done));
            Ok(written(&bucket, &record))
        })
        .await
    }
}

/// The record of an object of parts.
fn whole(t: &mut dyn Transaction, upload: UploadRecord, parts: &[PartRecord], size: u64, id: BlobId) -> VersionRecord {
    VersionRecord {
        etag: etag_of(parts),
        size,
        content: Content::Manifest(manifest::write(t, id, parts)),
        sse: upload.sse,
        parts_count: Some(u32::try_from(parts.len()).unwrap_or(u32::MAX)),
        ..VersionRecord::from_meta(upload.meta)
    }
}

/// The listed ones of the parts that are there, and the others. Both lists are in the order of numbers.
fn select(there: Vec<PartRecord>, listed: &[ListedPart]) -> Result<(Vec<PartRecord>, Vec<PartRecord>), StoreError> {
    let mut wanted = listed.iter().peekable();
    let (mut parts, mut others) = (Vec::with_capacity(listed.len()), Vec::new());
    for part in there {
        match wanted.next_if(|w| w.number == part.number) {
            Some(w) => {
                let same_sum = w
                    .checksum
                    .as_ref()
                    .is_none_or(|sum| part.checksum.as_ref().is_some_and(|checksum| checksum.value == *sum));
                if part.etag != w.etag || !same_sum {
                    return Err(StoreError::InvalidPart { number: w.number });
                }
                parts.push(part);
            }
            None => others.push(part),
        }
    }
    match wanted.next() {
        Some(missing) => Err(StoreError::InvalidPart { number: missing.number }),
        None => Ok((parts, others)),
    }
}

/// The object's size, if its parts are as large as S3 wants them.
fn check_sizes(parts: &[PartRecord], limits: &Limits) -> Result<u64, StoreError> {
    if let Some((_, before)) = parts.split_last()
        && let Some(small) = before.iter().find(|p| p.size < limits.min_part_bytes)
    {
        return Err(StoreError::PartTooSmall {
            number: small.number,
            etag: small.etag.clone(),
            size: small.size,
            least: limits.min_part_bytes,
        });
    }
    let size = parts.iter().fold(0_u64, |sum, p| sum.saturating_add(p.size));
    if size > limits.max_object_bytes {
        return Err(StoreError::TooLarge { size, most: limits.max_object_bytes });
    }
    Ok(size)
}

/// The MD5 of the parts' MD5s, and their number.
fn etag_of(parts: &[PartRecord]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        match BlobId::parse(&part.etag) {
            // 32 hexadecimal digits are an MD5 here.
            Some(md5) => digest.update(md5.as_bytes()),
            None => digest.update(part.etag.as_bytes()),
        }
    }
    let mut etag = String::with_capacity(40);
    for byte in digest.finalize() {
        write!(etag, "{byte:02x}").expect("a text takes what is written");
    }
    write!(etag, "-{}", parts.len()).expect("a text takes what is written");
    etag
}

fn digest_of(parts: &[ListedPart]) -> [u8; 16] {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(format!("{}:{}\n", part.number, part.etag));
    }
    digest.finalize().into()
}

/// The answer to a completion that came before, if what it made is still there.
fn completed_before(
    t: &dyn Transaction,
    bucket: &BucketRecord,
    key: &str,
    upload_id: &str,
    digest: [u8; 16],
) -> Result<Written, StoreError> {
    if upload_id.len() > 64 {
        return Err(StoreError::NoSuchUpload);
    }
    let stored = t.get(Space::Settings, &keys::done(bucket.id, upload_id))?.ok_or(StoreError::NoSuchUpload)?;
    let done: Done = decode("completed upload", &stored)?;
    if done.key != key || done.parts != digest {
        return Err(StoreError::NoSuchUpload);
    }
    let place = Place { bucket, key };
    let current = place.current(t)?.ok_or(StoreError::NoSuchUpload)?;
    let record = if current.seq == done.seq {
        Some(current)
    } else {
        let named = if done.version == NULL { version_id::Named::Null } else { version_id::Named::Seq(done.seq) };
        match earlier_number(&current, named) {
            Some(seq) => place.earlier(t, seq)?.filter(|r| r.seq == done.seq),
            None => None,
        }
    };
    record.map(|record| written(bucket, &record)).ok_or(StoreError::NoSuchUpload)
}

/// Forgets what uploads completed before a time became.
pub(super) async fn forget_done(store: &Store, older_than_ms: i64) -> Result<(), StoreError> {
    let mut old = Vec::new();
    store.inner.engine.scan(
        Space::Settings,
        &KeyRange::prefix(keys::DONE),
        Direction::Forward,
        &mut |key, value| {
            if decode::<Done>("completed upload", value).is_ok_and(|done| done.time_ms < older_than_ms) {
                old.push(key.to_vec());
            }
            ControlFlow::Continue(())
        },
    )?;
    for some in old.chunks(1000) {
        let some = some.to_vec();
        store
            .transact_freeing(move |t| {
                some.iter().for_each(|key| t.delete(Space::Settings, key));
                Ok(())
            })
            .await?;
    }
    Ok(())
}
