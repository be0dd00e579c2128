//! The server as its clients see it.
#![cfg(feature = "server")]

mod support;

use support::{Server, TempDir};

const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "users": [{"name": "alice", "access_keys": [{"id": "AKIAALICE", "secret": "alice-secret"}], "inline": [
        {"name": "read", "document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}]}}]}],
    "buckets": [{"name": "reports"}]}]}"#;

#[test]
fn what_is_put_is_got_by_those_who_may() {
    let directory = TempDir::new();
    let server = Server::of_world(&directory, WORLD, &[]);
    let (root, alice) = (server.client("AKIAROOT", "root-secret"), server.client("AKIAALICE", "alice-secret"));
    assert_eq!(root.put("/reports/q1.csv", b"1,2").status, 200);
    let got = alice.get("/reports/q1.csv");
    assert_eq!((got.status, got.text().as_str()), (200, "1,2"));
    let refused = alice.put("/reports/q1.csv", b"3");
    assert_eq!((refused.status, refused.code().as_str()), (403, "AccessDenied"));
    let sentence = refused.element("Message");
    assert!(sentence.contains("user/alice is not authorized to perform: s3:PutObject on resource"), "{sentence}");
    assert!(sentence.ends_with("because no identity-based policy allows the s3:PutObject action"), "{sentence}");
    let stranger = server.anonymous().get("/reports/q1.csv");
    assert_eq!((stranger.status, stranger.element("Message").as_str()), (403, "Access Denied"));
    assert_eq!(server.client("AKIAALICE", "wrong").get("/reports/q1.csv").code(), "SignatureDoesNotMatch");
}

#[test]
fn headers_in_a_presigned_url_count() {
    let directory = TempDir::new();
    let server = Server::of_world(&directory, WORLD, &[]);
    let root = server.client("AKIAROOT", "root-secret");
    let path = "/reports/hoisted?x-amz-meta-color=blue&x-amz-tagging=team%3Dred&x-amz-storage-class=STANDARD_IA";
    let url = root.presigned("PUT", path, &[], 60, support::now());
    assert_eq!(server.anonymous().send("PUT", &url, &[], b"x").status, 200);
    let seen = root.send("HEAD", "/reports/hoisted", &[], b"");
    let told =
        (seen.header("x-amz-meta-color"), seen.header("x-amz-storage-class"), seen.header("x-amz-tagging-count"));
    assert_eq!(told, ("blue", "STANDARD_IA", "1"));
    // A permission is needed for what stands in the URL as for what stands in a header.
    let alice = server.client("AKIAALICE", "alice-secret");
    let copy = alice.presigned("PUT", "/reports/mine?x-amz-copy-source=%2Freports%2Fhoisted", &[], 60, support::now());
    assert_eq!(server.anonymous().send("PUT", &copy, &[], b"").code(), "AccessDenied");
}
