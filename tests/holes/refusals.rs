//! What a refusal may tell, and what is refused whatever the permissions.

use super::ground::Ground;
use super::wire::{Connection, told};
use crate::support::{Answer, Client};

/// A HEAD says by its status what a GET says by its document.
fn both(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let got = client.send("GET", path, headers, b"");
    let head = client.send("HEAD", path, headers, b"");
    assert_eq!(head.status, got.status, "{path}");
    assert_eq!(head.body, b"", "a HEAD has no body: {path}");
    assert!(!head.header("x-amz-request-id").is_empty());
    for name in ["x-amz-delete-marker", "x-amz-version-id", "content-range", "allow"] {
        assert_eq!(head.header(name), got.header(name), "{path} {name}");
    }
    got
}

#[test]
fn who_may_not_list_does_not_learn_what_is_there() {
    let ground = Ground::new();
    // Alice may read `reports` but not list it; carol may do both; nobody else may do anything.
    for (client, path, status, code) in [
        (ground.alice(), "/reports/absent", 403, "AccessDenied"),
        (ground.carol(), "/reports/absent", 404, "NoSuchKey"),
        (ground.root(), "/reports/absent", 404, "NoSuchKey"),
        (ground.other(), "/reports/absent", 403, "AccessDenied"),
        (ground.server.anonymous(), "/reports/absent", 403, "AccessDenied"),
        (ground.server.anonymous(), "/site/absent", 403, "AccessDenied"),
        (ground.bob(), "/reports/kept", 403, "AccessDenied"),
        (ground.carol(), "/vault/secret", 403, "AccessDenied"),
        (ground.carol(), "/vault/absent", 403, "AccessDenied"),
        (ground.alice(), "/reports/kept?versionId=null", 200, ""),
        (ground.alice(), "/no-such-bucket/k", 404, "NoSuchBucket"),
        (ground.server.anonymous(), "/no-such-bucket/k", 404, "NoSuchBucket"),
    ] {
        assert_eq!(told(&both(&client, path, &[])), (status, code.to_owned()), "{path} {:?}", client.keys);
    }
    // To whom nothing may be told, absent and present look the same.
    let (absent, present) = (ground.other().get("/vault/absent"), ground.other().get("/vault/secret"));
    assert_eq!(absent.element("Message"), present.element("Message"));
    assert_eq!(absent.element("Message"), "Access Denied", "no sentence for another account");
    assert!(ground.bob().get("/vault/secret").element("Message").contains("user/bob is not authorized to perform"));
    for path in ["/reports", "/no-such-bucket"] {
        assert_eq!(ground.other().send("HEAD", path, &[], b"").body, b"");
    }
    assert_eq!(ground.other().send("HEAD", "/reports", &[], b"").status, 403);
    assert_eq!(ground.other().send("HEAD", "/no-such-bucket", &[], b"").status, 404);
}

#[test]
fn delete_markers() {
    let ground = Ground::new();
    let root = ground.root();
    let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(root.put("/reports?versioning", on).status, 200);
    let marker = root.delete("/reports/kept").header("x-amz-version-id").to_owned();
    let latest = both(&root, "/reports/kept", &[]);
    assert_eq!(told(&latest), (404, "NoSuchKey".to_owned()));
    assert_eq!((latest.header("x-amz-delete-marker"), latest.header("x-amz-version-id")), ("true", marker.as_str()));
    let named = both(&root, &format!("/reports/kept?versionId={marker}"), &[]);
    assert_eq!(told(&named), (405, "MethodNotAllowed".to_owned()));
    assert_eq!(named.header("x-amz-delete-marker"), "true");
    assert_eq!(named.header("allow"), "DELETE", "RFC 9110 wants it with every 405");
    let alice = both(&ground.alice(), "/reports/kept", &[]);
    assert_eq!(told(&alice), (403, "AccessDenied".to_owned()));
    assert_eq!(root.get("/reports/kept?versionId=null").text(), "kept", "it is still there");
    for (method, query, body) in [
        ("PUT", "tagging", &b"<Tagging><TagSet/></Tagging>"[..]),
        ("GET", "tagging", b""),
        ("GET", "acl", b""),
        ("GET", "attributes", b""),
    ] {
        let path = format!("/reports/kept?{query}&versionId={marker}");
        let answer = root.send(method, &path, &[("x-amz-object-attributes", "ETag")], body);
        assert_eq!(told(&answer), (405, "MethodNotAllowed".to_owned()), "{method} {query}");
    }
    let copied = root.send("PUT", "/drop/copy", &[("x-amz-copy-source", "reports/kept")], b"");
    assert_eq!(told(&copied), (404, "NoSuchKey".to_owned()));
    let source = format!("reports/kept?versionId={marker}");
    let copied = root.send("PUT", "/drop/copy", &[("x-amz-copy-source", &source)], b"");
    assert!((400..500).contains(&copied.status), "{}", copied.text());
}

#[test]
fn the_bucket_is_whose_the_sender_thinks() {
    let ground = Ground::new();
    let before = ground.stored();
    let wrong = [("x-amz-expected-bucket-owner", "444455556666")];
    for (method, path, body) in [
        ("GET", "/reports/kept", ""),
        ("PUT", "/reports/kept", "new"),
        ("DELETE", "/reports/kept", ""),
        ("GET", "/reports", ""),
        ("POST", "/reports/kept?uploads", ""),
        ("DELETE", "/drop", ""),
        ("PUT", "/reports?tagging", "<Tagging><TagSet/></Tagging>"),
        ("POST", "/reports?delete", "<Delete><Object><Key>kept</Key></Object></Delete>"),
    ] {
        let head = ground.root().head(method, path, &wrong, body.as_bytes());
        let answer = ground.refused(&head, body.as_bytes());
        let batch = path.ends_with("delete") && answer.status == 200;
        assert!(batch || told(&answer) == (403, "AccessDenied".to_owned()), "{method} {path}: {}", answer.text());
    }
    for owner in ["", "x", "1111222233334"] {
        let head = ground.root().head("GET", "/reports/kept", &[("x-amz-expected-bucket-owner", owner)], b"");
        assert!((400..404).contains(&ground.refused(&head, b"").status), "{owner:?}");
    }
    assert_eq!(ground.stored(), before);
    let right = [("x-amz-expected-bucket-owner", "111122223333")];
    assert_eq!(ground.root().send("GET", "/reports/kept", &right, b"").text(), "kept");
}

#[test]
fn nobody_unsigned_sets_the_answers_headers() {
    let ground = Ground::new();
    for query in [
        "response-content-type=text%2Fhtml",
        "response-content-disposition=attachment",
        "response-cache-control=no-store",
        "response-content-encoding=gzip",
        "response-content-language=de",
        "response-expires=0",
    ] {
        let path = format!("/site/page?{query}");
        let answer = both(&ground.server.anonymous(), &path, &[]);
        assert_eq!(told(&answer), (400, "InvalidRequest".to_owned()), "{query}");
    }
    let answer = ground.root().get("/site/page?response-content-type=text%2Fhtml");
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html"));
    // A header cannot be smuggled into the answer.
    let answer = ground.root().get("/site/page?response-content-type=a%0D%0Ax-evil:%20b");
    assert!(answer.headers.get("x-evil").is_none());
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[test]
fn secrets_do_not_travel_in_the_clear() {
    let ground = Ground::new();
    let before = ground.stored();
    let key = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("x-amz-server-side-encryption-customer-key-MD5", "hRasmdxgYDKV3nvbahU1MA=="),
    ];
    let source = key.map(|(name, value)| (name.replace("x-amz-", "x-amz-copy-source-"), value));
    let mut copy: Vec<(&str, &str)> = source.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    copy.push(("x-amz-copy-source", "reports/kept"));
    for (method, path, headers) in [
        ("PUT", "/drop/c", &key[..]),
        ("GET", "/reports/kept", &key),
        ("HEAD", "/reports/kept", &key),
        ("POST", "/drop/c?uploads", &key),
        ("PUT", "/drop/c", &copy),
    ] {
        let answer = ground.refused(&ground.root().head(method, path, headers, b""), b"");
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text());
        if method != "HEAD" {
            assert_eq!(answer.code(), "InvalidRequest", "{method} {path}");
            assert!(answer.element("Message").contains("secure connection"), "{}", answer.text());
            assert!(!answer.text().contains("MDEyMzQ1"), "no key in an answer");
        }
    }
    let mfa = [("x-amz-mfa", "arn:aws:iam::111122223333:mfa/root 123456")];
    let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    for (method, path, body) in
        [("PUT", "/reports?versioning", &on[..]), ("DELETE", "/reports/kept?versionId=null", b"")]
    {
        let answer = ground.refused(&ground.root().head(method, path, &mfa, body), body);
        assert_eq!(told(&answer), (400, "InvalidRequest".to_owned()), "{method} {path}");
        assert!(answer.element("Message").contains("secure connection"), "{}", answer.text());
    }
    assert_eq!(ground.stored(), before);
}

#[test]
fn a_change_of_policy_is_in_force_for_the_next_request() {
    let ground = Ground::new();
    let root = ground.root();
    let mut connection = Connection::open(ground.address());
    let get = ground.bob().head("GET", "/reports/kept", &[], b"");
    let list = ground.alice().head("GET", "/reports/kept", &[], b"");
    let policy = |effect: &str, user: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}", "Action": "s3:GetObject",
                "Principal": {{"AWS": "arn:aws:iam::111122223333:user/{user}"}}, "Resource": "arn:aws:s3:::reports/*"}}]}}"#
        )
    };
    for _ in 0..3 {
        assert_eq!(connection.ask(&get, b"").expect("an answer").status, 403);
        assert_eq!(root.put("/reports?policy", policy("Allow", "bob").as_bytes()).status, 204);
        assert_eq!(connection.ask(&get, b"").expect("an answer").text(), "kept");
        assert_eq!(root.put("/reports?policy", policy("Deny", "alice").as_bytes()).status, 204);
        assert_eq!(connection.ask(&get, b"").expect("an answer").status, 403);
        assert_eq!(connection.ask(&list, b"").expect("an answer").status, 403);
        assert_eq!(root.delete("/reports?policy").status, 204);
        assert_eq!(connection.ask(&list, b"").expect("an answer").text(), "kept");
    }
}
