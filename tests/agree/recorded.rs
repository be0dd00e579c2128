//! What was decided over HTTP is explained afterwards as it was, by the policies of its time.

use super::support::{Answer, Server, TempDir};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "users": [{"name": "alice", "access_keys": [{"id": "AKIAALICE", "secret": "alice-secret"}], "inline": [
        {"name": "work", "document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
         "Action": ["s3:GetObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::reports/*"}]}}]}],
    "buckets": [{"name": "reports", "policy": {"Version": "2012-10-17", "Statement": [{"Sid": "NoSecrets",
        "Effect": "Deny", "Principal": "*", "Action": "s3:*Object", "Resource": "arn:aws:s3:::reports/secret/*",
        "Condition": {"StringEquals": {"aws:username": "alice"}}}]},
        "objects": [{"key": "a"}, {"key": "secret/b"}, {"key": "c"}]}]}]}"#;
const NEW_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Sid": "OnlyPlans", "Effect": "Deny",
    "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/plans/*"}]}"#;
const BATCH: &str = "<Delete><Object><Key>a</Key></Object><Object><Key>secret/b</Key></Object>\
    <Object><Key>c</Key></Object></Delete>";

/// Exit status, standard output and standard error of `portcullis why --decision ID --data DIR`.
fn why(id: &str, data: &Path, further: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["why", "--decision", id, "--data"]).arg(data).args(further).env("NO_COLOR", "1");
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

fn json(id: &str, data: &Path) -> (i32, Value) {
    let (status, out, err) = why(id, data, &["--format", "json"]);
    (status, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}")))
}

fn id_of(answer: &Answer) -> String {
    let id = answer.header("x-amz-request-id").to_owned();
    assert_eq!(id.len(), 16, "{id}");
    id
}

#[test]
fn a_denial_is_explained_as_it_was_after_the_policy_changed() {
    let directory = TempDir::new();
    let data = directory.path().join("data");
    let server = Server::of_world(&directory, WORLD, &[]);
    let (root, alice) = (server.client("AKIAROOT", "root-secret"), server.client("AKIAALICE", "alice-secret"));

    let denied = alice.get("/reports/secret/b");
    assert_eq!((denied.status, denied.code().as_str()), (403, "AccessDenied"));
    assert_eq!(denied.element("RequestId"), id_of(&denied));
    let batch = alice.send("POST", "/reports?delete", &[], BATCH.as_bytes());
    assert_eq!((batch.status, batch.element("Code").as_str()), (200, "AccessDenied"), "{}", batch.text());
    assert_eq!(root.put("/reports?policy", NEW_POLICY.as_bytes()).status, 204);
    let allowed = alice.get("/reports/secret/b");
    assert_eq!(allowed.status, 200);
    assert_eq!(root.delete("/reports?policy").status, 204);
    let (denied, batch, allowed) = (id_of(&denied), id_of(&batch), id_of(&allowed));

    // The server runs on while its trail is read.
    let (status, out, err) = why(&denied, &data, &[]);
    assert_eq!((status, err.as_str()), (1, ""), "{out}");
    assert!(out.starts_with("✗ DENIED (explicit deny"), "{out}");
    assert!(out.contains(&format!("recorded as {denied}.1, GetObject (GET)")), "{out}");
    assert!(out.contains("NoSecrets") && !out.contains("OnlyPlans"), "{out}");
    assert_eq!(why(&denied, &data, &["--expect", "explicit-deny"]).0, 0);
    assert_eq!(why(&denied, &data, &["--expect", "implicit-deny"]).0, 1);

    let (status, told) = json(&denied, &data);
    assert_eq!((status, &told["version"], &told["decision"]), (1, &1.into(), &"explicit-deny".into()));
    assert_eq!((&told["layer"], &told["undecided"]), (&"resource".into(), &false.into()));
    let request = &told["request"];
    assert_eq!(request["principal"], "arn:aws:iam::111122223333:user/alice");
    assert_eq!(
        (&request["action"], &request["resource"]),
        (&"s3:GetObject".into(), &"arn:aws:s3:::reports/secret/b".into())
    );
    let key = |name: &str| {
        let mut keys = request["context"].as_array().into_iter().flatten();
        keys.find(|key| key["key"] == name).map_or(Value::Null, |key| key["values"][0].clone())
    };
    assert_eq!((key("aws:SourceIp"), key("aws:SecureTransport")), ("127.0.0.1".into(), "false".into()));
    assert_eq!((key("aws:username"), key("s3:authType")), ("alice".into(), "REST-HEADER".into()));
    let deciding = &told["deciding"];
    assert_eq!((&deciding["sid"], &deciding["effect"]), (&"NoSecrets".into(), &"Deny".into()), "{deciding}");

    // By the policy that came next it was allowed, and nothing of that one is left either.
    let (status, out, _) = why(&allowed, &data, &[]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("✓ ALLOWED") && !out.contains("NoSecrets"), "{out}");

    // A batch has a decision for each key, in the order of its body.
    let (status, all) = json(&batch, &data);
    assert_eq!(status, 1, "one of three is denied");
    let answers = all["answers"].as_array().expect("all of them");
    let told: Vec<_> = answers.iter().map(|a| (&a["request"]["resource"], &a["decision"])).collect();
    let arn = |key: &str| Value::from(format!("arn:aws:s3:::reports/{key}"));
    let (allow, deny) = (Value::from("allow"), Value::from("explicit-deny"));
    assert_eq!(told, [(&arn("a"), &allow), (&arn("secret/b"), &deny), (&arn("c"), &allow)]);
    let (status, out, _) = why(&format!("{batch}.2"), &data, &[]);
    assert_eq!(status, 1);
    assert!(
        out.contains(&format!("recorded as {batch}.2, DeleteObjects (POST)")) && out.contains("NoSecrets"),
        "{out}"
    );
    let (status, second) = json(&format!("{batch}.2"), &data);
    assert_eq!((status, &second["request"]["action"]), (1, &"s3:DeleteObject".into()));
    assert_eq!((&second["deciding"]["sid"], second.get("answers")), (&"NoSecrets".into(), None));
    assert_eq!(why(&format!("{batch}.1"), &data, &[]).0, 0);
    for unknown in [format!("{batch}.4"), "0123456789ABCDEF".to_owned()] {
        let (status, out, err) = why(&unknown, &data, &[]);
        assert_eq!((status, out.as_str()), (2, ""), "{unknown}");
        assert!(err.contains(&format!("has no decision `{unknown}`")), "{err}");
    }

    // Another start of the server goes on with the same trail.
    drop(server);
    let server = Server::start(&data, &[]);
    let later = server.client("AKIAALICE", "alice-secret").put("/reports/new", b"x");
    assert_eq!(later.status, 403);
    let (status, told) = json(&id_of(&later), &data);
    assert_eq!((status, &told["decision"]), (1, &"implicit-deny".into()));
    assert_eq!(why(&denied, &data, &[]).0, 1);
}
