//! Answers of single operations.

use super::support::Answer;
use super::{Place, is, said};
use base64::Engine as _;
use md5::{Digest as _, Md5};

#[test]
fn names_of_buckets_are_names_of_hosts() {
    let place = Place::new();
    for name in ["a.-b", "a-.b", "a..b", "-ab", "ab-", "Abc", "a_b", "192.168.5.4"] {
        assert_eq!(said(&place.main.put(&format!("/{name}"), b"")), is(400, "InvalidBucketName"), "{name}");
    }
    for name in ["a.b", "a--b", "0ab"] {
        assert_eq!(place.main.put(&format!("/{name}"), b"").status, 200, "{name}");
    }
}

#[test]
fn a_subresource_is_never_left_out() {
    let place = Place::new();
    place.bucket("subs", &[]);
    for (method, path) in [
        ("DELETE", "/subs?uploads"),
        ("DELETE", "/subs?location"),
        ("DELETE", "/subs?acl"),
        ("PUT", "/subs?uploads"),
        ("PUT", "/subs/k?uploads"),
        ("DELETE", "/subs/k?acl"),
        ("HEAD", "/subs/k?acl"),
    ] {
        assert_eq!(place.main.send(method, path, &[], b"").status, 405, "{method} {path}");
    }
    assert_eq!(place.main.get("/subs?anything").status, 200);
    assert_eq!(place.main.get("/subs/k").status, 404);
}

#[test]
fn attributes_have_their_etag_without_quotes() {
    let place = Place::new();
    place.bucket("attributes", &[]);
    let put = place.main.put("/attributes/k", b"bar");
    assert_eq!(put.header("etag"), "\"37b51d194a7513e45b56f6524f2d51f2\"");
    let headers = [("x-amz-object-attributes", "ETag,ObjectSize")];
    let got = place.main.send("GET", "/attributes/k?attributes", &headers, b"");
    assert_eq!(
        (got.element("ETag").as_str(), got.element("ObjectSize").as_str()),
        (put.header("etag").trim_matches('"'), "3")
    );
}

#[test]
fn governance_is_left_only_with_the_right_to_bypass_it() {
    let place = Place::new();
    place.bucket("locked", &[("x-amz-bucket-object-lock-enabled", "true")]);
    assert_eq!(place.main.put("/locked/k", b"1").status, 200);
    let retain = |mode: &str, year: u16, headers: &[(&str, &str)]| {
        let body = format!(
            "<Retention><Mode>{mode}</Mode><RetainUntilDate>{year}-01-01T00:00:00Z</RetainUntilDate></Retention>"
        );
        let mut all = headers.to_vec();
        let digest = base64::engine::general_purpose::STANDARD.encode(Md5::digest(body.as_bytes()));
        all.push(("content-md5", digest.as_str()));
        said(&place.main.send("PUT", "/locked/k?retention", &all, body.as_bytes()))
    };
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    assert_eq!(retain("GOVERNANCE", 2140, &[]), is(200, ""));
    assert_eq!(retain("GOVERNANCE", 2141, &[]), is(200, ""), "longer");
    assert_eq!(retain("COMPLIANCE", 2141, &[]), is(403, "AccessDenied"), "another mode");
    assert_eq!(retain("COMPLIANCE", 2141, &bypass), is(200, ""));
    assert_eq!(retain("GOVERNANCE", 2150, &bypass), is(403, "AccessDenied"), "never back");
}

#[test]
fn parts_have_the_key_that_their_upload_began_with() {
    let place = Place::new();
    place.bucket("parts", &[]);
    let key = |fill: u8| {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        (encode(&[fill; 32]), encode(&Md5::digest([fill; 32])))
    };
    let (first, second) = (key(1), key(2));
    let send = |method: &str, path: &str, (key, md5): &(String, String)| -> Answer {
        let headers = [
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("x-amz-server-side-encryption-customer-key", key),
            ("x-amz-server-side-encryption-customer-key-md5", md5),
        ];
        place.main.send(method, path, &headers, b"1")
    };
    let path = |id: &str| format!("/parts/k?partNumber=1&uploadId={id}");
    let begun = send("POST", "/parts/k?uploads", &first);
    let id = begun.element("UploadId");
    assert_eq!(send("PUT", &path(&id), &first).status, 200);
    assert_eq!(said(&send("PUT", &path(&id), &second)), is(400, "InvalidRequest"));
    assert_eq!(said(&place.main.put(&path(&id), b"1")), is(400, "InvalidRequest"));
    let plain = place.main.send("POST", "/parts/k?uploads", &[], b"").element("UploadId");
    assert_eq!(said(&send("PUT", &path(&plain), &first)), is(400, "InvalidRequest"));
}

#[test]
fn a_wrong_checksum_of_the_whole_object_is_a_bad_digest() {
    let place = Place::new();
    place.bucket("sums", &[]);
    let kind = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let id = place.main.send("POST", "/sums/k?uploads", &kind, b"").element("UploadId");
    let part = place.main.put(&format!("/sums/k?partNumber=1&uploadId={id}"), b"a");
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag")
    );
    let complete = |sum: &str| {
        let headers = [("x-amz-checksum-crc32", sum), ("x-amz-checksum-type", "FULL_OBJECT")];
        said(&place.main.send("POST", &format!("/sums/k?uploadId={id}"), &headers, list.as_bytes()))
    };
    assert_eq!(complete("AAAAAA=="), is(400, "BadDigest"));
    assert_eq!(place.main.get("/sums/k").status, 404);
    assert_eq!(complete("6Le+Qw=="), is(200, ""), "the CRC32 of `a`");
}

#[test]
fn a_request_that_repeats_its_preflight_is_judged_by_it() {
    let place = Place::new();
    place.bucket("cors", &[]);
    let rules = b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
        <AllowedOrigin>https://site</AllowedOrigin></CORSRule></CORSConfiguration>";
    assert_eq!(place.main.put("/cors?cors", rules).status, 200);
    let origin = |method: &str, asked: Option<&'static str>| {
        let mut headers = vec![("origin", "https://site")];
        headers.extend(asked.map(|asked| ("access-control-request-method", asked)));
        place.nobody.send(method, "/cors/k", &headers, b"").header("access-control-allow-origin").to_owned()
    };
    assert_eq!(origin("GET", None), "https://site");
    assert_eq!(origin("PUT", None), "");
    assert_eq!(origin("PUT", Some("GET")), "https://site");
    assert_eq!(origin("GET", Some("PUT")), "");
}

#[test]
fn forms_without_a_name_are_written_and_written_again() {
    let place = Place::new();
    place.bucket("forms", &[("x-amz-acl", "public-read-write")]);
    let send = |fields: &[(&str, &str)]| {
        let mut body = String::new();
        for (name, value) in fields {
            let part = ["--b\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n", value, "\r\n"].concat();
            body.push_str(&part);
        }
        body.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbar\r\n--b--\r\n");
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        said(&place.nobody.send("POST", "/forms", &headers, body.as_bytes()))
    };
    assert_eq!(send(&[("key", "k"), ("acl", "public-read")]), is(204, ""));
    assert_eq!(send(&[("key", "k"), ("acl", "public-read")]), is(204, ""));
    assert_eq!(place.alt.get("/forms/k").text(), "bar");
    assert_eq!(send(&[("acl", "public-read")]), is(400, "InvalidArgument"));
    assert_eq!(send(&[("policy", "e30="), ("x-amz-signature", "00")]), is(400, "InvalidArgument"));
}
