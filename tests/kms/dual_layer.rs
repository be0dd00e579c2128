//! Objects sealed twice over under a key of the key service (`aws:kms:dsse`).

use crate::cast::{ARN, KEY, Scene, WORLD, done};
use crate::support::{Answer, Client, Server, TempDir};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SSE: &str = "x-amz-server-side-encryption";
const SSE_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const SSE_BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";
const DSSE: (&str, &str) = (SSE, "aws:kms:dsse");
const OF_KEY: (&str, &str) = (SSE_KEY, "alias/reports");
/// Bytes of a chunk of the sealed format.
const CHUNK: usize = 64 * 1024;

fn put(client: &Client, path: &str, body: &[u8]) -> Answer {
    client.send("PUT", path, &[DSSE, OF_KEY], body)
}

fn body(size: usize) -> Vec<u8> {
    (0..size).map(|i| u8::try_from((i * 31 + i / 251) % 256).expect("below 256")).collect()
}

fn configuration(inside: &str) -> String {
    format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
         <SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>{inside}</ApplyServerSideEncryptionByDefault>\
         <BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
    )
}

#[test]
fn who_may_not_decrypt_does_not_read() {
    let scene = Scene::new();
    let (root, alice) = (scene.s3("root"), scene.s3("alice"));
    for size in [0, 10, CHUNK + 100] {
        let (path, body) = (format!("/reports/{size}"), body(size));
        let written = put(&root, &path, &body);
        assert_eq!((written.status, written.header(SSE), written.header(SSE_KEY)), (200, DSSE.1, ARN));
        let read = root.get(&path);
        assert_eq!((read.header(SSE), read.header(SSE_KEY), read.body == body), (DSSE.1, ARN, true));
        let refused = alice.get(&path);
        assert_eq!((refused.status, refused.code().as_str()), (403, "AccessDenied"));
        assert!(refused.element("Message").contains("kms:Decrypt"), "{}", refused.text());
        assert_eq!(scene.server.anonymous().get(&path).status, 403);
        let head = alice.send("HEAD", &path, &[], b"");
        assert_eq!((head.status, head.header(SSE), head.header(SSE_KEY)), (200, DSSE.1, ARN), "nothing is opened");
        assert_eq!(alice.send("PUT", "/reports/copy", &[("x-amz-copy-source", &path)], b"").code(), "AccessDenied");
        // Presigned, by who may and by who may not.
        let get = |client: &Client| {
            let signed = client.presigned("GET", &path, &[], 60, crate::support::now());
            scene.server.anonymous().get(&signed)
        };
        assert_eq!(get(&root).body, body);
        assert_eq!(get(&alice).code(), "AccessDenied");
        // Out of it, and into it.
        let copy = |to: &str, headers: &[(&str, &str)]| {
            root.send("PUT", to, &[&[("x-amz-copy-source", path.as_str())], headers].concat(), b"")
        };
        assert_eq!(copy("/reports/plain", &[]).header(SSE), "AES256");
        assert_eq!(copy("/reports/once", &[(SSE, "aws:kms"), OF_KEY]).header(SSE), "aws:kms");
        assert_eq!(copy("/reports/twice", &[DSSE]).header(SSE), DSSE.1);
        for copied in ["plain", "once", "twice"] {
            assert_eq!(root.get(&format!("/reports/{copied}")).body, body, "{copied}");
        }
    }
    assert!(put(&alice, "/reports/mine", b"x").element("Message").contains("kms:GenerateDataKey"));
    assert_eq!(root.get("/reports/mine").code(), "NoSuchKey");
}

#[test]
fn ranges_cross_the_edges_of_chunks() {
    let scene = Scene::new();
    let (root, body) = (scene.s3("root"), body(3 * CHUNK + 17));
    put(&root, "/reports/a", &body);
    let edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK, body.len() - 1];
    for (at, first) in edges.iter().enumerate() {
        for last in &edges[at..] {
            let range = format!("bytes={first}-{last}");
            let answer = root.send("GET", "/reports/a", &[("range", &range)], b"");
            assert_eq!((answer.status, answer.body == body[*first..=*last]), (206, true), "{range}");
        }
    }
    let answer = root.send("GET", "/reports/a", &[("range", "bytes=-18")], b"");
    assert_eq!(answer.body, body[body.len() - 18..]);
}

#[test]
fn a_disabled_key_closes_both_layers_and_rotation_neither() {
    let scene = Scene::new();
    let (root, kms) = (scene.s3("root"), scene.kms("root"));
    put(&root, "/reports/a", b"hello");
    done(&kms, "RotateKeyOnDemand", &json!({"KeyId": KEY}));
    put(&root, "/reports/b", b"hello");
    for path in ["/reports/a", "/reports/b"] {
        assert_eq!(root.get(path).text(), "hello");
    }
    done(&kms, "DisableKey", &json!({"KeyId": KEY}));
    for answer in [root.get("/reports/a"), put(&root, "/reports/c", b"x")] {
        assert_eq!((answer.status, answer.code().as_str()), (400, "KMS.DisabledException"));
    }
    done(&kms, "EnableKey", &json!({"KeyId": KEY}));
    assert_eq!(root.get("/reports/b").text(), "hello");
}

#[test]
fn the_buckets_default_and_conditions_know_it() {
    let scene = Scene::new();
    let root = scene.s3("root");
    let own = configuration(&format!("<KMSMasterKeyID>{ARN}</KMSMasterKeyID>"));
    assert_eq!(root.send("PUT", "/reports?encryption", &[], own.as_bytes()).status, 200);
    assert!(root.get("/reports?encryption").text().contains(DSSE.1));
    let written = root.put("/reports/a", b"x");
    assert_eq!((written.header(SSE), written.header(SSE_KEY)), (DSSE.1, ARN));
    assert_eq!(written.header(SSE_BUCKET_KEY), "", "Bucket Keys do not apply");
    assert_eq!(root.get("/reports/a").text(), "x");
    let asked = root.send("PUT", "/reports/b", &[DSSE, OF_KEY, (SSE_BUCKET_KEY, "true")], b"x");
    assert_eq!((asked.status, asked.header(SSE_BUCKET_KEY)), (200, ""));
    // The context is the object's then: carol may use the key for objects below `carol/`.
    let carol = scene.s3("carol");
    assert_eq!(carol.put("/reports/carol/a", b"hers").status, 200);
    assert_eq!(carol.get("/reports/carol/a").text(), "hers");
    assert_eq!(carol.put("/reports/other", b"x").code(), "AccessDenied");
    // Without a key it is the account's own.
    assert_eq!(root.send("PUT", "/reports?encryption", &[], configuration("").as_bytes()).status, 200);
    let written = scene.s3("alice").put("/reports/c", b"x");
    assert_eq!((written.status, written.header(SSE)), (200, DSSE.1), "{}", written.text());
    assert_eq!(scene.s3("alice").get("/reports/c").text(), "x");
    // A policy that demands it.
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms:dsse"}}}]});
    assert_eq!(root.put("/reports?policy", policy.to_string().as_bytes()).status, 204);
    assert_eq!(put(&root, "/reports/d", b"x").status, 200);
    for other in ["aws:kms", "AES256"] {
        assert_eq!(root.send("PUT", "/reports/d", &[(SSE, other)], b"x").code(), "AccessDenied", "{other}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let scene = Scene::new();
    let root = scene.s3("root");
    let key = crate::cast::base64(&[7; 32]);
    let md5 = {
        use md5::Digest as _;
        crate::cast::base64(&md5::Md5::digest([7; 32]))
    };
    let customer = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", key.as_str()),
        ("x-amz-server-side-encryption-customer-key-md5", md5.as_str()),
    ];
    let refused = root.send("PUT", "/reports/a", &[&[DSSE][..], &customer].concat(), b"x");
    assert_eq!((refused.status, refused.code().as_str()), (400, "InvalidArgument"));
    let unknown = root.send("PUT", "/reports/a", &[DSSE, (SSE_KEY, "alias/nope")], b"x");
    assert_eq!(unknown.code(), "KMS.NotFoundException");
    put(&root, "/reports/a", b"x");
    assert_eq!(root.send("GET", "/reports/a", &[DSSE], b"").code(), "InvalidArgument", "it is for writes");
}

#[test]
fn uploads_of_parts_are_sealed_twice_over() {
    let scene = Scene::new();
    let (root, alice) = (scene.s3("root"), scene.s3("alice"));
    assert_eq!(alice.send("POST", "/reports/big?uploads", &[DSSE, OF_KEY], b"").code(), "AccessDenied");
    let begun = root.send("POST", "/reports/big?uploads", &[DSSE, OF_KEY], b"");
    assert_eq!((begun.status, begun.header(SSE), begun.header(SSE_KEY)), (200, DSSE.1, ARN));
    let id = begun.element("UploadId");
    put(&root, "/reports/source", b"end");
    let part = |number: u32| format!("/reports/big?partNumber={number}&uploadId={id}");
    assert_eq!(alice.send("PUT", &part(1), &[], b"x").code(), "AccessDenied");
    let first = body(5 << 20);
    let sent = root.send("PUT", &part(1), &[], &first);
    assert_eq!((sent.status, sent.header(SSE)), (200, DSSE.1));
    let copied = root.send("PUT", &part(2), &[("x-amz-copy-source", "/reports/source")], b"");
    assert_eq!((copied.status, copied.header(SSE)), (200, DSSE.1), "{}", copied.text());
    let etags = [sent.header("etag").to_owned(), copied.element("ETag").replace("&quot;", "\"")];
    let one =
        |(number, etag): (u32, &String)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    let list = (1..).zip(&etags).map(one).collect::<Vec<_>>().concat();
    let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let completed = root.send("POST", &format!("/reports/big?uploadId={id}"), &[], list.as_bytes());
    assert_eq!((completed.status, completed.header(SSE)), (200, DSSE.1), "{}", completed.text());
    assert_eq!(root.get("/reports/big").body, [&first[..], b"end"].concat());
    let edge = root.send("GET", "/reports/big", &[("range", "bytes=5242879-5242881")], b"");
    assert_eq!(edge.body, [&first[first.len() - 1..], b"en"].concat());
    assert_eq!(alice.get("/reports/big").code(), "AccessDenied");
}

fn run(data: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(arguments).arg("--data").arg(data).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// The files below a folder that are longer than a chunk: the blob that a test wrote.
fn blobs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let long = |path: &PathBuf| path.metadata().is_ok_and(|file| file.len() > CHUNK as u64);
    entries.flat_map(|path| if path.is_dir() { blobs(&path) } else { vec![path] }).filter(long).collect()
}

#[test]
fn it_is_scrubbed_and_outlives_the_root_keys() {
    let directory = TempDir::new();
    let mut server = Server::of_world(&directory, WORLD, &[]);
    let data = directory.path().join("data");
    let (root, body) = (server.client("AKIAROOT", "root-secret"), body(2 * CHUNK));
    put(&root, "/reports/large", &body);
    put(&root, "/reports/small", b"small");
    let (ok, said) = run(&data, &["keys", "reseal"]);
    assert!(ok, "{said}");
    assert_eq!(root.get("/reports/large").body, body);
    server.kill();
    let (ok, said) = run(&data, &["scrub"]);
    assert!(ok, "{said}");
    let [blob] = blobs(&data.join("blobs")).try_into().expect("one blob");
    let sealed = std::fs::read(&blob).expect("readable");
    assert_eq!(sealed.len(), 2 * (CHUNK + 32), "each chunk has the tags of two layers");
    for at in [0, CHUNK + 8, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        std::fs::write(&blob, changed).expect("writable");
        let (ok, said) = run(&data, &["scrub"]);
        assert!(!ok && said.contains("reports/large"), "byte {at}: {said}");
    }
    let mut server = Server::start(&data, &[]);
    let root = server.client("AKIAROOT", "root-secret");
    assert_eq!(root.get("/reports/small").text(), "small");
    let read = root.send("GET", "/reports/large", &[("range", "bytes=0-9")], b"");
    assert_eq!(read.body, body[..10], "the first chunk is whole");
    assert_eq!(root.send("GET", "/reports/large", &[("range", "bytes=131071-131071")], b"").status, 500);
    server.kill();
    std::fs::write(&blob, sealed).expect("writable");
    let (ok, said) = run(&data, &["scrub"]);
    assert!(ok, "{said}");
}

#[test]
fn the_trail_says_who_opened_it() {
    let scene = Scene::new();
    let root = scene.s3("root");
    put(&root, "/reports/a", b"x");
    root.get("/reports/a");
    let trail = root.of("cloudtrail").call("CloudTrail_20131101.LookupEvents", &json!({}));
    let found: Value = serde_json::from_slice(&trail.body).expect("a document");
    let events = found["Events"].as_array().expect("events");
    for name in ["GenerateDataKey", "Decrypt"] {
        assert_eq!(events.iter().filter(|e| e["EventName"] == name).count(), 1, "{name}: {found}");
    }
}
