//! The trail of a running server: what is in it, what never is, what refuses, and how it is read.
#![cfg(feature = "server")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::edges::server::auth::SigningKey;
use portcullis::simulate::recorded::{Door, TrailEvent};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Answer, Client, Server, TempDir, now, raw};

const WORLD: &str = r#"{"version": 1, "accounts": [
  {"id": "111122223333", "name": "prod",
   "root": {"access_keys": [{"id": "AKIAROOT", "secret": "canary-root-secret"}]},
   "users": [{"name": "alice", "access_keys": [{"id": "AKIAALICE", "secret": "canary-alice-secret"}],
     "inline": [{"name": "own", "document": {"Version": "2012-10-17", "Statement": [
       {"Sid": "Own", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::box/*",
        "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
       {"Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"}]}}]},
     {"name": "bob", "access_keys": [{"id": "AKIABOB", "secret": "canary-bob-secret"}]}],
   "buckets": [{"name": "box"}]},
  {"id": "444455556666", "name": "other",
   "root": {"access_keys": [{"id": "AKIAOTHER", "secret": "canary-other-secret"}]}}]}"#;

struct Ground {
    server: Server,
    directory: TempDir,
}

impl Ground {
    fn new(arguments: &[&str]) -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, WORLD, arguments);
        Self { server, directory }
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    fn root(&self) -> Client {
        self.server.client("AKIAROOT", "canary-root-secret")
    }

    fn alice(&self) -> Client {
        self.server.client("AKIAALICE", "canary-alice-secret")
    }

    fn bob(&self) -> Client {
        self.server.client("AKIABOB", "canary-bob-secret")
    }

    fn other(&self) -> Client {
        self.server.client("AKIAOTHER", "canary-other-secret")
    }

    fn events(&self) -> Vec<TrailEvent<'static>> {
        events(&self.data())
    }
}

fn events(data: &Path) -> Vec<TrailEvent<'static>> {
    let mut found = Vec::new();
    for (_, path) in portcullis::edges::trail_files::segments(&data.join("trail")).expect("a trail") {
        let text = std::fs::read_to_string(path).expect("text");
        found.extend(text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))));
    }
    found
}

/// Everything that stands in a folder, as bytes.
fn everything(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        if entry.path().is_dir() {
            everything(&entry.path(), into);
        } else {
            into.extend(std::fs::read(entry.path()).expect("a file"));
        }
    }
}

fn form(ground: &Ground, canary: &str) -> (Answer, String) {
    let date = chrono::DateTime::from_timestamp(now(), 0).expect("a time").format("%Y%m%dT%H%M%SZ").to_string();
    let until = chrono::DateTime::from_timestamp(now() + 600, 0).expect("a time").format("%Y-%m-%dT%H:%M:%SZ");
    let conditions = r#"[{"bucket": "box"}, ["starts-with", "$key", ""], {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
        ["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-date", ""], ["starts-with", "$x-amz-meta-c", ""]]"#;
    let policy = STANDARD.encode(format!(r#"{{"expiration": "{until}", "conditions": {conditions}}}"#));
    let signature = SigningKey::derive("canary-alice-secret", &date[..8], "us-east-1", "s3").sign(&policy);
    let credential = format!("AKIAALICE/{}/us-east-1/s3/aws4_request", &date[..8]);
    let mut body = String::new();
    for (name, value) in [
        ("key", "form"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &date),
        ("x-amz-meta-c", canary),
        ("policy", &policy),
        ("x-amz-signature", &signature),
    ] {
        let _ = write!(body, "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncontent\r\n--x--\r\n";
    let head = format!(
        "POST /box HTTP/1.1\r\nhost: h\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    (raw(&ground.server.address, &head, body.as_bytes()), signature)
}

#[test]
fn every_door_leaves_an_event_and_none_leaves_a_secret() {
    let ground = Ground::new(&["--allow-insecure-secrets", "--allow-sigv2"]);
    let mut canaries: Vec<String> =
        ["canary-root-secret", "canary-alice-secret", "canary-bob-secret", "canary-cookie", "canary-mfa"]
            .map(str::to_owned)
            .to_vec();
    // Headers, with a customer's key, a cookie, a signed URL for a referer.
    let key = [b'K'; 32];
    let md5 = STANDARD.encode(<md5::Md5 as md5::Digest>::digest(key));
    let key = STANDARD.encode(key);
    let headers = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", key.as_str()),
        ("x-amz-server-side-encryption-customer-key-md5", md5.as_str()),
        ("cookie", "session=canary-cookie"),
        ("referer", "https://h/x?X-Amz-Signature=canary-referer&X-Amz-Security-Token=canary-token&a=b"),
        ("user-agent", "agent/1 https://h/?X-Amz-Signature=canary-agent"),
    ];
    assert_eq!(ground.alice().send("PUT", "/box/sealed", &headers, b"x").status, 200);
    assert_eq!(ground.alice().send("GET", "/box/sealed", &headers, b"").status, 200);
    assert_eq!(ground.bob().send("GET", "/box/sealed", &headers, b"").status, 403);
    canaries.extend([&key, &md5].map(|text| serde_json::to_string(text).expect("JSON").trim_matches('"').to_owned()));
    canaries.extend(["canary-referer", "canary-token", "canary-agent"].map(str::to_owned));
    // A presigned URL.
    assert_eq!(ground.alice().put("/box/plain", b"x").status, 200);
    let url = ground.alice().presigned("GET", "/box/plain", &[], 60, now());
    canaries.push(url.split_once("X-Amz-Signature=").expect("signed").1[..64].to_owned());
    assert_eq!(ground.server.anonymous().get(&url).status, 200);
    // A form, and nobody.
    let (answer, signature) = form(&ground, "not-read-by-decisions");
    assert!(answer.status < 300, "{}", answer.text());
    canaries.extend([signature, "not-read-by-decisions".to_owned()]);
    assert_eq!(ground.server.anonymous().get("/box/plain").status, 403);
    // A delete with MFA, a copy with two keys, a service.
    ground.root().send("DELETE", "/box/none", &[("x-amz-mfa", "arn:aws:iam::111122223333:mfa/x canary-mfa")], b"");
    let copied = [
        ("x-amz-copy-source", "/box/sealed"),
        ("x-amz-copy-source-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-copy-source-server-side-encryption-customer-key", key.as_str()),
        ("x-amz-copy-source-server-side-encryption-customer-key-md5", md5.as_str()),
    ];
    assert_eq!(ground.root().send("PUT", "/box/copy", &copied, b"").status, 200);
    let lookup = ground.alice().of("cloudtrail").call("CloudTrail_20131101.LookupEvents", &json!({}));
    assert_eq!(lookup.status, 200, "{}", lookup.text());

    let events = ground.events();
    let doors: BTreeSet<&str> = events.iter().map(|event| event.portcullis.door.word()).collect();
    assert_eq!(doors, ["anonymous", "form", "header", "presigned", "service"].into());
    let mut bytes = Vec::new();
    everything(&ground.data().join("trail"), &mut bytes);
    bytes.extend(lookup.body);
    let text = String::from_utf8_lossy(&bytes);
    for canary in canaries {
        assert!(!text.contains(&canary), "{canary} stands in the trail");
    }
    assert!(text.contains("agent/1 https://h/?X-Amz-Signature=REMOVED"), "what is no secret stands there");
}

#[test]
fn an_answer_comes_after_its_events() {
    let ground = Ground::new(&[]);
    ground.root().put("/box/one", b"1");
    let deleted = "<Delete><Object><Key>one</Key></Object><Object><Key>two</Key></Object></Delete>";
    let md5 = STANDARD.encode(<md5::Md5 as md5::Digest>::digest(deleted));
    let requests: Vec<(Answer, Vec<&str>)> = vec![
        (ground.alice().get("/box/one"), vec!["GetObject"]),
        (ground.alice().get("/box/none"), vec!["GetObject", "HeadBucket"]),
        (ground.bob().get("/box/one"), vec!["GetObject"]),
        (
            ground.root().send("PUT", "/box/copy", &[("x-amz-copy-source", "/box/one")], b""),
            vec!["CopyObject", "CopyObject"],
        ),
        (ground.root().get("/box?list-type=2"), vec!["ListObjects"]),
        (
            ground.root().send("POST", "/box?delete", &[("content-md5", &md5)], deleted.as_bytes()),
            vec!["DeleteObjects", "DeleteObjects"],
        ),
    ];
    // The server is gone without having been told: what it answered stands there.
    let Ground { mut server, directory } = ground;
    server.kill();
    let events = events(&directory.path().join("data"));
    for (answer, names) in requests {
        let id = answer.header("x-amz-request-id");
        let of_request: Vec<_> = events.iter().filter(|event| event.request_id == id).collect();
        let found: Vec<&str> = of_request.iter().map(|event| &*event.event_name).collect();
        assert_eq!(found, names, "{}", answer.text());
        for (n, event) in of_request.iter().enumerate() {
            assert_eq!(event.event_id, format!("{id}.{}", n + 1));
            assert_eq!(event.portcullis.door, Door::Header);
            let denied = event.portcullis.outcome != "allow";
            assert_eq!(event.error_code.is_some(), denied);
        }
    }
}

#[test]
fn a_full_trail_refuses_all_but_the_owners_deletes() {
    let directory = TempDir::new();
    let data = directory.path().join("data");
    let mut server = Server::of_world(&directory, WORLD, &[]);
    let root = |server: &Server| server.client("AKIAROOT", "canary-root-secret");
    assert_eq!(root(&server).put("/box/one", b"1").status, 200);
    assert_eq!(root(&server).put("/box/two", b"2").status, 200);
    server.kill();
    let mut server = Server::start_with(&data, &[], &[("PORTCULLIS_FULL_AT", "trail.before_write:1")]);
    let refused = root(&server).get("/box/one");
    assert_eq!((refused.status, refused.code().as_str()), (503, "ServiceUnavailable"));
    assert!(refused.element("Message").contains("trail of decisions cannot be written"), "{}", refused.text());
    assert_eq!(root(&server).put("/box/three", b"3").status, 503);
    assert_eq!(server.client("AKIABOB", "canary-bob-secret").delete("/box/one").status, 503, "a denial frees nothing");
    let lookup = root(&server).of("cloudtrail").call("CloudTrail_20131101.LookupEvents", &json!({}));
    assert_eq!(lookup.status, 503, "{}", lookup.text());
    let deleted = root(&server).delete("/box/one");
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    server.kill();
    // With space again everything goes on, and the delete stands there.
    let server = Server::start(&data, &[]);
    assert_eq!(root(&server).get("/box/one").status, 404);
    assert_eq!(root(&server).get("/box/three").status, 404);
    assert_eq!(root(&server).get("/box/two").status, 200);
    let id = deleted.header("x-amz-request-id");
    assert!(events(&data).iter().any(|event| event.request_id == id && event.event_name == "DeleteObject"));
    drop(server);
    let out = why(&data, id);
    assert!(out.starts_with("✓ ALLOWED"), "{out}");
}

fn why(data: &Path, id: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(["why", "--decision", id, "--data"]).arg(data).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn without_a_durable_trail_requests_go_on() {
    for (mode, events) in [("best-effort", true), ("off", false)] {
        let directory = TempDir::new();
        let data = directory.path().join("data");
        drop(Server::of_world(&directory, WORLD, &[]));
        let _ = std::fs::remove_dir_all(data.join("trail"));
        let fault = [("PORTCULLIS_FULL_AT", "trail.before_write:1")];
        let server = Server::start_with(&data, &["--trail", mode], &fault);
        assert_eq!(server.client("AKIAALICE", "canary-alice-secret").put("/box/one", b"1").status, 200, "{mode}");
        assert_eq!(data.join("trail").exists(), events, "{mode}");
    }
}

fn lookup(client: &Client, body: &Value) -> Value {
    let answer =
        client.of("cloudtrail").call("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", body);
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn names(found: &Value) -> Vec<&str> {
    found["Events"].as_array().expect("a list").iter().map(|e| e["EventName"].as_str().expect("a name")).collect()
}

#[test]
fn events_are_looked_up_newest_first_and_by_attribute() {
    let ground = Ground::new(&["--trail-max-size", "4000"]);
    assert_eq!(ground.root().put("/box/one", b"1").status, 200);
    let got = ground.alice().get("/box/one");
    assert_eq!(ground.bob().get("/box/one").status, 403);
    let foreign = ground.other().get("/box/one");
    assert_eq!(foreign.status, 403);
    let alice = ground.alice();
    let all = lookup(&alice, &json!({}));
    assert_eq!(names(&all), ["LookupEvents", "GetObject", "GetObject", "GetObject", "PutObject"]);
    let by = |key: &str, value: &str| json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]});
    let id = format!("{}.1", got.header("x-amz-request-id"));
    for (key, value, count) in [
        ("EventId", id.as_str(), 1),
        ("EventName", "PutObject", 1),
        ("ReadOnly", "false", 1),
        ("Username", "bob", 1),
        ("ResourceType", "AWS::S3::Bucket", 4),
        ("ResourceName", "box", 4),
        ("ResourceName", "arn:aws:s3:::box/one", 4),
        ("EventSource", "s3.amazonaws.com", 4),
        ("AccessKeyId", "AKIAALICE", 1),
        ("AccessKeyId", "AKIANOBODY", 0),
    ] {
        let found = lookup(&alice, &by(key, value));
        let list = found["Events"].as_array().expect("a list");
        let s3 = list.iter().filter(|e| e["EventSource"] == "s3.amazonaws.com").count();
        assert_eq!(s3, count, "{key} {value}: {found}");
    }
    let one = lookup(&alice, &by("EventId", &id))["Events"][0].clone();
    assert_eq!(
        (&one["Username"], &one["AccessKeyId"], &one["ReadOnly"]),
        (&json!("alice"), &json!("AKIAALICE"), &json!("true"))
    );
    let event: Value = serde_json::from_str(one["CloudTrailEvent"].as_str().expect("text")).expect("JSON");
    assert_eq!(event["portcullis"]["decidedBy"]["sid"], "Own");

    // Page by page, over several files; a token goes on with its own look-up only.
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut request = by("EventSource", "s3.amazonaws.com");
        request["MaxResults"] = json!(1);
        if !token.is_null() {
            request["NextToken"] = token.clone();
        }
        let page = lookup(&alice, &request);
        seen.extend(names(&page).into_iter().map(str::to_owned));
        if page["NextToken"].is_null() {
            break;
        }
        token = page["NextToken"].clone();
    }
    assert_eq!(seen, ["GetObject", "GetObject", "GetObject", "PutObject"]);

    // The other account sees its own request, without what the bucket's owner wrote in policies; and nothing else.
    let theirs = lookup(&ground.other(), &by("EventSource", "s3.amazonaws.com"));
    assert_eq!(names(&theirs), ["GetObject"]);
    let told = theirs["Events"][0]["CloudTrailEvent"].as_str().expect("text");
    assert!(told.contains(foreign.header("x-amz-request-id")) && told.contains("Access Denied"), "{told}");
    assert!(!told.contains("no resource-based policy") && !told.contains("sha256"), "{told}");
    for (from, until, count) in [(now() - 60, now() + 60, 4), (now() + 60, now() + 120, 0), (0, now() - 600, 0)] {
        let mut request = by("EventSource", "s3.amazonaws.com");
        (request["StartTime"], request["EndTime"]) = (json!(from), json!(until));
        assert_eq!(names(&lookup(&alice, &request)).len(), count, "{from} {until}");
    }
}

#[test]
fn bad_look_ups_are_told_so_in_cloudtrails_words() {
    let ground = Ground::new(&[]);
    let attribute = |key: &str, value: &str| json!({"AttributeKey": key, "AttributeValue": value});
    for (body, code) in [
        (json!({"LookupAttributes": [attribute("Colour", "red")]}), "InvalidLookupAttributesException"),
        (json!({"LookupAttributes": [attribute("EventName", "")]}), "InvalidLookupAttributesException"),
        (json!({"LookupAttributes": [attribute("ReadOnly", "maybe")]}), "InvalidLookupAttributesException"),
        (
            json!({"LookupAttributes": [attribute("EventName", "a"), attribute("EventName", "b")]}),
            "InvalidLookupAttributesException",
        ),
        (json!({"StartTime": 2, "EndTime": 1}), "InvalidTimeRangeException"),
        (json!({"MaxResults": 0}), "InvalidMaxResultsException"),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException"),
        (json!({"NextToken": "1.0.0000000000000000"}), "InvalidNextTokenException"),
        (json!({"NextToken": ""}), "InvalidNextTokenException"),
        (json!({"EventCategory": "other"}), "InvalidEventCategoryException"),
        (json!({"MaxResults": "many"}), "SerializationException"),
        (json!({"Unknown": 1}), "SerializationException"),
    ] {
        let answer = ground.alice().of("cloudtrail").call("CloudTrail_20131101.LookupEvents", &body);
        let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, told["__type"].as_str()), (400, Some(code)), "{body}: {told}");
        assert!(!told["message"].as_str().unwrap_or_default().is_empty());
    }
    let denied = ground.bob().of("cloudtrail").call("CloudTrail_20131101.LookupEvents", &json!({}));
    assert_eq!(denied.status, 400, "{}", denied.text());
    assert!(denied.text().contains("not authorized to perform: cloudtrail:LookupEvents"), "{}", denied.text());
}

fn trail(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.arg("trail").args(arguments).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_trail_is_shown_filtered_and_followed() {
    let ground = Ground::new(&[]);
    assert_eq!(ground.alice().put("/box/one", b"1").status, 200);
    assert_eq!(ground.bob().get("/box/one").status, 403);
    assert_eq!(ground.server.anonymous().get("/box/one").status, 403);
    let data = ground.data();
    let data = data.to_str().expect("UTF-8");
    let all = trail(&[data]);
    let heads: Vec<&str> = all.lines().filter(|line| line.starts_with("20")).collect();
    assert_eq!(heads.len(), 3, "{all}");
    assert!(heads[0].contains("✓ allow") && heads[0].contains("alice") && heads[0].contains("s3://box/one"), "{all}");
    assert!(heads[1].contains("✗ implicit-deny") && heads[1].contains("bob"), "{all}");
    assert!(!all.contains('\u{1b}'), "no colour where there is no terminal");
    assert!(all.contains("[D201] User: arn:aws:iam::111122223333:user/bob is not authorized to perform"), "{all}");
    assert!(all.contains("needs an Allow") || all.contains("closest"), "{all}");
    assert!(all.contains("help: allowed with") && all.contains("(re-evaluated)"), "{all}");
    for (arguments, count) in [
        (vec!["--denied"], 2),
        (vec!["--principal", "bob"], 1),
        (vec!["--principal", "arn:aws:iam::*:user/*"], 2),
        (vec!["--principal", "anonymous"], 1),
        (vec!["--action", "getobject"], 2),
        (vec!["--action", "s3:Put*"], 1),
        (vec!["--resource", "s3://box/*"], 3),
        (vec!["--resource", "arn:aws:s3:::box/two"], 0),
        (vec!["--door", "anonymous"], 1),
        (vec!["--since", "1h"], 3),
        (vec!["--since", "2126-01-01"], 0),
    ] {
        let mut line = vec!["--data", data, "--format", "json"];
        line.extend(&arguments);
        let found = trail(&line);
        assert_eq!(found.lines().count(), count, "{arguments:?}: {found}");
        assert!(found.lines().all(|line| serde_json::from_str::<TrailEvent<'_>>(line).is_ok()), "{found}");
    }

    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let mut follower = command
        .args(["trail", "--follow", "--denied", "--data", data])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(follower.stdout.take().expect("piped")).lines();
    let mut next = |wanted: &str| {
        let found = lines.by_ref().map_while(Result::ok).find(|line| line.contains(wanted));
        assert!(found.is_some(), "{wanted}");
    };
    next("bob");
    next("anonymous");
    let denied = ground.bob().get("/box/later");
    next(denied.header("x-amz-request-id"));
    follower.kill().expect("ended");
    let _ = follower.wait();
    let out = why(Path::new(data), denied.header("x-amz-request-id"));
    assert!(out.starts_with("✗ DENIED"), "{out}");
}
