//! `PutObject`, and what every way of making an object shares.

use super::get::{quoted, set_checksum, show_encryption};
use super::owners::{self, Ownership};
use crate::edges::server::auth::{Algorithm, BodyOutcome, Frames, VerifiedBody, Want, hex};
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::http::RequestBody;
use crate::edges::server::kms::WriteSse;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::acl::AclHeaders;
use crate::edges::server::wire::conditions;
use crate::edges::server::wire::object_headers::ObjectHeaders;
use crate::edges::server::wire::{dates, encryption, lock, tags};
use crate::gate::BodyFacts;
use crate::gate::operations::PutObject;
use crate::storage::store::{
    BucketRecord, Checksum, ChecksumKind, Finish, NewObject, ObjectMeta, ObjectWriter, StoredSse, Written,
};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode};

/// The most bytes of one PUT, and of one part. Source: S3 User Guide, "Amazon S3 multipart upload limits".
pub(super) const MAX_PUT: u64 = 5 * 1024 * 1024 * 1024;

/// What the headers of a request say of a new object; for POST forms the fields stand for the headers.
pub(super) struct Described {
    pub headers: ObjectHeaders,
    pub acl: Option<AclHeaders>,
    pub tags: Vec<(String, String)>,
    pub lock: lock::LockHeaders,
    pub encryption: encryption::RequestedSse,
}

impl Described {
    pub(super) fn of(headers: &HeaderMap, now_ms: i64) -> Result<Self, S3Error> {
        let tagging = crate::edges::server::wire::headers::one(headers, "x-amz-tagging")?;
        Ok(Self {
            headers: ObjectHeaders::of_request(headers)?,
            acl: AclHeaders::of_request(headers)?,
            tags: tagging.map(tags::parse_header).transpose()?.unwrap_or_default(),
            lock: lock::LockHeaders::of_request(headers, now_ms)?,
            encryption: encryption::RequestedSse::of_write(headers)?,
        })
    }

    /// What a decision may read of it.
    pub(super) fn facts(&self) -> BodyFacts {
        BodyFacts {
            tags: (!self.tags.is_empty()).then(|| self.tags.clone()),
            lock_mode: self.lock.retention.map(|r| lock::mode_name(r.mode).to_owned()),
            retain_until: self.lock.retention.map(|r| (dates::iso8601(r.until_ms), r.until_ms.div_euclid(1000))),
            legal_hold: self.lock.legal_hold.map(|on| if on { "ON" } else { "OFF" }.to_owned()),
            ..BodyFacts::default()
        }
    }

    /// The object's description as storage keeps it, and how it is to be sealed.
    pub(super) fn meta(self, call: &Call, bucket: &BucketRecord) -> Result<(ObjectMeta, WriteSse), S3Error> {
        let Ownership { owner, acl } = owners::of_new_object(call, bucket, self.acl.as_ref())?;
        let sse = self.encryption.or_default(super::documents::default_encryption(bucket)?);
        let ObjectHeaders { kept, storage_class, metadata } = self.headers;
        let meta = ObjectMeta {
            headers: kept,
            user_metadata: metadata,
            owner,
            acl,
            tags: self.tags,
            retention: self.lock.retention,
            legal_hold: self.lock.legal_hold,
            storage_class: storage_class.map(str::to_owned),
        };
        Ok((meta, sse))
    }
}

/// `PUT` of an object.
pub(super) async fn object(call: &mut Call) -> Result<Reply, S3Error> {
    let described = Described::of(&call.parts.headers, call.now_ms)?;
    let (grant, bucket) = call.authorize_key::<PutObject>(&described.facts())?;
    let conditions = conditions::of_write(&call.parts.headers)?;
    let length = call.auth.body.require_length()?;
    if length > MAX_PUT {
        return Err(S3Error::entity_too_large(length, MAX_PUT));
    }
    let (meta, sse) = described.meta(call, &bucket)?;
    let sse = call.seal_object(&grant, call.key(), sse).await?;
    let stored = sse.stored();
    let new = NewObject { meta, sse, now_ms: call.now_ms };
    let mut writer = call.server.store().begin_write(&grant, new).map_err(|e| call.failed(e))?;
    let mut body = call.verified_body(Want { md5: true, checksum: Some(checksum_algorithm(call)) })?;
    let outcome = pour(call, &mut body, &mut writer).await?;
    let finish = Finish {
        etag: etag_of(&stored, &outcome)?,
        checksum: checksum_of(call, &outcome),
        conditions,
        now_ms: call.server.now_ms(),
    };
    let written = writer.commit(finish).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::OK);
    show_written(&written, &stored, &mut reply);
    Ok(reply)
}

/// The algorithm whose checksum is kept with an object: the declared one, or S3's own default.
pub(super) fn checksum_algorithm(call: &Call) -> Algorithm {
    call.auth.body.algorithm().unwrap_or(Algorithm::Crc64Nvme)
}

/// Streams a verified body into a writer.
pub(super) async fn pour(
    call: &Call,
    body: &mut VerifiedBody<Frames<RequestBody>>,
    writer: &mut ObjectWriter,
) -> Result<BodyOutcome, S3Error> {
    while let Some(piece) = body.next().await {
        writer.write(piece?).await.map_err(|e| call.failed(e))?;
    }
    body.outcome().cloned().ok_or_else(|| S3Error::of("IncompleteBody"))
}

/// The `ETag`: the MD5 of the bytes. With a customer's key or one of the key service it says nothing of them.
/// Source: S3 API Reference, "Object", `ETag`.
pub(super) fn etag_of(sse: &StoredSse, outcome: &BodyOutcome) -> Result<String, S3Error> {
    match sse {
        StoredSse::S3 => outcome.md5.map(|md5| hex(&md5)).ok_or_else(|| S3Error::of("InternalError")),
        StoredSse::Customer { .. } | StoredSse::Kms(_) => random_etag(),
    }
}

/// An `ETag` that says nothing of the bytes.
pub(super) fn random_etag() -> Result<String, S3Error> {
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| S3Error::of("InternalError"))?;
    Ok(hex(&random))
}

/// The checksum to keep.
pub(super) fn checksum_of(call: &Call, outcome: &BodyOutcome) -> Option<Checksum> {
    let checksum = outcome.checksum(checksum_algorithm(call))?;
    Some(Checksum {
        algorithm: checksum.algorithm().name().to_owned(),
        value: checksum.base64(),
        kind: ChecksumKind::FullObject,
    })
}

/// What an answer says of what was written.
pub(super) fn show_written(written: &Written, sse: &StoredSse, reply: &mut Reply) {
    reply::set(reply, "etag", quoted(&written.etag));
    reply::set_some(reply, "x-amz-version-id", written.version.as_deref());
    show_encryption(sse, reply);
    encryption::write_context(sse, reply.headers_mut());
    if let Some(checksum) = &written.checksum {
        set_checksum(checksum, reply);
    }
}
