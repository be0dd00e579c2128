//! The answers of listings: which elements stand in them, and when.
//!
//! Source: as [`super::listing`].

mod uploads;

pub use uploads::{ListedBucket, ListedPart, ListedUpload, list_buckets, list_parts, list_uploads};

use super::dates::timestamp;
use super::listing::{self, ListObjects, ListObjectsV2, ListVersions, Page};
use s3s::dto;
use std::fmt::Write as _;

/// An owner or initiator: canonical id and display name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The canonical user id.
    pub id: String,
    /// The display name, if it is shown.
    pub name: Option<String>,
}

impl Person {
    fn owner(self) -> dto::Owner {
        dto::Owner { display_name: self.name, id: Some(self.id) }
    }
}

/// An object or version of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Its version; `null` for the null version. Shown by `ListObjectVersions` only.
    pub version: Option<String>,
    /// Whether it is the key's current version.
    pub latest: bool,
    /// A delete marker: no entity tag, size and storage class.
    pub delete_marker: bool,
    /// Its last modification, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its entity tag without quotes.
    pub etag: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its storage class; `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// Its owner, where the listing shows owners.
    pub owner: Option<Person>,
    /// Its checksum's algorithm (`CRC64NVME`, …) and type (`FULL_OBJECT`, `COMPOSITE`).
    pub checksum: Option<(String, &'static str)>,
}

/// A page of a bucket's listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Objects or versions in order.
    pub objects: Vec<ListedObject>,
    /// Common prefixes in order.
    pub prefixes: Vec<String>,
    /// Where the next page goes on, if there is one: the last key or common prefix of this page, and for
    /// versions the last version.
    pub next: Option<(String, Option<String>)>,
}

/// Percent-encodes a key as S3 does for `encoding-type=url`: blanks become `+`, slashes stay.
#[must_use]
pub fn url_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'/' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// Encodes where encoding is asked for.
struct Writer {
    url: bool,
}

impl Writer {
    fn key(&self, text: String) -> String {
        if self.url { url_encoded(&text) } else { text }
    }

    fn maybe(&self, text: Option<&String>) -> Option<String> {
        text.map(|t| self.key(t.clone()))
    }

    fn prefixes(&self, prefixes: Vec<String>) -> Option<dto::CommonPrefixList> {
        let one = |prefix| dto::CommonPrefix { prefix: Some(self.key(prefix)) };
        (!prefixes.is_empty()).then(|| prefixes.into_iter().map(one).collect())
    }

    fn encoding(&self) -> Option<dto::EncodingType> {
        self.url.then(|| dto::EncodingType::from_static(dto::EncodingType::URL))
    }

    fn object(&self, found: ListedObject) -> dto::Object {
        let class = found
            .storage_class
            .map_or_else(|| dto::ObjectStorageClass::from_static("STANDARD"), dto::ObjectStorageClass::from);
        let (algorithm, kind) = found.checksum.unzip();
        dto::Object {
            checksum_algorithm: algorithm.map(|a| vec![dto::ChecksumAlgorithm::from(a)]),
            checksum_type: kind.map(dto::ChecksumType::from_static),
            e_tag: Some(dto::ETag::Strong(found.etag)),
            key: Some(self.key(found.key)),
            last_modified: Some(timestamp(found.modified_ms)),
            owner: found.owner.map(Person::owner),
            restore_status: None,
            size: i64::try_from(found.size).ok(),
            storage_class: Some(class),
        }
    }

    fn objects(&self, found: Vec<ListedObject>) -> Option<dto::ObjectList> {
        (!found.is_empty()).then(|| found.into_iter().map(|o| self.object(o)).collect())
    }
}

fn count(n: impl TryInto<i32>) -> Option<i32> {
    n.try_into().ok()
}

fn writer(page: &Page) -> Writer {
    Writer { url: page.url }
}

/// The answer of `ListObjects`. `NextMarker` stands only where a delimiter was sent: other clients go on after
/// the last key.
#[must_use]
pub fn list_objects(bucket: &str, asked: &ListObjects, found: Found) -> dto::ListObjectsOutput {
    let out = writer(&asked.page);
    let next = found.next.as_ref().map(|(key, _)| key).filter(|_| asked.page.delimiter.is_some());
    dto::ListObjectsOutput {
        name: Some(bucket.to_owned()),
        prefix: out.maybe(Some(&asked.page.prefix)),
        marker: Some(out.key(asked.marker.clone().unwrap_or_default())),
        max_keys: count(asked.page.max),
        is_truncated: Some(found.next.is_some()),
        next_marker: out.maybe(next),
        contents: out.objects(found.objects),
        common_prefixes: out.prefixes(found.prefixes),
        delimiter: out.maybe(asked.page.delimiter.as_ref()),
        encoding_type: out.encoding(),
        request_charged: None,
    }
}

/// The answer of `ListObjectsV2`.
#[must_use]
pub fn list_objects_v2(bucket: &str, asked: &ListObjectsV2, found: Found) -> dto::ListObjectsV2Output {
    let out = writer(&asked.page);
    dto::ListObjectsV2Output {
        name: Some(bucket.to_owned()),
        prefix: out.maybe(Some(&asked.page.prefix)),
        max_keys: count(asked.page.max),
        key_count: count(found.objects.len() + found.prefixes.len()),
        continuation_token: asked.token.clone(),
        is_truncated: Some(found.next.is_some()),
        next_continuation_token: found.next.map(|(key, _)| listing::token(&key)),
        contents: out.objects(found.objects),
        common_prefixes: out.prefixes(found.prefixes),
        delimiter: out.maybe(asked.page.delimiter.as_ref()),
        encoding_type: out.encoding(),
        start_after: out.maybe(asked.start_after.as_ref()),
        request_charged: None,
    }
}

/// The answer of `ListObjectVersions`. Versions and delete markers each keep their order; S3 mixes the two.
#[must_use]
pub fn list_versions(bucket: &str, asked: &ListVersions, found: Found) -> dto::ListObjectVersionsOutput {
    let out = writer(&asked.page);
    let truncated = found.next.is_some();
    let (next_key, next_version) = found.next.unzip();
    let (markers, versions): (Vec<_>, Vec<_>) = found.objects.into_iter().partition(|o| o.delete_marker);
    let marker = |found: ListedObject| dto::DeleteMarkerEntry {
        is_latest: Some(found.latest),
        key: Some(out.key(found.key)),
        last_modified: Some(timestamp(found.modified_ms)),
        owner: found.owner.map(Person::owner),
        version_id: Some(found.version.unwrap_or_else(|| "null".to_owned())),
    };
    dto::ListObjectVersionsOutput {
        name: Some(bucket.to_owned()),
        prefix: out.maybe(Some(&asked.page.prefix)),
        key_marker: Some(out.key(asked.key_marker.clone().unwrap_or_default())),
        version_id_marker: Some(asked.version_id_marker.clone().unwrap_or_default()),
        next_key_marker: out.maybe(next_key.as_ref()),
        next_version_id_marker: next_version.flatten(),
        max_keys: count(asked.page.max),
        is_truncated: Some(truncated),
        delimiter: out.maybe(asked.page.delimiter.as_ref()),
        encoding_type: out.encoding(),
        common_prefixes: out.prefixes(found.prefixes),
        delete_markers: (!markers.is_empty()).then(|| markers.into_iter().map(marker).collect()),
        versions: (!versions.is_empty()).then(|| versions.into_iter().map(|v| version(&out, v)).collect()),
        request_charged: None,
    }
}

fn version(out: &Writer, mut found: ListedObject) -> dto::ObjectVersion {
    let (version, latest) = (found.version.take(), found.latest);
    let object = out.object(found);
    dto::ObjectVersion {
        checksum_algorithm: object.checksum_algorithm,
        checksum_type: object.checksum_type,
        e_tag: object.e_tag,
        is_latest: Some(latest),
        key: object.key,
        last_modified: object.last_modified,
        owner: object.owner,
        restore_status: None,
        size: object.size,
        storage_class: object.storage_class.map(|c| dto::ObjectVersionStorageClass::from(c.as_str().to_owned())),
        version_id: Some(version.unwrap_or_else(|| "null".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::wire::xml;

    pub(super) fn text<T: s3s::xml::Serialize>(value: &T) -> String {
        String::from_utf8(xml::body(value).to_vec()).unwrap()
    }

    /// Every text of `present` stands in the answer, none of `absent`.
    pub(super) fn check(answer: &str, present: &[&str], absent: &[&str]) {
        for part in present {
            assert!(answer.contains(part), "{part} stands not in {answer}");
        }
        for part in absent {
            assert!(!answer.contains(part), "{part} stands in {answer}");
        }
    }

    fn object(key: &str) -> ListedObject {
        ListedObject { key: key.to_owned(), etag: "e".to_owned(), size: 3, latest: true, ..ListedObject::default() }
    }

    pub(super) fn page(delimiter: Option<&str>, url: bool) -> Page {
        Page { prefix: "a b".to_owned(), delimiter: delimiter.map(str::to_owned), max: 10, url }
    }

    fn found(next: bool) -> Found {
        Found {
            objects: vec![object("a b/é+~")],
            prefixes: vec!["a b/c/".to_owned()],
            next: next.then(|| ("a b/c/".to_owned(), None)),
        }
    }

    #[test]
    fn encoded_keys() {
        for (plain, encoded) in [
            ("a/b-._*", "a/b-._*"),
            ("a b", "a+b"),
            ("a+b", "a%2Bb"),
            ("(3)", "%283%29"),
            ("é\n", "%C3%A9%0A"),
            ("~", "%7E"),
        ] {
            assert_eq!(url_encoded(plain), encoded);
        }
    }

    #[test]
    fn objects_v1() {
        let asked = ListObjects { page: page(None, false), marker: None };
        check(
            &text(&list_objects("bkt", &asked, found(true))),
            &[
                "<ListBucketResult xmlns=",
                "<Name>bkt</Name>",
                "<Prefix>a b</Prefix>",
                "<Marker></Marker>",
                "<MaxKeys>10</MaxKeys>",
                "<IsTruncated>true</IsTruncated>",
                "<Key>a b/é+~</Key>",
                "<ETag>\"e\"</ETag>",
                "<Size>3</Size>",
                "<StorageClass>STANDARD</StorageClass>",
                "<LastModified>1970-01-01T00:00:00.000Z</LastModified>",
                "<CommonPrefixes><Prefix>a b/c/</Prefix></CommonPrefixes>",
            ],
            &["NextMarker", "EncodingType", "Delimiter", "KeyCount"],
        );
        let asked = ListObjects { page: page(Some(" "), true), marker: Some("m m".to_owned()) };
        check(
            &text(&list_objects("bkt", &asked, found(true))),
            &[
                "<NextMarker>a+b/c/</NextMarker>",
                "<Marker>m+m</Marker>",
                "<Delimiter>+</Delimiter>",
                "<EncodingType>url</EncodingType>",
                "<Key>a+b/%C3%A9%2B%7E</Key>",
                "<Prefix>a+b</Prefix>",
            ],
            &[],
        );
        check(&text(&list_objects("bkt", &asked, found(false))), &["<IsTruncated>false<"], &["NextMarker"]);
    }

    #[test]
    fn objects_v2() {
        let asked = ListObjectsV2 { page: page(Some("/"), false), ..ListObjectsV2::default() };
        let token = listing::token("a b/c/");
        check(
            &text(&list_objects_v2("bkt", &asked, found(true))),
            &["<KeyCount>2</KeyCount>", &format!("<NextContinuationToken>{token}</NextContinuationToken>")],
            &["<ContinuationToken>", "StartAfter", "Owner", "Marker"],
        );
        let asked = ListObjectsV2 {
            token: Some("t".to_owned()),
            start_after: Some("s".to_owned()),
            page: page(None, false),
            ..ListObjectsV2::default()
        };
        let mut owned = object("k");
        owned.owner = Some(Person { id: "o".to_owned(), name: None });
        owned.checksum = Some(("CRC64NVME".to_owned(), "FULL_OBJECT"));
        let found = Found { objects: vec![owned], ..Found::default() };
        check(
            &text(&list_objects_v2("bkt", &asked, found)),
            &[
                "<ContinuationToken>t</ContinuationToken>",
                "<StartAfter>s</StartAfter>",
                "<Owner><ID>o</ID></Owner>",
                "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>",
                "<ChecksumType>FULL_OBJECT</ChecksumType>",
            ],
            &["NextContinuationToken", "CommonPrefixes"],
        );
        check(&text(&list_objects_v2("bkt", &asked, Found::default())), &["<KeyCount>0<"], &["Contents"]);
    }

    #[test]
    fn versions() {
        let asked = ListVersions { page: page(None, false), ..ListVersions::default() };
        let marker = ListedObject { delete_marker: true, version: Some("v2".to_owned()), ..object("k") };
        let old = ListedObject { latest: false, ..object("k") };
        let next = Some(("k".to_owned(), Some("null".to_owned())));
        let found = Found { objects: vec![marker, old], next, ..Found::default() };
        check(
            &text(&list_versions("bkt", &asked, found)),
            &[
                "<ListVersionsResult xmlns=",
                "<KeyMarker></KeyMarker>",
                "<VersionIdMarker></VersionIdMarker>",
                "<NextKeyMarker>k</NextKeyMarker>",
                "<NextVersionIdMarker>null</NextVersionIdMarker>",
                "<DeleteMarker><IsLatest>true</IsLatest><Key>k</Key>",
                "<VersionId>v2</VersionId></DeleteMarker>",
                "<VersionId>null</VersionId></Version>",
                "<IsLatest>false</IsLatest>",
            ],
            &["EncodingType"],
        );
        check(&text(&list_versions("bkt", &asked, Found::default())), &["<IsTruncated>false<"], &["NextKeyMarker"]);
    }
}
