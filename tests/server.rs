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
