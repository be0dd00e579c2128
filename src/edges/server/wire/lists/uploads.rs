//! The answers of `ListMultipartUploads`, `ListParts` and `ListBuckets`.

use super::{Person, Writer, count, writer};
use crate::edges::server::wire::dates::timestamp;
use crate::edges::server::wire::listing::{self, ListBuckets, ListParts, ListUploads};
use s3s::dto;

/// An upload of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedUpload {
    /// Its key.
    pub key: String,
    /// Its id.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub initiated_ms: i64,
    /// Who began it.
    pub initiator: Person,
    /// Who will own the object.
    pub owner: Person,
    /// Its storage class; `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// Its checksum's algorithm and type.
    pub checksum: Option<(String, &'static str)>,
}

fn initiator(person: Person) -> dto::Initiator {
    dto::Initiator { display_name: person.name, id: Some(person.id) }
}

fn class(text: Option<String>) -> dto::StorageClass {
    text.map_or_else(|| dto::StorageClass::from_static("STANDARD"), dto::StorageClass::from)
}

/// The answer of `ListMultipartUploads`; `next` is the last upload's key and id, or a common prefix.
#[must_use]
pub fn list_uploads(
    bucket: &str,
    asked: &ListUploads,
    uploads: Vec<ListedUpload>,
    prefixes: Vec<String>,
    next: Option<(String, Option<String>)>,
) -> dto::ListMultipartUploadsOutput {
    let out = writer(&asked.page);
    let truncated = next.is_some();
    let (next_key, next_id) = next.unzip();
    let one = |upload: ListedUpload| {
        let (algorithm, kind) = upload.checksum.unzip();
        dto::MultipartUpload {
            checksum_algorithm: algorithm.map(dto::ChecksumAlgorithm::from),
            checksum_type: kind.map(dto::ChecksumType::from_static),
            initiated: Some(timestamp(upload.initiated_ms)),
            initiator: Some(initiator(upload.initiator)),
            key: Some(out.key(upload.key)),
            owner: Some(upload.owner.owner()),
            storage_class: Some(class(upload.storage_class)),
            upload_id: Some(upload.id),
        }
    };
    dto::ListMultipartUploadsOutput {
        bucket: Some(bucket.to_owned()),
        prefix: out.maybe(Some(&asked.page.prefix)),
        key_marker: Some(out.key(asked.key_marker.clone().unwrap_or_default())),
        upload_id_marker: Some(asked.upload_id_marker.clone().unwrap_or_default()),
        next_key_marker: out.maybe(next_key.as_ref()),
        next_upload_id_marker: next_id.flatten(),
        max_uploads: count(asked.page.max),
        is_truncated: Some(truncated),
        delimiter: out.maybe(asked.page.delimiter.as_ref()),
        encoding_type: out.encoding(),
        common_prefixes: out.prefixes(prefixes),
        uploads: (!uploads.is_empty()).then(|| uploads.into_iter().map(one).collect()),
        request_charged: None,
    }
}

/// A part of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub number: u16,
    /// Its entity tag without quotes.
    pub etag: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its checksum: the algorithm's name and the text in base64.
    pub checksum: Option<(String, String)>,
}

/// The answer of `ListParts`. `NextPartNumberMarker` is the last part's number, or the marker sent.
#[must_use]
pub fn list_parts(
    bucket: &str,
    asked: ListParts,
    upload: ListedUpload,
    parts: Vec<ListedPart>,
    truncated: bool,
) -> dto::ListPartsOutput {
    let out = Writer { url: asked.url };
    let (algorithm, kind) = upload.checksum.unzip();
    let last = parts.last().map_or(asked.after, |part| u32::from(part.number));
    dto::ListPartsOutput {
        bucket: Some(bucket.to_owned()),
        key: Some(out.key(upload.key)),
        upload_id: Some(upload.id),
        initiator: Some(initiator(upload.initiator)),
        owner: Some(upload.owner.owner()),
        storage_class: Some(class(upload.storage_class)),
        checksum_algorithm: algorithm.map(dto::ChecksumAlgorithm::from),
        checksum_type: kind.map(dto::ChecksumType::from_static),
        part_number_marker: count(asked.after),
        next_part_number_marker: count(last),
        max_parts: count(asked.max),
        is_truncated: Some(truncated),
        parts: (!parts.is_empty()).then(|| parts.into_iter().map(part).collect()),
        ..dto::ListPartsOutput::default()
    }
}

fn part(found: ListedPart) -> dto::Part {
    let (algorithm, sum) = found.checksum.unzip();
    let of = |name: &str| sum.clone().filter(|_| algorithm.as_deref() == Some(name));
    dto::Part {
        checksum_crc32: of("CRC32"),
        checksum_crc32c: of("CRC32C"),
        checksum_crc64nvme: of("CRC64NVME"),
        checksum_sha1: of("SHA1"),
        checksum_sha256: of("SHA256"),
        e_tag: Some(dto::ETag::Strong(found.etag)),
        last_modified: Some(timestamp(found.modified_ms)),
        part_number: Some(i32::from(found.number)),
        size: i64::try_from(found.size).ok(),
    }
}

/// A bucket of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedBucket {
    /// Its name.
    pub name: String,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its region.
    pub region: String,
}

/// The answer of `ListBuckets`; `next` is the last bucket's name if more follow. Regions are shown where a page
/// or a region was asked for, as S3 does.
#[must_use]
pub fn list_buckets(
    asked: &ListBuckets,
    owner: Person,
    buckets: Vec<ListedBucket>,
    next: Option<&str>,
) -> dto::ListBucketsOutput {
    let regions = asked.max.is_some() || asked.region.is_some() || asked.prefix.is_some();
    let one = |bucket: ListedBucket| dto::Bucket {
        bucket_region: regions.then_some(bucket.region),
        creation_date: Some(timestamp(bucket.created_ms)),
        name: Some(bucket.name),
    };
    dto::ListBucketsOutput {
        buckets: Some(buckets.into_iter().map(one).collect()),
        continuation_token: next.map(listing::token),
        owner: Some(owner.owner()),
        prefix: asked.prefix.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, page, text};
    use super::*;

    #[test]
    fn uploads_and_parts() {
        let upload = ListedUpload {
            key: "a b".to_owned(),
            id: "u".to_owned(),
            initiator: Person { id: "i".to_owned(), name: Some("Ida".to_owned()) },
            owner: Person { id: "o".to_owned(), name: None },
            checksum: Some(("SHA256".to_owned(), "COMPOSITE")),
            ..ListedUpload::default()
        };
        let asked = ListUploads { page: page(None, true), ..ListUploads::default() };
        let next = Some(("a b".to_owned(), Some("u".to_owned())));
        check(
            &text(&list_uploads("bkt", &asked, vec![upload.clone()], Vec::new(), next)),
            &[
                "<ListMultipartUploadsResult xmlns=",
                "<Bucket>bkt</Bucket>",
                "<KeyMarker></KeyMarker>",
                "<NextKeyMarker>a+b</NextKeyMarker>",
                "<NextUploadIdMarker>u</NextUploadIdMarker>",
                "<Key>a+b</Key>",
                "<Initiator><DisplayName>Ida</DisplayName><ID>i</ID></Initiator>",
                "<MaxUploads>10</MaxUploads>",
            ],
            &["CommonPrefixes"],
        );
        let part = ListedPart {
            number: 7,
            etag: "e".to_owned(),
            size: 5,
            modified_ms: 0,
            checksum: Some(("SHA256".to_owned(), "c".to_owned())),
        };
        let asked = ListParts { max: 1, after: 3, url: false };
        check(
            &text(&list_parts("bkt", asked, upload.clone(), vec![part], true)),
            &[
                "<ListPartsResult xmlns=",
                "<PartNumberMarker>3<",
                "<NextPartNumberMarker>7<",
                "<IsTruncated>true<",
                "<ChecksumSHA256>c<",
                "<PartNumber>7</PartNumber>",
                "<UploadId>u</UploadId>",
            ],
            &["ChecksumCRC32", "ChecksumSHA1"],
        );
        check(&text(&list_parts("bkt", asked, upload, Vec::new(), false)), &["<NextPartNumberMarker>3<"], &["<Part>"]);
    }

    #[test]
    fn buckets() {
        let bucket = ListedBucket { name: "b".to_owned(), created_ms: 0, region: "r".to_owned() };
        let owner = Person { id: "o".to_owned(), name: None };
        let answer = list_buckets(&ListBuckets::default(), owner.clone(), vec![bucket.clone()], None);
        check(
            &text(&answer),
            &["<ListAllMyBucketsResult xmlns=", "<Buckets><Bucket>", "<Name>b</Name>", "<Owner><ID>o</ID></Owner>"],
            &["BucketRegion", "ContinuationToken", "Prefix"],
        );
        let asked = ListBuckets { max: Some(1), ..ListBuckets::default() };
        let token = listing::token("b");
        check(
            &text(&list_buckets(&asked, owner.clone(), vec![bucket], Some("b"))),
            &["<BucketRegion>r<", &format!("<ContinuationToken>{token}<")],
            &[],
        );
        check(&text(&list_buckets(&asked, owner, Vec::new(), None)), &["<Buckets></Buckets>"], &[]);
    }
}
