//! What an earlier version of the program wrote is read by this one.
//!
//! `tests/data/v1.tar.gz` is a data directory of format 1, `tests/data/v1.txt` what is in it. They were made by
//! `KEEP_DATA=tests/data/v1 cargo test --test crash kinds`, and stay as they are: a new format gets files of its
//! own beside them.

use super::model::{Piece, hex};
use super::read::{self, completion, etag_of, tagging, versioning};
use super::scrub_clean;
use super::support::{Answer, Client, Server, TempDir};
use base64::Engine as _;
use md5::{Digest as _, Md5};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "users": [{"name": "reader", "access_keys": [{"id": "AKIAREADER", "secret": "reader-secret"}], "inline": [
        {"name": "read", "document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::flat/small"}]}}]}],
    "buckets": [{"name": "flat", "objects": [{"key": "seeded", "tags": {"from": "world"}}]}, {"name": "paused"},
                {"name": "versioned"}]}]}"#;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",
    "Action":"s3:PutObject","Resource":"arn:aws:s3:::flat/closed/*"}]}"#;
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
    <AllowedOrigin>https://example.com</AllowedOrigin></CORSRule></CORSConfiguration>";
const BUCKETS: [&str; 4] = ["flat", "locked", "paused", "versioned"];
/// SSE-C keys and their digests go over plain HTTP here.
const SECRETS: &[&str] = &["--allow-insecure-secrets"];

fn root(server: &Server) -> Client {
    server.client("AKIAROOT", "root-secret")
}

/// The headers of a customer's key.
fn customer_key() -> [(&'static str, String); 3] {
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = [7_u8; 32];
    [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256".to_owned()),
        ("x-amz-server-side-encryption-customer-key", base64.encode(key)),
        ("x-amz-server-side-encryption-customer-key-md5", base64.encode(Md5::digest(key))),
    ]
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn ok(answer: Answer) -> Answer {
    assert!(answer.status < 300, "{}: {}", answer.status, answer.text());
    answer
}

/// One of everything that is stored.
fn fill(client: &Client) {
    let put = |path: &str, headers: &[(&str, &str)], body: &[u8]| ok(client.send("PUT", path, headers, body));
    let (small, blob) = (Piece { seed: 1, len: 900 }.bytes(), Piece { seed: 2, len: 20_000 }.bytes());
    let secret = customer_key();
    let secret = borrowed(&secret);
    put(
        "/flat/small",
        &[("content-type", "text/plain"), ("x-amz-meta-note", "kept"), ("x-amz-tagging", "t=1")],
        &small,
    );
    put("/flat/blob", &[("x-amz-checksum-algorithm", "SHA256")], &blob);
    put("/flat/empty", &[("cache-control", "no-store"), ("content-language", "en")], b"");
    put("/flat/a%20name%20of%20%C3%A4/%2B", &[], &small);
    put("/flat/customer-small", &secret, &small);
    put("/flat/customer-blob", &secret, &blob);
    of_parts(client, "/flat/parts", &[]);
    of_parts(client, "/flat/customer-parts", &secret);
    put("/flat?policy", &[], POLICY.as_bytes());
    put(
        "/flat?cors",
        &[("content-md5", &base64::engine::general_purpose::STANDARD.encode(Md5::digest(CORS)))],
        CORS.as_bytes(),
    );
    put("/versioned/doc", &[], b"before versioning");
    put("/versioned?versioning", &[], versioning("Enabled").as_bytes());
    put("/versioned/doc", &[], &blob);
    put("/versioned/doc", &[], &small);
    put("/versioned/doc?tagging", &[], tagging("second").as_bytes());
    put("/versioned/gone", &[], &small);
    ok(client.delete("/versioned/gone"));
    put("/paused?versioning", &[], versioning("Enabled").as_bytes());
    put("/paused/doc", &[], &small);
    put("/paused?versioning", &[], versioning("Suspended").as_bytes());
    put("/paused/doc", &[], b"null");
    put("/locked", &[("x-amz-bucket-object-lock-enabled", "true")], b"");
    let held = [
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z"),
    ];
    put("/locked/held", &held, &small);
    let id = ok(client.send("POST", "/flat/rising?uploads", &[], b"")).element("UploadId");
    put(&format!("/flat/rising?partNumber=3&uploadId={id}"), &[], &blob);
}

fn of_parts(client: &Client, path: &str, headers: &[(&str, &str)]) {
    let id = ok(client.send("POST", &format!("{path}?uploads"), headers, b"")).element("UploadId");
    let body = Piece { seed: 3, len: 25_000 }.bytes();
    let part = ok(client.send("PUT", &format!("{path}?partNumber=1&uploadId={id}"), headers, &body));
    let list = completion([(1, etag_of(&part).as_str())].into_iter());
    ok(client.send("POST", &format!("{path}?uploadId={id}"), headers, list.as_bytes()));
}

/// Everything of the data directory as a text, with ids and times.
fn manifest(server: &Server) -> String {
    let client = root(server);
    let mut text = String::new();
    for bucket in BUCKETS {
        writeln!(text, "bucket {bucket}").expect("text");
        for setting in ["versioning", "policy", "cors", "object-lock", "encryption", "publicAccessBlock"] {
            let answer = client.get(&format!("/{bucket}?{setting}"));
            let said = if answer.status == 200 { answer.text().replace('\n', " ") } else { answer.code() };
            writeln!(text, "  {setting}: {said}").expect("text");
        }
        for seen in read::versions(&client, bucket, "", 1) {
            let (key, id) = (&seen.key, &seen.id);
            let kind = if seen.marker { "marker" } else { "version" };
            writeln!(text, "  {kind} {key} {id} {} {} latest={}", seen.size, seen.modified, seen.latest).expect("text");
            if !seen.marker {
                object(&client, bucket, &seen, &mut text);
            }
        }
        let keys: Vec<String> = read::keys(&client, bucket, "").into_iter().map(|(key, ..)| key).collect();
        writeln!(text, "  keys {keys:?}").expect("text");
        for (key, id) in read::uploads(&client, bucket, "") {
            writeln!(text, "  upload {key} {id} {:?}", read::parts(&client, bucket, &key, &id)).expect("text");
        }
    }
    let reader = server.client("AKIAREADER", "reader-secret");
    let (may, may_not) = (reader.get("/flat/small").status, reader.get("/flat/blob").status);
    writeln!(text, "reader {may} {may_not}").expect("text");
    writeln!(text, "policy {}", client.put("/flat/closed/x", b"").code()).expect("text");
    text
}

fn object(client: &Client, bucket: &str, seen: &read::Seen, text: &mut String) {
    let key = read::encoded(&seen.key).replace("%2F", "/");
    let path = format!("/{bucket}/{key}?versionId={}", seen.id);
    let secret = customer_key();
    let headers = if seen.key.starts_with("customer") { borrowed(&secret) } else { Vec::new() };
    if !headers.is_empty() {
        assert_eq!(client.get(&path).status, 400, "{path} wants its key");
    }
    let mut headers = headers;
    headers.push(("x-amz-checksum-mode", "ENABLED"));
    let got = client.send("GET", &path, &headers, b"");
    assert_eq!(got.status, 200, "GET {path}: {}", got.text());
    assert_eq!(etag_of(&got), seen.etag, "{path}");
    let mut lines: Vec<String> = got
        .headers
        .iter()
        .filter(|(name, _)| {
            !["date", "x-amz-request-id", "x-amz-id-2", "connection", "server"].contains(&name.as_str())
        })
        .map(|(name, value)| format!("    {name}: {}", value.to_str().expect("text")))
        .collect();
    lines.sort();
    writeln!(text, "{}\n    md5 {}", lines.join("\n"), hex(&Md5::digest(&got.body))).expect("text");
    let tags = client.get(&format!("/{bucket}/{key}?tagging&versionId={}", seen.id));
    let tags: Vec<String> = read::blocks(&tags.text(), &["Key", "Value"])
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    writeln!(text, "    tags {tags:?}").expect("text");
}

fn tar(arguments: &[&str], folder: &Path, last: &str) {
    let status = Command::new("tar").args(arguments).arg("-C").arg(folder).arg(last).status();
    assert!(status.expect("tar starts").success(), "tar {arguments:?}");
}

/// A data directory with every kind of thing reads back the same after a kill; `KEEP_DATA` keeps it for later
/// versions.
#[test]
fn a_data_directory_of_all_kinds_opens_again() {
    let directory = TempDir::new();
    let mut server = Server::of_world(&directory, WORLD, SECRETS);
    fill(&root(&server));
    let said = manifest(&server);
    for part in ["marker gone", "customer-parts", "upload rising", "x-amz-object-lock-legal-hold: ON", "reader 200 403"]
    {
        assert!(said.contains(part), "no {part} in {said}");
    }
    server.kill();
    let data = directory.path().join("data");
    let mut server = Server::start(&data, SECRETS);
    assert_eq!(manifest(&server), said);
    server.kill();
    assert_eq!(scrub_clean(&data), 0);
    if let Some(kept) = std::env::var_os("KEEP_DATA") {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(kept);
        std::fs::create_dir_all(kept.parent().expect("a folder")).expect("a folder");
        std::fs::write(kept.with_extension("txt"), said).expect("written");
        let archive = kept.with_extension("tar.gz");
        // The journal is mostly a hole.
        tar(&["--sparse", "-czf", archive.to_str().expect("text")], directory.path(), "data");
    }
}

#[test]
fn what_an_earlier_version_wrote_is_read() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let directory = TempDir::new();
    let archive = kept.join("v1.tar.gz");
    tar(&["-xzf", archive.to_str().expect("text")], directory.path(), "data");
    let data = directory.path().join("data");
    let said = std::fs::read_to_string(kept.join("v1.txt")).expect("the manifest");
    let mut server = Server::start(&data, SECRETS);
    assert_eq!(manifest(&server), said);
    // It can be written too.
    let client = root(&server);
    ok(client.put("/versioned/doc", b"later"));
    let id = said.lines().find_map(|l| l.strip_prefix("  upload rising ")?.split(' ').next()).expect("an upload");
    let etag = Piece { seed: 2, len: 20_000 }.etag();
    let list = completion([(3, etag.as_str())].into_iter());
    ok(client.send("POST", &format!("/flat/rising?uploadId={id}"), &[], list.as_bytes()));
    server.kill();
    let mut server = Server::start(&data, SECRETS);
    let client = root(&server);
    assert_eq!(client.get("/versioned/doc").text(), "later");
    assert!(client.get("/flat/rising").body == Piece { seed: 2, len: 20_000 }.bytes());
    server.kill();
    assert_eq!(scrub_clean(&data), 0);
}
