//! What IAM and STS refuse: names that are taken, things still in use, documents too long, tokens that were changed or
//! are another server's. Each with the service's own code, a sentence that names the thing, and nothing changed.

use super::{ACCOUNT, BOB, FORM, NOBODY, Scene, allow, call, done, dump, session, trust};
use crate::support::now;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::edges::server::totp;
use serde_json::json;

/// A device in use by bob; its serial number.
fn device_in_use(scene: &Scene) -> String {
    let made = done(&scene.root(), "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")]);
    let seed = STANDARD.decode(made.element("Base32StringSeed")).expect("base64");
    let seed = String::from_utf8(seed).expect("base32");
    let code = |ago: i64| totp::code(&seed, now() - ago).expect("a code");
    let serial = made.element("SerialNumber");
    let (first, second) = (code(60), code(30));
    let parameters = [
        ("UserName", "bob"),
        ("SerialNumber", serial.as_str()),
        ("AuthenticationCode1", first.as_str()),
        ("AuthenticationCode2", second.as_str()),
    ];
    done(&scene.root(), "EnableMFADevice", &parameters);
    serial
}

#[test]
fn what_is_taken_or_in_use_or_too_long_is_named() {
    let scene = Scene::new(&[]);
    let root = scene.root();
    let serial = device_in_use(&scene);
    done(&root, "CreateOpenIDConnectProvider", &[("Url", "https://id.test"), ("ClientIDList.member.1", "app")]);
    done(&root, "CreateAccessKey", &[("UserName", "bob")]);
    let readers = format!("arn:aws:iam::{ACCOUNT}:policy/readers");
    let document = allow(&json!("s3:GetObject"), "*");
    let long = allow(&json!("s3:GetObject"), &format!("arn:aws:s3:::{}/*", "x".repeat(6200)));
    let trusting = trust(&json!({"AWS": ACCOUNT}), &json!("sts:AssumeRole"));
    let actions = vec!["sts:AssumeRole"; 200];
    let long_trust = trust(&json!({"AWS": ACCOUNT}), &json!(actions));
    let tags: Vec<String> = (1..=51).map(|n| format!("Tags.member.{n}.")).collect();
    let tags: Vec<(String, String)> = tags
        .iter()
        .enumerate()
        .flat_map(|(n, tag)| [(format!("{tag}Key"), format!("k{n}")), (format!("{tag}Value"), "v".to_owned())])
        .collect();
    let mut many: Vec<(&str, &str)> = tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    many.push(("UserName", "bob"));
    let (bob, group, role, policy) =
        (("UserName", "bob"), ("GroupName", "staff"), ("RoleName", "ops"), ("PolicyArn", readers.as_str()));
    let table: [(&str, super::Parameters<'_>, &str, &str); 19] = [
        ("CreateGroup", &[("GroupName", "STAFF")], "EntityAlreadyExists", "STAFF"),
        ("CreateRole", &[("RoleName", "OPS"), ("AssumeRolePolicyDocument", &trusting)], "EntityAlreadyExists", "OPS"),
        ("CreatePolicy", &[("PolicyName", "Readers"), ("PolicyDocument", &document)], "EntityAlreadyExists", "Readers"),
        ("UpdateUser", &[bob, ("NewUserName", "nobody")], "EntityAlreadyExists", "nobody"),
        ("CreateOpenIDConnectProvider", &[("Url", "https://id.test")], "EntityAlreadyExists", "https://id.test"),
        ("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")], "EntityAlreadyExists", "MFADevice"),
        ("DeletePolicy", &[policy], "DeleteConflict", "attached to entities"),
        ("DeletePolicyVersion", &[policy, ("VersionId", "v1")], "DeleteConflict", "default version"),
        ("DeleteRole", &[role], "DeleteConflict", "must delete policies"),
        ("DeleteVirtualMFADevice", &[("SerialNumber", &serial)], "DeleteConflict", "deactivate the MFA device"),
        ("CreatePolicy", &[("PolicyName", "long"), ("PolicyDocument", &long)], "LimitExceeded", "6144"),
        ("UpdateAssumeRolePolicy", &[role, ("PolicyDocument", &long_trust)], "LimitExceeded", "2048"),
        ("CreateAccessKey", &[bob], "LimitExceeded", "AccessKeysPerUser: 2"),
        ("TagUser", &many, "LimitExceeded", "50"),
        ("DetachUserPolicy", &[bob, policy], "NoSuchEntity", &readers),
        ("DeleteUserPolicy", &[bob, ("PolicyName", "none")], "NoSuchEntity", "none"),
        ("RemoveUserFromGroup", &[group, ("UserName", "nobody")], "NoSuchEntity", "nobody"),
        ("GetPolicyVersion", &[policy, ("VersionId", "v9")], "NoSuchEntity", "v9"),
        ("ListUsers", &[("Marker", "!")], "ValidationError", "Marker"),
    ];
    let before = dump(&root);
    for (action, parameters, code, what) in table {
        let answer = call(&root, "iam", action, parameters);
        assert_eq!(answer.code(), code, "{action} {parameters:?}: {}", answer.text());
        assert!(answer.element("Message").contains(what), "{action}: {}", answer.text());
    }
    let twice = root.of("iam").send("POST", "/", &FORM, b"Action=DeleteUser&UserName=bob&UserName=nobody");
    assert_eq!(twice.code(), "MalformedQueryString", "{}", twice.text());
    let huge = [b"Action=CreateUser&UserName=".as_slice(), &vec![b'x'; 1_100_000]].concat();
    let huge = root.of("iam").send("POST", "/", &FORM, &huge);
    assert_eq!(huge.status / 100, 4, "{}", huge.text());
    assert_eq!(dump(&root), before);
}

#[test]
fn tokens_that_were_changed_or_are_anothers_open_nothing() {
    let (scene, elsewhere) = (Scene::new(&[]), Scene::new(&[]));
    let root = scene.root();
    done(
        &root,
        "PutUserPolicy",
        &[("UserName", "bob"), ("PolicyName", "a"), ("PolicyDocument", &allow(&json!("sts:*"), "*"))],
    );
    let bob = scene.client(BOB);
    let given = done(&bob, "GetSessionToken", &[]);
    let good = session(&scene, &given);
    assert_eq!(call(&good, "sts", "GetCallerIdentity", &[]).status, 200);
    let token = given.element("SessionToken");
    let with = |token: String| {
        let mut client = good.clone();
        client.headers = vec![("x-amz-security-token".to_owned(), token)];
        client
    };
    let changed = |at: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("letters")
    };
    let step = token.len() / 12;
    let mut wrong: Vec<String> = (0..12).map(|n| changed(n * step)).collect();
    wrong.push(token[..token.len() / 2].to_owned());
    wrong.push("!".to_owned());
    for token in wrong {
        let client = with(token.clone());
        assert_eq!(call(&client, "sts", "GetCallerIdentity", &[]).code(), "InvalidClientTokenId", "{token}");
        assert_eq!(client.get("/data/k").code(), "InvalidToken", "{token}");
    }
    // Another server's session of the same user.
    let foreign = session(&elsewhere, &done(&elsewhere.client(BOB), "GetSessionToken", &[]));
    assert_eq!(call(&foreign, "sts", "GetCallerIdentity", &[]).status, 200);
    let moved = crate::support::Client { address: good.address.clone(), ..foreign };
    assert_eq!(call(&moved, "sts", "GetCallerIdentity", &[]).code(), "InvalidClientTokenId");
    // Why a request was refused, changed or of another server.
    let refused = call(&scene.client(NOBODY), "iam", "ListUsers", &[]).element("EncodedMessage");
    assert_eq!(call(&root, "sts", "DecodeAuthorizationMessage", &[("EncodedMessage", &refused)]).status, 200);
    let theirs = call(&elsewhere.client(NOBODY), "iam", "ListUsers", &[]).element("EncodedMessage");
    let flipped = format!("{}{}", if refused.starts_with('A') { 'B' } else { 'A' }, &refused[1..]);
    for message in [theirs.as_str(), flipped.as_str(), "x", &refused[..refused.len() - 4]] {
        let answer = call(&root, "sts", "DecodeAuthorizationMessage", &[("EncodedMessage", message)]);
        assert_eq!(answer.code(), "InvalidAuthorizationMessageException", "{}", answer.text());
    }
}

#[test]
fn session_policies_are_read_before_anything_is_given() {
    let scene = Scene::new(&[]);
    let root = scene.root();
    let long = allow(&json!("s3:GetObject"), &format!("arn:aws:s3:::{}/*", "x".repeat(2100)));
    let missing = format!("arn:aws:iam::{ACCOUNT}:policy/none");
    for (parameter, value, code, what) in [
        ("Policy", "{", "MalformedPolicyDocument", "line 1"),
        ("Policy", long.as_str(), "PackedPolicyTooLarge", "%"),
        ("PolicyArns.member.1.arn", missing.as_str(), "ValidationError", "policy/none"),
        ("DurationSeconds", "10", "ValidationError", "10"),
    ] {
        let answer = call(&root, "sts", "GetFederationToken", &[("Name", "fed"), (parameter, value)]);
        assert_eq!(answer.code(), code, "{parameter}: {}", answer.text());
        assert!(answer.element("Message").contains(what), "{}", answer.text());
        assert!(answer.element("SessionToken").is_empty());
    }
}
