//! Reading what a server has: listings, bodies, tags, uploads.

use super::support::{Answer, Client, try_raw};

/// An answer, or nothing where the server went away before it was whole.
pub fn attempt(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
    let head = client.head(method, path, headers, body);
    let answer = try_raw(&client.address, &head, body).ok()?;
    let promised = answer.header("content-length").parse::<usize>().unwrap_or(0);
    (method == "HEAD" || answer.body.len() >= promised).then_some(answer)
}

/// The elements of these names in a document, in order: name and inner text.
pub fn blocks(text: &str, names: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let next = names.iter().filter_map(|n| rest.find(&format!("<{n}>")).map(|at| (at, *n))).min();
        let Some((at, name)) = next else { return found };
        let inner = &rest[at + name.len() + 2..];
        let end = inner.find(&format!("</{name}>")).unwrap_or_else(|| panic!("<{name}> has no end in {text}"));
        found.push((name.to_owned(), inner[..end].to_owned()));
        rest = &inner[end..];
    }
}

/// The text of the first element of this name.
pub fn field(text: &str, name: &str) -> String {
    blocks(text, &[name]).into_iter().next().map(|(_, inner)| inner).unwrap_or_default()
}

fn unquoted(etag: &str) -> String {
    etag.replace("&quot;", "").replace("&#34;", "").replace('"', "")
}

/// The `ETag` of an answer, without quotes.
pub fn etag_of(answer: &Answer) -> String {
    unquoted(answer.header("etag"))
}

/// A line of a listing of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub key: String,
    pub id: String,
    pub etag: String,
    pub size: u64,
    pub marker: bool,
    pub latest: bool,
    pub modified: String,
}

/// Every version below a prefix, in the listing's order, so many to a page.
pub fn versions(client: &Client, bucket: &str, prefix: &str, page: u32) -> Vec<Seen> {
    let mut found = Vec::new();
    let mut marker = String::new();
    loop {
        let answer = client.get(&format!("/{bucket}?versions&max-keys={page}&prefix={}{marker}", encoded(prefix)));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        for (name, inner) in blocks(&text, &["Version", "DeleteMarker"]) {
            found.push(Seen {
                key: field(&inner, "Key"),
                id: field(&inner, "VersionId"),
                etag: unquoted(&field(&inner, "ETag")),
                size: field(&inner, "Size").parse().unwrap_or(0),
                marker: name == "DeleteMarker",
                latest: field(&inner, "IsLatest") == "true",
                modified: field(&inner, "LastModified"),
            });
        }
        if field(&text, "IsTruncated") != "true" {
            return found;
        }
        let key = encoded(&field(&text, "NextKeyMarker"));
        marker = format!("&key-marker={key}&version-id-marker={}", field(&text, "NextVersionIdMarker"));
    }
}

/// As S3 wants it in a query.
pub fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The keys below a prefix, by `ListObjectsV2`: key, `ETag`, size.
pub fn keys(client: &Client, bucket: &str, prefix: &str) -> Vec<(String, String, u64)> {
    let answer = client.get(&format!("/{bucket}?list-type=2&prefix={}", encoded(prefix)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let all = blocks(&answer.text(), &["Contents"]);
    let line = |inner: &str| (field(inner, "Key"), unquoted(&field(inner, "ETag")), field(inner, "Size"));
    all.iter().map(|(_, inner)| line(inner)).map(|(k, e, s)| (k, e, s.parse().expect("a size"))).collect()
}

/// The uploads below a prefix: key and id.
pub fn uploads(client: &Client, bucket: &str, prefix: &str) -> Vec<(String, String)> {
    let answer = client.get(&format!("/{bucket}?uploads&prefix={}", encoded(prefix)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    blocks(&answer.text(), &["Upload"]).iter().map(|(_, u)| (field(u, "Key"), field(u, "UploadId"))).collect()
}

/// The parts of an upload: number, `ETag`, size; `None` if there is no such upload.
pub fn parts(client: &Client, bucket: &str, key: &str, id: &str) -> Option<Vec<(u32, String, u64)>> {
    let answer = client.get(&format!("/{bucket}/{key}?uploadId={id}"));
    if answer.status == 404 {
        assert_eq!(answer.code(), "NoSuchUpload");
        return None;
    }
    assert_eq!(answer.status, 200, "{}", answer.text());
    let one = |p: &str| {
        let number = field(p, "PartNumber").parse().expect("a number");
        (number, unquoted(&field(p, "ETag")), field(p, "Size").parse().expect("a size"))
    };
    Some(blocks(&answer.text(), &["Part"]).iter().map(|(_, p)| one(p)).collect())
}

/// The value of a version's one tag; empty without one.
pub fn tag(client: &Client, bucket: &str, key: &str, id: &str) -> String {
    let answer = client.get(&format!("/{bucket}/{key}?tagging&versionId={id}"));
    assert_eq!(answer.status, 200, "tags of {bucket}/{key} {id}: {}", answer.text());
    field(&answer.text(), "Value")
}

/// The document that gives an object one tag.
pub fn tagging(value: &str) -> String {
    format!("<Tagging><TagSet><Tag><Key>t</Key><Value>{value}</Value></Tag></TagSet></Tagging>")
}

/// The document that completes an upload.
pub fn completion<'a>(parts: impl Iterator<Item = (u32, &'a str)>) -> String {
    let part = |(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>");
    let all: String = parts.map(part).collect();
    format!("<CompleteMultipartUpload>{all}</CompleteMultipartUpload>")
}

/// The document that changes a bucket's versioning.
pub fn versioning(status: &str) -> String {
    format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}
