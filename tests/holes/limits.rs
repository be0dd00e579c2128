//! Limits that hold before memory is spent.

use super::ground::Ground;
use super::wire::{Connection, Signing, keeping_open, told};
use crate::support::Answer;

/// The most bytes of a document: lists of parts and keys may be long, settings are short.
fn most(path: &str) -> usize {
    if path.contains("uploadId") || path.ends_with("?delete") { 4 << 20 } else { 256 << 10 }
}

/// The server's largest memory so far, in kilobytes.
#[cfg(target_os = "linux")]
fn peak(ground: &Ground) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", ground.server.child.id())).expect("readable");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(not(target_os = "linux"))]
fn peak(_: &Ground) -> u64 {
    0
}

/// Operations with a small body.
const WITH_BODIES: [(&str, &str); 10] = [
    ("PUT", "/reports?policy"),
    ("PUT", "/reports?tagging"),
    ("PUT", "/reports/kept?tagging"),
    ("PUT", "/reports?cors"),
    ("PUT", "/reports?versioning"),
    ("PUT", "/reports?acl"),
    ("PUT", "/reports/kept?retention"),
    ("POST", "/reports?delete"),
    ("POST", "/reports/kept?uploadId=x"),
    ("PUT", "/brand-new"),
];

#[test]
fn a_body_that_is_announced_too_long_is_refused_unread() {
    let ground = Ground::new();
    let before = ground.stored();
    for (method, path) in WITH_BODIES {
        let most = most(path);
        for length in [most + 1, 100 << 20, usize::MAX / 2] {
            let length = length.to_string();
            let head = ground.root().head(method, path, &[("content-length", &length)], b"");
            let mut connection = Connection::open(ground.address());
            connection.send(keeping_open(&head).as_bytes()).expect("sends");
            let answer = connection.answer(false).expect("an answer, though nothing of the body was sent");
            assert_eq!(told(&answer), (400, "MaxMessageLengthExceeded".to_owned()), "{method} {path} {length}");
            assert_eq!(answer.element("MaxMessageLengthBytes"), most.to_string());
        }
    }
    assert_eq!(ground.stored(), before);
}

/// Streams up to 100 MB in HTTP's chunks, until there is an answer; the bytes sent by then.
fn stream(ground: &Ground, head: &str) -> (Answer, usize) {
    let mut connection = Connection::open(ground.address());
    connection.send(keeping_open(head).as_bytes()).expect("sends");
    let piece = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 100 << 20 && connection.send(&piece).is_ok() {
        sent += 0x10000;
    }
    (connection.answer(false).expect("an answer"), sent)
}

#[test]
fn a_body_that_goes_on_and_on_is_refused_where_it_is_too_long() {
    let ground = Ground::new();
    let before = ground.stored();
    let start = peak(&ground);
    let signing = Signing::of("AKIAROOT", "root-secret");
    for (method, path) in WITH_BODIES {
        let head = signing.head(ground.address(), method, path, &[("transfer-encoding", "chunked")]);
        let (answer, _) = stream(&ground, &head);
        assert_eq!(told(&answer), (400, "MaxMessageLengthExceeded".to_owned()), "{method} {path}");
    }
    // Ten of 100 MB each; what is held of one is at most twice its limit, while it grows.
    let grown = peak(&ground) - start;
    assert!(grown < 64 << 10, "the server took {grown} kB");
    assert_eq!(ground.stored(), before);
}

#[test]
fn who_may_not_do_it_does_not_get_to_send_a_body() {
    let ground = Ground::new();
    let before = ground.stored();
    for client in [ground.server.anonymous(), ground.alice(), ground.other()] {
        for (method, path) in [
            ("PUT", "/vault/new"),
            ("PUT", "/vault?tagging"),
            ("PUT", "/vault?cors"),
            ("PUT", "/vault?versioning"),
            ("PUT", "/vault?encryption"),
            ("PUT", "/vault?publicAccessBlock"),
            ("PUT", "/vault?ownershipControls"),
            ("PUT", "/vault?object-lock"),
            ("POST", "/vault/new?uploadId=x"),
            ("PUT", "/vault/new?uploadId=x&partNumber=1"),
        ] {
            let head = client.head(method, path, &[("content-length", "1000000")], b"");
            let mut connection = Connection::open(ground.address());
            connection.send(keeping_open(&head).as_bytes()).expect("sends");
            let answer = connection.answer(false).expect("an answer before the body");
            assert_eq!(told(&answer), (403, "AccessDenied".to_owned()), "{method} {path}");
        }
    }
    assert_eq!(ground.stored(), before);
}

#[test]
fn heads_have_bounds() {
    let ground = Ground::new();
    let before = ground.stored();
    let start = peak(&ground);
    let host = ground.address();
    let one_long = format!("GET /site/page HTTP/1.1\r\nhost: {host}\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET /site/page HTTP/1.1\r\nhost: {host}\r\n{}\r\n", "x: y\r\n".repeat(200_000));
    let some = format!("GET /site/page HTTP/1.1\r\nhost: {host}\r\n{}\r\n", "x: y\r\n".repeat(200));
    let line = format!("GET /site/{} HTTP/1.1\r\nhost: {host}\r\n\r\n", "x".repeat(1 << 20));
    let endless = "x".repeat(1 << 20);
    for (what, head) in [("one", one_long), ("many", many), ("some", some), ("line", line), ("no end", endless)] {
        let mut connection = Connection::open(host);
        // The server may stop reading before all is sent.
        let _ = connection.send(head.as_bytes());
        let answer = connection.answer(false).expect("an answer");
        assert!([400, 414, 431].contains(&answer.status), "{what}: {}", answer.status);
    }
    for head in [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET /site/page HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(),
        "nonsense\r\n\r\n".to_owned(),
        format!("GET /site/page HTTP/1.1\r\nhost: {host}\r\nbad header: x\r\n\r\n"),
        format!("GET /site/page HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        format!("GET /site/page HTTP/1.1\r\nhost: {host}\r\ncontent-length: -1\r\n\r\n"),
        format!("PUT /drop/k HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: gzip\r\n\r\n"),
        format!("PUT /drop/k HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    ] {
        let mut connection = Connection::open(host);
        connection.send(head.as_bytes()).expect("sends");
        let answer = connection.answer(false);
        assert!(answer.as_ref().is_ok_and(|a| (400..=505).contains(&a.status)), "{head}: {answer:?}");
    }
    assert!(peak(&ground) - start < 32 << 10, "the server took {} kB", peak(&ground) - start);
    assert_eq!(ground.stored(), before);
}

#[test]
fn two_lengths_are_not_two_requests() {
    let ground = Ground::new();
    let before = ground.stored();
    // A length and chunks: readers who differ on which one counts take the rest for another request.
    let hidden = ground.root().head("DELETE", "/reports/kept", &[], b"");
    let head = Signing::of("AKIAROOT", "root-secret").head(
        ground.address(),
        "PUT",
        "/drop/smuggled",
        &[("content-length", "5"), ("transfer-encoding", "chunked")],
    );
    let mut connection = Connection::open(ground.address());
    connection.send(format!("{}0\r\n\r\n{hidden}", keeping_open(&head)).as_bytes()).expect("sends");
    let answer = connection.answer(false).expect("an answer");
    assert!(answer.status >= 400, "{}", answer.text());
    assert!(connection.is_over() || ground.root().get("/reports/kept").status == 200);
    assert_eq!(ground.stored(), before);
}

#[test]
fn an_object_has_at_most_5_gigabytes_in_one_piece() {
    let ground = Ground::with(&["--max-object-bytes", "1000"]);
    let before = ground.stored();
    let id = ground.root().send("POST", "/drop/k?uploads", &[], b"").element("UploadId");
    for path in ["/drop/k", &format!("/drop/k?uploadId={id}&partNumber=1")] {
        let head = Signing::of("AKIAROOT", "root-secret").head(
            ground.address(),
            "PUT",
            path,
            &[("content-length", "5368709121")],
        );
        let mut connection = Connection::open(ground.address());
        connection.send(keeping_open(&head).as_bytes()).expect("sends");
        let answer = connection.answer(false).expect("an answer before the body");
        assert_eq!(told(&answer), (400, "EntityTooLarge".to_owned()), "{path}");
    }
    assert_eq!(told(&ground.root().put("/drop/k", &[0; 1001])), (400, "EntityTooLarge".to_owned()), "the setting");
    assert_eq!(ground.root().delete(&format!("/drop/k?uploadId={id}")).status, 204);
    assert_eq!(ground.stored(), before);
    assert_eq!(ground.root().put("/drop/k", &[0; 1000]).status, 200);
}
