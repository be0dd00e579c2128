//! Multipart uploads.
//!
//! Source: S3 User Guide, "Uploading and copying objects using multipart upload"; "Checking object integrity".

use super::get::{kind_name, quoted, set_checksum, show_encryption};
use super::listing::person;
use super::owners::owner_of;
use super::put::{Described, MAX_PUT, etag_of};
use crate::edges::server::auth::{self, Algorithm, Want};
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::encryption::SentKey;
use crate::edges::server::wire::lists::{self, ListedUpload};
use crate::edges::server::wire::{conditions, encryption, headers, listing, multipart};
use crate::gate::BodyFacts;
use crate::gate::operations::{
    AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, ListMultipartUploads, ListParts, UploadPart,
};
use crate::storage::store::{
    Checksum, ChecksumKind, CompleteOptions, ListedPart, NewObject, NewPart, NewUpload, PartRecord, StoreError,
    UploadQuery, UploadRecord,
};
use futures_util::StreamExt as _;
use http::StatusCode;
use s3s::dto;

const KIND: &str = "x-amz-checksum-type";
const ALGORITHM: &str = "x-amz-checksum-algorithm";
/// The condition that the checksum of a whole object is the one declared.
const WHOLE: &str = "x-amz-checksum";

/// `POST …?uploads`
pub(super) async fn create(call: &mut Call) -> Result<Reply, S3Error> {
    let described = Described::of(&call.parts.headers, call.now_ms)?;
    let (grant, bucket) = call.authorize_key::<CreateMultipartUpload>(&described.facts())?;
    let (algorithm, kind) = wanted_checksum(call)?;
    let (meta, sse) = described.meta(call, &bucket)?;
    let sse = call.seal_upload(&grant, call.key(), sse).await?;
    let stored = sse.stored();
    let new = NewUpload {
        object: NewObject { meta, sse, now_ms: call.now_ms },
        initiator: owner_of(&call.auth.caller),
        checksum_algorithm: algorithm.map(|a| a.name().to_owned()),
        checksum_kind: kind,
    };
    let id = call.server.store().create_upload(&grant, new).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::xml(&dto::CreateMultipartUploadOutput {
        bucket: Some(call.bucket().to_owned()),
        key: Some(call.key().to_owned()),
        upload_id: Some(id),
        ..dto::CreateMultipartUploadOutput::default()
    });
    show_encryption(&stored, &mut reply);
    encryption::write_context(&stored, reply.headers_mut());
    if let (Some(algorithm), Some(kind)) = (algorithm, kind) {
        reply::set(&mut reply, ALGORITHM, algorithm.name());
        reply::set(&mut reply, KIND, kind_name(kind));
    }
    Ok(reply)
}

/// The checksum that the new upload wants: CRC64NVME is always over the whole object, SHA always composite.
fn wanted_checksum(call: &Call) -> Result<(Option<Algorithm>, Option<ChecksumKind>), S3Error> {
    let headers = &call.parts.headers;
    let refused = |name, value: &str| S3Error::invalid_argument(name, value, "The checksum is not supported");
    let algorithm = match headers::one(headers, ALGORITHM)? {
        Some(text) => Some(Algorithm::parse(text).ok_or_else(|| refused(ALGORITHM, text))?),
        None => None,
    };
    let kind = match headers::one(headers, KIND)? {
        None => None,
        Some("FULL_OBJECT") => Some(ChecksumKind::FullObject),
        Some("COMPOSITE") => Some(ChecksumKind::Composite),
        Some(other) => return Err(refused(KIND, other)),
    };
    let sha = matches!(algorithm, Some(Algorithm::Sha1 | Algorithm::Sha256));
    let crc64 = algorithm == Some(Algorithm::Crc64Nvme);
    match (algorithm, kind) {
        (None, Some(_)) => Err(S3Error::invalid_request(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )),
        (Some(algorithm), Some(kind))
            if sha && kind == ChecksumKind::FullObject || crc64 && kind == ChecksumKind::Composite =>
        {
            Err(S3Error::invalid_request(format!(
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                kind_name(kind),
                algorithm.name().to_lowercase()
            )))
        }
        (Some(_), None) if crc64 => Ok((algorithm, Some(ChecksumKind::FullObject))),
        (Some(_), None) => Ok((algorithm, Some(ChecksumKind::Composite))),
        other => Ok(other),
    }
}

/// The checksum that a part brings for its upload.
pub(super) fn part_algorithm(upload: &UploadRecord, declared: Option<Algorithm>) -> Option<Algorithm> {
    declared.or_else(|| upload.checksum_algorithm.as_deref().and_then(Algorithm::parse))
}

/// The key that came with a part.
pub(super) fn part_key(call: &Call) -> Result<Option<SentKey>, S3Error> {
    encryption::customer_key(&call.parts.headers)
}

/// Why a part cannot be begun. What was wrong with its key is told of the upload, not of an object.
pub(super) fn part_refused(call: &Call, error: StoreError) -> S3Error {
    match error {
        StoreError::CustomerKeyNeeded => S3Error::invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the \
             appropriate encryption parameters.",
        ),
        StoreError::WrongCustomerKey | StoreError::UnexpectedCustomerKey | StoreError::WrongServiceKey => {
            S3Error::invalid_request("The provided encryption parameters did not match the ones used originally.")
        }
        other => call.failed(other),
    }
}

/// `PUT …?partNumber&uploadId`
pub(super) async fn part(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_key::<UploadPart>(&BodyFacts::default())?;
    let number = number(call)?;
    let id = multipart::upload_id(&call.query)?.to_owned();
    let length = call.auth.body.require_length()?;
    if length > MAX_PUT {
        return Err(S3Error::entity_too_large(length, MAX_PUT));
    }
    let upload = call.server.store().upload(&grant, &id).map_err(|e| call.failed(e))?;
    let algorithm = part_algorithm(&upload, call.auth.body.algorithm());
    let sse = call.seal_part(&grant, call.key(), &upload.sse, part_key(call)?).await?;
    let stored = sse.stored();
    let new = NewPart { sse, now_ms: call.now_ms };
    let mut writer =
        call.server.store().part_writer(&grant, &id, u32::from(number), new).map_err(|e| part_refused(call, e))?;
    let mut body = call.verified_body(Want { md5: true, checksum: algorithm })?;
    while let Some(piece) = body.next().await {
        writer.write(piece?).await.map_err(|e| call.failed(e))?;
    }
    let outcome = body.outcome().cloned().ok_or_else(|| S3Error::of("IncompleteBody"))?;
    let checksum = algorithm.and_then(|a| outcome.checksum(a)).map(|c| Checksum {
        algorithm: c.algorithm().name().to_owned(),
        value: c.base64(),
        kind: ChecksumKind::FullObject,
    });
    let etag = etag_of(&stored, &outcome)?;
    let done = writer.commit(etag, checksum, call.server.now_ms()).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::OK);
    reply::set(&mut reply, "etag", quoted(&done.etag));
    show_encryption(&stored, &mut reply);
    if let Some(checksum) = &done.checksum {
        set_checksum(checksum, &mut reply);
        reply.headers_mut().remove(KIND);
    }
    Ok(reply)
}

/// The part number of the query.
pub(super) fn number(call: &Call) -> Result<u16, S3Error> {
    let missing = || S3Error::invalid_argument("partNumber", "", "A part number is needed");
    multipart::queried_part(&call.query)?.ok_or_else(missing)
}

/// `POST …?uploadId`
pub(super) async fn complete(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_key::<CompleteMultipartUpload>(&BodyFacts::default())?;
    let body = call.small_body().await?;
    let id = multipart::upload_id(&call.query)?.to_owned();
    let listed = multipart::parse_complete(&body)?;
    let upload = call.server.store().upload(&grant, &id);
    let stored = upload.as_ref().map(|u| u.sse.clone()).unwrap_or_default();
    let algorithm = upload.ok().and_then(|u| u.checksum_algorithm);
    let parts = listed.into_iter().map(|part| ListedPart {
        number: u32::from(part.number),
        etag: part.etag,
        checksum: algorithm
            .as_deref()
            .and_then(|wanted| part.checksums.into_iter().find(|(name, _)| *name == wanted))
            .map(|(_, value)| value),
    });
    let declared = declared_checksum(call)?;
    let options = CompleteOptions {
        parts: parts.collect(),
        checksum: Box::new(move |upload, parts| whole_checksum(upload, parts, declared.as_ref())),
        size: headers::number(&call.parts.headers, "x-amz-mp-object-size")?,
        conditions: conditions::of_write(&call.parts.headers)?,
        now_ms: call.now_ms,
    };
    let written = call.server.store().complete_upload(&grant, &id, options).await.map_err(|e| match e {
        StoreError::NoSuchUpload => S3Error::no_such_upload(&id),
        StoreError::Precondition(WHOLE) => S3Error::new(
            "BadDigest",
            "The checksum you specified for the object did not match the one that its parts give.",
        ),
        other => call.failed(other),
    })?;
    let of = |name: &str| written.checksum.as_ref().filter(|c| c.algorithm == name).map(|c| c.value.clone());
    let mut reply = reply::xml(&dto::CompleteMultipartUploadOutput {
        bucket: Some(call.bucket().to_owned()),
        key: Some(call.key().to_owned()),
        location: Some(location(call)),
        e_tag: Some(dto::ETag::Strong(written.etag.clone())),
        checksum_crc32: of("CRC32"),
        checksum_crc32c: of("CRC32C"),
        checksum_crc64nvme: of("CRC64NVME"),
        checksum_sha1: of("SHA1"),
        checksum_sha256: of("SHA256"),
        checksum_type: written.checksum.as_ref().map(|c| dto::ChecksumType::from_static(kind_name(c.kind))),
        ..dto::CompleteMultipartUploadOutput::default()
    });
    reply::set_some(&mut reply, "x-amz-version-id", written.version.as_deref());
    show_encryption(&stored, &mut reply);
    Ok(reply)
}

/// Where the new object is, as the client would write it.
pub(super) fn location(call: &Call) -> String {
    let scheme = if call.secure { "https" } else { "http" };
    let host = call.parts.headers.get(http::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    format!("{scheme}://{host}/{}/{}", call.bucket(), lists::url_encoded(call.key()))
}

/// The checksum of the whole object that the completion declares.
fn declared_checksum(call: &Call) -> Result<Option<(Algorithm, String)>, S3Error> {
    for algorithm in Algorithm::ALL {
        if let Some(value) = call.header(algorithm.header())? {
            return Ok(Some((algorithm, value.to_owned())));
        }
    }
    Ok(None)
}

/// The object's checksum from its parts'. Parts without checksums of the upload's algorithm give none.
fn whole_checksum(
    upload: &UploadRecord,
    parts: &[PartRecord],
    declared: Option<&(Algorithm, String)>,
) -> Result<Option<Checksum>, StoreError> {
    let Some(algorithm) = upload.checksum_algorithm.as_deref().and_then(Algorithm::parse) else { return Ok(None) };
    let kind = upload.checksum_kind.unwrap_or(ChecksumKind::Composite);
    let of_part = |part: &PartRecord| {
        let checksum = part.checksum.as_ref().filter(|c| c.algorithm == algorithm.name())?;
        Some((auth::Checksum::parse(algorithm, &checksum.value)?, part.size))
    };
    let Some(sums) = parts.iter().map(of_part).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let whole = match kind {
        ChecksumKind::FullObject => auth::combine(algorithm, sums.iter().map(|(sum, size)| (sum, *size))),
        ChecksumKind::Composite => auth::composite(algorithm, sums.iter().map(|(sum, _)| sum)),
    };
    let Some(whole) = whole else { return Ok(None) };
    let value = match kind {
        ChecksumKind::FullObject => whole.base64(),
        ChecksumKind::Composite => format!("{}-{}", whole.base64(), parts.len()),
    };
    if declared.is_some_and(|(of, text)| *of == algorithm && *text != value) {
        return Err(StoreError::Precondition(WHOLE));
    }
    Ok(Some(Checksum { algorithm: algorithm.name().to_owned(), value, kind }))
}

/// `DELETE …?uploadId`
pub(super) async fn abort(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_key::<AbortMultipartUpload>(&BodyFacts::default())?;
    let id = multipart::upload_id(&call.query)?;
    call.server.store().abort_upload(&grant, id).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

fn shown(upload: UploadRecord) -> ListedUpload {
    ListedUpload {
        checksum: upload.checksum_algorithm.zip(upload.checksum_kind.map(kind_name)),
        key: upload.key,
        id: upload.upload_id,
        initiated_ms: upload.initiated_ms,
        initiator: person(&upload.initiator),
        owner: person(&upload.meta.owner),
        storage_class: upload.meta.storage_class,
    }
}

/// `GET …?uploads`
pub(super) fn list_uploads(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<ListMultipartUploads>(&BodyFacts::default())?;
    let asked = listing::ListUploads::parse(&call.query)?;
    let query = UploadQuery {
        prefix: asked.page.prefix.clone(),
        delimiter: asked.page.delimiter.clone(),
        key_marker: asked.key_marker.clone(),
        upload_marker: asked.upload_id_marker.clone(),
        max_uploads: asked.page.max as usize,
    };
    let page = call.server.store().list_uploads(&grant, &query).map_err(|e| call.failed(e))?;
    let uploads = page.uploads.into_iter().map(shown).collect();
    Ok(reply::xml(&lists::list_uploads(call.bucket(), &asked, uploads, page.common_prefixes, page.next)))
}

/// `GET …?uploadId`
pub(super) fn list_parts(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_key::<ListParts>(&BodyFacts::default())?;
    let id = multipart::upload_id(&call.query)?;
    let asked = listing::ListParts::parse(&call.query)?;
    let page = call.server.store().list_parts(&grant, id, asked.after, asked.max as usize);
    let page = page.map_err(|e| call.failed(e))?;
    let part = |part: PartRecord| lists::ListedPart {
        number: u16::try_from(part.number).unwrap_or(u16::MAX),
        etag: part.etag,
        size: part.size,
        modified_ms: part.modified_ms,
        checksum: part.checksum.map(|c| (c.algorithm, c.value)),
    };
    let parts = page.parts.into_iter().map(part).collect();
    Ok(reply::xml(&lists::list_parts(call.bucket(), asked, shown(page.upload), parts, page.truncated)))
}
