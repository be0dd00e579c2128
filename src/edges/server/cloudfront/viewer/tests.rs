//! Viewers who are let in, and all ways of bending what they were given.

use super::*;

fn request(path_and_query: &str) -> ViewerRequest<'_> {
    ViewerRequest {
        scheme: "http",
        host: "d111111abcdef8.cloudfront.net",
        path_and_query,
        cookies: &[],
        source_ip: IpAddr::from([192, 0, 2, 10]),
        now: 1_800_000_000,
    }
}

#[test]
fn a_behavior_for_everybody_lets_everybody_in_and_keeps_the_url() {
    let url = "/a?Expires=1&x=%&Signature=2";
    let admitted = admit(&request(url), &Behavior::default(), &CloudFront::default()).expect("a public behaviour");
    assert_eq!(
        (admitted.path_and_query(), admitted.path(), admitted.query()),
        (url, "/a", "Expires=1&x=%&Signature=2")
    );
    assert_eq!((admitted.key_pair_id(), admitted.expires()), (None, None));
}

#[test]
fn a_trusted_behavior_wants_a_key() {
    let behavior = Behavior { trusted_key_groups: vec!["gone".to_owned()], ..Behavior::default() };
    for (url, code) in [
        ("/a", "MissingKey"),
        ("/a?Expires=1", "MissingKey"),
        ("/a?Key-Pair-Id=K&Signature=a___&Expires=2", "MalformedSignature"),
        ("/a?Key-Pair-Id=K&Expires=2", "MissingSignature"),
        ("/a?Key-Pair-Id=K&Signature=AAAA&Expires=2", "InvalidKey"),
    ] {
        let refusal = admit(&request(url), &behavior, &CloudFront::default()).expect_err(url);
        assert_eq!((refusal.code(), refusal.status().as_u16()), (code, 403), "{url}");
    }
}
