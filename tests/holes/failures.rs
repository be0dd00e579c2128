//! A disk that fails or is full: the request is refused, and what was acknowledged is still there.

use super::ground::{WORLD, logged, scrub};
use crate::support::{Answer, Client, Server, TempDir};
use std::path::PathBuf;

struct Bench {
    data: PathBuf,
    log: PathBuf,
    _directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = TempDir::new();
        drop(Server::of_world(&directory, WORLD, &[]));
        let (data, log) = (directory.path().join("data"), directory.path().join("log"));
        Self { data, log, _directory: directory }
    }

    fn start(&self, environment: &[(&str, &str)]) -> Server {
        logged(&self.data, &self.log, environment).expect("ready")
    }
}

fn root(server: &Server) -> Client {
    server.client("AKIAROOT", "root-secret")
}

/// A small object is stored inline, a big one as a blob.
fn content(n: usize) -> Vec<u8> {
    vec![u8::try_from(n % 256).expect("small"); if n.is_multiple_of(2) { 100 } else { 100_000 }]
}

/// Puts objects until one is refused, and one more of each size; what was acknowledged, and what was not.
fn put_until_refused(client: &Client) -> (Vec<usize>, Vec<(usize, Answer)>) {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let answer = client.put(&format!("/drop/{n}"), &content(n));
        if answer.status == 200 {
            kept.push(n);
        } else {
            refused.push((n, answer));
        }
        if refused.len() == 2 {
            break;
        }
    }
    (kept, refused)
}

/// Every place that a PUT comes through. `open`: whether a refused one may have been kept after all.
const PLACES: [(&str, bool); 6] = [
    ("put.before_metadata", false),
    ("blob.before_write", false),
    ("blob.before_finish", false),
    ("blob.after_finish", false),
    ("kv.before_commit", false),
    ("kv.after_commit", true),
];

fn check(variable: &str, place: &str, open: bool) {
    let bench = Bench::new();
    let server = bench.start(&[(variable, &format!("{place}:5"))]);
    let client = root(&server);
    let (kept, refused) = put_until_refused(&client);
    assert_eq!(refused.len(), 2, "{place} never came");
    for (n, answer) in &refused {
        assert!(answer.status >= 500, "{place} {n}: {}", answer.text());
        let said = ["InternalError", "ServiceUnavailable", "InsufficientStorage"].contains(&answer.code().as_str());
        assert!(said, "{place} {n}: {}", answer.text());
        if variable == "PORTCULLIS_FULL_AT" && place.starts_with("blob.before") {
            assert_eq!((answer.status, answer.code().as_str()), (507, "InsufficientStorage"), "{place}");
        }
        let seen = client.get(&format!("/drop/{n}"));
        let whole = seen.status == 200 && seen.body == content(*n);
        assert!(seen.status == 404 || (open && whole), "{place} {n}: {}", seen.status);
    }
    let all_there = |client: &Client, when: &str| {
        for n in &kept {
            let answer = client.get(&format!("/drop/{n}"));
            assert!(answer.status == 200 && answer.body == content(*n), "{place} {n} {when}: {}", answer.status);
        }
    };
    all_there(&client, "while the disk fails");
    drop(server);
    let server = bench.start(&[]);
    let client = root(&server);
    all_there(&client, "after a restart");
    for (n, _) in &refused {
        let answer = client.get(&format!("/drop/{n}"));
        let whole = answer.status == 200 && answer.body == content(*n);
        assert!(answer.status == 404 || (open && whole), "{place} {n}: {}", answer.status);
    }
    assert_eq!(client.put("/drop/again", b"x").status, 200, "{place}: the disk is well again");
    drop(server);
    let (_, said) = scrub(&bench.data);
    assert!(said.contains(" 0 damaged or missing"), "{place}: {said}");
}

#[test]
fn a_failing_disk_refuses_and_loses_nothing() {
    for (place, open) in PLACES {
        check("PORTCULLIS_FAIL_AT", place, open);
    }
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    for place in ["blob.before_write", "blob.before_finish", "put.before_metadata"] {
        check("PORTCULLIS_FULL_AT", place, false);
    }
}

#[test]
fn other_changes_fail_whole() {
    for (place, method, path, body) in [
        ("delete.before_metadata", "DELETE", "/drop/k".to_owned(), ""),
        ("delete.before_metadata", "POST", "/drop?delete".to_owned(), "<Delete><Object><Key>k</Key></Object></Delete>"),
        ("bucket.before_metadata", "PUT", "/drop?tagging".to_owned(), "<Tagging><TagSet/></Tagging>"),
        ("bucket.before_metadata", "PUT", "/brand-new".to_owned(), ""),
        ("bucket.before_metadata", "DELETE", "/vault".to_owned(), ""),
        (
            "complete.before_metadata",
            "POST",
            "/drop/k?uploadId=ID".to_owned(),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>TAG</ETag></Part></CompleteMultipartUpload>",
        ),
    ] {
        let bench = Bench::new();
        let server = bench.start(&[]);
        let client = root(&server);
        assert_eq!(client.put("/drop/k", b"kept").status, 200);
        let id = client.send("POST", "/drop/k?uploads", &[], b"").element("UploadId");
        let part = client.put(&format!("/drop/k?uploadId={id}&partNumber=1"), &content(1));
        drop(server);
        let server = bench.start(&[("PORTCULLIS_FAIL_AT", place)]);
        let client = root(&server);
        let (path, body) = (path.replace("ID", &id), body.replace("TAG", part.header("etag")));
        let answer = client.send(method, &path, &[], body.as_bytes());
        let batch = path.ends_with("?delete");
        assert_eq!(answer.status, if batch { 200 } else { 500 }, "{method} {path}: {}", answer.text());
        assert_eq!(answer.element("Code"), "InternalError", "{method} {path}");
        drop(server);
        let server = bench.start(&[]);
        let client = root(&server);
        assert_eq!(client.get("/drop/k").text(), "kept", "{method} {path}");
        assert_eq!(client.get("/vault").status, 200);
        assert_eq!(client.get("/brand-new").status, 404);
        assert_eq!(client.get(&format!("/drop/k?uploadId={id}")).status, 200, "the upload is still open");
        let again = client.send(method, &path, &[], body.as_bytes());
        assert!((200..300).contains(&again.status), "{method} {path}: {}", again.text());
    }
}
