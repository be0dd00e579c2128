//! What is made is read, listed, changed with its version, and deleted.

use super::{
    CONTROLS, Config, DISTRIBUTIONS, GROUPS, IDENTITIES, KEYS, Place, control, document, group, identity, is, key,
    list, said,
};

#[test]
fn an_identity_from_its_making_to_its_end() {
    let place = Place::new();
    let root = &place.root;
    let made = place.identity("one");
    assert_eq!((made.id.len(), made.id.starts_with('E')), (14, true), "{}", made.id);
    let again = root.send("POST", IDENTITIES, &[], identity("one", "c").as_bytes());
    assert_eq!((again.status, again.element("Id")), (201, made.id.clone()), "the same request once more");
    let path = format!("{IDENTITIES}/{}", made.id);
    let got = root.get(&path);
    assert_eq!((got.status, got.header("etag")), (200, made.etag.as_str()));
    assert_eq!(got.element("S3CanonicalUserId").len(), 64);
    assert_eq!(root.get(&format!("{path}/config")).element("Comment"), "c");
    let update = identity("one", "new");
    let config = format!("{path}/config");
    let without = root.send("PUT", &config, &[], update.as_bytes());
    assert_eq!(said(&without), is(400, "InvalidIfMatchVersion"));
    let stale = root.send("PUT", &config, &[("if-match", "EAAAAAAAAAAAAA")], update.as_bytes());
    assert_eq!(said(&stale), is(412, "PreconditionFailed"));
    let updated = root.send("PUT", &config, &[("if-match", &made.etag)], update.as_bytes());
    assert_eq!((updated.status, updated.element("Comment")), (200, "new".to_owned()), "{}", updated.text());
    assert_ne!(updated.header("etag"), made.etag);
    let outdated = root.send("DELETE", &path, &[("if-match", &made.etag)], b"");
    assert_eq!(said(&outdated), is(412, "PreconditionFailed"));
    let deleted = root.send("DELETE", &path, &[("if-match", updated.header("etag"))], b"");
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    assert_eq!(said(&root.get(&path)), is(404, "NoSuchCloudFrontOriginAccessIdentity"));
    assert_eq!(root.get(IDENTITIES).element("Quantity"), "0");
}

#[test]
fn a_distribution_from_its_making_to_its_end() {
    let place = Place::new();
    let root = &place.root;
    let (oai, key) = (place.identity("i"), place.key("k"));
    let group = place.group("g", &[&key.id]);
    let behavior = format!(
        "<TrustedKeyGroups><Enabled>true</Enabled><Quantity>1</Quantity><Items><KeyGroup>{}</KeyGroup></Items></TrustedKeyGroups>\
         <ForwardedValues><QueryString>true</QueryString><Cookies><Forward>whitelist</Forward>{}</Cookies>{}{}</ForwardedValues>\
         <MinTTL>1</MinTTL><DefaultTTL>2</DefaultTTL><MaxTTL>3</MaxTTL>",
        group.id,
        list("WhitelistedNames", "Name", &["session"]),
        list("Headers", "Name", &["Origin"]),
        list("QueryStringCacheKeys", "Name", &["v"]),
    );
    let more = format!(
        "{}<DefaultRootObject>index.html</DefaultRootObject><CustomErrorResponses><Quantity>1</Quantity><Items>\
         <CustomErrorResponse><ErrorCode>404</ErrorCode><ResponsePagePath>/404.html</ResponsePagePath>\
         <ResponseCode>200</ResponseCode><ErrorCachingMinTTL>5</ErrorCachingMinTTL></CustomErrorResponse></Items>\
         </CustomErrorResponses><CacheBehaviors><Quantity>1</Quantity><Items><CacheBehavior><PathPattern>/a/*</PathPattern>\
         <TargetOriginId>o</TargetOriginId><ViewerProtocolPolicy>https-only</ViewerProtocolPolicy>\
         <CachePolicyId>4135ea2d-6df8-44a3-9df3-4b5a84be39ad</CachePolicyId></CacheBehavior></Items></CacheBehaviors>",
        list("Aliases", "CNAME", &["www.example.com"]),
    );
    let config = Config { enabled: true, ..Config::new("one").of_identity(&oai.id).behaving(&behavior).with(&more) };
    let made = place.distribution(&config);
    let path = format!("{DISTRIBUTIONS}/{}", made.id);
    let got = root.get(&path);
    assert_eq!(got.element("ARN"), format!("arn:aws:cloudfront::111122223333:distribution/{}", made.id));
    assert_eq!((got.element("Status"), got.element("KeyPairId")), ("Deployed".to_owned(), key.id.clone()));
    assert!(got.element("DomainName").starts_with('d') && got.element("DomainName").ends_with(".cloudfront.net"));
    // What is shown can be sent back, and changes nothing.
    let shown = root.get(&format!("{path}/config"));
    let sent = root.send("PUT", &format!("{path}/config"), &[("if-match", &made.etag)], shown.text().as_bytes());
    assert_eq!(sent.status, 200, "{}", sent.text());
    assert_eq!(root.get(&format!("{path}/config")).text(), shown.text());
    for (name, value) in [("DefaultRootObject", "index.html"), ("Forward", "whitelist"), ("MaxTTL", "3")] {
        assert_eq!(shown.element(name), value, "{}", shown.text());
    }
    // What it uses cannot go.
    let refused = root.send("DELETE", &format!("{IDENTITIES}/{}", oai.id), &[("if-match", &oai.etag)], b"");
    assert_eq!(said(&refused), is(409, "CloudFrontOriginAccessIdentityInUse"));
    let refused = root.send("DELETE", &format!("{GROUPS}/{}", group.id), &[("if-match", &group.etag)], b"");
    assert_eq!(said(&refused), is(409, "ResourceInUse"));
    let refused = root.send("DELETE", &format!("{KEYS}/{}", key.id), &[("if-match", &key.etag)], b"");
    assert_eq!(said(&refused), is(409, "PublicKeyInUse"));
    assert!(root.get(&format!("/2020-05-31/distributionsByKeyGroupId/{}", group.id)).text().contains(&made.id));
    // Only a disabled one can go.
    let etag = sent.header("etag").to_owned();
    let refused = root.send("DELETE", &path, &[("if-match", &etag)], b"");
    assert_eq!(said(&refused), is(409, "DistributionNotDisabled"));
    assert!(refused.element("Message").contains(&made.id), "{}", refused.text());
    let off = Config { enabled: false, ..config };
    let disabled = root.send("PUT", &format!("{path}/config"), &[("if-match", &etag)], off.xml().as_bytes());
    assert_eq!(disabled.status, 200, "{}", disabled.text());
    let gone = root.send("DELETE", &path, &[("if-match", disabled.header("etag"))], b"");
    assert_eq!(gone.status, 204, "{}", gone.text());
    assert_eq!(said(&root.get(&path)), is(404, "NoSuchDistribution"));
    for (path, made) in [(GROUPS, group), (KEYS, key), (IDENTITIES, oai)] {
        let gone = root.send("DELETE", &format!("{path}/{}", made.id), &[("if-match", &made.etag)], b"");
        assert_eq!(gone.status, 204, "{}", gone.text());
    }
}

#[test]
fn controls_keys_and_groups_are_changed() {
    let place = Place::new();
    let root = &place.root;
    let made = place.control("first");
    let path = format!("{CONTROLS}/{}/config", made.id);
    let changed = root.send("PUT", &path, &[("if-match", &made.etag)], control("second", "no-override").as_bytes());
    assert_eq!((changed.status, changed.element("SigningBehavior")), (200, "no-override".to_owned()));
    assert_eq!(root.get(&path).element("Name"), "second");
    let (one, two) = (place.key("one"), place.key("two"));
    let immutable = key("renamed", "one");
    let refused =
        root.send("PUT", &format!("{KEYS}/{}/config", one.id), &[("if-match", &one.etag)], immutable.as_bytes());
    assert_eq!(said(&refused), is(400, "CannotChangeImmutablePublicKeyFields"));
    let made = place.group("g", &[&one.id]);
    let both = group("g", &[&two.id, &one.id]);
    let changed = root.send("PUT", &format!("{GROUPS}/{}", made.id), &[("if-match", &made.etag)], both.as_bytes());
    assert_eq!((changed.status, changed.element("PublicKey")), (200, two.id), "{}", changed.text());
    assert_eq!(root.get(&format!("{GROUPS}/{}/config", made.id)).header("etag"), changed.header("etag"));
}

#[test]
fn lists_come_in_pages() {
    let place = Place::new();
    let mut ids: Vec<String> = (0..5).map(|n| place.identity(&format!("i{n}")).id).collect();
    ids.sort_unstable();
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let page = place.root.get(&format!("{IDENTITIES}?Marker={marker}&MaxItems=2"));
        assert_eq!((page.status, page.element("MaxItems")), (200, "2".to_owned()), "{}", page.text());
        let text = page.text();
        found.extend(text.split("<Id>").skip(1).filter_map(|rest| rest.split_once('<')).map(|(id, _)| id.to_owned()));
        if page.element("IsTruncated") == "false" {
            break;
        }
        marker = page.element("NextMarker");
    }
    assert_eq!(found, ids);
    for query in ["MaxItems=0", "MaxItems=x", "MaxItems=-1", "Marker=ENOTTHERE"] {
        assert_eq!(said(&place.root.get(&format!("{IDENTITIES}?{query}"))), is(400, "InvalidArgument"), "{query}");
    }
}

#[test]
fn invalidations_are_done_at_once() {
    let place = Place::new();
    let root = &place.root;
    let made = place.distribution(&Config::new("d"));
    let path = format!("{DISTRIBUTIONS}/{}/invalidation", made.id);
    let batch = |reference: &str, paths: &[&str]| {
        let inner = format!("{}<CallerReference>{reference}</CallerReference>", list("Paths", "Path", paths));
        document("InvalidationBatch", &inner)
    };
    let first = root.send("POST", &path, &[], batch("a", &["/x", "/y/*"]).as_bytes());
    assert_eq!((first.status, first.element("Status")), (201, "Completed".to_owned()), "{}", first.text());
    let again = root.send("POST", &path, &[], batch("a", &["/x", "/y/*"]).as_bytes());
    assert_eq!(again.element("Id"), first.element("Id"));
    assert_eq!(root.get(&format!("{path}/{}", first.element("Id"))).element("Path"), "/x");
    assert_eq!(root.get(&path).element("Quantity"), "1");
    assert_eq!(said(&root.get(&format!("{path}/INONE"))), is(404, "NoSuchInvalidation"));
    let many: Vec<String> = (0..3_001).map(|n| format!("/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (paths, status, code) in [
        (&["x"][..], 400, "InvalidArgument"),
        (&["/a*b"], 400, "InvalidArgument"),
        (&[], 400, "InvalidArgument"),
        (&many, 413, "BatchTooLarge"),
        (&["/*"; 16], 413, "BatchTooLarge"),
    ] {
        let refused = root.send("POST", &path, &[], batch("b", paths).as_bytes());
        assert_eq!(said(&refused), is(status, code), "{} paths", paths.len());
    }
    assert_eq!(root.get(&path).element("Quantity"), "1");
}

#[test]
fn tags_are_set_and_taken_away() {
    let place = Place::new();
    let root = &place.root;
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags = |inner: &str| format!("<Tags><Items>{inner}</Items></Tags>");
    let config = format!("<DistributionConfig>{}</DistributionConfig>", Config::new("d").inner());
    let body = document("DistributionConfigWithTags", &format!("{config}{}", tags(&tag("team", "red"))));
    let made = super::made(&root.send("POST", &format!("{DISTRIBUTIONS}?WithTags"), &[], body.as_bytes()));
    let arn = format!("arn%3Aaws%3Acloudfront%3A%3A111122223333%3Adistribution%2F{}", made.id);
    let listed = || root.get(&format!("/2020-05-31/tagging?Resource={arn}")).text();
    assert!(listed().contains("<Key>team</Key><Value>red</Value>"), "{}", listed());
    let more = document("Tags", &format!("<Items>{}{}</Items>", tag("team", "blue"), tag("a", "b")));
    let set = root.send("POST", &format!("/2020-05-31/tagging?Operation=Tag&Resource={arn}"), &[], more.as_bytes());
    assert_eq!(set.status, 204, "{}", set.text());
    assert!(listed().contains("<Value>blue</Value>") && !listed().contains("red"));
    let keys = document("TagKeys", "<Items><Key>team</Key></Items>");
    let gone = root.send("POST", &format!("/2020-05-31/tagging?Operation=Untag&Resource={arn}"), &[], keys.as_bytes());
    assert_eq!(gone.status, 204, "{}", gone.text());
    assert!(!listed().contains("team"));
    assert_eq!(root.get(&format!("{DISTRIBUTIONS}/{}", made.id)).header("etag"), made.etag, "tags have no version");
    let reserved = document("Tags", &format!("<Items>{}</Items>", tag("aws:x", "b")));
    let path = format!("/2020-05-31/tagging?Operation=Tag&Resource={arn}");
    assert_eq!(said(&root.send("POST", &path, &[], reserved.as_bytes())), is(400, "InvalidTagging"));
    let none = "/2020-05-31/tagging?Resource=arn%3Aaws%3Acloudfront%3A%3A111122223333%3Adistribution%2FENONE";
    assert_eq!(said(&root.get(none)), is(404, "NoSuchResource"));
}

#[test]
fn managed_policies_are_there() {
    let place = Place::new();
    let listed = place.root.get("/2020-05-31/cache-policy?Type=managed");
    assert_eq!((listed.status, listed.element("Quantity")), (200, "7".to_owned()), "{}", listed.text());
    let got = place.root.get("/2020-05-31/cache-policy/658327ea-f89d-4fab-a63d-7e88639e58f6");
    assert_eq!(
        (got.element("Name"), got.element("DefaultTTL")),
        ("Managed-CachingOptimized".to_owned(), "86400".to_owned())
    );
    let got = place.root.get("/2020-05-31/origin-request-policy/88a5eaf4-2fd4-4709-b370-b4c650ea3fcf/config");
    assert_eq!((got.element("HeaderBehavior"), got.element("Quantity")), ("whitelist".to_owned(), "3".to_owned()));
    assert_eq!(said(&place.root.get("/2020-05-31/cache-policy/x")), is(404, "NoSuchCachePolicy"));
    assert_eq!(place.root.get("/2020-05-31/cache-policy?Type=custom").element("Quantity"), "0");
}
