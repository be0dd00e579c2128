//! `GetObject`, `HeadObject`, `GetObjectAttributes`.

use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::http::ResponseBody;
use crate::edges::server::kms::ObjectKeys;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::conditions::Conditions;
use crate::edges::server::wire::{dates, encryption, headers, multipart, object_headers, range};
use crate::gate::operations::{GetObject, GetObjectAttributes, HeadObject};
use crate::gate::{BodyFacts, Method};
use crate::storage::sealing::CustomerKey;
use crate::storage::store::{Checksum, ChecksumKind, ObjectView, PartView, Sighting, StoredSse, Unlock, VersionRecord};
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, StatusCode};
use s3s::dto;
use s3s::xml::{SerResult, Serialize, SerializeContent, Serializer};
use std::io::Write;
use std::ops::Range;

/// `GET` and `HEAD` of an object.
pub(super) async fn object(call: &mut Call) -> Result<Reply, S3Error> {
    let customer = encryption::customer_key(&call.parts.headers)?;
    let customer = call.customer_key(customer)?;
    let nothing = BodyFacts::default();
    let conditions = Conditions::of_read(&call.parts.headers);
    let (view, opened) = if call.method == Method::Head {
        let (grant, sighting) = call.authorize_object::<HeadObject>(&nothing).await?;
        (call.server.store().read(&grant, sighting), None)
    } else {
        // PERF: a request that is sure to want the object's key waits for both decisions at once.
        let at_once = customer.is_none() && conditions.as_ref().is_ok_and(Conditions::is_empty);
        let opening = |sighting: &Sighting| call.opening_of(sighting.sse().filter(|_| at_once));
        let (grant, sighting, opened) = call.authorize_object_and::<GetObject>(&nothing, opening).await?;
        (call.server.store().read(&grant, sighting), opened)
    };
    let view = view.map_err(|e| call.failed(e))?;
    let overrides = signed_overrides(call)?;
    let record = view.record();
    let conditions = conditions?;
    if !conditions.is_empty() {
        let verdict = conditions.check(&record.etag, record.modified_ms.div_euclid(1000));
        verdict.into_result().map_err(|e| {
            e.with_header("etag", quoted(&record.etag))
                .with_header("last-modified", dates::http_date(record.modified_ms.div_euclid(1000)))
        })?;
    }
    let checksum = call.header("x-amz-checksum-mode")?.is_some_and(|m| m.eq_ignore_ascii_case("ENABLED"));
    // Source: S3 API Reference, `HeadObject`: only the checksum wants `kms:Decrypt`.
    let keys = match opened {
        Some(opened) => Some(call.opened(opened)?),
        None if call.method == Method::Head && !checksum && is_of_kms(record, customer.as_ref()) => None,
        None => Some(call.open_object(&record.sse, call.bucket(), call.key(), customer).await?),
    };
    if let Some(keys) = &keys {
        view.check_key(keys.unlock()).map_err(|e| call.failed(e))?;
    }
    let part = wanted_part(call, &view)?;
    let wanted = wanted_range(call, record.size, part.as_ref().map(|p| &p.range))?;
    let (status, range) = match &wanted {
        None => (StatusCode::OK, 0..record.size),
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.clone()),
    };
    let length = range.end - range.start;
    let body = if call.method == Method::Head {
        ResponseBody::empty()
    } else {
        let unlock = keys.as_ref().map_or(Unlock::Store, ObjectKeys::unlock);
        let content = view.content(unlock, range.clone()).await.map_err(|e| call.failed(e))?;
        match content.whole() {
            Ok(bytes) => bytes.into(),
            Err(stream) => {
                let (bucket, key) = (call.bucket().to_owned(), call.key().to_owned());
                let stream = stream.map(move |piece| {
                    piece.map_err(|error| {
                        tracing::error!(%error, bucket, key, "an object could not be read to its end");
                        std::io::Error::other("the object could not be read to its end")
                    })
                });
                ResponseBody::stream(stream, Some(length))
            }
        }
    };
    let mut reply = reply::with_body(status, body);
    describe(&view, overrides, &mut reply);
    reply::set(&mut reply, "content-length", length.to_string());
    if wanted.is_some() {
        reply::set(&mut reply, "content-range", range::content_range(&range, record.size));
    }
    if let Some(count) = part.and_then(|p| p.count) {
        reply::set(&mut reply, "x-amz-mp-parts-count", count.to_string());
    }
    if checksum && wanted.is_none() {
        show_checksum(record, &mut reply);
    }
    Ok(reply)
}

/// Whether an object is sealed under a key of the key service, and nobody says otherwise.
fn is_of_kms(record: &VersionRecord, customer: Option<&CustomerKey>) -> bool {
    matches!(record.sse, StoredSse::Kms(_)) && customer.is_none()
}

/// Headers of the answer that the query sets. They must be part of a signature, so that nobody can make a link
/// that serves a public object as something else.
fn signed_overrides(call: &Call) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let overrides = object_headers::overrides(&call.query)?;
    if !overrides.is_empty() && call.auth.caller.is_anonymous() {
        let message = "Request specific response headers cannot be used for anonymous GET requests.";
        return Err(S3Error::invalid_request(message));
    }
    Ok(overrides)
}

/// A part that the query names.
struct Part {
    range: Range<u64>,
    count: Option<u32>,
}

fn wanted_part(call: &Call, view: &ObjectView) -> Result<Option<Part>, S3Error> {
    let Some(number) = multipart::queried_part(&call.query)? else { return Ok(None) };
    if call.parts.headers.contains_key(http::header::RANGE) {
        return Err(S3Error::invalid_request("Cannot specify both Range header and partNumber query parameter"));
    }
    let part = view.part(u32::from(number)).map_err(|e| call.failed(e))?;
    Ok(Some(Part { range: part.start..part.start + part.size, count: part.of }))
}

/// The bytes that are wanted; `None`: all. S3 serves several ranges, and what is no range, whole.
fn wanted_range(call: &Call, size: u64, part: Option<&Range<u64>>) -> Result<Option<Range<u64>>, S3Error> {
    if let Some(part) = part {
        return Ok((size > 0).then(|| part.clone()));
    }
    range::requested(call.header("range")?, size)
}

/// An `ETag` as HTTP writes it.
pub(super) fn quoted(etag: &str) -> String {
    ["\"", etag, "\""].concat()
}

/// What an answer says of an object.
fn describe(view: &ObjectView, overrides: Vec<(HeaderName, HeaderValue)>, reply: &mut Reply) {
    let record = view.record();
    reply::set(reply, "accept-ranges", "bytes");
    reply::set(reply, "etag", quoted(&record.etag));
    reply::set(reply, "last-modified", dates::http_date(record.modified_ms.div_euclid(1000)));
    reply::set_some(reply, "x-amz-version-id", view.version());
    object_headers::write(&record.headers, record.storage_class.as_deref(), &record.user_metadata, reply.headers_mut());
    reply.headers_mut().extend(overrides.into_iter().map(|(name, value)| (Some(name), value)));
    show_encryption(&record.sse, reply);
    if !record.tags.is_empty() {
        reply::set(reply, "x-amz-tagging-count", record.tags.len().to_string());
    }
    super::lock::show(record, reply);
}

/// How an object is encrypted, as answers say it.
pub(super) fn show_encryption(sse: &StoredSse, reply: &mut Reply) {
    encryption::write(sse, reply.headers_mut());
}

/// The checksum, as answers say it.
fn show_checksum(record: &VersionRecord, reply: &mut Reply) {
    if let Some(checksum) = &record.checksum {
        set_checksum(checksum, reply);
    }
}

/// Sets the header of a checksum, and its kind.
pub(super) fn set_checksum(checksum: &Checksum, reply: &mut Reply) {
    let name = match checksum.algorithm.as_str() {
        "CRC32" => "x-amz-checksum-crc32",
        "CRC32C" => "x-amz-checksum-crc32c",
        "CRC64NVME" => "x-amz-checksum-crc64nvme",
        "SHA1" => "x-amz-checksum-sha1",
        "SHA256" => "x-amz-checksum-sha256",
        _ => return,
    };
    reply::set(reply, name, &checksum.value);
    reply::set(reply, "x-amz-checksum-type", kind_name(checksum.kind));
}

/// The kind of a checksum in S3's words.
pub(super) fn kind_name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite => "COMPOSITE",
    }
}

/// `GET …?attributes`: what is said of an object, as far as it is asked for.
/// Source: S3 API Reference, `GetObjectAttributes`.
pub(super) async fn attributes(call: &mut Call) -> Result<Reply, S3Error> {
    let customer = encryption::customer_key(&call.parts.headers)?;
    let customer = call.customer_key(customer)?;
    let (grant, sighting) = call.authorize_object::<GetObjectAttributes>(&BodyFacts::default()).await?;
    let view = call.server.store().read(&grant, sighting).map_err(|e| call.failed(e))?;
    let wanted = wanted_attributes(call)?;
    let asked = |name: &str| wanted.iter().any(|w| w == name);
    let record = view.record();
    if asked("Checksum") || asked("ObjectParts") || !is_of_kms(record, customer.as_ref()) {
        let keys = call.open_object(&record.sse, call.bucket(), call.key(), customer).await?;
        view.check_key(keys.unlock()).map_err(|e| call.failed(e))?;
    }
    let of = |name: &str| record.checksum.as_ref().filter(|c| c.algorithm == name).map(|c| c.value.clone());
    let checksum = record.checksum.as_ref().filter(|_| asked("Checksum")).map(|c| dto::Checksum {
        checksum_crc32: of("CRC32"),
        checksum_crc32c: of("CRC32C"),
        checksum_crc64nvme: of("CRC64NVME"),
        checksum_sha1: of("SHA1"),
        checksum_sha256: of("SHA256"),
        checksum_type: Some(dto::ChecksumType::from_static(kind_name(c.kind))),
    });
    let object_parts =
        if asked("ObjectParts") && view.parts_count().is_some() { Some(attribute_parts(call, &view)?) } else { None };
    let class = record.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned());
    let output = dto::GetObjectAttributesOutput {
        checksum,
        object_parts,
        object_size: asked("ObjectSize").then(|| i64::try_from(record.size).unwrap_or(i64::MAX)),
        storage_class: asked("StorageClass").then(|| dto::StorageClass::from(class)),
        ..dto::GetObjectAttributesOutput::default()
    };
    let etag = asked("ETag").then(|| record.etag.clone());
    let mut reply = reply::xml(&Attributes { etag, output });
    reply::set(&mut reply, "last-modified", dates::http_date(record.modified_ms.div_euclid(1000)));
    reply::set_some(&mut reply, "x-amz-version-id", view.version());
    Ok(reply)
}

/// What `GetObjectAttributes` answers: alone of all answers it has the `ETag` without quotes.
struct Attributes {
    etag: Option<String>,
    output: dto::GetObjectAttributesOutput,
}

impl Serialize for Attributes {
    fn serialize<W: Write>(&self, s: &mut Serializer<W>) -> SerResult {
        s.content_with_ns("GetObjectAttributesResponse", "http://s3.amazonaws.com/doc/2006-03-01/", self)
    }
}

impl SerializeContent for Attributes {
    fn serialize_content<W: Write>(&self, s: &mut Serializer<W>) -> SerResult {
        if let Some(etag) = &self.etag {
            s.content("ETag", etag)?;
        }
        self.output.serialize_content(s)
    }
}

fn wanted_attributes(call: &Call) -> Result<Vec<String>, S3Error> {
    const NAME: &str = "x-amz-object-attributes";
    const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    let text = headers::joined(&call.parts.headers, NAME)?.unwrap_or_default();
    let wanted: Vec<String> = text.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect();
    match wanted.iter().find(|w| !KNOWN.contains(&w.as_str())) {
        Some(unknown) => Err(S3Error::invalid_argument(NAME, unknown, "Invalid attribute name specified.")),
        None if wanted.is_empty() => {
            Err(S3Error::invalid_argument(NAME, "", "At least one attribute must be asked for."))
        }
        None => Ok(wanted),
    }
}

fn attribute_parts(call: &Call, view: &ObjectView) -> Result<dto::GetObjectAttributesParts, S3Error> {
    let after = headers::number(&call.parts.headers, "x-amz-part-number-marker")?.unwrap_or(0);
    let most = headers::number(&call.parts.headers, "x-amz-max-parts")?.unwrap_or(1000).min(1000);
    let after = u32::try_from(after).unwrap_or(u32::MAX);
    let count = usize::try_from(most).unwrap_or(0);
    let mut parts = view.parts(after, count + 1).map_err(|e| call.failed(e))?;
    let more = parts.len() > count;
    parts.truncate(count);
    let number = |n: u32| i32::try_from(n).ok();
    let last = parts.last().map_or(after, |p| p.number);
    let shown = |part: PartView| {
        let of = |name: &str| part.checksum.as_ref().filter(|c| c.algorithm == name).map(|c| c.value.clone());
        dto::ObjectPart {
            checksum_crc32: of("CRC32"),
            checksum_crc32c: of("CRC32C"),
            checksum_crc64nvme: of("CRC64NVME"),
            checksum_sha1: of("SHA1"),
            checksum_sha256: of("SHA256"),
            part_number: number(part.number),
            size: i64::try_from(part.size).ok(),
        }
    };
    // S3 lists the parts only of objects whose parts have checksums.
    let have_checksums = parts.iter().all(|p| p.checksum.is_some());
    Ok(dto::GetObjectAttributesParts {
        total_parts_count: view.parts_count().and_then(number),
        part_number_marker: number(after),
        next_part_number_marker: number(last),
        max_parts: i32::try_from(most).ok(),
        is_truncated: Some(more),
        parts: have_checksums.then(|| parts.into_iter().map(shown).collect()),
    })
}
