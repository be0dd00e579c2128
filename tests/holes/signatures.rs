//! Signature Version 4, header and query: what is altered, added, doubled or out of its time.

use super::ground::Ground;
use super::wire::{Signing, altered, bare, told, with_unsigned};
use crate::support::{now, raw};

/// `AccessDenied` for headers that nobody signed, by name.
const NOT_SIGNED: &str = "There were headers present in the request which were not signed";

#[test]
fn a_presigned_url_is_good_for_what_was_signed_and_nothing_else() {
    let ground = Ground::new();
    let before = ground.stored();
    let url = ground.root().presigned("GET", "/reports/kept", &[], 60, now());
    let send = |method: &str, target: &str| raw(ground.address(), &bare(method, target, ground.address(), 0), b"");
    assert_eq!(send("GET", &url).text(), "kept", "as it was signed");
    for method in ["PUT", "DELETE", "POST", "HEAD"] {
        let answer = send(method, &url);
        assert_eq!(answer.status, 403, "{method}");
    }
    for (from, to) in [
        ("Expires=60", "Expires=600"),
        ("/reports/kept", "/reports/kepp"),
        ("/reports/kept", "/vault/secret"),
        ("/reports/kept", "//reports/kept"),
        ("/reports/kept", "/reports/./kept"),
        ("?X-Amz", "?versionId=null&X-Amz"),
        ("?X-Amz", "?tagging&X-Amz"),
        ("?X-Amz", "?response-content-type=text%2Fhtml&X-Amz"),
        ("X-Amz-Date=20", "X-Amz-Date=19"),
        ("AKIAROOT", "AKIABOB"),
    ] {
        let answer = send("GET", &altered(&url, from, to));
        let expected: &[&str] = match (from, to) {
            ("/reports/kept", "//reports/kept") => &["InvalidBucketName"],
            ("X-Amz-Date=20", _) => &["AccessDenied"],
            _ => &["SignatureDoesNotMatch"],
        };
        assert!(expected.contains(&answer.code().as_str()), "{to}: {}", answer.text());
        assert!(!answer.text().contains(">kept<") && answer.text() != "kept");
    }
    let other_host = bare("GET", &url, "elsewhere.example", 0);
    assert_eq!(raw(ground.address(), &other_host, b"").code(), "SignatureDoesNotMatch");
    assert_eq!(ground.stored(), before);
}

#[test]
fn a_signature_that_is_none_is_a_wrong_one() {
    let ground = Ground::new();
    let url = ground.root().presigned("GET", "/reports/kept", &[], 60, now());
    let (rest, signature) = url.split_once("X-Amz-Signature=").expect("signed");
    let upper = signature.to_uppercase();
    let longer = format!("{signature}0");
    let shorter = &signature[..63];
    for other in [upper.as_str(), longer.as_str(), shorter, "", "x", "%00"] {
        let answer =
            raw(ground.address(), &bare("GET", &format!("{rest}X-Amz-Signature={other}"), ground.address(), 0), b"");
        assert_eq!(told(&answer), (403, "SignatureDoesNotMatch".to_owned()), "{other}");
    }
    let head = ground.root().head("GET", "/reports/kept", &[], b"");
    for (from, to) in [("Signature=", "Signature=0"), ("Signature=", "Signature=zz")] {
        let answer = ground.refused(&altered(&head, from, to), b"");
        assert_eq!(told(&answer), (403, "SignatureDoesNotMatch".to_owned()), "{to}");
    }
}

#[test]
fn a_presigned_url_has_its_time() {
    let ground = Ground::new();
    let get = |target: &str| raw(ground.address(), &bare("GET", target, ground.address(), 0), b"");
    let presigned = |expires, at| ground.root().presigned("GET", "/reports/kept", &[], expires, at);
    assert_eq!(get(&presigned(604_800, now())).status, 200, "a week is good");
    assert_eq!(get(&presigned(1_000, now() - 900)).status, 200);
    let expired = get(&presigned(60, now() - 61));
    assert_eq!((expired.status, expired.element("Message")), (403, "Request has expired".to_owned()));
    let early = get(&presigned(60, now() + 3_600));
    assert_eq!((early.status, early.element("Message")), (403, "Request is not valid yet".to_owned()));
    for expires in [604_801, u32::MAX, 0] {
        let answer = get(&presigned(expires, now()));
        assert_eq!(told(&answer), (400, "AuthorizationQueryParametersError".to_owned()), "{expires}");
    }
    for written in ["-1", "+60", "6e1", "", "0x60", "60.0", "99999999999999999999999"] {
        let answer = get(&altered(&presigned(60, now()), "X-Amz-Expires=60", &format!("X-Amz-Expires={written}")));
        assert_eq!(told(&answer), (400, "AuthorizationQueryParametersError".to_owned()), "{written}");
        assert!(answer.element("Message").contains("X-Amz-Expires"), "{}", answer.text());
    }
}

#[test]
fn the_scope_is_ours_and_the_clock_is_right() {
    let ground = Ground::new();
    let root = Signing::of("AKIAROOT", "root-secret");
    let get = |signing: &Signing<'_>| ground.refused(&signing.head(ground.address(), "GET", "/reports/kept", &[]), b"");
    let by_query = |signing: &Signing<'_>| {
        let url = signing.presigned(ground.address(), "GET", "/reports/kept", 60);
        ground.refused(&bare("GET", &url, ground.address(), 0), b"")
    };
    for wrong in [Signing { region: "mars-1", ..root }, Signing { service: "ec2", ..root }] {
        assert_eq!(told(&get(&wrong)), (400, "AuthorizationHeaderMalformed".to_owned()));
        assert_eq!(told(&by_query(&wrong)), (400, "AuthorizationQueryParametersError".to_owned()));
    }
    for at in [root.at - 1_000, root.at + 1_000, root.at - 86_400 * 365 * 20] {
        assert_eq!(told(&get(&Signing { at, ..root })), (403, "RequestTimeTooSkewed".to_owned()), "{at}");
    }
    let unknown = Signing::of("AKIANOBODY", "root-secret");
    let inactive = Signing::of("AKIAOLD", "old-secret");
    let wrong = Signing::of("AKIAROOT", "alice-secret");
    for (who, code) in
        [(&unknown, "InvalidAccessKeyId"), (&inactive, "InvalidAccessKeyId"), (&wrong, "SignatureDoesNotMatch")]
    {
        assert_eq!(told(&get(who)), (403, code.to_owned()), "{}", who.id);
        assert_eq!(told(&by_query(who)), (403, code.to_owned()), "{}", who.id);
    }
    // A credential of yesterday with a date of today.
    let head = root.head(ground.address(), "GET", "/reports/kept", &[]);
    let today = super::wire::basic(root.at);
    let answer = ground.refused(&altered(&head, &format!("/{}/", &today[..8]), "/20200101/"), b"");
    assert_eq!(told(&answer), (400, "AuthorizationHeaderMalformed".to_owned()));
    drop(ground);

    let anywhere = Ground::with(&["--any-region"]);
    let mars = Signing { region: "mars-1", ..root }.head(anywhere.address(), "GET", "/reports/kept", &[]);
    assert_eq!(raw(anywhere.address(), &mars, b"").text(), "kept");
    let ec2 = Signing { service: "ec2", ..root }.head(anywhere.address(), "GET", "/reports/kept", &[]);
    assert_eq!(raw(anywhere.address(), &ec2, b"").code(), "AuthorizationHeaderMalformed");
}

#[test]
fn headers_that_nobody_signed_are_refused() {
    let ground = Ground::new();
    let before = ground.stored();
    let added = [
        ("x-amz-copy-source", "vault/secret"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=\"x\""),
        ("x-amz-tagging", "a=b"),
        ("x-amz-meta-a", "b"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-bypass-governance-retention", "true"),
        ("x-amz-website-redirect-location", "/elsewhere"),
        ("x-amz-security-token", "x"),
        ("x-amz-expected-bucket-owner", "111122223333"),
        ("x-amz-mfa", "serial 123456"),
        ("x-amz-date", "20200101T000000Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    // Root can read the vault: an unsigned copy source would copy it for whoever holds the URL.
    let url = ground.root().presigned("PUT", "/drop/taken", &[], 60, now());
    let signed = ground.root().head("PUT", "/drop/taken", &[], b"");
    for (name, value) in added {
        let by_query = bare("PUT", &url, ground.address(), 0);
        let mut heads = vec![with_unsigned(&by_query, name, value)];
        if !signed.contains(&format!("\r\n{name}:")) {
            heads.push(with_unsigned(&signed, name, value));
        }
        for head in heads {
            let answer = ground.refused(&head, b"");
            assert_eq!(told(&answer), (403, "AccessDenied".to_owned()), "{name}: {}", answer.text());
            assert_eq!(answer.element("Message"), NOT_SIGNED, "{name}");
            assert_eq!(answer.element("HeadersNotSigned"), name);
        }
    }
    assert_eq!(ground.stored(), before);
    // What the URL was made for still works, and makes an empty object, not a copy.
    assert_eq!(raw(ground.address(), &bare("PUT", &url, ground.address(), 0), b"").status, 200);
    assert_eq!(ground.root().get("/drop/taken").body, b"");
}

#[test]
fn signed_headers_bind() {
    let ground = Ground::new();
    let before = ground.stored();
    let signed = [("x-amz-meta-a", "one"), ("x-amz-acl", "private"), ("content-type", "text/plain")];
    let url = ground.root().presigned("PUT", "/drop/bound", &signed, 60, now());
    let plain = bare("PUT", &url, ground.address(), 0);
    let with = |meta: &str, acl: &str| {
        let head = with_unsigned(&with_unsigned(&plain, "x-amz-meta-a", meta), "x-amz-acl", acl);
        with_unsigned(&head, "content-type", "text/plain")
    };
    let head = ground.root().head("PUT", "/drop/bound", &signed, b"");
    for wrong in [
        plain.clone(),
        with("two", "private"),
        with("one", "public-read"),
        altered(&head, "x-amz-meta-a: one", "x-amz-meta-a: two"),
        altered(&head, "x-amz-meta-a: one\r\n", ""),
        altered(&head, "content-type: text/plain", "content-type: text/html"),
        altered(&head, "PUT /drop/bound", "PUT /drop/bound?acl"),
        altered(&head, "PUT /drop/bound", "DELETE /drop/bound"),
        altered(&head, "PUT /drop/bound", "PUT /drop/other"),
    ] {
        assert_eq!(told(&ground.refused(&wrong, b"")), (403, "SignatureDoesNotMatch".to_owned()), "{wrong}");
    }
    assert_eq!(ground.stored(), before);
    assert_eq!(raw(ground.address(), &with("one", "private"), b"").status, 200);
}

#[test]
fn one_authentication_a_request_and_each_parameter_once() {
    let ground = Ground::new();
    let before = ground.stored();
    let url = ground.root().presigned("GET", "/reports/kept", &[], 60, now());
    // Both, each of them right by itself.
    let both = ground.alice().head("GET", &url, &[], b"");
    let answer = ground.refused(&both, b"");
    assert_eq!(told(&answer), (400, "InvalidArgument".to_owned()));
    assert!(answer.element("Message").starts_with("Only one auth mechanism allowed"), "{}", answer.text());
    for (name, value) in [
        ("X-Amz-Expires", "604800"),
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Credential", "AKIAALICE"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Signature", "00"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
    ] {
        for doubled in [format!("{url}&{name}={value}"), url.replacen('?', &format!("?{name}={value}&"), 1)] {
            let answer = ground.refused(&bare("GET", &doubled, ground.address(), 0), b"");
            assert_eq!(told(&answer), (400, "AuthorizationQueryParametersError".to_owned()), "{name}");
            assert!(answer.element("Message").contains(name), "{}", answer.text());
        }
    }
    // The same name as a header and as a parameter.
    let token = with_unsigned(&bare("GET", &url, ground.address(), 0), "x-amz-security-token", "t");
    assert_eq!(told(&ground.refused(&token, b"")), (403, "AccessDenied".to_owned()));
    let mut twice = ground.root().head("GET", "/reports/kept", &[], b"");
    twice = with_unsigned(&twice, "authorization", "AWS4-HMAC-SHA256 Credential=x");
    assert_eq!(told(&ground.refused(&twice, b"")), (400, "InvalidArgument".to_owned()));
    let date = with_unsigned(&ground.root().head("GET", "/reports/kept", &[], b""), "x-amz-date", "20200101T000000Z");
    assert_eq!(told(&ground.refused(&date, b"")), (400, "InvalidArgument".to_owned()));
    assert_eq!(ground.stored(), before);
}

#[test]
fn what_looks_like_a_signature_is_never_anonymous() {
    let ground = Ground::new();
    let get = |target: &str| ground.refused(&bare("GET", target, ground.address(), 0), b"");
    assert_eq!(ground.server.anonymous().get("/site/page").text(), "page", "this object is for everybody");
    for (query, code) in [
        ("X-Amz-Signature=00", "AuthorizationQueryParametersError"),
        ("x-amz-signature=00", "AuthorizationQueryParametersError"),
        ("X-Amz-Credential=AKIAROOT", "AuthorizationQueryParametersError"),
        ("X-Amz-Security-Token=x", "AuthorizationQueryParametersError"),
        ("AWSAccessKeyId=AKIAROOT&Signature=x&Expires=9999999999", "InvalidRequest"),
        ("Signature=x", "InvalidRequest"),
    ] {
        assert_eq!(told(&get(&format!("/site/page?{query}"))), (400, code.to_owned()), "{query}");
    }
    for value in ["", "Basic YTpi", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=AKIAROOT", "AWS a:b"] {
        let head = with_unsigned(&bare("GET", "/site/page", ground.address(), 0), "authorization", value);
        assert_eq!(ground.refused(&head, b"").status, 400, "{value:?}");
    }
    let session = with_unsigned(&bare("GET", "/site/page", ground.address(), 0), "x-amz-security-token", "x");
    assert_eq!(raw(ground.address(), &session, b"").text(), "page", "a token alone names nobody, and nobody may read");
}
