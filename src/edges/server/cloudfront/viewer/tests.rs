//! Viewers who are let in, and all ways of bending what they were given.
//!
//! What botocore's `CloudFrontSigner` signed stands in `tests/data/viewer`.

use super::key::{KeyRing, ViewerKeyError};
use super::sign::{SignError, Terms, ViewerSigner};
use super::*;
use crate::edges::server::cloudfront::model::{KeyGroup, PublicKey};
use crate::storage::store::Kept;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::LazyLock;

const NOW: i64 = 1_800_000_000;
const HOST: &str = "d111111abcdef8.cloudfront.net";
const VIEWER: [u8; 4] = [192, 0, 2, 10];

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/data/viewer/", $name, ".pem"))
    };
}

/// Three keys, of which the group of the behaviour has two.
static DOOR: LazyLock<(Behavior, CloudFront)> = LazyLock::new(|| {
    let pems = [("KRSA", pem!("rsa.public")), ("KEC", pem!("ec.public")), ("KOTHER", pem!("other-rsa.public"))];
    let keys: HashMap<String, Kept<PublicKey>> =
        pems.map(|(id, pem)| (id.to_owned(), kept(id, public(id, pem)))).into();
    let group = KeyGroup {
        id: "G".to_owned(),
        name: "viewers".to_owned(),
        keys: ["KRSA", "KEC", "KBROKEN"].map(str::to_owned).into(),
        comment: String::new(),
        modified_ms: 0,
    };
    let viewer_keys = KeyRing::of(&keys);
    let groups = [("G".to_owned(), kept("G", group))].into();
    let behavior = Behavior { trusted_key_groups: ["GONE", "G"].map(str::to_owned).into(), ..Behavior::default() };
    (behavior, CloudFront { keys, groups, viewer_keys, ..CloudFront::default() })
});

fn public(id: &str, pem: &str) -> PublicKey {
    PublicKey {
        id: id.to_owned(),
        caller_reference: id.to_owned(),
        name: id.to_owned(),
        pem: pem.to_owned(),
        comment: String::new(),
        created_ms: 0,
    }
}

fn kept<T>(id: &str, document: T) -> Kept<T> {
    Kept { id: id.to_owned(), account: "111122223333".to_owned(), revision: 1, document }
}

fn request<'a>(path_and_query: &'a str, cookies: &'a [&'a str]) -> ViewerRequest<'a> {
    ViewerRequest { scheme: "http", host: HOST, path_and_query, cookies, source_ip: VIEWER.into(), now: NOW }
}

/// `Ok`: what the origin is asked for; `Err`: the code.
fn outcome(request: &ViewerRequest<'_>) -> Result<String, &'static str> {
    let (behavior, cloudfront) = &*DOOR;
    match admit(request, behavior, cloudfront) {
        Ok(admitted) => Ok(admitted.path_and_query().to_owned()),
        Err(refusal) => {
            assert_eq!(refusal.status(), 403);
            Err(refusal.code())
        }
    }
}

fn asked(path_and_query: &str) -> Result<String, &'static str> {
    outcome(&request(path_and_query, &[]))
}

fn with_cookies(path_and_query: &str, cookies: &[&str]) -> Result<String, &'static str> {
    outcome(&request(path_and_query, cookies))
}

fn signer(pem: &str, id: &str) -> ViewerSigner {
    ViewerSigner::new(pem.as_bytes(), id).expect("a test key")
}

static RSA: LazyLock<ViewerSigner> = LazyLock::new(|| signer(pem!("rsa.pkcs8"), "KRSA"));
static EC: LazyLock<ViewerSigner> = LazyLock::new(|| signer(pem!("ec.sec1"), "KEC"));

/// The path and query of a signed URL of [`HOST`].
fn tail(signer: &ViewerSigner, path: &str, terms: &Terms) -> String {
    let signed = signer.url(&format!("http://{HOST}{path}"), terms, NOW).expect("it can be signed");
    signed.strip_prefix(&format!("http://{HOST}")).expect("the URL of the host").to_owned()
}

fn canned() -> Terms {
    Terms::Canned { expires: NOW + 60 }
}

fn custom(policy: &str) -> Terms {
    Terms::Custom { policy: policy.to_owned() }
}

/// Signs whatever stands there, which [`ViewerSigner::url`] would refuse to do.
fn forced(path: &str, policy: &str) -> String {
    use base64::Engine as _;
    let (policy, signature) = (parameters::BASE64.encode(policy), EC.signature(policy).expect("a signature"));
    format!("{path}?Policy={policy}&Signature={signature}&Key-Pair-Id=KEC&Hash-Algorithm=SHA256")
}

#[test]
fn everybody_may_see_what_a_behavior_without_key_groups_serves() {
    let url = "/a?Expires=1&x=%&Signature=2";
    let admitted = admit(&request(url, &[]), &Behavior::default(), &DOOR.1).expect("a public behaviour");
    assert_eq!(
        (admitted.path_and_query(), admitted.path(), admitted.query()),
        (url, "/a", "Expires=1&x=%&Signature=2")
    );
    assert_eq!((admitted.key_pair_id(), admitted.expires()), (None, None));
}

#[test]
fn what_botocore_signed_is_accepted_until_it_ends_and_with_its_own_hash_alone() {
    let text = include_str!("../../../../../tests/data/viewer/vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let requests = vectors["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 40);
    for vector in requests {
        let field = |name: &str| vector[name].as_str().unwrap();
        let (name, cookie, url) = (field("name"), [field("cookie")], field("path_and_query"));
        let seen = ViewerRequest { scheme: field("scheme"), host: field("host"), ..request(url, &cookie) };
        let plain =
            if seen.host == HOST { "/images/horizon.jpg" } else { "/images/horizon.jpg?size=large&license=yes" };
        assert_eq!(outcome(&seen), Ok(plain.to_owned()), "{name}");
        assert_eq!(outcome(&ViewerRequest { now: NOW + 60, ..seen }), Err("AccessDenied"), "{name}: too late");
        let other_hash = |text: &str| {
            if text.contains("SHA256") {
                return text.replace("SHA256", "SHA1");
            }
            let named = text.replace("Key-Pair-Id=", "Hash-Algorithm=SHA256&Key-Pair-Id=");
            named.replace("CloudFront-Hash-Algorithm=SHA256&", "CloudFront-Hash-Algorithm=SHA256; CloudFront-")
        };
        let (url, cookie) = (other_hash(url), [other_hash(cookie[0])]);
        let cookies = cookie.each_ref().map(String::as_str);
        let bent = ViewerRequest { scheme: seen.scheme, host: seen.host, ..request(&url, &cookies) };
        assert_eq!(outcome(&bent), Err("AccessDenied"), "{name}: the other hash");
    }
}

#[test]
fn dates_addresses_and_resources_of_custom_policies() {
    let policy = policy::custom(Some("http*://*.cloudfront.net/a/*"), NOW + 60, Some(NOW - 60), Some("192.0.2.0/24"));
    let url = tail(&RSA, "/a/b", &custom(&policy));
    let good = request(&url, &[]);
    let mapped: IpAddr = std::net::Ipv4Addr::from(VIEWER).to_ipv6_mapped().into();
    for (seen, want) in [
        (good, Ok("/a/b")),
        (ViewerRequest { now: NOW + 59, ..good }, Ok("/a/b")),
        (ViewerRequest { now: NOW + 60, ..good }, Err("AccessDenied")),
        (ViewerRequest { now: NOW - 59, ..good }, Ok("/a/b")),
        (ViewerRequest { now: NOW - 60, ..good }, Err("AccessDenied")),
        (ViewerRequest { source_ip: mapped, ..good }, Ok("/a/b")),
        (ViewerRequest { source_ip: [192, 0, 3, 10].into(), ..good }, Err("AccessDenied")),
        (ViewerRequest { source_ip: "2001:db8::1".parse().unwrap(), ..good }, Err("AccessDenied")),
        (ViewerRequest { scheme: "https", ..good }, Ok("/a/b")),
        (ViewerRequest { host: "d2.cloudfront.net", ..good }, Ok("/a/b")),
        (ViewerRequest { host: "d2.cloudfront.net:80", ..good }, Err("AccessDenied")),
        (
            ViewerRequest {
                path_and_query: &url.replacen("/a/b", "/a/c?x=1&y=", 1).replacen("?Policy", "&Policy", 1),
                ..good
            },
            Ok("/a/c?x=1&y="),
        ),
        (ViewerRequest { path_and_query: &url.replacen("/a/b", "/A/b", 1), ..good }, Err("AccessDenied")),
        (ViewerRequest { path_and_query: &url.replacen("/a/b", "/b/a/", 1), ..good }, Err("AccessDenied")),
    ] {
        assert_eq!(outcome(&seen), want.map(str::to_owned), "{seen:?}");
    }
}

#[test]
fn every_bent_canned_url_is_refused() {
    let url = tail(&EC, "/a/b%2Fc?x=1&y=%", &canned());
    let good = request(&url, &[]);
    assert_eq!(outcome(&good), Ok("/a/b%2Fc?x=1&y=%".to_owned()));
    let later = url.replace(&(NOW + 60).to_string(), &(NOW + 61).to_string());
    let millions = url.replace(&(NOW + 60).to_string(), "1800000060000");
    let octal = url.replace("Expires=", "Expires=0");
    for (bent, want) in [
        (later.as_str(), "AccessDenied"),
        (&millions, "MalformedPolicy"),
        (&octal, "MalformedPolicy"),
        (&url.replace("/a/", "/b/"), "AccessDenied"),
        (&url.replace("%2F", "%2f"), "AccessDenied"),
        (&url.replace("%2F", "/"), "AccessDenied"),
        (&url.replace("x=1&", ""), "AccessDenied"),
        (&url.replace("x=1&", "x=2&"), "AccessDenied"),
        (&url.replace("x=1&", "x=1&z=1&"), "AccessDenied"),
        (&format!("{url}&z"), "AccessDenied"),
        (&format!("{url}&"), "AccessDenied"),
        (&url.replace("KEC", "KRSA"), "AccessDenied"),
        (&url.replace("KEC", "KOTHER"), "InvalidKey"),
        (&url.replace("KEC", "KNONE"), "InvalidKey"),
        (&url.replace("KEC", "KBROKEN"), "InvalidKey"),
        (&url.replace("KEC", ""), "MissingKey"),
        (&url.replace("Key-Pair-Id", "key-pair-id"), "MissingKey"),
        (&url.replace("Key-Pair-Id", "Key%2DPair-Id"), "AccessDenied"),
        (&url.replace("SHA256", "SHA1"), "AccessDenied"),
        (&url.replace("SHA256", "sha256"), "AccessDenied"),
        (&url.replace("SHA256", ""), "AccessDenied"),
        (&url.replace("&Hash-Algorithm=SHA256", ""), "AccessDenied"),
        (&format!("{url}&Expires={}", NOW + 60), "AccessDenied"),
        (&format!("{url}&Key-Pair-Id=KEC"), "AccessDenied"),
        (&format!("{url}&Signature"), "AccessDenied"),
        (&format!("{url}&%53ignature=x"), "AccessDenied"),
    ] {
        assert_eq!(asked(bent), Err(want), "{bent}");
    }
    for (bent, what) in [
        (ViewerRequest { scheme: "https", ..good }, "scheme"),
        (ViewerRequest { host: "D111111ABCDEF8.cloudfront.net", ..good }, "case of the host"),
        (ViewerRequest { host: "d111111abcdef8.cloudfront.net:80", ..good }, "port"),
        (ViewerRequest { host: "d222222abcdef8.cloudfront.net", ..good }, "host"),
    ] {
        assert_eq!(outcome(&bent), Err("AccessDenied"), "{what}");
    }
}

#[test]
fn bent_signatures_and_policies() {
    let canned = tail(&RSA, "/a", &canned());
    let custom = tail(&RSA, "/a", &custom(&policy::custom(Some("*"), NOW + 60, None, None)));
    for url in [&canned, &custom] {
        assert_eq!(asked(url), Ok("/a".to_owned()));
        let (before, rest) = url.split_once("Signature=").unwrap();
        let (signature, behind) = rest.split_once('&').unwrap();
        let with = |signature: &str| asked(&format!("{before}Signature={signature}&{behind}"));
        assert_eq!(with(&signature[..340]), Err("AccessDenied"), "truncated");
        assert_eq!(with(&signature[..341]), Err("MalformedSignature"), "truncated within a byte");
        assert_eq!(with(signature.trim_end_matches('_')), Ok("/a".to_owned()), "no padding");
        assert_eq!(with(&signature.replace('_', "=")), Err("MalformedSignature"), "plain padding");
        assert_eq!(with(&format!("{signature}%")), Err("MalformedSignature"), "a lone percent");
        assert_eq!(with(&format!("{}-/+==", &signature[..339])), Err("MalformedSignature"), "plain base64");
        assert_eq!(with(&signature.replace('_', "%5F")), Err("MalformedSignature"), "escapes");
        assert_eq!(with(&"A".repeat(513)), Err("MalformedSignature"), "too long");
        assert_eq!(with(""), Err("MissingSignature"), "none");
        assert_eq!(asked(&format!("{before}{behind}")), Err("MissingSignature"), "none");
    }
    let (before, rest) = custom.split_once("Policy=").unwrap();
    let (policy, behind) = rest.split_once('&').unwrap();
    let with = |policy: &str| asked(&format!("{before}Policy={policy}&{behind}"));
    assert_eq!(with(&policy.replacen('e', "f", 1)), Err("AccessDenied"));
    assert_eq!(with(&policy[..policy.len() - 4]), Err("AccessDenied"));
    assert_eq!(with("a"), Err("MalformedPolicy"));
    assert_eq!(with("~~~~"), Err("MalformedPolicy"), "not UTF-8");
    assert_eq!(with(&"e".repeat(8196)), Err("MalformedPolicy"), "too long");
    assert_eq!(with(""), Err("MalformedPolicy"));
    // The policy decides; a date beside it says nothing.
    assert_eq!(asked(&format!("{custom}&Expires=1")), Ok("/a".to_owned()));
}

#[test]
fn a_signed_url_comes_before_cookies() {
    let cookies = RSA.cookies(&format!("http://{HOST}/a?b=1"), &canned(), NOW).unwrap();
    let cookie = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let other = RSA.cookies("", &custom(&policy::custom(Some("*"), NOW + 60, None, None)), NOW).unwrap();
    let other = other.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect::<Vec<_>>();
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let signed = tail(&EC, "/a?b=1", &canned());
    let (all, denied) = (Ok("/a?b=1".to_owned()), Err("AccessDenied"));
    for (url, cookies, want) in [
        ("/a?b=1", [cookie.as_str()].as_slice(), &all),
        ("/a?b=1", &["x=1", "y", &cookie, "CloudFront-Other=2"], &all),
        ("/a?b=1", &other, &all),
        (&signed, &other, &all),
        (&signed, &["CloudFront-Key-Pair-Id=KNONE"], &all),
        ("/a?b=2", &[&cookie], &denied),
        ("/a?b=1", &[&cookie, &cookie], &denied),
        ("/a?b=1&Expires=1", &other, &Err("MissingKey")),
        ("/a?b=1&Hash-Algorithm=SHA256", &other, &Err("MissingKey")),
        (&signed.replace("b=1", "b=2"), &other, &denied),
        ("/a?b=1", &["CloudFront-Policy=a; CloudFront-Signature=b"], &Err("MissingKey")),
        ("/a?b=1", &["cloudfront-key-pair-id=KRSA"], &Err("MissingKey")),
        ("/a?b=1", &["CloudFront-Key-Pair-Id=KRSA; CloudFront-Signature=AAAA"], &Err("MalformedPolicy")),
        ("/a?b=1", &[], &Err("MissingKey")),
    ] {
        assert_eq!(&with_cookies(url, cookies), want, "{url} {cookies:?}");
    }
    assert!(parameters::is_signing_cookie("CloudFront-Policy") && !parameters::is_signing_cookie("CloudFront-Other"));
    assert!(!parameters::is_signing_cookie("Policy"));
}

#[test]
fn signed_policies_that_say_what_none_may_say() {
    let date = format!("{{\"AWS:EpochTime\":{}}}", NOW + 60);
    let condition = format!("\"Condition\":{{\"DateLessThan\":{date}}}");
    let statement = format!("{{\"Resource\":\"*\",{condition}}}");
    assert_eq!(asked(&forced("/a", &format!("{{\"Statement\":[{statement}]}}"))), Ok("/a".to_owned()));
    assert_eq!(asked(&forced("/a", &format!(" {{ \"Statement\" :\n[{{{condition}}}]}} "))), Ok("/a".to_owned()));
    let with = |condition: &str| format!("{{\"Statement\":[{{\"Condition\":{{{condition}}}}}]}}");
    let plain = format!("\"DateLessThan\":{date}");
    for policy in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("{{\"Statement\":{statement}}}"),
        format!("{{\"Statement\":[{statement},{statement}]}}"),
        format!("{{\"Statement\":[{statement}],\"Statement\":[{statement}]}}"),
        format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statement}]}}"),
        format!("{{\"Statement\":[{{\"Effect\":\"Allow\",{condition}}}]}}"),
        format!("{{\"Statement\":[{{\"Resource\":[\"*\"],{condition}}}]}}"),
        format!("{{\"Statement\":[{{\"Resource\":\"a\",{condition}}}]}}"),
        format!("{{\"Statement\":[{{\"Resource\":\"\",{condition}}}]}}"),
        "{\"Statement\":[{\"Resource\":\"*\"}]}".to_owned(),
        format!("{{\"Statement\":[{statement}]}}x"),
        with(""),
        with(&format!("\"DateGreaterThan\":{date}")),
        with(&format!("\"datelessthan\":{date}")),
        with("\"DateLessThan\":{}"),
        with("\"DateLessThan\":1800000060"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":\"1800000060\"}"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":1800000060.5}"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":18e8}"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":-1}"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":2147483648}"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":99999999999999999999}"),
        with("\"DateLessThan\":{\"AWS:EpochTime\":1800000060,\"x\":1}"),
        with("\"DateLessThan\":{\"aws:EpochTime\":1800000060}"),
        with(&format!("{plain},\"StringLike\":{{}}")),
        with(&format!("{plain},\"IpAddress\":{{\"AWS:SourceIp\":[\"192.0.2.0/24\",\"198.51.100.0/24\"]}}")),
        with(&format!("{plain},\"IpAddress\":{{\"AWS:SourceIp\":\"2001:db8::/32\"}}")),
        with(&format!("{plain},\"IpAddress\":{{\"AWS:SourceIp\":\"192.0.2.0/33\"}}")),
        with(&format!("{plain},\"IpAddress\":{{}}")),
        "[".repeat(4000),
    ] {
        assert_eq!(asked(&forced("/a", &policy)), Err("MalformedPolicy"), "{policy}");
        assert!(matches!(RSA.cookies("", &custom(&policy), NOW), Err(SignError::Policy(_))), "{policy}");
    }
}

#[test]
fn hostile_wildcards_take_no_time() {
    let policy = policy::custom(Some(&format!("*{}", "*a".repeat(2000))), NOW + 60, None, None);
    let started = std::time::Instant::now();
    assert_eq!(asked(&forced(&format!("/{}b", "a".repeat(8000)), &policy)), Err("AccessDenied"));
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn answers_are_cloudfronts_own() {
    let refusal = admit(&request("/a", &[]), &DOOR.0, &DOOR.1).unwrap_err();
    assert_eq!(
        refusal.document(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>MissingKey</Code><Message>Missing Key-Pair-Id query \
         parameter or cookie value</Message></Error>"
    );
    assert_eq!((refusal.kind(), refusal.detail()), (RefusalKind::MissingKey, "the request names no key"));
    assert_eq!(refusal.to_string(), "MissingKey: the request names no key");
}

#[test]
fn keys_of_all_kinds() {
    for pem in [pem!("rsa.pkcs1"), pem!("rsa.pkcs8"), pem!("ec.sec1"), pem!("ec.pkcs8")] {
        let id = if ViewerKey::from_pem(pem).is_err() && pem.len() > 1000 { "KRSA" } else { "KEC" };
        assert_eq!(asked(&tail(&signer(pem, id), "/a", &canned())), Ok("/a".to_owned()));
    }
    assert_eq!(asked(&tail(&signer(pem!("other-rsa.pkcs8"), "KRSA"), "/a", &canned())), Err("AccessDenied"));
    for (pem, want) in [
        ("", ViewerKeyError::NotPem),
        (pem!("rsa.pkcs8"), ViewerKeyError::NotPem),
        (pem!("rsa-3072.public"), ViewerKeyError::Unsupported),
        (pem!("p384.public"), ViewerKeyError::Unsupported),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", ViewerKeyError::Unsupported),
    ] {
        assert_eq!(ViewerKey::from_pem(pem).map(|_| ()), Err(want));
    }
    let unread = |pem: &str| ViewerSigner::new(pem.as_bytes(), "K").map(|_| ()).unwrap_err();
    assert_eq!(unread(pem!("rsa.public")), SignError::NoKey);
    assert_eq!(unread("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), SignError::UnsupportedKey);
}

#[test]
fn urls_are_signed_as_viewers_send_them() {
    let signed = |url: &str| EC.url(url, &canned(), NOW).map(|url| url.split_once("Expires").unwrap().0.to_owned());
    for (url, want) in [
        ("HTTP://Example.COM:80", "http://example.com/?"),
        ("https://Example.com:443?x", "https://example.com/?x&"),
        ("https://example.com:80/A?", "https://example.com:80/A?&"),
        ("http://127.0.0.1:9443/A", "http://127.0.0.1:9443/A?"),
    ] {
        assert_eq!(signed(url), Ok(want.to_owned()));
    }
    for url in [
        "/a",
        "ftp://h/a",
        "http:///a",
        "http://u@h/",
        "http://h/#a",
        "http://h/ä",
        "http://h/ ",
        "http://h/\"",
        "http://h/*",
        "http://h/?Policy=1",
        "http://h/?x&Expires",
        "http://h/?%45xpires=1",
    ] {
        assert!(matches!(signed(url), Err(SignError::Url(_))), "{url}");
    }
    let refused = |terms: &Terms| EC.url("http://h/a", terms, NOW).unwrap_err().to_string();
    assert_eq!(refused(&Terms::Canned { expires: NOW }), "the policy would be refused: its end has passed");
    let late = policy::custom(Some("*"), NOW + 60, Some(NOW + 59), None);
    assert_eq!(refused(&custom(&late)), "the policy would be refused: it ends before it begins");
    let other = policy::custom(Some("http://h/b"), NOW + 60, None, Some("192.0.2.10/32"));
    assert_eq!(refused(&custom(&other)), "the policy would be refused: the URL does not match the policy's `Resource`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_is_admitted_and_nothing_else(
        path in "/[a-zA-Z0-9/._~%!$'()+,;=:@-]{0,24}",
        query in proptest::option::of("[a-z0-9=&%/?._~-]{0,24}"),
        seconds in 1_i64..347_483_647,
        wildcard in any::<bool>(),
        at in any::<proptest::sample::Index>(),
        byte in 0x21_u8..0x7f,
    ) {
        let plain = format!("{path}{}", query.map(|query| format!("?{query}")).unwrap_or_default());
        let terms = if wildcard {
            custom(&policy::custom(Some(&format!("http://{HOST}{plain}")), NOW + seconds, None, None))
        } else {
            Terms::Canned { expires: NOW + seconds }
        };
        let url = tail(&EC, &plain, &terms);
        prop_assert_eq!(asked(&url), Ok(plain.clone()));
        let mut bent = url.clone().into_bytes();
        let at = at.index(bent.len());
        let old = std::mem::replace(&mut bent[at], byte);
        let bent = String::from_utf8(bent).unwrap();
        // A `?` of a custom resource stands for any character.
        let meant = wildcard && plain.as_bytes().get(at) == Some(&b'?');
        if old != byte && !meant {
            prop_assert!(asked(&bent).is_err(), "{}", bent);
        }
    }

    #[test]
    fn policies_of_any_text_are_read_or_refused(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            if let Err(refusal) = policy::Policy::read(&text) {
                prop_assert_eq!(refusal.kind(), RefusalKind::MalformedPolicy);
            }
            let url = format!("/a?{text}&Key-Pair-Id=KEC");
            prop_assert!(asked(&url).is_err());
        }
    }

    #[test]
    fn what_is_written_as_a_policy_is_read_back(
        resource in proptest::option::of("(http://|https://|http\\*|\\*)\\PC{0,40}"),
        before in 0_i64..=2_147_483_647,
        after in proptest::option::of(0_i64..=2_147_483_647),
        source in proptest::option::of((any::<[u8; 4]>(), 0_u8..=32)),
    ) {
        let source = source.map(|(ip, prefix)| format!("{}/{prefix}", std::net::Ipv4Addr::from(ip)));
        let read = policy::Policy::read(&policy::custom(resource.as_deref(), before, after, source.as_deref()));
        let want = policy::Policy {
            resource,
            date_less_than: before,
            date_greater_than: after,
            source: source.as_deref().and_then(crate::words::values::parse_range),
        };
        prop_assert_eq!(read, Ok(want));
    }
}
