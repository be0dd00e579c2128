//! IAM's simulator against `portcullis can`: the same questions over the same dump of an account, put to a server over
//! HTTP and to the command line. Their decisions, the statements that led to them with both ends in the original text,
//! the missing context keys and what each layer says must agree.
//!
//! A simulation differs from `can` by design, and the questions are put so that both mean the same: it knows identity
//! policies, the permissions boundary and service control policies, and of resource policies only the one that the
//! request carries; it knows no resource control policies, ACLs or session policies.

mod support;

#[path = "simulator/ask.rs"]
mod ask;
#[path = "simulator/parameters.rs"]
mod parameters;

use ask::{Answered, Question, Texts, deciding, is_same_place, of_api, of_command};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use support::{Server, TempDir};

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
const ROOT: (&str, &str) = ("AKIAROOTROOTROOTROOT", "root-secret");
/// Whose bucket is of another account.
const PARTNER: &str = "444455556666";

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        let _ = if b.is_ascii_alphanumeric() { write!(out, "{}", char::from(b)) } else { write!(out, "%{b:02X}") };
        out
    })
}

/// The policy of the partner's bucket, as it is written in the world's file.
fn partner_policy(who: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Shared", "Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::partner/shared/*"},
        {"Sid": "Never", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::partner/shared/secret/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]})
}

/// What a dump does not have: keys of the root user, an organization, and an account beside it.
fn surroundings(account: &str, partner: &Value) -> String {
    let scp = |statements: Value| json!({"Version": "2012-10-17", "Statement": statements});
    let all = scp(json!([{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]));
    let guard = scp(json!([
        {"Sid": "NoOrganizations", "Effect": "Allow", "NotAction": "organizations:*", "Resource": "*"},
        {"Sid": "Machines", "Effect": "Deny", "Action": "ec2:TerminateInstances", "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:PrincipalTag/job": "ops"}}},
        {"Sid": "Regions", "Effect": "Deny", "NotAction": ["iam:*", "s3:*", "organizations:*"], "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-south-2"}}},
    ]));
    let world = json!({
        "version": 1,
        "organization": {
            "id": "o-simulator1", "management_account": "999900001111",
            "root": {"scp": [all], "accounts": [PARTNER], "units": [
                {"name": "workloads", "scp": [guard], "accounts": [account]}]},
        },
        "accounts": [
            {"id": account, "root": {"access_keys": [{"id": ROOT.0, "secret": ROOT.1}]}},
            {"id": PARTNER, "buckets": [{"name": "partner", "policy": partner}]},
        ],
    });
    serde_json::to_string_pretty(&world).expect("JSON")
}

/// A dump in a server and in files.
struct Scene {
    directory: TempDir,
    server: Server,
    dump: PathBuf,
    partner: Value,
}

impl Scene {
    /// `reader` may read the partner's bucket.
    fn new(dump: &Path, account: &str, reader: &str) -> Self {
        let (directory, partner) = (TempDir::new(), partner_policy(reader));
        let world = directory.path().join("world.json");
        std::fs::write(&world, surroundings(account, &partner)).expect("written");
        let of = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (world, seed) = (of(&world), of(dump));
        let server = Server::start(&directory.path().join("data"), &["-w", &world, "-w", &seed]);
        Self { directory, server, dump: dump.to_owned(), partner }
    }

    fn own() -> Self {
        let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulator/account.json");
        Self::new(&dump, "111122223333", "arn:aws:iam::111122223333:user/staff/alice")
    }

    fn worlds(&self) -> [PathBuf; 2] {
        [self.directory.path().join("world.json"), self.dump.clone()]
    }

    fn call(&self, action: &str, parameters: &[(&str, &str)]) -> support::Answer {
        let form = parameters.iter().fold(format!("Action={action}&Version=2010-05-08"), |mut out, (name, value)| {
            let _ = write!(out, "&{name}={}", encoded(value));
            out
        });
        self.server.client(ROOT.0, ROOT.1).of("iam").send("POST", "/", &FORM, form.as_bytes())
    }

    /// The texts of all policies, as IAM has them.
    fn texts(&self) -> Texts {
        let details = self.call("GetAccountAuthorizationDetails", &[]).text();
        let documents = ["Document", "PolicyDocument"].into_iter().flat_map(|name| {
            let open = format!("<{name}>");
            let parts = details.split(&open).skip(1).map(|rest| rest.split('<').next().unwrap_or(rest));
            parts.map(decoded).collect::<Vec<_>>()
        });
        Texts(documents.collect())
    }

    /// A question; where it is about the partner's bucket, the simulation is given that bucket's policy as it stands in
    /// the world's file.
    fn question(&self, who: &str, action: &'static str, resource: &str, context: &Context) -> Question {
        let foreign = resource.starts_with("arn:aws:s3:::partner").then(|| {
            let world = std::fs::read_to_string(&self.worlds()[0]).expect("a file");
            (PARTNER.to_owned(), original(&world, &self.partner))
        });
        let (at, context) = context.clone();
        Question { who: who.to_owned(), action, resource: resource.to_owned(), at, context, foreign }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&hex, 16).expect("hexadecimal"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The text of a value as it stands in a file of JSON: from the brace before its first member to the one that closes it.
fn original(file: &str, value: &Value) -> String {
    let starts = file.match_indices('{').map(|(at, _)| &file[at..]);
    let mut parsed = starts.filter_map(|text| {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let found = stream.next()?.ok()?;
        (found == *value).then(|| text[..stream.byte_offset()].to_owned())
    });
    parsed.next_back().expect("the value stands in the file")
}

/// A time, and context keys with type and values.
type Context = (&'static str, Vec<(&'static str, &'static str, Vec<&'static str>)>);

const NOON: &str = "2026-11-22T12:00:00Z";

fn contexts() -> Vec<Context> {
    vec![
        (NOON, vec![]),
        (
            "2031-01-01T00:00:00Z",
            vec![
                ("aws:SourceIp", "ip", vec!["198.51.100.7"]),
                ("aws:MultiFactorAuthPresent", "boolean", vec!["true"]),
                ("s3:prefix", "string", vec!["alice/notes"]),
                ("aws:SecureTransport", "boolean", vec!["false"]),
            ],
        ),
        (
            NOON,
            vec![
                ("aws:SourceIp", "ip", vec!["203.0.113.9"]),
                ("aws:MultiFactorAuthPresent", "boolean", vec!["false"]),
                ("s3:x-amz-acl", "string", vec!["private"]),
                ("aws:RequestTag/team", "string", vec!["red"]),
                ("iam:PassedToService", "string", vec!["lambda.amazonaws.com"]),
                ("aws:RequestedRegion", "string", vec!["eu-south-2"]),
                ("s3:ExistingObjectTag/class", "string", vec!["secret"]),
                ("aws:TagKeys", "stringList", vec!["team", "job"]),
            ],
        ),
    ]
}

/// How many questions had each answer, and how many answers showed what.
#[derive(Debug, Default)]
struct Tally {
    questions: usize,
    decisions: BTreeMap<String, usize>,
    statements: usize,
    missing: usize,
    by_organization: [usize; 2],
    by_boundary: [usize; 2],
    between_accounts: usize,
}

impl Tally {
    fn count(&mut self, answered: &Answered) {
        self.questions += 1;
        *self.decisions.entry(answered.decision.clone()).or_default() += 1;
        self.statements += answered.matched.len();
        self.missing += answered.missing.len();
        answered.by_organization.into_iter().for_each(|allowed| self.by_organization[usize::from(allowed)] += 1);
        answered.by_boundary.into_iter().for_each(|allowed| self.by_boundary[usize::from(allowed)] += 1);
        self.between_accounts += usize::from(answered.details.as_ref().is_some_and(|d| !d.is_empty()));
    }
}

/// What the two answers to a question disagree about.
fn compare(question: &Question, xml: &str, shown: &Value, texts: &Texts, tally: &mut Tally) -> Vec<String> {
    let api = of_api(xml);
    tally.count(&api);
    let mut wrong = Vec::new();
    if shown["undecided"] == json!(true) {
        wrong.push(format!("{question:?}: `can` lacks a layer: {}", shown["gaps"]));
    }
    let without_places = Answered { matched: Vec::new(), ..api.clone() };
    let command = of_command(shown, &question.resource);
    if without_places != command {
        wrong.push(format!("{question:?}:\n  IAM {without_places:?}\n  can {command:?}"));
    }
    let mut left = deciding(shown);
    let expected = left.len();
    for matched in &api.matched {
        let is = |s: &&Value| {
            let same_name = s["policy"] == matched.policy.as_str() || matched.policy == "ResourcePolicy";
            same_name && is_same_place(matched, s, texts)
        };
        match left.iter().position(is) {
            Some(at) => {
                left.remove(at);
            }
            None => wrong.push(format!("{question:?}: only IAM matched {matched:?}")),
        }
    }
    if !left.is_empty() {
        wrong.push(format!("{question:?}: only `can` matched {} of {expected}: {}", left.len(), left[0]));
    }
    if question.resource == "*" {
        assert!(!xml.contains("<ResourceSpecificResults>"), "{question:?}");
    } else {
        let own = xml.split_once("<ResourceSpecificResults>").expect("results of the resource").1;
        let own = own.replace("EvalResourceDecision>", "EvalDecision>");
        let own = Answered { by_organization: api.by_organization, ..of_api(&own) };
        if own != api {
            wrong.push(format!("{question:?}: the resource's own result is another one: {own:?}"));
        }
    }
    wrong
}

fn agree(scene: &Scene, questions: &[Question]) -> Tally {
    let (mut tally, mut wrong, texts) = (Tally::default(), Vec::new(), scene.texts());
    let worlds = scene.worlds();
    let worlds: Vec<&Path> = worlds.iter().map(PathBuf::as_path).collect();
    for question in questions {
        let mut texts = Texts(texts.0.clone());
        texts.0.extend(question.foreign.iter().map(|(_, policy)| policy.clone()));
        let (xml, shown) = (question.of_principal(&scene.server), question.by_command(&worlds));
        wrong.extend(compare(question, &xml, &shown, &texts, &mut tally));
    }
    let shown: Vec<String> = wrong.iter().take(8).map(|w| w.chars().take(600).collect()).collect();
    assert!(wrong.is_empty(), "{} wrong in {} questions:\n{}", wrong.len(), tally.questions, shown.join("\n"));
    tally
}

#[test]
fn the_simulator_and_can_agree_over_an_account_with_boundaries_tags_and_conditions() {
    let scene = Scene::own();
    let resources = [
        ("s3:GetObject", "arn:aws:s3:::homes/alice/notes.txt"),
        ("s3:GetObject", "arn:aws:s3:::reports/2026/q3.csv"),
        ("s3:PutObject", "arn:aws:s3:::artifacts/app.tgz"),
        ("s3:DeleteObject", "arn:aws:s3:::homes/alice/notes.txt"),
        ("s3:ListBucket", "arn:aws:s3:::homes"),
        ("s3:ListAllMyBuckets", "*"),
        ("s3:GetObject", "arn:aws:s3:::partner/shared/plan.pdf"),
        ("s3:GetObject", "arn:aws:s3:::partner/shared/secret/plan.pdf"),
        ("sqs:DeleteQueue", "arn:aws:sqs:us-east-1:111122223333:jobs"),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:444455556666:jobs"),
        ("iam:GetRole", "arn:aws:iam::111122223333:role/secret-vault"),
        ("iam:DeleteUser", "arn:aws:iam::111122223333:user/bob"),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/app-web"),
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0"),
        ("ec2:DescribeInstances", "*"),
        ("organizations:DescribeOrganization", "*"),
    ];
    let of = |name: &str| format!("arn:aws:iam::111122223333:{name}");
    let everybody = ["user/staff/alice", "user/bob", "user/carol", "role/deploy", "role/audit/auditor"].map(of);
    let mut questions = Vec::new();
    for who in &everybody {
        for (action, resource) in resources {
            questions.extend(contexts().iter().map(|context| scene.question(who, action, resource, context)));
        }
    }
    let tally = agree(&scene, &questions);
    assert_eq!(tally.questions, 240);
    for decision in ["allowed", "explicitDeny", "implicitDeny"] {
        let count = tally.decisions.get(decision).copied().unwrap_or_default();
        assert!(count >= 40, "only {count} times {decision}: {tally:?}");
    }
    assert!(tally.statements >= 150 && tally.missing >= 50 && tally.between_accounts >= 20, "{tally:?}");
    assert!(tally.by_organization.iter().chain(&tally.by_boundary).all(|count| *count >= 10), "{tally:?}");
}

#[test]
fn the_simulator_and_can_agree_over_the_dump_of_a_real_account() {
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/account_authorization_details.json");
    if !dump.is_file() {
        println!("skipped the_simulator_and_can_agree_over_the_dump_of_a_real_account: ../shared/data is not here");
        return;
    }
    let biden = "arn:aws:iam::012345678901:user/biden";
    let scene = Scene::new(&dump, "012345678901", biden);
    let resources = [
        ("s3:GetObject", "arn:aws:s3:::anything/at-all"),
        ("s3:PutObjectAcl", "arn:aws:s3:::anything/at-all"),
        ("s3:DeleteObject", "arn:aws:s3:::anything/at-all"),
        ("s3:ListBucket", "arn:aws:s3:::anything"),
        ("s3:GetObject", "arn:aws:s3:::partner/shared/plan.pdf"),
        ("s3:GetObject", "arn:aws:s3:::partner/shared/secret/plan.pdf"),
        ("iam:CreateAccessKey", "arn:aws:iam::012345678901:user/obama"),
        ("iam:PassRole", "arn:aws:iam::012345678901:role/MyRole"),
        ("iam:CreateServiceLinkedRole", "arn:aws:iam::012345678901:role/aws-service-role/rds.amazonaws.com/x"),
        ("rds:DescribeDBInstances", "*"),
        ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:012345678901:function:f"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:012345678901:secret:s-abcdef"),
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:012345678901:instance/i-0123456789abcdef0"),
        ("organizations:DescribeOrganization", "*"),
    ];
    let mut contexts = contexts();
    contexts[1].1.push(("iam:AWSServiceName", "string", vec!["rds.amazonaws.com"]));
    let names = [
        "user/obama",
        "user/userwithlotsofpermissions",
        "user/biden",
        "role/MyRole",
        "role/MyOtherRole",
        "role/OverprivilegedEC2",
    ];
    let mut questions = Vec::new();
    for name in names {
        let who = format!("arn:aws:iam::012345678901:{name}");
        for (action, resource) in resources {
            questions.extend(contexts[..2].iter().map(|context| scene.question(&who, action, resource, context)));
        }
    }
    let tally = agree(&scene, &questions);
    assert_eq!(tally.questions, 168);
    for decision in ["allowed", "explicitDeny", "implicitDeny"] {
        let count = tally.decisions.get(decision).copied().unwrap_or_default();
        assert!(count >= 10, "only {count} times {decision}: {tally:?}");
    }
    assert!(tally.statements >= 60 && tally.missing >= 10 && tally.between_accounts >= 10, "{tally:?}");
}
