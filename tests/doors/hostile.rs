//! What nobody should send.

use crate::support::raw;
use crate::{Config, Place, cached};

fn place() -> Place {
    Place::new(&[Config::new("EDOOR000000001").of_nobody("open"), Config::new("EDOOR000000002").of_nobody("nowhere")])
}

#[test]
fn hosts_that_are_no_distributions() {
    let place = place();
    place.put("/open/a", b"a", &[]);
    let ask = |host: &str| raw(&place.door, &format!("GET /a HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), b"");
    for host in ["Host: edoor000000001.localhost:80\r\n", "Host: EDOOR000000001.cloudfront.localhost\r\n"] {
        assert_eq!(ask(host).text(), "a", "{host}");
    }
    let unknown = ask("Host: example.com\r\n");
    assert_eq!((unknown.status, cached(&unknown), unknown.header("server")), (403, "Error", "CloudFront"));
    assert!(unknown.text().contains("connect to the server for this app or website at this time"));
    assert!(unknown.text().contains(unknown.header("x-amz-cf-id")));
    assert_eq!(ask(&format!("Host: {}\r\n", place.door)).status, 403);
    assert_eq!(ask("").status, 400);
    assert_eq!(ask("Host: edoor000000001.cloudfront.net\r\nHost: example.com\r\n").status, 400);
    let old = raw(&place.door, "GET /a HTTP/1.0\r\n\r\n", b"");
    assert_eq!(old.status, 403);
    let absolute =
        "GET http://edoor000000001.cloudfront.net/a HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(&place.door, absolute, b"").text(), "a", "the target's own host counts");
}

#[test]
fn heads_beyond_measure() {
    let place = place();
    place.put("/open/a", b"a", &[]);
    let viewer = place.viewer("EDOOR000000001");
    let cookie = |length: usize| viewer.send("GET", "/a", &[("cookie", &"c".repeat(length))], b"").status;
    assert_eq!((cookie(30_000), cookie(33_000)), (200, 413));
    assert_eq!(viewer.get(&format!("/a?{}", "x".repeat(8100))).status, 200);
    assert_eq!(viewer.get(&format!("/a?{}", "x".repeat(8200))).status, 413);
    assert_eq!(cookie(100_000), 431);
}

#[test]
fn loops_and_buckets_that_are_not_there() {
    let place = place();
    place.put("/open/a", b"a", &[]);
    let viewer = place.viewer("EDOOR000000001");
    let via = viewer.get("/a").header("via").to_owned();
    let back = viewer.send("GET", "/a", &[("via", &format!("1.1 other, {via}"))], b"");
    assert_eq!((back.status, back.header("server")), (403, "CloudFront"));
    assert_eq!(viewer.send("GET", "/a", &[("via", "1.1 0123.cloudfront.net (CloudFront)")], b"").status, 200);
    let missing = place.viewer("EDOOR000000002").get("/a");
    assert_eq!((missing.status, cached(&missing), missing.code()), (404, "Error", "NoSuchBucket".to_owned()));
}

#[test]
fn nothing_but_the_origins_bucket_is_reached() {
    let place = place();
    place.put("/open/a", b"a", &[]);
    place.put("/media/secret", b"secret", &[]);
    let viewer = place.viewer("EDOOR000000001");
    for path in ["/media/secret", "/../media/secret", "/%2E%2E/media/secret", "//media/secret", "/..%2Fmedia%2Fsecret"]
    {
        let answer = viewer.get(path);
        assert_eq!((answer.status, answer.code()), (404, "NoSuchKey".to_owned()), "{path}");
    }
    assert_eq!(viewer.get("/%zz").status, 400);
    assert_eq!(viewer.get("/%ff").status, 400);
    let other = viewer.send("GET", "/secret", &[("x-forwarded-host", "media.s3.amazonaws.com")], b"");
    assert_eq!(other.status, 404);
}
