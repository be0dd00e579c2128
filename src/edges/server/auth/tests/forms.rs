//! POST forms: how they are read, and what their policies allow.
#![expect(clippy::format_push_string, reason = "bodies are put together as they read")]

use super::super::{AuthType, PostAuthenticated, PostForm, PostRequest, SigningKey, authenticate_post, read_form};
use super::*;
use base64::Engine as _;
use proptest::prelude::*;

const TYPE: &str = "multipart/form-data; boundary=XX";

fn form(fields: &[(&str, &str)], file: Option<(&str, &str)>) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        out += &format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    if let Some((name, content)) = file {
        out += &format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
        out += &format!("Content-Type: text/plain\r\n\r\n{content}\r\n");
    }
    out + "--XX--\r\n"
}

fn parse(body: &str, size: usize, kind: &str) -> Result<PostForm, S3Error> {
    let bytes = Bytes::from(body.to_owned());
    let pieces: Vec<_> =
        (0..bytes.len()).step_by(size).map(|at| Ok(bytes.slice(at..bytes.len().min(at + size)))).collect();
    run(read_form(stream::iter(pieces), kind))
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn content(form: PostForm) -> Result<Vec<u8>, S3Error> {
    run(async {
        let (mut file, mut content) = (form.file, Vec::new());
        while let Some(piece) = file.next().await {
            content.extend_from_slice(&piece?);
        }
        Ok(content)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn forms_are_read_in_any_pieces(size in 1_usize..200, text in "[a-z\r\n-]{0,300}") {
        let read = parse(&form(&[("Key", "a/${filename}"), ("acl", "")], Some(("C:\\x\\f.txt", &text))), size, TYPE);
        let read = read.expect("a form");
        let expected = [("key".to_owned(), "a/f.txt".to_owned()), ("acl".to_owned(), String::new())];
        prop_assert_eq!(&read.fields, &expected);
        prop_assert_eq!(read.field("key"), Some("a/f.txt"));
        prop_assert_eq!(content(read).expect("a file"), text.as_bytes());
    }
}

#[test]
fn malformed_forms_are_refused_and_large_ones_before_memory_is_spent() {
    let good = form(&[("key", "k")], Some(("f", "hello")));
    for (body, kind, code) in [
        (good.clone(), "application/json", "PreconditionFailed"),
        (good.clone(), "multipart/form-data", "MalformedPOSTRequest"),
        (good.replace("--XX", "--YY"), TYPE, "MalformedPOSTRequest"),
        (good.replace("name=\"key\"", "nom=\"key\""), TYPE, "MalformedPOSTRequest"),
        (form(&[("key", "k")], None), TYPE, "IncorrectNumberOfFilesInPostRequest"),
        (form(&[("key", "k"), ("KEY", "k")], Some(("f", ""))), TYPE, "InvalidArgument"),
        (form(&[("key", &"k".repeat(21_000))], Some(("f", ""))), TYPE, "MaxPostPreDataLengthExceeded"),
        ("x".repeat(3 << 20), TYPE, "MaxPostPreDataLengthExceeded"),
        (format!("--XX\r\na: {}", "x".repeat(3 << 20)), TYPE, "MaxPostPreDataLengthExceeded"),
    ] {
        let start = body.get(..60).unwrap_or(&body).to_owned();
        assert_eq!(parse(&body, 65_536, kind).expect_err("refused").code, code, "{start}");
    }
    let many: Vec<String> = (0..101).map(|i| format!("x-ignore-{i}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    let error = parse(&form(&many, Some(("f", ""))), 65_536, TYPE).expect_err("too many");
    assert_eq!(error.code, "MaxPostPreDataLengthExceeded");
    let cut = parse(good.strip_suffix("\r\n--XX--\r\n").expect("its end"), 7, TYPE).expect("fields");
    assert_eq!(content(cut).expect_err("cut off").code, "MalformedPOSTRequest");
}

#[test]
fn the_policys_lengths_bind_the_stream() {
    for (range, code) in [((5, 5), None), ((0, 4), Some("EntityTooLarge")), ((6, 9), Some("EntityTooSmall"))] {
        let mut read = parse(&form(&[("key", "k")], Some(("f", "hello"))), 3, TYPE).expect("a form");
        read.file.limit(Some(range));
        assert_eq!(content(read).err().map(|error| error.code), code);
    }
}

const CREDENTIAL: &str = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
const SIGNED: [(&str, &str); 3] =
    [("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-credential", CREDENTIAL), ("x-amz-date", "20130524T000000Z")];
const COVERED: &str =
    r#"["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],{"x-amz-date":"20130524T000000Z"}"#;

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Fields with a policy of these conditions, well signed.
fn with_policy(document: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let policy = base64::engine::general_purpose::STANDARD.encode(document);
    let signature = SigningKey::derive(SECRET, "20130524", "us-east-1", "s3").sign(&policy);
    let mut all = owned(fields);
    all.extend(owned(&SIGNED));
    all.extend(owned(&[("policy", &policy), ("x-amz-signature", &signature)]));
    all
}

fn post(fields: &[(String, String)], config: &AuthConfig) -> Result<PostAuthenticated, S3Error> {
    let parts = head("POST", "/b", &[("host", "s3.test")]);
    let post = PostRequest { parts: &parts, raw_path_and_query: "/b", bucket: "b", now_ms: NOW * 1000 };
    authenticate_post(post, fields, config, &Keys)
}

fn judged(conditions: &str, fields: &[(&str, &str)]) -> Result<PostAuthenticated, S3Error> {
    let document = format!(r#"{{"expiration":"2013-05-24T00:00:01Z","conditions":[{COVERED},{conditions}]}}"#);
    post(&with_policy(&document, fields), &config())
}

#[test]
fn conditions_are_met_or_the_form_is_refused() {
    let key = ("key", "user/a");
    for (conditions, fields, failure) in [
        (r#"{"bucket":"b"},["starts-with","$key","user/"]"#, vec![key], None),
        (r#"{"bUcKeT":"b"},["STARTS-WITH","$KEY",""]"#, vec![key, ("x-ignore-a", "1")], None),
        (r#"{"bucket":"b"},["eq","$key","user/a"],["content-length-range",1,"9"]"#, vec![key], None),
        (
            r#"{"bucket":"c"},["eq","$key","user/a"]"#,
            vec![key],
            Some(r#"Policy Condition failed: ["eq", "$bucket", "c"]"#),
        ),
        (
            r#"{"bucket":"b"},["eq","$key","user/"]"#,
            vec![key],
            Some(r#"Policy Condition failed: ["eq", "$key", "user/"]"#),
        ),
        (r#"{"bucket":"b"}"#, vec![key], Some("Extra input fields: key")),
        (r#"["eq","$key","user/a"]"#, vec![key], Some("Extra input fields: bucket")),
        (
            r#"{"bucket":"b"},["starts-with","$key",""]"#,
            vec![key, ("acl", "public-read")],
            Some("Extra input fields: acl"),
        ),
        (
            r#"{"bucket":"b"},["starts-with","$key",""],["starts-with","$Content-Type",""]"#,
            vec![key],
            Some(r#"Policy Condition failed: ["starts-with", "$content-type", ""]"#),
        ),
        (
            r#"{"bucket":"b"},["starts-with","$key",""],["starts-with","$Content-Type","image/"]"#,
            vec![key, ("content-type", "image/png, text/html")],
            Some(r#"Policy Condition failed: ["starts-with", "$content-type", "image/"]"#),
        ),
        (
            r#"{"bucket":"b"},["starts-with","$key",""]"#,
            vec![key, ("bucket", "c")],
            Some("The field bucket does not name"),
        ),
    ] {
        match (judged(conditions, &fields), failure) {
            (Ok(found), None) => assert_eq!(found.authenticated.auth_type, AuthType::Post),
            (Err(error), Some(sentence)) => {
                assert_eq!((error.code, error.status.as_u16()), ("AccessDenied", 403));
                let expected = format!("Invalid according to Policy: {sentence}");
                assert!(error.message.starts_with(&expected), "{}", error.message);
            }
            (result, _) => panic!("{conditions}: {result:?}"),
        }
    }
    let ranges =
        r#"{"bucket":"b"},["starts-with","$key",""],["content-length-range",1,9],["content-length-range",2,20]"#;
    assert_eq!(judged(ranges, &[key]).expect("good").length_range, Some((2, 9)));
}

#[test]
fn documents_are_read_strictly() {
    let expiration = r#""expiration":"2013-05-24T00:00:01Z""#;
    for document in [
        String::new(),
        "[]".to_owned(),
        format!("{{{expiration}}}"),
        r#"{"conditions":[]}"#.to_owned(),
        format!(r#"{{{expiration},{expiration},"conditions":[]}}"#),
        format!(r#"{{{expiration},"conditions":[],"more":1}}"#),
        format!(r#"{{{expiration},"CONDITIONS":[]}}"#),
        r#"{"expiration":"2013-05-24 00:00:01","conditions":[]}"#.to_owned(),
        r#"{"expiration":"2013","conditions":[]}"#.to_owned(),
        r#"{"expiration":1400000000,"conditions":[]}"#.to_owned(),
        format!(r#"{{{expiration},"conditions":{{}}}}"#),
        format!(r#"{{{expiration},"conditions":[{{}}]}}"#),
        format!(r#"{{{expiration},"conditions":[{{"a":"1","b":"2"}}]}}"#),
        format!(r#"{{{expiration},"conditions":[{{"a":1}}]}}"#),
        format!(r#"{{{expiration},"conditions":[["eq","key","a"]]}}"#),
        format!(r#"{{{expiration},"conditions":[["ne","$key","a"]]}}"#),
        format!(r#"{{{expiration},"conditions":[["eq","$key"]]}}"#),
        format!(r#"{{{expiration},"conditions":[["content-length-range",1]]}}"#),
        format!(r#"{{{expiration},"conditions":[["content-length-range",-1,0]]}}"#),
        format!(r#"{{{expiration},"conditions":[["content-length-range",2,1]]}}"#),
    ] {
        let error = post(&with_policy(&document, &[("key", "k")]), &config()).expect_err("refused");
        assert_eq!(
            (error.code, error.status.as_u16()),
            if document.is_empty() { ("InvalidArgument", 400) } else { ("InvalidPolicyDocument", 400) },
            "{document}"
        );
    }
    let late = r#"{"expiration":"2013-05-24T00:00:00Z","conditions":[]}"#;
    let error = post(&with_policy(late, &[]), &config()).expect_err("expired");
    assert_eq!((error.code, error.message.as_ref()), ("AccessDenied", "Invalid according to Policy: Policy expired."));
}

#[test]
fn forms_are_signed_wholly_or_not_at_all() {
    let anonymous = post(&owned(&[("key", "k")]), &config()).expect("anonymous").authenticated;
    assert!(anonymous.caller.is_anonymous());
    assert_eq!(anonymous.auth_type, AuthType::Anonymous);
    let document =
        format!(r#"{{"expiration":"2013-05-24T00:00:01Z","conditions":[{COVERED},{{"bucket":"b"}},{{"key":"k"}}]}}"#);
    let good = with_policy(&document, &[("key", "k")]);
    assert!(post(&good, &config()).is_ok());
    for name in ["policy", "x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date"] {
        let without: Vec<_> = good.iter().filter(|(found, _)| found != name).cloned().collect();
        let error = post(&without, &config()).expect_err("incomplete");
        assert_eq!((error.code, error.status.as_u16()), ("InvalidArgument", 400), "{name}");
    }
    for (name, value, code) in [
        ("x-amz-signature", "00", "SignatureDoesNotMatch"),
        ("policy", "e30=", "SignatureDoesNotMatch"),
        ("x-amz-algorithm", "AWS4", "InvalidArgument"),
        ("x-amz-date", "2013", "InvalidArgument"),
        ("x-amz-date", "20130525T000000Z", "AccessDenied"),
        ("x-amz-date", "20130523T000000Z", "InvalidArgument"),
        ("x-amz-credential", "NOBODY/20130524/us-east-1/s3/aws4_request", "InvalidAccessKeyId"),
        ("x-amz-credential", "TEMPORARY/20130524/us-east-1/s3/aws4_request", "InvalidAccessKeyId"),
        ("x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20130524/mars/s3/aws4_request", "InvalidArgument"),
    ] {
        let mut altered = good.clone();
        altered.iter_mut().filter(|(found, _)| found == name).for_each(|(_, old)| value.clone_into(old));
        assert_eq!(post(&altered, &config()).expect_err("refused").code, code, "{name}={value}");
    }
    let parts = signed(&SIGNER, "POST", "/b", &[]);
    let request = PostRequest { parts: &parts, raw_path_and_query: "/b", bucket: "b", now_ms: NOW * 1000 };
    let error = authenticate_post(request, &good, &config(), &Keys).expect_err("signed twice");
    assert_eq!(error.code, "InvalidArgument");
}

#[test]
fn signature_version_2_of_forms_is_a_setting() {
    let document = r#"{"expiration":"2013-05-24T00:00:01Z","conditions":[{"bucket":"b"},{"key":"k"}]}"#;
    let policy = base64::engine::general_purpose::STANDARD.encode(document);
    let signature = super::super::sigv2::sign(SECRET, policy.as_bytes());
    let fields = owned(&[("key", "k"), ("awsaccesskeyid", KEY), ("policy", &policy), ("signature", &signature)]);
    assert_eq!(post(&fields, &config()).expect_err("refused").code, "InvalidRequest");
    let mut old = config();
    old.allow_sigv2 = true;
    assert_eq!(post(&fields, &old).expect("good").authenticated.signature_version, Some("AWS"));
    assert_eq!(post(&fields[..3], &old).expect_err("no signature").status, 400);
    let mut wrong = fields.clone();
    wrong[3].1.push('=');
    assert_eq!(post(&wrong, &old).expect_err("altered").code, "SignatureDoesNotMatch");
    let mut both = fields;
    both.extend(owned(&SIGNED));
    assert_eq!(post(&both, &old).expect_err("both").code, "InvalidArgument");
}

#[test]
fn the_file_of_a_form_is_verified_like_any_body() {
    for (text, good) in [("hello", true), ("hallo", false)] {
        let read = parse(&form(&[("key", "k"), ("x-amz-checksum-crc32", "NhCmhg==")], Some(("f", text))), 9, TYPE);
        let read = read.expect("a form");
        let found = post(&read.fields, &config()).expect("anonymous").authenticated;
        let mut body = VerifiedBody::new(read.file, found.body, Want { md5: true, checksum: None });
        let result = run(super::super::collect(&mut body, 100));
        assert_eq!(result.as_ref().err().map(|error| error.code), (!good).then_some("BadDigest"));
        assert_eq!(body.outcome().is_some_and(|outcome| outcome.md5.is_some()), good);
    }
}
