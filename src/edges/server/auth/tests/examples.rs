//! The worked examples of AWS's documents, to the last digit.

use super::super::{AuthType, Payload, PostRequest, Want, authenticate_post};
use super::*;

fn example(method: &str, target: &str, headers: &[(&str, &str)], signed: &str, signature: &str) -> Authenticated {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed},Signature={signature}"
    );
    let mut all = vec![("x-amz-date", "20130524T000000Z"), ("authorization", authorization.as_str())];
    all.extend_from_slice(headers);
    ask(&head(method, target, &all), target).expect("AWS's own example")
}

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

#[test]
fn get_object_with_a_range() {
    let found = example(
        "GET",
        "/test.txt",
        &[HOST, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY)],
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    assert_eq!(found.auth_type, AuthType::Header);
    assert_eq!(found.auth_type.condition_value(), Some("REST-HEADER"));
    assert_eq!(found.signature_version, Some("AWS4-HMAC-SHA256"));
    assert_eq!(found.signed_at_ms, Some(NOW * 1000));
    assert_eq!(found.region.as_deref(), Some("us-east-1"));
    assert_eq!(found.access_key_id.as_deref(), Some(KEY));
    assert_eq!(found.content_sha256.as_deref(), Some(EMPTY));
    assert!(!found.caller.is_anonymous());
}

#[test]
fn put_object_with_its_body() {
    let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let found = example(
        "PUT",
        "/test%24file.text",
        &[
            HOST,
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("content-length", "21"),
            ("x-amz-content-sha256", hash),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    let (content, _) = read(vec![Bytes::from("Welcome to Amazon S3.")], found.body, Want::default()).expect("its body");
    assert_eq!(content.len(), 21);
}

#[test]
fn get_lifecycle_and_list() {
    let headers = [HOST, ("x-amz-content-sha256", EMPTY)];
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    example("GET", "/?lifecycle", &headers, signed, lifecycle);
    let list = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    example("GET", "/?max-keys=2&prefix=J", &headers, signed, list);
    example("GET", "/?prefix=J&max-keys=2", &headers, signed, list);
}

const PRESIGNED: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
    &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

#[test]
fn a_presigned_url() {
    let parts = head("GET", PRESIGNED, &[HOST]);
    let found = ask_with(&config(), &parts, PRESIGNED, NOW + 86_399).expect("AWS's own example");
    assert_eq!(found.auth_type.condition_value(), Some("REST-QUERY-STRING"));
    assert_eq!(found.signature_age_ms, Some(86_399_000));
    assert_eq!(found.expires_at_ms, Some((NOW + 86_400) * 1000));
    assert_eq!(found.content_sha256, None);
    let url = SIGNER.presign("GET", "https://examplebucket.s3.amazonaws.com/test.txt", &[], 86_400, NOW);
    assert_eq!(url.expect("signed"), format!("https://examplebucket.s3.amazonaws.com{PRESIGNED}"));
}

#[test]
fn an_upload_in_signed_chunks() {
    let found = example(
        "PUT",
        "/examplebucket/chunkObject.txt",
        &[
            ("host", "s3.amazonaws.com"),
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    );
    assert!(matches!(found.body.payload, Payload::SignedChunks { trailer: false, decoded_length: 66_560, .. }));
    let body = [
        "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        &"a".repeat(65_536),
        "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        &"a".repeat(1024),
        "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    ]
    .concat();
    assert_eq!(body.len(), 66_824);
    let (content, outcome) = read(vec![Bytes::from(body)], found.body, Want::default()).expect("its body");
    assert_eq!((content.len(), outcome.length), (66_560, 66_560));
}

#[test]
fn an_upload_in_signed_chunks_with_a_trailer() {
    let found = example(
        "PUT",
        "/examplebucket/chunkObject.txt",
        &[
            ("host", "s3.amazonaws.com"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ],
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;\
         x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    );
    let body = [
        "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n",
        &"a".repeat(65_536),
        "\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n",
        &"a".repeat(1024),
        "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\r\n",
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    ]
    .concat();
    let (content, outcome) = read(vec![Bytes::from(body)], found.body, Want::default()).expect("its body");
    assert_eq!(content.len(), 66_560);
    assert_eq!(outcome.declared.map(|checksum| checksum.base64()).as_deref(), Some("sOO8/Q=="));
}

#[test]
fn a_post_policy() {
    let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tld\
        CI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6\
        ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF\
        6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl\
        0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iO\
        iAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwi\
        OiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGh\
        tIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
    let fields: Vec<(String, String)> = [
        ("key", "user/user1/photo.jpg"),
        ("acl", "public-read"),
        ("success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"),
        ("content-type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-date", "20151229T000000Z"),
        ("x-amz-meta-tag", ""),
        ("policy", policy),
        ("x-amz-signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let parts = head("POST", "/", &[("host", "sigv4examplebucket.s3.amazonaws.com")]);
    let now_ms = 1_451_347_200_000;
    let post = PostRequest { parts: &parts, raw_path_and_query: "/", bucket: "sigv4examplebucket", now_ms };
    let found = authenticate_post(post, &fields, &config(), &Keys).expect("AWS's own example").authenticated;
    assert_eq!(found.auth_type.condition_value(), Some("POST"));
    let expired = PostRequest { now_ms: now_ms + 129_600_000, ..post };
    let error = authenticate_post(expired, &fields, &config(), &Keys).expect_err("expired");
    assert_eq!(error.message, "Invalid according to Policy: Policy expired.");
}

#[test]
fn signature_version_2() {
    let mut config = config();
    config.allow_sigv2 = true;
    config.hosts = vec!["s3.amazonaws.com".to_owned()];
    let date = "Tue, 27 Mar 2007 19:36:42 +0000";
    let headers = [
        ("host", "johnsmith.s3.amazonaws.com"),
        ("date", date),
        ("authorization", "AWS AKIAIOSFODNN7EXAMPLE:bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
    ];
    let parts = head("GET", "/photos/puppy.jpg", &headers);
    let late = ask_with(&config, &parts, "/photos/puppy.jpg", 1_175_024_202 + 901).expect_err("late");
    assert_eq!(late.code, "RequestTimeTooSkewed");
    let found = ask_with(&config, &parts, "/photos/puppy.jpg", 1_175_024_202);
    assert_eq!(found.expect("AWS's own example").signature_version, Some("AWS"));
    let url = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D\
               &Expires=1175139620";
    let parts = head("GET", url, &headers[..1]);
    let found = ask_with(&config, &parts, url, 1_175_139_000).expect("AWS's own example");
    assert_eq!((found.auth_type, found.signature_age_ms), (AuthType::Query, None));
    for (target, now, code) in [
        (url.to_owned(), 1_175_139_620, "AccessDenied"),
        (url.to_owned(), 1_175_139_619 - 604_800, "AuthorizationQueryParametersError"),
        (format!("{url}&acl"), 1_175_139_000, "SignatureDoesNotMatch"),
        (format!("{url}&encryption"), 1_175_139_000, "SignatureDoesNotMatch"),
        (format!("{url}&x-amz-acl=public-read"), 1_175_139_000, "InvalidArgument"),
        (url.replace("&Expires=1175139620", ""), 1_175_139_000, "AccessDenied"),
    ] {
        let parts = head("GET", &target, &headers[..1]);
        assert_eq!(ask_with(&config, &parts, &target, now).expect_err("refused").code, code, "{target}");
    }
    // A bucket's path is signed with a slash behind it, an object's as it is.
    for (host, path, good) in
        [("s3.amazonaws.com", "/b", true), ("b.s3.amazonaws.com", "/b", false), ("s3.amazonaws.com", "/b/b", false)]
    {
        let signature = super::super::sigv2::sign(
            SECRET,
            format!("GET\n\n\n{date}\n{}{path}/", if host.starts_with("b.") { "/b" } else { "" }).as_bytes(),
        );
        let authorization = format!("AWS {KEY}:{signature}");
        let parts = head("GET", path, &[("host", host), ("date", date), ("authorization", &authorization)]);
        assert_eq!(ask_with(&config, &parts, path, 1_175_024_202).is_ok(), good, "{host}{path}");
    }
    config.allow_sigv2 = false;
    assert_eq!(ask_with(&config, &parts, url, 1_175_139_000).expect_err("refused").code, "InvalidRequest");
}
