//! Every rule, as a request that breaks it.

use super::super::AuthType;
use super::*;

fn refused(parts: &Parts, target: &str) -> S3Error {
    ask(parts, target).expect_err("refused")
}

fn detail<'e>(error: &'e S3Error, name: &str) -> Option<&'e str> {
    error.details.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
}

/// A good signature, then the header replaced.
fn with_header(name: &'static str, value: &str) -> Parts {
    let mut parts = signed(&SIGNER, "GET", "/b/k", &[]);
    parts.headers.insert(name, value.parse().expect("a value"));
    parts
}

fn authorization(from: &str, to: &str) -> S3Error {
    let mut parts = signed(&SIGNER, "GET", "/b/k", &[]);
    let old = parts.headers.get("authorization").and_then(|v| v.to_str().ok()).expect("there").to_owned();
    assert!(old.contains(from), "{old}");
    parts.headers.insert("authorization", old.replace(from, to).parse().expect("ASCII"));
    refused(&parts, "/b/k")
}

#[test]
fn what_is_signed_by_our_own_signer_is_accepted() {
    for target in ["/", "/b/k?acl", "/b/a%20b//..?prefix=%2B&x-id=PutObject", "/b/%E2%82%AC?versionId="] {
        assert!(ask(&signed(&SIGNER, "PUT", target, &[("x-amz-meta-a", " b   c ")]), target).is_ok(), "{target}");
    }
    let repeated = [("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")];
    assert!(ask(&signed(&SIGNER, "PUT", "/b/k", &repeated), "/b/k").is_ok());
}

#[test]
fn a_request_without_any_signature_is_anonymous() {
    let found = ask(&head("GET", "/b/k?prefix=a", &[("host", "s3.test")]), "/b/k?prefix=a").expect("anonymous");
    assert!(found.caller.is_anonymous());
    assert_eq!((found.auth_type, found.auth_type.condition_value()), (AuthType::Anonymous, None));
    assert_eq!((found.signature_version, found.access_key_id), (None, None));
    let error = refused(&head("GET", "/b/k?response-expires=0", &[]), "/b/k?response-expires=0");
    assert_eq!(error.code, "InvalidRequest");
}

#[test]
fn nothing_that_looks_like_a_signature_is_anonymous() {
    for (target, code) in [
        ("/b/k?X-Amz-Signature=00", "AuthorizationQueryParametersError"),
        ("/b/k?x-amz-signature=00", "AuthorizationQueryParametersError"),
        ("/b/k?X-Amz-Expires=60", "AuthorizationQueryParametersError"),
        ("/b/k?X-Amz-Security-Token=60", "AuthorizationQueryParametersError"),
        ("/b/k?Signature=00", "InvalidRequest"),
        ("/b/k?signature=00", "InvalidRequest"),
        ("/b/k?AWSAccessKeyId=00", "InvalidRequest"),
    ] {
        assert_eq!(refused(&head("GET", target, &[("host", "s3.test")]), target).code, code, "{target}");
    }
    for value in ["", "Basic YTpi", "Bearer x", "AWS4-ECDSA-P256-SHA256 Credential=a", "aws4-hmac-sha256 a", "AWS4"] {
        let parts = head("GET", "/b/k", &[("host", "s3.test"), ("authorization", value)]);
        let error = refused(&parts, "/b/k");
        assert_eq!((error.code, error.message.as_ref()), ("InvalidArgument", "Unsupported Authorization Type"));
    }
    let parts = head("GET", "/b/k", &[("host", "s3.test"), ("authorization", "AWS a:b")]);
    assert_eq!(
        refused(&parts, "/b/k").message,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    );
}

#[test]
fn one_authentication_a_request() {
    let url = SIGNER.presign("GET", "http://s3.test/b/k", &[], 60, NOW).expect("signed");
    let target = url.strip_prefix("http://s3.test").expect("the host");
    let parts = signed(&SIGNER, "GET", target, &[]);
    assert!(refused(&parts, target).message.starts_with("Only one auth mechanism allowed; only the X-Amz-Algorithm"));
    let both = format!("{target}&Signature=1&AWSAccessKeyId=2&Expires=3");
    assert_eq!(refused(&head("GET", &both, &[("host", "s3.test")]), &both).code, "InvalidArgument");
    let mut parts = signed(&SIGNER, "GET", "/b/k", &[]);
    let again = parts.headers.get("authorization").expect("there").clone();
    parts.headers.append("authorization", again);
    assert_eq!(refused(&parts, "/b/k").code, "InvalidArgument");
    for name in ["x-amz-date", "x-amz-content-sha256", "host", "x-amz-copy-source", "x-amz-tagging", "content-type"] {
        let mut parts = signed(&SIGNER, "PUT", "/b/k", &[]);
        parts.headers.append(name, "a".parse().expect("a value"));
        parts.headers.append(name, "b".parse().expect("a value"));
        assert_eq!(refused(&parts, "/b/k").code, "InvalidArgument", "{name}");
    }
}

#[test]
fn a_malformed_header_is_named() {
    for (from, to, sentence) in [
        ("Credential=", "Credentials=", "the authorization component \"Credentials=AKIA"),
        (", Signature=", ", Signature=0, Signature=", "the authorization component \"Signature="),
        ("Credential=AKIAIOSFODNN7EXAMPLE", "Credential=", "a non-empty Access Key (AKID) must be provided"),
        ("/aws4_request", "", "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/"),
        ("/aws4_request", "/aws4_request/x", "the Credential is mal-formed"),
        ("/aws4_request", "/aws5_request", "incorrect terminal \"aws5_request\". This endpoint uses"),
        ("/s3/", "/ec2/", "incorrect service \"ec2\". This endpoint belongs to \"s3\"."),
        ("/20130524/", "/2013052/", "incorrect date format \"2013052\"."),
        ("/20130524/", "/20130525/", "Invalid credential date \"20130525\"."),
        ("/us-east-1/", "/eu-west-1/", "the region 'eu-west-1' is wrong; expecting 'us-east-1'"),
        ("SignedHeaders=host;", "SignedHeaders=Host;", "the authorization component \"SignedHeaders=Host;"),
        ("SignedHeaders=host;", "SignedHeaders=host;host;", "the authorization component \"SignedHeaders="),
        ("SignedHeaders=host;", "SignedHeaders=;", "the authorization component \"SignedHeaders="),
    ] {
        let error = authorization(from, to);
        assert_eq!(error.code, "AuthorizationHeaderMalformed", "{to}");
        assert_eq!(error.status, 400);
        let expected = format!("The authorization header is malformed; {sentence}");
        assert!(error.message.starts_with(&expected), "{}", error.message);
    }
    assert_eq!(detail(&authorization("/us-east-1/", "/eu-west-1/"), "Region"), Some("us-east-1"));
    assert_eq!(authorization("Signature=", "Signature=zz").code, "SignatureDoesNotMatch");
    let parts = with_header("authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e");
    assert!(refused(&parts, "/b/k").message.contains("three components"));
}

#[test]
fn any_region_is_a_setting() {
    let elsewhere = Signer { region: "mars-1", ..SIGNER };
    let parts = signed(&elsewhere, "GET", "/b/k", &[]);
    assert_eq!(refused(&parts, "/b/k").code, "AuthorizationHeaderMalformed");
    let found = ask_with(&AuthConfig::new(RegionRule::Any), &parts, "/b/k", NOW).expect("any region");
    assert_eq!(found.region.as_deref(), Some("mars-1"));
    let nowhere = signed(&Signer { region: "", ..SIGNER }, "GET", "/b/k", &[]);
    assert!(ask_with(&AuthConfig::new(RegionRule::Any), &nowhere, "/b/k", NOW).is_err());
}

#[test]
fn clocks_may_be_fifteen_minutes_apart() {
    let parts = signed(&SIGNER, "GET", "/b/k", &[]);
    for (now, good) in [(NOW + 900, true), (NOW - 900, true), (NOW + 901, false), (NOW - 901, false)] {
        let result = ask_with(&config(), &parts, "/b/k", now);
        assert_eq!(result.is_ok(), good, "{now}");
        if let Err(error) = result {
            assert_eq!((error.code, error.status.as_u16()), ("RequestTimeTooSkewed", 403));
            assert_eq!(detail(&error, "RequestTime"), Some("20130524T000000Z"));
            assert_eq!(detail(&error, "MaxAllowedSkewMilliseconds"), Some("900000"));
        }
    }
    assert_eq!(ask_with(&config(), &parts, "/b/k", NOW - 5).expect("good").signature_age_ms, Some(0));
    for value in ["", "yesterday", "2013-05-24T00:00:00Z"] {
        let error = refused(&with_header("x-amz-date", value), "/b/k");
        assert_eq!(error.code, "AccessDenied");
        assert_eq!(error.message, "AWS authentication requires a valid Date or x-amz-date header");
    }
}

#[test]
fn the_checks_have_their_order() {
    // Everything is wrong: skew, then region, then key, then token, then signature.
    let wrong = Signer { access_key_id: "NOBODY", region: "mars-1", secret: "x", ..SIGNER };
    let parts = signed(&wrong, "GET", "/b/k", &[]);
    assert_eq!(ask_with(&config(), &parts, "/b/k", NOW + 901).expect_err("skew").code, "RequestTimeTooSkewed");
    assert_eq!(refused(&parts, "/b/k").code, "AuthorizationHeaderMalformed");
    let parts = signed(&Signer { region: "us-east-1", ..wrong }, "GET", "/b/k", &[]);
    assert_eq!(refused(&parts, "/b/k").code, "InvalidAccessKeyId");
    let ended = Signer { access_key_id: "ENDED", region: "us-east-1", ..wrong };
    let parts = signed(&ended, "GET", "/b/k", &[("x-amz-security-token", "token")]);
    assert_eq!(refused(&parts, "/b/k").code, "ExpiredToken");
    let parts = signed(&Signer { secret: "x", ..SIGNER }, "GET", "/b/k", &[]);
    assert_eq!(refused(&parts, "/b/k").code, "SignatureDoesNotMatch");
}

#[test]
fn keys_and_tokens() {
    for key in ["NOBODY", "INACTIVE", "TEMPORARY"] {
        let error = refused(&signed(&Signer { access_key_id: key, ..SIGNER }, "GET", "/b/k", &[]), "/b/k");
        assert_eq!((error.code, error.status.as_u16()), ("InvalidAccessKeyId", 403));
        assert_eq!(detail(&error, "AWSAccessKeyId"), Some(key));
    }
    let temporary = Signer { access_key_id: "TEMPORARY", ..SIGNER };
    let good = ask(&signed(&temporary, "GET", "/b/k", &[("x-amz-security-token", "token")]), "/b/k").expect("good");
    assert_eq!(good.session_token.as_deref(), Some("token"));
    assert_eq!(good.expires_at_ms, Some((NOW + 600) * 1000));
    let wrong = signed(&temporary, "GET", "/b/k", &[("x-amz-security-token", "tokem")]);
    assert_eq!(refused(&wrong, "/b/k").code, "InvalidToken");
    let needless = signed(&SIGNER, "GET", "/b/k", &[("x-amz-security-token", "token")]);
    assert_eq!(refused(&needless, "/b/k").code, "InvalidToken");
}

#[test]
fn whatever_is_altered_breaks_the_signature() {
    let parts = signed(&SIGNER, "GET", "/b/k?acl", &[("range", "bytes=0-9")]);
    for target in ["/b/k", "/b/K?acl", "/b//k?acl", "/b/./k?acl", "/b/k?acl&a", "/b/k?acl=x"] {
        assert_eq!(refused(&parts, target).code, "SignatureDoesNotMatch", "{target}");
    }
    let mut other = head("PUT", "/b/k?acl", &[]);
    other.headers = parts.headers.clone();
    assert_eq!(refused(&other, "/b/k?acl").code, "SignatureDoesNotMatch");
    for (name, value) in [("range", "bytes=0-99"), ("host", "s3.evil"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")] {
        let mut altered = signed(&SIGNER, "GET", "/b/k", &[("range", "bytes=0-9")]);
        altered.headers.insert(name, value.parse().expect("a value"));
        assert_eq!(refused(&altered, "/b/k").code, "SignatureDoesNotMatch", "{name}");
    }
    let mut removed = signed(&SIGNER, "GET", "/b/k", &[("range", "bytes=0-9")]);
    removed.headers.remove("range");
    assert_eq!(refused(&removed, "/b/k").code, "SignatureDoesNotMatch");
    let error = refused(&with_header("x-amz-date", "20130524T000001Z"), "/b/k");
    assert_eq!((error.code, error.status.as_u16()), ("SignatureDoesNotMatch", 403));
    assert_eq!(detail(&error, "AWSAccessKeyId"), Some(KEY));
    assert!(
        detail(&error, "StringToSign").is_some_and(|text| text.starts_with("AWS4-HMAC-SHA256\n20130524T000001Z\n"))
    );
    assert!(detail(&error, "CanonicalRequest").is_some_and(|text| text.starts_with("GET\n/b/k\n\nhost:s3.test\n")));
}

#[test]
fn a_customers_key_is_not_echoed() {
    let name = "x-amz-server-side-encryption-customer-key";
    let mut parts = signed(&SIGNER, "PUT", "/b/k", &[(name, "c2VjcmV0")]);
    parts.headers.insert("x-amz-date", "20130524T000001Z".parse().expect("a value"));
    let error = refused(&parts, "/b/k");
    assert!(error.details.iter().all(|(_, value)| !value.contains("c2VjcmV0")));
}

#[test]
fn unsigned_amz_headers_are_refused() {
    for name in ["x-amz-copy-source", "x-amz-acl", "x-amz-meta-a", "x-amz-security-token"] {
        let error = refused(&with_header(name, "/b/secret"), "/b/k");
        assert_eq!(error.code, "AccessDenied");
        assert_eq!(error.message, "There were headers present in the request which were not signed");
        assert_eq!(detail(&error, "HeadersNotSigned"), Some(name));
        let url = SIGNER.presign("PUT", "http://s3.test/b/k", &[], 60, NOW).expect("signed");
        let target = url.strip_prefix("http://s3.test").expect("the host");
        let parts = head("PUT", target, &[("host", "s3.test"), (name, "/b/secret")]);
        assert_eq!(detail(&refused(&parts, target), "HeadersNotSigned"), Some(name));
    }
    let error = authorization("SignedHeaders=host;", "SignedHeaders=");
    assert_eq!(detail(&error, "HeadersNotSigned"), Some("host"));
}

#[test]
fn the_payload_hash_is_demanded_and_must_mean_something() {
    let mut parts = signed(&SIGNER, "GET", "/b/k", &[]);
    parts.headers.remove("x-amz-content-sha256");
    let error = refused(&parts, "/b/k");
    assert_eq!(error.message, "Missing required header for this request: x-amz-content-sha256");
    for value in ["", "abc", "unsigned-payload", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"] {
        let error = refused(&signed(&SIGNER, "PUT", "/b/k", &[("x-amz-content-sha256", value)]), "/b/k");
        assert_eq!(error.code, "InvalidArgument", "{value}");
        assert_eq!(detail(&error, "ArgumentName"), Some("x-amz-content-sha256"));
    }
}

fn presigned(change: impl Fn(&str) -> String) -> Result<Authenticated, S3Error> {
    let url = SIGNER.presign("GET", "http://s3.test/b/k", &[], 60, NOW).expect("signed");
    let target = change(url.strip_prefix("http://s3.test").expect("the host"));
    ask(&head("GET", &target, &[("host", "s3.test")]), &target)
}

#[test]
fn presigned_parameters_are_read_strictly() {
    assert!(presigned(str::to_owned).is_ok());
    let week = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                than 604800 seconds";
    for (from, to, sentence) in [
        ("X-Amz-Expires=60", "X-Amz-Expires=604801", week),
        ("X-Amz-Expires=60", "X-Amz-Expires=99999999999999999999", week),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires=60", "X-Amz-Expires=0", "X-Amz-Expires must be at least 1 second"),
        ("X-Amz-Expires=60", "X-Amz-Expires=1e3", "X-Amz-Expires should be a number"),
        ("X-Amz-Expires=60", "X-Amz-Expires=", "X-Amz-Expires should be a number"),
        ("X-Amz-Expires=60", "a=b", "Query-string authentication version 4 requires the X-Amz-Algorithm"),
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4", "X-Amz-Algorithm only supports"),
        ("X-Amz-Date=2013", "X-Amz-Date=x013", "X-Amz-Date must be in the ISO8601 Long Format"),
        ("%2Fus-east-1%2F", "%2Fmars%2F", "Error parsing the X-Amz-Credential parameter; the region 'mars' is wrong"),
        ("%2Fs3%2F", "%2Fec2%2F", "Error parsing the X-Amz-Credential parameter; incorrect service \"ec2\"."),
        ("%2Faws4_request", "", "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed"),
        ("%2F20130524%2F", "%2F20130523%2F", "Error parsing the X-Amz-Credential parameter; Invalid credential date"),
        ("SignedHeaders=host", "SignedHeaders=Host", "X-Amz-SignedHeaders must be"),
        ("?X-Amz", "?X-Amz-Expires=604800&X-Amz", "The query parameter X-Amz-Expires was specified more than once."),
        ("X-Amz-Date", "x-amz-date", "Query-string authentication version 4 requires"),
    ] {
        let error = presigned(|target| target.replace(from, to)).expect_err("refused");
        if !error.message.starts_with(sentence) {
            assert_eq!(to, "x-amz-date", "{}", error.message);
        }
        assert_eq!((error.code, error.status.as_u16()), ("AuthorizationQueryParametersError", 400));
    }
    // A signature that is none is a wrong one: S3 has one answer for both.
    for (from, to) in [
        ("Expires=60", "Expires=61"),
        ("/b/k?", "/b/l?"),
        ("?X-Amz", "?versionId=1&X-Amz"),
        ("&X-Amz-Signature=", "&X-Amz-Signature=zz"),
        ("&X-Amz-Signature=", "&X-Amz-Signature=&a="),
    ] {
        let error = presigned(|target| target.replace(from, to)).expect_err("refused");
        assert_eq!((error.code, error.status.as_u16()), ("SignatureDoesNotMatch", 403), "{to}");
    }
}

#[test]
fn a_presigned_url_has_its_time_and_method() {
    let url = SIGNER.presign("GET", "http://s3.test/b/k", &[], 60, NOW).expect("signed");
    let target = url.strip_prefix("http://s3.test").expect("the host");
    let parts = head("GET", target, &[("host", "s3.test")]);
    for (now, message) in [
        (NOW - 901, Some("Request is not valid yet")),
        (NOW - 900, None),
        (NOW + 59, None),
        (NOW + 60, Some("Request has expired")),
    ] {
        let error = ask_with(&config(), &parts, target, now).err();
        assert_eq!(error.as_ref().map(|error| error.message.as_ref()), message, "{now}");
        if now == NOW + 60 {
            let error = error.expect("expired");
            assert_eq!(error.code, "AccessDenied");
            assert_eq!(detail(&error, "X-Amz-Expires"), Some("60"));
            assert_eq!(detail(&error, "Expires"), Some("2013-05-24T00:01:00Z"));
        }
    }
    let put = head("PUT", target, &[("host", "s3.test")]);
    assert_eq!(refused(&put, target).code, "SignatureDoesNotMatch");
}

#[test]
fn presigned_urls_of_temporary_keys_carry_their_token() {
    let signer = Signer { access_key_id: "TEMPORARY", session_token: Some("token"), ..SIGNER };
    let url = signer.presign("GET", "http://s3.test/b/k", &[], 3600, NOW).expect("signed");
    let target = url.strip_prefix("http://s3.test").expect("the host");
    let found = ask(&head("GET", target, &[("host", "s3.test")]), target).expect("good");
    assert_eq!(found.expires_at_ms, Some((NOW + 600) * 1000), "the key ends before the URL");
    let parts = head("GET", target, &[("host", "s3.test"), ("x-amz-security-token", "token")]);
    assert_eq!(refused(&parts, target).code, "AuthorizationQueryParametersError");
    let without = target.replace("&X-Amz-Security-Token=token", "");
    assert_eq!(refused(&head("GET", &without, &[("host", "s3.test")]), &without).code, "InvalidAccessKeyId");
}

#[test]
fn signed_headers_of_a_presigned_url_bind() {
    let hash = digest::hex(&digest::sha256(b"hello"));
    let bound = [("x-amz-content-sha256", hash.as_str()), ("x-amz-acl", "private")];
    let url = SIGNER.presign("PUT", "http://s3.test/b/k", &bound, 60, NOW).expect("signed");
    let target = url.strip_prefix("http://s3.test").expect("the host");
    let with = |acl| {
        let length = ("content-length", "5");
        let headers = [("host", "s3.test"), ("x-amz-content-sha256", hash.as_str()), ("x-amz-acl", acl), length];
        ask(&head("PUT", target, &headers), target)
    };
    let found = with("private").expect("as signed");
    assert_eq!(found.content_sha256.as_deref(), Some(hash.as_str()));
    assert!(read(vec![Bytes::from("hello")], found.body.clone(), Want::default()).is_ok());
    let error = read(vec![Bytes::from("hallo")], found.body, Want::default()).expect_err("altered");
    assert_eq!(error.code, "XAmzContentSHA256Mismatch");
    assert_eq!(with("public-read").expect_err("altered").code, "SignatureDoesNotMatch");
}

proptest::proptest! {
    #[test]
    fn nothing_panics_and_nothing_unsigned_gets_a_name(
        query in "([a-zA-Z0-9=&%+;/-]|X-Amz-Signature=|X-Amz-Credential=|&X-Amz-Date=20130524T000000Z|é){0,40}",
        header in "(AWS4-HMAC-SHA256 |AWS |Credential=|SignedHeaders=|Signature=|[a-zA-Z0-9=,/; ]){0,20}",
        sent in proptest::bool::ANY,
    ) {
        let target = format!("/b/k?{query}");
        let mut parts = head("GET", "/b/k", &[("host", "s3.test"), ("x-amz-date", "20130524T000000Z")]);
        if sent {
            parts.headers.insert("authorization", header.parse().expect("a value"));
        }
        let mut config = config();
        config.allow_sigv2 = true;
        if let Ok(found) = ask_with(&config, &parts, &target, NOW) {
            proptest::prop_assert!(found.caller.is_anonymous() && !sent);
        }
    }
}
