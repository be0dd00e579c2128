//! Mistakes of other policy engines, asked for over HTTP.

use super::ground::Ground;
use super::wire::{told, with_headers};
use crate::support::{Server, TempDir};
use portcullis::gate::operations::{Place, Selector, TABLE};

fn policy(statement: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#)
}

/// Access checks that run only where an authenticator is set, hooks that default to "allowed": without a name,
/// nothing of the table is done.
#[test]
fn no_operation_is_open_to_nobody() {
    let ground = Ground::new();
    let before = ground.stored();
    for row in TABLE {
        let mut path = match row.place {
            Place::Service => "/".to_owned(),
            Place::Account => portcullis::gate::operations::ACCOUNT_PATH.to_owned(),
            Place::Bucket if row.name == "CreateBucket" => "/brand-new".to_owned(),
            Place::Bucket => "/reports".to_owned(),
            Place::Object => "/reports/kept".to_owned(),
        };
        let mut headers = vec![];
        if row.place == Place::Account {
            headers.push(("x-amz-account-id", "111122223333"));
        }
        for selector in row.selectors {
            let joint = if path.contains('?') { '&' } else { '?' };
            match selector {
                Selector::Query(name) => path += &format!("{joint}{name}=x"),
                Selector::QueryIs(name, value) => path += &format!("{joint}{name}={value}"),
                Selector::Header(name) => headers.push((name, "reports/kept")),
                Selector::Form => headers.push(("content-type", "multipart/form-data; boundary=b")),
            }
        }
        if row.name.ends_with("Acl") {
            headers.push(("x-amz-acl", "private"));
        }
        let body = match row.name {
            "DeleteObjects" => "<Delete><Object><Key>kept</Key></Object></Delete>",
            "PostObject" => {
                "--b\r\ncontent-disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b\r\ncontent-disposition: form-data; \
                 name=\"file\"\r\n\r\nx\r\n--b--\r\n"
            }
            "PutObjectTagging" | "PutBucketTagging" => "<Tagging><TagSet/></Tagging>",
            _ => "",
        };
        let client = with_headers(&ground.server.anonymous(), &headers);
        let answer = client.send(row.method.name(), &path, &[], body.as_bytes());
        if row.name == "DeleteObjects" {
            assert_eq!((answer.status, answer.element("Code").as_str()), (200, "AccessDenied"), "{}", answer.text());
        } else {
            assert_eq!(answer.status, 403, "{}: {}", row.name, answer.text());
        }
    }
    assert_eq!(ground.stored(), before);
}

/// Documents that readers of other engines take, and lose half of.
#[test]
fn a_policy_is_read_whole_or_not_at_all() {
    let ground = Ground::new();
    let before = ground.stored();
    let rest = r#""Principal": "*", "Resource": "arn:aws:s3:::reports/*""#;
    for document in [
        policy(&format!(r#"{{"Effect": "Allow", "Action": "s3:GetObject", "NotAction": "s3:PutObject", {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "Deny", "Action": "s3:GetObject", "Conditions": {{}}, {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "Deny", "Action": "s3:GetObject", "condition": {{}}, {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "Deny", "Effect": "Allow", "Action": "s3:GetObject", {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "Deny", "Action": "s3:GetObject", "Action": "s3:PutObject", {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "allow", "Action": "s3:GetObject", {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "Deny", "Action": "s3:NoSuchAction", {rest}}}"#)),
        policy(&format!(r#"{{"Effect": "Deny", {rest}}}"#)),
        policy(r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}"#),
        policy(r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*"}"#),
        policy(r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::vault/*"}"#),
        policy(
            r#"{"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:user/nobody"}, "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*", "Condition": {"NoSuchOperator": {"aws:SourceIp": "1.2.3.4"}}}"#,
        ),
        r#"{"Version": "2012-10-18", "Statement": []}"#.to_owned(),
        r#"{"Version": "2012-10-17"}"#.to_owned(),
        r#"{"Version": "2012-10-17", "Statement": [], "Statement": []}"#.to_owned(),
        "{".to_owned(),
        "not json".to_owned(),
        "[]".to_owned(),
        "\u{feff}{}".to_owned(),
        "{".repeat(5_000),
        "[".repeat(19_000),
    ] {
        let head = ground.root().head("PUT", "/reports?policy", &[], document.as_bytes());
        let answer = ground.refused(&head, document.as_bytes());
        assert_eq!(told(&answer), (400, "MalformedPolicy".to_owned()), "{document:.200}: {}", answer.text());
        assert!(answer.element("Message").contains("line"), "where: {document:.200} {}", answer.text());
    }
    assert_eq!(ground.stored(), before);
}

#[test]
fn a_policy_has_at_most_20_kilobytes() {
    let ground = Ground::new();
    let document = policy(
        r#"{"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}"#,
    );
    let filled = |size: usize| document.clone() + &" ".repeat(size - document.len());
    let before = ground.stored();
    for size in [20 * 1024 + 1, 100_000, 256 << 10] {
        let body = filled(size);
        let head = ground.root().head("PUT", "/reports?policy", &[], body.as_bytes());
        let answer = ground.refused(&head, body.as_bytes());
        assert_eq!(told(&answer), (400, "PolicyTooLarge".to_owned()), "{size}: {}", answer.text());
        assert!(answer.element("Message").contains("20480"), "{}", answer.text());
    }
    assert_eq!(ground.stored(), before);
    assert_eq!(ground.root().put("/reports?policy", filled(20 * 1024).as_bytes()).status, 204);
}

/// A value that the request brings is no pattern: a `*` in it means a star.
#[test]
fn variables_are_values_not_patterns() {
    let ground = Ground::new();
    let root = ground.root();
    for key in ["/drop/own/*/a", "/drop/own/x/a", "/drop/own/${*}/a"] {
        assert_eq!(root.put(key, key.as_bytes()).status, 200);
    }
    let document = policy(
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::drop/own/${aws:UserAgent}/a"}"#,
    );
    assert_eq!(root.put("/drop?policy", document.as_bytes()).status, 204);
    let get = |agent: &str, key: &str| ground.alice().send("GET", key, &[("user-agent", agent)], b"").status;
    assert_eq!(get("x", "/drop/own/x/a"), 200);
    for agent in ["*", "?", "${*}", "${aws:UserAgent}", "x*", ""] {
        assert_eq!(get(agent, "/drop/own/x/a"), 403, "{agent}");
    }
    assert_eq!(get("*", "/drop/own/*/a"), 200);
    let mut absent = ground.alice();
    absent.headers.clear();
    assert_eq!(absent.get("/drop/own/x/a").status, 403, "no agent, no match");
}

#[test]
fn denials_count_wherever_they_stand_and_notresource_is_not_forgotten() {
    let ground = Ground::new();
    let carol = ground.carol();
    // Allowed by a statement that comes first; denied by a later one.
    assert_eq!(carol.put("/reports/mine", b"x").status, 200);
    assert_eq!(told(&carol.delete("/reports/mine")), (403, "AccessDenied".to_owned()));
    assert_eq!(carol.delete("/drop/mine").status, 204);
    // `NotResource` leaves the vault out, bucket and keys.
    for path in ["/vault/secret", "/vault", "/vault?policy", "/vault?acl"] {
        assert_eq!(carol.get(path).status, 403, "{path}");
    }
    assert_eq!(carol.get("/reports/kept").text(), "kept");
}

/// Each key is decided by itself; what is refused stays and stands in the answer.
#[test]
fn a_batch_is_decided_key_by_key() {
    let ground = Ground::new();
    let root = ground.root();
    for key in ["a", "b", "private/c"] {
        assert_eq!(root.put(&format!("/drop/{key}"), b"x").status, 200);
    }
    let document = policy(
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::drop/private/*"}"#,
    );
    assert_eq!(root.put("/drop?policy", document.as_bytes()).status, 204);
    let keys = ["a", "private/c", "absent", "b"].map(|k| format!("<Object><Key>{k}</Key></Object>")).concat();
    let versions = "<Object><Key>a</Key><VersionId>null</VersionId></Object>";
    let body = format!("<Delete>{versions}{keys}</Delete>");
    let answer = ground.bob().send("POST", "/drop?delete", &[], body.as_bytes());
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let errors: Vec<&str> = text.split("<Error>").skip(1).collect();
    assert_eq!(errors.len(), 2, "{text}");
    assert!(errors.iter().all(|e| e.contains("<Code>AccessDenied</Code>")), "{text}");
    assert!(errors[0].contains("<VersionId>null</VersionId>"), "bob may not destroy versions: {text}");
    assert!(errors[1].contains("<Key>private/c</Key>"), "{text}");
    assert_eq!(text.matches("<Deleted>").count(), 3, "{text}");
    assert_eq!((root.get("/drop/a").status, root.get("/drop/b").status), (404, 404));
    assert_eq!(root.get("/drop/private/c").status, 200);
    // The same of somebody who may delete nothing: nothing goes.
    let answer = ground.other().send("POST", "/drop?delete", &[], body.as_bytes());
    assert_eq!((answer.status, answer.text().matches("<Error>").count()), (200, 5), "{}", answer.text());
}

/// Matchers that are exponential in the number of stars never come back from this one.
#[test]
fn many_stars_are_answered() {
    let ground = Ground::new();
    let key = "a".repeat(1_000);
    assert_eq!(ground.root().put(&format!("/drop/{key}"), b"x").status, 200);
    let stars = "*a".repeat(200);
    let document = policy(&format!(
        r#"{{"Effect": "Allow", "Principal": {{"AWS": "arn:aws:iam::111122223333:user/bob"}}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::drop/{stars}b"}}"#
    ));
    assert_eq!(ground.root().put("/drop?policy", document.as_bytes()).status, 204);
    assert_eq!(ground.bob().get(&format!("/drop/{key}")).status, 403);
}

/// A closed list of actions turns a new one into a parse error, and the whole policy with it.
#[test]
fn actions_of_other_services_do_no_harm() {
    let world = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
        "users": [{"name": "eve", "access_keys": [{"id": "AKIAEVE", "secret": "eve-secret"}], "inline": [
          {"name": "p", "document": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["brandnew:DoThings", "s3:GetObject", "s3:PutObject", "s3-outposts:GetObject"],
             "Resource": "*"}]}}]}],
        "buckets": [{"name": "reports"}]}]}"#;
    let directory = TempDir::new();
    let server = Server::of_world(&directory, world, &[]);
    let eve = server.client("AKIAEVE", "eve-secret");
    assert_eq!(eve.put("/reports/k", b"x").status, 200);
    assert_eq!(eve.get("/reports/k").status, 200);
    assert_eq!(eve.delete("/reports/k").status, 403);
}

/// Whoever asks says where they come from; only a proxy that the operator named is believed.
#[test]
fn a_forwarded_address_is_a_proxys_word() {
    let document = policy(
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "Bool": {"aws:SecureTransport": "true"}}}"#,
    );
    let forwarded = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
    for (arguments, status) in [(&[][..], 403), (&["--trusted-proxy", "127.0.0.1/32"][..], 200)] {
        let ground = Ground::with(arguments);
        assert_eq!(ground.root().put("/reports?policy", document.as_bytes()).status, 204);
        assert_eq!(ground.bob().send("GET", "/reports/kept", &forwarded, b"").status, status, "{arguments:?}");
        for others in [
            &[][..],
            &forwarded[..1],
            &forwarded[1..],
            &[("x-real-ip", "203.0.113.7"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https")],
        ] {
            assert_eq!(ground.bob().send("GET", "/reports/kept", others, b"").status, 403, "{others:?}");
        }
    }
}
