//! Bodies that are not what their headers, chunks or trailers say.

use super::ground::Ground;
use super::wire::{Connection, Signing, basic, keeping_open, sha256, told};
use crate::support::{Answer, raw};
use portcullis::edges::server::auth::SigningKey;

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
/// Of `hello world`.
const CRC32: &str = "DUoRhQ==";

/// What writes a body.
type Maker = Box<dyn FnOnce(&mut Chain) -> String>;

/// Headers, and the status and code that they get.
type Claim<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);

/// A chain of chunk signatures.
struct Chain {
    key: SigningKey,
    date: String,
    scope: String,
    last: String,
}

impl Chain {
    fn after(head: &str, at: i64) -> Self {
        let date = basic(at);
        let scope = format!("{}/us-east-1/s3/aws4_request", &date[..8]);
        let (_, seed) = head.split_once("Signature=").expect("signed");
        let last = seed.split("\r\n").next().expect("a line").to_owned();
        Self { key: SigningKey::derive("root-secret", &date[..8], "us-east-1", "s3"), date, scope, last }
    }

    fn chunk(&mut self, data: &str) -> String {
        let (date, scope, empty, hash) = (&self.date, &self.scope, sha256(b""), sha256(data.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{}\n{empty}\n{hash}", self.last);
        self.last = self.key.sign(&text);
        format!("{:x};chunk-signature={}\r\n{data}\r\n", data.len(), self.last)
    }

    /// The last chunk, of no bytes, without the line that ends it.
    fn end(&mut self) -> String {
        self.chunk("").trim_end().to_owned() + "\r\n"
    }

    fn trailer(&mut self, line: &str) -> String {
        let (date, scope, hash) = (&self.date, &self.scope, sha256(format!("{line}\n").as_bytes()));
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{date}\n{scope}\n{}\n{hash}", self.last);
        self.last = self.key.sign(&text);
        format!("{line}\r\nx-amz-trailer-signature:{}\r\n\r\n", self.last)
    }
}

/// A chunked `PUT /drop/chunked` of eleven bytes; `make` writes its body.
fn chunked(ground: &Ground, headers: &[(&str, &str)], make: impl FnOnce(&mut Chain) -> String) -> (String, String) {
    let signing = Signing::of("AKIAROOT", "root-secret");
    let mut all = vec![("content-encoding", "aws-chunked")];
    all.extend(headers);
    if !headers.iter().any(|(name, _)| *name == "x-amz-decoded-content-length") {
        all.push(("x-amz-decoded-content-length", "11"));
    }
    let head = signing.head(ground.address(), "PUT", "/drop/chunked", &all);
    let body = make(&mut Chain::after(&head, signing.at));
    let head = head.replacen("\r\n", &format!("\r\ncontent-length: {}\r\n", body.len()), 1);
    (head, body)
}

fn good_chunks(chain: &mut Chain) -> String {
    chain.chunk("hello ") + &chain.chunk("world") + &chain.end() + "\r\n"
}

/// With another last digit of the last chunk's signature.
fn other_digit(body: &str) -> String {
    let (rest, digit) = body.trim_end().split_at(body.trim_end().len() - 1);
    format!("{rest}{}\r\n\r\n", if digit == "0" { "1" } else { "0" })
}

fn refuse(ground: &Ground, headers: &[(&str, &str)], make: impl FnOnce(&mut Chain) -> String) -> Answer {
    let (head, body) = chunked(ground, headers, make);
    let mut connection = Connection::open(ground.address());
    let answer = connection.ask(&head, body.as_bytes()).expect("an answer");
    assert_eq!(ground.root().get("/drop/chunked").status, 404, "{body}");
    answer
}

#[test]
fn signed_chunks_come_as_they_were_signed() {
    let ground = Ground::new();
    let sha = [("x-amz-content-sha256", SIGNED)];
    let before = ground.stored();
    let swapped = |chain: &mut Chain| {
        let (one, two) = (chain.chunk("hello "), chain.chunk("world"));
        two + &one + &chain.end() + "\r\n"
    };
    let twice = |chain: &mut Chain| {
        let one = chain.chunk("hello");
        one.clone() + &one + &chain.chunk("!") + &chain.end() + "\r\n"
    };
    let without_end = |chain: &mut Chain| chain.chunk("hello ") + &chain.chunk("world");
    let early_end = |chain: &mut Chain| chain.chunk("hello ") + &chain.end() + "\r\n";
    let more = |chain: &mut Chain| chain.chunk("hello ") + &chain.chunk("world!") + &chain.end() + "\r\n";
    let (mismatch, incomplete, malformed) =
        ((403, "SignatureDoesNotMatch"), (400, "IncompleteBody"), (400, "InvalidRequest"));
    let table: [(&str, (u16, &str), Maker); 12] = [
        ("altered", mismatch, Box::new(|c| good_chunks(c).replace("world", "w0rld"))),
        ("altered, first", mismatch, Box::new(|c| good_chunks(c).replace("hello", "hallo"))),
        ("the end's signature", mismatch, Box::new(|c| other_digit(&good_chunks(c)))),
        (
            "no signature at all",
            malformed,
            Box::new(|c| good_chunks(c).replace("0;chunk-signature=", "0;chunk-signature=0")),
        ),
        ("swapped", mismatch, Box::new(swapped)),
        ("sent twice", mismatch, Box::new(twice)),
        ("unsigned", malformed, Box::new(|_| "b\r\nhello world\r\n0\r\n\r\n".to_owned())),
        ("no last chunk", incomplete, Box::new(without_end)),
        ("fewer bytes", incomplete, Box::new(early_end)),
        ("more bytes", incomplete, Box::new(more)),
        ("a size that lies", malformed, Box::new(|c| good_chunks(c).replacen("6;", "5;", 1))),
        ("a size beyond numbers", malformed, Box::new(|c| good_chunks(c).replacen("6;", "fffffffffffffffff6;", 1))),
    ];
    let mut wrong = Vec::new();
    for (what, (status, code), make) in table {
        let answer = refuse(&ground, &sha, make);
        if told(&answer) != (status, code.to_owned()) {
            wrong.push(format!("{what}: wanted {code}, got {}", answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(ground.stored(), before);
    let (head, body) = chunked(&ground, &sha, good_chunks);
    assert_eq!(raw(ground.address(), &head, body.as_bytes()).status, 200);
    assert_eq!(ground.root().get("/drop/chunked").text(), "hello world");
    assert_eq!(ground.root().get("/drop/chunked").header("content-encoding"), "", "it is not the object's");
}

#[test]
fn trailers_are_the_announced_ones_and_right() {
    let ground = Ground::new();
    let before = ground.stored();
    let announced = [("x-amz-content-sha256", UNSIGNED_TRAILER), ("x-amz-trailer", "x-amz-checksum-crc32")];
    let plain = |trailer: &str| format!("b\r\nhello world\r\n0\r\n{trailer}\r\n");
    let right = format!("x-amz-checksum-crc32:{CRC32}\r\n");
    for (trailer, code) in [
        ("x-amz-checksum-crc32:AAAAAA==\r\n".to_owned(), "BadDigest"),
        ("x-amz-checksum-crc32:AAAA\r\n".to_owned(), "InvalidRequest"),
        ("x-amz-checksum-crc32:\r\n".to_owned(), "InvalidRequest"),
        (String::new(), "MalformedTrailerError"),
        ("x-amz-checksum-crc32c:AAAAAA==\r\n".to_owned(), "MalformedTrailerError"),
        ("x-amz-meta-a:b\r\n".to_owned(), "MalformedTrailerError"),
        (format!("{right}{right}"), "MalformedTrailerError"),
        (format!("{right}x-amz-acl:public-read\r\n"), "MalformedTrailerError"),
    ] {
        let answer = refuse(&ground, &announced, |_| plain(&trailer));
        assert_eq!(told(&answer), (400, code.to_owned()), "{trailer}: {}", answer.text());
    }
    let unannounced = [("x-amz-content-sha256", UNSIGNED_TRAILER)];
    assert_eq!(told(&refuse(&ground, &unannounced, |_| plain(&right))), (400, "MalformedTrailerError".to_owned()));

    let signed = [("x-amz-content-sha256", SIGNED_TRAILER), ("x-amz-trailer", "x-amz-checksum-crc32")];
    let line = format!("x-amz-checksum-crc32:{CRC32}");
    let make = |chain: &mut Chain| chain.chunk("hello world") + &chain.end() + &chain.trailer(&line);
    let forged = |chain: &mut Chain| make(chain).replace("crc32:D", "crc32:E");
    let unsigned = |chain: &mut Chain| {
        let body = make(chain);
        body.split("x-amz-trailer-signature").next().expect("a body").to_owned() + "\r\n"
    };
    assert_eq!(told(&refuse(&ground, &signed, forged)), (403, "SignatureDoesNotMatch".to_owned()));
    let answer = refuse(&ground, &signed, unsigned);
    assert!(["MalformedTrailerError", "SignatureDoesNotMatch"].contains(&answer.code().as_str()), "{}", answer.text());
    assert_eq!(ground.stored(), before);

    for (headers, signs) in [(announced, false), (signed, true)] {
        let (head, body) = chunked(&ground, &headers, |chain| if signs { make(chain) } else { plain(&right) });
        let answer = raw(ground.address(), &head, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-amz-checksum-crc32"), CRC32);
        assert_eq!(ground.root().delete("/drop/chunked").status, 204);
    }
}

#[test]
fn a_body_has_the_digests_it_claims() {
    let ground = Ground::new();
    let before = ground.stored();
    let other = sha256(b"another body");
    let table: &[Claim<'_>] = &[
        (&[("x-amz-content-sha256", other.as_str())], 400, "XAmzContentSHA256Mismatch"),
        (&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], 400, "BadDigest"),
        (&[("content-md5", "AAAA")], 400, "InvalidDigest"),
        (&[("content-md5", "no base64")], 400, "InvalidDigest"),
        (&[("x-amz-checksum-crc32", "AAAAAA==")], 400, "BadDigest"),
        (&[("x-amz-checksum-crc32c", "AAAAAA==")], 400, "BadDigest"),
        (&[("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")], 400, "BadDigest"),
        (&[("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")], 400, "BadDigest"),
        (&[("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")], 400, "BadDigest"),
        (&[("x-amz-checksum-crc32", "AAAA")], 400, "InvalidRequest"),
        (&[("x-amz-checksum-crc32", CRC32), ("x-amz-checksum-crc32c", "AAAAAA==")], 400, "InvalidRequest"),
        (&[("x-amz-sdk-checksum-algorithm", "CRC32")], 400, "InvalidRequest"),
        (&[("x-amz-sdk-checksum-algorithm", "SHA256"), ("x-amz-checksum-crc32", CRC32)], 400, "BadDigest"),
        (&[("x-amz-trailer", "x-amz-checksum-crc32")], 400, "InvalidRequest"),
        (&[("x-amz-content-sha256", "abc")], 400, "InvalidArgument"),
    ];
    for (headers, status, code) in table {
        let head = ground.root().head("PUT", "/drop/digest", headers, b"hello world");
        let answer = ground.refused(&head, b"hello world");
        assert_eq!(told(&answer), (*status, (*code).to_owned()), "{headers:?}: {}", answer.text());
        assert!(answer.element("Message").len() > 20, "a sentence: {}", answer.text());
    }
    // Settings are held to the same rule.
    let tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    for path in ["/reports/kept?tagging", "/reports?tagging"] {
        let head = ground.root().head("PUT", path, &[("x-amz-content-sha256", &other)], tags);
        assert_eq!(told(&ground.refused(&head, tags)), (400, "XAmzContentSHA256Mismatch".to_owned()), "{path}");
    }
    assert_eq!(ground.stored(), before);
    assert_eq!(
        ground.root().send("PUT", "/drop/digest", &[("x-amz-checksum-crc32", CRC32)], b"hello world").status,
        200
    );
}

#[test]
fn a_body_that_breaks_off_stores_nothing() {
    let ground = Ground::new();
    let before = ground.stored();
    for (sent, path) in [(10, "/drop/short"), (100_000, "/drop/short"), (10, "/reports/kept")] {
        let body = vec![7; 200_000];
        let head = ground.root().head("PUT", path, &[], &body);
        let mut connection = Connection::open(ground.address());
        connection.send(&[keeping_open(&head).as_bytes(), &body[..sent]].concat()).expect("sends");
        drop(connection);
    }
    // The writer is gone when the connection is: what it would do, it has done when a later request is answered.
    let head = ground.root().head("PUT", "/drop/none", &[("content-length", "-1")], b"");
    assert_eq!(raw(ground.address(), &head, b"").status, 400);
    assert_eq!(ground.stored(), before);
}
