mod typescript;

use super::*;
use crate::simulate::scenario::{self, Scenario};
use crate::words::problem::Source;
use std::path::Path;

/// Every scenario of the corpus, as a question.
fn corpus() -> Vec<(String, Scenario, Question)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the corpus").filter_map(Result::ok).collect();
    files.sort_by_key(std::fs::DirEntry::path);
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file.path()).expect("a file of the corpus");
        let pasted = read_pasted(&text);
        assert_eq!((pasted.kind, pasted.problems.len()), (PastedKind::Scenarios, 0), "{}", file.path().display());
        let scenarios = scenario::read(&Source::new("corpus", text)).expect("the corpus can be read");
        let named = scenarios.into_iter().zip(pasted.scenarios);
        all.extend(named.map(|(s, p)| (format!("{} {}", file.path().display(), p.id), s, p.question)));
    }
    assert!(all.len() > 1000);
    all
}

fn question(json: &str) -> Question {
    Question::parse(json).expect("a question")
}

#[test]
fn every_scenario_is_a_question_with_the_same_answer() {
    let mut wrong = Vec::new();
    for (name, scenario, question) in corpus() {
        let expected = scenario.explained(|e| e.decision);
        let explained = explain(&question);
        match &explained.view {
            Some(view) => {
                let same = view.answer.decision == expected.word() && view.answer.code == expected.basis().code;
                if !same || view.marks.len() != view.answer.statements.len() {
                    wrong.push(format!("{name}: {} {}", view.answer.decision, view.answer.code));
                }
                let verdict = decide(&question).verdict.expect("what is explained is decided");
                assert_eq!((verdict.decision, verdict.code), (view.answer.decision, view.answer.code), "{name}");
            }
            None => wrong.push(format!("{name}: {:?} {:?}", explained.broken, explained.problems)),
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_question_is_read_back_as_it_was_written() {
    for (name, _, question) in corpus() {
        let text = serde_json::to_string(&question).expect("it can be written");
        assert_eq!(Question::parse(&text).ok(), Some(question), "{name}");
    }
    assert!(Question::parse(r#"{"layers": {"identiy": []}}"#).is_err());
}

#[test]
fn every_question_can_be_kept() {
    let (mut lines, mut files) = (0, 0);
    for (name, scenario, question) in corpus() {
        let expected = scenario.explained(|e| e.decision);
        let kept = to_scenario(&question, "kept");
        let text = kept.text.unwrap_or_else(|| panic!("{name}: {:?}", kept.problems));
        let read = scenario::read(&Source::new("kept", text)).expect("it can be read");
        assert_eq!(
            read.first().map(|s| (s.run().pass, s.run().got)),
            Some((true, expected.word().to_owned())),
            "{name}"
        );
        let snippet = to_cli(&question).text.expect("it can be asked");
        if snippet.contains("portcullis can ") { lines += 1 } else { files += 1 }
    }
    assert!(lines > 1000, "{lines} in words, {files} as scenarios");
}

#[test]
fn marks_stand_on_what_they_mark() {
    let asked = question(
        r#"{"layers": {"identity": [{"name": "päper", "text": "{\"Id\": \"Zürich 𝄞\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": [\"s3:PutObject\", \"s3:Get*\"], \"Resource\": \"*\", \"Condition\": {\"IpAddress\": {\"aws:SourceIp\": \"10.0.0.0/8\"}}}}"}]},
            "request": {"principal": {"kind": "user", "arn": "arn:aws:iam::111122223333:user/a", "account": "111122223333"},
                        "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "context": {"aws:SourceIp": ["10.1.1.1"]}}}"#,
    );
    let text: Vec<u16> = asked.layers.identity.iter().flatten().flat_map(|p| p.text.encode_utf16()).collect();
    let of = |mark: Mark| String::from_utf16(text.get(mark.from..mark.to).expect("inside")).expect("whole characters");
    let view = explain(&asked).view.expect("an answer");
    assert_eq!((view.answer.decision, view.deciding), ("allow", Some(0)));
    let marks = view.marks.first().expect("one statement");
    assert_eq!(of(marks.effect), "\"Allow\"");
    assert_eq!(marks.action.matched.map(of).as_deref(), Some("\"s3:Get*\""));
    assert!(of(marks.action.element).starts_with('['));
    let condition = marks.conditions.first().expect("one condition");
    assert_eq!(
        (of(condition.operator), of(condition.key)),
        ("\"IpAddress\"".to_owned(), "\"aws:SourceIp\"".to_owned())
    );
    assert_eq!(of(condition.values), "\"10.0.0.0/8\"");
}

/// A user with these identity policies, its state and an optional level of SCPs, asks for an object of its account.
fn with(identity: &str, scp: &str) -> Question {
    question(&format!(
        r#"{{"layers": {{"identity": {identity}, "scp": {scp}, "bucket": {{"name": "b", "owner_account": "111122223333"}}}},
            "request": {{"principal": {{"kind": "user", "arn": "arn:aws:iam::111122223333:user/a", "account": "111122223333"}},
                         "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k"}}}}"#
    ))
}

fn policy(effect: &str, state: &str) -> String {
    let text = format!(r#"{{\"Statement\": {{\"Effect\": \"{effect}\", \"Action\": \"s3:*\", \"Resource\": \"*\"}}}}"#);
    format!(r#"{{"name": "{effect}", "text": "{text}", "state": "{state}"}}"#)
}

#[test]
fn an_unknown_policy_says_whether_it_could_change_the_answer() {
    let full = format!("[[{}]]", policy("Allow", "on"));
    let cases = [
        // Known Allow beside it: only a Deny would change it.
        (
            format!("[{}, {}]", policy("Allow", "on"), policy("Allow", "unknown")),
            full.clone(),
            true,
            ["allow", "allow", "explicit-deny"],
            true,
        ),
        // Alone: it decides.
        (
            format!("[{}]", policy("Allow", "unknown")),
            full.clone(),
            true,
            ["allow", "implicit-deny", "explicit-deny"],
            true,
        ),
        // A known Deny settles it.
        (
            format!("[{}, {}]", policy("Deny", "on"), policy("Allow", "unknown")),
            full.clone(),
            false,
            ["explicit-deny"; 3],
            false,
        ),
        // A level that allows nothing settles it, but a Deny would be the reason then.
        (
            format!("[{}]", policy("Allow", "unknown")),
            "[[]]".to_owned(),
            false,
            ["implicit-deny", "implicit-deny", "explicit-deny"],
            false,
        ),
        // In a level of its own.
        (
            format!("[{}]", policy("Allow", "on")),
            format!("[[{}], [{}]]", policy("Allow", "on"), policy("Allow", "unknown")),
            true,
            ["allow", "implicit-deny", "explicit-deny"],
            true,
        ),
    ];
    for (identity, scp, undecided, [allows, silent, denies], matters) in cases {
        let explained = explain(&with(&identity, &scp));
        let view = explained.view.expect("an answer");
        assert_eq!(view.answer.undecided, undecided, "{identity} {scp}");
        assert_ne!(view.answer.decision, "allow", "what nobody knows never allows");
        assert_eq!(explained.known.is_some(), undecided);
        let unknown = explained.unknown.first().expect("one is unknown");
        assert_eq!(
            (unknown.if_allows, unknown.if_silent, unknown.if_denies),
            (allows, silent, denies),
            "{identity} {scp}"
        );
        assert_eq!(unknown.matters, matters, "{identity} {scp}");
    }
}

#[test]
fn an_unknown_bucket_policy_need_not_be_public() {
    let asked = question(
        r#"{"layers": {"resource": {"name": "p", "text": "", "state": "unknown"},
                       "bucket": {"name": "b", "owner_account": "111122223333", "block_public_access": {"RestrictPublicBuckets": true}}},
            "request": {"principal": {"kind": "anonymous"}, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k"}}"#,
    );
    let explained = explain(&asked);
    assert!(explained.view.is_some_and(|v| v.answer.undecided));
    assert!(explained.unknown.iter().all(|u| u.matters && u.if_allows == "allow"));
}

#[test]
fn switched_off_is_taken_away() {
    let verdict = |q: &Question| decide(q).verdict.map(|v| v.decision);
    let deny_off = format!("[{}, {}]", policy("Allow", "on"), policy("Deny", "off"));
    let full = format!("[[{}], [{}]]", policy("Allow", "on"), policy("Deny", "off"));
    assert_eq!(verdict(&with(&deny_off, &full)), Some("allow"));
    assert_eq!(verdict(&with(&format!("[{}]", policy("Allow", "off")), &full)), Some("implicit-deny"));
}

#[test]
fn a_broken_policy_is_named_and_nothing_is_decided() {
    let broken = with(
        r#"[{"name": "mine", "text": "{\"Statement\": [}"}, {"name": "off", "text": "nonsense", "state": "off"}]"#,
        "[]",
    );
    let explained = explain(&broken);
    assert!(explained.view.is_none() && decide(&broken).verdict.is_none());
    let names: Vec<_> = explained.broken.iter().map(|b| (b.name.as_str(), b.policy.index)).collect();
    assert_eq!(names, [("mine", 0)]);
    assert!(
        explained.broken.iter().all(|b| b.diagnostics.iter().any(|d| d.code.as_str() == "E101" && d.mark.from == 15))
    );
}

#[test]
fn keys_are_read_with_type_and_suggestions() {
    let asked = with(
        r#"[{"name": "mine", "text": "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"arn:aws:s3:::b/${aws:username}/*\", \"Condition\": {\"IpAddress\": {\"AWS:sourceip\": \"10.0.0.0/8\"}, \"Bool\": {\"aws:SecureTransport\": \"true\"}, \"ForAllValues:StringLike\": {\"aws:TagKeys\": [\"a*\"]}, \"NumericLessThan\": {\"my:Number\": \"5\"}}}}"}]"#,
        "[]",
    );
    let keys = keys_read(&asked).keys;
    let key = |name: &str| keys.iter().find(|k| k.key == name).unwrap_or_else(|| panic!("{name} of {keys:?}"));
    assert_eq!(
        (key("aws:SourceIp").kind, key("aws:SourceIp").suggestions.as_slice()),
        (KeyKind::Ip, &["10.0.0.1".to_owned()][..])
    );
    assert_eq!(key("aws:SecureTransport").suggestions, ["true", "false"]);
    assert!(
        key("aws:TagKeys").multivalued
            && key("aws:TagKeys").readers.iter().all(|r| r.operator.as_deref() == Some("ForAllValues:StringLike"))
    );
    assert_eq!(key("my:Number").kind, KeyKind::Number);
    assert!(key("aws:username").derived && key("aws:username").readers.iter().all(|r| r.operator.is_none()));
}

#[test]
fn an_error_sentence_fills_the_request() {
    let pasted = read_pasted(
        "An error occurred (AccessDenied) when calling the GetObject operation: User: arn:aws:sts::111122223333:assumed-role/deploy/ci \n\
         is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/a key\" because no identity-based policy allows the s3:GetObject action",
    );
    assert_eq!(pasted.kind, PastedKind::AccessDenied);
    assert_eq!(pasted.fill.action.as_deref(), Some("s3:GetObject"));
    assert_eq!(pasted.fill.resource.as_deref(), Some("arn:aws:s3:::b/a key"));
    let principal = pasted.fill.principal.expect("it names one");
    assert_eq!(
        (principal.kind.as_str(), principal.role_arn.as_deref()),
        ("role-session", Some("arn:aws:iam::111122223333:role/deploy"))
    );
    let unquoted = read_pasted(
        "User: anonymous is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:111122223333:key/k with an explicit deny in a service control policy",
    );
    assert_eq!(unquoted.fill.resource.as_deref(), Some("arn:aws:kms:us-east-1:111122223333:key/k"));
    assert!(unquoted.fill.principal.is_some_and(|p| p.kind == "anonymous"));
    assert_eq!(unquoted.notes, ["AWS said: with an explicit deny in a service control policy"]);
}

#[test]
fn an_event_of_cloudtrail_fills_the_request() {
    let event = r#"{"eventVersion": "1.09", "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:ci",
        "arn": "arn:aws:sts::111122223333:assumed-role/deploy/ci", "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/path/deploy"},
        "attributes": {"creationDate": "2026-11-22T08:00:00Z", "mfaAuthenticated": "false"}}},
        "eventTime": "2026-11-22T09:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "HeadObject", "awsRegion": "eu-central-1",
        "sourceIPAddress": "203.0.113.7", "userAgent": "[aws-cli/2.0]", "errorCode": "AccessDenied", "errorMessage": "Access Denied",
        "requestParameters": {"bucketName": "b", "key": "a/b", "x-amz-acl": "private"},
        "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader"}, "tlsDetails": {"tlsVersion": "TLSv1.3"}}"#;
    for text in [event.to_owned(), format!(r#"{{"Records": [{event}]}}"#)] {
        let pasted = read_pasted(&text);
        assert_eq!((pasted.kind, pasted.problems.len()), (PastedKind::Cloudtrail, 0));
        assert_eq!(pasted.fill.action.as_deref(), Some("s3:GetObject"));
        assert_eq!(pasted.fill.resource.as_deref(), Some("arn:aws:s3:::b/a/b"));
        let principal = pasted.fill.principal.clone().expect("it names one");
        assert_eq!(principal.role_arn.as_deref(), Some("arn:aws:iam::111122223333:role/path/deploy"));
        let context = |key: &str| pasted.fill.context.get(key).and_then(|v| v.first()).map(String::as_str);
        assert_eq!(context("aws:SourceIp"), Some("203.0.113.7"));
        assert_eq!(context("aws:EpochTime"), Some("1795338000"));
        assert_eq!(context("aws:UserAgent"), Some("aws-cli/2.0"));
        assert_eq!(context("aws:MultiFactorAuthPresent"), Some("false"));
        assert_eq!((context("s3:authType"), context("s3:x-amz-acl")), (Some("REST-HEADER"), Some("private")));
    }
}

#[test]
fn dumps_and_policies_are_recognised() {
    let of = |text: &str| {
        let pasted = read_pasted(text);
        assert!(pasted.problems.is_empty(), "{text}: {:?}", pasted.problems);
        pasted
    };
    let bucket_policy = r#"{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}"#;
    let pasted = of(&format!(r#"{{"Policy": "{bucket_policy}"}}"#));
    assert_eq!(pasted.fill.policies.iter().map(|p| p.kind).collect::<Vec<_>>(), ["bucket"]);
    assert!(pasted.fill.policies.iter().all(|p| p.policy.text.contains("\n  \"Statement\": {")));
    let kinds = |text: &str| of(text).fill.policies.iter().map(|p| p.kind).collect::<Vec<_>>();
    assert_eq!(kinds(r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#), ["identity"]);
    assert_eq!(kinds(r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}"#), ["trust"]);
    assert_eq!(
        kinds(r#"{"Policy": {"PolicySummary": {"Type": "RESOURCE_CONTROL_POLICY", "Name": "r"}, "Content": "{}"}}"#),
        ["rcp"]
    );
    assert_eq!(kinds(r#"{"RoleName": "r", "PolicyName": "p", "PolicyDocument": {"Statement": []}}"#), ["identity"]);
    let acl = of(
        r#"{"Owner": {"ID": "abc"}, "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "abc"}, "Permission": "FULL_CONTROL"}]}"#,
    );
    assert_eq!(acl.fill.bucket.and_then(|b| b.acl).map(|acl| acl.len()), Some(1));
    let block = of(
        r#"{"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}}"#,
    );
    assert!(block.fill.bucket.and_then(|b| b.block_public_access).is_some_and(|b| b.restrict_public_buckets));
    let owner = of(r#"{"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}"#);
    assert_eq!(owner.fill.bucket.and_then(|b| b.object_ownership).as_deref(), Some("ObjectWriter"));
    for nothing in ["", "hello", "{", "[]x", "{}", "[1]", r#"{"Records": []}"#, "User: is not authorized to perform:"] {
        assert!(!read_pasted(nothing).problems.is_empty(), "{nothing}");
    }
}

#[test]
fn an_account_lists_who_can_ask() {
    let dump = r#"{"UserDetailList": [{"UserName": "alice", "UserId": "AIDA1", "Arn": "arn:aws:iam::111122223333:user/alice",
        "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]}],
        "RoleDetailList": [], "GroupDetailList": [], "Policies": []}"#;
    let pasted = read_pasted(dump);
    assert_eq!((pasted.kind, pasted.problems.len()), (PastedKind::World, 0));
    let name = pasted.principals.first().map(|p| p.name.clone()).expect("alice");
    assert_eq!(name, "user/alice@111122223333");
    let mut asking = WorldQuestion {
        principal: name,
        action: "getobject".to_owned(),
        resource: "s3://b/k".to_owned(),
        circumstances: "--from 10.0.0.1".to_owned(),
    };
    let asked = from_world(dump, &asking);
    let question = asked.question.expect("it can be asked");
    assert!(question.layers.identity.iter().flatten().any(|p| p.name == "own" && p.text.contains("s3:*")));
    assert_eq!(question.request.context.get("aws:SourceIp"), Some(&vec!["10.0.0.1".to_owned()]));
    assert!(asked.gaps.iter().any(|gap| gap.layer == "resource"));
    assert!(decide(&question).verdict.is_some_and(|v| v.undecided));
    asking.principal = "bob".to_owned();
    assert!(!from_world(dump, &asking).problems.is_empty());
}
