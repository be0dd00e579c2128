//! `CopyObject` and `UploadPartCopy`.
//!
//! Source: S3 API Reference, `CopyObject`, `UploadPartCopy`.

use super::get::show_encryption;
use super::multipart::{number, part_algorithm, part_key, part_refused};
use super::put::{Described, MAX_PUT};
use crate::edges::server::auth::{Algorithm, Hasher, hex};
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::kms::ObjectKeys;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::conditions::{self, Conditions};
use crate::edges::server::wire::copy_source::{CopySource, replaces};
use crate::edges::server::wire::{dates, encryption, headers, multipart, range};
use crate::gate::operations::{CopyObject, UploadPartCopy};
use crate::gate::{BodyFacts, Source};
use crate::storage::sealing::CustomerKey;
use crate::storage::store::{Checksum, ChecksumKind, Finish, NewObject, NewPart, ObjectMeta, ObjectView, StoredSse};
use bytes::Bytes;
use futures_util::StreamExt as _;
use md5::{Digest as _, Md5};
use s3s::dto;

fn source_of(call: &Call) -> Result<Source, S3Error> {
    let header = call.header("x-amz-copy-source")?.unwrap_or_default();
    let CopySource { bucket, key, version } = CopySource::parse(header)?;
    Ok(Source { bucket, key, version })
}

/// The key of the source, refused over plain HTTP.
fn source_key(call: &Call) -> Result<Option<CustomerKey>, S3Error> {
    call.customer_key(encryption::source_customer_key(&call.parts.headers)?)
}

/// The source's conditions, and what opens it.
fn check_source(
    call: &Call,
    source: &Source,
    view: &ObjectView,
    key: Option<CustomerKey>,
) -> Result<ObjectKeys, S3Error> {
    let record = view.record();
    let conditions = Conditions::of_copy_source(&call.parts.headers)?;
    conditions.check(&record.etag, record.modified_ms.div_euclid(1000)).into_result()?;
    let keys = call.open_object(&record.sse, &source.bucket, &source.key, key)?;
    view.check_key(keys.unlock()).map_err(|e| call.failed(e))?;
    Ok(keys)
}

/// `PUT` with `x-amz-copy-source`.
pub(super) async fn object(call: &mut Call) -> Result<Reply, S3Error> {
    let source = source_of(call)?;
    let replace_metadata = replaces(&call.parts.headers, "x-amz-metadata-directive")?;
    let replace_tags = replaces(&call.parts.headers, "x-amz-tagging-directive")?;
    let mut described = Described::of(&call.parts.headers, call.now_ms)?;
    if !replace_tags {
        described.tags.clear();
    }
    let conditions = conditions::of_write(&call.parts.headers)?;
    let (grant, sighting, bucket) = call.authorize_copy::<CopyObject>(&source, |sighting| {
        Ok(BodyFacts { copies_tags: !replace_tags && !sighting.tags().is_empty(), ..described.facts() })
    })?;
    let source_bucket = sighting.bucket().clone();
    let view = call.server.store().read_source(&grant, sighting).map_err(|e| call.failed(e))?;
    let from_key = source_key(call)?;
    let from_keys = check_source(call, &source, &view, from_key)?;
    let record = view.record();
    if record.size > MAX_PUT {
        return Err(S3Error::invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
        ));
    }
    let changes = replace_metadata
        || replace_tags
        || described.encryption.is_given()
        || described.headers.storage_class.is_some()
        || described.headers.kept.redirect.is_some();
    if !changes && source.version.is_none() && source.bucket == call.bucket() && source.key == call.key() {
        return Err(S3Error::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let algorithm = wanted_algorithm(call)?.or_else(|| kept_algorithm(&view)).unwrap_or(Algorithm::Crc64Nvme);
    let (meta, sse) = described.meta(call, &bucket)?;
    let sse = call.seal_object(&grant, call.key(), sse).await?;
    let meta = merged(meta, &view, replace_metadata, replace_tags);
    let stored = sse.stored();
    let new = NewObject { meta, sse, now_ms: call.now_ms };
    let mut writer = call.server.store().begin_write(&grant, new).map_err(|e| call.failed(e))?;
    let mut sums = Sums::new(Some(algorithm));
    let mut content = view.content(from_keys.unlock(), 0..record.size).await.map_err(|e| call.failed(e))?;
    while let Some(piece) = content.next().await {
        let piece = piece.map_err(|e| call.failed(e))?;
        sums.update(&piece);
        writer.write(piece).await.map_err(|e| call.failed(e))?;
    }
    let (etag, checksum) = sums.finish(&stored)?;
    let finish = Finish { etag, checksum, conditions, now_ms: call.server.now_ms() };
    let written = writer.commit(finish).await.map_err(|e| call.failed(e))?;
    let of = |name: &str| written.checksum.as_ref().filter(|c| c.algorithm == name).map(|c| c.value.clone());
    let mut reply = reply::xml(&dto::CopyObjectResult {
        e_tag: Some(dto::ETag::Strong(written.etag.clone())),
        last_modified: Some(dates::timestamp(written.modified_ms)),
        checksum_crc32: of("CRC32"),
        checksum_crc32c: of("CRC32C"),
        checksum_crc64nvme: of("CRC64NVME"),
        checksum_sha1: of("SHA1"),
        checksum_sha256: of("SHA256"),
        checksum_type: Some(dto::ChecksumType::from_static(dto::ChecksumType::FULL_OBJECT)),
    });
    reply::set_some(&mut reply, "x-amz-version-id", written.version.as_deref());
    if source_bucket.versioning != crate::storage::store::Versioning::Off {
        reply::set(&mut reply, "x-amz-copy-source-version-id", &view.record().version);
    }
    show_encryption(&stored, &mut reply);
    encryption::write_context(&stored, reply.headers_mut());
    Ok(reply)
}

/// What the copy takes over from its source.
fn merged(mut meta: ObjectMeta, view: &ObjectView, replace_metadata: bool, replace_tags: bool) -> ObjectMeta {
    let record = view.record();
    if !replace_metadata {
        let redirect = meta.headers.redirect.take();
        meta.headers.clone_from(&record.headers);
        // A redirect is never copied. Source: S3 API Reference, `CopyObject`.
        meta.headers.redirect = redirect;
        meta.user_metadata.clone_from(&record.user_metadata);
    }
    if !replace_tags {
        meta.tags.clone_from(&record.tags);
    }
    meta
}

fn wanted_algorithm(call: &Call) -> Result<Option<Algorithm>, S3Error> {
    const NAME: &str = "x-amz-checksum-algorithm";
    let Some(text) = headers::one(&call.parts.headers, NAME)? else { return Ok(None) };
    let unknown = || S3Error::invalid_argument(NAME, text, "The checksum is not supported");
    Algorithm::parse(text).map(Some).ok_or_else(unknown)
}

fn kept_algorithm(view: &ObjectView) -> Option<Algorithm> {
    view.record().checksum.as_ref().and_then(|c| Algorithm::parse(&c.algorithm))
}

/// MD5 and checksum of bytes that pass by.
struct Sums {
    md5: Md5,
    checksum: Option<Hasher>,
}

impl Sums {
    fn new(algorithm: Option<Algorithm>) -> Self {
        Self { md5: Md5::new(), checksum: algorithm.map(Hasher::new) }
    }

    fn update(&mut self, bytes: &Bytes) {
        self.md5.update(bytes);
        self.checksum.iter_mut().for_each(|hasher| hasher.update(bytes));
    }

    fn finish(self, sse: &StoredSse) -> Result<(String, Option<Checksum>), S3Error> {
        let md5: [u8; 16] = self.md5.finalize().into();
        let etag = match sse {
            StoredSse::S3 => hex(&md5),
            StoredSse::Customer { .. } | StoredSse::Kms(_) => super::put::random_etag()?,
        };
        let checksum = self.checksum.map(Hasher::finish).map(|sum| Checksum {
            algorithm: sum.algorithm().name().to_owned(),
            value: sum.base64(),
            kind: ChecksumKind::FullObject,
        });
        Ok((etag, checksum))
    }
}

/// `PUT …?partNumber&uploadId` with `x-amz-copy-source`.
pub(super) async fn part(call: &mut Call) -> Result<Reply, S3Error> {
    let source = source_of(call)?;
    let (grant, sighting, _) = call.authorize_copy::<UploadPartCopy>(&source, |_| Ok(BodyFacts::default()))?;
    let number = number(call)?;
    let id = multipart::upload_id(&call.query)?.to_owned();
    let source_bucket = sighting.bucket().clone();
    let view = call.server.store().read_source(&grant, sighting).map_err(|e| call.failed(e))?;
    let from_key = source_key(call)?;
    let from_keys = check_source(call, &source, &view, from_key)?;
    let size = view.record().size;
    let wanted = match call.header("x-amz-copy-source-range")? {
        None => 0..size,
        Some(text) => range::copy_source_range(text, size)?,
    };
    if wanted.end - wanted.start > MAX_PUT {
        return Err(S3Error::entity_too_large(wanted.end - wanted.start, MAX_PUT));
    }
    let upload = call.server.store().upload(&grant, &id).map_err(|e| call.failed(e))?;
    let sse = call.seal_part(&grant, call.key(), &upload.sse, part_key(call)?).await?;
    let stored = sse.stored();
    let new = NewPart { sse, now_ms: call.now_ms };
    let mut writer =
        call.server.store().part_writer(&grant, &id, u32::from(number), new).map_err(|e| part_refused(call, e))?;
    let mut sums = Sums::new(part_algorithm(&upload, None));
    let mut content = view.content(from_keys.unlock(), wanted).await.map_err(|e| call.failed(e))?;
    while let Some(piece) = content.next().await {
        let piece = piece.map_err(|e| call.failed(e))?;
        sums.update(&piece);
        writer.write(piece).await.map_err(|e| call.failed(e))?;
    }
    let (etag, checksum) = sums.finish(&stored)?;
    let done = writer.commit(etag, checksum, call.server.now_ms()).await.map_err(|e| call.failed(e))?;
    let of = |name: &str| done.checksum.as_ref().filter(|c| c.algorithm == name).map(|c| c.value.clone());
    let mut reply = reply::xml(&dto::CopyPartResult {
        e_tag: Some(dto::ETag::Strong(done.etag.clone())),
        last_modified: Some(dates::timestamp(done.modified_ms)),
        checksum_crc32: of("CRC32"),
        checksum_crc32c: of("CRC32C"),
        checksum_crc64nvme: of("CRC64NVME"),
        checksum_sha1: of("SHA1"),
        checksum_sha256: of("SHA256"),
    });
    if source_bucket.versioning != crate::storage::store::Versioning::Off {
        reply::set(&mut reply, "x-amz-copy-source-version-id", &view.record().version);
    }
    show_encryption(&stored, &mut reply);
    Ok(reply)
}
