//! Signature Version 2: off unless the operator wants it, and then with its dates.

use super::ground::Ground;
use super::wire::{bare, told, with_unsigned};
use crate::support::{now, raw};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn sign(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

fn by_query(method: &str, path: &str, expires: &str) -> String {
    let signature = sign("root-secret", &format!("{method}\n\n\n{expires}\n{path}"));
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("{path}?AWSAccessKeyId=AKIAROOT&Expires={expires}&Signature={signature}")
}

fn by_header(address: &str, path: &str, at: i64) -> String {
    let date = chrono::DateTime::from_timestamp(at, 0).expect("a time").format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let signature = sign("root-secret", &format!("GET\n\n\n{date}\n{path}"));
    let head = with_unsigned(&bare("GET", path, address, 0), "date", &date);
    with_unsigned(&head, "authorization", &format!("AWS AKIAROOT:{signature}"))
}

#[test]
fn it_is_off_by_default() {
    let ground = Ground::new();
    let soon = (now() + 60).to_string();
    let query = bare("GET", &by_query("GET", "/reports/kept", &soon), ground.address(), 0);
    for head in [by_header(ground.address(), "/reports/kept", now()), query] {
        let answer = ground.refused(&head, b"");
        assert_eq!(told(&answer), (400, "InvalidRequest".to_owned()), "{}", answer.text());
        assert!(answer.element("Message").contains("Please use AWS4-HMAC-SHA256"), "{}", answer.text());
    }
}

#[test]
fn where_it_is_on_its_dates_hold() {
    let ground = Ground::with(&["--allow-sigv2"]);
    let before = ground.stored();
    let header = |at| by_header(ground.address(), "/reports/kept", at);
    let query = |expires: &str| bare("GET", &by_query("GET", "/reports/kept", expires), ground.address(), 0);
    let soon = (now() + 60).to_string();
    assert_eq!(raw(ground.address(), &header(now()), b"").text(), "kept");
    assert_eq!(raw(ground.address(), &query(&soon), b"").text(), "kept");
    for at in [now() - 1_000, now() + 1_000, 0] {
        assert_eq!(told(&ground.refused(&header(at), b"")), (403, "RequestTimeTooSkewed".to_owned()), "{at}");
    }
    for (expires, expected) in [
        ((now() - 1).to_string(), (403, "AccessDenied")),
        ("0".to_owned(), (403, "AccessDenied")),
        ("-1".to_owned(), (403, "AccessDenied")),
        ("soon".to_owned(), (403, "AccessDenied")),
        ((now() + 604_900).to_string(), (400, "AuthorizationQueryParametersError")),
        ("99999999999999999999".to_owned(), (403, "AccessDenied")),
    ] {
        let answer = ground.refused(&query(&expires), b"");
        assert_eq!((answer.status, answer.code().as_str()), expected, "{expires}");
    }
    // Another method, another key, an operation that was not signed, and a header that makes a copy of it.
    let url = by_query("PUT", "/drop/v2", &soon);
    let put = bare("PUT", &url, ground.address(), 0);
    for head in [
        bare("DELETE", &url, ground.address(), 0),
        bare("PUT", &url.replace("/drop/v2", "/drop/v3"), ground.address(), 0),
        bare("PUT", &url.replace('?', "?acl&"), ground.address(), 0),
        bare("PUT", &url.replace('?', "?uploadId=a&partNumber=1&"), ground.address(), 0),
        with_unsigned(&put, "x-amz-copy-source", "vault/secret"),
        with_unsigned(&put, "x-amz-acl", "public-read"),
    ] {
        assert_eq!(told(&ground.refused(&head, b"")), (403, "SignatureDoesNotMatch".to_owned()), "{head}");
    }
    let both = ground.root().head("GET", &by_query("GET", "/reports/kept", &soon), &[], b"");
    assert_eq!(told(&ground.refused(&both, b"")), (400, "InvalidArgument".to_owned()));
    assert_eq!(ground.stored(), before);
}
