//! `decide` allocates nothing on warm structures: whatever a policy or request holds, everything is parsed
//! when it is loaded or built.

#![allow(unsafe_code, reason = "a global allocator that counts cannot be written without")]

use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{
    Action, AuthorizationRequest, Authorizer, Bucket, Decision, LayerState, Layers, Principal, Resource,
};
use portcullis::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use portcullis::simulate::scenario;
use portcullis::words::problem::Source;
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::{Path, PathBuf};

// ---------------------------------------------------------------------------------------------
// Counting

struct Counting;

thread_local! {
    // Neither lazy nor with a destructor: reading it allocates nothing.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `act` returns, and how often it allocated.
fn counted<T>(act: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.get();
    let result = act();
    (result, ALLOCATIONS.get() - before)
}

/// Decides twice, the second time counted.
fn decide_counted(authorizer: &Authorizer, request: &AuthorizationRequest<'_>, what: &str) -> Decision {
    let warm = authorizer.decide(request);
    let (decision, allocations) = counted(|| authorizer.decide(request));
    assert_eq!(allocations, 0, "{what}: {decision:?}");
    assert_eq!(decision, warm);
    decision
}

#[test]
fn the_counter_counts() {
    let (boxed, allocations) = counted(|| Box::new(5));
    assert_eq!((*boxed, allocations), (5, 1));
    assert!(counted(|| format!("{boxed}, {boxed}")).1 >= 1);
    assert_eq!(counted(|| 2 + 2).1, 0);
}

// ---------------------------------------------------------------------------------------------
// Policies

fn compile(policy: &Value, kind: PolicyKind) -> CompiledPolicy {
    let options = LoadOptions { acceptance: Acceptance::Evaluable, ..LoadOptions::new(kind) };
    match PolicyDocument::parse("policy", &policy.to_string(), &options) {
        Ok(document) => CompiledPolicy::compile("policy", &document),
        Err(problems) => panic!("{problems}"),
    }
}

/// A file of the shared folder beside the checkout, or where `PORTCULLIS_SHARED` says.
fn shared(file: &str) -> Option<Value> {
    let folder = std::env::var_os("PORTCULLIS_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    Some(serde_json::from_str(&text).expect("the benchmark's files are JSON"))
}

/// The benchmark's W2, or something like it where that is not at hand.
fn work() -> (Value, Value, Value) {
    let files = ["bench/w2_identity.json", "bench/w2_bucket.json", "bench/w2_requests.json"].map(shared);
    if let [Some(identity), Some(bucket), Some(requests)] = files {
        return (identity, bucket, requests);
    }
    println!("../shared/bench is not here: a policy of the test's own stands in for W2");
    let identity = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:*Object"], "Resource": "arn:aws:s3:::team-*/home/${aws:username}/*",
            "Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]},
                "Bool": {"aws:SecureTransport": "true"}}},
        {"Effect": "Allow", "Action": "s3:List*", "Resource": "arn:aws:s3:::team-*",
            "Condition": {"StringLike": {"s3:prefix": ["home/${aws:username}/*", "shared/*"]},
                "NumericLessThan": {"s3:max-keys": "1001"}}},
        {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*",
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}}]});
    let bucket = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::team-red/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::team-red/reports/*"}]});
    let ask = |action: &str, resource: &str, expect: &str| {
        json!({"name": action, "principal": "arn:aws:iam::111122223333:user/alice", "action": action,
            "resource": format!("arn:aws:s3:::{resource}"), "expect": expect, "context": {
                "aws:username": "alice", "aws:SourceIp": "10.2.3.4", "aws:SecureTransport": "true",
                "aws:CurrentTime": "2026-11-22T10:00:00Z", "s3:prefix": "shared/x", "s3:max-keys": "100"}})
    };
    let requests = json!([
        ask("s3:GetObject", "team-red/home/alice/x", "allow"),
        ask("s3:GetObject", "team-red/reports/x", "allow"),
        ask("s3:ListBucket", "team-red", "allow"),
        ask("s3:PutObject", "team-red/home/bob/x", "deny"),
    ]);
    (identity, bucket, requests)
}

#[test]
fn the_benchmarks_work() {
    let (identity, bucket, requests) = work();
    let layers = Layers {
        identity: LayerState::Given(compile(&identity, PolicyKind::Identity).into()),
        resource: LayerState::Given(compile(&bucket, PolicyKind::Bucket).into()),
        bucket: Some(Bucket { owner_account: "111122223333".to_owned(), ..Bucket::default() }),
        ..Layers::default()
    };
    let authorizer = Authorizer::new(layers);
    let requests = requests.as_array().expect("a list of requests");
    assert!(requests.len() >= 4);
    for asked in requests {
        let text = |name: &str| asked[name].as_str().expect("a text");
        let principal = match text("principal") {
            arn if arn.contains(":assumed-role/") => {
                let name = arn.split('/').nth(1).expect("the role's name");
                let role: &'static str = format!("arn:aws:iam::111122223333:role/{name}").leak();
                Principal::role_session(arn, "111122223333", role)
            }
            arn if arn.starts_with("arn:") => Principal::user(arn, "111122223333"),
            _ => Principal::anonymous(),
        };
        let mut request =
            AuthorizationRequest::new(principal, Action::new(text("action")), Resource::new(text("resource")));
        for (key, value) in asked["context"].as_object().expect("a context") {
            match value {
                Value::String(value) => request.context.set(&**key, &**value),
                Value::Array(values) => {
                    request.context.set_many(&**key, values.iter().map(|v| v.as_str().expect("a text")))
                }
                other => panic!("{other} is no context value"),
            };
        }
        let decision = decide_counted(&authorizer, &request, text("name"));
        assert_eq!(decision.is_allowed(), text("expect") == "allow", "{}", text("name"));
    }
}

#[test]
fn every_scenario_of_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let (mut number, mut failed) = (0, Vec::new());
    for file in std::fs::read_dir(folder).expect("the corpus is there") {
        let path = file.expect("the folder can be read").path();
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let scenarios = match scenario::read(&Source::new("corpus", text)) {
            Ok(scenarios) => scenarios,
            Err(problems) => panic!("{problems}"),
        };
        for scenario in scenarios {
            let request = scenario.request();
            let warm = scenario.authorizer().decide(&request);
            let (decision, allocations) = counted(|| scenario.authorizer().decide(&request));
            assert_eq!(decision, warm);
            if allocations != 0 {
                failed.push(format!("{} {allocations}: {decision:?}", scenario.id));
            }
            number += 1;
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(number >= 400, "{number}");
}

/// One condition with the value it is asked with, which no catalogue has typed beforehand.
#[test]
fn every_operator_on_untyped_values() {
    let long_number = "1".repeat(200) + "." + &"2".repeat(200);
    let long_text = "Ünïcödé ".repeat(100);
    let cases: &[(&str, Value, Value)] = &[
        ("StringEquals", json!(["a", "${aws:username}"]), json!("alice")),
        ("StringNotEquals", json!("${aws:PrincipalTag/none, 'nobody'}"), json!("alice")),
        ("StringEqualsIgnoreCase", json!([long_text.to_uppercase(), "${aws:username}x"]), json!(long_text)),
        ("StringLike", json!(["*a*b*c*d*", "${aws:username}*?"]), json!("alice-and-bob")),
        ("StringNotLike", json!("*${aws:PrincipalTag/none}*"), json!("x")),
        ("NumericEquals", json!(["+007.50", long_number]), json!(long_number)),
        ("NumericLessThan", json!("99999999999999999999999"), json!("-12345678901234567890.5")),
        ("NumericNotEquals", json!(["abc", "5"]), json!("no number")),
        ("DateLessThan", json!(["2026-11-22T10:00:00.123456789+01:00", "2027"]), json!("2026-11-22")),
        ("DateGreaterThanEquals", json!("1795338000"), json!("2026-11-22T08:59:59.5Z")),
        ("DateNotEquals", json!("yesterday"), json!("tomorrow")),
        ("Bool", json!(["TRUE", "no"]), json!("True")),
        ("BinaryEquals", json!(["QUJD", "QUJE"]), json!("QUJD".repeat(300))),
        ("BinaryEquals", json!("QUJD"), json!("not base64")),
        ("IpAddress", json!(["10.0.0.0/8", "2001:db8::/32"]), json!("2001:DB8:0:0::1")),
        ("NotIpAddress", json!("10.0.0.0/8"), json!("not an address")),
        ("ArnLike", json!("arn:aws:iam::*:user/${aws:username}"), json!("arn:aws:iam::111122223333:user/alice")),
        ("ArnNotEquals", json!(["arn:aws:sns:*:*:*", "x"]), json!("not an ARN")),
        ("Null", json!("false"), json!("here")),
        ("ForAnyValue:StringLike", json!(["r*", "b?ue"]), json!(["green", "blue"])),
        ("ForAllValues:StringNotEqualsIgnoreCase", json!(["RED", "É"]), json!(["green", "é", "blue"])),
        ("ForAllValues:IpAddress", json!("10.0.0.0/8"), json!(["10.1.2.3", "10.3.2.1", "x"])),
        ("ForAnyValue:NumericGreaterThanIfExists", json!([1, 2.5]), json!(["0", "2.50", "3"])),
        ("ForAnyValue:DateEquals", json!("2026-11-22"), json!(["x", "2026-11-22T00:00:00Z"])),
        ("ForAllValues:Bool", json!(true), json!([])),
    ];
    for (operator, operands, values) in cases {
        for effect in ["Allow", "Deny"] {
            let policy = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": effect, "Action": "x:Unknown*", "Resource": "arn:aws:x:::a${*}/*/${aws:username}?",
                    "Condition": {*operator: {"custom:Key": operands}}},
                {"Effect": "Allow", "Action": "x:Unknown*", "NotResource": "arn:aws:x:::${aws:PrincipalTag/none}"}]});
            let policy = compile(&policy, PolicyKind::Identity);
            let authorizer =
                Authorizer::new(Layers { identity: LayerState::Given(policy.into()), ..Layers::default() });
            let mut request = AuthorizationRequest::new(
                Principal::user("arn:aws:iam::111122223333:user/alice", "111122223333"),
                Action::new("x:UnknownAction"),
                Resource::new("arn:aws:x:::a*/b/alicex"),
            );
            request.context.username("alice");
            match values {
                Value::String(value) => request.context.set("custom:KEY", &**value),
                Value::Array(values) => {
                    request.context.set_many("custom:KEY", values.iter().map(|v| v.as_str().expect("a text")))
                }
                other => panic!("{other} is no context value"),
            };
            decide_counted(&authorizer, &request, operator);
        }
    }
}

#[test]
fn acls_grants_and_block_public_access() {
    let all_users = "http://acs.amazonaws.com/groups/global/AllUsers";
    let (owner, other) = ("a1".repeat(32), "b2".repeat(32));
    let bucket = json!({"name": "b", "owner_account": "111122223333", "owner_canonical": owner,
        "object_ownership": "ObjectWriter",
        "acl": [{"grantee": {"type": "CanonicalUser", "id": other}, "permission": "FULL_CONTROL"},
            {"grantee": {"type": "Group", "id": all_users}, "permission": "WRITE"}],
        "block_public_access": {"BlockPublicAcls": true, "RestrictPublicBuckets": true}});
    let user = json!({"kind": "user", "arn": "arn:aws:iam::444455556666:user/carol", "account": "444455556666",
        "canonical": other});
    let allow = json!([{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}]);
    let scenario = |layers: Value, action: &str, resource: &str, context: Value| {
        json!({"id": format!("{action} {context}"), "expect": "allow", "layers": layers,
            "request": {"principal": user, "action": action, "resource": resource, "context": context}})
    };
    let key = "arn:aws:kms:us-east-1:111122223333:key/k";
    let grants = json!([{"grantee": "arn:aws:iam::444455556666:user/carol", "operations": ["Decrypt"],
        "constraints": {"EncryptionContextEquals": {"dept": "finance", "Stage": "prod"}}}]);
    let public =
        json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}});
    let object = json!({"owner_canonical": other, "acl": [
        {"grantee": {"type": "CanonicalUser", "id": other}, "permission": "READ"}], "tags": {"k": "v"}});
    let scenarios = json!([
        scenario(json!({"identity": allow, "bucket": bucket}), "s3:PutObject", "arn:aws:s3:::b/k", json!({})),
        scenario(
            json!({"identity": allow, "bucket": bucket, "object": object}),
            "s3:GetObject",
            "arn:aws:s3:::b/k",
            json!({})
        ),
        scenario(json!({"identity": allow, "bucket": bucket}), "s3:ListBucket", "arn:aws:s3:::b", json!({})),
        scenario(
            json!({"bucket": bucket}),
            "s3:PutObjectAcl",
            "arn:aws:s3:::b/k",
            json!({"s3:x-amz-grant-read": format!("id=\"x\", uri=\"{all_users}\"")})
        ),
        scenario(json!({"bucket": bucket}), "s3:PutObject", "arn:aws:s3:::b/k", json!({"s3:x-amz-acl": "public-read"})),
        scenario(json!({"bucket": bucket, "resource": public}), "s3:GetObjectTagging", "arn:aws:s3:::b/k", json!({})),
        scenario(
            json!({"identity": allow, "grants": grants}),
            "kms:Decrypt",
            key,
            json!({"kms:EncryptionContext:dept": "finance", "kms:EncryptionContext:Stage": "prod"})
        ),
        scenario(json!({"unknown": ["scp", "resource", "grants"]}), "kms:Encrypt", key, json!({})),
        scenario(json!({"unknown": ["acl", "block_public_access"]}), "s3:GetBucketAcl", "arn:aws:s3:::b", json!({})),
    ]);
    let scenarios = match scenario::read(&Source::new("inline", scenarios.to_string())) {
        Ok(scenarios) => scenarios,
        Err(problems) => panic!("{problems}"),
    };
    let words: Vec<&str> =
        scenarios.iter().map(|s| decide_counted(s.authorizer(), &s.request(), &s.id).word()).collect();
    let (allow, explicit, implicit) = ("allow", "explicit-deny", "implicit-deny");
    assert_eq!(words, [allow, allow, allow, explicit, explicit, explicit, allow, implicit, implicit]);
}

#[test]
fn an_index_over_a_thousand_statements() {
    let statements: Vec<Value> = (0..1_000)
        .map(|n| {
            let resource = match n % 5 {
                0 => format!("arn:aws:s3:::*-logs/t-{n}/*"),
                1 => format!("arn:aws:s3:::b/${{aws:username}}/{n}/*"),
                _ => format!("arn:aws:s3:::b/t-{n}/*"),
            };
            let user = format!("arn:aws:iam::111122223333:user/t-{n}");
            let principal = if n % 3 == 0 { json!("*") } else { json!({"AWS": user}) };
            let resource_element = if n % 50 == 7 { "NotResource" } else { "Resource" };
            json!({"Effect": if n % 10 == 9 { "Deny" } else { "Allow" }, "Principal": principal,
                "Action": if n % 2 == 0 { "s3:GetObject" } else { "s3:Put*" }, resource_element: resource})
        })
        .collect();
    let policy = compile(&json!({"Version": "2012-10-17", "Statement": statements}), PolicyKind::Bucket);
    let authorizer = Authorizer::new(Layers { resource: LayerState::Given(policy.into()), ..Layers::default() });
    let mut allowed = 0;
    for n in (0..1_000).step_by(7) {
        let user = format!("arn:aws:iam::111122223333:user/t-{n}");
        for resource in [format!("arn:aws:s3:::b/t-{n}/x"), format!("arn:aws:s3:::x-logs/t-{n}/x")] {
            for action in ["s3:GetObject", "s3:PutObject", "s3:NotInTheCatalogue"] {
                let principal = Principal::user(&user, "111122223333");
                let mut request = AuthorizationRequest::new(principal, Action::new(action), Resource::new(&resource));
                request.context.username(format!("t-{n}"));
                allowed += u32::from(decide_counted(&authorizer, &request, &resource).is_allowed());
            }
        }
    }
    assert!(allowed > 0);
}
