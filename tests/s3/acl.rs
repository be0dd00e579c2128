//! Who may do what by access control lists alone.

use super::{Place, is, said};

const CANNED: [&str; 3] = ["private", "public-read", "public-read-write"];

#[test]
fn every_bucket_acl_with_every_object_acl_for_another_account() {
    let place = Place::new();
    for (b, bucket_acl) in CANNED.into_iter().enumerate() {
        for (o, object_acl) in CANNED.into_iter().enumerate() {
            let case = format!("{bucket_acl} bucket, {object_acl} object");
            let bucket = format!("matrix-{b}-{o}");
            place.bucket(&bucket, &[("x-amz-acl", bucket_acl)]);
            let (foo, fresh) = (format!("/{bucket}/foo"), format!("/{bucket}/fresh"));
            assert_eq!(place.main.send("PUT", &foo, &[("x-amz-acl", object_acl)], b"1").status, 200, "{case}");
            let may = |allowed: bool| if allowed { 200 } else { 403 };
            assert_eq!(place.alt.get(&foo).status, may(o > 0), "{case}: get");
            assert_eq!(place.nobody.get(&foo).status, may(o > 0), "{case}: get without a name");
            assert_eq!(place.alt.get(&format!("/{bucket}")).status, may(b > 0), "{case}: list");
            assert_eq!(place.alt.put(&fresh, b"2").status, may(b == 2), "{case}: put");
            assert_eq!(place.alt.put(&foo, b"3").status, 403, "{case}: what exists is its owner's");
        }
    }
}

#[test]
fn whoever_may_write_may_say_who_reads_what_was_written() {
    let place = Place::new();
    place.bucket("drop", &[("x-amz-acl", "public-read-write")]);
    for (client, key) in [(&place.alt, "alts"), (&place.nobody, "nobodys")] {
        let path = format!("/drop/{key}");
        assert_eq!(client.send("PUT", &path, &[("x-amz-acl", "public-read")], b"1").status, 200, "{key}");
        assert_eq!(place.main.get(&path).text(), "1", "{key}");
        assert_eq!(client.send("PUT", &path, &[], b"2").status, 200, "{key}: its owner overwrites it");
        assert_eq!(place.main.get(&path).status, 403, "{key}: it is private again");
        assert_eq!(client.get(&path).text(), "2", "{key}");
        assert_eq!(client.delete(&path).status, 204, "{key}");
    }
    let headers = [("x-amz-acl", "bucket-owner-full-control")];
    assert_eq!(place.alt.send("PUT", "/drop/given", &headers, b"3").status, 200);
    assert_eq!(place.main.get("/drop/given").text(), "3");
    assert_eq!(place.alt.get("/drop/given?acl").element("ID"), "2".repeat(64));
}

#[test]
fn the_right_to_set_an_acl_comes_with_writing_only() {
    let place = Place::new();
    place.bucket("kept", &[("x-amz-acl", "public-read")]);
    let headers = [("x-amz-acl", "public-read")];
    for client in [&place.alt, &place.nobody] {
        assert_eq!(said(&client.send("PUT", "/kept/k", &headers, b"1")), is(403, "AccessDenied"));
    }
    // A Deny of the bucket's policy holds for the writer too.
    place.bucket("denied", &[("x-amz-acl", "public-read-write")]);
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "s3:PutObjectAcl", "Resource": "arn:aws:s3:::denied/*"}]}"#;
    assert_eq!(place.main.put("/denied?policy", policy.as_bytes()).status, 204);
    assert_eq!(said(&place.alt.send("PUT", "/denied/k", &headers, b"1")), is(403, "AccessDenied"));
    assert_eq!(place.alt.put("/denied/k", b"1").status, 200);
}

#[test]
fn a_bucket_created_again_gets_the_acl_of_a_new_one() {
    let place = Place::new();
    place.bucket("again", &[("x-amz-acl", "public-read")]);
    assert_eq!(place.nobody.get("/again").status, 200);
    assert_eq!(place.main.put("/again/k", b"1").status, 200);
    place.bucket("again", &[]);
    assert_eq!(place.nobody.get("/again").status, 403);
    assert_eq!(place.main.get("/again/k").text(), "1");
    assert_eq!(said(&place.alt.put("/again", b"")), is(409, "BucketAlreadyExists"));
    // Elsewhere than in the oldest region it is an error.
    let there =
        b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(place.main.put("/elsewhere", there).status, 200);
    assert_eq!(said(&place.main.put("/elsewhere", there)), is(409, "BucketAlreadyOwnedByYou"));
}
