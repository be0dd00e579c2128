//! An origin access identity as a principal: in bucket policies and ACLs, as long as it exists.

use super::{Client, IDENTITIES, Place, is, said};

fn policy(principal: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "A", "Effect": "Allow", "Principal": {principal},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}}]}}"#
    )
}

fn put(s3: &Client, principal: &str) -> (u16, String) {
    said(&s3.put("/reports?policy", policy(principal).as_bytes()))
}

#[test]
fn bucket_policies_name_identities_that_exist() {
    let place = Place::new();
    let s3 = place.root.of_service("s3");
    let made = place.identity("i");
    let path = format!("{IDENTITIES}/{}", made.id);
    let canonical = place.root.get(&path).element("S3CanonicalUserId");
    let arn = format!("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {}", made.id);
    // Block Public Access is on: a policy for the identity alone is not public.
    assert_eq!(put(&s3, &format!(r#"{{"AWS": "{arn}"}}"#)), (204, String::new()));
    assert_eq!(s3.get("/reports?policyStatus").element("IsPublic"), "false");
    assert_eq!(put(&s3, &format!(r#"{{"CanonicalUser": "{canonical}"}}"#)), (204, String::new()));
    let stored = s3.get("/reports?policy").text();
    assert!(stored.contains(&format!(r#"{{"AWS":"{arn}"}}"#)) && !stored.contains(&canonical), "{stored}");
    let mixed = format!(r#"{{"CanonicalUser": ["{canonical}", "{}"], "AWS": "111122223333"}}"#, "1".repeat(64));
    assert_eq!(put(&s3, &mixed), (204, String::new()));
    let stored = s3.get("/reports?policy").text();
    assert!(stored.contains("arn:aws:iam::111122223333:root") && stored.contains(r#""Sid": "A""#), "{stored}");
    for stranger in [
        r#"{"CanonicalUser": "abc"}"#.to_owned(),
        r#"{"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ENONE"}"#.to_owned(),
        r#"{"AWS": "arn:aws:iam::cloudfront:user/somebody"}"#.to_owned(),
    ] {
        let refused = s3.put("/reports?policy", policy(&stranger).as_bytes());
        assert_eq!(said(&refused), is(400, "MalformedPolicy"), "{stranger}");
        assert_eq!(refused.element("Message"), "Invalid principal in policy");
    }
    assert_eq!(s3.get("/reports?policy").text(), stored, "nothing changed");
    let gone = place.root.send("DELETE", &path, &[("if-match", &made.etag)], b"");
    assert_eq!(gone.status, 204, "{}", gone.text());
    assert_eq!(put(&s3, &format!(r#"{{"CanonicalUser": "{canonical}"}}"#)), is(400, "MalformedPolicy"));
}

#[test]
fn acls_name_identities_that_exist() {
    let place = Place::new();
    let s3 = place.root.of_service("s3");
    let grant = |id: &str| format!("id=\"{id}\"");
    let put = |id: &str| said(&s3.send("PUT", "/reports/k", &[("x-amz-grant-read", &grant(id))], b"x"));
    assert_eq!(put(&"a".repeat(64)), is(400, "InvalidArgument"));
    let made = place.identity("i");
    let canonical = place.root.get(&format!("{IDENTITIES}/{}", made.id)).element("S3CanonicalUserId");
    assert_eq!(put(&canonical), (200, String::new()));
    let gone = place.root.send("DELETE", &format!("{IDENTITIES}/{}", made.id), &[("if-match", &made.etag)], b"");
    assert_eq!(gone.status, 204);
    assert_eq!(put(&canonical), is(400, "InvalidArgument"));
}
