//! What the parameters of a simulation do, and what is refused.

use super::ask::{Question, deciding, inner, of_api, of_command};
use super::{PARTNER, Scene, contexts};
use serde_json::{Value, json};
use std::path::Path;

const ALICE: &str = "arn:aws:iam::111122223333:user/staff/alice";
const CAROL: &str = "arn:aws:iam::111122223333:user/carol";

type Parameters<'p> = &'p [(&'p str, &'p str)];

/// The decision on one question with more parameters.
fn decision(scene: &Scene, who: &str, action: &str, resource: &str, more: Parameters<'_>) -> (String, String) {
    let own = [("PolicySourceArn", who), ("ActionNames.member.1", action), ("ResourceArns.member.1", resource)];
    let all: Vec<(&str, &str)> = own.into_iter().chain(more.iter().copied()).collect();
    let answer = scene.call("SimulatePrincipalPolicy", &all);
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.element("EvalDecision"), answer.text())
}

fn allowing(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}).to_string()
}

#[test]
fn policies_are_taken_out_by_type_arn_and_name() {
    let scene = Scene::own();
    let entry = "PolicyExclusionList.member.1";
    let by_type = |kind| vec![(format!("{entry}.PolicyType"), kind)];
    let by_arn = |arn| vec![(format!("{entry}.PolicyArn"), arn)];
    let by_name = |policy, kind, name| {
        let part = |part| format!("{entry}.InlinePolicyIdentifier.{part}");
        vec![(part("PolicyName"), policy), (part("AttachmentType"), kind), (part("AttachmentName"), name)]
    };
    let homes = "arn:aws:s3:::homes/alice/a";
    let reports = "arn:aws:s3:::reports/a";
    let queue = "arn:aws:sqs:us-east-1:111122223333:jobs";
    let machine = "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0";
    let deploy = "arn:aws:iam::111122223333:role/deploy";
    let auditor = "arn:aws:iam::111122223333:role/audit/auditor";
    let table = [
        // (who, action, resource, without, then)
        (ALICE, "s3:GetObject", homes, vec![], "explicitDeny"),
        (ALICE, "s3:GetObject", homes, by_type("user-managed"), "allowed"),
        (ALICE, "s3:GetObject", homes, by_type("aws-managed"), "explicitDeny"),
        (ALICE, "s3:GetObject", homes, by_arn("arn:aws:iam::111122223333:policy/off*-onl?"), "allowed"),
        (ALICE, "s3:GetObject", homes, by_arn("arn:aws:iam::111122223333:policy/other"), "explicitDeny"),
        (CAROL, "s3:GetObject", reports, vec![], "allowed"),
        (CAROL, "s3:GetObject", reports, by_type("aws-managed"), "allowed"),
        (CAROL, "sqs:SendMessage", queue, vec![], "allowed"),
        (CAROL, "sqs:SendMessage", queue, by_type("user-managed"), "implicitDeny"),
        (CAROL, "s3:DeleteObject", reports, vec![], "explicitDeny"),
        (CAROL, "s3:DeleteObject", reports, by_name("mfa-for-deletions", "user", "car*"), "allowed"),
        (CAROL, "s3:DeleteObject", reports, by_name("mfa-for-deletions", "group", "carol"), "explicitDeny"),
        (CAROL, "s3:DeleteObject", reports, by_type("inline"), "allowed"),
        (auditor, "sqs:DeleteQueue", queue, vec![], "explicitDeny"),
        (auditor, "sqs:DeleteQueue", queue, by_type("permission-boundary"), "allowed"),
        (deploy, "ec2:TerminateInstances", machine, vec![], "explicitDeny"),
        (deploy, "ec2:TerminateInstances", machine, by_type("scp"), "allowed"),
        (deploy, "ec2:TerminateInstances", machine, by_type("rcp"), "explicitDeny"),
        (deploy, "ec2:TerminateInstances", machine, by_name("ship", "role", "deploy"), "explicitDeny"),
        (deploy, "ec2:StartInstances", machine, by_name("ship", "role", "deploy"), "implicitDeny"),
    ];
    for (who, action, resource, without, then) in table {
        let without: Vec<(&str, &str)> = without.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let (decided, text) = decision(&scene, who, action, resource, &without);
        assert_eq!(decided, then, "{who} {action} without {without:?}: {text}");
    }
    let (_, text) = decision(&scene, auditor, "sqs:SendMessage", queue, &[(&format!("{entry}.PolicyType"), "scp")]);
    assert!(!text.contains("OrganizationsDecisionDetail"), "{text}");
    assert_eq!(inner(&text, "AllowedByPermissionsBoundary"), Some("true"), "{text}");
}

#[test]
fn parameters_that_cannot_be_meant_are_refused() {
    let scene = Scene::own();
    let entry = |field: &str| format!("PolicyExclusionList.member.1.{field}");
    let (kind, arn) = (entry("PolicyType"), entry("PolicyArn"));
    let inline = |field: &str| entry(&format!("InlinePolicyIdentifier.{field}"));
    let (policy, of, name) = (inline("PolicyName"), inline("AttachmentType"), inline("AttachmentName"));
    let boundary = allowing("s3:*");
    let machine = "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0";
    let context = "ContextEntries.member.1";
    let (key, value) = (format!("{context}.ContextKeyName"), format!("{context}.ContextKeyValues.member.1"));
    let kind_of_key = format!("{context}.ContextKeyType");
    let table: [(Parameters<'_>, &str, &str); 19] = [
        (&[(&kind, "session")], "ValidationError", "enum value set"),
        (&[(&kind, "scp"), (&arn, "arn:aws:iam::aws:policy/X")], "InvalidInput", "exactly one"),
        (&[(&arn, "arn:aws:iam::aws:user/X")], "InvalidInput", "not the ARN of a managed policy"),
        (&[(&arn, "arn:aws:iam::*:policy/X")], "InvalidInput", "not the ARN of a managed policy"),
        (&[(&arn, "arn:aws:iam::aws:policy/a*b*")], "InvalidInput", "not the ARN of a managed policy"),
        (&[(&policy, "p"), (&of, "account"), (&name, "x")], "ValidationError", "[user, group, role]"),
        (&[(&policy, "p"), (&of, "user")], "ValidationError", "attachmentName"),
        (&[(&policy, "p*"), (&of, "user"), (&name, "x")], "ValidationError", "PolicyName"),
        (&[(&policy, "p"), (&of, "user"), (&name, "*a*")], "InvalidInput", "at most one"),
        (&[("ResourceHandlingOption", "EC2-Moon")], "InvalidInput", "EC2-Moon"),
        (
            &[("ResourceArns.member.1", machine), ("ResourceHandlingOption", "EC2-VPC-EBS")],
            "InvalidInput",
            "needs a resource of the type image",
        ),
        (&[("ResourceOwner", "somebody")], "InvalidInput", "ResourceOwner"),
        (&[("CallerArn", "arn:aws:sts::111122223333:assumed-role/deploy/x")], "InvalidInput", "CallerArn"),
        (&[("ResourcePolicy", "{")], "InvalidInput", "ResourcePolicy"),
        (
            &[
                ("PermissionsBoundaryPolicyInputList.member.1", &boundary),
                ("PermissionsBoundaryPolicyInputList.member.2", &boundary),
            ],
            "InvalidInput",
            "only one",
        ),
        (
            &[(&key, "aws:SourceIp"), (&value, "1.2.3.4"), (&kind_of_key, "address")],
            "ValidationError",
            "contextKeyType",
        ),
        (&[("MaxItems", "0")], "ValidationError", "maxItems"),
        (&[("Marker", "?")], "ValidationError", "Marker"),
        (&[("ActionNames.member.2", "s3:Get*")], "InvalidInput", "s3:Get*"),
    ];
    for (more, code, words) in table {
        let own = [("PolicySourceArn", ALICE), ("ActionNames.member.1", "s3:ListAllMyBuckets")];
        let all: Vec<(&str, &str)> = own.into_iter().chain(more.iter().copied()).collect();
        let answer = scene.call("SimulatePrincipalPolicy", &all);
        assert_eq!(answer.code(), code, "{more:?}: {}", answer.text());
        assert!(answer.element("Message").contains(words), "{more:?}: {}", answer.text());
    }
}

#[test]
fn somebody_else_may_call_with_the_policies_and_a_scenario_has_its_resources() {
    let scene = Scene::own();
    // Carol with alice's policies: her own name in the path, her own tags, alice's boundary.
    let own = ("CallerArn", CAROL);
    let address = [
        ("ContextEntries.member.1.ContextKeyName", "aws:SourceIp"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "198.51.100.7"),
    ];
    let as_carol = [own, address[0], address[1]];
    let of = |name: &str| format!("arn:aws:s3:::homes/{name}/a");
    assert_eq!(decision(&scene, ALICE, "s3:GetObject", &of("alice"), &address).0, "allowed");
    assert_eq!(decision(&scene, ALICE, "s3:GetObject", &of("carol"), &as_carol).0, "allowed");
    assert_eq!(decision(&scene, ALICE, "s3:GetObject", &of("alice"), &as_carol).0, "implicitDeny");
    // A group is nobody in particular, but a caller is somebody.
    let group = "arn:aws:iam::111122223333:group/readers";
    assert_eq!(decision(&scene, group, "s3:GetObject", "arn:aws:s3:::reports/a", &[]).0, "allowed");
    let kind = |what: &str| format!("arn:aws:ec2:us-east-1:111122223333:{what}/x-1");
    let needed = ["instance", "image", "security-group", "network-interface"].map(kind);
    let mut all = vec![
        ("PolicySourceArn", "arn:aws:iam::111122223333:role/deploy"),
        ("ActionNames.member.1", "ec2:RunInstances"),
        ("ResourceHandlingOption", "EC2-VPC-InstanceStore"),
    ];
    let names: Vec<String> = (1..=needed.len()).map(|n| format!("ResourceArns.member.{n}")).collect();
    all.extend(names.iter().map(String::as_str).zip(needed.iter().map(String::as_str)));
    let answer = scene.call("SimulatePrincipalPolicy", &all);
    assert_eq!(answer.text().matches("<EvalDecision>allowed<").count(), 4, "{}", answer.text());
}

#[test]
fn every_layer_tells_its_missing_keys() {
    let scene = Scene::own();
    let deploy = "arn:aws:iam::111122223333:role/deploy";
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": deploy},
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::artifacts/*",
        "Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD"}}}]})
    .to_string();
    let boundary = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]})
    .to_string();
    let more = [
        ("ResourcePolicy", policy.as_str()),
        ("PermissionsBoundaryPolicyInputList.member.1", &boundary),
        ("ResourceOwner", PARTNER),
    ];
    let (decided, text) = decision(&scene, deploy, "s3:PutObject", "arn:aws:s3:::artifacts/a", &more);
    let answered = of_api(&text);
    assert_eq!((decided.as_str(), answered.by_boundary), ("implicitDeny", Some(false)), "{text}");
    // Of the identity policy, the boundary and the resource's policy; the control policies ask nothing of S3.
    let missing: Vec<&str> = answered.missing.iter().map(String::as_str).collect();
    assert_eq!(missing, ["aws:RequestTag/team", "aws:SecureTransport", "s3:x-amz-acl", "s3:x-amz-storage-class"]);
    let details: Vec<String> =
        answered.details.expect("two accounts").iter().map(|(k, v)| format!("{k} {v}")).collect();
    assert_eq!(
        details,
        ["IAM Policy implicitDeny", "Permissions Boundary Policy implicitDeny", "Resource Policy implicitDeny"]
    );
    let machine = "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0";
    let (_, text) = decision(&scene, CAROL, "ec2:TerminateInstances", machine, &[]);
    assert_eq!(of_api(&text).missing.into_iter().collect::<Vec<_>>(), ["aws:RequestedRegion"], "{text}");
}

#[test]
fn results_come_in_pages() {
    let scene = Scene::own();
    let mut seen = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut all = vec![
            ("PolicySourceArn", CAROL),
            ("ActionNames.member.1", "s3:GetObject"),
            ("ActionNames.member.2", "s3:PutObject"),
            ("ResourceArns.member.1", "arn:aws:s3:::a/1"),
            ("ResourceArns.member.2", "arn:aws:s3:::a/2"),
            ("ResourceArns.member.3", "arn:aws:s3:::a/3"),
            ("MaxItems", "4"),
        ];
        all.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let answer = scene.call("SimulatePrincipalPolicy", &all);
        let text = answer.text();
        for result in text.split("<EvalActionName>").skip(1) {
            let resource = inner(result, "EvalResourceName").expect("a resource").to_owned();
            seen.push((result.split('<').next().unwrap_or_default().to_owned(), resource));
        }
        if answer.element("IsTruncated") == "false" {
            break;
        }
        assert_eq!(text.matches("<EvalActionName>").count(), 4);
        marker = Some(answer.element("Marker"));
    }
    let expected: Vec<(String, String)> = ["s3:GetObject", "s3:PutObject"]
        .iter()
        .flat_map(|action| (1..=3).map(move |n| ((*action).to_owned(), format!("arn:aws:s3:::a/{n}"))))
        .collect();
    assert_eq!(seen, expected);
}

/// The policies of a user in the dump, as parameters of a request: its own, its groups', its boundary, and the control
/// policies of the world.
fn policies_of(dump: &Value, world: &Value, user: &str) -> Vec<(String, String)> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let managed = |arn: &Value| {
        let policy = list(dump, "Policies").into_iter().find(|p| p["Arn"] == *arn).expect("a policy of the dump");
        let versions = list(&policy, "PolicyVersionList");
        versions.into_iter().find(|v| v["IsDefaultVersion"] == true).expect("one")["Document"].clone()
    };
    let found = |list: Vec<Value>, name: &str, is: &Value| list.into_iter().find(|e| e[name] == *is).expect("an entry");
    let user = found(list(dump, "UserDetailList"), "UserName", &json!(user));
    let groups = list(&user, "GroupList").into_iter();
    let groups = groups.map(|group| found(list(dump, "GroupDetailList"), "GroupName", &group));
    let mut documents = Vec::new();
    for (holder, inline) in
        std::iter::once((user.clone(), "UserPolicyList")).chain(groups.map(|g| (g, "GroupPolicyList")))
    {
        documents.extend(list(&holder, inline).into_iter().map(|p| p["PolicyDocument"].clone()));
        documents.extend(list(&holder, "AttachedManagedPolicies").iter().map(|p| managed(&p["PolicyArn"])));
    }
    let named = |at: usize, document: &Value| (format!("PolicyInputList.member.{}", at + 1), document.to_string());
    let mut parameters: Vec<_> = documents.iter().enumerate().map(|(at, document)| named(at, document)).collect();
    let boundary = managed(&user["PermissionsBoundary"]["PermissionsBoundaryArn"]);
    parameters.push(("PermissionsBoundaryPolicyInputList.member.1".to_owned(), boundary.to_string()));
    let root = &world["organization"]["root"];
    for (at, level) in [root, &root["units"][0]].into_iter().enumerate() {
        let name =
            format!("OrderedOrganizationPolicyInputList.member.{}.ServiceControlPolicyInputList.member.1", at + 1);
        parameters.push((name, level["scp"][0].to_string()));
    }
    parameters
}

#[test]
fn policies_given_as_texts_decide_as_those_that_are_attached() {
    let scene = Scene::own();
    let [world, dump] = scene.worlds();
    let read =
        |path: &Path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON") };
    let policies = policies_of(&read(&dump), &read(&world), "alice");
    let paths: Vec<&Path> = vec![&world, &dump];
    let mut decisions = std::collections::BTreeSet::new();
    let resources = [
        ("s3:GetObject", "arn:aws:s3:::homes/alice/notes.txt"),
        ("s3:ListBucket", "arn:aws:s3:::homes"),
        ("s3:GetObject", "arn:aws:s3:::reports/2026/q3.csv"),
        ("s3:GetObject", "arn:aws:s3:::partner/shared/plan.pdf"),
        ("sqs:DeleteQueue", "arn:aws:sqs:us-east-1:111122223333:jobs"),
        ("iam:GetRole", "arn:aws:iam::111122223333:role/x"),
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0"),
        ("organizations:DescribeOrganization", "*"),
    ];
    for (action, resource) in resources {
        for context in contexts() {
            // The keys of alice's tags and of her organization follow from who she is here, and are given there.
            let mut question: Question = scene.question(ALICE, action, resource, &context);
            let shown = question.by_command(&paths);
            question.context.push(("aws:PrincipalOrgID", "string", vec!["o-simulator1"]));
            let answered = of_api(&question.of_policies(&scene.server, &policies));
            let expected = of_command(&shown, resource);
            decisions.insert(answered.decision.clone());
            let left = (&answered.decision, &answered.missing, answered.by_organization, answered.by_boundary);
            let right = (&expected.decision, &expected.missing, expected.by_organization, expected.by_boundary);
            assert_eq!(left, right, "{question:?}");
            assert_eq!(answered.details, expected.details, "{question:?}");
            assert_eq!(answered.matched.len(), deciding(&shown).len(), "{question:?}");
        }
    }
    assert_eq!(decisions.len(), 3, "{decisions:?}");
}
