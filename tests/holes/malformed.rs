//! One table of malformed input: S3's own code, a sentence, a connection that lives on, and nothing changed.

use super::ground::Ground;

/// Method, path, headers, body, status, code.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

fn check(ground: &Ground, table: &[Row<'_>]) {
    let before = ground.stored();
    let mut wrong = Vec::new();
    for (method, path, headers, body, status, code) in table {
        let head = ground.root().head(method, path, headers, body.as_bytes());
        let answer = ground.refused(&head, body.as_bytes());
        let message = answer.element("Message");
        let said = message.len() >= 10 && !answer.element("RequestId").is_empty();
        if (answer.status, answer.code().as_str()) != (*status, *code) || !said {
            wrong.push(format!(
                "{method} {path} {headers:?} {body:.200}\n   wanted {status} {code}, got {} {}",
                answer.status,
                answer.text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(ground.stored(), before);
}

#[test]
fn buckets() {
    let ground = Ground::new();
    let mut table: Vec<Row<'_>> = Vec::new();
    let long = format!("/{}", "a".repeat(64));
    for path in [
        "/ab",
        "/Abc",
        "/a_b",
        "/.abc",
        "/abc.",
        "/-abc",
        "/abc-",
        "/a..b",
        "/192.168.5.4",
        "/xn--abc",
        "/sthree-abc",
        "/abc-s3alias",
        "/abc--ol-s3",
        "/a%20b",
        "/caf%C3%A9",
        &long,
    ] {
        table.push(("PUT", path, &[], "", 400, "InvalidBucketName"));
    }
    let location = |text: &str| {
        format!(
            "<CreateBucketConfiguration><LocationConstraint>{text}</LocationConstraint></CreateBucketConfiguration>"
        )
    };
    let mars = location("mars-1");
    table.extend([
        ("PUT", "/theirs", &[][..], "", 409, "BucketAlreadyExists"),
        ("PUT", "/brand-new", &[], &mars, 400, "IllegalLocationConstraintException"),
        ("PUT", "/brand-new", &[], "<CreateBucketConfiguration>", 400, "MalformedXML"),
        ("PUT", "/brand-new", &[], "<Other/>", 400, "MalformedXML"),
        ("PUT", "/brand-new", &[("x-amz-object-ownership", "Mine")], "", 400, "InvalidArgument"),
        ("PUT", "/brand-new", &[("x-amz-bucket-object-lock-enabled", "perhaps")], "", 400, "InvalidArgument"),
        ("DELETE", "/reports", &[], "", 409, "BucketNotEmpty"),
        ("DELETE", "/no-such-bucket", &[], "", 404, "NoSuchBucket"),
        ("GET", "/no-such-bucket", &[], "", 404, "NoSuchBucket"),
        ("PUT", "/no-such-bucket/k", &[], "x", 404, "NoSuchBucket"),
        ("POST", "/reports", &[], "x", 405, "MethodNotAllowed"),
        ("PUT", "/", &[], "", 405, "MethodNotAllowed"),
        ("PATCH", "/reports/kept", &[], "", 405, "MethodNotAllowed"),
        ("TRACE", "/reports/kept", &[], "", 405, "MethodNotAllowed"),
        ("POST", "/reports/kept", &[], "", 405, "MethodNotAllowed"),
        ("PUT", "/reports?versioning", &[], "", 400, "MissingRequestBodyError"),
        ("PUT", "/reports?versioning", &[], "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", 400, "MalformedXML"),
        ("PUT", "/reports?versioning", &[], "<VersioningConfiguration/>", 400, "IllegalVersioningConfigurationException"),
        ("PUT", "/reports?ownershipControls", &[], "<OwnershipControls/>", 400, "MalformedXML"),
        ("PUT", "/reports?ownershipControls", &[], "<OwnershipControls><Rule><ObjectOwnership>Me</ObjectOwnership></Rule></OwnershipControls>", 400, "MalformedXML"),
        ("PUT", "/reports?publicAccessBlock", &[], "<PublicAccessBlockConfiguration><BlockPublicAcls>maybe</BlockPublicAcls></PublicAccessBlockConfiguration>", 400, "MalformedXML"),
        ("PUT", "/reports?cors", &[], "<CORSConfiguration/>", 400, "MalformedXML"),
        ("PUT", "/reports?cors", &[], "<CORSConfiguration><CORSRule><AllowedMethod>PATCH</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>", 400, "InvalidRequest"),
        ("PUT", "/reports?encryption", &[], "<ServerSideEncryptionConfiguration/>", 400, "MalformedXML"),
        ("PUT", "/reports?object-lock", &[], "<ObjectLockConfiguration/>", 400, "MalformedXML"),
        ("PUT", "/reports?object-lock", &[], "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>", 409, "InvalidBucketState"),
        ("PUT", "/reports?lifecycle", &[], "<LifecycleConfiguration/>", 501, "NotImplemented"),
        ("GET", "/reports?policy", &[], "", 404, "NoSuchBucketPolicy"),
        ("GET", "/reports?cors", &[], "", 404, "NoSuchCORSConfiguration"),
        ("GET", "/reports?tagging", &[], "", 404, "NoSuchTagSet"),
    ]);
    check(&ground, &table);
}

#[test]
fn xml() {
    let ground = Ground::new();
    let laughs: String =
        (0..10).map(|n| format!("<!ENTITY l{} \"{}\">", n + 1, format!("&l{n};").repeat(10))).collect();
    let laughs = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY l0 \"ha\">{laughs}]><Tagging><TagSet><Tag><Key>&l10;</Key><Value>b</Value></Tag></TagSet></Tagging>"
    );
    let external = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Tagging><TagSet><Tag><Key>a</Key><Value>&e;</Value></Tag></TagSet></Tagging>";
    let parameter = "<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x.dtd\"> %p;]><Tagging><TagSet/></Tagging>";
    let deep = format!("<Tagging>{}{}</Tagging>", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let tag = |key: &str, value: &str| {
        format!("<Tagging><TagSet><Tag><Key>{key}</Key><Value>{value}</Value></Tag></TagSet></Tagging>")
    };
    let (undefined, control) = (tag("&undefined;", "b"), tag("a\u{1}", "b"));
    let utf16 = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Tagging><TagSet/></Tagging>";
    let reference = tag("&#0;", "b");
    let mut table: Vec<Row<'_>> = Vec::new();
    for path in ["/reports/kept?tagging", "/reports?tagging"] {
        for body in [
            laughs.as_str(),
            external,
            parameter,
            &deep,
            &undefined,
            &control,
            &reference,
            utf16,
            "<",
            "<Tagging>",
            "</Tagging>",
            "<Tagging/><Tagging/>",
            "<Other/>",
            "text",
            "<Tagging><TagSet></Tagging></TagSet>",
            "<Tagging a=\"1\" a=\"2\"",
            "{\"TagSet\": []}",
            "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
            "<Tagging></Tagging>x",
            "<?xml version=\"1.0\"?>",
            "<![CDATA[x]]>",
        ] {
            table.push(("PUT", path, &[], body, 400, "MalformedXML"));
        }
        table.push(("PUT", path, &[], "", 400, "MissingRequestBodyError"));
    }
    let none = "<Delete></Delete>";
    let empty = "<Delete><Object><Key></Key></Object></Delete>";
    let many = format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(1001));
    for body in [none, empty, &many, "<Delete><Object/></Delete>", &laughs] {
        table.push(("POST", "/reports?delete", &[], body, 400, "MalformedXML"));
    }
    check(&ground, &table);
}

#[test]
fn tags_and_metadata() {
    let ground = Ground::new();
    let set = |tags: &[(&str, &str)]| {
        let tags: String = tags.iter().map(|(k, v)| format!("<Tag><Key>{k}</Key><Value>{v}</Value></Tag>")).collect();
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    };
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    let eleven: Vec<(String, String)> = (0..51).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    let many: Vec<(&str, &str)> = eleven.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let bodies = [
        set(&[("", "v")]),
        set(&[(&long_key, "v")]),
        set(&[("k", &long_value)]),
        set(&[("k", "1"), ("k", "2")]),
        set(&[("aws:k", "v")]),
        set(&[("k!", "v")]),
        set(&[("k", "v{}")]),
    ];
    let (too_many, object_too_many) = (set(&many), set(&many[..11]));
    let mut table: Vec<Row<'_>> = Vec::new();
    for body in &bodies {
        table.push(("PUT", "/reports/kept?tagging", &[], body, 400, "InvalidTag"));
        table.push(("PUT", "/reports?tagging", &[], body, 400, "InvalidTag"));
    }
    table.push(("PUT", "/reports/kept?tagging", &[], &object_too_many, 400, "InvalidTag"));
    table.push(("PUT", "/reports?tagging", &[], &too_many, 400, "InvalidTag"));
    let header_many = many[..11].iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&");
    let (header_many, big) = ([("x-amz-tagging", header_many.as_str())], "m".repeat(2049));
    let big = [("x-amz-meta-a", big.as_str())];
    table.push(("PUT", "/drop/t", &header_many, "x", 400, "InvalidTag"));
    table.push(("PUT", "/drop/t", &big, "x", 400, "MetadataTooLarge"));
    for value in ["a=1&a=2", "=v", "a=%zz", "aws:a=b", "a=b&&&=", "a!=b"] {
        let header: &[(&str, &str)] = Box::leak(Box::new([("x-amz-tagging", value)]));
        let code = if matches!(value, "a=%zz" | "a=1&a=2") { "InvalidArgument" } else { "InvalidTag" };
        table.push(("PUT", "/drop/t", header, "x", 400, code));
    }
    check(&ground, &table);
}

#[test]
fn headers_of_objects() {
    let ground = Ground::new();
    let mut table: Vec<Row<'_>> = Vec::new();
    for (name, value, status, code) in [
        ("x-amz-acl", "everybody", 400, "InvalidArgument"),
        ("x-amz-grant-read", "everybody", 400, "InvalidArgument"),
        ("x-amz-grant-read", "id=", 400, "InvalidArgument"),
        ("x-amz-storage-class", "SHOEBOX", 400, "InvalidStorageClass"),
        ("x-amz-server-side-encryption", "ROT13", 400, "InvalidArgument"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256", 400, "InvalidArgument"),
        ("x-amz-server-side-encryption-customer-key", "AAAA", 400, "InvalidArgument"),
        ("x-amz-website-redirect-location", "nowhere", 400, "InvalidRedirectLocation"),
        ("x-amz-object-lock-legal-hold", "MAYBE", 400, "InvalidArgument"),
        ("x-amz-object-lock-mode", "GOVERNANCE", 400, "InvalidArgument"),
        ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z", 400, "InvalidArgument"),
        ("x-amz-checksum-sha256", "no base64", 400, "InvalidRequest"),
        ("x-amz-expected-bucket-owner", "nobody", 403, "AccessDenied"),
    ] {
        let header: &[(&str, &str)] = Box::leak(Box::new([(name, value)]));
        table.push(("PUT", "/drop/h", header, "x", status, code));
    }
    for (mode, until) in [
        ("SOMETIMES", "2099-01-01T00:00:00Z"),
        ("GOVERNANCE", "tomorrow"),
        ("GOVERNANCE", "2001-01-01T00:00:00Z"),
        ("COMPLIANCE", "2099-13-01T00:00:00Z"),
        ("governance", "2099-01-01T00:00:00Z"),
    ] {
        let headers: &[(&str, &str)] =
            Box::leak(Box::new([("x-amz-object-lock-mode", mode), ("x-amz-object-lock-retain-until-date", until)]));
        table.push(("PUT", "/drop/h", headers, "x", 400, "InvalidArgument"));
    }
    table.extend([
        (
            "PUT",
            "/drop/h",
            &[
                ("x-amz-object-lock-mode", "GOVERNANCE"),
                ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z"),
            ][..],
            "x",
            400,
            "InvalidRequest",
        ),
        ("PUT", "/site/h", &[("x-amz-acl", "public-read")], "x", 400, "AccessControlListNotSupported"),
        ("PUT", "/drop/h", &[("if-none-match", "\"etag\"")], "x", 501, "NotImplemented"),
        ("PUT", "/reports/kept", &[("if-none-match", "*")], "x", 412, "PreconditionFailed"),
        ("PUT", "/reports/kept", &[("if-match", "\"other\"")], "x", 412, "PreconditionFailed"),
        ("PUT", "/drop/absent", &[("if-match", "\"other\"")], "x", 404, "NoSuchKey"),
        ("GET", "/reports/kept", &[("if-match", "\"other\"")], "", 412, "PreconditionFailed"),
        ("GET", "/reports/kept?attributes", &[], "", 400, "InvalidArgument"),
        ("GET", "/reports/kept?attributes", &[("x-amz-object-attributes", "Colour")], "", 400, "InvalidArgument"),
        ("GET", "/reports/kept?torrent", &[], "", 501, "NotImplemented"),
        (
            "PUT",
            "/reports/kept?retention",
            &[],
            "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>",
            400,
            "InvalidRequest",
        ),
        ("PUT", "/reports/kept?legal-hold", &[], "<LegalHold><Status>ON</Status></LegalHold>", 400, "InvalidRequest"),
        ("POST", "/drop/h?uploads", &[("x-amz-checksum-algorithm", "MD4")], "", 400, "InvalidArgument"),
        ("POST", "/drop/h?uploads", &[("x-amz-checksum-type", "COMPOSITE")], "", 400, "InvalidRequest"),
        ("PUT", "/drop/h?uploadId=nonsense&partNumber=1", &[], "x", 404, "NoSuchUpload"),
        ("PUT", "/drop/h?uploadId=&partNumber=1", &[], "x", 400, "InvalidArgument"),
        ("PUT", "/drop/h?uploadId=nonsense", &[], "x", 400, "InvalidArgument"),
        ("DELETE", "/drop/h?uploadId=nonsense", &[], "", 404, "NoSuchUpload"),
        ("GET", "/drop/h?uploadId=nonsense", &[], "", 404, "NoSuchUpload"),
    ]);
    check(&ground, &table);
}

#[test]
fn access_control_lists() {
    let ground = Ground::new();
    let ownership =
        "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    assert_eq!(ground.root().put("/reports?ownershipControls", ownership.as_bytes()).status, 200);
    let owner = ground.root().get("/reports?acl").element("ID");
    let acl = |grantee: &str, permission: &str| {
        format!(
            "<AccessControlPolicy><Owner><ID>{owner}</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             {grantee}</Grantee><Permission>{permission}</Permission></Grant></AccessControlList></AccessControlPolicy>"
        )
    };
    let user = "xsi:type=\"CanonicalUser\"><ID>nobody</ID>";
    let (unknown, permission) = (acl(user, "READ"), acl(user, "EVERYTHING"));
    let mail = acl("xsi:type=\"AmazonCustomerByEmail\"><EmailAddress>nobody@example.com</EmailAddress>", "READ");
    let group = acl("xsi:type=\"Group\"><URI>http://acs.amazonaws.com/groups/global/Everybody</URI>", "READ");
    let kind = acl("xsi:type=\"Robot\"><ID>x</ID>", "READ");
    let mut table: Vec<Row<'_>> = Vec::new();
    for path in ["/reports?acl", "/reports/kept?acl"] {
        table.extend([
            ("PUT", path, &[][..], unknown.as_str(), 400, "InvalidArgument"),
            ("PUT", path, &[], &group, 400, "InvalidArgument"),
            ("PUT", path, &[], &mail, 400, "UnresolvableGrantByEmailAddress"),
            ("PUT", path, &[], &permission, 400, "MalformedACLError"),
            ("PUT", path, &[], &kind, 400, "MalformedACLError"),
            ("PUT", path, &[], "<AccessControlPolicy>", 400, "MalformedXML"),
            ("PUT", path, &[], "<AccessControlPolicy/>", 400, "MalformedACLError"),
            ("PUT", path, &[], "", 400, "MissingSecurityHeader"),
            ("PUT", path, &[("x-amz-acl", "everybody")], "", 400, "InvalidArgument"),
            ("PUT", path, &[("x-amz-acl", "private"), ("x-amz-grant-read", "id=\"x\"")], "", 400, "InvalidRequest"),
            (
                "PUT",
                path,
                &[("x-amz-grant-read", "emailAddress=\"nobody@example.com\"")],
                "",
                400,
                "UnresolvableGrantByEmailAddress",
            ),
            ("PUT", path, &[("x-amz-acl", "public-read")], "", 403, "AccessDenied"),
        ]);
    }
    check(&ground, &table);
}
