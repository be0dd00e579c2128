//! Key policies and grants name somebody who exists, and mean nobody else who comes to have the name.

use crate::cast::{ARN, KEY, Scene, call, done, refused};
use crate::support::{Answer, Client, Server};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// Calls an operation of the query protocol; names and values need no encoding, or come encoded.
fn form(client: &Client, service: &'static str, body: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = client.of(service).send("POST", "/", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    answer
}

/// Makes a user with a key of its own, and gives its id and who asks with the key.
fn hired(root: &Client, name: &str) -> (String, Client) {
    let id = form(root, "iam", &format!("Action=CreateUser&UserName={name}")).element("UserId");
    let key = form(root, "iam", &format!("Action=CreateAccessKey&UserName={name}"));
    let keys = Some((key.element("AccessKeyId"), key.element("SecretAccessKey")));
    (id, Client { keys, ..root.of("kms") })
}

fn fired(root: &Client, name: &str, client: &Client) {
    let id = &client.keys.as_ref().expect("keys").0;
    form(root, "iam", &format!("Action=DeleteAccessKey&UserName={name}&AccessKeyId={id}"));
    form(root, "iam", &format!("Action=DeleteUser&UserName={name}"));
}

/// The account may do everything with the key, and these may encrypt.
fn policy(principals: &[&str]) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}},
        {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Principal": {"AWS": principals}},
    ]})
    .to_string()
}

fn put(kms: &Client, principals: &[&str]) {
    done(kms, "PutKeyPolicy", &json!({"KeyId": KEY, "Policy": policy(principals)}));
}

fn shown(kms: &Client) -> String {
    done(kms, "GetKeyPolicy", &json!({"KeyId": KEY}))["Policy"].as_str().expect("a text").to_owned()
}

fn encrypts(client: &Client) -> bool {
    let answer = call(client, "Encrypt", &json!({"KeyId": ARN, "Plaintext": "eA=="}));
    assert!(answer.status == 200 || answer.text().contains("AccessDenied"), "{}", answer.text());
    answer.status == 200
}

#[test]
fn policies_and_grants_that_name_nobody_are_refused() {
    let scene = Scene::new();
    let kms = scene.kms("root");
    let before = shown(&kms);
    for nobody in [
        user("ghost"),
        user("path/alice"),
        format!("arn:aws:iam::{ACCOUNT}:role/ghost"),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/ghost/session"),
        "arn:aws:iam::444455556666:user/ghost".to_owned(),
    ] {
        let text = policy(&[&user("alice"), &nobody]);
        for (operation, input) in
            [("PutKeyPolicy", json!({"KeyId": KEY, "Policy": text})), ("CreateKey", json!({"Policy": text}))]
        {
            let (code, message) = refused(&kms, operation, &input);
            assert_eq!(code, "MalformedPolicyDocumentException", "{operation}: {message}");
            assert!(message.contains("invalid principals") && message.contains(&nobody), "{message}");
        }
        for member in ["GranteePrincipal", "RetiringPrincipal"] {
            let mut input = json!({"KeyId": KEY, "GranteePrincipal": user("alice"), "Operations": ["Encrypt"]});
            input[member] = json!(nobody);
            let (code, message) = refused(&kms, "CreateGrant", &input);
            assert_eq!((code.as_str(), message.contains(&nobody)), ("InvalidArnException", true), "{message}");
        }
    }
    assert_eq!(shown(&kms), before);
    assert_eq!(done(&kms, "ListGrants", &json!({"KeyId": KEY}))["Grants"], json!([]));
    assert_eq!(done(&kms, "ListKeys", &json!({}))["Keys"].as_array().map(Vec::len), Some(1));
    // Who may not put a policy does not learn who exists.
    let (code, _) = refused(&scene.kms("alice"), "PutKeyPolicy", &json!({"KeyId": KEY, "Policy": policy(&["x"])}));
    assert_eq!(code, "AccessDeniedException");
    // Accounts that this server does not have are not its to know.
    put(&kms, &["arn:aws:iam::777788889999:user/somebody", &user("alice")]);
    let elsewhere = json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::777788889999:user/somebody",
        "Operations": ["Encrypt"]});
    done(&kms, "CreateGrant", &elsewhere);
    assert!(encrypts(&scene.kms("alice")));
}

#[test]
fn a_key_policy_does_not_mean_the_next_one_of_that_name() {
    let mut scene = Scene::new();
    let (root, kms) = (scene.s3("root"), scene.kms("root"));
    let (first, eve) = hired(&root, "eve");
    put(&kms, &[&user("eve"), &user("alice")]);
    assert!(encrypts(&eve) && encrypts(&scene.kms("alice")));
    assert_eq!(shown(&kms), policy(&[&user("eve"), &user("alice")]));
    // Renamed, it is the same user.
    form(&root, "iam", "Action=UpdateUser&UserName=eve&NewUserName=eva");
    assert_eq!(shown(&kms), policy(&[&user("eva"), &user("alice")]));
    assert!(encrypts(&eve));
    let (_, other) = hired(&root, "eve");
    assert!(!encrypts(&other), "the name alone is not meant");
    fired(&root, "eva", &eve);
    assert_eq!(shown(&kms), policy(&[&first, &user("alice")]));
    assert!(!encrypts(&other) && encrypts(&scene.kms("alice")));
    let data = scene.directory.path().join("data");
    scene.server.kill();
    scene.server = Server::start(&data, &[]);
    let (root, kms) = (scene.s3("root"), scene.kms("root"));
    let other = Client { address: root.address.clone(), ..other };
    assert!(!encrypts(&other));
    assert_eq!(shown(&kms), policy(&[&first, &user("alice")]));
    put(&kms, &[&user("eve")]);
    assert!(encrypts(&other) && !encrypts(&scene.kms("alice")));
}

#[test]
fn a_role_made_again_is_another_role() {
    let scene = Scene::new();
    let (root, kms, bob) = (scene.s3("root"), scene.kms("root"), scene.s3("bob"));
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": user("bob")}}]});
    let trust =
        percent_encoding::utf8_percent_encode(&trust.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string();
    let make = || form(&root, "iam", &format!("Action=CreateRole&RoleName=ops&AssumeRolePolicyDocument={trust}"));
    let assume = || {
        let role = "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fops";
        let given = form(&bob, "sts", &format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=session"));
        let keys = Some((given.element("AccessKeyId"), given.element("SecretAccessKey")));
        let headers = vec![("x-amz-security-token".to_owned(), given.element("SessionToken"))];
        Client { keys, headers, ..root.of("kms") }
    };
    let role = format!("arn:aws:iam::{ACCOUNT}:role/ops");
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/ops/session");
    for named in [&role, &session] {
        let id = make().element("RoleId");
        put(&kms, &[named]);
        assert!(encrypts(&assume()), "{named}");
        form(&root, "iam", "Action=DeleteRole&RoleName=ops");
        make();
        assert!(!encrypts(&assume()), "{named}");
        assert!(shown(&kms).contains(&id), "{}", shown(&kms));
        form(&root, "iam", "Action=DeleteRole&RoleName=ops");
    }
}

#[test]
fn a_grant_does_not_mean_the_next_one_of_that_name() {
    let scene = Scene::new();
    let (root, kms) = (scene.s3("root"), scene.kms("root"));
    let (first, eve) = hired(&root, "eve");
    let grant = json!({"KeyId": KEY, "GranteePrincipal": user("eve"), "RetiringPrincipal": user("eve"), "Name": "own",
        "Operations": ["Encrypt"]});
    let given = done(&kms, "CreateGrant", &grant);
    assert_eq!(done(&kms, "CreateGrant", &grant), given, "the same once more is the same");
    assert!(encrypts(&eve));
    let listed = |filter: &Value| done(&kms, "ListGrants", filter)["Grants"].as_array().expect("a list").clone();
    let of_eve = json!({"KeyId": KEY, "GranteePrincipal": user("eve")});
    let retirable = || done(&kms, "ListRetirableGrants", &json!({"RetiringPrincipal": user("eve")}));
    assert_eq!((listed(&of_eve).len(), retirable()["Grants"].as_array().map(Vec::len)), (1, Some(1)));
    fired(&root, "eve", &eve);
    let (_, other) = hired(&root, "eve");
    assert!(!encrypts(&other));
    assert_eq!((listed(&of_eve).len(), retirable()["Grants"].as_array().map(Vec::len)), (0, Some(0)));
    let all = listed(&json!({"KeyId": KEY}));
    assert_eq!((&all[0]["GranteePrincipal"], &all[0]["RetiringPrincipal"]), (&json!(first), &json!(first)));
    let retire = json!({"KeyId": ARN, "GrantId": given["GrantId"]});
    assert_eq!(refused(&other, "RetireGrant", &retire).0, "AccessDeniedException");
    // The same words make another grant, for the new one.
    assert_ne!(done(&kms, "CreateGrant", &grant)["GrantId"], given["GrantId"]);
    assert!(encrypts(&other));
    assert_eq!(listed(&of_eve).len(), 1);
    done(&other, "RetireGrant", &json!({"KeyId": ARN, "GrantId": listed(&of_eve)[0]["GrantId"]}));
    assert!(!encrypts(&other));
    done(&kms, "RevokeGrant", &retire);
    assert!(listed(&json!({"KeyId": KEY})).is_empty());
}

#[test]
fn keys_of_the_world_are_looked_up_too() {
    let directory = crate::support::TempDir::new();
    let key = json!({"id": KEY, "policy": serde_json::from_str::<Value>(&policy(&[&user("alice"), &user("ghost")])).expect("JSON"),
        "grants": [{"grantee": user("carol"), "operations": ["Encrypt"]}]});
    let key_id = |name: &str| format!("AKIA0000000000{name}");
    let named = |name: &str| json!({"name": name, "access_keys": [{"id": key_id(name), "secret": name}]});
    let world = json!({"version": 1, "region": "us-east-1", "accounts": [{"id": ACCOUNT, "name": "prod",
        "root": {"access_keys": [{"id": key_id("root"), "secret": "root"}]},
        "users": [named("alice"), named("carol")], "keys": [key]}]});
    let server = Server::of_world(&directory, &world.to_string(), &[]);
    let client = |name: &str| server.client(&key_id(name), name);
    let root = client("root");
    for name in ["alice", "carol"] {
        let before = client(name).of("kms");
        assert!(encrypts(&before), "{name}");
        fired(&root, name, &before);
        let (_, after) = hired(&root, name);
        assert!(!encrypts(&after), "{name}");
    }
    let (_, ghost) = hired(&root, "ghost");
    assert!(!encrypts(&ghost), "nobody had the name when it was written");
}
