//! Behaviours: paths, methods, protocols, root objects, error pages.

use crate::{ALL_METHODS, Config, OPTIMIZED, Place, cached, seen};

#[test]
fn paths_methods_and_protocols() {
    let other = |pattern: &str, protocol: &str, more: &str| {
        format!(
            r#"{{"PathPattern": "{pattern}", "TargetOriginId": "o", "ViewerProtocolPolicy": "{protocol}", {OPTIMIZED}{more}}}"#
        )
    };
    let options = r#", "AllowedMethods": {"Items": ["GET", "HEAD", "OPTIONS"]}"#;
    let all = [
        other("/secure/*", "https-only", ""),
        other("moved/*", "redirect-to-https", &format!(", {ALL_METHODS}")),
        other("*.cors", "allow-all", options),
    ];
    let more = format!(r#""CacheBehaviors": {{"Items": [{}]}}, "DefaultRootObject": "index.html""#, all.join(","));
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open").with(&more)]);
    place.put("/open/index.html", b"home", &[]);
    place.put("/open/secure/a", b"s", &[]);
    let viewer = place.viewer("EDOOR000000001");

    assert_eq!(seen(&viewer.get("/")), (200, "Miss", "home".to_owned()));
    assert_eq!(seen(&viewer.get("/index.html")), (200, "Hit", "home".to_owned()));
    let secure = viewer.get("/secure/a");
    assert_eq!((secure.status, cached(&secure), secure.header("server")), (403, "Error", "CloudFront"));
    assert_eq!(viewer.get("/%73ecure/a").status, 403, "another spelling of the same key");
    let moved = viewer.get("/moved/a%2Fb?x=1");
    assert_eq!((moved.status, cached(&moved)), (301, "Redirect"));
    assert_eq!(moved.header("location"), "https://edoor000000001.cloudfront.net/moved/a%2Fb?x=1");
    assert_eq!(viewer.send("PUT", "/moved/a", &[], b"x").status, 307);

    let put = viewer.send("PUT", "/a", &[], b"x");
    assert_eq!(put.status, 403);
    assert!(put.text().contains("supports only cachable requests"), "{}", put.text());
    assert_eq!(viewer.send("OPTIONS", "/a", &[], b"").status, 403);
    assert_ne!(viewer.send("OPTIONS", "/a.cors", &[], b"").header("x-amz-request-id"), "", "S3 itself answers");
    let body = viewer.send("GET", "/index.html", &[], b"unwanted");
    assert_eq!((body.status, body.text().contains("has no body")), (403, true));
}

#[test]
fn origin_paths_and_pages_for_errors() {
    let more = r#""CustomErrorResponses": {"Items": [
        {"ErrorCode": 404, "ResponsePagePath": "/errors/missing.html", "ResponseCode": "200", "ErrorCachingMinTTL": 0},
        {"ErrorCode": 403, "ResponsePagePath": "/errors/gone.html", "ResponseCode": "404", "ErrorCachingMinTTL": 5}]}"#;
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open").with(more)]);
    let viewer = place.viewer("EDOOR000000001");
    let plain = viewer.get("/nothing");
    assert_eq!(
        (plain.status, cached(&plain), plain.code()),
        (404, "Error", "NoSuchKey".to_owned()),
        "without its page"
    );
    place.put("/open/errors/missing.html", b"<h1>missing</h1>", &[("content-type", "text/html")]);
    let page = viewer.get("/nothing");
    assert_eq!(seen(&page), (200, "Error", "<h1>missing</h1>".to_owned()));
    assert_eq!(page.header("content-type"), "text/html");
    let range = viewer.send("GET", "/nothing", &[("range", "bytes=0-3")], b"");
    assert_eq!((range.status, range.text()), (200, "<h1>missing</h1>".to_owned()));
    assert_eq!(viewer.send("HEAD", "/nothing", &[], b"").status, 200);
}

#[test]
fn ranges_conditions_and_keys_as_they_are() {
    let place = Place::new(&[Config::new("EDOOR000000001").of_nobody("open")]);
    place.put("/open/a", b"0123456789", &[]);
    place.put("/open/x%2Fy//../z%20%2B", b"odd", &[]);
    let viewer = place.viewer("EDOOR000000001");
    let ask = |headers: &[(&str, &str)]| viewer.send("GET", "/a", headers, b"");
    let first = ask(&[("range", "bytes=2-4")]);
    assert_eq!(seen(&first), (206, "Miss", "234".to_owned()));
    assert_eq!(first.header("content-range"), "bytes 2-4/10");
    let etag = first.header("etag").to_owned();
    assert_eq!(seen(&ask(&[("range", "bytes=-2")])), (206, "Hit", "89".to_owned()));
    assert_eq!(seen(&ask(&[("range", "bytes=0-1,3-4")])), (200, "Hit", "0123456789".to_owned()));
    assert_eq!(ask(&[("range", "bytes=10-")]).status, 416);
    let same = ask(&[("if-none-match", &etag)]);
    assert_eq!((same.status, cached(&same), same.header("etag")), (304, "Hit", etag.as_str()));
    assert_eq!(ask(&[("if-match", "\"x\"")]).status, 412);
    assert_eq!(ask(&[("if-none-match", "\"x\"")]).status, 200);
    assert_eq!(viewer.get("/x%2Fy//../z%20%2B").text(), "odd");
    assert_eq!(viewer.get("/x/y/z%20%2B").status, 404, "paths are never normalised");
    assert_eq!(viewer.get("/x/y//../z%20%2b").text(), "odd", "another spelling of the key");
}
