//! Everything that is refused: with CloudFront's code, with a sentence that names the thing, and nothing changed.

use super::{
    CONTROLS, Config, DISTRIBUTIONS, GROUPS, IDENTITIES, KEYS, Place, control, document, group, identity, is, key,
    list, said,
};

const FORWARDED: &str =
    "<ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies></ForwardedValues>";

fn base() -> Config {
    Config::new("refused")
}

/// Configurations of which each is wrong in one way: what is wrong, the code, and what its sentence names.
#[expect(clippy::too_many_lines, reason = "a flat table")]
fn refused_configurations() -> Vec<(Config, &'static str, &'static str)> {
    let cached = "<CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId>";
    let behaving = |more: &str| base().behaving(&format!("{cached}{more}"));
    let open = "<S3OriginConfig><OriginAccessIdentity></OriginAccessIdentity></S3OriginConfig>";
    let origin = |more: &str| base().asking(&format!("{open}{more}"));
    let domain = |domain: &str| Config { domain: domain.to_owned(), ..base() };
    let alias = |alias: &str| base().with(&list("Aliases", "CNAME", &[alias]));
    let page = |status: &str, more: &str| {
        base().with(&format!(
            "<CustomErrorResponses><Quantity>1</Quantity><Items><CustomErrorResponse><ErrorCode>{status}</ErrorCode>{more}\
             </CustomErrorResponse></Items></CustomErrorResponses>"
        ))
    };
    let groups = |ids: &[&str]| {
        let inner = list("TrustedKeyGroups", "KeyGroup", ids);
        behaving(&inner.replace("<TrustedKeyGroups>", "<TrustedKeyGroups><Enabled>true</Enabled>"))
    };
    let many = ["a"; 101].map(|_| "x.example.com");
    vec![
        (base().with("<Unknown/>"), "MalformedInput", "DistributionConfig/Unknown"),
        (base().with("<Comment>d</Comment>"), "MalformedInput", "DistributionConfig/Comment"),
        (behaving("<Ttl>1</Ttl>"), "MalformedInput", "DefaultCacheBehavior/Ttl"),
        (base().with("<PriceClass>Cheap</PriceClass>"), "InvalidArgument", "PriceClass"),
        (base().with("<DefaultRootObject>/i</DefaultRootObject>"), "InvalidDefaultRootObject", "/i"),
        (base().with("<Aliases><Quantity>1</Quantity></Aliases>"), "InconsistentQuantities", "Aliases/Quantity"),
        (base().with(&list("Aliases", "CNAME", &many)), "TooManyDistributionCNAMEs", "101"),
        (alias("nodots"), "InvalidArgument", "nodots"),
        (alias("b.s3.amazonaws.com"), "InvalidArgument", "b.s3.amazonaws.com"),
        (alias("d1.cloudfront.net"), "InvalidArgument", "d1.cloudfront.net"),
        (alias("127.0.0.1"), "InvalidArgument", "127.0.0.1"),
        (domain("www.example.com"), "InvalidOrigin", "www.example.com"),
        (domain("d111111abcdef8.cloudfront.net"), "InvalidOrigin", "a distribution cannot be the origin"),
        (domain("reports.s3-website-us-east-1.amazonaws.com"), "InvalidOrigin", "website"),
        (domain("No_Bucket.s3.amazonaws.com"), "InvalidOrigin", "No_Bucket"),
        (base().asking(""), "InvalidArgument", "S3OriginConfig"),
        (base().asking("<CustomOriginConfig/>"), "InvalidOrigin", "CustomOriginConfig"),
        (origin("<OriginPath>x</OriginPath>"), "InvalidRelativePath", "`x`"),
        (origin("<OriginPath>/x/</OriginPath>"), "InvalidRelativePath", "/x/"),
        (origin("<OriginAccessControlId>ENONE</OriginAccessControlId>"), "InvalidOriginAccessControl", "ENONE"),
        (base().of_identity("ENONE"), "InvalidOriginAccessIdentity", "ENONE"),
        (
            base().asking("<S3OriginConfig><OriginAccessIdentity>ENONE</OriginAccessIdentity></S3OriginConfig>"),
            "InvalidOriginAccessIdentity",
            "origin-access-identity/cloudfront/ID",
        ),
        (
            Config { origin: format!("{}<OriginAccessControlId>E</OriginAccessControlId>", base().of_identity("E").origin), ..base() },
            "IllegalOriginAccessConfiguration",
            "both",
        ),
        (origin("<OriginShield><Enabled>true</Enabled></OriginShield>"), "InvalidArgument", "OriginShield"),
        (origin(&header("Host", "x")), "InvalidArgument", "Host"),
        (origin(&header("x-amz-acl", "x")), "InvalidArgument", "x-amz-acl"),
        (origin(&header("authorization", "x")), "InvalidArgument", "authorization"),
        (base().behaving(""), "InvalidArgument", "ForwardedValues"),
        (base().behaving("<CachePolicyId>x</CachePolicyId>"), "NoSuchCachePolicy", "`x`"),
        (behaving(FORWARDED), "InvalidArgument", "cache policy"),
        (behaving("<OriginRequestPolicyId>x</OriginRequestPolicyId>"), "NoSuchOriginRequestPolicy", "`x`"),
        (behaving("<ResponseHeadersPolicyId>x</ResponseHeadersPolicyId>"), "NoSuchResponseHeadersPolicy", "`x`"),
        (base().behaving(&format!("{FORWARDED}<MinTTL>5</MinTTL><MaxTTL>4</MaxTTL>")), "InvalidTTLOrder", "4"),
        (behaving("<SmoothStreaming>true</SmoothStreaming>"), "InvalidArgument", "SmoothStreaming"),
        (behaving("<FieldLevelEncryptionId>x</FieldLevelEncryptionId>"), "NoSuchFieldLevelEncryptionConfig", "FieldLevel"),
        (
            behaving("<LambdaFunctionAssociations><Quantity>1</Quantity></LambdaFunctionAssociations>"),
            "InvalidLambdaFunctionAssociation",
            "LambdaFunctionAssociations",
        ),
        (
            behaving("<TrustedSigners><Enabled>true</Enabled><Quantity>1</Quantity><Items><AwsAccountNumber>self</AwsAccountNumber></Items></TrustedSigners>"),
            "TrustedSignerDoesNotExist",
            "TrustedSigners",
        ),
        (groups(&["none"]), "TrustedKeyGroupDoesNotExist", "none"),
        (groups(&["a", "b", "c", "d", "e"]), "TooManyKeyGroupsAssociatedToDistribution", "5"),
        (behaving(&list("AllowedMethods", "Method", &["GET"])), "InvalidArgument", "AllowedMethods"),
        (page("418", ""), "InvalidErrorCode", "418"),
        (page("404", "<ResponsePagePath>/x</ResponsePagePath>"), "InvalidArgument", "404"),
        (
            page("404", "<ResponsePagePath>/x</ResponsePagePath><ResponseCode>201</ResponseCode>"),
            "InvalidResponseCode",
            "201",
        ),
        (
            base().with("<ViewerCertificate><ACMCertificateArn>arn:x</ACMCertificateArn></ViewerCertificate>"),
            "InvalidViewerCertificate",
            "arn:x",
        ),
        (
            base().with("<Restrictions><GeoRestriction><RestrictionType>whitelist</RestrictionType><Quantity>0</Quantity></GeoRestriction></Restrictions>"),
            "InvalidGeoRestrictionParameter",
            "RestrictionType",
        ),
        (base().with("<WebACLId>x</WebACLId>"), "InvalidWebACLId", "WebACLId"),
        (base().with("<Logging><Enabled>true</Enabled><Bucket>b</Bucket></Logging>"), "InvalidArgument", "Logging"),
        (base().with("<Staging>true</Staging>"), "InvalidArgument", "Staging"),
        (
            base().with("<CacheBehaviors><Quantity>1</Quantity><Items><CacheBehavior><PathPattern>/a</PathPattern>\
                <TargetOriginId>gone</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>\
                <CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId></CacheBehavior></Items></CacheBehaviors>"),
            "NoSuchOrigin",
            "gone",
        ),
    ]
}

fn header(name: &str, value: &str) -> String {
    format!(
        "<CustomHeaders><Quantity>1</Quantity><Items><OriginCustomHeader><HeaderName>{name}</HeaderName>\
         <HeaderValue>{value}</HeaderValue></OriginCustomHeader></Items></CustomHeaders>"
    )
}

#[test]
fn a_wrong_configuration_is_refused_and_named() {
    let place = Place::new();
    for (config, code, part) in refused_configurations() {
        let answer = place.root.send("POST", DISTRIBUTIONS, &[], config.xml().as_bytes());
        assert_eq!(answer.code(), code, "{part}: {}", answer.text());
        assert!(answer.element("Message").contains(part), "{part}: {}", answer.text());
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    assert_eq!(place.root.get(DISTRIBUTIONS).element("Quantity"), "0", "nothing was made");
}

#[test]
fn off_values_are_taken() {
    let place = Place::new();
    let off = "<Logging><Enabled>false</Enabled><IncludeCookies>false</IncludeCookies><Bucket></Bucket><Prefix></Prefix></Logging>\
        <OriginGroups><Quantity>0</Quantity></OriginGroups><WebACLId></WebACLId><Staging>false</Staging>\
        <Restrictions><GeoRestriction><RestrictionType>none</RestrictionType><Quantity>0</Quantity></GeoRestriction></Restrictions>\
        <ViewerCertificate><CloudFrontDefaultCertificate>true</CloudFrontDefaultCertificate></ViewerCertificate>";
    let behavior = format!(
        "{FORWARDED}<MinTTL>0</MinTTL><TrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></TrustedSigners>\
         <SmoothStreaming>false</SmoothStreaming><LambdaFunctionAssociations><Quantity>0</Quantity></LambdaFunctionAssociations>"
    );
    place.distribution(&Config::new("off").behaving(&behavior).with(off));
}

#[test]
fn what_there_is_already() {
    let place = Place::new();
    let root = &place.root;
    let aliased = |reference: &str| Config::new(reference).with(&list("Aliases", "CNAME", &["www.example.com"]));
    let made = place.distribution(&aliased("d"));
    let post = |path: &str, body: String| said(&root.send("POST", path, &[], body.as_bytes()));
    assert_eq!(post(DISTRIBUTIONS, Config::new("d").xml()), is(409, "DistributionAlreadyExists"));
    assert_eq!(post(DISTRIBUTIONS, aliased("e").xml()), is(409, "CNAMEAlreadyExists"));
    let theirs = place.other.send("POST", DISTRIBUTIONS, &[], aliased("d").xml().as_bytes());
    assert_eq!(said(&theirs), is(409, "CNAMEAlreadyExists"), "over all accounts");
    let path = format!("{DISTRIBUTIONS}/{}/config", made.id);
    let renamed = root.send("PUT", &path, &[("if-match", &made.etag)], aliased("other").xml().as_bytes());
    assert_eq!(said(&renamed), is(400, "IllegalUpdate"));
    place.identity("i");
    assert_eq!(post(IDENTITIES, identity("i", "else")), is(409, "CloudFrontOriginAccessIdentityAlreadyExists"));
    place.control("c");
    assert_eq!(post(CONTROLS, control("c", "never")), is(409, "OriginAccessControlAlreadyExists"));
    let public = place.key("k");
    assert_eq!(post(KEYS, key("k", "another")), is(409, "PublicKeyAlreadyExists"));
    assert_eq!(post(KEYS, key("k2", "k")), is(409, "PublicKeyAlreadyExists"));
    place.group("g", &[&public.id]);
    assert_eq!(post(GROUPS, group("g", &[&public.id])), is(409, "KeyGroupAlreadyExists"));
    for (keys, code) in [
        (&["KNONE"][..], "InvalidArgument"),
        (&[], "InvalidArgument"),
        (&["1", "2", "3", "4", "5", "6"], "TooManyPublicKeysInKeyGroup"),
    ] {
        assert_eq!(post(GROUPS, group("h", keys)), is(400, code));
    }
    for n in 1..10 {
        place.key(&format!("k{n}"));
    }
    assert_eq!(post(KEYS, key("one-more", "one-more")), is(400, "TooManyPublicKeys"));
}

#[test]
fn bodies_and_paths_that_are_none() {
    let place = Place::new();
    let root = &place.root;
    let unsuited =
        document("PublicKeyConfig", "<CallerReference>r</CallerReference><Name>n</Name><EncodedKey>x</EncodedKey>");
    for (path, body, code) in [
        (IDENTITIES, "", "MissingBody"),
        (IDENTITIES, "nonsense", "MalformedXML"),
        (IDENTITIES, "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "MalformedXML"),
        (IDENTITIES, "<Other/>", "MalformedInput"),
        (IDENTITIES, "<CloudFrontOriginAccessIdentityConfig/>", "MalformedInput"),
        (KEYS, unsuited.as_str(), "InvalidArgument"),
        (CONTROLS, &control("n", "sometimes"), "InvalidArgument"),
        ("/2020-05-31/nothing", "", "InvalidArgument"),
        ("/2019-03-26/distribution", "", "InvalidArgument"),
    ] {
        assert_eq!(said(&root.send("POST", path, &[], body.as_bytes())), is(400, code), "{path} {body}");
    }
    let long = identity("r", &"x".repeat(129));
    assert_eq!(said(&root.send("POST", IDENTITIES, &[], long.as_bytes())), is(400, "InvalidArgument"));
    let huge = identity("r", &"x".repeat(2 * 1024 * 1024));
    assert_eq!(root.send("POST", IDENTITIES, &[], huge.as_bytes()).status, 400);
    assert_eq!(root.get(IDENTITIES).element("Quantity"), "0");
}

#[test]
fn things_of_other_accounts_are_invisible() {
    let place = Place::new();
    let made = place.distribution(&Config::new("d"));
    let path = format!("{DISTRIBUTIONS}/{}", made.id);
    assert_eq!(said(&place.other.get(&path)), is(404, "NoSuchDistribution"));
    let deleted = place.other.send("DELETE", &path, &[("if-match", &made.etag)], b"");
    assert_eq!(said(&deleted), is(404, "NoSuchDistribution"));
    assert_eq!(place.other.get(DISTRIBUTIONS).element("Quantity"), "0");
    let arn = format!("arn%3Aaws%3Acloudfront%3A%3A111122223333%3Adistribution%2F{}", made.id);
    let tags = place.other.get(&format!("/2020-05-31/tagging?Resource={arn}"));
    assert!(tags.status == 403 || tags.status == 404, "{}", tags.text());
    let identity = place.identity("i");
    let theirs = Config::new("x").of_identity(&identity.id);
    let refused = place.other.send("POST", DISTRIBUTIONS, &[], theirs.xml().as_bytes());
    assert_eq!(said(&refused), is(400, "InvalidOriginAccessIdentity"));
    assert_eq!(place.root.get(&path).status, 200);
}
