//! What is kept, how long, and what tells answers apart.

use crate::{ALL_METHODS, Config, Place, cached, seen};
use std::time::Duration;

fn legacy(min: u64, default: u64, max: u64, forwarded: &str) -> String {
    format!(r#""ForwardedValues": {{{forwarded}}}, "MinTTL": {min}, "DefaultTTL": {default}, "MaxTTL": {max}"#)
}

const NOTHING: &str = r#""QueryString": false, "Cookies": {"Forward": "none"}"#;

#[test]
fn answers_are_kept_as_long_as_they_may_be() {
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open").behaving(&legacy(0, 1, 600, NOTHING))]);
    let viewer = place.viewer("EDOOR000000001");
    for (key, cache_control) in [("long", "max-age=600"), ("private", "private, max-age=600"), ("none", "no-cache")] {
        place.put(&format!("/open/{key}"), b"1", &[("cache-control", cache_control)]);
    }
    place.put("/open/default", b"1", &[]);
    for (key, expected) in [("long", "Hit"), ("private", "Miss"), ("none", "Miss"), ("default", "Hit")] {
        assert_eq!(cached(&viewer.get(&format!("/{key}"))), "Miss", "{key}");
        assert_eq!(cached(&viewer.get(&format!("/{key}"))), expected, "{key}");
    }
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(seen(&viewer.get("/default")), (200, "RefreshHit", "1".to_owned()), "it is still so");
    std::thread::sleep(Duration::from_millis(1100));
    place.put("/open/default", b"2", &[]);
    assert_eq!(seen(&viewer.get("/default")), (200, "Miss", "2".to_owned()), "it has changed");
    place.put("/open/long", b"2", &[("cache-control", "max-age=600")]);
    let kept = viewer.get("/long");
    assert_eq!(seen(&kept), (200, "Hit", "1".to_owned()));
    assert!(kept.header("age").parse::<u64>().expect("seconds") >= 2);
}

#[test]
fn errors_are_kept_for_a_moment_and_refusals_never() {
    let more = r#""CustomErrorResponses": {"Items": [{"ErrorCode": 404, "ErrorCachingMinTTL": 1}]}"#;
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open").with(more)]);
    let viewer = place.viewer("EDOOR000000001");
    assert_eq!(viewer.get("/late").status, 404);
    place.put("/open/late", b"late", &[]);
    let still = viewer.get("/late");
    assert_eq!((still.status, cached(&still)), (404, "Error"));
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(viewer.get("/late").text(), "late");
}

#[test]
fn invalidations_hold_at_once() {
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open")]);
    let viewer = place.viewer("EDOOR000000001");
    for key in ["a/1", "a/2", "b"] {
        place.put(&format!("/open/{key}"), b"old", &[]);
        assert_eq!(viewer.get(&format!("/{key}")).text(), "old");
        place.put(&format!("/open/{key}"), b"new", &[]);
        assert_eq!(seen(&viewer.get(&format!("/{key}"))), (200, "Hit", "old".to_owned()));
    }
    let cloudfront = place.root.of_service("cloudfront");
    let batch = "<InvalidationBatch xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Paths><Quantity>1</Quantity>\
                 <Items><Path>/a/*</Path></Items></Paths><CallerReference>1</CallerReference></InvalidationBatch>";
    let path = "/2020-05-31/distribution/EDOOR000000001/invalidation";
    let made = cloudfront.send("POST", path, &[], batch.as_bytes());
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(["/a/1", "/a/2", "/b"].map(|path| viewer.get(path).text()), ["new", "new", "old"]);

    let config = cloudfront.get("/2020-05-31/distribution/EDOOR000000001/config");
    let changed = config.text().replace("<Comment></Comment>", "<Comment>changed</Comment>");
    let changed = changed.replace("<Comment/>", "<Comment>changed</Comment>");
    let etag = [("if-match", config.header("etag"))];
    let path = "/2020-05-31/distribution/EDOOR000000001/config";
    let updated = cloudfront.send("PUT", path, &etag, changed.as_bytes());
    assert_eq!(updated.status, 200, "{}", updated.text());
    assert_eq!(viewer.get("/b").text(), "new", "a changed configuration keeps nothing of the older one");

    let config = cloudfront.get(path);
    let disabled = config.text().replace("<Enabled>true</Enabled>", "<Enabled>false</Enabled>");
    let etag = [("if-match", config.header("etag"))];
    assert_eq!(cloudfront.send("PUT", path, &etag, disabled.as_bytes()).status, 200);
    assert_eq!(viewer.get("/b").status, 403, "a disabled distribution serves nothing");
}

#[test]
fn what_is_forwarded_tells_answers_apart() {
    let named = r#""QueryString": true, "QueryStringCacheKeys": {"Items": ["v", "response-content-type"]},
        "Cookies": {"Forward": "whitelist", "WhitelistedNames": {"Items": ["c"]}}, "Headers": {"Items": ["X-A"]}"#;
    let place = Place::new(&[
        Config::new("EDOOR000000001").behaving(&legacy(0, 600, 600, named)),
        Config::new("EDOOR000000002"),
    ]);
    place.let_the_identity_read();
    place.put("/media/a", b"a", &[]);
    let viewer = place.viewer("EDOOR000000001");
    let ask = |path: &str, headers: &[(&str, &str)]| {
        let answer = viewer.send("GET", path, headers, b"");
        (answer.status, cached(&answer).to_owned())
    };
    let (miss, hit) = ((200, "Miss".to_owned()), (200, "Hit".to_owned()));
    assert_eq!(ask("/a?v=1", &[]), miss);
    assert_eq!(ask("/a?v=1&acl&w=2", &[("cookie", "d=1"), ("x-b", "1")]), hit, "what is not named does not matter");
    assert_eq!(ask("/a?v=2", &[]), miss);
    assert_eq!(ask("/a?v=1", &[("cookie", "d=1; c=1")]), miss);
    assert_eq!(ask("/a?v=1", &[("cookie", "c=1")]), hit);
    assert_eq!(ask("/a?v=1", &[("x-a", "1")]), miss);
    assert_eq!(ask("/a?v=1", &[("x-amz-expected-bucket-owner", "111122223333")]), miss, "S3 reads it: never shared");
    assert_eq!(ask("/a?v=1", &[("x-amz-expected-bucket-owner", "444455556666")]).0, 403);
    let typed = viewer.get("/a?response-content-type=text%2Fhtml");
    assert_eq!(typed.header("content-type"), "text/html");
    let sealed = place.viewer("EDOOR000000002");
    assert_eq!(seen(&sealed.get("/a?acl")), (200, "Miss", "a".to_owned()), "the query does not reach the origin");
}

#[test]
fn many_at_once_see_one_object() {
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open")]);
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let large = vec![7_u8; 9 << 20];
    place.put("/open/a", &body, &[]);
    place.put("/open/large", &large, &[]);
    let viewer = place.viewer("EDOOR000000001");
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| viewer.get("/a"))).collect();
        let answers: Vec<_> = asked.into_iter().map(|one| one.join().expect("an answer")).collect();
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == body));
        let missed = answers.iter().filter(|answer| cached(answer) == "Miss").count();
        assert_eq!(missed, 1, "the others wait for the first");
    });
    for _ in 0..2 {
        let answer = viewer.get("/large");
        assert_eq!((answer.status, cached(&answer), answer.body == large), (200, "Miss", true), "too large to be kept");
    }
    let part = viewer.send("GET", "/large", &[("range", "bytes=5-9")], b"");
    assert_eq!((part.status, part.body.as_slice()), (206, &[7_u8; 5][..]));
}

#[test]
fn secrets_of_customers_are_never_kept() {
    let behavior = format!("{}, {ALL_METHODS}", legacy(60, 600, 600, NOTHING));
    let place = Place::with(&[Config::new("EDOOR000000001").behaving(&behavior)], &["--allow-insecure-secrets"]);
    place.let_the_identity_read();
    let viewer = place.viewer("EDOOR000000001");
    let key = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("x-amz-server-side-encryption-customer-key-md5", "KYvwGXoFFJ42a2u2GDWhwQ=="),
    ];
    place.put("/media/a", b"secret", &key);
    for _ in 0..2 {
        assert_eq!(seen(&viewer.send("GET", "/a", &key, b"")), (200, "Miss", "secret".to_owned()));
        assert_eq!(viewer.get("/a").status, 400, "without the key nothing is shown");
    }
}
