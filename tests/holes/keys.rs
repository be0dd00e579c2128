//! Keys that look like paths, pages and ranges that are out of bounds.

use super::ground::Ground;
use super::wire::told;
use crate::support::Answer;

#[test]
fn a_key_is_a_name_and_never_a_path() {
    let ground = Ground::new();
    let outside: Vec<_> = listed(&ground);
    // As it is sent, and the key it means.
    let keys = [
        ("../vault/secret", "../vault/secret"),
        ("..%2F..%2Fvault%2Fsecret", "../../vault/secret"),
        ("../../../../../../etc/passwd", "../../../../../../etc/passwd"),
        ("..%5c..%5cx", "..\\..\\x"),
        ("a//b", "a//b"),
        ("a/b", "a/b"),
        ("a%2Fc", "a/c"),
        ("a%252Fb", "a%2Fb"),
        ("/", "/"),
        ("//", "//"),
        (".", "."),
        ("..", ".."),
        ("%2e", "."),
        ("./a", "./a"),
        ("a/../b", "a/../b"),
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("%00", "\0"),
        ("a%0D%0Ax-injected:%20b", "a\r\nx-injected: b"),
        ("%E2%82%AC", "€"),
        ("con", "con"),
        ("a%3Facl", "a?acl"),
        ("*", "*"),
    ];
    let root = ground.root();
    for (at, (sent, _)) in keys.iter().enumerate() {
        if *sent == "%2e" {
            continue;
        }
        let answer = root.put(&format!("/drop/{sent}"), format!("body {at}").as_bytes());
        assert_eq!(answer.status, 200, "{sent}: {}", answer.text());
    }
    for (at, (sent, key)) in keys.iter().enumerate() {
        let answer = root.get(&format!("/drop/{sent}"));
        let at = keys.iter().position(|(_, other)| other == key).unwrap_or(at);
        assert_eq!(answer.text(), format!("body {at}"), "{sent}");
        assert!(answer.headers.get("x-injected").is_none());
    }
    let all = root.get("/drop?list-type=2&encoding-type=url").text();
    assert_eq!(all.matches("<Key>").count(), keys.len() - 1, "each is a key of its own: {all}");
    assert_eq!(listed(&ground), outside, "none of them is a file's name");
    // Permissions are for the key as it is, not as a path would be.
    for sent in ["../vault/secret", "..%2Fvault%2Fsecret", "%2e%2e/vault/secret", "x/../../vault/secret"] {
        let answer = ground.alice().get(&format!("/reports/{sent}"));
        assert_eq!(told(&answer), (403, "AccessDenied".to_owned()), "{sent}: alice may not list reports");
        let answer = root.get(&format!("/reports/{sent}"));
        assert_eq!(told(&answer), (404, "NoSuchKey".to_owned()), "{sent}");
    }
    for (path, code) in [
        ("//vault/secret", "InvalidBucketName"),
        ("/..%2Fvault/secret", "InvalidBucketName"),
        ("/reports%2Fkept", "InvalidBucketName"),
        ("/./reports/kept", "InvalidBucketName"),
        ("/reports/%", "InvalidURI"),
        ("/reports/%zz", "InvalidURI"),
        ("/reports/%ff", "InvalidURI"),
        ("/reports/%c3%28", "InvalidURI"),
        ("/reports/kept?a=%zz", "InvalidURI"),
        ("/reports?prefix=%ff", "InvalidURI"),
    ] {
        let head = super::wire::bare("GET", path, ground.address(), 0);
        assert_eq!(told(&ground.refused(&head, b"")), (400, code.to_owned()), "{path}");
    }
}

/// The files beside the data directory.
fn listed(ground: &Ground) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(ground.directory.path()).expect("a directory");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_key_has_at_most_1024_bytes() {
    let ground = Ground::new();
    let root = ground.root();
    for key in ["k".repeat(1024), "%C3%A9".repeat(512)] {
        assert_eq!(root.put(&format!("/drop/{key}"), b"long").status, 200);
        assert_eq!(root.get(&format!("/drop/{key}")).text(), "long");
    }
    let before = ground.stored();
    for key in ["k".repeat(1025), "%C3%A9".repeat(512) + "k", "k".repeat(10_000)] {
        for (method, query) in [("PUT", ""), ("GET", ""), ("DELETE", ""), ("POST", "?uploads"), ("PUT", "?tagging")] {
            let head = root.head(method, &format!("/drop/{key}{query}"), &[], b"");
            let answer = ground.refused(&head, b"");
            assert_eq!(told(&answer), (400, "KeyTooLongError".to_owned()), "{method}{query}");
        }
        let body = format!("<Delete><Object><Key>{}</Key></Object></Delete>", "k".repeat(1025));
        let answer = root.send("POST", "/drop?delete", &[], body.as_bytes());
        assert_eq!((answer.status, answer.element("Code")), (200, "KeyTooLongError".to_owned()));
    }
    let source = format!("reports/{}", "k".repeat(1025));
    let answer = root.send("PUT", "/drop/copy", &[("x-amz-copy-source", &source)], b"");
    assert_eq!(told(&answer), (400, "KeyTooLongError".to_owned()));
    assert_eq!(ground.stored(), before);
}

#[test]
fn pages_have_bounds() {
    let ground = Ground::new();
    let root = ground.root();
    let id = root.send("POST", "/drop/big?uploads", &[], b"").element("UploadId");
    for (base, name) in [
        ("/reports?", "max-keys"),
        ("/reports?list-type=2&", "max-keys"),
        ("/reports?versions&", "max-keys"),
        ("/drop?uploads&", "max-uploads"),
        (&format!("/drop/big?uploadId={id}&"), "max-parts"),
    ] {
        for wrong in ["-1", "-2147483648", "x", "1.5", "0x10", "1e3", "%201", "2147483648", "99999999999999999999"] {
            let answer = ground.refused(&root.head("GET", &format!("{base}{name}={wrong}"), &[], b""), b"");
            assert_eq!(told(&answer), (400, "InvalidArgument".to_owned()), "{base}{name}={wrong}");
            assert!(answer.element("ArgumentName").to_lowercase().starts_with("max"), "{}", answer.text());
        }
        for (wanted, given) in [("1", "1"), ("1000", "1000"), ("1001", "1000"), ("2147483647", "1000"), ("0", "0")] {
            let answer = root.get(&format!("{base}{name}={wanted}"));
            let element = match name {
                "max-keys" => "MaxKeys",
                "max-uploads" => "MaxUploads",
                _ => "MaxParts",
            };
            assert_eq!((answer.status, answer.element(element).as_str()), (200, given), "{base}{name}={wanted}");
        }
    }
    for path in [
        "/reports?encoding-type=base64",
        "/reports?list-type=2&continuation-token=nonsense",
        "/reports?list-type=2&continuation-token=",
        "/reports?list-type=2&fetch-owner=perhaps",
        "/reports?versions&version-id-marker=x",
        "/reports?versions&key-marker=kept&version-id-marker=",
        "/reports/kept?versionId=",
        "/reports/kept?versionId=no-such-version",
        "/reports/kept?partNumber=0",
        "/reports/kept?partNumber=10001",
        "/reports/kept?partNumber=-1",
    ] {
        let answer = ground.refused(&root.head("GET", path, &[], b""), b"");
        assert_eq!(told(&answer), (400, "InvalidArgument".to_owned()), "{path}");
    }
    let answer = ground.refused(&root.head("GET", "/reports/kept?partNumber=2", &[], b""), b"");
    assert_eq!(told(&answer), (416, "InvalidPartNumber".to_owned()));
}

#[test]
fn ranges_give_their_bytes_and_no_other() {
    let ground = Ground::new();
    let root = ground.root();
    // One small object inline, one of several sealed chunks, one of none.
    let big: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    for (path, bytes) in [("/drop/small", &b"0123456789"[..]), ("/drop/big", &big)] {
        assert_eq!(root.put(path, bytes).status, 200);
        let len = bytes.len();
        let get = |range: &str| root.send("GET", path, &[("range", range)], b"");
        let within = |answer: &Answer, from: usize, to: usize| {
            assert_eq!(answer.status, 206);
            assert_eq!(answer.header("content-range"), format!("bytes {from}-{}/{len}", to - 1));
            assert!(answer.body == bytes[from..to], "bytes {from} to {to} of {path}");
        };
        within(&get("bytes=0-0"), 0, 1);
        within(&get("bytes=2-5"), 2, 6);
        within(&get("bytes=-3"), len - 3, len);
        within(&get(&format!("bytes={}-", len - 1)), len - 1, len);
        within(&get("bytes=3-999999999"), 3, len);
        within(&get("bytes=3-99999999999999999999999"), 3, len);
        within(&get("bytes=-999999999"), 0, len);
        within(&get(&format!("bytes={}-{}", len / 2, len / 2 + 3)), len / 2, len / 2 + 4);
        for past in [
            format!("bytes={len}-"),
            format!("bytes={len}-{}", len + 5),
            "bytes=99999999999999999999-".to_owned(),
            "bytes=-0".to_owned(),
        ] {
            let answer = get(&past);
            assert_eq!(told(&answer), (416, "InvalidRange".to_owned()), "{past}");
            assert_eq!(answer.header("content-range"), format!("bytes */{len}"));
            let head = root.send("HEAD", path, &[("range", &past)], b"");
            assert_eq!((head.status, head.body.len()), (416, 0));
        }
        // Several ranges and what is no range: the whole object.
        for ignored in
            ["bytes=0-1,3-4", "bytes=5-2", "bytes=", "bytes=a-b", "lines=0-1", "bytes 0-1", "bytes=--1", "bytes=1"]
        {
            let answer = get(ignored);
            assert_eq!(answer.status, 200, "{ignored}");
            assert!(answer.body == bytes, "{ignored}");
        }
    }
    assert_eq!(root.put("/drop/empty", b"").status, 200);
    assert_eq!(
        told(&root.send("GET", "/drop/empty", &[("range", "bytes=0-0")], b"")),
        (416, "InvalidRange".to_owned())
    );
    let id = root.send("POST", "/drop/parts?uploads", &[], b"").element("UploadId");
    for (range, code) in [
        ("bytes=0-99", "InvalidRange"),
        ("bytes=5-2", "InvalidArgument"),
        ("bytes=-3", "InvalidArgument"),
        ("bytes=3-", "InvalidArgument"),
        ("0-3", "InvalidArgument"),
        ("bytes=0-1,3-4", "InvalidArgument"),
    ] {
        let headers = [("x-amz-copy-source", "drop/small"), ("x-amz-copy-source-range", range)];
        let answer = root.send("PUT", &format!("/drop/parts?uploadId={id}&partNumber=1"), &headers, b"");
        assert_eq!(answer.code(), code, "{range}: {}", answer.text());
    }
}
