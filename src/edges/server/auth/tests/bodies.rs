//! Bodies: in any pieces, and with everything wrong that can be.
#![expect(clippy::format_push_string, reason = "bodies are put together as they read")]

use super::super::{Algorithm, BodyPlan, Frames, Hasher, SigningKey, collect};
use super::*;
use base64::Engine as _;
use futures_util::Stream;
use proptest::prelude::*;

const CRC: &str = "x-amz-checksum-crc32";

fn md5_of(text: &str) -> String {
    use md5::Digest as _;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(text))
}

/// The plan of a PUT with these headers.
fn plan(headers: &[(&str, &str)]) -> BodyPlan {
    ask(&signed(&SIGNER, "PUT", "/b/k", headers), "/b/k").expect("a good request").body
}

fn streaming(kind: &str, length: usize, trailer: bool) -> (BodyPlan, String) {
    let length = length.to_string();
    let mut headers = vec![("x-amz-content-sha256", kind), ("x-amz-decoded-content-length", length.as_str())];
    if trailer {
        headers.push(("x-amz-trailer", CRC));
    }
    let parts = signed(&SIGNER, "PUT", "/b/k", &headers);
    let seed = parts.headers.get("authorization").and_then(|v| v.to_str().ok()).expect("signed");
    let seed = seed.rsplit('=').next().expect("a signature").to_owned();
    (ask(&parts, "/b/k").expect("a good request").body, seed)
}

/// A signed chunked body, as a client writes it.
fn signed_body(seed: &str, chunks: &[&str], trailer: Option<&str>) -> String {
    let key = SigningKey::derive(SECRET, "20130524", "us-east-1", "s3");
    let scope = "20130524T000000Z\n20130524/us-east-1/s3/aws4_request";
    let mut previous = seed.to_owned();
    let mut body = String::new();
    for chunk in chunks.iter().chain([&""]) {
        let hash = digest::hex(&digest::sha256(chunk.as_bytes()));
        previous = key.sign(&format!("AWS4-HMAC-SHA256-PAYLOAD\n{scope}\n{previous}\n{EMPTY}\n{hash}"));
        body += &format!("{:x};chunk-signature={previous}\r\n{chunk}", chunk.len());
        body += if chunk.is_empty() { "" } else { "\r\n" };
    }
    if let Some(trailer) = trailer {
        let hash = digest::hex(&digest::sha256(format!("{trailer}\n").as_bytes()));
        let signature = key.sign(&format!("AWS4-HMAC-SHA256-TRAILER\n{scope}\n{previous}\n{hash}"));
        body += &format!("{trailer}\r\nx-amz-trailer-signature:{signature}\r\n");
    }
    body + "\r\n"
}

fn crc_trailer(text: &str) -> String {
    format!("{CRC}:{}", Hasher::of(Algorithm::Crc32, text.as_bytes()).base64())
}

fn pieces(body: &str, cuts: &[usize]) -> Vec<Bytes> {
    let whole = Bytes::from(body.to_owned());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).chain([0, body.len()]).collect();
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| whole.slice(pair[0]..pair[1])).collect()
}

fn code(body: &str, plan: &BodyPlan) -> &'static str {
    let whole = read(pieces(body, &[]), plan.clone(), Want::default());
    let split = read(pieces(body, &(0..body.len()).collect::<Vec<_>>()), plan.clone(), Want::default());
    assert_eq!(whole.as_ref().err(), split.as_ref().err(), "however it arrives");
    whole.expect_err("refused").code
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_are_decoded_wherever_they_are_split(
        chunks in prop::collection::vec("[a-z0-9;\r\n]{1,40}", 0..5),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
        trailer in any::<bool>(),
    ) {
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let text = chunks.concat();
        let want = Want { md5: true, checksum: Some(Algorithm::Crc64Nvme) };
        let kind = ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"];
        let (plan, seed) = streaming(kind[usize::from(trailer)], text.len(), trailer);
        let body = signed_body(&seed, &chunks, trailer.then(|| crc_trailer(&text)).as_deref());
        let (content, outcome) = read(pieces(&body, &cuts), plan, want).expect("a good body");
        prop_assert_eq!(content, text.as_bytes());
        prop_assert_eq!(outcome.checksum(Algorithm::Crc64Nvme), Some(&Hasher::of(Algorithm::Crc64Nvme, text.as_bytes())));
        prop_assert_eq!(outcome.declared.is_some(), trailer);

        let (plan, _) = streaming("STREAMING-UNSIGNED-PAYLOAD-TRAILER", text.len(), true);
        let mut body = String::new();
        chunks.iter().for_each(|chunk| body += &format!("{:X}\r\n{chunk}\r\n", chunk.len()));
        body += &format!("0\r\n{}\r\n\r\n", crc_trailer(&text));
        let (content, outcome) = read(pieces(&body, &cuts), plan.clone(), want).expect("a good body");
        prop_assert_eq!(content, text.as_bytes());
        prop_assert_eq!(outcome.length, text.len() as u64);
        // Every cut of it is too short.
        let short = &body[..cuts.first().copied().unwrap_or(0) % body.len()];
        prop_assert!(read(pieces(short, &cuts), plan, want).is_err());
    }

    #[test]
    fn an_altered_byte_is_noticed(at in any::<usize>(), to in any::<u8>()) {
        let (plan, seed) = streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 10, true);
        let good = signed_body(&seed, &["hello", "world"], Some(&crc_trailer("helloworld")));
        let mut altered = good.clone().into_bytes();
        let at = at % altered.len();
        altered[at] = to;
        let same = good.as_bytes().eq_ignore_ascii_case(&altered);
        prop_assume!(!same);
        prop_assert!(read(vec![Bytes::from(altered)], plan, Want::default()).is_err());
    }
}

#[test]
fn signed_chunks_with_anything_wrong() {
    let (plan, seed) = streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 10, false);
    let good = signed_body(&seed, &["hello", "world"], None);
    assert!(read(pieces(&good, &[]), plan.clone(), Want::default()).is_ok());
    for (body, expected) in [
        (good.replace("world", "wurld"), "SignatureDoesNotMatch"),
        (signed_body(&seed, &["world", "hello"], None).replace("world", "hello"), "SignatureDoesNotMatch"),
        (signed_body(&"0".repeat(64), &["hello", "world"], None), "SignatureDoesNotMatch"),
        (signed_body(&seed, &["hello"], None), "IncompleteBody"),
        (signed_body(&seed, &["hello", "world", "!"], None), "IncompleteBody"),
        (good.trim_end().to_owned(), "IncompleteBody"),
        (String::new(), "IncompleteBody"),
        (format!("{good}x"), "InvalidRequest"),
        (good.replacen("5;", "4;", 1), "InvalidRequest"),
        (good.replacen("5;", "+5;", 1), "InvalidRequest"),
        (good.replacen("5;", ";", 1), "InvalidRequest"),
        (good.replacen("5;", "fffffffffffffffff;", 1), "InvalidRequest"),
        (good.replacen("5;", "ffffffffffffffff;", 1), "IncompleteBody"),
        (good.replacen("chunk-signature", "chunk-sig", 1), "InvalidRequest"),
        ("5\r\nhello\r\n".to_owned(), "InvalidRequest"),
        (good.replace("\r\n", "\n"), "InvalidRequest"),
        ("0".repeat(5000), "InvalidRequest"),
        (good.strip_suffix("\r\n").expect("an end").to_owned() + "x-amz-meta-a:1\r\n\r\n", "MalformedTrailerError"),
    ] {
        assert_eq!(code(&body, &plan), expected, "{body}");
    }
}

#[test]
fn trailers_with_anything_wrong() {
    let (plan, seed) = streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 5, true);
    let trailer = crc_trailer("hello");
    let good = signed_body(&seed, &["hello"], Some(&trailer));
    assert!(read(pieces(&good, &[]), plan.clone(), Want::default()).is_ok());
    let signature_at = good.find("x-amz-trailer-signature").expect("signed");
    let wrong = crc_trailer("hallo");
    for (body, expected) in [
        (good.replace(&trailer, &wrong), "SignatureDoesNotMatch"),
        (signed_body(&seed, &["hello"], Some(&wrong)), "BadDigest"),
        (signed_body(&seed, &["hello"], Some("x-amz-checksum-crc32:AAAA")), "InvalidRequest"),
        (signed_body(&seed, &["hello"], Some("x-amz-checksum-sha1:AAAA")), "MalformedTrailerError"),
        (signed_body(&seed, &["hello"], None), "MalformedTrailerError"),
        (good[..signature_at].to_owned() + "\r\n", "MalformedTrailerError"),
        (good.replace(&trailer, "no colon"), "MalformedTrailerError"),
    ] {
        assert_eq!(code(&body, &plan), expected, "{body}");
    }
    let (plan, _) = streaming("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 5, true);
    for (body, expected) in [
        (format!("5\r\nhello\r\n0\r\n{wrong}\r\n\r\n"), "BadDigest"),
        ("5\r\nhello\r\n0\r\n\r\n".to_owned(), "MalformedTrailerError"),
        (format!("5\r\nhello\r\n0\r\n{trailer}\r\n{trailer}\r\n\r\n"), "MalformedTrailerError"),
        (format!("5\r\nhello\r\n0\r\n{trailer}\r\n"), "IncompleteBody"),
        (format!("5;a=b\r\nhello\r\n0\r\n{trailer}\r\n\r\n"), "InvalidRequest"),
        (format!("6\r\nhello!\r\n0\r\n{trailer}\r\n\r\n"), "IncompleteBody"),
        (format!("5\r\nhello\r\n0\r\n{trailer}\r\nx-amz-trailer-signature:00\r\n\r\n"), "MalformedTrailerError"),
    ] {
        assert_eq!(code(&body, &plan), expected, "{body}");
    }
}

#[test]
fn plain_bodies_with_anything_wrong() {
    let crc = Hasher::of(Algorithm::Crc32, b"hello").base64();
    let sha = Hasher::of(Algorithm::Sha256, b"hello");
    let md5 = md5_of("hello");
    let hash = digest::hex(sha.raw());
    let length = ("content-length", "5");
    let unsigned = ("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let sha_base64 = sha.base64();
    for (headers, expected, sentence) in [
        (vec![length, ("x-amz-content-sha256", hash.as_str())], "XAmzContentSHA256Mismatch", "The provided"),
        (vec![length, unsigned, ("content-md5", md5.as_str())], "BadDigest", "The Content-MD5 you specified did not"),
        (vec![length, unsigned, (CRC, crc.as_str())], "BadDigest", "The CRC32 you specified did not match the"),
        (vec![length, unsigned, ("x-amz-checksum-sha256", sha_base64.as_str())], "BadDigest", "The SHA256 you"),
        (vec![("content-length", "6"), unsigned], "IncompleteBody", "You did not provide"),
        (vec![("content-length", "4"), unsigned], "IncompleteBody", "You did not provide"),
    ] {
        let plan = plan(&headers);
        if length == headers[0] {
            assert!(read(pieces("hello", &[2]), plan.clone(), Want::default()).is_ok(), "{headers:?}");
        }
        let error = read(pieces("hallo", &[2]), plan, Want::default()).expect_err("refused");
        assert_eq!(error.code, expected, "{headers:?}");
        assert!(error.message.starts_with(sentence), "{}", error.message);
    }
}

#[test]
fn what_is_wanted_is_computed_once() {
    let sha = Hasher::of(Algorithm::Sha256, b"hello");
    let (hash, base64) = (digest::hex(sha.raw()), sha.base64());
    let plan = plan(&[
        ("content-length", "5"),
        ("x-amz-content-sha256", hash.as_str()),
        ("x-amz-checksum-sha256", base64.as_str()),
    ]);
    let want = Want { md5: true, checksum: Some(Algorithm::Sha256) };
    let (_, outcome) = read(pieces("hello", &[]), plan, want).expect("good");
    assert_eq!(outcome.checksums, [sha]);
    assert_eq!(outcome.declared, Some(sha));
    assert_eq!(outcome.md5.map(|md5| base64::engine::general_purpose::STANDARD.encode(md5)), Some(md5_of("hello")));
    let (_, outcome) = read(Vec::new(), BodyPlan::unsigned(), Want::default()).expect("good");
    assert_eq!((outcome.length, outcome.md5, outcome.checksums), (0, None, Vec::new()));
}

fn collected<S>(source: S, plan: BodyPlan, limit: u64) -> Result<Bytes, S3Error>
where
    S: Stream<Item = Result<Bytes, S3Error>> + Unpin,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(collect(&mut VerifiedBody::new(source, plan, Want::default()), limit))
}

#[test]
fn small_bodies_are_collected_and_large_ones_are_not() {
    let body = |text: &str| stream::iter(pieces(text, &[1, 3]).into_iter().map(Ok));
    assert_eq!(collected(body("hello"), BodyPlan::unsigned(), 5).expect("small"), "hello");
    assert_eq!(collected(body(""), BodyPlan::unsigned(), 0).expect("none"), "");
    let error = collected(body("hello"), BodyPlan::unsigned(), 4).expect_err("large");
    assert_eq!(error.code, "MaxMessageLengthExceeded");
    // A declared length is refused before anything is read.
    let declared = plan(&[("content-length", "5"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]);
    let unread = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, S3Error>>> { panic!("it was read") });
    assert_eq!(collected(unread, declared, 4).expect_err("large").code, "MaxMessageLengthExceeded");
    let http =
        Frames(http_body_util::BodyExt::map_err(http_body_util::Full::new(Bytes::from("hello")), |never| -> S3Error {
            match never {}
        }));
    assert_eq!(collected(http, BodyPlan::unsigned(), 5).expect("small"), "hello");
}

#[test]
fn a_broken_connection_is_an_incomplete_body() {
    let frames = stream::iter([Ok(http_body::Frame::data(Bytes::from("he"))), Err(std::io::Error::other("gone"))]);
    let error = collected(
        Frames(http_body_util::BodyExt::map_err(http_body_util::StreamBody::new(frames), |_| {
            S3Error::of("IncompleteBody")
        })),
        BodyPlan::unsigned(),
        9,
    )
    .expect_err("broken");
    assert_eq!(error.code, "IncompleteBody");
}
