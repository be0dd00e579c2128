//! What the form of an operation does not have is refused, never passed over.

use super::{ACCOUNT, BOB, FORM, Parameters, Scene, allow, call, done};
use crate::support::encoded;
use serde_json::json;

/// Service, operation, parameters, the code of the refusal, and what its message names.
type Row<'p> = (&'static str, &'p str, Vec<(&'p str, &'p str)>, &'p str, &'p str);

#[test]
fn a_parameter_that_an_operation_does_not_have_is_refused() {
    let scene = Scene::new(&[]);
    let (root, bob) = (scene.root(), scene.client(BOB));
    let may = allow(&json!("sts:*"), "*");
    done(&root, "PutUserPolicy", &[("UserName", "bob"), ("PolicyName", "a"), ("PolicyDocument", &may)]);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/ops");
    let plain = [("RoleArn", role.as_str()), ("RoleSessionName", "b1")];
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(&str, &str)> {
        plain.into_iter().chain(more.iter().copied()).collect()
    };
    let table: [Row<'_>; 17] = [
        // A misspelt restriction must not give a session without it.
        ("sts", "AssumeRole", with(&[("Polcy", "{}")]), "InvalidQueryParameter", "Polcy"),
        ("sts", "AssumeRole", with(&[("policy", "{}")]), "InvalidQueryParameter", "policy"),
        ("sts", "AssumeRole", with(&[("Tags.member.1.Name", "x")]), "InvalidQueryParameter", "Tags.member.1.Name"),
        ("sts", "AssumeRole", with(&[("Tags.1.Key", "x")]), "InvalidQueryParameter", "Tags.1.Key"),
        (
            "sts",
            "AssumeRole",
            with(&[("Tags.member.2.Key", "x"), ("Tags.member.2.Value", "y")]),
            "InvalidQueryParameter",
            "Tags.member.2",
        ),
        (
            "sts",
            "AssumeRole",
            with(&[("PolicyArns", "arn:aws:iam::aws:policy/X")]),
            "InvalidQueryParameter",
            "PolicyArns",
        ),
        ("sts", "GetCallerIdentity", with(&[]), "InvalidQueryParameter", "RoleArn"),
        ("sts", "GetSessionToken", vec![("Policy", "{}")], "InvalidQueryParameter", "Policy"),
        (
            "sts",
            "GetFederationToken",
            vec![("Name", "x"), ("SourceIdentity", "y")],
            "InvalidQueryParameter",
            "SourceIdentity",
        ),
        // Known to AWS and not done here.
        (
            "sts",
            "AssumeRole",
            with(&[
                ("ProvidedContexts.member.1.ProviderArn", "arn:aws:iam::aws:contextProvider/IdentityCenter"),
                ("ProvidedContexts.member.1.ContextAssertion", "x"),
            ]),
            "NotImplemented",
            "ProvidedContexts",
        ),
        (
            "sts",
            "GetSessionToken",
            vec![("MinimumSessionTokenSize", "4096")],
            "NotImplemented",
            "MinimumSessionTokenSize",
        ),
        // Empty lists, as clients write them.
        (
            "sts",
            "AssumeRole",
            with(&[("ProvidedContexts", ""), ("Tags", ""), ("PolicyArns", ""), ("TransitiveTagKeys", "")]),
            "",
            "",
        ),
        (
            "iam",
            "CreateUser",
            vec![("UserName", "x"), ("PermissionBoundary", &role)],
            "InvalidQueryParameter",
            "PermissionBoundary",
        ),
        ("iam", "ListUsers", vec![("UserName", "x")], "InvalidQueryParameter", "UserName"),
        ("iam", "ListUsers", vec![("MaxItems", "5"), ("Tags", "")], "InvalidQueryParameter", "Tags"),
        ("iam", "CreateUser", vec![("UserName", "x"), ("Tags", "")], "", ""),
        ("iam", "DeleteUser", vec![("UserName", "x")], "", ""),
    ];
    for (service, action, parameters, code, names) in table {
        let client = if service == "sts" { &bob } else { &root };
        let answer = call(client, service, action, &parameters);
        assert_eq!(answer.code(), code, "{action} {parameters:?}: {}", answer.text());
        assert!(answer.element("Message").contains(names), "{action}: {}", answer.text());
        if !code.is_empty() {
            assert!(!answer.text().contains("SecretAccessKey"), "{action}: {}", answer.text());
        }
    }
}

/// A form by somebody who has no keys yet, and parameters in the address.
#[test]
fn refusals_do_not_depend_on_how_a_request_is_sent() {
    let scene = Scene::new(&[]);
    let anonymous = scene.server.anonymous();
    let form = |parameters: Parameters<'_>| {
        let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    };
    let web = [("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("ProviderId", "www.amazon.com")];
    let answer = anonymous.send("POST", "/", &FORM, form(&web).as_bytes());
    assert_eq!(answer.code(), "NotImplemented", "{}", answer.text());
    let web = [("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("SerialNumber", "x")];
    let answer = anonymous.send("POST", "/", &FORM, form(&web).as_bytes());
    assert_eq!(answer.code(), "InvalidQueryParameter", "{}", answer.text());
    // Parameters in the address.
    let sts = scene.client(BOB).of("sts");
    let answer = sts.get("/?Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = sts.get("/?Action=GetCallerIdentity&Extra=1&Version=2011-06-15");
    assert_eq!(answer.code(), "InvalidQueryParameter", "{}", answer.text());
}
