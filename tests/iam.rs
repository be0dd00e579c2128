//! IAM and STS over the query protocol: who may do what, with whose credentials, and until when.

mod support;

#[path = "iam/bad_input.rs"]
mod bad_input;
#[path = "iam/unknown.rs"]
mod unknown;
#[path = "iam/web.rs"]
mod web;

use portcullis::gate::services::sts;
use serde_json::{Value, json};
use support::{Answer, Client, Server, TempDir, form, now};

const ACCOUNT: &str = "111122223333";
const ROOT: (&str, &str) = ("AKIAROOTROOTROOTROOT", "root-secret");
const NOBODY: (&str, &str) = ("AKIANOBODYNOBODYNOBO", "nobody-secret");
const BOB: (&str, &str) = ("AKIABOBBOBBOBBOBBOBB", "bob-secret");

fn allow(action: &Value, resource: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})
        .to_string()
}

fn trust(principal: &Value, actions: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": actions}]})
        .to_string()
}

fn world() -> String {
    let key = |(id, secret): (&str, &str)| json!([{"id": id, "secret": secret}]);
    let read: Value = serde_json::from_str(&allow(&json!("s3:GetObject"), "arn:aws:s3:::data/*")).expect("JSON");
    let trusting = trust(&json!({"AWS": ACCOUNT}), &json!("sts:AssumeRole"));
    let trusting: Value = serde_json::from_str(&trusting).expect("JSON");
    json!({
        "version": 1,
        "accounts": [{
            "id": ACCOUNT,
            "root": {"access_keys": key(ROOT)},
            "policies": [{"name": "readers", "document": read}],
            "groups": [{"name": "staff", "attached": ["readers"]}],
            "users": [
                {"name": "nobody", "access_keys": key(NOBODY)},
                {"name": "bob", "access_keys": key(BOB), "groups": ["staff"], "tags": {"team": "red"}},
            ],
            "roles": [{"name": "ops", "trust": trusting, "inline": [{"name": "all", "document": read}]}],
            "buckets": [{"name": "data", "objects": [{"key": "k"}]}],
        }],
    })
    .to_string()
}

/// Parameters of a form.
type Parameters<'p> = &'p [(&'p str, &'p str)];

struct Scene {
    _directory: TempDir,
    server: Server,
}

impl Scene {
    fn new(arguments: &[&str]) -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, &world(), arguments);
        Self { _directory: directory, server }
    }

    fn client(&self, (id, secret): (&str, &str)) -> Client {
        self.server.client(id, secret)
    }

    fn root(&self) -> Client {
        self.client(ROOT)
    }
}

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

fn call(client: &Client, service: &'static str, action: &str, parameters: &[(&str, &str)]) -> Answer {
    client.of(service).send("POST", "/", &FORM, form(action, parameters).as_bytes())
}

fn done(client: &Client, action: &str, parameters: &[(&str, &str)]) -> Answer {
    let service = if sts::TABLE.iter().any(|row| row.name == action) { "sts" } else { "iam" };
    let answer = call(client, service, action, parameters);
    assert_eq!(answer.status, 200, "{action}: {}", answer.text());
    answer
}

/// Somebody with the credentials of an answer.
fn session(scene: &Scene, answer: &Answer) -> Client {
    let mut client = scene.server.client(&answer.element("AccessKeyId"), &answer.element("SecretAccessKey"));
    client.headers.push(("x-amz-security-token".to_owned(), answer.element("SessionToken")));
    client
}

/// What IAM knows, as its dump has it.
fn dump(root: &Client) -> String {
    let text = done(root, "GetAccountAuthorizationDetails", &[]).text();
    text.split("<ResponseMetadata>").next().expect("a document").to_owned()
}

#[test]
fn a_change_holds_for_the_next_request_and_after_a_restart() {
    let directory = TempDir::new();
    let mut server = Server::of_world(&directory, &world(), &[]);
    let root = server.client(ROOT.0, ROOT.1);
    let get = |client: &Client| client.get("/data/k").status;
    let bob = server.client(BOB.0, BOB.1);
    assert_eq!(get(&bob), 200);
    let of_aws = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    assert_eq!(done(&root, "GetPolicyVersion", &[of_aws, ("VersionId", "v1")]).element("IsDefaultVersion"), "true");
    assert_eq!(call(&root, "iam", "DeletePolicy", &[of_aws]).code(), "AccessDenied");
    done(&root, "AttachUserPolicy", &[("UserName", "nobody"), of_aws]);
    assert_eq!(get(&server.client(NOBODY.0, NOBODY.1)), 200);
    done(&root, "RemoveUserFromGroup", &[("UserName", "bob"), ("GroupName", "staff")]);
    assert_eq!(get(&bob), 403);
    done(&root, "CreateUser", &[("UserName", "carol"), ("Path", "/x/")]);
    let made = done(&root, "CreateAccessKey", &[("UserName", "carol")]);
    let (id, secret) = (made.element("AccessKeyId"), made.element("SecretAccessKey"));
    done(&root, "AddUserToGroup", &[("UserName", "CAROL"), ("GroupName", "Staff")]);
    assert_eq!(get(&server.client(&id, &secret)), 200);
    server.kill();
    let server = Server::start(&directory.path().join("data"), &[]);
    assert_eq!(get(&server.client(&id, &secret)), 200);
    assert_eq!(get(&server.client(BOB.0, BOB.1)), 403);
    let root = server.client(ROOT.0, ROOT.1);
    done(&root, "UpdateAccessKey", &[("UserName", "carol"), ("AccessKeyId", &id), ("Status", "Inactive")]);
    assert_eq!(get(&server.client(&id, &secret)), 403);
    done(&root, "UpdateUser", &[("UserName", "carol"), ("NewUserName", "carla"), ("NewPath", "/y/")]);
    done(&root, "UpdateAccessKey", &[("UserName", "carla"), ("AccessKeyId", &id), ("Status", "Active")]);
    let who = done(&server.client(&id, &secret), "GetCallerIdentity", &[]);
    assert_eq!(who.element("Arn"), format!("arn:aws:iam::{ACCOUNT}:user/y/carla"));
}

#[test]
fn a_policy_that_named_somebody_deleted_does_not_mean_the_next_of_that_name() {
    let scene = Scene::new(&[]);
    let root = scene.root();
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/eve");
    let make = || {
        let id = done(&root, "CreateUser", &[("UserName", "eve")]).element("UserId");
        let made = done(&root, "CreateAccessKey", &[("UserName", "eve")]);
        (id, made.element("AccessKeyId"), made.element("SecretAccessKey"))
    };
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]});
    // Nobody has the name yet.
    let refused = root.put("/data?policy", policy.to_string().as_bytes());
    assert_eq!(refused.code(), "MalformedPolicy", "{}", refused.text());
    let (id, key, secret) = make();
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
    assert_eq!(root.put("/data?policy", policy.to_string().as_bytes()).status, 204);
    assert_eq!(scene.client((&key, &secret)).get("/data/k").status, 200);
    assert!(root.get("/data?policy").text().contains(&arn));
    done(&root, "DeleteAccessKey", &[("UserName", "eve"), ("AccessKeyId", &key)]);
    done(&root, "DeleteUser", &[("UserName", "eve")]);
    assert!(root.get("/data?policy").text().contains(&id), "{}", root.get("/data?policy").text());
    let (_, key, secret) = make();
    assert_eq!(scene.client((&key, &secret)).get("/data/k").status, 403);
}

#[test]
fn sessions_carry_their_policies_and_end_with_their_role() {
    let scene = Scene::new(&[]);
    let (root, bob) = (scene.root(), scene.client(BOB));
    let role = format!("arn:aws:iam::{ACCOUNT}:role/ops");
    let plain = [("RoleArn", role.as_str()), ("RoleSessionName", "b1")];
    // The trust names the account: bob's own policies must allow it too.
    assert_eq!(call(&bob, "sts", "AssumeRole", &plain).code(), "AccessDenied");
    done(
        &root,
        "PutUserPolicy",
        &[("UserName", "bob"), ("PolicyName", "a"), ("PolicyDocument", &allow(&json!("sts:*"), "*"))],
    );
    assert_eq!(call(&root, "sts", "AssumeRole", &plain).code(), "AccessDenied", "the root user assumes nothing");
    let answer = done(&bob, "AssumeRole", &plain);
    let ops = session(&scene, &answer);
    assert_eq!(ops.get("/data/k").status, 200);
    let who = done(&ops, "GetCallerIdentity", &[]).element("Arn");
    assert_eq!(who, format!("arn:aws:sts::{ACCOUNT}:assumed-role/ops/b1"));
    let narrow = allow(&json!("s3:ListBucket"), "*");
    let narrowed = session(&scene, &done(&bob, "AssumeRole", &[plain[0], plain[1], ("Policy", &narrow)]));
    assert_eq!(narrowed.get("/data/k").status, 403);
    // A token of another session, and a key without its token.
    let mut mixed = ops.clone();
    mixed.headers = narrowed.headers.clone();
    assert_eq!(mixed.get("/data/k").code(), "InvalidToken");
    mixed.headers.clear();
    assert_eq!(mixed.get("/data/k").code(), "InvalidAccessKeyId");
    assert_eq!(call(&ops, "sts", "GetSessionToken", &[]).code(), "AccessDenied");
    for (seconds, code) in [("899", "ValidationError"), ("3601", "ValidationError"), ("900", "")] {
        let answer = call(&bob, "sts", "AssumeRole", &[plain[0], plain[1], ("DurationSeconds", seconds)]);
        assert_eq!(answer.code(), code, "{seconds}: {}", answer.text());
    }
    // Revoked by the time of issue.
    let later = chrono::DateTime::from_timestamp(now() + 60, 0).expect("a time").to_rfc3339();
    let revoke = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": later}}}]})
    .to_string();
    let of_role = [("RoleName", "ops"), ("PolicyName", "revoke")];
    done(&root, "PutRolePolicy", &[of_role[0], of_role[1], ("PolicyDocument", &revoke)]);
    assert_eq!(ops.get("/data/k").status, 403);
    done(&root, "DeleteRolePolicy", &of_role);
    assert_eq!(ops.get("/data/k").status, 200);
    done(&root, "DeleteRolePolicy", &[of_role[0], ("PolicyName", "all")]);
    assert_eq!(ops.get("/data/k").status, 403, "a role's permissions are those of the moment");
    done(&root, "DeleteRole", &[of_role[0]]);
    assert_eq!(ops.get("/data/k").code(), "InvalidAccessKeyId");
    assert_eq!(call(&ops, "sts", "GetCallerIdentity", &[]).code(), "InvalidClientTokenId");
    let again = trust(&json!({"AWS": ACCOUNT}), &json!("sts:AssumeRole"));
    done(&root, "CreateRole", &[of_role[0], ("AssumeRolePolicyDocument", &again)]);
    assert_eq!(ops.get("/data/k").code(), "InvalidAccessKeyId", "another role of the same name");
}

#[test]
fn tags_and_source_identity_go_along_a_chain() {
    let scene = Scene::new(&[]);
    let (root, bob) = (scene.root(), scene.client(BOB));
    done(
        &root,
        "PutUserPolicy",
        &[("UserName", "bob"), ("PolicyName", "a"), ("PolicyDocument", &allow(&json!("sts:*"), "*"))],
    );
    let actions = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    let trusting = trust(&json!({"AWS": ACCOUNT}), &actions);
    for name in ["one", "two"] {
        done(
            &root,
            "CreateRole",
            &[("RoleName", name), ("AssumeRolePolicyDocument", &trusting), ("MaxSessionDuration", "7200")],
        );
    }
    let may = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:*", "s3:GetObject"],
        "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/job": "build", "aws:SourceIdentity": "bob"}}}]})
    .to_string();
    for name in ["one", "two"] {
        done(&root, "PutRolePolicy", &[("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", &may)]);
    }
    let of = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    let (one, two) = (of("one"), of("two"));
    let tagged = [
        ("RoleArn", one.as_str()),
        ("RoleSessionName", "s1"),
        ("SourceIdentity", "bob"),
        ("Tags.member.1.Key", "job"),
        ("Tags.member.1.Value", "build"),
        ("TransitiveTagKeys.member.1", "job"),
    ];
    let first = session(&scene, &done(&bob, "AssumeRole", &tagged));
    assert_eq!(first.get("/data/k").status, 200);
    let next = [("RoleArn", two.as_str()), ("RoleSessionName", "s2")];
    let second = session(&scene, &done(&first, "AssumeRole", &next));
    assert_eq!(second.get("/data/k").status, 200, "tag and source identity went along");
    let long = call(&first, "sts", "AssumeRole", &[next[0], next[1], ("DurationSeconds", "3601")]);
    assert_eq!(long.code(), "ValidationError", "{}", long.text());
    let other = call(&first, "sts", "AssumeRole", &[next[0], next[1], ("SourceIdentity", "eve")]);
    assert_eq!(other.code(), "AccessDenied");
    let over = [next[0], next[1], ("Tags.member.1.Key", "job"), ("Tags.member.1.Value", "deploy")];
    assert_eq!(call(&first, "sts", "AssumeRole", &over).code(), "ValidationError");
    // Without the trust's leave for tags there are none.
    let bare = trust(&json!({"AWS": ACCOUNT}), &json!("sts:AssumeRole"));
    done(&root, "UpdateAssumeRolePolicy", &[("RoleName", "one"), ("PolicyDocument", &bare)]);
    let refused = call(&bob, "sts", "AssumeRole", &tagged);
    assert!(refused.element("Message").contains("sts:TagSession"), "{}", refused.text());
}

#[test]
fn what_is_refused_names_its_place_and_changes_nothing() {
    let scene = Scene::new(&[]);
    let root = scene.root();
    let before = dump(&root);
    let long = allow(&json!("s3:GetObject"), &format!("arn:aws:s3:::{}/*", "x".repeat(2100)));
    let unknown =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Extra":1}]}"#;
    let missing = format!("arn:aws:iam::{ACCOUNT}:policy/none");
    let stranger = trust(&json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/none")}), &json!("sts:AssumeRole"));
    let of_bob = ("UserName", "bob");
    let table: [(&str, Parameters<'_>, &str); 18] = [
        ("Nonsense", &[], "InvalidAction"),
        ("CreateUser", &[], "ValidationError"),
        ("CreateUser", &[("UserName", "a b")], "ValidationError"),
        ("CreateUser", &[("UserName", "x"), ("Path", "nope")], "ValidationError"),
        ("CreateUser", &[("UserName", "BOB")], "EntityAlreadyExists"),
        ("CreateUser", &[("UserName", "x"), ("PermissionsBoundary", &missing)], "NoSuchEntity"),
        ("GetUser", &[("UserName", "x")], "NoSuchEntity"),
        ("DeleteUser", &[of_bob], "DeleteConflict"),
        ("DeleteGroup", &[("GroupName", "staff")], "DeleteConflict"),
        ("PutUserPolicy", &[of_bob, ("PolicyName", "p"), ("PolicyDocument", "{")], "MalformedPolicyDocument"),
        ("PutUserPolicy", &[of_bob, ("PolicyName", "p"), ("PolicyDocument", unknown)], "MalformedPolicyDocument"),
        ("PutUserPolicy", &[of_bob, ("PolicyName", "p"), ("PolicyDocument", &long)], "LimitExceeded"),
        ("AttachUserPolicy", &[of_bob, ("PolicyArn", &missing)], "NoSuchEntity"),
        ("AttachUserPolicy", &[of_bob, ("PolicyArn", "arn:aws:iam::aws:polic")], "InvalidInput"),
        ("CreateRole", &[("RoleName", "x"), ("AssumeRolePolicyDocument", &stranger)], "MalformedPolicyDocument"),
        ("CreateRole", &[("RoleName", "x"), ("AssumeRolePolicyDocument", unknown)], "MalformedPolicyDocument"),
        ("ListUsers", &[("MaxItems", "0")], "ValidationError"),
        ("DeleteAccessKey", &[of_bob, ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")], "NoSuchEntity"),
    ];
    for (action, parameters, code) in table {
        let answer = call(&root, "iam", action, parameters);
        assert_eq!(answer.code(), code, "{action} {parameters:?}: {}", answer.text());
    }
    let malformed = call(&root, "iam", "PutUserPolicy", &[of_bob, ("PolicyName", "p"), ("PolicyDocument", unknown)]);
    assert!(malformed.element("Message").contains("line 1, column 87"), "{}", malformed.text());
    assert_eq!(dump(&root), before);
}

#[test]
fn lists_come_in_pages() {
    let scene = Scene::new(&[]);
    let root = scene.root();
    for n in 0..5 {
        done(&root, "CreateUser", &[("UserName", &format!("u{n}"))]);
    }
    let mut names = Vec::new();
    let mut marker = String::new();
    loop {
        let mut parameters = vec![("MaxItems", "3")];
        if !marker.is_empty() {
            parameters.push(("Marker", marker.as_str()));
        }
        let answer = done(&root, "ListUsers", &parameters);
        let text = answer.text();
        names
            .extend(text.split("<UserName>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()));
        if answer.element("IsTruncated") == "false" {
            break;
        }
        marker = answer.element("Marker");
    }
    assert_eq!(names, ["bob", "nobody", "u0", "u1", "u2", "u3", "u4"]);
}
