//! Copies of what the sender may not read, and uploads of somebody else.

use super::ground::Ground;
use super::wire::told;
use crate::support::Client;

fn upload(client: &Client, path: &str) -> String {
    let answer = client.send("POST", &format!("{path}?uploads"), &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.element("UploadId")
}

/// Ways of writing a source that is, or might become, `vault/secret`.
const SOURCES: [&str; 9] = [
    "vault/secret",
    "/vault/secret",
    "vault%2Fsecret",
    "%2Fvault%2Fsecret",
    "%76ault/secret",
    "vault/secret?versionId=null",
    "reports/../vault/secret",
    "reports/%2e%2e/vault/secret",
    "reports/..%2fvault%2fsecret",
];

#[test]
fn who_may_not_read_the_source_cannot_copy_it() {
    let ground = Ground::new();
    let alice = upload(&ground.alice(), "/drop/parts");
    let theirs = upload(&ground.other(), "/theirs/parts");
    let before = ground.stored();
    for source in SOURCES {
        let header = [("x-amz-copy-source", source)];
        // Alice reads `reports` and nothing else; where the source is a key of `reports`, it is not there, which
        // she may not know.
        for (client, target, id) in
            [(ground.alice(), "/drop", &alice), (ground.bob(), "/drop", &alice), (ground.other(), "/theirs", &theirs)]
        {
            let answer = client.send("PUT", &format!("{target}/copy"), &header, b"");
            assert_eq!(told(&answer), (403, "AccessDenied".to_owned()), "{source}: {}", answer.text());
            let path = format!("{target}/parts?uploadId={id}&partNumber=1");
            let answer = client.send("PUT", &path, &header, b"");
            assert_eq!(told(&answer), (403, "AccessDenied".to_owned()), "{source}: {}", answer.text());
        }
    }
    assert_eq!(ground.stored(), before);
    // Who may read it but not write there.
    let answer = ground.root().send("PUT", "/theirs/copy", &[("x-amz-copy-source", "vault/secret")], b"");
    assert_eq!(told(&answer), (403, "AccessDenied".to_owned()));
    // And the right to copy is there: alice copies what she reads.
    let header = [("x-amz-copy-source", "reports/kept")];
    assert_eq!(ground.alice().send("PUT", "/drop/copy", &header, b"").status, 200);
    assert_eq!(ground.root().get("/drop/copy").text(), "kept");
    let path = format!("/drop/parts?uploadId={alice}&partNumber=1");
    assert_eq!(ground.alice().send("PUT", &path, &header, b"").status, 200);
}

#[test]
fn a_source_is_a_bucket_and_a_key_and_nothing_else() {
    let ground = Ground::new();
    let before = ground.stored();
    for (source, status, code) in [
        ("", 400, "InvalidArgument"),
        ("/", 400, "InvalidArgument"),
        ("reports", 400, "InvalidArgument"),
        ("reports/", 400, "InvalidArgument"),
        ("reports/kept?versionId=", 400, "InvalidArgument"),
        ("reports/kept?x=y", 400, "InvalidArgument"),
        ("reports/%zz", 400, "InvalidArgument"),
        ("reports/kept?versionId=no-such-version", 404, "NoSuchVersion"),
        ("r/kept", 400, "InvalidBucketName"),
        ("no-such-bucket/kept", 404, "NoSuchBucket"),
        ("reports/absent", 404, "NoSuchKey"),
        ("drop/../reports/kept", 404, "NoSuchKey"),
        ("arn:aws:s3:us-east-1:111122223333:accesspoint/a/object/k", 501, "NotImplemented"),
    ] {
        let head = ground.root().head("PUT", "/drop/copy", &[("x-amz-copy-source", source)], b"");
        let answer = ground.refused(&head, b"");
        assert_eq!(told(&answer), (status, code.to_owned()), "{source}: {}", answer.text());
    }
    for (headers, code) in [
        (vec![("x-amz-copy-source", "reports/kept"), ("x-amz-metadata-directive", "KEEP")], "InvalidArgument"),
        (vec![("x-amz-copy-source", "reports/kept"), ("x-amz-tagging-directive", "copy")], "InvalidArgument"),
        (
            vec![("x-amz-copy-source", "reports/kept"), ("x-amz-copy-source-if-match", "\"other\"")],
            "PreconditionFailed",
        ),
        (
            vec![("x-amz-copy-source", "reports/kept"), ("x-amz-source-expected-bucket-owner", "444455556666")],
            "AccessDenied",
        ),
    ] {
        let head = ground.root().head("PUT", "/drop/copy", &headers, b"");
        let answer = ground.refused(&head, b"");
        assert_eq!(answer.code(), code, "{headers:?}: {}", answer.text());
    }
    let head = ground.root().head("PUT", "/reports/kept", &[("x-amz-copy-source", "reports/kept")], b"");
    assert_eq!(told(&ground.refused(&head, b"")), (400, "InvalidRequest".to_owned()), "onto itself");
    assert_eq!(ground.stored(), before);
}

#[test]
fn an_upload_is_its_owners() {
    let ground = Ground::new();
    let id = upload(&ground.root(), "/drop/big");
    let part = format!("/drop/big?uploadId={id}&partNumber=1");
    let etag = ground.root().put(&part, b"part").header("etag").to_owned();
    let complete = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let named = format!("/drop/big?uploadId={id}");
    let before = ground.stored();
    let parts = ground.root().get(&named).text();
    for client in [ground.other(), ground.server.anonymous()] {
        for (method, path, body) in [
            ("POST", named.as_str(), complete.as_bytes()),
            ("DELETE", &named, b""),
            ("GET", &named, b""),
            ("PUT", &part, b"theirs"),
            ("GET", "/drop?uploads", b""),
        ] {
            let answer = ground.refused(&client.head(method, path, &[], body), body);
            assert_eq!(told(&answer), (403, "AccessDenied".to_owned()), "{method} {path}");
            assert!(!answer.text().contains(&etag));
        }
    }
    // Who may write there, but has neither `s3:AbortMultipartUpload` nor the right to list.
    for method in ["DELETE", "GET"] {
        assert_eq!(told(&ground.alice().send(method, &named, &[], b"")), (403, "AccessDenied".to_owned()), "{method}");
    }
    // With its id, under another key or in another bucket, it is not there.
    for path in [format!("/drop/other?uploadId={id}"), format!("/reports/big?uploadId={id}")] {
        for (method, body) in [("POST", complete.as_bytes()), ("DELETE", b""), ("GET", b"")] {
            let answer = ground.root().send(method, &path, &[], body);
            assert_eq!(told(&answer), (404, "NoSuchUpload".to_owned()), "{method} {path}");
        }
        let answer = ground.root().put(&format!("{path}&partNumber=1"), b"x");
        assert_eq!(told(&answer), (404, "NoSuchUpload".to_owned()), "{path}");
    }
    // In their own bucket the id means nothing either.
    let answer = ground.other().send("POST", &format!("/theirs/big?uploadId={id}"), &[], complete.as_bytes());
    assert_eq!(told(&answer), (404, "NoSuchUpload".to_owned()));
    assert_eq!((ground.stored(), ground.root().get(&named).text()), (before, parts));
    assert_eq!(ground.root().send("POST", &named, &[], complete.as_bytes()).status, 200);
    assert_eq!(ground.root().get("/drop/big").text(), "part");
}

#[test]
fn a_completion_lists_what_was_uploaded() {
    let ground = Ground::new();
    let id = upload(&ground.root(), "/drop/big");
    let put = |n: u32, body: &[u8]| {
        ground.root().put(&format!("/drop/big?uploadId={id}&partNumber={n}"), body).header("etag").to_owned()
    };
    let (one, two) = (put(1, b"small"), put(2, b"small too"));
    let before = ground.stored();
    let part = |n: &str, etag: &str| format!("<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>");
    for (parts, code) in [
        (String::new(), "MalformedXML"),
        (part("1", "\"00000000000000000000000000000000\""), "InvalidPart"),
        (part("3", &one), "InvalidPart"),
        (part("1", &two), "InvalidPart"),
        (part("2", &two) + &part("1", &one), "InvalidPartOrder"),
        (part("1", &one) + &part("1", &one), "InvalidPartOrder"),
        (part("1", &one) + &part("2", &two), "EntityTooSmall"),
        (part("0", &one), "InvalidArgument"),
        (part("10001", &one), "InvalidArgument"),
        (part("-1", &one), "InvalidArgument"),
        (part("one", &one), "MalformedXML"),
        ("<Part><PartNumber>1</PartNumber></Part>".to_owned(), "MalformedXML"),
        (part("1", &one).repeat(10_001), "MalformedXML"),
    ] {
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let head = ground.root().head("POST", &format!("/drop/big?uploadId={id}"), &[], body.as_bytes());
        let answer = ground.refused(&head, body.as_bytes());
        assert_eq!(told(&answer), (400, code.to_owned()), "{:.200}: {}", body, answer.text());
    }
    for number in ["0", "10001", "-1", "1.5", "one", "", "99999999999999999999", "%31x"] {
        let head = ground.root().head("PUT", &format!("/drop/big?uploadId={id}&partNumber={number}"), &[], b"x");
        let answer = ground.refused(&head, b"x");
        assert_eq!(told(&answer), (400, "InvalidArgument".to_owned()), "{number}");
        assert!(answer.element("Message").contains("between 1 and 10000"), "{}", answer.text());
    }
    assert_eq!(ground.stored(), before);
    assert_ne!(put(10_000, b"the last"), "");
}
