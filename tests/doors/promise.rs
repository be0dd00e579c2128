//! A bucket that only CloudFront reaches, and users who cannot go round it.

use crate::{ALL_METHODS, Config, IDENTITY, OPTIMIZED, Place, cached, seen};

const ALL_VIEWER: &str = r#""CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "OriginRequestPolicyId": "216adef6-5c7f-47e4-b989-5492eafa07d3""#;

#[test]
fn only_the_identity_reads_and_only_as_long_as_the_policy_says_so() {
    let place = Place::new(&[Config::new("EDOOR000000001")]);
    place.put("/media/report.txt", b"for viewers", &[("content-type", "text/plain")]);
    place.let_the_identity_read();
    let viewer = place.viewer("EDOOR000000001");

    let direct = place.server.anonymous().get("/media/report.txt");
    assert_eq!((direct.status, direct.code()), (403, "AccessDenied".to_owned()));
    let foreign = place.server.client("AKIAOTHER", "other-secret").get("/media/report.txt");
    assert_eq!((foreign.status, foreign.code()), (403, "AccessDenied".to_owned()));

    let first = viewer.get("/report.txt");
    assert_eq!(seen(&first), (200, "Miss", "for viewers".to_owned()));
    assert_eq!(first.header("content-type"), "text/plain");
    assert!(first.header("via").ends_with(".cloudfront.net (CloudFront)"), "{}", first.header("via"));
    assert!(!first.header("x-amz-cf-id").is_empty() && !first.header("x-amz-cf-pop").is_empty());
    let second = viewer.get("/report.txt");
    assert_eq!(seen(&second), (200, "Hit", "for viewers".to_owned()));
    assert_eq!(second.header("age"), "0");

    let allowed = place.why(second.header("x-amz-request-id"));
    assert!(allowed.contains("ALLOWED") && allowed.contains("EIDENTITY00001"), "{allowed}");
    let denied = place.why(foreign.header("x-amz-request-id"));
    assert!(denied.contains("DENIED") && denied.contains("GetObject"), "{denied}");

    let removed = place.root.delete("/media?policy");
    assert_eq!(removed.status, 204);
    let third = viewer.get("/report.txt");
    assert_eq!((third.status, cached(&third), third.code()), (403, "Error", "AccessDenied".to_owned()));
    let why = place.why(third.header("x-amz-request-id"));
    assert!(why.contains("DENIED") && why.contains("Origin Access Identity EIDENTITY00001"), "{why}");

    place.let_the_identity_read();
    assert_eq!(seen(&viewer.get("/report.txt")), (200, "Miss", "for viewers".to_owned()));
    assert_eq!(viewer.send("HEAD", "/report.txt", &[], b"").header("content-length"), "11");
}

#[test]
fn a_deny_for_the_object_is_seen_by_the_next_hit() {
    let place = Place::new(&[Config::new("EDOOR000000001")]);
    place.put("/media/a", b"a", &[("x-amz-tagging", "class=open")]);
    place.policy(&format!(
        r#"{IDENTITY}, "Action": "s3:GetObject",
            "Condition": {{"StringEquals": {{"s3:ExistingObjectTag/class": "open"}}}}"#
    ));
    let viewer = place.viewer("EDOOR000000001");
    assert_eq!(viewer.get("/a").status, 200);
    assert_eq!(cached(&viewer.get("/a")), "Hit");
    let tags = b"<Tagging><TagSet><Tag><Key>class</Key><Value>secret</Value></Tag></TagSet></Tagging>";
    place.put("/media/a?tagging", tags, &[]);
    assert_eq!((viewer.get("/a").status, viewer.get("/a").status), (403, 403));
}

#[test]
fn a_kept_404_is_for_those_who_may_list_at_this_moment() {
    let place = Place::new(&[Config::new("EDOOR000000001")]);
    place.policy_of(&[
        &format!(r#"{IDENTITY}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::media/*""#),
        &format!(r#"{IDENTITY}, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::media""#),
    ]);
    let viewer = place.viewer("EDOOR000000001");
    let absent = viewer.get("/absent");
    assert_eq!((absent.status, absent.code()), (404, "NoSuchKey".to_owned()));
    let kept = viewer.get("/absent");
    assert_eq!((kept.status, cached(&kept)), (404, "Error"));
    place.let_the_identity_read();
    let refused = viewer.get("/absent");
    assert_eq!((refused.status, refused.code()), (403, "AccessDenied".to_owned()));
}

#[test]
fn a_control_signs_as_the_service_for_its_distribution() {
    let control = "ECONTROL000001";
    let place = Place::new(&[
        Config::new("EDOOR000000001").of_control(control).behaving(&format!("{OPTIMIZED}, {ALL_METHODS}")),
        Config::new("EDOOR000000002").of_control(control),
    ]);
    place.put("/media/a", b"a", &[]);
    let statement = |action: &str| {
        format!(
            r#""Principal": {{"Service": "cloudfront.amazonaws.com"}}, "Action": [{action}], "Condition": {{"StringEquals": {{
                "aws:SourceArn": "arn:aws:cloudfront::111122223333:distribution/EDOOR000000001",
                "aws:SourceAccount": "111122223333"}}}}"#
        )
    };
    place.policy(&statement(r#""s3:GetObject""#));
    let (own, other) = (place.viewer("EDOOR000000001"), place.viewer("EDOOR000000002"));
    assert_eq!(seen(&own.get("/a")), (200, "Miss", "a".to_owned()));
    assert_eq!(seen(&own.get("/a")), (200, "Hit", "a".to_owned()));
    let refused = other.get("/a");
    assert_eq!((refused.status, refused.code()), (403, "AccessDenied".to_owned()));
    let why = place.why(refused.header("x-amz-request-id"));
    assert!(why.contains("EDOOR000000002") && why.contains("aws:SourceArn"), "{why}");

    assert_eq!(own.send("PUT", "/b", &[], b"b").status, 403);
    place.policy(&statement(r#""s3:GetObject", "s3:PutObject""#));
    let put = own.send("PUT", "/b", &[("content-type", "text/plain")], b"b");
    assert_eq!((put.status, cached(&put)), (200, "Miss"), "{}", put.text());
    assert_eq!(seen(&own.get("/b")), (200, "Miss", "b".to_owned()));
    assert_eq!(place.root.get("/media/b").header("content-type"), "text/plain");
}

#[test]
fn a_viewers_signature_counts_where_the_control_says_so() {
    let with = |id, control| Config::new(id).of_control(control).behaving(ALL_VIEWER);
    let place = Place::new(&[
        with("EDOOR000000001", "ECONTROL000001"),
        with("EDOOR000000002", "ECONTROL000002"),
        with("EDOOR000000003", "ECONTROL000003"),
    ]);
    place.put("/media/a", b"a", &[]);
    // Signed for the origin's host, which is what S3 is asked for.
    let root = place.server.client("AKIAROOT", "root-secret");
    let head = root.head("GET", "/a", &[("host", "media.s3.amazonaws.com")], b"");
    let line = |name: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.expect("it is signed").to_owned()
    };
    let signed = ["authorization", "x-amz-date", "x-amz-content-sha256"].map(|name| (name, line(name)));
    let signed: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let status = |id: &str, headers: &[(&str, &str)]| place.viewer(id).send("GET", "/a", headers, b"").status;
    // The service has no right: what the owner's root user may is what passes.
    assert_eq!((status("EDOOR000000001", &signed), status("EDOOR000000001", &[])), (403, 403));
    assert_eq!((status("EDOOR000000002", &signed), status("EDOOR000000002", &[])), (200, 403));
    assert_eq!((status("EDOOR000000003", &signed), status("EDOOR000000003", &[])), (200, 403));
    let bent: Vec<(&str, &str)> = signed
        .iter()
        .map(|(name, value)| (*name, if *name == "x-amz-date" { "20200101T000000Z" } else { *value }))
        .collect();
    assert_eq!(status("EDOOR000000002", &bent), 403);
}

#[test]
fn the_viewer_stays_out_of_the_origins_decision() {
    let place = Place::new(&[Config::new("EDOOR000000001"), Config::new("EDOOR000000002").behaving(ALL_VIEWER)]);
    place.put("/media/a", b"a", &[]);
    let (plain, all) = (place.viewer("EDOOR000000001"), place.viewer("EDOOR000000002"));
    let sent = [("referer", "https://example.com/"), ("user-agent", "Curl")];
    let ask = |condition: &str| {
        place.policy(&format!(r#"{IDENTITY}, "Action": "s3:GetObject", "Condition": {{{condition}}}"#));
        (plain.send("GET", "/a", &sent, b"").status, all.send("GET", "/a", &sent, b"").status)
    };
    assert_eq!(ask(r#""IpAddress": {"aws:SourceIp": "127.0.0.1/32"}"#), (403, 403));
    assert_eq!(ask(r#""StringEquals": {"aws:UserAgent": "Amazon CloudFront"}"#), (200, 403));
    assert_eq!(ask(r#""StringEquals": {"aws:Referer": "https://example.com/"}"#), (403, 200));
    assert_eq!(ask(r#""Bool": {"aws:SecureTransport": "true"}"#), (403, 403));
    assert_eq!(ask(r#""StringEquals": {"s3:authType": "REST-HEADER"}"#), (200, 200));
}

#[test]
fn an_identity_reads_what_an_acl_grants_it() {
    let place = Place::new(&[Config::new("EDOOR000000001")]);
    let ownership =
        b"<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    place.put("/media?ownershipControls", ownership, &[]);
    let grant = format!("id=\"{}\"", crate::CANONICAL);
    place.put("/media/granted", b"g", &[("x-amz-grant-read", grant.as_str())]);
    place.put("/media/kept", b"k", &[]);
    let viewer = place.viewer("EDOOR000000001");
    assert_eq!((viewer.get("/granted").status, viewer.get("/kept").status), (200, 403));
}

#[test]
fn every_viewer_is_written_down() {
    let place = Place::new(&[Config::new("EDOOR000000001")]);
    place.put("/media/a", b"a", &[]);
    place.let_the_identity_read();
    let viewer = place.viewer("EDOOR000000001");
    let (first, hit) = (viewer.get("/a?x=1"), viewer.get("/a"));
    let refused = viewer.send("DELETE", "/a?Signature=leaks", &[], b"");
    assert_eq!((first.status, cached(&hit), refused.status), (200, "Hit", 403));
    let events = place.events();
    let about = |id: &str| -> Vec<&String> { events.iter().filter(|event| event.contains(id)).collect() };
    for answer in [&first, &hit] {
        let (seen, decided) = (about(answer.header("x-amz-cf-id")), about(answer.header("x-amz-request-id")));
        assert!(
            seen.len() == 1 && seen[0].contains("\"ViewerRequest\"") && seen[0].contains("\"admitted\""),
            "{seen:?}"
        );
        assert!(decided.len() == 1 && decided[0].contains("GetObject") && decided[0].contains("EIDENTITY00001"));
        assert!(!decided[0].contains("127.0.0.1"), "the viewer's address is not the origin's to know");
    }
    let refusal = about(refused.header("x-amz-cf-id"));
    assert!(refusal.len() == 1 && refusal[0].contains("\"MethodNotAllowed\""), "{refusal:?}");
    assert!(!events.iter().any(|event| event.contains("leaks")), "what signs is never written down");
}
