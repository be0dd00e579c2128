//! `world export` and `world import`: what one server has comes into another, whole, and through the gate only.

mod support;

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use support::{Server, TempDir};

const ACCOUNT: &str = "111122223333";
const ROOT: (&str, &str) = ("AKIAROOTROOTROOTROOT", "root-secret");
const ALICE: (&str, &str) = ("AKIAALICEALICEALICEA", "alice-secret");
const CANONICAL: &str = "aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999";

fn document(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(actions: &Value, resources: &Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

fn key((id, secret): (&str, &str)) -> Value {
    json!([{"id": id, "secret": secret}])
}

fn trust(principal: &Value) -> Value {
    document(&json!([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]))
}

/// Everything that an inventory can hold.
fn rich() -> Value {
    let arn = |rest: &str| format!("arn:aws:iam::{ACCOUNT}:{rest}");
    let read =
        document(&json!([allow(&json!(["s3:GetObject", "s3:GetObjectTagging"]), &json!("arn:aws:s3:::data/*"))]));
    let old = document(&json!([allow(&json!("s3:*"), &json!("*"))]));
    let limits = document(&json!([allow(&json!(["s3:Get*", "s3:List*", "kms:*"]), &json!("*"))]));
    let office = document(&json!([{
        "Sid": "Office", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/in/*",
        "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}},
    }]));
    let policy = document(&json!([
        {"Effect": "Allow", "Principal": {"AWS": arn("user/eng/bob")}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/shared/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]));
    let public = document(&json!([
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"},
    ]));
    let key_policy = document(&json!([
        {"Effect": "Allow", "Principal": {"AWS": arn("root")}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": arn("role/app")}, "Action": "kms:Decrypt", "Resource": "*"},
    ]));
    json!({
        "version": 1,
        "accounts": [{
            "id": ACCOUNT, "canonical_id": CANONICAL, "root": {"access_keys": key(ROOT)},
            "public_access_block": {"BlockPublicAcls": true},
            "policies": [
                {"name": "readers", "path": "/team/", "document": read, "version": "v2", "description": "for readers",
                 "tags": {"owner": "it"}, "other_versions": [{"version": "v1", "document": old}]},
                {"name": "limits", "document": limits},
            ],
            "groups": [{"name": "staff", "path": "/people/", "attached": ["readers"], "inline": [{"name": "office", "document": office}]}],
            "users": [
                {"name": "alice", "access_keys": key(ALICE), "groups": ["staff"], "tags": {"team": "red", "cost": "1+1"}},
                {"name": "bob", "path": "/eng/", "boundary": "limits",
                 "inline": [{"name": "all", "document": old}]},
                {"name": "carol", "attached": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]},
            ],
            "roles": [
                {"name": "app", "trust": trust(&json!({"AWS": [arn("role/ops/zeta"), arn("user/alice")]})), "description": "the app",
                 "max_session_seconds": 7200, "attached": ["readers"], "boundary": "limits", "tags": {"env": "prod"}},
                {"name": "web", "trust": document(&json!([{
                    "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                    "Principal": {"Federated": arn("oidc-provider/id.example.test")},
                    "Condition": {"StringEquals": {"id.example.test:aud": "app"}},
                }]))},
                {"name": "zeta", "path": "/ops/", "trust": trust(&json!({"AWS": arn("role/app"), "Service": "ec2.amazonaws.com"})),
                 "inline": [{"name": "decrypt", "document": document(&json!([allow(&json!("kms:Decrypt"), &json!("*"))]))}]},
            ],
            "oidc_providers": [{"url": "https://id.example.test", "client_ids": ["app"],
                                "thumbprints": ["0123456789abcdef0123456789abcdef01234567"], "tags": {"k": "v"}}],
            "buckets": [
                {"name": "data", "policy": policy},
                {"name": "logs", "object_ownership": "ObjectWriter",
                 "public_access_block": {"IgnorePublicAcls": true},
                 "acl": [{"grantee": {"type": "CanonicalUser", "id": CANONICAL}, "permission": "FULL_CONTROL"},
                         {"grantee": {"type": "Group", "id": "http://acs.amazonaws.com/groups/s3/LogDelivery"}, "permission": "WRITE"}]},
                {"name": "site", "policy": public, "public_access_block": {}},
            ],
            "keys": [{"id": "1234abcd-12ab-34cd-56ef-1234567890ab", "alias": "alias/data", "policy": key_policy,
                      "grants": [{"grantee": arn("user/alice"), "operations": ["Decrypt", "Encrypt"],
                                  "constraints": {"EncryptionContextEquals": {"a": "b"}}}]}],
        }],
    })
}

fn empty() -> Value {
    json!({"version": 1, "accounts": [{"id": ACCOUNT, "canonical_id": CANONICAL, "root": {"access_keys": key(ROOT)}}]})
}

/// What a run of the program printed and how it ended.
struct Run {
    status: i32,
    out: String,
    err: String,
}

fn run(arguments: &[&str], server: Option<(&Server, (&str, &str))>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments);
    if let Some((server, (id, secret))) = server {
        command.args(["--endpoint-url", &format!("http://{}", server.address)]);
        command.envs([("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]);
    }
    let output = command.env_remove("PORTCULLIS_WORLD").output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { status: output.status.code().expect("a status"), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The export of a server, checked to be whole.
fn exported(server: &Server) -> String {
    let run = run(&["world", "export"], Some((server, ROOT)));
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.err.contains("note: secrets never leave"), "{}", run.err);
    for secret in [ROOT.0, ROOT.1, ALICE.0, ALICE.1, "access_keys"] {
        assert!(!run.out.contains(secret), "{}", run.out);
    }
    run.out
}

/// Without what a new server makes up: unique ids, ids of keys, numbers of versions.
fn essence(export: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.get("id").and_then(Value::as_str).is_some_and(|id| id.len() > 12 && !id.contains(':')) {
                    members.remove("id");
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => {
                items.iter_mut().for_each(strip);
            }
            _ => {}
        }
    }
    let mut value = serde_json::from_str(export).expect("JSON");
    strip(&mut value);
    value
}

fn import(file: &Path, server: &Server, keys: (&str, &str), more: &[&str]) -> Run {
    let mut arguments = vec!["world", "import", "-w", file.to_str().expect("a path of text")];
    arguments.extend(more);
    run(&arguments, Some((server, keys)))
}

/// Questions whose answers differ: allowed, denied, by boundaries, bucket policies, key policies, ACLs.
const QUESTIONS: [&[&str]; 24] = [
    &["alice", "s3:GetObject", "s3://data/a"],
    &["alice", "s3:PutObject", "s3://data/in/a", "--from", "198.51.100.7"],
    &["alice", "s3:PutObject", "s3://data/in/a", "--from", "203.0.113.7"],
    &["alice", "s3:GetObject", "s3://data/a", "--http"],
    &["alice", "s3:DeleteObject", "s3://data/a"],
    &["alice", "s3:GetObjectTagging", "s3://data/a"],
    &["alice", "s3:GetObject", "s3://site/index.html"],
    &["alice", "s3:ListBucket", "s3://data"],
    &["user/bob", "s3:GetObject", "s3://data/shared/x"],
    &["user/bob", "s3:GetObject", "s3://data/own"],
    &["user/bob", "s3:PutObject", "s3://data/own"],
    &["user/bob", "s3:ListBucket", "s3://logs"],
    &["user/bob", "s3:DeleteBucket", "s3://logs"],
    &["carol", "s3:GetObject", "s3://logs/x"],
    &["carol", "s3:PutObject", "s3://logs/x"],
    &["carol", "s3:ListBucket", "s3://data"],
    &["role/app", "s3:GetObject", "s3://data/a"],
    &["role/app", "s3:PutObject", "s3://data/a"],
    &["role/app", "s3:GetObjectTagging", "s3://data/x"],
    &["role/zeta", "s3:GetObject", "s3://data/a"],
    &["role/web", "s3:GetObject", "s3://site/a"],
    &["anyone", "s3:GetObject", "s3://site/index.html"],
    &["anyone", "s3:GetObject", "s3://data/a"],
    &["anyone", "s3:PutObject", "s3://logs/x"],
];

/// The answers of a world: the first line of each.
fn answers(world: &Path, absent: &[&str]) -> Vec<String> {
    let answer = |question: &&[&str]| {
        let mut arguments = vec!["can", "-w", world.to_str().expect("a path of text")];
        arguments.extend(*question);
        arguments.extend(absent);
        let run = run(&arguments, None);
        assert!(run.status != 2, "{question:?}: {} {}", run.out, run.err);
        let first = run.out.lines().next().unwrap_or_default();
        format!("{} {first}", run.status)
    };
    QUESTIONS.iter().map(answer).collect()
}

#[test]
fn a_world_comes_whole_from_one_server_into_another() {
    let (home, other) = (TempDir::new(), TempDir::new());
    let world = rich().to_string();
    let a = Server::of_world(&home, &world, &[]);
    let b = Server::of_world(&other, &empty().to_string(), &[]);
    let export = exported(&a);
    let file = other.path().join("export.json");
    std::fs::write(&file, &export).expect("writable");

    // A plan changes nothing.
    let before = exported(&b);
    let planned = import(&file, &b, ROOT, &["--create", "--dry-run"]);
    assert_eq!(planned.status, 0, "{}", planned.err);
    assert!(planned.out.contains("user alice: CreateUser") && planned.out.contains("bucket data: PutBucketPolicy"));
    assert_eq!(exported(&b), before);

    let done = import(&file, &b, ROOT, &["--create"]);
    assert_eq!(done.status, 0, "{}\n{}", done.out, done.err);
    assert_eq!(done.out, planned.out, "the plan is what is done");
    assert_eq!(essence(&exported(&b)), essence(&export));

    // Once more: nothing to do.
    let again = import(&file, &b, ROOT, &["--create", "--replace"]);
    assert_eq!((again.status, again.out.as_str()), (0, ""), "{}", again.err);
    assert!(again.err.contains("0 changes done"), "{}", again.err);

    // What the export says is what the original says.
    let original = home.path().join("world.json");
    let answers_of_original = answers(&original, &[]);
    assert!(answers_of_original.iter().filter(|a| a.starts_with('0')).count() >= 8);
    assert!(answers_of_original.iter().filter(|a| a.starts_with('1')).count() >= 8);
    assert_eq!(answers(&file, &[]), answers_of_original);
    let dumps = other.path().join("dumps/");
    let folder = dumps.to_str().expect("a path of text");
    let run = run(&["world", "export", "--format", "aws", "-o", folder], Some((&b, ROOT)));
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.err.contains("not exported: identity provider id.example.test"), "{}", run.err);
    // A dump cannot say that a bucket has no policy.
    assert!(run.err.contains("not exported: bucket logs: that it has no policy"), "{}", run.err);
    assert_eq!(answers(&dumps, &["--absent", "scp", "--absent", "rcp", "--absent", "resource"]), answers_of_original);
}

#[test]
fn dumps_are_imported_as_world_files_are() {
    let (home, other) = (TempDir::new(), TempDir::new());
    let a = Server::of_world(&home, &rich().to_string(), &[]);
    let b = Server::of_world(&other, &empty().to_string(), &[]);
    let folder = other.path().join("dumps/");
    let path = folder.to_str().expect("a path of text");
    let export = run(&["world", "export", "--format", "aws", "-o", path], Some((&a, ROOT)));
    assert_eq!(export.status, 0, "{}", export.err);
    let details = std::fs::read_to_string(folder.join("account-authorization-details.json")).expect("written");
    assert!(details.contains("\"UserDetailList\"") && !details.contains("AKIA"), "{details}");
    let done = import(&folder, &b, ROOT, &["--create", "--keep-going"]);
    // The dump has no identity provider, which the role `web` does not need to exist.
    assert_eq!(done.status, 0, "{}\n{}", done.out, done.err);
    let (mut from, mut to) = (essence(&exported(&a)), essence(&exported(&b)));
    for of in [&mut from, &mut to] {
        let account = &mut of["accounts"][0];
        account.as_object_mut().expect("an object").remove("oidc_providers");
        account.as_object_mut().expect("an object").remove("keys");
        for role in account["roles"].as_array_mut().expect("a list") {
            role.as_object_mut().expect("an object").remove("max_session_seconds");
            role.as_object_mut().expect("an object").remove("description");
        }
        for policy in account["policies"].as_array_mut().expect("a list") {
            policy.as_object_mut().expect("an object").remove("description");
        }
    }
    assert_eq!(to, from);
}

#[test]
fn a_data_directory_is_exported_as_its_server_was() {
    let home = TempDir::new();
    let mut world = rich();
    world["organization"] = json!({
        "id": "o-a1b2c3d4e5", "management_account": "999900001111",
        "root": {"scp": ["scp.json"], "accounts": [ACCOUNT]},
    });
    let scp = document(&json!([allow(&json!("*"), &json!("*"))]));
    std::fs::write(home.path().join("scp.json"), scp.to_string()).expect("writable");
    let mut server = Server::of_world(&home, &world.to_string(), &[]);
    let root = server.client(ROOT.0, ROOT.1);
    let put = |setting: &str, body: &str| {
        let answer = root.send("PUT", &format!("/data?{setting}"), &[], body.as_bytes());
        assert!(answer.status < 300, "{}", answer.text());
    };
    put("tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>");
    put("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    let named = run(&["world", "export"], Some((&server, ROOT))).err;
    let over_the_wire = exported(&server);
    let data = home.path().join("data");
    let path = data.to_str().expect("a path of text");
    let busy = run(&["world", "export", "--data", path], None);
    assert_eq!(busy.status, 2);
    assert!(busy.err.contains("hint: end the server first"), "{}", busy.err);
    server.kill();
    let one = run(&["world", "export", "--data", path, "--account", ACCOUNT], None);
    assert_eq!(one.status, 0, "{}", one.err);
    let from_disk: Value = serde_json::from_str(&one.out).expect("JSON");
    let over_the_wire: Value = serde_json::from_str(&over_the_wire).expect("JSON");
    assert_eq!(from_disk["accounts"], over_the_wire["accounts"]);
    assert!(one.err.contains("not exported: the organization"), "{}", one.err);
    // What stays behind of buckets and keys is named, by the server and by its directory.
    for err in [&named, &one.err] {
        assert!(err.contains("not exported: bucket data: tags, versioning: no export holds this"), "{err}");
        assert!(!err.contains("bucket site:"), "{err}");
    }
    assert!(named.contains("the organization, VPC endpoints, CloudFront's things: no operation"), "{named}");
    let all = run(&["world", "export", "--data", path], None);
    let all: Value = serde_json::from_str(&all.out).expect("JSON");
    assert_eq!(all["organization"]["root"]["scp"][0], scp);
    let missing = run(&["world", "export", "--data", path, "--account", "000000000000"], None);
    assert_eq!(missing.status, 2);
    assert!(missing.err.contains("there is no account 000000000000; there are: 111122223333"), "{}", missing.err);
}

#[test]
fn who_may_not_is_refused_and_nothing_changes() {
    let home = TempDir::new();
    let server = Server::of_world(&home, &rich().to_string(), &[]);
    let before = exported(&server);
    // Alice may not read it, nor write it.
    let refused = run(&["world", "export"], Some((&server, ALICE)));
    assert_eq!((refused.status, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("AccessDenied: User: ") && refused.err.contains("GetAccountAuthorizationDetails"));
    let file = home.path().join("more.json");
    let more = json!({"version": 1, "accounts": [{"id": ACCOUNT, "users": [
        {"name": "alice", "attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]}, {"name": "mallory"},
    ]}]});
    std::fs::write(&file, more.to_string()).expect("writable");
    let refused = import(&file, &server, ALICE, &[]);
    assert_eq!((refused.status, refused.out.as_str()), (1, ""), "{}", refused.err);
    assert_eq!(exported(&server), before);

    // Reading alone does not suffice; each refusal has the entity and the service's words.
    let root = server.client(ROOT.0, ROOT.1).of("iam");
    let form = "Action=AttachUserPolicy&UserName=alice&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FIAMReadOnlyAccess";
    let answer = root.send("POST", "/", &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let before = exported(&server);
    let first = import(&file, &server, ALICE, &[]);
    assert_eq!(first.status, 1);
    assert!(first.err.contains("error: user mallory: CreateUser: AccessDenied: User: "), "{}", first.err);
    assert!(first.err.contains("0 changes done, 1 after the refused one not tried"), "{}", first.err);
    let all = import(&file, &server, ALICE, &["--keep-going"]);
    assert_eq!(all.status, 1);
    assert!(all.err.contains("error: user alice: AttachUserPolicy "), "{}", all.err);
    assert!(all.err.contains("0 changes done, 2 refused"), "{}", all.err);
    assert_eq!(exported(&server), before);
    // What she may not read of buckets and keys is named, and she exports the rest.
    let partial = run(&["world", "export"], Some((&server, ALICE)));
    assert_eq!(partial.status, 1);
    assert!(partial.err.contains("error: not read: buckets: AccessDenied"), "{}", partial.err);
    assert!(partial.out.contains("\"name\": \"alice\""), "{}", partial.out);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place_and_changes_nothing() {
    let home = TempDir::new();
    let server = Server::of_world(&home, &empty().to_string(), &[]);
    let before = exported(&server);
    let file = home.path().join("broken.json");
    let cases = [
        ("{\"UserDetailList\": [{\"UserName\": \"a\"", "error[E"),
        ("{\"UserDetailList\": [{\"UserName\": \"a\"}]}", "this entry has no `UserName` or no `Arn`"),
        (
            "{\"version\": 1, \"accounts\": [{\"id\": \"111122223333\", \"users\": [{\"name\": \"u\", \"attached\": [\"gone\"]}]}]}",
            "has no policy `gone`",
        ),
        (
            "{\"version\": 1, \"accounts\": [{\"id\": \"111122223333\", \"policies\": [{\"name\": \"p\", \"version\": \"two\", \"document\": {\"Version\": \"2012-10-17\", \"Statement\": []}}]}]}",
            "`two` is not a version such as `v1`",
        ),
    ];
    for (text, message) in cases {
        std::fs::write(&file, text).expect("writable");
        let refused = import(&file, &server, ROOT, &[]);
        assert_eq!((refused.status, refused.out.as_str()), (2, ""), "{text}");
        assert!(refused.err.contains(message) && refused.err.contains("broken.json:1:"), "{text}: {}", refused.err);
    }
    // Another account's file, and no address.
    let other = json!({"version": 1, "accounts": [{"id": "444455556666"}]});
    std::fs::write(&file, other.to_string()).expect("writable");
    let refused = import(&file, &server, ROOT, &[]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("whoever signs is of the account 111122223333; the files describe: 444455556666"));
    // Nobody listens there: nothing was asked, nothing was tried.
    for command in [&["world", "export"][..], &["world", "import", "-w", file.to_str().expect("text")]] {
        let closed = ["--endpoint-url", "http://127.0.0.1:1"];
        let mut program = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        program.args(command).args(closed).envs([("AWS_ACCESS_KEY_ID", ROOT.0), ("AWS_SECRET_ACCESS_KEY", ROOT.1)]);
        let output = program.env_remove("PORTCULLIS_WORLD").output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let nowhere = run(&["world", "import", "-w", file.to_str().expect("text")], None);
    assert_eq!(nowhere.status, 2);
    assert!(nowhere.err.contains("nothing is sent to AWS by default"), "{}", nowhere.err);
    assert_eq!(exported(&server), before);
}

#[test]
fn what_differs_is_changed_and_only_replacing_removes() {
    let home = TempDir::new();
    let server = Server::of_world(&home, &rich().to_string(), &[]);
    let file = home.path().join("change.json");
    let admin = document(&json!([allow(&json!("*"), &json!("*"))]));
    let all_s3 = document(&json!([allow(&json!("s3:*"), &json!("*"))]));
    let changed = json!({"version": 1, "accounts": [{"id": ACCOUNT,
        "policies": [{"name": "readers", "path": "/team/", "document": all_s3, "tags": {"owner": "it"}},
                     {"name": "limits", "document": admin}],
        "groups": [{"name": "staff", "path": "/people/"}],
        "users": [{"name": "alice", "path": "/new/", "tags": {"team": "blue"}, "groups": []}],
        "roles": [{"name": "zeta", "trust": trust(&json!({"Service": "ec2.amazonaws.com"}))}],
    }]});
    std::fs::write(&file, changed.to_string()).expect("writable");
    // A role's path cannot change: nothing is done until that is allowed for.
    let stopped = import(&file, &server, ROOT, &[]);
    assert_eq!((stopped.status, stopped.out.as_str()), (1, ""), "{}", stopped.err);
    assert!(stopped.err.contains("error: role zeta: its path is /ops/, and / is wanted"), "{}", stopped.err);
    let done = import(&file, &server, ROOT, &["--keep-going"]);
    assert_eq!(done.status, 1, "{}", done.err);
    let steps: Vec<&str> = done.out.lines().collect();
    assert_eq!(
        steps,
        [
            "user alice: UpdateUser /new/",
            "policy limits: CreatePolicyVersion",
            "policy readers: SetDefaultPolicyVersion v1",
            "user alice: TagUser team",
        ]
    );
    let replaced = import(&file, &server, ROOT, &["--keep-going", "--replace"]);
    let steps: Vec<&str> = replaced.out.lines().collect();
    assert_eq!(
        steps,
        [
            "user alice: RemoveUserFromGroup staff",
            "group staff: DeleteGroupPolicy office",
            "group staff: DetachGroupPolicy arn:aws:iam::111122223333:policy/team/readers",
            "user alice: UntagUser cost",
        ]
    );
}

#[test]
fn a_dump_of_a_real_account_comes_in_and_what_does_not_is_named() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/account_authorization_details.json");
    if !file.is_file() {
        println!("skipped a_dump_of_a_real_account_comes_in_and_what_does_not_is_named: ../shared/data is not here");
        return;
    }
    let home = TempDir::new();
    let world = json!({"version": 1, "accounts": [{"id": "012345678901", "root": {"access_keys": key(ROOT)}}]});
    let server = Server::of_world(&home, &world.to_string(), &[]);
    let done = import(&file, &server, ROOT, &["--keep-going"]);
    let text: Value = serde_json::from_str(&std::fs::read_to_string(&file).expect("readable")).expect("JSON");
    let export: Value = serde_json::from_str(&exported(&server)).expect("JSON");
    let account = &export["accounts"][0];
    for (list, field, name) in [
        ("UserDetailList", "users", "UserName"),
        ("GroupDetailList", "groups", "GroupName"),
        ("RoleDetailList", "roles", "RoleName"),
    ] {
        let wanted = text[list].as_array().expect("a list");
        let there = account[field].as_array().expect("a list");
        assert_eq!(there.len(), wanted.len(), "{list}");
        for entry in wanted {
            let found = there.iter().find(|e| e["name"] == entry[name]).expect("imported");
            let inline = ["UserPolicyList", "GroupPolicyList", "RolePolicyList"].iter().find_map(|l| entry.get(l));
            for policy in inline.and_then(Value::as_array).into_iter().flatten() {
                let kept = found["inline"].as_array().expect("policies").iter();
                let kept = kept
                    .filter(|p| p["name"] == policy["PolicyName"])
                    .find(|p| p["document"] == policy["PolicyDocument"]);
                assert!(kept.is_some(), "{policy}");
            }
            for policy in entry["AttachedManagedPolicies"].as_array().expect("a list") {
                let arn = policy["PolicyArn"].as_str().expect("an ARN");
                let short = arn.rsplit('/').next().expect("a name");
                let attached = found["attached"].as_array().into_iter().flatten();
                let attached = attached.filter_map(Value::as_str).any(|a| a == arn || a == short);
                // The server does not know all of AWS's policies: then it says so.
                let named = done.err.lines().any(|line| line.contains("NoSuchEntity") && line.contains(arn));
                assert!(attached != named, "{arn}: {}", done.err);
            }
        }
    }
    assert_eq!(account["policies"].as_array().expect("a list").len(), 2);
    assert!(done.err.contains("note: not imported: 30 of AWS's managed policies"), "{}", done.err);
    let again = import(&file, &server, ROOT, &["--keep-going"]);
    assert_eq!(again.out, "", "what was done is not done twice");
}
