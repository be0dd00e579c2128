//! The AWS SDK for Rust, unchanged, against `portcullis serve`: keys and the server's address come from the
//! environment that `served.py` makes. Panics, and so ends with a failure, where an answer is not the right one.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};
use aws_smithy_http_client::Builder;
use std::env::var;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const BUCKET: &str = "rust-sdk";
const PART: usize = 8 * 1024 * 1024;
const LARGE: usize = 100 * 1024 * 1024;

#[tokio::main]
async fn main() {
    let s3 = client();
    s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket");
    objects(&s3).await;
    odd_keys(&s3).await;
    checksums(&s3).await;
    streamed(&s3).await;
    large(&s3).await;
    presigned(&s3).await;
    pages_and_batches(&s3).await;
    println!("the Rust SDK: all is well");
}

fn client() -> Client {
    let env = |name| var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let keys = Credentials::new(env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"), None, None, "environment");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .endpoint_url(env("AWS_ENDPOINT_URL"))
        .region(Region::new(env("AWS_REGION")))
        .credentials_provider(keys)
        .force_path_style(true)
        // A second try would hide a fault.
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn put(s3: &Client, key: &str, body: &[u8]) {
    let body = ByteStream::from(body.to_vec());
    s3.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap_or_else(|e| panic!("{key}: {e:?}"));
}

/// An object's content, and with it its checksum where it has one.
async fn get(s3: &Client, key: &str) -> Vec<u8> {
    let got = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap_or_else(|e| panic!("{key}: {e:?}"));
    got.body.collect().await.unwrap_or_else(|e| panic!("{key}: {e:?}")).to_vec()
}

async fn objects(s3: &Client) {
    put(s3, "k", b"hello").await;
    put(s3, "empty", b"").await;
    assert_eq!(get(s3, "k").await, b"hello");
    assert_eq!(get(s3, "empty").await, b"");
    let head = s3.head_object().bucket(BUCKET).key("k").send().await.expect("it is there");
    assert_eq!((head.content_length(), head.e_tag()), (Some(5), Some("\"5d41402abc4b2a76b9719d911017c592\"")));
    let part = s3.get_object().bucket(BUCKET).key("k").range("bytes=1-2").send().await.expect("a range");
    assert_eq!(part.content_range(), Some("bytes 1-2/5"));
    let taken = s3.put_object().bucket(BUCKET).key("k").if_none_match("*").send().await.expect_err("it is there");
    assert_eq!(taken.code(), Some("PreconditionFailed"));
    s3.delete_object().bucket(BUCKET).key("k").send().await.expect("deleted");
    let gone = s3.get_object().bucket(BUCKET).key("k").send().await.expect_err("it is gone").into_service_error();
    assert!(gone.is_no_such_key(), "{gone:?}");
    let gone = s3.head_object().bucket(BUCKET).key("k").send().await.expect_err("it is gone").into_service_error();
    assert!(gone.is_not_found(), "{gone:?}");
}

async fn odd_keys(s3: &Client) {
    let mut keys = ["a//b", "../x", "./z", "a b+c%", "%2F", "k?q=1#f", "<&'\">", "naïve/ключ/鍵", "🪟"];
    keys.sort_unstable();
    for key in keys {
        put(s3, &format!("odd/{key}"), key.as_bytes()).await;
        assert_eq!(get(s3, &format!("odd/{key}")).await, key.as_bytes());
    }
    let listed = s3.list_objects_v2().bucket(BUCKET).prefix("odd/").send().await.expect("a list");
    let listed: Vec<_> = listed.contents().iter().filter_map(|o| o.key()?.strip_prefix("odd/")).collect();
    assert_eq!(listed, keys);
}

async fn checksums(s3: &Client) {
    use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
    for algorithm in [Crc32, Crc32C, Crc64Nvme, Sha1, Sha256] {
        let body = ByteStream::from_static(b"123456789");
        let put = s3.put_object().bucket(BUCKET).key("sum").checksum_algorithm(algorithm.clone()).body(body);
        put.send().await.unwrap_or_else(|e| panic!("{algorithm}: {e:?}"));
        let head = s3.head_object().bucket(BUCKET).key("sum").checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.expect("it is there");
        let sums = [
            head.checksum_crc32(),
            head.checksum_crc32_c(),
            head.checksum_crc64_nvme(),
            head.checksum_sha1(),
            head.checksum_sha256(),
        ];
        assert_eq!(sums.iter().flatten().count(), 1, "{algorithm}");
        // Reading the body to its end checks it.
        assert_eq!(get(s3, "sum").await, b"123456789");
    }
    let wrong = s3.put_object().bucket(BUCKET).key("bad").checksum_crc32("AAAAAA==");
    let wrong = wrong.body(ByteStream::from_static(b"x")).send().await.expect_err("another sum");
    assert_eq!(wrong.code(), Some("BadDigest"));
}

/// A file is sent in chunks, with its checksum in the trailer.
async fn streamed(s3: &Client) {
    let path = std::env::temp_dir().join(format!("portcullis-rust-client-{}", std::process::id()));
    let content = noise(3_000_000);
    std::fs::write(&path, &content).expect("writable");
    let body = ByteStream::from_path(&path).await.expect("readable");
    s3.put_object().bucket(BUCKET).key("file").body(body).send().await.expect("stored");
    std::fs::remove_file(&path).expect("removed");
    assert!(get(s3, "file").await == content);
}

async fn large(s3: &Client) {
    let content = noise(LARGE);
    let created = s3.create_multipart_upload().bucket(BUCKET).key("large").send().await.expect("an upload");
    let id = created.upload_id().expect("an id");
    let mut parts = Vec::new();
    for (number, bytes) in (1..).zip(content.chunks(PART)) {
        let part = s3.upload_part().bucket(BUCKET).key("large").upload_id(id).part_number(number);
        let part = part.body(ByteStream::from(bytes.to_vec())).send().await.expect("a part");
        let part =
            CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).set_checksum_crc32(part.checksum_crc32);
        parts.push(part.build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let done = s3.complete_multipart_upload().bucket(BUCKET).key("large").upload_id(id).multipart_upload(parts);
    let done = done.send().await.expect("complete");
    assert!(done.e_tag().is_some_and(|tag| tag.ends_with("-13\"")), "{done:?}");
    assert!(get(s3, "large").await == content, "100 MB come back as they were");
}

async fn presigned(s3: &Client) {
    let minute = || PresigningConfig::expires_in(Duration::from_secs(60)).expect("a time");
    let put = s3.put_object().bucket(BUCKET).key("a b/ö").presigned(minute()).await.expect("signed");
    assert!(plain(&put, b"by URL").starts_with("HTTP/1.1 200 "));
    let get = s3.get_object().bucket(BUCKET).key("a b/ö").presigned(minute()).await.expect("signed");
    let answer = plain(&get, b"");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nby URL"), "{answer}");
}

/// Sends a presigned request as a program without the SDK would.
fn plain(request: &PresignedRequest, body: &[u8]) -> String {
    let rest = request.uri().strip_prefix("http://").expect("plain HTTP");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut head = format!("{} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", request.method());
    request.headers().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if !head.contains("content-length:") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let mut stream = TcpStream::connect(host).expect("a connection");
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("sent");
    stream.write_all(body).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

async fn pages_and_batches(s3: &Client) {
    for n in 0..25 {
        put(s3, &format!("page/{n:02}"), b"x").await;
    }
    let mut pages = s3.list_objects_v2().bucket(BUCKET).prefix("page/").into_paginator().page_size(10).send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(page.expect("a page").contents().iter().filter_map(|o| o.key().map(str::to_owned)));
    }
    assert_eq!(keys, (0..25).map(|n| format!("page/{n:02}")).collect::<Vec<_>>());
    let named = |key| ObjectIdentifier::builder().key(key).build().expect("a key");
    let batch = Delete::builder().set_objects(Some(keys.into_iter().map(named).collect())).build().expect("a batch");
    let gone = s3.delete_objects().bucket(BUCKET).delete(batch).send().await.expect("deleted");
    assert_eq!((gone.deleted().len(), gone.errors().len()), (25, 0));
}

/// Bytes that do not repeat: a linear congruential generator's upper bits.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
